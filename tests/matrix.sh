#!/bin/sh
# Compile coap2.h with every compiler, language and setting of its knobs that
# we promise, without a warning. A job for each core at a time; `ok` or `not ok`
# each.
#
# Knobs are read from the header, so that a new one is covered by itself. Its
# least and most come from `(MIN..MAX)` in the comment behind its #ifndef; a
# COAP2_WITH_x is 0 or 1. Where a room is on and its need is off, the header
# must refuse with an #error that names both; then this job has passed.
set -u
cd "$(dirname "$0")/.." || exit 2
work=build/matrix
jobs=$work/jobs
seed=7252

warnings='-Wall -Wextra -Wpedantic -Wconversion -Wshadow -Wundef -Werror'
strict="$warnings -I."
bare_xtensa='-ffreestanding -Itests/ports/xtensa'
rv32='-march=rv32imac -mabi=ilp32 --specs=picolibc.specs'

# ---- one job ---------------------------------------------------------------

# Whether a log holds one error, the header's own refusal of a knob that this
# command turns off: `coap2: COAP2_WITH_A needs COAP2_WITH_B`.
refused() {
    names=$(sed -n 's/.*error: .*"coap2: //p' "$1" |
        grep -o 'COAP2_[A-Z0-9_]*' | sort -u)
    [ "$(grep -c 'error:' "$1")" -eq 1 ] || return 1
    [ "$(echo "$names" | grep -c .)" -ge 2 ] || return 1
    for knob in $names; do
        case $2 in *"-D$knob=0 "*) return 0 ;; esac
    done
    return 1
}

if [ "${1:-}" = --job ]; then
    line=$(sed -n "$2p" $jobs)
    name=${line%%|*} command=${line#*|} log=$work/$2.log
    if sh -c "$command" >"$log" 2>&1 && [ ! -s "$log" ]; then
        echo "ok - $name"
    elif refused "$log" "$command"; then
        echo "ok - $name (refused)"
    else
        echo "not ok - $name"
        echo "  $command"
        sed 's/^/  /' "$log" | head -n 20
    fi >$work/"$2".result
    rm -f $work/"$2".o $work/"$2".run
    exit 0
fi

# ---- the jobs --------------------------------------------------------------

count=0
# add NAME COMMAND: a job; @ in the command stands for a file of its own.
add() {
    count=$((count + 1))
    echo "$1|$2" | sed "s:@:$work/$count:g" >>$jobs
}

# compile NAME COMPILER: the whole header as one file.
compile() {
    case $2 in *++*) language=c++ ;; *) language=c ;; esac
    add "$1" "$2 $strict -c -x $language $work/whole.c -o @.o"
}

# A standard matters to the front end alone, which -O0 has, too: each with it,
# and one of each language, the oldest, with optimisation, of which more
# warnings come.
languages() {
    for std in c99 c11 c17; do
        for cc in gcc clang; do
            compile "$cc $std -O0" "$cc -std=$std -O0"
        done
    done
    for std in gnu++11 c++20; do
        for cc in g++ clang++; do
            compile "$cc $std -O0" "$cc -std=$std -O0"
        done
    done
    for optimise in -O2 -Os; do
        for cc in gcc clang; do
            compile "$cc c99 $optimise" "$cc -std=c99 $optimise"
        done
        for cc in g++ clang++; do
            compile "$cc gnu++11 $optimise" "$cc -std=gnu++11 $optimise"
        done
    done
    for std in c99 c11; do
        add "tcc $std" "tcc -std=$std $strict -c $work/whole.c -o @.o"
    done
}

