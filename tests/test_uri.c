/* URIs to options and back, and paths (RFC 7252 6, RFC 3986, 6874, 8323 8).
   Options are shown as `number=value`, with \xx for bytes that are not
   visible. */
#include "guard.h"
#define COAP2_IMPLEMENTATION
#include "../coap2.h"
#include "harness.h"

#ifndef PART /* AVR: flash near the start holds a table at a time */
#define PART 0
#endif

enum { PACKET = 160, SHOWN = 160 };

static uint8_t packet[PACKET];
static char shown[SHOWN];

static size_t show_byte(size_t at, uint8_t byte)
{
    static const char digits[] = "0123456789abcdef";

    if (byte > 0x20 && byte < 0x7f && byte != '\\') {
        shown[at++] = (char)byte;
        return at;
    }
    shown[at++] = '\\';
    shown[at++] = digits[byte / 16];
    shown[at++] = digits[byte % 16];
    return at;
}

/* All options of a message, in the notation of the tables. */
static const char *show_options(const coap2_msg *m)
{
    coap2_opt o;
    size_t at = 0, i;

    o = m->options;
    while (coap2_opt_next(&o)) {
        if (at != 0) shown[at++] = ' ';
        if (o.number >= 10) shown[at++] = (char)('0' + o.number / 10);
        shown[at++] = (char)('0' + o.number % 10);
        shown[at++] = '=';
        for (i = 0; i < o.length; i++) at = show_byte(at, o.value[i]);
    }
    shown[at] = '\0';
    return shown;
}

/* The request that a URI makes; false if it cannot be written. */
static int request_of(coap2_msg *m, const coap2_uri *uri)
{
    coap2_writer w;
    size_t n;

    coap2_write_start(&w, packet, sizeof packet);
    coap2_write_header(&w, COAP2_CON, COAP2_001_GET, 1, NULL, 0);
    coap2_write_uri(&w, uri);
    n = coap2_write_end(&w);
    return n != 0 && coap2_msg_parse(m, packet, n) == COAP2_OK;
}

static coap2_result parse(coap2_uri *uri, const char *text)
{
    size_t n = strlen(text);

    return coap2_uri_parse(uri, (const char *)guard_end(text, n), n);
}

/* ---- URIs that are good ------------------------------------------------- */

typedef struct good {
    char uri[80];
    char kind; /* n a name, 4 and 6 an address */
    uint16_t port;
    char options[80];
    char text[80]; /* composed again; empty: as it was */
} good;

#if PART == 0 || PART == 1

static const good goods[] TEST_FLASH = {
    /* RFC 7252 6.1, 6.2; 8323 8: schemes and their ports, either case */
    {"coap://h/a", 'n', 5683, "3=h 11=a", ""},
    {"coaps://h/", 'n', 5684, "3=h", ""},
    {"coap+tcp://h/", 'n', 5683, "3=h", ""},
    {"coaps+tcp://h/", 'n', 5684, "3=h", ""},
    {"coap+ws://h/", 'n', 80, "3=h", ""},
    {"coaps+ws://h/", 'n', 443, "3=h", ""},
    {"COAP://h/", 'n', 5683, "3=h", "coap://h/"},
    {"CoApS://h/", 'n', 5684, "3=h", "coaps://h/"},
    {"CoApS+Ws://h/", 'n', 443, "3=h", "coaps+ws://h/"},
    {"Coap+TCP://h/", 'n', 5683, "3=h", "coap+tcp://h/"},
    /* RFC 7252 6.3: three that are equal */
    {"coap://example.com:5683/~sensors/temp.xml", 'n', 5683,
     "3=example.com 11=~sensors 11=temp.xml",
     "coap://example.com/~sensors/temp.xml"},
    {"coap://EXAMPLE.com/%7Esensors/temp.xml", 'n', 5683,
     "3=example.com 11=~sensors 11=temp.xml",
     "coap://example.com/~sensors/temp.xml"},
    {"coap://EXAMPLE.com:/%7esensors/temp.xml", 'n', 5683,
     "3=example.com 11=~sensors 11=temp.xml",
     "coap://example.com/~sensors/temp.xml"},
    /* RFC 7252 B; the last as 6.5 step 8 has it, which leaves / and ? of a
       query as they are */
    {"coap://[2001:db8::2:1]/", '6', 5683, "", ""},
    {"coap://example.net/", 'n', 5683, "3=example.net", ""},
    {"coap://example.net/.well-known/core", 'n', 5683,
     "3=example.net 11=.well-known 11=core", ""},
    {"coap://xn--18j4d.example/%E3%81%93%E3%82%93%E3%81%AB%E3%81%A1", 'n', 5683,
     "3=xn--18j4d.example 11=\\e3\\81\\93\\e3\\82\\93\\e3\\81\\ab\\e3\\81\\a1",
     ""},
    {"coap://198.51.100.1:61616//%2F//?%2F%2F&?%26", '4', 61616,
     "11= 11=/ 11= 11= 15=// 15=?&",
     "coap://198.51.100.1:61616//%2F//?//&?%26"},
    /* ports (6.4 step 6, 6.5 step 5) */
    {"coap://h:/a", 'n', 5683, "3=h 11=a", "coap://h/a"},
    {"coap://h:", 'n', 5683, "3=h", "coap://h/"},
    {"coap://h:0/", 'n', 0, "3=h", ""},
    {"coap://h:1", 'n', 1, "3=h", "coap://h:1/"},
    {"coap://h:10/", 'n', 10, "3=h", ""},
    {"coap://h:999/", 'n', 999, "3=h", ""},
    {"coap://h:1000/", 'n', 1000, "3=h", ""},
    {"coap://h:65535/", 'n', 65535, "3=h", ""},
    {"coap://h:05683/", 'n', 5683, "3=h", "coap://h/"},
    {"coap://h:0000000000080/", 'n', 80, "3=h", "coap://h:80/"},
    {"coap://h:5684/", 'n', 5684, "3=h", ""},
    {"coaps://h:5683/", 'n', 5683, "3=h", ""},
    {"coaps://h:5684/", 'n', 5684, "3=h", "coaps://h/"},
    {"coap+ws://h:80/", 'n', 80, "3=h", "coap+ws://h/"},
    {"coap+ws://h:5683/", 'n', 5683, "3=h", ""},
    {"coaps+ws://h:80/", 'n', 80, "3=h", ""},
    {"coap://h:80?q", 'n', 80, "3=h 15=q", "coap://h:80/?q"},
    /* names (6.4 step 5) */
    {"coap://EXAMPLE.com", 'n', 5683, "3=example.com", "coap://example.com/"},
    {"coap://a-b.c_d~e/", 'n', 5683, "3=a-b.c_d~e", ""},
    {"coap://!$&'()*+,;=/", 'n', 5683, "3=!$&'()*+,;=", ""},
    {"coap://ex%2Dample/", 'n', 5683, "3=ex-ample", "coap://ex-ample/"},
    {"coap://h%c3%A9/", 'n', 5683, "3=h\\c3\\a9", "coap://h%C3%A9/"},
    {"coap://node1.local/x", 'n', 5683, "3=node1.local 11=x", ""},
    {"coap://a.", 'n', 5683, "3=a.", "coap://a./"},
    {"coap://x234567890123456789012345678901234567890.example/", 'n', 5683,
     "3=x234567890123456789012345678901234567890.example", ""},
    /* IPv4 addresses, and names that only look so (RFC 3986 3.2.2) */
    {"coap://127.0.0.1/", '4', 5683, "", ""},
    {"coap://0.0.0.0/", '4', 5683, "", ""},
    {"coap://255.255.255.255:1/a", '4', 1, "11=a", ""},
    {"coap://1.2.3.256/", 'n', 5683, "3=1.2.3.256", ""},
    {"coap://1.2.3/", 'n', 5683, "3=1.2.3", ""},
    {"coap://1.2.3.4.5/", 'n', 5683, "3=1.2.3.4.5", ""},
    {"coap://1.2.3.4./", 'n', 5683, "3=1.2.3.4.", ""},
    {"coap://01.2.3.4/", 'n', 5683, "3=01.2.3.4", ""},
    {"coap://1.2.3.04/", 'n', 5683, "3=1.2.3.04", ""},
    {"coap://1.2.3.4x/", 'n', 5683, "3=1.2.3.4x", ""},
    {"coap://1.2.3.1000/", 'n', 5683, "3=1.2.3.1000", ""},
    {"coap://1..3.4/", 'n', 5683, "3=1..3.4", ""},
    {"coap://1234/", 'n', 5683, "3=1234", ""},
    /* IPv6 addresses (RFC 3986 3.2.2) */
    {"coap://[::]/", '6', 5683, "", ""},
    {"coap://[::1]/", '6', 5683, "", ""},
    {"coap://[1::]/", '6', 5683, "", ""},
    {"coap://[1::8]/", '6', 5683, "", ""},
    {"coap://[1:2:3:4:5:6:7:8]/", '6', 5683, "", ""},
    {"coap://[::3:4:5:6:7:8]/", '6', 5683, "", ""},
    {"coap://[1:2:3:4:5:6::]/", '6', 5683, "", ""},
    {"coap://[1:2:3::6:7:8]/", '6', 5683, "", ""},
    {"coap://[2001:DB8::A]/", '6', 5683, "", "coap://[2001:db8::a]/"},
    {"coap://[ff02::fd]:5683/a", '6', 5683, "11=a", "coap://[ff02::fd]/a"},
    {"coap://[::1]", '6', 5683, "", "coap://[::1]/"},
    {"coap://[::1]?q", '6', 5683, "15=q", "coap://[::1]/?q"},
    {"coap://[::1]:61616/a?b", '6', 61616, "11=a 15=b", ""},
    {"coap://[::ffff:1.2.3.4]/", '6', 5683, "", ""},
    {"coap://[64:ff9b::192.0.2.33]/", '6', 5683, "",
     "coap://[64:ff9b::c000:221]/"},
    /* written as RFC 5952 4 and 5 have it */
    {"coap://[2001:0DB8:0:0:0:0:0:1]/", '6', 5683, "", "coap://[2001:db8::1]/"},
    {"coap://[1:0:0:2:0:0:0:3]/", '6', 5683, "", "coap://[1:0:0:2::3]/"},
    {"coap://[1:0:0:2:3:0:0:4]/", '6', 5683, "", "coap://[1::2:3:0:0:4]/"},
    {"coap://[1:2:3:4:5:6:0:0]/", '6', 5683, "", "coap://[1:2:3:4:5:6::]/"},
    {"coap://[0:0:0:0:0:0:0:0]/", '6', 5683, "", "coap://[::]/"},
    {"coap://[1:0:2:3:4:5:6:7]/", '6', 5683, "", "coap://[1:0:2:3:4:5:6:7]/"},
    {"coap://[0:0:0:0:0:ffff:c000:221]/", '6', 5683, "",
     "coap://[::ffff:192.0.2.33]/"},
    /* zones (RFC 6874), and a bare % as people write it */
    {"coap://[fe80::1%25eth0]/", '6', 5683, "", ""},
    {"coap://[fe80::1%eth0]/", '6', 5683, "", "coap://[fe80::1%25eth0]/"},
    {"coap://[fe80::1%251]:1/", '6', 1, "", ""},
    {"coap://[fe80::1%3]/", '6', 5683, "", "coap://[fe80::1%253]/"},
    {"coap://[fe80::1%25en-0.1_a~]/a", '6', 5683, "11=a", ""},
    {"coap://[fe80::1%25a%20b]/", '6', 5683, "", ""},
    {"coap://[FE80::1%25ETH0]/", '6', 5683, "", "coap://[fe80::1%25ETH0]/"},
};

