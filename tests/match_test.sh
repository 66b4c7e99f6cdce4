#!/bin/sh
# Test the rules of the tool, `coap2 match`, from the outside: what it prints,
# line by line, and its exit status. BUILD names another directory to take it
# from.
set -u
cd "$(dirname "$0")/.." || exit 2
build=${BUILD:-build}
tool=$build/coap2
scratch=$build/match_test.$$
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

# What the last run gave: its status and all of its output.
gives() { # NAME STATUS OUTPUT
    truth=0
    [ "$status" -eq "$2" ] && [ "$out" = "$3" ] && [ -z "$err" ] && truth=1
    verdict "$1" $truth "wanted $2, $3
    got $status, $out $err"
}

match() { # OUTCOME RULE [NAME=VALUE...]
    outcome=$1
    shift
    run match "$@"
    wanted=1
    [ "$outcome" = true ] && wanted=0
    gives "match $*" $wanted "$outcome"
}

# A malformed rule: status 2, and on stderr its column, why, and the caret.
faulty() { # COLUMN WHY RULE
    run match "$3" a=1
    caret=$(printf '%*s' $(($1 + 4)) '^')
    truth=0
    case $err in
    "coap2: rule:$1: "*"$2"*"
    $3
$caret") [ "$status" -eq 2 ] && [ -z "$out" ] && truth=1 ;;
    esac
    verdict "match: fault at $1 in $3" $truth "wanted 2, $1, $2
    got $status, $out
$err"
}

# States, parted by semicolons, and what each is answered: n for notify.
story() { # RULE ANSWERS STATES
    printf '%s\n' "$3" | tr ';' '\n' >"$scratch/in"
    run match "$1" - <"$scratch/in"
    gives "match '$1' - < $3" 0 \
        "$(echo "$2" | fold -w 1 | sed 's/n/notify/')"
}

# ---- one state -------------------------------------------------------------

match true 'temp > 20 and hum < 50' temp=21.5 hum=40
match false 'temp > 20 and hum < 50' temp=21.5 hum=50
match unknown 'temp > 20 and hum < 50' temp=21.5
match false 'temp > 20 and hum < 50' temp=20
match unknown 'temp > 20' temp=warm
match true 'temp = 0.1' temp=0.10
match true 'on' on=true
match true 'on = true' on=true
match unknown 'on = true' on=1
match true "mode = 'living room'" 'mode=living room'
match true 'a = "x=y"' a=x=y
match true 'a = ""' a=
match true 'a' a=0 a=1
match true '> 20' value=21
match true '-5 < a' a=-4
match true '!a' a=false
match true ''
match true '' a=1
match true ' '
match true 'pmin 5 pmax 60'
match true 'a/b = 1 and a.b = 2' a/b=1 a.b=2
match true 'when a until b' a=1 b=1
# nothing was sent before
match true 'changed(a)' a=1
match false 'changed(a)'
match unknown 'old(a) = 1' a=1
match unknown 'delta(a) > 0' a=1

run match --json 'a' a=1
truth=0
case $err in *'rule:1: '*'--json'*) [ $status -eq 2 ] && truth=1 ;; esac
verdict 'match: what follows is the rule, whatever it looks like' $truth "$err"
run match 'a > 1' --json a=2
gives 'match: true, for programs' 0 '{"match":true}'
run --json match 'a > 1'
gives 'match: unknown, for programs' 1 '{"match":null}'
run --json match 'a >'
verdict 'match: a fault, for programs' \
    "$([ "$out" = '{"error":"a value is missing","offset":3}' ] &&
        [ $status -eq 2 ] && echo 1 || echo 0)" "$status $out"
run match
verdict 'match: without a rule' "$([ $status -eq 2 ] && echo 1 || echo 0)" \
    "$status $err"
run match a b
verdict 'match: what is no value' "$([ $status -eq 2 ] && echo 1 || echo 0)" \
    "$status $err"
run help match
verdict 'match: help' \
    "$(case $out in 'usage: coap2 match'*) echo 1 ;; *) echo 0 ;; esac)" "$out"

# ---- faults ----------------------------------------------------------------

