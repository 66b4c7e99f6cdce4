/* The server that test_server.c and test_late.c ask, and how they do it. Small
   tables, so that they are soon full. This header brings the machine. */
#ifndef SERVER_H
#define SERVER_H

#ifdef __AVR__ /* three nodes and their wires fill 8 KB */
#define COAP2_WITH_RULES 0
#endif
#define COAP2_MAX_EXCHANGES 3
#define COAP2_MAX_DUPLICATES 4
#define COAP2_REPLY_SIZE 16
#define COAP2_IMPLEMENTATION
#include "../coap2.h"
#include "loop.h"

/* ---- the server under test ---------------------------------------------- */

static unsigned runs;        /* of the handlers that count them */
static size_t blob_length;   /* of what /blob answers */
static int16_t tickets[4];   /* of /slow, the latest last */
static unsigned tickets_had; /* and how many */

static uint8_t on_temp(coap2_req *req, coap2_rsp *rsp)
{
    (void)req;
    coap2_rsp_text(rsp, "21.5");
    return COAP2_205_CONTENT;
}

/* Count runs, and answer how many there were. */
static uint8_t on_count(coap2_req *req, coap2_rsp *rsp)
{
    char digit = (char)('0' + ++runs % 10);

    coap2_rsp_bytes(rsp, COAP2_FORMAT_TEXT, &digit, 1);
    if (req->method == COAP2_DELETE) return COAP2_202_DELETED;
    if (req->method == COAP2_POST) return COAP2_201_CREATED;
    if (req->method == COAP2_PUT) return COAP2_204_CHANGED;
    return COAP2_205_CONTENT;
}

static uint8_t on_blob(coap2_req *req, coap2_rsp *rsp)
{
    size_t i;

    for (i = 0; i < blob_length; i++)
        coap2_rsp_bytes(rsp, COAP2_FORMAT_OCTETS, "x", 1);
    if (req->method == COAP2_GET) return COAP2_205_CONTENT;
    runs++;
    return COAP2_204_CHANGED;
}

static uint8_t on_slow(coap2_req *req, coap2_rsp *rsp)
{
    int16_t ticket = coap2_later(req);

    (void)rsp;
    runs++;
    if (ticket < 0) return COAP2_503_SERVICE_UNAVAILABLE;
    tickets[tickets_had++ % 4] = ticket;
    return COAP2_LATER;
}

/* Late in form, but answered before the handler returns. */
static uint8_t on_quick(coap2_req *req, coap2_rsp *rsp)
{
    int16_t ticket = coap2_later(req);

    (void)rsp;
    CHECK(ticket >= 0);
    CHECK_EQ(coap2_answer(req->node, ticket, COAP2_205_CONTENT,
                          COAP2_FORMAT_TEXT, "quick", 5),
             COAP2_OK);
    return COAP2_LATER;
}

/* What a handler may do with a ticket, and better should not. */
static enum { LATER_WITHOUT, CODE_INSTEAD, CODE_AND_ANSWER } mistake;

static uint8_t on_mistake(coap2_req *req, coap2_rsp *rsp)
{
    int16_t ticket;

    if (mistake == LATER_WITHOUT) return COAP2_LATER;
    ticket = coap2_later(req);
    tickets[tickets_had++ % 4] = ticket;
    if (mistake == CODE_AND_ANSWER)
        coap2_answer(req->node, ticket, COAP2_205_CONTENT, COAP2_NO_FORMAT, "x",
                     1);
    coap2_rsp_text(rsp, "no");
    return COAP2_400_BAD_REQUEST;
}

enum { ALL_METHODS = 127 };

COAP2_RESOURCE(temp, "temp", COAP2_GET, on_temp, "");
COAP2_RESOURCE(count, "n", ALL_METHODS, on_count, "");
COAP2_RESOURCE(blob, "blob", COAP2_GET | COAP2_POST, on_blob, "");
COAP2_RESOURCE(slow, "slow", ALL_METHODS, on_slow, "");
COAP2_RESOURCE(quick, "quick", COAP2_GET, on_quick, "");
COAP2_RESOURCE(wrong, "wrong", COAP2_GET, on_mistake, "");
COAP2_TABLE(things, &temp, &count, &blob, &slow, &quick, &wrong);

#ifdef __AVR__
enum { IN_SIZE = 96 };
#else
enum { IN_SIZE = 1280 };
#endif
enum { PACKET = 96, SLOTS = 1 + COAP2_MAX_EXCHANGES, FENCE = 16 };

