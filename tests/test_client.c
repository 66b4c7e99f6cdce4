/* A node as client: what it sends, what it makes of the answers, and that each
   request ends in one callback (RFC 7252 4, 5, 8). The server is played by
   hand, byte by byte, over a wire in memory. */
#define LOOP_SENT 64
#define LOOP_QUEUE 32
#define COAP2_IMPLEMENTATION
#include "../coap2.h"
#include "loop.h"

enum {
    PACKET = 128,
    EXCHANGES = COAP2_MAX_EXCHANGES,
    LAST_TRY = 5 /* transmissions: the first and MAX_RETRANSMIT */
};

/* What a callback was told, the last time. */
typedef struct heard {
    unsigned times; /* last callbacks */
    unsigned more;  /* the others */
    coap2_result result;
    int16_t request;
    bool had_message;
    uint8_t code;
    coap2_peer peer;
    uint32_t time;
    char text[32];
    unsigned order; /* of all callbacks, from 1 */
} heard;

static loop wire;
static coap2_node node;
static uint8_t in[256], out[(EXCHANGES + 1) * PACKET];
static heard got[EXCHANGES + 4];
static unsigned callbacks;

static void on_reply(const coap2_reply *reply)
{
    heard *h = (heard *)reply->user;
    size_t length;

    if (reply->more) {
        h->more++;
    } else {
        h->times++;
    }
    h->result = reply->result;
    h->request = reply->request;
    h->peer = *reply->peer;
    h->time = wire.time;
    h->order = ++callbacks;
    h->had_message = reply->msg != NULL;
    h->text[0] = '\0';
    if (reply->msg == NULL) return;
    h->code = reply->msg->code;
    length = reply->msg->payload_length;
    if (length >= sizeof h->text) length = sizeof h->text - 1;
    memcpy(h->text, reply->msg->payload, length);
    h->text[length] = '\0';
}

/* A fresh node on a fresh wire; what was heard is forgotten. */
static void fresh(void)
{
    memset(&node, 0, sizeof node);
    memset(got, 0, sizeof got);
    callbacks = 0;
    wire.time = 100000;
    loop_plug(&wire, &node);
    node.in = in;
    node.in_size = sizeof in;
    node.out = out;
    node.out_size = sizeof out;
    node.packet = PACKET;
    CHECK_EQ(coap2_start(&node, 7252), COAP2_OK);
}

static uint32_t poll_now(void)
{
    return loop_poll(&wire, &node);
}

static uint32_t pass(uint32_t ms)
{
    return loop_pass(&wire, &node, ms);
}

/* Ask 192.0.2.1 for /x. */
static int16_t ask(heard *h)
{
    return coap2_get(&node, "coap://192.0.2.1/x", on_reply, h);
}

static int16_t ask_peer(uint8_t peer, heard *h)
{
    coap2_peer to = loop_peer(peer);
    coap2_call call;

    coap2_call_start_to(&call, &node, COAP2_GET, &to, "x");
    return coap2_call_send(&call, on_reply, h);
}

static int16_t ask_non(uint8_t peer, heard *h)
{
    coap2_peer to = loop_peer(peer);
    coap2_call call;

    coap2_call_start_to(&call, &node, COAP2_GET, &to, "x");
    call.confirmable = false;
    return coap2_call_send(&call, on_reply, h);
}

/* Queue an answer to a request that was sent: its token, any id, any source,
   and the rest in the notation of loop.h. */
#define ANSWER_FROM(from, index, type, code, id, rest) \
    answer((from), (index), (type), (code), (id), TEST_TEXT(rest))
#define ANSWER(index, type, code, id, rest)                        \
    answer(loop_sent(&wire, index)->peer, (index), (type), (code), \
           (uint16_t)(id), TEST_TEXT(rest))
#define PIGGYBACK(index, code, rest) \
    ANSWER(index, COAP2_ACK, code, loop_id(&wire, index), rest)
static void answer(coap2_peer from, unsigned index, uint8_t type, uint8_t code,
                   uint16_t id, const char *flash_rest)
{
    const uint8_t *request = loop_sent(&wire, index)->bytes;
    size_t token = request[0] & 15u;
    static uint8_t bytes[LOOP_BYTES];

    bytes[0] = (uint8_t)(0x40u | (unsigned)type << 4 | token);
    bytes[1] = code;
    bytes[2] = (uint8_t)(id >> 8);
    bytes[3] = (uint8_t)id;
    memcpy(bytes + 4, request + 4, token);
    loop_push_at(&wire, from, bytes,
                 4 + token + loop_bytes(bytes + 4 + token, flash_rest),
                 wire.time);
}

/* Queue an Empty message, an ACK or a RST. */
static void push_empty(coap2_peer from, uint8_t type, uint16_t id)
{
    uint8_t bytes[4];

    bytes[0] = (uint8_t)(0x40u | (unsigned)type << 4);
    bytes[1] = 0;
    bytes[2] = (uint8_t)(id >> 8);
    bytes[3] = (uint8_t)id;
    loop_push_at(&wire, from, bytes, sizeof bytes, wire.time);
}

/* Ended once, so? */
#define CHECK_ENDED(h, want) check_ended((h), (want), __LINE__)
static void check_ended(const heard *h, coap2_result want, int line)
{
    test_equal(h->times, 1, line);
    test_equal((unsigned long)-h->result, (unsigned long)-want, line);
    test_check((h->result == COAP2_OK) == h->had_message, line);
}

/* Nothing is under way: poll has nothing to do, and every exchange is free. */
static void check_idle(int line)
{
    int16_t handles[EXCHANGES + 1];
    unsigned i, taken = 0;
    heard dropped;

    test_equal(poll_now(), COAP2_FOREVER, line);
    while (taken <= EXCHANGES && (handles[taken] = ask(&dropped)) > 0) taken++;
    test_equal(taken, node.out_size / PACKET - 1, line);
    for (i = 0; i < taken; i++) coap2_cancel(&node, handles[i]);
    test_equal(poll_now(), COAP2_FOREVER, line);
}
#define CHECK_IDLE() check_idle(__LINE__)

/* ---- what is sent -------------------------------------------------------- */

static void request_by_uri(void)
{
    char uri[] = "coap://192.0.2.1/temp/in?x=1&y";
    coap2_peer to = loop_peer(1);

    fresh();
    CHECK(coap2_get(&node, uri, on_reply, &got[0]) > 0);
    memset(uri, 'z', sizeof uri - 1);
    CHECK_EQ(wire.tried, 0);
    poll_now();
    CHECK_EQ(wire.count, 1);
    LOOP_IS(&wire, 0, "4401.... ........ b4'temp' 02'in' 43'x=1' 01'y'");
    CHECK(coap2_peer_equals(&loop_sent(&wire, 0)->peer, &to));
}

static void ports(void)
{
    fresh();
    coap2_get(&node, "coap://192.0.2.1:61616/", on_reply, &got[0]);
    coap2_get(&node, "coap://192.0.2.1", on_reply, &got[1]);
    poll_now();
    CHECK_EQ(wire.count, 2);
    CHECK_EQ(loop_sent(&wire, 0)->peer.port, 61616);
    CHECK_EQ(loop_sent(&wire, 1)->peer.port, 5683);
    LOOP_IS(&wire, 0, "4401.... ........");
}

static void each_method(void)
{
    unsigned i;

    for (i = 0; i < 7; i++) {
        uint8_t method = (uint8_t)(1u << i), first[2];
        bool bare = method == COAP2_GET || method == COAP2_DELETE;

        fresh();
        first[0] = 0x44;
        first[1] = (uint8_t)(i + 1);
        CHECK(coap2_request(&node, method, "coap://192.0.2.1/x",
                            bare ? NULL : "on", bare ? 0 : 2, on_reply,
                            &got[0]) > 0);
        poll_now();
        CHECK_BYTES(loop_sent(&wire, 0)->bytes, 2, first, 2);
        if (bare) {
            LOOP_IS(&wire, 0, "........ ........ b1'x'");
        } else {
            LOOP_IS(&wire, 0, "........ ........ b1'x' ff'on'");
        }
    }
}

static void four_names(void)
{
    fresh();
    coap2_get(&node, "coap://192.0.2.1/x", on_reply, &got[0]);
    coap2_post(&node, "coap://192.0.2.2/x", "p", 1, on_reply, &got[1]);
    coap2_put(&node, "coap://192.0.2.3/x", "q", 1, on_reply, &got[2]);
    coap2_delete(&node, "coap://192.0.2.4/x", on_reply, &got[3]);
    poll_now();
    LOOP_IS(&wire, 0, "4401.... ........ b1'x'");
    LOOP_IS(&wire, 1, "4402.... ........ b1'x' ff'p'");
    LOOP_IS(&wire, 2, "4403.... ........ b1'x' ff'q'");
    LOOP_IS(&wire, 3, "4404.... ........ b1'x'");
}

/* "a/b" by peer and path: with a slash before it, one behind it, the root. */
static void request_by_peer(void)
{
    static const char *const paths[] = {"a/b", "/a/b", "", "a/"};
    unsigned i;

    fresh();
    for (i = 0; i < 4; i++) {
        coap2_peer to = loop_peer((uint8_t)(i + 1));
        coap2_call call;

        coap2_call_start_to(&call, &node, COAP2_GET, &to, paths[i]);
        CHECK(coap2_call_send(&call, on_reply, &got[i]) > 0);
    }
    poll_now();
    LOOP_IS(&wire, 0, "4401.... ........ b1'a' 01'b'");
    LOOP_IS(&wire, 1, "4401.... ........ b1'a' 01'b'");
    LOOP_IS(&wire, 2, "4401.... ........");
    LOOP_IS(&wire, 3, "4401.... ........ b1'a' 00");
}

/* Options in any order, also behind the payload (@writer). */
static void request_step_by_step(void)
{
    coap2_call call;

    fresh();
    coap2_call_start(&call, &node, COAP2_FETCH, "coap://192.0.2.1/log?a");
    CHECK(call.confirmable);
    CHECK_EQ(call.deadline, COAP2_DEADLINE);
    call.confirmable = false;
    coap2_write_payload(&call.w, "{}", 2);
    coap2_write_uint(&call.w, COAP2_OPT_ACCEPT, COAP2_FORMAT_CBOR);
    coap2_write_uint(&call.w, COAP2_OPT_CONTENT_FORMAT, COAP2_FORMAT_JSON);
    coap2_write_opt(&call.w, COAP2_OPT_IF_MATCH, "e", 1);
    CHECK(coap2_call_send(&call, on_reply, &got[0]) > 0);
    poll_now();
    LOOP_IS(&wire, 0, "5405.... ........ 11'e' a3'log' 1132 31'a' 213c ff'{}'");
}

static bool find_host(void *io, const char *host, size_t length,
                      coap2_peer *peer)
{
    uint16_t port = peer->port;

    (void)io;
    if (length < 5 || memcmp(host, "node", 4) != 0) return false;
    *peer = loop_peer((uint8_t)(host[4] - '0'));
    if (port != 0) peer->port = port;
    return true;
}

/* A name is resolved, and said in Uri-Host (RFC 7252 6.4). */
static void host_by_name(void)
{
    fresh();
    CHECK(coap2_get(&node, "coap://node7/x", on_reply, &got[0]) > 0);
    pass(8000);
    CHECK_EQ(got[0].result, COAP2_ERR_NAME);
    fresh();
    node.resolve = find_host;
    CHECK(coap2_get(&node, "coap://other/x", on_reply, &got[0]) > 0);
    pass(8000);
    CHECK_EQ(got[0].result, COAP2_ERR_NAME);
    fresh();
    node.resolve = find_host;
    CHECK(coap2_get(&node, "coap://node7:99/x", on_reply, &got[0]) > 0);
    CHECK(coap2_get(&node, "coap://node8/x", on_reply, &got[1]) > 0);
    poll_now();
    LOOP_IS(&wire, 0, "4401.... ........ 35'node7' 81'x'");
    CHECK_EQ(loop_sent(&wire, 0)->peer.address[3], 7);
    CHECK_EQ(loop_sent(&wire, 0)->peer.port, 99);
    CHECK_EQ(loop_sent(&wire, 1)->peer.port, 5683);
    CHECK_EQ(got[0].times, 0);
}

#if COAP2_ADDRESS_SIZE >= 16

