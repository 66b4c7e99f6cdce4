/* Observers and bodies beyond a packet in a simulated world: 10,000 runs over
   a network that loses 30 % of all datagrams, doubles 10 % and lets them
   overtake each other. Whatever happens there, these hold:

   - after the last change every observer that has not ended comes to the last
     state: a notification arrives, or the client asks again when the last one
     is not fresh any more (RFC 7641 3.3.1, 4.5);
   - no body is handed over damaged, up or down, whole or in pieces, also where
     it changes while it is read (RFC 7959 2.4, 2.5, RFC 9175 3);
   - an upload that was answered by 2.04 has reached its handler, once;
   - each request ends in one last callback;
   - when all have gone, asked to or not, every exchange and every observer's
     place is free, and so are all places for bodies after COAP2_BLOCK_IDLE.

   A run that breaks a rule prints its seed; WORLD_SEED=n runs that seed alone
   and prints what was on the wire. The macro or variable WORLD_RUNS=n makes
   another number of runs. */
#include <stdio.h>
#include <stdlib.h>
#define COAP2_MAX_DUPLICATES 100
#define COAP2_REPLY_SIZE 255 /* a packet: all of an answer is remembered */
#define COAP2_IMPLEMENTATION
#include "../coap2.h"
#define WORLD_PACKET 256
#include "world.h"

#ifndef WORLD_RUNS
#ifdef __powerpc__ /* emulated, and ten times as slow */
#define WORLD_RUNS 1000
#else
#define WORLD_RUNS 10000
#endif
#endif

enum {
    NODES = 4,   /* the first is the server */
    WATCHES = 4, /* of a run, at most */
    ASKS = 6,    /* uploads and downloads of a run, at most */
    LARGEST = 700,
    SHARE = 768, /* of node.bodies */
    PACKET = 256,
    SLOTS = COAP2_MAX_EXCHANGES + 1
};

#define HOUR ((uint64_t)3600000)
#define MEGABYTE ((uint32_t)1048576)

/* What a body is: its kind in the upper byte of its number, its version or its
   request in the lower one. */
enum { STATE, LAMP, FILE_, UPLOAD, ANSWER, KINDS };
enum { VERSIONS = 3 }; /* kinds that have versions */

/* What has come of a body. */
typedef struct collector {
    uint8_t bytes[LARGEST];
    size_t at;
} collector;

/* Somebody who observes, from the first to the last request for it. */
typedef struct watch {
    unsigned from, kind;
    bool confirmable, assembled, closing;
    int16_t handle; /* 0: none is under way */
    unsigned version;
    collector got;
    uint8_t body[LARGEST];
} watch;

enum { DOWNLOAD, STORE, POUR, CONVERSE, WAYS };

/* An upload or a download, from its plan to its end. */
typedef struct ask {
    unsigned number, from, way, version;
    bool assembled;
    uint8_t szx;
    int16_t handle;
    unsigned ends, handed;
    collector got;
    uint8_t body[LARGEST];
} ask;

/* A body that comes to /pour in pieces. */
typedef struct stream {
    coap2_peer peer;
    uint32_t tag;
    collector got;
} stream;

typedef struct totals {
    unsigned long notes, confirmed, stale, over, downloads, uploads,
        conversations;
    unsigned long restarts, refused, timed_out, other, pieces;
} totals;

static world w;
static world_place places[NODES];
static coap2_node nodes[NODES];
static uint8_t in[NODES][PACKET], out[NODES][SLOTS * PACKET];
static uint8_t bodies[COAP2_MAX_UPLOADS * SHARE];
static unsigned node_count, watch_count, ask_count, stream_count;
static watch watches[WATCHES];
static ask asks[ASKS];
static stream streams[ASKS];
static unsigned versions[VERSIONS];
static uint32_t max_age, longest; /* of this run */
static bool seeks;                /* this run's handlers ask what is wanted */
static unsigned continued;        /* 2.31 that were sent */
static totals sums;
static uint32_t the_seed;

/* ---- rules that may be broken ------------------------------------------- */

enum {
    DAMAGED,
    TOO_OLD,
    LAST_STATE,
    LOST_RUN,
    TWICE,
    ENDS,
    RESULT,
    EXCHANGE_LEAKS,
    OBSERVER_LEAKS,
    UPLOAD_LEAKS,
    SPIN,
    IDLE,
    NO_ROOM,
    TOO_LONG,
    RULES
};

