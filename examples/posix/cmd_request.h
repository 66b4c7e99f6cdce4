/* cmd_request.h - coap2 get, post, put, delete, fetch, patch, ipatch, ping:
   ask a URI and print what it answers.

   The last part is a client made with the library, from its first line to its
   last; what stands before it prints. */

#ifndef CMD_REQUEST_H
#define CMD_REQUEST_H

#include "body.h"
#include "cmd_uri.h"
#include "request.h"
#include "show.h"
#include "tool.h"
#include "udp.h"

/* How long a group is listened to, where -B does not say: its members wait
   for DEFAULT_LEISURE at most (RFC 7252 8.2), and the network is slow. */
enum { GROUP_MS = COAP2_LEISURE + 2000 };

/* The status of the process, where there was an answer: its class. */
enum { CLIENT_ERROR = 4, SERVER_ERROR = 5 };

/* Room for udp_peer_text, and for the largest datagram of UDP: others need not
   keep to what RFC 7252 4.6 advises. */
enum { PEER_SIZE = 80, DATAGRAM = 65507 };

/* A request under way. */
typedef struct request {
    udp net; /* first, so that node.io is both */
    const call *c;
    const char *uri;
    request_options options;
    source payload;
    sink output;       /* of payloads */
    gathered body;     /* for what shows it in one line */
    progress progress; /* of the body that is sent or received */
    uint32_t received; /* bytes of the body so far */
    uint32_t since;    /* when it was asked */
    bool group;        /* there may be many answers */
    bool ended;        /* there will be none any more, */
    bool failed;       /* or it failed here, which has been said */
    coap2_result result;
    int answers;
    int status;                      /* of the process, by the answers so far */
    const struct watching *watching; /* where it is observed */
} request;

/* ---- what goes over the wire, by -v ------------------------------------- */

/* Show a message on standard error. Standard output belongs to the payload,
   but show.h writes there. */
static void show_aside(const coap2_msg *msg)
{
    int kept;

    (void)fflush(stdout);
    kept = dup(STDOUT_FILENO);
    (void)dup2(STDERR_FILENO, STDOUT_FILENO);
    show_message(msg);
    (void)fflush(stdout);
    if (kept >= 0) (void)dup2(kept, STDOUT_FILENO);
    (void)close(kept >= 0 ? kept : STDOUT_FILENO);
}

static void show_datagram(const char *way, const coap2_peer *peer,
                          const uint8_t *bytes, size_t length)
{
    char name[PEER_SIZE];
    coap2_msg msg;

    udp_peer_text(peer, name, sizeof name);
    fprintf(stderr, "---- %s %s: %lu bytes\n", way, name,
            (unsigned long)length);
    if (coap2_msg_parse(&msg, bytes, length) == COAP2_OK)
        show_aside(&msg);
    else
        put_hex_dump(stderr, bytes, length);
}

static coap2_result send_and_show(void *io, const coap2_peer *to,
                                  const uint8_t *bytes, size_t length)
{
    coap2_result result = udp_send(io, to, bytes, length);

    if (result == COAP2_OK) show_datagram("sent to", to, bytes, length);
    return result;
}

static int32_t recv_and_show(void *io, coap2_peer *from, uint8_t *bytes,
                             size_t size)
{
    int32_t length = udp_recv(io, from, bytes, size);

    if (length >= 0)
        show_datagram("received from", from, bytes,
                      (size_t)length < size ? (size_t)length : size);
    return length;
}

/* ---- an answer ---------------------------------------------------------- */

static int status_of(uint8_t code)
{
    switch (COAP2_CODE_CLASS(code)) {
    case 2:
        return DONE;
    case 4:
        return CLIENT_ERROR;
    case 5:
        return SERVER_ERROR;
    default:
        return FAILED;
    }
}

/* {"peer":"[::1]:5683","code":69,"options":[...],"payload":"hex"}, with what
   has been written before the peer. */
static void json_rest(const char *peer, const coap2_msg *msg)
{
    fputs("\"peer\":", stdout);
    put_json(stdout, peer, strlen(peer));
    printf(",\"code\":%u,\"options\":", (unsigned)msg->code);
    json_options(msg);
    fputs(",\"payload\":", stdout);
    put_json_hex(stdout, msg->payload, msg->payload_length);
    fputs("}\n", stdout);
    (void)fflush(stdout);
}

