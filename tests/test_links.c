/* Link lists: reading, filtering, writing through a window (RFC 6690). */
#include "guard.h"
#define COAP2_IMPLEMENTATION
#include "../coap2.h"
#include "harness.h"

static char shown[320];
static size_t shown_at;

static void show(const char *text, size_t length)
{
    memcpy(shown + shown_at, text, length);
    shown_at += length;
}

/* name, then =value or ="value" with the escapes undone. */
static void show_attr(const coap2_attr *a)
{
    show("|", 1);
    show(a->name, a->name_length);
    if (a->value == NULL) return;
    show(a->quoted ? "=\"" : "=", a->quoted ? 2 : 1);
    shown_at += coap2_attr_text(a, shown + shown_at, 64);
    show("\"", a->quoted ? 1 : 0);
}

/* All links as `target|attribute|attribute`, with a blank between. */
static const char *show_links(coap2_link *link)
{
    shown_at = 0;
    while (coap2_link_next(link)) {
        coap2_attr a = coap2_link_attrs(link);

        if (shown_at != 0) show(" ", 1);
        show(link->target, link->target_length);
        while (coap2_attr_next(&a)) show_attr(&a);
    }
    shown[shown_at] = '\0';
    return shown;
}

/* ---- well-formed lists -------------------------------------------------- */

typedef struct good {
    char list[72], links[72];
} good;

static const good goods[] TEST_FLASH = {
    {"", ""},
    {"<>", ""},
    {"</>", "/"},
    {"</a>", "/a"},
    {"</a>,</b>", "/a /b"},
    {"</a>,<>,</b>", "/a  /b"},
    {"<a>;b", "a|b"},
    {"</a>;obs", "/a|obs"},
    {"</a>;obs;x,</b>;y", "/a|obs|x /b|y"},
    {"</a>;ct=40", "/a|ct=40"},
    {"</a>;rt=temp", "/a|rt=temp"},
    {"</a>;rt=\"temp\"", "/a|rt=\"temp\""},
    {"</a>;rt=\"temp hum\";if=s", "/a|rt=\"temp hum\"|if=s"},
    {"</a>;title=\"\"", "/a|title=\"\""},
    {"</a>;title=\"\",</b>", "/a|title=\"\" /b"},
    /* separators and brackets inside quotes (behaviour 51) */
    {"</a>;title=\"a,b;c\",</b>", "/a|title=\"a,b;c\" /b"},
    {"</a>;title=\"</x>;y\"", "/a|title=\"</x>;y\""},
    {"</a>;title=\"a=b\";c", "/a|title=\"a=b\"|c"},
    /* escapes (RFC 2616 2.2, by RFC 5988) */
    {"</a>;title=\"a\\\"b\"", "/a|title=\"a\"b\""},
    {"</a>;title=\"a\\\\\"", "/a|title=\"a\\\""},
    {"</a>;title=\"\\a\\,\\;\"", "/a|title=\"a,;\""},
    {"</a>;title=\"\\\"\\\"\",</b>", "/a|title=\"\"\"\" /b"},
    {"</a>;title=\"\\\\\\\"\"", "/a|title=\"\\\"\""},
    {"</a>;title=\"\xc3\xa9\"", "/a|title=\"\xc3\xa9\""},
    {"</a>;title=\"\t \"", "/a|title=\"\t \""},
    /* ptoken: all that RFC 6690 2 lists */
    {"</a>;x=!#$%&'()*+-./:<=>?@[]^_`{|}~",
     "/a|x=!#$%&'()*+-./:<=>?@[]^_`{|}~"},
    {"</a>;x=aZ09;y", "/a|x=aZ09|y"},
    {"</a>;x==", "/a|x=="},
    /* names: attr-char of RFC 5987, and a star at the end */
    {"</a>;!#$&+-.^_`|~=1", "/a|!#$&+-.^_`|~=1"},
    {"</a>;title*=UTF-8'de'n%c3%a4chstes", "/a|title*=UTF-8'de'n%c3%a4chstes"},
    {"</a>;A=1;a=2", "/a|A=1|a=2"},
    {"</a>;rt=a;rt=b", "/a|rt=a|rt=b"},
    /* targets: URI references (RFC 3986 4.1) */
    {"<coap://h:1/a?b#c>;x", "coap://h:1/a?b#c|x"},
    {"<//h/a>", "//h/a"},
    {"<?q>", "?q"},
    {"<#f>", "#f"},
    {"</a,b;c>;d", "/a,b;c|d"},
    {"</%41%c3>", "/%41%c3"},
    {"<coap://[::1]/>", "coap://[::1]/"},
    {"</-._~!$&'()*+,;=:@>", "/-._~!$&'()*+,;=:@"},
    /* RFC 6690 5, link by link */
    {"</sensors>;ct=40;title=\"Sensor Index\"",
     "/sensors|ct=40|title=\"Sensor Index\""},
    {"</sensors/temp>;rt=\"temperature-c\";if=\"sensor\"",
     "/sensors/temp|rt=\"temperature-c\"|if=\"sensor\""},
    {"</t>;anchor=\"/sensors/temp\";rel=\"alternate\"",
     "/t|anchor=\"/sensors/temp\"|rel=\"alternate\""},
    {"<http://www.example.com/sensors/t123>;rel=\"describedby\"",
     "http://www.example.com/sensors/t123|rel=\"describedby\""},
    {"</firmware/v2.1>;rt=\"firmware\";sz=262144",
     "/firmware/v2.1|rt=\"firmware\"|sz=262144"},
};

