#!/bin/sh
# Test coap2 subscribe on the loopback: against a server whose values change
# from outside, and peers that answer by a script. BUILD names another
# directory.
set -u
cd "$(dirname "$0")/.." || exit 2
. tests/peers.sh

serve 127.0.0.1 0
one=$at one_log=$log

# Subscribe in the background; $subscriber is its process.
follow() { # FILE WORD...
    name=$scratch/$1
    shift
    "$tool" subscribe "$@" >"$name" 2>"$name.err" &
    subscriber=$!
    pids="$pids $subscriber"
    first_line "$name" >/dev/null
}

# End the subscriber; sets $status, and $out: its lines without their times.
leave() { # FILE SIGNAL
    kill -s "$2" "$subscriber"
    ended "$1"
}

ended() { # FILE
    wait "$subscriber"
    status=$?
    out=$(sed 's/^[-0-9]* [0-9:.]* //' "$scratch/$1")
    err=$(cat "$scratch/$1.err")
}

# Change something, and wait until the server says so. That it makes no news is
# seen by what follows.
change() { # PATH VALUE...
    where=$one/$1
    shift
    for value in "$@"; do
        run put -e "$value" "$where"
        [ "$status" -eq 0 ] || verdict "put $value" 0 "$err"
    done
}

# Changes that make news: each line is waited for.
news() { # FILE PATH VALUE...
    file=$scratch/$1 path=$2
    shift 2
    for value in "$@"; do
        lines=$(wc -l <"$file")
        change "$path" "$value"
        await "$file" $((lines + 1))
    done
}

now="????-??-?? ??:??:??.???"

# Nobody answers, not even in the end, which takes its time.
follow nobody coap://127.0.0.1:1/x 'a>b' -s 0.4
nobody=$subscriber

# ---- changes ---------------------------------------------------------------

follow both "$one/climate" 'temp > 20 and hum < 50'
news both climate 'temp=25.5 hum=40'
change climate 'temp=19' 'temp=20'
news both climate 'temp=20.1'
change climate 'hum=50' 'temp=30'
news both climate 'hum=49'
leave both INT
gives 'each change for which it is true' 0 'first  temp=21.5 hum=40
match  temp=25.5 hum=40
match  temp=20.1 hum=40
match  temp=30 hum=49' ''
fits 'each line begins with its time' "$(cat "$scratch/both")" "$now first *
$now match *
$now match *
$now match *"
fits 'SIGINT: the server was told' "$(sleep 0.2; tail -n 1 "$one_log")" \
    'to 127.0.0.1:* ACK 2.02 Deleted *'
fits 'QoS 1 without -q' "$(grep -c 'CON 2.05.* Rule ' "$one_log")" 3

follow when "$one/climate" 'when temp > 30 until temp < 28' -A json -q 0
news when climate 'temp=31'
change climate 'temp=32' 'temp=29' 'temp=33' 'temp=27.9'
news when climate 'temp=40'
leave when TERM
gives 'once as it becomes true, until it is armed again; SIGTERM' 0 \
    'first  {"temp":30,"hum":49}
match  {"temp":31,"hum":49}
match  {"temp":40,"hum":49}' ''
fits '-q 0' "$(grep -c 'NON 2.05.* Rule ' "$one_log")" 2

change climate 'temp=20 hum=40'
follow old "$one/climate" 'delta(temp) >= 0.5'
change climate 'temp=20.4' 'hum=41'
news old climate 'temp=20.5'
change climate 'temp=20.9'
news old climate 'temp=20'
leave old INT
gives 'what is compared with what was sent last' 0 'first  temp=20 hum=40
match  temp=20.5 hum=41
match  temp=20 hum=41' ''

follow fan "$one/fan" 'changed'
news fan fan on
change fan on
news fan fan off
leave fan INT
gives 'a resource with a handler' 0 'first  off
match  on
match  off' ''

# CBOR: {"temp": 26.5, "hum": 39}, of which 26.5 is a decimal fraction
printf '\242dtemp\304\202\040\031\001\011chum\030\047' >"$scratch/cbor"
follow formats "$one/climate" 'temp > 26'
news formats climate 'temp=26.1 hum=40'
run put -t json -e '{"temp":26.3,"hum":41}' "$one/climate"
fits 'a change as JSON' "$status" 0
await "$scratch/formats" 3
run put -t cbor -f "$scratch/cbor" "$one/climate"
fits 'a change as CBOR' "$status" 0
await "$scratch/formats" 4
leave formats INT
gives 'changes as text, JSON, and CBOR' 0 'first  temp=20 hum=41
match  temp=26.1 hum=40
match  temp=26.3 hum=41
match  temp=26.5 hum=39' ''

# ---- time ------------------------------------------------------------------

follow period "$one/climate" 'temp > 50 pmax 0.5' -s 1.3
ended period
fits '-s; pmax: the value comes whatever the rule says' "$status $out" \
    '0 first  temp=26.5 hum=39
period temp=26.5 hum=39*'
follow slow "$one/climate" 'temp > 20 pmin 1.2'
change climate 'temp=27' 'temp=28' 'temp=29'
await "$scratch/slow" 2
leave slow INT
gives 'pmin: of several changes the last, once' 0 'first  temp=26.5 hum=39
match  temp=29 hum=39' ''

# ---- what the options do ---------------------------------------------------

