/* A node as server, what it offers: paths, methods and options, conditions,
   discovery, groups, bound resources (RFC 7252 5, 7, 8; RFC 6690; RFC 8132).
   The message layer is in test_server.c. */
#define COAP2_MAX_EXCHANGES 3
#define COAP2_MAX_DUPLICATES 4
#define COAP2_IMPLEMENTATION
#include "../coap2.h"
#ifdef __AVR__
#define LOOP_BYTES 288
#else
#define LOOP_BYTES 512
#endif
#define LOOP_QUEUE 2
#define LOOP_SENT 4
#include "loop.h"

/* ---- the resources ------------------------------------------------------- */

static unsigned runs, looks; /* of /store: all, and those with `again` */
static uint8_t stored[16], stored_length, stored_version;
static bool stored_exists;
static uint8_t shown_code;                /* what /shown answers, */
static uint32_t shown_age;                /* for how long, */
static const char *shown_etag = "";       /* of which state, */
static uint16_t shown_format;             /* and in which format */
static uint16_t seen_format, seen_accept; /* by /made */

static uint8_t on_temp(coap2_req *req, coap2_rsp *rsp)
{
    CHECK_EQ(req->method, COAP2_GET);
    CHECK(!req->again);
    coap2_rsp_text(rsp, "21.5");
    return COAP2_205_CONTENT;
}

static uint8_t put_store(coap2_req *req)
{
    uint8_t code =
        stored_exists ? (uint8_t)COAP2_204_CHANGED : (uint8_t)COAP2_201_CREATED;

    if (req->payload_length > sizeof stored)
        return COAP2_413_REQUEST_ENTITY_TOO_LARGE;
    stored_exists = true;
    stored_version++;
    stored_length = (uint8_t)req->payload_length;
    memcpy(stored, req->payload, stored_length);
    return code;
}

static uint8_t on_store(coap2_req *req, coap2_rsp *rsp)
{
    runs++;
    if (req->again) {
        looks++;
        CHECK_EQ(req->method, COAP2_GET);
    }
    if (req->method == COAP2_PUT) return put_store(req);
    if (req->method == COAP2_DELETE) {
        stored_exists = false;
        return COAP2_202_DELETED;
    }
    if (!stored_exists) return COAP2_404_NOT_FOUND;
    coap2_rsp_etag(rsp, &stored_version, 1);
    coap2_rsp_bytes(rsp, COAP2_FORMAT_OCTETS, stored, stored_length);
    return COAP2_205_CONTENT;
}

static uint8_t on_led(coap2_req *req, coap2_rsp *rsp)
{
    if (req->method == COAP2_GET) {
        coap2_rsp_text(rsp, "off");
        return COAP2_205_CONTENT;
    }
    if (coap2_req_text_is(req, "on") || coap2_req_text_is(req, "off"))
        return COAP2_204_CHANGED;
    coap2_rsp_text(rsp, "on or off");
    return COAP2_400_BAD_REQUEST;
}

/* Everything but GET: a digit for the method, then the payload. */
static uint8_t on_made(coap2_req *req, coap2_rsp *rsp)
{
    char digit = '0';
    uint8_t method = req->method;

    for (; method > 1; method >>= 1) digit++;
    seen_format = req->format;
    seen_accept = req->accept;
    coap2_rsp_bytes(rsp, COAP2_FORMAT_JSON, &digit, 1);
    coap2_rsp_bytes(rsp, COAP2_FORMAT_JSON, req->payload, req->payload_length);
    if (req->method == COAP2_FETCH) return COAP2_205_CONTENT;
    if (req->method != COAP2_POST) return COAP2_204_CHANGED;
    coap2_write_text(&rsp->w, COAP2_OPT_LOCATION_QUERY, "v=1");
    coap2_write_text(&rsp->w, COAP2_OPT_LOCATION_PATH, "made");
    coap2_write_text(&rsp->w, COAP2_OPT_LOCATION_PATH, "7");
    return COAP2_201_CREATED;
}

/* An answer as the test wants it. */
static uint8_t on_shown(coap2_req *req, coap2_rsp *rsp)
{
    (void)req;
    coap2_rsp_bytes(rsp, shown_format, "x", 1);
    coap2_rsp_etag(rsp, shown_etag, strlen(shown_etag));
    rsp->max_age = shown_age;
    return shown_code;
}

/* Below a/: how deep. */
static uint8_t on_below(coap2_req *req, coap2_rsp *rsp)
{
    coap2_opt opt;
    char depth = '0';

    CHECK(coap2_msg_find(req->msg, COAP2_OPT_URI_PATH, &opt));
    do depth++;
    while (coap2_opt_next(&opt) && opt.number == COAP2_OPT_URI_PATH);
    coap2_rsp_bytes(rsp, COAP2_FORMAT_TEXT, &depth, 1);
    return COAP2_205_CONTENT;
}

static uint8_t on_other(coap2_req *req, coap2_rsp *rsp)
{
    CHECK(req->node != NULL && req->peer != NULL && req->resource != NULL);
    coap2_rsp_text(rsp, "other");
    return COAP2_205_CONTENT;
}

static int16_t temp10;
static uint8_t hum;
static char label[8];
static unsigned writes;

static int32_t get_uptime(void)
{
    return 1234;
}

static void on_write(coap2_req *req)
{
    CHECK(req->method != COAP2_GET);
    writes++;
}

COAP2_FIELDS(climate_fields, COAP2_FIELD_RW("temp", COAP2_I16, temp10, -1),
             COAP2_FIELD_RW("hum", COAP2_U8, hum, 0),
             COAP2_FIELD("low", COAP2_U8, hum, -1));
COAP2_FIELDS(label_fields, COAP2_FIELD_TEXT_RW("label", label));
COAP2_FIELDS(uptime_fields,
             COAP2_FIELD_GET("uptime", COAP2_I32, get_uptime, 0));

COAP2_RESOURCE(temp, "temp", COAP2_GET, on_temp, "rt=\"temperature c\";ct=0");
COAP2_RESOURCE(store, "store", COAP2_GET | COAP2_PUT | COAP2_DELETE, on_store,
               "rt=\"store\"");
COAP2_RESOURCE(led, "led", COAP2_GET | COAP2_PUT, on_led,
               "title=\"a, \\\"b\\\"; c\";if=\"l\"");
COAP2_RESOURCE(made, "made",
               COAP2_POST | COAP2_FETCH | COAP2_PATCH | COAP2_IPATCH, on_made,
               "obs");
