/* node.h - what the harnesses of a node share

   A node with a transport that is the fuzzer: datagrams arrive as the program
   says, sending fails as it says, and time passes as it says. Whatever the
   node does, server or client, must hold what is checked here:
     - what it sends parses, and fits its packet
     - an ACK or RST answers a confirmable message of that peer and id that
       came to us alone, or a notification, once for each time it came (RFC 7252
       4.2, 8.1)
     - a response has the token of a request of that peer (5.3.1), and is no
       error where the request came to a group (8.2)
     - an id is not used again for another message (4.4), but that a
       notification under a rule shows the state of its time; a message is sent
       as often as MAX_RETRANSMIT allows, each time after twice as long, and not
       after its ACK or RST (4.2)
     - between a poll and its deadline nothing happens; it never spins
     - a body that was put together is what blocks of it can make that came,
       each where it says (RFC 7959 2.4, 2.5)
   The harness defines node_sent and node_received, which are told of every
   datagram that left and that can be read, node_moved, which is told where the
   node is now, and node_rested, which ends what would go on for ever. */

#ifndef FUZZ_NODE_H
#define FUZZ_NODE_H

/* Small tables are full soon. */
#ifndef COAP2_MAX_EXCHANGES
#define COAP2_MAX_EXCHANGES 4
#endif
#ifndef COAP2_MAX_DUPLICATES
#define COAP2_MAX_DUPLICATES 4
#endif
#ifndef COAP2_REPLY_SIZE
#define COAP2_REPLY_SIZE 16
#endif
#ifndef COAP2_MAX_OBSERVERS
#define COAP2_MAX_OBSERVERS 3
#endif
#ifndef COAP2_OBSERVE_OPTIONS
#define COAP2_OBSERVE_OPTIONS 16
#endif
#ifndef COAP2_MAX_UPLOADS
#define COAP2_MAX_UPLOADS 2
#endif
#ifndef COAP2_RULE_SIZE
#define COAP2_RULE_SIZE 40
#endif

#include "fuzz.h"

#define STEPS 200u    /* of one program; more only take time */
#define WAITING 12u   /* datagrams that recv has, more than COAP2_BURST */
#define HISTORY 4096u /* datagrams of one program, each way */
#define NON_LIFETIME (COAP2_NON_LIFETIME * 1000u) /* ms */

/* ==== The world ========================================================== */

/* A datagram that went by, sent or received. */
typedef struct datagram {
    coap2_peer peer;
    uint64_t at, last; /* when it went by first and last */
    uint32_t hash;
    size_t length;
    unsigned times; /* that it was sent */
    uint16_t id;
    uint8_t version, type, code, token_length;
    uint8_t token[8];
    bool whole; /* well-formed, and it fits where it is received */
    bool picks; /* says which answers it wants: No-Response (RFC 7967) */
    bool ended; /* sent, and since then acknowledged or reset */
    bool has_block1, has_block2, has_observe, has_rule, searches;
    coap2_block block1, block2;
    uint32_t observe, subscription; /* its id; 0: none */
} datagram;

/* A block of a body that came. */
typedef struct piece {
    coap2_peer peer;
    uint32_t key; /* of what must be the same for each of a body */
    uint32_t at;
    bool more;
    fuzz_memory bytes;
} piece;

typedef struct arrival {
    coap2_peer from;
    fuzz_memory bytes;
} arrival;

typedef struct world {
    coap2_node *node;
    fuzz_memory node_memory, in, out;
    size_t packet;
    unsigned usable; /* exchanges that have a slot */
    uint64_t now;    /* the node sees its low 32 bits */
    uint32_t rest;   /* what the last poll returned */

    arrival arrivals[WAITING];
    size_t arriving, arrived;
    bool pushes; /* by coap2_input, where the node has no recv */
    bool hold;   /* datagrams queue up until the next poll */

    arrival last[8]; /* that were delivered, for those that come again */
    size_t lasts;

    unsigned failures; /* so often send will fail, in this way: */
    coap2_result failure;
    bool again; /* a datagram waits for a transport that was busy */

    datagram received[HISTORY], sent[HISTORY];
    size_t received_count, sent_count;
    piece pieces[HISTORY];
    size_t pieces_count;
    unsigned long events; /* datagrams, callbacks, calls: whatever happened */
    bool calling;         /* the application calls: nothing may be sent */
} world;

