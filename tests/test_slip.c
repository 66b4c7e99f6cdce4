/* Frames on a serial line: SLIP (RFC 1055), the peer that a frame names, and a
   node at the end of a line. */
#include "guard.h"
#define COAP2_IMPLEMENTATION
#include "../coap2.h"
#include "harness.h"

enum { END = COAP2_SLIP_END, ESC = COAP2_SLIP_ESC, BAD_ESC = 0x41 };
enum { ESC_END = 0xdc, ESC_ESC = 0xdd, WIRE = 600, FRAME = 260 };

/* ---- a line: what is put on it can be got from it ----------------------- */

static uint8_t wire[WIRE];
static size_t wire_length, wire_at;

static void wire_put(void *io, uint8_t byte)
{
    (void)io;
    if (wire_length < WIRE) wire[wire_length++] = byte;
}

static int wire_get(void *io)
{
    (void)io;
    return wire_at < wire_length ? wire[wire_at++] : -1;
}

static void wire_clear(void)
{
    wire_length = wire_at = 0;
}

static void wire_add(const void *bytes, size_t length)
{
    memcpy(wire + wire_length, bytes, length);
    wire_length += length;
}

/* ---- the decoder -------------------------------------------------------- */

static coap2_slip slip;
static uint8_t frame[FRAME];

/* Begin with a buffer of this size, and the END that it waits for. */
static void begin(size_t size)
{
    coap2_slip_start(&slip, guard_end(frame, size), size);
    (void)coap2_slip_take(&slip, END);
}

/* Take bytes; the length of the frame that the last of them ends. No other may
   end one. */
static size_t take(const char *bytes, size_t length)
{
    size_t got = 0, i;

    for (i = 0; i < length; i++) {
        CHECK_EQ(got, 0);
        got = coap2_slip_take(&slip, (uint8_t)bytes[i]);
    }
    return got;
}

#define TAKE(literal) take((literal), sizeof(literal) - 1)

static void every_byte(void)
{
    uint8_t all[256];
    size_t got = 0, i;

    for (i = 0; i < sizeof all; i++) all[i] = (uint8_t)i;
    wire_clear();
    coap2_slip_write(wire_put, NULL, all, sizeof all);
    CHECK_EQ(wire_length, 256 + 2 + 2);
    CHECK(wire[0] == END && wire[wire_length - 1] == END);
    CHECK(wire[1 + 0xc0] == ESC && wire[2 + 0xc0] == ESC_END);
    CHECK(wire[1 + 0xdc] == ESC && wire[2 + 0xdc] == ESC_ESC);
    for (i = 1; i + 1 < wire_length; i++) CHECK(wire[i] != END);

    coap2_slip_start(&slip, guard_end(frame, 256), 256);
    for (i = 0; i < wire_length; i++) {
        CHECK_EQ(got, 0);
        got = coap2_slip_take(&slip, wire[i]);
    }
    CHECK_BYTES(slip.frame, got, all, sizeof all);
}

static void frames_in_a_row(void)
{
    begin(8);
    CHECK_EQ(TAKE("abc\xc0"), 3);
    CHECK_BYTES(slip.frame, 3, "abc", 3);
    CHECK_EQ(TAKE("de\xc0"), 2); /* one END may be between two frames */
    CHECK_BYTES(slip.frame, 2, "de", 2);
    CHECK_EQ(TAKE("\xc0"
                  "f\xc0"),
             1);
    CHECK_BYTES(slip.frame, 1, "f", 1);
}

static void empty_frames(void)
{
    begin(8);
    CHECK_EQ(TAKE("\xc0\xc0\xc0"), 0);
    CHECK_EQ(TAKE("a\xc0"), 1);
    CHECK_EQ(TAKE("\xc0\xc0"), 0);
}

/* What comes before the first END is the end of something that was missed. */
static void begins_at_an_end(void)
{
    coap2_slip_start(&slip, guard_end(frame, 8), 8);
    CHECK_EQ(TAKE("tail\xc0"), 0);
    CHECK_EQ(TAKE("ab\xc0"), 2);
    coap2_slip_start(&slip, slip.frame, 8);
    CHECK_EQ(TAKE("\xdb\xc0"
                  "ab\xc0"),
             2);
}

