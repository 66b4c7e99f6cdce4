/* cmd_request.h - coap2 get, post, put, delete, fetch, patch, ipatch, ping:
   ask a URI and print what it answers.

   The last part is a client made with the library, from its first line to its
   last; what stands before it prints. */

#ifndef CMD_REQUEST_H
#define CMD_REQUEST_H

#include <unistd.h>

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

/* Room for udp_peer_text, and for the largest datagram of UDP. There are no
   blocks yet: a body goes in one datagram, even where that may be too LARGE for
   the way (RFC 7252 4.6). */
enum { PEER_SIZE = 80, DATAGRAM = 65507, LARGE = 1024 };

/* A request under way. */
typedef struct request {
    udp net; /* first, so that node.io is both */
    const call *c;
    const char *uri;
    request_options options;
    uint8_t *payload;
    size_t payload_length;
    uint32_t since; /* when it was asked */
    bool group;     /* there may be many answers */
    FILE *output;   /* of payloads; NULL before the first */
    int answers;
    int status; /* of the process, by the answers so far */
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

/* {"peer":"[::1]:5683","code":69,"options":[...],"payload":"hex"} */
static void json_answer(const char *peer, const coap2_msg *msg)
{
    fputs("{\"peer\":", stdout);
    put_json(stdout, peer, strlen(peer));
    printf(",\"code\":%u,\"options\":", (unsigned)msg->code);
    json_options(msg);
    fputs(",\"payload\":", stdout);
    put_json_hex(stdout, msg->payload, msg->payload_length);
    fputs("}\n", stdout);
    (void)fflush(stdout);
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

static bool open_output(request *r)
{
    const char *name = r->options.output;

    if (r->output != NULL) return true;
    r->output =
        name == NULL || strcmp(name, "-") == 0 ? stdout : fopen(name, "wb");
    if (r->output != NULL) return true;
    (void)complain(FAILED, "%s: %s", name, strerror(errno));
    return false;
}

/* The payload as it is: programs read it. For people, and between the answers
   of a group, the line is ended where the payload does not do it. */
static bool put_payload(request *r, const coap2_msg *msg)
{
    size_t length = msg->payload_length;

    if (!open_output(r)) return false;
    (void)fwrite(msg->payload, 1, length, r->output);
    if (length > 0 && msg->payload[length - 1] != '\n' &&
        (r->group || (r->output == stdout && isatty(STDOUT_FILENO))))
        fputc('\n', r->output);
    if (fflush(r->output) == 0) return true;
    if (r->output != stdout) /* of that main speaks */
        (void)complain(FAILED, "%s: %s", r->options.output, strerror(errno));
    return false;
}

static bool close_output(const request *r)
{
    bool failed;

    if (r->output == NULL || r->output == stdout) return true;
    failed = ferror(r->output) != 0;
    if (fclose(r->output) == 0 || failed) return !failed;
    (void)complain(FAILED, "%s: %s", r->options.output, strerror(errno));
    return false;
}

/* Only the first block of a body that has more (RFC 7959 2.2)? */
static void warn_of_blocks(const coap2_msg *msg)
{
    coap2_opt opt;
    coap2_block block;

    if (!coap2_msg_find(msg, COAP2_OPT_BLOCK2, &opt)) return;
    if (coap2_block_read(&block, &opt) != COAP2_OK || !block.more) return;
    fprintf(stderr,
            "coap2: warning: this is block %lu; those behind it are missing\n",
            (unsigned long)block.number);
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

static void take_answer(request *r, const char *peer, const coap2_msg *msg)
{
    int status = status_of(msg->code);

    if (r->c->json)
        json_answer(peer, msg);
    else
        show_status(r->group ? peer : NULL, msg);
    warn_of_blocks(msg);
    if (status == DONE && (!r->c->json || r->options.output != NULL) &&
        !put_payload(r, msg))
        status = FAILED;
    if (r->answers++ == 0 || status == DONE) r->status = status;
}

/* ---- the client --------------------------------------------------------- */

/* The library tells what became of a request: here only answers matter, since
   coap2_wait tells the rest. */
static void on_reply(const coap2_reply *reply)
{
    request *r = (request *)reply->user;
    char peer[PEER_SIZE];

    if (reply->result != COAP2_OK) return;
    udp_peer_text(reply->peer, peer, sizeof peer);
    if (reply->msg == NULL)
        take_pong(r, peer);
    else
        take_answer(r, peer, reply->msg);
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

/* Ask, and wait until the request has ended. */
static coap2_result ask(request *r, uint8_t method)
{
    coap2_node node;
    coap2_call asked;
    coap2_result result = start_node(&node, r);

    if (result != COAP2_OK) return result;
    coap2_call_start(&asked, &node, method, r->uri);
    add_options(&asked, &r->options);
    coap2_write_payload(&asked.w, r->payload, r->payload_length);
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

/* Read the file of -f. If that cannot be, it is said. */
static bool read_input(request *r, const char *name)
{
    FILE *in = strcmp(name, "-") == 0 ? stdin : fopen(name, "rb");

    if (in == NULL) {
        (void)complain(FAILED, "%s: %s", name, strerror(errno));
        return false;
    }
    r->payload = read_all(in, &r->payload_length);
    if (in != stdin) (void)fclose(in);
    return true;
}

static bool get_payload(request *r)
{
    char *text = r->options.text;

    if (r->options.input != NULL && !read_input(r, r->options.input))
        return false;
    if (text != NULL) {
        r->payload = (uint8_t *)text;
        r->payload_length = percent_decode(text, strlen(text));
    }
    if (r->payload_length > LARGE)
        fputs("coap2: warning: more than 1024 bytes may not arrive\n", stderr);
    return true;
}

static int no_answer(const request *r, coap2_result result)
{
    const char *why = name_or(coap2_error_text(result), "no answer");

    if (result == COAP2_ERR_SPACE)
        why = "the request does not fit into a datagram";
    if (result == COAP2_ERR_FORMAT)
        why = "an answer with an unknown critical option (RFC 7252 5.4.1)";
    if (!r->c->json) return complain(FAILED, "%s: %s", r->uri, why);
    fputs("{\"error\":", stdout);
    put_json(stdout, why, strlen(why));
    fputs("}\n", stdout);
    return FAILED;
}

/* Do what the command line says. */
static int run_understood(request *r)
{
    coap2_result result;

    if (!get_payload(r)) return FAILED;
    if (!udp_open(&r->net, r->options.address, 0, NULL, false))
        return complain(FAILED, "%s", r->net.error);
    result = ask(r, method_of(r->c->command));
    udp_close(&r->net);
    if (r->answers == 0) return no_answer(r, result);
    return close_output(r) ? r->status : FAILED;
}

static int run_request(const call *c)
{
    static request r;
    int status = BAD_USAGE;

    r.c = c;
    r.uri = c->arguments[0];
    if (read_request_options(&r.options, c) && check_uri(&r))
        status = run_understood(&r);
    if (r.options.input != NULL) free(r.payload);
    free(r.options.raw);
    return status;
}

#endif /* CMD_REQUEST_H */
