/* A node that looks for others: what it sends, whom it reports, and how names
   in URIs become addresses. The others are played by hand, over a wire in
   memory; then by nodes, in a world that loses what it carries. */
#define LOOP_SENT 64
#define LOOP_QUEUE 48
#define COAP2_IMPLEMENTATION
#include "../coap2.h"
#include "loop.h"
#include "world.h"

enum { PACKET = 128, EXCHANGES = COAP2_MAX_EXCHANGES, EVENTS = 64 };
enum { SECOND = 1000, MINUTE = 60 * SECOND };

/* What a callback was told. */
typedef struct event {
    coap2_result result;
    bool more, had_message;
    uint8_t code;
    int16_t request;
    coap2_peer peer;
    uint32_t time;
    char name[32], text[64];
} event;

/* All that one request was told. */
typedef struct story {
    unsigned count, ends;
    event events[EVENTS];
} story;

static loop wire;
static coap2_node node;
static uint8_t in[256], out[(EXCHANGES + 1) * PACKET];
static story told, told_too;
static uint16_t their_id;  /* of the next message of the others */
static unsigned cancel_at; /* the callback that cancels; 0: none */

static void copy_text(char *to, size_t size, const uint8_t *from, size_t length)
{
    if (length >= size) length = size - 1;
    memcpy(to, from, length);
    to[length] = '\0';
}

static void on_event(const coap2_reply *reply)
{
    story *s = (story *)reply->user;
    event *e = &s->events[s->count++ % EVENTS];
    coap2_opt opt;

    memset(e, 0, sizeof *e);
    if (!reply->more) s->ends++;
    e->result = reply->result;
    e->more = reply->more;
    e->request = reply->request;
    e->peer = *reply->peer;
    e->time = wire.time;
    e->had_message = reply->msg != NULL;
    if (s->count == cancel_at)
        CHECK_EQ(coap2_cancel(reply->node, reply->request), COAP2_OK);
    if (reply->msg == NULL) return;
    e->code = reply->msg->code;
    copy_text(e->text, sizeof e->text, reply->msg->payload,
              reply->msg->payload_length);
    if (coap2_msg_find(reply->msg, COAP2_OPT_DISCOVERY, &opt))
        copy_text(e->name, sizeof e->name, opt.value, opt.length);
}

static void fresh(void)
{
    memset(&node, 0, sizeof node);
    memset(&told, 0, sizeof told);
    memset(&told_too, 0, sizeof told_too);
    cancel_at = 0;
    their_id = 0x9000;
    wire.time = 100000;
    loop_plug(&wire, &node);
    node.in = in;
    node.in_size = sizeof in;
    node.out = out;
    node.out_size = sizeof out;
    node.packet = PACKET;
    CHECK_EQ(coap2_start(&node, 7252), COAP2_OK);
}

static void pass(uint32_t ms)
{
    loop_pass(&wire, &node, ms);
}

static void poll_now(void)
{
    loop_poll(&wire, &node);
}

/* Nothing is under way, and every exchange is free. */
#define CHECK_IDLE() check_idle(__LINE__)
static void check_idle(int line)
{
    test_equal(loop_poll(&wire, &node), COAP2_FOREVER, line);
    test_equal(world_count_free(&node), EXCHANGES, line);
    test_equal(loop_poll(&wire, &node), COAP2_FOREVER, line);
}

/* The last event of a story, or an empty one. */
static const event *last_of(const story *s)
{
    return &s->events[s->count == 0 ? 0 : (s->count - 1) % EVENTS];
}

/* So many callbacks, the last one the end, and the only one. */
#define CHECK_ENDED(s, times, want) check_ended((s), (times), (want), __LINE__)
static void check_ended(const story *s, unsigned times, coap2_result want,
                        int line)
{
    const event *e = last_of(s);

    test_equal(s->count, times, line);
    test_equal(s->ends, 1, line);
    if (s->count == 0) return;
    test_equal((unsigned long)-e->result, (unsigned long)-want, line);
    test_check(!e->more && e->had_message == (want == COAP2_OK), line);
}

/* ---- what is sent -------------------------------------------------------- */

/* Read a datagram that was sent. */
static bool read_sent(unsigned index, coap2_msg *msg)
{
    const loop_packet *packet = loop_sent(&wire, index);

    return coap2_msg_parse(msg, packet->bytes, packet->length) == COAP2_OK;
}

static bool is_search(unsigned index, const char *what)
{
    coap2_msg msg;
    coap2_opt opt;

    return read_sent(index, &msg) && msg.type == COAP2_NON &&
           msg.code == COAP2_001_GET &&
           coap2_msg_path_is(&msg, ".well-known/core") &&
           coap2_msg_find(&msg, COAP2_OPT_DISCOVERY, &opt) &&
           (what == NULL || coap2_opt_is(&opt, what));
}

/* The group of a destination: 1, 2 or 4; 0 if it is none of CoAP's, or is not
   said to be one, or has another port. */
static unsigned group_of(const coap2_peer *peer)
{
    static const uint8_t ipv4[16] = {224, 0, 1, 187};
    static const uint8_t link[16] = {255, 2, 0, 0, 0, 0, 0, 0,
                                     0,   0, 0, 0, 0, 0, 0, 0xfd};
    static const uint8_t site[16] = {255, 5, 0, 0, 0, 0, 0, 0,
                                     0,   0, 0, 0, 0, 0, 0, 0xfd};

    if (!peer->group || peer->port != 5683) return 0;
    if (peer->kind == COAP2_PEER_IPV4)
        return memcmp(peer->address, ipv4, 16) == 0;
    if (peer->kind != COAP2_PEER_IPV6) return 0;
    if (memcmp(peer->address, link, 16) == 0) return 2;
    return memcmp(peer->address, site, 16) == 0 ? 4 : 0;
}

/* How many searches of this were sent since loop_clear, and where the last one
   to 224.0.1.187 stands. */
static unsigned count_searches(const char *what, unsigned *index)
{
    unsigned i, searches = 0;

    CHECK(wire.count <= LOOP_SENT);
    for (i = 0; i < wire.count; i++) {
        if (!is_search(i, what)) continue;
        searches++;
        if (group_of(&loop_sent(&wire, i)->peer) == 1) *index = i;
    }
    return searches;
}

static unsigned groups_searched(const char *what)
{
    unsigned i, groups = 0;

    for (i = 0; i < wire.count; i++)
        if (is_search(i, what)) groups |= group_of(&loop_sent(&wire, i)->peer);
    return groups;
}

/* A search was sent, once to each group. Returns the one to 224.0.1.187. */
#define SEARCHED(what) searched((what), __LINE__)
static unsigned searched(const char *what, int line)
{
    unsigned index = 0;

    test_equal(count_searches(what, &index), 3, line);
    test_equal(groups_searched(what), 7, line);
    return index;
}

/* No search was sent since loop_clear. */
#define CHECK_NO_SEARCH() check_no_search(__LINE__)
static void check_no_search(int line)
{
    unsigned index;

    test_equal(count_searches(NULL, &index), 0, line);
}

/* ---- the others ---------------------------------------------------------- */

/* Make the answer to a request that was sent: its token, an id of theirs, or
   the request's for an ACK. */
static coap2_writer w;
static uint8_t answer[256];

static void open_answer(unsigned index, uint8_t type, uint8_t code)
{
    const uint8_t *request = loop_sent(&wire, index)->bytes;
    uint16_t id = type == COAP2_ACK ? loop_id(&wire, index) : ++their_id;

    coap2_write_start(&w, answer, sizeof answer);
    coap2_write_header(&w, type, code, id, request + 4, request[0] & 15u);
}

static void push_answer(coap2_peer from)
{
    CHECK(coap2_write_end(&w) > 0);
    loop_push_at(&wire, from, answer, coap2_write_end(&w), wire.time);
}

/* A node answers a search; without a name (NULL) it is one that knows no
   Discovery. */
static void found_at(coap2_peer from, unsigned index, const char *name,
                     const char *links)
{
    open_answer(index, COAP2_NON, COAP2_205_CONTENT);
    coap2_write_uint(&w, COAP2_OPT_CONTENT_FORMAT, COAP2_FORMAT_LINKS);
    if (name != NULL) coap2_write_text(&w, COAP2_OPT_DISCOVERY, name);
    coap2_write_payload(&w, links, strlen(links));
    push_answer(from);
    poll_now();
}

static void found(uint8_t peer, unsigned index, const char *name,
                  const char *links)
{
    found_at(loop_peer(peer), index, name, links);
}

/* A server answers a request, in its ACK. */
static void reply(unsigned index, const char *text)
{
    open_answer(index, COAP2_ACK, COAP2_205_CONTENT);
    coap2_write_payload(&w, text, strlen(text));
    push_answer(loop_sent(&wire, index)->peer);
    poll_now();
}

/* ---- searches ------------------------------------------------------------ */

