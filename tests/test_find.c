/* A node that is looked for: whether it answers, when, and with what. Those who
   look are played by hand, over a wire in memory. The lists are RFC 6690's, the
   silence and the leisure RFC 7252 8.2's. */
#ifdef __AVR__
#define LOOP_BYTES 160 /* JSON takes its room */
#endif
#define LOOP_SENT 8
#include "server.h"

/* ---- what the node offers ------------------------------------------------ */

static int16_t warmth = 215;
static uint8_t damp;

COAP2_FIELDS(warm_fields, COAP2_FIELD("temp", COAP2_I16, warmth, -1));
COAP2_FIELDS(damp_fields, COAP2_FIELD_RW("hum", COAP2_U8, damp, 0));

COAP2_BOUND(warm, "temp", COAP2_OBSERVABLE, warm_fields, "rt=\"t\"");
COAP2_BOUND(moist, "hum", 0, damp_fields, "");
COAP2_RESOURCE(x_a, "x/a", COAP2_GET, on_temp, "");
COAP2_RESOURCE(x_b, "x/b", COAP2_GET, on_temp, "");
COAP2_RESOURCE(fan, "fan", COAP2_GET | COAP2_PUT, on_count, "rt=\"f\"");
COAP2_RESOURCE(secret, "secret", COAP2_GET | COAP2_HIDDEN, on_temp, "");
COAP2_RESOURCE(below, "w/*", COAP2_GET, on_temp, "");
COAP2_TABLE(offered, &warm, &moist, &secret, &x_a, &x_b, &below, &fan);

#define WARM_LINK "</temp>;rt=\"t\""
#define FAN_LINK "</fan>;rt=\"f\""
#define ALL_LINKS WARM_LINK ",</hum>,</x/a>,</x/b>," FAN_LINK

COAP2_RESOURCE(every, "every", ALL_METHODS | COAP2_SEPARATE, on_count, "");
COAP2_RESOURCE(some, "some", COAP2_DELETE | COAP2_POST | COAP2_IPATCH, on_count,
               "");
COAP2_TABLE(methodical, &every, &some);

COAP2_BOUND(dark, "dark", COAP2_HIDDEN, damp_fields, "");
COAP2_TABLE(shy, &secret, &below, &dark);

COAP2_RESOURCE(root, "", COAP2_GET, on_temp, "");
COAP2_TABLE(rooted, &root, &x_a);

#define LONG_TITLE "title=\"a list of links that no packet holds\""
COAP2_RESOURCE(l_1, "l/1", COAP2_GET, on_temp, LONG_TITLE);
COAP2_RESOURCE(l_2, "l/2", COAP2_GET, on_temp, LONG_TITLE);
COAP2_RESOURCE(l_3, "l/3", COAP2_GET, on_temp, LONG_TITLE);
COAP2_TABLE(lengthy, &l_1, &l_2, &l_3);

/* ---- a search ------------------------------------------------------------ */

static uint8_t question[IN_SIZE];
static coap2_writer w;
static uint16_t last_id;

static void fresh(void)
{
    prepare();
    wire.time = 1000;
    node.resources = offered;
    node.name = "node1.local";
    CHECK_EQ(coap2_start(&node, 7252), COAP2_OK);
}

/* The same, with packets that hold more: so there are fewer. */
static void fresh_with(size_t packet, const coap2_resource *const *table)
{
    prepare();
    wire.time = 1000;
    node.resources = table;
    node.name = "node1.local";
    node.packet = packet;
    CHECK_EQ(coap2_start(&node, 7252), COAP2_OK);
}

/* Begin a request for the list of links; options may follow. */
static void open_question(uint8_t type)
{
    coap2_write_start(&w, question, sizeof question);
    coap2_write_header(&w, type, COAP2_001_GET, ++last_id, "\x77", 1);
    coap2_write_text(&w, COAP2_OPT_URI_PATH, ".well-known");
    coap2_write_text(&w, COAP2_OPT_URI_PATH, "core");
}

static void open_search(uint8_t type, const char *what)
{
    open_question(type);
    coap2_write_text(&w, COAP2_OPT_DISCOVERY, what);
}

static void send_question(coap2_peer from)
{
    size_t length = coap2_write_end(&w);

    CHECK(length > 0);
    loop_clear(&wire);
    loop_push_at(&wire, from, question, length, wire.time);
    POLL();
}

/* By the group, with the time that its members may take. */
static void send_to_group(void)
{
    send_question(loop_group(1));
    PASS(node.leisure);
}

