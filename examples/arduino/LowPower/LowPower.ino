/* LowPower - a door that is watched from a battery.

   It sleeps nearly always, and wakes when coap2_poll or a measurement is due,
   when the door opens or closes, and when somebody talks to it. A reset in its
   sleep does not make it forget who observes it.

       coap2 slip /dev/ttyACM0
       coap2 observe coap://127.0.0.1/door

   Its contact is between pin 10 and ground, closed while the door is. What
   wakes it over the serial line is lost; a client says it again after two or
   three seconds, and then it is heard.

   The node, its packets and its clock stand in memory that a start leaves as it
   is (.noinit). Where power goes while it sleeps, `kept` belongs elsewhere: in
   the EEPROM (eeprom_update_block; it bears 100,000 writes), in the RTC memory
   of an ESP. */

#include <Arduino.h>
#include <avr/eeprom.h>
#include <avr/sleep.h>
#include <avr/wdt.h>

/* Asked by others, and asking nobody. */
#define COAP2_WITH_CLIENT 0
#define COAP2_WITH_URI 0
#define COAP2_WITH_LINKS 0
#define COAP2_WITH_JSON 0
#define COAP2_WITH_CBOR 0
#define COAP2_WITH_RULES 0
#define COAP2_WITH_BLOCKS 0
#define COAP2_WITH_LATER 0
#define COAP2_STATIC
#define COAP2_IMPLEMENTATION
#include <coap2.h>

enum { CONTACT = 10, PACKET = 96 };

#define MEASURE_MS 10000ul /* minutes, in earnest */
#define CALLED_MS 4000ul   /* it listens, when something woke it, */
#define TALKED_MS 500ul    /* and after it has heard or said something */

/* What outlives a reset. */
static struct {
    coap2_node node;
    uint8_t out[2 * PACKET];
    uint32_t clock, measured; /* ms */
    uint16_t light;
    bool open;
    uint16_t seal;
} kept __attribute__((section(".noinit")));

static coap2_line line;
static uint8_t in[PACKET + COAP2_SLIP_AROUND];
static uint32_t awake_until;
static bool talked;
static volatile bool called, timed_out;

/* ---- what it offers ----------------------------------------------------- */

COAP2_FIELDS(door_fields, COAP2_FIELD("open", COAP2_BOOL, kept.open, 0),
             COAP2_FIELD("light", COAP2_U16, kept.light, 0));
COAP2_BOUND(door, "door", COAP2_OBSERVABLE, door_fields, "rt=\"door\"");
COAP2_TABLE(things, &door);

static void look(uint32_t now)
{
    bool open = digitalRead(CONTACT) == HIGH;

    if (open == kept.open && now - kept.measured < MEASURE_MS) return;
    if (now - kept.measured >= MEASURE_MS) kept.measured = now;
    kept.light = (uint16_t)analogRead(A0);
    kept.open = open;
    coap2_changed(&kept.node, &door);
}

/* ---- time --------------------------------------------------------------- */

/* The node's clock goes on where millis() stands still, as in a deep sleep, and
   where it begins anew. */
static uint32_t now_ms()
{
    static uint32_t last;
    uint32_t now = millis();

    kept.clock += now - last;
    last = now;
    return kept.clock;
}

/* ---- the serial line ---------------------------------------------------- */

static int serial_get(void *)
{
    int byte = Serial.read();

    if (byte >= 0) talked = true;
    return byte;
}

static void serial_put(void *, uint8_t byte)
{
    talked = true;
    Serial.write(byte);
}

/* ---- what is kept ------------------------------------------------------- */

/* Fletcher's sum of what stands before the seal, and of when this was compiled:
   what another program left is not ours. */
static uint16_t sum_up()
{
    static const char compiled[] PROGMEM = __DATE__ __TIME__;
    const uint8_t *bytes = (const uint8_t *)&kept;
    const size_t size = offsetof(__typeof__(kept), seal);
    uint16_t low = 1, high = 0;

    for (size_t i = 0; i < size + sizeof compiled; i++) {
        low += i < size ? bytes[i] : pgm_read_byte(compiled + (i - size));
        low %= 255;
        high = (uint16_t)((high + low) % 255);
    }
    return (uint16_t)(high << 8 | low);
}

static void seal()
{
    kept.seal = sum_up();
}

/* A node is restored once: from the same bytes it would go on with the same
   message ids. No sum has a byte of 255. */
