/* Copies of bytes that end, or begin, at an unmapped page, so that a read
   outside them stops the test. Include it before anything else. Where there
   are no pages (AVR, Windows) it is a plain copy. */
#ifndef GUARD_H
#define GUARD_H

#if defined(__unix__) || defined(__APPLE__)
#define GUARD_HAS_PAGES 1
#ifndef _DEFAULT_SOURCE
#define _DEFAULT_SOURCE
#endif
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#else
#define GUARD_HAS_PAGES 0
#endif
#include <stdint.h>
#include <string.h>

#ifdef __GNUC__
#define GUARD_DEF static __attribute__((unused))
#else
#define GUARD_DEF static
#endif

#if GUARD_HAS_PAGES

enum { GUARD_PAGE = 65536, GUARD_ROOM = 4 * 65536 };

/* A room of bytes between two pages that cannot be touched. */
GUARD_DEF uint8_t *guard_room(void)
{
    static uint8_t *room;
    void *all;

    if (room != NULL) return room;
    all = mmap(NULL, GUARD_ROOM + 2 * GUARD_PAGE, PROT_NONE,
               MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (all == MAP_FAILED) {
        perror("guard: mmap");
        exit(2);
    }
    room = (uint8_t *)all + GUARD_PAGE;
    if (mprotect(room, GUARD_ROOM, PROT_READ | PROT_WRITE) != 0) {
        perror("guard: mprotect");
        exit(2);
    }
    return room;
}

/* A copy whose last byte is the last one before the unmapped page. */
GUARD_DEF uint8_t *guard_end(const void *bytes, size_t length)
{
    uint8_t *copy = guard_room() + GUARD_ROOM - length;

    if (length > 0) memmove(copy, bytes, length);
    return copy;
}

/* A copy whose first byte is the first one behind the unmapped page. */
GUARD_DEF uint8_t *guard_begin(const void *bytes, size_t length)
{
    uint8_t *copy = guard_room();

    if (length > 0) memmove(copy, bytes, length);
    return copy;
}

#else

#ifdef __AVR__
enum { GUARD_ROOM = 160 };
#else
enum { GUARD_ROOM = 4 * 65536 };
#endif

GUARD_DEF uint8_t *guard_end(const void *bytes, size_t length)
{
    static uint8_t room[GUARD_ROOM];

    if (length > 0) memmove(room, bytes, length);
    return room;
}

GUARD_DEF uint8_t *guard_begin(const void *bytes, size_t length)
{
    return guard_end(bytes, length);
}

#endif
#endif
