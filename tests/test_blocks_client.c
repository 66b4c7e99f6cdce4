/* A node as client of bodies beyond a packet (RFC 7959): against a server that
   is played by hand, also one that errs or means harm, and against a node as
   server, over a wire that loses, doubles and delays. */
#define LOOP_SENT 64
#define LOOP_QUEUE 32
#define COAP2_REPLY_SIZE 128 /* of more the code alone is repeated */
#define COAP2_IMPLEMENTATION
#include "../coap2.h"
#include "loop.h"

enum { PACKET = 128, EXCHANGES = COAP2_MAX_EXCHANGES, STORE_SIZE = 2048 };

/* ---- the client ---------------------------------------------------------- */

static coap2_node node;
static loop wire;
static uint8_t in[1280], out[(EXCHANGES + 1) * PACKET];

/* What the callback was told: the last time, and all bytes by their place. */
static unsigned ends, mores;
static coap2_result result;
static bool was_last;
static uint8_t code;
static uint32_t offset, total;
static size_t length; /* of the payload */
static uint8_t store[STORE_SIZE], last_byte;
static uint8_t body[STORE_SIZE];
static unsigned cancel_at; /* the piece at which it is cancelled; 0: none */

static uint8_t pattern(uint32_t at, uint8_t which)
{
    return (uint8_t)(at * 5u + at / 256u + which);
}

static void on_reply(const coap2_reply *reply)
{
    if (reply->more)
        mores++;
    else
        ends++;
    result = reply->result;
    was_last = reply->last;
    offset = reply->offset;
    total = reply->total;
    code = 0;
    length = 0;
    if (reply->msg != NULL) {
        code = reply->msg->code;
        length = reply->msg->payload_length;
        CHECK(length <= sizeof store);
        if (offset + length <= sizeof store)
            memcpy(store + offset, reply->msg->payload, length);
        if (length > 0) last_byte = reply->msg->payload[length - 1];
    }
    if (cancel_at != 0 && mores == cancel_at && reply->more)
        CHECK_EQ(coap2_cancel(reply->node, reply->request), COAP2_OK);
}

static unsigned pulls;
static uint32_t pulled_at;
static size_t pulled;

static void on_pull(void *user, uint32_t at, uint8_t *bytes, size_t size)
{
    size_t i;

    (void)user;
    pulls++;
    pulled_at = at;
    pulled = size;
    for (i = 0; i < size; i++) bytes[i] = pattern(at + (uint32_t)i, 3);
}

static void fresh(void)
{
    memset(&node, 0, sizeof node);
    memset(store, 0, sizeof store);
    memset(body, 0xee, sizeof body);
    ends = mores = pulls = cancel_at = 0;
    result = 99;
    wire.time = 100000;
    loop_plug(&wire, &node);
    node.in = in;
    node.in_size = sizeof in;
    node.out = out;
    node.out_size = sizeof out;
    node.packet = PACKET;
    CHECK_EQ(coap2_start(&node, 7959), COAP2_OK);
}

static bool holds(const uint8_t *bytes, size_t size, uint8_t which)
{
    size_t i;

    for (i = 0; i < size; i++)
        if (bytes[i] != pattern((uint32_t)i, which)) return false;
    return true;
}

/* ---- what it asked ------------------------------------------------------- */

#define BLOCK(number, more, szx) \
    ((uint32_t)(number)*16u + (uint32_t)(more)*8u + (uint32_t)(szx))
#define NONE 0xffffffffu

static coap2_msg asked; /* the request that was sent last */

/* Poll; is there one more request, and only one, since the last time? */
static bool asks(void)
{
    const loop_packet *packet;

    loop_poll(&wire, &node);
    memset(&asked, 0, sizeof asked);
    if (wire.count == 0) return false;
    CHECK_EQ(wire.count, 1);
    packet = loop_sent(&wire, wire.count - 1);
    CHECK(packet->length <= PACKET);
    return coap2_msg_parse(&asked, packet->bytes, packet->length) == COAP2_OK &&
           asked.code != 0;
}

static uint32_t option(uint16_t number)
{
    coap2_opt opt;
    uint32_t value = 0;

    if (!coap2_msg_find(&asked, number, &opt)) return NONE;
    CHECK(coap2_opt_uint(&opt, &value));
    return value;
}

static unsigned count_of(uint16_t number)
{
    coap2_opt opt;
    unsigned n = 0;

    for (opt = asked.options; coap2_opt_next(&opt);)
        if (opt.number == number) n++;
    return n;
}

/* Does it ask for this block, by a message like a first one? */
static bool asks_for(uint32_t block2)
{
    return asks() && option(COAP2_OPT_BLOCK2) == block2;
}

static bool payload_is(uint32_t at, size_t size)
{
    size_t i;

    if (asked.payload_length != size) return false;
    for (i = 0; i < size; i++)
        if (asked.payload[i] != pattern(at + (uint32_t)i, 3)) return false;
    return true;
}

/* ---- what it is answered ------------------------------------------------- */

static coap2_writer reply_writer;
static uint8_t reply_bytes[1280];

/* An answer to `asked`: begun, added to, sent. */
static void answer(uint8_t answer_code)
{
    coap2_write_start(&reply_writer, reply_bytes, sizeof reply_bytes);
    coap2_write_header(&reply_writer, COAP2_ACK, answer_code, asked.id,
                       asked.token, asked.token_length);
}

static void with(uint16_t number, uint32_t value)
{
    if (value != NONE) coap2_write_uint(&reply_writer, number, value);
}

static void send_answer(void)
{
    size_t size = coap2_write_end(&reply_writer);

    CHECK(size > 0);
    loop_clear(&wire);
    loop_push_at(&wire, loop_peer(1), reply_bytes, size, wire.time);
}

static void with_body(uint32_t at, size_t size, uint8_t which)
{
    for (; size > 0; size--) {
        uint8_t byte = pattern(at++, which);

        coap2_write_payload(&reply_writer, &byte, 1);
    }
}

/* 2.05 with Block2 and so much of the pattern; an ETag of one byte, if any. */
static void give(uint32_t block2, size_t size, uint32_t etag)
{
    answer(COAP2_205_CONTENT);
    with(COAP2_OPT_BLOCK2, block2);
    with(COAP2_OPT_ETAG, etag);
    with_body(block2 == NONE ? 0 : (block2 >> 4) << ((block2 & 7u) + 4u), size,
              etag == NONE ? 0 : (uint8_t)etag);
    send_answer();
}

static void reply_code(uint8_t answer_code, uint32_t block1)
{
    answer(answer_code);
    with(COAP2_OPT_BLOCK1, block1);
    send_answer();
}

static void begin_get(void)
{
    fresh();
    CHECK(coap2_get(&node, "coap://192.0.2.1/x", on_reply, NULL) > 0);
    CHECK(asks());
    CHECK_EQ(asked.code, COAP2_001_GET);
}

/* GET into `body`. */
static void begin_get_whole(size_t size)
{
    coap2_call call;

    fresh();
    coap2_call_start(&call, &node, COAP2_GET, "coap://192.0.2.1/x");
    call.body = body;
    call.body_size = size;
    CHECK(coap2_call_send(&call, on_reply, NULL) > 0);
    CHECK(asks());
}

static int16_t begin_push(uint8_t method, uint32_t size, uint8_t szx)
{
    coap2_call call;
    int16_t handle;

    fresh();
    coap2_call_start(&call, &node, method, "coap://192.0.2.1/x");
    call.pull = on_pull;
    call.pull_length = size;
    call.szx = szx;
    handle = coap2_call_send(&call, on_reply, NULL);
    CHECK(handle > 0);
    CHECK(asks());
    return handle;
}

/* It has ended so, once, sends nothing more, and is free for the next. */
static void ended(coap2_result want)
{
    loop_clear(&wire);
    loop_poll(&wire, &node);
    CHECK_EQ(ends, 1);
    CHECK_EQ((uint8_t)result, (uint8_t)want);
    CHECK_EQ(wire.count, 0);
    CHECK_EQ(loop_poll(&wire, &node), COAP2_FOREVER);
    CHECK_EQ(ends, 1);
}

