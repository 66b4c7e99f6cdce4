/* A node that subscribes by rules: at a server that knows them, and at one that
   does not, where it filters by itself. Both servers are nodes of ours in a
   world of two; of the plain one the network takes the options of CoAP 2
   away. */
#define COAP2_MAX_OBSERVERS 2
#define COAP2_IMPLEMENTATION
#include "../coap2.h"
#define WORLD_PACKET 512
#define WORLD_EVENTS 32
#include "world.h"

#define HOUR ((uint32_t)3600000)
#define DAY (24 * HOUR)
enum { PACKET = 400, EVENTS = 32, SLOTS = COAP2_MAX_EXCHANGES + 1 };

/* ---- two nodes ---------------------------------------------------------- */

/* What a callback was told. */
typedef struct event {
    coap2_result result;
    bool more, had_message;
    uint8_t reason, code;
    int16_t request;
    uint64_t at;
    char text[80];
} event;

static world w;
static world_place here, there;
static coap2_node client, server;
static uint8_t in[2][PACKET], out[2][SLOTS * PACKET];
static event events[EVENTS]; /* the last ones, each at its number */
static unsigned event_count;
static unsigned asked, told; /* requests; notifications and answers sent */
static bool plain;           /* the server has never heard of rules */
static unsigned cancel_at;   /* the callback that cancels; 0: none */
static bool forget_it;       /* by coap2_forget */
static uint8_t last_type;    /* of the last message of the server's */

static char text_now[300]; /* what /text and /gone are at the moment */
static uint8_t code_now;
static uint32_t max_age_now;
static int16_t level;

/* What it was asked for, and the text. */
static uint8_t on_search(coap2_req *req, coap2_rsp *rsp)
{
    coap2_rsp_bytes(rsp, COAP2_FORMAT_TEXT, req->payload, req->payload_length);
    coap2_rsp_bytes(rsp, COAP2_FORMAT_TEXT, text_now, strlen(text_now));
    return code_now;
}

static uint8_t on_text(coap2_req *req, coap2_rsp *rsp)
{
    (void)req;
    rsp->max_age = max_age_now;
    coap2_rsp_bytes(rsp, COAP2_FORMAT_TEXT, text_now, strlen(text_now));
    return code_now;
}

COAP2_FIELDS(level_fields, COAP2_FIELD("level", COAP2_I16, level, 0));
COAP2_BOUND(meter, "level", COAP2_OBSERVABLE, level_fields, "");
COAP2_RESOURCE(text, "text", COAP2_GET | COAP2_OBSERVABLE, on_text, "");
COAP2_RESOURCE(still, "still", COAP2_GET, on_text, "");
COAP2_RESOURCE(search, "search", COAP2_FETCH | COAP2_OBSERVABLE, on_search, "");
COAP2_TABLE(offered, &meter, &text, &still, &search);

static void on_event(const coap2_reply *reply)
{
    event *e = &events[event_count++ % EVENTS];
    size_t length;

    memset(e, 0, sizeof *e);
    e->result = reply->result;
    e->more = reply->more;
    e->reason = reply->reason;
    e->request = reply->request;
    e->at = w.now;
    e->had_message = reply->msg != NULL;
    if (reply->msg != NULL) {
        e->code = reply->msg->code;
        length = reply->msg->payload_length;
        if (length >= sizeof e->text) length = sizeof e->text - 1;
        memcpy(e->text, reply->msg->payload, length);
    }
    if (event_count != cancel_at) return;
    if (forget_it)
        CHECK_EQ(coap2_forget(&client, reply->request), COAP2_OK);
    else
        CHECK_EQ(coap2_cancel(&client, reply->request), COAP2_OK);
}

/* Count what is sent. */
static void on_sent(world *world_, world_place *from, const coap2_peer *to,
                    const uint8_t *bytes, size_t length)
{
    coap2_msg msg;

    (void)world_;
    (void)to;
    CHECK_EQ(coap2_msg_parse(&msg, bytes, length), COAP2_OK);
    if (msg.code == COAP2_000_EMPTY) return;
    if (from == &here) asked++;
    if (from != &there) return;
    told++;
    last_type = msg.type;
}

/* A network whose server sees no option of CoAP 2: what it does not know it
   ignores, since they are elective (RFC 7252 5.4.1). */
