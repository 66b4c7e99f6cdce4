#!/bin/sh
# Eight nodes in network namespaces on a bridge, and two plain servers of
# libcoap among them, are looked for by everybody's group, over IPv4 and IPv6:
# by our tool and by tests/netns/client.c. Who answered is counted on the wire,
# by tests/netns/wire.c on the ports of the bridge. Then they are asked by name,
# and one of them moves. Needs root; makes what it needs, and removes it.
# BUILD names another directory to take coap2 and coap2-server from.
set -u
cd "$(dirname "$0")/.." || exit 2
build=${BUILD:-build}
work=build/netns
prefix=coap2-$$
passed=0 failed=0 running='' spaces=''
listen=6.5 # seconds: the leisure of coap2-server is 5

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

# ---- what it takes ----------------------------------------------------------

needed() {
    for command in ip coap-server-notls "${CC:-cc}" awk mkfifo timeout; do
        command -v "$command" >/dev/null ||
            verdict "$command is missing" 0 ''
    done
    for program in coap2 coap2-server; do
        [ -x "$build/$program" ] ||
            verdict "$build/$program is missing: make builds it" 0 ''
    done
    [ "$(id -u)" -eq 0 ] || verdict 'network namespaces need root' 0 ''
    [ $failed -eq 0 ] || total
}

compile() { # PROGRAM
    "${CC:-cc}" -std=c99 -O1 -I. -Iexamples/posix "tests/netns/$1.c" \
        -o "$work/$1" 2>"$work/$1.log" && return
    verdict "tests/netns/$1.c compiles" 0 "$(head -n 5 "$work/$1.log")"
    total
}

# shellcheck disable=SC2317 # by a trap
end_all() {
    # shellcheck disable=SC2086 # process ids
    [ -z "$running" ] || kill $running 2>/dev/null
    for space in $spaces; do
        ip netns del "$space"
    done
}

# ---- the network ------------------------------------------------------------

# A command in a namespace.
at() { # SPACE COMMAND...
    space=$1
    shift
    ip netns exec "$prefix-$space" "$@"
}

add_space() { # SPACE
    ip netns add "$prefix-$1" && spaces="$spaces $prefix-$1" &&
        ip -n "$prefix-$1" link set lo up
}

# A machine at 10.83.0.NUMBER and fd00:83::NUMBER; its port of the bridge is
# named v and its own name. Without duplicate address detection an address can
# be used at once.
add_machine() { # SPACE NUMBER
    add_space "$1" &&
        ip link add "v$1" netns "$prefix-hub" type veth \
            peer name eth0 netns "$prefix-$1" &&
        ip -n "$prefix-hub" link set "v$1" master br0 up &&
        at "$1" sh -c 'echo 0 >/proc/sys/net/ipv6/conf/eth0/accept_dad' &&
        ip -n "$prefix-$1" link set eth0 up &&
        ip -n "$prefix-$1" addr add "10.83.0.$2/24" dev eth0 &&
        ip -n "$prefix-$1" addr add "fd00:83::$2/64" dev eth0 nodad &&
        ip -n "$prefix-$1" route add 224.0.0.0/4 dev eth0
}

add_network() {
    add_space hub &&
        ip -n "$prefix-hub" link add br0 type bridge mcast_snooping 0 &&
        ip -n "$prefix-hub" link set br0 up &&
        for number in 1 2 3 4 5 6 7 8; do
            add_machine $number $number || return 1
        done &&
        add_machine p 11 && add_machine q 12 && add_machine spare 13 &&
        add_machine c 14
}

# Start a program in the background; what it says goes to a log. It does not
# keep the client's commands open (3).
start() { # SPACE LOG COMMAND...
    place=$1 log=$work/$2.log
    shift 2
    : >"$log"
    ip netns exec "$prefix-$place" "$@" >"$log" 2>&1 3>&- &
    last=$!
    running="$running $last"
}

start_node() { # SPACE ARGUMENT...
    where=$1
    shift
    start "$where" "node-$where" $work/node -l 500 "$@"
}