/* With an end that comes soon. */
static int16_t look_for(const char *what, story *s)
{
    coap2_call call;

    coap2_call_find(&call, &node, what);
    call.deadline = 3 * SECOND;
    return coap2_call_send(&call, on_event, s);
}

/* A search that has been sent; returns where. */
static unsigned begin_search(const char *what)
{
    fresh();
    CHECK(look_for(what, &told) > 0);
    CHECK_EQ(wire.tried, 0);
    poll_now();
    return SEARCHED(what);
}

static void to_all_groups(void)
{
    char what[] = "/fan";
    unsigned i;

    fresh();
    CHECK(coap2_find(&node, what, on_event, &told) > 0);
    memset(what, 'z', sizeof what - 1); /* it may go */
    CHECK_EQ(wire.tried, 0);
    poll_now();
    CHECK_EQ(wire.count, 3);
    SEARCHED("/fan");
    for (i = 0; i < 3; i++)
        LOOP_IS(&wire, i,
                "5401.... ........ bb'.well-known' 04'core' e4 0014'/fan'");
    fresh();
    CHECK(coap2_find(&node, "", on_event, &told) > 0);
    poll_now();
    CHECK_EQ(wire.count, 3);
    for (i = 0; i < 3; i++)
        LOOP_IS(&wire, i, "5401.... ........ bb'.well-known' 04'core' e0 0014");
}

static void reported(void)
{
    coap2_peer one = loop_peer(1);
    int16_t handle;
    unsigned at;

    fresh();
    handle = look_for("", &told);
    poll_now();
    at = SEARCHED("");
    CHECK_EQ(told.count, 0);
    found(1, at, "node1.local", "</fan>");
    CHECK_EQ(told.count, 1);
    CHECK_EQ(told.events[0].result, COAP2_OK);
    CHECK(told.events[0].more);
    CHECK(told.events[0].had_message);
    CHECK_EQ(told.events[0].request, handle);
    CHECK_TEXT(told.events[0].name, "node1.local");
    CHECK_TEXT(told.events[0].text, "</fan>");
    CHECK(coap2_peer_equals(&told.events[0].peer, &one));
    found(2, at, "", "</temp>");
    CHECK_EQ(told.count, 2);
    CHECK_TEXT(told.events[1].name, "");
    CHECK_TEXT(told.events[1].text, "</temp>");
    loop_clear(&wire);
    pass(3 * SECOND);
    CHECK_ENDED(&told, 3, COAP2_ERR_TIMEOUT);
    CHECK_EQ(last_of(&told)->request, handle);
    loop_clear(&wire);
    pass(100 * SECOND);
    LOOP_SILENT(&wire);
    CHECK_IDLE();
}

/* The end comes once, when it was asked for, also where nobody answers. */
static void the_end(void)
{
    begin_search("/none");
    pass(2999);
    CHECK_EQ(told.count, 0);
    pass(2);
    CHECK_ENDED(&told, 1, COAP2_ERR_TIMEOUT);
    CHECK_EQ(told.events[0].time, 103000);
    CHECK_IDLE();
    fresh();
    CHECK(coap2_find(&node, "/none", on_event, &told) > 0);
    pass(COAP2_LEISURE); /* that long an answer may take */
    CHECK_EQ(told.count, 0);
    pass(COAP2_DEADLINE);
    CHECK_ENDED(&told, 1, COAP2_ERR_TIMEOUT);
    CHECK_IDLE();
}

/* Each is reported once, however often it answers: the same message again, a
   new one, the other groups. */
static void each_once(void)
{
    unsigned at = begin_search(""), i;

    for (i = 1; i <= 6; i++) found((uint8_t)i, at, "node.local", "</fan>");
    CHECK_EQ(told.count, 6);
    for (i = 1; i <= 6; i++) {
        found((uint8_t)i, at, "node.local", "</fan>");
        push_answer(loop_peer((uint8_t)i)); /* the same message */
        poll_now();
        found((uint8_t)i, 0, "node.local", "</fan>");
        found((uint8_t)i, 1, "node.local", "</fan>");
        found((uint8_t)i, 2, "node.local", "</fan>");
    }
    CHECK_EQ(told.count, 6);
    pass(3 * SECOND);
    CHECK_ENDED(&told, 7, COAP2_ERR_TIMEOUT);
}

/* There may be more than the slot of the search has room to remember: each is
   reported, and no byte behind the slot is written. */
static void more_than_fit(void)
{
    unsigned at = begin_search(""), i, had;
    static uint8_t before[sizeof out];

    for (i = 1; i <= 20; i++) found((uint8_t)i, at, "node.local", "");
    memcpy(before, out, sizeof out);
    for (; i <= 60; i++) found((uint8_t)i, at, "node.local", "");
    CHECK_EQ(told.count, 60);
    CHECK(memcmp(out + 2 * PACKET, before + 2 * PACKET,
                 sizeof out - 2 * PACKET) == 0);
    had = told.count;
    for (i = 1; i <= 20; i++) found((uint8_t)i, at, "node.local", "");
    CHECK_EQ(told.count, had);
    pass(3 * SECOND);
    CHECK_ENDED(&told, had + 1, COAP2_ERR_TIMEOUT);
}

/* Two ports of an address are two nodes. */
static void two_ports(void)
{
    unsigned at = begin_search("");
    coap2_peer other = loop_peer(1);

    other.port = 6000;
    found(1, at, "node1.local", "");
    found_at(other, at, "node2.local", "");
    CHECK_EQ(told.count, 2);
    CHECK_EQ(told.events[1].peer.port, 6000);
}

/* A confirmable answer is acknowledged, and the same one again, too. */
static void confirmable_answers(void)
{
    unsigned at = begin_search(""), i;

    open_answer(at, COAP2_CON, COAP2_205_CONTENT);
    coap2_write_text(&w, COAP2_OPT_DISCOVERY, "node1.local");
    for (i = 0; i < 2; i++) {
        loop_clear(&wire);
        push_answer(loop_peer(1));
        poll_now();
        LOOP_ONLY(&wire, "60009001");
        CHECK_EQ(told.count, 1);
    }
}

/* What is not a 2.05 is no node that was looked for. */
static void errors(void)
{
    static const uint8_t codes[] = {
        COAP2_400_BAD_REQUEST,        COAP2_402_BAD_OPTION,
        COAP2_404_NOT_FOUND,          COAP2_405_METHOD_NOT_ALLOWED,
        COAP2_406_NOT_ACCEPTABLE,     COAP2_500_INTERNAL_SERVER_ERROR,
        COAP2_501_NOT_IMPLEMENTED,    COAP2_503_SERVICE_UNAVAILABLE,
        COAP2_429_TOO_MANY_REQUESTS,  COAP2_401_UNAUTHORIZED,
        COAP2_403_FORBIDDEN,          COAP2_508_HOP_LIMIT_REACHED,
        COAP2_504_GATEWAY_TIMEOUT,    COAP2_502_BAD_GATEWAY,
        COAP2_412_PRECONDITION_FAILED};
    unsigned at = begin_search(""), i;

    for (i = 0; i < sizeof codes; i++) {
        open_answer(at, COAP2_NON, codes[i]);
        coap2_write_text(&w, COAP2_OPT_DISCOVERY, "node1.local");
        push_answer(loop_peer((uint8_t)(i + 1)));
        poll_now();
    }
    CHECK_EQ(told.count, 0);
    open_answer(at, COAP2_NON, COAP2_205_CONTENT);
    coap2_write_opt(&w, 2049, "x", 1); /* critical, and unknown (5.4.1) */
    push_answer(loop_peer(100));
    poll_now();
    CHECK_EQ(told.count, 0);
    found(1, at, "node1.local", "</x>"); /* it may do better */
    CHECK_EQ(told.count, 1);
    pass(3 * SECOND);
    CHECK_ENDED(&told, 2, COAP2_ERR_TIMEOUT);
}

/* ---- whom it reports ----------------------------------------------------- */

typedef struct case_row {
    const char *what;
    const char *name; /* NULL: it knows no Discovery */
    const char *links;
    bool reported;
} case_row;

/* A plain node lists all it has, whoever was looked for. */
static const case_row rows[] = {
    {"", NULL, "</a>,</b>", true},
    {"", NULL, "", true},
    {"", NULL, "no links", true},
    {"/a", NULL, "</a>,</b>", true},
    {"/b", NULL, "</a>;rt=\"x\",</b>;if=\"y\"", true},
    {"/c,/b", NULL, "</a>,</b>", true},
    {"b,", NULL, "</a>,</b>", true},
    {" b ,", NULL, "</a>,</b>", true},
    {"/a/*", NULL, "</a>,</a/b>", true},
    {"/*", NULL, "</a>", true},
    {"*,", NULL, "</a>", true},
    {"/c", NULL, "</a>,</b>", false},
    {"/A", NULL, "</a>,</b>", false},
    {"/a/*", NULL, "</a>,</ab>", false},
    {"/ab", NULL, "</a>", false},
    {"/a", NULL, "</ab>", false},
    {"/a", NULL, "", false},
    {"/*", NULL, "", false},
    {",", NULL, "</a>", false},
    {"/a", NULL, "no links", false},
    {"/rt", NULL, "</a>;rt=\"/rt\"", false},
    {"/b", NULL, "</a>;title=\",</b>\"", false},
    {"a", NULL, "</a>", false}, /* a name: it has none that it knows of */
    {"node1.local", NULL, "</a>,</node1.local>", false},
    /* who knows it has looked */
    {"node1.local", "node1.local", "", true},
    {"node1.local", "NODE1.local.", "</a>", true},
    {"Node1.local.", "node1.local", "</a>", true},
    {"/a", "node1.local", "</a>", true},
    {"/a", "", "</a>", true},
    {"", "", "", true},
    /* or is wrong */
    {"node1.local", "node2.local", "</a>", false},
    {"node1.local", "node1", "</a>", false},
    {"node1.local", "", "</a>", false}};

