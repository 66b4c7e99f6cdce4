#!/bin/sh
# How small: flash, static RAM and worst stack of fixed programs on small
# machines. Sizes are text + data beyond an empty main of the same target.
#
#   tests/size.sh            the tables, in Markdown
#   tests/size.sh --update   writes them into README.md, between its marks
#   tests/size.sh --check    whether README.md and the cover of coap2.h say the
#                            same, and the limits of tests/size/limits hold
#   tests/size.sh --quick    the figures that have a limit, but for the stack
#   tests/size.sh --stack    stack of every public entry on the ATmega
#   tests/size.sh --symbols [PROGRAM]  its largest functions on the ATmega
set -u
cd "$(dirname "$0")/.." || exit 1
. tests/size/targets.sh
build=build/size
mkdir -p "$build" || exit 1

programs=$(awk '!/^#/ { print $1 }' tests/size/programs)
knobs='URI LINKS FIELDS RULES JSON CBOR SERVER CLIENT LATER ECHO OBSERVE BLOCKS
    DISCOVERY DIRECTORY SLIP'

# ---- measuring: all figures are lines "NAME VALUE" --------------------------

# beyond TARGET PROGRAM LESS: flash and RAM of a program less another.
beyond() {
    # shellcheck disable=SC2046 # four numbers
    set -- $(sections "$1" "$2") $(sections "$1" "$3")
    echo "$(($1 - $3)) $(($2 - $4))"
}

# measure PROGRAM TARGET: its flash, and that of its harness alone. Static RAM
# is what the library adds to the harness and its buffers.
measure() {
    least "$2" "$build/empty.$2" tests/size/empty.c &&
        least "$2" "$build/$1-alone.$2" -DHARNESS_ALONE "tests/size/$1.c" &&
        least "$2" "$build/$1.$2" "tests/size/$1.c" || return 1
    beyond "$2" "$build/$1.$2" "$build/empty.$2" |
        sed "s/\(.*\) .*/$1-flash-$2 \1/"
    beyond "$2" "$build/$1-alone.$2" "$build/empty.$2" |
        sed "s/\(.*\) .*/$1-alone-$2 \1/"
    beyond "$2" "$build/$1.$2" "$build/$1-alone.$2" |
        sed "s/.* \(.*\)/$1-ram-$2 \1/"
}

# run_program PROGRAM: its stack on the ATmega, from reset to its end.
run_program() {
    least avr "$build/$1-sample.avr" -DSAMPLE "tests/size/$1.c" &&
        simulate --stack "$build/$1-sample.avr" |
        sed -n "s/^stack=/$1-stack-avr /p"
}

# without NAME ...: the option that sets each COAP2_WITH_NAME to 0.
without() {
    printf -- '-DCOAP2_WITH_%s=0 ' "$@"
}

# knob NAME TARGET: what COAP2_WITH_NAME adds: to a whole codec, JSON and CBOR
# each to fields as text; the server to a codec, and the client to both of
# them; later answers, Echo, observers and blocks to all.
knob() {
    case $1 in
    SERVER) others=$(without CLIENT LATER OBSERVE BLOCKS JSON CBOR STRINGS) ;;
    CLIENT) others=$(without LATER ECHO OBSERVE BLOCKS JSON CBOR STRINGS) ;;
    LATER) others=$(without ECHO OBSERVE BLOCKS JSON CBOR STRINGS) ;;
    ECHO) others=$(without LATER OBSERVE BLOCKS JSON CBOR STRINGS) ;;
    OBSERVE | BLOCKS)
        others=$(without URI LINKS FIELDS LATER ECHO JSON CBOR STRINGS)
        [ "$1" = BLOCKS ] || others="$others $(without BLOCKS)"
        [ "$1" = OBSERVE ] || others="$others $(without OBSERVE)"
        ;;
    SLIP)
        others=$(without URI LINKS FIELDS LATER ECHO JSON CBOR STRINGS)
        others="$others $(without OBSERVE BLOCKS)"
        ;;
    DISCOVERY | DIRECTORY)
        others=$(without LATER ECHO OBSERVE BLOCKS JSON CBOR STRINGS)
        ;;
    JSON) others=$(without SERVER CLIENT CBOR STRINGS) ;;
    CBOR) others=$(without SERVER CLIENT JSON STRINGS) ;;
    STRINGS) others=$(without SERVER CLIENT JSON CBOR) ;;
    *) others=$(without SERVER CLIENT JSON CBOR STRINGS) ;;
    esac
    [ "$1" = RULES ] || others="$others $(without RULES)"
    [ "$1" = DISCOVERY ] || others="$others $(without DISCOVERY)"
    [ "$1" = SLIP ] || others="$others $(without SLIP)"
    for value in 0 1; do
        # shellcheck disable=SC2086 # words
        (
            compiler_avr='avr-gcc -mmcu=atmega1284p' # it holds all of it
            whole "$2" "$build/knob$value.$2" -Wl,--no-gc-sections $others \
                "-DCOAP2_WITH_$1=$value" tests/size/empty.c \
                tests/bench/machine.c
        ) || return 1
    done
    beyond "$2" "$build/knob1.$2" "$build/knob0.$2" |
        sed "s/\(.*\) .*/knob-$1-$2 \1/"
}

