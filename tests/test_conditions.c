/* Conditional parameters (draft-ietf-core-conditional-attributes-12) in the
   query of an observing GET: which values are sent, when, how, and what is
   refused. Each story is told of a field, and of a handler that writes text. */
#define COAP2_OBSERVE_OPTIONS 24
#define COAP2_RULE_SIZE 64
#include "server.h"

/* ---- what is observed ---------------------------------------------------- */

static int16_t tenths;
static bool flag;
static const char *text; /* of the resource with a handler */
static size_t text_length;

static uint8_t on_said(coap2_req *req, coap2_rsp *rsp)
{
    (void)req;
    coap2_rsp_bytes(rsp, COAP2_FORMAT_TEXT, text, text_length);
    return COAP2_205_CONTENT;
}

COAP2_FIELDS(number_fields, COAP2_FIELD("t", COAP2_I16, tenths, -1));
COAP2_FIELDS(bool_fields, COAP2_FIELD("b", COAP2_BOOL, flag, 0));
COAP2_FIELDS(two_fields, COAP2_FIELD("t", COAP2_I16, tenths, -1),
             COAP2_FIELD("b", COAP2_BOOL, flag, 0));
COAP2_BOUND(number, "n", COAP2_OBSERVABLE, number_fields, "");
COAP2_BOUND(boolean, "b", COAP2_OBSERVABLE, bool_fields, "");
COAP2_BOUND(both, "two", COAP2_OBSERVABLE, two_fields, "");
COAP2_RESOURCE(said, "h", COAP2_GET | COAP2_OBSERVABLE, on_said, "");
COAP2_TABLE(observed, &number, &boolean, &both, &said);

/* Every resource takes a value as it is written; numbers have one decimal at
   most. */
static void set_value(const char *value, size_t length)
{
    size_t i;
    int16_t sum = 0;

    text = value;
    text_length = length;
    flag = *value == 't';
    for (i = 0; i < length; i++)
        if (value[i] >= '0' && value[i] <= '9')
            sum = (int16_t)(sum * 10 + value[i] - '0');
    if (length < 2 || value[length - 2] != '.') sum = (int16_t)(sum * 10);
    tenths = (int16_t)(*value == '-' ? -sum : sum);
}

/* ---- the observing client ------------------------------------------------ */

/* Send a GET with a query whose parts stand between `&`. */
static void query_for(const char *path, const char *query, uint8_t type,
                      uint32_t observe)
{
    static uint16_t id;
    uint8_t bytes[400];
    coap2_writer w;

    coap2_write_start(&w, bytes, sizeof bytes);
    coap2_write_header(&w, type, COAP2_001_GET, ++id, "\x42", 1);
    coap2_write_uint(&w, COAP2_OPT_OBSERVE, observe);
    coap2_write_text(&w, COAP2_OPT_URI_PATH, path);
    while (*query != '\0') {
        size_t length = strcspn(query, "&");

        coap2_write_opt(&w, COAP2_OPT_URI_QUERY, query, length);
        query += length + (query[length] == '&');
    }
    loop_clear(&wire);
    loop_push_at(&wire, loop_peer(1), bytes, coap2_write_end(&w), wire.time);
    POLL();
}

/* What was sent since loop_clear, if that is one message. */
static bool only_message(coap2_msg *msg)
{
    const loop_packet *packet = loop_sent(&wire, 0);

    CHECK_EQ(wire.count, 1);
    return wire.count == 1 &&
           coap2_msg_parse(msg, packet->bytes, packet->length) == COAP2_OK;
}

/* Is it the value of now, for an observer or not? */
static void check_content(const coap2_msg *msg, bool for_observer)
{
    coap2_opt opt;

    CHECK_EQ(msg->code, COAP2_205_CONTENT);
    CHECK_EQ(coap2_msg_find(msg, COAP2_OPT_OBSERVE, &opt), for_observer);
    CHECK_BYTES(msg->payload, msg->payload_length, text, text_length);
}

/* Begin with a value; the answer is always that. */
static void observe(const char *path, const char *query, uint8_t type,
                    const char *value)
{
    coap2_msg msg;

    prepare();
    wire.time = 5000;
    node.resources = observed;
    CHECK_EQ(coap2_start(&node, 12), COAP2_OK);
    set_value(value, strcspn(value, " "));
    query_for(path, query, type, 0);
    if (only_message(&msg)) check_content(&msg, true);
}

