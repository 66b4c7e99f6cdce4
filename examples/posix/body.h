/* body.h - bodies of any size: where that of a request comes from, where that
   of an answer goes, and how far they are. */

#ifndef BODY_H
#define BODY_H

#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tool.h"

/* ---- from --------------------------------------------------------------- */

/* Memory, or a file that is read in place. */
typedef struct source {
    FILE *file; /* NULL: the bytes */
    uint8_t *bytes;
    bool owned; /* the bytes are to be freed */
    uint64_t length;
    const char *name;
    bool failed; /* it is not what it was; that has been said */
} source;

/* Open a file; standard input, and what else has no size, is read whole. If
   that cannot be, it is said. */
static inline bool open_source(source *s, const char *name)
{
    FILE *in = strcmp(name, "-") == 0 ? stdin : fopen(name, "rb");
    struct stat is;
    size_t length;

    s->name = name;
    if (in == NULL) {
        (void)complain(FAILED, "%s: %s", name, strerror(errno));
        return false;
    }
    if (in != stdin && fstat(fileno(in), &is) == 0 && S_ISREG(is.st_mode)) {
        s->file = in;
        s->length = (uint64_t)is.st_size;
        return true;
    }
    s->bytes = read_all(in, &length);
    s->length = length;
    s->owned = true;
    if (in != stdin) (void)fclose(in);
    return true;
}

static inline void close_source(source *s)
{
    if (s->file != NULL) (void)fclose(s->file);
    if (s->owned) free(s->bytes);
    memset(s, 0, sizeof *s);
}

static inline void read_source(source *s, uint32_t at, uint8_t *bytes,
                               size_t size)
{
    if (s->file == NULL) {
        memcpy(bytes, s->bytes + at, size);
        return;
    }
    if (fseeko(s->file, (off_t)at, SEEK_SET) == 0 &&
        fread(bytes, 1, size, s->file) == size)
        return;
    memset(bytes, 0, size);
    if (!s->failed)
        (void)complain(FAILED, "%s: it became shorter on the way", s->name);
    s->failed = true;
}

/* ---- to ----------------------------------------------------------------- */

/* A file, or standard output. */
typedef struct sink {
    const char *name; /* NULL or -: standard output */
    FILE *file;       /* NULL before the first byte */
    bool ends_line;   /* the last byte was a line end, or there was none */
} sink;

/* What stands in a sink is said by its name, but for standard output, of which
   main speaks. */
static inline bool sink_failed(const sink *s)
{
    if (s->file != stdout)
        (void)complain(FAILED, "%s: %s", s->name, strerror(errno));
    return false;
}

static inline bool open_sink(sink *s)
{
    const char *name = s->name;

    if (s->file != NULL) return true;
    s->ends_line = true;
    s->file =
        name == NULL || strcmp(name, "-") == 0 ? stdout : fopen(name, "wb");
    return s->file != NULL || sink_failed(s);
}

/* Begin anew: the body has changed while it was read. */
static inline bool rewind_sink(sink *s)
{
    if (s->file == NULL || s->file == stdout) {
        (void)complain(FAILED, "it changed while it was read; -o FILE could "
                               "begin anew");
        return false;
    }
    if (fseeko(s->file, 0, SEEK_SET) == 0 && ftruncate(fileno(s->file), 0) == 0)
        return true;
    return sink_failed(s);
}

static inline bool put_sink(sink *s, const uint8_t *bytes, size_t length)
{
    if (!open_sink(s)) return false;
    (void)fwrite(bytes, 1, length, s->file);
    if (length > 0) s->ends_line = bytes[length - 1] == '\n';
    return fflush(s->file) == 0 || sink_failed(s);
}

/* For people, and between several bodies. */
static inline void end_sink_line(sink *s)
{
    if (!s->ends_line) fputc('\n', s->file);
    (void)fflush(s->file);
    s->ends_line = true;
}

static inline bool close_sink(sink *s)
{
    bool failed;

    if (s->file == NULL || s->file == stdout) return true;
    failed = ferror(s->file) != 0;
    if (fclose(s->file) == 0 || failed) return !failed;
    (void)complain(FAILED, "%s: %s", s->name, strerror(errno));
    return false;
}

/* ---- kept --------------------------------------------------------------- */

/* A body that is put together in memory. */
typedef struct gathered {
    uint8_t *bytes;
    size_t length, size;
} gathered;

static inline void gather(gathered *g, const uint8_t *bytes, size_t length)
{
    if (g->size - g->length < length) {
        g->size = 2 * (g->length + length);
        g->bytes = must_have(realloc(g->bytes, g->size));
    }
    if (length > 0) memcpy(g->bytes + g->length, bytes, length);
    g->length += length;
}

/* ---- how far ------------------------------------------------------------ */

enum { BAR_WIDTH = 30, BAR_MS = 100 };

/* A bar on standard error, where that is a terminal. */
typedef struct progress {
    bool wanted, shown;
    uint32_t since; /* it was drawn */
} progress;

static inline void draw_bar(uint64_t done, uint64_t total)
{
    int i, full = (int)(done * BAR_WIDTH / total);

    fputs(" [", stderr);
    for (i = 0; i < BAR_WIDTH; i++) fputc(i < full ? '=' : ' ', stderr);
    fprintf(stderr, "] %3u%%", (unsigned)(done * 100 / total));
}

/* So much has been sent or received, of a total that may be 0: not known. */
static inline void show_progress(progress *p, uint32_t now, uint64_t done,
                                 uint64_t total)
{
    if (!p->wanted || (p->shown && now - p->since < BAR_MS)) return;
    fputc('\r', stderr);
    if (total != 0 && done <= total) draw_bar(done, total);
    fprintf(stderr, " %lu bytes ", (unsigned long)done);
    (void)fflush(stderr);
    p->shown = true;
    p->since = now;
}

static inline void end_progress(progress *p)
{
    if (p->shown) fputs("\r\033[K", stderr);
    p->shown = false;
}

#endif /* BODY_H */
