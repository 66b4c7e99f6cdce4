/* soak.c - a long life: five nodes, each server and client, in one simulated
   world, for as many requests as it takes to be sure that nothing is left
   behind.

       soak [REQUESTS [SEED]]

   Life goes in phases, over a network that is perfect, that loses 30 % of all
   datagrams, doubles 10 % and lets them overtake each other, or that damages
   them and is busy. All kinds of requests are mixed, with strangers who send
   malformed datagrams and what they have overheard; requests are cancelled,
   cables are cut, nodes sleep in other memory, and lose theirs. Behind each
   phase a day passes in peace, and then these hold:

   - each request has ended in exactly one last callback, or its node has lost
     its memory;
   - each answer belongs to its request, also in blocks;
   - every exchange, observer, duplicate, name and place for a body is free;
   - poll has nothing to do, ever;
   - retransmissions come when they should, and nobody is given up too soon;
   - no datagram was larger than a packet;
   - the memory around the nodes and their buffers is as it was.

   The clocks begin just before their wrap, and wrap every seventh week. One
   seed, one table. The exit status is 1 if a rule was broken. */
#include <stdio.h>
#include <stdlib.h>
#define COAP2_IMPLEMENTATION
#include "../coap2.h"
#define WORLD_PACKET 320
#include "world.h"

enum {
    NODES = 5,
    ASKS = 240, /* requests of a phase */
    LATES = 512,
    OVERHEARD = 32,
    LONGEST = 900, /* bytes of a body */
    PACKET = 256,
    SLOTS = COAP2_MAX_EXCHANGES + 1,
    SHARE = 1024, /* of node.bodies */
    GUARD = 64,
    KEY = 8 /* bytes that tell requests apart */
};

#define SECOND ((uint32_t)1000)
#define DAY ((uint64_t)86400000)
#define PHASE (150 * SECOND)

/* Addresses where nobody is: one is silent, one rejects what it gets, and one
   answers with an option that must be understood and cannot be. */
enum { SILENT = 200, REJECTS = 201, STRANGE = 202, STRANGERS = 100 };

enum kind {
    GET,
    NON_GET,
    POST,
    PUT,
    DELETE,
    FETCH,
    PATCH,
    IPATCH,
    PING,
    SLOW,
    DOWN,
    UP,
    BOTH,
    OBSERVE,
    SUBSCRIBE,
    FIND,
    GROUP,
    NAMED,
    UNKNOWN,
    TO_SILENT,
    TO_REJECTS,
    TO_STRANGE,
    KINDS
};

/* How often each is asked. */
typedef struct kind_row {
    const char *name;
    unsigned weight;
    uint8_t method;
    const char *path;
} kind_row;

static const kind_row kinds[KINDS] = {
    {"GET", 160, COAP2_GET, "echo"},
    {"GET, non-confirmable", 80, COAP2_GET, "echo"},
    {"POST", 60, COAP2_POST, "echo"},
    {"PUT", 80, COAP2_PUT, "echo"},
    {"DELETE", 30, COAP2_DELETE, "echo"},
    {"FETCH", 40, COAP2_FETCH, "echo"},
    {"PATCH", 20, COAP2_PATCH, "echo"},
    {"iPATCH of variables", 30, COAP2_IPATCH, "climate"},
    {"ping", 30, COAP2_PING, ""},
    {"answered late", 60, COAP2_POST, "slow"},
    {"blocks down", 60, COAP2_GET, "file"},
    {"blocks up", 60, COAP2_PUT, "store"},
    {"blocks up and down", 30, COAP2_POST, "store"},
    {"observe", 60, COAP2_GET, "state"},
    {"subscribe by a rule", 60, COAP2_GET, "climate"},
    {"find", 25, COAP2_GET, ""},
    {"GET of a group", 20, COAP2_GET, "echo"},
    {"GET by name", 40, COAP2_GET, "echo"},
    {"GET of an unknown name", 5, COAP2_GET, "echo"},
    {"to who is silent", 10, COAP2_PUT, "echo"},
    {"to who rejects", 20, COAP2_PUT, "echo"},
    {"to who answers nonsense", 20, COAP2_GET, "echo"}};

/* A request, from its plan to its end. */
typedef struct ask {
    uint32_t serial;
    unsigned kind, from, to;
    int16_t handle; /* 0: not begun; below: refused */
    bool confirmable, cancels, forgets, assembled;
    bool lost; /* by a node that lost its memory */
    unsigned ends, answers;
    uint64_t since; /* when it began */
    uint32_t at;    /* of its body so far */
    uint8_t body[LONGEST];
} ask;

typedef struct late {
    unsigned node;
    uint32_t serial;
    int16_t ticket; /* 0: none */
} late;

/* A node, and what it must not touch. */
typedef struct home {
    uint8_t guard_a[GUARD];
    coap2_node node;
    uint8_t guard_b[GUARD];
    uint8_t in[PACKET];
    uint8_t guard_c[GUARD];
    uint8_t out[SLOTS * PACKET];
    uint8_t guard_d[GUARD];
    uint8_t bodies[COAP2_MAX_UPLOADS * SHARE];
    uint8_t guard_e[GUARD];
} home;

/* The last confirmable message of a node to the silent address. */
typedef struct patience {
    uint16_t id;
    unsigned times;
    uint64_t at, gap;
} patience;