static world w;

static void node_sent(const datagram *d, const coap2_msg *msg);
static void node_received(const datagram *d, const coap2_msg *msg);
static void node_moved(void);
static void node_rested(void);

static bool same_token(const datagram *a, const uint8_t *token, size_t length)
{
    return fuzz_same(a->token, a->token_length, token, length);
}

static bool is_request(uint8_t code)
{
    return code > 0 && code < 32;
}

/* Class 3 is a response that nobody knows; 1, 6 and 7 are reserved (4.2). */
static bool is_response(uint8_t code)
{
    return COAP2_CODE_CLASS(code) >= 2 && COAP2_CODE_CLASS(code) <= 5;
}

/* Four peers: two ports of one address, another address, another kind. */
static coap2_peer peer_number(unsigned which)
{
    static const uint8_t ipv6[16] = {0xfe, 0x80, 0, 0, 0, 0, 0, 0,
                                     0,    0,    0, 0, 0, 0, 0, 1};
    coap2_peer peer;

    memset(&peer, 0, sizeof peer);
    peer.kind = COAP2_PEER_IPV4;
    peer.port = (uint16_t)(5683 + which % 2);
    memcpy(peer.address, "\300\0\2", 3);
    peer.address[3] = (uint8_t)(1 + which / 2 % 2);
#if COAP2_ADDRESS_SIZE >= 16
    if (which % 4 == 3) {
        peer.kind = COAP2_PEER_IPV6;
        peer.scope = 1;
        memcpy(peer.address, ipv6, sizeof ipv6);
    }
#else
    (void)ipv6;
#endif
    return peer;
}

/* ==== What goes by ======================================================= */

static uint32_t hash_of(const uint8_t *bytes, size_t length)
{
    uint32_t hash = 2166136261u;

    for (; length > 0; length--) hash = (hash ^ *bytes++) * 16777619u;
    return hash;
}

/* With -DFUZZ_TRACE a program tells its story: which way a datagram went, when
   and by whom, and its bytes. */
static void trace(const char *way, const coap2_peer *peer, const uint8_t *bytes,
                  size_t length)
{
#ifdef FUZZ_TRACE
    fprintf(stderr, "%8lu %s %u.%u:%u%s ", (unsigned long)w.now, way,
            (unsigned)peer->kind, (unsigned)peer->address[3],
            (unsigned)peer->port, peer->group ? " group" : "");
    for (; length > 0; length--) fprintf(stderr, "%02x", (unsigned)*bytes++);
    fputs("\n", stderr);
#else
    (void)way;
    (void)peer;
    (void)bytes;
    (void)length;
#endif
}

static bool read_block(const coap2_msg *msg, uint16_t number,
                       coap2_block *block)
{
    coap2_opt opt;

    return coap2_msg_find(msg, number, &opt) &&
           coap2_block_read(block, &opt) == COAP2_OK;
}

/* What a message says about blocks, observers and subscriptions. */
static void describe_options(datagram *d, const coap2_msg *msg)
{
    coap2_opt opt;

    d->picks = coap2_msg_find(msg, COAP2_OPT_NO_RESPONSE, &opt);
    d->has_block1 = read_block(msg, COAP2_OPT_BLOCK1, &d->block1);
    d->has_block2 = read_block(msg, COAP2_OPT_BLOCK2, &d->block2);
    d->has_observe = coap2_msg_find(msg, COAP2_OPT_OBSERVE, &opt);
    if (d->has_observe && !coap2_opt_uint(&opt, &d->observe))
        d->observe = UINT32_MAX;
    d->has_rule = coap2_msg_find(msg, COAP2_OPT_RULE, &opt);
    d->searches = coap2_msg_find(msg, COAP2_OPT_DISCOVERY, &opt);
    if (coap2_msg_find(msg, COAP2_OPT_NOTIFICATION, &opt))
        (void)coap2_opt_uint(&opt, &d->subscription);
}

