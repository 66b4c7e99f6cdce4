/* A simulated world: any number of nodes, one clock, and a network between
   them that loses, doubles, delays, reorders and damages what it carries.
   Time jumps from event to event, so that hours pass in milliseconds; all
   chance comes from one seed, so that a failure comes again with its seed.

       static world w;
       static world_place here, there;

       world_start(&w, seed);
       w.network.loss = 300;
       world_add(&w, &here, &client);      10.0.0.1
       world_add(&w, &there, &server);     10.0.0.2
       ... buffers and resources, coap2_start ...
       coap2_get(&client, "coap://10.0.0.2/temp", on_reply, NULL);
       world_run(&w, 60000);

   A node is polled when it asked to be, when a datagram has come, and behind
   an action of its own (world_later); never in between, so that a deadline
   that poll gets wrong shows. Calls from outside are seen by world_run, which
   polls every node at its start. coap2_wait works: the world goes on while a
   node waits. Include coap2.h before this file. */
#ifndef WORLD_H
#define WORLD_H

#include "harness.h"

#ifndef WORLD_PACKET /* bytes of the largest datagram that is carried */
#define WORLD_PACKET 1280
#endif
#ifndef WORLD_EVENTS /* datagrams and actions under way */
#define WORLD_EVENTS 512
#endif

/* Polls of one node at one time of which each wants another at once. */
enum { WORLD_SPINS = 100 };

#define WORLD_NEVER UINT64_MAX

struct world;
struct world_place;

typedef void (*world_action_fn)(struct world *w, void *user);

/* A datagram on its way or in an inbox, or something to be done. */
typedef struct world_event {
    uint64_t at;
    struct world_event *next;
    struct world_place *place; /* where it happens */
    world_action_fn action;    /* NULL: a datagram */
    void *user;
    coap2_peer from;
    size_t length;
    uint8_t bytes[WORLD_PACKET];
} world_event;

/* What the network does, in thousandths of the datagrams and milliseconds. */
typedef struct world_network {
    uint16_t loss, twice, damage;
    uint16_t held;           /* of the datagrams, so that others overtake; */
    uint32_t hold;           /* for so long at most */
    uint32_t delay, scatter; /* of each: delay to delay + scatter */
    uint16_t busy;           /* sends that answer COAP2_ERR_AGAIN */
} world_network;

/* Where a node lives. Set clock, pushed, cut and lonely after world_add. */
typedef struct world_place {
    struct world *world;
    struct world_place *next;
    coap2_node *node;
    coap2_peer at;
    uint32_t clock; /* what its clock shows when the world begins */
    bool pushed;    /* datagrams come by coap2_input, not by recv */
    bool cut;       /* its cable: nothing leaves and nothing comes */
    bool lonely;    /* it is in no group */
    bool waits;     /* inside coap2_wait */
    uint64_t due;
    unsigned spins;
    world_event *inbox;
} world_place;

typedef struct world {
    uint32_t chance;
    uint64_t now; /* ms since the world began; does not wrap */
    world_network network;
    world_place *places;
    unsigned count;
    world_event *events; /* the earliest first */
    world_event *unused;
    /* Sees each datagram that a node sends, before the network does; and each
       that a node gets. */
    void (*seen)(struct world *w, world_place *from, const coap2_peer *to,
                 const uint8_t *bytes, size_t length);
    void (*heard)(struct world *w, world_place *to, const coap2_peer *from,
                  const uint8_t *bytes, size_t length);
    void *user;
    bool trace;  /* print all that moves */
    bool doubts; /* poll everyone twice: the second time does nothing more */
    unsigned long sent, lost, delivered;
    unsigned spins;    /* nodes that wanted to be polled at once for ever */
    unsigned idlers;   /* polls that said "later" with something to do */
    unsigned overflow; /* events that found no room: raise WORLD_EVENTS */
    world_event pool[WORLD_EVENTS];
} world;

/* ---- chance ------------------------------------------------------------- */

