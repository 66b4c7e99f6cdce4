# What tests/metal.sh and tests/arduino.sh share: a simulated chip, its UART at
# a pseudo terminal, `coap2 slip` in front of it, and clients of three makes. To
# be read where the root of the project is, after $work was set.
# shellcheck shell=sh disable=SC2034,SC2154

build=${BUILD:-build}
npm_coap=1.5.0
passed=0 failed=0 bridge='' gateway='' others=''

# The node: its name, what it has beside /climate and the two values of that,
# whether it knows rules, and how many may observe it. A script may have others.
node=node1.local switch=fan on=on off=off rules=1 places=6

# When the rule is true in a day of the node's, which takes eight seconds.
rule='temp > 20 and hum < 50'
matching='20.5 39 21 36 21 48 21.5 39 21.5 45 22 42'

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

total() {
    echo "$passed passed, $failed failed"
    [ $failed -eq 0 ]
    exit
}

# shellcheck disable=SC2317 # by a trap
end_all() {
    # shellcheck disable=SC2086 # process ids
    kill $bridge $gateway $others 2>/dev/null
}

# ---- what is built ---------------------------------------------------------

have() { # COMMAND...
    for command; do
        command -v "$command" >/dev/null ||
            verdict "$command is missing: tests/setup.sh installs it" 0 ''
    done
    [ $failed -eq 0 ] || total
}

needed() {
    have cc coap-client-notls node npm timeout
    [ -x "$build/coap2" ] ||
        verdict "$build/coap2 is missing: make builds it" 0 ''
    [ $failed -eq 0 ] || total
}

# npm's coap, once, where tests/interop.sh has it.
install_coap() {
    modules=build/interop
    mark=$modules/node_modules/.coap-$npm_coap
    NODE_PATH=$PWD/$modules/node_modules
    export NODE_PATH
    [ -e "$mark" ] || {
        mkdir -p $modules
        npm install --prefix $modules --ignore-scripts --no-audit --no-fund \
            --no-save --no-package-lock "coap@$npm_coap" \
            >$work/npm.log 2>&1 && : >"$mark"
    }
    [ -e "$mark" ] && return
    verdict "npm install coap@$npm_coap" 0 "$(tail -n 5 $work/npm.log)"
    total
}

# Ours in a hurry: it asks again after a fifth of a second, and eight times.
programs() {
    cc -std=gnu99 -O2 -I. tests/avr/bridge.c -o $work/bridge -lsimavr -lelf &&
        cc -std=c99 -O1 -I. -DCOAP2_ACK_TIMEOUT=200 -DCOAP2_MAX_RETRANSMIT=8 \
            examples/posix/coap2.c -o $work/hasty
}

# ---- what runs -------------------------------------------------------------

# The chip, with a terminal at $work/line.
start_bridge() { # FIRMWARE OPTION...
    firmware=$1 chip_ram=2048
    case "$*" in *atmega2560*) chip_ram=8192 ;; esac
    shift
    rm -f $work/line
    $work/bridge "$@" $work/line "$firmware" >$work/bridge.log 2>&1 &
    bridge=$!
    for _ in $(seq 50); do
        [ -e $work/line ] && return
        sleep 0.1
    done
    verdict 'a chip that starts' 0 "$(cat $work/bridge.log)"
    total
}

# stack_room FIRMWARE RAM: what its variables leave of it.
stack_room() {
    avr-size "$1" | awk -v ram="$2" 'NR == 2 { print ram - $2 - $3 }'
}

# What it says at its end; it ends well unless the firmware crashed.
end_bridge() { # NAME
    kill "$bridge"
    wait "$bridge"
    truth=$((!$?)) said=$(tail -n 1 $work/bridge.log)
    verdict "$1: the chip ran to the end ($said)" $truth ''
    stack=$(echo "$said" | sed -n 's/.* stack \([0-9]*\).*/\1/p')
    room=$(stack_room "$firmware" "$chip_ram")
    verdict "$1: its stack has room, ${stack:-?} of $room bytes" \
        $((${stack:-99999} < room)) ''
}

