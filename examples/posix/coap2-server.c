/* coap2-server.c - a server to try clients on.

   cc -I../.. coap2-server.c -o coap2-server, then:
   ./coap2-server -v -n node1.local

   /climate  two variables, to be read and written, as text, JSON or CBOR;
             no handler
   /fan      on or off
   /large    more than a datagram should hold
   /store    up to 65,536 bytes, with the format that they came in
   /slow     an answer that takes two seconds
   /secret   not listed in /.well-known/core

   The first two and /store may be observed, and subscribed to with a rule. It
   is found by `coap2 find`, by what it has and by its name, on every interface:

       coap2 subscribe coap://node1.local/climate 'temp > 25 and hum < 50'
       coap2 put -e 'temp=25.5 hum=40' coap://node1.local/climate */

#ifndef _GNU_SOURCE
#define _GNU_SOURCE /* NOLINT: for udp.h */
#endif

/* A machine with room. */
#define COAP2_MAX_EXCHANGES 64
#define COAP2_MAX_DUPLICATES 200
#define COAP2_MAX_OBSERVERS 200
#define COAP2_OBSERVE_OPTIONS 255
#define COAP2_MAX_UPLOADS 16
#define COAP2_REPLY_SIZE 255
#define COAP2_IMPLEMENTATION
#include "coap2.h"

#include "signals.h"
#include "trace.h"
#include "udp.h"

enum { DONE = 0, FAILED = 1, BAD_USAGE = 2 };

/* ---- /climate ----------------------------------------------------------- */

static int16_t temp10 = 215; /* tenths of a degree */
static uint8_t hum = 40;     /* percent            */

COAP2_FIELDS(climate_fields, COAP2_FIELD_RW("temp", COAP2_I16, temp10, -1),
             COAP2_FIELD_RW("hum", COAP2_U8, hum, 0));

COAP2_BOUND(climate, "climate", COAP2_OBSERVABLE, climate_fields,
            "rt=\"climate\"");

/* ---- /fan --------------------------------------------------------------- */

static bool fan_on;

static uint8_t on_fan(coap2_req *req, coap2_rsp *rsp)
{
    if (req->method == COAP2_GET) {
        if (fan_on)
            coap2_rsp_text(rsp, "on");
        else
            coap2_rsp_text(rsp, "off");
        return COAP2_205_CONTENT;
    }
    if (coap2_req_text_is(req, "on"))
        fan_on = true;
    else if (coap2_req_text_is(req, "off"))
        fan_on = false;
    else
        return COAP2_400_BAD_REQUEST;
    return COAP2_204_CHANGED;
}

COAP2_RESOURCE(fan, "fan", COAP2_GET | COAP2_PUT | COAP2_OBSERVABLE, on_fan,
               "rt=\"fan\"");

/* ---- /large ------------------------------------------------------------- */

enum { LARGE_LINE = 40, LARGE_SIZE = 128 * LARGE_LINE };

/* Only the lines that the asked-for block needs are made. */
static uint8_t on_large(coap2_req *req, coap2_rsp *rsp)
{
    char line[64];
    uint32_t at, end, skipped, size;

    (void)req;
    end = (uint32_t)coap2_rsp_window(rsp, LARGE_SIZE, &at);
    for (end += at; at < end; at += size) {
        skipped = at % LARGE_LINE;
        size = LARGE_LINE - skipped;
        if (size > end - at) size = end - at;
        (void)snprintf(line, sizeof line,
                       "line %3u of 128 in this large resource.\n",
                       (unsigned)(at / LARGE_LINE + 1));
        coap2_rsp_bytes(rsp, COAP2_FORMAT_TEXT, line + skipped, size);
    }
    return COAP2_205_CONTENT;
}

COAP2_RESOURCE(large, "large", COAP2_GET, on_large, "title=\"large\";sz=5120");

/* ---- /store ------------------------------------------------------------- */

enum { STORE_SIZE = 65536 };

static struct {
    bool exists;
    uint16_t format;
    size_t length;
    uint8_t etag[8];
    uint8_t bytes[STORE_SIZE];
} stored;

/* A hash (FNV-1a): the same bytes in the same format have the same tag, also
   after a restart. */
static void tag_store(void)
{
    uint64_t hash = (0xcbf29ce484222325u ^ stored.format) * 0x100000001b3u;
    size_t i;

    for (i = 0; i < stored.length; i++)
        hash = (hash ^ stored.bytes[i]) * 0x100000001b3u;
    for (i = 0; i < sizeof stored.etag; i++)
        stored.etag[i] = (uint8_t)(hash >> (8 * i));
}