/* Read what there is of a header; the rest of it is zero. */
static void describe(datagram *d, const coap2_peer *peer, const uint8_t *bytes,
                     size_t length)
{
    coap2_msg msg;

    memset(d, 0, sizeof *d);
    d->peer = *peer;
    d->at = d->last = w.now;
    d->length = length;
    d->hash = hash_of(bytes, length);
    if (length < 4) return;
    d->version = bytes[0] / 64;
    d->type = bytes[0] / 16 % 4;
    d->code = bytes[1];
    d->id = (uint16_t)(bytes[2] * 256 + bytes[3]);
    if (bytes[0] % 16 <= 8 && length >= 4u + bytes[0] % 16u) {
        d->token_length = bytes[0] % 16;
        memcpy(d->token, bytes + 4, d->token_length);
    }
    if (coap2_msg_parse(&msg, bytes, length) != COAP2_OK) return;
    d->whole = w.pushes || length <= w.in.size;
    describe_options(d, &msg);
}

/* ==== Bodies in blocks =================================================== */

/* A hash of the code and of the options that must be the same in each block;
   what a cache does not look at and what says which block it is does not
   count, nor does the format, which is compared as a number. */
static uint32_t key_of(const coap2_msg *msg)
{
    coap2_opt opt = msg->options;
    uint32_t key = 2166136261u + msg->code;

    while (coap2_opt_next(&opt)) {
        if (opt.number == COAP2_OPT_BLOCK1 || opt.number == COAP2_OPT_BLOCK2 ||
            opt.number == COAP2_OPT_CONTENT_FORMAT ||
            COAP2_OPT_IS_NO_CACHE_KEY(opt.number))
            continue;
        key = key * 31 + opt.number;
        key = key * 31 + (uint32_t)opt.length;
        key = key * 31 + hash_of(opt.value, opt.length);
    }
    return key;
}

static void keep_piece(const coap2_peer *peer, uint32_t key,
                       const coap2_block *block, const coap2_msg *msg)
{
    piece *p = &w.pieces[w.pieces_count++];

    FUZZ_CHECK(w.pieces_count <= HISTORY);
    p->peer = *peer;
    p->key = key;
    p->at = COAP2_BLOCK_AT(*block);
    p->more = block->more;
    p->bytes = fuzz_copy(msg->payload, msg->payload_length);
}

/* Does a piece stand here in a body? */
static bool stands_here(const piece *p, const uint8_t *body, size_t length,
                        size_t at)
{
    return p->at == at && p->bytes.size <= length - at &&
           (p->bytes.size == 0 ||
            memcmp(p->bytes.bytes, body + at, p->bytes.size) == 0);
}

/* A body is what some of the blocks make that came for it, one behind the
   other, and the last one says so. */
static void check_assembled(const coap2_peer *peer, uint32_t key,
                            const uint8_t *body, size_t length)
{
    static bool reached[4096];
    bool complete = false;
    size_t at, i;

    FUZZ_CHECK(length / 16 < sizeof reached);
    memset(reached, 0, length / 16 + 1);
    reached[0] = true;
    for (at = 0; at <= length; at += 16)
        for (i = 0; reached[at / 16] && i < w.pieces_count; i++) {
            const piece *p = &w.pieces[i];
            size_t end = at + p->bytes.size;

            if (p->key != key || !coap2_peer_equals(&p->peer, peer) ||
                !stands_here(p, body, length, at))
                continue;
            if (!p->more)
                complete = complete || end == length;
            else if (end % 16 == 0)
                reached[end / 16] = true;
        }
    FUZZ_CHECK(complete);
}

