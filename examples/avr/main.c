/* main.c - a node on a bare ATmega328P: no Arduino, no operating system, just
   the UART. `coap2 slip` of the tool, at the other end of the serial line,
   brings it everything that comes to a port of UDP:

       avr-gcc -mmcu=atmega328p -Os -std=gnu99 -Wall -Wextra -Wconversion
           -mcall-prologues -mrelax -mstrict-X -fno-inline-small-functions
           -fno-tree-forwprop -fno-tree-dominator-opts
           -fno-move-loop-invariants
           -I../.. main.c -o node.elf
       avr-objcopy -O ihex -R .eeprom node.elf node.hex
       avrdude -c arduino -p m328p -P /dev/ttyACM0 -U flash:w:node.hex

       coap2 slip /dev/ttyACM0
       coap2 get coap://127.0.0.1/climate
       coap2 put -e on coap://127.0.0.1/fan
       coap2 find node1.local
       coap2 subscribe coap://127.0.0.1/climate 'temp > 20 and hum < 50'

   It has a name, two variables that can be observed with a rule, and a fan,
   which is the LED at PB5. What it measures is made up. */

#include <avr/eeprom.h>
#include <avr/interrupt.h>
#include <avr/io.h>
#include <avr/sleep.h>

/* What a server with rules needs in 32 KB: no requests of its own, fields as
   text only, and nothing that is larger than a packet. */
#define COAP2_WITH_CLIENT 0
#define COAP2_WITH_URI 0
#define COAP2_WITH_LINKS 0
#define COAP2_WITH_JSON 0
#define COAP2_WITH_CBOR 0
#define COAP2_WITH_BLOCKS 0
#define COAP2_WITH_LATER 0
/* And in 2 KB: six who observe, and one answer to a group at a time. */
#define COAP2_MAX_OBSERVERS 6
#define COAP2_MAX_EXCHANGES 1
#define COAP2_RULE_OLDS 1
#define COAP2_STATIC
#define COAP2_IMPLEMENTATION
#include "coap2.h"

/* ---- the clock: Timer 0, a thousand times a second ---------------------- */

static volatile uint32_t milliseconds;

ISR(TIMER0_COMPA_vect)
{
    milliseconds++;
}

static void clock_start(void)
{
    TCCR0A = _BV(WGM01);
    TCCR0B = _BV(CS01) | _BV(CS00); /* 16 MHz / 64 / 250 */
    OCR0A = 249;
    TIMSK0 = _BV(OCIE0A);
}

static uint32_t now_ms(void)
{
    uint32_t now;

    cli();
    now = milliseconds;
    sei();
    return now;
}

/* ---- the UART: 115200 baud, a ring of bytes each way -------------------- */

/* One ring is filled by an interrupt and the other emptied by one. What is
   received holds a frame, which may come while another one is sent. */
enum { RX_SIZE = 128, TX_SIZE = 32 };

static volatile uint8_t rx[RX_SIZE], tx[TX_SIZE];
static volatile uint8_t rx_in, rx_out, tx_in, tx_out;

static uint8_t rx_count(void)
{
    return (uint8_t)(rx_in - rx_out) % RX_SIZE;
}

static void uart_start(void)
{
    UCSR0A = _BV(U2X0);
    UBRR0 = 16;
    UCSR0B = _BV(RXEN0) | _BV(TXEN0) | _BV(RXCIE0);
}

/* A byte that finds no room is lost, and its frame with it. */
ISR(USART_RX_vect)
{
    uint8_t byte = UDR0;

    if (rx_count() == RX_SIZE - 1) return;
    rx[rx_in % RX_SIZE] = byte;
    rx_in++;
}

ISR(USART_UDRE_vect)
{
    UDR0 = tx[tx_out % TX_SIZE];
    tx_out++;
    if (tx_out == tx_in) UCSR0B &= (uint8_t)~_BV(UDRIE0);
}

/* Sleep until an interrupt; called with interrupts off, so that none slips
   in between the caller's look and the sleep. */
static void sleep_once(void)
{
    sleep_enable();
    sei();
    sleep_cpu();
    sleep_disable();
}

