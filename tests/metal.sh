#!/bin/sh
# On the metal: the firmware of examples/avr on a simulated ATmega328P, its
# UART at a pseudo terminal, `coap2 slip` in front of it, and clients of three
# makes: libcoap's, npm's coap and our tool. Then once more with every fifth
# datagram lost each way, and with a reset of both sides in the middle.
set -u
cd "$(dirname "$0")/.." || exit 2
work=build/metal
. tests/metal/line.sh

# The command of the firmware stands in its head.
firmware() {
    command=$(awk '/^ +avr-gcc /, /node\.elf$/' examples/avr/main.c |
        tr '\n' ' ')
    (cd examples/avr &&
        sh -c "${command% -o *} -Werror -o ../../$work/node.elf") \
        >$work/firmware.log 2>&1
    verdict 'the firmware builds without a warning' $((!$?)) \
        "$(cat $work/firmware.log)"
    [ $failed -eq 0 ] || total
    # an Uno keeps 512 bytes for its boot loader
    # shellcheck disable=SC2046 # two numbers
    set -- $(avr-size $work/node.elf | awk 'NR == 2 { print $1 + $2, $2 + $3 }')
    verdict "flash $1 of 32256 bytes, static RAM $2 of 2048" \
        $(($1 <= 32256 && $2 <= 1400)) ''
}

# ---- all of it -------------------------------------------------------------

trap end_all EXIT
mkdir -p $work
have avr-gcc
needed
install_coap
programs >$work/programs.log 2>&1 &
others=$!
firmware
wait "$others" || {
    verdict 'the bridge and the tool build' 0 "$(cat $work/programs.log)"
    total
}

start_bridge $work/node.elf
start_gateway 0
tool_asks
libcoap_asks
npm_asks
all_watch
judge_watchers
crowd
end_bridge 'without losses'

# the gateway sees its line go away and come back
start_bridge $work/node.elf --loss 20 --seed 7252
losses
judge_losses
end_bridge 'with losses'
lost=$(sed -n 's/.*lost \([0-9]*\); from .* lost \([0-9]*\);.*/\1 \2/p' \
    $work/bridge.log)
case $lost in *[1-9]*\ *[1-9]*) truth=1 ;; *) truth=0 ;; esac
verdict "datagrams were lost each way: $lost" $truth ''
total
