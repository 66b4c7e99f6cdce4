/* cmd_slip.h - the command `slip`: a node at the end of a serial line, and UDP
   in front of it.

   Each datagram that comes to the port goes to the line as a frame, with its
   sender's address before it (@slip in coap2.h), and what comes back goes to
   the address that stands before it. For IPv4 nothing has to be remembered, so
   that this may begin anew in the midst of an observation. An IPv6 address has
   no place in a frame: such a client is given a number. */

#ifndef CMD_SLIP_H
#define CMD_SLIP_H

#include <sys/ioctl.h>
#include <termios.h>

#include "request.h"
#include "signals.h"
#include "trace.h"
#include "udp.h"

#define SLIP_LETTERS "a:b:i:p:v"

enum {
    SLIP_CLIENTS = 256,
    SLIP_FRAME = 2048,
    SLIP_RETRY_MS = 500 /* while the line is not there */
};

/* The longest frame, escaped. */
enum { SLIP_OUT = 2 * (SLIP_FRAME + COAP2_SLIP_AROUND) + 2 };

typedef struct gateway {
    udp net;
    const char *device;
    speed_t speed;
    bool verbose;
    int line; /* -1: it is not there */
    coap2_slip slip;
    uint8_t frame[SLIP_FRAME]; /* from the line */
    uint8_t out[SLIP_OUT];     /* to the line, as far as it takes it */
    size_t out_length, out_at;
    coap2_peer clients[SLIP_CLIENTS];
    unsigned next_client;
} gateway;

/* ---- the line ----------------------------------------------------------- */

static bool slip_speed(const char *text, speed_t *speed)
{
    static const struct {
        const char *text;
        speed_t speed;
    } speeds[] = {
        {"9600", B9600},       {"19200", B19200},    {"38400", B38400},
        {"57600", B57600},     {"115200", B115200},  {"230400", B230400},
        {"460800", B460800},   {"500000", B500000},  {"921600", B921600},
        {"1000000", B1000000}, {"2000000", B2000000}};
    size_t i;

    for (i = 0; i < sizeof speeds / sizeof speeds[0]; i++)
        if (strcmp(speeds[i].text, text) == 0) {
            *speed = speeds[i].speed;
            return true;
        }
    return false;
}

/* Bytes as they are, without modem lines. */
static bool slip_set_raw(int line, speed_t speed)
{
    struct termios settings;

    if (!isatty(line)) return true;
    if (tcgetattr(line, &settings) != 0) return false;
    cfmakeraw(&settings);
    settings.c_cflag |= CLOCAL | CREAD;
    settings.c_cflag &= ~(tcflag_t)CRTSCTS;
    (void)cfsetispeed(&settings, speed);
    (void)cfsetospeed(&settings, speed);
    return tcsetattr(line, TCSANOW, &settings) == 0;
}