# Sets $port and $server; the port may be one that was.
start_gateway() { # PORT
    : >$work/gateway.log # not what the one before it said
    "$build/coap2" slip $work/line -v -p "$1" >$work/gateway.log 2>&1 &
    gateway=$!
    for _ in $(seq 50); do
        port=$(sed -n 's/^listening on .*:\([0-9]*\)$/\1/p' $work/gateway.log)
        server=coap://127.0.0.1:$port
        [ -z "$port" ] || return
        sleep 0.1
    done
    verdict 'a gateway that starts' 0 "$(cat $work/gateway.log)"
    total
}

# ---- questions -------------------------------------------------------------

# Status and output of our tool; the pattern is one of `case`.
tool() { # NAME STATUS PATTERN ARGUMENT...
    name="our tool: $1" wanted=$2 pattern=$3
    shift 3
    got=$(timeout 20 "$build/coap2" "$@" 2>$work/err)
    status=$? truth=0
    # shellcheck disable=SC2254 # it is a pattern
    case $got in $pattern) [ $status -eq "$wanted" ] && truth=1 ;; esac
    verdict "$name" $truth "wanted $wanted, $pattern
got    $status, $got
$(cat $work/err)"
}

tool_asks() {
    tool GET 0 'temp=* hum=*' get "$server/climate"
    tool PUT 0 '' put -e $on "$server/$switch"
    tool 'GET of what was put' 0 $on get "$server/$switch"
    tool 'what cannot be' 4 '*' put -e perhaps "$server/$switch"
    tool 'a payload that does not fit' 4 '' put -b 1024 \
        -e "$(printf '%0150d' 0)" "$server/$switch"
    tool /.well-known/core 0 "</climate>*,</$switch>*" \
        get "$server/.well-known/core"
    tool 'found by its name' 0 "*$node *</climate>*</$switch>*" \
        find -s 0.5 $node "$server"
    tool 'found by what it offers' 0 "*$node *</$switch>;rt=\"$switch\"*" \
        find -s 0.5 "/$switch,/none" "$server"
    tool 'another name is not found' 1 '' find -s 0.5 other.local "$server"
    [ $rules -eq 0 ] || tool 'a rule that is wrong' 4 '' \
        subscribe -s 1 "$server/climate" 'tmp > 20'
    tool 'from an IPv6 address' 0 $on get "coap://[::1]:$port/$switch"
    tool 'ping' 0 '*' ping "$server"
}

# As libcoap prints a message: type, code, token, options and payload.
libcoap() { # NAME PATTERN PATH ARGUMENT...
    name="libcoap's client: $1" pattern=$2 uri=$server$3
    shift 3
    answer=$(timeout 20 coap-client-notls -v 7 -B 8 "$@" "$uri" 2>&1 |
        grep -a '^v:1 t:[A-Z]* c:[2-5]\.' | tail -n 1)
    truth=0
    # shellcheck disable=SC2254 # it is a pattern
    case $answer in $pattern) truth=1 ;; esac
    verdict "$name" $truth "wanted $pattern
got    $answer"
}

libcoap_asks() {
    text=Content-Format:text/plain
    libcoap PUT '* c:2.04 *' /$switch -m put -e $on
    libcoap GET "* c:2.05 *$text* :: '$on'" /$switch
    libcoap 'GET of two variables' "* c:2.05 * :: 'temp=* hum=*'" /climate
    libcoap 'a NON' "v:1 t:NON c:2.05 * :: '$on'" /$switch -N
    libcoap 'no such path' '* c:4.04 *' /none
    libcoap core "* c:2.05 *link-format* :: '</climate>*</$switch>*'" \
        /.well-known/core
    libcoap 'Discovery by name' "* c:2.05 * :: '</climate>*</$switch>*'" \
        /.well-known/core -O "300,$(echo $node | tr n N)"
    libcoap 'Discovery of another' '* c:4.04 *' /.well-known/core \
        -O 300,other.local
}

npm_client() {
    timeout 40 node tests/metal/client.js "$port" "$@"
}

npm_asks() {
    npm_client ask $switch $on $off >$work/npm.log 2>&1
    status=$?
    cat $work/npm.log
    passed=$((passed + $(grep -c '^ok - ' $work/npm.log)))
    failed=$((failed + $(grep -c '^not ok - ' $work/npm.log)))
    [ $status -eq 0 ] || verdict "npm's client: to its end" 0 ''
}

