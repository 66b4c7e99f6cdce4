/* fuzz_client.c - a node as client, in a world that need not be friendly

   The input is a program: what the node looks like (open_world), then steps,
   an opcode each with its arguments behind it (see run_step): requests of all
   kinds, datagrams as they stand, answers that fit a request or nearly do,
   time that passes, sending that fails, requests that are cancelled, also in
   callbacks. Beyond what node.h checks:
     - each request ends in exactly one callback, with a reason that is true,
       not behind its deadline, and nothing of it is sent after that, but that
       an observation is over (RFC 7641 3.6)
     - a body arrives as the blocks say that came, whole in the caller's buffer
       or piece by piece (RFC 7959 2.4), and leaves as it is (2.5)
     - an answer is from the peer that was asked, with the request's token
     - a subscriber is told why it is told
     - no more confirmable requests are under way to a peer than NSTART (4.7)
     - when all is done, every exchange is free again */

#ifndef COAP2_RULE_SIZE /* any rule can be held against what comes */
#define COAP2_RULE_SIZE 388
#endif
#include "node.h"

#define ASKED 512u
#define ANY 0u /* response */

/* ==== Requests =========================================================== */

typedef struct question {
    int16_t handle;
    bool open, ping, sent;
    bool observes;
    bool subscribes;  /* by a rule */
    bool named;       /* its host is looked for */
    bool cancelled;   /* and the server may be told so */
    uint32_t pulls;   /* bytes of a body that leaves */
    fuzz_memory body; /* where the answer's is put together */
    bool in_pieces;   /* a body is arriving, */
    uint32_t next;    /* the next piece stands here */
    uint8_t watch[8]; /* the token that it observes by */
    uint8_t watch_length;
    uint8_t action; /* of its callback */
    uint8_t token_length;
    uint8_t token[8];
    uint16_t id;
    uint32_t deadline;
    uint64_t first;  /* when it was sent first */
    uint64_t began;  /* the same, without Echo: its deadline runs on */
    size_t received; /* datagrams at that time */
    coap2_peer peer;
    bool confirmable;
    coap2_result result;
} question;

static question questions[ASKED];
static size_t questions_count, open_count;
static bool cancelling; /* coap2_cancel runs */
static bool ever_failed;

static void ask(unsigned kind, unsigned target, unsigned bits, uint8_t action,
                unsigned more, const uint8_t *payload, size_t length);

/* Each request carries its number in a Uri-Query, `i=7`. */
static question *numbered_question(const coap2_msg *msg)
{
    coap2_opt opt;
    size_t i, number = 0;

    FUZZ_CHECK(coap2_msg_find(msg, COAP2_OPT_URI_QUERY, &opt));
    FUZZ_CHECK(opt.length > 2 && memcmp(opt.value, "i=", 2) == 0);
    for (i = 2; i < opt.length; i++)
        number = number * 10 + opt.value[i] - (size_t)'0';
    FUZZ_CHECK(number < questions_count);
    return &questions[number];
}

/* A ping has no number, and where sending fails another may overtake it: ask
   the node whose it is. */
static question *ping_question(const datagram *d)
{
    const coap2_exchange *e = w.node->exchanges;
    size_t i;

    for (; e != w.node->exchanges + COAP2_MAX_EXCHANGES; e++) {
        if (e->state != COAP2I_SENDING || e->id != d->id) continue;
        for (i = 0; i < questions_count; i++) {
            question *q = &questions[i];

            if (q->ping && q->open && q->handle == e->handle &&
                (q->named || coap2_peer_equals(&q->peer, &d->peer)))
                return q;
        }
    }
    return NULL;
}

/* May this datagram be about a request: from its peer, with its id where it is
   an ACK or RST, with its token where it is a response? */
static bool is_about(const datagram *d, const question *q)
{
    if (d->version != 1) return false;
    if (!q->peer.group && !coap2_peer_equals(&d->peer, &q->peer)) return false;
    if (d->type >= COAP2_ACK && d->id != q->id) return false;
    return d->code == 0 || same_token(d, q->token, q->token_length) ||
           (q->observes && same_token(d, q->watch, q->watch_length));
}

/* Has an empty message of this type come since the request was sent? */
static bool was_answered(const question *q, uint8_t type)
{
    size_t i;

    for (i = q->received; i < w.received_count; i++) {
        const datagram *d = &w.received[i];

        if (d->type == type && d->code == 0 && is_about(d, q)) return true;
    }
    return false;
}

/* Has a response of this code, or of ANY? */
static bool has_response(const question *q, uint8_t code)
{
    size_t i;

    for (i = q->received; i < w.received_count; i++) {
        const datagram *d = &w.received[i];

        if (is_response(d->code) && (code == ANY || code == d->code) &&
            d->type != COAP2_RST && is_about(d, q))
            return true;
    }
    return false;
}

