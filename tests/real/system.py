# SPDX-License-Identifier: Apache-2.0
"""One real system under test: its programs, an agent of its own, what the agent says, and the count of checks."""
import atexit
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.join(os.path.dirname(HERE), "lab")]
from stand import ROOT, Process, Stand, free_port  # noqa: E402,F401

VENVS = os.path.join(ROOT, "build", "real")


class System:
    def __init__(self, name):
        self.name, self.passed, self.failed = name, 0, 0
        self.skips = []
        self.folder = tempfile.mkdtemp(prefix=f"why-real-{name}-")
        self.processes, self.at_end, self.stand = [], [], None
        atexit.register(self.clean)
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))

    # ---- what must be there ----

    @staticmethod
    def skip(why):
        print(f"skipped: {why}")
        sys.exit(77)

    def skip_part(self, why):
        print(f"skipped: {why}")
        self.skips.append(why)

    def need(self, *programs):
        path = os.environ["PATH"] + ":/usr/sbin:/sbin"
        missing = [p for p in programs if not shutil.which(p, path=path)]
        if missing:
            self.skip(f"{', '.join(missing)} not installed (tests/real/install)")
        return [shutil.which(p, path=path) for p in programs]

    def venv(self, module):
        """Folder of the private Python that has `module`, made by tests/real/install."""
        folder = os.path.join(VENVS, self.name)
        if not os.path.exists(os.path.join(folder, "installed")):
            log = os.path.join(VENVS, self.name + ".log")
            why = ""
            if os.path.exists(log):
                with open(log, encoding="utf-8", errors="replace") as f:
                    why = (f.read().strip().splitlines() or [""])[-1][:300]
            self.skip(f"{module} is not installed (tests/real/install {self.name}){': ' if why else ''}{why}")
        return folder

    # ---- programs ----

    def path(self, *parts):
        return os.path.join(self.folder, *parts)

    def write(self, name, text, mode=0o644):
        path = self.path(name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w", encoding="utf-8") as f:
            f.write(text)
        os.chmod(path, mode)
        return path

    def start(self, argv, log, env=None, preexec=None):
        process = Process(argv, self.path(log), env=env, preexec=preexec)
        self.processes.append(process)
        return process

    def log(self, name):
        try:
            with open(self.path(name), encoding="utf-8", errors="replace") as f:
                return f.read()
        except OSError:
            return ""

    def agent(self, *args, hub=False):
        self.stand = Stand(node=f"real-{self.name}", hub=hub, agent_args=args).start()
        return self.stand

    # ---- what the agent says ----

    def ask(self, *words):
        """`why WORDS` of the agent as JSON, {} when it has no answer."""
        _, out, err = self.stand.why(*words, "-o", "json", local=True)
        try:
            return json.loads(out)
        except ValueError:
            return {"error": err}

    def who(self, role, kind, *words):
        """Entities of `why WORDS`: those of a role (self, of, in, uses, member) and a kind."""
        return [w for w in self.ask(*words).get("who", []) if w["role"] == role and (kind is None or w.get("kind") == kind)]

    def whose(self, pid, kind):
        """Id of the job, rank, container or pod that a process is of or in, None when the agent does not say."""
        for w in self.ask("pid", str(pid)).get("who", []):
            if w["role"] in ("of", "in") and w.get("kind") == kind:
                return w["id"]
        return None

    def findings(self, **entity):
        """Findings that blame or affect the entity kind=id."""
        (kind, key), = entity.items()
        return [f for f in self.stand.findings(local=True)
                if any(e.get("kind") == kind and e.get("id") == key for e in [f["subject"], *f.get("affected", [])])]

    # ---- checks ----

    def check(self, what, good, seen=None):
        if good:
            self.passed += 1
            print(f"  {self.name}: {what}: ok", flush=True)
        else:
            self.failed += 1
            print(f"  {self.name}: {what}: FAIL{'' if seen is None else f': saw {seen}'}", flush=True)
        return bool(good)

    def see(self, what, look, expected, seconds=10):
        """Ask until look() is `expected` (or, when that is callable, expected(look()) is true)."""
        end = time.monotonic() + seconds
        while True:
            value = look()
            good = expected(value) if callable(expected) else value == expected
            if good or time.monotonic() > end:
                return self.check(what, good, repr(value)[:1500])
            time.sleep(0.3)

    def until(self, condition, seconds, what):
        """Wait for the system itself; when it does not come, the test cannot be done and has failed."""
        end = time.monotonic() + seconds
        while True:
            value = condition()
            if value:
                return value
            if time.monotonic() > end:
                self.check(what, False, f"nothing within {seconds} s")
                self.end()
            time.sleep(0.2)

    def end(self):
        tail = f", {len(self.skips)} skipped" if self.skips else ""
        self.clean()
        print(f"{self.name}: {self.passed} passed, {self.failed} failed{tail}", flush=True)
        sys.exit(1 if self.failed else 0)

    def clean(self):
        if os.environ.get("REAL_KEEP") and self.stand:
            print("logs:", self.folder, self.stand.folder)
        if self.stand:
            self.stand.stop()
            if not os.environ.get("REAL_KEEP"):
                self.stand.discard()
            self.stand = None
        for step in self.at_end:
            step()
        below = descendants([p.pid for p in self.processes])
        for process in reversed(self.processes):
            process.stop(8)
        for pid, start in below:  # what its own parent left behind
            if start_of(pid) == start:
                os.kill(pid, signal.SIGKILL)
        self.processes, self.at_end = [], []
        if not os.environ.get("REAL_KEEP"):
            shutil.rmtree(self.folder, ignore_errors=True)


def pids_of(condition):
    """Pids for which condition(pid) is true; those that end meanwhile are left out."""
    found = []
    for name in os.listdir("/proc"):
        if name.isdigit():
            try:
                if condition(int(name)):
                    found.append(int(name))
            except OSError:
                continue
    return found


def argv_of(pid):
    with open(f"/proc/{pid}/cmdline", "rb") as f:
        return f.read().rstrip(b"\0").decode(errors="replace").split("\0")


def environment_of(pid):
    with open(f"/proc/{pid}/environ", "rb") as f:
        return dict(e.split("=", 1) for e in f.read().decode(errors="replace").split("\0") if "=" in e)


def parent_of(pid):
    with open(f"/proc/{pid}/stat", encoding="utf-8", errors="replace") as f:
        return int(f.read().rsplit(")", 1)[1].split()[1])


def start_of(pid):
    try:
        with open(f"/proc/{pid}/stat", encoding="utf-8", errors="replace") as f:
            return f.read().rsplit(")", 1)[1].split()[19]
    except OSError:
        return None


def descendants(pids):
    """[(pid, start)] of all that descends from these now."""
    parents = {}
    pids_of(lambda pid: parents.update({pid: parent_of(pid)}))
    found, new = set(), set(pids)
    while new:
        new = {pid for pid, parent in parents.items() if parent in new} - found
        found |= new
    return [(pid, start_of(pid)) for pid in found]


def kill_from_outside(*pids):
    """SIGKILL by somebody who did not start it: what its own ancestors do to a process was meant."""
    subprocess.run(["/bin/kill", "-KILL", *map(str, pids)], check=True)


def run(argv, env=None, timeout=60):
    return subprocess.run(argv, capture_output=True, text=True, timeout=timeout, check=False, env={**os.environ, **(env or {})})
