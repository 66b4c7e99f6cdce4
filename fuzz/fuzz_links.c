/* fuzz_links.c - link lists and their filters

   The first line of the input is a filter, as Uri-Query carries it; the rest
   is a list of links. A second reading of RFC 6690 2, letter by letter, must
   find the same links; matching is tried against a slow one; and the list is
   written again, whole and through small windows. */

#include "fuzz.h"

#define LONGEST_LIST 4000u

/* ==== A second opinion =================================================== */

typedef struct part {
    const char *text;
    size_t length;
} part;

typedef struct attribute {
    part name, value;
    bool quoted;
} attribute;

typedef struct link_parts {
    part target;
    size_t first, end; /* of its attributes */
} link_parts;

static attribute attributes[LONGEST_LIST];
static link_parts links[LONGEST_LIST];
static size_t links_count, attributes_count;

typedef enum state {
    AT_LINK,
    IN_TARGET,
    AT_HEX_1,
    AT_HEX_2,
    BEHIND_TARGET,
    AT_NAME,
    IN_NAME,
    BEHIND_NAME,
    AT_VALUE,
    AT_BARE_VALUE,
    IN_TOKEN,
    IN_QUOTES,
    IN_ESCAPE,
    BEHIND_QUOTES,
    REFUSED
} state;

static bool is_one_of(char letter, const char *letters)
{
    return letter != 0 && strchr(letters, letter) != NULL;
}

static bool is_alphanumeric(char letter)
{
    return (letter >= '0' && letter <= '9') ||
           (letter >= 'a' && letter <= 'z') || (letter >= 'A' && letter <= 'Z');
}

static bool is_hex(char letter)
{
    return is_one_of(letter, "0123456789abcdefABCDEF");
}

/* URI-Reference (RFC 3986 4.1), by its letters. */
static state in_target(char letter)
{
    if (letter == '>') return BEHIND_TARGET;
    if (letter == '%') return AT_HEX_1;
    if (is_alphanumeric(letter) || is_one_of(letter, "-._~:/?#[]@!$&'()*+,;="))
        return IN_TARGET;
    return REFUSED;
}

/* Where a value, a name or a target has ended. */
static state behind(char letter)
{
    return letter == ';' ? AT_NAME : letter == ',' ? AT_LINK : REFUSED;
}

static state in_name(char letter)
{
    if (is_alphanumeric(letter) || is_one_of(letter, "!#$&+-.^_`|~"))
        return IN_NAME;
    return letter == '*'   ? BEHIND_NAME
           : letter == '=' ? AT_VALUE
                           : behind(letter);
}

static bool is_token(char letter)
{
    return letter > 32 && letter < 127 && !is_one_of(letter, "\",;\\");
}

static state in_quotes(char letter)
{
    unsigned byte = (uint8_t)letter;

    if (letter == '"') return BEHIND_QUOTES;
    if (letter == '\\') return IN_ESCAPE;
    return (byte < 32 && byte != 9) || byte == 127 ? REFUSED : IN_QUOTES;
}

static state step(state now, char letter)
{
    switch (now) {
    case AT_LINK:
        return letter == '<' ? IN_TARGET : REFUSED;
    case IN_TARGET:
        return in_target(letter);
    case AT_HEX_1:
        return is_hex(letter) ? AT_HEX_2 : REFUSED;
    case AT_HEX_2:
        return is_hex(letter) ? IN_TARGET : REFUSED;
    case AT_NAME:
        return in_name(letter) == IN_NAME ? IN_NAME : REFUSED;
    case IN_NAME:
        return in_name(letter);
    case BEHIND_NAME:
        return letter == '=' ? AT_BARE_VALUE : REFUSED;
    case AT_VALUE:
        return letter == '"'      ? IN_QUOTES
               : is_token(letter) ? IN_TOKEN
                                  : REFUSED;
    case AT_BARE_VALUE:
        return is_token(letter) ? IN_TOKEN : REFUSED;
    case IN_TOKEN:
        return is_token(letter) ? IN_TOKEN : behind(letter);
    case IN_QUOTES:
        return in_quotes(letter);
    case IN_ESCAPE:
        return (uint8_t)letter < 128 ? IN_QUOTES : REFUSED;
    case BEHIND_TARGET:
    case BEHIND_QUOTES:
        return behind(letter);
    default:
        return REFUSED;
    }
}

