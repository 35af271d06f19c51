#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Arrows point down: which room may include which (ARCHITECTURE.md, "Rooms"). Cannot see: calls by extern declaration."""
import tree

MAY = {
    "base": ["base"],
    "model": ["model", "base"],
    "bpf": ["bpf"],
    "identity": ["identity", "model", "base"],
    "collectors": ["collectors", "identity", "model", "base", "bpf"],
    "rules": ["rules", "model", "base"],
    "proto": ["proto", "model", "base"],
    "runtimes": ["runtimes", "proto", "collectors", "identity", "model", "base"],
    "exporters": ["exporters", "proto", "model", "base"],
    "agent": ["agent", "exporters", "proto", "rules", "collectors", "runtimes", "identity", "bpf", "model", "base"],
    "hub": ["hub", "proto", "rules", "model", "base"],
    "cli": ["cli", "proto", "model", "base"],
}
# `why rules check|test` and `why replay` run the engine on files: the command line may enter the rules room, in these files only.
EXTRA = {"cli/cmd_rules.c": ["rules", "collectors"], "cli/cmd_replay.c": ["rules", "collectors"], "cli/offline.c": ["rules", "collectors"],
         "cli/compare.c": ["rules"]}
GENERATED = {"why.pb-c.h": ["proto"], "health.pb-c.h": ["proto"]}


def check(root):
    for path in tree.files(root, [".c", ".h"], list(MAY)):
        room = path.split("/")[0]
        allowed = MAY[room] + EXTRA.get(path, [])
        for number, system, target in tree.includes(root, path):
            if system or path.endswith(".bpf.c"):
                continue
            first = target.split("/")[0]
            if first == "tests":
                yield path, number, "a product file includes a test's header"
            elif first == "bpf" and target.endswith(".skel.h") and room != "collectors":
                yield path, number, "a skeleton belongs to its collector alone"
            elif first in tree.ROOMS and first not in allowed:
                yield path, number, f"{room} may not include {first} (allowed: {', '.join(allowed)})"


if __name__ == "__main__":
    tree.main("includes", check)
