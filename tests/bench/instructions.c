/* Instructions on the host: runs each operation N and 2N times under callgrind
   and asks it for a count after each. */

#include <valgrind/callgrind.h>

#include "work.h"

enum { ROUNDS = 1000 };

typedef struct operation {
    void (*run)(void);
    const char *once, *twice;
} operation;

static const operation operations[] = {{empty_run, "empty N", "empty 2N"},
                                       {p1_run, "P1 N", "P1 2N"},
                                       {b1_run, "B1 N", "B1 2N"}};

static void count(void (*volatile run)(void), int rounds, const char *name)
{
    int i;

    CALLGRIND_ZERO_STATS;
    for (i = 0; i < rounds; i++) run();
    CALLGRIND_DUMP_STATS_AT(name);
}

int main(void)
{
    size_t i;

    if (!work_is_right()) return 1;
    for (i = 0; i < sizeof operations / sizeof *operations; i++) {
        count(operations[i].run, ROUNDS, operations[i].once);
        count(operations[i].run, 2 * ROUNDS, operations[i].twice);
    }
    return 0;
}
