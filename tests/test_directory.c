/* A client of a resource directory (RFC 9176): it finds one, registers, renews
   in time, is removed, and looks others up. The directory is a small one, in
   the same simulated world. */
#define COAP2_WITH_DIRECTORY 1
#define COAP2_IMPLEMENTATION
#include "../coap2.h"
#include "world.h"
#include "directory.h"

enum { PACKET = 512, SLOTS = COAP2_MAX_EXCHANGES + 1, EVENTS = 16 };

static world w;
static world_place here, there, else_where;
static coap2_node node, rd, other;
static uint8_t in[PACKET], out[SLOTS * PACKET];
static uint8_t rd_in[PACKET], rd_out[SLOTS * PACKET], rd_bodies[16384];
static uint8_t other_in[PACKET], other_out[SLOTS * PACKET];

/* What the registration's callback was told. */
typedef struct event {
    uint8_t event, code;
    coap2_result result;
    uint64_t time;
    char location[sizeof((coap2_registration *)0)->location];
} event;

static coap2_registration home;
static event events[EVENTS];
static unsigned event_count, inside;
static coap2_registration_fn in_event;

static void on_home(coap2_registration *reg, uint8_t what)
{
    event *e = &events[event_count++ % EVENTS];

    CHECK(reg == &home && reg->user == &event_count);
    CHECK_EQ(inside++, 0);
    e->event = what;
    e->code = reg->code;
    e->result = reg->result;
    e->time = w.now;
    strcpy(e->location, reg->location);
    CHECK_EQ(coap2_registration_poll(reg, 77), 77); /* not in here */
    if (in_event != NULL) in_event(reg, what);
    inside--;
}

/* ---- the node's resources ------------------------------------------------ */

static uint8_t on_any(coap2_req *req, coap2_rsp *rsp)
{
    (void)req;
    coap2_rsp_text(rsp, "x");
    return COAP2_205_CONTENT;
}

COAP2_RESOURCE(climate, "climate", COAP2_GET, on_any, "rt=\"climate\"");
COAP2_RESOURCE(fan, "fan", COAP2_GET | COAP2_PUT, on_any, "rt=\"fan\";ct=0");
COAP2_RESOURCE(secret, "secret", COAP2_GET | COAP2_HIDDEN, on_any, "");
COAP2_RESOURCE(below, "files/*", COAP2_GET, on_any, "");
COAP2_TABLE(things, &climate, &fan, &secret, &below);
static const char things_text[] =
    "</climate>;rt=\"climate\",</fan>;rt=\"fan\";ct=0";

