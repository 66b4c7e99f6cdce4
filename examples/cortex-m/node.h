/* node.h - the node of both chips: its resources and its loop.

   /climate  two variables, to be observed with a rule; made up
   /fan      on or off: an LED
   /large    a text beyond a packet, made as it goes
   /store    bytes that are put there, beyond a packet, too

   The file of a chip says first how much room there is, PACKET and STORE_SIZE,
   and defines the functions below. */

#ifndef NODE_H
#define NODE_H

/* A server with rules and blocks, over IPv4. */
#define COAP2_WITH_CLIENT 0
#define COAP2_WITH_URI 0
#define COAP2_WITH_LINKS 0
#define COAP2_WITH_LATER 0
#define COAP2_WITH_STRINGS 0
#define COAP2_ADDRESS_SIZE 4
#define COAP2_MAX_OBSERVERS 8
#define COAP2_MAX_EXCHANGES 2
#define COAP2_MAX_DUPLICATES 8
#define COAP2_MAX_UPLOADS 2
#define COAP2_REPLY_SIZE 16
#define COAP2_OBSERVE_OPTIONS 16
#define COAP2_RULE_SIZE 64
#define COAP2_STATIC
#define COAP2_IMPLEMENTATION
#include "coap2.h"

#define REGISTER(address) (*(volatile uint32_t *)(uintptr_t)(address))

static uint32_t now_ms(void);
static void wake_after(uint32_t ms);   /* by an interrupt, if by nothing else */
static bool has_news(void);            /* has recv something to give? */
static void connect(coap2_node *node); /* set send, recv and io */
static void seed(uint8_t bytes[16]);
static void led_set(bool on);
static bool led_is_on(void);

/* ---- sleep -------------------------------------------------------------- */

/* Sleep until an interrupt. It is called with interrupts off, so that none
   slips in between the caller's look and the sleep: one that comes is pending,
   and ends the sleep at once. */
static void sleep_once(void)
{
    __asm__ volatile("wfi" ::: "memory");
    __asm__ volatile("cpsie i" ::: "memory");
    __asm__ volatile("isb" ::: "memory"); /* what is pending is taken here */
    __asm__ volatile("cpsid i" ::: "memory");
}

/* Sleep for so long, or until something comes. */
static void rest(uint32_t ms)
{
    uint32_t start = now_ms();

    wake_after(ms);
    __asm__ volatile("cpsid i" ::: "memory");
    while (!has_news() && now_ms() - start < ms) sleep_once();
    __asm__ volatile("cpsie i" ::: "memory");
}

/* ---- /climate: what is measured ----------------------------------------- */

static int16_t temp10 = 180; /* tenths of a degree */
static uint8_t hum = 60;     /* percent */

COAP2_FIELDS(climate_fields, COAP2_FIELD("temp", COAP2_I16, temp10, -1),
             COAP2_FIELD("hum", COAP2_U8, hum, 0));
COAP2_BOUND(climate, "climate", COAP2_OBSERVABLE, climate_fields,
            "rt=\"climate\"");

enum { SAMPLE_MS = 500 };

/* Up and down, between 0 and 8. */
static uint8_t wave(uint8_t step)
{
    step %= 16u;
    return step < 8u ? step : (uint8_t)(16u - step);
}

/* A day in eight seconds: warm when it is dry, but for a while. */
static void sample(uint8_t step)
{
    temp10 = (int16_t)(180 + 5 * wave(step));
    hum = (uint8_t)(60u - 3u * wave((uint8_t)(step + 2u)));
}

/* ---- /fan: the LED ------------------------------------------------------ */

static uint8_t on_fan(coap2_req *req, coap2_rsp *rsp)
{
    if (req->method == COAP2_GET) {
        if (led_is_on())
            coap2_rsp_text(rsp, "on");
        else
            coap2_rsp_text(rsp, "off");
        return COAP2_205_CONTENT;
    }
    if (coap2_req_text_is(req, "on"))
        led_set(true);
    else if (coap2_req_text_is(req, "off"))
        led_set(false);
    else
        return COAP2_400_BAD_REQUEST;
    return COAP2_204_CHANGED;
}