/* An ACK or RST that arrived ends what we sent under its id. */
static void end_sent(const datagram *d)
{
    size_t i;

    if (!d->whole || d->type < COAP2_ACK || d->peer.group) return;
    for (i = 0; i < w.sent_count; i++) {
        datagram *s = &w.sent[i];

        if (s->id != d->id || !coap2_peer_equals(&s->peer, &d->peer)) continue;
        if (d->code == 0 ||
            (d->type == COAP2_ACK && is_request(s->code) &&
             is_response(d->code) && same_token(s, d->token, d->token_length)))
            s->ended = true;
    }
}

static void note_received(const coap2_peer *from, const uint8_t *bytes,
                          size_t length)
{
    trace("in ", from, bytes, length);
    FUZZ_CHECK(w.received_count < HISTORY);
    describe(&w.received[w.received_count], from, bytes, length);
    end_sent(&w.received[w.received_count]);
    if (w.received[w.received_count].whole) {
        coap2_msg msg;

        (void)coap2_msg_parse(&msg, bytes, length);
        node_received(&w.received[w.received_count], &msg);
    }
    w.received_count++;
    w.events++;
}

/* May this be answered by an ACK or RST? A notification that nobody waits for
   is reset, also where it is not confirmable (RFC 7641 3.6). */
static bool may_be_answered(const datagram *r)
{
    if (r->version != 1 || r->peer.group) return false;
    return r->type == COAP2_CON ||
           (r->type == COAP2_NON && is_response(r->code) &&
            (r->has_observe || !r->whole));
}

/* How many such messages of this peer and id came to us alone; and how many ACK
   and RST they were answered with. */
static unsigned count_confirmable(const coap2_peer *peer, uint16_t id)
{
    unsigned count = 0;
    size_t i;

    for (i = 0; i < w.received_count; i++) {
        const datagram *r = &w.received[i];

        count += may_be_answered(r) && r->id == id &&
                 coap2_peer_equals(&r->peer, peer);
    }
    return count;
}

static unsigned count_answered(const coap2_peer *peer, uint16_t id)
{
    unsigned count = 0;
    size_t i;

    for (i = 0; i < w.sent_count; i++) {
        const datagram *s = &w.sent[i];

        if (s->type >= COAP2_ACK && s->id == id &&
            coap2_peer_equals(&s->peer, peer))
            count += s->times;
    }
    return count;
}

/* A response belongs to a request; to one of a group it is no error, where the
   request does not want one. */
static void check_response(const datagram *d)
{
    bool asked = false, alone = false;
    size_t i;

    for (i = 0; i < w.received_count; i++) {
        const datagram *r = &w.received[i];

        if (r->version != 1 || r->type > COAP2_NON || !is_request(r->code) ||
            !coap2_peer_equals(&r->peer, &d->peer) ||
            !same_token(r, d->token, d->token_length))
            continue;
        asked = true;
        alone = alone || !r->peer.group || r->picks;
    }
    FUZZ_CHECK(asked);
    FUZZ_CHECK(alone || COAP2_CODE_CLASS(d->code) == 2);
}

static void check_sent(const datagram *d, const coap2_msg *msg)
{
    FUZZ_CHECK(d->length <= w.packet);
    FUZZ_CHECK(!w.calling);
    FUZZ_CHECK(msg->code == 0 || is_request(msg->code) ||
               is_response(msg->code));
    FUZZ_CHECK(msg->code != 0 || msg->type != COAP2_NON);
    if (msg->type >= COAP2_ACK) {
        FUZZ_CHECK(!is_request(msg->code));
        FUZZ_CHECK(msg->code == 0 || msg->type == COAP2_ACK);
        FUZZ_CHECK(count_answered(&d->peer, d->id) <
                   count_confirmable(&d->peer, d->id));
    }
    if (is_response(msg->code)) check_response(d);
}

/* The record of what was sent before, if this is the same again. */
static datagram *find_sent(const datagram *d)
{
    size_t i;

    for (i = w.sent_count; i > 0; i--) {
        datagram *s = &w.sent[i - 1];

        if ((s->type >= COAP2_ACK) == (d->type >= COAP2_ACK) &&
            s->id == d->id && coap2_peer_equals(&s->peer, &d->peer))
            return s;
    }
    return NULL;
}

