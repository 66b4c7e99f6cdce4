/* lm3s6965.c - a node on a bare LM3S6965 (Cortex-M3, 256 KB of flash, 64 KB of
   RAM) with its own Ethernet: no operating system, no vendor's files. build.sh
   builds it. QEMU has the board:

       qemu-system-arm -M lm3s6965evb -display none -kernel lm3s6965.elf
           -nic user,hostfwd=udp:127.0.0.1:5683-10.0.2.15:5683

       coap2 get coap://127.0.0.1/climate
       coap2 put -e on coap://127.0.0.1/fan
       coap2 find node1.local coap://127.0.0.1
       coap2 put -f FILE coap://127.0.0.1/store
       coap2 subscribe coap://127.0.0.1/climate 'temp > 20 and hum < 50'

   The fan is the LED at PF0. The address is the one that QEMU's network has
   for it; yours has another one. It was tried in QEMU only. */

#include <stdint.h>

/* Packets with blocks of 1024 bytes, and bodies of up to 8 KB. */
enum { PACKET = 1152, STORE_SIZE = 8192 };

#include "node.h"
#include "net.h"

void on_tick(void);

/* ---- the clock: 50 MHz, from a crystal of 8 MHz by the PLL -------------- */

#define RIS REGISTER(0x400fe050)
#define RCC REGISTER(0x400fe060)
#define RCGC2 REGISTER(0x400fe108)

#define RIS_PLL_READY (1u << 6)
#define RCC_MAIN_OFF (1u << 0)
#define RCC_SOURCE (3u << 4)
#define RCC_CRYSTAL (15u << 6)
#define RCC_CRYSTAL_8_MHZ (14u << 6)
#define RCC_PLL_PASSED_BY (1u << 11)
#define RCC_PLL_OFF (1u << 13)
#define RCC_DIVIDED (1u << 22)
#define RCC_DIVISOR (15u << 23)
#define RCC_DIVISOR_4 (3u << 23)
#define RCGC2_PORT_F (1u << 5)
#define RCGC2_ETHERNET (1u << 28 | 1u << 30) /* MAC and PHY */

static void clock_start(void)
{
    uint32_t rcc = (RCC | RCC_PLL_PASSED_BY) & ~RCC_DIVIDED;

    RCC = rcc;
    rcc &= ~(RCC_MAIN_OFF | RCC_SOURCE | RCC_CRYSTAL | RCC_DIVISOR);
    rcc &= ~RCC_PLL_OFF;
    rcc |= RCC_CRYSTAL_8_MHZ | RCC_DIVIDED | RCC_DIVISOR_4;
    RCC = rcc;
    while ((RIS & RIS_PLL_READY) == 0) continue;
    RCC = rcc & ~RCC_PLL_PASSED_BY;
    RCGC2 |= RCGC2_PORT_F | RCGC2_ETHERNET;
    (void)RCGC2; /* they have a clock a moment later */
    (void)RCGC2;
}

/* SysTick, a thousand times a second. */
#define TICK_CONTROL REGISTER(0xe000e010)
#define TICK_RELOAD REGISTER(0xe000e014)
#define TICK_VALUE REGISTER(0xe000e018)

static volatile uint32_t milliseconds;

void on_tick(void)
{
    milliseconds++;
}

static uint32_t now_ms(void)
{
    return milliseconds;
}

/* Each tick does. */
static void wake_after(uint32_t ms)
{
    (void)ms;
}

static void tick_start(void)
{
    TICK_RELOAD = 50000u - 1u;
    TICK_VALUE = 0;
    TICK_CONTROL = 7; /* on, by the processor's clock, with its interrupt */
}

/* ---- the LED: PF0 ------------------------------------------------------- */

#define PORT_F0 REGISTER(0x40025000 + (1u << 0 << 2)) /* this bit alone */
#define PORT_F_OUTPUTS REGISTER(0x40025400)
#define PORT_F_DIGITAL REGISTER(0x4002551c)

static void led_start(void)
{
    PORT_F_OUTPUTS |= 1u;
    PORT_F_DIGITAL |= 1u;
}

static void led_set(bool on)
{
    PORT_F0 = on;
}

static bool led_is_on(void)
{
    return PORT_F0 != 0;
}

/* ---- Ethernet: a controller with one FIFO each way ---------------------- */

#define MAC_INTERRUPTS REGISTER(0x40048000) /* writing a 1 ends one */
#define MAC_ENABLED REGISTER(0x40048004)
#define MAC_RX REGISTER(0x40048008)
#define MAC_TX REGISTER(0x4004800c)
#define MAC_FIFO REGISTER(0x40048010)
#define MAC_ADDRESS0 REGISTER(0x40048014)
#define MAC_ADDRESS1 REGISTER(0x40048018)
#define MAC_WAITING REGISTER(0x40048034) /* frames */
#define MAC_SEND REGISTER(0x40048038)

