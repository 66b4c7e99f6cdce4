/* udp.h - UDP for a coap2 node on Linux: the callbacks send, recv, now, idle
   and resolve, with a `udp` as node.io.

       static udp net;
       if (!udp_open(&net, NULL, 5683, NULL, true)) fatal(net.error);
       node.send = udp_send;  node.recv = udp_recv;  node.io = &net;
       coap2_start(&node, udp_seed());
       for (;;) udp_idle(&net, coap2_poll(&node, udp_now(&net)));

   It has a socket for IPv4 and one for IPv6. A request's destination tells
   whether it came to a group, and its answer leaves from the address and the
   interface that it came to (RFC 7252 8.2: never from a group). */

#ifndef UDP_H
#define UDP_H

#ifndef _GNU_SOURCE /* struct in6_pktinfo, ppoll */
#error "udp.h: define _GNU_SOURCE before the first include"
#endif

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <netdb.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "coap2.h"

#if COAP2_ADDRESS_SIZE < 16
#error "udp.h: an IPv6 address takes COAP2_ADDRESS_SIZE 16"
#endif

/* Two sockets that send and receive, then those that only listen to groups. */
enum { UDP_IPV4, UDP_IPV6, UDP_SOCKETS = 64 };

/* Where a datagram came to, and its answer leaves from. */
typedef struct udp_place {
    uint32_t interface;
    uint8_t address[16]; /* zero: it came to a group */
} udp_place;

enum { UDP_PLACES = 256 };

typedef struct udp {
    int sockets[UDP_SOCKETS]; /* -1: not open */
    int count;
    int turn;             /* the socket to receive from first */
    unsigned interface;   /* for what goes to groups; 0: all of them */
    uint8_t bound[2][16]; /* the addresses that were asked for; zero: any */
    const sigset_t *waiting_mask; /* of signals while udp_idle waits; or NULL */
    uint16_t place_count, next_place;
    udp_place places[UDP_PLACES]; /* coap2_peer.arrived - 1 is an index */
    char error[256];              /* why udp_open failed */
} udp;

typedef union udp_name {
    struct sockaddr any;
    struct sockaddr_in ipv4;
    struct sockaddr_in6 ipv6;
} udp_name;

typedef union udp_control {
    struct cmsghdr align;
    uint8_t room[CMSG_SPACE(sizeof(struct in6_pktinfo))];
} udp_control;

/* ---- addresses ---------------------------------------------------------- */

static inline socklen_t udp_name_size(const udp_name *name)
{
    return name->any.sa_family == AF_INET ? (socklen_t)sizeof name->ipv4
                                          : (socklen_t)sizeof name->ipv6;
}

static inline bool udp_is_group(const udp_name *name)
{
    return name->any.sa_family == AF_INET
               ? IN_MULTICAST(ntohl(name->ipv4.sin_addr.s_addr))
               : IN6_IS_ADDR_MULTICAST(&name->ipv6.sin6_addr) != 0;
}

static inline bool udp_is_loopback(const udp_name *name)
{
    return name->any.sa_family == AF_INET
               ? ntohl(name->ipv4.sin_addr.s_addr) >> 24 == IN_LOOPBACKNET
               : IN6_IS_ADDR_LOOPBACK(&name->ipv6.sin6_addr) != 0;
}

/* Everything but `group` and `arrived`, which belong to a datagram. */
static inline void udp_peer_of(coap2_peer *peer, const udp_name *name)
{
    if (name->any.sa_family == AF_INET) {
        peer->kind = COAP2_PEER_IPV4;
        peer->port = ntohs(name->ipv4.sin_port);
        memcpy(peer->address, &name->ipv4.sin_addr, 4);
    } else {
        peer->kind = COAP2_PEER_IPV6;
        peer->port = ntohs(name->ipv6.sin6_port);
        peer->scope = name->ipv6.sin6_scope_id;
        memcpy(peer->address, &name->ipv6.sin6_addr, 16);
    }
}

static inline void udp_name_of(udp_name *name, const coap2_peer *peer)
{
    memset(name, 0, sizeof *name);
    if (peer->kind == COAP2_PEER_IPV4) {
        name->ipv4.sin_family = AF_INET;
        name->ipv4.sin_port = htons(peer->port);
        memcpy(&name->ipv4.sin_addr, peer->address, 4);
    } else {
        name->ipv6.sin6_family = AF_INET6;
        name->ipv6.sin6_port = htons(peer->port);
        name->ipv6.sin6_scope_id = peer->scope;
        memcpy(&name->ipv6.sin6_addr, peer->address, 16);
    }
}

