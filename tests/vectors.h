/* Messages that several tests share, written by hand from the RFCs. The
   notation: hexadecimal digits, blanks for the eye, and text between single
   quotes. */
#ifndef VECTORS_H
#define VECTORS_H

#include "harness.h"

enum { VECTOR_MAX = 72 }; /* bytes of the longest vector */

typedef struct vector {
    char notation[112];
} vector;

/* Each is canonical: parsed and written again it gives the same bytes. */
static const vector vectors[] TEST_FLASH = {
    /* RFC 7252 Appendix A, figures 16 to 23 */
    {"40017d34 bb'temperature'"},
    {"60457d34 ff'22.3 C'"},
    {"41017d35 20 bb'temperature'"},
    {"61457d35 20 ff'22.3 C'"},
    {"41017d36 31 bb'temperature'"},
    {"61457d36 31 ff'22.3 C'"},
    {"41017d37 42 bb'temperature'"},
    {"61457d37 42 ff'22.3 C'"},
    {"41017d38 53 bb'temperature'"},
    {"60007d38"},
    {"4145ad7b 53 ff'22.3 C'"},
    {"6000ad7b"},
    {"41017d39 64 bb'temperature'"},
    {"60007d39"},
    {"4145ad7c 64 ff'22.3 C'"},
    {"7000ad7c"},
    {"51017d40 75 bb'temperature'"},
    {"5145ad7d 75 ff'22.3 C'"},
    {"51017d41 86 bb'temperature'"},
    {"514560b1 86 ff'22.3 C'"},
    {"514501a0 86 ff'20.9 C'"},
    {"5184952a 86"},
    /* the workloads of the benchmark: P1 and B1 */
    {"44011234 deadbeef 3b'node1.local' 87'sensors' 04'temp' 46'unit=c'"},
    {"64451234 deadbeef 4401020304 8132 213c ff"
     "'thirty-two bytes of payload, ok.'"},
    /* ping and reset (RFC 7252 4.3, 4.2) */
    {"4000ffff"},
    {"70000000"},
    /* token of eight bytes, of 00 and of ff (3) */
    {"48011234 0001020304050607"},
    {"48011234 ffffffffffffffff b1'x' ff00"},
    /* deltas around each form (3.1): 12, 13, 268, 269, 65535 */
    {"40011234 c0"},
    {"40011234 d000"},
    {"40011234 d0ff"},
    {"40011234 e00000"},
    {"40011234 e0fef2"},
    {"40011234 c0d000d0f2e00000"},
    /* lengths around each form (3.1): 12 and 13 */
    {"40011234 bc'abcdefghijkl'"},
    {"40011234 bd00'abcdefghijklm'"},
    {"40011234 dd0201'abcdefghijklmn' ff'x'"},
    /* an empty option as the very last byte, and repeated ones (5.4.5) */
    {"40011234 b0"},
    {"40011234 b161 0000 0162 00"},
    {"40011234 d002 00"},
    /* an opaque empty If-Match, If-None-Match, Observe (5.10.8, 7641 2) */
    {"40031234 10 40 10"},
    /* block options and the options of CoAP 2, unknown ones (5.4.1) */
    {"40011234 d10a16 410e d11401 ff'a'"},
    {"40011234 60 e50019'/temp' d057 a0 e0fd58"},
    /* all code classes parse (4.2) */
    {"40201234"},
    {"407f1234"},
    {"40c11234"},
    {"40e11234 20"},
    {"407e1234 ff00"},
    {"40ff1234"},
    /* a payload of 255s, and one that begins with another marker (3) */
    {"40021234 ffffff"},
    {"40451234 ff00"}};

enum { VECTORS = (int)(sizeof vectors / sizeof vectors[0]) };

static uint8_t digit_of(char c)
{
    return (uint8_t)(c <= '9' ? c - '0' : c - 'a' + 10);
}

/* Bytes from the notation; returns how many. */
static size_t bytes_of(const char *notation, uint8_t *bytes)
{
    size_t length = 0;
    int quoted = 0;

    for (; *notation != '\0'; notation++) {
        if (*notation == '\'') {
            quoted = !quoted;
        } else if (quoted) {
            bytes[length++] = (uint8_t)*notation;
        } else if (*notation != ' ') {
            bytes[length++] =
                (uint8_t)(digit_of(notation[0]) * 16u + digit_of(notation[1]));
            notation++;
        }
    }
    return length;
}

/* The bytes of one of the vectors; returns how many. */
static size_t vector_bytes(int index, uint8_t *bytes)
{
    vector v;

    TEST_FETCH(&v, &vectors[index]);
    return bytes_of(v.notation, bytes);
}

#endif
