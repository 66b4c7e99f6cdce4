/* fuzz_server.c - a node as server

   The input is a program: what the node looks like (open_world), then steps,
   an opcode each with its arguments behind it (see run_step): datagrams as
   they stand or built, sent again, acknowledged or reset, time that passes,
   sending that fails, late answers. Beyond what node.h checks:
     - a handler runs for a request that is new
     - it does not run twice for one request, unless it is a safe one
       that is confirmable (RFC 7252 4.5); the answer that is sent again is the
       one that was sent
     - every late answer leaves, and its ticket is then nobody's
     - a notification goes to one who asked for it, has not reset the last one
       (RFC 7641 3.6, 4.2), and has not unsubscribed; only one of a subscription
       has an id or a mark
     - a body that arrives in blocks reaches its handler as it was sent, whole
       or piece by piece, and each block of an answer stands where it says
     - when all is done, every exchange, observer's place and place for a body
       is free again */

#include "node.h"

static const uint8_t codes[16] = {COAP2_205_CONTENT,
                                  COAP2_201_CREATED,
                                  COAP2_202_DELETED,
                                  COAP2_203_VALID,
                                  COAP2_204_CHANGED,
                                  COAP2_231_CONTINUE,
                                  COAP2_400_BAD_REQUEST,
                                  COAP2_401_UNAUTHORIZED,
                                  COAP2_404_NOT_FOUND,
                                  COAP2_406_NOT_ACCEPTABLE,
                                  COAP2_412_PRECONDITION_FAILED,
                                  COAP2_413_REQUEST_ENTITY_TOO_LARGE,
                                  COAP2_415_UNSUPPORTED_CONTENT_FORMAT,
                                  COAP2_422_UNPROCESSABLE_ENTITY,
                                  COAP2_500_INTERNAL_SERVER_ERROR,
                                  COAP2_503_SERVICE_UNAVAILABLE};

static uint8_t body[1024]; /* what handlers answer with, from its beginning */
static fuzz_memory bodies; /* the node's */
static unsigned state[2];  /* what is observed: code and length */

/* ==== What was run, and what is answered later =========================== */

typedef struct request {
    coap2_peer peer;
    uint64_t at;
    size_t received; /* datagrams when it was run, */
    size_t late;     /* and late answers */
    uint32_t said;   /* the hash of its datagram, */
    uint32_t hash;   /* and of the ACK that answered it, */
    size_t length;   /* which is so long */
    uint16_t id;
    uint8_t type, token_length, code; /* 0: no such ACK */
    uint8_t token[8];
    bool safe, answered;
    bool quiet;     /* it need not be answered */
    int16_t ticket; /* positive: it is answered later */
} request;

static request requests[HISTORY];
static size_t requests_count, tickets_count, late_count;
static size_t ended_count; /* datagrams sent whose subscription has ended */
static bool ever_failed;   /* then an answer may be missing */

static bool is_this(const request *r, const coap2_peer *peer, uint16_t id,
                    const uint8_t *token, size_t token_length)
{
    return r->id == id && coap2_peer_equals(&r->peer, peer) &&
           fuzz_same(r->token, r->token_length, token, token_length);
}

static bool is_request_of(const request *r, const datagram *d)
{
    return is_this(r, &d->peer, d->id, d->token, d->token_length);
}

/* Is the record of a request surely there still? Not behind its lifetime, not
   where so many came or were answered late since that it may have been the
   oldest, nor where something else came under its id. */
static bool remembered(const request *r)
{
    unsigned lifetime =
        r->type == COAP2_CON ? w.node->exchange_lifetime : w.node->non_lifetime;
    size_t since = late_count - r->late, i;

    if (w.now - r->at >= lifetime * 1000u) return false;
    for (i = 0; i < requests_count; i++)
        if (requests[i].ticket != 0 && requests[i].id == r->id &&
            coap2_peer_equals(&requests[i].peer, &r->peer) &&
            !fuzz_same(requests[i].token, requests[i].token_length, r->token,
                       r->token_length))
            return false; /* its late answer may have taken the place */
    for (i = r->received; i < w.received_count; i++) {
        const datagram *d = &w.received[i];

        if (d->type > COAP2_NON) continue;
        since++;
        if (d->id != r->id || !coap2_peer_equals(&d->peer, &r->peer)) continue;
        if (d->hash != r->said) return false;
        since--;
    }
    return since < COAP2_MAX_DUPLICATES;
}

static void check_first_run(const request *now)
{
    size_t i;

    for (i = 0; i < requests_count; i++) {
        const request *r = &requests[i];

        if (r->type != now->type ||
            !is_this(r, &now->peer, now->id, now->token, now->token_length))
            continue;
        if (r->type == COAP2_NON || !r->safe || r->ticket > 0)
            FUZZ_CHECK(!remembered(r));
    }
}