/* As a URI writes it: 127.0.0.1:5683, [fe80::1%eth0]:5683. */
static inline void udp_peer_text(const coap2_peer *peer, char *text,
                                 size_t size)
{
    char address[INET6_ADDRSTRLEN] = "?", zone[IF_NAMESIZE] = "";

    if (peer->kind == COAP2_PEER_IPV4) {
        (void)inet_ntop(AF_INET, peer->address, address, sizeof address);
        (void)snprintf(text, size, "%s:%u", address, (unsigned)peer->port);
        return;
    }
    (void)inet_ntop(AF_INET6, peer->address, address, sizeof address);
    if (peer->scope != 0 && if_indextoname(peer->scope, zone) == NULL)
        (void)snprintf(zone, sizeof zone, "%lu", (unsigned long)peer->scope);
    (void)snprintf(text, size, "[%s%s%s]:%u", address,
                   zone[0] == '\0' ? "" : "%", zone, (unsigned)peer->port);
}

/* Make a socket's name of a text, which may be a host's; NULL is any. */
static inline bool udp_look_up(udp_name *name, const char *host, int family)
{
    struct addrinfo hints, *found;

    memset(&hints, 0, sizeof hints);
    memset(name, 0, sizeof *name);
    hints.ai_family = family;
    hints.ai_socktype = SOCK_DGRAM;
    hints.ai_flags = AI_PASSIVE;
    if (getaddrinfo(host, "0", &hints, &found) != 0) return false;
    memcpy(name, found->ai_addr, found->ai_addrlen);
    freeaddrinfo(found);
    return true;
}

/* ---- names of hosts ----------------------------------------------------- */

/* How long the answer may take. Multicast DNS has .local (RFC 6762 3), and
   takes its time to say that nobody there has a name; a node that is found by
   its name in CoAP is mostly under it, too. */
enum { UDP_RESOLVE_MS = 3000, UDP_RESOLVE_LOCAL_MS = 1000, UDP_NAMES = 8 };

/* All that getaddrinfo knows of a host. Returns how many there are. */
static inline size_t udp_ask_resolver(const char *host,
                                      udp_name names[UDP_NAMES])
{
    struct addrinfo hints, *found, *one;
    size_t count = 0;

    memset(&hints, 0, sizeof hints);
    memset(names, 0, UDP_NAMES * sizeof *names);
    hints.ai_socktype = SOCK_DGRAM;
    if (getaddrinfo(host, NULL, &hints, &found) != 0) return 0;
    for (one = found; one != NULL && count < UDP_NAMES; one = one->ai_next)
        memcpy(&names[count++], one->ai_addr, one->ai_addrlen);
    freeaddrinfo(found);
    return count;
}

/* The same, for so long at most: getaddrinfo knows no limit, and a process can
   be ended while it waits. */
static inline size_t udp_ask_child(const char *host, int ms,
                                   udp_name names[UDP_NAMES])
{
    struct pollfd waiting;
    ssize_t size = 0;
    int ends[2];
    pid_t child;

    if (pipe2(ends, O_CLOEXEC) != 0) return 0;
    child = fork();
    if (child == 0) {
        size = (ssize_t)(udp_ask_resolver(host, names) * sizeof *names);
        _exit(write(ends[1], names, (size_t)size) == size ? 0 : 1);
    }
    (void)close(ends[1]);
    waiting.fd = ends[0];
    waiting.events = POLLIN;
    if (child > 0 && poll(&waiting, 1, ms) == 1)
        size = read(ends[0], names, UDP_NAMES * sizeof *names);
    (void)close(ends[0]);
    if (child > 0) {
        (void)kill(child, SIGKILL);
        (void)waitpid(child, NULL, 0);
    }
    return size > 0 ? (size_t)size / sizeof *names : 0;
}

static inline bool udp_is_local(const char *host, size_t length)
{
    static const char local[] = ".local";

    if (length > 0 && host[length - 1] == '.') length--;
    return length >= sizeof local - 1 &&
           strncasecmp(host + length - (sizeof local - 1), local,
                       sizeof local - 1) == 0;
}

