/* Cycles on an AVR of a whole node with observers and discovery, or with
   observers and rules (both would not fit), from bytes in (coap2_input), or
   from a change of a variable, to bytes out (`send`), or until it is back
   where nothing is sent. */

#include "../avr/marks.h"
#include "coap2.h"

static uint8_t out[2 * 96], in[96];
static uint8_t sent[96];
static size_t sent_length;
static bool counting;
static uint32_t now_ms = 1000;
static int16_t temp10 = 215;
static uint8_t hum = 40;

COAP2_FIELDS(climate_fields, COAP2_FIELD_RW("temp", COAP2_I16, temp10, -1),
             COAP2_FIELD("hum", COAP2_U8, hum, 0));
COAP2_BOUND(climate, "climate", COAP2_OBSERVABLE, climate_fields,
            "rt=\"climate\"");
COAP2_TABLE(things, &climate);

static coap2_node node;
static coap2_peer peer;

static void stop(void)
{
    if (counting) MARK_STOP();
    counting = false;
}

/* What is sent ends the count, and is noted. */
static coap2_result note(void *io, const coap2_peer *to, const uint8_t *bytes,
                         size_t length)
{
    stop();
    (void)io;
    (void)to;
    memcpy(sent, bytes, length);
    sent_length = length;
    return COAP2_OK;
}

static void start(void)
{
    node.name = "node1.local";
    node.send = note;
    node.in = in;
    node.in_size = sizeof in;
    node.out = out;
    node.out_size = sizeof out;
    node.packet = sizeof out / 2;
    node.resources = things;
    peer.kind = COAP2_PEER_IPV4;
    peer.port = 61616;
    memset(peer.address, 10, 4);
    (void)coap2_start(&node, 1);
}

/* ---- a message for it, written anew under the next id ------------------- */

static coap2_writer w;
static uint8_t bytes[96];

static void open_message(uint8_t type, uint8_t code, const char *path)
{
    static uint16_t id;

    coap2_write_start(&w, bytes, sizeof bytes);
    coap2_write_header(&w, type, code, ++id, "wxyz", 4);
    coap2_write_text(&w, COAP2_OPT_URI_PATH, path);
}

static __attribute__((noinline)) void serve(void)
{
    size_t length = coap2_write_end(&w);

    sent_length = 0;
    now_ms += 10000;
    counting = true;
    MARK_START();
    coap2_input(&node, &peer, bytes, length, now_ms);
    stop();
}

static __attribute__((noinline)) void change(int16_t to)
{
    sent_length = 0;
    temp10 = to;
    now_ms += 10000;
    counting = true;
    MARK_START();
    coap2_changed(&node, &climate);
    (void)coap2_poll(&node, now_ms);
    stop();
}

static bool is_answered(uint8_t code)
{
    return sent_length > 4 && sent[1] == code;
}

/* ---- what is measured ---------------------------------------------------- */

static void observe(const char *rule)
{
    open_message(COAP2_NON, COAP2_001_GET, "climate");
    coap2_write_uint(&w, COAP2_OPT_OBSERVE, 0);
    if (rule) coap2_write_text(&w, COAP2_OPT_RULE, rule);
    serve();
}

#if COAP2_WITH_RULES

static bool run(void)
{
    bool right;

    MARK_SAY("subscribe ");
    observe("temp > 20 and hum < 50");
    right = is_answered(COAP2_205_CONTENT);
    MARK_SAY("notify-match ");
    change(230);
    right = right && is_answered(COAP2_205_CONTENT);
    MARK_SAY("notify-miss ");
    change(190);
    return right && sent_length == 0;
}

#else

static bool put(void)
{
    open_message(COAP2_CON, COAP2_003_PUT, "climate");
    coap2_write_payload(&w, "temp=22.5", 9);
    MARK_SAY("PUT ");
    serve();
    return is_answered(COAP2_204_CHANGED) && temp10 == 225;
}

static void open_search(uint8_t type, const char *whom)
{
    open_message(type, COAP2_001_GET, ".well-known");
    coap2_write_text(&w, COAP2_OPT_URI_PATH, "core");
    coap2_write_text(&w, COAP2_OPT_DISCOVERY, whom);
}

static bool find(void)
{
    bool right;

    open_search(COAP2_CON, "/climate");
    MARK_SAY("find-match ");
    serve();
    right = is_answered(COAP2_205_CONTENT);
    open_search(COAP2_NON, "/fan");
    peer.group = true;
    MARK_SAY("find-miss ");
    serve();
    peer.group = false;
    return right && sent_length == 0;
}

static bool notify(void)
{
    bool right;

    MARK_SAY("observe ");
    observe(NULL);
    right = is_answered(COAP2_205_CONTENT);
    MARK_SAY("notify ");
    change(220);
    return right && is_answered(COAP2_205_CONTENT);
}

static bool run(void)
{
    bool right = put();

    right = find() && right;
    return notify() && right;
}

#endif

int main(void)
{
    start();
    MARK_SAY("empty ");
    MARK_START();
    MARK_STOP();
    return !run();
}