static uint8_t get_store(coap2_rsp *rsp)
{
    uint32_t at;
    size_t size;

    if (!stored.exists) return COAP2_404_NOT_FOUND;
    coap2_rsp_etag(rsp, stored.etag, sizeof stored.etag);
    size = coap2_rsp_window(rsp, (uint32_t)stored.length, &at);
    coap2_rsp_bytes(rsp, stored.format, stored.bytes + at, size);
    return COAP2_205_CONTENT;
}

static uint8_t put_store(const coap2_req *req)
{
    bool existed = stored.exists;

    if (req->payload_length > sizeof stored.bytes)
        return COAP2_413_REQUEST_ENTITY_TOO_LARGE;
    if (req->payload_length > 0)
        memcpy(stored.bytes, req->payload, req->payload_length);
    stored.length = req->payload_length;
    stored.format = req->format;
    stored.exists = true;
    tag_store();
    return existed ? COAP2_204_CHANGED : COAP2_201_CREATED;
}

/* If-Match and If-None-Match were decided before this runs, and its observers
   hear of it after that, without a word here. */
static uint8_t on_store(coap2_req *req, coap2_rsp *rsp)
{
    if (req->method == COAP2_GET) return get_store(rsp);
    if (req->method == COAP2_PUT) return put_store(req);
    stored.exists = false;
    return COAP2_202_DELETED;
}

COAP2_RESOURCE(store, "store",
               COAP2_GET | COAP2_PUT | COAP2_DELETE | COAP2_OBSERVABLE,
               on_store, "title=\"any bytes\"");

/* ---- /slow -------------------------------------------------------------- */

enum { SLOW_MS = 2000 };

/* Requests that wait for their answer; free where the ticket is below 0. */
static struct {
    int16_t ticket;
    uint32_t due;
} slow_ones[COAP2_MAX_EXCHANGES];

static uint8_t on_slow(coap2_req *req, coap2_rsp *rsp)
{
    size_t i;

    (void)rsp;
    for (i = 0; i < COAP2_MAX_EXCHANGES; i++) {
        if (slow_ones[i].ticket >= 0) continue;
        slow_ones[i].ticket = coap2_later(req);
        slow_ones[i].due = udp_now(NULL) + SLOW_MS;
        if (slow_ones[i].ticket >= 0) return COAP2_LATER;
        break;
    }
    return COAP2_503_SERVICE_UNAVAILABLE;
}

COAP2_RESOURCE(slow, "slow", COAP2_GET, on_slow, "title=\"takes two seconds\"");

static void start_slow(void)
{
    size_t i;

    for (i = 0; i < COAP2_MAX_EXCHANGES; i++) slow_ones[i].ticket = -1;
}

/* Answer those that are due. Returns how long the others may wait; 0 where an
   answer is there for coap2_poll to send. */
static uint32_t answer_slow(coap2_node *node, uint32_t now)
{
    uint32_t wait = COAP2_FOREVER, left;
    size_t i;

    for (i = 0; i < COAP2_MAX_EXCHANGES; i++) {
        if (slow_ones[i].ticket < 0) continue;
        left = slow_ones[i].due - now;
        if (left > 0 && left <= SLOW_MS) { /* not due, nor late */
            wait = left < wait ? left : wait;
            continue;
        }
        (void)coap2_answer(node, slow_ones[i].ticket, COAP2_205_CONTENT,
                           COAP2_FORMAT_TEXT, "slow", 4);
        slow_ones[i].ticket = -1;
        wait = 0;
    }
    return wait;
}

/* ---- /secret ------------------------------------------------------------ */

static uint8_t on_secret(coap2_req *req, coap2_rsp *rsp)
{
    (void)req;
    coap2_rsp_text(rsp, "you found it");
    return COAP2_205_CONTENT;
}

COAP2_RESOURCE(secret, "secret", COAP2_GET | COAP2_HIDDEN, on_secret, "");

/* ---- the command line --------------------------------------------------- */

typedef struct options {
    const char *address, *name, *interface;
    uint16_t port;
    bool verbose, help;
} options;

static void print_usage(FILE *out)
{
    fputs("usage: coap2-server [-A ADDRESS] [-p PORT] [-n NAME] "
          "[-i INTERFACE] [-v]\n"
          "\n"
          "    -A ADDRESS    listen at this address only; with one of the "
          "loopback,\n"
          "                  groups are joined on the loopback only\n"
          "    -p PORT       instead of 5683; 0 finds a free one\n"
          "    -n NAME       the name by which it is found, as node1.local\n"
          "    -i INTERFACE  join the groups 224.0.1.187, ff02::fd and "
          "ff05::fd on this\n"
          "                  interface only\n"
          "    -v            show what is received and sent\n"
          "    -h            this text\n"
          "\n"
          "Exit status: 0 ended by SIGINT or SIGTERM, 1 cannot listen, 2 bad "
          "usage.\n",
          out);
}

static bool bad_usage(const char *what, const char *which)
{
    fprintf(stderr, "coap2-server: %s%s\ntry: coap2-server -h\n", what, which);
    return false;
}

