/* fuzz_uri.c - URIs, references and paths

   The first line of the input is a URI, a reference and a path at once. The
   lines behind it are options of a request, a letter each and the value:
   `h` Uri-Host, `o` Uri-Port, `p` Uri-Path, `q` Uri-Query. What is accepted
   must become the options that a second, slow reading of RFC 7252 6.4 finds,
   and what is recomposed must come to the same options again. */

#include "fuzz.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <strings.h>

#define LONGEST_URI 4000u

/* ==== A second opinion: from text to options ============================= */

typedef struct option {
    unsigned number;
    char value[256];
    size_t length;
} option;

static option expected[LONGEST_URI];
static size_t expected_count;

static unsigned hex(char digit)
{
    const char *digits = "0123456789abcdef0123456789ABCDEF";

    return (unsigned)(strchr(digits, digit) - digits) % 16u;
}

/* Expect an option with this value, percent-decoded; NULL: an empty one. */
static void expect(unsigned number, const char *text, size_t length)
{
    option *o = &expected[expected_count++];
    size_t i;

    o->number = number;
    o->length = 0;
    for (i = 0; i < length; i++) {
        char letter = text[i];

        if (number == COAP2_OPT_URI_HOST && letter >= 'A' && letter <= 'Z')
            letter = (char)(letter - 'A' + 'a');
        if (letter == '%') {
            letter = (char)(hex(text[i + 1]) * 16u + hex(text[i + 2]));
            i += 2;
        }
        FUZZ_CHECK(o->length < 255);
        o->value[o->length++] = letter;
    }
}

/* RFC 3986 5.2.4 with a stack of segments: `.` is nothing, `..` takes one
   away, and both leave an empty segment where they are the last. */
static void expect_segment(const char *text, size_t length, bool last)
{
    bool dot = length == 1 && text[0] == '.';
    bool dots = length == 2 && text[0] == '.' && text[1] == '.';

    if (dots && expected_count > 0 &&
        expected[expected_count - 1].number == COAP2_OPT_URI_PATH)
        expected_count--;
    if (!dot && !dots)
        expect(COAP2_OPT_URI_PATH, text, length);
    else if (last)
        expect(COAP2_OPT_URI_PATH, text, 0);
}

static void expect_path(const char *path, size_t length)
{
    size_t before = expected_count, at, from;

    from = length > 0 && path[0] == '/';
    for (at = from; at <= length && length > 0; at++) {
        if (at < length && path[at] != '/') continue;
        expect_segment(path + from, at - from, at == length);
        from = at + 1;
    }
    /* The path `/` is the empty path (RFC 7252 6.4, step 8). */
    if (expected_count == before + 1 && expected[before].length == 0)
        expected_count--;
}

static void expect_query(const char *query, size_t length)
{
    size_t at, from = 0;

    for (at = 0; at <= length && query != NULL; at++) {
        if (at < length && query[at] != '&') continue;
        expect(COAP2_OPT_URI_QUERY, query + from, at - from);
        from = at + 1;
    }
}

static void expect_uri(const coap2_uri *uri)
{
    expected_count = 0;
    if (uri->kind == COAP2_HOST_NAME)
        expect(COAP2_OPT_URI_HOST, uri->host, uri->host_length);
    expect_path(uri->path, uri->path_length);
    expect_query(uri->query, uri->query_length);
}

/* ==== Messages =========================================================== */

typedef struct request {
    uint8_t bytes[4 * LONGEST_URI];
    coap2_msg msg;
} request;

static request first, again;

static void request_end(request *r, coap2_writer *w)
{
    FUZZ_CHECK(w->error == COAP2_OK);
    FUZZ_CHECK(coap2_msg_parse(&r->msg, r->bytes, coap2_write_end(w)) ==
               COAP2_OK);
}

static void request_start(request *r, coap2_writer *w)
{
    coap2_write_start(w, r->bytes, sizeof r->bytes);
    coap2_write_header(w, COAP2_CON, COAP2_001_GET, 1, NULL, 0);
}