/* The one notification that was due; of a confirmable one, acknowledged. */
static void take_notification(void)
{
    coap2_msg msg;

    if (!only_message(&msg)) return;
    check_content(&msg, true);
    if (msg.type == COAP2_CON) respond(0x60, loop_peer(1), msg.id);
}

static void change(const coap2_resource *resource)
{
    coap2_changed(&node, resource);
    loop_clear(&wire);
    POLL();
}

/* Milliseconds from `+1.5`. */
static uint32_t passes(const char *word)
{
    uint32_t ms = 0;
    uint8_t decimals = 0;

    for (word++; *word != ' ' && *word != '!' && *word != '\0'; word++) {
        if (*word == '.' || decimals > 0) decimals++;
        if (*word != '.') ms = ms * 10 + (uint32_t)(*word - '0');
    }
    for (decimals = (uint8_t)(decimals + (decimals == 0)); decimals < 4;
         decimals++)
        ms *= 10;
    return ms;
}

/* Tell a story, a word each: a new value, `?` before one that nobody tells the
   node of, or + and the seconds that pass; `!` behind what makes a
   notification. The first word is the value when it begins. */
static void tell(const char *path, const coap2_resource *resource,
                 const char *query, const char *story)
{
    const char *word = story + strcspn(story, " ");

    observe(path, query, COAP2_CON, story);
    while (*word == ' ') {
        size_t length = strcspn(++word, " !");

        loop_clear(&wire);
        if (*word == '+') {
            PASS(passes(word));
        } else if (*word == '?') {
            set_value(word + 1, length - 1);
            POLL();
        } else {
            set_value(word, length);
            change(resource);
        }
        test_row = (unsigned)(word - story); /* where it went wrong */
        word += length;
        if (*word == '!')
            take_notification();
        else
            SILENT();
        if (*word == '!') word++;
    }
    test_row = 0;
}

#define NUMBERS(query, story) \
    (tell("n", &number, query, story), tell("h", &said, query, story))
#define BOOLEANS(query, story) \
    (tell("b", &boolean, query, story), tell("h", &said, query, story))

/* ---- conditions (3.4) ---------------------------------------------------- */

static void greater_than(void)
{
    NUMBERS("c.gt=25", "18.5 26! 27 40 25! 24 -3 25 25.1! 25.2");
    NUMBERS("c.gt=1000", "800 1000 1100! 900!");
    NUMBERS("c.gt=25", "30 31 26 25! 30!");
    NUMBERS("c.gt=0", "-1 0 1! 2 0! -5 0.1!");
    NUMBERS("c.gt=-2.5", "-3 -2.5 -2.4! -2.5!");
}

static void less_than(void)
{
    NUMBERS("c.lt=10", "18.5 10 9.9! 5 10! 12 30 3!");
    NUMBERS("c.lt=0", "5 0 -0.1! -7 0! 1");
    NUMBERS("c.lt=10", "3 2 11! 9!");
}

static void both_limits(void)
{
    NUMBERS("c.gt=30&c.lt=10", "20 31! 29! 20 9! 8 10! 5! 40! 41");
    NUMBERS("c.lt=30&c.gt=10", "20 31! 32 29! 10! 9 11!");
    NUMBERS("c.lt=20&c.gt=20", "20 21! 20! 19! 21! 22");
}

static void step(void)
{
    NUMBERS("c.st=2", "20 21 21.9 22! 21 23.9 24! 22! 20.1 19!");
    NUMBERS("c.st=0.5", "-0.2 0.2 0.3! 0 -0.2!");
    NUMBERS("c.st=1000", "5 1004.9 -994.9 1005!");
}

static void any_of_them(void)
{
    NUMBERS("c.st=5&c.gt=22", "20 22 23! 24 28! 24 22! 17!");
    NUMBERS("c.lt=10&c.st=1", "20 9!");
}

/* The limits are those of the values that count, each named as if it were the
   other. */
