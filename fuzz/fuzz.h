/* fuzz.h - what all harnesses share

   A harness is one file, fuzz_NAME.c, that includes this one and defines

       static void fuzz_one(const uint8_t *bytes, size_t length);

   which gives the bytes to one entry point of the library and calls
   FUZZ_CHECK for whatever must hold. The same source builds three ways:
     afl-clang-fast                        AFL++, persistent mode
     clang -fsanitize=fuzzer -DFUZZ_LIBFUZZER     libFuzzer
     any C compiler                        a replayer of files, directories
                                           and stdin
   The header that is tested may be another one: -DCOAP2_HEADER='"x.h"'. */

#ifndef FUZZ_H
#define FUZZ_H

#ifndef _POSIX_C_SOURCE
#define _POSIX_C_SOURCE 200809L /* opendir */
#endif

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What a harness does not call need not be compiled, four times. */
#ifndef COAP2_STATIC
#define COAP2_STATIC
#endif
#define COAP2_IMPLEMENTATION
#ifdef COAP2_HEADER
#include COAP2_HEADER
#else
#include "coap2.h"
#endif

/* Longer inputs teach nothing new: an option cannot exceed 65,804 bytes. */
#define FUZZ_LONGEST 70000u

static void fuzz_one(const uint8_t *bytes, size_t length);

/* ==== Checks ============================================================= */

static inline void fuzz_fail(const char *what, int line)
{
    fprintf(stderr, "FUZZ_CHECK failed, line %d: %s\n", line, what);
    abort();
}

#define FUZZ_CHECK(condition)                              \
    do {                                                   \
        if (!(condition)) fuzz_fail(#condition, __LINE__); \
    } while (0)

/* ==== Memory that shows a byte too many ================================== */

/* A sanitizer sees the first byte outside an allocation. Without one, a fence
   on both sides shows at least what was written there. */
#ifdef __has_feature
#if __has_feature(address_sanitizer)
#define FUZZ_FENCE 0u
#endif
#endif
#if !defined FUZZ_FENCE && defined __SANITIZE_ADDRESS__
#define FUZZ_FENCE 0u
#endif
#ifndef FUZZ_FENCE
#define FUZZ_FENCE 16u
#endif
#define FUZZ_FENCE_BYTE 0xA5u

typedef struct fuzz_memory {
    uint8_t *base;
    uint8_t *bytes;
    size_t size;
} fuzz_memory;

/* Get memory of exactly this size. An allocator may round 0 up, so the place
   for no bytes is behind the only byte of an allocation. */
static inline fuzz_memory fuzz_open(size_t size)
{
    size_t before = size == 0 && FUZZ_FENCE == 0u ? 1 : FUZZ_FENCE;
    size_t all = before + size + FUZZ_FENCE;
    fuzz_memory memory;

    memory.base = (uint8_t *)malloc(all);
    FUZZ_CHECK(memory.base != NULL);
    memset(memory.base, (int)FUZZ_FENCE_BYTE, all);
    memory.bytes = memory.base + before;
    memory.size = size;
    return memory;
}

static inline fuzz_memory fuzz_copy(const void *bytes, size_t length)
{
    fuzz_memory memory = fuzz_open(length);

    if (length != 0) memcpy(memory.bytes, bytes, length);
    return memory;
}

static inline void fuzz_close(fuzz_memory *memory)
{
    size_t i;

    for (i = 0; i < FUZZ_FENCE; i++) {
        FUZZ_CHECK(memory->base[i] == FUZZ_FENCE_BYTE);
        FUZZ_CHECK(memory->bytes[memory->size + i] == FUZZ_FENCE_BYTE);
    }
    free(memory->base);
    memory->base = memory->bytes = NULL;
}

/* True if a view lies within these bytes; one behind the end may be empty. */
static inline bool fuzz_inside(const void *view, size_t view_length,
                               const void *bytes, size_t length)
{
    uintptr_t from = (uintptr_t)view, first = (uintptr_t)bytes;

    return from >= first && from - first <= length &&
           view_length <= length - (from - first);
}

static inline bool fuzz_same(const void *a, size_t a_length, const void *b,
                             size_t b_length)
{
    return a_length == b_length &&
           (a_length == 0 || memcmp(a, b, a_length) == 0);
}

/* The place before the first option. */
static inline coap2_opt fuzz_options(const coap2_msg *msg)
{
    return msg->options;
}

/* ==== Inputs that are programs =========================================== */

/* Take an input apart, piece by piece; at its end there are zeros. */
typedef struct fuzz_input {
    const uint8_t *bytes;
    size_t length;
    size_t position;
} fuzz_input;

static inline bool fuzz_at_end(const fuzz_input *in)
{
    return in->position >= in->length;
}

/* Take a number of so many bytes, most significant first. */
static inline uint32_t fuzz_number(fuzz_input *in, unsigned bytes)
{
    uint32_t number = 0;

    for (; bytes > 0; bytes--) {
        number = number * 256u;
        if (!fuzz_at_end(in)) number += in->bytes[in->position++];
    }
    return number;
}

/* Take so many bytes, or what is left. */
static inline const uint8_t *fuzz_bytes(fuzz_input *in, size_t *length)
{
    const uint8_t *bytes = in->bytes + in->position;

    if (*length > in->length - in->position)
        *length = in->length - in->position;
    in->position += *length;
    return bytes;
}

/* ==== Entry: AFL++ ======================================================= */

#if defined __AFL_COMPILER && !defined FUZZ_LIBFUZZER

#include <unistd.h>

__AFL_FUZZ_INIT();

int main(void)
{
    const uint8_t *bytes;

#ifdef __AFL_HAVE_MANUAL_CONTROL
    __AFL_INIT();
#endif
    bytes = __AFL_FUZZ_TESTCASE_BUF;
    while (__AFL_LOOP(10000)) {
        size_t length = (size_t)__AFL_FUZZ_TESTCASE_LEN;

        if (length <= FUZZ_LONGEST) fuzz_one(bytes, length);
    }
    return 0;
}

/* ==== Entry: libFuzzer =================================================== */

#elif defined FUZZ_LIBFUZZER

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
    if (length <= FUZZ_LONGEST) fuzz_one(bytes, length);
    return 0;
}

