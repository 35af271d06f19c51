# SPDX-License-Identifier: Apache-2.0
"""kill -9 at random points under a stream of findings: none lost, none doubled."""
import collections
import random
import time

from kmsg import Log, gpu
from stand import Stand, wait_for

KILLS = 50
RULE = "gpu.fell_off_bus"


def subjects(stand):
    """How often each GPU is the subject of a finding at the hub."""
    return collections.Counter(f["subject"]["id"] for f in stand.findings() if f["rule"] == RULE)


def test_fifty_kills_lose_nothing_and_double_nothing():
    seed = time.time_ns()
    print(f"    seed {seed}")
    dice = random.Random(seed)
    stand = Stand(node="crash-node")
    log = Log(stand.folder)
    stand.agent_args = ["--kmsg", log.path]
    kills = {"hub": 0, "agent": 0}
    try:
        stand.start()
        for _ in range(KILLS):
            end = time.monotonic() + dice.uniform(0.05, 0.9)
            while time.monotonic() < end:
                log.add(dice.randint(1, 3))
                time.sleep(0.02)
            if dice.random() < 0.5:
                stand.hub.kill()
                kills["hub"] += 1
                log.add(5)
                stand.start_hub()
            else:
                stand.agent.kill()
                kills["agent"] += 1
                log.add(5)
                stand.start_agent(wait=False)
        wanted = {gpu(n) for n in range(log.count)}
        try:
            wait_for(lambda: set(subjects(stand)) == wanted, 90, f"all {log.count} findings at the hub", every=1)
        except TimeoutError as error:
            missing = sorted(wanted - set(subjects(stand)))
            raise AssertionError(f"{len(missing)} of {log.count} findings are lost, among them {missing[:5]}") from error
        doubled = [s for s, n in subjects(stand).items() if n > 1]
        assert not doubled, f"{len(doubled)} findings are doubled, among them {doubled[:5]}"
        assert kills["hub"] > 0 and kills["agent"] > 0, kills
        print(f"    {log.count} findings, {kills['hub']} kills of the hub, {kills['agent']} of the agent")
    finally:
        stand.discard()


def test_a_restarted_agent_takes_up_its_open_finding():
    stand = Stand(node="restart-node")
    log = Log(stand.folder)
    stand.agent_args = ["--kmsg", log.path]
    try:
        stand.start()
        log.add()
        before = wait_for(lambda: [f for f in stand.findings() if f["rule"] == RULE], 5, "the finding")[0]
        assert before["simulated"] is True, before
        stand.agent.kill()
        stand.start_agent()
        _, answer = stand.explain(local=True)
        after = [f for f in answer["findings"] if f["rule"] == RULE]
        assert [f["id"] for f in after] == [before["id"]], (before["id"], after)
        assert after[0]["opened_at"] == before["opened_at"]
        assert after[0]["state"] != "resolved"
    finally:
        stand.discard()


def test_a_hub_that_comes_late_gets_everything():
    stand = Stand(node="late-node")
    log = Log(stand.folder)
    stand.agent_args = ["--kmsg", log.path]
    try:
        stand.start_agent()
        log.add(20)
        wait_for(lambda: stand.explain(local=True)[1]["findings"], 5, "why --local to answer without a hub")
        stand.start_hub()
        wait_for(lambda: len(subjects(stand)) == 20, 70, "20 findings at the late hub", every=1)
    finally:
        stand.discard()