/* A retransmission: not before its time, which doubles, nor too often, nor
   behind an ACK or RST (4.2). */
static void note_again(datagram *before, const datagram *d)
{
    uint64_t least = (uint64_t)w.node->ack_timeout << (before->times - 1);

    FUZZ_CHECK(d->type == COAP2_CON && !before->ended);
    FUZZ_CHECK(d->at - before->last >= least);
    before->last = d->at;
    before->times++;
    FUZZ_CHECK(before->times <= 1u + w.node->max_retransmit);
}

/* A notification that a rule asked for shows the state of its time when it is
   sent again; it keeps its number and its mark. */
static bool is_renewed(const datagram *before, const datagram *d)
{
    return d->type == COAP2_CON && d->subscription != 0 &&
           before->subscription == d->subscription &&
           before->observe == d->observe && before->has_rule == d->has_rule &&
           same_token(before, d->token, d->token_length);
}

/* Note a datagram that left. One of our own under an id that went by is a
   retransmission; an answer to one of theirs may be anything again. */
static datagram *note_sent(const datagram *d)
{
    datagram *before = d->type >= COAP2_ACK ? NULL : find_sent(d);

    if (before != NULL && (before->hash == d->hash || is_renewed(before, d))) {
        note_again(before, d);
        return before;
    }
    FUZZ_CHECK(before == NULL || d->at - before->at >= NON_LIFETIME);
    FUZZ_CHECK(w.sent_count < HISTORY);
    w.sent[w.sent_count] = *d;
    w.sent[w.sent_count].times = 1;
    return &w.sent[w.sent_count++];
}

/* ==== The transport ====================================================== */

static coap2_result on_send(void *io, const coap2_peer *to,
                            const uint8_t *bytes, size_t length)
{
    fuzz_memory copy = fuzz_copy(bytes, length);
    datagram d;
    coap2_msg msg;

    trace(w.failures == 0 ? "out" : "not", to, bytes, length);
    FUZZ_CHECK(io == &w);
    FUZZ_CHECK(coap2_msg_parse(&msg, copy.bytes, length) == COAP2_OK);
    describe(&d, to, copy.bytes, length);
    check_sent(&d, &msg);
    if (w.failures > 0) {
        w.failures--;
        w.again = w.again || w.failure == COAP2_ERR_AGAIN;
        fuzz_close(&copy);
        return w.failure;
    }
    w.events++;
    node_sent(note_sent(&d), &msg);
    fuzz_close(&copy);
    return COAP2_OK;
}

/* The oldest datagram that waits; cut if it does not fit. */
static int32_t on_recv(void *io, coap2_peer *from, uint8_t *bytes, size_t size)
{
    static const coap2_peer zero;
    arrival *a = &w.arrivals[w.arrived];
    int32_t length;

    FUZZ_CHECK(io == &w && size == w.in.size && bytes == w.in.bytes);
    FUZZ_CHECK(memcmp(from, &zero, sizeof zero) == 0);
    if (w.arrived == w.arriving) return COAP2_ERR_AGAIN;
    w.arrived++;
    *from = a->from;
    length = (int32_t)a->bytes.size;
    memcpy(bytes, a->bytes.bytes, a->bytes.size < size ? a->bytes.size : size);
    note_received(from, a->bytes.bytes, a->bytes.size);
    fuzz_close(&a->bytes);
    return length;
}

/* ==== Time =============================================================== */

/* Poll. At once again is right only where something happened: what was
   received or sent, a callback, a call. */
static void poll_node(void)
{
    unsigned long before = w.events;
    uint32_t rest;

    w.again = false;
    if (w.arrived == w.arriving) w.arrived = w.arriving = 0;
    rest = coap2_poll(w.node, (uint32_t)w.now);
    FUZZ_CHECK(rest != 0 || w.events != before);
    w.rest = rest;
}