static void search_group(const char *what)
{
    open_search(COAP2_NON, what);
    send_to_group();
}

static void search_unicast(const char *what)
{
    open_search(COAP2_CON, what);
    send_question(loop_peer(1));
}

/* One answer was sent: its code, what its Discovery says (NULL: there is none)
   and its payload. */
#define CHECK_ANSWER(code, name, payload) \
    check_answer((code), (name), (payload), __LINE__)
static void check_answer(uint8_t code, const char *name, const char *payload,
                         int line)
{
    const loop_packet *packet = loop_sent(&wire, 0);
    coap2_msg msg;
    coap2_opt opt;

    test_equal(wire.count, 1, line);
    if (wire.count == 0) return;
    test_check(coap2_msg_parse(&msg, packet->bytes, packet->length) == COAP2_OK,
               line);
    test_equal(msg.code, code, line);
    test_check(msg.token_length == 1 && msg.token[0] == 0x77, line);
    test_bytes(msg.payload, msg.payload_length, payload, strlen(payload), line);
    if (coap2_msg_find(&msg, COAP2_OPT_DISCOVERY, &opt)) {
        test_check(name != NULL && coap2_opt_is(&opt, name), line);
        test_check(!coap2_opt_next(&opt) || opt.number != COAP2_OPT_DISCOVERY,
                   line);
    } else {
        test_check(name == NULL, line);
    }
}

#define CHECK_FOUND(payload) \
    CHECK_ANSWER(COAP2_205_CONTENT, "node1.local", (payload))

/* A 4.04 to a unicast: no name, no links. */
static void check_not_found(void)
{
    coap2_msg msg;
    coap2_opt opt;

    CHECK_EQ(wire.count, 1);
    if (wire.count == 0) return;
    CHECK_EQ(coap2_msg_parse(&msg, wire.sent[0].bytes, wire.sent[0].length),
             COAP2_OK);
    CHECK_EQ(msg.code, COAP2_404_NOT_FOUND);
    CHECK(!coap2_msg_find(&msg, COAP2_OPT_DISCOVERY, &opt));
}

/* ---- who is meant -------------------------------------------------------- */

typedef struct case_row {
    char what[30];
    char links[64]; /* empty: it is not meant */
} case_row;

/* Each of them asks the group, then the node alone. */
static void run_rows(const case_row *rows, unsigned row_count)
{
    case_row row;
    unsigned i;

    for (i = 0; i < row_count; i++) {
        TEST_FETCH(&row, &rows[i]);
        test_row = i + 1;
        search_group(row.what);
        if (row.links[0] == '\0') {
            SILENT();
        } else {
            CHECK_FOUND(row.links);
        }
        search_unicast(row.what);
        if (row.links[0] == '\0') {
            check_not_found();
        } else {
            CHECK_FOUND(row.links);
        }
        IS_IDLE();
    }
    test_row = 0;
    CHECK(fences_stand());
}

#define RUN_ROWS(rows) run_rows((rows), sizeof(rows) / sizeof(rows)[0])

static const case_row name_rows[] TEST_FLASH = {
    {"", ALL_LINKS}, /* everybody */
    {"node1.local", ALL_LINKS},
    {"NODE1.Local", ALL_LINKS},  /* case does not matter */
    {"node1.local.", ALL_LINKS}, /* nor does the dot of the root */
    {"Node1.LOCAL.", ALL_LINKS},
    {"node1", ""}, /* is another name */
    {"node1.", ""},
    {"node1.loca", ""},
    {"node1.locale", ""},
    {"node1.local.x", ""},
    {"xnode1.local", ""},
    {"node2.local", ""},
    {"node1-local", ""},
    {"node1.local ", ""}, /* no list: nothing is trimmed */
    {" node1.local", ""},
    {".node1.local", ""},
    {"node\x11.local", ""}, /* 1 without the bit of case */
    {"node1\x0elocal", ""},
    {".", ""},
    {"*", ""}, /* a name: no slash, no comma */
    {"node*", ""},
    {"temp", ""},
    {"x/a", ""},
    {" /temp", ""}};

static void names(void)
{
    fresh();
    RUN_ROWS(name_rows);
}