static bool read_port(uint16_t *port, const char *text)
{
    char *end;
    unsigned long number = strtoul(text, &end, 10);

    if (text[0] < '0' || text[0] > '9' || *end != '\0' || number > UINT16_MAX)
        return bad_usage("a port is a number from 0 to 65535, not ", text);
    *port = (uint16_t)number;
    return true;
}

static bool read_option(options *o, int letter)
{
    char text[2] = {(char)optopt, '\0'};

    switch (letter) {
    case 'A':
        o->address = optarg;
        return true;
    case 'p':
        return read_port(&o->port, optarg);
    case 'n':
        o->name = optarg;
        return true;
    case 'i':
        o->interface = optarg;
        return true;
    case 'v':
        o->verbose = true;
        return true;
    case 'h':
        o->help = true;
        return true;
    case ':':
        return bad_usage("what is missing behind -", text);
    default:
        return bad_usage("there is no option -", text);
    }
}

static bool read_options(options *o, int argc, char **argv)
{
    int letter;

    memset(o, 0, sizeof *o);
    o->port = 5683;
    while ((letter = getopt(argc, argv, ":A:p:n:i:vh")) != -1)
        if (!read_option(o, letter)) return false;
    if (optind < argc) return bad_usage("it takes no argument: ", argv[optind]);
    return true;
}

/* ---- the server --------------------------------------------------------- */

COAP2_TABLE(things, &climate, &fan, &large, &store, &slow, &secret);

/* Packets of the size that RFC 7252 4.6 advises; larger bodies go in blocks,
   and those that come are put together in `bodies`. */
enum { PACKET = 1152, SLOTS = COAP2_MAX_EXCHANGES + 1 };

static udp net;
static coap2_node server;
static uint8_t in[PACKET], out[SLOTS * PACKET];
static uint8_t bodies[COAP2_MAX_UPLOADS * STORE_SIZE];

static coap2_result shown_send(void *io, const coap2_peer *to,
                               const uint8_t *bytes, size_t length)
{
    coap2_result result = udp_send(io, to, bytes, length);

    trace_packet(result == COAP2_OK ? "to" : "not sent to", to, bytes, length,
                 length);
    return result;
}

static int32_t shown_recv(void *io, coap2_peer *from, uint8_t *bytes,
                          size_t size)
{
    int32_t length = udp_recv(io, from, bytes, size);

    if (length >= 0)
        trace_packet(from->group ? "to a group, from" : "from", from, bytes,
                     (size_t)length, size);
    return length;
}

static void show_log(void *io, const char *what, const coap2_peer *peer)
{
    (void)io;
    trace_event(what, peer);
}

static bool set_up(const options *o)
{
    uint8_t chance[16];

    if (!udp_open(&net, o->address, o->port, o->interface, true)) {
        fprintf(stderr, "coap2-server: %s\n", net.error);
        return false;
    }
    server.name = o->name;
    server.send = o->verbose ? shown_send : udp_send;
    server.recv = o->verbose ? shown_recv : udp_recv;
    server.log = o->verbose ? show_log : NULL;
    server.io = &net;
    server.in = in;
    server.in_size = sizeof in;
    server.out = out;
    server.out_size = sizeof out;
    server.packet = PACKET;
    server.resources = things;
    server.bodies = bodies;
    server.bodies_size = sizeof bodies;
    if (coap2_start(&server, udp_seed()) != COAP2_OK) {
        fputs("coap2-server: coap2_start refused\n", stderr);
        return false;
    }
    udp_random(chance, sizeof chance);
    coap2_seed(&server, chance, sizeof chance);
    start_slow();
    return true;
}

/* One line, for people and for the scripts that wait for it. */
static void announce(void)
{
    const char *before = "listening on";
    char text[80];
    coap2_peer at;
    int i;

    for (i = UDP_IPV4; i <= UDP_IPV6; i++) {
        if (!udp_bound(&net, i, &at)) continue;
        udp_peer_text(&at, text, sizeof text);
        printf("%s %s", before, text);
        before = " and";
    }
    putchar('\n');
    (void)fflush(stdout);
}

static void serve(void)
{
    uint32_t now, wait, slow_wait;

    while (!end_is_asked) {
        now = udp_now(&net);
        wait = coap2_poll(&server, now);
        slow_wait = answer_slow(&server, now);
        udp_idle(&net, wait < slow_wait ? wait : slow_wait);
    }
}

int main(int argc, char **argv)
{
    options o;

    if (!read_options(&o, argc, argv)) return BAD_USAGE;
    if (o.help) {
        print_usage(stdout);
        return DONE;
    }
    if (!set_up(&o)) return FAILED;
    catch_end(&net);
    announce();
    serve();
    udp_close(&net);
    return DONE;
}
