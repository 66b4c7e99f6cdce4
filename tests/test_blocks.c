/* A node as server of bodies beyond a packet: Block2, Block1, both in one
   exchange (RFC 7959; RFC 9175 3 for Request-Tag), and what makes no sense. */
#define COAP2_MAX_EXCHANGES 3
#define COAP2_MAX_DUPLICATES 4
#define COAP2_MAX_OBSERVERS 2
#define COAP2_MAX_UPLOADS 3
#define COAP2_REPLY_SIZE 32
#ifdef __AVR__
#define LOOP_BYTES 144
#define LOOP_QUEUE 2
#define LOOP_SENT 4
#endif
#define COAP2_IMPLEMENTATION
#include "../coap2.h"
#include "loop.h"

/* ---- the server under test ----------------------------------------------- */

enum {
    PACKET = 128,
    SLOTS = 1 + COAP2_MAX_EXCHANGES,
    SHARE = 300, /* of a body, in node.bodies */
    PLACES = COAP2_MAX_UPLOADS,
    FENCE = 16
};
#ifdef __AVR__
enum { LARGEST_PACKET = PACKET, STORE_SIZE = 400, ROUNDS = 500 };
#else
enum { LARGEST_PACKET = 1152, STORE_SIZE = 4096, ROUNDS = 20000 };
#endif

static coap2_node node;
static loop wire;
static uint8_t in[LARGEST_PACKET + FENCE];
static uint8_t out[SLOTS * PACKET + LARGEST_PACKET + FENCE];
static uint8_t bodies[PLACES * SHARE + FENCE];

static unsigned runs;             /* of the handlers */
static uint32_t body_length;      /* of what they answer */
static bool located;              /* a path for what was made */
static unsigned far_away;         /* so many parts of another, of 40 bytes */
static uint8_t version;           /* of it: the ETag, and what its bytes are */
static bool tagged;               /* with an ETag? */
static uint32_t written;          /* bytes that handlers wrote */
static uint32_t max_age;          /* of answers */
static uint8_t code_wanted;       /* of the next answer; 0: the usual one */
static uint8_t store[STORE_SIZE]; /* what was uploaded, */
static size_t stored;             /* its length, */
static uint32_t pieces_at[8];     /* and where its pieces stood */
static bool pieces_last[8];

/* The byte at a place of a body. */
static uint8_t pattern(uint32_t at, uint8_t which)
{
    return (uint8_t)(at * 7u + at / 256u + which);
}

static uint8_t begin_answer(const coap2_req *req, coap2_rsp *rsp)
{
    uint8_t code = code_wanted;
    unsigned i;

    runs++;
    rsp->format = COAP2_FORMAT_OCTETS;
    rsp->max_age = max_age;
    if (tagged) coap2_rsp_etag(rsp, &version, 1);
    if (located) coap2_write_text(&rsp->w, COAP2_OPT_LOCATION_PATH, "new");
    for (i = 0; i < far_away; i++)
        coap2_write_text(&rsp->w, COAP2_OPT_LOCATION_PATH,
                         "a-part-of-a-path-of-just-forty-bytes-all");
    if (code == 0)
        code = req->method == COAP2_GET || req->method == COAP2_FETCH
                   ? COAP2_205_CONTENT
                   : COAP2_204_CHANGED;
    return code;
}

/* A body, byte by byte, of any length. */
static uint8_t on_plain(coap2_req *req, coap2_rsp *rsp)
{
    uint8_t code = begin_answer(req, rsp);
    uint32_t at;

    for (at = 0; at < body_length; at++) {
        uint8_t byte = pattern(at, version);

        coap2_rsp_bytes(rsp, COAP2_FORMAT_OCTETS, &byte, 1);
        written++;
    }
    return code;
}

/* The same, from where it is wanted. */
static uint8_t on_file(coap2_req *req, coap2_rsp *rsp)
{
    uint8_t code = begin_answer(req, rsp);
    uint32_t at;
    size_t left = coap2_rsp_window(rsp, body_length, &at);

    for (; left > 0; left--) {
        uint8_t byte = pattern(at++, version);

        coap2_rsp_bytes(rsp, COAP2_FORMAT_OCTETS, &byte, 1);
        written++;
    }
    return code;
}

/* Stores a whole body; as GET, says which version there is. */
static uint8_t on_whole(coap2_req *req, coap2_rsp *rsp)
{
    if (req->method == COAP2_GET) {
        coap2_rsp_etag(rsp, &version, 1);
        coap2_rsp_bytes(rsp, COAP2_FORMAT_OCTETS, store, 1);
        return COAP2_205_CONTENT;
    }
    runs++;
    CHECK_EQ(req->offset, 0);
    CHECK(req->last);
    CHECK(req->payload_length <= STORE_SIZE);
    if (code_wanted != 0) {
        coap2_rsp_text(rsp, "no");
        return code_wanted;
    }
    stored = req->payload_length;
    memcpy(store, req->payload, stored);
    return COAP2_204_CHANGED;
}

static uint8_t on_pieces(coap2_req *req, coap2_rsp *rsp)
{
    uint32_t at;

    if (req->method == COAP2_GET) return on_whole(req, rsp);
    pieces_at[runs % 8] = req->offset;
    pieces_last[runs % 8] = req->last;
    runs++;
    coap2_rsp_text(rsp, "seen");
    for (at = 4; at < body_length; at++) coap2_rsp_text(rsp, "+");
    if (code_wanted != 0) return code_wanted;
    if (req->offset < STORE_SIZE - 64u)
        memcpy(store + req->offset, req->payload, req->payload_length);
    stored = (size_t)req->offset + req->payload_length;
    return COAP2_204_CHANGED;
}

static int16_t ticket;

static uint8_t on_late(coap2_req *req, coap2_rsp *rsp)
{
    stored = req->payload_length;
    ticket = coap2_later(req);
    (void)rsp;
    return COAP2_LATER;
}

enum {
    UNSAFE = COAP2_POST | COAP2_PUT | COAP2_PATCH | COAP2_IPATCH,
    READ = COAP2_GET | COAP2_FETCH
};

COAP2_RESOURCE(plain, "p", READ | UNSAFE | COAP2_OBSERVABLE, on_plain, "");
COAP2_RESOURCE(file, "f", COAP2_GET, on_file, "");
COAP2_RESOURCE(whole, "w", COAP2_GET | UNSAFE, on_whole,
               "title=\"a resource whose link is long, so that the list of all "
               "of them is more than a packet holds\"");
COAP2_RESOURCE(also, "w2", UNSAFE, on_whole, "");
COAP2_RESOURCE(parts, "s", COAP2_GET | UNSAFE | COAP2_PIECES, on_pieces, "");
COAP2_RESOURCE(late, "l", UNSAFE, on_late, "");
COAP2_TABLE(things, &plain, &file, &whole, &also, &parts, &late);

static void begin_with(size_t packet, size_t bodies_size)
{
    memset(&node, 0, sizeof node);
    memset(in, 0xee, sizeof in);
    memset(out, 0xee, sizeof out);
    memset(bodies, 0xee, sizeof bodies);
    wire.time = 5000;
    loop_plug(&wire, &node);
    node.in = in;
    node.in_size = LARGEST_PACKET;
    node.out = out;
    node.out_size = SLOTS * PACKET;
    if (packet > PACKET) node.out_size = packet;
    node.packet = packet;
    node.bodies = bodies_size == 0 ? NULL : bodies;
    node.bodies_size = bodies_size;
    node.resources = things;
    runs = 0;
    body_length = 0;
    written = 0;
    version = 1;
    tagged = true;
    max_age = 60;
    code_wanted = 0;
    stored = 0;
    memset(store, 0, sizeof store);
    CHECK_EQ(coap2_start(&node, 7959), COAP2_OK);
}

static void begin(void)
{
    begin_with(PACKET, PLACES * SHARE);
}

static unsigned places_taken(void)
{
    unsigned i, taken = 0;

    for (i = 0; i < PLACES; i++)
        if (node.uploads[i].length != 0) taken++;
    return taken;
}

static bool fences_stand(void)
{
    unsigned i;

    for (i = 0; i < FENCE; i++)
        if (in[LARGEST_PACKET + i] != 0xee || out[node.out_size + i] != 0xee ||
            bodies[PLACES * SHARE + i] != 0xee)
            return false;
    return true;
}

/* ---- asking it ----------------------------------------------------------- */

/* The value of a Block option, as it is on the wire. */
#define BLOCK(number, more, szx) \
    ((uint32_t)(number)*16u + (uint32_t)(more)*8u + (uint32_t)(szx))
#define NO_BLOCK 0xffffffffu

static coap2_peer client; /* who asks */
static uint8_t asked[LARGEST_PACKET];
static coap2_writer asking;
static uint16_t next_id;
static coap2_msg answer; /* to what was asked last */

static void ask_as(uint8_t type, uint8_t code, const char *path)
{
    coap2_write_start(&asking, asked, sizeof asked);
    coap2_write_header(&asking, type, code, ++next_id, "t", 1);
    coap2_write_text(&asking, COAP2_OPT_URI_PATH, path);
}

static void ask(uint8_t code, const char *path)
{
    ask_as(COAP2_CON, code, path);
}

static void put_block(uint16_t option, uint32_t value)
{
    if (value != NO_BLOCK) coap2_write_uint(&asking, option, value);
}

/* Send the same datagram once more. Returns the code of what was answered, or
   0 if nothing was, or more than one datagram. */
static uint8_t repeat(void)
{
    loop_clear(&wire);
    loop_push_at(&wire, client, asked, coap2_write_end(&asking), wire.time);
    loop_poll(&wire, &node);
    memset(&answer, 0, sizeof answer);
    if (wire.count != 1) return 0;
    CHECK(wire.sent[0].length <= node.packet);
    CHECK_EQ(coap2_msg_parse(&answer, wire.sent[0].bytes, wire.sent[0].length),
             COAP2_OK);
    CHECK_EQ(answer.token_length, asked[0] & 15u);
    return answer.code;
}

static uint8_t send_asked(void)
{
    CHECK_EQ(asking.error, COAP2_OK);
    return repeat();
}

/* The value of an option of the answer, or NO_BLOCK. */
static uint32_t option(uint16_t number)
{
    coap2_opt opt;
    uint32_t value = 0;

    if (!coap2_msg_find(&answer, number, &opt)) return NO_BLOCK;
    CHECK_EQ(coap2_opt_uint(&opt, &value), true);
    return value;
}

/* GET with Block2. */
static uint8_t get(const char *path, uint32_t block2)
{
    ask(COAP2_001_GET, path);
    put_block(COAP2_OPT_BLOCK2, block2);
    return send_asked();
}

/* Write a payload: the pattern from a place on. */
static void put_pattern(uint32_t at, size_t length)
{
    for (; length > 0; length--) {
        uint8_t byte = pattern(at++, 9);

        coap2_write_payload(&asking, &byte, 1);
    }
}

static uint8_t put_as(uint8_t method, const char *path, uint32_t block1,
                      size_t length)
{
    uint32_t at = (block1 >> 4) << ((block1 & 7u) + 4u);

    ask(method, path);
    put_block(COAP2_OPT_BLOCK1, block1);
    put_pattern(at, length);
    return send_asked();
}

/* PUT a block of the pattern. */
static uint8_t put(const char *path, uint32_t block1, size_t length)
{
    return put_as(COAP2_003_PUT, path, block1, length);
}

static bool payload_is(uint32_t at, size_t length, uint8_t which)
{
    size_t i;

    if (answer.payload_length != length) return false;
    for (i = 0; i < length; i++)
        if (answer.payload[i] != pattern(at + (uint32_t)i, which)) return false;
    return true;
}

static bool is_stored(size_t length)
{
    size_t i;

    if (stored != length) return false;
    for (i = 0; i < length; i++)
        if (store[i] != pattern((uint32_t)i, 9)) return false;
    return true;
}

/* Upload a body in blocks; returns the code of the last answer. */
static uint8_t upload(const char *path, size_t length, uint8_t szx)
{
    size_t size = (size_t)16 << szx, at = 0;
    uint32_t number = 0;

    for (; at + size < length; at += size)
        CHECK_EQ(put(path, BLOCK(number++, 1, szx), size), COAP2_231_CONTINUE);
    return put(path, BLOCK(number, 0, szx), length - at);
}