/* Confirmable requests to a peer that nobody has said anything to (4.7); one to
   a name may be over, and look for its name once more. */
static unsigned count_outstanding(const question *but)
{
    unsigned count = 0;
    size_t i;

    for (i = 0; i < questions_count; i++) {
        const question *q = &questions[i];

        if (q != but && q->open && q->sent && q->confirmable && !q->named &&
            coap2_peer_equals(&q->peer, &but->peer))
            count += !was_answered(q, COAP2_ACK) && !has_response(q, ANY);
    }
    return count;
}

static bool is_token_used(const question *but)
{
    size_t i;

    for (i = 0; i < questions_count; i++) {
        const question *q = &questions[i];

        if (q != but && !q->ping && q->open && q->sent &&
            coap2_peer_equals(&q->peer, &but->peer) &&
            fuzz_same(q->token, q->token_length, but->token, but->token_length))
            return true;
    }
    return false;
}

/* A request leaves for the first time, or its next step does: with Echo, for
   the next block, or to observe again. */
static void note_first(question *q, const datagram *d, const coap2_msg *msg)
{
    coap2_opt echo;

    if (q->sent)
        FUZZ_CHECK(!q->ping &&
                   (q->observes || q->named || has_response(q, ANY)));
    q->first = w.now;
    if (!q->sent || !coap2_msg_find(msg, COAP2_OPT_ECHO, &echo))
        q->began = w.now;
    q->sent = true;
    q->received = w.received_count;
    q->peer = d->peer;
    q->id = d->id;
    q->token_length = d->token_length;
    memcpy(q->token, d->token, d->token_length);
    if (q->observes && d->has_observe) {
        q->watch_length = d->token_length;
        memcpy(q->watch, d->token, d->token_length);
    }
    FUZZ_CHECK(q->confirmable == (d->type == COAP2_CON));
    FUZZ_CHECK(!q->peer.group || !q->confirmable);
    FUZZ_CHECK(!is_token_used(q));
    if (q->confirmable) FUZZ_CHECK(count_outstanding(q) < w.node->nstart);
}

/* ==== Bodies that leave ================================================== */

/* Each has other bytes, and each of them says where it stands. */
static uint8_t pulled_byte(const question *q, uint32_t at)
{
    return (uint8_t)((size_t)(q - questions) * 7 + at + at / 256 * 3);
}

static void on_pull(void *user, uint32_t at, uint8_t *bytes, size_t size)
{
    const question *q = (const question *)user;
    size_t i;

    FUZZ_CHECK(size <= q->pulls && at <= q->pulls - size);
    for (i = 0; i < size; i++) bytes[i] = pulled_byte(q, at + (uint32_t)i);
}

/* A piece that leaves is the one that it says it is, and as long. */
static void check_pulled(const question *q, const datagram *d,
                         const coap2_msg *msg)
{
    uint32_t at = d->has_block1 ? COAP2_BLOCK_AT(d->block1) : 0;
    size_t i, length = msg->payload_length;

    if (length == 0) return;
    FUZZ_CHECK(length <= q->pulls && at <= q->pulls - length);
    if (d->has_block1 && d->block1.more)
        FUZZ_CHECK(length == COAP2_BLOCK_SIZE(d->block1) &&
                   at + length < q->pulls);
    else
        FUZZ_CHECK(at + length == q->pulls);
    for (i = 0; i < length; i++)
        FUZZ_CHECK(msg->payload[i] == pulled_byte(q, at + (uint32_t)i));
}

static void node_sent(const datagram *d, const coap2_msg *msg)
{
    question *q;

    if (d->type > COAP2_NON || is_response(d->code)) return;
    if (d->searches) {
        FUZZ_CHECK(d->type == COAP2_NON && d->code == COAP2_001_GET);
        return;
    }
    q = d->code == 0 ? ping_question(d) : numbered_question(msg);
    FUZZ_CHECK(q != NULL && (q->open || q->cancelled));
    if (!q->open) {
        FUZZ_CHECK(d->has_observe && d->observe == 1);
        return;
    }
    if (q->pulls != 0) check_pulled(q, d, msg);
    if (d->times == 1)
        note_first(q, d, msg);
    else
        FUZZ_CHECK(q->id == d->id);
}

/* What must be the same for each block of an answer: its ETag. */
static uint32_t etag_of(const coap2_msg *msg)
{
    coap2_opt opt;

    if (!coap2_msg_find(msg, COAP2_OPT_ETAG, &opt) || opt.length > 8) return 0;
    return hash_of(opt.value, opt.length) | 1u;
}

static void node_received(const datagram *d, const coap2_msg *msg)
{
    if (COAP2_CODE_CLASS(d->code) == 2 && d->has_block2)
        keep_piece(&d->peer, etag_of(msg), &d->block2, msg);
}

static void node_moved(void)
{
}

static void node_rested(void)
{
}

