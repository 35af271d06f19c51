#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""TCP for faults. usage: tcp.py serve ADDRESS PORT SECONDS          read and forget, any number of peers
                          tcp.py send SECONDS ADDRESS PORT [ADDRESS PORT]...   write small records to each peer
                          tcp.py listen-only ADDRESS PORT BACKLOG SECONDS      never accept
                          tcp.py connect ADDRESS PORT TIMES PAUSE              connect, ignore errors
                          tcp.py knock ADDRESS PORT TIMES PATIENCE             connect, give up after PATIENCE seconds
                          tcp.py use-up ADDRESS PORT TIMES PAUSE               connect, keep what succeeds, go on
                          tcp.py tick SECONDS ADDRESS PORT [ADDRESS PORT]...   write 100 bytes to each peer five times a second
                          tcp.py bulk SECONDS ADDRESS PORT                     write as much as goes
                          tcp.py read-slowly ADDRESS PORT SECONDS PAUSE        read 64 KiB, pause, of one peer
                          tcp.py deaf ADDRESS PORT SECONDS FILE                read until FILE is there, then no more"""
import os
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


def send(seconds, peers, record=1200, pause=0.003):
    end = time.monotonic() + seconds
    sockets = [socket.create_connection(peer, timeout=10) for peer in peers]
    for s in sockets:
        s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        s.settimeout(20)
    while time.monotonic() < end:
        for s in sockets:
            s.sendall(b"x" * record)
        time.sleep(pause)


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


def knock(address, port, times, patience):
    for _ in range(times):
        begin = time.monotonic()
        try:
            socket.create_connection((address, port), timeout=patience).close()
        except OSError:
            pass
        time.sleep(max(0.0, begin + patience - time.monotonic()))


def use_up(address, port, times, pause):
    kept = []
    for _ in range(times):
        try:
            kept.append(socket.create_connection((address, port), timeout=5))
        except OSError:
            time.sleep(pause)
    time.sleep(1)


def bulk(seconds, address, port):
    end = time.monotonic() + seconds
    s = socket.create_connection((address, port), timeout=10)
    s.settimeout(seconds + 60)
    data = b"x" * (1 << 20)
    while time.monotonic() < end:
        s.sendall(data)


def read_slowly(address, port, seconds, pause):
    end = time.monotonic() + seconds
    peer, _ = socket.create_server((address, port)).accept()
    while time.monotonic() < end and peer.recv(65536):
        time.sleep(pause)


def deaf(address, port, seconds, path):
    end = time.monotonic() + seconds
    peer, _ = socket.create_server((address, port)).accept()
    while time.monotonic() < end:
        if os.path.exists(path):
            time.sleep(0.2)
        else:
            peer.recv(65536)


def main():
    verb, words = sys.argv[1], sys.argv[2:]
    if verb == "serve":
        serve(words[0], int(words[1]), float(words[2]))
    elif verb == "send":
        send(float(words[0]), [(a, int(p)) for a, p in zip(words[1::2], words[2::2])])
    elif verb == "tick":
        send(float(words[0]), [(a, int(p)) for a, p in zip(words[1::2], words[2::2])], record=100, pause=0.2)
    elif verb == "listen-only":
        listen_only(words[0], int(words[1]), int(words[2]), float(words[3]))
    elif verb == "connect":
        connect(words[0], int(words[1]), int(words[2]), float(words[3]))
    elif verb == "knock":
        knock(words[0], int(words[1]), int(words[2]), float(words[3]))
    elif verb == "use-up":
        use_up(words[0], int(words[1]), int(words[2]), float(words[3]))
    elif verb == "bulk":
        bulk(float(words[0]), words[1], int(words[2]))
    elif verb == "read-slowly":
        read_slowly(words[0], int(words[1]), float(words[2]), float(words[3]))
    elif verb == "deaf":
        deaf(words[0], int(words[1]), float(words[2]), words[3])
    else:
        sys.exit(__doc__)


if __name__ == "__main__":
    main()
