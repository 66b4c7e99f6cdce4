#!/bin/sh
# How fast: instructions per operation on this machine, cycles on the ATmega,
# and nanoseconds beside libcoap. The operations stand in tests/bench/work.h.
#
#   tests/bench.sh                 all of it, as tables
#   tests/bench.sh --check         whether the limits of tests/size/limits hold
#   tests/bench.sh --figures       lines "NAME VALUE", of the private copy
#   tests/bench.sh --instructions  lines "OPERATION WAY INSTRUCTIONS"
#   tests/bench.sh --cycles        lines "OPERATION WAY CYCLES"
#   tests/bench.sh --beside        lines "OPERATION OURS LIBCOAP RATIO", in ns
#
# The two ways to build: "own", the library in a translation unit of its own,
# and "one", a private copy (COAP2_STATIC) in the only one, as small firmware
# has it. The limits hold for the latter.
set -u
cd "$(dirname "$0")/.." || exit 1
. tests/size/targets.sh
build=build/bench
mkdir -p "$build" || exit 1

# sources WAY: what the library's part of the command line is.
sources() {
    case $1 in
    own) echo tests/bench/machine.c ;;
    one) echo -DCOAP2_IMPLEMENTATION -DCOAP2_STATIC ;;
    esac
}

# per_round: of the counts of N and 2N = 2000 rounds that callgrind dumped, the
# difference, less that of the empty operation.
per_round() {
    awk '
        /^desc: Trigger: Client Request:/ { name = $5; twice = $6 == "2N" }
        /^totals:/ && twice { print name, ($2 - once) / 1000 }
        /^totals:/ { once = $2 }' "$@" |
        awk '$1 == "empty" { empty = $2; next }
             { printf "%s %.0f\n", $1, $2 - empty }'
}

# instructions WAY
instructions() {
    need cc valgrind
    dump=$build/callgrind.$1
    rm -f "$dump"*
    # shellcheck disable=SC2046 # words
    cc -std=gnu99 -O2 -I. tests/bench/instructions.c $(sources "$1") \
        -o "$build/instructions" &&
        valgrind -q --tool=callgrind --callgrind-out-file="$dump" \
            "$build/instructions" || return 1
    per_round "$dump".[1-9] | sed "s/ / $1 /"
}

# A small server: the knobs of the size program, but with fields as text.
server='-DCOAP2_WITH_URI=0 -DCOAP2_WITH_JSON=0 -DCOAP2_WITH_CBOR=0
    -DCOAP2_WITH_CLIENT=0 -DCOAP2_WITH_LATER=0 -DCOAP2_WITH_OBSERVE=0
    -DCOAP2_WITH_BLOCKS=0'

# Rules of fields, and nothing else.
rules='-DCOAP2_WITH_SERVER=0 -DCOAP2_WITH_CLIENT=0 -DCOAP2_WITH_LINKS=0
    -DCOAP2_WITH_URI=0 -DCOAP2_WITH_JSON=0 -DCOAP2_WITH_CBOR=0
    -DCOAP2_WITH_LATER=0 -DCOAP2_WITH_OBSERVE=0 -DCOAP2_WITH_BLOCKS=0'

# A server with observers, fields as text, and what it is found by; the same
# with rules in the place of discovery, since both would not fit.
observed='-DCOAP2_WITH_CLIENT=0 -DCOAP2_WITH_URI=0 -DCOAP2_WITH_LINKS=0
    -DCOAP2_WITH_JSON=0 -DCOAP2_WITH_CBOR=0 -DCOAP2_WITH_BLOCKS=0
    -DCOAP2_WITH_LATER=0'

# run_cycles WAY OPTION ... SOURCE: what it says, without what marks cost.
run_cycles() {
    way=$1
    shift
    # shellcheck disable=SC2046 # words
    least avr "$build/cycles.elf" "$@" $(sources "$way") &&
        simulate "$build/cycles.elf" >"$build/cycles.$way" || return 1
    awk -v way="$way" -F '[ =]' '
        $1 == "empty" { empty = $3; next }
        $2 == "cycles" { print $1, way, $3 - empty }' "$build/cycles.$way"
}

