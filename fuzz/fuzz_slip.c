/* fuzz_slip.c - frames on a serial line

   The first byte of the input is the size of the decoder's buffer, the rest
   arrives on the line. What the decoder takes for frames must be what a second
   reading finds, which has all of the line before it and cuts it at its ENDs;
   and what coap2_slip_recv hands to a node must be the messages of these
   frames, with the peers that stand before them. At last the line itself is
   sent as a message, to a peer that the input names, and must come back. */

#include "fuzz.h"

enum { END = 0xc0, ESC = 0xdb };

/* ==== A second opinion =================================================== */

typedef struct frame {
    uint8_t bytes[FUZZ_LONGEST];
    size_t length;
    bool lost;
} frame;

static frame expected;

/* Read what stands between two ENDs. */
static void expect_frame(const uint8_t *bytes, size_t length)
{
    size_t i;

    expected.length = 0;
    expected.lost = false;
    for (i = 0; i < length; i++) {
        uint8_t byte = bytes[i];

        if (byte == ESC) {
            byte = i + 1 < length ? bytes[++i] : 0;
            if (byte != 0xdc && byte != 0xdd) expected.lost = true;
            byte = byte == 0xdc ? END : ESC;
        }
        expected.bytes[expected.length++] = byte;
    }
}

/* Where the next frame of a line begins and ends; false if none ends there. */
static bool next_frame(const uint8_t *line, size_t length, size_t *from,
                       size_t *to)
{
    while (*from < length && line[*from] != END) ++*from;
    if (*from >= length) return false;
    for (*to = ++*from; *to < length; ++*to)
        if (line[*to] == END) return true;
    return false;
}

/* ==== The decoder ======================================================== */

static void take_all(const uint8_t *line, size_t length, size_t size)
{
    fuzz_memory memory = fuzz_open(size);
    size_t from = 0, to = 0, i, got;
    bool more = next_frame(line, length, &from, &to);
    coap2_slip slip;

    coap2_slip_start(&slip, memory.bytes, size);
    for (i = 0; i < length; i++) {
        got = coap2_slip_take(&slip, line[i]);
        if (!more || i != to) {
            FUZZ_CHECK(got == 0);
            continue;
        }
        expect_frame(line + from, to - from);
        FUZZ_CHECK(slip.overlong == (!expected.lost && expected.length > size));
        if (expected.lost || expected.length > size)
            FUZZ_CHECK(got == 0);
        else
            FUZZ_CHECK(
                fuzz_same(slip.frame, got, expected.bytes, expected.length));
        from = to; /* this END begins the next one */
        more = next_frame(line, length, &from, &to);
    }
    fuzz_close(&memory);
}

/* ==== A line ============================================================= */

static uint8_t wire[2 * FUZZ_LONGEST + 20];
static size_t wire_length, wire_at, wire_ready;

static int wire_get(void *io)
{
    (void)io;
    return wire_at < wire_ready ? wire[wire_at++] : -1;
}

static void wire_put(void *io, uint8_t byte)
{
    (void)io;
    FUZZ_CHECK(wire_length < sizeof wire);
    wire[wire_length++] = byte;
}

/* The header of the frame that is expected; -1 if it has none and no message,
   0 for a message of its own. */
static int expected_header(const frame *f, size_t size)
{
    size_t kept = f->length < size ? f->length : size;

    if (f->lost || kept == 0) return -1;
    if (f->bytes[0] / 64 == 1) return 0;
    if (kept < 8) return -1;
    switch (f->bytes[0]) {
    case 0x01:
    case 0x03:
    case 0x11:
    case 0x13:
        return 7;
    default:
        return -1;
    }
}

static void check_peer(const coap2_peer *peer, const uint8_t *header, int size)
{
    static const uint8_t nothing[7] = {COAP2_PEER_OTHER};
    size_t i;

    if (size == 0) header = nothing;
    FUZZ_CHECK(peer->kind == header[0] % 16);
    FUZZ_CHECK(peer->group == header[0] / 16);
    FUZZ_CHECK(peer->port == header[1] * 256 + header[2]);
    FUZZ_CHECK(memcmp(peer->address, header + 3, 4) == 0);
    for (i = 4; i < COAP2_ADDRESS_SIZE; i++) FUZZ_CHECK(peer->address[i] == 0);
}

