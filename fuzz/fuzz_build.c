/* fuzz_build.c - an application that writes

   The input is a program: three bytes of buffer size, five of header, then
   writer calls, an opcode each with its arguments behind it (see run_call). A
   model keeps what was written in a sorted array and encodes it when all is
   done: message, length and error must be the same. */

#include "fuzz.h"

#define CALLS 64u            /* of one program; more only take time */
#define LONGEST_VALUE 65804u /* 65,535 + 269, RFC 7252 3.1 */

/* ==== The model ========================================================== */

typedef struct option {
    uint32_t number;
    const uint8_t *value;
    size_t length;
} option;

typedef struct model {
    size_t size; /* of the buffer */
    uint8_t header[12];
    size_t header_length;
    option options[CALLS]; /* in the order of the wire */
    size_t count;
    uint8_t numbers[CALLS][4]; /* values of options that are numbers */
    uint8_t payload[1u << 17];
    size_t payload_length;
    bool windowed;
    uint64_t window_at, window_size;
    uint64_t body_length;
    coap2_result error;
} model;

static model m; /* too large for a stack */

static size_t extension(size_t number)
{
    return number < 13 ? 0 : number < 269 ? 1 : 2;
}

static size_t message_length(void)
{
    size_t length = m.header_length, i;
    uint32_t last = 0;

    for (i = 0; i < m.count; i++) {
        const option *o = &m.options[i];

        length += 1 + extension(o->number - last) + extension(o->length);
        length += o->length;
        last = o->number;
    }
    return length + (m.payload_length != 0) + m.payload_length;
}

/* What has been written so far must fit, after every call. */
static void model_fit(void)
{
    if (m.error == COAP2_OK && message_length() > m.size)
        m.error = COAP2_ERR_SPACE;
}

static void model_fail(coap2_result error)
{
    if (m.error == COAP2_OK) m.error = error;
}

static void model_header(const uint8_t *fixed, const uint8_t *token,
                         size_t token_length)
{
    if (token_length > 8 || fixed[0] % 8 > 3 ||
        (token_length > 0 && fixed[1] == 0)) { /* Empty carries nothing */
        model_fail(COAP2_ERR_ARG);
        return;
    }
    memcpy(m.header, fixed, 4);
    m.header[0] = (uint8_t)(64u + fixed[0] % 4u * 16u + token_length);
    memcpy(m.header + 4, token, token_length);
    m.header_length = 4 + token_length;
    model_fit();
}

static void model_option(uint16_t number, const uint8_t *value, size_t length)
{
    size_t i;

    if (m.error != COAP2_OK) return;
    if (length > LONGEST_VALUE) {
        model_fail(COAP2_ERR_ARG);
        return;
    }
    for (i = m.count++; i > 0 && m.options[i - 1].number > number; i--)
        m.options[i] = m.options[i - 1];
    m.options[i].number = number;
    m.options[i].value = value;
    m.options[i].length = length;
    model_fit();
}

/* As few bytes as it takes, most significant first (RFC 7252 3.2). */
static void model_uint(uint16_t number, uint32_t value)
{
    uint8_t *bytes = m.numbers[m.count];
    size_t length = 4;

    bytes[0] = (uint8_t)(value / 16777216u);
    bytes[1] = (uint8_t)(value / 65536u % 256u);
    bytes[2] = (uint8_t)(value / 256u % 256u);
    bytes[3] = (uint8_t)(value % 256u);
    for (; length > 0 && *bytes == 0; bytes++) length--;
    model_option(number, bytes, length);
}

static void model_block(uint16_t number, uint32_t block, unsigned szx,
                        bool more)
{
    if (block > 0xFFFFFu || szx > 6)
        model_fail(COAP2_ERR_ARG);
    else
        model_uint(number, block * 16u + (more ? 8u : 0u) + szx);
}

static void model_payload(const uint8_t *bytes, size_t length)
{
    if (m.error != COAP2_OK) return;
    if (length > m.size - m.payload_length) {
        model_fail(COAP2_ERR_SPACE);
        return;
    }
    memcpy(m.payload + m.payload_length, bytes, length);
    m.payload_length += length;
    model_fit();
}

/* Whether the next byte of the body lies in the window; without one, every
   byte does, and must fit. */
static bool model_keeps(void)
{
    return !m.windowed || (m.body_length >= m.window_at &&
                           m.body_length - m.window_at < m.window_size);
}

static void model_body(const uint8_t *bytes, size_t length)
{
    size_t i;

    for (i = 0; i < length && m.error == COAP2_OK; i++) {
        bool keep = model_keeps();

        m.body_length++;
        if (keep) model_payload(bytes + i, 1);
    }
}

static bool model_more(void)
{
    return m.windowed && m.body_length > m.window_at + m.window_size;
}

/* ==== Encoding the model ================================================= */

static uint8_t encoded[1u << 18];

