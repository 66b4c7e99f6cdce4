#!/bin/sh
# Test the requests of the tool, build/coap2: each option and each status, on
# the loopback, against coap2-server and against peers that answer by a script,
# and so also what no server of ours would. BUILD names another directory.
set -u
cd "$(dirname "$0")/.." || exit 2
. tests/peers.sh

# What the options make of a request, whose answer is 2.05 with "ok".
sends() { # NAME PATTERN WORD...
    name=$1 pattern=$2
    shift 2
    against 'A 45 i t ff 6f6b' "$@"
    fits "sends: $name" "$status $out $wire" "0 ok $pattern"
}

# ---- a group: all of them, each with its peer ------------------------------

# These take as long as the leisure of the servers, so they run beside the
# others.
serve 127.0.0.1 0
one=$at one_log=$log
serve 127.0.0.2 "${one##*:}"
two=$at
group=coap://224.0.1.187:${one##*:}
groups=

ask_group() { # NAME WORD...
    name=$scratch/$1
    shift
    {
        "$tool" -a 127.0.0.1 -B 6 "$@" >"$name.out" 2>"$name.err"
        echo $? >"$name.status"
    } &
    groups="$groups $!"
}
ask_group all get "$group/fan"
ask_group json --json get "$group/fan"
ask_group file -o "$scratch/all" get "$group/fan"
ask_group none get "$group/nothing"
long=aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa # 64
ask_group unknown get "coap://$long/x"
ask_group silent observe -s 0.4 coap://127.0.0.1:1/x

# ---- what is sent ----------------------------------------------------------

sends 'get' "4401${rest}b178" get $peer/x
sends 'post' "4402${rest}b178" post $peer/x
sends 'put' "4403${rest}b178" put $peer/x
sends 'delete' "4404${rest}b178" delete $peer/x
sends 'fetch' "4405${rest}b178" fetch $peer/x
sends 'patch' "4406${rest}b178" patch $peer/x
sends 'ipatch' "4407${rest}b178" ipatch $peer/x
sends 'the root' "4401$rest" get $peer
sends 'a query' "4401${rest}b17844613d2062" get "$peer/x?a=%20b"
sends 'a name: Uri-Host' "4401${rest}353132372e318178" get coap://127.1:PORT/x

sends '-e' "4402${rest}b178ff6869" post -e hi $peer/x
sends '-e, percent-decoded' "4402${rest}b178ff6120622563257a7a" \
    post -e 'a%20b%c%zz' $peer/x
sends '-e, empty' "4402${rest}b178" post -e '' $peer/x
printf '\000\377\012%%20' >"$scratch/in"
sends '-f' "4402${rest}b178ff00ff0a253230" post -f "$scratch/in" $peer/x
sends '-f -' "4402${rest}b178ff00ff0a253230" post -f - $peer/x <"$scratch/in"
sends '-f, an empty file' "4402${rest}b178" post -f /dev/null $peer/x
sends '-e in a GET' "4401${rest}b178ff6869" get -e hi $peer/x

for format in 50 json application/json 0050; do
    sends "-t $format" "4403${rest}b1781132ff7b7d" \
        put -t $format -e '{}' $peer/x
    sends "-A $format" "4401${rest}b1786132" get -A $format $peer/x
done
for format in 0 plain text/plain 'text/plain; charset=utf-8'; do
    sends "-t $format" "4401${rest}b17810" get -t "$format" $peer/x
done
for row in link=28 link-format=28 application/link-format=28 xml=29 \
    application/xml=29 binary=2a octet-stream=2a application/octet-stream=2a \
    exi=2f application/exi=2f cbor=3c application/cbor=3c \
    application/senml+json=6e; do
    sends "-A ${row%=*}" "4401${rest}b17861${row#*=}" \
        get -A "${row%=*}" $peer/x
done
sends '-A 65535' "4401${rest}b17862ffff" get -A 65535 $peer/x

