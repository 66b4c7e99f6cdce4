/* cmd_links.h - coap2 links: show the links of a list that match a query. */

#ifndef CMD_LINKS_H
#define CMD_LINKS_H

#include "tool.h"

/* ---- which links -------------------------------------------------------- */

/* Queries joined by `&`, of which all must match. */
static bool matches_all(const coap2_link *link, const char *queries)
{
    size_t length;

    for (;;) {
        length = strcspn(queries, "&");
        if (!coap2_link_matches(link, queries, length)) return false;
        if (queries[length] == '\0') return true;
        queries += length + 1;
    }
}

/* A text file ends in a line end that is no part of the list. */
static size_t without_line_end(const char *text, size_t length)
{
    if (length == 0 || text[length - 1] != '\n') return length;
    length--;
    if (length > 0 && text[length - 1] == '\r') length--;
    return length;
}

/* ---- showing them ------------------------------------------------------- */

static void json_link(const coap2_link *link, char *room, size_t size)
{
    coap2_attr attr = coap2_link_attrs(link);
    const char *before = "";

    fputs("{\"target\":", stdout);
    put_json(stdout, link->target, link->target_length);
    fputs(",\"attributes\":[", stdout);
    while (coap2_attr_next(&attr)) {
        printf("%s[", before);
        put_json(stdout, attr.name, attr.name_length);
        fputc(',', stdout);
        if (attr.value == NULL)
            fputs("null", stdout);
        else
            put_json(stdout, room, coap2_attr_text(&attr, room, size));
        fputc(']', stdout);
        before = ",";
    }
    fputs("]}\n", stdout);
}

static void show_link(const coap2_link *link, char *room, size_t size)
{
    coap2_attr attr = coap2_link_attrs(link);
    size_t length;

    put_escaped(stdout, (const uint8_t *)link->target, link->target_length);
    fputc('\n', stdout);
    while (coap2_attr_next(&attr)) {
        fputs("    ", stdout);
        put_escaped(stdout, (const uint8_t *)attr.name, attr.name_length);
        if (attr.value != NULL) {
            length = coap2_attr_text(&attr, room, size);
            fputs(" = ", stdout);
            (attr.quoted ? put_quoted
                         : put_escaped)(stdout, (const uint8_t *)room, length);
        }
        fputc('\n', stdout);
    }
}

static void show_links(const call *c, coap2_link link, char *room, size_t size)
{
    const char *queries = c->count > 0 ? c->arguments[0] : "";

    if (queries[0] == '?') queries++;
    while (coap2_link_next(&link))
        if (matches_all(&link, queries))
            (c->json ? json_link : show_link)(&link, room, size);
}

/* ---- the command -------------------------------------------------------- */

static int links_fault(const call *c, const coap2_link *link)
{
    const char *why =
        name_or(coap2_link_why(link), coap2_error_text(COAP2_ERR_FORMAT));

    if (c->json) return json_fault(why, link->position);
    complain(FAILED, "not a link list: %s (byte %lu)", why,
             (unsigned long)link->position);
    put_text_fault(stderr, link->text, link->length, link->position);
    return FAILED;
}

static int run_links(const call *c)
{
    size_t length;
    char *text = (char *)read_all(stdin, &length);
    char *room = must_have(malloc(length + 1)); /* for any one value */
    coap2_link link;
    int status = DONE;

    length = without_line_end(text, length);
    for (link = coap2_links(text, length); coap2_link_next(&link);) {
        /* nothing is shown of a list that is wrong somewhere */
    }
    if (link.error == COAP2_OK)
        show_links(c, coap2_links(text, length), room, length + 1);
    else
        status = links_fault(c, &link);
    free(room);
    free(text);
    return status;
}

#endif /* CMD_LINKS_H */