#endif
#if PART == 0 || PART == 2

static const good paths[] TEST_FLASH = {
    /* segments (6.4 step 8), decoded exactly once */
    {"coap://h", 'n', 5683, "3=h", "coap://h/"},
    {"coap://h/", 'n', 5683, "3=h", ""},
    {"coap://h//", 'n', 5683, "3=h 11= 11=", ""},
    {"coap://h///", 'n', 5683, "3=h 11= 11= 11=", ""},
    {"coap://h/a/", 'n', 5683, "3=h 11=a 11=", ""},
    {"coap://h//a", 'n', 5683, "3=h 11= 11=a", ""},
    {"coap://h/a//b", 'n', 5683, "3=h 11=a 11= 11=b", ""},
    {"coap://h/A/a", 'n', 5683, "3=h 11=A 11=a", ""},
    {"coap://h/%2F", 'n', 5683, "3=h 11=/", ""},
    {"coap://h/a%2fb", 'n', 5683, "3=h 11=a/b", "coap://h/a%2Fb"},
    {"coap://h/%61%2D", 'n', 5683, "3=h 11=a-", "coap://h/a-"},
    {"coap://h/%20", 'n', 5683, "3=h 11=\\20", ""},
    {"coap://h/a%00", 'n', 5683, "3=h 11=a\\00", ""},
    {"coap://h/%fF%7f", 'n', 5683, "3=h 11=\\ff\\7f", "coap://h/%FF%7F"},
    {"coap://h/-._~!$&'()*+,;=:@", 'n', 5683, "3=h 11=-._~!$&'()*+,;=:@", ""},
    {"coap://h/%3f%23%5b%5D", 'n', 5683, "3=h 11=?#[]",
     "coap://h/%3F%23%5B%5D"},
    {"coap://h/%22%3C%3E%5C%5E%60%7B%7C%7D", 'n', 5683, "3=h 11=\"<>\\5c^`{|}",
     ""},
    {"coap://h/%25", 'n', 5683, "3=h 11=%", ""},
    {"coap://h/%2541", 'n', 5683, "3=h 11=%41", ""},
    {"coap://h/:a", 'n', 5683, "3=h 11=:a", ""},
    {"coap://h/0aZ9", 'n', 5683, "3=h 11=0aZ9", ""},
    /* dot segments: RFC 3986 5.4.1 and 5.4.2, merged with their base */
    {"coap://a/b/c/g", 'n', 5683, "3=a 11=b 11=c 11=g", ""},
    {"coap://a/b/c/./g", 'n', 5683, "3=a 11=b 11=c 11=g", "coap://a/b/c/g"},
    {"coap://a/b/c/;x", 'n', 5683, "3=a 11=b 11=c 11=;x", ""},
    {"coap://a/b/c/.", 'n', 5683, "3=a 11=b 11=c 11=", "coap://a/b/c/"},
    {"coap://a/b/c/./", 'n', 5683, "3=a 11=b 11=c 11=", "coap://a/b/c/"},
    {"coap://a/b/c/..", 'n', 5683, "3=a 11=b 11=", "coap://a/b/"},
    {"coap://a/b/c/../", 'n', 5683, "3=a 11=b 11=", "coap://a/b/"},
    {"coap://a/b/c/../g", 'n', 5683, "3=a 11=b 11=g", "coap://a/b/g"},
    {"coap://a/b/c/../..", 'n', 5683, "3=a", "coap://a/"},
    {"coap://a/b/c/../../", 'n', 5683, "3=a", "coap://a/"},
    {"coap://a/b/c/../../g", 'n', 5683, "3=a 11=g", "coap://a/g"},
    {"coap://a/b/c/../../../g", 'n', 5683, "3=a 11=g", "coap://a/g"},
    {"coap://a/b/c/../../../../g", 'n', 5683, "3=a 11=g", "coap://a/g"},
    {"coap://a/./g", 'n', 5683, "3=a 11=g", "coap://a/g"},
    {"coap://a/../g", 'n', 5683, "3=a 11=g", "coap://a/g"},
    {"coap://a/b/c/g.", 'n', 5683, "3=a 11=b 11=c 11=g.", ""},
    {"coap://a/b/c/.g", 'n', 5683, "3=a 11=b 11=c 11=.g", ""},
    {"coap://a/b/c/g..", 'n', 5683, "3=a 11=b 11=c 11=g..", ""},
    {"coap://a/b/c/..g", 'n', 5683, "3=a 11=b 11=c 11=..g", ""},
    {"coap://a/b/c/./../g", 'n', 5683, "3=a 11=b 11=g", "coap://a/b/g"},
    {"coap://a/b/c/./g/.", 'n', 5683,
     "3=a 11=b 11=c 11=g 11=", "coap://a/b/c/g/"},
    {"coap://a/b/c/g/./h", 'n', 5683, "3=a 11=b 11=c 11=g 11=h",
     "coap://a/b/c/g/h"},
    {"coap://a/b/c/g/../h", 'n', 5683, "3=a 11=b 11=c 11=h", "coap://a/b/c/h"},
    {"coap://a/b/c/g;x=1/./y", 'n', 5683, "3=a 11=b 11=c 11=g;x=1 11=y",
     "coap://a/b/c/g;x=1/y"},
    {"coap://a/b/c/g;x=1/../y", 'n', 5683, "3=a 11=b 11=c 11=y",
     "coap://a/b/c/y"},
    {"coap://a/b/c/g?y/./x", 'n', 5683, "3=a 11=b 11=c 11=g 15=y/./x", ""},
    {"coap://a/b/c/g?y/../x", 'n', 5683, "3=a 11=b 11=c 11=g 15=y/../x", ""},
    {"coap://h/a/b/c/./../../g", 'n', 5683, "3=h 11=a 11=g", "coap://h/a/g"},
    {"coap://h/mid/content=5/../6", 'n', 5683, "3=h 11=mid 11=6",
     "coap://h/mid/6"},
    {"coap://h/a/../b", 'n', 5683, "3=h 11=b", "coap://h/b"},
    {"coap://h/..", 'n', 5683, "3=h", "coap://h/"},
    {"coap://h/.", 'n', 5683, "3=h", "coap://h/"},
    {"coap://h//..", 'n', 5683, "3=h", "coap://h/"},
    {"coap://h//../a", 'n', 5683, "3=h 11=a", "coap://h/a"},
    {"coap://h/.//", 'n', 5683, "3=h 11= 11=", "coap://h//"},
    {"coap://h/...", 'n', 5683, "3=h 11=...", ""},
    {"coap://h/%2e%2E%2e", 'n', 5683, "3=h 11=...", "coap://h/..."},
    {"coap://h/.%61", 'n', 5683, "3=h 11=.a", "coap://h/.a"},
    /* queries (6.4 step 9, 6.5 step 8; behaviour 33: empty is legal) */
    {"coap://h?q", 'n', 5683, "3=h 15=q", "coap://h/?q"},
    {"coap://h?", 'n', 5683, "3=h 15=", "coap://h/?"},
    {"coap://h/?", 'n', 5683, "3=h 15=", ""},
    {"coap://h/?a&b", 'n', 5683, "3=h 15=a 15=b", ""},
    {"coap://h/?&", 'n', 5683, "3=h 15= 15=", ""},
    {"coap://h/?a&&b", 'n', 5683, "3=h 15=a 15= 15=b", ""},
    {"coap://h/?a=b=c", 'n', 5683, "3=h 15=a=b=c", ""},
    {"coap://h/?%26", 'n', 5683, "3=h 15=&", ""},
    {"coap://h/?%3d", 'n', 5683, "3=h 15==", "coap://h/?="},
    {"coap://h/?/?:@", 'n', 5683, "3=h 15=/?:@", ""},
    {"coap://h/?a+b%2B", 'n', 5683, "3=h 15=a+b+", "coap://h/?a+b+"},
    {"coap://h/?%2e%2e", 'n', 5683, "3=h 15=..", "coap://h/?.."},
    {"coap://h/?%23%5B%25", 'n', 5683, "3=h 15=#[%", ""},
    {"coap://h/a?-._~!$'()*+,;=", 'n', 5683, "3=h 11=a 15=-._~!$'()*+,;=", ""},
};

