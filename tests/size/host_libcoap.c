/* The server of host_coap2.c, by libcoap. */

#include <coap3/coap.h>
#include <stdlib.h>
#include <string.h>

static unsigned char led = '0';

static void get_temp(coap_resource_t *resource, coap_session_t *session,
                     const coap_pdu_t *request, const coap_string_t *query,
                     coap_pdu_t *response)
{
    coap_pdu_set_code(response, COAP_RESPONSE_CODE_CONTENT);
    coap_add_data_large_response(resource, session, request, response, query,
                                 COAP_MEDIATYPE_TEXT_PLAIN, -1, 0, 4,
                                 (const uint8_t *)"21.5", NULL, NULL);
}

static void get_led(coap_resource_t *resource, coap_session_t *session,
                    const coap_pdu_t *request, const coap_string_t *query,
                    coap_pdu_t *response)
{
    coap_pdu_set_code(response, COAP_RESPONSE_CODE_CONTENT);
    coap_add_data_large_response(resource, session, request, response, query,
                                 COAP_MEDIATYPE_TEXT_PLAIN, -1, 0, 1, &led,
                                 NULL, NULL);
}

static void put_led(coap_resource_t *resource, coap_session_t *session,
                    const coap_pdu_t *request, const coap_string_t *query,
                    coap_pdu_t *response)
{
    const uint8_t *bytes;
    size_t length;

    (void)resource;
    (void)session;
    (void)query;
    coap_pdu_set_code(response, COAP_RESPONSE_CODE_BAD_REQUEST);
    if (!coap_get_data(request, &length, &bytes) || length != 1) return;
    if (*bytes != '0' && *bytes != '1') return;
    led = *bytes;
    coap_pdu_set_code(response, COAP_RESPONSE_CODE_CHANGED);
}

static void add_resources(coap_context_t *context)
{
    coap_resource_t *temp = coap_resource_init(coap_make_str_const("temp"), 0);
    coap_resource_t *led_ = coap_resource_init(coap_make_str_const("led"), 0);

    coap_register_request_handler(temp, COAP_REQUEST_GET, get_temp);
    coap_resource_set_get_observable(temp, 1);
    coap_add_attr(temp, coap_make_str_const("rt"),
                  coap_make_str_const("\"temperature\""), 0);
    coap_register_request_handler(led_, COAP_REQUEST_GET, get_led);
    coap_register_request_handler(led_, COAP_REQUEST_PUT, put_led);
    coap_add_resource(context, temp);
    coap_add_resource(context, led_);
}

int main(int count, char **words)
{
    coap_address_t address;
    coap_context_t *context;

    if (count != 2) return 1;
    coap_startup();
    coap_address_init(&address);
    address.size = sizeof address.addr.sin;
    address.addr.sin.sin_family = AF_INET;
    address.addr.sin.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    address.addr.sin.sin_port = htons((uint16_t)atoi(words[1]));
    context = coap_new_context(NULL);
    if (!context || !coap_new_endpoint(context, &address, COAP_PROTO_UDP))
        return 1;
    coap_context_set_block_mode(context, COAP_BLOCK_USE_LIBCOAP);
    add_resources(context);
    for (;;) coap_io_process(context, COAP_IO_WAIT);
}
