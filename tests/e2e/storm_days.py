# SPDX-License-Identifier: Apache-2.0
"""Processes that are born and die by the thousands each second: the agent stays small, answers, and says what it costs."""
import os
import subprocess
import time

from stand import BIN, Stand

FORKS = os.path.join(os.path.dirname(BIN), "tests", "lab", "forks_tool")
A_SECOND, SECONDS = 5000, 10


def test_thousands_of_processes_a_second_leave_it_small_and_answering():
    stand = Stand(hub=False)
    storm = None
    try:
        stand.start()
        time.sleep(2)
        before, cpu, begin = stand.agent.rss_bytes(), stand.agent.cpu_seconds(), time.monotonic()
        storm = subprocess.Popen([FORKS, "fork", str(A_SECOND * SECONDS), str(A_SECOND)], stdout=subprocess.PIPE, text=True)
        most, shares, slowest = 0, [], 0.0
        while storm.poll() is None:
            asked = time.monotonic()
            status, answer = stand.explain(local=True)
            slowest = max(slowest, time.monotonic() - asked)
            assert status in (0, 1, 2, 3) and answer["findings"] is not None
            shares.append(stand.metric("whyd_cpu_ratio"))
            most = max(most, stand.agent.rss_bytes())
            assert time.monotonic() - begin < 90, "the storm does not end"
            time.sleep(0.3)
        assert storm.returncode == 0
        spent = (stand.agent.cpu_seconds() - cpu) / (time.monotonic() - begin)
        print(f"    {storm.stdout.read().split()[2]} processes a second; whyd took {spent:.1%} of a core, at most {most >> 20} MiB, "
              f"slowest answer {slowest * 1000:.0f} ms")
        assert most - before < 16 << 20, f"grew by {(most - before) >> 20} MiB"
        assert None not in shares, "the agent does not say what it costs"
        # It reports each second what the kernel counts for it: the mean of the reports is near the whole.
        said = sum(shares) / len(shares)
        assert 0.3 * spent - 0.02 <= said <= 3 * spent + 0.02, f"says {said:.3f} of a core, took {spent:.3f}"
        assert spent < 0.5, f"{spent:.2f} of a core for nothing"
    finally:
        if storm and storm.poll() is None:
            storm.kill()
            storm.wait()
        stand.discard()
