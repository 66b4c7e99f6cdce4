/* fuzz_message.c - a datagram from anywhere

   The input is the datagram. What the library makes of it is compared with a
   second parser that is slow and written differently; then every way to read
   the message is tried, and it is built again. */

#include "fuzz.h"

/* ==== A second opinion =================================================== */

typedef struct option {
    uint32_t number;
    size_t at;
    size_t length;
} option;

typedef struct message {
    const uint8_t *bytes;
    size_t length;
    option options[FUZZ_LONGEST];
    size_t count;
    size_t payload_at; /* 0: none */
} message;

static message second; /* too large for a stack */

static int byte_at(size_t at)
{
    return at < second.length ? second.bytes[at] : -1;
}

/* What a nibble and its extension stand for, or -1 (RFC 7252 3.1). */
static long extended(int nibble, size_t *at)
{
    int high, low;

    if (nibble == 15) return -1;
    if (nibble < 13) return nibble;
    high = nibble == 14 ? byte_at((*at)++) : 0;
    low = byte_at((*at)++);
    if (high < 0 || low < 0) return -1;
    return nibble == 13 ? low + 13L : high * 256L + low + 269L;
}

static bool read_options(size_t at)
{
    uint32_t number = 0;

    while (at < second.length && byte_at(at) != 0xFF) {
        int first = byte_at(at++);
        long delta = extended(first / 16, &at);
        long length = extended(first % 16, &at);
        option *o = &second.options[second.count++];

        if (delta < 0 || length < 0) return false;
        number += (uint32_t)delta;
        if (number > 65535u || at + (size_t)length > second.length)
            return false;
        o->number = number;
        o->at = at;
        o->length = (size_t)length;
        at += (size_t)length;
    }
    second.payload_at = at < second.length ? at + 1 : 0;
    return second.payload_at != second.length; /* a marker needs payload */
}

static coap2_result read_message(const uint8_t *bytes, size_t length)
{
    second.bytes = bytes;
    second.length = length;
    second.count = 0;
    second.payload_at = 0;
    if (length < 4) return COAP2_ERR_FORMAT;
    if (bytes[0] / 64 != 1) return COAP2_ERR_VERSION;
    if (bytes[1] == 0 && length != 4) return COAP2_ERR_FORMAT; /* 4.1 */
    if (bytes[0] % 16 > 8 || length < 4u + bytes[0] % 16u)
        return COAP2_ERR_FORMAT;
    return read_options(4u + bytes[0] % 16u) ? COAP2_OK : COAP2_ERR_FORMAT;
}

/* ==== The header and the payload ========================================= */

static void check_header(const coap2_msg *msg)
{
    const uint8_t *bytes = second.bytes;

    FUZZ_CHECK(msg->type == bytes[0] / 16 % 4);
    FUZZ_CHECK(msg->code == bytes[1]);
    FUZZ_CHECK(msg->id == bytes[2] * 256 + bytes[3]);
}

static void check_parts(const coap2_msg *msg)
{
    check_header(msg);
    FUZZ_CHECK(msg->token_length == second.bytes[0] % 16);
    FUZZ_CHECK(msg->token == second.bytes + 4);
    if (second.payload_at == 0) {
        FUZZ_CHECK(msg->payload_length == 0);
    } else {
        FUZZ_CHECK(msg->payload == second.bytes + second.payload_at);
        FUZZ_CHECK(msg->payload_length == second.length - second.payload_at);
    }
}

static void check_refusal(const coap2_msg *msg, coap2_result result)
{
    size_t fault_at = SIZE_MAX;

    FUZZ_CHECK(coap2_error_text(result) != NULL);
    if (second.length >= 4 && second.bytes[0] / 64 == 1) check_header(msg);
    FUZZ_CHECK(coap2_msg_why(second.bytes, second.length, &fault_at) != NULL);
    FUZZ_CHECK(fault_at <= second.length);
}

/* ==== Options ============================================================ */

static void check_uint(const coap2_opt *opt)
{
    uint32_t expected = 0, number = 0x5EEDF00Du;
    size_t i;

    for (i = 0; i < opt->length && opt->length <= 4; i++)
        expected = expected * 256u + opt->value[i];
    FUZZ_CHECK(coap2_opt_uint(opt, &number) == (opt->length <= 4));
    FUZZ_CHECK(number == (opt->length <= 4 ? expected : 0x5EEDF00Du));
}

/* Num, more and size out of the bits of RFC 7959 2.2. */
static void check_block(const coap2_opt *opt)
{
    coap2_block block;
    uint32_t number = 0;
    coap2_result result = coap2_block_read(&block, opt);

    if (opt->length > 3) {
        FUZZ_CHECK(result == COAP2_ERR_FORMAT);
        return;
    }
    FUZZ_CHECK(coap2_opt_uint(opt, &number));
    FUZZ_CHECK(result == (number % 8 == 7 ? COAP2_ERR_FORMAT : COAP2_OK));
    if (result != COAP2_OK) return;
    FUZZ_CHECK(block.number == number / 16);
    FUZZ_CHECK(block.more == (number / 8 % 2 == 1));
    FUZZ_CHECK(block.szx == number % 8);
    FUZZ_CHECK(COAP2_BLOCK_SIZE(block) == 1u << (number % 8 + 4));
    FUZZ_CHECK(COAP2_BLOCK_AT(block) / COAP2_BLOCK_SIZE(block) == number / 16);
}

