/* Calls every public entry of the node on inputs that lead it down its deepest
   ways. What handlers call is measured inside of them, and the calls around
   them are not, then: marks do not nest. */

#include "enter.h"

static uint8_t out[3 * 128], in[128];
static uint8_t sent[128];
static size_t sent_length;
static coap2_node node;
static coap2_peer peer;
static int16_t ticket;
static int16_t temp10 = 215;
static char place[8] = "a \"b\"";
static bool inside; /* measure what handlers call */
static bool busy;   /* the network takes nothing */
static uint32_t now_ms, window_at;

COAP2_FIELDS(climate_fields, COAP2_FIELD_RW("temp", COAP2_I16, temp10, -1),
             COAP2_FIELD_TEXT_RW("at", place));

static uint8_t on_note(coap2_req *req, coap2_rsp *rsp)
{
    if (!inside) {
        coap2_rsp_etag(rsp, "\1\2\3\4", 4);
        coap2_rsp_text(rsp, "a note");
        coap2_write_text(&rsp->w, COAP2_OPT_LOCATION_PATH, "here");
        return COAP2_205_CONTENT;
    }
    ENTER_VOID("node", coap2_rsp_etag, rsp, "12345678", 8);
    ENTER_VOID("node", coap2_rsp_flash, rsp, PSTR("a note"));
    ENTER_VOID("node", coap2_rsp_bytes, rsp, COAP2_FORMAT_OCTETS, "\1\2", 2);
    ENTER("node", coap2_req_is, req, PSTR("on"));
    ENTER("node", coap2_rsp_window, rsp, 1000, &window_at);
    return COAP2_205_CONTENT;
}

static uint8_t on_late(coap2_req *req, coap2_rsp *rsp)
{
    (void)rsp;
    if (inside)
        ENTER_INTO(ticket, "node", coap2_later, req);
    else
        ticket = coap2_later(req);
    return COAP2_LATER;
}

static uint8_t on_bound(coap2_req *req, coap2_rsp *rsp)
{
    ENTER("node", coap2_on_bound, req, rsp);
    return kept;
}

COAP2_RESOURCE(note, "note", COAP2_GET | COAP2_PUT, on_note,
               "title=\"a note\"");
COAP2_RESOURCE(late, "late", COAP2_GET | COAP2_POST, on_late, "rt=\"x late\"");
COAP2_BOUND(climate, "climate", 0, climate_fields, "rt=\"climate\"");
COAP2I_ROW(deep, "deep", "") = {
    deep_path, deep_attributes,      on_bound, climate_fields, NULL,
    2,         COAP2_GET | COAP2_PUT};
COAP2_TABLE(things, &note, &late, &climate, &deep);

static coap2_result send(void *io, const coap2_peer *to, const uint8_t *bytes,
                         size_t length)
{
    (void)io;
    (void)to;
    memcpy(sent, bytes, length);
    sent_length = length;
    return busy ? COAP2_ERR_AGAIN : COAP2_OK;
}

static uint32_t now(void *io)
{
    (void)io;
    return now_ms += 1000;
}

static void on_reply(const coap2_reply *reply)
{
    kept = (uint8_t)reply->result;
}

static void start(void)
{
    node.send = send;
    node.in = in;
    node.in_size = sizeof in;
    node.out = out;
    node.out_size = sizeof out;
    node.resources = things;
    node.now = now;
    ENTER("node", coap2_start_as, &node, 1, sizeof node, COAP2I_KNOBS);
    ENTER_VOID("node", coap2_start_why_as, &node, sizeof node, COAP2I_KNOBS);
    ENTER_VOID("node", coap2_seed, &node, "0123456789abcdef", 16);
    peer.kind = COAP2_PEER_IPV4;
    peer.port = 61616;
    ENTER("node", coap2_peer_equals, &peer, &peer);
}

static void input(const uint8_t *bytes, size_t length)
{
    if (inside)
        coap2_input(&node, &peer, bytes, length, now_ms);
    else
        ENTER_VOID("node", coap2_input, &node, &peer, bytes, length, now_ms);
}

static void poll(uint32_t passed)
{
    now_ms += passed;
    ENTER("node", coap2_poll, &node, now_ms);
}

/* ---- the server -------------------------------------------------------- */

/* A message, written anew under the next id. */
static coap2_writer w;

static void open(uint8_t type, uint8_t code, const char *path)
{
    static uint16_t id;
    coap2_write_start(&w, in, sizeof in);
    coap2_write_header(&w, type, code, ++id, "12345678", 8);
    coap2_write_text(&w, COAP2_OPT_URI_PATH, path);
}

static void arrive(void)
{
    input(in, coap2_write_end(&w));
}