TEST_DEF uint32_t world_random(world *w)
{
    w->chance ^= w->chance << 13;
    w->chance ^= w->chance >> 17;
    w->chance ^= w->chance << 5;
    return w->chance * 2654435769u;
}

/* A number below `end`. */
TEST_DEF uint32_t world_below(world *w, uint32_t end)
{
    return end == 0 ? 0 : (uint32_t)((uint64_t)world_random(w) * end >> 32);
}

TEST_DEF bool world_chance(world *w, unsigned thousandths)
{
    return thousandths != 0 && world_below(w, 1000) < thousandths;
}

/* ---- the world and its places ------------------------------------------- */

/* Begin anew: no places, a perfect network, the same chances again. */
TEST_DEF void world_start(world *w, uint32_t seed)
{
    unsigned i;

    memset(w, 0, offsetof(world, pool));
    w->chance = (seed ^ 0x9e3779b9u) * 2246822519u | 1u;
    for (i = 0; i < 8; i++) world_random(w);
    for (i = 0; i < WORLD_EVENTS; i++) {
        w->pool[i].next = w->unused;
        w->unused = &w->pool[i];
    }
}

/* The address of the place that was added as the n-th, from 1. */
TEST_DEF coap2_peer world_peer(unsigned n)
{
    coap2_peer peer;

    memset(&peer, 0, sizeof peer);
    peer.kind = COAP2_PEER_IPV4;
    peer.port = 5683;
    peer.address[0] = 10;
    peer.address[3] = (uint8_t)n;
    return peer;
}

/* All CoAP nodes, 224.0.1.187 (RFC 7252 12.8). */
TEST_DEF coap2_peer world_group(void)
{
    coap2_peer peer = world_peer(187);

    peer.group = true;
    peer.address[0] = 224;
    peer.address[2] = 1;
    return peer;
}

TEST_DEF uint32_t world_clock(const world_place *place)
{
    return place->clock + (uint32_t)place->world->now;
}

/* Print `TIME NODE WHAT OTHER`, a datagram in hexadecimal behind it. */
TEST_DEF void world_say(const world *w, const coap2_peer *who, const char *what,
                        const coap2_peer *other, const uint8_t *bytes,
                        size_t length)
{
    size_t i;

    if (!w->trace) return;
    printf("%10lu .%u %s", (unsigned long)w->now, (unsigned)who->address[3],
           what);
    if (other != NULL) printf(" .%u ", (unsigned)other->address[3]);
    for (i = 0; i < length; i++) printf("%02x", (unsigned)bytes[i]);
    printf("\n");
}

/* ---- events ------------------------------------------------------------- */

/* A new event, `ms` from now, behind those of the same time. NULL if there is
   no room. */
TEST_DEF world_event *world_event_in(world *w, world_place *place, uint32_t ms)
{
    world_event *event = w->unused, **at = &w->events;

    if (event == NULL) {
        w->overflow++;
        return NULL;
    }
    w->unused = event->next;
    event->at = w->now + ms;
    event->place = place;
    event->action = NULL;
    while (*at != NULL && (*at)->at <= event->at) at = &(*at)->next;
    event->next = *at;
    *at = event;
    return event;
}

TEST_DEF void world_event_free(world *w, world_event *event)
{
    event->next = w->unused;
    w->unused = event;
}

/* Do something in `ms`, and poll the node of that place behind it. */
TEST_DEF void world_later(world *w, world_place *place, uint32_t ms,
                          world_action_fn action, void *user)
{
    world_event *event = world_event_in(w, place, ms);

    if (event == NULL) return;
    event->action = action;
    event->user = user;
}

/* ---- the network -------------------------------------------------------- */

