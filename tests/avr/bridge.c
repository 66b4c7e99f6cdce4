/* Runs AVR firmware under libsimavr as fast as a real one, with its UART 0 on
   a pseudo terminal, as a board at a USB port would have it:

       bridge [--loss PERCENT] [--seed N] [--mcu NAME] [--weather] [--show]
           LINK FIRMWARE.elf

   LINK becomes a symbolic link to the terminal. Of the SLIP frames that go
   either way, PERCENT are lost. With weather there is a thermometer at pin A0
   and a hygrometer at A1. SIGUSR1 resets the chip, as its button does: its
   memory stays. SIGUSR2 opens or closes a contact between PB2 and ground, which
   is open at first. SIGHUP makes it print a line: how many milliseconds the
   chip has run, and port B as it is put out. With --show each change of PB5, an
   LED, is a line, and so is each power-down and its end, with those
   milliseconds.
   SIGTERM ends it; it then prints how many frames came and went, how many of
   them were lost, the resets, the deepest stack, and how much of its time the
   chip slept.

   Status: 0, or that of host.c for firmware that ends or crashes. */

#define _GNU_SOURCE /* NOLINT: ptys, ppoll */

/* Of the library, the frames. */
#define COAP2_WITH_SERVER 0
#define COAP2_WITH_CLIENT 0
#define COAP2_IMPLEMENTATION
#include "coap2.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#include <simavr/avr_adc.h>

#include "machine.h"

enum { FREQUENCY = 16000000, CYCLES_PER_LOOK = 16000, LATE_NS = 200000000 };
enum { PORTB = 0x25 }; /* on every ATmega we use */
enum { FRAME_SIZE = 4096, QUEUE_SIZE = 65536 };

typedef struct options {
    const char *link, *firmware, *mcu;
    unsigned loss;
    uint32_t seed;
    bool weather;
    bool show;
} options;

/* One way of the line: frames are put together, and go on or are lost. */
typedef struct way {
    coap2_slip slip;
    uint8_t frame[FRAME_SIZE];
    unsigned long frames, lost;
} way;

static options chosen;
static way to_chip, from_chip;
static uint8_t queue[QUEUE_SIZE]; /* bytes for the chip */
static size_t queue_in, queue_out;
static int terminal = -1, other_end = -1;
static uint32_t chance;
static volatile sig_atomic_t asked_to_end, asked_to_reset, asked_to_tell,
    asked_to_switch;

/* ---- the line ----------------------------------------------------------- */

static bool is_lost(way *w)
{
    chance = chance * 1664525u + 1013904223u;
    w->frames++;
    if ((chance >> 16) % 100u >= chosen.loss) return false;
    w->lost++;
    return true;
}

/* Pass a byte on, by way of its frame where frames can be lost. */
static void pass(way *w, coap2_put_fn put, uint8_t byte)
{
    size_t length = coap2_slip_take(&w->slip, byte);
    bool lost = length > 0 && is_lost(w);

    if (chosen.loss == 0)
        put(NULL, byte);
    else if (length > 0 && !lost)
        coap2_slip_write(put, NULL, w->frame, length);
}

/* A line does not wait for who does not read. */
static void put_terminal(void *io, uint8_t byte)
{
    (void)io;
    if (write(terminal, &byte, 1) != 1) errno = 0;
}

static void put_queue(void *io, uint8_t byte)
{
    (void)io;
    if (queue_in - queue_out < QUEUE_SIZE)
        queue[queue_in++ % QUEUE_SIZE] = byte;
}

static void line_sent(uint8_t byte)
{
    pass(&from_chip, put_terminal, byte);
}

static int line_next(void)
{
    return queue_in == queue_out ? -1 : queue[queue_out++ % QUEUE_SIZE];
}

static const wire line = {line_sent, line_next};

static void read_terminal(void)
{
    uint8_t bytes[256];
    ssize_t count = read(terminal, bytes, sizeof bytes), i;

    for (i = 0; i < count; i++) pass(&to_chip, put_queue, bytes[i]);
}

/* The other end stays open here, too, so that it may be closed and opened by
   others; it is raw from the start. */
static bool open_terminal(void)
{
    struct termios settings;
    const char *name;

    terminal = posix_openpt(O_RDWR | O_NOCTTY | O_NONBLOCK);
    if (terminal < 0 || grantpt(terminal) != 0 || unlockpt(terminal) != 0)
        return false;
    name = ptsname(terminal);
    other_end = open(name, O_RDWR | O_NOCTTY);
    if (other_end < 0 || tcgetattr(other_end, &settings) != 0) return false;
    cfmakeraw(&settings);
    if (tcsetattr(other_end, TCSANOW, &settings) != 0) return false;
    (void)unlink(chosen.link);
    return symlink(name, chosen.link) == 0;
}

