/* Writing a message: canonical bytes in any order of calls, never one byte
   outside the buffer, errors that stay (RFC 7252 3). */
#include "guard.h"
#define COAP2_IMPLEMENTATION
#include "../coap2.h"
#include "vectors.h"

#ifdef __AVR__
enum { ROOM = 120, SMALL_ONES = 0 };
#else
enum { ROOM = 2048, SMALL_ONES = 1 };
#endif

enum { CANARY = 0xa5, FENCE = 8 };

/* A buffer of any size with fences before and behind it. */
static uint8_t fenced[FENCE + ROOM + FENCE];

static uint8_t *fence(size_t size)
{
    memset(fenced, CANARY, FENCE + size + FENCE);
    return fenced + FENCE;
}

static int fence_holds(size_t size)
{
    unsigned i, hurt = 0;

    for (i = 0; i < FENCE; i++) {
        hurt += fenced[i] != CANARY;
        hurt += fenced[FENCE + size + i] != CANARY;
    }
    return hurt == 0;
}

/* ---- an encoder of our own, slow and plain, to compare with ------------- */

typedef struct item {
    uint16_t number;
    uint16_t length;
    uint8_t fill; /* each byte of the value */
} item;

static size_t plain_nibble(size_t value, uint8_t *ext, size_t *n)
{
    if (value < 13) return value;
    if (value < 269) {
        ext[(*n)++] = (uint8_t)(value - 13);
        return 13;
    }
    ext[(*n)++] = (uint8_t)((value - 269) / 256);
    ext[(*n)++] = (uint8_t)((value - 269) % 256);
    return 14;
}

static size_t plain_option(uint8_t *to, size_t delta, const item *o)
{
    uint8_t ext[4];
    size_t n = 0, high = plain_nibble(delta, ext, &n);
    size_t low = plain_nibble(o->length, ext, &n);

    to[0] = (uint8_t)(high * 16 + low);
    memcpy(to + 1, ext, n);
    memset(to + 1 + n, o->fill, o->length);
    return 1 + n + o->length;
}

/* Encode the options by number, those of one number as they stand. */
static size_t plain_options(uint8_t *to, const item *items, unsigned count)
{
    size_t n = 0;
    uint32_t number;
    uint16_t last = 0;
    unsigned i;

    for (number = 0; number < 65536u; number++) {
        uint32_t next = 65536u;

        for (i = 0; i < count; i++) {
            if (items[i].number >= number && items[i].number < next) {
                next = items[i].number;
            }
        }
        number = next;
        for (i = 0; i < count; i++) {
            if (items[i].number != number) continue;
            n += plain_option(to + n, (size_t)(number - last), &items[i]);
            last = (uint16_t)number;
        }
    }
    return n;
}

static void start(coap2_writer *w, size_t size)
{
    coap2_write_start(w, fence(size), size);
    coap2_write_header(w, COAP2_CON, COAP2_001_GET, 0x1234, NULL, 0);
}

static void write_item(coap2_writer *w, const item *o)
{
    static uint8_t value[300];

    memset(value, o->fill, o->length);
    coap2_write_opt(w, o->number, value, o->length);
}

/* ---- vectors ------------------------------------------------------------ */

/* Write again what was read, into a buffer of this size. */
static size_t write_again(coap2_writer *w, const coap2_msg *m, size_t size)
{
    coap2_opt o;

    o = m->options;
    coap2_write_start(w, fence(size), size);
    coap2_write_header(w, m->type, m->code, m->id, m->token, m->token_length);
    while (coap2_opt_next(&o)) {
        coap2_write_opt(w, o.number, o.value, o.length);
    }
    coap2_write_payload(w, m->payload, m->payload_length);
    return coap2_write_end(w);
}

