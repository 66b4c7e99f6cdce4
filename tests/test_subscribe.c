/* A node whose resources are subscribed to by rules: what is answered, which
   changes are sent and when, what is said with them, and how it ends. The
   clients are played by hand over a wire in memory. */
#define COAP2_MAX_OBSERVERS 4
#define COAP2_OBSERVE_OPTIONS 24
#define COAP2_RULE_SIZE 64
#define LOOP_SENT 16
#include "server.h"

#define HOUR ((uint32_t)3600000)
#define DAY (24 * HOUR)
enum { OBSERVERS = COAP2_MAX_OBSERVERS, A_DAY = 86400 };

/* ---- the resources ------------------------------------------------------ */

/* What the resources with a handler are at the moment. */
static struct {
    char text[200];
    size_t length;
    uint8_t code;
    uint8_t etag; /* 0: none */
    uint16_t format;
    uint32_t max_age;
} now;

static uint8_t on_state(coap2_req *req, coap2_rsp *rsp)
{
    if (req->method == COAP2_DELETE) {
        now.code = COAP2_404_NOT_FOUND;
        return COAP2_202_DELETED;
    }
    if (req->method == COAP2_PUT) return COAP2_204_CHANGED;
    rsp->max_age = now.max_age;
    if (now.etag != 0) coap2_rsp_etag(rsp, &now.etag, 1);
    coap2_rsp_bytes(rsp, now.format, now.text, now.length);
    return now.code;
}

/* What it was asked, then what there is: `ask=PAYLOAD TEXT`. */
static uint8_t on_search(coap2_req *req, coap2_rsp *rsp)
{
    CHECK_EQ(req->method, COAP2_FETCH);
    coap2_rsp_bytes(rsp, COAP2_FORMAT_TEXT, "ask=", 4);
    coap2_rsp_bytes(rsp, COAP2_FORMAT_TEXT, req->payload, req->payload_length);
    coap2_rsp_bytes(rsp, COAP2_FORMAT_TEXT, " ", 1);
    coap2_rsp_bytes(rsp, COAP2_FORMAT_TEXT, now.text, now.length);
    return now.code;
}

static int16_t level;
static int16_t temp10;
static uint8_t hum;

COAP2_FIELDS(level_fields, COAP2_FIELD_RW("level", COAP2_I16, level, 0));
COAP2_FIELDS(climate_fields, COAP2_FIELD_RW("temp", COAP2_I16, temp10, -1),
             COAP2_FIELD_RW("hum", COAP2_U8, hum, 0));
COAP2_BOUND(meter, "level", COAP2_OBSERVABLE, level_fields, "");
COAP2_BOUND(climate, "climate", COAP2_OBSERVABLE, climate_fields, "");
COAP2_RESOURCE(state, "state",
               COAP2_GET | COAP2_PUT | COAP2_DELETE | COAP2_OBSERVABLE,
               on_state, "obs");
COAP2_RESOURCE(plain, "plain", COAP2_GET, on_state, "");
COAP2_RESOURCE(search, "search", COAP2_FETCH | COAP2_OBSERVABLE, on_search, "");
COAP2_RESOURCE(late, "late", COAP2_GET | COAP2_OBSERVABLE, on_slow, "");
COAP2_TABLE(offered, &meter, &climate, &state, &plain, &search, &late);

static void say(const char *text)
{
    now.length = strlen(text);
    memcpy(now.text, text, now.length);
}

/* Chance is none here: the first timeout is 2 s, doubled from then on. */
static void start_at(uint32_t time)
{
    prepare();
    wire.time = time;
    node.resources = offered;
    node.random = fixed_chance;
    chance = 0;
    memset(&now, 0, sizeof now);
    say("10");
    now.code = COAP2_205_CONTENT;
    now.max_age = 60;
    now.format = COAP2_FORMAT_TEXT;
    level = 10;
    temp10 = 215;
    hum = 40;
    CHECK_EQ(coap2_start(&node, 7641), COAP2_OK);
}

static void start(void)
{
    start_at(1000);
}

/* ---- requests ----------------------------------------------------------- */

static uint8_t request[400];
static coap2_writer built;
static uint16_t request_id;

/* A request with a token of one byte, as far as its path; NULL is the root. */
static void begin_request(uint8_t type, uint8_t code, char token,
                          const char *path)
{
    coap2_write_start(&built, request, sizeof request);
    coap2_write_header(&built, type, code, ++request_id, &token, 1);
    if (path != NULL) coap2_write_text(&built, COAP2_OPT_URI_PATH, path);
}

static void send_request_again(coap2_peer from)
{
    size_t length = coap2_write_end(&built);

    CHECK(length > 0);
    loop_clear(&wire);
    loop_push_at(&wire, from, request, length, wire.time);
    POLL();
}

static void send_request(void)
{
    send_request_again(loop_peer(1));
}

/* Subscribe to a path; a rule of NULL is none. */
static void begin_subscribe(uint8_t type, char token, const char *path,
                            const char *rule)
{
    begin_request(type, COAP2_001_GET, token, path);
    coap2_write_uint(&built, COAP2_OPT_OBSERVE, 0);
    coap2_write_uint(&built, COAP2_OPT_NOTIFICATION, 0);
    if (rule != NULL) coap2_write_text(&built, COAP2_OPT_RULE, rule);
}

static void subscribe(uint8_t type, const char *path, const char *rule)
{
    begin_subscribe(type, 'a', path, rule);
    send_request();
}

/* ---- answers and notifications ------------------------------------------ */

typedef struct note {
    coap2_msg msg;
    bool observed, has_id, marked;
    uint32_t id, max_age, sequence;
} note;

/* Is the number written in as few bytes as it takes? */
static void check_minimal(const coap2_opt *opt)
{
    CHECK(opt->length <= 4);
    CHECK(opt->length == 0 || opt->value[0] != 0);
}

/* What a message says that was sent. */
static void read_note(note *n, unsigned index)
{
    const loop_packet *packet = loop_sent(&wire, index);
    coap2_opt opt;

    memset(n, 0, sizeof *n);
    CHECK(index < wire.count);
    if (index >= wire.count) return;
    CHECK_EQ(coap2_msg_parse(&n->msg, packet->bytes, packet->length), COAP2_OK);
    n->max_age = 60;
    for (opt = n->msg.options; coap2_opt_next(&opt);) {
        uint32_t number = 0;

        CHECK(coap2_opt_uint(&opt, &number));
        if (opt.number == COAP2_OPT_OBSERVE) n->sequence = number;
        if (opt.number == COAP2_OPT_OBSERVE) n->observed = true;
        if (opt.number == COAP2_OPT_MAX_AGE) n->max_age = number;
        if (opt.number == COAP2_OPT_RULE) n->marked = true;
        if (opt.number == COAP2_OPT_RULE) CHECK_EQ(opt.length, 0);
        if (opt.number != COAP2_OPT_NOTIFICATION) continue;
        check_minimal(&opt);
        n->id = number;
        n->has_id = true;
    }
}

static uint32_t id_of(unsigned index)
{
    note n;

    read_note(&n, index);
    return n.id;
}

/* What a message is, as a letter: F the answer to a subscription, M what the
   rule asked for, P what it did not, A an answer without a subscription, O one
   to an observer without a rule's id, E an error. */
static char letter_of(unsigned index)
{
    note n;

    read_note(&n, index);
    if (COAP2_CODE_CLASS(n.msg.code) != 2) return 'E';
    if (!n.observed) return n.has_id || n.marked ? '?' : 'A';
    if (!n.has_id) return n.marked ? '?' : 'O';
    if (n.id == 0) return '?';
    if (n.marked) return 'M';
    return n.msg.type == COAP2_ACK ? 'F' : 'P';
}

/* Was one message sent, of this type, which is this, with this payload? */
#define CHECK_ONE(type, letter, text) \
    check_one((type), (letter), (text), __LINE__)
static void check_one(uint8_t type, char letter, const char *text, int line)
{
    note n;

    test_equal(wire.count, 1, line);
    if (wire.count == 0) return;
    read_note(&n, 0);
    test_equal(n.msg.type, type, line);
    if (type == COAP2_NON && letter == 'F')
        test_equal('P', (unsigned long)letter_of(0), line);
    else
        test_equal((unsigned long)letter, (unsigned long)letter_of(0), line);
    test_bytes(n.msg.payload, n.msg.payload_length, text, strlen(text), line);
    if (letter == 'E' || letter == 'A') return;
    test_check(n.msg.token_length == 1 && n.msg.token[0] == 'a', line);
}

