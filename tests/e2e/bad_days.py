# SPDX-License-Identifier: Apache-2.0
"""Broken rules and configuration, a full disk, floods, missing privileges: the agent goes on and says so."""
import os
import shutil
import subprocess
import tempfile
import threading
import time

from kmsg import Log, xid_line
from skip import Skip
from stand import BIN, ROOT, Process, Stand, http, wait_for

CATALOG = os.path.join(ROOT, "rules", "catalog")
BROKEN = """rules: why/v1
pack: { name: team, version: 1.0.0 }
causes:
  team.good:
    title: "load on {node.name}"
    scope: node
    trigger: node.cpu.idle_ratio > 2
    requires: [{ id: idle, when: "node.cpu.idle_ratio > 2", show: "never" }]
    confidence: { prior: 0.5, report_at: 0.5 }
    severity: warning
    hold: { clear_after: 1m }
    remedy: { action: none }
  team.bad:
    title: "x"
    scope: node
    trigger: node.cpu.idel_ratio > 2
    requires: [{ id: idle, when: "node.cpu.idle_ratio > 2", show: "never" }]
    confidence: { prior: 0.5, report_at: 0.5 }
    severity: warning
    hold: { clear_after: 1m }
    remedy: { action: none }
tests: []
"""


def rules_of(stand):
    status, out, err = stand.why("rules", "list", local=True)
    assert status == 0, (status, err)
    return out


def test_a_bad_rule_is_refused_with_its_place_and_the_rest_runs():
    with tempfile.TemporaryDirectory() as own:
        stand = Stand(hub=False, rules=[CATALOG, own])
        try:
            stand.start()
            path = os.path.join(own, "team.why.yaml")
            with open(path, "w", encoding="utf-8") as f:
                f.write(BROKEN)
            listed = wait_for(lambda: (lambda t: t if "team.bad" in t else None)(rules_of(stand)), 10, "the reload by inotify")
            assert f"{path}:16:" in listed and "node.cpu.idel_ratio" in listed, listed
            assert "team.good" in listed and "mem.cgroup_oom" in listed, listed
            wait_for(lambda: [f for f in stand.findings(local=True) if f["rule"] == "whyd.rule_rejected"], 10, "a finding about it")
            with open(path, "w", encoding="utf-8") as f:
                f.write(BROKEN.replace("idel", "idle"))
            wait_for(lambda: "error[" not in rules_of(stand), 10, "the mended rule")
        finally:
            stand.discard()


def test_a_bad_configuration_is_refused_with_its_place_and_the_rest_runs():
    with tempfile.TemporaryDirectory() as own:
        path = os.path.join(own, "whyd.yaml")
        with open(path, "w", encoding="utf-8") as f:
            f.write("collect:\n  interval: fast\nnode:\n  name: from-file\n")
        stand = Stand(hub=False, agent_args=["--config", path])
        try:
            stand.start()
            assert f"{path}:2:" in stand.agent.log(), stand.agent.log()
            assert http(stand.metrics, "/readyz")[0] == 200
        finally:
            stand.discard()


def test_a_wrong_word_on_the_command_line_ends_with_64():
    done = subprocess.run([os.path.join(BIN, "whyd"), "--nod", "x"], capture_output=True, text=True, timeout=10)
    assert done.returncode == 64, done
    assert "--node" in done.stderr, done.stderr


def test_a_full_state_folder_is_a_finding_and_no_busy_loop():
    stand = Stand(hub=False)
    log = Log(stand.folder)
    stand.agent_args = ["--kmsg", log.path]
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=4m", "whytest", stand.state], check=False).returncode:
        raise Skip("cannot mount a tmpfs here")
    try:
        stand.start()
        with open(os.path.join(stand.state, "filler"), "wb", buffering=0) as f:
            try:
                while True:
                    f.write(b"x" * 65536)
            except OSError:
                pass
        log.add(3)
        found = wait_for(lambda: [f for f in stand.explain(local=True)[1]["findings"] if f["rule"] == "whyd.state_full"], 20,
                         "a finding about the full state folder")
        assert found[0]["severity"] in ("warning", "critical")
        before = stand.agent.cpu_seconds()
        time.sleep(3)
        assert stand.agent.alive()
        used = stand.agent.cpu_seconds() - before
        assert used < 1.5, f"{used} s of CPU in 3 s: a busy loop"
        os.unlink(os.path.join(stand.state, "filler"))
        log.add(1)
        wait_for(lambda: any(f["rule"] == "gpu.fell_off_bus" for f in stand.findings(local=True)), 20, "storing again")
    finally:
        stand.stop()
        subprocess.run(["umount", "-l", stand.state], check=False)
        stand.discard()


