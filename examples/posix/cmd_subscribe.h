/* cmd_subscribe.h - coap2 subscribe: observe, and show what a rule asks for. */

#ifndef CMD_SUBSCRIBE_H
#define CMD_SUBSCRIBE_H

#include <time.h>

#include "cmd_match.h"
#include "cmd_observe.h"

/* There is one in the life of the tool. */
static struct {
    const char *rule;
    coap2_ref field; /* that is plotted */
    bool plotted;    /* by the terminal's leave */
    uint8_t code[COAP2_RULE_CODE(255)];
} subscription;

/* ---- the field that is plotted ------------------------------------------ */

/* Where a rule is evaluated, it looks up its first field first. */
static void note_field(const void *user, coap2_ref field, coap2_value *value)
{
    coap2_ref *first = *(coap2_ref *const *)user;

    (void)value;
    if (first->name == NULL) *first = field;
}

static void find_field(void)
{
    coap2_ref *first = &subscription.field;

    (void)coap2_rule_eval(subscription.code, note_field, &first);
    first->old = false;
}

/* A rule need not name a field: then it is the first of a text, or the value
   itself. */
static coap2_ref field_of(const coap2_payload *payload)
{
    coap2_ref field = subscription.field;
    const char *text = (const char *)payload->bytes, *equals = NULL;

    if (field.name != NULL) return field;
    field.name = "";
    if (payload->format == COAP2_FORMAT_TEXT && payload->length > 0)
        equals = memchr(text, '=', payload->length);
    if (equals == NULL || equals - text > UINT8_MAX ||
        !is_text(payload->bytes, (size_t)(equals - text), false))
        return field;
    field.name = text;
    field.length = (uint8_t)(equals - text);
    return field;
}

static double number_of(const coap2_value *value)
{
    double number = value->magnitude;
    int i;

    for (i = 0; i < value->exponent; i++) number *= 10;
    for (i = 0; i > value->exponent; i--) number /= 10;
    return value->negative ? -number : number;
}

static void plot_value(const coap2_msg *whole)
{
    coap2_payload payload = {whole->payload, whole->payload_length,
                             COAP2_FORMAT_TEXT};
    coap2_value value;
    coap2_ref field;
    uint32_t format;
    coap2_opt opt;

    if (coap2_msg_find(whole, COAP2_OPT_CONTENT_FORMAT, &opt) &&
        coap2_opt_uint(&opt, &format))
        payload.format = (uint16_t)format;
    field = field_of(&payload);
    memset(&value, 0, sizeof value);
    coap2_look_payload(&payload, field, &value);
    if (value.kind == COAP2_VALUE_NUMBER) plot_add(number_of(&value));
    if (field.length == 0)
        plot_show("value", 5);
    else
        plot_show(field.name, field.length);
}

/* ---- a notification ----------------------------------------------------- */

/* Local time: 2026-02-28 23:59:59.999 */
static void put_time(FILE *out)
{
    struct timespec now;
    struct tm parts;
    char text[32] = "";

    (void)clock_gettime(CLOCK_REALTIME, &now);
    if (localtime_r(&now.tv_sec, &parts) != NULL)
        (void)strftime(text, sizeof text, "%Y-%m-%d %H:%M:%S", &parts);
    fprintf(out, "%s.%03d", text, (int)(now.tv_nsec / 1000000));
}

/* {"time":SECONDS,"reason":"match",...}, and the rest as of any answer. */
static void json_news(const coap2_reply *reply, const char *reason,
                      const coap2_msg *whole)
{
    struct timespec now;
    char peer[PEER_SIZE];

    (void)clock_gettime(CLOCK_REALTIME, &now);
    udp_peer_text(reply->peer, peer, sizeof peer);
    printf("{\"time\":%lld.%03d,\"reason\":\"%s\",", (long long)now.tv_sec,
           (int)(now.tv_nsec / 1000000), reason);
    json_rest(peer, whole);
}

static void put_news(request *r, const char *reason, const coap2_msg *whole)
{
    FILE *out;

    r->failed = !open_sink(&r->output);
    if (r->failed) return;
    out = r->output.file;
    plot_hide();
    put_time(out);
    fprintf(out, " %-6s ", reason);
    put_line(out, whole->payload, whole->payload_length);
    r->failed = fflush(out) != 0 && !sink_failed(&r->output);
    if (subscription.plotted && !r->failed) plot_value(whole);
}

/* What the server says of a rule has its place: rule:COLUMN: why. */
static void show_place(const coap2_msg *whole)
{
    static const char word[] = "rule:";
    enum { WORD = sizeof word - 1 };
    const uint8_t *text = whole->payload;
    size_t length = strlen(subscription.rule), column = 0, i;

    if (whole->payload_length < WORD || memcmp(text, word, WORD) != 0) return;
    for (i = WORD; i < whole->payload_length && isdigit(text[i]); i++)
        if (column <= length) column = column * 10 + (size_t)(text[i] - '0');
    if (column >= 1 && column <= length + 1)
        put_text_fault(stderr, subscription.rule, length, column - 1);
}

static void show_news(request *r, const coap2_reply *reply,
                      const coap2_msg *whole)
{
    static const char *const reasons[] = {"last", "first", "match", "period"};
    const char *reason = reasons[reply->reason & 3u];

    if (r->c->json) {
        json_news(reply, reason, whole);
    } else if (r->status == DONE) {
        put_news(r, reason, whole);
    } else {
        plot_hide();
        show_status(NULL, whole);
        show_place(whole);
    }
}

/* ---- the command -------------------------------------------------------- */

static void add_rule(coap2_call *asked, const request *r)
{
    (void)r;
    coap2_call_subscribe(asked, subscription.rule);
}

/* A line that is drawn anew is for people, who read nothing else there. */
static bool may_plot(const request *r)
{
    const char *name = r->options.output, *terminal = getenv("TERM");

    return !r->c->json && !r->options.verbose && isatty(STDOUT_FILENO) &&
           (name == NULL || strcmp(name, "-") == 0) &&
           (terminal == NULL || strcmp(terminal, "dumb") != 0);
}

static int watch_news(request *r)
{
    static const watching news = {add_rule, show_news, CLIENT_ERROR};
    int status;

    subscription.plotted = may_plot(r);
    if (subscription.plotted) find_field();
    status = run_watch(r, &news);
    return status == SERVER_ERROR ? CLIENT_ERROR : status;
}

static int run_subscribe(const call *c)
{
    const char *rule = c->arguments[1];
    coap2_rule_fault fault;

    subscription.rule = rule;
    if (coap2_rule_compile(rule, strlen(rule), NULL, 0, subscription.code,
                           sizeof subscription.code, &fault) < 0)
        return rule_fault(c, rule, &fault, CLIENT_ERROR);
    return run_at(c, c->arguments[0], watch_news);
}

#endif /* CMD_SUBSCRIBE_H */
