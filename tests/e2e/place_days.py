# SPDX-License-Identifier: Apache-2.0
"""The agent in a place like a container: mount and pid namespaces of its own, /sys read-only, no type information of the kernel."""
import os
import shutil
import signal
import subprocess

from kmsg import Log, gpu
from skip import Skip
from stand import BIN, Process, Stand, http, wait_for

ENTER = """set -e
mount -t tmpfs -o ro none /sys/kernel/btf
mount -o remount,ro,bind /sys
exec "$@"
"""


def contained(stand, *more):
    """whyd behind unshare; Skip where namespaces or mounts are refused."""
    if not shutil.which("unshare"):
        raise Skip("no unshare here")
    around = ["unshare", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc", "sh", "-c", ENTER, "sh"]
    tried = subprocess.run([*around, "true"], capture_output=True, text=True, check=False)
    if tried.returncode:
        raise Skip(f"cannot make such a place here: {tried.stderr.strip()}")
    stand.agent = Process([*around, os.path.join(BIN, "whyd"), "--node", stand.node, "--state", stand.state, "--run", stand.run,
                           "--metrics", f"127.0.0.1:{stand.metrics}", "--rules", stand.rules[0], *more],
                          os.path.join(stand.folder, "agent.log"))
    wait_for(lambda: http(stand.metrics, "/readyz")[0] == 200 or not stand.agent.alive(), 20, "the agent to be ready")
    assert stand.agent.alive(), stand.agent.log()


def end_inside(stand):
    """unshare itself hears no SIGTERM while it waits; whyd, the first process in there, does."""
    if not stand.agent or not stand.agent.alive():
        return
    inside = subprocess.run(["ps", "-o", "pid=", "--ppid", str(stand.agent.pid)], capture_output=True, text=True, check=False)
    for pid in inside.stdout.split():
        os.kill(int(pid), signal.SIGTERM)
    assert wait_for(lambda: not stand.agent.alive(), 10, "whyd to end as the first process of its namespace")


def test_without_type_information_and_writable_sys_it_says_what_is_missing():
    stand = Stand(hub=False, node="place-node")
    lines = Log(stand.folder)
    try:
        contained(stand, "--kmsg", lines.path)
        status, out, _ = stand.why("doctor", local=True)
        flat = " ".join(out.split())
        for collector in ("tasks", "exits", "oom", "tcp"):
            assert any(line.split()[:2] == ["failed", collector] for line in out.splitlines()), (collector, out)
        assert "/sys/kernel/btf/vmlinux" in flat and "CONFIG_DEBUG_INFO_BTF" in flat, out
        assert "mem.cgroup_oom" in flat, "doctor does not say which rules suffer:\n" + out
        assert status in (1, 2, 3), status
        for blind in ("cgroup", "cpu", "kernlog", "memory"):
            assert not any(line.split()[:2] == ["failed", blind] for line in out.splitlines()), (blind, out)
        # What it can see it diagnoses, and an answer says what it cannot.
        lines.add()
        found = wait_for(lambda: [f for f in stand.findings(local=True) if f["subject"]["id"] == gpu(0)], 10, "a finding of the log")
        assert found[0]["rule"] == "gpu.fell_off_bus"
        _, answer = stand.explain(local=True)
        assert answer["unknown"], "the answer does not say what it cannot see"
        assert stand.metric("node_memory_total_bytes") > 0 and stand.metric("node_cpu_count") >= 1
    finally:
        end_inside(stand)
        stand.discard()
