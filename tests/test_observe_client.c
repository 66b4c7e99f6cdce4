/* A node that observes: what it makes of the notifications, in any order, how
   it asks again, and how it ends (RFC 7641 3, RFC 7959 2.6). The server is
   played by hand, byte by byte, over a wire in memory. */
#define LOOP_SENT 32
#define LOOP_QUEUE 16
#define COAP2_RULE_SIZE 8
#define COAP2_IMPLEMENTATION
#include "../coap2.h"
#include "loop.h"

enum { PACKET = 128, EVENTS = 16 };

/* What a callback was told. */
typedef struct event {
    coap2_result result;
    bool more, last, had_message;
    uint8_t code;
    int16_t request;
    uint32_t offset, total, time;
    char text[80];
} event;

static loop wire;
static coap2_node node;
static uint8_t in[256], out[(COAP2_MAX_EXCHANGES + 1) * PACKET];
static event events[EVENTS]; /* the last ones, each at its number */
static unsigned event_count;
static unsigned cancel_at; /* the callback that cancels; 0: none */
static bool forget_it;     /* by coap2_forget */
static uint8_t token[8];   /* of the observation */
static uint16_t server_id; /* of the server's next message */
static uint32_t chance;

static uint32_t fixed_chance(void *io)
{
    (void)io;
    return chance;
}

static void on_event(const coap2_reply *reply)
{
    event *e = &events[event_count++ % EVENTS];
    size_t length;

    memset(e, 0, sizeof *e);
    e->result = reply->result;
    e->more = reply->more;
    e->last = reply->last;
    e->offset = reply->offset;
    e->total = reply->total;
    e->request = reply->request;
    e->time = wire.time;
    e->had_message = reply->msg != NULL;
    if (reply->msg != NULL) {
        e->code = reply->msg->code;
        length = reply->msg->payload_length;
        if (length >= sizeof e->text) length = sizeof e->text - 1;
        memcpy(e->text, reply->msg->payload, length);
    }
    if (event_count != cancel_at) return;
    if (forget_it)
        CHECK_EQ(coap2_forget(&node, reply->request), COAP2_OK);
    else
        CHECK_EQ(coap2_cancel(&node, reply->request), COAP2_OK);
}

static void fresh_at(uint32_t time)
{
    memset(&node, 0, sizeof node);
    event_count = cancel_at = 0;
    forget_it = false;
    server_id = 0x9000;
    wire.time = time;
    loop_plug(&wire, &node);
    node.in = in;
    node.in_size = sizeof in;
    node.out = out;
    node.out_size = sizeof out;
    node.packet = PACKET;
    CHECK_EQ(coap2_start(&node, 7641), COAP2_OK);
}

static void poll_now(void)
{
    loop_poll(&wire, &node);
}

static void pass(uint32_t ms)
{
    loop_pass(&wire, &node, ms);
}

/* Queue a message of peer 1 with a token of the client's, and poll. */
static void tell(uint8_t type, uint8_t code, uint16_t id, const uint8_t *its,
                 const char *flash_rest)
{
    static uint8_t bytes[LOOP_BYTES];

    bytes[0] = (uint8_t)(0x44u | (unsigned)type << 4);
    bytes[1] = code;
    bytes[2] = (uint8_t)(id >> 8);
    bytes[3] = (uint8_t)id;
    memcpy(bytes + 4, its, 4);
    loop_push_at(&wire, loop_peer(1), bytes,
                 8 + loop_bytes(bytes + 8, flash_rest), wire.time);
    poll_now();
}

/* The answer to the request that was sent as number `index`. */
#define ANSWER(index, code, rest)                    \
    tell(COAP2_ACK, (code), loop_id(&wire, (index)), \
         loop_sent(&wire, (index))->bytes + 4, TEST_TEXT(rest))
/* A notification, confirmable or not. */
#define NOTIFY_CODE(type, code, rest) \
    (loop_clear(&wire),               \
     tell((type), (code), ++server_id, token, TEST_TEXT(rest)))
#define NOTIFY(type, rest) NOTIFY_CODE(type, COAP2_205_CONTENT, rest)

/* Observe coap://192.0.2.1/x, up to the first answer. */
static int16_t ask_at(uint32_t time)
{
    int16_t handle;

    fresh_at(time);
    handle = coap2_observe(&node, "coap://192.0.2.1/x", on_event, NULL);
    CHECK(handle > 0);
    CHECK_EQ(wire.tried, 0);
    poll_now();
    LOOP_ONLY(&wire, "4401.... ........ 60 51'x'");
    memcpy(token, loop_sent(&wire, 0)->bytes + 4, 4);
    return handle;
}

static int16_t ask(void)
{
    return ask_at(100000);
}

static int16_t observe_at(uint32_t time)
{
    int16_t handle = ask_at(time);

    ANSWER(0, COAP2_205_CONTENT, "610a ff'a'");
    loop_clear(&wire);
    return handle;
}

static int16_t observe(void)
{
    return observe_at(100000);
}

