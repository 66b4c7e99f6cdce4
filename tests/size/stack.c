/* Calls every public entry of the codec on inputs that lead it down its deepest
   ways; stack_node.c has those of the node. */

#include "enter.h"

static uint8_t out[400];
static uint8_t large[270];

/* ---- messages ---------------------------------------------------------- */

static uint8_t request[] = {0x44, 0x01, 0x12, 0x34, 0xde, 0xad, 0xbe, 0xef,
                            0x3b, 'n',  'o',  'd',  'e',  '1',  '.',  'l',
                            'o',  'c',  'a',  'l',  0x87, 's',  'e',  'n',
                            's',  'o',  'r',  's',  0x04, 't',  'e',  'm',
                            'p',  0x46, 'u',  'n',  'i',  't',  '=',  'c',
                            0x81, 0x2e, /* 23, Block2: number 2, szx 6 */
                            0xd4, 24,   1,    2,    3,    4, /* 60, Size1 */
                            0xed, 0,    0,    0,    1,    2,    3,    4,
                            5,    6,    7,    8,    9,    10,   11,   12,
                            13,   0xff, 'o',  'n'};

/* Each is malformed in another way. */
static uint8_t malformed[][8] = {{0x40, 1, 0, 0, 0xe0, 0xff, 0xff},
                                 {0x40, 1, 0, 0, 0xd0},
                                 {0x40, 1, 0, 0, 0x0e, 0, 0},
                                 {0x40, 1, 0, 0, 0xf0},
                                 {0x40, 1, 0, 0, 0x0f},
                                 {0x40, 1, 0, 0, 0xff},
                                 {0x49, 1, 0, 0, 1, 2, 3},
                                 {0x41, 0, 0, 0, 1},
                                 {0x80, 1, 0, 0}};

static int16_t temp10 = 215;
static uint8_t hum = 40;
static char place[8] = "a \"b\"";

COAP2_FIELDS(climate_fields, COAP2_FIELD_RW("temp", COAP2_I16, temp10, -1),
             COAP2_FIELD_RW("hum", COAP2_U8, hum, 0),
             COAP2_FIELD_TEXT_RW("at", place));

/* A half, a single and a double float, a decimal fraction, and a text. */
static const uint8_t floats[] = {0xbf, 0x64, 't',  'e',  'm',  'p',  0xfb,
                                 0x40, 0x35, 0x99, 0x99, 0x99, 0x99, 0x99,
                                 0x9a, 0x63, 'h',  'u',  'm',  0xf9, 0x51,
                                 0x00, 0x62, 'a',  't',  0x61, 'x',  0xff};

static void use_fields(void)
{
    static const uint16_t formats[] = {COAP2_FORMAT_TEXT, COAP2_FORMAT_JSON,
                                       COAP2_FORMAT_CBOR};
    static const char text[] = "temp=22.5 hum=41 at=\"x \\\" y\"";
    static const char json[] =
        "{\"temp\":2.25e1,\"hum\":256,\"at\":\"\\ud83d\\ude00\"}";
    coap2_field_fault fault;
    coap2_writer w;
    uint8_t i;

    for (i = 0; i < 3; i++) {
        coap2_write_start(&w, out, sizeof out);
        coap2_write_header(&w, COAP2_ACK, COAP2_205_CONTENT, 1, NULL, 0);
        ENTER("fields", coap2_fields_write, &w, climate_fields, 3, formats[i]);
    }
    ENTER("fields", coap2_fields_read, climate_fields, 3, COAP2_FORMAT_TEXT,
          (const uint8_t *)text, sizeof text - 1, &fault);
    ENTER("fields", coap2_fields_read, climate_fields, 3, COAP2_FORMAT_JSON,
          (const uint8_t *)json, sizeof json - 1, &fault);
    ENTER("fields", coap2_fields_read, climate_fields, 3, COAP2_FORMAT_CBOR,
          floats, sizeof floats, &fault);
}