static void good_lists(void)
{
    unsigned i;

    for (i = 0; i < sizeof goods / sizeof goods[0]; i++) {
        good g;
        size_t n;
        coap2_link link;

        test_row = i + 1;
        TEST_FETCH(&g, &goods[i]);
        n = strlen(g.list);
        link = coap2_links((const char *)guard_end(g.list, n), n);
        CHECK_TEXT(show_links(&link), g.links);
        CHECK_EQ(link.error, COAP2_OK);
        CHECK_EQ(link.position, n);
        CHECK(!coap2_link_next(&link)); /* the end stays the end */
    }
}

/* ---- malformed lists, and where ----------------------------------------- */

typedef struct bad {
    char list[24];
    uint8_t position, links; /* that stand before the fault */
} bad;

static const bad bads[] TEST_FLASH = {
    {"x", 0, 0},
    /* a name with a star wants a bare value (RFC 5987 3.2) */
    {"</a>;t*", 7, 0},
    {"</a>;t*=\"x\"", 8, 0},
    {"</a>;t*=", 8, 0},
    {"</a>;t*;x=1", 7, 0},
    {"/a", 0, 0},
    {" </a>", 0, 0},
    {"<", 1, 0},
    {"</a", 3, 0},
    {"</a>x", 4, 0},
    {"</a>=", 4, 0},
    {"</a></b>", 4, 0},
    {"</a>|", 4, 0},
    {"</a> ", 4, 0},
    {"</a>\n", 4, 0},
    {"</a> ;x", 4, 0},
    {"</a> ,</b>", 4, 0},
    /* no leading, trailing or doubled separators (behaviour 10) */
    {",", 0, 0},
    {",</a>", 0, 0},
    {"</a>,", 5, 1},
    {"</a>,,</b>", 5, 1},
    {"</a>, </b>", 5, 1},
    {"</a>,\n</b>", 5, 1},
    {"</a>,b", 5, 1},
    {"</a>,</b>,", 10, 2},
    {";", 0, 0},
    {"</a>;", 5, 0},
    {"</a>;;b", 5, 0},
    {"</a>;,</b>", 5, 0},
    {"</a>;b;", 7, 0},
    {"</a>;b;,</c>", 7, 0},
    /* names */
    {"</a>;=b", 5, 0},
    {"</a>; b", 5, 0},
    {"</a>;b =c", 6, 0},
    {"</a>;b@=c", 6, 0},
    {"</a>;b'", 6, 0},
    {"</a>;b%", 6, 0},
    {"</a>;b\x01", 6, 0},
    {"</a>;\xc3\xa9", 5, 0},
    {"</a>;*", 5, 0},
    {"</a>;a*b", 7, 0},
    {"</a>;a**", 7, 0},
    {"</a>;\"b\"", 5, 0},
    {"</a>;b/c=1", 6, 0},
    /* values */
    {"</a>;b=", 7, 0},
    {"</a>;b=,</c>", 7, 0},
    {"</a>;b=;c", 7, 0},
    {"</a>;b= c", 7, 0},
    {"</a>;b=c d", 8, 0},
    {"</a>;b=c\"d", 8, 0},
    {"</a>;b=c\\d", 8, 0},
    {"</a>;b=\x01", 7, 0},
    {"</a>;b=c\x7f", 8, 0},
    {"</a>;b=\xc3\xa9", 7, 0},
    /* quoted */
    {"</a>;b=\"", 8, 0},
    {"</a>;b=\"c", 9, 0},
    {"</a>;b=\"c,</d>", 14, 0},
    {"</a>;b=\"c\\", 10, 0},
    {"</a>;b=\"c\\\"", 11, 0},
    {"</a>;b=\"c\"d", 10, 0},
    {"</a>;b=\"c\"\"d\"", 10, 0},
    {"</a>;b=\"c\" ", 10, 0},
    {"</a>;b=\"c\x01\"", 9, 0},
    {"</a>;b=\"\x7f\"", 8, 0},
    /* targets */
    {"</a b>", 3, 0},
    {"</a<>", 3, 0},
    {"</a\">", 3, 0},
    {"</a\\>", 3, 0},
    {"</a^>", 3, 0},
    {"</a`>", 3, 0},
    {"</{>", 2, 0},
    {"</|>", 2, 0},
    {"</}>", 2, 0},
    {"</%>", 2, 0},
    {"</a%4>", 3, 0},
    {"</a%zz>", 3, 0},
    {"</a%4", 3, 0},
    {"</\xc3\xa9>", 2, 0},
    {"</\x01>", 2, 0},
    {"</a>,</b", 8, 1},
    {"</a>,</b>;", 10, 1},
    {"</a>,</b>;c=\"", 13, 1},
};

