#!/usr/bin/env python3
"""A network that loses datagrams, in front of a server on this machine:

    lossy.py TARGET_PORT [--loss PERCENT] [--seed N] [--port PORT]

Each client has a socket of its own towards the server, so that the server can
tell them apart. SIGTERM ends it; it then prints how many went each way, and
how many of them were lost.
"""
import argparse
import random
import selectors
import signal
import socket
import sys

HERE = '127.0.0.1'


class Way:
    """One of the two directions."""

    def __init__(self, loss, chance):
        self.loss, self.chance = loss, chance
        self.count = self.lost = 0

    def is_lost(self):
        self.count += 1
        lost = self.chance.randrange(100) < self.loss
        self.lost += lost
        return lost


def udp(connect):
    """A socket that does not mind who is not there (yet)."""
    made = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    made.setblocking(False)
    connect(made)
    return made


def receive(sock):
    """All that waits in a socket."""
    while True:
        try:
            yield sock.recvfrom(65536)
        except BlockingIOError:
            return
        except ConnectionRefusedError:
            continue


def send(sock, data, *where):
    try:
        sock.sendto(data, *where) if where else sock.send(data)
    except (BlockingIOError, ConnectionRefusedError):
        pass


def serve(options, to_server, to_client):
    front = udp(lambda s: s.bind((HERE, options.port)))
    sockets, clients = {}, {}
    ready = selectors.DefaultSelector()
    ready.register(front, selectors.EVENT_READ)
    print('listening on %s:%d' % front.getsockname(), flush=True)
    while True:
        for key, _ in ready.select():
            sock = key.fileobj
            for data, client in receive(sock):
                if sock is not front:
                    if not to_client.is_lost():
                        send(front, data, clients[sock])
                    continue
                if client not in sockets:
                    sockets[client] = udp(
                        lambda s: s.connect((HERE, options.target)))
                    clients[sockets[client]] = client
                    ready.register(sockets[client], selectors.EVENT_READ)
                if not to_server.is_lost():
                    send(sockets[client], data)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument('target', type=int)
    parser.add_argument('--loss', type=int, default=0)
    parser.add_argument('--seed', type=int, default=0)
    parser.add_argument('--port', type=int, default=0)
    options = parser.parse_args()
    chance = random.Random(options.seed)
    ways = [Way(options.loss, chance), Way(options.loss, chance)]
    signal.signal(signal.SIGTERM, lambda *_: sys.exit())
    try:
        serve(options, *ways)
    finally:
        print('to the server %d, lost %d; from it %d, lost %d' %
              (ways[0].count, ways[0].lost, ways[1].count, ways[1].lost))


if __name__ == '__main__':
    main()