/* One copy of a datagram on its way to one place. */
TEST_DEF void world_carry(world *w, const world_place *from, world_place *to,
                          bool group, const uint8_t *bytes, size_t length)
{
    uint32_t ms = w->network.delay + world_below(w, w->network.scatter + 1);
    world_event *event;

    if (world_chance(w, w->network.loss)) {
        w->lost++;
        world_say(w, &to->at, "loses from", &from->at, bytes, length);
        return;
    }
    if (world_chance(w, w->network.held)) ms += world_below(w, w->network.hold);
    event = world_event_in(w, to, ms);
    if (event == NULL) return;
    event->from = from->at;
    event->from.group = group;
    event->length = length < WORLD_PACKET ? length : WORLD_PACKET;
    memcpy(event->bytes, bytes, event->length);
    if (length > 0 && world_chance(w, w->network.damage)) {
        event->bytes[world_below(w, (uint32_t)event->length)] ^=
            (uint8_t)(1u << world_below(w, 8));
    }
}

TEST_DEF bool world_is_group(const coap2_peer *peer)
{
    return peer->kind == COAP2_PEER_IPV4 && peer->address[0] >> 4 == 14;
}

/* The `send` of every node; io is its place. */
TEST_DEF coap2_result world_send(void *io, const coap2_peer *to,
                                 const uint8_t *bytes, size_t length)
{
    world_place *from = (world_place *)io, *place;
    world *w = from->world;
    bool group = world_is_group(to);

    if (world_chance(w, w->network.busy)) return COAP2_ERR_AGAIN;
    w->sent++;
    world_say(w, &from->at, "sends to", to, bytes, length);
    if (w->seen != NULL) w->seen(w, from, to, bytes, length);
    for (place = w->places; place != NULL; place = place->next) {
        if (place == from || place->cut || from->cut) continue;
        if (group ? place->lonely : !coap2_peer_equals(to, &place->at)) {
            continue;
        }
        world_carry(w, from, place, group, bytes, length);
        if (!world_chance(w, w->network.twice)) continue;
        world_carry(w, from, place, group, bytes, length);
    }
    return COAP2_OK;
}

/* A datagram is handed to its node. */
TEST_DEF void world_hand_over(world_place *place, const world_event *event)
{
    world *w = place->world;

    w->delivered++;
    world_say(w, &place->at, "gets from", &event->from, event->bytes,
              event->length);
    if (w->heard == NULL) return;
    w->heard(w, place, &event->from, event->bytes, event->length);
}

/* The `recv` of every node. */
TEST_DEF int32_t world_recv(void *io, coap2_peer *from, uint8_t *bytes,
                            size_t size)
{
    world_place *place = (world_place *)io;
    world_event *event = place->inbox;
    size_t length;

    if (event == NULL) return COAP2_ERR_AGAIN;
    place->inbox = event->next;
    *from = event->from;
    length = event->length;
    memcpy(bytes, event->bytes, length < size ? length : size);
    world_hand_over(place, event);
    world_event_free(place->world, event);
    return (int32_t)length;
}

/* ---- time --------------------------------------------------------------- */

/* A datagram has come: into the inbox, behind the others, or pushed in. */
TEST_DEF void world_arrive(world_place *place, world_event *event)
{
    world_event **last = &place->inbox;

    place->due = place->world->now;
    if (place->pushed && !place->waits) {
        world_hand_over(place, event);
        coap2_input(place->node, &event->from, event->bytes, event->length,
                    world_clock(place));
        world_event_free(place->world, event);
        return;
    }
    while (*last != NULL) last = &(*last)->next;
    event->next = NULL;
    *last = event;
}

/* Poll again at the same time: nothing may come of it. */
TEST_DEF void world_doubt(world_place *place, uint32_t rest)
{
    world *w = place->world;
    unsigned long sent = w->sent;

    if (coap2_poll(place->node, world_clock(place)) == rest &&
        w->sent == sent) {
        return;
    }
    world_say(w, &place->at, "was not done", NULL, NULL, 0);
    w->idlers++;
}

TEST_DEF void world_poll(world_place *place)
{
    world *w = place->world;
    uint32_t rest = coap2_poll(place->node, world_clock(place));

    if (w->doubts && rest != 0) world_doubt(place, rest);
    place->spins = rest == 0 ? place->spins + 1 : 0;
    if (place->spins > WORLD_SPINS) {
        world_say(w, &place->at, "spins", NULL, NULL, 0);
        w->spins++;
        place->spins = 0;
        rest = 3600000;
    }
    place->due = rest == COAP2_FOREVER ? WORLD_NEVER : w->now + rest;
}