/* An IPv6 address with the name of a zone, as a URI has it: behind `%25`
   (RFC 6874) or `%`. */
static inline size_t udp_read_zone(const char *host, udp_name *name)
{
    const char *zone = strchr(host, '%');
    char address[INET6_ADDRSTRLEN] = "";
    size_t length = zone == NULL ? 0 : (size_t)(zone - host);

    if (zone == NULL || length >= sizeof address) return 0;
    memcpy(address, host, length);
    zone += strncmp(zone, "%25", 3) == 0 ? 3 : 1;
    memset(name, 0, sizeof *name);
    name->ipv6.sin6_family = AF_INET6;
    name->ipv6.sin6_scope_id = if_nametoindex(zone);
    return inet_pton(AF_INET6, address, &name->ipv6.sin6_addr) == 1 &&
                   name->ipv6.sin6_scope_id != 0
               ? 1
               : 0;
}

/* node.resolve: what this machine calls a host, in /etc/hosts, by DNS, and so
   on; or an address with the name of a zone. What it does not know is for the
   node to look for. The port is the URI's and stays as it is. */
static inline bool udp_resolve(void *io, const char *host, size_t length,
                               coap2_peer *peer)
{
    const udp *u = (const udp *)io;
    uint16_t port = peer->port;
    udp_name names[UDP_NAMES];
    char text[NI_MAXHOST];
    size_t count, i;

    if (length >= sizeof text || memchr(host, '\0', length) != NULL)
        return false;
    memcpy(text, host, length);
    text[length] = '\0';
    count = udp_read_zone(text, names);
    if (count == 0)
        count = udp_ask_child(text,
                              udp_is_local(text, length) ? UDP_RESOLVE_LOCAL_MS
                                                         : UDP_RESOLVE_MS,
                              names);
    for (i = 0; i < count; i++) {
        if (u->sockets[names[i].any.sa_family == AF_INET ? UDP_IPV4
                                                         : UDP_IPV6] < 0)
            continue;
        udp_peer_of(peer, &names[i]);
        peer->port = port;
        peer->group = udp_is_group(&names[i]);
        return true;
    }
    return false;
}

/* ---- chance and time ---------------------------------------------------- */

static inline void udp_random(void *bytes, size_t length)
{
    if (getrandom(bytes, length, 0) == (ssize_t)length) return;
    perror("getrandom");
    exit(1); /* tokens that can be guessed are worse than none */
}

static inline uint32_t udp_seed(void)
{
    uint32_t seed;

    udp_random(&seed, sizeof seed);
    return seed;
}

/* node.now: milliseconds, wrapping. */
static inline uint32_t udp_now(void *io)
{
    struct timespec now;

    (void)io;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint32_t)((uint64_t)now.tv_sec * 1000u +
                      (uint64_t)now.tv_nsec / 1000000u);
}

/* node.idle: wait for a datagram, for a signal, or for so long. */
static inline void udp_idle(void *io, uint32_t ms)
{
    const udp *u = (const udp *)io;
    struct pollfd waiting[UDP_SOCKETS];
    struct timespec limit;
    int i;

    for (i = 0; i < u->count; i++) {
        waiting[i].fd = u->sockets[i]; /* poll passes over those below 0 */
        waiting[i].events = POLLIN;
        waiting[i].revents = 0;
    }
    limit.tv_sec = (time_t)(ms / 1000u);
    limit.tv_nsec = (long)(ms % 1000u) * 1000000L;
    (void)ppoll(waiting, (nfds_t)u->count, ms == COAP2_FOREVER ? NULL : &limit,
                u->waiting_mask);
}

/* ---- receiving ---------------------------------------------------------- */

/* The number under which a place is known: coap2_peer.arrived. There are as
   many places as this machine has addresses; beyond UDP_PLACES the oldest is
   forgotten. */
static inline uint16_t udp_note_place(udp *u, const udp_place *place)
{
    uint16_t i;

    for (i = 0; i < u->place_count; i++)
        if (memcmp(&u->places[i], place, sizeof *place) == 0)
            return (uint16_t)(i + 1);
    i = u->next_place;
    u->places[i] = *place;
    u->next_place = (uint16_t)((i + 1) % UDP_PLACES);
    if (u->place_count < UDP_PLACES) u->place_count++;
    return (uint16_t)(i + 1);
}

