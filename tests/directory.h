/* A small resource directory (RFC 9176) out of a node of ours, for tests: what
   its handlers were told is kept in `directory`, and how they answer is set
   there. Include it behind coap2.h, give a node directory_table as its
   resources, and node.bodies for lists of links that come in blocks. One to a
   program. */
#ifndef DIRECTORY_H
#define DIRECTORY_H

#include <stdio.h>
#include <stdlib.h>

enum {
    DIRECTORY_ENTRIES = 4,
    DIRECTORY_LINKS = 4096,
    DIRECTORY_WAITING = 2 /* simple registrations under way */
};

/* A registration. Its location is /rd/NUMBER. */
typedef struct directory_entry {
    unsigned number; /* 0: free */
    char endpoint[64], sector[64], base[256];
    unsigned long lifetime; /* seconds */
    uint32_t since;         /* ms */
    size_t length;
    char links[DIRECTORY_LINKS];
} directory_entry;

/* A simple registration whose links are being read. */
typedef struct directory_simple {
    directory_entry *entry; /* NULL: free */
    int16_t ticket;
} directory_simple;

static struct {
    directory_entry entries[DIRECTORY_ENTRIES];
    directory_simple simple[DIRECTORY_WAITING];
    unsigned last_number;
    unsigned posts, updates, removals, simples; /* requests that came */
    uint8_t refuse;          /* a code to answer with, or 0 */
    uint32_t max_age;        /* of that */
    const char *location[4]; /* instead of rd, NUMBER; "none" first: none */
    const char *core;        /* of directory_odd_table */
    bool has_host;           /* the last request had a Uri-Host, */
    char host[64];           /* this one */
    bool in_blocks;          /* the last registration came in blocks */
} directory;

static void directory_clear(void)
{
    memset(&directory, 0, sizeof directory);
}

/* ---- queries ------------------------------------------------------------- */

/* The value of a parameter of a request, NUL-terminated. */
static bool directory_query(const coap2_req *req, const char *name, char *value,
                            size_t size)
{
    size_t length = strlen(name);
    coap2_opt opt = req->msg->options;

    while (coap2_opt_next(&opt)) {
        if (opt.number != COAP2_OPT_URI_QUERY || opt.length <= length ||
            opt.length - length > size ||
            memcmp(opt.value, name, length) != 0 || opt.value[length] != '=') {
            continue;
        }
        opt.length -= length + 1;
        memcpy(value, opt.value + length + 1, opt.length);
        value[opt.length] = '\0';
        return true;
    }
    return false;
}

static void directory_note_host(const coap2_req *req)
{
    coap2_opt opt;

    directory.has_host = coap2_msg_find(req->msg, COAP2_OPT_URI_HOST, &opt);
    if (!directory.has_host || opt.length >= sizeof directory.host) return;
    memcpy(directory.host, opt.value, opt.length);
    directory.host[opt.length] = '\0';
}

/* The code to refuse with, or 0. */
static uint8_t directory_refusal(coap2_rsp *rsp)
{
    if (directory.refuse != 0) rsp->max_age = directory.max_age;
    return directory.refuse;
}

/* ---- entries ------------------------------------------------------------- */

static bool directory_is_listed(const coap2_node *node,
                                const directory_entry *entry)
{
    return entry->number != 0 &&
           (node->time - entry->since) / 1000 < entry->lifetime;
}

/* The entry of an endpoint and sector, a free one, or NULL. */
static directory_entry *directory_place(const char *endpoint,
                                        const char *sector)
{
    directory_entry *entry = directory.entries, *unused = NULL;

    for (; entry != directory.entries + DIRECTORY_ENTRIES; entry++) {
        if (entry->number == 0 && unused == NULL) unused = entry;
        if (entry->number != 0 && strcmp(entry->endpoint, endpoint) == 0 &&
            strcmp(entry->sector, sector) == 0)
            return entry;
    }
    return unused;
}

