/* Names and reasons as text, for people: every registered one, none for what
   is not registered. */
#define COAP2_WITH_STRINGS 1
#define COAP2_IMPLEMENTATION
#include "../coap2.h"
#include "harness.h"

typedef struct name_row {
    uint16_t number;
    char name[32];
} name_row;

/* RFC 7252 5.10 and the RFCs that register options since. */
static const name_row options[] TEST_FLASH = {
    {1, "If-Match"},        {3, "Uri-Host"},       {4, "ETag"},
    {5, "If-None-Match"},   {6, "Observe"},        {7, "Uri-Port"},
    {8, "Location-Path"},   {9, "OSCORE"},         {11, "Uri-Path"},
    {12, "Content-Format"}, {14, "Max-Age"},       {15, "Uri-Query"},
    {16, "Hop-Limit"},      {17, "Accept"},        {19, "Q-Block1"},
    {20, "Location-Query"}, {21, "EDHOC"},         {23, "Block2"},
    {27, "Block1"},         {28, "Size2"},         {31, "Q-Block2"},
    {35, "Proxy-Uri"},      {39, "Proxy-Scheme"},  {60, "Size1"},
    {252, "Echo"},          {258, "No-Response"},  {292, "Request-Tag"},
    {300, "Discovery"},     {400, "Notification"}, {410, "Rule"},
};

/* RFC 7252 12.1, 7959 6, 8132 6, 8323 11.1, 8516 5, 8768 6. */
static const name_row codes[] TEST_FLASH = {
    {0, "Empty"},
    {1, "GET"},
    {2, "POST"},
    {3, "PUT"},
    {4, "DELETE"},
    {5, "FETCH"},
    {6, "PATCH"},
    {7, "iPATCH"},
    {65, "Created"},
    {66, "Deleted"},
    {67, "Valid"},
    {68, "Changed"},
    {69, "Content"},
    {95, "Continue"},
    {128, "Bad Request"},
    {129, "Unauthorized"},
    {130, "Bad Option"},
    {131, "Forbidden"},
    {132, "Not Found"},
    {133, "Method Not Allowed"},
    {134, "Not Acceptable"},
    {136, "Request Entity Incomplete"},
    {137, "Conflict"},
    {140, "Precondition Failed"},
    {141, "Request Entity Too Large"},
    {143, "Unsupported Content-Format"},
    {150, "Unprocessable Entity"},
    {157, "Too Many Requests"},
    {160, "Internal Server Error"},
    {161, "Not Implemented"},
    {162, "Bad Gateway"},
    {163, "Service Unavailable"},
    {164, "Gateway Timeout"},
    {165, "Proxying Not Supported"},
    {168, "Hop Limit Reached"},
    {225, "CSM"},
    {226, "Ping"},
    {227, "Pong"},
    {228, "Release"},
    {229, "Abort"},
};

/* Exactly these of all 65,536 numbers have a name. */
static void names_of_options(void)
{
    unsigned i, rows = sizeof options / sizeof options[0];
    uint32_t number, named = 0;

    for (i = 0; i < rows; i++) {
        name_row r;
        const char *name;

        test_row = i + 1;
        TEST_FETCH(&r, &options[i]);
        name = coap2_opt_name(COAP2_001_GET, r.number);
        CHECK_TEXT(name != NULL ? name : "", r.name);
        name = coap2_opt_name(COAP2_205_CONTENT, r.number);
        CHECK_TEXT(name != NULL ? name : "", r.name);
    }
    for (number = 0; number < 65536u; number++) {
        named += coap2_opt_name(COAP2_001_GET, (uint16_t)number) != NULL;
    }
    CHECK_EQ(named, rows);
}

static void names_of_codes(void)
{
    unsigned i, rows = sizeof codes / sizeof codes[0], code, named = 0;

    for (i = 0; i < rows; i++) {
        name_row r;
        const char *name;

        test_row = i + 1;
        TEST_FETCH(&r, &codes[i]);
        name = coap2_code_name((uint8_t)r.number);
        CHECK_TEXT(name != NULL ? name : "", r.name);
    }
    for (code = 0; code < 256; code++) {
        named += coap2_code_name((uint8_t)code) != NULL;
    }
    CHECK_EQ(named, rows);
}

