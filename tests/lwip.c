/* lwip.c - examples/lwip/coap2_lwip.h in a program of other options of lwIP:
   tests/lwip.sh compiles it, with all that a program uses. */

#define COAP2_IMPLEMENTATION
#include "coap2.h"

#include "coap2_lwip.h"

static coap2_lwip lwip;
static coap2_node node;
static uint8_t out[512];

bool start(struct netif *netif);

bool start(struct netif *netif)
{
    node.out = out;
    node.out_size = sizeof out;
    node.packet = 128;
    if (coap2_lwip_open(&lwip, &node, netif, 5683) != ERR_OK) return false;
    if (coap2_start(&node, 1) != COAP2_OK) return false;
    coap2_lwip_poll(&lwip);
    return true;
}
