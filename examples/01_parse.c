/* 01_parse.c - read a packet from your own buffer.

   cc -I.. 01_parse.c -o 01_parse && ./01_parse */

#define COAP2_IMPLEMENTATION
#include "coap2.h"

#include <stdio.h>

/* As it came from the network: PUT /fan/mode, and "on" for payload. */
static const uint8_t packet[] = {
    0x41, 0x03, 0x12, 0x34, 0x7a,                     /* header and token */
    0xb3, 'f',  'a',  'n',  0x04, 'm', 'o', 'd', 'e', /* options          */
    0xff, 'o',  'n'};                                 /* payload          */

int main(void)
{
    coap2_msg msg;
    coap2_opt opt;

    if (coap2_msg_parse(&msg, packet, sizeof packet) != COAP2_OK) {
        printf("malformed\n");
        return 1;
    }
    printf("%s, id %u\n", coap2_code_name(msg.code), (unsigned)msg.id);

    for (opt = msg.options; coap2_opt_next(&opt);)
        printf("option %u: %.*s\n", (unsigned)opt.number, (int)opt.length,
               (const char *)opt.value);

    if (coap2_msg_path_is(&msg, "fan/mode"))
        printf("the fan goes %.*s\n", (int)msg.payload_length,
               (const char *)msg.payload);
    return 0;
}