start_nodes() {
    start hub wire $work/wire
    start_node 1 -n node1.local 'climate;rt="climate"' fan x/a
    start_node 2 -n node2.local 'climate;rt="climate"' hum
    start 3 node-3 "$build/coap2-server" -n node3.local
    start_node 4 -n node4.local 'light;rt="light"' x/a x/b
    node4=$last
    start_node 5 -n Node5.Local x/c
    start_node 6 'fan;rt="fan"'
    start 7 node-7 "$build/coap2-server" -n node7.local
    start_node 8 -n node8.local 'sensors/temp;rt="temp"' sensors/hum
    start p plain-p coap-server-notls -A 0.0.0.0 -g 224.0.1.187 -G eth0
    start q plain-q coap-server-notls -A :: -g ff02::fd -G eth0
    for name in wire node-1 node-2 node-3 node-4 node-5 node-6 node-7 node-8
    do
        wait_for_text "$work/$name.log" listening
    done
    sleep 0.3 # libcoap's servers do not say that they listen
}

wait_for_text() { # FILE TEXT
    for _ in $(seq 100); do
        grep -q "$2" "$1" && return
        sleep 0.05
    done
    verdict "$1 says $2" 0 "$(cat "$1")"
    total
}

# ---- searches ---------------------------------------------------------------

# A line a search of the client: its name, the query (- for none), what is
# looked for, and the nodes that are meant.
searches() {
    cat <<END
everybody|-||1 2 3 4 5 6 7 8
a name|-|node2.local|2
a name in another case|-|NODE5.local.|5
a path|-|/climate|1 2 3 7
one of two paths|-|light, sensors/hum|4 8
a wildcard|-|/x/*|1 4 5
a query of RFC 6690|rt=climate||1 2 3 7
a path and a query that leaves nothing|rt=fan|/climate|
a hidden path|-|/secret|
what a plain server offers|-|/time|
a name that nobody has|-|nobody.local|
END
}

# Searches of the tool, all of them over IPv4 and IPv6: what is looked for, in
# a form that the client does not use, and who is meant.
tool_searches() {
    cat <<END
node8.LOCAL|8
/climate,|1 2 3 7
/x/*,|1 4 5
/nothing,|
END
}

# Each search is a process of its own, and all are under way at once.
begin_searches() {
    searches >$work/searches
    tool_searches >$work/tool_searches
    waiting=
    number=0
    while IFS='|' read -r _ query what _; do
        number=$((number + 1))
        for address in 0.0.0.0 ::; do
            printf 'find %s %s\n' "$query" "$what" |
                at c timeout 20 $work/client $address "${listen%.*}500" \
                    >"$work/found-$number-$address" 2>&1 &
            waiting="$waiting $!"
        done
    done <$work/searches
    number=0
    while IFS='|' read -r what _; do
        number=$((number + 1))
        at c timeout 20 "$build/coap2" find -s $listen "$what" \
            >"$work/tool-$number" 2>"$work/tool-$number.err" &
        eval "tool_$number=$!"
    done <$work/tool_searches
    at c timeout 20 "$build/coap2" get -N -B $listen \
        'coap://224.0.1.187/.well-known/core?rt=light' \
        >$work/plain-query 2>&1 &
    waiting="$waiting $!"
}

# Who answered a search, counted on the wire: `NODE:TIMES ...`, a line for each
# port that asked so, but those that are alike once.
answered() { # FAMILY DISCOVERY?QUERY
    awk -v family="$1" -v key="$2" '
        $2 != family { next }
        $1 == "vc" && $4 == 5683 {
            text = $0
            for (i = 0; i < 7; i++) sub(/^[^ ]* /, "", text)
            if (text == key) asked[$3] = 1
        }
        $1 != "vc" && $3 == 5683 { times[$4 " " $1]++ }
        END {
            for (port in asked) {
                line = ""
                for (i = 1; i <= 8; i++)
                    if ((count = times[port " v" i]) > 0)
                        line = line " " i ":" count
                print line
            }
        }' $work/wire.log | sort -u
}

# Did a plain server answer a search, too?
plain_answered() { # FAMILY DISCOVERY?QUERY
    awk -v family="$1" -v key="$2" '
        $2 != family { next }
        $1 == "vc" && $4 == 5683 {
            text = $0
            for (i = 0; i < 7; i++) sub(/^[^ ]* /, "", text)
            if (text == key) asked[$3] = 1
        }
        $1 ~ /^v[pq]$/ && $3 == 5683 && $4 in asked { some = 1 }
        END { print some + 0 }' $work/wire.log
}

# As answered prints it: over IPv4 each answers once; over IPv6 to both groups.
each() { # FAMILY NODE...
    times=1 line=
    [ "$1" = 6 ] && times=2
    shift
    for node in "$@"; do line="$line $node:$times"; done
    echo "$line"
}

# The names of the nodes, in a line; the one without a name is -.
names_of() { # NODE...
    for node in "$@"; do
        case $node in
        5) echo Node5.Local ;;
        6) echo ;;
        *) echo "node$node.local" ;;
        esac
    done | sort | tr '\n' ' '
}

# The names that a client found. What a plain server sent is `-`, and is kept
# apart in $plain.
check_found() { # NAME FILE QUERY WHAT NODES FAMILY
    plain=$(grep -c '^- ' "$2")
    found=$(grep -v '^- \|^end$' "$2" | sed 's/ .*//' | sort -u | tr '\n' ' ')
    # shellcheck disable=SC2086 # a list
    same "$1: who was found" "$found" "$(names_of $5)"
    # shellcheck disable=SC2086 # a list
    same "$1: who answered, on the wire" "$(answered "$6" "$4?$3")" \
        "$(each "$6" $5)"
}