static void overlong_frames(void)
{
    begin(4);
    CHECK_EQ(TAKE("abcd\xc0"), 4);
    CHECK(!slip.overlong);
    CHECK_EQ(TAKE("abcde\xc0"), 0);
    CHECK(slip.overlong);
    CHECK_EQ(TAKE("a much longer frame that never seems to end\xc0"), 0);
    CHECK(slip.overlong);
    CHECK_EQ(TAKE("\xc0"), 0);
    CHECK(!slip.overlong);
    CHECK_EQ(TAKE("abc\xdb\xdc\xc0"), 4); /* an escape is one byte */
    CHECK_BYTES(slip.frame, 4, "abc\xc0", 4);
}

static void no_room(void)
{
    coap2_slip_start(&slip, NULL, 0);
    CHECK_EQ(TAKE("\xc0"
                  "a\xc0"
                  "\xc0\xc0"),
             0);
    begin(8); /* in the middle of a frame, nothing of it */
    CHECK_EQ(TAKE("a\xc0"), 1);
    coap2_slip_start(&slip, NULL, 0);
    (void)TAKE("\xc0"
               "ab");
    coap2_slip_start(&slip, guard_end(frame, 8), 8);
    CHECK_EQ(TAKE("cd\xc0"), 0);
    CHECK_EQ(TAKE("ef\xc0"), 2);
}

static void malformed_escapes(void)
{
    int byte;

    for (byte = 0; byte < 256; byte++) {
        bool good = byte == ESC_END || byte == ESC_ESC;
        char text[4] = {'a', (char)ESC, '\0', 'b'};

        test_row = (unsigned)byte + 1u;
        if (byte == END) continue;
        text[2] = (char)byte;
        begin(8);
        CHECK_EQ(take(text, sizeof text), 0);
        CHECK_EQ(TAKE("\xc0"), good ? 3 : 0);
        CHECK(!slip.overlong);
        CHECK_EQ(TAKE("xy\xc0"), 2); /* all is well again */
        CHECK_BYTES(slip.frame, 2, "xy", 2);
    }
    test_row = 0;
    begin(8);
    CHECK_EQ(TAKE("a\xdb\xc0"), 0); /* END ends whatever stands before it */
    CHECK_EQ(TAKE("xy\xc0"), 2);
    CHECK_EQ(TAKE("a\xdb\xdb\xdd\xc0"), 0);
    CHECK_EQ(TAKE("xy\xc0"), 2);
    CHECK_EQ(TAKE("ab\xdb"
                  "Aabcdefghijkl\xc0"),
             0); /* lost, not overlong */
    CHECK(!slip.overlong);
}

/* Any bytes before an END do no harm to the frame behind it. */
static void noise(void)
{
    uint32_t chance = 7252;
    unsigned round, i;

    begin(8);
    for (round = 1; round <= 200; round++) {
        test_row = round;
        for (i = 0; i < round % 40; i++) {
            chance = chance * 1664525u + 1013904223u;
            CHECK(coap2_slip_take(&slip, (uint8_t)(chance >> 24)) <= 8);
        }
        (void)coap2_slip_take(&slip, END);
        CHECK_EQ(TAKE("good\xc0"), 4);
        CHECK_BYTES(slip.frame, 4, "good", 4);
    }
}

/* The check of RFC 1662 C.2, which is CRC-16/X-25: of 123456789 it is 906e. */
static void checks(void)
{
    begin(16);
    CHECK_EQ(TAKE("123456789\x6e\x90\xc0"), 11);
    CHECK(slip.checked);
    CHECK_EQ(TAKE("123456789\x90\x6e\xc0"), 11);
    CHECK(!slip.checked);
    CHECK_EQ(TAKE("123456788\x6e\x90\xc0"), 11);
    CHECK(!slip.checked);
    CHECK_EQ(TAKE("1\xdb"
                  "A23456789\xc0"),
             0);
    CHECK_EQ(TAKE("123456789\x6e\x90\xc0"), 11);
    CHECK(slip.checked);
    begin(4); /* of what does not fit, too */
    CHECK_EQ(TAKE("123456789\x6e\x90\xc0"), 0);
    CHECK(slip.overlong && slip.checked);
}

/* ---- a line ------------------------------------------------------------- */

static coap2_line line;
static uint8_t in[18];

static void open_line(void)
{
    memset(&line, 0, sizeof line);
    line.get = wire_get;
    line.put = wire_put;
    wire_clear();
}

