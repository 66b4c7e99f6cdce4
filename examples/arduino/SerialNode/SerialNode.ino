/* SerialNode - an Uno with nothing but its USB cable is a CoAP node. The tool
   is its network: it hands it all that comes to a port of UDP.

       coap2 slip /dev/ttyACM0
       coap2 get coap://127.0.0.1/climate
       coap2 put -e true coap://127.0.0.1/led
       coap2 find node1.local
       coap2 subscribe coap://127.0.0.1/climate 'temp > 20 and hum < 50'

   What it measures is made up: put your sensors into sample(). */

#include <EEPROM.h>

// A server whose answers fit a packet. coap2.h tells the other knobs.
#define COAP2_WITH_CLIENT 0
#define COAP2_WITH_BLOCKS 0
#define COAP2_WITH_LATER 0
#define COAP2_WITH_JSON 0
#define COAP2_WITH_CBOR 0
#define COAP2_MAX_EXCHANGES 1
#define COAP2_RULE_OLDS 1
#ifdef __AVR_ATmega328P__
#define COAP2_WITH_RULES 0 // to save flash: a subscriber filters for itself
#endif
#define COAP2_STATIC
#define COAP2_IMPLEMENTATION
#include <coap2.h>

enum { PACKET = 96 };

static int16_t temp10; // tenths of a degree
static uint8_t hum;    // percent
static bool led_on;

static void on_led(coap2_req *)
{
    digitalWrite(LED_BUILTIN, led_on);
}

COAP2_FIELDS(climate_fields, COAP2_FIELD("temp", COAP2_I16, temp10, -1),
             COAP2_FIELD("hum", COAP2_U8, hum, 0));
COAP2_FIELDS(led_fields, COAP2_FIELD_RW("on", COAP2_BOOL, led_on, 0));
COAP2_BOUND(climate, "climate", COAP2_OBSERVABLE, climate_fields,
            "rt=\"climate\"");
COAP2_BOUND_WRITE(led, "led", COAP2_OBSERVABLE, led_fields, "rt=\"led\"",
                  on_led);
COAP2_TABLE(things, &climate, &led);

static coap2_line line;
static coap2_node node;
static uint8_t in[PACKET + COAP2_SLIP_AROUND];
static uint8_t out[2 * PACKET]; // one to write in, one that waits

// What comes while the node sends: the core keeps less than a frame.
static uint8_t ring[128], ring_in, ring_out;

static void keep_bytes()
{
    while (Serial.available() && (uint8_t)(ring_in - ring_out) < sizeof ring)
        ring[ring_in++ % sizeof ring] = (uint8_t)Serial.read();
}

static int serial_get(void *)
{
    keep_bytes();
    return ring_in == ring_out ? -1 : ring[ring_out++ % sizeof ring];
}

static void serial_put(void *, uint8_t byte)
{
    keep_bytes();
    Serial.write(byte);
}

// The seed must be another one at each start.
static uint32_t seed()
{
    uint32_t starts;

    return EEPROM.put(0, EEPROM.get(0, starts) + 1);
}

// Up and down, between 0 and 8.
static uint8_t wave(uint8_t step)
{
    step %= 16;
    return step < 8 ? step : (uint8_t)(16 - step);
}

// A day in eight seconds: warm when it is dry, but for a while.
static void sample(uint8_t step)
{
    temp10 = (int16_t)(180 + 5 * wave(step));
    hum = (uint8_t)(60 - 3 * wave((uint8_t)(step + 2)));
}

void setup()
{
    pinMode(LED_BUILTIN, OUTPUT);
    Serial.begin(115200);
    line.get = serial_get;
    line.put = serial_put;
    node.name = "node1.local";
    node.send = coap2_slip_send;
    node.recv = coap2_slip_recv;
    node.io = &line;
    node.in = in;
    node.in_size = sizeof in;
    node.out = out;
    node.out_size = sizeof out;
    node.packet = PACKET;
    node.resources = things;
    coap2_start(&node, seed()); // not COAP2_OK: something above is missing
}

void loop()
{
    static uint32_t next;
    static uint8_t step;

    if ((int32_t)(millis() - next) >= 0) {
        next += 500;
        sample(++step);
        coap2_changed(&node, &climate);
    }
    coap2_poll(&node, millis());
}
