/* Rules: the language by a table and by a second opinion, triggers over time,
   look-ups in tables of fields and in payloads. */
#include "guard.h"
#define COAP2_IMPLEMENTATION
#include "../coap2.h"
#include "harness.h"

static uint8_t code[COAP2_RULE_CODE(255)];
static int16_t code_length;
static coap2_rule_fault fault;

/* The code lies where a byte too many would be seen. */
static int16_t compile_bytes(const void *text, size_t length,
                             const coap2_field *fields, uint8_t count)
{
    uint8_t room[COAP2_RULE_CODE(255)];

    memset(&fault, 0, sizeof fault);
    code_length =
        coap2_rule_compile((const char *)guard_end(text, length), length,
                           fields, count, room, sizeof room, &fault);
    if (code_length > 0) memcpy(code, room, (size_t)code_length);
    return code_length;
}

static int16_t compile(const char *text)
{
    return compile_bytes(text, strlen(text), NULL, 0);
}

static bool why_is(const char *why)
{
    size_t i = 0;

    if (fault.flash_why == NULL) return false;
    while (TEST_CHAR(fault.flash_why + i) == why[i])
        if (why[i++] == '\0') return true;
    return false;
}

/* ---- the table ---------------------------------------------------------- */

/* A state is what a payload of text says; behind a bar, what it said before. */
static void look_state(const void *user, coap2_ref field, coap2_value *value)
{
    const char *state = (const char *)user, *bar = strchr(state, '|');
    coap2_payload payload = {(const uint8_t *)state, strlen(state),
                             COAP2_FORMAT_TEXT};

    if (bar != NULL) payload.length = (size_t)(bar - state);
    if (field.old) {
        if (bar == NULL) return;
        payload.bytes = (const uint8_t *)bar + 1;
        payload.length = strlen(bar + 1);
    }
    field.old = false;
    /* A state without anything is not an empty text. */
    if (payload.length != 0) coap2_look_payload(&payload, field, value);
}

enum { FALSE_ = -3, UNKNOWN_ = -2, TRUE_ = -1 };

static int16_t outcome(const char *rule, const char *state)
{
    if (compile(rule) < 0) return (int16_t)fault.column;
    return (int16_t)(coap2_rule_eval(code, look_state, state) + FALSE_);
}

/* What comes of it: an outcome, or the column of a fault. */
typedef struct table_row {
    char rule[52], state[40];
    int16_t want;
} table_row;

static const table_row table[] TEST_FLASH = {
    /* numbers compare exactly */
    {"20 < 20.00", "", FALSE_},
    {"20 <= 20.00", "", TRUE_},
    {"20 > 20.00", "", FALSE_},
    {"20 >= 20.00", "", TRUE_},
    {"20 == 20.00", "", TRUE_},
    {"20 = 20.00", "", TRUE_},
    {"20 != 20.00", "", FALSE_},
    {"20 <> 20.00", "", FALSE_},
    {"0.1 < 0.10000", "", FALSE_},
    {"0.1 <= 0.10000", "", TRUE_},
    {"0.1 > 0.10000", "", FALSE_},
    {"0.1 >= 0.10000", "", TRUE_},
    {"0.1 == 0.10000", "", TRUE_},
    {"0.1 = 0.10000", "", TRUE_},
    {"0.1 != 0.10000", "", FALSE_},
    {"0.1 <> 0.10000", "", FALSE_},
    {"-3 < 2", "", TRUE_},
    {"-3 <= 2", "", TRUE_},
    {"-3 > 2", "", FALSE_},
    {"-3 >= 2", "", FALSE_},
    {"-3 == 2", "", FALSE_},
    {"-3 = 2", "", FALSE_},
    {"-3 != 2", "", TRUE_},
    {"-3 <> 2", "", TRUE_},
    {"-0 < 0", "", FALSE_},
    {"-0 <= 0", "", TRUE_},
    {"-0 > 0", "", FALSE_},
    {"-0 >= 0", "", TRUE_},
    {"-0 == 0", "", TRUE_},
    {"-0 = 0", "", TRUE_},
    {"-0 != 0", "", FALSE_},
    {"-0 <> 0", "", FALSE_},
    {"123456789 < 123456788", "", FALSE_},
    {"123456789 <= 123456788", "", FALSE_},
    {"123456789 > 123456788", "", TRUE_},
    {"123456789 >= 123456788", "", TRUE_},
    {"123456789 == 123456788", "", FALSE_},
    {"123456789 = 123456788", "", FALSE_},
    {"123456789 != 123456788", "", TRUE_},
    {"123456789 <> 123456788", "", TRUE_},
    {"0.12345678 < 0.12345679", "", TRUE_},
    {"0.12345678 <= 0.12345679", "", TRUE_},
    {"0.12345678 > 0.12345679", "", FALSE_},
    {"0.12345678 >= 0.12345679", "", FALSE_},
    {"0.12345678 == 0.12345679", "", FALSE_},
    {"0.12345678 = 0.12345679", "", FALSE_},
    {"0.12345678 != 0.12345679", "", TRUE_},
    {"0.12345678 <> 0.12345679", "", TRUE_},
    {"-7.5 < -7.49", "", TRUE_},
    {"-7.5 <= -7.49", "", TRUE_},
    {"-7.5 > -7.49", "", FALSE_},
    {"-7.5 >= -7.49", "", FALSE_},
    {"-7.5 == -7.49", "", FALSE_},
    {"-7.5 = -7.49", "", FALSE_},
    {"-7.5 != -7.49", "", TRUE_},
    {"-7.5 <> -7.49", "", TRUE_},
    {"999999999 < 1000000", "", FALSE_},
    {"999999999 <= 1000000", "", FALSE_},
    {"999999999 > 1000000", "", TRUE_},
    {"999999999 >= 1000000", "", TRUE_},
    {"999999999 == 1000000", "", FALSE_},
    {"999999999 = 1000000", "", FALSE_},
    {"999999999 != 1000000", "", TRUE_},
    {"999999999 <> 1000000", "", TRUE_},
    /* numbers of a state */
    {"a<b", "a=4294967295 b=4294967294", FALSE_},
    {"a==b", "a=4294967295 b=4294967294", FALSE_},
    {"a>b", "a=4294967295 b=4294967294", TRUE_},
    {"a<b", "a=4294967296 b=4294967300", FALSE_},
    {"a==b", "a=4294967296 b=4294967300", TRUE_},
    {"a>b", "a=4294967296 b=4294967300", FALSE_},
    {"a<b", "a=1e3 b=1000", FALSE_},
    {"a==b", "a=1e3 b=1000", TRUE_},
    {"a>b", "a=1e3 b=1000", FALSE_},
    {"a<b", "a=-2147483648 b=-2147483647", TRUE_},
    {"a==b", "a=-2147483648 b=-2147483647", FALSE_},
    {"a>b", "a=-2147483648 b=-2147483647", FALSE_},
    {"a<b", "a=0.0000000001 b=0", FALSE_},
    {"a==b", "a=0.0000000001 b=0", FALSE_},
    {"a>b", "a=0.0000000001 b=0", TRUE_},
    {"a<b", "a=1e100 b=1e99", FALSE_},
    {"a==b", "a=1e100 b=1e99", FALSE_},
    {"a>b", "a=1e100 b=1e99", TRUE_},
    {"a<b", "a=12345678915 b=12345678920", TRUE_},
    {"a==b", "a=12345678915 b=12345678920", FALSE_},
    {"a>b", "a=12345678915 b=12345678920", FALSE_},
    {"a<b", "a=1e-100 b=1e100", TRUE_},
    {"a==b", "a=1e-100 b=1e100", FALSE_},
    {"a>b", "a=1e-100 b=1e100", FALSE_},
    /* strings compare by bytes */
    {"\"a\"<'b'", "", TRUE_},
    {"\"a\"<='b'", "", TRUE_},
    {"\"a\">'b'", "", FALSE_},
    {"\"a\">='b'", "", FALSE_},
    {"\"a\"=='b'", "", FALSE_},
    {"\"a\"='b'", "", FALSE_},
    {"\"a\"!='b'", "", TRUE_},
    {"\"a\"<>'b'", "", TRUE_},
    {"'a'<\"a\"", "", FALSE_},
    {"'a'<=\"a\"", "", TRUE_},
    {"'a'>\"a\"", "", FALSE_},
    {"'a'>=\"a\"", "", TRUE_},
    {"'a'==\"a\"", "", TRUE_},
    {"'a'=\"a\"", "", TRUE_},
    {"'a'!=\"a\"", "", FALSE_},
    {"'a'<>\"a\"", "", FALSE_},
    {"'ab'<'a'", "", FALSE_},
    {"'ab'<='a'", "", FALSE_},
    {"'ab'>'a'", "", TRUE_},
    {"'ab'>='a'", "", TRUE_},
    {"'ab'=='a'", "", FALSE_},
    {"'ab'='a'", "", FALSE_},
    {"'ab'!='a'", "", TRUE_},
    {"'ab'<>'a'", "", TRUE_},
    {"''<'a'", "", TRUE_},
    {"''<='a'", "", TRUE_},
    {"''>'a'", "", FALSE_},
    {"''>='a'", "", FALSE_},
    {"''=='a'", "", FALSE_},
    {"''='a'", "", FALSE_},
    {"''!='a'", "", TRUE_},
    {"''<>'a'", "", TRUE_},
    {"''<''", "", FALSE_},
    {"''<=''", "", TRUE_},
    {"''>''", "", FALSE_},
    {"''>=''", "", TRUE_},
    {"''==''", "", TRUE_},
    {"''=''", "", TRUE_},
    {"''!=''", "", FALSE_},
    {"''<>''", "", FALSE_},
    {"'B'<'a'", "", TRUE_},
    {"'B'<='a'", "", TRUE_},
    {"'B'>'a'", "", FALSE_},
    {"'B'>='a'", "", FALSE_},
    {"'B'=='a'", "", FALSE_},
    {"'B'='a'", "", FALSE_},
    {"'B'!='a'", "", TRUE_},
    {"'B'<>'a'", "", TRUE_},
    /* booleans compare for equality */
    {"true<true", "", UNKNOWN_},
    {"true<=true", "", UNKNOWN_},
    {"true>true", "", UNKNOWN_},
    {"true>=true", "", UNKNOWN_},
    {"true==true", "", TRUE_},
    {"true=true", "", TRUE_},
    {"true!=true", "", FALSE_},
    {"true<>true", "", FALSE_},
    {"true<false", "", UNKNOWN_},
    {"true<=false", "", UNKNOWN_},
    {"true>false", "", UNKNOWN_},
    {"true>=false", "", UNKNOWN_},
    {"true==false", "", FALSE_},
    {"true=false", "", FALSE_},
    {"true!=false", "", TRUE_},
    {"true<>false", "", TRUE_},
    {"false<true", "", UNKNOWN_},
    {"false<=true", "", UNKNOWN_},
    {"false>true", "", UNKNOWN_},
    {"false>=true", "", UNKNOWN_},
    {"false==true", "", FALSE_},
    {"false=true", "", FALSE_},
    {"false!=true", "", TRUE_},
    {"false<>true", "", TRUE_},
    {"false<false", "", UNKNOWN_},
    {"false<=false", "", UNKNOWN_},
    {"false>false", "", UNKNOWN_},
    {"false>=false", "", UNKNOWN_},
    {"false==false", "", TRUE_},
    {"false=false", "", TRUE_},
    {"false!=false", "", FALSE_},
    {"false<>false", "", FALSE_},
    /* what is of another type, or missing, is unknown */
    {"1 < \"1\"", "t=true n=1 s=x", UNKNOWN_},
    {"1 == \"1\"", "t=true n=1 s=x", UNKNOWN_},
    {"1 != \"1\"", "t=true n=1 s=x", UNKNOWN_},
    {"true < 1", "t=true n=1 s=x", UNKNOWN_},
    {"true == 1", "t=true n=1 s=x", UNKNOWN_},
    {"true != 1", "t=true n=1 s=x", UNKNOWN_},
    {"\"true\" < true", "t=true n=1 s=x", UNKNOWN_},
    {"\"true\" == true", "t=true n=1 s=x", UNKNOWN_},
    {"\"true\" != true", "t=true n=1 s=x", UNKNOWN_},
    {"gone < 1", "t=true n=1 s=x", UNKNOWN_},
    {"gone == 1", "t=true n=1 s=x", UNKNOWN_},
    {"gone != 1", "t=true n=1 s=x", UNKNOWN_},
    {"gone < gone", "t=true n=1 s=x", UNKNOWN_},
    {"gone == gone", "t=true n=1 s=x", UNKNOWN_},
    {"gone != gone", "t=true n=1 s=x", UNKNOWN_},
    {"1 < gone", "t=true n=1 s=x", UNKNOWN_},
    {"1 == gone", "t=true n=1 s=x", UNKNOWN_},
    {"1 != gone", "t=true n=1 s=x", UNKNOWN_},
    {"t < n", "t=true n=1 s=x", UNKNOWN_},
    {"t == n", "t=true n=1 s=x", UNKNOWN_},
    {"t != n", "t=true n=1 s=x", UNKNOWN_},
    {"n < s", "t=true n=1 s=x", UNKNOWN_},
    {"n == s", "t=true n=1 s=x", UNKNOWN_},
    {"n != s", "t=true n=1 s=x", UNKNOWN_},
    /* and, or and not, with unknown */
    {"not true", "", FALSE_},
    {"true and true", "", TRUE_},
    {"true&&true", "", TRUE_},
    {"true or true", "", TRUE_},
    {"true||true", "", TRUE_},
    {"true and gone", "", UNKNOWN_},
    {"true&&gone", "", UNKNOWN_},
    {"true or gone", "", TRUE_},
    {"true||gone", "", TRUE_},
    {"true and false", "", FALSE_},
    {"true&&false", "", FALSE_},
    {"true or false", "", TRUE_},
    {"true||false", "", TRUE_},
    {"not gone", "", UNKNOWN_},
    {"gone and true", "", UNKNOWN_},
    {"gone&&true", "", UNKNOWN_},
    {"gone or true", "", TRUE_},
    {"gone||true", "", TRUE_},
    {"gone and gone", "", UNKNOWN_},
    {"gone&&gone", "", UNKNOWN_},
    {"gone or gone", "", UNKNOWN_},
    {"gone||gone", "", UNKNOWN_},
    {"gone and false", "", FALSE_},
    {"gone&&false", "", FALSE_},
    {"gone or false", "", UNKNOWN_},
    {"gone||false", "", UNKNOWN_},
    {"not false", "", TRUE_},
    {"false and true", "", FALSE_},
    {"false&&true", "", FALSE_},
    {"false or true", "", TRUE_},
    {"false||true", "", TRUE_},
    {"false and gone", "", FALSE_},
    {"false&&gone", "", FALSE_},
    {"false or gone", "", UNKNOWN_},
    {"false||gone", "", UNKNOWN_},
    {"false and false", "", FALSE_},
    {"false&&false", "", FALSE_},
    {"false or false", "", FALSE_},
    {"false||false", "", FALSE_},
};

