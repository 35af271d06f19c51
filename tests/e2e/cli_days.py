# SPDX-License-Identifier: Apache-2.0
"""`why` against a real agent and a real hub: each command both ways, a watch over a hub's death, a recording replayed."""
import json
import os
import subprocess
import tempfile
import time

from kmsg import Log
from stand import BIN, Stand, wait_for

RULE = "gpu.fell_off_bus"


def stand_with_a_fault(node="cli-node"):
    stand = Stand(node=node)
    log = Log(stand.folder)
    stand.agent_args = ["--kmsg", log.path]
    stand.start()
    wait_for(lambda: stand.explain(local=True)[1]["evaluated"], 20, "the first full evaluation")
    log.add(1, pid=os.getpid())
    wait_for(lambda: [f for f in stand.findings() if f["rule"] == RULE], 10, "the finding at the hub")
    return stand, log


def check(answer, status, *parts):
    got, out, err = answer
    assert got in status, (got, out, err)
    for part in parts:
        assert part in out, f"'{part}' is not in:\n{out}\n{err}"
    assert "\033" not in out
    return out


def test_each_command_asks_agent_and_hub():
    stand, _ = stand_with_a_fault()
    try:
        for local in (True, False):
            check(stand.why("cli-node", local=local), (2,), "cli-node  CRITICAL", "fell off the PCIe bus [SIMULATED]", "do           reboot_node")
            check(stand.why(local=local), (2,), "fell off the PCIe bus")
            check(stand.why("list", local=local), (2,), "SEVERITY", RULE)
            check(stand.why("findings", "--cause", RULE, local=local), (2,), RULE)
            check(stand.why("timeline", local=local), (0,), "fell off the PCIe bus")
            check(stand.why("doctor", "cli-node", local=local), (0, 1), "cli-node", "kernlog")
            check(stand.why("rules", "list", "cli-node", local=local), (0,), RULE, "enabled")
            check(stand.why("not", RULE, "gpu", "0000:00:00.0", "--node", "cli-node", local=local), (0,), "It is blamed.")
            check(stand.why("not", "mem.node_oom", "cli-node", local=local), (0, 3), "mem.node_oom on")
            finding = next(f for f in stand.findings(local=local) if f["rule"] == RULE)
            check(stand.why(finding["id"], local=local), (2,), finding["id"])
            check(stand.why("gpu", "cli-node:0000:00:00.0", "--evidence", local=local), (2,), "gpu.xid")
            status, _, err = stand.why("no-such-thing", local=local)
            assert status == 66 and "no-such-thing" in err, (status, err)
        check(stand.why("fleet"), (2,), "cli-node", "critical")
        check(stand.why("rules", "reload", local=True), (0,), "in force")
        status, _, err = stand.why("rules", "reload")
        assert status == 64, (status, err)
        stand.hub.kill()
        status, out, err = stand.why("cli-node")
        assert status == 69 and not out and "--local" in err, (status, out, err)
        check(stand.why("cli-node", local=True), (2,), "fell off")
    finally:
        stand.discard()


def test_a_silent_node_is_unknown():
    stand, _ = stand_with_a_fault()
    try:
        stand.agent.kill()
        wait_for(lambda: stand.explain("cli-node")[1]["stale"], 60, "the hub to miss the agent", every=0.5)
        out = check(stand.why("cli-node"), (3,), "UNKNOWN", "the agent is silent", "fell off the PCIe bus")
        assert "OK" not in out.splitlines()[0], out
        check(stand.why("fleet"), (2, 3), "unknown")
    finally:
        stand.discard()


