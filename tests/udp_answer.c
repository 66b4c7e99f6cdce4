/* udp_answer.c - answer datagrams by a script, and show them in hex.

   udp_answer [-a ADDRESS] ANSWER...

   It prints the port that it found, then a line for each datagram. The first
   is answered with the first ANSWER, and so on; those behind the last with
   that one. An ANSWER is lower-case hex, with blanks where you like, and
   letters: C, N, A and R are the first byte of a message of that type with the
   token length of the request, R without; i is the request's message id, t its
   token; a `+` begins another datagram. It runs until it is killed, or for a
   minute. Of coap2.h it uses nothing, so that it cannot share its errors. */

#ifndef _DEFAULT_SOURCE
#define _DEFAULT_SOURCE
#endif

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { LARGEST = 65536 };

static int fd;
static struct sockaddr_in from;
static uint8_t request[LARGEST], answer[LARGEST];
static size_t length;

static void fail(const char *what)
{
    perror(what);
    exit(2);
}

/* ---- in ----------------------------------------------------------------- */

static void open_socket(const char *address)
{
    struct sockaddr_in at;
    socklen_t size = sizeof at;

    memset(&at, 0, sizeof at);
    at.sin_family = AF_INET;
    if (inet_pton(AF_INET, address, &at.sin_addr) != 1) fail(address);
    fd = socket(AF_INET, SOCK_DGRAM, 0);
    if (fd < 0 || bind(fd, (struct sockaddr *)&at, size) < 0 ||
        getsockname(fd, (struct sockaddr *)&at, &size) < 0)
        fail(address);
    printf("%u\n", (unsigned)ntohs(at.sin_port));
    (void)fflush(stdout);
}

static size_t receive(void)
{
    socklen_t size = sizeof from;
    ssize_t count = recvfrom(fd, request, sizeof request, 0,
                             (struct sockaddr *)&from, &size);
    ssize_t i;

    if (count < 0) fail("recvfrom");
    for (i = 0; i < count; i++) printf("%02x", (unsigned)request[i]);
    putchar('\n');
    (void)fflush(stdout);
    return (size_t)count;
}

/* ---- out ---------------------------------------------------------------- */

static void put(const uint8_t *bytes, size_t count)
{
    if (length + count > LARGEST) fail("answer");
    memcpy(answer + length, bytes, count);
    length += count;
}

static void put_first(unsigned type, unsigned token_length)
{
    uint8_t first = (uint8_t)(0x40u | type << 4 | token_length);

    put(&first, 1);
}

static void flush(void)
{
    if (length > 0 && sendto(fd, answer, length, 0, (struct sockaddr *)&from,
                             sizeof from) < 0)
        perror("sendto");
    length = 0;
}

/* Write what stands at the front of a script. Returns how much that was. */
static size_t put_piece(const char *script)
{
    unsigned token_length = request[0] & 15u, byte;
    uint8_t value;

    switch (*script) {
    case ' ':
        return 1;
    case 'C':
        put_first(0, token_length);
        return 1;
    case 'N':
        put_first(1, token_length);
        return 1;
    case 'A':
        put_first(2, token_length);
        return 1;
    case 'R':
        put_first(3, 0);
        return 1;
    case 'i':
        put(request + 2, 2);
        return 1;
    case 't':
        put(request + 4, token_length);
        return 1;
    case '+':
        flush();
        return 1;
    default:
        if (sscanf(script, "%2x", &byte) != 1) fail(script);
        value = (uint8_t)byte;
        put(&value, 1);
        return 2;
    }
}

int main(int argc, char **argv)
{
    const char *address = "127.0.0.1", *script;

    if (argc > 2 && strcmp(argv[1], "-a") == 0) {
        address = argv[2];
        argv += 2;
        argc -= 2;
    }
    if (argc < 2) return 2;
    open_socket(address);
    (void)alarm(60);
    for (argv++;; argv += argv[1] != NULL) {
        if (receive() < 4) continue;
        for (script = *argv; *script != '\0';) script += put_piece(script);
        flush();
    }
}