static void ends_as(coap2_result want)
{
    loop_poll(&wire, &node);
    ended(want);
}

/* ---- Block2 -------------------------------------------------------------- */

static void body_in_pieces(void)
{
    uint8_t token[8];
    uint16_t id;

    begin_get();
    CHECK_EQ(option(COAP2_OPT_BLOCK2), NONE);
    memcpy(token, asked.token, asked.token_length);
    id = asked.id;
    answer(COAP2_205_CONTENT);
    with(COAP2_OPT_BLOCK2, BLOCK(0, 1, 2));
    with(COAP2_OPT_SIZE2, 150);
    with(COAP2_OPT_ETAG, 1);
    with_body(0, 64, 1);
    send_answer();
    CHECK(asks_for(BLOCK(1, 0, 2)));
    CHECK_EQ(mores, 1);
    CHECK_EQ(offset, 0);
    CHECK_EQ(length, 64);
    CHECK_EQ(total, 150);
    CHECK(!was_last);
    /* a request of its own, of the same kind (2.4) */
    CHECK_EQ(asked.code, COAP2_001_GET);
    CHECK_EQ(asked.type, COAP2_CON);
    CHECK_EQ(count_of(COAP2_OPT_URI_PATH), 1);
    CHECK(asked.id != id);
    CHECK(memcmp(asked.token, token, asked.token_length) != 0);
    give(BLOCK(1, 1, 2), 64, 1);
    CHECK(asks_for(BLOCK(2, 0, 2)));
    CHECK_EQ(mores, 2);
    CHECK_EQ(offset, 64);
    CHECK_EQ(total, 150);
    give(BLOCK(2, 0, 2), 22, 1);
    ends_as(COAP2_OK);
    CHECK_EQ(mores, 2);
    CHECK_EQ(offset, 128);
    CHECK(was_last);
    CHECK_EQ(code, COAP2_205_CONTENT);
    CHECK(holds(store, 150, 1));
}

/* No Size2: the length is not known. One block: as any answer. */
static void body_without_a_length(void)
{
    begin_get();
    give(BLOCK(0, 1, 0), 16, NONE);
    CHECK(asks_for(BLOCK(1, 0, 0)));
    CHECK_EQ(total, 0);
    give(BLOCK(1, 0, 0), 0, NONE);
    ends_as(COAP2_OK);
    CHECK_EQ(length, 0);
    CHECK(was_last);
    CHECK_EQ(offset, 16);
    begin_get();
    give(BLOCK(0, 0, 6), 100, NONE);
    ends_as(COAP2_OK);
    CHECK_EQ(mores, 0);
    CHECK(was_last);
    CHECK_EQ(offset, 0);
    CHECK_EQ(length, 100);
}

/* Put together in the caller's buffer, to its last byte. */
static void body_put_together(void)
{
    begin_get_whole(80);
    give(BLOCK(0, 1, 1), 32, 4);
    CHECK(asks_for(BLOCK(1, 0, 1)));
    give(BLOCK(1, 1, 1), 32, 4);
    CHECK(asks_for(BLOCK(2, 0, 1)));
    CHECK_EQ(mores, 0);
    give(BLOCK(2, 0, 1), 16, 4);
    ends_as(COAP2_OK);
    CHECK_EQ(mores, 0);
    CHECK_EQ(offset, 0);
    CHECK_EQ(length, 80);
    CHECK(holds(store, 80, 4));
    CHECK(holds(body, 80, 4));
    CHECK_EQ(body[80], 0xee);
}

static void body_that_does_not_fit(void)
{
    begin_get_whole(79);
    give(BLOCK(0, 1, 1), 32, 4);
    CHECK(asks());
    give(BLOCK(1, 1, 1), 32, 4);
    CHECK(asks());
    give(BLOCK(2, 0, 1), 16, 4);
    ends_as(COAP2_ERR_SPACE);
    CHECK_EQ(body[79], 0xee);
    begin_get_whole(31);
    give(BLOCK(0, 1, 1), 32, 4);
    ends_as(COAP2_ERR_SPACE);
    CHECK_EQ(body[31], 0xee);
}

/* The server's blocks may become smaller, not larger (2.4). */
static void server_sets_the_size(void)
{
    begin_get();
    give(BLOCK(0, 1, 6), 1024, 1);
    CHECK(asks_for(BLOCK(1, 0, 6)));
    give(BLOCK(16, 1, 2), 64, 1);
    CHECK(asks_for(BLOCK(17, 0, 2)));
    CHECK_EQ(offset, 1024);
    give(BLOCK(68, 0, 0), 9, 1);
    ends_as(COAP2_OK);
    CHECK_EQ(offset, 1088);
    CHECK_EQ(length, 9);
    CHECK(holds(store, 1097, 1));
}

/* call.szx is a bound on both ways, and is told (2.4, early negotiation). */
static void size_of_the_callers_wish(void)
{
    coap2_call call;

    fresh();
    coap2_call_start(&call, &node, COAP2_GET, "coap://192.0.2.1/x");
    call.szx = 1;
    CHECK(coap2_call_send(&call, on_reply, NULL) > 0);
    CHECK(asks_for(BLOCK(0, 0, 1)));
    give(BLOCK(0, 1, 1), 32, 1);
    CHECK(asks_for(BLOCK(1, 0, 1)));
    give(BLOCK(1, 0, 1), 3, 1);
    ends_as(COAP2_OK);
    CHECK(holds(store, 35, 1));
}

/* A body that changes in between begins anew (2.4), but not for ever. */
static void etag_changes(void)
{
    unsigned i;

    begin_get();
    give(BLOCK(0, 1, 0), 16, 1);
    CHECK(asks_for(BLOCK(1, 0, 0)));
    give(BLOCK(1, 1, 0), 16, 2);
    CHECK(asks_for(BLOCK(0, 0, 0)));
    CHECK_EQ(mores, 1);
    give(BLOCK(0, 1, 0), 16, 2);
    CHECK(asks_for(BLOCK(1, 0, 0)));
    CHECK_EQ(offset, 0);
    CHECK_EQ(mores, 2);
    give(BLOCK(1, 0, 0), 5, 2);
    ends_as(COAP2_OK);
    CHECK(holds(store, 21, 2));
    begin_get_whole(100);
    for (i = 0; i < 50 && ends == 0; i++) {
        give(BLOCK(i % 2, 1, 0), 16, i + 1);
        asks();
    }
    CHECK(i < 20);
    ended(COAP2_ERR_FORMAT);
}

/* The length that was said of the old body is not that of the new one. */
static void length_of_a_changed_body(void)
{
    begin_get();
    answer(COAP2_205_CONTENT);
    with(COAP2_OPT_BLOCK2, BLOCK(0, 1, 0));
    with(COAP2_OPT_SIZE2, 40);
    with(COAP2_OPT_ETAG, 1);
    with_body(0, 16, 1);
    send_answer();
    CHECK(asks());
    CHECK_EQ(total, 40);
    give(BLOCK(1, 1, 0), 16, 2);
    CHECK(asks_for(BLOCK(0, 0, 0)));
    give(BLOCK(0, 0, 0), 9, 2);
    ends_as(COAP2_OK);
    CHECK_EQ(total, 0);
}

/* One that comes or goes is a change, too. */
static void etag_vanishes(void)
{
    begin_get();
    give(BLOCK(0, 1, 0), 16, 1);
    CHECK(asks());
    give(BLOCK(1, 0, 0), 4, NONE);
    CHECK(asks_for(BLOCK(0, 0, 0)));
    CHECK_EQ(ends, 0);
    give(BLOCK(0, 1, 0), 16, NONE);
    CHECK(asks());
    give(BLOCK(1, 0, 0), 4, 5);
    CHECK(asks_for(BLOCK(0, 0, 0)));
    give(BLOCK(0, 0, 0), 4, 5);
    ends_as(COAP2_OK);
    CHECK(holds(store, 4, 5));
}