/* Where the base is not given: the address that the request came from. */
static void directory_base(const coap2_req *req, char *base, size_t size)
{
    coap2_uri uri;
    char host[16];
    coap2_msg none;
    const uint8_t *at = req->peer->address;

    memset(&uri, 0, sizeof uri);
    memset(&none, 0, sizeof none);
    none.options.value = none.options.end = at;
    snprintf(host, sizeof host, "%u.%u.%u.%u", (unsigned)at[0], (unsigned)at[1],
             (unsigned)at[2], (unsigned)at[3]);
    uri.host = host;
    uri.host_length = strlen(host);
    uri.kind = COAP2_HOST_IPV4;
    uri.port = req->peer->port;
    base[coap2_uri_text(base, size, &uri, &none) - 1] = '\0'; /* no slash */
}

static void directory_parameters(coap2_req *req, directory_entry *entry)
{
    char text[16];

    entry->since = req->node->time;
    if (directory_query(req, "lt", text, sizeof text))
        entry->lifetime = strtoul(text, NULL, 10);
    if (!directory_query(req, "base", entry->base, sizeof entry->base) &&
        entry->base[0] == '\0') {
        directory_base(req, entry->base, sizeof entry->base);
    }
}

/* The entry that a request registers; NULL: it says no endpoint, or there is no
   place. */
static directory_entry *directory_enter(coap2_req *req)
{
    char endpoint[64], sector[64] = "";
    directory_entry *entry;

    if (!directory_query(req, "ep", endpoint, sizeof endpoint)) return NULL;
    (void)directory_query(req, "d", sector, sizeof sector);
    entry = directory_place(endpoint, sector);
    if (entry == NULL) return NULL;
    if (entry->number == 0) entry->number = ++directory.last_number;
    strcpy(entry->endpoint, endpoint);
    strcpy(entry->sector, sector);
    entry->base[0] = '\0';
    entry->lifetime = 90000;
    directory_parameters(req, entry);
    return entry;
}

static void directory_keep_links(directory_entry *entry, const uint8_t *bytes,
                                 size_t length)
{
    entry->length = length < DIRECTORY_LINKS ? length : DIRECTORY_LINKS - 1;
    if (entry->length != 0) memcpy(entry->links, bytes, entry->length);
    entry->links[entry->length] = '\0';
}

/* ---- registration -------------------------------------------------------- */

static void directory_locate(coap2_rsp *rsp, unsigned number)
{
    const char *const *segment = directory.location;
    char text[12];

    if (*segment != NULL && strcmp(*segment, "none") == 0) return;
    if (*segment == NULL) {
        snprintf(text, sizeof text, "%u", number);
        coap2_write_text(&rsp->w, COAP2_OPT_LOCATION_PATH, "rd");
        coap2_write_text(&rsp->w, COAP2_OPT_LOCATION_PATH, text);
    }
    for (; *segment != NULL; segment++)
        coap2_write_text(&rsp->w, COAP2_OPT_LOCATION_PATH, *segment);
}

static uint8_t directory_on_rd(coap2_req *req, coap2_rsp *rsp)
{
    coap2_opt opt;
    directory_entry *entry;
    uint8_t refusal = directory_refusal(rsp);

    directory.posts++;
    directory_note_host(req);
    directory.in_blocks = coap2_msg_find(req->msg, COAP2_OPT_BLOCK1, &opt);
    if (refusal != 0) return refusal;
    if (req->format != COAP2_FORMAT_LINKS)
        return COAP2_415_UNSUPPORTED_CONTENT_FORMAT;
    entry = directory_enter(req);
    if (entry == NULL) return COAP2_400_BAD_REQUEST;
    directory_keep_links(entry, req->payload, req->payload_length);
    directory_locate(rsp, entry->number);
    return COAP2_201_CREATED;
}

