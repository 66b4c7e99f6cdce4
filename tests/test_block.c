/* The value of a Block option (RFC 7959 2.2). */
#include "guard.h"
#define COAP2_IMPLEMENTATION
#include "../coap2.h"
#include "harness.h"

typedef struct block_row {
    uint8_t length, value[5];
    uint32_t number;
    uint8_t szx;
    bool more, minimal; /* as the writer writes it */
} block_row;

static const block_row rows[] TEST_FLASH = {
    {0, {0}, 0, 0, false, true}, /* RIOT 66fe083d9b: 0 bytes, no garbage */
    {1, {0x00}, 0, 0, false, false},
    {1, {0x08}, 0, 0, true, true},
    {1, {0x06}, 0, 6, false, true},
    {1, {0x0e}, 0, 6, true, true},
    {1, {0x10}, 1, 0, false, true},
    {1, {0x1e}, 1, 6, true, true},
    {1, {0x33}, 3, 3, false, true}, /* block 3 of 128 bytes: 3/0/128 */
    {1, {0xf5}, 15, 5, false, true},
    {2, {0x00, 0x0e}, 0, 6, true, false},
    {2, {0x01, 0x00}, 16, 0, false, true},
    {2, {0x02, 0xca}, 44, 2, true, true}, /* RFC 7959 3.1: 2:44/1/64 */
    {2, {0xff, 0xfe}, 4095, 6, true, true},
    {3, {0x00, 0x00, 0x06}, 0, 6, false, false},
    {3, {0x00, 0x00, 0x08}, 0, 0, true, false}, /* libcoap#1509 */
    {3, {0x01, 0x00, 0x00}, 4096, 0, false, true},
    {3, {0xff, 0xff, 0xf0}, 1048575, 0, false, true},
    {3, {0xff, 0xff, 0xfe}, 1048575, 6, true, true}, /* contiki-ng#425 */
};

static coap2_opt opt_of(const uint8_t *value, size_t length)
{
    coap2_opt o;

    o.value = guard_end(value, length);
    o.length = length;
    o.end = o.value + length;
    o.number = COAP2_OPT_BLOCK2;
    return o;
}

static void values_read(void)
{
    unsigned i;

    for (i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        block_row r;
        coap2_block b = {0, false, 0};
        coap2_opt o;

        test_row = i + 1;
        TEST_FETCH(&r, &rows[i]);
        o = opt_of(r.value, r.length);
        CHECK_EQ(coap2_block_read(&b, &o), COAP2_OK);
        CHECK_EQ(b.number, r.number);
        CHECK_EQ(b.szx, r.szx);
        CHECK(b.more == r.more);
        CHECK_EQ(COAP2_BLOCK_SIZE(b), 16UL << r.szx);
        CHECK_EQ(COAP2_BLOCK_AT(b), r.number * (16UL << r.szx));
    }
}

static void values_written(void)
{
    unsigned i;

    for (i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        block_row r;
        coap2_block b;
        uint8_t buffer[12];
        coap2_writer w;

        TEST_FETCH(&r, &rows[i]);
        if (!r.minimal) continue;
        test_row = i + 1;
        b.number = r.number;
        b.szx = r.szx;
        b.more = r.more;
        coap2_write_start(&w, buffer, sizeof buffer);
        coap2_write_header(&w, COAP2_ACK, COAP2_205_CONTENT, 1, NULL, 0);
        coap2_write_block(&w, COAP2_OPT_BLOCK2, &b);
        CHECK_EQ(coap2_write_end(&w), 6u + r.length);
        CHECK_EQ(buffer[4], 0xd0 + r.length);
        CHECK_BYTES(buffer + 6, r.length, r.value, r.length);
    }
}

/* SZX 7 is reserved (RFC 7959 2.2; zephyr PR#118206); four bytes and more are
   not a Block value (2.1; libcoap c16918df, GHSA-8365-gj33-rgpf). */
