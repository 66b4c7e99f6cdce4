#!/bin/sh
# Test the tool, build/coap2, from the outside: what it prints, byte by byte,
# and its exit status. BUILD names another directory to take it from.
set -u
cd "$(dirname "$0")/.." || exit 2
build=${BUILD:-build}
tool=$build/coap2
data=tests/data
scratch=$build/tool_test.$$
passed=0 failed=0

if [ ! -x "$tool" ]; then
    echo "not ok - $tool is missing: make builds it"
    echo "0 passed, 1 failed"
    exit 1
fi
mkdir -p "$scratch" || exit 2
trap 'rm -rf "$scratch"' EXIT

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

# Run the tool on standard input; sets $out, $err and $status.
run() {
    "$tool" "$@" >"$scratch/out" 2>"$scratch/err"
    status=$?
    out=$(cat "$scratch/out") err=$(cat "$scratch/err")
}

# What the last run gave: its status, all of its output, nothing on stderr.
gives() { # NAME STATUS OUTPUT
    truth=0
    if [ "$status" -eq "$2" ] && [ "$out" = "$3" ] && [ -z "$err" ]; then
        truth=1
    fi
    verdict "$1" $truth "wanted $2, $3
    got $status, $out $err"
}

# A fault for programs: one line, its shape and its place; status 1.
faults() { # NAME OFFSET
    truth=0
    case $out in
    '{"error":"'?*'","offset":'$2'}') [ "$status" -eq 1 ] && truth=1 ;;
    esac
    [ -z "$err" ] || truth=0
    verdict "$1" $truth "wanted 1 and an error at $2
    got $status, $out $err"
}

# Bad usage: status 2, why on stderr, nothing on stdout.
refused() { # NAME
    truth=0
    if [ "$status" -eq 2 ] && [ -z "$out" ] && [ -n "$err" ]; then truth=1; fi
    verdict "$1" $truth "wanted 2 and a message
    got $status, $out $err"
}

# Text for people: status, and a pattern of `case` that it must fit.
shows() { # NAME STATUS TEXT PATTERN
    truth=0
    # shellcheck disable=SC2254 # it is a pattern
    case $3 in $4) [ "$status" -eq "$2" ] && truth=1 ;; esac
    verdict "$1" $truth "wanted $2, $4
    got $status, $3"
}

# A text, N times: N TEXT
repeat() {
    awk -v n="$1" -v s="$2" 'BEGIN { while (n-- > 0) printf "%s", s }'
}

# ---- decode ----------------------------------------------------------------

while IFS='|' read -r name hex json; do
    case $name in '#'*) continue ;; esac
    run --json decode "$hex"
    gives "decode: $name" 0 "$json"
done <$data/decode.txt

while IFS='|' read -r name hex at; do
    case $name in '#'*) continue ;; esac
    run decode --json "$hex"
    faults "decode: $name" "$at"
done <$data/malformed.txt

get='{"version":1,"type":0,"code":1,"mid":4660,"token":"","options":'
empty='{"version":1,"type":0,"code":0,"mid":4660,"token":"",'
empty=$empty'"options":[],"payload":""}'

run decode --json "0X40:00 12:34"
gives 'hex: blanks, colons, 0X' 0 "$empty"
run decode --json 0x40 0x00 0x12 0x34
gives 'hex: several words' 0 "$empty"
run decode --json '40011234B161fFfF'
gives 'hex: digits in either case' 0 \
    "$get"'[[11,"61"]],"payload":"ff"}'
run decode --json 4001123
gives 'hex: an odd number of digits' 1 \
    '{"error":"an odd number of digits","offset":7}'
run decode --json 4001123g
gives 'hex: another character' 1 '{"error":"no hexadecimal digit","offset":7}'
run decode --json 40011x34
gives 'hex: an x that stands elsewhere' 1 \
    '{"error":"no hexadecimal digit","offset":5}'
run decode 40 zz
shows 'text: what is not hex has its place' 1 "$err" '*(character 3)*'
run decode
refused 'decode: no argument'