static const table_row more_rows[] TEST_FLASH = {
    /* precedence */
    {"true or false and false", "", TRUE_},
    {"false and false or true", "", TRUE_},
    {"(true or false) and false", "", FALSE_},
    {"not true or false", "", FALSE_},
    {"not false and true", "", TRUE_},
    {"not (false or true)", "", FALSE_},
    {"not true or not false", "", TRUE_},
    {"not 1 == 2", "", TRUE_},
    {"!1<2", "", FALSE_},
    {"!!true", "", TRUE_},
    {"not not not true", "", FALSE_},
    {"not(not(true))", "", TRUE_},
    {"true and (false or (true and not false))", "", TRUE_},
    {"(true and false) or (false and true)", "", FALSE_},
    {"((((((((true))))))))", "", TRUE_},
    {"!(1>2)&&(3>2||gone)", "", TRUE_},
    {"not (gone and true) or false", "", UNKNOWN_},
    {"false or false or true", "", TRUE_},
    {"true and true and false", "", FALSE_},
    {"false and gone or true", "", TRUE_},
    {"not (gone or true)", "", FALSE_},
    /* operands alone */
    {"1", "", TRUE_},
    {"0", "", FALSE_},
    {"0.00", "", FALSE_},
    {"-0.1", "", TRUE_},
    {"''", "", FALSE_},
    {"'0'", "", TRUE_},
    {"true", "", TRUE_},
    {"false", "", FALSE_},
    {"gone", "", UNKNOWN_},
    {"a", "a=1", TRUE_},
    {"a", "a=0", FALSE_},
    {"a", "a=0.0", FALSE_},
    {"a", "a=\"\"", FALSE_},
    {"a", "a=x", TRUE_},
    {"a", "a=false", FALSE_},
    {"a", "a=true", TRUE_},
    {"a and b", "a=1 b=2", TRUE_},
    /* the resource's own value */
    {"> 20 and < 30", "21.5", TRUE_},
    {"> 20 and < 30", "30", FALSE_},
    {"value > 20", "21.5", TRUE_},
    {"value", "x", TRUE_},
    {"= 'on'", "on", TRUE_},
    {"== 'two words'", "two words", TRUE_},
    {"== 'on'", "off", FALSE_},
    {"<>'a = b'", "b = a", TRUE_},
    {"> 20", "temp=21", UNKNOWN_},
    {"temp > 20", "21", UNKNOWN_},
    {"> 20", "value=21", TRUE_},
    {"!=0", "1", TRUE_},
    {"<-5", "-6", TRUE_},
    {"=true", "true", TRUE_},
    {"not =true", " true", FALSE_},
    {"< 5 or > 10", "11", TRUE_},
    /* empty, and times alone */
    {"", "", TRUE_},
    {" \t", "", TRUE_},
    {"pmin 5", "", TRUE_},
    {"pmin 5 pmax 60", "", TRUE_},
    {"pmax 60 pmin 60", "", TRUE_},
    /* with when, the expression */
    {"when a > 1", "a=2", TRUE_},
    {"when a > 1 until a < 0", "a=0", FALSE_},
    {"when a > 1 until a < 0 pmin 1 pmax 2", "a=2", TRUE_},
    {"when(a)until(b)", "a=1", TRUE_},
    /* tokens */
    {"a>1and b<2", "a=2 b=1", 4},
    {"a=1or b=2", "a=1", 4},
    {"(a=1)or b=2", "a=1", TRUE_},
    {"a=1||b", "a=1", TRUE_},
    {"a='x'and b", "a=x b=1", TRUE_},
    {"temp-1=3", "temp-1=3", TRUE_},
    {"_a9-b=3", "_a9-b=3", TRUE_},
    {"a<-1", "a=-2", TRUE_},
    {"3=a", "a=3", TRUE_},
    {"\ta\t=\t3\t", "a=3", TRUE_},
    {"a.b=1", "a.b=1", TRUE_},
    {"a/b-c._d=1", "a/b-c._d=1", TRUE_},
    {"And=1", "And=1", TRUE_},
    {"TRUE=1", "TRUE=1", TRUE_},
    {"whenever=1", "whenever=1", TRUE_},
    {"a.old=1", "a.old=1", TRUE_},
    {"00001=1", "", TRUE_},
    {"-0=0", "", TRUE_},
    {"'it\"s'=\"it\"s\"", "", 12},
    {"a='it\"s'", "a=it\"s", TRUE_},
    {"\"it's\"=\"it's\"", "", TRUE_},
    {"'a b'='a b'", "", TRUE_},
    /* old, delta, changed */
    {"old(a)=1", "a=2|a=1", TRUE_},
    {"old(a)=1", "a=2|", UNKNOWN_},
    {"old(a)='x'", "|a=x", TRUE_},
    {"old=1", "2|1", TRUE_},
    {"delta=1", "2|1", TRUE_},
    {"delta(a)=3", "a=-1|a=2", TRUE_},
    {"delta(a)=0", "a=2|a=2.0", TRUE_},
    {"delta(a)=0.5", "a=20|a=20.5", TRUE_},
    {"delta(a) >= 0.5 and delta(b)<1", "a=1 b=2|a=2 b=2", TRUE_},
    {"delta(a)>0", "a=x|a=y", UNKNOWN_},
    {"delta(a)>0", "a=1|", UNKNOWN_},
    {"delta(a)>0", "|a=1", UNKNOWN_},
    {"delta(a)>0", "a=true|a=false", UNKNOWN_},
    {"delta(a)", "a=1|a=1", FALSE_},
    {"changed(a)", "a=1|a=2", TRUE_},
    {"changed(a)", "a=1|a=1.0", FALSE_},
    {"changed(a)", "a=1|", TRUE_},
    {"changed(a)", "|a=1", TRUE_},
    {"changed(a)", "|", FALSE_},
    {"changed(a)", "a=1|a=\"1 \"", TRUE_},
    {"changed(a)", "a=true|a=1", TRUE_},
    {"changed(a)", "a=true|a=false", TRUE_},
    {"changed(a)", "a=true|a=true", FALSE_},
    {"changed(a)", "a=x|a=x", FALSE_},
    {"changed(a)", "a=x|a=xy", TRUE_},
    {"changed(a)=true", "a=x|a=xy", TRUE_},
    {"changed", "1|2", TRUE_},
    {"changed", "on|on", FALSE_},
    {"not changed ( a )", "a=1|a=1", TRUE_},
    {"old (a)<a", "a=2|a=1", TRUE_},
    {"a>old(a)and changed(b)", "a=2 b=1|a=1 b=2", TRUE_},
    {"delta(a)=b", "b=6e9 a=3e9|a=-3e9", TRUE_},
    {"delta(a)=b", "b=4294967295 a=4294967295|a=-1", TRUE_},
    {"delta(a)=b", "b=4294967295 a=-2147483648|a=2147483647", TRUE_},
    {"delta(a)=b", "b=5e9 a=0|a=5e9", TRUE_},
    {"delta(a)=b", "b=3e9 a=3e9|a=0.4", TRUE_},
    {"delta(a)=b", "b=2999999999 a=3000000000|a=0.5", TRUE_},
    {"delta(a)=b", "b=1e20 a=1e20|a=1e-20", TRUE_},
    {"delta(a)=b", "b=1e20 a=1e-20|a=1e20", TRUE_},
    {"delta(a)=7", "a=0|a=7", TRUE_},
    {"delta(a)=b", "b=7e9 a=7e9|a=0.0", TRUE_},
    /* faults: where */
    {")", "", 1},
    {"()", "", 2},
    {"and", "", 1},
    {"true and", "", 9},
    {"a or or b", "", 6},
    {"a b", "", 3},
    {"a 1", "", 3},
    {", a", "", 1},
    {"a $", "", 3},
    {"&a", "", 1},
    {"a & b", "", 3},
    {"a | b", "", 3},
    {"a ||", "", 5},
    {"a > > 1", "", 5},
    {"a >", "", 4},
    {"a == =1", "", 6},
    {"a! b", "", 2},
    {"1 < 2 < 3", "", 7},
    {"(a", "", 3},
    {"(a and b", "", 9},
    {"a)", "", 2},
    {"(a b)", "", 4},
    {"when", "", 5},
    {"when until a", "", 6},
    {"a until b", "", 3},
    {"when a until", "", 13},
    {"when a until b until c", "", 16},
    {"when (a  until b)", "", 10},
    {"a when b", "", 3},
    {"when when a", "", 6},
    {"20and", "", 3},
    {"1.", "", 2},
    {".5", "", 1},
    {"1.5.2", "", 4},
    {"5_", "", 2},
    {"5e3", "", 2},
    {"-5a", "", 3},
    {"- 5", "", 1},
    {"a.", "", 3},
    {"a.5", "", 3},
    {"a..b", "", 3},
    {"a/-b", "", 3},
    {"old.x", "", 4},
    {"1234567890", "", 1},
    {"0000000001", "", 1},
    {"1.123456789", "", 1},
    {"a = 0000000000", "", 5},
    {"'a", "", 3},
    {"a = \"", "", 6},
    {"pmin", "", 5},
    {"pmin 0", "", 6},
    {"pmin 0.000", "", 6},
    {"pmin -1", "", 6},
    {"pmin 1.0000", "", 6},
    {"pmin 2000000.001", "", 6},
    {"pmin 2000001", "", 6},
    {"pmin x", "", 6},
    {"pmin 'a'", "", 6},
    {"pmin 1 pmin 2", "", 8},
    {"pmin 2 pmax 1", "", 13},
    {"pmax 1 pmin 2", "", 13},
    {"a pmin", "", 7},
    {"pmin 1 a", "", 8},
    {"pmin 1s", "", 7},
    {"pmax 1.5x", "", 9},
    {"changed(", "", 9},
    {"changed()", "", 9},
    {"changed(1)", "", 9},
    {"changed(a", "", 10},
    {"changed(a b)", "", 11},
    {"delta(a.b)c", "", 11},
    {"old(a) b", "", 8},
    {"old(old)", "", 5},
    {"delta delta", "", 7},
    {"a == 1 and not", "", 15},
    {"not not not", "", 12},
    {"! )", "", 3},
    {"((((((((a))))))))(", "", 18},
    {"old($", "", 5},
    {"old(&", "", 5},
    {"delta(|", "", 7},
    {"delta('x", "", 9},
    {"changed(\"x", "", 11},
    {"a !=", "", 5},
    {"~", "", 1},
    /* what 32 bits cannot hold is larger */
    {"a>b", "a=1e10 b=4294967295", TRUE_},
    {"b<a", "a=1e10 b=4294967295", TRUE_},
    {"a=b", "a=1e10 b=1410065408", FALSE_},
    {"a<b", "a=-1e10 b=-4294967295", TRUE_},
    {"b>a", "a=-1e10 b=-4294967295", TRUE_},
};