static void vectors_come_back(void)
{
    uint8_t bytes[VECTOR_MAX];
    int i;

    for (i = 0; i < VECTORS; i++) {
        size_t n = vector_bytes(i, bytes);
        coap2_msg m;
        coap2_writer w;

        test_row = (unsigned)i + 1;
        CHECK_EQ(coap2_msg_parse(&m, bytes, n), COAP2_OK);
        CHECK_EQ(write_again(&w, &m, ROOM), n);
        CHECK_BYTES(fenced + FENCE, coap2_write_end(&w), bytes, n);
        CHECK(fence_holds(ROOM));
        CHECK_EQ(write_again(&w, &m, n), n);
        CHECK_BYTES(fenced + FENCE, coap2_write_end(&w), bytes, n);
        CHECK(fence_holds(n));
    }
}

/* Every size below the exact one is an error, and no byte goes outside. */
static void vectors_do_not_fit(void)
{
    uint8_t bytes[VECTOR_MAX];
    int i;

    for (i = 0; i < VECTORS; i++) {
        size_t n = vector_bytes(i, bytes), size;
        coap2_msg m;
        coap2_writer w;

        test_row = (unsigned)i + 1;
        CHECK_EQ(coap2_msg_parse(&m, bytes, n), COAP2_OK);
        for (size = 0; size < n; size++) {
            CHECK_EQ(write_again(&w, &m, size), 0);
            CHECK(w.error == COAP2_ERR_SPACE);
            CHECK(fence_holds(size));
        }
    }
}

/* The other workload, call by call (B1), with the helpers of the manual. */
static void b1_by_hand(void)
{
    static const uint8_t token[] = {0xde, 0xad, 0xbe, 0xef};
    static const uint8_t etag[] = {1, 2, 3, 4};
    uint8_t want[VECTOR_MAX];
    size_t n = vector_bytes(23, want);
    coap2_writer w;

    CHECK_EQ(n, 50);
    coap2_write_start(&w, fence(50), 50);
    coap2_write_header(&w, COAP2_ACK, COAP2_205_CONTENT, 0x1234, token, 4);
    coap2_write_opt(&w, COAP2_OPT_ETAG, etag, 4);
    coap2_write_uint(&w, COAP2_OPT_CONTENT_FORMAT, COAP2_FORMAT_JSON);
    coap2_write_uint(&w, COAP2_OPT_MAX_AGE, 60);
    coap2_write_payload(&w, want + 18, 32);
    CHECK_BYTES(fenced + FENCE, coap2_write_end(&w), want, n);
    CHECK(fence_holds(50));
}

/* ---- any order ---------------------------------------------------------- */

enum { ITEMS = 5, SETS = 8 };

/* Numbers so that each insertion changes the head behind it: deltas of 12
   and 13, 268 and 269, and their sums; equal numbers keep their order. */
static const item sets[SETS][ITEMS] TEST_FLASH = {
    {{12, 1, 'a'}, {13, 1, 'b'}, {25, 1, 'c'}, {26, 1, 'd'}, {39, 1, 'e'}},
    {{1, 0, 'a'}, {13, 0, 'b'}, {14, 0, 'c'}, {27, 0, 'd'}, {28, 0, 'e'}},
    {{268, 1, 'a'}, {269, 2, 'b'}, {537, 3, 'c'}, {538, 4, 'd'}, {807, 5, 'e'}},
    {{0, 0, 'a'}, {1, 3, 'b'}, {269, 2, 'c'}, {270, 1, 'd'}, {539, 0, 'e'}},
    {{12, 12, 'a'},
     {280, 13, 'b'},
     {281, 0, 'c'},
     {550, 1, 'd'},
     {563, 2, 'e'}},
    {{11, 1, 'a'}, {11, 2, 'b'}, {11, 0, 'c'}, {15, 1, 'd'}, {3, 4, 'e'}},
    {{60, 1, 'a'}, {60, 1, 'b'}, {60, 1, 'c'}, {60, 1, 'd'}, {60, 1, 'e'}},
    {{65535, 2, 'a'},
     {65534, 1, 'b'},
     {65266, 0, 'c'},
     {0, 1, 'd'},
     {300, 9, 'e'}},
};