/* Is every place free, and does it still work? By the last of peers. */
static void still_serves(void)
{
    unsigned i;

    code_wanted = 0;
    CHECK_EQ(places_taken(), 0);
    for (i = 0; i < PLACES; i++) {
        client = loop_peer((uint8_t)(240 + i));
        CHECK_EQ(put("w", BLOCK(0, 1, 0), 16), COAP2_231_CONTINUE);
    }
    for (i = 0; i < PLACES; i++) {
        client = loop_peer((uint8_t)(240 + i));
        stored = 0;
        CHECK_EQ(put("w", BLOCK(1, 0, 0), 5), COAP2_204_CHANGED);
        CHECK(is_stored(21));
    }
    CHECK_EQ(places_taken(), 0);
    CHECK(fences_stand());
    client = loop_peer(1);
}

/* ---- Block2 -------------------------------------------------------------- */

/* Fetch a whole body from `path`, in blocks of szx, first by no option if that
   is 7. Each must be right. Returns the length. */
static uint32_t fetch(const char *path, uint8_t szx)
{
    uint32_t at = 0, block;

    CHECK_EQ(get(path, szx == 7 ? NO_BLOCK : BLOCK(0, 0, szx)),
             COAP2_205_CONTENT);
    for (;;) {
        uint8_t had;

        block = option(COAP2_OPT_BLOCK2);
        if (block == NO_BLOCK) return (uint32_t)answer.payload_length;
        had = (uint8_t)(block & 7u);
        CHECK(had <= szx);
        CHECK_EQ((block >> 4) << (had + 4), at);
        CHECK(payload_is(at, answer.payload_length, version));
        CHECK_EQ(option(COAP2_OPT_ETAG), version);
        CHECK_EQ(option(COAP2_OPT_CONTENT_FORMAT), COAP2_FORMAT_OCTETS);
        at += (uint32_t)answer.payload_length;
        if ((block & 8u) == 0) return at;
        CHECK_EQ(answer.payload_length, 16u << had);
        szx = had;
        if (get(path, BLOCK(at >> (szx + 4), 0, szx)) != COAP2_205_CONTENT)
            return 0;
    }
}

/* 71: M, size, ETag constant, all bytes; first without an option. */
static void large_body_comes_in_blocks(void)
{
    static const uint16_t lengths[] = {1, 64, 65, 127, 128, 129, 192, 1000};
    unsigned i;

    begin();
    for (i = 0; i < sizeof lengths / sizeof *lengths; i++) {
        test_row = i + 1;
        body_length = lengths[i];
        CHECK_EQ(fetch("p", 7), lengths[i]);
        CHECK_EQ(fetch("f", 7), lengths[i]);
        CHECK_EQ(fetch("p", 1), lengths[i]);
    }
    CHECK_EQ(places_taken(), 0);
    CHECK(fences_stand());
}

/* 72: a size of the client's wish, never a larger one. */
static void size_is_negotiated_early(void)
{
    uint8_t szx;

    begin_with(LARGEST_PACKET, 0);
    body_length = 1030;
    for (szx = 0; szx <= 6; szx++) {
        uint8_t most = szx;

        while ((16u << most) + 40u > LARGEST_PACKET) most--;
        test_row = szx + 1u;
        CHECK_EQ(get("p", BLOCK(0, 0, szx)), COAP2_205_CONTENT);
        CHECK_EQ(option(COAP2_OPT_BLOCK2), BLOCK(0, 1, most));
        CHECK(payload_is(0, (size_t)16 << most, version));
        CHECK_EQ(option(COAP2_OPT_SIZE2), 1030);
        CHECK_EQ(fetch("p", szx), 1030);
        CHECK_EQ(fetch("f", szx), 1030);
    }
}

/* The packet is the server's bound, whatever the client can take. */
static void size_is_bounded_by_the_packet(void)
{
    begin();
    body_length = 1000;
    CHECK_EQ(get("p", BLOCK(0, 0, 6)), COAP2_205_CONTENT);
    CHECK_EQ(option(COAP2_OPT_BLOCK2), BLOCK(0, 1, 2));
    CHECK(payload_is(0, 64, version));
    /* the place counts, not the number (2.4) */
    CHECK_EQ(get("p", BLOCK(2, 0, 4)), COAP2_205_CONTENT);
    CHECK_EQ(option(COAP2_OPT_BLOCK2), BLOCK(8, 1, 2));
    CHECK(payload_is(512, 64, version));
}

/* 73: any block at any time, of any size. */
static void random_access(void)
{
    static const uint16_t order[] = {3, 0, 5, 3, 15, 1};
    unsigned i;

    begin();
    body_length = 1000;
    for (i = 0; i < sizeof order / sizeof *order; i++) {
        uint32_t at = order[i] * 64u;
        size_t size = at + 64 > 1000 ? 1000 - at : 64;

        test_row = i + 1;
        CHECK_EQ(get(i % 2 ? "p" : "f", BLOCK(order[i], 0, 2)),
                 COAP2_205_CONTENT);
        CHECK_EQ(option(COAP2_OPT_BLOCK2), BLOCK(order[i], order[i] < 15, 2));
        CHECK(payload_is(at, size, version));
    }
    CHECK_EQ(runs, 6);
}

static void size_changes_midway(void)
{
    begin_with(LARGEST_PACKET, 0);
    body_length = 1000;
    CHECK_EQ(get("p", BLOCK(0, 0, 2)), COAP2_205_CONTENT);
    CHECK(payload_is(0, 64, version));
    CHECK_EQ(get("p", BLOCK(4, 0, 0)), COAP2_205_CONTENT);
    CHECK_EQ(option(COAP2_OPT_BLOCK2), BLOCK(4, 1, 0));
    CHECK(payload_is(64, 16, version));
    CHECK_EQ(get("p", BLOCK(1, 0, 1)), COAP2_205_CONTENT);
    CHECK_EQ(option(COAP2_OPT_BLOCK2), BLOCK(1, 1, 1));
    CHECK(payload_is(32, 32, version));
#ifndef __AVR__
    CHECK_EQ(get("p", BLOCK(1, 0, 4)), COAP2_205_CONTENT); /* 256 */
    CHECK(payload_is(256, 256, version));
    CHECK_EQ(get("p", BLOCK(8, 0, 2)), COAP2_205_CONTENT); /* to 64 */
    CHECK_EQ(option(COAP2_OPT_BLOCK2), BLOCK(8, 1, 2));
    CHECK(payload_is(512, 64, version));
#endif
}

/* 74: never data, never 5.xx. */
static void number_past_the_end(void)
{
    static const char *const paths[] = {"p", "f"};
    unsigned i;

    begin();
    for (i = 0; i < 2; i++) {
        test_row = i + 1;
        body_length = 128;
        CHECK_EQ(get(paths[i], BLOCK(1, 0, 2)), COAP2_205_CONTENT);
        CHECK_EQ(option(COAP2_OPT_BLOCK2), BLOCK(1, 0, 2));
        CHECK_EQ(get(paths[i], BLOCK(2, 0, 2)), COAP2_400_BAD_REQUEST);
        CHECK_EQ(answer.payload_length, 0);
        CHECK_EQ(option(COAP2_OPT_BLOCK2), NO_BLOCK);
        CHECK_EQ(option(COAP2_OPT_ETAG), NO_BLOCK);
        CHECK_EQ(get(paths[i], BLOCK(900, 0, 2)), COAP2_400_BAD_REQUEST);
        body_length = 4;
        CHECK_EQ(get(paths[i], BLOCK(1, 0, 0)), COAP2_400_BAD_REQUEST);
        body_length = 0;
        CHECK_EQ(get(paths[i], BLOCK(1, 0, 0)), COAP2_400_BAD_REQUEST);
        CHECK_EQ(get(paths[i], BLOCK(0, 0, 0)), COAP2_205_CONTENT);
        CHECK_EQ(option(COAP2_OPT_BLOCK2), 0);
        CHECK_EQ(answer.payload_length, 0);
    }
}

/* 86: no place of a block wraps, in no width of size_t: 1048575 x 1024, and
   those whose low 16 bits are a place in the body. */
static void number_times_size_does_not_wrap(void)
{
    static const uint32_t numbers[] = {0xfffff, 0xffff0, 0x10000, 0x1000,
                                       0x8000,  0x40,    0x400};
    unsigned i;
    uint8_t szx;

    begin();
    body_length = 600;
    for (i = 0; i < sizeof numbers / sizeof *numbers; i++)
        for (szx = 0; szx <= 6; szx++) {
            uint32_t at = numbers[i] << (szx + 4);

            test_row = i * 7u + szx + 1u;
            if (at < 600) continue;
            CHECK_EQ(get("p", BLOCK(numbers[i], 0, szx)),
                     COAP2_400_BAD_REQUEST);
            CHECK_EQ(get("f", BLOCK(numbers[i], 0, szx)),
                     COAP2_400_BAD_REQUEST);
            CHECK_EQ(put("w", BLOCK(numbers[i], 0, szx), 5),
                     COAP2_408_REQUEST_ENTITY_INCOMPLETE);
            CHECK_EQ(put("s", BLOCK(numbers[i], 0, szx), 5),
                     COAP2_408_REQUEST_ENTITY_INCOMPLETE);
        }
    CHECK(fences_stand());
    CHECK_EQ(stored, 0);
}

/* The last block that can be named, of the largest body. */
static void largest_body(void)
{
    begin();
    body_length = 1048576u * 64u;
    CHECK_EQ(get("f", BLOCK(0xfffff, 0, 2)), COAP2_205_CONTENT);
    CHECK_EQ(option(COAP2_OPT_BLOCK2), BLOCK(0xfffff, 0, 2));
    CHECK(payload_is(0xfffffu * 64u, 64, version));
    body_length++;
    CHECK_EQ(get("f", BLOCK(0xfffff, 0, 2)), COAP2_205_CONTENT);
    CHECK_EQ(option(COAP2_OPT_BLOCK2), BLOCK(0xfffff, 1, 2));
    /* a place that has no number in blocks of the packet's size */
    body_length = 0x40000000u;
    CHECK_EQ(COAP2_CODE_CLASS(get("f", BLOCK(0xfffff, 0, 6))), 4);
}

/* 75: SZX 7 is reserved; a Block option has three bytes (2.2, 7252 5.4.3). */
static void values_that_are_none(void)
{
    static const uint8_t four[4] = {0, 0, 0, 0};
    static const uint16_t blocks[] = {COAP2_OPT_BLOCK2, COAP2_OPT_BLOCK1};
    unsigned i;

    begin();
    body_length = 100;
    for (i = 0; i < 2; i++) {
        test_row = i + 1;
        ask(i ? COAP2_003_PUT : COAP2_001_GET, i ? "w" : "p");
        put_block(blocks[i], BLOCK(0, 0, 7));
        CHECK_EQ(send_asked(), COAP2_400_BAD_REQUEST);
        CHECK_EQ(answer.type, COAP2_ACK);
        ask(i ? COAP2_003_PUT : COAP2_001_GET, i ? "w" : "p");
        put_block(blocks[i], BLOCK(0xfffff, 1, 7));
        CHECK_EQ(send_asked(), COAP2_400_BAD_REQUEST);
        ask(i ? COAP2_003_PUT : COAP2_001_GET, i ? "w" : "p");
        coap2_write_opt(&asking, blocks[i], four, 4);
        CHECK_EQ(send_asked(), COAP2_402_BAD_OPTION);
        ask_as(COAP2_NON, i ? COAP2_003_PUT : COAP2_001_GET, i ? "w" : "p");
        coap2_write_opt(&asking, blocks[i], four, 4);
        CHECK_EQ(send_asked(), 0);
        CHECK_EQ(wire.count, 0);
    }
    CHECK_EQ(runs, 0);
    still_serves();
}

/* A critical option stands once only (7252 5.4.5). */
static void two_blocks_of_one_kind(void)
{
    begin();
    body_length = 300;
    ask(COAP2_001_GET, "p");
    put_block(COAP2_OPT_BLOCK2, BLOCK(0, 0, 0));
    put_block(COAP2_OPT_BLOCK2, BLOCK(1, 0, 0));
    CHECK_EQ(send_asked(), COAP2_402_BAD_OPTION);
    CHECK_EQ(runs, 0);
}

/* Leading zeros are read (7252 3.2); M means nothing in a request (2.2). */
static void values_that_are_odd(void)
{
    static const uint8_t wide[3] = {0, 0, 0x12};

    begin();
    body_length = 300;
    ask(COAP2_001_GET, "p");
    coap2_write_opt(&asking, COAP2_OPT_BLOCK2, wide, 3);
    CHECK_EQ(send_asked(), COAP2_205_CONTENT);
    CHECK_EQ(option(COAP2_OPT_BLOCK2), BLOCK(1, 1, 2));
    CHECK(payload_is(64, 64, version));
    CHECK_EQ(get("p", BLOCK(4, 1, 2)), COAP2_205_CONTENT);
    CHECK_EQ(option(COAP2_OPT_BLOCK2), BLOCK(4, 0, 2));
    CHECK(payload_is(256, 44, version));
    /* NUM 0, M 0, SZX 0 is a value of no bytes (RIOT 66fe083d9b) */
    CHECK_EQ(get("p", 0), COAP2_205_CONTENT);
    CHECK_EQ(option(COAP2_OPT_BLOCK2), BLOCK(0, 1, 0));
    CHECK(payload_is(0, 16, version));
}

