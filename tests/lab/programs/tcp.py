#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""TCP for faults. usage: tcp.py serve ADDRESS PORT SECONDS          read and forget, any number of peers
                          tcp.py send SECONDS ADDRESS PORT [ADDRESS PORT]...   write small records to each peer
                          tcp.py listen-only ADDRESS PORT BACKLOG SECONDS      never accept
                          tcp.py connect ADDRESS PORT TIMES PAUSE              connect, ignore errors"""
import selectors
import socket
import sys
import time


def serve(address, port, seconds):
    end = time.monotonic() + seconds
    selector = selectors.DefaultSelector()
    listener = socket.create_server((address, port), backlog=64)
    selector.register(listener, selectors.EVENT_READ)
    while time.monotonic() < end:
        for key, _ in selector.select(0.2):
            if key.fileobj is listener:
                peer, _ = listener.accept()
                selector.register(peer, selectors.EVENT_READ)
            elif not key.fileobj.recv(65536):
                selector.unregister(key.fileobj)
                key.fileobj.close()


def send(seconds, peers):
    end = time.monotonic() + seconds
    sockets = [socket.create_connection(peer, timeout=10) for peer in peers]
    for s in sockets:
        s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        s.settimeout(20)
    while time.monotonic() < end:
        for s in sockets:
            s.sendall(b"x" * 1200)
        time.sleep(0.003)


def listen_only(address, port, backlog, seconds):
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind((address, port))
    listener.listen(backlog)
    time.sleep(seconds)


def connect(address, port, times, pause):
    kept = []
    for _ in range(times):
        s = socket.socket()
        s.setblocking(False)
        s.connect_ex((address, port))
        kept.append(s)
        time.sleep(pause)


def main():
    verb, words = sys.argv[1], sys.argv[2:]
    if verb == "serve":
        serve(words[0], int(words[1]), float(words[2]))
    elif verb == "send":
        send(float(words[0]), [(a, int(p)) for a, p in zip(words[1::2], words[2::2])])
    elif verb == "listen-only":
        listen_only(words[0], int(words[1]), int(words[2]), float(words[3]))
    elif verb == "connect":
        connect(words[0], int(words[1]), int(words[2]), float(words[3]))
    else:
        sys.exit(__doc__)


if __name__ == "__main__":
    main()