static void filtered(void)
{
    unsigned i, at;

    for (i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        test_row = i + 1;
        at = begin_search(rows[i].what);
        found(1, at, rows[i].name, rows[i].links);
        CHECK_EQ(told.count, rows[i].reported);
        pass(3 * SECOND);
        CHECK_ENDED(&told, rows[i].reported ? 2 : 1, COAP2_ERR_TIMEOUT);
    }
    test_row = 0;
}

/* The paths of a node are JSON if that was asked for. */
static void json_answers(void)
{
    static const char json[] = "{\"/a\":{\"methods\":[\"GET\"]}}";
    coap2_call call;
    unsigned at;

    fresh();
    coap2_call_find(&call, &node, "/a");
    coap2_write_uint(&call.w, COAP2_OPT_ACCEPT, COAP2_FORMAT_JSON);
    call.deadline = 3 * SECOND;
    CHECK(coap2_call_send(&call, on_event, &told) > 0);
    poll_now();
    at = SEARCHED("/a");
    LOOP_IS(&wire, at,
            "5401.... ........ bb'.well-known' 04'core' 6132 e2 000e'/a'");
    open_answer(at, COAP2_NON, COAP2_205_CONTENT);
    coap2_write_uint(&w, COAP2_OPT_CONTENT_FORMAT, COAP2_FORMAT_JSON);
    coap2_write_text(&w, COAP2_OPT_DISCOVERY, "node1.local");
    coap2_write_payload(&w, json, sizeof json - 1);
    push_answer(loop_peer(1));
    poll_now();
    CHECK_EQ(told.count, 1);
    CHECK_TEXT(told.events[0].text, json);
}

/* A list that is larger than a packet is its first block, and not asked on. It
   may be cut anywhere. */
static void first_block(void)
{
    static const char cut[] = "</a>,</b>;title=\"a title, that i";
    unsigned at = begin_search("/a"), i;
    coap2_block block = {0, 1, true};

    for (i = 0; i < 2; i++) {
        loop_clear(&wire);
        open_answer(at, COAP2_NON, COAP2_205_CONTENT);
        if (i == 0) coap2_write_text(&w, COAP2_OPT_DISCOVERY, "node1.local");
        coap2_write_block(&w, COAP2_OPT_BLOCK2, &block);
        coap2_write_payload(&w, cut, 32);
        push_answer(loop_peer((uint8_t)(i + 1)));
        poll_now();
        pass(100);
        LOOP_SILENT(&wire);
        CHECK_EQ(told.count, i + 1);
        CHECK_TEXT(told.events[i].text, cut);
    }
    pass(3 * SECOND);
    CHECK_ENDED(&told, 3, COAP2_ERR_TIMEOUT);
    CHECK_IDLE();
}

/* ---- what may go wrong --------------------------------------------------- */

/* Where one family cannot be sent, the others go out. */
static void cannot_send(void)
{
    unsigned failing, at = 0;

    for (failing = 1; failing <= 2; failing++) {
        fresh();
        CHECK(look_for("", &told) > 0);
        wire.fail = failing;
        poll_now();
        pass(100);
        CHECK_EQ(count_searches("", &at), 3 - failing);
        CHECK_EQ(told.count, 0);
        found(1, 0, "node1.local", "");
        CHECK_EQ(told.count, 1);
        pass(3 * SECOND);
        CHECK_ENDED(&told, 2, COAP2_ERR_TIMEOUT);
        CHECK_IDLE();
    }
    fresh();
    CHECK(look_for("", &told) > 0);
    wire.fail = 1000;
    poll_now();
    pass(4 * SECOND);
    CHECK_EQ(told.count, 1);
    CHECK_EQ(told.ends, 1);
    CHECK_EQ(last_of(&told)->result, COAP2_ERR_SEND);
    wire.fail = 0;
    CHECK_IDLE();
}

/* What is to be tried again is. */
static void not_now(void)
{
    fresh();
    CHECK(look_for("", &told) > 0);
    wire.again = 3;
    pass(200);
    CHECK_EQ(wire.count, 3);
    SEARCHED("");
    fresh();
    CHECK(look_for("", &told) > 0);
    wire.again = 2; /* those hear the second copy */
    pass(COAP2_ACK_TIMEOUT + 1);
    CHECK_EQ(wire.count, 4);
    CHECK_EQ(groups_searched(""), 7);
}

static void cancelled(void)
{
    unsigned at;
    int16_t handle;

    fresh();
    handle = look_for("", &told);
    CHECK_EQ(coap2_cancel(&node, handle), COAP2_OK);
    CHECK_ENDED(&told, 1, COAP2_ERR_CANCELLED);
    pass(SECOND);
    LOOP_SILENT(&wire);
    CHECK_IDLE();
    at = begin_search("");
    found(1, at, "node1.local", "");
    CHECK_EQ(coap2_cancel(&node, told.events[0].request), COAP2_OK);
    CHECK_ENDED(&told, 2, COAP2_ERR_CANCELLED);
    found(2, at, "node2.local", "");
    pass(10 * SECOND);
    CHECK_EQ(told.count, 2);
    CHECK_EQ(coap2_cancel(&node, told.events[0].request), COAP2_ERR_ARG);
    CHECK_IDLE();
}

static void cancelled_inside(void)
{
    unsigned at = begin_search("");

    cancel_at = 2;
    found(1, at, "node1.local", "");
    found(2, at, "node2.local", "");
    CHECK_ENDED(&told, 3, COAP2_ERR_CANCELLED);
    found(3, at, "node3.local", "");
    CHECK_EQ(told.count, 3);
    CHECK_IDLE();
}

/* An option holds 255 bytes; and there is a slot for the request, or not. */
static void refused(void)
{
    static char what[300];
    int16_t handle;

    fresh();
    memset(what, 'n', 256);
    handle = look_for(what, &told);
    CHECK(handle < 0);
    what[255] = '\0';
    CHECK_EQ(look_for(what, &told), COAP2_ERR_SPACE); /* of the packet */
    what[64] = '\0';
    CHECK(look_for(what, &told) > 0);
    CHECK_EQ(told.count, 0);
}

/* Searches at once: each has its own answers, and its own end. */
static void at_once(void)
{
    unsigned one = 0, two = 0;

    fresh();
    CHECK(look_for("node1.local", &told) > 0);
    CHECK(look_for("/temp", &told_too) > 0);
    pass(500);
    CHECK_EQ(count_searches("node1.local", &one), 3);
    CHECK_EQ(count_searches("/temp", &two), 3);
    CHECK(memcmp(loop_sent(&wire, one)->bytes + 4,
                 loop_sent(&wire, two)->bytes + 4, 4) != 0);
    found(1, one, "node1.local", "</fan>");
    found(2, two, "node2.local", "</temp>");
    found(1, two, "node1.local", "</temp>");
    CHECK_EQ(told.count, 1);
    CHECK_EQ(told_too.count, 2);
    CHECK_TEXT(told.events[0].text, "</fan>");
    CHECK_TEXT(told_too.events[1].text, "</temp>");
    pass(4 * SECOND);
    CHECK_ENDED(&told, 2, COAP2_ERR_TIMEOUT);
    CHECK_ENDED(&told_too, 3, COAP2_ERR_TIMEOUT);
    CHECK_IDLE();
}

/* As many as there is room for; each ends once. */
static void as_many_as_fit(void)
{
    static story all[EXCHANGES + 1];
    unsigned i, begun = 0;
    int16_t handle = 0;

    fresh();
    memset(all, 0, sizeof all);
    while (begun <= EXCHANGES) {
        handle = look_for("/fan", &all[begun]);
        if (handle < 0) break;
        begun++;
    }
    CHECK_EQ(-handle, -COAP2_ERR_FULL);
    CHECK(begun >= 1 && begun <= EXCHANGES);
    CHECK_EQ(all[begun].count, 0);
    pass(COAP2_DEADLINE);
    for (i = 0; i < begun; i++) CHECK_ENDED(&all[i], 1, COAP2_ERR_TIMEOUT);
    CHECK_IDLE();
}