/* IPv4: the kernel says which of our addresses stands for the destination;
   where that is another one, the destination was a group or a broadcast. */
static inline void udp_read_ipv4(udp_place *place, bool *group,
                                 const struct cmsghdr *c)
{
    struct in_pktinfo info;

    memcpy(&info, CMSG_DATA(c), sizeof info);
    *group = IN_MULTICAST(ntohl(info.ipi_addr.s_addr)) ||
             (info.ipi_spec_dst.s_addr != 0 &&
              info.ipi_spec_dst.s_addr != info.ipi_addr.s_addr);
    place->interface = (uint32_t)info.ipi_ifindex;
    if (!*group) memcpy(place->address, &info.ipi_addr, 4);
}

static inline void udp_read_ipv6(udp_place *place, bool *group,
                                 const struct cmsghdr *c)
{
    struct in6_pktinfo info;

    memcpy(&info, CMSG_DATA(c), sizeof info);
    *group = IN6_IS_ADDR_MULTICAST(&info.ipi6_addr) != 0;
    place->interface = (uint32_t)info.ipi6_ifindex;
    if (!*group) memcpy(place->address, &info.ipi6_addr, 16);
}

static inline void udp_read_place(udp *u, coap2_peer *from, struct msghdr *m)
{
    struct cmsghdr *c;
    udp_place place;

    memset(&place, 0, sizeof place);
    for (c = CMSG_FIRSTHDR(m); c != NULL; c = CMSG_NXTHDR(m, c)) {
        if (c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_PKTINFO)
            udp_read_ipv4(&place, &from->group, c);
        else if (c->cmsg_level == IPPROTO_IPV6 && c->cmsg_type == IPV6_PKTINFO)
            udp_read_ipv6(&place, &from->group, c);
        else
            continue;
        from->arrived = udp_note_place(u, &place);
    }
}

/* MSG_TRUNC makes it return the datagram's true size. */
static inline int32_t udp_recv_from(udp *u, int fd, coap2_peer *from,
                                    uint8_t *bytes, size_t size)
{
    udp_control control;
    struct msghdr m;
    struct iovec piece;
    udp_name name;
    ssize_t length;

    memset(&name, 0, sizeof name);
    memset(&m, 0, sizeof m);
    piece.iov_base = bytes;
    piece.iov_len = size;
    m.msg_name = &name;
    m.msg_namelen = sizeof name;
    m.msg_iov = &piece;
    m.msg_iovlen = 1;
    m.msg_control = &control;
    m.msg_controllen = sizeof control;
    length = recvmsg(fd, &m, MSG_DONTWAIT | MSG_TRUNC);
    if (length < 0) return -1;
    udp_peer_of(from, &name);
    udp_read_place(u, from, &m);
    return (int32_t)length;
}

/* node.recv: the sockets take turns, so that none starves another. An ICMP
   error that is reported here belongs to no request in particular: it is
   passed over, and the socket read again. */
static inline int32_t udp_recv(void *io, coap2_peer *from, uint8_t *bytes,
                               size_t size)
{
    udp *u = (udp *)io;
    int tries, fd;
    int32_t length;

    for (tries = 0; tries < 2 * u->count; tries++) {
        fd = u->sockets[u->turn];
        errno = EAGAIN;
        length = fd < 0 ? -1 : udp_recv_from(u, fd, from, bytes, size);
        if (length >= 0 || errno == EAGAIN || errno == EWOULDBLOCK)
            u->turn = (u->turn + 1) % u->count;
        if (length >= 0) return length;
    }
    return COAP2_ERR_AGAIN;
}

/* ---- interfaces --------------------------------------------------------- */

enum { UDP_INTERFACES = 256 };

/* Those whose flags are these, of the flags that are looked at. Returns how
   many there are. */