static unsigned long broken[RULES];
static const char *const rule_names[RULES] = {
    "a body was handed over damaged",
    "a body is older than its request",
    "an observer has not come to the last state",
    "answered by 2.04, but the handler has not seen the body",
    "a handler has seen an upload twice",
    "a request has not ended exactly once",
    "a result that cannot be",
    "an exchange is not free in the end",
    "an observer's place is not free in the end",
    "a place for a body is not free in the end",
    "poll returns 0 for ever",
    "poll says later though there is something to do",
    "the world is too small",
    "a datagram is larger than a slot, or no message"};

static void break_rule(unsigned rule, unsigned long detail)
{
    if (broken[rule]++ > 0 && !w.trace) return;
    printf("  %s (%lu), %lu ms: WORLD_SEED=%lu shows it\n", rule_names[rule],
           detail, (unsigned long)w.now, (unsigned long)the_seed);
}

/* ---- bodies -------------------------------------------------------------- */

static uint32_t mix(uint32_t number)
{
    number = (number ^ number >> 16) * 0x45d9f3bu;
    number = (number ^ number >> 16) * 0x45d9f3bu;
    return number ^ number >> 16;
}

/* Each begins with its number, so that it says what it is. */
static size_t body_length(uint32_t number)
{
    return 2u + mix(number + the_seed * 65536u) % (longest - 1u);
}

static uint8_t body_byte(uint32_t number, uint32_t at)
{
    if (at < 2) return (uint8_t)(number >> (8 * at));
    return (uint8_t)mix(number * 1048576u + at);
}

static void fill_body(uint32_t number, uint32_t at, uint8_t *bytes, size_t size)
{
    for (; size > 0; size--) *bytes++ = body_byte(number, at++);
}

/* The number of a body of a kind, which is whole; without one: damaged. */
static unsigned check_body(unsigned kind, const collector *got)
{
    uint32_t number = got->bytes[0] + got->bytes[1] * 256u;
    size_t i;

    if (got->at < 2 || number / 256 != kind || got->at != body_length(number)) {
        break_rule(DAMAGED, number);
        return 0;
    }
    for (i = 0; i < got->at; i++) {
        if (got->bytes[i] == body_byte(number, (uint32_t)i)) continue;
        break_rule(DAMAGED, (unsigned long)i);
        return 0;
    }
    return number % 256;
}

/* Add a piece; each stands behind the one before it. */
static void collect(collector *got, uint32_t offset, const uint8_t *bytes,
                    size_t length)
{
    if (offset == 0) got->at = 0;
    if (offset != got->at || length > LARGEST - got->at) {
        break_rule(DAMAGED, offset);
        return;
    }
    if (length > 0) memcpy(got->bytes + got->at, bytes, length);
    got->at += length;
}

/* ---- the server ---------------------------------------------------------- */

static void write_body(coap2_rsp *rsp, uint32_t number)
{
    uint8_t bytes[LARGEST];
    uint32_t at = 0;
    size_t size = body_length(number);

    if (seeks) size = coap2_rsp_window(rsp, (uint32_t)size, &at);
    fill_body(number, at, bytes, size);
    coap2_rsp_bytes(rsp, COAP2_FORMAT_OCTETS, bytes, size);
}

static uint8_t write_version(coap2_rsp *rsp, unsigned kind)
{
    uint8_t etag = (uint8_t)versions[kind];

    coap2_rsp_etag(rsp, &etag, 1);
    rsp->max_age = max_age;
    write_body(rsp, kind * 256u + versions[kind]);
    return COAP2_205_CONTENT;
}

static uint8_t on_state(coap2_req *req, coap2_rsp *rsp)
{
    (void)req;
    return write_version(rsp, STATE);
}

/* What is written there counts only. */
static uint8_t on_lamp(coap2_req *req, coap2_rsp *rsp)
{
    if (req->method == COAP2_GET) return write_version(rsp, LAMP);
    versions[LAMP]++;
    return COAP2_204_CHANGED;
}

static uint8_t on_file(coap2_req *req, coap2_rsp *rsp)
{
    (void)req;
    return write_version(rsp, FILE_);
}