/* A body that became shorter than the part that is there already has changed
   as well: 4.00 begins it anew, but not for ever. */
static void body_becomes_shorter(void)
{
    unsigned i;

    begin_get();
    give(BLOCK(0, 1, 0), 16, 1);
    CHECK(asks());
    give(BLOCK(1, 1, 0), 16, 1);
    CHECK(asks_for(BLOCK(2, 0, 0)));
    reply_code(COAP2_400_BAD_REQUEST, NONE);
    CHECK(asks_for(BLOCK(0, 0, 0)));
    CHECK_EQ(ends, 0);
    give(BLOCK(0, 0, 0), 7, 2);
    ends_as(COAP2_OK);
    CHECK_EQ(offset, 0);
    CHECK_EQ(length, 7);
    CHECK(was_last);
    CHECK(holds(store, 7, 2));
    begin_get();
    for (i = 0; i < 50 && ends == 0; i++) {
        if (i % 2 == 0)
            give(BLOCK(0, 1, 0), 16, 1);
        else
            reply_code(COAP2_400_BAD_REQUEST, NONE);
        asks();
    }
    CHECK(i < 20);
    CHECK_EQ(ends, 1);
}

/* 97: what a hostile server may say; each ends by an error. */
typedef struct bad_block {
    uint32_t block2;
    size_t size;
} bad_block;

static void blocks_that_do_not_fit_together(void)
{
    static const bad_block rows[] = {
        {BLOCK(2, 1, 1), 32}, /* not the next one */
        {BLOCK(0, 1, 1), 32}, /* the same again */
        {BLOCK(0xfffff, 1, 1), 32},
        {BLOCK(1, 1, 2), 64}, /* larger than asked for */
        {BLOCK(0, 1, 2), 64},
        {BLOCK(1, 1, 1), 0}, /* more to come, but nothing here */
        {BLOCK(1, 1, 1), 31},
        {BLOCK(1, 1, 1), 33}, /* more than its size */
        {BLOCK(1, 0, 1), 33},
        {BLOCK(1, 1, 7), 32},    /* reserved */
        {BLOCK(1, 1, 0), 16},    /* another place */
        {NONE, 20},              /* no Block2 at all */
        {0x1000000ul + 24, 32}}; /* four bytes */
    unsigned i;

    for (i = 0; i < sizeof rows / sizeof *rows; i++) {
        test_row = i + 1;
        begin_get();
        give(BLOCK(0, 1, 1), 32, NONE);
        CHECK(asks_for(BLOCK(1, 0, 1)));
        give(rows[i].block2, rows[i].size, NONE);
        ends_as(COAP2_ERR_FORMAT);
        CHECK_EQ(mores, 1);
    }
}

/* A size that grows again, at the right place. */
static void blocks_that_grow(void)
{
    begin_get();
    give(BLOCK(0, 1, 2), 64, NONE);
    CHECK(asks_for(BLOCK(1, 0, 2)));
    give(BLOCK(1, 1, 3), 128, NONE);
    ends_as(COAP2_ERR_FORMAT);
    begin_get();
    give(BLOCK(0, 1, 1), 32, NONE);
    CHECK(asks());
    give(BLOCK(1, 1, 1), 32, NONE);
    CHECK(asks_for(BLOCK(2, 0, 1)));
    give(BLOCK(1, 1, 2), 64, NONE);
    ends_as(COAP2_ERR_FORMAT);
    CHECK_EQ(mores, 2);
}

static void first_blocks_that_make_no_sense(void)
{
    static const bad_block rows[] = {{BLOCK(1, 1, 1), 32},
                                     {BLOCK(0, 1, 1), 0},
                                     {BLOCK(0, 1, 1), 31},
                                     {BLOCK(0, 0, 1), 33},
                                     {BLOCK(0, 0, 7), 10}};
    unsigned i;

    for (i = 0; i < sizeof rows / sizeof *rows; i++) {
        test_row = i + 1;
        begin_get();
        give(rows[i].block2, rows[i].size, NONE);
        ends_as(COAP2_ERR_FORMAT);
        CHECK_EQ(mores, 0);
    }
}

/* M=1 for ever: the numbers end, a buffer ends sooner. */
static void blocks_without_end(void)
{
    uint32_t i;

    begin_get_whole(sizeof body);
    for (i = 0; i < 1000 && ends == 0; i++) {
        give(BLOCK(i, 1, 0), 16, 1);
        asks();
    }
    CHECK_EQ(i, sizeof body / 16 + 1);
    ended(COAP2_ERR_SPACE);
    begin_get();
    for (i = 0; i < 0x100010ul && ends == 0; i++) {
        answer(COAP2_205_CONTENT);
        coap2_write_uint(&reply_writer, COAP2_OPT_BLOCK2, BLOCK(i, 1, 0));
        coap2_write_payload(&reply_writer, "0123456789abcdef", 16);
        send_answer();
        loop_poll(&wire, &node);
        if (wire.count != 1) break;
        coap2_msg_parse(&asked, wire.sent[0].bytes, wire.sent[0].length);
    }
    CHECK_EQ(mores, 0x100000ul);
    ended(COAP2_ERR_FORMAT);
}

/* An error in the middle is the answer; it is no part of a body. */
static void error_midway(void)
{
    begin_get();
    give(BLOCK(0, 1, 1), 32, 1);
    CHECK(asks());
    answer(COAP2_404_NOT_FOUND);
    coap2_write_payload(&reply_writer, "gone", 4);
    send_answer();
    ends_as(COAP2_OK);
    CHECK_EQ(code, COAP2_404_NOT_FOUND);
    CHECK_EQ(offset, 0);
    CHECK_EQ(length, 4);
    CHECK(was_last);
    begin_get_whole(40);
    give(BLOCK(0, 1, 1), 32, 1);
    CHECK(asks());
    answer(COAP2_404_NOT_FOUND);
    coap2_write_payload(&reply_writer, "a long diagnostic, for people", 29);
    send_answer();
    ends_as(COAP2_OK);
    CHECK_EQ(code, COAP2_404_NOT_FOUND);
    CHECK_EQ(length, 29);
    CHECK_EQ(last_byte, 'e');
    CHECK_EQ(store[0], 'a');
}

static void cancelled_inside_a_piece(void)
{
    begin_get();
    cancel_at = 2;
    give(BLOCK(0, 1, 1), 32, 1);
    CHECK(asks());
    give(BLOCK(1, 1, 1), 32, 1);
    ends_as(COAP2_ERR_CANCELLED);
    CHECK_EQ(mores, 2);
    /* and between two */
    begin_get();
    give(BLOCK(0, 1, 1), 32, 1);
    CHECK(asks());
    CHECK_EQ(coap2_cancel(&node, node.last_handle), COAP2_OK);
    ended(COAP2_ERR_CANCELLED);
}

/* In the callback of a piece this request ends and another one begins, which
   may take its place: nothing of the old one is done any more. */
static void on_reply_anew(const coap2_reply *reply)
{
    on_reply(reply);
    if (reply->result != COAP2_ERR_CANCELLED) return;
    CHECK(coap2_get(reply->node, "coap://192.0.2.1/y", on_reply, NULL) > 0);
}

static void another_begun_inside_a_piece(void)
{
    fresh();
    CHECK(coap2_get(&node, "coap://192.0.2.1/x", on_reply_anew, NULL) > 0);
    CHECK(asks());
    cancel_at = 1;
    give(BLOCK(0, 1, 1), 32, 1);
    CHECK(asks());
    CHECK_EQ(option(COAP2_OPT_BLOCK2), NONE);
    CHECK_EQ(ends, 1);
    cancel_at = 0;
    give(NONE, 5, 1);
    loop_poll(&wire, &node);
    CHECK_EQ(ends, 2);
    CHECK_EQ(result, COAP2_OK);
    CHECK_EQ(offset, 0);
}