/* ==== How they end ======================================================= */

static bool was_reset(const question *q)
{
    return was_answered(q, COAP2_RST);
}

/* It came to its deadline, or was sent as often as may be (4.2). Where sending
   failed, its time began before it left. */
static bool is_timeout(const question *q)
{
    uint64_t longest = (2u << w.node->max_retransmit) - 1u;

    if (ever_failed) return true;
    return q->sent && (w.now - q->began >= q->deadline ||
                       w.now - q->first >= longest * w.node->ack_timeout);
}

static void check_answer(const question *q, const coap2_reply *reply)
{
    const coap2_msg *msg = reply->msg;

    FUZZ_CHECK(q->sent);
    if (q->ping) {
        FUZZ_CHECK(msg == NULL && (was_reset(q) || was_answered(q, COAP2_ACK)));
        return;
    }
    FUZZ_CHECK(msg != NULL && is_response(msg->code));
    FUZZ_CHECK(COAP2_CODE_CLASS(msg->code) != 3);
    FUZZ_CHECK(
        fuzz_same(msg->token, msg->token_length, q->token, q->token_length) ||
        (q->observes &&
         fuzz_same(msg->token, msg->token_length, q->watch, q->watch_length)));
    FUZZ_CHECK(has_response(q, msg->code));
    FUZZ_CHECK(q->peer.group || coap2_peer_equals(reply->peer, &q->peer));
    FUZZ_CHECK(msg->type != COAP2_ACK || msg->id == q->id);
}

/* A body is whole in the caller's buffer, or it comes piece by piece, each
   behind the one before it. */
static void check_body(question *q, const coap2_reply *reply)
{
    const coap2_msg *msg = reply->msg;
    coap2_block block;

    if (COAP2_CODE_CLASS(msg->code) != 2) {
        FUZZ_CHECK(msg->payload_length <= 1024);
        q->in_pieces = false;
        return;
    }
    if (q->body.bytes != NULL && msg->payload == q->body.bytes) {
        FUZZ_CHECK(msg->payload_length <= q->body.size);
        check_assembled(reply->peer, etag_of(msg), msg->payload,
                        msg->payload_length);
        FUZZ_CHECK(reply->last && reply->offset == 0);
    } else if (!q->peer.group) {
        FUZZ_CHECK(reply->offset == 0 ||
                   (q->in_pieces && reply->offset == q->next));
        q->in_pieces = !reply->last;
        q->next = reply->offset + (uint32_t)msg->payload_length;
        if (read_block(msg, COAP2_OPT_BLOCK2, &block))
            FUZZ_CHECK(reply->offset == COAP2_BLOCK_AT(block) &&
                       reply->last == !block.more);
    }
    FUZZ_CHECK(reply->last || reply->more);
}

static void check_reason(const question *q, const coap2_reply *reply)
{
    switch (reply->result) {
    case COAP2_OK:
        check_answer(q, reply);
        break;
    case COAP2_ERR_TIMEOUT:
        FUZZ_CHECK(q->observes || q->named || is_timeout(q));
        break;
    case COAP2_ERR_RESET:
        FUZZ_CHECK(q->sent && was_reset(q));
        break;
    case COAP2_ERR_CANCELLED:
        FUZZ_CHECK(cancelling);
        break;
    case COAP2_ERR_SEND:
        FUZZ_CHECK(ever_failed);
        break;
    case COAP2_ERR_NAME:
        FUZZ_CHECK(q->named);
        break;
    default:
        FUZZ_CHECK(reply->result == COAP2_ERR_FORMAT ||
                   reply->result == COAP2_ERR_SPACE);
        FUZZ_CHECK(q->sent && has_response(q, ANY));
        break;
    }
    FUZZ_CHECK((reply->result == COAP2_OK && !q->ping) == (reply->msg != NULL));
}

/* A subscriber is told why it is told; a group cannot be subscribed to. */
static void check_why(const question *q, const coap2_reply *reply)
{
    coap2_opt opt;

    FUZZ_CHECK(reply->reason <= COAP2_PERIOD);
    FUZZ_CHECK(q->subscribes || reply->reason == COAP2_QUIET);
    if (!q->subscribes || q->peer.group || !reply->more ||
        reply->result != COAP2_OK ||
        !coap2_msg_find(reply->msg, COAP2_OPT_OBSERVE, &opt))
        return;
    FUZZ_CHECK(reply->reason != COAP2_QUIET);
}

static question *open_question(unsigned which)
{
    size_t i;

    if (open_count == 0) return NULL;
    which %= (unsigned)open_count;
    for (i = 0; i < questions_count; i++)
        if (questions[i].open && which-- == 0) return &questions[i];
    return NULL;
}