/* ---- time --------------------------------------------------------------- */

static int64_t now_ns(void)
{
    struct timespec now;

    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * INT64_C(1000000000) + now.tv_nsec;
}

/* Look at the line, and wait until the clock on the wall has come as far as
   that of the chip. Where the chip is late by much it does not catch up. */
static void keep_pace(const machine *m, int64_t *start)
{
    int64_t chip = (int64_t)(m->avr->cycle * UINT64_C(1000000000) / FREQUENCY);
    int64_t ahead = *start + chip - now_ns();
    struct pollfd waiting = {0, POLLIN, 0};
    struct timespec limit = {0, 0};

    if (ahead < -LATE_NS) *start -= ahead;
    if (ahead > 0) limit.tv_nsec = (long)(ahead % 1000000000);
    waiting.fd = terminal;
    if (ppoll(&waiting, 1, &limit, NULL) > 0) read_terminal();
}

/* ---- the weather -------------------------------------------------------- */

/* Up and down, between 0 and 8. */
static unsigned wave(uint64_t step)
{
    unsigned at = (unsigned)(step % 16u);

    return at < 8u ? at : 16u - at;
}

static void set_pin(const machine *m, int channel, unsigned millivolts)
{
    avr_irq_t *input =
        avr_io_getirq(m->avr, AVR_IOCTL_ADC_GETIRQ, ADC_IRQ_ADC0 + channel);

    avr_raise_irq(input, millivolts);
}

/* A day in eight seconds: warm when it is dry, but for a while. From a TMP36,
   10 mV a degree, and 500 mV at none; and 50 mV a percent. */
static void weather(const machine *m)
{
    uint64_t step = m->avr->cycle / (FREQUENCY / 2);

    set_pin(m, 0, 500 + 180 + 5 * wave(step));
    set_pin(m, 1, 50 * (60 - 3 * wave(step + 2)));
}

/* ---- pins --------------------------------------------------------------- */

enum { CONTACT = 2, LED = 5 }; /* of port B */

static avr_irq_t *pin(const machine *m, int number)
{
    return avr_io_getirq(m->avr, AVR_IOCTL_IOPORT_GETIRQ('B'), number);
}

/* With the milliseconds of the chip. */
static void show(const avr_t *avr, const char *what)
{
    if (!chosen.show) return;
    printf("%s %lu\n", what, (unsigned long)(avr->cycle / CYCLES_PER_LOOK));
    (void)fflush(stdout);
}

static void on_led(avr_irq_t *irq, uint32_t value, void *param)
{
    static uint32_t was;

    (void)irq;
    if (value == was) return;
    was = value;
    show((const avr_t *)param, value ? "led on" : "led off");
}

static void show_sleep(const machine *m)
{
    static bool was;
    bool is = is_powered_down(m);

    if (is == was) return;
    was = is;
    show(m->avr, is ? "power down" : "power up");
}

static uint32_t contact_open = 1;

/* The level of the pin now, and once its port is written to. */
static void set_contact(const machine *m)
{
    avr_ioport_external_t level = {0, 0, 0};

    level.name = 'B';
    level.mask = 1u << CONTACT;
    level.value = contact_open << CONTACT;
    avr_ioctl(m->avr, AVR_IOCTL_IOPORT_SET_EXTERNAL('B'), &level);
    avr_raise_irq(pin(m, CONTACT), !contact_open);
    avr_raise_irq(pin(m, CONTACT), contact_open);
}

static void switch_contact(const machine *m)
{
    asked_to_switch = 0;
    contact_open = !contact_open;
    set_contact(m);
}

/* ---- running it --------------------------------------------------------- */

static void on_signal(int number)
{
    if (number == SIGUSR1)
        asked_to_reset = 1;
    else if (number == SIGHUP)
        asked_to_tell = 1;
    else if (number == SIGUSR2)
        asked_to_switch = 1;
    else
        asked_to_end = 1;
}

/* Also a chip that sleeps for long looks up now and then. */
static avr_cycle_count_t look_up(avr_t *avr, avr_cycle_count_t when,
                                 void *param)
{
    (void)avr;
    (void)param;
    return when + CYCLES_PER_LOOK;
}

/* simavr clears the memory, which a reset does not, and forgets what its pins
   are connected to. */