static void ack(unsigned index)
{
    uint16_t id = loop_id(&wire, index);

    loop_clear(&wire);
    respond(0x60, loop_peer(1), id);
}

/* Change a resource, and poll. */
static void change(const coap2_resource *resource, const char *text)
{
    say(text);
    coap2_changed(&node, resource);
    loop_clear(&wire);
    POLL();
}

static void set_level(int value)
{
    level = (int16_t)value;
    change(&meter, "");
}

/* Nobody is on the list. */
#define NOBODY() nobody_listens(__LINE__)
static void nobody_listens(int line)
{
    unsigned i;

    for (i = 0; i < OBSERVERS; i++)
        test_equal(node.observers[i].flags, 0, line);
    loop_clear(&wire);
    coap2_changed(&node, &meter);
    coap2_changed(&node, &climate);
    coap2_changed(&node, &state);
    coap2_changed(&node, &search);
    PASS(2 * HOUR);
    test_equal(wire.count, 0, line);
    test_equal(POLL(), COAP2_FOREVER, line);
    test_check(fences_stand(), line);
}

/* ---- the answer --------------------------------------------------------- */

/* The answer is the state, whatever the rule says of it, with the id. */
static void answered_with_the_state(void)
{
    note n;

    start();
    subscribe(COAP2_CON, "level", "level > 20");
    CHECK_ONE(COAP2_ACK, 'F', "10");
    read_note(&n, 0);
    CHECK_EQ(n.msg.code, COAP2_205_CONTENT);
    CHECK_EQ(n.max_age, A_DAY);
    set_level(15);
    SILENT();
    set_level(21);
    CHECK_ONE(COAP2_CON, 'M', "21");
    start();
    subscribe(COAP2_NON, "climate", "temp > 20 and hum < 50");
    CHECK_ONE(COAP2_NON, 'F', "temp=21.5 hum=40");
    temp10 = 215;
    change(&climate, "");
    CHECK_ONE(COAP2_NON, 'M', "temp=21.5 hum=40");
    hum = 60;
    change(&climate, "");
    SILENT();
}

/* Byte by byte: where the options stand, and what they are. */
static void on_the_wire(void)
{
    start();
    chance = 0x01020304;
    ASK("41011234 aa 60 55'level' ea0082 'level > 20'");
    LOOP_IS(&wire, 0, "61451234 aa 6101 60 23015180 e40075 ........ ff'10'");
    set_level(21);
    LOOP_IS(&wire, 0, "4145.... aa 6102 60 23015180 e40075 ........ a0 ff'21'");
    ack(0);
    ASK("41011235 bb 60 55'level' e00078 a4'> 20'");
    LOOP_IS(&wire, 0, "61451235 bb 61.. 60 23015180 e40075 ........ ff'21'");
}

/* Rule alone or Notification alone will do, and both. */
static void either_option(void)
{
    start();
    begin_request(COAP2_CON, COAP2_001_GET, 'a', "level");
    coap2_write_uint(&built, COAP2_OPT_OBSERVE, 0);
    coap2_write_text(&built, COAP2_OPT_RULE, "> 20");
    send_request();
    CHECK_ONE(COAP2_ACK, 'F', "10");
    set_level(11);
    SILENT();
    set_level(21);
    CHECK_ONE(COAP2_CON, 'M', "21");
    start();
    subscribe(COAP2_CON, "level", NULL);
    CHECK_ONE(COAP2_ACK, 'F', "10");
    set_level(11); /* an empty rule is every change, and so is none */
    CHECK_ONE(COAP2_CON, 'M', "11");
    start();
    subscribe(COAP2_CON, "level", "");
    CHECK_ONE(COAP2_ACK, 'F', "10");
    set_level(10);
    CHECK_ONE(COAP2_CON, 'M', "10");
}

/* Random, never 0, never one in use; the same in each notification. */
static void ids(void)
{
    static const uint32_t chances[] = {0,      1,        1,          255,
                                       256,    0,        0xffffffff, 0x80000000,
                                       0xffff, 0xffffff, 0x100,      0x10000};
    uint32_t had[OBSERVERS];
    unsigned i, j;

    for (i = 0; i + OBSERVERS <= sizeof chances / sizeof chances[0]; i++) {
        test_row = i + 1;
        start();
        for (j = 0; j < OBSERVERS; j++) {
            chance = chances[i + j];
            begin_subscribe(COAP2_NON, (char)('a' + j), "level", "> 20");
            send_request();
            had[j] = id_of(0);
            CHECK(had[j] != 0);
        }
        for (j = 1; j < OBSERVERS; j++) {
            CHECK(had[j] != had[0]);
            if (j > 1) CHECK(had[j] != had[1]);
            if (j > 2) CHECK(had[j] != had[2]);
        }
        set_level(21);
        CHECK_EQ(wire.count, OBSERVERS);
        for (j = 0; j < wire.count; j++)
            CHECK_EQ(id_of(j), had[loop_sent(&wire, j)->bytes[4] - 'a']);
    }
    test_row = 0;
}

/* Drawn anew, so that an old one is not mistaken for it. */
static void ids_are_random(void)
{
    uint32_t first;
    unsigned i, same = 0;

    start();
    node.random = NULL;
    subscribe(COAP2_NON, "level", "> 20");
    first = id_of(0);
    for (i = 0; i < 20; i++) {
        start();
        node.random = NULL;
        coap2_seed(&node, &i, sizeof i);
        subscribe(COAP2_NON, "level", "> 20");
        same += id_of(0) == first;
    }
    CHECK(same <= 1);
}

/* No place, or nothing to subscribe to: the answer alone. */
static void does_not_stand(void)
{
    unsigned i;

    start();
    subscribe(COAP2_CON, "plain", "> 20");
    CHECK_ONE(COAP2_ACK, 'A', "10");
    subscribe(COAP2_CON, "nix", "> 20");
    CHECK_ONE(COAP2_ACK, 'E', "");
    CHECK_EQ(wire.sent[0].bytes[1], COAP2_404_NOT_FOUND);
    now.code = COAP2_500_INTERNAL_SERVER_ERROR;
    say("");
    subscribe(COAP2_CON, "state", "> 20");
    CHECK_ONE(COAP2_ACK, 'E', "");
    NOBODY();
    start();
    for (i = 0; i < OBSERVERS; i++) {
        begin_subscribe(COAP2_NON, (char)('b' + i), "level", "> 20");
        send_request();
        CHECK_EQ(letter_of(0), 'P');
    }
    for (i = 0; i < 3; i++) {
        subscribe(COAP2_CON, "level", "> 20");
        CHECK_ONE(COAP2_ACK, 'A', "10");
    }
    set_level(21);
    CHECK_EQ(wire.count, OBSERVERS);
}

/* Whether the resource can be subscribed to is looked at before its rule. */
static void late_answer_does_not_stand(void)
{
    start();
    subscribe(COAP2_CON, "late", "> 20");
    loop_clear(&wire);
    CHECK_EQ(answer(0, "x"), COAP2_OK);
    POLL();
    CHECK_EQ(wire.count, 1);
    CHECK_EQ(letter_of(0), 'A');
    NOBODY();
}

/* ---- rules that are refused --------------------------------------------- */

typedef struct refusal {
    const char *path, *rule, *why;
} refusal;

static const refusal refusals[] = {
    {"level", "level >", "rule:8: a value is missing"},
    {"level", "level > 20and 1", "rule:11: no place in a number"},
    {"level", "  # ", "rule:3: no such sign"},
    {"level", "level = 'x", "rule:11: no closing quote"},
    {"level", "levels > 20", "rule:1: no such field"},
    {"level", "> 20 and temp > 1", "rule:10: no such field"},
    {"level", "(> 20", "rule:6: a ) is missing"},
    {"level", "changed(", "rule:9: a field is missing"},
    {"level", "> 20 until < 10", "rule:6: no place here"},
    {"level", "pmin 5 pmax 4", "rule:13: pmax is below pmin"},
    {"level", "> 1 pmin 0", "rule:10: not 0.001 to 2000000 s"},
    {"level", "pmin 1 pmin 1", "rule:8: stands twice"},
    {"level", "pmax", "rule:5: seconds are missing"},
    {"level", "((((((((((((((((( 1", "rule:17: too deep"},
    {"level",
     "level = '1234567890123456789012345678901234567890123456789012345678901'",
     "rule:9: too long for its place"},
    {"climate", "temp > 20 and", "rule:14: a value is missing"},
    {"climate", "hum < 50 or tmp > 20", "rule:13: no such field"},
    {"climate", "> 20", "rule:1: no such field"},
    {"climate", "temp > 1 and value > 20", "rule:14: no such field"},
    {"climate", "changed", "rule:1: no such field"},
    {"state", "> 20 and", "rule:9: a value is missing"},
    {"state", "old(a)=1 or old(b)=old(c) or old(d)=old(e)",
     "rule:41: too many old values"}};

