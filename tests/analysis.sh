#!/bin/sh
# Read coap2.h, and the tool that uses it, with four static analysers, one for
# each core at a time. Each must also find a bug that is planted for it, so that
# silence means something.
set -u
cd "$(dirname "$0")/.." || exit 2
work=build/analysis
whole=$work/whole.c planted=$work/planted.c tool=examples/posix/coap2.c
jobs=$work/jobs

# What MISRA C:2012 asks and we do otherwise; the other rules hold.
#   2.4 2.5      a library has tags and macros that only its users use
#   8.7 8.9      public functions and named tables in flash are not local
#   9.4          a row of texts is initialised once, which cppcheck does not see
#   10.*         arithmetic of uint8_t and char is meant to promote
#   11.5         void * is how C takes bytes of any kind
#   11.8         a pointer in a const struct does not point to const, though
#                cppcheck takes it so
#   12.1 12.3    no parentheses where C needs none; pointers declared together
#   13.3 13.4 13.5 14.2  a step or an assignment inside an expression, and a
#                loop over what it consumes
#   14.4 15.7    if (bits & flag); an else that does nothing is not written
#   15.4 15.5    return early, so that functions stay short
#   10.7 12.2    shifts by a computed width, which the caller keeps small
#   17.7 17.8    the result of memcpy; parameters that count down
#   18.4         pointer arithmetic is what a view into bytes is
#   20.7         a row's macro puts its name where a string literal must stand
#   20.10        a row names its texts after itself
#   20.9 21.14   SIZE_MAX in #if; memcmp of bytes that end without a NUL
deviations='2.4 2.5 8.7 8.9 9.4 10.1 10.3 10.4 10.6 10.7 10.8 11.5 11.8 12.1
            12.2 12.3 13.3 13.4 13.5 14.2 14.4 15.4 15.5 15.7 17.7 17.8 18.4
            20.7 20.9 20.10 21.14'

# Not bugs: variables stand at the top of a function; an overflow check is
# always false to cppcheck, which counts without wrapping; and a struct that
# is returned whole is not followed.
cppcheck_flags='--enable=warning,style,performance,portability --inconclusive
    --std=c99 --error-exitcode=1 --quiet -I. --suppress=missingIncludeSystem
    --suppress=unusedStructMember --suppress=unusedFunction
    --suppress=unmatchedSuppression --suppress=variableScope
    --suppress=knownConditionTrueFalse --suppress=uninitStructMember'

# Parameters of one type side by side (bytes, length, at) are everywhere in C;
# the tool asks ferror once, at its end, and not each fputs.
tidy_checks='-*,bugprone-*,cert-*,clang-analyzer-*,misc-*,performance-*'
tidy_checks="$tidy_checks,portability-*,-bugprone-easily-swappable-parameters"
tidy_checks="$tidy_checks,-cert-err33-c"

misra() {
    flags=
    for rule in $deviations; do
        flags="$flags --suppress=misra-c2012-$rule"
    done
    # shellcheck disable=SC2086 # lists of words
    cppcheck $cppcheck_flags --platform=avr8 --addon=misra $flags "$1"
}

check_avr() {
    # shellcheck disable=SC2086
    cppcheck $cppcheck_flags --platform=avr8 "$1"
}

check_host() {
    # shellcheck disable=SC2086
    cppcheck $cppcheck_flags --platform=unix64 "$1"
}

tidy() {
    clang-tidy "$1" --quiet --header-filter='.*' --warnings-as-errors='*' \
        --checks="$tidy_checks" -- -std=c99 -I. -D_POSIX_C_SOURCE=200809L \
        2>"$log.err"
}

gcc_analyzer() {
    gcc -std=c99 -O2 -fanalyzer -Wall -Wextra -Werror -I. \
        -D_POSIX_C_SOURCE=200809L -c "$1" -o "$log.o"
}

# It exits with 0 whatever it finds.
clang_analyzer() {
    clang --analyze -Xclang -analyzer-output=text -std=c99 -I. \
        -D_POSIX_C_SOURCE=200809L "$1" 2>"$log.err"
    cat "$log.err"
    [ ! -s "$log.err" ]
}

# verdict STATUS NAME: ok if the status is 0.
verdict() {
    if [ "$1" -eq 0 ]; then
        echo "ok - $2"
    else
        echo "not ok - $2"
        head -n 60 "$log"
    fi
}

# One job, LINE of all: silent about a file, not about the planted one.
if [ "${1:-}" = --job ]; then
    log=$work/$2.log
    read -r analyser command file <<END
$(sed -n "$2p" $jobs)
END
    if ! command -v "$command" >"$log"; then
        verdict 1 "$analyser: $command is not installed"
    elif [ "$file" = $planted ]; then
        $analyser "$file" >"$log" 2>&1 && status=1 || status=0
        verdict "$status" "$analyser: finds the planted bug"
    else
        $analyser "$file" >"$log" 2>&1
        verdict $? "$analyser: $file"
    fi >$work/"$2".result
    exit 0
fi

# analyse ANALYSER COMMAND FILE...: a job for each, and one for the planted.
analyse() {
    analyser=$1 command=$2
    shift 2
    for file in "$@" $planted; do
        echo "$analyser $command $file"
    done
}

rm -rf $work
mkdir -p $work
cat >$whole <<'C'
#define COAP2_WITH_DIRECTORY 1
#define COAP2_IMPLEMENTATION
#include "coap2.h"
C
cat >$planted <<'C'
#include <stdlib.h>
int planted(int n);
int planted(int n)
{
    int *bytes = 0, unset;
    if (n > 3) unset = n;
    if (n < 0) return *bytes;
    return unset;
}
C

# The longest first.
{
    analyse gcc_analyzer gcc $whole $tool
    analyse misra cppcheck $whole
    analyse check_host cppcheck $whole $tool
    analyse check_avr cppcheck $whole
    analyse tidy clang-tidy $whole $tool
    analyse clang_analyzer clang $whole $tool
} >$jobs

count=$(wc -l <$jobs) failed=0
seq "$count" | xargs -P "$(nproc)" -n 1 "$0" --job
for i in $(seq "$count"); do
    cat $work/"$i".result
    grep -q '^ok - ' $work/"$i".result || failed=$((failed + 1))
done

echo "$((count - failed)) passed, $failed failed"
[ $failed -eq 0 ] && [ "$count" -gt 0 ]