static void host_by_ipv6(void)
{
    static const uint8_t local[16] = {0xfe, 0x80, 0, 0, 0, 0, 0, 0,
                                      0,    0,    0, 0, 0, 0, 0, 1};
    const coap2_peer *to;

    fresh();
    coap2_get(&node, "coap://[fe80::1%252]/x", on_reply, &got[0]);
    coap2_get(&node, "coap://[2001:db8::9]:5700/x", on_reply, &got[1]);
    poll_now();
    LOOP_IS(&wire, 0, "4401.... ........ b1'x'");
    to = &loop_sent(&wire, 0)->peer;
    CHECK_EQ(to->kind, COAP2_PEER_IPV6);
    CHECK_EQ(to->scope, 2);
    CHECK_EQ(to->port, 5683);
    CHECK(!to->group);
    CHECK_BYTES(to->address, 16, local, 16);
    to = &loop_sent(&wire, 1)->peer;
    CHECK_EQ(to->scope, 0);
    CHECK_EQ(to->port, 5700);
    CHECK_EQ(to->address[15], 9);
}

/* One link-local address on two interfaces is two endpoints. */
static void two_scopes(void)
{
    coap2_peer from;

    fresh();
    coap2_get(&node, "coap://[fe80::1%252]/x", on_reply, &got[0]);
    coap2_get(&node, "coap://[fe80::1%253]/x", on_reply, &got[1]);
    poll_now();
    CHECK_EQ(wire.count, 2);
    from = loop_sent(&wire, 0)->peer;
    from.scope = 3;
    ANSWER_FROM(from, 0, COAP2_ACK, COAP2_205_CONTENT, loop_id(&wire, 0), "");
    poll_now();
    CHECK_EQ(callbacks, 0);
    PIGGYBACK(0, COAP2_205_CONTENT, "");
    poll_now();
    CHECK_ENDED(&got[0], COAP2_OK);
}

static bool find_zone(void *io, const char *host, size_t length,
                      coap2_peer *peer)
{
    (void)io;
    if (length == 0 || host[0] != 'f') return false;
    memset(peer, 0, sizeof *peer);
    peer->kind = COAP2_PEER_IPV6;
    peer->address[0] = 0xfe;
    peer->address[1] = 0x80;
    peer->address[15] = 1;
    peer->scope = 42;
    return true;
}

/* A zone that is a name is for the resolver, too. */
static void zone_by_name(void)
{
    fresh();
    CHECK_EQ(coap2_get(&node, "coap://[fe80::1%25eth0]/x", on_reply, &got[0]),
             COAP2_ERR_NAME);
    node.resolve = find_zone;
    CHECK(coap2_get(&node, "coap://[fe80::1%25eth0]/x", on_reply, &got[0]) > 0);
    poll_now();
    LOOP_IS(&wire, 0, "4401.... ........ b1'x'");
    CHECK_EQ(loop_sent(&wire, 0)->peer.scope, 42);
    CHECK_EQ(loop_sent(&wire, 0)->peer.port, 5683);
}

static void groups_by_ipv6(void)
{
    fresh();
    coap2_get(&node, "coap://[ff02::fd%253]/x", on_reply, &got[0]);
    poll_now();
    LOOP_IS(&wire, 0, "5401.... ........ b1'x'");
    CHECK(loop_sent(&wire, 0)->peer.group);
    CHECK_EQ(loop_sent(&wire, 0)->peer.scope, 3);
}

#endif

/* What cannot be asked is told at once, calls nobody and takes no room. */
static void uri_errors(void)
{
    static const struct {
        const char *uri;
        coap2_result want;
    } rows[] = {
        {"http://192.0.2.1/", COAP2_ERR_FORMAT},
        {"coap://", COAP2_ERR_FORMAT},
        {"/x", COAP2_ERR_FORMAT},
        {"", COAP2_ERR_FORMAT},
        {"coap://192.0.2.1/%", COAP2_ERR_FORMAT},
        {"coap://192.0.2.1/#f", COAP2_ERR_FORMAT},
        {"coap://192.0.2.1:99999999999/", COAP2_ERR_FORMAT},
        {"coap://user@192.0.2.1/", COAP2_ERR_FORMAT},
        {"coaps://192.0.2.1/", COAP2_ERR_ARG},
        {"coap+tcp://192.0.2.1/", COAP2_ERR_ARG},
        {"coap://[fe80::1%25nobody]/", COAP2_ERR_NAME},
    };
    unsigned i;

    fresh();
    for (i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        test_row = i + 1;
        CHECK_EQ(coap2_get(&node, rows[i].uri, on_reply, &got[0]),
                 rows[i].want);
    }
    test_row = 0;
    CHECK_EQ(callbacks, 0);
    CHECK_IDLE();
    CHECK_EQ(wire.tried, 0);
}

static void too_large(void)
{
    static uint8_t body[PACKET];
    coap2_peer to = loop_peer(1);
    coap2_call call;

    fresh();
    CHECK_EQ(
        coap2_put(&node, "coap://192.0.2.1/x", body, PACKET, on_reply, &got[0]),
        COAP2_ERR_SPACE);
    coap2_call_start_to(&call, &node, COAP2_PUT, &to, "x");
    coap2_write_payload(&call.w, body, PACKET);
    CHECK_EQ(coap2_call_send(&call, on_reply, &got[0]), COAP2_ERR_SPACE);
    coap2_call_start_to(&call, &node, COAP2_PUT, &to, "x");
    coap2_write_payload(&call.w, body, PACKET - 11);
    CHECK(coap2_call_send(&call, on_reply, &got[0]) > 0);
    poll_now();
    CHECK_EQ(loop_sent(&wire, 0)->length, PACKET);
    CHECK_EQ(got[0].times, 0);
    PIGGYBACK(0, COAP2_204_CHANGED, "");
    poll_now();
    CHECK_ENDED(&got[0], COAP2_OK);
    CHECK_IDLE();
}

/* A name of any length (known bug of nodemcu, 32 bytes; of libcoap, 256). */
static void long_host(void)
{
    static char uri[7 + 300];
    size_t length;

    fresh();
    node.resolve = find_host;
    for (length = 20; length < 260; length += 40) {
        int16_t request;

        memset(uri, 'a', sizeof uri);
        memcpy(uri, "coap://node7", 12);
        uri[7 + length] = '\0';
        request = coap2_get(&node, uri, on_reply, &got[0]);
        if (length < 110) {
            CHECK(request > 0);
            coap2_cancel(&node, request);
        } else {
            CHECK(request < 0);
        }
    }
    CHECK_IDLE();
}

/* ---- answers ------------------------------------------------------------- */

static void piggybacked(void)
{
    int16_t request;
    coap2_peer to = loop_peer(1);

    fresh();
    request = ask(&got[0]);
    poll_now();
    PIGGYBACK(0, COAP2_205_CONTENT, "ff'21.5'");
    PIGGYBACK(0, COAP2_205_CONTENT, "ff'twice'");
    poll_now();
    CHECK_ENDED(&got[0], COAP2_OK);
    CHECK_EQ(got[0].request, request);
    CHECK_EQ(got[0].code, COAP2_205_CONTENT);
    CHECK_TEXT(got[0].text, "21.5");
    CHECK(coap2_peer_equals(&got[0].peer, &to));
    pass(200000);
    CHECK_EQ(wire.tried, 1);
    CHECK_ENDED(&got[0], COAP2_OK);
    CHECK_IDLE();
}

/* Errors are answers, too. */
static void error_codes(void)
{
    fresh();
    ask(&got[0]);
    poll_now();
    PIGGYBACK(0, COAP2_404_NOT_FOUND, "ff'no such'");
    poll_now();
    CHECK_ENDED(&got[0], COAP2_OK);
    CHECK_EQ(got[0].code, COAP2_404_NOT_FOUND);
    CHECK_TEXT(got[0].text, "no such");
}

static void pushed_in(void)
{
    coap2_peer from = loop_peer(1);

    fresh();
    node.recv = NULL;
    ask(&got[0]);
    poll_now();
    PIGGYBACK(0, COAP2_205_CONTENT, "ff'21.5'");
    coap2_input(&node, &from, wire.queue[0].bytes, wire.queue[0].length,
                wire.time);
    CHECK_EQ(poll_now(), COAP2_FOREVER);
    CHECK_ENDED(&got[0], COAP2_OK);
    CHECK_TEXT(got[0].text, "21.5");
}

/* The empty ACK ends the retransmissions; the answer is acknowledged, each
   time it comes, and heard once. */
static void separate(void)
{
    fresh();
    ask(&got[0]);
    poll_now();
    push_empty(loop_peer(1), COAP2_ACK, loop_id(&wire, 0));
    poll_now();
    pass(80000);
    CHECK_EQ(wire.tried, 1);
    CHECK_EQ(got[0].times, 0);
    ANSWER(0, COAP2_CON, COAP2_205_CONTENT, 0x7001, "ff'late'");
    poll_now();
    LOOP_IS(&wire, 1, "60007001");
    CHECK_ENDED(&got[0], COAP2_OK);
    CHECK_TEXT(got[0].text, "late");
    wire.time += 2500;
    ANSWER(0, COAP2_CON, COAP2_205_CONTENT, 0x7001, "ff'late'");
    poll_now();
    CHECK_EQ(wire.count, 3);
    LOOP_IS(&wire, 2, "60007001");
    CHECK_ENDED(&got[0], COAP2_OK);
    CHECK_IDLE();
}

/* The ACK was lost, or the answer has overtaken it. */
static void separate_before_ack(void)
{
    fresh();
    ask(&got[0]);
    poll_now();
    ANSWER(0, COAP2_CON, COAP2_205_CONTENT, 0x7001, "ff'late'");
    poll_now();
    LOOP_IS(&wire, 1, "60007001");
    CHECK_ENDED(&got[0], COAP2_OK);
    push_empty(loop_peer(1), COAP2_ACK, loop_id(&wire, 0));
    poll_now();
    pass(200000);
    CHECK_EQ(wire.tried, 2);
    CHECK_ENDED(&got[0], COAP2_OK);
    CHECK_IDLE();
}

static void separate_non(void)
{
    fresh();
    ask(&got[0]);
    poll_now();
    push_empty(loop_peer(1), COAP2_ACK, loop_id(&wire, 0));
    ANSWER(0, COAP2_NON, COAP2_205_CONTENT, 0x7001, "ff'late'");
    ANSWER(0, COAP2_NON, COAP2_205_CONTENT, 0x7001, "ff'late'");
    pass(200000);
    CHECK_EQ(wire.tried, 1);
    CHECK_ENDED(&got[0], COAP2_OK);
    CHECK_IDLE();
}

/* A server that starts again may use an id for another answer: the token tells
   (4.5). */
static void separate_id_again(void)
{
    fresh();
    ask(&got[0]);
    ask(&got[1]);
    poll_now();
    ANSWER(0, COAP2_CON, COAP2_205_CONTENT, 0x7001, "ff'1'");
    poll_now();
    ANSWER(2, COAP2_CON, COAP2_205_CONTENT, 0x7001, "ff'2'");
    ANSWER(2, COAP2_CON, COAP2_205_CONTENT, 0x7001, "ff'2'");
    poll_now();
    CHECK_EQ(wire.count, 5);
    LOOP_IS(&wire, 3, "60007001");
    LOOP_IS(&wire, 4, "60007001");
    CHECK_ENDED(&got[0], COAP2_OK);
    CHECK_ENDED(&got[1], COAP2_OK);
    CHECK_TEXT(got[1].text, "2");
}

/* A peer may use an id that was one of ours (known bug of iotivity-lite). */
static void separate_with_our_id(void)
{
    uint16_t id;

    fresh();
    ask(&got[0]);
    poll_now();
    id = loop_id(&wire, 0);
    push_empty(loop_peer(1), COAP2_ACK, id);
    ANSWER(0, COAP2_CON, COAP2_205_CONTENT, id, "ff'late'");
    poll_now();
    CHECK_ENDED(&got[0], COAP2_OK);
    CHECK_EQ(wire.count, 2);
    CHECK_EQ(loop_sent(&wire, 1)->bytes[0], 0x60);
    CHECK_EQ(loop_id(&wire, 1), id);
}

