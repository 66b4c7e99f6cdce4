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

extern coap2_node node;
void on_climate(const coap2_reply *reply);
uint8_t on_fan(coap2_req *req, coap2_rsp *rsp);
coap2_result udp_send(void *io, const coap2_peer *to, const uint8_t *bytes,
                      size_t length);
int32_t udp_recv(void *io, coap2_peer *from, uint8_t *bytes, size_t size);
void udp_wait(uint32_t ms);
uint32_t random_seed(void), now_ms(void);
void serve(void);

#endif