/* So many callbacks, the last one a state that is not the end. */
#define CHECK_TOLD(count, text) check_told((count), (text), __LINE__)
static void check_told(unsigned count, const char *text, int line)
{
    const event *e = &events[(event_count - 1) % EVENTS];

    test_equal(event_count, count, line);
    if (event_count != count) return;
    test_equal((unsigned long)-e->result, 0, line);
    test_check(e->more && e->last && e->had_message, line);
    test_text(e->text, text, line);
}

/* So many callbacks, the last one the end. */
#define CHECK_ENDED(count, result) check_ended((count), (result), __LINE__)
static void check_ended(unsigned count, coap2_result result, int line)
{
    const event *e = &events[(event_count - 1) % EVENTS];

    test_equal(event_count, count, line);
    if (event_count != count) return;
    test_equal((unsigned long)-e->result, (unsigned long)-result, line);
    test_check(!e->more, line);
    test_check(e->had_message == (result == COAP2_OK), line);
}

/* Nothing is under way or due, and notifications are rejected (3.6). */
#define CHECK_OVER() check_over(__LINE__)
static void check_over(int line)
{
    unsigned count = event_count, i;
    coap2_peer peer = loop_peer(1);
    coap2_call call;

    test_equal(loop_poll(&wire, &node), COAP2_FOREVER, line);
    NOTIFY(COAP2_CON, "63ffff00 ff'z'");
    test_equal(wire.count, 1, line);
    test_check(wire.sent[0].bytes[0] == 0x70, line);
    test_equal(loop_id(&wire, 0), server_id, line);
    NOTIFY(COAP2_NON, "63ffff01 ff'z'");
    test_equal(wire.count, 1, line);
    test_check(wire.sent[0].bytes[0] == 0x70, line);
    test_equal(event_count, count, line);
    for (i = 0; i < COAP2_MAX_EXCHANGES; i++) {
        coap2_call_start_to(&call, &node, COAP2_GET, &peer, "x");
        test_check(coap2_call_send(&call, NULL, NULL) > 0, line);
    }
}

/* ---- registration, notifications ----------------------------------------- */

/* (3.1, 3.2): the first state and each new one. */
static void states_come(void)
{
    int16_t handle = ask();

    ANSWER(0, COAP2_205_CONTENT, "610a ff'a'");
    CHECK_TOLD(1, "a");
    CHECK_EQ(events[0].request, handle);
    NOTIFY(COAP2_NON, "610b ff'b'");
    CHECK_TOLD(2, "b");
    LOOP_SILENT(&wire);
    NOTIFY(COAP2_CON, "610c ff'c'");
    CHECK_TOLD(3, "c");
    LOOP_ONLY(&wire, "60009002");
    NOTIFY_CODE(COAP2_NON, COAP2_203_VALID, "620100");
    CHECK_TOLD(4, "");
    CHECK_EQ(events[3].code, COAP2_203_VALID);
    NOTIFY(COAP2_NON, "63000101 ff'd'"); /* a number that is not minimal */
    CHECK_TOLD(5, "d");
    CHECK_EQ(events[4].request, handle);
}

/* An empty acknowledgement first, the answer in a message of its own. */
static void separate_answer(void)
{
    uint8_t ack[4] = {0x60, 0, 0, 0};

    ask();
    ack[2] = wire.sent[0].bytes[2];
    ack[3] = wire.sent[0].bytes[3];
    loop_push_at(&wire, loop_peer(1), ack, 4, wire.time);
    poll_now();
    CHECK_EQ(event_count, 0);
    NOTIFY(COAP2_CON, "6105 ff'a'");
    CHECK_TOLD(1, "a");
    LOOP_ONLY(&wire, "60009001");
    NOTIFY(COAP2_CON, "6106 ff'b'");
    CHECK_TOLD(2, "b");
}

/* An answer without Observe is the end: the server does not have us on its
   list (3.1). So is an error (3.2, 4.2). */
static void not_on_the_list(void)
{
    ask();
    ANSWER(0, COAP2_205_CONTENT, "ff'a'");
    CHECK_ENDED(1, COAP2_OK);
    CHECK_OVER();
    ask();
    ANSWER(0, COAP2_404_NOT_FOUND, "");
    CHECK_ENDED(1, COAP2_OK);
    CHECK_EQ(events[0].code, COAP2_404_NOT_FOUND);
    CHECK_OVER();
    ask();
    ANSWER(0, COAP2_205_CONTENT, "6400000001 ff'a'"); /* no such option */
    CHECK_ENDED(1, COAP2_OK);
    CHECK_OVER();
}

static void errors_end(void)
{
    observe();
    NOTIFY_CODE(COAP2_CON, COAP2_404_NOT_FOUND, "ff'gone'");
    CHECK_ENDED(2, COAP2_OK);
    LOOP_ONLY(&wire, "60009001");
    CHECK_EQ(events[1].code, COAP2_404_NOT_FOUND);
    CHECK_OVER();
    observe();
    NOTIFY_CODE(COAP2_NON, COAP2_500_INTERNAL_SERVER_ERROR, "610b");
    CHECK_ENDED(2, COAP2_OK);
    CHECK_OVER();
    observe();
    NOTIFY(COAP2_NON, "ff'b'"); /* the last one, without Observe */
    CHECK_ENDED(2, COAP2_OK);
    CHECK_OVER();
    observe();
    NOTIFY(COAP2_CON, "610b 3101 ff'b'"); /* a critical option */
    CHECK_ENDED(2, COAP2_ERR_FORMAT);
    LOOP_ONLY(&wire, "70009001");
    CHECK_OVER();
}

