/* Nanoseconds beside libcoap, in one run: both take turns, a round each, and
   the ratio is the median of the rounds' ratios, so that a busy machine slows
   both. Prints lines "OPERATION OURS THEIRS RATIO". libcoap's PDU for parsing
   is made once; for building it is made and deleted each time, since it has
   no public call to start anew. */

#include <coap3/coap.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "work.h"

enum { ROUNDS = 201, TIMES = 2000 };

typedef struct race {
    const char *name;
    void (*ours)(void);
    void (*theirs)(void);
} race;

static coap_pdu_t *theirs_parsed;
static volatile size_t theirs_length;

static void theirs_p1_run(void)
{
    coap_opt_iterator_t walk;
    coap_opt_t *opt;
    uint16_t seen = 0;

    if (!coap_pdu_parse(COAP_PROTO_UDP, p1_bytes, sizeof p1_bytes,
                        theirs_parsed))
        return;
    coap_option_iterator_init(theirs_parsed, &walk, COAP_OPT_ALL);
    while ((opt = coap_option_next(&walk)) != NULL)
        seen = (uint16_t)(seen + walk.number + coap_opt_length(opt) +
                          coap_opt_value(opt)[0]);
    p1_seen = seen;
}

static void theirs_b1_run(void)
{
    coap_pdu_t *pdu = coap_pdu_init(COAP_MESSAGE_ACK, COAP_RESPONSE_CODE(205),
                                    b1_id, sizeof b1_bytes);
    uint8_t number[4];

    coap_add_token(pdu, sizeof b1_token, b1_token);
    coap_add_option(pdu, COAP_OPTION_ETAG, sizeof b1_etag, b1_etag);
    coap_add_option(pdu, COAP_OPTION_CONTENT_FORMAT,
                    coap_encode_var_safe(number, sizeof number, 50), number);
    coap_add_option(pdu, COAP_OPTION_MAXAGE,
                    coap_encode_var_safe(number, sizeof number, 60), number);
    theirs_length = (size_t)coap_add_data(pdu, 32, b1_payload);
    coap_delete_pdu(pdu);
}

static double nanoseconds(void (*volatile run)(void))
{
    struct timespec start, end;
    int i;

    clock_gettime(CLOCK_MONOTONIC, &start);
    for (i = 0; i < TIMES; i++) run();
    clock_gettime(CLOCK_MONOTONIC, &end);
    return ((double)(end.tv_sec - start.tv_sec) * 1e9 +
            (double)(end.tv_nsec - start.tv_nsec)) /
           TIMES;
}

static int by_size(const void *left, const void *right)
{
    double a = *(const double *)left, b = *(const double *)right;

    return (a > b) - (a < b);
}

static double median(double *figures)
{
    qsort(figures, ROUNDS, sizeof *figures, by_size);
    return figures[ROUNDS / 2];
}

static void run_race(const race *r)
{
    static double ours[ROUNDS], theirs[ROUNDS], ratio[ROUNDS];
    int i;

    for (i = 0; i < ROUNDS; i++) {
        ours[i] = nanoseconds(r->ours);
        theirs[i] = nanoseconds(r->theirs);
        ratio[i] = theirs[i] / ours[i];
    }
    printf("%s %.1f %.1f %.1f\n", r->name, median(ours), median(theirs),
           median(ratio));
}

/* Whether libcoap does the same work: the same options, the same length. */
static bool theirs_is_right(void)
{
    uint16_t ours = p1_seen;

    p1_seen = 0;
    theirs_p1_run();
    theirs_b1_run();
    return p1_seen == ours && theirs_length == 1;
}

int main(void)
{
    static const race races[] = {{"P1", p1_run, theirs_p1_run},
                                 {"B1", b1_run, theirs_b1_run}};
    size_t i;

    coap_startup();
    theirs_parsed = coap_pdu_init(COAP_MESSAGE_CON, COAP_EMPTY_CODE, 0, 1152);
    if (!theirs_parsed || !work_is_right() || !theirs_is_right()) return 1;
    for (i = 0; i < sizeof races / sizeof *races; i++) run_race(&races[i]);
    return 0;
}
