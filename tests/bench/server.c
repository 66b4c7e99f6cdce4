/* Cycles on an AVR of a whole server, from bytes in (coap2_input) to bytes out
   (`send`): GET of a resource whose handler writes a text, and of one that is
   bound to a field. */

#include "../avr/marks.h"
#include "coap2.h"

/* Writable, so that the compiler cannot work it out beforehand. */
static uint8_t get_temp[] = {0x44, 0x01, 0x12, 0x34, 0xde, 0xad, 0xbe,
                             0xef, 0xb4, 't',  'e',  'm',  'p'};
static uint8_t get_field[] = {0x44, 0x01, 0x12, 0x35, 0xde, 0xad, 0xbe,
                              0xef, 0xb4, 'r',  'o',  'o',  'm'};
static const uint8_t answer[] = {0x64, 0x45, 0x12, 0x34, 0xde, 0xad, 0xbe,
                                 0xef, 0xc0, 0xff, '2',  '1',  '.',  '5'};
static uint8_t out[2 * 64], in[64];
static uint8_t sent[64];
static size_t sent_length;
static int16_t room10 = 215;

static uint8_t on_temp(coap2_req *req, coap2_rsp *rsp)
{
    (void)req;
    coap2_rsp_text(rsp, "21.5");
    return COAP2_205_CONTENT;
}

COAP2_FIELDS(room_fields, COAP2_FIELD("temp", COAP2_I16, room10, -1));
COAP2_RESOURCE(temp, "temp", COAP2_GET, on_temp, "");
COAP2_BOUND(room, "room", 0, room_fields, "");
COAP2_TABLE(things, &temp, &room);

static coap2_node node;
static coap2_peer peer;

/* What is sent ends the count, and is noted. */
static coap2_result note(void *io, const coap2_peer *to, const uint8_t *bytes,
                         size_t length)
{
    MARK_STOP();
    (void)io;
    (void)to;
    memcpy(sent, bytes, length);
    sent_length = length;
    return COAP2_OK;
}

static void start(void)
{
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

static __attribute__((noinline)) void serve(uint8_t *bytes, size_t length)
{
    MARK_START();
    coap2_input(&node, &peer, bytes, length, 1);
}

static bool is_right(uint8_t id)
{
    sent[3] ^= id;
    return sent_length == sizeof answer && !memcmp(sent, answer, sent_length);
}

int main(void)
{
    bool right;

    start();
    MARK_SAY("empty ");
    MARK_START();
    MARK_STOP();
    MARK_SAY("GET-temp ");
    serve(get_temp, sizeof get_temp);
    right = is_right(0);
    MARK_SAY("GET-field ");
    serve(get_field, sizeof get_field);
    return !(right && is_right(1));
}