/* The place whose node wants to be polled first, or NULL. */
TEST_DEF world_place *world_first(const world *w)
{
    world_place *place, *first = NULL;

    for (place = w->places; place != NULL; place = place->next) {
        if (place->waits || place->due == WORLD_NEVER) continue;
        if (first == NULL || place->due < first->due) first = place;
    }
    return first;
}

/* Go on to the next thing that happens, and let it. False if there is none
   until `end`. */
TEST_DEF bool world_step(world *w, uint64_t end)
{
    world_place *first = world_first(w);
    world_event *event = w->events;
    uint64_t at = first != NULL ? first->due : WORLD_NEVER;
    bool is_event = event != NULL && event->at <= at;

    if (is_event) at = event->at;
    if (at > end || at == WORLD_NEVER) return false;
    if (at > w->now) w->now = at;
    if (!is_event) {
        world_poll(first);
        return true;
    }
    w->events = event->next;
    if (event->action == NULL) {
        world_arrive(event->place, event);
        return true;
    }
    event->action(w, event->user);
    event->place->due = w->now;
    world_event_free(w, event);
    return true;
}

TEST_DEF void world_wake(world *w)
{
    world_place *place;

    for (place = w->places; place != NULL; place = place->next) {
        place->due = w->now;
    }
}

/* Let so much time pass. */
TEST_DEF void world_run(world *w, uint64_t ms)
{
    uint64_t end = w->now + ms;

    world_wake(w);
    while (world_step(w, end)) {
    }
    w->now = end;
}

/* Go on until nothing is under way and no node has anything to do. False if
   that has not come after `ms`. */
TEST_DEF bool world_rest(world *w, uint64_t ms)
{
    uint64_t end = w->now + ms;

    world_wake(w);
    while (world_step(w, end)) {
    }
    return w->events == NULL && world_first(w) == NULL;
}

#if COAP2_WITH_CLIENT

/* The `now` and the `idle` of every node, for coap2_wait: the world goes on
   without it, until something has come for it. */
TEST_DEF uint32_t world_now(void *io)
{
    return world_clock((const world_place *)io);
}

TEST_DEF void world_idle(void *io, uint32_t ms)
{
    world_place *place = (world_place *)io;
    world *w = place->world;
    uint64_t end = w->now + ms;

    place->waits = true;
    while (place->inbox == NULL && world_step(w, end)) {
    }
    if (place->inbox == NULL) w->now = end;
    place->waits = false;
    place->due = w->now;
}

/* How many requests a node can have under way now: all of them are begun, and
   cancelled. */
TEST_DEF unsigned world_count_free(coap2_node *node)
{
    coap2_peer nobody = world_peer(200);
    int16_t handles[COAP2_MAX_EXCHANGES + 1];
    unsigned count = 0, i;

    while (count <= COAP2_MAX_EXCHANGES) {
        coap2_call call;

        coap2_call_start_to(&call, node, COAP2_GET, &nobody, "x");
        handles[count] = coap2_call_send(&call, NULL, NULL);
        if (handles[count] < 0) break;
        count++;
    }
    for (i = 0; i < count; i++) coap2_cancel(node, handles[i]);
    return count;
}

#endif

/* Give a node a place, with the next address. Sets send, recv, io and what
   coap2_wait needs; the rest of the node is the caller's, and coap2_start. */
TEST_DEF void world_add(world *w, world_place *place, coap2_node *node)
{
    memset(place, 0, sizeof *place);
    place->world = w;
    place->node = node;
    place->next = w->places;
    place->at = world_peer(++w->count);
    w->places = place;
    node->send = world_send;
    node->recv = world_recv;
    node->io = place;
#if COAP2_WITH_CLIENT
    node->now = world_now;
    node->idle = world_idle;
#endif
}

#endif
