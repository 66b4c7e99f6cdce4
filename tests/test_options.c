/* Option numbers, what their bits say, their forms and their values (RFC 7252
   3.2, 5.4, 5.10 and the RFCs that register options since). */
#include "guard.h"
#define COAP2_IMPLEMENTATION
#include "../coap2.h"
#include "harness.h"

enum { C = 1, U = 2, N = 4, R = 8 }; /* the columns of RFC 7252 table 4 */

typedef struct form {
    uint16_t number, registered;
    uint8_t columns, kind;
    uint16_t min, max;
} form;

static const form forms[] TEST_FLASH = {
    /* RFC 7252 table 4 */
    {COAP2_OPT_IF_MATCH, 1, C | R, COAP2_OPAQUE, 0, 8},
    {COAP2_OPT_URI_HOST, 3, C | U, COAP2_STRING, 1, 255},
    {COAP2_OPT_ETAG, 4, R, COAP2_OPAQUE, 1, 8},
    {COAP2_OPT_IF_NONE_MATCH, 5, C, COAP2_EMPTY, 0, 0},
    {COAP2_OPT_URI_PORT, 7, C | U, COAP2_UINT, 0, 2},
    {COAP2_OPT_LOCATION_PATH, 8, R, COAP2_STRING, 0, 255},
    {COAP2_OPT_URI_PATH, 11, C | U | R, COAP2_STRING, 0, 255},
    {COAP2_OPT_CONTENT_FORMAT, 12, 0, COAP2_UINT, 0, 2},
    {COAP2_OPT_MAX_AGE, 14, U, COAP2_UINT, 0, 4},
    {COAP2_OPT_URI_QUERY, 15, C | U | R, COAP2_STRING, 0, 255},
    {COAP2_OPT_ACCEPT, 17, C, COAP2_UINT, 0, 2},
    {COAP2_OPT_LOCATION_QUERY, 20, R, COAP2_STRING, 0, 255},
    {COAP2_OPT_PROXY_URI, 35, C | U, COAP2_STRING, 1, 1034},
    {COAP2_OPT_PROXY_SCHEME, 39, C | U, COAP2_STRING, 1, 255},
    {COAP2_OPT_SIZE1, 60, N, COAP2_UINT, 0, 4},
    /* RFC 7641 2 */
    {COAP2_OPT_OBSERVE, 6, U, COAP2_UINT, 0, 3},
    /* RFC 7959 2.1, 4 */
    {COAP2_OPT_BLOCK2, 23, C | U, COAP2_UINT, 0, 3},
    {COAP2_OPT_BLOCK1, 27, C | U, COAP2_UINT, 0, 3},
    {COAP2_OPT_SIZE2, 28, N, COAP2_UINT, 0, 4},
    /* RFC 7967 2 */
    {COAP2_OPT_NO_RESPONSE, 258, U, COAP2_UINT, 0, 1},
    /* RFC 8613 2 */
    {COAP2_OPT_OSCORE, 9, C, COAP2_OPAQUE, 0, 255},
    /* RFC 8768 3 */
    {COAP2_OPT_HOP_LIMIT, 16, 0, COAP2_UINT, 1, 1},
    /* RFC 9175 2.2.1, 3.2.1 */
    {COAP2_OPT_ECHO, 252, N, COAP2_OPAQUE, 1, 40},
    {COAP2_OPT_REQUEST_TAG, 292, R, COAP2_OPAQUE, 0, 8},
    /* RFC 9177 4.1 */
    {COAP2_OPT_Q_BLOCK1, 19, C | U, COAP2_UINT, 0, 3},
    {COAP2_OPT_Q_BLOCK2, 31, C | U | R, COAP2_UINT, 0, 3},
    /* RFC 9668 3.1 */
    {COAP2_OPT_EDHOC, 21, C, COAP2_EMPTY, 0, 0},
    /* CoAP 2 */
    {COAP2_OPT_DISCOVERY, 300, 0, COAP2_STRING, 0, 255},
    {COAP2_OPT_NOTIFICATION, 400, 0, COAP2_UINT, 0, 4},
    {COAP2_OPT_RULE, 410, U, COAP2_STRING, 0, 255},
};