static inline size_t udp_interfaces(unsigned found[UDP_INTERFACES],
                                    unsigned looked_at, unsigned wanted)
{
    struct ifaddrs *list, *one;
    size_t count = 0;

    if (getifaddrs(&list) != 0) return 0;
    for (one = list; one != NULL && count < UDP_INTERFACES;
         one = one->ifa_next) {
        /* an interface is listed once for each address; AF_PACKET has one */
        if (one->ifa_addr == NULL || one->ifa_addr->sa_family != AF_PACKET ||
            (one->ifa_flags & looked_at) != wanted)
            continue;
        found[count] = if_nametoindex(one->ifa_name);
        if (found[count] != 0) count++;
    }
    freeifaddrs(list);
    return count;
}

/* The interface that has an address; 0 if none does. */
static inline unsigned udp_interface_of(const coap2_peer *at)
{
    struct ifaddrs *list, *one;
    unsigned found = 0;
    coap2_peer its;
    udp_name name;

    if (getifaddrs(&list) != 0) return 0;
    for (one = list; one != NULL && found == 0; one = one->ifa_next) {
        if (one->ifa_addr == NULL || (one->ifa_addr->sa_family != AF_INET &&
                                      one->ifa_addr->sa_family != AF_INET6))
            continue;
        memset(&name, 0, sizeof name);
        name.any.sa_family = one->ifa_addr->sa_family;
        memcpy(&name, one->ifa_addr, udp_name_size(&name));
        memset(&its, 0, sizeof its);
        udp_peer_of(&its, &name);
        its.port = at->port;
        if (coap2_peer_equals(&its, at)) found = if_nametoindex(one->ifa_name);
    }
    freeifaddrs(list);
    return found;
}

/* ---- sending ------------------------------------------------------------ */

static inline void udp_put_control(struct msghdr *m, udp_control *control,
                                   int level, int type, const void *info,
                                   size_t size)
{
    struct cmsghdr *c;

    memset(control, 0, sizeof *control);
    m->msg_control = control;
    m->msg_controllen = CMSG_SPACE(size);
    c = CMSG_FIRSTHDR(m);
    c->cmsg_level = level;
    c->cmsg_type = type;
    c->cmsg_len = CMSG_LEN(size);
    memcpy(CMSG_DATA(c), info, size);
}

/* Choose the address and the interface that a datagram leaves from. The scope
   of a link-local address is an interface, and the only one it can take. */
static inline void udp_put_place(struct msghdr *m, udp_control *control,
                                 const coap2_peer *to, const udp_place *place)
{
    struct in_pktinfo ipv4;
    struct in6_pktinfo ipv6;

    if (to->kind == COAP2_PEER_IPV4) {
        memset(&ipv4, 0, sizeof ipv4);
        ipv4.ipi_ifindex = (int)place->interface;
        memcpy(&ipv4.ipi_spec_dst, place->address, 4);
        udp_put_control(m, control, IPPROTO_IP, IP_PKTINFO, &ipv4, sizeof ipv4);
        return;
    }
    memset(&ipv6, 0, sizeof ipv6);
    ipv6.ipi6_ifindex = to->scope != 0 ? to->scope : place->interface;
    memcpy(&ipv6.ipi6_addr, place->address, 16);
    udp_put_control(m, control, IPPROTO_IPV6, IPV6_PKTINFO, &ipv6, sizeof ipv6);
}

/* A full queue of the network device (ENOBUFS) empties; an ICMP error that an
   earlier datagram brought (ECONNREFUSED) is read by failing once. */
static inline coap2_result udp_send_message(int fd, const struct msghdr *m)
{
    ssize_t sent = sendmsg(fd, m, MSG_DONTWAIT | MSG_NOSIGNAL);

    if (sent < 0 && errno == ECONNREFUSED)
        sent = sendmsg(fd, m, MSG_DONTWAIT | MSG_NOSIGNAL);
    if (sent >= 0) return COAP2_OK;
    return errno == EAGAIN || errno == EWOULDBLOCK || errno == ENOBUFS ||
                   errno == EINTR
               ? COAP2_ERR_AGAIN
               : COAP2_ERR_SEND;
}

/* Where an answer leaves from is where its request came to. Anything else
   leaves from the address that the socket is bound to, which has to be said
   again where an interface is chosen, or from one that the kernel picks. */