/* To a request that is no more: a CON is rejected, others are not answered. */
static void late_answers(void)
{
    int16_t request;

    fresh();
    request = ask(&got[0]);
    poll_now();
    coap2_cancel(&node, request);
    PIGGYBACK(0, COAP2_205_CONTENT, "ff'1'");
    ANSWER(0, COAP2_NON, COAP2_205_CONTENT, 0x7001, "ff'2'");
    push_empty(loop_peer(1), COAP2_RST, loop_id(&wire, 0));
    poll_now();
    CHECK_EQ(wire.tried, 1);
    ANSWER(0, COAP2_CON, COAP2_205_CONTENT, 0x7002, "ff'3'");
    poll_now();
    CHECK_EQ(wire.count, 2);
    LOOP_IS(&wire, 1, "70007002");
    CHECK_ENDED(&got[0], COAP2_ERR_CANCELLED);
    CHECK_IDLE();
}

static void rejected(void)
{
    fresh();
    ask(&got[0]);
    poll_now();
    push_empty(loop_peer(1), COAP2_RST, loop_id(&wire, 0));
    poll_now();
    CHECK_ENDED(&got[0], COAP2_ERR_RESET);
    pass(200000);
    CHECK_EQ(wire.tried, 1);
    CHECK_ENDED(&got[0], COAP2_ERR_RESET);
    CHECK_IDLE();
}

/* Wrong token, source, port or id: the request goes on (4.2, 5.3.2). */
static void not_ours(void)
{
    coap2_peer other_port = loop_peer(1);
    uint16_t id;

    other_port.port++;
    fresh();
    ask(&got[0]);
    poll_now();
    id = loop_id(&wire, 0);
    ANSWER_FROM(loop_peer(2), 0, COAP2_ACK, COAP2_205_CONTENT, id, "ff'a'");
    ANSWER_FROM(other_port, 0, COAP2_ACK, COAP2_205_CONTENT, id, "ff'b'");
    ANSWER(0, COAP2_ACK, COAP2_205_CONTENT, id + 1, "ff'c'");
    poll_now();
    push_empty(loop_peer(2), COAP2_RST, id);
    push_empty(other_port, COAP2_RST, id);
    push_empty(loop_peer(1), COAP2_RST, (uint16_t)(id + 1));
    poll_now();
    push_empty(loop_peer(2), COAP2_ACK, id);
    push_empty(other_port, COAP2_ACK, id);
    push_empty(loop_peer(1), COAP2_ACK, (uint16_t)(id + 1));
    poll_now();
    CHECK_EQ(wire.tried, 1);
    CHECK_EQ(callbacks, 0);
    pass(3000);
    CHECK_EQ(wire.count, 2);
    PIGGYBACK(0, COAP2_205_CONTENT, "ff'ours'");
    poll_now();
    CHECK_ENDED(&got[0], COAP2_OK);
    CHECK_TEXT(got[0].text, "ours");
}

/* An answer with a token that is longer, shorter or another. */
static void wrong_tokens(void)
{
    static uint8_t bytes[16];
    unsigned i;

    fresh();
    ask(&got[0]);
    poll_now();
    for (i = 0; i < 8; i++) {
        if (i == COAP2_TOKEN_LENGTH) continue;
        memcpy(bytes, loop_sent(&wire, 0)->bytes, 8);
        bytes[0] = (uint8_t)(0x60 + i);
        bytes[1] = COAP2_205_CONTENT;
        loop_push_at(&wire, loop_peer(1), bytes, 4 + i, wire.time);
        poll_now();
    }
    memcpy(bytes, loop_sent(&wire, 0)->bytes, 8);
    bytes[0] = 0x64;
    bytes[1] = COAP2_205_CONTENT;
    bytes[7] ^= 1;
    loop_push_at(&wire, loop_peer(1), bytes, 8, wire.time);
    poll_now();
    CHECK_EQ(callbacks, 0);
    CHECK_EQ(wire.tried, 1);
    PIGGYBACK(0, COAP2_205_CONTENT, "");
    poll_now();
    CHECK_ENDED(&got[0], COAP2_OK);
}

/* A CON that nobody asked for is rejected, also where its token is known but
   not from there; a NON is dropped (4.2, 5.3.2). */
static void unasked(void)
{
    coap2_peer other_port = loop_peer(1);

    other_port.port++;
    fresh();
    ask(&got[0]);
    poll_now();
    ANSWER_FROM(loop_peer(2), 0, COAP2_CON, COAP2_205_CONTENT, 0x7001, "");
    ANSWER_FROM(other_port, 0, COAP2_CON, COAP2_205_CONTENT, 0x7002, "");
    LOOP_PUSH(&wire, loop_peer(1), "4445 7003 00000000");
    ANSWER_FROM(loop_peer(2), 0, COAP2_NON, COAP2_205_CONTENT, 0x7004, "");
    LOOP_PUSH(&wire, loop_peer(1), "5445 7005 00000000");
    poll_now();
    CHECK_EQ(wire.count, 4);
    LOOP_IS(&wire, 1, "70007001");
    LOOP_IS(&wire, 2, "70007002");
    LOOP_IS(&wire, 3, "70007003");
    CHECK_EQ(loop_sent(&wire, 1)->peer.address[3], 2);
    CHECK_EQ(loop_sent(&wire, 2)->peer.port, other_port.port);
    CHECK_EQ(callbacks, 0);
}

/* Malformed answers, requests as ACK, reserved classes, an ACK or a RST with
   something in it: never an answer to an ACK or a RST, and the request goes on
   (4.1, 4.2). */
static void malformed(void)
{
    static uint8_t bytes[16];
    static const uint8_t codes[] = {0x00, 0x01, 0x20, 0xc1, 0xe1, 0xff};
    unsigned i, type;

    fresh();
    ask(&got[0]);
    poll_now();
    for (type = COAP2_ACK; type <= COAP2_RST; type++) {
        for (i = 0; i < sizeof codes; i++) {
            memcpy(bytes, loop_sent(&wire, 0)->bytes, 8);
            bytes[0] = (uint8_t)(0x44 | type << 4);
            bytes[1] = codes[i];
            bytes[8] = 0xff;
            loop_push_at(&wire, loop_peer(1), bytes, 8, wire.time);
            loop_push_at(&wire, loop_peer(1), bytes, 9, wire.time);
            poll_now();
        }
    }
    bytes[0] = 0x64;
    bytes[1] = COAP2_205_CONTENT;
    for (i = 0; i < 8; i++) {
        loop_push_at(&wire, loop_peer(1), bytes, i, wire.time);
        poll_now();
    }
    PIGGYBACK(0, COAP2_205_CONTENT, "ff"); /* a marker and no payload */
    poll_now();
    CHECK_EQ(callbacks, 0);
    CHECK_EQ(wire.tried, 1);
    ANSWER(0, COAP2_CON, COAP2_205_CONTENT, 0x7001, "ff");
    ANSWER(0, COAP2_CON, 0xe1, 0x7002, "");
    poll_now();
    CHECK_EQ(wire.count, 3);
    LOOP_IS(&wire, 1, "70007001");
    LOOP_IS(&wire, 2, "70007002");
    CHECK_EQ(callbacks, 0);
    PIGGYBACK(0, COAP2_205_CONTENT, "");
    poll_now();
    CHECK_ENDED(&got[0], COAP2_OK);
}

/* A response as RST is none. */
static void response_in_reset(void)
{
    fresh();
    ask(&got[0]);
    poll_now();
    ANSWER(0, COAP2_RST, COAP2_205_CONTENT, loop_id(&wire, 0), "ff'x'");
    poll_now();
    CHECK_EQ(callbacks, 0);
    CHECK_EQ(wire.tried, 1);
}

/* An answer with a critical option that is unknown, or known and of another
   length (5.4.1, 5.4.3). */
static void critical_options(void)
{
    fresh();
    ask_peer(1, &got[0]);
    ask_peer(2, &got[1]);
    ask_peer(3, &got[2]);
    ask_peer(4, &got[3]);
    ask_peer(5, &got[4]);
    poll_now();
    PIGGYBACK(0, COAP2_205_CONTENT, "e1fde4'?' ff'x'"); /* 65009 - 8192 */
    ANSWER(1, COAP2_CON, COAP2_205_CONTENT, 0x7001, "e1fde4'?' ff'x'");
    ANSWER(2, COAP2_NON, COAP2_205_CONTENT, 0x7002, "e1fde4'?' ff'x'");
    PIGGYBACK(3, COAP2_205_CONTENT, "e0fde3 ff'fine'"); /* elective */
    PIGGYBACK(4, COAP2_205_CONTENT,
              "d40a 00000000 ff'x'"); /* Block2, 4 bytes */
    poll_now();
    CHECK_ENDED(&got[0], COAP2_ERR_FORMAT);
    CHECK_ENDED(&got[1], COAP2_ERR_FORMAT);
    CHECK_ENDED(&got[2], COAP2_ERR_FORMAT);
    CHECK_ENDED(&got[3], COAP2_OK);
    CHECK_ENDED(&got[4], COAP2_ERR_FORMAT);
    CHECK_TEXT(got[3].text, "fine");
    CHECK_EQ(wire.count, 6);
    LOOP_IS(&wire, 5, "70007001");
    CHECK_IDLE();
}

/* As much as there is place for, and a byte more. */
static void push_many(uint8_t peer, unsigned asked, size_t length)
{
    static uint8_t bytes[sizeof in + 1];

    memset(bytes, 'x', sizeof bytes);
    memcpy(bytes, loop_sent(&wire, asked)->bytes, 8);
    bytes[0] = 0x64;
    bytes[1] = COAP2_205_CONTENT;
    bytes[8] = 0xff;
    loop_push_at(&wire, loop_peer(peer), bytes, length, wire.time);
    poll_now();
}

/* More than `in` holds: blocks that fit are asked for (RFC 7959 2.4). */
static void too_large_an_answer(void)
{
    fresh();
    ask(&got[0]);
    ask_peer(2, &got[1]);
    poll_now();
    push_many(1, 0, sizeof in + 1);
    CHECK_EQ(wire.count, 3);
    push_many(1, 2, sizeof in + 1);
    CHECK_ENDED(&got[0], COAP2_ERR_SPACE);
    push_many(2, 1, sizeof in);
    coap2_put(&node, "coap://192.0.2.3/x", "x", 1, on_reply, &got[2]);
    poll_now();
    push_many(3, wire.count - 1, sizeof in + 1); /* is not asked twice */
    CHECK_ENDED(&got[2], COAP2_ERR_SPACE);
    CHECK_EQ(coap2_ping(&node, "coap://224.0.1.187", on_reply, &got[3]),
             COAP2_ERR_ARG);
    CHECK_ENDED(&got[1], COAP2_OK);
    CHECK_IDLE();
}

static void nobody_listens(void)
{
    fresh();
    CHECK(coap2_get(&node, "coap://192.0.2.1/x", NULL, NULL) > 0);
    CHECK(coap2_get(&node, "coap://192.0.2.2/x", NULL, NULL) > 0);
    poll_now();
    PIGGYBACK(0, COAP2_205_CONTENT, "");
    pass(100000);
    CHECK_IDLE();
}

/* ---- non-confirmable ----------------------------------------------------- */

/* Sent once; the answer may be of either type (5.2.3). */
static void non_confirmable(void)
{
    fresh();
    ask_non(1, &got[0]);
    ask_non(2, &got[1]);
    poll_now();
    CHECK_EQ(wire.count, 2);
    LOOP_IS(&wire, 0, "5401.... ........ b1'x'");
    pass(50000);
    CHECK_EQ(wire.tried, 2);
    ANSWER(0, COAP2_NON, COAP2_205_CONTENT, 0x7001, "ff'1'");
    ANSWER(1, COAP2_CON, COAP2_205_CONTENT, 0x7002, "ff'2'");
    poll_now();
    CHECK_EQ(wire.count, 3);
    LOOP_IS(&wire, 2, "60007002");
    CHECK_ENDED(&got[0], COAP2_OK);
    CHECK_ENDED(&got[1], COAP2_OK);
    CHECK_TEXT(got[0].text, "1");
    CHECK_IDLE();
}