/* A query narrows it, byte by byte behind the path. */
static void with_query(void)
{
    coap2_call call;
    unsigned at;

    fresh();
    coap2_call_find(&call, &node, "");
    coap2_write_text(&call.w, COAP2_OPT_URI_QUERY, "rt=climate");
    CHECK(coap2_call_send(&call, on_event, &told) > 0);
    poll_now();
    at = SEARCHED("");
    LOOP_IS(&wire, at,
            "5401.... ........ bb'.well-known' 04'core' 4a'rt=climate' "
            "e0 0010");
}

static void one_group(void)
{
    coap2_call call;
    unsigned at;

    begin_search("");
    for (at = 0; at < 3; at++) {
        coap2_peer group = loop_sent(&wire, at)->peer;

        fresh();
        coap2_call_find(&call, &node, "/fan");
        call.peer = group;
        call.deadline = 3 * SECOND;
        CHECK(coap2_call_send(&call, on_event, &told) > 0);
        pass(SECOND);
        LOOP_ONLY(&wire, "5401.... ........ bb'.well-known' 04'core' "
                         "e4 0014'/fan'");
        CHECK(coap2_peer_equals(&wire.sent[0].peer, &group));
        found(1, 0, "node1.local", "</fan>");
        CHECK_EQ(told.count, 1);
        pass(3 * SECOND);
        CHECK_ENDED(&told, 2, COAP2_ERR_TIMEOUT);
        begin_search("");
    }
}

/* One node is asked as any other request is: confirmed, sent again if need be,
   and over with the answer. */
static void one_node(void)
{
    coap2_call call;
    unsigned i;

    for (i = 0; i < 2; i++) {
        fresh();
        coap2_call_find(&call, &node, "/fan");
        call.peer = loop_peer(9);
        call.confirmable = true;
        CHECK(coap2_call_send(&call, on_event, &told) > 0);
        pass(3500);
        CHECK_EQ(wire.count, 2);
        LOOP_IS(&wire, 0,
                "4401.... ........ bb'.well-known' 04'core' e4 0014'/fan'");
        LOOP_IS(&wire, 1,
                "4401.... ........ bb'.well-known' 04'core' e4 0014'/fan'");
        open_answer(0, COAP2_ACK,
                    i == 0 ? COAP2_205_CONTENT : COAP2_404_NOT_FOUND);
        if (i == 0) coap2_write_text(&w, COAP2_OPT_DISCOVERY, "node9.local");
        push_answer(loop_peer(9));
        poll_now();
        CHECK_ENDED(&told, 1, COAP2_OK);
        CHECK_EQ(told.events[0].code,
                 i == 0 ? COAP2_205_CONTENT : COAP2_404_NOT_FOUND);
        CHECK_IDLE();
    }
}

static void waited_for(void)
{
    coap2_call call;

    fresh();
    coap2_call_find(&call, &node, "/none");
    call.deadline = 2 * SECOND;
    CHECK_EQ(-coap2_wait(&node, coap2_call_send(&call, on_event, &told)),
             -COAP2_ERR_TIMEOUT);
    CHECK_ENDED(&told, 1, COAP2_ERR_TIMEOUT);
    CHECK_EQ(wire.time, 102000);
}

/* ---- requests by name ---------------------------------------------------- */

#define URI "coap://node1.local/x"

/* A request, up to its search; returns where that is. */
static unsigned begin_by_name(void)
{
    CHECK(coap2_get(&node, URI, on_event, &told) > 0);
    CHECK_EQ(wire.tried, 0);
    poll_now();
    return SEARCHED("node1.local");
}

/* The name becomes known as that of a peer, and a request has been answered. */
static void know(uint8_t peer)
{
    unsigned at;

    fresh();
    at = begin_by_name();
    loop_clear(&wire);
    found(peer, at, "node1.local", "");
    CHECK_EQ(wire.count, 1);
    reply(0, "here");
    CHECK_ENDED(&told, 1, COAP2_OK);
    memset(&told, 0, sizeof told);
    loop_clear(&wire);
}

#define REQUEST "4401.... ........ 3b'node1.local' 81'x'"

/* A request of ours went to a peer, and nothing else was sent. */
#define CHECK_ASKED(n) check_asked((n), __LINE__)
static void check_asked(uint8_t n, int line)
{
    coap2_peer peer = loop_peer(n);

    test_equal(wire.count, 1, line);
    loop_is(&wire, 0, TEST_TEXT(REQUEST), line);
    if (wire.count > 0)
        test_check(coap2_peer_equals(&wire.sent[0].peer, &peer), line);
}

static void by_name(void)
{
    coap2_peer peer = loop_peer(7);
    unsigned at;

    fresh();
    at = begin_by_name();
    CHECK_EQ(told.count, 0);
    loop_clear(&wire);
    found(7, at, "node1.local", "</x>");
    CHECK_ASKED(7);
    CHECK_EQ(told.count, 0);
    reply(0, "hello");
    CHECK_ENDED(&told, 1, COAP2_OK);
    CHECK_TEXT(told.events[0].text, "hello");
    CHECK(coap2_peer_equals(&told.events[0].peer, &peer));
    CHECK_IDLE();
}

/* A search is not confirmed: so it goes out twice, as one message (4.3), if
   there is time. Who hears both may answer both. */
static void lost_on_the_way(void)
{
    unsigned i, at;

    fresh();
    CHECK(coap2_find(&node, "/fan", on_event, &told) > 0);
    pass(COAP2_ACK_TIMEOUT - 1);
    CHECK_EQ(wire.count, 3);
    pass(COAP2_DEADLINE);
    CHECK_EQ(wire.count, 6);
    for (i = 0; i < 3; i++) {
        CHECK_BYTES(loop_sent(&wire, i)->bytes, loop_sent(&wire, i)->length,
                    loop_sent(&wire, i + 3)->bytes,
                    loop_sent(&wire, i + 3)->length);
        CHECK_EQ(loop_sent(&wire, i + 3)->time, 100000 + COAP2_ACK_TIMEOUT);
    }
    CHECK_ENDED(&told, 1, COAP2_ERR_TIMEOUT);
    fresh();
    begin_by_name();
    loop_clear(&wire);
    pass(COAP2_ACK_TIMEOUT);
    at = SEARCHED("node1.local");
    loop_clear(&wire);
    found(7, at, "node1.local", "");
    CHECK_ASKED(7);
}

/* Once known, it is asked at once. */
static void known(void)
{
    know(7);
    CHECK(coap2_get(&node, URI, on_event, &told) > 0);
    poll_now();
    CHECK_ASKED(7);
    reply(0, "again");
    CHECK_ENDED(&told, 1, COAP2_OK);
}

/* For five minutes. */
static void forgotten_in_time(void)
{
    know(7);
    pass(4 * MINUTE + 58 * SECOND);
    CHECK(coap2_get(&node, URI, on_event, &told) > 0);
    poll_now();
    CHECK_ASKED(7);
    reply(0, "again");
    know(7);
    pass(5 * MINUTE + SECOND);
    loop_clear(&wire);
    begin_by_name();
}

/* A search finds for others, too: by name, by offer, or everybody. */
static void found_before(void)
{
    static const char *const whats[] = {"node1.local", "/fan", "", "/x,/y"};
    unsigned i, at;

    for (i = 0; i < 4; i++) {
        at = begin_search(whats[i]);
        found(3, at, "NODE1.local", "</fan>,</x>");
        loop_clear(&wire);
        CHECK(coap2_get(&node, URI, on_event, &told_too) > 0);
        poll_now();
        CHECK_ASKED(3);
        reply(0, "yes");
        CHECK_ENDED(&told_too, 1, COAP2_OK);
    }
}

/* The case of a name does not matter, nor the dot behind it. */
static void one_name(void)
{
    static const char *const uris[] = {
        "coap://NODE1.Local/x", "coap://node1.local./x", "coap://node%31.LOCAL",
        "coap://node1.local:5683/x"};
    unsigned i;

    for (i = 0; i < 4; i++) {
        know(7);
        CHECK(coap2_get(&node, uris[i], on_event, &told) > 0);
        poll_now();
        CHECK_NO_SEARCH();
        CHECK_EQ(wire.count, 1);
        CHECK_EQ(wire.sent[0].peer.address[3], 7);
    }
}

static unsigned resolved; /* calls */
static bool resolves;

static bool resolve(void *io, const char *host, size_t length, coap2_peer *peer)
{
    uint16_t port = peer->port;

    (void)io;
    resolved++;
    CHECK_BYTES(host, length, "node1.local", 11);
    if (!resolves) return false;
    *peer = loop_peer(88);
    peer->port = port;
    return true;
}

/* What the caller's own resolver knows is not looked for. */
static void resolve_first(void)
{
    fresh();
    node.resolve = resolve;
    resolves = true;
    resolved = 0;
    CHECK(coap2_get(&node, URI, on_event, &told) > 0);
    CHECK_EQ(resolved, 1);
    poll_now();
    CHECK_ASKED(88);
    know(7);
    node.resolve = resolve;
    resolves = false;
    CHECK(coap2_get(&node, URI, on_event, &told) > 0);
    poll_now();
    CHECK_ASKED(7);
    fresh();
    node.resolve = resolve;
    begin_by_name();
}

