/* Thermostat - two sensors and a fan on the network, for every CoAP client:

       coap2 find thermostat.local
       coap2 get coap://ADDRESS/climate          temp=21.5 hum=40
       coap2 observe coap://ADDRESS/climate
       coap2 put -e true coap://ADDRESS/fan

   For an Uno with an Ethernet shield. WiFiUDP and its kin will do as well; on
   an ESP take the seed from its own generator, not from EEPROM. It was tried in
   a simulator only: if a shield does not answer, leave beginMulticast out in
   node_udp.h, and it is found at its own address. */

#include <EEPROM.h>
#include <Ethernet.h>
#include <EthernetUdp.h>

// A server whose answers fit a packet. coap2.h tells the other knobs.
#define COAP2_WITH_CLIENT 0
#define COAP2_WITH_BLOCKS 0
#define COAP2_WITH_LATER 0
#define COAP2_WITH_RULES 0
#define COAP2_WITH_JSON 0
#define COAP2_WITH_CBOR 0
#define COAP2_MAX_EXCHANGES 1
#define COAP2_STATIC
#define COAP2_IMPLEMENTATION
#include <coap2.h>
#include "node_udp.h" // in the other tab: copy it with the sketch

enum { THERMOMETER = A0, HYGROMETER = A1, FAN = 8, PACKET = 80 };

static int16_t temp10; // tenths of a degree
static uint8_t hum;    // percent
static bool fan_on;

static void on_fan(coap2_req *)
{
    digitalWrite(FAN, fan_on);
}

COAP2_FIELDS(climate_fields, COAP2_FIELD("temp", COAP2_I16, temp10, -1),
             COAP2_FIELD("hum", COAP2_U8, hum, 0));
COAP2_FIELDS(fan_fields, COAP2_FIELD_RW("on", COAP2_BOOL, fan_on, 0));
COAP2_BOUND(climate, "climate", COAP2_OBSERVABLE, climate_fields,
            "rt=\"climate\"");
COAP2_BOUND_WRITE(fan, "fan", COAP2_OBSERVABLE, fan_fields, "rt=\"fan\"",
                  on_fan);
COAP2_TABLE(things, &climate, &fan);

static uint8_t mac[] = {0x02, 0xc0, 0xa9, 0x00, 0x00, 0x01}; // another for each
static EthernetUDP udp;
static coap2_node node;
static uint8_t in[PACKET], out[2 * PACKET]; // one to write in, one that waits

// The seed must be another one at each start, and at each node.
static uint32_t seed()
{
    uint32_t starts;

    EEPROM.put(0, EEPROM.get(0, starts) + 1);
    return starts * 256 + mac[5];
}

void setup()
{
    pinMode(FAN, OUTPUT);
    while (!Ethernet.begin(mac)) continue; // until there is an address
    node.name = "thermostat.local";
    node.in = in;
    node.in_size = sizeof in;
    node.out = out;
    node.out_size = sizeof out;
    node.packet = PACKET;
    node.resources = things;
    node_udp_begin(&node, &udp);
    coap2_start(&node, seed()); // not COAP2_OK: coap2_start_why says why
}

void loop()
{
    static uint32_t next;

    if ((int32_t)(millis() - next) >= 0) {
        next += 500;
        temp10 = (int16_t)(analogRead(THERMOMETER) * 5000L / 1024 - 500);
        hum = (uint8_t)(analogRead(HYGROMETER) * 100L / 1024);
        coap2_changed(&node, &climate);
    }
    coap2_poll(&node, millis());
    Ethernet.maintain();
}