static int line_get(void *io)
{
    uint8_t byte;

    (void)io;
    if (rx_in == rx_out) return -1;
    byte = rx[rx_out % RX_SIZE];
    rx_out++;
    return byte;
}

static void line_put(void *io, uint8_t byte)
{
    (void)io;
    for (;;) {
        cli();
        if ((uint8_t)(tx_in - tx_out) < TX_SIZE) break;
        sleep_once();
    }
    tx[tx_in % TX_SIZE] = byte;
    tx_in++;
    UCSR0B |= _BV(UDRIE0);
    sei();
}

/* ---- /climate: what is measured ----------------------------------------- */

static int16_t temp10 = 180; /* tenths of a degree */
static uint8_t hum = 60;     /* percent */

COAP2_FIELDS(climate_fields, COAP2_FIELD("temp", COAP2_I16, temp10, -1),
             COAP2_FIELD("hum", COAP2_U8, hum, 0));
COAP2_BOUND(climate, "climate", COAP2_OBSERVABLE, climate_fields,
            "rt=\"climate\"");

enum { SAMPLE_MS = 500 };

/* Up and down, between 0 and 8. */
static uint8_t wave(uint8_t step)
{
    step %= 16u;
    return step < 8u ? step : (uint8_t)(16u - step);
}

/* A day in eight seconds: warm when it is dry, but for a while. */
static void sample(uint8_t step)
{
    temp10 = (int16_t)(180 + 5 * wave(step));
    hum = (uint8_t)(60u - 3u * wave((uint8_t)(step + 2u)));
}

/* ---- /fan: the LED ------------------------------------------------------ */

static uint8_t on_fan(coap2_req *req, coap2_rsp *rsp)
{
    if (req->method == COAP2_GET) {
        if (PORTB & _BV(PORTB5))
            coap2_rsp_text(rsp, "on");
        else
            coap2_rsp_text(rsp, "off");
        return COAP2_205_CONTENT;
    }
    if (coap2_req_text_is(req, "on"))
        PORTB |= _BV(PORTB5);
    else if (coap2_req_text_is(req, "off"))
        PORTB &= (uint8_t)~_BV(PORTB5);
    else
        return COAP2_400_BAD_REQUEST;
    return COAP2_204_CHANGED;
}

COAP2_RESOURCE(fan, "fan", COAP2_GET | COAP2_PUT | COAP2_OBSERVABLE, on_fan,
               "rt=\"fan\"");
COAP2_TABLE(things, &climate, &fan);

/* ---- the node ----------------------------------------------------------- */

enum { PACKET = 96 };

static coap2_line line;
static coap2_node node;
static uint8_t in[PACKET + COAP2_SLIP_AROUND], out[2 * PACKET];

/* Another seed at each start: how often there was one. */
static uint32_t count_starts(void)
{
    static uint32_t EEMEM starts;
    uint32_t count = eeprom_read_dword(&starts) + 1u;

    eeprom_update_dword(&starts, count);
    return count;
}

static void node_start(void)
{
    line.get = line_get;
    line.put = line_put;
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
    (void)coap2_start(&node, count_starts());
}

/* Sleep for so long, or until a byte arrives. */
static void rest(uint32_t ms)
{
    uint32_t start = now_ms();

    while (now_ms() - start < ms) {
        cli();
        if (rx_in != rx_out) ms = 0;
        if (ms != 0) sleep_once();
        sei();
    }
}

int main(void)
{
    uint32_t now, wait, since, sampled = 0;
    uint8_t step = 0;

    DDRB = _BV(DDB5);
    clock_start();
    uart_start();
    node_start();
    for (;;) {
        now = now_ms();
        if (now - sampled >= SAMPLE_MS) {
            sampled += SAMPLE_MS;
            sample(++step);
            coap2_changed(&node, &climate);
        }
        wait = coap2_poll(&node, now);
        since = now - sampled;
        if (since >= SAMPLE_MS) continue; /* late: the next one is due */
        if (wait > SAMPLE_MS - since) wait = SAMPLE_MS - since;
        rest(wait);
    }
}