sends '-O, text' "4401${rest}b178e206e86162" get -O 2048,ab $peer/x
sends '-O, a comma in it' "4401${rest}b178e206e82c2c" get -O 2048,,, $peer/x
sends '-O, hex' "4401${rest}b178e206e800ff" get -O 2048,0x00fF $peer/x
sends '-O, empty hex' "4401${rest}b178e006e8" get -O 2048,0x $peer/x
sends '-O, empty' "4401${rest}10a178" get -O 1, $peer/x
sends '-O, a number alone' "4401${rest}506178" get -O 5 $peer/x
sends '-O, in any order' "4401${rest}50617841610162" \
    get -O 15,a -O 5 -O 15,b $peer/x
sends '-O, the largest number' "4401${rest}b178e1fee761" \
    get -O 65535,a $peer/x

sends '-T' '4401????63616665b178' get -T cafe $peer/x
sends '-T, no token' '4001????b178' get -T '' $peer/x
sends '-T, the longest' '4801????3078303132333435b178' \
    get -T 0x012345 $peer/x
against 'N 45 0001 t ff 6f6b' get -N $peer/x
fits 'sends: -N' "$status $out $wire" "0 ok 5401${rest}b178"

sends 'options behind the URI' '4203????6162b178ff6869' \
    put $peer/x -e hi -T ab
sends 'values in the same word' '4203????6162b178ff6869' \
    put -ehi -Tab $peer/x
sends 'options before the command' '4203????6162b178ff6869' \
    -Tab put -e hi $peer/x
sends 'an argument behind --' '4201????6162b178' get -T ab -- $peer/x
against 'N 45 0001 t ff 6f6b' get -NvTab $peer/x
fits 'sends: letters in one word' "$status $out $wire" '0 ok 5201????6162b178'

against 'A 45 i t ff 6f6b' get -a 127.0.0.3 -v $peer/x
fits '-a: the answer finds its way' "$status $out" '0 ok'

# ---- what comes back -------------------------------------------------------

against 'A 45 i t' get $peer/x
gives 'no payload' 0 '' '2.05 Content'
against 'A 44 i t' put -e x $peer/x
gives '2.04' 0 '' '2.04 Changed'
against 'A 84 i t' get $peer/x
gives '4.04 is 4' 4 '' '4.04 Not Found'
against 'A 9f i t' get $peer/x
gives 'a code without a name' 4 '' '4.31 (unassigned)'
against 'A 80 i t ff 6e6f' get $peer/x
gives 'a diagnostic' 4 '' '4.00 Bad Request: no'
against 'A 80 i t ff 1b5b324a0a' get $peer/x
gives 'a diagnostic that is no text is escaped' 4 '' \
    '4.00 Bad Request: \\x1b\[2J\\x0a'
against 'A a3 i t' get $peer/x
gives '5.03 is 5' 5 '' '5.03 Service Unavailable'
against 'A 60 i t' get $peer/x
gives 'a class that there is not' 1 '' '*critical option*'

against '6000 i + C 45 7777 t ff 6c617465 | ' get $peer/x
gives 'a separate answer' 0 late '2.05 Content'
fits 'a separate answer is acknowledged' "$wire" "4401${rest}b178
60007777"
against '| A 45 i t ff 6f6b' get $peer/x
gives 'a request that was lost' 0 ok '2.05 Content'
fits 'a request that was lost comes again' "$wire" "4401${rest}b178
4401${rest}b178"

against 'A 45 i t d1 0a 0e ff 61' get $peer/x
gives 'a block that is not the size it claims' 1 '' 'coap2: ?*'
against 'A 45 i t d1 0a 06 ff 61' get $peer/x
gives 'an only block' 0 a '2.05 Content'

# ---- bodies in blocks (RFC 7959) -------------------------------------------