static void bands(void)
{
    NUMBERS("c.lt=20&c.band", "10 19.9 20! 25! 30! 19 20!");
    NUMBERS("c.band&c.gt=20", "10 11! 20! 20.1 30 20! 3!");
    NUMBERS("c.band&c.gt=10&c.lt=20", "5 9.9 10! 15! 20! 20.1 12! 3");
    NUMBERS("c.lt=10&c.gt=20&c.band", "15 20 20.1! 30! 10 9.9! -3! 12");
    NUMBERS("c.band&c.lt=0", "5 -1 0! 1! -0.1");
    NUMBERS("c.band&c.gt=0", "5 1 0! -3! 0.1");
    NUMBERS("c.band&c.gt=-5&c.lt=0", "3 -5! -2.5! 0! 0.1 -5.1");
    NUMBERS("c.band=&c.gt=30&c.st=2&c.lt=10",
            "20 21 22! 23 31! 30.5! 30 28.5!");
}

/* From change to change: what was not sent counts, too. */
static void edges(void)
{
    BOOLEANS("c.edge=1", "false true! true false true! false false true!");
    BOOLEANS("c.edge=1", "true true false true! false true!");
    BOOLEANS("c.edge=0", "true false! false true false! true true false!");
    BOOLEANS("c.edge=0", "false true false! true");
    BOOLEANS("c.edge=true", "false true! false");
    BOOLEANS("c.edge=false", "true false! true");
    tell("h", &said, "c.edge=1", "0 1! 0 1! 1 0");
    tell("h", &said, "c.edge=0", "0 1 0! 1 0! 0");
}

/* Strings, and a field that is not there, never fulfil a condition. */
static void no_number(void)
{
    tell("h", &said, "c.gt=5", "off on off");
    tell("h", &said, "c.gt=5", "1 on 6! off");
    tell("h", &said, "c.st=5", "off 10 on");
    tell("b", &boolean, "c.gt=0", "false true false");
    tell("b", &boolean, "c.gt=0&c.pmax=10", "false true +10! false");
}

/* ---- control (3.5) ------------------------------------------------------- */

static void minimum_period(void)
{
    NUMBERS("c.pmin=10", "18.5 +6 23 +1 26 +3! +20 27!");
    NUMBERS("c.pmin=10", "1 +9.999 2 +0.001! +10 3!");
    NUMBERS("c.pmin=10&c.gt=20", "10 +5 21 +5! +1 20 +1 22 +8 +3 20!");
    NUMBERS("c.pmin=10&c.gt=20", "10 +5 21 19 +10 22!");
    NUMBERS("c.pmin=0.5&c.st=1", "10 11 +0.5! 11.5 12 +0.4 +0.1!");
    NUMBERS("c.pmin=10&c.band&c.lt=20", "10 +1 21 +8 22 +1! +9 23 19 +1");
    BOOLEANS("c.pmin=10&c.edge=1", "false +5 true +5! false +5 true +5!");
    BOOLEANS("c.pmin=10&c.edge=1", "false true false +10 true!");
}

static void maximum_period(void)
{
    NUMBERS("c.pmax=20", "18.5 +6 23! +19.999 +0.001! +20! +20!");
    NUMBERS("c.pmax=20&c.gt=25", "18.5 +15 23 +5! +5 26! +15 +5! 24!");
    NUMBERS("c.pmax=10&c.st=5", "18 +5 22 +5! 26 27!");
    NUMBERS("c.pmin=10&c.pmax=10", "1 +1 2 +9! +10! +5 3 +5!");
    NUMBERS("c.pmin=5&c.pmax=60", "1 +1 2 3 +4! +59 +1!");
    BOOLEANS("c.pmax=10&c.edge=1", "false true! +10! +10! false +5 true!");
}

/* Up, where they are finer than ours; and cut, where they are beyond. */
static void rounded_periods(void)
{
    NUMBERS("c.pmin=1.4991", "1 2 +1.499 +0.001!");
    NUMBERS("c.pmin=0.9999", "1 2 +0.999 +0.001!");
    NUMBERS("c.pmin=0.0001", "1 2 +0.001!");
    NUMBERS("c.pmax=1.0000001", "1 +1 +0.001!");
    NUMBERS("c.pmax=999999999&c.gt=5", "1 2 6!");
    NUMBERS("c.pmin=999999999", "1 2 +3600 3");
}