static void cancel(question *q)
{
    bool outer = cancelling;

    cancelling = true;
    if (q->handle % 3 == 0) {
        FUZZ_CHECK(coap2_forget(w.node, q->handle) == COAP2_OK);
    } else {
        q->cancelled = q->observes;
        FUZZ_CHECK(coap2_cancel(w.node, q->handle) == COAP2_OK);
    }
    cancelling = outer;
    FUZZ_CHECK(!q->open && q->result == COAP2_ERR_CANCELLED);
    FUZZ_CHECK(coap2_cancel(w.node, q->handle) == COAP2_ERR_ARG);
    FUZZ_CHECK(coap2_forget(w.node, q->handle) == COAP2_ERR_ARG);
}

/* What an application may do in a callback. */
static void act(question *q)
{
    question *other = open_question(q->action);

    switch (q->action % 8) {
    case 4:
        ask(q->action / 8u, q->action, q->action / 16u, 0, 0, NULL, 0);
        break;
    case 5:
        if (other != NULL) cancel(other);
        break;
    case 6:
        if (!q->open)
            FUZZ_CHECK(coap2_cancel(w.node, q->handle) == COAP2_ERR_ARG);
        break;
    case 7:
        FUZZ_CHECK(coap2_wait(w.node, q->handle) == COAP2_ERR_CONFIG);
        break;
    default:
        break;
    }
}

static void on_reply(const coap2_reply *reply)
{
    question *q = (question *)reply->user;

    w.events++;
    FUZZ_CHECK(q >= questions && q < questions + questions_count);
    FUZZ_CHECK(q->open && reply->request == q->handle);
    FUZZ_CHECK(reply->node == w.node && reply->peer != NULL);
    FUZZ_CHECK(!w.calling || cancelling);
    check_reason(q, reply);
    check_why(q, reply);
    if (reply->result == COAP2_OK && !q->ping) check_body(q, reply);
    if (reply->more) {
        FUZZ_CHECK(reply->result == COAP2_OK ||
                   (q->observes && reply->result == COAP2_ERR_TIMEOUT));
        FUZZ_CHECK(q->peer.group || q->observes || !reply->last);
    } else {
        FUZZ_CHECK(reply->last);
        FUZZ_CHECK(!q->sent || !q->peer.group || reply->result != COAP2_OK);
        q->open = false;
        q->result = reply->result;
        open_count--;
    }
    act(q);
}

/* What was sent has ended when its deadline has come. Where it has been
   answered there may be a next step, which has to wait for its turn. */
static void check_deadlines(void)
{
    size_t i;

    for (i = 0; i < questions_count; i++) {
        const question *q = &questions[i];

        if (q->open && q->sent && !q->observes && !q->named &&
            (q->peer.group || !has_response(q, ANY)))
            FUZZ_CHECK(w.now - q->first < q->deadline);
    }
}

/* ==== Asking ============================================================= */

static const char *const hosts[8] = {
    "192.0.2.1",   "192.0.2.1:5684", "192.0.2.2", "[fe80::1%251]:5684",
    "224.0.1.187", "[ff02::fd%251]", "node1",     "nobody"};

static const uint16_t options[16] = {
    COAP2_OPT_ETAG,         COAP2_OPT_OBSERVE,  COAP2_OPT_CONTENT_FORMAT,
    COAP2_OPT_MAX_AGE,      COAP2_OPT_ECHO,     COAP2_OPT_DISCOVERY,
    COAP2_OPT_BLOCK2,       COAP2_OPT_BLOCK1,   COAP2_OPT_SIZE2,
    COAP2_OPT_NO_RESPONSE,  COAP2_OPT_IF_MATCH, COAP2_OPT_PROXY_URI,
    COAP2_OPT_NOTIFICATION, COAP2_OPT_URI_HOST, COAP2_OPT_IF_NONE_MATCH,
    COAP2_OPT_RULE};

static bool on_resolve(void *io, const char *host, size_t length,
                       coap2_peer *peer)
{
    FUZZ_CHECK(io == &w);
    if (length != 5 || memcmp(host, "node1", 5) != 0) return false;
    *peer = peer_number(2);
    return true;
}

/* The peer of a host that is an address: as far as pings need to know. */
static coap2_peer peer_of(unsigned target)
{
    coap2_peer peer = peer_number(target % 8 == 6 ? 2 : target % 4);

    if (target % 8 == 6) peer.port = 5683;
    if (target % 8 == 4 || target % 8 == 5) peer.group = true;
    return peer;
}

/* What bodies and observers need, beside the rest: a body to pull, of some
   length; a buffer for the answer's; Observe. */
static void ask_more(question *q, coap2_call *call, unsigned more)
{
    static const uint16_t lengths[4] = {0, 20, 100, 1500};

    if (more % 2 != 0) {
        coap2_write_uint(&call->w, COAP2_OPT_OBSERVE, 0);
        q->observes = true;
    }
    if (!q->observes) q->pulls = lengths[more / 2 % 4];
    if (q->pulls != 0) {
        call->pull = on_pull;
        call->pull_length = q->pulls;
    }
    if (more / 8 % 2 != 0) {
        q->body = fuzz_open(more / 16 % 2 != 0 ? 1024 : 40);
        call->body = q->body.bytes;
        call->body_size = q->body.size;
    }
    call->szx = (uint8_t)(more / 32 % 7);
}