static void non_rejected(void)
{
    fresh();
    ask_non(1, &got[0]);
    poll_now();
    push_empty(loop_peer(2), COAP2_RST, loop_id(&wire, 0));
    poll_now();
    CHECK_EQ(callbacks, 0);
    push_empty(loop_peer(1), COAP2_RST, loop_id(&wire, 0));
    poll_now();
    CHECK_ENDED(&got[0], COAP2_ERR_RESET);
    CHECK_IDLE();
}

static void non_timeout(void)
{
    fresh();
    ask_non(1, &got[0]);
    pass(COAP2_DEADLINE - 1);
    CHECK_EQ(callbacks, 0);
    pass(1);
    CHECK_ENDED(&got[0], COAP2_ERR_TIMEOUT);
    CHECK_EQ(wire.tried, 1);
}

/* Unanswered, a peer gets no more than PROBING_RATE bytes a second (4.7). */
static void probing_rate(void)
{
    uint32_t first, gap;

    fresh();
    node.probing_rate = 2;
    ask_non(1, &got[0]);
    ask_non(1, &got[1]);
    ask_non(2, &got[2]);
    poll_now();
    CHECK_EQ(wire.count, 2); /* 10 bytes to each */
    CHECK_EQ(loop_sent(&wire, 0)->peer.address[3], 1);
    CHECK_EQ(loop_sent(&wire, 1)->peer.address[3], 2);
    first = wire.time;
    pass(30000);
    CHECK_EQ(wire.count, 3);
    gap = loop_sent(&wire, 2)->time - first;
    CHECK(gap >= 5000 && gap <= 6000);
}

/* The rate holds on where the one before has ended unanswered. */
static void probing_goes_on(void)
{
    fresh();
    node.probing_rate = 1;
    coap2_cancel(&node, ask_non(1, &got[0]));
    poll_now();
    CHECK_EQ(wire.count, 0);
    ask_non(1, &got[1]);
    poll_now();
    CHECK_EQ(wire.count, 1);
    PIGGYBACK(0, COAP2_205_CONTENT, "");
    ANSWER(0, COAP2_NON, COAP2_205_CONTENT, 0x7001, "");
    ask_non(1, &got[2]);
    poll_now();
    CHECK_ENDED(&got[1], COAP2_OK);
    CHECK_EQ(wire.count, 2); /* it was answered: no need to wait */
}

/* A group that answers may be asked again at once. */
static void probing_a_group(void)
{
    fresh();
    coap2_get(&node, "coap://224.0.1.187/x", on_reply, &got[0]);
    coap2_get(&node, "coap://224.0.1.187/x", on_reply, &got[1]);
    pass(1000);
    CHECK_EQ(wire.count, 1);
    ANSWER_FROM(loop_peer(11), 0, COAP2_NON, COAP2_205_CONTENT, 0x7001, "");
    poll_now();
    CHECK_EQ(wire.count, 2);
    CHECK_EQ(got[0].more, 1);
}

/* ---- time ---------------------------------------------------------------- */

/* Is the packet at an index the same as the first, byte by byte? */
static bool same_as_first(unsigned index)
{
    const loop_packet *first = loop_sent(&wire, 0);
    const loop_packet *p = loop_sent(&wire, index);

    return p->length == first->length &&
           memcmp(p->bytes, first->bytes, p->length) == 0;
}

/* Silence: four retransmissions of the same bytes, the first after 2 to 3 s,
   each after twice the time of the one before, and then a timeout. */
static void check_silence(uint32_t begin)
{
    uint32_t gap, end;
    unsigned i;
    coap2_peer to = loop_peer(1);

    fresh();
    wire.time = begin;
    ask(&got[0]);
    CHECK(pass(200000) == COAP2_FOREVER);
    CHECK_EQ(wire.tried, LAST_TRY);
    CHECK_EQ(loop_sent(&wire, 0)->time, begin);
    gap = loop_sent(&wire, 1)->time - begin;
    CHECK(gap >= 2000 && gap <= 3000);
    end = begin + gap;
    for (i = 1; i < LAST_TRY; i++) {
        CHECK(same_as_first(i));
        CHECK_EQ(loop_sent(&wire, i)->time, end);
        gap *= 2;
        end += gap;
    }
    CHECK_ENDED(&got[0], COAP2_ERR_TIMEOUT);
    CHECK_EQ(got[0].time, end);
    CHECK(coap2_peer_equals(&got[0].peer, &to));
    CHECK_IDLE();
}

static void silence(void)
{
    check_silence(100000);
}

/* The clock wraps at every place in between. */
static void clock_wraps(void)
{
    uint32_t before;

    for (before = 0; before < 100000; before += 997) check_silence(0u - before);
}

/* Poll says exactly when: one millisecond before nothing happens. */
static void poll_is_exact(void)
{
    uint32_t rest;
    unsigned i;

    fresh();
    ask(&got[0]);
    for (i = 1; i <= LAST_TRY; i++) {
        rest = poll_now();
        CHECK_EQ(wire.tried, i);
        wire.time += rest - 1;
        CHECK_EQ(poll_now(), 1);
        CHECK_EQ(wire.tried, i);
        CHECK_EQ(callbacks, 0);
        wire.time++;
    }
    CHECK_EQ(poll_now(), COAP2_FOREVER);
    CHECK_ENDED(&got[0], COAP2_ERR_TIMEOUT);
}

/* The first timeout is drawn anew each time, all over its span (4.2). */
static void jitter(void)
{
    uint32_t least = 10000, most = 0;
    unsigned i;

    fresh();
    for (i = 0; i < 200; i++) {
        int16_t request = ask(&got[0]);
        uint32_t rest = poll_now();

        if (rest < least) least = rest;
        if (rest > most) most = rest;
        coap2_cancel(&node, request);
    }
    CHECK(least >= 2000 && least < 2050);
    CHECK(most <= 3000 && most > 2950);
}

/* The parameters of 4.8 may be changed while the node runs. */
static void parameters(void)
{
    fresh();
    node.ack_timeout = 1000;
    node.random_factor = 100;
    node.max_retransmit = 2;
    ask(&got[0]);
    pass(100000);
    CHECK_EQ(wire.tried, 3);
    CHECK_EQ(loop_sent(&wire, 1)->time - loop_sent(&wire, 0)->time, 1000);
    CHECK_EQ(loop_sent(&wire, 2)->time - loop_sent(&wire, 1)->time, 2000);
    CHECK_EQ(got[0].time - loop_sent(&wire, 2)->time, 4000);
    CHECK_ENDED(&got[0], COAP2_ERR_TIMEOUT);
}

/* Poll comes too late: what has come is read before time is up. */
static void late_poll(void)
{
    fresh();
    ask(&got[0]);
    poll_now();
    wire.time += 500000;
    PIGGYBACK(0, COAP2_205_CONTENT, "");
    poll_now();
    CHECK_ENDED(&got[0], COAP2_OK);
    ask(&got[1]);
    poll_now();
    wire.time += 500000;
    CHECK_EQ(poll_now(), COAP2_FOREVER);
    CHECK_ENDED(&got[1], COAP2_ERR_TIMEOUT);
    CHECK_EQ(wire.tried, 2);
}

static int16_t ask_until(uint8_t peer, uint32_t deadline, heard *h)
{
    coap2_peer to = loop_peer(peer);
    coap2_call call;

    coap2_call_start_to(&call, &node, COAP2_GET, &to, "x");
    call.deadline = deadline;
    return coap2_call_send(&call, on_reply, h);
}

/* A deadline counts from the first transmission, acknowledged or not. */
static void deadlines(void)
{
    uint32_t begin;

    fresh();
    begin = wire.time;
    ask_until(1, 5000, &got[0]);
    ask_until(1, 6000, &got[1]); /* waits behind it, for NSTART */
    ask_until(2, 7000, &got[2]);
    poll_now();
    CHECK_EQ(wire.count, 2);
    push_empty(loop_peer(2), COAP2_ACK, loop_id(&wire, 1));
    pass(60000);
    CHECK_ENDED(&got[0], COAP2_ERR_TIMEOUT);
    CHECK_ENDED(&got[1], COAP2_ERR_TIMEOUT);
    CHECK_ENDED(&got[2], COAP2_ERR_TIMEOUT);
    CHECK_EQ(got[0].time, begin + 5000);
    CHECK_EQ(got[1].time, begin + 11000);
    CHECK_EQ(got[2].time, begin + 7000);
    CHECK_IDLE();
}

/* Acknowledged, and then nothing. */
static void answer_never_comes(void)
{
    uint32_t begin;

    fresh();
    begin = wire.time;
    ask(&got[0]);
    poll_now();
    push_empty(loop_peer(1), COAP2_ACK, loop_id(&wire, 0));
    pass(500000);
    CHECK_EQ(wire.tried, 1);
    CHECK_ENDED(&got[0], COAP2_ERR_TIMEOUT);
    CHECK_EQ(got[0].time - begin, COAP2_DEADLINE);
}

/* ---- several at a time --------------------------------------------------- */

/* One to each of several peers, answered in another order. */
static void outstanding(void)
{
    unsigned i;

    fresh();
    for (i = 0; i < EXCHANGES; i++) {
        CHECK(ask_peer((uint8_t)(i + 1), &got[i]) > 0);
    }
    poll_now();
    CHECK_EQ(wire.count, EXCHANGES);
    for (i = EXCHANGES; i-- > 0;) {
        PIGGYBACK(i, COAP2_205_CONTENT, "ff'x'");
        poll_now();
        CHECK_ENDED(&got[i], COAP2_OK);
        CHECK_EQ(got[i].order, EXCHANGES - i);
        CHECK_EQ(got[i].peer.address[3], i + 1);
    }
    CHECK_IDLE();
}

/* NSTART is 1: those behind wait for their turn, in order, until the one
   before them is answered (4.7). */
static void one_at_a_time(void)
{
    unsigned i;

    fresh();
    for (i = 0; i < 4; i++) {
        coap2_post(&node, "coap://192.0.2.1/x", &"0123"[i], 1, on_reply,
                   &got[i]);
    }
    for (i = 0; i < 4; i++) {
        poll_now();
        CHECK_EQ(wire.count, i + 1);
        CHECK_EQ(loop_sent(&wire, i)->bytes[11], '0' + i);
        pass(1000);
        CHECK_EQ(wire.count, i + 1);
        PIGGYBACK(i, COAP2_204_CHANGED, "");
    }
    poll_now();
    for (i = 0; i < 4; i++) CHECK_ENDED(&got[i], COAP2_OK);
    CHECK_IDLE();
}

/* An acknowledged request is not outstanding any more; one that ended without
   an answer neither. */
static void next_in_line(void)
{
    int16_t request;

    fresh();
    ask(&got[0]);
    request = ask(&got[1]);
    ask(&got[2]);
    ask(&got[3]);
    ask(&got[4]);
    poll_now();
    CHECK_EQ(wire.count, 1);
    push_empty(loop_peer(1), COAP2_ACK, loop_id(&wire, 0));
    poll_now();
    CHECK_EQ(wire.count, 2);
    coap2_cancel(&node, request);
    poll_now();
    CHECK_EQ(wire.count, 3);
    push_empty(loop_peer(1), COAP2_RST, loop_id(&wire, 2));
    poll_now();
    CHECK_EQ(wire.count, 4);
    pass(93000);
    CHECK_ENDED(&got[3], COAP2_ERR_TIMEOUT);
    CHECK(wire.count > 3 + LAST_TRY);
    CHECK_EQ(loop_sent(&wire, 3 + LAST_TRY)->time, got[3].time);
}

/* Another port is another endpoint. */
static void per_endpoint(void)
{
    fresh();
    coap2_get(&node, "coap://192.0.2.1/x", on_reply, &got[0]);
    coap2_get(&node, "coap://192.0.2.1/x", on_reply, &got[1]);
    coap2_get(&node, "coap://192.0.2.1:5000/x", on_reply, &got[2]);
    coap2_get(&node, "coap://192.0.2.2/x", on_reply, &got[3]);
    poll_now();
    CHECK_EQ(wire.count, 3);
    CHECK_EQ(loop_sent(&wire, 1)->peer.port, 5000);
    CHECK_EQ(loop_sent(&wire, 2)->peer.address[3], 2);
}