static void rows_of(const table_row *rows, size_t count)
{
    table_row row;
    size_t i;

    for (i = 0; i < count; i++) {
        int16_t got;

        TEST_FETCH(&row, rows + i);
        test_row = (unsigned)i + 1;
        got = outcome(row.rule, row.state);
        CHECK_EQ(got, row.want);
#ifndef __AVR__
        if (got != row.want) printf("  %s  %s\n", row.rule, row.state);
#endif
    }
    test_row = 0;
}

static void every_row(void)
{
    rows_of(table, sizeof table / sizeof *table);
    rows_of(more_rows, sizeof more_rows / sizeof *more_rows);
}

/* ---- limits ------------------------------------------------------------- */

static char text[300];

/* So many open parentheses around a field. */
static const char *nested(unsigned depth)
{
    memset(text, '(', depth);
    text[depth] = 'a';
    memset(text + depth + 1, ')', depth);
    text[2 * depth + 1] = '\0';
    return text;
}

static void too_deep(void)
{
    CHECK(compile(nested(COAP2_RULE_DEPTH)) > 0);
    CHECK_EQ(coap2_rule_eval(code, look_state, "a=1"), COAP2_TRUE);
    CHECK_EQ(compile(nested(COAP2_RULE_DEPTH + 1)), COAP2_ERR_FORMAT);
    CHECK_EQ(fault.column, COAP2_RULE_DEPTH + 1);
    CHECK(why_is("too deep"));
    CHECK_EQ(compile(nested(100)), COAP2_ERR_FORMAT);
    CHECK(why_is("too deep"));
}

