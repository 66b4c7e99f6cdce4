/* soak.c - a long life of the firmware of examples/avr in libsimavr, with three
   clients at the other end of its serial line, in the time of the chip:

       soak [REQUESTS [SEED]] FIRMWARE.elf

   Frames are lost and doubled either way, noise is on the line, requests are
   malformed, too large and cancelled, and the chip is reset. Between phases
   there is peace, and then these hold:

   - each request has ended in exactly one last callback;
   - the clients' exchanges are free, and poll has nothing to do;
   - on the chip there is room for six who observe, and not for a seventh, and
     its one exchange answers a group.

   One seed, one table. Status: that of host.c for firmware that crashes, 1 if a
   rule was broken. */

#define COAP2_IMPLEMENTATION
#include "coap2.h"

#include "machine.h"

enum {
    CLIENTS = 3,
    ASKS = 500, /* requests of a phase */
    OBSERVERS = 6,
    PACKET = 256,
    SLOTS = COAP2_MAX_EXCHANGES + 1,
    FRAME = 512,
    QUEUE = 65536,
    CYCLES_PER_MS = 16000
};

enum kind {
    CLIMATE,
    NON,
    FAN,
    PUT_ON,
    PUT_WRONG,
    METHOD,
    NOT_FOUND,
    CORE,
    PING,
    TOO_LARGE,
    OBSERVE,
    SUBSCRIBE,
    SUBSCRIBE_NON,
    BAD_RULE,
    FIND,
    GROUP,
    KINDS
};

/* The code that answers it, and how often it is asked. */
typedef struct kind_row {
    const char *name;
    unsigned weight;
    uint8_t method;
    const char *path, *payload;
    uint8_t code;
} kind_row;

#define CONTENT COAP2_205_CONTENT
static const kind_row kinds[KINDS] = {
    {"GET of variables", 20, COAP2_GET, "climate", "", CONTENT},
    {"GET, non-confirmable", 12, COAP2_GET, "fan", "", CONTENT},
    {"GET", 20, COAP2_GET, "fan", "", CONTENT},
    {"PUT", 20, COAP2_PUT, "fan", "on", COAP2_204_CHANGED},
    {"PUT of nonsense", 5, COAP2_PUT, "fan", "maybe", COAP2_400_BAD_REQUEST},
    {"POST", 5, COAP2_POST, "fan", "on", COAP2_405_METHOD_NOT_ALLOWED},
    {"no such path", 5, COAP2_GET, "none", "", COAP2_404_NOT_FOUND},
    {"/.well-known/core", 8, COAP2_GET, ".well-known/core", "", CONTENT},
    {"ping", 8, COAP2_PING, "", "", 0},
    {"too large", 3, COAP2_PUT, "fan", NULL,
     COAP2_413_REQUEST_ENTITY_TOO_LARGE},
    {"observe", 6, COAP2_GET, "climate", "", CONTENT},
    {"subscribe by a rule", 6, COAP2_GET, "climate", "temp > 20 and hum < 50",
     CONTENT},
    {"the same, QoS 0", 4, COAP2_GET, "climate", "when temp > 21 pmax 5",
     CONTENT},
    {"a rule that is wrong", 3, COAP2_GET, "climate", "tmp > 20",
     COAP2_400_BAD_REQUEST},
    {"find by name", 5, COAP2_GET, "", "node1.local", CONTENT},
    {"find by what it offers", 3, COAP2_GET, "", "/fan,/none", CONTENT}};

typedef struct ask {
    unsigned kind, from;
    uint32_t begin, end; /* ms of the phase; end: when it is cancelled, or 0 */
    int16_t handle;
    bool begun;
    unsigned ends, answers;
} ask;

typedef struct outcome {
    unsigned long begun, answered, timed_out, cancelled, other, news;
} outcome;