static void values_refused(void)
{
    static const uint8_t four[] = {0, 0, 0, 0x06, 0};
    static const uint8_t huge[] = {0xff, 0xff, 0xff, 0xfe};
    coap2_block b;
    coap2_opt o;
    unsigned value;

    for (value = 7; value < 256; value += 8) {
        uint8_t byte = (uint8_t)value;

        test_row = value;
        o = opt_of(&byte, 1);
        CHECK(coap2_block_read(&b, &o) == COAP2_ERR_FORMAT);
    }
    o = opt_of((const uint8_t *)"\xff\xff\xff", 3);
    CHECK(coap2_block_read(&b, &o) == COAP2_ERR_FORMAT);
    o = opt_of(four, 4);
    CHECK(coap2_block_read(&b, &o) == COAP2_ERR_FORMAT);
    o = opt_of(four, 5);
    CHECK(coap2_block_read(&b, &o) == COAP2_ERR_FORMAT);
    o = opt_of(huge, 4);
    CHECK(coap2_block_read(&b, &o) == COAP2_ERR_FORMAT);
}

static void blocks_set(void)
{
    coap2_block b;
    uint8_t szx;

    for (szx = 0; szx <= 6; szx++) {
        uint32_t size = (uint32_t)16 << szx, last = size * 1048575u;

        test_row = szx + 1u;
        CHECK_EQ(coap2_block_set(&b, 0, szx, true), COAP2_OK);
        CHECK(b.number == 0 && b.szx == szx && b.more);
        CHECK_EQ(coap2_block_set(&b, 3 * size, szx, false), COAP2_OK);
        CHECK(b.number == 3 && b.szx == szx && !b.more);
        CHECK_EQ(coap2_block_set(&b, last, szx, true), COAP2_OK);
        CHECK_EQ(b.number, 1048575);
        CHECK_EQ(COAP2_BLOCK_AT(b), last);
        CHECK(coap2_block_set(&b, 1, szx, true) == COAP2_ERR_ARG);
        CHECK(coap2_block_set(&b, size - 1, szx, true) == COAP2_ERR_ARG);
        CHECK(coap2_block_set(&b, size + 8, szx, true) == COAP2_ERR_ARG);
        if (szx == 6) continue; /* 2^32 is next */
        CHECK(coap2_block_set(&b, last + size, szx, true) == COAP2_ERR_ARG);
    }
    CHECK(coap2_block_set(&b, 0, 7, true) == COAP2_ERR_ARG);
    CHECK(coap2_block_set(&b, 0, 255, true) == COAP2_ERR_ARG);
    CHECK(coap2_block_set(&b, 4294967295u, 6, true) == COAP2_ERR_ARG);
    /* RIOT 69def2758: a smaller size changes the number with it */
    CHECK_EQ(coap2_block_set(&b, 256 * 3, 2, true), COAP2_OK);
    CHECK_EQ(b.number, 12);
}

/* A block that cannot be said is an error that stays. */
static void unsayable_blocks(void)
{
    uint8_t buffer[16];
    coap2_writer w;
    coap2_block b = {1048576u, 0, false};

    coap2_write_start(&w, buffer, sizeof buffer);
    coap2_write_header(&w, COAP2_CON, COAP2_001_GET, 1, NULL, 0);
    coap2_write_block(&w, COAP2_OPT_BLOCK1, &b);
    CHECK(w.error == COAP2_ERR_ARG);
    CHECK_EQ(coap2_write_end(&w), 0);
    b.number = 0;
    b.szx = 7;
    coap2_write_start(&w, buffer, sizeof buffer);
    coap2_write_header(&w, COAP2_CON, COAP2_001_GET, 1, NULL, 0);
    coap2_write_block(&w, COAP2_OPT_BLOCK1, &b);
    CHECK(w.error == COAP2_ERR_ARG);
}

int main(void)
{
    RUN("RFC 7959 2.2: values read", values_read);
    RUN("RFC 7959 2.2, 7252 3.2: values written", values_written);
    RUN("RFC 7959 2.1, 2.2: values refused", values_refused);
    RUN("RFC 7959 2.2: blocks set from their place", blocks_set);
    RUN("RFC 7959 2.2: blocks that cannot be said", unsayable_blocks);
    return test_end();
}