static void many_nots(void)
{
    memset(text, '!', 254);
    text[254] = 'a';
    CHECK_EQ(compile_bytes(text, 255, NULL, 0), 5);
    CHECK_EQ(coap2_rule_eval(code, look_state, "a=1"), COAP2_TRUE);
    text[0] = ' ';
    compile_bytes(text, 255, NULL, 0);
    CHECK_EQ(coap2_rule_eval(code, look_state, "a=1"), COAP2_FALSE);
}

static void too_long(void)
{
    memset(text, ' ', sizeof text);
    CHECK_EQ(compile_bytes(text, 255, NULL, 0), 2);
    CHECK_EQ(compile_bytes(text, 256, NULL, 0), COAP2_ERR_FORMAT);
    CHECK_EQ(fault.column, 256);
    text[254] = '(';
    CHECK_EQ(compile_bytes(text, 255, NULL, 0), COAP2_ERR_FORMAT);
    CHECK_EQ(fault.column, 256);
    memset(text, 'n', 255);
    CHECK_EQ(compile_bytes(text, 255, NULL, 0), 2 + 2 + 255 + 1);
    CHECK_EQ(coap2_rule_eval(code, look_state, "n=1"), COAP2_UNKNOWN);
    text[0] = text[254] = '"';
    CHECK_EQ(compile_bytes(text, 255, NULL, 0), 2 + 2 + 253 + 1);
    CHECK_EQ(coap2_rule_eval(code, look_state, "n=1"), COAP2_TRUE);
}

static void code_without_room(void)
{
    static const char rule[] =
        "when delta(temp) > 0.5 or (!x and s='abc') until old = -1000 pmin 2";
    size_t size, need = (size_t)compile(rule);
    uint8_t room[sizeof code];

    for (size = 0; size < need; size++) {
        uint8_t *exact = guard_end(room, size);

        CHECK_EQ(coap2_rule_compile(rule, sizeof rule - 1, NULL, 0, exact, size,
                                    &fault),
                 COAP2_ERR_SPACE);
        CHECK(fault.column >= 1 && fault.column <= sizeof rule);
        CHECK(why_is("too long for its place"));
    }
    CHECK_EQ(coap2_rule_compile(rule, sizeof rule - 1, NULL, 0,
                                guard_end(room, need), need, &fault),
             need);
}

/* As many fields may be asked for what they were. */
static void old_fields(void)
{
    unsigned i, length = 0;

    for (i = 0; i < COAP2_RULE_OLDS; i++) {
        memcpy(text + length, "old(a )or changed(a )or ", 24);
        text[length + 4] = text[length + 18] = (char)('a' + i);
        length += 24;
    }
    memcpy(text + length, "delta(a )", 9);
    CHECK(compile_bytes(text, length + 9, NULL, 0) > 0);
    text[length + 6] = '_';
    CHECK_EQ(compile_bytes(text, length + 9, NULL, 0), COAP2_ERR_FORMAT);
    CHECK_EQ(fault.column, length + 7);
    CHECK(why_is("too many old values"));
    CHECK(compile("old(value)=1 or changed or delta>1 or old(a.b)=1 or "
                  "old(a.b)=2 or a.b=3") > 0);
}

/* ---- parts -------------------------------------------------------------- */

static void parts_of_a_rule(void)
{
    compile("when a until b<1 or a='x'");
    CHECK_EQ(coap2_rule_parts(code), COAP2_RULE_WHEN | COAP2_RULE_UNTIL);
    CHECK_EQ(coap2_rule_eval(code, look_state, "a=1 b=1"), COAP2_TRUE);
    CHECK_EQ(coap2_rule_until(code, look_state, "a=y b=1"), COAP2_FALSE);
    CHECK_EQ(coap2_rule_until(code, look_state, "a=x b=1"), COAP2_TRUE);
    CHECK_EQ(coap2_rule_until(code, look_state, "b=1"), COAP2_UNKNOWN);
    CHECK_EQ(coap2_rule_time(code, COAP2_RULE_PMIN), 0);
    compile("a");
    CHECK_EQ(coap2_rule_parts(code), 0);
    CHECK_EQ(coap2_rule_until(code, look_state, "a=1"), COAP2_FALSE);
    compile("pmax 2000000 pmin 0.001");
    CHECK_EQ(coap2_rule_parts(code), COAP2_RULE_PMIN | COAP2_RULE_PMAX);
    CHECK_EQ(coap2_rule_time(code, COAP2_RULE_PMIN), 1);
    CHECK_EQ(coap2_rule_time(code, COAP2_RULE_PMAX), 2000000000);
    compile("temp='x' pmin 1.25");
    CHECK_EQ(coap2_rule_time(code, COAP2_RULE_PMIN), 1250);
    CHECK_EQ(coap2_rule_time(code, COAP2_RULE_PMAX), 0);
}

/* ---- tables of fields --------------------------------------------------- */

static int16_t temp10 = 215;
static uint8_t hum = 40;
static bool on = true;
static char mode[8] = "auto";
static uint32_t counter = 4294967295u;
static int32_t level = -5;

static int32_t get_level(void)
{
    return level;
}

COAP2_FIELDS(climate, COAP2_FIELD("temp", COAP2_I16, temp10, -1),
             COAP2_FIELD("hum", COAP2_U8, hum, 0),
             COAP2_FIELD("on", COAP2_BOOL, on, 0),
             COAP2_FIELD_TEXT("mode", mode),
             COAP2_FIELD("counter", COAP2_U32, counter, 0),
             COAP2_FIELD_GET("level", COAP2_I8, get_level, 0));
enum { CLIMATE = 6 };
COAP2_FIELDS(one, COAP2_FIELD("temp", COAP2_I16, temp10, -1));
COAP2_FIELDS(named_value, COAP2_FIELD("temp", COAP2_I16, temp10, -1),
             COAP2_FIELD("value", COAP2_U8, hum, 0));
#define TEN(name)                                \
    COAP2_FIELD(name "0", COAP2_U8, hum, 0),     \
        COAP2_FIELD(name "1", COAP2_U8, hum, 0), \
        COAP2_FIELD(name "2", COAP2_U8, hum, 0), \
        COAP2_FIELD(name "3", COAP2_U8, hum, 0), \
        COAP2_FIELD(name "4", COAP2_U8, hum, 0)
COAP2_FIELDS(twenty, TEN("a"), TEN("b"), TEN("c"),
             COAP2_FIELD("last", COAP2_I16, temp10, -1));

static uint8_t eval_fields(const coap2_field *fields, uint8_t count,
                           const char *rule)
{
    if (compile_bytes(rule, strlen(rule), fields, count) < 0) return 100;
    return coap2_rule_eval(code, coap2_look_fields, fields);
}

static void variables(void)
{
    CHECK_EQ(eval_fields(climate, CLIMATE, "temp > 20 and hum < 50"),
             COAP2_TRUE);
    CHECK(code_length <= 16);
    CHECK_EQ(eval_fields(climate, CLIMATE, "temp=21.5"), COAP2_TRUE);
    CHECK_EQ(eval_fields(climate, CLIMATE, "on and on=true"), COAP2_TRUE);
    CHECK_EQ(eval_fields(climate, CLIMATE, "mode='auto'"), COAP2_TRUE);
    CHECK_EQ(eval_fields(climate, CLIMATE, "counter>999999999"), COAP2_TRUE);
    CHECK_EQ(eval_fields(climate, CLIMATE, "level=-5"), COAP2_TRUE);
    CHECK_EQ(eval_fields(climate, CLIMATE, "mode=1"), COAP2_UNKNOWN);
    CHECK_EQ(eval_fields(climate, CLIMATE, "old(temp)=21.5"), COAP2_UNKNOWN);
    CHECK_EQ(eval_fields(twenty, 16, "last>21 and c4=40"), COAP2_TRUE);
    CHECK_EQ(eval_fields(twenty, 16, "changed(last)"), COAP2_TRUE);
    CHECK_EQ(eval_fields(one, 1, "> 20 and value > 20 and temp > 20"),
             COAP2_TRUE);
    CHECK_EQ(eval_fields(named_value, 2, "> 39 and value=40 and temp < 22"),
             COAP2_TRUE);
    compile("temp > 20"); /* without the table nothing is known of its rows */
    CHECK_EQ(coap2_rule_eval(code, coap2_look_fields, climate), COAP2_UNKNOWN);
}