#endif

#if PART != 3

static uint8_t kind_of(char letter)
{
    if (letter == 'n') return COAP2_HOST_NAME;
    return letter == '4' ? COAP2_HOST_IPV4 : COAP2_HOST_IPV6;
}

/* Composed text of every size: all that fit, none that does not. */
static void check_text(const coap2_uri *uri, const coap2_msg *m,
                       const char *want)
{
    static char text[96];
    size_t n = strlen(want), size, wrong = 0;

    for (size = 0; size <= n + 2; size++) {
        size_t got;

        memset(text, 'Z', sizeof text);
        got = coap2_uri_text(text, size, uri, m);
        wrong += got != (size > n ? n : 0) || text[size] != 'Z';
    }
    CHECK_EQ(wrong, 0);
    CHECK_BYTES(text, strlen(text), want, n);
}

static void check_good(const good *g)
{
    const char *text = g->text[0] != '\0' ? g->text : g->uri;
    coap2_uri uri, again;
    coap2_msg m;

    CHECK_EQ(parse(&uri, g->uri), COAP2_OK);
    CHECK_EQ(uri.kind, kind_of(g->kind));
    CHECK_EQ(uri.port, g->port);
    (void)coap2_uri_parse(&uri, g->uri, strlen(g->uri));
    CHECK(request_of(&m, &uri));
    CHECK_TEXT(show_options(&m), g->options);
    check_text(&uri, &m, text);
    /* and what was composed makes the same request */
    CHECK_EQ(parse(&again, text), COAP2_OK);
    CHECK(again.scheme == uri.scheme && again.port == uri.port);
    (void)coap2_uri_parse(&again, text, strlen(text));
    CHECK(request_of(&m, &again));
    CHECK_TEXT(show_options(&m), g->options);
}

static void check_goods(const good *table, unsigned rows)
{
    unsigned i;

    for (i = 0; i < rows; i++) {
        static good g;

        test_row = i + 1;
        TEST_FETCH(&g, &table[i]);
        check_good(&g);
    }
}

#endif
#if PART == 0 || PART == 1

static void good_hosts(void)
{
    check_goods(goods, sizeof goods / sizeof goods[0]);
}

static void schemes(void)
{
    coap2_uri uri;

    CHECK_EQ(parse(&uri, "coap://h"), COAP2_OK);
    CHECK_EQ(uri.scheme, COAP2_SCHEME_COAP);
    CHECK_EQ(parse(&uri, "COAPS://h"), COAP2_OK);
    CHECK_EQ(uri.scheme, COAP2_SCHEME_COAPS);
    CHECK_EQ(parse(&uri, "coap+tcp://h"), COAP2_OK);
    CHECK_EQ(uri.scheme, COAP2_SCHEME_COAP_TCP);
    CHECK_EQ(parse(&uri, "coaps+tcp://h"), COAP2_OK);
    CHECK_EQ(uri.scheme, COAP2_SCHEME_COAPS_TCP);
    CHECK_EQ(parse(&uri, "coap+ws://h"), COAP2_OK);
    CHECK_EQ(uri.scheme, COAP2_SCHEME_COAP_WS);
    CHECK_EQ(parse(&uri, "coaps+ws://h"), COAP2_OK);
    CHECK_EQ(uri.scheme, COAP2_SCHEME_COAPS_WS);
}

/* The view points into the text, which stays as it was written. */
static void views(void)
{
    static const char text[] = "coap://[FE80::1%25e]:7/%41/../b?x&%79";
    coap2_uri uri;

    CHECK_EQ(coap2_uri_parse(&uri, text, strlen(text)), COAP2_OK);
    CHECK_BYTES(uri.host, uri.host_length, "FE80::1%25e", 11);
    CHECK_BYTES(uri.path, uri.path_length, "/%41/../b", 9);
    CHECK_BYTES(uri.query, uri.query_length, "x&%79", 5);
    CHECK(uri.host == text + 8 && uri.port == 7);
    CHECK_EQ(coap2_uri_parse(&uri, "coap://h", 8), COAP2_OK);
    CHECK(uri.path_length == 0 && uri.query == NULL);
    CHECK_EQ(coap2_uri_parse(&uri, "coap://h/?", 10), COAP2_OK);
    CHECK(uri.path_length == 1);
    CHECK(uri.query != NULL && uri.query_length == 0);
}

