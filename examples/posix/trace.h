/* trace.h - what a node receives and sends, a line each on standard output:

       from 127.0.0.1:40000 CON PUT 4660 [0a0b] /fan Content-Format=0 (2 bytes)
       to 127.0.0.1:40000 ACK 2.04 Changed 4660 [0a0b]

   Type, method or code, message id, token, and what the message carries. */

#ifndef TRACE_H
#define TRACE_H

#include <inttypes.h>

#include "text.h"
#include "udp.h"

/* A path and its query are read best as such. */
static inline bool trace_is_path(uint16_t number)
{
    return number == COAP2_OPT_URI_PATH || number == COAP2_OPT_URI_QUERY;
}

static inline void trace_path(const coap2_msg *msg)
{
    coap2_opt opt = msg->options;
    bool path = false, query = false;

    while (coap2_opt_next(&opt)) {
        if (!trace_is_path(opt.number)) continue;
        if (opt.number == COAP2_OPT_URI_PATH)
            fputs(path ? "/" : " /", stdout);
        else
            fputs(query ? "&" : path ? "?" : " /?", stdout);
        path = true;
        query = opt.number == COAP2_OPT_URI_QUERY;
        put_escaped(stdout, opt.value, opt.length);
    }
    if (!path && COAP2_CODE_CLASS(msg->code) == 0 && msg->code != 0)
        fputs(" /", stdout);
}

static inline void trace_option(uint8_t code, const coap2_opt *opt)
{
    const char *name = coap2_opt_name(code, opt->number);
    coap2_opt_form form;
    uint32_t number;

    if (name != NULL)
        printf(" %s", name);
    else
        printf(" %u", (unsigned)opt->number);
    if (!coap2_opt_known(opt->number, &form)) form.kind = COAP2_OPAQUE;
    if (opt->length == 0 && form.kind != COAP2_UINT) return; /* 0 has none */
    fputc('=', stdout);
    if (form.kind == COAP2_STRING)
        put_quoted(stdout, opt->value, opt->length);
    else if (form.kind == COAP2_UINT && coap2_opt_uint(opt, &number))
        printf("%" PRIu32, number);
    else
        put_hex(stdout, opt->value, opt->length);
}

static inline void trace_message(const coap2_msg *msg)
{
    const char *name = coap2_code_name(msg->code);
    coap2_opt opt = msg->options;

    printf(" %s", coap2_type_name(msg->type));
    if (COAP2_CODE_CLASS(msg->code) != 0 || name == NULL)
        printf(" %u.%02u", COAP2_CODE_CLASS(msg->code),
               COAP2_CODE_DETAIL(msg->code));
    if (name != NULL) printf(" %s", name);
    printf(" %u", (unsigned)msg->id);
    if (msg->token_length > 0) {
        fputs(" [", stdout);
        put_hex(stdout, msg->token, msg->token_length);
        fputc(']', stdout);
    }
    trace_path(msg);
    while (coap2_opt_next(&opt))
        if (!trace_is_path(opt.number)) trace_option(msg->code, &opt);
    if (msg->payload_length > 0)
        printf(" (%lu byte%s)", (unsigned long)msg->payload_length,
               msg->payload_length == 1 ? "" : "s");
}

/* Show a datagram, of which no more than `size` bytes are there. */
static inline void trace_packet(const char *way, const coap2_peer *peer,
                                const uint8_t *bytes, size_t length,
                                size_t size)
{
    size_t fault_at = 0;
    const char *why;
    char text[80];
    coap2_msg msg;

    udp_peer_text(peer, text, sizeof text);
    printf("%s %s", way, text);
    if (length > size) {
        printf(" %lu bytes, too many", (unsigned long)length);
    } else if (coap2_msg_parse(&msg, bytes, length) == COAP2_OK) {
        trace_message(&msg);
    } else {
        why = coap2_msg_why(bytes, length, &fault_at);
        printf(" malformed: %s (byte %lu of %lu)", why == NULL ? "?" : why,
               (unsigned long)fault_at, (unsigned long)length);
    }
    fputc('\n', stdout);
    (void)fflush(stdout);
}

/* What the node says of itself: coap2_node.log. The peer may be NULL. */
static inline void trace_event(const char *what, const coap2_peer *peer)
{
    char text[80] = "";

    if (peer != NULL) udp_peer_text(peer, text, sizeof text);
    printf("node: %s%s%s\n", what, peer == NULL ? "" : ", ", text);
    (void)fflush(stdout);
}

#endif /* TRACE_H */