/* An upload is whole. */
static unsigned take_upload(const collector *got)
{
    unsigned number = check_body(UPLOAD, got);

    if (number >= ask_count) {
        break_rule(DAMAGED, number);
    } else if (++asks[number].handed > 1) {
        break_rule(TWICE, number);
    }
    return number;
}

static uint8_t on_store(coap2_req *req, coap2_rsp *rsp)
{
    static collector got;
    unsigned number;

    collect(&got, 0, req->payload, req->payload_length);
    number = take_upload(&got);
    if (req->method == COAP2_POST) write_body(rsp, ANSWER * 256u + number);
    return COAP2_204_CHANGED;
}

/* The body that a piece belongs to: its sender's, under its Request-Tag. */
static stream *find_stream(const coap2_req *req)
{
    uint32_t tag = UINT32_MAX; /* a body that has one piece only */
    coap2_opt opt;
    stream *s;

    if (coap2_msg_find(req->msg, COAP2_OPT_REQUEST_TAG, &opt)) {
        (void)coap2_opt_uint(&opt, &tag);
    }
    for (s = streams; s < streams + stream_count; s++) {
        if (s->tag == tag && coap2_peer_equals(&s->peer, req->peer)) return s;
    }
    if (stream_count == ASKS) {
        break_rule(NO_ROOM, stream_count);
        return streams;
    }
    stream_count++;
    s->peer = *req->peer;
    s->tag = tag;
    s->got.at = 0;
    return s;
}

static uint8_t on_pour(coap2_req *req, coap2_rsp *rsp)
{
    stream *s = find_stream(req);

    (void)rsp;
    sums.pieces++;
    collect(&s->got, req->offset, req->payload, req->payload_length);
    if (req->last) take_upload(&s->got);
    return COAP2_204_CHANGED;
}

COAP2_RESOURCE(state, "state", COAP2_GET | COAP2_OBSERVABLE, on_state, "");
COAP2_RESOURCE(lamp, "lamp", COAP2_GET | COAP2_PUT | COAP2_OBSERVABLE, on_lamp,
               "");
COAP2_RESOURCE(file, "file", COAP2_GET, on_file, "");
COAP2_RESOURCE(store, "store", COAP2_PUT | COAP2_POST, on_store, "");
COAP2_RESOURCE(pour, "pour", COAP2_PUT | COAP2_PIECES, on_pour, "");
COAP2_TABLE(things, &state, &lamp, &file, &store, &pour);

static void change(world *world_, void *user)
{
    (void)world_;
    if (user == &versions[STATE]) coap2_changed(&nodes[0], &state);
    ++*(unsigned *)user;
    if (user == &versions[LAMP]) coap2_changed(&nodes[0], &lamp);
}

/* ---- those who observe --------------------------------------------------- */

static const char *const paths[VERSIONS] = {"state", "lamp", "file"};

/* Is it a piece of the body? An error's payload is a text, and here empty. */
static bool is_content(const coap2_reply *reply)
{
    if (reply->result != COAP2_OK) return false;
    if (COAP2_CODE_CLASS(reply->msg->code) == 2) return true;
    if (reply->msg->payload_length != 0) {
        break_rule(DAMAGED, reply->msg->payload_length);
    }
    return false;
}

static void start_watch(world *world_, void *user);

static void on_note(const coap2_reply *reply)
{
    watch *x = (watch *)reply->user;

    if (reply->request != x->handle) break_rule(RESULT, 0);
    if (is_content(reply)) {
        collect(&x->got, reply->offset, reply->msg->payload,
                reply->msg->payload_length);
        if (reply->last) {
            x->version = check_body(x->kind, &x->got);
            sums.notes++;
        }
    }
    if (reply->more) {
        sums.stale += reply->result == COAP2_ERR_TIMEOUT;
        return;
    }
    x->handle = 0;
    sums.over++;
    if (x->closing) return;
    world_later(&w, &places[x->from], 1000 + world_below(&w, 20000),
                start_watch, x);
}