check_searches() {
    number=0
    while IFS='|' read -r name query what nodes; do
        number=$((number + 1))
        for address in 0.0.0.0 ::; do
            family=4
            [ $address = :: ] && family=6
            check_found "IPv$family, $name" "$work/found-$number-$address" \
                "$query" "$what" "$nodes" $family
            case $name in
            everybody | 'what a plain server offers')
                same "IPv$family, $name: the plain server is found" \
                    "$plain" 1
                ;;
            *'RFC 6690'*) ;; # its own filter
            *)
                same "IPv$family, $name: a plain server is not" "$plain" 0
                ;;
            esac
        done
    done <$work/searches
    # it lists all it has, whoever was looked for: that is what is filtered
    for family in 4 6; do
        same "IPv$family: the plain server answered all the same" \
            "$(plain_answered $family '/climate?-')$(
                plain_answered $family 'node2.local?-'
            )" 11
    done
}

check_tool_searches() {
    number=0
    while IFS='|' read -r what nodes; do
        number=$((number + 1))
        eval "wait \$tool_$number"
        status=$?
        wanted=0
        [ -n "$nodes" ] || wanted=1
        same "our tool, $what: status" $status $wanted
        found=$(awk '{ print $2 }' $work/tool-$number | sort -u | tr '\n' ' ')
        # shellcheck disable=SC2086 # a list
        same "our tool, $what: who was found" "$found" "$(names_of $nodes)"
        for family in 4 6; do
            # shellcheck disable=SC2086 # a list
            same "our tool, $what: who answered over IPv$family, on the wire" \
                "$(answered $family "$what?-")" "$(each $family $nodes)"
        done
    done <$work/tool_searches
    # without Discovery it is RFC 6690's own, and who has nothing is silent
    same 'a group GET with a query: who answered, on the wire' \
        "$(answered 4 '-?rt=light')" "$(each 4 4)"
    grep -q '</light>;rt="light"' $work/plain-query
    verdict 'a group GET with a query: its links' $((!$?)) \
        "$(cat $work/plain-query)"
}

# ---- names ------------------------------------------------------------------