static void request_from_uri(request *r, const coap2_uri *uri)
{
    coap2_writer w;

    request_start(r, &w);
    coap2_write_uri(&w, uri);
    request_end(r, &w);
}

static void check_expected(const request *r)
{
    coap2_opt opt = fuzz_options(&r->msg);
    size_t i;

    for (i = 0; i < expected_count; i++) {
        FUZZ_CHECK(coap2_opt_next(&opt));
        FUZZ_CHECK(opt.number == expected[i].number);
        FUZZ_CHECK(fuzz_same(opt.value, opt.length, expected[i].value,
                             expected[i].length));
        FUZZ_CHECK(opt.number != COAP2_OPT_URI_PATH ||
                   !(coap2_opt_is(&opt, ".") || coap2_opt_is(&opt, "..")));
    }
    FUZZ_CHECK(!coap2_opt_next(&opt));
}

/* ==== The view =========================================================== */

/* Only the letters of RFC 3986 2 pass; a blank zone's `%` is among them. */
static void check_letters(const char *text, size_t length)
{
    const char *others = "-._~:/?[]@!$&'()*+,;=%";
    size_t i;

    for (i = 0; i < length; i++) {
        char c = text[i];
        bool digit = c >= '0' && c <= '9';
        bool letter = (c | 32) >= 'a' && (c | 32) <= 'z';

        FUZZ_CHECK(digit || letter || (c != 0 && strchr(others, c) != NULL));
    }
}

static void check_view(const coap2_uri *uri, const char *text, size_t length)
{
    const char *question = (const char *)memchr(text, '?', length);
    const char *end = text + length;
    const char *path_end = question == NULL ? end : question;

    check_letters(text, length);
    FUZZ_CHECK(uri->kind <= COAP2_HOST_IPV6);
    FUZZ_CHECK(uri->scheme <= COAP2_SCHEME_COAPS_WS);
    FUZZ_CHECK((uri->query != NULL) == (question != NULL));
    if (question != NULL) {
        FUZZ_CHECK(uri->query == question + 1);
        FUZZ_CHECK(uri->query_length == (size_t)(end - question) - 1);
    }
    if (uri->path_length != 0) {
        FUZZ_CHECK(uri->path + uri->path_length == path_end);
        FUZZ_CHECK(fuzz_inside(uri->path, uri->path_length, text, length));
    }
}

/* An address literal is what inet_pton takes for one, and nothing else. */
static void check_address(const coap2_uri *uri)
{
    uint8_t address[16], other[16];
    char host[3 * 255 + 1];
    size_t length = uri->host_length;
    const char *zone = (const char *)memchr(uri->host, '%', length);
    int family = uri->kind == COAP2_HOST_IPV6 ? AF_INET6 : AF_INET;
    uint8_t size = coap2_uri_address(uri, address);

    if (zone != NULL && uri->kind == COAP2_HOST_IPV6)
        length = (size_t)(zone - uri->host);
    FUZZ_CHECK(length < sizeof host);
    memcpy(host, uri->host, length);
    host[length] = 0;
    if (uri->kind == COAP2_HOST_NAME) {
        FUZZ_CHECK(size == 0 && inet_pton(AF_INET, host, other) != 1);
        return;
    }
    FUZZ_CHECK(inet_pton(family, host, other) == 1);
    FUZZ_CHECK(size == (family == AF_INET6 ? 16 : 4));
    FUZZ_CHECK(memcmp(address, other, size) == 0);
}