typedef struct overheard {
    size_t length;
    uint8_t bytes[WORLD_PACKET];
} overheard;

/* What became of the requests of a kind. */
typedef struct outcome {
    unsigned long begun, answered, timed_out, reset, cancelled, other, lost;
    unsigned long news; /* callbacks before the last */
} outcome;

typedef struct totals {
    outcome of[KINDS];
    unsigned long accepted, refused, inside, phases, reboots, sleeps, cuts;
    unsigned long strange, repeated, lates, blocks;
    unsigned long sent, lost, delivered, bytes;
    unsigned long largest; /* datagram */
} totals;

static world w;
static world_place places[NODES];
static home homes[NODES];
static ask asks[ASKS];
static late lates[LATES];
static patience waits[NODES];
static overheard ring[OVERHEARD];
static unsigned late_count, ring_at, continued;
static uint32_t serial;
static bool rough; /* this phase damages datagrams */
static int16_t temp10;
static uint8_t hum;
static uint16_t version;
static totals sums;

static const char *const names[NODES] = {
    "node1.local", "node2.local", "node3.local", "node4.local", "node5.local"};

/* ---- rules that may be broken ------------------------------------------- */

enum {
    ENDS,
    BELONGS,
    BODY,
    RESULT,
    TOO_SOON,
    GAP,
    EXCHANGES,
    OBSERVERS,
    DUPLICATES,
    NAMES,
    UPLOADS,
    AT_REST,
    SPIN,
    IDLE,
    TOO_LONG,
    GUARDS,
    NO_ROOM,
    RULES
};

static unsigned long broken[RULES];
static const char *const rule_names[RULES] = {
    "requests that did not end exactly once",
    "answers that are another request's",
    "bodies that are damaged",
    "results that cannot be",
    "requests that were given up too soon",
    "retransmissions that came too soon or too late",
    "exchanges leaked",
    "observers leaked",
    "duplicates that were not forgotten",
    "names that were not forgotten",
    "places for bodies leaked",
    "nodes that have not come to rest",
    "nodes that want to be polled for ever",
    "polls that were late",
    "datagrams larger than a packet",
    "bytes written around a node",
    "events without room in this world"};

static void break_rule(unsigned rule, unsigned long detail)
{
    if (broken[rule]++ > 4) return;
    fprintf(stderr, "%s: %lu, in phase %lu at %lu ms\n", rule_names[rule],
            detail, sums.phases, (unsigned long)w.now);
}

static unsigned index_of(const coap2_node *node)
{
    unsigned i = 0;

    while (i + 1 < NODES && &homes[i].node != node) i++;
    return i;
}

/* ---- keys and bodies ---------------------------------------------------- */

static void write_key(char *key, uint32_t number)
{
    unsigned i;

    for (i = 0; i < KEY; i++) {
        key[i] = "0123456789abcdef"[number >> (28 - 4 * i) & 15u];
    }
    key[KEY] = '\0';
}

static uint32_t mix(uint32_t number)
{
    number = (number ^ number >> 16) * 0x45d9f3bu;
    number = (number ^ number >> 16) * 0x45d9f3bu;
    return number ^ number >> 16;
}

/* From one packet to several. */
static uint32_t body_length(uint32_t number)
{
    return 20u + mix(number) % (LONGEST - 20u);
}

static void fill_body(uint32_t number, uint32_t at, uint8_t *bytes, size_t size)
{
    for (; size > 0; size--) *bytes++ = (uint8_t)mix(number * 4096u + at++);
}

static bool is_body(uint32_t number, uint32_t at, const uint8_t *bytes,
                    size_t length)
{
    uint8_t right[LONGEST];

    if (at > LONGEST || length > LONGEST - at) return false;
    fill_body(number, at, right, length);
    return length == 0 || memcmp(bytes, right, length) == 0;
}

/* ---- what every node offers --------------------------------------------- */

/* The key of a request: its query, else its payload. */
static const uint8_t *key_of(const coap2_req *req)
{
    coap2_opt opt;

    if (coap2_msg_find(req->msg, COAP2_OPT_URI_QUERY, &opt) &&
        opt.length == KEY) {
        return opt.value;
    }
    return req->payload_length == KEY ? req->payload : NULL;
}

static uint32_t read_key(const uint8_t *key)
{
    uint32_t number = 0;
    unsigned i;

    for (i = 0; i < KEY; i++) {
        uint8_t digit = key[i];

        number = number << 4 | (digit <= '9' ? digit : digit + 9u) % 16u;
    }
    return number;
}

static uint8_t code_for(uint8_t method)
{
    if (method == COAP2_GET || method == COAP2_FETCH) return COAP2_205_CONTENT;
    return method == COAP2_DELETE ? COAP2_202_DELETED : COAP2_204_CHANGED;
}

static uint8_t on_echo(coap2_req *req, coap2_rsp *rsp)
{
    const uint8_t *key = key_of(req);

    if (key == NULL) return COAP2_400_BAD_REQUEST;
    coap2_rsp_bytes(rsp, COAP2_FORMAT_OCTETS, key, KEY);
    return code_for(req->method);
}

