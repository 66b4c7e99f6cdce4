/* Nodes in a simulated world: 10,000 runs over a network that loses 30 % of
   all datagrams, doubles 10 % and lets them overtake each other, and some over
   one that damages them, too. Whatever happens there, these hold:

   - each request ends in exactly one last callback, each group member counts
     once (RFC 7252 5.3, 8.2);
   - a handler that is not safe never runs twice for a request (4.5);
   - retransmissions come when they should, look the same, and end with the
     acknowledgement (4.2, 4.8);
   - a message id is not used twice within its lifetime (4.4);
   - poll does all that is to be done, and knows when there is more;
   - in the end every exchange is free, and poll has nothing to do.

   A run that breaks a rule prints its seed; WORLD_SEED=n runs that seed alone
   and prints what was on the wire. The macro or variable WORLD_RUNS=n makes
   another number of runs. */
#include <stdio.h>
#include <stdlib.h>
#define COAP2_MAX_DUPLICATES 32
#define COAP2_IMPLEMENTATION
#include "../coap2.h"
#include "world.h"

#ifndef WORLD_RUNS
#ifdef __powerpc__ /* emulated, and ten times as slow */
#define WORLD_RUNS 2000
#else
#define WORLD_RUNS 10000
#endif
#endif

enum {
    NODES = 5,
    ASKS = 12,  /* requests of a run, at most */
    LATES = 96, /* late answers of a run, at most */
    NOTES = 256,
    PACKET = 128,
    SLOTS = COAP2_MAX_EXCHANGES + 1
};

/* ---- what a run is made of ---------------------------------------------- */

/* A request, from its plan to its end. */
typedef struct ask {
    unsigned number;
    unsigned from, to; /* nodes; to == NODES: all others, by the group */
    bool confirmable, safe, slow, cancels;
    uint32_t deadline;
    int16_t handle;
    unsigned ends;           /* last callbacks */
    unsigned answers[NODES]; /* by whom */
    unsigned ran[NODES];     /* the handler, where it is not safe */
} ask;

/* An answer that takes its time. */
typedef struct late {
    unsigned node, number;
    int16_t ticket;
    bool pending;
} late;

/* A message with an id of its own that was seen on the wire. */
typedef struct note {
    unsigned from;
    coap2_peer to;
    uint16_t id;
    uint8_t type;
    uint32_t hash;
    unsigned times;
    bool acknowledged;
    uint64_t last, gap;
} note;

typedef struct totals {
    unsigned long asked, refused, answered, timed_out, cancelled, other;
    unsigned long group_answers, slow_answers, resent;
    unsigned long patient,
        patient_answered; /* confirmable, with all its time */
} totals;

static world w;
static world_place places[NODES];
static coap2_node nodes[NODES];
static uint8_t in[NODES][PACKET], out[NODES][SLOTS * PACKET];
static unsigned node_count, ask_count, late_count, note_count;
static ask asks[ASKS];
static late lates[LATES];
static note notes[NOTES];
static totals sums;
static uint32_t the_seed;
static bool rough; /* this network damages: only what is robust must hold */
static uint32_t wire_hash;

/* ---- rules that may be broken ------------------------------------------- */

enum {
    ENDS,
    ENDS_EARLY,
    RESULT,
    MIXED_UP,
    MEMBER_TWICE,
    UNSAFE_TWICE,
    RAN_MEANWHILE,
    LOST_RUN,
    NOT_AT_REST,
    LEAK,
    SPIN,
    IDLE,
    NO_ROOM,
    TOO_LONG,
    GAP,
    TOO_OFTEN,
    NON_AGAIN,
    ACK_IGNORED,
    ID_REUSED,
    TICKET,
    RULES
};

