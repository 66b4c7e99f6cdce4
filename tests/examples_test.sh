#!/bin/sh
# Run the examples that are numbered and compare what they print with
# tests/data/NAME.txt, where times stand as N. BUILD names another directory
# to take them from.
set -u
cd "$(dirname "$0")/.." || exit 2
build=${BUILD:-build}
passed=0 failed=0

for source in examples/[0-9]*.c; do
    name=$(basename "$source" .c)
    got=$(timeout 10 "$build/$name" && echo "status 0")
    got=$(echo "$got" | sed 's/^ *[0-9][0-9]* ms/N ms/')
    wanted=$(cat "tests/data/$name.txt" && echo "status 0")
    if [ "$got" = "$wanted" ]; then
        passed=$((passed + 1))
        echo "ok - $name"
    else
        failed=$((failed + 1))
        printf 'not ok - %s\nwanted\n%s\ngot\n%s\n' "$name" "$wanted" "$got"
    fi
done

echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