COAP2_RESOURCE(shown, "shown", COAP2_GET | COAP2_POST, on_shown, "");
COAP2_RESOURCE(ab, "a/b", COAP2_GET, on_other, "");
COAP2_RESOURCE(below, "a/*", COAP2_GET, on_below, "rt=\"below\"");
COAP2_RESOURCE(slash, "d/", COAP2_GET, on_other, "");
COAP2_RESOURCE(secret, "secret", COAP2_GET | COAP2_HIDDEN, on_other,
               "rt=\"secret\"");
COAP2_BOUND_WRITE(climate, "climate", 0, climate_fields, "rt=\"climate\"",
                  on_write);
COAP2_BOUND(name, "label", 0, label_fields, "");
COAP2_BOUND(uptime, "uptime", COAP2_HIDDEN, uptime_fields, "");
COAP2_TABLE(things, &temp, &store, &led, &made, &shown, &ab, &below, &slash,
            &secret, &climate, &name, &uptime);

enum { PACKET = 288 };

static coap2_node node;
static loop wire;
static uint8_t in[LOOP_BYTES], out[4 * PACKET];

static void begin_with(const coap2_resource *const *table)
{
    memset(&node, 0, sizeof node);
    wire.time = 1000;
    loop_plug(&wire, &node);
    node.in = in;
    node.in_size = sizeof in;
    node.out = out;
    node.out_size = sizeof out;
    node.packet = PACKET;
    node.resources = table;
    stored_exists = false;
    stored_version = 'a' - 1;
    runs = looks = writes = 0;
    shown_code = COAP2_205_CONTENT;
    shown_age = 60;
    shown_etag = "";
    shown_format = COAP2_FORMAT_TEXT;
    temp10 = 215;
    hum = 40;
    memcpy(label, "one", 4);
    CHECK_EQ(coap2_start(&node, 7252), COAP2_OK);
}

static void begin(void)
{
    begin_with(things);
}

#define ASK(notation) LOOP_ASK(&wire, &node, loop_peer(1), notation)
#define ASK_GROUP(notation)                           \
    (LOOP_ASK(&wire, &node, loop_group(1), notation), \
     (void)loop_pass(&wire, &node, COAP2_LEISURE))
#define ONLY(notation) LOOP_ONLY(&wire, notation)
#define SILENT() LOOP_SILENT(&wire)

/* CON: the code, without options, and perhaps a diagnostic. */
#define REFUSED(request, code) \
    (ASK("4001" request), ONLY("60" code "1234*"), no_options())

static void no_options(void)
{
    const loop_packet *packet = loop_sent(&wire, 0);
    coap2_msg msg;
    coap2_opt opt;

    if (wire.count == 0) return;
    CHECK_EQ(coap2_msg_parse(&msg, packet->bytes, packet->length), COAP2_OK);
    opt = msg.options;
    CHECK(!coap2_opt_next(&opt));
}

/* ---- paths and methods --------------------------------------------------- */

/* Behaviours 28 and 29. */
static void paths_are_compared_whole(void)
{
    begin();
    ASK("40011234 b4'temp'");
    ONLY("60451234 c0ff'21.5'");
    REFUSED("1234", "84");
    REFUSED("1234 b0", "84");
    REFUSED("1234 b3'tem'", "84");
    REFUSED("1234 b5'temps'", "84");
    REFUSED("1234 b4'Temp'", "84");
    REFUSED("1234 b5'temp'00", "84");
    REFUSED("1234 b4'temp' 00", "84");
    REFUSED("1234 b0 04'temp'", "84");
    REFUSED("1234 b4'temp' 01'x'", "84");
    REFUSED("1234 b5'/temp'", "84");
    REFUSED("1234 b6'%74emp'", "84");
    REFUSED("1234 b1'x' 02'..' 04'temp'", "84");
    REFUSED("1234 b1'.' 04'temp'", "84");
    REFUSED("1234 b1'a'", "84");
    REFUSED("1234 b3'a/b'", "84");
    REFUSED("1234 b1'd'", "84");
    ASK("40011235 b1'a' 01'b'");
    ONLY("60451235 c0ff'other'");
    ASK("40011236 b1'd' 00");
    ONLY("60451236 c0ff'other'");
    ASK("50011237 b1'x'");
    ONLY("5084....*");
    no_options();
}

/* A path of a segment of 255 bytes, and many short ones (known-bugs 4e). */
static void long_paths(void)
{
    static uint8_t bytes[LOOP_BYTES];
    size_t length = loop_bytes(bytes, TEST_TEXT("41011234 aa bdf2"));

    begin();
    memset(bytes + length, 'a', 255);
    loop_push_at(&wire, loop_peer(1), bytes, length + 255, wire.time);
    loop_poll(&wire, &node);
    ONLY("61841234 aa*");
    bytes[5] = 0xb1;
    bytes[6] = 'a';
    for (length = 7; length < 207; length += 2) {
        bytes[length] = 1;
        bytes[length + 1] = 'b';
    }
    length += loop_bytes(bytes + length, TEST_TEXT("d1ea00"));
    bytes[3] = 0x35;
    loop_clear(&wire);
    loop_push_at(&wire, loop_peer(1), bytes, length, wire.time);
    loop_poll(&wire, &node);
    ONLY("61451235 aa c0ff*");
    CHECK_EQ(wire.sent[0].bytes[7], '0' + 101);
}

static void wildcard_takes_the_rest(void)
{
    begin();
    ASK("40011234 b1'a' 01'c'");
    ONLY("60451234 c0ff'2'");
    ASK("40011235 b1'a' 01'b' 01'c'");
    ONLY("60451235 c0ff'3'");
    ASK("40011236 b1'a' 02'..' 04'temp'");
    ONLY("60451236 c0ff'3'");
    ASK("40021237 b1'a' 01'c'");
    ONLY("60851237");
}

static void methods_are_told_apart(void)
{
    begin();
    ASK("40081234 b4'temp'");
    ONLY("60851234*");
    ASK("401f1235 b4'temp'");
    ONLY("60851235*");
    ASK("501f1236 b4'temp'");
    ONLY("5085....*");
    ASK("40041237 b4'temp'");
    ONLY("60851237*");
    no_options();
    ASK("40011238 b4'made'");
    ONLY("60851238*");
    ASK("40051239 b5'store'");
    ONLY("60851239*");
    CHECK_EQ(runs, 0);
}