/* The entry whose number is the last segment of a path. */
static directory_entry *directory_entry_of(const coap2_req *req)
{
    directory_entry *entry = directory.entries;
    coap2_opt opt = req->msg->options;
    unsigned long number = 0;
    char text[12] = "";

    while (coap2_opt_next(&opt)) {
        if (opt.number != COAP2_OPT_URI_PATH || opt.length >= sizeof text)
            continue;
        memcpy(text, opt.value, opt.length);
        text[opt.length] = '\0';
    }
    number = strtoul(text, NULL, 10);
    for (; entry != directory.entries + DIRECTORY_ENTRIES; entry++)
        if (number != 0 && entry->number == number) return entry;
    return NULL;
}

static uint8_t directory_on_entry(coap2_req *req, coap2_rsp *rsp)
{
    directory_entry *entry = directory_entry_of(req);
    uint8_t refusal = directory_refusal(rsp);

    directory_note_host(req);
    if (req->method == COAP2_POST) directory.updates++;
    if (req->method == COAP2_DELETE) directory.removals++;
    if (refusal != 0) return refusal;
    if (entry == NULL) return COAP2_404_NOT_FOUND;
    if (req->method == COAP2_DELETE) {
        entry->number = 0;
        return COAP2_202_DELETED;
    }
    if (req->payload_length != 0) return COAP2_400_BAD_REQUEST;
    directory_parameters(req, entry);
    return COAP2_204_CHANGED;
}

/* The links of a simple registration have come, or not. */
static void directory_on_links(const coap2_reply *reply)
{
    directory_simple *simple = (directory_simple *)reply->user;
    const coap2_msg *msg = reply->msg;
    uint8_t code = COAP2_504_GATEWAY_TIMEOUT;

    if (msg != NULL && msg->code == COAP2_205_CONTENT) {
        directory_keep_links(simple->entry, msg->payload, msg->payload_length);
        code = COAP2_204_CHANGED;
    } else {
        simple->entry->number = 0;
    }
    coap2_answer(reply->node, simple->ticket, code, COAP2_NO_FORMAT, NULL, 0);
    simple->entry = NULL;
}

/* Simple registration: read the links, then answer (RFC 9176 5.1). */
static uint8_t directory_on_simple(coap2_req *req, coap2_rsp *rsp)
{
    directory_simple *simple = directory.simple;
    uint8_t refusal = directory_refusal(rsp);
    coap2_call call;

    directory.simples++;
    if (refusal != 0) return refusal;
    while (simple->entry != NULL)
        if (++simple == directory.simple + DIRECTORY_WAITING)
            return COAP2_503_SERVICE_UNAVAILABLE;
    if (req->payload_length != 0) return COAP2_400_BAD_REQUEST;
    simple->ticket = coap2_later(req);
    if (simple->ticket < 0) return COAP2_503_SERVICE_UNAVAILABLE;
    coap2_call_start_to(&call, req->node, COAP2_GET, req->peer,
                        ".well-known/core");
    coap2_write_uint(&call.w, COAP2_OPT_ACCEPT, COAP2_FORMAT_LINKS);
    simple->entry = directory_enter(req);
    if (simple->entry == NULL ||
        coap2_call_send(&call, directory_on_links, simple) < 0) {
        simple->entry = NULL;
        coap2_answer(req->node, simple->ticket, COAP2_400_BAD_REQUEST,
                     COAP2_NO_FORMAT, NULL, 0);
    }
    return COAP2_LATER;
}

/* ---- look-up ------------------------------------------------------------- */

/* Does it match all that was asked for? ep and d are the endpoint's. */
static bool directory_matches(const coap2_req *req,
                              const directory_entry *entry,
                              const coap2_link *link)
{
    coap2_opt opt = req->msg->options;
    char text[64];

    if (directory_query(req, "ep", text, sizeof text) &&
        strcmp(text, entry->endpoint) != 0) {
        return false;
    }
    while (coap2_opt_next(&opt)) {
        if (opt.number != COAP2_OPT_URI_QUERY) continue;
        if (opt.length > 3 && memcmp(opt.value, "ep=", 3) == 0) continue;
        if (link == NULL ||
            !coap2_link_matches(link, (const char *)opt.value, opt.length)) {
            return false;
        }
    }
    return true;
}