static unsigned long broken[RULES];
static const char *const rule_names[RULES] = {
    "a request has not ended exactly once",
    "a request that was refused ended, too",
    "a result that cannot be",
    "the answer is another request's",
    "a member of the group was heard twice",
    "an unsafe handler ran twice",
    "a handler ran again while its answer was awaited",
    "answered, but its handler did not run once",
    "the world does not come to rest",
    "an exchange is not free in the end",
    "poll returns 0 for ever",
    "poll says later though there is something to do",
    "the world or its notes are too small",
    "a datagram is larger than a slot",
    "the time between retransmissions",
    "more than MAX_RETRANSMIT",
    "a non-confirmable message was repeated",
    "a message was repeated that had been acknowledged",
    "a message id was used twice, or a repetition differs",
    "a ticket was not taken"};

static void break_rule(unsigned rule, unsigned long detail)
{
    if (broken[rule]++ > 0 && !w.trace) return;
    printf("  %s (%lu), %lu ms: WORLD_SEED=%lu shows it\n", rule_names[rule],
           detail, (unsigned long)w.now, (unsigned long)the_seed);
}

/* ---- the servers --------------------------------------------------------- */

static unsigned index_of(const coap2_node *node)
{
    return (unsigned)(node - nodes);
}

/* The number of the request: the payload, or of a GET the query. */
static unsigned number_of(const coap2_req *req)
{
    coap2_opt opt;

    if (req->payload_length == 1) return req->payload[0];
    if (!coap2_msg_find(req->msg, COAP2_OPT_URI_QUERY, &opt)) return ASKS;
    return opt.length == 1 ? opt.value[0] : (unsigned)ASKS;
}

static void count_run(unsigned node, unsigned number)
{
    if (asks[number].safe || rough) return;
    if (++asks[number].ran[node] > 1) break_rule(UNSAFE_TWICE, number);
}

static uint8_t on_ask(coap2_req *req, coap2_rsp *rsp)
{
    unsigned number = number_of(req);
    uint8_t byte = (uint8_t)number;

    if (number >= ask_count) return COAP2_400_BAD_REQUEST;
    count_run(index_of(req->node), number);
    coap2_rsp_bytes(rsp, COAP2_FORMAT_OCTETS, &byte, 1);
    return req->method == COAP2_GET ? COAP2_205_CONTENT : COAP2_204_CHANGED;
}

static void answer_late(world *world_, void *user)
{
    late *l = (late *)user;
    uint8_t byte = (uint8_t)l->number;
    coap2_result result;

    (void)world_;
    result = coap2_answer(&nodes[l->node], l->ticket, COAP2_205_CONTENT,
                          COAP2_FORMAT_OCTETS, &byte, 1);
    if (result != COAP2_OK && !rough) break_rule(TICKET, l->number);
    l->pending = false;
    sums.slow_answers++;
}

/* Does the node answer this request already? Then it must not run again, safe
   or not (RFC 7252 4.5, 5.2.2). */
static void check_pending(unsigned node, unsigned number)
{
    unsigned i;

    for (i = 0; i < late_count; i++) {
        if (lates[i].pending && lates[i].node == node &&
            lates[i].number == number && !rough) {
            break_rule(RAN_MEANWHILE, number);
        }
    }
}

static uint8_t on_slow_ask(coap2_req *req, coap2_rsp *rsp)
{
    unsigned number = number_of(req), node = index_of(req->node);
    late *l = &lates[late_count];

    (void)rsp;
    if (number >= ask_count) return COAP2_400_BAD_REQUEST;
    count_run(node, number);
    check_pending(node, number);
    if (late_count == LATES) return COAP2_503_SERVICE_UNAVAILABLE;
    l->ticket = coap2_later(req);
    if (l->ticket < 0) return COAP2_503_SERVICE_UNAVAILABLE;
    late_count++;
    l->pending = true;
    l->node = node;
    l->number = number;
    world_later(&w, &places[node], world_below(&w, 12000), answer_late, l);
    return COAP2_LATER;
}

COAP2_RESOURCE(quick, "quick", COAP2_GET | COAP2_POST, on_ask, "");
COAP2_RESOURCE(slow, "slow", COAP2_GET | COAP2_POST, on_slow_ask, "");
COAP2_TABLE(things, &quick, &slow);

/* ---- the clients --------------------------------------------------------- */