/* NSTART of two, also where the later request has the earlier exchange. */
static void two_at_a_time(void)
{
    int16_t other;

    fresh();
    node.nstart = 2;
    other = ask_peer(9, &got[9]);
    coap2_put(&node, "coap://192.0.2.1/x", "a", 1, on_reply, &got[0]);
    coap2_cancel(&node, other);
    coap2_put(&node, "coap://192.0.2.1/x", "b", 1, on_reply, &got[1]);
    coap2_put(&node, "coap://192.0.2.1/x", "c", 1, on_reply, &got[2]);
    pass(10);
    CHECK_EQ(wire.count, 2);
    CHECK_EQ(loop_sent(&wire, 0)->bytes[11], 'a');
    CHECK_EQ(loop_sent(&wire, 1)->bytes[11], 'b');
    PIGGYBACK(1, COAP2_204_CHANGED, "");
    pass(10);
    CHECK_EQ(wire.count, 3);
    CHECK_EQ(loop_sent(&wire, 2)->bytes[11], 'c');
}

/* The same for the rate of non-confirmable ones: poll knows when the one
   behind may go. */
static void probing_in_line(void)
{
    int16_t other;
    uint32_t gap;

    fresh();
    node.probing_rate = 2;
    other = ask_peer(9, &got[9]);
    ask_non(1, &got[0]);
    coap2_cancel(&node, other);
    ask_non(1, &got[1]);
    pass(30000);
    CHECK_EQ(wire.count, 2);
    gap = loop_sent(&wire, 1)->time - loop_sent(&wire, 0)->time;
    CHECK(gap >= 5000 && gap <= 6000);
}

/* A table that is full says so, and takes one more as soon as one has ended. */
static void full_table(void)
{
    unsigned i;

    fresh();
    for (i = 0; i < EXCHANGES; i++) CHECK(ask(&got[i]) > 0);
    CHECK_EQ(ask(&got[EXCHANGES]), COAP2_ERR_FULL);
    poll_now();
    CHECK_EQ(ask(&got[EXCHANGES]), COAP2_ERR_FULL);
    PIGGYBACK(0, COAP2_205_CONTENT, "");
    poll_now();
    CHECK(ask(&got[EXCHANGES + 1]) > 0);
    CHECK_EQ(ask(&got[EXCHANGES]), COAP2_ERR_FULL);
    CHECK_EQ(got[EXCHANGES].times, 0);
    for (i = 0; i < EXCHANGES; i++) pass(93000);
    for (i = 1; i < EXCHANGES; i++) CHECK_ENDED(&got[i], COAP2_ERR_TIMEOUT);
    CHECK_IDLE();
}

/* As many requests as `out` has slots, but for the one that is written in. */
static void few_slots(void)
{
    fresh();
    node.out_size = 3 * PACKET;
    CHECK_EQ(coap2_start(&node, 1), COAP2_OK);
    CHECK(ask(&got[0]) > 0);
    CHECK(ask(&got[1]) > 0);
    CHECK_EQ(ask(&got[2]), COAP2_ERR_FULL);
    node.out_size = 2 * PACKET - 1;
    CHECK_EQ(coap2_start(&node, 1), COAP2_OK);
    CHECK_EQ(ask(&got[2]), COAP2_ERR_FULL);
    poll_now();
    CHECK_EQ(wire.tried, 0);
}

/* ---- the end of a request ------------------------------------------------ */

static void cancelled(void)
{
    int16_t request, queued;
    coap2_peer to = loop_peer(1);

    fresh();
    request = ask(&got[0]);
    queued = ask(&got[1]);
    poll_now();
    CHECK_EQ(coap2_cancel(&node, queued), COAP2_OK);
    CHECK_ENDED(&got[1], COAP2_ERR_CANCELLED);
    CHECK_EQ(coap2_cancel(&node, request), COAP2_OK);
    CHECK_ENDED(&got[0], COAP2_ERR_CANCELLED);
    CHECK_EQ(got[0].request, request);
    CHECK(coap2_peer_equals(&got[0].peer, &to));
    CHECK_EQ(coap2_cancel(&node, request), COAP2_ERR_ARG);
    CHECK_EQ(coap2_cancel(&node, 0), COAP2_ERR_ARG);
    CHECK_EQ(coap2_cancel(&node, COAP2_ERR_FULL), COAP2_ERR_ARG);
    CHECK_EQ(pass(200000), COAP2_FOREVER);
    CHECK_EQ(wire.tried, 1);
    CHECK_EQ(callbacks, 2);
    CHECK_IDLE();
}

static int16_t to_cancel;
static coap2_result cancel_results[2];

static void on_reply_cancel(const coap2_reply *reply)
{
    on_reply(reply);
    if (reply->result == COAP2_ERR_CANCELLED) return;
    cancel_results[0] = coap2_cancel(reply->node, reply->request);
    cancel_results[1] = coap2_cancel(reply->node, to_cancel);
}

/* A callback ends another request; its own has ended already. */
static void cancel_in_callback(void)
{
    fresh();
    coap2_get(&node, "coap://192.0.2.1/x", on_reply_cancel, &got[0]);
    to_cancel = ask_peer(2, &got[1]);
    poll_now();
    PIGGYBACK(0, COAP2_205_CONTENT, "");
    poll_now();
    CHECK_ENDED(&got[0], COAP2_OK);
    CHECK_ENDED(&got[1], COAP2_ERR_CANCELLED);
    CHECK_EQ(cancel_results[0], COAP2_ERR_ARG);
    CHECK_EQ(cancel_results[1], COAP2_OK);
    pass(200000);
    CHECK_EQ(wire.tried, 2);
    CHECK_EQ(callbacks, 2);
    CHECK_IDLE();
}

/* The same at a timeout, of one that is due at the same time. */
static void cancel_at_timeout(void)
{
    fresh();
    coap2_get(&node, "coap://192.0.2.1/x", on_reply_cancel, &got[0]);
    to_cancel = ask_peer(2, &got[1]);
    poll_now();
    push_empty(loop_peer(1), COAP2_ACK, loop_id(&wire, 0));
    push_empty(loop_peer(2), COAP2_ACK, loop_id(&wire, 1));
    poll_now();
    pass(200000);
    CHECK_ENDED(&got[0], COAP2_ERR_TIMEOUT);
    CHECK_ENDED(&got[1], COAP2_ERR_CANCELLED);
    CHECK_EQ(callbacks, 2);
    CHECK_IDLE();
}

/* A send that cannot now is tried at the next poll, which is not at once. */
static void busy_sender(void)
{
    uint32_t rest, begin;

    fresh();
    begin = wire.time;
    ask(&got[0]);
    wire.again = 3;
    rest = poll_now();
    CHECK_EQ(wire.tried, 1);
    CHECK(rest > 0 && rest <= 1000);
    poll_now();
    CHECK_EQ(wire.tried, 2);
    pass(1000);
    CHECK_EQ(wire.tried, 4);
    CHECK_EQ(wire.count, 1);
    wire.again = 1;
    pass(3000);
    CHECK_EQ(wire.tried, 6);
    CHECK_EQ(wire.count, 2);
    CHECK(same_as_first(1));
    CHECK(loop_sent(&wire, 1)->time - loop_sent(&wire, 0)->time >= 2000);
    PIGGYBACK(1, COAP2_205_CONTENT, "");
    poll_now();
    CHECK_ENDED(&got[0], COAP2_OK);
    CHECK(wire.time - begin < 10000);
    CHECK_IDLE();
}

/* It ends at its deadline though the sender never could. */
static void busy_for_ever(void)
{
    fresh();
    ask_until(1, 2000, &got[0]);
    wire.again = 100000;
    pass(5000);
    CHECK_ENDED(&got[0], COAP2_ERR_TIMEOUT);
    CHECK_EQ(wire.count, 0);
    CHECK(wire.tried > 1 && wire.tried < 500);
    wire.again = 0;
    CHECK_IDLE();
}

/* What rejects or acknowledges a message that has not left yet is not about it
   (RFC 7252 4.2). */
static void not_sent_yet(void)
{
    uint8_t empty[] = {0x70, 0, 0, 0};

    fresh();
    ask(&got[0]);
    wire.again = 3;
    poll_now();
    CHECK_EQ(wire.tried, 1);
    empty[2] = (uint8_t)((uint16_t)(node.next_id - 1) >> 8);
    empty[3] = (uint8_t)(node.next_id - 1);
    loop_push_at(&wire, loop_peer(1), empty, sizeof empty, wire.time);
    poll_now();
    empty[0] = 0x60;
    loop_push_at(&wire, loop_peer(1), empty, sizeof empty, wire.time);
    poll_now();
    CHECK_EQ(wire.count, 0);
    pass(1000);
    CHECK_EQ(wire.count, 1);
    PIGGYBACK(0, COAP2_205_CONTENT, "");
    poll_now();
    CHECK_ENDED(&got[0], COAP2_OK);
    CHECK_IDLE();
}

/* An ACK that cannot leave now leaves later. */
static void busy_ack(void)
{
    fresh();
    ask(&got[0]);
    poll_now();
    ANSWER(0, COAP2_CON, COAP2_205_CONTENT, 0x7001, "");
    wire.again = 1;
    poll_now();
    CHECK_ENDED(&got[0], COAP2_OK);
    pass(1000);
    CHECK_EQ(wire.count, 2);
    LOOP_IS(&wire, 1, "60007001");
    CHECK_IDLE();
}

/* One that fails for good ends the request with that reason, the first time
   and later; the next in line is not held up. */
static void broken_sender(void)
{
    fresh();
    ask(&got[0]);
    ask(&got[1]);
    wire.fail = 1;
    pass(1);
    CHECK_ENDED(&got[0], COAP2_ERR_SEND);
    CHECK_EQ(wire.count, 1);
    CHECK_EQ(got[1].times, 0);
    wire.fail = 1;
    pass(5000);
    CHECK_ENDED(&got[1], COAP2_ERR_SEND);
    CHECK_EQ(wire.tried, 3);
    CHECK_IDLE();
}

/* The next in line has an earlier exchange than the one that failed. */
static void broken_in_line(void)
{
    int16_t other;

    fresh();
    other = ask_peer(9, &got[9]);
    ask(&got[0]);
    coap2_cancel(&node, other);
    ask(&got[1]);
    wire.fail = 1;
    pass(1000);
    CHECK_ENDED(&got[0], COAP2_ERR_SEND);
    CHECK_EQ(wire.count, 1);
}

/* ---- requests from inside a callback ------------------------------------- */

static unsigned asks_left;

static void on_reply_ask(const coap2_reply *reply)
{
    heard *h = (heard *)reply->user;

    on_reply(reply);
    if (asks_left == 0) return;
    asks_left--;
    CHECK(coap2_get(reply->node, "coap://192.0.2.1/x", on_reply_ask, h + 1) >
          0);
}

/* There is room for one even where the table was full, and it leaves in the
   same poll. */
static void ask_in_callback(void)
{
    unsigned i;

    fresh();
    asks_left = 1;
    coap2_get(&node, "coap://192.0.2.1/x", on_reply_ask, &got[0]);
    for (i = 2; i <= EXCHANGES; i++) ask_peer((uint8_t)i, &got[i]);
    poll_now();
    PIGGYBACK(0, COAP2_205_CONTENT, "");
    poll_now();
    CHECK_ENDED(&got[0], COAP2_OK);
    CHECK_EQ(wire.count, EXCHANGES + 1);
    PIGGYBACK(EXCHANGES, COAP2_205_CONTENT, "");
    poll_now();
    CHECK_ENDED(&got[1], COAP2_OK);
}

/* The same after a timeout, a reset, a cancel and a send error. */
static void ask_again(void)
{
    int16_t request;

    fresh();
    asks_left = 4;
    request = coap2_get(&node, "coap://192.0.2.1/x", on_reply_ask, &got[0]);
    poll_now();
    coap2_cancel(&node, request);
    poll_now();
    CHECK_EQ(wire.count, 2);
    push_empty(loop_peer(1), COAP2_RST, loop_id(&wire, 1));
    poll_now();
    CHECK_EQ(wire.count, 3);
    wire.fail = 1;
    pass(4000); /* a retransmission fails */
    CHECK_EQ(wire.count, 4);
    pass(93000);
    CHECK(wire.count > 3 + LAST_TRY);
    CHECK_ENDED(&got[0], COAP2_ERR_CANCELLED);
    CHECK_ENDED(&got[1], COAP2_ERR_RESET);
    CHECK_ENDED(&got[2], COAP2_ERR_SEND);
    CHECK_ENDED(&got[3], COAP2_ERR_TIMEOUT);
}