/* ==== Entry: replayer ==================================================== */

#else

#include <dirent.h>

static unsigned long fuzz_replayed;

static void fuzz_replay_stream(FILE *file)
{
    static uint8_t bytes[FUZZ_LONGEST];
    size_t length = fread(bytes, 1, sizeof bytes, file);

    fuzz_one(bytes, length);
    fuzz_replayed++;
}

static int fuzz_replay_file(const char *path)
{
    FILE *file = fopen(path, "rb");

    if (file == NULL) {
        perror(path);
        return 1;
    }
    if (getenv("FUZZ_VERBOSE") != NULL) fprintf(stderr, "%s\n", path);
    fuzz_replay_stream(file);
    fclose(file);
    return 0;
}

/* Replay the files of a directory; what is no directory is a file. */
static int fuzz_replay_path(const char *path)
{
    DIR *directory = opendir(path);
    struct dirent *entry;
    int failed = 0;

    if (directory == NULL) return fuzz_replay_file(path);
    while ((entry = readdir(directory)) != NULL) {
        char name[4096];

        if (entry->d_name[0] == '.') continue;
        snprintf(name, sizeof name, "%s/%s", path, entry->d_name);
        failed |= fuzz_replay_file(name);
    }
    closedir(directory);
    return failed;
}

int main(int count, char **arguments)
{
    int failed = 0, i;

    if (count < 2) fuzz_replay_stream(stdin);
    for (i = 1; i < count; i++) failed |= fuzz_replay_path(arguments[i]);
    printf("%lu replayed\n", fuzz_replayed);
    return failed;
}

#endif

#endif /* FUZZ_H */