targets() {
    avr='-mmcu=atmega328p -Os'
    arm='-mcpu=cortex-m0 -mthumb -Os'
    for std in gnu99 gnu11; do
        compile "avr-gcc $std" "avr-gcc $avr -std=$std"
    done
    compile 'avr-g++ gnu++11' "avr-g++ $avr -std=gnu++11"
    for std in c99 c17; do
        compile "arm-none-eabi-gcc $std" "arm-none-eabi-gcc $arm -std=$std"
        compile "riscv64-unknown-elf-gcc rv32 $std" \
            "riscv64-unknown-elf-gcc $rv32 -Os -std=$std"
        compile "xtensa-lx106-elf-gcc $std" \
            "xtensa-lx106-elf-gcc $bare_xtensa -Os -std=$std"
        compile "gcc -m32 $std" "gcc -m32 -O2 -std=$std"
        compile "powerpc-linux-gnu-gcc $std" \
            "powerpc-linux-gnu-gcc -O2 -std=$std"
    done
    compile 'arm-none-eabi-g++ gnu++11' "arm-none-eabi-g++ $arm -std=gnu++11"
    compile 'riscv64-unknown-elf-g++ rv32 gnu++11' \
        "riscv64-unknown-elf-g++ $rv32 -Os -std=gnu++11"
    compile 'xtensa-lx106-elf-g++ gnu++11' \
        "xtensa-lx106-elf-g++ $bare_xtensa -Os -std=gnu++11"
    compile 'g++ -m32 gnu++11' "g++ -m32 -O2 -std=gnu++11"
}

# Two files in one program, with one machine or with a private one in each.
two_files() {
    for cc in 'gcc -std=c99' 'clang -std=c99' 'g++ -std=gnu++11 -x c++' \
        'clang++ -std=gnu++11 -x c++' 'tcc -std=c99'; do
        both="$cc $strict $work/one.c $work/two.c"
        add "two files, ${cc%% *}" "$both -o @.run && @.run"
        add "two files, COAP2_STATIC, ${cc%% *}" \
            "$both -DCOAP2_STATIC -o @.run && @.run"
    done
    in_c="gcc -std=c99 $strict -c $work/one.c -o @.o"
    in_cpp="g++ -std=gnu++11 $strict -x c++ $work/two.c -x none @.o -o @.run"
    add 'two files, the machine in C, the other in C++' \
        "$in_c && $in_cpp && @.run"
    add 'one file, the manual before the machine and after it' \
        "gcc -std=c99 $strict $work/again.c -o @.run && @.run"
}

sources() {
    cat >$work/whole.c <<'C'
#define COAP2_IMPLEMENTATION
#include "coap2.h"
C
    cat >$work/one.c <<'C'
#define COAP2_IMPLEMENTATION
#include "coap2.h"
#ifdef __cplusplus
extern "C"
#endif
coap2_result other_file(const uint8_t *bytes, size_t length);

int main(void)
{
    static const uint8_t ping[4] = {0x40, 0x00, 0x12, 0x34};
    coap2_msg msg;

    if (coap2_msg_parse(&msg, ping, sizeof ping) != COAP2_OK) return 1;
    return other_file(ping, sizeof ping) != COAP2_OK;
}
C
    cat >$work/two.c <<'C'
#ifdef COAP2_STATIC
#define COAP2_IMPLEMENTATION
#endif
#include "coap2.h"
#ifdef __cplusplus
extern "C"
#endif
coap2_result other_file(const uint8_t *bytes, size_t length);

coap2_result other_file(const uint8_t *bytes, size_t length)
{
    coap2_msg msg;

    return coap2_msg_parse(&msg, bytes, length);
}
C
    cat >$work/again.c <<'C'
#include "coap2.h"
#define COAP2_IMPLEMENTATION
#include "coap2.h"
#include "coap2.h"

int main(void)
{
    static const uint8_t ping[4] = {0x40, 0x00, 0x12, 0x34};
    coap2_msg msg;

    return coap2_msg_parse(&msg, ping, sizeof ping) != COAP2_OK;
}
C
}

# ---- the knobs -------------------------------------------------------------