# entries_of PROGRAM OPTION ...: what was seen of the entries that it calls,
# and what their code gives. All entries together need the ATmega with the
# largest flash whose return addresses still have two bytes.
entries_of() {
    output=$build/$1.avr
    program=tests/size/$1.c
    shift
    (
        compiler_avr='avr-gcc -mmcu=atmega1284p'
        least avr "$output" "$@" "$program" tests/bench/machine.c
    ) || return 1
    if ! simulate --mcu atmega1284p "$output" >"$output.seen"; then
        echo "$program ended in: $(tail -n 1 "$output.seen")" >&2
        return 1
    fi
    avr-objdump -d "$output" | awk -f tests/size/bound.awk >"$output.bound"
}

# entries: every public entry, "ENTRY ROOM SEEN BOUND": the deepest stack that
# was seen on the inputs of stack.c, and the bound that its code gives.
entries() {
    # shellcheck disable=SC2046 # words
    entries_of stack_node $(without JSON CBOR) -DCOAP2_WITH_DIRECTORY=1 &&
        entries_of stack_rules $(without SERVER CLIENT) &&
        entries_of stack $(without SERVER CLIENT RULES) || return 1
    for kind in seen bound; do
        cat "$build/stack_node.avr.$kind" "$build/stack_rules.avr.$kind" \
            "$build/stack.avr.$kind" >"$build/stack.$kind"
    done
    awk -F '[ =]' '
        FILENAME != ARGV[1] { bound[$1] = $2; next }
        $3 != "cycles" { next }
        !($2 in room) { room[$2] = $1; order[++count] = $2 }
        $6 > seen[$2] { seen[$2] = $6 }
        END {
            for (i = 1; i <= count; i++) {
                name = order[i]
                print name, room[name], seen[name], bound[name]
            }
        }' "$build/stack.seen" "$build/stack.bound"
}

# worst_entry: the deepest of the codec, by its bound.
worst_entry() {
    entries >"$build/entries" || return 1
    awk '$2 == "codec" { depth = $4 < $3 ? $3 : $4
                         if (depth > most) most = depth }
         END { print "entry-stack-avr", most }' "$build/entries"
}

figures() {
    for program in $programs; do
        for target in $targets; do
            measure "$program" "$target" || return 1
        done
        run_program "$program" || return 1
    done
    for target in $targets; do
        for name in $knobs; do
            knob "$name" "$target" || return 1
        done
        # On AVR its texts are more than the RAM: the knob is 0 there.
        [ "$target" = avr ] || knob STRINGS "$target" || return 1
    done
    worst_entry
}

# measured: all of them, kept in a file.
measured() {
    figures >"$build/figures" && return
    not_ok 'not all programs can be built and run'
    verdict
    exit 1
}

figure() {
    awk -v name="$1" '$1 == name { print $2 }' "$build/figures"
}

# ---- the tables -------------------------------------------------------------

# row TITLE NAME: a figure on all targets; not each is measured on each.
row() {
    printf '| %s |' "$1"
    for target in $targets; do
        value=$(figure "$2-$target")
        printf ' %s |' "${value:--}"
    done
    echo
}

