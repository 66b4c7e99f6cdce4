#!/bin/sh
# Two sketches on a simulated Uno, its UART at a pseudo terminal and `coap2
# slip` in front of it. Watcher finds coap2-server, and its LED lights for what
# its rule asks for. LowPower is asleep nearly always: it is woken by a
# deadline, by its contact and by a byte, is asked by libcoap's client and ours,
# and does not forget its observers when it is reset in its sleep. All of it has
# a loopback of its own, with port 5683 free.
# BUILD names another directory to take coap2 and coap2-server from.
set -u
cd "$(dirname "$0")/.." || exit 2
build=${BUILD:-build}
work=$PWD/build/sleepers
passed=0 failed=0 running='' bridge=''

verdict() { # NAME TRUTH DETAIL
    if [ "$2" -eq 1 ]; then
        passed=$((passed + 1))
        echo "ok - $1"
    else
        failed=$((failed + 1))
        echo "not ok - $1"
        printf '%s\n' "$3" | cut -c 1-400 | sed 's/^/    /'
    fi
}

same() { # NAME GOT WANTED
    truth=0
    [ "$2" = "$3" ] && truth=1
    verdict "$1" $truth "wanted $3
got    $2"
}

total() {
    echo "$passed passed, $failed failed"
    [ $failed -eq 0 ]
    exit
}

# shellcheck disable=SC2317 # by a trap
end_all() {
    # shellcheck disable=SC2086 # process ids
    [ -z "$running" ] || kill $running 2>/dev/null
}

# ---- what it takes ----------------------------------------------------------

needed() {
    for command in arduino-builder avr-size cc ip unshare timeout \
        coap-client-notls; do
        command -v $command >/dev/null ||
            verdict "$command is missing: tests/setup.sh installs it" 0 ''
    done
    for program in coap2 coap2-server; do
        [ -x "$build/$program" ] ||
            verdict "$build/$program is missing: make builds it" 0 ''
    done
    [ $failed -eq 0 ] || total
}

# The sketch as Debian's arduino-builder makes it for an Uno.
sketch() { # NAME
    folder=$work/$1 library=$work/libraries/coap2
    mkdir -p "$folder" "$library" "$work/tools/avr"
    ln -sfn /usr/bin "$work/tools/avr/bin"
    cp coap2.h library.properties "$library"
    timeout 120 arduino-builder -compile \
        -hardware /usr/share/arduino/hardware \
        -hardware /usr/share/arduino-builder -tools "$work/tools" \
        -libraries "$work/libraries" -fqbn arduino:avr:uno \
        -ide-version=10819 -build-path "$folder" -warnings=all \
        -prefs=compiler.path=/usr/bin/ \
        -prefs=compiler.cpp.extra_flags=-DDECIMAL_DIG=__DECIMAL_DIG__ \
        "examples/arduino/$1/$1.ino" >"$folder/log" 2>&1
    verdict "$1 builds for an Uno" $((!$?)) "$(tail -n 5 "$folder/log")"
    [ $failed -eq 0 ] || total
    # shellcheck disable=SC2046 # two numbers
    set -- "$1" $(avr-size "$folder/$1.ino.elf" |
        awk 'NR == 2 { print $1 + $2, $2 + $3 }')
    verdict "$1: flash $2 of 32256 bytes, static RAM $3 of 2048" \
        $(($2 <= 32256 && $3 <= 1200)) ''
}

# ---- what runs --------------------------------------------------------------

later() { # LOG COMMAND...
    log=$work/$1
    shift
    : >"$log" # not what the one before it said
    "$@" >"$log" 2>&1 &
    last=$!
    running="$running $last"
}

# Wait until a condition holds; no longer than all of this may take.
wait_until() { # CONDITION...
    for _ in $(seq 400); do
        "$@" && return
        sleep 0.1
    done
    verdict "waiting: $*" 0 "$(tail -n 5 "$work/gateway")"
}

says() { # LOG PATTERN [COUNT]
    [ "$(grep -c "$2" "$work/$1")" -ge "${3:-1}" ]
}

