#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Hub and agent on this machine until Ctrl-C; with --demo one real fault and its diagnosis.

$WHY_RULES: folders of rules, separated by colons, instead of those of this tree.
"""
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
BIN = os.path.join(ROOT, "build", "bin")
LAB = os.path.join(ROOT, "tests", "lab")


def port(wanted):
    """The usual port when it is free, else any."""
    for candidate in (wanted, 0):
        with socket.socket() as s:
            s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                s.bind(("127.0.0.1", candidate))
                return s.getsockname()[1]
            except OSError:
                continue
    sys.exit("run: no free port on 127.0.0.1")


class Local:
    """The two programs, their scratch folder, and `why` asking them."""

    def __init__(self):
        self.folder = tempfile.mkdtemp(prefix="why-run-")
        self.rpc, self.http, self.metrics = port(7443), port(7480), port(7494)
        self.programs = []

    def start(self, name, *words):
        log = open(os.path.join(self.folder, name + ".log"), "ab")
        program = subprocess.Popen([os.path.join(BIN, name), *words], stdout=log, stderr=log, stdin=subprocess.DEVNULL)
        self.programs.append((name, program))
        return program

    def up(self):
        hub = self.start("whyhub", "--listen", f"127.0.0.1:{self.rpc}", "--http", f"127.0.0.1:{self.http}",
                         "--store", f"sqlite:{self.folder}/hub.db")
        self.wait_ready(hub, self.http, "whyhub")
        folders = (os.environ.get("WHY_RULES") or os.path.join(ROOT, "rules", "catalog")).split(":")
        agent = self.start("whyd", "--hub", f"127.0.0.1:{self.rpc}", "--state", f"{self.folder}/state", "--run", f"{self.folder}/run",
                           "--metrics", f"127.0.0.1:{self.metrics}", *(word for folder in folders for word in ("--rules", folder)))
        self.wait_ready(agent, self.metrics, "whyd")

    def wait_ready(self, program, number, name):
        for _ in range(200):
            if program.poll() is not None:
                break
            try:
                with urllib.request.urlopen(f"http://127.0.0.1:{number}/readyz", timeout=1) as answer:
                    if answer.status == 200:
                        return
            except OSError:
                pass
            time.sleep(0.1)
        with open(os.path.join(self.folder, name + ".log"), encoding="utf-8", errors="replace") as log:
            sys.exit(f"run: {name} did not become ready; it said:\n{log.read()[-4000:]}")

    def why(self, *words):
        return [os.path.join(BIN, "why"), *words, "--hub", f"127.0.0.1:{self.rpc}"]

    def ask(self, *words):
        done = subprocess.run(self.why(*words, "-o", "json"), capture_output=True, text=True, check=False)
        return json.loads(done.stdout) if done.stdout.strip() else {"findings": []}

    def down(self):
        for _, program in reversed(self.programs):
            if program.poll() is None:
                program.terminate()
        for _, program in reversed(self.programs):
            try:
                program.wait(10)
            except subprocess.TimeoutExpired:
                program.kill()
        shutil.rmtree(self.folder, ignore_errors=True)


def lab(step, name, scratch):
    environment = {**os.environ, "LAB": LAB, "LAB_NAME": name, "LAB_DIR": scratch, "LAB_TRUTH": os.path.join(scratch, "truth.jsonl"),
                   "PATH": LAB + ":" + os.environ["PATH"]}
    path = os.path.join(LAB, "scenarios", "cgroup-oom", step)
    if os.path.exists(path):
        subprocess.run([path], cwd=scratch, env=environment, check=True, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)


def judge(finding, cgroup, limit, kills):
    """What is wrong with the diagnosis, compared with what the kernel's own files say; empty when it is right."""
    wrong = []
    if finding["subject"] != {**finding["subject"], "kind": "cgroup", "id": cgroup}:
        wrong.append(f"subject {finding['subject']}, not cgroup {cgroup}")
    if limit not in [e.get("observed") for e in finding["evidence"]]:
        wrong.append(f"no evidence holds the limit of {limit} bytes that the kernel's file says")
    if finding["remedy"]["action"] != "fix_workload":
        wrong.append(f"action {finding['remedy']['action']}, not fix_workload")
    if not any(a["kind"] == "process" for a in finding["affected"]):
        wrong.append("the killed process is not named")
    if kills < 1:
        wrong.append("the kernel killed nobody: the fault was not injected")
    return wrong


def finding_about(local, cgroup):
    """Of this cgroup; else of any other, which is then judged to be wrong."""
    found = [f for f in local.ask()["findings"] if f["rule"] == "mem.cgroup_oom"]
    return next((f for f in found if f["subject"]["id"] == cgroup), found[0] if found else None)


def demo(local):
    name, scratch = f"whydemo-{os.getpid()}", os.path.join(local.folder, "fault")
    os.makedirs(scratch)
    cgroup = f"/{name}/victim"
    try:
        print(f"1. a process in cgroup {cgroup} takes more memory than its limit of 64 MiB\n")
        lab("setup", name, scratch)
        lab("inject", name, scratch)

        def read(what):
            return int(subprocess.check_output([os.path.join(LAB, "cg"), "file", cgroup, what], text=True))
        limit, kills = read("memory.limit"), read("memory.oom_kills")
        found = None
        until = time.monotonic() + 8
        while time.monotonic() < until:
            found = finding_about(local, cgroup)
            if found and found["subject"]["id"] == cgroup:
                break
            time.sleep(0.1)
        time.sleep(1)
        print("2. why says\n", flush=True)
        subprocess.run(local.why(), check=False)
        found = finding_about(local, cgroup) or found
        wrong = judge(found, cgroup, limit, kills) if found else ["no finding mem.cgroup_oom"]
    finally:
        lab("teardown", name, scratch)
    print(f"\n3. the kernel says: limit {limit} bytes, {kills} killed: " + ("the diagnosis is right" if not wrong else "the diagnosis is WRONG:"))
    for line in wrong:
        print("   " + line)
    return 1 if wrong else 0


def main():
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell without job control starts what is behind & deaf to it
    local = Local()
    try:
        local.up()
        print(f"whyhub and whyd are running; web page: http://127.0.0.1:{local.http}/\n"
              f"ask: {' '.join(os.path.relpath(w) if w.startswith('/') else w for w in local.why())}\n", flush=True)
        if "--demo" in sys.argv[1:]:
            return demo(local)
        return subprocess.run(local.why("findings", "--watch"), check=False).returncode
    except KeyboardInterrupt:
        return 130
    finally:
        local.down()


if __name__ == "__main__":
    sys.exit(main())