tables() {
    echo '| bytes | ATmega328P | Cortex-M0 | RV32IMAC |'
    echo '|---|---:|---:|---:|'
    for program in $programs; do
        about=$(sed -n "s/^$program  *//p" tests/size/programs)
        row "**$program**: $about: flash" "$program-flash"
        row 'of that, the program without the library' "$program-alone"
        row 'static RAM beyond its buffers' "$program-ram"
        row 'stack, from reset to its end' "$program-stack"
    done
    row 'the deepest codec entry: stack of one call' entry-stack
    for name in $knobs STRINGS; do
        row "all that \`COAP2_WITH_$name\` brings: flash" "knob-$name"
    done
}

stack_table() {
    entries >"$build/entries" || exit 1
    echo '| entry on the ATmega | room | stack seen | bound of its code |'
    echo '|---|---|---:|---:|'
    awk '{ printf "| `%s` | %s | %d | %d |\n", $1, $2, $3, $4 }' \
        "$build/entries"
}

symbols() {
    least avr "$build/$1.avr" "tests/size/$1.c" &&
        avr-nm --size-sort --reverse-sort --print-size --radix=d \
            "$build/$1.avr" | awk '$3 ~ /[tT]/ { print $2 + 0, $4 }'
}

quick() {
    {
        for target in avr m0; do
            for program in codec server client; do
                measure $program $target | grep flash | sed 's/ / - /'
            done
        done
        tests/bench.sh --cycles | sed 's/ /-cycles-avr /'
        tests/bench.sh --instructions | sed 's/ /-instructions /'
    } | while read -r name way value; do
        most=$(limit "$name")
        printf '%-20s %-4s %5d of %s\n' "$name" "$way" "$value" "${most:--}"
    done
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

update() {
    if ! has_marks; then
        echo "README.md needs the lines $begin and $end" >&2
        exit 1
    fi
    measured
    tables >"$build/tables.md"
    awk -v begin="$begin" -v end="$end" -v tables="$build/tables.md" '
        $0 == end { inside = 0 }
        !inside { print }
        $0 == begin {
            inside = 1
            while ((getline line < tables) > 0) print line
        }' README.md >"$build/README.md" && cat "$build/README.md" >README.md
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

# The cover gives a knob's cost in KB of 1,000 bytes, to the nearest half.
check_cover() {
    for name in $knobs; do
        said=$(sed -n "s/.*COAP2_WITH_$name .*(AVR: \([0-9.]*\) KB).*/\1/p" \
            coap2.h)
        is=$(figure "knob-$name-avr" | awk '{ print int($1 / 500 + 0.5) / 2 }')
        if [ "$said" = "$is" ]; then
            ok "the cover's size of COAP2_WITH_$name"
        else
            not_ok "the cover says ${said:-no} KB of COAP2_WITH_$name, is $is"
        fi
    done
}

# ---- what must hold ---------------------------------------------------------

check_limits() {
    if ! tests/bench.sh --figures >>"$build/figures"; then
        not_ok 'tests/bench.sh cannot measure'
    fi
    for program in $programs; do
        for target in $targets; do
            echo "$program-ram $(figure "$program-ram-$target")"
        done | sort -n -k 2 | tail -n 1 >>"$build/figures"
    done
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

check_entries() {
    public_entries >"$build/public"
    while read -r entry; do
        if grep -q "^$entry " "$build/entries"; then
            ok "stack of $entry"
        else
            not_ok "tests/size/stack.c does not call $entry"
        fi
    done <"$build/public"
    # An entry that calls the application has no bound: -1.
    if awk '$4 >= 0 && $3 > $4 { print; wrong = 1 } END { exit wrong }' \
        "$build/entries"
    then
        ok 'no entry takes more stack than its bound'
    else
        not_ok 'an entry takes more stack than its bound'
    fi
}

check() {
    measured
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
--stack) stack_table ;;
--symbols) symbols "${2-codec}" ;;
*) sed -n '2,/^set/s/^# *//p' "$0" >&2 && exit 2 ;;
esac