/* A registration that gets no answer, or a reset. */
static void no_answer(void)
{
    uint8_t reset[4] = {0x70, 0, 0, 0};

    ask();
    pass(COAP2_DEADLINE);
    CHECK_ENDED(1, COAP2_ERR_TIMEOUT);
    CHECK_OVER();
    ask();
    reset[2] = wire.sent[0].bytes[2];
    reset[3] = wire.sent[0].bytes[3];
    loop_push_at(&wire, loop_peer(1), reset, 4, wire.time);
    poll_now();
    CHECK_ENDED(1, COAP2_ERR_RESET);
    CHECK_OVER();
}

/* Other tokens and other peers. */
static void not_ours(void)
{
    static const uint8_t theirs[4] = {1, 2, 3, 4};

    observe();
    tell(COAP2_NON, COAP2_205_CONTENT, 1, theirs, TEST_TEXT("610b ff'x'"));
    LOOP_ONLY(&wire, "70000001");
    wire.queued = 0;
    loop_clear(&wire);
    tell(COAP2_ACK, COAP2_205_CONTENT, 1, token, TEST_TEXT("610b ff'x'"));
    LOOP_SILENT(&wire);
    CHECK_EQ(event_count, 1);
    NOTIFY(COAP2_NON, "610b ff'b'");
    CHECK_TOLD(2, "b");
}

/* Others may be asked meanwhile, the same server too: an observation that waits
   is no outstanding interaction (RFC 7252 4.7). */
static void requests_meanwhile(void)
{
    observe();
    CHECK(coap2_get(&node, "coap://192.0.2.1/y", on_event, NULL) > 0);
    poll_now();
    LOOP_ONLY(&wire, "4401.... ........ b1'y'");
    ANSWER(0, COAP2_205_CONTENT, "ff'y'");
    CHECK_ENDED(2, COAP2_OK);
    CHECK(coap2_observe(&node, "coap://192.0.2.1/z", on_event, NULL) > 0);
    loop_clear(&wire);
    poll_now();
    ANSWER(0, COAP2_205_CONTENT, "6101 ff'z'");
    CHECK_TOLD(3, "z");
    NOTIFY(COAP2_NON, "610b ff'b'");
    CHECK_TOLD(4, "b");
}

/* A request of one's own: any method, not confirmable. */
static void observe_by_call(void)
{
    coap2_peer peer = loop_peer(1);
    coap2_call call;

    fresh_at(5);
    coap2_call_start_to(&call, &node, COAP2_FETCH, &peer, "x");
    coap2_write_payload(&call.w, "q", 1);
    coap2_write_uint(&call.w, COAP2_OPT_OBSERVE, 0);
    call.confirmable = false;
    CHECK(coap2_call_send(&call, on_event, NULL) > 0);
    poll_now();
    LOOP_ONLY(&wire, "5405.... ........ 60 51'x' ff'q'");
    memcpy(token, loop_sent(&wire, 0)->bytes + 4, 4);
    NOTIFY(COAP2_NON, "6101 ff'a'");
    CHECK_TOLD(1, "a");
    NOTIFY(COAP2_NON, "6102 ff'b'");
    CHECK_TOLD(2, "b");
}

/* A group is not observed, but asked: each answer is told. */
static void group_is_asked(void)
{
    unsigned i;

    fresh_at(5);
    coap2_observe(&node, "coap://224.0.1.187/x", on_event, NULL);
    poll_now();
    memcpy(token, loop_sent(&wire, 0)->bytes + 4, 4);
    for (i = 0; i < 3; i++) NOTIFY(COAP2_NON, "6101 ff'a'");
    CHECK_TOLD(3, "a");
    pass(COAP2_DEADLINE);
    CHECK_ENDED(4, COAP2_ERR_TIMEOUT);
}

/* ---- order (3.4) --------------------------------------------------------- */

typedef struct pair {
    uint32_t first, second, ms;
    bool is_fresh;
} pair;

static const pair pairs[] = {{10, 11, 0, true},
                             {10, 10, 0, false},
                             {10, 9, 0, false},
                             {10, 9, 128000, false},
                             {10, 10, 128000, false},
                             {10, 9, 128001, true},
                             {10, 10, 128001, true},
                             {0, 0x7fffff, 0, true},
                             {0, 0x800000, 0, false},
                             {0, 0x800000, 128001, true},
                             {0, 0xffffff, 0, false},
                             {0x800000, 0, 0, false},
                             {0x800001, 0, 0, true},
                             {0xffffff, 0, 0, true},
                             {0xffffff, 0x7ffffe, 0, true},
                             {0xffffff, 0x7fffff, 0, false},
                             {0xffffff, 0xfffffe, 0, false},
                             {5, 0xffffff, 0, false}};

