/* machine.h - an AVR in libsimavr, and what its UART is connected to: what
   host.c and bridge.c share. */

#ifndef MACHINE_H
#define MACHINE_H

#include <inttypes.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <simavr/avr_ioport.h>
#include <simavr/avr_uart.h>
#include <simavr/sim_avr.h>
#include <simavr/sim_elf.h>
#include <simavr/sim_io.h>
#include <simavr/sim_irq.h>

enum { STATUS_CRASHED = 253, STATUS_TOO_LONG = 254, STATUS_NOT_RUN = 255 };

/* The same addresses on every ATmega we use. */
enum {
    GPIOR0 = 0x3e,
    SMCR = 0x53,
    MARK_START = 1,
    MARK_STOP = 2,
    MARK_END = 0x80
};

/* What the simulated UART is connected to. */
typedef struct wire {
    void (*sent)(uint8_t byte); /* the firmware sent a byte */
    int (*next)(void);          /* a byte for it, or -1     */
} wire;

typedef struct machine {
    avr_t *avr;
    const wire *wire;
    avr_irq_t *uart_input;
    bool uart_ready;
    uint64_t started_at; /* cycle of the last MARK_START   */
    uint16_t start;      /* SP at that time                */
    uint16_t lowest;     /* SP since then                  */
    uint16_t bottom;     /* lowest SP since reset          */
    uint64_t asleep;     /* cycles, of all since loading   */
    uint64_t powered_down;
    bool half_written; /* SPH is new and SPL is still old */
    int status;        /* below 0 while it runs          */
} machine;

/* ---- stack ------------------------------------------------------------- */

static uint16_t stack_pointer(const avr_t *avr)
{
    return (uint16_t)(avr->data[R_SPL] + avr->data[R_SPH] * 256u);
}

/* A frame is made by two instructions, SPH first. Between them SP may seem to
   be up to 256 bytes off. */
static void note_half_writes(machine *m)
{
    const uint8_t *code = m->avr->flash + m->avr->pc;
    unsigned opcode = code[0] + code[1] * 256u;

    if ((opcode & 0xfe0fu) != 0xbe0eu && (opcode & 0xfe0fu) != 0xbe0du)
        return; /* not out SPH, not out SPL */
    m->half_written = (opcode & 3u) == 2u;
}

static void note_stack(machine *m)
{
    uint16_t sp = stack_pointer(m->avr);

    if (m->half_written) return;
    if (sp < m->lowest) m->lowest = sp;
    if (sp < m->bottom) m->bottom = sp;
}

/* ---- what the firmware says -------------------------------------------- */

static void start_counting(machine *m)
{
    m->started_at = m->avr->cycle;
    m->start = m->lowest = stack_pointer(m->avr);
}

static void stop_counting(const machine *m)
{
    printf("cycles=%" PRIu64 " stack=%u\n", m->avr->cycle - m->started_at,
           (unsigned)(m->start - m->lowest));
}

static void on_mark(avr_t *avr, avr_io_addr_t address, uint8_t value,
                    void *param)
{
    machine *m = (machine *)param;

    avr->data[address] = value;
    if (value == MARK_START)
        start_counting(m);
    else if (value == MARK_STOP)
        stop_counting(m);
    else if (value & MARK_END)
        m->status = value & 0x7f;
}

static void on_uart_output(avr_irq_t *irq, uint32_t value, void *param)
{
    const machine *m = (const machine *)param;

    (void)irq;
    m->wire->sent((uint8_t)value);
}

static void on_uart_ready(avr_irq_t *irq, uint32_t value, void *param)
{
    (void)irq;
    (void)value;
    ((machine *)param)->uart_ready = true;
}

static void on_uart_full(avr_irq_t *irq, uint32_t value, void *param)
{
    (void)irq;
    (void)value;
    ((machine *)param)->uart_ready = false;
}

/* In power-down the UART is deaf; simavr's is not. */
static bool is_powered_down(const machine *m)
{
    return m->avr->state == cpu_Sleeping && (m->avr->data[SMCR] & 0x0eu) == 4u;
}

/* A byte moves the pin it comes by, whoever listens. */
static void move_pin(const machine *m)
{
    char port = strstr(m->avr->mmcu, "2560") ? 'E' : 'D';
    avr_irq_t *pin = avr_io_getirq(m->avr, AVR_IOCTL_IOPORT_GETIRQ(port), 0);

    avr_raise_irq(pin, 0);
    avr_raise_irq(pin, 1);
}