static void start_watch(world *world_, void *user)
{
    watch *x = (watch *)user;
    coap2_call call;

    (void)world_;
    if (x->closing || x->handle > 0) return;
    coap2_call_start_to(&call, &nodes[x->from], COAP2_GET, &places[0].at,
                        paths[x->kind]);
    coap2_write_uint(&call.w, COAP2_OPT_OBSERVE, 0);
    call.confirmable = x->confirmable;
    if (!x->confirmable) call.deadline = 20000;
    if (x->assembled) {
        call.body = x->body;
        call.body_size = sizeof x->body;
    }
    x->got.at = 0;
    x->handle = coap2_call_send(&call, on_note, x);
    if (x->handle > 0) return;
    x->handle = 0;
    world_later(&w, &places[x->from], 5000, start_watch, x);
}

/* Half of those who go say so, to the server or only to their node; the others
   are asleep, or dead. */
static void end_watch(watch *x)
{
    coap2_node *node = &nodes[x->from];

    x->closing = true;
    if (x->handle == 0) return;
    if (world_chance(&w, 500)) {
        coap2_cancel(node, x->handle);
    } else {
        coap2_forget(node, x->handle);
    }
    if (x->handle != 0) break_rule(ENDS, x->from);
}

/* ---- those who ask ------------------------------------------------------- */

static void pull(void *user, uint32_t at, uint8_t *bytes, size_t size)
{
    const ask *a = (const ask *)user;

    if (at + size > body_length(UPLOAD * 256u + a->number)) {
        break_rule(DAMAGED, at);
    }
    fill_body(UPLOAD * 256u + a->number, at, bytes, size);
}

/* All of an answer is there. */
static void check_ask(const ask *a)
{
    if (a->way == DOWNLOAD) {
        if (check_body(FILE_, &a->got) < a->version) {
            break_rule(TOO_OLD, a->number);
        }
        sums.downloads++;
        return;
    }
    if (a->handed != 1) break_rule(LOST_RUN, a->number);
    if (a->way == CONVERSE) {
        if (check_body(ANSWER, &a->got) != a->number) {
            break_rule(DAMAGED, a->number);
        }
        sums.conversations++;
    } else {
        if (a->got.at != 0) break_rule(DAMAGED, a->got.at);
        sums.uploads++;
    }
}

static void count_end(const ask *a, const coap2_reply *reply)
{
    if (reply->result == COAP2_OK) {
        if (is_content(reply)) {
            check_ask(a);
        } else {
            sums.refused++;
        }
    } else if (reply->result == COAP2_ERR_TIMEOUT) {
        sums.timed_out++;
    } else {
        sums.other++;
        if (reply->result != COAP2_ERR_FORMAT ||
            (a->way != DOWNLOAD && a->way != CONVERSE)) {
            break_rule(RESULT, (unsigned long)-reply->result);
        }
    }
}

static void on_reply(const coap2_reply *reply)
{
    ask *a = (ask *)reply->user;

    if (reply->request != a->handle) break_rule(RESULT, a->number);
    if (is_content(reply)) {
        sums.restarts += reply->offset == 0 && a->got.at != 0;
        collect(&a->got, reply->offset, reply->msg->payload,
                reply->msg->payload_length);
        if (reply->last == reply->more) break_rule(RESULT, a->number);
    }
    if (reply->more) return;
    if (++a->ends > 1) break_rule(ENDS, a->number);
    count_end(a, reply);
}

static void start_ask(world *world_, void *user)
{
    static const char *const ways[WAYS] = {"file", "store", "pour", "store"};
    static const uint8_t methods[WAYS] = {COAP2_GET, COAP2_PUT, COAP2_PUT,
                                          COAP2_POST};
    ask *a = (ask *)user;
    coap2_call call;

    (void)world_;
    coap2_call_start_to(&call, &nodes[a->from], methods[a->way], &places[0].at,
                        ways[a->way]);
    call.szx = a->szx;
    a->version = versions[FILE_];
    if (a->way != DOWNLOAD) {
        call.pull = pull;
        call.pull_length = (uint32_t)body_length(UPLOAD * 256u + a->number);
    }
    if (a->assembled) {
        call.body = a->body;
        call.body_size = sizeof a->body;
    }
    a->handle = coap2_call_send(&call, on_reply, a);
    if (a->handle > 0) return;
    if (a->handle != COAP2_ERR_FULL) {
        break_rule(RESULT, (unsigned long)-a->handle);
    }
    a->ends = 1;
    sums.refused++;
}

