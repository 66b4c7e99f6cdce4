#!/bin/sh
# Run test programs and check scripts and add them up:
#
#   tests/run.sh COMMAND... [--beside COMMAND...]
#
# One after another; those behind --beside next to the others. They mostly wait,
# for a network, a clock or a simulator, and go first where both want a core.
# What each printed is kept in build/logs/, and shown if it failed or if V=1, in
# the order of the commands.
#
# Each ends with a line `N passed, N failed`; one that does not, or that exits
# with an error without a failure, counts as a failure itself.
set -u
cd "$(dirname "$0")/.." || exit 2
mkdir -p build/logs
unset MAKEFLAGS MFLAGS # a make of a script's own is no part of ours
passed=0 failed=0 lanes=''

log_of() { # COMMAND
    echo "build/logs/$(echo "$1" | tr -c 'A-Za-z0-9\n' _).log"
}

# ---- one lane --------------------------------------------------------------

# Beside the log there is a file with exit status and seconds when it has ended.
run() { # NICENESS COMMAND
    log=$(log_of "$2") begin=$(date +%s)
    # shellcheck disable=SC2086 # a command may have arguments
    nice -n "$1" $2 >"$log" 2>&1
    echo "$? $(($(date +%s) - begin))" >"$log.part"
    mv "$log.part" "$log.end"
}

# run.sh --lane LANE COMMAND... [--beside COMMAND...]: its part of them.
if [ "${1:-}" = --lane ]; then
    lane=$2 now=busy
    shift 2
    for command in "$@"; do
        case $command,$lane,$now in
        --beside,*) now=beside ;;
        *,busy,busy) run 10 "$command" ;;
        *,beside,beside) run 0 "$command" ;;
        esac
    done
    exit
fi

# ---- both ------------------------------------------------------------------

# In a session of its own, so that it can be ended with all it has started.
begin_lane() { # LANE COMMAND...
    setsid tests/run.sh --lane "$@" &
    lanes="$lanes $!"
}

# shellcheck disable=SC2317 # by a trap
end_lanes() {
    for lane in $lanes; do kill -s TERM -- "-$lane"; done 2>/dev/null
}

at_work() {
    for lane in $lanes; do kill -s 0 "$lane" && return; done 2>/dev/null
    return 1
}

# Wait for the end of a command; sets $status and $seconds.
await() { # LOG
    while [ ! -e "$1.end" ] && at_work; do sleep 0.1; done
    status=none seconds=0
    [ ! -e "$1.end" ] || read -r status seconds <"$1.end"
}

# Sets $ok and $bad from the last line of a log and the exit status.
count() {
    counts=$(awk '{ last = $0 }
        END { if (split(last, word) == 4 && last ~ / passed, [0-9]+ failed$/)
                  print word[1], word[3] }' "$1")
    ok=${counts% *} bad=${counts#* }
    if [ -z "$counts" ]; then
        ok=0 bad=1
        echo "not ok - ended without its total, exit status $2" >>"$1"
    elif [ "$2" != 0 ] && [ "$bad" -eq 0 ]; then
        bad=1
        echo "not ok - exit status $2 although nothing failed" >>"$1"
    elif [ "$2" = 0 ] && [ "$bad" -ne 0 ]; then
        echo "not ok - exit status 0 although something failed" >>"$1"
    fi
}

for command in "$@"; do
    log=$(log_of "$command")
    rm -f "$log" "$log.end"
done

trap end_lanes EXIT
trap 'exit 1' HUP INT TERM
begin_lane busy "$@"
begin_lane beside "$@"

for command in "$@"; do
    [ "$command" != --beside ] || continue
    log=$(log_of "$command")
    await "$log"
    touch "$log"
    count "$log" "$status"
    if [ "$bad" -gt 0 ] || [ "${V:-0}" = 1 ]; then cat "$log"; fi
    printf '%-32s %6d passed, %d failed, %d s\n' "$command" "$ok" "$bad" \
        "$seconds"
    passed=$((passed + ok)) failed=$((failed + bad))
done

echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ] && [ "$passed" -gt 0 ]
