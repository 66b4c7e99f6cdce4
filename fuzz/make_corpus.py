#!/usr/bin/env python3
"""Write the seeds in fuzz/corpus/, each named by what it shows.

A finding is added here, under a name that says what it was."""

import os

HERE = os.path.dirname(os.path.abspath(__file__))

# ==== Datagrams, in hex ======================================================

MESSAGES = {
    # valid
    "ping": "40000001",
    "reset": "70000001",
    "get": "40010001 b474656d70",
    "rfc7252-a-request": "40017d34 bb74656d7065726174757265",
    "rfc7252-a-response": "60457d34 ff 32322e332043",
    "token-1": "4101000120 b474656d70",
    "token-8": "4801000101020304050607 08 b474656d70",
    "uri-all": "44011234deadbeef 3b6e6f6465312e6c6f63616c 8773656e736f7273"
               "0474656d70 46756e69743d63",
    "ack-etag-json": "644504d2deadbeef 4401020304 8132 213c ff"
                     + "7b" * 32,
    "delta-13": "40010001 d000",
    "delta-268": "40010001 d0ff",
    "delta-269": "40010001 e00000",
    "delta-65535": "40010001 e0fef2",
    "delta-sum-65535": "40010001 b0 e0fee7",
    "length-13": "40010001 bd00" + "61" * 13,
    "length-268": "40010001 bdff" + "61" * 268,
    "length-269": "40010001 be0000" + "61" * 269,
    "length-and-delta-extended": "40010001 dd0000" + "61" * 13,
    "empty-option-last": "40010001 b0",
    "empty-options-many": "40010001 b0" + "00" * 60,
    "option-267-is-not-11": "40010001 d0fe",
    "option-300-discovery": "40010001 e6001f 2f74656d702c",
    "observe-and-block2": "40010001 60 b16f c116",
    "block-szx-7": "40010001 d10a07",
    "block-number-largest": "40010001 d30afffffe",
    "block-of-4-bytes": "40010001 d40afffffffe",
    "uint-with-zeros": "40010001 c40000 0032",
    "critical-elective-unsafe": "40010001 10 10 10 10 10 10 10",
    "if-match-empty": "40010001 10 40",
    "payload-ff": "60450001 ff ffff",
    "code-1": "40210001 b161",
    "code-6": "40c10001",
    "signal-csm": "40e10001 220400 20",
    "reset-with-code": "70010001",
    # to be refused
    "refuse-nothing": "",
    "refuse-3-bytes": "400100",
    "refuse-token-9": "49010001 010203040506070809",
    "refuse-token-15": "4f010001" + "00" * 15,
    "refuse-token-cut": "48010001 01020304",
    "refuse-nibble-15-delta": "40010001 f0",
    "refuse-nibble-15-length": "40010001 0f",
    "refuse-extension-cut-d0": "40010001 d0",
    "refuse-extension-cut-e0": "40010001 e000",
    "refuse-extensions-cut": "40010001 ee000000",
    "refuse-number-wraps-to-11": "40010001 e0fef2 c0",
    "refuse-number-65536": "40010001 e0fef3",
    "refuse-number-wraps-time": "40011234 e4fefe 74696d65",
    "refuse-length-wraps": "40010001 befef3 6161",
    "refuse-length-ffff": "40010001 beffff 61",
    "refuse-option-too-long": "40010001 b574656d70",
    "refuse-marker-alone": "40010001 ff",
    "refuse-empty-with-token": "4100000101",
    "refuse-empty-with-option": "40000001 b161",
    "refuse-libcoap-199": "5a0a5b5b",
    "refuse-contiki-2491": "424342424242429e80424228 01" + "e1" * 8,
}

# ==== Programs for the writer ================================================


def number(value, size):
    return value.to_bytes(size, "big")


def start(size, token=0, code=0x45, kind=2):
    return number(size, 3) + bytes([token, kind, code, 0x12, 0x34])


def opt(option, value):
    return b"\0" + number(option, 2) + number(len(value), 1) + value


def long_opt(option, length):
    return b"\1" + number(option, 2) + number(length, 3)


def uint(option, value, size=4):
    return b"\2" + number(option, 2) + bytes([size - 1]) + number(value, size)


def text(option, value):
    return b"\3" + number(option, 2) + number(len(value), 1) + value


def block(option, num, szx, more):
    return b"\4" + number(option, 2) + bytes([szx + 8 * more]) + number(num, 3)


def payload(length):
    return b"\5" + number(length, 2)


def window(at, size):
    return b"\6" + number(at, 2) + number(size, 2)


def body(length):
    return b"\7" + number(length, 2)


B1 = opt(4, b"\1\2\3\4") + uint(12, 50) + uint(14, 60) + payload(32)

PROGRAMS = {
    "header-one-byte-less": start(3),
    "no-room-at-all": start(0),
    "token-8-fits": start(12, 8),
    "token-9-is-refused": start(100, 9),
    "reply-fits": start(50, 4) + B1,
    "reply-one-byte-less": start(49, 4) + B1,
    "options-descending": start(99) + opt(60, b"a") + opt(14, b"b")
    + opt(12, b"") + opt(4, b"cd") + opt(1, b"") + payload(3),
    "options-mixed": start(99, 2) + opt(11, b"a") + opt(3, b"host")
    + opt(15, b"q") + opt(11, b"b") + opt(7, b"\x16\x33") + opt(11, b"c"),
    "same-number-in-order": start(99) + opt(11, b"1") + opt(12, b"")
    + opt(11, b"2") + opt(11, b"") + opt(11, b"3"),
    "option-after-payload": start(99) + opt(12, b"") + payload(9)
    + opt(14, b"z") + opt(4, b"y") + payload(2),
    "delta-shrinks-13": start(99) + opt(20, b"a") + opt(10, b"b"),
    "delta-shrinks-269": start(99) + opt(300, b"a") + opt(200, b"b")
    + opt(290, b"c"),
    "insertion-costs-nothing": start(7) + opt(269, b"") + opt(256, b""),
    "insertion-fits": start(8) + opt(269, b"") + opt(268, b"")
    + opt(267, b""),
    "option-0": start(99) + opt(5, b"x") + opt(0, b"a") + opt(0, b"b"),
    "option-65535": start(99) + opt(65535, b"x") + opt(65534, b"y")
    + opt(65535, b"z"),
    "option-3-after-65535": start(99) + opt(65535, b"") + opt(3, b"h"),
    "uints-at-their-edges": start(99) + uint(6, 0) + uint(12, 255)
    + uint(12, 256) + uint(14, 65535) + uint(14, 65536)
    + uint(28, 0xFFFFFF) + uint(28, 0x1000000) + uint(60, 0xFFFFFFFF),
    "length-12-13": start(99) + long_opt(11, 12) + long_opt(11, 13),
    "length-268-269": start(999) + long_opt(15, 268) + long_opt(15, 269),
    "length-largest": start(65804 + 4 + 3) + long_opt(11, 65804),
    "length-largest-before": start(70000) + opt(60, b"a")
    + long_opt(35, 65804),
    "room-before-value": start(99) + opt(60, b"a") + payload(3)
    + long_opt(11, 0x800005) + long_opt(65, 0x800001),
    "type-4-is-refused": start(99, 0, 1, 4),
    "length-too-large": start(99999) + long_opt(11, 65805),
    "texts": start(99) + text(11, b"temp") + text(11, b"") + text(3, b"h\0x"),
    "blocks": start(99) + block(23, 0, 0, False) + block(27, 0xFFFFF, 6, True)
    + block(19, 1, 2, True),
    "block-szx-7": start(99) + block(23, 0, 7, False),
    "block-number-too-large": start(99) + block(23, 0x100000, 0, False),
    "payload-fits": start(10) + payload(5),
    "payload-one-byte-less": start(9) + payload(5),
    "payload-empty": start(4) + payload(0),
    "payload-in-pieces": start(99) + payload(3) + payload(0) + payload(4),
    "window-first": start(99) + window(0, 16) + body(10) + body(10) + body(9),
    "window-middle": start(99) + window(16, 16) + body(10) + body(10)
    + body(10) + body(10) + block(23, 1, 0, True),
    "window-last": start(99) + window(32, 16) + body(40),
    "window-exact-end": start(99) + window(16, 16) + body(32),
    "window-behind": start(99) + window(64, 16) + body(40),
    "window-of-nothing": start(5) + window(4, 0) + body(9),
    "window-too-large": start(12) + window(4, 16) + body(40),
    "body-without-window": start(16) + body(5) + body(6),
    "body-too-long": start(14) + body(5) + body(6),
    "error-then-lower-option": start(12) + opt(11, b"a") + opt(15, b"")
    + payload(32) + opt(3, b"h") + opt(11, b"b"),
    "error-is-sticky": start(6) + opt(11, b"abc") + opt(11, b"")
    + payload(1),
}