static void answer_late(world *world_, void *user)
{
    late *l = (late *)user;
    char key[KEY + 1];
    coap2_result result;

    (void)world_;
    if (l->ticket == 0) return;
    write_key(key, l->serial);
    result = coap2_answer(&homes[l->node].node, l->ticket, COAP2_204_CHANGED,
                          COAP2_FORMAT_OCTETS, key, KEY);
    if (result != COAP2_OK) break_rule(RESULT, l->serial);
    l->ticket = 0;
    sums.lates++;
}

static uint8_t on_slow(coap2_req *req, coap2_rsp *rsp)
{
    const uint8_t *key = key_of(req);
    late *l = &lates[late_count];

    (void)rsp;
    if (key == NULL) return COAP2_400_BAD_REQUEST;
    if (late_count == LATES) return COAP2_503_SERVICE_UNAVAILABLE;
    l->ticket = coap2_later(req);
    if (l->ticket < 0) {
        l->ticket = 0;
        return COAP2_503_SERVICE_UNAVAILABLE;
    }
    late_count++;
    l->node = index_of(req->node);
    l->serial = read_key(key);
    world_later(&w, &places[l->node], world_below(&w, 6000), answer_late, l);
    return COAP2_LATER;
}

static void write_body(coap2_rsp *rsp, uint32_t number)
{
    uint8_t bytes[LONGEST];
    uint32_t length = body_length(number), at = 0;
    size_t size = length;

    if (number % 2 == 0) size = coap2_rsp_window(rsp, length, &at);
    fill_body(number, at, bytes, size);
    coap2_rsp_bytes(rsp, COAP2_FORMAT_OCTETS, bytes, size);
}

static uint8_t on_file(coap2_req *req, coap2_rsp *rsp)
{
    const uint8_t *key = key_of(req);

    if (key == NULL) return COAP2_400_BAD_REQUEST;
    coap2_rsp_etag(rsp, key, KEY);
    write_body(rsp, read_key(key));
    return COAP2_205_CONTENT;
}

static uint8_t on_store(coap2_req *req, coap2_rsp *rsp)
{
    coap2_opt opt;
    uint32_t number;

    if (!coap2_msg_find(req->msg, COAP2_OPT_URI_QUERY, &opt) ||
        opt.length != KEY) {
        return COAP2_400_BAD_REQUEST;
    }
    number = read_key(opt.value);
    if (!rough && req->peer->address[3] < STRANGERS &&
        (req->payload_length != body_length(number) ||
         !is_body(number, 0, req->payload, req->payload_length))) {
        break_rule(BODY, number);
    }
    if (req->method == COAP2_POST) write_body(rsp, number + 1u);
    return COAP2_204_CHANGED;
}

static uint8_t on_state(coap2_req *req, coap2_rsp *rsp)
{
    (void)req;
    rsp->max_age = 30;
    write_body(rsp, version % 64u);
    return COAP2_205_CONTENT;
}

COAP2_FIELDS(climate_fields, COAP2_FIELD_RW("temp", COAP2_I16, temp10, -1),
             COAP2_FIELD_RW("hum", COAP2_U8, hum, 0));
COAP2_RESOURCE(echo, "echo",
               COAP2_GET | COAP2_POST | COAP2_PUT | COAP2_DELETE | COAP2_FETCH |
                   COAP2_PATCH,
               on_echo, "");
COAP2_RESOURCE(slow, "slow", COAP2_POST | COAP2_SEPARATE, on_slow, "");
COAP2_RESOURCE(file, "file", COAP2_GET, on_file, "");
COAP2_RESOURCE(store, "store", COAP2_PUT | COAP2_POST, on_store, "");
COAP2_RESOURCE(state, "state", COAP2_GET | COAP2_OBSERVABLE, on_state, "");
COAP2_BOUND(climate, "climate", COAP2_OBSERVABLE, climate_fields,
            "rt=\"climate\"");
COAP2_TABLE(things, &echo, &slow, &file, &store, &state, &climate);

/* Something has happened at a node. */
static void change(world *world_, void *user)
{
    coap2_node *node = (coap2_node *)user;

    (void)world_;
    temp10 = (int16_t)(100 + world_below(&w, 200));
    hum = (uint8_t)(30 + world_below(&w, 40));
    version++;
    coap2_changed(node, &climate);
    coap2_changed(node, &state);
}

/* ---- answers ------------------------------------------------------------ */

static bool has_body(const ask *a)
{
    return a->kind == DOWN || a->kind == BOTH;
}

/* A piece of a body, or all of it: each stands behind the one before it. */
static void check_body(ask *a, const coap2_reply *reply)
{
    uint32_t number = a->serial + (a->kind == BOTH);
    size_t length = reply->msg->payload_length;

    sums.blocks++;
    /* a POST that comes again is told the code: COAP2_REPLY_SIZE */
    if (a->kind == BOTH && reply->offset == 0 && length == 0) return;
    if (reply->offset == 0) a->at = 0;
    if (reply->offset != a->at ||
        !is_body(number, a->at, reply->msg->payload, length)) {
        break_rule(BODY, a->serial);
    }
    a->at += (uint32_t)length;
    if (!reply->more && a->at != body_length(number)) break_rule(BODY, a->at);
}