/* Note what begins and what goes on at this letter. */
static void note(state before, state now, const char *letter)
{
    attribute *last = &attributes[attributes_count - (attributes_count > 0)];

    if (before == AT_LINK && now == IN_TARGET) {
        links[links_count].target.text = letter + 1;
        links[links_count].target.length = 0;
        links[links_count].first = attributes_count;
    } else if (now == IN_TARGET || now == AT_HEX_1 || now == AT_HEX_2) {
        links[links_count].target.length++;
    } else if (before == AT_NAME && now == IN_NAME) {
        memset(&attributes[attributes_count], 0, sizeof *attributes);
        attributes[attributes_count].name.text = letter;
        attributes[attributes_count++].name.length = 1;
    } else if (now == IN_NAME || now == BEHIND_NAME) {
        last->name.length++;
    } else if (now == AT_VALUE || now == AT_BARE_VALUE) {
        last->value.text = letter + 1;
    } else if (before == AT_VALUE && now == IN_QUOTES) {
        last->value.text = letter + 1;
        last->quoted = true;
    } else if (now == IN_TOKEN || now == IN_QUOTES || now == IN_ESCAPE) {
        last->value.length++;
    }
}

/* Read the list; true if it is well formed. A link counts once it is whole. */
static bool read_list(const char *text, size_t length)
{
    state now = AT_LINK;
    size_t i;

    links_count = attributes_count = 0;
    for (i = 0; i < length && now != REFUSED; i++) {
        state next = step(now, text[i]);

        note(now, next, text + i);
        if (next == AT_LINK) links[links_count++].end = attributes_count;
        now = next;
    }
    if (now == BEHIND_TARGET || now == IN_NAME || now == IN_TOKEN ||
        now == BEHIND_QUOTES) {
        links[links_count++].end = attributes_count;
        return true;
    }
    return length == 0;
}

/* ==== Values ============================================================= */

/* The value with its escapes undone. */
static size_t unescape(const attribute *a, char *text)
{
    size_t i, length = 0;

    for (i = 0; i < a->value.length; i++) {
        if (a->quoted && a->value.text[i] == '\\') i++;
        text[length++] = a->value.text[i];
    }
    return length;
}

static void check_text(const attribute *expected, const coap2_attr *attr)
{
    static char text[LONGEST_LIST];
    size_t length = unescape(expected, text), size;

    for (size = 0; size <= length + 1; size = size == 0 ? 1 : 2 * size) {
        size_t exact = size < length ? size : length;
        fuzz_memory memory = fuzz_open(exact);

        FUZZ_CHECK(coap2_attr_text(attr, (char *)memory.bytes, exact) ==
                   length);
        FUZZ_CHECK(fuzz_same(memory.bytes, exact, text, exact));
        fuzz_close(&memory);
    }
}

static void check_attributes(const coap2_link *link, const link_parts *l)
{
    coap2_attr attr = coap2_link_attrs(link);
    size_t i;

    for (i = l->first; i < l->end; i++) {
        const attribute *a = &attributes[i];

        FUZZ_CHECK(coap2_attr_next(&attr));
        FUZZ_CHECK(attr.name == a->name.text);
        FUZZ_CHECK(attr.name_length == a->name.length);
        FUZZ_CHECK(attr.value == a->value.text);
        FUZZ_CHECK(attr.value_length == a->value.length);
        FUZZ_CHECK(attr.quoted == a->quoted);
        check_text(a, &attr);
    }
    FUZZ_CHECK(!coap2_attr_next(&attr));
}

/* The first attribute of each name is found. */
static void check_find(const coap2_link *link, const link_parts *l)
{
    size_t i, j;

    for (i = l->first; i < l->end && i < l->first + 8; i++) {
        const part *name = &attributes[i].name;
        char text[LONGEST_LIST];
        coap2_attr attr;

        memcpy(text, name->text, name->length);
        text[name->length] = 0;
        FUZZ_CHECK(coap2_link_find(link, text, &attr));
        for (j = l->first;
             !fuzz_same(attributes[j].name.text, attributes[j].name.length,
                        text, name->length);
             j++)
            continue;
        FUZZ_CHECK(attr.name == attributes[j].name.text);
        text[name->length] = '*';
        text[name->length + 1] = 0;
        if (!coap2_link_find(link, text, &attr)) continue;
        FUZZ_CHECK(attr.name[attr.name_length - 1] == '*');
    }
}

/* ==== Filters ============================================================ */

