/* net.h - Ethernet, ARP, IPv4 and UDP of a page: as much as a CoAP server
   needs. It knows no chip; what it needs of one are two functions that move
   frames. Each length is held against the bytes that came before it is used.

   It answers ARP and ping, and drops fragments and what is damaged. A neighbour
   whom it does not know it asks for by ARP; what it had to say is lost, as a
   datagram may be. What comes to the group of all CoAP nodes is taken; no
   switch is told so (IGMP). */

#ifndef NET_H
#define NET_H

enum { NET_NEIGHBOURS = 8, NET_FRAME = 1514 };

/* Where things stand in a frame, whose IPv4 header has no options when it is
   ours. */
enum {
    ETH_FROM = 6,
    ETH_TYPE = 12,
    ETH_SIZE = 14,
    ARP_SIZE = 42,
    IP_SIZE = 20,
    UDP_SIZE = 8,
    UDP_AT = ETH_SIZE + IP_SIZE,
    UDP_BODY = UDP_AT + UDP_SIZE
};

enum { TYPE_IPV4 = 0x0800, TYPE_ARP = 0x0806 };
enum { PROTOCOL_ICMP = 1, PROTOCOL_UDP = 17 };

typedef struct net {
    /* The next frame: its length; 0 if there is none, or it does not fit. */
    size_t (*receive)(uint8_t *frame, size_t size);
    void (*transmit)(const uint8_t *frame, size_t length);
    uint8_t mac[6], address[4], router[4]; /* the net has 24 bits */
    uint16_t port;
    uint16_t next_id;
    uint8_t next_neighbour;
    struct {
        uint8_t address[4], mac[6]; /* address 0: free */
    } neighbours[NET_NEIGHBOURS];
    uint8_t frame[NET_FRAME];
} net;

static const uint8_t net_group[4] = {224, 0, 1, 187}; /* RFC 7252 12.8 */

static uint16_t get16(const uint8_t *at)
{
    return (uint16_t)(at[0] << 8 | at[1]);
}

static void put16(uint8_t *at, size_t value)
{
    at[0] = (uint8_t)(value >> 8);
    at[1] = (uint8_t)value;
}

/* The sum of RFC 1071, not yet complemented, on top of one before. */
static uint32_t net_sum(uint32_t sum, const uint8_t *bytes, size_t length)
{
    for (; length > 1; bytes += 2, length -= 2) sum += get16(bytes);
    if (length == 1) sum += (uint32_t)bytes[0] << 8;
    return (sum & 0xffffu) + (sum >> 16);
}

static uint16_t net_checksum(uint32_t sum)
{
    sum = (sum & 0xffffu) + (sum >> 16);
    sum = (sum & 0xffffu) + (sum >> 16);
    return (uint16_t)(~sum & 0xffffu);
}

/* Of UDP: it is about both addresses, too. */
static uint16_t net_udp_checksum(const uint8_t *addresses, const uint8_t *udp,
                                 size_t length)
{
    uint32_t sum = PROTOCOL_UDP + (uint32_t)length;

    return net_checksum(net_sum(net_sum(sum, addresses, 8), udp, length));
}

/* ---- neighbours --------------------------------------------------------- */

static uint8_t *net_find(net *n, const uint8_t *address)
{
    size_t i;

    for (i = 0; i < NET_NEIGHBOURS; i++)
        if (memcmp(n->neighbours[i].address, address, 4) == 0)
            return n->neighbours[i].mac;
    return NULL;
}

/* Who is near is spoken to, others by way of the router. */
static const uint8_t *net_hop(const net *n, const uint8_t *address)
{
    return memcmp(address, n->address, 3) == 0 ? address : n->router;
}

/* Is it a host's address, so that an answer goes to one only? */
static bool net_is_host(const net *n, const uint8_t *address)
{
    return address[0] != 0 && address[0] != 127 && address[0] < 224 &&
           memcmp(address, n->address, 4) != 0 &&
           !(net_hop(n, address) == address && address[3] == 255);
}