/* The node's own name may be written in any case, or with a dot. */
static void own_name(void)
{
    fresh();
    node.name = "NODE1.local.";
    search_group("node1.LOCAL");
    CHECK_ANSWER(COAP2_205_CONTENT, "NODE1.local.", ALL_LINKS);
    search_group("node1.local.");
    CHECK_ANSWER(COAP2_205_CONTENT, "NODE1.local.", ALL_LINKS);
    node.name = "n";
    search_group("N");
    CHECK_ANSWER(COAP2_205_CONTENT, "n", ALL_LINKS);
    search_group("node1.local");
    SILENT();
    node.name = "b\xc3\xbcro"; /* bytes beyond ASCII are as they are */
    search_group("B\xc3\xbcRO");
    CHECK_ANSWER(COAP2_205_CONTENT, "b\xc3\xbcro", ALL_LINKS);
    search_group("b\xc3\x9cro");
    SILENT();
}

static void without_a_name(void)
{
    unsigned i;

    for (i = 0; i < 2; i++) {
        fresh();
        node.name = i == 0 ? NULL : "";
        search_group("");
        CHECK_ANSWER(COAP2_205_CONTENT, "", ALL_LINKS);
        search_unicast("");
        CHECK_ANSWER(COAP2_205_CONTENT, "", ALL_LINKS);
        search_group("/fan");
        CHECK_ANSWER(COAP2_205_CONTENT, "", FAN_LINK);
        search_group("node1.local");
        SILENT();
        search_group(".");
        SILENT();
        search_unicast("node1.local");
        check_not_found();
    }
}

static const case_row list_rows[] TEST_FLASH = {
    {"/temp", WARM_LINK},
    {"/temp,/hum", WARM_LINK ",</hum>"},
    {"/hum,/temp", WARM_LINK ",</hum>"}, /* each once, in the table's order */
    {"/temp,/temp,/temp", WARM_LINK},
    {"/none,/temp", WARM_LINK}, /* any will do */
    {"/temp,/none", WARM_LINK},
    {"/x/a", "</x/a>"},
    {"temp,hum", WARM_LINK ",</hum>"}, /* the missing slash */
    {"/temp,hum", WARM_LINK ",</hum>"},
    {"x/a,", "</x/a>"},
    {",/temp", WARM_LINK}, /* empty elements */
    {"/temp,", WARM_LINK},
    {",,/temp,,,/hum,", WARM_LINK ",</hum>"},
    {"/temp, ,/hum", WARM_LINK ",</hum>"},
    {"/temp ,/hum", WARM_LINK ",</hum>"}, /* blanks around */
    {"/temp, /hum ", WARM_LINK ",</hum>"},
    {"  temp  ,  hum  ", WARM_LINK ",</hum>"},
    {"/temp ", WARM_LINK},
    {"/te mp", ""}, /* but not inside */
    {"/ temp", ""},
    {"/none", ""},
    {"/none,/nobody", ""},
    {"/tem", ""}, /* byte by byte */
    {"/temper", ""},
    {"/Temp", ""},
    {"/TEMP", ""},
    {"/temp/", ""},
    {"//temp", ""},
    {"/x", ""},
    {"/x/", ""},
    {"/x/a/", ""},
    {"/x/ab", ""},
    {"/a", ""},
    {"/te%6dp", ""},
    {"/temp?", ""},
    {"/temp;/hum", ""},
    {"/", ""}, /* the root, which this node has not */
    {"/,/temp", WARM_LINK},
    {",", ""}, /* a list without elements is nobody */
    {",,,", ""},
    {" , ", ""},
    {"/node1.local", ""}, /* a list holds no names */
    {"node1.local,", ""},
    {"node1.local,/temp", WARM_LINK}};

static void lists(void)
{
    fresh();
    RUN_ROWS(list_rows);
}

static const case_row wild_rows[] TEST_FLASH = {
    {"/*", ALL_LINKS},
    {"*,", ALL_LINKS}, /* a star alone is all */
    {",*", ALL_LINKS},
    {"/none,*", ALL_LINKS},
    {" * ,", ALL_LINKS},
    {"/x/*", "</x/a>,</x/b>"}, /* what starts with /x/ */
    {"/x*", "</x/a>,</x/b>"},
    {"/x/a*", "</x/a>"}, /* and nothing may follow */
    {"x/*,", "</x/a>,</x/b>"},
    {"/x/* ", "</x/a>,</x/b>"},
    {"/t*", WARM_LINK},
    {"/temp*", WARM_LINK},
    {"/t*,/x/b", WARM_LINK ",</x/b>"},
    {"/fan,/x/*", "</x/a>,</x/b>," FAN_LINK},
    {"/temper*", ""},
    {"/T*", ""},
    {"/x/c*", ""},
    {"/xa*", ""},
    {"/*x", ""}, /* at the end only */
    {"/t*mp", ""},
    {"/*/a", ""},
    {"/**", ""},
    {"/x/**", ""},
    {"/x/* a", ""}};