static void every_method(void)
{
    begin();
    ASK("41021230 aa b4'made' ff'p'");
    ONLY("61411230 aa 84'made' 01'7' 4132 83'v=1' ff'1p'");
    ASK("41051231 aa b4'made' 1132 ff'{}'");
    ONLY("61451231 aa c132 ff'4{}'");
    CHECK_EQ(seen_format, COAP2_FORMAT_JSON);
    CHECK_EQ(seen_accept, COAP2_NO_FORMAT);
    ASK("41061232 aa b4'made' 2133 31'q' ff00");
    ONLY("61821232 aa*"); /* 2133 is option 13, critical */
    ASK("41061233 aa b4'made' 1133 5132 ff00");
    ONLY("61441233 aa c132 ff'5'00");
    CHECK_EQ(seen_format, COAP2_FORMAT_JSON_PATCH);
    CHECK_EQ(seen_accept, COAP2_FORMAT_JSON);
    ASK("41071234 aa b4'made' ff'ff'");
    ONLY("61441234 aa c132 ff'6ff'");
    CHECK_EQ(seen_format, COAP2_NO_FORMAT);
}

/* Behaviours 41 and 42: create, change, read, delete twice. */
static void store_lives(void)
{
    begin();
    ASK("40011230 b5'store'");
    ONLY("60841230");
    ASK("40031231 b5'store' ff00ff'x'00");
    ONLY("60411231");
    ASK("41011232 aa b5'store'");
    ONLY("61451232 aa 41'a' 812a ff00ff'x'00");
    ASK("50031233 b5'store' ff'y'");
    ONLY("5044....");
    ASK("50011234 b5'store'");
    ONLY("5045.... 41'b' 812a ff'y'");
    ASK("40031235 b5'store'");
    ONLY("60441235");
    ASK("40011236 b5'store'");
    ONLY("60451236 41'c' 812a");
    ASK("40041237 b5'store'");
    ONLY("60421237");
    ASK("40041238 b5'store'");
    ONLY("60421238");
    ASK("40031239 b5'store' ff'seventeen bytes .'");
    ONLY("608d1239");
}

static void payload_of_get_is_ignored(void)
{
    begin();
    ASK("40011234 b4'temp' ff'what'");
    ONLY("60451234 c0ff'21.5'");
    ASK("40011235 b4'temp' 1132 ff'{}'");
    ONLY("60451235 c0ff'21.5'");
}

/* ---- options ------------------------------------------------------------- */

/* Behaviours 31 to 34. A critical option that is not understood: 4.02, or the
   rejection of a non-confirmable one; another is ignored. */
#define CRITICAL(rest)                                                        \
    (test_row++, ASK("41011234 aa" rest), ONLY("61821234 aa*"), no_options(), \
     ASK("51011234 aa" rest), SILENT(), ASK_GROUP("51011234 aa" rest),        \
     SILENT())
#define ELECTIVE(rest) \
    (test_row++, ASK("41011234 aa" rest), ONLY("61451234 aa c0ff'21.5'"))

static void unknown_options(void)
{
    begin();
    CRITICAL("b4'temp' d001");
    CRITICAL("91'x' 24'temp'");
    CRITICAL("b4'temp' c400000006"); /* Block2 and Block1, too long */
    CRITICAL("b4'temp' d40300000006");
    CRITICAL("b4'temp' e0fee5");
    ELECTIVE("b4'temp' d000");
    ELECTIVE("b4'temp' 5110"); /* Hop-Limit */
    ELECTIVE("60 54'temp'");   /* Observe */
    ELECTIVE("b4'temp' d004"); /* Size2 */
    ELECTIVE("b4'temp' e0fed4");
}

static void long_elective_option(void)
{
    static uint8_t bytes[LOOP_BYTES];
    size_t length = loop_bytes(bytes, TEST_TEXT("41011234 aa b4'temp'"));

    if (sizeof bytes < 320) return;
    begin();
    length += loop_bytes(bytes + length, TEST_TEXT("de00001f"));
    loop_push_at(&wire, loop_peer(1), bytes, length + 300, wire.time);
    loop_poll(&wire, &node);
    ONLY("61451234 aa c0ff'21.5'");
}

static void options_of_a_wrong_length(void)
{
    begin();
    CRITICAL("51'x' 64'temp'");
    CRITICAL("b4'temp' 63 000000");
    CRITICAL("19'123456789' a4'temp'");
    CRITICAL("30 84'temp'");
    CRITICAL("73001633 44'temp'");
    ELECTIVE("49'123456789' 74'temp'");
    ELECTIVE("40 74'temp'");
    ELECTIVE("b4'temp' 13000032");
    ELECTIVE("b4'temp' d2ea0202");
    ELECTIVE("b4'temp' d00a");
}

/* Uri-Query and Uri-Host of 255 bytes, and of 256 (5.10). */
static void options_of_256_bytes(void)
{
    static uint8_t bytes[LOOP_BYTES];
    unsigned i;

    for (i = 0; i < 4; i++) {
        size_t length = i & 1 ? 256 : 255;
        size_t at = loop_bytes(bytes, TEST_TEXT("41011234 aa"));

        begin();
        test_row = i + 1;
        if (i & 2)
            at += loop_bytes(bytes + at, TEST_TEXT("b4'temp' 4d"));
        else
            bytes[at++] = 0x3d;
        bytes[at++] = (uint8_t)(length - 13);
        memset(bytes + at, 'q', length);
        at += length;
        if (!(i & 2)) at += loop_bytes(bytes + at, TEST_TEXT("84'temp'"));
        loop_push_at(&wire, loop_peer(1), bytes, at, wire.time);
        loop_poll(&wire, &node);
        if (i & 1)
            ONLY("61821234 aa*");
        else
            ONLY("61451234 aa c0ff'21.5'");
    }
}

static void options_that_come_twice(void)
{
    begin();
    CRITICAL("b4'temp' 60 00");
    CRITICAL("31'h' 01'h' 84'temp'");
    CRITICAL("50 00 64'temp'");
    CRITICAL("7116 0116 44'temp'");
    ELECTIVE("b4'temp' d00400");
    ELECTIVE("41'x' 01'y' 74'temp'");
    ELECTIVE("b4'temp' 41'a' 01'b' 00");
    ASK("40031234 b3'led' 10 0132 ff'on'");
    ONLY("60441234");
    ASK("40031235 b3'led' 1132 00 ff'on'");
    ONLY("608f1235*");
}

static void uris_of_this_server(void)
{
    begin();
    ELECTIVE("31'h' 84'temp'");
    ELECTIVE("39'192.0.2.1' 421633 44'temp'");
    ELECTIVE("70 44'temp'");
    ELECTIVE("b4'temp' 40");
    ELECTIVE("b4'temp' 41'?' 02'a='");
}