/* 76: who asks for a block is told which one it is. */
static void small_body_in_a_block(void)
{
    begin();
    body_length = 16;
    CHECK_EQ(get("p", BLOCK(0, 0, 0)), COAP2_205_CONTENT);
    CHECK_EQ(option(COAP2_OPT_BLOCK2), 0);
    CHECK_EQ(option(COAP2_OPT_SIZE2), NO_BLOCK);
    CHECK(payload_is(0, 16, version));
    CHECK_EQ(get("p", BLOCK(0, 0, 2)), COAP2_205_CONTENT);
    CHECK_EQ(option(COAP2_OPT_BLOCK2), BLOCK(0, 0, 2));
    body_length = 17;
    CHECK_EQ(get("p", BLOCK(0, 0, 0)), COAP2_205_CONTENT);
    CHECK_EQ(option(COAP2_OPT_BLOCK2), BLOCK(0, 1, 0));
}

/* A handler that can seek writes each byte once; one that cannot is run again
   for each block, and costs as much. */
static void seeking_costs_what_its_blocks_cost(void)
{
    uint32_t number, blocks = 16384;

    begin();
#ifdef __AVR__
    blocks = 128;
#endif
    body_length = blocks * 64u;
    for (number = 0; number < blocks; number++) {
        CHECK_EQ(get("f", BLOCK(number, 0, 2)), COAP2_205_CONTENT);
        CHECK(payload_is(number * 64u, 64, version));
    }
    CHECK_EQ(written, blocks * 64u);
    CHECK_EQ(runs, blocks);
    written = 0;
    body_length = 640;
    CHECK_EQ(fetch("p", 2), 640);
    CHECK_EQ(written, 6400);
}

/* A download takes no record of the node: neither a place nor an exchange. */
static void download_needs_no_state(void)
{
    begin_with(PACKET, 0);
    node.out_size = PACKET; /* nothing but the slot that is written in */
    body_length = 1000;
    CHECK_EQ(fetch("p", 7), 1000);
    CHECK_EQ(fetch("f", 7), 1000);
    CHECK_EQ(places_taken(), 0);
    CHECK_EQ(loop_poll(&wire, &node), COAP2_FOREVER);
}

/* Size2 (4): with the first of several blocks, and to who asks. */
static void size_of_the_body(void)
{
    begin();
    body_length = 200;
    CHECK_EQ(get("p", NO_BLOCK), COAP2_205_CONTENT);
    CHECK_EQ(option(COAP2_OPT_SIZE2), 200);
    CHECK_EQ(get("f", NO_BLOCK), COAP2_205_CONTENT);
    CHECK_EQ(option(COAP2_OPT_SIZE2), 200);
    CHECK_EQ(get("p", BLOCK(1, 0, 2)), COAP2_205_CONTENT);
    CHECK_EQ(option(COAP2_OPT_SIZE2), NO_BLOCK);
    ask(COAP2_001_GET, "f");
    put_block(COAP2_OPT_BLOCK2, BLOCK(2, 0, 2));
    coap2_write_uint(&asking, COAP2_OPT_SIZE2, 0);
    CHECK_EQ(send_asked(), COAP2_205_CONTENT);
    CHECK_EQ(option(COAP2_OPT_SIZE2), 200);
}

static void etag_tells_of_a_change(void)
{
    begin();
    body_length = 200;
    CHECK_EQ(get("p", NO_BLOCK), COAP2_205_CONTENT);
    CHECK_EQ(option(COAP2_OPT_ETAG), 1);
    version = 2;
    CHECK_EQ(get("p", BLOCK(1, 0, 2)), COAP2_205_CONTENT);
    CHECK_EQ(option(COAP2_OPT_ETAG), 2);
    CHECK(payload_is(64, 64, 2));
    /* what the client has already is valid still (7252 5.10.6) */
    ask(COAP2_001_GET, "p");
    put_block(COAP2_OPT_BLOCK2, BLOCK(0, 0, 2));
    coap2_write_opt(&asking, COAP2_OPT_ETAG, &version, 1);
    CHECK_EQ(send_asked(), COAP2_203_VALID);
    CHECK_EQ(answer.payload_length, 0);
    CHECK_EQ(option(COAP2_OPT_BLOCK2), NO_BLOCK);
    ask(COAP2_001_GET, "p");
    coap2_write_uint(&asking, COAP2_OPT_ACCEPT, COAP2_FORMAT_JSON);
    CHECK_EQ(send_asked(), COAP2_406_NOT_ACCEPTABLE);
    CHECK_EQ(option(COAP2_OPT_BLOCK2), NO_BLOCK);
}

/* What fits stays whole, to the last byte of the packet; a byte more is cut.
   Whatever the options, it is never 5.00 and never short. */
static void exact_fit_by(uint8_t token_length, bool with_etag, uint32_t age)
{
    uint32_t whole_to = 0, cut_from = 0;

    begin();
    tagged = with_etag;
    max_age = age;
    for (body_length = 60; body_length < 140; body_length++) {
        test_row = (unsigned)body_length;
        coap2_write_start(&asking, asked, sizeof asked);
        coap2_write_header(&asking, COAP2_CON, COAP2_001_GET, ++next_id,
                           "longtokn", token_length);
        coap2_write_text(&asking, COAP2_OPT_URI_PATH, "p");
        CHECK_EQ(send_asked(), COAP2_205_CONTENT);
        if (option(COAP2_OPT_BLOCK2) == NO_BLOCK) {
            CHECK(payload_is(0, (size_t)body_length, version));
            whole_to = body_length;
            if (wire.sent[0].length == PACKET) cut_from = body_length + 1;
        } else {
            CHECK(payload_is(0, 64, version));
            CHECK_EQ(option(COAP2_OPT_BLOCK2), BLOCK(0, 1, 2));
        }
    }
    CHECK(whole_to > 64);
    CHECK_EQ(cut_from, whole_to + 1);
    CHECK(fences_stand());
}

static void exact_fit(void)
{
    exact_fit_by(1, true, 60);
    exact_fit_by(0, false, 60);
    exact_fit_by(8, true, 1000000);
    exact_fit_by(8, false, 1);
}

/* The first answer of an observation, and notifications, are cut the same. */
static void exact_fit_of_notifications(void)
{
    uint32_t length;

    for (length = 90; length < 130; length++) {
        test_row = (unsigned)length;
        begin();
        body_length = length;
        ask(COAP2_001_GET, "p");
        coap2_write_uint(&asking, COAP2_OPT_OBSERVE, 0);
        CHECK_EQ(send_asked(), COAP2_205_CONTENT);
        CHECK(option(COAP2_OPT_OBSERVE) != NO_BLOCK);
        CHECK(payload_is(0, option(COAP2_OPT_BLOCK2) == NO_BLOCK ? length : 64,
                         version));
        node.sequence = 0xffff; /* a longer option */
        coap2_changed(&node, &plain);
        loop_clear(&wire);
        loop_poll(&wire, &node);
        CHECK_EQ(wire.count, 1);
        CHECK_EQ(
            coap2_msg_parse(&answer, wire.sent[0].bytes, wire.sent[0].length),
            COAP2_OK);
        CHECK_EQ(answer.code, COAP2_205_CONTENT);
        CHECK_EQ(option(COAP2_OPT_OBSERVE), 0x10000ul);
        CHECK(payload_is(0, option(COAP2_OPT_BLOCK2) == NO_BLOCK ? length : 64,
                         version));
    }
    CHECK(fences_stand());
}

/* Packets that hardly hold a block: what does not fit is 5.00, not damaged. */
static void tiny_packets(void)
{
    size_t packet;
    uint32_t number;

    for (packet = 20; packet < 64; packet++) {
        begin_with(packet, 0);
        test_row = (unsigned)packet;
        body_length = 70;
        tagged = false;
        for (number = 0; number < 5; number++) {
            uint8_t code = get("p", BLOCK(number, 0, 0));

            CHECK(code == COAP2_205_CONTENT ||
                  (packet < 40 && code == COAP2_500_INTERNAL_SERVER_ERROR));
            if (code != COAP2_205_CONTENT) continue;
            CHECK_EQ(option(COAP2_OPT_BLOCK2), BLOCK(number, number < 4, 0));
            CHECK(payload_is(number * 16, number < 4 ? 16 : 6, version));
        }
        CHECK(fences_stand());
    }
}

/* Any packet that holds a block and the options at all. */
static void every_packet_size(void)
{
    size_t packet;

    for (packet = 64; packet <= PACKET; packet++) {
        begin_with(packet, 0);
        test_row = (unsigned)packet;
        max_age = 0xffffffffu;
        body_length = 150;
        CHECK_EQ(fetch("p", 7), 150);
        CHECK_EQ(fetch("f", 6), 150);
        ask(COAP2_001_GET, "p");
        put_block(COAP2_OPT_BLOCK2, BLOCK(0, 0, 6));
        coap2_write_uint(&asking, COAP2_OPT_SIZE2, 0);
        coap2_write_uint(&asking, COAP2_OPT_OBSERVE, 0);
        CHECK_EQ(send_asked(), COAP2_205_CONTENT);
    }
}

/* 77: what others do in between changes nothing (libcoap 20f15a17). */
static void downloads_interleave(void)
{
    uint32_t number;

    begin();
    body_length = 640;
    for (number = 0; number < 10; number++) {
        client = loop_peer(1);
        CHECK_EQ(get("p", BLOCK(number, 0, 2)), COAP2_205_CONTENT);
        CHECK(payload_is(number * 64, 64, version));
        client = loop_peer(2);
        CHECK_EQ(get("f", BLOCK(9 - number, 0, 2)), COAP2_205_CONTENT);
        CHECK(payload_is((9 - number) * 64, 64, version));
        CHECK_EQ(wire.sent[0].peer.address[3], 2);
    }
    client = loop_peer(1);
}

/* A group gets the first block, after the leisure (2.8); the rest is asked for
   by unicast. */
static void group_goes_on_by_unicast(void)
{
    begin();
    body_length = 200;
    loop_clear(&wire);
    client = loop_group(1);
    ask_as(COAP2_NON, COAP2_001_GET, "p");
    CHECK_EQ(repeat(), 0);
    loop_pass(&wire, &node, COAP2_LEISURE);
    CHECK_EQ(wire.count, 1);
    coap2_msg_parse(&answer, wire.sent[0].bytes, wire.sent[0].length);
    CHECK_EQ(answer.code, COAP2_205_CONTENT);
    CHECK_EQ(option(COAP2_OPT_BLOCK2), BLOCK(0, 1, 2));
    client = loop_peer(1);
    CHECK_EQ(get("p", BLOCK(1, 0, 2)), COAP2_205_CONTENT);
    CHECK(payload_is(64, 64, version));
    /* and errors of a group's requests are still silent (8.1) */
    client = loop_group(1);
    ask_as(COAP2_NON, COAP2_001_GET, "p");
    put_block(COAP2_OPT_BLOCK2, BLOCK(40, 0, 2));
    CHECK_EQ(repeat(), 0);
    loop_pass(&wire, &node, COAP2_LEISURE);
    CHECK_EQ(wire.count, 0);
    client = loop_peer(1);
}

/* 69: a notification is the first block; who wants more asks for it, under
   another token and without Observe (2.6). */
static void notification_is_the_first_block(void)
{
    begin();
    body_length = 200;
    ask(COAP2_001_GET, "p");
    coap2_write_uint(&asking, COAP2_OPT_OBSERVE, 0);
    put_block(COAP2_OPT_BLOCK2, BLOCK(0, 0, 1));
    CHECK_EQ(send_asked(), COAP2_205_CONTENT);
    CHECK(option(COAP2_OPT_OBSERVE) != NO_BLOCK);
    CHECK_EQ(option(COAP2_OPT_BLOCK2), BLOCK(0, 1, 1));
    version = 2;
    coap2_changed(&node, &plain);
    loop_clear(&wire);
    loop_pass(&wire, &node, 100);
    CHECK_EQ(wire.count, 1);
    coap2_msg_parse(&answer, wire.sent[0].bytes, wire.sent[0].length);
    CHECK(option(COAP2_OPT_OBSERVE) != NO_BLOCK);
    CHECK_EQ(option(COAP2_OPT_BLOCK2) & 0xfffffff8u, BLOCK(0, 1, 0));
    CHECK_EQ(option(COAP2_OPT_ETAG), 2);
    CHECK(payload_is(0, answer.payload_length, 2));
    CHECK_EQ(get("p", BLOCK(2, 0, 1)), COAP2_205_CONTENT);
    CHECK_EQ(option(COAP2_OPT_OBSERVE), NO_BLOCK);
    CHECK(payload_is(64, 32, 2));
}