/* 4.00 with the column and the reason, and nothing is registered. */
static void refused(void)
{
    unsigned i;

    for (i = 0; i < sizeof refusals / sizeof refusals[0]; i++) {
        const refusal *r = &refusals[i];

        test_row = i + 1;
        start();
        subscribe(COAP2_CON, r->path, r->rule);
        CHECK_ONE(COAP2_ACK, 'E', r->why);
        CHECK_EQ(wire.sent[0].bytes[1], COAP2_400_BAD_REQUEST);
        NOBODY();
    }
    test_row = 0;
}

/* ... also where it would have renewed one, which ends. */
static void refused_renewal(void)
{
    unsigned i;

    for (i = 0; i < sizeof refusals / sizeof refusals[0]; i++) {
        const refusal *r = &refusals[i];

        test_row = i + 1;
        start();
        subscribe(COAP2_CON, r->path, "");
        CHECK_EQ(letter_of(0), 'F');
        subscribe(COAP2_NON, r->path, r->rule);
        CHECK_ONE(COAP2_NON, 'E', r->why);
        NOBODY();
        start();
        subscribe(COAP2_CON, r->path, "");
        begin_subscribe(COAP2_CON, 'b', r->path, r->rule);
        send_request(); /* another token */
        CHECK_EQ(letter_of(0), 'E');
        coap2_changed(&node, &meter);
        coap2_changed(&node, &climate);
        coap2_changed(&node, &state);
        loop_clear(&wire);
        POLL();
        CHECK_EQ(wire.count, 1);
        CHECK_EQ(letter_of(0), 'M');
    }
    test_row = 0;
}

/* Where there is nothing to subscribe to, a rule is not looked at. */
static void refused_where_it_means_something(void)
{
    start();
    subscribe(COAP2_CON, "plain", "> ");
    CHECK_EQ(wire.count, 1);
    subscribe(COAP2_CON, "nix", "> ");
    CHECK_EQ(wire.sent[0].bytes[1], COAP2_404_NOT_FOUND);
    NOBODY();
}

/* 255 bytes are a rule; more are an option that nobody knows (RFC 7252 5.4.3),
   and what is left is an observation. */
static void length_of_a_rule(void)
{
    char rule[257];

    memset(rule, ' ', sizeof rule);
    memcpy(rule, "> 20", 4);
    rule[255] = '\0';
    start();
    subscribe(COAP2_CON, "level", rule);
    CHECK_ONE(COAP2_ACK, 'F', "10");
    set_level(11);
    SILENT();
    set_level(21);
    CHECK_ONE(COAP2_CON, 'M', "21");
    rule[255] = ' ';
    rule[256] = '\0';
    start();
    begin_request(COAP2_CON, COAP2_001_GET, 'a', "level");
    coap2_write_uint(&built, COAP2_OPT_OBSERVE, 0);
    coap2_write_text(&built, COAP2_OPT_RULE, rule);
    send_request();
    CHECK_ONE(COAP2_ACK, 'O', "10");
    set_level(11);
    CHECK_ONE(COAP2_CON, 'O', "11");
    ack(0);
    subscribe(COAP2_CON, "level", rule); /* the other option counts */
    CHECK_ONE(COAP2_ACK, 'F', "11");
    set_level(12);
    CHECK_ONE(COAP2_CON, 'M', "12");
}

/* A second rule is ignored, whatever it is (RFC 7252 5.4.5). */
static void second_rule(void)
{
    start();
    begin_subscribe(COAP2_CON, 'a', "level", "> 20");
    coap2_write_text(&built, COAP2_OPT_RULE, "> > >");
    send_request();
    CHECK_ONE(COAP2_ACK, 'F', "10");
    set_level(11);
    SILENT();
    set_level(21);
    CHECK_ONE(COAP2_CON, 'M', "21");
}

/* A rule is for Observe 0 only; with another method, without Observe, or with
   Observe 1, it is ignored. */
static void rule_without_observe(void)
{
    start();
    begin_request(COAP2_CON, COAP2_001_GET, 'a', "level");
    coap2_write_text(&built, COAP2_OPT_RULE, "> > >");
    send_request();
    CHECK_ONE(COAP2_ACK, 'A', "10");
    begin_request(COAP2_CON, COAP2_001_GET, 'a', "level");
    coap2_write_uint(&built, COAP2_OPT_NOTIFICATION, 0);
    coap2_write_text(&built, COAP2_OPT_RULE, "> 20");
    send_request();
    CHECK_ONE(COAP2_ACK, 'A', "10");
    begin_request(COAP2_CON, COAP2_001_GET, 'a', "level");
    coap2_write_uint(&built, COAP2_OPT_OBSERVE, 1);
    coap2_write_text(&built, COAP2_OPT_RULE, "> > >");
    send_request();
    CHECK_ONE(COAP2_ACK, 'A', "10");
    begin_request(COAP2_CON, COAP2_003_PUT, 'a', "level");
    coap2_write_uint(&built, COAP2_OPT_OBSERVE, 0);
    coap2_write_text(&built, COAP2_OPT_RULE, "> > >");
    coap2_write_payload(&built, "12", 2);
    send_request();
    CHECK_EQ(wire.sent[0].bytes[1], COAP2_204_CHANGED);
    NOBODY();
}

/* To a group all of it is ignored. */
static void to_a_group(void)
{
    uint32_t id;

    start();
    begin_subscribe(COAP2_NON, 'a', "level", "> > >");
    send_request_again(loop_group(1));
    PASS(COAP2_LEISURE);
    CHECK_ONE(COAP2_NON, 'A', "10");
    NOBODY();
    start();
    subscribe(COAP2_CON, "level", "> 20");
    id = id_of(0);
    begin_request(COAP2_NON, COAP2_001_GET, 'b', "level");
    coap2_write_uint(&built, COAP2_OPT_NOTIFICATION, id);
    send_request_again(loop_group(1));
    PASS(COAP2_LEISURE);
    CHECK_ONE(COAP2_NON, 'A', "10");
    set_level(21);
    CHECK_ONE(COAP2_CON, 'M', "21");
}

/* ---- renewals, QoS ------------------------------------------------------ */

/* The same endpoint and token: the same id, another rule and QoS. */
static void renewal(void)
{
    uint32_t id;

    start();
    subscribe(COAP2_CON, "level", "> 20");
    id = id_of(0);
    subscribe(COAP2_NON, "level", "< 5");
    CHECK_ONE(COAP2_NON, 'F', "10");
    CHECK_EQ(id_of(0), id);
    set_level(21);
    SILENT();
    set_level(4);
    CHECK_ONE(COAP2_NON, 'M', "4");
    CHECK_EQ(id_of(0), id);
    subscribe(COAP2_CON, "climate", "hum > 50"); /* and another resource */
    CHECK_ONE(COAP2_ACK, 'F', "temp=21.5 hum=40");
    CHECK_EQ(id_of(0), id);
    set_level(3);
    SILENT();
    hum = 51;
    change(&climate, "");
    CHECK_ONE(COAP2_CON, 'M', "temp=21.5 hum=51");
    CHECK_EQ(id_of(0), id);
}

/* Without either option it is an observation, as RFC 7641 has it. */
static void renewal_without_a_rule(void)
{
    start();
    subscribe(COAP2_CON, "level", "> 20");
    begin_request(COAP2_CON, COAP2_001_GET, 'a', "level");
    coap2_write_uint(&built, COAP2_OPT_OBSERVE, 0);
    send_request();
    CHECK_ONE(COAP2_ACK, 'O', "10");
    set_level(11);
    CHECK_ONE(COAP2_CON, 'O', "11");
    ack(0);
    subscribe(COAP2_CON, "level", "> 20");
    CHECK_ONE(COAP2_ACK, 'F', "11");
    set_level(12);
    SILENT();
}

/* Renewals take no other place: the last one is the one that counts. */
static void many_renewals(void)
{
    unsigned i;

    start();
    for (i = 0; i < 3 * OBSERVERS; i++) {
        subscribe(COAP2_CON, "level", "> 20");
        CHECK_ONE(COAP2_ACK, 'F', "10");
        send_request_again(loop_peer(1)); /* the same message */
        CHECK_EQ(wire.count, 1);
    }
    set_level(21);
    CHECK_ONE(COAP2_CON, 'M', "21");
}