/* Note that a handler runs. NULL if the library runs it for itself. */
static request *note_run(const coap2_req *req)
{
    bool safe = req->method == COAP2_GET || req->method == COAP2_FETCH;
    request *r = &requests[requests_count];
    coap2_opt opt;

    w.events++;
    FUZZ_CHECK(req->node == w.node);
    FUZZ_CHECK(safe || !req->again);
    if (req->again) return NULL;
    FUZZ_CHECK(requests_count < HISTORY);
    FUZZ_CHECK(req->method == 1 << (req->msg->code - 1));
    memset(r, 0, sizeof *r);
    r->peer = *req->peer;
    r->at = w.now;
    r->received = w.received_count;
    r->said = w.received[w.received_count - 1].hash;
    r->late = late_count;
    r->id = req->msg->id;
    r->type = req->msg->type;
    r->token_length = req->msg->token_length;
    memcpy(r->token, req->msg->token, r->token_length);
    r->safe = safe;
    r->quiet =
        r->peer.group || coap2_msg_find(req->msg, COAP2_OPT_NO_RESPONSE, &opt);
    check_first_run(r);
    requests_count++;
    return r;
}

/* An answer that leaves again is the one that left. Where that is too long to
   be remembered, what is left of it is; a 2.05 without its payload is none. */
static void check_answer(request *r, const datagram *d)
{
    size_t most = 4u + r->token_length + COAP2_REPLY_SIZE;
    bool first_is_long = r->length > d->length;

    if (r->code == 0 || r->safe || !remembered(r)) {
        r->code = d->code;
        r->hash = d->hash;
        r->length = d->length;
        return;
    }
    if (r->hash == d->hash) return;
    FUZZ_CHECK((first_is_long ? r->length : d->length) > most);
    FUZZ_CHECK((first_is_long ? d->length : r->length) <= most);
    FUZZ_CHECK(r->code == d->code ||
               (r->code == COAP2_205_CONTENT && first_is_long &&
                d->code == COAP2_500_INTERNAL_SERVER_ERROR) ||
               (d->code == COAP2_205_CONTENT && !first_is_long &&
                r->code == COAP2_500_INTERNAL_SERVER_ERROR));
}

/* A peer that uses an id for two messages may get either answer, and so may
   one whose request was forgotten and run again. */
static bool is_only_one(const request *r)
{
    const datagram *first = NULL;
    size_t i;

    for (i = 0; i < requests_count; i++)
        if (&requests[i] != r &&
            is_this(&requests[i], &r->peer, r->id, r->token, r->token_length))
            return false;
    for (i = 0; i < w.received_count; i++) {
        const datagram *d = &w.received[i];

        if (!is_request_of(r, d) || d->type > COAP2_NON) continue;
        if (first == NULL) first = d;
        if (d->hash != first->hash) return false;
    }
    return true;
}

/* ==== Observers ========================================================== */

/* One who asked to observe, by peer and token; alive until its RST. */
typedef struct watcher {
    coap2_peer peer;
    uint8_t token_length;
    uint8_t token[8];
    uint16_t id;           /* of the last notification, once there was one */
    uint32_t subscription; /* what it was told last */
    bool alive, notified;
} watcher;

static watcher watchers[64];
static size_t watchers_count;

static watcher *find_watcher(const datagram *d)
{
    size_t i;

    for (i = 0; i < watchers_count; i++)
        if (coap2_peer_equals(&watchers[i].peer, &d->peer) &&
            same_token(d, watchers[i].token, watchers[i].token_length))
            return &watchers[i];
    return NULL;
}

static void note_watcher(const datagram *d)
{
    watcher *x = find_watcher(d);

    if (x == NULL && watchers_count < 64) {
        x = &watchers[watchers_count++];
        memset(x, 0, sizeof *x);
        x->peer = d->peer;
        x->token_length = d->token_length;
        memcpy(x->token, d->token, d->token_length);
    }
    if (x == NULL) return;
    x->alive = true;
    x->notified = false;
}

/* The server says that a subscription has ended. */
static void note_unsubscribed(const coap2_peer *peer, uint32_t subscription)
{
    size_t i;

    for (i = 0; i < watchers_count; i++)
        if (watchers[i].subscription == subscription &&
            coap2_peer_equals(&watchers[i].peer, peer))
            watchers[i].alive = false;
}

static void note_reset(const datagram *d)
{
    size_t i;

    for (i = 0; i < watchers_count; i++)
        if (watchers[i].notified && watchers[i].id == d->id &&
            coap2_peer_equals(&watchers[i].peer, &d->peer))
            watchers[i].alive = false;
}

/* What is no ACK and has Observe, and is not the answer to a non-confirmable
   request under way, is a notification. */
static void check_notification(const datagram *d)
{
    watcher *x = find_watcher(d);

    FUZZ_CHECK(d->has_observe || d->subscription == 0);
    FUZZ_CHECK(!d->has_rule || (d->subscription != 0 && d->type != COAP2_ACK));
    if (!d->has_observe) return;
    if (x != NULL) x->subscription = d->subscription;
    if (d->type == COAP2_ACK) return;
    FUZZ_CHECK(watchers_count == 64 || (x != NULL && x->alive));
    if (x == NULL) return;
    x->id = d->id;
    x->notified = true;
}

/* A block stands where it says, in what handlers answer with. */
static void check_block(const datagram *d, const coap2_msg *msg)
{
    uint32_t at = COAP2_BLOCK_AT(d->block2);
    coap2_opt opt;
    uint32_t format = COAP2_FORMAT_TEXT;

    if (!d->has_block2) return;
    FUZZ_CHECK(msg->payload_length <= COAP2_BLOCK_SIZE(d->block2));
    FUZZ_CHECK(!d->block2.more ||
               msg->payload_length == COAP2_BLOCK_SIZE(d->block2));
    if (!coap2_msg_find(msg, COAP2_OPT_CONTENT_FORMAT, &opt) ||
        !coap2_opt_uint(&opt, &format) || format != COAP2_FORMAT_OCTETS)
        return;
    FUZZ_CHECK(at + msg->payload_length <= sizeof body);
    FUZZ_CHECK(msg->payload_length == 0 ||
               memcmp(msg->payload, body + at, msg->payload_length) == 0);
}

