/* A node whose resources are observed: who is on its list, what they are sent
   and when, and how it ends (RFC 7641 4, RFC 7959 2.6). The clients are played
   by hand, byte by byte, over a wire in memory. */
#define COAP2_MAX_OBSERVERS 4
#define COAP2_OBSERVE_OPTIONS 24
#define LOOP_QUEUE 8
#define LOOP_SENT 16
#include "server.h"

enum { HOUR = 3600000, DAY = 24 * HOUR, OBSERVERS = COAP2_MAX_OBSERVERS };

/* ---- the resources ------------------------------------------------------- */

/* What /state and /other are at the moment. */
static struct {
    char text[120];
    uint8_t code;
    uint8_t etag; /* 0: none */
    uint16_t format;
    uint32_t max_age;
    unsigned runs, again;
} now;

static uint8_t on_state(coap2_req *req, coap2_rsp *rsp)
{
    now.runs++;
    if (req->again) now.again++;
    if (req->method == COAP2_DELETE) {
        now.code = COAP2_404_NOT_FOUND;
        return COAP2_202_DELETED;
    }
    if (req->method != COAP2_GET) {
        if (req->payload_length != 1) return COAP2_400_BAD_REQUEST;
        now.text[0] = (char)req->payload[0];
        return COAP2_204_CHANGED;
    }
    if (now.etag != 0) coap2_rsp_etag(rsp, &now.etag, 1);
    rsp->max_age = now.max_age;
    coap2_rsp_bytes(rsp, now.format, now.text, strlen(now.text));
    return now.code;
}

/* What it was asked, as a text: its path, its query, its Accept. */
static uint8_t on_mirror(coap2_req *req, coap2_rsp *rsp)
{
    coap2_opt opt = req->msg->options;
    uint16_t format = req->accept;

    if (format == COAP2_NO_FORMAT) format = COAP2_FORMAT_TEXT;
    while (coap2_opt_next(&opt)) {
        if (opt.number == COAP2_OPT_URI_PATH)
            coap2_rsp_bytes(rsp, format, "/", 1);
        else if (opt.number == COAP2_OPT_URI_QUERY)
            coap2_rsp_bytes(rsp, format, "?", 1);
        else
            continue;
        coap2_rsp_bytes(rsp, format, opt.value, opt.length);
    }
    coap2_rsp_bytes(rsp, format, now.text, strlen(now.text));
    return COAP2_205_CONTENT;
}

/* A query as it is, whatever the path. */
static uint8_t on_query(coap2_req *req, coap2_rsp *rsp)
{
    coap2_opt opt;
    uint16_t format = req->accept;

    if (format == COAP2_NO_FORMAT) format = COAP2_FORMAT_TEXT;
    if (now.etag != 0) coap2_rsp_etag(rsp, &now.etag, 1);
    if (coap2_msg_find(req->msg, COAP2_OPT_URI_QUERY, &opt))
        coap2_rsp_bytes(rsp, format, opt.value, opt.length);
    coap2_rsp_bytes(rsp, format, now.text, strlen(now.text));
    return COAP2_205_CONTENT;
}

/* An option that no packet has room for. */
static uint8_t on_huge(coap2_req *req, coap2_rsp *rsp)
{
    static const uint8_t location[200] = {0};

    (void)req;
    coap2_write_opt(&rsp->w, COAP2_OPT_LOCATION_PATH, location,
                    sizeof location);
    return COAP2_205_CONTENT;
}

static int16_t level;

COAP2_FIELDS(level_fields, COAP2_FIELD_RW("level", COAP2_I16, level, 0));
COAP2_BOUND(bound, "bound", COAP2_OBSERVABLE, level_fields, "");
COAP2_RESOURCE(state, "state", ALL_METHODS | COAP2_OBSERVABLE, on_state, "obs");
COAP2_RESOURCE(other, "other", COAP2_GET | COAP2_OBSERVABLE, on_state, "obs");
COAP2_RESOURCE(plain, "plain", COAP2_GET, on_state, "");
COAP2_RESOURCE(query, "q", COAP2_GET | COAP2_OBSERVABLE, on_query, "obs");
COAP2_RESOURCE(below, "w/*", COAP2_GET | COAP2_OBSERVABLE, on_mirror, "obs");
COAP2_RESOURCE(huge, "huge", COAP2_GET | COAP2_OBSERVABLE, on_huge, "");
COAP2_RESOURCE(late, "late", COAP2_GET | COAP2_OBSERVABLE, on_slow, "");
COAP2_TABLE(watched, &state, &other, &plain, &query, &below, &huge, &late,
            &bound);

/* Chance is none here: the first timeout is 2 s, doubled from then on. */
static void start_at(uint32_t time)
{
    prepare();
    wire.time = time;
    node.resources = watched;
    node.random = fixed_chance;
    chance = 0;
    memset(&now, 0, sizeof now);
    now.text[0] = 'a';
    now.code = COAP2_205_CONTENT;
    now.max_age = 60;
    now.format = COAP2_FORMAT_TEXT;
    level = 1;
    node.sequence = 0;
    CHECK_EQ(coap2_start(&node, 7641), COAP2_OK);
}

static void start(void)
{
    start_at(1000);
}

/* Change a resource, and poll. */
static void change(const coap2_resource *resource, const char *text)
{
    memset(now.text, 0, sizeof now.text);
    memcpy(now.text, text, strlen(text));
    coap2_changed(&node, resource);
    loop_clear(&wire);
    POLL();
}

#define CHANGE(text) change(&state, (text))

/* An ACK or RST of peer 1 for a message that was sent; then what that set
   free. */
static void ack(unsigned index)
{
    uint16_t id = loop_id(&wire, index);

    loop_clear(&wire);
    respond(0x60, loop_peer(1), id);
}

static void reset(unsigned index)
{
    uint16_t id = loop_id(&wire, index);

    loop_clear(&wire);
    respond(0x70, loop_peer(1), id);
}

/* Register peer n, with token aa, confirmable or not. */
#define BY_CON "41011234 aa 60 55'state'"
#define BY_NON "51011234 aa 60 55'state'"

static void watch(uint8_t n)
{
    ASK_FROM(loop_peer(n), BY_CON);
    LOOP_IS(&wire, 0, "61451234 aa *");
}

