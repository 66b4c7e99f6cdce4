#!/bin/sh
# examples/lwip on Debian's lwIP: it compiles for stacks of one family and of
# both, with an operating system and without; and it runs, behind a TAP
# interface in a network namespace, under the sanitizers: libcoap's client and
# our tool get, put, observe, subscribe and find, and it asks others. Needs
# root; makes what it needs, and removes it.
set -u
cd "$(dirname "$0")/.." || exit 2
build=${BUILD:-build}
work=build/lwip
space=coap2-lwip-$$
warnings='-Wall -Wextra -Wpedantic -Wconversion -Wshadow -Wundef -Werror'
passed=0 failed=0 node='' running='' made=''

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

# Is a text what a pattern of `case` says?
like() { # NAME GOT PATTERN
    truth=0
    # shellcheck disable=SC2254 # it is a pattern
    case $2 in $3) truth=1 ;; esac
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
    [ -z "$node$running" ] || kill $node $running 2>/dev/null
    [ -z "$made" ] || ip netns del "$space"
}

needed() {
    for command in ip cc g++ pkg-config coap-client-notls timeout; do
        command -v $command >/dev/null ||
            verdict "$command is missing: tests/setup.sh installs it" 0 ''
    done
    pkg-config --exists lwip ||
        verdict 'lwIP is missing: tests/setup.sh installs liblwip-dev' 0 ''
    for program in coap2 coap2-server; do
        [ -x "$build/$program" ] ||
            verdict "$build/$program is missing: make builds it" 0 ''
    done
    [ "$(id -u)" -eq 0 ] || verdict 'network namespaces need root' 0 ''
    [ $failed -eq 0 ] || total
}

# ---- what is built ----------------------------------------------------------

# A stack of one's own: the options are those of Debian's but for a few.
variant() { # NAME COMPILER FLAGS OPTION=VALUE...
    name=$1 compiler=$2 flags=$3
    shift 3
    mkdir -p "$work/options"
    {
        echo '#include_next <lwipopts.h>'
        for option in "$@"; do
            printf '#undef %s\n#define %s %s\n' \
                "${option%=*}" "${option%=*}" "${option#*=}"
        done
    } >"$work/options/lwipopts.h"
    # shellcheck disable=SC2086 # words
    $compiler $flags $warnings -O1 -I"$work/options" -I. -Iexamples/lwip \
        -isystem /usr/include/lwip -c tests/lwip.c -o "$work/variant.o" \
        >"$work/variant.log" 2>&1
    verdict "compiles: $name" $((!$?)) "$(head -n 8 "$work/variant.log")"
}

variants() {
    variant 'both families' cc -std=gnu99
    variant 'both families, C++11' g++ '-std=gnu++11 -x c++ -Wno-pedantic'
    variant 'IPv4 alone' cc -std=gnu99 LWIP_IPV6=0
    variant 'IPv4 alone, short addresses, no groups' cc \
        '-std=gnu99 -DCOAP2_ADDRESS_SIZE=4' LWIP_IPV6=0 LWIP_IGMP=0
    variant 'IPv6 alone' cc -std=gnu99 LWIP_IPV4=0 LWIP_ARP=0 LWIP_IGMP=0 \
        LWIP_NETIF_LOOPBACK=0
    variant 'no operating system' cc -std=gnu99 NO_SYS=1 LWIP_SOCKET=0 \
        LWIP_NETCONN=0 LWIP_TCPIP_CORE_LOCKING=0 'LWIP_ASSERT_CORE_LOCKED()='
    cc -DCOAP2_ADDRESS_SIZE=4 -I. -Iexamples/lwip -I/usr/include/lwip \
        -fsyntax-only tests/lwip.c 2>"$work/variant.log"
    like 'short addresses for IPv6 are an error that says so' \
        "$? $(cat "$work/variant.log")" '1 *LWIP_IPV6 needs COAP2_ADDRESS_SIZE*'
}

program() {
    # shellcheck disable=SC2046,SC2086 # words
    cc -std=gnu99 -g -O1 -fsanitize=address,undefined \
        -fno-sanitize-recover=all $warnings -I. \
        $(pkg-config --cflags lwip | sed 's/-I/-isystem /g') \
        examples/lwip/main.c -o "$work/node" $(pkg-config --libs lwip) \
        >"$work/node.log" 2>&1
    verdict 'the node compiles without a warning' $((!$?)) \
        "$(head -n 8 "$work/node.log")"
    [ $failed -eq 0 ] || total
}