text=0123456789abcdef hex=30313233343536373839616263646566
first="d1 0a 08 ff $hex" second='d1 0a 10 ff 2e'
against "A 45 i t $first | A 45 i t $second" get $peer/x
gives 'blocks' 0 "$text." '2.05 Content'
fits 'blocks: each is asked for' "$wire" "4401${rest}b178
4401${rest}b178c110"
against "A 45 i t $first | A 45 i t $second" get --json $peer/x
fits 'blocks: --json' "$status $out" "0 *\"payload\":\"${hex}2e\"}"
against "A 45 i t $first | A 45 i t $second" get -o "$scratch/file" $peer/x
gives 'blocks: -o' 0 '' '2.05 Content'
fits 'blocks: -o has them all' "$(cat "$scratch/file")" "$text."
against "A 45 i t $first | R 00 i" get $peer/x
gives 'blocks that end too soon' 1 $text 'coap2: *16 bytes*'
against "A 45 i t $first | A 45 i t d1 0a 20 ff 2e" get $peer/x
gives 'blocks that do not follow' 1 $text 'coap2: *blocks*'
against "A 45 i t $first | A 84 i t ff 6e6f" get $peer/x
fits 'blocks, then an error' "$status $err" '4 4.04 Not Found: no'
against "A 45 i t $first | A 45 i t $second" get -b 16 $peer/x
fits '-b: the size that is asked for' "$status $out $wire" \
    "0 $text. 4401${rest}b178c0
4401${rest}b178c110"

changed="A 45 i t 41 01 d1 06 08 ff $hex | A 45 i t 41 02 d1 06 10 ff 2e"
changed="$changed | A 45 i t 41 02 d1 06 08 ff $hex"
changed="$changed | A 45 i t 41 02 d1 06 10 ff 21"
against "$changed" get -o "$scratch/file" $peer/x
fits 'a body that changes: -o begins anew' \
    "$status $(cat "$scratch/file")" "0 $text!"
against "$changed" get $peer/x
fits 'a body that changes: what is written stays' "$status $out $err" \
    "1 $text coap2: *changed*"
if [ -c /dev/full ]; then
    against "A 45 i t $first | A 45 i t $second" get -o /dev/full $peer/x
    gives 'blocks: a full disk' 1 '' '*/dev/full: ?*'
    fits 'blocks: a full disk wants no more' "$wire" "4401${rest}b178"
fi

accept='A 5f i t d1 0e 08 | A 44 i t d1 0e 10'
against "$accept" put -b 16 -e "$text." $peer/x
gives 'an upload' 0 '' '2.04 Changed'
fits 'an upload: Block1, Size1, Request-Tag' "$wire" \
    "4403${rest}b178c0*4108d11411*ff$hex
4403${rest}b178*10*ff2e"
printf '%s.' $text >"$scratch/in"
against "$accept" post -b 16 -f "$scratch/in" $peer/x
fits 'an upload of a file' "$status ${wire##*
}" "0 4402${rest}b178*ff2e"
against "$accept" post -b 16 -f - $peer/x <"$scratch/in"
fits 'an upload of standard input' "$status ${wire##*
}" "0 4402${rest}b178*ff2e"
against 'A 8d i t' put -b 16 -f "$scratch/in" $peer/x
gives 'an upload that is refused' 4 '' '4.13*'
dd if=/dev/zero of="$scratch/huge" bs=1 count=1 seek=16777216 2>/dev/null
run put -b 16 -f "$scratch/huge" coap://127.0.0.1:1/x
gives 'more blocks than can be numbered' 1 '' 'coap2: *1048576*'

# ---- observe (RFC 7641) ----------------------------------------------------

news='A 45 i t 61 05 ff 61 + N 45 0002 t 61 06 ff 62'
against "$news + N 45 0003 t 61 04 ff 63 | A 45 i t" observe -s 0.5 $peer/x
gives 'observe: a line each, without the stale' 0 'a
b' '2.05 Content
2.05 Content'
fits 'observe: it begins and ends' "$wire" "4401${rest}605178
4401${rest}61015178"
begin=$(date +%s)
against "$news + N 84 0003 t ff 6e6f" observe -s 20 $peer/x
gives 'observe: an error ends it' 4 'a
b' '*4.04 Not Found: no'
against "$news + N a0 0003 t" observe -s 20 $peer/x
fits 'observe: 5.00 is 5' "$status" 5
against 'A 45 i t ff 61' observe -s 20 $peer/x
gives 'observe: what cannot be observed' 1 a '2.05 Content
coap2: *observed*'
against 'R 00 i' observe -s 20 $peer/x
gives 'observe: a reset' 1 '' 'coap2: ?*'
truth=0
[ $(($(date +%s) - begin)) -le 5 ] && truth=1
verdict 'observe: the end is not waited for' $truth "$begin to $(date +%s)"
against ' ' observe -B 0.4 $peer/x
gives 'observe: -B: nobody answers' 1 '' 'coap2: ?*'
against "$news | N 45 0009 t" observe -s 0.3 -N -A 50 -O 2048,x -T ab $peer/x
fits 'observe: what the options make of it' "$status $wire" \
    "0 5201????6162605178???2e10?*"