/* The first transmission fails: what its callback asks for is not forgotten. */
static void ask_after_send_error(void)
{
    fresh();
    asks_left = 2;
    coap2_get(&node, "coap://192.0.2.1/x", on_reply_ask, &got[0]);
    wire.fail = 2;
    pass(1000);
    CHECK_ENDED(&got[0], COAP2_ERR_SEND);
    CHECK_ENDED(&got[1], COAP2_ERR_SEND);
    CHECK_EQ(wire.count, 1);
}

/* A sender that fails again and again, a callback that asks again and again. */
static void ask_and_ask(void)
{
    fresh();
    asks_left = EXCHANGES;
    coap2_get(&node, "coap://192.0.2.1/x", on_reply_ask, &got[0]);
    wire.fail = 1000;
    pass(1000);
    CHECK_EQ(wire.tried, EXCHANGES + 1);
}

/* ---- coap2_wait ---------------------------------------------------------- */

static void wait_for_answer(void)
{
    uint32_t begin;
    int16_t request;

    fresh();
    begin = wire.time;
    request = ask(&got[0]);
    poll_now();
    PIGGYBACK(0, COAP2_205_CONTENT, "");
    wire.queue[0].time += 700;
    CHECK_EQ(coap2_wait(&node, request), COAP2_OK);
    CHECK_ENDED(&got[0], COAP2_OK);
    CHECK_EQ(wire.time - begin, 700);
}

static void wait_for_others(void)
{
    int16_t request;

    fresh();
    request = ask(&got[0]);
    CHECK_EQ(coap2_wait(&node, request), COAP2_ERR_TIMEOUT);
    CHECK_ENDED(&got[0], COAP2_ERR_TIMEOUT);
    CHECK(coap2_wait(&node, request) < 0); /* it is no more */
    ask_peer(2, &got[1]);
    request = ask(&got[2]);
    wire.fail = 2;
    CHECK_EQ(coap2_wait(&node, request), COAP2_ERR_SEND);
    CHECK_ENDED(&got[1], COAP2_ERR_SEND);
    request = coap2_get(&node, "coap://192.0.2.1/x", NULL, NULL);
    wire.fail = 1;
    CHECK_EQ(coap2_wait(&node, request), COAP2_ERR_SEND);
}

/* An error is handed back, and needs no clock. */
static void wait_for_an_error(void)
{
    fresh();
    CHECK_EQ(coap2_wait(&node, coap2_get(&node, "coap://", on_reply, NULL)),
             COAP2_ERR_FORMAT);
    node.now = NULL;
    CHECK_EQ(coap2_wait(&node,
                        coap2_get(&node, "coap://[::1%25x]/", on_reply, NULL)),
             COAP2_ERR_NAME);
    CHECK_EQ(coap2_wait(&node, ask(&got[0])), COAP2_ERR_CONFIG);
    CHECK_EQ(got[0].times, 0);
    pass(93000);
    CHECK_ENDED(&got[0], COAP2_ERR_TIMEOUT);
}

static coap2_result waited_inside;

static void on_reply_wait(const coap2_reply *reply)
{
    heard *h = (heard *)reply->user;

    on_reply(reply);
    waited_inside = coap2_wait(reply->node, ask(h + 1));
}

/* Refused inside a callback; the request goes on. */
static void wait_in_callback(void)
{
    fresh();
    coap2_get(&node, "coap://192.0.2.1/x", on_reply_wait, &got[0]);
    poll_now();
    PIGGYBACK(0, COAP2_205_CONTENT, "");
    poll_now();
    CHECK_EQ(waited_inside, COAP2_ERR_CONFIG);
    CHECK_ENDED(&got[0], COAP2_OK);
    CHECK_EQ(got[1].times, 0);
    PIGGYBACK(1, COAP2_205_CONTENT, "");
    poll_now();
    CHECK_ENDED(&got[1], COAP2_OK);
    CHECK_EQ(coap2_wait(&node, ask(&got[2])), COAP2_ERR_TIMEOUT);
}

static uint32_t now_by_itself(void *io)
{
    return ((loop *)io)->time += 10;
}

/* Without something to do meanwhile, it looks at the clock again. */
static void wait_without_idle(void)
{
    uint32_t begin;

    fresh();
    begin = wire.time;
    node.now = now_by_itself;
    node.idle = NULL;
    CHECK_EQ(coap2_wait(&node, ask_until(1, 5000, &got[0])), COAP2_ERR_TIMEOUT);
    CHECK(wire.time - begin >= 5000 && wire.time - begin < 5050);
}

/* What is waited for is cancelled by the callback of another. */
static void wait_and_cancel(void)
{
    fresh();
    coap2_get(&node, "coap://192.0.2.2/x", on_reply_cancel, &got[0]);
    poll_now();
    PIGGYBACK(0, COAP2_205_CONTENT, "");
    wire.queue[0].time += 100;
    to_cancel = ask(&got[1]);
    CHECK_EQ(coap2_wait(&node, to_cancel), COAP2_ERR_CANCELLED);
    CHECK_ENDED(&got[0], COAP2_OK);
}

/* ---- groups (8) ---------------------------------------------------------- */

#define GROUP "coap://224.0.1.187/x"

static int16_t ask_group(uint32_t deadline, coap2_reply_fn reply, heard *h)
{
    coap2_call call;

    coap2_call_start(&call, &node, COAP2_GET, GROUP);
    call.deadline = deadline;
    return coap2_call_send(&call, reply, h);
}

/* Each member is heard once, with its peer; the end comes at the deadline. */
static void many_answers(void)
{
    uint32_t begin;
    coap2_peer member = loop_peer(11);

    fresh();
    begin = wire.time;
    ask_group(10000, on_reply, &got[0]);
    poll_now();
    CHECK_EQ(wire.count, 1);
    LOOP_IS(&wire, 0, "5401.... ........ b1'x'");
    CHECK(loop_sent(&wire, 0)->peer.group);
    CHECK_EQ(loop_sent(&wire, 0)->peer.address[0], 224);
    ANSWER_FROM(member, 0, COAP2_NON, COAP2_205_CONTENT, 0x7001, "ff'a'");
    poll_now();
    CHECK_EQ(got[0].more, 1);
    CHECK_EQ(got[0].result, COAP2_OK);
    CHECK_TEXT(got[0].text, "a");
    CHECK(coap2_peer_equals(&got[0].peer, &member));
    ANSWER_FROM(loop_peer(12), 0, COAP2_NON, COAP2_404_NOT_FOUND, 0x7001, "");
    ANSWER_FROM(member, 0, COAP2_NON, COAP2_205_CONTENT, 0x7001, "ff'a'");
    ANSWER_FROM(loop_peer(12), 0, COAP2_NON, COAP2_404_NOT_FOUND, 0x7001, "");
    poll_now();
    CHECK_EQ(got[0].more, 2);
    CHECK_EQ(got[0].peer.address[3], 12);
    CHECK_EQ(got[0].times, 0);
    pass(20000);
    CHECK_EQ(wire.tried, 1);
    CHECK_ENDED(&got[0], COAP2_ERR_TIMEOUT);
    CHECK_EQ(got[0].more, 2);
    CHECK_EQ(got[0].time, begin + 10000);
    CHECK_EQ(got[0].peer.address[0], 224);
    CHECK_IDLE();
}

/* A member may answer with a CON, twice; an answer with another token or that
   is rejected, an ACK or a RST change nothing. */
static void strange_members(void)
{
    uint16_t id;

    fresh();
    ask_group(10000, on_reply, &got[0]);
    poll_now();
    id = loop_id(&wire, 0);
    ANSWER_FROM(loop_peer(11), 0, COAP2_CON, COAP2_205_CONTENT, 0x7001, "");
    ANSWER_FROM(loop_peer(11), 0, COAP2_CON, COAP2_205_CONTENT, 0x7001, "");
    poll_now();
    CHECK_EQ(wire.count, 3);
    LOOP_IS(&wire, 1, "60007001");
    LOOP_IS(&wire, 2, "60007001");
    CHECK_EQ(loop_sent(&wire, 1)->peer.address[3], 11);
    CHECK_EQ(got[0].more, 1);
    push_empty(loop_peer(12), COAP2_RST, id);
    push_empty(loop_peer(12), COAP2_ACK, id);
    LOOP_PUSH(&wire, loop_peer(12), "5445 7001 00000000");
    ANSWER_FROM(loop_peer(12), 0, COAP2_NON, COAP2_205_CONTENT, 0x7002,
                "e1fde4'?'");
    ANSWER_FROM(loop_peer(12), 0, COAP2_ACK, COAP2_205_CONTENT, id, "");
    poll_now();
    CHECK_EQ(callbacks, 1);
    ANSWER_FROM(loop_peer(12), 0, COAP2_NON, COAP2_205_CONTENT, 0x7003, "");
    poll_now();
    CHECK_EQ(got[0].more, 2);
    pass(20000);
    CHECK_ENDED(&got[0], COAP2_ERR_TIMEOUT);
    CHECK_EQ(wire.tried, 3);
}

static void never_confirmable(void)
{
    coap2_peer to = loop_group(9);
    coap2_call call;

    fresh();
    coap2_call_start_to(&call, &node, COAP2_POST, &to, "x");
    call.confirmable = true;
    CHECK(coap2_call_send(&call, on_reply, &got[0]) > 0);
    pass(200000);
    CHECK_EQ(wire.tried, 1);
    LOOP_IS(&wire, 0, "5402.... ........ b1'x'");
    CHECK_ENDED(&got[0], COAP2_ERR_TIMEOUT);
}

static void group_cancelled(void)
{
    int16_t request;

    fresh();
    request = ask_group(10000, on_reply, &got[0]);
    poll_now();
    ANSWER_FROM(loop_peer(11), 0, COAP2_NON, COAP2_205_CONTENT, 0x7001, "");
    poll_now();
    coap2_cancel(&node, request);
    CHECK_ENDED(&got[0], COAP2_ERR_CANCELLED);
    CHECK_EQ(got[0].more, 1);
    ask_group(10000, on_reply_cancel, &got[1]);
    poll_now();
    pass(100000);
    ask_group(10000, on_reply_cancel, &got[2]);
    poll_now();
    ANSWER_FROM(loop_peer(12), wire.count - 1, COAP2_NON, COAP2_205_CONTENT,
                0x7001, "");
    ANSWER_FROM(loop_peer(13), wire.count - 1, COAP2_NON, COAP2_205_CONTENT,
                0x7001, "");
    poll_now(); /* the first answer's callback ends its own request */
    CHECK_EQ(got[2].more, 1);
    CHECK_ENDED(&got[2], COAP2_ERR_CANCELLED);
    CHECK_EQ(cancel_results[0], COAP2_OK);
    CHECK_IDLE();
}

/* ---- Echo (RFC 9175 2.3) ------------------------------------------------- */

/* 4.01 with Echo: once more, with the value and a new id; the caller hears of
   the second answer only. */
static void echo_repeated(void)
{
    fresh();
    coap2_post(&node, "coap://192.0.2.1/x", "body", 4, on_reply, &got[0]);
    poll_now();
    PIGGYBACK(0, COAP2_401_UNAUTHORIZED, "d3ef'abc'");
    poll_now();
    CHECK_EQ(callbacks, 0);
    CHECK_EQ(wire.count, 2);
    LOOP_IS(&wire, 1, "4402.... ........ b1'x' d3e4'abc' ff'body'");
    CHECK(loop_id(&wire, 1) != loop_id(&wire, 0));
    pass(3000);
    CHECK_EQ(wire.count, 3);
    CHECK_EQ(loop_id(&wire, 2), loop_id(&wire, 1));
    PIGGYBACK(1, COAP2_204_CHANGED, "ff'ok'");
    poll_now();
    CHECK_ENDED(&got[0], COAP2_OK);
    CHECK_EQ(got[0].code, COAP2_204_CHANGED);
    CHECK_IDLE();
}

/* Only once. */
static void echo_refused(void)
{
    fresh();
    ask(&got[0]);
    poll_now();
    PIGGYBACK(0, COAP2_401_UNAUTHORIZED, "d3ef'abc'");
    poll_now();
    PIGGYBACK(1, COAP2_401_UNAUTHORIZED, "d3ef'def'");
    poll_now();
    CHECK_EQ(wire.count, 2);
    CHECK_ENDED(&got[0], COAP2_OK);
    CHECK_EQ(got[0].code, COAP2_401_UNAUTHORIZED);
    CHECK_IDLE();
}

