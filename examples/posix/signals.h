/* signals.h - end at SIGINT or SIGTERM in an orderly way.

       catch_end(&net);
       while (!end_is_asked) udp_idle(&net, ...); */

#ifndef SIGNALS_H
#define SIGNALS_H

#include "udp.h"

static volatile sig_atomic_t end_is_asked;

static inline void ask_to_end(int number)
{
    (void)number;
    end_is_asked = 1;
}

/* Signals arrive while udp_idle waits, and at no other time: none is missed
   between a look at `end_is_asked` and the wait. */
static inline void catch_end(udp *net)
{
    static sigset_t outside;
    struct sigaction action;
    sigset_t both;

    memset(&action, 0, sizeof action);
    action.sa_handler = ask_to_end;
    (void)sigemptyset(&action.sa_mask);
    (void)sigemptyset(&both);
    (void)sigaddset(&both, SIGINT);
    (void)sigaddset(&both, SIGTERM);
    (void)sigprocmask(SIG_BLOCK, &both, &outside);
    (void)sigaction(SIGINT, &action, NULL);
    (void)sigaction(SIGTERM, &action, NULL);
    (void)sigdelset(&outside, SIGINT);
    (void)sigdelset(&outside, SIGTERM);
    net->waiting_mask = &outside;
}

#endif /* SIGNALS_H */