/* Each block is a request: it is retransmitted, and times out, for itself. */
static void block_times_out(void)
{
    begin_get();
    give(BLOCK(0, 1, 1), 32, 1);
    CHECK(asks());
    loop_pass(&wire, &node, 60000);
    CHECK_EQ(wire.count, 5);
    CHECK_BYTES(wire.sent[4].bytes, wire.sent[4].length, wire.sent[0].bytes,
                wire.sent[0].length);
    CHECK_EQ(ends, 0);
    give(BLOCK(1, 1, 1), 32, 1);
    CHECK(asks_for(BLOCK(2, 0, 1)));
    loop_pass(&wire, &node, COAP2_DEADLINE - 1000);
    CHECK_EQ(wire.count, 5);
    loop_pass(&wire, &node, 1000);
    ended(COAP2_ERR_TIMEOUT);
    CHECK_EQ(mores, 2);
    begin_get_whole(100);
    give(BLOCK(0, 1, 1), 32, 1);
    CHECK(asks());
    coap2_write_start(&reply_writer, reply_bytes, sizeof reply_bytes);
    coap2_write_header(&reply_writer, COAP2_RST, 0, asked.id, NULL, 0);
    send_answer();
    ends_as(COAP2_ERR_RESET);
}

/* Late answers to earlier blocks, under their tokens, are not taken for the
   one that is waited for; a repeated one changes nothing. */
static void old_answers_are_dropped(void)
{
    coap2_msg first;
    static uint8_t bytes[LOOP_BYTES];

    begin_get();
    first = asked;
    memcpy(bytes, asked.token, asked.token_length);
    first.token = bytes;
    give(BLOCK(0, 1, 1), 32, 1);
    CHECK(asks());
    {
        coap2_msg second = asked;

        asked = first;
        give(BLOCK(0, 1, 1), 32, 1);
        loop_poll(&wire, &node);
        CHECK_EQ(wire.count, 0);
        CHECK_EQ(mores, 1);
        asked = second;
        asked.token = node.exchanges[0].token;
    }
    give(BLOCK(1, 0, 1), 3, 1);
    ends_as(COAP2_OK);
    CHECK(holds(store, 35, 1));
}

/* Blocks may come as messages of their own (7252 5.2.2). */
static void separate_blocks(void)
{
    begin_get();
    answer(COAP2_205_CONTENT);
    with(COAP2_OPT_BLOCK2, BLOCK(0, 1, 0));
    with_body(0, 16, 0);
    reply_bytes[0] = (uint8_t)(reply_bytes[0] & 0xcfu); /* CON */
    reply_bytes[2] ^= 0x55;
    send_answer();
    loop_poll(&wire, &node);
    CHECK_EQ(wire.count, 2); /* its ACK, the next request */
    CHECK_EQ(wire.sent[0].bytes[0], 0x60);
    CHECK_EQ(mores, 1);
    loop_clear(&wire);
    loop_push_at(&wire, loop_peer(1), reply_bytes,
                 coap2_write_end(&reply_writer), wire.time);
    loop_poll(&wire, &node);
    CHECK_EQ(wire.count, 1); /* again the ACK, nothing else */
    CHECK_EQ(wire.sent[0].bytes[0], 0x60);
    CHECK_EQ(mores, 1);
}

/* A block that node.in does not hold: the same again, smaller, or at the least
   an error; never for ever. */
static void block_beyond_the_buffer(void)
{
    fresh();
    node.in_size = 128;
    CHECK(coap2_get(&node, "coap://192.0.2.1/x", on_reply, NULL) > 0);
    CHECK(asks());
    give(BLOCK(0, 1, 6), 1024, 1);
    CHECK(asks_for(BLOCK(0, 0, 2)));
    CHECK_EQ(ends, 0);
    if (ends != 0) return;
    give(BLOCK(0, 1, 2), 64, 1);
    CHECK(asks_for(BLOCK(1, 0, 2)));
    give(BLOCK(1, 0, 6), 1024, 1); /* obstinate */
    ends_as(COAP2_ERR_SPACE);
}

/* ---- Block1 -------------------------------------------------------------- */

/* The body is pulled, piece by piece, in order. Size1 stands in the first
   message, Request-Tag in all (RFC 9175 3.3). */
static void body_pulled(void)
{
    uint32_t tag;

    begin_push(COAP2_PUT, 150, 6);
    CHECK_EQ(option(COAP2_OPT_BLOCK1), BLOCK(0, 1, 2));
    CHECK_EQ(option(COAP2_OPT_SIZE1), 150);
    tag = option(COAP2_OPT_REQUEST_TAG);
    CHECK(tag != NONE);
    CHECK(payload_is(0, 64));
    reply_code(COAP2_231_CONTINUE, BLOCK(0, 1, 2));
    CHECK(asks());
    CHECK_EQ(option(COAP2_OPT_BLOCK1), BLOCK(1, 1, 2));
    CHECK_EQ(option(COAP2_OPT_SIZE1), NONE);
    CHECK_EQ(option(COAP2_OPT_REQUEST_TAG), tag);
    CHECK(payload_is(64, 64));
    CHECK_EQ(pulled_at, 64);
    CHECK_EQ(mores, 0);
    reply_code(COAP2_231_CONTINUE, BLOCK(1, 1, 2));
    CHECK(asks());
    CHECK_EQ(option(COAP2_OPT_BLOCK1), BLOCK(2, 0, 2));
    CHECK_EQ(option(COAP2_OPT_REQUEST_TAG), tag);
    CHECK_EQ(count_of(COAP2_OPT_URI_PATH), 1);
    CHECK(payload_is(128, 22));
    CHECK_EQ(pulls, 3);
    reply_code(COAP2_204_CHANGED, BLOCK(2, 0, 2));
    ends_as(COAP2_OK);
    CHECK_EQ(code, COAP2_204_CHANGED);
    CHECK(was_last);
    CHECK_EQ(offset, 0);
}

/* What fits one message needs no Block1; nothing at all does neither. */
static void small_body_pulled(void)
{
    static const uint8_t sizes[] = {0, 1, 63, 64};
    unsigned i;

    for (i = 0; i < sizeof sizes; i++) {
        test_row = i + 1;
        begin_push(COAP2_PUT, sizes[i], 6);
        CHECK_EQ(option(COAP2_OPT_BLOCK1), NONE);
        CHECK_EQ(option(COAP2_OPT_SIZE1), NONE);
        CHECK(payload_is(0, sizes[i]));
        reply_code(COAP2_204_CHANGED, NONE);
        ends_as(COAP2_OK);
    }
    begin_push(COAP2_PUT, 128, 6); /* two whole blocks, not three */
    reply_code(COAP2_231_CONTINUE, BLOCK(0, 1, 2));
    CHECK(asks());
    CHECK_EQ(option(COAP2_OPT_BLOCK1), BLOCK(1, 0, 2));
    CHECK(payload_is(64, 64));
}

/* Two uploads to one resource have different tags (RFC 9175 3.4). */
static void tags_differ(void)
{
    uint32_t tag;

    begin_push(COAP2_PUT, 150, 0);
    CHECK_EQ(option(COAP2_OPT_BLOCK1), BLOCK(0, 1, 0));
    tag = option(COAP2_OPT_REQUEST_TAG);
    reply_code(COAP2_408_REQUEST_ENTITY_INCOMPLETE, NONE);
    ends_as(COAP2_OK);
    CHECK_EQ(code, COAP2_408_REQUEST_ENTITY_INCOMPLETE);
    {
        coap2_call call;

        coap2_call_start(&call, &node, COAP2_PUT, "coap://192.0.2.1/x");
        call.pull = on_pull;
        call.pull_length = 150;
        CHECK(coap2_call_send(&call, on_reply, NULL) > 0);
        loop_clear(&wire);
        CHECK(asks());
        CHECK(option(COAP2_OPT_REQUEST_TAG) != tag);
    }
}