# cycles WAY; what subscribers do is for the private copy alone: the other does
# not fit into the ATmega328P.
cycles() {
    # shellcheck disable=SC2086 # words
    run_cycles "$1" tests/bench/cycles.c &&
        run_cycles "$1" $server tests/bench/server.c &&
        run_cycles "$1" $rules tests/bench/rules.c &&
        run_cycles "$1" $observed -DCOAP2_WITH_RULES=0 tests/bench/node.c ||
        return 1
    # shellcheck disable=SC2086 # words
    [ "$1" = own ] ||
        run_cycles "$1" $observed -DCOAP2_WITH_DISCOVERY=0 tests/bench/node.c
}

both() {
    "$1" own && "$1" one
}

beside() {
    need cc
    cc -std=gnu99 -O2 -I. tests/bench/beside.c tests/bench/machine.c \
        -o "$build/beside" -lcoap-3-notls && "$build/beside"
}

figures() {
    instructions one >"$build/instructions.txt" &&
        cycles one >"$build/cycles.txt" || return 1
    sed 's/ one / /; s/ /-instructions /' "$build/instructions.txt"
    sed 's/ one / /; s/ /-cycles-avr /' "$build/cycles.txt"
}

# all_counts: both counts, as "NAME WAY VALUE".
all_counts() {
    both instructions >"$build/instructions.txt" &&
        both cycles >"$build/cycles.txt" || return 1
    sed 's/ /-instructions /' "$build/instructions.txt"
    sed 's/ /-cycles-avr /' "$build/cycles.txt"
}

tables() {
    all_counts >"$build/counts.txt" || return 1
    beside >"$build/beside.txt" || return 1
    awk '
        { value[$1, $2] = $3 }
        function row(title, name,    own) {
            own = value[name, "own"]
            printf "| %s | %s | %d |\n", title, own == "" ? "-" : own,
                   value[name, "one"]
        }
        END {
            print "| | library in its own file | private copy |"
            print "|---|---:|---:|"
            row("P1, parse and walk: instructions", "P1-instructions")
            row("B1, build: instructions", "B1-instructions")
            row("P1 on the ATmega: cycles", "P1-cycles-avr")
            row("B1 on the ATmega: cycles", "B1-cycles-avr")
            row("GET temp, the whole server: cycles", "GET-temp-cycles-avr")
            row("GET of a bound field: cycles", "GET-field-cycles-avr")
            row("PUT of a bound field: cycles", "PUT-cycles-avr")
            row("a search, its answer: cycles", "find-match-cycles-avr")
            row("a search, silence: cycles", "find-miss-cycles-avr")
            row("a notification: cycles", "notify-cycles-avr")
            row("one that a rule lets pass: cycles", "notify-match-cycles-avr")
            row("one that it holds back: cycles", "notify-miss-cycles-avr")
            row("a rule of two tests: cycles", "rule-cycles-avr")
            row("to compile it: cycles", "rule-compile-cycles-avr")
        }' "$build/counts.txt"
    echo
    echo '| | coap2 | libcoap | ratio |'
    echo '|---|---:|---:|---:|'
    awk '{ printf "| %s: ns | %s | %s | %s |\n", $1, $2, $3, $4 }' \
        "$build/beside.txt"
}

check() {
    if figures >"$build/figures"; then
        while read -r name value; do
            [ -z "$(limit "$name")" ] || keeps "$name" "$value"
        done <"$build/figures"
    else
        not_ok 'the operations can be measured'
    fi
    verdict
}

case ${1-} in
'') tables ;;
--check) check ;;
--figures) figures ;;
--instructions) both instructions ;;
--cycles) both cycles ;;
--beside) beside ;;
*) sed -n '2,/^set/s/^# *//p' "$0" >&2 && exit 2 ;;
esac