static void notify_number(uint8_t type, uint32_t number, char text)
{
    uint8_t bytes[] = {0x44, 0x45, 0, 0,    0,    0,    0,    0, 0x63,
                       0,    0,    0, 0x82, 0x07, 0xd0, 0xff, 0};

    ++server_id;
    bytes[0] = (uint8_t)(bytes[0] | (unsigned)type << 4);
    bytes[2] = (uint8_t)(server_id >> 8);
    bytes[3] = (uint8_t)server_id;
    memcpy(bytes + 4, token, 4);
    bytes[9] = (uint8_t)(number >> 16);
    bytes[10] = (uint8_t)(number >> 8);
    bytes[11] = (uint8_t)number;
    bytes[16] = (uint8_t)text; /* behind a Max-Age of 2000 s */
    loop_clear(&wire);
    loop_push_at(&wire, loop_peer(1), bytes, sizeof bytes, wire.time);
    poll_now();
}

/* Behaviours 70 and 98. A stale one is acknowledged, but not told. */
static void order(void)
{
    static const uint32_t starts[] = {100000, 0u - 3000, 0u - 100000,
                                      0x7fffff00};
    unsigned i, j;

    for (j = 0; j < 4; j++) {
        for (i = 0; i < sizeof pairs / sizeof pairs[0]; i++) {
            test_row = i + 1;
            ask_at(starts[j]);
            notify_number(COAP2_NON, pairs[i].first, 'a');
            CHECK_TOLD(1, "a");
            pass(pairs[i].ms);
            LOOP_SILENT(&wire);
            notify_number(COAP2_CON, pairs[i].second, 'b');
            LOOP_ONLY(&wire, "6000....");
            CHECK_EQ(event_count, pairs[i].is_fresh ? 2 : 1);
        }
    }
    test_row = 0;
}

/* A stale one does not move the mark, nor the time until it is asked again. */
static void stale_changes_nothing(void)
{
    observe();
    NOTIFY(COAP2_NON, "610f ff'b'");
    CHECK_TOLD(2, "b");
    pass(50000);
    NOTIFY(COAP2_NON, "610d ff'c'");
    NOTIFY(COAP2_NON, "610e ff'd'");
    CHECK_EQ(event_count, 2);
    pass(25000);
    CHECK_EQ(event_count, 3);
    CHECK_EQ(-events[2].result, -COAP2_ERR_TIMEOUT);
}

/* Known bug of others: a confirmable notification that comes again is
   acknowledged again (RFC 7252 4.5), and told once. */
static void repeated_notification(void)
{
    unsigned i;

    observe();
    NOTIFY(COAP2_CON, "610b ff'b'");
    for (i = 0; i < 3; i++) {
        server_id--;
        NOTIFY(COAP2_CON, "610b ff'b'");
        LOOP_ONLY(&wire, "60009001");
    }
    CHECK_TOLD(2, "b");
    /* also where so many came in between that its record is gone */
    for (i = 0; i < COAP2_MAX_DUPLICATES + 1; i++)
        notify_number(COAP2_NON, 12 + i, 'c');
    server_id = 0x9000;
    NOTIFY(COAP2_CON, "610b ff'b'");
    LOOP_ONLY(&wire, "60009001");
    CHECK_EQ(event_count, 2 + COAP2_MAX_DUPLICATES + 1);
}

/* The server's retransmission of the latest state has a new id. */
static void superseded_notification(void)
{
    observe();
    NOTIFY(COAP2_CON, "610c ff'c'");
    NOTIFY(COAP2_CON, "610b ff'b'");
    LOOP_ONLY(&wire, "60009002");
    CHECK_TOLD(2, "c");
}

/* ---- freshness (3.3.1) --------------------------------------------------- */

/* Max-Age and 5 to 15 s later the caller is told, and the server asked again,
   with the same token; the caller's handle stays. */
static void asks_again(uint32_t time, uint32_t seconds, uint32_t random)
{
    int16_t handle;
    uint32_t wait;

    chance = random;
    fresh_at(time);
    node.random = fixed_chance;
    handle = coap2_observe(&node, "coap://192.0.2.1/x", on_event, NULL);
    poll_now();
    memcpy(token, loop_sent(&wire, 0)->bytes + 4, 4);
    if (seconds == 60)
        ANSWER(0, COAP2_205_CONTENT, "610a ff'a'");
    else if (seconds == 0)
        ANSWER(0, COAP2_205_CONTENT, "610a 80 ff'a'");
    else
        ANSWER(0, COAP2_205_CONTENT, "610a 8202bc ff'a'");
    loop_clear(&wire);
    wait = loop_poll(&wire, &node);
    CHECK(wait >= seconds * 1000 + 5000);
    CHECK(wait <= seconds * 1000 + 15000);
    pass(wait - 1);
    LOOP_SILENT(&wire);
    CHECK_EQ(event_count, 1);
    pass(1);
    LOOP_ONLY(&wire, "4401.... ........ 60 51'x'");
    CHECK_BYTES(wire.sent[0].bytes + 4, 4, token, 4);
    CHECK_EQ(event_count, 2);
    CHECK_EQ(-events[1].result, -COAP2_ERR_TIMEOUT);
    CHECK(events[1].more);
    CHECK(!events[1].had_message);
    CHECK_EQ(events[1].request, handle);
    ANSWER(0, COAP2_205_CONTENT, "610b ff'b'");
    CHECK_TOLD(3, "b");
    CHECK_EQ(events[2].request, handle);
    NOTIFY(COAP2_NON, "610c ff'c'");
    CHECK_TOLD(4, "c");
    CHECK_EQ(coap2_cancel(&node, handle), COAP2_OK);
    CHECK_ENDED(5, COAP2_ERR_CANCELLED);
}

