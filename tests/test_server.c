/* A node as server, its message layer: what is answered, rejected or passed
   over in silence, messages that come twice, full tables and buffers, whatever
   bytes arrive (RFC 7252 3 to 5.3). Late answers are in test_late.c, what
   requests ask for in test_resources.c. */
#include "server.h"

/* ---- empty messages, malformed ones -------------------------------------- */

static void ping_is_reset(void)
{
    begin();
    ASK("40001234");
    ONLY("70001234");
    CHECK_EQ(wire.sent[0].peer.address[3], 1);
    ASK("40000000");
    ONLY("70000000");
    ASK("50001234");
    SILENT();
    IS_IDLE();
}

static void empty_ack_and_rst_are_silent(void)
{
    begin();
    ASK("60001234");
    SILENT();
    ASK("70001234");
    SILENT();
    IS_IDLE();
}

static void get_is_piggybacked(void)
{
    begin();
    ASK("40011234 b4'temp'");
    ONLY("60451234 c0ff'21.5'");
    CHECK_EQ(wire.sent[0].peer.port, 5683);
    IS_IDLE();
}

static void tokens_come_back(void)
{
    begin();
    ASK("41010001 00 b4'temp'");
    ONLY("61450001 00 c0ff'21.5'");
    ASK("42010002 ffff b4'temp'");
    ONLY("62450002 ffff c0ff'21.5'");
    ASK("47010007 ff000102030405 b4'temp'");
    ONLY("67450007 ff000102030405 c0ff'21.5'");
    ASK("48010008 00ff00ff00ff00ff b4'temp'");
    ONLY("68450008 00ff00ff00ff00ff c0ff'21.5'");
    ASK("58010009 ffffffffffffffff b4'temp'");
    ONLY("5845.... ffffffffffffffff c0ff'21.5'");
}

static void non_is_answered_with_non(void)
{
    begin();
    ASK("51011234 aa b4'temp'");
    ONLY("5145.... aa c0ff'21.5'");
    CHECK(loop_id(&wire, 0) != 0x1234);
    IS_IDLE();
}

/* A reset has four bytes, without the token (RIOT c7af4b25a6, lobaro). */
#define REJECTED(rest)                                                      \
    (ASK("4" rest), test_row++, ONLY("70001234"), ASK("5" rest), SILENT(),  \
     ASK("6" rest), SILENT(), ASK("7" rest), SILENT(), ASK_GROUP("4" rest), \
     SILENT(), ASK_GROUP("5" rest), SILENT())

/* RFC 7252 3, behaviours 7 and 14; the rest is from known-bugs 4a, 4b. */
static void malformed_is_rejected(void)
{
    begin();
    REJECTED("9011234");
    REJECTED("9011234 010203040506070809");
    REJECTED("a011234 010203040506070809");
    REJECTED("f011234");
    REJECTED("f011234 000102030405060708090a0b0c0d0e");
    REJECTED("8011234 01020304050607");
    REJECTED("1011234");
    REJECTED("0011234 b4'temp' ff");
    REJECTED("0011234 ff");
    REJECTED("0011234 f4'temp'");
    REJECTED("0011234 bf'temp'");
    REJECTED("0011234 b5'temp'");
    REJECTED("0011234 0d");
    REJECTED("0011234 d0");
    REJECTED("0011234 e0");
    REJECTED("0011234 e000");
    REJECTED("0011234 0e");
    REJECTED("0011234 bd");
    REJECTED("0011234 be00");
    REJECTED("0011234 befef3'temp'");
    REJECTED("0011234 b4'temp' 45'a'");
    REJECTED("0011234 b4'temp' f0");
    still_serves();
}

/* Numbers that sum above 65535 are never served as another option (12.2);
   libcoap, mbed-coap, OpenThread; the second is modulo 256 (microcoap). */
static void numbers_do_not_wrap(void)
{
    begin();
    REJECTED("0011234 e4fefe'time'");
    REJECTED("0011234 e4fefe'temp'");
    REJECTED("0011234 e0fef2 c4'temp'");
    ASK("40011234 d4fe'temp'");
    ONLY("60821234*");
    ASK("40011234 b4'temp' e0fee7");
    ONLY("60821234*");
    still_serves();
}

/* Version 0, 2 and 3, ping and malformed included (3). */
static void other_versions_are_silent(void)
{
    static const uint8_t versions[] = {0x00, 0x80, 0xc0};
    unsigned i;

    begin();
    for (i = 0; i < 3; i++) {
        uint8_t get[] = {0, 1, 0x12, 0x34, 0xb4, 't', 'e', 'm', 'p'};
        uint8_t ping[] = {0, 0, 0x12, 0x34};
        uint8_t bad[] = {0x0f, 1, 0x12, 0x34};

        get[0] = ping[0] = versions[i];
        bad[0] = (uint8_t)(versions[i] | 15);
        loop_clear(&wire);
        loop_push_at(&wire, loop_peer(1), get, sizeof get, wire.time);
        loop_push_at(&wire, loop_peer(1), ping, sizeof ping, wire.time);
        loop_push_at(&wire, loop_peer(1), bad, sizeof bad, wire.time);
        POLL();
        SILENT();
    }
    still_serves();
}

static void short_datagrams_are_silent(void)
{
    begin();
    ASK("");
    SILENT();
    ASK("40");
    SILENT();
    ASK("4001");
    SILENT();
    ASK("400012");
    SILENT();
    still_serves();
}