/* The next order of five; false after the last of the 120. */
static int next_order(uint8_t *order)
{
    int i = ITEMS - 2, k = ITEMS - 1, low;
    uint8_t keep;

    while (i >= 0 && order[i] > order[i + 1]) i--;
    if (i < 0) return 0;
    while (order[k] < order[i]) k--;
    keep = order[i];
    order[i] = order[k];
    order[k] = keep;
    for (low = i + 1, k = ITEMS - 1; low < k; low++, k--) {
        keep = order[low];
        order[low] = order[k];
        order[k] = keep;
    }
    return 1;
}

/* Write the items, and a payload in two parts before two of them. */
static size_t write_mixed(coap2_writer *w, const item *items, int paid,
                          size_t size)
{
    int i;

    start(w, size);
    for (i = 0; i < ITEMS; i++) {
        if (i == paid) coap2_write_payload(w, "\xffpay", 4);
        if (i == paid + 1) coap2_write_payload(w, "load", 4);
        write_item(w, &items[i]);
    }
    if (paid == ITEMS) coap2_write_payload(w, "\xffpay", 4);
    if (paid >= ITEMS - 1) coap2_write_payload(w, "load", 4);
    return coap2_write_end(w);
}

static void check_order(const item *items, const uint8_t *want, size_t n)
{
    int paid;
    coap2_writer w;

    for (paid = 0; paid <= ITEMS; paid++) {
        size_t got = write_mixed(&w, items, paid, n);

        CHECK_BYTES(fenced + FENCE, got, want, n);
        CHECK(fence_holds(n));
        CHECK_EQ(write_mixed(&w, items, paid, n - 1), 0);
        CHECK(w.error == COAP2_ERR_SPACE && fence_holds(n - 1));
    }
}

/* Every size that is too small, with all the calls that follow the error. */
static void check_small(const item *items, size_t n)
{
    unsigned bad = 0;
    size_t size;
    int paid;
    coap2_writer w;

    for (size = 0; size < n; size++) {
        for (paid = 0; paid <= ITEMS; paid += size % 2 ? 1 : ITEMS) {
            bad += write_mixed(&w, items, paid, size) != 0;
            bad += w.error != COAP2_ERR_SPACE || !fence_holds(size);
        }
    }
    CHECK_EQ(bad, 0);
}

static void any_order(void)
{
    unsigned set;

    for (set = 0; set < SETS; set++) {
        uint8_t order[ITEMS] = {0, 1, 2, 3, 4};
        item all[ITEMS], items[ITEMS];

        test_row = set + 1;
        TEST_FETCH(&all, &sets[set]);
        do {
            uint8_t want[4 + 96];
            size_t n = bytes_of("40011234", want);
            int i;

            for (i = 0; i < ITEMS; i++) items[i] = all[order[i]];
            n += plain_options(want + n, items, ITEMS);
            memcpy(want + n, "\xff\xffpayload", 9);
            check_order(items, want, n + 9);
            if (SMALL_ONES || order[0] == 4) check_small(items, n + 9);
        } while (next_order(order));
    }
}

#if !defined(__AVR__)