faulty 5 'value is missing' 'a > > 1'
faulty 4 'value is missing' 'a >'
faulty 3 ') is missing' '(a'
faulty 1 'value is missing' ')'
faulty 3 'number' '20and b'
faulty 1 'nine digits' '1234567890'
faulty 8 'quote' "a = 'xy"
faulty 6 '' 'pmin 0'
faulty 13 'below' 'pmin 2 pmax 1'
faulty 8 'twice' 'pmin 1 pmin 2'
faulty 17 'too deep' '((((((((((((((((( a )))))))))))))))))'
run match "$(printf '%0300d' 0 | tr 0 '(')"
verdict 'match: very deep' \
    "$(case $err in *'rule:256: '*) echo 1 ;; *) echo 0 ;; esac)" "$err"
run match "$(printf '%0100d' 0 | tr 0 '(')a$(printf '%0100d' 0 | tr 0 ')')"
verdict 'match: too deep' \
    "$(case $err in *'too deep'*) echo 1 ;; *) echo 0 ;; esac)" "$err"

# ---- states over time ------------------------------------------------------

story 'temp > 20' 'n-n-nn' \
    't=0 temp=19;t=1 temp=20;t=2 temp=21;t=3;t=4 temp=21;t=5 hum=1'
story 'when temp > 30' 'nn--n' \
    't=0 temp=20;t=1 temp=31;t=2 temp=32;t=3 temp=30;t=4 temp=31'
story 'when temp > 30 until temp < 28' 'nn---n' \
    't=0 temp=20;t=1 temp=31;t=2 temp=29;t=3 temp=31;t=4 temp=27;t=5 temp=31'
story 'changed(temp)' 'n-n-' \
    't=0 temp=20;t=1 temp=20;t=2 temp=21;t=3 hum=1'
story 'delta(temp) >= 0.5' 'n-n-' \
    't=0 temp=20;t=1 temp=20.4;t=2 temp=20.5;t=3 temp=20.9'
story 'old(a) = 1 and a = 2' 'n-n-' 't=0 a=1;t=1 a=3;t=2 a=2;t=3 a=2'
story 'a pmin 5' 'n---n' 't=0 a=1;t=1 a=1;t=2 a=1;t=4.999;t=5'
story 'a pmin 5' 'n---' 't=0 a=1;t=1 a=1;t=2 a=0;t=9'
story 'when a pmin 5' 'n---n' 't=0 a=0;t=1 a=1;t=2 a=0;t=5;t=6 a=1'
story 'when a until b pmin 5' 'n---n' 't=0 a=0;t=1 a=1;t=2 a=0;t=5;t=6 a=1'
story 'a pmin 5' 'nn' 't=0 a=1;t=5 a=1'
story 'a pmax 60' 'n-n-n' 't=0 a=0;t=59.999;t=60;t=119;t=1000'
story 'when a pmax 60' 'n-nnn' 't=0 a=0;t=1;t=60;t=61 a=1;t=121'
story 'a' 'n-n' 't=0;t=4000000000;t=4000000000.001 a=1'
story 'a pmax 2000000' 'nn' 't=0;t=4294967.296'
story "at = 'living room'" 'nn-' \
    't=0 at=x;t=1 at="living room";t=2 at=living'
story '' 'nn-' 't=0 a=1;a=1;'"$(printf '\n')"'t=1'

printf 't=5 a=1\nt=4 a=1\n' >"$scratch/in"
run match a - <"$scratch/in"
verdict 'match: time that goes back' \
    "$([ $status -eq 1 ] && [ "$out" = notify ] && echo 1 || echo 0)" "$err"
for line in t=x t= t=1.2345 t=-1 t=1.2.3 t=99999999999999999999 word =5; do
    echo $line >"$scratch/in"
    run match a - <"$scratch/in"
    verdict "match: no state: $line" "$([ $status -eq 1 ] &&
        [ -z "$out" ] && [ -n "$err" ] && echo 1 || echo 0)" "$status $err"
done
printf 't=0 a=0\nt=1 a=1' >"$scratch/in"
run match 'a pmax 1' --json - <"$scratch/in"
gives 'match: states, for programs' 0 '{"notify":true,"reason":"first"}
{"notify":true,"reason":"match"}'
run match a - </dev/null
gives 'match: no state at all' 0 ''
run match a - </
verdict 'match: input that cannot be read' \
    "$([ $status -eq 1 ] && [ -n "$err" ] && echo 1 || echo 0)" "$status"

echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