/* Lower-cased, then decoded: an encoded letter keeps its case (6.4 step 5). */
static void encoded_letters_of_a_host(void)
{
    coap2_uri uri;
    coap2_msg m;

    CHECK_EQ(coap2_uri_parse(&uri, "coap://E%58%5a", 14), COAP2_OK);
    CHECK(request_of(&m, &uri));
    CHECK_TEXT(show_options(&m), "3=eXZ");
}

typedef struct address_row {
    char uri[48];
    uint8_t length, bytes[16];
} address_row;

static const address_row addresses[] TEST_FLASH = {
    {"coap://1.2.3.4", 4, {1, 2, 3, 4}},
    {"coap://255.0.20.100", 4, {255, 0, 20, 100}},
    {"coap://[::]", 16, {0}},
    {"coap://[::1]", 16, {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1}},
    {"coap://[1::]", 16, {0, 1}},
    {"coap://[fF02::Fd]",
     16,
     {255, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xfd}},
    {"coap://[2001:db8::2:1]",
     16,
     {0x20, 1, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2, 0, 1}},
    {"coap://[1:2:3:4:5:6:7:8]",
     16,
     {0, 1, 0, 2, 0, 3, 0, 4, 0, 5, 0, 6, 0, 7, 0, 8}},
    {"coap://[1:2:3:4:5:6:7::]",
     16,
     {0, 1, 0, 2, 0, 3, 0, 4, 0, 5, 0, 6, 0, 7, 0, 0}},
    {"coap://[::2:3:4:5:6:7:8]",
     16,
     {0, 0, 0, 2, 0, 3, 0, 4, 0, 5, 0, 6, 0, 7, 0, 8}},
    {"coap://[1:2:3::7:8]",
     16,
     {0, 1, 0, 2, 0, 3, 0, 0, 0, 0, 0, 0, 0, 7, 0, 8}},
    {"coap://[0001:0:0:0:0:0:0:0aBc]",
     16,
     {0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x0a, 0xbc}},
    {"coap://[::ffff:192.0.2.33]",
     16,
     {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 255, 255, 192, 0, 2, 33}},
    {"coap://[::1.2.3.4]",
     16,
     {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 2, 3, 4}},
    {"coap://[1:2:3:4:5:6:7.8.9.10]",
     16,
     {0, 1, 0, 2, 0, 3, 0, 4, 0, 5, 0, 6, 7, 8, 9, 10}},
    {"coap://[1:2:3:4:5::7.8.9.10]",
     16,
     {0, 1, 0, 2, 0, 3, 0, 4, 0, 5, 0, 0, 7, 8, 9, 10}},
    {"coap://[fe80::1%25eth0]",
     16,
     {0xfe, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1}},
    {"coap://[fe80::1%7]:1/",
     16,
     {0xfe, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1}},
    {"coap://1.2.3.256", 0, {0}},
    {"coap://h", 0, {0}},
};

static void address_bytes(void)
{
    unsigned i;

    for (i = 0; i < sizeof addresses / sizeof addresses[0]; i++) {
        address_row r;
        uint8_t bytes[16];
        coap2_uri uri;

        test_row = i + 1;
        TEST_FETCH(&r, &addresses[i]);
        CHECK_EQ(coap2_uri_parse(&uri, r.uri, strlen(r.uri)), COAP2_OK);
        CHECK_EQ(coap2_uri_address(&uri, bytes), r.length);
        CHECK_BYTES(bytes, r.length, r.bytes, r.length);
    }
}

#endif
#if PART == 0 || PART == 2

static void good_paths(void)
{
    check_goods(paths, sizeof paths / sizeof paths[0]);
}

#endif

/* ---- URIs that are bad, and where --------------------------------------- */

#if PART == 0 || PART == 3

enum { SOMEWHERE = 255 };

typedef struct bad {
    char uri[44];
    uint8_t fault_at;
} bad;

static const bad bads[] TEST_FLASH = {
    /* another scheme (6.4 step 3), no absolute URI (step 1) */
    {"", 0},
    {"h", 0},
    {"/a", 0},
    {"//h/a", 0},
    {"http://h/", 0},
    {" coap://h/", 0},
    {"coa", SOMEWHERE},
    {"coap", SOMEWHERE},
    {"coap:", SOMEWHERE},
    {"coap:/", SOMEWHERE},
    {"coap:h", SOMEWHERE},
    {"coap:/h", SOMEWHERE},
    {"coap2://h/", SOMEWHERE},
    {"coapx://h/", SOMEWHERE},
    {"coap+://h/", SOMEWHERE},
    {"coap+udp://h/", SOMEWHERE},
    {"coap+tcps://h/", SOMEWHERE},
    {"coap+tls://h/", SOMEWHERE},
    {"coaps+wss://h/", SOMEWHERE},
    {"coapss://h/", SOMEWHERE},
    /* no host (6.1) */
    {"coap://", 7},
    {"coap:///", 7},
    {"coap:///a", 7},
    {"coap://:5683/", 7},
    {"coap://?x", 7},
    {"coap://::1/", 7},
    {"coap://#", 7},
    /* user information is no part of the scheme (6.1) */
    {"coap://u@h/", 8},
    {"coap://u:p@h/", 9},
    {"coap://@h/", 7},
    {"coap://u:1@h/", 10},
    /* a fragment (6.4 step 4) */
    {"coap://h#f", 8},
    {"coap://h/#", 9},
    {"coap://h/a#f", 10},
    {"coap://h/?a#f", 11},
    {"coap://h:1#f", 10},
    /* ports; libcoap 3c912573 */
    {"coap://h:65536/", 9},
    {"coap://h:99999/", 9},
    {"coap://h:99999999999/", 9},
    {"coap://h:4294972979/", 9},
    {"coap://h:18446744073709557299/", 9},
    {"coap://[::1]:65536", 13},
    {"coap://h:a/", 9},
    {"coap://h:1a/", 10},
    {"coap://h:-1/", 9},
    {"coap://h:+1/", 9},
    {"coap://h:1 /", 10},
    {"coap://h:1:2/", 10},
    {"coap://h::/", 9},
    {"coap://h:%31/", 9},
    /* percent sequences; libcoap c0572443, 298a11e2, #1213, PR#1855 */
    {"coap://h/%", 9},
    {"coap://h/%A", 9},
    {"coap://h/%zz", 9},
    {"coap://h/%4g", 9},
    {"coap://h/%g4", 9},
    {"coap://h/%%41", 9},
    {"coap://h/a%", 10},
    {"coap://h/a%2", 10},
    {"coap://h/%41%4", 12},
    {"coap://h/% 41", 9},
    {"coap://h/?%", 10},
    {"coap://h/?a=%1", 12},
    {"coap://h%", 8},
    {"coap://h%/", 8},
    {"coap://%zz/", 7},
    {"coap://%4", 7},
    /* bytes that must be encoded (RFC 3986 2) */
    {"coap://h/a b", 10},
    {"coap://h/a\t", 10},
    {"coap://h/a\n", 10},
    {"coap://h/\x01", 9},
    {"coap://h/\x7f", 9},
    {"coap://h/\xc3\xa9", 9},
    {"coap://h\xc3\xa9/", 8},
    {"coap://h/?\xff", 10},
    {"coap://h h/", 8},
    {"coap://h/\"", 9},
    {"coap://h/<", 9},
    {"coap://h/>", 9},
    {"coap://h/\\", 9},
    {"coap://h/^", 9},
    {"coap://h/`", 9},
    {"coap://h/{", 9},
    {"coap://h/|", 9},
    {"coap://h/}", 9},
    {"coap://h/[", 9},
    {"coap://h/]", 9},
    {"coap://h/?[", 10},
    {"coap://h\\a", 8},
    {"coap://h]/", 8},
    {"coap://a[::1]/", 8},
    {"coap://h/ ", 9},
    {"coap://h ", 8},
    /* segments that decode to a dot segment (5.10.1) */
    {"coap://h/%2e", 9},
    {"coap://h/%2E%2e", 9},
    {"coap://h/.%2e", 9},
    {"coap://h/%2e.", 9},
    {"coap://h/a/%2e%2e/b", 11},
    {"coap://h/a/%2e/..", 11},
    {"coap://h/a/..%2e/%2e", 17},
    /* IPv6 addresses (RFC 3986 3.2.2) */
    {"coap://[", SOMEWHERE},
    {"coap://[::1", SOMEWHERE},
    {"coap://[::1/", SOMEWHERE},
    {"coap://[]/", SOMEWHERE},
    {"coap://[:]/", SOMEWHERE},
    {"coap://[:::]/", SOMEWHERE},
    {"coap://[::::]/", SOMEWHERE},
    {"coap://[1]/", SOMEWHERE},
    {"coap://[1:2:3:4:5:6:7]/", SOMEWHERE},
    {"coap://[1:2:3:4:5:6:7:8:9]/", SOMEWHERE},
    {"coap://[1:2:3:4:5:6:7:8:]/", SOMEWHERE},
    {"coap://[1:2:3:4:5:6:7:8::]/", SOMEWHERE},
    {"coap://[::1:2:3:4:5:6:7:8]/", SOMEWHERE},
    {"coap://[1:2:3:4::5:6:7:8]/", SOMEWHERE},
    {"coap://[:1:2:3:4:5:6:7]/", SOMEWHERE},
    {"coap://[:1::2]/", SOMEWHERE},
    {"coap://[1:2:3:4:5:6:7:]/", SOMEWHERE},
    {"coap://[1::2:]/", SOMEWHERE},
    {"coap://[1::2::3]/", SOMEWHERE},
    {"coap://[::g]/", SOMEWHERE},
    {"coap://[12345::]/", SOMEWHERE},
    {"coap://[::00001]/", SOMEWHERE},
    {"coap://[::1.2.3]/", SOMEWHERE},
    {"coap://[::1.2.3.]/", SOMEWHERE},
    {"coap://[::1.2.3.256]/", SOMEWHERE},
    {"coap://[::01.2.3.4]/", SOMEWHERE},
    {"coap://[::1.2.3.4:5]/", SOMEWHERE},
    {"coap://[::1.2.3.4.5]/", SOMEWHERE},
    {"coap://[1.2.3.4]/", SOMEWHERE},
    {"coap://[1.2.3.4::]/", SOMEWHERE},
    {"coap://[1:2:3:4:5:6:7:1.2.3.4]/", SOMEWHERE},
    {"coap://[1:2:3:4:5:6::1.2.3.4]/", SOMEWHERE},
    {"coap://[::1 ]/", SOMEWHERE},
    {"coap://[v1.x]/", SOMEWHERE},
    {"coap://[h]/", SOMEWHERE},
    {"coap://[::1]x/", 12},
    {"coap://[::1]]/", 12},
    {"coap://[::1]%25e/", 12},
    {"coap://[::1%]/", SOMEWHERE},
    {"coap://[%25eth0]/", SOMEWHERE},
    {"coap://[fe80::1%25 a]/", SOMEWHERE},
    {"coap://[fe80::1%25a:b]/", SOMEWHERE},
    {"coap://[fe80::1%25%zz]/", SOMEWHERE},
    {"coap://[fe80::1%25a%2]/", SOMEWHERE},
    {"coap://[fe80::1%25a/b]/", SOMEWHERE},
};