static coap2_result send_plain(void *io, const coap2_peer *to,
                               const uint8_t *bytes, size_t length)
{
    uint8_t copy[PACKET];
    coap2_writer writer;
    coap2_msg msg;
    coap2_opt opt;

    CHECK_EQ(coap2_msg_parse(&msg, bytes, length), COAP2_OK);
    if (msg.code == COAP2_000_EMPTY) return world_send(io, to, bytes, length);
    coap2_write_start(&writer, copy, sizeof copy);
    coap2_write_header(&writer, msg.type, msg.code, msg.id, msg.token,
                       msg.token_length);
    for (opt = msg.options; coap2_opt_next(&opt);)
        if (opt.number != COAP2_OPT_NOTIFICATION &&
            opt.number != COAP2_OPT_RULE)
            coap2_write_opt(&writer, opt.number, opt.value, opt.length);
    coap2_write_payload(&writer, msg.payload, msg.payload_length);
    return world_send(io, to, copy, coap2_write_end(&writer));
}

static void set_node(coap2_node *node, world_place *place, unsigned i)
{
    memset(node, 0, sizeof *node);
    world_add(&w, place, node);
    node->in = in[i];
    node->in_size = sizeof in[i];
    node->out = out[i];
    node->out_size = sizeof out[i];
    node->packet = PACKET;
}

static void start_as(bool is_plain)
{
    world_start(&w, 7641);
    w.seen = on_sent;
    set_node(&client, &here, 0);
    set_node(&server, &there, 1);
    server.resources = offered;
    plain = is_plain;
    if (plain) client.send = send_plain;
    event_count = cancel_at = asked = told = 0;
    forget_it = false;
    strcpy(text_now, "10");
    level = 10;
    code_now = COAP2_205_CONTENT;
    max_age_now = 60;
    CHECK_EQ(coap2_start(&client, 1), COAP2_OK);
    CHECK_EQ(coap2_start(&server, 2), COAP2_OK);
}

static void start(void)
{
    start_as(false);
}

static void pass(uint32_t ms)
{
    world_run(&w, ms);
}

static int16_t subscribe(const char *path, const char *rule)
{
    char uri[40] = "coap://10.0.0.2/";
    int16_t handle;

    strcat(uri, path);
    handle = coap2_subscribe(&client, uri, rule, on_event, NULL);
    pass(1);
    return handle;
}

static void set_level(int value)
{
    level = (int16_t)value;
    coap2_changed(&server, &meter);
    pass(1);
}

static void set_text(const char *value)
{
    strcpy(text_now, value);
    coap2_changed(&server, &text);
    pass(1);
}

/* ---- what was told ------------------------------------------------------ */

static const event *last_event(void)
{
    return &events[(event_count - 1) % EVENTS];
}

/* So many callbacks, the last one a state that is not the end. */
#define CHECK_TOLD(count, reason, text) \
    check_told((count), (reason), (text), __LINE__)
static void check_told(unsigned number, uint8_t reason, const char *value,
                       int line)
{
    const event *e = last_event();

    test_equal(event_count, number, line);
    if (event_count != number) return;
    test_equal((unsigned long)-e->result, 0, line);
    test_check(e->more && e->had_message, line);
    test_equal(e->reason, reason, line);
    test_text(e->text, value, line);
}

/* So many callbacks, the last one the end. */
#define CHECK_ENDED(count, result) check_ended((count), (result), __LINE__)
static void check_ended(unsigned number, coap2_result result, int line)
{
    const event *e = last_event();

    test_equal(event_count, number, line);
    if (event_count != number) return;
    test_equal((unsigned long)-e->result, (unsigned long)-result, line);
    test_check(!e->more, line);
    test_check(e->had_message == (result == COAP2_OK), line);
}

static unsigned observers(void)
{
    unsigned i, number = 0;

    for (i = 0; i < COAP2_MAX_OBSERVERS; i++)
        number += server.observers[i].flags != 0;
    return number;
}

/* It is over on both sides: nobody is on the list, every exchange is free,
   nothing is said any more. */
#define CHECK_OVER() check_over(__LINE__)
static void check_over(int line)
{
    unsigned number = event_count, sent;

    pass(300000);
    test_equal(observers(), 0, line);
    sent = asked + told;
    set_level(level + 1);
    set_text("99");
    pass(2 * HOUR);
    test_equal(event_count, number, line);
    test_equal(asked + told, sent, line);
    test_equal(world_count_free(&client), COAP2_MAX_EXCHANGES, line);
    test_equal(coap2_poll(&client, world_clock(&here)), COAP2_FOREVER, line);
    test_equal(w.spins, 0, line);
}

/* ---- at a server that knows rules --------------------------------------- */

