#!/bin/sh
# Test coap2 find, and requests by name, on the loopback: against servers that
# have names, and peers that answer by a script. BUILD names another directory.
set -u
cd "$(dirname "$0")/.." || exit 2
. tests/peers.sh

# Run the tool in the background, sending from the loopback.
seek() { # FILE WORD...
    name=$scratch/$1
    shift
    {
        timeout -k 1 30 "$tool" -a 127.0.0.1 "$@" >"$name.out" 2>"$name.err"
        echo $? >"$name.status"
    } &
    searches="$searches $!"
}

# What that gave: its status, its lines in their order, and what it said.
sought() { # NAME FILE PATTERN
    fits "$1" "$(cat "$scratch/$2.status"; sort "$scratch/$2.out"
        cat "$scratch/$2.err")" "$3"
}

# How long it took is not what is tested here.
searches=''
serve 127.0.0.1 0 -n node1.local
one=$at
serve 127.0.0.2 "${one##*:}" -n node2.local
two=$at
serve 127.0.0.3 "${one##*:}"
group=coap://224.0.1.187:${one##*:}
address1=${one#coap://} address2=${two#coap://} address3=${at#coap://}

seek all find "$group"
seek name find NODE2.local. "$group"
seek path find /fan "$group"
seek query find "$group/.well-known/core?rt=fan"
seek option find -O 15,rt=climate "$group"
seek json find --json '/cl*' "$group"
seek nobody find node9.local "$group"
seek secret find /secret "$group" -s 6
seek short find node9.local "$group" -s 0.3

# ---- one node, asked alone -------------------------------------------------

path=bb2e77656c6c2d6b6e6f776e04636f7265
discovery='e?0014' # its number, behind Uri-Path
answer='A 45 i t c1 28 e5 00 13 61 2e 6c 6f 63 ff 3c2f783e'
against "$answer" find $peer
fits 'one: a line' "$status $out" "0 127.0.0.1:$port * a.loc </x>"
fits 'one: what is sent' "$wire" "4401$rest$path${discovery}"
against "$answer" find /x $peer
fits 'one: a path' "$status $out $wire" \
    "0 *a.loc </x> 4401$rest$path${discovery}2f78"
against "$answer" find a.loc $peer/?rt=a
fits 'one: a name, and a query' "$status $out $wire" \
    "0 *a.loc </x> 4401$rest${path}4472743d61e50010612e6c6f63"
against "$answer" find a.loc $peer/.well-known/core?rt=a
fits 'one: a path that says the same' "$status $wire" \
    "0 4401$rest${path}4472743d61*"
against "$answer" find -A json $peer
fits 'one: -A' "$status $wire" "0 4401$rest${path}6132*"
against "$answer" find --json /x $peer
gives 'one: --json' 0 \
    '{"peer":"127.0.0.1:'"$port"'","name":"a.loc","links":"</x>"}' ''
against 'A 45 i t c1 28 e0 00 13 ff 3c2f783e' find /x $peer
fits 'one: a node without a name' "$status $out" "0 127.0.0.1:$port * - </x>"
against 'A 45 i t c1 28 e4 00 13 1b5b324a ff 3c2f783e' find $peer
fits 'one: what is no text is escaped' "$status $out" \
    '0 *\\x1b[[]2J </x>'
against 'A 45 i t c1 28 e0 00 13 ff 3c2f783e2c3c2f1b3e' find $peer
fits 'one: a list that is malformed' "$status $out" '0 * - </x>'
against 'A 84 i t' find /x $peer
gives 'one: it does not match' 1 '' "127.0.0.1:$port: 4.04 Not Found"
against 'R 00 i' find $peer
gives 'one: a reset' 1 '' 'coap2: ?*'
against ' ' find -s 0.4 $peer
gives 'one: no answer' 1 '' 'coap2: nobody answered'

# Links as a plain node lists them: </x>;rt="a",</y>,</xy>;sz=5
links=3c2f783e3b72743d2261222c3c2f793e2c3c2f78793e3b737a3d35
against "A 45 i t c1 28 ff $links" find $peer
fits 'plain: all of it' "$status $out" \
    '0 127.0.0.1:* - </x>;rt="a",</y>,</xy>;sz=5'
against "A 45 i t c1 28 ff $links" find ' /nix , x,' $peer
fits 'plain: what was asked for' "$status $out" '0 127.0.0.1:* - </x>;rt="a"'
against "A 45 i t c1 28 ff $links" find '/x*' $peer
fits 'plain: a wildcard' "$status $out" \
    '0 127.0.0.1:* - </x>;rt="a",</xy>;sz=5'
against "A 45 i t c1 28 ff $links" find '/*' $peer
fits 'plain: /*' "$status $out" '0 127.0.0.1:* - </x>;rt="a",</y>,</xy>;sz=5'
against "A 45 i t c1 28 ff $links" find --json '/y' $peer
gives 'plain: --json' 0 \
    '{"peer":"127.0.0.1:'"$port"'","name":null,"links":"</y>"}' ''

# ---- a server --------------------------------------------------------------

run find "$one"
fits 'server: all of it' "$status $out" "0 $address1 * node1.local \
</climate>;rt=\"climate\"*,</fan>;rt=\"fan\"*,</large>;*,</store>;*,</slow>;*"
fits 'server: what is hidden stays so' "${out%%secret*}" "$out"
run find fan "$one"
gives 'server: another name' 1 '' "$address1: 4.04 Not Found"
run find 'fan,nix' "$one"
fits 'server: a path, without its slash' "$status $out" \
    "0 $address1 * node1.local </fan>;rt=\"fan\""
run find Node1.Local "$two"
gives 'server: the name of another' 1 '' "$address2: 4.04 Not Found"
run find /climate "$one/?rt=fan"
fits 'server: a query that leaves nothing' "$status $out" \
    "0 $address1 * node1.local "
run find -A json /climate,/fan "$one"
fits 'server: -A json' "$status $out" "0 $address1 * node1.local \
{\"/climate\":{\"methods\":[[]\"GET\",\"PUT\",\"PATCH\",\"iPATCH\"],\
\"observable\":true,\"separate\":false},\"/fan\":{\"methods\":[[]\"GET\",\
\"PUT\"],\"observable\":true,\"separate\":false}}"

# ---- all groups, and by name: the port is that of CoAP ---------------------

# Where another program has it, this is left out.
serve 127.0.0.4 5683 -n node4.local
named=''
if [ -n "$heard" ] && [ "$at" = coap://127.0.0.4:5683 ]; then
    named=yes
    seek groups find node4.local
    seek get get coap://node4.local/fan
    seek port get coap://Node4.Local:5683/fan
    seek wrong get coap://node5.local/fan
    seek subscribe subscribe coap://node4.local/fan 'value = "off"' -s 9
fi

# ---- bad usage -------------------------------------------------------------

refused 'two names' find a.local b.local
refused 'two URIs' find coap://127.0.0.1 coap://127.0.0.1
refused 'a URI that is none' find 'coap://a b/'
refused 'a URI with a path' find coap://127.0.0.1/climate
refused 'another scheme' find coaps://127.0.0.1
refused 'too much to look for' \
    find "$(awk 'BEGIN { while (n++ < 256) printf "x" }')"
refused '-s of x' find -s x
refused 'no payload' find -e x
run find -i nothing
gives 'an interface that there is not' 1 '' 'coap2: no interface nothing'
run find -a 192.0.2.77
gives 'an address that is not ours' 1 '' 'coap2: ?*'
run find coap://nobody.invalid
gives 'a host that there is not' 1 '' 'coap2: ?*'
run find -i lo -s 0.2 node9.local
gives '-i' 1 '' 'coap2: nobody answered'
run help find
fits 'help' "$status $out" '0 usage: coap2 find *-i INTERFACE*'

# ---- the groups, in the end ------------------------------------------------

# shellcheck disable=SC2086 # they are several
wait $searches
sought 'group: everybody' all "0
$address1 * node1.local </climate>*
$address2 * node2.local </climate>*
$address3 * - </climate>*"
sought 'group: a name' name "0
$address2 * node2.local </climate>*</slow>*"
sought 'group: a path' path "0
$address1 * node1.local </fan>;rt=\"fan\"
$address2 * node2.local </fan>;rt=\"fan\"
$address3 * - </fan>;rt=\"fan\""
sought 'group: a query' query "0
$address1 * node1.local </fan>;rt=\"fan\"
$address2 * node2.local </fan>;rt=\"fan\"
$address3 * - </fan>;rt=\"fan\""
sought 'group: a query as an option' option "0
$address1 * node1.local </climate>;rt=\"climate\"*
$address2 *
$address3 *"
sought 'group: --json' json "0
{\"peer\":\"$address1\",\"name\":\"node1.local\",\"links\":\"</climate>*
{\"peer\":\"$address2\",\"name\":\"node2.local\",\"links\":\"</climate>*
{\"peer\":\"$address3\",\"name\":\"\",\"links\":\"</climate>*"
sought 'group: nobody' nobody '1
coap2: nobody answered'
sought 'group: what is hidden is not found' secret '1
coap2: nobody answered'
sought 'group: -s' short '1
coap2: nobody answered'
if [ -n "$named" ]; then
    sought 'all groups' groups '0
127.0.0.4:5683 * node4.local </climate>*'
    sought 'by name: get' get '0
off
2.05 Content'
    sought 'by name: a port' port '0
off
2.05 Content'
    sought 'by name: nobody' wrong '1
coap2: coap://node5.local/fan: ?*'
    sought 'by name: subscribe' subscribe '0
????-??-?? ??:??:??.??? first  off'
fi

total
