#!/bin/sh
# A node registers with libcoap's resource directory, keeps its registration
# and takes it out again; and with a small directory of ours, which libcoap's
# client and a node look things up in. On the loopback.
set -u
cd "$(dirname "$0")/../.." || exit 2
work=build/interop
program=$work/directory
passed=0 failed=0 running=

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

# Does a text match a pattern of `case`?
matches() { # NAME TEXT PATTERN
    truth=0
    # shellcheck disable=SC2254 # it is a pattern
    case $2 in $3) truth=1 ;; esac
    verdict "$1" $truth "wanted $3
got    $2"
}

# ---- who takes part ---------------------------------------------------------

needed() {
    for command in coap-rd-notls coap-client-notls valgrind timeout; do
        command -v $command >/dev/null ||
            verdict "$command is missing: tests/setup.sh installs it" 0 ''
    done
    ${CC:-cc} -std=c99 -O1 -Wall -Wextra -I. -Itests -Iexamples/posix \
        tests/interop/directory.c -o $program 2>$work/cc.log ||
        verdict 'tests/interop/directory.c compiles' 0 "$(cat $work/cc.log)"
    [ $failed -eq 0 ] || total
}

start() { # LOG COMMAND...
    log=$1
    shift
    : >"$log"
    timeout 120 "$@" >"$log" 2>&1 &
    running="$running $!"
}

# shellcheck disable=SC2317 # by a trap
end_all() {
    # shellcheck disable=SC2086 # process ids
    [ -z "$running" ] || kill $running 2>/dev/null
}

# What libcoap's client gets: the answer's line, as it prints messages.
libcoap() { # METHOD PATH
    timeout 10 coap-client-notls -v 7 -B 5 -m "$1" "$directory$2" 2>&1 |
        grep -a '^v:1 t:[A-Z]* c:[2-5]\.' | tail -n 1
}

# Wait until somebody is at $directory.
wait_for_answer() {
    for _ in $(seq 20); do
        [ -z "$(libcoap get /.well-known/core)" ] || return
    done
    verdict 'a directory that starts' 0 "$(cat $work/rd.log)"
    total
}

# Wait for line LINE of a log; it stays in $line.
wait_for_line() { # LOG LINE
    line=
    for _ in $(seq 80); do
        line=$(sed -n "$2p" "$1")
        [ -z "$line" ] || return
        sleep 0.1
    done
}

# The location in the line that was waited for.
location() {
    printf '%s\n' "$line" | sed -n 's/^[a-z]* [0-9.]* \(\/[^ ]*\).*/\1/p'
}

# ---- libcoap's directory ----------------------------------------------------

# It answers 4.05 to an update (libcoap 4.3.1 knows POST /rd and GET and DELETE
# of what that made), on which a node registers anew: that is how it renews.
libcoap_rd() {
    name="libcoap's directory"
    start $work/node.log $program register 5 4 "$directory"
    wait_for_line $work/node.log 2
    matches "$name: registers" "$line" 'new 2.01 /rd/?* (0 s)'
    first=$(location)
    matches "$name: has the links" "$(libcoap get "$first")" \
        "*c:2.05* :: '</climate>;rt=\"climate\",</fan>;rt=\"fan\"'"
    matches "$name: lists it" "$(libcoap get /.well-known/core)" \
        "*<$first>*"
    wait_for_line $work/node.log 3
    matches "$name: does not know updates" "$line" 'lost 4.05  (3 s)'
    wait_for_line $work/node.log 4
    matches "$name: is renewed in time" "$line" 'new 2.01 /rd/?* (3 s)'
    second=$(location)
    matches "$name: has the links again" "$(libcoap get "$second")" \
        "*c:2.05* :: '</climate>;rt=\"climate\",</fan>;rt=\"fan\"'"
    wait_for_line $work/node.log 5
    matches "$name: is removed" "$line" 'removed 2.02 ?* (5 s)'
    matches "$name: has it no more" "$(libcoap get "$second")" '*c:4.04*'
}

# Given by its whole URI.
libcoap_rd_path() {
    name="libcoap's directory, by its path"
    start $work/path.log $program register 1 600 "$directory/rd"
    wait_for_line $work/path.log 2
    matches "$name: registers" "$line" 'new 2.01 /rd/?* (0 s)'
    wait_for_line $work/path.log 3
    matches "$name: is removed" "$line" 'removed 2.02*'
}

