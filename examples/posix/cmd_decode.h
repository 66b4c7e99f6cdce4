/* cmd_decode.h - coap2 decode: show what a datagram says. */

#ifndef CMD_DECODE_H
#define CMD_DECODE_H

#include <ctype.h>

#include "show.h"
#include "tool.h"

/* ---- the bytes ---------------------------------------------------------- */

/* Add the digits of a text to those read so far. Blanks, colons and 0x before
   a byte are passed over. Returns the character that is none of these. */
static const char *read_hex(const char *text, uint8_t *bytes, size_t *digits)
{
    uint8_t *byte;
    int value;

    for (; *text != '\0'; text++) {
        if (*text == ':' || isspace((unsigned char)*text)) continue;
        if (text[0] == '0' && (text[1] == 'x' || text[1] == 'X') &&
            *digits % 2 == 0) {
            text++;
            continue;
        }
        value = digit_value(*text);
        if (value < 0) return text;
        byte = &bytes[*digits / 2];
        *byte = (uint8_t)(*digits % 2 == 0 ? value : *byte * 16 + value);
        ++*digits;
    }
    return NULL;
}

/* Say that a text is not hex, and at which of its characters. */
static void hex_fault(const call *c, const char *text, size_t at)
{
    const char *why =
        text[at] == '\0' ? "an odd number of digits" : "no hexadecimal digit";

    if (c->json) {
        (void)json_fault(why, at);
        return;
    }
    (void)complain(FAILED, "%s (character %lu)", why, (unsigned long)at);
    put_text_fault(stderr, text, strlen(text), at);
}

/* All arguments as one text, so that a dump can be pasted without quotes. */
static char *text_of_arguments(const call *c)
{
    size_t size = 1, length = 0;
    char *text;
    int i;

    for (i = 0; i < c->count; i++) size += strlen(c->arguments[i]) + 1;
    text = (char *)must_have(malloc(size));
    for (i = 0; i < c->count; i++) {
        size_t n = strlen(c->arguments[i]);

        if (i != 0) text[length++] = ' ';
        memcpy(text + length, c->arguments[i], n);
        length += n;
    }
    text[length] = '\0';
    return text;
}

/* Make bytes of the arguments. NULL if they are not hex; that has been said
   then. */
static uint8_t *bytes_of_arguments(const call *c, size_t *length)
{
    char *text = text_of_arguments(c);
    size_t digits = 0;
    uint8_t *bytes = (uint8_t *)must_have(malloc(strlen(text) / 2 + 1));
    const char *bad = read_hex(text, bytes, &digits);

    if (bad == NULL && digits % 2 != 0) bad = text + strlen(text);
    if (bad != NULL) {
        hex_fault(c, text, (size_t)(bad - text));
        free(bytes);
        bytes = NULL;
    }
    free(text);
    *length = digits / 2;
    return bytes;
}

/* ---- the command -------------------------------------------------------- */

static int decode_fault(const call *c, const uint8_t *bytes, size_t length)
{
    size_t fault_at = 0;
    const char *why = name_or(coap2_msg_why(bytes, length, &fault_at),
                              coap2_error_text(COAP2_ERR_FORMAT));

    if (c->json) return json_fault(why, fault_at);
    complain(FAILED, "not a CoAP message: %s (byte %lu)", why,
             (unsigned long)fault_at);
    put_hex_fault(stderr, bytes, length, fault_at);
    return FAILED;
}

static int run_decode(const call *c)
{
    bool raw = c->count == 1 && strcmp(c->arguments[0], "-") == 0;
    size_t length;
    uint8_t *bytes =
        raw ? read_all(stdin, &length) : bytes_of_arguments(c, &length);
    coap2_msg msg;
    int status = DONE;

    if (bytes == NULL) return FAILED;
    if (coap2_msg_parse(&msg, bytes, length) != COAP2_OK)
        status = decode_fault(c, bytes, length);
    else if (c->json)
        json_message(&msg);
    else
        show_message(&msg);
    free(bytes);
    return status;
}

#endif /* CMD_DECODE_H */