static void feed_uart(machine *m)
{
    bool deaf = is_powered_down(m);
    int byte;

    if (!m->uart_ready && !deaf) return;
    byte = m->wire->next();
    if (byte < 0) return;
    if (deaf)
        move_pin(m);
    else
        avr_raise_irq(m->uart_input, (uint32_t)byte);
}

/* ---- the machine ------------------------------------------------------- */

/* Simulated sleep passes at once; simavr would wait in real time. */
static void skip_sleep(avr_t *avr, avr_cycle_count_t cycles)
{
    (void)avr;
    (void)cycles;
}

static void connect_uart(machine *m)
{
    uint32_t flags = 0;
    avr_t *avr = m->avr;

    avr_ioctl(avr, AVR_IOCTL_UART_GET_FLAGS('0'), &flags);
    flags &= ~(uint32_t)(AVR_UART_FLAG_STDIO | AVR_UART_FLAG_POLL_SLEEP);
    avr_ioctl(avr, AVR_IOCTL_UART_SET_FLAGS('0'), &flags);
    avr_irq_register_notify(
        avr_io_getirq(avr, AVR_IOCTL_UART_GETIRQ('0'), UART_IRQ_OUTPUT),
        on_uart_output, m);
    avr_irq_register_notify(
        avr_io_getirq(avr, AVR_IOCTL_UART_GETIRQ('0'), UART_IRQ_OUT_XON),
        on_uart_ready, m);
    avr_irq_register_notify(
        avr_io_getirq(avr, AVR_IOCTL_UART_GETIRQ('0'), UART_IRQ_OUT_XOFF),
        on_uart_full, m);
    m->uart_input =
        avr_io_getirq(avr, AVR_IOCTL_UART_GETIRQ('0'), UART_IRQ_INPUT);
    m->uart_ready = true;
}

/* simavr says on stdout what it loads; here stdout is the firmware's. */
static void log_errors(avr_t *avr, const int level, const char *format,
                       va_list arguments)
{
    (void)avr;
    if (level == LOG_ERROR) vfprintf(stderr, format, arguments);
}

static bool load(machine *m, const char *path, const char *mcu)
{
    elf_firmware_t firmware;

    avr_global_logger_set(log_errors);
    memset(&firmware, 0, sizeof firmware);
    if (elf_read_firmware(path, &firmware) != 0) {
        fprintf(stderr, "simavr: cannot read %s\n", path);
        return false;
    }
    m->avr = avr_make_mcu_by_name(firmware.mmcu[0] ? firmware.mmcu : mcu);
    if (!m->avr) {
        fprintf(stderr, "simavr: simavr does not know %s\n", mcu);
        return false;
    }
    avr_init(m->avr);
    if (!firmware.frequency) firmware.frequency = 16000000;
    avr_load_firmware(m->avr, &firmware);
    return true;
}

static void prepare(machine *m, const wire *connected)
{
    m->avr->log = LOG_ERROR;
    m->avr->gdb_port = 0; /* else a crash would wait for a debugger */
    m->avr->sleep = skip_sleep;
    m->wire = connected;
    m->status = -1;
    m->lowest = m->bottom = m->avr->ramend;
    connect_uart(m);
    avr_register_io_write(m->avr, GPIOR0, on_mark, m);
}

/* The C library ends in `cli` and a jump to itself, with exit's argument still
   in r24. */
static bool has_returned(const avr_t *avr)
{
    static const uint8_t the_end[] = {0xf8, 0x94, 0xff, 0xcf};

    return avr->pc >= 2 &&
           !memcmp(avr->flash + avr->pc - 2, the_end, sizeof the_end);
}

static void step(machine *m, uint64_t max_cycles)
{
    uint64_t before = m->avr->cycle;
    bool sleeps = m->avr->state == cpu_Sleeping, down = is_powered_down(m);
    int state;

    note_half_writes(m);
    state = avr_run(m->avr);
    if (sleeps) m->asleep += m->avr->cycle - before;
    if (down) m->powered_down += m->avr->cycle - before;
    note_stack(m);
    feed_uart(m);

    if (m->status >= 0) return;
    if (state == cpu_Crashed || m->avr->pc == 0)
        m->status = STATUS_CRASHED;
    else if (state == cpu_Done)
        m->status = 0;
    else if (has_returned(m->avr))
        m->status = m->avr->data[24] & 0x7f;
    else if (m->avr->cycle >= max_cycles)
        m->status = STATUS_TOO_LONG;
}

#endif /* MACHINE_H */