static void bad_uris(void)
{
    unsigned i;

    for (i = 0; i < sizeof bads / sizeof bads[0]; i++) {
        bad b;
        coap2_uri uri;

        test_row = i + 1;
        TEST_FETCH(&b, &bads[i]);
        CHECK(parse(&uri, b.uri) == COAP2_ERR_FORMAT);
        CHECK(uri.fault_at <= strlen(b.uri));
        if (b.fault_at != SOMEWHERE) CHECK_EQ(uri.fault_at, b.fault_at);
    }
}

/* Each truncation of a long URI, at the unmapped page. */
static void truncated_uris(void)
{
    static const char text[] =
        "coaps+tcp://[fe80::a:1.2.3.4%25e%201]:61616/a%2Fb/../c?d=%26&e";
    size_t n;

    for (n = 0; n < sizeof text; n++) {
        coap2_uri uri;
        const char *at = (const char *)guard_end(text, n);
        coap2_result got = coap2_uri_parse(&uri, at, n);

        test_row = (unsigned)n + 1;
        CHECK(got == COAP2_OK || uri.fault_at <= n);
        /* the host ends at 37; later only a cut sequence is wrong */
        CHECK((got == COAP2_OK) ==
              (n >= 37 && text[n - 1] != '%' && text[n - 2] != '%'));
    }
}

/* ---- relative references (RFC 3986 4.2) --------------------------------- */

typedef struct reference {
    char text[28];
    uint8_t fault_at; /* SOMEWHERE: none */
    char options[40];
} reference;

static const reference references[] TEST_FLASH = {
    {"/temp?x=1", SOMEWHERE, "11=temp 15=x=1"},
    {"temp", SOMEWHERE, "11=temp"},
    {"?x=1", SOMEWHERE, "15=x=1"}, /* RIOT 0fa04a3d57 */
    {"?", SOMEWHERE, "15="},
    {"", SOMEWHERE, ""},
    {"/", SOMEWHERE, ""},
    {"a/b", SOMEWHERE, "11=a 11=b"},
    {"/a/b/", SOMEWHERE, "11=a 11=b 11="},
    {"a/", SOMEWHERE, "11=a 11="},
    {"a//b", SOMEWHERE, "11=a 11= 11=b"},
    {"./a", SOMEWHERE, "11=a"},
    {"../a", SOMEWHERE, "11=a"},
    {"../../a", SOMEWHERE, "11=a"},
    {"a/../b", SOMEWHERE, "11=b"},
    {"mid/content=5/../6", SOMEWHERE, "11=mid 11=6"},
    {".", SOMEWHERE, ""},
    {"..", SOMEWHERE, ""},
    {"a/.", SOMEWHERE, "11=a 11="},
    {"./a:b", SOMEWHERE, "11=a:b"},
    {"/a:b", SOMEWHERE, "11=a:b"},
    {"a/b:c", SOMEWHERE, "11=a 11=b:c"},
    {"?a:b", SOMEWHERE, "15=a:b"},
    {"%41?%26&b", SOMEWHERE, "11=A 15=& 15=b"},
    {"/.well-known/core?rt=a*", SOMEWHERE, "11=.well-known 11=core 15=rt=a*"},
    {"a:b", 1, ""},
    {":", 0, ""},
    {"coap://h/", 4, ""},
    {"#f", 0, ""},
    {"/a#f", 2, ""},
    {"/%", 1, ""},
    {"%A", 0, ""},
    {"/a b", 2, ""},
    {"?a^", 2, ""},
    {"%2e%2e", 0, ""},
    {"/a/%2e", 3, ""},
    {"[", 0, ""},
};

static void relative_references(void)
{
    unsigned i;

    for (i = 0; i < sizeof references / sizeof references[0]; i++) {
        reference r;
        coap2_uri uri;
        coap2_msg m;
        size_t n;
        coap2_result got;

        test_row = i + 1;
        TEST_FETCH(&r, &references[i]);
        n = strlen(r.text);
        got = coap2_uri_parse_ref(&uri, (const char *)guard_end(r.text, n), n);
        CHECK(got == (r.fault_at == SOMEWHERE ? COAP2_OK : COAP2_ERR_FORMAT));
        if (r.fault_at != SOMEWHERE) {
            CHECK_EQ(uri.fault_at, r.fault_at);
            continue;
        }
        CHECK_EQ(uri.kind, COAP2_HOST_NONE);
        CHECK(request_of(&m, &uri));
        CHECK_TEXT(show_options(&m), r.options);
    }
}

