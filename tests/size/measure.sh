# What tests/size.sh measures, in units that stand alone, so that two can run
# at a time. Each prints lines "NAME VALUE". To be read where the root of the
# project is, after targets.sh.
# shellcheck shell=sh disable=SC2154

build=build/size
programs=$(awk '!/^#/ { print $1 }' tests/size/programs)
knobs=$(sed -n 's/^#ifndef COAP2_WITH_\([A-Z]*\).*/\1/p' coap2.h)

# What a server does not need that has rules, and fields as text.
not_of_server='CLIENT ECHO URI LINKS JSON CBOR BLOCKS LATER
    DIRECTORY STRINGS LOG'
debug= # -g

# beyond TARGET PROGRAM LESS: flash and RAM of a program less another.
beyond() {
    # shellcheck disable=SC2046 # four numbers
    set -- $(sections "$1" "$2") $(sections "$1" "$3")
    echo "$(($1 - $3)) $(($2 - $4))"
}

# ---- the fixed programs -----------------------------------------------------

# library_of PROGRAM TARGET: what a program is linked with, as words.
library_of() {
    [ "$1" = codec_extern ] || return 0
    if [ "$2" = avr ]; then
        echo tests/bench/machine.c
    else
        echo "$(settings) $build/everything.$2.o"
    fi
}

# unit_program PROGRAM TARGET: its flash, and that of its harness alone. Static
# RAM is what the library adds to the harness and its buffers.
unit_program() {
    # shellcheck disable=SC2046 # words
    least "$2" "$build/$1-alone.$2" -DHARNESS_ALONE "tests/size/$1.c" &&
        least "$2" "$build/$1.$2" "tests/size/$1.c" $(library_of "$1" "$2") ||
        return 1
    beyond "$2" "$build/$1.$2" "$build/empty.$2" |
        sed "s/\(.*\) .*/$1-flash-$2 \1/"
    beyond "$2" "$build/$1-alone.$2" "$build/empty.$2" |
        sed "s/\(.*\) .*/$1-alone-$2 \1/"
    beyond "$2" "$build/$1.$2" "$build/$1-alone.$2" |
        sed "s/.* \(.*\)/$1-ram-$2 \1/"
}

# unit_sample PROGRAM: its stack on the ATmega, from reset to its end.
unit_sample() {
    # shellcheck disable=SC2046 # words
    least avr "$build/$1-sample.avr" -DSAMPLE "tests/size/$1.c" \
        $(library_of "$1" avr) &&
        simulate --stack "$build/$1-sample.avr" |
        sed -n "s/^stack=/$1-stack-avr /p"
}

# ---- the knobs --------------------------------------------------------------

# needing NAME ...: these knobs and those that need one of them, by coap2.h.
needing() {
    grep '^#error "coap2: .* needs COAP2_WITH_[A-Z]*"$' coap2.h |
        sed 's/.*: COAP2_WITH_\([A-Z]*\) .*COAP2_WITH_\(.*\)"/\1 \2/' |
        awk -v names="$*" '
            BEGIN { count = split(names, name, " ")
                    for (i = 1; i <= count; i++) off[name[i]] = 1 }
            { knob[NR] = $1; needs[NR] = $2 }
            END {
                for (pass = 1; pass <= NR; pass++)
                    for (i = 1; i <= NR; i++)
                        if (needs[i] in off) off[knob[i]] = 1
                for (each in off) print each
            }' | sort
}

# settings NAME ...: the options that set these knobs to 0 and all others to 1.
settings() {
    for knob in $knobs; do
        value=1
        for name; do [ "$knob" != "$name" ] || value=0; done
        printf -- '-DCOAP2_WITH_%s=%s ' "$knob" "$value"
    done
}

# node TARGET OUTPUT NAME ...: a library without these knobs, whole, and a node.
# It takes the ATmega with the largest flash whose return addresses still have
# two bytes.
node() {
    chip=$1 file=$2
    shift 2
    [ "$chip" != avr ] || chip=mega
    # shellcheck disable=SC2046 # words
    set -- $(settings "$@")
    # shellcheck disable=SC2086 # words
    object "$chip" "$file.o" $debug "$@" tests/bench/machine.c &&
        whole "$chip" "$file" -Wl,--no-gc-sections "$@" tests/size/node.c \
            "$file.o"
}

# unit_everything TARGET: all knobs at 1, before anything else is measured. On
# AVR it tells of which line its code is.
unit_everything() {
    [ "$1" != avr ] || debug=-g
    node "$1" "$build/everything.$1" &&
        least "$1" "$build/empty.$1" tests/size/empty.c || return 1
    beyond "$1" "$build/everything.$1" "$build/empty.$1" |
        sed "s/\(.*\) \(.*\)/everything-flash-$1 \1\neverything-ram-$1 \2/"
}

