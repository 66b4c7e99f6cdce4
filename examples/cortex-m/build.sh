#!/bin/sh
# Build both images, with arm-none-eabi-gcc:  build.sh [DIRECTORY]
# What CFLAGS has comes last. To try them, see the head of their C files.
set -eu
to=$(cd "${1:-.}" && pwd)
cd "$(dirname "$0")"

image() { # CHIP CPU
    # shellcheck disable=SC2086 # flags are words
    arm-none-eabi-gcc -mcpu="$2" -mthumb -Os -g -std=gnu99 \
        -ffunction-sections -fdata-sections \
        -Wall -Wextra -Wpedantic -Wconversion -Wshadow -Wundef \
        -I../.. ${CFLAGS:-} start.c "$1.c" -nostartfiles --specs=nano.specs \
        -Wl,--gc-sections -T "$1.ld" -o "$to/$1.elf"
}

image lm3s6965 cortex-m3
image microbit cortex-m0
