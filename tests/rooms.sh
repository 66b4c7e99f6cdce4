#!/bin/sh
# Run the tests of every room on other machines than make test does: under the
# sanitizers of gcc and clang, with 32-bit pointers, in C++, and big-endian.
# tests/rooms.sh [MACHINE] [ROOM] runs one of them, `rooms.sh asan test_uri`.
set -u
cd "$(dirname "$0")/.." || exit 2
work=build/rooms
only_machine=${1:-} only_room=${2:-}
sanitize='-g -O1 -fsanitize=address,undefined -fno-sanitize-recover=all'
passed=0 failed=0

# A line a machine: its name, its compiler, and what runs its programs.
machines() {
    cat <<END
asan gcc|gcc -std=c99 $sanitize|
asan clang|clang -std=c99 $sanitize|
m32|gcc -std=c99 -m32 -O2|
c++|g++ -std=gnu++11 -O2 -x c++|
big-endian|powerpc-linux-gnu-gcc -std=c99 -O1 -static|qemu-ppc-static
END
}

# run MACHINE COMPILER RUNNER FILE: one room on one machine.
run() {
    room=$(basename "$4" .c)
    program=$work/$(echo "$1" | tr ' +' '_x')/$room
    mkdir -p "$(dirname "$program")"
    # shellcheck disable=SC2086 # lists of words
    if $2 -I. -Itests "$4" -o "$program" >"$program.log" 2>&1 &&
        $3 "$program" >"$program.log" 2>&1; then
        passed=$((passed + 1))
        echo "ok - $room, $1: $(tail -n 1 "$program.log")"
    else
        failed=$((failed + 1))
        echo "not ok - $room, $1"
        head -n 40 "$program.log"
    fi
}

mkdir -p $work
machines >$work/machines
while IFS='|' read -r machine compiler runner; do
    case $machine in *"$only_machine"*) ;; *) continue ;; esac
    for file in tests/test_*.c; do
        case $file in *"$only_room"*) ;; *) continue ;; esac
        run "$machine" "$compiler" "$runner" "$file"
    done
done <$work/machines

echo "$passed passed, $failed failed"
[ $failed -eq 0 ] && [ $passed -gt 0 ]
