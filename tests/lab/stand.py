# SPDX-License-Identifier: Apache-2.0
"""A hub and an agent of their own in a scratch folder, and the questions a test asks them."""
import json
import os
import shutil
import socket
import subprocess
import tempfile
import time
import urllib.error
import urllib.request

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BIN = os.path.join(ROOT, os.environ.get("WHY_BUILD", "build"), "bin")


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def wait_for(condition, seconds, what, every=0.1):
    """The first true value of condition(), asked until `seconds` have passed; TimeoutError names what was awaited."""
    end = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > end:
            raise TimeoutError(f"waited {seconds} s for {what}")
        time.sleep(every)


def http(port, path):
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=3) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()
    except OSError:
        return 0, ""


class Process:
    """A program of ours with its log; ended by pid, never by name."""

    def __init__(self, argv, log, env=None, preexec=None):
        self.argv, self.log_path = argv, log
        with open(log, "ab") as out:
            self.process = subprocess.Popen(argv, stdout=out, stderr=out, stdin=subprocess.DEVNULL,
                                            env={**os.environ, **(env or {})}, preexec_fn=preexec)
        self.pid = self.process.pid

    def alive(self):
        return self.process.poll() is None

    def kill(self):
        """As a crash: SIGKILL."""
        if self.alive():
            self.process.kill()
        self.process.wait()

    def stop(self, seconds=10):
        if self.alive():
            self.process.terminate()
            try:
                self.process.wait(seconds)
            except subprocess.TimeoutExpired:
                self.process.kill()
        return self.process.wait()

    def log(self):
        with open(self.log_path, encoding="utf-8", errors="replace") as f:
            return f.read()

    def cpu_seconds(self):
        with open(f"/proc/{self.pid}/stat", encoding="utf-8") as f:
            fields = f.read().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def rss_bytes(self):
        with open(f"/proc/{self.pid}/status", encoding="utf-8") as f:
            for line in f:
                if line.startswith("VmRSS:"):
                    return int(line.split()[1]) * 1024
        return 0


class Stand:
    """whyhub and whyd with fresh state. `agent_args` and `hub_args` are added to their command lines."""

    def __init__(self, node="lab-node", rules=None, agent_args=(), hub_args=(), hub=True, folder=None):
        self.node = node
        self.folder = folder or tempfile.mkdtemp(prefix="why-stand-")
        self.own_folder = folder is None
        self.state, self.run = os.path.join(self.folder, "state"), os.path.join(self.folder, "run")
        os.makedirs(self.state, exist_ok=True)
        os.makedirs(self.run, exist_ok=True)
        self.rules = rules or [os.path.join(ROOT, "rules", "catalog")]
        self.agent_args, self.hub_args = list(agent_args), list(hub_args)
        self.rpc, self.http, self.metrics = free_port(), free_port(), free_port()
        self.agent_env = {}
        self.with_hub = hub
        self.hub = self.agent = None

    def start_hub(self):
        self.hub = Process([os.path.join(BIN, "whyhub"), "--listen", f"127.0.0.1:{self.rpc}", "--http", f"127.0.0.1:{self.http}",
                            "--store", f"sqlite:{self.folder}/hub.db", *self.hub_args], os.path.join(self.folder, "hub.log"))
        wait_for(lambda: http(self.http, "/readyz")[0] == 200 or not self.hub.alive(), 15, "the hub to be ready")
        if not self.hub.alive():
            raise RuntimeError("whyhub ended:\n" + self.hub.log())

    def start_agent(self, wait=True):
        argv = [os.path.join(BIN, "whyd"), "--node", self.node, "--state", self.state, "--run", self.run,
                "--metrics", f"127.0.0.1:{self.metrics}"]
        for folder in self.rules:
            argv += ["--rules", folder]
        if self.with_hub:
            argv += ["--hub", f"127.0.0.1:{self.rpc}"]
        self.agent = Process(argv + self.agent_args, os.path.join(self.folder, "agent.log"), env=self.agent_env)
        if wait:
            wait_for(lambda: http(self.metrics, "/readyz")[0] == 200 or not self.agent.alive(), 20, "the agent to be ready")
            if not self.agent.alive():
                raise RuntimeError("whyd ended:\n" + self.agent.log())

    def start(self):
        if self.with_hub:
            self.start_hub()
        self.start_agent()
        return self

    def why(self, *words, local=False, timeout=20):
        """(exit status, standard output, standard error) of one `why` command."""
        where = ["--local", "--run", self.run] if local else ["--hub", f"127.0.0.1:{self.rpc}"]
        done = subprocess.run([os.path.join(BIN, "why"), *words, *where], capture_output=True, text=True, timeout=timeout,
                              env={**os.environ, "NO_COLOR": "1"})
        return done.returncode, done.stdout, done.stderr

    def findings(self, local=False, since="1h"):
        """All findings of the last hour, open and resolved, newest revision of each."""
        status, out, err = self.why("findings", "-o", "jsonl", "--since", since, local=local)
        if status not in (0, 1, 2, 3):
            raise RuntimeError(f"why findings: status {status}: {err}")
        return [json.loads(line) for line in out.splitlines() if line.strip()]

    def explain(self, target=None, local=False, kind=None):
        words = ([kind] if kind else []) + ([target] if target else [])
        status, out, err = self.why(*words, "-o", "json", local=local)
        if not out.strip():
            raise RuntimeError(f"why: status {status}: {err}")
        return status, json.loads(out)

    def metric(self, name):
        """One value of the agent's /metrics without labels, or None."""
        for line in http(self.metrics, "/metrics")[1].splitlines():
            if line.startswith(f"why_{name} "):
                return float(line.split()[1])
        return None

    def stop(self):
        for process in (self.agent, self.hub):
            if process:
                process.stop()

    def discard(self):
        self.stop()
        if self.own_folder:
            shutil.rmtree(self.folder, ignore_errors=True)
