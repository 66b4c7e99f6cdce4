/* udp_send.c - send datagrams, show what comes back: one line of hex each.

   udp_send [-a] [-i INTERFACE] [-n ANSWERS] [-s] [-w MS] ADDRESS PORT HEX...

   One socket sends the datagrams in turn. Behind each it waits until ANSWERS
   (1) have come or MS (1000) have passed; silence shows nothing. HEX may be -
   for the bytes of standard input. -a acknowledges what is confirmable; -s
   shows where an answer came from, too; groups are sent to by INTERFACE. Of
   coap2.h it uses nothing, so that it cannot share its errors. */

#ifndef _DEFAULT_SOURCE
#define _DEFAULT_SOURCE
#endif

#include <arpa/inet.h>
#include <net/if.h>
#include <netdb.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { LARGEST = 65536 };

static struct {
    bool acknowledge, sources;
    const char *interface;
    int answers;
    long wait;
} options = {false, false, NULL, 1, 1000};

static uint8_t bytes[LARGEST];
static int fd;
static struct addrinfo *target;

static void fail(const char *what)
{
    perror(what);
    exit(2);
}

static long now_ms(void)
{
    struct timespec now;

    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (long)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* ---- out ---------------------------------------------------------------- */

static size_t read_hex(const char *text)
{
    size_t length = 0;
    unsigned byte;

    if (strcmp(text, "-") == 0) return fread(bytes, 1, LARGEST, stdin);
    for (; *text != '\0'; text += 2) {
        if (length == LARGEST || sscanf(text, "%2x", &byte) != 1 ||
            text[1] == '\0') {
            fprintf(stderr, "udp_send: bad hex: %s\n", text);
            exit(2);
        }
        bytes[length++] = (uint8_t)byte;
    }
    return length;
}

static void open_socket(const char *address, const char *port)
{
    struct addrinfo hints;
    unsigned interface;
    struct ip_mreqn ipv4;

    memset(&hints, 0, sizeof hints);
    hints.ai_socktype = SOCK_DGRAM;
    hints.ai_flags = AI_NUMERICHOST;
    if (getaddrinfo(address, port, &hints, &target) != 0) fail(address);
    fd = socket(target->ai_family, SOCK_DGRAM, 0);
    if (fd < 0) fail("socket");
    if (options.interface == NULL) return;
    interface = if_nametoindex(options.interface);
    if (interface == 0) fail(options.interface);
    memset(&ipv4, 0, sizeof ipv4);
    ipv4.imr_ifindex = (int)interface;
    if (target->ai_family == AF_INET
            ? setsockopt(fd, IPPROTO_IP, IP_MULTICAST_IF, &ipv4, sizeof ipv4)
            : setsockopt(fd, IPPROTO_IPV6, IPV6_MULTICAST_IF, &interface,
                         sizeof interface))
        fail("multicast interface");
}

/* ---- in ----------------------------------------------------------------- */

static void show(const struct sockaddr_storage *from, socklen_t from_size,
                 size_t length)
{
    char host[128] = "?", port[16] = "?";
    size_t i;

    if (options.sources) {
        (void)getnameinfo((const struct sockaddr *)from, from_size, host,
                          sizeof host, port, sizeof port,
                          NI_NUMERICHOST | NI_NUMERICSERV);
        printf("%s %s ", host, port);
    }
    for (i = 0; i < length; i++) printf("%02x", (unsigned)bytes[i]);
    putchar('\n');
}

/* An Empty ACK has the message id of what it acknowledges (RFC 7252 4.2). */
static void acknowledge(const struct sockaddr_storage *from,
                        socklen_t from_size)
{
    bytes[0] = 0x60;
    bytes[1] = 0;
    (void)sendto(fd, bytes, 4, 0, (const struct sockaddr *)from, from_size);
}

static void receive(void)
{
    struct sockaddr_storage from;
    socklen_t from_size = sizeof from;
    ssize_t length = recvfrom(fd, bytes, sizeof bytes, 0,
                              (struct sockaddr *)&from, &from_size);

    if (length < 0) return;
    show(&from, from_size, (size_t)length);
    if (options.acknowledge && length >= 4 && (bytes[0] & 0x30) == 0)
        acknowledge(&from, from_size);
}

static void collect(void)
{
    long end = now_ms() + options.wait, left;
    struct pollfd waiting;
    int answers = 0;

    waiting.fd = fd;
    waiting.events = POLLIN;
    while (answers < options.answers && (left = end - now_ms()) > 0) {
        if (poll(&waiting, 1, (int)left) <= 0) continue;
        receive();
        answers++;
    }
}

int main(int argc, char **argv)
{
    int letter;
    size_t length;

    while ((letter = getopt(argc, argv, "ai:n:sw:")) != -1) {
        if (letter == 'a') options.acknowledge = true;
        if (letter == 's') options.sources = true;
        if (letter == 'i') options.interface = optarg;
        if (letter == 'n') options.answers = atoi(optarg);
        if (letter == 'w') options.wait = atol(optarg);
        if (letter == '?') return 2;
    }
    if (argc - optind < 3) return 2;
    open_socket(argv[optind], argv[optind + 1]);
    for (optind += 2; optind < argc; optind++) {
        length = read_hex(argv[optind]);
        if (sendto(fd, bytes, length, 0, target->ai_addr, target->ai_addrlen) <
            0)
            fail("sendto");
        collect();
    }
    freeaddrinfo(target);
    return 0;
}