# ---- those who watch -------------------------------------------------------

later() { # NAME COMMAND...
    log=$work/$1
    shift
    "$@" >"$log" 2>"$log.err" &
    others="$others $!"
}

# What the chip says of itself: the milliseconds that it has run, its port B.
chip_says() {
    told=$(wc -l <$work/bridge.log)
    kill -HUP "$bridge"
    for _ in $(seq 50); do
        [ "$(wc -l <$work/bridge.log)" -gt "$told" ] && break
        sleep 0.1
    done
    tail -n 1 $work/bridge.log
}

chip_time() {
    chip_says | cut -d ' ' -f 1
}

# They watch for more than a day of the chip's, which may be late where this
# machine is busy. A reset makes the chip forget who watched.
watch_days() { # WATCHERS
    others=''
    began=$(chip_time)
    "$1"
    wait_until day_is_over
    # shellcheck disable=SC2086 # process ids
    kill $others
    # shellcheck disable=SC2086 # process ids
    wait $others 2>/dev/null
    others=''
    kill -USR1 "$bridge"
}

# shellcheck disable=SC2317 # by wait_until
day_is_over() {
    [ $(($(chip_time) - began)) -ge 11000 ]
}

# shellcheck disable=SC2317 # by watch_days
observers() {
    later tool.observe timeout 90 "$build/coap2" observe "$server/climate"
    later libcoap.observe timeout 90 stdbuf -oL coap-client-notls -B 90 -w \
        -s 90 "$server/climate"
    later npm.observe timeout 90 node tests/metal/client.js "$port" watch 90
}

# shellcheck disable=SC2317 # by watch_days
subscribers() {
    later tool.subscribe timeout 90 "$build/coap2" subscribe \
        "$server/climate" "$rule"
    [ $rules -eq 0 ] || {
        later libcoap.subscribe timeout 90 stdbuf -oL coap-client-notls \
            -B 90 -w -s 90 -O "410,$rule" "$server/climate"
        later npm.subscribe timeout 90 node tests/metal/client.js "$port" \
            watch 90 "$rule"
    }
    # a group is answered after a while, by who is meant
    later group.found timeout 90 "$build/coap2" find -a 127.0.0.1 -s 90 \
        $node "coap://224.0.1.187:$port/"
    later group.other timeout 90 "$build/coap2" find -a 127.0.0.1 -s 90 \
        other.local "coap://224.0.1.187:$port/"
}

# shellcheck disable=SC2317 # by watch_days
everyone() {
    observers
    subscribers
}

# All at once, where there is place for all.
all_watch() {
    if [ $((3 * rules + 3)) -le $places ]; then
        watch_days everyone
    else
        watch_days observers
        watch_days subscribers
    fi
}

# The values of a log, `temp hum` a line; our tool has a time before them.
values() { # FILE
    sed -n 's/.*temp=\([0-9.]*\) hum=\([0-9]*\).*/\1 \2/p' "$1"
}

# Each new state, or most of them where one comes late.
observed() { # WHO
    count=$(values "$work/$1.observe" | wc -l)
    different=$(values "$work/$1.observe" | sort -u | wc -l)
    verdict "$1: observes ($count values, $different different)" \
        $((count >= 14 && different >= 12)) \
        "$(cat "$work/$1.observe" "$work/$1.observe.err")"
}

# The first value, and all that the rule asks for, and nothing else. Where the
# node knows no rules our tool holds the rule against what comes.
subscribed() { # WHO
    got=$(values "$work/$1.subscribe" | sed 1d | sort -u | tr '\n' ' ')
    verdict "$1: sees only what its rule asks for, and all of it" \
        "$([ "$got" = "$matching " ] && echo 1 || echo 0)" \
        "wanted $matching
got    $got
$(cat "$work/$1.subscribe" "$work/$1.subscribe.err")"
}