static void wildcards(void)
{
    fresh();
    RUN_ROWS(wild_rows);
}

/* Neither a match nor a wildcard shows what is hidden, nor a row with a star,
   which is not one resource; nor the list itself. */
static const case_row hidden_rows[] TEST_FLASH = {{"/secret", ""},
                                                  {"secret,", ""},
                                                  {"/s*", ""},
                                                  {"/secret,/temp", WARM_LINK},
                                                  {"/w/*", ""},
                                                  {"/w/", ""},
                                                  {"/w*", ""},
                                                  {"/w/any", ""},
                                                  {"/.well-known/core", ""},
                                                  {"/.well-known/*", ""},
                                                  {"/.*", ""}};

static void hidden(void)
{
    fresh();
    RUN_ROWS(hidden_rows);
}

/* Who has nothing to show is found all the same, if not by what it offers. */
static void nothing_to_show(void)
{
    unsigned i;

    for (i = 0; i < 2; i++) {
        fresh();
        node.resources = i == 0 ? shy : NULL;
        search_group("node1.local");
        CHECK_FOUND("");
        search_unicast("node1.local");
        CHECK_FOUND("");
        search_group("");
        CHECK_FOUND("");
        search_unicast("/*");
        check_not_found();
        search_group("/*");
        SILENT();
        search_group("/dark,/secret");
        SILENT();
    }
}

static void the_root(void)
{
    fresh();
    node.resources = rooted;
    search_group("/");
    CHECK_FOUND("</>");
    search_group("/,");
    CHECK_FOUND("</>");
    search_group("/*");
    CHECK_FOUND("</>,</x/a>");
    search_group("*,");
    CHECK_FOUND("</>,</x/a>");
    search_group("/x*");
    CHECK_FOUND("</x/a>");
}

/* ---- the option ---------------------------------------------------------- */

/* All of it, byte by byte: a NON of an id of its own, the token, the format,
   the name. */
static void on_the_wire(void)
{
    fresh();
    ASK_FROM(loop_group(1), "5101beef 77 bb'.well-known' 04'core' "
                            "e4 0014'/fan'");
    PASS(node.leisure);
    ONLY("5145.... 77 c128 eb 0013'node1.local' ff'</fan>;rt=\"f\"'");
    ASK_FROM(loop_peer(2), "4201beef 7788 bb'.well-known' 04'core' "
                           "eb 0014'node2.local'");
    ONLY("6284beef 7788 *");
}

/* None if none was asked, whoever it was. */
static void not_asked(void)
{
    fresh();
    open_question(COAP2_CON);
    send_question(loop_peer(1));
    CHECK_ANSWER(COAP2_205_CONTENT, NULL, ALL_LINKS);
    open_question(COAP2_NON);
    send_to_group();
    CHECK_ANSWER(COAP2_205_CONTENT, NULL, ALL_LINKS);
    node.no_groups = true;
    open_question(COAP2_NON);
    send_question(loop_peer(1));
    CHECK_ANSWER(COAP2_205_CONTENT, NULL, ALL_LINKS);
}

static uint8_t long_what[300];

/* "/fan" with empty elements behind it. */
static void write_long(size_t length)
{
    memset(long_what, ',', sizeof long_what);
    memcpy(long_what, "/fan", 4);
    coap2_write_opt(&w, COAP2_OPT_DISCOVERY, long_what, length);
}

/* 255 bytes are an option; one of more is not recognised, and elective: as if
   it were not there (RFC 7252 5.4.1, 5.4.3). */
static void too_long(void)
{
    fresh_with(192, offered);
    if (sizeof in < 400) return; /* it does not fit into in */
    open_question(COAP2_NON);
    write_long(255);
    send_to_group();
    CHECK_FOUND(FAN_LINK);
    open_question(COAP2_CON);
    write_long(256);
    send_question(loop_peer(1));
    CHECK_ANSWER(COAP2_205_CONTENT, NULL, ALL_LINKS);
    open_question(COAP2_NON);
    write_long(256);
    send_to_group();
    CHECK_ANSWER(COAP2_205_CONTENT, NULL, ALL_LINKS);
}