static void proxies_are_elsewhere(void)
{
    begin();
    ASK("41011234 aa d616'coap:/'");
    ONLY("61a51234 aa*");
    no_options();
    ASK("41011235 aa b4'temp' d40f'coap'");
    ONLY("61a51235 aa*");
    ASK("51011236 aa b4'temp' d40f'coap'");
    CHECK(wire.count == 0 || wire.sent[0].bytes[1] == 0xa5);
    ASK_GROUP("51011237 aa b4'temp' d40f'coap'");
    SILENT();
}

/* Behaviour 35. */
static void accept_is_heeded(void)
{
    begin();
    ELECTIVE("b4'temp' 60");
    ELECTIVE("b4'temp' 6100");
    ELECTIVE("b4'temp' 620000");
    ASK("40011234 b4'temp' 62fde8");
    ONLY("60861234*");
    no_options();
    ASK("50011235 b4'temp' 62fde8");
    ONLY("5086....*");
    ASK("40051236 b4'made' 60 ff'x'");
    ONLY("60861236*");
    ASK("40051237 b4'made' 6132 ff'x'");
    ONLY("60451237 c132 ff'4x'");
    ASK("40011238 b5'store' 6132"); /* there is nothing in any format */
    ONLY("60841238*");
    shown_format = COAP2_NO_FORMAT;
    ASK("40011239 b5'shown'");
    ONLY("60451239 ff'x'");
}

/* Behaviour 36. */
static void content_format_is_heeded(void)
{
    begin();
    ASK("40031234 b3'led' ff'on'");
    ONLY("60441234");
    ASK("40031235 b3'led' 10 ff'off'");
    ONLY("60441235");
    ASK("40031236 b3'led' 1132 ff'on'");
    ONLY("608f1236*");
    ASK("40031237 b3'led' 13000032 ff'on'");
    ONLY("60441237");
    ASK("40031238 b3'led' ff'o'");
    ONLY("60801238 ff'on or off'");
    ASK("40031239 b3'led'");
    ONLY("60801239 ff'on or off'");
    ASK("4003123a b3'led' 10 ff'onn'");
    ONLY("6080123a ff'on or off'");
}

/* ---- what is in answers -------------------------------------------------- */

static void max_age_is_sent_where_it_is_not_60(void)
{
    static const uint32_t ages[] = {0,     59,    60,       255,       256,
                                    65535, 65536, 0xffffff, 0xffffffff};
    unsigned i;

    begin();
    for (i = 0; i < 9; i++) {
        const loop_packet *packet = loop_sent(&wire, 0);
        uint32_t age = 60;
        coap2_msg msg;
        coap2_opt opt;

        test_row = i + 1;
        shown_age = ages[i];
        ASK("40011234 b5'shown'");
        CHECK_EQ(coap2_msg_parse(&msg, packet->bytes, packet->length),
                 COAP2_OK);
        if (coap2_msg_find(&msg, COAP2_OPT_MAX_AGE, &opt)) {
            CHECK(opt.length == 0 || opt.value[0] != 0);
            CHECK(coap2_opt_uint(&opt, &age));
            CHECK(age != 60);
        }
        CHECK_EQ(age, ages[i]);
    }
}

static void diagnostics_have_no_format(void)
{
    begin();
    shown_code = COAP2_403_FORBIDDEN;
    shown_etag = "no";
    ASK("40011234 b5'shown'");
    ONLY("60831234 ff'x'");
    shown_code = COAP2_503_SERVICE_UNAVAILABLE;
    shown_age = 5;
    ASK("50011235 b5'shown'");
    ONLY("50a3.... d10105 ff'x'");
    shown_format = COAP2_FORMAT_JSON; /* a problem report has one */
    ASK("40011236 b5'shown'");
    ONLY("60a31236 c132 2105 ff'x'");
}

/* Codes that are no answers. */
static void codes_of_handlers(void)
{
    static const uint8_t codes[] = {1, 31, 0x20, 0xc1, 0xff};
    unsigned i;

    begin();
    for (i = 0; i < 5; i++) {
        test_row = i + 1;
        shown_code = codes[i];
        ASK("40021234 b5'shown'");
        ONLY("60a01234*");
        wire.time += 300000;
    }
}

/* ---- conditions ---------------------------------------------------------- */

/* Behaviour 44 (5.10.6.2). */
static void valid_etag(void)
{
    begin();
    shown_etag = "12345678";
    shown_age = 5;
    ASK("41011234 aa b5'shown'");
    ONLY("61451234 aa 48'12345678' 80 2105 ff'x'");
    ASK("41011235 aa 48'12345678' 75'shown'");
    ONLY("61431235 aa 48'12345678' a105");
    ASK("51011236 aa 41'1' 00 08'12345678' 75'shown'");
    ONLY("5143.... aa 48'12345678' a105");
    ASK("41011237 aa 48'12345679' 75'shown'");
    ONLY("61451237 aa 48'12345678' 80 2105 ff'x'");
    ASK("41011238 aa 47'1234567' 75'shown'");
    ONLY("61451238 aa 48'12345678' 80 2105 ff'x'");
    ASK("41011239 aa 49'123456789' 75'shown'");
    ONLY("61451239 aa 48'12345678' 80 2105 ff'x'");
    shown_etag = "123456789"; /* more than eight bytes are cut */
    ASK("4101123a aa 48'12345678' 75'shown'");
    ONLY("6143123a aa 48'12345678' a105");
    shown_etag = "";
    ASK("4101123b aa 41'1' 75'shown'");
    ONLY("6145123b aa c0 2105 ff'x'");
}

/* 2.03 needs less room than the body, which is not cut for it. */
static void valid_etag_of_what_does_not_fit(void)
{
    begin();
    node.packet = 16;
    shown_etag = "12345678";
    ASK("40011234 48'12345678' 75'shown'");
    CHECK_EQ(wire.count, 1);
    CHECK(wire.sent[0].bytes[1] == 0xa0 || wire.sent[0].bytes[1] == 0x43);
    node.packet = 24;
    ASK("40011235 48'12345678' 75'shown'");
    ONLY("60431235 48'12345678'");
    stored_exists = true;
    stored_length = 16;
    ASK("40011236 b5'store'");
    ONLY("60a01236*");
    ASK("40011236 41'`' 75'store'");
    CHECK(wire.sent[0].bytes[1] == 0xa0 || wire.sent[0].bytes[1] == 0x43);
}

