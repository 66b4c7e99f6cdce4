/* node.c - a node of tests/netns.sh: its name and what it offers are arguments.

   node [-n NAME] [-l LEISURE] PATH[;ATTRIBUTES]...

   It listens on port 5683 and in the groups of CoAP, on every interface. Each
   path answers a GET with the node's name. LEISURE is in milliseconds. */

#ifndef _GNU_SOURCE
#define _GNU_SOURCE /* NOLINT: for udp.h */
#endif

/* All searches of the test at once. */
#define COAP2_MAX_EXCHANGES 64
#define COAP2_MAX_DUPLICATES 200
#define COAP2_IMPLEMENTATION
#include "coap2.h"

#include "udp.h"

enum { MOST = 16, PACKET = 512, SLOTS = COAP2_MAX_EXCHANGES + 1 };

static udp net;
static coap2_node node;
static uint8_t in[PACKET], out[SLOTS * PACKET];
static coap2_resource rows[MOST];
static const coap2_resource *table[MOST + 1];

static uint8_t on_get(coap2_req *req, coap2_rsp *rsp)
{
    const char *name = req->node->name == NULL ? "-" : req->node->name;

    coap2_rsp_bytes(rsp, COAP2_FORMAT_TEXT, name, strlen(name));
    return COAP2_205_CONTENT;
}

/* Cuts the text at its semicolon. */
static void offer(coap2_resource *row, char *text)
{
    char *attributes = strchr(text, ';');

    if (attributes != NULL) *attributes++ = '\0';
    row->path = text;
    row->attributes = attributes == NULL ? "" : attributes;
    row->handler = on_get;
    row->methods = COAP2_GET;
}

static bool read_arguments(int argc, char **argv)
{
    int letter, i;

    while ((letter = getopt(argc, argv, "n:l:")) != -1) {
        if (letter == 'n')
            node.name = optarg;
        else if (letter == 'l')
            node.leisure = (uint16_t)strtoul(optarg, NULL, 10);
        else
            return false;
    }
    if (argc - optind > MOST) return false;
    for (i = 0; optind < argc; i++, optind++) {
        offer(&rows[i], argv[optind]);
        table[i] = &rows[i];
    }
    return true;
}

int main(int argc, char **argv)
{
    if (!read_arguments(argc, argv)) return 2;
    if (!udp_open(&net, NULL, 5683, NULL, true)) {
        fprintf(stderr, "%s\n", net.error);
        return 1;
    }
    node.send = udp_send;
    node.recv = udp_recv;
    node.io = &net;
    node.in = in;
    node.in_size = sizeof in;
    node.out = out;
    node.out_size = sizeof out;
    node.packet = PACKET;
    node.resources = table;
    if (coap2_start(&node, udp_seed()) != COAP2_OK) return 1;
    puts("listening on 5683");
    (void)fflush(stdout);
    for (;;) udp_idle(&net, coap2_poll(&node, udp_now(&net)));
}