static void check_message(int32_t got, const coap2_peer *peer,
                          const uint8_t *message, size_t size)
{
    int header = expected_header(&expected, size);
    size_t skipped = (size_t)header, length = expected.length - skipped;

    FUZZ_CHECK(header >= 0);
    check_peer(peer, expected.bytes, header);
    if (expected.length <= size) {
        FUZZ_CHECK(got == (int32_t)length);
    } else {
        FUZZ_CHECK(got > (int32_t)size);
        length = size - skipped;
        for (; size > length; size--) FUZZ_CHECK(message[size - 1] == 0xff);
    }
    FUZZ_CHECK(memcmp(message, expected.bytes + skipped, length) == 0);
}

/* Receive all of the line, of which a few bytes more are there each time. */
static void receive_all(const uint8_t *bytes, size_t length, size_t size)
{
    fuzz_memory memory = fuzz_open(size);
    size_t from = 0, to = 0;
    coap2_line line;
    coap2_peer peer;
    int32_t got;

    memset(&line, 0, sizeof line);
    line.get = wire_get;
    memcpy(wire, bytes, length);
    wire_at = 0;
    for (wire_ready = 0; wire_ready <= length; wire_ready += 1 + size % 5) {
        memset(&peer, 0, sizeof peer);
        got = coap2_slip_recv(&line, &peer, memory.bytes, size);
        while (got >= 0) {
            do {
                FUZZ_CHECK(next_frame(bytes, length, &from, &to));
                expect_frame(bytes + from, to - from);
                from = to;
            } while (expected_header(&expected, size) < 0);
            FUZZ_CHECK(wire_at == to + 1);
            check_message(got, &peer, memory.bytes, size);
            got = coap2_slip_recv(&line, &peer, memory.bytes, size);
        }
    }
    fuzz_close(&memory);
}

/* ==== There and back ===================================================== */

/* The other end of the line understands only what begins as a message. */
static coap2_peer to_whom(const uint8_t *bytes, size_t length)
{
    uint8_t last = bytes[length - 1];
    coap2_peer peer;

    memset(&peer, 0, sizeof peer);
    peer.kind = COAP2_PEER_OTHER;
    if (bytes[0] / 64 == 1 && last % 4 == 2) return peer;
    if (last % 2) peer.kind = COAP2_PEER_IPV4;
    peer.port = (uint16_t)(bytes[0] * 256u + (last | 1u));
    memcpy(peer.address, bytes, length < 4 ? length : 4);
    return peer;
}

static void send_and_receive(const uint8_t *bytes, size_t length)
{
    fuzz_memory memory = fuzz_open(length + COAP2_SLIP_HEADER);
    coap2_peer peer, from;
    coap2_line line;

    memset(&from, 0, sizeof from);
    memset(&line, 0, sizeof line);
    line.get = wire_get;
    line.put = wire_put;
    peer = to_whom(bytes, length);
    wire_length = wire_at = 0;
    FUZZ_CHECK(coap2_slip_send(&line, &peer, bytes, length) == COAP2_OK);
    wire_ready = wire_length;
    FUZZ_CHECK(coap2_slip_recv(&line, &from, memory.bytes, memory.size) ==
               (int32_t)length);
    FUZZ_CHECK(memcmp(memory.bytes, bytes, length) == 0);
    FUZZ_CHECK(coap2_peer_equals(&peer, &from));
    FUZZ_CHECK(wire_at == wire_length);

    wire_length = wire_at = 0;
    coap2_slip_write(wire_put, NULL, bytes, length);
    expect_frame(wire + 1, wire_length - 2);
    FUZZ_CHECK(!expected.lost);
    FUZZ_CHECK(fuzz_same(expected.bytes, expected.length, bytes, length));
    fuzz_close(&memory);
}

static void fuzz_one(const uint8_t *bytes, size_t length)
{
    size_t size;

    if (length < 2) return;
    size = bytes[0];
    take_all(bytes + 1, length - 1, size);
    receive_all(bytes + 1, length - 1, size + 16);
    send_and_receive(bytes + 1, length - 1);
}
