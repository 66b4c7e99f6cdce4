#!/bin/sh
# The images of examples/cortex-m in QEMU, as boards would run them: the
# LM3S6965 with its Ethernet behind QEMU's network, the micro:bit with its UART
# at a pseudo terminal and `coap2 slip` in front of it. Clients of three makes
# ask both: libcoap's, npm's coap and our tool. Then once more with every fifth
# datagram lost each way, and with a reset of both sides in the middle.
#
#   tests/cortex.sh          all of it
#   tests/cortex.sh --sizes  builds them, and prints a line each:
#                            NAME MACHINE FLASH RAM
set -u
cd "$(dirname "$0")/.." || exit 2
work=build/cortex
. tests/metal/line.sh

# ---- what is built ---------------------------------------------------------

images() {
    CFLAGS=-Werror timeout 300 examples/cortex-m/build.sh $work \
        >$work/images.log 2>&1
}

# RAM is what is taken at the start: the stack has the rest.
sizes() {
    for image in 'lm3s6965 lm3s6965evb' 'microbit microbit'; do
        arm-none-eabi-size -A "$work/${image% *}.elf" | awk -v image="$image" '
            $1 == ".text" || $1 == ".data" { flash += $2 }
            $1 == ".data" || $1 == ".bss" || $1 == ".noinit" { ram += $2 }
            END { print image, flash, ram }'
    done
}

# Ours in a hurry: it asks again after a fifth of a second, and eight times.
hasty() {
    cc -std=c99 -O0 -I. -DCOAP2_ACK_TIMEOUT=200 -DCOAP2_MAX_RETRANSMIT=8 \
        examples/posix/coap2.c -o $work/hasty
}

# Where the sanitizers see each read, unoptimised.
net() {
    cc -std=c99 -Wall -Wextra -Wpedantic -Wconversion -Wshadow -Wundef -Werror \
        -g -fsanitize=address,undefined -fno-sanitize-recover=all -I. \
        tests/cortex/test_net.c -o $work/test_net && $work/test_net
}

build_all() {
    { hasty && net; } >$work/host.log 2>&1 &
    others=$!
    images
    verdict 'both images build without a warning' $((!$?)) \
        "$(cat $work/images.log)"
    wait "$others"
    truth=$((!$?)) others=''
    verdict "net.h under sanitizers: $(tail -n 1 $work/host.log)" $truth \
        "$(cat $work/host.log)"
    [ $failed -eq 0 ] || total
}

# ---- what runs -------------------------------------------------------------

# A board, with QEMU's monitor at descriptor 3: MACHINE OPTION...
start_board() {
    machine=$1
    shift
    rm -f $work/monitor
    mkfifo $work/monitor
    : >$work/board.log # not what the one before it said
    qemu-system-arm -M "$machine" -display none -monitor stdio \
        -kernel $work/../"$image.elf" "$@" \
        <$work/monitor >$work/board.log 2>&1 &
    bridge=$!
    exec 3>$work/monitor
}

# Sets $found to what follows a text in a log; ends all if it does not come.
await() { # FILE EXPRESSION
    for _ in $(seq 100); do
        found=$(tr -d '\r' <"$1" | sed -n "s/.*$2.*/\1/p" | head -n 1)
        [ -z "$found" ] || return
        sleep 0.1
    done
    verdict "$2 comes in $1" 0 "$(cat "$1")"
    total
}

start_lm3s6965() {
    start_board lm3s6965evb -serial none \
        -nic user,hostfwd=udp:127.0.0.1:0-10.0.2.15:5683
    echo 'info usernet' >&3
    await $work/board.log 'HOST_FORWARD\] *[0-9]* *127.0.0.1 *\([0-9]*\)'
    board=$found port=$found
}

start_microbit() {
    start_board microbit -serial pty
    await $work/board.log 'redirected to \([^ ]*\)'
    ln -sf "$found" $work/line
    start_gateway 0
    board=$port
}

# A network that loses: of the board's, or of the gateway's, port.
start_lossy() { # PORT
    python3 tests/metal/lossy.py "$board" --loss 20 --seed 7252 \
        --port "$1" >>$work/lossy.log 2>&1 &
    network=$!
    await $work/lossy.log 'listening on 127.0.0.1:\([0-9]*\)'
    port=$found
}

