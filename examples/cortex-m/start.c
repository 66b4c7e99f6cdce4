/* start.c - what runs on a Cortex-M before main: the vectors of the core, and
   variables that begin with their values. The interrupts of a chip stand in
   its file. */

#include <stdint.h>

typedef void (*vector)(void);

/* Addresses, by sections.ld. */
extern uint32_t data_begin[], data_end[], data_in_flash[];
extern uint32_t bss_begin[], bss_end[];
void stack_end(void);

int main(void);
void reset(void);
void stuck(void);
void on_tick(void) __attribute__((weak, alias("stuck")));

void reset(void)
{
    const uint32_t *from = data_in_flash;
    uint32_t *to;

    for (to = data_begin; to < data_end;) *to++ = *from++;
    for (to = bss_begin; to < bss_end;) *to++ = 0;
    (void)main();
    stuck();
}

/* A fault, or an interrupt that nobody asked for: a debugger finds it here. */
void stuck(void)
{
    for (;;) continue;
}

__attribute__((section(".vectors"), used)) static const vector vectors[16] = {
    stack_end, reset, stuck, stuck, stuck, stuck, stuck, stuck, /* faults */
    stuck,     stuck, stuck, stuck, stuck, stuck, stuck,        /* SVC ... */
    on_tick};
