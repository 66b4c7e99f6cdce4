/* Fields: exact decimals written and read in text, JSON and CBOR. */
#include "guard.h"
#define COAP2_IMPLEMENTATION
#include "../coap2.h"
#include "harness.h"

static uint8_t u8;
static uint16_t u16;
static uint32_t u32;
static int8_t i8;
static int16_t i16;
static int32_t i32;
static bool flag;
static char room[12];
static uint8_t locked = 7;

static int32_t minus_five(void)
{
    return -5;
}

COAP2_FIELDS(all, COAP2_FIELD_RW("u8", COAP2_U8, u8, 0),
             COAP2_FIELD_RW("u16", COAP2_U16, u16, -2),
             COAP2_FIELD_RW("u32", COAP2_U32, u32, 0),
             COAP2_FIELD_RW("i8", COAP2_I8, i8, 0),
             COAP2_FIELD_RW("i16", COAP2_I16, i16, -1),
             COAP2_FIELD_RW("i32", COAP2_I32, i32, -3),
             COAP2_FIELD_RW("on", COAP2_BOOL, flag, 0),
             COAP2_FIELD_TEXT_RW("room", room));
enum { ALL = 8 };

COAP2_FIELDS(fixed, COAP2_FIELD("locked", COAP2_U8, locked, 0),
             COAP2_FIELD_GET("get", COAP2_I8, minus_five, -1),
             COAP2_FIELD_TEXT("room", room),
             COAP2_FIELD_RW("u8", COAP2_U8, u8, 0));
COAP2_FIELDS(one_i16, COAP2_FIELD_RW("temp", COAP2_I16, i16, -1));
COAP2_FIELDS(one_u32, COAP2_FIELD_RW("n", COAP2_U32, u32, 0));
COAP2_FIELDS(one_bool, COAP2_FIELD_RW("on", COAP2_BOOL, flag, 0));
COAP2_FIELDS(one_text, COAP2_FIELD_TEXT_RW("room", room));

static uint8_t body[400];
static size_t body_length;

/* Write fields and keep the body, without its marker. */
static void write_fields(const coap2_field *fields, uint8_t count,
                         uint16_t format)
{
    coap2_writer w;

    coap2_write_start(&w, body, sizeof body);
    CHECK_EQ(coap2_fields_write(&w, fields, count, format), COAP2_OK);
    body_length = coap2_write_end(&w);
    if (body_length == 0u) return;
    body_length--;
    memmove(body, body + 1, body_length);
}

static coap2_field_fault fault;

static coap2_result read_fields(const coap2_field *fields, uint8_t count,
                                uint16_t format, const void *bytes,
                                size_t length)
{
    return coap2_fields_read(fields, count, format, guard_end(bytes, length),
                             length, &fault);
}

