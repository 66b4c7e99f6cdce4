#!/bin/sh
# Talk to others, on the loopback: libcoap's client and npm's coap with our
# server, our tool with libcoap's server and with one made of npm's coap.
# BUILD names another directory to take coap2 and coap2-server from.
set -u
cd "$(dirname "$0")/.." || exit 2
build=${BUILD:-build}
work=build/interop
npm_coap=1.5.0
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

# A text, N times: N TEXT
repeat() {
    awk -v n="$1" -v s="$2" 'BEGIN { while (n-- > 0) printf "%s", s }'
}

# ---- who takes part --------------------------------------------------------

needed() {
    for command in coap-client-notls coap-server-notls node npm timeout; do
        command -v $command >/dev/null ||
            verdict "$command is missing: tests/setup.sh installs it" 0 ''
    done
    for program in coap2 coap2-server; do
        [ -x "$build/$program" ] ||
            verdict "$build/$program is missing: make builds it" 0 ''
    done
    [ $failed -eq 0 ] || total
}

# npm's coap, once, and the version that this was written for.
install_coap() {
    mark=$work/node_modules/.coap-$npm_coap
    [ -e "$mark" ] || {
        rm -rf $work/node_modules
        npm install --prefix $work --ignore-scripts --no-audit --no-fund \
            --no-save --no-package-lock "coap@$npm_coap" \
            >$work/npm.log 2>&1 && : >"$mark"
    }
    [ -e "$mark" ] && return
    verdict "npm install coap@$npm_coap" 0 "$(tail -n 5 $work/npm.log)"
    total
}

# Start a server in the background; what it says goes to LOG.
start() { # LOG COMMAND...
    log=$1
    shift
    : >"$log"
    "$@" >"$log" 2>&1 &
    running="$running $!"
}

# shellcheck disable=SC2317 # by a trap
end_all() {
    # shellcheck disable=SC2086 # process ids
    [ -z "$running" ] || kill $running 2>/dev/null
}

# Wait until a log has a line that ends with a port: sets $port.
wait_for_port() { # LOG
    port=
    for _ in $(seq 50); do
        port=$(sed -n 's/^\(.*[: ]\)\{0,1\}\([0-9]\{4,5\}\)$/\2/p' "$1" |
            head -n 1)
        [ -z "$port" ] || return
        sleep 0.1
    done
    verdict "a server that starts" 0 "$(cat "$1")"
    total
}

# libcoap's server finds no port by itself.
free_port() {
    node -e 'const s = require("dgram").createSocket("udp4")
        s.bind(0, "127.0.0.1", () => { console.log(s.address().port)
            s.close() })'
}

# ---- libcoap's client, our server ------------------------------------------

# What came back, as libcoap prints a message: type, code, token, options and
# payload in a line. The pattern is one of `case`.
libcoap() { # NAME PATTERN PATH ARGUMENT...
    name="libcoap's client: $1" pattern=$2 uri=$server$3
    shift 3
    said=$(timeout 20 coap-client-notls -v 7 -B 8 "$@" "$uri" 2>&1)
    answer=$(printf '%s\n' "$said" |
        grep -a '^v:1 t:[A-Z]* c:[2-5]\.' | tail -n 1)
    truth=0
    # shellcheck disable=SC2254 # it is a pattern
    case $answer in $pattern) truth=1 ;; esac
    verdict "$name" $truth "wanted $pattern
got    $answer"
}

libcoap_methods() {
    libcoap PUT '* c:2.04 *\[ \]' /fan -m put -e on
    libcoap GET "* t:ACK c:2.05 *Content-Format:text/plain* :: 'on'" /fan
    libcoap PATCH '* c:2.04 *' /climate -m patch -e 'temp=-0.5'
    libcoap iPATCH '* c:2.04 *' /climate -m ipatch -e 'hum=55'
    libcoap 'GET of what was patched' "* :: 'temp=-0.5 hum=55'" /climate
    libcoap POST '* c:4.05 *' /fan -m post -e on
    libcoap FETCH '* c:4.05 *' /fan -m fetch -t 50 -e on
    libcoap DELETE '* c:4.05 *' /fan -m delete
    libcoap 'a NON' "v:1 t:NON c:2.05 * :: 'on'" /fan -N
    libcoap 'a separate response' "v:1 t:CON c:2.05 * :: 'slow'" /slow
    libcoap 'a separate response to a NON' "v:1 t:NON c:2.05 * :: 'slow'" \
        /slow -N
}