# ---- the network ------------------------------------------------------------

# Without duplicate address detection an address can be used at once. IPv4
# datagrams of more than 576 bytes go in fragments.
add_network() {
    ip netns add "$space" && made=yes && ip -n "$space" link set lo up &&
        at ip tuntap add dev tap0 mode tap &&
        at sh -c 'echo 0 >/proc/sys/net/ipv6/conf/tap0/accept_dad' &&
        ip -n "$space" addr add 192.0.2.1/24 dev tap0 &&
        ip -n "$space" link set tap0 up &&
        ip -n "$space" addr add fd00:83::1/64 dev tap0 nodad &&
        ip -n "$space" route add 224.0.0.0/4 dev tap0 &&
        ip -n "$space" route add 192.0.2.2/32 dev tap0 mtu 576
}

at() { # COMMAND...
    ip netns exec "$space" "$@"
}

start_node() { # URI
    : >"$work/node.log" # what the one before it said is not looked at
    PRECONFIGURED_TAPIF=tap0 ip netns exec "$space" "$work/node" \
        192.0.2.2 fd00:83::2 "$@" >"$work/node.log" 2>&1 &
    node=$!
}

# Its addresses are known when it answers.
wait_for_node() {
    for _ in $(seq 20); do
        at timeout 5 "$build/coap2" ping coap://192.0.2.2 \
            >"$work/ping.log" 2>&1 && return
        sleep 0.2
    done
    verdict 'a node that answers' 0 "$(cat "$work/node.log" "$work/ping.log")"
    total
}

end_node() {
    kill "$node"
    wait "$node" 2>/dev/null
    verdict "$1: the sanitizers have nothing to say" \
        "$(grep -qE 'ERROR|runtime error' "$work/node.log" && echo 0 ||
            echo 1)" "$(cat "$work/node.log")"
    node=''
}

# ---- questions --------------------------------------------------------------

local6='fe80::12:34ff:fe56:78ab' # of the network card of lwIP's Unix port

tool() { # NAME PATTERN ARGUMENT...
    name="our tool: $1" pattern=$2
    shift 2
    got=$(at timeout 20 "$build/coap2" "$@" 2>"$work/err")
    like "$name" "$got $(cat "$work/err")" "$pattern"
}

# As libcoap prints a message: type, code, token, options and payload.
libcoap() { # NAME PATTERN ARGUMENT...
    name="libcoap's client: $1" pattern=$2
    shift 2
    like "$name" "$(at timeout 20 coap-client-notls -v 7 "$@" 2>&1 |
        grep -a '^v:1 t:[A-Z]* c:[2-5]\.' | tail -n 1)" "$pattern"
}

ask() {
    libcoap GET "* c:2.05 * :: 'temp=* hum=*'" coap://192.0.2.2/climate
    libcoap PUT '* c:2.04 *' -m put -e true coap://192.0.2.2/fan
    libcoap 'GET of what was put, IPv6' "* c:2.05 * :: 'true'" \
        'coap://[fd00:83::2]/fan'
    libcoap 'what cannot be' '* c:4.00 *' -m put -e perhaps \
        'coap://[fd00:83::2]/fan'
    libcoap 'link-local, a NON' "v:1 t:NON c:2.05 * :: 'true'" -N \
        "coap://[$local6%tap0]/fan"
    libcoap 'core' "* c:2.05 *link-format* :: '</climate>*</fan>*</note>'" \
        coap://192.0.2.2/.well-known/core
    tool 'from an address of another scope than the one that is asked' \
        'true 2.05*' get -a fd00:83::1 "coap://[$local6%25tap0]/fan"
    tool 'no such path' '*4.04*' get 'coap://[fd00:83::2]/none'
}