static void bad_lists(void)
{
    unsigned i;

    for (i = 0; i < sizeof bads / sizeof bads[0]; i++) {
        bad b;
        size_t n, links = 0;
        coap2_link link;

        test_row = i + 1;
        TEST_FETCH(&b, &bads[i]);
        n = strlen(b.list);
        link = coap2_links((const char *)guard_end(b.list, n), n);
        while (coap2_link_next(&link)) links++;
        CHECK(link.error == COAP2_ERR_FORMAT);
        CHECK_EQ(link.position, b.position);
        CHECK_EQ(links, b.links);
        CHECK(!coap2_link_next(&link)); /* the error stays */
        CHECK(link.error == COAP2_ERR_FORMAT && link.position == b.position);
        /* nor do its attributes reach out of the list */
        CHECK(link.attributes == NULL ||
              link.attributes_length <=
                  (size_t)(link.text + n - link.attributes));
    }
}

/* A NUL in the list is a byte like another. */
static void nul_in_a_list(void)
{
    coap2_link link = coap2_links("</a>;b\0,</c>", 12);

    CHECK(!coap2_link_next(&link));
    CHECK_EQ(link.position, 6);
    link = coap2_links("</a\0b>", 6);
    CHECK(!coap2_link_next(&link));
    CHECK_EQ(link.position, 3);
}

static const char example[] =
    "</sensors>;ct=40;title=\"Sensor Index\",</sensors/temp>;"
    "rt=\"temperature-c\";if=\"sensor\",</sensors/light>;rt=\"light-lux\";"
    "if=\"sensor\",<http://www.example.com/sensors/t123>;"
    "anchor=\"/sensors/temp\";rel=\"describedby\",</t>;"
    "anchor=\"/sensors/temp\";rel=\"alternate\"";

/* Each truncation ends at the unmapped page: it is a shorter list only where
   a target, a name or a value was whole. */