/* 99: a 2.31 that does not fit what was sent. */
static void continue_that_makes_no_sense(void)
{
    static const uint32_t rows[] = {BLOCK(1, 1, 1),       BLOCK(0, 1, 2),
                                    BLOCK(0, 1, 7),       NONE,
                                    BLOCK(0xfffff, 1, 1), 0x1000000ul};
    unsigned i;

    for (i = 0; i < sizeof rows / sizeof *rows; i++) {
        test_row = i + 1;
        begin_push(COAP2_PUT, 150, 1);
        reply_code(COAP2_231_CONTINUE, rows[i]);
        ends_as(COAP2_ERR_FORMAT);
    }
    /* behind the last block, for a body of one, and to a GET */
    begin_push(COAP2_PUT, 40, 1);
    reply_code(COAP2_231_CONTINUE, BLOCK(0, 1, 1));
    CHECK(asks());
    reply_code(COAP2_231_CONTINUE, BLOCK(1, 1, 1));
    ends_as(COAP2_ERR_FORMAT);
    begin_push(COAP2_PUT, 20, 1);
    reply_code(COAP2_231_CONTINUE, BLOCK(0, 1, 1));
    ends_as(COAP2_ERR_FORMAT);
    begin_get();
    reply_code(COAP2_231_CONTINUE, BLOCK(0, 1, 1));
    ends_as(COAP2_ERR_FORMAT);
}

/* The server wants smaller blocks: from the next one on (2.3, figure 9). */
static void smaller_blocks_are_asked_for(void)
{
    begin_push(COAP2_PUT, 150, 2);
    reply_code(COAP2_231_CONTINUE, BLOCK(0, 1, 0));
    CHECK(asks());
    CHECK_EQ(option(COAP2_OPT_BLOCK1), BLOCK(4, 1, 0));
    CHECK(payload_is(64, 16));
    reply_code(COAP2_231_CONTINUE, BLOCK(4, 1, 0));
    CHECK(asks());
    CHECK_EQ(option(COAP2_OPT_BLOCK1), BLOCK(5, 1, 0));
    CHECK(payload_is(80, 16));
}

/* 4.13 with a smaller size: again from the start (2.9.3); without one, or with
   none that is smaller, it is the answer. */
static void too_large_begins_smaller(void)
{
    begin_push(COAP2_PUT, 150, 2);
    reply_code(COAP2_413_REQUEST_ENTITY_TOO_LARGE, BLOCK(0, 1, 0));
    CHECK(asks());
    CHECK_EQ(option(COAP2_OPT_BLOCK1), BLOCK(0, 1, 0));
    CHECK_EQ(count_of(COAP2_OPT_REQUEST_TAG), 1);
    CHECK_EQ(count_of(COAP2_OPT_SIZE1), 1);
    CHECK(payload_is(0, 16));
    reply_code(COAP2_231_CONTINUE, BLOCK(0, 1, 0));
    CHECK(asks());
    CHECK_EQ(option(COAP2_OPT_BLOCK1), BLOCK(1, 1, 0));
    CHECK(payload_is(16, 16));
    reply_code(COAP2_413_REQUEST_ENTITY_TOO_LARGE, NONE);
    ends_as(COAP2_OK);
    CHECK_EQ(code, COAP2_413_REQUEST_ENTITY_TOO_LARGE);
    begin_push(COAP2_PUT, 150, 2);
    reply_code(COAP2_413_REQUEST_ENTITY_TOO_LARGE, BLOCK(0, 1, 2));
    ends_as(COAP2_OK);
    CHECK_EQ(code, COAP2_413_REQUEST_ENTITY_TOO_LARGE);
    begin_push(COAP2_PUT, 60, 6); /* one that was sent whole */
    CHECK_EQ(option(COAP2_OPT_BLOCK1), NONE);
    reply_code(COAP2_413_REQUEST_ENTITY_TOO_LARGE, BLOCK(0, 1, 1));
    CHECK(asks());
    CHECK_EQ(option(COAP2_OPT_BLOCK1), BLOCK(0, 1, 1));
    CHECK(payload_is(0, 32));
}

/* A server that acts on each block for itself says 2.04 without M (2.5, figure
   10); the rest follows all the same. */
static void server_without_assembly(void)
{
    begin_push(COAP2_PUT, 80, 1);
    reply_code(COAP2_204_CHANGED, BLOCK(0, 0, 1));
    CHECK(asks());
    CHECK_EQ(ends, 0);
    CHECK_EQ(option(COAP2_OPT_BLOCK1), BLOCK(1, 1, 1));
    CHECK(payload_is(32, 32));
    reply_code(COAP2_204_CHANGED, BLOCK(1, 0, 1));
    CHECK(asks());
    CHECK_EQ(option(COAP2_OPT_BLOCK1), BLOCK(2, 0, 1));
    CHECK(payload_is(64, 16));
    reply_code(COAP2_204_CHANGED, BLOCK(2, 0, 1));
    ends_as(COAP2_OK);
    CHECK_EQ(code, COAP2_204_CHANGED);
}

/* An answer before the end ends it: an error, or a success without Block1. */
static void answer_before_the_end(void)
{
    static const uint8_t codes[] = {
        COAP2_400_BAD_REQUEST, COAP2_408_REQUEST_ENTITY_INCOMPLETE,
        COAP2_503_SERVICE_UNAVAILABLE, COAP2_204_CHANGED};
    unsigned i;

    for (i = 0; i < sizeof codes; i++) {
        test_row = i + 1;
        begin_push(COAP2_PUT, 150, 1);
        reply_code(COAP2_231_CONTINUE, BLOCK(0, 1, 1));
        CHECK(asks());
        reply_code(codes[i], NONE);
        ends_as(COAP2_OK);
        CHECK_EQ(code, codes[i]);
    }
}

/* A piece is pulled once, however often it is sent. */
static void pieces_are_retransmitted(void)
{
    int16_t handle = begin_push(COAP2_PUT, 150, 1);

    reply_code(COAP2_231_CONTINUE, BLOCK(0, 1, 1));
    CHECK(asks());
    CHECK_EQ(pulls, 2);
    loop_pass(&wire, &node, 10000);
    CHECK(wire.count >= 2);
    CHECK_BYTES(wire.sent[1].bytes, wire.sent[1].length, wire.sent[0].bytes,
                wire.sent[0].length);
    CHECK_EQ(pulls, 2);
    CHECK_EQ(coap2_cancel(&node, handle), COAP2_OK);
    ended(COAP2_ERR_CANCELLED);
    begin_push(COAP2_PUT, 150, 1);
    loop_pass(&wire, &node, COAP2_DEADLINE);
    CHECK_EQ(wire.count, 5);
    ended(COAP2_ERR_TIMEOUT);
}

/* ---- Echo, both blocks, FETCH -------------------------------------------- */

static void challenge(const char *text)
{
    answer(COAP2_401_UNAUTHORIZED);
    coap2_write_text(&reply_writer, COAP2_OPT_ECHO, text);
    send_answer();
}

static bool echoes(const char *text)
{
    coap2_opt opt;

    return count_of(COAP2_OPT_ECHO) == 1 &&
           coap2_msg_find(&asked, COAP2_OPT_ECHO, &opt) &&
           opt.length == strlen(text) &&
           memcmp(opt.value, text, opt.length) == 0;
}

/* A server may ask for freshness at any block, with another value each time
   (RFC 9175 2.3). */
static void echo_in_between(void)
{
    begin_get();
    challenge("one");
    CHECK(asks());
    CHECK(echoes("one"));
    give(BLOCK(0, 1, 1), 32, 1);
    CHECK(asks_for(BLOCK(1, 0, 1)));
    challenge("two");
    CHECK(asks_for(BLOCK(1, 0, 1)));
    CHECK(echoes("two"));
    give(BLOCK(1, 0, 1), 4, 1);
    ends_as(COAP2_OK);
    CHECK(holds(store, 36, 1));
    begin_push(COAP2_PUT, 80, 1);
    challenge("one");
    CHECK(asks());
    CHECK(echoes("one"));
    CHECK_EQ(option(COAP2_OPT_BLOCK1), BLOCK(0, 1, 1));
    CHECK_EQ(option(COAP2_OPT_SIZE1), 80);
    CHECK(payload_is(0, 32));
    reply_code(COAP2_231_CONTINUE, BLOCK(0, 1, 1));
    CHECK(asks());
    challenge("two");
    CHECK(asks());
    CHECK(echoes("two"));
    CHECK_EQ(option(COAP2_OPT_BLOCK1), BLOCK(1, 1, 1));
    CHECK(payload_is(32, 32));
    challenge("two"); /* not twice for the same block */
    ends_as(COAP2_OK);
    CHECK_EQ(code, COAP2_401_UNAUTHORIZED);
}