static void net_learn(net *n, const uint8_t *address, const uint8_t *mac)
{
    uint8_t *known;

    address = net_hop(n, address);
    known = net_find(n, address);
    if (known == NULL) {
        memcpy(n->neighbours[n->next_neighbour].address, address, 4);
        known = n->neighbours[n->next_neighbour].mac;
        n->next_neighbour = (uint8_t)((n->next_neighbour + 1) % NET_NEIGHBOURS);
    }
    memcpy(known, mac, 6);
}

/* ---- Ethernet and ARP (RFC 826) ----------------------------------------- */

static void net_transmit(net *n, const uint8_t *to, uint16_t type,
                         size_t length)
{
    memcpy(n->frame, to, 6);
    memcpy(n->frame + ETH_FROM, n->mac, 6);
    put16(n->frame + ETH_TYPE, type);
    n->transmit(n->frame, length);
}

/* Operation 1 asks, 2 answers. To ask for oneself is to announce oneself. */
static void net_send_arp(net *n, uint8_t operation, const uint8_t *to,
                         const uint8_t *mac, const uint8_t *address)
{
    static const uint8_t head[7] = {0, 1, 8, 0, 6, 4, 0};
    uint8_t *arp = n->frame + ETH_SIZE;
    uint8_t asked[10];

    memcpy(asked, mac, 6);
    memcpy(asked + 6, address, 4);
    memcpy(arp, head, 7);
    arp[7] = operation;
    memcpy(arp + 8, n->mac, 6);
    memcpy(arp + 14, n->address, 4);
    memcpy(arp + 18, asked, 10);
    net_transmit(n, to, TYPE_ARP, ARP_SIZE);
}

static void net_ask(net *n, const uint8_t *address)
{
    static const uint8_t everyone[6] = {255, 255, 255, 255, 255, 255};
    static const uint8_t unknown[6] = {0, 0, 0, 0, 0, 0};

    net_send_arp(n, 1, everyone, unknown, address);
}

static void net_take_arp(net *n, size_t length)
{
    static const uint8_t head[7] = {0, 1, 8, 0, 6, 4, 0};
    const uint8_t *arp = n->frame + ETH_SIZE, *address = arp + 14;
    uint8_t mac[6];

    if (length < ARP_SIZE || memcmp(arp, head, 7) != 0) return;
    if (memcmp(arp + 24, n->address, 4) != 0) return;
    memcpy(mac, arp + 8, 6);
    if (net_is_host(n, address) && net_hop(n, address) == address)
        net_learn(n, address, mac);
    if (arp[7] == 1) net_send_arp(n, 2, mac, mac, address);
}

/* ---- IPv4 (RFC 791) and ping (RFC 792) ---------------------------------- */

/* Turn the frame round, and fill in the header but for the total's bytes. */
static void net_send_ip(net *n, const uint8_t *to, uint8_t protocol,
                        size_t length)
{
    uint8_t *ip = n->frame + ETH_SIZE;
    const uint8_t *mac;

    memmove(ip + 16, to, 4);
    memcpy(ip + 12, n->address, 4);
    ip[0] = 0x45;
    ip[1] = 0;
    put16(ip + 2, length);
    put16(ip + 4, n->next_id++);
    put16(ip + 6, 0x4000); /* not to be cut into fragments */
    ip[8] = 64;            /* hops */
    ip[9] = protocol;
    put16(ip + 10, 0);
    put16(ip + 10, net_checksum(net_sum(0, ip, IP_SIZE)));
    to = net_hop(n, ip + 16);
    mac = net_find(n, to);
    if (mac != NULL)
        net_transmit(n, mac, TYPE_IPV4, ETH_SIZE + length);
    else
        net_ask(n, to);
}

/* Answer an echo; what is not for us alone is not answered. */
static void net_take_ping(net *n, size_t length)
{
    uint8_t *icmp = n->frame + UDP_AT;

    if (length < 8 || icmp[0] != 8 || icmp[1] != 0) return;
    if (net_checksum(net_sum(0, icmp, length)) != 0) return;
    icmp[0] = 0;
    put16(icmp + 2, 0);
    put16(icmp + 2, net_checksum(net_sum(0, icmp, length)));
    net_send_ip(n, n->frame + ETH_SIZE + 12, PROTOCOL_ICMP, IP_SIZE + length);
}

/* Check the header of what came, and leave its options out. Returns how many
   bytes stand behind it at UDP_AT; 0 if it is not for us. */