static void check_answer(ask *a, const coap2_reply *reply)
{
    unsigned from = reply->peer->address[3] - 1u;
    bool error = reply->msg->code == COAP2_503_SERVICE_UNAVAILABLE;

    if (rough) return;
    if (from >= NODES || (a->to != NODES && a->to != from)) {
        break_rule(MIXED_UP, a->number);
        return;
    }
    if (++a->answers[from] > 1) break_rule(MEMBER_TWICE, a->number);
    if (!a->safe && a->ran[from] != 1) break_rule(LOST_RUN, a->number);
    if (error) return;
    if (reply->msg->payload_length != 1 ||
        reply->msg->payload[0] != a->number) {
        break_rule(MIXED_UP, a->number);
    }
}

static void count_end(const ask *a, const coap2_reply *reply)
{
    bool is_patient = a->confirmable && a->deadline == 0 && !a->cancels;

    sums.patient += is_patient;
    if (reply->result == COAP2_OK) {
        sums.answered++;
        sums.patient_answered += is_patient;
    } else if (reply->result == COAP2_ERR_TIMEOUT) {
        sums.timed_out++;
    } else if (reply->result == COAP2_ERR_CANCELLED && a->cancels) {
        sums.cancelled++;
    } else {
        sums.other++;
        if (!rough) break_rule(RESULT, (unsigned long)-reply->result);
    }
}

static void on_reply(const coap2_reply *reply)
{
    ask *a = (ask *)reply->user;

    if ((reply->result == COAP2_OK) != (reply->msg != NULL)) {
        break_rule(RESULT, a->number);
    }
    if (reply->node != &nodes[a->from] || reply->request != a->handle) {
        break_rule(MIXED_UP, a->number);
    }
    if (reply->result == COAP2_OK) check_answer(a, reply);
    if (reply->more) {
        if (a->to != NODES || reply->result != COAP2_OK) {
            break_rule(RESULT, a->number);
        }
        sums.group_answers++;
        return;
    }
    if (++a->ends > 1) break_rule(ENDS, a->number);
    count_end(a, reply);
}

static void cancel_ask(world *world_, void *user)
{
    ask *a = (ask *)user;
    unsigned ends = a->ends;
    coap2_result result;

    (void)world_;
    if (a->handle <= 0 || a->ends > 0) return;
    result = coap2_cancel(&nodes[a->from], a->handle);
    if (result != COAP2_OK || a->ends != ends + 1) break_rule(ENDS, a->number);
}

static void start_ask(world *world_, void *user)
{
    ask *a = (ask *)user;
    uint8_t byte = (uint8_t)a->number;
    coap2_peer peer = a->to == NODES ? world_group() : places[a->to].at;
    coap2_call call;

    (void)world_;
    coap2_call_start_to(&call, &nodes[a->from],
                        a->safe ? COAP2_GET : COAP2_POST, &peer,
                        a->slow ? "slow" : "quick");
    call.confirmable = a->confirmable;
    if (a->deadline != 0) call.deadline = a->deadline;
    if (a->safe) {
        coap2_write_opt(&call.w, COAP2_OPT_URI_QUERY, &byte, 1);
    } else {
        coap2_write_payload(&call.w, &byte, 1);
    }
    a->handle = coap2_call_send(&call, on_reply, a);
    sums.asked++;
    if (a->handle > 0) return;
    sums.refused++;
    if (a->handle != COAP2_ERR_FULL) {
        break_rule(RESULT, (unsigned long)-a->handle);
    }
}

/* ---- the wire ------------------------------------------------------------ */

/* The note of a message that a node has sent; NULL if there is none. */
static note *find_note(unsigned from, const coap2_peer *to, uint16_t id)
{
    note *n;

    for (n = notes; n < notes + note_count; n++) {
        if (n->from == from && n->id == id && coap2_peer_equals(&n->to, to)) {
            return n;
        }
    }
    return NULL;
}

/* The same, or a new one; NULL if there is no room. */
static note *note_of(unsigned from, const coap2_peer *to, const coap2_msg *msg)
{
    note *n = find_note(from, to, msg->id);

    if (n != NULL) return n;
    if (note_count == NOTES) {
        break_rule(NO_ROOM, note_count);
        return NULL;
    }
    n = &notes[note_count++];
    memset(n, 0, sizeof *n);
    n->from = from;
    n->to = *to;
    n->id = msg->id;
    n->type = msg->type;
    return n;
}

