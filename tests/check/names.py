#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Folders and files are named by what they hold; every source says its licence. Cannot see: a vague name not on the list."""
import os
import re

import tree

VAGUE = {"util", "utils", "common", "helper", "helpers", "misc", "core", "lib", "shared", "stuff"}


def check(root):
    for room in tree.ROOMS:
        for folder, folders, names in os.walk(os.path.join(root, room)):
            folders[:] = [f for f in folders if f != "fixtures"]
            for name in folders + names:
                if name.split(".")[0] in VAGUE:
                    yield os.path.relpath(os.path.join(folder, name), root), 1, f"'{name}' says nothing: name it by its noun"
    for path in tree.files(root, [".c", ".h", ".py", ".proto"]):
        source = tree.text(root, path)
        if "SPDX-License-Identifier:" not in source[:400]:
            yield path, 1, "no SPDX-License-Identifier line"
        if path.endswith(".h") and not path.endswith(".skel.h"):
            head = source[:4000]
            if not re.search(r"^#ifndef \w+_H", source, re.M):
                yield path, 1, "no include guard"
            if not path.startswith(("tests/", "bpf/")) and "Room:" not in head:
                yield path, 1, "the header does not say its room, what it owns, thread, clock and bounds"


if __name__ == "__main__":
    tree.main("names", check)
