# SPDX-License-Identifier: Apache-2.0
"""Mutual TLS from end to end on loopback: who may come in, what the others are told, certificates replaced under way."""
import os
import shutil
import subprocess
import tempfile

from kmsg import Log, gpu
from stand import BIN, ROOT, Stand, http, wait_for

AGENT = os.path.join(os.path.dirname(BIN), "tests", "e2e", "double_agent_tool")


class TlsStand(Stand):
    """Its folder `tls` holds the certificates in use, hub.pem and agent.pem with keys; `made` all that were issued."""

    def __init__(self):
        super().__init__(node="node-1")
        self.made, self.used = os.path.join(self.folder, "made"), os.path.join(self.folder, "tls")
        os.mkdir(self.made)
        os.mkdir(self.used)
        subprocess.run([os.path.join(ROOT, "tests", "hub", "make-certs"), self.made], check=True)
        self.use("hub", "hub")
        self.use("agent", "node-1")
        self.lines = Log(self.folder)
        self.hub_args = ["--tls-ca", self.issued("ca.pem"), "--tls-cert", self.file("hub.pem"), "--tls-key", self.file("hub.key")]

    def issued(self, name):
        return os.path.join(self.made, name)

    def file(self, name):
        return os.path.join(self.used, name)

    def use(self, role, name, key=None):
        """Replace certificate and key as renewal tools do: a new file, renamed over the old."""
        for source, target in ((f"{key or name}.key", f"{role}.key"), (f"{name}.pem", f"{role}.pem")):
            shutil.copy(self.issued(source), self.file(target) + ".new")
            os.rename(self.file(target) + ".new", self.file(target))

    def issue(self, name, days):
        """One more certificate of node-1, by the function of tests/hub/make-certs."""
        with open(os.path.join(ROOT, "tests", "hub", "make-certs"), encoding="utf-8") as f:
            text = f.read()
        begin = text.index("issue() {")
        function = text[begin:text.index("\n}\n", begin) + 3]
        subprocess.run(["bash", "-c", f"{function}\nissue {name} ca node-1 DNS:node-1 {days}"], cwd=self.made, check=True)

    def flags(self, name="node-1", ca="ca"):
        return ["--tls-ca", self.issued(ca + ".pem"), "--tls-cert", self.issued(name + ".pem"), "--tls-key", self.issued(name + ".key")]

    def hub_metric(self, name):
        for line in http(self.http, "/metrics")[1].splitlines():
            if line.startswith(f"whyhub_{name} "):
                return float(line.split()[1])
        return None

    def served(self):
        """The names in the certificate that the hub shows now."""
        shown = subprocess.run(["openssl", "s_client", "-connect", f"127.0.0.1:{self.rpc}", "-alpn", "h2", *self.openssl_identity()],
                               stdin=subprocess.DEVNULL, capture_output=True, timeout=20, check=False).stdout
        return subprocess.run(["openssl", "x509", "-noout", "-ext", "subjectAltName"], input=shown, capture_output=True,
                              check=False).stdout.decode()

    def openssl_identity(self):
        return ["-cert", self.issued("node-1.pem"), "-key", self.issued("node-1.key")]


def refused(stand, node, args, *words):
    """An agent that must not get in: it says why in its log and to `why doctor`, answers for itself, and the hub knows no such node."""
    stand.node, stand.agent_args = node, args
    stand.state, stand.run = (os.path.join(stand.folder, name + node) for name in ("s", "r"))
    os.mkdir(stand.state)
    os.mkdir(stand.run)
    began = len(stand.agent.log()) if stand.agent else 0
    stand.start_agent()
    try:
        said = wait_for(lambda: next((line for line in stand.agent.log()[began:].splitlines() if "warning: hub " in line), None), 10,
                        "a word about the hub in its log")
        doctor = " ".join(wait_for(lambda: (lambda t: t if "exporter hub_stream hub" in " ".join(t.split()) else None)
                                   (stand.why("doctor", local=True)[1]), 10, "doctor to say so").split())
        for word in words:
            assert word in said and word in doctor, (word, said, doctor)
        assert stand.metric("hub_stream_connected") == 0
        assert stand.why(local=True)[0] in (0, 1, 2, 3)
        status, out, err = stand.why("fleet", "-o", "json", *stand.flags())
        assert status in (0, 1, 2, 3) and node not in out, (status, out, err)
    finally:
        stand.agent.stop()


