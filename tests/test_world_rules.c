/* Subscriptions by rules in a simulated world: 10,000 runs over a network that
   loses 30 % of all datagrams, doubles 10 % and lets them overtake each other.
   What a server should send is told by a model of the triggers, which knows
   nothing of the machine. Whatever happens there, these hold:

   - with QoS 1 no notification that a rule asked for is lost, unless its server
     gave its client up (RFC 7641 4.5) or the client subscribed anew; one that
     comes while another is under way may be told with it;
   - with either none is told twice, and none that the rule did not ask for;
   - after the last change every subscriber whose rule is always true comes to
     the last state, also those who filter by themselves;
   - when all have gone, asked to or not, every exchange and every observer's
     place is free.

   A run that breaks a rule prints its seed; WORLD_SEED=n runs that seed alone
   and prints what was on the wire. The macro or variable WORLD_RUNS=n makes
   another number of runs. */
#include <stdio.h>
#include <stdlib.h>
#define COAP2_MAX_DUPLICATES 64
#define COAP2_RULE_SIZE 80
#define COAP2_IMPLEMENTATION
#include "../coap2.h"
#define WORLD_PACKET 160
#include "world.h"

#ifndef WORLD_RUNS
#ifdef __powerpc__ /* emulated, and ten times as slow */
#define WORLD_RUNS 1000
#else
#define WORLD_RUNS 10000
#endif
#endif

enum {
    NODES = 4,    /* the first is the server */
    THINGS = 2,   /* that can be subscribed to */
    CHANGES = 12, /* of a run, at most */
    ALARMS = 64,
    MESSAGES = 64,
    REQUESTS = 16,
    PACKET = 160,
    SLOTS = COAP2_MAX_EXCHANGES + 1
};

#define MINUTE ((uint64_t)60000)
#define HOUR (60 * MINUTE)

/* ---- a model of the triggers -------------------------------------------- */

/* What a rule says of a value and of the one that was sent last. */
typedef bool (*holds_fn)(int v, int old);

static bool is_high(int v, int old)
{
    (void)old;
    return v > 20;
}

static bool is_low(int v, int old)
{
    (void)old;
    return v < 10;
}

static bool has_changed(int v, int old)
{
    return v != old;
}

static bool is_far(int v, int old)
{
    return v - old >= 15 || old - v >= 15;
}

static bool has_jumped(int v, int old)
{
    return old < 10 && v > 20;
}

static bool always(int v, int old)
{
    (void)v;
    (void)old;
    return true;
}

typedef struct rule {
    const char *text;
    bool when;
    holds_fn holds, until;
    uint32_t pmin, pmax; /* ms */
} rule;

static const rule rules[] = {
    {"when v > 20", true, is_high, NULL, 0, 0},
    {"when v > 20 until v < 10", true, is_high, is_low, 0, 0},
    {"when v > 20 pmin 30", true, is_high, NULL, 30000, 0},
    {"when v > 20 until v < 10 pmin 20 pmax 90", true, is_high, is_low, 20000,
     90000},
    {"when v > 20 pmax 60", true, is_high, NULL, 0, 60000},
    {"when changed(v)", true, has_changed, NULL, 0, 0},
    {"when delta(v) >= 15 pmin 10", true, is_far, NULL, 10000, 0},
    {"v > 20", false, is_high, NULL, 0, 0},
    {"v > 20 pmin 15 pmax 100", false, is_high, NULL, 15000, 100000},
    {"old(v) < 10 and v > 20", false, has_jumped, NULL, 0, 0},
    {"changed(v) pmin 12.5", false, has_changed, NULL, 12500, 0},
    {"", false, always, NULL, 0, 0},
    {"true pmin 7", false, always, NULL, 7000, 0},
    {"n > 0 pmax 120", false, always, NULL, 0, 120000},
    {"v > 5 or not v > 5", false, always, NULL, 0, 0}};
enum { RULES_ASKED = sizeof rules / sizeof rules[0], ALWAYS_FROM = 11 };

/* A subscriber, as the design has it. */
typedef struct model {
    const rule *asked;
    bool runs, armed, waiting;
    int old;
    uint64_t last;
} model;