/* A text equals the value; one letter more, less or other does not. */
static void check_text(const coap2_opt *opt)
{
    char text[300];
    size_t length = opt->length;

    if (length + 2 > sizeof text) return;
    memcpy(text, opt->value, length);
    text[length] = 0;
    FUZZ_CHECK(coap2_opt_is(opt, text) == (strlen(text) == length));
    text[length] = 'x';
    text[length + 1] = 0;
    FUZZ_CHECK(!coap2_opt_is(opt, text));
    if (length == 0) return;
    text[length - 1] = (char)(text[length - 1] ^ 1);
    text[length] = 0;
    FUZZ_CHECK(!coap2_opt_is(opt, text));
    text[length - 1] = 0;
    FUZZ_CHECK(!coap2_opt_is(opt, text));
}

static void check_known(uint16_t number)
{
    coap2_opt_form form;

    if (!coap2_opt_known(number, &form)) return;
    FUZZ_CHECK(form.number == number);
    FUZZ_CHECK(form.min <= form.max);
    FUZZ_CHECK(form.kind <= COAP2_EMPTY);
    FUZZ_CHECK(coap2_opt_name(COAP2_001_GET, number) != NULL);
}

/* The first option of a number is found, and the walk goes on behind it. */
static void check_find(const coap2_msg *msg, size_t i)
{
    const option *o = &second.options[i];
    coap2_opt opt;

    FUZZ_CHECK(coap2_msg_find(msg, (uint16_t)o->number, &opt));
    FUZZ_CHECK(opt.value == second.bytes + o->at && opt.length == o->length);
    FUZZ_CHECK(coap2_opt_next(&opt) == (i + 1 < second.count));
    if (i + 1 < second.count) FUZZ_CHECK(opt.number == o[1].number);
}

static bool has_number(uint32_t number)
{
    size_t i;

    for (i = 0; i < second.count; i++)
        if (second.options[i].number == number) return true;
    return false;
}

static void check_finds(const coap2_msg *msg)
{
    static const uint16_t numbers[] = {0, 11, 267, 300, 65535};
    size_t i, tried = 0;
    coap2_opt opt;

    for (i = 0; i < second.count && tried < 32; i++) {
        if (i > 0 && second.options[i].number == second.options[i - 1].number)
            continue;
        check_find(msg, i);
        tried++;
    }
    for (i = 0; i < sizeof numbers / sizeof *numbers; i++)
        FUZZ_CHECK(coap2_msg_find(msg, numbers[i], &opt) ==
                   has_number(numbers[i]));
}

static void check_options(const coap2_msg *msg)
{
    coap2_opt opt = fuzz_options(msg);
    size_t i;

    for (i = 0; i < second.count; i++) {
        FUZZ_CHECK(coap2_opt_next(&opt));
        FUZZ_CHECK(opt.number == second.options[i].number);
        FUZZ_CHECK(opt.value == second.bytes + second.options[i].at);
        FUZZ_CHECK(opt.length == second.options[i].length);
        check_uint(&opt);
        check_block(&opt);
        check_text(&opt);
        check_known(opt.number);
    }
    FUZZ_CHECK(!coap2_opt_next(&opt));
}

/* ==== Texts ============================================================== */

/* A name is NULL or a text with something in it that ends. */
static void check_name(const char *name)
{
    if (name != NULL) FUZZ_CHECK(name[0] != 0 && strlen(name) < 80);
}

static void check_names(const coap2_msg *msg)
{
    size_t i;

    FUZZ_CHECK(coap2_type_name(msg->type) != NULL);
    check_name(coap2_type_name(msg->code));
    check_name(coap2_code_name(msg->code));
    check_name(coap2_format_name(msg->id));
    for (i = 0; i < second.count && i < 32; i++)
        check_name(
            coap2_opt_name(msg->code, (uint16_t)second.options[i].number));
}

/* ==== And back =========================================================== */

static void build(coap2_writer *w, const coap2_msg *msg)
{
    coap2_opt opt;

    coap2_write_header(w, msg->type, msg->code, msg->id, msg->token,
                       msg->token_length);
    for (opt = fuzz_options(msg); coap2_opt_next(&opt);)
        coap2_write_opt(w, opt.number, opt.value, opt.length);
    coap2_write_payload(w, msg->payload, msg->payload_length);
}

/* A message has one encoding only, so the same bytes come back, and they fit
   exactly. */
static void check_build(const coap2_msg *msg)
{
    fuzz_memory exact = fuzz_open(second.length);
    fuzz_memory tight = fuzz_open(second.length - 1);
    coap2_writer w;

    coap2_write_start(&w, exact.bytes, exact.size);
    build(&w, msg);
    FUZZ_CHECK(w.error == COAP2_OK);
    FUZZ_CHECK(coap2_write_end(&w) == second.length);
    FUZZ_CHECK(memcmp(exact.bytes, second.bytes, second.length) == 0);

    coap2_write_start(&w, tight.bytes, tight.size);
    build(&w, msg);
    FUZZ_CHECK(w.error == COAP2_ERR_SPACE);
    FUZZ_CHECK(coap2_write_end(&w) == 0);
    fuzz_close(&exact);
    fuzz_close(&tight);
}

static void fuzz_one(const uint8_t *bytes, size_t length)
{
    fuzz_memory input = fuzz_copy(bytes, length);
    coap2_result expected = read_message(input.bytes, length);
    coap2_result result;
    size_t fault_at;
    coap2_msg msg;

    memset(&msg, 0xA5, sizeof msg);
    result = coap2_msg_parse(&msg, input.bytes, length);
    FUZZ_CHECK(result == expected);
    if (result != COAP2_OK) {
        check_refusal(&msg, result);
    } else {
        check_parts(&msg);
        check_options(&msg);
        check_finds(&msg);
        check_names(&msg);
        check_build(&msg);
        FUZZ_CHECK(coap2_msg_why(input.bytes, length, &fault_at) == NULL);
    }
    fuzz_close(&input);
}