/* Observe goes with the first block only (2.6). */
static void observe_from_the_middle(void)
{
    begin();
    body_length = 200;
    ask(COAP2_001_GET, "p");
    coap2_write_uint(&asking, COAP2_OPT_OBSERVE, 0);
    put_block(COAP2_OPT_BLOCK2, BLOCK(1, 0, 2));
    CHECK_EQ(send_asked(), COAP2_205_CONTENT);
    CHECK_EQ(option(COAP2_OPT_OBSERVE), NO_BLOCK);
    coap2_changed(&node, &plain);
    loop_clear(&wire);
    loop_pass(&wire, &node, 100);
    CHECK_EQ(wire.count, 0);
}

/* FETCH asks each time by its payload (RFC 8132 2.3.1). */
static void fetch_in_blocks(void)
{
    uint32_t number;

    begin();
    body_length = 150;
    for (number = 0; number < 3; number++) {
        ask(COAP2_005_FETCH, "p");
        put_block(COAP2_OPT_BLOCK2, BLOCK(number, 0, 2));
        put_pattern(0, 10);
        CHECK_EQ(send_asked(), COAP2_205_CONTENT);
        CHECK_EQ(option(COAP2_OPT_BLOCK2), BLOCK(number, number < 2, 2));
        CHECK(payload_is(number * 64, number < 2 ? 64 : 22, version));
    }
    CHECK_EQ(places_taken(), 0);
}

/* 48: the list of resources is a body as any other (6690 4). */
static void list_of_resources(void)
{
    uint32_t number = 0;
    size_t links = 0, i;

    begin();
    for (;;) {
        ask(COAP2_001_GET, ".well-known");
        coap2_write_text(&asking, COAP2_OPT_URI_PATH, "core");
        put_block(COAP2_OPT_BLOCK2, BLOCK(number, 0, 2));
        CHECK_EQ(send_asked(), COAP2_205_CONTENT);
        CHECK_EQ(option(COAP2_OPT_CONTENT_FORMAT), COAP2_FORMAT_LINKS);
        for (i = 0; i < answer.payload_length; i++)
            if (answer.payload[i] == '<') links++;
        if ((option(COAP2_OPT_BLOCK2) & 8u) == 0 || ++number > 10) break;
    }
    CHECK(number >= 2);
    CHECK_EQ(links, 6);
}

/* NON requests get NON answers, block by block (5.2.3). */
static void blocks_by_non(void)
{
    begin();
    body_length = 200;
    ask_as(COAP2_NON, COAP2_001_GET, "p");
    put_block(COAP2_OPT_BLOCK2, BLOCK(1, 0, 2));
    CHECK_EQ(send_asked(), COAP2_205_CONTENT);
    CHECK_EQ(answer.type, COAP2_NON);
    CHECK(payload_is(64, 64, version));
    ask_as(COAP2_NON, COAP2_003_PUT, "w");
    put_block(COAP2_OPT_BLOCK1, BLOCK(0, 1, 0));
    put_pattern(0, 16);
    CHECK_EQ(send_asked(), COAP2_231_CONTINUE);
    CHECK_EQ(answer.type, COAP2_NON);
    CHECK_EQ(repeat(), 0); /* a repeated NON */
    ask_as(COAP2_NON, COAP2_003_PUT, "w");
    put_block(COAP2_OPT_BLOCK1, BLOCK(1, 0, 0));
    put_pattern(16, 4);
    CHECK_EQ(send_asked(), COAP2_204_CHANGED);
    CHECK(is_stored(20));
    still_serves();
}

/* An error is no body: its diagnostic comes whole. */
static void errors_have_no_blocks(void)
{
    begin();
    CHECK_EQ(get("nowhere", BLOCK(3, 0, 2)), COAP2_404_NOT_FOUND);
    CHECK_EQ(option(COAP2_OPT_BLOCK2), NO_BLOCK);
    body_length = 20;
    code_wanted = COAP2_404_NOT_FOUND;
    CHECK_EQ(get("p", BLOCK(0, 0, 0)), COAP2_404_NOT_FOUND);
    CHECK_EQ(option(COAP2_OPT_BLOCK2), NO_BLOCK);
}

/* ---- Block1: put together in node.bodies --------------------------------- */

/* 78: 2.31 with the option echoed (2.3), then the answer; stored exactly. */
static void upload_in_four_blocks(void)
{
    begin();
    CHECK_EQ(put("w", BLOCK(0, 1, 2), 64), COAP2_231_CONTINUE);
    CHECK_EQ(option(COAP2_OPT_BLOCK1), BLOCK(0, 1, 2));
    CHECK_EQ(answer.payload_length, 0);
    CHECK_EQ(put("w", BLOCK(1, 1, 2), 64), COAP2_231_CONTINUE);
    CHECK_EQ(option(COAP2_OPT_BLOCK1), BLOCK(1, 1, 2));
    CHECK_EQ(put("w", BLOCK(2, 1, 2), 64), COAP2_231_CONTINUE);
    CHECK_EQ(option(COAP2_OPT_BLOCK1), BLOCK(2, 1, 2));
    CHECK_EQ(runs, 0);
    CHECK_EQ(put("w", BLOCK(3, 0, 2), 7), COAP2_204_CHANGED);
    CHECK_EQ(option(COAP2_OPT_BLOCK1), BLOCK(3, 0, 2));
    CHECK_EQ(runs, 1);
    CHECK(is_stored(199));
    still_serves();
}

/* Every size of block, bodies that end on a block's border and off it, up to
   the last byte of a share. */
static void uploads_of_every_size(void)
{
    static const uint16_t lengths[] = {1, 16, 17, 64, 100, 256, 299, SHARE};
    unsigned i;
    uint8_t szx;

    begin();
    for (szx = 0; szx <= 6; szx++)
        for (i = 0; i < sizeof lengths / sizeof *lengths; i++) {
            test_row = szx * 10u + i + 1u;
            if (((size_t)16 << szx) + 16 > sizeof asked &&
                lengths[i] + 16u > sizeof asked)
                continue;
            CHECK_EQ(upload("w", lengths[i], szx), COAP2_204_CHANGED);
            CHECK(is_stored(lengths[i]));
        }
    still_serves();
}

/* A last block without a byte, and a body without one. */
static void empty_blocks(void)
{
    begin();
    CHECK_EQ(put("w", BLOCK(0, 1, 0), 16), COAP2_231_CONTINUE);
    CHECK_EQ(put("w", BLOCK(1, 0, 0), 0), COAP2_204_CHANGED);
    CHECK(is_stored(16));
    CHECK_EQ(put("w", BLOCK(0, 0, 0), 0), COAP2_204_CHANGED);
    CHECK(is_stored(0));
    CHECK_EQ(put("w", BLOCK(0, 1, 0), 0), COAP2_400_BAD_REQUEST);
    still_serves();
}

/* The place in the body counts: a client may go on in smaller blocks (2.3). */
static void upload_goes_on_smaller(void)
{
    begin();
    CHECK_EQ(put("w", BLOCK(0, 1, 2), 64), COAP2_231_CONTINUE);
    CHECK_EQ(put("w", BLOCK(4, 1, 0), 16), COAP2_231_CONTINUE);
    CHECK_EQ(put("w", BLOCK(5, 1, 0), 16), COAP2_231_CONTINUE);
    CHECK_EQ(put("w", BLOCK(3, 0, 1), 9), COAP2_204_CHANGED);
    CHECK(is_stored(105));
    still_serves();
}

/* Without node.bodies a first block with more to come is 4.13 with Size1; a
   body of one block is none the worse. */
static void nowhere_to_put_bodies(void)
{
    begin_with(PACKET, 0);
    CHECK_EQ(put("w", BLOCK(0, 1, 2), 64), COAP2_413_REQUEST_ENTITY_TOO_LARGE);
    CHECK(option(COAP2_OPT_SIZE1) != NO_BLOCK);
    CHECK_EQ(put("w", BLOCK(1, 0, 2), 5), COAP2_408_REQUEST_ENTITY_INCOMPLETE);
    CHECK_EQ(put("w", BLOCK(0, 0, 2), 40), COAP2_204_CHANGED);
    CHECK_EQ(option(COAP2_OPT_BLOCK1), BLOCK(0, 0, 2));
    CHECK(is_stored(40));
    CHECK_EQ(places_taken(), 0);
    CHECK_EQ(runs, 1);
}

/* 81: more than a share; what is announced by Size1 is refused at once. */
static void body_too_large(void)
{
    uint32_t number = 0;

    begin();
    CHECK_EQ(put("w", BLOCK(0, 1, 2), 64), COAP2_231_CONTINUE);
    while (++number < 4)
        CHECK_EQ(put("w", BLOCK(number, 1, 2), 64), COAP2_231_CONTINUE);
    CHECK_EQ(put("w", BLOCK(4, 1, 2), 64), COAP2_413_REQUEST_ENTITY_TOO_LARGE);
    CHECK_EQ(option(COAP2_OPT_SIZE1), SHARE);
    CHECK_EQ(places_taken(), 0);
    CHECK_EQ(put("w", BLOCK(5, 1, 2), 64), COAP2_408_REQUEST_ENTITY_INCOMPLETE);
    CHECK_EQ(upload("w", SHARE + 1, 0), COAP2_413_REQUEST_ENTITY_TOO_LARGE);
    CHECK_EQ(upload("w", SHARE, 0), COAP2_204_CHANGED);
    CHECK(is_stored(SHARE));
    still_serves();
}

static void size_is_checked_at_the_first_block(void)
{
    static const uint32_t sizes[] = {SHARE + 1, 65536, 65536ul + 20,
                                     0x40000000ul, 0xfffffffful};
    unsigned i;

    begin();
    for (i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        test_row = i + 1;
        ask(COAP2_003_PUT, "w");
        put_block(COAP2_OPT_BLOCK1, BLOCK(0, 1, 2));
        coap2_write_uint(&asking, COAP2_OPT_SIZE1, sizes[i]);
        put_pattern(0, 64);
        CHECK_EQ(send_asked(), COAP2_413_REQUEST_ENTITY_TOO_LARGE);
        CHECK_EQ(option(COAP2_OPT_SIZE1), SHARE);
        CHECK_EQ(places_taken(), 0);
    }
    ask(COAP2_003_PUT, "w");
    put_block(COAP2_OPT_BLOCK1, BLOCK(0, 1, 0));
    coap2_write_uint(&asking, COAP2_OPT_SIZE1, SHARE);
    put_pattern(0, 16);
    CHECK_EQ(send_asked(), COAP2_231_CONTINUE);
    CHECK_EQ(put("w", BLOCK(1, 0, 0), 1), COAP2_204_CHANGED);
    still_serves();
}

#ifndef __AVR__

/* A block that node.in does not hold: 4.13 with the size that it does (2.9.3),
   so that the client can begin again. */
static void block_larger_than_the_packet(void)
{
    begin();
    node.in_size = 128;
    CHECK_EQ(put("w", BLOCK(0, 1, 6), 1024),
             COAP2_413_REQUEST_ENTITY_TOO_LARGE);
    CHECK(option(COAP2_OPT_BLOCK1) != NO_BLOCK);
    CHECK_EQ(option(COAP2_OPT_BLOCK1) >> 4, 0);
    CHECK(option(COAP2_OPT_BLOCK1) == NO_BLOCK ||
          (option(COAP2_OPT_BLOCK1) & 7u) <= 2u);
    CHECK_EQ(upload("w", 200, 2), COAP2_204_CHANGED);
    CHECK(is_stored(200));
    still_serves();
}

#endif