static void model_sent(model *m, uint64_t at, int v)
{
    m->last = at;
    m->old = v;
    m->waiting = false;
}

/* The answer to a subscription. */
static void model_begin(model *m, uint64_t at, int v)
{
    m->runs = true;
    model_sent(m, at, v);
    m->armed = !m->asked->holds(v, v);
}

/* When something happens without a change. */
static uint64_t model_due(const model *m)
{
    uint64_t due = WORLD_NEVER;

    if (!m->runs) return due;
    if (m->asked->pmax != 0) due = m->last + m->asked->pmax;
    if (m->waiting && m->last + m->asked->pmin < due)
        due = m->last + m->asked->pmin;
    return due;
}

/* One that waits has waited long enough: is it sent? */
static bool model_release(model *m, uint64_t at, int v)
{
    if (!m->waiting || at - m->last < m->asked->pmin) return false;
    m->waiting = false;
    if (m->asked->holds(v, m->old)) return true;
    m->armed = true;
    return false;
}

/* Does the rule ask for a notification of this change? */
static bool model_fires(model *m, int v)
{
    const rule *r = m->asked;
    bool holds = r->holds(v, m->old);

    if (!r->when) return holds;
    if (r->until == NULL ? !holds : r->until(v, m->old)) m->armed = true;
    if (!holds || !m->armed) return false;
    m->armed = false;
    return true;
}

/* What happens at a moment, with a change or without. True if the rule asks for
   a notification now. */
static bool model_moment(model *m, uint64_t at, int v, bool changed)
{
    bool fires = model_release(m, at, v);

    if (!fires && changed && !m->waiting && model_fires(m, v)) {
        fires = at - m->last >= m->asked->pmin;
        m->waiting = !fires;
    }
    if (fires || (m->asked->pmax != 0 && at - m->last >= m->asked->pmax))
        model_sent(m, at, v);
    return fires;
}

/* ---- what a run is made of ---------------------------------------------- */

/* One who subscribes, from the first to the last request for it. */
typedef struct watch {
    unsigned from, thing;
    bool confirmable, plain, closing;
    int16_t handle; /* 0: none is under way */
    model m;
    unsigned version;     /* that it was told last */
    unsigned alarm_count; /* that it has not been told, */
    struct {
        uint64_t at; /* and when they came */
        bool may_fail;
    } alarms[ALARMS];
    unsigned message_count;
    struct {
        uint16_t id;
        uint64_t at; /* when it left first */
    } messages[MESSAGES];
    uint8_t token[8], token_length;
    bool flies;    /* the last message has not been acknowledged */
    bool answered; /* it was told an answer last */
    unsigned request_count;
    uint16_t requests[REQUESTS]; /* ids that the server has seen */
} watch;

typedef struct totals {
    unsigned long alarms, matches, periods, firsts, late, given_up, over;
    unsigned long asked[RULES_ASKED];
} totals;

static world w;
static world_place places[NODES];
static coap2_node nodes[NODES];
static uint8_t in[NODES][PACKET], out[NODES][SLOTS * PACKET];
static unsigned node_count, watch_count;
static watch watches[NODES * THINGS];
static int16_t value;
static uint16_t version; /* counts the changes */
static totals sums;
static uint32_t the_seed;

/* ---- rules that may be broken ------------------------------------------- */

enum {
    LOST,
    TWICE,
    UNASKED,
    LAST_STATE,
    STALE,
    RESULT,
    EXCHANGE_LEAKS,
    OBSERVER_LEAKS,
    SPIN,
    IDLE,
    NO_ROOM,
    RULES
};

static unsigned long broken[RULES];
static const char *const rule_names[RULES] = {
    "a notification that the rule asked for was lost",
    "a notification was told twice, or not asked for",
    "a sign of life that nobody asked for",
    "a subscriber has not come to the last state",
    "a state is older than the one before",
    "a result that cannot be",
    "an exchange is not free in the end",
    "an observer's place is not free in the end",
    "poll returns 0 for ever",
    "poll says later though there is something to do",
    "the world is too small"};