static machine chip;
static coap2_node nodes[CLIENTS];
static coap2_peer peers[CLIENTS];
static uint8_t out[CLIENTS][SLOTS * PACKET];
static uint8_t queue[QUEUE]; /* bytes for the chip */
static size_t queue_in, queue_out;
static coap2_line to_chip;
static coap2_slip from_chip;
static uint8_t frame[FRAME];
static ask asks[ASKS];
static outcome outcomes[KINDS];
static uint32_t chance;
static unsigned loss, twice, noise; /* in thousandths */
static unsigned long accepted, refused, phases, resets, frames, lost, doubled,
    noises, faults;

static void fault(const char *what, unsigned long detail)
{
    if (faults++ < 10) {
        fprintf(stderr, "%s: %lu, in phase %lu\n", what, detail, phases);
    }
}

static uint32_t below(uint32_t end)
{
    chance ^= chance << 13;
    chance ^= chance >> 17;
    chance ^= chance << 5;
    return (uint32_t)((uint64_t)(chance * 2654435769u) * end >> 32);
}

static bool happens(unsigned thousandths)
{
    return below(1000) < thousandths;
}

/* The clients' clock begins before its wrap. */
static uint32_t now_ms(void)
{
    return (uint32_t)(chip.avr->cycle / CYCLES_PER_MS) - 60000u;
}

/* ---- the line ----------------------------------------------------------- */

static void put_queue(void *io, uint8_t byte)
{
    (void)io;
    if (queue_in - queue_out < QUEUE) queue[queue_in++ % QUEUE] = byte;
}

static int line_next(void)
{
    return queue_in == queue_out ? -1 : queue[queue_out++ % QUEUE];
}

static void make_noise(void)
{
    unsigned count = 1 + below(12);

    noises++;
    while (count-- > 0) put_queue(NULL, (uint8_t)below(256));
}

/* A client's datagram goes to the chip, under the client's address. */
static coap2_result client_send(void *io, const coap2_peer *to,
                                const uint8_t *bytes, size_t length)
{
    coap2_peer from = *(const coap2_peer *)io;
    bool again = happens(twice);

    if (to->kind != COAP2_PEER_IPV4) return COAP2_ERR_SEND;
    from.group = to->address[0] >> 4 == 14;
    frames++;
    if (happens(noise)) make_noise();
    if (happens(loss)) {
        lost++;
        return COAP2_OK;
    }
    doubled += again;
    (void)coap2_slip_send(&to_chip, &from, bytes, length);
    if (again) (void)coap2_slip_send(&to_chip, &from, bytes, length);
    return COAP2_OK;
}

static void deliver(const coap2_peer *to, const uint8_t *bytes, size_t length)
{
    static coap2_peer the_chip;
    unsigned i;

    the_chip.kind = COAP2_PEER_IPV4;
    the_chip.port = 5683;
    the_chip.address[0] = 10;
    for (i = 0; i < CLIENTS; i++) {
        if (coap2_peer_equals(to, &peers[i]))
            coap2_input(&nodes[i], &the_chip, bytes, length, now_ms());
    }
}

static void line_sent(uint8_t byte)
{
    size_t length = coap2_slip_take(&from_chip, byte);
    coap2_peer to;

    if (length == 0) return;
    length = coap2_slip_message(&from_chip, length, &to);
    if (length == 0) return;
    frames++;
    if (length > 96) fault("a packet is too large", length);
    if (happens(loss)) {
        lost++;
        return;
    }
    deliver(&to, frame, length);
    if (!happens(twice)) return;
    doubled++;
    deliver(&to, frame, length);
}

static const wire line = {line_sent, line_next};

/* ---- requests ----------------------------------------------------------- */

static bool can_be(const ask *a, const coap2_reply *reply)
{
    uint8_t code = reply->msg == NULL ? 0 : reply->msg->code;

    if (reply->result == COAP2_OK) return code == kinds[a->kind].code;
    if (reply->result == COAP2_ERR_CANCELLED) return a->end != 0;
    return reply->result == COAP2_ERR_TIMEOUT;
}