/* Nobody is on the list: changes mean nothing, and nothing is due. */
static void nobody_watches(void)
{
    PASS(2 * HOUR);
    CHANGE("z");
    coap2_changed(&node, &other);
    coap2_changed(&node, &query);
    coap2_changed(&node, &below);
    coap2_changed(&node, &huge);
    PASS(100000);
    SILENT();
    IS_IDLE();
    CHECK(fences_stand());
}

/* ---- on and off the list ------------------------------------------------- */

/* Behaviour 57. */
static void registers(void)
{
    start();
    ASK(BY_CON);
    ONLY("61451234 aa 6101 60 ff'a'");
    CHECK_EQ(now.again, 0);
    start();
    ASK(BY_NON);
    ONLY("5145.... aa 6101 60 ff'a'");
    CHECK_EQ(POLL(), DAY);
    loop_clear(&wire);
    PASS(HOUR);
    SILENT();
}

/* Behaviour 58: with the token, in the order of their numbers, to where the
   request came from. */
static void changes_are_notified(void)
{
    coap2_peer peer = loop_peer(1);

    start();
    peer.port = 7000;
    peer.arrived = 77;
    ASK_FROM(peer, "48011234 0102030405060708 60 55'state'");
    LOOP_IS(&wire, 0, "68451234 0102030405060708 6101 60 ff'a'");
    CHANGE("b");
    ONLY("4845.... 0102030405060708 6102 60 ff'b'");
    CHECK(coap2_peer_equals(&wire.sent[0].peer, &peer));
    CHECK_EQ(wire.sent[0].peer.arrived, 77);
    CHECK_EQ(now.again, 1);
    start();
    ASK("50011234 60 55'state'");
    ONLY("5045.... 6101 60 ff'a'");
    CHANGE("b");
    ONLY("5045.... 6102 60 ff'b'");
    CHANGE("c");
    ONLY("5045.... 6103 60 ff'c'");
    CHANGE("c");
    ONLY("5045.... 6104 60 ff'c'");
}

/* Changes between two polls are one. */
static void changes_are_gathered(void)
{
    start();
    ASK(BY_NON);
    coap2_changed(&node, &state);
    coap2_changed(&node, &state);
    CHANGE("b");
    ONLY("5145.... aa 6102 60 ff'b'");
    loop_clear(&wire);
    PASS(HOUR);
    SILENT();
}

/* Behaviour 59. */
static void deregisters(void)
{
    start();
    ASK(BY_CON);
    ASK("41011235 ab 6101 55'state'"); /* another token: not this one */
    ONLY("61451235 ab c0 ff'a'");
    ASK_FROM(loop_peer(2), "41011235 aa 6101 55'state'"); /* nor this peer */
    ONLY("61451235 aa c0 ff'a'");
    CHANGE("b");
    ONLY("4145.... aa 6102 60 ff'b'");
    ack(0);
    ASK("41011236 aa 6101 55'state'");
    ONLY("61451236 aa c0 ff'b'");
    nobody_watches();
}

/* It ends one in flight as well. */
static void deregisters_in_flight(void)
{
    start();
    ASK(BY_CON);
    CHANGE("b");
    ASK("51011236 aa 6101 55'state'");
    ONLY("5145.... aa c0 ff'b'");
    nobody_watches();
}

/* Behaviour 60. Of two observations of an endpoint the other goes on. */
static void reset_ends(void)
{
    start();
    ASK(BY_NON);
    ASK("51011235 bb 60 55'state'");
    CHANGE("b");
    CHECK_EQ(wire.count, 2);
    LOOP_IS(&wire, 0, "5145.... *");
    CHECK(wire.sent[0].bytes[4] != wire.sent[1].bytes[4]);
    reset(wire.sent[0].bytes[4] == 0xaa ? 0 : 1);
    SILENT();
    CHANGE("c");
    ONLY("5145.... bb 61.. 60 ff'c'");
    reset(0);
    nobody_watches();
    start();
    ASK(BY_CON);
    CHANGE("b");
    ONLY("4145.... aa 6102 60 ff'b'");
    reset(0);
    nobody_watches();
}

/* The answer to a registration is a notification, too (3.6). */
static void reset_of_the_first(void)
{
    start();
    ASK(BY_NON);
    reset(0);
    nobody_watches();
}

/* Resets of others, of other messages, and of ids that are the peer's own
   (behaviour 90). */
static void other_resets(void)
{
    uint16_t id;

    start();
    ASK(BY_CON);
    respond(0x70, loop_peer(1), 0x1234);
    CHANGE("b");
    ONLY("4145.... aa 6102 60 ff'b'");
    id = loop_id(&wire, 0);
    respond(0x70, loop_peer(2), id);
    respond(0x70, loop_peer(1), (uint16_t)(id + 1));
    respond(0x60, loop_peer(2), id);
    loop_clear(&wire);
    PASS(2000);
    ONLY("4145.... aa 6102 60 ff'b'");
    ack(0);
    CHANGE("c");
    ONLY("4145.... aa 6103 60 ff'c'");
}

/* Behaviour 61 (4.1): the same endpoint and token are one observation, also
   where the request is the same message again. */
static void refreshes(void)
{
    unsigned i;

    start();
    for (i = 0; i < 10; i++) {
        ASK(BY_CON);
        CHECK_EQ(wire.count, 1);
        ASK("41010001 aa 60 55'state'");
        CHECK_EQ(wire.count, 1);
    }
    CHANGE("b");
    ONLY("4145.... aa 61.. 60 ff'b'");
    ack(0);
    watch(2);
    watch(3);
    ASK_FROM(loop_peer(4), BY_CON);
    ONLY("61451234 aa 61.. 60 ff'b'");
}

/* The new request replaces the old one: its way to be notified, its path. */
static void refresh_replaces(void)
{
    start();
    ASK(BY_CON);
    ASK(BY_NON);
    CHANGE("b");
    ONLY("5145.... aa 61.. 60 ff'b'");
    ASK("51011240 aa 60 55'other'");
    CHANGE("c");
    SILENT();
    change(&other, "d");
    ONLY("5145.... aa 61.. 60 ff'd'");
    ASK("51011241 aa 60 55'plain'"); /* refused, which ends the old one */
    ONLY("5145.... aa c0 ff'd'");
    nobody_watches();
}

/* A refresh while a notification is in flight is answered with the state; that
   answer may be lost, so the notification is sent as well, from its beginning,
   and as a new one. */
