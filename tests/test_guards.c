/* The two guards of a server, which are off by default: so many requests a
   second of one client (RFC 8516), and no answer that is much larger than its
   request to an address that has not shown itself (RFC 7252 11.3, RFC 9175). */
#define COAP2_FLOOD_LIMIT 3
#define COAP2_MAX_DUPLICATES 2
#define COAP2_REPLY_LIMIT 3
#define COAP2_STATIC
#define COAP2_IMPLEMENTATION
#include "../coap2.h"
#define LOOP_BYTES 288
#define LOOP_QUEUE 2
#define LOOP_SENT 4
#include "loop.h"

static unsigned runs;
static int16_t ticket;

static uint8_t on_temp(coap2_req *req, coap2_rsp *rsp)
{
    (void)req;
    runs++;
    coap2_rsp_text(rsp, "21.5");
    return COAP2_205_CONTENT;
}

/* 200 bytes, whatever is asked. */
static uint8_t on_large(coap2_req *req, coap2_rsp *rsp)
{
    unsigned i;

    runs++;
    for (i = 0; i < 20; i++) coap2_rsp_text(rsp, "0123456789");
    if (req->method == COAP2_POST) return COAP2_204_CHANGED;
    return COAP2_205_CONTENT;
}

static uint8_t on_slow(coap2_req *req, coap2_rsp *rsp)
{
    (void)rsp;
    ticket = coap2_later(req);
    return COAP2_LATER;
}

COAP2_RESOURCE(temp, "temp", COAP2_GET | COAP2_POST, on_temp, "rt=\"t\"");
COAP2_RESOURCE(large, "large", COAP2_GET | COAP2_POST | COAP2_FETCH, on_large,
               "title=\"a title that makes the list of links a long one\"");
COAP2_RESOURCE(slow, "slow", COAP2_GET | COAP2_POST, on_slow, "");
COAP2_TABLE(things, &temp, &large, &slow);

static coap2_node node;
static loop wire;
static uint8_t in[LOOP_BYTES], out[4 * LOOP_BYTES];

static void begin_at(uint32_t time)
{
    memset(&node, 0, sizeof node);
    loop_plug(&wire, &node);
    wire.time = time;
    node.in = in;
    node.in_size = sizeof in;
    node.out = out;
    node.out_size = sizeof out;
    node.packet = LOOP_BYTES;
    node.resources = things;
    runs = 0;
    CHECK_EQ(coap2_start(&node, 7252), COAP2_OK);
}

#define ASK_FROM(n, notation) LOOP_ASK(&wire, &node, loop_peer(n), notation)
#define ASK(notation) ASK_FROM(1, notation)
#define LATER(notation) (wire.time += 1000, ASK(notation))
#define ONLY(notation) LOOP_ONLY(&wire, notation)
#define SILENT() LOOP_SILENT(&wire)

/* ---- floods -------------------------------------------------------------- */

static void fourth_in_a_second_is_refused(uint32_t time)
{
    begin_at(time);
    ASK("41011230 aa b4'temp'");
    ASK("41011231 aa b4'temp'");
    wire.time += 999;
    ASK("41021232 aa b4'temp'");
    ONLY("61451232 aa c0ff'21.5'");
    ASK("41011233 aa b4'temp'");
    ONLY("619d1233 aa d10101");
    ASK("51021234 aa b4'temp'");
    ONLY("519d.... aa d10101");
    CHECK_EQ(runs, 3);
    ASK("41021232 aa b4'temp'"); /* that one is done, and is answered again */
    ONLY("61451232 aa c0ff'21.5'");
    ASK("40001234");
    ONLY("70001234");
    LOOP_ASK(&wire, &node, loop_group(1), "51011235 aa b4'temp'");
    CHECK_EQ(loop_pass(&wire, &node, 1), COAP2_FOREVER);
    SILENT();
    ASK("41011236 aa b4'temp'");
    ONLY("61451236 aa c0ff'21.5'");
    CHECK_EQ(runs, 4);
}

static void floods_are_limited(void)
{
    fourth_in_a_second_is_refused(1000);
    fourth_in_a_second_is_refused(0);
    fourth_in_a_second_is_refused(0xfffffe00u);
    fourth_in_a_second_is_refused(0x7ffffe00u);
}