static void count_end(const ask *a, coap2_result result)
{
    outcome *o = &outcomes[a->kind];

    if (result == COAP2_OK || (result == COAP2_ERR_TIMEOUT && a->answers > 0 &&
                               kinds[a->kind].path[0] == '\0'))
        o->answered++;
    else if (result == COAP2_ERR_TIMEOUT)
        o->timed_out++;
    else if (result == COAP2_ERR_CANCELLED)
        o->cancelled++;
    else
        o->other++;
}

static void on_reply(const coap2_reply *reply)
{
    ask *a = (ask *)reply->user;

    if (a->ends > 0 || reply->request != a->handle) {
        fault("an answer too many", a->kind);
    }
    if (!can_be(a, reply)) {
        fault("it cannot be", (unsigned long)-reply->result);
        if (reply->msg != NULL) fault("code", reply->msg->code);
    }
    a->answers += reply->result == COAP2_OK;
    if (reply->more) {
        outcomes[a->kind].news++;
        return;
    }
    a->ends++;
    count_end(a, reply->result);
}

static void write_call(coap2_call *call, unsigned kind)
{
    const kind_row *row = &kinds[kind];
    char large[120];

    memset(large, 'x', sizeof large);
    if (kind == OBSERVE) coap2_write_uint(&call->w, COAP2_OPT_OBSERVE, 0);
    if (kind >= SUBSCRIBE && kind <= BAD_RULE)
        coap2_call_subscribe(call, row->payload);
    else if (row->payload == NULL)
        coap2_write_payload(&call->w, large, sizeof large);
    else if (kind < FIND)
        coap2_write_payload(&call->w, row->payload, strlen(row->payload));
    call->confirmable = kind != NON && kind != SUBSCRIBE_NON;
}

static int16_t send_call(unsigned kind, unsigned from, ask *a)
{
    const kind_row *row = &kinds[kind];
    coap2_peer to = peers[0];
    coap2_call call;

    to.address[3] = 0;
    to.port = 5683;
    if (kind == FIND || kind == GROUP) {
        coap2_call_find(&call, &nodes[from], row->payload);
        call.deadline = 8000;
    } else {
        coap2_call_start_to(&call, &nodes[from], row->method, &to, row->path);
    }
    write_call(&call, kind);
    return coap2_call_send(&call, on_reply, a);
}

static void begin(ask *a)
{
    a->begun = true;
    a->handle = send_call(a->kind, a->from, a);
    if (a->handle == COAP2_ERR_FULL) {
        refused++;
        return;
    }
    if (a->handle < 0) fault("a call", (unsigned long)-a->handle);
    accepted++;
    outcomes[a->kind].begun++;
}

static bool is_under_way(const ask *a)
{
    return a->handle > 0 && a->ends == 0;
}

static void end(ask *a)
{
    if (!is_under_way(a)) return;
    a->end = 1;
    if (happens(300))
        (void)coap2_forget(&nodes[a->from], a->handle);
    else
        (void)coap2_cancel(&nodes[a->from], a->handle);
    if (a->ends != 1) fault("ends at once", a->kind);
}

/* ---- time --------------------------------------------------------------- */

static uint32_t rest[CLIENTS];

/* A millisecond passes. */
static void tick(void)
{
    uint64_t until = (chip.avr->cycle / CYCLES_PER_MS + 1) * CYCLES_PER_MS;
    unsigned i;

    while (chip.status < 0 && chip.avr->cycle < until) step(&chip, UINT64_MAX);
    for (i = 0; i < CLIENTS; i++) {
        rest[i] = coap2_poll(&nodes[i], now_ms());
    }
}

static void pass(uint32_t ms)
{
    while (ms-- > 0 && chip.status < 0) tick();
}