static void reasons(void)
{
    int16_t handle;

    start();
    handle = subscribe("level", "> 20 pmax 100");
    CHECK(handle > 0);
    CHECK_TOLD(1, COAP2_FIRST, "10");
    CHECK_EQ(last_event()->request, handle);
    CHECK_EQ(asked, 1);
    CHECK_EQ(observers(), 1);
    set_level(20);
    CHECK_EQ(event_count, 1);
    CHECK_EQ(told, 1); /* it is the server that filters */
    set_level(21);
    CHECK_TOLD(2, COAP2_MATCH, "21");
    CHECK_EQ(last_type, COAP2_CON);
    CHECK_EQ(last_event()->request, handle);
    pass(99990);
    CHECK_EQ(event_count, 2);
    pass(20);
    CHECK_TOLD(3, COAP2_PERIOD, "21");
    CHECK_EQ(asked, 1);
    set_level(22);
    CHECK_TOLD(4, COAP2_MATCH, "22");
}

/* What a request that was sent says. */
static uint8_t asked_bytes[PACKET];
static size_t asked_length;

static void keep_asked(world *world_, world_place *from, const coap2_peer *to,
                       const uint8_t *bytes, size_t length)
{
    on_sent(world_, from, to, bytes, length);
    if (from != &here || bytes[1] == COAP2_000_EMPTY) return;
    memcpy(asked_bytes, bytes, length);
    asked_length = length;
}

static void check_request(uint8_t type, const char *rule)
{
    coap2_msg msg;
    coap2_opt opt;

    CHECK_EQ(coap2_msg_parse(&msg, asked_bytes, asked_length), COAP2_OK);
    CHECK_EQ(msg.type, type);
    CHECK_EQ(msg.code, COAP2_001_GET);
    CHECK(coap2_msg_find(&msg, COAP2_OPT_OBSERVE, &opt));
    CHECK_EQ(opt.length, 0);
    CHECK(coap2_msg_find(&msg, COAP2_OPT_RULE, &opt));
    CHECK_BYTES(opt.value, opt.length, rule, strlen(rule));
    if (coap2_msg_find(&msg, COAP2_OPT_NOTIFICATION, &opt))
        CHECK_EQ(opt.length, 0);
}

/* By a call, with another order of its steps, confirmable or not. */
static void by_call(void)
{
    coap2_peer peer;
    coap2_call call;

    start();
    w.seen = keep_asked;
    peer = there.at;
    coap2_call_start_to(&call, &client, COAP2_GET, &peer, "level");
    coap2_call_subscribe(&call, "level > 20");
    call.confirmable = false;
    CHECK(coap2_call_send(&call, on_event, NULL) > 0);
    pass(1);
    check_request(COAP2_NON, "level > 20");
    CHECK_TOLD(1, COAP2_FIRST, "10");
    set_level(21);
    CHECK_TOLD(2, COAP2_MATCH, "21");
    CHECK_EQ(last_type, COAP2_NON);
    start();
    w.seen = keep_asked;
    subscribe("level", "> 20");
    check_request(COAP2_CON, "> 20");
}

/* A FETCH is asked again as it was, with its body and its rule. */
static void by_fetch(bool is_plain)
{
    coap2_call call;

    start_as(is_plain);
    coap2_call_start(&call, &client, COAP2_FETCH, "coap://10.0.0.2/search");
    coap2_call_subscribe(&call, "n > 20 pmax 50");
    coap2_write_payload(&call.w, "n=", 2);
    CHECK(coap2_call_send(&call, on_event, NULL) > 0);
    pass(1);
    CHECK_TOLD(1, COAP2_FIRST, "n=10");
    strcpy(text_now, "21");
    coap2_changed(&server, &search);
    pass(1);
    CHECK_TOLD(2, COAP2_MATCH, "n=21");
    CHECK_EQ(coap2_start(&server, 4), COAP2_OK);
    pass(66000);
    CHECK_EQ(last_event()->result, COAP2_OK);
    CHECK(last_event()->more);
    CHECK_TEXT(last_event()->text, "n=21");
    CHECK_EQ(observers(), 1);
    strcpy(text_now, "22");
    coap2_changed(&server, &search);
    pass(1);
    CHECK_EQ(last_event()->reason, COAP2_MATCH);
    CHECK_TEXT(last_event()->text, "n=22");
}

static void by_fetch_at_both(void)
{
    by_fetch(false);
    by_fetch(true);
}

/* What observes without a rule has no reason. */
static void without_a_rule(void)
{
    start();
    coap2_observe(&client, "coap://10.0.0.2/level", on_event, NULL);
    pass(1);
    CHECK_TOLD(1, COAP2_QUIET, "10");
    set_level(10);
    CHECK_TOLD(2, COAP2_QUIET, "10");
}

/* A rule that the server refuses ends by 4.00. */
static void refused(void)
{
    start();
    CHECK(subscribe("level", "levels > 20") > 0);
    CHECK_ENDED(1, COAP2_OK);
    CHECK_EQ(events[0].code, COAP2_400_BAD_REQUEST);
    CHECK_TEXT(events[0].text, "rule:1: no such field");
    CHECK_OVER();
}

