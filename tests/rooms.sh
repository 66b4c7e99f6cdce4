#!/bin/sh
# Run the tests of every room on other machines than make test does: under the
# sanitizers of gcc and clang, with 32-bit pointers, in C++, and big-endian; a
# job for each core at a time. The worlds make fewer runs than there, as each
# machine says. `rooms.sh [MACHINE] [ROOM]` runs one of them: rooms.sh asan
# test_uri.
#
# Nearly all of the time is the compilers'. With COAP2_STATIC they leave out
# what a test does not call; make test has the functions public. gcc optimises,
# and clang does not: it is faster so, and sees every access.
set -u
cd "$(dirname "$0")/.." || exit 2
work=build/rooms
jobs=$work/jobs
only_machine=${1:-} only_room=${2:-}
sanitize='-g -fsanitize=address,undefined -fno-sanitize-recover=all'

# A line a machine: its name, the runs of a world on it, its compiler, and what
# runs its programs.
machines() {
    cat <<END
asan gcc|2000|gcc -std=c99 -O1 $sanitize|
asan clang|2000|clang -std=c99 -O0 $sanitize|
m32|3000|gcc -std=c99 -m32 -O2|
c++|3000|g++ -std=gnu++11 -O2 -x c++|
big-endian|500|powerpc-linux-gnu-gcc -std=c99 -O1 -static|qemu-ppc-static
END
}

# run MACHINE RUNS COMPILER RUNNER FILE: one room on one machine.
run() {
    room=$(basename "$5" .c)
    program=$work/$(echo "$1" | tr ' +' '_x')/$room
    name="$room, $1"
    case $room in *world*) name="$name, $2 runs" ;; esac
    begin=$(date +%s)
    mkdir -p "$(dirname "$program")"
    # shellcheck disable=SC2086 # lists of words
    if $3 -DCOAP2_STATIC= -I. -Itests "$5" -o "$program" >"$program.log" 2>&1 &&
        WORLD_RUNS=$2 $4 "$program" >"$program.log" 2>&1; then
        echo "ok - $name: $(tail -n 1 "$program.log"), $((
            $(date +%s) - begin)) s"
    else
        echo "not ok - $name"
        head -n 40 "$program.log"
    fi
}

if [ "${1:-}" = --job ]; then
    IFS='|' read -r machine runs compiler runner file <<END
$(sed -n "$2p" $jobs)
END
    run "$machine" "$runs" "$compiler" "$runner" "$file" >$work/"$2".result
    exit 0
fi

rm -rf $work
mkdir -p $work
machines | while read -r machine; do
    case ${machine%%|*} in *"$only_machine"*) ;; *) continue ;; esac
    for file in tests/test_*.c; do
        case $file in *"$only_room"*) ;; *) continue ;; esac
        echo "$machine|$file"
    done
done >$jobs

count=$(wc -l <$jobs) failed=0
# The longest jobs stand last by name, and are begun first.
seq "$count" | sort -rn | xargs -P "$(nproc)" -n 1 "$0" --job
for i in $(seq "$count"); do
    cat $work/"$i".result
    grep -q '^not ok' $work/"$i".result && failed=$((failed + 1))
done

echo "$((count - failed)) passed, $failed failed"
[ $failed -eq 0 ] && [ "$count" -gt 0 ]