static void freshness(void)
{
    asks_again(100000, 60, 0);
    asks_again(100000, 60, 0xffffffff);
    asks_again(100000, 0, 0);
    asks_again(100000, 700, 0x80000000u);
    asks_again(0u - 30000, 60, 0);
    asks_again(0u - 1, 60, 0);
    asks_again(0x7fffffff, 700, 0);
}

/* It is random, so that not all clients come at once. */
static void spread(void)
{
    uint32_t least = 0xffffffff, most = 0;
    unsigned i;

    chance = 0;
    for (i = 0; i < 100; i++) {
        uint32_t wait;

        observe_at(i);
        coap2_seed(&node, &i, sizeof i);
        NOTIFY(COAP2_NON, "610b ff'b'");
        wait = loop_poll(&wire, &node);
        if (wait < least) least = wait;
        if (wait > most) most = wait;
    }
    CHECK(least >= 65000 && least < 67000);
    CHECK(most <= 75000 && most > 73000);
}

/* Each notification begins the time anew. */
static void notifications_keep_fresh(void)
{
    uint8_t i;

    observe();
    for (i = 0; i < 10; i++) {
        pass(60000);
        notify_number(COAP2_NON, 11u + i, 'b');
        CHECK_EQ(event_count, 2 + i);
    }
    pass(2000000);
    LOOP_SILENT(&wire);
}

/* A Max-Age of 136 years is not less than one of a day. */
static void long_max_age(void)
{
    observe();
    NOTIFY(COAP2_NON, "610b 84ffffffff ff'b'");
    CHECK_TOLD(2, "b");
    pass(86400000);
    LOOP_SILENT(&wire);
    CHECK_EQ(event_count, 2);
}

/* What comes of asking again: nothing, an error, no list. */
static void asked_again_in_vain(void)
{
    observe();
    pass(75000);
    CHECK_EQ(event_count, 2);
    pass(COAP2_DEADLINE + 75000);
    CHECK_ENDED(3, COAP2_ERR_TIMEOUT);
    CHECK_EQ(wire.count, 1 + COAP2_MAX_RETRANSMIT);
    CHECK_OVER();
    observe();
    pass(75000);
    ANSWER(0, COAP2_404_NOT_FOUND, "");
    CHECK_ENDED(3, COAP2_OK);
    CHECK_OVER();
    observe();
    pass(75000);
    ANSWER(0, COAP2_205_CONTENT, "ff'b'");
    CHECK_ENDED(3, COAP2_OK);
    CHECK_OVER();
}

/* A notification that comes while it is asked again counts as an answer; a
   stale one still does not. */
static void notified_while_asking(void)
{
    observe();
    NOTIFY(COAP2_NON, "6114 80 ff'b'");
    pass(15000);
    CHECK_EQ(event_count, 3);
    NOTIFY(COAP2_NON, "6113 ff'old'");
    CHECK_EQ(event_count, 3);
    NOTIFY(COAP2_CON, "6115 ff'c'");
    CHECK_TOLD(4, "c");
    LOOP_IS(&wire, 0, "60009003");
}

/* ---- how it ends (3.6) --------------------------------------------------- */

static void active_cancel(void)
{
    int16_t handle = observe();

    CHECK_EQ(coap2_cancel(&node, handle), COAP2_OK);
    CHECK_ENDED(2, COAP2_ERR_CANCELLED);
    CHECK_EQ(events[1].request, handle);
    CHECK_EQ(wire.tried, 0);
    CHECK_EQ(-coap2_cancel(&node, handle), -COAP2_ERR_ARG);
    CHECK_EQ(-coap2_forget(&node, handle), -COAP2_ERR_ARG);
    poll_now();
    LOOP_ONLY(&wire, "4401.... ........ 6101 51'x'");
    CHECK_BYTES(wire.sent[0].bytes + 4, 4, token, 4);
    pass(3000); /* sent again if it is lost */
    CHECK_EQ(wire.count, 2);
    ANSWER(0, COAP2_205_CONTENT, "ff'b'");
    CHECK_EQ(event_count, 2);
    CHECK_OVER();
}

/* Notifications that were under way are not told, and nothing goes on for
   ever. */
