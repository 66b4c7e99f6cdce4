/* A client of a resource directory (RFC 9176): it finds one, registers, renews
   in time, is removed, and looks others up. The directory is a small one, in
   the same simulated world. */
#define COAP2_WITH_DIRECTORY 1
#define COAP2_IMPLEMENTATION
#include "../coap2.h"
#include "world.h"
#include "directory.h"

enum { PACKET = 256, SLOTS = COAP2_MAX_EXCHANGES + 1, EVENTS = 16 };

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
static void (*in_event)(coap2_registration *reg, uint8_t event);

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

/* ---- the node's resources ------------------------------------------------- */

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
#define MANY(n) \
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

/* ---- the world ------------------------------------------------------------ */

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
        step = home.request != 0 || rest > 3600000 ? 100 : rest;
        if (home.request == 0 && end - w.now > 3600000 && rest >= 3600000)
            step = 3600000;
        if (step > end - w.now) step = (uint32_t)(end - w.now);
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

static const directory_entry *entry(void)
{
    return &directory.entries[0].number != 0 ? directory.entries : NULL;
}