/* Evaluations: those that nobody tells of are found at epmax. */
static void evaluation_periods(void)
{
    NUMBERS("c.gt=20&c.epmax=5", "10 +3 ?21 +1.999 +0.001! +5 +5 ?20 +5!");
    NUMBERS("c.gt=20&c.epmin=2&c.epmax=5", "10 ?21 +5! +2 20!");
    NUMBERS("c.st=2&c.epmax=1.5", "10 ?11 +1.5 ?12 +1.5! +1.5 +1.5");
    NUMBERS("c.epmax=5&c.pmin=20&c.gt=20", "10 ?21 +5 +14.999 +0.001!");
    NUMBERS("c.epmin=5", "10 11! 12!");
    BOOLEANS("c.edge=1&c.epmax=5", "false ?true +5! ?false +5 ?true +5!");
}

/* A band makes a notification of each evaluation, so that there are more of
   them; but where there is no condition, nothing is evaluated. */
static void evaluations_without_change(void)
{
    NUMBERS("c.epmax=5&c.band&c.lt=20", "30 +5! +5! ?19 +5 +5 ?20 +5! 21! +4");
    NUMBERS("c.epmax=5&c.band&c.lt=9&c.gt=20", "30 +5! ?8 +5! ?10 +5 +5");
    NUMBERS("c.epmax=5&c.gt=20", "30 +5 +5 30 +5");
    NUMBERS("c.epmax=5", "10 +5 ?11 +5 +5 12! +5");
    NUMBERS("c.epmax=5&c.pmax=8", "10 +5 +3! +5 +3!");
}

static void only_control(void)
{
    NUMBERS("c.con=0", "10 11! 10!");
    NUMBERS("c.con=1", "10 11! 10!");
    NUMBERS("x=1&c.con=true&y", "10 11! 10!");
}

static uint8_t type_sent(const char *query, uint8_t type)
{
    coap2_msg msg;

    observe("n", query, type, "10");
    set_value("21", 2);
    change(&number);
    return only_message(&msg) ? msg.type : 255;
}

static void confirmable(void)
{
    CHECK_EQ(type_sent("c.gt=20", COAP2_NON), COAP2_NON);
    CHECK_EQ(type_sent("c.gt=20&c.con=0", COAP2_NON), COAP2_NON);
    CHECK_EQ(type_sent("c.gt=20&c.con=1", COAP2_NON), COAP2_CON);
    CHECK_EQ(type_sent("c.con=\"true\"", COAP2_NON), COAP2_CON);
    CHECK_EQ(type_sent("c.gt=20&c.con=1", COAP2_CON), COAP2_CON);
}

/* ---- values (2, 4) ------------------------------------------------------- */

static void decimals(void)
{
    NUMBERS("c.gt=\"25\"", "20 26!");
    NUMBERS("c.gt=+25", "20 25 26!");
    NUMBERS("c.gt=025", "20 25 26!");
    NUMBERS("c.gt=25.", "20 25 25.1!");
    NUMBERS("c.gt=.5", "0 0.5 0.6!");
    NUMBERS("c.gt=-.5", "-1 -0.5 -0.4!");
    NUMBERS("c.gt=25.50000000000000", "20 25.5 25.6!");
    NUMBERS("c.gt=-0", "-1 0 1!");
    NUMBERS("c.gt=0.000000001", "-1 0 0.1!");
    NUMBERS("c.gt=999999999", "3000 2000");
    NUMBERS("c.pmin=\"10\"", "18.5 +5 23 +5!");
}

/* A query that is refused begins nothing. */
static void refused_at(const char *path, const char *query, const char *why,
                       int line)
{
    coap2_msg msg;
    unsigned i;

    prepare();
    node.resources = observed;
    CHECK_EQ(coap2_start(&node, 12), COAP2_OK);
    set_value("10", 2);
    query_for(path, query, COAP2_CON, 0);
    test_row = (unsigned)line;
    if (only_message(&msg)) {
        CHECK_EQ(msg.code, COAP2_400_BAD_REQUEST);
        test_bytes(msg.payload, msg.payload_length, why, strlen(why), line);
    }
    for (i = 0; i < COAP2_MAX_OBSERVERS; i++)
        CHECK_EQ(node.observers[i].flags, 0);
    CHECK(fences_stand());
    test_row = 0;
}

#define REFUSED(query, why) refused_at("n", query, why, __LINE__)

