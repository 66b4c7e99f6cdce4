/* What the programs have in common that call the public entries: each call
   stands between two marks, so that the host tells its stack. Lines are
   "ROOM ENTRY cycles=N stack=N"; the script takes the greatest of each. */

#ifndef TESTS_SIZE_ENTER_H
#define TESTS_SIZE_ENTER_H

#include "../avr/marks.h"
#include "coap2.h"

#define ENTER(room, entry, ...)             \
    do {                                    \
        MARK_SAY(room " " #entry " ");      \
        MARK_START();                       \
        kept = (uint8_t)entry(__VA_ARGS__); \
        MARK_STOP();                        \
    } while (0)

#define ENTER_VOID(room, entry, ...)   \
    do {                               \
        MARK_SAY(room " " #entry " "); \
        MARK_START();                  \
        entry(__VA_ARGS__);            \
        MARK_STOP();                   \
    } while (0)

#define ENTER_INTO(target, room, entry, ...) \
    do {                                     \
        MARK_SAY(room " " #entry " ");       \
        MARK_START();                        \
        target = entry(__VA_ARGS__);         \
        MARK_STOP();                         \
    } while (0)

static volatile uint8_t kept;

#endif