/* Only a success of GET is validated, and only in the format that is wanted. */
static void etag_of_something_else(void)
{
    begin();
    shown_etag = "v";
    ASK("40011234 41'v' 75'shown' 6132");
    ONLY("60861234*");
    ASK("40021235 41'v' 75'shown'");
    ONLY("60451235 41'v' 80 ff'x'");
    shown_code = COAP2_404_NOT_FOUND;
    ASK("40011236 41'v' 75'shown'");
    ONLY("60841236 ff'x'");
}

/* Behaviour 43 (5.10.8). */
static void if_none_match(void)
{
    begin();
    ASK("40031230 50 65'store' ff'one'");
    ONLY("60411230");
    ASK("40031231 50 65'store' ff'two'");
    ONLY("608c1231*");
    no_options();
    ASK("40041232 50 65'store'");
    ONLY("608c1232*");
    ASK("40011233 b5'store'");
    ONLY("60451233 41'a' 812a ff'one'");
    CHECK_EQ(looks, 3);
    CHECK_EQ(runs, 5);
    ASK("50031234 50 65'store' ff'two'");
    ONLY("508c....*");
    ASK_GROUP("50031235 50 65'store' ff'two'");
    SILENT();
    CHECK_EQ(stored_length, 3);
}

static void if_match(void)
{
    begin();
    ASK("40031230 10 a5'store' ff'one'");
    ONLY("608c1230*");
    ASK("40031231 11'a' a5'store' ff'one'");
    ONLY("608c1231*");
    CHECK(!stored_exists);
    ASK("40031232 b5'store' ff'one'");
    ONLY("60411232");
    ASK("40031233 10 a5'store' ff'two'");
    ONLY("60441233");
    ASK("40031234 11'b' a5'store' ff'three'");
    ONLY("60441234");
    ASK("40031235 11'b' a5'store' ff'four'");
    ONLY("608c1235*");
    ASK("40031236 11'x' 02'bc' 01'c' a5'store' ff'five'");
    ONLY("60441236");
    ASK("40041237 11'c' a5'store'");
    ONLY("608c1237*");
    ASK("40031237 11'd' 40 65'store' ff'six'"); /* none and this one */
    ONLY("608c1237*");
    CHECK(stored_exists);
    ASK("40041238 11'd' a5'store'");
    ONLY("60421238");
    CHECK(!stored_exists);
}

/* A resource that cannot be looked at exists, in no state that has a name. */
static void conditions_without_get(void)
{
    begin();
    ASK("40021234 10 a4'made' ff'x'");
    ONLY("60411234*");
    ASK("40021235 50 64'made' ff'x'");
    ONLY("608c1235*");
    ASK("40021236 11'v' a4'made' ff'x'");
    ONLY("608c1236*");
    shown_code = COAP2_500_INTERNAL_SERVER_ERROR;
    ASK("40021237 10 a5'shown'");
    ONLY("60a01237 ff'x'");
}

/* The format that the answer should have is no condition (5.10.4). */
static void conditions_and_accept(void)
{
    begin();
    ASK("40031234 10 a7'climate' 6132 ff'hum=50'");
    ONLY("60441234*");
    ASK("40031235 10 a7'climate' 6129 ff'hum=51'");
    ONLY("60441235*");
    CHECK_EQ(hum, 51);
}

/* ---- discovery ----------------------------------------------------------- */

#define CORE "bb'.well-known' 04'core'"
#define ALL_LINKS                                                       \
    "'</temp>;rt=\"temperature c\";ct=0,</store>;rt=\"store\",</led>;'" \
    "'title=\"a, \\\"b\\\"; c\";if=\"l\",</made>;obs,</shown>,</a/b>,'" \
    "'</d/>,</climate>;rt=\"climate\",</label>'"

static void core_lists_what_is_not_hidden(void)
{
    begin();
    ASK("41011234 aa" CORE);
    ONLY("61451234 aa c128 ff" ALL_LINKS);
    ASK("48011235 0102030405060708" CORE "6128");
    ONLY("68451235 0102030405060708 c128 ff" ALL_LINKS);
    ASK("40011236" CORE "613c");
    ONLY("60861236*");
    ASK("40011237 bb'.well-known'");
    ONLY("60841237*");
    ASK("40011238" CORE "01'x'");
    ONLY("60841238*");
    ASK("40011239 bd03'.well-known/core'");
    ONLY("60841239*");
    ASK("4001123a b6'secret'");
    ONLY("6045123a c0ff'other'");
    ASK("4001123b b6'uptime'");
    ONLY("6045123b c0ff'1234'");
}

/* What a client reads has quotes, commas and semicolons where they were
   (behaviour 51). */
static void titles_survive(void)
{
    const loop_packet *packet = loop_sent(&wire, 0);
    coap2_link link;
    coap2_attr attr;
    coap2_msg msg;
    char title[16];

    begin();
    ASK("40011234" CORE "49'href=/led'");
    CHECK_EQ(coap2_msg_parse(&msg, packet->bytes, packet->length), COAP2_OK);
    link = coap2_links((const char *)msg.payload, msg.payload_length);
    CHECK(coap2_link_next(&link));
    CHECK(coap2_link_find(&link, "title", &attr));
    CHECK_BYTES(title, coap2_attr_text(&attr, title, sizeof title),
                "a, \"b\"; c", 9);
    CHECK(!coap2_link_next(&link));
}

static void core_is_read_only(void)
{
    begin();
    ASK("40031230" CORE "ff'x'");
    ONLY("60851230*");
    ASK("40041231" CORE);
    ONLY("60851231*");
    ASK("40021232" CORE);
    ONLY("60851232*");
    ASK("40051233" CORE);
    ONLY("60851233*");
}

/* Behaviour 49 (RFC 6690 4.1). */
static void core_is_filtered(void)
{
    begin();
    ASK("40011230" CORE "4a'href=/temp'");
    ONLY("60451230 c128 ff'</temp>;rt=\"temperature c\";ct=0'");
    ASK("40011231" CORE "48'rt=store'");
    ONLY("60451231 c128 ff'</store>;rt=\"store\"'");
    ASK("40011232" CORE "44'rt=c'");
    ONLY("60451232 c128 ff'</temp>;rt=\"temperature c\";ct=0'");
    ASK("40011233" CORE "45'rt=c*'");
    ONLY("60451233 c128 ff'</temp>;rt=\"temperature c\";ct=0,'"
         "'</climate>;rt=\"climate\"'");
    ASK("40011234" CORE "48'href=/s*'");
    ONLY("60451234 c128 ff'</store>;rt=\"store\",</shown>'");
    ASK("40011235" CORE "43'obs'");
    ONLY("60451235 c128 ff'</made>;obs'");
    ASK("40011236" CORE "44'ct=0' 05'rt=c*'");
    ONLY("60451236 c128 ff'</temp>;rt=\"temperature c\";ct=0'");
    ASK("40011237" CORE "40");
    ONLY("60451237 c128 ff" ALL_LINKS);
}