/* 79: a gap, a beginning that is none (libcoap#1359: 10, 0, 10, 10). */
static void gaps(void)
{
    begin();
    CHECK_EQ(put("w", BLOCK(3, 1, 0), 16), COAP2_408_REQUEST_ENTITY_INCOMPLETE);
    CHECK_EQ(put("w", BLOCK(4, 0, 0), 2), COAP2_408_REQUEST_ENTITY_INCOMPLETE);
    CHECK_EQ(put("w", BLOCK(0, 1, 0), 16), COAP2_231_CONTINUE);
    CHECK_EQ(put("w", BLOCK(2, 1, 0), 16), COAP2_408_REQUEST_ENTITY_INCOMPLETE);
    CHECK_EQ(places_taken(), 0);
    CHECK_EQ(put("w", BLOCK(1, 0, 0), 16), COAP2_408_REQUEST_ENTITY_INCOMPLETE);
    CHECK_EQ(put("w", BLOCK(10, 1, 0), 16),
             COAP2_408_REQUEST_ENTITY_INCOMPLETE);
    CHECK_EQ(put("w", BLOCK(0, 1, 0), 16), COAP2_231_CONTINUE);
    CHECK_EQ(put("w", BLOCK(10, 1, 0), 16),
             COAP2_408_REQUEST_ENTITY_INCOMPLETE);
    CHECK_EQ(put("w", BLOCK(10, 0, 0), 16),
             COAP2_408_REQUEST_ENTITY_INCOMPLETE);
    CHECK_EQ(runs, 0);
    CHECK_EQ(stored, 0);
    still_serves();
}

/* 84 (2.5). */
static void format_changes_between(void)
{
    static const uint8_t lasts[] = {1, 0};
    unsigned i;

    begin();
    for (i = 0; i < 2; i++) {
        test_row = i + 1;
        ask(COAP2_003_PUT, "w");
        put_block(COAP2_OPT_BLOCK1, BLOCK(0, 1, 0));
        coap2_write_uint(&asking, COAP2_OPT_CONTENT_FORMAT, COAP2_FORMAT_JSON);
        put_pattern(0, 16);
        CHECK_EQ(send_asked(), COAP2_231_CONTINUE);
        CHECK_EQ(put("w", BLOCK(1, lasts[i], 0), 16),
                 COAP2_408_REQUEST_ENTITY_INCOMPLETE);
        CHECK_EQ(places_taken(), 0);
    }
    CHECK_EQ(runs, 0);
    still_serves();
}

/* 80: a block that is not the size that it claims; it frees the place. */
static void block_of_another_size(void)
{
    static const uint8_t lengths[] = {0, 1, 15, 17, 32};
    unsigned i;

    begin();
    for (i = 0; i < sizeof lengths; i++) {
        test_row = i + 1;
        CHECK_EQ(put("w", BLOCK(0, 1, 0), lengths[i]), COAP2_400_BAD_REQUEST);
        CHECK_EQ(places_taken(), 0);
        CHECK_EQ(put("w", BLOCK(0, 1, 0), 16), COAP2_231_CONTINUE);
        CHECK_EQ(put("w", BLOCK(1, 1, 0), lengths[i]), COAP2_400_BAD_REQUEST);
        CHECK_EQ(places_taken(), 0);
    }
    CHECK_EQ(put("w", BLOCK(0, 0, 0), 17), COAP2_400_BAD_REQUEST);
    CHECK_EQ(put("w", BLOCK(0, 1, 0), 16), COAP2_231_CONTINUE);
    CHECK_EQ(put("w", BLOCK(1, 0, 0), 17), COAP2_400_BAD_REQUEST);
    CHECK_EQ(runs, 0);
    still_serves();
}

/* SZX 7 in the middle ends it, too. */
static void bad_block_frees_the_place(void)
{
    begin();
    CHECK_EQ(put("w", BLOCK(0, 1, 0), 16), COAP2_231_CONTINUE);
    ask(COAP2_003_PUT, "w");
    put_block(COAP2_OPT_BLOCK1, BLOCK(1, 1, 7));
    put_pattern(16, 16);
    CHECK_EQ(send_asked(), COAP2_400_BAD_REQUEST);
    CHECK_EQ(runs, 0);
    CHECK(fences_stand());
}

/* Write Request-Tag (RFC 9175 3.2) and a block. */
static uint8_t put_tagged(const char *tag, uint32_t block1, size_t length)
{
    ask(COAP2_003_PUT, "w");
    put_block(COAP2_OPT_BLOCK1, block1);
    coap2_write_text(&asking, COAP2_OPT_REQUEST_TAG, tag);
    put_pattern((block1 >> 4) << ((block1 & 7u) + 4u), length);
    return send_asked();
}

/* 77: bodies are told apart by endpoint, path and Request-Tag (2.5). */
static void uploads_interleave(void)
{
    uint32_t number;

    begin();
    for (number = 0; number < 3; number++) {
        client = loop_peer(1);
        CHECK_EQ(put("w", BLOCK(number, 1, 0), 16), COAP2_231_CONTINUE);
        CHECK_EQ(put("w2", BLOCK(number, 1, 1), 32), COAP2_231_CONTINUE);
        client = loop_peer(2);
        CHECK_EQ(put("w", BLOCK(number, 1, 2), 64), COAP2_231_CONTINUE);
    }
    CHECK_EQ(places_taken(), 3);
    client = loop_peer(1);
    CHECK_EQ(put("w2", BLOCK(3, 0, 1), 1), COAP2_204_CHANGED);
    CHECK(is_stored(97));
    CHECK_EQ(put("w", BLOCK(3, 0, 0), 1), COAP2_204_CHANGED);
    CHECK(is_stored(49));
    client = loop_peer(2);
    CHECK_EQ(put("w", BLOCK(3, 0, 2), 1), COAP2_204_CHANGED);
    CHECK(is_stored(193));
    still_serves();
}

static void port_is_part_of_an_endpoint(void)
{
    begin();
    CHECK_EQ(put("w", BLOCK(0, 1, 0), 16), COAP2_231_CONTINUE);
    client.port++;
    CHECK_EQ(put("w", BLOCK(1, 0, 0), 16), COAP2_408_REQUEST_ENTITY_INCOMPLETE);
    client.port--;
    CHECK_EQ(put("w", BLOCK(1, 0, 0), 16), COAP2_204_CHANGED);
    CHECK(is_stored(32));
    still_serves();
}

static void request_tag_tells_bodies_apart(void)
{
    begin();
    CHECK_EQ(put_tagged("a", BLOCK(0, 1, 0), 16), COAP2_231_CONTINUE);
    CHECK_EQ(put_tagged("b", BLOCK(0, 1, 1), 32), COAP2_231_CONTINUE);
    CHECK_EQ(put_tagged("", BLOCK(0, 1, 2), 64), COAP2_231_CONTINUE);
    CHECK_EQ(option(COAP2_OPT_REQUEST_TAG), NO_BLOCK); /* 3.2.1 */
    CHECK_EQ(places_taken(), 3);
    CHECK_EQ(put_tagged("c", BLOCK(1, 0, 0), 16),
             COAP2_408_REQUEST_ENTITY_INCOMPLETE);
    /* none is another than an empty one (3.4) */
    CHECK_EQ(put("w", BLOCK(1, 0, 2), 1), COAP2_408_REQUEST_ENTITY_INCOMPLETE);
    CHECK_EQ(put_tagged("b", BLOCK(1, 0, 1), 2), COAP2_204_CHANGED);
    CHECK(is_stored(34));
    CHECK_EQ(put_tagged("a", BLOCK(1, 0, 0), 2), COAP2_204_CHANGED);
    CHECK(is_stored(18));
    CHECK_EQ(put_tagged("", BLOCK(1, 0, 2), 2), COAP2_204_CHANGED);
    CHECK(is_stored(66));
    still_serves();
}

/* Another method, another query: another body (2.5, cache keys). */
static void options_tell_bodies_apart(void)
{
    begin();
    CHECK_EQ(put("w", BLOCK(0, 1, 0), 16), COAP2_231_CONTINUE);
    CHECK_EQ(put_as(COAP2_002_POST, "w", BLOCK(1, 0, 0), 16),
             COAP2_408_REQUEST_ENTITY_INCOMPLETE);
    ask(COAP2_003_PUT, "w");
    put_block(COAP2_OPT_BLOCK1, BLOCK(1, 0, 0));
    coap2_write_text(&asking, COAP2_OPT_URI_QUERY, "q");
    put_pattern(16, 1);
    CHECK_EQ(send_asked(), COAP2_408_REQUEST_ENTITY_INCOMPLETE);
    ask(COAP2_003_PUT, "w"); /* w/2 is not w2 */
    coap2_write_text(&asking, COAP2_OPT_URI_PATH, "2");
    put_block(COAP2_OPT_BLOCK1, BLOCK(1, 0, 0));
    put_pattern(16, 1);
    CHECK_EQ(send_asked(), COAP2_404_NOT_FOUND);
    ask(COAP2_003_PUT, "w");
    put_block(COAP2_OPT_BLOCK1, BLOCK(0, 1, 0));
    coap2_write_text(&asking, COAP2_OPT_URI_QUERY, "");
    coap2_write_text(&asking, COAP2_OPT_URI_QUERY, "");
    put_pattern(0, 16);
    CHECK_EQ(send_asked(), COAP2_231_CONTINUE);
    ask(COAP2_003_PUT, "w");
    put_block(COAP2_OPT_BLOCK1, BLOCK(1, 0, 0));
    coap2_write_text(&asking, COAP2_OPT_URI_QUERY, "\017"); /* its number */
    put_pattern(16, 1);
    CHECK_EQ(send_asked(), COAP2_408_REQUEST_ENTITY_INCOMPLETE);
    node.uploads[1].length = 0;
    /* Size1, an Echo or an option that is no part of a cache key: the same */
    ask(COAP2_003_PUT, "w");
    put_block(COAP2_OPT_BLOCK1, BLOCK(1, 0, 0));
    coap2_write_uint(&asking, COAP2_OPT_SIZE1, 17);
    coap2_write_text(&asking, COAP2_OPT_ECHO, "here");
    put_pattern(16, 1);
    CHECK_EQ(send_asked(), COAP2_204_CHANGED);
    CHECK(is_stored(17));
    still_serves();
}

/* 83: a block that comes again by a new message is not taken twice (2.5). */
static void blocks_again_by_new_messages(void)
{
    begin();
    CHECK_EQ(put("w", BLOCK(0, 1, 0), 16), COAP2_231_CONTINUE);
    CHECK_EQ(put("w", BLOCK(0, 1, 0), 16), COAP2_231_CONTINUE);
    CHECK_EQ(put("w", BLOCK(1, 1, 0), 16), COAP2_231_CONTINUE);
    CHECK_EQ(put("w", BLOCK(1, 1, 0), 16), COAP2_231_CONTINUE);
    CHECK_EQ(option(COAP2_OPT_BLOCK1), BLOCK(1, 1, 0));
    CHECK_EQ(put("w", BLOCK(2, 0, 0), 3), COAP2_204_CHANGED);
    CHECK(is_stored(35));
    (void)put("w", BLOCK(2, 0, 0), 3);
    CHECK_EQ(runs, 1);
    CHECK(is_stored(35));
    still_serves();
}

/* 16: the same message again has the same answer, bit by bit, block for block
   (7252 4.5). */
static void messages_again(void)
{
    static loop_packet first;
    uint32_t number;

    begin();
    for (number = 0; number < 3; number++) {
        CHECK(put("w", BLOCK(number, number < 2, 0), 16) != 0);
        first = wire.sent[0];
        CHECK_EQ(repeat(), number < 2 ? COAP2_231_CONTINUE : COAP2_204_CHANGED);
        CHECK_BYTES(wire.sent[0].bytes, wire.sent[0].length, first.bytes,
                    first.length);
    }
    CHECK_EQ(runs, 1);
    CHECK(is_stored(48));
    still_serves();
}

/* A first block begins anew; what there was of the body is forgotten (2.5). */
static void first_block_begins_anew(void)
{
    begin();
    CHECK_EQ(put("w", BLOCK(0, 1, 0), 16), COAP2_231_CONTINUE);
    CHECK_EQ(put("w", BLOCK(1, 1, 0), 16), COAP2_231_CONTINUE);
    CHECK_EQ(put("w", BLOCK(0, 1, 2), 64), COAP2_231_CONTINUE);
    CHECK_EQ(places_taken(), 1);
    CHECK_EQ(put("w", BLOCK(2, 1, 0), 16), COAP2_408_REQUEST_ENTITY_INCOMPLETE);
    CHECK_EQ(upload("w", 100, 1), COAP2_204_CHANGED);
    CHECK(is_stored(100));
    still_serves();
}

/* 82: clients that go away in the middle. Where no place is free the longest
   idle one of more than COAP2_BLOCK_IDLE is taken, else 5.03 with Max-Age. */