enum { FORMS = (int)(sizeof forms / sizeof forms[0]) };

static void numbers_and_bits(void)
{
    int i;

    for (i = 0; i < FORMS; i++) {
        form f;

        test_row = (unsigned)i + 1;
        TEST_FETCH(&f, &forms[i]);
        CHECK_EQ(f.number, f.registered);
        CHECK(COAP2_OPT_IS_CRITICAL(f.number) == ((f.columns & C) != 0));
        CHECK(COAP2_OPT_IS_UNSAFE(f.number) == ((f.columns & U) != 0));
        CHECK(COAP2_OPT_IS_NO_CACHE_KEY(f.number) == ((f.columns & N) != 0));
    }
}

static void forms_of_known_options(void)
{
    int i;

    for (i = 0; i < FORMS; i++) {
        form f;
        coap2_opt_form got;

        test_row = (unsigned)i + 1;
        TEST_FETCH(&f, &forms[i]);
        CHECK(coap2_opt_known(f.number, &got));
        CHECK_EQ(got.number, f.number);
        CHECK_EQ(got.kind, f.kind);
        CHECK_EQ(got.min, f.min);
        CHECK_EQ(got.max, f.max);
        CHECK(got.repeats == ((f.columns & R) != 0));
    }
}

/* Exactly the numbers of the table are known, of all 65,536. */
static void no_other_is_known(void)
{
    coap2_opt_form got;
    uint32_t number, known = 0;

    for (number = 0; number < 65536u; number++) {
        known += coap2_opt_known((uint16_t)number, &got);
    }
    CHECK_EQ(known, FORMS);
    CHECK(!coap2_opt_known(0, &got));
    CHECK(!coap2_opt_known(267, &got));
    CHECK(!coap2_opt_known(65535, &got));
}

/* The figure of RFC 7252 5.4.6, on numbers that nobody registered. */
static void bits_of_any_number(void)
{
    CHECK(!COAP2_OPT_IS_CRITICAL(0) && COAP2_OPT_IS_CRITICAL(65535));
    CHECK(!COAP2_OPT_IS_UNSAFE(65533) && COAP2_OPT_IS_UNSAFE(65534));
    CHECK(COAP2_OPT_IS_NO_CACHE_KEY(0x1c));
    CHECK(COAP2_OPT_IS_NO_CACHE_KEY(0x1d));
    CHECK(!COAP2_OPT_IS_NO_CACHE_KEY(0x1e));
    CHECK(!COAP2_OPT_IS_NO_CACHE_KEY(0x18));
    CHECK(!COAP2_OPT_IS_NO_CACHE_KEY(0x14));
    CHECK(!COAP2_OPT_IS_NO_CACHE_KEY(0x0c));
    CHECK(COAP2_OPT_IS_NO_CACHE_KEY(0xfffc));
}