static void json_answer(const char *peer, const coap2_msg *msg)
{
    fputc('{', stdout);
    json_rest(peer, msg);
}

/* The code, and what an error says of itself (RFC 7252 5.5.2). Of many answers
   each has its peer before it. */
static void show_status(const char *peer, const coap2_msg *msg)
{
    if (peer != NULL) fprintf(stderr, "%s: ", peer);
    fprintf(stderr, "%u.%02u %s", COAP2_CODE_CLASS(msg->code),
            COAP2_CODE_DETAIL(msg->code),
            name_or(coap2_code_name(msg->code), "(unassigned)"));
    if (status_of(msg->code) != DONE && msg->payload_length > 0) {
        fputs(": ", stderr);
        put_escaped(stderr, msg->payload, msg->payload_length);
    }
    fputc('\n', stderr);
}

/* The next piece of a payload, as it is: programs read it. An offset of 0
   starts it, maybe anew. */
static bool put_piece(request *r, uint32_t offset, const coap2_msg *msg)
{
    bool anew = offset == 0 && r->received != 0;

    if (anew && !r->group && !rewind_sink(&r->output)) return false;
    return put_sink(&r->output, msg->payload, msg->payload_length);
}

/* For people, and between the answers of a group, the line is ended where the
   payload does not do it. */
static void end_line(request *r)
{
    if (r->group || (r->output.file == stdout && isatty(STDOUT_FILENO)))
        end_sink_line(&r->output);
}

/* Of what a group's members answer only the first block comes (RFC 7959 2.8):
   the rest is for each of them to ask. */
static void warn_of_rest(const char *peer, const coap2_msg *msg)
{
    coap2_opt opt;
    coap2_block block;

    if (!coap2_msg_find(msg, COAP2_OPT_BLOCK2, &opt)) return;
    if (coap2_block_read(&block, &opt) != COAP2_OK || !block.more) return;
    fprintf(stderr, "coap2: warning: %s has more: ask it alone\n", peer);
}

/* The answer to a ping is a message without anything in it. */
static void take_pong(request *r, const char *peer)
{
    unsigned long ms = udp_now(&r->net) - r->since;

    if (r->c->json) {
        fputs("{\"peer\":", stdout);
        put_json(stdout, peer, strlen(peer));
        printf(",\"ms\":%lu}\n", ms);
    } else {
        fprintf(stderr, "%s is there: %lu ms\n", peer, ms);
    }
    r->answers++;
    r->status = DONE;
}

/* Take a piece of a body: the last one, or one of many. */
static void take_piece(request *r, const coap2_reply *reply)
{
    const coap2_msg *msg = reply->msg;

    if (r->c->json) {
        if (reply->offset == 0) r->body.length = 0;
        gather(&r->body, msg->payload, msg->payload_length);
    }
    if ((!r->c->json || r->options.output != NULL) &&
        !put_piece(r, reply->offset, msg))
        r->failed = true;
    r->received = reply->offset + (uint32_t)msg->payload_length;
    if (!reply->last)
        show_progress(&r->progress, udp_now(&r->net), r->received,
                      reply->total);
    else if (r->output.file != NULL)
        end_line(r);
}

/* The code of an answer: before a body of one piece, behind one of many. */
static void put_status(request *r, const char *peer, const coap2_msg *msg)
{
    coap2_msg whole = *msg;

    end_progress(&r->progress);
    if (!r->c->json) {
        show_status(r->group ? peer : NULL, msg);
        return;
    }
    if (status_of(msg->code) == DONE) {
        whole.payload = r->body.bytes;
        whole.payload_length = r->body.length;
    }
    json_answer(peer, &whole);
}

static void take_answer(request *r, const char *peer, const coap2_reply *reply)
{
    const coap2_msg *msg = reply->msg;
    int status = status_of(msg->code);
    bool only = reply->last && reply->offset == 0 && !r->c->json;

    if (only) put_status(r, peer, msg);
    if (status == DONE) take_piece(r, reply);
    if (!reply->last) return;
    if (!only) put_status(r, peer, msg);
    if (r->group) warn_of_rest(peer, msg);
    if (r->answers++ == 0 || status == DONE) r->status = status;
}