/* Random options of random lengths, and payload somewhere among them. */
static void random_orders(void)
{
    static const uint16_t spread[] = {3, 16, 40, 300, 1000, 65535};
    static uint8_t want[ROOM];
    uint32_t seed = 7;
    unsigned round;

    for (round = 0; round < 3000; round++) {
        item items[ITEMS];
        size_t n = bytes_of("40011234", want);
        coap2_writer w;
        int i;

        for (i = 0; i < ITEMS; i++) {
            seed = seed * 1664525u + 1013904223u;
            items[i].number = (uint16_t)((seed >> 8) % spread[round % 6]);
            seed = seed * 1664525u + 1013904223u;
            items[i].length = (uint16_t)((seed >> 8) % (round % 7 ? 20 : 290));
            items[i].fill = (uint8_t)(seed >> 24);
        }
        test_row = round + 1;
        n += plain_options(want + n, items, ITEMS);
        memcpy(want + n, "\xff\xffpayload", 9);
        CHECK_BYTES(fenced + FENCE,
                    write_mixed(&w, items, (int)(round % 6), n + 9), want,
                    n + 9);
        CHECK(fence_holds(n + 9));
        CHECK_EQ(write_mixed(&w, items, (int)(round % 6), n + 8), 0);
        CHECK(fence_holds(n + 8));
    }
}

/* Lengths at each step of the encoding; one byte more than CoAP can say. */
static void longest_values(void)
{
    static const size_t lengths[] = {268, 269, 65535, 65804};
    static uint8_t value[65805], buffer[65804 + 16];
    coap2_writer w;
    unsigned i;

    for (i = 0; i < sizeof lengths / sizeof lengths[0]; i++) {
        size_t n = lengths[i], head = n < 269 ? 2 : 3;
        coap2_msg m;
        coap2_opt o;

        test_row = i + 1;
        memset(value, 'v', sizeof value);
        coap2_write_start(&w, buffer, 4 + head + n);
        coap2_write_header(&w, 0, 1, 0, NULL, 0);
        coap2_write_opt(&w, COAP2_OPT_URI_PATH, value, n);
        CHECK_EQ(coap2_write_end(&w), 4 + head + n);
        CHECK_EQ(coap2_msg_parse(&m, buffer, coap2_write_end(&w)), COAP2_OK);
        CHECK(coap2_msg_find(&m, COAP2_OPT_URI_PATH, &o));
        CHECK_BYTES(o.value, o.length, value, n);
        coap2_write_start(&w, buffer, 3 + head + n);
        coap2_write_header(&w, 0, 1, 0, NULL, 0);
        coap2_write_opt(&w, COAP2_OPT_URI_PATH, value, n);
        CHECK_EQ(coap2_write_end(&w), 0);
        CHECK(w.error == COAP2_ERR_SPACE);
    }
    coap2_write_start(&w, buffer, sizeof buffer);
    coap2_write_header(&w, 0, 1, 0, NULL, 0);
    coap2_write_opt(&w, COAP2_OPT_URI_PATH, value, 65805);
    CHECK(w.error == COAP2_ERR_ARG);
    CHECK_EQ(coap2_write_end(&w), 0);
    coap2_write_opt(&w, COAP2_OPT_URI_PATH, value, (size_t)-1);
    CHECK(w.error == COAP2_ERR_ARG);
}

/* Sums near the end of size_t do not wrap (mbed#11803, CVE-2019-17211). */
static void sums_do_not_wrap(void)
{
    coap2_writer w;

    start(&w, 16);
    coap2_write_payload(&w, "x", 1);
    coap2_write_payload(&w, "x", (size_t)-1);
    CHECK(w.error == COAP2_ERR_SPACE && fence_holds(16));
    start(&w, 16);
    coap2_write_payload(&w, "x", (size_t)-4);
    CHECK(w.error == COAP2_ERR_SPACE && fence_holds(16));
    start(&w, 16);
    coap2_write_window(&w, 0, (size_t)-1);
    coap2_write_body(&w, "x", 1);
    CHECK(w.error == COAP2_ERR_SPACE || coap2_write_end(&w) == 6);
    CHECK(fence_holds(16));
}

#endif

/* ---- numbers ------------------------------------------------------------ */

typedef struct number_row {
    uint32_t number;
    char notation[12]; /* of the option alone */
} number_row;

