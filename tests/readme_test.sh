#!/bin/sh
# Does README.md show what the programs print? The output of `make demo`, which
# examples_test.sh compares with the program, and the table of `make saving`.
set -u
cd "$(dirname "$0")/.." || exit 2
build=${BUILD:-build}
passed=0 failed=0

# same NAME WANTED GOT
same() {
    if [ -n "$2" ] && [ "$2" = "$3" ]; then
        passed=$((passed + 1))
        echo "ok - $1"
    else
        failed=$((failed + 1))
        printf 'not ok - %s\nwanted\n%s\ngot\n%s\n' "$1" "$2" "$3"
    fi
}

# between FIRST LAST: the lines of README.md between these two.
between() {
    awk -v first="$1" -v last="$2" '
        $0 == last { inside = 0 }
        inside { print }
        $0 == first { inside = 1 }' README.md
}

# shellcheck disable=SC2016 # backquotes that quote
demo=$(between '$ make demo' '```')
same 'what make demo prints' "$(cat tests/data/05_three_nodes.txt)" "$demo"
same 'what make saving prints' "$(timeout 50 "$build/tests/saving")" \
    "$(between '<!-- saving:begin -->' '<!-- saving:end -->')"

echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