static void node_received(const datagram *d, const coap2_msg *msg)
{
    if (d->peer.group) return;
    if (d->type == COAP2_RST && d->code == 0) note_reset(d);
    if (d->type > COAP2_NON || !is_request(d->code)) return;
    if ((d->code == COAP2_001_GET || d->code == COAP2_005_FETCH) &&
        d->has_observe && d->observe == 0)
        note_watcher(d);
    if (d->has_block1) keep_piece(&d->peer, key_of(msg), &d->block1, msg);
}

static void node_sent(const datagram *d, const coap2_msg *msg)
{
    size_t i;

    if (!is_response(msg->code)) return;
    check_notification(d);
    check_block(d, msg);
    for (i = 0; i < requests_count; i++) {
        request *r = &requests[i];

        if (!coap2_peer_equals(&r->peer, &d->peer) ||
            !same_token(d, r->token, r->token_length))
            continue;
        r->answered = true;
        if (d->type == COAP2_ACK && r->type == COAP2_CON && r->id == d->id &&
            is_only_one(r))
            check_answer(r, d);
    }
}

static void node_moved(void)
{
}

/* ==== Late answers ======================================================= */

/* The ticket that so many others stand before, or NULL if there is none. */
static request *open_ticket(unsigned which)
{
    size_t i;

    if (tickets_count == 0) return NULL;
    which %= (unsigned)tickets_count;
    for (i = 0; i < requests_count; i++)
        if (requests[i].ticket > 0 && which-- == 0) return &requests[i];
    return NULL;
}

/* A ticket is used up; a second answer to it is none. */
static void close_ticket(request *r, coap2_result result)
{
    int16_t ticket = r->ticket;

    FUZZ_CHECK(result == COAP2_OK || result == COAP2_ERR_SPACE);
    r->ticket = -1;
    tickets_count--;
    late_count++;
    FUZZ_CHECK(coap2_answer(w.node, ticket, COAP2_205_CONTENT, COAP2_NO_FORMAT,
                            NULL, 0) == COAP2_ERR_ARG);
}

static void answer_at_once(request *r, uint8_t code, size_t length)
{
    close_ticket(r, coap2_answer(w.node, r->ticket, code, COAP2_FORMAT_OCTETS,
                                 body, length));
}

static void answer_step_by_step(request *r, uint8_t code, size_t length)
{
    coap2_rsp rsp;

    FUZZ_CHECK(coap2_answer_start(&rsp, w.node, r->ticket) == COAP2_OK);
    coap2_rsp_bytes(&rsp, COAP2_FORMAT_JSON, body, length);
    coap2_rsp_etag(&rsp, body, length % 10);
    coap2_rsp_text(&rsp, "text");
    coap2_write_text(&rsp.w, COAP2_OPT_LOCATION_PATH, "late");
    rsp.max_age = (uint32_t)length;
    close_ticket(r, coap2_answer_send(&rsp, code));
}

static void answer(request *r, unsigned bits, size_t length)
{
    if (bits / 16 % 2 == 0)
        answer_at_once(r, codes[bits % 16], length);
    else
        answer_step_by_step(r, codes[bits % 16], length);
}

/* Answer later; or, as the first Uri-Query is long, take the ticket and answer
   at once, in one way or the other. */
static uint8_t on_slow(coap2_req *req, coap2_rsp *rsp)
{
    request *r = note_run(req);
    coap2_opt opt = req->msg->options;
    int16_t ticket;

    if (r == NULL) return COAP2_205_CONTENT;
    ticket = coap2_later(req);
    FUZZ_CHECK(ticket > 0 || ticket == COAP2_ERR_FULL);
    if (ticket < 0) return COAP2_503_SERVICE_UNAVAILABLE;
    opt.length = 0;
    coap2_msg_find(req->msg, COAP2_OPT_URI_QUERY, &opt);
    if (opt.length % 4 == 1) {
        coap2_rsp_text(rsp, "not so slow");
        return COAP2_205_CONTENT;
    }
    r->ticket = ticket;
    FUZZ_CHECK(++tickets_count <= w.usable);
    if (opt.length % 4 == 2) answer(r, 4, 9);
    return COAP2_LATER;
}

/* ==== Handlers =========================================================== */

/* Answer as the first Uri-Query says: a code, the length of the body, flags. */
static uint8_t on_any(coap2_req *req, coap2_rsp *rsp)
{
    uint8_t script[3] = {0, 1, 0};
    coap2_opt opt;

    note_run(req);
    if (coap2_msg_find(req->msg, COAP2_OPT_URI_QUERY, &opt))
        memcpy(script, opt.value, opt.length < 3 ? opt.length : 3);
    if (script[2] % 2 != 0) coap2_rsp_etag(rsp, body, script[2] / 2 % 10);
    coap2_rsp_bytes(
        rsp, script[2] / 32 % 2 != 0 ? COAP2_FORMAT_JSON : COAP2_FORMAT_OCTETS,
        body, script[1] * 2u);
    if (script[2] / 64 % 2 != 0) {
        rsp->max_age = script[1] * 7u;
        coap2_write_text(&rsp->w, COAP2_OPT_LOCATION_PATH, "any");
    }
    if (script[2] / 128 != 0) rsp->format = COAP2_NO_FORMAT;
    return codes[script[0] % 16];
}