static void serve_notes(void)
{
    open(COAP2_CON, COAP2_001_GET, "note");
    coap2_write_opt(&w, COAP2_OPT_ETAG, "\1\2\3\4", 4);
    arrive();
    open(COAP2_NON, COAP2_003_PUT, "note");
    coap2_write_opt(&w, COAP2_OPT_IF_MATCH, "\1\2\3\4", 4);
    coap2_write_payload(&w, "on", 2);
    arrive();
    arrive();
    open(COAP2_CON, COAP2_003_PUT, "note");
    arrive();
    arrive();
    open(COAP2_CON, COAP2_001_GET, "note");
    coap2_write_uint(&w, COAP2_OPT_ACCEPT, COAP2_FORMAT_CBOR);
    coap2_write_uint(&w, COAP2_OPT_NO_RESPONSE, 16);
    arrive();
    open(COAP2_CON, COAP2_001_GET, "none");
    coap2_write_opt(&w, 2000, NULL, 0);
    coap2_write_opt(&w, 2001, NULL, 0);
    arrive();
    inside = true;
    open(COAP2_CON, COAP2_001_GET, "note");
    arrive();
    inside = false;
}

static void serve_core(void)
{
    open(COAP2_CON, COAP2_001_GET, ".well-known");
    coap2_write_text(&w, COAP2_OPT_URI_PATH, "core");
    coap2_write_text(&w, COAP2_OPT_URI_QUERY, "title=a*");
    coap2_write_text(&w, COAP2_OPT_URI_QUERY, "rt=cli*");
    arrive();
}

/* To a group: the answer waits; then the network is busy, too. */
static void serve_group(void)
{
    peer.group = true;
    open(COAP2_NON, COAP2_001_GET, "climate");
    arrive();
    peer.group = false;
    busy = true;
    open(COAP2_CON, COAP2_001_GET, "climate");
    arrive();
    poll(10000);
    busy = false;
    poll(10000);
}

static void serve_fields(void)
{
    static const char *const texts[] = {"temp=21.55", "temp=22.5 at=\"x \\\"\"",
                                        "{\"temp\":2.25e1}"};
    uint8_t i;
    inside = true;
    for (i = 0; i < 3; i++) {
        open(COAP2_CON, COAP2_003_PUT, "deep");
        if (i == 2) coap2_write_uint(&w, COAP2_OPT_CONTENT_FORMAT, 50);
        coap2_write_payload(&w, texts[i], strlen(texts[i]));
        arrive();
    }
    open(COAP2_CON, COAP2_001_GET, "deep");
    arrive();
    inside = false;
    open(COAP2_CON, COAP2_003_PUT, "climate");
    coap2_write_payload(&w, texts[0], strlen(texts[0]));
    arrive();
}

static void serve_late(void)
{
    coap2_rsp rsp;
    inside = true;
    open(COAP2_CON, COAP2_001_GET, "late");
    arrive();
    inside = false;
    arrive();
    poll(1000);
    ENTER("node", coap2_answer_start, &rsp, &node, ticket);
    coap2_rsp_text(&rsp, "21.5");
    ENTER("node", coap2_answer_send, &rsp, COAP2_205_CONTENT);
    poll(0);
    poll(3000);
    open(COAP2_NON, COAP2_002_POST, "late");
    arrive();
    ENTER("node", coap2_answer, &node, ticket, COAP2_204_CHANGED, 0, "", 0);
    poll(0);
    poll(100000);
    open(COAP2_CON, COAP2_002_POST, "late");
    arrive();
    ENTER("node", coap2_answer, &node, ticket, COAP2_204_CHANGED, 0, "", 0);
    poll(0);
    poll(100000);
}

/* ---- the client -------------------------------------------------------- */

/* What was sent comes back as an answer. */
static void answer(uint8_t code, bool with_echo)
{
    coap2_msg msg;
    if (coap2_msg_parse(&msg, sent, sent_length) != COAP2_OK) return;
    coap2_write_start(&w, in, sizeof in);
    coap2_write_header(&w, COAP2_ACK, code, msg.id, msg.token,
                       msg.token_length);
    if (with_echo) coap2_write_opt(&w, COAP2_OPT_ECHO, "12345678", 8);
    arrive();
}

static int16_t ask(const char *uri)
{
    int16_t request;
    ENTER_INTO(request, "node", coap2_request, &node, COAP2_GET, uri, "on", 2,
               on_reply, NULL);
    poll(0);
    return request;
}

static void ask_by_steps(void)
{
    coap2_call call;
    int16_t request;
    ENTER_VOID("node", coap2_call_start, &call, &node, COAP2_POST,
               "coap://10.0.0.1/a/../b?c=%20d");
    ENTER_VOID("node", coap2_call_token, &call, "12345678", 8);
    ENTER_INTO(request, "node", coap2_call_send, &call, on_reply, NULL);
    poll(0);
    ENTER("node", coap2_cancel, &node, request);
    ENTER_VOID("node", coap2_changed, &node, &climate);
    ENTER_INTO(request, "node", coap2_request_observe, &node,
               "coap://10.0.0.1/a", on_reply, NULL);
    ENTER("node", coap2_forget, &node, request);
    ENTER_VOID("node", coap2_call_start_to, &call, &node, COAP2_GET, &peer,
               "/sensors/temp/");
    call.confirmable = false;
    ENTER_INTO(request, "node", coap2_call_send, &call, on_reply, NULL);
    poll(0);
    poll(100000);
}

