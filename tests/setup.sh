#!/bin/sh
# Install what `make check` needs beyond gcc and make, on Debian 12 as root.
# Says nothing and takes no time where all of it is there.
set -u

# The compilers of the matrix. gcc-12-multilib and not gcc-multilib, which
# cannot stand beside the cross compilers.
packages="gcc g++ clang tcc gcc-12-multilib g++-12-multilib"
packages="$packages gcc-avr avr-libc"
packages="$packages gcc-arm-none-eabi libnewlib-arm-none-eabi"
packages="$packages gcc-riscv64-unknown-elf picolibc-riscv64-unknown-elf"
packages="$packages gcc-xtensa-lx106"
packages="$packages gcc-powerpc-linux-gnu libc6-dev-powerpc-cross"
# Simulators.
packages="$packages qemu-user-static qemu-system-arm"
packages="$packages simavr libsimavr-dev libelf-dev"
# Reading and measuring the source.
packages="$packages python3 universal-ctags clang-format-14 clang-tidy"
packages="$packages cppcheck gcovr valgrind shellcheck"
# Fuzzing, and libcoap to be measured beside.
packages="$packages afl++ libclang-rt-14-dev libcoap3-dev pkg-config"
# The programs of others that ours talk to, and networks of our own.
packages="$packages libcoap3-bin iproute2 liblwip-dev"
command -v node >/dev/null && command -v npm >/dev/null ||
    packages="$packages nodejs npm"
# Taking coap2 as a package; the Python is Debian's, which finds its modules.
packages="$packages cmake make python3-yaml python3-kconfiglib"
packages="$packages arduino-builder arduino-core-avr arduino-ctags"

missing=
for package in $packages; do
    status=$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null)
    [ "$status" = installed ] || missing="$missing $package"
done
[ -n "$missing" ] || exit 0

if [ "$(id -u)" -ne 0 ] || ! command -v apt-get >/dev/null; then
    echo "make check needs these packages of Debian 12:$missing" >&2
    exit 1
fi
echo "installing$missing"
export DEBIAN_FRONTEND=noninteractive
# shellcheck disable=SC2086 # a list of words
apt-get update -qq &&
    apt-get install -qq -y --no-install-recommends $missing >/dev/null