/* Each code's number, as its RFC registers it. */
static void codes(void)
{
    CHECK_EQ(COAP2_000_EMPTY, 0);
    CHECK_EQ(COAP2_001_GET, 1);
    CHECK_EQ(COAP2_002_POST, 2);
    CHECK_EQ(COAP2_003_PUT, 3);
    CHECK_EQ(COAP2_004_DELETE, 4);
    CHECK_EQ(COAP2_005_FETCH, 5);
    CHECK_EQ(COAP2_006_PATCH, 6);
    CHECK_EQ(COAP2_007_IPATCH, 7);
    CHECK_EQ(COAP2_201_CREATED, 65);
    CHECK_EQ(COAP2_202_DELETED, 66);
    CHECK_EQ(COAP2_203_VALID, 67);
    CHECK_EQ(COAP2_204_CHANGED, 68);
    CHECK_EQ(COAP2_205_CONTENT, 69);
    CHECK_EQ(COAP2_231_CONTINUE, 95);
    CHECK_EQ(COAP2_400_BAD_REQUEST, 128);
    CHECK_EQ(COAP2_401_UNAUTHORIZED, 129);
    CHECK_EQ(COAP2_402_BAD_OPTION, 130);
    CHECK_EQ(COAP2_403_FORBIDDEN, 131);
    CHECK_EQ(COAP2_404_NOT_FOUND, 132);
    CHECK_EQ(COAP2_405_METHOD_NOT_ALLOWED, 133);
    CHECK_EQ(COAP2_406_NOT_ACCEPTABLE, 134);
    CHECK_EQ(COAP2_408_REQUEST_ENTITY_INCOMPLETE, 136);
    CHECK_EQ(COAP2_409_CONFLICT, 137);
    CHECK_EQ(COAP2_412_PRECONDITION_FAILED, 140);
    CHECK_EQ(COAP2_413_REQUEST_ENTITY_TOO_LARGE, 141);
    CHECK_EQ(COAP2_415_UNSUPPORTED_CONTENT_FORMAT, 143);
    CHECK_EQ(COAP2_422_UNPROCESSABLE_ENTITY, 150);
    CHECK_EQ(COAP2_429_TOO_MANY_REQUESTS, 157);
    CHECK_EQ(COAP2_500_INTERNAL_SERVER_ERROR, 160);
    CHECK_EQ(COAP2_501_NOT_IMPLEMENTED, 161);
    CHECK_EQ(COAP2_502_BAD_GATEWAY, 162);
    CHECK_EQ(COAP2_503_SERVICE_UNAVAILABLE, 163);
    CHECK_EQ(COAP2_504_GATEWAY_TIMEOUT, 164);
    CHECK_EQ(COAP2_505_PROXYING_NOT_SUPPORTED, 165);
    CHECK_EQ(COAP2_508_HOP_LIMIT_REACHED, 168);
    CHECK_EQ(COAP2_701_CSM, 225);
    CHECK_EQ(COAP2_702_PING, 226);
    CHECK_EQ(COAP2_703_PONG, 227);
    CHECK_EQ(COAP2_704_RELEASE, 228);
    CHECK_EQ(COAP2_705_ABORT, 229);
    CHECK(COAP2_CON == 0 && COAP2_NON == 1);
    CHECK(COAP2_ACK == 2 && COAP2_RST == 3);
}

/* RFC 7252 12.3, 8132 6, 8613 13.8, 9177 12.3, 9528 10.12; RFC 8323 5. */
static void formats_and_signals(void)
{
    CHECK_EQ(COAP2_FORMAT_TEXT, 0);
    CHECK_EQ(COAP2_FORMAT_LINKS, 40);
    CHECK_EQ(COAP2_FORMAT_XML, 41);
    CHECK_EQ(COAP2_FORMAT_OCTETS, 42);
    CHECK_EQ(COAP2_FORMAT_EXI, 47);
    CHECK_EQ(COAP2_FORMAT_JSON, 50);
    CHECK_EQ(COAP2_FORMAT_JSON_PATCH, 51);
    CHECK_EQ(COAP2_FORMAT_MERGE_PATCH, 52);
    CHECK_EQ(COAP2_FORMAT_CBOR, 60);
    CHECK_EQ(COAP2_FORMAT_EDHOC, 64);
    CHECK_EQ(COAP2_FORMAT_CID_EDHOC, 65);
    CHECK_EQ(COAP2_FORMAT_SENML_JSON, 110);
    CHECK_EQ(COAP2_FORMAT_SENML_CBOR, 112);
    CHECK_EQ(COAP2_FORMAT_MISSING_BLOCKS, 272);
    CHECK_EQ(COAP2_FORMAT_OSCORE, 10001);
    CHECK(COAP2_CSM_MAX_MESSAGE_SIZE == 2);
    CHECK(COAP2_CSM_BLOCK_WISE_TRANSFER == 4);
    CHECK(COAP2_PING_CUSTODY == 2);
    CHECK(COAP2_RELEASE_ALTERNATIVE_ADDRESS == 2);
    CHECK(COAP2_RELEASE_HOLD_OFF == 4);
    CHECK(COAP2_ABORT_BAD_CSM_OPTION == 2);
}

