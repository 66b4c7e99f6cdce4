/* The wire of one node, in memory, and its clock. Include it behind coap2.h.

   loop_plug(&wire, &node) sets send, recv, io (and now and idle, for
   coap2_wait). LOOP_PUSH(&wire, peer, "40011234 b1'x'") queues a datagram that
   recv hands out at once; loop_push_at one that comes later.
   What the node sends is kept, the last LOOP_SENT of wire.count, with peer and
   time. LOOP_IS(&wire, 0, "6045.... ff'21.5'") compares the first since
   loop_clear: the notation of vectors.h, where .. is any byte and a star at
   the end any rest; it prints what it got if that differs. wire.again = 2 lets
   the next two sends answer COAP2_ERR_AGAIN, wire.fail COAP2_ERR_SEND; neither
   is kept, but wire.tried counts them. loop_poll polls once, at wire.time;
   loop_pass lets time pass as a good sleeper does, by the node's deadlines.
   LOOP_ASK is clear, push and poll; LOOP_ONLY and LOOP_SILENT check that one
   datagram was sent, or none. loop_peer(n) is 192.0.2.n, loop_group(n) the
   same, to a group. */
#ifndef LOOP_H
#define LOOP_H

#include "harness.h"

#ifndef LOOP_BYTES /* of a datagram that are kept */
#ifdef __AVR__
#define LOOP_BYTES 96
#else
#define LOOP_BYTES 1280
#endif
#endif
#ifndef LOOP_QUEUE /* datagrams that wait for recv */
#define LOOP_QUEUE 6
#endif
#ifndef LOOP_SENT
#define LOOP_SENT 8
#endif

typedef struct loop_packet {
    coap2_peer peer;
    uint32_t time; /* it was sent, or arrives */
    size_t length; /* its true one, of which LOOP_BYTES at most are kept */
    uint8_t bytes[LOOP_BYTES];
} loop_packet;

typedef struct loop {
    uint32_t time;
    unsigned count, tried; /* sends: that worked, and all */
    unsigned again, fail;  /* sends that are to answer so, in this order */
    unsigned queued;       /* datagrams in `queue` */
    unsigned polls;
    loop_packet queue[LOOP_QUEUE], sent[LOOP_SENT];
} loop;

/* ---- the node's callbacks ------------------------------------------------ */

TEST_DEF void loop_keep(loop_packet *packet, const coap2_peer *peer,
                        const void *bytes, size_t length, uint32_t time)
{
    packet->peer = *peer;
    packet->time = time;
    packet->length = length;
    memcpy(packet->bytes, bytes, length < LOOP_BYTES ? length : LOOP_BYTES);
}

TEST_DEF coap2_result loop_send(void *io, const coap2_peer *to,
                                const uint8_t *bytes, size_t length)
{
    loop *wire = (loop *)io;

    wire->tried++;
    if (wire->again > 0) {
        wire->again--;
        return COAP2_ERR_AGAIN;
    }
    if (wire->fail > 0) {
        wire->fail--;
        return COAP2_ERR_SEND;
    }
    loop_keep(&wire->sent[wire->count % LOOP_SENT], to, bytes, length,
              wire->time);
    wire->count++;
    return COAP2_OK;
}

/* The first in the queue whose time has come, or `queued`. */
TEST_DEF unsigned loop_arrived(const loop *wire)
{
    unsigned i = 0;

    while (i < wire->queued && (int32_t)(wire->time - wire->queue[i].time) < 0)
        i++;
    return i;
}

TEST_DEF int32_t loop_recv(void *io, coap2_peer *from, uint8_t *bytes,
                           size_t size)
{
    loop *wire = (loop *)io;
    unsigned i = loop_arrived(wire);
    loop_packet *packet = &wire->queue[i];
    size_t length;

    if (i == wire->queued) return COAP2_ERR_AGAIN;
    length = packet->length;
    if (size > LOOP_BYTES) size = LOOP_BYTES;
    *from = packet->peer;
    memcpy(bytes, packet->bytes, length < size ? length : size);
    wire->queued--;
    memmove(packet, packet + 1, (wire->queued - i) * sizeof *packet);
    return (int32_t)length;
}

