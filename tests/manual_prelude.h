/* What the fragments of the manual and of the README take for granted: bytes
   that arrived, a buffer to write into, and something to do with values. */
#ifndef MANUAL_PRELUDE_H
#define MANUAL_PRELUDE_H

extern uint8_t packet[128], buffer[128];
extern size_t packet_length;
extern coap2_msg msg;
extern coap2_writer w;

void use_option(uint16_t number, const uint8_t *value, size_t length);
void use_payload(const uint8_t *bytes, size_t length);

#endif
