/* A node at a pseudo terminal, for slip_test.sh:  slip_node LINK

   LINK becomes a symbolic link to the terminal; it ends by a signal. It has
       /who    GET: whom the frame was from, as KIND PORT ADDRESS [group]
       /text   PUT: the payload goes to the line as text for people
       /large  GET and PUT of 1024 bytes, each of them an END */

#define _GNU_SOURCE /* NOLINT: ptys */

#define COAP2_IMPLEMENTATION
#include "coap2.h"

#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

static int terminal = -1;
static coap2_line line;
static coap2_node node;
static uint8_t in[1280], out[4 * 1200];

/* ---- the line ----------------------------------------------------------- */

static int line_get(void *io)
{
    uint8_t byte;

    (void)io;
    return read(terminal, &byte, 1) == 1 ? byte : -1;
}

static void line_put(void *io, uint8_t byte)
{
    (void)io;
    while (write(terminal, &byte, 1) != 1) (void)poll(NULL, 0, 1);
}

static bool open_terminal(const char *link)
{
    struct termios settings;
    int other_end;

    terminal = posix_openpt(O_RDWR | O_NOCTTY | O_NONBLOCK);
    if (terminal < 0 || grantpt(terminal) != 0 || unlockpt(terminal) != 0)
        return false;
    other_end = open(ptsname(terminal), O_RDWR | O_NOCTTY); /* stays open */
    if (other_end < 0 || tcgetattr(other_end, &settings) != 0) return false;
    cfmakeraw(&settings);
    if (tcsetattr(other_end, TCSANOW, &settings) != 0) return false;
    (void)unlink(link);
    return symlink(ptsname(terminal), link) == 0;
}

/* ---- resources ---------------------------------------------------------- */

static uint8_t on_who(coap2_req *req, coap2_rsp *rsp)
{
    const uint8_t *at = req->peer->address;
    char text[80];

    (void)snprintf(text, sizeof text, "%u %u %u.%u.%u.%u%s", req->peer->kind,
                   (unsigned)req->peer->port, at[0], at[1], at[2], at[3],
                   req->peer->group ? " group" : "");
    coap2_rsp_bytes(rsp, COAP2_FORMAT_TEXT, text, strlen(text));
    return COAP2_205_CONTENT;
}

static uint8_t on_text(coap2_req *req, coap2_rsp *rsp)
{
    char text[100] = "\n";

    (void)rsp;
    if (req->payload_length >= sizeof text)
        return COAP2_413_REQUEST_ENTITY_TOO_LARGE;
    memcpy(text + 1, req->payload, req->payload_length);
    coap2_slip_write(line_put, NULL, text, req->payload_length + 1);
    return COAP2_204_CHANGED;
}

static uint8_t on_large(coap2_req *req, coap2_rsp *rsp)
{
    uint8_t bytes[1024];

    memset(bytes, COAP2_SLIP_END, sizeof bytes);
    if (req->method == COAP2_GET) {
        coap2_rsp_bytes(rsp, COAP2_FORMAT_OCTETS, bytes, sizeof bytes);
        return COAP2_205_CONTENT;
    }
    return req->payload_length == sizeof bytes &&
                   memcmp(req->payload, bytes, sizeof bytes) == 0
               ? COAP2_204_CHANGED
               : COAP2_400_BAD_REQUEST;
}

COAP2_RESOURCE(who, "who", COAP2_GET, on_who, "");
COAP2_RESOURCE(text, "text", COAP2_PUT, on_text, "");
COAP2_RESOURCE(large, "large", COAP2_GET | COAP2_PUT, on_large, "");
COAP2_TABLE(things, &who, &text, &large);

/* ---- the node ----------------------------------------------------------- */

static uint32_t now_ms(void)
{
    struct timespec now;

    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint32_t)now.tv_sec * 1000u + (uint32_t)(now.tv_nsec / 1000000);
}

static bool start(void)
{
    line.get = line_get;
    line.put = line_put;
    node.name = "wired.local";
    node.send = coap2_slip_send;
    node.recv = coap2_slip_recv;
    node.io = &line;
    node.in = in;
    node.in_size = sizeof in;
    node.out = out;
    node.out_size = sizeof out;
    node.packet = 1200;
    node.resources = things;
    node.leisure = 100;
    return coap2_start(&node, now_ms() ^ (uint32_t)getpid()) == COAP2_OK;
}

int main(int count, char **words)
{
    struct pollfd waiting = {0, POLLIN, 0};
    uint32_t rest;

    if (count != 2 || !open_terminal(words[1]) || !start()) {
        fputs("usage: slip_node LINK\n", stderr);
        return 2;
    }
    waiting.fd = terminal;
    for (;;) {
        rest = coap2_poll(&node, now_ms());
        (void)poll(&waiting, 1, rest < 1000 ? (int)rest : 1000);
    }
}
