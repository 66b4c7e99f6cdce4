/* 05_three_nodes.c - find nodes, and hear of them only what matters.

   cc -I.. 05_three_nodes.c -o 05_three_nodes && ./05_three_nodes

   A thermostat, a fan, and a plain node that has never heard of CoAP 2 are
   looked for by what they offer and by name, read, written, and subscribed to
   with a rule. They and who asks them live in one program, but every datagram
   goes through UDP sockets of this machine. It needs POSIX and nothing else.
   `make demo` runs it; the exit status is 0 only if all went as it says. */

#define _POSIX_C_SOURCE 200809L /* NOLINT: what POSIX wants */
#define COAP2_IMPLEMENTATION
#include "coap2.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

/* ---- what the nodes offer ------------------------------------------------ */

static int16_t temp10 = 185; /* tenths of a degree */
static uint8_t hum = 58;     /* percent            */
static bool fan_on;

COAP2_FIELDS(climate_fields, COAP2_FIELD("temp", COAP2_I16, temp10, -1),
             COAP2_FIELD("hum", COAP2_U8, hum, 0));

static uint8_t on_fan(coap2_req *req, coap2_rsp *rsp)
{
    if (req->method == COAP2_GET) {
        if (fan_on)
            coap2_rsp_text(rsp, "on");
        else
            coap2_rsp_text(rsp, "off");
        return COAP2_205_CONTENT;
    }
    if (coap2_req_text_is(req, "on"))
        fan_on = true;
    else if (coap2_req_text_is(req, "off"))
        fan_on = false;
    else
        return COAP2_400_BAD_REQUEST;
    return COAP2_204_CHANGED;
}

/* The plain node hangs in the same room and measures the same, so that the two
   can be compared. */
COAP2_BOUND(climate, "climate", COAP2_OBSERVABLE, climate_fields,
            "rt=\"climate\"");
COAP2_RESOURCE(fan, "fan", COAP2_GET | COAP2_PUT, on_fan, "rt=\"fan\"");
COAP2_TABLE(climate_things, &climate);
COAP2_TABLE(fan_things, &fan);

/* ---- the house: sockets -------------------------------------------------- */

enum { THERMOSTAT, FAN, PLAIN, CLIENT, PLACES, SERVERS = CLIENT };
enum { PACKET = 256, PORT = 5683 };

/* Where a node lives. The n-th is 127.0.0.n+1 to the others. */
typedef struct house_place {
    coap2_node node;
    int socket;
    struct sockaddr_in real;       /* where its socket is */
    unsigned long messages, bytes; /* between it and the client */
    uint8_t in[PACKET], out[4 * PACKET];
} house_place;

static house_place house[PLACES];

static bool house_bind(house_place *place, uint32_t address, uint16_t port)
{
    socklen_t size = sizeof place->real;

    memset(&place->real, 0, sizeof place->real);
    place->real.sin_family = AF_INET;
    place->real.sin_addr.s_addr = htonl(address);
    place->real.sin_port = htons(port);
    return bind(place->socket, (struct sockaddr *)&place->real, size) == 0 &&
           getsockname(place->socket, (struct sockaddr *)&place->real, &size) ==
               0;
}

/* Where 127.0.0.2 does not exist or port 5683 is taken, a port that the kernel
   chooses stands for the address. */
static bool house_open(house_place *place)
{
    uint32_t number = (uint32_t)(place - house) + 1u;

    place->socket = socket(AF_INET, SOCK_DGRAM, 0);
    if (place->socket < 0) return false;
    if (!house_bind(place, (127ul << 24) + number, PORT) &&
        !house_bind(place, (127ul << 24) + 1u, 0))
        return false;
    return fcntl(place->socket, F_SETFL, O_NONBLOCK) == 0;
}

static bool house_deliver(house_place *from, house_place *to,
                          const uint8_t *bytes, size_t length)
{
    house_place *server = from == &house[CLIENT] ? to : from;

    server->messages++;
    server->bytes += (unsigned long)length;
    return sendto(from->socket, bytes, length, 0, (struct sockaddr *)&to->real,
                  sizeof to->real) == (ssize_t)length;
}

/* A machine may have no multicast on its loopback: what goes to a group is
   copied to each node, and node.no_groups says that nobody can tell it from
   what was meant for one. No node here has IPv6. */
