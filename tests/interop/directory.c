/* directory.c - a resource directory, and a node that uses one, over UDP.

   directory serve                           a small directory on 127.0.0.1
   directory register SECONDS LIFETIME URI [simple|many|bare]
                                             registers for so long; a line for
                                             each thing that becomes of it
   directory look-up RT QUERY URI            prints the links that it finds

   serve and register print their port first. */
#define _GNU_SOURCE /* NOLINT: for udp.h */
#define COAP2_WITH_DIRECTORY 1
#define COAP2_IMPLEMENTATION
#include "coap2.h"
#include "udp.h"
#include "directory.h"

enum { PACKET = 1152, SLOTS = 9 };

static udp net;
static coap2_node node;
static uint8_t in[PACKET], out[SLOTS * PACKET], bodies[4 * DIRECTORY_LINKS];

/* ---- what the node offers ------------------------------------------------ */

static uint8_t on_any(coap2_req *req, coap2_rsp *rsp)
{
    (void)req;
    coap2_rsp_text(rsp, "21.5");
    return COAP2_205_CONTENT;
}

COAP2_RESOURCE(climate, "climate", COAP2_GET, on_any, "rt=\"climate\"");
COAP2_RESOURCE(fan, "fan", COAP2_GET, on_any, "rt=\"fan\"");
COAP2_TABLE(things, &climate, &fan);

/* More links than a packet holds. */
static const char *many_links(void)
{
    static char text[4000];
    size_t length = 0;
    unsigned i;

    for (i = 0; i < 100; i++)
        length +=
            (size_t)snprintf(text + length, sizeof text - length,
                             "%s</many/%u>;rt=\"many\"", i == 0 ? "" : ",", i);
    return text;
}

/* ---- what it is told ----------------------------------------------------- */

static uint32_t begun;
static bool over;

static void on_event(coap2_registration *reg, uint8_t event)
{
    static const char *const names[] = {"new", "renewed", "lost", "failed",
                                        "removed"};

    printf("%s %u.%02u %s", names[event], (unsigned)COAP2_CODE_CLASS(reg->code),
           (unsigned)COAP2_CODE_DETAIL(reg->code), reg->location);
    if (reg->result != COAP2_OK) printf("%s", coap2_error_text(reg->result));
    printf(" (%lu s)\n", (unsigned long)((node.time - begun + 500) / 1000));
    (void)fflush(stdout);
    over = over || event == COAP2_REG_REMOVED;
}

static void on_links(const coap2_reply *reply)
{
    if (reply->msg != NULL)
        (void)fwrite(reply->msg->payload, 1, reply->msg->payload_length,
                     stdout);
    if (reply->more) return;
    printf("\n");
    over = reply->result == COAP2_OK;
    if (!over) exit(1);
}

static const char *look_for, *look_query;

static void on_directory(const coap2_reply *reply)
{
    coap2_call call;

    coap2_call_link(&call, reply, COAP2_GET, look_for);
    coap2_write_text(&call.w, COAP2_OPT_URI_QUERY, look_query);
    if (coap2_call_send(&call, on_links, NULL) < 0) exit(1);
}

/* ---- what it does -------------------------------------------------------- */

static void open_node(const coap2_resource *const *resources)
{
    struct sockaddr_in at;
    socklen_t size = sizeof at;

    if (!udp_open(&net, "127.0.0.1", 0, NULL, false)) {
        fprintf(stderr, "%s\n", net.error);
        exit(2);
    }
    node.send = udp_send;
    node.recv = udp_recv;
    node.io = &net;
    node.in = in;
    node.in_size = sizeof in;
    node.out = out;
    node.out_size = sizeof out;
    node.bodies = bodies;
    node.bodies_size = sizeof bodies;
    node.resources = resources;
    if (coap2_start(&node, udp_seed()) != COAP2_OK ||
        getsockname(net.sockets[UDP_IPV4], (struct sockaddr *)&at, &size) < 0)
        exit(2);
    printf("%u\n", (unsigned)ntohs(at.sin_port));
    (void)fflush(stdout);
}

static void serve(void)
{
    open_node(directory_table);
    for (;;) udp_idle(&net, coap2_poll(&node, udp_now(&net)));
}

static void register_for(uint32_t seconds, uint32_t lifetime, const char *uri,
                         const char *way)
{
    static coap2_registration home;
    bool leaving = false;

    home.uri = uri;
    home.endpoint = "node1";
    home.lifetime = lifetime;
    home.simple = strcmp(way, "simple") == 0;
    home.links = strcmp(way, "many") == 0 ? many_links() : NULL;
    home.tell = on_event;
    open_node(strcmp(way, "bare") == 0 ? NULL : things);
    begun = udp_now(&net);
    if (coap2_register(&node, &home) != COAP2_OK) exit(2);
    while (!over) {
        uint32_t rest = coap2_poll(&node, udp_now(&net));

        rest = coap2_registration_poll(&home, rest);
        udp_idle(&net, rest < 100 ? rest : 100);
        if (leaving || udp_now(&net) - begun < seconds * 1000) continue;
        leaving = true;
        coap2_unregister(&home);
    }
}

static void look_up(const char *what, const char *query, const char *uri)
{
    static char filter[64];

    open_node(NULL);
    (void)snprintf(filter, sizeof filter, "rt=%s", what);
    look_for = filter;
    look_query = query;
    if (coap2_find_directory(&node, uri, on_directory, NULL) < 0) exit(1);
    for (;;) {
        uint32_t rest = coap2_poll(&node, udp_now(&net));

        if (over) return;
        udp_idle(&net, rest);
    }
}

int main(int count, char **words)
{
    if (count == 2 && strcmp(words[1], "serve") == 0)
        serve();
    else if (count >= 5 && strcmp(words[1], "register") == 0)
        register_for((uint32_t)atoi(words[2]), (uint32_t)atoi(words[3]),
                     words[4], count > 5 ? words[5] : "");
    else if (count == 5 && strcmp(words[1], "look-up") == 0)
        look_up(words[2], words[3], words[4]);
    else
        return 2;
    return 0;
}