/* A link of an entry, with the base before its target. */
static void directory_write_link(coap2_rsp *rsp, const directory_entry *entry,
                                 const coap2_link *link)
{
    coap2_attr attr = coap2_link_attrs(link);
    char target[512];

    snprintf(target, sizeof target, "%s%.*s", entry->base,
             (int)link->target_length, link->target);
    coap2_write_link(&rsp->w, target, strlen(target));
    while (coap2_attr_next(&attr)) {
        char name[32];

        snprintf(name, sizeof name, "%.*s", (int)attr.name_length, attr.name);
        coap2_write_attr(&rsp->w, name, attr.value, attr.value_length);
    }
    coap2_write_attr(&rsp->w, "anchor", entry->base, strlen(entry->base));
}

static uint8_t directory_on_resources(coap2_req *req, coap2_rsp *rsp)
{
    const directory_entry *entry = directory.entries;

    rsp->format = COAP2_FORMAT_LINKS;
    for (; entry != directory.entries + DIRECTORY_ENTRIES; entry++) {
        coap2_link link = coap2_links(entry->links, entry->length);

        if (!directory_is_listed(req->node, entry)) continue;
        while (coap2_link_next(&link))
            if (directory_matches(req, entry, &link))
                directory_write_link(rsp, entry, &link);
    }
    return COAP2_205_CONTENT;
}

static uint8_t directory_on_endpoints(coap2_req *req, coap2_rsp *rsp)
{
    const directory_entry *entry = directory.entries;
    char target[24];

    rsp->format = COAP2_FORMAT_LINKS;
    for (; entry != directory.entries + DIRECTORY_ENTRIES; entry++) {
        if (!directory_is_listed(req->node, entry)) continue;
        if (!directory_matches(req, entry, NULL)) continue;
        snprintf(target, sizeof target, "/rd/%u", entry->number);
        coap2_write_link(&rsp->w, target, strlen(target));
        coap2_write_attr(&rsp->w, "ep", entry->endpoint,
                         strlen(entry->endpoint));
        coap2_write_attr(&rsp->w, "base", entry->base, strlen(entry->base));
    }
    return COAP2_205_CONTENT;
}

/* ---- the table ----------------------------------------------------------- */

/* What a test wants it to say of itself. */
static uint8_t directory_on_core(coap2_req *req, coap2_rsp *rsp)
{
    (void)req;
    coap2_rsp_bytes(rsp, COAP2_FORMAT_LINKS, directory.core,
                    strlen(directory.core));
    return directory.refuse == 0 ? COAP2_205_CONTENT : directory.refuse;
}

COAP2_RESOURCE(directory_core, ".well-known/core", COAP2_GET | COAP2_HIDDEN,
               directory_on_core, "");
COAP2_RESOURCE(directory_simple_rd, ".well-known/rd", COAP2_POST | COAP2_HIDDEN,
               directory_on_simple, "");
COAP2_RESOURCE(directory_rd, "rd", COAP2_POST, directory_on_rd,
               "rt=\"core.rd\";ct=40");
COAP2_RESOURCE(directory_registrations, "rd/*", COAP2_POST | COAP2_DELETE,
               directory_on_entry, "");
COAP2_RESOURCE(directory_resources, "rd-lookup/res", COAP2_GET,
               directory_on_resources, "rt=\"core.rd-lookup-res\";ct=40");
COAP2_RESOURCE(directory_endpoints, "rd-lookup/ep", COAP2_GET,
               directory_on_endpoints, "rt=\"core.rd-lookup-ep\";ct=40");
COAP2_TABLE(directory_table, &directory_simple_rd, &directory_rd,
            &directory_registrations, &directory_resources,
            &directory_endpoints);

/* The same with directory.core as its /.well-known/core. */
COAP2_TABLE(directory_odd_table, &directory_core, &directory_simple_rd,
            &directory_rd, &directory_registrations, &directory_resources,
            &directory_endpoints);

#endif