# The chip, and the gateway at a port.
start_chip() { # SKETCH PORT
    rm -f "$work/line"
    later chip "$work/bridge" --show "$work/line" "$work/$1/$1.ino.elf"
    bridge=$last
    wait_until test -e "$work/line"
    later gateway "$build/coap2" slip "$work/line" -v -a 127.0.0.1 -p "$2"
    gateway=$last
    wait_until says gateway '^listening on '
}

end_chip() { # SKETCH
    kill "$gateway" "$bridge"
    wait "$bridge"
    truth=$((!$?)) said=$(tail -n 1 "$work/chip")
    verdict "$1: the chip ran to the end ($said)" $truth "$(cat "$work/chip")"
    stack=$(echo "$said" | sed -n 's/.* stack \([0-9]*\).*/\1/p')
    room=$(avr-size "$work/$1/$1.ino.elf" |
        awk 'NR == 2 { print 2048 - $2 - $3 }')
    verdict "$1: its stack has room, ${stack:-?} of $room bytes" \
        $((${stack:-99999} < room)) ''
}

# ---- Watcher ----------------------------------------------------------------

lit() {
    grep -c '^led on' "$work/chip"
}

# shellcheck disable=SC2317 # by wait_until
dark() {
    [ "$(grep '^led' "$work/chip" | tail -n 1 | cut -c 1-6)" != 'led on' ]
}

# A state of the node, and whether the LED is lit for it.
state() { # NAME TIMES TEMP HUM
    wait_until dark
    before=$(lit)
    "$build/coap2" put -e "temp=$3 hum=$4" coap://127.0.0.1/climate \
        >"$work/put" 2>&1
    sleep 0.7
    same "Watcher: $1" "$(($(lit) - before))" "$2"
}

start_server() {
    later server "$build/coap2-server" -v -A 127.0.0.1 -n node1.local
    server=$last
    wait_until says server '^listening on '
}

watcher() {
    start_chip Watcher 5684
    wait_until says gateway '^to 224.0.1.187:5683 .*Discovery="/climate"'
    start_server
    wait_until says server '/climate Observe=0 Rule="temp > 20 and hum < 50'
    verdict 'Watcher: finds a node that came later, and subscribes' \
        "$(says server 'Discovery="/climate"' && echo 1 || echo 0)" \
        "$(cat "$work/gateway")"
    wait_until says gateway 'Observe=.* Notification='
    sleep 0.7
    same 'Watcher: the first answer is no match' "$(lit)" 0
    state 'cold and dry: dark' 0 19.5 40
    state 'warm and dry: lit' 1 20.1 40
    state 'warm and humid: dark' 0 25 50
    state 'warmer, still humid: dark' 0 30 60
    state 'dry again: lit' 1 30 49
    state 'warm and dry as before, but new: lit' 1 31 49
    state 'exactly twenty: dark' 0 20 49
    wait_until dark
    end_chip Watcher
    kill "$server"
}

# ---- LowPower ---------------------------------------------------------------

door=coap://127.0.0.1/door

# shellcheck disable=SC2317 # by wait_until
is_down() {
    [ "$(grep '^power' "$work/chip" | tail -n 1 | cut -c 1-10)" = 'power down' ]
}

# How often our observer was told so.
told() { # OPEN
    grep -c "open=$1 " "$work/ours"
}

# shellcheck disable=SC2317 # by wait_until
is_told() { # OPEN TIMES
    [ "$(told "$1")" -ge "$2" ]
}

switch_contact() {
    kill -USR2 "$bridge"
}

# What wakes it is lost, so that a client has to say it twice.
woken_by_a_byte() {
    wait_until is_down
    asked=$(grep -c 'GET .* /door$' "$work/gateway")
    got=$(timeout 20 "$build/coap2" get $door 2>/dev/null)
    asked=$(($(grep -c 'GET .* /door$' "$work/gateway") - asked))
    same 'LowPower: a byte wakes it, and the next try is heard' \
        "$asked, $got" '2, open=true light=0'
}