/* Where the packet has no room for the Echo it is the caller's turn. */
static void echo_without_room(void)
{
    coap2_call call;

    begin_push(COAP2_PUT, 150, 6);
    challenge("forty bytes are the most that it may have"); /* 41 */
    ends_as(COAP2_OK);
    CHECK_EQ(code, COAP2_401_UNAUTHORIZED);
    fresh();
    coap2_call_start(&call, &node, COAP2_PUT,
                     "coap://192.0.2.1/a-path-that-is-long");
    call.pull = on_pull;
    call.pull_length = 150;
    CHECK(coap2_call_send(&call, on_reply, NULL) > 0);
    CHECK(asks());
    challenge("thirty-nine bytes that fit into no room");
    ends_as(COAP2_OK);
    CHECK_EQ(code, COAP2_401_UNAUTHORIZED);
}

/* POST whose answer is a body, too: what was sent is not sent again (2.7). */
static void both_blocks(void)
{
    begin_push(COAP2_POST, 40, 1);
    reply_code(COAP2_231_CONTINUE, BLOCK(0, 1, 1));
    CHECK(asks());
    answer(COAP2_204_CHANGED);
    with(COAP2_OPT_BLOCK1, BLOCK(1, 0, 1));
    with(COAP2_OPT_BLOCK2, BLOCK(0, 1, 1));
    with_body(0, 32, 6);
    send_answer();
    CHECK(asks_for(BLOCK(1, 0, 1)));
    CHECK_EQ(asked.code, COAP2_002_POST);
    CHECK_EQ(option(COAP2_OPT_BLOCK1), NONE);
    CHECK_EQ(option(COAP2_OPT_SIZE1), NONE);
    CHECK_EQ(asked.payload_length, 0);
    CHECK_EQ(mores, 1);
    CHECK_EQ(offset, 0);
    answer(COAP2_204_CHANGED);
    with(COAP2_OPT_BLOCK2, BLOCK(1, 0, 1));
    with_body(32, 5, 6);
    send_answer();
    ends_as(COAP2_OK);
    CHECK_EQ(offset, 32);
    CHECK_EQ(pulls, 2);
    CHECK(holds(store, 37, 6));
}

/* FETCH asks each time by its payload (RFC 8132 2.3). */
static void fetch_in_blocks(void)
{
    coap2_call call;

    fresh();
    coap2_call_start(&call, &node, COAP2_FETCH, "coap://192.0.2.1/x");
    coap2_write_payload(&call.w, "{}", 2);
    CHECK(coap2_call_send(&call, on_reply, NULL) > 0);
    CHECK(asks());
    give(BLOCK(0, 1, 1), 32, 1);
    CHECK(asks_for(BLOCK(1, 0, 1)));
    CHECK_EQ(asked.code, COAP2_005_FETCH);
    CHECK_BYTES(asked.payload, asked.payload_length, "{}", 2);
    give(BLOCK(1, 0, 1), 1, 1);
    ends_as(COAP2_OK);
    CHECK(holds(store, 33, 1));
}

/* POST with a small payload: not again for the next block. */
static void post_with_a_large_answer(void)
{
    fresh();
    CHECK(coap2_post(&node, "coap://192.0.2.1/x", "abc", 3, on_reply, NULL) >
          0);
    CHECK(asks());
    give(BLOCK(0, 1, 1), 32, 1);
    CHECK(asks_for(BLOCK(1, 0, 1)));
    CHECK_EQ(asked.code, COAP2_002_POST);
    CHECK_EQ(asked.payload_length, 0);
    give(BLOCK(1, 0, 1), 1, 1);
    ends_as(COAP2_OK);
}

/* What is not safe is not asked again from the start: the server would do it
   twice, on an empty body. */
static void post_whose_answer_changes(void)
{
    fresh();
    CHECK(coap2_post(&node, "coap://192.0.2.1/x", "abc", 3, on_reply, NULL) >
          0);
    CHECK(asks());
    give(BLOCK(0, 1, 1), 32, 1);
    CHECK(asks_for(BLOCK(1, 0, 1)));
    give(BLOCK(1, 0, 1), 1, 2);
    ends_as(COAP2_ERR_FORMAT);
    begin_push(COAP2_FETCH, 40, 1);
    reply_code(COAP2_231_CONTINUE, BLOCK(0, 1, 1));
    CHECK(asks());
    give(BLOCK(0, 1, 1), 32, 1);
    CHECK(asks_for(BLOCK(1, 0, 1)));
    CHECK_EQ(asked.payload_length, 0);
    give(BLOCK(1, 0, 1), 1, 2);
    ends_as(COAP2_ERR_FORMAT);
}

/* ---- observations, groups ------------------------------------------------ */

static coap2_msg observing; /* the request that began it */
static uint8_t observing_token[8];

static void notify(uint32_t sequence, uint32_t block2, size_t size,
                   uint32_t etag)
{
    asked = observing;
    answer(COAP2_205_CONTENT);
    reply_bytes[0] = (uint8_t)((reply_bytes[0] & 0xcfu) | 0x10u); /* NON */
    reply_bytes[2] = 0x77;
    reply_bytes[3] = (uint8_t)sequence;
    with(COAP2_OPT_OBSERVE, sequence);
    with(COAP2_OPT_ETAG, etag);
    with(COAP2_OPT_BLOCK2, block2);
    with_body(0, size, (uint8_t)etag);
    send_answer();
}

/* The request of an observation has left. */
static void is_observing(void)
{
    CHECK(asks());
    observing = asked;
    memcpy(observing_token, asked.token, asked.token_length);
    observing.token = observing_token;
}

static void begin_observe(void)
{
    fresh();
    CHECK(coap2_observe(&node, "coap://192.0.2.1/x", on_reply, NULL) > 0);
    is_observing();
}

/* Of a large notification the first block comes by itself, the rest is asked
   for, under other tokens and without Observe (2.6). */
static void notifications_in_blocks(void)
{
    uint32_t i;

    begin_observe();
    for (i = 1; i < 10; i++) {
        test_row = i;
        notify(i, BLOCK(0, 1, 1), 32, i);
        CHECK(asks_for(BLOCK(1, 0, 1)));
        CHECK_EQ(option(COAP2_OPT_OBSERVE), NONE);
        CHECK(memcmp(asked.token, observing_token, asked.token_length) != 0);
        give(BLOCK(1, 0, 1), 5, i);
        loop_poll(&wire, &node);
        CHECK_EQ(wire.count, 0);
        CHECK_EQ(mores, i * 2);
        CHECK_EQ(ends, 0);
        CHECK(was_last);
        CHECK_EQ(offset, 32);
        CHECK(holds(store, 37, (uint8_t)i));
        wire.time += 5000;
    }
}

static unsigned draws;

/* The observation's token, and then others. */
static uint32_t draw_observing(void *io)
{
    const uint8_t *t = observing_token;
    uint32_t token = t[0] | (uint32_t)t[1] << 8 | (uint32_t)t[2] << 16 |
                     (uint32_t)t[3] << 24;

    (void)io;
    return token + draws++;
}

/* Meanwhile its token stays in use (RFC 7641 3.1, RFC 7252 5.3.1). */
static void token_of_notifications_in_blocks(void)
{
    begin_observe();
    notify(1, BLOCK(0, 1, 1), 32, 1);
    CHECK(asks_for(BLOCK(1, 0, 1)));
    draws = 0;
    node.random = draw_observing;
    loop_clear(&wire);
    CHECK(coap2_get(&node, "coap://192.0.2.2/y", NULL, NULL) > 0);
    CHECK(asks());
    CHECK(draws > 1);
    CHECK_EQ(asked.token_length, 4);
    CHECK(memcmp(asked.token, observing_token, 4) != 0);
}