static void refresh_in_flight(void)
{
    uint16_t old_id;

    start();
    ASK(BY_CON);
    CHANGE("b");
    old_id = loop_id(&wire, 0);
    ASK("41011235 aa 60 55'state'");
    CHECK_EQ(wire.count, 2);
    LOOP_IS(&wire, 0, "61451235 aa 6103 60 ff'b'");
    LOOP_IS(&wire, 1, "4145.... aa 6104 60 ff'b'");
    CHECK(loop_id(&wire, 1) != old_id);
    ack(1);
    PASS(HOUR);
    SILENT();
    CHANGE("c");
    ONLY("4145.... aa 6105 60 ff'c'");
}

/* ---- what is no registration --------------------------------------------- */

/* Behaviour 62 (RFC 7641 2, RFC 7252 3.2, 5.4.3): 0 in up to three bytes
   registers, 1 ends, the rest means nothing. */
static void values_of_observe(void)
{
    start();
    ASK("41010001 aa 6102 55'state'");
    ONLY("61450001 aa c0 ff'a'");
    ASK("41010002 aa 63ffffff 55'state'");
    ONLY("61450002 aa c0 ff'a'");
    ASK("41010003 aa 6400000000 55'state'");
    ONLY("61450003 aa c0 ff'a'");
    ASK("41010004 aa 6400000001 55'state'");
    ONLY("61450004 aa c0 ff'a'");
    ASK("41010005 aa 620100 55'state'"); /* 256 */
    ONLY("61450005 aa c0 ff'a'");
    CHECK_EQ(POLL(), COAP2_FOREVER);
    ASK("41010006 aa 620000 55'state'");
    ONLY("61450006 aa 61.. 60 ff'a'");
    ASK("41010007 aa 63000001 55'state'");
    ONLY("61450007 aa c0 ff'a'");
    CHECK_EQ(POLL(), COAP2_FOREVER);
    ASK("41010008 aa 63000000 55'state'");
    ONLY("61450008 aa 61.. 60 ff'a'");
    ASK("41010009 aa 6400000001 55'state'"); /* does not end it either */
    CHANGE("b");
    ONLY("4145.... aa 61.. 60 ff'b'");
    ASK("4101000a bb 6100 0101 55'state'"); /* only the first counts, 5.4.5 */
    ONLY("6145000a bb 61.. 60 ff'b'");
}

/* (4.1): whoever cannot be put on the list gets the answer without Observe. */
static void not_observable(void)
{
    start();
    ASK("41011234 aa 60 55'plain'");
    ONLY("61451234 aa c0 ff'a'");
    ASK("41011235 aa 60 53'nix'");
    ONLY("61841235 aa *");
    ASK("41011236 aa 60 5b'.well-known' 04'core'");
    LOOP_IS(&wire, 0, "61451236 aa c128 *");
    ASK("41031237 aa 60 55'state' ff'x'"); /* a PUT */
    ONLY("61441237 aa");
    ASK("41021238 aa 60 55'state' ff'x'");
    ONLY("61441238 aa");
    now.code = COAP2_500_INTERNAL_SERVER_ERROR;
    ASK("41011239 aa 60 55'state'");
    ONLY("61a01239 aa *");
    now.code = COAP2_205_CONTENT;
    ASK("4101123a aa 60 55'state' 6132"); /* Accept: 4.06 */
    ONLY("6186123a aa");
    ASK("4101123b aa 60 54'late'"); /* an answer that is late */
    loop_clear(&wire);
    CHECK_EQ(answer(0, "x"), COAP2_OK);
    POLL();
    ONLY("6145123b aa c0 ff'x'");
    CHECK_EQ(POLL(), COAP2_FOREVER);
    nobody_watches();
}

/* Nor does one go on the list whose answer became an error. */
static void answer_that_does_not_fit(void)
{
    start();
    ASK("41011234 aa 60 54'huge'");
    ONLY("61a01234 aa");
    nobody_watches();
}

/* An observation is for one endpoint (RFC 7641 1.2), not for a group. */
static void group_does_not_register(void)
{
    start();
    ASK_FROM(loop_group(1), BY_NON);
    PASS(COAP2_LEISURE);
    ONLY("5145.... aa c0 ff'a'");
    nobody_watches();
}

/* Behaviour 63 (4.1, 7): surplus clients get plain answers; a place that
   becomes free is used. */
static void full_table(void)
{
    uint8_t i;

    start();
    for (i = 1; i <= OBSERVERS; i++) {
        watch(i);
        LOOP_IS(&wire, 0, "61451234 aa 61.. 60 ff'a'");
    }
    for (; i < 40; i++) {
        ASK_FROM(loop_peer(i), BY_CON);
        ONLY("61451234 aa c0 ff'a'");
    }
    ASK("41011240 aa 60 55'state'"); /* renewed */
    ONLY("61451240 aa 61.. 60 ff'a'");
    CHANGE("b");
    CHECK_EQ(wire.count, OBSERVERS);
    ASK_FROM(loop_peer(3), "41011240 aa 6101 55'state'");
    ASK_FROM(loop_peer(50), BY_CON);
    ONLY("61451234 aa 61.. 60 ff'b'");
    ASK_FROM(loop_peer(51), BY_CON);
    ONLY("61451234 aa c0 ff'b'");
}

/* Known bug of others: who observes and vanishes keeps no place for ever. */
static void vanished_observers(void)
{
    unsigned round;
    uint8_t i;

    start();
    for (round = 0; round < 3; round++) {
        for (i = 1; i <= OBSERVERS; i++) {
            ASK_FROM(loop_peer(i), BY_CON);
            ONLY("61451234 aa 61.. 60 ff*");
        }
        CHANGE("b");
        CHECK_EQ(wire.count, OBSERVERS);
        PASS(62000);
        CHECK_EQ(wire.count, OBSERVERS * 5);
        IS_IDLE();
    }
    for (i = 1; i <= OBSERVERS; i++) ASK_FROM(loop_peer(i), BY_NON);
    loop_clear(&wire);
    PASS(DAY + 62000);
    CHECK_EQ(wire.count, OBSERVERS * 5);
    IS_IDLE();
    watch(9);
    LOOP_IS(&wire, 0, "61451234 aa 61.. 60 ff*");
}