static void on_sent(world *world_, world_place *from, const coap2_peer *to,
                    const uint8_t *bytes, size_t length)
{
    coap2_msg msg;
    coap2_opt opt;

    (void)world_;
    (void)to;
    if (length > from->node->packet) break_rule(TOO_LONG, length);
    if (coap2_msg_parse(&msg, bytes, length) != COAP2_OK) {
        break_rule(TOO_LONG, length);
        return;
    }
    continued += msg.code == COAP2_231_CONTINUE;
    sums.confirmed += msg.type == COAP2_CON &&
                      COAP2_CODE_CLASS(msg.code) == 2 &&
                      coap2_msg_find(&msg, COAP2_OPT_OBSERVE, &opt);
}

/* ---- a run --------------------------------------------------------------- */

static void set_network(void)
{
    world_network *network = &w.network;

    network->loss = 300;
    network->twice = 100;
    network->delay = 1 + world_below(&w, 50);
    network->scatter = world_below(&w, 400);
    network->held = 100;
    network->hold = world_chance(&w, 300) ? 60000 : 4000;
}

static void set_node(unsigned i)
{
    static const uint16_t packets[4] = {96, 128, 200, PACKET};
    coap2_node *node = &nodes[i];

    memset(node, 0, sizeof *node);
    world_add(&w, &places[i], node);
    places[i].clock =
        world_chance(&w, 500) ? 0u - world_below(&w, 600000) : world_random(&w);
    places[i].pushed = world_chance(&w, 300);
    node->in = in[i];
    node->in_size = sizeof in[i];
    node->out = out[i];
    node->out_size = sizeof out[i];
    node->packet = packets[world_below(&w, 4)];
    node->probing_rate = 1000;
    if (i == 0) {
        node->resources = things;
        node->bodies = bodies;
        node->bodies_size = world_chance(&w, 900) ? sizeof bodies : 0;
        if (node->bodies_size == 0) node->bodies = NULL;
    }
    if (coap2_start(node, world_random(&w)) != COAP2_OK) break_rule(NO_ROOM, i);
}

/* A client observes a resource once (RFC 7641 3.1). Without confirmation a
   body of many blocks has no chance here. */
static void set_watch(watch *x)
{
    unsigned i = (unsigned)(x - watches), clients = node_count - 1;

    memset(x, 0, offsetof(watch, got));
    x->from = 1 + i % clients;
    x->kind = (i / clients + the_seed) % 2 == 0 ? STATE : LAMP;
    x->confirmable = longest > 40 || world_chance(&w, 500);
    x->assembled = world_chance(&w, 500);
    world_later(&w, &places[x->from], world_below(&w, 60000), start_watch, x);
}

static void set_ask(unsigned number)
{
    ask *a = &asks[number];

    memset(a, 0, offsetof(ask, got));
    a->got.at = 0;
    a->number = number;
    a->from = 1 + world_below(&w, node_count - 1);
    a->way = world_below(&w, WAYS);
    a->assembled = world_chance(&w, 500);
    a->szx = world_chance(&w, 500) ? 6 : (uint8_t)(1 + world_below(&w, 3));
    world_later(&w, &places[a->from], world_below(&w, 120000), start_ask, a);
}

/* What changes, while others look at it; and in one world of four a client
   changes it. */
static void put_lamp(world *world_, void *user)
{
    (void)world_;
    coap2_put(&nodes[*(unsigned *)user], "coap://10.0.0.1/lamp", "", 0, NULL,
              NULL);
}

static void set_changes(void)
{
    static unsigned one = 1;
    unsigned i, count = 1 + world_below(&w, 8);

    for (i = 0; i < VERSIONS; i++) versions[i] = 1;
    for (i = 0; i < count; i++) {
        world_later(&w, &places[0], world_below(&w, 240000), change,
                    &versions[world_below(&w, VERSIONS)]);
    }
    if (!world_chance(&w, 250)) return;
    world_later(&w, &places[1], world_below(&w, 120000), put_lamp, &one);
}

