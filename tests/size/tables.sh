# The tables that tests/size.sh makes of its figures, in Markdown. To be read
# after measure.sh.
# shellcheck shell=sh disable=SC2016,SC2154

figure() {
    awk -v name="$1" '$1 == name { print $2 }' "$build/figures"
}

# row TITLE NAME [FIGURE]: a figure on all targets, and one more; not each was
# measured.
row() {
    printf '| %s |' "$1"
    for target in $targets; do
        value=$(figure "$2-$target")
        printf ' %s |' "${value:--}"
    done
    [ $# -lt 3 ] || value=$(figure "$3")
    [ $# -lt 3 ] || printf ' %s |' "${value:--}"
    echo
}

program_table() {
    echo '| bytes | ATmega328P | Cortex-M0 | RV32IMAC |'
    echo '|---|---:|---:|---:|'
    for program in $programs; do
        about=$(sed -n "s/^$program  *//p" tests/size/programs)
        row "**$program**: $about: flash" "$program-flash"
        row 'of that, the program without the library' "$program-alone"
        row 'static RAM beyond its buffers' "$program-ram"
        row 'stack, from reset to its end' "$program-stack"
    done
}

board_table() {
    echo '| on a board, in all | | flash | static RAM | RAM left |' \
        'without the network class: flash | static RAM |'
    echo '|---|---|---:|---:|---:|---:|---:|'
    while read -r name board flash ram free own_flash own_ram; do
        echo "| $name | $board | $flash | $ram | ${free:--} |" \
            "${own_flash:--} | ${own_ram:--} |"
    done <"$build/boards"
}

# with_knob NAME: which go with it.
with_knob() {
    others=$(needing "$1" | grep -vx "$1" | sed 's/.*/`&`/' |
        paste -sd , - | sed 's/,/, /g')
    [ -z "$others" ] || echo ", and with it $others"
}

knob_table() {
    echo '| bytes | ATmega | Cortex-M0 | RV32IMAC | static RAM, ATmega |'
    echo '|---|---:|---:|---:|---:|'
    row 'a node with all knobs at 1, and every function' \
        everything-flash everything-ram-avr
    for name in $knobs; do
        row "less without \`COAP2_WITH_$name\`$(with_knob "$name")" \
            "without-$name-flash" "without-$name-ram-avr"
    done
    row 'to be found, without a client: `DISCOVERY` of a server' \
        answering-flash -
    row 'conditional parameters (`c.gt` and its kin), a part of `RULES`' \
        conditions-flash -
    row 'rules alone, beside a codec with fields as text' knob-RULES -
}

cycle_row() {
    echo "| $2 | $(figure "$1-cycles-avr") |"
}

cycle_table() {
    echo '| on the ATmega328P, a private copy | cycles |'
    echo '|---|---:|'
    cycle_row P1 'parse a request of 40 bytes, and visit its 5 options'
    cycle_row B1 'build an answer of 50 bytes'
    cycle_row GET-temp 'GET of a text, from datagram to datagram'
    cycle_row GET-field 'GET of a bound variable'
    cycle_row PUT 'PUT of a bound variable'
    cycle_row find-match 'a search that asks for what it has, its answer'
    cycle_row find-miss 'a search of a group for something else: silence'
    cycle_row observe 'a GET that begins to observe two variables'
    cycle_row notify 'a change, and its notification'
    cycle_row subscribe 'the same GET with `temp > 20 and hum < 50`'
    cycle_row notify-match 'a change that the rule lets pass'
    cycle_row notify-miss 'a change that it holds back'
    cycle_row rule-compile 'that rule alone: compile'
    cycle_row rule 'evaluate'
}

# stack_rows ONLY_DEEPEST: of each room the deepest entry, or all entries.
stack_rows() {
    awk -v only_deepest="$1" '
        function print_row(text,    word, i) {
            split(text, word, " ")
            printf "| `%s` | %s |", word[1], word[2]
            for (i = 3; i <= 8; i++)
                if (i != 6) printf " %s |", word[i] == 0 ? "-" : word[i]
            print ""
        }
        !($2 in best) { order[++count] = $2 }
        !($2 in best) || $4 > most[$2] { best[$2] = $0; most[$2] = $4 }
        { line[NR] = $0 }
        $1 == "coap2_poll" && only_deepest { print_row($0) }
        END {
            for (i = 1; i <= count && only_deepest; i++)
                print_row(best[order[i]])
            for (i = 1; i <= NR && !only_deepest; i++) print_row(line[i])
        }' "$build/entries"
}

stack_table() {
    echo "| $1 | room | seen | bound | at a callback |" \
        'server: bound | at a callback |'
    echo '|---|---|---:|---:|---:|---:|---:|'
    stack_rows "$2"
}

peer_table() {
    echo '| on this machine (x86-64), without libc | flash |'
    echo '|---|---:|'
    echo "| coap2, all of it in one file, \`-Os\` |" \
        "$(figure coap2-flash-host) |"
    echo "| libcoap 4.3.1, the library as Debian builds it |" \
        "$(figure libcoap-flash-host) |"
}

tables() {
    program_table
    cat <<'EOF'

The examples on their boards. The network class is what a sketch would need
without us as well.

EOF
    board_table
    cat <<'EOF'

The knobs one by one, each at 0 against all at 1: what a whole node saves. What
is not used is dropped without them; the programs above show how far down that
goes. RAM is that of a `coap2_node` with AVR's counts of records, and of texts.

EOF
    knob_table
    cat <<'EOF'

From bytes in to bytes out, or until it is clear that nothing is sent.

EOF
    cycle_table
    cat <<'EOF'

The stack of one call on the ATmega, in bytes, with all knobs at 1: of
`coap2_poll`, and in each room of the entry with the greatest bound.
`tests/size.sh --stack` has all of them, `--stack ENTRY` the way to its bound.

*Seen* is the deepest on the simulator, which looks after every instruction; the
test's own callbacks are in it. The *bound* is added up from the code, over all
calls and whatever the library calls by a pointer, also where two of them cannot
come together; functions of yours take nothing in it. *At a callback* is what is
taken when one of yours begins: the stack must hold the greater of the bound and
of this plus what yours takes. The last two columns are for a server with rules,
fields as text and discovery, as in examples/avr.

EOF
    stack_table 'deepest entry' 1
    cat <<'EOF'

A server with two resources over UDP sockets, one of them observable, with
blocks, by coap2 and by libcoap linked statically; sections that are not used
are dropped.

EOF
    peer_table
}
