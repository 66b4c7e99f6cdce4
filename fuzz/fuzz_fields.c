/* fuzz_fields.c - payloads that set variables: text, JSON, CBOR

   The first byte chooses the format, and whether the table has one field or
   several; the rest is the payload. What was refused has changed nothing and
   says why; what was taken comes back, in every format, as it is. */

#include "fuzz.h"

typedef struct variables {
    uint8_t u8;
    uint16_t u16;
    uint32_t u32;
    int8_t i8;
    int16_t i16;
    int32_t i32;
    bool on;
    char name[9];
    uint8_t locked;
} variables;

static variables now;

COAP2_FIELDS(several, COAP2_FIELD_RW("u8", COAP2_U8, now.u8, 0),
             COAP2_FIELD_RW("u16", COAP2_U16, now.u16, -2),
             COAP2_FIELD_RW("u32", COAP2_U32, now.u32, 0),
             COAP2_FIELD_RW("i8", COAP2_I8, now.i8, 1),
             COAP2_FIELD_RW("i16", COAP2_I16, now.i16, -1),
             COAP2_FIELD_RW("i32", COAP2_I32, now.i32, -9),
             COAP2_FIELD_RW("on", COAP2_BOOL, now.on, 0),
             COAP2_FIELD_TEXT_RW("name", now.name));
COAP2_FIELDS(guarded, COAP2_FIELD_RW("i16", COAP2_I16, now.i16, -1),
             COAP2_FIELD("locked", COAP2_U8, now.locked, 0));
COAP2_FIELDS(number, COAP2_FIELD_RW("i32", COAP2_I32, now.i32, -3));
COAP2_FIELDS(words, COAP2_FIELD_TEXT_RW("name", now.name));

typedef struct table {
    const coap2_field *fields;
    uint8_t count;
} table;

static const table tables[] = {
    {several, 8}, {guarded, 2}, {number, 1}, {words, 1}};

static const uint16_t formats[] = {COAP2_FORMAT_TEXT, COAP2_FORMAT_JSON,
                                   COAP2_FORMAT_CBOR, COAP2_FORMAT_OCTETS};

static void begin(void)
{
    memset(&now, 0, sizeof now);
    memcpy(now.name, "as it is", 9);
    now.locked = 7;
    now.i16 = -215;
}

/* Every member by itself, since a struct has bytes between its members. */
static bool same(const variables *a, const variables *b)
{
    return a->u8 == b->u8 && a->u16 == b->u16 && a->u32 == b->u32 &&
           a->i8 == b->i8 && a->i16 == b->i16 && a->i32 == b->i32 &&
           a->on == b->on && a->locked == b->locked &&
           strcmp(a->name, b->name) == 0;
}

/* All of a body that is larger than its buffer, window by window. */
static size_t write_all(const table *t, uint16_t format, uint8_t *body,
                        size_t window)
{
    size_t length = 0;
    bool more;

    do {
        uint8_t buffer[80];
        coap2_writer w;
        coap2_msg msg;

        coap2_write_start(&w, buffer, sizeof buffer);
        coap2_write_header(&w, COAP2_ACK, COAP2_205_CONTENT, 1, NULL, 0);
        coap2_write_window(&w, (uint32_t)length, window);
        FUZZ_CHECK(coap2_fields_write(&w, t->fields, t->count, format) ==
                   COAP2_OK);
        more = coap2_write_more(&w);
        FUZZ_CHECK(coap2_msg_parse(&msg, buffer, coap2_write_end(&w)) ==
                   COAP2_OK);
        memcpy(body + length, msg.payload, msg.payload_length);
        length += msg.payload_length;
    } while (more);
    return length;
}

/* What is written of the variables sets them to what they are. */
static void check_returns(const table *t, uint16_t format, size_t window)
{
    uint8_t body[400];
    size_t length = write_all(t, format, body, window);
    fuzz_memory exact = fuzz_copy(body, length);
    variables before = now;
    coap2_field_fault fault;

    FUZZ_CHECK(coap2_fields_read(t->fields, t->count, format, exact.bytes,
                                 length, &fault) == COAP2_OK);
    FUZZ_CHECK(same(&now, &before));
    fuzz_close(&exact);
}

static void check_refusal(const coap2_field_fault *fault,
                          const fuzz_memory *input, const variables *before)
{
    FUZZ_CHECK(same(&now, before));
    FUZZ_CHECK(fault->flash_why != NULL);
    FUZZ_CHECK(fault->name == NULL ||
               fuzz_inside(fault->name, fault->name_length, input->bytes,
                           input->size));
}

static void fuzz_one(const uint8_t *bytes, size_t length)
{
    uint8_t choice = length != 0 ? bytes[0] : 0;
    const table *t = &tables[choice / 4 % 4];
    uint16_t format = formats[choice % 4];
    fuzz_memory input =
        fuzz_copy(bytes + (length != 0), length - (length != 0));
    coap2_field_fault fault;
    variables before;
    coap2_result result;
    unsigned i;

    begin();
    before = now;
    memset(&fault, 0, sizeof fault);
    result = coap2_fields_read(t->fields, t->count, format, input.bytes,
                               input.size, &fault);
    FUZZ_CHECK(now.locked == 7);
    FUZZ_CHECK(memchr(now.name, 0, sizeof now.name) != NULL);
    if (format == COAP2_FORMAT_OCTETS) FUZZ_CHECK(result == COAP2_ERR_ARG);
    if (result == COAP2_ERR_FORMAT) check_refusal(&fault, &input, &before);
    if (result == COAP2_OK && t->fields != guarded)
        for (i = 0; i < 3; i++)
            check_returns(t, formats[i], 16u + choice / 16u);
    fuzz_close(&input);
}