/* Nobody has it: that is the end, once, when the search is over. */
static void nobody(void)
{
    fresh();
    begin_by_name();
    pass(COAP2_LEISURE); /* that long an answer may take */
    CHECK_EQ(told.count, 0);
    loop_clear(&wire);
    pass(COAP2_DEADLINE);
    CHECK_ENDED(&told, 1, COAP2_ERR_NAME);
    CHECK_EQ(last_of(&told)->had_message, false);
    CHECK_IDLE();
}

/* Others that answer are not who is meant. */
static void not_meant(void)
{
    unsigned at;

    fresh();
    at = begin_by_name();
    loop_clear(&wire);
    found(1, at, NULL, "</x>");
    found(2, at, "node2.local", "</x>");
    found(3, at, "", "</x>");
    open_answer(at, COAP2_NON, COAP2_404_NOT_FOUND);
    coap2_write_text(&w, COAP2_OPT_DISCOVERY, "node1.local");
    push_answer(loop_peer(4));
    poll_now();
    CHECK_EQ(wire.count, 0);
    CHECK_EQ(told.count, 0);
    found(5, at, "node1.local", "</x>");
    CHECK_ASKED(5);
}

/* Of two nodes with one name the first that answers is asked; a search reports
   both. */
static void two_with_one_name(void)
{
    unsigned at;

    fresh();
    at = begin_by_name();
    loop_clear(&wire);
    found(5, at, "node1.local", "</x>");
    CHECK_ASKED(5);
    open_answer(at, COAP2_NON, COAP2_205_CONTENT);
    found(6, at, "node1.local", "</x>");
    CHECK_EQ(wire.count, 1);
    reply(0, "five");
    CHECK_ENDED(&told, 1, COAP2_OK);
    at = begin_search("node1.local");
    found(5, at, "node1.local", "</x>");
    found(6, at, "node1.local", "</x>");
    CHECK_EQ(told.count, 2);
    loop_clear(&wire);
    CHECK(coap2_get(&node, URI, on_event, &told_too) > 0);
    poll_now();
    CHECK_ASKED(5);
}

/* It is somewhere else now: known still where it was, and found again. */
static void moves(void)
{
    unsigned at = 0, waited = 0;

    know(7);
    CHECK(coap2_get(&node, URI, on_event, &told) > 0);
    poll_now();
    CHECK_ASKED(7);
    while (count_searches("node1.local", &at) == 0 && waited++ < 200)
        pass(SECOND);
    CHECK_EQ(count_searches("node1.local", &at), 3);
    CHECK_EQ(told.count, 0);
    found(8, at, "node1.local", "</x>");
    CHECK_EQ(told.count, 0);
    CHECK_EQ(loop_sent(&wire, wire.count - 1)->peer.address[3], 8);
    LOOP_IS(&wire, wire.count - 1, REQUEST);
    reply(wire.count - 1, "moved");
    CHECK_ENDED(&told, 1, COAP2_OK);
    CHECK_TEXT(told.events[0].text, "moved");
    memset(&told, 0, sizeof told);
    loop_clear(&wire);
    CHECK(coap2_get(&node, URI, on_event, &told) > 0);
    poll_now();
    CHECK_ASKED(8);
    reply(0, "known");
    CHECK_ENDED(&told, 1, COAP2_OK);
    CHECK_IDLE();
}

/* It looks once more, and no more: who is found again and does not answer is
   not looked for another time. */
static void once_more(void)
{
    unsigned at = 0, waited = 0;

    know(7);
    CHECK(coap2_get(&node, URI, on_event, &told) > 0);
    while (count_searches("node1.local", &at) == 0 && waited++ < 200)
        pass(SECOND);
    CHECK_EQ(count_searches("node1.local", &at), 3);
    found(7, at, "node1.local", "</x>");
    loop_clear(&wire);
    pass(3 * COAP2_DEADLINE);
    CHECK_NO_SEARCH();
    CHECK_ENDED(&told, 1, COAP2_ERR_TIMEOUT);
    CHECK_IDLE();
}

/* Ask for a known name, by a method, and let time pass until it is looked for,
   or for that long. Returns where the search stands; 0: there is none. */
static unsigned lose(uint8_t method, const char *uri)
{
    unsigned at = 0, waited = 0;

    CHECK(coap2_request(&node, method, uri, NULL, 0, on_event, &told) > 0);
    poll_now();
    CHECK_NO_SEARCH();
    while (count_searches("node1.local", &at) == 0 && told.count == 0 &&
           waited++ < 400)
        pass(SECOND);
    return at;
}

/* What may do something twice is not sent elsewhere: it may have been done
   where nobody answers. But the name is forgotten. */
static void unsafe_is_not_sent_on(void)
{
    static const uint8_t methods[] = {COAP2_PUT, COAP2_POST, COAP2_DELETE,
                                      COAP2_PATCH, COAP2_IPATCH};
    unsigned i;

    for (i = 0; i < sizeof methods; i++) {
        know(7);
        CHECK_EQ(lose(methods[i], URI), 0);
        CHECK_NO_SEARCH();
        CHECK_ENDED(&told, 1, COAP2_ERR_TIMEOUT);
        CHECK_EQ(wire.count, 1 + COAP2_MAX_RETRANSMIT);
        CHECK_IDLE();
        loop_clear(&wire);
        begin_by_name();
    }
}

/* FETCH is safe, as GET is. */
static void fetch_is_sent_on(void)
{
    unsigned at;

    know(7);
    at = lose(COAP2_FETCH, URI);
    loop_clear(&wire);
    found(8, at, "node1.local", "");
    LOOP_ONLY(&wire, "4405.... ........ 3b'node1.local' 81'x'");
    CHECK_EQ(wire.sent[0].peer.address[3], 8);
}

/* It keeps the port of its URI. */
static void keeps_its_port(void)
{
    unsigned at;

    know(7);
    at = lose(COAP2_GET, "coap://node1.local:61616/x");
    loop_clear(&wire);
    found(8, at, "node1.local", "");
    LOOP_ONLY(&wire, REQUEST);
    CHECK_EQ(wire.sent[0].peer.address[3], 8);
    CHECK_EQ(wire.sent[0].peer.port, 61616);
}

/* Known for five minutes, which end while it is asked. */
static void expires_under_way(void)
{
    unsigned at;

    know(7);
    pass(4 * MINUTE + 59 * SECOND);
    at = lose(COAP2_GET, URI);
    loop_clear(&wire);
    found(8, at, "node1.local", "");
    CHECK_ASKED(8);
    reply(0, "moved");
    CHECK_ENDED(&told, 1, COAP2_OK);
}

/* Who has acknowledged is there, and may take its time. */
static void acknowledged(void)
{
    uint8_t ack[4] = {0x60, 0, 0, 0};

    know(7);
    CHECK(coap2_get(&node, URI, on_event, &told) > 0);
    poll_now();
    CHECK_ASKED(7);
    ack[2] = wire.sent[0].bytes[2];
    ack[3] = wire.sent[0].bytes[3];
    loop_push_at(&wire, loop_peer(7), ack, sizeof ack, wire.time);
    pass(COAP2_DEADLINE + SECOND);
    CHECK_EQ(wire.count, 1);
    CHECK_ENDED(&told, 1, COAP2_ERR_TIMEOUT);
    CHECK_IDLE();
}

/* One that is not confirmable is looked for when its time is over. */
static void not_confirmed_and_lost(void)
{
    coap2_call call;
    unsigned at = 0;

    know(7);
    coap2_call_start(&call, &node, COAP2_GET, URI);
    call.confirmable = false;
    call.deadline = 4 * SECOND;
    CHECK(coap2_call_send(&call, on_event, &told) > 0);
    pass(3900);
    CHECK_EQ(wire.count, 1);
    loop_clear(&wire);
    pass(200);
    at = SEARCHED("node1.local");
    CHECK_EQ(told.count, 0);
    loop_clear(&wire);
    found(8, at, "node1.local", "");
    LOOP_ONLY(&wire, "5401.... ........ 3b'node1.local' 81'x'");
    CHECK_EQ(wire.sent[0].peer.address[3], 8);
    pass(4100);
    CHECK_ENDED(&told, 1, COAP2_ERR_TIMEOUT);
    CHECK_IDLE();
}

/* A token of the caller's is the request's, and not the search's. */
static void own_token(void)
{
    coap2_call call;
    unsigned at;

    fresh();
    coap2_call_start(&call, &node, COAP2_GET, URI);
    coap2_call_token(&call, "mine", 4);
    CHECK(coap2_call_send(&call, on_event, &told) > 0);
    poll_now();
    at = SEARCHED("node1.local");
    CHECK(memcmp(loop_sent(&wire, at)->bytes + 4, "mine", 4) != 0);
    found(8, at, "node1.local", "");
    LOOP_IS(&wire, 3, "4401.... 'mine' 3b'node1.local' 81'x'");
    found(9, at, "node1.local", "late"); /* answers the search, not this */
    CHECK_EQ(told.count, 0);
    reply(3, "yes");
    CHECK_ENDED(&told, 1, COAP2_OK);
    CHECK_TEXT(told.events[0].text, "yes");
}