/* zephyr append_option_int: 255, 65535 and 0xffffff were not minimal. */
static const number_row numbers[] TEST_FLASH = {
    {0, "e0"},
    {1, "e101"},
    {255, "e1ff"},
    {256, "e20100"},
    {65535u, "e2ffff"},
    {65536u, "e3010000"},
    {0xffffffu, "e3ffffff"},
    {0x1000000u, "e401000000"},
    {0x12345678u, "e412345678"},
    {4294967295u, "e4ffffffff"},
};

static void numbers_are_minimal(void)
{
    unsigned i;

    for (i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
        number_row r;
        uint8_t want[8];
        size_t n;
        coap2_writer w;

        test_row = i + 1;
        TEST_FETCH(&r, &numbers[i]);
        n = bytes_of(r.notation, want);
        want[0] = (uint8_t)(0xc0 | (want[0] & 15)); /* delta 12 */
        start(&w, 4 + n);
        coap2_write_uint(&w, COAP2_OPT_CONTENT_FORMAT, r.number);
        CHECK_BYTES(fenced + FENCE + 4, coap2_write_end(&w) - 4, want, n);
        CHECK_EQ(coap2_write_end(&w), 4 + n);
        CHECK(fence_holds(4 + n));
    }
}

static void texts_without_their_nul(void)
{
    static const uint8_t want[] = {0xb4, 't', 'e', 'm', 'p', 0x00};
    coap2_writer w;

    start(&w, 10);
    coap2_write_text(&w, COAP2_OPT_URI_PATH, "temp");
    coap2_write_text(&w, COAP2_OPT_URI_PATH, "");
    CHECK_BYTES(fenced + FENCE + 4, coap2_write_end(&w) - 4, want, 6);
}

/* ---- payload ------------------------------------------------------------ */

static void no_marker_without_payload(void)
{
    coap2_writer w;

    start(&w, 5);
    coap2_write_payload(&w, "", 0);
    coap2_write_payload(&w, NULL, 0);
    CHECK_EQ(coap2_write_end(&w), 4);
    coap2_write_payload(&w, "x", 1); /* marker and a byte: six */
    CHECK(w.error == COAP2_ERR_SPACE);
    CHECK(fence_holds(5));
    start(&w, 6);
    coap2_write_body(&w, "", 0);
    CHECK_EQ(coap2_write_end(&w), 4);
    coap2_write_payload(&w, "", 0);
    coap2_write_payload(&w, "x", 1);
    coap2_write_payload(&w, "", 0);
    CHECK_BYTES(fenced + FENCE + 4, coap2_write_end(&w) - 4, "\xffx", 2);
}

/* cantcoap: an option after the payload landed behind it. RIOT, zephyr
   insert_be16: an insertion shifts what stands behind. */
static void options_after_payload(void)
{
    uint8_t want[24];
    size_t n = bytes_of("40011234 c0 d400 'abcd' ff'payload'", want);
    coap2_writer w;

    start(&w, n);
    coap2_write_payload(&w, "pay", 3);
    coap2_write_opt(&w, 25, "abcd", 4);
    coap2_write_payload(&w, "load", 4);
    coap2_write_opt(&w, 12, NULL, 0);
    CHECK_BYTES(fenced + FENCE, coap2_write_end(&w), want, n);
    CHECK(fence_holds(n));
}

/* ---- errors ------------------------------------------------------------- */

static void tokens_over_eight_bytes(void)
{
    uint8_t token[16] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16};
    coap2_writer w;
    unsigned n;

    for (n = 0; n < 256; n++) {
        test_row = n + 1;
        coap2_write_start(&w, fence(32), 32);
        coap2_write_header(&w, COAP2_NON, COAP2_002_POST, 0xfeff, token,
                           (uint8_t)n);
        CHECK(w.error == (n <= 8 ? COAP2_OK : COAP2_ERR_ARG));
        CHECK_EQ(coap2_write_end(&w), n <= 8 ? 4 + n : 0);
        if (n > 8) continue;
        CHECK_EQ(fenced[FENCE], 0x50 + n);
        CHECK_BYTES(fenced + FENCE + 1, 3, "\x02\xfe\xff", 3);
        CHECK_BYTES(fenced + FENCE + 4, n, token, n);
    }
}