static void use_up(uint8_t n)
{
    ASK_FROM(n, "50011230 b4'temp'");
    ASK_FROM(n, "50011231 b4'temp'");
    ASK_FROM(n, "50011232 b4'temp'");
    ONLY("5045.... c0ff'21.5'");
    ASK_FROM(n, "50011233 b4'temp'");
    ONLY("509d.... d10101");
}

/* Each client has its own share; the table forgets who came first. */
static void clients_are_told_apart(uint32_t time)
{
    test_row++;
    begin_at(time);
    use_up(1);
    wire.time++;
    use_up(2);
    wire.time++;
    ASK_FROM(1, "50011234 b4'temp'");
    ONLY("509d.... d10101");
    ASK_FROM(2, "50011235 b4'temp'");
    ONLY("509d.... d10101");
    use_up(3);
    ASK_FROM(2, "50011236 b4'temp'");
    ONLY("509d.... d10101");
    ASK_FROM(1, "50011237 b4'temp'");
    ONLY("5045.... c0ff'21.5'");
}

static void table_of_clients(void)
{
    clients_are_told_apart(1000);
    clients_are_told_apart(0);
    clients_are_told_apart(5);
    clients_are_told_apart(0xffffffffu);
    clients_are_told_apart(0xfffffffeu);
    clients_are_told_apart(0x80000000u);
}

/* ---- small requests, large answers --------------------------------------- */

/* The request that was answered last, with the Echo it was given behind. */
static void ask_with_echo(uint8_t n, const char *flash_request, uint16_t last)
{
    const loop_packet *packet = loop_sent(&wire, 0);
    uint8_t bytes[64];
    size_t length = loop_bytes(bytes, flash_request);
    coap2_msg msg;
    coap2_opt echo;
    unsigned delta = 252u - 13u - last;

    CHECK_EQ(coap2_msg_parse(&msg, packet->bytes, packet->length), COAP2_OK);
    CHECK(coap2_msg_find(&msg, COAP2_OPT_ECHO, &echo));
    CHECK(echo.length > 0 && echo.length < 13);
    bytes[length++] = (uint8_t)(0xd0u | echo.length);
    bytes[length++] = (uint8_t)delta;
    memcpy(bytes + length, echo.value, echo.length);
    length += echo.length;
    wire.time += 1000;
    loop_clear(&wire);
    loop_push_at(&wire, loop_peer(n), bytes, length, wire.time);
    loop_poll(&wire, &node);
}

#define ECHO(n, notation) ask_with_echo(n, TEST_TEXT(notation), 11)
#define CHALLENGE "..ef*" /* Echo is all there is */

static void large_answer_needs_an_echo(void)
{
    begin_at(1000);
    ASK("42011230 aabb b5'large'");
    ONLY("62811230 aabb" CHALLENGE);
    CHECK(wire.sent[0].length <= 3 * 12);
    ECHO(1, "42011231 aabb b5'large'");
    ONLY("62451231 aabb c0ff'0123456789'*");
    CHECK_EQ(wire.sent[0].length, 4 + 2 + 1 + 1 + 200);
    LATER("52051232 aabb b5'large'");
    ONLY("5281.... aabb" CHALLENGE);
    ECHO(1, "52051233 aabb b5'large'");
    ONLY("5245.... aabb c0ff'0123456789'*");
    LATER("40011234 b4'temp'"); /* small enough for anybody */
    ONLY("60451234 c0ff'21.5'");
    LATER("40011235 bb'.well-known' 04'core'");
    ONLY("60811235" CHALLENGE);
}

/* It proves this address (RFC 9175 2.4), and not for long. */
static void echo_is_of_an_address_and_a_time(void)
{
    begin_at(0xffff8000u);
    ASK("40011230 b5'large'");
    ECHO(2, "40011231 b5'large'");
    ONLY("60811231" CHALLENGE);
    ECHO(2, "40011232 b5'large'");
    ONLY("60451232*");
    LATER("40011233 b5'large'");
    wire.time += 60000;
    ECHO(1, "40011234 b5'large'");
    ONLY("60451234*");
    LATER("40011235 b5'large'");
    wire.time += 140000;
    ECHO(1, "40011236 b5'large'");
    ONLY("60811236" CHALLENGE);
    LATER("40011237 b5'large' d6e4 010203040506");
    ONLY("60811237" CHALLENGE);
    LATER("40011238 b5'large' d1e4 01");
    ONLY("60811238" CHALLENGE);
    LATER("40011239 b5'large' d0e4"); /* of a wrong length: no Echo (2.2.1) */
    ONLY("60811239" CHALLENGE);
}