/* The second of two is not looked at (5.4.5). */
static void repeated(void)
{
    fresh();
    open_search(COAP2_CON, "/fan");
    coap2_write_text(&w, COAP2_OPT_DISCOVERY, "/temp");
    send_question(loop_peer(1));
    CHECK_FOUND(FAN_LINK);
    open_search(COAP2_CON, "node1.local");
    coap2_write_text(&w, COAP2_OPT_DISCOVERY, "node2.local");
    send_question(loop_peer(1));
    CHECK_FOUND(ALL_LINKS);
    open_search(COAP2_NON, "node2.local");
    coap2_write_text(&w, COAP2_OPT_DISCOVERY, "");
    send_to_group();
    SILENT();
}

static void write_other(uint8_t type, uint8_t code, const char *path)
{
    coap2_write_start(&w, question, sizeof question);
    coap2_write_header(&w, type, code, ++last_id, "\x77", 1);
    coap2_write_text(&w, COAP2_OPT_URI_PATH, path);
    coap2_write_text(&w, COAP2_OPT_DISCOVERY, "node2.local");
}

/* On other requests it means nothing. */
static void other_requests(void)
{
    fresh();
    write_other(COAP2_CON, COAP2_001_GET, "temp");
    send_question(loop_peer(1));
    CHECK_ANSWER(COAP2_205_CONTENT, NULL, "21.5");
    write_other(COAP2_NON, COAP2_001_GET, "temp");
    send_to_group();
    CHECK_ANSWER(COAP2_205_CONTENT, NULL, "21.5");
    write_other(COAP2_CON, COAP2_003_PUT, "fan");
    send_question(loop_peer(1));
    CHECK_EQ(runs, 1);
    CHECK_EQ(wire.sent[0].bytes[1], COAP2_204_CHANGED);
    write_other(COAP2_CON, COAP2_001_GET, "none");
    send_question(loop_peer(1));
    check_not_found();
    node.no_groups = true;
    write_other(COAP2_NON, COAP2_001_GET, "temp");
    send_question(loop_peer(1));
    CHECK_ANSWER(COAP2_205_CONTENT, NULL, "21.5");
}

static void other_methods(void)
{
    uint8_t code;

    fresh();
    for (code = COAP2_002_POST; code <= COAP2_007_IPATCH; code++) {
        open_search(COAP2_CON, "node2.local");
        question[1] = code;
        send_question(loop_peer(1));
        CHECK_EQ(wire.count, 1);
        CHECK_EQ(wire.sent[0].bytes[1], COAP2_405_METHOD_NOT_ALLOWED);
    }
}

/* A server takes any Uri-Host and Uri-Port for its own. */
static void any_host(void)
{
    fresh();
    ASK("4101beef 77 3b'node2.local' 42f000 44'temp'");
    ONLY("6145beef 77 c0 ff'21.5'");
    ASK("4101beee 77 38'10.9.8.7' 84'temp'");
    ONLY("6145beee 77 c0 ff'21.5'");
}

/* ---- groups -------------------------------------------------------------- */

/* Where the transport cannot tell, a search that is not confirmable counts as
   one to a group: silence, and leisure. */
static void no_groups(void)
{
    fresh();
    node.no_groups = true;
    node.random = fixed_chance;
    chance = 0xffffffff;
    open_search(COAP2_NON, "node2.local");
    send_question(loop_peer(1));
    PASS(node.leisure);
    SILENT();
    open_search(COAP2_NON, "node1.local");
    send_question(loop_peer(1));
    SILENT();
    PASS(node.leisure);
    CHECK_FOUND(ALL_LINKS);
    open_search(COAP2_NON, "node1.local");
    coap2_write_text(&w, COAP2_OPT_URI_QUERY, "rt=none");
    send_question(loop_peer(1));
    PASS(node.leisure);
    SILENT();
    search_unicast("node2.local"); /* confirmable: to us alone */
    check_not_found();
    search_unicast("node1.local");
    CHECK_FOUND(ALL_LINKS);
}

/* Where it can, one that is not confirmable is answered as any other. */
static void non_unicast(void)
{
    fresh();
    open_search(COAP2_NON, "node2.local");
    send_question(loop_peer(1));
    check_not_found();
    CHECK_EQ(wire.sent[0].bytes[0], 0x51);
    open_search(COAP2_NON, "NODE1.local");
    send_question(loop_peer(1));
    CHECK_FOUND(ALL_LINKS);
    CHECK_EQ(wire.sent[0].bytes[0], 0x51);
}

