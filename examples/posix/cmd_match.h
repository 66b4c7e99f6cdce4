/* cmd_match.h - coap2 match: try a rule on values, or on a day of them. */

#ifndef CMD_MATCH_H
#define CMD_MATCH_H

#include "tool.h"

/* ---- what a rule looks at ----------------------------------------------- */

/* Of a name that was given twice the last one holds. */
typedef struct given {
    char *text; /* name=value */
    size_t name_length;
} given;

typedef struct state {
    given *values;
    size_t count;
} state;

/* True if a word is name=value, which is then copied. */
static bool state_set(state *s, const char *word)
{
    const char *equals = strchr(word, '=');
    size_t length = strlen(word) + 1, i = 0, name_length;

    if (equals == NULL || equals == word) return false;
    name_length = (size_t)(equals - word);
    while (i < s->count && (s->values[i].name_length != name_length ||
                            memcmp(s->values[i].text, word, name_length) != 0))
        i++;
    if (i == s->count) {
        s->values =
            must_have(realloc(s->values, (s->count + 1) * sizeof *s->values));
        s->values[s->count++].text = NULL;
    }
    free(s->values[i].text);
    s->values[i].text = must_have(malloc(length));
    memcpy(s->values[i].text, word, length);
    s->values[i].name_length = name_length;
    return true;
}

static void state_close(state *s)
{
    while (s->count > 0) free(s->values[--s->count].text);
    free(s->values);
}

static void look_up(const void *user, coap2_ref field, coap2_value *value)
{
    const state *s = (const state *)user;
    const char *name = field.length == 0 ? "value" : field.name;
    size_t length = strlen("value"), i;
    const given *g;

    if (field.old) return; /* nothing was sent before */
    if (field.length != 0) length = field.length;
    for (i = 0; i < s->count; i++) {
        g = &s->values[i];
        if (g->name_length != length || memcmp(g->text, name, length) != 0)
            continue;
        coap2_value_read(value, g->text + length + 1,
                         strlen(g->text + length + 1));
    }
}

/* ---- one state ---------------------------------------------------------- */

static int match_values(const call *c, const uint8_t *code)
{
    static const char *const names[] = {"false", "unknown", "true"};
    static const char *const json_names[] = {"false", "null", "true"};
    state s = {NULL, 0};
    uint8_t truth;
    int i;

    for (i = 1; i < c->count; i++) {
        if (state_set(&s, c->arguments[i])) continue;
        state_close(&s);
        return complain(BAD_USAGE, "not name=value: %s", c->arguments[i]);
    }
    truth = coap2_rule_eval(code, look_up, &s);
    if (c->json)
        printf("{\"match\":%s}\n", json_names[truth]);
    else
        puts(names[truth]);
    state_close(&s);
    return truth == COAP2_TRUE ? DONE : FAILED;
}

/* ---- states over time --------------------------------------------------- */

/* The rule of one subscriber, on a clock of lines. */
typedef struct watch {
    state s;
    coap2_trigger trigger;
    uint64_t ms;    /* what the lines say */
    uint32_t clock; /* of the trigger: a longer rest is as good as this one */
    bool begun, changed;
} watch;

/* Seconds, with up to three decimals. */
static bool read_time(const char *text, uint64_t *ms)
{
    unsigned decimals = 0;
    bool point = false;

    if (*text < '0' || *text > '9') return false;
    for (*ms = 0; *text != '\0'; text++) {
        if (*text == '.' && !point) {
            point = true;
            continue;
        }
        if (*text < '0' || *text > '9' || *ms > UINT64_MAX / 100000)
            return false;
        *ms = *ms * 10 + (uint64_t)(*text - '0');
        if (point && ++decimals > 3) return false;
    }
    for (; decimals < 3; decimals++) *ms *= 10;
    return true;
}

static bool watch_word(watch *w, const char *word)
{
    uint64_t ms, rest;

    if (strncmp(word, "t=", 2) != 0) {
        w->changed = true;
        return state_set(&w->s, word);
    }
    if (!read_time(word + 2, &ms) || ms < w->ms) return false;
    rest = w->begun ? ms - w->ms : 0;
    w->clock += rest > INT32_MAX ? (uint32_t)INT32_MAX : (uint32_t)rest;
    w->ms = ms;
    return true;
}

static uint8_t watch_line(watch *w, const uint8_t *code)
{
    if (!w->begun) {
        w->begun = true;
        coap2_trigger_begin(&w->trigger, code, look_up, &w->s, w->clock);
        return COAP2_FIRST;
    }
    return (w->changed ? coap2_trigger_change : coap2_trigger_time)(
        &w->trigger, code, look_up, &w->s, w->clock);
}

/* Cut a line into words, at blanks that are not between double quotes. Returns
   the word, without its quotes, and moves behind it. */
static char *next_word(char **line)
{
    char *word, *to, *from = *line;
    bool quoted = false;

    while (*from != '\0' && strchr(" \t\r\n", *from) != NULL) from++;
    if (*from == '\0') return NULL;
    for (word = to = from; *from != '\0'; from++) {
        if (*from == '"')
            quoted = !quoted;
        else if (!quoted && strchr(" \t\r\n", *from) != NULL)
            break;
        else
            *to++ = *from;
    }
    *line = from + (*from != '\0');
    *to = '\0';
    return word;
}

/* One line of standard input; false if a word in it is none. */
static bool match_line(const call *c, watch *w, const uint8_t *code, char *line)
{
    static const char *const reasons[] = {"quiet", "first", "match", "period"};
    char *word = next_word(&line);
    uint8_t reason;

    if (word == NULL) return true;
    for (w->changed = false; word != NULL; word = next_word(&line)) {
        if (watch_word(w, word)) continue;
        complain(FAILED, "neither a time that goes on nor name=value: %s",
                 word);
        return false;
    }
    reason = watch_line(w, code);
    if (c->json)
        printf("{\"notify\":%s,\"reason\":\"%s\"}\n",
               reason != COAP2_QUIET ? "true" : "false", reasons[reason]);
    else
        puts(reason != COAP2_QUIET ? "notify" : "-");
    return true;
}

static int match_stream(const call *c, const uint8_t *code)
{
    watch w;
    size_t size = 0;
    char *line = NULL;
    bool well = true;

    memset(&w, 0, sizeof w);
    while (well && getline(&line, &size, stdin) >= 0) {
        well = match_line(c, &w, code, line);
        fflush(stdout);
    }
    free(line);
    state_close(&w.s);
    if (ferror(stdin)) return complain(FAILED, "cannot read standard input");
    return well ? DONE : FAILED;
}

/* ---- the command -------------------------------------------------------- */

static int rule_fault(const call *c, const char *rule,
                      const coap2_rule_fault *fault, int status)
{
    size_t at = (size_t)fault->column - 1;

    if (c->json) {
        json_fault(fault->flash_why, at);
        return status;
    }
    complain(status, "rule:%lu: %s", (unsigned long)fault->column,
             fault->flash_why);
    put_text_fault(stderr, rule, strlen(rule), at);
    return status;
}

static int run_match(const call *c)
{
    const char *rule = c->arguments[0];
    uint8_t code[COAP2_RULE_CODE(255)];
    coap2_rule_fault fault;

    if (coap2_rule_compile(rule, strlen(rule), NULL, 0, code, sizeof code,
                           &fault) < 0)
        return rule_fault(c, rule, &fault, BAD_USAGE);
    if (c->count == 2 && strcmp(c->arguments[1], "-") == 0)
        return match_stream(c, code);
    return match_values(c, code);
}

#endif /* CMD_MATCH_H */
