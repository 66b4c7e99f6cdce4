/* A node as it should be. tests/mistakes.sh makes one mistake in it at a time,
   by a line of sed, and looks at what the compiler says, or the program: the
   result of coap2_start, and why. */

#define COAP2_IMPLEMENTATION
#include "coap2.h"
/* knobs come too late here */

#if COAP2_WITH_SERVER

static int16_t temp10;
static uint8_t hum;
static bool fan_on;

COAP2_FIELDS(climate_fields, COAP2_FIELD("temp", COAP2_I16, temp10, -1),
             COAP2_FIELD("hum", COAP2_U8, hum, 0));

static uint8_t on_fan(coap2_req *req, coap2_rsp *rsp)
{
    if (req->method == COAP2_PUT) fan_on = coap2_req_text_is(req, "on");
    coap2_rsp_text(rsp, "done");
    return COAP2_205_CONTENT;
}

COAP2_BOUND(climate, "climate", 0, climate_fields, "rt=\"climate\"");
COAP2_RESOURCE(fan, "fan", COAP2_GET | COAP2_PUT, on_fan, "");
COAP2_TABLE(things, &climate, &fan);

#endif

/* Where packets would come from and go to: one request for /fan. */
static coap2_result send_nowhere(void *io, const coap2_peer *to,
                                 const uint8_t *bytes, size_t length)
{
    (void)io;
    (void)to;
    (void)bytes;
    return length > 0 ? COAP2_OK : COAP2_ERR_SEND;
}

static int32_t recv_one(void *io, coap2_peer *from, uint8_t *bytes, size_t size)
{
    static const uint8_t get[] = {0x40, 1, 0x12, 0x34, 0xb3, 'f', 'a', 'n'};
    static bool done;

    (void)io;
    if (done || size < sizeof get) return COAP2_ERR_AGAIN;
    done = true;
    from->kind = COAP2_PEER_IPV4;
    memcpy(bytes, get, sizeof get);
    return (int32_t)sizeof get;
}

static coap2_node node;
static uint8_t in[64], out[2 * 64];

static void set_up(void)
{
    node.send = send_nowhere;
    node.recv = recv_one;
    node.in = in;
    node.in_size = sizeof in;
    node.out = out;
    node.out_size = sizeof out;
    node.packet = 64;
#if COAP2_WITH_SERVER
    node.resources = things;
#endif
}

#ifdef __AVR__

#include "avr/marks.h"

int main(void)
{
    const char *why;

    set_up();
    if (coap2_start(&node, 1) == COAP2_OK) {
        MARK_SAY("started\n");
    } else {
        why = coap2_start_why(&node);
        mark_say_flash(why != NULL ? why : PSTR("no reason"));
        MARK_SAY("\n");
    }
    MARK_END(coap2_poll(&node, 0) == COAP2_FOREVER ? 0 : 1);
    return 0;
}

#else

#include <stdio.h>

int main(void)
{
    coap2_result result;
    const char *why;

    set_up();
    result = coap2_start(&node, 1);
    why = coap2_start_why(&node);
    printf("%d %s\n", result, why != NULL ? why : "started");
    return coap2_poll(&node, 0) == COAP2_FOREVER ? 0 : 1;
}

#endif
