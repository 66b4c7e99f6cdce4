#!/bin/sh
# How small: flash, static RAM and worst stack of fixed programs on small
# machines, of each knob, and of the examples; cycles. Sizes are text + data
# beyond an empty main of the same target.
#
#   tests/size.sh            the tables, in Markdown
#   tests/size.sh --update   writes them into README.md, between its marks, the
#                            knobs' sizes into the cover of coap2.h, and lower
#                            limits into tests/size/limits
#   tests/size.sh --check    whether README.md and the cover of coap2.h say the
#                            same, and the limits of tests/size/limits hold
#   tests/size.sh --quick    the figures that have a limit, but for the stack
#   tests/size.sh --stack [ENTRY]  stack of every public entry on the ATmega, or
#                            the way to the bound of one
#   tests/size.sh --rooms    code of each room of coap2.h on the ATmega
#   tests/size.sh --symbols [PROGRAM]  its largest functions on the ATmega
#   tests/size.sh --unit UNIT ...  one part of the figures; measure.sh has them
set -u
cd "$(dirname "$0")/.." || exit 1
. tests/size/targets.sh
. tests/size/measure.sh
. tests/size/tables.sh
mkdir -p "$build" || exit 1

# measured: all figures, kept in a file.
measured() {
    figures >"$build/figures" && return
    not_ok 'not all programs can be built and run'
    verdict
    exit 1
}

symbols() {
    least avr "$build/$1.avr" "tests/size/$1.c" &&
        avr-nm --size-sort --reverse-sort --print-size --radix=d \
            "$build/$1.avr" | awk '$3 ~ /[tT]/ { print $2 + 0, $4 }'
}

quick_figures() {
    for target in avr m0; do
        least $target "$build/empty.$target" tests/size/empty.c
        for program in codec server client; do
            unit_program "$program" "$target" | grep flash | sed 's/ / - /'
        done
    done
    tests/bench.sh --cycles | sed 's/ /-cycles-avr /'
    tests/bench.sh --instructions | sed 's/ /-instructions /'
}

quick() {
    quick_figures | while read -r name way value; do
        most=$(limit "$name")
        printf '%-22s %-4s %5d of %s\n' "$name" "$way" "$value" "${most:--}"
    done
}

# stack [ENTRY]
stack() {
    simulator && unit everything avr && unit stacks || exit 1
    if [ $# -eq 0 ]; then
        stack_table 'entry on the ATmega' ''
        return
    fi
    for program in stack_node stack_rules stack; do
        bounds "$build/$program.avr.listing" -v way="$1" | grep . && return
    done
}

rooms() {
    unit everything avr && unit rooms &&
        sort -k 2 -n -r "$build/rooms"
}

# ---- README.md and the cover of coap2.h -------------------------------------

begin='<!-- size:begin -->'
end='<!-- size:end -->'

readme_tables() {
    sed -n "/^$begin\$/,/^$end\$/p" README.md | sed '1d;$d'
}

has_marks() {
    grep -qx "$begin" README.md && grep -qx "$end" README.md
}

# put_back FILE: what was made of it takes its place.
put_back() {
    cat "$build/made" >"$1"
}

update_readme() {
    tables >"$build/tables.md"
    awk -v begin="$begin" -v end="$end" \
        -v tables="$build/tables.md" '
        $0 == end { inside = 0 }
        !inside { print }
        $0 == begin {
            inside = 1
            while ((getline line < tables) > 0) print line
        }' README.md >"$build/made" && put_back README.md
}

# The cover gives what a knob itself costs in KB of 1,000 bytes, to the nearest
# half: "NAME TARGET SAID IS" of each that it gives.
cover_sizes() {
    awk '
        FILENAME == ARGV[1] { value[$1] = $2; next }
        /^   CONTENTS/ { exit }
        match($0, /COAP2_WITH_[A-Z]+/) {
            knob = substr($0, RSTART + 11, RLENGTH - 11)
        }
        match($0, /\((AVR|M0): [0-9.]+ KB\)/) {
            split(substr($0, RSTART + 1, RLENGTH - 2), said, "[: ]+")
            target = tolower(said[1])
            bytes = value["itself-" knob "-flash-" target]
            if (bytes == "") bytes = value["without-" knob "-flash-" target]
            print knob, said[1], said[2], int(bytes / 500 + 0.5) / 2
        }' "$build/figures" coap2.h
}

update_cover() {
    cover_sizes >"$build/cover"
    awk -v sizes="$build/cover" '
        BEGIN { while ((getline line < sizes) > 0) {
                    split(line, word, " ")
                    is[word[1]] = word[4]
                } }
        match($0, /COAP2_WITH_[A-Z]+/) && !done {
            knob = substr($0, RSTART + 11, RLENGTH - 11)
        }
        /^   CONTENTS/ { done = 1 }
        !done && knob in is { sub(/: [0-9.]+ KB\)/, ": " is[knob] " KB)") }
        { print }' coap2.h >"$build/made" && put_back coap2.h
}

