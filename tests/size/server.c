/* The minimal server program: one datagram in, one out, through volatile
   buffers. temp answers `21.5`, led is read and set, and both are listed. What
   is optional is out; what RFC 7252 asks of a server is in. One file, with a
   private copy of the library.
   With HARNESS_ALONE the library's part is left out, to show what the rest
   costs; with SAMPLE there are datagrams, to show the stack. client.c is the
   same with a client in it. */

#define COAP2_WITH_STRINGS 0
#define COAP2_WITH_URI 0
#define COAP2_WITH_FIELDS 0
#define COAP2_WITH_LATER 0
#define COAP2_WITH_ECHO 0
#define COAP2_WITH_LOG 0
#define COAP2_WITH_OBSERVE 0
#define COAP2_WITH_BLOCKS 0
#define COAP2_WITH_DISCOVERY 0
#ifndef COAP2_WITH_CLIENT
#define COAP2_WITH_CLIENT 0
#endif
#define COAP2_ADDRESS_SIZE 4
#define COAP2_MAX_EXCHANGES 2
#define COAP2_MAX_DUPLICATES 4
#define COAP2_REPLY_SIZE 8
#define COAP2_STATIC
#define COAP2_IMPLEMENTATION
#include "coap2.h"

static volatile uint8_t radio[64];
static volatile uint8_t radio_length;
static volatile uint8_t led;
uint8_t in[64], out[2 * 64];

#ifdef SAMPLE

/* Each with its length before it: GET temp; PUT led with If-Match; PUT led,
   twice; GET .well-known/core?rt=t*; an option that is critical and unknown;
   what is no message. */
static const uint8_t samples[][40] = {
    {13, 0x44, 1, 0x12, 0x34, 0xde, 0xad, 0xbe, 0xef, 0xb4, 't', 'e', 'm', 'p'},
    {16, 0x41, 3, 0x12, 0x35, 0xde, 0x14, 1, 2, 3, 4, 0xa3, 'l', 'e', 'd', 0xff,
     '1'},
    {10, 0x40, 3, 0x12, 0x36, 0xb3, 'l', 'e', 'd', 0xff, '1'},
    {10, 0x40, 3, 0x12, 0x36, 0xb3, 'l', 'e', 'd', 0xff, '1'},
    {35,  0x48, 1,   0x12, 0x37, 1,   2,    3,   4,   5,   6,   7,
     8,   0xbb, '.', 'w',  'e',  'l', 'l',  '-', 'k', 'n', 'o', 'w',
     'n', 0x04, 'c', 'o',  'r',  'e', 0x45, 'r', 't', '=', 't', '*'},
    {7, 0x40, 1, 0x12, 0x38, 0xe0, 0x07, 0xd0},
    {5, 0x40, 1, 0x12, 0x39, 0xff}};

#endif

static volatile uint8_t radio[64];
static volatile uint8_t radio_length;
static volatile uint8_t led;
uint8_t in[64], out[2 * 64];

/* The other end, one byte after the other. */
static int32_t take(uint8_t *bytes, size_t size)
{
    uint8_t i, length = radio_length;
    if (length == 0u) return -7;
    for (i = 0; i < length && i < size; i++) bytes[i] = radio[i];
    radio_length = 0;
    return length;
}

static void give(const uint8_t *bytes, size_t length)
{
    uint8_t i;
    for (i = 0; i < length; i++) radio[i] = bytes[i];
}

#ifdef HARNESS_ALONE

int main(void)
{
    int32_t length = take(in, sizeof in);
    if (led == 0u) led = in[0] == '1';
    memcpy(out, "21.5", 4);
    give(out, (size_t)length);
    return 0;
}

#else

static coap2_result radio_send(void *io, const coap2_peer *to,
                               const uint8_t *bytes, size_t length)
{
    (void)io;
    (void)to;
    give(bytes, length);
    return COAP2_OK;
}

static int32_t radio_recv(void *io, coap2_peer *from, uint8_t *bytes,
                          size_t size)
{
    (void)io;
    from->kind = COAP2_PEER_IPV4;
    return take(bytes, size);
}

static uint8_t on_temp(coap2_req *req, coap2_rsp *rsp)
{
    (void)req;
    coap2_rsp_text(rsp, "21.5");
    return COAP2_205_CONTENT;
}

static uint8_t on_led(coap2_req *req, coap2_rsp *rsp)
{
    if (req->method == COAP2_GET) {
        if (led != 0u)
            coap2_rsp_text(rsp, "1");
        else
            coap2_rsp_text(rsp, "0");
        return COAP2_205_CONTENT;
    }
    if (coap2_req_text_is(req, "1"))
        led = 1;
    else if (coap2_req_text_is(req, "0"))
        led = 0;
    else
        return COAP2_400_BAD_REQUEST;
    return COAP2_204_CHANGED;
}

COAP2_RESOURCE(temp, "temp", COAP2_GET, on_temp, "rt=\"temperature\"");
COAP2_RESOURCE(led_, "led", COAP2_GET | COAP2_PUT, on_led, "");
COAP2_TABLE(things, &temp, &led_);

static coap2_node node;

#if COAP2_WITH_CLIENT

static void on_reply(const coap2_reply *reply)
{
    if (reply->result == COAP2_OK) led = reply->msg->code;
}

static void ask(void)
{
    coap2_call call;
    coap2_peer peer;
    memset(&peer, 0, sizeof peer);
    peer.kind = COAP2_PEER_IPV4;
    peer.port = 5683;
    coap2_call_start_to(&call, &node, COAP2_GET, &peer, "temp");
    (void)coap2_call_send(&call, on_reply, NULL);
}

#else
#define ask()
#endif

#ifdef SAMPLE

static void run_samples(void)
{
    uint8_t i, at;
    for (i = 0; i < sizeof samples / sizeof samples[0]; i++) {
        radio_length = samples[i][0];
        for (at = 0; at < radio_length; at++) radio[at] = samples[i][at + 1];
        (void)coap2_poll(&node, radio_length);
    }
}

#endif

int main(void)
{
    node.send = radio_send;
    node.recv = radio_recv;
    node.in = in;
    node.in_size = sizeof in;
    node.out = out;
    node.out_size = sizeof out;
    node.packet = sizeof out / 2;
    node.resources = things;
    (void)coap2_start(&node, 1);
    ask();
    (void)coap2_poll(&node, radio_length);
#ifdef SAMPLE
    run_samples();
#endif
    return 0;
}

#endif