static void check_answer(ask *a, const coap2_reply *reply)
{
    const coap2_msg *msg = reply->msg;
    char key[KEY + 1];

    if (COAP2_CODE_CLASS(msg->code) != 2u) return;
    if (has_body(a)) {
        check_body(a, reply);
        return;
    }
    if (kinds[a->kind].method == 0 || msg->payload_length == 0) return;
    if (a->kind >= OBSERVE && a->kind != GROUP && a->kind != NAMED) return;
    /* a stranger may be of the group, too */
    if (reply->peer->address[3] >= STRANGERS) return;
    write_key(key, a->serial);
    if (msg->payload_length != KEY || memcmp(msg->payload, key, KEY) != 0) {
        break_rule(BELONGS, a->serial);
    }
}

/* Can a request of this kind end so? */
static bool can_end(const ask *a, coap2_result result)
{
    switch (result) {
    case COAP2_OK:
    case COAP2_ERR_TIMEOUT:
        return true;
    case COAP2_ERR_CANCELLED:
        return a->cancels;
    case COAP2_ERR_RESET:
        return a->kind == TO_REJECTS;
    case COAP2_ERR_NAME:
        return a->kind == UNKNOWN || a->kind == NAMED;
    case COAP2_ERR_FORMAT:
        return a->kind == TO_STRANGE || a->kind == DOWN || a->kind == BOTH;
    default:
        return false;
    }
}

/* The least time until an answer is given up (RFC 7252 4.2, 4.8.2); a group has
   nine seconds, and who was found by name is looked for again after two
   retransmissions. */
static uint32_t least_patience(const ask *a)
{
    uint32_t last = (2u << COAP2_MAX_RETRANSMIT) - 1u;

    if (a->kind == GROUP || a->kind == FIND) return 9 * SECOND;
    if (a->kind == NAMED) last = 7;
    last *= COAP2_ACK_TIMEOUT;
    return last < COAP2_DEADLINE ? last : COAP2_DEADLINE;
}

static void count_end(const ask *a, coap2_result result)
{
    outcome *o = &sums.of[a->kind];

    if (result == COAP2_OK || (result == COAP2_ERR_TIMEOUT && a->answers > 0))
        o->answered++;
    else if (result == COAP2_ERR_TIMEOUT)
        o->timed_out++;
    else if (result == COAP2_ERR_RESET)
        o->reset++;
    else if (result == COAP2_ERR_CANCELLED)
        o->cancelled++;
    else
        o->other++;
    if (!rough && !can_end(a, result)) break_rule(RESULT, a->kind);
    if (result == COAP2_ERR_TIMEOUT && w.now - a->since < least_patience(a)) {
        break_rule(TOO_SOON, a->kind);
    }
}

/* Inside the callback of one, a node begins its next request: start_next. */
static void (*go_on)(unsigned from);

static void on_reply(const coap2_reply *reply)
{
    ask *a = (ask *)reply->user;

    if (a->ends > 0 || a->lost) break_rule(ENDS, a->serial);
    if (reply->node != &homes[a->from].node || reply->request != a->handle ||
        (reply->result == COAP2_OK && reply->msg == NULL && a->kind != PING)) {
        break_rule(BELONGS, a->serial);
    }
    if (reply->msg != NULL && reply->result == COAP2_OK) {
        a->answers++;
        if (!rough) check_answer(a, reply);
    }
    if (!reply->more) {
        a->ends++;
        count_end(a, reply->result);
        if (world_chance(&w, 100)) go_on(a->from);
        return;
    }
    sums.of[a->kind].news++;
    if (a->cancels && world_chance(&w, 50)) {
        (void)coap2_cancel(&homes[a->from].node, a->handle);
    }
}

/* ---- requests ----------------------------------------------------------- */

static void pull_body(void *user, uint32_t at, uint8_t *bytes, size_t size)
{
    fill_body(((const ask *)user)->serial, at, bytes, size);
}

static const char *pick_rule(void)
{
    static const char *const rules[] = {"temp > 20 and hum < 50",
                                        "when temp > 25 until temp < 15",
                                        "delta(temp) >= 5 pmin 3",
                                        "changed(hum) or temp > 28",
                                        "pmax 20",
                                        "old(temp) < 20 and temp > 20 pmax 60",
                                        "tmp > 20",
                                        ""};

    return rules[world_below(&w, sizeof rules / sizeof rules[0])];
}

static const char *pick_search(void)
{
    static const char *const searches[] = {"", "node2.local", "/climate,/none",
                                           "/s*", "nobody.local"};

    return searches[world_below(&w, sizeof searches / sizeof searches[0])];
}

static void start_named(coap2_call *call, const ask *a)
{
    char uri[64];

    (void)snprintf(uri, sizeof uri, "coap://%s/%s",
                   a->kind == UNKNOWN ? "nobody.local" : names[a->to],
                   kinds[a->kind].path);
    coap2_call_start(call, &homes[a->from].node, COAP2_GET, uri);
}

static void start_call(coap2_call *call, const ask *a)
{
    const kind_row *row = &kinds[a->kind];
    coap2_peer peer = places[a->to].at;

    if (a->kind == GROUP) peer = world_group();
    if (a->kind >= TO_SILENT) peer = world_peer(SILENT + a->kind - TO_SILENT);
    if (a->kind == FIND)
        coap2_call_find(call, &homes[a->from].node, pick_search());
    else if (a->kind == NAMED || a->kind == UNKNOWN)
        start_named(call, a);
    else
        coap2_call_start_to(call, &homes[a->from].node, row->method, &peer,
                            row->path);
    if (a->kind == GROUP || a->kind == FIND) call->deadline = 9 * SECOND;
}