/* Retransmission i comes 2^(i-1) times the first timeout behind the one before
   it, which is 2 to 3 seconds (RFC 7252 4.2, 4.8). */
static void check_gap(note *n)
{
    uint64_t gap = w.now - n->last, least = 2000u << (n->times - 1);

    sums.resent++;
    if (n->acknowledged) break_rule(ACK_IGNORED, n->id);
    if (n->times > 4) {
        break_rule(TOO_OFTEN, n->times);
    } else if (gap < least || gap > least / 2 * 3) {
        break_rule(GAP, (unsigned long)gap);
    } else if (n->times > 1 && gap != 2 * n->gap) {
        break_rule(GAP, (unsigned long)gap);
    }
    n->gap = gap;
}

static uint32_t hash_of(const uint8_t *bytes, size_t length, uint32_t hash)
{
    while (length-- > 0) hash = (hash ^ *bytes++) * 16777619u;
    return hash;
}

static void on_sent(world *world_, world_place *from, const coap2_peer *to,
                    const uint8_t *bytes, size_t length)
{
    uint32_t hash = hash_of(bytes, length, 2166136261u);
    coap2_msg msg;
    note *n;

    (void)world_;
    wire_hash = hash_of(bytes, length, wire_hash ^ (uint32_t)w.now);
    if (length > PACKET) break_rule(TOO_LONG, length);
    if (coap2_msg_parse(&msg, bytes, length) != COAP2_OK) {
        break_rule(TOO_LONG, length);
        return;
    }
    if (rough || msg.type == COAP2_ACK || msg.type == COAP2_RST) return;
    n = note_of(index_of(from->node), to, &msg);
    if (n == NULL) return;
    if (n->times == 0) {
        n->hash = hash;
    } else if (n->hash != hash || n->type != msg.type) {
        break_rule(ID_REUSED, msg.id);
    } else if (msg.type == COAP2_CON) {
        check_gap(n);
    } else {
        break_rule(NON_AGAIN, msg.id);
    }
    n->times++;
    n->last = w.now;
}

static void on_heard(world *world_, world_place *to, const coap2_peer *from,
                     const uint8_t *bytes, size_t length)
{
    coap2_msg msg;
    note *n;

    (void)world_;
    if (coap2_msg_parse(&msg, bytes, length) != COAP2_OK) return;
    if (msg.type != COAP2_ACK && msg.type != COAP2_RST) return;
    n = find_note(index_of(to->node), from, msg.id);
    if (n != NULL) n->acknowledged = true;
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
    network->damage = rough ? 100 : 0;
    network->busy = rough ? 100 : 0;
}

static void set_node(unsigned i, uint32_t clock)
{
    coap2_node *node = &nodes[i];

    memset(node, 0, sizeof *node);
    world_add(&w, &places[i], node);
    places[i].clock = clock;
    places[i].pushed = world_chance(&w, 300);
    node->in = in[i];
    node->in_size = sizeof in[i];
    node->out = out[i];
    node->out_size = (world_chance(&w, 200) ? 4 : SLOTS) * (size_t)PACKET;
    node->packet = PACKET;
    node->resources = things;
    if (world_chance(&w, 500)) node->probing_rate = 200;
    if (coap2_start(node, world_random(&w)) != COAP2_OK) {
        break_rule(NO_ROOM, i);
    }
}

/* Half of all worlds begin with every clock just before its wrap. */
static void set_nodes(void)
{
    bool wraps = world_chance(&w, 500);
    unsigned i;

    node_count = 2 + world_below(&w, NODES - 1);
    for (i = 0; i < node_count; i++) {
        uint32_t before = world_below(&w, 60000);

        set_node(i, wraps ? 0u - before : world_random(&w));
    }
}

/* In half of the worlds there are clients and servers, in the others everyone
   is both. */