/* An answer to a renewal counts as a notification: `when` is armed if the
   expression is not true, old is what it says, pmin begins anew. */
static void renewal_is_a_notification(void)
{
    start();
    subscribe(COAP2_CON, "level", "when > 20");
    set_level(21);
    ack(0);
    level = 10; /* nobody is told */
    subscribe(COAP2_CON, "level", "when > 20");
    CHECK_ONE(COAP2_ACK, 'F', "10");
    set_level(22);
    CHECK_ONE(COAP2_CON, 'M', "22");
    ack(0);
    subscribe(COAP2_CON, "level", "when > 20");
    set_level(23);
    SILENT();
    subscribe(COAP2_CON, "level", "changed pmin 5");
    PASS(4999);
    set_level(24);
    SILENT();
    PASS(1);
    CHECK_ONE(COAP2_CON, 'M', "24");
}

/* The same message that comes again, from an answer that was lost or a network
   that doubles, does not renew what came of it in between. */
static void request_that_comes_again(void)
{
    start();
    subscribe(COAP2_CON, "level", "when > 20 pmin 5");
    set_level(21); /* an alarm that waits */
    send_request_again(loop_peer(1));
    loop_clear(&wire);
    PASS(5000);
    CHECK_ONE(COAP2_CON, 'M', "21");
}

/* An alarm in flight, and a renewal: its answer may be lost. */
static void renewal_in_flight(void)
{
    start();
    subscribe(COAP2_CON, "level", "when > 20");
    set_level(21);
    CHECK_ONE(COAP2_CON, 'M', "21");
    subscribe(COAP2_CON, "level", "when > 20");
    CHECK(wire.count >= 1);
    CHECK_EQ(letter_of(0), 'F');
    loop_clear(&wire);
    PASS(2000);
    CHECK(wire.count >= 1);
    CHECK_EQ(letter_of(0), 'M');
}

/* Several subscriptions of an endpoint, each with its rule and its id. */
static void several(void)
{
    start();
    subscribe(COAP2_NON, "level", "> 20");
    begin_subscribe(COAP2_NON, 'b', "level", "< 5");
    send_request();
    begin_request(COAP2_NON, COAP2_001_GET, 'c', "level");
    coap2_write_uint(&built, COAP2_OPT_OBSERVE, 0);
    send_request(); /* one that observes */
    set_level(10);
    CHECK_EQ(wire.count, 1);
    CHECK_EQ(letter_of(0), 'O');
    set_level(21);
    CHECK_EQ(wire.count, 2);
    set_level(4);
    CHECK_EQ(wire.count, 2);
    CHECK(letter_of(0) == 'M' || letter_of(1) == 'M');
}

/* ---- marks, Max-Age, the daily one --------------------------------------- */

static void marks(void)
{
    start();
    subscribe(COAP2_CON, "level", "> 20 pmax 100");
    CHECK_ONE(COAP2_ACK, 'F', "10");
    loop_clear(&wire);
    PASS(99999);
    SILENT();
    PASS(1);
    CHECK_ONE(COAP2_CON, 'P', "10");
    ack(0);
    set_level(21);
    CHECK_ONE(COAP2_CON, 'M', "21");
    ack(0);
    PASS(100000);
    CHECK_ONE(COAP2_CON, 'P', "21");
}

/* pmax, or a day; in full seconds, at least what it takes. */
static void max_age(void)
{
    static const struct {
        const char *rule;
        uint32_t max_age;
    } rows[] = {{"", A_DAY},           {"> 20", A_DAY},
                {"pmin 5", A_DAY},     {"> 20 pmax 5", 5},
                {"pmax 60", 60},       {"pmax 61", 61},
                {"pmax 0.5", 1},       {"pmax 60.001", 61},
                {"pmax 90000", 90000}, {"pmax 2000000", 2000000}};
    unsigned i;

    for (i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        note n;

        test_row = i + 1;
        start();
        now.max_age = 7;
        subscribe(COAP2_NON, "state", rows[i].rule);
        read_note(&n, 0);
        CHECK_EQ(n.max_age, rows[i].max_age);
        PASS(5000);
        change(&state, "21");
        if (wire.count == 0) PASS(5000);
        read_note(&n, 0);
        CHECK_EQ(n.max_age, rows[i].max_age);
    }
    test_row = 0;
}

/* What has no rule keeps its own; an error, too. */
static void other_max_age(void)
{
    note n;

    start();
    now.max_age = 7;
    begin_request(COAP2_NON, COAP2_001_GET, 'a', "state");
    coap2_write_uint(&built, COAP2_OPT_OBSERVE, 0);
    send_request();
    read_note(&n, 0);
    CHECK_EQ(n.max_age, 7);
    subscribe(COAP2_CON, "plain", "> 20");
    read_note(&n, 0);
    CHECK_EQ(n.max_age, 7);
}

/* A day of silence is broken by one confirmable message of the state. */
static void daily_sign_of_life(uint8_t type)
{
    unsigned day;

    start();
    subscribe(type, "level", "> 20");
    for (day = 0; day < 3; day++) {
        level = (int16_t)day;
        loop_clear(&wire);
        PASS(DAY - 1);
        SILENT();
        PASS(1);
        CHECK_EQ(wire.count, 1);
        CHECK_EQ(letter_of(0), 'P');
        CHECK_EQ(wire.sent[0].bytes[0] & 0x30, COAP2_CON << 4);
        CHECK_EQ(wire.sent[0].bytes[wire.sent[0].length - 1], '0' + day);
        ack(0);
        SILENT();
    }
    loop_clear(&wire);
    PASS(DAY + 62000);
    CHECK_EQ(wire.count, 5);
    NOBODY();
}

static void daily(void)
{
    daily_sign_of_life(COAP2_CON);
    daily_sign_of_life(COAP2_NON);
}

/* A node without ACKs is dropped, also where pmax would speak all day: once a
   day one is confirmable (RFC 7641 4.5). */
static void pmax_to_nobody(void)
{
    start();
    subscribe(COAP2_CON, "level", "pmax 3600");
    PASS(2 * HOUR);
    NOBODY();
    start();
    subscribe(COAP2_NON, "level", "pmax 3600");
    PASS(26 * HOUR);
    NOBODY();
}

/* What the daily message told is what was sent last. */
static void daily_counts_as_sent(void)
{
    start();
    subscribe(COAP2_CON, "level", "delta >= 5");
    level = 14; /* nobody is told */
    loop_clear(&wire);
    PASS(DAY);
    CHECK_ONE(COAP2_CON, 'P', "14");
    ack(0);
    set_level(16);
    SILENT();
    set_level(19);
    CHECK_ONE(COAP2_CON, 'M', "19");
}

/* ---- on the way --------------------------------------------------------- */

/* A retransmission is of the state of its time, and keeps its mark, also where
   the rule is not true any more. */
static void retransmission(void)
{
    uint16_t id;

    start();
    subscribe(COAP2_CON, "level", "when > 20");
    set_level(21);
    CHECK_ONE(COAP2_CON, 'M', "21");
    id = loop_id(&wire, 0);
    set_level(9);
    SILENT();
    PASS(2000);
    CHECK_ONE(COAP2_CON, 'M', "9");
    CHECK_EQ(loop_id(&wire, 0), id); /* it is the same alarm */
    loop_clear(&wire);
    PASS(4000);
    CHECK_ONE(COAP2_CON, 'M', "9");
    ack(0);
    loop_clear(&wire);
    PASS(HOUR);
    SILENT();
    set_level(22);
    CHECK_ONE(COAP2_CON, 'M', "22");
}

/* One of pmax has no mark; if an alarm comes while it is in flight, the alarm
   is told. */
static void alarm_behind_pmax(void)
{
    start();
    subscribe(COAP2_CON, "level", "when > 20 pmax 60");
    loop_clear(&wire);
    PASS(60000);
    CHECK_ONE(COAP2_CON, 'P', "10");
    loop_clear(&wire);
    PASS(2000);
    CHECK_ONE(COAP2_CON, 'P', "10");
    set_level(21);
    SILENT();
    PASS(4000);
    CHECK_ONE(COAP2_CON, 'M', "21");
    ack(0);
    SILENT();
    start();
    subscribe(COAP2_CON, "level", "when > 20 pmax 60");
    loop_clear(&wire);
    PASS(60000);
    CHECK_ONE(COAP2_CON, 'P', "10");
    level = 21;
    coap2_changed(&node, &meter);
    ack(0); /* the alarm comes when the way is free */
    CHECK_ONE(COAP2_CON, 'M', "21");
}