static size_t put_extension(size_t at, size_t number)
{
    if (number >= 269) {
        encoded[at++] = (uint8_t)((number - 269) / 256);
        encoded[at++] = (uint8_t)((number - 269) % 256);
    } else if (number >= 13) {
        encoded[at++] = (uint8_t)(number - 13);
    }
    return at;
}

static size_t nibble(size_t number)
{
    return number < 13 ? number : 12 + extension(number);
}

static size_t model_encode(void)
{
    size_t at = m.header_length, i;
    uint32_t last = 0;

    memcpy(encoded, m.header, at);
    for (i = 0; i < m.count; i++) {
        const option *o = &m.options[i];
        size_t delta = o->number - last;

        encoded[at++] = (uint8_t)(nibble(delta) * 16 + nibble(o->length));
        at = put_extension(put_extension(at, delta), o->length);
        memcpy(encoded + at, o->value, o->length);
        at += o->length;
        last = o->number;
    }
    if (m.payload_length == 0) return at;
    encoded[at++] = 0xFF;
    memcpy(encoded + at, m.payload, m.payload_length);
    return at + m.payload_length;
}

/* ==== Running a program ================================================== */

static uint8_t pattern[1u << 17]; /* values that a program need not spell */

static void fill_pattern(void)
{
    size_t i;

    if (pattern[1] != 0) return;
    for (i = 0; i < sizeof pattern; i++)
        pattern[i] = (uint8_t)(i * 31 + i / 256);
}

static void run_header(coap2_writer *w, fuzz_input *in)
{
    uint8_t fixed[4];
    const uint8_t *bytes;
    size_t four = 4, token_length = fuzz_number(in, 1) % 16;

    memset(fixed, 0, sizeof fixed);
    bytes = fuzz_bytes(in, &four);
    memcpy(fixed, bytes, four);
    coap2_write_header(w, fixed[0] % 8, fixed[1],
                       (uint16_t)(fixed[2] * 256 + fixed[3]), pattern,
                       (uint8_t)token_length);
    model_header(fixed, pattern, token_length);
}

static void run_option(coap2_writer *w, fuzz_input *in)
{
    uint16_t number = (uint16_t)fuzz_number(in, 2);
    size_t length = fuzz_number(in, 1);
    const uint8_t *value = fuzz_bytes(in, &length);

    coap2_write_opt(w, number, value, length);
    model_option(number, value, length);
}

/* A value from the pattern; with the highest bit of its length, room for it is
   taken first, and then filled. */
static void run_long_option(coap2_writer *w, fuzz_input *in)
{
    uint16_t number = (uint16_t)fuzz_number(in, 2);
    uint32_t bits = fuzz_number(in, 3);
    size_t length = bits % sizeof pattern;
    bool room = bits > 0x7FFFFFu;

    coap2_write_opt(w, number, room ? NULL : pattern, length);
    if (room && w->error == COAP2_OK) memcpy(w->value, pattern, length);
    model_option(number, pattern, length);
}

static void run_uint(coap2_writer *w, fuzz_input *in)
{
    uint16_t number = (uint16_t)fuzz_number(in, 2);
    uint32_t value = fuzz_number(in, 1 + fuzz_number(in, 1) % 4);

    coap2_write_uint(w, number, value);
    model_uint(number, value);
}

static void run_text(coap2_writer *w, fuzz_input *in)
{
    uint16_t number = (uint16_t)fuzz_number(in, 2);
    size_t length = fuzz_number(in, 1);
    const uint8_t *bytes = fuzz_bytes(in, &length);
    const uint8_t *end = (const uint8_t *)memchr(bytes, 0, length);
    char text[256];

    memcpy(text, bytes, length);
    text[length] = 0;
    coap2_write_text(w, number, text);
    model_option(number, bytes, end == NULL ? length : (size_t)(end - bytes));
}

static void run_block(coap2_writer *w, fuzz_input *in)
{
    uint16_t number = (uint16_t)fuzz_number(in, 2);
    unsigned bits = fuzz_number(in, 1);
    coap2_block block;

    block.number = fuzz_number(in, 3);
    block.szx = (uint8_t)(bits % 8);
    block.more = bits / 8 % 2 != 0;
    coap2_write_block(w, number, &block);
    model_block(number, block.number, block.szx, block.more);
}

/* A message has a payload or a body, which is a payload in pieces. */
static void run_payload(coap2_writer *w, fuzz_input *in)
{
    size_t length = fuzz_number(in, 2);

    if (m.body_length != 0) return;
    coap2_write_payload(w, pattern, length);
    model_payload(pattern, length);
}

/* A window is opened before the body begins. */
static void run_window(coap2_writer *w, fuzz_input *in)
{
    uint32_t at = fuzz_number(in, 2);
    size_t size = fuzz_number(in, 2);

    if (m.body_length != 0) return;
    coap2_write_window(w, at, size);
    m.windowed = true;
    m.window_at = at;
    m.window_size = size;
}

