#!/bin/sh
# A short pass of each harness, in a few minutes:  fuzz/smoke.sh
#
# Replays the corpus with ASan and UBSan, and without them on the plain
# replayer; then lets libFuzzer run from the corpus with a fixed seed, and
# AFL++ for a few seconds. COAP2_HEADER=FILE tests that header instead.
set -u
cd "$(dirname "$0")/.." || exit 2

runs=${SMOKE_RUNS:-30000}     # of libFuzzer, at most
seconds=${SMOKE_SECONDS:-5}   # of libFuzzer and of AFL++, each
build=${FUZZ_BUILD:-build/fuzz}
log=$build/smoke
passed=0 failed=0
mkdir -p "$log"

# Run a command; its name goes first. What it printed is shown if it failed.
check() {
    title=$1
    shift
    if "$@" >"$log/last" 2>&1; then
        echo "ok - $title"
        passed=$((passed + 1))
    else
        echo "not ok - $title"
        tail -n 25 "$log/last" | sed 's/^/    /'
        failed=$((failed + 1))
        return 1
    fi
}

# New inputs go to a folder of their own, so that the corpus stays as it is.
libfuzzer() {
    rm -rf "${log:?}/$1"
    mkdir -p "$log/$1"
    "$build/libfuzzer/$1" -seed=1 -runs="$runs" -max_total_time="$seconds" \
        -timeout=5 -dict="fuzz/dict/$1.dict" -artifact_prefix="$log/$1-" \
        "$log/$1" "fuzz/corpus/$1"
}

for file in fuzz/fuzz_*.c; do
    name=${file#fuzz/fuzz_}
    name=${name%.c}
    check "replay $name: build" fuzz/build.sh replay "$name" &&
        check "replay $name: corpus" "$build/replay/$name" "fuzz/corpus/$name"
    check "plain $name: build" fuzz/build.sh plain "$name" &&
        check "plain $name: corpus" "$build/plain/$name" "fuzz/corpus/$name"
    check "libfuzzer $name: build" fuzz/build.sh libfuzzer "$name" &&
        check "libfuzzer $name" libfuzzer "$name"
    check "afl $name" env FUZZ_SECONDS="$seconds" fuzz/run.sh "$name"
done
echo "$passed passed, $failed failed"
[ $failed -eq 0 ]