/* Some requests say which they are in the query, some in the payload. */
static void write_request(coap2_call *call, const ask *a)
{
    uint8_t method = kinds[a->kind].method;
    char key[KEY + 1];

    write_key(key, a->serial);
    if (a->kind == OBSERVE) coap2_write_uint(&call->w, COAP2_OPT_OBSERVE, 0);
    if (a->kind == SUBSCRIBE) coap2_call_subscribe(call, pick_rule());
    if (a->kind == IPATCH) coap2_write_payload(&call->w, "hum=45", 6);
    if (a->kind == PING || a->kind == IPATCH ||
        (a->kind >= OBSERVE && a->kind <= FIND)) {
        return;
    }
    if (a->kind <= SLOW && method != COAP2_GET && a->serial % 2 == 0)
        coap2_write_payload(&call->w, key, KEY);
    else
        coap2_write_text(&call->w, COAP2_OPT_URI_QUERY, key);
}

static void set_body(coap2_call *call, ask *a)
{
    if (a->kind == UP || a->kind == BOTH) {
        call->pull = pull_body;
        call->pull_length = body_length(a->serial);
    }
    if (a->kind != UP && !has_body(a)) return;
    call->szx = (uint8_t)(2u + a->serial % 3u);
    if (!a->assembled) return;
    call->body = a->body;
    call->body_size = sizeof a->body;
}

static void start_ask(world *world_, void *user)
{
    ask *a = (ask *)user;
    coap2_call call;

    (void)world_;
    if (a->handle != 0) return; /* begun already */
    a->since = w.now;
    start_call(&call, a);
    call.confirmable = a->confirmable;
    write_request(&call, a);
    set_body(&call, a);
    a->handle = coap2_call_send(&call, on_reply, a);
    if (a->handle > 0) {
        sums.accepted++;
        sums.of[a->kind].begun++;
        return;
    }
    sums.refused++;
    if (a->handle != COAP2_ERR_FULL) {
        break_rule(RESULT, (unsigned long)-a->handle);
    }
}

static void start_next(unsigned from)
{
    unsigned i;

    for (i = 0; i < ASKS; i++) {
        if (asks[i].from != from || asks[i].handle != 0) continue;
        start_ask(&w, &asks[i]);
        sums.inside++;
        return;
    }
}

static bool is_under_way(const ask *a)
{
    return a->handle > 0 && a->ends == 0 && !a->lost;
}

static void end_ask(world *world_, void *user)
{
    ask *a = (ask *)user;
    coap2_node *node = &homes[a->from].node;
    coap2_result result;

    (void)world_;
    if (!is_under_way(a)) return;
    a->cancels = true;
    result = a->forgets ? coap2_forget(node, a->handle)
                        : coap2_cancel(node, a->handle);
    if (result != COAP2_OK || a->ends != 1) break_rule(ENDS, a->serial);
}

static unsigned pick_kind(void)
{
    unsigned all = 0, kind, chosen;

    for (kind = 0; kind < KINDS; kind++) all += kinds[kind].weight;
    chosen = world_below(&w, all);
    for (kind = 0; chosen >= kinds[kind].weight; kind++) {
        chosen -= kinds[kind].weight;
    }
    return kind;
}

static void plan_ask(ask *a)
{
    uint32_t at = world_below(&w, PHASE);

    memset(a, 0, offsetof(ask, body));
    serial += 2;
    a->serial = serial + world_below(&w, 2);
    a->kind = pick_kind();
    a->from = world_below(&w, NODES);
    a->to = (a->from + 1 + world_below(&w, NODES - 1)) % NODES;
    a->confirmable = a->kind != NON_GET && a->kind != GROUP &&
                     (a->kind < OBSERVE || world_chance(&w, 600));
    if (a->kind >= TO_SILENT) a->confirmable = true;
    a->assembled = world_chance(&w, 500);
    a->cancels =
        a->kind == OBSERVE || a->kind == SUBSCRIBE || world_chance(&w, 50);
    a->forgets = world_chance(&w, 300);
    world_later(&w, &places[a->from], at, start_ask, a);
    if (!a->cancels) return;
    world_later(&w, &places[a->from], at + 1 + world_below(&w, 40 * SECOND),
                end_ask, a);
}

/* ---- nodes: they sleep, forget, and are cut off ------------------------- */

/* The last one has fewer slots than exchanges. */
static unsigned slots_of(unsigned i)
{
    return i + 1u == NODES && SLOTS > 4 ? 4 : SLOTS;
}

static void set_node(unsigned i)
{
    home *h = &homes[i];
    coap2_node *node = &h->node;

    memset(node, 0, sizeof *node);
    node->send = world_send;
    node->recv = world_recv;
    node->now = world_now;
    node->idle = world_idle;
    node->io = &places[i];
    node->name = names[i];
    node->in = h->in;
    node->in_size = sizeof h->in;
    node->out = h->out;
    node->out_size = slots_of(i) * (size_t)PACKET;
    node->packet = PACKET;
    node->bodies = h->bodies;
    node->bodies_size = sizeof h->bodies;
    node->resources = things;
    node->probing_rate = 500;
    if (coap2_start(node, world_random(&w)) != COAP2_OK) break_rule(RESULT, i);
}