def strangers(host):
    """Who has not the right certificate is refused, and told why."""
    stand = Stand(node="stranger")
    stand.rpc, stand.http, stand.flags = host.rpc, host.http, host.flags
    try:
        refused(stand, "node-2", host.flags("node-1"), "the certificate is for node-1", "not for the node node-2", "--node")
        refused(stand, "node-3", ["--tls-ca", host.issued("ca.pem")], "we show no certificate", "hub.tls.cert")
        refused(stand, "node-4", [], "we speak plaintext", "hub.tls.ca")
        refused(stand, "node-5", host.flags("expired"), "expired at", "renew it")
    finally:
        stand.discard()
    # An agent that does not look at its own name first meets the hub's answer, and the hub's log has it too.
    done = subprocess.run([AGENT, f"127.0.0.1:{host.rpc}", "node-2", "1", "10", host.issued("ca.pem"), host.issued("node-1.pem"),
                           host.issued("node-1.key"), "hub.test"], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode != 0 and done.stdout.strip() in ("", "0"), done
    assert "node-2 is not the node of this certificate" in done.stderr, done.stderr
    assert "refused an agent at " in host.hub.log() and "calls itself node-2" in host.hub.log(), host.hub.log()


def test_mutual_tls_from_end_to_end_renewed_under_way_and_closed_to_strangers():
    stand = TlsStand()
    try:
        stand.agent_args = ["--kmsg", stand.lines.path, "--tls-ca", stand.issued("ca.pem"), "--tls-cert", stand.file("agent.pem"),
                            "--tls-key", stand.file("agent.key")]
        stand.start()
        stand.lines.add()

        def arrived(number):
            status, out, err = stand.why("findings", "-o", "jsonl", "--cause", "gpu.fell_off_bus", *stand.flags())
            assert status in (0, 1, 2, 3), (status, err)
            return gpu(number) in out
        wait_for(lambda: arrived(0), 20, "the finding at the hub, asked over TLS")
        # The agent looks at its files twice a minute; meanwhile the hub's are replaced and others knock.
        stand.issue("second", days=9)
        old_end = stand.metric("hub_stream_certificate_expires_seconds")
        stand.use("agent", "second")
        assert "second.test" not in stand.served()
        stand.use("hub", "hub2")
        assert "second.test" in wait_for(stand.served, 5, "a certificate of the hub"), "the hub does not show its new certificate"
        assert stand.hub_metric("tls_reloads_total") == 1
        stand.use("hub", "hub", key="node-1")
        assert "second.test" in stand.served(), "a certificate without its key replaced a good one"
        assert stand.hub_metric("tls_reloads_refused_total") >= 1
        assert "not fit for use" in stand.hub.log() and "does not belong to" in stand.hub.log(), stand.hub.log()
        strangers(stand)
        wait_for(lambda: stand.metric("hub_stream_connects_total") == 2, 45, "the agent to take up its new certificate", every=0.5)
        assert stand.metric("hub_stream_certificate_expires_seconds") < old_end, "it is not the new one"
        assert "certificate was renewed" in stand.agent.log()
        stand.lines.add()
        wait_for(lambda: arrived(1), 20, "a finding after both were renewed")
    finally:
        stand.discard()


def test_why_over_tls_says_what_is_missing():
    stand = TlsStand()
    try:
        stand.start_hub()
        assert stand.why(*stand.flags())[0] in (0, 3)
        for words, status, hint in (([], 69, "--tls-ca FILE"), (["--tls-ca", stand.issued("ca.pem")], 69, "--tls-cert FILE"),
                                    (stand.flags("expired"), 64, "renew it"), (stand.flags("stranger"), 64, "not signed by the CA"),
                                    (stand.flags("stranger", ca="foreign"), 69, "not signed by the CA of --tls-ca")):
            got, out, err = stand.why(*words)
            assert got == status and hint in err and not out, (words, got, out, err)
    finally:
        stand.discard()
