#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""A name server with a will of its own, and who asks it as the C library does. usage:
dns.py serve ADDRESS DELAY_FILE    answers "no such name" after the seconds in the file; "never": not at all
dns.py ask ADDRESS SECONDS PAUSE   one question after the other: 5 s of patience, twice, then the next"""
import socket
import struct
import sys
import threading
import time

verb, address = sys.argv[1], sys.argv[2]


def answer(server, question, peer, path):
    with open(path, encoding="utf-8") as f:
        delay = f.read().strip()
    if delay == "never":
        return
    time.sleep(float(delay))
    server.sendto(question[:2] + b"\x81\x83" + question[4:], peer)


if verb == "serve":
    server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    server.bind((address, 53))
    while True:
        question, peer = server.recvfrom(512)
        threading.Thread(target=answer, args=(server, question, peer, sys.argv[3]), daemon=True).start()
end, number = time.monotonic() + float(sys.argv[3]), 0
while time.monotonic() < end:
    number = (number + 1) & 0xffff
    question = struct.pack(">6H", number, 0x0100, 1, 0, 0, 0) + b"\x06master\x03lab\0" + struct.pack(">2H", 1, 1)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.connect((address, 53))
        s.settimeout(5)
        for _ in range(2):
            try:
                s.send(question)
                s.recv(512)
                break
            except OSError:
                pass
    time.sleep(float(sys.argv[4]))