/* All that it knew is gone. */
static void reboot(world *world_, void *user)
{
    unsigned i = index_of((const coap2_node *)user), k;

    (void)world_;
    for (k = 0; k < ASKS; k++) {
        if (asks[k].from != i || !is_under_way(&asks[k])) continue;
        asks[k].lost = true;
        sums.of[asks[k].kind].lost++;
    }
    for (k = 0; k < late_count; k++) {
        if (lates[k].node == i) lates[k].ticket = 0;
    }
    set_node(i);
    sums.reboots++;
}

/* It sleeps deeply, and comes back from where it was saved. */
static void sleep_deeply(world *world_, void *user)
{
    static coap2_node saved;
    coap2_node *node = (coap2_node *)user;

    (void)world_;
    memcpy(&saved, node, sizeof saved);
    memset(node, 0x5a, sizeof *node);
    memcpy(node, &saved, sizeof saved);
    sums.sleeps++;
}

static void mend_cable(world *world_, void *user)
{
    (void)world_;
    places[index_of((const coap2_node *)user)].cut = false;
}

static void cut_cable(world *world_, void *user)
{
    unsigned i = index_of((const coap2_node *)user);

    (void)world_;
    places[i].cut = true;
    world_later(&w, &places[i], world_below(&w, 100 * SECOND), mend_cable,
                user);
    sums.cuts++;
}

static void plan(unsigned thousandths, world_action_fn action)
{
    unsigned i = world_below(&w, NODES);

    if (!world_chance(&w, thousandths)) return;
    world_later(&w, &places[i], world_below(&w, PHASE), action, &homes[i].node);
}

/* ---- strangers ---------------------------------------------------------- */

/* A datagram comes from an address where nobody is. */
static void come_from(unsigned address, world_place *to, const uint8_t *bytes,
                      size_t length)
{
    world_event *event = world_event_in(&w, to, 20);

    if (event == NULL) return;
    event->from = world_peer(address);
    event->length = length;
    if (length > 0) memcpy(event->bytes, bytes, length);
}

/* Random bytes, which may begin as a message does. */
static size_t make_nonsense(uint8_t *bytes)
{
    size_t length = world_below(&w, WORLD_PACKET), i;

    for (i = 0; i < length; i++) bytes[i] = (uint8_t)world_random(&w);
    if (length > 0 && world_chance(&w, 700)) {
        bytes[0] = (uint8_t)(0x40u + world_below(&w, 64));
    }
    if (length > 1 && world_chance(&w, 500)) {
        bytes[1] = (uint8_t)world_below(&w, 8);
    }
    return length;
}

/* What was overheard, and cut, or damaged, or neither. */
static size_t make_echo(uint8_t *bytes)
{
    const overheard *o = &ring[world_below(&w, OVERHEARD)];
    uint32_t length = (uint32_t)o->length;

    memcpy(bytes, o->bytes, length);
    if (length == 0) return 0;
    if (world_chance(&w, 300)) length = world_below(&w, length);
    if (length > 0 && world_chance(&w, 300)) {
        bytes[world_below(&w, length)] = (uint8_t)world_random(&w);
    }
    return length;
}

static void disturb(world *world_, void *user)
{
    uint8_t bytes[WORLD_PACKET];
    bool echoes = world_chance(&w, 500);
    size_t length = echoes ? make_echo(bytes) : make_nonsense(bytes);

    (void)world_;
    come_from(STRANGERS + world_below(&w, 8),
              &places[index_of((const coap2_node *)user)], bytes, length);
    sums.strange += !echoes;
    sums.repeated += echoes;
}

/* How the addresses answer where nobody is. */
static void answer_from_nowhere(world_place *to, unsigned address,
                                const uint8_t *bytes)
{
    uint8_t answer[32];
    coap2_msg msg;
    coap2_writer out;

    if (coap2_msg_parse(&msg, bytes, 4u + (bytes[0] & 15u)) != COAP2_OK ||
        msg.type != COAP2_CON) {
        return;
    }
    coap2_write_start(&out, answer, sizeof answer);
    if (address == REJECTS) {
        coap2_write_header(&out, COAP2_RST, COAP2_000_EMPTY, msg.id, NULL, 0);
    } else {
        coap2_write_header(&out, COAP2_ACK, COAP2_205_CONTENT, msg.id,
                           msg.token, msg.token_length);
        coap2_write_opt(&out, 65001, NULL, 0);
    }
    come_from(address, to, answer, coap2_write_end(&out));
}

/* ---- the wire ----------------------------------------------------------- */

/* Each retransmission waits twice as long as the one before it, the first one
   for ACK_TIMEOUT to one and a half of it (RFC 7252 4.2). */