# answering TARGET: what discovery adds to a node without a client.
answering() {
    # shellcheck disable=SC2046 # words
    node "$1" "$build/silent.$1" $(needing CLIENT) DISCOVERY || return 1
    beyond "$1" "$build/without-CLIENT.$1" "$build/silent.$1" |
        sed "s/\(.*\) .*/answering-flash-$1 \1/"
}

# unit_without KNOB TARGET: what is saved when it is 0, and with it those that
# need it. On AVR also what is saved by itself when those are 0 anyway. And what
# discovery costs where there is no client.
unit_without() {
    # shellcheck disable=SC2046 # words
    node "$2" "$build/without-$1.$2" $(needing "$1") || return 1
    [ "$1" != CLIENT ] || answering "$2" || return 1
    beyond "$2" "$build/everything.$2" "$build/without-$1.$2" |
        sed "s/\(.*\) \(.*\)/without-$1-flash-$2 \1\nwithout-$1-ram-$2 \2/"
    others=$(needing "$1" | grep -vx "$1")
    [ "$2" = avr ] && [ -n "$others" ] || return 0
    # shellcheck disable=SC2086 # words
    node avr "$build/with-$1.avr" $others || return 1
    beyond avr "$build/with-$1.avr" "$build/without-$1.avr" |
        sed "s/\(.*\) .*/itself-$1-flash-avr \1/"
}

# unit_rules: rules alone, beside a codec with fields as text.
unit_rules() {
    others=$(needing SERVER CLIENT)
    others="$others OBSERVE BLOCKS DISCOVERY JSON CBOR STRINGS LOG SLIP URI"
    # shellcheck disable=SC2086 # words
    node avr "$build/rules.avr" $others &&
        node avr "$build/no-rules.avr" $others RULES || return 1
    beyond avr "$build/rules.avr" "$build/no-rules.avr" |
        sed "s/\(.*\) .*/knob-RULES-avr \1/"
}

# ---- stacks -----------------------------------------------------------------

# The linker knows coap2_start_as by another name.
linked_start=coap2_start_of_the_file_with_COAP2_IMPLEMENTATION

# listing PROGRAM: its code on the ATmega, with the lines that it comes from.
listing() {
    avr-objdump -dl "$1" | sed "s/$linked_start/coap2_start_as/"
}

# bounds LISTING OPTION ...: what bound.awk says of it.
bounds() {
    from=$1
    shift
    awk -v upcalls=tests/size/upcalls "$@" -f tests/size/bound.awk "$from"
}

# entries_of PROGRAM: what the simulator saw of the entries that it calls, and
# what their code gives.
entries_of() {
    elf=$build/$1.avr
    # shellcheck disable=SC2046 # words
    least mega "$elf" $(settings) "tests/size/$1.c" \
        "$build/everything.avr.o" || return 1
    if ! simulate --mcu atmega1284p "$elf" >"$elf.seen"; then
        echo "tests/size/$1.c ended in: $(tail -n 1 "$elf.seen")" >&2
        return 1
    fi
    listing "$elf" >"$elf.listing"
    bounds "$elf.listing" >"$elf.bounds"
}

# bounds_of_server: the bounds in a node as examples/avr has it.
bounds_of_server() {
    debug=-g
    # shellcheck disable=SC2086 # words
    node avr "$build/server-only.avr" $not_of_server || return 1
    listing "$build/server-only.avr" >"$build/server-only.avr.listing"
    bounds "$build/server-only.avr.listing" >"$build/server-only.avr.bounds"
}

# all_entries: "ENTRY ROOM SEEN BOUND AT ALL IN_SERVER AT_IN_SERVER", the
# deepest stack that was seen of each, and what bound.awk says of it.
all_entries() {
    for program in stack_node stack_rules stack; do
        sed 's/^/all /' "$build/$program.avr.bounds"
        sed 's/=/ /g; s/^/seen /' "$build/$program.avr.seen"
    done | awk '
        FILENAME != "-" { server[$1] = $2 " " $3; next }
        $1 == "all" { bound[$2] = $3 " " $4 " " $5; next }
        $4 != "cycles" { next }
        !($3 in room) { room[$3] = $2; order[++count] = $3 }
        $7 > seen[$3] { seen[$3] = $7 }
        END {
            for (i = 1; i <= count; i++) {
                name = order[i]
                print name, room[name], seen[name] + 0, bound[name],
                      (name in server) ? server[name] : "- -"
            }
        }' "$build/server-only.avr.bounds" -
}

