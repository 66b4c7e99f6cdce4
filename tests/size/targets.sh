# What tests/size.sh and tests/bench.sh share: the targets, how to build for
# them, and the limits. To be read where the root of the project is.
# shellcheck shell=sh disable=SC2034

targets='avr m0 rv32'
size_flags='-Os -ffunction-sections -fdata-sections -Wl,--gc-sections'

compiler_avr='avr-gcc -mmcu=atmega328p'
compiler_mega='avr-gcc -mmcu=atmega1284p'
compiler_m0='arm-none-eabi-gcc -mcpu=cortex-m0 -mthumb
    --specs=nano.specs --specs=nosys.specs'
compiler_rv32='riscv64-unknown-elf-gcc -march=rv32imac -mabi=ilp32
    --specs=picolibc.specs'

compiler_host='gcc -m64'

# need TOOL ...: ends, naming it, if one is missing.
need() {
    for tool; do
        command -v "$tool" >/dev/null && continue
        echo "not ok - $tool is missing: run tests/setup.sh" >&2
        exit 1
    done
}

# compiler TARGET: its command, in words.
compiler() {
    case $1 in
    avr) echo "$compiler_avr" ;;
    mega) echo "$compiler_mega" ;;
    m0) echo "$compiler_m0" ;;
    rv32) echo "$compiler_rv32" ;;
    host) echo "$compiler_host" ;;
    esac
}

# whole TARGET OUTPUT ARGUMENT ...: links a program with all that is in it.
whole() {
    command=$(compiler "$1") output=$2
    shift 2
    need "${command%% *}"
    # shellcheck disable=SC2086 # the command is words
    $command -std=c99 -Os -I. -o "$output" "$@"
}

# object TARGET OUTPUT ARGUMENT ...: an object for a program of least size.
object() {
    target=$1 output=$2
    shift 2
    # shellcheck disable=SC2086 # the flags are words
    whole "$target" "$output" -c $size_flags "$@"
}

# least TARGET OUTPUT ARGUMENT ...: links a program of least size.
least() {
    target=$1 output=$2
    shift 2
    # shellcheck disable=SC2086 # the flags are words
    whole "$target" "$output" $size_flags "$@"
}

# sections TARGET PROGRAM: bytes of text + data, and of data + bss.
sections() {
    command=$(compiler "$1")
    "${command%%gcc *}size" "$2" | awk 'NR == 2 { print $1 + $2, $2 + $3 }'
}

# simulator: builds build/avr/host, if need be.
simulator() {
    need cc
    mkdir -p build/avr
    [ -z "$(find tests/avr -newer build/avr/host 2>&1)" ] ||
        cc -std=c99 -O2 tests/avr/host.c -o build/avr/host -lsimavr -lelf
}

# simulate OPTION ... FIRMWARE: runs it on the simulated ATmega.
simulate() {
    simulator && build/avr/host "$@"
}

# limit NAME: its value in tests/size/limits.
limit() {
    awk -v name="$1" '$1 == name { print $2 }' tests/size/limits
}

passed=0 failed=0

ok() {
    passed=$((passed + 1))
    echo "ok - $1"
}

not_ok() {
    failed=$((failed + 1))
    echo "not ok - $1"
}

# keeps NAME VALUE: checks a figure against its limit.
keeps() {
    if [ -z "$2" ]; then
        not_ok "$1 was not measured"
    elif [ "$(limit "$1")" = - ]; then
        not_ok "$1 is $2, and has no limit yet: tests/size.sh --update"
    elif [ "$2" -le "$(limit "$1")" ]; then
        ok "$1 is $2, at most $(limit "$1")"
    else
        not_ok "$1 is $2, at most $(limit "$1")"
    fi
}

# verdict: the last line, and the status of it all.
verdict() {
    echo "$passed passed, $failed failed"
    [ "$failed" -eq 0 ]
}
