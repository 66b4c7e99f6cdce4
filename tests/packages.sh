#!/bin/sh
# Take coap2.h as its users do: with CMake in three ways, pkg-config, make
# install, as a component of ESP-IDF and as a module of Zephyr; the last two
# with what they define in CMake played by a few lines. Each time a program is
# built, in C and in C++, and run. As an Arduino library it is built into a
# sketch. No network.
# shellcheck disable=SC2317 # functions that `try` and `refuse` call
set -u
cd "$(dirname "$0")/.." || exit 2
root=$PWD work=$PWD/build/packages
version=$(sed -n 's/^#define COAP2_VERSION "\(.*\)"/\1/p' coap2.h)
strict='-Wall -Wextra -Wpedantic -Werror'
passed=0 failed=0

verdict() { # NAME STATUS: ok if it is 0; else the log of what was run
    if [ "$2" -eq 0 ]; then
        passed=$((passed + 1))
        echo "ok - $1"
    else
        failed=$((failed + 1))
        echo "not ok - $1"
        tail -n 20 "$work/log" | sed 's/^/    /'
    fi
}

total() {
    echo "$passed passed, $failed failed"
    [ $failed -eq 0 ]
    exit
}

# What a command says is kept, with the command.
run() {
    echo "+ $*" >>"$work/log"
    "$@" >>"$work/log" 2>&1
}

# The same as a line of results: NAME COMMAND...
try() {
    name=$1
    shift
    : >"$work/log"
    run "$@"
    verdict "$name" $?
}

refuse() { # NAME REASON COMMAND...: which must fail, and say so
    name=$1 reason=$2
    shift 2
    : >"$work/log"
    if run "$@"; then status=1; else
        grep -q "$reason" "$work/log"
        status=$?
    fi
    verdict "$name" $status
}

# Whether a text is what was wanted.
same() { # GOT WANTED
    [ "$1" = "$2" ] && return
    printf 'wanted %s\ngot    %s\n' "$2" "$1"
    return 1
}

# ---- a user's program, in both languages -----------------------------------

write_programs() {
    cat >"$work/user.c" <<'C'
#define COAP2_IMPLEMENTATION
#include <coap2.h>
#include <stdio.h>

int main(void)
{
    static const uint8_t ping[] = {0x40, 0, 0x12, 0x34};
    coap2_msg msg;
    if (coap2_msg_parse(&msg, ping, sizeof ping) != COAP2_OK) return 1;
    printf("%s %d\n", COAP2_VERSION, COAP2_MAX_OBSERVERS);
    return msg.id != 0x1234;
}
C
    cp "$work/user.c" "$work/user.cpp"
}

# A project of C and one of C++ alone; the lines say where coap2 comes from.
write_project() { # NAME LINES
    for language in C CXX; do
        folder=$work/$1/$language
        mkdir -p "$folder"
        [ $language = C ] && source=user.c || source=user.cpp
        cp "$work/$source" "$folder"
        cat >"$folder/CMakeLists.txt" <<CMAKE
cmake_minimum_required(VERSION 3.14...3.25)
project(user LANGUAGES $language)
$2
add_executable(user $source)
target_compile_options(user PRIVATE -Wall -Wextra -Wpedantic -Werror)
target_link_libraries(user PRIVATE coap2::coap2)
install(TARGETS user DESTINATION bin)
CMAKE
    done
}

configure() { # FOLDER ARGUMENT...
    folder=$1
    shift
    cmake -S "$folder" -B "$folder/b" -Wdev -Werror=dev "$@"
}

# Build both projects and run what came out.
use_project() { # NAME ARGUMENT...
    project=$1
    shift
    for language in C CXX; do
        folder=$work/$project/$language
        try "$project, $language: configure" configure "$folder" "$@"
        try "$project, $language: build" cmake --build "$folder/b"
        try "$project, $language: run" \
            same "$("$folder/b/user" 2>&1)" "$version ${observers:-16}"
    done
}

# ---- CMake ------------------------------------------------------------------

# What a release would be: the files that `git archive` packs.
pack() {
    hidden=$(sed -n 's,^/\(.*\) export-ignore$,--exclude=./\1,p' \
        .gitattributes)
    # shellcheck disable=SC2086 # they are several
    tar -cf "$work/coap2.tar.gz" -z --exclude=./build --exclude=./.git \
        $hidden --transform 's,^[.],coap2,' .
}

# A subproject leaves the install of its user alone, unless it is asked.
installs_alone() {
    cmake --install "$work/add_subdirectory/C/b" --prefix "$work/users" &&
        same "$(cd "$work/users" && find . -type f)" ./bin/user
}

