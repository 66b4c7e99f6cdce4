#!/bin/sh
# The sketches of examples/arduino. All are built for Uno and Mega as the
# Arduino IDE would, and once more by a compiler that forgives nothing; their
# sizes are held to tests/arduino/limits. Then some run in a simulator, and
# clients of three makes ask them: SerialNode through `coap2 slip`, and so
# Thermostat, as tests/arduino/Ethernet is what it takes for an Ethernet shield.
#
#   tests/arduino.sh          all of it
#   tests/arduino.sh --sizes  NAME BOARD FLASH RAM FREE [OWN_FLASH OWN_RAM], a
#                             line a sketch and board: bytes with all that is in
#                             it, and those without the network library
set -u
cd "$(dirname "$0")/.." || exit 2
root=$PWD work=build/arduino
. tests/metal/line.sh
core=/usr/share/arduino/hardware/arduino/avr

# ---- boards ----------------------------------------------------------------

boards='uno mega'

# What the IDE says to the compiler for a board: chip, define, variant, name.
board() { # BOARD
    case $1 in
    uno) echo atmega328p AVR_UNO standard uno ;;
    mega) echo atmega2560 AVR_MEGA2560 mega mega:cpu=atmega2560 ;;
    esac
}

ram_of() { # BOARD
    case $1 in uno) echo 2048 ;; mega) echo 8192 ;; esac
}

# All but the boot loader's.
flash_of() { # BOARD
    case $1 in uno) echo 32256 ;; mega) echo 253952 ;; esac
}

# ---- as the IDE builds -----------------------------------------------------

# Two sketchbooks: with an Ethernet library that works, and with a hollow one.
prepare() {
    rm -rf "${work:?}"
    mkdir -p $work/tools/avr
    ln -s /usr/bin $work/tools/avr/bin
    for book in whole hollow; do
        mkdir -p $work/$book/coap2
        cp coap2.h library.properties $work/$book/coap2
    done
    cp -r tests/arduino/Ethernet $work/whole
    cp -r tests/arduino/hollow/Ethernet $work/hollow
}

uses_network() { # SKETCH
    grep -q '^#include <Ethernet' "examples/arduino/$1/$1.ino"
}

# Debian's builder, without the IDE that brings the links to the compiler
# along. The core uses DECIMAL_DIG, which this avr-gcc has in C only. The chip
# of an Ethernet shield keeps what comes; here the core's buffer does.
build_sketch() { # SKETCH BOARD BOOK: its program is build/arduino/$1.$2.$3.elf
    # shellcheck disable=SC2046 # words
    set -- "$@" $(board "$2")
    image=$work/$1.$2.$3
    mkdir -p $image
    flags=-DDECIMAL_DIG=__DECIMAL_DIG__
    ! uses_network "$1" || flags="$flags -DSERIAL_RX_BUFFER_SIZE=256"
    timeout 120 arduino-builder -compile \
        -hardware /usr/share/arduino/hardware \
        -hardware /usr/share/arduino-builder -tools "$root/$work/tools" \
        -libraries "$root/$work/$3" -fqbn "arduino:avr:$7" \
        -ide-version=10819 -build-path "$root/$image" -warnings=all \
        -prefs=compiler.path=/usr/bin/ \
        "-prefs=compiler.cpp.extra_flags=$flags" \
        "examples/arduino/$1/$1.ino" >"$image.log" 2>&1 &&
        cp "$image/$1.ino.elf" "$image.elf"
}