against 'A 45 i t 61 05 ff 0a22ff0a | A 45 i t' observe -s 0.3 $peer/x
gives 'observe: a value takes one line' 0 '\x0a\"\xff' '2.05 Content'
against "$news | A 45 i t" observe --json -s 0.3 $peer/x
fits 'observe: --json' "$status $out" '0 {*"payload":"61"}
{*"payload":"62"}'
against "$news | A 45 i t" observe -o "$scratch/file" -s 0.3 $peer/x
fits 'observe: -o' "$status$out $(cat "$scratch/file")" '0 a
b'
news="A 45 i t 61 05 d1 04 08 ff $hex | A 45 i t $second | A 45 i t"
against "$news" observe -s 0.3 $peer/x
gives 'observe: a value in blocks' 0 "$text." '2.05 Content'
run observe coap://224.0.1.187/x
gives 'observe: a group' 1 '' 'coap2: ?*'

# ---- no answer -------------------------------------------------------------

begin=$(date +%s)
against ' ' get -B 0.4 $peer/x
gives 'nobody answers' 1 '' "coap2: coap://127.0.0.1:$port/x: ?*"
truth=0
[ $(($(date +%s) - begin)) -le 2 ] && truth=1
verdict '-B: not for longer' $truth "$begin to $(date +%s)"
against 'R 00 i' get $peer/x
gives 'a reset' 1 '' "coap2: coap://127.0.0.1:$port/x: ?*"
against 'A 45 i t e1 26 02 00' get $peer/x
gives 'an unknown critical option' 1 '' '*critical*'
against 'A 45 i t ff' get -B 0.4 $peer/x
gives 'an answer that is malformed' 1 '' "coap2: ?*"
run get -B 0.4 coap://127.0.0.1:1/x
gives 'a port that is closed' 1 '' 'coap2: ?*'
run get -a 192.0.2.77 coap://127.0.0.1:1/x
gives 'an address that is not ours' 1 '' 'coap2: ?*'
run put -f "$scratch/nothing" coap://127.0.0.1:1/x
gives 'a payload that is missing' 1 '' "coap2: $scratch/nothing: ?*"
run put -f "$scratch" coap://127.0.0.1:1/x
gives 'a payload that is a directory' 1 '' 'coap2: ?*'
long=$(awk 'BEGIN { while (n++ < 65507) printf "x" }')
run put -O "2048,$long" coap://127.0.0.1:1/x
gives 'an option that is too large' 1 '' '*datagram*'

# ---- where it goes ---------------------------------------------------------

against 'A 45 i t ff 00ff0d0a0a' get $peer/x
fits 'the payload, as it is' "$(od -An -tx1 "$scratch/out")" ' 00 ff 0d 0a 0a'
against 'A 45 i t ff 6f6b' get $peer/x
fits 'the payload, without a line end' "$(od -An -tx1 "$scratch/out")" ' 6f 6b'
against 'A 45 i t ff 00ff' get -o "$scratch/file" $peer/x
gives '-o: nothing on standard output' 0 '' '2.05 Content'
fits '-o' "$(od -An -tx1 "$scratch/file")" ' 00 ff'
against 'A 44 i t' get -o "$scratch/empty" $peer/x
fits '-o: an empty payload is an empty file' \
    "$status $(wc -c <"$scratch/empty")" '0 0'
against 'A 84 i t ff 6e6f' get -o "$scratch/file" $peer/x
fits '-o: an error does not touch the file' \
    "$status $(od -An -tx1 "$scratch/file")" '4  00 ff'
