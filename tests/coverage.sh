#!/bin/sh
# Which lines and branches of coap2.h the tests of the rooms reach. The gate
# only ever goes up. build/coverage/coap2.h.gcov.html shows what is missing.
set -u
cd "$(dirname "$0")/.." || exit 2
work=build/coverage
gate_lines=100 gate_branches=95
failed=0

# One room.
if [ "${1:-}" = --job ]; then
    program=$work/$(basename "$2" .c)
    gcc -std=c99 --coverage -O0 -I. -Itests "$2" -o "$program" &&
        "$program" >"$program.log" && exit 0
    echo "not ok - $2 under coverage"
    exit 1
fi

rm -rf $work
mkdir -p $work
# The longest stand last by name, and are begun first.
for file in tests/test_*.c; do echo "$file"; done | sort -r |
    xargs -P "$(nproc)" -n 1 "$0" --job >$work/jobs.log || {
    cat $work/jobs.log
    failed=$(grep -c '^not ok' $work/jobs.log)
    [ "$failed" -gt 0 ] || failed=1
}

gcovr -r . --object-directory $work --filter 'coap2\.h$' --branches \
    --json-summary $work/summary.json --html-details $work/index.html \
    --txt $work/branches.txt >/dev/null || failed=$((failed + 1))

# figure NAME: one number of gcovr's summary.
figure() { grep -o "\"$1\": [0-9.]*" $work/summary.json | tail -n 1 |
    sed 's/.* //'; }

# gate KIND LEAST: compare without floats, as covered * 100 >= least * total.
gate() {
    covered=$(figure "$1_covered") total=$(figure "$1_total")
    text="$1 $(figure "$1_percent") % ($covered of $total), at least $2 %"
    if [ "${covered:-0}" -gt 0 ] &&
        [ $((covered * 100)) -ge $(($2 * total)) ]; then
        passed=$((passed + 1))
        echo "ok - $text"
    else
        failed=$((failed + 1))
        echo "not ok - $text"
    fi
}

passed=0
gate line $gate_lines
gate branch $gate_branches
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
