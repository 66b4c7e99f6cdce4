#!/bin/sh
# What a beginner does wrong with coap2.h, one mistake at a time in
# tests/mistakes/node.c, is told in words that can be understood: by the
# compilers gcc, g++ and avr-g++, by the linker, or by coap2_start and
# coap2_start_why.
set -u
cd "$(dirname "$0")/.." || exit 2
work=build/mistakes
node=tests/mistakes/node.c
passed=0 failed=0

verdict() { # NAME TRUTH DETAIL
    if [ "$2" -eq 1 ]; then
        passed=$((passed + 1))
        echo "ok - $1"
    else
        failed=$((failed + 1))
        echo "not ok - $1"
        printf '%s\n' "$3" | head -n 12 | cut -c 1-300 | sed 's/^/    /'
    fi
}

total() {
    echo "$passed passed, $failed failed"
    [ $failed -eq 0 ]
    exit
}

needed() {
    for command in gcc g++ avr-g++ cc timeout; do
        command -v $command >/dev/null ||
            verdict "$command is missing: tests/setup.sh installs it" 0 ''
    done
    [ $failed -eq 0 ] || total
}

# As a beginner's tools call them, where warnings are shown.
compile() { # COMPILER ARGUMENT...
    compiler=$1
    shift
    case $compiler in
    gcc) set -- gcc -std=c99 "$@" ;;
    g++) set -- g++ -std=c++11 -x c++ "$@" ;;
    avr-g++) set -- avr-g++ -mmcu=atmega328p -std=gnu++11 -x c++ "$@" ;;
    esac
    LC_ALL=C timeout 60 "$@" -Wall -Wextra -Werror -I. -Itests
}

# The program with a mistake in it.
make_mistake() { # SED
    sed "$1" $node >$work/mistake.c
    ! cmp -s $node $work/mistake.c && return
    verdict "the mistake $1 is one" 0 ''
}

# ---- told by a compiler -----------------------------------------------------

# By each COMPILER, which must not take it, and must say PATTERN.
told_by() { # COMPILERS NAME SED PATTERN
    make_mistake "$3"
    for compiler in $1; do
        compile "$compiler" -fsyntax-only $work/mistake.c >$work/log 2>&1
        status=$?
        [ $status -ne 0 ] && grep -q "$4" $work/log
        verdict "$compiler: $2" $((!$?)) "status $status, wanted: $4
$(cat $work/log)"
    done
}

told() { # NAME SED PATTERN
    told_by 'gcc g++ avr-g++' "$@"
}

