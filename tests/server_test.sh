#!/bin/sh
# Test the demo server, build/coap2-server, from the wire: datagrams in hex go
# to it on the loopback, what it answers is compared as hex, where ID stands
# for the id of the request. BUILD names another directory to take it from.
set -u
cd "$(dirname "$0")/.." || exit 2
build=${BUILD:-build}
server=$build/coap2-server
sender=$build/tests/udp_send
scratch=$build/server_test.$$
pid='' id=0
passed=0 failed=0

for program in "$server" "$sender"; do
    if [ ! -x "$program" ]; then
        echo "not ok - $program is missing: make test builds it"
        echo "0 passed, 1 failed"
        exit 1
    fi
done
mkdir -p "$scratch" || exit 2

# Ends the server that this script started, and no other. Sets $status.
stop() { # SIGNAL
    if [ -n "$pid" ]; then
        kill -s "$1" "$pid"
        wait "$pid"
        status=$?
        pid=''
    fi
}
trap 'stop KILL 2>/dev/null; rm -rf "$scratch"' EXIT

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

# Does a text fit a pattern of `case`?
fits() { # NAME TEXT PATTERN
    truth=0
    # shellcheck disable=SC2254 # it is a pattern
    case $2 in $3) truth=1 ;; esac
    verdict "$1" $truth "wanted $3
got    $2"
}

hex() { # TEXT
    printf '%s' "$1" | od -An -v -tx1 | tr -d ' \n'
}