static void set_ask(unsigned number, unsigned clients)
{
    ask *a = &asks[number];
    unsigned servers = node_count - clients;
    uint32_t at = world_below(&w, 30000);

    memset(a, 0, sizeof *a);
    a->number = number;
    a->from = world_below(&w, clients == 0 ? node_count : clients);
    a->to = clients + world_below(&w, servers);
    if (a->to == a->from) a->to = (a->to + 1) % node_count;
    a->confirmable = world_chance(&w, 600);
    a->safe = world_chance(&w, 400);
    a->slow = world_chance(&w, 300);
    if (world_chance(&w, 150)) {
        a->to = NODES;
        a->deadline = 20000;
    } else if (world_chance(&w, 200)) {
        a->deadline = 1 + world_below(&w, 30000);
    }
    world_later(&w, &places[a->from], at, start_ask, a);
    a->cancels = world_chance(&w, 50);
    if (!a->cancels) return;
    world_later(&w, &places[a->from], at + world_below(&w, 9000), cancel_ask,
                a);
}

static void set_asks(void)
{
    unsigned clients = world_chance(&w, 500) ? (node_count + 1) / 2 : 0, i;

    ask_count = 4 + world_below(&w, ASKS - 3);
    for (i = 0; i < ask_count; i++) set_ask(i, clients);
}

/* ---- the end of a run ---------------------------------------------------- */

static void count_call(const coap2_reply *reply)
{
    if (reply->result == COAP2_ERR_CANCELLED) ++*(unsigned *)reply->user;
}

/* Can every exchange be taken once more, and is given back? */
static void check_free(coap2_node *node)
{
    size_t slots = node->out_size / PACKET - 1, free_ones = 0;
    int16_t handles[SLOTS];
    unsigned cancelled = 0;
    coap2_peer nobody = world_peer(200);

    while (free_ones < SLOTS) {
        coap2_call call;

        coap2_call_start_to(&call, node, COAP2_GET, &nobody, "x");
        handles[free_ones] = coap2_call_send(&call, count_call, &cancelled);
        if (handles[free_ones] < 0) break;
        free_ones++;
    }
    if (free_ones != slots) break_rule(LEAK, free_ones);
    while (free_ones > 0) coap2_cancel(node, handles[--free_ones]);
    if (cancelled != slots) break_rule(LEAK, cancelled);
}

/* Has everything that came been forgotten? */
static void check_forgotten(const coap2_node *node)
{
    unsigned i;

    for (i = 0; i < COAP2_MAX_DUPLICATES; i++) {
        if (node->duplicates[i].used) break_rule(LEAK, i);
    }
}

static void check_asks(void)
{
    unsigned i;

    for (i = 0; i < ask_count; i++) {
        if (asks[i].handle > 0 && asks[i].ends != 1) break_rule(ENDS, i);
        if (asks[i].handle <= 0 && asks[i].ends != 0) break_rule(ENDS_EARLY, i);
    }
}

static void run_seed(uint32_t seed, bool is_rough)
{
    unsigned i;
    bool trace = w.trace;

    the_seed = seed;
    rough = is_rough;
    late_count = note_count = 0;
    world_start(&w, seed);
    w.trace = trace;
    w.doubts = !rough && seed % 2 == 0;
    w.seen = on_sent;
    w.heard = on_heard;
    set_network();
    set_nodes();
    set_asks();
    if (!world_rest(&w, 4 * 3600000u)) break_rule(NOT_AT_REST, 0);
    check_asks();
    world_run(&w, COAP2_EXCHANGE_LIFETIME * 1000u);
    for (i = 0; i < node_count; i++) {
        world_poll(&places[i]);
        check_free(&nodes[i]);
        check_forgotten(&nodes[i]);
    }
    if (w.spins > 0) break_rule(SPIN, w.spins);
    if (w.idlers > 0) break_rule(IDLE, w.idlers);
    if (w.overflow > 0) break_rule(NO_ROOM, w.overflow);
}

/* ---- tests of the world itself ------------------------------------------- */

static void two_nodes(uint32_t seed)
{
    rough = false;
    ask_count = 1;
    world_start(&w, seed);
    set_node(0, 0xffffff00u);
    set_node(1, 5);
    places[0].pushed = places[1].pushed = false;
}

