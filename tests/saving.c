/* What a rule saves: a day of one sample a second, by plain observe and by
   rules. Two nodes in memory, the whole library at work, and the bytes of
   every datagram counted; printed as the table that stands in README.md.

       build/tests/saving

   The radio is a model, and all of it is stated here. IEEE 802.15.4 at 2.4 GHz
   sends 250 kbit/s, 32 us a byte. Around each datagram stand 26 bytes: 6 of the
   PHY, 11 of the MAC (short addresses, one PAN) and 9 of 6LoWPAN (RFC 6282:
   link-local addresses elided, both ports and the checksum carried); every
   frame is acknowledged by one of 11 bytes. The currents are those of the
   nRF52840 (Product Specification, RADIO, at 3 V with DC/DC): 6.40 mA to send
   with 0 dBm, 6.53 mA to receive. That is 614 and 627 nJ a byte, at the sensor.
   Ramp-up, listening for the start of a frame, and lost frames are left out:
   they come on top of every row. */

#define COAP2_IMPLEMENTATION
#include "coap2.h"

#include "world.h"

enum {
    AROUND_DATAGRAM = 26,
    LINK_ACK = 11,
    SEND_NJ = 614,
    RECEIVE_NJ = 627,
    SAMPLES = 86400
};

/* ---- a room, in integers: the same day on every machine ------------------ */

static int16_t temp10; /* tenths of a degree */
static uint8_t hum;    /* percent            */

COAP2_FIELDS(climate_fields, COAP2_FIELD("temp", COAP2_I16, temp10, -1),
             COAP2_FIELD("hum", COAP2_U8, hum, 0));
COAP2_BOUND(climate, "climate", COAP2_OBSERVABLE, climate_fields, "");
COAP2_TABLE(things, &climate);

/* Heated from six on, with the sun on it in the afternoon: hundredths of
   a degree and tenths of a percent, at each full hour. */
static const int16_t temp_of_hour[24] = {
    1950, 1935, 1920, 1910, 1900, 1905, 1950, 2050, 2120, 2150, 2165, 2180,
    2200, 2230, 2260, 2290, 2310, 2300, 2270, 2240, 2220, 2180, 2100, 2010};
static const int16_t hum_of_hour[24] = {480, 485, 490, 495, 502, 500, 490, 470,
                                        455, 445, 440, 430, 425, 420, 410, 405,
                                        400, 405, 415, 430, 440, 450, 460, 470};

static uint32_t noise_state;

/* From -most to most: the sum of two draws, so that little is likelier. */
static int32_t noise(int32_t most)
{
    int32_t sum = 0;
    unsigned i;

    for (i = 0; i < 2; i++) {
        noise_state = noise_state * 1664525u + 1013904223u;
        sum += (int32_t)((noise_state >> 16) % (uint32_t)(most + 1));
    }
    return sum - most;
}

/* On the line from one hour to the next; behind the last is the first. */
static int32_t between(const int16_t *of_hour, uint32_t second)
{
    uint32_t hour = second / 3600u % 24u;
    int32_t from = of_hour[hour], to = of_hour[(hour + 1u) % 24u];

    return from + (to - from) * (int32_t)(second % 3600u) / 3600;
}

/* The sensor's noise is 0.06 degrees and 0.3 percent at most. */
static void measure(uint32_t second)
{
    temp10 = (int16_t)((between(temp_of_hour, second) + noise(6) + 5) / 10);
    hum = (uint8_t)((between(hum_of_hour, second) + noise(3) + 5) / 10);
}

/* ---- a day -------------------------------------------------------------- */

typedef struct day {
    uint32_t second;
    unsigned long notifications, datagrams, bytes;
    uint64_t nanojoules;
    bool over; /* the subscription ended, or something went wrong */
} day;

static world w;
static world_place sensor_place, reader_place;
static coap2_node sensor, reader;
static uint8_t memory[4][1024];

static void on_sample(world *of, void *user)
{
    day *today = (day *)user;

    measure(++today->second);
    coap2_changed(&sensor, &climate);
    if (today->second < SAMPLES)
        world_later(of, &sensor_place, 1000, on_sample, today);
}

static void on_datagram(world *of, world_place *from, const coap2_peer *to,
                        const uint8_t *bytes, size_t length)
{
    day *today = (day *)of->user;
    uint64_t frame = AROUND_DATAGRAM + length;

    (void)to;
    (void)bytes;
    today->datagrams++;
    today->bytes += (unsigned long)length;
    if (from == &sensor_place)
        today->nanojoules += frame * SEND_NJ + LINK_ACK * RECEIVE_NJ;
    else
        today->nanojoules += frame * RECEIVE_NJ + LINK_ACK * SEND_NJ;
}