# ==== URIs, then options of a request ========================================

URIS = {
    "plain": "coap://h/a",
    "no-path": "coap://h",
    "rfc7252-6-3": "coap://EXAMPLE.com:5683/~sensors/temp.xml",
    "rfc7252-c-euro": "coap://198.51.100.1:61616//%2F//?%2F%2F&?%26",
    "websocket": "coap+ws://h:80/a",
    "secure-websocket": "COAPS+WS://h/a",
    "port": "coap://h:61616/",
    "port-empty": "coap://h:/a",
    "refuse-port-65536": "coap://h:65536/",
    "refuse-port-huge": "coap://h:99999999999/",
    "ipv4": "coap://192.0.2.1/a",
    "name-not-ipv4": "coap://192.0.2.01/a",
    "ipv6": "coap://[2001:db8::1]:5685/a",
    "ipv6-v4": "coap://[::ffff:192.0.2.1]/",
    "ipv6-zone-25": "coap://[fe80::1%25eth0]/a",
    "ipv6-zone-bare": "coap://[fe80::1%eth0]/a",
    "refuse-ipv6-empty": "coap://[]/",
    "refuse-ipv6-open": "coap://[::1/",
    "refuse-ipv6-two-gaps": "coap://[1::2::3]/",
    "refuse-ipv6-nine": "coap://[1:2:3:4:5:6:7:8:9]/",
    "refuse-ipv6-no-zone": "coap://[fe80::1%25]/",
    "bare-ipv6-v4": "64:ff9b::192.0.2.33",
    "empty-segments": "coap://h//a//b//",
    "dots": "coap://h/a/./b/../c",
    "dots-and-empty": "coap://h/a//../b/.",
    "refuse-encoded-dots": "coap://h/a/%2e%2E/b",
    "refuse-encoded-dot": "coap://h/%2e",
    "encoded-slash": "coap://h/a%2Fb",
    "encoded-zero": "coap://h/a%00b?c%00",
    "encoded-zero-behind-dot": "coap://h/.%00.",
    "encoded-host": "coap://n%6Fde%41/",
    "encoded-host-literal": "coap://1%2e2.3.4/",
    "query": "coap://h/a?b=c&d&&e=%26",
    "query-empty": "coap://h/?",
    "query-without-path": "coap://h?q",
    "query-marks": "coap://h/a?b?/c",
    "refuse-fragment": "coap://h/a#b",
    "refuse-user": "coap://me@h/",
    "refuse-percent-end": "coap://h/%",
    "refuse-percent-g": "coap://h/%0g",
    "refuse-not-ascii": "coap://h/\u00e4",
    "refuse-segment-256": "coap://h/" + "a" * 256,
    "argument-255-encoded": "coap://h/?" + "%41" * 255,
    "refuse-host-256": "coap://" + "h" * 256 + "/",
    "reference": "/temp?x=1",
    "reference-dots": "../a/./b/",
    "reference-empty": "",
    "refuse-reference-colon": "a:b",
    "reference-colon-later": "./a:b",
    "request-all": "a/b\nhnode1.local\no\x16\x33\npa\npb\nqx=1\nq&?",
    "request-dots": "../b\np..\npb",
    "request-root": "\np",
    "request-host-empty": "/\nh",
    "request-host-upper": "/\nhNode",
    "request-host-literal": "/\nh[FE80::1]",
    "request-host-zone": "/\nh[fe80::1%a]",
    "request-host-marks": "/\nha:b/c@d?#[]",
    "request-port-4-bytes": "/\no\0\1\0\x50",
    "request-port-5-bytes": "/\no\0\0\0\0\x50",
    "request-path-marks": "a%2Fb\npa/b\npc%d\npe?f#",
    "request-path-256": "/\np" + "a" * 256,
    "request-host-256": "/\nh" + "a" * 256,
    "request-other-path": "a/b\npa\npbc",
    "request-zero-in-path": "a\npa\0",
}

# ==== Filters and link lists =================================================

RFC6690 = ('</sensors>;ct=40;title="Sensor Index",'
           '</sensors/temp>;rt="temperature-c";if="sensor",'
           '</sensors/light>;rt="light-lux core.sen-light";if="sensor",'
           '<http://www.example.com/sensors/t123>;anchor="/sensors/temp";'
           'rel="describedby",'
           '</t>;anchor="/sensors/temp";rel="alternate"')

LINKS = {
    "one": "\n</a>",
    "rfc6690-5": "\n" + RFC6690,
    "filter-rt": "rt=light-lux\n" + RFC6690,
    "filter-rt-second-member": "rt=core.sen-light\n" + RFC6690,
    "filter-rt-star": "rt=temp*\n" + RFC6690,
    "filter-href": "href=/sensors*\n" + RFC6690,
    "filter-anchor": "anchor=/sensors/temp\n" + RFC6690,
    "filter-title-blank": "title=Sensor Index\n" + RFC6690,
    "filter-ct": 'ct=40\n</a>;ct="0 40",</b>;ct=400',
    "filter-name-only": "obs\n</a>;obs,</b>",
    "filter-star-alone": "obs=*\n</a>;obs,</b>;obs=1",
    "filter-empty-value": 'rt=\n</a>;rt="",</b>;rt,</c>;rt="x"',
    "filter-star-inside": 'title=a*b\n</a>;title="a*b",</b>;title="axb"',
    "filter-two-stars": 'title=a**\n</a>;title="a*",</b>;title="ab"',
    "filter-escaped": 'title=a"b\n</a>;title="a\\"b"',
    "filter-longer-than-value": "rt=temperature\n</a>;rt=temp",
    "list-blanks": 'rt=b\n</a>;rt=" a  b "',
    "flags": "\n</a>;obs;hid",
    "number-and-token": "\n</a>;sz=1024;x=a.b;y=%20",
    "token-marks": "\n</a>;x=!#$%&'()*+-./:<=>?@[]^_`{|}~",
    "quoted-separators": '\n</a>;title="a,b;c<d>",</b>',
    "quoted-escapes": '\n</a>;title="\\"\\\\\\a",</b>',
    "quoted-escaped-control": '\n</a>;title="a\\\x01b\\\x7f"',
    "quoted-utf8": '\n</a>;title="\u00e4\u20ac"',
    "name-star": "\n</a>;title*=UTF-8'en'%e2%82%ac;rt=x",
    "target-reference": "\n<coap://[::1]/a%20b?c#d>",
    "refuse-comma-first": "\n,</a>",
    "refuse-comma-last": "\n</a>,",
    "refuse-blank-after-comma": "\n</a>, </b>",
    "refuse-no-quote": '\n</a>;a="b',
    "refuse-escape-last": '\n</a>;a="b\\',
    "refuse-value-missing": "\n</a>;a=",
    "refuse-value-not-ascii": "\n</a>;a=\u00e4",
    "refuse-control": '\n</a>;a="\x01"',
    "refuse-percent": "\n</a%2>",
    "refuse-second": "\n</a>;a=b,</b>x",
}