/* The other way: the text as an IPv6 address, valid or not. */
static void check_ipv6(const char *text, size_t length)
{
    char address[64], uri_text[80];
    uint8_t other[16];
    coap2_uri uri;
    int uri_length;

    if (length >= sizeof address || memchr(text, '%', length) != NULL ||
        memchr(text, 0, length) != NULL)
        return;
    memcpy(address, text, length);
    address[length] = 0;
    uri_length = snprintf(uri_text, sizeof uri_text, "coap://[%s]", address);
    FUZZ_CHECK((coap2_uri_parse(&uri, uri_text, (size_t)uri_length) ==
                COAP2_OK) == (inet_pton(AF_INET6, address, other) == 1));
}

static void check_scheme_and_port(const coap2_uri *uri, const char *text,
                                  size_t length)
{
    static const struct {
        const char *name;
        unsigned port;
    } schemes[] = {{"coap://", 5683},     {"coaps://", 5684},
                   {"coap+tcp://", 5683}, {"coaps+tcp://", 5684},
                   {"coap+ws://", 80},    {"coaps+ws://", 443}};
    const char *name = schemes[uri->scheme].name, *end = text + length;
    const char *p = uri->host + uri->host_length;
    unsigned port = 0;

    FUZZ_CHECK((size_t)(uri->host - text) ==
               strlen(name) + (uri->kind == COAP2_HOST_IPV6));
    FUZZ_CHECK(strncasecmp(text, name, strlen(name)) == 0);
    if (uri->kind == COAP2_HOST_IPV6) p++;
    if (p < end && *p == ':') p++;
    if (p == end || !isdigit((unsigned char)*p))
        port = schemes[uri->scheme].port;
    for (; p < end && isdigit((unsigned char)*p); p++)
        port = port * 10u + (unsigned)(*p - '0');
    FUZZ_CHECK(p == end || *p == '/' || *p == '?');
    FUZZ_CHECK(uri->port == port);
}

static void check_refusal(const coap2_uri *uri, const char *text, size_t length)
{
    FUZZ_CHECK(uri->fault_at <= length);
    FUZZ_CHECK(coap2_uri_why(text, length, uri->fault_at) != NULL);
}

/* ==== And back =========================================================== */

/* Recompose, and see that the text fits exactly. Its length, or 0. */
static size_t recompose(char *text, size_t size, const coap2_uri *to,
                        const coap2_msg *msg)
{
    size_t length = coap2_uri_text(text, size, to, msg);
    fuzz_memory exact = fuzz_open(length + 1), tight = fuzz_open(length);

    FUZZ_CHECK(length < size);
    if (length != 0) {
        FUZZ_CHECK(strlen(text) == length);
        FUZZ_CHECK(coap2_uri_text((char *)exact.bytes, exact.size, to, msg) ==
                   length);
        FUZZ_CHECK(memcmp(exact.bytes, text, length + 1) == 0);
    }
    FUZZ_CHECK(coap2_uri_text((char *)tight.bytes, tight.size, to, msg) == 0);
    fuzz_close(&exact);
    fuzz_close(&tight);
    return length;
}

static bool next_of_target(coap2_opt *opt)
{
    while (coap2_opt_next(opt))
        if (opt->number >= COAP2_OPT_URI_PATH) return true;
    return false;
}

/* The same Uri-Path and Uri-Query options; a path of one empty segment is no
   path at all (RFC 7252 6.4, step 8). */
static bool same_target(const coap2_msg *a, const coap2_msg *b)
{
    coap2_opt in_a = fuzz_options(a), in_b = fuzz_options(b);
    bool more_a = next_of_target(&in_a), more_b = next_of_target(&in_b);
    coap2_opt second_a = in_a;

    if (more_a && in_a.number == COAP2_OPT_URI_PATH && in_a.length == 0 &&
        !(next_of_target(&second_a) && second_a.number == COAP2_OPT_URI_PATH))
        more_a = next_of_target(&in_a);
    while (more_a && more_b) {
        if (in_a.number != in_b.number ||
            !fuzz_same(in_a.value, in_a.length, in_b.value, in_b.length))
            return false;
        more_a = next_of_target(&in_a);
        more_b = next_of_target(&in_b);
    }
    return more_a == more_b;
}