/* Several observers of a resource, several resources of an observer. */
static void many_of_each(void)
{
    start();
    ASK(BY_NON);
    ASK_FROM(loop_peer(2), BY_NON);
    ASK("51011235 bb 60 55'other'");
    ASK("51011236 cc 60 55'state'"); /* the same one twice, by two tokens */
    CHANGE("b");
    CHECK_EQ(wire.count, 3);
    change(&other, "c");
    ONLY("5145.... bb 61.. 60 ff'c'");
    change(&query, "d");
    SILENT();
    ASK("51011237 bb 6101 55'other'");
    change(&other, "e");
    SILENT();
    CHANGE("e");
    CHECK_EQ(wire.count, 3);
}

/* ---- confirmable notifications (4.5) ------------------------------------- */

/* Behaviours 64 and 65: 2, 4, 8, 16 s apart, the same message as long as
   nothing changes; then the observer is gone. */
static void retransmission(uint32_t begin_time)
{
    static const uint32_t times[5] = {0, 2000, 6000, 14000, 30000};
    unsigned i;

    start_at(begin_time);
    ASK(BY_CON);
    CHANGE("b");
    PASS(HOUR);
    CHECK_EQ(wire.count, 5);
    for (i = 0; i < 5; i++) {
        LOOP_IS(&wire, i, "4145.... aa 6102 60 ff'b'");
        CHECK_EQ(loop_id(&wire, i), loop_id(&wire, 0));
        CHECK_EQ(wire.sent[i].time - begin_time, times[i]);
    }
    nobody_watches();
}

/* The clock may wrap on the way. */
static void retransmits(void)
{
    retransmission(1000);
    retransmission(0u - 1000);
    retransmission(0u - 30000);
    retransmission(0x7fffff00);
}

/* The series is the node's own: its parameters, its chance. */
static void parameters_of_retransmission(void)
{
    start();
    node.ack_timeout = 100;
    node.max_retransmit = 1;
    ASK(BY_CON);
    CHANGE("b");
    PASS(HOUR);
    CHECK_EQ(wire.count, 2);
    CHECK_EQ(wire.sent[1].time - wire.sent[0].time, 100);
    nobody_watches();
}

/* Whoever acknowledges stays. */
static void acknowledged(void)
{
    unsigned i;

    start();
    ASK(BY_CON);
    for (i = 0; i < 20; i++) {
        CHANGE("b");
        ONLY("4145.... aa 61.. 60 ff'b'");
        PASS(2000);
        CHECK_EQ(wire.count, 2);
        ack(0);
        SILENT();
        PASS(HOUR);
        SILENT();
    }
}

/* (4.5.2): a retransmission carries the latest state, as a new message; the
   count goes on. */
static void latest_state_is_retransmitted(void)
{
    start();
    ASK(BY_CON);
    CHANGE("b");
    CHANGE("c");
    SILENT();
    PASS(1999);
    SILENT();
    PASS(1);
    ONLY("4145.... aa 6103 60 ff'c'");
    PASS(4000);
    LOOP_IS(&wire, 1, "4145.... aa 6103 60 ff'c'");
    CHECK_EQ(loop_id(&wire, 1), loop_id(&wire, 0));
    CHANGE("d");
    PASS(8000);
    ONLY("4145.... aa 6104 60 ff'd'");
    PASS(HOUR);
    CHECK_EQ(wire.count, 2);
    nobody_watches();
}

/* What has changed without a word is sent as it is, too. */
static void retransmission_runs_the_handler(void)
{
    start();
    ASK(BY_CON);
    CHANGE("b");
    now.text[0] = 'c';
    loop_clear(&wire);
    PASS(2000);
    ONLY("4145.... aa 6102 60 ff'c'");
}

/* An acknowledgement of the overtaken one says nothing of the other. */
static void acknowledgement_of_the_overtaken(void)
{
    uint16_t old_id;

    start();
    ASK(BY_CON);
    CHANGE("b");
    old_id = loop_id(&wire, 0);
    CHANGE("c");
    PASS(2000);
    ONLY("4145.... aa 6103 60 ff'c'");
    CHECK(loop_id(&wire, 0) != old_id);
    respond(0x60, loop_peer(1), old_id);
    PASS(4000);
    CHECK_EQ(wire.count, 2);
    ack(1);
    PASS(HOUR);
    SILENT();
}

/* One in flight for an endpoint (NSTART); what came in between is sent once the
   first is acknowledged. */
static void one_in_flight(void)
{
    start();
    ASK(BY_CON);
    CHANGE("b");
    CHANGE("c");
    CHANGE("d");
    SILENT();
    respond(0x60, loop_peer(1), (uint16_t)(node.next_id - 1));
    ONLY("4145.... aa 6103 60 ff'd'");
    ack(0);
    SILENT();
}

static void one_in_flight_of_two(void)
{
    start();
    ASK(BY_CON);
    ASK("41011235 bb 60 55'state'");
    watch(2);
    CHANGE("b");
    CHECK_EQ(wire.count, 2); /* peer 2 does not wait for peer 1 */
    CHECK(!coap2_peer_equals(&wire.sent[0].peer, &wire.sent[1].peer));
    if (wire.sent[0].peer.address[3] == 1)
        ack(0);
    else
        ack(1);
    ONLY("4145.... .. 61.. 60 ff'b'");
    CHECK_EQ(wire.sent[0].peer.address[3], 1);
    ack(0);
    SILENT();
}

/* An observer that is gone does not hold the others of its endpoint back. */
static void gone_holds_nobody(void)
{
    start();
    ASK(BY_CON);
    ASK("41011235 bb 60 55'state'");
    CHANGE("b");
    CHECK_EQ(wire.count, 1);
    PASS(HOUR);
    CHECK_EQ(wire.count, 10);
    nobody_watches();
}

/* ---- non-confirmable ones (4.5, 4.5.1) ----------------------------------- */

/* Behaviour 66: a day after the registration or the last confirmable one. */
static void once_a_day(uint32_t begin_time)
{
    unsigned day;

    start_at(begin_time);
    ASK(BY_NON);
    for (day = 0; day < 3; day++) {
        loop_clear(&wire);
        PASS(DAY - 1);
        SILENT();
        PASS(1);
        ONLY("4145.... aa 61.. 60 ff'a'");
        CHECK_EQ(POLL(), 2000);
        ack(0);
        SILENT();
    }
    PASS(DAY);
    CHECK_EQ(wire.count, 1);
    PASS(DAY);
    CHECK_EQ(wire.count, 5);
    nobody_watches();
}