libcoap_store() {
    printf 'any\000\377bytes' >$work/bytes
    libcoap 'nothing yet' '* c:4.04 *' /store
    libcoap 'If-Match on nothing' '* c:4.12 *' /store -m put -e x -O 1,0x
    libcoap 'PUT creates' '* c:2.01 *' /store -m put -t 42 -f $work/bytes
    timeout 20 coap-client-notls -B 8 -o $work/got "$server/store" \
        >/dev/null 2>&1
    cmp -s $work/bytes $work/got
    verdict "libcoap's client: the bytes that were put" $((!$?)) \
        "$(od -c $work/got)"
    libcoap 'the format that was put' '*Content-Format:*octet-stream*' /store
    etag=$(printf '%s' "$answer" | sed -n 's/.* ETag:\(0x[0-9a-f]*\).*/\1/p')
    libcoap 'ETag: still valid' '* c:2.03 *ETag:'"$etag"' \]' /store \
        -O "4,$etag"
    libcoap 'If-Match' '* c:2.04 *' /store -m put -e y -O "1,$etag"
    libcoap 'If-Match of what was' '* c:4.12 *' /store -m put -e z \
        -O "1,$etag"
    libcoap 'If-None-Match' '* c:4.12 *' /store -m put -e z -O 5,0x
    libcoap 'ETag of what was' "* c:2.05 * :: 'y'" /store -O "4,$etag"
    libcoap DELETE '* c:2.02 *' /store -m delete
    libcoap 'DELETE again' '* c:2.02 *' /store -m delete
}

libcoap_errors() {
    libcoap 'no such path' '* c:4.04 *' /none
    libcoap 'Accept of another format' '* c:4.06 *' /climate -A 41
    libcoap 'Accept of a format that a handler has not' '* c:4.06 *' /fan -A 50
    libcoap 'Content-Format of another format' '* c:4.15 *' /climate \
        -m put -t 41 -e '%3Ca/%3E'
    libcoap 'a value that cannot be' "* c:4.00 * :: 'temp: *" /climate \
        -m put -e 'temp=hot'
    libcoap 'a critical option' '* c:4.02 *' /fan -O 2049,x
    libcoap 'an elective option' '* c:2.05 *' /fan -O "2048,$(repeat 250 x)"
    libcoap 'as JSON' '*application/json* :: *"temp":-0.5*' /climate -A 50
    libcoap 'as CBOR' '*application/cbor* :: *' /climate -A 60
}

# libcoap's client counts the token up before it sends it, and cannot do
# without one: tokens of 0 and of any bytes are sent by npm's.
libcoap_sizes() {
    for length in 1 2 3 4 5 6 7 8; do
        token=$(repeat $((length - 1)) 61)62
        libcoap "a token of $length" "* c:2.05 * {$token} *" /fan \
            -T "$(repeat $length a)"
    done
    libcoap 'a query of 255 bytes' '* c:2.05 *' "/fan?$(repeat 255 q)"
    libcoap '40 queries' '* c:2.05 *' "/fan?$(repeat 40 'a=b&')"
    libcoap 'a path of 100 segments' '* c:4.04 *' "$(repeat 100 /a)"
    libcoap 'a segment of 255 bytes' '* c:4.04 *' "/$(repeat 255 s)"
    libcoap 'core' '*link-format* :: *</climate>*' /.well-known/core
    libcoap 'core, filtered' "* :: '</climate>;rt=*" \
        '/.well-known/core?rt=climate'
    case $answer in *fan* | *secret*) truth=0 ;; *) truth=1 ;; esac
    verdict "libcoap's client: core lists what was asked for" $truth "$answer"
}

# ---- bodies in blocks, and observing ---------------------------------------

sizes='16 32 64 128 256 512 1024'

# A body of so many bytes, which no two blocks of it share.
body() { # BYTES
    awk -v n="$1" 'BEGIN { srand(n)
        while (n-- > 0) printf "%c", 97 + int(rand() * 26) }' >$work/body
}

# Is what came what went?
same() { # NAME
    cmp -s $work/body $work/got
    verdict "$1" $((!$?)) "$(cmp $work/body $work/got 2>&1)"
}