/* What answers the search late, again or from elsewhere does not answer the
   request, nor does it end it. */
static void late_answers(void)
{
    unsigned at;

    fresh();
    at = begin_by_name();
    found(7, at, "node1.local", "</x>");
    CHECK_EQ(wire.count, 4);
    found(7, at, "node1.local", "</x>");
    found(8, at, "node1.local", "</x>");
    found(7, at, "node2.local", "</x>");
    CHECK_EQ(wire.count, 4);
    CHECK_EQ(told.count, 0);
    reply(3, "this");
    CHECK_ENDED(&told, 1, COAP2_OK);
    CHECK_TEXT(told.events[0].text, "this");
    CHECK_EQ(told.events[0].peer.address[3], 7);
}

/* Who has the name may list more than `in` holds: its address is all that is
   wanted. */
static void small_in(void)
{
    unsigned at;

    fresh();
    node.in_size = 64;
    at = begin_by_name();
    loop_clear(&wire);
    found(7, at, "node1.local",
          "</a>;rt=\"something\",</b>;rt=\"something\",</c>;rt=\"something\"");
    CHECK_ASKED(7);
}

/* A transport that is busy: the search goes out when it can. */
static void busy_for_a_name(void)
{
    unsigned at;

    fresh();
    CHECK(coap2_get(&node, URI, on_event, &told) > 0);
    wire.again = 6;
    pass(300);
    at = SEARCHED("node1.local");
    loop_clear(&wire);
    found(7, at, "node1.local", "");
    CHECK_ASKED(7);
}

/* An observation follows the node: when nothing fresh has come, and it does not
   answer where it was. */
static void observation_moves(void)
{
    unsigned at, waited = 0, last;

    fresh();
    CHECK(coap2_observe(&node, URI, on_event, &told) > 0);
    poll_now();
    at = SEARCHED("node1.local");
    loop_clear(&wire);
    found(4, at, "node1.local", "");
    open_answer(0, COAP2_ACK, COAP2_205_CONTENT);
    coap2_write_uint(&w, COAP2_OPT_OBSERVE, 5);
    push_answer(loop_peer(4));
    loop_clear(&wire);
    while (count_searches("node1.local", &at) == 0 && waited++ < 400)
        pass(SECOND);
    CHECK_EQ(told.ends, 0);
    CHECK_EQ(count_searches("node1.local", &at), 3);
    found(5, at, "node1.local", "");
    last = wire.count - 1;
    LOOP_IS(&wire, last, "4401.... ........ 3b'node1.local' 30 51'x'");
    CHECK_EQ(loop_sent(&wire, last)->peer.address[3], 5);
    open_answer(last, COAP2_ACK, COAP2_205_CONTENT);
    coap2_write_uint(&w, COAP2_OPT_OBSERVE, 1);
    coap2_write_payload(&w, "there", 5);
    push_answer(loop_peer(5));
    poll_now();
    CHECK_EQ(told.ends, 0);
    CHECK_TEXT(last_of(&told)->text, "there");
}

/* Who stops answering is forgotten: the next request looks at once. */
static void stops_answering(void)
{
    know(7);
    CHECK(coap2_get(&node, URI, on_event, &told) > 0);
    pass(3 * COAP2_DEADLINE);
    CHECK_EQ(told.count, 1);
    CHECK_EQ(told.ends, 1);
    CHECK(last_of(&told)->result == COAP2_ERR_TIMEOUT ||
          last_of(&told)->result == COAP2_ERR_NAME);
    CHECK_IDLE();
    loop_clear(&wire);
    begin_by_name();
}

/* Several that wait for one name, and one for another. */
static void several_wait(void)
{
    static story s[3];
    unsigned i, at = 0, other = 0, asked = 0;

    fresh();
    memset(s, 0, sizeof s);
    for (i = 0; i < 3; i++)
        CHECK(coap2_get(&node, i < 2 ? URI : "coap://node2.local/x", on_event,
                        &s[i]) > 0);
    pass(500);
    CHECK(count_searches("node1.local", &at) >= 3);
    CHECK_EQ(count_searches("node2.local", &other), 3);
    found(1, at, "node1.local", "");
    found(2, other, "node2.local", "");
    /* one at a time goes to a peer (4.7) */
    for (i = 0; i < wire.count && i < LOOP_SENT; i++) {
        if (loop_sent(&wire, i)->peer.group) continue;
        asked++;
        CHECK(loop_sent(&wire, i)->peer.address[3] == 1 ||
              loop_sent(&wire, i)->peer.address[3] == 2);
        reply(i, "ok");
    }
    CHECK_EQ(asked, 3);
    for (i = 0; i < 3; i++) CHECK_ENDED(&s[i], 1, COAP2_OK);
    pass(COAP2_DEADLINE);
    CHECK_IDLE();
}

/* What waits for its name may be given up; its answer comes to nothing then. */
static void given_up(void)
{
    int16_t handle;
    unsigned at;

    fresh();
    handle = coap2_get(&node, URI, on_event, &told);
    CHECK_EQ(coap2_cancel(&node, handle), COAP2_OK);
    CHECK_ENDED(&told, 1, COAP2_ERR_CANCELLED);
    pass(SECOND);
    LOOP_SILENT(&wire);
    fresh();
    handle = coap2_get(&node, URI, on_event, &told);
    poll_now();
    at = SEARCHED("node1.local");
    CHECK_EQ(coap2_cancel(&node, handle), COAP2_OK);
    CHECK_ENDED(&told, 1, COAP2_ERR_CANCELLED);
    loop_clear(&wire);
    found(1, at, "node1.local", "");
    pass(COAP2_DEADLINE);
    LOOP_SILENT(&wire);
    CHECK_EQ(told.count, 1);
    CHECK_IDLE();
}

/* The request is what it would be to an address: options and payload. */
static void whole_requests(void)
{
    unsigned at;

    fresh();
    CHECK(coap2_put(&node, "coap://node1.local/a/b?q", "on", 2, on_event,
                    &told) > 0);
    poll_now();
    at = SEARCHED("node1.local");
    loop_clear(&wire);
    found(4, at, "node1.local", "");
    LOOP_ONLY(&wire, "4403.... ........ 3b'node1.local' 81'a' 01'b' 41'q' "
                     "ff'on'");
    fresh();
    CHECK(coap2_observe(&node, URI, on_event, &told) > 0);
    poll_now();
    at = SEARCHED("node1.local");
    loop_clear(&wire);
    found(4, at, "node1.local", "");
    LOOP_ONLY(&wire, "4401.... ........ 3b'node1.local' 30 51'x'");
    open_answer(0, COAP2_ACK, COAP2_205_CONTENT);
    coap2_write_uint(&w, COAP2_OPT_OBSERVE, 5);
    coap2_write_payload(&w, "one", 3);
    push_answer(loop_peer(4));
    poll_now();
    CHECK_EQ(told.count, 1);
    CHECK(told.events[0].more);
    CHECK_TEXT(told.events[0].text, "one");
}

static void not_confirmable(void)
{
    coap2_call call;
    unsigned at;

    fresh();
    coap2_call_start(&call, &node, COAP2_GET, URI);
    call.confirmable = false;
    CHECK(coap2_call_send(&call, on_event, &told) > 0);
    poll_now();
    at = SEARCHED("node1.local");
    loop_clear(&wire);
    found(4, at, "node1.local", "");
    LOOP_ONLY(&wire, "5401.... ........ 3b'node1.local' 81'x'");
    open_answer(0, COAP2_NON, COAP2_205_CONTENT);
    push_answer(loop_peer(4));
    poll_now();
    CHECK_ENDED(&told, 1, COAP2_OK);
}

/* The port is the URI's. */
static void its_port(void)
{
    unsigned at;

    fresh();
    CHECK(coap2_get(&node, "coap://node1.local:61616/x", on_event, &told) > 0);
    poll_now();
    at = SEARCHED("node1.local");
    loop_clear(&wire);
    found(4, at, "node1.local", "");
    LOOP_ONLY(&wire, REQUEST);
    CHECK_EQ(wire.sent[0].peer.port, 61616);
    CHECK_EQ(wire.sent[0].peer.address[3], 4);
}

/* A ping carries no name: it finds those that are known. */
static void pings(void)
{
    fresh();
    CHECK_EQ(-coap2_ping(&node, "coap://node1.local", on_event, &told),
             -COAP2_ERR_NAME);
    CHECK_EQ(told.count, 0);
    pass(SECOND);
    LOOP_SILENT(&wire);
    know(7);
    CHECK(coap2_ping(&node, "coap://node1.local", on_event, &told) > 0);
    poll_now();
    LOOP_ONLY(&wire, "4000....");
    CHECK_EQ(wire.sent[0].peer.address[3], 7);
}