# Lines before the include, as knobs have to be.
knobs() { # LINE...
    printf '/^#define COAP2_IMPLEMENTATION/i\\\n'
    while [ $# -gt 1 ]; do
        printf '%s\\\n' "$1"
        shift
    done
    printf '%s\n' "$1"
}

define() { # NAME VALUE...
    lines=''
    while [ $# -gt 1 ]; do
        lines="$lines#define $1 $2|"
        shift 2
    done
    old=$IFS
    IFS='|'
    # shellcheck disable=SC2086 # lines
    knobs $lines
    IFS=$old
}

fields() {
    told 'a variable that is too narrow' 's/COAP2_U8, hum/COAP2_U16, hum/' \
        the_variable_has_not_the_width_of_its_type
    told 'a variable that is too wide' \
        's/COAP2_I16, temp10/COAP2_I8, temp10/' \
        the_variable_has_not_the_width_of_its_type
    told 'a name that is too long' 's/"hum"/"humidity-here"/' \
        the_name_is_longer_than_COAP2_FIELD_NAME
    told 'an exponent that is too large' 's/temp10, -1/temp10, 10/' \
        the_exponent_is_not_from_minus_9_to_9
    told 'a type that there is not' 's/COAP2_U8, hum/COAP2_U9, hum/' COAP2_U9
    told 'fields, which a knob took out' "$(define COAP2_WITH_FIELDS 0)" \
        COAP2_FIELDS_needs_COAP2_WITH_FIELDS
}

tables() {
    told 'a resource without its &' 's/&fan)/fan)/' coap2_resource
    told 'fields in a table of resources' 's/&fan)/climate_fields)/' \
        coap2_field
    told 'a resource that there is not' 's/&fan)/\&fun)/' "'fun'"
    told 'a handler that takes something else' \
        's/on_fan(coap2_req \*req, coap2_rsp/on_fan(const char *req, coap2_rsp/
        s/req->method == COAP2_PUT/req[0]/; /coap2_req_text_is/d' \
        'coap2_handler_fn\|uint8_t (\*)(coap2_req \*'
    told_by 'g++ avr-g++' 'a path with a slash in front' 's/"fan", C/"\/&/
        s/"\/"/"\//' 'a path begins without a slash'
}

of_knobs() {
    told 'a knob whose need is off' \
        "$(define COAP2_WITH_FIELDS 0 COAP2_WITH_RULES 1)" \
        'COAP2_WITH_RULES needs COAP2_WITH_FIELDS'
    told 'directories without requests' \
        "$(define COAP2_WITH_CLIENT 0 COAP2_WITH_DIRECTORY 1)" \
        'COAP2_WITH_DIRECTORY needs COAP2_WITH_CLIENT'
    told 'a switch that is neither 0 nor 1' "$(define COAP2_WITH_RULES 2)" \
        'each COAP2_WITH_x is 0 or 1'
    told 'no exchange' "$(define COAP2_MAX_EXCHANGES 0)" \
        'COAP2_MAX_EXCHANGES is 1 to 100'
    told 'too many observers' "$(define COAP2_MAX_OBSERVERS 201)" \
        'COAP2_MAX_OBSERVERS is 1 to 200'
    told 'addresses that hold none' "$(define COAP2_ADDRESS_SIZE 2)" \
        'COAP2_ADDRESS_SIZE is 4 to 20'
    told 'a token that is too long' "$(define COAP2_TOKEN_LENGTH 9)" \
        'COAP2_TOKEN_LENGTH is 1 to 8'
    told 'a knob behind the include' \
        's/^\/\* knobs come.*/#define COAP2_PACKET 64/' \
        '"COAP2_PACKET" redefined'
    told 'COAP2_STATIC alone' \
        's/^#define COAP2_IMPLEMENTATION/#define COAP2_STATIC/' \
        'COAP2_STATIC needs COAP2_IMPLEMENTATION'
    told 'a request, which a knob took out' "$(define COAP2_WITH_CLIENT 0)
        s/^    set_up();/&coap2_get(\&node, \"coap:\/\/a\", NULL, NULL);/" \
        coap2_get
}

# ---- told by the linker -----------------------------------------------------

linked() { # NAME PATTERN FILE...
    name=$1 pattern=$2
    shift 2
    for compiler in gcc g++ avr-g++; do
        compile "$compiler" "$@" -o $work/mistake >$work/log 2>&1
        status=$?
        [ $status -ne 0 ] && grep -q "$pattern" $work/log
        verdict "$compiler: $name" $((!$?)) "status $status, wanted: $pattern
$(cat $work/log)"
    done
}

of_files() {
    make_mistake '/^#define COAP2_IMPLEMENTATION/d'
    linked 'COAP2_IMPLEMENTATION in no file' \
        'undefined reference to .*COAP2_IMPLEMENTATION' $work/mistake.c
    printf '%s\n' '#define COAP2_IMPLEMENTATION' '#include "coap2.h"' \
        >$work/second.c
    linked 'COAP2_IMPLEMENTATION in two files' \
        'multiple definition of .coap2_msg_parse' $node $work/second.c
}

# ---- told by coap2_start ----------------------------------------------------

# Its result and its reason; a poll after it does nothing.
started() { # NAME WANTED FILE...
    name=$1 wanted=$2
    shift 2
    got=$(compile "${compiler:-gcc}" "$@" -o $work/mistake 2>&1 &&
        timeout 10 $work/mistake) || got="$got, and a poll that does more"
    [ "$got" = "$wanted" ]
    verdict "start: $name" $((!$?)) "wanted $wanted
got    $got"
}

says() { # NAME SED REASON
    make_mistake "$2"
    started "$1" "-6 $3" $work/mistake.c
}

of_the_node() {
    packets='node.packet bytes (0: COAP2_PACKET)'
    compiler=g++ started 'as it should be, in C++' '0 started' $node
    compiler=gcc
    started 'as it should be' '0 started' $node
    says 'no node.send' 's/node.send =/(void)/' 'node.send is missing'
    says 'no node.out' '/node.out =/d' 'node.out is missing'
    says 'no size of it' '/node.out_size =/d' \
        'node.out_size is missing or too small'
    says 'a small one' 's/sizeof out;/12;/' \
        'node.out_size is missing or too small'
    says 'no node.in' '/node.in =/d' 'node.in is missing, and node.recv is set'
    says 'no size of it' '/node.in_size =/d' \
        'node.in_size is missing or too small'
    says 'packets beyond node.out' 's/packet = 64/packet = 256/' \
        'node.packet is larger than node.out_size or 65535'
    says 'packets that hold nothing' 's/packet = 64/packet = 8/' \
        'node.packet is too small'
    says 'a server without a table' "$(define COAP2_WITH_CLIENT 0)
        s/node.resources = things/(void)things/" \
        'node.resources is missing: COAP2_TABLE'
    says 'a client with one slot' "$(define COAP2_WITH_SERVER 0)
        s/packet = 64/packet = 0/" \
        "node.out_size is too small: a request takes two slots of $packets"
    says 'a path with a slash in front' 's/"fan", C/"\/&/; s/"\/"/"\//' \
        'a path in node.resources begins with a slash'
}

# Two files, each with knobs of its own.
two_files() {
    with='with COAP2_IMPLEMENTATION'
    { define COAP2_MAX_OBSERVERS 3 | sed '1d; s/\\$//' &&
        cat $work/second.c; } >$work/other.c
    make_mistake '/^#define COAP2_IMPLEMENTATION/d'
    started 'two files with the same knobs' '0 started' \
        $work/mistake.c $work/second.c
    started 'two files with other knobs' \
        "-6 knobs (COAP2_...) differ from those of the file $with" \
        $work/mistake.c $work/other.c
}

# On a chip the reasons are in flash.
on_a_chip() {
    small=$(printf -- '-DCOAP2_WITH_%s=0 ' CLIENT BLOCKS RULES JSON CBOR LINKS \
        URI LATER)
    cc -O2 tests/avr/host.c -o $work/host -lsimavr -lelf 2>$work/log ||
        verdict 'tests/avr/host.c needs libsimavr and libelf' 0 ''
    make_mistake 's/node.send =/(void)/'
    for file in $node $work/mistake.c; do
        # shellcheck disable=SC2086 # words
        compile avr-g++ -Os $small -ffunction-sections -Wl,--gc-sections \
            -DF_CPU=16000000UL "$file" -o $work/chip.elf >$work/log 2>&1 &&
            timeout 20 $work/host $work/chip.elf >>$work/log 2>&1
        echo "status $?" >>$work/log
        wanted='started status 0'
        [ "$file" = $node ] || wanted='node.send is missing status 0'
        [ "$(tr '\n' ' ' <$work/log)" = "$wanted " ]
        verdict "avr-g++: ${wanted% status 0}, on a chip" $((!$?)) \
            "$(cat $work/log)"
    done
}

mkdir -p $work
needed
fields
tables
of_knobs
of_files
of_the_node
two_files
on_a_chip
total