libcoap_blocks() {
    for size in $sizes; do
        body $((7000 + size))
        libcoap "PUT in blocks of $size" '* c:2.0[14] *' /store -m put \
            -b "$size" -f $work/body
        rm -f $work/got
        timeout 20 coap-client-notls -B 8 -b "$size" -o $work/got \
            "$server/store" >/dev/null 2>&1
        same "libcoap's client: GET in blocks of $size"
    done
    body 65536
    libcoap 'PUT of 64 KiB' '* c:2.04 *' /store -m put -f $work/body
    rm -f $work/got
    timeout 20 coap-client-notls -B 8 -o $work/got "$server/store" \
        >/dev/null 2>&1
    same "libcoap's client: GET of 64 KiB"
    body 65537
    libcoap 'PUT of too much' '* c:4.13 *' /store -m put -f $work/body
    libcoap 'a block from the middle' "* Block2:3/M/64 *" /large -b 3,64
    libcoap DELETE '* c:2.02 *' /store -m delete
}

# Wait until a file has so many lines, or for too long.
wait_for_lines() { # FILE LINES
    for _ in $(seq 50); do
        [ "$(wc -l <"$1")" -ge "$2" ] && return
        sleep 0.1
    done
}

# Observe a path, whose values are put by our tool, and wait for each; the
# values that came, a line each, stay in a file. COMMAND writes them.
observe() { # FILE PATH VALUES COMMAND...
    file=$1 path=$2 values=$3 lines=1
    shift 3
    : >"$file"
    timeout 20 "$@" >"$file" 2>"$file.err" &
    observer=$!
    wait_for_lines "$file" 1
    for value in $values; do
        "$build/coap2" put -B 8 -e "$value" "$server$path" 2>/dev/null
        lines=$((lines + 1))
        wait_for_lines "$file" $lines
    done
}

observed() { # NAME FILE LINES
    values=$(grep . "$2" | tr '\n' ' ')
    truth=0
    [ "$values" = "$3" ] && truth=1
    verdict "$1" $truth "wanted $3
got    $values
$(cat "$2.err")"
}

libcoap_observe() {
    "$build/coap2" put -B 8 -e off "$server/fan" 2>/dev/null
    for way in -U -N; do # -U changes nothing here
        observe $work/watch /fan 'on off on off' coap-client-notls $way -w \
            -s 3 "$server/fan"
        wait $observer
        observed "libcoap's client: observe $way" $work/watch \
            'off on off on off '
    done
    body 3000
    "$build/coap2" put -B 8 -e first "$server/store" 2>/dev/null
    observe $work/watch /store "$(cat $work/body) last" coap-client-notls \
        -w -s 3 "$server/store"
    "$build/coap2" delete -B 8 "$server/store" 2>/dev/null
    wait $observer
    observed "libcoap's client: observe what takes blocks" $work/watch \
        "first $(cat $work/body) last "
    grep -q '4\.04' $work/watch.err
    verdict "libcoap's client: observe until it is deleted" $((!$?)) \
        "$(cat $work/watch.err)"
}

# ---- our tool ---------------------------------------------------------------

# Bodies there and back, in blocks of each size or in the largest. npm's server
# takes an upload for one body only where its blocks have one token, which a
# given one has; and it answers nothing to an empty Block2, which is 0/0/16.
tool_blocks() { # PATH BYTES SIZE...
    path=$1 bytes=$2
    shift 2
    for size in "$@"; do
        body $((bytes + size))
        tool "PUT in blocks of $size" 0 '' '2.0[14]*' put "$path" -T put \
            -b "$size" -f $work/body
        rm -f $work/got
        [ "$size$peer" = "16npm's server" ] && continue
        tool "GET in blocks of $size" 0 '' '2.05*' get "$path" -b "$size" \
            -o $work/got
        same "our tool, $peer: GET in blocks of $size, the bytes"
    done
}

tool_observe() { # PATH WAY...
    path=$1
    shift
    "$build/coap2" put -B 8 -e one "$server$path" 2>/dev/null
    for way in "$@"; do
        observe $work/watch "$path" 'two three one' "$build/coap2" observe \
            "$way" -s 3 "$server$path"
        wait $observer
        verdict "our tool, $peer: observe $way ends" $((!$?)) \
            "$(cat $work/watch.err)"
        sed -i 's/.*"payload":"\(.*\)"}$/\1/; s/6f6e65/one/; s/74776f/two/
            s/7468726565/three/' $work/watch
        observed "our tool, $peer: observe $way" $work/watch \
            'one two three one '
    done
}

