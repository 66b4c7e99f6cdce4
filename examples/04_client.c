/* 04_client.c - ask another node, and wait for it or not.

   cc -I.. 04_client.c -o 04_client && ./04_client

   Two nodes in one program. Between them is a wire in memory that loses a
   packet now and then, and a clock that counts on when nobody has anything to
   do, so that nobody waits for it. */

#define COAP2_IMPLEMENTATION
#include "coap2.h"

#include <stdio.h>

/* ---- two nodes and the wire between them -------------------------------- */

/* A node's end of the wire: the packet that is on its way to it, and the
   memory of the node. */
typedef struct wire_end {
    struct wire_end *other;
    size_t length; /* 0: no packet */
    uint8_t packet[128];
    uint8_t in[128], out[3 * 128];
} wire_end;

static coap2_node client, server;
static wire_end client_end, server_end;
static uint32_t clock_ms;
static unsigned packets_sent;

/* An end holds one packet; a busy one is asked again at the next poll. */
static coap2_result wire_send(void *io, const coap2_peer *to,
                              const uint8_t *bytes, size_t length)
{
    wire_end *other = ((wire_end *)io)->other;

    (void)to;
    if (length > sizeof other->packet) return COAP2_ERR_SEND;
    if (other->length > 0) return COAP2_ERR_AGAIN;
    if (++packets_sent == 3) { /* it will be sent again */
        printf("%5lu ms  a packet is lost\n", (unsigned long)clock_ms);
        return COAP2_OK;
    }
    memcpy(other->packet, bytes, length);
    other->length = length;
    return COAP2_OK;
}

static int32_t wire_recv(void *io, coap2_peer *from, uint8_t *bytes,
                         size_t size)
{
    wire_end *end = (wire_end *)io;
    size_t length = end->length;

    if (length == 0) return COAP2_ERR_AGAIN;
    from->kind = COAP2_PEER_IPV4; /* the client is .1, the server .2 */
    from->port = 5683;
    memcpy(from->address, "\xc0\x00\x02\x00", 4);
    from->address[3] = end == &server_end ? 1 : 2;
    memcpy(bytes, end->packet, length < size ? length : size);
    end->length = 0;
    return (int32_t)length;
}

/* ---- the server --------------------------------------------------------- */

static int16_t temp10 = 215;
static bool light_on;

COAP2_FIELDS(temp_field, COAP2_FIELD("temp", COAP2_I16, temp10, -1));
COAP2_BOUND(temp, "temp", 0, temp_field, "rt=\"temperature\"");
COAP2_FIELDS(light_field, COAP2_FIELD_RW("on", COAP2_BOOL, light_on, 0));
COAP2_BOUND(light, "light", 0, light_field, "rt=\"light\"");
COAP2_TABLE(things, &temp, &light);

/* ---- the client --------------------------------------------------------- */

static uint32_t client_now(void *io)
{
    (void)io;
    return clock_ms;
}

/* The client has nothing to do for so long: time for the server. Elsewhere
   this sleeps, until a packet comes. */
static void client_idle(void *io, uint32_t ms)
{
    (void)io;
    (void)coap2_poll(&server, clock_ms);
    if (client_end.length == 0) clock_ms += ms < 100 ? ms : 100;
}

/* Runs once for each request, answered or not. */
static void on_reply(const coap2_reply *reply)
{
    const coap2_msg *msg = reply->msg; /* NULL where there is no answer */

    printf("%5lu ms  %s: ", (unsigned long)clock_ms, (char *)reply->user);
    if (reply->result != COAP2_OK)
        printf("%s", coap2_error_text(reply->result));
    else
        printf("%s", coap2_code_name(msg->code));
    if (msg != NULL && msg->payload_length > 0)
        printf(", %.*s", (int)msg->payload_length, (const char *)msg->payload);
    printf("\n");
}

static char temp_name[] = "temp", light_name[] = "light", dark_name[] = "dark";

static bool start(coap2_node *node, wire_end *end, wire_end *other,
                  uint32_t seed)
{
    end->other = other;
    node->send = wire_send;
    node->recv = wire_recv;
    node->io = end;
    node->in = end->in;
    node->in_size = sizeof end->in;
    node->out = end->out;
    node->out_size = sizeof end->out;
    node->packet = 128;
    return coap2_start(node, seed) == COAP2_OK;
}

int main(void)
{
    int16_t first, second;
    coap2_call call;

    server.resources = things;
    client.now = client_now;
    client.idle = client_idle;
    if (!start(&client, &client_end, &server_end, 1) ||
        !start(&server, &server_end, &client_end, 2))
        return 1;

    /* Ask, and wait. */
    (void)coap2_wait(&client, coap2_get(&client, "coap://192.0.2.2/temp",
                                        on_reply, temp_name));

    /* Ask twice, and do something else; who waits for the second has the
       first as well, as requests to one node go out in their order. */
    first = coap2_put(&client, "coap://192.0.2.2/light", "true", 4, on_reply,
                      light_name);
    second = coap2_get(&client, "coap://192.0.2.2/dark", on_reply, dark_name);
    if (first < 0 || second < 0) return 1;
    (void)coap2_wait(&client, second);

    /* Step by step, for options of one's own. */
    coap2_call_start(&call, &client, COAP2_GET, "coap://192.0.2.2/temp");
    coap2_write_uint(&call.w, COAP2_OPT_ACCEPT, COAP2_FORMAT_JSON);
    (void)coap2_wait(&client, coap2_call_send(&call, on_reply, temp_name));

    return !light_on;
}
