/* Reading a message: what is accepted, what is refused and where, whatever
   the bytes are (RFC 7252 3, 4, 5.4). */
#include "guard.h"
#define COAP2_IMPLEMENTATION
#include "../coap2.h"
#include "vectors.h"

/* ---- a second reading of RFC 7252 3, slow and plain, to compare with ---- */

/* Value of a nibble and its extension at *at, or -1. */
static int32_t judge_nibble(unsigned nibble, const uint8_t *b, size_t n,
                            size_t *at)
{
    int32_t value = (int32_t)nibble;

    if (nibble == 15) return -1;
    if (nibble >= 13) {
        size_t bytes = nibble - 12u;

        if (*at + bytes > n) return -1;
        value =
            bytes == 1 ? 13 + b[*at] : 269 + (int32_t)b[*at] * 256 + b[*at + 1];
        *at += bytes;
    }
    return value;
}

typedef struct walk {
    size_t at;
    int32_t number, length;
} walk;

/* One option further; 0 if it is malformed. */
static int judge_option(walk *o, const uint8_t *b, size_t n)
{
    size_t at = o->at + 1;
    int32_t delta = judge_nibble(b[o->at] >> 4, b, n, &at);

    if (delta < 0 || o->number + delta > 65535) return 0;
    o->length = judge_nibble(b[o->at] & 15u, b, n, &at);
    if (o->length < 0 || at + (uint32_t)o->length > n) return 0;
    o->number += delta;
    o->at = at + (size_t)o->length;
    return 1;
}

static coap2_result judge(const uint8_t *b, size_t n)
{
    walk o = {0, 0, 0};

    if (n < 4) return COAP2_ERR_FORMAT;
    if (b[0] >> 6 != 1) return COAP2_ERR_VERSION;
    o.at = 4u + (b[0] & 15u);
    if (o.at > 12 || o.at > n) return COAP2_ERR_FORMAT;
    if (b[1] == 0) return n == 4 ? COAP2_OK : COAP2_ERR_FORMAT;
    while (o.at < n && b[o.at] != 0xff) {
        if (!judge_option(&o, b, n)) return COAP2_ERR_FORMAT;
    }
    return o.at + 1 == n ? COAP2_ERR_FORMAT : COAP2_OK;
}

/* Do header, every option and the payload read as the judge reads them? */
static int same_reading(const coap2_msg *m, const uint8_t *b, size_t n)
{
    walk o = {0, 0, 0};
    coap2_opt opt;

    opt = m->options;
    o.at = 4u + (b[0] & 15u);
    if (m->type != (b[0] >> 4 & 3) || m->code != b[1]) return 0;
    if (m->id != b[2] * 256u + b[3]) return 0;
    if (m->token_length != (b[0] & 15)) return 0;
    if (m->token_length != 0 && m->token != b + 4) return 0;
    while (o.at < n && b[o.at] != 0xff) {
        judge_option(&o, b, n);
        if (!coap2_opt_next(&opt) || opt.value == NULL) return 0;
        if (opt.number != o.number) return 0;
        if (opt.length != (size_t)o.length) return 0;
        if (opt.value + opt.length != b + o.at) return 0;
    }
    if (coap2_opt_next(&opt)) return 0;
    if (o.at == n) return m->payload_length == 0;
    return m->payload == b + o.at + 1 && m->payload_length == n - o.at - 1;
}

/* Where a fault stands, by the function that tells people; NOWHERE if it has
   nothing to say. */
enum { NOWHERE = 254, ANYWHERE = 255 };

static size_t fault_of(const uint8_t *b, size_t n)
{
#if COAP2_WITH_STRINGS
    size_t at = 0;

    return coap2_msg_why(b, n, &at) != NULL ? at : (size_t)NOWHERE;
#else
    return judge(b, n) == COAP2_OK ? (size_t)NOWHERE : n;
#endif
}

