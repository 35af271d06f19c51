# SPDX-License-Identifier: Apache-2.0
"""A real browser without a screen: chromium, driven over its debugging pipe (JSON, each message ends with NUL)."""
import base64
import json
import os
import select
import shutil
import struct
import subprocess
import tempfile
import time
import zlib

from skip import Skip

PATIENCE_S = 30


class Browser:
    """One chromium with one page. `said` keeps what it complained of: script errors, dialogs, refused contents."""

    def __init__(self):
        program = shutil.which("chromium")
        if not program:
            raise Skip("chromium is not installed: apt-get install chromium")
        self.folder = tempfile.mkdtemp(prefix="why-browser-")
        to_read, self.out = os.pipe()
        self.inp, to_write = os.pipe()

        def pipes():  # chromium reads from 3 and writes to 4; the copies keep one from overwriting the other
            read, write = os.dup(to_read), os.dup(to_write)
            os.dup2(read, 3)
            os.dup2(write, 4)

        self.log = open(os.path.join(self.folder, "log"), "wb")
        self.process = subprocess.Popen(
            [program, "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync",
             "--disable-background-networking", "--disable-component-update", "--disable-dev-shm-usage",
             "--remote-debugging-pipe", f"--user-data-dir={self.folder}/profile"],
            stdin=subprocess.DEVNULL, stdout=self.log, stderr=self.log, preexec_fn=pipes, close_fds=False)
        os.close(to_read)
        os.close(to_write)
        self.pending, self.events, self.said, self.number, self.session = b"", [], [], 0, None
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        self.session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.call(domain + ".enable")

    def receive(self, end):
        while b"\0" not in self.pending:
            left = end - time.monotonic()
            if left <= 0 or not select.select([self.inp], [], [], left)[0]:
                raise TimeoutError("chromium says nothing")
            data = os.read(self.inp, 1 << 20)
            if not data:
                raise RuntimeError("chromium ended")
            self.pending += data
        message, self.pending = self.pending.split(b"\0", 1)
        return json.loads(message)

    def take(self, message):
        method = message.get("method", "")
        self.events.append(message)
        if method in ("Runtime.exceptionThrown", "Log.entryAdded", "Page.javascriptDialogOpening", "Runtime.consoleAPICalled"):
            self.said.append(message)

    def call(self, method, **params):
        self.number += 1
        request = {"id": self.number, "method": method, "params": params}
        if self.session:
            request["sessionId"] = self.session
        os.write(self.out, json.dumps(request).encode() + b"\0")
        end = time.monotonic() + PATIENCE_S
        while True:
            message = self.receive(end)
            if message.get("id") == self.number:
                if "error" in message:
                    raise RuntimeError(f"{method}: {message['error']}")
                return message["result"]
            self.take(message)

    def open(self, url):
        """Go there and wait until it has loaded."""
        self.events.clear()
        self.call("Page.navigate", url=url)
        end = time.monotonic() + PATIENCE_S
        while not any(e.get("method") == "Page.loadEventFired" for e in self.events):
            self.take(self.receive(end))

    def requests(self):
        """Addresses that the page just opened has asked for."""
        return [e["params"]["request"]["url"] for e in self.events if e.get("method") == "Network.requestWillBeSent"]

    def ask(self, expression):
        return self.call("Runtime.evaluate", expression=expression, returnByValue=True)["result"].get("value")

    def dom(self):
        return self.ask("document.documentElement.outerHTML")

    def look_like(self, width=1280, height=1600, dark=False, media=""):
        self.call("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=False)
        self.call("Emulation.setEmulatedMedia", media=media,
                  features=[{"name": "prefers-color-scheme", "value": "dark" if dark else "light"}])

    def press_tab(self):
        for kind in ("rawKeyDown", "keyUp"):
            self.call("Input.dispatchKeyEvent", type=kind, key="Tab", code="Tab", windowsVirtualKeyCode=9)

    def screenshot(self):
        return base64.b64decode(self.call("Page.captureScreenshot", format="png")["data"])

    def close(self):
        self.process.terminate()
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        for fd in (self.inp, self.out):
            os.close(fd)
        self.log.close()
        shutil.rmtree(self.folder, ignore_errors=True)


class Png:
    """Pixels of an 8-bit RGB or RGBA picture without interlacing, as chromium makes them."""

    def __init__(self, data):
        if data[:8] != b"\x89PNG\r\n\x1a\n":
            raise ValueError("not a PNG")
        at, packed = 8, b""
        while at < len(data):
            n, kind = struct.unpack(">I4s", data[at:at + 8])
            if kind == b"IHDR":
                self.width, self.height, depth, colour, _, _, interlaced = struct.unpack(">IIBBBBB", data[at + 8:at + 21])
                if depth != 8 or colour not in (2, 6) or interlaced:
                    raise ValueError(f"depth {depth}, colour type {colour}, interlacing {interlaced}")
                self.channels = 3 if colour == 2 else 4
            elif kind == b"IDAT":
                packed += data[at + 8:at + 8 + n]
            at += 12 + n
        self.rows = self.unfilter(zlib.decompress(packed))

    def unfilter(self, raw):
        stride, c = self.width * self.channels, self.channels
        rows, above = [], bytes(stride)
        for y in range(self.height):
            kind, row = raw[y * (stride + 1)], bytearray(raw[y * (stride + 1) + 1:(y + 1) * (stride + 1)])
            for i in range(stride if kind else 0):
                left, up = row[i - c] if i >= c else 0, above[i]
                corner = above[i - c] if i >= c else 0
                if kind == 1:
                    guess = left
                elif kind == 2:
                    guess = up
                elif kind == 3:
                    guess = (left + up) // 2
                else:
                    a, b, c2 = abs(up - corner), abs(left - corner), abs(left + up - 2 * corner)
                    guess = left if a <= b and a <= c2 else up if b <= c2 else corner
                row[i] = (row[i] + guess) & 255
            rows.append(bytes(row))
            above = row
        return rows

    def at(self, x, y):
        return tuple(self.rows[y][x * self.channels:x * self.channels + 3])

    def colours(self, step=3):
        """How many different ones; every `step`th pixel is looked at."""
        return len({self.at(x, y) for y in range(0, self.height, step) for x in range(0, self.width, step)})