/* "//h/a" names a host, and is not for this call. */
static void network_path_reference(void)
{
    coap2_uri uri;

    CHECK(coap2_uri_parse_ref(&uri, "//h/a", 5) == COAP2_ERR_FORMAT);
    CHECK(coap2_uri_parse_ref(&uri, "//", 2) == COAP2_ERR_FORMAT);
    CHECK(uri.fault_at <= 1);
}

#endif

/* ---- lengths ------------------------------------------------------------ */

#if !defined(__AVR__)

/* A URI with a run of one byte, encoded or not, between two texts. */
static size_t long_uri(char *text, const char *before, const char *each,
                       unsigned count, const char *after)
{
    size_t n = strlen(before);

    memcpy(text, before, n);
    while (count-- > 0) {
        memcpy(text + n, each, strlen(each));
        n += strlen(each);
    }
    memcpy(text + n, after, strlen(after));
    return n + strlen(after);
}

typedef struct long_row {
    const char *before, *each, *after;
    uint16_t number;
} long_row;

/* 255 bytes are the most that an option holds, counted after decoding (table
   4); CVE-2025-34468, nodemcu#1254: long hosts. */
static void longest_parts(void)
{
    static const long_row rows[] = {
        {"coap://", "h", "/a", COAP2_OPT_URI_HOST},
        {"coap://", "%68", "", COAP2_OPT_URI_HOST},
        {"coap://h/", "a", "", COAP2_OPT_URI_PATH},
        {"coap://h/", "a", "/b?c", COAP2_OPT_URI_PATH},
        {"coap://h/", "%2F", "?", COAP2_OPT_URI_PATH},
        {"coap://h?", "a", "", COAP2_OPT_URI_QUERY},
        {"coap://h/a?", "%26", "&b", COAP2_OPT_URI_QUERY},
    };
    static char text[1024];
    static uint8_t bytes[400];
    unsigned i;

    for (i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        const long_row *r = &rows[i];
        size_t n = long_uri(text, r->before, r->each, 255, r->after);
        coap2_uri uri;
        coap2_writer w;
        coap2_msg m;
        coap2_opt o;

        test_row = i + 1;
        CHECK_EQ(coap2_uri_parse(&uri, text, n), COAP2_OK);
        coap2_write_start(&w, bytes, sizeof bytes);
        coap2_write_header(&w, 0, 1, 0, NULL, 0);
        coap2_write_uri(&w, &uri);
        CHECK_EQ(coap2_msg_parse(&m, bytes, coap2_write_end(&w)), COAP2_OK);
        CHECK(coap2_msg_find(&m, r->number, &o) && o.length == 255);
        n = long_uri(text, r->before, r->each, 256, r->after);
        CHECK(coap2_uri_parse(&uri, text, n) == COAP2_ERR_FORMAT);
        CHECK(uri.fault_at >= strlen(r->before) && uri.fault_at <= n);
    }
}

/* ---- RFC 3986 5.2.4, as its text says, against all short paths ---------- */

/* Take the last segment, and the slash before it, away. */
static size_t without_last(const char *out, size_t n)
{
    while (n > 0 && out[n - 1] != '/') n--;
    return n > 0 ? n - 1 : 0;
}

static int starts(const char *in, const char *with)
{
    return strncmp(in, with, strlen(with)) == 0;
}

/* Steps 2A to 2E on an absolute path. */
static void remove_dot_segments(const char *in, char *out)
{
    size_t n = 0;

    while (*in != '\0') {
        if (starts(in, "/./")) {
            in += 2;
        } else if (strcmp(in, "/.") == 0) {
            in = "/";
        } else if (starts(in, "/../")) {
            in += 3;
            n = without_last(out, n);
        } else if (strcmp(in, "/..") == 0) {
            in = "/";
            n = without_last(out, n);
        } else {
            do {
                out[n++] = *in++;
            } while (*in != '\0' && *in != '/');
        }
    }
    out[n] = '\0';
}

static void all_dotted_paths(void)
{
    static const char *const words[] = {"", ".", "..", "a", "bc"};
    unsigned long code;
    unsigned depth, wrong = 0;

    for (depth = 1; depth <= 6; depth++) {
        unsigned long count = 1, i;

        for (i = 0; i < depth; i++) count *= 5;
        for (code = 0; code < count; code++) {
            char path[32] = "coap://h", plain[32] = "coap://h";
            char got[40];
            unsigned long left = code;
            coap2_uri uri;
            coap2_msg m;

            for (i = 0; i < depth; i++, left /= 5) {
                strcat(path, "/");
                strcat(path, words[left % 5]);
            }
            remove_dot_segments(path + 8, plain + 8);
            wrong += coap2_uri_parse(&uri, path, strlen(path)) != COAP2_OK;
            wrong += !request_of(&m, &uri);
            coap2_uri_text(got, sizeof got, &uri, &m);
            wrong += strcmp(got, plain) != 0;
        }
    }
    CHECK_EQ(wrong, 0);
}

/* Every byte, as it is and encoded, in each part: what the grammar allows is
   taken, what it does not allow is refused (RFC 3986 A). */
static void every_byte(void)
{
    static const char *const before[] = {"coap://h", "coap://h/a",
                                         "coap://h?a"};
    static const char *const marks[] = {"-._~!$&'()*+,;=", "-._~!$&'()*+,;=:@",
                                        "-._~!$&'()*+,;=:@/?"};
    unsigned part, c;

    for (part = 0; part < 3; part++) {
        for (c = 1; c < 256; c++) {
            char text[16];
            coap2_uri uri;
            int letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
            int allowed = letter || (c >= '0' && c <= '9') ||
                          strchr(marks[part], (int)c) != NULL;

            strcpy(text, before[part]);
            text[strlen(before[part]) + 1] = '\0';
            text[strlen(before[part])] = (char)c;
            if (part == 0 && (c == '/' || c == '?' || c == ':')) continue;
            if (part == 1 && (c == '/' || c == '?')) continue;
            test_row = part * 256 + c;
            CHECK((parse(&uri, text) == COAP2_OK) == allowed);
            if (!allowed) CHECK_EQ(uri.fault_at, strlen(before[part]));
        }
    }
}

/* A path option of every single byte composes as 6.5 step 6 says, and reads
   back as the same option. */
static void every_byte_back(void)
{
    unsigned c;

    for (c = 0; c < 256; c++) {
        uint8_t byte[3] = {'x', (uint8_t)c, 'y'};
        char text[48];
        coap2_uri uri;
        coap2_writer w;
        coap2_msg m;
        coap2_opt o;
        size_t n;

        (void)coap2_uri_parse(&uri, "coap://h", 8);
        coap2_write_start(&w, packet, sizeof packet);
        coap2_write_header(&w, 0, 1, 0, NULL, 0);
        coap2_write_opt(&w, COAP2_OPT_URI_PATH, byte, 3);
        coap2_write_opt(&w, COAP2_OPT_URI_QUERY, byte, 3);
        CHECK_EQ(coap2_msg_parse(&m, packet, coap2_write_end(&w)), COAP2_OK);
        n = coap2_uri_text(text, sizeof text, &uri, &m);
        test_row = c + 1;
        CHECK_EQ(parse(&uri, text), COAP2_OK);
        (void)coap2_uri_parse(&uri, text, n);
        CHECK(request_of(&m, &uri));
        CHECK(coap2_msg_find(&m, COAP2_OPT_URI_PATH, &o));
        CHECK_BYTES(o.value, o.length, byte, 3);
        CHECK(coap2_opt_next(&o) && o.number == COAP2_OPT_URI_QUERY);
        CHECK_BYTES(o.value, o.length, byte, 3);
    }
}

#endif

/* ---- composing from other options (RFC 7252 6.5) ------------------------ */

#if PART == 0 || PART == 2

static void begin(coap2_writer *w)
{
    coap2_write_start(w, packet, sizeof packet);
    coap2_write_header(w, COAP2_CON, COAP2_001_GET, 1, NULL, 0);
}