static void truncated_lists(void)
{
    size_t n;

    for (n = 1; n < sizeof example - 1; n++) {
        coap2_link link = coap2_links((const char *)guard_end(example, n), n);
        int quotes = 0, inside = 0;
        size_t i;

        for (i = 0; i < n; i++) {
            if (example[i] == '"') quotes = !quotes;
            if (!quotes && example[i] == '<') inside = 1;
            if (!quotes && example[i] == '>') inside = 0;
        }
        while (coap2_link_next(&link)) {
        }
        test_row = (unsigned)n;
        CHECK((link.error == COAP2_OK) ==
              (!quotes && !inside && strchr(",;=", example[n - 1]) == NULL));
        CHECK(link.position <= n);
    }
}

#if !defined(__AVR__)

/* Every byte of the example changed to every other: no read outside, and
   what is taken can be walked. */
static void mutated_lists(void)
{
    size_t n = sizeof example - 1, at;

    for (at = 0; at < n; at++) {
        char *copy = (char *)guard_end(example, n);
        unsigned add;

        for (add = 1; add < 256; add++) {
            coap2_link link = coap2_links(copy, n);

            copy[at] = (char)(example[at] + (int)add);
            shown_at = 0;
            while (coap2_link_next(&link)) {
                coap2_attr a = coap2_link_attrs(&link);

                while (coap2_attr_next(&a)) {
                    shown_at += coap2_attr_text(&a, shown, 8);
                }
                coap2_link_matches(&link, "rt=light*", 9);
            }
            if (link.position > n || shown_at > n) CHECK(0);
        }
    }
    CHECK(1);
}

#endif

/* ---- attributes --------------------------------------------------------- */

static void attributes_found(void)
{
    coap2_link link = coap2_links("</a>;rt=x;rtx;title=\"a\\\"b\",</b>;c", 33);
    coap2_attr a;
    char text[8];

    CHECK(coap2_link_next(&link));
    CHECK_BYTES(link.target, link.target_length, "/a", 2);
    CHECK(coap2_link_find(&link, "rt", &a));
    CHECK_BYTES(a.value, a.value_length, "x", 1);
    CHECK(!a.quoted);
    CHECK(coap2_link_find(&link, "rtx", &a));
    CHECK(a.value == NULL && a.value_length == 0);
    CHECK_EQ(coap2_attr_text(&a, text, sizeof text), 0);
    CHECK(coap2_link_find(&link, "title", &a));
    CHECK_BYTES(a.value, a.value_length, "a\\\"b", 4);
    CHECK(a.quoted);
    CHECK(!coap2_link_find(&link, "r", &a));
    CHECK(!coap2_link_find(&link, "rt=", &a));
    CHECK(!coap2_link_find(&link, "", &a));
    CHECK(!coap2_link_find(&link, "c", &a));
    CHECK(coap2_link_next(&link));
    CHECK(coap2_link_find(&link, "c", &a));
    CHECK(!coap2_link_find(&link, "rt", &a));
}

static void text_as_much_as_fits(void)
{
    coap2_link link = coap2_links("</a>;t=\"a\\\"b\\\\c\"", 16);
    coap2_attr a;
    size_t size;

    CHECK(coap2_link_next(&link) && coap2_link_find(&link, "t", &a));
    for (size = 0; size < 7; size++) {
        char text[8] = "zzzzzzz";

        CHECK_EQ(coap2_attr_text(&a, text, size), 5);
        CHECK_BYTES(text, size < 5 ? size : 5, "a\"b\\c", size < 5 ? size : 5);
        CHECK_EQ(text[size < 5 ? size : 5], 'z');
    }
    CHECK_EQ(coap2_attr_text(&a, NULL, 0), 5);
}

/* ---- filters (RFC 6690 4.1) --------------------------------------------- */

typedef struct filter {
    char query[24];
    bool matches;
} filter;

static const char filtered[] =
    "</a/temp>;rt=\"temp.c core.s\";if=sensor;ct=\"0 41\";rel=\"next prev\";"
    "rev=up;title=\"A, \\\"b\\\" c\";obs;sz=12;x=\"a*b\";e=\"\";y=a;y=b";