/* Parse and compare with the judge; a fault lies within the bytes, and what
   is needed to reject a message is known (4.2). */
static int agrees(const uint8_t *b, size_t n)
{
    coap2_msg m;
    coap2_result got = coap2_msg_parse(&m, b, n);

    if (got != judge(b, n)) return 0;
    if (got == COAP2_OK) {
        return same_reading(&m, b, n) && fault_of(b, n) == NOWHERE;
    }
    if (fault_of(b, n) > n) return 0;
    if (got == COAP2_ERR_VERSION || n < 4) return 1;
    return m.type == (b[0] >> 4 & 3) && m.code == b[1] &&
           m.id == b[2] * 256u + b[3];
}

/* ---- vectors ------------------------------------------------------------ */

static void vectors_are_valid(void)
{
    uint8_t bytes[VECTOR_MAX];
    int i;

    for (i = 0; i < VECTORS; i++) {
        size_t n = vector_bytes(i, bytes);
        coap2_msg m;

        test_row = (unsigned)i + 1;
        CHECK_EQ(coap2_msg_parse(&m, guard_end(bytes, n), n), COAP2_OK);
        CHECK(agrees(guard_end(bytes, n), n));
        CHECK(agrees(guard_begin(bytes, n), n));
    }
}

static void figure_16_request(void)
{
    static const uint8_t bytes[] = {0x40, 0x01, 0x7d, 0x34, 0xbb, 't',
                                    'e',  'm',  'p',  'e',  'r',  'a',
                                    't',  'u',  'r',  'e'};
    coap2_msg m;
    coap2_opt o;

    CHECK_EQ(coap2_msg_parse(&m, bytes, sizeof bytes), COAP2_OK);
    CHECK_EQ(m.type, COAP2_CON);
    CHECK_EQ(m.code, COAP2_001_GET);
    CHECK_EQ(m.id, 0x7d34);
    CHECK_EQ(m.token_length, 0);
    CHECK_EQ(m.payload_length, 0);
    o = m.options;
    CHECK(coap2_opt_next(&o));
    CHECK_EQ(o.number, COAP2_OPT_URI_PATH);
    CHECK(coap2_opt_is(&o, "temperature"));
    CHECK(!coap2_opt_next(&o));
}

static void figure_17_response(void)
{
    uint8_t bytes[VECTOR_MAX];
    coap2_msg m;
    coap2_opt o;

    CHECK_EQ(coap2_msg_parse(&m, bytes, vector_bytes(3, bytes)), COAP2_OK);
    CHECK_EQ(m.type, COAP2_ACK);
    CHECK_EQ(m.code, COAP2_205_CONTENT);
    CHECK_EQ(m.id, 0x7d35);
    CHECK_BYTES(m.token, m.token_length, "\x20", 1);
    CHECK_BYTES(m.payload, m.payload_length, "22.3 C", 6);
    o = m.options;
    CHECK(!coap2_opt_next(&o));
}

/* P1 of the workloads: forty bytes, four options. */
static void p1_reads_back(void)
{
    uint8_t bytes[VECTOR_MAX];
    size_t n = vector_bytes(22, bytes);
    coap2_msg m;
    coap2_opt o;

    CHECK_EQ(n, 40);
    CHECK_EQ(coap2_msg_parse(&m, bytes, n), COAP2_OK);
    CHECK_BYTES(m.token, m.token_length, "\xde\xad\xbe\xef", 4);
    CHECK(coap2_msg_find(&m, COAP2_OPT_URI_HOST, &o));
    CHECK(coap2_opt_is(&o, "node1.local"));
    CHECK(coap2_msg_find(&m, COAP2_OPT_URI_PATH, &o));
    CHECK(coap2_opt_is(&o, "sensors"));
    CHECK(coap2_opt_next(&o));
    CHECK_EQ(o.number, COAP2_OPT_URI_PATH);
    CHECK(coap2_opt_is(&o, "temp"));
    CHECK(coap2_opt_next(&o));
    CHECK_EQ(o.number, COAP2_OPT_URI_QUERY);
    CHECK(coap2_opt_is(&o, "unit=c"));
    CHECK(!coap2_opt_next(&o));
    CHECK(!coap2_msg_find(&m, COAP2_OPT_URI_PORT, &o));
    CHECK(!coap2_msg_find(&m, 0, &o));
    CHECK(!coap2_msg_find(&m, 65535, &o));
}