/* ---- the client --------------------------------------------------------- */

/* What became of a request. Of a body each piece comes as an answer of its own;
   who cannot take one need not wait for the others. */
static void on_reply(const coap2_reply *reply)
{
    request *r = (request *)reply->user;
    char peer[PEER_SIZE];

    if (!reply->more) {
        r->ended = true;
        r->result = reply->result;
    }
    if (reply->result != COAP2_OK) return;
    udp_peer_text(reply->peer, peer, sizeof peer);
    if (reply->msg == NULL)
        take_pong(r, peer);
    else
        take_answer(r, peer, reply);
    if (r->failed && !r->ended) (void)coap2_forget(reply->node, reply->request);
}

/* The payload of a request, where the library needs it. */
static void pull_payload(void *user, uint32_t at, uint8_t *bytes, size_t size)
{
    request *r = (request *)user;

    read_source(&r->payload, at, bytes, size);
    if (size < r->payload.length)
        show_progress(&r->progress, udp_now(&r->net), at + size,
                      r->payload.length);
}

/* A node needs its callbacks, two buffers, and chance. */
static coap2_result start_node(coap2_node *node, request *r)
{
    static uint8_t in[DATAGRAM], out[2 * DATAGRAM];
    uint8_t chance[16];
    coap2_result result;

    memset(node, 0, sizeof *node);
    node->send = r->options.verbose ? send_and_show : udp_send;
    node->recv = r->options.verbose ? recv_and_show : udp_recv;
    node->now = udp_now;
    node->idle = udp_idle;
    node->resolve = udp_resolve;
    node->io = r;
    node->in = in;
    node->in_size = sizeof in;
    node->out = out;
    node->out_size = sizeof out;
    node->packet = DATAGRAM;
    result = coap2_start(node, udp_seed());
    udp_random(chance, sizeof chance);
    coap2_seed(node, chance, sizeof chance);
    return result;
}

/* What the command line adds to a request; options go in any order. */
static void add_options(coap2_call *asked, const request_options *o)
{
    int i;

    asked->confirmable = o->confirmable;
    asked->szx = o->szx;
    if (o->token != NULL) coap2_call_token(asked, o->token, strlen(o->token));
    if (o->format != NO_NUMBER)
        coap2_write_uint(&asked->w, COAP2_OPT_CONTENT_FORMAT,
                         (uint32_t)o->format);
    if (o->accept != NO_NUMBER)
        coap2_write_uint(&asked->w, COAP2_OPT_ACCEPT, (uint32_t)o->accept);
    for (i = 0; i < o->raw_count; i++)
        coap2_write_opt(&asked->w, o->raw[i].number, o->raw[i].value,
                        o->raw[i].length);
}

/* Have a request's payload sent, from where it is. */
static void add_payload(coap2_call *asked, request *r)
{
    if (r->payload.length == 0) return;
    asked->pull = pull_payload;
    asked->pull_length = (uint32_t)r->payload.length;
}

/* Ask, and wait until the request has ended. */
static coap2_result ask(request *r, uint8_t method)
{
    coap2_node node;
    coap2_call asked;
    coap2_result result = start_node(&node, r);

    if (result != COAP2_OK) return result;
    coap2_call_start(&asked, &node, method, r->uri);
    add_options(&asked, &r->options);
    add_payload(&asked, r);
    r->group = asked.peer.group;
    if (r->group) asked.deadline = GROUP_MS;
    if (r->options.deadline != 0) asked.deadline = r->options.deadline;
    r->since = udp_now(&r->net);
    return coap2_wait(&node, coap2_call_send(&asked, on_reply, r));
}

/* ---- the command -------------------------------------------------------- */

static uint8_t method_of(const char *command)
{
    static const struct {
        const char *name;
        uint8_t method;
    } rows[] = {{"get", COAP2_GET},       {"post", COAP2_POST},
                {"put", COAP2_PUT},       {"delete", COAP2_DELETE},
                {"fetch", COAP2_FETCH},   {"patch", COAP2_PATCH},
                {"ipatch", COAP2_IPATCH}, {"ping", COAP2_PING}};
    size_t i = 0;

    while (strcmp(rows[i].name, command) != 0) i++;
    return rows[i].method;
}