static void ask_and_hear(void)
{
    int16_t request;
    memset(&peer, 0, sizeof peer);
    peer.kind = COAP2_PEER_IPV4;
    peer.port = 5683;
    memset(peer.address, 1, 4);
    (void)ask("coap://1.1.1.1/note");
    (void)ask("coap://1.1.1.1/note");
    answer(COAP2_401_UNAUTHORIZED, true);
    poll(0);
    answer(COAP2_205_CONTENT, false);
    poll(0);
    poll(3000);
    poll(100000);
    request = ask("coap://1.1.1.1/note");
    ENTER("node", coap2_wait, &node, request);
}

/* A name that nobody has is looked for, twice; a subscription is taken by a
   server that knows rules, and by one that does not. */
static void find_and_subscribe(void)
{
    coap2_call call;
    int16_t request;
    node.name = "node1.local";
    open(COAP2_NON, COAP2_001_GET, ".well-known");
    coap2_write_text(&w, COAP2_OPT_URI_PATH, "core");
    coap2_write_uint(&w, COAP2_OPT_ACCEPT, COAP2_FORMAT_JSON);
    coap2_write_text(&w, COAP2_OPT_DISCOVERY, "/x, /note,/cli*");
    arrive();
    ENTER_VOID("node", coap2_call_find, &call, &node, "node2.local");
    ENTER_INTO(request, "node", coap2_find, &node, "/climate", on_reply, NULL);
    poll(0);
    poll(3000);
    poll(100000);
    ENTER_VOID("node", coap2_call_start_to, &call, &node, COAP2_GET, &peer,
               "note");
    ENTER_VOID("node", coap2_call_subscribe, &call,
               "when temp > 20 until (not old(temp) < 1)");
    request = coap2_call_send(&call, on_reply, NULL);
    poll(0);
    answer(COAP2_205_CONTENT, false);
    coap2_forget(&node, request);
    ENTER_INTO(request, "node", coap2_subscribe, &node, "coap://node2.local/x",
               "temp > 20 and hum < 50", on_reply, NULL);
    poll(0);
    poll(100000);
    open(COAP2_CON, COAP2_001_GET, "climate");
    coap2_write_uint(&w, COAP2_OPT_OBSERVE, 0);
    coap2_write_text(&w, COAP2_OPT_RULE, "delta(temp) > 1 or at == 'x' pmin 1");
    arrive();
    coap2_changed(&node, &climate);
    poll(2000);
    poll(100000);
}

/* A directory is asked for, and found by hand. */
static void register_somewhere(void)
{
    static coap2_registration home;
    coap2_call call;
    coap2_reply reply;
    coap2_msg msg;
    int16_t request;
    ENTER_INTO(request, "directory", coap2_find_directory, &node,
               "coap://1.1.1.1/", on_reply, NULL);
    memset(&msg, 0, sizeof msg);
    memset(&reply, 0, sizeof reply);
    msg.payload = (const uint8_t *)"</rd>;rt=\"core.rd\"";
    msg.payload_length = 19;
    reply.node = &node;
    reply.peer = &peer;
    reply.msg = &msg;
    ENTER_VOID("directory", coap2_call_link, &call, &reply, COAP2_POST,
               "rt=core.rd");
    coap2_forget(&node, request);
    poll(100000);
    home.uri = "coap://1.1.1.1/rd";
    home.endpoint = "node1";
    ENTER("directory", coap2_register, &node, &home);
    ENTER("directory", coap2_registration_poll, &home, 1000);
    poll(0);
    answer(COAP2_201_CREATED, false);
    ENTER("directory", coap2_registration_poll, &home, 1000);
    ENTER_VOID("directory", coap2_unregister, &home);
    ENTER("directory", coap2_registration_poll, &home, 1000);
    poll(100000);
}

/* ---- a serial line ------------------------------------------------------ */

static uint8_t wire[32];
static uint8_t wire_length, wire_at;

static int wire_get(void *io)
{
    (void)io;
    return wire_at < wire_length ? wire[wire_at++] : -1;
}

static void wire_put(void *io, uint8_t byte)
{
    (void)io;
    if (wire_length < sizeof wire) wire[wire_length++] = byte;
}

static void serial_line(void)
{
    static const uint8_t ping[] = {0x40, 0, 0xc0, 0xdb};
    coap2_line line;
    uint8_t i;

    memset(&line, 0, sizeof line);
    line.get = wire_get;
    line.put = wire_put;
    ENTER("slip", coap2_slip_send, &line, &peer, ping, sizeof ping);
    ENTER("slip", coap2_slip_recv, &line, &peer, in, sizeof in);
    wire_at = 0;
    for (i = 0; i + 1 < wire_length; i++)
        (void)coap2_slip_take(&line.slip, wire[i]);
    i = (uint8_t)coap2_slip_take(&line.slip, COAP2_SLIP_END);
    ENTER("slip", coap2_slip_message, &line.slip, i, &peer);
}

int main(void)
{
    start();
    serve_notes();
    serve_core();
    serve_group();
    serve_fields();
    serve_late();
    ask_by_steps();
    ask_and_hear();
    find_and_subscribe();
    register_somewhere();
    serial_line();
    return 0;
}