static void no_decimals(void)
{
    static const char *const values[] = {"",
                                         "x",
                                         "1e3",
                                         "INF",
                                         "NaN",
                                         "-",
                                         "+",
                                         ".",
                                         "-.",
                                         "1,5",
                                         "0x1",
                                         "1234567890",
                                         "0.123456789012",
                                         " 5",
                                         "5 ",
                                         "--5",
                                         "+-5",
                                         "5-",
                                         "1.2.3",
                                         "\"5",
                                         "5\"",
                                         "'5'",
                                         "\"\"",
                                         "..",
                                         "5..",
                                         "\"5\"\"",
                                         "true",
                                         "1_0"};
    static const char *const names[] = {"gt",   "lt",    "st",   "pmin",
                                        "pmax", "epmin", "epmax"};
    size_t i, j;

    for (i = 0; i < sizeof names / sizeof *names; i++) {
        char query[40] = "c.", why[60] = "c.";

        strcat(strcat(why, names[i]), ": not a number of 9 digits");
        for (j = 0; j < sizeof values / sizeof *values; j++) {
            strcat(strcpy(query + 2, names[i]), "=");
            REFUSED(strcat(query, values[j]), why);
        }
    }
    REFUSED("c.gt", "c.gt: not a number of 9 digits");
}

static void not_above_zero(void)
{
    static const char *const values[] = {"0", "-1", "0.0", "-0", "+.0", "-.1"};
    static const char *const names[] = {"st", "pmin", "pmax", "epmin", "epmax"};
    size_t i, j;

    for (i = 0; i < sizeof names / sizeof *names; i++) {
        char query[40] = "c.", why[60] = "c.";

        strcat(strcat(why, names[i]), ": not above 0");
        for (j = 0; j < sizeof values / sizeof *values; j++) {
            strcat(strcpy(query + 2, names[i]), "=");
            REFUSED(strcat(query, values[j]), why);
        }
    }
}

static void no_booleans(void)
{
    static const char *const values[] = {"",     "10",  "2",   "-1",   "01",
                                         "True", "yes", "tru", "1.0",  "\"\"",
                                         "on",   "00",  "1\"", "truee"};
    size_t i;

    for (i = 0; i < sizeof values / sizeof *values; i++) {
        char query[24] = "c.edge=";

        REFUSED(strcat(query, values[i]), "c.edge: not 0 or 1");
        strcat(strcpy(query, "c.con="), values[i]);
        REFUSED(query, "c.con: not 0 or 1");
    }
    REFUSED("c.edge", "c.edge: not 0 or 1");
    REFUSED("c.con", "c.con: not 0 or 1");
    REFUSED("c.band=1&c.gt=3", "c.band: has no value");
}

static void together(void)
{
    REFUSED("c.band", "c.band: needs c.gt or c.lt");
    REFUSED("c.band&c.st=3&c.pmin=5", "c.band: needs c.gt or c.lt");
    REFUSED("c.band&c.gt=5&c.lt=5.0", "c.lt: equals c.gt");
    REFUSED("c.band&c.lt=-0&c.gt=0", "c.lt: equals c.gt");
    REFUSED("c.pmin=5&c.pmax=4.999", "c.pmax: too small");
    REFUSED("c.pmax=0.0001&c.pmin=0.0002", "c.pmax: too small");
    REFUSED("c.epmin=5&c.epmax=4", "c.epmax: too small");
    REFUSED("c.epmin=5&c.epmax=5", "c.epmax: too small");
    REFUSED("c.edge=1&c.gt=5", "c.edge: stands alone");
    REFUSED("c.gt=5&c.lt=5&c.gt=5", "c.gt: stands twice");
    REFUSED("c.con=0&c.con=0", "c.con: stands twice");
    REFUSED("c.band&c.band&c.gt=5", "c.band: stands twice");
    REFUSED("c.gt=5&c.foo=1", "c.foo: unknown");
    REFUSED("c.foo", "c.foo: unknown");
    REFUSED("c.", "c.: unknown");
    REFUSED("c.GT=5", "c.GT: unknown");
    REFUSED("c.g=5", "c.g: unknown");
    REFUSED("c.gtt=5", "c.gtt: unknown");
    REFUSED("x&c.gt=1&y&c.epmin=0", "c.epmin: not above 0");
    refused_at("two", "c.gt=5", "c.gt: no such field", __LINE__);
}

static void too_long(void)
{
    REFUSED("c.gt=12345678.9&c.lt=-12345678.9&c.st=12345678.9&c.pmin=1.001&"
            "c.pmax=1234567.89",
            "c.st: too long for its place");
}

