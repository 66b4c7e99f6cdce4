/* Runs AVR firmware under libsimavr: what it prints, how many cycles it takes,
   how deep its stack goes, and with which status it ends.

       host [--mcu NAME] [--max-cycles N] [--stack] FIRMWARE.elf

   The firmware's UART 0 goes to stdout. By writes to GPIOR0 it says:
       1          start to count cycles and stack
       2          stop; prints "cycles=N stack=N" to stdout
       0x80 + n   end with status n
   It also ends where it returns from main, and where it sleeps with interrupts
   off. --stack then prints "stack=N", the deepest since reset.

   Stack is exact, since SP is looked at after every instruction. What counts
   is the distance from where SP was at the start: return addresses of the
   calls below it are in, the frame of the function that starts is not.

   Status: the firmware's (0 to 127), 253 if it crashed or began anew, as it
   does when its stack has run into its variables, 254 if it was stopped
   at --max-cycles, 255 if it could not be run at all. */

#include "machine.h"

typedef struct options {
    const char *firmware;
    const char *mcu;
    uint64_t max_cycles;
    bool stack;
} options;

/* ---- the console: the plain wire -------------------------------------- */

static void console_sent(uint8_t byte)
{
    putchar(byte);
}

static int console_next(void)
{
    return -1;
}

static const wire console = {console_sent, console_next};

/* ---- running it --------------------------------------------------------- */

static int run(const options *o)
{
    machine m = {0};

    if (!load(&m, o->firmware, o->mcu)) return STATUS_NOT_RUN;
    prepare(&m, &console);
    while (m.status < 0) step(&m, o->max_cycles);
    if (o->stack) printf("stack=%u\n", (unsigned)(m.avr->ramend - m.bottom));
    fflush(stdout);
    if (m.status == STATUS_CRASHED)
        fprintf(stderr, "host: crashed at 0x%04x\n", (unsigned)m.avr->pc);
    if (m.status == STATUS_TOO_LONG)
        fprintf(stderr, "host: stopped after %" PRIu64 " cycles\n",
                (uint64_t)m.avr->cycle);
    return m.status;
}

/* ---- the command line -------------------------------------------------- */

static bool read_options(options *o, int count, char **words)
{
    int i;

    o->mcu = "atmega328p";
    o->max_cycles = 1600000000u; /* a hundred seconds at 16 MHz */
    for (i = 1; i < count; i++) {
        bool more = i + 1 < count;

        if (!strcmp(words[i], "--stack"))
            o->stack = true;
        else if (!strcmp(words[i], "--mcu") && more)
            o->mcu = words[++i];
        else if (!strcmp(words[i], "--max-cycles") && more)
            o->max_cycles = strtoull(words[++i], NULL, 0);
        else if (words[i][0] == '-' || o->firmware)
            return false;
        else
            o->firmware = words[i];
    }
    return o->firmware != NULL;
}

int main(int count, char **words)
{
    options o = {0};

    if (!read_options(&o, count, words)) {
        fputs("usage: host [--mcu NAME] [--max-cycles N] [--stack] "
              "FIRMWARE.elf\n",
              stderr);
        return STATUS_NOT_RUN;
    }
    return run(&o);
}
