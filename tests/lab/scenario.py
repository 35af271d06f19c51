# SPDX-License-Identifier: Apache-2.0
"""One scenario folder: what it expects, its steps, the truth they wrote, and the verdict over a stand's findings."""
import json
import os
import subprocess
import time

import yaml

STEP_SECONDS = 60


class Scenario:
    def __init__(self, folder):
        self.folder = os.path.abspath(folder)
        self.name = os.path.basename(self.folder)
        with open(os.path.join(self.folder, "scenario.yaml"), encoding="utf-8") as f:
            self.spec = yaml.safe_load(f)
        self.tier = self.spec.get("tier", "native")
        self.expect = self.spec.get("expect")
        self.expect_none = self.spec.get("expect_none")
        if (self.expect is None) == (self.expect_none is None):
            raise ValueError(f"{self.name}: scenario.yaml needs exactly one of expect and expect_none")

    def step(self, name, scratch):
        """Run a step if it exists. False: it said (status 77) that this machine cannot do it."""
        path = os.path.join(self.folder, name)
        if not os.path.exists(path):
            return True
        env = {**os.environ, "LAB_TRUTH": os.path.join(scratch, "truth.jsonl"), "LAB_DIR": scratch,
               "LAB_NAME": self.name, "LAB_SCENARIO": self.folder, "LAB_KMSG": os.path.join(scratch, "kmsg"),
               "LAB": os.path.dirname(os.path.dirname(self.folder)),
               "PATH": os.path.dirname(os.path.abspath(__file__)) + ":" + os.environ["PATH"]}
        with open(os.path.join(scratch, "steps.log"), "ab") as log:
            done = subprocess.run([path], cwd=scratch, env=env, stdout=log, stderr=log, stdin=subprocess.DEVNULL,
                                  timeout=STEP_SECONDS, check=False)
        if done.returncode == 77:
            return False
        if done.returncode != 0:
            with open(os.path.join(scratch, "steps.log"), encoding="utf-8", errors="replace") as log:
                raise RuntimeError(f"{self.name}: {name} failed with {done.returncode}:\n{log.read()[-2000:]}")
        return True

    @staticmethod
    def truth(scratch):
        """The lines of the injector, later ones over earlier ones."""
        merged = {}
        try:
            with open(os.path.join(scratch, "truth.jsonl"), encoding="utf-8") as f:
                for line in f:
                    merged.update(json.loads(line))
        except FileNotFoundError:
            pass
        return merged


def subject_matches(finding, wanted, truth):
    """Each wanted key equals the finding's subject, {name} in a wanted value being filled from the truth."""
    for key, value in wanted.items():
        if str(finding["subject"].get(key)) != str(value).format(**truth):
            return False
    return True


def related(finding, expected):
    """A finding that the expected one explains, or that explains it, is part of the same answer."""
    ids = {expected["id"], *expected.get("because", [])} | {e.get("finding") for e in expected.get("explains", [])}
    return finding["id"] in ids or expected["id"] in finding.get("because", [])


def find_expected(findings, expect, truth):
    for finding in findings:
        if finding["rule"] == expect["rule"] and subject_matches(finding, expect.get("subject", {}), truth):
            return finding
    return None


def false_findings(findings, expect, expected):
    allowed = set((expect or {}).get("also", []))
    return [f for f in findings if f["severity"] == "critical" and not f.get("shadow") and f is not expected
            and f["rule"] not in allowed and not (expected and related(f, expected))]


def seconds_since(mono_ns):
    return time.monotonic() - mono_ns / 1e9


def job_answer(scenario, stand, truth):
    """(target, open findings) of `why job`, best first."""
    target = (scenario.expect or scenario.spec)["job"]["target"].format(**truth)
    _, answer = stand.explain(target, kind="job")
    return target, [f for f in answer["findings"] if f["state"] != "resolved" and not f.get("shadow")]


def job_problems(scenario, target, found):
    """What is wrong with `why job`: it must blame the expected rank by the expected rule, and no other rank. [] nothing."""
    rank = (scenario.expect or scenario.spec)["job"]["rank"]
    blamed = {}
    for f in found:
        for e in [f["subject"], *f["affected"]]:
            if f["severity"] != "info" and e["kind"] == "rank":
                blamed.setdefault(e["id"], []).append(f["rule"])
    right = None if rank == "none" else f"{target}/{rank}"
    problems = [f"why job blames {other} ({', '.join(rules)})" for other, rules in sorted(blamed.items()) if other != right]
    if right and scenario.expect["rule"] not in blamed.get(right, []):
        problems.append(f"why job says {blamed.get(right, 'nothing')} of rank {rank}")
    elif right and found[0]["rule"] != scenario.expect["rule"]:
        problems.append(f"why job begins with {found[0]['rule']}")
    elif not right:
        problems += [f"{f['rule']} on {f['subject']['id']}" for f in found if f["severity"] != "info"]
    return problems