follow json "$one/climate" 'temp > 28' --json
news json climate 'temp=28.5'
leave json INT
fits '--json' "$status $out" '0 {"time":1*.???,"reason":"first","peer":"127.*'\
'"code":69,*,"payload":"74656d703d32392068756d3d3339"}
{"time":1*.???,"reason":"match",*"payload":"74656d703d32382e352068756d3d3339"}'
run subscribe "$one/climate" '' -o "$scratch/file" -s 0.2
fits '-o' "$status$out $(cat "$scratch/file")" "0 $now first  temp=28.5 hum=39"
if command -v script >/dev/null; then
    {
        sleep 0.5
        "$tool" put -e temp=31 "$one/climate" 2>/dev/null
    } &
    LC_ALL=C.UTF-8 SHELL=/bin/sh script -qec \
        "$tool subscribe $one/climate 'hum < 99 and temp < 99' -s 1.2" \
        /dev/null </dev/null >"$scratch/out" 2>/dev/null
    fits 'on a terminal: the course of the first field' \
        "$(tr -d '\r' <"$scratch/out")" \
        "$now first  temp=28.5 hum=39
hum * 39  (39 to 39)*K$now match  temp=31 hum=39
hum * 39  (39 to 39)*"
fi

# ---- peers -----------------------------------------------------------------

# Notification, 7, is behind Observe, and an empty Rule behind that.
against "A 45 i t 61 05 e1 007d 07 ff 61 + N 45 0002 t 61 06 e1 007d 07 \
a0 ff 62 | A 42 i t" subscribe $peer/x "value = 'b'" -s 0.4
fits 'wire: a mark' "$status $out" "0 $now first  a
$now match  b"
fits 'wire: the rule; unsubscribed' "$wire" \
    "4401${rest}605178eb008276616c7565203d20276227
4401${rest}61015178e1007807"

plain='A 45 i t 61 05 ff 31 + N 45 0002 t 61 06 ff 35 + N 45 0003 t 61 07 ff 34'
plain="$plain + N 45 0004 t 61 08 ff 36"
against "$plain | A 45 i t" subscribe $peer/x '> 4' -s 0.4
fits 'a server without rules: filtered here' "$status $out" "0 $now first  1
$now match  5
$now match  6"
fits 'a server without rules: told in the end' "${wire##*
}" "4401${rest}6101*"
against 'N 45 0001 t 61 05 ff 31 | N 42 0002 t' \
    subscribe -q 0 $peer/x '' -s 0.4
fits '-q 0: not confirmable' "$status $wire" "0 5401${rest}60*
5401${rest}6101*"

against 'A 45 i t 61 05 | A 45 i t' subscribe $peer/x '' -s 0.3
fits 'a value that is empty' "$status $out" "0 $now first  "

against 'A 80 i t ff 72756c653a333a206e6f' subscribe $peer/x 'a b' -s 5
gives 'refused here: the place' 4 '' 'coap2: rule:3: ?*
    a b
      ^'
against 'A 80 i t ff 72756c653a333a206e6f' subscribe $peer/x 'a>b' -s 5
gives 'refused: the place that the server names' 4 '' \
    '4.00 Bad Request: rule:3: no
    a>b
      ^'
against 'A 80 i t ff 72756c653a39393939393939393939393939393939393a' \
    subscribe $peer/x 'a>b' -s 5
gives 'refused: a place that there is not' 4 '' \
    '4.00 Bad Request: rule:99999999999999999:'
against 'A a3 i t' subscribe $peer/x 'a>b' -s 5
gives 'refused: another error' 4 '' '5.03 Service Unavailable'
against 'A 45 i t ff 61' subscribe $peer/x 'a>b' -s 5
fits 'refused: the value, and no more' "$status $out $err" \
    "4 $now last   a coap2: coap://*: it cannot be observed"
against "A 45 i t 61 05 ff 31 + N 84 0002 t" subscribe $peer/x '' -s 5
fits 'ended by an error' "$status $out $err" "4 $now first  1 4.04 Not Found"
against 'R 00 i' subscribe $peer/x 'a>b' -s 5
gives 'a reset' 1 '' 'coap2: ?*'
against ' ' subscribe $peer/x 'a>b' -B 0.4
gives 'no answer' 1 '' 'coap2: ?*'

# ---- rules that are wrong --------------------------------------------------

run subscribe "$one/climate" 'temp > 20 and humm < 50'
gives 'a field that the server has not' 4 '' \
    '4.00 Bad Request: rule:15: ?*
    temp > 20 and humm < 50
                  ^'
run subscribe "$one/climate" 'temp >'
gives 'a rule that ends too soon' 4 '' 'coap2: rule:7: ?*
    temp >
          ^'
run subscribe --json "$one/climate" 'temp >'
fits 'a rule that is wrong: --json' "$status $out$err" \
    '4 {"error":"?*","offset":6}'
run subscribe "$one/climate" \
    "$(awk 'BEGIN { while (n++ < 256) printf "a" }')"
gives 'a rule that is too long' 4 '' 'coap2: rule:256: ?*'
run subscribe "$one/fan" -5 -s 0.2
fits 'a rule that begins with a number below 0' "$status $out" \
    "0 $now first  off"

# ---- bad usage -------------------------------------------------------------

any=coap://127.0.0.1:1/x
refused 'no rule' subscribe $any
refused 'three arguments' subscribe $any a b
refused 'a URI that is none' subscribe 'coap://a b/' a
refused 'another scheme' subscribe coaps://127.0.0.1/x a
for value in '' 2 -1 01 x; do
    refused "-q of $value" subscribe $any a -q "$value"
done
refused '-s of x' subscribe $any a -s x
refused '-N: it is -q 0' subscribe $any a -N
refused 'no payload' subscribe $any a -e x
run subscribe coap://224.0.1.187/x a
gives 'a group' 1 '' 'coap2: ?*'
run help subscribe
fits 'help' "$status $out" '0 usage: coap2 subscribe *-q 0|1*'

subscriber=$nobody
ended nobody
gives 'no answer for as long as it may take' 1 '' 'coap2: ?*'

total