static void unknown_names(void)
{
    CHECK_EQ(eval_fields(climate, CLIMATE, "hum and tmp > 20"), 100);
    CHECK_EQ(fault.column, 9);
    CHECK(why_is("no such field"));
    CHECK_EQ(eval_fields(climate, CLIMATE, "hum and > 20"), 100);
    CHECK_EQ(fault.column, 9);
    CHECK_EQ(eval_fields(climate, CLIMATE, "changed and hum"), 100);
    CHECK_EQ(fault.column, 1);
    CHECK_EQ(eval_fields(climate, CLIMATE, "old(value)"), 100);
    CHECK_EQ(fault.column, 5);
    CHECK_EQ(eval_fields(climate, CLIMATE, "temp.x"), 100);
    CHECK_EQ(eval_fields(one, 1, "hum"), 100);
}

/* ---- triggers ----------------------------------------------------------- */

static coap2_trigger trigger;
static char state_now[80];

/* Begin a story: a rule, and the first state. */
static void begin(const char *rule, uint32_t at, const char *state)
{
    CHECK(compile(rule) > 0);
    strcpy(state_now, state);
    coap2_trigger_begin(&trigger, code, look_state, state_now, at);
}

/* Lines of `second state`, or of a second alone; returns what came, a letter
   each: - M P. */
static void story(const char *rule, uint32_t start, const char *lines,
                  const char *want)
{
    char got[20];
    size_t count = 0;
    bool begun = false;

    CHECK(compile(rule) > 0);
    while (*lines != '\0') {
        uint32_t now = 0;
        uint8_t reason = COAP2_FIRST;
        size_t length;
        bool change;

        while (*lines >= '0' && *lines <= '9')
            now = now * 10u + (uint32_t)(*lines++ - '0');
        now = now * 1000u + start;
        length = strcspn(lines, ";");
        change = length != 0;
        if (change) memcpy(state_now, lines + 1, length - 1);
        if (change) state_now[length - 1] = '\0';
        lines += length + (lines[length] == ';');
        if (!begun)
            coap2_trigger_begin(&trigger, code, look_state, state_now, now);
        else if (change)
            reason = coap2_trigger_change(&trigger, code, look_state, state_now,
                                          now);
        else
            reason =
                coap2_trigger_time(&trigger, code, look_state, state_now, now);
        begun = true;
        got[count++] = "-FMP"[reason];
    }
    got[count] = '\0';
    CHECK_TEXT(got, want);
#ifndef __AVR__
    if (strcmp(got, want) != 0) printf("  %s: %s\n", rule, got);
#endif
}

static void level_rules(void)
{
    story("", 0, "0 1;1 1;2 2;3", "FMM-");
    story("> 20", 0, "0 10;1 21;2 21;3 20;4 22", "FMM-M");
    story("x > 20", 0, "0 x=10;1 y=21;2 x=21", "F-M");
    story("changed", 0, "0 10;1 10;2 11;3 11;4 on;5 on;6 on!", "F-M-M-M");
    story("changed(a)", 0, "0 a=1;1 b=1;2 b=2;3 a=1", "FM-M");
    story("delta >= 2", 0, "0 10;1 11;2 12;3 13;4 10;5 9;6 8", "F-M-M-M");
    story("old < 5 and > 5", 0, "0 1;1 2;2 6;3 7;4 1;5 6", "F-M---");
}

static void alarms(void)
{
    story("when > 30", 0, "0 20;1 31;2 32;3 30;4 31", "FM--M");
    story("when > 30", 0, "0 31;1 32;2 x;3 32", "F--M"); /* unknown arms */
    story("when > 30 until < 28", 0, "0 20;1 31;2 29;3 31;4 27;5 31", "FM---M");
    story("when > 30 until < 28", 0, "0 31;1 32;2 27;3 31", "F--M");
    /* one state may do both */
    story("when a until b", 0, "0 a=0 b=0;1 a=1 b=1;2 a=1 b=1;3 a=1 b=0",
          "FMM-");
    story("when not changed until false", 0, "0 1;1 1;2 2;3 2", "F---");
    story("when delta > 5", 0, "0 0;1 6;2 7;3 12;4 13", "FM-M-");
}

static void not_too_often(void)
{
    story("pmin 5", 0, "0 1;1 2;2 3;4;5;6 1;9;10", "F---M--M");
    story("pmin 5", 0, "0 1;5 2;6 3;10", "FM-M");
    story("> 20 pmin 5", 0, "0 1;1 21;2 20;5;6 21", "F---M");
    /* what waited speaks for the change that comes with its time */
    story("> 20 pmin 5", 0, "0 1;1 21;6 22;11;12", "F-M--");
    story("when > 20 pmin 5", 0, "0 1;1 21;5;6 22;7 1;8 21;9;10", "F-M----M");
    /* dropped, and armed again, with or without until */
    story("when > 20 pmin 5", 0, "0 1;1 21;2 1;5;6 21", "F---M");
    story("when > 20 until < 0 pmin 5", 0, "0 1;1 21;2 1;5;6 21", "F---M");
    story("when > 20 pmin 5", 0, "0 1;1 21;2 1;7 21;8 22", "F--M-");
    /* the clock wraps */
    story("> 20 pmin 5", 4294966296u, "0 1;1 21;4;5;6;7 21;10", "F--M--M");
}

static void not_too_seldom(void)
{
    story("> 20 pmax 60", 0, "0 1;59;60;61;119;120", "F-P--P");
    story("> 20 pmax 60", 0, "0 1;30 21;60;89;90", "FM--P");
    story("when > 20 pmax 60", 0, "0 1;60 2;70 21;130 22;140 23", "FPMP-");
    /* an alarm that comes with pmax is an alarm */
    story("when > 20 pmax 60", 0, "0 1;70 21;71 22;129;130", "FM--P");
    story("when > 20 pmin 60 pmax 60", 0, "0 1;1 21;60;61 20;120", "F-M-P");
    story("when > 20 pmin 60 pmax 60", 0, "0 1;1 21;2 1;60;119 21;120",
          "F--P-M");
    story("changed pmax 60", 4294960000u, "0 1;60 1;61 2;62 2", "FPM-");
}

static void deadlines(void)
{
    begin("> 20 pmin 5 pmax 60", 1000, "1");
    CHECK_EQ(coap2_trigger_due(&trigger, code, 1000), 60000);
    CHECK_EQ(coap2_trigger_due(&trigger, code, 61000), 0);
    CHECK_EQ(coap2_trigger_due(&trigger, code, 71000), 0);
    strcpy(state_now, "21");
    CHECK_EQ(coap2_trigger_change(&trigger, code, look_state, state_now, 2000),
             COAP2_QUIET);
    CHECK_EQ(coap2_trigger_due(&trigger, code, 2000), 4000);
    CHECK_EQ(coap2_trigger_time(&trigger, code, look_state, state_now, 5999),
             COAP2_QUIET);
    CHECK_EQ(coap2_trigger_time(&trigger, code, look_state, state_now, 6000),
             COAP2_MATCH);
    CHECK_EQ(coap2_trigger_due(&trigger, code, 6000), 60000);
    begin("> 20", 0, "1");
    CHECK_EQ(coap2_trigger_due(&trigger, code, 0), 0xffffffffu);
}

/* A clock of 49 days and nobody who looks at it often. */
static void long_silence(void)
{
    uint32_t now = 0;
    uint8_t i;

    begin("when > 20 pmin 5", now, "1");
    for (i = 0; i < 10; i++) {
        now += 2000000000u;
        CHECK_EQ(coap2_trigger_time(&trigger, code, look_state, state_now, now),
                 COAP2_QUIET);
    }
    strcpy(state_now, "21");
    CHECK_EQ(
        coap2_trigger_change(&trigger, code, look_state, state_now, now + 1u),
        COAP2_MATCH);
}

