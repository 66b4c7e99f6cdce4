#!/bin/sh
# Test the gateway of the tool, `coap2 slip`, from the outside, with a node of
# ours at a pseudo terminal. BUILD names another directory to take them from.
set -u
cd "$(dirname "$0")/.." || exit 2
build=${BUILD:-build}
tool=$build/coap2
scratch=$build/slip_test.$$
passed=0 failed=0 node='' gateway=''

for program in coap2 tests/slip_node; do
    [ -x "$build/$program" ] && continue
    echo "not ok - $build/$program is missing: make builds it"
    echo "0 passed, 1 failed"
    exit 1
done
mkdir -p "$scratch" || exit 2

# shellcheck disable=SC2317 # by a trap
end_all() {
    # shellcheck disable=SC2086 # process ids
    kill $node $gateway 2>/dev/null
    rm -rf "$scratch"
}
trap end_all EXIT

verdict() { # NAME TRUTH DETAIL
    if [ "$2" -eq 1 ]; then
        passed=$((passed + 1))
        echo "ok - $1"
    else
        failed=$((failed + 1))
        echo "not ok - $1"
        printf '%s\n' "$3" | sed 's/^/    /'
    fi
}

# Status, and patterns of `case` for both outputs.
gives() { # NAME STATUS OUTPUT ERRORS COMMAND...
    name=$1 wanted=$2 output=$3 errors=$4
    shift 4
    out=$(timeout 20 "$@" 2>"$scratch/err")
    status=$? err=$(cat "$scratch/err") truth=0
    # shellcheck disable=SC2254 # they are patterns
    case $out in
    $output)
        case $err in
        $errors) [ $status -eq "$wanted" ] && truth=1 ;;
        esac
        ;;
    esac
    verdict "$name" $truth "wanted $wanted, $output, $errors
got    $status, $out, $err"
}

# Wait until a file has a line.
wait_for() { # FILE PATTERN
    for _ in $(seq 50); do
        grep -qs "$2" "$1" && return
        sleep 0.1
    done
    verdict "a line like $2" 0 "$(cat "$1")"
}

start_node() {
    "$build/tests/slip_node" "$scratch/line" &
    node=$!
    for _ in $(seq 50); do
        [ -e "$scratch/line" ] && return
        sleep 0.1
    done
}

start_gateway() { # OPTION...
    : >"$scratch/gateway"
    "$tool" slip "$scratch/line" "$@" >"$scratch/gateway" 2>&1 &
    gateway=$!
    wait_for "$scratch/gateway" '^listening on '
    port=$(sed -n 's/^listening on .*:\([0-9]*\)$/\1/p' "$scratch/gateway")
    server=coap://127.0.0.1:$port
}

end_gateway() {
    kill $gateway
    wait $gateway
    verdict 'it ends by a signal' $((!$?)) "$(cat "$scratch/gateway")"
}

usage() {
    gives 'no device' 2 '' '*usage: coap2 slip*' "$tool" slip
    gives 'a device that is not there' 1 '' '*/none: No such file*' \
        "$tool" slip "$scratch/none"
    gives 'a port that is none' 2 '' '*65536*' "$tool" slip -p 65536 x
    gives 'a speed that is none' 2 '' '*110*' "$tool" slip -b 110 x
    gives 'its help' 0 '*usage: coap2 slip *' '' "$tool" slip --help
    gives 'a port that is taken' 1 '' '*cannot bind*' \
        "$tool" slip -a 127.0.0.1 -p "$port" "$scratch/line"
}

clients() {
    gives 'a client has its address' 0 '1 [1-9]* 127.0.0.1' '2.05*' \
        "$tool" get "$server/who"
    gives 'an IPv6 client has a number' 0 '3 0 0.0.0.[1-9]*' '2.05*' \
        "$tool" get "coap://[::1]:$port/who"
    first=$out
    gives 'and another one another' 0 '3 0 0.0.0.[1-9]*' '2.05*' \
        "$tool" get "coap://[::1]:$port/who"
    [ "$out" != "$first" ]
    verdict 'they are two' $((!$?)) "$first, $out"
    gives 'a group' 0 '1 [1-9]* 127.0.0.1 group*' '*' "$tool" get \
        -a 127.0.0.1 -B 1 "coap://224.0.1.187:$port/who"
    gives 'found by its name' 0 '*wired.local*</who>*' '' \
        "$tool" find -s 0.5 wired.local "$server"
}

bytes() {
    gives 'many ENDs there' 0 '' '2.04*' \
        "$tool" put -f "$scratch/ends" -t 42 "$server/large"
    "$tool" get "$server/large" >"$scratch/got" 2>"$scratch/err"
    cmp -s "$scratch/ends" "$scratch/got"
    verdict 'and back' $((!$?)) "$(cat "$scratch/err")"
    gives 'text for people' 0 '' '2.04*' \
        "$tool" put -e hello%20you "$server/text"
    wait_for "$scratch/gateway" '^node: hello you$'
    verdict 'is shown' 1 ''
}

# The node is unplugged, and comes back.
unplug() {
    kill $node
    wait $node 2>/dev/null
    rm -f "$scratch/line"
    wait_for "$scratch/gateway" 'line is gone'
    start_node
    wait_for "$scratch/gateway" 'line is back'
    gives 'a line that went and came back' 0 '1 *' '2.05*' \
        "$tool" get "$server/who"
}

head -c 1024 /dev/zero | tr '\0' '\300' >"$scratch/ends"
start_node
start_gateway -p 0 -v
usage
clients
bytes
grep -q '^from .* GET .*/who' "$scratch/gateway" &&
    grep -q '^to .* 2\.05 Content ' "$scratch/gateway"
verdict '-v shows what comes and goes' $((!$?)) "$(cat "$scratch/gateway")"
unplug
end_gateway
start_gateway -p 0 -b 9600 -a 127.0.0.1
gives 'at another speed' 0 '1 *' '2.05*' "$tool" get "$server/who"
end_gateway

echo "$passed passed, $failed failed"
[ $failed -eq 0 ]