static void confirmable_once_a_day(void)
{
    once_a_day(1000);
    once_a_day(0u - HOUR);
    once_a_day(0x80000000u - DAY);
}

static void acknowledge_the_daily_one(unsigned *sum)
{
    unsigned last = wire.count - 1;

    if (wire.count == 0 || (wire.sent[last].bytes[0] & 0x30) != 0) return;
    ++*sum;
    ack(last);
}

/* Also of a resource that changes all the time. */
static void confirmable_among_others(void)
{
    unsigned confirmable = 0, hour;

    start();
    ASK(BY_NON);
    for (hour = 0; hour < 3 * 24 + 1; hour++) {
        CHANGE("b");
        CHECK_EQ(wire.count, 1);
        acknowledge_the_daily_one(&confirmable);
        PASS(HOUR);
        CHECK(wire.count <= 2);
        acknowledge_the_daily_one(&confirmable);
    }
    CHECK_EQ(confirmable, 3);
    for (hour = 0; hour < 26; hour++) { /* and who has gone is forgotten */
        CHANGE("b");
        PASS(HOUR);
    }
    nobody_watches();
}

/* A confirmable observer hears once a day, too, so that it is not forgotten
   that it has gone. */
static void quiet_resource(void)
{
    start();
    ASK(BY_CON);
    loop_clear(&wire);
    PASS(DAY - 1);
    SILENT();
    PASS(1);
    ONLY("4145.... aa 6102 60 ff'a'");
    PASS(62000);
    nobody_watches();
}

/* The daily ones of an endpoint leave one by one, too (4.5.1). */
static void daily_ones_one_by_one(void)
{
    start();
    ASK(BY_NON);
    ASK("41011235 bb 60 55'state'");
    loop_clear(&wire);
    PASS(DAY);
    ONLY("4145.... .. 61.. 60 ff'a'");
    CHECK_EQ(POLL(), 2000);
    PASS(1999);
    CHECK_EQ(wire.count, 1);
    ack(0);
    ONLY("4145.... .. 61.. 60 ff'a'");
    ack(0);
    SILENT();
    CHECK_EQ(POLL(), DAY);
}

/* News wait for an acknowledgement, and become a day old meanwhile. */
static void daily_one_waits_for_another(void)
{
    start();
    ASK(BY_CON);
    ASK("41011235 bb 60 55'state'");
    PASS(DAY - 1);
    CHANGE("b");
    ONLY("4145.... .. 61.. 60 ff'b'");
    CHECK_EQ(POLL(), 2000);
    PASS(1);
    CHECK_EQ(POLL(), 1999);
    PASS(1998);
    CHECK_EQ(wire.count, 1);
    ack(0);
    ONLY("4145.... .. 61.. 60 ff'b'");
    ack(0);
    SILENT();
}

/* News wait for their pause; the daily one comes first. */
static void daily_one_ends_a_pause(void)
{
    unsigned i;

    start();
    ASK(BY_NON);
    PASS(DAY - 1000);
    for (i = 0; i < 5; i++) CHANGE("b");
    SILENT();
    CHECK_EQ(POLL(), 1000);
    PASS(1000);
    ONLY("4145.... aa 61.. 60 ff'b'");
}

/* News while the daily message is in flight: the same rules as for others. */
static void news_during_the_daily_one(void)
{
    start();
    ASK(BY_NON);
    loop_clear(&wire);
    PASS(DAY);
    CHANGE("b");
    SILENT();
    PASS(2000);
    ONLY("4145.... aa 6103 60 ff'b'");
    ack(0);
    CHANGE("c");
    ONLY("5145.... aa 6104 60 ff'c'");
}

/* One in three seconds on average, of which four may go at once; the last state
   is sent as soon as it may. */
static void pace(void)
{
    unsigned i;
    char text[2] = "A";

    start();
    ASK(BY_NON);
    for (i = 0; i < 4; i++) {
        CHANGE("b");
        ONLY("5145.... aa 61.. 60 ff'b'");
    }
    CHANGE("c");
    SILENT();
    PASS(1000);
    CHANGE("d");
    PASS(1999);
    SILENT();
    PASS(1);
    ONLY("5145.... aa 61.. 60 ff'd'");
    loop_clear(&wire);
    PASS(60000); /* saved up, but not beyond four */
    for (i = 0; i < 60; i++) {
        uint32_t before = wire.time;

        text[0] = (char)('A' + i % 26);
        memcpy(now.text, text, 2);
        coap2_changed(&node, &state);
        PASS(1000);
        CHECK_EQ(wire.time - before, 1000);
    }
    CHECK(wire.count >= 20);
    CHECK(wire.count <= 24);
    PASS(3000);
    LOOP_IS(&wire, wire.count - 1, "5145.... aa 61.. 60 ff'H'");
    loop_clear(&wire);
    PASS(HOUR);
    SILENT();
}

/* ---- how it ends --------------------------------------------------------- */

/* Behaviours 67 and 68 (4.2). */
static void resource_is_deleted(void)
{
    start();
    ASK(BY_NON);
    ASK_FROM(loop_peer(2), "41041235 bb b5'state'");
    CHECK_EQ(wire.count, 2);
    LOOP_IS(&wire, 0, "61421235 bb");
    LOOP_IS(&wire, 1, "5184.... aa *");
    CHECK(loop_sent(&wire, 1)->length < 8 ||
          loop_sent(&wire, 1)->bytes[5] == 0xff ||
          loop_sent(&wire, 1)->bytes[5] >> 4 != COAP2_OPT_OBSERVE);
    now.code = COAP2_205_CONTENT;
    nobody_watches();
}

static void error_ends(void)
{
    static const uint8_t codes[][2] = {{COAP2_400_BAD_REQUEST, 0x80},
                                       {COAP2_503_SERVICE_UNAVAILABLE, 0xa3},
                                       {COAP2_LATER, 0xa0},
                                       {COAP2_231_CONTINUE + 0x20, 0xa0},
                                       {0xe0, 0xa0}};
    unsigned i;

    for (i = 1; i <= 5; i++) {
        test_row = i;
        start();
        ASK(BY_NON);
        now.code = codes[i - 1][0];
        CHANGE("b");
        CHECK_EQ(wire.count, 1);
        if (i != 4) CHECK_EQ(wire.sent[0].bytes[1], codes[i - 1][1]);
        CHECK_EQ(wire.sent[0].length, 5);
        now.code = COAP2_205_CONTENT;
        nobody_watches();
    }
    test_row = 0;
}