static int16_t call_with(const char *rule)
{
    coap2_peer peer = there.at;
    coap2_call call;

    coap2_call_start_to(&call, &client, COAP2_GET, &peer, "level");
    coap2_call_subscribe(&call, rule);
    return coap2_call_send(&call, on_event, NULL);
}

/* What is no rule is refused at once, and nothing is sent. */
static void no_rule(void)
{
    char rule[300];

    start();
    CHECK_EQ(-subscribe("level", "> >"), -COAP2_ERR_FORMAT);
    CHECK_EQ(-subscribe("level", "(level"), -COAP2_ERR_FORMAT);
    CHECK_EQ(-call_with("level > 20and"), -COAP2_ERR_FORMAT);
    memset(rule, ' ', sizeof rule);
    memcpy(rule, "> 20", 4);
    rule[256] = '\0';
    CHECK_EQ(-subscribe("level", rule), -COAP2_ERR_ARG);
    CHECK_EQ(-call_with(rule), -COAP2_ERR_ARG);
    CHECK_EQ(asked, 0);
    CHECK_EQ(event_count, 0);
    CHECK_EQ(world_count_free(&client), COAP2_MAX_EXCHANGES);
    rule[255] = '\0';
    CHECK(subscribe("level", rule) > 0);
    CHECK_TOLD(1, COAP2_FIRST, "10");
    set_level(11);
    CHECK_EQ(event_count, 1);
    set_level(21);
    CHECK_TOLD(2, COAP2_MATCH, "21");
}

/* An empty rule is every change. */
static void empty_rule(void)
{
    start();
    subscribe("level", "");
    CHECK_TOLD(1, COAP2_FIRST, "10");
    set_level(11);
    CHECK_TOLD(2, COAP2_MATCH, "11");
}

/* An answer without a subscription is the end: not observable, no place. */
static void does_not_stand(void)
{
    start();
    subscribe("still", "> 20");
    CHECK_ENDED(1, COAP2_OK);
    CHECK_EQ(events[0].code, COAP2_205_CONTENT);
    subscribe("nix", "> 20");
    CHECK_ENDED(2, COAP2_OK);
    CHECK_EQ(events[1].code, COAP2_404_NOT_FOUND);
    CHECK_OVER();
    start();
    subscribe("level", "> 20");
    subscribe("level", "> 30");
    CHECK_EQ(observers(), 2);
    subscribe("level", "> 40");
    CHECK_ENDED(3, COAP2_OK);
    set_level(31);
    CHECK_EQ(event_count, 5);
}

/* Errors end it. */
static void ended_by_the_server(void)
{
    start();
    subscribe("text", "> 20");
    code_now = COAP2_404_NOT_FOUND;
    set_text("");
    CHECK_ENDED(2, COAP2_OK);
    CHECK_EQ(events[1].code, COAP2_404_NOT_FOUND);
    code_now = COAP2_205_CONTENT;
    CHECK_OVER();
}

static void no_server(void)
{
    start();
    there.cut = true;
    subscribe("level", "> 20");
    pass(100000);
    CHECK_ENDED(1, COAP2_ERR_TIMEOUT);
    there.cut = false;
    CHECK_OVER();
}

/* While the cable is cut an alarm is sent again and again; it is told once. */
static void cut_for_a_while(void)
{
    start();
    subscribe("level", "when > 20");
    here.cut = true;
    set_level(21);
    set_level(9);
    pass(3500);
    here.cut = false;
    pass(15000);
    CHECK_TOLD(2, COAP2_MATCH, "9"); /* the state of its time */
    pass(HOUR);
    CHECK_EQ(event_count, 2);
    set_level(22);
    CHECK_TOLD(3, COAP2_MATCH, "22");
}

/* A network that doubles everything: each is told once (RFC 7252 4.5). */
static void doubled(bool is_plain)
{
    int16_t handle;

    start_as(is_plain);
    w.network.twice = 1000;
    handle = subscribe("level", "> 20 pmax 50");
    CHECK_TOLD(1, COAP2_FIRST, "10");
    set_level(21);
    CHECK_TOLD(2, COAP2_MATCH, "21");
    pass(50000);
    CHECK_TOLD(3, COAP2_PERIOD, "21");
    coap2_cancel(&client, handle);
    CHECK_ENDED(4, COAP2_ERR_CANCELLED);
    CHECK_OVER();
}

static void doubled_at_both(void)
{
    doubled(false);
    doubled(true);
}

/* ---- how it ends -------------------------------------------------------- */

