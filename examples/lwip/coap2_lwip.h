/* coap2_lwip.h - a node on lwIP's raw UDP: datagrams come by upcall, timers are
   lwIP's. With an operating system and without one (NO_SYS), IPv4, IPv6 or
   both. Include it behind coap2.h, in one file.

       static coap2_lwip lwip;
       ... node.name, node.out, node.resources ...
       coap2_lwip_open(&lwip, &node, netif, 5683);
       coap2_start(&node, seed);
       coap2_lwip_poll(&lwip);

   Afterwards call coap2_lwip_poll whenever you have asked for something to be
   sent: behind coap2_changed, coap2_get, coap2_answer. All of it, and what it
   calls, runs in lwIP's own context, as its raw API wants: the tcpip thread
   (tcpip_callback, LOCK_TCPIP_CORE), or the loop that calls sys_check_timeouts.

   The node needs no `in`: messages are read where they arrived. lwIP needs a
   timer (MEMP_NUM_SYS_TIMEOUT), a UDP_PCB, LWIP_IGMP and LWIP_IPV6_MLD with
   three groups, and their flags on the interface (NETIF_FLAG_IGMP,
   NETIF_FLAG_MLD6) to be found. */
#ifndef COAP2_LWIP_H
#define COAP2_LWIP_H

#include <lwip/igmp.h>
#include <lwip/ip.h>
#include <lwip/mld6.h>
#include <lwip/netif.h>
#include <lwip/pbuf.h>
#include <lwip/sys.h>
#include <lwip/timeouts.h>
#include <lwip/udp.h>

#if LWIP_IPV6 && COAP2_ADDRESS_SIZE < 16
#error "coap2_lwip: LWIP_IPV6 needs COAP2_ADDRESS_SIZE 16"
#endif

typedef struct coap2_lwip {
    coap2_node *node;
    struct netif *netif; /* where our groups are, and where we ask groups */
    struct udp_pcb *pcb;
} coap2_lwip;

/* ---- addresses, both ways ----------------------------------------------- */

/* lwIP has addresses in the order of the wire, as a peer has. */
static void coap2_lwip_peer(coap2_peer *peer, const ip_addr_t *address,
                            u16_t port)
{
    memset(peer, 0, sizeof *peer);
    peer->port = port;
#if LWIP_IPV6
    if (IP_IS_V6(address)) {
        peer->kind = COAP2_PEER_IPV6;
        peer->scope = ip6_addr_zone(ip_2_ip6(address));
        memcpy(peer->address, ip_2_ip6(address)->addr, 16);
    }
#endif
#if LWIP_IPV4
    if (IP_IS_V4(address)) {
        peer->kind = COAP2_PEER_IPV4;
        memcpy(peer->address, &ip_2_ip4(address)->addr, 4);
    }
#endif
}

/* False if this lwIP has no such address. A link-local address without a zone
   is one of our interface. */
static bool coap2_lwip_address(const coap2_lwip *lwip, ip_addr_t *address,
                               const coap2_peer *peer)
{
    (void)lwip;
#if LWIP_IPV6
    if (peer->kind == COAP2_PEER_IPV6) {
        ip6_addr_t ip6;

        memcpy(ip6.addr, peer->address, 16);
        ip6_addr_set_zone(&ip6, (u8_t)peer->scope);
        if (ip6_addr_lacks_zone(&ip6, IP6_UNKNOWN))
            ip6_addr_assign_zone(&ip6, IP6_UNKNOWN, lwip->netif);
        ip_addr_copy_from_ip6(*address, ip6);
        return true;
    }
#endif
#if LWIP_IPV4
    if (peer->kind == COAP2_PEER_IPV4) {
        ip4_addr_t ip4;

        memcpy(&ip4.addr, peer->address, 4);
        ip_addr_copy_from_ip4(*address, ip4);
        return true;
    }
#endif
    return false;
}

/* ---- the address we were asked at, which answers (RFC 7252 5.3.2) ------- */

/* An interface in the upper byte; in the lower, 1 is its IPv4 address and 2 its
   first IPv6 address. 0: a group, or nobody has asked. */
static u16_t coap2_lwip_arrived(void)
{
    u16_t at = (u16_t)(netif_get_index(ip_current_input_netif()) << 8);

#if LWIP_IPV6
    if (IP_IS_V6(ip_current_dest_addr())) {
        s8_t i = netif_get_ip6_addr_match(ip_current_input_netif(),
                                          ip_2_ip6(ip_current_dest_addr()));

        return i < 0 ? 0 : (u16_t)(at + 2 + i);
    }
#endif
    return (u16_t)(at + 1);
}

/* The address of that note, if its interface still has one. */
static const ip_addr_t *coap2_lwip_source(struct netif *netif, u16_t arrived)
{
    unsigned at = arrived & 255u;

#if LWIP_IPV4
    if (at == 1u) return netif_ip_addr4(netif);
#endif
#if LWIP_IPV6
    if (at >= 2u && at < 2u + LWIP_IPV6_NUM_ADDRESSES &&
        ip6_addr_isvalid(netif_ip6_addr_state(netif, at - 2u))) {
        return netif_ip_addr6(netif, at - 2u);
    }
#endif
    return NULL;
}