static void run_body(coap2_writer *w, fuzz_input *in)
{
    size_t length = fuzz_number(in, 2) % 2048;
    const uint8_t *bytes = pattern + (size_t)m.body_length % 4096;

    if (m.body_length == 0 && m.payload_length != 0) return;
    coap2_write_body(w, bytes, length);
    model_body(bytes, length);
}

static void run_call(coap2_writer *w, fuzz_input *in)
{
    switch (fuzz_number(in, 1) % 8) {
    case 0:
        run_option(w, in);
        break;
    case 1:
        run_long_option(w, in);
        break;
    case 2:
        run_uint(w, in);
        break;
    case 3:
        run_text(w, in);
        break;
    case 4:
        run_block(w, in);
        break;
    case 5:
        run_payload(w, in);
        break;
    case 6:
        run_window(w, in);
        break;
    default:
        run_body(w, in);
        break;
    }
}

/* ==== Comparing ========================================================== */

static void check_parse(const uint8_t *bytes, size_t length)
{
    coap2_msg msg;
    coap2_opt opt;
    size_t i;

    if (bytes[1] == COAP2_000_EMPTY && length > 4) return; /* 4.1 */
    FUZZ_CHECK(coap2_msg_parse(&msg, bytes, length) == COAP2_OK);
    opt = fuzz_options(&msg);
    for (i = 0; i < m.count; i++) {
        FUZZ_CHECK(coap2_opt_next(&opt));
        FUZZ_CHECK(opt.number == m.options[i].number);
        FUZZ_CHECK(fuzz_same(opt.value, opt.length, m.options[i].value,
                             m.options[i].length));
    }
    FUZZ_CHECK(!coap2_opt_next(&opt));
    FUZZ_CHECK(fuzz_same(msg.payload, msg.payload_length, m.payload,
                         m.payload_length));
}

static void check_result(const coap2_writer *w, const uint8_t *bytes)
{
    size_t length = coap2_write_end(w);

    FUZZ_CHECK(w->error == m.error);
    if (m.error != COAP2_OK) {
        FUZZ_CHECK(length == 0);
        return;
    }
    if (m.body_length != 0 || m.windowed) {
        FUZZ_CHECK(w->body_length == m.body_length);
        FUZZ_CHECK(coap2_write_more(w) == model_more());
    }
    FUZZ_CHECK(length == model_encode());
    FUZZ_CHECK(memcmp(bytes, encoded, length) == 0);
    check_parse(bytes, length);
}

/* A place in a body becomes a block, and the block is at that place. */
static void check_block_set(uint32_t at, uint8_t szx, bool more)
{
    coap2_block block;
    bool fits = szx <= 6 && at % (16u << szx % 8) == 0 &&
                at / (16u << szx % 8) <= 0xFFFFFu;

    memset(&block, 0, sizeof block);
    FUZZ_CHECK(coap2_block_set(&block, at, szx, more) ==
               (fits ? COAP2_OK : COAP2_ERR_ARG));
    if (!fits) return;
    FUZZ_CHECK(COAP2_BLOCK_AT(block) == at);
    FUZZ_CHECK(COAP2_BLOCK_SIZE(block) == 16u << szx);
    FUZZ_CHECK(block.more == more);
}

static void check_block_sets(const uint8_t *bytes, size_t length)
{
    fuzz_input in = {NULL, 0, 0};
    uint32_t at;
    uint8_t bits;

    in.bytes = bytes;
    in.length = length;
    at = fuzz_number(&in, 4);
    bits = (uint8_t)fuzz_number(&in, 1);
    check_block_set(at, bits / 2, bits % 2 != 0);
    check_block_set(at / 1024 * 1024, bits / 2 % 8, bits % 2 != 0);
}

static void model_start(size_t size)
{
    m.size = size;
    m.header_length = m.count = m.payload_length = 0;
    m.windowed = false;
    m.body_length = 0;
    m.error = COAP2_OK;
}

static void fuzz_one(const uint8_t *bytes, size_t length)
{
    fuzz_memory program = fuzz_copy(bytes, length), buffer;
    fuzz_input in = {NULL, 0, 0};
    coap2_writer w;
    unsigned calls;

    fill_pattern();
    in.bytes = program.bytes;
    in.length = length;
    model_start(fuzz_number(&in, 3) % sizeof pattern);
    buffer = fuzz_open(m.size);
    memset(&w, 0xA5, sizeof w); /* nothing may be left as it was */
    coap2_write_start(&w, buffer.bytes, m.size);
    run_header(&w, &in);
    for (calls = 0; calls < CALLS && !fuzz_at_end(&in); calls++)
        run_call(&w, &in);
    check_result(&w, buffer.bytes);
    check_block_sets(program.bytes, length);
    fuzz_close(&buffer);
    fuzz_close(&program);
}