static coap2_node node;
static loop wire;
static uint8_t in[IN_SIZE + FENCE], out[SLOTS * PACKET + FENCE];
static uint32_t chance; /* what node.random answers */

TEST_DEF uint32_t fixed_chance(void *io)
{
    (void)io;
    return chance;
}

/* Everything set but start; nothing may be written into the fences. */
TEST_DEF void prepare(void)
{
    memset(&node, 0, sizeof node);
    memset(in + IN_SIZE, 0xee, FENCE);
    memset(out + SLOTS * PACKET, 0xee, FENCE);
    loop_plug(&wire, &node);
    node.in = in;
    node.in_size = IN_SIZE;
    node.out = out;
    node.out_size = SLOTS * PACKET;
    node.packet = PACKET;
    node.resources = things;
    runs = tickets_had = 0;
    blob_length = 0;
}

TEST_DEF bool fences_stand(void)
{
    unsigned i;

    for (i = 0; i < FENCE; i++)
        if (in[IN_SIZE + i] != 0xee || out[SLOTS * PACKET + i] != 0xee)
            return false;
    return true;
}

TEST_DEF void begin_at(uint32_t time)
{
    prepare();
    wire.time = time;
    CHECK_EQ(coap2_start(&node, 7252), COAP2_OK);
}

TEST_DEF void begin(void)
{
    begin_at(1000);
}

/* By functions, since each peer in a test takes stack of its own, and there is
   little of it on AVR. */
TEST_DEF uint32_t ask(const char *flash_text)
{
    return loop_ask(&wire, &node, loop_peer(1), flash_text);
}

TEST_DEF uint32_t ask_group(const char *flash_text)
{
    return loop_ask(&wire, &node, loop_group(1), flash_text);
}

#define ASK(notation) ask(TEST_TEXT(notation))
#define ASK_GROUP(notation) ask_group(TEST_TEXT(notation))
#define ASK_FROM(peer, notation) LOOP_ASK(&wire, &node, peer, notation)
#define ONLY(notation) LOOP_ONLY(&wire, notation)
#define SILENT() LOOP_SILENT(&wire)
#define POLL() loop_poll(&wire, &node)
#define PASS(ms) loop_pass(&wire, &node, ms)
#define IS_IDLE() CHECK_EQ(POLL(), COAP2_FOREVER)

/* Does it still work, and is every exchange free? Asked by somebody new. */
TEST_DEF void still_serves(void)
{
    unsigned i;

    IS_IDLE();
    ASK_FROM(loop_peer(200), "420155aa beef b4'temp'");
    ONLY("624555aa beef c0ff'21.5'");
    for (i = 0; i < COAP2_MAX_EXCHANGES; i++) {
        uint8_t get[] = {0x50, 1, 0x55, 0, 0xb4, 's', 'l', 'o', 'w'};

        get[3] = (uint8_t)i;
        tickets_had = 0;
        loop_clear(&wire);
        loop_push_at(&wire, loop_peer(201), get, sizeof get, wire.time);
        POLL();
        CHECK_EQ(tickets_had, 1);
        SILENT();
    }
    CHECK(fences_stand());
}

/* ---- late answers -------------------------------------------------------- */

TEST_DEF coap2_result answer(unsigned ticket, const char *text)
{
    return coap2_answer(&node, tickets[ticket], COAP2_205_CONTENT,
                        COAP2_FORMAT_TEXT, text, strlen(text));
}

/* Start a separate answer, as the first that was sent. */
TEST_DEF void begin_separate(uint32_t time)
{
    begin_at(time);
    node.random = fixed_chance;
    ASK("42011234 aabb b4'slow'");
    PASS(COAP2_ACK_DELAY);
    loop_clear(&wire);
    CHECK_EQ(answer(0, "done"), COAP2_OK);
}

/* Send an ACK or RST for what was sent first. */
TEST_DEF void respond(uint8_t first_byte, coap2_peer from, uint16_t id)
{
    uint8_t bytes[] = {0, 0, 0, 0};

    bytes[0] = first_byte;
    bytes[2] = (uint8_t)(id >> 8);
    bytes[3] = (uint8_t)id;
    loop_push_at(&wire, from, bytes, sizeof bytes, wire.time);
    POLL();
}

#endif