static int32_t receive(coap2_peer *from)
{
    memset(from, 0xff, sizeof *from); /* what was there must not matter */
    return coap2_slip_recv(&line, from, in, sizeof in);
}

static coap2_peer peer_of(uint8_t kind, bool group, uint16_t port,
                          const char *address)
{
    coap2_peer peer;

    memset(&peer, 0, sizeof peer);
    peer.kind = kind;
    peer.group = group;
    peer.port = port;
    memcpy(peer.address, address, 4);
    return peer;
}

static uint16_t fcs_of(const uint8_t *bytes, size_t length)
{
    uint32_t rest = 0xffffu; /* the other way around than the library */
    size_t i;
    unsigned bit;
    uint16_t fcs = 0;

    for (i = 0; i < length; i++)
        for (bit = 0; bit < 8; bit++) {
            rest = rest << 1 ^ ((uint32_t)bytes[i] >> bit & 1u) << 16;
            if (rest & 0x10000u) rest ^= 0x11021u;
        }
    for (bit = 0; bit < 16; bit++)
        if ((rest >> bit & 1u) == 0) fcs |= (uint16_t)(0x8000u >> bit);
    return fcs;
}

/* A frame of these bytes, with its check behind them. */
static void wire_checked(const char *bytes, size_t length)
{
    uint8_t frame_bytes[64];
    uint16_t fcs;

    memcpy(frame_bytes, bytes, length);
    fcs = fcs_of(frame_bytes, length);
    frame_bytes[length] = (uint8_t)fcs;
    frame_bytes[length + 1] = (uint8_t)(fcs >> 8);
    coap2_slip_write(wire_put, NULL, frame_bytes, length + 2);
}

#define WIRE_CHECKED(literal) wire_checked((literal), sizeof(literal) - 1)

static void check_sent(const coap2_peer *peer, const char *header)
{
    uint8_t want[11];

    open_line();
    memcpy(want, header, 7);
    memcpy(want + 7, "@1", 2);
    want[9] = (uint8_t)fcs_of(want, 9);
    want[10] = (uint8_t)(fcs_of(want, 9) >> 8);
    CHECK_EQ(coap2_slip_send(&line, peer, want + 7, 2), COAP2_OK);
    begin(16);
    CHECK_EQ(take((const char *)wire, wire_length), sizeof want);
    CHECK_BYTES(slip.frame, sizeof want, want, sizeof want);
}

static void peers_written(void)
{
    coap2_peer peer = peer_of(COAP2_PEER_IPV4, false, 5683, "\x7f\0\0\1");

    check_sent(&peer, "\x01\x16\x33\x7f\0\0\x01");
    peer.group = true;
    check_sent(&peer, "\x11\x16\x33\x7f\0\0\x01");
    peer = peer_of(COAP2_PEER_OTHER, false, 0xc0db, "\0\0\0\x09");
    check_sent(&peer, "\x03\xc0\xdb\0\0\0\x09");
    open_line();
    peer.kind = COAP2_PEER_IPV6;
    CHECK_EQ(coap2_slip_send(&line, &peer, in, 4), COAP2_ERR_SEND);
    peer.kind = 0;
    CHECK_EQ(coap2_slip_send(&line, &peer, in, 4), COAP2_ERR_SEND);
    CHECK_EQ(wire_length, 0);
}

static void check_peer(const coap2_peer *want)
{
    coap2_peer peer;

    CHECK_EQ(receive(&peer), 1);
    CHECK(memcmp(&peer, want, sizeof peer) == 0);
    CHECK_EQ(in[0], '@');
}

static void peers_read(void)
{
    coap2_peer want = peer_of(COAP2_PEER_IPV4, false, 5683, "\x7f\0\0\1");

    open_line();
    WIRE_CHECKED("\x01\x16\x33\x7f\0\0\x01@");
    check_peer(&want);
    want = peer_of(COAP2_PEER_IPV4, true, 0xfffe, "\x0a\x0b\x0c\x0d");
    WIRE_CHECKED("\x11\xff\xfe\x0a\x0b\x0c\x0d@");
    check_peer(&want);
    want = peer_of(COAP2_PEER_OTHER, false, 0, "\0\0\0\1");
    WIRE_CHECKED("\x03\0\0\0\0\0\x01@");
    check_peer(&want);
}