static void break_seal()
{
    kept.seal = 0xffff;
}

/* ---- sleep -------------------------------------------------------------- */

ISR(WDT_vect)
{
    timed_out = true;
}

/* The contact moved. */
EMPTY_INTERRUPT(PCINT0_vect)

/* A byte comes: pin 0. */
#ifdef __AVR_ATmega2560__
enum { RX_PORT = PCIE1 };
#define RX_MASK PCMSK1
ISR(PCINT1_vect)
#else
enum { RX_PORT = PCIE2 };
#define RX_MASK PCMSK2
ISR(PCINT2_vect)
#endif
{
    called = true;
}

static void set_watchdog(uint8_t bits)
{
    cli();
    wdt_reset();
    WDTCSR = _BV(WDCE) | _BV(WDE);
    WDTCSR = bits;
    sei();
}

/* Sleep until an interrupt; with interrupts off, so that none slips in between
   the caller's look and the sleep. */
static void sleep_as(uint8_t mode)
{
    SMCR = (uint8_t)(mode | _BV(SE));
    sei();
    sleep_cpu();
    SMCR = 0;
}

/* Power down for 16 << step ms, or until a pin moves. Of a sleep that is cut
   short nobody knows how long it was: the clock stands still, then. */
static void power_down(uint8_t step)
{
    const uint8_t adc = ADCSRA, ticks = TIMSK0;

    Serial.flush();
    seal();
    ADCSRA = 0;
    TIMSK0 = 0;
    timed_out = false;
    set_watchdog((uint8_t)(_BV(WDIE) | (step & 8u) << 2 | (step & 7u)));
    PCIFR = PCIFR;
    PCICR = _BV(PCIE0) | _BV(RX_PORT);
    cli();
    if (!called && (digitalRead(CONTACT) == HIGH) == kept.open)
        sleep_as(SLEEP_MODE_PWR_DOWN);
    sei();
    PCICR = 0;
    set_watchdog(0);
    TIMSK0 = ticks;
    ADCSRA = adc;
    break_seal();
    if (timed_out) kept.clock += 16ul << step;
}

static void stay_awake(uint32_t now, uint32_t ms)
{
    if ((int32_t)(now + ms - awake_until) > 0) awake_until = now + ms;
}

static bool is_awake(uint32_t now)
{
    if (called) stay_awake(now, CALLED_MS);
    if (talked) stay_awake(now, TALKED_MS);
    called = talked = false;
    if ((int32_t)(awake_until - now) > 0) return true;
    awake_until = now;
    return false;
}

/* Rest for so long, or less. While it is awake, millis() and the line run on:
   they end its sleep each millisecond. */
static void rest(uint32_t now, uint32_t ms)
{
    uint8_t step = 9;

    if (is_awake(now)) {
        cli();
        if (ms > 0) sleep_as(SLEEP_MODE_IDLE);
        sei();
    } else if (ms >= 16) {
        while (16ul << step > ms) step--;
        power_down(step);
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

/* Nothing of what was kept is true. */
static void forget()
{
    memset(&kept, 0, sizeof kept);
}

/* The first part of a node is set at each start; only one that is new is
   started. */
void setup()
{
    bool whole = kept.seal == sum_up();

    if (!whole) forget();
    kept.node.name = "door.local";
    kept.node.send = coap2_slip_send;
    kept.node.recv = coap2_slip_recv;
    kept.node.io = &line;
    kept.node.in = in;
    kept.node.in_size = sizeof in;
    kept.node.out = kept.out;
    kept.node.out_size = sizeof kept.out;
    kept.node.packet = PACKET;
    kept.node.resources = things;
    if (!whole) (void)coap2_start(&kept.node, count_starts());
    break_seal();

    pinMode(CONTACT, INPUT_PULLUP);
    *digitalPinToPCMSK(CONTACT) |= _BV(digitalPinToPCMSKbit(CONTACT));
    RX_MASK |= 1; /* of both chips, pin 0 is the first of its port */
    line.get = serial_get;
    line.put = serial_put;
    Serial.begin(115200);
    called = true; /* who has reset it may have something to say */
}

void loop()
{
    uint32_t now = now_ms(), wait, left;

    look(now);
    wait = coap2_poll(&kept.node, now);
    left = kept.measured + MEASURE_MS - now;
    rest(now, wait < left ? wait : left);
}
