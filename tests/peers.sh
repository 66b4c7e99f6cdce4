# shellcheck shell=sh disable=SC2034 # its users read what it sets
# What the tests of the tool's requests share: running it, starting servers and
# peers that answer by a script, and telling what came of it. To be read with
# `.` at the root of the repository. BUILD names another directory of programs.

build=${BUILD:-build}
tool=$build/coap2
server=$build/coap2-server
answerer=$build/tests/udp_answer
scratch=$build/$(basename "$0" .sh).$$
pids='' peer_pid=''
passed=0 failed=0

for program in "$tool" "$server" "$answerer"; do
    if [ ! -x "$program" ]; then
        echo "not ok - $program is missing: make test builds it"
        echo "0 passed, 1 failed"
        exit 1
    fi
done
mkdir -p "$scratch" || exit 2

# Ends what this script started, and nothing else; what does not end when it is
# asked to is killed.
clean_up() {
    for one in $pids $peer_pid; do kill "$one"; done
    {
        sleep 3
        for one in $pids $peer_pid; do kill -s KILL "$one"; done
    } &
    # shellcheck disable=SC2086 # they are several
    wait $pids $peer_pid
    kill $!
    rm -rf "$scratch"
}
trap 'clean_up >/dev/null 2>&1' EXIT

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

# ---- the tool --------------------------------------------------------------

# Run the tool on standard input; sets $out, $err and $status.
run() {
    timeout -k 1 60 "$tool" "$@" >"$scratch/out" 2>"$scratch/err"
    status=$?
    out=$(cat "$scratch/out") err=$(cat "$scratch/err")
}

# What the last run gave: the payload whole, what is said of it by a pattern.
gives() { # NAME STATUS OUT ERR
    truth=0
    # shellcheck disable=SC2254 # it is a pattern
    case $err in $4) truth=1 ;; esac
    [ "$status" -eq "$2" ] && [ "$out" = "$3" ] || truth=0
    verdict "$1" $truth "wanted $2, $3, $4
got    $status, $out, $err"
}

# Bad usage: status 2, why on stderr, nothing on stdout.
refused() { # NAME WORD...
    name=$1
    shift
    run "$@"
    truth=0
    if [ "$status" -eq 2 ] && [ -z "$out" ] && [ -n "$err" ]; then truth=1; fi
    verdict "bad usage: $name" $truth "wanted 2 and a message
got    $status, $out, $err"
}

# ---- peers -----------------------------------------------------------------

# The first line that a program in the background writes.
first_line() { # FILE
    for _ in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do
        [ -s "$1" ] && break
        sleep 0.1
    done
    head -n 1 "$1"
}

# Wait until a program in the background has written so many lines.
await() { # FILE LINES
    for _ in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do
        [ "$(wc -l <"$1")" -ge "$2" ] && break
        sleep 0.1
    done
}

# Start a server; sets $at, its URI without a path, and $log.
serve() { # ADDRESS PORT OPTION...
    log=$scratch/server.$1.$2
    at=$1 port=$2
    shift 2
    "$server" -v -A "$at" -p "$port" "$@" >"$log" 2>&1 &
    pids="$pids $!"
    heard=$(first_line "$log")
    at=coap://${heard##* }
}

# Run the tool against a peer with these answers, as udp_answer has them, a |
# between them, a blank for none; PORT in a word is the peer's. Sets $wire, what
# the tool sent in hex, too.
against() { # ANSWERS WORD...
    rm -f "$scratch/peer"
    # shellcheck disable=SC2086 # they are several
    (IFS='|' && set -f && exec "$answerer" $1) >"$scratch/peer" 2>&1 &
    peer_pid=$!
    port=$(first_line "$scratch/peer")
    shift
    for word in "$@"; do
        shift
        case $word in
        *PORT*) word=${word%%PORT*}$port${word#*PORT} ;;
        esac
        set -- "$@" "$word"
    done
    run "$@"
    kill "$peer_pid" 2>/dev/null
    wait "$peer_pid" 2>/dev/null
    peer_pid=
    wire=$(sed 1d "$scratch/peer")
}

peer=coap://127.0.0.1:PORT
rest='????????????' # of a header: the message id, and a token of 4 bytes

# How many passed, and the status of the script.
total() {
    echo "$passed passed, $failed failed"
    [ "$failed" -eq 0 ]
}