printf '\100\001\022\064\377\000\012\377' >"$scratch/in"
run decode --json - <"$scratch/in"
gives 'raw bytes: as they are' 0 "$get"'[],"payload":"000aff"}'
run decode - --json <"$scratch/in"
gives 'raw bytes: an option behind -' 0 "$get"'[],"payload":"000aff"}'
run decode --json - </dev/null
faults 'raw bytes: none' 0

{
    printf '\100\001\022\064\276\377\377'
    repeat 65804 a
    printf '\377'
    repeat 3000 b
} >"$scratch/in"
run decode --json - <"$scratch/in"
gives 'the longest option there is' 0 \
    "${get}[[11,\"$(repeat 65804 61)\"]],\"payload\":\"$(repeat 3000 62)\"}"
printf '\100\001\022\064\276\377\377' >"$scratch/in"
repeat 65803 a >>"$scratch/in"
run decode --json - <"$scratch/in"
faults 'the longest option, one byte short' 4
run decode --json "40011234$(repeat 600 10)"
gives '600 options' 0 "${get}[$(awk 'BEGIN {
    for (n = 1; n <= 600; n++) printf("%s[%d,\"\"]", n > 1 ? "," : "", n) }'
)],\"payload\":\"\"}"
run decode --json "40011234$(repeat 5000 00)"
gives '5000 empty options' 0 \
    "${get}[[0,\"\"]$(repeat 4999 ',[0,""]')],\"payload\":\"\"}"

run decode 42451234 0a0b c0 213c ff 32312e35
gives 'text: a message' 0 'version  1
type     0 CON
code     2.05 Content
id       4660 (0x1234)
token    0a0b
options  C critical, U unsafe to forward, N no part of cache keys
       12 ---  Content-Format  0  text/plain; charset=utf-8
       14 -U-  Max-Age         60
payload  4 bytes of text
    21.5'
run decode 40033412d30600003ed17f17ff00
gives 'text: a payload that is no text' 0 'version  1
type     0 CON
code     0.03 PUT
id       13330 (0x3412)
token    none
options  C critical, U unsafe to forward, N no part of cache keys
       19 CU-  Q-Block1        3/1/1024
      159 CU-  (unknown)       17
payload  1 byte
    0000  00                                               .'
run decode 40021234d12f01
shows 'text: an option that caches ignore' 0 "$out" \
    '*60 --N  Size1           1*'
run decode 60841234
shows 'text: nothing but a header' 0 "$out" '*4.04 Not Found*none*none*none'
run decode 40021234d10e1ad40c00000000
shows 'text: a block' 0 "$out" '*27 CU-  Block1          1/1/64*'
run decode 40021234d10e07
shows 'text: no block' 0 "$out" '*Block1          07  (no block*'
run decode 40014321491122334455667788993161
shows 'text: a value of the wrong length' 0 "$out" '*(9 bytes, not 1 to 8*'
run decode 40014321b21b0a
shows 'text: no control character reaches the terminal' 0 "$out" \
    '*"\\x1b\\x0a"*'
run decode 40e11234220400
shows 'text: the options of a signal' 0 "$out" \
    '*7.01 CSM*Max-Message-Size*1024*'
run decode 40011234b56162
shows 'text: a fault has its place' 1 "$err" "*byte 4*40 01 12 34 b5 61 62
                      ^^"

# ---- uri -------------------------------------------------------------------

while IFS='|' read -r uri json; do
    case $uri in '#'*) continue ;; esac
    run uri --json "$uri"
    gives "uri: $uri" 0 "$json"
done <$data/uri.txt

while IFS='|' read -r uri at; do
    case $uri in '#'*) continue ;; esac
    run --json uri "$uri"
    faults "uri: $uri" "$at"
done <$data/bad_uri.txt

head='{"scheme":"coap","host":"h","port":5683,"options":[[3,"68"]'
run uri --json "coap://h/$(repeat 255 s)"
gives 'uri: a segment of 255 bytes' 0 \
    "$head,[11,\"$(repeat 255 73)\"]],\"uri\":\"coap://h/$(repeat 255 s)\"}"