static coap2_result house_send(void *io, const coap2_peer *to,
                               const uint8_t *bytes, size_t length)
{
    house_place *from = (house_place *)io;
    unsigned i;

    for (i = 0; i < PLACES && to->kind == COAP2_PEER_IPV4; i++) {
        if (&house[i] == from) continue;
        if (!to->group && to->address[3] != i + 1) continue;
        if (!house_deliver(from, &house[i], bytes, length))
            return COAP2_ERR_SEND;
    }
    return COAP2_OK;
}

/* RFC 7252 5.4.1 has a server ignore an elective option that it does not know.
   The plain node is made of this library, so it is spared the sight. */
static size_t without_coap2(uint8_t *bytes, size_t length)
{
    uint8_t copy[PACKET];
    coap2_writer w;
    coap2_msg msg;
    coap2_opt opt;

    if (coap2_msg_parse(&msg, bytes, length) != COAP2_OK) return length;
    coap2_write_start(&w, copy, sizeof copy);
    coap2_write_header(&w, msg.type, msg.code, msg.id, msg.token,
                       msg.token_length);
    for (opt = msg.options; coap2_opt_next(&opt);)
        if (opt.number < COAP2_OPT_DISCOVERY)
            coap2_write_opt(&w, opt.number, opt.value, opt.length);
    coap2_write_payload(&w, msg.payload, msg.payload_length);
    length = coap2_write_end(&w);
    memcpy(bytes, copy, length);
    return length;
}

static bool house_has(const struct sockaddr_in *real, coap2_peer *peer)
{
    unsigned i;

    for (i = 0; i < PLACES; i++) {
        if (house[i].real.sin_port != real->sin_port ||
            house[i].real.sin_addr.s_addr != real->sin_addr.s_addr)
            continue;
        peer->kind = COAP2_PEER_IPV4;
        peer->port = PORT;
        peer->address[0] = 127;
        peer->address[3] = (uint8_t)(i + 1);
        return true;
    }
    return false;
}

static int32_t house_recv(void *io, coap2_peer *from, uint8_t *bytes,
                          size_t size)
{
    house_place *place = (house_place *)io;
    struct sockaddr_in real;
    socklen_t real_size = sizeof real;
    ssize_t length;

    do {
        length = recvfrom(place->socket, bytes, size, 0,
                          (struct sockaddr *)&real, &real_size);
        if (length < 0) return COAP2_ERR_AGAIN;
    } while (!house_has(&real, from)); /* a stranger */
    if (place == &house[PLAIN])
        return (int32_t)without_coap2(bytes, (size_t)length);
    return (int32_t)length;
}

/* ---- time ---------------------------------------------------------------- */

static uint32_t house_now(void *io)
{
    struct timespec now;

    (void)io;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint32_t)now.tv_sec * 1000u + (uint32_t)(now.tv_nsec / 1000000);
}

/* The client has nothing to do for so long: the servers run, and all sleep
   until a datagram comes. */
static void house_idle(void *io, uint32_t ms)
{
    struct pollfd waiting[PLACES];
    unsigned i;

    for (i = 0; i < PLACES; i++) {
        waiting[i].fd = house[i].socket;
        waiting[i].events = POLLIN;
        waiting[i].revents = 0;
        if (i < SERVERS) {
            uint32_t rest = coap2_poll(&house[i].node, house_now(io));

            if (rest < ms) ms = rest;
        }
    }
    (void)poll(waiting, PLACES, ms < 1000 ? (int)ms : 1000);
}

static void house_run(uint32_t ms)
{
    uint32_t start = house_now(NULL), passed;

    while ((passed = house_now(NULL) - start) < ms) {
        uint32_t rest = coap2_poll(&house[CLIENT].node, house_now(NULL));

        house_idle(NULL, rest < ms - passed ? rest : ms - passed);
    }
}

/* Until nobody has said anything for a moment. */
static void house_settle(void)
{
    unsigned long before, after = 0;
    unsigned i;

    do {
        before = after;
        house_run(20);
        for (i = 0, after = 0; i < SERVERS; i++) after += house[i].messages;
    } while (after != before);
}