/* The URI of a request to an address; "" if it has none. */
static const char *compose(const coap2_writer *w)
{
    static char text[64];
    coap2_uri to;
    coap2_msg m;

    (void)coap2_uri_parse(&to, "coap://[2001:db8::1]:61616", 26);
    CHECK_EQ(coap2_msg_parse(&m, packet, coap2_write_end(w)), COAP2_OK);
    if (coap2_uri_text(text, sizeof text, &to, &m) == 0) text[0] = '\0';
    return text;
}

static void composed_from_options(void)
{
    coap2_writer w;

    begin(&w);
    CHECK_TEXT(compose(&w), "coap://[2001:db8::1]:61616/");
    begin(&w);
    coap2_write_text(&w, COAP2_OPT_URI_HOST, "h");
    CHECK_TEXT(compose(&w), "coap://h:61616/");
    coap2_write_uint(&w, COAP2_OPT_URI_PORT, 5683);
    CHECK_TEXT(compose(&w), "coap://h/");
    coap2_write_text(&w, COAP2_OPT_URI_QUERY, "q");
    CHECK_TEXT(compose(&w), "coap://h/?q");
    begin(&w);
    coap2_write_text(&w, COAP2_OPT_URI_HOST, "[::1]");
    coap2_write_opt(&w, COAP2_OPT_URI_PORT, "\0\1", 2);
    CHECK_TEXT(compose(&w), "coap://[::1]:1/");
    begin(&w);
    coap2_write_text(&w, COAP2_OPT_URI_HOST, "h\xc3\xa9");
    coap2_write_uint(&w, COAP2_OPT_URI_PORT, 0);
    CHECK_TEXT(compose(&w), "coap://h%C3%A9:0/");
    begin(&w);
    coap2_write_text(&w, COAP2_OPT_URI_HOST, "1.2.3.4");
    coap2_write_uint(&w, COAP2_OPT_URI_PORT, 65535);
    coap2_write_text(&w, COAP2_OPT_URI_PATH, "");
    coap2_write_text(&w, COAP2_OPT_URI_PATH, "");
    coap2_write_uint(&w, COAP2_OPT_ACCEPT, 50); /* no part of a URI */
    CHECK_TEXT(compose(&w), "coap://1.2.3.4:65535//");
}

/* What no URI can say, or would be another resource if it were said. */
static void composed_from_nonsense(void)
{
    coap2_writer w;

    begin(&w);
    coap2_write_text(&w, COAP2_OPT_URI_PATH, "..");
    CHECK_TEXT(compose(&w), "");
    begin(&w);
    coap2_write_text(&w, COAP2_OPT_URI_PATH, ".");
    CHECK_TEXT(compose(&w), "");
    begin(&w);
    coap2_write_text(&w, COAP2_OPT_URI_PATH, ".a");
    CHECK_TEXT(compose(&w), "coap://[2001:db8::1]:61616/.a");
    begin(&w); /* an address is written as a destination would be */
    coap2_write_text(&w, COAP2_OPT_URI_HOST, "[FE80:0:0:0::1%eth0]");
    CHECK_TEXT(compose(&w), "coap://[fe80::1%25eth0]:61616/");
    begin(&w); /* a host must not be empty (6.1) */
    coap2_write_text(&w, COAP2_OPT_URI_HOST, "");
    CHECK_TEXT(compose(&w), "");
    begin(&w); /* a port of 16 bits (table 4) */
    coap2_write_uint(&w, COAP2_OPT_URI_PORT, 65536u + 5683u);
    CHECK_TEXT(compose(&w), "");
    begin(&w);
    coap2_write_opt(&w, COAP2_OPT_URI_PORT, "\0\0\0\0\1", 5);
    CHECK_TEXT(compose(&w), "");
}

/* A view that was refused writes nothing, and a relative one has no text. */
static void refused_views(void)
{
    static const char *const texts[] = {"coap://h:1a/", "http://h/",
                                        "coap://h/#", "coap://u:p@h/"};
    uint8_t bytes[40];
    char text[40];
    coap2_writer w;
    coap2_uri uri;
    coap2_msg m;
    unsigned i;

    for (i = 0; i < 4; i++) {
        test_row = i + 1;
        CHECK_EQ(coap2_uri_parse(&uri, texts[i], strlen(texts[i])),
                 COAP2_ERR_FORMAT);
        coap2_write_start(&w, bytes, sizeof bytes);
        coap2_write_header(&w, COAP2_CON, COAP2_001_GET, 1, NULL, 0);
        coap2_write_uri(&w, &uri);
        CHECK(w.error == COAP2_ERR_ARG);
    }
    CHECK_EQ(coap2_uri_parse_ref(&uri, "/temp?x=1", 9), COAP2_OK);
    coap2_write_start(&w, bytes, sizeof bytes);
    coap2_write_header(&w, COAP2_CON, COAP2_001_GET, 1, NULL, 0);
    coap2_write_uri(&w, &uri);
    CHECK_EQ(coap2_msg_parse(&m, bytes, coap2_write_end(&w)), COAP2_OK);
    CHECK_EQ(coap2_uri_text(text, sizeof text, &uri, &m), 0);
    uri.kind = COAP2_HOST_IPV6; /* made by hand, and not an address */
    uri.host = "x";
    uri.host_length = 1;
    CHECK_EQ(coap2_uri_text(text, sizeof text, &uri, &m), 0);
}

/* The zone is a part of the host, and has a view of its own. */
static void zones(void)
{
    coap2_uri uri;

    CHECK_EQ(coap2_uri_parse(&uri, "coap://[fe80::1%25eth0]/", 24), COAP2_OK);
    CHECK_BYTES(uri.zone, uri.zone_length, "eth0", 4);
    CHECK_EQ(coap2_uri_parse(&uri, "coap://[fe80::1%7]/", 19), COAP2_OK);
    CHECK_BYTES(uri.zone, uri.zone_length, "7", 1);
    CHECK_EQ(coap2_uri_parse(&uri, "coap://[fe80::1]/", 17), COAP2_OK);
    CHECK(uri.zone == NULL);
}

/* Dots with a zero byte between or behind them are no dot segment, and no value
   is longer than its option may be (table 4). */
static void composed_from_odd_values(void)
{
    coap2_writer w;

    begin(&w);
    coap2_write_opt(&w, COAP2_OPT_URI_PATH, ".\0.", 3);
    CHECK_TEXT(compose(&w), "coap://[2001:db8::1]:61616/.%00.");
    begin(&w);
    coap2_write_opt(&w, COAP2_OPT_URI_PATH, ".\0", 2);
    CHECK_TEXT(compose(&w), "coap://[2001:db8::1]:61616/.%00");
#ifndef __AVR__
    {
        static const uint16_t numbers[] = {
            COAP2_OPT_URI_HOST, COAP2_OPT_URI_PATH, COAP2_OPT_URI_QUERY};
        static uint8_t large[300];
        static char text[600];
        unsigned i;

        memset(large, 'a', sizeof large);
        for (i = 0; i < 6; i++) {
            coap2_uri to;
            coap2_msg m;
            size_t length = 255u + i % 2u;
            uint8_t bytes[300];

            test_row = i + 1;
            (void)coap2_uri_parse(&to, "coap://h", 8);
            coap2_write_start(&w, bytes, sizeof bytes);
            coap2_write_header(&w, COAP2_CON, COAP2_001_GET, 1, NULL, 0);
            coap2_write_opt(&w, numbers[i / 2], large, length);
            CHECK_EQ(coap2_msg_parse(&m, bytes, coap2_write_end(&w)), COAP2_OK);
            CHECK((coap2_uri_text(text, sizeof text, &to, &m) != 0) ==
                  (length == 255));
        }
    }
#endif
}