/* Can the URI be asked? If not, that is said. */
static bool check_uri(const request *r)
{
    coap2_uri uri;

    if (coap2_uri_parse(&uri, r->uri, strlen(r->uri)) != COAP2_OK) {
        (void)uri_fault(r->c, r->uri, uri.fault_at);
        return false;
    }
    if (uri.scheme == COAP2_SCHEME_COAP) return true;
    (void)complain(BAD_USAGE, "only coap: can be asked yet, not %s:",
                   scheme_names[uri.scheme]);
    return false;
}

/* A body has 1,048,576 blocks at most (RFC 7959 2.2). If there are more, it is
   said. */
static bool check_length(const request *r)
{
    unsigned size = 16u << r->options.szx;

    if (r->payload.length <= (uint64_t)size << 20) return true;
    (void)complain(FAILED, "more than 1048576 blocks of %u bytes", size);
    return false;
}

static bool get_payload(request *r)
{
    char *text = r->options.text;

    if (r->options.input != NULL && !open_source(&r->payload, r->options.input))
        return false;
    if (text != NULL) {
        r->payload.bytes = (uint8_t *)text;
        r->payload.length = percent_decode(text, strlen(text));
    }
    return check_length(r);
}

/* A bar is for people, and not in the midst of what they read. */
static bool wants_progress(const request *r)
{
    const char *name = r->options.output;
    bool shown = name == NULL || strcmp(name, "-") == 0;

    return isatty(STDERR_FILENO) && !r->options.verbose &&
           (r->payload.length != 0 || r->c->json || !shown ||
            !isatty(STDOUT_FILENO));
}

/* What the library says to its users is not always for those of the tool. */
static const char *why_not(const request *r, coap2_result result)
{
    const char *why = name_or(coap2_error_text(result), "no answer");

    if (result == COAP2_ERR_NAME)
        why = strcmp(r->c->command, "ping") == 0
                  ? "nobody here knows the name, which a ping cannot look for"
                  : "neither this machine nor a node nearby knows the name";
    if (result == COAP2_ERR_SPACE)
        why = "the request does not fit into a datagram";
    if (result == COAP2_ERR_FORMAT)
        why = "an answer with an unknown critical option (RFC 7252 5.4.1), or "
              "blocks that do not fit together";
    return why;
}

static int no_answer(const request *r, coap2_result result)
{
    const char *why = why_not(r, result);

    if (!r->c->json && r->received != 0)
        return complain(FAILED, "%s: %s, after %lu bytes", r->uri, why,
                        (unsigned long)r->received);
    if (!r->c->json) return complain(FAILED, "%s: %s", r->uri, why);
    fputs("{\"error\":", stdout);
    put_json(stdout, why, strlen(why));
    fputs("}\n", stdout);
    return FAILED;
}

/* Open what a request needs; if that cannot be, it is said. */
static bool open_request(request *r)
{
    if (!get_payload(r)) return false;
    r->output.name = r->options.output;
    r->progress.wanted = wants_progress(r);
    if (udp_open(&r->net, r->options.address, 0, r->options.interface, false))
        return true;
    (void)complain(FAILED, "%s", r->net.error);
    return false;
}

/* Do what the command line says. */
static int run_understood(request *r)
{
    coap2_result result;

    if (!open_request(r)) return FAILED;
    result = ask(r, method_of(r->c->command));
    udp_close(&r->net);
    end_progress(&r->progress);
    if (r->answers == 0 && !r->failed) return no_answer(r, result);
    if (!close_sink(&r->output) || r->failed || r->payload.failed)
        return FAILED;
    return r->status;
}

/* Run a command that asks a URI; NULL where it can do without. */
static int run_at(const call *c, const char *uri, int (*run)(request *r))
{
    static request r;
    int status = BAD_USAGE;

    r.c = c;
    r.uri = uri;
    if (read_request_options(&r.options, c) && (uri == NULL || check_uri(&r)))
        status = run(&r);
    close_source(&r.payload);
    free(r.body.bytes);
    free(r.options.raw);
    return status;
}

static int run_request(const call *c)
{
    return run_at(c, c->arguments[0], run_understood);
}

#endif /* CMD_REQUEST_H */
