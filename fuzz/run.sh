#!/bin/sh
# Run each harness with AFL++, ASan and UBSan:  fuzz/run.sh [HARNESS...]
#
# FUZZ_SECONDS=60   for each harness
# FUZZ_RUNS=N       about so many executions instead, with a fixed seed
# FUZZ_RESUME=1     go on where the last run stopped, instead of from the seeds
# COAP2_HEADER=FILE test that header instead of coap2.h
#
# Fails on a crash or a hang; the inputs stay in build/fuzz/out/HARNESS.
set -u
cd "$(dirname "$0")/.." || exit 2

limit="-V ${FUZZ_SECONDS:-60}"
[ -z "${FUZZ_RUNS:-}" ] || limit="-E $FUZZ_RUNS -s 1"
out=${FUZZ_BUILD:-build/fuzz}/out
bin=${FUZZ_BUILD:-build/fuzz}/afl
passed=0 failed=0

command -v afl-fuzz >/dev/null || {
    echo "not ok - afl-fuzz is missing; tests/setup.sh installs it"
    echo "0 passed, 1 failed"
    exit 1
}
if [ $# -eq 0 ]; then
    for file in fuzz/fuzz_*.c; do
        name=${file#fuzz/fuzz_}
        set -- "$@" "${name%.c}"
    done
fi

# AFL++ wants core patterns, frequencies and a terminal as it likes them.
AFL_NO_UI=1 AFL_SKIP_CPUFREQ=1 AFL_NO_AFFINITY=1
AFL_I_DONT_CARE_ABOUT_MISSING_CRASHES=1
export AFL_NO_UI AFL_SKIP_CPUFREQ AFL_NO_AFFINITY
export AFL_I_DONT_CARE_ABOUT_MISSING_CRASHES

# A figure from what AFL++ noted about a run; 0 if it never began.
stat() {
    awk -F ' *: *' -v key="$2" '$1 == key { n = $2 } END { print n + 0 }' \
        "$out/$1/default/fuzzer_stats" 2>/dev/null || echo 0
}

fuzz() {
    seeds=fuzz/corpus/$1
    mkdir -p "$out"
    if [ "${FUZZ_RESUME:-0}" = 1 ] && [ -d "$out/$1" ]; then
        seeds=-
    else
        rm -rf "${out:?}/$1"
    fi
    # shellcheck disable=SC2086 # options
    afl-fuzz -i "$seeds" -o "$out/$1" -x "fuzz/dict/$1.dict" -t 1000 \
        $limit -- "$bin/$1" >"$out/$1.log" 2>&1
}

for name; do
    if fuzz/build.sh afl "$name" && fuzz "$name"; then
        status=0
    else
        status=1
    fi
    execs=$(stat "$name" execs_done)
    crashes=$(stat "$name" saved_crashes)
    hangs=$(stat "$name" saved_hangs)
    figures="$execs executions, $(stat "$name" edges_found) of $(
        stat "$name" total_edges) edges"
    if [ $status -eq 0 ] && [ "$execs" -gt 0 ] && [ "$crashes" -eq 0 ] &&
        [ "$hangs" -eq 0 ]; then
        echo "ok - fuzz $name: $figures"
        passed=$((passed + 1))
    else
        echo "not ok - fuzz $name: $figures, $crashes crashes, $hangs hangs"
        [ "$execs" -gt 0 ] || tail -n 15 "$out/$name.log"
        ls "$out/$name"/default/crashes/id* "$out/$name"/default/hangs/id* \
            2>/dev/null
        failed=$((failed + 1))
    fi
done
echo "$passed passed, $failed failed"
[ $failed -eq 0 ]