/* An error to a confirmable observer is one message, which is sent until it is
   acknowledged (RFC 7252 4.2), and the last one. */
static void error_is_confirmable(void)
{
    start();
    ASK(BY_CON);
    now.code = COAP2_404_NOT_FOUND;
    CHANGE("");
    LOOP_IS(&wire, 0, "4184.... aa*");
    PASS(2000);
    CHECK_EQ(wire.count, 2);
    LOOP_IS(&wire, 1, "4184.... aa*");
    CHECK_EQ(loop_id(&wire, 0), loop_id(&wire, 1));
    now.code = COAP2_205_CONTENT;
    CHANGE("b");
    SILENT();
    PASS(HOUR);
    CHECK_EQ(wire.count, 3);
    LOOP_IS(&wire, 2, "4184.... aa*");
    nobody_watches();
    start();
    ASK(BY_CON);
    now.code = COAP2_404_NOT_FOUND;
    CHANGE("");
    ack(0);
    now.code = COAP2_205_CONTENT;
    nobody_watches();
}

/* It can be observed again after that, by the same token. */
static void observed_again(void)
{
    start();
    ASK(BY_NON);
    now.code = COAP2_404_NOT_FOUND;
    CHANGE("");
    now.code = COAP2_205_CONTENT;
    now.text[0] = 'b';
    ASK("51011235 aa 60 55'state'");
    ONLY("5145.... aa 61.. 60 ff'b'");
    CHANGE("c");
    ONLY("5145.... aa 61.. 60 ff'c'");
}

/* (4.2): the format of the first answer is that of all. */
static void format_is_fixed(void)
{
    start();
    ASK(BY_NON);
    now.format = COAP2_FORMAT_JSON;
    CHANGE("{}");
    ONLY("5186.... aa");
    now.format = COAP2_FORMAT_TEXT;
    nobody_watches();
    start();
    now.format = COAP2_FORMAT_JSON;
    ASK(BY_NON);
    ONLY("5145.... aa 61.. 6132 ff'a'");
    CHANGE("{}");
    ONLY("5145.... aa 61.. 6132 ff'{}'");
}

static void restart_forgets(void)
{
    start();
    ASK(BY_CON);
    CHANGE("b");
    CHECK_EQ(coap2_start(&node, 1), COAP2_OK);
    nobody_watches();
}

#ifndef __AVR__

/* Rows beyond those that a byte can number are served, not observed; none is
   taken for another. */
static void large_table(void)
{
    static const coap2_resource *rows[301];
    unsigned i, at;

    for (at = 254; at <= 257; at++) {
        bool observed = at == 254;

        test_row = at;
        start();
        for (i = 0; i < 300; i++) rows[i] = &other;
        rows[at] = &state;
        node.resources = rows;
        ASK("51011233 bb 60 55'other'");
        ASK(BY_NON);
        CHECK_EQ(wire.count, 1);
        CHECK_EQ(wire.sent[0].bytes[5] >> 4 == COAP2_OPT_OBSERVE, observed);
        CHANGE("b");
        CHECK_EQ(wire.count, observed);
        change(&other, "c");
        ONLY("5145.... bb 61.. 60 ff'c'");
    }
    test_row = 0;
}

#endif

/* ---- what was asked for -------------------------------------------------- */

/* (3.2, 4.3.2): a state that the client has is named. */
static void etag_of_observer(void)
{
    start();
    now.etag = 7;
    ASK("51011234 aa 4107 20 55'state'");
    ONLY("5143.... aa 4107 2101");
    now.etag = 8;
    CHANGE("b");
    ONLY("5145.... aa 4108 2102 60 ff'b'");
    now.etag = 7;
    CHANGE("a");
    ONLY("5143.... aa 4107 2103");
    now.etag = 9;
    CHANGE("c");
    ONLY("5145.... aa 4109 2104 60 ff'c'");
}

/* Two of them, and a confirmable observer. */
static void etags_of_observer(void)
{
    start();
    now.etag = 6;
    ASK("41011234 aa 4107 0108 20 55'state'");
    ONLY("61451234 aa 4106 2101 60 ff'a'");
    now.etag = 8;
    CHANGE("b");
    ONLY("4143.... aa 4108 2102");
    ack(0);
    now.etag = 7;
    CHANGE("c");
    ONLY("4143.... aa 4107 2103");
}

static void query_and_accept_are_kept(void)
{
    start();
    ASK("51011234 aa 60 51'q' 43'x=1' 2132");
    ONLY("5145.... aa 6101 6132 ff'x=1a'");
    change(&query, "b");
    ONLY("5145.... aa 6102 6132 ff'x=1b'");
    ASK("51011235 bb 60 51'q' 43'x=2'");
    change(&query, "c");
    CHECK_EQ(wire.count, 2);
    LOOP_IS(&wire, wire.sent[0].bytes[4] == 0xbb ? 0 : 1,
            "5145.... bb 61.. 60 ff'x=2c'");
    LOOP_IS(&wire, wire.sent[0].bytes[4] == 0xbb ? 1 : 0,
            "5145.... aa 61.. 6132 ff'x=1c'");
}

/* Options that there is no room for: a plain answer. ETags are given up
   first. */
static void options_too_long(void)
{
    start();
    now.etag = 7;
    ASK("51011234 aa 4107 20 51'q' 4d08'123456789012345678901'");
    ONLY("5143.... aa 4107 2101");
    change(&query, "b");
    ONLY("5145.... aa 4107 21.. 60 ff'123456789012345678901b'");
    ASK("51011235 bb 60 51'q' 4d09'1234567890123456789012'");
    ONLY("5145.... bb 4107 80 ff'1234567890123456789012b'");
    ASK("51011236 aa 60 51'q' 4d09'1234567890123456789012'");
    ONLY("5145.... aa 4107 80 ff'1234567890123456789012b'");
    nobody_watches(); /* the renewal was refused */
}