static void every_truncation(void)
{
    uint8_t bytes[VECTOR_MAX];
    int i;

    for (i = 0; i < VECTORS; i++) {
        size_t n = vector_bytes(i, bytes), cut;

        test_row = (unsigned)i + 1;
        for (cut = 0; cut < n; cut++) {
            CHECK(agrees(guard_end(bytes, cut), cut));
            CHECK(agrees(guard_begin(bytes, cut), cut));
        }
    }
}

/* Each byte of each vector, to every other value (AVR: a few). */
static void every_mutation(void)
{
#ifdef __AVR__
    enum { STEP = 37 };
#else
    enum { STEP = 1 };
#endif
    uint8_t bytes[VECTOR_MAX];
    int i;

    for (i = 0; i < VECTORS; i++) {
        size_t n = vector_bytes(i, bytes), at;

        test_row = (unsigned)i + 1;
        for (at = 0; at < n; at++) {
            uint8_t *copy = guard_end(bytes, n);
            unsigned add, bad = 0;

            for (add = 1; add < 256; add += STEP) {
                copy[at] = (uint8_t)(bytes[at] + add);
                bad += !agrees(copy, n);
            }
            CHECK_EQ(bad, 0);
        }
    }
}

/* ---- refusals ----------------------------------------------------------- */

typedef struct refusal {
    char notation[80];
    int8_t result;
    uint8_t fault_at;
} refusal;