/* One of the caller's, of another length, is another. */
static void token_beside_a_shorter_one(void)
{
    coap2_call call;

    fresh();
    coap2_call_start(&call, &node, COAP2_GET, "coap://192.0.2.1/x");
    coap2_write_uint(&call.w, COAP2_OPT_OBSERVE, 0);
    coap2_call_token(&call, "ab", 2);
    CHECK(coap2_call_send(&call, on_reply, NULL) > 0);
    is_observing();
    notify(1, BLOCK(0, 0, 1), 20, 1);
    loop_poll(&wire, &node);
    CHECK_EQ(mores, 1);
    draws = 0;
    node.random = draw_observing;
    loop_clear(&wire);
    CHECK(coap2_get(&node, "coap://192.0.2.2/y", NULL, NULL) > 0);
    CHECK(asks());
    CHECK_EQ(asked.token_length, 4);
    CHECK(memcmp(asked.token, "ab", 2) == 0);
}

/* A newer one that comes in between begins anew, each time it does. */
static void notification_overtakes_blocks(void)
{
    uint32_t i;

    begin_observe();
    for (i = 1; i < 10; i++) {
        test_row = i;
        notify(i, BLOCK(0, 1, 1), 32, i);
        CHECK(asks_for(BLOCK(1, 0, 1)));
        CHECK_EQ(ends, 0);
        give(BLOCK(1, 1, 1), 32, i + 1); /* changed already */
        CHECK(asks_for(BLOCK(0, 0, 1)));
        CHECK_EQ(ends, 0);
        wire.time += 5000;
    }
    notify(10, BLOCK(0, 0, 1), 20, 77);
    loop_poll(&wire, &node);
    CHECK_EQ(ends, 0);
    CHECK(was_last);
    CHECK(holds(store, 20, 77));
}

/* A stale one in between changes nothing; an error of a block ends it, and the
   server hears of that by the next notification (7641 3.6). */
static void stale_notification_between_blocks(void)
{
    coap2_msg block;
    uint8_t token[8];

    begin_observe();
    notify(5, BLOCK(0, 1, 1), 32, 1);
    CHECK(asks_for(BLOCK(1, 0, 1)));
    block = asked;
    memcpy(token, asked.token, asked.token_length);
    block.token = token;
    notify(4, BLOCK(0, 1, 1), 32, 2);
    loop_poll(&wire, &node);
    CHECK_EQ(wire.count, 0);
    CHECK_EQ(mores, 1);
    asked = block;
    give(BLOCK(1, 0, 1), 2, 1);
    loop_poll(&wire, &node);
    CHECK_EQ(mores, 2);
    CHECK(holds(store, 34, 1));
    notify(6, BLOCK(0, 1, 1), 32, 3);
    CHECK(asks_for(BLOCK(1, 0, 1)));
    reply_code(COAP2_404_NOT_FOUND, NONE);
    loop_poll(&wire, &node);
    CHECK_EQ(ends, 1);
    CHECK_EQ(code, COAP2_404_NOT_FOUND);
    CHECK_EQ(offset, 0);
    notify(7, NONE, 5, 4);
    loop_poll(&wire, &node);
    CHECK_EQ(wire.count, 1);
    CHECK_EQ(wire.sent[0].bytes[0], 0x70);
}

/* The answers of a group are told as they come; blocks of one member are not
   asked for by multicast (2.8). */
static void group_is_not_asked_for_more(void)
{
    coap2_peer group = loop_group(250);
    coap2_call call;

    fresh();
    coap2_call_start_to(&call, &node, COAP2_GET, &group, "x");
    CHECK(coap2_call_send(&call, on_reply, NULL) > 0);
    CHECK(asks());
    answer(COAP2_205_CONTENT);
    reply_bytes[0] = (uint8_t)((reply_bytes[0] & 0xcfu) | 0x10u);
    with(COAP2_OPT_BLOCK2, BLOCK(0, 1, 1));
    with_body(0, 32, 1);
    send_answer();
    loop_poll(&wire, &node);
    CHECK_EQ(wire.count, 0);
    CHECK_EQ(mores, 1);
    CHECK_EQ(ends, 0);
    loop_pass(&wire, &node, COAP2_DEADLINE);
    ended(COAP2_ERR_TIMEOUT);
}

/* ---- a node at the other end --------------------------------------------- */

enum { MEGABYTE = 1048576, SHARE = 1000 };

static coap2_node server;
static loop server_wire;
static uint8_t server_in[1280], server_out[(EXCHANGES + 1) * PACKET];
static uint8_t server_bodies[COAP2_MAX_UPLOADS * SHARE];
static uint32_t file_length, pieces_to, bytes_wrong, handed_to;
static uint8_t file_version;
static bool all_taken;

static uint8_t on_file(coap2_req *req, coap2_rsp *rsp)
{
    uint32_t at;
    size_t left = coap2_rsp_window(rsp, file_length, &at);

    (void)req;
    coap2_rsp_etag(rsp, &file_version, 1);
    for (; left > 0; left--) {
        uint8_t byte = pattern(at++, file_version);

        coap2_rsp_bytes(rsp, COAP2_FORMAT_OCTETS, &byte, 1);
    }
    return COAP2_205_CONTENT;
}

static void take(uint32_t at, const uint8_t *bytes, size_t size, uint8_t which)
{
    size_t i;

    for (i = 0; i < size; i++)
        if (bytes[i] != pattern(at + (uint32_t)i, which)) bytes_wrong++;
}

static uint8_t on_take(coap2_req *req, coap2_rsp *rsp)
{
    (void)rsp;
    if (req->offset == 0) pieces_to = 0;
    if (req->offset != pieces_to) bytes_wrong++;
    take(req->offset, req->payload, req->payload_length, 3);
    pieces_to = req->offset + (uint32_t)req->payload_length;
    if (req->last) all_taken = true;
    return COAP2_204_CHANGED;
}

/* Answers a body by another one. */
static uint8_t on_turn(coap2_req *req, coap2_rsp *rsp)
{
    uint32_t at;

    on_take(req, rsp);
    for (at = 0; at < file_length; at++) {
        uint8_t byte = pattern(at, file_version);

        coap2_rsp_bytes(rsp, COAP2_FORMAT_OCTETS, &byte, 1);
    }
    return req->method == COAP2_FETCH ? COAP2_205_CONTENT : COAP2_204_CHANGED;
}

COAP2_RESOURCE(file, "f", COAP2_GET, on_file, "");
COAP2_RESOURCE(taker, "t", COAP2_PUT | COAP2_PIECES, on_take, "");
COAP2_RESOURCE(whole, "w", COAP2_PUT, on_take, "");
COAP2_RESOURCE(turn, "turn", COAP2_POST | COAP2_FETCH, on_turn, "");
COAP2_TABLE(things, &file, &taker, &whole, &turn);

static void on_download(const coap2_reply *reply)
{
    if (!reply->more) ends++;
    result = reply->result;
    if (reply->msg == NULL) return;
    code = reply->msg->code;
    if (reply->offset == 0) handed_to = 0;
    if (reply->offset != handed_to) bytes_wrong++;
    take(reply->offset, reply->msg->payload, reply->msg->payload_length,
         file_version);
    handed_to = reply->offset + (uint32_t)reply->msg->payload_length;
    length = reply->msg->payload_length;
}

static void fresh_pair(void)
{
    fresh();
    node.in_size = 128;
    memset(&server, 0, sizeof server);
    server_wire.time = wire.time;
    loop_plug(&server_wire, &server);
    server.in = server_in;
    server.in_size = 128;
    server.out = server_out;
    server.out_size = sizeof server_out;
    server.packet = PACKET;
    server.resources = things;
    server.bodies = server_bodies;
    server.bodies_size = sizeof server_bodies;
    CHECK_EQ(coap2_start(&server, 9175), COAP2_OK);
    file_version = 8;
    file_length = pieces_to = bytes_wrong = handed_to = 0;
    all_taken = false;
}