static bool house_start(house_place *place, const char *name,
                        const coap2_resource *const *resources)
{
    coap2_node *node = &place->node;

    node->name = name;
    node->resources = resources;
    node->send = house_send;
    node->recv = house_recv;
    node->now = house_now;
    node->idle = house_idle;
    node->io = place;
    node->in = place->in;
    node->in_size = sizeof place->in;
    node->out = place->out;
    node->out_size = sizeof place->out;
    node->packet = PACKET;
    node->leisure = 100; /* ms; outside, with many nodes, it is 5 s */
    node->no_groups = true;
    /* Chance, in earnest; this way each run shows the same bytes. */
    return house_open(place) &&
           coap2_start(node, (uint32_t)(place - house) + 1u) == COAP2_OK;
}

/* ---- what is shown and checked ------------------------------------------- */

static unsigned checks, failures;

/* Colours are for terminals, and for those who want them. */
static const char *colour(const char *escape)
{
    return isatty(STDOUT_FILENO) && getenv("NO_COLOR") == NULL ? escape : "";
}
#define BOLD colour("\033[1m")
#define DIM colour("\033[2m")
#define RED colour("\033[1;31m")
#define GREEN colour("\033[1;32m")
#define PLAIN_TEXT colour("\033[0m")

static void check(bool ok, const char *what)
{
    checks++;
    if (ok) return;
    failures++;
    printf("%sNOT SO: %s%s\n", RED, what, PLAIN_TEXT);
}

/* ---- find ---------------------------------------------------------------- */

typedef struct found {
    unsigned times;
    char name[24], links[96];
} found;

static void keep_text(char *text, size_t size, const void *bytes, size_t length)
{
    if (length >= size) length = size - 1;
    memcpy(text, bytes, length);
    text[length] = '\0';
}

/* Runs for each node that was found, and at the end, without a message. */
static void on_found(const coap2_reply *reply)
{
    found *one = (found *)reply->user;
    coap2_opt opt;
    coap2_link link;
    size_t at = 0;

    if (reply->msg == NULL) return;
    one += reply->peer->address[3] - 1;
    one->times++;
    if (coap2_msg_find(reply->msg, COAP2_OPT_DISCOVERY, &opt))
        keep_text(one->name, sizeof one->name, opt.value, opt.length);
    link = coap2_links((const char *)reply->msg->payload,
                       reply->msg->payload_length);
    while (coap2_link_next(&link) && at < sizeof one->links) {
        if (at > 0) one->links[at++] = ' ';
        keep_text(one->links + at, sizeof one->links - at, link.target,
                  link.target_length);
        at += strlen(one->links + at);
    }
}

/* Look for nodes, show who answered, and check that it is who should: a bit
   each. */
static void look_for(const char *what, unsigned wanted)
{
    char heading[32];
    found all[PLACES];
    coap2_call call;
    unsigned i, seen = 0;

    memset(all, 0, sizeof all);
    coap2_call_find(&call, &house[CLIENT].node, what);
    call.deadline = 400;
    (void)coap2_wait(&house[CLIENT].node,
                     coap2_call_send(&call, on_found, all));
    (void)snprintf(heading, sizeof heading, "find \"%s\"", what);
    for (i = 0; i < PLACES; i++) {
        if (all[i].times == 0) continue;
        printf("%s%-18s%s  127.0.0.%u  %-11s  %s\n", BOLD,
               seen == 0 ? heading : "", PLAIN_TEXT, i + 1, all[i].name,
               all[i].links);
        check(all[i].times == 1, "each node is found once");
        seen |= 1u << i;
    }
    check(seen == wanted, "those that match answer, and nobody else");
}

static void find_all(void)
{
    look_for("", 1u << THERMOSTAT | 1u << FAN | 1u << PLAIN);
    look_for("/climate", 1u << THERMOSTAT | 1u << PLAIN);
    look_for("fan.local", 1u << FAN);
    printf("\n");
}

/* ---- read and write ------------------------------------------------------ */

typedef struct answer {
    uint8_t code; /* 0: none */
    char text[64];
} answer;

static void on_answer(const coap2_reply *reply)
{
    answer *a = (answer *)reply->user;

    if (reply->msg == NULL) return;
    a->code = reply->msg->code;
    keep_text(a->text, sizeof a->text, reply->msg->payload,
              reply->msg->payload_length);
}