static void break_rule(unsigned number, unsigned long detail)
{
    if (broken[number]++ > 0 && !w.trace) return;
    printf("  %s (%lu), %lu ms: WORLD_SEED=%lu shows it\n", rule_names[number],
           detail, (unsigned long)w.now, (unsigned long)the_seed);
}

/* ---- the server --------------------------------------------------------- */

static size_t put_number(char *text, unsigned number)
{
    char digits[5];
    size_t length = 0, i;

    do {
        digits[length++] = (char)('0' + number % 10);
        number /= 10;
    } while (number != 0);
    for (i = 0; i < length; i++) text[i] = digits[length - 1 - i];
    return length;
}

/* The same as the fields give. */
static uint8_t on_text(coap2_req *req, coap2_rsp *rsp)
{
    char bytes[20] = "v=";
    size_t at = 2;

    (void)req;
    at += put_number(bytes + at, (unsigned)value);
    memcpy(bytes + at, " n=", 3);
    at += 3;
    at += put_number(bytes + at, version);
    coap2_rsp_bytes(rsp, COAP2_FORMAT_TEXT, bytes, at);
    return COAP2_205_CONTENT;
}

COAP2_FIELDS(rows, COAP2_FIELD("v", COAP2_I16, value, 0),
             COAP2_FIELD("n", COAP2_U16, version, 0));
COAP2_BOUND(bound, "bound", COAP2_OBSERVABLE, rows, "");
COAP2_RESOURCE(text, "text", COAP2_GET | COAP2_OBSERVABLE, on_text, "");
COAP2_TABLE(things, &bound, &text);

static const char *const paths[THINGS] = {"bound", "text"};

/* ---- what the model says ------------------------------------------------ */

static void add_alarm(watch *x, uint64_t at, bool may_fail)
{
    if (x->alarm_count == ALARMS) {
        break_rule(NO_ROOM, ALARMS);
        return;
    }
    x->alarms[x->alarm_count].at = at;
    x->alarms[x->alarm_count++].may_fail = may_fail;
    sums.alarms += !may_fail;
}

/* Is it on the server's list still? */
static bool is_listed(const watch *x)
{
    const coap2_observer *o = nodes[0].observers;

    for (; o < nodes[0].observers + COAP2_MAX_OBSERVERS; o++) {
        if (o->flags != 0 && o->token_length == x->token_length &&
            memcmp(o->token, x->token, x->token_length) == 0 &&
            coap2_peer_equals(&o->peer, &places[x->from].at)) {
            return true;
        }
    }
    return false;
}

/* What has not been told need not be told any more. */
static void excuse(watch *x)
{
    unsigned i;

    for (i = 0; i < x->alarm_count; i++) x->alarms[i].may_fail = true;
}

/* Let the model come to a time, before what happens then. */
static void come_before(watch *x, uint64_t at)
{
    uint64_t due;

    while ((due = model_due(&x->m)) < at)
        if (model_moment(&x->m, due, value, false)) add_alarm(x, due, false);
}

/* The same, and has the server given it up meanwhile? */
static void come_to(watch *x, uint64_t at)
{
    come_before(x, at);
    if (!x->m.runs || is_listed(x)) return;
    x->m.runs = false; /* the server has given it up */
    sums.given_up++;
    excuse(x);
}

static void change(world *world_, void *user)
{
    static const int16_t values[] = {0, 5, 9, 10, 15, 20, 21, 25, 30, 40};
    watch *x;

    (void)world_;
    (void)user;
    for (x = watches; x < watches + watch_count; x++) come_to(x, w.now);
    value = values[world_below(&w, sizeof values / sizeof values[0])];
    version++;
    for (x = watches; x < watches + watch_count; x++)
        if (x->m.runs && model_moment(&x->m, w.now, value, true))
            add_alarm(x, w.now, false);
    coap2_changed(&nodes[0], &bound);
    coap2_changed(&nodes[0], &text);
    world_poll(&places[0]);
}

/* ---- the wire ----------------------------------------------------------- */

