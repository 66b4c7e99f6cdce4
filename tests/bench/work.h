/* The two messages that everything is measured with, and the operations on
   them: P1 parses and walks, B1 builds, and the empty one is what measuring
   costs by itself. MARK_START and MARK_STOP stand where the work begins and
   ends, for those who look from outside. */

#ifndef TESTS_BENCH_WORK_H
#define TESTS_BENCH_WORK_H

#include "coap2.h"

#ifndef MARK_START
#define MARK_START() ((void)0)
#define MARK_STOP() ((void)0)
#endif

#ifdef __GNUC__
#define WORK __attribute__((noinline)) void
#else
#define WORK void
#endif

/* All of it can be written from elsewhere, so that the compiler cannot work
   it out beforehand. */
uint8_t p1_bytes[] = {0x44, 0x01, 0x12, 0x34, 0xde, 0xad, 0xbe, 0xef,
                      0x3b, 'n',  'o',  'd',  'e',  '1',  '.',  'l',
                      'o',  'c',  'a',  'l',  0x87, 's',  'e',  'n',
                      's',  'o',  'r',  's',  0x04, 't',  'e',  'm',
                      'p',  0x46, 'u',  'n',  'i',  't',  '=',  'c'};
volatile uint16_t p1_seen;

uint16_t b1_id = 0x1234;
uint8_t b1_token[] = {0xde, 0xad, 0xbe, 0xef};
uint8_t b1_etag[] = {1, 2, 3, 4};
uint8_t b1_payload[33] = "{\"temp\":21.5,\"hum\":40,\"on\":true}";
uint8_t b1_bytes[64];
volatile size_t b1_length;

WORK empty_run(void)
{
    MARK_START();
    MARK_STOP();
}

/* A visit looks at number, length and first byte of the option. */
WORK p1_run(void)
{
    coap2_msg msg;
    coap2_opt opt;
    uint16_t seen = 0;

    MARK_START();
    if (coap2_msg_parse(&msg, p1_bytes, sizeof p1_bytes) == COAP2_OK)
        for (opt = msg.options; coap2_opt_next(&opt);)
            seen = (uint16_t)(seen + opt.number + opt.length + opt.value[0]);
    p1_seen = seen;
    MARK_STOP();
}

WORK b1_run(void)
{
    coap2_writer w;

    MARK_START();
    coap2_write_start(&w, b1_bytes, sizeof b1_bytes);
    coap2_write_header(&w, COAP2_ACK, COAP2_205_CONTENT, b1_id, b1_token,
                       sizeof b1_token);
    coap2_write_opt(&w, COAP2_OPT_ETAG, b1_etag, sizeof b1_etag);
    coap2_write_uint(&w, COAP2_OPT_CONTENT_FORMAT, COAP2_FORMAT_JSON);
    coap2_write_uint(&w, COAP2_OPT_MAX_AGE, 60);
    coap2_write_payload(&w, b1_payload, 32);
    b1_length = coap2_write_end(&w);
    MARK_STOP();
}

/* Whether both did what they should: a fast wrong answer is none. */
static bool work_is_right(void)
{
    static const uint8_t b1_head[] = {0x64, 0x45, 0x12, 0x34, 0xde, 0xad,
                                      0xbe, 0xef, 0x44, 1,    2,    3,
                                      4,    0x81, 50,   0x21, 60,   0xff};

    p1_run();
    b1_run();
    return p1_seen ==
               3 + 11 + 11 + 15 + (11 + 7 + 4 + 6) + ('n' + 's' + 't' + 'u') &&
           b1_length == 50 && !memcmp(b1_bytes, b1_head, sizeof b1_head) &&
           !memcmp(b1_bytes + sizeof b1_head, b1_payload, 32);
}

#endif
