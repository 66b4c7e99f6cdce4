/* Cycles on an AVR: each operation says its name, then its marks speak. */

#include "../avr/marks.h"
#include "work.h"

int main(void)
{
    MARK_SAY("empty ");
    empty_run();
    MARK_SAY("P1 ");
    p1_run();
    MARK_SAY("B1 ");
    b1_run();
    return !work_is_right();
}
