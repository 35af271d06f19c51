# SPDX-License-Identifier: Apache-2.0
"""Protobuf by hand, and a gRPC server on a unix socket that takes orders: for stand-ins that share no encoder with whyd."""
import os
import socket
import sys
import threading
from concurrent import futures

import grpc


def varint(n):
    n &= (1 << 64) - 1
    out = b""
    while n > 0x7F:
        out += bytes([n & 0x7F | 0x80])
        n >>= 7
    return out + bytes([n])


def raw(text):
    """Bytes as they are; text as UTF-8, where surrogates stand for bytes that are none."""
    return text if isinstance(text, bytes) else text.encode("utf-8", "surrogateescape")


def field(number, value):
    """A message, text or bytes; an int; a dict is a map<string, string>; a list is repeated; None and 0 are left out."""
    if value is None or value == 0 or value == "":
        return b""
    if isinstance(value, list):
        return b"".join(field(number, v) or varint(number << 3 | 2) + b"\0" for v in value)
    if isinstance(value, dict):
        return b"".join(field(number, field(1, k) + field(2, v) or b"\x0a\0") for k, v in value.items())
    if isinstance(value, int):
        return varint(number << 3) + varint(value)
    data = raw(value)
    return varint(number << 3 | 2) + varint(len(data)) + data


def fields(data):
    """{number: [values]} of a message: ints and bytes."""
    out, at = {}, 0

    def take():
        nonlocal at
        n = shift = 0
        while True:
            byte = data[at]
            at += 1
            n |= (byte & 0x7F) << shift
            shift += 7
            if not byte & 0x80:
                return n

    while at < len(data):
        key = take()
        if key & 7 == 0:
            value = take()
        else:
            size = take()
            value = data[at:at + size]
            at += size
        out.setdefault(key >> 3, []).append(value)
    return out


class Server:
    """methods: {"/pkg.Service/Method": function(request bytes, context) -> bytes, or a generator of bytes (streams)}."""

    def __init__(self, path, methods, streams=()):
        self.path, self.methods, self.streams = path, methods, set(streams)
        self.calls, self.server, self.listener = {}, None, None

    def service(self, details):
        if details.method not in self.methods:
            return None
        self.calls[details.method] = self.calls.get(details.method, 0) + 1
        self.metadata = dict(details.invocation_metadata)
        handle = grpc.unary_stream_rpc_method_handler if details.method in self.streams else grpc.unary_unary_rpc_method_handler
        return handle(self.methods[details.method])

    def start(self):
        class Handler(grpc.GenericRpcHandler):
            def service(_, details):
                return self.service(details)

        os.makedirs(os.path.dirname(self.path), exist_ok=True)
        self.server = grpc.server(futures.ThreadPoolExecutor(max_workers=32),
                                  options=[("grpc.max_send_message_length", -1), ("grpc.so_reuseport", 0)])
        self.server.add_generic_rpc_handlers((Handler(),))
        self.server.add_insecure_port("unix:" + self.path)
        self.server.start()

    def stop(self):
        if self.server:
            self.server.stop(0).wait()
            self.server = None
        if self.listener:
            self.listener.close()
            self.listener = None
        if os.path.exists(self.path):
            os.unlink(self.path)

    def listen_raw(self, answer):
        """No gRPC at all: every connection gets `answer` and is left open."""
        self.listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.listener.bind(self.path)
        self.listener.listen(16)
        kept = []

        def serve(listener):
            while True:
                try:
                    peer = listener.accept()[0]
                    kept.append(peer)
                    peer.sendall(answer)
                except OSError:
                    return

        threading.Thread(target=serve, args=(self.listener,), daemon=True).start()


def take_orders(orders):
    """A line of stdin is an order and its words; what the function returns, or "ok", is the answer."""
    print("ready", flush=True)
    for line in sys.stdin:
        words = line.split()
        answer = orders[words[0]](*words[1:])
        print("ok" if answer is None else answer, flush=True)
    os._exit(0)  # threads that hang are part of the play