/* The first error stays, whatever follows, and nothing more is written. */
static void errors_stay(void)
{
    coap2_writer w;

    coap2_write_start(&w, fence(3), 3);
    coap2_write_header(&w, COAP2_CON, COAP2_001_GET, 1, NULL, 0);
    CHECK(w.error == COAP2_ERR_SPACE);
    coap2_write_header(&w, COAP2_CON, COAP2_001_GET, 1, NULL, 9);
    coap2_write_opt(&w, 1, NULL, 0);
    coap2_write_uint(&w, 1, 0);
    coap2_write_text(&w, 1, "");
    coap2_write_payload(&w, "", 0);
    coap2_write_window(&w, 0, 0);
    coap2_write_body(&w, "", 0);
    CHECK(w.error == COAP2_ERR_SPACE);
    CHECK_EQ(coap2_write_end(&w), 0);
    CHECK(fence_holds(3));
}

/* What did not fit does not come back by something smaller. */
static void errors_stay_in_the_middle(void)
{
    coap2_writer w;

    start(&w, 12);
    coap2_write_text(&w, COAP2_OPT_URI_PATH, "temp");
    coap2_write_text(&w, COAP2_OPT_URI_HOST, "node1");
    CHECK(w.error == COAP2_ERR_SPACE);
    coap2_write_text(&w, COAP2_OPT_URI_PATH, "");
    coap2_write_payload(&w, "x", 1);
    coap2_write_body(&w, "x", 1);
    CHECK(w.error == COAP2_ERR_SPACE);
    CHECK_EQ(coap2_write_end(&w), 0);
    CHECK(fence_holds(12));
}

static void no_buffer_at_all(void)
{
    coap2_writer w;

    coap2_write_start(&w, NULL, 0);
    CHECK_EQ(coap2_write_end(&w), 0);
    coap2_write_header(&w, COAP2_CON, COAP2_001_GET, 1, NULL, 0);
    CHECK(w.error == COAP2_ERR_SPACE);
}

/* ---- bodies and their windows (RFC 7959 2.4) ---------------------------- */

#define BODY ((size_t)40)

static const char body[BODY + 1] = "0123456789abcdefghijABCDEFGHIJ!#$&()*+,-";

/* Write the body in pieces of one size through a window. */
static size_t write_pieces(coap2_writer *w, uint32_t at, size_t size,
                           size_t piece)
{
    size_t done;

    start(w, 5 + size + 2);
    coap2_write_window(w, at, size);
    for (done = 0; done < BODY; done += piece) {
        coap2_write_body(w, body + done,
                         BODY - done < piece ? BODY - done : piece);
    }
    return coap2_write_end(w);
}

/* Is it the slice of the body, with a marker if there is any? */
static int is_slice(const coap2_writer *w, uint32_t at, size_t size)
{
    size_t from = at < BODY ? (size_t)at : BODY;
    size_t kept = BODY - from < size ? BODY - from : size;
    const uint8_t *bytes = fenced + FENCE;

    if (w->body_length != BODY) return 0;
    if (coap2_write_more(w) != (from + kept < BODY)) return 0;
    if (coap2_write_end(w) != (kept == 0 ? 4 : 5 + kept)) return 0;
    if (kept == 0) return 1;
    return bytes[4] == 0xff && memcmp(bytes + 5, body + from, kept) == 0;
}