end_lossy() {
    kill "$network"
    wait "$network"
}

# In all, as it says at each end: more than none each way.
judge_lossy() {
    lost=$(awk -F '[ ,;]+' '/, lost / { to += $6; from += $11 }
        END { print to + 0, from + 0 }' $work/lossy.log)
    verdict "datagrams were lost each way: $lost" \
        $((${lost% *} > 0 && ${lost#* } > 0)) "$(cat $work/lossy.log)"
}

# The board, and what stands between it and its clients: the gateway, or the
# network, which then has other ports towards the board.
reset_both() {
    echo system_reset >&3
    if [ "$image" = microbit ]; then
        kill "$gateway"
        wait "$gateway"
        verdict 'the gateway ends well' $((!$?)) "$(cat $work/gateway.log)"
        front=$port
        start_gateway "$board"
        port=$front server=coap://127.0.0.1:$port
    else
        end_lossy
        start_lossy "$port"
    fi
}

# ---- what is asked ---------------------------------------------------------

# Bytes up and down: NAME COMMAND-UP COMMAND-DOWN, both of which have a file
# as their last argument.
up_and_down() {
    name=$1 up=$2 down=$3
    head -c 2000 /dev/urandom >$work/up
    rm -f $work/down
    # shellcheck disable=SC2086 # words
    timeout 40 $up $work/up >$work/err 2>&1
    # shellcheck disable=SC2086
    timeout 40 $down $work/down >>$work/err 2>&1
    cmp $work/up $work/down >>$work/err 2>&1
    verdict "$name: 2000 bytes up and down in blocks are the same" $((!$?)) \
        "$(cat $work/err)"
}

down_large() { # NAME COMMAND, which has a file as its last argument
    name=$1 command=$2
    # shellcheck disable=SC2086 # words
    timeout 20 $command $work/down >$work/err 2>&1
    cmp $work/../large $work/down >>$work/err 2>&1
    verdict "$name: a text beyond a packet" $((!$?)) "$(cat $work/err)"
}

npm_blocks() {
    timeout 40 node tests/cortex/client.js "$port" >$work/blocks.log 2>&1
    cat $work/blocks.log
    [ "$(grep -c '^ok - ' $work/blocks.log)" -eq 3 ] ||
        verdict "npm's client: blocks, to their end" 0 ''
}

# Instead of line.sh's: QEMU's network has no IPv6 for the board.
tool_asks() {
    tool GET 0 'temp=* hum=*' get "$server/climate"
    tool 'GET of JSON' 0 '{"temp":*,"hum":*}' get -A 50 "$server/climate"
    tool PUT 0 '' put -e on "$server/fan"
    tool 'GET of what was put' 0 on get "$server/fan"
    tool 'what cannot be' 4 '' put -e perhaps "$server/fan"
    tool /.well-known/core 0 '</climate>*,</fan>*,</large>*,</store>*' \
        get "$server/.well-known/core"
    tool 'found by its name' 0 '*node1.local *</climate>*</fan>*' \
        find -s 10 node1.local "$server"
    tool 'found by what it offers' 0 '*node1.local *</fan>;rt="fan"*' \
        find -s 10 '/fan,/none' "$server"
    tool 'another name is not found' 1 '' find -s 10 node2.local "$server"
    tool 'a rule that is wrong' 4 '' \
        subscribe -s 10 "$server/climate" 'tmp > 20'
    tool 'more than it can hold' 4 '' put -b 128 -f README.md "$server/store"
    tool ping 0 '*' ping "$server"
}

blocks() {
    up_and_down 'our tool' "$build/coap2 put -b 128 $server/store -f" \
        "$build/coap2 get $server/store -o"
    up_and_down "libcoap's client" \
        "coap-client-notls -m put -b 128 $server/store -f" \
        "coap-client-notls -b 64 $server/store -o"
    down_large 'our tool' "$build/coap2 get $server/large -o"
    down_large "libcoap's client" "coap-client-notls $server/large -o"
    npm_blocks
}

# ---- those who watch -------------------------------------------------------

# They watch until all was seen, which takes a day of the firmware's: eight
# seconds, or more where QEMU is short of time.
long=40

watch_all() {
    others=''
    later tool.observe "$build/coap2" observe -s $long "$server/climate"
    later tool.subscribe "$build/coap2" subscribe -s $long \
        "$server/climate" "$rule"
    later libcoap.observe stdbuf -oL coap-client-notls -B $long -w -s $long \
        "$server/climate"
    later libcoap.subscribe stdbuf -oL coap-client-notls -B $long -w -s $long \
        -O "410,$rule" "$server/climate"
    later npm.observe node tests/metal/client.js "$port" watch $long
    later npm.subscribe node tests/metal/client.js "$port" watch \
        $long "$rule"
    watchers=$others
    # a group is answered after a while; QEMU's network has none
    [ "$image" = lm3s6965 ] ||
        later group.found timeout 20 "$build/coap2" find -a 127.0.0.1 -s 6 \
            node1.local "coap://224.0.1.187:$port/"
    wait_until all_seen
    # shellcheck disable=SC2086 # process ids
    kill $watchers 2>/dev/null
    # shellcheck disable=SC2086 # process ids
    wait $others
    others=''
}

# shellcheck disable=SC2317 # by wait_until
all_seen() {
    for who in tool libcoap npm; do
        [ "$(values $work/$who.observe | sort -u | wc -l)" -ge 14 ] &&
            [ "$(matches $who)" = "$matching " ] || return 1
    done
}

# What a subscriber was sent after the first value.
matches() { # WHO
    values "$work/$1.subscribe" | sed 1d | sort -u | tr '\n' ' '
}

judge_all() {
    for who in tool libcoap npm; do
        observed $who
        subscribed $who
    done
    [ "$image" = lm3s6965 ] && return
    grep -q '^127.0.0.1:.* node1.local ' $work/group.found
    verdict 'a group: found by its name' $((!$?)) "$(cat $work/group.found)"
}

# ---- all of it -------------------------------------------------------------

# shellcheck disable=SC2317 # by a trap
end_all() {
    # shellcheck disable=SC2086 # process ids
    kill $bridge $gateway $network $others 2>/dev/null
}

try_image() { # NAME
    image=$1 work=$work/$1 network='' passed=0 failed=0
    trap end_all EXIT
    "start_$image"
    server=coap://127.0.0.1:$port
    tool_asks
    libcoap_asks
    npm_asks
    blocks
    watch_all
    judge_all
    start_lossy 0
    server=coap://127.0.0.1:$port
    losses
    judge_losses
    up_and_down 'our tool, losses' "$work/hasty put -b 128 $server/store -f" \
        "$work/hasty get -b 128 $server/store -o"
    end_lossy
    judge_lossy
    kill -0 "$bridge"
    verdict 'the board ran to the end' $((!$?)) "$(cat $work/board.log)"
}

# The whole text of /large.
large_text() {
    for line in $(seq -w 0 99); do
        echo "line $line of 100, made as it goes"
    done
}

# Both at a time, and the cable beside them; then what each said.
try_all() {
    for image in lm3s6965 microbit cable; do
        mkdir -p $work/$image
        rm -f $work/$image/*
        ln -s ../hasty $work/$image/hasty
    done
    (try_image lm3s6965) >$work/lm3s6965.log 2>&1 &
    running=$!
    (try_image microbit) >$work/microbit.log 2>&1 &
    running="$running $!"
    timeout 120 python3 tests/cortex/frames.py $work/lm3s6965.elf \
        $work/cable >$work/cable.log 2>&1
    verdict 'the cable: to its end' $((!$?)) ''
    # shellcheck disable=SC2086 # process ids
    wait $running
    for image in lm3s6965 microbit cable; do
        grep -v ' passed, ' $work/$image.log |
            sed "s/^ok - /&$image: /; s/^not ok - /&$image: /"
        passed=$((passed + $(grep -c '^ok - ' $work/$image.log)))
        failed=$((failed + $(grep -c '^not ok - ' $work/$image.log)))
    done
    for image in lm3s6965 microbit; do
        grep -q '^ok - the board ran to the end' $work/$image.log ||
            verdict "$image: to its end" 0 ''
    done
}

mkdir -p $work
have arm-none-eabi-gcc
if [ "${1:-}" = --sizes ]; then
    images && sizes
    exit
fi
have qemu-system-arm python3
needed
install_coap
build_all
large_text >$work/large
try_all
total