static uint8_t on_text(coap2_req *req, coap2_rsp *rsp)
{
    note_run(req);
    if (req->method == COAP2_GET) {
        coap2_rsp_text(rsp, "on");
        coap2_rsp_text(rsp, " and on");
        return COAP2_205_CONTENT;
    }
    return coap2_req_text_is(req, "on") ? COAP2_204_CHANGED
                                        : COAP2_400_BAD_REQUEST;
}

/* What is observed: it changes by a step of the program. As JSON it is what a
   rule can read. */
static uint8_t on_state(coap2_req *req, coap2_rsp *rsp)
{
    uint32_t at = 0;
    size_t size = state[1] * 4u;
    char json[16];

    note_run(req);
    if (state[0] / 128 != 0) {
        snprintf(json, sizeof json, "{\"n\":%u}", state[1]);
        coap2_rsp_bytes(rsp, COAP2_FORMAT_JSON, json, strlen(json));
    } else {
        if (state[0] / 16 % 2 != 0)
            size = coap2_rsp_window(rsp, (uint32_t)size, &at);
        coap2_rsp_bytes(rsp, COAP2_FORMAT_OCTETS, body + at, size);
    }
    if (state[0] / 32 % 2 != 0) coap2_rsp_etag(rsp, state, 8);
    if (state[0] / 64 % 2 != 0) rsp->max_age = state[1] * 1000u;
    return codes[state[0] % 16];
}

/* The place of a body whose first blocks came here, piece by piece. */
typedef struct stream {
    coap2_peer peer;
    uint32_t key;
    uint32_t next; /* where the next one stands; 0: none has come */
} stream;

static stream streams[64];
static size_t streams_count;

static stream *find_stream(const coap2_req *req)
{
    uint32_t key = key_of(req->msg);
    stream *s;

    for (s = streams; s < streams + streams_count; s++)
        if (s->key == key && coap2_peer_equals(&s->peer, req->peer)) return s;
    if (streams_count == 64) return NULL;
    streams_count++;
    s->peer = *req->peer;
    s->key = key;
    s->next = 0;
    return s;
}

/* Answer a body by another of 32 times its first byte. */
static uint8_t answer_body(const coap2_req *req, coap2_rsp *rsp)
{
    size_t length = req->payload_length == 0 ? 0 : req->payload[0] * 32u;

    if (req->method == COAP2_GET || req->method == COAP2_FETCH) length = 700;
    coap2_rsp_bytes(rsp, COAP2_FORMAT_OCTETS, body,
                    length < sizeof body ? length : sizeof body);
    return COAP2_204_CHANGED;
}

/* It takes bodies as a whole. */
static uint8_t on_store(coap2_req *req, coap2_rsp *rsp)
{
    coap2_block block;

    note_run(req);
    if (!req->again && read_block(req->msg, COAP2_OPT_BLOCK1, &block)) {
        check_assembled(req->peer, key_of(req->msg), req->payload,
                        req->payload_length);
        FUZZ_CHECK(block.number == 0 ||
                   fuzz_inside(req->payload, req->payload_length, bodies.bytes,
                               bodies.size));
        FUZZ_CHECK(block.number == 0 ||
                   req->payload_length <= bodies.size / COAP2_MAX_UPLOADS);
    }
    return answer_body(req, rsp);
}

/* It takes them in pieces, one behind the other; some it refuses. */
static uint8_t on_pour(coap2_req *req, coap2_rsp *rsp)
{
    stream *s;
    bool refused = req->payload_length > 1 && req->payload[1] == 0xee;

    note_run(req);
    if (req->again) return COAP2_205_CONTENT;
    s = find_stream(req);
    if (s == NULL) return COAP2_500_INTERNAL_SERVER_ERROR;
    FUZZ_CHECK(req->offset == 0 || req->offset == s->next);
    s->next = req->offset + (uint32_t)req->payload_length;
    if (req->last || refused) s->next = 0;
    return refused ? (uint8_t)COAP2_400_BAD_REQUEST : answer_body(req, rsp);
}

/* Others may be answered while this one is. */
static uint8_t on_relay(coap2_req *req, coap2_rsp *rsp)
{
    request *r = open_ticket(0);

    note_run(req);
    coap2_rsp_text(rsp, "relayed: ");
    if (r != NULL) answer(r, (unsigned)req->payload_length, 9);
    coap2_rsp_text(rsp, "done");
    return COAP2_204_CHANGED;
}

static int16_t level;
static bool lit;
static char label[9];

#define ALL                                                            \
    (COAP2_GET | COAP2_POST | COAP2_PUT | COAP2_DELETE | COAP2_FETCH | \
     COAP2_PATCH | COAP2_IPATCH)

COAP2_FIELDS(room_fields, COAP2_FIELD_RW("level", COAP2_I16, level, -1),
             COAP2_FIELD("lit", COAP2_BOOL, lit, 0),
             COAP2_FIELD_TEXT_RW("label", label));