static void set_world(uint32_t seed)
{
    bool trace = w.trace;
    unsigned i;

    the_seed = seed;
    world_start(&w, seed);
    w.trace = trace;
    w.doubts = seed % 2 == 0;
    w.seen = on_sent;
    set_network();
    max_age = world_chance(&w, 500) ? 60 : 10 + world_below(&w, 600);
    longest = world_chance(&w, 500) ? 40 : LARGEST;
    seeks = world_chance(&w, 500);
    node_count = 2 + world_below(&w, NODES - 1);
    watch_count = 1 + world_below(&w, WATCHES);
    if (watch_count > 2 * (node_count - 1)) watch_count = 2 * (node_count - 1);
    ask_count = world_below(&w, ASKS + 1);
    stream_count = 0;
    for (i = 0; i < node_count; i++) set_node(i);
    for (i = 0; i < watch_count; i++) set_watch(&watches[i]);
    for (i = 0; i < ask_count; i++) set_ask(i);
    set_changes();
}

/* ---- the end of a run ---------------------------------------------------- */

/* Has everyone seen the last state? */
static bool all_know(void)
{
    unsigned i;

    for (i = 0; i < watch_count; i++) {
        if (watches[i].handle == 0) return false;
        if (watches[i].version != versions[watches[i].kind]) return false;
    }
    return true;
}

static void check_watches(void)
{
    uint64_t end = w.now + 12 * HOUR;

    while (!all_know() && w.now < end) world_run(&w, 30000);
    if (!all_know()) break_rule(LAST_STATE, 0);
}

static bool all_asked(void)
{
    unsigned i, ends = 0;

    for (i = 0; i < ask_count; i++) ends += asks[i].ends;
    return ends == ask_count;
}

/* Each block of a request has MAX_TRANSMIT_WAIT for itself. */
static void check_asks(void)
{
    uint64_t end = w.now + HOUR;

    while (!all_asked() && w.now < end) world_run(&w, 30000);
    if (!all_asked()) break_rule(ENDS, 0);
}

static void leave(void)
{
    unsigned i;

    for (i = 1; i < node_count; i++) places[i].cut = world_chance(&w, 300);
    for (i = 0; i < watch_count; i++) end_watch(&watches[i]);
    if (world_chance(&w, 500)) change(&w, &versions[STATE]);
    if (world_chance(&w, 500)) change(&w, &versions[LAMP]);
}

static void check_observers(void)
{
    unsigned i;

    for (i = 0; i < COAP2_MAX_OBSERVERS; i++) {
        if (nodes[0].observers[i].flags != 0) break_rule(OBSERVER_LEAKS, i);
    }
}

/* Can so many bodies begin to arrive as there are places for them? */
static void check_uploads(void)
{
    coap2_peer peer = world_peer(200);
    uint8_t bytes[64], payload[16];
    coap2_block block = {0, 0, true};
    coap2_writer built;
    uint16_t i;

    memset(payload, 0, sizeof payload);
    continued = 0;
    for (i = 0; i < COAP2_MAX_UPLOADS; i++) {
        peer.port = (uint16_t)(1000 + i);
        coap2_write_start(&built, bytes, sizeof bytes);
        coap2_write_header(&built, COAP2_CON, COAP2_003_PUT, i, NULL, 0);
        coap2_write_text(&built, COAP2_OPT_URI_PATH, "pour");
        coap2_write_block(&built, COAP2_OPT_BLOCK1, &block);
        coap2_write_payload(&built, payload, sizeof payload);
        stream_count = 0;
        coap2_input(&nodes[0], &peer, bytes, coap2_write_end(&built),
                    world_clock(&places[0]));
    }
    if (continued != COAP2_MAX_UPLOADS) break_rule(UPLOAD_LEAKS, continued);
}

static void check_exchanges(unsigned i)
{
    unsigned count = world_count_free(&nodes[i]);

    if (count != COAP2_MAX_EXCHANGES) break_rule(EXCHANGE_LEAKS, count);
}

static void run_seed(uint32_t seed)
{
    unsigned i;

    set_world(seed);
    world_run(&w, 300000);
    check_watches();
    check_asks();
    leave();
    world_run(&w, 25 * HOUR);
    check_observers();
    for (i = 0; i < node_count; i++) check_exchanges(i);
    check_uploads();
    if (w.spins > 0) break_rule(SPIN, w.spins);
    if (w.idlers > 0) break_rule(IDLE, w.idlers);
    if (w.overflow > 0) break_rule(NO_ROOM, w.overflow);
}

/* ---- a megabyte ---------------------------------------------------------- */