run uri --json "coap://h/$(repeat 256 s)"
faults 'uri: a segment of 256 bytes' '*'
run uri --json "coap://h/?$(repeat 256 s)"
faults 'uri: an argument of 256 bytes' '*'
run uri --json "coap://$(repeat 256 h)/"
faults 'uri: a host of 256 bytes' '*'
run uri --json "coap://h$(repeat 5000 /)"
gives 'uri: 5000 slashes' 0 \
    "$head$(repeat 5000 ',[11,""]')],\"uri\":\"coap://h$(repeat 5000 /)\"}"
run uri --json "coap://h$(repeat 3000 /%FF)"
gives 'uri: 3000 encoded bytes' 0 \
    "$head$(repeat 3000 ',[11,"ff"]')],\"uri\":\"coap://h$(repeat 3000 /%FF)\"}"
run uri --json 'coap://%FF%22%5C%0A%C3%A9'
shows 'uri: a host that is no text, escaped' 0 "$out" \
    '*"host":"\\u00ff\\"\\\\\\u000aé","port"*'
run uri 'coap://h/a?x=1'
gives 'text: a URI' 0 'scheme   coap
host     "h"  name
port     5683
options  C critical, U unsafe to forward, N no part of cache keys
        3 CU-  Uri-Host        "h"
       11 CU-  Uri-Path        "a"
       15 CU-  Uri-Query       "x=1"
uri      coap://h/a?x=1'
run uri 'coap://h:99999/'
shows 'text: a fault in a URI has its place' 1 "$err" \
    "*(byte 9)
    coap://h:99999/
             ^"
run uri
refused 'uri: no argument'
run uri coap://h coap://g
refused 'uri: two arguments'

# ---- links -----------------------------------------------------------------

index='{"target":"/sensors","attributes":[["ct","40"],["title",'
index=$index'"Sensor Index"]]}'
temp='{"target":"/sensors/temp","attributes":[["rt",'
temp=$temp'"temperature-c"],["if","sensor"]]}'
light='{"target":"/sensors/light","attributes":[["rt",'
light=$light'"light-lux core.s"],["if","sensor"],["obs",null]]}'
outside='{"target":"http://www.example.com/sensors/t123",'
outside=$outside'"attributes":[["anchor","/sensors/temp"],["rel",'
outside=$outside'"describedby"]]}'
other='{"target":"/t","attributes":[["anchor","/sensors/temp"],'
other=$other'["rel","alternate"]]}'
odd='{"target":"/odd","attributes":[["title","a, \"b\"; c\\"],'
odd=$odd'["ct","0 41"],["sz","1x*"]]}'

links() { # QUERY OUTPUT
    run links --json "$1" <$data/core.txt
    gives "links: '$1'" 0 "$2"
}

run links --json <$data/core.txt
gives 'links: no query' 0 "$index
$temp
$light
$outside
$other
$odd"
links 'rt=temperature-c' "$temp"
links '?rt=temperature-c' "$temp"
links 'rt=core.s' "$light"
links 'rt=light-lux' "$light"
links 'rt=light' ''
links 'rt=light*' "$light"
links 'rt=core*' "$light"
links 'rt=light-lux core.s' ''
links 'rt=*' "$temp
$light"
links 'rt' "$temp
$light"
links 'obs' "$light"
links '?obs=*' "$light"
links 'ob' ''
links 'href=/sensors' "$index"
links 'href=/sensors*' "$index
$temp
$light"
links 'href=/nothing' ''
links 'href=' ''
links 'title=Sensor Index' "$index"
links 'title=Sensor' ''
links 'title=a, "b"; c'"\\" "$odd"
links 'ct=41' "$odd"
links 'ct=4' ''
links 'sz=1x*' "$odd"
links 'sz=*x*' ''
links 'rt=' ''
links 'if=sensor&obs' "$light"
links 'obs&if=nothing' ''
run links --json '' <$data/core.txt
shows 'links: an empty query' 0 "$out" '*sensors*odd*'

