# SPDX-License-Identifier: Apache-2.0
"""GPUs by the stand-in for NVIDIA's library (tests/gpu/fake_nvml.c): slow, lost, hanging, and none at all. No real GPU."""
import os
import subprocess
import time

from stand import BIN, Stand, http, wait_for

LIBRARY = os.path.join(os.path.dirname(BIN), "tests", "gpu", "libnvidia-ml.so.1")
GPU = ["0000:10:00.0", "0000:11:00.0", "0000:12:00.0"]


class GpuStand(Stand):
    """An agent with fake GPUs, and a process that uses the second one."""

    def __init__(self):
        super().__init__(node="gpu-node", hub=False, agent_args=["--nvml", LIBRARY])
        self.user = subprocess.Popen(["sleep", "600"])
        self.scenario = os.path.join(self.folder, "scenario")
        self.say("")
        os.environ["FAKE_NVML"] = self.scenario

    def say(self, text):
        with open(self.scenario + ".next", "w", encoding="utf-8") as f:
            f.write(f"driver.count = 3\n1.process = {self.user.pid} 4000000000\n" + text)
        os.rename(self.scenario + ".next", self.scenario)

    def value(self, name, gpu):
        for line in http(self.metrics, "/metrics")[1].splitlines():
            if line.startswith(f'why_{name}{{gpu="{gpu}"'):
                return float(line.split()[-1])
        return None

    def opened(self, rule, seconds):
        found = wait_for(lambda: [f for f in self.findings(local=True) if f["rule"] == rule and f["state"] != "resolved"], seconds, rule)
        assert len(found) == 1, found
        assert found[0]["simulated"] is True, found
        return found[0]

    def resolved(self, rule, seconds):
        wait_for(lambda: [f for f in self.findings(local=True) if f["rule"] == rule and f["state"] == "resolved"], seconds,
                 f"the end of {rule}")

    def discard(self):
        os.environ.pop("FAKE_NVML", None)
        self.user.kill()
        self.user.wait()
        super().discard()


def test_a_hot_gpu_that_works_is_found_and_named_with_who_uses_it():
    stand = GpuStand()
    try:
        stand.start()
        stand.say("*.utilization = 96\n*.clock_sm = 1980\n"
                  "1.temperature = 91\n1.clock_sm = 1095\n1.held_hw_thermal = 0 +400000000/s\n")
        found = stand.opened("gpu.thermal_slowdown", 90)
        assert found["subject"]["id"] == GPU[1], found["subject"]
        assert found["severity"] == "warning", found
        assert any(a["kind"] == "process" and a["id"].startswith(f"{stand.user.pid}/") for a in found["affected"]), found["affected"]
    finally:
        stand.discard()


def test_a_hanging_call_is_named_and_delays_nobody():
    stand = GpuStand()
    try:
        stand.start()
        wait_for(lambda: stand.value("gpu_answers", GPU[1]) == 1, 20, "the first reading")
        stand.say("1.hang = nvmlDeviceGetTemperature\n")
        slowest, end = 0, time.monotonic() + 12
        while time.monotonic() < end:  # over the deadline, and the start of the next child
            began = time.monotonic()
            assert stand.explain(local=True)[1], "no answer"
            slowest = max(slowest, time.monotonic() - began)
            time.sleep(0.1)
        assert slowest < 3, f"an answer took {slowest:.1f} s while a call hung"
        found = stand.opened("gpu.driver_hangs", 20)
        assert found["subject"]["id"] == GPU[1], found["subject"]
        assert "nvmlDeviceGetTemperature" in found["title"], found["title"]
        wait_for(lambda: stand.value("gpu_answers", GPU[0]) == 1 and stand.value("gpu_answers", GPU[1]) == 0, 20,
                 "the other GPUs read on")
        children = subprocess.run(["ps", "-o", "args=", "--ppid", str(stand.agent.pid)], capture_output=True, text=True, check=False).stdout
        assert children.count("--isolated gpu_nvml") <= 1, children
    finally:
        stand.discard()


def test_a_lost_gpu_is_found_and_its_return_too():
    stand = GpuStand()
    try:
        stand.start()
        wait_for(lambda: stand.value("gpu_answers", GPU[1]) == 1, 20, "the first reading")
        stand.say("1.state = lost\n")
        found = stand.opened("gpu.lost", 20)
        assert found["subject"]["id"] == GPU[1] and found["remedy"]["action"] == "reboot_node", found
        stand.say("")
        stand.resolved("gpu.lost", 60)
    finally:
        stand.discard()


def test_without_a_gpu_the_collector_is_absent_and_says_why():
    if os.path.exists("/proc/driver/nvidia/version"):
        return
    stand = Stand(hub=False)
    try:
        stand.start()
        _, out, _ = stand.why("doctor", local=True)
        assert "gpu_nvml" in out and "no NVIDIA GPU" in " ".join(out.split()), out
        children = subprocess.run(["ps", "-o", "args=", "--ppid", str(stand.agent.pid)], capture_output=True, text=True, check=False).stdout
        assert "gpu_nvml" not in children, children
        assert not [f for f in stand.findings(local=True) if f["rule"].startswith("gpu.")]
    finally:
        stand.discard()