/* The watch of a message that subscribes; or NULL. */
static watch *watch_of(const coap2_peer *from, const coap2_msg *msg)
{
    coap2_opt opt;
    watch *x;

    if (msg->code != COAP2_001_GET ||
        !coap2_msg_find(msg, COAP2_OPT_OBSERVE, &opt) || opt.length != 0 ||
        !coap2_msg_find(msg, COAP2_OPT_URI_PATH, &opt)) {
        return NULL;
    }
    for (x = watches; x < watches + watch_count; x++)
        if (coap2_opt_is(&opt, paths[x->thing]) &&
            coap2_peer_equals(from, &places[x->from].at))
            return x;
    return NULL;
}

static bool has_token(const watch *x, const coap2_msg *msg)
{
    return msg->token_length == x->token_length &&
           memcmp(msg->token, x->token, x->token_length) == 0;
}

static bool is_last(const watch *x, uint16_t id)
{
    unsigned last = x->message_count - 1;

    return x->message_count > 0 && x->messages[last % MESSAGES].id == id;
}

/* A message that is new leaves for a subscriber. */
static void add_message(watch *x, const coap2_msg *msg)
{
    unsigned next = x->message_count++ % MESSAGES;

    x->messages[next].id = msg->id;
    x->messages[next].at = w.now;
    x->flies = msg->type == COAP2_CON;
    x->m.last = w.now;
}

/* What leaves is what was sent last; when it was sent, the first copy tells. A
   message that is not confirmable has one copy only. */
static void note_shown(const coap2_peer *to, const coap2_msg *msg)
{
    watch *x;

    if (msg->type == COAP2_ACK) return;
    for (x = watches; x < watches + watch_count; x++) {
        bool again = is_last(x, msg->id);

        if (!has_token(x, msg) || !coap2_peer_equals(to, &places[x->from].at) ||
            !x->m.runs || (msg->type == COAP2_NON && again)) {
            continue;
        }
        come_before(x, w.now + 1);
        x->m.old = value;
        if (!again) add_message(x, msg);
    }
}

static void on_sent(world *world_, world_place *from, const coap2_peer *to,
                    const uint8_t *bytes, size_t length)
{
    coap2_msg msg;
    watch *x;

    (void)world_;
    if (length > PACKET || coap2_msg_parse(&msg, bytes, length) != COAP2_OK) {
        break_rule(RESULT, length);
        return;
    }
    if (from == &places[0]) note_shown(to, &msg);
    x = watch_of(&from->at, &msg);
    if (x == NULL || has_token(x, &msg)) return;
    x->token_length = msg.token_length;
    memcpy(x->token, msg.token, msg.token_length);
    x->request_count = 0;
    x->alarm_count = x->message_count = 0;
    x->flies = x->m.runs = false;
}

static bool is_repeated(watch *x, uint16_t id)
{
    unsigned i, known = x->request_count;

    if (known > REQUESTS) known = REQUESTS;
    for (i = 0; i < known; i++)
        if (x->requests[i] == id) return true;
    x->requests[x->request_count++ % REQUESTS] = id;
    return false;
}

static void note_acknowledged(const coap2_peer *from, uint16_t id)
{
    watch *x;

    for (x = watches; x < watches + watch_count; x++)
        if (is_last(x, id) && coap2_peer_equals(from, &places[x->from].at))
            x->flies = false;
}

/* The server gets a subscription, or a renewal. A message that comes again is
   neither (RFC 7252 4.5). What is under way when a client renews may come once
   more, since nobody knows whether it has arrived. */
static void on_heard(world *world_, world_place *to, const coap2_peer *from,
                     const uint8_t *bytes, size_t length)
{
    coap2_msg msg;
    watch *x;

    (void)world_;
    if (to != &places[0]) return;
    if (coap2_msg_parse(&msg, bytes, length) != COAP2_OK) return;
    if (msg.type == COAP2_ACK) note_acknowledged(from, msg.id);
    x = watch_of(from, &msg);
    if (x == NULL || x->closing || !has_token(x, &msg)) return;
    if (is_repeated(x, msg.id)) return;
    if (x->m.runs) come_to(x, w.now);
    excuse(x);
    if (x->flies) add_alarm(x, w.now, true);
    x->flies = false;
    model_begin(&x->m, w.now, value);
}

/* ---- those who subscribe ------------------------------------------------ */