judge_watchers() {
    for who in tool libcoap npm; do
        observed $who
        [ $rules -eq 0 ] && [ $who != tool ] || subscribed $who
    done
    grep -q "^127.0.0.1:.* $node " $work/group.found
    verdict 'a group: found by its name' $((!$?)) \
        "$(cat $work/group.found $work/group.found.err)"
    grep -q '^to a group, from .*Discovery="other.local"' $work/gateway.log &&
        [ ! -s $work/group.other ]
    verdict 'a group: silent where another is meant' $((!$?)) \
        "$(cat $work/group.other)"
}

# More at once than the chip can hold: its ring of bytes runs over, frames are
# lost, and those that are answered are answered well.
crowd() {
    others=''
    for i in $(seq 40); do
        later "crowd.$i" timeout 20 $work/hasty get "$server/climate"
    done
    # shellcheck disable=SC2086 # process ids
    wait $others
    others=''
    count=$(cat $work/crowd.? $work/crowd.?? | grep -o 'temp=[0-9.]* hum=..' |
        wc -l)
    verdict "forty at once: $count answers" $((count == 40)) \
        "$(cat $work/crowd.*)"
}

# ---- losses and resets -----------------------------------------------------

# What is put is what is got, COUNT times. Each may have been said twice.
put_and_get() { # NAME COUNT
    wrong=''
    for i in $(seq "$2"); do
        state=$([ $((i % 2)) -eq 0 ] && echo $on || echo $off)
        timeout 20 $work/hasty put -e "$state" "$server/$switch" 2>$work/err ||
            wrong="$wrong PUT $state: $(cat $work/err)"
        got=$(timeout 20 $work/hasty get "$server/$switch" 2>$work/err)
        [ "$got" = "$state" ] ||
            wrong="$wrong GET $state: $got $(cat $work/err)"
    done
    verdict "$1: $2 times PUT and GET" \
        "$([ -z "$wrong" ] && echo 1 || echo 0)" "$wrong"
}

# As people do, who ask once more.
# shellcheck disable=SC2317 # by later
patient() { # COMMAND...
    for _ in 1 2 3 4; do
        timeout 13 "$@" 2>/dev/null | grep '^temp=' && return
    done
}

reset_both() {
    kill -USR1 "$bridge"
    kill "$gateway"
    wait "$gateway"
    verdict 'the gateway ends well' $((!$?)) "$(cat $work/gateway.log)"
    start_gateway "$port"
}

# The subscription runs on while both are reset. Its client notices when nothing
# was heard for pmax and a while more (RFC 7641 3.3.1).
losses() {
    others=''
    : >$work/lossy
    later lossy timeout 60 $work/hasty subscribe -s 55 "$server/climate" \
        "$rule pmax 3"
    subscriber=$!
    later libcoap.lossy patient coap-client-notls -B 12 "$server/climate"
    put_and_get 'losses' 3
    wait_until news_of 1 first 1
    before=$(wc -l <$work/lossy)
    reset_both
    put_and_get 'after the reset of both sides' 5
    later npm.lossy patient node tests/metal/client.js "$port" watch 1
    wait_until news_of $((before + 1)) first 1
    wait_until news_of $((before + 1)) match 2
    kill $subscriber
    # shellcheck disable=SC2086 # process ids
    wait $others
    others=''
}

# Has the subscription had so many of a kind, from a line on?
# shellcheck disable=SC2317 # by wait_until
news_of() { # LINE KIND COUNT
    [ "$(sed -n "$1,\$p" $work/lossy | grep -c " $2 ")" -ge "$3" ]
}

wait_until() { # CONDITION...
    for _ in $(seq 350); do
        "$@" && return
        sleep 0.1
    done
}

# What is sent again carries the state of its time (RFC 7641 4.5.2): values are
# not what the rule asks for, here, but the times are.
judge_losses() {
    news_of 1 first 1 && news_of $((before + 1)) first 1 &&
        news_of $((before + 1)) match 2
    verdict 'a subscription outlives losses and both resets' $((!$?)) \
        "$(cat $work/lossy $work/lossy.err)"
    for who in libcoap npm; do
        [ -s $work/$who.lossy ]
        verdict "$who: is answered in spite of losses" $((!$?)) \
            "$(cat $work/$who.lossy.err)"
    done
}
