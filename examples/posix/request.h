/* request.h - the options of a request, as its command line gives them. */

#ifndef REQUEST_H
#define REQUEST_H

#include <ctype.h>
#include <errno.h>

#include "tool.h"

/* They are those of coap-client; a `:` stands behind one with a value. */
#define REQUEST_LETTERS "a:b:e:f:o:t:A:O:NT:B:v"
#define OBSERVE_LETTERS "a:b:o:s:A:O:NT:B:v"
#define SUBSCRIBE_LETTERS "a:b:o:q:s:A:O:T:B:v"
#define FIND_LETTERS "a:i:s:A:O:v"
#define PING_LETTERS "a:B:v"

enum { NO_NUMBER = -1, MOST_SECONDS = 1000000, TOKEN_SIZE = 8, MAX_SZX = 6 };

typedef struct request_options {
    const char *address;    /* -a; NULL: any */
    const char *interface;  /* -i; NULL: all */
    char *text;             /* -e */
    const char *input;      /* -f */
    const char *output;     /* -o */
    int32_t format, accept; /* -t, -A; or NO_NUMBER */
    coap2_opt *raw;         /* -O, in the order of the command line */
    int raw_count;
    bool confirmable;  /* without -N, and with -q 1 */
    const char *token; /* -T; NULL: a random one */
    uint32_t deadline; /* -B, in ms; 0: the usual one */
    uint32_t duration; /* -s, in ms; 0: without an end */
    uint8_t szx;       /* -b: blocks of 16 << szx bytes */
    bool verbose;      /* -v */
} request_options;

/* ---- values ------------------------------------------------------------- */

static bool read_u16(const char *text, uint16_t *number)
{
    uint32_t value = 0;

    if (*text == '\0') return false;
    for (; isdigit((unsigned char)*text); text++) {
        value = value * 10 + (uint32_t)(*text - '0');
        if (value > UINT16_MAX) return false;
    }
    *number = (uint16_t)value;
    return *text == '\0';
}

/* Seconds, with decimals or without, as milliseconds. */
static bool read_seconds(const char *text, uint32_t *ms)
{
    char *end;
    double seconds;

    if (!isdigit((unsigned char)*text) && *text != '.') return false;
    seconds = strtod(text, &end);
    if (*end != '\0' || !(seconds >= 0.001 && seconds <= MOST_SECONDS))
        return false;
    *ms = (uint32_t)(seconds * 1000 + 0.5);
    return true;
}

/* The size of a block, as RFC 7959 2.2 has them. */
static bool read_size(const char *text, uint8_t *szx)
{
    uint16_t size;

    if (!read_u16(text, &size)) return false;
    for (*szx = 0; *szx <= MAX_SZX; (*szx)++)
        if (size == 16u << *szx) return true;
    return false;
}

/* What coap-client calls the formats that have a name in the library, too. */
static int32_t format_by_short_name(const char *text)
{
    static const struct {
        const char *name;
        uint16_t format;
    } names[] = {{"plain", COAP2_FORMAT_TEXT},
                 {"text/plain", COAP2_FORMAT_TEXT},
                 {"link", COAP2_FORMAT_LINKS},
                 {"link-format", COAP2_FORMAT_LINKS},
                 {"xml", COAP2_FORMAT_XML},
                 {"binary", COAP2_FORMAT_OCTETS},
                 {"octet-stream", COAP2_FORMAT_OCTETS},
                 {"exi", COAP2_FORMAT_EXI},
                 {"json", COAP2_FORMAT_JSON},
                 {"cbor", COAP2_FORMAT_CBOR}};
    size_t i;

    for (i = 0; i < sizeof names / sizeof names[0]; i++)
        if (strcmp(names[i].name, text) == 0) return names[i].format;
    return NO_NUMBER;
}

static int32_t format_by_name(const char *text)
{
    const char *name;
    int32_t format;

    for (format = 0; format <= UINT16_MAX; format++) {
        name = coap2_format_name((uint16_t)format);
        if (name != NULL && strcmp(name, text) == 0) return format;
    }
    return NO_NUMBER;
}