#define READ(fields, format, literal)                         \
    read_fields((fields), sizeof(fields) / sizeof(fields)[0], \
                COAP2_FORMAT_##format, literal, sizeof(literal) - 1u)

static bool why_is(const char *why)
{
    size_t i = 0;

    if (fault.flash_why == NULL) return false;
    while (TEST_CHAR(fault.flash_why + i) == why[i])
        if (why[i++] == '\0') return true;
    return false;
}

/* All variables, to see that none has changed. */
typedef struct state {
    uint32_t u32;
    int32_t i32;
    uint16_t u16;
    int16_t i16;
    uint8_t u8;
    int8_t i8;
    bool flag;
    char room[12];
} state;

static state now(void)
{
    state s;

    memset(&s, 0, sizeof s);
    s.u32 = u32, s.i32 = i32, s.u16 = u16, s.i16 = i16;
    s.u8 = u8, s.i8 = i8, s.flag = flag;
    memcpy(s.room, room, sizeof room);
    return s;
}

static void set(const state *s)
{
    u32 = s->u32, i32 = s->i32, u16 = s->u16, i16 = s->i16;
    u8 = s->u8, i8 = s->i8, flag = s->flag;
    memcpy(room, s->room, sizeof room);
}

static bool is_state(const state *s)
{
    state n = now();

    return memcmp(&n, s, sizeof n) == 0;
}

static const state least = {0, INT32_MIN, 0, INT16_MIN, 0, INT8_MIN, false, ""};
static const state most = {UINT32_MAX, INT32_MAX, UINT16_MAX, INT16_MAX,
                           UINT8_MAX,  INT8_MAX,  true,       "eleven byte"};
static const state odd = {10u, -1, 100, -5, 9, -1, true, "a \"b\\\n=\x01"};
static const state *const states[] = {&least, &most, &odd};

static const uint16_t formats[] = {COAP2_FORMAT_TEXT, COAP2_FORMAT_JSON,
                                   COAP2_FORMAT_CBOR};

static void texts_of_all(void)
{
    set(&least);
    write_fields(all, ALL, COAP2_FORMAT_TEXT);
    body[body_length] = 0;
    CHECK_TEXT((char *)body, "u8=0 u16=0 u32=0 i8=-128 i16=-3276.8 "
                             "i32=-2147483.648 on=false room=\"\"");
    set(&most);
    write_fields(all, ALL, COAP2_FORMAT_TEXT);
    body[body_length] = 0;
    CHECK_TEXT((char *)body,
               "u8=255 u16=655.35 u32=4294967295 i8=127 i16=3276.7 "
               "i32=2147483.647 on=true room=\"eleven byte\"");
    write_fields(all, ALL, COAP2_FORMAT_JSON);
    body[body_length] = 0;
    CHECK_TEXT((char *)body,
               "{\"u8\":255,\"u16\":655.35,\"u32\":4294967295,\"i8\":127,"
               "\"i16\":3276.7,\"i32\":2147483.647,\"on\":true,"
               "\"room\":\"eleven byte\"}");
    set(&odd);
    write_fields(all, ALL, COAP2_FORMAT_TEXT);
    body[body_length] = 0;
    CHECK_TEXT((char *)body, "u8=9 u16=1 u32=10 i8=-1 i16=-0.5 i32=-0.001 "
                             "on=true room=\"a \\\"b\\\\\n=\x01\"");
    write_fields(all, ALL, COAP2_FORMAT_JSON);
    body[body_length] = 0;
    CHECK_TEXT((char *)body,
               "{\"u8\":9,\"u16\":1,\"u32\":10,\"i8\":-1,\"i16\":-0.5,"
               "\"i32\":-0.001,\"on\":true,"
               "\"room\":\"a \\\"b\\\\\\u000a=\\u0001\"}");
    write_fields(fixed, 4, COAP2_FORMAT_TEXT);
    body[body_length] = 0;
    CHECK_TEXT((char *)body,
               "locked=7 get=-0.5 room=\"a \\\"b\\\\\n=\x01\" u8=9");
}

static void cbor_of_all(void)
{
    static const uint8_t want[] =
        "\xa8\x62u8\x18\xff\x63u16\xc4\x82\x21\x19\xff\xff"
        "\x63u32\x1a\xff\xff\xff\xff\x62i8\x18\x7f"
        "\x63i16\xc4\x82\x20\x19\x7f\xff\x63i32\xc4\x82\x22\x1a\x7f\xff\xff\xff"
        "\x62on\xf5\x64room\x6b"
        "eleven byte";

    set(&most);
    write_fields(all, ALL, COAP2_FORMAT_CBOR);
    CHECK_BYTES(body, body_length, want, sizeof want - 1);
    set(&least);
    write_fields(all, ALL, COAP2_FORMAT_CBOR);
    CHECK_BYTES(body + 27, 10, "\xc4\x82\x20\x39\x7f\xff\x63i32", 10);
}

static void round_trips(void)
{
    unsigned s, f, cut;
    coap2_field_fault why;

    for (s = 0; s < 3; s++)
        for (f = 0; f < 3; f++) {
            set(states[s]);
            write_fields(all, ALL, formats[f]);
            set(states[(s + 1) % 3]);
            test_row = s * 3 + f + 1;
            CHECK_EQ(read_fields(all, ALL, formats[f], body, body_length), 0);
            set(states[s]); /* the bytes behind a text's NUL */
            CHECK(is_state(states[s]));
            /* every truncation changes nothing, or is a shorter list */
            for (cut = 0; cut < body_length; cut++) {
                state before;
                coap2_result result;
                set(states[(s + 1) % 3]);
                before = now();
                result = coap2_fields_read(all, ALL, formats[f],
                                           guard_end(body, cut), cut, &why);
                if (f != 0) CHECK_EQ(result, COAP2_ERR_FORMAT);
                if (result != COAP2_OK) CHECK(is_state(&before));
            }
        }
}

/* Numbers of every exponent, by the field that has it. */
static int32_t number;
#define EXPONENT(e)                               \
    {                                             \
        "n", &number, NULL, 4, COAP2_I32, e, true \
    }
static const coap2_field exponents[] COAP2_FLASH = {
    EXPONENT(-9), EXPONENT(-8), EXPONENT(-7), EXPONENT(-6), EXPONENT(-5),
    EXPONENT(-4), EXPONENT(-3), EXPONENT(-2), EXPONENT(-1), EXPONENT(0),
    EXPONENT(1),  EXPONENT(2),  EXPONENT(3),  EXPONENT(4),  EXPONENT(5),
    EXPONENT(6),  EXPONENT(7),  EXPONENT(8),  EXPONENT(9)};

static void exponents_of_fields(void)
{
    static const int32_t numbers[] = {0,
                                      1,
                                      -1,
                                      9,
                                      10,
                                      -10,
                                      99,
                                      100,
                                      101,
                                      1000,
                                      -1005,
                                      65535,
                                      65536,
                                      100000,
                                      12345,
                                      100010,
                                      1000000000,
                                      2147483647,
                                      -2147483647 - 1,
                                      999999999};
    static const char *const texts_of_one[] = {
        "0.000000001", "0.00000001", "0.0000001", "0.000001",  "0.00001",
        "0.0001",      "0.001",      "0.01",      "0.1",       "1",
        "10",          "100",        "1000",      "10000",     "100000",
        "1000000",     "10000000",   "100000000", "1000000000"};
    unsigned i, e, f;

    for (e = 0; e < 19; e++)
        for (i = 0; i < sizeof numbers / sizeof numbers[0]; i++)
            for (f = 0; f < 3; f++) {
                test_row = e * 100 + i;
                number = numbers[i];
                write_fields(&exponents[e], 1, formats[f]);
                number = 77;
                CHECK_EQ(read_fields(&exponents[e], 1, formats[f], body,
                                     body_length),
                         COAP2_OK);
                CHECK(number == numbers[i]);
            }
    for (e = 0; e < 19; e++) {
        number = 1;
        write_fields(&exponents[e], 1, COAP2_FORMAT_TEXT);
        body[body_length] = 0;
        test_row = e + 1;
        CHECK_TEXT((char *)body, texts_of_one[e]);
    }
    number = -2147483647;
    write_fields(&exponents[0], 1, COAP2_FORMAT_TEXT);
    CHECK_BYTES(body, body_length, "-2.147483647", 12);
    write_fields(&exponents[18], 1, COAP2_FORMAT_TEXT);
    CHECK_BYTES(body, body_length, "-2147483647000000000", 20);
}

typedef struct number_row {
    const char *text; /* for one field of one decimal; NULL why: it is set to */
    const char *why;
    int16_t value;
} number_row;

static const number_row number_rows[] = {
    {"25.5", NULL, 255},
    {"-25.5", NULL, -255},
    {"25", NULL, 250},
    {"25.50", NULL, 255},
    {"25.500000000000000000000000000", NULL, 255},
    {"0.0", NULL, 0},
    {"-0", NULL, 0},
    {"1e2", NULL, 1000},
    {"1E+2", NULL, 1000},
    {"255e-1", NULL, 255},
    {"2550000000000000000000e-20", NULL, 255},
    {"0.00000000000000000000255e22", NULL, 255},
    {"0e999999999999", NULL, 0},
    {"3276.7", NULL, 32767},
    {"-3276.8", NULL, -32768},
    {"3276.8", "out of range", 0},
    {"-3276.9", "out of range", 0},
    {"25.55", "too many decimals", 0},
    {"25.5000000000000001", "too many decimals", 0},
    {"25.49999999999999999", "too many decimals", 0},
    {"1e-9", "too many decimals", 0},
    {"1e-999999999", "too many decimals", 0},
    {"1e999999999", "out of range", 0},
    {"1e126", "out of range", 0},
    {"99999999999999999999", "out of range", 0},
    {"4294967296", "out of range", 0},
    {"true", "not a number", 0},
};

static void numbers_read(void)
{
    unsigned i;
    char json[64];
    size_t length;

    for (i = 0; i < sizeof number_rows / sizeof number_rows[0]; i++) {
        const number_row *r = &number_rows[i];
        coap2_result want = r->why == NULL ? COAP2_OK : COAP2_ERR_FORMAT;
        test_row = i + 1;
        i16 = 77;
        CHECK_EQ(read_fields(one_i16, 1, COAP2_FORMAT_TEXT, r->text,
                             strlen(r->text)),
                 want);
        CHECK(r->why != NULL ? why_is(r->why) && i16 == 77 : i16 == r->value);
        strcpy(json, "{\"temp\":");
        strcat(json, r->text);
        strcat(json, "}");
        length = strlen(json);
        i16 = 77;
        CHECK_EQ(read_fields(one_i16, 1, COAP2_FORMAT_JSON, json, length),
                 want);
        CHECK(r->why != NULL ? why_is(r->why) && i16 == 77 : i16 == r->value);
        if (r->why != NULL) CHECK_EQ(fault.name_length, 4);
    }
}

static void words_that_are_no_numbers(void)
{
    static const char *const words[] = {
        "",       " ",   "-",     "+1",   ".5",    "1.",  "-.5",
        "1e",     "1e+", "1e-",   "1.e1", "0x1",   "1,5", "25.5 C",
        "25.5.5", "--1", "1e1.5", "nan",  "\"25\""};
    unsigned i;
    char json[32];

    for (i = 0; i < sizeof words / sizeof words[0]; i++) {
        test_row = i + 1;
        i16 = 77;
        CHECK_EQ(read_fields(one_i16, 1, COAP2_FORMAT_TEXT, words[i],
                             strlen(words[i])),
                 COAP2_ERR_FORMAT);
        CHECK(why_is("not a number") && i16 == 77);
        CHECK(fault.name == NULL && fault.name_length == 0);
        strcpy(json, "{\"temp\":");
        strcat(json, words[i]);
        strcat(json, "}");
        CHECK_EQ(read_fields(one_i16, 1, COAP2_FORMAT_JSON, json, strlen(json)),
                 COAP2_ERR_FORMAT);
        CHECK(i16 == 77);
    }
    CHECK_EQ(READ(one_i16, TEXT, "007.5"), COAP2_OK);
    CHECK(i16 == 75);
    CHECK_EQ(READ(one_i16, JSON, "{\"temp\":01}"), COAP2_ERR_FORMAT);
}

static void one_field(void)
{
    CHECK_EQ(READ(one_i16, TEXT, " \t25.5\r\n"), COAP2_OK);
    CHECK(i16 == 255);
    CHECK_EQ(READ(one_i16, TEXT, "temp=-1.5\n"), COAP2_OK);
    CHECK(i16 == -15);
    CHECK_EQ(READ(one_i16, TEXT, "hum=1"), COAP2_ERR_FORMAT);
    CHECK(why_is("unknown") && fault.name_length == 3);
    CHECK(memcmp(fault.name, "hum", 3) == 0);
    CHECK_EQ(READ(one_u32, TEXT, "4294967295"), COAP2_OK);
    CHECK(u32 == UINT32_MAX);
    CHECK_EQ(READ(one_u32, TEXT, "-1"), COAP2_ERR_FORMAT);
    CHECK(why_is("out of range") && u32 == UINT32_MAX);
    CHECK_EQ(READ(one_u32, TEXT, "-0.0"), COAP2_OK);
    CHECK(u32 == 0);
    CHECK_EQ(READ(one_bool, TEXT, "true"), COAP2_OK);
    CHECK(flag);
    CHECK_EQ(READ(one_bool, TEXT, "0"), COAP2_OK);
    CHECK(!flag);
    CHECK_EQ(READ(one_bool, JSON, "{\"on\":1}"), COAP2_OK);
    CHECK(flag);
    CHECK_EQ(READ(one_bool, TEXT, "2"), COAP2_ERR_FORMAT);
    CHECK(why_is("out of range"));
    CHECK_EQ(READ(one_bool, TEXT, "on"), COAP2_ERR_FORMAT);
    CHECK(why_is("not true or false"));
    CHECK_EQ(READ(one_text, TEXT, " room=\"x\" "), COAP2_OK);
    CHECK_TEXT(room, " room=\"x\" ");
    write_fields(one_text, 1, COAP2_FORMAT_TEXT);
    CHECK_BYTES(body, body_length, " room=\"x\" ", 10);
    CHECK_EQ(READ(one_text, TEXT, ""), COAP2_OK);
    CHECK_TEXT(room, "");
}

typedef struct refused_row {
    uint16_t format;
    uint8_t length;
    const char *payload, *name, *why;
} refused_row;

#define T(payload, name, why)                                      \
    {                                                              \
        COAP2_FORMAT_TEXT, sizeof(payload) - 1, payload, name, why \
    }
#define J(payload, name, why)                                      \
    {                                                              \
        COAP2_FORMAT_JSON, sizeof(payload) - 1, payload, name, why \
    }
#define C(payload, name, why)                                      \
    {                                                              \
        COAP2_FORMAT_CBOR, sizeof(payload) - 1, payload, name, why \
    }

static const refused_row refused_rows[] = {
    T("", NULL, "malformed"),
    T(" \n", NULL, "malformed"),
    T("u8=1 x=2", "x", "unknown"),
    T("u8=1 =2", "", "unknown"),
    T("u8=1 u8=1", "u8", "named twice"),
    T("u8=1 u16", NULL, "malformed"),
    T("u8=1 u16 =5", NULL, "malformed"),
    T("u8=256", "u8", "out of range"),
    T("u8=-1", "u8", "out of range"),
    T("i8=-129", "i8", "out of range"),
    T("i8=128", "i8", "out of range"),
    T("u16=655.36", "u16", "out of range"),
    T("u8=1 i8=1.5", "i8", "too many decimals"),
    T("u8=1 room=\"x", "room", "malformed"),
    T("u8=1 room=\"x\\", "room", "malformed"),
    T("u8=1 room=\"x\\\"", "room", "malformed"),
    T("u8=1 room=\"x\"y", "room", "malformed"),
    T("u8=1 room=twelve_bytes", "room", "too long"),
    T("u8=1 u16=\"2\"", "u16", "not a number"),
    T("u8=1 on=yes", "on", "not true or false"),
    J("", NULL, "malformed"),
    J("25", NULL, "malformed"),
    J("{", NULL, "malformed"),
    J("{}x", NULL, "malformed"),
    J("[]", NULL, "malformed"),
    J("{,}", NULL, "malformed"),
    J("{\"u8\":1,}", NULL, "malformed"),
    J("{\"u8\":1 \"i8\":1}", NULL, "malformed"),
    J("{\"u8\":1", NULL, "malformed"),
    J("{\"u8\" 1}", "u8", "malformed"),
    J("{\"u8\":}", "u8", "malformed"),
    J("{\"u8\":tru}", "u8", "malformed"),
    J("{\"u8\":1,\"x\":2}", "x", "unknown"),
    J("{\"u8\":1,\"\":2}", "", "unknown"),
    J("{\"u8\":1,\"u8\":1}", "u8", "named twice"),
    J("{\"u8\":1,\"\\u00758\":1}", "\\u00758", "named twice"),
    J("{\"u8\":1,\"u16\":{}}", "u16", "nested"),
    J("{\"u8\":1,\"u16\":[1]}", "u16", "nested"),
    J("{\"u8\":1,\"room\":[]}", "room", "nested"),
    J("{\"u8\":1,\"u16\":null}", "u16", "not a number"),
    J("{\"u8\":1,\"u16\":\"1\"}", "u16", "not a number"),
    J("{\"u8\":1,\"on\":null}", "on", "not true or false"),
    J("{\"u8\":1,\"room\":null}", "room", "not a text"),
    J("{\"u8\":1,\"room\":12}", "room", "not a text"),
    J("{\"u8\":1,\"room\":\"\\u0000\"}", "room", "holds a NUL"),
    J("{\"u8\":1,\"room\":\"a\nb\"}", "room", "malformed"),
    J("{\"u8\":1,\"room\":\"\\x\"}", "room", "malformed"),
    J("{\"u8\":1,\"room\":\"\\u12\"}", "room", "malformed"),
    J("{\"u8\":1,\"room\":\"\\ud800\"}", "room", "malformed"),
    J("{\"u8\":1,\"room\":\"\\udc00\"}", "room", "malformed"),
    J("{\"u8\":1,\"room\":\"\\ud800\\u0041\"}", "room", "malformed"),
    J("{\"u8\":1,\"room\":\"twelve bytes\"}", "room", "too long"),
    J("{\"u8\":1,\"room\":\"nine....\\ud83d\\ude00\"}", "room", "too long"),
    C("", NULL, "malformed"),
    C("\x01", NULL, "malformed"),
    C("\xa1", NULL, "malformed"),
    C("\xa0\x00", NULL, "malformed"),
    C("\xa1\x01\x01", NULL, "malformed"),
    C("\xa1\x62u8\x01\x01", NULL, "malformed"),
    C("\xa1\x62u8", "u8", "malformed"),
    C("\xbf\x62u8\x01", NULL, "malformed"),
    C("\xbf\x62u8\xff", "u8", "malformed"),
    C("\xa1\x7f\x62u8\xff\x01", NULL, "malformed"),
    C("\xa2\x62u8\x01\x61x\x01", "x", "unknown"),
    C("\xa2\x62u8\x01\x62u8\x01", "u8", "named twice"),
    C("\xa2\x62u8\x01\x63u16\xa0", "u16", "nested"),
    C("\xa2\x62u8\x01\x63u16\x82\x01\x02", "u16", "nested"),
    C("\xa2\x62u8\x01\x64room\x7f\x61x\xff", "room", "nested"),
    C("\xa2\x62u8\x01\x63u16\xf6", "u16", "not a number"),
    C("\xa2\x62u8\x01\x63u16\x41\x01", "u16", "not a number"),
    C("\xa2\x62u8\x01\x63u16\xf9\x7e\x00", "u16", "not a number"), /* NaN */
    C("\xa2\x62u8\x01\x63u16\xf9\x7c\x00", "u16", "not a number"), /* inf */
    C("\xa2\x62u8\x01\x64room\x41x", "room", "not a text"),
    C("\xa2\x62u8\x01\x64room\x01", "room", "not a text"),
    C("\xa2\x62u8\x01\x64room\x62x\x00", "room", "holds a NUL"),
    C("\xa2\x62u8\x01\x62i8\x38\x80", "i8", "out of range"),
    C("\xa2\x62u8\x01\x62i8\x3a\xff\xff\xff\xff", "i8", "out of range"),
    C("\xa2\x62u8\x01\x62i8\x1b\0\0\0\1\0\0\0\0", "i8", "out of range"),
    C("\xa2\x62u8\x01\x62i8\xc4\x82\x20\x05", "i8", "too many decimals"),
    C("\xa2\x62u8\x01\x62i8\xc4\x82\x18\x7f\x05", "i8", "out of range"),
    C("\xa2\x62u8\x01\x62i8\xc4\x82\x3b\1\0\0\0\0\0\0\0\x05", "i8",
      "too many decimals"),
    C("\xa2\x62u8\x01\x62i8\xc4\x82\x20\xf5", "i8", "malformed"),
    C("\xa2\x62u8\x01\x62i8\xc4\x81\x20", "i8", "nested"),
    C("\xa2\x62u8\x01\x62i8\x1f", "i8", "malformed"),
    C("\xa2\x62u8\x01\x62i8\x1c", "i8", "malformed"),
    C("\xa2\x62u8\x01\x62i8\xf8\x10", "i8", "malformed"),
    C("\xa2\x62u8\x01\x62i8\xf9\x38\x00", "i8", "too many decimals"), /* .5 */
};

static void refused(void)
{
    unsigned i;

    for (i = 0; i < sizeof refused_rows / sizeof refused_rows[0]; i++) {
        const refused_row *r = &refused_rows[i];
        state before;
        test_row = i + 1;
        set(&most);
        before = now();
        CHECK_EQ(read_fields(all, ALL, r->format, r->payload, r->length),
                 COAP2_ERR_FORMAT);
        CHECK(why_is(r->why));
        CHECK((fault.name == NULL) == (r->name == NULL));
        if (r->name != NULL)
            CHECK_BYTES(fault.name, fault.name_length, r->name,
                        strlen(r->name));
        CHECK(is_state(&before));
    }
    CHECK_EQ(READ(fixed, TEXT, "u8=3 locked=1"), COAP2_ERR_FORMAT);
    CHECK(why_is("read only"));
    CHECK_EQ(READ(fixed, TEXT, "get=1"), COAP2_ERR_FORMAT);
    CHECK(why_is("read only"));
    CHECK_EQ(READ(fixed, TEXT, "room=1"), COAP2_ERR_FORMAT);
    CHECK(why_is("read only"));
    CHECK_EQ(read_fields(all, ALL, COAP2_FORMAT_XML, "", 0), COAP2_ERR_ARG);
}

static void accepted(void)
{
    set(&least);
    CHECK_EQ(READ(all, JSON,
                  " {\t\"u8\" :\r1 ,\n\"room\":\"\\u0041\\u00e9"
                  "\\u20ac\\/\\n\" } \n"),
             COAP2_OK);
    CHECK(u8 == 1);
    CHECK_TEXT(room, "A\xc3\xa9\xe2\x82\xac/\n");
    CHECK_EQ(READ(all, JSON, "{\"room\":\"\\uD83D\\uDE00\\u07ff\\u0800\"}"),
             COAP2_OK);
    CHECK_TEXT(room, "\xf0\x9f\x98\x80\xdf\xbf\xe0\xa0\x80");
    CHECK_EQ(READ(all, JSON, "{\"room\":\"\\udbff\\udfff\\uffff\"}"), COAP2_OK);
    CHECK_TEXT(room, "\xf4\x8f\xbf\xbf\xef\xbf\xbf");
    CHECK_EQ(READ(all, JSON, "{\"r\\u006f\\u006fm\":\"\\\"\\\\\\b\\f\\r\\t\"}"),
             COAP2_OK);
    CHECK_TEXT(room, "\"\\\b\f\r\t");
    CHECK_EQ(READ(all, JSON, "{}"), COAP2_OK);
    CHECK_EQ(READ(all, TEXT, "room=12 on=1 u16=1e1"), COAP2_OK);
    CHECK(flag && u16 == 1000);
    CHECK_TEXT(room, "12");
    CHECK_EQ(READ(all, TEXT, "room= u8=3"), COAP2_OK);
    CHECK_TEXT(room, "");
    CHECK_EQ(READ(all, TEXT, "room=a\"b=\\c"), COAP2_OK);
    CHECK_TEXT(room, "a\"b=\\c");
    CHECK_EQ(READ(all, CBOR, "\xd9\xd9\xf7\xa1\xc1\x62u8\xc9\xd8\x20\x18\x2a"),
             COAP2_OK);
    CHECK(u8 == 42);
    CHECK_EQ(READ(all, CBOR, "\xbf\x62u8\x1b\0\0\0\0\0\0\0\x07\x62i8\x26\xff"),
             COAP2_OK);
    CHECK(u8 == 7 && i8 == -7);
    CHECK_EQ(READ(all, CBOR, "\xa2\x63i16\xc4\x82\x21\x19\x04\xd8\x63u16\x05"),
             COAP2_OK);
    CHECK(i16 == 124 && u16 == 500);
    CHECK_EQ(READ(all, CBOR, "\xbf\xff"), COAP2_OK);
}

typedef struct float_row {
    const char *bytes;
    uint8_t length, exponent; /* the index of its field */
    int32_t value;
} float_row;

static const float_row float_rows[] = {
    {"\xf9\x4e\x60", 3, 8, 255}, /* 25.5 */
    {"\xf9\xce\x60", 3, 8, -255},
    {"\xf9\x4d\x66", 3, 8, 216}, /* 21.6, three digits */
    {"\xf9\x00\x00", 3, 9, 0},
    {"\xf9\x80\x00", 3, 9, 0},
    {"\xf9\x7b\xff", 3, 9, 65504},
    {"\xf9\x68\x01", 3, 9, 2050}, /* an integer: exact */
    {"\xfa\x41\xcc\x00\x00", 5, 8, 255},
    {"\xfa\x41\xac\xcc\xcd", 5, 8, 216}, /* 21.6 */
    {"\xfa\x3d\xcc\xcc\xcd", 5, 8, 1},   /* 0.1 */
    {"\xfa\x4b\x7f\xff\xff", 5, 9, 16777215},
    {"\xfa\xcf\x00\x00\x00", 5, 9, -2147483647 - 1},
    {"\xfa\x40\x49\x0f\xdb", 5, 3, 3141593}, /* pi, of -6 */
    {"\xfb\x40\x39\x80\0\0\0\0\0", 9, 8, 255},
    {"\xfb\x40\x35\x99\x99\x99\x99\x99\x9a", 9, 8, 216},
    {"\xfb\x3f\xb9\x99\x99\x99\x99\x99\x9a", 9, 8, 1},
    {"\xfb\xbf\xf0\0\0\0\0\0\0", 9, 9, -1},
    {"\xfb\x41\xdf\xff\xff\xff\xc0\0\0", 9, 9, 2147483647},
    {"\xfb\x40\x09\x21\xfb\x54\x44\x2d\x18", 9, 1, 314159265}, /* pi, of -8 */
    {"\xfb\x42\x02\xa0\x5f\x20\0\0\0", 9, 18, 10},             /* 1e10, of 9 */
    {"\xfb\x43\xab\xc1\x6d\x67\x4e\xc8\0", 9, 18, 1000000000}, /* 1e18 */
    {"\xfb\x3e\x11\x2e\x0b\xe8\x26\xd6\x95", 9, 0, 1},         /* 1e-9 */
};

static void floats_read(void)
{
    unsigned i;
    uint8_t payload[16] = {0xa1, 0x61, 'n'};

    for (i = 0; i < sizeof float_rows / sizeof float_rows[0]; i++) {
        const float_row *r = &float_rows[i];
        test_row = i + 1;
        memcpy(payload + 3, r->bytes, r->length);
        number = 77;
        CHECK_EQ(read_fields(&exponents[r->exponent], 1, COAP2_FORMAT_CBOR,
                             payload, 3u + r->length),
                 COAP2_OK);
        CHECK(number == r->value);
    }
    /* the least half, 5.96e-8, has ten decimals */
    CHECK_EQ(READ(exponents, CBOR, "\xa1\x61n\xf9\x00\x01"), COAP2_ERR_FORMAT);
    CHECK(why_is("too many decimals"));
}

/* A window on the body is the same bytes. */
static void windows(void)
{
    uint8_t whole[200], piece[40];
    size_t length, at;
    unsigned f;
    coap2_writer w;

    set(&odd);
    for (f = 0; f < 3; f++) {
        write_fields(all, ALL, formats[f]);
        length = body_length;
        memcpy(whole, body, length);
        for (at = 0; at < length; at += 16) {
            size_t kept = length - at < 16u ? length - at : 16u;
            coap2_write_start(&w, piece, sizeof piece);
            coap2_write_window(&w, (uint32_t)at, 16);
            (void)coap2_fields_write(&w, all, ALL, formats[f]);
            CHECK_EQ(w.body_length, length);
            CHECK_BYTES(piece + 1, coap2_write_end(&w) - 1u, whole + at, kept);
        }
    }
    coap2_write_start(&w, piece, sizeof piece);
    CHECK_EQ(coap2_fields_write(&w, all, ALL, COAP2_FORMAT_XML), COAP2_ERR_ARG);
    CHECK_EQ(coap2_write_end(&w), 0);
    coap2_write_start(&w, piece, sizeof piece);
    CHECK_EQ(coap2_fields_write(&w, all, ALL, 0), COAP2_ERR_SPACE);
}

#ifdef __AVR__
#define ROUNDS 100u
#else
#define ROUNDS 100000u
#endif

static uint32_t seed = 1;
static uint8_t chance(void)
{
    seed = seed * 1664525u + 1013904223u;
    return (uint8_t)(seed >> 24);
}

/* Random changes of good payloads: no read outside, and what is refused
   changes nothing. What is taken reads back as it is written. */
static void random_bytes(void)
{
    uint32_t round;

    for (round = 0; round < ROUNDS; round++) {
        uint16_t format = formats[round % 3];
        uint8_t n = chance() % 8u;
        state before, after;
        set(states[chance() % 3u]);
        write_fields(all, ALL, format);
        if (n == 0u) body_length = chance() % 32u;
        while (n-- != 0u) body[chance() % body_length] = chance();
        body_length -= chance() % (body_length / 4u + 1u);
        before = now();
        test_row = round;
        if (read_fields(all, ALL, format, body, body_length) != COAP2_OK) {
            CHECK(fault.flash_why != NULL);
            CHECK(is_state(&before));
            continue;
        }
        after = now();
        write_fields(all, ALL, format);
        CHECK_EQ(read_fields(all, ALL, format, body, body_length), COAP2_OK);
        CHECK(is_state(&after));
    }
}

int main(void)
{
    RUN("text and JSON of every type", texts_of_all);
    RUN("RFC 8949 3: CBOR of every type", cbor_of_all);
    RUN("round trips, truncations", round_trips);
    RUN("exponents -9 to 9", exponents_of_fields);
    RUN("numbers are exact", numbers_read);
    RUN("RFC 8259 6: what is no number", words_that_are_no_numbers);
    RUN("tables of one field", one_field);
    RUN("what is refused changes nothing", refused);
    RUN("RFC 8259, RFC 8949: what is accepted", accepted);
    RUN("RFC 8949 3.3: floats as decimals", floats_read);
    RUN("windows on a body", windows);
    RUN("random bytes", random_bytes);
    return test_end();
}
