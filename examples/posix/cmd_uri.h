/* cmd_uri.h - coap2 uri: show the options that a URI becomes, and the URI that
   they become again. */

#ifndef CMD_URI_H
#define CMD_URI_H

#include "show.h"
#include "tool.h"

static const char *const scheme_names[] = {"coap",      "coaps",   "coap+tcp",
                                           "coaps+tcp", "coap+ws", "coaps+ws"};

/* A URI, taken apart and put together again. */
typedef struct uri_parts {
    coap2_uri uri;
    uint8_t *request; /* a GET with the options of the URI */
    coap2_msg msg;
    char *text; /* recomposed */
    char *host; /* decoded, in lower case, an address without brackets */
    size_t host_length;
} uri_parts;

/* An option costs five bytes at most on top of its value, and a byte three at
   most as %XX: this will do for the request and for the text. */
static size_t room_for(size_t length)
{
    return 6 * length + 64;
}

static bool make_request(uri_parts *parts, size_t room)
{
    coap2_writer w;

    parts->request = must_have(malloc(room));
    coap2_write_start(&w, parts->request, room);
    coap2_write_header(&w, COAP2_CON, COAP2_001_GET, 0, NULL, 0);
    coap2_write_uri(&w, &parts->uri);
    return coap2_msg_parse(&parts->msg, parts->request, coap2_write_end(&w)) ==
           COAP2_OK;
}

static bool make_text(uri_parts *parts, size_t room)
{
    parts->text = must_have(malloc(room));
    return coap2_uri_text(parts->text, room, &parts->uri, &parts->msg) > 0;
}

static void keep_host(uri_parts *parts, const void *host, size_t length)
{
    parts->host = must_have(malloc(length + 1));
    memcpy(parts->host, host, length);
    parts->host_length = length;
}

/* Undo %XX in place. Returns the length that is left. */
static size_t percent_decode(char *text, size_t length)
{
    size_t from, to = 0;

    for (from = 0; from < length; from++, to++) {
        text[to] = text[from];
        if (text[from] != '%' || length - from < 3) continue;
        if (digit_value(text[from + 1]) < 0 || digit_value(text[from + 2]) < 0)
            continue;
        text[to] = (char)(digit_value(text[from + 1]) * 16 +
                          digit_value(text[from + 2]));
        from += 2;
    }
    return to;
}

/* A name is what Uri-Host says. An address makes no option: take it as the
   recomposed text has it, with the `%25` before its zone decoded (RFC 6874). */
static void make_host(uri_parts *parts)
{
    coap2_uri again;
    coap2_opt opt;

    if (coap2_msg_find(&parts->msg, COAP2_OPT_URI_HOST, &opt)) {
        keep_host(parts, opt.value, opt.length);
        return;
    }
    coap2_uri_parse(&again, parts->text, strlen(parts->text));
    keep_host(parts, again.host, again.host_length);
    parts->host_length = percent_decode(parts->host, parts->host_length);
}

static void json_uri(const uri_parts *parts)
{
    printf("{\"scheme\":\"%s\",\"host\":", scheme_names[parts->uri.scheme]);
    put_json(stdout, parts->host, parts->host_length);
    printf(",\"port\":%u,\"options\":", (unsigned)parts->uri.port);
    json_options(&parts->msg);
    fputs(",\"uri\":", stdout);
    put_json(stdout, parts->text, strlen(parts->text));
    fputs("}\n", stdout);
}

static void show_uri(const uri_parts *parts)
{
    static const char *const kinds[] = {"none", "name", "IPv4 address",
                                        "IPv6 address"};

    printf("scheme   %s\nhost     ", scheme_names[parts->uri.scheme]);
    put_quoted(stdout, (const uint8_t *)parts->host, parts->host_length);
    printf("  %s\nport     %u\n", kinds[parts->uri.kind],
           (unsigned)parts->uri.port);
    show_options(&parts->msg);
    printf("uri      %s\n", parts->text);
}

static int uri_fault(const call *c, const char *text, size_t fault_at)
{
    size_t length = strlen(text);
    const char *why = name_or(coap2_uri_why(text, length, fault_at),
                              coap2_error_text(COAP2_ERR_FORMAT));

    if (c->json) return json_fault(why, fault_at);
    complain(FAILED, "not a CoAP URI: %s (byte %lu)", why,
             (unsigned long)fault_at);
    put_text_fault(stderr, text, length, fault_at);
    return FAILED;
}

static int run_uri(const call *c)
{
    const char *text = c->arguments[0];
    size_t length = strlen(text), room = room_for(length);
    uri_parts parts = {0};
    int status = DONE;

    if (coap2_uri_parse(&parts.uri, text, length) != COAP2_OK)
        return uri_fault(c, text, parts.uri.fault_at);
    if (make_request(&parts, room) && make_text(&parts, room)) {
        make_host(&parts);
        (c->json ? json_uri : show_uri)(&parts);
    } else {
        status = uri_fault(c, text, 0);
    }
    free(parts.request);
    free(parts.text);
    free(parts.host);
    return status;
}

#endif /* CMD_URI_H */
