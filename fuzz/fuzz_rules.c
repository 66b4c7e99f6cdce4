/* fuzz_rules.c - rules: compiled, evaluated, run over time

   The first byte chooses a table of fields or none, and the format of a
   payload; the second says how long the rule is; what is behind it is the
   payload. Refused is what says where and why; code fits, is the same when the
   rule is compiled again and when it is said another way, and is read within
   its bounds; a rule and its contrary never agree. */

#include "fuzz.h"

static int16_t temp10 = 215;
static uint8_t hum = 40;
static bool on = true;
static char mode[8] = "auto";

COAP2_FIELDS(several, COAP2_FIELD("temp", COAP2_I16, temp10, -1),
             COAP2_FIELD("hum", COAP2_U8, hum, 0),
             COAP2_FIELD("on", COAP2_BOOL, on, 0),
             COAP2_FIELD_TEXT("mode", mode));
COAP2_FIELDS(single, COAP2_FIELD("temp", COAP2_I16, temp10, -1));

typedef struct table {
    const coap2_field *fields;
    uint8_t count;
} table;

static const table tables[] = {{NULL, 0}, {several, 4}, {single, 1}, {NULL, 0}};

static const uint16_t formats[] = {
    COAP2_FORMAT_TEXT,       COAP2_FORMAT_JSON,       COAP2_FORMAT_CBOR,
    COAP2_FORMAT_SENML_JSON, COAP2_FORMAT_SENML_CBOR, 0xffff,
    COAP2_FORMAT_OCTETS,     COAP2_FORMAT_JSON};

/* Counts what a rule asks for, and sees whether a name lies in its code. */
typedef struct witness {
    coap2_payload payload;
    const table *t;
    const fuzz_memory *code;
    size_t looks;
} witness;

static void look(const void *user, coap2_ref field, coap2_value *value)
{
    witness *w = (witness *)(uintptr_t)user;

    w->looks++;
    FUZZ_CHECK(value->kind == COAP2_VALUE_MISSING && value->text == NULL);
    if (w->t->fields != NULL) {
        FUZZ_CHECK(field.name == NULL && field.index < w->t->count);
        field.old = false;
        coap2_look_fields(w->t->fields, field, value);
        return;
    }
    FUZZ_CHECK(
        fuzz_inside(field.name, field.length, w->code->bytes, w->code->size));
    field.old = false;
    coap2_look_payload(&w->payload, field, value);
    if (value->kind == COAP2_VALUE_TEXT)
        FUZZ_CHECK(fuzz_inside(value->text, value->length, w->payload.bytes,
                               w->payload.length));
    if (value->kind == COAP2_VALUE_BOOL) FUZZ_CHECK(value->magnitude <= 1);
    if (value->negative) FUZZ_CHECK(value->magnitude != 0);
}

static int16_t compile(const table *t, const void *text, size_t length,
                       fuzz_memory *code, coap2_rule_fault *fault)
{
    fuzz_memory exact = fuzz_copy(text, length);
    int16_t result;

    memset(fault, 0, sizeof *fault);
    result = coap2_rule_compile((const char *)exact.bytes, length, t->fields,
                                t->count, code->bytes, code->size, fault);
    fuzz_close(&exact);
    return result;
}

static void check_fault(const coap2_rule_fault *fault, size_t length)
{
    FUZZ_CHECK(fault->flash_why != NULL);
    FUZZ_CHECK(fault->column >= 1 && fault->column <= length + 1);
}

/* Without the last byte of its room it is refused; with it, it is the same. */
static void check_room(const table *t, const uint8_t *text, size_t length,
                       const fuzz_memory *code, size_t need)
{
    fuzz_memory small = fuzz_open(need - 1), exact = fuzz_open(need);
    coap2_rule_fault fault;

    FUZZ_CHECK(compile(t, text, length, &small, &fault) == COAP2_ERR_SPACE);
    check_fault(&fault, length);
    FUZZ_CHECK(compile(t, text, length, &exact, &fault) == (int16_t)need);
    FUZZ_CHECK(memcmp(code->bytes, exact.bytes, need) == 0);
    fuzz_close(&small);
    fuzz_close(&exact);
}