COAP2_RESOURCE(any, "any", ALL | COAP2_OBSERVABLE, on_any, "rt=\"any\";sz=9");
COAP2_RESOURCE(below, "b/*", ALL | COAP2_OBSERVABLE, on_any, "");
COAP2_RESOURCE(state_, "state", COAP2_GET | COAP2_FETCH | COAP2_OBSERVABLE,
               on_state, "");
COAP2_RESOURCE(store, "store", ALL, on_store, "");
COAP2_RESOURCE(pour, "pour", ALL | COAP2_PIECES, on_pour, "");
COAP2_RESOURCE(slow, "slow", ALL, on_slow, "rt=\"slow\"");
COAP2_RESOURCE(text, "text", COAP2_GET | COAP2_PUT, on_text, "if=\"a b\"");
COAP2_RESOURCE(relay, "relay", COAP2_POST | COAP2_HIDDEN, on_relay, "");
COAP2_BOUND(room, "room", COAP2_OBSERVABLE, room_fields, "rt=\"room\"");
COAP2_TABLE(things, &any, &below, &slow, &text, &relay, &room, &state_, &store,
            &pour);

/* ==== Steps ============================================================== */

static const char *const paths[8] = {"any",   "slow", "room", "text",
                                     "relay", "b",    "none", ".well-known"};

static const uint16_t options[16] = {
    COAP2_OPT_IF_MATCH,     COAP2_OPT_ETAG,      COAP2_OPT_IF_NONE_MATCH,
    COAP2_OPT_OBSERVE,      COAP2_OPT_URI_PATH,  COAP2_OPT_CONTENT_FORMAT,
    COAP2_OPT_URI_QUERY,    COAP2_OPT_ACCEPT,    COAP2_OPT_BLOCK2,
    COAP2_OPT_BLOCK1,       COAP2_OPT_PROXY_URI, COAP2_OPT_ECHO,
    COAP2_OPT_NO_RESPONSE,  COAP2_OPT_URI_HOST,  COAP2_OPT_MAX_AGE,
    COAP2_OPT_PROXY_SCHEME,
};

static void write_options(coap2_writer *built, fuzz_input *in, unsigned count)
{
    for (; count > 0; count--) {
        unsigned bits = fuzz_number(in, 1);
        size_t length = bits / 16 == 15 ? fuzz_number(in, 1) : bits / 16;
        const uint8_t *value = fuzz_bytes(in, &length);

        coap2_write_opt(built, options[bits % 16], value, length);
    }
}

static const uint8_t tokens[] = "\377\0token"; /* those of what is built */

/* A message that was not seen before is a new one, also where its peer has
   used its id with another token. Of tokens that others chose, the node may
   take two for one. */
static bool is_new(const datagram *d)
{
    size_t i;

    for (i = 0; i < w.received_count; i++) {
        const datagram *r = &w.received[i];

        if (r->id != d->id || !coap2_peer_equals(&r->peer, &d->peer)) continue;
        if (same_token(r, d->token, d->token_length)) return false;
        if (r->token_length > 6 ||
            (memcmp(r->token, tokens, r->token_length) != 0 &&
             memcmp(r->token, tokens + 1, r->token_length) != 0))
            return false;
    }
    return true;
}

/* Deliver a request; if it is new, and there is nothing to be said against it,
   its handler runs. */
static void deliver_request(const coap2_peer *from, const coap2_writer *built,
                            bool plain)
{
    size_t before = requests_count, length = coap2_write_end(built);
    datagram d;

    FUZZ_CHECK(length > 0);
    describe(&d, from, built->start, length);
    plain = plain && d.whole && !w.hold && COAP2_FLOOD_LIMIT == 0 && is_new(&d);
    deliver(from, built->start, length);
    if (plain) FUZZ_CHECK(requests_count == before + 1);
}

/* A request: who, how; method and path; id and token; options; payload. */
static void run_request(fuzz_input *in)
{
    unsigned who = fuzz_number(in, 1), what = fuzz_number(in, 1);
    unsigned number = fuzz_number(in, 1), counts = fuzz_number(in, 1);
    coap2_peer from = peer_number(who % 4);
    size_t length = counts / 4 % 64;
    uint8_t bytes[2048];
    coap2_writer built;

    from.group = who / 4 % 4 == 3;
    coap2_write_start(&built, bytes, sizeof bytes);
    coap2_write_header(&built, who / 16 % 2, (uint8_t)(1 + what % 8),
                       (uint16_t)(number % 16), tokens + number / 128,
                       (uint8_t)(number / 16 % 8 % 7));
    coap2_write_text(&built, COAP2_OPT_URI_PATH, paths[what / 8 % 8]);
    if (what / 8 % 8 == 7) coap2_write_text(&built, COAP2_OPT_URI_PATH, "core");
    write_options(&built, in, counts % 4);
    coap2_write_payload(&built, fuzz_bytes(in, &length), length);
    deliver_request(&from, &built,
                    what % 8 < 7 && what / 8 % 8 < 2 && counts % 4 == 0 &&
                        (!from.group || who / 16 % 2 != 0));
}