build_all() {
    for folder in examples/arduino/*/; do
        sketch=$(basename "$folder")
        for board in $boards; do
            build_sketch "$sketch" $board whole || return 1
            uses_network "$sketch" || continue
            build_sketch "$sketch" $board hollow || return 1
        done
    done
}

# What is said of files that are not the core's.
warnings() { # LOG
    grep -e 'warning:' -e '^Invalid' -e 'Spurious' "$1" |
        grep -v "^$core/"
}

judge_builds() {
    for log in "$work"/*.log; do
        name=$(basename "$log" .log)
        said=$(warnings "$log")
        verdict "$name: no warning of ours" \
            "$([ -z "$said" ] && echo 1 || echo 0)" "$said"
    done
}

# ---- by a compiler that forgives nothing -----------------------------------

# The core's -fpermissive turns errors into warnings, and the builder declares
# functions that are called above their definition.
strict() { # SKETCH BOARD
    # shellcheck disable=SC2046 # words
    set -- "$1" $(board "$2")
    avr-g++ -mmcu="$2" -DF_CPU=16000000L -DARDUINO=10819 "-DARDUINO_$3" \
        -DARDUINO_ARCH_AVR -std=gnu++11 -Os -Wall -Wextra -Wconversion \
        -Werror -I$core/cores/arduino "-I$core/variants/$4" \
        -I$core/libraries/EEPROM/src -I$core/libraries/SPI/src \
        -I$core/libraries/Wire/src -Itests/arduino/Ethernet -I. \
        -include tests/arduino/core.h -x c++ "examples/arduino/$1/$1.ino" \
        -c -o "$work/strict.o"
}

strict_all() {
    for folder in examples/arduino/*/; do
        sketch=$(basename "$folder")
        for board in $boards; do
            said=$(strict "$sketch" $board 2>&1)
            verdict "$sketch, $board: gnu++11, warnings are errors" \
                $((!$?)) "$said"
        done
    done
}

# ---- sizes -----------------------------------------------------------------

# Flash and RAM of a program. In flash are its texts and what RAM starts with.
sections() { # PROGRAM
    avr-size -A "$1" | awk '
        $1 == ".text" || $1 == ".data" { flash += $2 }
        $1 == ".data" || $1 == ".bss" || $1 == ".noinit" { ram += $2 }
        END { print flash, ram }'
}

# The same of what bears the name of the network library in it.
network_share() { # PROGRAM
    avr-nm -S -t d "$1" | awk '
        !/Ethernet|_ZL3udp/ || NF < 4 { next }
        $3 ~ /[tTwWvVdD]/ { flash += $2 }
        $3 ~ /[dDbBvV]/ { ram += $2 }
        END { print flash + 0, ram + 0 }'
}

# A sketch with a hollow network library has nothing of it but the interface;
# that is taken off by its name. The core, which all sketches have, is counted.
own_share() { # SKETCH BOARD
    program=$work/$1.$2.hollow.elf
    # shellcheck disable=SC2046 # numbers
    set -- $(sections "$program") $(network_share "$program")
    echo $(($1 - $3)) $(($2 - $4))
}

sizes() {
    for program in "$work"/*.whole.elf; do
        name=$(basename "$program" .whole.elf)
        board=${name##*.} name=${name%.*}
        # shellcheck disable=SC2046 # numbers
        set -- $(sections "$program")
        own=''
        ! uses_network "$name" || own=" $(own_share "$name" "$board")"
        echo "$name $board $1 $2 $(($(ram_of "$board") - $2))$own"
    done
}

# The line of a sketch and board, where there is one; else what the board has,
# but for 512 bytes of stack.
limits() { # SKETCH BOARD
    awk -v name="$1" -v board="$2" '
        $1 == name && $2 == board { $1 = $2 = ""; sub(/for.*/, ""); print }' \
        tests/arduino/limits
    echo "$(flash_of "$2") 512"
}