tool_libcoap_observe() {
    tool_observe /watched --json -N
    body 3000
    observe $work/watch /watched "$(cat $work/body) last" "$build/coap2" \
        observe -b 256 -s 20 "$server/watched"
    "$build/coap2" delete -B 8 "$server/watched" 2>/dev/null
    wait $observer
    status=$?
    verdict "our tool, $peer: observe until it is deleted" \
        $((status == 4)) "$status, $(cat $work/watch.err)"
    observed "our tool, $peer: observe what takes blocks" $work/watch \
        "one $(cat $work/body) last "
    # the time, each second
    "$build/coap2" observe -s 2.5 "$server/time" >$work/watch 2>$work/err
    status=$? lines=$(wc -l <$work/watch)
    verdict "our tool, $peer: observe the time" \
        $((status == 0 && lines >= 3 && lines <= 4)) "$status, $lines lines"
}

# Status, output, and a pattern for what is on standard error. $peer names the
# server that is asked.
tool() { # NAME STATUS OUTPUT PATTERN COMMAND PATH ARGUMENT...
    name="our tool, $peer: $1" wanted=$2 output=$3 pattern=$4
    command=$5 uri=$server$6
    shift 6
    got=$(timeout 20 "$build/coap2" "$command" -B 8 "$@" "$uri" 2>$work/err)
    status=$?
    truth=0
    # shellcheck disable=SC2254 # they are patterns
    case $got in
    $output)
        case $(cat $work/err) in
        $pattern) [ $status -eq "$wanted" ] && truth=1 ;;
        esac
        ;;
    esac
    verdict "$name" $truth "wanted $wanted, $output
got    $status, $got
$(cat $work/err)"
}

tool_libcoap() {
    peer="libcoap's server"
    tool 'GET of nothing' 4 '' '4.04*' get /new
    tool 'PUT creates' 0 '' '2.01*' put /new -e first
    tool GET 0 first '2.05*' get /new
    tool 'PUT changes' 0 '' '2.04*' put /new -e second
    tool 'NON GET' 0 second '2.05*' get /new -N
    tool DELETE 0 '' '2.02*' delete /new
    tool 'GET of what was deleted' 4 '' '4.04*' get /new
    tool FETCH 0 '*:*' '2.05*' fetch /time -t 50 -e '{}'
    for method in post patch ipatch; do
        tool $method 4 '' '4.05*' $method /time -e x
    done
    tool 'separate response' 0 'done*' '2.05*' get '/async?1'
    tool ping 0 '' '*is there*' ping /
    # its 4.02 has the option that it does not know, which we then refuse
    tool 'critical option' 1 '' '*5.4.1*' get /time -O 2049,x
    tool 'elective option' 0 '*:*' '2.05*' get /time -O 2048,x
    tool 'core' 0 '*</time>*' '2.05*' get /.well-known/core -A 40
    tool 'a query of 255 bytes' 0 '*:*' '2.05*' get "/time?$(repeat 255 q)"
    path=$(repeat 20 /segment)
    tool '20 segments, created' 0 '' '2.01*' put "$path" -e deep
    tool '20 segments' 0 deep '2.05*' get "$path"
    tool_libcoap_tokens
}

# libcoap's server tells the token that it saw.
tool_libcoap_tokens() {
    for length in 0 1 2 3 4 5 6 7 8; do
        token=$(repeat $length a)
        tool "a token of $length" 0 '*:*' '2.05*' get "/time?token=$length" \
            -T "$token"
        grep -aq "c:GET .* {$(repeat $length 61)} .*token=$length" $work/l.log
        verdict "libcoap's server: it saw a token of $length" $((!$?)) \
            "$(tail -n 2 $work/l.log)"
    done
}

# The server of npm's coap tells what it was asked.
echoed() { # CODE TOKEN PATH QUERY FORMAT ACCEPT PAYLOAD
    printf '{"code":"%s","confirmable":true,"token":"%s",' "$1" "$2"
    printf '"path":%s,"query":%s,"format":%s,"accept":%s,' "$3" "$4" "$5" "$6"
    printf '"payload":"%s"}' "$7"
}

# With a bracket in front, so that `case` takes them as they are.
literal() {
    printf '%s' "$1" | sed 's/[][*?\\]/\\&/g'
}