static void empty_with_more_is_rejected(void)
{
    begin();
    REJECTED("1001234 aa");
    REJECTED("0001234 aa");
    REJECTED("0001234 ff");
    REJECTED("0001234 ff00");
    REJECTED("0001234 b4'temp'");
    still_serves();
}

/* Reserved classes (4.2, 4.3; 12.1), signals on a datagram, and answers that
   nobody asked for (5.3.2). */
static void nobody_asked_for_it(void)
{
    begin();
    REJECTED("0201234");
    REJECTED("03f1234");
    REJECTED("0c11234");
    REJECTED("0e11234");
    REJECTED("0ff1234");
    REJECTED("0601234");
    REJECTED("0451234");
    REJECTED("2451234 aaaa ff'21.5'");
    REJECTED("0841234");
    REJECTED("0a01234");
    still_serves();
}

/* A request in an ACK or RST is none (4.2); CoAP-simple and microcoap answer
   it, so that two servers loop on one spoofed datagram. */
static void ack_and_rst_carry_no_request(void)
{
    begin();
    ASK("60011234 b4'temp'");
    SILENT();
    ASK("70011234 b4'temp'");
    SILENT();
    ASK("64031234 aaaaaaaa b1'n' ff'x'");
    SILENT();
    ASK("71021234 aa b1'n'");
    SILENT();
    CHECK_EQ(runs, 0);
    still_serves();
}

/* What endpoints choked on, as it was reported; answered, but served wrong by
   none (known-bugs 4a, 4b, 4d). */
static void reported_datagrams(void)
{
    begin();
    ASK("5a0a5b5b"); /* libcoap#199 */
    SILENT();
    ASK("405b5b5b 5b5b5b5b 5b5b5b5b 5b5b5b00 e0e0e0e0"); /* libcoap#214 */
    ONLY("70005b5b");
    ASK("42434242 42424242 9e804242 2801e1e1 e1e1e1e1"); /* contiki-os#2240 */
    ONLY("70004242");
    ASK("51515100 80515151 51515151 514e5151"); /* contiki-os#2238 */
    SILENT();
    ASK("440325b9 bc306ac4 bd03'test-bug-trigger' d303000008 ff'x'");
    ONLY("64..25b9 bc306ac4*"); /* libcoap#1509, NUM beyond the first */
    ASK("40011234 b0");         /* mbed-coap CVE-2020-12885, ccoap#4 */
    ONLY("60841234*");
    ASK("40011235 40b0"); /* a last option of no length, contiki-ng#1312 */
    ONLY("60..1235*");
    still_serves();
}

/* ---- messages that come twice -------------------------------------------- */

static void safe_is_answered_again(void)
{
    unsigned i;

    begin();
    for (i = 0; i < 3; i++) {
        ASK("44011234 a1a2a3a4 b4'temp'");
        ONLY("64451234 a1a2a3a4 c0ff'21.5'");
    }
    IS_IDLE();
}

/* One id after the other, so that the record is of this request. */
#define RUNS_ONCE(request, answer)                                     \
    (runs = 0, ASK(request), ONLY(answer), ASK(request), ONLY(answer), \
     ASK(request), ONLY(answer), CHECK_EQ(runs, 1))

static void unsafe_runs_once(void)
{
    begin();
    RUNS_ONCE("41020001 aa b1'n' ff'x'", "61410001 aa c0ff'1'");
    RUNS_ONCE("41030002 aa b1'n' ff'x'", "61440002 aa c0ff'1'");
    RUNS_ONCE("41040003 aa b1'n'", "61420003 aa c0ff'1'");
    RUNS_ONCE("41060004 aa b1'n' ff'x'", "61450004 aa c0ff'1'");
    RUNS_ONCE("40070005 b1'n' ff'x'", "60450005 c0ff'1'");
    IS_IDLE();
}

/* A longer answer is repeated as its code alone, never cut short. */
static void long_answer_is_repeated_as_its_code(void)
{
    begin();
    blob_length = COAP2_REPLY_SIZE - 3;
    ASK("42020001 aabb b4'blob'");
    ONLY("62440001 aabb c12aff'xxxxxxxxxxxxx'");
    ASK("42020001 aabb b4'blob'");
    ONLY("62440001 aabb c12aff'xxxxxxxxxxxxx'");
    blob_length++;
    ASK("42020002 aabb b4'blob'");
    ASK("42020002 aabb b4'blob'");
    ONLY("62440002 aabb");
    CHECK_EQ(runs, 2);
}

static void repeated_non_is_dropped(void)
{
    begin();
    ASK("51021234 aa b1'n'");
    ONLY("5141.... aa c0ff'1'");
    ASK("51021234 aa b1'n'");
    SILENT();
    ASK("51011235 aa b1'n'");
    ONLY("5145.... aa c0ff'2'");
    ASK("51011235 aa b1'n'");
    SILENT();
    CHECK_EQ(runs, 2);
    IS_IDLE();
}

/* The endpoint is part of it (4.4): address, port, kind and scope are, the
   transport's note and the group are not. */