# Start a server on a port that is free; sets $pid, $heard and $port.
start() { # OPTION...
    : >"$scratch/log"
    "$server" "$@" -p 0 >"$scratch/log" 2>&1 &
    pid=$!
    for _ in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do
        heard=$(head -n 1 "$scratch/log")
        [ -n "$heard" ] && break
        sleep 0.1
    done
    port=${heard##*:}
}

next() {
    id=$((id + 1))
    hex_id=$(printf '%04x' "$id")
}

# Ask with token 7a, and compare the answer. TYPE is 4 (CON) or 5 (NON); the
# answer stays in $got.
ask() { # NAME TYPE CODE REST ANSWER
    next
    got=$("$sender" 127.0.0.1 "$port" "${2}1$3${hex_id}7a$4")
    fits "$1" "$got" "$(echo "$5" | sed "s/ID/$hex_id/g")"
}

# Ask for a body in blocks of 1024 bytes (RFC 7959 2.4); it stays in $body.
ask_blocks() { # PATH LENGTH
    body='' at=0
    while [ "$at" -lt "$2" ]; do
        next
        size=$(($2 - at))
        [ "$size" -gt 1024 ] && size=1024
        got=$("$sender" 127.0.0.1 "$port" \
            "4101${hex_id}7a$1c2$(printf '%04x' $((at / 64 + 6)))")
        body=$body$(printf '%s' "$got" | tail -c $((2 * size)))
        at=$((at + size))
    done
}

# The same with any bytes.
raw() { # NAME HEX ANSWER MS
    got=$("$sender" -w "$4" 127.0.0.1 "$port" "$2")
    fits "$1" "$got" "$3"
}

# Uri-Path behind no other option.
climate=b7$(hex climate) fan=b3$(hex fan) large=b5$(hex large)
store=b5$(hex store) slow=b4$(hex slow) secret=b6$(hex secret)
core=bb$(hex .well-known)04$(hex core) discovery=eb0014

# ---- the command line ------------------------------------------------------

ends() { # NAME STATUS OPTION...
    name=$1 wanted=$2
    shift 2
    timeout 5 "$server" "$@" >"$scratch/out" 2>"$scratch/err"
    status=$?
    truth=0
    if [ "$status" -eq "$wanted" ] && [ ! -s "$scratch/out" ] &&
        [ -s "$scratch/err" ]; then
        truth=1
    fi
    verdict "$name" $truth "wanted $wanted and a reason
got    $status $(cat "$scratch/out" "$scratch/err")"
}

fits 'help' "$("$server" -h) $?" 'usage: coap2-server*-A*-p*-n*-i*-v* 0'
ends 'an option that there is not' 2 -x
ends 'an option without its value' 2 -A
ends 'an argument' 2 127.0.0.1
ends 'a port that is no number' 2 -p coap
ends 'a port that is too large' 2 -p 65536
ends 'a port that is negative' 2 -p -1
ends 'a port that is empty' 2 -p ''
ends 'an interface that there is not' 1 -i nothing -p 0
ends 'an address that there is not' 1 -A 0.0.0.0.1 -p 0
ends 'an address of another machine' 1 -A 192.0.2.77 -p 0

# ---- messages (RFC 7252 4) -------------------------------------------------

start -A 127.0.0.1 -n node1.local
fits 'a line tells where it listens' "$heard" 'listening on 127.0.0.1:[1-9]*'
ends 'a port that is taken' 1 -A 127.0.0.1 -p "$port"

# These take seconds, so they run beside the others: /slow (5.2.2), and the
# groups, whose answers have their leisure (8.2). What has no answer for a
# group is silent (8.1).
begin=$(date +%s)
{
    "$sender" -a -n 2 -w 9000 127.0.0.1 "$port" "41017001""7a$slow"
    echo $(($(date +%s) - begin))
} >"$scratch/slow" &
slow_job=$!
"$sender" -s -w 7000 -i lo 224.0.1.187 "$port" "51017002""7a$fan" \
    >"$scratch/group" 2>&1 &
group_job=$!
"$sender" -w 7000 -i lo 224.0.1.187 "$port" "51017003""7ab3$(hex nix)" \
    >"$scratch/group_error" 2>&1 &
group_error_job=$!
"$sender" -w 7000 -i lo 224.0.1.187 "$port" "41017004""7a$fan" \
    >"$scratch/group_con" 2>&1 &
group_con_job=$!
"$sender" -s -w 7000 -i lo 224.0.1.187 "$port" \
    "51017005""7a$core$discovery$(hex Node1.Local)" >"$scratch/found" 2>&1 &
found_job=$!
"$sender" -w 7000 -i lo 224.0.1.187 "$port" \
    "51017006""7a$core$discovery$(hex node2.local)" >"$scratch/unfound" 2>&1 &
unfound_job=$!

raw '4.3 a ping is answered with a reset' 40000901 70000901 1000
raw '3 a token of 9 bytes is a format error' \
    490109020102030405060708"09$fan" 70000902 1000
raw '3 another version is dropped' 800109037a"$fan" '' 300
raw '4.2 an acknowledgement of nothing is dropped' 60000904 '' 300
ask '5.2.1 an answer in the acknowledgement' 4 01 "$fan" \
    "6145ID7ac0ff$(hex off)"
ask '5.2.3 an answer that is not confirmable' 5 01 "$fan" \
    "5145????7ac0ff$(hex off)"
raw '5.3.1 a token of 8 bytes' "48010905ff00ff00ff00ff00$fan" \
    "68450905ff00ff00ff00ff00c0ff$(hex off)" 1000
ask '5.10.1 a path that there is not' 4 01 "b3$(hex fam)" '6184ID7a*'
ask '5.8 a method that it does not have' 4 02 "$fan" '6185ID7a*'

# ---- the resources ---------------------------------------------------------

ask 'fan: PUT' 4 03 "${fan}ff$(hex on)" 6144ID7a
ask 'fan: it was changed' 4 01 "$fan" "6145ID7ac0ff$(hex on)"
ask 'fan: what is neither on nor off' 4 03 "${fan}ff$(hex maybe)" '6180ID7a*'

ask 'climate: as text' 4 01 "$climate" \
    "6145ID7ac0ff$(hex 'temp=21.5 hum=40')"
ask 'climate: as JSON' 4 01 "${climate}6132" \
    "6145ID7ac132ff$(hex '{"temp":21.5,"hum":40}')"
ask 'climate: PUT of both' 4 03 "${climate}ff$(hex 'temp=-3.5 hum=45')" \
    6144ID7a
ask 'climate: they were changed' 4 01 "$climate" \
    "6145ID7ac0ff$(hex 'temp=-3.5 hum=45')"
ask 'climate: PUT of both as JSON' 4 03 \
    "${climate}1132ff$(hex '{"temp":25.5,"hum":40}')" 6144ID7a
ask 'climate: that was done' 4 01 "$climate" \
    "6145ID7ac0ff$(hex 'temp=25.5 hum=40')"
cbor=a264$(hex temp)c4822018ff63$(hex hum)1829
ask 'climate: PUT of both as CBOR' 4 03 "${climate}113cff$cbor" 6144ID7a
ask 'climate: that was done, too; as CBOR' 4 01 "${climate}613c" \
    "6145ID7ac13cff?*$(hex hum)1829"
ask 'climate: out of range is refused, by name' 4 03 \
    "${climate}ff$(hex 'hum=300')" "6180ID7aff*$(hex hum)*"

ask 'large: its first block, and its size' 4 01 "$large" \
    "6145ID7ac0b10e521400ff$(hex 'line   1 of')*"
ask_blocks "$large" 5120
fits 'large: all of it' "$body" \
    "$(hex 'line   1 of')*$(hex 'line  27 of')*$(hex 'line 128 of')*0a"
fits 'large: nothing behind it' "${#body}" 10240
ask 'large: its last block' 4 01 "${large}c146" '6145ID7ac0b146ff*'
ask 'large: past its end' 4 01 "${large}c156" '6180ID7a*'

ask 'secret: it is there' 4 01 "$secret" '6145ID7ac0ff?*'
ask 'core: links' 4 01 "$core" "6145ID7ac128ff*$(hex '</climate>')*"
listed=$got
ask 'core: found by its name' 4 01 "$core$discovery$(hex node1.local)" \
    "6145ID7ac128eb0013$(hex node1.local)ff*$(hex '</climate>')*"
ask 'core: found by a path, and listed alone' 4 01 "${core}e40014$(hex /fan)" \
    "6145ID7ac128eb0013$(hex node1.local)ff$(hex '</fan>')*"
ask 'core: not by another name' 4 01 "$core$discovery$(hex node2.local)" \
    '6184ID7a'
for path in fan large store slow; do
    fits "core: /$path" "$listed" "*$(hex "</$path>")*"
done
fits 'core: not /secret' "${listed%%"$(hex secret)"*}" "$listed"

# ---- /store (5.10.6, 5.10.8) -----------------------------------------------

ask 'store: nothing yet' 4 01 "$store" '6184ID7a*'
ask 'store: If-None-Match, created' 4 03 "5065$(hex store)112aff00ff0a" \
    6141ID7a
ask 'store: If-None-Match, refused' 4 03 "5065$(hex store)112aff01" \
    '618cID7a*'
ask 'store: the bytes, their format, a tag' 4 01 "$store" \
    '6145ID7a48????????????????812aff00ff0a'
etag=${got#????????????}
etag=$(echo "$etag" | cut -c 1-16)
ask 'store: the tag is known' 4 01 "48${etag}75$(hex store)" \
    "6143ID7a48$etag"
ask 'store: If-Match, another' 4 03 "180102030405060708a5$(hex store)ff01" \
    '618cID7a*'
ask 'store: If-Match, this' 4 03 "18${etag}a5$(hex store)ff01" 6144ID7a
ask 'store: the tag is known no more' 4 01 "48${etag}75$(hex store)" \
    '6145ID7a48????????????????ff01'
ask 'store: deleted' 4 04 "$store" 6142ID7a
ask 'store: deleted again' 4 04 "$store" 6142ID7a
ask 'store: it is gone' 4 01 "$store" '6184ID7a*'

next
got=$("$sender" 127.0.0.1 "$port" "4103${hex_id}7a${store}ff02" \
    "4103${hex_id}7a${store}ff02")
fits '4.5 a request that comes again is not done again' "$got" \
    "6141${hex_id}7a
6141${hex_id}7a"

next
printf '\101\003\011\040\172\265store\377' >"$scratch/in"
head -c 2000 /dev/zero >>"$scratch/in"
got=$("$sender" 127.0.0.1 "$port" - <"$scratch/in")
fits 'store: a datagram that is too large' "$got" '618d09207a*'

# ---- blocks of a body that arrives (RFC 7959 2.5) --------------------------

# Send blocks from one endpoint: each is the value of a Block1 option, a slash,
# and payload. The codes and options of the answers stay in $got.
put_blocks() { # BLOCK/HEX...
    for block in "$@"; do
        next
        shift
        set -- "$@" "4103${hex_id}7a${store}d103${block%/*}ff${block#*/}"
    done
    got=$("$sender" 127.0.0.1 "$port" "$@" | cut -c 3-4,11- | tr '\n' ' ')
}

bytes=$(awk 'BEGIN { while (n++ < 2500) printf "%02x", 65 + n % 26 }')
one=$(echo "$bytes" | cut -c 1-2048)
two=$(echo "$bytes" | cut -c 2049-4096)
put_blocks "0e/$one" "1e/$two" "26/${bytes#"$one$two"}"
fits 'store: PUT in three blocks' "$got" '5fd10e0e 5fd10e1e 44d10e26 '
ask_blocks "$store" 2500
fits 'store: they come back' "$body" "$bytes"
put_blocks "1e/$two"
fits 'store: it does not begin with the second' "$got" '88* '
put_blocks "0e/$one" "26/ff"
fits 'store: one is missing' "$got" '5fd10e0e 88* '
put_blocks "0e/ff"
fits 'store: less than it claims' "$got" '80* '
put_blocks "0f/$one"
fits 'store: a size that there is not' "$got" '80* '
ask_blocks "$store" 2500
fits 'store: nothing of that was stored' "$body" "$bytes"

# ---- observe (RFC 7641) ----------------------------------------------------

# From one endpoint: register, change it, delete it.
got=$("$sender" -a -n 2 -w 500 127.0.0.1 "$port" \
    "41010a017a6055$(hex store)" "41030a027b${store}ff$(hex new)" \
    "41040a037c${store}" | tr '\n' ' ')
tag='????????????????'
fits 'store: observed, changed, and gone' "$got" \
    "61450a017a48${tag}2*d1040e* 61440a027b 4145????7a48${tag}2?*ff$(hex new) \
61420a037c 4184????7a* "

# ---- what took its time ----------------------------------------------------

wait "$slow_job" "$group_job" "$group_error_job" "$group_con_job" \
    "$found_job" "$unfound_job"
fits 'slow: 5.2.2 an acknowledgement, then the answer, two seconds later' \
    "$(cat "$scratch/slow")" "60007001
4145????7ac0ff$(hex slow)
[23]"
fits 'group: 8.2 an answer from the address it listens at' \
    "$(cat "$scratch/group")" "127.0.0.1 $port 5145????7ac0ff$(hex o)*"
fits 'group: 8.1 no errors' "$(cat "$scratch/group_error")" ''
fits 'group: found by its name, with its links' "$(cat "$scratch/found")" \
    "127.0.0.1 $port 5145????7ac128eb0013$(hex node1.local)ff\
$(hex '</climate>')*"
fits 'group: not by another name' "$(cat "$scratch/unfound")" ''
fits 'group: 8.1 no confirmable requests' "$(cat "$scratch/group_con")" ''

stop TERM
fits 'SIGTERM ends it' "$status" 0

# ---- every address ---------------------------------------------------------

start -v
fits 'it listens everywhere' "$heard" 'listening on 0.0.0.0:*:[1-9]*'
next
got=$("$sender" -s 127.0.0.9 "$port" "4101${hex_id}7a$fan")
fits 'an answer leaves from where its request came to' "$got" \
    "127.0.0.9 $port 6145${hex_id}7ac0ff$(hex off)"
if [ -e /proc/net/if_inet6 ]; then
    next
    got=$("$sender" -s ::1 "$port" "4101${hex_id}7a$fan")
    fits 'IPv6' "$got" "::1 $port 6145${hex_id}7ac0ff$(hex off)"
fi
raw 'a malformed message' 4f010906 70000906 1000
fits '-v shows what comes' "$(cat "$scratch/log")" \
    "*from 127.0.0.1:* CON GET * [[]7a] /fan
*malformed*"
fits '-v shows what goes' "$(cat "$scratch/log")" \
    '*to 127.0.0.1:* ACK 2.05 Content * [[]7a] Content-Format=0 (3 bytes)
*'
stop INT
fits 'SIGINT ends it' "$status" 0

echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
