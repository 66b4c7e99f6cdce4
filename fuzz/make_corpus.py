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