# A room's deepest by its bound, and what the bounds do not know: functions of
# the library whose address is taken, but that upcalls does not have.
unit_stacks() {
    bounds_of_server && entries_of stack_node && entries_of stack_rules &&
        entries_of stack || return 1
    all_entries >"$build/entries"
    awk '$4 > most[$2] { most[$2] = $4 }
         $1 == "coap2_poll" { print "poll-server-stack-avr", $7 }
         END { for (room in most) print room "-entry-stack-avr", most[room] }' \
        "$build/entries"
    avr-objdump -r "$build/everything.avr.o" |
        awk '$2 ~ /_GS$|_16_PM$/ && $3 !~ /\+0x/ {
                 sub(/^\.text\./, "", $3)
                 print $3
             }' | sort -u >"$build/pointed"
    while read -r name; do
        grep -qw "$name" tests/size/upcalls || echo "$name"
    done <"$build/pointed" >"$build/pointed.unknown"
}

# unit_rooms: the code of the room that a figure is asked of.
unit_rooms() {
    listing "$build/everything.avr" |
        awk -f tests/size/rooms.awk | sort >"$build/rooms"
    sed -n 's/^conditions /conditions-flash-avr /p' "$build/rooms"
}

# ---- cycles, boards, and a peer ---------------------------------------------

unit_bench() {
    tests/bench.sh --figures
}

# The command of the firmware stands in its head.
firmware() {
    command=$(awk '/^ +avr-gcc /, /node\.elf$/' examples/avr/main.c |
        tr '\n' ' ')
    (cd examples/avr && sh -c "${command% -o *} -o ../../$build/firmware")
}

# board_sizes: "NAME BOARD FLASH RAM FREE OWN_FLASH OWN_RAM" of each example
# that runs on one; the last three are not known of each.
board_sizes() {
    firmware || return 1
    sections avr "$build/firmware" |
        awk '{ print "examples/avr ATmega328P", $1, $2, 2048 - $2 }'
    for script in tests/arduino.sh tests/cortex.sh; do
        $script --sizes || return 1
    done
}

unit_boards() {
    if ! board_sizes >"$build/boards"; then
        echo 'not ok - the sizes of examples on boards' >&2
        return 1
    fi
    awk '{
        name = $1 "-" $2
        print name "-flash", $3
        print name "-ram", $4
        if (NF > 5) print name "-own-flash", $6
        if (NF > 6) print name "-own-ram", $7
    }' "$build/boards"
}

# unit_peer: a small server on this machine, ours and libcoap's, static.
unit_peer() {
    need cc
    for name in empty host_coap2 host_libcoap; do
        peer=
        [ $name = host_libcoap ] && peer=-l:libcoap-3-notls.a
        # shellcheck disable=SC2086 # words
        cc -std=gnu99 $size_flags -I. "tests/size/$name.c" \
            -o "$build/$name.host" $peer || return 1
    done
    for name in coap2 libcoap; do
        beyond host "$build/host_$name.host" "$build/empty.host" |
            sed "s/\(.*\) .*/$name-flash-host \1/"
    done
}

# ---- all of it --------------------------------------------------------------

# units: what there is to do once all libraries are there, the longest first.
units() {
    echo stacks
    echo bench
    for target in $targets; do
        for knob in $knobs; do echo "without $knob $target"; done
    done
    for program in $programs; do
        for target in $targets; do echo "program $program $target"; done
        echo "sample $program"
    done
    echo rules
    echo rooms
    echo boards
    echo peer
}

# run_units: each line of units, two at a time; the figures go into files.
run_units() {
    xargs -P 2 -L 1 tests/size.sh --unit
}

# What figures are made of; one that is younger than all of it holds.
sources='coap2.h examples tests'

file_of_unit() {
    echo "$build/unit.$(echo "$*" | tr ' ' -)"
}

# unit NAME ARGUMENT ...: one of them, unless there is its figure already.
unit() {
    result=$(file_of_unit "$@") unit_name=$1
    shift
    # shellcheck disable=SC2086 # words
    [ -e "$result" ] && [ -z "$(find $sources -newer "$result")" ] && return
    rm -f "$result"
    "unit_$unit_name" "$@" >"$result.part" && mv "$result.part" "$result"
}

# libraries: what the other units build on.
libraries() {
    for target in $targets; do echo "everything $target"; done
}

figures() {
    simulator && libraries | run_units && units | run_units || return 1
    { libraries && units; } | while read -r name; do
        # shellcheck disable=SC2086 # words
        cat "$(file_of_unit $name)"
    done
}