/* By one call, with the number in the URI. */
static int16_t ask_uri(question *q, unsigned target, unsigned bits,
                       const uint8_t *payload, size_t length)
{
    char uri[80];

    snprintf(uri, sizeof uri, "coap://%s/%s?i=%u", hosts[target % 8],
             bits / 8 % 2 != 0 ? "a//b" : "a", (unsigned)questions_count);
    if (q->ping) return coap2_ping(w.node, uri, on_reply, q);
    if (q->observes) return coap2_observe(w.node, uri, on_reply, q);
    return coap2_request(w.node, (uint8_t)(1u << bits % 8 % 7), uri, payload,
                         length, on_reply, q);
}

/* Step by step: options in any order, a deadline, non-confirmable. */
static int16_t ask_steps(question *q, unsigned target, unsigned bits,
                         unsigned more, const uint8_t *payload, size_t length)
{
    uint8_t method = (uint8_t)(1u << bits % 8 % 7);
    char text[80];
    coap2_call call;

    if (bits / 8 % 2 == 0) {
        snprintf(text, sizeof text, "coap://%s/b", hosts[target % 8]);
        coap2_call_start(&call, w.node, method, text);
    } else {
        coap2_peer peer = peer_of(target);

        coap2_call_start_to(&call, w.node, method, &peer, "b/c");
    }
    if (more != 0) ask_more(q, &call, more);
    if (q->pulls == 0) coap2_write_payload(&call.w, payload, length);
    if (bits / 16 % 2 != 0)
        coap2_write_opt(&call.w, COAP2_OPT_SIZE1, payload, length % 5);
    snprintf(text, sizeof text, "i=%u", (unsigned)questions_count);
    coap2_write_text(&call.w, COAP2_OPT_URI_QUERY, text);
    if (bits / 32 % 2 != 0) call.confirmable = q->confirmable = false;
    if (bits / 64 % 2 != 0) call.deadline = q->deadline = bits * 16u;
    return coap2_call_send(&call, on_reply, q);
}

static void check_handle(const question *q, int16_t handle)
{
    size_t i;

    if (handle <= 0) {
        FUZZ_CHECK(handle == COAP2_ERR_FULL || handle == COAP2_ERR_NAME ||
                   handle == COAP2_ERR_SPACE ||
                   (handle == COAP2_ERR_ARG && q->ping && !q->confirmable) ||
                   (handle == COAP2_ERR_FORMAT && q->subscribes));
        FUZZ_CHECK(handle != COAP2_ERR_FULL || open_count > 0 || w.again ||
                   w.hold || ever_failed || w.received_count > 0);
        return;
    }
    for (i = 0; i < questions_count; i++)
        FUZZ_CHECK(!questions[i].open || questions[i].handle != handle ||
                   &questions[i] == q);
}

static void begin_question(question *q, unsigned target, uint8_t action)
{
    memset(q, 0, sizeof *q);
    q->action = action;
    q->deadline = COAP2_DEADLINE;
    q->confirmable = target % 8 != 4 && target % 8 != 5;
    q->named = target % 8 == 7;
    q->peer = peer_of(target);
}

/* The node has taken a question, or not. */
static void end_question(question *q, int16_t handle)
{
    w.events++;
    check_handle(q, handle);
    if (handle <= 0 && q->body.base != NULL) fuzz_close(&q->body);
    if (handle <= 0) return;
    q->handle = handle;
    q->open = true;
    questions_count++;
    open_count++;
    FUZZ_CHECK(open_count <= w.usable);
}

/* Ask, in one of four ways, one of eight hosts; with `more`, step by step, or
   to observe. */
static void ask(unsigned kind, unsigned target, unsigned bits, uint8_t action,
                unsigned more, const uint8_t *payload, size_t length)
{
    question *q = &questions[questions_count];
    bool outer = w.calling;
    int16_t handle;

    if (questions_count == ASKED) return;
    begin_question(q, target, action);
    q->ping = kind % 4 == 3;
    w.calling = true;
    q->observes = more == 1 && !q->ping;
    if (kind % 4 == 1 || kind % 4 == 2 || (more > 1 && !q->ping))
        handle = ask_steps(q, target, bits, more, payload, length);
    else
        handle = ask_uri(q, target, bits, payload, length);
    w.calling = outer;
    end_question(q, handle);
}

