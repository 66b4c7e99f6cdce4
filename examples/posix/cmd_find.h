/* cmd_find.h - coap2 find: look for nodes, by name and by what they offer. */

#ifndef CMD_FIND_H
#define CMD_FIND_H

#include "cmd_request.h"

/* Whom it looks for, and where; there is one search in the life of the tool. */
static struct {
    const char *what; /* a name, or a list of paths; "": everybody */
    const char *uri;  /* of the node or group to ask; NULL: all groups */
} sought;

enum { MOST_WANTED = 255 }; /* bytes of the option */

/* ---- which links -------------------------------------------------------- */

/* Step to the next path of a list such as `/temp, /x*`. Returns its length
   without the blanks around it; 0 at the end. */
static size_t next_path(const char **list, const char **path)
{
    size_t length;

    *list += strspn(*list, " \t,");
    *path = *list;
    length = strcspn(*list, ",");
    *list += length;
    while (length > 0 && strchr(" \t", (*path)[length - 1]) != NULL) length--;
    return length;
}

/* A missing slash is supplied; a star at the end stands for anything. */
static bool is_wanted(const coap2_link *link, const char *list)
{
    char query[sizeof "href=/" + MOST_WANTED];
    const char *path;
    size_t length;

    while ((length = next_path(&list, &path)) > 0) {
        (void)snprintf(query, sizeof query, "href=%s%.*s",
                       *path == '/' ? "" : "/", (int)length, path);
        if (coap2_link_matches(link, query, strlen(query))) return true;
    }
    return false;
}

/* Gather a list's links as they stand. A node that knows no search lists all
   it has, of which those that were asked for are shown. */
static void gather_links(gathered *links, const coap2_msg *msg, bool all)
{
    const char *text = (const char *)msg->payload, *start;
    coap2_link link = coap2_links(text, msg->payload_length);

    while (coap2_link_next(&link)) {
        if (!all && !is_wanted(&link, sought.what)) continue;
        start = link.target - 1;
        if (links->length > 0) gather(links, (const uint8_t *)",", 1);
        gather(links, (const uint8_t *)start,
               (size_t)(text + link.position - start));
    }
}

static bool is_list_of_links(const coap2_msg *msg)
{
    uint32_t format = COAP2_FORMAT_LINKS;
    coap2_opt opt;

    return !coap2_msg_find(msg, COAP2_OPT_CONTENT_FORMAT, &opt) ||
           (coap2_opt_uint(&opt, &format) && format == COAP2_FORMAT_LINKS);
}

/* ---- a node ------------------------------------------------------------- */

static void put_one_line(const uint8_t *text, size_t length)
{
    if (length > 0 && is_text(text, length, false))
        (void)fwrite(text, 1, length, stdout);
    else
        put_escaped(stdout, text, length);
}

/* {"peer":"192.0.2.1:5683","name":"node1.local","links":"</a>,</b>"}, where
   the name of a node that knows no names is null. */
static void json_node(const char *peer, const coap2_opt *name,
                      const gathered *links)
{
    fputs("{\"peer\":", stdout);
    put_json(stdout, peer, strlen(peer));
    fputs(",\"name\":", stdout);
    if (name == NULL)
        fputs("null", stdout);
    else
        put_json(stdout, name->value, name->length);
    fputs(",\"links\":", stdout);
    put_json(stdout, links->bytes, links->length);
    fputs("}\n", stdout);
}

static void show_node(const char *peer, const coap2_opt *name,
                      const gathered *links)
{
    printf("%-21s ", peer);
    if (name == NULL || name->length == 0)
        fputc('-', stdout);
    else
        put_one_line(name->value, name->length);
    fputc(' ', stdout);
    put_one_line(links->bytes, links->length);
    fputc('\n', stdout);
}

static void take_node(request *r, const char *peer, const coap2_msg *msg)
{
    bool paths = *sought.what == '/' || strchr(sought.what, ',') != NULL;
    coap2_opt name;
    bool named = coap2_msg_find(msg, COAP2_OPT_DISCOVERY, &name);

    r->body.length = 0;
    if (is_list_of_links(msg))
        gather_links(&r->body, msg, named || !paths);
    else
        gather(&r->body, msg->payload, msg->payload_length);
    (r->c->json ? json_node : show_node)(peer, named ? &name : NULL, &r->body);
    (void)fflush(stdout);
    warn_of_rest(peer, msg);
    r->answers++;
}