static void on_climate(const coap2_reply *reply)
{
    day *today = (day *)reply->user;

    if (reply->result != COAP2_OK || !reply->more) today->over = true;
    if (reply->msg != NULL) today->notifications++;
}

static bool start(coap2_node *node, world_place *place, uint8_t *in,
                  uint8_t *out, uint32_t seed)
{
    memset(node, 0, sizeof *node);
    world_add(&w, place, node);
    node->in = in;
    node->in_size = sizeof memory[0];
    node->out = out;
    node->out_size = sizeof memory[0];
    node->packet = 128;
    if (node == &sensor) node->resources = things;
    return coap2_start(node, seed) == COAP2_OK;
}

/* Live it through, and see whether all was told that should be. */
static bool live(day *today, const char *rule, bool confirmable)
{
    coap2_call call;

    memset(today, 0, sizeof *today);
    noise_state = 7641;
    measure(0);
    world_start(&w, 1);
    w.network.delay = 10;
    w.seen = on_datagram;
    w.user = today;
    if (!start(&sensor, &sensor_place, memory[0], memory[1], 1) ||
        !start(&reader, &reader_place, memory[2], memory[3], 2))
        return false;
    coap2_call_start(&call, &reader, COAP2_GET, "coap://10.0.0.1/climate");
    if (rule != NULL)
        coap2_call_subscribe(&call, rule);
    else
        coap2_write_uint(&call.w, COAP2_OPT_OBSERVE, 0);
    call.confirmable = confirmable;
    if (coap2_call_send(&call, on_climate, today) < 0) return false;
    world_later(&w, &sensor_place, 1000, on_sample, today);
    world_run(&w, (SAMPLES + 1) * 1000u);
    if (today->notifications > 0) today->notifications--; /* the first answer */
    return today->second == SAMPLES && !today->over && w.spins == 0 &&
           w.overflow == 0;
}

/* ---- the table ---------------------------------------------------------- */

/* 12,345, in 11 columns. */
static void print_count(unsigned long n)
{
    char text[32];
    size_t at = sizeof text - 1, digits = 0;

    text[at] = '\0';
    do {
        if (digits > 0 && digits % 3 == 0) text[--at] = ',';
        text[--at] = (char)('0' + n % 10);
        digits++;
    } while ((n /= 10) > 0);
    printf(" %11s |", text + at);
}

static void print_row(const char *what, const char *qos, const day *today,
                      const day *plain)
{
    uint64_t saved = plain->nanojoules - today->nanojoules;
    unsigned hundredths = (unsigned)(saved * 10000 / plain->nanojoules);
    unsigned long microjoules = (unsigned long)(today->nanojoules / 1000);

    printf("| %-36s | %s |", what, qos);
    print_count(today->notifications);
    print_count(today->datagrams);
    print_count(today->bytes);
    printf(" %6lu.%lu mJ |", microjoules / 1000, microjoules / 100 % 10);
    if (today == plain)
        printf("         |\n");
    else
        printf(" %2u.%02u %% |\n", hundredths / 100, hundredths % 100);
}

static const char *const rules[] = {
    "changed(temp) or changed(hum)", "delta(temp) >= 0.5 pmax 3600",
    "temp > 20 and hum < 50 pmin 60", "when temp > 22.5 until temp < 22"};

/* Plain observe, then each rule. */
static bool print_rows(const char *qos, bool confirmable)
{
    day plain, today;
    unsigned i;

    if (!live(&plain, NULL, confirmable)) return false;
    print_row("plain observe", qos, &plain, &plain);
    for (i = 0; i < sizeof rules / sizeof rules[0]; i++) {
        char what[48];

        if (!live(&today, rules[i], confirmable)) return false;
        (void)snprintf(what, sizeof what, "`%s`", rules[i]);
        print_row(what, qos, &today, &plain);
    }
    return true;
}

int main(void)
{
    printf("| a day of 86,400 samples              | QoS | notifications "
           "| datagrams   | bytes       | radio       | saved   |\n");
    printf("|---|---|---:|---:|---:|---:|---:|\n");
    if (print_rows("NON", false) && print_rows("CON", true)) return 0;
    printf("a subscription ended, or the world did not keep up\n");
    return 1;
}