typedef struct signal_row {
    uint8_t code, number;
    char name[24]; /* empty: none */
} signal_row;

static const signal_row signals[] TEST_FLASH = {
    {225, 2, "Max-Message-Size"},
    {225, 4, "Block-Wise-Transfer"},
    {226, 2, "Custody"},
    {227, 2, "Custody"},
    {228, 2, "Alternative-Address"},
    {228, 4, "Hold-Off"},
    {229, 2, "Bad-CSM-Option"},
    {225, 11, ""},
    {226, 4, ""},
    {227, 4, ""},
    {229, 4, ""},
    {230, 2, ""},
    {224, 4, ""},
    {228, 1, ""},
};

static void names_of_signal_options(void)
{
    unsigned i;

    for (i = 0; i < sizeof signals / sizeof signals[0]; i++) {
        signal_row r;
        const char *name;

        test_row = i + 1;
        TEST_FETCH(&r, &signals[i]);
        name = coap2_opt_name(r.code, r.number);
        CHECK((name != NULL) == (r.name[0] != '\0'));
        CHECK_TEXT(name != NULL ? name : "", r.name);
    }
}

static void names_of_types(void)
{
    CHECK_TEXT(coap2_type_name(COAP2_CON), "CON");
    CHECK_TEXT(coap2_type_name(COAP2_NON), "NON");
    CHECK_TEXT(coap2_type_name(COAP2_ACK), "ACK");
    CHECK_TEXT(coap2_type_name(COAP2_RST), "RST");
    CHECK(coap2_type_name(4) == NULL && coap2_type_name(255) == NULL);
}

static void names_of_formats(void)
{
    CHECK_TEXT(coap2_format_name(0), "text/plain; charset=utf-8");
    CHECK_TEXT(coap2_format_name(40), "application/link-format");
    CHECK_TEXT(coap2_format_name(41), "application/xml");
    CHECK_TEXT(coap2_format_name(42), "application/octet-stream");
    CHECK_TEXT(coap2_format_name(47), "application/exi");
    CHECK_TEXT(coap2_format_name(50), "application/json");
    CHECK_TEXT(coap2_format_name(51), "application/json-patch+json");
    CHECK_TEXT(coap2_format_name(52), "application/merge-patch+json");
    CHECK_TEXT(coap2_format_name(60), "application/cbor");
    CHECK_TEXT(coap2_format_name(110), "application/senml+json");
    CHECK_TEXT(coap2_format_name(112), "application/senml+cbor");
    CHECK_TEXT(coap2_format_name(272), "application/missing-blocks+cbor-seq");
    CHECK_TEXT(coap2_format_name(10001), "application/oscore");
    CHECK(coap2_format_name(1) == NULL && coap2_format_name(65535) == NULL);
}

/* Every result has a text, and no other number has one. */
static void texts_of_results(void)
{
    int result, named = 0;

    for (result = -128; result < 128; result++) {
        named += coap2_error_text((coap2_result)result) != NULL;
    }
    CHECK_EQ(named, 13);
    CHECK(coap2_error_text(COAP2_OK) != NULL);
    CHECK(coap2_error_text(COAP2_ERR_VERSION) != NULL);
    CHECK(coap2_error_text(COAP2_ERR_FORMAT) != NULL);
    CHECK(coap2_error_text(COAP2_ERR_SPACE) != NULL);
    CHECK(coap2_error_text(COAP2_ERR_ARG) != NULL);
    CHECK(coap2_error_text(COAP2_ERR_NAME) != NULL);
}

typedef struct why_row {
    uint8_t length, bytes[8];
    uint8_t fault_at;
} why_row;

/* One message for each rule of RFC 7252 3 and 4.1; the reasons differ. */
static const why_row whys[] TEST_FLASH = {
    {3, {0x40, 1, 0}, 3},
    {4, {0x80, 1, 0, 0}, 0},
    {4, {0x49, 1, 0, 0}, 0},
    {6, {0x44, 1, 0, 0, 1, 2}, 6},
    {5, {0x40, 0, 0, 0, 0}, 4},
    {5, {0x40, 1, 0, 0, 0xff}, 4},
    {5, {0x40, 1, 0, 0, 0xf0}, 4},
    {6, {0x40, 1, 0, 0, 0xb5, 'a'}, 4},
    {8, {0x40, 1, 0, 0, 0xe0, 0xfe, 0xf2, 0xc0}, 7},
};

