# SPDX-License-Identifier: Apache-2.0
"""Whose process is it, asked of a real agent and a real hub about real processes that say so in their environment."""
import json
import os
import signal
import subprocess

from stand import Stand, wait_for


class Job:
    """As torchrun starts its ranks; each has a helper of its own."""

    def __init__(self, run_id, ranks):
        self.run_id = run_id
        self.ranks = [subprocess.Popen(["sh", "-c", "sleep 600 & exec sleep 601"], env=self.environment(i, ranks)) for i in range(ranks)]

    def environment(self, rank, ranks):
        return dict(os.environ, RANK=str(rank), LOCAL_RANK=str(rank), GROUP_RANK="0", ROLE_RANK=str(rank), ROLE_NAME="default",
                    WORLD_SIZE=str(ranks), LOCAL_WORLD_SIZE=str(ranks), MASTER_ADDR="127.0.0.1", MASTER_PORT="29500",
                    TORCHELASTIC_RUN_ID=self.run_id, TORCHELASTIC_RESTART_COUNT="1", WHY_SECRET="hunter2-planted")

    def helper(self, rank):
        pid = self.ranks[rank].pid
        with open(f"/proc/{pid}/task/{pid}/children", encoding="ascii") as f:
            return int(f.read().split()[0])

    def end(self):
        for i, rank in enumerate(self.ranks):
            for pid in (self.helper(i), rank.pid):
                os.kill(pid, signal.SIGKILL)
            rank.wait()


class Scene:
    def __init__(self, *jobs):
        self.stand = Stand(node="who-node")
        self.jobs = jobs
        self.stand.start()
        wait_for(lambda: self.stand.explain(local=True)[1]["evaluated"], 20, "the first full evaluation")
        for job in jobs:
            wait_for(lambda: self.stand.why("rank", f"{job.run_id}:{len(job.ranks) - 1}", local=True)[0] == 0, 20,
                     f"the last rank of {job.run_id}")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for job in self.jobs:
            job.end()
        self.stand.discard()

    def ask(self, *words, status=0, local):
        got, out, err = self.stand.why(*words, local=local)
        assert got == status, (words, local, got, out, err)
        assert "hunter2" not in out + err
        return " ".join((out if status < 64 else err).split())

    def who(self, *words, local):
        _, out, err = self.stand.why(*words, "-o", "json", local=local)
        return {(w["role"], w.get("id")): w for w in json.loads(out or err)["who"]}


def test_every_way_to_ask_says_who_it_is():
    job = Job("whollama", 3)
    with Scene(job) as s:
        for local in (True, False):
            pid = job.ranks[2].pid
            said = s.ask("pid", str(pid), local=local)
            assert f"sleep[{pid}] is rank 2 of job torchrun:whollama (restart 1)" in said and "known from" in said, said
            assert "OK no finding" in said, said
            said = s.ask("pid", f"{job.helper(2)}@who-node", local=local)
            assert "rank 2 of job torchrun:whollama" in said, said
            for word in ("torchrun:whollama/1", "torchrun:whollama:1", "whollama:1", "whollama/1", "whol:1"):
                said = s.ask("rank", word, local=local)
                assert "rank 1 of job torchrun:whollama" in said and "nothing found" in said, said
                assert f"sleep[{job.ranks[1].pid}]" in said, said
            for word in ("torchrun:whollama", "whollama", "whol"):
                said = s.ask("job", word, local=local)
                assert "job torchrun:whollama (world size 3) ranks 0-2: nothing found" in said, said
            assert "ranks 0-2" in s.ask("whollama", local=local)
            who = s.who("job", "whollama", local=local)
            assert who["self", "torchrun:whollama"]["attrs"]["world_size"] == "3"
            assert who["member", "torchrun:whollama/2"]["status"] == "ok"
            assert who["member", "torchrun:whollama/2"]["node"] == "who-node"
            assert "no open finding" in s.ask("findings", "--job", "whollama", local=local)


def test_what_is_ambiguous_or_unknown_is_66_with_names():
    one, two = Job("whoalpha-1", 1), Job("whoalpha-2", 1)
    with Scene(one, two) as s:
        for local in (True, False):
            said = s.ask("job", "whoalpha", status=66, local=local)
            assert "why job torchrun:whoalpha-1 # " in said and "why job torchrun:whoalpha-2 # " in said, said
            said = s.ask("rank", "whoalpha:0", status=66, local=local)
            assert f"sleep[{one.ranks[0].pid}]" in said and f"sleep[{two.ranks[0].pid}]" in said, said
            said = s.ask("job", "whoalpha-3", status=66, local=local)
            assert "nothing" in said or "no " in said
            s.ask("container", "abcdef", status=66, local=local)
            s.ask("pod", "nobody/knows", status=66, local=local)
            s.ask("pid", "4194304", status=66, local=local)
            said = s.ask("findings", "--cause", "proc.stoped", status=66, local=local)
            assert "proc.stopped" in said, said
            s.ask("findings", "--cause", "proc.stopped", local=local)
            s.ask("findings", "--job", "nobody", status=66, local=local)
        said = s.ask("job", "whoalpha-3", status=66, local=True)
        assert "did you mean 'whoalpha-1'" in said, said


def test_a_stopped_rank_is_named_and_no_other():
    job = Job("whostop", 4)
    with Scene(job) as s:
        # Not by this process, which started it: that would be a suspension, as batch systems do.
        subprocess.run(["kill", "-STOP", str(job.ranks[3].pid)], check=True)
        wait_for(lambda: s.stand.why("job", "whostop")[0] in (1, 2), 15, "the hub to say what is wrong with the job")
        for local in (True, False):
            who = s.who("job", "whostop", local=local)
            states = [who["member", f"torchrun:whostop/{i}"]["status"] for i in range(4)]
            assert states[:3] == ["ok"] * 3 and states[3] in ("warning", "critical"), states
            _, out, _ = s.stand.why("job", "whostop", local=local)
            assert "rank 3" in out and "is stopped" in out and "ranks        0-2: nothing found" in out, out
        os.kill(job.ranks[3].pid, signal.SIGCONT)


def test_a_job_named_to_deceive_changes_only_its_own_line():
    job = Job("who\033[2J\033[31mevil\nOK", 1)
    with Scene() as s:
        try:
            for local in (True, False):
                wait_for(lambda: s.stand.why("pid", str(job.ranks[0].pid), local=local)[1].count("rank 0"), 20, "the rank")
                _, out, _ = s.stand.why("pid", str(job.ranks[0].pid), local=local)
                assert "\033" not in out and "\nOK" not in out and "\\x1B[2J" in out, out
        finally:
            job.end()