/* An option that is not part of a message. */
static coap2_opt opt_of(const void *value, size_t length)
{
    coap2_opt o;

    o.value = guard_end(value, length);
    o.length = length;
    o.end = o.value + length;
    o.number = COAP2_OPT_MAX_AGE;
    return o;
}

typedef struct number_row {
    uint8_t length, value[6];
    uint32_t number; /* 77: unchanged, the value is refused */
} number_row;

static const number_row numbers[] TEST_FLASH = {
    {0, {0}, 0},
    {1, {0}, 0},
    {1, {1}, 1},
    {1, {255}, 255},
    {2, {0, 0}, 0},
    {2, {0, 60}, 60},
    {2, {1, 0}, 256},
    {2, {255, 255}, 65535},
    {3, {0, 0, 50}, 50},
    {3, {1, 0, 0}, 65536},
    {3, {255, 255, 255}, 16777215},
    {4, {0, 0, 0, 7}, 7},
    {4, {1, 2, 3, 4}, 16909060},
    {4, {255, 255, 255, 255}, 4294967295u},
    {5, {0, 0, 0, 0, 1}, 77},
    {5, {1, 0, 0, 0, 0}, 77},
    {6, {0, 0, 0, 0, 0, 0}, 77},
};

static void numbers_read(void)
{
    unsigned i;

    for (i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
        number_row r;
        coap2_opt o;
        uint32_t got = 77;

        test_row = i + 1;
        TEST_FETCH(&r, &numbers[i]);
        o = opt_of(r.value, r.length);
        CHECK(coap2_opt_uint(&o, &got) == (r.length <= 4));
        CHECK_EQ(got, r.number);
    }
}

static void texts_compare(void)
{
    coap2_opt o = opt_of("temp", 4);

    CHECK(coap2_opt_is(&o, "temp"));
    CHECK(!coap2_opt_is(&o, "tem"));
    CHECK(!coap2_opt_is(&o, "temp1"));
    CHECK(!coap2_opt_is(&o, "Temp"));
    CHECK(!coap2_opt_is(&o, ""));
    o = opt_of("", 0);
    CHECK(coap2_opt_is(&o, ""));
    CHECK(!coap2_opt_is(&o, "a"));
    o = opt_of("te\0mp", 5); /* a NUL inside is not the end (behaviour 28) */
    CHECK(!coap2_opt_is(&o, "te"));
    o = opt_of("temp\0", 5);
    CHECK(!coap2_opt_is(&o, "temp"));
}

/* 7: strings are bytes, UTF-8 or not. */
static void bytes_pass(void)
{
    coap2_opt o = opt_of("\xff\xfe\xc3", 3);

    CHECK(coap2_opt_is(&o, "\xff\xfe\xc3"));
    CHECK(!coap2_opt_is(&o, "\xff\xfe\xc4"));
}

int main(void)
{
    RUN("RFC 7252 5.4.6, table 4: numbers and bits", numbers_and_bits);
    RUN("RFC 7252 5.4.3, table 4: forms", forms_of_known_options);
    RUN("RFC 7252 5.4.1: all others are unknown", no_other_is_known);
    RUN("RFC 7252 5.4.6: bits of any number", bits_of_any_number);
    RUN("RFC 7252 12.1 and later: codes", codes);
    RUN("RFC 7252 12.3 and later: formats, signals", formats_and_signals);
    RUN("RFC 7252 3.2: numbers, leading zeros too", numbers_read);
    RUN("RFC 7252 3.2: texts", texts_compare);
    RUN("RFC 7252 3.2: bytes that are not UTF-8", bytes_pass);
    return test_end();
}