/* One member, or a value as a whole, against what stands behind the `=`. */
static bool member_matches(const char *member, size_t length,
                           const char *pattern, size_t pattern_length)
{
    if (pattern_length > 0 && pattern[pattern_length - 1] == '*')
        return length >= pattern_length - 1 &&
               fuzz_same(member, pattern_length - 1, pattern,
                         pattern_length - 1);
    return fuzz_same(member, length, pattern, pattern_length);
}

static bool value_matches(const char *value, size_t length, bool list,
                          const char *pattern, size_t pattern_length)
{
    size_t i, from = 0;

    if (!list || pattern_length == 0)
        return member_matches(value, length, pattern, pattern_length);
    for (i = 0; i <= length; i++) {
        if (i < length && value[i] != ' ') continue;
        if (member_matches(value + from, i - from, pattern, pattern_length))
            return true;
        from = i + 1;
    }
    return false;
}

static bool name_is(const char *name, size_t length, const char *text)
{
    return fuzz_same(name, length, text, strlen(text));
}

static bool is_list(const char *name, size_t length)
{
    return name_is(name, length, "rt") || name_is(name, length, "if") ||
           name_is(name, length, "ct") || name_is(name, length, "rel") ||
           name_is(name, length, "rev");
}

/* RFC 6690 4.1; a name alone is the same as `name=*`. */
static bool slow_matches(const link_parts *l, const char *query, size_t length)
{
    const char *equal = (const char *)memchr(query, '=', length);
    size_t name = equal == NULL ? length : (size_t)(equal - query);
    const char *pattern = equal == NULL ? "*" : equal + 1;
    size_t pattern_length = equal == NULL ? 1 : length - name - 1;
    static char value[LONGEST_LIST];
    size_t i;

    if (length == 0) return true;
    if (name_is(query, name, "href"))
        return value_matches(l->target.text, l->target.length, false, pattern,
                             pattern_length);
    for (i = l->first; i < l->end; i++) {
        const attribute *a = &attributes[i];

        if (fuzz_same(a->name.text, a->name.length, query, name) &&
            value_matches(value, unescape(a, value), is_list(query, name),
                          pattern, pattern_length))
            return true;
    }
    return false;
}

static void check_match(const coap2_link *link, const link_parts *l,
                        const char *query, size_t length)
{
    FUZZ_CHECK(coap2_link_matches(link, query, length) ==
               slow_matches(l, query, length));
}

/* A filter made of the link itself, so that many inputs have one that hits:
   `name=value` cut at every letter, with and without a star. */
static void check_own_matches(const coap2_link *link, const link_parts *l)
{
    static char query[LONGEST_LIST + 2];
    size_t i, at, length;

    for (i = l->first; i < l->end && i < l->first + 4; i++) {
        const attribute *a = &attributes[i];

        memcpy(query, a->name.text, a->name.length);
        query[a->name.length] = '=';
        at = a->name.length + 1;
        length = at + unescape(a, query + at);
        check_match(link, l, query, length);
        for (; at < length && at < 32; at++) {
            char letter = query[at];

            check_match(link, l, query, at);
            query[at] = '*';
            check_match(link, l, query, at + 1);
            query[at] = letter;
        }
    }
}

/* ==== And back =========================================================== */

static char whole[4 * LONGEST_LIST], pieces[4 * LONGEST_LIST];

static void write_list(coap2_writer *w)
{
    static char value[LONGEST_LIST], name[LONGEST_LIST];
    size_t i, j;

    for (i = 0; i < links_count; i++) {
        coap2_write_link(w, links[i].target.text, links[i].target.length);
        for (j = links[i].first; j < links[i].end; j++) {
            const attribute *a = &attributes[j];
            size_t length = unescape(a, value);

            memcpy(name, a->name.text, a->name.length);
            name[a->name.length] = 0;
            coap2_write_attr(w, name, a->value.text == NULL ? NULL : value,
                             length);
        }
    }
}

/* Write the window of the list at this place; what comes of it is appended.
   True if there is more behind it. */