static inline udp_place udp_place_for(const udp *u, const coap2_peer *to)
{
    static const uint8_t any[16] = {0};
    const uint8_t *bound =
        u->bound[to->kind == COAP2_PEER_IPV4 ? UDP_IPV4 : UDP_IPV6];
    udp_place place;
    udp_name name;

    memset(&place, 0, sizeof place);
    udp_name_of(&name, to);
    if (to->arrived != 0 && to->arrived <= u->place_count)
        place = u->places[to->arrived - 1];
    else if (udp_is_group(&name))
        place.interface = u->interface;
    if (memcmp(place.address, any, sizeof any) == 0)
        memcpy(place.address, bound, sizeof place.address);
    return place;
}

/* Send from a place, or from where the kernel thinks best if that is zero. */
static inline coap2_result udp_send_from(const udp *u, const udp_place *place,
                                         const coap2_peer *to,
                                         const uint8_t *bytes, size_t length)
{
    udp_control control;
    struct msghdr m;
    struct iovec piece;
    udp_name name;

    udp_name_of(&name, to);
    memset(&m, 0, sizeof m);
    m.msg_name = &name;
    m.msg_namelen = udp_name_size(&name);
    piece.iov_base = (void *)bytes; /* sendmsg does not write */
    piece.iov_len = length;
    m.msg_iov = &piece;
    m.msg_iovlen = 1;
    udp_put_place(&m, &control, to, place);
    return udp_send_message(
        u->sockets[to->kind == COAP2_PEER_IPV4 ? UDP_IPV4 : UDP_IPV6], &m);
}

/* Send to a group through all interfaces of a kind. It is sent if one takes it:
   others may have no address of this family. */
static inline coap2_result udp_send_through(const udp *u, unsigned looked_at,
                                            unsigned wanted, udp_place place,
                                            const coap2_peer *to,
                                            const uint8_t *bytes, size_t length)
{
    unsigned found[UDP_INTERFACES];
    size_t count = udp_interfaces(found, looked_at, wanted), i;
    coap2_result result = COAP2_ERR_SEND, one;

    for (i = 0; i < count; i++) {
        place.interface = found[i];
        one = udp_send_from(u, &place, to, bytes, length);
        if (result != COAP2_OK && one != COAP2_ERR_SEND) result = one;
    }
    return result;
}

/* Send to a group through each interface that can; a machine without a network
   has the loopback, where the kernel chooses no address for it. */
static inline coap2_result udp_send_everywhere(const udp *u, udp_place place,
                                               const coap2_peer *to,
                                               const uint8_t *bytes,
                                               size_t length)
{
    enum { CAN = IFF_UP | IFF_MULTICAST, OWN = IFF_UP | IFF_LOOPBACK };
    static const uint8_t loopback[4] = {127, 0, 0, 1};
    coap2_result result =
        udp_send_through(u, CAN | IFF_LOOPBACK, CAN, place, to, bytes, length);

    if (result != COAP2_ERR_SEND) return result;
    if (to->kind == COAP2_PEER_IPV4 && place.address[0] == 0)
        memcpy(place.address, loopback, sizeof loopback);
    return udp_send_through(u, OWN, OWN, place, to, bytes, length);
}

/* node.send */
static inline coap2_result udp_send(void *io, const coap2_peer *to,
                                    const uint8_t *bytes, size_t length)
{
    const udp *u = (const udp *)io;
    udp_place place;
    udp_name name;

    if (to->kind == COAP2_PEER_OTHER ||
        u->sockets[to->kind == COAP2_PEER_IPV4 ? UDP_IPV4 : UDP_IPV6] < 0)
        return COAP2_ERR_SEND;
    udp_name_of(&name, to);
    place = udp_place_for(u, to);
    if (udp_is_group(&name) && to->scope == 0 && place.interface == 0)
        return udp_send_everywhere(u, place, to, bytes, length);
    return udp_send_from(u, &place, to, bytes, length);
}

/* ---- opening ------------------------------------------------------------ */

static inline bool udp_fail(udp *u, const char *format, ...)
{
    va_list values;

    va_start(values, format);
    (void)vsnprintf(u->error, sizeof u->error, format, values);
    va_end(values);
    return false;
}

static inline void udp_close(udp *u)
{
    int i;

    for (i = 0; i < u->count; i++)
        if (u->sockets[i] >= 0) (void)close(u->sockets[i]);
    u->count = 0;
    u->sockets[UDP_IPV4] = u->sockets[UDP_IPV6] = -1;
}

static inline void udp_set(int fd, int level, int option, int value)
{
    (void)setsockopt(fd, level, option, &value, sizeof value);
}