# A datagram in two fragments, which lwIP puts together as a chain; and as much
# again in blocks.
ask_long() {
    long=$(printf '%0900d' 7)
    libcoap 'PUT in fragments' '* c:2.04 *' -b 1024 -m put -e "$long" \
        coap://192.0.2.2/note
    tool 'GET of what was put' "$long 2.05*" get coap://192.0.2.2/note
    long=$(printf '%0700d' 8)
    tool 'PUT in blocks' '*2.0[04]*' put -b 64 -e "$long" \
        'coap://[fd00:83::2]/note'
    tool 'GET in blocks' "$long 2.05*" get -b 64 'coap://[fd00:83::2]/note'
}

later() { # LOG COMMAND...
    log=$work/$1
    shift
    at timeout 30 "$@" >"$log" 2>"$log.err" &
    running="$running $!"
}

wait_all() {
    # shellcheck disable=SC2086 # process ids
    wait $running
    running=''
}

# The values of a log, `temp hum` a line, without the first.
values() { # FILE
    sed -n 's/.*temp=\([0-9.]*\) hum=\([0-9]*\).*/\1 \2/p' "$1" | sed 1d
}

matching='20.5 39
21 36
21 48
21.5 39
21.5 45
22 42'

# A day of the node's takes eight seconds. Searches run meanwhile, which are
# answered when the leisure of the node is over.
watch() {
    later observe.libcoap coap-client-notls -w -B 20 -s 9 \
        coap://192.0.2.2/climate
    later observe.tool "$build/coap2" observe -s 9 \
        "coap://[$local6%25tap0]/climate"
    later subscribe.tool "$build/coap2" subscribe -s 9 \
        'coap://[fd00:83::2]/climate' 'temp > 20 and hum < 50'
    for what in node1.local /climate,/none node2.local; do
        later "find.$(basename "$what")" "$build/coap2" find -i tap0 -s 7 \
            "$what"
    done
    later group.libcoap coap-client-notls -v 7 -N -B 7 \
        coap://224.0.1.187/.well-known/core
    wait_all
}

judge_watchers() {
    for who in libcoap tool; do
        count=$(values "$work/observe.$who" | sort -u | wc -l)
        verdict "$who: observes ($count different values)" \
            $((count >= 12)) \
            "$(cat "$work/observe.$who" "$work/observe.$who.err")"
    done
    like 'a subscriber sees only what its rule asks for, and all of it' \
        "$(values "$work/subscribe.tool" | sort -u)" "$matching"
}

judge_searches() {
    for what in node1.local none; do
        found=$(sort "$work/find.$what" | grep -c 'node1.local .*</climate>')
        like "found by $what: at its three addresses" "$found" 3
    done
    like 'another name is not found' "$(cat "$work/find.node2.local")" ''
    like "libcoap's client: a group" \
        "$(grep -a 'c:2.05' "$work/group.libcoap" "$work/group.libcoap.err")" \
        "*t:NON c:2.05 *</climate>*"
}

crowd() {
    for i in $(seq 30); do
        later "crowd.$i" "$build/coap2" get coap://192.0.2.2/climate
    done
    wait_all
    count=$(cat "$work"/crowd.? "$work"/crowd.?? | grep -o 'temp=' | wc -l)
    like 'thirty at once: answers' "$count" 30
}

# ---- it asks ----------------------------------------------------------------

asks() { # URI
    start_node "$1"
    for _ in $(seq 80); do
        [ -s "$work/node.log" ] && break
        sleep 0.2
    done
    like "it asks $1" "$(cat "$work/node.log")" '2.05 temp=*'
    end_node "$1"
}

ask_others() {
    at "$build/coap2-server" -n node2.local >"$work/server.log" 2>&1 &
    running="$running $!"
    link=$(ip -n "$space" -6 -o addr show dev tap0 scope link |
        sed 's/.*inet6 \([0-9a-f:]*\).*/\1/')
    asks coap://192.0.2.1/climate
    asks 'coap://[fd00:83::1]/climate'
    # its first interface; lo is none of this stack
    asks "coap://[$link%251]/climate"
    asks coap://node2.local/climate
}

# ---- all of it --------------------------------------------------------------

trap end_all EXIT
trap 'exit 1' INT TERM
mkdir -p "$work"
needed
variants
program
add_network || {
    verdict 'a namespace with a TAP interface' 0 ''
    total
}
start_node
wait_for_node
ask
ask_long
watch
judge_watchers
judge_searches
crowd
end_node 'as a server'
ask_others
total
