/* main.c - a node on lwIP. The two callbacks and the timer are in coap2_lwip.h;
   what is here of lwIP is what every program of its Unix port has: a TAP
   interface as network card. As root, with Debian's liblwip-dev:

       cc -std=gnu99 -O2 -I../.. main.c -o node
           $(pkg-config --cflags --libs lwip)

       ip tuntap add dev tap0 mode tap
       ip address add 192.0.2.1/24 dev tap0
       ip link set tap0 up
       PRECONFIGURED_TAPIF=tap0 ./node 192.0.2.2 2001:db8::2

       coap2 get coap://192.0.2.2/climate
       coap2 subscribe coap://192.0.2.2/climate 'temp > 20 and hum < 50'
       coap2 find -i tap0 /climate

   With a URI as third argument it asks that first, and prints the answer. */

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define COAP2_STATIC
#define COAP2_IMPLEMENTATION
#include "coap2.h"

#include <lwip/tcpip.h>
#include <netif/tapif.h>

#include "coap2_lwip.h"

/* ---- what it offers ------------------------------------------------------ */

static int16_t temp10 = 180; /* tenths of a degree */
static uint8_t hum = 60;     /* percent */
static bool fan_on;
static char note[1001]; /* more than a packet of some networks */

COAP2_FIELDS(climate_fields, COAP2_FIELD("temp", COAP2_I16, temp10, -1),
             COAP2_FIELD("hum", COAP2_U8, hum, 0));
COAP2_FIELDS(fan_fields, COAP2_FIELD_RW("fan", COAP2_BOOL, fan_on, 0));
COAP2_FIELDS(note_fields, COAP2_FIELD_TEXT_RW("note", note));
COAP2_BOUND(climate, "climate", COAP2_OBSERVABLE, climate_fields,
            "rt=\"climate\"");
COAP2_BOUND(fan, "fan", COAP2_OBSERVABLE, fan_fields, "rt=\"fan\"");
COAP2_BOUND(paper, "note", 0, note_fields, "");
COAP2_TABLE(things, &climate, &fan, &paper);

/* ---- the node ------------------------------------------------------------ */

enum { PACKET = 1152, SAMPLE_MS = 500 };

static coap2_lwip lwip;
static coap2_node node;
static uint8_t out[(COAP2_MAX_EXCHANGES + 1) * PACKET];
static uint8_t bodies[COAP2_MAX_UPLOADS * sizeof note]; /* in blocks */

/* Up and down, between 0 and 8. */
static int wave(unsigned step)
{
    step %= 16u;
    return (int)(step < 8u ? step : 16u - step);
}

/* A day in eight seconds: warm when it is dry, but for a while. */
static void sample(void *user)
{
    static unsigned step;

    step++;
    temp10 = (int16_t)(180 + 5 * wave(step));
    hum = (uint8_t)(60 - 3 * wave(step + 2u));
    coap2_changed(&node, &climate);
    coap2_lwip_poll(&lwip);
    sys_timeout(SAMPLE_MS, sample, user);
}

static void on_reply(const coap2_reply *reply)
{
    if (reply->msg == NULL) {
        printf("%s\n", coap2_error_text(reply->result));
    } else {
        printf("%u.%02u %.*s\n", COAP2_CODE_CLASS(reply->msg->code),
               COAP2_CODE_DETAIL(reply->msg->code),
               (int)reply->msg->payload_length,
               (const char *)reply->msg->payload);
    }
    (void)fflush(stdout);
}

static void start_node(struct netif *netif)
{
    node.name = "node1.local";
    node.out = out;
    node.out_size = sizeof out;
    node.packet = PACKET;
    node.bodies = bodies;
    node.bodies_size = sizeof bodies;
    node.resources = things;
    if (coap2_lwip_open(&lwip, &node, netif, 5683) != ERR_OK ||
        coap2_start(&node, (uint32_t)getpid() ^ sys_now()) != COAP2_OK) {
        fprintf(stderr, "the node does not start\n");
        exit(1);
    }
    sample(NULL);
}

/* ---- lwIP ---------------------------------------------------------------- */

static struct netif tap;

/* /24 and /64. The addresses are ours, and not looked for before they are
   used. */
static void start_network(char **addresses)
{
    ip4_addr_t ip4, mask, gateway;
    ip6_addr_t ip6;
    s8_t index = 1;

    if (!ip4addr_aton(addresses[0], &ip4) || !ip6addr_aton(addresses[1], &ip6))
        exit(2);
    IP4_ADDR(&mask, 255, 255, 255, 0);
    IP4_ADDR(&gateway, 0, 0, 0, 0);
    if (netif_add(&tap, &ip4, &mask, &gateway, NULL, tapif_init, tcpip_input) ==
        NULL) {
        exit(1);
    }
    tap.flags |= NETIF_FLAG_MLD6;
    netif_set_default(&tap);
    netif_set_up(&tap);
    netif_set_link_up(&tap);
    netif_create_ip6_linklocal_address(&tap, 1);
    netif_ip6_addr_set_state(&tap, 0, IP6_ADDR_PREFERRED);
    (void)netif_add_ip6_address(&tap, &ip6, &index);
    netif_ip6_addr_set_state(&tap, index, IP6_ADDR_PREFERRED);
}

/* Runs in lwIP's thread, as all that follows. */
static void start(void *arguments)
{
    char **argv = (char **)arguments;

    start_network(argv + 1);
    start_node(&tap);
    if (argv[3] == NULL) return;
    if (coap2_get(&node, argv[3], on_reply, NULL) < 0) exit(2);
    coap2_lwip_poll(&lwip);
}

int main(int argc, char **argv)
{
    if (argc < 3 || argc > 4) {
        fprintf(stderr, "usage: node IPV4 IPV6 [URI]\n");
        return 2;
    }
    tcpip_init(start, argv);
    for (;;) pause();
}
