# SPDX-License-Identifier: Apache-2.0
"""A hub under the HTTP/2 attacks that its gRPC has no patch for: bounded, or ended by itself and started anew; nothing acked lost."""
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import threading
import time

from stand import BIN, ROOT, Process, free_port, http, wait_for

sys.path.append(os.path.join(ROOT, "tests", "hub"))
import h2_attacks  # noqa: E402

AGENT = os.path.join(os.path.dirname(BIN), "tests", "e2e", "double_agent_tool")
DEAF, MEMORY = 83, 84
MAX_MEMORY = 384 << 20


class SupervisedHub:
    """whyhub, started anew whenever it ends, as its service unit would; its exit statuses and largest memory are kept."""

    def __init__(self, *args, files=None):
        self.folder = tempfile.mkdtemp(prefix="why-hub-days-")
        self.rpc, self.http = free_port(), free_port()
        self.args, self.files = args, files
        self.statuses, self.most = [], 0
        self.stopping = threading.Event()
        self.start()
        self.thread = threading.Thread(target=self.watch, daemon=True)
        self.thread.start()

    def limit(self):
        if self.files:
            resource.setrlimit(resource.RLIMIT_NOFILE, (self.files, self.files))

    def start(self):
        self.hub = Process([os.path.join(BIN, "whyhub"), "--listen", f"127.0.0.1:{self.rpc}", "--http", f"127.0.0.1:{self.http}",
                            "--store", f"sqlite:{self.folder}/hub.db", "--max-memory", str(MAX_MEMORY), *self.args],
                           os.path.join(self.folder, "hub.log"), preexec=self.limit)

    def watch(self):
        while not self.stopping.wait(0.05):
            if self.hub.alive():
                try:
                    self.most = max(self.most, self.hub.rss_bytes())
                except OSError:
                    pass
                continue
            self.statuses.append(self.hub.process.returncode)
            self.start()

    def ready(self):
        wait_for(lambda: http(self.http, "/readyz")[0] == 200, 30, "the hub to be ready")
        return self

    def metric(self, name):
        for line in http(self.http, "/metrics")[1].splitlines():
            if line.startswith(f"whyhub_{name} "):
                return float(line.split()[1])
        return None

    def bring(self, first, last, *tls, node="n1"):
        """Findings first..last of an agent; returns (exit status, the last one acked)."""
        done = subprocess.run([AGENT, f"127.0.0.1:{self.rpc}", node, str(first), str(last), *tls], capture_output=True, text=True, timeout=60)
        return done.returncode, int(done.stdout or 0)

    def discard(self):
        self.stopping.set()
        self.thread.join()
        self.hub.stop()
        shutil.rmtree(self.folder, ignore_errors=True)


def survive(attack, *allowed, files=None, **how):
    """Acked before, attacked, then: answers again within a minute, knows all that was acked, takes new findings."""
    hub = SupervisedHub(files=files)
    try:
        hub.ready()
        assert hub.bring(1, 500) == (0, 500)
        try:
            n = attack(hub.rpc, **how)
        except OSError as error:  # the hub was just being started anew
            n = error
        end = time.monotonic() + 60
        while hub.bring(501, 600) != (0, 600):
            assert time.monotonic() < end, f"no longer takes findings: {hub.hub.log()[-2000:]}"
            time.sleep(0.5)
        hub.ready()
        assert hub.metric("findings") == 600, hub.metric("findings")
        print(f"    {n} played; exit statuses {hub.statuses}, most memory {hub.most >> 20} MiB")
        assert set(hub.statuses) <= set(allowed), f"ended with {hub.statuses}: {hub.hub.log()[-2000:]}"
        # Sampled memory may overshoot between two looks of the hub at itself; never beyond all measure.
        assert hub.most < 3 * MAX_MEMORY, hub.most
        return hub
    finally:
        hub.discard()


def test_rapid_reset():
    survive(h2_attacks.rapid_reset, DEAF, MEMORY)


def test_hpack_crawl():
    survive(h2_attacks.hpack_crawl, DEAF)


def test_hpack_bomb():
    survive(h2_attacks.hpack_bomb)


def test_a_peer_that_never_reads():
    survive(h2_attacks.never_reads)


def test_garbage_frames():
    survive(h2_attacks.garbage)


def test_more_connections_than_descriptors():
    survive(h2_attacks.crowd, DEAF, files=200)


def test_without_a_certificate_attacks_get_nowhere():
    certs = tempfile.mkdtemp(prefix="why-certs-")
    hub = None
    try:
        subprocess.run([os.path.join(ROOT, "tests", "hub", "make-certs"), certs], check=True)
        path = {name: os.path.join(certs, name) for name in os.listdir(certs)}
        hub = SupervisedHub("--tls-cert", path["hub.pem"], "--tls-key", path["hub.key"], "--tls-ca", path["ca.pem"]).ready()
        tls = (path["ca.pem"], path["node-1.pem"], path["node-1.key"], "hub.test")
        assert hub.bring(1, 100, *tls, node="node-1") == (0, 100)
        before = hub.hub.rss_bytes()
        for name in ("rapid_reset", "hpack_crawl", "hpack_bomb", "never_reads", "garbage"):
            h2_attacks.ATTACKS[name](hub.rpc, seconds=3)
            assert hub.hub.alive(), name
        assert hub.bring(101, 200, *tls, node="node-1") == (0, 200)
        assert hub.metric("findings") == 200
        assert hub.statuses == [] and hub.metric("self_probe_failures_total") == 0
        # Nothing of theirs ever became a stream: hello twice, and the hub's own probe.
        assert hub.metric("messages_received_total") == hub.metric("streams_total") + 2, "a stream without a certificate"
        assert hub.hub.rss_bytes() < before + (64 << 20)
        print(f"    memory {before >> 20} -> {hub.hub.rss_bytes() >> 20} MiB")
    finally:
        if hub:
            hub.discard()
        shutil.rmtree(certs, ignore_errors=True)