/* Acknowledge or reset what we sent: who, how, and how long ago. */
static void run_reaction(fuzz_input *in)
{
    static const uint8_t kinds[4][2] = {{COAP2_ACK, 0},
                                        {COAP2_RST, 0},
                                        {COAP2_ACK, COAP2_205_CONTENT},
                                        {COAP2_RST, COAP2_001_GET}};
    unsigned bits = fuzz_number(in, 1);
    size_t back = 1 + fuzz_number(in, 1);
    const datagram *s;
    coap2_peer from;
    uint8_t bytes[4];

    if (back > w.sent_count) return;
    s = &w.sent[w.sent_count - back];
    from = bits / 4 % 4 == 3 ? peer_number(bits / 16) : s->peer;
    bytes[0] = (uint8_t)(64 + kinds[bits % 4][0] * 16);
    bytes[1] = kinds[bits % 4][1];
    bytes[2] = (uint8_t)(s->id / 256);
    bytes[3] = (uint8_t)(s->id % 256);
    deliver(&from, bytes, sizeof bytes);
}

static void run_answer(fuzz_input *in)
{
    unsigned which = fuzz_number(in, 1), bits = fuzz_number(in, 1);
    size_t length = fuzz_number(in, 1);
    request *r = open_ticket(which);

    if (r == NULL) return;
    w.calling = true;
    answer(r, bits, length);
    w.calling = false;
    if (!w.hold) settle();
}

/* A ticket that nobody has. */
static void run_bogus_answer(fuzz_input *in)
{
    int16_t ticket = (int16_t)fuzz_number(in, 2);
    unsigned i;

    for (i = 0; i < tickets_count; i++)
        if (open_ticket(i)->ticket == ticket) return;
    FUZZ_CHECK(coap2_answer(w.node, ticket, COAP2_204_CHANGED,
                            COAP2_FORMAT_TEXT, "x", 1) == COAP2_ERR_ARG);
}

/* One who observes: who, token; which resource and by which message; then, as
   the bits say, an ETag. */
static void run_observe(fuzz_input *in)
{
    static const char *const observed[4] = {"state", "any", "room", "text"};
    unsigned who = fuzz_number(in, 1), what = fuzz_number(in, 1);
    coap2_peer from = peer_number(who % 4);
    uint8_t bytes[128];
    coap2_writer built;

    from.group = who / 4 % 4 == 3;
    coap2_write_start(&built, bytes, sizeof bytes);
    coap2_write_header(&built, what / 4 % 2, COAP2_001_GET, (uint16_t)(who * 3),
                       tokens, (uint8_t)(who / 16 % 4));
    coap2_write_text(&built, COAP2_OPT_URI_PATH, observed[what % 4]);
    coap2_write_uint(&built, COAP2_OPT_OBSERVE, what / 8 % 4 == 3);
    if (what / 32 % 2 != 0)
        coap2_write_opt(&built, COAP2_OPT_ETAG, state, sizeof state);
    if (what / 64 != 0) {
        coap2_block block = {0, 0, false};

        block.szx = (uint8_t)(what / 64);
        coap2_write_block(&built, COAP2_OPT_BLOCK2, &block);
    }
    deliver(&from, bytes, coap2_write_end(&built));
}

/* One who subscribes by a rule: who, token; what and by which message; which of
   the options; the rule. */
static void run_subscribe(fuzz_input *in)
{
    static const char *const subscribed[4] = {"state", "room", "b", "any"};
    unsigned who = fuzz_number(in, 1), what = fuzz_number(in, 1);
    size_t length = fuzz_number(in, 1);
    const uint8_t *rule = fuzz_bytes(in, &length);
    coap2_peer from = peer_number(who % 4);
    uint8_t bytes[512], code = COAP2_001_GET;
    coap2_writer built;

    from.group = who / 4 % 4 == 3;
    if (what / 8 % 4 == 3) code = COAP2_005_FETCH;
    coap2_write_start(&built, bytes, sizeof bytes);
    coap2_write_header(&built, what / 4 % 2, code,
                       (uint16_t)(3072 + w.received_count), tokens,
                       (uint8_t)(who / 16 % 4));
    coap2_write_text(&built, COAP2_OPT_URI_PATH, subscribed[what % 4]);
    if (what % 4 == 2) coap2_write_text(&built, COAP2_OPT_URI_PATH, "c");
    coap2_write_uint(&built, COAP2_OPT_OBSERVE, what / 32 % 4 == 3);
    if (what / 32 % 2 == 0) coap2_write_uint(&built, COAP2_OPT_NOTIFICATION, 0);
    coap2_write_opt(&built, COAP2_OPT_RULE, rule, length);
    if (what / 128 != 0) coap2_write_text(&built, COAP2_OPT_RULE, "> 1");
    if (code == COAP2_005_FETCH) coap2_write_payload(&built, "{}", 2);
    FUZZ_CHECK(coap2_write_end(&built) > 0);
    deliver(&from, bytes, coap2_write_end(&built));
}

/* What was sent so long ago with an id; NULL if nothing was. */
static const datagram *subscription_back(unsigned back)
{
    size_t i;

    for (i = w.sent_count; i > 0; i--)
        if (w.sent[i - 1].subscription != 0 && back-- == 0)
            return &w.sent[i - 1];
    return NULL;
}

