/* wire.c - show the CoAP datagrams that come in on the ports of a bridge, a
   line each, until it is killed.

   PORT FAMILY FROM TO TYPE CODE TOKEN DISCOVERY?QUERY

   PORT is the interface that it came in on, and so tells who sent it; FROM and
   TO are UDP's ports, and an option that is not there is `-`. Only interfaces
   whose name begins with `v` are heard. Of coap2.h it uses nothing, so that it
   cannot share its errors. */

#ifndef _DEFAULT_SOURCE
#define _DEFAULT_SOURCE
#endif

#include <arpa/inet.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <netpacket/packet.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

enum { COAP = 5683, URI_QUERY = 15, DISCOVERY = 300, IPPROTO_IS_UDP = 17 };

static uint8_t frame[65536];

static unsigned word_at(const uint8_t *at)
{
    return (unsigned)at[0] << 8 | at[1];
}

/* Read a length or a delta: its nibble, and what follows. */
static unsigned extended(unsigned nibble, const uint8_t **at,
                         const uint8_t *end)
{
    if (nibble == 13 && *at < end) return 13u + *(*at)++;
    if (nibble == 14 && end - *at >= 2) {
        *at += 2;
        return 269u + word_at(*at - 2);
    }
    return nibble;
}

/* Copy the options of a number behind each other; without any it is `-`. */
static void copy_option(const uint8_t *at, const uint8_t *end, unsigned wanted,
                        char *text, size_t size)
{
    unsigned number = 0, length;
    size_t used = 0;
    bool some = false;

    while (at < end && *at != 0xff) {
        uint8_t first = *at++;

        number += extended(first >> 4, &at, end);
        length = extended(first & 15u, &at, end);
        if (length > (size_t)(end - at)) break;
        if (number == wanted && used + length < size) {
            memcpy(text + used, at, length);
            used += length;
            some = true;
        }
        at += length;
    }
    if (!some) text[used++] = '-';
    text[used] = '\0';
}

static void show_coap(const uint8_t *at, const uint8_t *end)
{
    char discovery[300], query[300];
    unsigned token = at[0] & 15u, i;

    printf(" %u %u.%02u ", at[0] >> 4 & 3u, at[1] >> 5, at[1] & 31u);
    if (token > 8 || token > (size_t)(end - at) - 4u) token = 0;
    for (i = 0; i < token; i++) printf("%02x", (unsigned)at[4 + i]);
    copy_option(at + 4 + token, end, DISCOVERY, discovery, sizeof discovery);
    copy_option(at + 4 + token, end, URI_QUERY, query, sizeof query);
    printf("%s %s?%s\n", token == 0 ? "-" : "", discovery, query);
}

/* A frame that begins with the header of IP. */
static void show(const char *port, const uint8_t *at, const uint8_t *end)
{
    unsigned version = at[0] >> 4;
    size_t header = version == 4 ? (at[0] & 15u) * 4u : 40u;
    unsigned protocol = version == 4 ? at[9] : at[6];

    if (protocol != IPPROTO_IS_UDP || (size_t)(end - at) < header + 8 + 4)
        return;
    at += header;
    if (word_at(at) != COAP && word_at(at + 2) != COAP) return;
    if (word_at(at + 4) < (size_t)(end - at))
        end = at + word_at(at + 4); /* without the padding of the frame */
    if (end - at < 8 + 4) return;
    printf("%s %u %u %u", port, version, word_at(at), word_at(at + 2));
    show_coap(at + 8, end);
}

/* What the bridge sends on is not even queued, and there is room for the rest:
   what is not seen would be a failure of the test. */
static bool set_up(int fd)
{
    int yes = 1, room = 16 << 20;

    return setsockopt(fd, SOL_PACKET, PACKET_IGNORE_OUTGOING, &yes,
                      sizeof yes) == 0 &&
           setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &room, sizeof room) == 0;
}

int main(void)
{
    int fd = socket(AF_PACKET, SOCK_DGRAM, htons(ETH_P_ALL));
    struct sockaddr_ll from;
    socklen_t size = sizeof from;
    char port[IF_NAMESIZE];
    ssize_t length;

    if (fd < 0 || !set_up(fd)) {
        perror("packet socket");
        return 1;
    }
    printf("listening\n");
    (void)fflush(stdout);
    for (;;) {
        length = recvfrom(fd, frame, sizeof frame, 0, (struct sockaddr *)&from,
                          &size);
        if (length < 20 + 8 + 4) continue;
        if (if_indextoname((unsigned)from.sll_ifindex, port) == NULL) continue;
        if (port[0] == 'v') show(port, frame, frame + length);
        (void)fflush(stdout);
    }
}