static void same_id_of_another_endpoint(void)
{
    coap2_peer peer = loop_peer(1);

    begin();
    ASK("41021234 aa b1'n'");
    peer.port++;
    ASK_FROM(peer, "41021234 aa b1'n'");
    ONLY("61411234 aa c0ff'2'");
    CHECK_EQ(wire.sent[0].peer.port, 5684);
    ASK_FROM(loop_peer(2), "41021234 aa b1'n'");
    ONLY("61411234 aa c0ff'3'");
    CHECK_EQ(wire.sent[0].peer.address[3], 2);
    peer = loop_peer(1);
    peer.kind = COAP2_PEER_OTHER;
    ASK_FROM(peer, "41021234 aa b1'n'");
    ONLY("61411234 aa c0ff'4'");
    CHECK_EQ(wire.sent[0].peer.kind, COAP2_PEER_OTHER);
    peer = loop_peer(1);
    peer.arrived = 7;
    ASK_FROM(peer, "41021234 aa b1'n'");
    ONLY("61411234 aa c0ff'1'");
    CHECK_EQ(wire.sent[0].peer.arrived, 7);
    CHECK_EQ(runs, 4);
}

static void peers_compare(void)
{
    coap2_peer a = loop_peer(1), b = loop_group(1);

    b.arrived = 9;
    CHECK(coap2_peer_equals(&a, &b));
    b.port = 1;
    CHECK(!coap2_peer_equals(&a, &b));
    b = loop_peer(2);
    CHECK(!coap2_peer_equals(&a, &b));
    b = loop_peer(1);
    b.kind = COAP2_PEER_IPV6;
    CHECK(!coap2_peer_equals(&a, &b));
#if COAP2_ADDRESS_SIZE >= 16
    b = loop_peer(1);
    b.scope = 3;
    CHECK(!coap2_peer_equals(&a, &b));
#endif
    a.kind = COAP2_PEER_OTHER;
    b = a;
    CHECK(coap2_peer_equals(&a, &b));
    b.address[COAP2_ADDRESS_SIZE - 1] ^= 1;
    CHECK(!coap2_peer_equals(&a, &b));
}

/* An id used again with another token inside EXCHANGE_LIFETIME: never a mix of
   the two (4.4), and the newer one is remembered. */
static void another_token_replaces_the_record(void)
{
    begin();
    ASK("41021234 aa b1'n'");
    ONLY("61411234 aa c0ff'1'");
    ASK("41021234 bb b1'n'");
    ONLY("61411234 bb c0ff'2'");
    ASK("41021234 bb b1'n'");
    ONLY("61411234 bb c0ff'2'");
    ASK("41021234 aa b1'n'");
    ONLY("61411234 aa c0ff'3'");
    ASK("40021234 b1'n'");
    ONLY("60411234 c0ff'4'");
    ASK("42021234 aaaa b1'n'");
    ONLY("62411234 aaaa c0ff'5'");
    CHECK_EQ(runs, 5);
}

/* What takes the place of another under its id has come now, not then. */
static void replaced_record_is_the_newest(void)
{
    uint8_t post[] = {0x41, 2, 0x12, 0, 0xaa, 0xb1, 'n'};
    unsigned i;

    begin();
    ASK("41021200 aa b1'n'");
    ASK("41021201 aa b1'n'");
    ASK("41021200 bb b1'n'");
    for (i = 2; i < COAP2_MAX_DUPLICATES + 1; i++) {
        post[3] = (uint8_t)i;
        loop_push_at(&wire, loop_peer(1), post, sizeof post, wire.time);
        POLL();
    }
    CHECK_EQ(runs, COAP2_MAX_DUPLICATES + 2);
    ASK("41021200 bb b1'n'");
    ONLY("61411200 bb c0ff'3'");
    CHECK_EQ(runs, COAP2_MAX_DUPLICATES + 2);
    still_serves();
}

/* The second half of a table's life: it is full of it all the time. */
static void full_table_forgets_the_oldest(void)
{
    uint8_t post[] = {0x40, 2, 0x12, 0, 0xb1, 'n'};
    unsigned i;

    begin_at(0xfffffffeu);
    for (i = 0; i < COAP2_MAX_DUPLICATES + 1; i++) {
        post[3] = (uint8_t)i;
        loop_push_at(&wire, loop_peer(1), post, sizeof post, wire.time);
        POLL();
        wire.time++;
    }
    CHECK_EQ(runs, COAP2_MAX_DUPLICATES + 1);
    for (; i > 1; i--) {
        post[3] = (uint8_t)(i - 1);
        loop_push_at(&wire, loop_peer(1), post, sizeof post, wire.time);
        POLL();
    }
    CHECK_EQ(runs, COAP2_MAX_DUPLICATES + 1);
    ASK("40021200 b1'n'");
    ONLY("60411200 c0ff'6'");
    still_serves();
}

/* Records live for so long and no longer (4.8.2), wherever the clock is. */
static void record_lives(uint32_t time)
{
    begin_at(time);
    ASK("40021234 b1'n'");
    ASK("50021235 b1'n'");
    CHECK_EQ(runs, 2);
    wire.time = time + 144999u;
    ASK("50021235 b1'n'");
    SILENT();
    wire.time = time + 145001u;
    ASK("50021235 b1'n'");
    ONLY("5041....c0ff'3'");
    wire.time = time + 246999u;
    ASK("40021234 b1'n'");
    ONLY("60411234 c0ff'1'");
    wire.time = time + 247001u;
    ASK("40021234 b1'n'");
    ONLY("60411234 c0ff'4'");
    IS_IDLE();
}