/* Addresses are no names. */
static void addresses(void)
{
    fresh();
    CHECK(coap2_get(&node, "coap://192.0.2.1/x", on_event, &told) > 0);
    CHECK(coap2_get(&node, "coap://[2001:db8::1]/x", on_event, &told) > 0);
    pass(SECOND);
    CHECK_NO_SEARCH();
    CHECK_EQ(wire.count, 2);
}

/* A name with a comma would be a list of paths: nobody has it. */
static void no_list(void)
{
    unsigned at = 0;
    int16_t handle;

    fresh();
    handle = coap2_get(&node, "coap://x,y/x", on_event, &told);
    if (handle > 0) {
        pass(500);
        if (count_searches(NULL, &at) > 0) found(1, at, "z", "</x>,</y>");
        pass(2 * COAP2_DEADLINE);
        CHECK_ENDED(&told, 1, COAP2_ERR_NAME);
    } else {
        CHECK_EQ(-handle, -COAP2_ERR_NAME);
    }
    CHECK_IDLE();
}

/* Ask the node of a letter; returns whether it was looked for. */
static bool ask_letter(unsigned i)
{
    char uri[] = "coap://node-a.local/x", name[] = "node-a.local";
    unsigned at = 0;
    bool sought;

    memset(&told, 0, sizeof told);
    loop_clear(&wire);
    uri[12] = name[5] = (char)('a' + i);
    CHECK(coap2_get(&node, uri, on_event, &told) > 0);
    poll_now();
    sought = count_searches(name, &at) > 0;
    if (sought) found((uint8_t)(i + 1), at, name, "");
    CHECK_EQ(loop_sent(&wire, wire.count - 1)->peer.address[3], i + 1);
    reply(wire.count - 1, "x");
    CHECK_ENDED(&told, 1, COAP2_OK);
    pass(SECOND);
    return sought;
}

/* More names than are remembered: those that were found last are. */
static void many_names(void)
{
    enum { MORE = 4, NAMES = COAP2_MAX_NAMES + MORE };
    unsigned i;

    fresh();
    for (i = 0; i < NAMES; i++) CHECK(ask_letter(i));
    for (i = MORE; i < NAMES; i++) CHECK(!ask_letter(i));
    for (i = 0; i < MORE; i++) CHECK(ask_letter(i));
}

/* Where everything is taken, it is refused, or ends. */
static void no_room(void)
{
    static story s[EXCHANGES];
    coap2_peer peer = loop_peer(20);
    unsigned taken, i;
    coap2_call call;
    int16_t handle;

    for (taken = EXCHANGES - 2; taken <= EXCHANGES; taken++) {
        fresh();
        memset(s, 0, sizeof s);
        for (i = 0; i < taken; i++) {
            peer.address[3] = (uint8_t)(20 + i);
            coap2_call_start_to(&call, &node, COAP2_GET, &peer, "x");
            CHECK(coap2_call_send(&call, on_event, &s[i]) > 0);
        }
        handle = coap2_get(&node, URI, on_event, &told);
        if (taken == EXCHANGES) CHECK_EQ(-handle, -COAP2_ERR_FULL);
        pass(2 * COAP2_DEADLINE);
        CHECK_EQ(told.count, handle > 0);
        CHECK_EQ(told.ends, handle > 0);
        for (i = 0; i < taken; i++) CHECK_EQ(s[i].ends, 1);
        CHECK_IDLE();
    }
}

/* No way to any group. */
static void no_way(void)
{
    fresh();
    CHECK(coap2_get(&node, URI, on_event, &told) > 0);
    wire.fail = 1000;
    pass(2 * COAP2_DEADLINE);
    CHECK_EQ(told.count, 1);
    CHECK_EQ(told.ends, 1);
    CHECK(last_of(&told)->result == COAP2_ERR_NAME ||
          last_of(&told)->result == COAP2_ERR_SEND);
    wire.fail = 0;
    CHECK_IDLE();
}

static void waits_for_a_name(void)
{
    unsigned at;
    int16_t handle;

    fresh();
    CHECK_EQ(-coap2_wait(&node, coap2_get(&node, URI, on_event, &told)),
             -COAP2_ERR_NAME);
    CHECK_ENDED(&told, 1, COAP2_ERR_NAME);
    fresh();
    handle = coap2_get(&node, URI, on_event, &told);
    poll_now();
    at = SEARCHED("node1.local");
    open_answer(at, COAP2_NON, COAP2_205_CONTENT);
    coap2_write_text(&w, COAP2_OPT_DISCOVERY, "node1.local");
    push_answer(loop_peer(3));
    CHECK_EQ(-coap2_wait(&node, handle), -COAP2_ERR_TIMEOUT);
    CHECK_EQ(told.ends, 1);
}

/* ---- a world of nodes ---------------------------------------------------- */

enum { NODES = 6, SEEDS = 2000, ASKS = 6 };

static world land;
static world_place places[NODES];
static coap2_node nodes[NODES];
static uint8_t ins[NODES][PACKET], outs[NODES][(EXCHANGES + 1) * PACKET];
static const char *const node_names[NODES] = {"node0.local", "node1.local",
                                              "node2.local", "node3.local",
                                              "node4.local", "node5.local"};

/* Who it is. */
static uint8_t on_who(coap2_req *req, coap2_rsp *rsp)
{
    coap2_rsp_bytes(rsp, COAP2_FORMAT_TEXT, req->node->name,
                    strlen(req->node->name));
    return COAP2_205_CONTENT;
}

COAP2_RESOURCE(who, "who", COAP2_GET, on_who, "");
COAP2_RESOURCE(even, "even", COAP2_GET, on_who, "");
COAP2_RESOURCE(odd, "odd", COAP2_GET, on_who, "");
COAP2_TABLE(even_things, &who, &even);
COAP2_TABLE(odd_things, &who, &odd);

static void begin_world(uint32_t seed)
{
    unsigned i;

    world_start(&land, seed);
    memset(nodes, 0, sizeof nodes);
    for (i = 0; i < NODES; i++) {
        world_add(&land, &places[i], &nodes[i]);
        nodes[i].name = node_names[i];
        nodes[i].in = ins[i];
        nodes[i].in_size = PACKET;
        nodes[i].out = outs[i];
        nodes[i].out_size = sizeof outs[i];
        nodes[i].packet = PACKET;
        nodes[i].resources = i % 2 == 0 ? even_things : odd_things;
        CHECK_EQ(coap2_start(&nodes[i], seed + i), COAP2_OK);
    }
}

/* The world is at rest, and every exchange free. */
static void check_rest(void)
{
    unsigned i;

    CHECK(world_rest(&land, 3600 * (uint64_t)SECOND));
    for (i = 0; i < NODES; i++)
        CHECK_EQ(world_count_free(&nodes[i]), EXCHANGES);
    CHECK_EQ(land.spins, 0);
    CHECK_EQ(land.idlers, 0);
    CHECK_EQ(land.overflow, 0);
}

/* Which nodes a search reported, as bits; each once. */
static unsigned reported_by(const story *s)
{
    unsigned i, bits = 0, bit;

    CHECK(s->count <= EVENTS);
    for (i = 0; i < s->count && i < EVENTS; i++) {
        if (!s->events[i].more) continue;
        bit = 1u << (s->events[i].peer.address[3] - 1u);
        CHECK_EQ(bits & bit, 0);
        bits |= bit;
    }
    return bits;
}

static bool is_prefix(const char *text, const char *prefix)
{
    return strncmp(text, prefix, strlen(prefix)) == 0;
}

/* Who is meant, of the others. */
static unsigned meant_by(const char *what, unsigned asker)
{
    unsigned i, bits = 0;

    for (i = 0; i < NODES; i++)
        if (what[0] == '\0' || strcmp(what, node_names[i]) == 0 ||
            is_prefix(what, "/w") || is_prefix(what, i % 2 ? "/odd" : "/even"))
            bits |= 1u << i;
    return bits & ~(1u << asker);
}

static const char *const searches[] = {
    "", "node3.local", "/even", "/odd", "/who*", "/none", "node0.local"};
enum { SEARCHES = sizeof searches / sizeof searches[0] };

/* Everybody looks for something, all at once. */
static void all_look(void)
{
    static story all[NODES];
    unsigned i, round;

    for (round = 0; round < SEARCHES; round++) {
        begin_world(round + 1);
        land.doubts = true;
        memset(all, 0, sizeof all);
        for (i = 0; i < NODES; i++)
            CHECK(coap2_find(&nodes[i], searches[(i + round) % SEARCHES],
                             on_event, &all[i]) > 0);
        world_run(&land, 3600 * SECOND);
        for (i = 0; i < NODES; i++) {
            const char *what = searches[(i + round) % SEARCHES];

            CHECK_EQ(reported_by(&all[i]), meant_by(what, i));
            CHECK_EQ(all[i].ends, 1);
            CHECK_EQ(-last_of(&all[i])->result, -COAP2_ERR_TIMEOUT);
        }
        check_rest();
    }
}