/* coap2_cancel tells the server; coap2_forget does so when it next speaks. */
static void cancelled(void)
{
    int16_t handle;

    start();
    handle = subscribe("level", "> 20 pmax 5");
    CHECK_EQ(coap2_cancel(&client, handle), COAP2_OK);
    CHECK_ENDED(2, COAP2_ERR_CANCELLED);
    CHECK_EQ(-coap2_cancel(&client, handle), -COAP2_ERR_ARG);
    pass(1000);
    CHECK_EQ(observers(), 0);
    CHECK_EQ(asked, 2);
    CHECK_OVER();
}

static void cancelled_by_non(void)
{
    coap2_peer peer;
    coap2_call call;
    int16_t handle;

    start();
    peer = there.at;
    coap2_call_start_to(&call, &client, COAP2_GET, &peer, "level");
    coap2_call_subscribe(&call, "pmax 5");
    call.confirmable = false;
    handle = coap2_call_send(&call, on_event, NULL);
    pass(12000);
    CHECK_TOLD(3, COAP2_PERIOD, "10");
    CHECK_EQ(coap2_cancel(&client, handle), COAP2_OK);
    pass(1000);
    CHECK_EQ(observers(), 0);
    CHECK_OVER();
}

/* The word to the server is lost, and is said again. */
static void cancelled_in_a_lossy_world(void)
{
    int16_t handle;

    start();
    handle = subscribe("level", "> 20");
    here.cut = true;
    coap2_cancel(&client, handle);
    pass(100);
    here.cut = false;
    pass(5000);
    CHECK_EQ(observers(), 0);
    CHECK_OVER();
}

static void forgotten(void)
{
    int16_t handle;

    start();
    handle = subscribe("level", "> 20");
    CHECK_EQ(coap2_forget(&client, handle), COAP2_OK);
    CHECK_ENDED(2, COAP2_ERR_CANCELLED);
    pass(1000);
    CHECK_EQ(asked, 1);
    CHECK_EQ(observers(), 1);
    set_level(21);
    CHECK_EQ(observers(), 0);
    CHECK_OVER();
}

/* In the callback: of the answer, of an alarm, of pmax. */
static void inside_the_callback(void)
{
    unsigned which;

    for (which = 0; which < 12; which++) {
        test_row = which + 1;
        start_as(which % 4 >= 2);
        cancel_at = 1 + which / 4;
        forget_it = which % 2 == 1;
        subscribe("level", "> 20 pmax 30");
        if (cancel_at > 1) set_level(21);
        if (cancel_at > 2) pass(30001);
        CHECK_ENDED(cancel_at + 1, COAP2_ERR_CANCELLED);
        if (forget_it) set_level(22);
        CHECK_OVER();
    }
    test_row = 0;
}

/* Of two subscriptions the other goes on. */
static void one_of_two(void)
{
    int16_t first;

    start();
    first = subscribe("level", "> 20");
    subscribe("level", "< 5");
    set_level(21);
    CHECK_TOLD(3, COAP2_MATCH, "21");
    CHECK_EQ(last_event()->request, first);
    coap2_cancel(&client, first);
    pass(1000);
    CHECK_EQ(observers(), 1);
    set_level(22);
    CHECK_EQ(event_count, 4);
    set_level(4);
    CHECK_TOLD(5, COAP2_MATCH, "4");
}

/* ---- a server that starts again ----------------------------------------- */

static unsigned first_answers(void)
{
    unsigned i, number = 0;

    for (i = 0; i < event_count; i++)
        number += events[i % EVENTS].result == COAP2_OK &&
                  events[i % EVENTS].reason == COAP2_FIRST;
    return number;
}

/* It has forgotten its subscribers: they subscribe again when a pmax passes in
   silence, or a day. */
static void reboot(const char *rule, uint32_t ms, bool is_plain)
{
    uint64_t begin;

    start_as(is_plain);
    subscribe("level", rule);
    CHECK_TOLD(1, COAP2_FIRST, "10");
    pass(2000);
    begin = w.now - 2000;
    CHECK_EQ(coap2_start(&server, 3), COAP2_OK);
    set_level(15);
    set_level(16);
    pass((uint32_t)(begin + ms - w.now));
    CHECK_EQ(observers(), 0);
    CHECK_EQ(first_answers(), 1);
    pass(16000);
    CHECK_EQ(observers(), 1);
    CHECK(last_event()->result == COAP2_OK && last_event()->more);
    CHECK_TEXT(last_event()->text, "16");
    set_level(21);
    CHECK(last_event()->result == COAP2_OK && last_event()->more);
    CHECK_EQ(last_event()->reason, COAP2_MATCH);
    CHECK_TEXT(last_event()->text, "21");
}