static void lifetimes_on_a_fake_clock(void)
{
    record_lives(0);
    record_lives(1000);
    record_lives(0xffffffffu);
    record_lives(0xffffffffu - 100000u);
    record_lives(0xffffffffu - 200000u);
    record_lives(0x7ffff000u);
}

static void lifetimes_at_run_time(void)
{
    begin();
    CHECK_EQ(node.exchange_lifetime, 247);
    CHECK_EQ(node.non_lifetime, 145);
    node.exchange_lifetime = 2;
    node.non_lifetime = 1;
    ASK("40021234 b1'n'");
    ASK("50021235 b1'n'");
    wire.time += 1001;
    ASK("50021235 b1'n'");
    ASK("40021234 b1'n'");
    CHECK_EQ(runs, 3);
    wire.time += 1000;
    ASK("40021234 b1'n'");
    CHECK_EQ(runs, 4);
}

/* Ids of the peer around the wrap (4.4), and ours. */
static void ids_wrap(void)
{
    static const uint16_t ids[] = {0xfffe, 0xffff, 0, 1};
    uint8_t get[] = {0x50, 1, 0x77, 0, 0xb1, 'n'};
    unsigned i;

    begin();
    ASK("4002fffe b1'n'");
    ONLY("6041fffe c0ff'1'");
    ASK("4002ffff b1'n'");
    ONLY("6041ffff c0ff'2'");
    ASK("40020000 b1'n'");
    ONLY("60410000 c0ff'3'");
    ASK("40020001 b1'n'");
    ONLY("60410001 c0ff'4'");
    node.next_id = 0xfffe; /* carried over a deep sleep */
    for (i = 0; i < 4; i++) {
        get[3] = (uint8_t)i;
        loop_clear(&wire);
        loop_push_at(&wire, loop_peer(1), get, sizeof get, wire.time);
        POLL();
        CHECK_EQ(loop_id(&wire, 0), ids[i]);
    }
    CHECK_EQ(node.next_id, 2);
}

/* Ids start anywhere (4.4), by the seed and by what is mixed in. */
static void first_ids_are_random(void)
{
    uint16_t ids[3];
    unsigned i;

    for (i = 0; i < 3; i++) {
        prepare();
        CHECK_EQ(coap2_start(&node, i == 0 ? 1u : 2u), COAP2_OK);
        if (i == 2) coap2_seed(&node, "sixteen bytes ..", 16);
        ids[i] = node.next_id;
    }
    CHECK(ids[0] != ids[1]);
    CHECK((ids[0] | ids[1]) > 255);
}

/* The peer's ids are not ours: it may use one that we have just used
   (iotivity-lite#26). */
static void our_id_comes_from_the_peer(void)
{
    uint8_t post[] = {0x40, 2, 0, 0, 0xb1, 'n'};

    begin();
    ASK("50011234 b4'temp'");
    post[2] = (uint8_t)(loop_id(&wire, 0) >> 8);
    post[3] = (uint8_t)loop_id(&wire, 0);
    loop_push_at(&wire, loop_peer(1), post, sizeof post, wire.time);
    POLL();
    CHECK_EQ(runs, 1);
    CHECK_EQ(wire.count, 2);
}

/* 600 ids and 120 endpoints, and the newest is still known. */
static void storms_of_requests(void)
{
    uint8_t post[] = {0x40, 2, 0, 0, 0xb1, 'n'};
    unsigned i, answered = 0;

    begin();
    for (i = 0; i < 600; i++) {
        post[2] = (uint8_t)(i >> 8);
        post[3] = (uint8_t)i;
        loop_clear(&wire);
        loop_push_at(&wire, loop_peer((uint8_t)(i % 120)), post, sizeof post,
                     wire.time);
        POLL();
        answered += wire.count;
        wire.time++;
    }
    CHECK_EQ(answered, 600);
    CHECK_EQ(runs, 600);
    ASK_FROM(loop_peer(119), "40020257 b1'n'");
    ONLY("60410257 c0ff'0'");
    CHECK_EQ(runs, 600);
    still_serves();
}

/* ---- buffers ------------------------------------------------------------- */

static void answer_fits_exactly(void)
{
    begin();
    blob_length = PACKET - 7;
    ASK("40011234 b4'blob'");
    CHECK_EQ(wire.sent[0].length, PACKET);
    LOOP_IS(&wire, 0, "60451234 c12aff'x'*");
    /* a byte more, and a GET is cut into blocks (RFC 7959 2.4) */
    ASK("48011234 0102030405060708 b4'blob'");
    ONLY("68451234 0102030405060708 c12a b109 5159 ff 7878*");
    CHECK_EQ(wire.sent[0].length, 19 + 32);
    blob_length++;
    ASK("40011235 b4'blob'");
    ONLY("60451235 c12a b109 515a ff 7878*");
    CHECK_EQ(wire.sent[0].length, 11 + 32);
    ASK("50011236 b4'blob'");
    ONLY("5045.... c12a b109 515a ff 7878*");
    ASK_GROUP("50011237 b4'blob'");
    PASS(5000);
    ONLY("5045.... c12a b109 515a ff 7878*");
    /* a POST, whose handler must not run again, is not (2.7) */
    ASK("40021238 b4'blob'");
    ONLY("60a01238*");
    ASK("40021238 b4'blob'");
    ONLY("60a01238*");
    CHECK_EQ(runs, 1);
    still_serves();
}