/* Subscribe by a call; the bits as in ask_steps. */
static int16_t subscribe_steps(question *q, unsigned target, unsigned bits,
                               const char *rule)
{
    coap2_peer peer = peer_of(target);
    char text[20];
    coap2_call call;

    coap2_call_start_to(&call, w.node, bits % 2 != 0 ? COAP2_FETCH : COAP2_GET,
                        &peer, "b");
    coap2_call_subscribe(&call, rule);
    snprintf(text, sizeof text, "i=%u", (unsigned)questions_count);
    coap2_write_text(&call.w, COAP2_OPT_URI_QUERY, text);
    if (bits % 2 != 0) coap2_write_payload(&call.w, "{}", 2);
    if (bits / 32 % 2 != 0) call.confirmable = q->confirmable = false;
    return coap2_call_send(&call, on_reply, q);
}

static void subscribe(unsigned target, unsigned bits, uint8_t action,
                      const char *rule)
{
    question *q = &questions[questions_count];
    char uri[80];
    int16_t handle;

    if (questions_count == ASKED) return;
    begin_question(q, target, action);
    q->observes = q->subscribes = true;
    snprintf(uri, sizeof uri, "coap://%s/a?i=%u", hosts[target % 8],
             (unsigned)questions_count);
    w.calling = true;
    if (bits / 2 % 2 != 0) {
        q->named = false;
        handle = subscribe_steps(q, target, bits, rule);
    } else {
        handle = coap2_subscribe(w.node, uri, rule, on_reply, q);
    }
    w.calling = false;
    end_question(q, handle);
}

static void run_ask(fuzz_input *in)
{
    unsigned how = fuzz_number(in, 1), bits = fuzz_number(in, 1);
    uint8_t action = (uint8_t)fuzz_number(in, 1);
    size_t length = fuzz_number(in, 1);
    const uint8_t *payload = fuzz_bytes(in, &length);

    ask(how / 8, how, bits, action, 0, payload, length);
    if (!w.hold) settle();
}

/* A request with bodies, or one that observes. */
static void run_ask_more(fuzz_input *in)
{
    unsigned how = fuzz_number(in, 1), bits = fuzz_number(in, 1);
    unsigned more = fuzz_number(in, 1);
    uint8_t action = (uint8_t)fuzz_number(in, 1);

    ask(how / 8, how, bits, action, more, NULL, 0);
    if (!w.hold) settle();
}

/* A subscription: whom, how, what is done in its callback; the rule. */
static void run_subscribe(fuzz_input *in)
{
    unsigned how = fuzz_number(in, 1), bits = fuzz_number(in, 1);
    uint8_t action = (uint8_t)fuzz_number(in, 1);
    size_t length = fuzz_number(in, 1);
    const uint8_t *bytes = fuzz_bytes(in, &length);
    char rule[256];

    if (length > 0) memcpy(rule, bytes, length);
    rule[length] = '\0';
    subscribe(how, bits, action, rule);
    if (!w.hold) settle();
}

/* ==== Waiting ============================================================ */

static unsigned idles;

static uint32_t on_now(void *io)
{
    FUZZ_CHECK(io == &w);
    return (uint32_t)w.now;
}

/* Somebody waits for a request: there is a deadline, and nothing spins. */
static void on_idle(void *io, uint32_t ms)
{
    FUZZ_CHECK(io == &w && ms != 0 && ms != COAP2_FOREVER);
    FUZZ_CHECK(++idles < 1000);
    w.now += ms;
    w.again = false;
}

static void run_wait(fuzz_input *in)
{
    question *q = open_question(fuzz_number(in, 1));
    coap2_result result;

    if (q == NULL) return;
    idles = 0;
    w.hold = false;
    result = coap2_wait(w.node, q->handle);
    FUZZ_CHECK(!q->open && q->result == result);
    settle();
}

/* ==== Answers ============================================================ */

static const uint8_t codes[16] = {COAP2_205_CONTENT,
                                  COAP2_204_CHANGED,
                                  COAP2_201_CREATED,
                                  COAP2_203_VALID,
                                  COAP2_404_NOT_FOUND,
                                  COAP2_401_UNAUTHORIZED,
                                  COAP2_231_CONTINUE,
                                  COAP2_000_EMPTY,
                                  COAP2_001_GET,
                                  COAP2_CODE(1, 0),
                                  COAP2_CODE(3, 1),
                                  COAP2_CODE(6, 31),
                                  COAP2_701_CSM,
                                  COAP2_CODE(2, 31),
                                  COAP2_429_TOO_MANY_REQUESTS,
                                  COAP2_503_SERVICE_UNAVAILABLE};

static void write_options(coap2_writer *built, fuzz_input *in, unsigned count)
{
    for (; count > 0; count--) {
        unsigned bits = fuzz_number(in, 1);
        size_t length = bits / 16 == 15 ? fuzz_number(in, 1) : bits / 16;
        const uint8_t *value = fuzz_bytes(in, &length);

        coap2_write_opt(built, options[bits % 16], value, length);
    }
}