/* An alarm in flight, another one behind it: each is told. */
static void alarm_behind_alarm(void)
{
    uint16_t id;

    start();
    subscribe(COAP2_CON, "level", "when > 20");
    set_level(21);
    CHECK_ONE(COAP2_CON, 'M', "21");
    id = loop_id(&wire, 0);
    set_level(9);
    set_level(22);
    SILENT();
    respond(0x60, loop_peer(1), id);
    CHECK_ONE(COAP2_CON, 'M', "22");
    ack(0);
    loop_clear(&wire);
    PASS(HOUR);
    SILENT();
}

/* pmax passes while an alarm is in flight: the alarm stays one. */
static void pmax_behind_alarm(void)
{
    unsigned i;

    start();
    node.max_retransmit = 10;
    subscribe(COAP2_CON, "level", "when > 20 pmax 10");
    set_level(21);
    loop_clear(&wire);
    PASS(31000);
    CHECK(wire.count >= 3);
    for (i = 0; i < wire.count; i++) {
        CHECK_EQ(letter_of(i), 'M');
        CHECK_EQ(loop_id(&wire, i), loop_id(&wire, 0)); /* and the same one */
    }
}

/* What a retransmission shows is what was sent last; when it was sent, the
   first transmission tells. */
static void old_of_a_retransmission(void)
{
    start();
    subscribe(COAP2_CON, "level", "delta >= 5");
    set_level(15);
    CHECK_ONE(COAP2_CON, 'M', "15");
    level = 18; /* nobody is told */
    loop_clear(&wire);
    PASS(2000);
    CHECK_ONE(COAP2_CON, 'M', "18");
    ack(0);
    set_level(21);
    SILENT();
    set_level(23);
    CHECK_ONE(COAP2_CON, 'M', "23");
}

static void pmin_of_a_retransmission(void)
{
    start();
    subscribe(COAP2_CON, "level", "pmin 5");
    PASS(5000);
    set_level(11);
    CHECK_ONE(COAP2_CON, 'M', "11");
    PASS(1000);
    set_level(12); /* it waits, */
    PASS(1000);
    CHECK_ONE(COAP2_CON, 'M', "12"); /* also while the first comes again */
    ack(0);
    PASS(2999);
    SILENT();
    PASS(1);
    CHECK_ONE(COAP2_CON, 'M', "12");
}

/* A transport that takes nothing now gets it later, with its mark. */
static void send_again_later(void)
{
    start();
    subscribe(COAP2_NON, "level", "when > 20");
    wire.again = 1;
    set_level(21);
    SILENT();
    POLL();
    CHECK_ONE(COAP2_NON, 'M', "21");
    loop_clear(&wire);
    PASS(HOUR);
    SILENT();
}

/* Who does not acknowledge is dropped, and a restart forgets all. */
static void ends_without_a_word(void)
{
    start();
    subscribe(COAP2_CON, "level", "> 20");
    set_level(21);
    PASS(62000);
    CHECK_EQ(wire.count, 5);
    NOBODY();
    start();
    subscribe(COAP2_CON, "level", "> 20");
    CHECK_EQ(coap2_start(&node, 1), COAP2_OK);
    NOBODY();
}

/* Changes between two polls are one; what comes too fast for the pace of RFC
   7641 4.5.1 is sent later, as it is then. */
static void changes_are_gathered(void)
{
    unsigned i;

    start();
    subscribe(COAP2_NON, "level", "> 20");
    level = 21;
    coap2_changed(&node, &meter);
    coap2_changed(&node, &meter);
    set_level(22);
    CHECK_ONE(COAP2_NON, 'M', "22");
    for (i = 0; i < 6; i++) set_level(30 + (int)i);
    loop_clear(&wire);
    PASS(3000);
    CHECK_ONE(COAP2_NON, 'M', "35");
    loop_clear(&wire);
    PASS(HOUR);
    SILENT();
}

/* ---- unsubscribing ------------------------------------------------------ */

/* A GET with an id, and Observe if it is not negative. */
static void unsubscribe(uint8_t type, const char *path, uint32_t id,
                        int observe)
{
    begin_request(type, COAP2_001_GET, 'u', path);
    if (observe >= 0)
        coap2_write_uint(&built, COAP2_OPT_OBSERVE, (uint32_t)observe);
    coap2_write_uint(&built, COAP2_OPT_NOTIFICATION, id);
}

/* Any path, any token, Observe 1 or none: 2.02, empty. */
static void by_id(void)
{
    static const char *const paths[] = {"level", "state", "nix", NULL, "plain"};
    unsigned i;

    for (i = 0; i < 10; i++) {
        uint32_t id;

        test_row = i + 1;
        start();
        subscribe(COAP2_CON, "level", "> 20");
        id = id_of(0);
        unsubscribe(COAP2_CON, paths[i / 2], id, i % 2 == 0 ? 1 : -1);
        send_request();
        CHECK_EQ(wire.count, 1);
        CHECK_EQ(wire.sent[0].length, 5);
        CHECK_EQ(wire.sent[0].bytes[1], COAP2_202_DELETED);
        CHECK_EQ(wire.sent[0].bytes[4], 'u');
        NOBODY();
    }
    test_row = 0;
    start();
    subscribe(COAP2_NON, "level", NULL);
    unsubscribe(COAP2_NON, "level", id_of(0), -1);
    send_request();
    CHECK_EQ(wire.count, 1);
    CHECK_EQ(wire.sent[0].length, 5);
    CHECK_EQ(wire.sent[0].bytes[0], 0x51);
    CHECK_EQ(wire.sent[0].bytes[1], COAP2_202_DELETED);
    NOBODY();
}

/* One that is in flight, or waits, ends as well. */
static void by_id_in_flight(void)
{
    uint32_t id;

    start();
    subscribe(COAP2_CON, "level", "> 20 pmin 10");
    id = id_of(0);
    set_level(21);
    unsubscribe(COAP2_CON, "level", id, -1);
    send_request();
    NOBODY();
    start();
    subscribe(COAP2_CON, "level", "> 20");
    id = id_of(0);
    set_level(21);
    CHECK_ONE(COAP2_CON, 'M', "21");
    unsubscribe(COAP2_CON, "level", id, 1);
    send_request();
    NOBODY();
}

/* An id of somebody else, one that there is not: 4.04. With Observe 0: 4.00.
   Neither ends anything. */
static void by_wrong_id(void)
{
    uint32_t id;

    start();
    subscribe(COAP2_CON, "level", "> 20");
    id = id_of(0);
    unsubscribe(COAP2_CON, "level", id, -1);
    send_request_again(loop_peer(2));
    CHECK_EQ(wire.sent[0].bytes[1], COAP2_404_NOT_FOUND);
    unsubscribe(COAP2_CON, "level", id + 1u, 1);
    send_request();
    CHECK_EQ(wire.sent[0].bytes[1], COAP2_404_NOT_FOUND);
    unsubscribe(COAP2_CON, "level", id, 0);
    send_request();
    CHECK_EQ(wire.sent[0].bytes[1], COAP2_400_BAD_REQUEST);
    begin_subscribe(COAP2_CON, 'b', "level", "> 90");
    coap2_write_uint(&built, COAP2_OPT_NOTIFICATION, 5); /* the second one */
    send_request();
    CHECK_EQ(letter_of(0), 'F');
    set_level(21);
    CHECK_ONE(COAP2_CON, 'M', "21");
}

/* A subscription that has an id in its request is none. */
static void subscription_with_an_id(void)
{
    start();
    unsubscribe(COAP2_CON, "level", 77, 0);
    coap2_write_text(&built, COAP2_OPT_RULE, "> 20");
    send_request();
    CHECK_EQ(wire.sent[0].bytes[1], COAP2_400_BAD_REQUEST);
    NOBODY();
}

/* An observer without an id has not the id 0 by that. */
static void observer_without_id(void)
{
    static const uint8_t zero = 0;

    start();
    begin_request(COAP2_CON, COAP2_001_GET, 'a', "level");
    coap2_write_uint(&built, COAP2_OPT_OBSERVE, 0);
    send_request();
    begin_request(COAP2_CON, COAP2_001_GET, 'u', "level");
    coap2_write_opt(&built, COAP2_OPT_NOTIFICATION, &zero, 1);
    send_request();
    CHECK_ONE(COAP2_ACK, 'A', "10");
    set_level(11);
    CHECK_ONE(COAP2_CON, 'O', "11");
}