def test_a_watch_goes_on_after_the_hub_died():
    stand, log = stand_with_a_fault()
    watch = None
    try:
        watch = subprocess.Popen([os.path.join(BIN, "why"), "findings", "--watch", "-o", "jsonl", "--cause", RULE, "--hub",
                                  f"127.0.0.1:{stand.rpc}"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        seen = []

        def see(n):
            while len(seen) < n:
                seen.append(json.loads(watch.stdout.readline()))
            return [(f["subject"]["id"], f["revision"]) for f in seen]
        see(1)
        log.add(1)
        see(2)
        stand.hub.kill()
        log.add(1)
        time.sleep(0.5)
        stand.start_hub()
        log.add(1)
        told = see(4)
        assert len(set(told)) == len(told), f"told twice: {told}"
        assert len({subject for subject, _ in told}) == 4, told
    finally:
        if watch:
            watch.terminate()
            _, err = watch.communicate(timeout=10)
            assert "asking again until it answers" in err, err
        stand.discard()


def test_a_recording_of_the_agent_replays_to_the_same_finding():
    stand, _ = stand_with_a_fault()
    try:
        live = next(f for f in stand.findings(local=True) if f["rule"] == RULE)
        time.sleep(1.5)
        stand.agent.stop()
        argv = [os.path.join(BIN, "why"), "replay", os.path.join(stand.state, "recorder"), "--rules", stand.rules[0], "-o", "jsonl"]
        runs = [subprocess.run(argv, capture_output=True, text=True, check=False, timeout=60) for _ in range(2)]
        assert runs[0].stdout == runs[1].stdout and runs[0].stdout, runs[0].stderr
        replayed = [json.loads(line) for line in runs[0].stdout.splitlines()]
        same = [f for f in replayed if f["id"] == live["id"]]
        assert same, f"{live['id']} is not among {[(f['rule'], f['id']) for f in replayed]}"
        assert same[0]["opened_at"] == live["opened_at"] and same[0]["title"] == live["title"], (live, same[0])
        assert runs[0].returncode == 2, runs[0].returncode
    finally:
        stand.discard()


def test_somebody_without_rights_is_told_so():
    stand, _ = stand_with_a_fault()
    folder = tempfile.mkdtemp(prefix="why-as-nobody-")
    try:
        os.chmod(folder, 0o755)
        os.chmod(stand.folder, 0o755)
        os.chmod(stand.run, 0o755)
        program = os.path.join(folder, "why")
        subprocess.run(["cp", os.path.join(BIN, "why"), program], check=True)

        def drop():
            os.setgid(65534)
            os.setuid(65534)
        done = subprocess.run([program, "--run", stand.run], capture_output=True, text=True, check=False, preexec_fn=drop, timeout=20)
        assert done.returncode == 77 and "sudo why" in done.stderr, (done.returncode, done.stderr)
    finally:
        subprocess.run(["rm", "-rf", folder], check=False)
        stand.discard()


def make_certificates(folder):
    """A CA, a certificate of the hub for localhost, one of a person; and one of a person signed by another CA."""
    def run(*words, text=None):
        subprocess.run(["openssl", *words], check=True, capture_output=True, cwd=folder, input=text, text=True)
    for ca in ("ca", "other"):
        run("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", f"/CN={ca}", "-keyout", f"{ca}.key", "-out", f"{ca}.pem")
    for name, ca, usage in (("hub", "ca", "serverAuth"), ("person", "ca", "clientAuth"), ("stranger", "other", "clientAuth")):
        run("req", "-newkey", "rsa:2048", "-nodes", "-subj", f"/CN={name}", "-keyout", f"{name}.key", "-out", f"{name}.csr")
        run("x509", "-req", "-in", f"{name}.csr", "-CA", f"{ca}.pem", "-CAkey", f"{ca}.key", "-CAcreateserial", "-days", "2", "-out",
            f"{name}.pem", "-extfile", "/dev/stdin", text=f"subjectAltName=DNS:localhost,IP:127.0.0.1\nextendedKeyUsage={usage}\n")


def test_a_hub_behind_tls_answers_those_it_trusts():
    stand = Stand(hub=True)
    certs = os.path.join(stand.folder, "certs")
    os.makedirs(certs)
    make_certificates(certs)
    try:
        stand.hub_args = ["--tls-ca", f"{certs}/ca.pem", "--tls-cert", f"{certs}/hub.pem", "--tls-key", f"{certs}/hub.key"]
        stand.start_hub()

        def tls(ca, name):
            return ["--tls-ca", f"{certs}/{ca}.pem", "--tls-cert", f"{certs}/{name}.pem", "--tls-key", f"{certs}/{name}.key"]
        status, out, err = stand.why("fleet", *tls("ca", "person"))
        assert status == 3 and "No node has ever reported" in out, (status, out, err)
        for words in (tls("other", "stranger"), tls("ca", "stranger"), tls("other", "person"), []):
            status, out, err = stand.why("fleet", "--timeout", "5s", *words)
            assert status in (64, 69, 77) and not out and err.startswith("why: "), (words, status, out, err)
            print(f"    {status}: {err.splitlines()[0]}")
    finally:
        stand.discard()