/* Nothing matches: 2.05 and nothing in it, or nothing at all to a group; also
   where other servers fell over (known-bugs 4c). */
static void core_without_a_match(void)
{
    begin();
    ASK("40011230" CORE "49'rt=secret'");
    ONLY("60451230 c128");
    ASK("50011231" CORE "48'rt=below'");
    ONLY("5045.... c128");
    ASK("40011232" CORE "4c'href=/secret'");
    ONLY("60451232 c128");
    ASK("40011233" CORE "43'rt='");
    ONLY("60451233 c128*");
    ASK("40011234" CORE "42'rt'");
    ONLY("60451234 c128 ff*");
    ASK("40011235" CORE "45'href='");
    ONLY("60451235 c128*");
    ASK("40011236" CORE "41'='");
    ONLY("60451236 c128*");
    ASK("40011237" CORE "41'*'");
    ONLY("60451237 c128*");
    ASK_GROUP("50011238" CORE "49'rt=secret'");
    SILENT();
    ASK_GROUP("50011239" CORE "48'rt=store'");
    ONLY("5045.... c128 ff'</store>;rt=\"store\"'");
    ASK_GROUP("5001123a" CORE "613c");
    SILENT();
}

/* Filters and attributes of every kind. */
typedef struct filter {
    char query[16];
} filter;

static const filter filters[] TEST_FLASH = {
    {"rt=a"},      {"rt=b"},      {"rt=a b"},     {"rt=a*"},    {"rt=*"},
    {"rt="},       {"rt"},        {"rt=aa"},      {"rt=aa*"},   {"rt=b*"},
    {"if=a"},      {"if=a,b"},    {"if="},        {"if"},       {"rel=x"},
    {"rev=x y"},   {"ct=0"},      {"ct=40"},      {"ct=4*"},    {"ct=0 40"},
    {"title=a b"}, {"title=a"},   {"title=a*"},   {"title=b"},  {"title=\"x\""},
    {"title=\\"},  {"title=;x"},  {"title=x,y"},  {"title"},    {"title=;*"},
    {"obs"},       {"obs="},      {"obs=*"},      {"obs=1"},    {"ob"},
    {"sz=10"},     {"sz=1"},      {"sz=1*"},      {"href=/f1"}, {"href=/f*"},
    {"href=/*"},   {"href=*"},    {"href="},      {"href"},     {"href=f1"},
    {"href=/F1"},  {"href=/f 1"}, {"href=/f1/x"}, {"="},        {"*"},
    {"=*"},        {""},          {"rt=a=b"},     {"rt=\"a\""}, {"RT=a"},
    {"title=\\\""}};

COAP2_RESOURCE(f1, "f1", COAP2_GET, on_other, "rt=\"a b\";if=\"a\";obs");
COAP2_RESOURCE(f2, "f2", COAP2_GET, on_other, "rt=\"aa\";title=\"a b\";sz=10");
COAP2_RESOURCE(f3, "f1/x", COAP2_GET, on_other, "title=\"\\\"x\\\"\";ct=40");
COAP2_RESOURCE(f4, "f4", COAP2_GET, on_other,
               "rt=\"\";title=\";x,y\";ct=\"0 40\"");
COAP2_RESOURCE(f5, "f5", COAP2_GET, on_other, "rt=a;title=\"\\\\\";if=\"a,b\"");
COAP2_RESOURCE(f6, "g", COAP2_GET, on_other,
               "rel=\"x y\";rev=\"x y\";rt=\"b a\"");
COAP2_RESOURCE(f7, "", COAP2_GET, on_other, "title=\"rt=a\";sz=1;obs;rt=a");
COAP2_TABLE(filter_things, &f1, &f2, &f3, &f4, &f5, &f6, &f7);

/* Ask for the list, with a filter or without; returns where it is. */
static coap2_link ask_for_links(const char *query, size_t length, uint8_t *kept)
{
    uint8_t get[64];
    size_t at = loop_bytes(get, TEST_TEXT("40011234" CORE));
    coap2_msg msg;

    if (query != NULL) {
        if (length > 12) get[at++] = 0x4d;
        get[at++] = (uint8_t)(length > 12 ? length - 13 : 0x40 + length);
        memcpy(get + at, query, length);
        at += length;
    }
    loop_clear(&wire);
    loop_push_at(&wire, loop_peer(1), get, at, wire.time);
    loop_poll(&wire, &node);
    ONLY("60451234 c128*");
    memcpy(kept, wire.sent[0].bytes, wire.sent[0].length);
    CHECK_EQ(coap2_msg_parse(&msg, kept, wire.sent[0].length), COAP2_OK);
    return coap2_links((const char *)msg.payload, msg.payload_length);
}

/* The server filters as a client does that has the whole list. */
static void server_and_client_filter_alike(void)
{
    static uint8_t whole[PACKET], part[PACKET];
    unsigned i;

    begin_with(filter_things);
    for (i = 0; i < sizeof filters / sizeof filters[0]; i++) {
        coap2_link all = ask_for_links(NULL, 0, whole), some;
        size_t length;
        filter f;

        test_row = i + 1;
        TEST_FETCH(&f, &filters[i]);
        length = strlen(f.query);
        some = ask_for_links(f.query, length, part);
        while (coap2_link_next(&all)) {
            if (!coap2_link_matches(&all, f.query, length)) continue;
            CHECK(coap2_link_next(&some));
            CHECK_BYTES(some.target, some.target_length, all.target,
                        all.target_length);
        }
        CHECK(!coap2_link_next(&some));
        CHECK_EQ(some.error, COAP2_OK);
        CHECK_EQ(all.error, COAP2_OK);
    }
}

COAP2_RESOURCE(long_one, "long", COAP2_GET, on_other,
               "title=\"0123456789012345678901234567890123456789\"");
COAP2_RESOURCE(short_one, "s", COAP2_GET, on_other, "rt=\"s\"");
COAP2_TABLE(long_things, &short_one, &long_one);

/* A list beyond the packet comes in blocks; what the filter leaves counts
   (behaviours 47 and 48, RFC 7959 2.4). */
