#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Stands in for Docker or Podman on a unix socket. usage: docker_standin.py SOCKET FOLDER

FOLDER holds what to answer, read at each request: version.json, list.json, inspect/ID.json, and `events`, whose new lines
go to all who follow. FOLDER/mode holds words PATH=HOW: "version=hang list=trickle inspect=garbage events=flood": HOW is
hang, trickle, endless, garbage, cut, close, headers, chunks, flood, or an HTTP status.
"""
import os
import re
import socketserver
import sys
import time
from http.server import BaseHTTPRequestHandler

FOLDER = sys.argv[2]


def read(name, fallback=b""):
    try:
        with open(os.path.join(FOLDER, name), "rb") as f:
            return f.read()
    except FileNotFoundError:
        return fallback


def how(what):
    for word in read("mode").decode().split():
        key, _, value = word.partition("=")
        if key == what:
            return value
    return ""


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *args):
        pass

    def address_string(self):
        return "unix"

    def head(self, status=200, length=None):
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        if length is None:
            self.send_header("Transfer-Encoding", "chunked")
        else:
            self.send_header("Content-Length", str(length))
        self.end_headers()

    def chunk(self, data):
        self.wfile.write(b"%x\r\n%s\r\n" % (len(data), data))
        self.wfile.flush()

    def misbehave(self, mode, body):
        self.close_connection = True
        if mode == "hang":
            time.sleep(60)
        elif mode == "close":
            return
        elif mode == "headers":
            self.wfile.write(b"HTTP/1.1 200 OK\r\n")
            while True:
                self.wfile.write(b"X-Why: " + b"a" * 4096 + b"\r\n")
        elif mode == "garbage":
            self.head(length=9)
            self.wfile.write(b"\x00\xff{]nope,")
        elif mode == "cut":
            self.head(length=len(body))
            self.wfile.write(body[: len(body) // 2])
        elif mode == "chunks":
            self.head()
            self.wfile.write(b"zzzz\r\n" + body + b"\r\n-5\r\n")
        elif mode == "trickle":
            self.head(length=len(body) + 1000)
            for byte in body + b" " * 1000:
                self.wfile.write(bytes([byte]))
                self.wfile.flush()
                time.sleep(0.05)
        elif mode in ("endless", "flood"):
            self.head()
            piece = b'[' if mode == "endless" else b""
            self.chunk(piece + b" ")
            filler = b'{"Type":"container","Action":"exec_start","Actor":{"ID":"x"}}\n' if mode == "flood" else b'"a",'
            while True:
                self.chunk(filler * 1000)
        else:
            self.head(int(mode), len(body))
            self.wfile.write(body)

    def answer(self, what, body):
        mode = how(what)
        if mode:
            self.misbehave(mode, body)
        elif body is None:
            self.head(404, 2)
            self.wfile.write(b"{}")
        else:
            self.head(length=len(body))
            self.wfile.write(body)

    def follow(self, at):
        if how("events"):
            self.misbehave(how("events"), b"{}")
            return
        self.head()
        while not how("events"):
            new = read("events")[at:]
            if new:
                self.chunk(new)
                at += len(new)
            time.sleep(0.01)
        self.close_connection = True

    def do_GET(self):
        path = self.path.split("?")[0]
        at = len(read("events"))  # before anybody can see that it was asked
        with open(os.path.join(FOLDER, "asked"), "a") as f:
            f.write(self.path + "\n")
        if path == "/version":
            self.answer("version", read("version.json"))
        elif path == "/events":
            self.follow(at)
        elif re.fullmatch(r"(/v[0-9.]+/libpod)?/containers/json", path):
            self.answer("list", read("list.json", b"[]"))
        else:
            ident = re.fullmatch(r"/containers/([0-9a-f]+)/json", path)
            self.answer("inspect", read(f"inspect/{ident.group(1)}.json", None) if ident else None)


class Server(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
    daemon_threads = True
    request_queue_size = 64

    def get_request(self):
        request, _ = super().get_request()
        return request, ("unix", 0)

    def handle_error(self, request, client_address):
        pass  # whoever asked has hung up


if __name__ == "__main__":
    try:
        os.unlink(sys.argv[1])
    except FileNotFoundError:
        pass
    Server(sys.argv[1], Handler).serve_forever()