/* Without MULTICAST_ALL off, a socket also receives from groups that others
   on this machine have joined, on whatever interface. */
static inline void udp_set_options(int fd, int family)
{
    if (family == AF_INET) {
        udp_set(fd, IPPROTO_IP, IP_PKTINFO, 1);
        udp_set(fd, IPPROTO_IP, IP_MULTICAST_LOOP, 1);
        udp_set(fd, IPPROTO_IP, IP_MULTICAST_ALL, 0);
        return;
    }
    udp_set(fd, IPPROTO_IPV6, IPV6_V6ONLY, 1);
    udp_set(fd, IPPROTO_IPV6, IPV6_RECVPKTINFO, 1);
    udp_set(fd, IPPROTO_IPV6, IPV6_MULTICAST_LOOP, 1);
#ifdef IPV6_MULTICAST_ALL
    udp_set(fd, IPPROTO_IPV6, IPV6_MULTICAST_ALL, 0);
#endif
}

/* Open a socket that is bound to a name; port 0 in it becomes the port that
   was found. Several programs may listen to a group, but not at an address
   that is not one. Returns -1 with errno set. */
static inline int udp_bind(udp_name *name)
{
    int family = name->any.sa_family, fd, error;
    socklen_t size = udp_name_size(name);

    fd = socket(family, SOCK_DGRAM | SOCK_CLOEXEC, IPPROTO_UDP);
    if (fd < 0) return -1;
    udp_set_options(fd, family);
    if (udp_is_group(name)) udp_set(fd, SOL_SOCKET, SO_REUSEADDR, 1);
    if (bind(fd, &name->any, size) == 0 &&
        getsockname(fd, &name->any, &size) == 0)
        return fd;
    error = errno;
    (void)close(fd);
    errno = error;
    return -1;
}

/* Where a socket that sends and receives is bound: UDP_IPV4 or UDP_IPV6. */
static inline bool udp_bound(const udp *u, int which, coap2_peer *peer)
{
    udp_name name;
    socklen_t size = sizeof name;

    memset(peer, 0, sizeof *peer);
    memset(&name, 0, sizeof name);
    if (u->sockets[which] < 0 ||
        getsockname(u->sockets[which], &name.any, &size) != 0)
        return false;
    udp_peer_of(peer, &name);
    return true;
}

/* Open the socket of a family; false if there is an address for it, but it
   cannot be used. A machine need not have both families. */
static inline bool udp_open_family(udp *u, int which, const char *address,
                                   uint16_t *port)
{
    udp_name name;
    coap2_peer at;

    if (!udp_look_up(&name, address, which == UDP_IPV4 ? AF_INET : AF_INET6))
        return true;
    memset(&at, 0, sizeof at);
    udp_peer_of(&at, &name);
    at.port = *port;
    udp_name_of(&name, &at);
    u->sockets[which] = udp_bind(&name);
    if (u->sockets[which] >= 0) {
        udp_peer_of(&at, &name);
        memcpy(u->bound[which], at.address, 16);
        *port = at.port; /* of the other family, too */
        return true;
    }
    if (address == NULL && (errno == EAFNOSUPPORT || errno == EADDRNOTAVAIL))
        return true;
    return udp_fail(u, "cannot bind %s port %u: %s",
                    address == NULL ? "any address" : address, (unsigned)*port,
                    strerror(errno));
}

/* ---- groups (RFC 7252 12.8) --------------------------------------------- */

static inline bool udp_join(int fd, const udp_name *group, unsigned interface)
{
    struct group_req request;

    memset(&request, 0, sizeof request);
    request.gr_interface = interface;
    memcpy(&request.gr_group, group, sizeof *group);
    return setsockopt(
               fd, group->any.sa_family == AF_INET ? IPPROTO_IP : IPPROTO_IPV6,
               MCAST_JOIN_GROUP, &request, sizeof request) == 0 ||
           errno == EADDRINUSE; /* it has joined already */
}