/* A row with a star is many resources: each observer has its own. */
static void wildcard_row(void)
{
    start();
    ASK("51011234 aa 60 51'w' 01'x'");
    ONLY("5145.... aa 6101 60 ff'/w/xa'");
    ASK("51011235 bb 60 51'w' 02'yy' 41'q'");
    ONLY("5145.... bb 6102 60 ff'/w/yy?qa'");
    change(&below, "b");
    CHECK_EQ(wire.count, 2);
    LOOP_IS(&wire, wire.sent[0].bytes[4] == 0xaa ? 0 : 1,
            "5145.... aa 61.. 60 ff'/w/xb'");
    LOOP_IS(&wire, wire.sent[0].bytes[4] == 0xaa ? 1 : 0,
            "5145.... bb 61.. 60 ff'/w/yy?qb'");
}

static void max_age_is_sent(void)
{
    start();
    now.max_age = 5;
    ASK(BY_NON);
    ONLY("5145.... aa 6101 60 2105 ff'a'");
    CHANGE("b");
    ONLY("5145.... aa 6102 60 2105 ff'b'");
}

/* Behaviour 70 (3.4, 4.4): 24 bits that wrap, as minimal numbers. */
static void sequence_wraps(void)
{
    start();
    node.sequence = 0xfffffd; /* as after so many notifications */
    ASK(BY_NON);
    ONLY("5145.... aa 63fffffe 60 ff'a'");
    CHANGE("b");
    ONLY("5145.... aa 63ffffff 60 ff'b'");
    CHANGE("c");
    ONLY("5145.... aa 60 60 ff'c'");
    CHANGE("d");
    ONLY("5145.... aa 6101 60 ff'd'");
}

/* A renewal is numbered as well, and higher (4.4). */
static void sequence_of_a_renewal(void)
{
    start();
    ASK(BY_NON);
    CHANGE("b");
    ONLY("5145.... aa 6102 60 ff'b'");
    ASK("51011235 aa 60 55'state'");
    ONLY("5145.... aa 6103 60 ff'b'");
    CHANGE("c");
    ONLY("5145.... aa 6104 60 ff'c'");
}

/* ---- what changes a resource --------------------------------------------- */

/* A 2.xx to a request that is not safe; no other. */
static void writes_notify(void)
{
    start();
    ASK(BY_NON);
    ASK_FROM(loop_peer(2), "41031235 bb b5'state' ff'x'");
    CHECK_EQ(wire.count, 2);
    LOOP_IS(&wire, 0, "61441235 bb");
    LOOP_IS(&wire, 1, "5145.... aa 6102 60 ff'x'");
    ASK_FROM(loop_peer(2), "41021236 bb b5'state' ff'y'");
    CHECK_EQ(wire.count, 2);
    LOOP_IS(&wire, 1, "5145.... aa 6103 60 ff'y'");
    ASK_FROM(loop_peer(2), "41021236 bb b5'state' ff'y'"); /* a duplicate */
    ONLY("61441236 bb");
    ASK_FROM(loop_peer(2), "41031237 bb b5'state' ff'zz'");
    ONLY("61801237 bb *");
    ASK_FROM(loop_peer(2), "41011238 bb b5'state'");
    ONLY("61451238 bb c0 ff'y'");
    ASK("41031239 bb b5'state' ff'z'"); /* by the observer itself */
    CHECK_EQ(wire.count, 2);
    LOOP_IS(&wire, 1, "5145.... aa 6104 60 ff'z'");
}

static void bound_writes_notify(void)
{
    start();
    ASK("51011234 aa 60 55'bound'");
    ONLY("5145.... aa 6101 60 ff'1'");
    ASK_FROM(loop_peer(2), "41031235 bb b5'bound' ff'22'");
    CHECK_EQ(wire.count, 2);
    LOOP_IS(&wire, 0, "61441235 bb");
    LOOP_IS(&wire, 1, "5145.... aa 6102 60 ff'22'");
    ASK_FROM(loop_peer(2), "41031236 bb b5'bound' ff'what'");
    ONLY("61801236 bb *");
    level = 333; /* by the program */
    change(&bound, "");
    ONLY("5145.... aa 6103 60 ff'333'");
}

/* Resources that are not in the table, that nobody observes, and a node without
   any. */
static void changes_that_concern_nobody(void)
{
    start();
    coap2_changed(&node, &state);
    coap2_changed(&node, &temp);
    CHECK_EQ(POLL(), COAP2_FOREVER);
    ASK(BY_NON);
    change(&temp, "b");
    SILENT();
    node.resources = NULL;
    coap2_changed(&node, &state);
    node.resources = watched;
}

/* ---- a transport that does not take everything --------------------------- */

/* Not now: it is tried again, with the state of then. */
static void send_again_later(void)
{
    start();
    ASK(BY_NON);
    wire.again = 2;
    CHANGE("b");
    SILENT();
    now.text[0] = 'c';
    CHECK(POLL() <= 100);
    SILENT();
    CHECK_EQ(wire.tried, 2);
    POLL();
    ONLY("5145.... aa 61.. 60 ff'c'");
    loop_clear(&wire);
    PASS(HOUR);
    SILENT();
    start();
    ASK(BY_CON);
    wire.again = 1;
    CHANGE("b");
    POLL();
    ONLY("4145.... aa 61.. 60 ff'b'");
    wire.again = 1;
    PASS(3000);
    CHECK_EQ(wire.count, 2);
    PASS(HOUR);
    CHECK_EQ(wire.count, 5);
    nobody_watches();
}

static void send_fails(void)
{
    start();
    ASK(BY_CON);
    wire.fail = 1;
    CHANGE("b");
    CHECK_EQ(wire.tried, 1);
    SILENT();
    nobody_watches();
}

/* Packets that are pushed in work as those that are received. */
static void pushed_in(void)
{
    static const uint8_t get[] = {0x51, 1,   0x12, 0x34, 0xaa, 0x60,
                                  0x55, 's', 't',  'a',  't',  'e'};
    coap2_peer peer = loop_peer(1);

    start();
    coap2_input(&node, &peer, get, sizeof get, wire.time);
    ONLY("5145.... aa 6101 60 ff'a'");
    CHANGE("b");
    ONLY("5145.... aa 6102 60 ff'b'");
}

/* ---- with Block2 (RFC 7959 2.6, 3.4) ------------------------------------- */

static const char large[] = "0123456789abcdef0123456789abcdef"
                            "0123456789abcdef0123456789abcdef"
                            "0123456789abcdef0123456789abcdef!";