/* Our last request but so many; NULL if there is none. */
static const datagram *request_back(unsigned back)
{
    size_t i;

    for (i = w.sent_count; i > 0; i--) {
        const datagram *s = &w.sent[i - 1];

        if (s->type <= COAP2_NON && !is_response(s->code) && back-- == 0)
            return s;
    }
    return NULL;
}

/* An answer to what we sent: which; type and code; what of it is not right;
   options and payload. */
static void run_answer(fuzz_input *in)
{
    unsigned back = fuzz_number(in, 1), what = fuzz_number(in, 1);
    unsigned wrong = fuzz_number(in, 1), counts = fuzz_number(in, 1);
    const datagram *s = request_back(back % 16);
    size_t length = counts / 4 % 64;
    uint8_t bytes[2048], token[8], type = what % 4, code = codes[what / 16];
    coap2_writer built;
    coap2_peer from;
    uint16_t id;

    if (s == NULL) return;
    id = type >= COAP2_ACK ? s->id : (uint16_t)(back / 16);
    from = s->peer;
    from.group = false;
    if (s->peer.group || wrong % 8 == 1) from = peer_number(wrong / 8);
    if (wrong % 8 == 2) id = (uint16_t)(id + wrong / 8);
    memcpy(token, s->token, sizeof token);
    if (wrong % 8 == 3) token[wrong / 8 % 8] ^= (uint8_t)(wrong / 8);
    if (type == COAP2_RST) code = 0;
    coap2_write_start(&built, bytes, sizeof bytes);
    coap2_write_header(&built, type, code, id, token,
                       code == 0        ? (uint8_t)0
                       : wrong % 8 == 4 ? (uint8_t)(wrong / 8 % 9)
                                        : s->token_length);
    if (code != 0) write_options(&built, in, counts % 4);
    if (code == 0) length = wrong % 8 == 5 ? length % 2 : 0;
    coap2_write_payload(&built, fuzz_bytes(in, &length), length);
    FUZZ_CHECK(coap2_write_end(&built) > 0);
    deliver(&from, bytes, coap2_write_end(&built));
}

/* A server that knows what it does, mostly: which request, and how it is
   answered; which body; how large its blocks are, and how many there are. */
static void run_serve(fuzz_input *in)
{
    unsigned back = fuzz_number(in, 1), how = fuzz_number(in, 1);
    unsigned what = fuzz_number(in, 1), count = fuzz_number(in, 1);
    const datagram *s = request_back(back % 8);
    uint8_t bytes[2048], payload[1024], etag = (uint8_t)(1 + what % 4);
    uint8_t code = COAP2_205_CONTENT, type = (uint8_t)(how % 4 % 3);
    coap2_block block;
    coap2_writer built;
    coap2_peer from;
    size_t size, i;

    if (s == NULL) return;
    if (type == COAP2_NON + 1) type = COAP2_ACK;
    from = s->peer;
    from.group = false;
    coap2_write_start(&built, bytes, sizeof bytes);
    if (s->has_block1 && s->block1.more) code = COAP2_231_CONTINUE;
    if (how / 4 % 8 == 7) code = COAP2_413_REQUEST_ENTITY_TOO_LARGE;
    if (how / 4 % 8 == 6) code = COAP2_404_NOT_FOUND;
    coap2_write_header(&built, type, code,
                       type == COAP2_ACK ? s->id
                                         : (uint16_t)(w.received_count + 1000),
                       s->token, s->token_length);
    if (s->has_block1) {
        block = s->block1;
        if (how / 32 % 4 == 1 && block.szx > 0) {
            block.szx--;
            block.number *= 2;
        }
        coap2_write_block(&built, COAP2_OPT_BLOCK1, &block);
    }
    if (s->has_observe && how / 128 == 0)
        coap2_write_uint(&built, COAP2_OPT_OBSERVE,
                         (uint32_t)w.received_count + what / 64);
    if (what / 4 % 4 == 0) coap2_write_uint(&built, COAP2_OPT_MAX_AGE, what);
    if (count / 64 != 0)
        coap2_write_uint(&built, COAP2_OPT_NOTIFICATION, count / 64 % 2 + 76);
    if (count / 64 > 1) coap2_write_opt(&built, COAP2_OPT_RULE, NULL, 0);
    if (code != COAP2_205_CONTENT || count == 0) {
        deliver(&from, bytes, coap2_write_end(&built));
        return;
    }
    memset(&block, 0, sizeof block);
    if (s->has_block2) block = s->block2;
    if (!s->has_block2 || how / 32 % 4 == 2) block.szx = what / 16 % 4;
    block.more = block.number + 1 < count % 64;
    size = block.more ? COAP2_BLOCK_SIZE(block)
                      : (size_t)count % (COAP2_BLOCK_SIZE(block) + 1u);
    for (i = 0; i < size; i++)
        payload[i] = (uint8_t)((COAP2_BLOCK_AT(block) + i) * 3 + etag);
    if (s->has_rule && !block.more &&
        block.number == 0) /* a rule can read it */
        size =
            (size_t)snprintf((char *)payload, sizeof payload, "%u", what / 16);
    if (etag != 4) coap2_write_opt(&built, COAP2_OPT_ETAG, &etag, 1);
    coap2_write_block(&built, COAP2_OPT_BLOCK2, &block);
    coap2_write_payload(&built, payload, size);
    FUZZ_CHECK(coap2_write_end(&built) > 0);
    deliver(&from, bytes, coap2_write_end(&built));
}

