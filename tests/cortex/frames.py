#!/usr/bin/env python3
"""The LM3S6965 image at a cable of ours: what it says to frames that its
driver and net.h should know, and to frames that lie.

    frames.py FIRMWARE.elf WORK_DIRECTORY

QEMU hands each frame over as a datagram of a socket in that directory.
"""
import itertools
import os
import random
import socket
import struct
import subprocess
import sys
import time

CHIP, OURS, GROUP = (bytes(a) for a in ((10, 0, 2, 15), (10, 0, 2, 9),
                                        (224, 0, 1, 187)))
NOBODY = bytes(4)
CHIP_MAC = bytes.fromhex('525400123456')
OUR_MAC = bytes.fromhex('020000000009')
EVERYONE = b'\xff' * 6
GROUP_MAC = bytes.fromhex('01005e0001bb')
PORT = 5683
COUNTS = {True: 0, False: 0}


def verdict(name, truth, detail=''):
    COUNTS[bool(truth)] += 1
    print(('ok - ' if truth else 'not ok - ') + name, flush=True)
    if not truth and detail:
        print('    ' + str(detail)[:400])


# ---- what frames are made of -------------------------------------------------

def checksum(data):
    data += b'\0' * (len(data) % 2)
    total = sum(struct.unpack('>%dH' % (len(data) // 2), data))
    while total >> 16:
        total = (total & 0xffff) + (total >> 16)
    return total ^ 0xffff


def ethernet(kind, body, to=CHIP_MAC):
    return to + OUR_MAC + struct.pack('>H', kind) + body


def arp(asked, operation=1, sender=OURS, to=EVERYONE):
    return ethernet(0x0806, struct.pack('>HHBBH', 1, 0x0800, 6, 4, operation)
                    + OUR_MAC + sender + bytes(6) + asked, to)


def ip(protocol, body, target=CHIP, options=b'', sender=OURS, **wrong):
    """An IPv4 packet; what is wrong replaces a field of its header."""
    head = 5 + len(options) // 4
    fields = {'version': 0x40 | head, 'total': head * 4 + len(body),
              'fragment': 0, 'sum': None, **wrong}
    packet = struct.pack('>BBHHHBBH', fields['version'], 0, fields['total'], 1,
                         fields['fragment'], 64, protocol, 0)
    packet += sender + target + options
    if fields['sum'] is None:
        fields['sum'] = checksum(packet)
    packet = packet[:10] + struct.pack('>H', fields['sum']) + packet[12:]
    to = GROUP_MAC if target == GROUP else CHIP_MAC
    return ethernet(0x0800, packet + body, to)


def udp(body, target=CHIP, **wrong):
    fields = {'length': 8 + len(body), 'sum': None, 'port': PORT,
              'from_port': 40000, **wrong}
    head = struct.pack('>HHH', fields['from_port'], fields['port'],
                       fields['length'])
    pseudo = OURS + target + struct.pack('>HH', 17, 8 + len(body))
    if fields['sum'] is None:
        fields['sum'] = checksum(pseudo + head + b'\0\0' + body) or 0xffff
    return head + struct.pack('>H', fields['sum']) + body


def ping(data, **wrong):
    head = struct.pack('>BBHHH', 8, 0, 0, 77, 1)
    total = wrong.get('sum', checksum(head + data))
    return head[:2] + struct.pack('>H', total) + head[4:] + data


TOKENS = itertools.count(1)


def option(delta, value):
    """One of up to 12 bytes."""
    if delta < 13:
        return bytes([delta << 4 | len(value)]) + value
    return struct.pack('>BH', 0xe0 | len(value), delta - 269) + value


def get(path, discovery=b'', observe=False):
    """A NON GET with a token of its own: the token, and the message."""
    token = struct.pack('>H', next(TOKENS))
    message = bytes([0x52, 1]) + token + token
    number = 0
    if observe:
        message += option(6, b'')
        number = 6
    for segment in path.split('/'):
        message += option(11 - number, segment.encode())
        number = 11
    if discovery:
        message += option(300 - number, discovery)
    return token, message


# ---- the cable ---------------------------------------------------------------

class Cable:
    def __init__(self, firmware, work):
        near, far = (os.path.join(work, name) for name in ('near', 'far'))
        for path in (near, far):
            if os.path.exists(path):
                os.unlink(path)
        self.far = far
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(near)
        self.machine = subprocess.Popen(
            ['qemu-system-arm', '-M', 'lm3s6965evb', '-display', 'none',
             '-monitor', 'none', '-serial', 'none', '-kernel', firmware,
             '-net', 'nic,netdev=cable', '-netdev',
             'dgram,id=cable,local.type=unix,local.path=' + far +
             ',remote.type=unix,remote.path=' + near],
            stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def send(self, frame):
        self.socket.sendto(frame, self.far)

    def frames(self, seconds):
        """What comes within so long."""
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            self.socket.settimeout(left)
            try:
                yield self.socket.recv(2048)
            except socket.timeout:
                return

    def wait(self, condition, seconds=10):
        """The first frame of which this is true."""
        return next(filter(condition, self.frames(seconds)), None)

    def ask(self, frame, condition):
        self.send(frame)
        return self.wait(condition)


def is_arp(operation, sender, target):
    return lambda f: (f[12:14] == b'\x08\x06' and f[20:22] == bytes(
        (0, operation)) and f[28:32] == sender and f[38:42] == target)


def is_answer(token):
    """To whom it belongs, and all its sums and lengths right."""
    def condition(f):
        if f[12:14] != b'\x08\0' or f[23] != 17 or f[46:48] != token:
            return False
        total, size = struct.unpack('>H', f[16:18])[0], f[38:40]
        body = f[34:14 + total]
        pseudo = f[26:34] + b'\0\x11' + size
        return (f[:6] == OUR_MAC and f[6:12] == CHIP_MAC and f[14] == 0x45
                and f[26:34] == CHIP + OURS and checksum(f[14:34]) == 0
                and size == struct.pack('>H', len(body))
                and checksum(pseudo + body) == 0
                and f[34:38] == struct.pack('>HH', PORT, 40000))
    return condition


def is_pong(data):
    return lambda f: (f[23:24] == b'\x01' and f[34:36] == b'\0\0' and
                      checksum(f[14:34]) == 0 and
                      checksum(f[34:42 + len(data)]) == 0 and
                      f[42:42 + len(data)] == data)


# ---- what is asked -----------------------------------------------------------

PONGS = itertools.count(1)


def is_alive(cable, before=None):
    """It answers; what it said before that goes to a list."""
    data = b'alive %d' % next(PONGS)
    cable.send(ip(1, ping(data)))
    for frame in cable.frames(10):
        if is_pong(data)(frame):
            return True
        if before is not None:
            before.append(frame)
    return False


def check_arp(cable):
    frame = cable.wait(is_arp(1, CHIP, CHIP))
    verdict('ARP: announces itself', frame and frame[:6] == EVERYONE and
            frame[6:12] == frame[22:28] == CHIP_MAC)
    frame = cable.ask(arp(CHIP), is_arp(2, CHIP, OURS))
    verdict('ARP: answers', frame and frame[:6] == OUR_MAC and
            frame[22:28] == CHIP_MAC and frame[32:38] == OUR_MAC)
    frame = cable.ask(arp(CHIP, sender=NOBODY), is_arp(2, CHIP, NOBODY))
    verdict('ARP: answers a probe', frame)
    cable.send(arp(bytes((10, 0, 2, 16))))
    cable.send(arp(CHIP, operation=2))
    verdict('ARP: silent where another is meant', not cable.wait(
        lambda f: f[12:14] == b'\x08\x06', 0.2))


def check_ping(cable):
    for data in b'', b'x', bytes(range(256)), b'.' * 1472:
        verdict('ping with %d bytes' % len(data),
                cable.ask(ip(1, ping(data)), is_pong(data)))
    cable.send(ip(1, ping(b'damaged', sum=1)))
    cable.send(ip(1, ping(b'all of you'), target=GROUP))
    verdict('no ping that is damaged, or to a group',
            not cable.wait(is_pong(b''), 0.2))


def check_udp(cable):
    token, message = get('climate')
    frame = cable.ask(ip(17, udp(message)), is_answer(token))
    verdict('UDP: answered', frame and b'temp=' in frame)
    token, message = get('climate')
    verdict('UDP: a header with options', cable.ask(
        ip(17, udp(message), options=b'\x94\4\0\0' * 10), is_answer(token)))
    token, message = get('climate')
    verdict('UDP: no checksum', cable.ask(
        ip(17, udp(message, sum=0)), is_answer(token)))
    token, message = get('climate')
    verdict('UDP: bytes behind the packet', cable.ask(
        ip(17, udp(message)) + b'padding', is_answer(token)))
    token, message = get('large')
    frame = cable.ask(ip(17, udp(message)), is_answer(token))
    verdict('UDP: as much as a packet holds', frame and len(frame) > 1024)


def lies():
    """Names and frames that must be passed over, all with a request in it."""
    body = udp(get('climate')[1])
    beyond = udp(get('climate')[1], length=len(body) + 1, sum=0)
    shorter = udp(get('climate')[1], length=7, sum=0)
    yield 'a wrong IP checksum', ip(17, body, sum=1)
    yield 'a wrong UDP checksum', ip(17, udp(get('climate')[1], sum=1))
    yield 'a header of 16 bytes', ip(17, body, version=0x44)
    yield 'a header beyond the packet', ip(17, body, version=0x4f)
    yield 'IPv6', ip(17, body, version=0x65)
    yield 'a packet beyond the frame', ip(17, body, total=len(body) + 21)
    yield 'a packet shorter than its header', ip(17, body, total=19)
    yield 'a packet without bytes', ip(17, b'', total=20)
    yield 'UDP beyond its packet', ip(17, beyond)
    yield 'UDP shorter than its header', ip(17, shorter)
    yield 'a first fragment', ip(17, body, fragment=0x2000)
    yield 'a last fragment', ip(17, body, fragment=0x0010)
    yield 'another port', ip(17, udp(get('climate')[1], port=5684))
    yield 'another host', ip(17, udp(get('climate')[1], bytes((10, 0, 2, 16))),
                             bytes((10, 0, 2, 16)))
    yield 'another group', ip(17, udp(get('climate')[1], bytes((224, 0, 0, 1))),
                              bytes((224, 0, 0, 1)))
    yield 'TCP', ip(6, body)
    for name, sender in (('a group', GROUP), ('everyone', b'\xff' * 4),
                         ('nobody', NOBODY), ('this very chip', CHIP)):
        yield 'sent by ' + name, ip(17, udp(get('climate')[1], sum=0),
                                    sender=sender)


def check_lies(cable):
    for name, frame in lies():
        heard = []
        cable.send(frame)
        alive = is_alive(cable, heard)
        heard += cable.frames(0.05)
        verdict('passed over: ' + name, alive and not heard, heard)


def check_cuts(cable):
    """Frames that end early, wherever."""
    whole = ip(17, udp(get('climate')[1]), options=b'\1' * 8)
    for size in range(1, len(whole)):
        cable.send(whole[:size])
        if size % 8 == 0 and not is_alive(cable):
            break
    verdict('frames cut to each length', is_alive(cable))


def check_noise(cable):
    """Frames with some bytes replaced, half of them with right sums."""
    chance = random.Random(7252)
    alive = True
    for i in range(1500):
        message = bytearray(get('climate')[1] + b'\xff' + b'.' * (i % 40))
        message[chance.randrange(len(message))] = chance.randrange(256)
        frame = bytearray(chance.choice((
            ip(17, udp(bytes(message))), ip(1, ping(bytes(message))),
            arp(CHIP), ip(17, udp(bytes(message)), options=b'\1' * 4))))
        for _ in range(chance.randrange(4)):
            frame[chance.randrange(12, len(frame))] = chance.randrange(256)
        cable.send(bytes(frame))
        if i % 8 == 0:
            alive = alive and is_alive(cable)
    verdict('1500 frames with some bytes replaced', alive and is_alive(cable))


def check_neighbours(cable):
    """An observer whom it has forgotten is asked for; a client far away is
    answered by way of the router, which it knows by then."""
    token, message = get('climate', observe=True)
    cable.ask(ip(17, udp(message)), is_answer(token))
    for i in range(9):
        near = bytes((10, 0, 2, 100 + i))
        cable.ask(arp(CHIP, sender=near), is_arp(2, CHIP, near))
    verdict('ARP: asks for an observer whom it has forgotten',
            cable.wait(is_arp(1, CHIP, OURS)))
    verdict('... and notifies it',
            cable.ask(arp(CHIP, operation=2), is_answer(token)))
    verdict('a client far away is answered',
            cable.ask(ip(1, ping(b'far'), sender=bytes((192, 0, 2, 1))),
                      is_pong(b'far')))


def check_group(cable):
    meant, message = get('.well-known/core', b'node1.local')
    other, to_other = get('.well-known/core', b'node2.local')
    cable.send(ip(17, udp(to_other, GROUP), GROUP))
    frame = cable.ask(ip(17, udp(message, GROUP), GROUP), is_answer(meant))
    verdict('a group: found by its name', frame and b'</climate>' in frame)
    verdict('a group: silent where another is meant',
            not cable.wait(is_answer(other), 1))


def main():
    cable = Cable(*sys.argv[1:3])
    try:
        for check in (check_arp, check_ping, check_udp, check_lies, check_cuts,
                      check_noise, check_neighbours, check_group):
            check(cable)
    finally:
        cable.machine.terminate()
        cable.machine.wait()
    print('%d passed, %d failed' % (COUNTS[True], COUNTS[False]))
    sys.exit(COUNTS[False] > 0)


if __name__ == '__main__':
    main()