static void reasons_of_messages(void)
{
    enum { ROWS = (int)(sizeof whys / sizeof whys[0]) };
    const char *reasons[ROWS];
    unsigned i, k;

    for (i = 0; i < ROWS; i++) {
        why_row r;
        size_t at = 99;

        test_row = i + 1;
        TEST_FETCH(&r, &whys[i]);
        reasons[i] = coap2_msg_why(r.bytes, r.length, &at);
        CHECK(reasons[i] != NULL);
        CHECK_EQ(at, r.fault_at);
        for (k = 0; k < i; k++) CHECK(reasons[i] != reasons[k]);
    }
}

static void reasons_of_messages_that_are_well(void)
{
    static const uint8_t bytes[] = {0x40, 1, 0, 0, 0xb1, 'a'};
    size_t at;

    CHECK(coap2_msg_why(bytes, sizeof bytes, &at) == NULL);
    CHECK(coap2_msg_why(bytes, 4, &at) == NULL);
}

/* Wherever a URI may be wrong there is something to say. */
static void reasons_of_uris(void)
{
    static const char uris[][20] = {"",
                                    "http://h/",
                                    "coap://",
                                    "coap://h/#f",
                                    "coap://u@h/",
                                    "coap://[::1",
                                    "coap://h/%",
                                    "coap://h/ ",
                                    "coap://h/\x7f",
                                    "coap://h:65536",
                                    "coap://h/%2e",
                                    "coap://[::g]/",
                                    "coap://h/\xc3",
                                    "coap://h%4",
                                    "coap://h/[a]",
                                    "coap://h:/a^",
                                    "coap://u:p@h/"};
    unsigned i;

    for (i = 0; i < sizeof uris / sizeof uris[0]; i++) {
        size_t n = strlen(uris[i]);
        coap2_uri uri;

        test_row = i + 1;
        CHECK(coap2_uri_parse(&uri, uris[i], n) == COAP2_ERR_FORMAT);
        CHECK(coap2_uri_why(uris[i], n, uri.fault_at) != NULL);
    }
}

/* So it does for references. */
static void reasons_of_references(void)
{
    static const char refs[][8] = {"a:b", "//h/a", " a",  "%zz",
                                   "#f",  "a#b:c", "%2e", "a/^"};
    unsigned i;

    for (i = 0; i < sizeof refs / sizeof refs[0]; i++) {
        size_t n = strlen(refs[i]);
        coap2_uri uri;

        test_row = i + 1;
        CHECK(coap2_uri_parse_ref(&uri, refs[i], n) == COAP2_ERR_FORMAT);
        CHECK(coap2_uri_why(refs[i], n, uri.fault_at) != NULL);
        if (i == 5) CHECK_EQ(uri.fault_at, 1);
    }
}

static void reasons_of_links(void)
{
    static const char lists[][12] = {"<",      "</a>, </b>", "</a>,,",
                                     "</a>;;", "x",          "</a>\t",
                                     "</a>\n", "</a>\r",     "</a>;b=\""};
    unsigned i;

    for (i = 0; i < sizeof lists / sizeof lists[0]; i++) {
        coap2_link link = coap2_links(lists[i], strlen(lists[i]));

        test_row = i + 1;
        CHECK(coap2_link_why(&link) == NULL);
        while (coap2_link_next(&link)) {
        }
        CHECK(coap2_link_why(&link) != NULL);
    }
}

int main(void)
{
    RUN("RFC 7252 5.10 and later: options", names_of_options);
    RUN("RFC 7252 12.1 and later: codes", names_of_codes);
    RUN("RFC 8323 5: options of signals", names_of_signal_options);
    RUN("RFC 7252 3: types", names_of_types);
    RUN("RFC 7252 12.3 and later: formats", names_of_formats);
    RUN("results have texts", texts_of_results);
    RUN("RFC 7252 3, 4.1: why a message is refused", reasons_of_messages);
    RUN("RFC 7252 3: no reason to refuse", reasons_of_messages_that_are_well);
    RUN("RFC 3986: why a URI is refused", reasons_of_uris);
    RUN("reasons of references", reasons_of_references);
    RUN("RFC 6690 2: why a list is refused", reasons_of_links);
    return test_end();
}