/* Of a long text the first bytes, its length and a hash are kept. */
static void long_texts(void)
{
    story("changed(a)", 0,
          "0 a=abcdefghij;1 a=abcdefghij;2 a=abcdefghix;3 a=abcdefghija;"
          "4 a=abcdefghija;5 a=012;6 a=012;7 a=abcdefghij",
          "F-MM-M-M");
    story("old(a)='abcdefghij'", 0, "0 a=abcdefghij;1 a=1;2 a=2", "FM-");
    story("'abcdefghij'!=old(a)", 0,
          "0 a=abcdefghix;1 a=1;2 a=abcdefghij;"
          "3 a=1",
          "FM--");
    story("old(a)=old(a)", 0, "0 a=abcdefghij;1 a=1", "FM");
    /* order is known as far as the first bytes tell it */
    story("old(a)<'ac'", 0, "0 a=abcdefghij;1 a=abcdefghij", "FM");
    story("'ac'>old(a)", 0, "0 a=abcdefghij;1 a=abcdefghij", "FM");
    story("old(a)>'abcdefghij'", 0, "0 a=abcdefghix;1 a=1", "F-");
    story("not old(a)>'abcdefghij'", 0, "0 a=abcdefghix;1 a=1", "F-");
    story("old(a)>'ab'", 0, "0 a=abcdefghij;1 a=1", "FM");
    story("when changed(a)or old(b)=1 until changed(a)", 0,
          "0 a=abcdefghij b=2;1 a=x b=1", "FM");
}

/* ---- payloads ----------------------------------------------------------- */

static uint8_t eval_payload(const char *rule, uint16_t format,
                            const void *bytes, size_t length)
{
    coap2_payload payload;

    if (compile(rule) < 0) return 100;
    payload.bytes = guard_end(bytes, length);
    payload.length = length;
    payload.format = format;
    return coap2_rule_eval(code, coap2_look_payload, &payload);
}

typedef struct payload_row {
    char rule[28], bytes[60];
    uint8_t want;
} payload_row;

static void payload_rows(const payload_row *rows, size_t count, uint16_t format)
{
    payload_row row;
    size_t i;

    for (i = 0; i < count; i++) {
        uint8_t got;
        TEST_FETCH(&row, rows + i);
        test_row = (unsigned)i + 1;
        got = eval_payload(row.rule, format, row.bytes, strlen(row.bytes));
        CHECK_EQ(got, row.want);
#ifndef __AVR__
        if (got != row.want) printf("  %s  %s\n", row.rule, row.bytes);
#endif
    }
    test_row = 0;
}
#define PAYLOAD_ROWS(rows, format) \
    payload_rows(rows, sizeof(rows) / sizeof *(rows), format)

enum { F_ = COAP2_FALSE, U_ = COAP2_UNKNOWN, T_ = COAP2_TRUE };

static const payload_row texts[] TEST_FLASH = {
    {"= 21.5", " 21.5\n", T_},
    {"= true", "true", T_},
    {"= 'hello, world'", "hello, world", T_},
    {"= ''", "", T_},
    {"= '=5'", "=5", T_},
    {"= 'a b=1'", "a b=1", T_},
    {"a = 1 and b = 'x y'", " a=1\tb=\"x y\"", T_},
    {"b = 'say \"hi\"'", "b=\"say \\\"hi\\\"\"", T_},
    {"b = 1", "a=\"x b=1", U_},
    {"= 5", "a=1 value=5", T_},
    {"a.b = 1 and a/b = 2", "a.b=1 a/b=2", T_},
    {"a", "abc=1", U_},
};

static const payload_row jsons[] TEST_FLASH = {
    {"temp > 20 and hum = 40", "{\"temp\":21.5,\"hum\":40}", T_},
    {"a.b.c = 1 and a/x = 2", " { \"a\" : {\"b\":{ \"c\": 1 }, \"x\":2}} ", T_},
    {"x = 3", "{\"a\":[1,{\"x\":2},[[]],\"]\"],\"x\":3}", T_},
    {"b = 1", "{\"a\":{\"b\":2},\"b\":1}", T_},
    {"a.b", "{\"b\":1}", U_},
    {"a.b", "{\"a\":1,\"b\":2}", U_},
    {"a.b", "{\"a\":{\"c\":{\"b\":1}},\"b\":2}", U_},
    {"a.b", "{\"a\":[{\"b\":1}]}", U_},
    {"a.b.c", "{\"a\":{\"c\":1},\"b\":{\"c\":1}}", U_},
    {"a", "{\"a\":{\"a\":1}}", U_},
    {"a", "{\"a\":null}", U_},
    {"a = true", "{\"a\":true}", T_},
    {"a = 'x\"y'", "{\"a\":\"x\\u0022y\"}", T_},
    {"ab = 1", "{\"\\u0061b\":1}", T_},
    {"a = 1e3", "{\"a\":1000}", 100},
    {"a = 1000", "{\"a\":1e3}", T_},
    {"a", "{\"a\":1e400}", U_},
    {"a", "{\"a\":1e-400}", U_},
    {"= 21.5", "21.5", T_},
    {"= 'x'", " \"x\" ", T_},
    {"= 1", "[1]", U_},
    {"= 1", "{\"value\":1}", T_},
    {"a", "", U_},
    {"a", "{", U_},
    {"a", "{\"b\":1", U_},
    {"a", "{\"b\":1]", U_},
    {"a", "{\"b\":1,}", U_},
    {"a", "{\"b\" 1,\"a\":1}", U_},
    {"a", "{\"b\":1 \"a\":1}", U_},
    {"a", "{\"b\":,\"a\":1}", U_},
    {"a", "{\"b\":[1 2],\"a\":1}", U_},
    {"a", "{\"b\":[1,],\"a\":1}", U_},
    {"a", "{\"b\":[01],\"a\":1}", U_},
    {"a", "{b:1,\"a\":1}", U_},
    {"a", "{\"b\":nul,\"a\":1}", U_},
    {"a", "{\"a\":", U_},
    {"a = 1", "{\"b\":[],\"c\":{},\"a\":1}", T_},
};

static const payload_row packs[] TEST_FLASH = {
    {"temp = 21", "[{\"n\":\"temp\",\"v\":21}]", T_},
    {"d/temp = 21", "[{\"v\":21,\"n\":\"temp\",\"bn\":\"d/\"}]", T_},
    {"d/b = 2", "[{\"bn\":\"d/\",\"n\":\"a\",\"v\":1},{\"n\":\"b\",\"v\":2}]",
     T_},
    {"temp", "[{\"bn\":\"d/\",\"n\":\"temp\",\"v\":21}]", U_},
    {"d", "[{\"bn\":\"d\",\"v\":21}]", T_},
    {"d/", "[{\"bn\":\"d/\",\"v\":21}]", 100},
    {"a = 21.5", "[{\"bv\":20,\"n\":\"a\",\"v\":1.5}]", T_},
    {"b = 19.9", "[{\"bv\":20,\"n\":\"a\",\"v\":1},{\"n\":\"b\",\"v\":-0.1}]",
     T_},
    {"b = 1", "[{\"bv\":20},{\"bv\":null,\"n\":\"b\",\"v\":1}]", T_},
    {"a = 2", "[{\"n\":\"a\",\"v\":1},{\"n\":\"a\",\"v\":2}]", T_},
    {"a = 'x' and b", "[{\"n\":\"a\",\"vs\":\"x\"},{\"n\":\"b\",\"vb\":true}]",
     T_},
    {"a = 'x'", "[{\"n\":\"a\",\"bv\":1,\"vs\":\"x\"}]", T_},
    {"a", "[{\"n\":\"a\",\"v\":\"x\",\"u\":\"C\"}]", U_},
    {"a", "[{\"n\":\"a\",\"x\":{\"v\":1}}]", U_},
    {"= 5", "[{\"v\":5}]", T_},
    {"= 5", "[{\"n\":\"value\",\"v\":5}]", T_},
    {"a", "{\"n\":\"a\",\"v\":1}", U_},
    {"a", "[{\"n\":1,\"bn\":1,\"v\":1}]", U_},
};

static void payloads_of_text(void)
{
    PAYLOAD_ROWS(texts, COAP2_FORMAT_TEXT);
    PAYLOAD_ROWS(texts, 0xffff);
    PAYLOAD_ROWS(jsons, COAP2_FORMAT_JSON);
    PAYLOAD_ROWS(packs, COAP2_FORMAT_SENML_JSON);
    CHECK_EQ(eval_payload("> 1", COAP2_FORMAT_OCTETS, "5", 1), U_);
    CHECK_EQ(eval_payload("old > 1", COAP2_FORMAT_TEXT, "5", 1), U_);
}

typedef struct cbor_row {
    char rule[28];
    uint8_t length, bytes[40];
    uint8_t want;
} cbor_row;

#define A(...)                       \
    {                                \
        0xa1, 0x61, 'a', __VA_ARGS__ \
    }
