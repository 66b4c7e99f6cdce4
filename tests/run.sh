#!/bin/sh
# Run test programs and check scripts and add them up:  tests/run.sh COMMAND...
# Each ends with a line `N passed, N failed`; one that does not, or that exits
# with an error without a failure, counts as a failure itself. What it printed
# is kept in build/logs/, and shown if it failed or if V=1.
set -u
cd "$(dirname "$0")/.." || exit 2
mkdir -p build/logs
passed=0 failed=0

# Sets $ok and $bad from the last line of a log and the exit status.
count() {
    counts=$(awk '{ last = $0 }
        END { if (split(last, word) == 4 && last ~ / passed, [0-9]+ failed$/)
                  print word[1], word[3] }' "$1")
    ok=${counts% *} bad=${counts#* }
    if [ -z "$counts" ]; then
        ok=0 bad=1
        echo "not ok - ended without its total, exit status $2" >>"$1"
    elif [ "$2" -ne 0 ] && [ "$bad" -eq 0 ]; then
        bad=1
        echo "not ok - exit status $2 although nothing failed" >>"$1"
    elif [ "$2" -eq 0 ] && [ "$bad" -ne 0 ]; then
        echo "not ok - exit status 0 although something failed" >>"$1"
    fi
}

for command in "$@"; do
    log=build/logs/$(echo "$command" | tr -c 'A-Za-z0-9\n' _).log
    begin=$(date +%s)
    # shellcheck disable=SC2086 # a command may have arguments
    $command >"$log" 2>&1
    count "$log" $?
    if [ "$bad" -gt 0 ] || [ "${V:-0}" = 1 ]; then cat "$log"; fi
    printf '%-32s %6d passed, %d failed, %d s\n' "$command" "$ok" "$bad" \
        $(($(date +%s) - begin))
    passed=$((passed + ok)) failed=$((failed + bad))
done

echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ] && [ "$passed" -gt 0 ]