/* A host never brings its own path or port (6.5 step 2: not a reg-name). */
static void host_that_is_none(void)
{
    static const char hosts[][10] = {"a/b",  "a?b",   "a#b",    "u@h", "a:1",
                                     "[::1", "[::g]", "[::1]x", "a b", "[]"};
    unsigned i;

    for (i = 0; i < sizeof hosts / sizeof hosts[0]; i++) {
        const char *text;
        coap2_writer w;
        coap2_uri uri;

        test_row = i + 1;
        begin(&w);
        coap2_write_text(&w, COAP2_OPT_URI_HOST, hosts[i]);
        coap2_write_text(&w, COAP2_OPT_URI_PATH, "x");
        text = compose(&w);
        if (text[0] == '\0') continue;
        CHECK_EQ(coap2_uri_parse(&uri, text, strlen(text)), COAP2_OK);
        CHECK_BYTES(uri.path, uri.path_length, "/x", 2);
        CHECK(uri.query == NULL && uri.port == 61616);
        CHECK_EQ(uri.kind, COAP2_HOST_NAME);
    }
}

/* ---- paths (behaviours 28 and 29; RFC 7252 5.10.1) ---------------------- */

/* A request for these segments, each NUL-terminated, up to an empty one. */
static void request_for(coap2_msg *m, const char *const *segments, int count)
{
    coap2_writer w;
    int i;

    begin(&w);
    coap2_write_text(&w, COAP2_OPT_URI_HOST, "a");
    for (i = 0; i < count; i++) {
        coap2_write_text(&w, COAP2_OPT_URI_PATH, segments[i]);
    }
    coap2_write_text(&w, COAP2_OPT_URI_QUERY, "b");
    CHECK_EQ(coap2_msg_parse(m, packet, coap2_write_end(&w)), COAP2_OK);
}

static void path_of_two(void)
{
    static const char *const a_bc[] = {"a", "bc"};
    coap2_msg m;

    request_for(&m, a_bc, 2);
    CHECK(coap2_msg_path_is(&m, "a/bc"));
    CHECK(coap2_msg_path_is(&m, "/a/bc"));
    CHECK(!coap2_msg_path_is(&m, "a/bc/"));
    CHECK(!coap2_msg_path_is(&m, "//a/bc"));
    CHECK(!coap2_msg_path_is(&m, "a//bc"));
    CHECK(!coap2_msg_path_is(&m, "a/b"));
    CHECK(!coap2_msg_path_is(&m, "a/bcd"));
    CHECK(!coap2_msg_path_is(&m, "a"));
    CHECK(!coap2_msg_path_is(&m, "a/"));
    CHECK(!coap2_msg_path_is(&m, "abc"));
    CHECK(!coap2_msg_path_is(&m, "bc"));
    CHECK(!coap2_msg_path_is(&m, "a/bc/d"));
    CHECK(!coap2_msg_path_is(&m, "A/bc"));
    CHECK(!coap2_msg_path_is(&m, "%61/bc"));
    CHECK(!coap2_msg_path_is(&m, ""));
    CHECK(!coap2_msg_path_is(&m, "/"));
}

static void path_of_none(void)
{
    static const char *const empty[] = {"", ""};
    coap2_msg m;

    request_for(&m, empty, 0);
    CHECK(coap2_msg_path_is(&m, ""));
    CHECK(coap2_msg_path_is(&m, "/"));
    CHECK(!coap2_msg_path_is(&m, "a"));
    CHECK(!coap2_msg_path_is(&m, "//"));
    request_for(&m, empty, 1); /* CVE-2019-12101: an empty Uri-Path */
    CHECK(!coap2_msg_path_is(&m, ""));
    CHECK(!coap2_msg_path_is(&m, "a"));
    request_for(&m, empty, 2);
    CHECK(coap2_msg_path_is(&m, "//"));
    CHECK(!coap2_msg_path_is(&m, "/"));
    CHECK(!coap2_msg_path_is(&m, "///"));
}

static void path_of_odd_segments(void)
{
    static const char *const slash[] = {"a/b"};
    static const char *const trailing[] = {"a", ""};
    static const char *const dots[] = {"..", "%61"};
    coap2_msg m;
    coap2_writer w;

    request_for(&m, slash, 1);
    CHECK(!coap2_msg_path_is(&m, "a/b"));
    request_for(&m, trailing, 2);
    CHECK(coap2_msg_path_is(&m, "a/"));
    CHECK(!coap2_msg_path_is(&m, "a"));
    request_for(&m, dots, 2);
    CHECK(coap2_msg_path_is(&m, "../%61"));
    CHECK(!coap2_msg_path_is(&m, "a"));
    begin(&w);
    coap2_write_opt(&w, COAP2_OPT_URI_PATH, "a\0", 2);
    CHECK_EQ(coap2_msg_parse(&m, packet, coap2_write_end(&w)), COAP2_OK);
    CHECK(!coap2_msg_path_is(&m, "a"));
    begin(&w);
    coap2_write_opt(&w, COAP2_OPT_URI_PATH, "", 0);
    coap2_write_opt(&w, COAP2_OPT_URI_PATH, "\0", 1);
    CHECK_EQ(coap2_msg_parse(&m, packet, coap2_write_end(&w)), COAP2_OK);
    CHECK(!coap2_msg_path_is(&m, "//"));
}

/* A URI that does not fit is an error of the writer. */
static void uri_beyond_the_buffer(void)
{
    static const char text[] = "coap://hst/seg/../m%20n?que&r";
    coap2_uri uri;
    coap2_writer w;
    size_t size;

    CHECK_EQ(coap2_uri_parse(&uri, text, strlen(text)), COAP2_OK);
    for (size = 4; size < 18; size++) {
        memset(packet, 0xa5, sizeof packet);
        coap2_write_start(&w, packet, size);
        coap2_write_header(&w, 0, 1, 0, NULL, 0);
        coap2_write_uri(&w, &uri);
        test_row = (unsigned)size;
        CHECK(w.error == COAP2_ERR_SPACE);
        CHECK_EQ(packet[size], 0xa5);
    }
    coap2_write_start(&w, packet, 18);
    coap2_write_header(&w, 0, 1, 0, NULL, 0);
    coap2_write_uri(&w, &uri);
    CHECK_EQ(coap2_write_end(&w), 18);
}

#endif

int main(void)
{
#if PART == 0 || PART == 1
    RUN("RFC 7252 6.1 to 6.5: schemes, hosts, ports", good_hosts);
    RUN("RFC 7252 6.1, 8323 8: schemes", schemes);
    RUN("views into the text", views);
    RUN("RFC 7252 6.4 step 5: letters of a host", encoded_letters_of_a_host);
    RUN("RFC 3986 3.2.2: bytes of addresses", address_bytes);
#endif
#if PART == 0 || PART == 2
    RUN("RFC 7252 6.4, 3986 5.2.4: paths, queries", good_paths);
    RUN("RFC 7252 6.5: composed from options", composed_from_options);
    RUN("RFC 7252 6.5: composed from nonsense", composed_from_nonsense);
    RUN("RFC 7252 6.5: odd values", composed_from_odd_values);
    RUN("refused and relative views", refused_views);
    RUN("RFC 6874: zones", zones);
    RUN("RFC 7252 6.5 step 2: hosts that are none", host_that_is_none);
    RUN("RFC 7252 5.10.1: path of two segments", path_of_two);
    RUN("RFC 7252 5.10.1: path of none", path_of_none);
    RUN("RFC 7252 5.10.1: odd segments", path_of_odd_segments);
    RUN("a URI that does not fit", uri_beyond_the_buffer);
#endif
#if PART == 0 || PART == 3
    RUN("RFC 7252 6, 3986: URIs that are bad", bad_uris);
    RUN("RFC 3986: truncated URIs", truncated_uris);
    RUN("RFC 3986 4.2: relative references", relative_references);
    RUN("RFC 3986 4.2: references with a host", network_path_reference);
#endif
#if !defined(__AVR__)
    RUN("RFC 7252 5.10, table 4: 255 bytes and 256", longest_parts);
    RUN("RFC 3986 5.2.4: all short paths", all_dotted_paths);
    RUN("RFC 3986 A: every byte", every_byte);
    RUN("RFC 7252 6.5: every byte back", every_byte_back);
#endif
    return test_end();
}