static void check_gap(unsigned node, const uint8_t *bytes)
{
    patience *p = &waits[node];
    uint16_t id = (uint16_t)(bytes[2] << 8 | bytes[3]);
    uint64_t gap = w.now - p->at;

    if (id != p->id || p->times == 0) {
        p->times = 0;
    } else if (p->times == 1) {
        if (gap < COAP2_ACK_TIMEOUT || gap > COAP2_ACK_TIMEOUT * 3u / 2u)
            break_rule(GAP, (unsigned long)gap);
    } else if (gap != 2 * p->gap) {
        break_rule(GAP, (unsigned long)gap);
    }
    p->id = id;
    p->times++;
    p->at = w.now;
    p->gap = gap;
}

static void on_sent(world *world_, world_place *from, const coap2_peer *to,
                    const uint8_t *bytes, size_t length)
{
    overheard *o = &ring[ring_at++ % OVERHEARD];

    (void)world_;
    o->length = length < WORLD_PACKET ? length : WORLD_PACKET;
    memcpy(o->bytes, bytes, o->length);
    sums.bytes += length;
    if (length > sums.largest) sums.largest = (unsigned long)length;
    if (length < 4 || length > PACKET) break_rule(TOO_LONG, length);
    continued += bytes[1] == COAP2_231_CONTINUE;
    if (to->address[0] != 10) return;
    if (to->address[3] == SILENT && bytes[0] >> 4 == 4 && !rough &&
        COAP2_CODE_CLASS(bytes[1]) == 0) {
        check_gap(index_of(from->node), bytes);
    }
    if (to->address[3] == REJECTS || to->address[3] == STRANGE) {
        answer_from_nowhere(from, to->address[3], bytes);
    }
}

/* ---- a phase ------------------------------------------------------------ */

static void set_network(void)
{
    world_network *network = &w.network;
    unsigned mood = (unsigned)(sums.phases % 4);

    memset(network, 0, sizeof *network);
    rough = mood == 3;
    network->delay = 1 + world_below(&w, 40);
    network->scatter = world_below(&w, 100);
    if (mood == 0) return;
    network->loss = mood == 1 ? 100 : 300;
    network->twice = 100;
    network->held = 100;
    network->hold = mood == 2 ? 60 * SECOND : 4 * SECOND;
    network->damage = rough ? 100 : 0;
    network->busy = rough ? 100 : 0;
}

static void plan_phase(void)
{
    unsigned i;

    late_count = 0;
    for (i = 0; i < NODES; i++) places[i].pushed = world_chance(&w, 300);
    for (i = 0; i < ASKS; i++) plan_ask(&asks[i]);
    for (i = 0; i < 30; i++) plan(1000, change);
    for (i = 0; i < 40; i++) plan(500, disturb);
    for (i = 0; i < 4; i++) plan(500, sleep_deeply);
    plan(300, reboot);
    plan(300, cut_cable);
}

/* The network heals, all who watch stop, and servers notice who has gone: by
   what changes, or by the daily sign of life. */
static void make_peace(void)
{
    unsigned i, k;

    memset(&w.network, 0, sizeof w.network);
    w.network.delay = 10;
    for (i = 0; i < NODES; i++) places[i].cut = false;
    for (i = 0; i < ASKS; i++) {
        if (asks[i].kind == OBSERVE || asks[i].kind == SUBSCRIBE) {
            end_ask(&w, &asks[i]);
        }
    }
    for (k = 1; k <= 4; k++) {
        for (i = 0; i < NODES; i++) {
            world_later(&w, &places[i], k * 100 * SECOND, change,
                        &homes[i].node);
        }
    }
}

static void check_asks(void)
{
    unsigned i;

    for (i = 0; i < ASKS; i++) {
        unsigned ends = asks[i].handle > 0 && !asks[i].lost;

        if (asks[i].ends != ends) break_rule(ENDS, asks[i].serial);
    }
}

static void check_records(const coap2_node *node)
{
    unsigned i;

    for (i = 0; i < COAP2_MAX_EXCHANGES; i++) {
        if (node->exchanges[i].state != COAP2I_FREE) {
            break_rule(EXCHANGES, node->exchanges[i].state);
        }
    }
    for (i = 0; i < COAP2_MAX_OBSERVERS; i++) {
        if (node->observers[i].flags != 0) {
            break_rule(OBSERVERS, node->observers[i].flags);
        }
    }
    for (i = 0; i < COAP2_MAX_DUPLICATES; i++) {
        if (node->duplicates[i].used) break_rule(DUPLICATES, i);
    }
    for (i = 0; i < COAP2_MAX_NAMES; i++) {
        if (node->places[i].used) break_rule(NAMES, i);
    }
}

static void check_guard(const uint8_t *guard)
{
    unsigned i;

    for (i = 0; i < GUARD; i++) {
        if (guard[i] != 0xa5) break_rule(GUARDS, i);
    }
}

static void check_guards(const home *h)
{
    check_guard(h->guard_a);
    check_guard(h->guard_b);
    check_guard(h->guard_c);
    check_guard(h->guard_d);
    check_guard(h->guard_e);
}

/* Can as many bodies arrive at once as there are places for? */
static void check_uploads(unsigned node)
{
    coap2_peer peer = world_peer(SILENT);
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
        coap2_write_text(&built, COAP2_OPT_URI_PATH, "store");
        coap2_write_block(&built, COAP2_OPT_BLOCK1, &block);
        coap2_write_payload(&built, payload, sizeof payload);
        coap2_input(&homes[node].node, &peer, bytes, coap2_write_end(&built),
                    world_clock(&places[node]));
    }
    if (continued != COAP2_MAX_UPLOADS) break_rule(UPLOADS, continued);
}

