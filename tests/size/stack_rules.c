/* Calls every public entry of the rules on inputs that lead it down its deepest
   ways. A program of its own, since with the rest of the codec it would not fit
   into the ATmega328. */

#include "enter.h"

static int16_t temp10 = 215;
static uint8_t hum = 40;
static char place[8] = "a \"b\"";

COAP2_FIELDS(climate_fields, COAP2_FIELD("temp", COAP2_I16, temp10, -1),
             COAP2_FIELD("hum", COAP2_U8, hum, 0),
             COAP2_FIELD_TEXT("at", place));

/* A half and a double float, and a text. */
static const uint8_t floats[] = {0xbf, 0x64, 't',  'e',  'm',  'p',  0xfb,
                                 0x40, 0x35, 0x99, 0x99, 0x99, 0x99, 0x99,
                                 0x9a, 0x63, 'h',  'u',  'm',  0xf9, 0x51,
                                 0x00, 0x62, 'a',  't',  0x61, 'x',  0xff};

static uint8_t code[60];
static const char rules[][44] = {"temp > 20 and hum < 50",
                                 "when delta(temp) > 0.5 until !(old(at) <'x')",
                                 "not ((at = 'y' or changed(hum)) pmin 1",
                                 "changed(at) and delta(temp)>=0.1 pmin 0.5"};
static const char members[] = "{\"a\":[{}],\"at\":{\"x\":\"\\u0061\"}}";
static const char pack[] =
    "[{\"bn\":\"d/\",\"bv\":1.5,\"n\":\"x\",\"v\":0.25}]";

static void run_rule(coap2_look_fn look, const void *user)
{
    coap2_trigger trigger;

    ENTER("rules", coap2_rule_eval, code, look, user);
    ENTER("rules", coap2_rule_until, code, look, user);
    ENTER("rules", coap2_rule_parts, code);
    ENTER("rules", coap2_rule_time, code, COAP2_RULE_PMIN);
    ENTER_VOID("rules", coap2_trigger_begin, &trigger, code, look, user, 0);
    ENTER("rules", coap2_trigger_change, &trigger, code, look, user, 500);
    ENTER("rules", coap2_trigger_time, &trigger, code, look, user, 1000);
    ENTER("rules", coap2_trigger_due, &trigger, code, 1000);
}

static void look_into(const char *rule, uint16_t format, const void *bytes,
                      size_t length)
{
    coap2_rule_fault fault;
    coap2_payload payload;

    payload.bytes = (const uint8_t *)bytes;
    payload.length = length;
    payload.format = format;
    (void)coap2_rule_compile(rule, strlen(rule), NULL, 0, code, sizeof code,
                             &fault);
    run_rule(coap2_look_payload, &payload);
}

/* A look-up is an entry, too, for who calls one from a look-up of their own. */
static void look_up(void)
{
    static const coap2_payload json = {(const uint8_t *)members,
                                       sizeof members - 1, COAP2_FORMAT_JSON};
    coap2_ref at;
    coap2_value value;

    memset(&at, 0, sizeof at);
    at.name = "at.x";
    at.length = 4;
    ENTER_VOID("rules", coap2_look_payload, &json, at, &value);
    at.name = NULL;
    at.index = 2;
    ENTER_VOID("rules", coap2_look_fields, climate_fields, at, &value);
}

static void use_rules(void)
{
    coap2_rule_fault fault;
    coap2_value value;
    uint8_t i;

    for (i = 0; i < sizeof rules / sizeof *rules; i++) {
        ENTER("rules", coap2_rule_compile, rules[i], strlen(rules[i]),
              climate_fields, 3, code, sizeof code, &fault);
        if (kept < 128) run_rule(coap2_look_fields, climate_fields);
    }
    ENTER_VOID("rules", coap2_value_read, &value, "-21.5", 5);
    look_into("at.x = 'a'", COAP2_FORMAT_JSON, members, sizeof members - 1);
    look_into("d/x = 1.75", COAP2_FORMAT_SENML_JSON, pack, sizeof pack - 1);
    look_into("temp > 20", COAP2_FORMAT_CBOR, floats, sizeof floats);
    look_up();
}

int main(void)
{
    use_rules();
    return 0;
}