/* Send a request, wait for its answer, show both, and compare. */
static void ask(coap2_call *call, const char *shown, uint8_t code,
                const char *text)
{
    answer got;

    memset(&got, 0, sizeof got);
    (void)coap2_wait(&house[CLIENT].node,
                     coap2_call_send(call, on_answer, &got));
    printf("%s%-40s%s  %u.%02u%s%s\n", BOLD, shown, PLAIN_TEXT,
           COAP2_CODE_CLASS(got.code), COAP2_CODE_DETAIL(got.code),
           got.text[0] == '\0' ? "" : "  ", got.text);
    check(got.code == code && strcmp(got.text, text) == 0, shown);
}

static void read_and_write(void)
{
    coap2_node *client = &house[CLIENT].node;
    coap2_call call;

    coap2_call_start(&call, client, COAP2_GET, "coap://node1.local/climate");
    ask(&call, "GET coap://node1.local/climate", COAP2_205_CONTENT,
        "temp=18.5 hum=58");

    coap2_call_start(&call, client, COAP2_GET, "coap://node1.local/climate");
    coap2_write_uint(&call.w, COAP2_OPT_ACCEPT, COAP2_FORMAT_JSON);
    ask(&call, "GET coap://node1.local/climate, as JSON", COAP2_205_CONTENT,
        "{\"temp\":18.5,\"hum\":58}");

    coap2_call_start(&call, client, COAP2_PUT, "coap://fan.local/fan");
    coap2_write_payload(&call.w, "on", 2);
    ask(&call, "PUT coap://fan.local/fan on", COAP2_204_CHANGED, "");

    coap2_call_start(&call, client, COAP2_GET, "coap://fan.local/fan");
    ask(&call, "GET coap://fan.local/fan", COAP2_205_CONTENT, "on");
    printf("\n");
}

/* ---- subscribe ----------------------------------------------------------- */

#define RULE "temp > 20 and hum < 50"

static const int16_t temps[] = {185, 189, 194, 198, 203, 209, 214,
                                218, 215, 207, 201, 196, 191, 187};
static const uint8_t hums[] = {58, 57, 55, 54, 52, 49, 47,
                               46, 48, 51, 53, 54, 56, 57};
enum { SAMPLES = sizeof hums / sizeof hums[0] };

/* What came of a subscription. */
typedef struct news {
    unsigned first, matches, ends;
    char text[32];
} news;

static void on_news(const coap2_reply *reply)
{
    news *n = (news *)reply->user;

    if (!reply->more) n->ends++;
    if (reply->msg == NULL) return;
    if (reply->reason == COAP2_FIRST) n->first++;
    if (reply->reason == COAP2_MATCH) n->matches++;
    keep_text(n->text, sizeof n->text, reply->msg->payload,
              reply->msg->payload_length);
}

/* One sample; whether the rule let it pass. The plain node tells of each. */
static bool take_sample(unsigned i, news *smart, news *plain)
{
    unsigned long before = house[PLAIN].messages;
    bool wanted = temps[i] > 200 && hums[i] < 50;
    unsigned matches = smart->matches, patience = 100;
    char text[32];

    temp10 = temps[i];
    hum = hums[i];
    (void)snprintf(text, sizeof text, "temp=%d.%d hum=%u", temps[i] / 10,
                   temps[i] % 10, (unsigned)hums[i]);
    coap2_changed(&house[THERMOSTAT].node, &climate);
    coap2_changed(&house[PLAIN].node, &climate);
    while (house[PLAIN].messages < before + 2 && --patience > 0) house_run(5);
    house_settle();
    check(smart->matches == matches + wanted, "the rule decides");
    check(smart->matches == plain->matches, "both subscribers hear the same");
    if (wanted) {
        check(strcmp(smart->text, text) == 0, text);
        check(strcmp(plain->text, text) == 0, text);
    }
    return smart->matches != matches;
}

/* The samples in columns, those that were sent in colour. */
static void show_samples(const bool *sent)
{
    unsigned i;

    printf("  temp");
    for (i = 0; i < SAMPLES; i++)
        printf("%s%3d.%d%s", sent[i] ? GREEN : DIM, temps[i] / 10,
               temps[i] % 10, PLAIN_TEXT);
    printf("\n  hum ");
    for (i = 0; i < SAMPLES; i++)
        printf("%s%5u%s", sent[i] ? GREEN : DIM, (unsigned)hums[i], PLAIN_TEXT);
    printf("\n      ");
    for (i = 0; i < SAMPLES; i++)
        printf("%s%5s%s", sent[i] ? GREEN : DIM, sent[i] ? "sent" : "-",
               PLAIN_TEXT);
    printf("\n\n");
}