static void echo_separate(void)
{
    fresh();
    ask(&got[0]);
    ask(&got[1]);
    ask_non(2, &got[2]);
    poll_now();
    CHECK_EQ(wire.count, 2);
    ANSWER(0, COAP2_CON, COAP2_401_UNAUTHORIZED, 0x7001, "d3ef'abc'");
    ANSWER(1, COAP2_NON, COAP2_401_UNAUTHORIZED, 0x7001, "d3ef'xyz'");
    poll_now();
    CHECK_EQ(wire.count, 5); /* the ACK, and both again, not the one behind */
    LOOP_IS(&wire, 2, "60007001");
    LOOP_IS(&wire, 3, "4401.... ........ b1'x' d3e4'abc'");
    LOOP_IS(&wire, 4, "5401.... ........ b1'x' d3e4'xyz'");
    ANSWER(0, COAP2_CON, COAP2_401_UNAUTHORIZED, 0x7001, "d3ef'abc'");
    poll_now();
    CHECK_EQ(wire.count, 6);
    LOOP_IS(&wire, 5, "60007001");
    CHECK_EQ(callbacks, 0);
    ANSWER(4, COAP2_NON, COAP2_205_CONTENT, 0x7002, "");
    PIGGYBACK(3, COAP2_205_CONTENT, "");
    poll_now();
    CHECK_ENDED(&got[0], COAP2_OK);
    CHECK_ENDED(&got[2], COAP2_OK);
    CHECK_EQ(wire.count, 7);
}

/* The deadline is that of the request, not of each try. */
static void echo_and_silence(void)
{
    uint32_t begin;

    fresh();
    begin = wire.time;
    ask_until(1, 5000, &got[0]);
    pass(1500);
    PIGGYBACK(0, COAP2_401_UNAUTHORIZED, "d3ef'abc'");
    poll_now();
    CHECK_EQ(wire.count, 2);
    pass(20000);
    CHECK_ENDED(&got[0], COAP2_ERR_TIMEOUT);
    CHECK_EQ(got[0].time, begin + 5000);
}

/* Another code, no value, one that is too long or does not fit the packet:
   the answer is the answer. */
static void echo_not_usable(void)
{
    static uint8_t body[PACKET];
    unsigned i;

    fresh();
    for (i = 0; i < 4; i++) ask_peer((uint8_t)(i + 1), &got[i]);
    coap2_put(&node, "coap://192.0.2.5/x", body, PACKET - 15, on_reply,
              &got[4]);
    poll_now();
    PIGGYBACK(0, COAP2_401_UNAUTHORIZED, "");
    PIGGYBACK(1, COAP2_403_FORBIDDEN, "d3ef'abc'");
    PIGGYBACK(2, COAP2_401_UNAUTHORIZED, "d0ef");
    PIGGYBACK(3, COAP2_401_UNAUTHORIZED,
              "ddef1c '0123456789012345678901234567890123456789!'");
    PIGGYBACK(4, COAP2_401_UNAUTHORIZED, "d3ef'abc'");
    poll_now();
    CHECK_EQ(wire.count, 5);
    for (i = 0; i < 5; i++) CHECK_ENDED(&got[i], COAP2_OK);
    CHECK_EQ(got[3].code, COAP2_401_UNAUTHORIZED);
    CHECK_IDLE();
}

/* The longest value, behind an option of a higher number. */
static void echo_longest(void)
{
    coap2_peer to = loop_peer(1);
    coap2_call call;

    fresh();
    coap2_call_start_to(&call, &node, COAP2_GET, &to, "x");
    coap2_write_uint(&call.w, COAP2_OPT_NO_RESPONSE, 2);
    coap2_call_send(&call, on_reply, &got[0]);
    poll_now();
    PIGGYBACK(0, COAP2_401_UNAUTHORIZED,
              "ddef1b '0123456789012345678901234567890123456789'");
    poll_now();
    LOOP_IS(&wire, 1,
            "4401.... ........ b1'x' dde41b "
            "'0123456789012345678901234567890123456789' 6102");
}

/* ---- ping (4.3) ---------------------------------------------------------- */

static void ping(void)
{
    fresh();
    CHECK(coap2_ping(&node, "coap://192.0.2.1", on_reply, &got[0]) > 0);
    CHECK(coap2_ping(&node, "coap://192.0.2.2", on_reply, &got[1]) > 0);
    poll_now();
    CHECK_EQ(wire.count, 2);
    LOOP_IS(&wire, 0, "4000....");
    pass(3000);
    CHECK_EQ(wire.count, 4);
    push_empty(loop_peer(2), COAP2_RST, loop_id(&wire, 0));
    poll_now();
    CHECK_EQ(callbacks, 0);
    push_empty(loop_peer(1), COAP2_RST, loop_id(&wire, 0));
    pass(93000);
    CHECK_EQ(got[0].times, 1);
    CHECK_EQ(got[0].result, COAP2_OK);
    CHECK(!got[0].had_message);
    CHECK_ENDED(&got[1], COAP2_ERR_TIMEOUT);
    CHECK_EQ(coap2_wait(&node, coap2_ping(&node, "coap://", NULL, NULL)),
             COAP2_ERR_FORMAT);
    CHECK_IDLE();
}

/* A response without a token is not for a ping, which has none. */
static void ping_and_response(void)
{
    fresh();
    coap2_ping(&node, "coap://192.0.2.1", on_reply, &got[0]);
    poll_now();
    ANSWER(0, COAP2_CON, COAP2_205_CONTENT, 0x7001, "ff'x'");
    PIGGYBACK(0, COAP2_205_CONTENT, "ff'x'");
    poll_now();
    CHECK_EQ(callbacks, 0);
    CHECK_EQ(wire.count, 2);
    LOOP_IS(&wire, 1, "70007001");
}

/* ---- ids, tokens, handles ------------------------------------------------ */

enum { MANY = 300 };

/* Is one number there twice? */
static bool has_twins(const uint32_t *numbers, unsigned count)
{
    unsigned i, j;

    for (i = 0; i < count; i++) {
        for (j = 0; j < i; j++) {
            if (numbers[i] == numbers[j]) return true;
        }
    }
    return false;
}

static uint32_t token_of(unsigned index)
{
    uint32_t token;

    memcpy(&token, loop_sent(&wire, index)->bytes + 4, 4);
    return token;
}

/* Send and drop; the message's id and token. */
static void draw(uint32_t *id, uint32_t *token)
{
    int16_t request = ask(&got[0]);

    poll_now();
    *id = loop_id(&wire, wire.count - 1);
    *token = token_of(wire.count - 1);
    coap2_cancel(&node, request);
}

/* Ids differ from each other, over their wrap, too, and begin at random (4.4);
   tokens are random, of the knob's length (5.3.1). */
static void fresh_ids_and_tokens(void)
{
    static uint32_t ids[MANY], tokens[MANY];
    unsigned i, bits = 0;

    fresh();
    node.next_id = 0xff80;
    for (i = 0; i < MANY; i++) draw(&ids[i], &tokens[i]);
    CHECK_EQ(ids[0], 0xff80);
    CHECK(!has_twins(ids, MANY));
    CHECK(!has_twins(tokens, MANY));
    for (i = 0; i < MANY; i++) bits |= (tokens[i] ^ tokens[0]) != 0;
    CHECK_EQ(bits, 1);
    CHECK_EQ(loop_sent(&wire, 0)->bytes[0], 0x40 + COAP2_TOKEN_LENGTH);
}

static void random_starts(void)
{
    static uint32_t ids[64], tokens[64];
    unsigned i, high = 0;

    for (i = 0; i < 64; i++) {
        fresh();
        CHECK_EQ(coap2_start(&node, i), COAP2_OK);
        draw(&ids[i], &tokens[i]);
        high += ids[i] >= 0x8000;
    }
    CHECK(!has_twins(tokens, 64));
    CHECK(high > 16 && high < 48);
}

/* The seed of the node is 32 bits; more chance may be mixed in. */
static void more_seed(void)
{
    uint32_t id, plain, seeded;

    fresh();
    draw(&id, &plain);
    fresh();
    coap2_seed(&node, "sixteen bytes...", 16);
    draw(&id, &seeded);
    CHECK(plain != seeded);
}

static uint32_t always_five(void *io)
{
    (void)io;
    return 5;
}

static void random_of_ones_own(void)
{
    fresh();
    node.random = always_five;
    ask(&got[0]);
    poll_now();
    LOOP_IS(&wire, 0, "4401.... 05000000 b1'x'");
}

static uint32_t fives_and_more(void *io)
{
    static unsigned calls;

    (void)io;
    return calls++ < 2 ? 5u : 4u + calls;
}

/* A token that is in use is drawn again. */
static void tokens_in_use(void)
{
    fresh();
    node.random = fives_and_more;
    ask_peer(1, &got[0]);
    ask_peer(2, &got[1]);
    poll_now();
    LOOP_IS(&wire, 0, "4401.... 05000000 b1'x'");
    LOOP_IS(&wire, 1, "4401.... 07000000 b1'x'");
}

/* Carried over a deep sleep, ids go on where they were (4.4). */
static void ids_carried(void)
{
    uint32_t ids[4], token;
    uint16_t next;

    fresh();
    draw(&ids[0], &token);
    draw(&ids[1], &token);
    next = node.next_id;
    fresh();
    node.next_id = next;
    draw(&ids[2], &token);
    draw(&ids[3], &token);
    CHECK_EQ(ids[1], (ids[0] + 1) & 0xffff);
    CHECK_EQ(ids[2], (ids[0] + 2) & 0xffff);
    CHECK(!has_twins(ids, 4));
}

/* Handles are positive and not given twice while in use; the line keeps its
   order where they start again. */
static void handles_start_again(void)
{
    uint32_t i;
    int16_t kept, request = 0;
    unsigned bad = 0;

    fresh();
    kept = ask_peer(2, &got[0]);
    for (i = 0; i < 32766; i++) {
        request = ask(&got[1]);
        bad += request <= 0 || request == kept;
        coap2_cancel(&node, request);
    }
    CHECK_EQ(bad, 0);
    memset(got, 0, sizeof got);
    for (i = 0; i < 4; i++) {
        request = coap2_post(&node, "coap://192.0.2.1/x", &"0123"[i], 1,
                             on_reply, &got[i + 1]);
        bad += request <= 0 || request == kept;
    }
    CHECK_EQ(bad, 0);
    CHECK(request < 100);
    pass(4 * 93000);
    CHECK_EQ(loop_sent(&wire, 1)->bytes[11], '0');
    CHECK_EQ(loop_sent(&wire, wire.count - 1)->bytes[11], '3');
    for (i = 1; i < 4; i++) CHECK(got[i].order < got[i + 1].order);
}

/* A token of the caller's own. */
static void own_token(void)
{
    static const uint8_t token[9] = {1, 2, 3, 4, 5, 6, 7, 8, 9};
    coap2_peer to = loop_peer(1);
    coap2_call call;
    unsigned i;

    for (i = 0; i <= 9; i++) {
        fresh();
        coap2_call_start_to(&call, &node, COAP2_PUT, &to, "x");
        coap2_write_payload(&call.w, "body", 4);
        coap2_call_token(&call, token, i);
        CHECK_EQ(coap2_call_send(&call, on_reply, &got[0]) > 0, i < 9);
        if (i == 9) break;
        poll_now();
        CHECK_EQ(loop_sent(&wire, 0)->length, 4 + i + 7);
        CHECK_EQ(loop_sent(&wire, 0)->bytes[0], 0x40 + i);
        CHECK_BYTES(loop_sent(&wire, 0)->bytes + 4, i, token, i);
        PIGGYBACK(0, COAP2_204_CHANGED, "");
        poll_now();
        CHECK_ENDED(&got[0], COAP2_OK);
    }
}

/* One that does not fit behind what has been written. */
static void token_without_room(void)
{
    static uint8_t body[PACKET];
    coap2_peer to = loop_peer(1);
    coap2_call call;

    fresh();
    coap2_call_start_to(&call, &node, COAP2_PUT, &to, "x");
    coap2_write_payload(&call.w, body, PACKET - 11);
    coap2_call_token(&call, "12345", 5);
    CHECK_EQ(coap2_call_send(&call, on_reply, &got[0]), COAP2_ERR_SPACE);
    CHECK_IDLE();
}