static void abandoned_uploads(void)
{
    unsigned i;

    begin();
    for (i = 1; i <= 60; i++) {
        test_row = i;
        client = loop_peer((uint8_t)i);
        CHECK_EQ(put("w", BLOCK(0, 1, 0), 16),
                 i <= PLACES ? COAP2_231_CONTINUE
                             : COAP2_503_SERVICE_UNAVAILABLE);
        if (i > PLACES) CHECK_EQ(option(COAP2_OPT_MAX_AGE), COAP2_BLOCK_IDLE);
    }
    CHECK_EQ(places_taken(), PLACES);
    client = loop_peer(1);
    CHECK_EQ(put("w", BLOCK(1, 0, 0), 1), COAP2_204_CHANGED);
    client = loop_peer(60);
    CHECK_EQ(upload("w", 100, 1), COAP2_204_CHANGED);
    CHECK(is_stored(100));
}

static void idle_places_are_taken(void)
{
    begin();
    client = loop_peer(1);
    CHECK_EQ(put("w", BLOCK(0, 1, 0), 16), COAP2_231_CONTINUE);
    wire.time += 1000;
    client = loop_peer(2);
    CHECK_EQ(put("w", BLOCK(0, 1, 0), 16), COAP2_231_CONTINUE);
    wire.time += 1000;
    client = loop_peer(3);
    CHECK_EQ(put("w", BLOCK(0, 1, 0), 16), COAP2_231_CONTINUE);
    wire.time += COAP2_BLOCK_IDLE * 1000ul - 2000;
    client = loop_peer(1); /* is not idle: 2 is, the longest */
    CHECK_EQ(put("w", BLOCK(1, 1, 0), 16), COAP2_231_CONTINUE);
    wire.time += 1000;
    client = loop_peer(4);
    CHECK_EQ(put("w", BLOCK(0, 1, 0), 16), COAP2_503_SERVICE_UNAVAILABLE);
    wire.time += 1;
    CHECK_EQ(put("w", BLOCK(0, 1, 0), 16), COAP2_231_CONTINUE);
    client = loop_peer(2);
    CHECK_EQ(put("w", BLOCK(1, 0, 0), 1), COAP2_408_REQUEST_ENTITY_INCOMPLETE);
    client = loop_peer(3); /* slow, but its place was not needed */
    CHECK_EQ(put("w", BLOCK(1, 0, 0), 1), COAP2_204_CHANGED);
    CHECK(is_stored(17));
    client = loop_peer(1);
    CHECK_EQ(put("w", BLOCK(2, 0, 0), 1), COAP2_204_CHANGED);
    CHECK(is_stored(33));
    client = loop_peer(4);
    CHECK_EQ(put("w", BLOCK(1, 0, 0), 1), COAP2_204_CHANGED);
    still_serves();
}

/* A slow upload stays as long as nobody needs its place, over a wrap of the
   clock, too. */
static void slow_upload(void)
{
    begin();
    wire.time = 0xfffffff0ul;
    CHECK_EQ(put("w", BLOCK(0, 1, 0), 16), COAP2_231_CONTINUE);
    wire.time += 3600000ul;
    client = loop_peer(2); /* takes a place that is free */
    CHECK_EQ(upload("w", 40, 0), COAP2_204_CHANGED);
    client = loop_peer(1);
    CHECK_EQ(put("w", BLOCK(1, 0, 0), 1), COAP2_204_CHANGED);
    CHECK(is_stored(17));
    still_serves();
}

/* What the handler says frees the place, whatever it is. */
static void handler_refuses_a_body(void)
{
    static const uint8_t codes[] = {COAP2_400_BAD_REQUEST, COAP2_404_NOT_FOUND,
                                    COAP2_413_REQUEST_ENTITY_TOO_LARGE,
                                    COAP2_500_INTERNAL_SERVER_ERROR};
    unsigned i;

    begin();
    for (i = 0; i < sizeof codes; i++) {
        test_row = i + 1;
        code_wanted = codes[i];
        CHECK_EQ(upload("w", 40, 0), codes[i]);
        CHECK_EQ(answer.payload_length, 2);
        CHECK_EQ(places_taken(), 0);
    }
    still_serves();
}

/* What is not for this resource is refused by its first block. */
static void refused_before_the_body(void)
{
    begin();
    CHECK_EQ(put("nowhere", BLOCK(0, 1, 0), 16), COAP2_404_NOT_FOUND);
    CHECK_EQ(put("f", BLOCK(0, 1, 0), 16), COAP2_405_METHOD_NOT_ALLOWED);
    still_serves();
}

/* Conditions are held against the resource when the body is there; 4.12 frees
   the place (7252 5.10.8). */
static void conditions_of_a_body(void)
{
    uint32_t number;
    uint8_t etag = 7, row;

    for (row = 0; row < 3; row++) {
        test_row = row + 1u;
        begin();
        if (row == 1) etag = version;
        for (number = 0; number < 3; number++) {
            ask(COAP2_003_PUT, "w");
            put_block(COAP2_OPT_BLOCK1, BLOCK(number, number < 2, 0));
            if (row < 2)
                coap2_write_opt(&asking, COAP2_OPT_IF_MATCH, &etag, 1);
            else
                coap2_write_opt(&asking, COAP2_OPT_IF_NONE_MATCH, NULL, 0);
            put_pattern(number * 16, 16);
            send_asked();
            if (answer.code != COAP2_231_CONTINUE) break;
        }
        CHECK_EQ(answer.code,
                 row == 1 ? COAP2_204_CHANGED : COAP2_412_PRECONDITION_FAILED);
        CHECK_EQ(runs, row == 1);
        CHECK_EQ(stored, row == 1 ? 48 : 0);
        still_serves();
    }
}

/* A late answer is made when the body is done with, and frees its place. */
static void late_answer_to_a_body(void)
{
    begin();
    CHECK_EQ(put("l", BLOCK(0, 1, 0), 16), COAP2_231_CONTINUE);
    CHECK_EQ(put("l", BLOCK(1, 0, 0), 4), 0);
    CHECK_EQ(stored, 20);
    CHECK_EQ(places_taken(), 0);
    loop_clear(&wire);
    CHECK_EQ(coap2_answer(&node, ticket, COAP2_204_CHANGED, COAP2_NO_FORMAT,
                          NULL, 0),
             COAP2_OK);
    loop_poll(&wire, &node);
    CHECK_EQ(wire.count, 1);
    CHECK_EQ(wire.sent[0].bytes[1], COAP2_204_CHANGED);
    still_serves();
}

/* libcoap#1509: a block that is not the first, of nothing that is known; the
   critical option before it is not known either. */
static void block_of_nothing(void)
{
    begin();
    LOOP_ASK(&wire, &node, client,
             "440325b9 bc306ac4 bd03'test-bug-trigger' d3 03 00 00 08 ff 'x'");
    CHECK_EQ(wire.count, 1);
    CHECK_EQ(COAP2_CODE_CLASS(wire.sent[0].bytes[1]), 4);
    LOOP_ASK(&wire, &node, client,
             "440325ba bc306ac4 b1'w' d30300000a ff '0123456789012345'");
    CHECK_EQ(wire.count, 1);
    CHECK_EQ(COAP2_CODE_CLASS(wire.sent[0].bytes[1]), 4);
    still_serves();
}

/* ---- Block1: pieces ------------------------------------------------------ */

/* Each block comes with its place, of bodies that no buffer holds. What is
   answered to one that is not the last is not sent. */
static void pieces(void)
{
    uint32_t number;

    begin_with(PACKET, 0);
    for (number = 0; number < 100; number++) {
        CHECK_EQ(put("s", BLOCK(number, 1, 1), 32), COAP2_231_CONTINUE);
        CHECK_EQ(option(COAP2_OPT_BLOCK1), BLOCK(number, 1, 1));
        CHECK_EQ(answer.payload_length, 0);
        CHECK_EQ(option(COAP2_OPT_CONTENT_FORMAT), NO_BLOCK);
        CHECK_EQ(runs, number + 1);
        CHECK_EQ(pieces_at[number % 8], number * 32);
        CHECK(!pieces_last[number % 8]);
    }
    CHECK_EQ(put("s", BLOCK(100, 0, 1), 5), COAP2_204_CHANGED);
    CHECK_EQ(option(COAP2_OPT_BLOCK1), BLOCK(100, 0, 1));
    CHECK_EQ(answer.payload_length, 4);
    CHECK(pieces_last[100 % 8]);
    CHECK_EQ(pieces_at[100 % 8], 3200);
#ifndef __AVR__
    CHECK(is_stored(3205));
#endif
    CHECK_EQ(places_taken(), 0);
}

/* Nor is it kept, however long it is. */
static void long_answers_to_pieces(void)
{
    begin();
    body_length = PACKET + 10;
    CHECK_EQ(put("s", BLOCK(0, 1, 0), 16), COAP2_231_CONTINUE);
    CHECK_EQ(option(COAP2_OPT_BLOCK2), NO_BLOCK);
    CHECK_EQ(places_taken(), 1);
    CHECK_EQ(repeat(), COAP2_231_CONTINUE);
    CHECK_EQ(option(COAP2_OPT_BLOCK1), BLOCK(0, 1, 0));
    CHECK_EQ(answer.payload_length, 0);
    CHECK_EQ(runs, 1);
    CHECK_EQ(put("s", BLOCK(1, 0, 0), 5), COAP2_204_CHANGED);
    CHECK(option(COAP2_OPT_BLOCK2) != NO_BLOCK);
    CHECK_EQ(runs, 2);
    CHECK_EQ(places_taken(), 1);
}

/* A body of one block, with the option or without. */
static void one_piece(void)
{
    begin_with(PACKET, 0);
    CHECK_EQ(put("s", NO_BLOCK, 20), COAP2_204_CHANGED);
    CHECK_EQ(pieces_at[0], 0);
    CHECK(pieces_last[0]);
    CHECK_EQ(put("s", BLOCK(0, 0, 2), 20), COAP2_204_CHANGED);
    CHECK_EQ(pieces_at[1], 0);
    CHECK(pieces_last[1]);
    CHECK(is_stored(20));
    CHECK_EQ(places_taken(), 0);
}

/* A handler that has had enough ends the transfer. */
static void pieces_refused_midway(void)
{
    begin();
    CHECK_EQ(put("s", BLOCK(0, 1, 0), 16), COAP2_231_CONTINUE);
    code_wanted = COAP2_413_REQUEST_ENTITY_TOO_LARGE;
    CHECK_EQ(put("s", BLOCK(1, 1, 0), 16), COAP2_413_REQUEST_ENTITY_TOO_LARGE);
    CHECK_EQ(answer.payload_length, 4);
    CHECK_EQ(places_taken(), 0);
    code_wanted = 0;
    CHECK_EQ(put("s", BLOCK(2, 1, 0), 16), COAP2_408_REQUEST_ENTITY_INCOMPLETE);
    CHECK_EQ(runs, 2);
    still_serves();
}

/* Gaps, another format and pieces that come again are not handed over. */
static void pieces_that_do_not_fit(void)
{
    begin();
    CHECK_EQ(put("s", BLOCK(1, 1, 0), 16), COAP2_408_REQUEST_ENTITY_INCOMPLETE);
    CHECK_EQ(put("s", BLOCK(0, 1, 0), 15), COAP2_400_BAD_REQUEST);
    CHECK_EQ(runs, 0);
    CHECK_EQ(put("s", BLOCK(0, 1, 0), 16), COAP2_231_CONTINUE);
    CHECK_EQ(put("s", BLOCK(1, 1, 0), 16), COAP2_231_CONTINUE);
    CHECK_EQ(runs, 2);
    CHECK_EQ(put("s", BLOCK(1, 1, 0), 16), COAP2_231_CONTINUE);
    CHECK_EQ(repeat(), COAP2_231_CONTINUE);
    CHECK_EQ(runs, 2);
    CHECK_EQ(put("s", BLOCK(3, 1, 0), 16), COAP2_408_REQUEST_ENTITY_INCOMPLETE);
    CHECK_EQ(runs, 2);
    still_serves();
}

static void pieces_interleave(void)
{
    begin();
    client = loop_peer(1);
    CHECK_EQ(put("s", BLOCK(0, 1, 0), 16), COAP2_231_CONTINUE);
    client = loop_peer(2);
    CHECK_EQ(put("s", BLOCK(0, 1, 2), 64), COAP2_231_CONTINUE);
    client = loop_peer(1);
    CHECK_EQ(put("s", BLOCK(1, 1, 0), 16), COAP2_231_CONTINUE);
    CHECK_EQ(pieces_at[2], 16);
    client = loop_peer(2);
    CHECK_EQ(put("s", BLOCK(1, 0, 2), 3), COAP2_204_CHANGED);
    CHECK_EQ(pieces_at[3], 64);
    client = loop_peer(1);
    CHECK_EQ(put("s", BLOCK(2, 0, 0), 3), COAP2_204_CHANGED);
    CHECK_EQ(pieces_at[4], 32);
    still_serves();
}