against 'A 45 i t ff 6f6b' get -o - $peer/x
gives '-o -' 0 ok '2.05 Content'
against 'A 45 i t ff 6f6b' get -o "$scratch/nothing/file" $peer/x
gives '-o: a file that cannot be' 1 '' '*nothing/file: ?*'
if [ -c /dev/full ]; then
    against 'A 45 i t ff 6f6b' get -o /dev/full $peer/x
    gives '-o: a full disk' 1 '' '*/dev/full: ?*'
fi
if command -v script >/dev/null; then
    SHELL=/bin/sh script -qec "$tool get ${one%/}/fan" /dev/null \
        </dev/null >"$scratch/out" 2>/dev/null
    fits 'on a terminal the line is ended' \
        "$(od -An -c "$scratch/out" | tr -d ' \n')" '*off\\r\\n'
    SHELL=/bin/sh script -qec "$tool get -o $scratch/file ${one%/}/large" \
        /dev/null </dev/null >"$scratch/out" 2>/dev/null
    fits 'on a terminal there is a bar' \
        "$(od -An -c "$scratch/out" | tr -d ' \n')" '*[[]=*]*%*033[[]K2.05*'
    SHELL=/bin/sh script -qec "$tool get ${one%/}/large" /dev/null \
        </dev/null >"$scratch/out" 2>/dev/null
    fits 'on a terminal the text has no bar in it' \
        "$(tr -d '\n\r' <"$scratch/out")" 'line   1*e.line 128*resource.2.05*'
fi

json='{"peer":"127.0.0.1:' json_end='"options":[[12,"32"]],"payload":"7b7d"}'
against 'A 45 i t c1 32 ff 7b7d' get --json $peer/x
gives '--json' 0 "$json$port"'","code":69,'"$json_end" ''
against 'A 84 i t ff 6e6f' get --json $peer/x
gives '--json: an error' 4 \
    "$json$port"'","code":132,"options":[],"payload":"6e6f"}' ''
against 'A 45 i t ff 6f6b' get --json -o "$scratch/file" $peer/x
fits '--json -o' "$status $(cat "$scratch/file") $out" '0 ok {*"6f6b"}'
against 'R 00 i' get --json $peer/x
fits '--json: no answer' "$status $out$err" '1 {"error":"?*"}'

against '6000 i + C 45 7777 t c0 ff 6869 | ' get -v -T ab $peer/x
fits '-v: the payload alone on standard output' "$status $out" '0 hi'
fits '-v: what was sent' "$err" "---- sent to 127.0.0.1:$port: 8 bytes
*code     0.01 GET
*token    6162
*Uri-Path*\"x\"*"
fits '-v: what was received' "$err" "*---- received from 127.0.0.1:$port: ?*
*type     2 ACK
*---- received from *code     2.05 Content
*Content-Format  0  text/plain*---- sent to *type     2 ACK*"
against 'A 45 i t ff' get -v -B 0.4 $peer/x
fits '-v: what is malformed, in hex' "$err" \
    '*---- received from *: 9 bytes
    0000  64 45 ?? ?? ?? ?? ?? ?? ff *'

# ---- a server --------------------------------------------------------------

run get "$one/climate"
gives 'server: text' 0 'temp=21.5 hum=40' '2.05 Content'
run get -A json "$one/climate"
gives 'server: -A' 0 '{"temp":21.5,"hum":40}' '2.05 Content'
run get -A xml "$one/climate"
gives 'server: -A of another format' 4 '' '4.06 Not Acceptable*'
run put -e 'temp=19.5' "$one/climate"
gives 'server: put' 0 '' '2.04 Changed'
run patch -e 'hum=50' "$one/climate"
gives 'server: patch' 0 '' '2.04 Changed'
run ipatch -t 50 -e '{"hum":55}' "$one/climate"
gives 'server: ipatch' 0 '' '2.04 Changed'
run get "$one/climate"
gives 'server: all three were done' 0 'temp=19.5 hum=55' '2.05 Content'
run put -e 'temp=19.55' "$one/climate"
gives 'server: a value that does not fit' 4 '' '4.00 Bad Request: *temp*'
run post -e x "$one/climate"
gives 'server: post' 4 '' '4.05 Method Not Allowed*'
run fetch -e x "$one/climate"
gives 'server: fetch' 4 '' '4.05 Method Not Allowed*'
run get "$one/nothing"
gives 'server: a path that there is not' 4 '' '4.04 Not Found*'
run get -O 35,coap://a/ "$one/fan"
gives 'server: it is no proxy' 5 '' '5.05 Proxying Not Supported*'
run get "$one/slow"
gives 'server: a separate answer' 0 slow '2.05 Content'
run get "$one/.well-known/core?rt=fan"
gives 'server: discovery' 0 '</fan>;rt="fan"' '2.05 Content'