# The first byte: format (text, JSON, CBOR), and 4 times the table.
FIELDS = {
    "text-list": b"\x00u8=255 u16=0.01 u32=4294967295 i8=-1280 on=true",
    "text-quoted": b'\x00name="a \\" b" i16=-3276.8 i32=2.147483647',
    "text-read-only": b"\x04i16=1 locked=3",
    "text-alone": b"\x08-2147483.648",
    "text-alone-named": b"\x08 i32=25.5 ",
    "text-word": b"\x0ca=b c",
    "text-too-fine": b"\x00i16=25.55",
    "json-all": b'\x01{"u8":1,"u16":2.50,"i8":1e1,"on":false,"name":"x"}',
    "json-escapes": b'\x01{"name":"\\u00e4\\ud83d\\ude00\\n"}',
    "json-blanks": b'\x01 { "u32" : 7 , "i16" : -0.5e0 } ',
    "json-nested": b'\x01{"u8":{"a":1}}',
    "json-twice": b'\x01{"u8":1,"u8":2}',
    "json-unknown": b'\x01{"u9":1}',
    "cbor-map": bytes.fromhex("02a36275381864633332f5626f6ef5"),
    "cbor-open": bytes.fromhex("02bf62753801626f6ef4ff"),
    "cbor-fraction": bytes.fromhex("02a163693136c48220382a"),
    "cbor-half": bytes.fromhex("02a163693136f94e00"),
    "cbor-single": bytes.fromhex("02a163693136fa41ac0000"),
    "cbor-double": bytes.fromhex("02a163693136fb403599999999999a"),
    "cbor-text": bytes.fromhex("02a1646e616d6563616263"),
    "cbor-tagged": bytes.fromhex("02a162753fc101"),
    "cbor-cut": bytes.fromhex("02a26275381901"),
    "no-format": b"\x03x",
}

# ==== Programs for a node ====================================================

# Sizes of node.in and of a packet: 48, 64, 160 or 1152 bytes, by number.
LARGE = 3


def node(receive=LARGE, packet=LARGE, slots=5, pushes=False, retransmit=0,
         nstart=0, leisure=0, clock=0):
    """What stands before the steps (node.h, open_world)."""
    return bytes([receive + 4 * packet + 16 * (slots - 2), pushes,
                  retransmit + 8 * nstart + 32 * leisure, clock, 7])


def datagram(text, peer=0, group=False):
    data = bytes.fromhex(text.replace(" ", ""))
    return bytes([0, peer + 4 * group, len(data)]) + data


def option(index, value=b""):
    return bytes([index + 16 * len(value)]) + value