static size_t net_take_ip(net *n, size_t length)
{
    uint8_t *ip = n->frame + ETH_SIZE;
    size_t head, total;

    if (length < ETH_SIZE + IP_SIZE) return 0;
    head = (ip[0] & 15u) * 4u;
    total = get16(ip + 2);
    if (ip[0] >> 4 != 4 || head < IP_SIZE || total < head ||
        total > length - ETH_SIZE)
        return 0;
    if (net_checksum(net_sum(0, ip, head)) != 0) return 0;
    if ((get16(ip + 6) & 0x3fffu) != 0) return 0; /* a fragment */
    if (!net_is_host(n, ip + 12)) return 0;
    if (memcmp(ip + 16, n->address, 4) != 0 &&
        (memcmp(ip + 16, net_group, 4) != 0 || ip[9] != PROTOCOL_UDP))
        return 0;
    memmove(ip + IP_SIZE, ip + head, total - head);
    net_learn(n, ip + 12, n->frame + ETH_FROM);
    return total - head;
}

/* ---- UDP (RFC 768): the node's transport -------------------------------- */

/* Its body's length, or -1. A checksum of 0 is none. */
static int32_t net_take_udp(net *n, size_t length)
{
    const uint8_t *udp = n->frame + UDP_AT;
    size_t size;

    if (length < UDP_SIZE) return -1;
    size = get16(udp + 4);
    if (size < UDP_SIZE || size > length) return -1;
    if (get16(udp + 2) != n->port || get16(udp) == 0) return -1;
    if (get16(udp + 6) != 0 &&
        net_udp_checksum(n->frame + ETH_SIZE + 12, udp, size) != 0)
        return -1;
    return (int32_t)(size - UDP_SIZE);
}

/* What is UDP for our port; the rest is answered here. */
static int32_t net_take(net *n, size_t length)
{
    size_t size;

    if (length < ETH_SIZE) return -1; /* or there is none */
    if (get16(n->frame + ETH_TYPE) == TYPE_ARP) net_take_arp(n, length);
    if (get16(n->frame + ETH_TYPE) != TYPE_IPV4) return -1;
    size = net_take_ip(n, length);
    if (size > 0 && n->frame[ETH_SIZE + 9] == PROTOCOL_UDP)
        return net_take_udp(n, size);
    if (size > 0 && n->frame[ETH_SIZE + 9] == PROTOCOL_ICMP)
        net_take_ping(n, size);
    return -1;
}

/* node.recv: a frame that is no datagram is the end of this look, but not of
   those that wait behind it. */
static int32_t net_recv(void *io, coap2_peer *from, uint8_t *bytes, size_t size)
{
    net *n = (net *)io;
    const uint8_t *ip = n->frame + ETH_SIZE;
    int32_t length = net_take(n, n->receive(n->frame, sizeof n->frame));

    if (length < 0) return COAP2_ERR_AGAIN;
    from->kind = COAP2_PEER_IPV4;
    from->group = memcmp(ip + 16, net_group, 4) == 0;
    from->port = get16(n->frame + UDP_AT);
    memcpy(from->address, ip + 12, 4);
    memcpy(bytes, n->frame + UDP_BODY,
           (size_t)length < size ? (size_t)length : size);
    return length;
}

/* node.send */
static coap2_result net_send(void *io, const coap2_peer *to,
                             const uint8_t *bytes, size_t length)
{
    net *n = (net *)io;
    uint8_t *udp = n->frame + UDP_AT;
    uint8_t addresses[8];
    uint16_t checksum;

    if (length > NET_FRAME - UDP_BODY) return COAP2_ERR_SEND;
    memcpy(addresses, n->address, 4);
    memcpy(addresses + 4, to->address, 4);
    put16(udp, n->port);
    put16(udp + 2, to->port);
    put16(udp + 4, UDP_SIZE + length);
    put16(udp + 6, 0);
    memcpy(udp + UDP_SIZE, bytes, length);
    checksum = net_udp_checksum(addresses, udp, UDP_SIZE + length);
    put16(udp + 6, checksum == 0 ? 0xffffu : checksum);
    net_send_ip(n, to->address, PROTOCOL_UDP, IP_SIZE + UDP_SIZE + length);
    return COAP2_OK;
}

#endif /* NET_H */