static bool slip_open_line(gateway *g)
{
    int error;

    g->line = open(g->device, O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
    if (g->line < 0) return false;
    coap2_slip_start(&g->slip, g->frame, sizeof g->frame);
    g->out_length = g->out_at = 0;
    (void)tcflush(g->line, TCIOFLUSH); /* what nobody waits for */
    if (slip_set_raw(g->line, g->speed)) return true;
    error = errno;
    (void)close(g->line);
    g->line = -1;
    errno = error;
    return false;
}

static void slip_lose_line(gateway *g)
{
    (void)close(g->line);
    g->line = -1;
    (void)complain(FAILED, "%s is gone; waiting for it", g->device);
}

static bool slip_has_failed(void)
{
    return errno != EAGAIN && errno != EWOULDBLOCK && errno != EINTR;
}

static void slip_put(void *io, uint8_t byte)
{
    gateway *g = (gateway *)io;

    if (g->out_length < sizeof g->out) g->out[g->out_length++] = byte;
}

static void slip_write_line(gateway *g)
{
    size_t left = g->out_length - g->out_at;
    ssize_t written = write(g->line, g->out + g->out_at, left);

    if (written < 0 && slip_has_failed()) slip_lose_line(g);
    if (written > 0) g->out_at += (size_t)written;
    if (g->out_at == g->out_length) g->out_length = g->out_at = 0;
}

/* ---- clients ------------------------------------------------------------ */

/* The place of a client, made where there is none; of too many the oldest one
   is forgotten. */
static unsigned slip_note_client(gateway *g, const coap2_peer *peer)
{
    unsigned i;

    for (i = 0; i < SLIP_CLIENTS; i++)
        if (coap2_peer_equals(&g->clients[i], peer)) break;
    if (i == SLIP_CLIENTS) {
        i = g->next_client;
        g->next_client = (i + 1) % SLIP_CLIENTS;
    }
    g->clients[i] = *peer;
    g->clients[i].group = false;
    return i;
}

/* How a frame names a client. */
static coap2_peer slip_name_client(gateway *g, const coap2_peer *client)
{
    unsigned number = slip_note_client(g, client) + 1;
    coap2_peer name;

    if (client->kind == COAP2_PEER_IPV4) return *client;
    memset(&name, 0, sizeof name);
    name.kind = COAP2_PEER_OTHER;
    name.group = client->group;
    name.address[2] = (uint8_t)(number >> 8);
    name.address[3] = (uint8_t)number;
    return name;
}

/* Whom a frame is for; false if nobody is called so. A client that is known
   is answered from where it was heard. */
static bool slip_find_client(const gateway *g, coap2_peer *peer)
{
    unsigned i = peer->address[2] * 256u + peer->address[3];

    if (peer->kind == COAP2_PEER_OTHER) {
        if (i == 0 || i > SLIP_CLIENTS) return false;
        *peer = g->clients[i - 1];
        return peer->kind == COAP2_PEER_IPV6;
    }
    for (i = 0; i < SLIP_CLIENTS; i++)
        if (coap2_peer_equals(&g->clients[i], peer))
            peer->arrived = g->clients[i].arrived;
    return true;
}

/* ---- from one side to the other ----------------------------------------- */

static void slip_show_text(const uint8_t *text, size_t length)
{
    fputs("node: ", stdout);
    put_escaped(stdout, text, length);
    fputc('\n', stdout);
    (void)fflush(stdout);
}

static void slip_to_network(gateway *g, size_t length)
{
    coap2_peer peer;
    coap2_result result;

    if (g->frame[0] == '\n') slip_show_text(g->frame + 1, length - 1);
    length = coap2_slip_message(&g->slip, length, &peer);
    if (length == 0 || !slip_find_client(g, &peer)) return;
    result = udp_send(&g->net, &peer, g->frame, length);
    if (g->verbose)
        trace_packet(result == COAP2_OK ? "to" : "not sent to", &peer, g->frame,
                     length, length);
}

static void slip_read_line(gateway *g)
{
    uint8_t bytes[512];
    ssize_t count = read(g->line, bytes, sizeof bytes), i;
    size_t length;

    if (count == 0 || (count < 0 && slip_has_failed())) slip_lose_line(g);
    for (i = 0; i < count; i++) {
        length = coap2_slip_take(&g->slip, bytes[i]);
        if (length > 0) slip_to_network(g, length);
    }
}

static void slip_to_line(gateway *g, const coap2_peer *from,
                         const uint8_t *bytes, size_t length)
{
    coap2_peer name = slip_name_client(g, from);
    coap2_line line;

    memset(&line, 0, sizeof line);
    line.put = slip_put;
    line.io = g;
    (void)coap2_slip_send(&line, &name, bytes, length);
}

/* A datagram waits in its socket until the last one has left by the line; it
   is lost where there is none. */
static void slip_read_network(gateway *g)
{
    uint8_t bytes[SLIP_FRAME];
    coap2_peer from;
    int32_t length;

    while (g->out_length == 0) {
        memset(&from, 0, sizeof from);
        length = udp_recv(&g->net, &from, bytes, sizeof bytes);
        if (length < 0) return;
        if (g->verbose)
            trace_packet(from.group ? "to a group, from" : "from", &from, bytes,
                         (size_t)length, sizeof bytes);
        if (g->line < 0 || length > (int32_t)sizeof bytes) continue;
        slip_to_line(g, &from, bytes, (size_t)length);
        if (g->out_length > 0) slip_write_line(g);
    }
}

/* ---- the command -------------------------------------------------------- */

/* Wait until there is something to do. */
static void slip_wait(gateway *g)
{
    struct timespec limit = {0, SLIP_RETRY_MS * 1000000L};
    bool writing = g->out_length > 0;
    struct pollfd waiting[UDP_SOCKETS + 1];
    int i, count = writing ? 0 : g->net.count;

    for (i = 0; i < count; i++) {
        waiting[i].fd = g->net.sockets[i];
        waiting[i].events = POLLIN;
    }
    waiting[count].fd = g->line;
    waiting[count].events = writing ? POLLIN | POLLOUT : POLLIN;
    (void)ppoll(waiting, (nfds_t)count + 1, g->line < 0 ? &limit : NULL,
                g->net.waiting_mask);
}

static void slip_serve(gateway *g)
{
    while (!end_is_asked) {
        slip_wait(g);
        if (g->line < 0 && slip_open_line(g))
            (void)complain(FAILED, "%s is back", g->device);
        if (g->line >= 0) slip_read_line(g);
        if (g->line >= 0 && g->out_length > 0) slip_write_line(g);
        if (g->line < 0) g->out_length = g->out_at = 0;
        slip_read_network(g);
    }
}

/* One line, for people and for the scripts that wait for it. */
static void slip_announce(const gateway *g)
{
    const char *before = "listening on";
    char text[80];
    coap2_peer at;
    int i;

    for (i = UDP_IPV4; i <= UDP_IPV6; i++) {
        if (!udp_bound(&g->net, i, &at)) continue;
        udp_peer_text(&at, text, sizeof text);
        printf("%s %s", before, text);
        before = " and";
    }
    putchar('\n');
    (void)fflush(stdout);
}

typedef struct slip_options {
    const char *address, *interface;
    uint16_t port;
} slip_options;

static int slip_read_options(gateway *g, slip_options *o, const call *c)
{
    int i;

    o->address = o->interface = NULL;
    o->port = 5683;
    g->speed = B115200;
    for (i = 0; i < c->letter_count; i++) {
        const char *value = c->letters[i].value;

        switch (c->letters[i].name) {
        case 'a':
            o->address = value;
            break;
        case 'i':
            o->interface = value;
            break;
        case 'v':
            g->verbose = true;
            break;
        case 'p':
            if (read_u16(value, &o->port)) break;
            return complain(BAD_USAGE, "-p: no port: %s", value);
        default:
            if (slip_speed(value, &g->speed)) break;
            return complain(BAD_USAGE, "-b: no speed of lines: %s", value);
        }
    }
    return DONE;
}

static int run_slip(const call *c)
{
    static gateway g;
    slip_options o;

    if (slip_read_options(&g, &o, c) != DONE) return BAD_USAGE;
    g.device = c->arguments[0];
    if (!udp_open(&g.net, o.address, o.port, o.interface, true))
        return complain(FAILED, "%s", g.net.error);
    if (!slip_open_line(&g))
        return complain(FAILED, "%s: %s", g.device, strerror(errno));
    catch_end(&g.net);
    slip_announce(&g);
    slip_serve(&g);
    udp_close(&g.net);
    if (g.line >= 0) (void)close(g.line);
    return DONE;
}

#endif /* CMD_SLIP_H */