static unsigned version_of(const coap2_reply *reply)
{
    const uint8_t *at = reply->msg->payload;
    size_t left = reply->msg->payload_length;
    unsigned number = 0;

    while (left > 0 && *at++ != 'n') left--;
    if (left < 2) break_rule(RESULT, reply->msg->payload_length);
    for (left -= left < 2 ? left : 2, at++; left > 0; left--)
        number = number * 10 + (*at++ - '0');
    return number;
}

/* When a message left first; 0 if it never did. */
static uint64_t sent_at(const watch *x, uint16_t id)
{
    unsigned i;

    for (i = x->message_count; i > 0 && i + MESSAGES > x->message_count; i--)
        if (x->messages[(i - 1) % MESSAGES].id == id)
            return x->messages[(i - 1) % MESSAGES].at;
    return 0;
}

/* A notification that the rule asked for tells of all alarms that had come when
   it left first. */
static void take_match(watch *x, uint16_t id)
{
    uint64_t at = sent_at(x, id);
    unsigned i, kept = 0, told = 0;

    sums.matches++;
    sums.asked[x->m.asked - rules]++;
    if (x->plain) return;
    for (i = 0; i < x->alarm_count; i++) {
        if (x->alarms[i].at <= at) {
            told++;
        } else {
            x->alarms[kept++] = x->alarms[i];
        }
    }
    x->alarm_count = kept;
    if (told == 0) break_rule(TWICE, id);
    sums.late += told > 1;
}

/* An alarm that is under way may come behind an answer of a later state. */
static void take_news(watch *x, const coap2_reply *reply)
{
    unsigned now = version_of(reply);

    if (now < x->version && !x->answered) break_rule(STALE, now);
    x->version = now;
    x->answered = reply->reason == COAP2_FIRST;
    if (!x->plain && x->m.runs) come_to(x, w.now);
    if (reply->reason == COAP2_MATCH) {
        take_match(x, reply->msg->id);
    } else if (reply->reason == COAP2_FIRST) {
        sums.firsts++;
    } else {
        sums.periods++;
        if (x->m.asked->pmax == 0 && !x->plain && w.now < 24 * HOUR)
            break_rule(UNASKED, now);
    }
}

static void start_watch(world *world_, void *user);

static void on_note(const coap2_reply *reply)
{
    watch *x = (watch *)reply->user;

    if (reply->request != x->handle) break_rule(RESULT, 0);
    if (reply->result == COAP2_OK) {
        if (reply->msg->code != COAP2_205_CONTENT) {
            break_rule(RESULT, reply->msg->code);
        } else {
            take_news(x, reply);
        }
    }
    if (reply->more) return;
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
                        paths[x->thing]);
    coap2_call_subscribe(&call, x->m.asked->text);
    call.confirmable = x->confirmable;
    if (!x->confirmable) call.deadline = 20000;
    x->handle = coap2_call_send(&call, on_note, x);
    if (x->handle > 0) return;
    if (x->handle != COAP2_ERR_FULL) break_rule(RESULT, 1);
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
    if (x->handle != 0) break_rule(RESULT, x->from);
}

/* The network of a server that knows no rules: it does not see the options of
   CoAP 2. */
static coap2_result send_plain(void *io, const coap2_peer *to,
                               const uint8_t *bytes, size_t length)
{
    uint8_t copy[PACKET];
    coap2_writer writer;
    coap2_msg msg;
    coap2_opt opt;

    if (coap2_msg_parse(&msg, bytes, length) != COAP2_OK) return COAP2_OK;
    coap2_write_start(&writer, copy, sizeof copy);
    coap2_write_header(&writer, msg.type, msg.code, msg.id, msg.token,
                       msg.token_length);
    for (opt = msg.options; coap2_opt_next(&opt);)
        if (opt.number != COAP2_OPT_NOTIFICATION &&
            opt.number != COAP2_OPT_RULE)
            coap2_write_opt(&writer, opt.number, opt.value, opt.length);
    return world_send(io, to, copy, coap2_write_end(&writer));
}

/* ---- a run -------------------------------------------------------------- */

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

