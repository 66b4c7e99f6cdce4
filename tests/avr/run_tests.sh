#!/bin/sh
# Run the tests of the rooms on a simulated ATmega, as they are. Each goes to
# the ATmega328P where its 2 KB of RAM hold it, else to the ATmega2560 (8 KB);
# a long one goes in parts, so that its tables stay in the first 64 KB of
# flash, where a near pointer finds them.
set -u
cd "$(dirname "$0")/../.." || exit 2
out=build/avr_tests
mkdir -p "$out"
passed=0 failed=0
flags="-std=gnu99 -Os -DF_CPU=16000000UL -Wall -Wextra -ffunction-sections
       -fdata-sections -Wl,--gc-sections"

for tool in avr-gcc cc; do
    if ! command -v "$tool" >/dev/null; then
        echo "not ok - $tool is missing"
        echo "0 passed, 1 failed"
        exit 1
    fi
done
if ! cc -O2 tests/avr/host.c -o "$out/host" -lsimavr -lelf; then
    echo "not ok - tests/avr/host.c needs libsimavr and libelf"
    echo "0 passed, 1 failed"
    exit 1
fi

report() { # STATUS NAME DETAIL
    if [ "$1" -eq 0 ]; then
        passed=$((passed + 1))
        echo "ok - $2 ($3)"
    else
        failed=$((failed + 1))
        echo "not ok - $2 ($3)"
    fi
}

# Build for a chip and run; what failed is shown.
run() { # MCU TEST [PART]
    name=$2${3:+, part $3}
    elf=$out/$2${3:-}.elf
    # shellcheck disable=SC2086 # flags are words
    if ! avr-gcc -mmcu="$1" $flags ${3:+-DPART="$3"} "tests/test_$2.c" \
        -o "$elf"; then
        report 1 "$name on $1" "does not build"
        return
    fi
    timeout 120 "$out/host" --mcu "$1" "$elf" >"$elf.log"
    status=$?
    if [ $status -ne 0 ]; then cat "$elf.log"; fi
    report $status "$name on $1" "$(tail -n 1 "$elf.log")"
}

run atmega328p options
run atmega328p block
run atmega2560 message
run atmega2560 writer
run atmega2560 uri 1
run atmega2560 uri 2
run atmega2560 uri 3
run atmega2560 links
run atmega2560 fields
run atmega2560 names
run atmega2560 rules
run atmega2560 server
run atmega2560 resources
run atmega2560 late
run atmega2560 blocks
run atmega2560 find
run atmega2560 slip

echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