TEST_DEF uint32_t loop_now(void *io)
{
    return ((loop *)io)->time;
}

/* Sleep for so long, or until a datagram arrives. */
TEST_DEF void loop_idle(void *io, uint32_t ms)
{
    loop *wire = (loop *)io;
    unsigned i;

    for (i = 0; i < wire->queued; i++) {
        uint32_t until = wire->queue[i].time - wire->time;

        if ((int32_t)until < 0) until = 0;
        if (until < ms) ms = until;
    }
    wire->time += ms;
}

/* Zero the wire, but for its time, and plug it into a node. */
TEST_DEF void loop_plug(loop *wire, coap2_node *node)
{
    uint32_t time = wire->time;

    memset(wire, 0, sizeof *wire);
    wire->time = time;
    node->send = loop_send;
    node->recv = loop_recv;
    node->io = wire;
#if COAP2_WITH_CLIENT
    node->now = loop_now;
    node->idle = loop_idle;
#endif
}

/* ---- peers, datagrams ---------------------------------------------------- */

TEST_DEF coap2_peer loop_peer(uint8_t n)
{
    coap2_peer peer;

    memset(&peer, 0, sizeof peer);
    peer.kind = COAP2_PEER_IPV4;
    peer.port = 5683;
    peer.address[0] = 192;
    peer.address[2] = 2;
    peer.address[3] = n;
    return peer;
}

TEST_DEF coap2_peer loop_group(uint8_t n)
{
    coap2_peer peer = loop_peer(n);

    peer.group = true;
    return peer;
}

TEST_DEF void loop_push_at(loop *wire, coap2_peer from, const void *bytes,
                           size_t length, uint32_t time)
{
    CHECK(wire->queued < LOOP_QUEUE);
    if (wire->queued == LOOP_QUEUE) return;
    loop_keep(&wire->queue[wire->queued++], &from, bytes, length, time);
}

TEST_DEF uint8_t loop_digit(char c)
{
    return (uint8_t)(c <= '9' ? c - '0' : (c | 0x20) - 'a' + 10);
}

/* Read one byte of the notation: 0 to 255, -1 for two dots, -2 for the star,
   -3 at the end. */
TEST_DEF int loop_byte(const char **flash_text, bool *quoted)
{
    char c;

    while ((c = TEST_CHAR(*flash_text)) != '\0') {
        ++*flash_text;
        if (c == '\'') {
            *quoted = !*quoted;
        } else if (*quoted) {
            return (uint8_t)c;
        } else if (c == '*') {
            return -2;
        } else if (c != ' ') {
            char low = TEST_CHAR((*flash_text)++);

            if (c == '.') return -1;
            return loop_digit(c) * 16 + loop_digit(low);
        }
    }
    return -3;
}

/* Bytes from the notation, which lies in flash; returns how many. */
TEST_DEF size_t loop_bytes(uint8_t *bytes, const char *flash_text)
{
    bool quoted = false;
    size_t length = 0;
    int byte;

    while ((byte = loop_byte(&flash_text, &quoted)) >= 0)
        bytes[length++] = (uint8_t)byte;
    return length;
}

#define LOOP_PUSH(wire, from, notation) \
    loop_push((wire), (from), TEST_TEXT(notation))
TEST_DEF void loop_push(loop *wire, coap2_peer from, const char *flash_text)
{
    static uint8_t bytes[LOOP_BYTES];

    loop_push_at(wire, from, bytes, loop_bytes(bytes, flash_text), wire->time);
}

/* ---- what was sent ------------------------------------------------------- */

TEST_DEF void loop_clear(loop *wire)
{
    wire->count = wire->tried = wire->polls = 0;
}