/* The host that a request went to, where there is none in it; else the value
   of Uri-Host, which may be an address as text. */
static void check_host(const coap2_uri *to, const request *r,
                       const coap2_uri *uri)
{
    uint8_t address[16], other[16];
    coap2_opt opt;

    if (coap2_msg_find(&r->msg, COAP2_OPT_URI_HOST, &opt)) {
        coap2_opt own;

        if (uri->kind != COAP2_HOST_NAME) return;
        FUZZ_CHECK(coap2_msg_find(&again.msg, COAP2_OPT_URI_HOST, &own));
        FUZZ_CHECK(own.length == opt.length);
        FUZZ_CHECK(strncasecmp((const char *)own.value, (const char *)opt.value,
                               own.length) == 0);
        return;
    }
    FUZZ_CHECK(uri->kind == to->kind);
    FUZZ_CHECK(coap2_uri_address(uri, address) == coap2_uri_address(to, other));
    FUZZ_CHECK(memcmp(address, other, uri->kind == COAP2_HOST_IPV6 ? 16 : 4) ==
               0);
}

static void check_port(const coap2_uri *to, const request *r,
                       const coap2_uri *uri)
{
    uint32_t port = to->port;
    coap2_opt opt;

    if (coap2_msg_find(&r->msg, COAP2_OPT_URI_PORT, &opt))
        (void)coap2_opt_uint(&opt, &port);
    FUZZ_CHECK(uri->port == port);
}

static char text_1[4 * LONGEST_URI], text_2[4 * LONGEST_URI];

/* The text of a request comes to the same options, and from then on to the
   same text. False if the request has no URI. */
static bool check_recomposed(const coap2_uri *to, const request *r)
{
    size_t length = recompose(text_1, sizeof text_1, to, &r->msg);
    coap2_uri uri;

    if (length == 0) return false;
    FUZZ_CHECK(coap2_uri_parse(&uri, text_1, length) == COAP2_OK);
    request_from_uri(&again, &uri);
    check_host(to, r, &uri);
    check_port(to, r, &uri);
    FUZZ_CHECK(same_target(&r->msg, &again.msg));

    length = recompose(text_2, sizeof text_2, &uri, &again.msg);
    FUZZ_CHECK(length != 0);
    FUZZ_CHECK(coap2_uri_parse(&uri, text_2, length) == COAP2_OK);
    request_from_uri(&again, &uri);
    FUZZ_CHECK(recompose(text_1, sizeof text_1, &uri, &again.msg) == length);
    FUZZ_CHECK(memcmp(text_1, text_2, length) == 0);
    return true;
}

/* ==== Paths ============================================================== */

static bool slow_path_equals(const coap2_msg *msg, const char *path)
{
    coap2_opt opt;
    bool found = coap2_msg_find(msg, COAP2_OPT_URI_PATH, &opt);

    if (*path == '/') path++;
    if (*path == 0) return !found;
    for (;;) {
        size_t length = strcspn(path, "/");

        if (strcmp(path, "*") == 0) return found;
        if (!found || !fuzz_same(path, length, opt.value, opt.length))
            return false;
        found = coap2_opt_next(&opt) && opt.number == COAP2_OPT_URI_PATH;
        path += length;
        if (*path++ == 0) return !found;
    }
}

static void check_path(const coap2_msg *msg, const char *path, size_t length)
{
    fuzz_memory copy = fuzz_open(length + 1);

    memcpy(copy.bytes, path, length);
    copy.bytes[length] = 0;
    FUZZ_CHECK(coap2_msg_path_equals(msg, (const char *)copy.bytes) ==
               slow_path_equals(msg, (const char *)copy.bytes));
    fuzz_close(&copy);
}