static void visit_options(const coap2_msg *msg)
{
    coap2_opt opt;
    coap2_opt_form form;
    coap2_block block;
    uint32_t number;

    opt = msg->options;
    for (;;) {
        ENTER("codec", coap2_opt_next, &opt);
        if (!kept) break;
        ENTER("codec", coap2_opt_uint, &opt, &number);
        ENTER("codec", coap2_opt_is, &opt, "temp");
        ENTER("codec", coap2_opt_known, opt.number, &form);
        ENTER("codec", coap2_block_read, &block, &opt);
    }
    ENTER("codec", coap2_msg_find, msg, COAP2_OPT_SIZE1, &opt);
    ENTER("codec", coap2_msg_find, msg, COAP2_OPT_ECHO, &opt);
    ENTER("codec", coap2_msg_path_equals, msg, PSTR("sensors/temp"));
    ENTER("codec", coap2_msg_path_equals, msg, PSTR("/sensors/tempo"));
    ENTER("codec", coap2_msg_path_equals, msg, PSTR(""));
}

static void read_messages(void)
{
    coap2_msg msg;
    uint8_t i;

    for (i = 0; i < sizeof malformed / sizeof *malformed; i++)
        ENTER("codec", coap2_msg_parse, &msg, malformed[i], 8);
    for (i = 0; i < sizeof request; i++)
        ENTER("codec", coap2_msg_parse, &msg, request, i);
    ENTER("codec", coap2_msg_parse, &msg, request, sizeof request);
    visit_options(&msg);
}

/* ---- writing ----------------------------------------------------------- */

/* Out of order, behind a payload, with extensions that come and go. */
static void write_options(size_t room)
{
    coap2_writer w;
    coap2_block block = {2, 6, true};

    ENTER_VOID("codec", coap2_write_start, &w, out, room);
    ENTER_VOID("codec", coap2_write_header, &w, COAP2_CON, COAP2_002_POST,
               0x1234, request + 4, 8);
    ENTER_VOID("codec", coap2_write_payload, &w, request, 10);
    ENTER_VOID("codec", coap2_write_uint, &w, COAP2_OPT_REQUEST_TAG, 255);
    ENTER_VOID("codec", coap2_write_opt, &w, 2000, request, 20);
    ENTER_VOID("codec", coap2_write_opt, &w, 300, large, sizeof large);
    ENTER_VOID("codec", coap2_write_uint, &w, 1, 0xffffffff);
    ENTER_VOID("codec", coap2_write_uint, &w, 14, 0);
    ENTER_VOID("codec", coap2_write_text, &w, COAP2_OPT_URI_PATH, "sensors");
    ENTER_VOID("codec", coap2_write_text, &w, COAP2_OPT_URI_PATH, "temp");
    ENTER_VOID("codec", coap2_write_text, &w, COAP2_OPT_PROXY_URI, "coap://h");
    ENTER_VOID("codec", coap2_write_block, &w, COAP2_OPT_BLOCK1, &block);
    ENTER_VOID("codec", coap2_write_payload, &w, request, 4);
    ENTER("codec", coap2_write_end, &w);
}

static void write_body(void)
{
    coap2_writer w;
    coap2_block block;

    ENTER("codec", coap2_block_set, &block, 0x12340, 2, true);
    ENTER("codec", coap2_block_set, &block, 0x12345, 2, true);
    coap2_write_start(&w, out, sizeof out);
    coap2_write_header(&w, COAP2_ACK, COAP2_205_CONTENT, 1, out, 0);
    ENTER_VOID("codec", coap2_write_window, &w, 32, 32);
    ENTER_VOID("codec", coap2_write_body, &w, request, 40);
    ENTER_VOID("codec", coap2_write_body, &w, request, 40);
    ENTER("codec", coap2_write_more, &w);
}

/* ---- URIs -------------------------------------------------------------- */

static void read_and_write_uri(const char *text)
{
    coap2_uri uri;
    coap2_msg msg;
    coap2_writer w;
    uint8_t address[16];

    ENTER("uri", coap2_uri_parse, &uri, text, strlen(text));
    ENTER("uri", coap2_uri_address, &uri, address);
    coap2_write_start(&w, out, sizeof out);
    coap2_write_header(&w, COAP2_CON, COAP2_001_GET, 1, out, 0);
    ENTER_VOID("uri", coap2_write_uri, &w, &uri);
    if (coap2_msg_parse(&msg, out, coap2_write_end(&w)) != COAP2_OK) return;
    ENTER("uri", coap2_uri_text, (char *)out + 200, 200, &uri, &msg);
    ENTER("uri", coap2_uri_text, (char *)out + 200, 20, &uri, &msg);
}

