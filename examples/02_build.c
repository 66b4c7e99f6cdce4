/* 02_build.c - write a packet into your own buffer.

   cc -I.. 02_build.c -o 02_build && ./02_build */

#define COAP2_IMPLEMENTATION
#include "coap2.h"

#include <stdio.h>

/* GET /sensors/temp?unit=c, as JSON. Options may be written in any order.
   Errors are kept until the end: a length of 0 says that it did not fit. */
static size_t build_request(uint8_t *packet, size_t size)
{
    coap2_writer w;

    coap2_write_start(&w, packet, size);
    coap2_write_header(&w, COAP2_CON, COAP2_001_GET, 0x1234, "\x7a", 1);
    coap2_write_text(&w, COAP2_OPT_URI_PATH, "sensors");
    coap2_write_text(&w, COAP2_OPT_URI_PATH, "temp");
    coap2_write_text(&w, COAP2_OPT_URI_QUERY, "unit=c");
    coap2_write_uint(&w, COAP2_OPT_ACCEPT, COAP2_FORMAT_JSON);
    return coap2_write_end(&w);
}

int main(void)
{
    uint8_t packet[64];
    size_t length = build_request(packet, sizeof packet), i;

    for (i = 0; i < length; i++) printf("%02x", (unsigned)packet[i]);
    printf("\n");
    return length == 0;
}