static unsigned saved(unsigned long part, unsigned long whole)
{
    return whole == 0 ? 0 : (unsigned)((whole - part) * 100 / whole);
}

static void show_savings(unsigned sent)
{
    const house_place *smart = &house[THERMOSTAT], *plain = &house[PLAIN];

    printf("                                      messages  bytes\n");
    printf("  127.0.0.3 sends all %2u samples       %6lu %8lu\n",
           (unsigned)SAMPLES, plain->messages, plain->bytes);
    printf("  node1.local sends %2u, holds back %2u  %6lu %8lu\n", sent,
           SAMPLES - sent, smart->messages, smart->bytes);
    printf("%s  saved by the rule                    %5u %% %6u %%%s\n", GREEN,
           saved(smart->messages, plain->messages),
           saved(smart->bytes, plain->bytes), PLAIN_TEXT);
    /* A notification and its acknowledgement. */
    check(smart->messages == 2ul * sent, "nothing else was sent");
    check(plain->messages == 2ul * SAMPLES, "a plain node sends every sample");
    check(smart->bytes < plain->bytes, "a rule saves");
}

static int16_t subscribe(const char *uri, news *n)
{
    int16_t handle;

    memset(n, 0, sizeof *n);
    handle = coap2_subscribe(&house[CLIENT].node, uri, RULE, on_news, n);
    house_settle();
    check(handle > 0 && n->first == 1 && n->ends == 0, "subscribed");
    return handle;
}

static void follow_a_rule(void)
{
    coap2_node *client = &house[CLIENT].node;
    news smart, plain;
    bool sent[SAMPLES];
    unsigned i, count = 0;
    int16_t smart_handle, plain_handle;

    printf("%ssubscribe to both, with the rule  %s%s\n", BOLD, RULE,
           PLAIN_TEXT);
    smart_handle = subscribe("coap://node1.local/climate", &smart);
    plain_handle = subscribe("coap://127.0.0.3/climate", &plain);
    for (i = 0; i < SERVERS; i++) house[i].messages = house[i].bytes = 0;
    for (i = 0; i < SAMPLES; i++) {
        sent[i] = take_sample(i, &smart, &plain);
        count += sent[i];
    }
    show_samples(sent);
    show_savings(count);
    check(count == 4, "four samples are warm and dry");

    check(coap2_cancel(client, smart_handle) == COAP2_OK &&
              coap2_cancel(client, plain_handle) == COAP2_OK,
          "unsubscribed");
    house_settle();
    check(smart.ends == 1 && plain.ends == 1, "each subscription ended once");
}

/* A rule that the thermostat refuses says what to change. */
static void misspell_a_rule(void)
{
    coap2_call call;

    coap2_call_start(&call, &house[CLIENT].node, COAP2_GET,
                     "coap://node1.local/climate");
    coap2_call_subscribe(&call, "temp > 20 and humi < 50");
    ask(&call, "subscribe with  temp > 20 and humi < 50", COAP2_400_BAD_REQUEST,
        "rule:15: no such field");
    printf("\n");
}

int main(void)
{
    if (!house_start(&house[THERMOSTAT], "node1.local", climate_things) ||
        !house_start(&house[FAN], "fan.local", fan_things) ||
        !house_start(&house[PLAIN], NULL, climate_things) ||
        !house_start(&house[CLIENT], NULL, NULL)) {
        perror("cannot open four UDP sockets on 127.0.0.1");
        return 1;
    }
    printf("On the loopback: a thermostat, a fan, and a plain node, which "
           "knows RFC 7252\nand 7641, but has never heard of CoAP 2.\n\n");
    find_all();
    read_and_write();
    misspell_a_rule();
    follow_a_rule();

    if (failures > 0)
        printf("\n%s%u of %u checks failed%s\n", RED, failures, checks,
               PLAIN_TEXT);
    else
        printf("\nAll as it should be: %u checks.\n", checks);
    return failures > 0;
}