/* The same message again gets the same answer (RFC 7252 4.5). */
static void by_id_again(void)
{
    uint32_t id;

    start();
    subscribe(COAP2_CON, "level", "> 20");
    id = id_of(0);
    unsubscribe(COAP2_CON, "level", id, -1);
    send_request();
    send_request();
    CHECK_EQ(wire.sent[0].bytes[1], COAP2_202_DELETED);
    unsubscribe(COAP2_CON, "level", id, -1);
    send_request();
    CHECK_EQ(wire.sent[0].bytes[1], COAP2_404_NOT_FOUND);
}

/* A number of five bytes is no option that we know; a PUT asks for no such
   thing. */
static void no_id(void)
{
    static const uint8_t five[5] = {1, 2, 3, 4, 5};

    start();
    begin_request(COAP2_CON, COAP2_001_GET, 'u', "level");
    coap2_write_opt(&built, COAP2_OPT_NOTIFICATION, five, 5);
    send_request();
    CHECK_ONE(COAP2_ACK, 'A', "10");
    begin_request(COAP2_CON, COAP2_003_PUT, 'u', "level");
    coap2_write_uint(&built, COAP2_OPT_NOTIFICATION, 5);
    coap2_write_payload(&built, "12", 2);
    send_request();
    CHECK_EQ(wire.sent[0].bytes[1], COAP2_204_CHANGED);
    CHECK_EQ(level, 12);
}

/* RFC 7641 3.6: the token and Observe 1, and the state without Observe. */
static void by_token(void)
{
    start();
    subscribe(COAP2_CON, "level", "> 20");
    begin_request(COAP2_CON, COAP2_001_GET, 'a', "level");
    coap2_write_uint(&built, COAP2_OPT_OBSERVE, 1);
    send_request();
    CHECK_ONE(COAP2_ACK, 'A', "10");
    NOBODY();
}

static void by_reset(void)
{
    start();
    subscribe(COAP2_CON, "level", "> 20");
    set_level(21);
    respond(0x70, loop_peer(1), loop_id(&wire, 0));
    NOBODY();
    start();
    subscribe(COAP2_NON, "level", "> 20 pmax 60");
    loop_clear(&wire);
    PASS(60000);
    CHECK_EQ(letter_of(0), 'P');
    respond(0x70, loop_peer(1), loop_id(&wire, 0));
    NOBODY();
}

/* ---- FETCH -------------------------------------------------------------- */

static void begin_fetch(uint8_t type, const char *payload, const char *rule)
{
    begin_request(type, COAP2_005_FETCH, 'a', "search");
    coap2_write_uint(&built, COAP2_OPT_OBSERVE, 0);
    coap2_write_uint(&built, COAP2_OPT_CONTENT_FORMAT, COAP2_FORMAT_TEXT);
    if (rule != NULL) coap2_write_text(&built, COAP2_OPT_RULE, rule);
    coap2_write_payload(&built, payload, strlen(payload));
}

/* The handler is run as it was asked. */
static void by_fetch(void)
{
    uint32_t id;

    start();
    say("n=1");
    begin_fetch(COAP2_CON, "x", "n > 5");
    send_request();
    CHECK_ONE(COAP2_ACK, 'F', "ask=x n=1");
    id = id_of(0);
    change(&search, "n=2");
    SILENT();
    change(&search, "n=6");
    CHECK_ONE(COAP2_CON, 'M', "ask=x n=6");
    ack(0);
    begin_fetch(COAP2_NON, "yy", "ask = 'yy' and n > 7");
    send_request();
    CHECK_ONE(COAP2_NON, 'F', "ask=yy n=6");
    CHECK_EQ(id_of(0), id);
    change(&search, "n=7");
    SILENT();
    change(&search, "n=8");
    CHECK_ONE(COAP2_NON, 'M', "ask=yy n=8");
    unsubscribe(COAP2_CON, "search", id, -1);
    send_request();
    NOBODY();
}

static void refused_by_fetch(void)
{
    start();
    begin_fetch(COAP2_CON, "x", "n >");
    send_request();
    CHECK_ONE(COAP2_ACK, 'E', "rule:4: a value is missing");
    NOBODY();
    start();
    begin_fetch(COAP2_CON, "x", NULL); /* RFC 8132 2.4 */
    send_request();
    CHECK_EQ(letter_of(0), 'O');
    change(&search, "n=2");
    CHECK_ONE(COAP2_CON, 'O', "ask=x n=2");
}

/* A request that there is no room for stands alone. */
static void fetch_too_long(void)
{
    start();
    begin_fetch(COAP2_CON, "1234567890123456789012345678901234567890", "n > 5");
    send_request();
    CHECK_EQ(wire.count, 1);
    CHECK_EQ(letter_of(0), 'A');
    NOBODY();
}

/* ---- what a rule reads -------------------------------------------------- */

static void bytes_state(const char *bytes, size_t length, uint16_t format)
{
    now.format = format;
    now.length = length;
    memcpy(now.text, bytes, length);
}

static void change_bytes(const char *bytes, size_t length)
{
    bytes_state(bytes, length, now.format);
    coap2_changed(&node, &state);
    loop_clear(&wire);
    POLL();
}

/* The representation of a resource with a handler, by its Content-Format. */
static void representations(void)
{
    start();
    subscribe(COAP2_CON, "state", "> 20");
    change(&state, "20.0");
    SILENT();
    change(&state, "20.1");
    CHECK_ONE(COAP2_CON, 'M', "20.1");
    start();
    say("temp=21 mode=auto");
    subscribe(COAP2_CON, "state", "temp > 20 and mode = 'auto'");
    change(&state, "temp=22");
    SILENT(); /* missing: unknown */
    change(&state, "temp=22 mode=auto");
    CHECK_ONE(COAP2_CON, 'M', "temp=22 mode=auto");
    start();
    now.format = COAP2_FORMAT_JSON;
    say("{\"a\":{\"b\":1}}");
    subscribe(COAP2_CON, "state", "a.b > 20");
    CHECK_ONE(COAP2_ACK, 'F', "{\"a\":{\"b\":1}}");
    change(&state, "{\"a\":{\"b\":20}}");
    SILENT();
    change(&state, "{\"a\":{\"b\":21}}");
    CHECK_ONE(COAP2_CON, 'M', "{\"a\":{\"b\":21}}");
}

static void more_representations(void)
{
    start();
    bytes_state("\xa1\x61\x61\x05", 4, COAP2_FORMAT_CBOR);
    subscribe(COAP2_CON, "state", "a > 20");
    change_bytes("\xa1\x61\x61\x14", 4);
    SILENT();
    change_bytes("\xa1\x61\x61\x15", 4);
    CHECK_ONE(COAP2_CON, 'M', "\xa1\x61\x61\x15");
    start();
    now.format = COAP2_FORMAT_SENML_JSON;
    say("[{\"n\":\"t\",\"v\":20}]");
    subscribe(COAP2_CON, "state", "t > 20");
    change(&state, "[{\"n\":\"t\",\"v\":20.5}]");
    CHECK_EQ(letter_of(0), 'M');
    start(); /* nothing that a rule can read, and nothing that it can say */
    now.format = COAP2_FORMAT_OCTETS;
    subscribe(COAP2_CON, "state", "> 1 or not > 1");
    CHECK_EQ(letter_of(0), 'F');
    change(&state, "7");
    SILENT();
}

/* The rule sees the state, also where the client is sent its name only (RFC
   7641 3.3.2). */
static void named_states(void)
{
    start();
    now.etag = 7;
    begin_subscribe(COAP2_CON, 'a', "state", "changed or > 20");
    coap2_write_opt(&built, COAP2_OPT_ETAG, &now.etag, 1);
    send_request();
    CHECK_ONE(COAP2_ACK, 'F', "");
    CHECK_EQ(wire.sent[0].bytes[1], COAP2_203_VALID);
    change(&state, "10");
    SILENT();
    now.etag = 8;
    change(&state, "12");
    CHECK_ONE(COAP2_CON, 'M', "12");
    ack(0);
    now.etag = 7;
    change(&state, "12");
    SILENT();
    change(&state, "10");
    CHECK_ONE(COAP2_CON, 'M', "");
    CHECK_EQ(wire.sent[0].bytes[1], COAP2_203_VALID);
}

/* Of a body beyond the packet it sees the first one (RFC 7959 2.6). */
static void large_states(void)
{
    char text[150];

    memset(text, 'x', sizeof text);
    memcpy(text, "n=10 m=", 7);
    text[sizeof text - 1] = '\0';
    start();
    say(text);
    subscribe(COAP2_CON, "state", "n > 20");
    CHECK_EQ(letter_of(0), 'F');
    change(&state, text);
    SILENT();
    text[2] = '3';
    change(&state, text);
    CHECK_EQ(wire.count, 1);
    CHECK_EQ(letter_of(0), 'M');
    CHECK(wire.sent[0].length < PACKET);
}