static const cbor_row cbors[] TEST_FLASH = {
    {"a = 5", 4, A(5), T_},
    {"a = -24", 4, A(0x37), T_},
    {"a = 1000", 6, A(0x19, 3, 0xe8), T_},
    {"a > 999999999", 8, A(0x1a, 0xff, 0xff, 0xff, 0xff), T_},
    {"a.b = 1", 7, {0xa1, 0x61, 'a', 0xa1, 0x61, 'b', 1}, T_},
    {"a.b = 1", 9, {0xbf, 0x61, 'a', 0xbf, 0x61, 'b', 1, 0xff, 0xff}, T_},
    {"b = 2", 9, {0xa2, 0x61, 'a', 0x82, 1, 0x80, 0x61, 'b', 2}, T_},
    {"b = 2", 10, {0xa2, 0x61, 'a', 0x9f, 1, 0xa0, 0xff, 0x61, 'b', 2}, T_},
    {"b = 2", 6, {0xa2, 1, 2, 0x61, 'b', 2}, T_},
    {"a = 'xy'", 6, A(0x62, 'x', 'y'), T_},
    {"a", 6, A(0x42, 'x', 'y'), U_},
    {"a", 8, A(0x7f, 0x61, 'x', 0x61, 0xff), U_},
    {"a", 9, A(0x7f, 0x61, 'x', 0x61, 'y', 0xff), U_},
    {"b = 1",
     12,
     {0xa2, 0x61, 'a', 0x5f, 0x41, 'x', 0x41, 'y', 0xff, 0x61, 'b', 1},
     T_},
    {"b", 8, {0xa2, 0x61, 'a', 0x5f, 0x61, 'x', 0xff, 0x61}, U_},
    {"b", 6, {0xa2, 0x61, 'a', 0x7f, 0x61, 'x'}, U_},
    {"a", 4, A(0xf5), T_},
    {"a = false", 4, A(0xf4), T_},
    {"a", 4, A(0xf6), U_},
    {"a = 1.5", 6, A(0xf9, 0x3e, 0), T_},
    {"a = 21.5", 8, A(0xfa, 0x41, 0xac, 0, 0), T_},
    {"a = 0.1", 12, A(0xfb, 0x3f, 0xb9, 0x99, 0x99, 0x99, 0x99, 0x99, 0x9a),
     T_},
    {"a = 0.1", 8, A(0xfa, 0x3d, 0xcc, 0xcc, 0xcd), T_},
    {"a = 0.333", 6, A(0xf9, 0x35, 0x55), T_},
    {"a", 6, A(0xf9, 0x7e, 0), U_},
    {"a", 6, A(0xf9, 0x7c, 0), U_},
    {"a = 21.5", 8, A(0xc4, 0x82, 0x20, 0x18, 0xd7), T_},
    {"a = 700", 6, A(0xc4, 0x82, 2), U_},
    {"a = 700", 7, A(0xc4, 0x82, 2, 7), T_},
    {"a", 8, A(0xc4, 0x82, 0x19, 3, 0xe8), U_},
    {"a", 9, A(0xc4, 0x82, 0x19, 3, 0xe8, 7), U_},
    {"a", 7, A(0xc4, 0x82, 0x60, 7), U_},
    {"a", 7, A(0xc4, 0x82, 1, 0x60), U_},
    {"a = 5", 7, A(0xd8, 0x20, 0xc1, 5), T_},
    /* more than 32 bits: nine digits */
    {"b = a",
     23,
     {0xa2, 0x61, 'a',  0x1b, 0,    0,    0,    1,    0x2a, 0x05, 0xf2, 0x00,
      0x61, 'b',  0xfb, 0x41, 0xf2, 0xa0, 0x5f, 0x20, 0,    0,    0},
     T_},
    {"b = a",
     18,
     {0xa2, 0x61, 'a', 0x1b, 0, 0, 0, 1, 0x2a, 0x05, 0xf2, 0x00, 0x61, 'b',
      0xc4, 0x82, 9, 5},
     T_},
    {"b = a",
     19,
     {0xa2, 0x61, 'a', 0x3b, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
      0x61, 'b', 0xc4, 0x82, 0x0b, 0x39, 0x00},
     U_},
    {"b = a",
     22,
     {0xa2, 0x61, 'a', 0x3b, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
      0xff, 0x61, 'b', 0xc4, 0x82, 0x0b, 0x3a, 0x0a, 0xfe, 0xbf, 0xf0},
     T_},
    {"a < -0.5", 12, A(0x3b, 0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff), T_},
    {"= 5", 1, {5}, T_},
    {"= 5", 8, {0xa1, 0x65, 'v', 'a', 'l', 'u', 'e', 5}, T_},
    {"a", 0, {0}, U_},
    {"a", 3, {0xa1, 0x61, 'b'}, U_},
    {"a", 2, {0xa1, 0xa0}, U_},
    {"a", 4, {0xbf, 0x61, 'b', 0xff}, U_},
    {"a", 9, {0xbb, 0, 0, 0, 1, 0, 0, 0, 0}, U_},
    {"a", 6, {0xb8, 0xff, 0x61, 'b', 1, 0x61}, U_},
    {"a", 5, {0xbf, 0x61, 'b', 1, 0xff}, U_},
    {"a", 4, {0xa1, 0x61, 'b', 1}, U_},
};

/* Base name, base value, name, value. */
static const cbor_row cbor_packs[] TEST_FLASH = {
    {"d/a = 3 and d/b = 'x'",
     19,
     {0x82, 0xa4, 0x21, 0x62, 'd', '/', 0x24, 2, 0, 0x61, 'a', 2, 1, 0xa2, 0,
      0x61, 'b', 3, 0x61},
     U_},
    {"d/a = 3 and d/b = 'x'",
     20,
     {0x82, 0xa4, 0x21, 0x62, 'd', '/',  0x24, 2, 0,    0x61,
      'a',  2,    1,    0xa2, 0,   0x61, 'b',  3, 0x61, 'x'},
     T_},
    {"a", 9, {0x9f, 0xbf, 0, 0x61, 'a', 4, 0xf5, 0xff, 0xff}, T_},
    {"a", 9, {0x9f, 0xbf, 0, 0x61, 'a', 0xf6, 0xf5, 0xff, 0xff}, U_},
    {"a", 10, {0x9f, 0xbf, 0, 0x61, 'a', 0x18, 0x20, 0xf5, 0xff, 0xff}, U_},
    /* keys that name no member: null, a number of 31 bits */
    {"v = 5", 7, {0x81, 0xa2, 0xf6, 0x61, 'v', 2, 5}, U_},
    {"v = 5",
     13,
     {0x81, 0xa3, 0x1a, 0x7f, 0xff, 0xff, 0xff, 1, 0, 0x61, 'v', 2, 5},
     T_},
};

static void cbor_rows(const cbor_row *rows, size_t count, uint16_t format)
{
    cbor_row row;
    size_t i;

    for (i = 0; i < count; i++) {
        uint8_t got;
        TEST_FETCH(&row, rows + i);
        test_row = (unsigned)i + 1;
        got = eval_payload(row.rule, format, row.bytes, row.length);
        CHECK_EQ(got, row.want);
    }
    test_row = 0;
}

static void payloads_of_cbor(void)
{
    cbor_rows(cbors, sizeof cbors / sizeof *cbors, COAP2_FORMAT_CBOR);
    cbor_rows(cbor_packs, sizeof cbor_packs / sizeof *cbor_packs,
              COAP2_FORMAT_SENML_CBOR);
}

/* Levels are counted, and one too many hides what stands behind it. */
static void deep_payloads(void)
{
    memset(text, '[', sizeof text);
    memcpy(text, "{\"b\":", 5);
    memset(text + 5 + COAP2_RULE_DEPTH - 1, ']', COAP2_RULE_DEPTH - 1);
    memcpy(text + 5 + 2 * (COAP2_RULE_DEPTH - 1), ",\"a\":1}", 7);
    CHECK_EQ(eval_payload("a", COAP2_FORMAT_JSON, text,
                          5 + 2 * (COAP2_RULE_DEPTH - 1) + 7),
             COAP2_TRUE);
    CHECK_EQ(eval_payload("a", COAP2_FORMAT_JSON, "[[[[", 4), COAP2_UNKNOWN);
    memset(text, 0x81, sizeof text);
    CHECK_EQ(eval_payload("a", COAP2_FORMAT_CBOR, text, 200), COAP2_UNKNOWN);
}

static void values_of_text(void)
{
    coap2_value value;

    coap2_value_read(&value, "-21.50", 6);
    CHECK_EQ(value.kind, COAP2_VALUE_NUMBER);
    CHECK_EQ(value.magnitude, 215);
    CHECK_EQ(value.exponent, -1);
    CHECK(value.negative);
    coap2_value_read(&value, "true", 4);
    CHECK_EQ(value.kind, COAP2_VALUE_BOOL);
    CHECK_EQ(value.magnitude, 1);
    coap2_value_read(&value, "truer", 5);
    CHECK_EQ(value.kind, COAP2_VALUE_TEXT);
    CHECK_BYTES(value.text, value.length, "truer", 5);
}

/* ---- a second opinion --------------------------------------------------- */

#ifndef __AVR__

/* A rule as a tree, and what it comes to by walking it. Numbers are
   thousandths here, in 64 bits. */