def test_a_flood_of_the_kernel_log_does_not_silence_the_socket():
    stand = Stand(hub=False)
    fifo = os.path.join(stand.folder, "fifo")
    os.mkfifo(fifo)
    stand.agent_args = ["--kmsg", fifo]
    stop = threading.Event()

    def flood():
        number = 0
        try:
            with open(fifo, "w", encoding="utf-8") as f:
                while not stop.is_set() and number < 2_000_000:
                    f.write("".join(f"6,{number + i},{(number + i) * 10},-;audit: line {number + i} of a flood\n" for i in range(1000)))
                    number += 1000
        except BrokenPipeError:
            pass  # the agent was stopped first
    writer = threading.Thread(target=flood, daemon=True)
    try:
        stand.start_agent(wait=False)
        writer.start()
        wait_for(lambda: http(stand.metrics, "/healthz")[0] == 200, 20, "the agent")
        time.sleep(1)
        worst = 0.0
        for _ in range(20):
            begin = time.monotonic()
            status, out, err = stand.why("-o", "json", local=True)
            worst = max(worst, time.monotonic() - begin)
            assert out.strip(), (status, err)
            time.sleep(0.05)
        print(f"    slowest answer {worst * 1000:.0f} ms, process start included")
        assert worst < 2, f"an answer took {worst} s"
        assert stand.agent.rss_bytes() < 96 << 20, stand.agent.rss_bytes()
    finally:
        stop.set()
        stand.agent.stop()
        stand.discard()


def test_a_storm_of_one_fault_is_one_finding_with_a_count():
    stand = Stand(hub=False)
    path = os.path.join(stand.folder, "kmsg")
    with open(path, "w", encoding="utf-8") as f:
        for n in range(20000):
            f.write(xid_line(7).replace("4,8,", f"4,{n + 1},"))
    stand.agent_args = ["--kmsg", path]
    try:
        stand.start()
        found = wait_for(lambda: [f for f in stand.findings(local=True) if f["rule"] == "gpu.fell_off_bus"], 10, "the finding")
        time.sleep(3)
        found = [f for f in stand.findings(local=True) if f["rule"] == "gpu.fell_off_bus"]
        assert len(found) == 1, len(found)
        # 8 a second are told one by one, the others as one event with their count: none is passed over.
        assert found[0]["count"] == 20000, found[0]["count"]
        lost = [f for f in stand.findings(local=True) if f["rule"] == "whyd.log_lost"]
        assert not lost, lost
    finally:
        stand.discard()


def test_thousands_of_short_processes_leave_memory_bounded():
    stand = Stand(hub=False)
    try:
        stand.start()
        before = stand.agent.rss_bytes()
        subprocess.run(["bash", "-c", "for i in $(seq 4000); do /bin/true & if (( i % 200 == 0 )); then wait; fi; done; wait"], check=True)
        for _ in range(3):
            subprocess.run(["bash", "-c", "for i in $(seq 1000); do (exit 3) & if (( i % 200 == 0 )); then wait; fi; done; wait"], check=True)
        time.sleep(2)
        grown = stand.agent.rss_bytes() - before
        assert stand.agent.alive()
        assert grown < 24 << 20, f"grew by {grown >> 20} MiB"
    finally:
        stand.discard()


def test_without_root_it_runs_and_says_what_is_missing():
    folder = tempfile.mkdtemp(prefix="why-nobody-")
    os.chmod(folder, 0o777)
    stand = Stand(hub=False, folder=folder)
    for path in (stand.state, stand.run):
        os.chmod(path, 0o777)
    # The programs must be readable for nobody, whatever folder the tree lies in.
    binary = os.path.join(folder, "whyd")
    shutil.copy(os.path.join(BIN, "whyd"), binary)
    rules = os.path.join(folder, "rules")
    shutil.copytree(CATALOG, rules)

    def drop():
        os.setgid(65534)
        os.setuid(65534)
    try:
        stand.agent = Process([binary, "--state", stand.state, "--run", stand.run, "--rules", rules, "--metrics",
                               f"127.0.0.1:{stand.metrics}"], os.path.join(folder, "agent.log"), preexec=drop)
        wait_for(lambda: http(stand.metrics, "/readyz")[0] == 200 or not stand.agent.alive(), 20, "the agent to be ready")
        assert stand.agent.alive(), stand.agent.log()
        status, out, _ = stand.why("doctor", local=True)
        assert "failed" in out and "tasks" in out, out
        assert "mem.cgroup_oom" in out, "doctor does not say which rules suffer:\n" + out
        _, answer = stand.explain(local=True)
        assert answer["unknown"], "the answer does not say what it cannot see"
    finally:
        stand.stop()
        shutil.rmtree(folder, ignore_errors=True)


def test_a_fixture_root_without_psi_and_cgroups_runs():
    root = tempfile.mkdtemp(prefix="why-root-")
    os.makedirs(os.path.join(root, "proc", "sys", "kernel", "random"))
    os.makedirs(os.path.join(root, "sys"))
    with open(os.path.join(root, "proc", "stat"), "w", encoding="utf-8") as f:
        f.write("cpu  10 0 10 1000 0 0 0 0 0 0\ncpu0 10 0 10 1000 0 0 0 0 0 0\nprocs_running 1\nprocs_blocked 0\nprocesses 9\n")
    stand = Stand(hub=False, agent_args=["--root-prefix", root])
    try:
        stand.start()
        _, out, _ = stand.why("doctor", local=True)
        assert "pressure" in out and "cgroup" in out, out
    finally:
        stand.discard()
        shutil.rmtree(root, ignore_errors=True)