/* Until nothing is under way any more; false if that takes too long. */
static bool come_to_rest(uint32_t ms)
{
    unsigned i, busy = 1;

    while (busy > 0 && ms-- > 0 && chip.status < 0) {
        tick();
        for (busy = i = 0; i < CLIENTS; i++) busy += rest[i] != COAP2_FOREVER;
    }
    return busy == 0;
}

/* ---- phases ------------------------------------------------------------- */

static unsigned pick_kind(void)
{
    unsigned all = 0, kind, chosen;

    for (kind = 0; kind < KINDS; kind++) all += kinds[kind].weight;
    chosen = below(all);
    for (kind = 0; chosen >= kinds[kind].weight; kind++) {
        chosen -= kinds[kind].weight;
    }
    return kind;
}

static void plan(uint32_t length)
{
    unsigned i;

    memset(asks, 0, sizeof asks);
    for (i = 0; i < ASKS; i++) {
        ask *a = &asks[i];

        a->kind = pick_kind();
        a->from = below(CLIENTS);
        a->begin = below(length);
        if (a->kind == OBSERVE || a->kind == SUBSCRIBE ||
            a->kind == SUBSCRIBE_NON || happens(30)) {
            a->end = a->begin + 1 + below(3000);
        }
    }
}

static void run_plan(uint32_t length)
{
    uint32_t ms, reset_at = happens(100) ? below(length) : length;
    unsigned i;

    for (ms = 0; ms < length && chip.status < 0; ms++) {
        for (i = 0; i < ASKS; i++) {
            if (!asks[i].begun && asks[i].begin <= ms) begin(&asks[i]);
            if (asks[i].end == ms && ms > 0) end(&asks[i]);
        }
        if (ms == reset_at) {
            queue_out = queue_in;
            avr_reset(chip.avr);
            resets++;
        }
        tick();
    }
}

/* Six may observe, and the seventh gets an answer only. */
static void check_observers(void)
{
    static ask watchers[OBSERVERS + 1];
    unsigned i, stand = 0;

    memset(watchers, 0, sizeof watchers);
    for (i = 0; i <= OBSERVERS; i++) {
        watchers[i].kind = OBSERVE;
        watchers[i].from = i % CLIENTS;
        begin(&watchers[i]);
        pass(400);
    }
    for (i = 0; i <= OBSERVERS; i++) stand += is_under_way(&watchers[i]);
    if (stand != OBSERVERS) fault("observers of the chip", stand);
    for (i = 0; i <= OBSERVERS; i++) {
        if (!is_under_way(&watchers[i])) continue;
        watchers[i].end = 1;
        (void)coap2_cancel(&nodes[watchers[i].from], watchers[i].handle);
        pass(200);
    }
}

/* Its exchange is there for a group. */
static void check_exchange(void)
{
    static ask search;

    memset(&search, 0, sizeof search);
    search.kind = FIND;
    begin(&search);
    pass(8200);
    if (search.answers != 1) fault("answers to a search", search.answers);
}

static void check_clients(void)
{
    unsigned i, k;

    for (i = 0; i < ASKS; i++) {
        if (asks[i].ends != (asks[i].handle > 0)) fault("ends", asks[i].ends);
    }
    for (i = 0; i < CLIENTS; i++) {
        for (k = 0; k < COAP2_MAX_EXCHANGES; k++) {
            if (nodes[i].exchanges[k].state != COAP2I_FREE)
                fault("an exchange leaked", nodes[i].exchanges[k].state);
        }
    }
}

/* A day of the chip's variables takes eight seconds: by then it has noticed
   who does not listen any more. */