static const refusal refusals[] TEST_FLASH = {
    /* fewer than four bytes (RFC 7252 3); contiki-os#2492, openthread
       PR#2065 */
    {"", COAP2_ERR_FORMAT, 0},
    {"40", COAP2_ERR_FORMAT, 1},
    {"4001", COAP2_ERR_FORMAT, 2},
    {"400112", COAP2_ERR_FORMAT, 3},
    /* version 0, 2, 3 (3), malformed behind it as well */
    {"00011234", COAP2_ERR_VERSION, ANYWHERE},
    {"80011234", COAP2_ERR_VERSION, ANYWHERE},
    {"c0011234", COAP2_ERR_VERSION, ANYWHERE},
    {"80000000", COAP2_ERR_VERSION, ANYWHERE},
    {"cf011234 ff", COAP2_ERR_VERSION, ANYWHERE},
    /* token length 9 to 15 (3); RIOT edf016a6cb, GHSA-p9hp-2jxm-6rqp */
    {"49011234 010203040506070809", COAP2_ERR_FORMAT, 0},
    {"4a011234 0102030405060708090a", COAP2_ERR_FORMAT, 0},
    {"4b011234", COAP2_ERR_FORMAT, 0},
    {"4c011234", COAP2_ERR_FORMAT, 0},
    {"4d011234", COAP2_ERR_FORMAT, 0},
    {"4d011234 00 0102030405060708090a0b0c0d", COAP2_ERR_FORMAT, 0},
    {"4e011234", COAP2_ERR_FORMAT, 0},
    {"4e011234 0000", COAP2_ERR_FORMAT, 0},
    {"4f010000", COAP2_ERR_FORMAT, 0},
    {"4f011234 0102030405060708090a0b0c0d0e0f", COAP2_ERR_FORMAT, 0},
    /* token cut short (3); contiki-os#2493, CVE-2020-12886, 3be2c51c42 */
    {"48011234", COAP2_ERR_FORMAT, ANYWHERE},
    {"48011234 01020304050607", COAP2_ERR_FORMAT, ANYWHERE},
    {"41011234", COAP2_ERR_FORMAT, ANYWHERE},
    /* libcoap#199, #214 */
    {"5a0a5b5b", COAP2_ERR_FORMAT, 0},
    {"405b5b5b 5b5b5b5b5b5b5b5b5b5b5b 0000 e0e0", COAP2_ERR_FORMAT, ANYWHERE},
    /* Empty with anything behind it (4.1) */
    {"41001234 01", COAP2_ERR_FORMAT, ANYWHERE},
    {"40001234 00", COAP2_ERR_FORMAT, ANYWHERE},
    {"40001234 b0", COAP2_ERR_FORMAT, ANYWHERE},
    {"40001234 ff", COAP2_ERR_FORMAT, ANYWHERE},
    {"40001234 ff00", COAP2_ERR_FORMAT, ANYWHERE},
    {"70001234 ff00", COAP2_ERR_FORMAT, ANYWHERE},
    {"68001234 0102030405060708", COAP2_ERR_FORMAT, ANYWHERE},
    /* a marker without payload (3); CoAP-simple */
    {"40011234 ff", COAP2_ERR_FORMAT, ANYWHERE},
    {"41451234 01 c0 ff", COAP2_ERR_FORMAT, ANYWHERE},
    /* nibble 15 is the marker's alone (3.1); er-coap */
    {"40011234 f0", COAP2_ERR_FORMAT, 4},
    {"40011234 f1'a'", COAP2_ERR_FORMAT, 4},
    {"40011234 fe0000", COAP2_ERR_FORMAT, 4},
    {"40011234 0f", COAP2_ERR_FORMAT, 4},
    {"40011234 bf'aaaaaaaaaaaaaaaaaaaaaaaa'", COAP2_ERR_FORMAT, 4},
    {"40011234 b1'a' 1f", COAP2_ERR_FORMAT, 6},
    /* extensions cut short; CVE-2020-12883, CVE-2020-12884,
       CVE-2019-17212, contiki-ng#1312 (545ee2454), cantcoap#38, lobaro */
    {"40011234 d0", COAP2_ERR_FORMAT, ANYWHERE},
    {"40011234 e0", COAP2_ERR_FORMAT, ANYWHERE},
    {"40011234 0d", COAP2_ERR_FORMAT, ANYWHERE},
    {"40011234 0e", COAP2_ERR_FORMAT, ANYWHERE},
    {"40011234 dd", COAP2_ERR_FORMAT, ANYWHERE},
    {"40011234 dd00", COAP2_ERR_FORMAT, ANYWHERE},
    {"40011234 de0000", COAP2_ERR_FORMAT, ANYWHERE},
    {"40011234 ed0000", COAP2_ERR_FORMAT, ANYWHERE},
    {"40011234 ee000000", COAP2_ERR_FORMAT, ANYWHERE},
    /* two-byte extension with one byte; libcoap c5cd313e, cantcoap#38 */
    {"40011234 e000", COAP2_ERR_FORMAT, ANYWHERE},
    {"40011234 0e00", COAP2_ERR_FORMAT, ANYWHERE},
    /* longer than what is left; 238fded2, FreeCoAP#38, CVE-2024-31029 to
       31031, ccoap#4, CVE-2021-41040, a truncated Uri-Query */
    {"40011234 b1", COAP2_ERR_FORMAT, ANYWHERE},
    {"40011234 bb'temperatur'", COAP2_ERR_FORMAT, ANYWHERE},
    {"40011234 0d00'aaaaaaaaaaaa'", COAP2_ERR_FORMAT, ANYWHERE},
    {"40011234 0e0000'aaaa'", COAP2_ERR_FORMAT, ANYWHERE},
    {"40011234 0effff", COAP2_ERR_FORMAT, ANYWHERE},
    {"40011234 d602'unit='", COAP2_ERR_FORMAT, ANYWHERE},
    {"40011234 b3'a' ff 00", COAP2_OK, NOWHERE},
    {"40011234 b4'a' ff 00", COAP2_ERR_FORMAT, ANYWHERE},
    /* a length that wraps at 2^16: mbed#12930, microcoap#48,
       CVE-2020-10063 */
    {"40011234 be fef3'aa'", COAP2_ERR_FORMAT, ANYWHERE},
    {"40011234 be fef4 'a'", COAP2_ERR_FORMAT, ANYWHERE},
    {"40011234 be ffff", COAP2_ERR_FORMAT, ANYWHERE},
    /* a number beyond 65535 (12.2); CVE-2020-12887, openthread#13578,
       libcoap b1ee9c89, nanocoap */
    {"40011234 e4fefe 'time'", COAP2_ERR_FORMAT, ANYWHERE},
    {"40011234 e0fef2c0", COAP2_ERR_FORMAT, ANYWHERE},
    {"40011234 e0fef3", COAP2_ERR_FORMAT, ANYWHERE},
    {"40011234 e0ffff", COAP2_ERR_FORMAT, ANYWHERE},
    {"40011234 e0fef2 10", COAP2_ERR_FORMAT, ANYWHERE},
    {"40011234 e0fef1 20", COAP2_ERR_FORMAT, ANYWHERE},
    {"40011234 10 e0fef2", COAP2_ERR_FORMAT, ANYWHERE},
    {"40011234 e08000 e08000", COAP2_ERR_FORMAT, ANYWHERE},
    {"40011234 e0fef2 d000", COAP2_ERR_FORMAT, ANYWHERE},
    /* contiki-os#2240, #2491: numbers above 60, then beyond 65535 */
    {"42434242 4242 429e80 424228 01e1 e1e1e1e1", COAP2_OK, NOWHERE},
    {"42434242 4242 429e80 424228 01e1 e1e1e1e1 e1e1e1e1", COAP2_ERR_FORMAT,
     ANYWHERE},
    /* contiki-os#2238: long uint options, then a length of 21,074 */
    {"51515100 80 5151 5151 4e5151 5151", COAP2_ERR_FORMAT, ANYWHERE},
    /* CVE-2018-12679, 12680: bytes that are not UTF-8, repeats: legal */
    {"42451234 fffe b2c328 01ff 11 00 00 ff80", COAP2_OK, NOWHERE},
    /* node-coap#168, #216: Content-Format of three bytes parses */
    {"40451234 c3010203", COAP2_OK, NOWHERE},
    /* CVE-2020-12885, ccoap#4, CVE-2019-12101: the empty option at the
       end; Uri-Path, ETag, Uri-Query (table 4) */
    {"40011234 b0", COAP2_OK, NOWHERE},
    {"40451234 40", COAP2_OK, NOWHERE},
    {"40011234 d002", COAP2_OK, NOWHERE},
    {"40011234 b1'a' 00 00", COAP2_OK, NOWHERE},
    /* number 65535 is legal; reached in one step and in several */
    {"40011234 e0fef2", COAP2_OK, NOWHERE},
    {"40011234 e0fef1 10", COAP2_OK, NOWHERE},
    {"40011234 10 e0fef1", COAP2_OK, NOWHERE},
    {"40011234 e0fef2 00 01'a'", COAP2_OK, NOWHERE},
    /* 267 is not Uri-Path by 8 bits (microcoap) */
    {"40011234 d4fe'time'", COAP2_OK, NOWHERE},
    /* libcoap#1509: Block1 first number not 0, Request-Tag absent */
    {"440325b9 bc306ac4 bd03'test-bug-trigger' d303000008 ff'x'", COAP2_OK,
     NOWHERE},
    /* reset with a code is the business of the layer above (4.2) */
    {"70011234", COAP2_OK, NOWHERE},
};