/* Answers to a group come at a time between now and the leisure (8.2). */
static void leisure(void)
{
    uint32_t least = 0xffffffff, most = 0, waited;
    unsigned i;

    fresh();
    node.leisure = 2000;
    for (i = 0; i < 100; i++) {
        uint32_t begun = wire.time;

        open_search(COAP2_NON, "/fan");
        send_question(loop_group(1));
        PASS(3000);
        CHECK_FOUND(FAN_LINK);
        waited = wire.sent[0].time - begun;
        if (waited < least) least = waited;
        if (waited > most) most = waited;
    }
    CHECK(least < 250);
    CHECK(most > 1750);
    CHECK(most <= 2000);
}

/* What it answers is of the time of the question, and there may be several. */
static void several_askers(void)
{
    unsigned i, had[3] = {0, 0, 0};

    fresh();
    for (i = 0; i < 3; i++) {
        open_search(COAP2_NON, i == 1 ? "/fan" : "/temp");
        loop_push_at(&wire, loop_group((uint8_t)(i + 1)), question,
                     coap2_write_end(&w), wire.time);
    }
    PASS(node.leisure);
    CHECK_EQ(wire.count, 3);
    for (i = 0; i < wire.count && i < 3; i++) {
        const loop_packet *packet = loop_sent(&wire, i);
        uint8_t to = packet->peer.address[3];
        char want = to == 2 ? 'f' : 't'; /* the end of the link: rt="f" */

        CHECK(to >= 1 && to <= 3);
        if (to >= 1 && to <= 3) had[to - 1]++;
        CHECK_EQ(packet->bytes[packet->length - 2], want);
        CHECK(!packet->peer.group || packet->peer.address[0] == 192);
    }
    CHECK(had[0] == 1 && had[1] == 1 && had[2] == 1);
    IS_IDLE();
}

/* More than it can keep until their time are lost, and nothing else is. */
static void too_many_askers(void)
{
    uint8_t i;

    fresh();
    loop_clear(&wire);
    node.random = fixed_chance;
    chance = 0xffffffff;
    for (i = 1; i <= 6; i++) {
        open_search(COAP2_NON, "");
        loop_push_at(&wire, loop_group(i), question, coap2_write_end(&w),
                     wire.time);
    }
    PASS(node.leisure + 1u);
    CHECK(wire.count <= 6);
    CHECK(wire.count >= COAP2_MAX_EXCHANGES);
    IS_IDLE();
    search_group("");
    CHECK_FOUND(ALL_LINKS);
    CHECK(fences_stand());
}

/* ---- with a query -------------------------------------------------------- */

static void ask_both(const char *what, const char *query)
{
    open_search(COAP2_NON, what);
    coap2_write_text(&w, COAP2_OPT_URI_QUERY, query);
    send_to_group();
}

/* The filter of RFC 6690 4.1 sees what the search has left over. */
static void queries(void)
{
    fresh();
    ask_both("", "rt=f");
    CHECK_FOUND(FAN_LINK);
    ask_both("node1.local", "rt=t*");
    CHECK_FOUND(WARM_LINK);
    ask_both("/x/*,/temp", "href=/x*");
    CHECK_FOUND("</x/a>,</x/b>");
    ask_both("/temp,/hum", "rt=f");
    SILENT();
    ask_both("node2.local", "rt=f");
    SILENT();
    ask_both("/s*", "href=/secret");
    SILENT();
    open_search(COAP2_CON, "/temp,/hum");
    coap2_write_text(&w, COAP2_OPT_URI_QUERY, "rt=f");
    send_question(loop_peer(1));
    CHECK_FOUND("");
    open_search(COAP2_CON, "node2.local");
    coap2_write_text(&w, COAP2_OPT_URI_QUERY, "rt=f");
    send_question(loop_peer(1));
    check_not_found();
}

/* Without a search it is as it was: silence to a group. */
static void query_alone(void)
{
    fresh();
    open_question(COAP2_NON);
    coap2_write_text(&w, COAP2_OPT_URI_QUERY, "rt=none");
    send_to_group();
    SILENT();
    open_question(COAP2_NON);
    coap2_write_text(&w, COAP2_OPT_URI_QUERY, "rt=f");
    send_to_group();
    CHECK_ANSWER(COAP2_205_CONTENT, NULL, FAN_LINK);
}

/* ---- as JSON ------------------------------------------------------------- */

static void search_json(const char *what)
{
    open_search(COAP2_CON, what);
    coap2_write_uint(&w, COAP2_OPT_ACCEPT, COAP2_FORMAT_JSON);
    send_question(loop_peer(1));
}