tool_methods() {
    code=1
    for method in get post put delete fetch patch ipatch; do
        wanted=$(literal "$(echoed 0.0$code 746f6b656e '["echo"]' '[]' \
            '"application/json"' null '{}')")
        tool $method 0 "$wanted" '2.0*' $method /echo -T token -t 50 -e '{}'
        code=$((code + 1))
    done
}

tool_npm() {
    peer="npm's server"
    tool_methods
    wanted=$(literal "$(echoed 0.01 74 '["slow"]' '[]' null null '')")
    tool 'separate response' 0 "$wanted" '2.05*' get /slow -T t
    tool 'separate response to a NON' 0 '*"confirmable":false*' '2.05*' \
        get /slow -N
    for code in 400 401 402 403 404 405 406 412 413 415 429; do
        tool $code 4 '' "$(echo $code | sed 's/./&./')*diagnostic" \
            get /code/$code
    done
    for code in 500 501 503 505; do
        tool $code 5 '' "$(echo $code | sed 's/./&./')*diagnostic" \
            get /code/$code
    done
    tool 'Accept' 0 '*"accept":"application/cbor"*' '2.05*' get /echo -A 60
    for length in 0 1 2 3 4 5 6 7 8; do
        tool "a token of $length" 0 "*\"token\":\"$(repeat $length 61)\",*" \
            '2.05*' get /echo -T "$(repeat $length a)"
    done
    long=$(repeat 255 q)
    tool 'a query of 255 bytes' 0 "*\"query\":\\[\"$long\"\\]*" '2.05*' \
        get "/echo?$long"
    tool '50 segments' 0 "*\"path\":\\[\"echo\"$(repeat 50 ',"a"')\\]*" \
        '2.05*' get "/echo$(repeat 50 /a)"
    tool_npm_store
}

tool_npm_store() {
    tool 'nothing yet' 4 '' '4.04*' get /store
    tool 'PUT creates' 0 '' '2.01*' put /store -e two
    tool 'GET' 0 two '2.05*' get /store -o -
    tool 'ETag: still valid' 0 '' '2.03*' get /store -O 4,0x0300ff
    tool 'ETag of something else' 0 two '2.05*' get /store -O 4,0x00
    printf 'any bytes: \000\377\n' >$work/bytes
    tool 'PUT of a file' 0 '' '2.04*' put /store -f $work/bytes
    tool 'GET into a file' 0 '' '2.05*' get /store -o $work/got
    cmp -s $work/bytes $work/got
    verdict "our tool, $peer: the bytes that were put" $((!$?)) \
        "$(od -c $work/got)"
    tool DELETE 0 '' '2.02*' delete /store
}

# ---- all of it --------------------------------------------------------------

# npm's client checks by itself, and says so in lines like ours.
npm_client() { # PORT
    NODE_PATH=$work/node_modules timeout 60 node tests/interop/client.js "$1" \
        >$work/client.log 2>&1
    status=$?
    grep -a '^ok - \|^not ok - \|^    ' $work/client.log
    passed=$((passed + $(grep -c '^ok - ' $work/client.log)))
    failed=$((failed + $(grep -c '^not ok - ' $work/client.log)))
    [ $status -eq 0 ] ||
        verdict "npm's client: to its end" 0 "$(tail -n 5 $work/client.log)"
}

mkdir -p $work
needed
install_coap
trap end_all EXIT
trap 'exit 1' INT TERM

start $work/s.log "$build/coap2-server" -A 127.0.0.1 -p 0
wait_for_port $work/s.log
server=coap://127.0.0.1:$port
libcoap_methods
libcoap_store
libcoap_errors
libcoap_sizes
libcoap_blocks
libcoap_observe
npm_client "$port"

port=$(free_port)
start $work/l.log coap-server-notls -A 127.0.0.1 -p "$port" -d 20 -v 7
wait_for_port $work/l.log
server=coap://127.0.0.1:$port
tool_libcoap
# shellcheck disable=SC2086 # they are several
tool_blocks /blocks 5000 $sizes
tool_blocks /large 1047552 1024
tool_libcoap_observe

start $work/n.log env NODE_PATH=$work/node_modules node \
    tests/interop/server.js
wait_for_port $work/n.log
server=coap://127.0.0.1:$port
tool_npm
# shellcheck disable=SC2086 # they are several
tool_blocks /store 5000 $sizes
tool_blocks /store 64512 1024
# not -N: npm's server then notifies by ACKs of nothing
tool_observe /store --json
total
