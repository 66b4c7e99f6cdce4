/* Watcher - lights the LED when it is warm and dry somewhere.

   It looks for a node that has /climate, whichever that is, and subscribes to
   it with a rule: what the rule does not ask for is not even sent. All it takes
   is an Uno and its USB cable: `coap2 slip` of the library's tool is its
   network, `coap2-server` something to watch.

       coap2 slip /dev/ttyACM0 -p 5684
       coap2-server -n node1.local
       coap2 put -e 'temp=21.5 hum=45' coap://127.0.0.1/climate */

#include <Arduino.h>
#include <avr/eeprom.h>

/* One that asks, and has nothing to be asked for: this fits an Uno. */
#define COAP2_WITH_SERVER 0
#define COAP2_WITH_BLOCKS 0
#define COAP2_WITH_JSON 0
#define COAP2_WITH_CBOR 0
#define COAP2_WITH_ECHO 0
#define COAP2_STATIC
#define COAP2_IMPLEMENTATION
#include <coap2.h>

enum { PACKET = 96, SEARCH_AGAIN_MS = 5000, LIT_MS = 500 };

static coap2_line line;
static coap2_node node;
static uint8_t in[PACKET + COAP2_SLIP_AROUND];
static uint8_t out[3 * PACKET]; /* one to write in, a search, a subscription */

static bool searches; // or will, at search_at
static uint32_t search_at, lit_at;

/* ---- the serial line --------------------------------------------------- */

static int serial_get(void *)
{
    return Serial.read();
}

static void serial_put(void *, uint8_t byte)
{
    Serial.write(byte);
}

/* A line of text, which `coap2 slip` shows. */
static void say(const __FlashStringHelper *text)
{
    Serial.write(COAP2_SLIP_END);
    Serial.write('\n');
    Serial.print(text);
    Serial.write(COAP2_SLIP_END);
}

/* ---- what it watches ---------------------------------------------------- */

static void search_later()
{
    searches = true;
    search_at = millis() + SEARCH_AGAIN_MS;
}

/* The first answer is the state as it is; what the rule asked for is a match.
   When this is over, because the node has gone, we look for another one. */
static void on_climate(const coap2_reply *reply)
{
    if (!reply->more) {
        say(F("lost it"));
        search_later();
    } else if (reply->reason == COAP2_MATCH) {
        digitalWrite(LED_BUILTIN, HIGH);
        lit_at = millis();
    }
}

/* Where a node starts anew it has forgotten who subscribed: pmax makes it
   speak at least once a minute, and its silence is noticed. */
static void subscribe(const coap2_peer *peer)
{
    coap2_call call;

    coap2_call_start_to(&call, &node, COAP2_GET, peer, "climate");
    coap2_call_subscribe(&call, "temp > 20 and hum < 50 pmax 60");
    if (coap2_call_send(&call, on_climate, NULL) < 0) search_later();
}

/* The first that answers will do. */
static void on_found(const coap2_reply *reply)
{
    if (reply->more) {
        say(F("found one"));
        subscribe(reply->peer);
        (void)coap2_cancel(&node, reply->request);
    } else if (reply->result != COAP2_ERR_CANCELLED) {
        search_later();
    }
}

/* ---- the sketch --------------------------------------------------------- */

/* A seed that differs from start to start: how often there was one. */
static uint32_t count_starts()
{
    static uint32_t EEMEM starts;
    uint32_t count = eeprom_read_dword(&starts) + 1;

    eeprom_update_dword(&starts, count);
    return count;
}

void setup()
{
    pinMode(LED_BUILTIN, OUTPUT);
    Serial.begin(115200);
    line.get = serial_get;
    line.put = serial_put;
    node.send = coap2_slip_send;
    node.recv = coap2_slip_recv;
    node.io = &line;
    node.in = in;
    node.in_size = sizeof in;
    node.out = out;
    node.out_size = sizeof out;
    node.packet = PACKET;
    if (coap2_start(&node, count_starts()) != COAP2_OK)
        say((const __FlashStringHelper *)coap2_start_why(&node));
    searches = true;
    search_at = millis();
}

void loop()
{
    uint32_t now = millis();

    if (searches && (int32_t)(now - search_at) >= 0) {
        searches = false;
        if (coap2_find(&node, "/climate", on_found, NULL) < 0) search_later();
    }
    if (now - lit_at >= LIT_MS) digitalWrite(LED_BUILTIN, LOW);
    (void)coap2_poll(&node, now);
}