static void reset(machine *m)
{
    static uint8_t memory[65536];
    const avr_t *avr = m->avr;
    size_t from = avr->ioend + 1u, size = avr->ramend + 1u - from;

    asked_to_reset = 0;
    queue_out = queue_in;
    memcpy(memory, avr->data + from, size);
    avr_reset(m->avr);
    memcpy(avr->data + from, memory, size);
    set_contact(m);
    avr_cycle_timer_register(m->avr, CYCLES_PER_LOOK, look_up, NULL);
}

static void tell(const machine *m)
{
    asked_to_tell = 0;
    printf("%" PRIu64 " %u\n", m->avr->cycle / (FREQUENCY / 1000),
           (unsigned)m->avr->data[PORTB]);
    (void)fflush(stdout);
}

static unsigned long run(machine *m)
{
    int64_t start = now_ns();
    uint64_t next_look = 0;
    unsigned long resets = 0;

    m->avr->vcc = m->avr->avcc = m->avr->aref = 5000; /* mV */
    avr_cycle_timer_register(m->avr, CYCLES_PER_LOOK, look_up, NULL);
    while (m->status < 0 && !asked_to_end) {
        step(m, UINT64_MAX);
        if (m->avr->cycle < next_look) continue;
        next_look = m->avr->cycle + CYCLES_PER_LOOK;
        show_sleep(m);
        keep_pace(m, &start);
        if (chosen.weather) weather(m);
        if (asked_to_tell) tell(m);
        if (asked_to_reset) {
            reset(m);
            resets++;
        }
        if (asked_to_switch) switch_contact(m);
    }
    return resets;
}

/* ---- the command line --------------------------------------------------- */

static bool read_options(int count, char **words)
{
    int i;

    chosen.mcu = "atmega328p";
    for (i = 1; i < count; i++) {
        bool more = i + 1 < count;

        if (!strcmp(words[i], "--loss") && more)
            chosen.loss = (unsigned)strtoul(words[++i], NULL, 10);
        else if (!strcmp(words[i], "--seed") && more)
            chosen.seed = (uint32_t)strtoul(words[++i], NULL, 10);
        else if (!strcmp(words[i], "--mcu") && more)
            chosen.mcu = words[++i];
        else if (!strcmp(words[i], "--weather"))
            chosen.weather = true;
        else if (!strcmp(words[i], "--show"))
            chosen.show = true;
        else if (words[i][0] == '-' || chosen.firmware)
            return false;
        else if (!chosen.link)
            chosen.link = words[i];
        else
            chosen.firmware = words[i];
    }
    return chosen.firmware != NULL && chosen.loss <= 100;
}

static int serve(void)
{
    machine m = {0};
    unsigned long resets;

    if (!load(&m, chosen.firmware, chosen.mcu)) return STATUS_NOT_RUN;
    prepare(&m, &line);
    if (!open_terminal()) {
        perror("bridge: terminal");
        return STATUS_NOT_RUN;
    }
    avr_irq_register_notify(pin(&m, LED), on_led, m.avr);
    resets = run(&m);
    (void)unlink(chosen.link);
    printf("to the chip %lu, lost %lu; from it %lu, lost %lu; resets %lu; "
           "stack %u; asleep %.1f %%, powered down %.1f %%\n",
           to_chip.frames, to_chip.lost, from_chip.frames, from_chip.lost,
           resets, (unsigned)(m.avr->ramend - m.bottom),
           100.0 * (double)m.asleep / (double)m.avr->cycle,
           100.0 * (double)m.powered_down / (double)m.avr->cycle);
    if (m.status >= 0)
        fprintf(stderr, "bridge: ended at 0x%04x\n", (unsigned)m.avr->pc);
    return m.status < 0 ? 0 : m.status;
}

int main(int count, char **words)
{
    if (!read_options(count, words)) {
        fputs("usage: bridge [--loss PERCENT] [--seed N] [--mcu NAME] "
              "[--weather] [--show] LINK FIRMWARE.elf\n",
              stderr);
        return STATUS_NOT_RUN;
    }
    chance = chosen.seed;
    coap2_slip_start(&to_chip.slip, to_chip.frame, FRAME_SIZE);
    coap2_slip_start(&from_chip.slip, from_chip.frame, FRAME_SIZE);
    (void)signal(SIGUSR1, on_signal);
    (void)signal(SIGHUP, on_signal);
    (void)signal(SIGUSR2, on_signal);
    (void)signal(SIGTERM, on_signal);
    (void)signal(SIGINT, on_signal);
    return serve();
}