/* The path that the options spell, as it is and with a letter more. */
static void check_own_path(const coap2_msg *msg)
{
    char path[2 * LONGEST_URI];
    size_t length = 0;
    coap2_opt opt;

    for (opt = fuzz_options(msg); coap2_opt_next(&opt);) {
        if (opt.number != COAP2_OPT_URI_PATH) continue;
        path[length++] = '/';
        memcpy(path + length, opt.value, opt.length);
        length += opt.length;
    }
    check_path(msg, path, length);
    path[length++] = '/';
    check_path(msg, path, length);
    path[length - 1] = 'a';
    check_path(msg, path, length);
    check_path(msg, path + (length > 1), length - (length > 1));
}

/* ==== Inputs ============================================================= */

static void try_uri(const char *text, size_t length)
{
    coap2_uri uri;

    memset(&uri, 0xA5, sizeof uri);
    if (coap2_uri_parse(&uri, text, length) != COAP2_OK) {
        check_refusal(&uri, text, length);
        return;
    }
    FUZZ_CHECK(uri.kind != COAP2_HOST_NONE && uri.host_length > 0);
    FUZZ_CHECK(fuzz_inside(uri.host, uri.host_length, text, length));
    check_scheme_and_port(&uri, text, length);
    check_view(&uri, text, length);
    check_address(&uri);
    expect_uri(&uri);
    request_from_uri(&first, &uri);
    check_expected(&first);
    FUZZ_CHECK(check_recomposed(&uri, &first));
    check_own_path(&first.msg);
}

/* A reference is resolved against a base, which is always the same here. */
static void try_reference(const char *text, size_t length)
{
    coap2_uri reference, base;

    memset(&reference, 0xA5, sizeof reference);
    if (coap2_uri_parse_ref(&reference, text, length) != COAP2_OK) {
        check_refusal(&reference, text, length);
        return;
    }
    FUZZ_CHECK(reference.kind == COAP2_HOST_NONE);
    reference.scheme = COAP2_SCHEME_COAP;
    check_view(&reference, text, length);
    expect_uri(&reference);
    request_from_uri(&first, &reference);
    check_expected(&first);
    FUZZ_CHECK(coap2_uri_parse(&base, "coap://[::1]", 12) == COAP2_OK);
    FUZZ_CHECK(check_recomposed(&base, &first));
}

/* Options as a stranger may send them; not all of them have a URI. */
static void try_request(const char *lines, size_t length, const char *path,
                        size_t path_length)
{
    static const char letters[] = "hopq";
    static const uint16_t numbers[] = {COAP2_OPT_URI_HOST, COAP2_OPT_URI_PORT,
                                       COAP2_OPT_URI_PATH, COAP2_OPT_URI_QUERY};
    size_t from, at;
    coap2_uri base;
    coap2_writer w;

    request_start(&first, &w);
    for (from = at = 0; at <= length; at++) {
        const char *letter;

        if (at < length && lines[at] != '\n') continue;
        letter = at > from ? strchr(letters, lines[from]) : NULL;
        if (letter != NULL && *letter != 0)
            coap2_write_opt(&w, numbers[letter - letters], lines + from + 1,
                            at - from - 1);
        from = at + 1;
    }
    request_end(&first, &w);
    check_path(&first.msg, path, path_length);
    check_own_path(&first.msg);
    FUZZ_CHECK(coap2_uri_parse(&base, "coap://127.0.0.1", 16) == COAP2_OK);
    check_recomposed(&base, &first);
}

static void fuzz_one(const uint8_t *bytes, size_t length)
{
    size_t line = 0;
    fuzz_memory text;
    const char *rest;

    if (length > LONGEST_URI) length = LONGEST_URI;
    while (line < length && bytes[line] != '\n') line++;
    rest = (const char *)bytes + line;
    text = fuzz_copy(bytes, line);
    try_uri((const char *)text.bytes, line);
    try_reference((const char *)text.bytes, line);
    check_ipv6((const char *)text.bytes, line);
    try_request(rest, length - line, (const char *)text.bytes, line);
    fuzz_close(&text);
}