static void any_window_any_pieces(void)
{
    uint32_t at;
    size_t size, piece;
    coap2_writer w;

    for (at = 0; at <= BODY + 2; at++) {
        test_row = (unsigned)at + 1;
        for (size = 1; size <= BODY + 2; size += (size_t)(at % 3) + 1) {
            unsigned bad = 0;

            for (piece = 1; piece <= BODY; piece++) {
                bad += write_pieces(&w, at, size, piece) == 0;
                bad += !is_slice(&w, at, size) || !fence_holds(size + 7);
            }
            CHECK_EQ(bad, 0);
        }
    }
}

/* All cuts of the body into three pieces. */
static void any_three_pieces(void)
{
    size_t first, second;
    unsigned bad = 0;
    coap2_writer w;

    for (first = 0; first <= BODY; first++) {
        for (second = first; second <= BODY; second++) {
            start(&w, 32);
            coap2_write_window(&w, 16, 16);
            coap2_write_body(&w, body, first);
            coap2_write_body(&w, body + first, second - first);
            coap2_write_body(&w, body + second, BODY - second);
            bad += !is_slice(&w, 16, 16) || coap2_write_end(&w) != 21;
        }
    }
    CHECK_EQ(bad, 0);
}

/* Without a window all of a body is kept, or none of it goes out. */
static void body_is_kept_whole(void)
{
    size_t size;
    coap2_writer w;
    coap2_msg m;

    for (size = 4; size <= 50; size++) {
        bool fits = size >= 5 + BODY;

        test_row = (unsigned)size;
        start(&w, size);
        coap2_write_body(&w, body, 7);
        coap2_write_body(&w, body + 7, BODY - 7);
        CHECK_EQ(w.error, fits ? COAP2_OK : COAP2_ERR_SPACE);
        CHECK_EQ(w.body_length, BODY);
        CHECK_EQ(coap2_write_end(&w), fits ? 5 + BODY : 0);
        CHECK(fence_holds(size));
        if (!fits) continue;
        CHECK(!coap2_write_more(&w));
        CHECK_EQ(coap2_msg_parse(&m, fenced + FENCE, coap2_write_end(&w)),
                 COAP2_OK);
        CHECK_BYTES(m.payload, m.payload_length, body, BODY);
    }
}

/* Room that is not there has no place to be filled in, and what a message
   cannot be is not begun. */
static void no_room_and_no_header(void)
{
    coap2_writer w;

    start(&w, 8);
    coap2_write_opt(&w, COAP2_OPT_URI_PATH, NULL, 9);
    CHECK(w.error == COAP2_ERR_SPACE && w.value == NULL);
    coap2_write_start(&w, fenced + FENCE, 20);
    coap2_write_header(&w, COAP2_CON, COAP2_000_EMPTY, 1, "ab", 2);
    CHECK(w.error == COAP2_ERR_ARG);
    coap2_write_start(&w, fenced + FENCE, 20);
    coap2_write_header(&w, COAP2_CON, COAP2_001_GET, 1, NULL, 4);
    CHECK(w.error == COAP2_ERR_ARG);
    coap2_write_start(&w, fenced + FENCE, 20);
    coap2_write_header(&w, 4, COAP2_001_GET, 1, NULL, 0);
    CHECK(w.error == COAP2_ERR_ARG);
}

/* A body has at most 4 GiB; a byte more is an error, and not a wrap. */
static void body_of_too_many_bytes(void)
{
    coap2_writer w;

    start(&w, 20);
    coap2_write_window(&w, 0, 0);
    coap2_write_body(&w, body, 7);
    w.body_length = 0xfffffff8ul;
    coap2_write_body(&w, body, 7);
    CHECK(w.error == COAP2_OK && w.body_length == 0xfffffffful);
    coap2_write_body(&w, body, 1);
    CHECK(w.error == COAP2_ERR_ARG && w.body_length == 0xfffffffful);
    CHECK_EQ(coap2_write_end(&w), 0);
}

