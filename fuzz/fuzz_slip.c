/* fuzz_slip.c - frames on a serial line

   The first byte of the input is the size of the decoder's buffer, the rest
   arrives on the line; where its highest bit is set, each frame is given its
   right check first. What the decoder takes for frames must be what a second
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
    bool checked;
} frame;

static frame expected;

/* RFC 1662 C.2, as a division of all bits but in their order on the line. */
static unsigned check_of(const uint8_t *bytes, size_t length)
{
    uint32_t rest = 0xffffu;
    unsigned bit, check = 0;
    size_t i;

    for (i = 0; i < length; i++)
        for (bit = 0; bit < 8; bit++) {
            rest = rest << 1 ^ ((uint32_t)bytes[i] >> bit & 1u) << 16;
            if (rest & 0x10000u) rest ^= 0x11021u;
        }
    for (bit = 0; bit < 16; bit++)
        if ((rest >> bit & 1u) == 0) check |= 0x8000u >> bit;
    return check;
}

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
    i = expected.length;
    expected.checked =
        i >= 2 && check_of(expected.bytes, i - 2) ==
                      expected.bytes[i - 2] + expected.bytes[i - 1] * 256u;
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
        FUZZ_CHECK(expected.lost || slip.checked == expected.checked);
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

static uint8_t wire[2 * FUZZ_LONGEST + 40];
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

/* Has the frame a message for a node? */
static bool has_message(const frame *f, size_t size)
{
    size_t kept = f->length < size ? f->length : size;

    if (f->lost || !f->checked || kept < 10) return false;
    return f->bytes[0] == 0x01 || f->bytes[0] == 0x03 || f->bytes[0] == 0x11 ||
           f->bytes[0] == 0x13;
}

static void check_peer(const coap2_peer *peer, const uint8_t *header)
{
    size_t i;

    FUZZ_CHECK(peer->kind == header[0] % 16);
    FUZZ_CHECK(peer->group == header[0] / 16);
    FUZZ_CHECK(peer->port == header[1] * 256 + header[2]);
    FUZZ_CHECK(memcmp(peer->address, header + 3, 4) == 0);
    for (i = 4; i < COAP2_ADDRESS_SIZE; i++) FUZZ_CHECK(peer->address[i] == 0);
}

static void check_message(int32_t got, const coap2_peer *peer,
                          const uint8_t *message, size_t size)
{
    size_t length = expected.length - 9;

    check_peer(peer, expected.bytes);
    if (expected.length <= size) {
        FUZZ_CHECK(got == (int32_t)length);
    } else {
        FUZZ_CHECK(got > (int32_t)size);
        length = size - 7;
        for (; size > length; size--) FUZZ_CHECK(message[size - 1] == 0xff);
    }
    FUZZ_CHECK(memcmp(message, expected.bytes + 7, length) == 0);
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
            } while (!has_message(&expected, size));
            FUZZ_CHECK(wire_at == to + 1);
            check_message(got, &peer, memory.bytes, size);
            got = coap2_slip_recv(&line, &peer, memory.bytes, size);
        }
    }
    fuzz_close(&memory);
}

/* ==== There and back ===================================================== */

static coap2_peer to_whom(const uint8_t *bytes, size_t length)
{
    uint8_t last = bytes[length - 1];
    coap2_peer peer;

    memset(&peer, 0, sizeof peer);
    peer.kind = last % 2 ? COAP2_PEER_IPV4 : COAP2_PEER_OTHER;
    peer.group = last / 2 % 2;
    peer.port = (uint16_t)(bytes[0] * 256u + last);
    memcpy(peer.address, bytes, length < 4 ? length : 4);
    return peer;
}

static void send_and_receive(const uint8_t *bytes, size_t length)
{
    fuzz_memory memory = fuzz_open(length + COAP2_SLIP_AROUND);
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
    FUZZ_CHECK(memcmp(&peer, &from, sizeof peer) == 0);
    FUZZ_CHECK(wire_at == wire_length);

    wire_length = wire_at = 0;
    coap2_slip_write(wire_put, NULL, bytes, length);
    expect_frame(wire + 1, wire_length - 2);
    FUZZ_CHECK(!expected.lost);
    FUZZ_CHECK(fuzz_same(expected.bytes, expected.length, bytes, length));
    fuzz_close(&memory);
}

/* ==== The input ========================================================== */

static uint8_t checked_line[4 * FUZZ_LONGEST];

static size_t put_byte(size_t at, unsigned byte)
{
    byte %= 256u;
    if (byte == END || byte == ESC) {
        checked_line[at++] = ESC;
        byte = byte == END ? 0xdc : 0xdd;
    }
    checked_line[at++] = (uint8_t)byte;
    return at;
}

/* The same line, with a check behind each frame. */
static size_t with_checks(const uint8_t *line, size_t length)
{
    size_t i, at = 0, from = 0;
    unsigned check;

    for (i = 0; i < length; i++) {
        if (line[i] == END && i > from) {
            expect_frame(line + from, i - from);
            check = check_of(expected.bytes, expected.length);
            at = put_byte(put_byte(at, check), check >> 8);
        }
        if (line[i] == END) from = i + 1;
        checked_line[at++] = line[i];
    }
    return at;
}

static void fuzz_one(const uint8_t *bytes, size_t length)
{
    size_t size, line_length = length - 1;
    const uint8_t *line = bytes + 1;

    if (length < 2 || length > FUZZ_LONGEST / 4) return;
    size = bytes[0] % 128u;
    if (bytes[0] >= 128) {
        line_length = with_checks(line, line_length);
        line = checked_line;
    }
    take_all(line, line_length, size);
    receive_all(line, line_length, size + 16);
    send_and_receive(line, line_length);
}