/* ---- the node as plain memory -------------------------------------------- */

/* Saved before a deep sleep and restored elsewhere, with requests under way. */
static void moved_node(void)
{
    static coap2_node other;

    fresh();
    ask(&got[0]);
    ask(&got[1]);
    poll_now();
    memcpy(&other, &node, sizeof node);
    memset(&node, 0xa5, sizeof node);
    wire.time += 2999;
    PIGGYBACK(0, COAP2_205_CONTENT, "ff'here'");
    loop_poll(&wire, &other);
    CHECK_ENDED(&got[0], COAP2_OK);
    CHECK_TEXT(got[0].text, "here");
    PIGGYBACK(1, COAP2_205_CONTENT, "");
    loop_poll(&wire, &other);
    CHECK_ENDED(&got[1], COAP2_OK);
}

/* Two nodes in one program do not know of each other. */
static void two_nodes(void)
{
    static coap2_node other;
    static loop other_wire;
    static uint8_t other_out[2 * PACKET];

    fresh();
    memset(&other, 0, sizeof other);
    loop_plug(&other_wire, &other);
    other.in = in;
    other.in_size = sizeof in;
    other.out = other_out;
    other.out_size = sizeof other_out;
    other.packet = PACKET;
    CHECK_EQ(coap2_start(&other, 7253), COAP2_OK);
    ask(&got[0]);
    coap2_get(&other, "coap://192.0.2.1/x", on_reply, &got[1]);
    poll_now();
    CHECK_EQ(wire.count, 1);
    CHECK_EQ(other_wire.count, 0);
    loop_poll(&other_wire, &other);
    PIGGYBACK(0, COAP2_205_CONTENT, "");
    loop_poll(&other_wire, &other);
    poll_now();
    CHECK_ENDED(&got[0], COAP2_OK);
    CHECK_EQ(got[1].times, 0);
}

/* ---- storms (behaviours 88 to 91) ---------------------------------------- */

static uint32_t chance = 1;

static uint32_t next_chance(void)
{
    chance = chance * 1664525u + 1013904223u;
    return chance >> 8;
}

/* A poll receives COAP2_BURST datagrams at most, and wants the next at once. */
static void burst(void)
{
    unsigned i;

    fresh();
    for (i = 0; i < 2 * COAP2_BURST + 1; i++) {
        loop_push_at(&wire, loop_peer(1), "\x40\x45\x70\x01", 4, wire.time);
    }
    CHECK_EQ(poll_now(), 0);
    CHECK_EQ(wire.count, COAP2_BURST);
    CHECK_EQ(poll_now(), 0);
    CHECK_EQ(wire.count, 2 * COAP2_BURST);
    CHECK_EQ(poll_now(), COAP2_FOREVER);
    CHECK_EQ(wire.count, 2 * COAP2_BURST + 1);
}

/* ACKs and RSTs of any kind are never answered; a request survives them but for
   its own id. */
static void ack_storm(void)
{
    uint8_t bytes[12];
    unsigned i, j;

    fresh();
    ask(&got[0]);
    poll_now();
    for (i = 0; i < 20000; i++) {
        size_t length = next_chance() % sizeof bytes;

        for (j = 0; j < sizeof bytes; j++) bytes[j] = (uint8_t)next_chance();
        bytes[0] = (uint8_t)(0x60 | (bytes[0] & 0x1f));
        if (bytes[2] == loop_sent(&wire, 0)->bytes[2]) bytes[2] ^= 1;
        loop_push_at(&wire, loop_peer(1), bytes, length, wire.time);
        poll_now();
    }
    CHECK_EQ(wire.tried, 1);
    CHECK_EQ(callbacks, 0);
    PIGGYBACK(0, COAP2_205_CONTENT, "");
    poll_now();
    CHECK_ENDED(&got[0], COAP2_OK);
}

/* Answers with flipped bits and cut ends: one callback at most, and at the end
   everything is free. */
static void damaged_answers(void)
{
    static uint8_t bytes[64];
    unsigned round, bad = 0;

    fresh();
    for (round = 0; round < 3000; round++) {
        int16_t request;
        unsigned flips = next_chance() % 4, last = round % 3;
        size_t length;

        got[0].times = 0;
        request = ask(&got[0]);
        poll_now();
        ANSWER(wire.count - 1,
               last == 0   ? COAP2_CON
               : last == 1 ? COAP2_NON
                           : COAP2_ACK,
               COAP2_205_CONTENT, loop_id(&wire, wire.count - 1),
               "62'ab' d3e6'abc' ff'payload'");
        length = wire.queue[0].length;
        memcpy(bytes, wire.queue[0].bytes, length);
        wire.queued = 0;
        while (flips-- > 0) {
            bytes[next_chance() % length] ^=
                (uint8_t)(1u << next_chance() % 8u);
        }
        if (round % 5 == 0) length = next_chance() % (length + 1);
        loop_push_at(&wire, loop_peer(1), bytes, length, wire.time);
        poll_now();
        bad += got[0].times > 1;
        if (got[0].times == 0) coap2_cancel(&node, request);
        bad += got[0].times != 1;
        wire.time += 1000;
    }
    CHECK_EQ(bad, 0);
    pass(500000);
    CHECK_IDLE();
}

int main(void)
{
    RUN("client: a request by URI", request_by_uri);
    RUN("RFC 7252 6.1: ports", ports);
    RUN("RFC 7252 5.8, RFC 8132: methods", each_method);
    RUN("client: get, post, put, delete", four_names);
    RUN("client: a request by peer and path", request_by_peer);
    RUN("client: a request step by step", request_step_by_step);
    RUN("RFC 7252 6.4: hosts by name", host_by_name);
#if COAP2_ADDRESS_SIZE >= 16
    RUN("RFC 7252 6.4, RFC 6874: hosts by IPv6 address", host_by_ipv6);
    RUN("RFC 6874: zones are endpoints", two_scopes);
    RUN("RFC 6874: zones by name", zone_by_name);
    RUN("RFC 7252 8.1: groups by IPv6 address", groups_by_ipv6);
#endif
    RUN("RFC 7252 6: URIs that cannot be asked", uri_errors);
    RUN("client: a request larger than a packet", too_large);
    RUN("RFC 7252 6.4: long names of hosts", long_host);
    RUN("RFC 7252 5.2.1: piggybacked responses", piggybacked);
    RUN("RFC 7252 5.9: errors are answers", error_codes);
    RUN("client: answers that are pushed in", pushed_in);
    RUN("RFC 7252 5.2.2: separate responses", separate);
    RUN("RFC 7252 5.2.2: separate before the ACK", separate_before_ack);
    RUN("RFC 7252 5.2.2: separate as NON", separate_non);
    RUN("RFC 7252 4.5: an id is used again", separate_id_again);
    RUN("RFC 7252 4.4: ids of a peer and our own", separate_with_our_id);
    RUN("RFC 7252 4.2, 4.3: late responses", late_answers);
    RUN("RFC 7252 4.2: reset", rejected);
    RUN("RFC 7252 5.3.2: another source or id", not_ours);
    RUN("RFC 7252 5.3.2: another token", wrong_tokens);
    RUN("RFC 7252 4.2, 4.3: answers nobody asked for", unasked);
    RUN("RFC 7252 4.2: malformed answers", malformed);
    RUN("RFC 7252 4.2: a response as RST", response_in_reset);
    RUN("RFC 7252 5.4.1: critical options in answers", critical_options);
    RUN("client: an answer larger than node.in", too_large_an_answer);
    RUN("client: no callback", nobody_listens);
    RUN("RFC 7252 5.2.3: non-confirmable requests", non_confirmable);
    RUN("RFC 7252 4.3: a NON is reset", non_rejected);
    RUN("RFC 7252 4.3: a NON is sent once", non_timeout);
    RUN("RFC 7252 4.7: PROBING_RATE", probing_rate);
    RUN("RFC 7252 4.7: PROBING_RATE and answers", probing_goes_on);
    RUN("RFC 7252 4.7: PROBING_RATE and groups", probing_a_group);
    RUN("RFC 7252 4.2, 4.8: silence", silence);
    RUN("RFC 7252 4.2: clocks that wrap", clock_wraps);
    RUN("client: poll tells the next deadline", poll_is_exact);
    RUN("RFC 7252 4.2: ACK_RANDOM_FACTOR", jitter);
    RUN("RFC 7252 4.8: parameters of a node", parameters);
    RUN("client: polled too late", late_poll);
    RUN("client: deadlines", deadlines);
    RUN("RFC 7252 5.2.2: acknowledged, and no answer", answer_never_comes);
    RUN("RFC 7252 5.3.1: several requests", outstanding);
    RUN("RFC 7252 4.7: NSTART, in order", one_at_a_time);
    RUN("RFC 7252 4.7: NSTART, the next in line", next_in_line);
    RUN("RFC 7252 4.7: NSTART for each endpoint", per_endpoint);
    RUN("RFC 7252 4.7: NSTART 2", two_at_a_time);
    RUN("RFC 7252 4.7: PROBING_RATE, in order", probing_in_line);
    RUN("client: a full table", full_table);
    RUN("client: few slots", few_slots);
    RUN("client: cancel", cancelled);
    RUN("client: cancel in a callback", cancel_in_callback);
    RUN("client: cancel at a timeout", cancel_at_timeout);
    RUN("client: a sender that is busy", busy_sender);
    RUN("client: a sender that stays busy", busy_for_ever);
    RUN("RFC 7252 4.2: an ACK or RST too early", not_sent_yet);
    RUN("client: an ACK and a busy sender", busy_ack);
    RUN("client: a sender that fails", broken_sender);
    RUN("client: the next behind one that fails", broken_in_line);
    RUN("client: requests in callbacks", ask_in_callback);
    RUN("client: requests in callbacks of errors", ask_again);
    RUN("client: a request after a send error", ask_after_send_error);
    RUN("client: a sender that fails and fails", ask_and_ask);
    RUN("client: wait for an answer", wait_for_answer);
    RUN("client: wait for other ends", wait_for_others);
    RUN("client: wait for an error", wait_for_an_error);
    RUN("client: wait in a callback", wait_in_callback);
    RUN("client: wait without idle", wait_without_idle);
    RUN("client: wait and cancel", wait_and_cancel);
    RUN("RFC 7252 8.2: many answers of a group", many_answers);
    RUN("RFC 7252 8.2: strange members", strange_members);
    RUN("RFC 7252 8.1: a group is asked by NON", never_confirmable);
    RUN("RFC 7252 8.2: cancel a group's request", group_cancelled);
    RUN("RFC 9175 2.3: Echo is repeated", echo_repeated);
    RUN("RFC 9175 2.3: Echo, only once", echo_refused);
    RUN("RFC 9175 2.3: Echo, separate and NON", echo_separate);
    RUN("RFC 9175 2.3: Echo and a deadline", echo_and_silence);
    RUN("RFC 9175 2.3: Echo of no use", echo_not_usable);
    RUN("RFC 9175 2.2.1: Echo of 40 bytes", echo_longest);
    RUN("RFC 7252 4.3: ping", ping);
    RUN("RFC 7252 4.3: ping and a response", ping_and_response);
    RUN("RFC 7252 4.4, 5.3.1: ids and tokens", fresh_ids_and_tokens);
    RUN("RFC 7252 4.4: ids start at random", random_starts);
    RUN("client: more seed", more_seed);
    RUN("client: a random of one's own", random_of_ones_own);
    RUN("RFC 7252 5.3.1: tokens in use", tokens_in_use);
    RUN("RFC 7252 4.4: ids are carried on", ids_carried);
    RUN("client: handles start again", handles_start_again);
    RUN("RFC 7252 5.3.1: a token of one's own", own_token);
    RUN("client: a token that does not fit", token_without_room);
    RUN("client: a node that is moved", moved_node);
    RUN("client: two nodes", two_nodes);
    RUN("client: many datagrams at a time", burst);
    RUN("RFC 7252 4.2: a storm of ACKs", ack_storm);
    RUN("client: damaged answers", damaged_answers);
    return test_end();
}