static void same_seed_same_world(void)
{
    uint32_t hash;

    wire_hash = 0;
    run_seed(7, false);
    hash = wire_hash;
    wire_hash = 0;
    run_seed(8, false);
    CHECK(wire_hash != hash);
    wire_hash = 0;
    run_seed(7, false);
    CHECK_EQ(wire_hash, hash);
}

/* A network without faults takes its delay there and back, and no more. */
static void perfect_network(void)
{
    uint64_t begin;
    coap2_result result;

    two_nodes(1);
    w.network.delay = 20;
    begin = w.now;
    memset(asks, 0, sizeof asks);
    result =
        coap2_wait(&nodes[0], coap2_post(&nodes[0], "coap://10.0.0.2/quick",
                                         "\0", 1, NULL, NULL));
    CHECK_EQ(result, COAP2_OK);
    CHECK_EQ(w.now - begin, 40);
    CHECK_EQ(asks[0].ran[1], 1);
    CHECK_EQ(w.sent, 2);
}

/* What a network does to 400 datagrams, counted. */
typedef struct counts {
    unsigned seen[400], delivered, lost, twice, overtaken, damaged;
} counts;

static void count_arrivals(counts *c)
{
    coap2_peer from;
    uint8_t bytes[4];
    unsigned last = 0;

    while (world_recv(&places[1], &from, bytes, sizeof bytes) == 4) {
        unsigned number = bytes[0] * 256u + bytes[1];

        c->delivered++;
        if ((bytes[2] ^ bytes[3]) != 0xff) c->damaged++;
        if (number >= 400) continue;
        c->seen[number]++;
        c->overtaken += number < last;
        last = number;
    }
}

static void count_network(counts *c, uint32_t seed)
{
    unsigned i;

    memset(c, 0, sizeof *c);
    world_start(&w, seed);
    set_node(0, 0);
    set_node(1, 0);
    places[0].waits = places[1].waits = true; /* nobody polls */
    w.network.loss = 300;
    w.network.twice = 100;
    w.network.held = 100;
    w.network.hold = 1000;
    w.network.damage = 50;
    for (i = 0; i < 400; i++) {
        uint8_t bytes[4];

        bytes[0] = (uint8_t)(i >> 8);
        bytes[1] = (uint8_t)i;
        bytes[2] = (uint8_t)(i * 7);
        bytes[3] = (uint8_t)~bytes[2];
        world_send(&places[0], &places[1].at, bytes, sizeof bytes);
        while (world_step(&w, w.now + 1)) {
        }
        w.now++;
    }
    world_rest(&w, 5000);
    count_arrivals(c);
    for (i = 0; i < 400; i++) {
        c->lost += c->seen[i] == 0;
        c->twice += c->seen[i] > 1;
    }
}

/* About as much is lost, doubled, held back and damaged as was asked for. */
static void network_does_it(void)
{
    static counts c;
    uint32_t seed;

    rough = true;
    for (seed = 1; seed <= 5; seed++) {
        count_network(&c, seed);
        CHECK_EQ(w.sent, 400);
        CHECK_EQ(w.overflow, 0);
        CHECK(c.lost > 80 && c.lost < 160);
        CHECK(c.twice > 5 && c.twice < 40);
        CHECK(c.overtaken > 10 && c.overtaken < 80);
        CHECK(c.damaged > 2 && c.damaged < 40);
        CHECK(w.lost + c.delivered > 400);
    }
}

static void cut_cable(void)
{
    two_nodes(2);
    places[1].cut = true;
    CHECK_EQ(coap2_wait(&nodes[0], coap2_get(&nodes[0], "coap://10.0.0.2/quick",
                                             NULL, NULL)),
             COAP2_ERR_TIMEOUT);
    CHECK_EQ(w.sent, 5);
    CHECK(w.now >= 62000u && w.now <= 93000u);
}

/* ---- ten thousand of them ------------------------------------------------ */

static unsigned long runs = WORLD_RUNS;