static void refusals_by_name(void)
{
    unsigned i;

    for (i = 0; i < sizeof refusals / sizeof refusals[0]; i++) {
        refusal r;
        uint8_t bytes[VECTOR_MAX];
        coap2_msg m;
        size_t n;

        test_row = i + 1;
        TEST_FETCH(&r, &refusals[i]);
        n = bytes_of(r.notation, bytes);
        CHECK(coap2_msg_parse(&m, guard_end(bytes, n), n) == r.result);
        if (COAP2_WITH_STRINGS && r.fault_at != ANYWHERE) {
            CHECK_EQ(fault_of(guard_end(bytes, n), n), r.fault_at);
        }
        CHECK(agrees(guard_end(bytes, n), n));
        CHECK(agrees(guard_begin(bytes, n), n));
    }
}

/* A malformed message can still be rejected: its type, code and id are known
   (4.2). */
static void malformed_is_told_apart(void)
{
    uint8_t bytes[8];
    coap2_msg m;
    size_t n = bytes_of("5f02abcd", bytes);

    CHECK_EQ(coap2_msg_parse(&m, bytes, n), COAP2_ERR_FORMAT);
    CHECK_EQ(m.type, COAP2_NON);
    CHECK_EQ(m.code, COAP2_002_POST);
    CHECK_EQ(m.id, 0xabcd);
}