list() { # NAME LIST OUTPUT
    printf '%s' "$2" >"$scratch/in"
    run links --json <"$scratch/in"
    gives "links: $1" 0 "$3"
}
bad_list() { # NAME LIST OFFSET
    printf '%s' "$2" >"$scratch/in"
    run --json links <"$scratch/in"
    faults "links: $1" "$3"
}

list 'the example of the manual' '</a>;rt=temperature;obs' \
    '{"target":"/a","attributes":[["rt","temperature"],["obs",null]]}'
list 'no link at all' '' ''
list 'no attribute' '</a>' '{"target":"/a","attributes":[]}'
list 'an empty target' '<>' '{"target":"","attributes":[]}'
list 'an empty value' '</a>;title=""' \
    '{"target":"/a","attributes":[["title",""]]}'
list 'an attribute with a star' "</a>;title*=UTF-8''x" \
    '{"target":"/a","attributes":[["title*","UTF-8'"''"'x"]]}'
list 'UTF-8 passes' '</a>;title="é"' \
    '{"target":"/a","attributes":[["title","é"]]}'
printf '</a>;title="\303\050"' >"$scratch/in"
run links --json <"$scratch/in"
gives 'links: what is not UTF-8 is escaped' 0 \
    '{"target":"/a","attributes":[["title","\u00c3("]]}'
printf '</a>;obs\r\n' >"$scratch/in"
run links --json <"$scratch/in"
gives 'links: the line end of a file' 0 \
    '{"target":"/a","attributes":[["obs",null]]}'
bad_list 'a line end in the list' '</a>,
</b>' 5
bad_list 'a doubled comma' '</a>,,</b>' 5
bad_list 'a comma at the end' '</a>,' 5
bad_list 'a comma before all' ',</a>' 0
bad_list 'a blank behind the comma' '</a>, </b>' 5
bad_list 'a target that is not closed' '</a' 3
bad_list 'a text that is not closed' '</a>;title="x' 13
bad_list 'an escape that is cut off' '</a>;title="'"\\" 13
bad_list 'a value that is missing' '</a>;rt=' 8
bad_list 'a name that is missing' '</a>;' 5
bad_list 'text without a link' 'hello' 0
bad_list 'good links before a bad one show nothing' '</a>,</b>;rt=x,<' 16
run links </dev/null
gives 'links: no list' 0 ''
run links <$data/core.txt
shows 'text: links' 0 "$out" '/sensors
    ct = 40
    title = "Sensor Index"
/sensors/temp
*'
printf '</a>,,</b>' >"$scratch/in"
run links <"$scratch/in"
shows 'text: a fault in a list has its place' 1 "$err" "*(byte 5)
    </a>,,</b>
         ^"
{
    printf '</0>'
    repeat 20000 ',</resource>;rt="a b"'
} >"$scratch/in"
run links --json 'href=/0' <"$scratch/in"
gives 'links: a list of 420 KB' 0 '{"target":"/0","attributes":[]}'
run links a b <$data/core.txt
refused 'links: two queries'

# ---- the command line ------------------------------------------------------

run --version
shows 'the version' 0 "$out" 'coap2 [0-9]*.[0-9]*.[0-9]*'
run --help
shows 'help' 0 "$out" '*decode*uri*links*'
run help
shows 'help, as a command' 0 "$out" '*decode*uri*links*'
for command in decode uri links; do
    run help $command
    shows "help $command" 0 "$out" "usage: coap2 $command*"
    run $command --help
    shows "$command --help" 0 "$out" "usage: coap2 $command*"
done
run
refused 'no command'
run bogus
refused 'a command that there is not'
run help bogus
refused 'help for a command that there is not'
run decode --bogus 40001234
refused 'an option that there is not'
run decode -- --json
shows 'behind -- an option is an argument' 1 "$err" '*hexadecimal*'
run --json -- decode 40001234
gives '-- before the command' 0 "$empty"
"$tool" --version >&- 2>"$scratch/err"
status=$?
shows 'output that cannot be written' 1 "$(cat "$scratch/err")" '*output*'

echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
