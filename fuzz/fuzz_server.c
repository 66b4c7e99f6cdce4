/* fuzz_server.c - a node as server

   The input is a program: what the node looks like (open_world), then steps,
   an opcode each with its arguments behind it (see run_step): datagrams as
   they stand or built, sent again, acknowledged or reset, time that passes,
   sending that fails, late answers. Beyond what node.h checks:
     - a handler does not run twice for one request, unless it is a safe one
       that is confirmable (RFC 7252 4.5); the answer that is sent again is the
       one that was sent
     - every late answer leaves, and its ticket is then nobody's
     - when all is done, every exchange is free again */

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

static uint8_t body[512]; /* what handlers answer with */

/* ==== What was run, and what is answered later =========================== */

typedef struct request {
    coap2_peer peer;
    uint64_t at;
    size_t received; /* datagrams when it was run, */
    size_t late;     /* and late answers */
    uint32_t hash;   /* of the ACK that answered it, */
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
static bool ever_failed; /* then an answer may be missing */

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
   oldest, nor where another token came under its id. */
static bool remembered(const request *r)
{
    unsigned lifetime =
        r->type == COAP2_CON ? w.node->exchange_lifetime : w.node->non_lifetime;
    size_t since = late_count - r->late, i;

    if (w.now - r->at >= lifetime * 1000u) return false;
    for (i = r->received; i < w.received_count; i++) {
        const datagram *d = &w.received[i];

        if (d->type > COAP2_NON || is_request_of(r, d)) continue;
        if (d->id == r->id && coap2_peer_equals(&d->peer, &r->peer))
            return false;
        since++;
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
   be remembered, one of the two is its code alone. */
static void check_answer(request *r, const datagram *d)
{
    size_t bare = 4u + r->token_length;
    size_t more = r->length > d->length ? r->length : d->length;

    if (r->code == 0 || r->safe || !remembered(r)) {
        r->code = d->code;
        r->hash = d->hash;
        r->length = d->length;
        return;
    }
    FUZZ_CHECK(r->code == d->code);
    if (r->hash == d->hash) return;
    FUZZ_CHECK(r->length == bare || d->length == bare);
    FUZZ_CHECK(more - bare > COAP2_REPLY_SIZE);
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

static void node_sent(const datagram *d, const coap2_msg *msg)
{
    size_t i;

    if (!is_response(msg->code)) return;
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
COAP2_RESOURCE(any, "any", ALL, on_any, "rt=\"any\";sz=9");
COAP2_RESOURCE(below, "b/*", ALL, on_any, "");
COAP2_RESOURCE(slow, "slow", ALL, on_slow, "rt=\"slow\"");
COAP2_RESOURCE(text, "text", COAP2_GET | COAP2_PUT, on_text, "if=\"a b\"");
COAP2_RESOURCE(relay, "relay", COAP2_POST | COAP2_HIDDEN, on_relay, "");
COAP2_BOUND(room, "room", 0, room_fields, "rt=\"room\"");
COAP2_TABLE(things, &any, &below, &slow, &text, &relay, &room);

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

/* A request: who, how; method and path; id and token; options; payload. */
static void run_request(fuzz_input *in)
{
    static const uint8_t tokens[] = "\377\0token";
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
    FUZZ_CHECK(coap2_write_end(&built) > 0);
    deliver(&from, bytes, coap2_write_end(&built));
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

static void run_step(fuzz_input *in)
{
    switch (fuzz_number(in, 1) % 16) {
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

static void begin(void)
{
    size_t i;

    for (i = 0; i < sizeof body; i++) body[i] = (uint8_t)(i * 31 + i / 256);
    requests_count = tickets_count = late_count = 0;
    ever_failed = lit = false;
    level = 215;
    memcpy(label, "as it is", 9);
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
    start_world(&in);
    for (steps = 0; steps < STEPS && !fuzz_at_end(&in); steps++) run_step(&in);
    drain(); /* what waits may ask for a ticket */
    answer_all();
    drain();
    check_answered();
    check_exchanges();
    answer_all();
    drain();
    close_world();
}
