/* node_udp.h - a node over any class that is a `UDP` of the Arduino core:
   EthernetUDP, WiFiUDP and their kin. Copy it beside your sketch. */

#ifndef NODE_UDP_H
#define NODE_UDP_H

#include <Udp.h>
#include <coap2.h>

static coap2_result udp_send(void *io, const coap2_peer *to,
                             const uint8_t *bytes, size_t length)
{
    UDP *udp = static_cast<UDP *>(io);
    const uint8_t *a = to->address;

    if (!udp->beginPacket(IPAddress(a[0], a[1], a[2], a[3]), to->port))
        return COAP2_ERR_SEND;
    udp->write(bytes, length);
    return udp->endPacket() ? COAP2_OK : COAP2_ERR_SEND;
}

static int32_t udp_recv(void *io, coap2_peer *from, uint8_t *bytes, size_t size)
{
    UDP *udp = static_cast<UDP *>(io);
    int length = udp->parsePacket();

    if (length <= 0) return COAP2_ERR_AGAIN;
    for (uint8_t i = 0; i < 4; i++) from->address[i] = udp->remoteIP()[i];
    from->kind = COAP2_PEER_IPV4;
    from->port = udp->remotePort();
    udp->read(bytes, size);
    return length; // more than size: it was cut, and the node sees it
}

/* Listen at CoAP's port; where the class can do it, also in the group in which
   nodes are looked for. */
static bool node_udp_begin(coap2_node *node, UDP *udp)
{
    node->send = udp_send;
    node->recv = udp_recv;
    node->io = udp;
    node->no_groups = true; // it cannot tell where a packet went
#ifdef ESP8266 // its UDP knows no groups: a search finds it by its address only
    return udp->begin(5683);
#else
    return udp->beginMulticast(IPAddress(224, 0, 1, 187), 5683) ||
           udp->begin(5683);
#endif
}

#endif