/* The smallest packets: refused, or nothing is sent beyond them. */
static void packets_of_each_size(void)
{
    size_t size;
    bool started = false;

    for (size = 1; size <= 48; size++) {
        prepare();
        node.packet = size;
        node.out_size = 4 * size;
        memset(out + node.out_size, 0xee, FENCE);
        test_row = (unsigned)size;
        if (coap2_start(&node, 1) != COAP2_OK) {
            CHECK(!started && size <= 32);
            continue;
        }
        started = true;
        blob_length = 40;
        ASK("48011234 0102030405060708 bb'.well-known' 04'core'");
        ASK("48011235 0102030405060708 b4'blob'");
        ASK("48011236 0102030405060708 b4'temp'");
        ASK("48011237 0102030405060708 b4'slow'");
        if (tickets_had == 0) continue;
        CHECK(answer(0, "a text that may or may not fit") != COAP2_ERR_ARG);
        POLL();
        CHECK(wire.count == 0 || wire.sent[0].length <= size);
        CHECK_EQ(out[4 * size], 0xee);
    }
    CHECK(started);
}

/* What was cut on its way in: 4.13 if it can be told what it was. */
static void truncated_datagrams(void)
{
    prepare();
    node.in_size = 24;
    in[24] = 0xee;
    CHECK_EQ(coap2_start(&node, 1), COAP2_OK);
    ASK("41021234 aa b1'n' ff'sixteen bytes ..'");
    ONLY("61411234 aa c0ff'1'");
    ASK("41021235 aa b1'n' ff'seventeen bytes .'");
    ONLY("618d1235 aa*");
    ASK("41021235 aa b1'n' ff'seventeen bytes .'");
    ONLY("618d1235 aa*");
    ASK("51021236 aa b1'n' ff'seventeen bytes .'");
    CHECK(wire.count == 0 || wire.sent[0].bytes[1] == 0x8d);
    ASK_GROUP("51021237 aa b1'n' ff'seventeen bytes .'");
    PASS(5000);
    SILENT();
    ASK("60451238 ff'more than twenty-four bytes'");
    SILENT();
    ASK("50001238 'more than twenty-four bytes'");
    SILENT();
    ASK("49011238 'more than twenty-four bytes'");
    CHECK(wire.count == 0 || wire.sent[0].bytes[1] == 0);
    ASK("41021239 aa bd0e'an option that is cut short'");
    CHECK(wire.count == 0 || wire.sent[0].bytes[1] == 0 ||
          wire.sent[0].bytes[1] == 0x8d);
    CHECK_EQ(runs, 1);
    CHECK_EQ(in[24], 0xee);
    still_serves();
}

static void datagrams_of_any_length(void)
{
    static const size_t lengths[] = {LOOP_BYTES, LOOP_BYTES + 1, 1500, 30000,
                                     65000};
    static uint8_t bytes[LOOP_BYTES];
    unsigned i;

    begin();
    memset(bytes, 'x', sizeof bytes);
    loop_bytes(bytes, TEST_TEXT("5002aaaa b1'n' ff"));
    for (i = 0; i < 5; i++) {
        bytes[3] = (uint8_t)i;
        loop_push_at(&wire, loop_peer(1), bytes, lengths[i], wire.time);
        loop_clear(&wire);
        POLL();
        CHECK(wire.count <= 1);
    }
    still_serves();
}

static void many_options(void)
{
    static uint8_t bytes[LOOP_BYTES];
    size_t length = loop_bytes(bytes, TEST_TEXT("41011234 aa b4'temp' d000"));

    begin();
    while (length < IN_SIZE - 2u && length < 620) bytes[length++] = 0;
    loop_push_at(&wire, loop_peer(1), bytes, length, wire.time);
    POLL();
    ONLY("61451234 aa c0ff'21.5'");
    bytes[3]++;
    bytes[length - 1] = 0x10; /* the last one is critical */
    loop_clear(&wire);
    loop_push_at(&wire, loop_peer(1), bytes, length, wire.time);
    POLL();
    ONLY("61821235 aa*");
}

static unsigned received;

/* A network that always has one more. */
static int32_t receive_for_ever(void *io, coap2_peer *from, uint8_t *bytes,
                                size_t size)
{
    static const uint8_t get[] = {0x40, 1, 0x12, 0, 0xb4, 't', 'e', 'm', 'p'};

    (void)io;
    CHECK(size >= sizeof get);
    *from = loop_peer(1);
    memcpy(bytes, get, sizeof get);
    bytes[3] = (uint8_t)++received;
    return (int32_t)sizeof get;
}

/* A poll receives so many, and asks to be called again at once. */
static void burst_is_bounded(void)
{
    begin();
    received = 0;
    node.recv = receive_for_ever;
    CHECK_EQ(POLL(), 0);
    CHECK_EQ(received, COAP2_BURST);
    CHECK_EQ(wire.count, COAP2_BURST);
}

/* ---- nodes --------------------------------------------------------------- */