/* A GET with an id, and Observe if it is not negative. */
static void unsubscribe(const coap2_peer *from, uint32_t id, uint8_t type,
                        unsigned path, int observe)
{
    size_t before = w.sent_count;
    uint8_t bytes[64];
    coap2_writer built;
    const datagram *answer;

    coap2_write_start(&built, bytes, sizeof bytes);
    coap2_write_header(&built, type, COAP2_001_GET,
                       (uint16_t)(2048 + w.received_count), "unsub", 5);
    coap2_write_text(&built, COAP2_OPT_URI_PATH, paths[path]);
    if (observe >= 0)
        coap2_write_uint(&built, COAP2_OPT_OBSERVE, (uint32_t)observe);
    coap2_write_uint(&built, COAP2_OPT_NOTIFICATION, id);
    deliver(from, bytes, coap2_write_end(&built));
    if (w.sent_count == before) return;
    answer = &w.sent[before];
    if (answer->token_length != 5 || answer->code != COAP2_202_DELETED) return;
    FUZZ_CHECK(coap2_peer_equals(from, &answer->peer) && observe != 0);
    note_unsubscribed(from, id);
}

/* Unsubscribe by an id that was given: which; by whom, how. */
static void run_unsubscribe(fuzz_input *in)
{
    unsigned which = fuzz_number(in, 1), how = fuzz_number(in, 1);
    const datagram *given = subscription_back(which % 16);
    coap2_peer from;

    if (given == NULL) return;
    from = which / 16 % 4 == 3 ? peer_number(which / 64) : given->peer;
    from.group = false;
    unsubscribe(&from, given->subscription + (how / 8 % 4 == 3), how / 4 % 2,
                how / 32, (int)(how % 4) - 1);
}

/* What is observed has changed. */
static void run_change(fuzz_input *in)
{
    state[0] = fuzz_number(in, 1);
    state[1] = fuzz_number(in, 1);
    level = (int16_t)(state[1] * 4 - 300);
    lit = state[1] % 2 != 0;
    w.calling = true;
    coap2_changed(w.node, &state_);
    coap2_changed(w.node, &room);
    w.calling = false;
    if (!w.hold) settle();
}

/* A body on its way to us, of 16 << szx bytes a block. */
typedef struct transfer {
    uint32_t next; /* its offset */
    uint16_t id;
} transfer;

static transfer transfers[4];

/* A block of one of four transfers: which, and to where; which of its blocks,
   how large and how it is wrong. Its bytes say where they stand. */
static void run_block(fuzz_input *in)
{
    static const char *const to[2] = {"store", "pour"};
    unsigned which = fuzz_number(in, 1), how = fuzz_number(in, 1);
    transfer *t = &transfers[which % 4];
    coap2_peer from = peer_number(which % 2);
    coap2_block block = {0, 0, false};
    uint8_t bytes[1200], payload[128];
    size_t size, i;
    coap2_writer built;

    if (how / 8 % 4 == 1) t->next = 0;
    block.szx = (uint8_t)(how % 4);
    size = COAP2_BLOCK_SIZE(block);
    block.number = t->next / (uint32_t)size + (how / 8 % 4 == 2);
    block.more = how / 4 % 2 == 0;
    if (!block.more || how / 32 == 7) size = how / 32 * 3u;
    for (i = 0; i < size; i++)
        payload[i] = (uint8_t)(COAP2_BLOCK_AT(block) + i + which);
    if (how / 8 % 4 != 3) t->next = COAP2_BLOCK_AT(block) + (uint32_t)size;
    coap2_write_start(&built, bytes, sizeof bytes);
    coap2_write_header(&built, which / 16 % 2, (uint8_t)(1 + which / 32 % 8),
                       (uint16_t)(512 + which % 4 * 64 + t->id++ % 64), tokens,
                       3);
    coap2_write_text(&built, COAP2_OPT_URI_PATH, to[which / 4 % 2]);
    coap2_write_block(&built, COAP2_OPT_BLOCK1, &block);
    if (which % 4 != 3)
        coap2_write_uint(&built, COAP2_OPT_REQUEST_TAG, which % 4);
    coap2_write_payload(&built, payload, size);
    deliver(&from, bytes, coap2_write_end(&built));
}

/* The next block of an answer: whose, of what, which and how large. */
static void run_more(fuzz_input *in)
{
    unsigned which = fuzz_number(in, 1), how = fuzz_number(in, 1);
    coap2_peer from = peer_number(which % 2);
    coap2_block block = {0, 0, false};
    uint8_t bytes[128];
    coap2_writer built;

    block.szx = (uint8_t)(how % 8 % 7);
    block.number = how / 8;
    coap2_write_start(&built, bytes, sizeof bytes);
    coap2_write_header(&built, which / 16 % 2, (uint8_t)(1 + which / 32 % 8),
                       (uint16_t)(1024 + which * 4 + how), tokens, 3);
    coap2_write_text(&built, COAP2_OPT_URI_PATH,
                     which / 4 % 2 != 0 ? paths[which / 8 % 2 * 7] : "store");
    coap2_write_block(&built, COAP2_OPT_BLOCK2, &block);
    if (which / 8 % 2 != 0)
        coap2_write_uint(&built, COAP2_OPT_REQUEST_TAG, which % 4);
    deliver(&from, bytes, coap2_write_end(&built));
}