/* ---- out and in ---------------------------------------------------------- */

static err_t coap2_lwip_leave(const coap2_lwip *lwip, struct pbuf *p,
                              const ip_addr_t *address, const coap2_peer *to)
{
    struct netif *netif = netif_get_by_index((u8_t)(to->arrived >> 8));
    const ip_addr_t *source = NULL;

    if (ip_addr_ismulticast(address))
        return udp_sendto_if(lwip->pcb, p, address, to->port, lwip->netif);
    if (netif != NULL) source = coap2_lwip_source(netif, to->arrived);
    if (source == NULL) return udp_sendto(lwip->pcb, p, address, to->port);
    return udp_sendto_if_src(lwip->pcb, p, address, to->port, netif, source);
}

/* Where lwIP has no memory left, the node tries again a little later. */
static coap2_result coap2_lwip_send(void *io, const coap2_peer *to,
                                    const uint8_t *bytes, size_t length)
{
    const coap2_lwip *lwip = (const coap2_lwip *)io;
    ip_addr_t address;
    struct pbuf *p;
    err_t error;

    if (!coap2_lwip_address(lwip, &address, to)) return COAP2_ERR_SEND;
    p = pbuf_alloc(PBUF_TRANSPORT, (u16_t)length, PBUF_RAM);
    if (p == NULL) return COAP2_ERR_AGAIN;
    (void)pbuf_take(p, bytes, (u16_t)length);
    error = coap2_lwip_leave(lwip, p, &address, to);
    pbuf_free(p);
    if (error == ERR_MEM) return COAP2_ERR_AGAIN;
    return error == ERR_OK ? COAP2_OK : COAP2_ERR_SEND;
}

/* Do what is due, and have lwIP call again when more is; once a day in any
   case, since a poll is due every 24 days. */
static void coap2_lwip_poll(void *io)
{
    coap2_lwip *lwip = (coap2_lwip *)io;
    uint32_t rest = coap2_poll(lwip->node, sys_now());

    if (rest > 86400000u) rest = 86400000u;
    sys_untimeout(coap2_lwip_poll, lwip);
    sys_timeout(rest, coap2_lwip_poll, lwip);
}

/* A datagram has come. One in several pieces, as fragments leave it behind, is
   copied into one; without memory for that it is lost, as datagrams are. */
static void coap2_lwip_recv(void *io, struct udp_pcb *pcb, struct pbuf *p,
                            const ip_addr_t *address, u16_t port)
{
    coap2_lwip *lwip = (coap2_lwip *)io;
    coap2_peer from;

    (void)pcb;
    coap2_lwip_peer(&from, address, port);
    from.group =
        ip_addr_ismulticast(ip_current_dest_addr()) ||
        ip_addr_isbroadcast(ip_current_dest_addr(), ip_current_input_netif());
    if (!from.group) from.arrived = coap2_lwip_arrived();
    p = pbuf_coalesce(p, PBUF_RAW);
    if (p->next == NULL) {
        coap2_input(lwip->node, &from, (const uint8_t *)p->payload, p->tot_len,
                    sys_now());
        coap2_lwip_poll(lwip);
    }
    pbuf_free(p);
}

/* ---- begin and end ------------------------------------------------------- */

/* All CoAP nodes: 224.0.1.187, ff02::fd and ff05::fd (RFC 7252 12.8). One that
   cannot be joined is not heard. */
static void coap2_lwip_join(struct netif *netif)
{
#if LWIP_IPV4 && LWIP_IGMP
    ip4_addr_t all;

    IP4_ADDR(&all, 224, 0, 1, 187);
    (void)igmp_joingroup_netif(netif, &all);
#endif
#if LWIP_IPV6 && LWIP_IPV6_MLD
    ip6_addr_t link, site;

    IP6_ADDR(&link, PP_HTONL(0xff020000ul), 0, 0, PP_HTONL(0xfdul));
    IP6_ADDR(&site, PP_HTONL(0xff050000ul), 0, 0, PP_HTONL(0xfdul));
    ip6_addr_assign_zone(&link, IP6_MULTICAST, netif);
    ip6_addr_assign_zone(&site, IP6_MULTICAST, netif);
    (void)mld6_joingroup_netif(netif, &link);
    (void)mld6_joingroup_netif(netif, &site);
#endif
    (void)netif;
}

/* Listen at a port, and in the groups of an interface that is up. Sets send and
   io of the node. */
static err_t coap2_lwip_open(coap2_lwip *lwip, coap2_node *node,
                             struct netif *netif, u16_t port)
{
    err_t error;

    lwip->node = node;
    lwip->netif = netif;
    lwip->pcb = udp_new_ip_type(IPADDR_TYPE_ANY);
    if (lwip->pcb == NULL) return ERR_MEM;
    error = udp_bind(lwip->pcb, IP_ANY_TYPE, port);
    if (error != ERR_OK) {
        udp_remove(lwip->pcb);
        return error;
    }
    udp_recv(lwip->pcb, coap2_lwip_recv, lwip);
    coap2_lwip_join(netif);
    node->send = coap2_lwip_send;
    node->io = lwip;
    return ERR_OK;
}

#endif
