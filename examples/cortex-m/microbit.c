/* microbit.c - a node on a bare nRF51822 (Cortex-M0, 256 KB of flash, 16 KB of
   RAM), as on a BBC micro:bit, at the end of its serial line: no operating
   system, no vendor's files. build.sh builds it. QEMU has the board; it says
   which terminal the line is:

       qemu-system-arm -M microbit -display none -serial pty
           -kernel microbit.elf

       coap2 slip /dev/pts/0
       coap2 get coap://127.0.0.1/climate
       coap2 put -e on coap://127.0.0.1/fan
       coap2 find node1.local
       coap2 put -b 128 -f FILE coap://127.0.0.1/store
       coap2 subscribe coap://127.0.0.1/climate 'temp > 20 and hum < 50'

   The fan is the LED at the upper left. It was tried in QEMU only. */

#include <stdint.h>

/* Packets with blocks of 128 bytes, and bodies of up to 2 KB. */
enum { PACKET = 192, STORE_SIZE = 2048 };

#include "node.h"

#define CLOCK_HFCLK_START REGISTER(0x40000000)
#define CLOCK_HFCLK_STARTED REGISTER(0x40000100)

#define INTERRUPTS_ENABLE REGISTER(0xe000e100)
enum { UART_INTERRUPT = 2, TIMER_INTERRUPT = 8 };

/* ---- the clock: Timer 0, since this chip's core has no SysTick ---------- */

#define TIMER_START REGISTER(0x40008000)
#define TIMER_CAPTURE REGISTER(0x40008044) /* to TIMER_CAPTURED */
#define TIMER_RANG REGISTER(0x40008140)
#define TIMER_INTERRUPTS REGISTER(0x40008304)
#define TIMER_BITS REGISTER(0x40008508)
#define TIMER_PRESCALER REGISTER(0x40008510)
#define TIMER_ALARM REGISTER(0x40008540)
#define TIMER_CAPTURED REGISTER(0x40008544)

#define TIMER_ALARM_INTERRUPTS (1u << 16)

/* A million times a second, in 32 bits; the crystal first: an UART needs it. */
static void clock_start(void)
{
    CLOCK_HFCLK_START = 1;
    while (CLOCK_HFCLK_STARTED == 0) continue;
    TIMER_BITS = 3;
    TIMER_PRESCALER = 4; /* 16 MHz / 2^4 */
    TIMER_INTERRUPTS = TIMER_ALARM_INTERRUPTS;
    INTERRUPTS_ENABLE = 1u << TIMER_INTERRUPT;
    TIMER_START = 1;
}

/* The timer wraps after an hour; this is called more often. */
static uint32_t now_ms(void)
{
    static uint32_t milliseconds, counted_us;
    uint32_t passed;

    TIMER_CAPTURE = 1;
    passed = (TIMER_CAPTURED - counted_us) / 1000u;
    counted_us += passed * 1000u;
    milliseconds += passed;
    return milliseconds;
}

/* There is no tick: the chip sleeps for all of that time. */
static void wake_after(uint32_t ms)
{
    TIMER_CAPTURE = 1;
    TIMER_ALARM = TIMER_CAPTURED + ms * 1000u;
}

static void on_timer(void)
{
    TIMER_RANG = 0;
}

/* ---- the LED: of a matrix, row 1 (P13) and column 1 (P4) ---------------- */

#define PINS_OUT REGISTER(0x50000504)
#define PINS_HIGH REGISTER(0x50000508)
#define PINS_LOW REGISTER(0x5000050c)
#define PINS_OUTPUTS REGISTER(0x50000518)
#define PIN_SETTINGS(pin) REGISTER(0x50000700 + 4 * (pin))

enum { PIN_COLUMN = 4, PIN_ROW = 13, PIN_TX = 24, PIN_RX = 25 };

static void pins_start(void)
{
    PINS_HIGH = 1u << PIN_TX;
    PINS_OUTPUTS = 1u << PIN_TX | 1u << PIN_ROW | 1u << PIN_COLUMN;
    PIN_SETTINGS(PIN_RX) = 0; /* an input that is connected */
}

static void led_set(bool on)
{
    if (on)
        PINS_HIGH = 1u << PIN_ROW;
    else
        PINS_LOW = 1u << PIN_ROW;
}