static void core_in_blocks(void)
{
    begin_with(long_things);
    node.packet = 4 + 2 + 1 + 11 + 1 + 56;
    ASK("40011230" CORE);
    ONLY("60451230 c128 ff'</s>;rt=\"s\",</long>;'*");
    CHECK_EQ(wire.sent[0].length, node.packet);
    node.packet--;
    ASK("40011231" CORE);
    ONLY("60451231 c128 b109 5144 ff '</s>;rt=\"s\",</long>;title=\"01234'");
    ASK("41011232 aa" CORE);
    ONLY("61451232 aa c128 b109 5144 ff *");
    ASK("40011235" CORE "c1 11");
    ONLY("60451235 c128 b119 ff '56789012345678901234567890123456'");
    ASK("40011236" CORE "c1 21");
    ONLY("60451236 c128 b121 ff '789\"'");
    ASK_GROUP("50011233" CORE);
    ONLY("5045.... c128 b109 5144 ff *");
    node.packet = 60; /* the other link alone is longer */
    ASK("40011234" CORE "44'rt=s'");
    ONLY("60451234 c128 ff'</s>;rt=\"s\"'");
}

/* ---- groups (8.1, 8.2) --------------------------------------------------- */

static void group_is_answered_at_leisure(void)
{
    uint32_t least = 99999, most = 0;
    unsigned i;

    begin();
    for (i = 0; i < 60; i++) {
        uint8_t get[] = {0x51, 1, 0x12, 0, 0xaa, 0xb4, 't', 'e', 'm', 'p'};
        coap2_peer peer = loop_group(5);
        uint32_t begun = wire.time, took;

        get[3] = (uint8_t)i;
        peer.arrived = 3;
        loop_clear(&wire);
        loop_push_at(&wire, peer, get, sizeof get, wire.time);
        CHECK_EQ(loop_pass(&wire, &node, COAP2_LEISURE), COAP2_FOREVER);
        ONLY("5145.... aa c0ff'21.5'");
        CHECK(!wire.sent[0].peer.group);
        CHECK_EQ(wire.sent[0].peer.address[3], 5);
        CHECK_EQ(wire.sent[0].peer.arrived, 3);
        took = wire.sent[0].time - begun;
        if (took < least) least = took;
        if (took > most) most = took;
    }
    CHECK(least < 1000);
    CHECK(most > 4000 && most <= COAP2_LEISURE);
}

static void leisure_is_a_setting(void)
{
    uint32_t wait;

    begin();
    CHECK_EQ(node.leisure, 5000);
    node.leisure = 10;
    wait = LOOP_ASK(&wire, &node, loop_group(1), "50011234 b4'temp'");
    CHECK(wait <= 10 || wire.count == 1);
    CHECK_EQ(loop_pass(&wire, &node, 10), COAP2_FOREVER);
    ONLY("5045.... c0ff'21.5'");
}

static void group_hears_no_errors(void)
{
    begin();
    ASK_GROUP("50011230 b1'x'");
    SILENT();
    ASK_GROUP("50041231 b4'temp'");
    SILENT();
    ASK_GROUP("501f1232 b4'temp'");
    SILENT();
    ASK_GROUP("50011233 b4'temp' 62fde8");
    SILENT();
    shown_code = COAP2_500_INTERNAL_SERVER_ERROR;
    ASK_GROUP("50011234 b5'shown'");
    SILENT();
    ASK_GROUP("50011235 b4'temp' d1ea02");
    SILENT();
    ASK_GROUP("50031236 b5'store' ff'x'");
    ONLY("5041....");
}

static void confirmable_to_a_group_is_dropped(void)
{
    begin();
    ASK_GROUP("40011230 b4'temp'");
    SILENT();
    ASK_GROUP("40001231");
    SILENT();
    ASK_GROUP("50001232");
    SILENT();
    ASK_GROUP("40031233 b5'store' ff'x'");
    SILENT();
    ASK_GROUP("40451234");
    SILENT();
    CHECK_EQ(runs, 0);
}

static void group_repeats_itself(void)
{
    begin();
    ASK_GROUP("50031234 b5'store' ff'x'");
    ONLY("5041....");
    ASK_GROUP("50031234 b5'store' ff'x'");
    SILENT();
    CHECK_EQ(runs, 1);
}

/* As many as can wait; the rest go unanswered, as if they were lost. */
static void groups_beyond_the_table(void)
{
    unsigned i, answered;

    begin();
    loop_clear(&wire);
    for (i = 0; i < 6; i++) {
        uint8_t get[] = {0x50, 1, 0x12, 0, 0xb4, 't', 'e', 'm', 'p'};

        get[3] = (uint8_t)i;
        loop_push_at(&wire, loop_group(1), get, sizeof get, wire.time);
        loop_poll(&wire, &node);
    }
    CHECK_EQ(loop_pass(&wire, &node, COAP2_LEISURE), COAP2_FOREVER);
    answered = wire.count;
    CHECK(answered >= COAP2_MAX_EXCHANGES && answered <= 6);
    ASK("40011234 b4'temp'");
    ONLY("60451234 c0ff'21.5'");
}

/* ---- bound resources ----------------------------------------------------- */

static void bound_is_read(void)
{
    begin();
    ASK("40011230 b7'climate'");
    ONLY("60451230 c0ff'temp=21.5 hum=40 low=4'");
    ASK("40011231 b7'climate' 60");
    ONLY("60451231 c0ff'temp=21.5 hum=40 low=4'");
    ASK("40011232 b7'climate' 6132");
    ONLY("60451232 c132 ff'{\"temp\":21.5,\"hum\":40,\"low\":4}'");
    ASK("40011233 b7'climate' 613c");
    ONLY("60451233 c13c ff a3 64'temp' c4822018d7 63'hum' 1828 63'low' "
         "c482201828");
    ASK("40011234 b7'climate' 6129");
    ONLY("60861234*");
    no_options();
    ASK("40011235 b5'label'");
    ONLY("60451235 c0ff'one'");
    ASK_GROUP("50011236 b7'climate' 6129");
    SILENT();
}