/* `not (...)` of an expression without `when` and times is its contrary. */
static void check_contrary(witness *w, const uint8_t *text, size_t length,
                           uint8_t truth)
{
    char contrary[300];
    fuzz_memory code = fuzz_open(COAP2_RULE_CODE(255)), exact;
    const fuzz_memory *before = w->code;
    coap2_rule_fault fault;
    int16_t need;

    memcpy(contrary, "not(", 4);
    memcpy(contrary + 4, text, length);
    contrary[length + 4] = ')';
    need = compile(w->t, contrary, length + 5, &code, &fault);
    if (need < 0) {
        /* too deep, or without anything to negate */
        check_fault(&fault, length + 5);
        fuzz_close(&code);
        return;
    }
    exact = fuzz_copy(code.bytes, (size_t)need);
    w->code = &exact;
    FUZZ_CHECK(coap2_rule_eval(exact.bytes, look, w) == COAP2_TRUE - truth);
    w->code = before;
    fuzz_close(&exact);
    fuzz_close(&code);
}

/* A subscriber sees some changes and some time. */
static void run_over_time(witness *w, const uint8_t *code)
{
    uint32_t now = 4294960000u, due;
    coap2_trigger trigger;
    unsigned i;
    uint8_t reason;

    coap2_trigger_begin(&trigger, code, look, w, now);
    for (i = 0; i < 12; i++) {
        bool change = i % 3 != 2;

        due = coap2_trigger_due(&trigger, code, now);
        FUZZ_CHECK(due == COAP2_FOREVER || due <= 2000000000u);
        if (i % 4 == 3 && due < 2000000000u) now += due;
        reason = (change ? coap2_trigger_change
                         : coap2_trigger_time)(&trigger, code, look, w, now);
        FUZZ_CHECK(reason == COAP2_QUIET || reason == COAP2_MATCH ||
                   reason == COAP2_PERIOD);
        FUZZ_CHECK(coap2_trigger_due(&trigger, code, now) != 0);
        if (reason != COAP2_QUIET) FUZZ_CHECK(!trigger.waiting);
        now += 1000u;
        if (i == 5) w->payload.length /= 2;
        temp10 = (int16_t)(temp10 + (change ? 7 : 0));
    }
    temp10 = 215;
}

static void fuzz_one(const uint8_t *bytes, size_t length)
{
    uint8_t choice = length > 0 ? bytes[0] : 0;
    size_t size = length > 1 ? bytes[1] : 0, behind;
    const table *t = &tables[choice % 4];
    fuzz_memory code = fuzz_open(COAP2_RULE_CODE(255)), exact, payload;
    coap2_rule_fault fault;
    int16_t need;
    witness w;
    uint8_t truth;

    bytes += length < 2 ? length : 2;
    length -= length < 2 ? length : 2;
    if (size > length) size = length;
    behind = length - size;
    payload = fuzz_copy(bytes + size, behind);
    need = compile(t, bytes, size, &code, &fault);
    if (need < 0) {
        FUZZ_CHECK(need == COAP2_ERR_FORMAT);
        check_fault(&fault, size);
    } else {
        FUZZ_CHECK((size_t)need <= COAP2_RULE_CODE(size));
        check_room(t, bytes, size, &code, (size_t)need);
        exact = fuzz_copy(code.bytes, (size_t)need);
        memset(&w, 0, sizeof w);
        w.payload.bytes = payload.bytes;
        w.payload.length = behind;
        w.payload.format = formats[choice / 4 % 8];
        w.t = t;
        w.code = &exact;
        truth = coap2_rule_eval(exact.bytes, look, &w);
        FUZZ_CHECK(truth <= COAP2_TRUE && w.looks <= size * 2);
        FUZZ_CHECK(coap2_rule_eval(exact.bytes, look, &w) == truth);
        FUZZ_CHECK(coap2_rule_until(exact.bytes, look, &w) <= COAP2_TRUE);
        if (coap2_rule_parts(exact.bytes) == 0 && size < 251)
            check_contrary(&w, bytes, size, truth);
        run_over_time(&w, exact.bytes);
        fuzz_close(&exact);
    }
    fuzz_close(&payload);
    fuzz_close(&code);
}