static void peers_refused(void)
{
    char bytes[] = "\x01\x16\x33\x7f\0\0\x01@";
    coap2_peer peer;
    size_t length;
    int first;

    for (length = 0; length <= 7; length++) {
        open_line();
        wire_checked(bytes, length);
        CHECK_EQ(receive(&peer), COAP2_ERR_AGAIN);
    }
    for (first = 0; first < 256; first++) {
        bool good =
            first == 0x01 || first == 0x03 || first == 0x11 || first == 0x13;

        test_row = (unsigned)first + 1u;
        bytes[0] = (char)first;
        open_line();
        wire_checked(bytes, 8);
        CHECK_EQ(receive(&peer), good ? 1 : COAP2_ERR_AGAIN);
    }
}

/* What a line does to a frame is noticed. */
static void broken_frames(void)
{
    static const char good[] = "\x01\x16\x33\x7f\0\0\x01@123";
    uint8_t whole[40];
    coap2_peer peer;
    size_t length, at;

    open_line();
    wire_checked(good, sizeof good - 1);
    length = wire_length;
    memcpy(whole, wire, length);
    for (at = 1; at + 1 < length; at++) {
        test_row = (unsigned)at;
        open_line();
        wire_add(whole, length);
        wire[at] ^= 0x10; /* a byte that is another one */
        CHECK_EQ(receive(&peer), COAP2_ERR_AGAIN);
        open_line();
        wire_add(whole, at);
        wire_add(whole + at + 1, length - at - 1); /* one that is missing */
        CHECK_EQ(receive(&peer), COAP2_ERR_AGAIN);
        open_line(); /* and the end of one with the beginning of the next */
        wire_add(whole, at);
        wire_add(whole + 2, length - 2);
        CHECK_EQ(receive(&peer), at == 2 ? 4 : COAP2_ERR_AGAIN);
    }
}

static void sent_is_received(void)
{
    coap2_peer peer = peer_of(COAP2_PEER_IPV4, false, 0xc0db, "\xc0\xdb\0\1");
    coap2_peer from;

    open_line();
    CHECK_EQ(receive(&from), COAP2_ERR_AGAIN);
    CHECK_EQ(coap2_slip_send(&line, &peer, (const uint8_t *)"@\xc0", 2),
             COAP2_OK);
    CHECK_EQ(coap2_slip_send(&line, &peer, (const uint8_t *)"P123", 4),
             COAP2_OK);
    CHECK_EQ(receive(&from), 2);
    CHECK_BYTES(in, 2, "@\xc0", 2);
    CHECK(coap2_peer_equals(&from, &peer));
    CHECK_EQ(receive(&from), 4);
    CHECK_BYTES(in, 4, "P123", 4);
    CHECK_EQ(receive(&from), COAP2_ERR_AGAIN);
}

/* A frame comes in as many pieces as it likes. */
static void split_frames(void)
{
    uint8_t whole[40];
    coap2_peer from;
    size_t i, length;

    open_line();
    WIRE_CHECKED("\x01\x16\x33\x7f\0\0\x01@\xdb");
    length = wire_length;
    memcpy(whole, wire, length);
    open_line();
    for (i = 0; i < length; i++) {
        CHECK_EQ(receive(&from), COAP2_ERR_AGAIN);
        wire_add(whole + i, 1);
    }
    CHECK_EQ(receive(&from), 2);
    CHECK_BYTES(in, 2, "@\xdb", 2);
    CHECK_EQ(from.port, 5683);
}

/* What does not fit is said to be cut, and nothing of it is made up. */
static void cut_messages(void)
{
    coap2_peer peer = peer_of(COAP2_PEER_IPV4, false, 1, "\0\0\0\1"), from;
    size_t size;

    for (size = 1; size <= 40; size++) {
        uint8_t message[40];
        size_t i;

        test_row = (unsigned)size;
        for (i = 0; i < size; i++) message[i] = (uint8_t)(0x40 + i);
        open_line();
        (void)coap2_slip_send(&line, &peer, message, size);
        (void)coap2_slip_send(&line, &peer, message, 3);
        if (size + COAP2_SLIP_AROUND <= sizeof in) {
            CHECK_EQ(receive(&from), size);
            CHECK_BYTES(in, size, message, size);
        } else {
            CHECK_EQ(receive(&from), sizeof in + 1);
            CHECK_BYTES(in, size < 11 ? size : 11, message,
                        size < 11 ? size : 11);
            CHECK_BYTES(in + 11, 7, "\xff\xff\xff\xff\xff\xff\xff", 7);
        }
        CHECK(coap2_peer_equals(&from, &peer));
        CHECK_EQ(receive(&from), 3);
        CHECK_EQ(receive(&from), COAP2_ERR_AGAIN);
    }
}