# ---- a directory of ours ----------------------------------------------------

# What a look-up prints, of libcoap's client and of ours.
look_up() { # NAME RT PATH QUERY PATTERN
    matches "$1, by libcoap's client" "$(libcoap get "$3?$4")" "*c:2.05*$5*"
    matches "$1, by a node" "$(timeout 10 $program look-up "core.rd-lookup-$2" \
        "$4" "$directory" | tail -n 1)" "$5"
}

# 1, if all hundred are in a list.
count_many() { # LIST
    printf '%s\n' "$1" | tr ',' '\n' |
        grep -c '^<coap://[0-9.:]*/many/[0-9]*>;rt="many";' | grep -cx 100
}

own_rd() {
    name='a small directory'
    start $work/own.log $program register 5 4 "$directory"
    wait_for_line $work/own.log 1
    node=coap://127.0.0.1:$line
    wait_for_line $work/own.log 2
    matches "$name: registers" "$line" 'new 2.01 /rd/1 (0 s)'
    look_up "$name: looks up resources" res /rd-lookup/res rt=climate \
        "<$node/climate>;rt=\"climate\";anchor=\"$node\""
    look_up "$name: looks up endpoints" ep /rd-lookup/ep ep=node1 \
        "</rd/1>;ep=\"node1\";base=\"$node\""
    wait_for_line $work/own.log 3
    matches "$name: renews" "$line" 'renewed 2.04 /rd/1 (3 s)'
    wait_for_line $work/own.log 4
    matches "$name: is removed" "$line" 'removed 2.02 /rd/1 (5 s)'
    look_up "$name: nothing is left" res /rd-lookup/res rt=climate ''
}

# Links that take blocks, both ways. (libcoap's directory keeps the first one.)
own_rd_many() {
    name='a small directory, many links'
    start $work/many.log $program register 3 600 "$directory/rd" many
    wait_for_line $work/many.log 2
    matches "$name: registers" "$line" 'new 2.01 /rd/?* (0 s)'
    many=$(timeout 10 coap-client-notls -B 5 \
        "$directory/rd-lookup/res?rt=many" 2>/dev/null)
    verdict "$name: has all of them, says libcoap's client" \
        "$(count_many "$many")" "$many"
    many=$(timeout 10 $program look-up core.rd-lookup-res rt=many "$directory")
    verdict "$name: has all of them, says a node" "$(count_many "$many")" \
        "$many"
    wait_for_line $work/many.log 3
    matches "$name: is removed" "$line" 'removed 2.02*'
}

own_rd_simple() {
    name='simple registration'
    start $work/simple.log $program register 4 4 "$directory" simple
    wait_for_line $work/simple.log 1
    node=coap://127.0.0.1:$line
    wait_for_line $work/simple.log 2
    matches "$name: registers" "$line" 'new 2.04  (0 s)'
    look_up "$name: the links were read" res /rd-lookup/res rt=fan \
        "<$node/fan>;rt=\"fan\";anchor=\"$node\""
    wait_for_line $work/simple.log 3
    matches "$name: renews" "$line" 'renewed 2.04  (3 s)'
    wait_for_line $work/simple.log 4
    matches "$name: leaves" "$line" 'removed 0.00*'
    sleep 4
    look_up "$name: it has run out" res /rd-lookup/res rt=fan ''
}

# ---- all of it --------------------------------------------------------------

mkdir -p $work
needed
trap end_all EXIT
trap 'exit 1' INT TERM

start $work/serve.log $program serve
wait_for_line $work/serve.log 1
directory=coap://127.0.0.1:$line
own_rd
own_rd_many
own_rd_simple

# libcoap's finds no port by itself: one that another program has just left.
# It frees twice what is removed, and would die of it.
start $work/port.log $program serve
wait_for_line $work/port.log 1
kill "${running##* }"
start $work/rd.log valgrind -q --log-file=$work/rd.valgrind \
    coap-rd-notls -A 127.0.0.1 -p "$line"
directory=coap://127.0.0.1:$line
wait_for_answer
libcoap_rd
libcoap_rd_path
total