static void smooth_runs(void)
{
    uint32_t seed;

    for (seed = 1; seed <= runs; seed++) run_seed(seed, false);
    CHECK(sums.answered > sums.asked / 2);
    CHECK(sums.patient_answered > sums.patient / 100 * 93);
    CHECK(sums.timed_out > 0);
    CHECK(sums.cancelled > 0);
    CHECK(sums.group_answers > 0);
    CHECK(sums.slow_answers > 0);
    CHECK(sums.resent > sums.asked / 4);
    CHECK_EQ(sums.other, 0);
}

/* Seeds above 1,000,000 are rough. */
static void rough_runs(void)
{
    uint32_t seed;

    for (seed = 1; seed <= runs / 5; seed++) run_seed(1000000 + seed, true);
}

#define RULE_KEPT(rule) CHECK_EQ(broken[rule], 0)

static void ends_once(void)
{
    RULE_KEPT(ENDS);
    RULE_KEPT(ENDS_EARLY);
    RULE_KEPT(RESULT);
}

static void answers_belong(void)
{
    RULE_KEPT(MIXED_UP);
    RULE_KEPT(MEMBER_TWICE);
}

static void handlers_run_once(void)
{
    RULE_KEPT(UNSAFE_TWICE);
    RULE_KEPT(RAN_MEANWHILE);
    RULE_KEPT(LOST_RUN);
    RULE_KEPT(TICKET);
}

static void retransmits_in_time(void)
{
    RULE_KEPT(GAP);
    RULE_KEPT(TOO_OFTEN);
    RULE_KEPT(NON_AGAIN);
    RULE_KEPT(ACK_IGNORED);
}

static void ids_are_fresh(void)
{
    RULE_KEPT(ID_REUSED);
}

static void nothing_leaks(void)
{
    RULE_KEPT(LEAK);
    RULE_KEPT(NOT_AT_REST);
    RULE_KEPT(TOO_LONG);
    RULE_KEPT(NO_ROOM);
}

static void poll_rests(void)
{
    RULE_KEPT(SPIN);
    RULE_KEPT(IDLE);
}

static void print_sums(void)
{
    printf("%lu runs: %lu requests, %lu answered, %lu timed out, "
           "%lu cancelled, %lu refused, %lu other; %lu answers of groups, "
           "%lu slow ones; %lu messages repeated; "
           "of %lu patient ones %lu answered\n",
           runs, sums.asked, sums.answered, sums.timed_out, sums.cancelled,
           sums.refused, sums.other, sums.group_answers, sums.slow_answers,
           sums.resent, sums.patient, sums.patient_answered);
}

static int run_one(unsigned long seed)
{
    unsigned rule;
    unsigned long faults = 0;

    w.trace = true;
    runs = 1;
    run_seed((uint32_t)seed, seed > 1000000);
    for (rule = 0; rule < RULES; rule++) faults += broken[rule];
    print_sums();
    return faults != 0;
}

int main(void)
{
    const char *seed = getenv("WORLD_SEED"), *number = getenv("WORLD_RUNS");

    if (seed != NULL) return run_one(strtoul(seed, NULL, 10));
    if (number != NULL) runs = strtoul(number, NULL, 10);
    RUN("world: one seed, one world", same_seed_same_world);
    RUN("world: a perfect network", perfect_network);
    RUN("world: what the network does", network_does_it);
    RUN("world: a cable is cut", cut_cable);
    memset(&sums, 0, sizeof sums);
    RUN("world: 30 % lost, 10 % doubled, overtaking", smooth_runs);
    print_sums();
    RUN("world: damage and a busy sender", rough_runs);
    RUN("RFC 7252 5.3: each request ends once", ends_once);
    RUN("RFC 7252 5.3.2, 8.2: answers are matched", answers_belong);
    RUN("RFC 7252 4.5, 5.2.2: handlers run once", handlers_run_once);
    RUN("RFC 7252 4.2, 4.8: retransmissions", retransmits_in_time);
    RUN("RFC 7252 4.4: message ids", ids_are_fresh);
    RUN("world: every exchange is free in the end", nothing_leaks);
    RUN("world: poll neither spins nor stalls", poll_rests);
    return test_end();
}
