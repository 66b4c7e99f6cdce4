/* text.h - bytes shown to people and to programs: UTF-8, hex, JSON.

   Everything is written to a stream. The functions are inline, so that a
   program that uses only some of them gets no warning. */

#ifndef TEXT_H
#define TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

/* ---- UTF-8 -------------------------------------------------------------- */

/* How long is the character that starts here? 0 if it is not well-formed
   UTF-8 (RFC 3629 4: no overlong forms, no surrogates, U+10FFFF at most). */
static inline size_t utf8_size(const uint8_t *s, size_t length)
{
    uint8_t first = s[0], least = 0x80, most = 0xbf;
    size_t size, i;

    if (first < 0x80) return 1;
    if (first < 0xc2 || first > 0xf4) return 0;
    size = first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
    if (length < size) return 0;

    if (first == 0xe0) least = 0xa0;
    if (first == 0xed) most = 0x9f;
    if (first == 0xf0) least = 0x90;
    if (first == 0xf4) most = 0x8f;
    if (s[1] < least || s[1] > most) return 0;
    for (i = 2; i < size; i++)
        if ((s[i] & 0xc0) != 0x80) return 0;
    return size;
}

/* Would this character of `size` bytes move the cursor of a terminal, or do
   worse? C0, DEL, and C1, which UTF-8 writes as c2 80 to c2 9f. */
static inline bool utf8_is_control(const uint8_t *s, size_t size)
{
    if (size == 1) return s[0] < 0x20 || s[0] == 0x7f;
    return size == 2 && s[0] == 0xc2 && s[1] < 0xa0;
}

/* Is all of it text that may be shown as it is, in lines or in one? */
static inline bool is_text(const uint8_t *s, size_t length, bool lines)
{
    size_t i, size;

    for (i = 0; i < length; i += size) {
        size = utf8_size(s + i, length - i);
        if (size == 0) return false;
        if (!utf8_is_control(s + i, size)) continue;
        if (!lines) return false;
        if (s[i] == '\r' && i + 1 < length && s[i + 1] == '\n') continue;
        if (s[i] != '\n' && s[i] != '\t') return false;
    }
    return true;
}

/* ---- hexadecimal -------------------------------------------------------- */

static inline int digit_value(char c)
{
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    if (c >= 'A' && c <= 'F') return c - 'A' + 10;
    return -1;
}

static inline void put_hex(FILE *out, const uint8_t *s, size_t length)
{
    size_t i;

    for (i = 0; i < length; i++) fprintf(out, "%02x", (unsigned)s[i]);
}

/* ---- for people --------------------------------------------------------- */

/* Text in one line; what is not text as \xNN. */
static inline void put_escaped(FILE *out, const uint8_t *s, size_t length)
{
    size_t i, size;

    for (i = 0; i < length; i += size) {
        size = utf8_size(s + i, length - i);
        if (size == 0 || utf8_is_control(s + i, size)) {
            size = size == 0 ? 1 : size;
            fprintf(out, "\\x%02x", (unsigned)s[i]);
            if (size == 2) fprintf(out, "\\x%02x", (unsigned)s[i + 1]);
            continue;
        }
        if (s[i] == '"' || s[i] == '\\') fputc('\\', out);
        fwrite(s + i, 1, size, out);
    }
}

static inline void put_quoted(FILE *out, const uint8_t *s, size_t length)
{
    fputc('"', out);
    put_escaped(out, s, length);
    fputc('"', out);
}

/* Lines of text, each indented; `\r` before the end of one is dropped. */
static inline void put_lines(FILE *out, const uint8_t *s, size_t length)
{
    bool at_start = true;
    size_t i;

    for (i = 0; i < length; i++) {
        if (at_start) fputs("    ", out);
        at_start = s[i] == '\n';
        if (s[i] != '\r') fputc(s[i], out);
    }
    if (!at_start) fputc('\n', out);
}

enum { HEX_ROW = 16 }; /* bytes in a row of a dump */

/* A row of a dump: where it stands, its bytes. Returns the bytes in it. */
static inline size_t put_hex_row(FILE *out, const uint8_t *s, size_t length,
                                 size_t at)
{
    size_t count = length - at < HEX_ROW ? length - at : HEX_ROW, i;

    fprintf(out, "    %04lx ", (unsigned long)at);
    for (i = 0; i < count; i++) fprintf(out, " %02x", (unsigned)s[at + i]);
    return count;
}

static inline void put_hex_dump(FILE *out, const uint8_t *s, size_t length)
{
    size_t at, count, i;

    for (at = 0; at < length; at += count) {
        count = put_hex_row(out, s, length, at);
        fprintf(out, "%*s  ", (int)(HEX_ROW - count) * 3, "");
        for (i = at; i < at + count; i++)
            fputc(s[i] >= 0x20 && s[i] < 0x7f ? s[i] : '.', out);
        fputc('\n', out);
    }
}

/* The row of bytes around a fault, with a mark under the wrong one. What is
   missing is marked behind the last byte. */
static inline void put_hex_fault(FILE *out, const uint8_t *s, size_t length,
                                 size_t fault_at)
{
    size_t in_row =
        fault_at > 0 && fault_at == length ? fault_at - 1 : fault_at;
    size_t row = in_row - in_row % HEX_ROW;

    put_hex_row(out, s, length, row);
    fprintf(out, "\n%*s^^\n", 4 + 6 + (int)(fault_at - row) * 3, "");
}

/* The text around a fault, with a mark under the wrong byte. Each byte takes
   one column, so those that are not printable ASCII show as a dot. */
static inline void put_text_fault(FILE *out, const char *s, size_t length,
                                  size_t fault_at)
{
    enum { BEFORE = 48, ALL = 72 };
    size_t from = fault_at > BEFORE ? fault_at - BEFORE : 0, i;
    size_t end = length - from > ALL ? from + ALL : length;

    fputs(from > 0 ? "...." : "    ", out);
    for (i = from; i < end; i++)
        fputc(s[i] >= 0x20 && s[i] < 0x7f ? s[i] : '.', out);
    fprintf(out, "%s\n%*s^\n", end < length ? "..." : "",
            4 + (int)(fault_at - from), "");
}

/* ---- for programs: JSON (RFC 8259) -------------------------------------- */

/* A string. Control characters, and bytes that are not UTF-8, as \u00XX. */
static inline void put_json(FILE *out, const void *text, size_t length)
{
    const uint8_t *s = (const uint8_t *)text;
    size_t i, size;

    fputc('"', out);
    for (i = 0; i < length; i += size) {
        size = utf8_size(s + i, length - i);
        if (size == 0 || s[i] < 0x20 || s[i] == 0x7f) {
            size = 1;
            fprintf(out, "\\u00%02x", (unsigned)s[i]);
            continue;
        }
        if (s[i] == '"' || s[i] == '\\') fputc('\\', out);
        fwrite(s + i, 1, size, out);
    }
    fputc('"', out);
}

static inline void put_json_hex(FILE *out, const uint8_t *s, size_t length)
{
    fputc('"', out);
    put_hex(out, s, length);
    fputc('"', out);
}

#endif /* TEXT_H */