# A harness has its own opcodes, but the same ways for time to pass.
def passing(step):
    def after(ms=None, seconds=None):
        if ms is not None:
            return bytes([step, ms // 16 * 4])
        return bytes([step, seconds // 5 * 4 + 1])

    return after, bytes([step, 2]), bytes([step, 3])


# ---- as server (fuzz_server.c) ----

GET, POST, PUT, DELETE, FETCH, PATCH, IPATCH, METHOD_8 = range(8)
ANY, SLOW, ROOM, TEXT, RELAY, BELOW, NONE, CORE = range(8)
IF_MATCH, ETAG, IF_NONE_MATCH, OBSERVE, URI_PATH, CONTENT_FORMAT, URI_QUERY, \
    ACCEPT, BLOCK2, BLOCK1, PROXY_URI, ECHO, NO_RESPONSE = range(13)
after, rest, rest_not_quite = passing(13)


def request(method, path, number=0x24, options=(), payload=b"", peer=0,
            non=False, group=False):
    who = peer + 12 * group + 16 * (non or group)
    return bytes([2, who, method + 8 * path, number,
                  len(options) + 4 * len(payload)]) + \
        b"".join(options) + payload


def script(code=0, half=2, flags=0):
    return option(URI_QUERY, bytes([code, half, flags]))


def late(which=0, code=0, length=5, steps=False):
    return bytes([7, which, code + 16 * steps, length])


def react(kind, back=0):
    return bytes([6, kind, back])


STATE, ANY_TOO, ROOM_TOO, TEXT_TOO = range(4)
STORE_, POUR_ = 0, 4
NEXT, FIRST, SKIP, REPEAT = range(4)


def observe(what=STATE, peer=0, token=1, non=False, over=False, etag=False,
            szx=0, group=False):
    return bytes([16, peer + 12 * group + 16 * token,
                  what + 4 * non + 24 * over + 32 * etag + 64 * szx])


STATE_RULE, ROOM_RULE, BELOW_RULE, ANY_RULE = range(4)


def subscribe(rule, what=STATE_RULE, peer=0, token=1, non=False, fetch=False,
              over=False, alone=False, second=False, group=False):
    """`alone`: without Notification."""
    return bytes([24, peer + 12 * group + 16 * token,
                  what + 4 * non + 24 * fetch + 32 * alone + 96 * over +
                  128 * second, len(rule)]) + rule.encode()


def unsubscribe(back=0, observe=None, wrong=False, non=False, path=0,
                other=False):
    return bytes([25, back + 48 * other,
                  (0 if observe is None else 1 + observe) + 4 * non +
                  24 * wrong + 32 * path])


def change(code=0, length=4, flags=0):
    return bytes([18, code + flags, length])


def block(which=0, szx=0, last=False, step=NEXT, length=0, to=STORE_,
          method=POST, non=False):
    return bytes([20, which + to + 16 * non + 32 * method,
                  szx + 4 * last + 8 * step + 32 * length])


def more(number, szx=0, which=0, method=POST, tag=True):
    return bytes([23, which + 8 * tag + 32 * method, szx + 8 * number])


AGAIN = bytes([5, 0])
ACK, RESET = 0, 1
SEEKS, WITH_ETAG, WITH_AGE, JSON = 16, 32, 64, 128
BUSY, BROKEN = bytes([10, 2 * 3]), bytes([10, 2 * 3 + 1])
HOLD, SLEEP = b"\x0b", b"\x0c"
ETAG_4 = bytes([0, 31, 62, 93])  # how the body begins

SERVER = {
    "get": node() + request(GET, ANY),
    "get-non": node() + request(GET, ANY, non=True),
    "token-6": node() + request(GET, TEXT, 0x60),
    "token-00": node() + request(GET, TEXT, 0x91),
    "ping": node() + datagram("40001234"),
    "ping-non": node() + datagram("50001234"),
    "ping-with-token": node() + datagram("4100123401"),
    "ack-of-nothing": node() + datagram("60001234"),
    "reset-of-nothing": node() + datagram("70001234"),
    "ack-with-request": node() + datagram("60011234 b3616e79"),
    "reset-with-request": node() + datagram("70011234 b3616e79"),
    "response-nobody-asked-for": node() + datagram("40451234 ff41"),
    "version-0": node() + datagram("00011234 b3616e79"),
    "three-bytes": node() + datagram("400112"),
    "token-9": node() + datagram("49011234 000000000000000000"),
    "marker-alone": node() + datagram("40011234 ff"),
    "class-1": node() + datagram("40201234"),
    "class-7": node() + datagram("40e11234"),
    "number-wraps": node() + datagram("40011234 e4fefe 74696d65"),
    "critical-unknown": node() + request(GET, ANY, options=[
        option(BLOCK2, b"\x06")]),
    "critical-unknown-non": node() + request(GET, ANY, non=True, options=[
        option(BLOCK1, b"\x06")]),
    "elective-unknown": node() + request(GET, ANY, options=[option(OBSERVE)]),
    "proxy": node() + request(GET, ANY, options=[option(PROXY_URI, b"coap:")]),
    "not-found": node() + request(GET, NONE),
    "not-allowed": node() + request(DELETE, TEXT),
    "method-8": node() + request(METHOD_8, ANY),
    "post-again": node() + request(POST, ANY) + AGAIN + after(ms=640) + AGAIN,
    "post-again-too-long-to-remember": node() + request(
        POST, ANY, options=[script(0, 40)]) + AGAIN,
    "post-non-again": node() + request(POST, ANY, non=True) + AGAIN,
    "get-again": node() + request(GET, ANY) + AGAIN + AGAIN,
    "again-within-its-lifetime": node() + request(POST, ANY) +
    after(seconds=245) + AGAIN + request(POST, ANY, 0x25, non=True) +
    after(seconds=140) + bytes([5, 2]),
    "again-behind-its-lifetime": node() + request(POST, ANY) +
    after(seconds=250) + AGAIN,
    "again-from-another": node() + request(POST, ANY) + bytes([5, 32 * 2]),
    "same-id-other-token": node() + request(POST, ANY, 0x24) +
    request(POST, ANY, 0x34) + AGAIN,
    "found-oldest-of-a-moment": node() + b"".join(
        request(POST, ANY, 0x20 + n) for n in range(4)) +
    request(DELETE, ANY, 0x25) + request(IPATCH, ANY, 0x20, peer=1) +
    bytes([5, 4]),
    "found-non-displaced": node() + b"".join(
        request(POST, ANY, 0x20 + n, non=n > 3) for n in range(6)) +
    bytes([5, 4]),
    "found-replaced-keeps-its-age": node() + b"".join(
        request(POST, ANY, n) for n in (0x24, 0x25, 0x34, 0x26, 0x27, 0x28)) +
    bytes([5, 2]),
    "late-at-once": node() + request(POST, SLOW) + late(),
    "late-separate": node() + request(GET, SLOW) + after(ms=640) + late() +
    react(ACK) + after(seconds=100),
    "late-reset": node() + request(GET, SLOW) + after(ms=640) + late() +
    react(RESET) + after(seconds=100),
    "late-given-up": node(retransmit=2) + request(GET, SLOW) +
    after(ms=640) + late() + rest_not_quite + rest + rest + rest + rest,
    "late-asked-again": node() + request(POST, SLOW) + AGAIN +
    after(ms=640) + AGAIN + late() + AGAIN + react(ACK) + AGAIN,
    "late-non": node() + request(POST, SLOW, non=True) + late(0, 4),
    "late-group": node(leisure=2) + request(GET, SLOW, group=True) +
    late(steps=True) + rest_not_quite + rest,
    "late-too-large": node(packet=0) + request(GET, SLOW) + late(0, 0, 200),
    "late-two": node() + request(POST, SLOW, 0x21) +
    request(POST, SLOW, 0x22) + late(1) + late(0),
    "late-full": node(slots=2) + request(POST, SLOW, 0x21) +
    request(POST, SLOW, 0x22) + late(),
    "late-unwanted": node() + request(POST, SLOW, options=[
        option(NO_RESPONSE, b"\x02")]) + late(0, 4),
    "late-ticket-unused": node() + request(GET, SLOW, options=[
        option(URI_QUERY, b"a")]) + request(POST, SLOW, 0x25),
    "found-other-ticket": node() + request(POST, SLOW, 0x22, non=True) +
    request(POST, SLOW, 0x32, options=[option(URI_QUERY, b"a")]) +
    after(ms=640) + late(),
    "late-answered-in-handler": node() + request(GET, SLOW, options=[
        option(URI_QUERY, b"ab")]) + AGAIN,
    "late-answered-in-another": node() + request(GET, SLOW) +
    request(POST, RELAY, 0x25, payload=b"four"),
    "ticket-of-nobody": node() + bytes([9, 0, 1]),
    "group-get": node(leisure=2) + request(GET, ANY, group=True) +
    rest_not_quite + rest,
    "group-error": node() + request(GET, NONE, group=True),
    "group-con": node() + datagram("40011234 b3616e79", group=True),
    "group-ping": node() + datagram("40001234", group=True),
    "group-malformed": node() + datagram("50011234 ff", group=True),
    "group-again": node(leisure=1) + request(GET, ANY, group=True) + AGAIN,
    "group-full": node(slots=2, leisure=7) + request(
        GET, ANY, 0x21, group=True) + request(GET, ANY, 0x22, group=True),
    "core": node() + request(GET, CORE),
    "core-filter": node() + request(GET, CORE, options=[
        option(URI_QUERY, b"rt=ro*")]),
    "core-group-no-match": node() + request(GET, CORE, group=True, options=[
        option(URI_QUERY, b"rt=x")]),
    "core-too-large": node(packet=1) + request(GET, CORE),
    "etag-valid": node() + request(GET, ANY, options=[
        script(0, 2, 1 + 2 * 4), option(ETAG, ETAG_4)]),
    "if-match": node() + request(PUT, ANY, options=[
        script(4, 0, 1 + 2 * 4), option(IF_MATCH, ETAG_4)]),
    "if-match-other": node() + request(PUT, ANY, options=[
        script(4, 0, 1 + 2 * 4), option(IF_MATCH, b"x")]) + AGAIN,
    "if-none-match": node() + request(PUT, ANY, options=[
        option(IF_NONE_MATCH)]),
    "accept-other": node() + request(GET, ANY, options=[
        option(ACCEPT, b"\x32")]),
    "observe-and-accept": node() + request(GET, ROOM, options=[
        option(OBSERVE), option(ACCEPT, b"\x3c")]),
    "room-text": node() + request(GET, ROOM),
    "room-written": node() + request(
        PUT, ROOM, options=[option(CONTENT_FORMAT)],
        payload=b"level=-1.5 label=x") + request(GET, ROOM, 0x25),
    "room-refused": node() + request(PATCH, ROOM, payload=b"lit=true"),
    "text-is": node() + request(PUT, TEXT, payload=b"on"),
    "text-of-another-format": node() + request(
        PUT, TEXT, options=[option(CONTENT_FORMAT, b"\x32")], payload=b"on"),
    "unwanted": node() + request(POST, ANY, options=[
        option(NO_RESPONSE, b"\x1a")]) + AGAIN,
    "answer-too-large": node(packet=1) + request(GET, ANY, options=[
        script(0, 200)]),
    "answer-fits": node(packet=0) + request(GET, ANY, options=[
        script(0, 18)]),
    "request-cut": node(receive=0) + request(PUT, ANY, payload=b"x" * 63),
    "request-cut-non": node(receive=0) + request(
        PUT, ANY, payload=b"x" * 63, non=True),
    "request-cut-group": node(receive=0) + request(
        PUT, ANY, payload=b"x" * 63, group=True),
    "busy": node() + BUSY + request(POST, ANY) + AGAIN + rest,
    "busy-late": node() + request(GET, SLOW) + after(ms=640) + BUSY + late() +
    rest + rest + rest,
    "broken": node() + BROKEN + request(POST, ANY) + AGAIN,
    "broken-late": node() + request(GET, SLOW) + after(ms=640) + BROKEN +
    late() + request(POST, SLOW, 0x25),
    "burst": node() + HOLD + b"".join(
        request(POST, ANY, 0x20 + n) for n in range(11)) + rest,
    "deep-sleep": node() + request(POST, SLOW) + SLEEP + late() + SLEEP +
    AGAIN,
    "clock-wraps": node(clock=255) + request(POST, SLOW) + rest_not_quite +
    rest + late() + rest + AGAIN,
    "by-upcall": node(pushes=True) + request(POST, ANY) + AGAIN +
    request(GET, SLOW, 0x25) + rest + late() + react(ACK),
    "observe": node() + observe() + change(length=5) + react(ACK) +
    change(length=6) + react(ACK) + rest,
    "observe-non": node() + observe(non=True) + (
        change(length=5) + after(ms=640)) * 6 + after(seconds=100),
    "observe-latest": node() + observe() + change(length=5) + rest +
    change(length=6) + rest + rest + react(ACK),
    "observe-unheard": node(retransmit=2) + observe() + change() + rest * 5,
    "observe-reset": node() + observe() + change() + react(RESET) + change(),
    "observe-reset-first": node() + observe(non=True) + react(RESET) +
    change(),
    "observe-over": node() + observe() + observe(peer=0, over=True) + change(),
    "observe-error": node() + observe() + change(8) + react(ACK) + change(),
    "observe-other-format": node() + observe() + change(0, 4, JSON),
    "observe-etag": node() + change(0, 4, WITH_ETAG) + observe(etag=True) +
    change(0, 5, WITH_ETAG) + react(ACK) + change(0, 4, WITH_ETAG),
    "observe-large": node(packet=1) + change(0, 60, SEEKS + WITH_ETAG) +
    observe(szx=1) + change(0, 50, SEEKS + WITH_ETAG) + react(ACK),
    "observe-group": node() + observe(non=True, group=True) + rest + change(),
    "observe-full": node() + observe(token=0) + observe(token=1) +
    observe(token=2) + observe(token=3) + observe(peer=2) + change() + rest,
    "observe-each-other": node() + observe(peer=0) + observe(peer=1) +
    observe(peer=2) + change() + react(ACK, 1) + change() + rest,
    "observe-room": node() + observe(ROOM_TOO) + request(
        PUT, ROOM, payload=b"level=2"),
    "observe-not-observable": node() + observe(TEXT_TOO),
    "observe-busy": node() + observe() + BUSY + change() + rest * 3,
    "observe-deep-sleep": node() + observe() + SLEEP + change() + SLEEP +
    rest + react(ACK),
    "found-daily-one-not-held-back": node() + observe() + observe(token=0) +
    rest_not_quite + change() + rest_not_quite,
    "found-daily-one-before-its-pause": node() + observe(non=True) +
    rest_not_quite + change() * 5 + rest_not_quite,
    "found-reset-of-a-group": node() + datagram("5151 3f60 3f 60", group=True),
    "upload": node(clock=2) + block() + block(szx=0) + block(
        last=True, length=3),
    "upload-again": node(clock=2) + block() + AGAIN + block() + AGAIN +
    block(last=True, length=2) + AGAIN,
    "upload-gap": node(clock=2) + block() + block(step=SKIP) + block(),
    "upload-not-first": node(clock=2) + block(step=SKIP),
    "upload-two": node(clock=2) + block(0) + block(1) + block(0) + block(1) +
    block(0, last=True, length=1) + block(1, last=True, length=2),
    "upload-three": node(clock=2) + block(0) + block(1) + block(2) +
    after(seconds=15) + block(2),
    "upload-no-place": node(clock=1) + block() + block(last=True, length=1),
    "upload-too-large": node(clock=0) + block(szx=3) + block(szx=3),
    "upload-other-size": node(clock=2) + block(szx=1) + block(szx=0) +
    block(szx=0, last=True, length=5),
    "upload-block-too-short": node(clock=2) + block(length=7),
    "upload-non": node(clock=2) + block(non=True) + block(non=True) +
    block(last=True, length=1, non=True),
    "pieces": node() + block(to=POUR_) + block(to=POUR_) + block(
        to=POUR_, last=True, length=3),
    "pieces-again": node() + block(to=POUR_) + AGAIN + block(
        to=POUR_, step=FIRST) + block(to=POUR_, last=True, length=3) + AGAIN,
    "found-one-piece-between": node() + (block(which=3, to=POUR_) * 3 + block(
        which=3, to=POUR_, step=FIRST, last=True, length=3)) + block(
            which=3, to=POUR_),
    "found-kept-hides-its-id": node(packet=0, clock=3) + request(
        POST, ANY, 0x23, [script(0, 80)]) + request(
            DELETE, ANY, 0x23) + AGAIN[:1] + bytes([1]),
    "found-kept-between-pieces": node(packet=2, clock=3) + block(
        which=3, szx=1, to=POUR_) + AGAIN,
    "kept": node(packet=1, clock=3) + block(which=1, last=True, length=2) +
    block(which=1, step=FIRST) + block(which=1, last=True, length=5) +
    more(1, which=1) + more(2, which=1) + more(3, which=1),
    "kept-none": node(packet=1) + more(1),
    "large-get": node(packet=1) + change(0, 100) + request(
        GET, ANY, options=[script(0, 200), option(BLOCK2, b"\x12")]),
    "large-fetch": node(packet=1, clock=3) + more(0, method=FETCH) +
    more(1, method=FETCH) + more(2, method=FETCH),
    "large-core": node(packet=1) + request(GET, CORE, options=[
        option(BLOCK2, b"\x11")]),
    "subscribe": node() + change(flags=JSON) + subscribe("n > 20") +
    change(0, 21, JSON) + react(ACK) + change(0, 5, JSON) + change(
        0, 30, JSON) + react(ACK) + unsubscribe(),
    "subscribe-non": node() + change(flags=JSON) + subscribe(
        "when n > 20 until n < 10", non=True) + change(0, 21, JSON) +
    change(0, 9, JSON) + change(0, 21, JSON) + unsubscribe(observe=1),
    "subscribe-fields": node() + subscribe(
        "level > 20 and lit", ROOM_RULE) + change(0, 255) + react(ACK) +
    change(0, 253) + react(RESET),
    "subscribe-times": node() + change(flags=JSON) + subscribe(
        "when n>20 pmin 5 pmax 60") + change(0, 21, JSON) + rest + react(ACK) +
    rest_not_quite + rest + react(ACK) + change(0, 1, JSON) + rest,
    "subscribe-past": node() + change(flags=JSON) + subscribe(
        "delta(n)>=5 or changed(n)", non=True) + change(0, 6, JSON) + change(
            0, 6, JSON),
    "subscribe-renewed": node() + change(flags=JSON) + subscribe(
        "when n > 20") + change(0, 21, JSON) + subscribe("true pmin 5") +
    react(ACK) + AGAIN + change(0, 4, JSON) + rest + subscribe(
        "true pmin 5") + unsubscribe() + unsubscribe(),
    "subscribe-latest": node(retransmit=3) + change(flags=JSON) + subscribe(
        "when n > 20") + change(0, 21, JSON) + change(0, 1, JSON) + rest +
    change(0, 22, JSON) + rest + react(ACK),
    "subscribe-period-in-flight": node(retransmit=3) + change(
        flags=JSON) + subscribe("when n>20 pmax 1") + rest + change(
            0, 21, JSON) + rest * 3 + react(ACK),
    "subscribe-fetch": node() + change(flags=JSON) + subscribe(
        "n > 20", fetch=True) + change(0, 21, JSON) + react(ACK) + change(
            9, 2),
    "subscribe-alone": node() + subscribe("", alone=True) + subscribe(
        "false", token=2, second=True) + change(0, 9) + unsubscribe(1),
    "subscribe-below": node() + subscribe("= 'x'", BELOW_RULE) + subscribe(
        "not = 'x'", ANY_RULE, peer=1),
    "subscribe-full": node() + b"".join(subscribe(
        "pmax 9", peer=n, token=n % 3) for n in range(4)) + rest * 3,
    "subscribe-group": node() + subscribe("> >", non=True, group=True),
    "subscribe-lost": node(retransmit=1) + subscribe("pmax 9") + rest * 6,
    "subscribe-error": node() + change(flags=JSON) + subscribe(
        "n > 20 pmin 99") + change(8, 3, JSON) + react(ACK),
    "subscribe-large": node(packet=1) + subscribe("true") + change(0, 100),
    "subscribe-busy": node() + change(flags=JSON) + subscribe(
        "when n > 20") + BUSY + change(0, 21, JSON) + rest * 2,
    "subscribe-no-more": node() + subscribe("") + subscribe("", over=True),
    "unsubscribe-wrong": node() + subscribe("") + unsubscribe(
        wrong=True) + unsubscribe(observe=0) + unsubscribe(
            other=True) + unsubscribe(non=True, path=6),
    "refuse-rule": node() + subscribe("n >") + subscribe(
        "levels > 20", ROOM_RULE, non=True) + subscribe(
            "(" * 20) + subscribe("'" + "x" * 50 + "'"),
}

# ---- as client (fuzz_client.c) ----

HOST_1, HOST_1_PORT, HOST_2, IPV6, GROUP_4, GROUP_6, NAME, NOBODY = range(8)
URI, STEPS, PING = 0, 1, 3
client_after, client_rest, client_not_quite = passing(14)
CON, NON = 0, 1
CONTENT, CHANGED, CREATED, VALID, NOT_FOUND, UNAUTHORIZED, CONTINUE, EMPTY = \
    range(8)
REPLY_ECHO, REPLY_DISCOVERY, REPLY_BLOCK2, REPLY_IF_MATCH = 4, 5, 6, 10
IN_ASK, IN_CANCEL, IN_CANCEL_SELF, IN_WAIT = 4, 5, 6, 7


def ask(host=HOST_1, method=0, way=URI, flags=0, action=0, payload=b""):
    return bytes([1, host + 8 * way, method + flags, action,
                  len(payload)]) + payload


def reply(kind=2, code=CONTENT, back=0, wrong=0, options=(), payload=b"",
          number=0):
    return bytes([4, back + 16 * number, kind + 16 * code, wrong,
                  len(options) + 4 * len(payload)]) + \
        b"".join(options) + payload


ACKNOWLEDGE, REJECT = reply(2, EMPTY), reply(3, EMPTY)
CLIENT_AGAIN, CLIENT_HOLD, CLIENT_SLEEP = bytes([8, 0]), b"\x0c", b"\x0d\1"
CLIENT_BUSY, CLIENT_BROKEN = bytes([11, 2 * 3]), bytes([11, 2 * 3 + 1])
CANCEL, WAIT = bytes([9, 0]), bytes([10, 0])
WATCH, PULL_20, PULL_100, PULL_1500, BUFFER, LARGE_BUFFER = 1, 2, 4, 6, 8, 24


def ask_more(what, host=HOST_1, method=0, way=STEPS, flags=0, action=0,
             szx=6):
    what += 32 * szx if what != WATCH else 0
    return bytes([16, host + 8 * way, method + flags, what, action])


def serve(count=0, kind=2, back=0, error=0, smaller=False, etag=0, szx=0,
          age=False, silent=False):
    return bytes([18, back, kind + 4 * error + 32 * smaller + 128 * silent,
                  etag + 4 * (not age) + 16 * szx, count])


def subscribe_to(rule, host=HOST_1, call=False, fetch=False, non=False,
                 action=0):
    return bytes([24, host, fetch + 2 * call + 32 * non, action,
                  len(rule)]) + rule.encode()


WITH_ID, MARKED = 64, 128  # of a count of serve; there szx is the value


BY_PEER, BY_NON, BRIEFLY = 8, 32, 64

CLIENT = {
    "piggybacked": node() + ask() + reply(payload=b"21.5"),
    "separate": node() + ask() + ACKNOWLEDGE + client_after(ms=640) +
    reply(CON, number=3) + CLIENT_AGAIN + bytes([8, 1]),
    "separate-before-ack": node() + ask() + reply(CON, number=3) + ACKNOWLEDGE,
    "separate-non": node() + ask() + ACKNOWLEDGE + reply(NON, number=3),
    "non": node() + ask(way=STEPS, flags=BY_NON) + reply(NON),
    "non-reset": node() + ask(way=STEPS, flags=BY_NON) + REJECT,
    "reset": node() + ask() + REJECT,
    "timeout": node(retransmit=2) + ask() + client_not_quite + client_rest * 5,
    "timeout-behind-ack": node() + ask() + ACKNOWLEDGE + client_not_quite +
    client_rest,
    "deadline": node() + ask(way=STEPS, flags=BRIEFLY) + client_not_quite +
    client_rest,
    "late-answer": node(retransmit=1) + ask() + client_rest * 3 + reply() +
    reply(CON, number=5),
    "answered-twice": node() + ask() + reply() + reply() +
    reply(CON, number=4) + reply(NON, number=5),
    "every-method": node() + b"".join(
        ask(method=n, payload=b"x") + reply(code=CHANGED) for n in range(7)),
    "put-steps": node() + ask(HOST_2, 2, STEPS, 16, payload=b"1234") +
    reply(code=CREATED),
    "by-peer": node() + ask(IPV6, 0, STEPS, BY_PEER) + reply(),
    "by-name": node() + ask(NAME) + reply(),
    "by-no-name": node() + ask(NOBODY),
    "ping": node() + ask(way=PING) + REJECT,
    "ping-acknowledged": node() + ask(way=PING) + ACKNOWLEDGE,
    "ping-unheard": node() + ask(way=PING) + client_rest * 6,
    "found-ping-of-a-group": node() + ask(GROUP_4, way=PING),
    "group": node() + ask(GROUP_4) + reply(NON, wrong=8) +
    reply(NON, wrong=16, number=1) + client_rest,
    "group-ipv6": node() + ask(GROUP_6) + reply(NON, wrong=24) + CANCEL,
    "group-nobody": node() + ask(GROUP_4) + client_not_quite + client_rest,
    "group-cancelled-inside": node() + ask(GROUP_4, action=IN_CANCEL) +
    ask(HOST_2) + reply(NON, back=1, wrong=8),
    "from-another": node() + ask() + reply(wrong=1 + 8 * 2),
    "other-id": node() + ask() + reply(wrong=2 + 8),
    "other-token": node() + ask() + reply(wrong=3 + 8) +
    reply(NON, wrong=3 + 16),
    "other-token-con": node() + ask() + reply(CON, wrong=3 + 8),
    "shorter-token": node() + ask() + reply(wrong=4 + 8 * 2),
    "ack-with-payload": node() + ask() + reply(2, EMPTY, wrong=5,
                                               payload=b"x"),
    "critical-in-answer": node() + ask() + reply(options=[
        option(REPLY_IF_MATCH, b"x")]),
    "critical-in-separate": node() + ask() + reply(CON, number=1, options=[
        option(REPLY_IF_MATCH)]) + CLIENT_AGAIN,
    "block-in-answer": node() + ask() + reply(options=[
        option(REPLY_BLOCK2, b"\x0e")]),
    "request-in-answer": node() + ask() + reply(code=8),
    "reserved-in-answer": node() + ask() + reply(code=9) + reply(code=12),
    "class-3-in-answer": node() + ask() + reply(code=10),
    "answer-cut": node(receive=0) + ask() + reply(payload=b"x" * 63),
    "answer-cut-con": node(receive=0) + ask() + reply(
        CON, payload=b"x" * 63, number=1),
    "echo": node() + ask() + reply(code=UNAUTHORIZED, options=[
        option(REPLY_ECHO, b"12345678")]) + reply(),
    "echo-twice": node() + ask(method=1, payload=b"x") + reply(
        code=UNAUTHORIZED, options=[option(REPLY_ECHO, b"1")]) + reply(
            code=UNAUTHORIZED, options=[option(REPLY_ECHO, b"2")]),
    "echo-no-room": node(packet=0) + ask(payload=b"x" * 20) + reply(
        code=UNAUTHORIZED, options=[option(REPLY_ECHO, b"123456789")]),
    "echo-separate": node() + ask() + ACKNOWLEDGE + reply(
        CON, UNAUTHORIZED, number=1, options=[option(REPLY_ECHO, b"1")]) +
    CLIENT_AGAIN + reply(),
    "one-behind-another": node() + ask() + ask() + reply() + reply(),
    "one-behind-another-that-ends": node(retransmit=1) + ask() + ask() +
    client_rest * 6,
    "nstart-2": node(nstart=2) + ask() * 3 + reply(back=1) + reply(),
    "two-peers": node() + ask(HOST_1) + ask(HOST_1_PORT) + reply(back=1) +
    reply(),
    "probing-rate": node() + ask(way=STEPS, flags=BY_NON) * 3 +
    client_not_quite + client_rest * 4,
    "full": node(slots=3) + ask() * 3 + reply() + ask(),
    "too-large": node(packet=0) + ask(payload=b"x" * 60),
    "cancel": node() + ask() + CANCEL + client_rest + reply(),
    "cancel-in-line": node() + ask() * 2 + bytes([9, 1]) + reply(),
    "cancel-nobody": node() + bytes([13, 0, 0, 9]),
    "ask-inside": node() + ask(action=IN_ASK) + reply() + reply(),
    "cancel-inside": node() + ask(action=IN_CANCEL) + ask(HOST_2) +
    reply(back=1),
    "cancel-itself-inside": node() + ask(action=IN_CANCEL_SELF) + reply(),
    "wait-inside": node() + ask(action=IN_WAIT) + reply(),
    "wait": node() + ask() + WAIT,
    "wait-in-line": node() + ask() * 2 + bytes([10, 1]),
    "busy": node() + CLIENT_BUSY + ask() + client_rest * 3 + reply(),
    "broken": node() + CLIENT_BROKEN + ask() + ask(),
    "broken-in-line": node() + ask() * 2 + CLIENT_BROKEN + reply(),
    "broken-and-asks-inside": node() + ask(HOST_2) + CLIENT_BROKEN +
    ask(action=IN_ASK) + client_rest,
    "broken-later": node() + ask() + CLIENT_BROKEN + client_rest,
    "burst": node() + ask() + CLIENT_HOLD + b"".join(
        reply(CON, wrong=3 + 8, number=n) for n in range(11)) + client_rest,
    "deep-sleep": node() + ask() + CLIENT_SLEEP + client_rest +
    CLIENT_SLEEP + reply(),
    "clock-wraps": node(clock=255) + ask() + client_not_quite +
    client_rest * 2 + reply(),
    "by-upcall": node(pushes=True) + ask() + ACKNOWLEDGE + reply(
        CON, number=1) + CLIENT_AGAIN,
    "server-as-well": node() + ask() + datagram("40011234 b3616e79") + reply(),
    "download": node() + ask() + serve(3) + serve(3) + serve(3),
    "download-whole": node() + ask_more(LARGE_BUFFER) + serve(4) * 4,
    "download-too-large": node() + ask_more(BUFFER) + serve(4) * 4,
    "download-changes": node() + ask_more(LARGE_BUFFER) + serve(3) +
    serve(3, etag=1) + serve(3, etag=1) * 3,
    "download-smaller": node() + ask_more(LARGE_BUFFER) + serve(4, szx=2) * 4,
    "download-becomes-error": node() + ask_more(LARGE_BUFFER) + serve(4) +
    serve(4, error=6),
    "download-separate": node() + ask() + ACKNOWLEDGE + serve(2, kind=0) +
    CLIENT_AGAIN + serve(2),
    "download-without-end": node() + ask() + serve(63) * 20,
    "download-lost": node(retransmit=1) + ask() + serve(3) + client_rest * 4,
    "download-cancelled": node() + ask() + serve(3) + CANCEL + serve(3),
    "upload": node() + ask_more(PULL_100, method=1, szx=1) + serve() * 4,
    "upload-small-packet": node(packet=1) + ask_more(PULL_100, method=2) +
    serve() * 7,
    "upload-smaller": node() + ask_more(PULL_1500, method=2) +
    serve(error=7, smaller=True) + serve() * 3,
    "upload-too-large": node() + ask_more(PULL_1500, method=2) +
    serve(error=7),
    "upload-of-one-piece": node() + ask_more(PULL_20, method=2) + serve(),
    "upload-download": node() + ask_more(
        PULL_100 + LARGE_BUFFER, method=1, szx=2) + serve(3) * 6,
    "upload-found-too-long": node(1, 3) + ask_more(
        PULL_100, method=2, flags=16, szx=1) + serve(),
    "observe": node() + ask_more(WATCH, way=URI) + serve(1) +
    serve(1, kind=0) + serve(1, kind=1) + client_rest,
    "observe-cancel": node() + ask_more(WATCH, way=URI) + serve(1) + CANCEL +
    serve(1),
    "found-observe-cancel-large": node() + ask_more(WATCH, way=URI) +
    serve(1) + CANCEL + serve(3, kind=1) + serve(3),
    "found-reset-before-it-left": node() + CLIENT_BUSY + ask() +
    datagram("7000 5e2c") + client_rest,
    "found-ping-overtakes": node(nstart=2) + bytes([11, 2 * 2]) +
    ask(way=PING) + ask(way=PING) + CANCEL,
    "found-echo-near-the-deadline": node() + ask(way=STEPS, flags=BRIEFLY) +
    client_after(ms=320) + reply(code=UNAUTHORIZED, options=[
        option(REPLY_ECHO, b"x")]) + client_rest,
    "found-observe-cancel-by-chance": node() + ask_more(WATCH, way=URI) +
    serve(1) + CANCEL + bytes([13, 0, 255, 255]),
    "observe-cancel-inside": node() + ask_more(
        WATCH, way=URI, action=IN_CANCEL) + serve(1) + client_rest,
    "observe-not-fresh": node() + ask_more(WATCH, way=URI) + serve(
        1, age=True) + client_rest + serve(1) + client_not_quite + client_rest,
    "observe-late-one": node() + ask_more(WATCH, way=URI) + serve(1) +
    serve(1, kind=0) + CLIENT_AGAIN + bytes([8, 1]),
    "observe-error": node() + ask_more(WATCH, way=URI) + serve(1) +
    serve(kind=0, error=6),
    "observe-refused": node() + ask_more(WATCH, way=URI) + serve(
        1, silent=True),
    "observe-large": node() + ask_more(WATCH + LARGE_BUFFER) + serve(3) +
    serve(3) + serve(3) + serve(3, kind=0, back=2, etag=1) + serve(
        3, etag=1) * 2,
    "observe-large-changes": node() + ask_more(WATCH + LARGE_BUFFER) +
    serve(3) + serve(3, kind=0, back=1, etag=1) + serve(3) + serve(3, etag=1),
    "observe-reset": node() + ask_more(WATCH, way=URI) + serve(1) + CANCEL +
    serve(1, kind=1, back=1) + serve(1, kind=0, back=1),
    "subscribe": node() + subscribe_to("> 8 pmax 60") + serve(
        1 + WITH_ID) + serve(1 + MARKED, kind=0) + serve(
            1 + WITH_ID, kind=1) + client_rest + CANCEL + serve(),
    "subscribe-call": node() + subscribe_to(
        "> 8", HOST_2, call=True, fetch=True, non=True) + serve(
            1 + WITH_ID, kind=1) + serve(1 + MARKED, kind=1) + CANCEL +
    serve(kind=1),
    "subscribe-plain": node() + subscribe_to("> 8") + serve(1) + serve(
        1, kind=0, szx=9) + serve(1, kind=0, szx=3) + serve(
            1, kind=1, szx=10) + CANCEL + serve(1),
    "subscribe-plain-times": node() + subscribe_to(
        "when > 8 pmin 5 pmax 60") + serve(1) + serve(
            1, kind=0, szx=9) + client_not_quite + client_rest + serve(
                1, szx=9) + client_rest + serve(1, szx=9),
    "subscribe-plain-past": node() + subscribe_to(
        "delta >= 5 or changed") + serve(1) + serve(1, kind=0, szx=5) + serve(
            1, kind=0, szx=5),
    "subscribe-large": node() + subscribe_to("> 8") + serve(3) + serve(
        3) * 2 + serve(3, kind=0, back=2, etag=1) + serve(3, etag=1) * 2,
    "subscribe-refused": node() + subscribe_to("> >") + subscribe_to(
        "(" * 40) + subscribe_to("n > 1") + serve(error=6),
    "subscribe-not-fresh": node() + subscribe_to("pmax 9") + serve(
        1 + WITH_ID, age=True) + client_rest + serve(1) + client_rest,
    "subscribe-becomes-plain": node() + subscribe_to("> 8") + serve(
        1 + WITH_ID) + serve(1, kind=0, szx=9) + serve(
            1 + WITH_ID, kind=0) + client_rest + serve(1),
    "subscribe-cancel-inside": node() + subscribe_to(
        "> 8", action=IN_CANCEL) + serve(1 + WITH_ID) + client_rest,
    "subscribe-timeout": node(retransmit=1) + subscribe_to("") +
    client_rest * 4,
    "subscribe-name": node() + subscribe_to("> 8", NOBODY) + client_rest * 4,
    "search": node() + ask(NOBODY) + reply(NON, wrong=16, options=[
        option(REPLY_DISCOVERY, b"nobody")]) + reply(),
    "search-others": node() + ask(NOBODY) + reply(NON, wrong=16, options=[
        option(REPLY_DISCOVERY, b"node2")]) + client_rest * 4,
}


def rule(text, payload=b"", table=0, form=0):
    """A rule on a table of fields (1 several, 2 single), or on a payload in
    format `form` (0 text, 1 JSON, 2 CBOR, 3 and 4 SenML)."""
    text = text.encode("utf-8")
    if isinstance(payload, str):
        payload = payload.encode("utf-8")
    return bytes([table + 4 * form, len(text)]) + text + payload


RULES = {
    "level": rule("temp > 20 and hum < 50", table=1),
    "level-payload": rule("temp > 20 and hum < 50", "temp=21.5 hum=40"),
    "own": rule("> 20 and < 30", "21.5"),
    "own-row": rule("> 20 or value = 3", table=2),
    "when": rule("when temp > 30 until temp < 28 pmin 5 pmax 60", table=1),
    "past": rule("changed(mode) or delta(temp) >= 0.5 or old(on)", table=1),
    "past-payload": rule("changed or old = 'x' or delta > 1", "x"),
    "nested": rule("(" * 16 + "on" + ")" * 16, "on=true"),
    "refuse-deep": rule("(" * 17 + "on" + ")" * 17, "on=true"),
    "nots": rule("!not!!not(!a)", "a=1"),
    "kleene": rule("gone and true or not(gone or false)&&''||0", ""),
    "empty": rule("", "1"),
    "times": rule("pmax 2000000 pmin 0.001", "1"),
    "texts": rule("mode='living room'or\"it's\"<mode", "mode=\"it\\\"s\""),
    "long-text": rule("old(a)<'abcdefghijk' or changed(a)",
                      "a=abcdefghijklmnop"),
    "numbers": rule("a<-0.00 or 4.29496729<=b", "a=-4294967296.5 b=1e99"),
    "json": rule("a.b/c = 1 and x", '{"a":{"b":{"c":1}},"x":[{"a":"]"}]}',
                 form=1),
    "json-escapes": rule("a='\u00e4\"'", '{"a":"\\u00e4\\""}', form=1),
    "json-own": rule("= true", " true ", form=1),
    "json-cut": rule("b", '{"a":[1,2', form=1),
    "cbor": rule("a.b=1 or b", bytes.fromhex("a2 6161 a1 6162 01 6162 f5"),
                 form=2),
    "cbor-open": rule("a.b=1", bytes.fromhex("bf6161bf616201ffff"), form=2),
    "cbor-pieces": rule("b", bytes.fromhex("a261615f41784179ff616201"),
                        form=2),
    "cbor-wide": rule("a>b", bytes.fromhex(
        "a261611b00000001 2a05f200 6162 c482093affffffff"), form=2),
    "cbor-floats": rule("a>1 or b>1", bytes.fromhex(
        "a26161f93e006162fb40355999 9999999a"), form=2),
    "cbor-deep": rule("a", b"\x81" * 40, form=2),
    "senml": rule("d/a=21.5 or d/b='x' or d/c",
                  '[{"bn":"d/","bv":20,"n":"a","v":1.5},'
                  '{"n":"b","vs":"x"},{"n":"c","vb":true}]', form=3),
    "senml-cbor": rule("d/a=3", bytes.fromhex("81a421 62642f 2402 00616102 01"),
                       form=4),
    "refuse-unknown": rule("hum and tmp > 20", table=1),
    "refuse-number": rule("a > 20and b", "a=1"),
    "refuse-quote": rule("a = 'x", "a=1"),
    "refuse-times": rule("pmin 2 pmax 1", "1"),
    "refuse-old-cut": rule("old(\x08"),
    "refuse-olds": rule("old(a)=old(b)or old(c)=old(d)or old(e)", "a=1"),
    "contrary": rule("a<1 or b and c=2", "a=1 b=x"),
}


# ==== Lines of bytes, with the size of the buffer before them =================
# From size 80 on, each frame is given its check.

CLIENT_1 = "01 1633 7f000001"

LINES = {
    "nothing": "20",
    "empty-frames": "20 c0c0c0",
    "bare": "a0 c0 40011234 c0",
    "peer": "a0 c0" + CLIENT_1 + "40011234 c0",
    "group": "a0 c0 11 1633 c0a80001 50011234 c0",
    "other": "a0 c0 03 0000 00000007 40011234 c0",
    "two": "a0 c0" + CLIENT_1 + "40011234 c0 c0" + CLIENT_1 + "60001234 c0",
    "two-with-one-end": "a0 c0" + CLIENT_1 + "40 c0" + CLIENT_1 + "41 c0",
    "escapes": "a0 c0 01 dbdc33 dbdddbdc0001 40 dbdc dbdd c0",
    "exact": "81 c0" + CLIENT_1 + "4001123433323130 c0",
    "overlong": "08 c0" + CLIENT_1 + "40011234b474656d70c0 40011234 c0",
    "cut": "80 c0" + CLIENT_1 + "4401123401020304b474656d70 c0" + CLIENT_1
           + "40011234 c0",
    "cut-within-the-check": "80 c0" + CLIENT_1 + "40011234ff303132 c0",
    "no-buffer": "00 c0 40011234 c0",
    "begins-in-the-middle": "a0 6d70 c0" + CLIENT_1 + "40011234 c0",
    "ends-in-the-middle": "20 c0 40011234",
    "wrong-check": "20 c0" + CLIENT_1 + "40011234 1234 c0",
    "right-check": "20 c0 313233343536373839 6e90 c0",
    "wrong-escape": "a0 c0 4001db41 c0" + CLIENT_1 + "40011234 c0",
    "escape-then-end": "20 c0 4001db c0 40011234 c0",
    "escape-twice": "20 c0 4001dbdbdc c0 40011234 c0",
    "text": "a0 c0 0a68656c6c6f c0" + CLIENT_1 + "40011234 c0",
    "no-such-kind": "a0 c0 02 1633 7f000001 40011234 c0",
    "header-alone": "a0 c0" + CLIENT_1 + "c0",
    "header-cut": "a0 c0 0116337f c0",
}


def write(harness, seeds):
    folder = os.path.join(HERE, "corpus", harness)
    os.makedirs(folder, exist_ok=True)
    for name in os.listdir(folder):
        os.remove(os.path.join(folder, name))
    for name, seed in seeds.items():
        data = seed if isinstance(seed, bytes) else seed.encode("utf-8")
        with open(os.path.join(folder, name), "wb") as file:
            file.write(data)
    print(harness, len(seeds))


def from_hex(seeds):
    return {name: bytes.fromhex(seed.replace(" ", ""))
            for name, seed in seeds.items()}


write("message", from_hex(MESSAGES))
write("build", PROGRAMS)
write("uri", URIS)
write("links", LINKS)
write("fields", FIELDS)
write("server", SERVER)
write("client", CLIENT)
write("rules", RULES)
write("slip", from_hex(LINES))