/* Poll until nothing more is to be done at this time. */
static void settle(void)
{
    unsigned rounds = 0;

    do {
        poll_node();
        FUZZ_CHECK(++rounds < 100);
    } while (w.rest == 0 || w.arrived < w.arriving);
}

static void pass(uint32_t ms)
{
    w.now += ms;
    settle();
}

/* One millisecond before its deadline a node has nothing to do. */
static void rest_not_quite(void)
{
    unsigned long before = w.events;

    if (w.rest == COAP2_FOREVER || w.rest < 2) return;
    if (w.again || w.arrived < w.arriving) return;
    w.now += w.rest - 1;
    poll_node();
    FUZZ_CHECK(w.events == before && w.rest == 1);
}

static void rest(void)
{
    if (w.rest != COAP2_FOREVER) pass(w.rest);
}

/* From here on nothing fails and nobody answers: all that waits must end. */
static void drain(void)
{
    unsigned rounds = 0;

    w.failures = 0;
    w.hold = false;
    settle();
    node_rested();
    while (w.rest != COAP2_FOREVER) {
        rest();
        node_rested();
        FUZZ_CHECK(++rounds < 1000);
    }
}

/* Let time pass: milliseconds, seconds, until the deadline or just before. */
static void run_time(fuzz_input *in)
{
    unsigned bits = fuzz_number(in, 1);

    if (w.hold) settle();
    w.hold = false;
    switch (bits % 4) {
    case 0:
        pass(bits / 4 * 16u);
        break;
    case 1:
        pass(bits / 4 * 5000u);
        break;
    case 2:
        rest();
        break;
    default:
        rest_not_quite();
        break;
    }
}

/* ==== Datagrams that arrive ============================================== */

static void arrive(const coap2_peer *from, const uint8_t *bytes, size_t length)
{
    arrival *a;

    if (w.arrived == w.arriving) w.arrived = w.arriving = 0;
    if (w.arriving == WAITING) settle();
    if (w.arrived == w.arriving) w.arrived = w.arriving = 0;
    a = &w.arrivals[w.arriving++];
    a->from = *from;
    a->bytes = fuzz_copy(bytes, length);
}

/* An upcall has no limit but that of the datagram. */
static void push(const coap2_peer *from, const uint8_t *bytes, size_t length)
{
    fuzz_memory copy = fuzz_copy(bytes, length);

    note_received(from, copy.bytes, length);
    coap2_input(w.node, from, copy.bytes, length, (uint32_t)w.now);
    fuzz_close(&copy);
}

static void note_last(const coap2_peer *from, const uint8_t *bytes,
                      size_t length)
{
    arrival *a = &w.last[w.lasts % 8];

    if (w.lasts++ >= 8) fuzz_close(&a->bytes);
    a->from = *from;
    a->bytes = fuzz_copy(bytes, length);
}

/* Hand a datagram over. To an ACK or RST there is no answer: what leaves after
   one are messages that had to wait for it. */
static void deliver(const coap2_peer *from, const uint8_t *bytes, size_t length)
{
    bool silent = length >= 4 && bytes[0] / 32 == 3 && !w.hold && !w.again;
    size_t before;

    note_last(from, bytes, length);
    if (silent) settle();
    before = w.sent_count;
    if (w.pushes)
        push(from, bytes, length);
    else
        arrive(from, bytes, length);
    if (!w.hold) settle();
    for (; silent && before < w.sent_count; before++)
        FUZZ_CHECK(w.sent[before].type <= COAP2_NON);
}

/* Take a datagram of the program: its bytes as they stand. */
static void run_datagram(fuzz_input *in)
{
    unsigned flags = fuzz_number(in, 1);
    size_t length = fuzz_number(in, 1);
    coap2_peer from = peer_number(flags % 4);
    const uint8_t *bytes;

    if (flags / 8 % 2 != 0) length *= 8; /* as long as a link carries them */
    bytes = fuzz_bytes(in, &length);
    from.group = flags / 4 % 2 != 0;
    from.arrived = (uint16_t)(flags / 16);
    deliver(&from, bytes, length);
}