/* The server does not give up soon, and clients remember as long. Datagrams are
   pushed into it, so that it sees them at once. A plain server is asked each
   minute, and would be full of those that gave up. */
static void set_node(unsigned i)
{
    coap2_node *node = &nodes[i];

    memset(node, 0, sizeof *node);
    world_add(&w, &places[i], node);
    places[i].clock =
        world_chance(&w, 500) ? 0u - world_below(&w, 600000) : world_random(&w);
    places[i].pushed = i == 0 || world_chance(&w, 300);
    node->in = in[i];
    node->in_size = sizeof in[i];
    node->out = out[i];
    node->out_size = sizeof out[i];
    node->packet = PACKET;
    node->probing_rate = 1000;
    node->exchange_lifetime = 20000;
    if (i == 0) {
        node->resources = things;
        node->ack_timeout = 200;
        node->max_retransmit = 10;
    } else if (world_chance(&w, 150)) {
        node->send = send_plain;
        node->ack_timeout = 400;
        node->max_retransmit = 7;
    }
    if (coap2_start(node, world_random(&w)) != COAP2_OK) break_rule(NO_ROOM, i);
}

/* A client subscribes to a thing once. At a plain server only what is always
   true comes to an end that is known. */
static void set_watch(watch *x)
{
    unsigned i = (unsigned)(x - watches), clients = node_count - 1;

    memset(x, 0, sizeof *x);
    x->from = 1 + i % clients;
    x->thing = (i / clients + the_seed) % THINGS;
    x->plain = nodes[x->from].send == send_plain;
    x->confirmable = x->plain || world_chance(&w, 700);
    x->m.asked = &rules[world_below(&w, RULES_ASKED)];
    if (x->plain)
        x->m.asked =
            &rules[ALWAYS_FROM + world_below(&w, RULES_ASKED - ALWAYS_FROM)];
    world_later(&w, &places[x->from], world_below(&w, 20000), start_watch, x);
}

/* Changes are seconds apart, or close to each other, but never at once. */
static void set_changes(void)
{
    unsigned i, count = 2 + world_below(&w, CHANGES - 1);
    uint32_t at = world_below(&w, 40000);

    for (i = 0; i < count; i++) {
        at += 1 + world_below(&w, world_chance(&w, 300) ? 1000 : 60000);
        world_later(&w, &places[0], at, change, NULL);
    }
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
    w.heard = on_heard;
    set_network();
    value = (int16_t)world_below(&w, 40);
    version = 1;
    node_count = 2 + world_below(&w, NODES - 1);
    watch_count = 1 + world_below(&w, 3);
    if (watch_count > THINGS * (node_count - 1))
        watch_count = THINGS * (node_count - 1);
    for (i = 0; i < node_count; i++) set_node(i);
    for (i = 0; i < watch_count; i++) set_watch(&watches[i]);
    set_changes();
}

/* ---- the end of a run --------------------------------------------------- */

/* What a confirmable notification tells has been told. */
static void check_alarms(void)
{
    watch *x;
    unsigned i;

    for (x = watches; x < watches + watch_count; x++) {
        come_to(x, w.now);
        for (i = 0; i < x->alarm_count; i++) {
            if (!x->alarms[i].may_fail && x->confirmable && !x->plain)
                break_rule(LOST, (unsigned long)x->alarms[i].at);
        }
    }
}

/* Has everyone seen the last state whose rule is always true? */
static bool all_know(void)
{
    const watch *x;

    for (x = watches; x < watches + watch_count; x++) {
        if (x->m.asked->holds != always) continue;
        if (x->handle == 0 || x->version != version) return false;
    }
    return true;
}

/* A message that is lost without pmax is made good by the daily one, or by the
   client that asks when that is missing, too. */
static void check_last_state(void)
{
    uint64_t end = w.now + 60 * HOUR, step = MINUTE;

    while (!all_know() && w.now < end) {
        world_run(&w, step);
        if (step < HOUR) step += step;
    }
    if (!all_know()) break_rule(LAST_STATE, 0);
}

