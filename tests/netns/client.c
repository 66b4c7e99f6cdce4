/* client.c - a client of tests/netns.sh that goes on living, so that it may
   remember where names were found.

   client ADDRESS [LEISURE]

   ADDRESS is 0.0.0.0 or ::, and the only family that it has. It reads commands,
   a line each, and writes what came of them, with `end` behind each:

       get URI             its code, its peer and its payload; or the error
       find QUERY WHAT     each node: its name, its peer and its links. QUERY
                           is - for none

   LEISURE is how many milliseconds it looks for others. */

#ifndef _GNU_SOURCE
#define _GNU_SOURCE /* NOLINT: for udp.h */
#endif

#define COAP2_IMPLEMENTATION
#include "coap2.h"

#include "udp.h"

enum { PACKET = 1152, SLOTS = COAP2_MAX_EXCHANGES + 1 };

static udp net;
static coap2_node node;
static uint8_t in[PACKET], out[SLOTS * PACKET];
static uint32_t leisure = 1000;

static void show_peer(const coap2_reply *reply)
{
    char text[80];

    udp_peer_text(reply->peer, text, sizeof text);
    printf(" %s %.*s\n", text, (int)reply->msg->payload_length,
           (const char *)reply->msg->payload);
}

static void on_found(const coap2_reply *reply)
{
    coap2_opt opt;

    if (reply->msg == NULL) return;
    if (coap2_msg_find(reply->msg, COAP2_OPT_DISCOVERY, &opt))
        printf("%.*s", (int)opt.length, (const char *)opt.value);
    else
        printf("-");
    show_peer(reply);
}

static void on_reply(const coap2_reply *reply)
{
    if (reply->msg == NULL) {
        printf("%s\n", coap2_error_text(reply->result));
        return;
    }
    printf("%u.%02u", COAP2_CODE_CLASS(reply->msg->code),
           COAP2_CODE_DETAIL(reply->msg->code));
    show_peer(reply);
}

static void run_get(const char *uri)
{
    int16_t handle = coap2_get(&node, uri, on_reply, NULL);

    if (handle < 0) printf("%s\n", coap2_error_text((coap2_result)handle));
    (void)coap2_wait(&node, handle);
}

static void run_find(const char *query, const char *what)
{
    coap2_call call;

    coap2_call_find(&call, &node, what);
    if (strcmp(query, "-") != 0)
        coap2_write_text(&call.w, COAP2_OPT_URI_QUERY, query);
    call.deadline = leisure;
    (void)coap2_wait(&node, coap2_call_send(&call, on_found, NULL));
}

/* The rest of a line behind a word, which is cut off. */
static char *next_word(char *text)
{
    char *end = text + strcspn(text, " ");

    if (*end == '\0') return end;
    *end = '\0';
    return end + 1;
}

static void run_line(char *line)
{
    char *word, *rest;

    line[strcspn(line, "\n")] = '\0';
    word = next_word(line);
    rest = next_word(word);
    if (strcmp(line, "get") == 0) run_get(word);
    if (strcmp(line, "find") == 0) run_find(word, rest);
    puts("end");
    (void)fflush(stdout);
}

int main(int argc, char **argv)
{
    char line[256];

    if (argc < 2) return 2;
    if (argc > 2) leisure = (uint32_t)strtoul(argv[2], NULL, 10);
    if (!udp_open(&net, argv[1], 0, NULL, false)) {
        fprintf(stderr, "%s\n", net.error);
        return 1;
    }
    node.send = udp_send;
    node.recv = udp_recv;
    node.now = udp_now;
    node.idle = udp_idle;
    node.io = &net;
    node.in = in;
    node.in_size = sizeof in;
    node.out = out;
    node.out_size = sizeof out;
    node.packet = PACKET;
    node.ack_timeout = 200; /* who does not answer is soon known */
    node.max_retransmit = 1;
    if (coap2_start(&node, udp_seed()) != COAP2_OK) return 1;
    while (fgets(line, sizeof line, stdin) != NULL) run_line(line);
    return 0;
}