# A line a knob: NAME LEAST MOST DEFAULT, which is - where it depends on the
# machine. Option numbers move by multiples of 32, which keeps what their bits
# say (RFC 7252 5.4.6).
knobs() {
    awk '
    NR == FNR { if ($1 == "#define") defined[$2]++; next }
    /^#ifndef COAP2_/ { name = $2; text = "" }
    name != "" { text = text " " $0 }
    $1 == "#define" && $2 == name && $3 ~ /^([0-9(]|COAP2_WITH_)/ {
        range = "? ?"
        if (name ~ /^COAP2_WITH_/) range = "0 1"
        else if (name ~ /^COAP2_OPT_/) range = $3 + 2048 " " $3 + 32768
        else if (match(text, /\([0-9]+\.\.[0-9]+\)/)) {
            range = substr(text, RSTART + 1, RLENGTH - 2)
            sub(/\.\./, " ", range)
        }
        print name, range, defined[name] == 1 ? $3 : "-"
        name = ""
    }' coap2.h coap2.h | sort -u
}

# with NAME FLAGS: the same knobs in C, in C++ and on AVR. Only the first error
# counts: it must be the refusal, if there is one.
with() {
    in_c "$@"
    in_cpp "$@"
    on_avr "$@"
}

in_c() { compile "$1, gcc" "gcc -std=c99 -O2 -Wfatal-errors $2"; }

in_cpp() {
    compile "$1, clang++" "clang++ -std=gnu++11 -O0 -Wfatal-errors $2"
}

on_avr() {
    compile "$1, avr-gcc" \
        "avr-gcc -mmcu=atmega328p -std=gnu99 -Os -Wfatal-errors $2"
}

# The same with one of the three, each in its turn.
turn=0
in_turn() {
    turn=$((turn % 3 + 1))
    case $turn in
    1) in_c "$@" ;;
    2) in_cpp "$@" ;;
    3) on_avr "$@" ;;
    esac
}

# Rooms that are off are seen by all three compilers. A knob at its default is
# the whole header once more, which each of them has compiled.
extremes() {
    while read -r name least most default; do
        case "$name $least" in
        *' ?') add "$name: its comment has no (MIN..MAX)" false ;;
        *" $default") ;;
        COAP2_WITH_*) with "$name=$least" "-D$name=$least " ;;
        *) in_turn "$name=$least" "-D$name=$least " ;;
        esac
        case $most in
        '?' | "$default") ;;
        *) in_turn "$name=$most" "-D$name=$most " ;;
        esac
    done <$work/knobs
}

# Each room alone on; alone off is its least, among the extremes.
rooms_alone() {
    rooms=$(sed -n 's/^\(COAP2_WITH_[A-Z0-9_]*\) .*/\1/p' $work/knobs)
    none=$(for room in $rooms; do printf -- '-D%s=0 ' "$room"; done)
    with 'every room off' "$none"
    for room in $rooms; do
        with "$room alone on" \
            "$(echo "$none" | sed "s/-D$room=0 /-D$room=1 /")"
    done
}

# Fifty pairs of knobs, each at an end of its range, by a seed of our own: the
# same pairs with every awk. Each is compiled by one of the three.
pairs() {
    awk -v seed=$seed '
    function chance(n) { seed = seed * 16807 % 2147483647; return seed % n }
    BEGIN { n = 0 }
    $2 != "?" { name[n] = $1; value[n, 0] = $2; value[n, 1] = $3; n++ }
    END {
        for (i = 0; n > 1 && i < 50; i++) {
            a = chance(n); b = (a + 1 + chance(n - 1)) % n
            printf "-D%s=%s -D%s=%s \n", name[a], value[a, chance(2)],
                name[b], value[b, chance(2)]
        }
    }' $work/knobs >$work/pairs
    while read -r pair; do
        in_turn "pair $pair" "$pair "
    done <$work/pairs
}

# ---- all of it -------------------------------------------------------------

rm -rf $work
mkdir -p $work
sources
knobs >$work/knobs
languages
targets
two_files
extremes
rooms_alone
pairs
seq $count | xargs -P "$(nproc)" -n 1 "$0" --job

failed=0
for i in $(seq $count); do
    cat $work/"$i".result
    grep -q '^not ok' $work/"$i".result && failed=$((failed + 1))
done
echo "$((count - failed)) passed, $failed failed"
[ $failed -eq 0 ]