/* A content format by its number or a name. */
static bool read_format(const char *text, int32_t *format)
{
    uint16_t number;

    if (read_u16(text, &number)) {
        *format = number;
        return true;
    }
    *format = format_by_short_name(text);
    if (*format == NO_NUMBER) *format = format_by_name(text);
    return *format != NO_NUMBER;
}

/* Make bytes of hexadecimal digits, in place. */
static bool decode_hex(char *text, size_t *length)
{
    size_t i;
    int high, low;

    for (i = 0; text[2 * i] != '\0'; i++) {
        high = digit_value(text[2 * i]);
        low = digit_value(text[2 * i + 1]);
        if (high < 0 || low < 0) return false;
        text[i] = (char)(high * 16 + low);
    }
    *length = i;
    return true;
}

/* NUMBER, or NUMBER,TEXT, or NUMBER,0xHEX. The value points into the text. */
static bool read_raw_option(char *text, coap2_opt *opt)
{
    char *value = text + strcspn(text, ",");

    if (*value == ',') *value++ = '\0';
    if (!read_u16(text, &opt->number)) return false;
    opt->length = strlen(value);
    opt->value = (const uint8_t *)value;
    if (value[0] != '0' || value[1] != 'x') return true;
    opt->value += 2;
    return decode_hex(value + 2, &opt->length);
}

/* ---- all of them -------------------------------------------------------- */

static bool read_token(const char *text, const char **token)
{
    *token = text;
    return strlen(text) <= TOKEN_SIZE;
}

/* The quality of service of notifications: 1 where they are confirmed. */
static bool read_quality(const char *text, bool *confirmable)
{
    *confirmable = text[0] == '1';
    return (text[0] == '0' || text[0] == '1') && text[1] == '\0';
}

/* Take one option. Returns what its value should have been, or NULL. */
static const char *read_letter(request_options *o, const letter *l)
{
    switch (l->name) {
    case 'a':
        o->address = l->value;
        return NULL;
    case 'e':
        o->text = l->value;
        return NULL;
    case 'i':
        o->interface = l->value;
        return NULL;
    case 'q':
        return read_quality(l->value, &o->confirmable) ? NULL : "0 or 1";
    case 'f':
        o->input = l->value;
        return NULL;
    case 'o':
        o->output = l->value;
        return NULL;
    case 't':
        return read_format(l->value, &o->format) ? NULL : "a format";
    case 'A':
        return read_format(l->value, &o->accept) ? NULL : "a format";
    case 'O':
        return read_raw_option(l->value, &o->raw[o->raw_count++])
                   ? NULL
                   : "NUMBER,TEXT or NUMBER,0xHEX";
    case 'N':
        o->confirmable = false;
        return NULL;
    case 'T':
        return read_token(l->value, &o->token) ? NULL : "8 bytes at most";
    case 'B':
        return read_seconds(l->value, &o->deadline) ? NULL : "seconds";
    case 's':
        return read_seconds(l->value, &o->duration) ? NULL : "seconds";
    case 'b':
        return read_size(l->value, &o->szx)
                   ? NULL
                   : "16, 32, 64, 128, 256, 512 or 1024";
    default:
        o->verbose = true;
        return NULL;
    }
}

/* Read the options of a command line. False, with the reason said, if one is
   wrong. */
static bool read_request_options(request_options *o, const call *c)
{
    const char *wanted;
    int i;

    memset(o, 0, sizeof *o);
    o->format = o->accept = NO_NUMBER;
    o->confirmable = true;
    o->szx = MAX_SZX;
    o->raw = must_have(calloc((size_t)c->letter_count + 1, sizeof *o->raw));
    for (i = 0; i < c->letter_count; i++) {
        wanted = read_letter(o, &c->letters[i]);
        if (wanted == NULL) continue;
        (void)complain(BAD_USAGE, "-%c wants %s", c->letters[i].name, wanted);
        return false;
    }
    if (o->text == NULL || o->input == NULL) return true;
    (void)complain(BAD_USAGE, "-e and -f: there is one payload only");
    return false;
}

#endif /* REQUEST_H */