static void notified_while_cancelling(void)
{
    int16_t handle = observe();

    coap2_cancel(&node, handle);
    NOTIFY(COAP2_CON, "610b ff'b'");
    CHECK_EQ(event_count, 2);
    NOTIFY(COAP2_NON, "610c ff'c'");
    CHECK_EQ(event_count, 2);
    pass(COAP2_DEADLINE);
    CHECK_OVER();
    handle = observe();
    coap2_cancel(&node, handle);
    pass(COAP2_DEADLINE);
    CHECK_EQ(wire.count, 5);
    CHECK_OVER();
}

static void passive_cancel(void)
{
    int16_t handle = observe();

    CHECK_EQ(coap2_forget(&node, handle), COAP2_OK);
    CHECK_ENDED(2, COAP2_ERR_CANCELLED);
    CHECK_EQ(-coap2_forget(&node, handle), -COAP2_ERR_ARG);
    pass(1000);
    LOOP_SILENT(&wire);
    CHECK_OVER();
}

/* Known bug of others. */
static void cancel_in_callback(void)
{
    unsigned which;

    for (which = 1; which <= 3; which++) {
        test_row = which;
        ask();
        cancel_at = which;
        ANSWER(0, COAP2_205_CONTENT, "610a 80 ff'a'");
        if (which > 1) NOTIFY(COAP2_CON, "610b 80 ff'b'");
        if (which > 2) pass(15000); /* told that nothing was heard */
        CHECK_ENDED(which + 1, COAP2_ERR_CANCELLED);
        poll_now();
        pass(COAP2_DEADLINE);
        CHECK_ENDED(which + 1, COAP2_ERR_CANCELLED);
        CHECK_OVER();
        ask();
        cancel_at = which;
        forget_it = true;
        ANSWER(0, COAP2_205_CONTENT, "610a 80 ff'a'");
        if (which > 1) NOTIFY(COAP2_NON, "610b 80 ff'b'");
        if (which > 2) pass(15000);
        CHECK_ENDED(which + 1, COAP2_ERR_CANCELLED);
        CHECK_OVER();
    }
    test_row = 0;
}

/* Before the first answer there is nothing to tell the server. */
static void cancel_before_the_answer(void)
{
    int16_t handle = ask();

    loop_clear(&wire);
    CHECK_EQ(coap2_cancel(&node, handle), COAP2_OK);
    CHECK_ENDED(1, COAP2_ERR_CANCELLED);
    pass(1000);
    LOOP_SILENT(&wire);
    CHECK_OVER();
}

static void wait_for_the_end(void)
{
    int16_t handle = ask();

    loop_clear(&wire);
    cancel_at = 3; /* told once, told that nothing was heard, told the end */
    ANSWER(0, COAP2_205_CONTENT, "610a ff'a'");
    cancel_at = 2;
    CHECK_EQ(-coap2_wait(&node, handle), -COAP2_ERR_CANCELLED);
    CHECK_ENDED(3, COAP2_ERR_CANCELLED);
}

/* A server that wants to see where we are (RFC 9175 2.3) is asked to observe
   once more. */
static void with_echo(void)
{
    ask();
    loop_clear(&wire);
    ANSWER(0, COAP2_401_UNAUTHORIZED, "d1ef 07");
    CHECK_EQ(event_count, 0);
    LOOP_ONLY(&wire, "4401.... ........ 60 51'x' d1e4 07");
    memcpy(token, loop_sent(&wire, 0)->bytes + 4, 4);
    ANSWER(0, COAP2_205_CONTENT, "610a ff'a'");
    CHECK_TOLD(1, "a");
    NOTIFY(COAP2_NON, "610b ff'b'");
    CHECK_TOLD(2, "b");
}

/* ---- with Block2 (RFC 7959 2.6, 3.4) ------------------------------------- */

static char body[64];

/* Observe with a buffer for the bodies, or without. */
static int16_t observe_large(bool assembled)
{
    coap2_peer peer = loop_peer(1);
    coap2_call call;
    int16_t handle;

    fresh_at(100000);
    memset(body, 0, sizeof body);
    coap2_call_start_to(&call, &node, COAP2_GET, &peer, "x");
    coap2_write_uint(&call.w, COAP2_OPT_OBSERVE, 0);
    if (assembled) {
        call.body = (uint8_t *)body;
        call.body_size = sizeof body - 1;
    }
    handle = coap2_call_send(&call, on_event, NULL);
    poll_now();
    memcpy(token, loop_sent(&wire, 0)->bytes + 4, 4);
    ANSWER(0, COAP2_205_CONTENT, "610a ff'a'");
    CHECK_TOLD(1, "a");
    return handle;
}

#define SIXTEEN "'0123456789abcdef'"

/* The notification brings the first block; the others are asked for, under
   another token and without Observe. */