/* Places of transfers in pieces run out as all others do. */
static void pieces_without_a_place(void)
{
    unsigned i;

    begin();
    for (i = 1; i <= PLACES; i++) {
        client = loop_peer((uint8_t)i);
        CHECK_EQ(put("s", BLOCK(0, 1, 0), 16), COAP2_231_CONTINUE);
    }
    client = loop_peer(100);
    CHECK_EQ(put("s", BLOCK(0, 1, 0), 16), COAP2_503_SERVICE_UNAVAILABLE);
    CHECK_EQ(option(COAP2_OPT_MAX_AGE), COAP2_BLOCK_IDLE);
    CHECK_EQ(runs, PLACES);
    wire.time += COAP2_BLOCK_IDLE * 1000ul + 1;
    CHECK_EQ(put("s", BLOCK(0, 1, 0), 16), COAP2_231_CONTINUE);
    client = loop_peer(1);
}

/* A condition that does not hold refuses the first piece; the others pass. */
static void conditions_of_pieces(void)
{
    uint32_t number;
    uint8_t etag = 7;

    begin();
    ask(COAP2_003_PUT, "s");
    put_block(COAP2_OPT_BLOCK1, BLOCK(0, 1, 0));
    coap2_write_opt(&asking, COAP2_OPT_IF_MATCH, &etag, 1);
    put_pattern(0, 16);
    CHECK_EQ(send_asked(), COAP2_412_PRECONDITION_FAILED);
    CHECK_EQ(runs, 0);
    CHECK_EQ(places_taken(), 0);
    for (number = 0; number < 3; number++) {
        ask(COAP2_003_PUT, "s");
        put_block(COAP2_OPT_BLOCK1, BLOCK(number, number < 2, 0));
        coap2_write_opt(&asking, COAP2_OPT_IF_MATCH, &version, 1);
        put_pattern(number * 16, 16);
        CHECK_EQ(send_asked(),
                 number < 2 ? COAP2_231_CONTINUE : COAP2_204_CHANGED);
        CHECK_EQ(runs, number + 1);
    }
    still_serves();
}

/* ---- Block1 and Block2 --------------------------------------------------- */

/* POST with Block2, and a payload of its own or none. */
static uint8_t post(uint32_t block2, size_t length)
{
    ask(COAP2_002_POST, "p");
    put_block(COAP2_OPT_BLOCK2, block2);
    put_pattern(0, length);
    return send_asked();
}

/* 85: the handler runs once; its answer is kept, and given block by block, for
   requests without a payload (2.7). */
static void answer_is_kept(void)
{
    uint32_t number;

    begin();
    tagged = false;
    body_length = 250;
    CHECK_EQ(put_as(COAP2_002_POST, "p", BLOCK(0, 1, 1), 32),
             COAP2_231_CONTINUE);
    CHECK_EQ(put_as(COAP2_002_POST, "p", BLOCK(1, 0, 1), 9), COAP2_204_CHANGED);
    CHECK_EQ(option(COAP2_OPT_BLOCK1), BLOCK(1, 0, 1));
    CHECK_EQ(option(COAP2_OPT_BLOCK2), BLOCK(0, 1, 2));
    CHECK_EQ(option(COAP2_OPT_SIZE2), 250);
    CHECK_EQ(option(COAP2_OPT_CONTENT_FORMAT), COAP2_FORMAT_OCTETS);
    CHECK(payload_is(0, 64, 1));
    version = 2; /* what is kept does not change */
    for (number = 1; number < 4; number++) {
        CHECK_EQ(post(BLOCK(number, 0, 2), 0), COAP2_204_CHANGED);
        CHECK_EQ(option(COAP2_OPT_BLOCK2), BLOCK(number, number < 3, 2));
        CHECK(payload_is(number * 64, number < 3 ? 64 : 58, 1));
    }
    CHECK_EQ(runs, 1);
    CHECK_EQ(post(BLOCK(4, 0, 2), 0), COAP2_400_BAD_REQUEST);
    CHECK_EQ(post(BLOCK(5, 0, 0), 0), COAP2_204_CHANGED); /* smaller */
    CHECK(payload_is(80, 16, 1));
    CHECK_EQ(runs, 1);
    CHECK(fences_stand());
}

/* The same message again: the same block, not its code alone (7252 4.5). */
static void kept_blocks_again(void)
{
    begin();
    body_length = 250;
    CHECK_EQ(post(NO_BLOCK, 5), COAP2_204_CHANGED);
    CHECK(payload_is(0, 64, 1));
    CHECK_EQ(repeat(), COAP2_204_CHANGED);
    CHECK(payload_is(0, 64, 1));
    CHECK_EQ(post(BLOCK(1, 0, 2), 0), COAP2_204_CHANGED);
    CHECK(payload_is(64, 64, 1));
    CHECK_EQ(repeat(), COAP2_204_CHANGED);
    CHECK(payload_is(64, 64, 1));
    CHECK_EQ(option(COAP2_OPT_BLOCK2), BLOCK(1, 1, 2));
    CHECK_EQ(runs, 1);
}

/* What is sent again is what was sent, option by option. */
static void kept_answer_is_the_same_again(void)
{
    uint8_t first[128];
    size_t length;
    coap2_opt path;

    begin();
    body_length = 250;
    located = true;
    max_age = 7;
    CHECK_EQ(post(NO_BLOCK, 5), COAP2_204_CHANGED);
    CHECK(coap2_msg_find(&answer, COAP2_OPT_LOCATION_PATH, &path));
    CHECK_EQ(option(COAP2_OPT_MAX_AGE), 7);
    length = wire.sent[0].length;
    memcpy(first, wire.sent[0].bytes, length);
    CHECK_EQ(repeat(), COAP2_204_CHANGED);
    CHECK_EQ(wire.sent[0].length, length);
    CHECK(memcmp(wire.sent[0].bytes, first, length) == 0);
    CHECK_EQ(post(BLOCK(1, 0, 2), 0), COAP2_204_CHANGED);
    CHECK(!coap2_msg_find(&answer, COAP2_OPT_LOCATION_PATH, &path));
    CHECK(payload_is(64, 64, 1));
    CHECK_EQ(runs, 1);
    located = false;
}

/* Options that no packet holds are 5.00, and nothing is kept: not without a
   body, nor with one that they leave no room for. */
static void options_are_too_long_to_keep(void)
{
    for (body_length = 0; body_length <= 250; body_length += 125)
        for (far_away = 1; far_away <= 6; far_away++) {
            uint32_t length = body_length;
            uint8_t code;

            begin();
            body_length = length;
            code = post(NO_BLOCK, 5);
            CHECK(code == COAP2_204_CHANGED ||
                  code == COAP2_500_INTERNAL_SERVER_ERROR);
            CHECK(far_away < 3 || code == COAP2_500_INTERNAL_SERVER_ERROR);
            if (code == COAP2_204_CHANGED && length > 0) continue;
            CHECK_EQ(post(BLOCK(1, 0, 2), 0),
                     COAP2_408_REQUEST_ENTITY_INCOMPLETE);
            CHECK_EQ(post(BLOCK(0x5000, 0, 0), 0),
                     COAP2_408_REQUEST_ENTITY_INCOMPLETE);
            CHECK(fences_stand());
        }
    far_away = 0;
}

/* The id of a kept answer, used again for something else (7252 4.4). */
static void id_of_a_kept_answer(void)
{
    begin();
    body_length = 250;
    CHECK_EQ(post(NO_BLOCK, 5), COAP2_204_CHANGED);
    next_id--;
    coap2_write_start(&asking, asked, sizeof asked);
    coap2_write_header(&asking, COAP2_CON, COAP2_003_PUT, ++next_id, "u", 1);
    coap2_write_text(&asking, COAP2_OPT_URI_PATH, "w");
    put_pattern(0, 3);
    CHECK_EQ(send_asked(), COAP2_204_CHANGED);
    CHECK(is_stored(3));
    CHECK_EQ(option(COAP2_OPT_BLOCK2), NO_BLOCK);
    CHECK_EQ(repeat(), COAP2_204_CHANGED);
    CHECK_EQ(runs, 2);
}

/* Block n never runs the handler, not for another client, not when nothing is
   kept any more, not with a payload. */
static void next_block_never_runs_the_handler(void)
{
    begin();
    body_length = 250;
    CHECK_EQ(post(BLOCK(1, 0, 2), 0), COAP2_408_REQUEST_ENTITY_INCOMPLETE);
    CHECK_EQ(post(BLOCK(1, 0, 2), 5), COAP2_408_REQUEST_ENTITY_INCOMPLETE);
    CHECK_EQ(runs, 0);
    CHECK_EQ(post(NO_BLOCK, 5), COAP2_204_CHANGED);
    CHECK_EQ(runs, 1);
    client = loop_peer(2);
    CHECK_EQ(post(BLOCK(1, 0, 2), 0), COAP2_408_REQUEST_ENTITY_INCOMPLETE);
    client = loop_peer(1);
    CHECK_EQ(post(BLOCK(1, 0, 2), 5), COAP2_204_CHANGED);
    CHECK(payload_is(64, 64, 1));
    CHECK_EQ(runs, 1);
}

/* Without a place an answer beyond the packet is 5.00. */
static void answer_that_nobody_can_keep(void)
{
    begin_with(PACKET, 0);
    body_length = 250;
    CHECK_EQ(post(NO_BLOCK, 5), COAP2_500_INTERNAL_SERVER_ERROR);
    CHECK_EQ(option(COAP2_OPT_BLOCK2), NO_BLOCK);
    CHECK_EQ(runs, 1);
    begin();
    body_length = SHARE + 1;
    CHECK_EQ(post(NO_BLOCK, 5), COAP2_500_INTERNAL_SERVER_ERROR);
    CHECK_EQ(places_taken(), 0);
    still_serves();
}

/* Answers take places that are free or hold answers long idle, never that of a
   body that still may come. */
static void places_of_answers(void)
{
    unsigned i;

    begin();
    body_length = 250;
    for (i = 1; i <= PLACES; i++) {
        client = loop_peer((uint8_t)i);
        CHECK_EQ(post(NO_BLOCK, 5), COAP2_204_CHANGED);
    }
    CHECK_EQ(places_taken(), PLACES);
    client = loop_peer(50);
    CHECK_EQ(post(NO_BLOCK, 5), COAP2_500_INTERNAL_SERVER_ERROR);
    CHECK_EQ(put("w", BLOCK(0, 1, 0), 16), COAP2_503_SERVICE_UNAVAILABLE);
    wire.time += COAP2_BLOCK_IDLE * 1000ul + 1;
    CHECK_EQ(post(NO_BLOCK, 5), COAP2_204_CHANGED);
    CHECK_EQ(put("w", BLOCK(0, 1, 0), 16), COAP2_231_CONTINUE);
    CHECK_EQ(post(BLOCK(1, 0, 2), 0), COAP2_204_CHANGED);
    CHECK(payload_is(64, 64, 1));
    for (i = 1; i <= PLACES; i++) {
        client = loop_peer((uint8_t)i);
        if (post(BLOCK(1, 0, 2), 0) == COAP2_204_CHANGED)
            CHECK(payload_is(64, 64, 1));
    }
}

/* Bodies under way are not lost to answers. */
static void answers_leave_bodies_alone(void)
{
    unsigned i;

    begin();
    for (i = 1; i <= PLACES; i++) {
        client = loop_peer((uint8_t)i);
        CHECK_EQ(put("w", BLOCK(0, 1, 0), 16), COAP2_231_CONTINUE);
    }
    wire.time += COAP2_BLOCK_IDLE * 2000ul;
    client = loop_peer(50);
    body_length = 250;
    CHECK_EQ(post(NO_BLOCK, 5), COAP2_500_INTERNAL_SERVER_ERROR);
    for (i = 1; i <= PLACES; i++) {
        client = loop_peer((uint8_t)i);
        CHECK_EQ(put("w", BLOCK(1, 0, 0), 16), COAP2_204_CHANGED);
        CHECK(is_stored(32));
    }
    still_serves();
}