static struct {
    uint32_t taken, got, sent; /* how far the bytes are right */
    uint32_t windows, total;
    unsigned ends;
    coap2_result result;
    uint8_t code;
} big;

static bool is_right(uint32_t number, uint32_t at, const uint8_t *bytes,
                     size_t length)
{
    size_t i;

    for (i = 0; i < length; i++) {
        if (bytes[i] != body_byte(number, at + (uint32_t)i)) return false;
    }
    return true;
}

static uint8_t on_big(coap2_req *req, coap2_rsp *rsp)
{
    uint8_t bytes[PACKET];
    uint32_t at;
    size_t size;

    if (req->method == COAP2_PUT) {
        if (req->offset == big.taken &&
            is_right(UPLOAD, req->offset, req->payload, req->payload_length)) {
            big.taken += (uint32_t)req->payload_length;
        }
        return COAP2_204_CHANGED;
    }
    size = coap2_rsp_window(rsp, MEGABYTE, &at);
    big.windows += (uint32_t)size;
    if (size > sizeof bytes) return COAP2_500_INTERNAL_SERVER_ERROR;
    fill_body(FILE_, at, bytes, size);
    coap2_rsp_bytes(rsp, COAP2_FORMAT_OCTETS, bytes, size);
    return COAP2_205_CONTENT;
}

COAP2_RESOURCE(big_file, "big", COAP2_GET | COAP2_PUT | COAP2_PIECES, on_big,
               "");
COAP2_TABLE(big_things, &big_file);

static void on_big_reply(const coap2_reply *reply)
{
    if (reply->result == COAP2_OK) {
        big.code = reply->msg->code;
        if (reply->total != 0) big.total = reply->total;
        if (reply->offset == big.got &&
            is_right(FILE_, reply->offset, reply->msg->payload,
                     reply->msg->payload_length)) {
            big.got += (uint32_t)reply->msg->payload_length;
        }
    }
    if (reply->more) return;
    big.ends++;
    big.result = reply->result;
}

static void pull_big(void *user, uint32_t at, uint8_t *bytes, size_t size)
{
    (void)user;
    big.sent += (uint32_t)size;
    fill_body(UPLOAD, at, bytes, size);
}

/* Two nodes with packets of 128 bytes, which do not give up soon: of so many
   messages some are lost many times. */
static void two_nodes(uint32_t seed)
{
    unsigned i;

    memset(&big, 0, sizeof big);
    world_start(&w, seed);
    node_count = 2;
    for (i = 0; i < 2; i++) {
        set_node(i);
        places[i].pushed = false;
        nodes[i].packet = 128;
        nodes[i].in_size = 128;
        nodes[i].out_size = 4 * 128;
        nodes[i].ack_timeout = 100;
        nodes[i].max_retransmit = 20;
        nodes[i].exchange_lifetime = 65535;
        CHECK_EQ(coap2_start(&nodes[i], seed + i), COAP2_OK);
    }
    nodes[0].resources = big_things;
    nodes[0].bodies = NULL;
    w.seen = on_sent;
}

static void ask_big(uint8_t method)
{
    coap2_call call;
    int16_t handle;

    big.ends = 0;
    coap2_call_start_to(&call, &nodes[1], method, &places[0].at, "big");
    call.deadline = INT32_MAX;
    if (method == COAP2_PUT) {
        call.pull = pull_big;
        call.pull_length = MEGABYTE;
    }
    handle = coap2_call_send(&call, on_big_reply, NULL);
    CHECK_EQ(coap2_wait(&nodes[1], handle), COAP2_OK);
    CHECK_EQ(big.ends, 1);
    CHECK_EQ(big.result, COAP2_OK);
}

static void megabyte_up(void)
{
    ask_big(COAP2_PUT);
    CHECK_EQ(big.code, COAP2_204_CHANGED);
    CHECK_EQ(big.taken, MEGABYTE);
    CHECK_EQ(big.sent, MEGABYTE);
}

static void megabyte_down(void)
{
    ask_big(COAP2_GET);
    CHECK_EQ(big.code, COAP2_205_CONTENT);
    CHECK_EQ(big.got, MEGABYTE);
    CHECK_EQ(big.total, MEGABYTE);
}