# Requests of the tool, by name, all at once: STATUS OUTPUT URI.
begin_names() {
    cat >$work/names <<END
0|temp=21.5 hum=40|coap://node3.local/climate
0|node8.local|coap://NODE8.local/sensors/hum
0|Node5.Local|coap://node5.local/x/c
4||coap://node1.local/none
1||coap://nobody.local/x
END
    number=0
    while IFS='|' read -r _ _ uri; do
        number=$((number + 1))
        at c timeout 30 "$build/coap2" get "$uri" >"$work/name-$number" \
            2>"$work/name-$number.err" &
        eval "name_$number=$!"
    done <$work/names
}

check_names() {
    number=0
    while IFS='|' read -r wanted output uri; do
        number=$((number + 1))
        eval "wait \$name_$number"
        same "our tool, $uri" "$?, $(cat $work/name-$number)" "$wanted, $output"
    done <$work/names
}

# A client that goes on living, and what it says to a command: in $said.
begin_client() { # ADDRESS
    mkfifo $work/commands
    : >$work/replies
    at c timeout 50 $work/client "$1" <$work/commands >$work/replies 2>&1 &
    client=$!
    running="$running $client"
    exec 3>$work/commands
}

end_client() {
    exec 3>&-
    wait $client
    rm -f $work/commands
}

command_client() { # TEXT
    had=$(grep -c '^end$' $work/replies)
    echo "$1" >&3
    for _ in $(seq 300); do
        [ "$(grep -c '^end$' $work/replies)" -gt "$had" ] && break
        sleep 0.05
    done
    said=$(grep -v '^end$' $work/replies | tail -n 1)
}

# How many searches for the node that moves were sent over a family.
count_searches() { # FAMILY
    awk -v family="$1" '
        $1 == "vc" && $2 == family && $8 == "node4.local?-" { count++ }
        END { print count + 0 }' $work/wire.log
}

# Does what was said come from a peer that fits a pattern? Sets $truth.
fits_peer() { # PATTERN
    truth=0
    # shellcheck disable=SC2254 # it is a pattern
    case $said in 2.05\ $1\ node4.local) truth=1 ;; esac
}

# The node is asked where it is, and once more, known; after it has moved to
# another machine it is found there. Both families at once.
check_before_move() { # FAMILY PEER
    command_client 'get coap://node4.local/light'
    fits_peer "$2"
    verdict "IPv$1, a node before it moves" $truth "$said"
    was=$said
    searched=$(count_searches "$1")
    command_client 'get coap://node4.local/light'
    same "IPv$1, a node that is known" "$said" "$was"
    same "IPv$1, a node that is known is not looked for" \
        "$(count_searches "$1")" "$searched"
}

check_after_move() { # FAMILY PEER
    command_client 'get coap://node4.local/light'
    fits_peer "$2"
    [ "$said" != "$was" ] || truth=0
    verdict "IPv$1, a node that has moved" $truth "was $was
is  $said"
}

move() { # PROCESS SPACE
    kill "$1"
    wait "$1" 2>/dev/null
    start_node "$2" -n node4.local 'light;rt="light"'
    node4=$last
    wait_for_text "$work/node-$2.log" listening
}

check_moves() {
    begin_client 0.0.0.0
    check_before_move 4 '10.83.0.4:5683'
    move "$node4" spare
    check_after_move 4 '10.83.0.13:5683'
    end_client
    begin_client ::
    check_before_move 6 '[[]*]:5683'
    move "$node4" 4
    check_after_move 6 '[[]*]:5683'
    end_client
}

# ---- all of it --------------------------------------------------------------

mkdir -p $work
rm -f $work/commands
needed
for program in node client wire; do compile $program; done
trap end_all EXIT
trap 'exit 1' INT TERM
if ! add_network 2>$work/network.log; then
    verdict 'a network of namespaces' 0 "$(cat $work/network.log)"
    total
fi
start_nodes
begin_searches
begin_names
# shellcheck disable=SC2086 # process ids
wait $waiting
check_tool_searches
check_searches
check_names
check_moves
total