static void reboots(void)
{
    reboot("> 20 pmax 100", 100000, false);
    CHECK_EQ(first_answers(), 2);
    reboot("> 20 pmax 7", 7000, false);
    reboot("> 20", DAY, false);
    CHECK_EQ(first_answers(), 2);
}

/* Silence does not make clients ask each minute; once a day the server speaks
   (4.5 of RFC 7641), and that is all. */
static void silence(void)
{
    unsigned day;

    start();
    subscribe("level", "> 20");
    for (day = 1; day <= 3; day++) {
        pass(DAY - 1000);
        CHECK_EQ(event_count, day);
        pass(1000);
        CHECK_TOLD(1 + day, COAP2_PERIOD, "10");
        CHECK_EQ(last_type, COAP2_CON);
    }
    CHECK_EQ(asked, 1);
    CHECK_EQ(told, 4);
}

/* A message of pmax that is lost: the client asks. */
static void lost_period(void)
{
    coap2_peer peer;
    coap2_call call;

    start();
    peer = there.at;
    coap2_call_start_to(&call, &client, COAP2_GET, &peer, "level");
    coap2_call_subscribe(&call, "> 20 pmax 60");
    call.confirmable = false;
    coap2_call_send(&call, on_event, NULL);
    pass(59000);
    here.cut = true;
    pass(2000);
    here.cut = false;
    pass(16000);
    CHECK_EQ(asked, 2);
    CHECK(last_event()->more);
    CHECK_EQ(last_event()->reason, COAP2_FIRST);
    CHECK_EQ(last_event()->result, COAP2_OK);
    CHECK_EQ(observers(), 1);
}

/* ---- at a plain server -------------------------------------------------- */

/* It sends each change; the client keeps what the rule asks for. */
static void plain_server(void)
{
    int16_t handle;

    start_as(true);
    handle = subscribe("level", "> 20");
    CHECK_TOLD(1, COAP2_FIRST, "10");
    CHECK_EQ(observers(), 1);
    set_level(11);
    CHECK_EQ(told, 2);
    CHECK_EQ(event_count, 1);
    set_level(21);
    CHECK_TOLD(2, COAP2_MATCH, "21");
    CHECK_EQ(last_event()->request, handle);
    set_level(19);
    set_level(22);
    CHECK_TOLD(3, COAP2_MATCH, "22");
    CHECK_EQ(asked, 1);
    CHECK_EQ(coap2_cancel(&client, handle), COAP2_OK);
    CHECK_ENDED(4, COAP2_ERR_CANCELLED);
    pass(1000);
    CHECK_EQ(observers(), 0);
    CHECK_OVER();
    start_as(true);
    handle = subscribe("level", "> 20");
    coap2_forget(&client, handle);
    set_level(11);
    CHECK_EQ(observers(), 0);
    CHECK_OVER();
}

/* By its Content-Format; what is missing is unknown, and no error. */
static void plain_payload(void)
{
    start_as(true);
    strcpy(text_now, "temp=19 mode=auto");
    subscribe("text", "when temp > 20 and mode = 'auto' or nix = 1");
    CHECK_TOLD(1, COAP2_FIRST, "temp=19 mode=auto");
    set_text("temp=21 mode=off");
    set_text("temp=21");
    CHECK_EQ(event_count, 1);
    set_text("temp=22 mode=auto");
    CHECK_TOLD(2, COAP2_MATCH, "temp=22 mode=auto");
    set_text("temp=23 mode=auto");
    CHECK_EQ(event_count, 2);
    set_text("temp=1 mode=auto");
    set_text("temp=23 mode=auto");
    CHECK_TOLD(3, COAP2_MATCH, "temp=23 mode=auto");
}

/* A notification of what is known already is a change, as at a server that
   knows rules. The answer that keeps the observation fresh is none. */
static void plain_kept_fresh(void)
{
    unsigned i, news = 0;

    start_as(true);
    subscribe("level", "");
    CHECK_TOLD(1, COAP2_FIRST, "10");
    set_level(10);
    CHECK_TOLD(2, COAP2_MATCH, "10");
    pass(600000);
    CHECK(asked > 5); /* Max-Age is a minute */
    for (i = 2; i < event_count; i++) news += events[i % EVENTS].had_message;
    CHECK_EQ(news, 0);
    CHECK_EQ(observers(), 1);
    set_level(11);
    CHECK_EQ(last_event()->reason, COAP2_MATCH);
    CHECK_TEXT(last_event()->text, "11");
}

/* What has changed while a plain server was down is a change. */
static void plain_reboot(void)
{
    reboot("> 15 or delta > 3", 60000, true);
}