static void pushed_datagrams(void)
{
    static const uint8_t get[] = {0x40, 1,   0x12, 0x34, 0xb4,
                                  't',  'e', 'm',  'p'};
    coap2_peer peer = loop_peer(9);

    prepare();
    node.recv = NULL;
    node.in = NULL;
    node.in_size = 0;
    CHECK_EQ(coap2_start(&node, 1), COAP2_OK);
    coap2_input(&node, &peer, get, sizeof get, 0xfffffff0u);
    wire.time = 0xfffffff0u;
    IS_IDLE();
    ONLY("60451234 c0ff'21.5'");
    CHECK_EQ(wire.sent[0].peer.address[3], 9);
    coap2_input(&node, &peer, get, 3, 0xfffffff0u);
    coap2_input(&node, &peer, get, 0, 0xfffffff0u);
    CHECK_EQ(wire.count, 1);
}

static void configuration_is_checked(void)
{
    prepare();
    node.send = NULL;
    CHECK_EQ(coap2_start(&node, 1), COAP2_ERR_CONFIG);
    prepare();
    node.out = NULL;
    CHECK_EQ(coap2_start(&node, 1), COAP2_ERR_CONFIG);
    prepare();
    node.in = NULL;
    CHECK_EQ(coap2_start(&node, 1), COAP2_ERR_CONFIG);
    prepare();
    node.in_size = 0;
    CHECK_EQ(coap2_start(&node, 1), COAP2_ERR_CONFIG);
    prepare();
    node.out_size = 3;
    CHECK_EQ(coap2_start(&node, 1), COAP2_ERR_CONFIG);
    prepare();
    node.packet = 3;
    CHECK_EQ(coap2_start(&node, 1), COAP2_ERR_CONFIG);
    prepare();
    node.packet = SLOTS * PACKET + 1;
    CHECK_EQ(coap2_start(&node, 1), COAP2_ERR_CONFIG);
    prepare();
    CHECK_EQ(coap2_start_as(&node, 1, (uint16_t)sizeof node, COAP2I_KNOBS),
             COAP2_OK);
    CHECK_EQ(coap2_start_as(&node, 1, (uint16_t)sizeof node,
                            (uint16_t)(COAP2I_KNOBS ^ 1)),
             COAP2_ERR_CONFIG);
    CHECK_EQ(
        coap2_start_as(&node, 1, (uint16_t)(sizeof node - 4), COAP2I_KNOBS),
        COAP2_ERR_CONFIG);
}

static bool says(const char *wanted)
{
    const char *why = coap2_start_why(&node);
    return why != NULL && strstr(why, wanted) != NULL;
}

/* On AVR the reasons are in flash: there, tests/mistakes.sh reads them. */
static void configuration_is_explained(void)
{
#ifndef __AVR__
    static const coap2_resource slash = {"/temp", "", on_temp,
                                         COAP2I_NO_FIELDS(COAP2_GET)};
    static const coap2_resource *const rows[] = {&slash, NULL};

    prepare();
    node.resources = rows;
    CHECK(says("slash"));
    CHECK_EQ(coap2_start(&node, 1), COAP2_ERR_CONFIG);
    prepare();
    CHECK(coap2_start_why(&node) == NULL);
    node.send = NULL;
    CHECK(says("node.send"));
    prepare();
    node.out = NULL;
    CHECK(says("node.out is missing"));
    prepare();
    node.in = NULL;
    CHECK(says("node.in is missing"));
    prepare();
    node.in_size = 15;
    CHECK(says("node.in_size"));
    prepare();
    node.out_size = 15;
    CHECK(says("node.out_size"));
    prepare();
    node.packet = 15;
    CHECK(says("node.packet is too small"));
    prepare();
    node.packet = SLOTS * PACKET + 1;
    CHECK(says("node.packet is larger"));
    prepare();
    node.packet = 65536;
    node.out_size = 65536;
    CHECK(says("65535"));
    CHECK_EQ(coap2_start(&node, 1), COAP2_ERR_CONFIG);
    CHECK(strstr(coap2_start_why_as(&node, (uint16_t)sizeof node, 0),
                 "COAP2_IMPLEMENTATION") != NULL);
    CHECK(strstr(coap2_start_why_as(&node, 1, COAP2I_KNOBS), "knobs") != NULL);
#else
    (void)says;
#endif
}

/* Who does not look at the result has a node that does nothing. */
static void what_was_not_started_is_still(void)
{
    static const uint8_t get[] = {0x40, 0x01, 0x12, 0x34, 0xb4,
                                  't',  'e',  'm',  'p'};
    coap2_peer peer = loop_peer(9);

    prepare();
    memset(&node, 0, sizeof node);
    node.recv = loop_recv;
    CHECK_EQ(coap2_start(&node, 1), COAP2_ERR_CONFIG);
    CHECK(coap2_poll(&node, 5) == COAP2_FOREVER);
    coap2_input(&node, &peer, get, sizeof get, 5);
    CHECK(coap2_poll(&node, 5) == COAP2_FOREVER);
}

/* One slot, and no resources: enough to say that there are none. */
static void least_configuration(void)
{
    prepare();
    node.resources = NULL;
    node.packet = 0;
    node.out_size = 64;
    CHECK_EQ(coap2_start(&node, 1), COAP2_OK);
    ASK("41011234 aa b4'temp'");
    ONLY("61841234 aa*");
    ASK("41011235 aa bb'.well-known' 04'core'");
    LOOP_IS(&wire, 0, "61451235 aa c128*");
    IS_IDLE();
}

