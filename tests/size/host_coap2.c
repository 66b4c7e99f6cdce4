/* A small server on the host, to stand beside libcoap's in host_libcoap.c: UDP,
   temp to be read, led to be read and set, and the list of both; observers and
   blocks as they come. PORT is the argument. */

#define _GNU_SOURCE /* NOLINT: for udp.h */

#define COAP2_WITH_STRINGS 0
#define COAP2_STATIC
#define COAP2_IMPLEMENTATION
#include "coap2.h"

#include "../../examples/posix/udp.h"

static bool led;

static uint8_t on_temp(coap2_req *req, coap2_rsp *rsp)
{
    (void)req;
    coap2_rsp_text(rsp, "21.5");
    return COAP2_205_CONTENT;
}

static uint8_t on_led(coap2_req *req, coap2_rsp *rsp)
{
    if (req->method == COAP2_GET) {
        if (led)
            coap2_rsp_text(rsp, "1");
        else
            coap2_rsp_text(rsp, "0");
        return COAP2_205_CONTENT;
    }
    if (coap2_req_text_is(req, "1"))
        led = true;
    else if (coap2_req_text_is(req, "0"))
        led = false;
    else
        return COAP2_400_BAD_REQUEST;
    return COAP2_204_CHANGED;
}

COAP2_RESOURCE(temp, "temp", COAP2_GET | COAP2_OBSERVABLE, on_temp,
               "rt=\"temperature\"");
COAP2_RESOURCE(led_, "led", COAP2_GET | COAP2_PUT, on_led, "");
COAP2_TABLE(things, &temp, &led_);

int main(int count, char **words)
{
    static coap2_node node;
    static udp net;
    static uint8_t in[1152], out[4 * 1152];

    if (count != 2 ||
        !udp_open(&net, "127.0.0.1", (uint16_t)atoi(words[1]), NULL, true))
        return 1;
    node.send = udp_send;
    node.recv = udp_recv;
    node.io = &net;
    node.in = in;
    node.in_size = sizeof in;
    node.out = out;
    node.out_size = sizeof out;
    node.resources = things;
    if (coap2_start(&node, udp_seed()) != COAP2_OK) return 1;
    for (;;) udp_idle(&net, coap2_poll(&node, udp_now(&net)));
}