/* pmax: it asks, and tells, also if nothing is new. */
static void plain_pmax(void)
{
    start_as(true);
    subscribe("level", "> 20 pmax 10");
    pass(9990);
    CHECK_EQ(event_count, 1);
    pass(20);
    CHECK_TOLD(2, COAP2_PERIOD, "10");
    level = 12; /* nobody is told */
    pass(10000);
    CHECK_TOLD(3, COAP2_PERIOD, "12");
    set_level(21);
    CHECK_TOLD(4, COAP2_MATCH, "21");
    pass(9900);
    CHECK_EQ(event_count, 4);
    pass(200);
    CHECK_TOLD(5, COAP2_PERIOD, "21");
    CHECK_EQ(observers(), 1);
}

/* pmin: it waits, and asks for the value of that time. */
static void plain_pmin(void)
{
    start_as(true);
    subscribe("level", "> 20 pmin 5");
    set_level(21);
    set_level(22);
    CHECK_EQ(event_count, 1);
    level = 23;
    pass(4900);
    CHECK_EQ(event_count, 1);
    pass(200);
    CHECK_TOLD(2, COAP2_MATCH, "23");
    set_level(24);
    set_level(3);
    pass(10000);
    CHECK_EQ(event_count, 2);
    CHECK_EQ(observers(), 1);
}

/* Of a body beyond the packet the first one is looked at, and the others are
   only asked for if it is worth it. */
static void plain_large_body(void)
{
    start_as(true);
    server.packet = 96;
    memset(text_now, 'x', 150);
    memcpy(text_now, "n=10 m=", 7);
    text_now[150] = '\0';
    subscribe("text", "n > 20");
    pass(100);
    CHECK(asked > 1);
    event_count = asked = 0;
    text_now[7] = 'y';
    coap2_changed(&server, &text);
    pass(100);
    CHECK_EQ(event_count, 0);
    CHECK_EQ(asked, 0);
    text_now[2] = '2';
    text_now[3] = '1';
    coap2_changed(&server, &text);
    pass(100);
    CHECK(event_count > 1);
    CHECK_EQ(events[0].reason, COAP2_MATCH);
    CHECK_EQ(last_event()->reason, COAP2_MATCH);
    CHECK(last_event()->more);
}

/* Errors are told, whatever the rule says. */
static void plain_error(void)
{
    start_as(true);
    subscribe("text", "> 20 pmin 100");
    set_text("21");
    code_now = COAP2_404_NOT_FOUND;
    set_text("");
    CHECK_ENDED(2, COAP2_OK);
    CHECK_EQ(events[1].code, COAP2_404_NOT_FOUND);
    code_now = COAP2_205_CONTENT;
    CHECK_OVER();
    start_as(true);
    subscribe("still", "> 20");
    CHECK_ENDED(1, COAP2_OK);
    CHECK_OVER();
}

/* ---- triggers over time, at both ---------------------------------------- */

/* What came, as a letter; that nothing was heard does not count. */
static char letter_since(unsigned from)
{
    char letter = '-';
    unsigned i;

    for (i = from; i < event_count; i++) {
        const event *e = &events[i % EVENTS];

        if (e->result == COAP2_ERR_TIMEOUT && e->more) continue;
        if (letter != '-') return '2';
        letter = e->more && e->result == COAP2_OK ? "-FMP"[e->reason & 3] : 'E';
    }
    return letter;
}

static uint32_t read_seconds(const char **at)
{
    uint32_t seconds = 0;

    while (**at >= '0' && **at <= '9')
        seconds = seconds * 10u + (uint32_t)(*(*at)++ - '0');
    return seconds * 1000u;
}

/* A line: at its second the text changes, or what came so far is collected. */
static char story_line(const char **at, bool first, const char *rule)
{
    uint32_t moment = read_seconds(at) + 1000u;
    size_t length = strcspn(*at, ";");
    unsigned from = event_count;

    pass(moment - (uint32_t)w.now);
    if (length > 1) memcpy(text_now, *at + 1, length - 1);
    if (length > 1) text_now[length - 1] = '\0';
    *at += length + ((*at)[length] == ';');
    if (first)
        coap2_subscribe(&client, "coap://10.0.0.2/text", rule, on_event, NULL);
    else if (length > 1)
        coap2_changed(&server, &text);
    pass(0);
    return letter_since(from);
}

/* Lines of `second text`, or of a second alone, of which the first is the
   subscription; a letter each: what came since the line before. */
