#!/bin/sh
# Long lives without a leaked slot: tests/soak.c on the host, and with the few
# records of an Uno; a tenth of it once more under the sanitizers, whose table
# must be the same; and tests/avr/soak.c with the firmware of examples/avr in a
# simulator. The tables go to tests/soak.md.
#
#     soak.sh [REQUESTS [SEED [REQUESTS OF THE CHIP]]]
#     soak.sh --check        a short one, which writes no tables
set -u
cd "$(dirname "$0")/.." || exit 2
work=build/soak
page=tests/soak.md
[ "${1:-}" = --check ] && page=$work/soak.md && set -- 20000 1 1000
requests=${1:-1000000} seed=${2:-7252} chip=${3:-20000}
passed=0 failed=0

# The knobs that count records, as they are on AVR.
few='-DCOAP2_MAX_EXCHANGES=2 -DCOAP2_MAX_DUPLICATES=4 -DCOAP2_MAX_OBSERVERS=4
     -DCOAP2_MAX_UPLOADS=1 -DCOAP2_MAX_NAMES=2 -DCOAP2_OBSERVE_OPTIONS=4
     -DCOAP2_REPLY_SIZE=8 -DCOAP2_RULE_SIZE=24 -DCOAP2_RULE_OLDS=2
     -DCOAP2_RULE_DEPTH=8 -DCOAP2_ADDRESS_SIZE=4'

verdict() { # NAME TRUTH DETAIL
    if [ "$2" -eq 1 ]; then
        passed=$((passed + 1))
        echo "ok - $1"
    else
        failed=$((failed + 1))
        echo "not ok - $1"
        printf '%s\n' "$3" | head -n 20 | sed 's/^/    /'
    fi
}

total() {
    echo "$passed passed, $failed failed"
    [ $failed -eq 0 ]
    exit
}

build() { # PROGRAM COMMAND...
    program=$1
    shift
    "$@" -o "$work/$program" >"$work/$program.log" 2>&1 && return
    verdict "$program builds" 0 "$(head -n 8 "$work/$program.log")"
    total
}

# The command of the firmware stands in its head.
build_firmware() {
    command=$(awk '/^ +avr-gcc /, /node\.elf$/' examples/avr/main.c |
        tr '\n' ' ')
    (cd examples/avr && sh -c "${command% -o *} -o ../../$work/node.elf") \
        >"$work/firmware.log" 2>&1
    verdict 'the firmware builds' $((!$?)) "$(cat "$work/firmware.log")"
    [ $failed -eq 0 ] || total
}

build_all() {
    for command in cc avr-gcc avr-size timeout; do
        command -v $command >/dev/null ||
            verdict "$command is missing: tests/setup.sh installs it" 0 ''
    done
    [ $failed -eq 0 ] || total
    warnings='-Wall -Wextra -Wpedantic -Wconversion -Wshadow -Wundef -Werror'
    # shellcheck disable=SC2086 # words
    build fast cc -std=c99 -O2 $warnings -I. -Itests tests/soak.c
    # shellcheck disable=SC2086 # words
    build small cc -std=c99 -O2 $warnings $few -I. -Itests tests/soak.c
    build checked cc -std=c99 -O1 -g -fsanitize=address,undefined \
        -fno-sanitize-recover=all -I. -Itests tests/soak.c
    # after the source, as linkers want it
    build chip cc -std=gnu99 -O2 -I. -Itests/avr tests/avr/soak.c \
        -lsimavr -lelf
    build_firmware
}

# What a program says goes to a table, and its complaints beside.
run() { # NAME TABLE PROGRAM ARGUMENT...
    name=$1 table=$work/$2.md
    shift 2
    timeout 3000 "$@" >"$table" 2>"$table.err"
    verdict "$name" $((!$?)) "$(cat "$table.err"; tail -n 17 "$table")"
}

run_host() {
    run "the host, few records: $requests requests" small "$work/small" \
        "$requests" "$seed"
    tenth=$((requests / 10))
    run "the host: $requests requests" host "$work/fast" "$requests" "$seed"
    run "the host: $tenth requests" tenth "$work/fast" "$tenth" "$seed"
    run "under the sanitizers: $tenth requests" checked "$work/checked" \
        "$tenth" "$seed"
    verdict 'one seed, one table' \
        "$(cmp -s $work/tenth.md $work/checked.md && echo 1 || echo 0)" \
        "$(diff $work/tenth.md $work/checked.md)"
}

run_chip() {
    run "the chip: $chip requests" chip "$work/chip" "$chip" "$seed" \
        "$work/node.elf"
    stack=$(sed -n 's/^| bytes of the deepest stack *| *\([0-9]*\) .*/\1/p' \
        $work/chip.md)
    free=$(avr-size $work/node.elf | awk 'NR == 2 { print 2048 - $2 - $3 }')
    verdict "the chip: its stack, ${stack:-?} bytes, has $free" \
        $((${stack:-9999} < free)) ''
}

# The state of coap2.h that was tried.
version() {
    version=$(sed -n 's/^.define COAP2_VERSION "\(.*\)"/\1/p' coap2.h)
    commit=$(git log -1 --format=%h -- coap2.h 2>/dev/null)
    git diff --quiet HEAD -- coap2.h 2>/dev/null || commit="$commit, changed"
    echo "coap2.h $version (${commit:-no commit})"
}

write_page() {
    cat <<END
# A long life

Written by \`tests/soak.sh $requests $seed $chip\`, which \`make soak\` runs, of
$(version). tests/soak.c and tests/avr/soak.c tell what is
done and what must hold. Behind each phase a day passes in peace; then all slots
of all nodes are looked at. One seed makes one table, on every machine; under
the sanitizers a tenth of it was the same.

## On the host: five nodes, each server and client

$(cat $work/host.md)

## The same with the few records that are the default on AVR

$(cat $work/small.md)

## On an ATmega328P, simulated: the firmware of examples/avr, three clients

$(cat $work/chip.md)
END
}

mkdir -p $work
build_all
run_host
run_chip
[ $failed -ne 0 ] || write_page >"$page"
total