/* A later request to the same resource: its own answer, not the kept one. */
static void newer_answer_replaces_the_kept_one(void)
{
    begin();
    body_length = 250;
    CHECK_EQ(post(NO_BLOCK, 5), COAP2_204_CHANGED);
    version = 2;
    CHECK_EQ(post(NO_BLOCK, 5), COAP2_204_CHANGED);
    CHECK(payload_is(0, 64, 2));
    CHECK_EQ(post(BLOCK(1, 0, 2), 0), COAP2_204_CHANGED);
    CHECK(payload_is(64, 64, 2));
    CHECK_EQ(runs, 2);
}

/* What the client can take is heeded for these answers, too (2.7). */
static void size_of_a_kept_answer(void)
{
    begin();
    body_length = 40; /* fits the packet, but not the wish */
    CHECK_EQ(post(BLOCK(0, 0, 0), 5), COAP2_204_CHANGED);
    CHECK_EQ(option(COAP2_OPT_BLOCK2), BLOCK(0, 1, 0));
    CHECK(payload_is(0, 16, 1));
    CHECK_EQ(post(BLOCK(2, 0, 0), 0), COAP2_204_CHANGED);
    CHECK(payload_is(32, 8, 1));
    CHECK_EQ(runs, 1);
    body_length = 250;
    CHECK_EQ(post(BLOCK(0, 0, 1), 5), COAP2_204_CHANGED);
    CHECK_EQ(option(COAP2_OPT_BLOCK2), BLOCK(0, 1, 1));
    CHECK(payload_is(0, 32, 1));
}

/* To the last byte of the packet it stays whole; one more is kept: never 5.00,
   with and without Block1. */
static void exact_fit_of_unsafe_answers(void)
{
    uint8_t with_block1;
    uint32_t length;

    for (with_block1 = 0; with_block1 < 2; with_block1++)
        for (length = 90; length < 135; length++) {
            test_row = with_block1 * 1000u + (unsigned)length;
            begin();
            body_length = length;
            ask(COAP2_002_POST, "p");
            if (with_block1) put_block(COAP2_OPT_BLOCK1, BLOCK(0, 0, 2));
            put_pattern(0, 5);
            CHECK_EQ(send_asked(), COAP2_204_CHANGED);
            CHECK_EQ(runs, 1);
            if (option(COAP2_OPT_BLOCK2) == NO_BLOCK) {
                CHECK(payload_is(0, (size_t)length, 1));
                continue;
            }
            CHECK(payload_is(0, 64, 1));
            CHECK_EQ(post(BLOCK(1, 0, 2), 0), COAP2_204_CHANGED);
            CHECK(payload_is(64, (size_t)length - 64, 1) || length > 128);
        }
    CHECK(fences_stand());
}

/* FETCH whose question comes in blocks, too (8132 2.1): asked once. */
static void fetch_with_both(void)
{
    begin();
    body_length = 150;
    CHECK_EQ(put_as(COAP2_005_FETCH, "p", BLOCK(0, 1, 0), 16),
             COAP2_231_CONTINUE);
    CHECK_EQ(repeat(), COAP2_231_CONTINUE);
    CHECK_EQ(put_as(COAP2_005_FETCH, "p", BLOCK(1, 0, 0), 4),
             COAP2_205_CONTENT);
    CHECK(payload_is(0, 64, 1));
    CHECK_EQ(option(COAP2_OPT_BLOCK2), BLOCK(0, 1, 2));
    /* its acknowledgement was lost: the answer again, not 4.08 */
    CHECK_EQ(repeat(), COAP2_205_CONTENT);
    CHECK(payload_is(0, 64, 1));
    ask(COAP2_005_FETCH, "p");
    put_block(COAP2_OPT_BLOCK2, BLOCK(2, 0, 2));
    CHECK_EQ(send_asked(), COAP2_205_CONTENT);
    CHECK(payload_is(128, 22, 1));
    CHECK_EQ(runs, 1);
    CHECK(fences_stand());
}

/* The same for an answer that fits. */
static void fetch_question_in_blocks(void)
{
    begin();
    body_length = 10;
    CHECK_EQ(put_as(COAP2_005_FETCH, "p", BLOCK(0, 1, 0), 16),
             COAP2_231_CONTINUE);
    CHECK_EQ(put_as(COAP2_005_FETCH, "p", BLOCK(1, 0, 0), 4),
             COAP2_205_CONTENT);
    CHECK(payload_is(0, 10, 1));
    CHECK_EQ(repeat(), COAP2_205_CONTENT);
    CHECK(payload_is(0, 10, 1));
    CHECK_EQ(places_taken(), 0);
}

/* ---- anything else ------------------------------------------------------- */

static uint32_t seed = 1;

static uint32_t draw(uint32_t below)
{
    seed = seed * 1664525u + 1013904223u;
    return (seed >> 8) % below;
}

/* Requests without a plan, of three clients: each gets an answer and nothing
   else; what is stored is never damaged; nothing is written elsewhere. */
static void anything(void)
{
    static const char *const paths[] = {"p", "f", "w", "w2", "s"};
    static const uint8_t methods[] = {COAP2_001_GET, COAP2_002_POST,
                                      COAP2_003_PUT, COAP2_005_FETCH};
    static const uint16_t lengths[] = {0, 5, 16, 16, 32, 64, 64};
    unsigned i;

    begin();
    for (i = 0; i < ROUNDS; i++) {
        uint32_t number = draw(4), size = lengths[draw(7)];
        uint8_t szx = (uint8_t)draw(draw(20) == 0 ? 8 : 3), code;

        if (draw(50) == 0) number = draw(0x100000);
        client = loop_peer((uint8_t)(1 + draw(3)));
        body_length = draw(200);
        ask(methods[draw(4)], paths[draw(5)]);
        if (draw(3) == 0)
            put_block(COAP2_OPT_BLOCK2, BLOCK(number, draw(2), draw(8)));
        if (draw(3) != 0)
            put_block(COAP2_OPT_BLOCK1, BLOCK(number, draw(2), szx));
        put_pattern(number << (szx + 4), size);
        stored = 0;
        test_row = i + 1;
        code = send_asked();
        CHECK(code != 0 && code != COAP2_404_NOT_FOUND);
        if (code == COAP2_204_CHANGED && stored > 64 && stored < STORE_SIZE)
            CHECK(is_stored(stored) || number != 0);
        wire.time += draw(4000);
    }
    CHECK(fences_stand());
    wire.time += 3600000ul;
    client = loop_peer(9);
    CHECK_EQ(upload("w", 100, 0), COAP2_204_CHANGED);
    CHECK(is_stored(100));
    client = loop_peer(1);
}

int main(void)
{
    client = loop_peer(1);
    RUN("RFC 7959 2.4: large body", large_body_comes_in_blocks);
    RUN("RFC 7959 2.3: early negotiation", size_is_negotiated_early);
    RUN("RFC 7959 2.3: small packet", size_is_bounded_by_the_packet);
    RUN("RFC 7959 2.4: random access", random_access);
    RUN("RFC 7959 2.4: another size midway", size_changes_midway);
    RUN("RFC 7959 2.4: past the end", number_past_the_end);
    RUN("RFC 7959 2.2: NUM x size", number_times_size_does_not_wrap);
    RUN("RFC 7959 2.2: largest body", largest_body);
    RUN("RFC 7959 2.2: SZX 7, four bytes", values_that_are_none);
    RUN("RFC 7252 5.4.5: two of a kind", two_blocks_of_one_kind);
    RUN("RFC 7959 2.2: odd values", values_that_are_odd);
    RUN("RFC 7959 2.3: small body", small_body_in_a_block);
    RUN("RFC 7959 2.4: seeking", seeking_costs_what_its_blocks_cost);
    RUN("RFC 7959 2.4: no state", download_needs_no_state);
    RUN("RFC 7959 4: Size2", size_of_the_body);
    RUN("RFC 7959 2.4: ETag", etag_tells_of_a_change);
    RUN("RFC 7959 2.4: exact fit", exact_fit);
    RUN("RFC 7959 2.6: exact fit", exact_fit_of_notifications);
    RUN("RFC 7959 2.4: tiny packets", tiny_packets);
    RUN("RFC 7959 2.4: packets of all sizes", every_packet_size);
    RUN("RFC 7959 2.4: two clients", downloads_interleave);
    RUN("RFC 7959 2.8: group", group_goes_on_by_unicast);
    RUN("RFC 7959 2.6: notification", notification_is_the_first_block);
    RUN("RFC 7959 2.6: Observe, not first", observe_from_the_middle);
    RUN("RFC 8132 2.3: FETCH", fetch_in_blocks);
    RUN("RFC 6690 4: list of resources", list_of_resources);
    RUN("RFC 7252 5.2.3: by NON", blocks_by_non);
    RUN("RFC 7959 2.9: errors", errors_have_no_blocks);
    RUN("RFC 7959 2.5: four blocks", upload_in_four_blocks);
    RUN("RFC 7959 2.5: every size", uploads_of_every_size);
    RUN("RFC 7959 2.5: empty blocks", empty_blocks);
    RUN("RFC 7959 2.3: smaller midway", upload_goes_on_smaller);
    RUN("RFC 7959 2.9.3: no buffer", nowhere_to_put_bodies);
    RUN("RFC 7959 2.9.3: too large", body_too_large);
    RUN("RFC 7959 4: Size1", size_is_checked_at_the_first_block);
#ifndef __AVR__
    RUN("RFC 7959 2.9.3: large blocks", block_larger_than_the_packet);
#endif
    RUN("RFC 7959 2.9.2: gaps", gaps);
    RUN("RFC 7959 2.5: another format", format_changes_between);
    RUN("RFC 7959 2.5: another size", block_of_another_size);
    RUN("RFC 7959 2.2: SZX 7 midway", bad_block_frees_the_place);
    RUN("RFC 7959 2.5: interleaved", uploads_interleave);
    RUN("RFC 7959 2.5: another port", port_is_part_of_an_endpoint);
    RUN("RFC 9175 3.4: Request-Tag", request_tag_tells_bodies_apart);
    RUN("RFC 7959 2.5: other options", options_tell_bodies_apart);
    RUN("RFC 7959 2.5: blocks again", blocks_again_by_new_messages);
    RUN("RFC 7252 4.5: messages again", messages_again);
    RUN("RFC 7959 2.5: anew", first_block_begins_anew);
    RUN("RFC 7959 7.1: abandoned", abandoned_uploads);
    RUN("RFC 7959 2.5: idle places", idle_places_are_taken);
    RUN("RFC 7959 2.5: slow upload", slow_upload);
    RUN("RFC 7959 2.5: refused body", handler_refuses_a_body);
    RUN("RFC 7252 5.9.2: refused first", refused_before_the_body);
    RUN("RFC 7252 5.10.8: conditions", conditions_of_a_body);
    RUN("RFC 7252 5.2.2: late", late_answer_to_a_body);
    RUN("RFC 7959 2.5: of nothing", block_of_nothing);
    RUN("RFC 7959 2.5: pieces", pieces);
    RUN("RFC 7959 2.5: one piece", one_piece);
    RUN("RFC 7959 2.5: pieces, long answers", long_answers_to_pieces);
    RUN("RFC 7959 2.9: pieces refused", pieces_refused_midway);
    RUN("RFC 7959 2.9.2: pieces, gaps", pieces_that_do_not_fit);
    RUN("RFC 7959 2.5: pieces, two clients", pieces_interleave);
    RUN("RFC 7959 2.5: pieces, no place", pieces_without_a_place);
    RUN("RFC 7252 5.10.8: pieces", conditions_of_pieces);
    RUN("RFC 7959 2.7: kept answer", answer_is_kept);
    RUN("RFC 7252 4.5: kept, again", kept_blocks_again);
    RUN("RFC 7252 4.5: kept, the same", kept_answer_is_the_same_again);
    RUN("RFC 7959 2.7: long options", options_are_too_long_to_keep);
    RUN("RFC 7252 4.4: kept, its id", id_of_a_kept_answer);
    RUN("RFC 7959 2.7: runs once", next_block_never_runs_the_handler);
    RUN("RFC 7959 2.7: nowhere to keep", answer_that_nobody_can_keep);
    RUN("RFC 7959 2.7: places of answers", places_of_answers);
    RUN("RFC 7959 2.7: bodies stay", answers_leave_bodies_alone);
    RUN("RFC 7959 2.7: newer answer", newer_answer_replaces_the_kept_one);
    RUN("RFC 7959 2.7: size asked for", size_of_a_kept_answer);
    RUN("RFC 7959 2.7: exact fit", exact_fit_of_unsafe_answers);
    RUN("RFC 8132 2.1: FETCH, both", fetch_with_both);
    RUN("RFC 8132 2.1: FETCH, Block1", fetch_question_in_blocks);
    RUN("RFC 7959 2: anything", anything);
    return test_end();
}