judge_sizes() {
    while read -r name board flash ram free own_flash own_ram; do
        # shellcheck disable=SC2046 # numbers
        set -- $(limits "$name" "$board" | head -n 1)
        verdict "$name, $board: flash $flash of $1, free RAM $free of $2" \
            $((flash <= $1 && free >= $2)) "RAM $ram"
        [ $# -eq 4 ] || continue
        verdict "$name, $board, its own: flash $own_flash of $3, RAM $own_ram \
of $4" $((own_flash <= $3 && own_ram <= $4)) ''
    done <"$work/sizes"
}

# ---- the sketches run ------------------------------------------------------

# What was put last is what the pin says, too.
end_with_pin() { # NAME BIT
    timeout 20 $work/hasty put -e "$on" "$server/$switch"
    port_b=$(chip_says | cut -d ' ' -f 2)
    verdict "$1: its pin is on" $((port_b & $2 ? 1 : 0)) "port B $port_b"
    end_bridge "$1"
}

all_ask() {
    tool_asks
    libcoap_asks
    npm_asks
}

# With every fifth datagram lost each way, and a reset in the middle.
lose() { # FIRMWARE OPTION...
    start_bridge "$@" --loss 20 --seed 7252
    put_and_get 'losses' 3
    reset_both
    put_and_get 'after the reset of both sides' 3
    end_bridge "${firmware##*/}, with losses"
}

serial_node() {
    places=4 node=node1.local switch=led on=true off=false rules=0
    start_bridge $work/SerialNode.uno.whole.elf
    start_gateway 0
    all_ask
    all_watch
    judge_watchers
    crowd
    end_with_pin 'SerialNode, uno' 32
    lose $work/SerialNode.uno.whole.elf
}

# The Mega has room for rules.
serial_node_on_mega() {
    mega=$work/SerialNode.mega.whole.elf rules=1
    start_bridge $mega --mcu atmega2560
    all_ask
    all_watch
    judge_watchers
    end_with_pin 'SerialNode, mega' 128
    start_bridge $mega --mcu atmega2560 --loss 20 --seed 7252
    losses
    judge_losses
    end_bridge 'SerialNode, mega, with losses'
}

# The same weather as everywhere, read by ten bits of 5 V.
measured_match() {
    awk 'function wave(step) { step %= 16; return step < 8 ? step : 16 - step }
        function adc(mv) { return int(mv * 1023 / 5000) }
        BEGIN {
            for (step = 0; step < 16; step++) {
                temp = int(adc(680 + 5 * wave(step)) * 5000 / 1024 - 500)
                hum = int(adc(50 * (60 - 3 * wave(step + 2))) * 100 / 1024)
                if (temp > 200 && hum < 50) print temp / 10, hum
            }
        }' | sort -u | tr '\n' ' '
}

thermostat() {
    node=thermostat.local switch=fan on=true off=false rules=0
    matching=$(measured_match)
    matching=${matching% }
    start_bridge $work/Thermostat.uno.whole.elf --weather
    all_ask
    all_watch
    judge_watchers
    crowd
    end_with_pin 'Thermostat, uno' 1
    lose $work/Thermostat.uno.whole.elf --weather
}

# ---- all of it -------------------------------------------------------------

judge_readme() {
    awk '/^```/ { inside = $0 == "```ino"; next } inside' README.md \
        >$work/shown
    lines=$(wc -l <$work/shown)
    tail -n "$lines" examples/arduino/Thermostat/Thermostat.ino |
        diff - $work/shown >$work/differs
    verdict "README.md shows the last $lines lines of Thermostat" $((!$?)) \
        "$(cat $work/differs)"
}

build_or_end() {
    have arduino-builder avr-g++ avr-nm avr-size timeout
    prepare
    build_all || {
        verdict "$image builds" 0 "$(grep -e error -e region "$image.log")"
        total
    }
    sizes >$work/sizes
}

if [ "${1:-}" = --sizes ]; then
    build_or_end >&2
    cat $work/sizes
    exit
fi
trap end_all EXIT
build_or_end
needed
install_coap
programs >$work/programs.log 2>&1 || {
    verdict 'the bridge and the tool build' 0 "$(cat $work/programs.log)"
    total
}
judge_builds
strict_all
judge_sizes
judge_readme
serial_node
serial_node_on_mega
thermostat
total