/* Uri-Host may hold an address, whose text is checked again. */
static void write_address_of_request(void)
{
    coap2_uri uri;
    coap2_msg msg;
    coap2_writer w;

    (void)coap2_uri_parse(&uri, "coap://h", 8);
    coap2_write_start(&w, out, sizeof out);
    coap2_write_header(&w, COAP2_CON, COAP2_001_GET, 1, out, 0);
    coap2_write_text(&w, COAP2_OPT_URI_HOST, "[2001:db8::192.0.2.1%eth0]");
    coap2_write_uint(&w, COAP2_OPT_URI_PORT, 61616);
    if (coap2_msg_parse(&msg, out, coap2_write_end(&w)) != COAP2_OK) return;
    ENTER("uri", coap2_uri_text, (char *)out + 200, 200, &uri, &msg);
}

static void uris(void)
{
    coap2_uri uri;

    write_address_of_request();
    read_and_write_uri("coap://Node1.Local:61616/a/../b%2f/./c%20/?x=1&y=%26");
    read_and_write_uri("coaps+tcp://[2001:db8::192.0.2.1%25eth0]:1/");
    read_and_write_uri("coap+ws://192.0.2.1?q");
    read_and_write_uri("coap://[1:2:3:4:5:6:7::]/%C3%A4//");
    read_and_write_uri("coap://[1:2:3:4:5:6:7:8:9]/");
    read_and_write_uri("coap://h/%2e%2e/a");
    read_and_write_uri("coap://h/%2");
    read_and_write_uri("coap://h:99999999999/");
    ENTER("uri", coap2_uri_parse_ref, &uri, "../a/%41?x=1", 12);
    ENTER("uri", coap2_uri_parse_ref, &uri, "?x=%4", 5);
}

/* ---- links ------------------------------------------------------------- */

static const char list[] = "</a>;rt=\"x temp\";if=\"core.s\";obs;title=\"a "
                           "\\\"b\\\", c;d\",</b>;ct=40";

static void read_links(void)
{
    coap2_link link;
    coap2_attr attr;
    char text[8];

    ENTER_INTO(link, "links", coap2_links, list, sizeof list - 1);
    for (;;) {
        ENTER("links", coap2_link_next, &link);
        if (!kept) break;
        ENTER("links", coap2_link_matches, &link, "rt=temp", 7);
        ENTER("links", coap2_link_matches, &link, "title=a \"b*", 11);
        ENTER("links", coap2_link_matches, &link, "href=/b", 7);
        ENTER("links", coap2_link_matches, &link, "ct=4*", 5);
        ENTER("links", coap2_link_matches, &link, "obs", 3);
        ENTER("links", coap2_link_find, &link, "title", &attr);
        ENTER_INTO(attr, "links", coap2_link_attrs, &link);
        for (;;) {
            ENTER("links", coap2_attr_next, &attr);
            if (!kept) break;
            ENTER("links", coap2_attr_text, &attr, text, sizeof text);
        }
    }
}

static void write_links(uint32_t at)
{
    coap2_writer w;

    coap2_write_start(&w, out, sizeof out);
    coap2_write_header(&w, COAP2_ACK, COAP2_205_CONTENT, 1, out, 0);
    coap2_write_window(&w, at, 16);
    ENTER_VOID("links", coap2_write_link, &w, "/sensors", 8);
    ENTER_VOID("links", coap2_write_attr, &w, "title", "a \"b\"", 5);
    ENTER_VOID("links", coap2_write_attr, &w, "ct", "40", 2);
    ENTER_VOID("links", coap2_write_attr, &w, "obs", NULL, 0);
    ENTER_VOID("links", coap2_write_link, &w, "/b", 2);
}

/* ---- a serial line ------------------------------------------------------ */

static void put_byte(void *io, uint8_t byte)
{
    (void)io;
    kept = byte;
}

static void frames(void)
{
    static const uint8_t line[] = {0xc0, 'a', 0xdb, 0xdc, 0xc0};
    coap2_slip slip;
    uint8_t i;

    ENTER_VOID("slip", coap2_slip_start, &slip, out, sizeof out);
    for (i = 0; i < sizeof line; i++)
        ENTER("slip", coap2_slip_take, &slip, line[i]);
    ENTER_VOID("slip", coap2_slip_write, put_byte, NULL, line, sizeof line);
}

int main(void)
{
    read_messages();
    write_options(sizeof out);
    write_options(100);
    write_body();
    uris();
    read_links();
    write_links(0);
    write_links(16);
    use_fields();
    frames();
    return 0;
}