static void classes_are_told_apart(void)
{
    uint8_t bytes[] = {0x40, 0, 0x12, 0x34};
    coap2_msg m;
    unsigned code;

    for (code = 0; code < 256; code++) {
        bytes[1] = (uint8_t)code;
        test_row = code + 1;
        CHECK_EQ(coap2_msg_parse(&m, bytes, 4), COAP2_OK);
        CHECK_EQ(COAP2_CODE_CLASS(m.code), code / 32);
        CHECK_EQ(COAP2_CODE_DETAIL(m.code), code % 32);
        CHECK_EQ(COAP2_CODE(code / 32, code % 32), code);
    }
}

static void types_are_told_apart(void)
{
    uint8_t bytes[] = {0x40, 1, 0x12, 0x34};
    coap2_msg m;
    unsigned type;

    for (type = 0; type < 4; type++) {
        bytes[0] = (uint8_t)(0x40 + type * 16);
        CHECK_EQ(coap2_msg_parse(&m, bytes, 4), COAP2_OK);
        CHECK_EQ(m.type, type);
    }
}

/* All tokens of 0 to 8 bytes come back bit by bit (5.3.1). */
static void tokens_of_each_length(void)
{
    uint8_t bytes[12] = {0x40, 1, 0, 0, 0xff, 0, 0xff, 0x01, 0xfe, 9, 8, 7};
    coap2_msg m;
    uint8_t n;

    for (n = 0; n <= 8; n++) {
        bytes[0] = (uint8_t)(0x40 + n);
        CHECK_EQ(coap2_msg_parse(&m, guard_end(bytes, 4u + n), 4u + n),
                 COAP2_OK);
        CHECK_BYTES(m.token, m.token_length, bytes + 4, n);
    }
}

/* ---- large ones --------------------------------------------------------- */

/* RIOT#10753: distinct options without end; behaviour 40: of one number. */
static void many_options(void)
{
#ifdef __AVR__
    enum { COUNT = 60 };
#else
    enum { COUNT = 600 };
#endif
    static uint8_t bytes[4 + 2 * COUNT];
    coap2_msg m;
    coap2_opt o;
    uint8_t delta;

    for (delta = 0; delta <= 1; delta++) {
        unsigned i, n = 0;

        bytes_of("40011234", bytes);
        for (i = 0; i < COUNT; i++) {
            bytes[4 + 2 * i] = (uint8_t)(delta * 16 + 1);
            bytes[5 + 2 * i] = (uint8_t)i;
        }
        CHECK_EQ(
            coap2_msg_parse(&m, guard_end(bytes, sizeof bytes), sizeof bytes),
            COAP2_OK);
        for (o = m.options; coap2_opt_next(&o); n++) {
            if (o.number != delta * (n + 1) || o.length != 1) break;
            if (o.value[0] != (uint8_t)n) break;
        }
        CHECK_EQ(n, COUNT);
    }
}

