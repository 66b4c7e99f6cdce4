#!/bin/sh
# A short pass of each harness, in a few minutes:  fuzz/smoke.sh [HARNESS...]
#
# Replays the corpus with ASan and UBSan, and without them on the plain
# replayer; then libFuzzer and AFL++ run from the corpus, with a fixed seed and
# so many times, so that a slow machine sees what a fast one does. A harness for
# each core at a time. COAP2_HEADER=FILE tests that header instead.
#
# Of a finding it prints what is needed to see it again: the check that failed,
# its line, and the input.
set -u
cd "$(dirname "$0")/.." || exit 2

build=${FUZZ_BUILD:-build/fuzz}
log=$build/smoke
afl_runs=${SMOKE_AFL_RUNS:-3000}
passed=0 failed=0
mkdir -p "$log"

# Of libFuzzer; a program for a node is a quarter as fast as other inputs.
runs_of() { # HARNESS
    case $1 in
    server | client) echo $((${SMOKE_RUNS:-30000} / 4)) ;;
    *) echo "${SMOKE_RUNS:-30000}" ;;
    esac
}

# ---- what is shown of a finding --------------------------------------------

# The lines of a log that matter: a stack would be longer than all we print.
matter() { # LOG
    grep -a -e 'FUZZ_CHECK failed' -e 'runtime error:' -e 'ERROR: ' \
        -e 'SUMMARY: ' -e '^ *#[0-9]* .*\(coap2\.h\|fuzz_[a-z]*\.c\|node\.h\)' \
        "$1" | head -n 25
}

# An input, and what the replayer says of it.
show_input() { # HARNESS FILE
    echo "printf %s $(base64 -w 0 "$2") | base64 -d >finding"
    echo "$build/replay/$1 finding:"
    timeout 60 "$build/replay/$1" "$2" >"$log/$1.again" 2>&1
    echo "exit status $?"
    matter "$log/$1.again"
}

# The first three are enough.
inputs_of() { # HARNESS
    for file in "$log/$1.found/"* "$build/out/$1/default/crashes/id"* \
        "$build/out/$1/default/hangs/id"*; do
        [ -f "$file" ] && echo "$file"
    done | head -n 3 | while read -r file; do
        echo "$file:"
        show_input "$1" "$file"
    done
}

# Run a command; its name goes first. HARNESS TITLE COMMAND...
check() {
    harness=$1 title=$2
    shift 2
    if "$@" >"$log/$harness.log" 2>&1; then
        echo "ok - $title"
    else
        echo "not ok - $title"
        {
            matter "$log/$harness.log"
            echo '...'
            tail -n 12 "$log/$harness.log"
            inputs_of "$harness"
        } | cut -c 1-2000 | sed 's/^/    /'
        return 1
    fi
}

# ---- one harness -----------------------------------------------------------

# New inputs go to a folder of their own, so that the corpus stays as it is.
libfuzzer() {
    mkdir -p "$log/$1" "$log/$1.found"
    "$build/libfuzzer/$1" -seed=1 -runs="$(runs_of "$1")" -timeout=25 \
        -dict="fuzz/dict/$1.dict" -artifact_prefix="$log/$1.found/" \
        "$log/$1" "fuzz/corpus/$1"
}

# AFL++ is here to see that it can; so its program is the one that builds soon.
afl() {
    FUZZ_CFLAGS="-O0 ${FUZZ_CFLAGS:-}" FUZZ_RUNS=$afl_runs fuzz/run.sh "$1"
}

smoke() { # HARNESS
    rm -rf "${log:?}/$1" "$log/$1.found" "$build/out/$1"
    check "$1" "replay $1: build" fuzz/build.sh replay "$1" &&
        check "$1" "replay $1: corpus" env FUZZ_VERBOSE=1 \
            "$build/replay/$1" "fuzz/corpus/$1"
    check "$1" "plain $1: build" fuzz/build.sh plain "$1" &&
        check "$1" "plain $1: corpus" env FUZZ_VERBOSE=1 \
            "$build/plain/$1" "fuzz/corpus/$1"
    check "$1" "libfuzzer $1: build" fuzz/build.sh libfuzzer "$1" &&
        check "$1" "libfuzzer $1" libfuzzer "$1"
    check "$1" "afl $1" afl "$1"
}

if [ "${1:-}" = --job ]; then
    smoke "$2" >"$log/$2.result"
    exit 0
fi

# ---- all of them -----------------------------------------------------------

if [ $# -eq 0 ]; then
    for file in fuzz/fuzz_*.c; do
        name=${file#fuzz/fuzz_}
        set -- "$@" "${name%.c}"
    done
fi
for name; do rm -f "$log/$name.result"; done

# The longest first.
printf '%s\n' "$@" | awk '
    /^(server|client)$/ { print; next }
    { rest = rest $0 "\n" }
    END { printf "%s", rest }' | xargs -P "$(nproc)" -n 1 "$0" --job

for name; do
    [ -s "$log/$name.result" ] || echo "not ok - $name" >"$log/$name.result"
    cat "$log/$name.result"
    passed=$((passed + $(grep -c '^ok - ' "$log/$name.result")))
    failed=$((failed + $(grep -c '^not ok - ' "$log/$name.result")))
done
echo "$passed passed, $failed failed"
[ $failed -eq 0 ] && [ $passed -gt 0 ]