cmake_inside() {
    write_project add_subdirectory "add_subdirectory($root coap2)"
    use_project add_subdirectory
    try 'add_subdirectory: only the user is installed' installs_alone

    write_project FetchContent "include(FetchContent)
FetchContent_Declare(coap2 SOURCE_DIR $root)
FetchContent_MakeAvailable(coap2)"
    use_project FetchContent -DFETCHCONTENT_FULLY_DISCONNECTED=ON

    try 'an archive of the files' pack
    write_project archive "include(FetchContent)
FetchContent_Declare(coap2 URL file://$work/coap2.tar.gz
  DOWNLOAD_EXTRACT_TIMESTAMP ON)
FetchContent_MakeAvailable(coap2)"
    use_project archive
}

cmake_installed() {
    try 'cmake: configure, with no compiler' configure_bare
    try 'cmake: install' cmake --install "$work/b" --prefix "$work/moved"
    write_project find_package "find_package(coap2 $1 CONFIG REQUIRED)"
    use_project find_package "-DCMAKE_PREFIX_PATH=$work/moved"
    write_project too_new 'find_package(coap2 99.0 CONFIG REQUIRED)'
    refuse 'find_package: refuses to be version 99' \
        "coap2-config.cmake, version: $version" \
        configure "$work/too_new/C" "-DCMAKE_PREFIX_PATH=$work/moved"
}

configure_bare() {
    env CC=/bin/false CXX=/bin/false cmake -S . -B "$work/b"
}

# ---- make install and pkg-config --------------------------------------------

files_of() {
    (cd "$1" && find . -type f | sort | tr '\n' ' ')
}

make_installed() {
    stage=$work/stage
    set -- "DESTDIR=$stage" PREFIX=/opt/here
    try 'make install' make install "$@"
    try 'make install: two files, under DESTDIR and PREFIX' same \
        "$(files_of "$stage")" \
        './opt/here/include/coap2.h ./opt/here/share/pkgconfig/coap2.pc '
    use_pkgconfig 'make install' "$stage/opt/here"
    try 'make uninstall' make uninstall "$@"
    try 'make uninstall: leaves no file' same "$(files_of "$stage")" ''
}

use_pkgconfig() { # NAME PREFIX
    PKG_CONFIG_PATH=$2/share/pkgconfig
    export PKG_CONFIG_PATH
    try "$1: pkg-config --validate" pkg-config --validate coap2
    try "$1: pkg-config --modversion" \
        same "$(pkg-config --modversion coap2)" "$version"
    try "$1: pkg-config --libs is empty" \
        same "$(pkg-config --libs coap2 | tr -d ' ')" ''
    flags=$(pkg-config --cflags coap2)
    # shellcheck disable=SC2086 # they are several
    try "$1: C" cc -std=c99 $strict $flags -o "$work/user" "$work/user.c"
    try "$1: C, run" same "$("$work/user")" "$version 16"
    # shellcheck disable=SC2086
    try "$1: C++" c++ -std=c++11 $strict $flags -o "$work/user" \
        "$work/user.cpp"
    try "$1: C++, run" same "$("$work/user")" "$version 16"
    unset PKG_CONFIG_PATH
}

# ---- ESP-IDF and Zephyr -----------------------------------------------------