/* ==== Steps ============================================================== */

static void run_cancel(fuzz_input *in)
{
    question *q = open_question(fuzz_number(in, 1));

    if (q == NULL) return;
    w.calling = true;
    cancel(q);
    w.calling = false;
    if (!w.hold) settle();
}

/* A handle that nobody has; not that of the request by which the node ends an
   observation, which nobody was told. */
static void run_bogus_cancel(fuzz_input *in)
{
    int16_t handle = (int16_t)(fuzz_number(in, 2) % 32767u + 1u);
    unsigned i;

    for (i = 0; i < open_count; i++)
        if (open_question(i)->handle == handle) return;
    for (i = 0; i < COAP2_MAX_EXCHANGES; i++)
        if (w.node->exchanges[i].state != COAP2I_FREE &&
            w.node->exchanges[i].reply == NULL &&
            w.node->exchanges[i].handle == handle)
            return;
    FUZZ_CHECK(coap2_cancel(w.node, handle) == COAP2_ERR_ARG);
    FUZZ_CHECK(coap2_wait(w.node, handle) == COAP2_ERR_ARG);
}

static void run_step(fuzz_input *in)
{
    switch (fuzz_number(in, 1) % 26) {
    case 0:
        run_datagram(in);
        break;
    case 1:
    case 2:
    case 3:
        run_ask(in);
        break;
    case 4:
    case 5:
    case 6:
    case 7:
        run_answer(in);
        break;
    case 8:
        run_again(in);
        break;
    case 9:
        run_cancel(in);
        break;
    case 10:
        run_wait(in);
        break;
    case 11:
        run_failure(in);
        ever_failed = true;
        break;
    case 12:
        w.hold = true;
        break;
    case 13:
        if (fuzz_number(in, 1) % 2 != 0)
            move_node();
        else
            run_bogus_cancel(in);
        break;
    case 16:
    case 17:
        run_ask_more(in);
        break;
    case 24:
    case 25:
        run_subscribe(in);
        break;
    case 18:
    case 19:
    case 20:
    case 21:
    case 22:
    case 23:
        run_serve(in);
        break;
    default:
        run_time(in);
        break;
    }
    if (!w.hold) check_deadlines();
}

/* ==== The end ============================================================ */

/* An observation goes on for ever: its server is asked again and again. */
static void end_observations(void)
{
    size_t i;

    w.failures = 0;
    w.hold = false;
    settle();
    for (i = 0; i < questions_count; i++)
        if (questions[i].open && questions[i].observes) cancel(&questions[i]);
}

static void close_bodies(void)
{
    size_t i;

    for (i = 0; i < questions_count; i++)
        if (questions[i].body.base != NULL) fuzz_close(&questions[i].body);
}

/* Every exchange is free: there are as many requests as slots. */
static void check_exchanges(void)
{
    unsigned i;

    FUZZ_CHECK(open_count == 0);
    for (i = 0; i < w.usable; i++)
        FUZZ_CHECK(coap2_get(w.node, "coap://192.0.2.9/", NULL, NULL) > 0);
    FUZZ_CHECK(coap2_get(w.node, "coap://192.0.2.9/", NULL, NULL) ==
               COAP2_ERR_FULL);
}

static uint8_t on_any(coap2_req *req, coap2_rsp *rsp)
{
    (void)req;
    coap2_rsp_text(rsp, "both");
    return COAP2_205_CONTENT;
}

COAP2_RESOURCE(any, "any", COAP2_GET | COAP2_POST, on_any, "");
COAP2_TABLE(things, &any);

static void fuzz_one(const uint8_t *bytes, size_t length)
{
    fuzz_input in = {NULL, 0, 0};
    unsigned steps;

    in.bytes = bytes;
    in.length = length;
    questions_count = open_count = 0;
    cancelling = ever_failed = false;
    open_world(&in);
    w.node->resources = things;
    w.node->resolve = on_resolve;
    w.node->now = on_now;
    w.node->idle = on_idle;
    start_world(&in);
    for (steps = 0; steps < STEPS && !fuzz_at_end(&in); steps++) run_step(&in);
    end_observations();
    drain();
    check_exchanges();
    close_bodies();
    close_world();
}