/* Ten of them with long attributes are more than any packet here. */
#define MANY(n)                                            \
    COAP2_RESOURCE(many##n, "many/" #n, COAP2_GET, on_any, \
                   "rt=\"a-rather-long-resource-type." #n "\";if=\"core.s\"")
MANY(0);
MANY(1);
MANY(2);
MANY(3);
MANY(4);
MANY(5);
MANY(6);
MANY(7);
MANY(8);
MANY(9);
COAP2_TABLE(crowd, &many0, &many1, &many2, &many3, &many4, &many5, &many6,
            &many7, &many8, &many9);

/* ---- the world ----------------------------------------------------------- */

static void add(world_place *place, coap2_node *it, uint8_t *its_in,
                uint8_t *its_out, const coap2_resource *const *resources)
{
    memset(it, 0, sizeof *it);
    world_add(&w, place, it);
    it->in = its_in;
    it->in_size = PACKET;
    it->out = its_out;
    it->out_size = SLOTS * PACKET;
    it->packet = PACKET;
    it->resources = resources;
    CHECK_EQ(coap2_start(it, w.count), COAP2_OK);
}

/* Begin anew: a node at .1, a directory at .2, a plain node at .3. */
static void begin_at(uint32_t seed, uint32_t clock)
{
    world_start(&w, seed);
    directory_clear();
    add(&here, &node, in, out, things);
    add(&there, &rd, rd_in, rd_out, directory_table);
    add(&else_where, &other, other_in, other_out, things);
    here.clock = clock;
    rd.bodies = rd_bodies;
    rd.bodies_size = sizeof rd_bodies;
    memset(&home, 0, sizeof home);
    home.endpoint = "node1";
    home.lifetime = 60;
    home.tell = on_home;
    home.user = &event_count;
    event_count = 0;
    in_event = NULL;
}

static void begin(void)
{
    begin_at(9176, 0xfffff000u);
}

/* The directory says this of itself. */
static void says(const char *core)
{
    directory.core = core;
    rd.resources = directory_odd_table;
}

/* Let time pass as a main loop does: both are polled when they ask for it, and
   when a packet may have come. */
static void live(uint64_t ms)
{
    uint64_t end = w.now + ms;
    unsigned spins = 0;

    for (;;) {
        uint32_t rest, step;

        world_run(&w, 0);
        rest = coap2_registration_poll(&home, COAP2_FOREVER);
        if (rest == 0 && ++spins < 1000) continue;
        CHECK(rest != 0);
        spins = 0;
        if (w.now >= end) return;
        step = rest;
        if (step > end - w.now) step = (uint32_t)(end - w.now);
        if (home.request != 0 && step > 100) step = 100;
        world_run(&w, step);
    }
}

/* Was this told, as the event of that number, at the end of `live`? */
#define TOLD(number, what, code, result) \
    told((number), (what), (code), (result), __LINE__)
static const event *told(unsigned number, uint8_t what, uint8_t code,
                         coap2_result result, int line)
{
    const event *e = &events[number];

    test_check(number < event_count, line);
    test_equal(e->event, what, line);
    test_equal(e->code, code, line);
    test_equal((unsigned long)-e->result, (unsigned long)-result, line);
    return e;
}

static void register_now(void)
{
    CHECK_EQ(coap2_register(&node, &home), COAP2_OK);
    live(1000);
}

#define RD "coap://10.0.0.2/rd"

/* Registered as number one at the directory's URI. */
static void registered(void)
{
    begin();
    home.uri = RD;
    register_now();
    CHECK_EQ(event_count, 1);
    TOLD(0, COAP2_REG_NEW, COAP2_201_CREATED, COAP2_OK);
    CHECK_EQ(directory.entries[0].number, 1);
    event_count = 0;
}

/* ---- registration -------------------------------------------------------- */

static void test_registers(void)
{
    const directory_entry *entry = directory.entries;
    const event *e;

    begin();
    home.uri = RD;
    CHECK_EQ(coap2_register(&node, &home), COAP2_OK);
    CHECK_EQ(event_count, 0);
    live(0);
    e = TOLD(0, COAP2_REG_NEW, COAP2_201_CREATED, COAP2_OK);
    CHECK_TEXT(e->location, "/rd/1");
    CHECK_TEXT(entry->endpoint, "node1");
    CHECK_TEXT(entry->sector, "");
    CHECK_TEXT(entry->base, "coap://10.0.0.1");
    CHECK_EQ(entry->lifetime, 60);
    CHECK_TEXT(entry->links, things_text);
    CHECK(!directory.in_blocks && !directory.has_host);
    CHECK_EQ(directory.posts, 1);
    CHECK(coap2_peer_equals(&home.peer, &there.at));
    CHECK_EQ(world_count_free(&node), COAP2_MAX_EXCHANGES);
}

static void test_parameters(void)
{
    const directory_entry *entry = directory.entries;

    begin();
    node.name = "node7.local";
    home.endpoint = NULL;
    home.uri = RD "?proto=x"; /* its own query comes first */
    home.sector = "kitchen";
    home.base = "coap://[2001:db8::1]:61616";
    home.links = "</a>,</b>";
    home.lifetime = 4294967295u;
    register_now();
    TOLD(0, COAP2_REG_NEW, COAP2_201_CREATED, COAP2_OK);
    CHECK_TEXT(entry->endpoint, "node7.local");
    CHECK_TEXT(entry->sector, "kitchen");
    CHECK_TEXT(entry->base, "coap://[2001:db8::1]:61616");
    CHECK_TEXT(entry->links, "</a>,</b>");
    CHECK_EQ(entry->lifetime, 4294967295u);
    begin();
    home.uri = RD;
    home.lifetime = 0;
    home.tell = NULL;
    node.resources = NULL;
    register_now();
    CHECK_EQ(event_count, 0);
    CHECK_EQ(entry->lifetime, 90000);
    CHECK_EQ(entry->length, 0);
    CHECK_TEXT(home.location, "/rd/1");
}

/* What cannot be registered is refused at once. */
static void test_what_makes_no_sense(void)
{
    char longer[300];

    memset(longer, 'x', sizeof longer);
    begin();
#define REFUSED(result)                                 \
    CHECK_EQ(-coap2_register(&node, &home), -(result)); \
    CHECK_EQ(coap2_registration_poll(&home, 5), 5);     \
    begin();                                            \
    home.uri = RD
    home.uri = RD;
    home.endpoint = NULL;
    REFUSED(COAP2_ERR_ARG);
    home.endpoint = "";
    REFUSED(COAP2_ERR_ARG);
    longer[64] = '\0';
    home.endpoint = longer;
    REFUSED(COAP2_ERR_ARG);
    home.sector = longer;
    REFUSED(COAP2_ERR_ARG);
    longer[64] = 'x';
    longer[251] = '\0';
    home.base = longer;
    REFUSED(COAP2_ERR_ARG);
    home.uri = "coap://";
    REFUSED(COAP2_ERR_FORMAT);
    home.simple = true;
    REFUSED(COAP2_ERR_ARG);
    longer[250] = '\0';
    home.base = longer;
    longer[63] = '\0';
    home.sector = longer;
    home.endpoint = longer;
    CHECK_EQ(coap2_register(&node, &home), COAP2_OK);
    CHECK_EQ(event_count, 0);
}

/* ---- links --------------------------------------------------------------- */

/* What is registered is what /.well-known/core lists, also where it takes
   blocks. */
static void test_many_links(void)
{
    static char core[2048];
    coap2_call call;

    begin();
    node.resources = crowd;
    home.uri = RD;
    register_now();
    live(5000);
    TOLD(0, COAP2_REG_NEW, COAP2_201_CREATED, COAP2_OK);
    CHECK(directory.in_blocks);
    CHECK_EQ(directory.posts, 1);
    coap2_call_start(&call, &rd, COAP2_GET, "coap://10.0.0.1/.well-known/core");
    call.body = (uint8_t *)core;
    call.body_size = sizeof core;
    CHECK_EQ(coap2_wait(&rd, coap2_call_send(&call, NULL, NULL)), COAP2_OK);
    CHECK(strlen(core) > PACKET);
    CHECK_TEXT(directory.entries[0].links, core);
}

/* Of every length, below, at and above what a packet holds. */
static void test_lengths_of_links(void)
{
    char text[601];
    size_t length;

    for (length = 0; length <= 600; length++) {
        memset(text, 'x', sizeof text);
        text[length] = '\0';
        if (length > 2) memcpy(text, "</", 2);
        if (length > 2) text[length - 1] = '>';
        begin();
        home.uri = RD;
        home.links = text;
        register_now();
        CHECK_TEXT(directory.entries[0].links, text);
        CHECK_EQ(directory.in_blocks, length >= 484);
    }
}

/* ---- renewal ------------------------------------------------------------- */

static void test_renews(void)
{
    unsigned i, count;

    registered();
    live(43000);
    CHECK_EQ(event_count + directory.updates, 0);
    live(1100);
    CHECK_EQ(event_count, 1);
    CHECK_EQ(TOLD(0, COAP2_REG_RENEWED, COAP2_204_CHANGED, COAP2_OK)->time,
             45000);
    CHECK_EQ(directory.updates, 1);
    for (i = 0; i < 3600; i++) {
        live(1000);
        CHECK(directory_is_listed(&rd, directory.entries));
    }
    CHECK_EQ(directory.updates, 81);
    CHECK_EQ(directory.posts, 1);
    count = event_count;
    CHECK_EQ(count, 81);
    for (i = count - 10; i < count; i++)
        CHECK_EQ(events[i % EVENTS].event, COAP2_REG_RENEWED);
    CHECK_TEXT(directory.entries[0].base, "coap://10.0.0.1");
}

/* A lifetime beyond what milliseconds can tell is renewed after 20 days, on
   clocks that wrap. */
static void test_renews_after_days(void)
{
    begin();
    home.uri = RD;
    home.lifetime = 4294967295u;
    register_now();
    live(1728000000u - 1001);
    CHECK_EQ(directory.updates, 0);
    live(1);
    CHECK_EQ(directory.updates, 1);
    live(10ull * 1728000000u);
    CHECK_EQ(directory.updates, 11);
    begin();
    home.uri = RD;
    home.lifetime = 0;
    register_now();
    live(67500000 - 1001);
    CHECK_EQ(directory.updates, 0);
    live(1);
    CHECK_EQ(directory.updates, 1);
}

/* 4.04 to an update: registered anew, at once. */
static void test_forgotten(void)
{
    registered();
    directory.entries[0].number = 0;
    live(45000);
    CHECK_EQ(event_count, 2);
    CHECK_TEXT(TOLD(0, COAP2_REG_LOST, COAP2_404_NOT_FOUND, COAP2_OK)->location,
               "");
    CHECK_TEXT(TOLD(1, COAP2_REG_NEW, COAP2_201_CREATED, COAP2_OK)->location,
               "/rd/2");
    CHECK_EQ(directory.posts, 2);
    live(45000);
    TOLD(2, COAP2_REG_RENEWED, COAP2_204_CHANGED, COAP2_OK);
}

/* The directory is away for a while, and then knows nothing. */
static void test_away(void)
{
    registered();
    there.cut = true;
    live(45000 + 93000);
    CHECK_EQ(event_count, 1);
    TOLD(0, COAP2_REG_LOST, 0, COAP2_ERR_TIMEOUT);
    live(93000);
    CHECK_EQ(event_count, 2);
    TOLD(1, COAP2_REG_FAILED, 0, COAP2_ERR_TIMEOUT);
    there.cut = false;
    live(30000);
    CHECK_EQ(event_count, 3);
    CHECK(events[2].time - events[1].time >= 15000);
    CHECK(events[2].time - events[1].time <= 30100);
    TOLD(2, COAP2_REG_NEW, COAP2_201_CREATED, COAP2_OK);
    CHECK_EQ(directory.posts, 2);
}

/* Each pause is twice the one before, from half a minute to an hour, and each
   node draws its own. */
static void test_pauses(void)
{
    uint64_t half = 15000, before = 0, first = 0;
    unsigned i, seed;

    begin();
    home.uri = RD;
    directory.refuse = COAP2_403_FORBIDDEN;
    register_now();
    for (i = 0; i < 10; i++) {
        TOLD(i, COAP2_REG_FAILED, COAP2_403_FORBIDDEN, COAP2_OK);
        before = w.now;
        CHECK_EQ(directory.posts, i + 1);
        while (directory.posts == i + 1) live(100);
        CHECK(w.now - before >= half - 2000);
        CHECK(w.now - before <= 2 * half);
        if (i < 7) half *= 2;
    }
    directory.refuse = 0;
    live(2 * half);
    directory.refuse = COAP2_403_FORBIDDEN;
    live(45000); /* lost, and refused */
    i = directory.posts;
    live(31000);
    CHECK_EQ(directory.posts, i + 1);
    for (seed = 1; seed < 20; seed++) {
        begin_at(seed, seed);
        coap2_seed(&node, &seed, sizeof seed);
        home.uri = RD;
        directory.refuse = COAP2_403_FORBIDDEN;
        register_now();
        if (first == 0) first = home.due - here.clock;
        if (first != home.due - here.clock) break;
    }
    CHECK(seed < 20);
}

/* A directory that is busy says for how long (RFC 7252 5.9.3.4). */
static void test_busy(void)
{
    begin();
    home.uri = RD;
    directory.refuse = COAP2_503_SERVICE_UNAVAILABLE;
    directory.max_age = 600;
    register_now();
    TOLD(0, COAP2_REG_FAILED, COAP2_503_SERVICE_UNAVAILABLE, COAP2_OK);
    live(598999);
    CHECK_EQ(directory.posts, 1);
    directory.refuse = COAP2_429_TOO_MANY_REQUESTS;
    directory.max_age = 60; /* which is not written */
    live(1);
    CHECK_EQ(directory.posts, 2);
    live(59999);
    CHECK_EQ(directory.posts, 2);
    directory.max_age = 1;
    live(1);
    CHECK_EQ(directory.posts, 3);
    live(60000 - 1); /* the third pause of its own is longer */
    CHECK_EQ(directory.posts, 3);
    live(60000);
    CHECK_EQ(directory.posts, 4);
    directory.max_age = 0xffffffffu;
    live(600000);
    CHECK_EQ(directory.posts, 5);
    directory.refuse = 0;
    live(1728000000u - 600000u);
    CHECK_EQ(directory.posts, 5);
    live(600000);
    CHECK_EQ(directory.posts, 6);
    TOLD(5, COAP2_REG_NEW, COAP2_201_CREATED, COAP2_OK);
}

/* What a busy directory does not renew is still there. */
static void test_busy_with_an_update(void)
{
    registered();
    directory.refuse = COAP2_503_SERVICE_UNAVAILABLE;
    directory.max_age = 40;
    live(44100);
    TOLD(0, COAP2_REG_FAILED, COAP2_503_SERVICE_UNAVAILABLE, COAP2_OK);
    CHECK_TEXT(events[0].location, "/rd/1");
    directory.refuse = 0;
    live(40000);
    CHECK_EQ(event_count, 2);
    TOLD(1, COAP2_REG_RENEWED, COAP2_204_CHANGED, COAP2_OK);
    CHECK_EQ(directory.posts, 1);
    CHECK_EQ(directory.updates, 2);
}

/* Where a registration has no location that can be kept, it is renewed by
   registering again (RFC 9176 5). */
static void test_locations(void)
{
    static const char *const odd[][4] = {
        {"none"},
        {"..", "rd"},
        {"rd", "."},
        {"a-segment-of-many-bytes-that-does-not-fit-where-it-is-to-be-kept-x"}};
    unsigned i;

    for (i = 0; i < sizeof odd / sizeof odd[0]; i++) {
        begin();
        home.uri = RD;
        memcpy(directory.location, odd[i], sizeof odd[i]);
        register_now();
        CHECK_TEXT(events[0].location, "");
        live(45000);
        CHECK_EQ(event_count, 2);
        TOLD(1, COAP2_REG_RENEWED, COAP2_201_CREATED, COAP2_OK);
        CHECK_EQ(directory.posts, 2);
        directory.refuse = COAP2_403_FORBIDDEN;
        live(45000);
        CHECK_EQ(event_count, 3);
        TOLD(2, COAP2_REG_LOST, COAP2_403_FORBIDDEN, COAP2_OK);
        coap2_unregister(&home);
        live(1000);
        TOLD(3, COAP2_REG_REMOVED, 0, COAP2_OK);
        CHECK_EQ(directory.removals, 0);
    }
}

/* Segments of any bytes, and an empty one at the end, come back. */
static void test_locations_come_back(void)
{
    begin();
    home.uri = RD;
    directory.location[0] = "rd";
    directory.location[1] = "a/b %\xc3\xa4?";
    directory.location[2] = "1";
    register_now();
    CHECK_TEXT(events[0].location, "/rd/a%2Fb%20%25%C3%A4%3F/1");
    live(45000);
    TOLD(1, COAP2_REG_RENEWED, COAP2_204_CHANGED, COAP2_OK);
    begin();
    home.uri = RD;
    directory.location[0] = "rd";
    directory.location[1] = "1";
    directory.location[2] = "";
    register_now();
    CHECK_TEXT(events[0].location, "/rd/1/");
    live(45000); /* which this directory does not find */
    TOLD(1, COAP2_REG_LOST, COAP2_404_NOT_FOUND, COAP2_OK);
    CHECK_EQ(directory.updates, 1);
}

/* ---- removal ------------------------------------------------------------- */

static void test_removes(void)
{
    registered();
    coap2_unregister(&home);
    CHECK_EQ(event_count, 0);
    live(1000);
    CHECK_EQ(event_count, 1);
    TOLD(0, COAP2_REG_REMOVED, COAP2_202_DELETED, COAP2_OK);
    CHECK_EQ(directory.entries[0].number, 0);
    live(1000000);
    coap2_unregister(&home); /* again: nothing */
    live(1000);
    CHECK_EQ(event_count, 1);
    CHECK_EQ(directory.removals, 1);
    register_now(); /* and once more */
    TOLD(1, COAP2_REG_NEW, COAP2_201_CREATED, COAP2_OK);
    CHECK_TEXT(home.location, "/rd/2");
}

static void test_removes_what_is_gone(void)
{
    registered();
    directory.entries[0].number = 0;
    coap2_unregister(&home);
    live(1000);
    TOLD(0, COAP2_REG_REMOVED, COAP2_404_NOT_FOUND, COAP2_OK);
    registered();
    directory.refuse = COAP2_405_METHOD_NOT_ALLOWED;
    coap2_unregister(&home);
    live(1000);
    TOLD(0, COAP2_REG_FAILED, COAP2_405_METHOD_NOT_ALLOWED, COAP2_OK);
    live(100000);
    CHECK_EQ(event_count, 1);
    registered();
    there.cut = true;
    coap2_unregister(&home);
    live(94000);
    TOLD(0, COAP2_REG_FAILED, 0, COAP2_ERR_TIMEOUT);
    live(1000000);
    CHECK_EQ(event_count, 1);
}

/* In the middle of whatever it does. */
static void test_gives_up(void)
{
    uint64_t ms;

    for (ms = 0; ms < 500; ms += 50) {
        begin();
        home.uri = "coap://10.0.0.2";
        w.network.delay = 100;
        CHECK_EQ(coap2_register(&node, &home), COAP2_OK);
        live(ms);
        CHECK_EQ(event_count, ms >= 400);
        coap2_unregister(&home);
        event_count = 0;
        live(10000);
        CHECK_EQ(event_count, 1);
        TOLD(0, COAP2_REG_REMOVED, ms >= 400 ? COAP2_202_DELETED : 0, COAP2_OK);
        CHECK_EQ(directory.removals, ms >= 400);
        CHECK_EQ(world_count_free(&node), COAP2_MAX_EXCHANGES);
    }
}

/* Registering again while registered replaces it. */
static void test_registers_again(void)
{
    registered();
    node.resources = crowd;
    register_now();
    live(5000);
    TOLD(0, COAP2_REG_NEW, COAP2_201_CREATED, COAP2_OK);
    CHECK_TEXT(home.location, "/rd/1");
    CHECK(directory.entries[0].length > PACKET);
    CHECK_EQ(coap2_register(&node, &home), COAP2_OK);
    live(1);
    CHECK_EQ(coap2_register(&node, &home), COAP2_OK); /* not yet answered */
    live(5000);
    CHECK_EQ(world_count_free(&node), COAP2_MAX_EXCHANGES);
}

/* One node under two names, in one main loop. */
static void test_two_registrations(void)
{
    static coap2_registration second;
    uint64_t end = 600000;

    begin();
    home.uri = RD;
    second = home;
    second.endpoint = "node2";
    second.lifetime = 100;
    second.tell = NULL;
    CHECK_EQ(coap2_register(&node, &home), COAP2_OK);
    CHECK_EQ(coap2_register(&node, &second), COAP2_OK);
    while (w.now < end) {
        uint32_t rest = COAP2_FOREVER;

        world_run(&w, 0);
        rest = coap2_registration_poll(&home, rest);
        rest = coap2_registration_poll(&second, rest);
        world_run(&w, rest < 100 ? rest : 100);
    }
    CHECK_EQ(directory.posts, 2);
    CHECK_EQ(directory.updates, 600 / 45 + 600 / 75 - 1);
    CHECK_TEXT(directory.entries[1].endpoint, "node2");
    CHECK_TEXT(second.location, "/rd/2");
}

/* ---- finding ------------------------------------------------------------- */

/* By a host, whose name goes with all that is asked there. */
static bool resolve_rd(void *io, const char *host, size_t length,
                       coap2_peer *peer)
{
    (void)io;
    if (length != 10 || memcmp(host, "rd.example", 10) != 0) return false;
    *peer = world_peer(2);
    return true;
}

static void test_finds_at_a_host(void)
{
    begin();
    node.resolve = resolve_rd;
    home.uri = "coap://rd.example";
    register_now();
    TOLD(0, COAP2_REG_NEW, COAP2_201_CREATED, COAP2_OK);
    CHECK_TEXT(directory.host, "rd.example");
    directory.has_host = false;
    live(45000);
    TOLD(1, COAP2_REG_RENEWED, COAP2_204_CHANGED, COAP2_OK);
    CHECK(directory.has_host);
    CHECK_TEXT(directory.host, "rd.example");
    begin();
    home.uri = "coap://10.0.0.2/";
    register_now();
    TOLD(0, COAP2_REG_NEW, COAP2_201_CREATED, COAP2_OK);
    CHECK(!directory.has_host);
}

/* A link may name another host than the one that was asked. */
static void test_finds_elsewhere(void)
{
    begin();
    node.resolve = resolve_rd;
    home.uri = "coap://rd.example";
    says("</x>;rt=x,<coap://10.0.0.2/rd>;rt=\"y core.rd z\"");
    register_now();
    TOLD(0, COAP2_REG_NEW, COAP2_201_CREATED, COAP2_OK);
    CHECK(!directory.has_host);
    live(45000);
    TOLD(1, COAP2_REG_RENEWED, COAP2_204_CHANGED, COAP2_OK);
    CHECK(!directory.has_host);
}

/* By a name that a search knows. */
static void test_finds_by_name(void)
{
    begin();
    rd.name = "rd.local";
    home.uri = "coap://rd.local";
    CHECK_EQ(coap2_register(&node, &home), COAP2_OK);
    live(20000);
    CHECK_EQ(event_count, 1);
    TOLD(0, COAP2_REG_NEW, COAP2_201_CREATED, COAP2_OK);
    CHECK_TEXT(directory.host, "rd.local");
    live(45000);
    CHECK_EQ(event_count, 2);
    TOLD(1, COAP2_REG_RENEWED, COAP2_204_CHANGED, COAP2_OK);
}

/* In a list that takes blocks, it is looked for in each. */
static void test_finds_in_blocks(void)
{
    static char core[3 * PACKET];
    size_t length = 0;

    begin();
    strcpy(core, "</rd>;rt=core.rd");
    for (length = strlen(core); length < 2 * PACKET; length += 10)
        strcpy(core + length, ",</x>;rt=x");
    says(core);
    home.uri = "coap://10.0.0.2";
    register_now();
    CHECK_EQ(event_count, 1);
    TOLD(0, COAP2_REG_NEW, COAP2_201_CREATED, COAP2_OK);
    CHECK_EQ(world_count_free(&node), COAP2_MAX_EXCHANGES);
    begin();
    memcpy(core, "</no>;rt=core.xx", 16);
    says(core);
    home.uri = "coap://10.0.0.2";
    register_now();
    CHECK_EQ(event_count, 1);
    TOLD(0, COAP2_REG_FAILED, COAP2_205_CONTENT, COAP2_ERR_NAME);
}

/* The first that answers; others there have no directory. */
static void test_finds_nearby(void)
{
    begin();
    CHECK_EQ(coap2_register(&node, &home), COAP2_OK);
    while (event_count == 0 && w.now < 10000) live(10);
    TOLD(0, COAP2_REG_NEW, COAP2_201_CREATED, COAP2_OK);
    CHECK_EQ(world_count_free(&node), COAP2_MAX_EXCHANGES); /* no search */
    live(10000 - w.now);
    CHECK_EQ(event_count, 1);
    live(45000);
    TOLD(1, COAP2_REG_RENEWED, COAP2_204_CHANGED, COAP2_OK);
    begin();
    home.uri = "coap://224.0.1.187";
    register_now();
    live(10000);
    CHECK_EQ(event_count, 1);
    TOLD(0, COAP2_REG_NEW, COAP2_201_CREATED, COAP2_OK);
    CHECK_TEXT(home.location, "/rd/1");
}

static void test_finds_none(void)
{
    static const char *const cores[] = {
        "", "</rd-lookup/res>;rt=\"core.rd-lookup-res\"", "</rd>;rt=core.rdx",
        "<a-target-that-is-longer-than-any-location-which-might-be-kept-here>;"
        "rt=core.rd"};
    unsigned i;

    for (i = 0; i < sizeof cores / sizeof cores[0]; i++) {
        begin();
        says(cores[i]);
        home.uri = "coap://10.0.0.2";
        register_now();
        CHECK_EQ(event_count, 1);
        TOLD(0, COAP2_REG_FAILED, COAP2_205_CONTENT, COAP2_ERR_NAME);
        CHECK_TEXT(home.location, "");
    }
    begin();
    home.uri = "coap://10.0.0.2";
    says("");
    directory.refuse = COAP2_401_UNAUTHORIZED;
    register_now();
    TOLD(0, COAP2_REG_FAILED, COAP2_401_UNAUTHORIZED, COAP2_ERR_NAME);
    begin();
    there.cut = true;
    register_now();
    live(100000);
    CHECK(event_count >= 1);
    TOLD(0, COAP2_REG_FAILED, 0, COAP2_ERR_TIMEOUT);
    there.cut = false;
    live(100000);
    CHECK_EQ(events[event_count - 1].event, COAP2_REG_RENEWED);
}

/* What cannot be asked: told by the callback, and tried again. */
static void test_what_cannot_be_asked(void)
{
    static const struct {
        const char *uri, *core;
        coap2_result result;
    } rows[] = {
        {"coap://224.0.1.187/rd", NULL, COAP2_ERR_ARG},
        {"coaps://10.0.0.2/rd", NULL, COAP2_ERR_ARG},
        {"coap://10.0.0.2", "<coaps://10.0.0.2/rd>;rt=core.rd", COAP2_ERR_ARG},
        {"coap://10.0.0.2", "<//>;rt=core.rd", COAP2_ERR_FORMAT},
    };
    unsigned i;

    for (i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        test_row = i + 1;
        begin();
        home.uri = rows[i].uri;
        if (rows[i].core != NULL) says(rows[i].core);
        register_now();
        CHECK_EQ(event_count, 1);
        TOLD(0, COAP2_REG_FAILED, 0, rows[i].result);
        live(30000);
        CHECK_EQ(event_count, 2);
    }
    test_row = 0;
}

/* ---- simple registration ------------------------------------------------- */

static void test_simple(void)
{
    const directory_entry *entry = directory.entries;
    unsigned group;

    for (group = 0; group < 2; group++) {
        begin();
        home.simple = true;
        home.uri = group ? NULL : "coap://10.0.0.2";
        home.base = "coap://not.sent";
        home.sector = "attic";
        register_now();
        live(10000);
        CHECK_EQ(event_count, 1);
        TOLD(0, COAP2_REG_NEW, COAP2_204_CHANGED, COAP2_OK);
        CHECK_TEXT(entry->links, things_text);
        CHECK_TEXT(entry->base, "coap://10.0.0.1");
        CHECK_TEXT(entry->sector, "attic");
        CHECK_TEXT(home.location, "");
        CHECK_EQ(entry->lifetime, 60);
        live(45000);
        CHECK_EQ(event_count, 2);
        TOLD(1, COAP2_REG_RENEWED, COAP2_204_CHANGED, COAP2_OK);
        CHECK_EQ(directory.simples, 2);
        CHECK_EQ(directory.posts, 0);
        coap2_unregister(&home);
        live(1000);
        CHECK_EQ(event_count, 3);
        TOLD(2, COAP2_REG_REMOVED, 0, COAP2_OK);
        CHECK_EQ(directory.removals, 0);
        CHECK_EQ(entry->number, 1); /* it runs out */
    }
}

/* ---- when there is no room, and what callbacks do ------------------------ */

/* All exchanges wait for somebody who does not answer. */
static void fill(void)
{
    coap2_peer nobody = world_peer(99);
    unsigned i;

    for (i = 0; i < COAP2_MAX_EXCHANGES; i++) {
        coap2_call call;

        coap2_call_start_to(&call, &node, COAP2_GET, &nobody, "x");
        call.deadline = 10000;
        CHECK(coap2_call_send(&call, NULL, NULL) > 0);
    }
}

static void test_no_exchange(void)
{
    begin();
    home.uri = RD;
    node.nstart = COAP2_MAX_EXCHANGES;
    CHECK_EQ(coap2_register(&node, &home), COAP2_OK);
    fill();
    live(9000);
    CHECK_EQ(event_count, 0);
    live(2000);
    CHECK_EQ(event_count, 1);
    TOLD(0, COAP2_REG_NEW, COAP2_201_CREATED, COAP2_OK);
    fill();
    coap2_unregister(&home);
    live(9000);
    CHECK_EQ(event_count, 1);
    live(2000);
    TOLD(1, COAP2_REG_REMOVED, COAP2_202_DELETED, COAP2_OK);
}

static void unregister_in_it(coap2_registration *reg, uint8_t what)
{
    if (what == COAP2_REG_REMOVED) return;
    coap2_unregister(reg);
}

static void register_in_it(coap2_registration *reg, uint8_t what)
{
    if (what == COAP2_REG_REMOVED && event_count < 10)
        CHECK_EQ(coap2_register(&node, reg), COAP2_OK);
}

/* A request of the caller's own, and coap2_wait is refused. */
static void ask_in_it(coap2_registration *reg, uint8_t what)
{
    int16_t request = coap2_get(&node, RD, NULL, NULL);

    (void)what;
    CHECK(request > 0);
    CHECK_EQ(-coap2_wait(&node, request), -COAP2_ERR_CONFIG);
    CHECK_EQ(coap2_cancel(&node, request), COAP2_OK);
    CHECK(reg == &home);
}

static void test_calls_in_callbacks(void)
{
    begin();
    home.uri = RD;
    directory.refuse = COAP2_403_FORBIDDEN;
    in_event = unregister_in_it;
    register_now();
    CHECK_EQ(event_count, 2);
    TOLD(0, COAP2_REG_FAILED, COAP2_403_FORBIDDEN, COAP2_OK);
    TOLD(1, COAP2_REG_REMOVED, 0, COAP2_OK);
    live(1000000);
    CHECK_EQ(event_count, 2);
    begin();
    home.uri = RD;
    in_event = unregister_in_it;
    register_now();
    CHECK_EQ(event_count, 2);
    TOLD(1, COAP2_REG_REMOVED, COAP2_202_DELETED, COAP2_OK);
    begin();
    home.uri = RD;
    in_event = register_in_it;
    register_now();
    coap2_unregister(&home);
    live(1000);
    CHECK_EQ(event_count, 3);
    TOLD(1, COAP2_REG_REMOVED, COAP2_202_DELETED, COAP2_OK);
    TOLD(2, COAP2_REG_NEW, COAP2_201_CREATED, COAP2_OK);
    begin();
    in_event = ask_in_it;
    home.uri = "coap://224.0.1.187/rd"; /* told by the poll */
    register_now();
    CHECK_EQ(event_count, 1);
    CHECK(!node.inside);
}

static void on_nothing(const coap2_reply *reply)
{
    (void)reply;
    CHECK(false);
}

/* A node that was started again has no request of ours, but one of the same
   number, perhaps. */
static void test_starts_again(void)
{
    int16_t request;

    registered();
    there.cut = true;
    live(45000);
    CHECK(home.request > 0);
    CHECK_EQ(coap2_start(&node, 5), COAP2_OK);
    do {
        request = coap2_get(&node, RD, on_nothing, NULL);
        if (request == home.request) break;
        CHECK_EQ(coap2_start(&node, 5), COAP2_OK);
        node.last_handle = (int16_t)(home.request - 1);
    } while (request > 0);
    CHECK_EQ(request, home.request);
    CHECK_EQ(coap2_register(&node, &home), COAP2_OK);
    there.cut = false;
    CHECK_EQ(event_count, 0);
    CHECK_EQ(coap2_start(&node, 6), COAP2_OK); /* without that request */
    CHECK_EQ(coap2_register(&node, &home), COAP2_OK);
    live(1000);
    CHECK_EQ(event_count, 1);
    TOLD(0, COAP2_REG_NEW, COAP2_201_CREATED, COAP2_OK);
}

/* ---- look-up ------------------------------------------------------------- */

static char looked_up[2048];
static unsigned replies;
static int16_t look_up_result;
static const char *look_for, *look_query;

static void on_links(const coap2_reply *reply)
{
    CHECK_EQ(reply->result, COAP2_OK);
    if (reply->msg == NULL || reply->msg->code != COAP2_205_CONTENT) return;
    CHECK(reply->offset + reply->msg->payload_length < sizeof looked_up);
    memcpy(looked_up + reply->offset, reply->msg->payload,
           reply->msg->payload_length);
    if (reply->last) replies++;
}

static void on_directory(const coap2_reply *reply)
{
    coap2_call call;

    if (reply->result == COAP2_ERR_TIMEOUT || reply->msg == NULL) return;
    coap2_call_link(&call, reply, COAP2_GET, look_for);
    coap2_write_text(&call.w, COAP2_OPT_URI_QUERY, look_query);
    look_up_result = coap2_call_send(&call, on_links, NULL);
}

/* What another node finds in the directory. */
static void look_up(const char *uri, const char *what, const char *query)
{
    memset(looked_up, 0, sizeof looked_up);
    replies = 0;
    look_up_result = 0;
    look_for = what;
    look_query = query;
    CHECK(coap2_find_directory(&other, uri, on_directory, NULL) > 0);
    live(11000);
}

static void test_look_up(void)
{
    registered();
    look_up("coap://10.0.0.2", "rt=core.rd-lookup-res", "rt=climate");
    CHECK_EQ(replies, 1);
    CHECK_TEXT(looked_up, "<coap://10.0.0.1/climate>;rt=\"climate\";"
                          "anchor=\"coap://10.0.0.1\"");
    look_up(NULL, "rt=core.rd-lookup-ep", "ep=node1");
    CHECK_EQ(replies, 1);
    CHECK_TEXT(looked_up, "</rd/1>;ep=\"node1\";base=\"coap://10.0.0.1\"");
    look_up("coap://224.0.1.187", "rt=core.rd-lookup-ep", "ep=node2");
    CHECK_EQ(replies, 1);
    CHECK_TEXT(looked_up, "");
    node.resources = crowd;
    register_now();
    look_up("coap://10.0.0.2", "rt=core.rd-lookup-res", "if=core.s");
    CHECK_EQ(replies, 1);
    CHECK(strlen(looked_up) > PACKET);
    coap2_unregister(&home);
    live(1000);
    look_up("coap://10.0.0.2", "rt=core.rd-lookup-res", "if=core.s");
    CHECK_EQ(replies, 1);
    CHECK_TEXT(looked_up, "");
}

static void test_links_to_follow(void)
{
    static char text[400];
    coap2_reply reply;
    coap2_call call;

    begin();
    says("</x>;rt=x,<coap://10.0.0.2/rd-lookup/ep?ep=none>;rt=y");
    look_up("coap://10.0.0.2", "rt=y", "rt=x");
    CHECK(look_up_result > 0);
    CHECK_EQ(replies, 1);
    look_up("coap://10.0.0.2", "rt=z", "");
    CHECK_EQ(-look_up_result, -COAP2_ERR_NAME);
    memset(text, 'x', sizeof text - 1);
    memcpy(text, "</", 2);
    strcpy(text + 300, ">;rt=y");
    says(text);
    look_up("coap://10.0.0.2", "rt=y", "");
    CHECK_EQ(-look_up_result, -COAP2_ERR_SPACE);
    says("<rd-lookup/ep>;rt=y");
    directory.refuse = COAP2_403_FORBIDDEN;
    look_up("coap://10.0.0.2", "rt=y", "");
    CHECK_EQ(-look_up_result, -COAP2_ERR_NAME);
    memset(&reply, 0, sizeof reply);
    reply.node = &other;
    reply.peer = &there.at;
    coap2_call_link(&call, &reply, COAP2_GET, "rt=y");
    CHECK_EQ(-coap2_call_send(&call, NULL, NULL), -COAP2_ERR_NAME);
    CHECK_EQ(-coap2_find_directory(&other, "coap:", NULL, NULL),
             -COAP2_ERR_FORMAT);
}

/* ---- a network that loses ------------------------------------------------ */

/* For a day, of which the directory is without the node for no more than some
   minutes, and at its end has it. */
static void test_lost_packets(void)
{
    unsigned seed, minute, missing;

    for (seed = 1; seed <= 20; seed++) {
        test_row = seed;
        begin_at(seed, seed * 99999999u);
        home.uri = seed % 2 ? RD : "coap://10.0.0.2";
        home.simple = seed % 4 == 0;
        home.lifetime = 600;
        w.network.loss = 250;
        w.network.twice = 100;
        w.network.delay = 20;
        w.network.scatter = 500;
        CHECK_EQ(coap2_register(&node, &home), COAP2_OK);
        live(300000);
        missing = 0;
        for (minute = 0; minute < 1440; minute++) {
            live(60000);
            if (!directory_is_listed(&rd, directory.entries)) missing++;
        }
        CHECK(missing < 60);
        w.network.loss = 0;
        live(7200000);
        CHECK(directory_is_listed(&rd, directory.entries));
        CHECK_EQ(w.spins + w.idlers + w.overflow, 0);
        event_count = 0;
        coap2_unregister(&home);
        live(5000);
        CHECK_EQ(event_count, 1);
        TOLD(0, COAP2_REG_REMOVED, seed % 4 ? COAP2_202_DELETED : 0, COAP2_OK);
        CHECK_EQ(world_count_free(&node), COAP2_MAX_EXCHANGES);
    }
    test_row = 0;
}

int main(void)
{
    RUN("registers", test_registers);
    RUN("says what is set", test_parameters);
    RUN("what makes no sense", test_what_makes_no_sense);
    RUN("many links", test_many_links);
    RUN("links of every length", test_lengths_of_links);
    RUN("renews in time", test_renews);
    RUN("renews after days", test_renews_after_days);
    RUN("4.04 to an update", test_forgotten);
    RUN("a directory that is away", test_away);
    RUN("pauses", test_pauses);
    RUN("a directory that is busy", test_busy);
    RUN("busy with an update", test_busy_with_an_update);
    RUN("locations that cannot be kept", test_locations);
    RUN("locations that can", test_locations_come_back);
    RUN("removes", test_removes);
    RUN("removes what is gone", test_removes_what_is_gone);
    RUN("gives up", test_gives_up);
    RUN("registers again", test_registers_again);
    RUN("two registrations", test_two_registrations);
    RUN("finds at a host", test_finds_at_a_host);
    RUN("finds elsewhere", test_finds_elsewhere);
    RUN("finds by name", test_finds_by_name);
    RUN("finds in blocks", test_finds_in_blocks);
    RUN("finds nearby", test_finds_nearby);
    RUN("finds none", test_finds_none);
    RUN("what cannot be asked", test_what_cannot_be_asked);
    RUN("simple registration", test_simple);
    RUN("no free exchange", test_no_exchange);
    RUN("calls in callbacks", test_calls_in_callbacks);
    RUN("a node that starts again", test_starts_again);
    RUN("looks up", test_look_up);
    RUN("links to follow", test_links_to_follow);
    RUN("a network that loses", test_lost_packets);
    return test_end();
}
