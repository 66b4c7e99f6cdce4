/* The codec program: a datagram in, every part of it looked at, an answer out.
   One file, with a private copy of the library, as small firmware has it;
   codec_extern.c is the same with the library in a file of its own.
   With HARNESS_ALONE the library's part is left out, to show what the rest
   costs; with SAMPLE there is a datagram, to show the stack. */

#ifndef EXTERN
#define COAP2_STATIC
#define COAP2_IMPLEMENTATION
#endif
#include "coap2.h"

#ifdef SAMPLE
#define ARRIVED                                                         \
    = {0x44, 0x01, 0x12, 0x34, 0xde, 0xad, 0xbe, 0xef, 0x3b, 'n',  'o', \
       'd',  'e',  '1',  '.',  'l',  'o',  'c',  'a',  'l',  0x87, 's', \
       'e',  'n',  's',  'o',  'r',  's',  0x04, 't',  'e',  'm',  'p', \
       0x46, 'u',  'n',  'i',  't',  '=',  'c',  0xff, 'o',  'n'}
#define ARRIVED_LENGTH = 43
#else
#define ARRIVED
#define ARRIVED_LENGTH
#endif

static volatile uint8_t radio[64] ARRIVED;
static volatile uint8_t radio_length ARRIVED_LENGTH;
static volatile uint16_t sink;
static uint8_t in[64];
uint8_t out[64]; /* whoever sends it may look at it */

static void look_at_bytes(const uint8_t *bytes, size_t length)
{
    while (length--) sink = *bytes++;
}

#ifdef HARNESS_ALONE

static size_t answer(size_t length)
{
    look_at_bytes(in, length);
    memcpy(out, "hello", 5);
    return 5;
}

#else

static size_t answer(size_t length)
{
    coap2_msg msg;
    coap2_opt opt;
    coap2_writer w;

    if (coap2_msg_parse(&msg, in, length) != COAP2_OK) return 0;
    for (opt = msg.options; coap2_opt_next(&opt);) {
        sink = opt.number;
        sink = (uint16_t)opt.length;
        if (opt.length) sink = opt.value[0];
    }
    look_at_bytes(msg.payload, msg.payload_length);

    coap2_write_start(&w, out, sizeof out);
    coap2_write_header(&w, COAP2_ACK, COAP2_205_CONTENT, msg.id, msg.token,
                       msg.token_length);
    coap2_write_uint(&w, COAP2_OPT_CONTENT_FORMAT, COAP2_FORMAT_TEXT);
    coap2_write_payload(&w, "hello", 5);
    return coap2_write_end(&w);
}

#endif

int main(void)
{
    uint8_t length = radio_length, i;

    for (i = 0; i < length; i++) in[i] = radio[i];
    sink = (uint16_t)answer(length);
    return 0;
}