head -c 65536 /dev/urandom >"$scratch/large"
run put -t 42 -f "$scratch/large" "$one/store"
gives 'server: 64 KiB' 0 '' '2.01 Created'
run get -o "$scratch/file" "$one/store"
cmp -s "$scratch/large" "$scratch/file"
fits 'server: 64 KiB, back' "$status $?" '0 0'
"$tool" get "$one/store" 2>/dev/null | cmp -s "$scratch/large"
fits 'server: 64 KiB, to standard output' "$?" 0
run put -t 42 -f - "$one/store" <"$scratch/large"
gives 'server: 64 KiB from standard input' 0 '' '2.04 Changed'
for size in 16 32 64 128 256 512 1024; do
    head -c $((7777 + size)) "$scratch/large" >"$scratch/in"
    run put -b $size -f "$scratch/in" "$one/store"
    run get -b $size -o "$scratch/file" "$one/store"
    cmp -s "$scratch/in" "$scratch/file"
    fits "server: -b $size, there and back" "$status $?" '0 0'
done
printf x >>"$scratch/large"
run put -f "$scratch/large" "$one/store"
gives 'server: more than 64 KiB' 4 '' '4.13*'
run --json put -e tagged "$one/store"
run --json get "$one/store"
etag=${out#*[[]4,\"} etag=${etag%%\"*}
run get -O "4,0x$etag" "$one/store"
gives 'server: valid' 0 '' '2.03 Valid'
run put -O 5 -e x "$one/store"
gives 'server: If-None-Match' 4 '' '4.12 Precondition Failed*'
run delete "$one/store"
gives 'server: delete' 0 '' '2.02 Deleted'

# Observe in the background, until it is told to end; then nobody does.
watched() { # NAME...
    for watcher in "$@"; do first_line "$scratch/$watcher" >/dev/null; done
}
"$tool" observe "$one/fan" >"$scratch/fan" 2>/dev/null &
fan=$!
"$tool" observe -N -A json "$one/climate" >"$scratch/climate" 2>/dev/null &
climate=$!
run put -e first "$one/store"
"$tool" observe "$one/store" >"$scratch/store" 2>"$scratch/store.err" &
store=$!
watched fan climate store
run put -e on "$one/fan"
run patch -e hum=60 "$one/climate"
head -c 3000 /dev/zero | tr '\0' x >"$scratch/in"
run put -f "$scratch/in" "$one/store"
run delete "$one/store"
wait $store
fits 'server: observe: blocks, and 4.04 in the end' \
    "$? $(cat "$scratch/store") $(tail -n 1 "$scratch/store.err")" "4 first
$(cat "$scratch/in") 4.04 Not Found*"
kill -s INT $fan
kill -s TERM $climate
wait $fan
fits 'server: observe: until SIGINT' "$? $(cat "$scratch/fan")" '0 off
on'
wait $climate
fits 'server: observe: until SIGTERM' "$? $(cat "$scratch/climate")" \
    '0 {"temp":19.5,"hum":55}
{"temp":19.5,"hum":60}'
run put -e off "$one/fan"
fits 'server: observe: it was told' "$(grep -c Observe=1 "$one_log") \
$(tail -n 1 "$one_log")" '?* to *2.04 Changed*'

run put -e on "$two/fan"
run get -N "$two/fan"
gives 'server: -N' 0 on '2.05 Content'
fits 'server: it saw that' "$(cat "$scratch/server.127.0.0.2.${one##*:}")" \
    '*CON PUT*/fan*NON GET*/fan*'

if grep -q 00000000000000000000000000000001 /proc/net/if_inet6 2>/dev/null; then
    serve ::1 0
    run put -e on "$at/fan"
    run get "$at/fan"
    gives 'server: IPv6' 0 on '2.05 Content'
fi

# ---- ping ------------------------------------------------------------------

against 'R 00 i' ping $peer
gives 'ping: somebody' 0 '' "127.0.0.1:$port is there: *"
fits 'ping: an empty message' "$wire" '4000????'
against 'R 00 i' ping --json $peer/x?y
fits 'ping: --json' "$status $out$err" '0 {"peer":"127.0.0.1:'"$port"'","ms":*}'
run ping "$one"
gives 'ping: a server' 0 '' '127.0.0.1:* is there: *'
against ' ' ping -B 0.4 $peer
gives 'ping: nobody' 1 '' 'coap2: ?*'

# ---- bad usage -------------------------------------------------------------

any=coap://127.0.0.1:1/x
refused 'no URI' get
refused 'two URIs' get $any $any
refused 'a URI that is none' get 'coap://a b/'
refused 'a URI without a scheme' get 127.0.0.1/x
refused 'another scheme' get coaps://127.0.0.1/x
refused 'an option that there is not' get -x $any
refused 'an option that there is not, in a word' get -Nx $any
refused 'an option of other commands' decode -N 40001234
refused 'ping has no payload' ping -e x $any
refused 'observe has no payload' observe -e x $any
refused 'get has no duration' get -s 1 $any
for letter in a b e f o t A O T B; do
    refused "-$letter without its value" get $any -$letter
done
refused 'both -e and -f' put -e x -f /dev/null $any
for format in '' jason 65536 -1 4294967346 ' 50'; do
    refused "-t of $format" put -t "$format" $any
    refused "-A of $format" get -A "$format" $any
done
for value in '' ',' x,y 65536,x -1,x 2048,0x1 2048,0x1g 2048,0xg1; do
    refused "-O of $value" get -O "$value" $any
done
refused '-T of 9 bytes' get -T 123456789 $any
for value in '' 0 -1 x 1x 1000001 nan inf 1e9; do
    refused "-B of $value" get -B "$value" $any
done
for value in '' 0 8 17 100 2048 65552 x; do
    refused "-b of $value" get -b "$value" $any
done
refused '-s of x' observe -s x $any
for command in get post put delete fetch patch ipatch observe ping; do
    run help $command
    fits "help $command" "$status $out" "0 usage: coap2 $command *-B SECONDS*"
done

# ---- the groups, in the end ------------------------------------------------

# shellcheck disable=SC2086 # they are several
wait $groups
port=${one##*:}
fits 'group: every answer is a line' \
    "$(cat "$scratch/all.status" "$scratch/all.out")" '0
off
off'
fits 'group: each has its peer' "$(sort "$scratch/all.err")" \
    "127.0.0.1:$port: 2.05 Content
127.0.0.2:$port: 2.05 Content"
fits 'group: --json' "$(cat "$scratch/json.status"; sort "$scratch/json.out")" \
    '0
{"peer":"127.0.0.1:'"$port"'","code":69,*}
{"peer":"127.0.0.2:'"$port"'","code":69,*}'
fits 'group: -o has them all' \
    "$(cat "$scratch/file.status" "$scratch/file.out" "$scratch/all")" '0
off
off'
fits 'group: nobody answers' \
    "$(cat "$scratch/none.status" "$scratch/none.out" "$scratch/none.err")" \
    '1
coap2: ?*'
fits 'observe: -s: nobody answered' \
    "$(cat "$scratch/silent.status" "$scratch/silent.out" \
        "$scratch/silent.err")" '1
coap2: ?*'
fits 'a name that nobody knows' \
    "$(cat "$scratch/unknown.status" "$scratch/unknown.out" \
        "$scratch/unknown.err")" '1
coap2: ?*'
fits 'group: it was not confirmable' "$(grep 'to a group' "$one_log")" \
    '*NON GET*/fan*'

total