/* A packet that was sent; index counts from loop_clear. */
TEST_DEF const loop_packet *loop_sent(const loop *wire, unsigned index)
{
    return &wire->sent[index % LOOP_SENT];
}

TEST_DEF uint16_t loop_id(const loop *wire, unsigned index)
{
    const uint8_t *bytes = loop_sent(wire, index)->bytes;

    return (uint16_t)(bytes[2] << 8 | bytes[3]);
}

TEST_DEF bool loop_matches(const loop_packet *packet, const char *flash_text)
{
    bool quoted = false;
    size_t at = 0;

    for (;;) {
        int byte = loop_byte(&flash_text, &quoted);

        if (byte == -2) return true;
        if (byte == -3) return at == packet->length;
        if (at >= packet->length || at >= LOOP_BYTES) return false;
        if (byte >= 0 && byte != packet->bytes[at]) return false;
        at++;
    }
}

TEST_DEF void loop_show(const loop_packet *packet)
{
    size_t i;

    test_print(TEST_TEXT("  got "));
    for (i = 0; i < packet->length && i < 80 && i < LOOP_BYTES; i++) {
        uint8_t byte = packet->bytes[i];

        test_put("0123456789abcdef"[byte >> 4]);
        test_put("0123456789abcdef"[byte & 15]);
    }
    test_put('\n');
}

#define LOOP_IS(wire, index, notation) \
    loop_is((wire), (index), TEST_TEXT(notation), __LINE__)
TEST_DEF void loop_is(const loop *wire, unsigned index, const char *flash_text,
                      int line)
{
    const loop_packet *packet = loop_sent(wire, index);
    bool sent = index < wire->count && index + LOOP_SENT >= wire->count;
    bool same = sent && loop_matches(packet, flash_text);

    test_check(same, line);
    if (sent && !same) loop_show(packet);
    if (!sent) test_print(TEST_TEXT("  nothing was sent\n"));
}

/* Was this, and nothing else, sent since loop_clear? Or nothing at all? */
#define LOOP_ONLY(wire, notation) \
    (CHECK_EQ((wire)->count, 1),  \
     (wire)->count > 0 ? LOOP_IS((wire), 0, notation) : (void)0)
#define LOOP_SILENT(wire)                                   \
    ((wire)->count > 0 ? loop_show((wire)->sent) : (void)0, \
     CHECK_EQ((wire)->count, 0))

/* ---- time ---------------------------------------------------------------- */

TEST_DEF uint32_t loop_poll(loop *wire, coap2_node *node)
{
    wire->polls++;
    return coap2_poll(node, wire->time);
}

enum { LOOP_SPINS = 1000 }; /* polls without any time between them */

/* Let time pass, polling at each deadline and arrival. Returns the next
   deadline, counted from the end; 0 only for a node that spins. */
TEST_DEF uint32_t loop_pass(loop *wire, coap2_node *node, uint32_t ms)
{
    uint32_t end = wire->time + ms;
    unsigned spins = 0;

    while (spins < LOOP_SPINS) {
        uint32_t wait = loop_poll(wire, node), before = wire->time;
        uint32_t left = end - before;

        loop_idle(wire, wait < left ? wait : left);
        spins = wire->time == before ? spins + 1 : 0;
        if (wait > left && loop_arrived(wire) == wire->queued)
            return wait == COAP2_FOREVER ? wait : wait - left;
    }
    return 0;
}

/* Forget what was sent, push a datagram, and poll. */
#define LOOP_ASK(wire, node, from, notation) \
    loop_ask((wire), (node), (from), TEST_TEXT(notation))
TEST_DEF uint32_t loop_ask(loop *wire, coap2_node *node, coap2_peer from,
                           const char *flash_text)
{
    loop_clear(wire);
    loop_push(wire, from, flash_text);
    return loop_poll(wire, node);
}

#endif