/* Bound resources have their fields, in whatever format they are asked for. */
static void fields(void)
{
    start();
    begin_subscribe(COAP2_CON, 'a', "climate", "temp > 22.5");
    coap2_write_uint(&built, COAP2_OPT_ACCEPT, COAP2_FORMAT_CBOR);
    send_request();
    CHECK_EQ(letter_of(0), 'F');
    temp10 = 225;
    change(&climate, "");
    SILENT();
    temp10 = 226;
    change(&climate, "");
    CHECK_EQ(letter_of(0), 'M');
    start();
    subscribe(COAP2_CON, "level", "value > 20 and level < 30 and > 5");
    CHECK_ONE(COAP2_ACK, 'F', "10");
    set_level(30);
    SILENT();
    set_level(29);
    CHECK_ONE(COAP2_CON, 'M', "29");
}

/* A write changes it, too. */
static void written_by_another(void)
{
    start();
    subscribe(COAP2_NON, "level", "> 20");
    begin_request(COAP2_CON, COAP2_003_PUT, 'w', "level");
    coap2_write_payload(&built, "20", 2);
    send_request_again(loop_peer(2));
    CHECK_EQ(wire.count, 1);
    begin_request(COAP2_CON, COAP2_003_PUT, 'w', "level");
    coap2_write_payload(&built, "21", 2);
    send_request_again(loop_peer(2));
    CHECK_EQ(wire.count, 2);
    CHECK_EQ(letter_of(1), 'M');
}

/* ---- what is never held back -------------------------------------------- */

/* Errors, whatever the rule and pmin say. */
static void errors(void)
{
    static const char *const rules[] = {"> 20", "when > 20", "false",
                                        "> 1 pmin 1000", "pmin 9 pmax 99"};
    unsigned i;

    for (i = 0; i < 2 * sizeof rules / sizeof rules[0]; i++) {
        uint8_t type = i % 2 == 0 ? COAP2_CON : COAP2_NON;

        test_row = i + 1;
        start();
        subscribe(type, "state", rules[i / 2]);
        if (i % 4 > 1) change(&state, "3"); /* one may wait */
        loop_clear(&wire);
        now.code = COAP2_503_SERVICE_UNAVAILABLE;
        change(&state, "");
        CHECK_ONE(type, 'E', "");
        CHECK_EQ(wire.sent[0].bytes[1], COAP2_503_SERVICE_UNAVAILABLE);
        if (type == COAP2_CON) ack(0);
        now.code = COAP2_205_CONTENT;
        NOBODY();
    }
    test_row = 0;
}

/* The end of a resource. */
static void deleted(void)
{
    start();
    subscribe(COAP2_NON, "state", "> 20 pmin 1000");
    begin_request(COAP2_CON, COAP2_004_DELETE, 'd', "state");
    send_request_again(loop_peer(2));
    CHECK_EQ(wire.count, 2);
    CHECK_EQ(loop_sent(&wire, 1)->bytes[1], COAP2_404_NOT_FOUND);
    now.code = COAP2_205_CONTENT;
    NOBODY();
}

/* One that shows itself when a timer asks. */
static void error_at_its_time(void)
{
    start();
    subscribe(COAP2_CON, "state", "> 20 pmax 60");
    now.code = COAP2_500_INTERNAL_SERVER_ERROR;
    say("");
    loop_clear(&wire);
    PASS(60000);
    CHECK_ONE(COAP2_CON, 'E', "");
    ack(0);
    now.code = COAP2_205_CONTENT;
    NOBODY();
}

/* One that comes while a notification is under way is sent in its place, and
   nothing spins until then. */
static void error_in_flight(void)
{
    start();
    subscribe(COAP2_CON, "state", "> 20 pmax 1");
    PASS(1000);
    loop_clear(&wire);
    now.code = COAP2_503_SERVICE_UNAVAILABLE;
    say("");
    CHECK(PASS(1500) > 0);
    SILENT();
    PASS(500);
    CHECK_ONE(COAP2_CON, 'E', "");
    ack(0);
    now.code = COAP2_205_CONTENT;
    NOBODY();
}

/* Another format than the first answer had (RFC 7641 4.2). */
static void format_is_fixed(void)
{
    start();
    subscribe(COAP2_NON, "state", "false");
    now.format = COAP2_FORMAT_JSON;
    change(&state, "{}");
    CHECK_EQ(wire.count, 1);
    CHECK_EQ(wire.sent[0].bytes[1], COAP2_406_NOT_ACCEPTABLE);
    now.format = COAP2_FORMAT_TEXT;
    NOBODY();
}

/* ---- triggers over time ------------------------------------------------- */

enum { BOUND, TEXT, JSON, SOURCES };
static unsigned source; /* what the story is about */

static void set_source(const char *value, size_t length)
{
    size_t at = 0;

    level = 0;
    for (at = 0; at < length; at++)
        if (value[at] != '-') level = (int16_t)(level * 10 + value[at] - '0');
    if (value[0] == '-') level = (int16_t)-level;
    now.length = 0;
    now.format = source == JSON ? COAP2_FORMAT_JSON : COAP2_FORMAT_TEXT;
    memcpy(now.text, value, length);
    now.length = length;
}

/* All that was sent, as one letter; the client acknowledges. */
static char heard(void)
{
    char letter = '-';
    unsigned i, sent = wire.count;
    uint16_t con[LOOP_SENT];

    for (i = 0; i < sent; i++) {
        letter = letter == '-' ? letter_of(i) : '2';
        con[i] = loop_id(&wire, i);
    }
    loop_clear(&wire);
    for (i = 0; i < sent; i++) respond(0x60, loop_peer(1), con[i]);
    if (wire.count > 0) letter = '2';
    return letter;
}