static void leave(void)
{
    unsigned i;

    nodes[0].max_retransmit = 4;
    for (i = 1; i < node_count; i++) places[i].cut = world_chance(&w, 200);
    for (i = 0; i < watch_count; i++) end_watch(&watches[i]);
}

static bool nobody_listens(void)
{
    unsigned i;

    for (i = 0; i < COAP2_MAX_OBSERVERS; i++)
        if (nodes[0].observers[i].flags != 0) return false;
    return true;
}

static void check_places(void)
{
    uint64_t end = w.now + 52 * HOUR;
    unsigned i;

    world_run(&w, 10 * MINUTE);
    while (!nobody_listens() && w.now < end) world_run(&w, HOUR);
    if (!nobody_listens()) break_rule(OBSERVER_LEAKS, 0);
    for (i = 0; i < node_count; i++) {
        unsigned count = world_count_free(&nodes[i]);

        if (count != COAP2_MAX_EXCHANGES) break_rule(EXCHANGE_LEAKS, count);
    }
}

/* Half an hour is more than the changes, and all that a confirmable message
   takes behind the last of them. */
static void run_seed(uint32_t seed)
{
    set_world(seed);
    world_run(&w, 30 * MINUTE);
    check_alarms();
    check_last_state();
    leave();
    check_places();
    if (w.spins > 0) break_rule(SPIN, w.spins);
    if (w.idlers > 0) break_rule(IDLE, w.idlers);
    if (w.overflow > 0) break_rule(NO_ROOM, w.overflow);
}

/* ---- ten thousand of them ----------------------------------------------- */

static unsigned long runs = WORLD_RUNS;

static void all_runs(void)
{
    unsigned i;
    uint32_t seed;

    for (seed = 1; seed <= runs; seed++) run_seed(seed);
    CHECK(sums.alarms > runs * 2);
    CHECK(sums.matches > runs * 2);
    CHECK(sums.periods > runs);
    CHECK(sums.firsts > runs);
    CHECK(sums.late > 0);
    CHECK(sums.given_up < sums.alarms / 100);
    for (i = 0; i < RULES_ASKED; i++) CHECK(sums.asked[i] > runs / 100);
}

#define RULE_KEPT(rule) CHECK_EQ(broken[rule], 0)

static void none_lost(void)
{
    RULE_KEPT(LOST);
}

static void none_doubled(void)
{
    RULE_KEPT(TWICE);
    RULE_KEPT(UNASKED);
    RULE_KEPT(STALE);
}

static void last_state(void)
{
    RULE_KEPT(LAST_STATE);
    RULE_KEPT(RESULT);
}

static void nothing_leaks(void)
{
    RULE_KEPT(EXCHANGE_LEAKS);
    RULE_KEPT(OBSERVER_LEAKS);
    RULE_KEPT(NO_ROOM);
}

static void poll_rests(void)
{
    RULE_KEPT(SPIN);
    RULE_KEPT(IDLE);
}

static void print_sums(void)
{
    printf("%lu runs: %lu notifications were due, %lu told, %lu of them for "
           "several; %lu signs of life, %lu first answers, %lu subscriptions "
           "over, %lu given up\n",
           runs, sums.alarms, sums.matches, sums.late, sums.periods,
           sums.firsts, sums.over, sums.given_up);
}

static int run_one(unsigned long seed)
{
    unsigned i;
    unsigned long faults = 0;

    w.trace = true;
    runs = 1;
    run_seed((uint32_t)seed);
    for (i = 0; i < RULES; i++) faults += broken[i];
    print_sums();
    return faults != 0;
}

int main(void)
{
    const char *seed = getenv("WORLD_SEED"), *number = getenv("WORLD_RUNS");

    if (seed != NULL) return run_one(strtoul(seed, NULL, 10));
    if (number != NULL) runs = strtoul(number, NULL, 10);
    RUN("world: 30 % lost, 10 % doubled, overtaking", all_runs);
    print_sums();
    RUN("5: no alarm is lost", none_lost);
    RUN("5: no alarm is told twice", none_doubled);
    RUN("5: subscribers come to the last state", last_state);
    RUN("world: every place is free in the end", nothing_leaks);
    RUN("world: poll neither spins nor stalls", poll_rests);
    return test_end();
}
