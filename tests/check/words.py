#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The project speaks of itself alone: no path of somebody's machine, no package registry's host."""
import os
import re

import tree

FORBIDDEN = [
    (r"^(?:<{7}|>{7}) ", "is left over from a merge"),
    (r"(?<![\w.])/(?:work|home|Users)/\w", "names a path of one machine"),
    (r"\b(?:pypi\.org|registry\.npmjs\.org|crates\.io|proxy\.golang\.org|repo1?\.maven\.org|deb\.debian\.org)\b", "names a package registry's host"),
]
SKIP = {"tests/check/words.py", "tests/check/selftest.py"}


def check(root):
    for folder, folders, names in os.walk(root):
        folders[:] = [f for f in folders if f not in (".git", "fixtures", "__pycache__") and f.split("-")[0] != "build"]
        for name in sorted(names):
            path = os.path.relpath(os.path.join(folder, name), root)
            if path in SKIP or os.path.getsize(os.path.join(root, path)) > 1 << 20:
                continue
            for number, line in tree.lines(root, path):
                for pattern, message in FORBIDDEN:
                    if re.search(pattern, line):
                        yield path, number, message


if __name__ == "__main__":
    tree.main("words", check)
