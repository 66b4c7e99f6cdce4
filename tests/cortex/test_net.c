/* net.h of examples/cortex-m on this machine, under sanitizers: frames with
   anything replaced, and cut anywhere. What lies behind a frame may not be
   read, and nothing may be sent that is longer than what it holds. */

#define COAP2_WITH_CLIENT 0
#define COAP2_ADDRESS_SIZE 4
#include "coap2.h"
#include "../../examples/cortex-m/net.h"

#include <sanitizer/asan_interface.h>
#include <stdio.h>

enum { FRAMES = 300000, LONGEST = 200 };

static net tested;
static uint8_t frame[LONGEST];
static size_t frame_length;
static unsigned long datagrams, sent, wrong;
static uint32_t chance = 7252;

static uint32_t draw(uint32_t below)
{
    chance = chance * 1664525u + 1013904223u;
    return (chance >> 8) % below;
}

/* Behind the frame there is no memory until it is answered. */
static size_t receive(uint8_t *to, size_t size)
{
    size_t length = frame_length <= size ? frame_length : 0;

    memcpy(to, frame, length);
    ASAN_POISON_MEMORY_REGION(to + length, size - length);
    frame_length = 0;
    return length;
}

static void transmit(const uint8_t *bytes, size_t length)
{
    bool ip = length >= UDP_AT && get16(bytes + ETH_TYPE) == TYPE_IPV4;

    sent++;
    if (ip ? get16(bytes + 16) + (size_t)ETH_SIZE != length ||
                 net_checksum(net_sum(0, bytes + ETH_SIZE, IP_SIZE)) != 0
           : length != ARP_SIZE)
        wrong++;
}

/* ---- frames that are right, before something is replaced ---------------- */

static void make_arp(void)
{
    static const uint8_t head[] = {0x08, 0x06, 0, 1, 8, 0, 6, 4, 0, 1};

    memcpy(frame + ETH_TYPE, head, sizeof head);
    memcpy(frame + 38, tested.address, 4);
    frame_length = ARP_SIZE;
}

/* Right sums, as far as the lengths tell what they are about. */
static void seal(uint8_t *ip, uint8_t *body, size_t length)
{
    uint8_t *sum = body + (ip[9] == PROTOCOL_UDP ? 6 : 2);

    put16(ip + 10, 0);
    put16(ip + 10, net_checksum(net_sum(0, ip, (ip[0] & 15u) * 4u)));
    if (ip[9] == PROTOCOL_UDP && draw(2)) return;
    put16(sum, 0);
    put16(sum, ip[9] == PROTOCOL_UDP ? net_udp_checksum(ip + 12, body, length)
                                     : net_checksum(net_sum(0, body, length)));
}

/* Its lengths lie now and then. */
static void make_ip(uint8_t protocol)
{
    size_t head = IP_SIZE + 4u * draw(11), length = UDP_SIZE + draw(80);
    uint8_t *ip = frame + ETH_SIZE, *body = ip + head;

    if (draw(8) == 0) length = draw(UDP_SIZE);
    frame_length = ETH_SIZE + head + length;
    put16(frame + ETH_TYPE, TYPE_IPV4);
    memset(ip, 0, head + UDP_SIZE);
    ip[0] = (uint8_t)(0x40u | (draw(8) ? head / 4u : draw(16)));
    put16(ip + 2, draw(8) ? head + length : draw(120));
    ip[9] = protocol;
    memcpy(ip + 16, draw(8) ? tested.address : net_group, 4);
    ip[12] = 10;
    ip[15] = (uint8_t)draw(20);
    if (protocol == PROTOCOL_ICMP) {
        body[0] = 8;
    } else {
        put16(body, 40000);
        put16(body + 2, tested.port);
        put16(body + 4, draw(8) ? length : draw(120));
    }
    seal(ip, body, length);
}

static void make_frame(void)
{
    uint32_t kind = draw(3), i;

    for (i = 0; i < LONGEST; i++) frame[i] = (uint8_t)draw(256);
    if (kind == 0)
        make_arp();
    else
        make_ip(kind == 1 ? PROTOCOL_ICMP : PROTOCOL_UDP);
    for (i = draw(3); i > 0; i--)
        frame[ETH_TYPE + draw(60)] = (uint8_t)draw(256);
    if (draw(3) == 0) frame_length = draw((uint32_t)frame_length + 1u);
}

/* An answer goes to whom the datagram came from. */
static void take_and_answer(void)
{
    uint8_t bytes[64];
    coap2_peer from;
    int32_t length;

    memset(&from, 0, sizeof from);
    length = net_recv(&tested, &from, bytes, sizeof bytes);
    ASAN_UNPOISON_MEMORY_REGION(tested.frame, sizeof tested.frame);
    if (length < 0) return;
    datagrams++;
    if (length > LONGEST || from.kind != COAP2_PEER_IPV4) wrong++;
    if (net_send(&tested, &from, bytes, draw(sizeof bytes)) != COAP2_OK)
        wrong++;
}

int main(void)
{
    static const uint8_t address[] = {10, 0, 2, 15}, router[] = {10, 0, 2, 2};
    static uint8_t huge[NET_FRAME];
    coap2_peer peer = {COAP2_PEER_IPV4, false, 1, 0, {10, 0, 2, 2}};
    unsigned long i;

    memcpy(tested.address, address, 4);
    memcpy(tested.router, router, 4);
    tested.port = 5683;
    tested.receive = receive;
    tested.transmit = transmit;
    for (i = 0; i < FRAMES; i++) {
        make_frame();
        take_and_answer();
    }
    if (net_send(&tested, &peer, huge, NET_FRAME - UDP_BODY + 1) == COAP2_OK)
        wrong++;
    printf("%d frames, %lu datagrams, %lu sent, %lu wrong\n", (int)FRAMES,
           datagrams, sent, wrong);
    return wrong > 0 || datagrams < FRAMES / 20 || sent < FRAMES / 4;
}
