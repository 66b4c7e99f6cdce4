/* The firmware's side of host.c: count, print, end. */

#ifndef TESTS_AVR_MARKS_H
#define TESTS_AVR_MARKS_H

#include <avr/io.h>
#include <avr/pgmspace.h>
#include <stdint.h>

/* Nothing may be moved across a mark, in either direction. */
#define MARK_FENCE() __asm__ volatile("" ::: "memory")

#define MARK_START()  \
    do {              \
        MARK_FENCE(); \
        GPIOR0 = 1;   \
        MARK_FENCE(); \
    } while (0)

#define MARK_STOP()   \
    do {              \
        MARK_FENCE(); \
        GPIOR0 = 2;   \
        MARK_FENCE(); \
    } while (0)

#define MARK_END(status) (GPIOR0 = (uint8_t)(0x80 | (status)))

/* Print a literal, which stays in flash, through UART 0. */
#define MARK_SAY(literal) mark_say_flash(PSTR(literal))

static inline void mark_say_flash(const char *flash)
{
    char letter;

    UCSR0B = _BV(TXEN0);
    while ((letter = (char)pgm_read_byte(flash++)) != 0) {
        while (!(UCSR0A & _BV(UDRE0))) continue;
        UDR0 = (uint8_t)letter;
    }
}

#endif