static void echo_is_of_a_port(void)
{
    coap2_peer peer = loop_peer(1);

    begin_at(1000);
    ASK("40011230 b5'large'");
    loop_keep(&wire.sent[1], &peer, wire.sent[0].bytes, wire.sent[0].length, 0);
    peer.port++;
    LOOP_ASK(&wire, &node, peer, "40011230 b5'large'");
    CHECK_EQ(wire.sent[0].length, wire.sent[1].length);
    CHECK(memcmp(wire.sent[0].bytes, wire.sent[1].bytes, wire.sent[0].length) !=
          0);
}

static void echo_is_of_a_node(void)
{
    uint8_t first[LOOP_BYTES];

    begin_at(1000);
    ASK("40011230 b5'large'");
    memcpy(first, wire.sent[0].bytes, wire.sent[0].length);
    begin_at(1000);
    coap2_seed(&node, "other", 5);
    ASK("40011230 b5'large'");
    CHECK(memcmp(first, wire.sent[0].bytes, wire.sent[0].length) != 0);
}

/* What has been done is done: its code, without what it would say. */
static void post_is_answered_in_short(void)
{
    begin_at(1000);
    ASK("41021230 aa b5'large'");
    ONLY("61441230 aa");
    ASK("41021230 aa b5'large'");
    ONLY("61441230 aa");
    CHECK_EQ(runs, 1);
}

/* Whatever is sent to whom is not known: three times at most. */
static void nothing_is_amplified(void)
{
    size_t asked = 9;

    begin_at(1000);
    LATER("40011230 b4'slow'");
    CHECK_EQ(coap2_answer(&node, ticket, COAP2_205_CONTENT, COAP2_FORMAT_OCTETS,
                          in, 100),
             COAP2_OK);
    loop_poll(&wire, &node);
    CHECK_EQ(wire.count, 1);
    CHECK(wire.sent[0].length <= 3 * asked);
    ECHO(1, "40011233 b4'slow'");
    CHECK_EQ(coap2_answer(&node, ticket, COAP2_205_CONTENT, COAP2_FORMAT_OCTETS,
                          in, 100),
             COAP2_OK);
    loop_poll(&wire, &node);
    CHECK_EQ(wire.sent[0].length, 4 + 2 + 1 + 100);
    LATER("40021231 b4'slow'");
    loop_pass(&wire, &node, 1000);
    loop_clear(&wire);
    CHECK_EQ(coap2_answer(&node, ticket, COAP2_205_CONTENT, COAP2_FORMAT_OCTETS,
                          in, 100),
             COAP2_OK);
    loop_poll(&wire, &node);
    CHECK_EQ(wire.count, 1);
    CHECK(wire.sent[0].length <= 3 * asked);
    begin_at(1000);
    LOOP_ASK(&wire, &node, loop_group(2), "50011232 b5'large'");
    loop_pass(&wire, &node, COAP2_LEISURE);
    CHECK(wire.count == 0 || wire.sent[0].length <= 30);
    LOOP_ASK(&wire, &node, loop_group(2), "50011233 b4'temp'");
    loop_pass(&wire, &node, COAP2_LEISURE);
    ONLY("5045.... c0ff'21.5'");
}

int main(void)
{
    RUN("RFC 8516: floods", floods_are_limited);
    RUN("RFC 8516: many clients", table_of_clients);
    RUN("RFC 9175 2.3, RFC 7252 11.3: Echo", large_answer_needs_an_echo);
    RUN("RFC 9175 2.4: address, time", echo_is_of_an_address_and_a_time);
    RUN("RFC 9175 2.4: port", echo_is_of_a_port);
    RUN("RFC 9175 2.4: node", echo_is_of_a_node);
    RUN("RFC 7252 11.3: POST", post_is_answered_in_short);
    RUN("RFC 7252 11.3: amplification", nothing_is_amplified);
    return test_end();
}