#if !defined(__AVR__)

/* Uri-Path of a length, in a message that ends with it. */
static size_t long_option(uint8_t *bytes, size_t length)
{
    bytes_of("40011234 be0000", bytes);
    bytes[5] = (uint8_t)((length - 269) >> 8);
    bytes[6] = (uint8_t)(length - 269);
    memset(bytes + 7, 'a', length);
    return 7 + length;
}

/* Lengths are size_t: 65,536 does not wrap (3.1); mbed#12930. */
static void longest_options(void)
{
    static const size_t lengths[] = {269, 270, 65535, 65536, 65537, 65804};
    static uint8_t bytes[65804 + 7];
    unsigned i;

    for (i = 0; i < sizeof lengths / sizeof lengths[0]; i++) {
        size_t n = long_option(bytes, lengths[i]);
        coap2_msg m;
        coap2_opt o;

        test_row = i + 1;
        CHECK_EQ(coap2_msg_parse(&m, guard_end(bytes, n), n), COAP2_OK);
        CHECK(coap2_msg_find(&m, COAP2_OPT_URI_PATH, &o));
        CHECK_EQ(o.length, lengths[i]);
        CHECK_EQ(coap2_msg_parse(&m, guard_end(bytes, n - 1), n - 1),
                 COAP2_ERR_FORMAT);
        CHECK_EQ(coap2_msg_parse(&m, guard_end(bytes, 8), 8), COAP2_ERR_FORMAT);
    }
}

/* Bytes without plan, from a generator of our own: never a read outside,
   and always the judge's answer. */
static void random_bytes(void)
{
    uint32_t seed = 1;
    unsigned round, bad = 0;

    for (round = 0; round < 100000u; round++) {
        uint8_t bytes[48];
        size_t i, n = round % sizeof bytes;

        for (i = 0; i < n; i++) {
            seed = seed * 1664525u + 1013904223u;
            bytes[i] = (uint8_t)(seed >> 24);
        }
        if (n > 0 && round % 4 != 0) bytes[0] = (uint8_t)(bytes[0] & 0x37);
        if (n > 0) bytes[0] = (uint8_t)(bytes[0] | 0x40);
        bad += !agrees(guard_end(bytes, n), n);
    }
    CHECK_EQ(bad, 0);
}

#endif

int main(void)
{
    RUN("RFC 7252 A: vectors are valid", vectors_are_valid);
    RUN("RFC 7252 A, figure 16: request", figure_16_request);
    RUN("RFC 7252 A, figure 17: response", figure_17_response);
    RUN("P1 reads back", p1_reads_back);
    RUN("RFC 7252 3: every truncation of each vector", every_truncation);
    RUN("RFC 7252 3: every mutation of each byte", every_mutation);
    RUN("RFC 7252 3, 4.1, 12.2: refusals by name", refusals_by_name);
    RUN("RFC 7252 4.2: malformed, yet type, code, id", malformed_is_told_apart);
    RUN("RFC 7252 3: code classes 0 to 7", classes_are_told_apart);
    RUN("RFC 7252 3: types", types_are_told_apart);
    RUN("RFC 7252 5.3.1: tokens of 0 to 8 bytes", tokens_of_each_length);
    RUN("RFC 7252 3.1: many options", many_options);
#if !defined(__AVR__)
    RUN("RFC 7252 3.1: options up to 65,804 bytes", longest_options);
    RUN("RFC 7252 3: random bytes", random_bytes);
#endif
    return test_end();
}