/* Behaviour 69: block 0 alone; the rest is asked for without Observe. */
static void large_notification(void)
{
    start();
    now.etag = 7;
    memcpy(now.text, large, sizeof large);
    ASK(BY_NON);
    ONLY("5145.... aa 4107 2101 60 b109 5161 ff'0123456789abcdef"
         "0123456789abcdef'");
    now.etag = 8;
    CHANGE(large);
    ONLY("5145.... aa 4108 2102 60 b109 5161 ff'0123456789abcdef"
         "0123456789abcdef'");
    ASK("41011240 cc b5'state' c131");
    ONLY("61451240 cc 4108 80 b131 ff'!'");
    now.etag = 9;
    CHANGE("s"); /* one that is small goes without */
    ONLY("5145.... aa 4109 2103 60 ff's'");
}

/* The size that the registration asked for. */
static void block_size_of_registration(void)
{
    start();
    memcpy(now.text, large, sizeof large);
    ASK("51011234 aa 60 55'state' c100");
    ONLY("5145.... aa 6101 60 b108 5161 ff'0123456789abcdef'");
    CHANGE(large);
    ONLY("5145.... aa 6102 60 b108 5161 ff'0123456789abcdef'");
}

/* A request for a block from the middle is none for an observation, and leaves
   the one under way alone. */
static void middle_block_does_not_register(void)
{
    start();
    memcpy(now.text, large, sizeof large);
    ASK("41011234 aa 60 55'state' c111");
    ONLY("61451234 aa c0 b119 ff'0123456789abcdef0123456789abcdef'");
    nobody_watches();
    start();
    ASK(BY_NON);
    memcpy(now.text, large, sizeof large);
    ASK("41011235 bb b5'state' c111");
    CHANGE("b");
    ONLY("5145.... aa 61.. 60 ff'b'");
}

int main(void)
{
    RUN("RFC 7641 3.1, 4.1: register", registers);
    RUN("RFC 7641 3.2, 4.2: notifications", changes_are_notified);
    RUN("RFC 7641 4.2: changes between polls", changes_are_gathered);
    RUN("RFC 7641 3.6: deregister", deregisters);
    RUN("RFC 7641 3.6: deregister in flight", deregisters_in_flight);
    RUN("RFC 7641 3.6: reset", reset_ends);
    RUN("RFC 7641 3.6: reset of the first", reset_of_the_first);
    RUN("RFC 7252 4.2: other resets", other_resets);
    RUN("RFC 7641 4.1: refresh", refreshes);
    RUN("RFC 7641 4.1: refresh replaces", refresh_replaces);
    RUN("RFC 7641 4.1: refresh in flight", refresh_in_flight);
    RUN("RFC 7641 2: values of Observe", values_of_observe);
    RUN("RFC 7641 4.1: not observable", not_observable);
    RUN("RFC 7641 4.1: error instead", answer_that_does_not_fit);
    RUN("RFC 7641 1.2: not by a group", group_does_not_register);
    RUN("RFC 7641 4.1: full table", full_table);
    RUN("RFC 7641 4.5: vanished observers", vanished_observers);
    RUN("RFC 7641 4.1: many of each", many_of_each);
    RUN("RFC 7641 4.5: retransmission", retransmits);
    RUN("RFC 7252 4.8: its parameters", parameters_of_retransmission);
    RUN("RFC 7641 4.5: acknowledged", acknowledged);
    RUN("RFC 7641 4.5.2: latest state", latest_state_is_retransmitted);
    RUN("RFC 7641 4.5.2: as it is", retransmission_runs_the_handler);
    RUN("RFC 7641 4.5.2: overtaken", acknowledgement_of_the_overtaken);
    RUN("RFC 7641 4.5.1: one in flight", one_in_flight);
    RUN("RFC 7641 4.5.1: of two", one_in_flight_of_two);
    RUN("RFC 7641 4.5.1: gone", gone_holds_nobody);
    RUN("RFC 7641 4.5: once a day", confirmable_once_a_day);
    RUN("RFC 7641 4.5.1: daily ones, one by one", daily_ones_one_by_one);
    RUN("RFC 7641 4.5.1: a daily one waits", daily_one_waits_for_another);
    RUN("RFC 7641 4.5: a daily one and a pause", daily_one_ends_a_pause);
    RUN("RFC 7641 4.5: among others", confirmable_among_others);
    RUN("RFC 7641 4.5: quiet resource", quiet_resource);
    RUN("RFC 7641 4.5: news meanwhile", news_during_the_daily_one);
    RUN("RFC 7641 4.5.1: pace", pace);
    RUN("RFC 7641 4.2: deleted", resource_is_deleted);
    RUN("RFC 7641 4.2: errors", error_ends);
    RUN("RFC 7641 4.2: confirmable errors", error_is_confirmable);
    RUN("RFC 7641 4.1: observed again", observed_again);
    RUN("RFC 7641 4.2: format", format_is_fixed);
    RUN("RFC 7641 4.1: restart", restart_forgets);
    RUN("RFC 7641 3.3.2: ETag", etag_of_observer);
    RUN("RFC 7641 3.3.2: ETags", etags_of_observer);
    RUN("RFC 7641 4.1: query, Accept", query_and_accept_are_kept);
    RUN("RFC 7641 4.1: too long to keep", options_too_long);
    RUN("RFC 7641 4.1: wildcard row", wildcard_row);
    RUN("RFC 7641 4.3.1: Max-Age", max_age_is_sent);
    RUN("RFC 7641 4.4: wrap", sequence_wraps);
    RUN("RFC 7641 4.4: renewal", sequence_of_a_renewal);
    RUN("RFC 7641 4.2: writes", writes_notify);
    RUN("RFC 7641 4.2: bound writes", bound_writes_notify);
    RUN("RFC 7641 4.2: nobody", changes_that_concern_nobody);
#ifndef __AVR__
    RUN("observers of a large table", large_table);
#endif
    RUN("COAP2_ERR_AGAIN", send_again_later);
    RUN("COAP2_ERR_SEND", send_fails);
    RUN("coap2_input", pushed_in);
    RUN("RFC 7959 2.6: large notifications", large_notification);
    RUN("RFC 7959 3.4: early negotiation", block_size_of_registration);
    RUN("RFC 7959 2.6: middle", middle_block_does_not_register);
    return test_end();
}
