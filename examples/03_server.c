/* 03_server.c - answer requests: two variables, and a handler.

   cc -I.. 03_server.c -o 03_server && ./03_server

   A node needs a function that sends. Packets are pushed in here, as an
   interrupt or a network stack would, from a wire that is in memory. */

#define COAP2_IMPLEMENTATION
#include "coap2.h"

#include <stdio.h>

/* ---- what the server offers --------------------------------------------- */

static int16_t temp10 = 215; /* tenths of a degree */
static uint8_t hum = 40;     /* percent            */
static bool fan_on;

/* Variables as a resource: no handler is written. */
COAP2_FIELDS(climate_fields, COAP2_FIELD("temp", COAP2_I16, temp10, -1),
             COAP2_FIELD_RW("hum", COAP2_U8, hum, 0));
COAP2_BOUND(climate, "climate", 0, climate_fields, "rt=\"climate\"");

/* A handler writes a body and returns a code. */
static uint8_t on_fan(coap2_req *req, coap2_rsp *rsp)
{
    if (req->method == COAP2_GET) {
        if (fan_on)
            coap2_rsp_text(rsp, "on");
        else
            coap2_rsp_text(rsp, "off");
        return COAP2_205_CONTENT;
    }
    if (coap2_req_text_is(req, "on"))
        fan_on = true;
    else if (coap2_req_text_is(req, "off"))
        fan_on = false;
    else
        return COAP2_400_BAD_REQUEST;
    return COAP2_204_CHANGED;
}

COAP2_RESOURCE(fan, "fan", COAP2_GET | COAP2_PUT, on_fan, "rt=\"fan\"");
COAP2_TABLE(things, &climate, &fan);

/* ---- the node, its memory, its wire ------------------------------------- */

static coap2_node node;
static uint8_t in[128], out[2 * 128]; /* packets, received and sent */

/* What leaves is shown here; a driver goes in its place. */
static coap2_result wire_send(void *io, const coap2_peer *to,
                              const uint8_t *bytes, size_t length)
{
    coap2_msg msg;

    (void)io;
    (void)to;
    if (coap2_msg_parse(&msg, bytes, length) != COAP2_OK) return COAP2_ERR_SEND;
    printf("%u.%02u %s", COAP2_CODE_CLASS(msg.code),
           COAP2_CODE_DETAIL(msg.code), coap2_code_name(msg.code));
    if (msg.payload_length > 0)
        printf(": %.*s", (int)msg.payload_length, (const char *)msg.payload);
    printf("\n");
    return COAP2_OK;
}

/* A packet arrives, as 02_build.c makes one. */
static void ask(uint8_t code, const char *path, const char *payload)
{
    static uint16_t id;
    coap2_peer peer;
    uint8_t packet[64];
    coap2_writer w;

    memset(&peer, 0, sizeof peer);
    peer.kind = COAP2_PEER_OTHER;
    coap2_write_start(&w, packet, sizeof packet);
    coap2_write_header(&w, COAP2_CON, code, ++id, "\x7a", 1);
    coap2_write_text(&w, COAP2_OPT_URI_PATH, path);
    coap2_write_payload(&w, payload, strlen(payload));
    printf("%s /%s%s%s\n    ", coap2_code_name(code), path,
           payload[0] == '\0' ? "" : " ", payload);
    coap2_input(&node, &peer, packet, coap2_write_end(&w), 0);
}

int main(void)
{
    node.send = wire_send;
    node.in = in;
    node.in_size = sizeof in;
    node.out = out;
    node.out_size = sizeof out;
    node.packet = 128;
    node.resources = things;
    if (coap2_start(&node, 1) != COAP2_OK) return 1; /* chance, in earnest */

    ask(COAP2_001_GET, "climate", "");
    ask(COAP2_003_PUT, "climate", "hum=45");
    ask(COAP2_003_PUT, "climate", "temp=30");
    ask(COAP2_001_GET, "climate", "");
    ask(COAP2_003_PUT, "fan", "on");
    ask(COAP2_001_GET, "fan", "");
    ask(COAP2_004_DELETE, "fan", "");
    ask(COAP2_001_GET, "light", "");
    return hum != 45 || !fan_on;
}