/* The Content-Format of what was sent. */
static uint32_t sent_format(void)
{
    uint32_t format = COAP2_NO_FORMAT;
    coap2_msg msg;
    coap2_opt opt;

    if (wire.count > 0 &&
        coap2_msg_parse(&msg, wire.sent[0].bytes, wire.sent[0].length) ==
            COAP2_OK &&
        coap2_msg_find(&msg, COAP2_OPT_CONTENT_FORMAT, &opt))
        CHECK(coap2_opt_uint(&opt, &format));
    return format;
}

/* A bound resource without a field that can be written can only be read. */
static void json(void)
{
    fresh_with(SLOTS * PACKET, offered);
    search_json("/temp");
    CHECK_FOUND("{\"/temp\":{\"methods\":[\"GET\"],\"observable\":true,"
                "\"separate\":false}}");
    CHECK_EQ(sent_format(), COAP2_FORMAT_JSON);
    search_json("/hum");
    CHECK_FOUND("{\"/hum\":{\"methods\":[\"GET\",\"PUT\",\"PATCH\",\"iPATCH\"],"
                "\"observable\":false,\"separate\":false}}");
    search_json("/fan,/x/a");
    CHECK_FOUND("{\"/x/a\":{\"methods\":[\"GET\"],\"observable\":false,"
                "\"separate\":false},"
                "\"/fan\":{\"methods\":[\"GET\",\"PUT\"],\"observable\":false,"
                "\"separate\":false}}");
    search_json("/secret");
    check_not_found();
}

static void json_methods(void)
{
    fresh_with(SLOTS * PACKET, methodical);
    search_json("/every");
    CHECK_FOUND("{\"/every\":{\"methods\":[\"GET\",\"POST\",\"PUT\",\"DELETE\","
                "\"FETCH\",\"PATCH\",\"iPATCH\"],\"observable\":false,"
                "\"separate\":true}}");
    search_json("/some");
    CHECK_FOUND("{\"/some\":{\"methods\":[\"POST\",\"DELETE\",\"iPATCH\"],"
                "\"observable\":false,\"separate\":false}}");
}

/* For the asking, also where nobody is looked for. */
static void json_alone(void)
{
    fresh_with(SLOTS * PACKET, methodical);
    open_question(COAP2_CON);
    coap2_write_text(&w, COAP2_OPT_URI_QUERY, "href=/some");
    coap2_write_uint(&w, COAP2_OPT_ACCEPT, COAP2_FORMAT_JSON);
    send_question(loop_peer(1));
    CHECK_ANSWER(COAP2_205_CONTENT, NULL,
                 "{\"/some\":{\"methods\":[\"POST\",\"DELETE\",\"iPATCH\"],"
                 "\"observable\":false,\"separate\":false}}");
}

static void json_filtered(void)
{
    fresh_with(192, offered);
    open_search(COAP2_NON, "");
    coap2_write_text(&w, COAP2_OPT_URI_QUERY, "rt=f");
    coap2_write_uint(&w, COAP2_OPT_ACCEPT, COAP2_FORMAT_JSON);
    send_to_group();
    CHECK_FOUND("{\"/fan\":{\"methods\":[\"GET\",\"PUT\"],\"observable\":false,"
                "\"separate\":false}}");
    open_search(COAP2_NON, "");
    coap2_write_text(&w, COAP2_OPT_URI_QUERY, "rt=none");
    coap2_write_uint(&w, COAP2_OPT_ACCEPT, COAP2_FORMAT_JSON);
    send_to_group();
    SILENT();
}

/* Another format is none of ours: 4.06, and silence to a group. */
static void other_formats(void)
{
    fresh();
    open_search(COAP2_CON, "/temp");
    coap2_write_uint(&w, COAP2_OPT_ACCEPT, COAP2_FORMAT_LINKS);
    send_question(loop_peer(1));
    CHECK_FOUND(WARM_LINK);
    CHECK_EQ(sent_format(), COAP2_FORMAT_LINKS);
    open_search(COAP2_CON, "/temp");
    coap2_write_uint(&w, COAP2_OPT_ACCEPT, COAP2_FORMAT_CBOR);
    send_question(loop_peer(1));
    CHECK_EQ(wire.count, 1);
    CHECK_EQ(wire.sent[0].bytes[1], COAP2_406_NOT_ACCEPTABLE);
    open_search(COAP2_NON, "/temp");
    coap2_write_uint(&w, COAP2_OPT_ACCEPT, COAP2_FORMAT_CBOR);
    send_to_group();
    SILENT();
    open_search(COAP2_CON, "/none");
    coap2_write_uint(&w, COAP2_OPT_ACCEPT, COAP2_FORMAT_CBOR);
    send_question(loop_peer(1));
    CHECK(wire.sent[0].bytes[1] == COAP2_404_NOT_FOUND ||
          wire.sent[0].bytes[1] == COAP2_406_NOT_ACCEPTABLE);
}