observers() {
    later ours timeout 110 "$build/coap2" observe -s 100 $door
    ours=$last
    wait_until is_told true 1
    later theirs timeout 110 coap-client-notls -B 105 -s 100 -w $door
    theirs=$last
    wait_until says theirs 'open=true'
}

# Nobody talks to it, and nothing moves.
woken_by_a_deadline() {
    wait_until is_down
    told=$(told true)
    wait_until is_told true $((told + 1))
    wait_until says theirs 'open=true' 2
    verdict 'LowPower: a deadline wakes it, and both observers are told' 1 ''
}

woken_by_its_contact() {
    wait_until is_down
    measured=$(told true)
    switch_contact
    wait_until is_told false 1
    wait_until says theirs 'open=false'
    same 'LowPower: its contact wakes it, before a deadline does' \
        "$(told true)" "$measured"
}

# What it sends is numbered on.
reset_in_its_sleep() {
    wait_until is_down
    last_id=$(ids | tail -n 1) asked=$(observe_requests)
    kill -USR1 "$bridge"
    wait_until says chip '^power up'
    switch_contact
    told=$(told true)
    wait_until is_told true $((told + 1))
    verdict 'LowPower: reset in its sleep, it still knows who observes it' 1 ''
    next_id=$(ids | awk -v last="$last_id" 'found { print; exit }
        $1 == last { found = 1 }')
    same 'LowPower: and its message ids go on' "$next_id" \
        $(((last_id + 1) % 65536))
    same 'LowPower: nobody has to observe it anew' "$(observe_requests)" \
        "$asked"
}

observe_requests() {
    grep -c 'GET .* Observe=0' "$work/gateway"
}

# Message ids of its own, once each: none was sent again, and none repeats.
ids() {
    sed -n 's/^to .* \(CON\|NON\) 2\.05 Content \([0-9]*\) .*/\2/p' \
        "$work/gateway"
}

asked_after_it() {
    got=$(timeout 25 coap-client-notls -B 20 $door 2>&1 | grep 'open=')
    same "LowPower: libcoap's client is answered after that" \
        "$got" 'open=true light=0'
}

# In the middle of its work there is nothing to go on with: it listens for a
# while after each answer.
reset_awake() {
    timeout 25 "$build/coap2" get $door >"$work/get" 2>&1
    kill -USR1 "$bridge"
    switch_contact
    got=$(timeout 25 "$build/coap2" get $door 2>/dev/null)
    same 'LowPower: reset awake, it starts anew' "$got" 'open=false light=0'
}

# Of the time from one place of the chip's log to another.
slept() { # FROM TO
    share=$(sed -n "$1,$2p" "$work/chip" | awk '
        !start { start = $3 }
        $2 == "down" { from = $3 }
        $2 == "up" && from { down += $3 - from; end = $3 }
        END { print end ? int(100 * down / (end - start)) : 0 }')
    verdict "LowPower: with two observers, $share % of its time in power-down" \
        $((share >= 85)) "$(cat "$work/chip")"
}

lines() {
    wc -l <"$work/chip"
}

low_power() {
    start_chip LowPower 5683
    woken_by_a_byte
    observers
    wait_until is_down
    quiet=$(lines)
    woken_by_a_deadline
    wait_until is_down
    slept "$quiet" "$(lines)"
    woken_by_its_contact
    reset_in_its_sleep
    asked_after_it
    kill "$ours" "$theirs"
    same 'LowPower: no message id twice' "$(ids | sort | uniq -d)" ''
    reset_awake
    end_chip LowPower
}

# ---- all of it --------------------------------------------------------------

if [ "${1-}" != apart ]; then
    needed
    exec unshare -rn "$0" apart
fi
trap end_all EXIT
mkdir -p "$work"
ip link set lo up
cc -std=gnu99 -O2 -I. tests/avr/bridge.c -o "$work/bridge" -lsimavr -lelf
verdict 'the bridge builds' $((!$?)) ''
sketch Watcher
sketch LowPower
watcher
low_power
total
