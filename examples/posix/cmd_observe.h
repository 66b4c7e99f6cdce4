/* cmd_observe.h - coap2 observe: show a resource's state, and each new one.
   What is up to its middle serves coap2 subscribe, too. */

#ifndef CMD_OBSERVE_H
#define CMD_OBSERVE_H

#include "cmd_request.h"
#include "plot.h"
#include "signals.h"

/* How long the server is given to hear that nobody observes any more: a
   retransmission should do (RFC 7252 4.2). */
enum { FAREWELL_MS = 5000 };

/* What the commands that observe do each in its own way. */
typedef struct watching {
    void (*add)(coap2_call *asked, const request *r);
    void (*show)(request *r, const coap2_reply *reply, const coap2_msg *whole);
    int refused; /* the status where the server does not let it be observed */
} watching;

/* ---- a notification ----------------------------------------------------- */

/* Text that takes one line, whatever is in it. */
static void put_line(FILE *out, const uint8_t *bytes, size_t length)
{
    if (length > 0 && bytes[length - 1] == '\n') length--;
    if (length > 0 && is_text(bytes, length, false))
        (void)fwrite(bytes, 1, length, out);
    else
        put_escaped(out, bytes, length);
    fputc('\n', out);
}

/* All of a notification is there. 2.03 says that the value is one that an ETag
   in the request names. */
static void take_state(request *r, const coap2_reply *reply)
{
    coap2_msg whole = *reply->msg;

    r->status = status_of(whole.code);
    r->answers++;
    if (r->status == DONE) {
        whole.payload = r->body.bytes;
        whole.payload_length = r->body.length;
    }
    r->watching->show(r, reply, &whole);
}

static void on_notification(const coap2_reply *reply)
{
    request *r = (request *)reply->user;

    if (!reply->more) {
        r->ended = true;
        r->result = reply->result;
    }
    if (reply->result == COAP2_ERR_TIMEOUT && reply->more) {
        plot_hide();
        fputs("coap2: nothing was heard for too long: asking again\n", stderr);
    }
    if (reply->result != COAP2_OK) return;
    if (reply->offset == 0) r->body.length = 0;
    gather(&r->body, reply->msg->payload, reply->msg->payload_length);
    if (reply->last) take_state(r, reply);
}

/* ---- the client --------------------------------------------------------- */

/* The request that begins it; a group cannot be observed. */
static int16_t begin_to_watch(coap2_node *node, request *r)
{
    coap2_call asked;

    coap2_call_start(&asked, node, COAP2_GET, r->uri);
    add_options(&asked, &r->options);
    r->watching->add(&asked, r);
    if (r->options.deadline != 0) asked.deadline = r->options.deadline;
    r->failed = asked.peer.group;
    if (r->failed)
        return (int16_t)complain(COAP2_ERR_ARG, "a group cannot be observed");
    return coap2_call_send(&asked, on_notification, r);
}

/* Poll, and wait for a datagram or a signal. */
static void poll_and_wait(coap2_node *node, request *r, uint32_t most)
{
    uint32_t rest = coap2_poll(node, udp_now(&r->net));

    if (r->ended || r->failed) return;
    udp_idle(&r->net, rest < most ? rest : most);
}

static bool is_over(const request *r, uint32_t passed)
{
    return end_is_asked || r->failed ||
           (r->options.duration != 0 && passed >= r->options.duration);
}

/* Tell the server, and give it the time to hear. */
static void say_farewell(coap2_node *node, request *r, int16_t observation)
{
    uint32_t since = udp_now(&r->net), passed = 0, rest;

    (void)coap2_cancel(node, observation);
    end_is_asked = 0;
    while (passed < FAREWELL_MS && !end_is_asked) {
        rest = coap2_poll(node, udp_now(&r->net));
        if (rest == COAP2_FOREVER) return;
        udp_idle(&r->net,
                 rest < FAREWELL_MS - passed ? rest : FAREWELL_MS - passed);
        passed = udp_now(&r->net) - since;
    }
}

static coap2_result watch_resource(coap2_node *node, request *r)
{
    int16_t observation = begin_to_watch(node, r);
    uint32_t passed = 0;
    bool by_hand;

    if (observation < 0) return (coap2_result)observation;
    r->since = udp_now(&r->net);
    while (!r->ended && !is_over(r, passed)) {
        poll_and_wait(node, r,
                      r->options.duration == 0 ? COAP2_FOREVER
                                               : r->options.duration - passed);
        passed = udp_now(&r->net) - r->since;
    }
    if (r->ended) return r->result;
    by_hand = end_is_asked != 0;
    say_farewell(node, r, observation);
    return r->answers == 0 && !by_hand ? COAP2_ERR_TIMEOUT
                                       : COAP2_ERR_CANCELLED;
}

static int run_watch(request *r, const watching *how)
{
    coap2_node node;
    coap2_result result;

    r->watching = how;
    if (!open_request(r)) return FAILED;
    result = start_node(&node, r);
    catch_end(&r->net);
    if (result == COAP2_OK) result = watch_resource(&node, r);
    udp_close(&r->net);
    plot_leave();
    if (!close_sink(&r->output) || r->failed) return FAILED;
    if (result == COAP2_OK && r->status == DONE)
        return complain(how->refused, "%s: it cannot be observed", r->uri);
    if (result == COAP2_OK || result == COAP2_ERR_CANCELLED) return r->status;
    return no_answer(r, result);
}

/* ---- the command -------------------------------------------------------- */

static void add_observe(coap2_call *asked, const request *r)
{
    (void)r;
    coap2_write_uint(&asked->w, COAP2_OPT_OBSERVE, 0);
}

/* Of 2.03 the value is known. */
static void show_state(request *r, const coap2_reply *reply,
                       const coap2_msg *whole)
{
    char peer[PEER_SIZE];

    udp_peer_text(reply->peer, peer, sizeof peer);
    if (r->c->json) {
        json_answer(peer, whole);
        return;
    }
    show_status(NULL, whole);
    if (whole->code != COAP2_205_CONTENT) return;
    r->failed = !open_sink(&r->output);
    if (r->failed) return;
    put_line(r->output.file, whole->payload, whole->payload_length);
    r->failed = fflush(r->output.file) != 0 && !sink_failed(&r->output);
}

static int watch_states(request *r)
{
    static const watching states = {add_observe, show_state, FAILED};

    return run_watch(r, &states);
}

static int run_observe(const call *c)
{
    return run_at(c, c->arguments[0], watch_states);
}

#endif /* CMD_OBSERVE_H */