/* Steps that blocks, observers and subscribers need. */
static void run_more_steps(fuzz_input *in, unsigned step)
{
    switch (step) {
    case 0:
    case 1:
        run_observe(in);
        break;
    case 2:
    case 3:
        run_change(in);
        break;
    case 4:
    case 5:
    case 6:
        run_block(in);
        break;
    case 8:
        run_subscribe(in);
        break;
    case 9:
        run_unsubscribe(in);
        break;
    default:
        run_more(in);
        break;
    }
}

static void run_step(fuzz_input *in)
{
    unsigned step = fuzz_number(in, 1) % 26;

    if (step >= 16) {
        run_more_steps(in, step - 16);
        return;
    }
    switch (step) {
    case 0:
    case 1:
        run_datagram(in);
        break;
    case 2:
    case 3:
    case 4:
        run_request(in);
        break;
    case 5:
        run_again(in);
        break;
    case 6:
        run_reaction(in);
        break;
    case 7:
    case 8:
        run_answer(in);
        break;
    case 9:
        run_bogus_answer(in);
        break;
    case 10:
        run_failure(in);
        ever_failed = true;
        break;
    case 11:
        w.hold = true;
        break;
    case 12:
        move_node();
        break;
    default:
        run_time(in);
        break;
    }
}

/* ==== The end ============================================================ */

/* Has this id been sent before? Or is there none? */
static bool is_repeated_id(size_t index)
{
    const datagram *d = &w.sent[index];
    size_t i;

    for (i = 0; i < index; i++)
        if (w.sent[i].subscription == d->subscription) return true;
    return d->subscription == 0;
}

/* All unsubscribe whose ids are known by now: pmax goes on for a day where
   nobody acknowledges, and says more than the history holds. */
static void node_rested(void)
{
    for (; ended_count < w.sent_count; ended_count++) {
        coap2_peer from = w.sent[ended_count].peer;

        if (is_repeated_id(ended_count)) continue;
        unsubscribe(&from, w.sent[ended_count].subscription, COAP2_CON, 0, -1);
    }
}

static void answer_all(void)
{
    while (tickets_count > 0) answer(open_ticket(0), 15, 0); /* 5.03 */
}

static void check_answered(void)
{
    size_t i;

    for (i = 0; i < requests_count && !ever_failed; i++)
        FUZZ_CHECK(requests[i].answered || requests[i].quiet);
}

/* Every exchange is free: there are as many tickets as slots. */
static void check_exchanges(void)
{
    uint8_t bytes[] = {0x40, 2, 'i', 'd', 0xb4, 's', 'l', 'o', 'w'};
    coap2_peer from = peer_number(0);
    unsigned i;

    for (i = 0; i <= w.usable; i++) {
        from.port = (uint16_t)(1000 + i);
        FUZZ_CHECK(tickets_count == i);
        deliver(&from, bytes, sizeof bytes);
    }
    FUZZ_CHECK(tickets_count == w.usable);
}

/* No observer is left, and all places for bodies can be had. */
static void check_places(void)
{
    uint8_t bytes[] = {0x40, 3,   0x77, 0,  0xb4, 'p', 'o', 'u', 'r', 0xd1,
                       3,    0x8, 0xff, 1,  2,    3,   4,   5,   6,   7,
                       8,    9,   10,   11, 12,   13,  14,  15,  16};
    coap2_peer from = peer_number(0);
    size_t before = w.sent_count;
    unsigned i;

    for (i = 0; i < COAP2_MAX_OBSERVERS; i++)
        FUZZ_CHECK(w.node->observers[i].flags == 0);
    pass(COAP2_BLOCK_IDLE * 1000u + 1000u);
    for (i = 0; i < COAP2_MAX_UPLOADS; i++) {
        from.port = (uint16_t)(2000 + i);
        streams_count = 0;
        deliver(&from, bytes, sizeof bytes);
        FUZZ_CHECK(w.sent_count == before + i + 1);
        FUZZ_CHECK(w.sent[before + i].code == COAP2_231_CONTINUE);
    }
}

static void begin(void)
{
    size_t i;

    for (i = 0; i < sizeof body; i++) body[i] = (uint8_t)(i * 31 + i / 256);
    requests_count = tickets_count = late_count = 0;
    watchers_count = streams_count = ended_count = 0;
    memset(transfers, 0, sizeof transfers);
    state[0] = 0;
    state[1] = 4;
    ever_failed = lit = false;
    level = 215;
    memcpy(label, "as it is", 9);
}

/* As the clock says: none, little, or enough. */
static void open_bodies(void)
{
    static const uint16_t sizes[4] = {100, 0, 333, 1500};

    bodies = fuzz_open((size_t)sizes[w.now % 4] * COAP2_MAX_UPLOADS);
    w.node->bodies = bodies.size == 0 ? NULL : bodies.bytes;
    w.node->bodies_size = bodies.size;
}

static void fuzz_one(const uint8_t *bytes, size_t length)
{
    fuzz_input in = {NULL, 0, 0};
    unsigned steps;

    in.bytes = bytes;
    in.length = length;
    begin();
    open_world(&in);
    w.node->resources = things;
    open_bodies();
    start_world(&in);
    for (steps = 0; steps < STEPS && !fuzz_at_end(&in); steps++) run_step(&in);
    drain(); /* what waits may ask for a ticket */
    answer_all();
    drain();
    check_answered();
    check_exchanges();
    answer_all();
    drain();
    check_places();
    fuzz_close(&bodies);
    close_world();
}