/* What one node asks in a run over a bad network. */
typedef struct ask {
    story told;
    unsigned from, to; /* to: a name; NODES: a search */
    const char *what;
} ask;

static ask asks[ASKS];
static unsigned long asked, answered;

static void check_ask(const ask *a)
{
    const event *end = last_of(&a->told);

    CHECK_EQ(a->told.ends, 1);
    if (land.network.damage != 0) return;
    if (a->to == NODES) {
        CHECK_EQ(reported_by(&a->told) & ~meant_by(a->what, a->from), 0);
        CHECK_EQ(-end->result, -COAP2_ERR_TIMEOUT);
        return;
    }
    asked++;
    CHECK_EQ(a->told.count, 1);
    if (end->result == COAP2_OK) {
        answered++;
        CHECK_TEXT(end->text, node_names[a->to]);
        CHECK_EQ(end->peer.address[3], a->to + 1);
    } else {
        CHECK(end->result == COAP2_ERR_NAME ||
              end->result == COAP2_ERR_TIMEOUT);
    }
}

static void begin_ask(ask *a)
{
    char uri[] = "coap://node0.local/who";

    memset(a, 0, sizeof *a);
    a->from = world_below(&land, NODES);
    a->to = world_below(&land, 2) ? (unsigned)NODES : world_below(&land, NODES);
    if (a->to == a->from) a->to = NODES;
    a->what = searches[world_below(&land, SEARCHES)];
    if (a->to == NODES) {
        CHECK(coap2_find(&nodes[a->from], a->what, on_event, &a->told) > 0);
        return;
    }
    uri[11] = (char)('0' + a->to);
    CHECK(coap2_get(&nodes[a->from], uri, on_event, &a->told) > 0);
}

/* Half of the seeds are polled twice at each time, where sends do not fail. */
static void bad_run(uint32_t seed, uint16_t damage)
{
    unsigned i;

    test_row = seed;
    begin_world(seed);
    land.doubts = seed % 2 == 0;
    land.network.busy = land.doubts ? 0 : 50;
    land.network.loss = 300;
    land.network.twice = 100;
    land.network.held = 200;
    land.network.hold = 2000;
    land.network.delay = 5;
    land.network.scatter = 100;
    land.network.damage = damage;
    for (i = 0; i < ASKS; i++) {
        begin_ask(&asks[i]);
        world_run(&land, world_below(&land, 3000));
    }
    world_run(&land, 1200 * SECOND);
    for (i = 0; i < ASKS; i++) check_ask(&asks[i]);
    check_rest();
    test_row = 0;
}

/* Over a network that loses, doubles and holds back: nobody is reported who is
   not meant, or twice; a request ends once, and reaches nobody else. */
static void bad_network(void)
{
    uint32_t seed;

    asked = answered = 0;
    for (seed = 1; seed <= SEEDS; seed++) bad_run(seed, 0);
    CHECK(answered * 10 > asked * 6);
}

/* Over one that damages, too, all comes to an end. */
static void damage(void)
{
    uint32_t seed;

    for (seed = 1; seed <= SEEDS / 4; seed++) bad_run(seed, 200);
}

/* A node that moves, among the others: the name goes from one place to another
   that was quiet until then. */
static void a_move(void)
{
    static story s[3];
    unsigned i;

    begin_world(1);
    memset(s, 0, sizeof s);
    places[5].cut = true;
    for (i = 0; i < 3; i++) {
        CHECK(coap2_get(&nodes[0], "coap://node1.local/who", on_event, &s[i]) >
              0);
        world_run(&land, 4 * COAP2_DEADLINE);
        CHECK_ENDED(&s[i], 1, COAP2_OK);
        CHECK_TEXT(s[i].events[0].text, "node1.local");
        CHECK_EQ(s[i].events[0].peer.address[3], i == 0 ? 2 : 6);
        places[1].cut = true;
        places[5].cut = false;
        nodes[5].name = "node1.local";
    }
    check_rest();
}

/* A program that waits: the synchronous form. */
static void in_a_row(void)
{
    story s;
    unsigned i;
    char uri[] = "coap://node0.local/who";

    begin_world(7);
    for (i = 1; i < NODES; i++) {
        memset(&s, 0, sizeof s);
        uri[11] = (char)('0' + i);
        CHECK_EQ(coap2_wait(&nodes[0], coap2_get(&nodes[0], uri, on_event, &s)),
                 COAP2_OK);
        CHECK_ENDED(&s, 1, COAP2_OK);
        CHECK_TEXT(s.events[0].text, node_names[i]);
    }
    check_rest();
}

/* ---- all of it ----------------------------------------------------------- */

static void run_searches(void)
{
    RUN("a search goes to all groups", to_all_groups);
    RUN("who answers is reported", reported);
    RUN("the end is reported once", the_end);
    RUN("each node is reported once", each_once);
    RUN("more nodes than are remembered", more_than_fit);
    RUN("two ports are two nodes", two_ports);
    RUN("confirmable answers", confirmable_answers);
    RUN("errors are no nodes", errors);
    RUN("whom a search reports", filtered);
    RUN("answers as JSON", json_answers);
    RUN("the first block of a list", first_block);
    RUN("a group that cannot be sent to", cannot_send);
    RUN("a transport that is busy", not_now);
    RUN("a search is cancelled", cancelled);
    RUN("a search is cancelled by its callback", cancelled_inside);
    RUN("a search that cannot be", refused);
    RUN("two searches at once", at_once);
    RUN("as many searches as there is room for", as_many_as_fit);
    RUN("a search with a query", with_query);
    RUN("one group", one_group);
    RUN("one node", one_node);
    RUN("a search that is waited for", waited_for);
}

static void run_names(void)
{
    RUN("a request by name", by_name);
    RUN("a known name is not looked for", known);
    RUN("a name is known for five minutes", forgotten_in_time);
    RUN("a search makes names known", found_before);
    RUN("case and last dot of a name", one_name);
    RUN("the resolver is asked first", resolve_first);
    RUN("a search that is lost", lost_on_the_way);
    RUN("a name that nobody has", nobody);
    RUN("others that answer", not_meant);
    RUN("two nodes with one name", two_with_one_name);
    RUN("a node that moves", moves);
    RUN("a name is looked for once more", once_more);
    RUN("a node that stops answering", stops_answering);
    RUN("what is not safe is not sent elsewhere", unsafe_is_not_sent_on);
    RUN("a FETCH to a node that moves", fetch_is_sent_on);
    RUN("the port of a request that is sent on", keeps_its_port);
    RUN("a name that expires under way", expires_under_way);
    RUN("an answer that takes its time", acknowledged);
    RUN("not confirmable, to a node that moves", not_confirmed_and_lost);
    RUN("a token of the caller's", own_token);
    RUN("late answers to a search", late_answers);
    RUN("a list that does not fit", small_in);
    RUN("a busy transport and a name", busy_for_a_name);
    RUN("an observation of a node that moves", observation_moves);
    RUN("several requests wait for names", several_wait);
    RUN("a request that waits is given up", given_up);
    RUN("requests by name are whole", whole_requests);
    RUN("a request that is not confirmable", not_confirmable);
    RUN("the port of a URI", its_port);
    RUN("a ping finds known names only", pings);
    RUN("addresses are no names", addresses);
    RUN("a name that would be a list", no_list);
    RUN("more names than are remembered", many_names);
    RUN("no room for a search", no_room);
    RUN("no way to any group", no_way);
    RUN("waiting for a name", waits_for_a_name);
}

/* A list that is larger than node.in is reported as far as it goes. */
static void list_beyond_in(void)
{
    unsigned at = begin_search("");

    node.in_size = 64;
    found(1, at, "node1.local",
          "</a>,</b>;title=\"a title that goes on and on, beyond what fits\"");
    CHECK_EQ(told.count, 1);
    CHECK_TEXT(told.events[0].name, "node1.local");
}

/* A search is not confirmable: an ACK is no answer to it. */
static void acknowledged_search(void)
{
    unsigned at;

    fresh();
    CHECK(coap2_get(&node, "coap://node1.local/x", on_event, &told) > 0);
    poll_now();
    at = SEARCHED("node1.local");
    open_answer(at, COAP2_ACK, COAP2_205_CONTENT);
    coap2_write_text(&w, COAP2_OPT_DISCOVERY, "node1.local");
    loop_clear(&wire);
    push_answer(loop_peer(1));
    poll_now();
    CHECK_EQ(wire.count, 0);
    CHECK_EQ(told.count, 0);
}

int main(void)
{
    run_searches();
    run_names();
    RUN("a world in which everybody looks", all_look);
    RUN("a bad network", bad_network);
    RUN("a network that damages", damage);
    RUN("a move in the world", a_move);
    RUN("one after the other", in_a_row);
    RUN("a list beyond node.in", list_beyond_in);
    RUN("RFC 7252 4.2: an ACK of a search", acknowledged_search);
    return test_end();
}
