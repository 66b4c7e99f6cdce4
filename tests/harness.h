/* The test harness: host and simulated ATmega alike. It prints failures only,
   then `N passed, N failed`; the exit status is 1 if anything failed. On AVR
   the text leaves by UART 0 and the status by GPIOR0 (see avr/host.c), and
   names and expected values stay in flash. */
#ifndef HARNESS_H
#define HARNESS_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#ifdef __AVR__
#include <avr/io.h>
#include <avr/pgmspace.h>
#define TEST_FLASH PROGMEM
#define TEST_TEXT(literal) PSTR(literal)
#define TEST_CHAR(at) ((char)pgm_read_byte(at))
#define TEST_FETCH(to, from) memcpy_P((to), (from), sizeof *(to))
#else
#include <stdio.h>
#define TEST_FLASH
#define TEST_TEXT(literal) (literal)
#define TEST_CHAR(at) (*(at))
#define TEST_FETCH(to, from) memcpy((to), (from), sizeof *(to))
#endif

#define CHECK_TEXT(got, want) test_text((got), (want), __LINE__)

#ifdef __GNUC__ /* a test need not use every helper */
#define TEST_DEF static __attribute__((unused))
#else
#define TEST_DEF static
#endif

static unsigned test_passed, test_failed;
static const char *test_name; /* in flash */
static unsigned test_row;     /* of a table, counted from 1; 0: no table */

/* Run a test under a name that says which rule it checks. */
#define RUN(name, test) (test_name = TEST_TEXT(name), test_row = 0, (test)())
#define CHECK(condition) test_check((condition), __LINE__)
#define CHECK_EQ(got, want) \
    test_equal((unsigned long)(got), (unsigned long)(want), __LINE__)
#define CHECK_BYTES(got, got_length, want, want_length)                    \
    test_bytes((got), (size_t)(got_length), (want), (size_t)(want_length), \
               __LINE__)

TEST_DEF void test_put(char c)
{
#ifdef __AVR__
    UCSR0B = _BV(TXEN0);
    while (!(UCSR0A & _BV(UDRE0))) {
    }
    UDR0 = (uint8_t)c;
#else
    putchar(c);
#endif
}

TEST_DEF void test_print(const char *flash_text)
{
    while (TEST_CHAR(flash_text) != '\0') test_put(TEST_CHAR(flash_text++));
}

TEST_DEF void test_number(unsigned long n)
{
    char digits[21];
    unsigned at = 0;

    do {
        digits[at++] = (char)('0' + n % 10u);
        n /= 10u;
    } while (n != 0u);
    while (at > 0u) test_put(digits[--at]);
}

TEST_DEF void test_check(int ok, int line)
{
    if (ok) {
        test_passed++;
        return;
    }
    test_failed++;
    test_print(TEST_TEXT("not ok - "));
    test_print(test_name);
    test_print(TEST_TEXT(", line "));
    test_number((unsigned long)line);
    if (test_row != 0) {
        test_print(TEST_TEXT(", row "));
        test_number(test_row);
    }
    test_put('\n');
}

TEST_DEF void test_equal(unsigned long got, unsigned long want, int line)
{
    test_check(got == want, line);
    if (got == want) return;
    test_print(TEST_TEXT("  got "));
    test_number(got);
    test_print(TEST_TEXT(", want "));
    test_number(want);
    test_put('\n');
}

TEST_DEF void test_bytes(const void *got, size_t got_length, const void *want,
                         size_t want_length, int line)
{
    if (got_length != want_length) {
        test_equal(got_length, want_length, line);
    } else {
        test_check(got_length == 0 || memcmp(got, want, got_length) == 0, line);
    }
}

TEST_DEF void test_text(const char *got, const char *want, int line)
{
    test_bytes(got, strlen(got), want, strlen(want), line);
}

/* The last line and the exit status: `return test_end();` in main. */
TEST_DEF int test_end(void)
{
    test_number(test_passed);
    test_print(TEST_TEXT(" passed, "));
    test_number(test_failed);
    test_print(TEST_TEXT(" failed\n"));
#ifdef __AVR__
    GPIOR0 = (uint8_t)(0x80u | (test_failed != 0));
    for (;;) {
    }
#endif
    return test_failed != 0;
}

#endif