static bool led_is_on(void)
{
    return (PINS_OUT & 1u << PIN_ROW) != 0;
}

/* ---- the UART: 115200 baud ---------------------------------------------- */

#define UART_RECEIVE REGISTER(0x40002000)
#define UART_TRANSMIT REGISTER(0x40002008)
#define UART_RECEIVED REGISTER(0x40002108)
#define UART_SENT REGISTER(0x4000211c)
#define UART_INTERRUPTS REGISTER(0x40002304)
#define UART_ON REGISTER(0x40002500)
#define UART_PIN_TX REGISTER(0x4000250c)
#define UART_PIN_RX REGISTER(0x40002514)
#define UART_RX REGISTER(0x40002518)
#define UART_TX REGISTER(0x4000251c)
#define UART_BAUD REGISTER(0x40002524)

#define UART_RECEIVED_INTERRUPTS (1u << 2)
#define UART_SENT_INTERRUPTS (1u << 7)

/* What is received holds some frames, which may come while one is sent. */
enum { RING_SIZE = 1024 };

static volatile uint8_t ring[RING_SIZE];
static volatile uint16_t ring_in, ring_out;
static volatile bool sending;

static void uart_start(void)
{
    UART_PIN_TX = PIN_TX;
    UART_PIN_RX = PIN_RX;
    UART_BAUD = 0x01d7e000;
    UART_ON = 4;
    UART_INTERRUPTS = UART_RECEIVED_INTERRUPTS | UART_SENT_INTERRUPTS;
    INTERRUPTS_ENABLE = 1u << UART_INTERRUPT;
    UART_RECEIVE = 1;
    UART_TRANSMIT = 1;
}

/* A byte that finds no room is lost, and its frame with it. */
static void take_byte(uint8_t byte)
{
    if ((uint16_t)(ring_in - ring_out) == RING_SIZE) return;
    ring[ring_in % RING_SIZE] = byte;
    ring_in++;
}

static void on_uart(void)
{
    while (UART_RECEIVED != 0) {
        UART_RECEIVED = 0; /* before the byte is read: another may wait */
        take_byte((uint8_t)UART_RX);
    }
    if (UART_SENT != 0) {
        UART_SENT = 0;
        sending = false;
    }
}

static int line_get(void *io)
{
    uint8_t byte;

    (void)io;
    if (ring_in == ring_out) return -1;
    byte = ring[ring_out % RING_SIZE];
    ring_out++;
    return byte;
}

static void line_put(void *io, uint8_t byte)
{
    (void)io;
    __asm__ volatile("cpsid i" ::: "memory");
    while (sending) sleep_once();
    sending = true;
    __asm__ volatile("cpsie i" ::: "memory");
    UART_TX = byte;
}

typedef void (*vector)(void);
__attribute__((section(".interrupts"),
               used)) static const vector interrupts[TIMER_INTERRUPT + 1] = {
    [UART_INTERRUPT] = on_uart, [TIMER_INTERRUPT] = on_timer};

/* ---- the node ----------------------------------------------------------- */

static coap2_line line;

static void connect(coap2_node *to)
{
    line.get = line_get;
    line.put = line_put;
    to->send = coap2_slip_send;
    to->recv = coap2_slip_recv;
    to->io = &line;
}

static bool has_news(void)
{
    return ring_in != ring_out;
}

/* The chip's own noise. */
#define NOISE_START REGISTER(0x4000d000)
#define NOISE_STOP REGISTER(0x4000d004)
#define NOISE_READY REGISTER(0x4000d100)
#define NOISE_CORRECTED REGISTER(0x4000d504)
#define NOISE REGISTER(0x4000d508)

static void seed(uint8_t bytes[16])
{
    size_t i;

    NOISE_CORRECTED = 1;
    NOISE_START = 1;
    for (i = 0; i < 16; i++) {
        while (NOISE_READY == 0) continue;
        NOISE_READY = 0;
        bytes[i] = (uint8_t)NOISE;
    }
    NOISE_STOP = 1;
}

int main(void)
{
    clock_start();
    pins_start();
    uart_start();
    if (node_start()) serve();
    return 1;
}