static void bound_is_written(void)
{
    begin();
    ASK("40031230 b7'climate' ff'temp=-3.5 hum=99'");
    ONLY("60441230");
    CHECK(temp10 == -35 && hum == 99);
    CHECK_EQ(writes, 1);
    ASK("40031230 b7'climate' ff'temp=-3.5 hum=99'");
    ONLY("60441230");
    CHECK_EQ(writes, 1);
    ASK("40061231 b7'climate' 10 ff'hum=7'");
    ONLY("60441231");
    CHECK(temp10 == -35 && hum == 7);
    ASK("40071232 b7'climate' 1132 ff'{\"temp\":1}'");
    ONLY("60441232");
    CHECK(temp10 == 10 && hum == 7);
    ASK("50031233 b7'climate' 113c ff a1 63'hum' 08");
    ONLY("5044....");
    CHECK_EQ(hum, 8);
    CHECK_EQ(writes, 4);
    ASK("40031234 b5'label' ff'two'");
    ONLY("60441234");
    CHECK_TEXT(label, "two");
}

/* The answer names the field, and nothing has changed, not even what stood
   before it. */
static void bound_refuses(void)
{
    begin();
    ASK("40031230 b7'climate' ff'temp=1 hum=256'");
    ONLY("60801230 ff'hum: out of range'");
    ASK("40031231 b7'climate' ff'hum=1 temp=1.25'");
    ONLY("60801231 ff'temp: too many decimals'");
    ASK("40031232 b7'climate' 1132 ff'{\"hum\":1,\"wind\":3}'");
    ONLY("60801232 ff'wind: unknown'");
    ASK("40061233 b7'climate' ff'hum=1 low=1'");
    ONLY("60801233 ff'low: read only'");
    ASK("40031234 b7'climate' ff'='");
    ONLY("60801234 ff*");
    no_options();
    ASK("40031235 b7'climate' 1129 ff'hum=1'");
    ONLY("608f1235*");
    no_options();
    ASK("40031236 b5'label' ff'too long'");
    ONLY("60801236 ff*");
    CHECK(temp10 == 215 && hum == 40);
    CHECK_TEXT(label, "one");
    CHECK_EQ(writes, 0);
}

static void bound_has_its_methods(void)
{
    begin();
    ASK("40021230 b7'climate' ff'hum=1'");
    ONLY("60851230*");
    ASK("40041231 b7'climate'");
    ONLY("60851231*");
    ASK("40051232 b7'climate'");
    ONLY("60851232*");
    ASK("40031233 b6'uptime' ff'1'");
    ONLY("60851233*");
    ASK("40061234 b6'uptime' ff'1'");
    ONLY("60851234*");
    ASK("40031235 50 67'climate' ff'hum=1'");
    ONLY("608c1235*");
    CHECK_EQ(writes, 0);
}

/* A bound resource that is larger than the packet, and a name that makes its
   diagnostic so. */
static void bound_that_does_not_fit(void)
{
    begin();
    node.packet = 24;
    ASK("40011230 b7'climate'");
    ONLY("60a01230*");
    ASK("48031231 0102030405060708 b7'climate' ff'a_name_that_is_long=1'");
    CHECK_EQ(wire.sent[0].bytes[1] >> 5 & 6, 4);
    CHECK(wire.sent[0].length <= 24);
    CHECK_EQ(writes, 0);
}

int main(void)
{
    RUN("RFC 7252 5.10.1, 6.4: paths", paths_are_compared_whole);
    RUN("RFC 7252 5.10.1: long paths", long_paths);
    RUN("RFC 7252 5.10.1: wildcard", wildcard_takes_the_rest);
    RUN("RFC 7252 5.8: methods", methods_are_told_apart);
    RUN("RFC 7252 5.8, 5.10.7, RFC 8132: all of them", every_method);
    RUN("RFC 7252 5.8.3, 5.9.1: a life", store_lives);
    RUN("RFC 7252 5.5: payload of GET", payload_of_get_is_ignored);
    RUN("RFC 7252 5.4.1: unknown options", unknown_options);
    RUN("RFC 7252 5.4.1: 300 bytes", long_elective_option);
    RUN("RFC 7252 5.4.3: lengths", options_of_a_wrong_length);
    RUN("RFC 7252 5.4.3: 256 bytes", options_of_256_bytes);
    RUN("RFC 7252 5.4.5: repeats", options_that_come_twice);
    RUN("RFC 7252 5.10.1: host, port, query", uris_of_this_server);
    RUN("RFC 7252 5.10.2: proxies", proxies_are_elsewhere);
    RUN("RFC 7252 5.10.4: Accept", accept_is_heeded);
    RUN("RFC 7252 5.9.2.11: Content-Format", content_format_is_heeded);
    RUN("RFC 7252 5.10.5: Max-Age", max_age_is_sent_where_it_is_not_60);
    RUN("RFC 7252 5.5.2: diagnostics", diagnostics_have_no_format);
    RUN("RFC 7252 5.9: codes", codes_of_handlers);
    RUN("RFC 7252 5.10.6: 2.03", valid_etag);
    RUN("RFC 7252 5.10.6: 2.03, no room", valid_etag_of_what_does_not_fit);
    RUN("RFC 7252 5.10.6: no 2.03", etag_of_something_else);
    RUN("RFC 7252 5.10.8.2: If-None-Match", if_none_match);
    RUN("RFC 7252 5.10.8.1: If-Match", if_match);
    RUN("RFC 7252 5.10.8: without GET", conditions_without_get);
    RUN("RFC 7252 5.10.8: and Accept", conditions_and_accept);
    RUN("RFC 7252 7.2: core", core_lists_what_is_not_hidden);
    RUN("RFC 6690 2: titles", titles_survive);
    RUN("RFC 7252 7.2: methods of core", core_is_read_only);
    RUN("RFC 6690 4.1: filters", core_is_filtered);
    RUN("RFC 6690 4.1: no match", core_without_a_match);
    RUN("RFC 6690 4.1: both sides", server_and_client_filter_alike);
    RUN("RFC 6690 4: too long", core_in_blocks);
    RUN("RFC 7252 8.2: leisure", group_is_answered_at_leisure);
    RUN("RFC 7252 8.2: leisure, set", leisure_is_a_setting);
    RUN("RFC 7252 8.1: errors", group_hears_no_errors);
    RUN("RFC 7252 8.1: CON", confirmable_to_a_group_is_dropped);
    RUN("RFC 7252 4.5, 8.1: twice", group_repeats_itself);
    RUN("RFC 7252 8.2: full table", groups_beyond_the_table);
    RUN("RFC 7252 5.8.1: bound, read", bound_is_read);
    RUN("RFC 7252 5.8.3, RFC 8132: bound, written", bound_is_written);
    RUN("RFC 7252 5.9.2.1: bound, refused", bound_refuses);
    RUN("RFC 7252 5.9.2.6: bound, methods", bound_has_its_methods);
    RUN("RFC 7252 5.9.3.1: bound, too large", bound_that_does_not_fit);
    return test_end();
}