/* Started again, it has forgotten all but its settings. */
static void start_again(void)
{
    begin();
    node.leisure = 7;
    ASK("40021234 b1'n'");
    ASK("40021235 b4'slow'");
    CHECK_EQ(coap2_start(&node, 3), COAP2_OK);
    CHECK_EQ(node.leisure, 7);
    IS_IDLE();
    CHECK_EQ(answer(0, "done"), COAP2_ERR_ARG);
    ASK("40021234 b1'n'");
    ONLY("60411234 c0ff'3'");
}

/* Plain memory: moved to another place in the midst of things. */
static void node_is_moved(void)
{
    static coap2_node other;

    chance = 0;
    begin_separate(1000);
    POLL();
    ASK("40021236 b1'n'");
    memcpy(&other, &node, sizeof node);
    memset(&node, 0xaa, sizeof node);
    LOOP_ASK(&wire, &other, loop_peer(1), "40021236 b1'n'");
    ONLY("60411236 c0ff'2'");
    loop_clear(&wire);
    CHECK_EQ(loop_pass(&wire, &other, 2000), 4000);
    ONLY("4245.... aabb c0ff'done'");
}

static uint8_t on_other(coap2_req *req, coap2_rsp *rsp)
{
    (void)req;
    coap2_rsp_text(rsp, "other");
    return COAP2_205_CONTENT;
}

COAP2_RESOURCE(other_temp, "temp", COAP2_GET, on_other, "");
COAP2_TABLE(other_things, &other_temp);

/* Two nodes in one program share nothing. */
static void two_nodes(void)
{
    static coap2_node second;
    static loop second_wire;
    static uint8_t second_in[64], second_out[128];

    begin();
    memset(&second, 0, sizeof second);
    loop_plug(&second_wire, &second);
    second.in = second_in;
    second.in_size = sizeof second_in;
    second.out = second_out;
    second.out_size = sizeof second_out;
    second.resources = other_things;
    CHECK_EQ(coap2_start(&second, 2), COAP2_OK);
    LOOP_ASK(&second_wire, &second, loop_peer(1), "40021234 b1'n'");
    LOOP_ONLY(&second_wire, "60841234*");
    ASK("40021234 b1'n'");
    ONLY("60411234 c0ff'1'");
    LOOP_ASK(&second_wire, &second, loop_peer(1), "40011235 b4'temp'");
    LOOP_ONLY(&second_wire, "60451235 c0ff'other'");
    ASK("40011235 b4'temp'");
    ONLY("60451235 c0ff'21.5'");
    CHECK(node.next_id != second.next_id);
}

#if COAP2_WITH_LOG

static unsigned logged;

static void count_log(void *io, const char *what, const coap2_peer *peer)
{
    CHECK(io == &wire);
    CHECK(what != NULL && what[0] != '\0');
    CHECK(peer == NULL || peer->address[3] == 1);
    logged++;
}

static void log_hears_of_it(void)
{
    begin();
    node.log = count_log;
    logged = 0;
    ASK("40011234 bf");
    CHECK(logged > 0);
}

#endif

/* ---- whatever bytes arrive ----------------------------------------------- */

static uint32_t dice = 1;

static uint8_t throw_byte(void)
{
    dice = dice * 1664525u + 1013904223u;
    return (uint8_t)(dice >> 24);
}

/* Push bytes; whatever they are, what follows is in order. Returns whether
   it was. */
static bool survives(coap2_peer from, const uint8_t *bytes, size_t length)
{
    loop_clear(&wire);
    loop_push_at(&wire, from, bytes, length, wire.time);
    POLL();
    if (from.group) PASS(COAP2_LEISURE);
    if (wire.count > 1 || wire.queued != 0) return false;
    if (wire.count == 0) return true;
    if (length < 4 || bytes[0] >> 6 != 1) return false;
    if ((bytes[0] & 0x20) != 0) return false;
    if (from.group && wire.sent[0].bytes[0] >> 4 != 5) return false;
    return wire.sent[0].length >= 4 && wire.sent[0].length <= PACKET &&
           wire.sent[0].bytes[0] >> 6 == 1;
}

static void every_truncation(void)
{
    uint8_t bytes[64];
    size_t i,
        length = loop_bytes(
            bytes, TEST_TEXT("48031234 0102030405060708 32'me' 11'e' 71'n' "
                             "10 d103 3c d1d902 ff'on'"));

    begin();
    for (i = 0; i <= length; i++) {
        test_row = (unsigned)i + 1;
        bytes[3] = (uint8_t)i;
        CHECK(survives(loop_peer(1), bytes, i));
    }
    still_serves();
}

static void bits_flip(void)
{
    uint8_t bytes[64];
    unsigned i, bad = 0;

    begin();
    for (i = 0; i < 600; i++) {
        size_t length = loop_bytes(
            bytes, TEST_TEXT("43031234 010203 32'me' 81'n' d104 3c ff'on'"));
        unsigned flips = 1u + i % 4u;

        while (flips-- > 0) {
            size_t at = throw_byte() % length;

            bytes[at] ^= (uint8_t)(1u << (throw_byte() & 7u));
        }
        bad +=
            !survives(i % 5 == 0 ? loop_group(1) : loop_peer(1), bytes, length);
    }
    CHECK_EQ(bad, 0);
    PASS(400000);
    still_serves();
}

