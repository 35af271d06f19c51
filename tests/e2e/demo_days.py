# SPDX-License-Identifier: Apache-2.0
"""The demo, as a visitor runs it: right with the rules of this tree, and wrong, by its exit status, without the rule it is about."""
import glob
import os
import shutil
import subprocess
import tempfile

from stand import ROOT

RUN = os.path.join(ROOT, "packaging", "run")


def demo(*argv, **environment):
    """Its end in a process group of its own: when it hangs, all of it is ended, by id."""
    process = subprocess.Popen([*argv, "--demo"], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, stdin=subprocess.DEVNULL,
                               env={**os.environ, "NO_COLOR": "1", **environment}, start_new_session=True)
    try:
        out, _ = process.communicate(timeout=90)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, 15)
        out, _ = process.communicate(timeout=20)
        raise AssertionError(f"the demo hangs:\n{out}") from None
    left = glob.glob("/sys/fs/cgroup/**/whydemo-%d" % process.pid, recursive=True)
    assert not left, f"it left {left}"
    return process.returncode, out


def test_the_demo_finds_the_fault_and_prints_why():
    status, out = demo(RUN)
    assert status == 0, out
    assert "mem.cgroup_oom" in out and "the diagnosis is right" in out, out
    assert "limit" in out and "64 MiB" in out and "fix_workload" in out, out


def test_the_demo_fails_without_the_rule_that_it_is_about():
    with tempfile.TemporaryDirectory() as rules:
        for path in glob.glob(os.path.join(ROOT, "rules", "catalog", "*.why.yaml")):
            if "mem.cgroup_oom:" not in open(path, encoding="utf-8").read():
                shutil.copy(path, rules)
        assert os.listdir(rules)
        status, out = demo("/usr/bin/python3", RUN + ".py", WHY_RULES=rules)
        assert status == 1, (status, out)
        assert "the diagnosis is WRONG" in out and "no finding mem.cgroup_oom" in out, out