static void story_at(bool is_plain, const char *rule, const char *lines,
                     const char *want)
{
    const char *at = lines;
    char got[24];
    size_t had = 0;

    start_as(is_plain);
    max_age_now = 5000;
    while (*at != '\0') {
        got[had] = story_line(&at, had == 0, rule);
        had++;
    }
    got[had] = '\0';
    CHECK_TEXT(got, want);
#ifndef __AVR__
    if (strcmp(got, want) != 0)
        printf("  %s, %s: %s\n", is_plain ? "plain" : "rules", rule, got);
#endif
}

static void story(const char *rule, const char *lines, const char *want)
{
    story_at(false, rule, lines, want);
    story_at(true, rule, lines, want);
}

static void levels(void)
{
    story("", "0 1;1 2;2 3;3", "FMM-");
    story("> 20", "0 10;1 21;2 20;3 22;4 23", "FM-MM");
    story("not > 20 or x", "0 10;1 21;2 20;3 x=1;4 x=0", "F-MM-");
    story("changed(a)", "0 a=1;1 a=1 b=1;2 a=2;3 a=2 b=1;4 b=1", "F-M-M");
    story("delta >= 2", "0 10;1 11;2 12;3 13;4 10;5 9;6 8", "F-M-M-M");
    story("old < 5 and > 5", "0 1;1 2;2 6;3 7;4 1;5 6", "F-M---");
}

static void alarms(void)
{
    story("when > 30", "0 20;1 31;2 32;3 30;4 31", "FM--M");
    story("when > 30", "0 31;1 32;2 x;3 32", "F--M");
    story("when > 30 until < 28", "0 20;1 31;2 29;3 31;4 27;5 31", "FM---M");
    story("when > 30 until < 28", "0 31;1 32;2 27;3 31", "F--M");
    story("when a until b", "0 a=0 b=0;1 a=1 b=1;2 a=1 b=2;3 a=1 b=0", "FMM-");
}

static void times(void)
{
    story("pmin 5", "0 1;1 2;2 3;4;5;6 1;9;10", "F---M--M");
    story("> 20 pmin 5", "0 1;1 21;2 20;5;6 21", "F---M");
    story("when > 20 pmin 5", "0 1;1 21;2 1;5;6 21", "F---M");
    story("when > 20 until < 0 pmin 5", "0 1;1 21;2 1;5;6 21", "F---M");
    story("when > 20 pmin 5", "0 1;1 21;2 1;7 22;8 23", "F--M-");
    story("> 20 pmax 60", "0 1;59;60;61;119;120", "F-P--P");
    story("> 20 pmax 60", "0 1;30 21;60;89;90", "FM--P");
    story("when > 20 pmax 60", "0 1;60;70 21;130;140 23", "FPMP-");
    story("when > 20 pmin 5 pmax 60", "0 30;60;61 1;62 21;65;66", "FP--M-");
    story("when > 20 pmin 5 pmax 600", "0 1;1 21;5;6 1;70 22;80", "F-M-M-");
}

int main(void)
{
    RUN("4: FIRST, MATCH and PERIOD", reasons);
    RUN("4: by a call, QoS 0 and 1", by_call);
    RUN("4: by FETCH", by_fetch_at_both);
    RUN("4: without a rule", without_a_rule);
    RUN("4: refused by the server", refused);
    RUN("4: refused at once", no_rule);
    RUN("5: an empty rule", empty_rule);
    RUN("4: an answer without a subscription", does_not_stand);
    RUN("RFC 7641 4.2: ended by the server", ended_by_the_server);
    RUN("RFC 7252 4.2: no server", no_server);
    RUN("4: the cable is cut for a while", cut_for_a_while);
    RUN("RFC 7252 4.5: everything comes twice", doubled_at_both);
    RUN("4: cancel", cancelled);
    RUN("4: cancel of QoS 0", cancelled_by_non);
    RUN("4: cancel while much is lost", cancelled_in_a_lossy_world);
    RUN("4: forget", forgotten);
    RUN("4: in the callback", inside_the_callback);
    RUN("4: one of two", one_of_two);
    RUN("4: the server starts again", reboots);
    RUN("4: silence", silence);
    RUN("4: pmax is lost", lost_period);
    RUN("4: a plain server", plain_server);
    RUN("4: payloads of a plain server", plain_payload);
    RUN("4: an answer that keeps it fresh", plain_kept_fresh);
    RUN("4: a plain server starts again", plain_reboot);
    RUN("4: pmax at a plain server", plain_pmax);
    RUN("4: pmin at a plain server", plain_pmin);
    RUN("RFC 7959 2.6: large bodies of a plain server", plain_large_body);
    RUN("4: errors of a plain server", plain_error);
    RUN("5: levels, at both", levels);
    RUN("5: when and until, at both", alarms);
    RUN("5: pmin and pmax, at both", times);
    return test_end();
}