# ESP-IDF adds each component's directory; what a component registers without
# sources is an interface library.
esp_idf() {
    write_project ESP-IDF "set(ESP_PLATFORM 1)
function(idf_component_register)
  cmake_parse_arguments(IDF \"\" \"\" \"SRCS;INCLUDE_DIRS;REQUIRES\" \${ARGN})
  if(IDF_UNPARSED_ARGUMENTS OR IDF_SRCS)
    message(FATAL_ERROR \"not expected: \${ARGN}\")
  endif()
  add_library(__idf_coap2 INTERFACE)
  foreach(dir IN LISTS IDF_INCLUDE_DIRS)
    get_filename_component(dir \${dir} ABSOLUTE)
    target_include_directories(__idf_coap2 INTERFACE \${dir})
  endforeach()
endfunction()
add_subdirectory($root coap2)
if(TARGET coap2 OR TARGET coap2::coap2)
  message(FATAL_ERROR \"a target beside the component\")
endif()
add_library(coap2::coap2 ALIAS __idf_coap2)"
    use_project ESP-IDF
}

# Zephyr has one interface library that all its modules add to. Of .config it
# imports what is set; a bool that is off is a comment there.
zephyr() { # NAME FRAGMENT CHECK
    "$python" - "$2" "$work/$1.config" <<'PYTHON' >"$work/log" 2>&1
import sys
import kconfiglib
kconfig = kconfiglib.Kconfig('zephyr/Kconfig')
kconfig.load_config(sys.argv[1])
kconfig.write_config(sys.argv[2])
sys.exit(bool(kconfig.warnings))
PYTHON
    verdict "$1: Kconfig" $?
    write_project "$1" "
file(STRINGS $work/$1.config lines REGEX \"^CONFIG_[^=]*=\")
foreach(line IN LISTS lines)
  string(REGEX MATCH \"^([^=]*)=(.*)\" line \"\${line}\")
  set(\${CMAKE_MATCH_1} \${CMAKE_MATCH_2})
endforeach()
add_library(zephyr_interface INTERFACE)
add_library(coap2::coap2 ALIAS zephyr_interface)
function(zephyr_include_directories)
  foreach(dir IN LISTS ARGN)
    get_filename_component(dir \${dir} ABSOLUTE)
    target_include_directories(zephyr_interface INTERFACE \${dir})
  endforeach()
endfunction()
function(zephyr_compile_definitions)
  target_compile_definitions(zephyr_interface INTERFACE \${ARGN})
endfunction()
add_subdirectory($root/zephyr coap2)
get_target_property(added zephyr_interface INTERFACE_COMPILE_DEFINITIONS)
$3"
}

zephyr_both() {
    echo CONFIG_COAP2=y >"$work/prj.conf"
    zephyr Zephyr "$work/prj.conf" ''
    use_project Zephyr

    printf 'CONFIG_%s\n' COAP2=y COAP2_MAX_OBSERVERS=3 COAP2_MAX_UPLOADS=0 \
        COAP2_WITH_FIELDS=n >"$work/small.conf"
    zephyr small "$work/small.conf" "foreach(knob COAP2_WITH_FIELDS=0
    COAP2_WITH_CBOR=0 COAP2_WITH_SERVER=1 COAP2_MAX_UPLOADS=0)
  if(NOT knob IN_LIST added)
    message(FATAL_ERROR \"\${knob} is not in \${added}\")
  endif()
endforeach()"
    observers=3 use_project small

    : >"$work/off.conf"
    zephyr off "$work/off.conf" "if(added)
  message(FATAL_ERROR \"added: \${added}\")
endif()"
    try 'Zephyr: off, nothing is defined' configure "$work/off/C"
    refuse 'Zephyr: off, coap2.h is not found' 'coap2.h: No such file' \
        cmake --build "$work/off/C/b"
}

# ---- Arduino ----------------------------------------------------------------

# Debian's arduino-builder and core, without the IDE that brings the links to
# the compiler along. The core uses DECIMAL_DIG, which this avr-gcc has in C
# only.
arduino() {
    tools=$work/arduino/tools
    mkdir -p "$work/arduino/libraries" "$work/arduino/b" "$tools/avr"
    ln -s /usr/bin "$tools/avr/bin"
    try 'Arduino: unpack the archive' \
        tar -xf "$work/coap2.tar.gz" -C "$work/arduino/libraries"
    mkdir "$work/arduino/user"
    {
        sed '/^#include <stdio/d; /^int main/,$d' "$work/user.c"
        echo 'void setup() { coap2_msg msg; Serial.begin(9600);'
        echo '    Serial.println(coap2_msg_parse(&msg, NULL, 0)); }'
        echo 'void loop() {}'
    } >"$work/arduino/user/user.ino"
    try 'Arduino: a sketch with the library' arduino-builder -compile \
        -hardware /usr/share/arduino/hardware \
        -hardware /usr/share/arduino-builder -tools "$tools" \
        -libraries "$work/arduino/libraries" -fqbn arduino:avr:uno \
        -ide-version=10819 -build-path "$work/arduino/b" -warnings=all \
        -prefs=compiler.path=/usr/bin/ \
        -prefs=compiler.cpp.extra_flags=-DDECIMAL_DIG=__DECIMAL_DIG__ \
        -verbose "$work/arduino/user/user.ino"
    cp "$work/log" "$work/arduino.log"
    try "Arduino: the library is of version $version" grep \
        "^Using library coap2 at version $version in" "$work/arduino.log"
    try 'Arduino: no file of the library is compiled' same \
        "$(grep -o 'libraries/coap2/[^ ]*\.[a-zA-Z]*"' "$work/arduino.log")" ''
    try 'Arduino: no warning of the library or the sketch' same \
        "$(grep -e '\(coap2\|user\)[^ ]*: warning' -e Spurious -e Invalid \
            "$work/arduino.log")" ''
}

# ---- all of it ---------------------------------------------------------------

needed() {
    python=/usr/bin/python3
    for command in cmake pkg-config make cc c++ tar arduino-builder \
        avr-g++ $python; do
        command -v "$command" >/dev/null ||
            verdict "$command is missing: tests/setup.sh installs it" 1
    done
    $python -c 'import kconfiglib' 2>>"$work/log" ||
        verdict "python3-kconfiglib is missing: tests/setup.sh installs it" 1
    [ $failed -eq 0 ] || total
}

rm -rf "$work"
mkdir -p "$work"
: >"$work/log"
needed
write_programs
cmake_inside
cmake_installed "${version%.*}"
use_pkgconfig 'cmake' "$work/moved"
make_installed
esp_idf
zephyr_both
arduino
total