/* ---- beyond a packet ----------------------------------------------------- */

#if COAP2_WITH_BLOCKS

static const char long_list[] =
    "</l/1>;" LONG_TITLE ",</l/2>;" LONG_TITLE ",</l/3>;" LONG_TITLE;

/* The block that was sent; its payload is appended to what there is. */
static coap2_block take_block(char *list, size_t size)
{
    coap2_block block = {99, 0, false};
    size_t have = strlen(list);
    coap2_msg msg;
    coap2_opt opt;

    CHECK_EQ(wire.count, 1);
    if (wire.count == 0) return block;
    CHECK(wire.sent[0].length <= PACKET);
    CHECK_EQ(coap2_msg_parse(&msg, wire.sent[0].bytes, wire.sent[0].length),
             COAP2_OK);
    CHECK_EQ(msg.code, COAP2_205_CONTENT);
    if (!coap2_msg_find(&msg, COAP2_OPT_BLOCK2, &opt)) return block;
    CHECK_EQ(coap2_block_read(&block, &opt), COAP2_OK);
    CHECK(coap2_msg_find(&msg, COAP2_OPT_DISCOVERY, &opt));
    CHECK(coap2_opt_is(&opt, "node1.local"));
    CHECK(have + msg.payload_length < size);
    if (have + msg.payload_length < size)
        memcpy(list + have, msg.payload, msg.payload_length);
    return block;
}

/* Its first block, to a group as well; the others for the asking. */
static void in_blocks(bool first_to_group)
{
    static char list[256];
    coap2_block block;
    uint32_t number = 0;

    fresh();
    node.resources = lengthy;
    memset(list, 0, sizeof list);
    if (first_to_group)
        search_group("/l/*");
    else
        search_unicast("/l/*");
    block = take_block(list, sizeof list);
    CHECK_EQ(block.number, 0);
    CHECK(block.more);
    while (block.more && number < 20) {
        coap2_block next = {0, 0, false};

        next.number = ++number;
        next.szx = block.szx;
        open_search(COAP2_CON, "/l/*");
        coap2_write_block(&w, COAP2_OPT_BLOCK2, &next);
        send_question(loop_peer(1));
        block = take_block(list, sizeof list);
        CHECK_EQ(block.number, number);
    }
    CHECK_TEXT(list, long_list);
}

static void beyond_a_packet(void)
{
    in_blocks(false);
    in_blocks(true);
}

#else

/* Never cut: 5.00, and silence to a group. */
static void beyond_a_packet(void)
{
    fresh();
    node.resources = lengthy;
    search_unicast("/l/*");
    CHECK_EQ(wire.count, 1);
    CHECK_EQ(wire.sent[0].bytes[1], COAP2_500_INTERNAL_SERVER_ERROR);
    search_group("/l/*");
    SILENT();
    search_group("/l/2");
    CHECK_FOUND("</l/2>;" LONG_TITLE);
}

#endif

/* ---- all of it ----------------------------------------------------------- */

int main(void)
{
    RUN("by its name", names);
    RUN("its own name, as it is written", own_name);
    RUN("without a name", without_a_name);
    RUN("a list of paths", lists);
    RUN("wildcards", wildcards);
    RUN("what is hidden never shows", hidden);
    RUN("a node with nothing to show", nothing_to_show);
    RUN("the root is a path", the_root);
    RUN("on the wire", on_the_wire);
    RUN("no name if none was asked", not_asked);
    RUN("an option of more than 255 bytes", too_long);
    RUN("a repeated option", repeated);
    RUN("ignored on other paths", other_requests);
    RUN("no method but GET", other_methods);
    RUN("any Uri-Host is its own", any_host);
    RUN("a transport that cannot tell groups", no_groups);
    RUN("not confirmable, to it alone", non_unicast);
    RUN("leisure", leisure);
    RUN("several who ask", several_askers);
    RUN("too many who ask", too_many_askers);
    RUN("a query narrows the search", queries);
    RUN("a query alone", query_alone);
    RUN("as JSON", json);
    RUN("as JSON, each method", json_methods);
    RUN("as JSON, without a search", json_alone);
    RUN("as JSON, with a query", json_filtered);
    RUN("in other formats", other_formats);
    RUN("a list beyond a packet", beyond_a_packet);
    return test_end();
}