static void on_found(const coap2_reply *reply)
{
    request *r = (request *)reply->user;
    char peer[PEER_SIZE];

    if (!reply->more) {
        r->ended = true;
        r->result = reply->result;
    }
    if (reply->result != COAP2_OK) return;
    udp_peer_text(reply->peer, peer, sizeof peer);
    if (status_of(reply->msg->code) == DONE)
        take_node(r, peer, reply->msg);
    else
        show_status(peer, reply->msg);
}

/* ---- the client --------------------------------------------------------- */

/* Have one node asked, or one group: what a URI names, and its query. */
static void aim(coap2_call *asked, coap2_node *node)
{
    coap2_call there;
    coap2_uri uri;

    coap2_call_start(&there, node, COAP2_GET, sought.uri);
    coap2_call_find(asked, node, sought.what);
    asked->peer = there.peer;
    asked->confirmable = !asked->peer.group;
    (void)coap2_uri_parse(&uri, sought.uri, strlen(sought.uri));
    uri.path_length = 0; /* it has been written */
    coap2_write_uri(&asked->w, &uri);
}

static coap2_result seek(request *r)
{
    coap2_node node;
    coap2_call asked;
    coap2_result result = start_node(&node, r);

    if (result != COAP2_OK) return result;
    if (sought.uri == NULL)
        coap2_call_find(&asked, &node, sought.what);
    else
        aim(&asked, &node);
    if (sought.uri != NULL && asked.peer.kind == 0) {
        (void)complain(FAILED, "%s: no address for this host", sought.uri);
        r->failed = true;
    }
    if (r->failed) return COAP2_ERR_NAME;
    r->options.confirmable = asked.confirmable;
    add_options(&asked, &r->options);
    if (r->options.duration != 0) asked.deadline = r->options.duration;
    return coap2_wait(&node, coap2_call_send(&asked, on_found, r));
}

/* ---- the command -------------------------------------------------------- */

static int run_search(request *r)
{
    coap2_result result;

    if (!open_request(r)) return FAILED;
    result = seek(r);
    udp_close(&r->net);
    if (r->answers > 0) return DONE;
    if (result == COAP2_OK || r->failed) return FAILED;
    if (result == COAP2_ERR_TIMEOUT) return complain(FAILED, "nobody answered");
    return complain(FAILED, "%s", why_not(r, result));
}

/* A URI has `://` in it, and a name has not. */
static bool read_arguments(const call *c)
{
    const char **place;
    int i;

    for (i = 0; i < c->count; i++) {
        place =
            strstr(c->arguments[i], "://") != NULL ? &sought.uri : &sought.what;
        if (*place != NULL) {
            complain(BAD_USAGE, "too many arguments: %s", c->arguments[i]);
            return false;
        }
        *place = c->arguments[i];
    }
    if (sought.what == NULL) sought.what = "";
    if (strlen(sought.what) <= MOST_WANTED) return true;
    complain(BAD_USAGE, "more than %d bytes to look for", MOST_WANTED);
    return false;
}

/* What is searched is /.well-known/core, so that the URI has no path, or this
   one. A URI that is none is none of this function's business. */
static bool check_path(void)
{
    static const char core[] = "/.well-known/core";
    coap2_uri uri;

    if (sought.uri == NULL ||
        coap2_uri_parse(&uri, sought.uri, strlen(sought.uri)) != COAP2_OK ||
        uri.path_length <= 1 ||
        (uri.path_length == sizeof core - 1 &&
         memcmp(uri.path, core, sizeof core - 1) == 0))
        return true;
    complain(BAD_USAGE, "what to look for stands before the URI: %.*s",
             (int)uri.path_length, uri.path);
    return false;
}

static int run_find(const call *c)
{
    if (!read_arguments(c) || !check_path()) return BAD_USAGE;
    return run_at(c, sought.uri, run_search);
}

#endif /* CMD_FIND_H */
