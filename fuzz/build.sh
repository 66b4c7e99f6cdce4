#!/bin/sh
# Build the harnesses: fuzz/build.sh [afl|libfuzzer|replay|plain] [HARNESS...]
#
#   afl        AFL++ with ASan and UBSan             build/fuzz/afl/HARNESS
#   libfuzzer  libFuzzer with ASan and UBSan         build/fuzz/libfuzzer/...
#   replay     replayer with ASan and UBSan          build/fuzz/replay/...
#   plain      replayer, no sanitizer, any compiler  build/fuzz/plain/...
#
# Without arguments: replay. Without a harness: all of them.
# COAP2_HEADER=FILE tests that header instead of coap2.h; CC is the compiler
# of replay and plain, CLANG that of libFuzzer; FUZZ_CFLAGS are added (knobs).
set -eu
cd "$(dirname "$0")/.."

way=${1:-replay}
[ $# -eq 0 ] || shift
out=${FUZZ_BUILD:-build/fuzz}/$way
clang=${CLANG:-clang}
sanitize="-fsanitize=address,undefined -fno-sanitize-recover=all"

case $way in
afl)
    compiler=afl-clang-fast
    flags="-O1 -g"
    AFL_USE_ASAN=1 AFL_USE_UBSAN=1 AFL_QUIET=1
    export AFL_USE_ASAN AFL_USE_UBSAN AFL_QUIET
    ;;
libfuzzer)
    compiler=$clang
    flags="-O1 -g -DFUZZ_LIBFUZZER -fsanitize=fuzzer $sanitize"
    ;;
replay)
    compiler=${CC:-cc}
    flags="-O1 -g $sanitize"
    ;;
plain)
    compiler=${CC:-cc}
    flags="-g"
    ;;
*)
    echo "fuzz/build.sh: afl, libfuzzer, replay or plain, not $way" >&2
    exit 2
    ;;
esac
command -v "$compiler" >/dev/null || {
    echo "fuzz/build.sh: $compiler is missing; tests/setup.sh installs it" >&2
    exit 1
}

if [ $# -eq 0 ]; then
    for file in fuzz/fuzz_*.c; do
        name=${file#fuzz/fuzz_}
        set -- "$@" "${name%.c}"
    done
fi

mkdir -p "$out"
for name; do
    # shellcheck disable=SC2086 # flags are words
    "$compiler" $flags ${FUZZ_CFLAGS:-} -I. -Ifuzz \
        ${COAP2_HEADER:+"-DCOAP2_HEADER=\"$COAP2_HEADER\""} \
        -o "$out/$name" "fuzz/fuzz_$name.c"
done