static bool write_window(char *text, size_t *length, uint32_t at, size_t size,
                         uint32_t body_length)
{
    fuzz_memory buffer = fuzz_open(4 + 1 + size);
    coap2_writer w;
    coap2_msg msg;
    bool more;

    memset(&w, 0xA5, sizeof w);
    coap2_write_start(&w, buffer.bytes, buffer.size);
    coap2_write_header(&w, COAP2_ACK, COAP2_205_CONTENT, 1, NULL, 0);
    coap2_write_window(&w, at, size);
    write_list(&w);
    more = coap2_write_more(&w);
    FUZZ_CHECK(w.error == COAP2_OK);
    FUZZ_CHECK(body_length == 0 || w.body_length == body_length);
    FUZZ_CHECK(more == (w.body_length > at + size));
    FUZZ_CHECK(coap2_msg_parse(&msg, buffer.bytes, coap2_write_end(&w)) ==
               COAP2_OK);
    FUZZ_CHECK(!more || msg.payload_length == size);
    if (msg.payload_length != 0)
        memcpy(text + *length, msg.payload, msg.payload_length);
    *length += msg.payload_length;
    fuzz_close(&buffer);
    return more;
}

static void check_pieces(size_t whole_length, size_t size)
{
    size_t length = 0, at = 0;
    bool more;

    if (whole_length / size > 64) size = whole_length / 64;
    do {
        more = write_window(pieces, &length, (uint32_t)at, size,
                            (uint32_t)whole_length);
        at += size;
    } while (more);
    FUZZ_CHECK(fuzz_same(whole, whole_length, pieces, length));
}

/* The list that was written has the same links, attributes and values. */
static void check_same_list(size_t length)
{
    static char value[LONGEST_LIST], other[LONGEST_LIST];
    coap2_link link = coap2_links(whole, length);
    size_t i, j;

    for (i = 0; i < links_count; i++) {
        coap2_attr attr;

        FUZZ_CHECK(coap2_link_next(&link));
        FUZZ_CHECK(fuzz_same(link.target, link.target_length,
                             links[i].target.text, links[i].target.length));
        attr = coap2_link_attrs(&link);
        for (j = links[i].first; j < links[i].end; j++) {
            const attribute *a = &attributes[j];

            FUZZ_CHECK(coap2_attr_next(&attr));
            FUZZ_CHECK(fuzz_same(attr.name, attr.name_length, a->name.text,
                                 a->name.length));
            FUZZ_CHECK((attr.value == NULL) == (a->value.text == NULL));
            FUZZ_CHECK(fuzz_same(value,
                                 coap2_attr_text(&attr, value, sizeof value),
                                 other, unescape(a, other)));
        }
        FUZZ_CHECK(!coap2_attr_next(&attr));
    }
    FUZZ_CHECK(!coap2_link_next(&link) && link.error == COAP2_OK);
}

static void check_written(size_t size)
{
    size_t length = 0;

    FUZZ_CHECK(!write_window(whole, &length, 0, sizeof whole, 0));
    check_same_list(length);
    check_pieces(length, size);
}

/* ==== Inputs ============================================================= */

static void try_list(const char *text, size_t length, const char *query,
                     size_t query_length)
{
    coap2_link link = coap2_links(text, length);
    bool good = read_list(text, length);
    size_t i, position = 0;

    for (i = 0; i < links_count; i++) {
        FUZZ_CHECK(coap2_link_next(&link));
        FUZZ_CHECK(link.target == links[i].target.text);
        FUZZ_CHECK(link.target_length == links[i].target.length);
        FUZZ_CHECK(link.position > position && link.position <= length);
        position = link.position;
        check_attributes(&link, &links[i]);
        check_find(&link, &links[i]);
        check_match(&link, &links[i], query, query_length);
        if (i < 4) check_own_matches(&link, &links[i]);
    }
    FUZZ_CHECK(!coap2_link_next(&link));
    FUZZ_CHECK((link.error == COAP2_OK) == good);
    FUZZ_CHECK(link.position >= position && link.position <= length);
    FUZZ_CHECK((coap2_link_why(&link) == NULL) == good);
    FUZZ_CHECK(!coap2_link_next(&link));
}

static void fuzz_one(const uint8_t *bytes, size_t length)
{
    size_t line = 0, list;
    fuzz_memory query, text;

    if (length > LONGEST_LIST) length = LONGEST_LIST;
    while (line < length && bytes[line] != '\n') line++;
    list = line < length ? line + 1 : 0; /* one line only: no filter */
    query = fuzz_copy(bytes, list == 0 ? 0 : line);
    text = fuzz_copy(bytes + list, length - list);
    try_list((const char *)text.bytes, text.size, (const char *)query.bytes,
             query.size);
    if (links_count != 0) check_written(1 + line % 32);
    fuzz_close(&query);
    fuzz_close(&text);
}