static const filter filters[] TEST_FLASH = {
    {"", true},
    /* a name alone, or with a star: every link that has it, flags too */
    {"rt", true},
    {"rt=*", true},
    {"obs", true},
    {"obs=*", true},
    {"e", true},
    {"e=*", true},
    {"href", true},
    {"href=*", true},
    {"missing", false},
    {"missing=*", false},
    {"missing=", false},
    {"ob", false}, /* RIOT 223d8a64e2: keys shorter and longer */
    {"obsx", false},
    {"r", false},
    {"rtx", false},
    {"rtx=temp.c", false},
    {"*", false},
    {"rt*", false},
    {"=", false},
    {"=temp.c", false},
    /* contiki-ng: no value behind the = */
    {"rt=", false},
    {"href=", false},
    {"e=", true},
    {"sz=", false},
    /* lists: one member will do */
    {"rt=temp.c", true},
    {"rt=core.s", true},
    {"rt=temp", false},
    {"rt=temp.cc", false},
    {"rt=emp.c", false},
    {"rt=core", false},
    {"rt=s", false},
    {"rt=Temp.c", false},
    {"rt=\"temp.c\"", false},
    {"rt=temp*", true},
    {"rt=temp.c*", true},
    {"rt=c*", true},
    {"rt=core.s*", true},
    {"rt=ore*", false},
    {"rt=core.sx*", false},
    {"if=sensor", true},
    {"if=sens*", true},
    {"if=sens", false},
    {"ct=0", true},
    {"ct=41", true},
    {"ct=4", false},
    {"ct=4*", true},
    {"ct=1", false},
    {"rel=next", true},
    {"rel=prev", true},
    {"rel=ext", false},
    {"rev=up", true},
    {"rev=u*", true},
    {"rev=next", false},
    /* others as a whole, unquoted and without escapes */
    {"title=A, \"b\" c", true},
    {"title=A, \"*", true},
    {"title=A,", false},
    {"title=c", false},
    {"title=A, \\\"b\\\" c", false},
    {"sz=12", true},
    {"sz=1*", true},
    {"sz=1", false},
    {"sz=123", false},
    {"obs=1", false},
    {"obs=o*", false},
    {"y=a", true},
    {"y=b", true}, /* any attribute of that name */
    {"y=c", false},
    /* the star is a letter but at the end */
    {"x=a*b", true},
    {"x=a*", true},
    {"x=*b", false},
    {"x=a*b*", true},
    {"x=a**", true},
    {"x=**", false},
    {"x=b*b", false},
    /* the target */
    {"href=/a/temp", true},
    {"href=/a/*", true},
    {"href=/a/temp*", true},
    {"href=/a", false},
    {"href=/a/temp/", false},
    {"href=a/temp", false},
    {"href=/b*", false},
    {"hre=/a/temp", false},
    {"hrefs=/a/temp", false},
};

static void filters_match(void)
{
    coap2_link link = coap2_links(filtered, sizeof filtered - 1);
    unsigned i;

    CHECK(coap2_link_next(&link));
    for (i = 0; i < sizeof filters / sizeof filters[0]; i++) {
        filter f;
        size_t n;

        test_row = i + 1;
        TEST_FETCH(&f, &filters[i]);
        n = strlen(f.query);
        CHECK(coap2_link_matches(&link, (const char *)guard_end(f.query, n),
                                 n) == f.matches);
    }
}

static void links_without_attributes(void)
{
    coap2_link link = coap2_links("<>", 2);

    CHECK(coap2_link_next(&link));
    CHECK(coap2_link_matches(&link, "", 0));
    CHECK(coap2_link_matches(&link, "href", 4));
    CHECK(coap2_link_matches(&link, "href=", 5));
    CHECK(!coap2_link_matches(&link, "href=/", 6));
    CHECK(!coap2_link_matches(&link, "rt", 2));
    CHECK(!coap2_link_matches(&link, "rt=*", 4));
}

/* ---- writing ------------------------------------------------------------ */

static uint8_t packet[256];

static void start(coap2_writer *w, size_t size)
{
    memset(packet, 0xa5, sizeof packet);
    coap2_write_start(w, packet, size);
    coap2_write_header(w, COAP2_ACK, COAP2_205_CONTENT, 1, NULL, 0);
}

