/* Cycles on an AVR of compiling the rule `temp > 20 and hum < 50` with a table
   of fields, once per subscription, and of evaluating it, once per change of a
   sensor. */

#include "../avr/marks.h"
#include "coap2.h"

static int16_t temp10 = 215;
static uint8_t hum = 40;

COAP2_FIELDS(climate_fields, COAP2_FIELD("temp", COAP2_I16, temp10, -1),
             COAP2_FIELD("hum", COAP2_U8, hum, 0));

/* Writable, so that the compiler cannot work it out beforehand. */
static char rule[] = "temp > 20 and hum < 50";
static uint8_t code[16];

static __attribute__((noinline)) uint8_t evaluate(void)
{
    uint8_t truth;

    MARK_START();
    truth = coap2_rule_eval(code, coap2_look_fields, climate_fields);
    MARK_STOP();
    return truth;
}

static __attribute__((noinline)) bool compile(void)
{
    coap2_rule_fault fault;
    int16_t length;

    MARK_START();
    length = coap2_rule_compile(rule, sizeof rule - 1, climate_fields, 2, code,
                                sizeof code, &fault);
    MARK_STOP();
    return length > 0;
}

int main(void)
{
    bool right;

    MARK_SAY("empty ");
    MARK_START();
    MARK_STOP();
    MARK_SAY("rule-compile ");
    if (!compile()) return 1;
    MARK_SAY("rule ");
    right = evaluate() == COAP2_TRUE;
    temp10 = 200;
    return !(right && evaluate() == COAP2_FALSE);
}