typedef struct model_value {
    char kind; /* n b s, or 0: missing */
    long number;
    char string[4];
} model_value;

static model_value model_now[5], model_old[5];
static unsigned long model_seed = 7252;
static char *model_at; /* where the text of the rule grows */

static unsigned chance(unsigned n)
{
    model_seed = (model_seed * 1103515245ul + 12345ul) & 0xfffffffful;
    return (unsigned)(model_seed >> 12) % n;
}

static void say(const char *word)
{
    while (*word != '\0') *model_at++ = *word++;
}

/* Blanks may stand between tokens; where words meet they must. */
static void say_token(const char *word)
{
    say(chance(3) != 0 ? " " : " \t ");
    say(word);
}

static model_value random_value(void)
{
    static const long numbers[] = {0,    1000, -1000, 1500,  1499, 1501,
                                   -500, 2000, 21500, 20000, 100};
    static const char *const strings[] = {"", "a", "ab", "b"};
    model_value v;

    memset(&v, 0, sizeof v);
    switch (chance(6)) {
    case 0:
        break;
    case 1:
        v.kind = 'b';
        v.number = (long)chance(2);
        break;
    case 2:
        v.kind = 's';
        strcpy(v.string, strings[chance(4)]);
        break;
    default:
        v.kind = 'n';
        v.number = numbers[chance(11)];
        break;
    }
    return v;
}

static void look_model(const void *user, coap2_ref field, coap2_value *value)
{
    const model_value *v;
    unsigned index = field.length == 0 ? 4u : (unsigned)(field.name[0] - 'a');

    (void)user;
    v = field.old ? &model_old[index] : &model_now[index];
    if (v->kind == 'n') {
        value->kind = COAP2_VALUE_NUMBER;
        value->magnitude = (uint32_t)(v->number < 0 ? -v->number : v->number);
        value->negative = v->number < 0;
        value->exponent = -3;
    } else if (v->kind == 'b') {
        value->kind = COAP2_VALUE_BOOL;
        value->magnitude = (uint32_t)v->number;
    } else if (v->kind == 's') {
        value->kind = COAP2_VALUE_TEXT;
        value->text = v->string;
        value->length = strlen(v->string);
    }
}

/* -1, 0, 1; or 2 where they cannot be compared. */
static int model_compare(const model_value *a, const model_value *b)
{
    int order;

    if (a->kind == 0 || a->kind != b->kind) return 2;
    if (a->kind == 's') {
        order = strcmp(a->string, b->string);
        return order < 0 ? -1 : order > 0;
    }
    return a->number < b->number ? -1 : a->number > b->number;
}

static model_value model_literal(void)
{
    model_value v = random_value();
    char digits[24];

    if (v.kind == 0) v.kind = 'n', v.number = 20000;
    if (v.kind == 'b') {
        say_token(v.number != 0 ? "true" : "false");
    } else if (v.kind == 's') {
        say_token(chance(2) != 0 ? "'" : "\"");
        say(v.string);
        *model_at = model_at[-1 - (int)strlen(v.string)];
        model_at++;
    } else {
        snprintf(digits, sizeof digits, "%s%ld.%03ld", v.number < 0 ? "-" : "",
                 labs(v.number) / 1000, labs(v.number) % 1000);
        if (v.number % 1000 == 0 && chance(2) != 0)
            digits[strlen(digits) - 4] = '\0';
        say_token(digits);
    }
    return v;
}

static void say_field(unsigned index)
{
    static const char *const names[] = {"a", "b.x", "c-1", "d/y_", "value"};

    say_token(names[index]);
}

/* Say an operand, and return what it is. */
static model_value model_operand(void)
{
    static const char *const words[] = {"changed", "old", "delta"};
    unsigned index = chance(5), kind = chance(10);
    model_value v, *now = &model_now[index], *old = &model_old[index];

    if (kind < 3) return model_literal();
    if (kind < 7) {
        say_field(index);
        return *now;
    }
    index = index < COAP2_RULE_OLDS ? index : COAP2_RULE_OLDS - 1;
    now = &model_now[index];
    old = &model_old[index];
    say_token(words[kind - 7]);
    say_token("(");
    say_field(index);
    say_token(")");
    if (kind == 8) return *old;
    memset(&v, 0, sizeof v);
    if (kind == 7) {
        v.kind = 'b';
        v.number = now->kind != old->kind ||
                   (now->kind != 0 && model_compare(now, old) != 0);
    } else if (now->kind == 'n' && old->kind == 'n') {
        v.kind = 'n';
        v.number = labs(now->number - old->number);
    }
    return v;
}

static int model_test(void)
{
    static const char *const signs[] = {
        "<", "<=", ">", ">=", "==", "=", "!=", "<>"};
    unsigned sign = chance(10);
    bool own = sign < 8 && chance(6) == 0;
    model_value a = own ? model_now[4] : model_operand(), b;
    int order;

    if (sign > 7) {
        if (a.kind == 0) return 1;
        return (a.kind == 's' ? a.string[0] != '\0' : a.number != 0) ? 2 : 0;
    }
    say_token(signs[sign]);
    b = model_operand();
    order = model_compare(&a, &b);
    if (order == 2 || (a.kind == 'b' && sign < 4)) return 1;
    switch (sign) {
    case 0:
        return order < 0 ? 2 : 0;
    case 1:
        return order <= 0 ? 2 : 0;
    case 2:
        return order > 0 ? 2 : 0;
    case 3:
        return order >= 0 ? 2 : 0;
    case 4:
    case 5:
        return order == 0 ? 2 : 0;
    default:
        return order != 0 ? 2 : 0;
    }
}

/* Kleene's tables: rows and columns false, unknown, true. */
static const char model_and[3][4] = {"000", "011", "012"};
static const char model_or[3][4] = {"012", "112", "222"};

/* The grammar, downwards; the depth left keeps a rule within bounds. */
static int model_expr(unsigned left)
{
    int any = 0, all = 2, value;

    for (;;) {
        bool negate = chance(4) == 0;

        if (negate) say_token(chance(2) != 0 ? "not" : "!");
        if (left > 0 && chance(3) == 0) {
            say_token("(");
            value = model_expr(left - 1);
            say_token(")");
        } else {
            value = model_test();
        }
        if (negate) value = 2 - value;
        all = model_and[all][value] - '0';
        if (chance(5) < 2) break;
        if (chance(2) != 0) {
            say_token(chance(2) != 0 ? "and" : "&&");
        } else {
            say_token(chance(2) != 0 ? "or" : "||");
            any = model_or[any][all] - '0';
            all = 2;
        }
    }
    return model_or[any][all] - '0';
}

static void second_opinion(void)
{
    static char rule[200000];
    unsigned done = 0, counts[3] = {0, 0, 0}, i;
    int want;

    while (done < 100000 && test_failed == 0) {
        for (i = 0; i < 5; i++) {
            model_now[i] = random_value();
            model_old[i] = chance(3) == 0 ? model_now[i] : random_value();
        }
        model_at = rule;
        want = model_expr(3);
        *model_at = '\0';
        if (model_at - rule > 255) continue;
        done++;
        counts[want]++;
        if (compile(rule) > 0 &&
            coap2_rule_eval(code, look_model, NULL) == want &&
            code_length <= (int16_t)COAP2_RULE_CODE(strlen(rule)))
            continue;
        CHECK(false);
        printf("  %s\n  column %u, wanted %d\n", rule, fault.column, want);
    }
    CHECK_EQ(done, 100000);
    CHECK(counts[0] > 10000 && counts[1] > 10000 && counts[2] > 10000);
}

#else

static void second_opinion(void)
{
}

#endif

int main(void)
{
    RUN("5: the table of rules", every_row);
    RUN("5: nesting has an end", too_deep);
    RUN("5: any number of nots", many_nots);
    RUN("5: 255 bytes at most", too_long);
    RUN("5: code that has no room is refused", code_without_room);
    RUN("5: a rule keeps so many old values", old_fields);
    RUN("5: when, until, pmin and pmax", parts_of_a_rule);
    RUN("5: a rule looks at variables", variables);
    RUN("4: a name that is not there is refused", unknown_names);
    RUN("5: a level notifies at each change", level_rules);
    RUN("5: when notifies once, until it is armed again", alarms);
    RUN("5: pmin holds back", not_too_often);
    RUN("5: pmax breaks the silence", not_too_seldom);
    RUN("5: deadlines of pmin and pmax", deadlines);
    RUN("5: a clock that wraps", long_silence);
    RUN("5: of long texts a part is kept", long_texts);
    RUN("5: payloads of text, JSON and SenML", payloads_of_text);
    RUN("5: payloads of CBOR", payloads_of_cbor);
    RUN("5: payloads nest so far", deep_payloads);
    RUN("5: a value from a text", values_of_text);
    RUN("5: a tree walker agrees on 100,000 rules", second_opinion);
    return test_end();
}