/* A window that does not fit is an error when the bytes come. */
static void window_beyond_the_buffer(void)
{
    coap2_writer w;

    start(&w, 20);
    coap2_write_window(&w, 8, 16);
    coap2_write_body(&w, body, 8);
    CHECK(w.error == COAP2_OK);
    coap2_write_body(&w, body + 8, BODY - 8);
    CHECK(w.error == COAP2_ERR_SPACE);
    CHECK_EQ(coap2_write_end(&w), 0);
    CHECK(fence_holds(20));
    start(&w, 21); /* exact fit */
    coap2_write_window(&w, 8, 16);
    coap2_write_body(&w, body, BODY);
    CHECK_EQ(coap2_write_end(&w), 21);
    CHECK(is_slice(&w, 8, 16));
    CHECK(fence_holds(21));
}

/* An option may come after the window was opened and after body was kept. */
static void options_after_body(void)
{
    uint8_t want[40];
    size_t n = bytes_of("40011234 c128 d10a1e ff'abcdefgh'", want);
    coap2_writer w;

    start(&w, n);
    coap2_write_opt(&w, COAP2_OPT_BLOCK2, "\x1e", 1);
    coap2_write_window(&w, 10, 8);
    coap2_write_body(&w, body, 15);
    want[6] = 0xb1; /* 23 - 12 = 11 needs no extension */
    memmove(want + 7, want + 8, n - 8);
    coap2_write_uint(&w, COAP2_OPT_CONTENT_FORMAT, COAP2_FORMAT_LINKS);
    coap2_write_body(&w, body + 15, BODY - 15);
    CHECK_BYTES(fenced + FENCE, coap2_write_end(&w), want, n - 1);
    CHECK(coap2_write_more(&w));
}

/* What is refused is not counted as payload: it is looked at afterwards. */
static void refused_payload(void)
{
    uint8_t bytes[8];
    coap2_writer w;

    coap2_write_start(&w, bytes, sizeof bytes);
    coap2_write_header(&w, COAP2_CON, COAP2_205_CONTENT, 1, NULL, 0);
    coap2_write_payload(&w, "0123456789", 10);
    CHECK(w.error == COAP2_ERR_SPACE);
    CHECK(w.payload_size <= (size_t)(w.next - w.options));
}

int main(void)
{
    RUN("RFC 7252 3: parse, then write, is the same", vectors_come_back);
    RUN("RFC 7252 3: one byte less is an error", vectors_do_not_fit);
    RUN("B1, call by call", b1_by_hand);
    RUN("RFC 7252 3.1: any order of options", any_order);
    RUN("RFC 7252 3.2: numbers are minimal", numbers_are_minimal);
    RUN("RFC 7252 3.2: texts", texts_without_their_nul);
    RUN("RFC 7252 3: no marker without payload", no_marker_without_payload);
    RUN("RFC 7252 3: options after payload", options_after_payload);
    RUN("RFC 7252 3: tokens over eight bytes", tokens_over_eight_bytes);
    RUN("errors stay", errors_stay);
    RUN("errors stay in the middle", errors_stay_in_the_middle);
    RUN("no buffer at all", no_buffer_at_all);
    RUN("RFC 7959 2.4: any window, any pieces", any_window_any_pieces);
    RUN("RFC 7959 2.4: any three pieces", any_three_pieces);
    RUN("RFC 7959 2.4: no window, the whole body", body_is_kept_whole);
    RUN("RFC 7252 3, 4.1: no room, no header", no_room_and_no_header);
    RUN("a body of too many bytes", body_of_too_many_bytes);
    RUN("RFC 7959 2.4: window beyond the buffer", window_beyond_the_buffer);
    RUN("RFC 7959 2.4: options after body", options_after_body);
    RUN("a payload that is refused", refused_payload);
#if !defined(__AVR__)
    RUN("RFC 7252 3.1: random orders", random_orders);
    RUN("RFC 7252 3.1: the longest values", longest_values);
    RUN("RFC 7252 3.1: sums do not wrap", sums_do_not_wrap);
#endif
    return test_end();
}