COAP2_RESOURCE(fan, "fan", COAP2_GET | COAP2_PUT | COAP2_OBSERVABLE, on_fan,
               "rt=\"fan\"");

/* ---- /large: a body that is nowhere ------------------------------------- */

enum { LARGE_LINE = 32, LARGE_LINES = 100 };

/* Only the lines that the asked-for block needs are made. */
static uint8_t on_large(coap2_req *req, coap2_rsp *rsp)
{
    char line[] = "line 00 of 100, made as it goes\n";
    uint32_t at, end, skipped, size;

    (void)req;
    end = (uint32_t)coap2_rsp_window(rsp, LARGE_LINE * LARGE_LINES, &at);
    for (end += at; at < end; at += size) {
        skipped = at % LARGE_LINE;
        size = LARGE_LINE - skipped;
        if (size > end - at) size = end - at;
        line[5] = (char)('0' + at / LARGE_LINE / 10u);
        line[6] = (char)('0' + at / LARGE_LINE % 10u);
        coap2_rsp_bytes(rsp, COAP2_FORMAT_TEXT, line + skipped, size);
    }
    return COAP2_205_CONTENT;
}

COAP2_RESOURCE(large, "large", COAP2_GET, on_large, "sz=3200");

/* ---- /store: bytes ------------------------------------------------------ */

static uint8_t stored[STORE_SIZE];
static size_t stored_length;
static uint16_t stored_format = COAP2_NO_FORMAT;
static uint32_t stored_tag; /* names the state, another after each start */

static uint8_t get_store(coap2_rsp *rsp)
{
    uint32_t at;
    size_t size;

    coap2_rsp_etag(rsp, &stored_tag, sizeof stored_tag);
    size = coap2_rsp_window(rsp, (uint32_t)stored_length, &at);
    coap2_rsp_bytes(rsp, stored_format, stored + at, size);
    return COAP2_205_CONTENT;
}

static uint8_t on_store(coap2_req *req, coap2_rsp *rsp)
{
    if (req->method == COAP2_GET) return get_store(rsp);
    if (req->payload_length > sizeof stored)
        return COAP2_413_REQUEST_ENTITY_TOO_LARGE;
    if (req->payload_length > 0)
        memcpy(stored, req->payload, req->payload_length);
    stored_length = req->payload_length;
    stored_format = req->format;
    stored_tag++;
    return COAP2_204_CHANGED;
}

COAP2_RESOURCE(store, "store", COAP2_GET | COAP2_PUT | COAP2_OBSERVABLE,
               on_store, "title=\"any bytes\"");
COAP2_TABLE(things, &climate, &fan, &large, &store);

/* ---- the node ----------------------------------------------------------- */

static coap2_node node;
static uint8_t in[PACKET + COAP2_SLIP_AROUND];
static uint8_t out[(1 + COAP2_MAX_EXCHANGES) * PACKET];
static uint8_t bodies[COAP2_MAX_UPLOADS * STORE_SIZE];

static bool node_start(void)
{
    uint8_t chance[16];

    node.name = "node1.local";
    node.in = in;
    node.in_size = sizeof in;
    node.out = out;
    node.out_size = sizeof out;
    node.packet = PACKET;
    node.bodies = bodies;
    node.bodies_size = sizeof bodies;
    node.resources = things;
    connect(&node);
    if (coap2_start(&node, 0) != COAP2_OK) return false;
    seed(chance);
    coap2_seed(&node, chance, sizeof chance);
    memcpy(&stored_tag, chance, sizeof stored_tag);
    return true;
}

static void serve(void)
{
    uint32_t wait, passed, sampled = now_ms();
    uint8_t step = 0;

    for (;;) {
        passed = now_ms() - sampled;
        if (passed >= SAMPLE_MS) {
            sampled += passed;
            passed = 0;
            sample(++step);
            coap2_changed(&node, &climate);
        }
        wait = coap2_poll(&node, now_ms());
        rest(wait < SAMPLE_MS - passed ? wait : SAMPLE_MS - passed);
    }
}

#endif /* NODE_H */