/* A socket that is bound to an address hears no group: another one does. */
static inline bool udp_join_apart(udp *u, udp_name *group, unsigned interface)
{
    int fd;

    if (u->count == UDP_SOCKETS) return false;
    if (group->any.sa_family == AF_INET6 &&
        IN6_IS_ADDR_MC_LINKLOCAL(&group->ipv6.sin6_addr))
        group->ipv6.sin6_scope_id = interface;
    fd = udp_bind(group);
    if (fd < 0) return false;
    if (!udp_join(fd, group, interface)) {
        (void)close(fd);
        return false;
    }
    u->sockets[u->count++] = fd;
    return true;
}

/* Join All CoAP Nodes on an interface. True if a group could be joined. */
static inline bool udp_join_all(udp *u, unsigned interface, bool apart)
{
    static const char *const groups[] = {"224.0.1.187", "ff02::fd", "ff05::fd"};
    bool joined = false;
    coap2_peer at;
    udp_name group;
    int i, which;

    for (i = 0; i < 3; i++) {
        which = i == 0 ? UDP_IPV4 : UDP_IPV6;
        if (!udp_bound(u, which, &at) ||
            !udp_look_up(&group, groups[i], AF_UNSPEC))
            continue;
        if (which == UDP_IPV4)
            group.ipv4.sin_port = htons(at.port);
        else
            group.ipv6.sin6_port = htons(at.port);
        if (apart ? udp_join_apart(u, &group, interface)
                  : udp_join(u->sockets[which], &group, interface))
            joined = true;
    }
    return joined;
}

/* On every interface that is up; those that cannot are passed over. */
static inline void udp_join_everywhere(udp *u, bool apart, bool loopback_only)
{
    unsigned found[UDP_INTERFACES], wanted = IFF_UP;
    size_t count, i;

    if (loopback_only) wanted |= IFF_LOOPBACK;
    count = udp_interfaces(found, wanted, wanted);
    for (i = 0; i < count; i++) (void)udp_join_all(u, found[i], apart);
}

/* Is what is open bound to the loopback? */
static inline bool udp_on_loopback(const udp *u)
{
    bool loopback = true;
    coap2_peer at;
    udp_name name;
    int i;

    for (i = UDP_IPV4; i <= UDP_IPV6; i++) {
        if (!udp_bound(u, i, &at)) continue;
        udp_name_of(&name, &at);
        if (!udp_is_loopback(&name)) loopback = false;
    }
    return loopback;
}

/* The interface of the address that was asked for; 0 if it is none of ours. */
static inline unsigned udp_own_interface(const udp *u)
{
    unsigned found = 0;
    coap2_peer at;
    int i;

    if (udp_on_loopback(u)) return if_nametoindex("lo");
    for (i = UDP_IPV4; i <= UDP_IPV6 && found == 0; i++)
        if (udp_bound(u, i, &at)) found = udp_interface_of(&at);
    return found;
}

/* Open it: at an address, or any if that is NULL; at a port, or any if that is
   0. What goes to groups leaves by the interface of that name, or if it is NULL
   by that of the address, else by all of them. The groups of CoAP are joined
   on the interface of that name, or on every one, but for those that an address
   of the loopback does not reach. False if that cannot be done, with the reason
   in u->error. */
static inline bool udp_open(udp *u, const char *address, uint16_t port,
                            const char *interface_name, bool join_groups)
{
    memset(u, 0, sizeof *u);
    u->sockets[UDP_IPV4] = u->sockets[UDP_IPV6] = -1;
    u->count = 2;
    if (interface_name != NULL) {
        u->interface = if_nametoindex(interface_name);
        if (u->interface == 0)
            return udp_fail(u, "no interface %s", interface_name);
    }
    if (!udp_open_family(u, UDP_IPV4, address, &port) ||
        !udp_open_family(u, UDP_IPV6, address, &port)) {
        udp_close(u);
        return false;
    }
    if (u->sockets[UDP_IPV4] < 0 && u->sockets[UDP_IPV6] < 0)
        return udp_fail(u, "%s is no address here",
                        address == NULL ? "any" : address);
    if (join_groups && u->interface == 0)
        udp_join_everywhere(u, address != NULL,
                            address != NULL && udp_on_loopback(u));
    if (join_groups && u->interface != 0 &&
        !udp_join_all(u, u->interface, address != NULL)) {
        udp_close(u);
        return udp_fail(u, "cannot join a group on %s", interface_name);
    }
    if (address != NULL && u->interface == 0)
        u->interface = udp_own_interface(u);
    return true;
}

#endif /* UDP_H */