static void large_notifications(void)
{
    observe_large(true);
    NOTIFY(COAP2_NON, "4101 210b d10408 ff" SIXTEEN);
    LOOP_ONLY(&wire, "4401.... ........ b1'x' c110");
    CHECK(memcmp(wire.sent[0].bytes + 4, token, 4) != 0);
    ANSWER(0, COAP2_205_CONTENT, "4101 d10610 ff'!'");
    CHECK_TOLD(2, "0123456789abcdef!");
    NOTIFY(COAP2_CON, "4102 210c d10408 ff'fedcba9876543210'");
    CHECK_EQ(wire.count, 2);
    LOOP_IS(&wire, 0, "6000....");
    LOOP_IS(&wire, 1, "4401.... ........ b1'x' c110");
    ANSWER(1, COAP2_205_CONTENT, "4102 d10618 ff" SIXTEEN);
    CHECK_EQ(wire.count, 3);
    LOOP_IS(&wire, 2, "4401.... ........ b1'x' c120");
    ANSWER(2, COAP2_205_CONTENT, "4102 d10620 ff'?'");
    CHECK_TOLD(3, "fedcba98765432100123456789abcdef?");
    NOTIFY(COAP2_NON, "4103 210d ff'c'");
    CHECK_TOLD(4, "c");
}

/* Piece by piece: the observation goes on behind the last. */
static void large_in_pieces(void)
{
    observe_large(false);
    NOTIFY(COAP2_CON, "4101 210b d10408 ff" SIXTEEN);
    CHECK_EQ(event_count, 2);
    CHECK(events[1].more && !events[1].last);
    CHECK_EQ(events[1].offset, 0);
    CHECK_EQ(wire.count, 2);
    LOOP_IS(&wire, 0, "6000....");
    LOOP_IS(&wire, 1, "4401.... ........ b1'x' c110");
    ANSWER(1, COAP2_205_CONTENT, "4101 d10610 ff'!'");
    CHECK_TOLD(3, "!");
    CHECK_EQ(events[2].offset, 16);
    NOTIFY(COAP2_NON, "4102 210c ff'b'");
    CHECK_TOLD(4, "b");
    CHECK_EQ(events[3].offset, 0);
}

/* A new state while the blocks of the old one come: the new one is fetched. */
static void overtaken_by_the_next(void)
{
    observe_large(true);
    NOTIFY(COAP2_NON, "4101 210b d10408 ff" SIXTEEN);
    CHECK_EQ(event_count, 1);
    NOTIFY(COAP2_NON, "4102 210c d10408 ff'fedcba9876543210'");
    LOOP_ONLY(&wire, "4401.... ........ b1'x' c110");
    ANSWER(0, COAP2_205_CONTENT, "4102 d10610 ff'?'");
    CHECK_TOLD(2, "fedcba9876543210?");
    NOTIFY(COAP2_NON, "4103 210d ff'c'");
    CHECK_TOLD(3, "c");
}

/* A state that changes between its blocks is fetched from its beginning, and
   the observation goes on. */
static void changed_between_blocks(void)
{
    unsigned i;

    observe_large(true);
    for (i = 0; i < 5; i++) {
        static const char *const numbers[] = {
            "4101 2120 d10408 ff" SIXTEEN, "4101 2121 d10408 ff" SIXTEEN,
            "4101 2122 d10408 ff" SIXTEEN, "4101 2123 d10408 ff" SIXTEEN,
            "4101 2124 d10408 ff" SIXTEEN};

        test_row = i + 1;
        loop_clear(&wire);
        tell(COAP2_NON, COAP2_205_CONTENT, ++server_id, token, numbers[i]);
        ANSWER(0, COAP2_205_CONTENT, "4102 d10610 ff'?'");
        CHECK_EQ(wire.count, 2);
        LOOP_IS(&wire, 1, "4401.... ........ b1'x' c0");
        ANSWER(1, COAP2_205_CONTENT, "4102 d10608 ff'fedcba9876543210'");
        CHECK_EQ(wire.count, 3);
        ANSWER(2, COAP2_205_CONTENT, "4102 d10610 ff'?'");
        CHECK_TOLD(2 + i, "fedcba9876543210?");
    }
    test_row = 0;
    NOTIFY(COAP2_NON, "4103 2130 ff'c'");
    CHECK_TOLD(7, "c");
}

/* Cancelled between blocks: the observation's token is the one that ends. */
static void cancelled_between_blocks(void)
{
    int16_t handle = observe_large(true);

    NOTIFY(COAP2_NON, "4101 210b d10408 ff" SIXTEEN);
    loop_clear(&wire);
    coap2_cancel(&node, handle);
    CHECK_ENDED(2, COAP2_ERR_CANCELLED);
    poll_now();
    LOOP_ONLY(&wire, "4401.... ........ 6101 51'x'");
    CHECK_BYTES(wire.sent[0].bytes + 4, 4, token, 4);
    ANSWER(0, COAP2_205_CONTENT, "ff'b'");
    CHECK_EQ(event_count, 2);
    CHECK_OVER();
}

/* More than the caller's buffer holds. */
static void large_beyond_the_buffer(void)
{
    observe_large(true);
    NOTIFY(COAP2_NON, "4101 210b d10428 ff" SIXTEEN); /* block 2 first */
    CHECK_ENDED(2, COAP2_ERR_FORMAT);
    CHECK_OVER();
    observe_large(true);
    NOTIFY(COAP2_NON, "4101 210b d1040a ff" SIXTEEN SIXTEEN SIXTEEN SIXTEEN);
    CHECK_EQ(event_count, 2);
    CHECK(!events[1].more);
    CHECK(events[1].result != COAP2_OK);
    CHECK_OVER();
}