/* In blocks of 64 bytes: 16,384 messages there and as many back, no more. */
static void megabyte_in_peace(void)
{
    two_nodes(1);
    w.network.delay = 5;
    megabyte_up();
    CHECK_EQ(w.sent, 2 * MEGABYTE / 64);
    w.sent = 0;
    megabyte_down();
    CHECK_EQ(w.sent, 2 * MEGABYTE / 64);
    CHECK(big.windows < MEGABYTE + 128); /* the first one may be larger */
}

static void megabyte_in_a_lossy_world(void)
{
    two_nodes(2);
    set_network();
    w.network.hold = 4000;
    megabyte_up();
    megabyte_down();
    CHECK(w.lost > 2 * MEGABYTE / 64);
    CHECK_EQ(w.spins + w.idlers + w.overflow, 0);
}

/* ---- ten thousand of them ------------------------------------------------ */

static unsigned long runs = WORLD_RUNS;

static void all_runs(void)
{
    uint32_t seed;

    for (seed = 1; seed <= runs; seed++) run_seed(seed);
    CHECK(sums.notes > runs * 3);
    CHECK(sums.confirmed > runs * 3);
    CHECK(sums.stale > runs / 10);
    CHECK(sums.downloads > runs / 4);
    CHECK(sums.uploads > runs / 3);
    CHECK(sums.conversations > runs / 6);
    CHECK(sums.pieces > runs);
    CHECK(sums.restarts > runs / 500);
    CHECK(sums.timed_out > 0);
    CHECK(sums.refused > 0);
}

#define RULE_KEPT(rule) CHECK_EQ(broken[rule], 0)

static void last_state(void)
{
    RULE_KEPT(LAST_STATE);
}

static void bodies_are_whole(void)
{
    RULE_KEPT(DAMAGED);
    RULE_KEPT(TOO_OLD);
}

static void uploads_arrive(void)
{
    RULE_KEPT(LOST_RUN);
    RULE_KEPT(TWICE);
}

static void ends_once(void)
{
    RULE_KEPT(ENDS);
    RULE_KEPT(RESULT);
}

static void nothing_leaks(void)
{
    RULE_KEPT(EXCHANGE_LEAKS);
    RULE_KEPT(OBSERVER_LEAKS);
    RULE_KEPT(UPLOAD_LEAKS);
    RULE_KEPT(NO_ROOM);
    RULE_KEPT(TOO_LONG);
}

static void poll_rests(void)
{
    RULE_KEPT(SPIN);
    RULE_KEPT(IDLE);
}

static void print_sums(void)
{
    printf("%lu runs: %lu notifications, %lu confirmable ones sent, %lu times "
           "not fresh, %lu observations over; %lu downloads, %lu begun anew, "
           "%lu uploads, "
           "%lu pieces, %lu up and down; %lu refused, %lu timed out, "
           "%lu other\n",
           runs, sums.notes, sums.confirmed, sums.stale, sums.over,
           sums.downloads, sums.restarts, sums.uploads, sums.pieces,
           sums.conversations, sums.refused, sums.timed_out, sums.other);
}

static int run_one(unsigned long seed)
{
    unsigned rule;
    unsigned long faults = 0;

    w.trace = true;
    runs = 1;
    run_seed((uint32_t)seed);
    for (rule = 0; rule < RULES; rule++) faults += broken[rule];
    print_sums();
    return faults != 0;
}

int main(void)
{
    const char *seed = getenv("WORLD_SEED"), *number = getenv("WORLD_RUNS");

    if (seed != NULL) return run_one(strtoul(seed, NULL, 10));
    if (number != NULL) runs = strtoul(number, NULL, 10);
    RUN("RFC 7959 2: a megabyte, 128 bytes a packet", megabyte_in_peace);
    RUN("RFC 7959 2: a megabyte, 30 % lost", megabyte_in_a_lossy_world);
    RUN("world: 30 % lost, 10 % doubled, overtaking", all_runs);
    print_sums();
    RUN("RFC 7641 1.3: observers come to the last state", last_state);
    RUN("RFC 7959 2.4, 2.5: bodies are whole", bodies_are_whole);
    RUN("RFC 7959 2.5: what is answered has arrived, once", uploads_arrive);
    RUN("world: each request ends once", ends_once);
    RUN("world: every place is free in the end", nothing_leaks);
    RUN("world: poll neither spins nor stalls", poll_rests);
    return test_end();
}