static void random_datagrams(void)
{
    uint8_t bytes[64];
    unsigned i, bad = 0;

    begin();
    for (i = 0; i < 1500; i++) {
        size_t length = throw_byte() % sizeof bytes, at;

        for (at = 0; at < length; at++) bytes[at] = throw_byte();
        if (i % 4 != 0) bytes[0] = (uint8_t)((bytes[0] & 0x37) | 0x40);
        bad +=
            !survives(i % 5 == 0 ? loop_group(1) : loop_peer(1), bytes, length);
        wire.time += 7;
    }
    CHECK_EQ(bad, 0);
    PASS(400000);
    still_serves();
}

/* ACK and RST with every id produce nothing. */
static void storm_of_acks(void)
{
    uint8_t bytes[] = {0x60, 0, 0, 0};
    unsigned i, sent = 0;

    begin_separate(1000);
    POLL();
    for (i = 0; i < 2000; i++) {
        uint16_t id = (uint16_t)(loop_id(&wire, 0) + 1u + i);

        bytes[0] = (uint8_t)(i & 1 ? 0x60 : 0x70);
        bytes[2] = (uint8_t)(id >> 8);
        bytes[3] = (uint8_t)id;
        loop_push_at(&wire, loop_peer(1), bytes, sizeof bytes, wire.time);
        POLL();
        sent = wire.count;
    }
    CHECK_EQ(sent, 1);
}

int main(void)
{
    RUN("RFC 7252 4.3: a ping is reset", ping_is_reset);
    RUN("RFC 7252 4.2: empty ACK and RST", empty_ack_and_rst_are_silent);
    RUN("RFC 7252 5.2.1: piggybacked", get_is_piggybacked);
    RUN("RFC 7252 5.3.1: tokens", tokens_come_back);
    RUN("RFC 7252 5.2.3: NON for NON", non_is_answered_with_non);
    RUN("RFC 7252 3, 4.2, 4.3: malformed", malformed_is_rejected);
    RUN("RFC 7252 12.2: option numbers", numbers_do_not_wrap);
    RUN("RFC 7252 3: other versions", other_versions_are_silent);
    RUN("RFC 7252 3: 0 to 3 bytes", short_datagrams_are_silent);
    RUN("RFC 7252 4.1: empty, and more", empty_with_more_is_rejected);
    RUN("RFC 7252 4.2, 5.3.2: unasked, reserved", nobody_asked_for_it);
    RUN("RFC 7252 4.2: requests in ACK, RST", ack_and_rst_carry_no_request);
    RUN("RFC 7252 3: what others choked on", reported_datagrams);
    RUN("RFC 7252 4.5: a GET comes again", safe_is_answered_again);
    RUN("RFC 7252 4.5: a POST comes again", unsafe_runs_once);
    RUN("RFC 7252 4.5: long answers", long_answer_is_repeated_as_its_code);
    RUN("RFC 7252 4.5: a NON comes again", repeated_non_is_dropped);
    RUN("RFC 7252 4.4: endpoints", same_id_of_another_endpoint);
    RUN("RFC 7252 4.4: peers compare", peers_compare);
    RUN("RFC 7252 4.4: tokens", another_token_replaces_the_record);
    RUN("RFC 7252 4.5: full table", full_table_forgets_the_oldest);
    RUN("RFC 7252 4.5: full table, id used twice",
        replaced_record_is_the_newest);
    RUN("RFC 7252 4.8.2: lifetimes", lifetimes_on_a_fake_clock);
    RUN("RFC 7252 4.8.2: lifetimes, set", lifetimes_at_run_time);
    RUN("RFC 7252 4.4: ids wrap", ids_wrap);
    RUN("RFC 7252 4.4: first ids", first_ids_are_random);
    RUN("RFC 7252 4.4: ids of both sides", our_id_comes_from_the_peer);
    RUN("RFC 7252 4.5: storms", storms_of_requests);
    RUN("RFC 7252 5.9.3.1: exact fit", answer_fits_exactly);
    RUN("RFC 7252 4.6: packets of each size", packets_of_each_size);
    RUN("RFC 7252 5.9.2.9: truncated", truncated_datagrams);
    RUN("RFC 7252 4.6: long datagrams", datagrams_of_any_length);
    RUN("RFC 7252 3.1: many options", many_options);
    RUN("RFC 7252 11.3: a burst", burst_is_bounded);
    RUN("RFC 7252 4.1: pushed in", pushed_datagrams);
    RUN("configuration is checked", configuration_is_checked);
    RUN("configuration is explained", configuration_is_explained);
    RUN("what was not started is still", what_was_not_started_is_still);
    RUN("the least configuration", least_configuration);
    RUN("RFC 7252 4.5: started again", start_again);
    RUN("RFC 7252 4.2: moved", node_is_moved);
    RUN("RFC 7252 4.5: two nodes", two_nodes);
#if COAP2_WITH_LOG
    RUN("RFC 7252 4.2: log", log_hears_of_it);
#endif
    RUN("RFC 7252 3: every truncation", every_truncation);
    RUN("RFC 7252 3: bits flip", bits_flip);
    RUN("RFC 7252 3: random datagrams", random_datagrams);
    RUN("RFC 7252 4.2: storm of ACKs", storm_of_acks);
    return test_end();
}
