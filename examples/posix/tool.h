/* tool.h - what the commands of the tool share: how one is called, how it
   ends, and what it reads. */

#ifndef TOOL_H
#define TOOL_H

#include <stdarg.h>
#include <stdlib.h>

#include "text.h"

/* The status of the process. */
enum { DONE = 0, FAILED = 1, BAD_USAGE = 2 };

/* An option of one letter. */
typedef struct letter {
    char name;
    char *value; /* NULL where it has none; may be decoded in place */
} letter;

/* A command line, read: options apart from arguments. */
typedef struct call {
    const char *command;
    char **arguments; /* behind the name of the command */
    int count;
    const letter *letters; /* in their order; only those of the command */
    int letter_count;
    bool json;
} call;

static inline int complain(int status, const char *format, ...)
{
    va_list values;

    va_start(values, format);
    fputs("coap2: ", stderr);
    vfprintf(stderr, format, values);
    fputc('\n', stderr);
    va_end(values);
    return status;
}

/* The library has no name for everything. */
static inline const char *name_or(const char *name, const char *otherwise)
{
    return name != NULL ? name : otherwise;
}

/* Malformed input, for programs. People get a picture of the place, too, which
   each command draws. */
static inline int json_fault(const char *why, size_t at)
{
    fputs("{\"error\":", stdout);
    put_json(stdout, why, strlen(why));
    printf(",\"offset\":%lu}\n", (unsigned long)at);
    return FAILED;
}

/* Memory, or the end: a tool of one command has nothing to save. */
static inline void *must_have(void *memory)
{
    if (memory == NULL) exit(complain(FAILED, "out of memory"));
    return memory;
}

/* Read all of a stream; the bytes are the caller's to free. */
static inline uint8_t *read_all(FILE *in, size_t *length)
{
    size_t size = 4096;
    uint8_t *bytes = must_have(malloc(size));

    *length = 0;
    for (;;) {
        *length += fread(bytes + *length, 1, size - *length, in);
        if (*length < size) break;
        if (size > SIZE_MAX / 2) exit(complain(FAILED, "too much input"));
        size *= 2;
        bytes = must_have(realloc(bytes, size));
    }
    if (ferror(in)) {
        perror("coap2: cannot read");
        exit(FAILED);
    }
    return bytes;
}

#endif /* TOOL_H */