# A limit that aims at less comes down to what there is, in steps of 50, or of
# 10 below 1,000; "-" has been waiting for a first figure. None goes up.
update_limits() {
    awk -v figures="$build/figures" '
        BEGIN { while ((getline line < figures) > 0) {
                    split(line, word, " ")
                    value[word[1]] = word[2]
                } }
        /^#/ || !($1 in value) || (!/, for [0-9]+$/ && $2 != "-") {
            print
            next
        }
        {
            aim = /, for / ? $NF : 0
            step = value[$1] < 1000 ? 10 : 50
            most = int((value[$1] + step - 1) / step) * step
            if (most < aim) most = aim
            if ($2 != "-" && most >= $2) most = $2
            unit = $3
            sub(/,$/, "", unit)
            if (aim && most > aim) unit = unit ", for " aim
            printf "%-24s %6d  %s\n", $1, most, unit
        }' tests/size/limits >"$build/made" && put_back tests/size/limits
}

update() {
    if ! has_marks; then
        echo "README.md needs the lines $begin and $end" >&2
        exit 1
    fi
    measured
    more_figures
    update_readme && update_cover && update_limits || exit 1
    touch "$build"/unit.* # no figure is another for that
}

check_readme() {
    if [ ! -f README.md ]; then
        not_ok 'README.md: there is none'
    elif ! has_marks; then
        not_ok "README.md: no lines $begin and $end"
    elif tables >"$build/tables.md" &&
        readme_tables | diff - "$build/tables.md"; then
        ok 'README.md has the sizes of today'
    else
        not_ok 'README.md has other sizes: tests/size.sh --update'
    fi
}

check_cover() {
    cover_sizes >"$build/cover"
    while read -r name target said is; do
        if [ "$said" = "$is" ]; then
            ok "the cover's size of COAP2_WITH_$name on $target"
        else
            not_ok "the cover says $said KB of COAP2_WITH_$name, is $is"
        fi
    done <"$build/cover"
}

# ---- what must hold ---------------------------------------------------------

# more_figures: those with a limit that are the greatest of several.
more_figures() {
    for program in $programs; do
        for target in $targets; do
            echo "$program-ram $(figure "$program-ram-$target")"
        done | sort -n -k 2 | tail -n 1
    done >"$build/more" && cat "$build/more" >>"$build/figures"
}

check_limits() {
    awk '!/^#/ { print $1 }' tests/size/limits >"$build/limits"
    while read -r name; do
        keeps "$name" "$(figure "$name")"
    done <"$build/limits"
}

# public_entries: what the manual declares; names as text are not for the AVR.
public_entries() {
    sed '/@names: /,$d' coap2.h | grep '^COAP2_DEF' |
        grep -o 'coap2_[a-z0-9_]*(' | tr -d '('
}

# none TEXT: what stands in the file `wrong` is wrong.
none() {
    if [ -s "$build/wrong" ]; then
        cat "$build/wrong"
        not_ok "$1"
    else
        ok "$1"
    fi
}

check_entries() {
    public_entries >"$build/public"
    while read -r entry; do
        if grep -q "^$entry " "$build/entries"; then
            ok "stack of $entry"
        else
            not_ok "tests/size/stack.c does not call $entry"
        fi
    done <"$build/public"
    awk '$4 < 0 || $6 < 0' "$build/entries" >"$build/wrong"
    none 'each entry has a bound'
    awk '$3 > $6' "$build/entries" >"$build/wrong"
    none 'no entry takes more stack than its bound'
    cat "$build/pointed.unknown" >"$build/wrong"
    none 'tests/size/upcalls has what the library calls by a pointer'
}

check() {
    measured
    more_figures
    check_limits
    check_entries
    check_cover
    check_readme
    verdict
}

case ${1-} in
'') measured && tables ;;
--update) update ;;
--check) check ;;
--quick) quick ;;
--stack) shift && stack "$@" ;;
--rooms) rooms ;;
--symbols) symbols "${2-codec}" ;;
--unit) shift && unit "$@" ;;
*) sed -n '2,/^set/s/^# *//p' "$0" >&2 && exit 2 ;;
esac