static void links_written(void)
{
    static const char want[] =
        "</a>,</b>;obs;ct=40;rt=\"x y\";t=\"a\\\"\\\\b\",<>;e=\"\";n=\"1.5\";"
        "m=\"-1\";z=\"007\";sz=10;sz=\"010\";title=\"42\";hreflang=en;"
        "t*=UTF-8''x";
    coap2_writer w;

    start(&w, sizeof packet);
    coap2_write_link(&w, "/a", 2);
    coap2_write_link(&w, "/b", 2);
    coap2_write_attr(&w, "obs", NULL, 0);
    coap2_write_attr(&w, "ct", "40", 2);
    coap2_write_attr(&w, "rt", "x y", 3);
    coap2_write_attr(&w, "t", "a\"\\b", 4);
    coap2_write_link(&w, "", 0);
    coap2_write_attr(&w, "e", "", 0);
    coap2_write_attr(&w, "n", "1.5", 3);
    coap2_write_attr(&w, "m", "-1", 2);
    coap2_write_attr(&w, "z", "007", 3);
    coap2_write_attr(&w, "sz", "10", 2);
    coap2_write_attr(&w, "sz", "010", 3);
    coap2_write_attr(&w, "title", "42", 2);
    coap2_write_attr(&w, "hreflang", "en", 2);
    coap2_write_attr(&w, "t*", "UTF-8''x", 8);
    CHECK_BYTES(packet + 5, coap2_write_end(&w) - 5, want, sizeof want - 1);
    CHECK_EQ(w.body_length, sizeof want - 1);
}

/* What could not be read back is not written. */
static void links_not_written(void)
{
    coap2_writer w;

    start(&w, sizeof packet);
    coap2_write_link(&w, "/a>b", 4);
    CHECK(w.error == COAP2_ERR_ARG);
    start(&w, sizeof packet);
    coap2_write_link(&w, "/a b", 4);
    CHECK(w.error == COAP2_ERR_ARG);
    start(&w, sizeof packet);
    coap2_write_link(&w, "/a", 2);
    coap2_write_attr(&w, "x y", "1", 1);
    CHECK(w.error == COAP2_ERR_ARG);
    start(&w, sizeof packet);
    coap2_write_link(&w, "/a", 2);
    coap2_write_attr(&w, "", NULL, 0);
    CHECK(w.error == COAP2_ERR_ARG);
    start(&w, sizeof packet);
    coap2_write_link(&w, "/a", 2);
    coap2_write_attr(&w, "t*", "", 0);
    CHECK(w.error == COAP2_ERR_ARG);
    CHECK_EQ(coap2_write_end(&w), 0);
}

enum { LINKS = 50 };

/* The whole list through a window; the attributes differ from link to link. */
static void write_list(coap2_writer *w)
{
    unsigned i;

    for (i = 0; i < LINKS; i++) {
        char target[] = "/s/00";
        char title[] = "a\"0";

        target[3] = (char)('0' + i / 10);
        target[4] = (char)('0' + i % 10);
        title[2] = target[4];
        coap2_write_link(w, target, 3 + i % 3);
        if (i % 2 == 0) coap2_write_attr(w, "ct", "40", 2);
        if (i % 3 == 0) coap2_write_attr(w, "obs", NULL, 0);
        if (i % 5 != 0) coap2_write_attr(w, "title", title, 3);
    }
}

/* The same, by plain means. */
static size_t plain_list(char *to)
{
    unsigned i;
    char *p = to;

    for (i = 0; i < LINKS; i++) {
        char tens = (char)('0' + i / 10), ones = (char)('0' + i % 10);

        if (i != 0) *p++ = ',';
        memcpy(p, "</s/", 4);
        p += 4;
        if (i % 3 > 0) *p++ = tens;
        if (i % 3 > 1) *p++ = ones;
        *p++ = '>';
        if (i % 2 == 0) memcpy(p, ";ct=40", 6), p += 6;
        if (i % 3 == 0) memcpy(p, ";obs", 4), p += 4;
        if (i % 5 == 0) continue;
        memcpy(p, ";title=\"a\\\"", 11);
        p += 11;
        *p++ = ones;
        *p++ = '"';
    }
    return (size_t)(p - to);
}