static void run_phase(void)
{
    uint32_t length = 20000 + below(10000);
    unsigned i;

    loss = phases % 2 == 0 ? 0 : 150;
    twice = noise = phases % 2 == 0 ? 0 : 50;
    plan(length);
    run_plan(length);
    loss = twice = noise = 0;
    for (i = 0; i < ASKS; i++) {
        if (asks[i].kind >= OBSERVE && asks[i].kind < FIND) end(&asks[i]);
    }
    if (!come_to_rest(200000)) fault("no rest", rest[0]);
    pass(17000);
    check_observers();
    check_exchange();
    if (!come_to_rest(200000)) fault("no rest", rest[0]);
    check_clients();
    phases++;
}

/* ---- the table ---------------------------------------------------------- */

static void print_outcome(const char *name, const outcome *o)
{
    printf("| %-23s | %7lu | %7lu | %6lu | %6lu | %5lu | %7lu |\n", name,
           o->begun, o->answered, o->timed_out, o->cancelled, o->other,
           o->news);
}

static void print_requests(void)
{
    outcome all;
    unsigned i;

    memset(&all, 0, sizeof all);
    printf("| request | begun | answered | timed out | cancelled | other error "
           "| news before the end |\n|---|---:|---:|---:|---:|---:|---:|\n");
    for (i = 0; i < KINDS; i++) {
        const outcome *o = &outcomes[i];

        print_outcome(kinds[i].name, o);
        all.begun += o->begun;
        all.answered += o->answered;
        all.timed_out += o->timed_out;
        all.cancelled += o->cancelled;
        all.other += o->other;
        all.news += o->news;
    }
    print_outcome("all", &all);
    if (all.begun != all.answered + all.timed_out + all.cancelled + all.other) {
        fault("the sum is wrong", all.begun);
    }
}

static void print_row(const char *name, unsigned long number)
{
    printf("| %-46s | %10lu |\n", name, number);
}

static void print_events(void)
{
    printf("\n| of the chip | |\n|---|---:|\n");
    print_row("phases", phases);
    print_row("seconds",
              (unsigned long)(chip.avr->cycle / CYCLES_PER_MS / 1000));
    print_row("requests that found no free exchange", refused);
    print_row("frames both ways", frames);
    print_row("frames lost", lost);
    print_row("frames doubled", doubled);
    print_row("bursts of noise", noises);
    print_row("resets", resets);
    print_row("bytes of the deepest stack",
              (unsigned long)(chip.avr->ramend - chip.bottom));
    print_row("slots leaked, answers too many or too few", faults);
}

/* ---- all of it ---------------------------------------------------------- */

static void start_client(unsigned i)
{
    coap2_node *node = &nodes[i];

    peers[i].kind = COAP2_PEER_IPV4;
    peers[i].port = (uint16_t)(40000 + i);
    peers[i].address[0] = 10;
    peers[i].address[3] = (uint8_t)(i + 1);
    node->send = client_send;
    node->io = &peers[i];
    node->out = out[i];
    node->out_size = sizeof out[i];
    node->packet = PACKET;
    node->ack_timeout = 500;
    node->probing_rate = 65535;
    if (coap2_start(node, below(UINT32_MAX)) != COAP2_OK) fault("start", i);
}

int main(int count, char **words)
{
    unsigned long requests = count > 2 ? strtoul(words[1], NULL, 10) : 1000;
    unsigned i;

    chance = count > 3 ? (uint32_t)strtoul(words[2], NULL, 10) : 1;
    chance = chance * 2246822519u | 1u;
    if (count < 2 || !load(&chip, words[count - 1], "atmega328p")) {
        fputs("usage: soak [REQUESTS [SEED]] FIRMWARE.elf\n", stderr);
        return STATUS_NOT_RUN;
    }
    prepare(&chip, &line);
    to_chip.put = put_queue;
    coap2_slip_start(&from_chip, frame, sizeof frame);
    for (i = 0; i < CLIENTS; i++) start_client(i);
    pass(100);
    while (accepted < requests && chip.status < 0) run_phase();
    print_requests();
    print_events();
    if (chip.status >= 0) return chip.status;
    return faults != 0;
}