/* A name that is none is said as it came, if it is not too long. */
static void long_name(void)
{
    char query[256];

    memset(query, 'x', sizeof query);
    memcpy(query, "c.", 2);
    query[255] = '\0';
    REFUSED(query, "c.: unknown");
    query[21] = '\0';
    REFUSED(query, "c.: unknown");
    memcpy(query + 20, "=1", 3);
    REFUSED(query, "c.xxxxxxxxxxxxxxxxxx: unknown");
}

/* A payload that has no value of its own. */
static void no_value(void)
{
    coap2_msg msg;

    observe("h", "", COAP2_CON, "1");
    set_value("a=1 b=2", 7);
    query_for("h", "c.gt=1", COAP2_CON, 0);
    if (!only_message(&msg)) return;
    CHECK_EQ(msg.code, COAP2_400_BAD_REQUEST);
    CHECK_BYTES(msg.payload, msg.payload_length, "c.gt: no value", 14);
}

/* ---- the rest ------------------------------------------------------------ */

/* What starts with other letters is the resource's own. */
static void other_queries(void)
{
    NUMBERS("cc.gt=5&c&C.gt=5", "1 2! 3!");
}

/* Only who observes has conditions. */
static void without_observe(void)
{
    coap2_msg msg;

    observe("n", "c.gt=20", COAP2_CON, "10");
    LOOP_PUSH(&wire, loop_peer(2), "41017001 43 b1'n' 46'c.gt=5'");
    loop_clear(&wire);
    POLL();
    if (only_message(&msg)) check_content(&msg, false);
}

/* The same query with Observe 1 (3.3), from which nothing follows any more. */
static void cancelled(void)
{
    coap2_msg msg;

    observe("n", "c.gt=20", COAP2_CON, "10");
    query_for("n", "c.gt=20", COAP2_CON, 1);
    if (only_message(&msg)) check_content(&msg, false);
    set_value("30", 2);
    change(&number);
    SILENT();
    IS_IDLE();
}

/* Other conditions under the same token replace those before. */
static void replaced(void)
{
    coap2_msg msg;

    observe("n", "c.gt=20", COAP2_CON, "10");
    query_for("n", "c.gt=30", COAP2_CON, 0);
    if (only_message(&msg)) check_content(&msg, true);
    set_value("25", 2);
    change(&number);
    SILENT();
    set_value("31", 2);
    change(&number);
    take_notification();
}

/* A server SHOULD set Max-Age to pmax, or less (4). */
static void max_age(void)
{
    coap2_msg msg;
    coap2_opt opt;
    uint32_t age = 60;

    observe("n", "c.gt=20&c.pmax=30", COAP2_CON, "10");
    set_value("21", 2);
    change(&number);
    if (!only_message(&msg)) return;
    if (coap2_msg_find(&msg, COAP2_OPT_MAX_AGE, &opt))
        CHECK(coap2_opt_uint(&opt, &age));
    CHECK(age <= 30);
}

int main(void)
{
    RUN("3.4.1: c.gt", greater_than);
    RUN("3.4.2: c.lt", less_than);
    RUN("3.4.1: c.gt and c.lt", both_limits);
    RUN("3.4.3: c.st", step);
    RUN("3.6: any of them", any_of_them);
    RUN("3.4.4: c.band", bands);
    RUN("3.4.5: c.edge", edges);
    RUN("3.4: no number", no_number);
    RUN("3.5.1: c.pmin", minimum_period);
    RUN("3.5.2: c.pmax", maximum_period);
    RUN("3.5.1: rounded", rounded_periods);
    RUN("3.5.4: c.epmin, c.epmax", evaluation_periods);
    RUN("3.5.4: without a change", evaluations_without_change);
    RUN("3.5: control alone", only_control);
    RUN("3.5.5: c.con", confirmable);
    RUN("xs:decimal", decimals);
    RUN("4: no xs:decimal", no_decimals);
    RUN("3.5: not above 0", not_above_zero);
    RUN("4: no xs:boolean", no_booleans);
    RUN("3.4, 3.5: what fits together", together);
    RUN("too long", too_long);
    RUN("a long name", long_name);
    RUN("no value", no_value);
    RUN("other queries", other_queries);
    RUN("3: without Observe", without_observe);
    RUN("3.3: cancelled", cancelled);
    RUN("RFC 7641 4.1: replaced", replaced);
    RUN("4: Max-Age", max_age);
    return test_end();
}