/* Every window: sizes 16 to 64, at every place (AVR: a few). */
static void list_in_windows(void)
{
#ifdef __AVR__
    enum { SIZE_STEP = 24, AT_STEP = 111 };
#else
    enum { SIZE_STEP = 1, AT_STEP = 1 };
#endif
    static char whole[1280];
    size_t n = plain_list(whole), size, at;

    for (size = 16; size <= 64; size += SIZE_STEP) {
        unsigned wrong = 0;

        for (at = 0; at <= n + 2; at += AT_STEP) {
            size_t kept = at > n ? 0 : n - at < size ? n - at : size;
            coap2_writer w;

            start(&w, 5 + size);
            coap2_write_window(&w, (uint32_t)at, size);
            write_list(&w);
            wrong += w.error != COAP2_OK || w.body_length != n;
            wrong += coap2_write_more(&w) != (at + kept < n);
            wrong += coap2_write_end(&w) != (kept == 0 ? 4 : 5 + kept);
            wrong += kept > 0 && memcmp(packet + 5, whole + at, kept) != 0;
            wrong += packet[5 + size] != 0xa5;
        }
        test_row = (unsigned)size;
        CHECK_EQ(wrong, 0);
    }
}

/* What is written is read back (RIOT 7468c6272b: a list that fills the
   buffer exactly; lobaro: long ones). */
static void list_reads_back(void)
{
    static char whole[1280];
    size_t n = plain_list(whole), links = 0;
    coap2_link link = coap2_links(whole, n);
    coap2_writer w;

    while (coap2_link_next(&link)) links++;
    CHECK_EQ(link.error, COAP2_OK);
    CHECK_EQ(links, LINKS);
    start(&w, 4 + 1 + 15);
    coap2_write_link(&w, "/a", 2);
    coap2_write_attr(&w, "rt", "abcde", 5); /* </a>;rt="abcde" is 15 */
    CHECK_EQ(coap2_write_end(&w), 20);
    CHECK_EQ(packet[20], 0xa5);
}

/* What a reader undoes a writer does: a value of any byte below 128 comes back
   as it was (RFC 2616 2.2). */
static void any_value_comes_back(void)
{
    uint8_t list[32], packet_bytes[40];
    char text[4];
    unsigned c;

    for (c = 0; c < 128; c++) {
        char value[3] = {'a', (char)c, 'b'};
        coap2_writer w;
        coap2_link link;
        coap2_attr attr;
        size_t n;

        test_row = c;
        coap2_write_start(&w, packet_bytes, sizeof packet_bytes);
        coap2_write_header(&w, COAP2_ACK, COAP2_205_CONTENT, 1, NULL, 0);
        coap2_write_link(&w, "/x", 2);
        coap2_write_attr(&w, "t", value, 3);
        n = coap2_write_end(&w);
        CHECK(n > 5);
        memcpy(list, packet_bytes + 5, n - 5);
        link = coap2_links((const char *)list, n - 5);
        CHECK(coap2_link_next(&link));
        CHECK(coap2_link_find(&link, "t", &attr));
        CHECK_EQ(coap2_attr_text(&attr, text, sizeof text), 3);
        CHECK_BYTES(text, 3, value, 3);
    }
}

int main(void)
{
    RUN("RFC 6690 2: any value comes back", any_value_comes_back);
    RUN("RFC 6690 2, 5: well-formed lists", good_lists);
    RUN("RFC 6690 2: malformed lists", bad_lists);
    RUN("RFC 6690 2: a NUL inside", nul_in_a_list);
    RUN("RFC 6690 5: truncated lists", truncated_lists);
    RUN("RFC 6690 2: attributes", attributes_found);
    RUN("RFC 6690 2: text of attributes", text_as_much_as_fits);
    RUN("RFC 6690 4.1: filters", filters_match);
    RUN("RFC 6690 4.1: filters on a bare link", links_without_attributes);
    RUN("RFC 6690 2: links written", links_written);
    RUN("RFC 6690 2: links not written", links_not_written);
    RUN("RFC 6690 4, 7959 2.4: a list in windows", list_in_windows);
    RUN("RFC 6690 2: a list reads back", list_reads_back);
#if !defined(__AVR__)
    RUN("RFC 6690 2: mutated lists", mutated_lists);
#endif
    return test_end();
}