/* Let time pass up to a moment, acknowledging at once. Returns what came. */
static char pass_until(uint32_t moment)
{
    char letter = '-';

    while (wire.time != moment) {
        uint32_t wait = POLL(), left = moment - wire.time;
        char one = heard();

        if (one != '-') letter = letter == '-' ? one : '2';
        if (one != '-') continue;
        wire.time += wait < left ? wait : left;
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

static void story_change(void)
{
    coap2_changed(&node, source == BOUND ? &meter : &state);
}

/* A line: at its second the value changes, or what came so far is collected.
   Another one that is due at that moment comes with the change. */
static char story_line(const char **at, uint32_t begin)
{
    uint32_t moment = begin + read_seconds(at);
    size_t length = strcspn(*at, ";");
    char before, behind;

    before = pass_until(moment - 1);
    wire.time = moment;
    loop_clear(&wire);
    if (length > 1) set_source(*at + 1, length - 1);
    if (length > 1) story_change();
    POLL();
    behind = heard();
    *at += length + ((*at)[length] == ';');
    if (before == '-') return behind;
    return behind == '-' ? before : '2';
}

/* Lines of `second value`, or of a second alone, of which the first is the
   subscription; a letter each: what came since the line before. */
static void story_of(const char *rule, uint32_t begin, const char *lines,
                     const char *want)
{
    const char *at = lines;
    char got[24];
    size_t had = 0, length;

    start_at(begin);
    read_seconds(&at);
    length = strcspn(at, ";");
    set_source(at + 1, length - 1);
    at += length + (at[length] == ';');
    subscribe(COAP2_CON, source == BOUND ? "level" : "state", rule);
    got[had++] = letter_of(0);
    loop_clear(&wire);
    while (*at != '\0') got[had++] = story_line(&at, begin);
    got[had] = '\0';
    CHECK_TEXT(got, want);
#ifndef __AVR__
    if (strcmp(got, want) != 0) printf("  %s: %s, %s\n", rule, lines, got);
#endif
}

static void story(const char *rule, const char *lines, const char *want)
{
    for (source = 0; source < SOURCES; source++) {
        story_of(rule, 1000, lines, want);
        story_of(rule, 0u - 3000, lines, want);
    }
}

/* Without `when`: at each change, if it is true. */
static void levels(void)
{
    story("", "0 1;1 1;2 2;3", "FMM-");
    story("> 20", "0 10;1 21;2 21;3 20;4 22", "FMM-M");
    story("value > 20 and < 30", "0 25;1 25;2 30;3 29", "FM-M");
    story("not > 20", "0 10;1 21;2 20", "F-M");
    story("false", "0 10;1 21;100 5", "F--");
}

/* changed, old and delta are of what was sent last. */
static void pasts(void)
{
    story("changed", "0 10;1 10;2 11;3 11;4 10", "F-M-M");
    story("delta >= 2", "0 10;1 11;2 12;3 13;4 10;5 9;6 8", "F-M-M-M");
    story("old < 5 and > 5", "0 1;1 2;2 6;3 7;4 1;5 6", "F-M---");
    story("changed pmax 10", "0 1;10;11 1;12 2;13 2", "FP-M-");
    story("delta >= 5 pmax 10", "0 10;5 14;10;11 16;12 19", "F-P-M");
}

/* `when`: once, as it becomes true. */
static void alarms(void)
{
    story("when > 30", "0 20;1 31;2 32;3 30;4 31", "FM--M");
    story("when > 30", "0 31;1 32;2 30;3 32", "F--M");
    story("when > 30 until < 28", "0 20;1 31;2 29;3 31;4 27;5 31", "FM---M");
    story("when > 30 until < 28", "0 31;1 32;2 27;3 31", "F--M");
    story("when delta > 5", "0 0;1 6;2 7;3 12;4 13", "FM-M-");
    story("when > 1 until > 1", "0 0;1 2;2 2;3 1;4 2", "FMM-M");
}

/* Unknown is not true: it arms. */
static void unknown_arms(void)
{
    unsigned i;

    for (i = 0; i < 2; i++) {
        start();
        subscribe(COAP2_CON, "state", "when > 30");
        change(&state, "31");
        CHECK_ONE(COAP2_CON, 'M', "31");
        ack(0);
        change(&state, i == 0 ? "broken" : "");
        SILENT();
        change(&state, "32");
        CHECK_ONE(COAP2_CON, 'M', "32");
    }
}

/* pmin: it waits, with one behind it; then the value of that time. */
static void held_back(void)
{
    story("pmin 5", "0 1;1 2;2 3;4;5;6 1;9;10", "F---M--M");
    story("pmin 5", "0 1;5 2;6 3;10", "FM-M");
    story("> 20 pmin 5", "0 1;1 21;2 20;5;6 21", "F---M");
    story("> 20 pmin 5", "0 1;1 21;5 22;6 23;10", "F-M-M");
    story("when > 20 pmin 5", "0 1;1 21;2 1;5;6 21", "F---M");
    story("when > 20 until < 0 pmin 5", "0 1;1 21;2 1;5;6 21", "F---M");
    story("when > 20 pmin 5", "0 1;1 21;2 1;7 21;8 22", "F--M-");
    story("when > 20 pmin 5", "0 1;1 21;2 1;3 21;5;6 22", "F---M-");
    story("changed pmin 5", "0 1;1 2;2 1;5;6 2", "F---M");
    story("delta >= 5 pmin 5", "0 0;1 5;2 6;5;6 10;7 11;10", "F--M--M");
}

/* It is sent at that time, exactly, whatever changes without a word. */
static void held_back_exactly(void)
{
    start();
    subscribe(COAP2_NON, "level", "> 20 pmin 2.5");
    set_level(21);
    SILENT();
    CHECK_EQ(PASS(1000), 1500);
    PASS(1499);
    SILENT();
    level = 33;
    PASS(1);
    CHECK_ONE(COAP2_NON, 'M', "33");
    start();
    subscribe(COAP2_NON, "level", "> 20 pmin 2.5");
    set_level(21);
    level = 3;
    PASS(HOUR);
    SILENT();
}

/* pmax: what there is, whatever the rule says. */
static void not_too_seldom(void)
{
    story("> 20 pmax 60", "0 1;59;60;61;119;120", "F-P--P");
    story("> 20 pmax 60", "0 1;30 21;60;89;90", "FM--P");
    story("when > 20 pmax 60", "0 1;60 2;70 21;130 22;140 23", "FPMP-");
    story("when > 20 pmax 60", "0 1;60 21;61 22;119;120", "FM--P");
    story("when > 20 pmin 60 pmax 60", "0 1;1 21;60;61 20;120", "F-M-P");
    story("when > 20 pmin 60 pmax 60", "0 1;1 21;2 1;60;119 21;120", "F--P-M");
    story("when > 20 pmin 5 pmax 60", "0 30;60;61 1;62 21;65;66", "FP--M-");
}

/* At the millisecond, and again after each. */
static void pmax_exactly(void)
{
    start();
    subscribe(COAP2_NON, "level", "> 20 pmax 7.25");
    loop_clear(&wire);
    CHECK_EQ(POLL(), 7250);
    PASS(7249);
    SILENT();
    PASS(1);
    CHECK_ONE(COAP2_NON, 'P', "10");
    loop_clear(&wire);
    PASS(7249);
    SILENT();
    PASS(1);
    CHECK_ONE(COAP2_NON, 'P', "10");
}

int main(void)
{
    RUN("4: the answer is the state", answered_with_the_state);
    RUN("4: on the wire", on_the_wire);
    RUN("4: Rule or Notification", either_option);
    RUN("4: ids", ids);
    RUN("4: ids are random", ids_are_random);
    RUN("4: an answer without a subscription", does_not_stand);
    RUN("4: a late answer", late_answer_does_not_stand);
    RUN("4: rules that are refused", refused);
    RUN("4: renewals that are refused", refused_renewal);
    RUN("4: refused only where it counts", refused_where_it_means_something);
    RUN("RFC 7252 5.4.3: a rule's length", length_of_a_rule);
    RUN("RFC 7252 5.4.5: a second rule", second_rule);
    RUN("4: a rule without Observe 0", rule_without_observe);
    RUN("4: to a group", to_a_group);
    RUN("4: renewal", renewal);
    RUN("4: renewal without a rule", renewal_without_a_rule);
    RUN("4: many renewals", many_renewals);
    RUN("5: a renewal is a notification", renewal_is_a_notification);
    RUN("RFC 7252 4.5: a request again", request_that_comes_again);
    RUN("4: renewal in flight", renewal_in_flight);
    RUN("4: several of an endpoint", several);
    RUN("4: marks", marks);
    RUN("4: Max-Age", max_age);
    RUN("4: Max-Age of others", other_max_age);
    RUN("4: a day of silence", daily);
    RUN("RFC 7641 4.5: pmax to nobody", pmax_to_nobody);
    RUN("5: old of a day", daily_counts_as_sent);
    RUN("4: retransmission", retransmission);
    RUN("4: an alarm behind pmax", alarm_behind_pmax);
    RUN("4: an alarm behind an alarm", alarm_behind_alarm);
    RUN("4: pmax behind an alarm", pmax_behind_alarm);
    RUN("5: old of a retransmission", old_of_a_retransmission);
    RUN("5: pmin of a retransmission", pmin_of_a_retransmission);
    RUN("COAP2_ERR_AGAIN", send_again_later);
    RUN("RFC 7641 4.5: gone", ends_without_a_word);
    RUN("RFC 7641 4.5.1: pace", changes_are_gathered);
    RUN("4: unsubscribe by id", by_id);
    RUN("4: unsubscribe in flight", by_id_in_flight);
    RUN("4: unsubscribe by a wrong id", by_wrong_id);
    RUN("4: subscribe with an id", subscription_with_an_id);
    RUN("4: nobody has the id 0", observer_without_id);
    RUN("RFC 7252 4.5: unsubscribe again", by_id_again);
    RUN("4: no id", no_id);
    RUN("RFC 7641 3.6: by the token", by_token);
    RUN("RFC 7641 3.6: by a reset", by_reset);
    RUN("RFC 8132 2.4: by FETCH", by_fetch);
    RUN("4: refused by FETCH", refused_by_fetch);
    RUN("4: FETCH too long", fetch_too_long);
    RUN("5: representations", representations);
    RUN("5: more representations", more_representations);
    RUN("RFC 7641 3.3.2: ETag", named_states);
    RUN("RFC 7959 2.6: large states", large_states);
    RUN("5: fields", fields);
    RUN("5: written by another", written_by_another);
    RUN("5: errors are not held back", errors);
    RUN("5: nor is the end", deleted);
    RUN("5: an error at its time", error_at_its_time);
    RUN("5: an error in flight", error_in_flight);
    RUN("RFC 7641 4.2: format", format_is_fixed);
    RUN("5: levels", levels);
    RUN("5: changed, old, delta", pasts);
    RUN("5: when and until", alarms);
    RUN("5: unknown arms", unknown_arms);
    RUN("5: pmin", held_back);
    RUN("5: pmin, exactly", held_back_exactly);
    RUN("5: pmax", not_too_seldom);
    RUN("5: pmax, exactly", pmax_exactly);
    return test_end();
}
