# SPDX-License-Identifier: Apache-2.0
"""A hub that takes connections and then stands still: the agent keeps what matters, within bounds, and delivers it afterwards."""
import os
import signal
import tempfile
import time

from kmsg import Log, gpu
from stand import Stand, wait_for

RULES = """rules: why/v1
pack: { name: team, version: 1.0.0 }
causes:
  team.blip:
    title: "GPU {gpu.key} had a blip"
    scope: gpu
    trigger: count(gpu.xid == 13, 2s) >= 1
    requires: [{ id: xid, when: "count(gpu.xid == 13, 2s) >= 1", show: "{value} lines" }]
    confidence: { prior: 0.9, report_at: 0.5 }
    severity: warning
    hold: { clear_after: 1s }
    remedy: { action: none }
  team.stays:
    title: "GPU {gpu.key} is gone"
    scope: gpu
    trigger: count(gpu.xid == 79, 1h) >= 1
    requires: [{ id: xid, when: "count(gpu.xid == 79, 1h) >= 1", show: "{value} lines" }]
    confidence: { prior: 0.9, report_at: 0.5 }
    severity: critical
    hold: { clear_after: 1h }
    remedy: { action: none }
"""
MAX_RECORDS = 200


class StallStand(Stand):
    def __init__(self, own):
        with open(os.path.join(own, "team.why.yaml"), "w", encoding="utf-8") as f:
            f.write(RULES)
        config = os.path.join(own, "whyd.yaml")
        with open(config, "w", encoding="utf-8") as f:
            f.write(f"spool:\n  max_records: {MAX_RECORDS}\n")
        super().__init__(node="stall-node", rules=[own])
        self.lines = Log(self.folder)
        self.agent_args = ["--config", config, "--kmsg", self.lines.path]

    def halt_hub(self):
        self.hub.process.send_signal(signal.SIGSTOP)

    def discard(self):
        if self.hub and self.hub.alive():
            self.hub.process.send_signal(signal.SIGCONT)
        super().discard()

    def at_hub(self, rule):
        return {f["subject"]["id"]: f for f in self.findings() if f["rule"] == rule}

    def still_well(self, memory):
        """Local answers and memory while the hub stands still."""
        _, answer = self.explain(local=True)
        assert any(f["rule"] == "team.stays" for f in answer["findings"]), answer
        grown = self.agent.rss_bytes() - memory
        assert grown < 16 << 20, f"grew by {grown >> 20} MiB"
        waiting = self.metric("hub_stream_unacked_records")
        assert waiting <= MAX_RECORDS, f"{waiting} changes wait, {MAX_RECORDS} may"


def test_a_hub_that_never_reads_costs_the_oldest_resolved_findings_only():
    with tempfile.TemporaryDirectory() as own:
        stand = StallStand(own)
        try:
            stand.start_hub()
            stand.halt_hub()  # the kernel goes on taking its connections
            stand.start_agent()
            memory = stand.agent.rss_bytes()
            stand.lines.add(1)  # stays open, and is older than all that follows
            waves = 3
            for _ in range(waves):
                stand.lines.add(60, code=13)  # two changes each: opened, resolved
                wait_for(lambda: len([f for f in stand.findings(local=True) if f["state"] == "resolved"]) == stand.lines.count - 1, 12,
                         "the wave to be resolved", every=0.3)
                stand.still_well(memory)
            assert stand.metric("hub_stream_connected") == 0
            dropped = stand.metric("hub_stream_dropped_resolved_total")
            assert dropped >= 2 * (waves * 60 + 1) - 1 - MAX_RECORDS - 1, dropped
            _, doctor, _ = stand.why("doctor", local=True)
            assert "dropped" in doctor and "spool.max_records" in doctor, doctor
            stand.hub.process.send_signal(signal.SIGCONT)
            wait_for(lambda: stand.metric("hub_stream_unacked_records") == 0, 60, "all that was kept to be acked", every=0.3)
            assert list(stand.at_hub("team.stays")) == [gpu(0)], "the open finding was lost"
            numbers = [gpu(n) for n in range(1, stand.lines.count)]
            kept = stand.at_hub("team.blip")
            assert all(f["state"] == "resolved" for f in kept.values())
            assert 2 * len(kept) >= MAX_RECORDS * 3 // 4, f"only {len(kept)} are kept"
            # Those of one wave come in one tick, in no order; of older waves nothing may be left while newer ones were dropped.
            of_wave = [sum(n in kept for n in numbers[i:i + 60]) for i in range(0, len(numbers), 60)]
            assert of_wave == sorted(of_wave), f"not the oldest were dropped: {of_wave}"
            assert of_wave[-1] == 60 and of_wave[0] == 0, of_wave
        finally:
            stand.discard()


def test_a_hub_that_stops_in_the_middle_gets_everything_afterwards():
    with tempfile.TemporaryDirectory() as own:
        stand = StallStand(own)
        try:
            stand.start()
            stand.lines.add(5)
            wait_for(lambda: len(stand.at_hub("team.stays")) == 5, 10, "the first findings at the hub")
            memory = stand.agent.rss_bytes()
            stand.halt_hub()
            for _ in range(12):
                stand.lines.add(10)
                time.sleep(0.3)
            stand.still_well(memory)
            wait_for(lambda: len(stand.findings(local=True)) == 125, 5, "all findings on the node")
            stand.hub.process.send_signal(signal.SIGCONT)
            wait_for(lambda: len(stand.at_hub("team.stays")) == 125, 30, "all 125 findings at the hub", every=0.3)
            wait_for(lambda: stand.metric("hub_stream_unacked_records") == 0, 10, "the acks")
            assert len(stand.findings()) == 125, "findings are doubled"
            assert stand.metric("hub_stream_dropped_resolved_total") == 0
        finally:
            stand.discard()