/* ---- rules that cannot be held here -------------------------------------- */

/* The server knows no rules: each change is told. */
static void tells_all(void)
{
    memcpy(token, loop_sent(&wire, 0)->bytes + 4, 4);
    ANSWER(0, COAP2_205_CONTENT, "6101 ff'a'");
    NOTIFY(COAP2_NON, "6102 ff'b'");
    CHECK_TOLD(2, "b");
}

/* A rule whose code is larger than COAP2_RULE_SIZE. */
static void rule_too_large(void)
{
    fresh_at(100000);
    CHECK(coap2_subscribe(&node, "coap://192.0.2.1/x", "temp > 20 and hum < 50",
                          on_event, NULL) > 0);
    poll_now();
    tells_all();
}

/* An id is wanted, but no rule. */
static void id_without_rule(void)
{
    coap2_call call;

    fresh_at(100000);
    coap2_call_start(&call, &node, COAP2_GET, "coap://192.0.2.1/x");
    coap2_write_uint(&call.w, COAP2_OPT_OBSERVE, 0);
    coap2_write_opt(&call.w, COAP2_OPT_NOTIFICATION, NULL, 0);
    CHECK(coap2_call_send(&call, on_event, NULL) > 0);
    poll_now();
    tells_all();
}

static void pull(void *user, uint32_t at, uint8_t *bytes, size_t size)
{
    (void)user;
    (void)at;
    memset(bytes, 'x', size);
}

/* What was sent in blocks is not there to be sent again: it ends. */
static void body_in_blocks(void)
{
    coap2_call call;

    fresh_at(100000);
    coap2_call_start(&call, &node, COAP2_FETCH, "coap://192.0.2.1/x");
    coap2_write_uint(&call.w, COAP2_OPT_OBSERVE, 0);
    call.pull = pull;
    call.pull_length = 20;
    call.szx = 0;
    CHECK(coap2_call_send(&call, on_event, NULL) > 0);
    poll_now();
    ANSWER(0, COAP2_231_CONTINUE, "d10e08");
    ANSWER(1, COAP2_205_CONTENT, "6101 d10810 ff'a'");
    CHECK_TOLD(1, "a");
    pass(75000);
    CHECK_ENDED(2, COAP2_ERR_TIMEOUT);
}

int main(void)
{
    RUN("RFC 7641 3.2: states", states_come);
    RUN("RFC 7252 5.2.2: separate answer", separate_answer);
    RUN("RFC 7641 3.1: not on the list", not_on_the_list);
    RUN("RFC 7641 3.2: errors", errors_end);
    RUN("RFC 7252 4.2: no answer", no_answer);
    RUN("RFC 7641 3.6: not ours", not_ours);
    RUN("RFC 7252 4.7: requests meanwhile", requests_meanwhile);
    RUN("RFC 8132 2.4: by a call", observe_by_call);
    RUN("RFC 7252 8: a group", group_is_asked);
    RUN("RFC 7641 3.4: order", order);
    RUN("RFC 7641 3.4: stale", stale_changes_nothing);
    RUN("RFC 7252 4.5: repeated", repeated_notification);
    RUN("RFC 7641 4.5.2: superseded", superseded_notification);
    RUN("RFC 7641 3.3.1: freshness", freshness);
    RUN("RFC 7641 3.3.1: at random", spread);
    RUN("RFC 7641 3.3.1: kept fresh", notifications_keep_fresh);
    RUN("RFC 7252 5.10.5: long Max-Age", long_max_age);
    RUN("RFC 7641 3.3.1: in vain", asked_again_in_vain);
    RUN("RFC 7641 3.4: while asking", notified_while_asking);
    RUN("RFC 7641 3.6: active", active_cancel);
    RUN("RFC 7641 3.6: while cancelling", notified_while_cancelling);
    RUN("RFC 7641 3.6: passive", passive_cancel);
    RUN("RFC 7641 3.6: in the callback", cancel_in_callback);
    RUN("RFC 7641 3.6: before the answer", cancel_before_the_answer);
    RUN("RFC 7641 3.6: wait", wait_for_the_end);
    RUN("RFC 9175 2.3: Echo", with_echo);
    RUN("RFC 7959 2.6: large", large_notifications);
    RUN("RFC 7959 2.6: in pieces", large_in_pieces);
    RUN("RFC 7959 2.6: overtaken", overtaken_by_the_next);
    RUN("RFC 7959 2.4: changed", changed_between_blocks);
    RUN("RFC 7641 3.6: between blocks", cancelled_between_blocks);
    RUN("RFC 7959 2.4: too large", large_beyond_the_buffer);
    RUN("4: a rule that is too large", rule_too_large);
    RUN("4: an id without a rule", id_without_rule);
    RUN("RFC 7641 3.3.1: a body in blocks", body_in_blocks);
    return test_end();
}