static void check_node(unsigned i)
{
    coap2_node *node = &homes[i].node;
    unsigned free_ones;

    if (coap2_poll(node, world_clock(&places[i])) != COAP2_FOREVER) {
        break_rule(AT_REST, i);
    }
    check_records(node);
    check_guards(&homes[i]);
    free_ones = world_count_free(node);
    if (free_ones != slots_of(i) - 1u) break_rule(EXCHANGES, free_ones);
    check_uploads(i);
}

static void count_traffic(void)
{
    sums.sent += w.sent;
    sums.lost += w.lost;
    sums.delivered += w.delivered;
    w.sent = w.lost = w.delivered = 0;
    if (w.spins > 0) break_rule(SPIN, w.spins);
    if (w.idlers > 0) break_rule(IDLE, w.idlers);
    if (w.overflow > 0) break_rule(NO_ROOM, w.overflow);
    w.spins = w.idlers = w.overflow = 0;
}

static void run_phase(void)
{
    unsigned i;

    set_network();
    plan_phase();
    w.doubts = !rough && sums.phases % 8 < 4;
    world_run(&w, PHASE);
    make_peace();
    world_run(&w, DAY + 2 * 3600 * SECOND);
    check_asks();
    for (i = 0; i < NODES; i++) check_node(i);
    count_traffic();
    sums.phases++;
}

/* ---- the table ---------------------------------------------------------- */

static void add(outcome *all, const outcome *o)
{
    all->begun += o->begun;
    all->answered += o->answered;
    all->timed_out += o->timed_out;
    all->reset += o->reset;
    all->cancelled += o->cancelled;
    all->other += o->other;
    all->lost += o->lost;
    all->news += o->news;
}

static void print_outcome(const char *name, const outcome *o)
{
    printf("| %-23s | %7lu | %7lu | %6lu | %6lu | %6lu | %5lu | %5lu | %7lu "
           "|\n",
           name, o->begun, o->answered, o->timed_out, o->reset, o->cancelled,
           o->other, o->lost, o->news);
}

static void print_requests(void)
{
    outcome all;
    unsigned i;

    memset(&all, 0, sizeof all);
    printf("| request                 |   begun | answered | timed out | reset "
           "| cancelled | other error | its node lost its memory | news before "
           "the end |\n"
           "|---|---:|---:|---:|---:|---:|---:|---:|---:|\n");
    for (i = 0; i < KINDS; i++) {
        print_outcome(kinds[i].name, &sums.of[i]);
        add(&all, &sums.of[i]);
    }
    print_outcome("all", &all);
    if (all.begun != sums.accepted ||
        all.begun != all.answered + all.timed_out + all.reset + all.cancelled +
                         all.other + all.lost) {
        break_rule(ENDS, all.begun);
    }
}

static void print_row(const char *name, unsigned long number)
{
    printf("| %-46s | %10lu |\n", name, number);
}

static void print_events(void)
{
    printf("\n| of the world | |\n|---|---:|\n");
    print_row("phases", sums.phases);
    print_row("days", (unsigned long)(w.now / DAY));
    print_row("times that each clock wrapped",
              (unsigned long)((w.now + places[0].clock) >> 32));
    print_row("requests that found no free exchange", sums.refused);
    print_row("requests that began in another's callback", sums.inside);
    print_row("nodes that lost their memory", sums.reboots);
    print_row("nodes that slept in other memory", sums.sleeps);
    print_row("cables that were cut", sums.cuts);
    print_row("late answers", sums.lates);
    print_row("pieces of bodies that were looked at", sums.blocks);
    print_row("datagrams sent", sums.sent);
    print_row("datagrams lost", sums.lost);
    print_row("datagrams delivered", sums.delivered);
    print_row("malformed ones of strangers", sums.strange);
    print_row("overheard ones of strangers", sums.repeated);
    print_row("bytes sent", sums.bytes);
    print_row("bytes of the largest datagram, of 256", sums.largest);
}

static int print_rules(void)
{
    unsigned i;
    int status = 0;

    printf("\n| what must not be | |\n|---|---:|\n");
    for (i = 0; i < RULES; i++) {
        print_row(rule_names[i], broken[i]);
        if (broken[i] != 0) status = 1;
    }
    return status;
}

/* ---- all of it ---------------------------------------------------------- */

static void begin(uint32_t seed)
{
    unsigned i;

    world_start(&w, seed);
    w.seen = on_sent;
    go_on = start_next;
    memset(homes, 0xa5, sizeof homes);
    for (i = 0; i < NODES; i++) {
        memset(&homes[i].node, 0, sizeof homes[i].node);
        world_add(&w, &places[i], &homes[i].node);
        places[i].clock = 0u - world_below(&w, 100 * SECOND);
        set_node(i);
    }
}

int main(int argc, char **argv)
{
    unsigned long requests = argc > 1 ? strtoul(argv[1], NULL, 10) : 10000;
    unsigned long seed = argc > 2 ? strtoul(argv[2], NULL, 10) : 1;

    begin((uint32_t)seed);
    while (sums.accepted < requests) run_phase();
    print_requests();
    print_events();
    return print_rules();
}