/* What was delivered comes again, perhaps from somebody else. */
static void run_again(fuzz_input *in)
{
    unsigned bits = fuzz_number(in, 1);
    const arrival *a = &w.last[bits % 8];
    fuzz_memory copy;
    coap2_peer from;

    if (bits % 8 >= w.lasts) return;
    from = bits / 32 == 0 ? a->from : peer_number(bits / 32);
    copy = fuzz_copy(a->bytes.bytes, a->bytes.size);
    deliver(&from, copy.bytes, copy.size);
    fuzz_close(&copy);
}

/* Fail so often from now on, or as often as it takes to be noticed. */
static void run_failure(fuzz_input *in)
{
    unsigned bits = fuzz_number(in, 1);

    w.failure = bits % 2 != 0 ? COAP2_ERR_SEND : COAP2_ERR_AGAIN;
    w.failures = bits / 2 % 16;
}

/* ==== The node =========================================================== */

/* A node is plain memory: it may lie elsewhere after a deep sleep. */
static void move_node(void)
{
    fuzz_memory moved = fuzz_copy(w.node, sizeof *w.node);

    fuzz_close(&w.node_memory);
    w.node_memory = moved;
    w.node = (coap2_node *)(void *)moved.bytes;
    node_moved();
}

static void open_buffers(unsigned bits)
{
    static const uint16_t sizes[4] = {48, 64, 160, COAP2_PACKET};
    unsigned slots = 2 + bits / 16 % 8;

    w.packet = sizes[bits / 4 % 4];
    w.in = fuzz_open(sizes[bits % 4]);
    w.out = fuzz_open(slots * w.packet);
    w.usable = slots - 1;
    if (w.usable > COAP2_MAX_EXCHANGES) w.usable = COAP2_MAX_EXCHANGES;
}

static void set_times(unsigned bits)
{
    w.node->max_retransmit = (uint8_t)(bits % 8); /* 0: as the knob says */
    w.node->nstart = (uint8_t)(bits / 8 % 4);
    w.node->leisure = (uint16_t)(bits / 32 % 8 * 500);
}

/* Set up a node from five bytes of the program: buffers, times, the clock,
   which may be about to wrap, and the seed. */
static void open_world(fuzz_input *in)
{
    w.node_memory = fuzz_open(sizeof *w.node);
    w.node = (coap2_node *)(void *)w.node_memory.bytes;
    memset(w.node, 0, sizeof *w.node);
    w.arriving = w.arrived = w.received_count = w.sent_count = 0;
    w.pieces_count = 0;
    w.failures = 0;
    w.lasts = 0;
    w.hold = w.again = w.calling = false;
    open_buffers(fuzz_number(in, 1));
    w.pushes = fuzz_number(in, 1) % 2 != 0;
    set_times(fuzz_number(in, 1));
    w.now = fuzz_number(in, 1) * 0x1010101u;
    w.node->send = on_send;
    w.node->recv = w.pushes ? NULL : on_recv;
    w.node->io = &w;
    w.node->in = w.in.bytes;
    w.node->in_size = w.in.size;
    w.node->out = w.out.bytes;
    w.node->out_size = w.out.size;
    w.node->packet = w.packet;
}

static void start_world(fuzz_input *in)
{
    FUZZ_CHECK(coap2_start(w.node, fuzz_number(in, 1)) == COAP2_OK);
    settle();
}

static void close_world(void)
{
    for (; w.arrived < w.arriving; w.arrived++)
        fuzz_close(&w.arrivals[w.arrived].bytes);
    if (w.lasts > 8) w.lasts = 8;
    for (; w.lasts > 0; w.lasts--) fuzz_close(&w.last[w.lasts - 1].bytes);
    for (; w.pieces_count > 0; w.pieces_count--)
        fuzz_close(&w.pieces[w.pieces_count - 1].bytes);
    fuzz_close(&w.in);
    fuzz_close(&w.out);
    fuzz_close(&w.node_memory);
}

#endif /* FUZZ_NODE_H */