#define MAC_RECEIVED 1u
#define MAC_RX_ON (1u << 0)
#define MAC_RX_GROUPS (1u << 1)
#define MAC_RX_NO_BAD (1u << 3)
#define MAC_TX_ON (1u << 0)
#define MAC_TX_PAD (1u << 1)
#define MAC_TX_FCS (1u << 2)

#define INTERRUPTS_32_ENABLE REGISTER(0xe000e104)
enum { ETHERNET_INTERRUPT = 42 };

/* The length of a frame stands before it, and its FCS behind it. */
enum { MAC_LENGTH = 2, MAC_FCS = 4 };

static void put_word(uint8_t *frame, size_t size, size_t at, uint32_t word)
{
    size_t i;

    for (i = at; i < at + 4 && i < size; i++, word >>= 8)
        frame[i] = (uint8_t)word;
}

static uint32_t get_word(const uint8_t *frame, size_t size, size_t at)
{
    uint32_t word = 0;
    size_t i;

    for (i = at + 4; i-- > at;) word = word << 8 | (i < size ? frame[i] : 0u);
    return word;
}

/* All of a frame is read, also where it does not fit. */
static size_t mac_receive(uint8_t *frame, size_t size)
{
    uint32_t word;
    size_t total, at;

    if ((MAC_WAITING & 0x3fu) == 0) return 0;
    word = MAC_FIFO;
    total = word & 0xffffu;
    put_word(frame, 2, 0, word >> 16);
    for (at = 2; at + MAC_LENGTH < total; at += 4)
        put_word(frame, size, at, MAC_FIFO);
    if (total < MAC_LENGTH + MAC_FCS) return 0;
    total -= MAC_LENGTH + MAC_FCS;
    return total <= size ? total : 0;
}

static void mac_transmit(const uint8_t *frame, size_t length)
{
    size_t at;

    while (MAC_SEND & 1u) continue; /* the last one is under way */
    MAC_FIFO = (uint32_t)(length - ETH_SIZE) | get_word(frame, 2, 0) << 16;
    for (at = 2; at < length; at += 4) MAC_FIFO = get_word(frame, length, at);
    MAC_SEND = 1;
}

/* It ends the sleep; what came is looked at after that. */
static void on_ethernet(void)
{
    MAC_INTERRUPTS = MAC_RECEIVED;
}

typedef void (*vector)(void);
__attribute__((section(".interrupts"),
               used)) static const vector interrupts[ETHERNET_INTERRUPT + 1] = {
    [ETHERNET_INTERRUPT] = on_ethernet};

static void mac_start(const uint8_t mac[6])
{
    MAC_ADDRESS0 = get_word(mac, 6, 0);
    MAC_ADDRESS1 = get_word(mac, 6, 4);
    MAC_TX = MAC_TX_ON | MAC_TX_PAD | MAC_TX_FCS;
    MAC_RX = MAC_RX_ON | MAC_RX_GROUPS | MAC_RX_NO_BAD;
    MAC_ENABLED = MAC_RECEIVED;
    INTERRUPTS_32_ENABLE = 1u << (ETHERNET_INTERRUPT - 32);
}

/* ---- the node ----------------------------------------------------------- */

static net ethernet;

static void connect(coap2_node *to)
{
    static const uint8_t mac[6] = {0x52, 0x54, 0x00, 0x12, 0x34, 0x56};
    static const uint8_t address[4] = {10, 0, 2, 15}, router[4] = {10, 0, 2, 2};

    memcpy(ethernet.mac, mac, sizeof mac);
    memcpy(ethernet.address, address, sizeof address);
    memcpy(ethernet.router, router, sizeof router);
    ethernet.port = 5683;
    ethernet.receive = mac_receive;
    ethernet.transmit = mac_transmit;
    mac_start(mac);
    net_ask(&ethernet, address);
    to->send = net_send;
    to->recv = net_recv;
    to->io = &ethernet;
}

static bool has_news(void)
{
    return (MAC_WAITING & 0x3fu) != 0;
}

/* This chip makes no chance of its own. There is some in what RAM holds when
   power comes, in how often it started since, and in how long the clock took.
   It may do for a lamp; a lock needs better. */
static void seed(uint8_t bytes[16])
{
    static uint32_t remains[4] __attribute__((section(".noinit")));

    remains[0]++;
    remains[1] += TICK_VALUE;
    memcpy(bytes, remains, 16);
}

int main(void)
{
    clock_start();
    tick_start();
    led_start();
    if (node_start()) serve();
    return 1;
}