static void not_for_a_node(void)
{
    coap2_peer from;

    open_line();
    wire_add("\nhello\r\n\xc0", 9); /* begins in the middle */
    WIRE_CHECKED("\nhello there");  /* text */
    WIRE_CHECKED("@123456789");     /* a message alone */
    wire_add("\x01\x16\x33\x7f\0\0\x01@123xx\xc0", 14); /* a wrong check */
    wire_add("\x01, much too long for a buffer\xc0", 30);
    WIRE_CHECKED("\x03\0\0\0\0\0\x01@ok");
    CHECK_EQ(receive(&from), 3);
    CHECK_BYTES(in, 3, "@ok", 3);
}

/* ---- a node ------------------------------------------------------------- */

static uint8_t on_hello(coap2_req *req, coap2_rsp *rsp)
{
    (void)req;
    coap2_rsp_text(rsp, "hello");
    return COAP2_205_CONTENT;
}

COAP2_RESOURCE(hello, "hello", COAP2_GET | COAP2_PUT, on_hello, "");
COAP2_TABLE(things, &hello);

static coap2_node node;
static uint8_t node_in[48], out[2 * 64];

static void start_node(void)
{
    open_line();
    memset(&node, 0, sizeof node);
    node.send = coap2_slip_send;
    node.recv = coap2_slip_recv;
    node.io = &line;
    node.in = node_in;
    node.in_size = sizeof node_in;
    node.out = out;
    node.out_size = sizeof out;
    node.packet = 64;
    node.resources = things;
    CHECK_EQ(coap2_start(&node, 7), COAP2_OK);
}

/* The answer to a request, without its check. */
static const uint8_t *ask(const char *request, size_t length, size_t *got)
{
    size_t asked;

    wire_clear();
    wire_checked(request, length);
    asked = wire_length;
    (void)coap2_poll(&node, node.time + 1u);
    begin(FRAME);
    *got = take((const char *)wire + asked, wire_length - asked);
    CHECK(slip.checked);
    *got -= 2;
    return slip.frame;
}

#define ASK(literal, got) ask((literal), sizeof(literal) - 1, (got))

static void node_answers(void)
{
    static const char answer[] = "\x01\x16\x33\x7f\0\0\x01"
                                 "\x61\x45\x12\x34\x2a\xc0\xff"
                                 "hello";
    const uint8_t *got;
    size_t length;

    start_node();
    got = ASK("\x01\x16\x33\x7f\0\0\x01"
              "\x41\x01\x12\x34\x2a\xb5"
              "hello",
              &length);
    CHECK_BYTES(got, length, answer, sizeof answer - 1);
}

static void node_says_too_large(void)
{
    static const char answer[] = "\x03\0\0\0\0\0\x01\x61\x8d\x12\x35\x2a";
    const uint8_t *got;
    size_t length;

    start_node();
    got = ASK("\x03\0\0\0\0\0\x01\x41\x03\x12\x35\x2a\xb5"
              "hello\xff"
              "a payload that does not fit in",
              &length);
    CHECK_BYTES(got, length, answer, sizeof answer - 1);
}

int main(void)
{
    RUN("RFC 1055: every byte", every_byte);
    RUN("RFC 1055: frames in a row", frames_in_a_row);
    RUN("empty frames are passed over", empty_frames);
    RUN("a decoder begins at an END", begins_at_an_end);
    RUN("overlong frames are dropped", overlong_frames);
    RUN("without a buffer all is dropped", no_room);
    RUN("malformed escapes drop their frame", malformed_escapes);
    RUN("noise ends at an END", noise);
    RUN("RFC 1662 C.2: checks", checks);
    RUN("peers written", peers_written);
    RUN("peers read", peers_read);
    RUN("peers refused", peers_refused);
    RUN("broken frames", broken_frames);
    RUN("what is sent is received", sent_is_received);
    RUN("frames in pieces", split_frames);
    RUN("messages that do not fit are cut", cut_messages);
    RUN("what is not for a node", not_for_a_node);
    RUN("a node answers", node_answers);
    RUN("a node says 4.13", node_says_too_large);
    return test_end();
}