static uint32_t seed;
static unsigned loss; /* of a hundred datagrams */

static uint32_t draw(uint32_t below)
{
    seed = seed * 1664525u + 1013904223u;
    return (seed >> 8) % below;
}

/* Carry what one has sent to the other: lost, doubled, late, as chance has
   it. */
static void carry(loop *from, loop *to, coap2_peer peer)
{
    unsigned i, copies;

    for (i = 0; i < from->count; i++) {
        const loop_packet *packet = loop_sent(from, i);

        copies = loss == 0 ? 1 : draw(100) < loss ? 0 : 1 + (draw(10) == 0);
        for (; copies > 0 && to->queued < LOOP_QUEUE; copies--)
            loop_push_at(to, peer, packet->bytes, packet->length,
                         to->time + (loss == 0 ? 0 : draw(300)));
    }
    loop_clear(from);
}

/* Let both run until the request has ended, for so long at most. */
static void run(uint32_t ms)
{
    uint32_t until = wire.time + ms;

    ends = 0;
    while (ends == 0 && (int32_t)(until - wire.time) > 0) {
        uint32_t rest = loop_poll(&wire, &node);
        uint32_t other = loop_poll(&server_wire, &server);

        carry(&wire, &server_wire, loop_peer(2));
        carry(&server_wire, &wire, loop_peer(1));
        if (loop_arrived(&wire) < wire.queued ||
            loop_arrived(&server_wire) < server_wire.queued)
            continue;
        if (other < rest) rest = other;
        if (rest > 50) rest = 50;
        wire.time += rest == 0 ? 1 : rest;
        server_wire.time = wire.time;
    }
}

static int16_t push_to(uint8_t method, const char *uri, uint32_t size)
{
    coap2_call call;

    coap2_call_start(&call, &node, method, uri);
    call.pull = on_pull;
    call.pull_length = size;
    return coap2_call_send(&call, on_download, NULL);
}

/* 1 MiB each way through a packet of 128 bytes. */
static void megabyte_down(void)
{
    loss = 0;
    fresh_pair();
    file_length = MEGABYTE;
    CHECK(coap2_get(&node, "coap://192.0.2.1/f", on_download, NULL) > 0);
    run(3600000ul);
    CHECK_EQ(ends, 1);
    CHECK_EQ(result, COAP2_OK);
    CHECK_EQ(handed_to, MEGABYTE);
    CHECK_EQ(bytes_wrong, 0);
}

static void megabyte_up(void)
{
    loss = 0;
    fresh_pair();
    CHECK(push_to(COAP2_PUT, "coap://192.0.2.1/t", MEGABYTE) > 0);
    run(3600000ul);
    CHECK_EQ(ends, 1);
    CHECK_EQ(result, COAP2_OK);
    CHECK_EQ(code, COAP2_204_CHANGED);
    CHECK(all_taken);
    CHECK_EQ(pieces_to, MEGABYTE);
    CHECK_EQ(bytes_wrong, 0);
}

/* Whatever is lost, doubled or late: what arrives is whole and right, and what
   does not ends by an error. */
static void lossy(void)
{
    unsigned i, arrived = 0, faults = 0, tries = 400;

    loss = 15;
    for (i = 1; i <= tries; i++) {
        uint32_t size;
        unsigned which = i % 5;

        test_row = i;
        seed = i;
        fresh_pair();
        file_length = 1 + draw(SHARE - 100);
        size = 1 + draw(SHARE);
        if (which == 0)
            coap2_get(&node, "coap://192.0.2.1/f", on_download, NULL);
        else if (which == 1)
            push_to(COAP2_PUT, "coap://192.0.2.1/t", size);
        else if (which == 2)
            push_to(COAP2_PUT, "coap://192.0.2.1/w", size);
        else
            push_to(which == 3 ? COAP2_POST : COAP2_FETCH,
                    "coap://192.0.2.1/turn", size);
        run(10000000ul);
        CHECK_EQ(ends, 1);
        CHECK_EQ(bytes_wrong, 0);
        if (result != COAP2_OK || COAP2_CODE_CLASS(code) != 2) {
            if (result != COAP2_ERR_TIMEOUT) faults++;
            continue;
        }
        arrived++;
        if (which != 0) CHECK_EQ(pieces_to, size);
        if (which == 0 || which > 2) CHECK_EQ(handed_to, file_length);
    }
    test_row = 0;
    CHECK(arrived > tries * 9 / 10);
    CHECK_EQ(faults, 0);
    loss = 0;
}

int main(void)
{
    RUN("RFC 7959 2.4: pieces", body_in_pieces);
    RUN("RFC 7959 4: no Size2", body_without_a_length);
    RUN("RFC 7959 2.4: put together", body_put_together);
    RUN("RFC 7959 2.4: no room", body_that_does_not_fit);
    RUN("RFC 7959 2.4: smaller blocks", server_sets_the_size);
    RUN("RFC 7959 2.4: early negotiation", size_of_the_callers_wish);
    RUN("RFC 7959 2.4: ETag changes", etag_changes);
    RUN("RFC 7959 4: another Size2", length_of_a_changed_body);
    RUN("RFC 7959 2.4: ETag vanishes", etag_vanishes);
    RUN("RFC 7959 2.4: shorter", body_becomes_shorter);
    RUN("RFC 7959 2.4: no fit", blocks_that_do_not_fit_together);
    RUN("RFC 7959 2.4: growing", blocks_that_grow);
    RUN("RFC 7959 2.4: no first block", first_blocks_that_make_no_sense);
    RUN("RFC 7959 2.4: for ever", blocks_without_end);
    RUN("RFC 7959 2.9: error midway", error_midway);
    RUN("client: cancelled inside a piece", cancelled_inside_a_piece);
    RUN("client: another inside a piece", another_begun_inside_a_piece);
    RUN("RFC 7252 4.2: block times out", block_times_out);
    RUN("RFC 7252 5.3.1: old answers", old_answers_are_dropped);
    RUN("RFC 7252 5.2.2: separate blocks", separate_blocks);
    RUN("RFC 7959 2.4: beyond node.in", block_beyond_the_buffer);
    RUN("RFC 7959 2.5: pulled", body_pulled);
    RUN("RFC 7959 2.5: small, pulled", small_body_pulled);
    RUN("RFC 9175 3.4: tags differ", tags_differ);
    RUN("RFC 7959 2.9.1: bad 2.31", continue_that_makes_no_sense);
    RUN("RFC 7959 2.3: asked for smaller", smaller_blocks_are_asked_for);
    RUN("RFC 7959 2.9.3: 4.13 and smaller", too_large_begins_smaller);
    RUN("RFC 7959 2.5: block for block", server_without_assembly);
    RUN("RFC 7959 2.5: before the end", answer_before_the_end);
    RUN("RFC 7252 4.2: pieces again", pieces_are_retransmitted);
    RUN("RFC 9175 2.3: Echo in between", echo_in_between);
    RUN("RFC 9175 2.3: no room for Echo", echo_without_room);
    RUN("RFC 7959 2.7: both", both_blocks);
    RUN("RFC 8132 2.3: FETCH", fetch_in_blocks);
    RUN("RFC 7959 2.7: POST", post_with_a_large_answer);
    RUN("RFC 7959 2.7: POST that changes", post_whose_answer_changes);
    RUN("RFC 7959 2.6: notifications", notifications_in_blocks);
    RUN("RFC 7959 2.6: tokens", token_of_notifications_in_blocks);
    RUN("RFC 7252 5.3.1: tokens", token_beside_a_shorter_one);
    RUN("RFC 7959 2.6: overtaken", notification_overtakes_blocks);
    RUN("RFC 7641 3.4: stale, between", stale_notification_between_blocks);
    RUN("RFC 7959 2.8: group", group_is_not_asked_for_more);
    RUN("RFC 7959 2.4: 1 MiB down", megabyte_down);
    RUN("RFC 7959 2.5: 1 MiB up", megabyte_up);
    RUN("RFC 7959 2: loss", lossy);
    return test_end();
}
