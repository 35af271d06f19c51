# SPDX-License-Identifier: Apache-2.0
"""The source tree as the checks see it: files by room, includes by line, violations printed in one form."""
import os
import re
import sys

ROOMS = ["base", "model", "identity", "bpf", "collectors", "rules", "proto", "runtimes", "exporters", "agent", "hub", "cli", "tests"]
INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]')


def files(root, suffixes, rooms=ROOMS):
    for room in rooms:
        for folder, folders, names in os.walk(os.path.join(root, room)):
            folders.sort()
            folders[:] = [f for f in folders if f not in ("fixtures", "__pycache__")]
            for name in sorted(names):
                if name.endswith(tuple(suffixes)):
                    yield os.path.relpath(os.path.join(folder, name), root)


def text(root, path):
    with open(os.path.join(root, path), encoding="utf-8", errors="replace") as f:
        return f.read()


def lines(root, path):
    return enumerate(text(root, path).split("\n"), 1)


def includes(root, path):
    for number, line in lines(root, path):
        match = INCLUDE.match(line)
        if match:
            yield number, match.group(1) == "<", match.group(2)


def without_comments_and_strings(source):
    """Same length and lines, comments and string contents blanked: so that words in prose do not count."""
    def blank(match):
        return re.sub(r"[^\n]", " ", match.group(0))
    return re.sub(r'/\*.*?\*/|//[^\n]*|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'', blank, source, flags=re.S)


def finish(name, found):
    for path, number, message in found:
        print(f"{path}:{number}: {name}: {message}")
    return 1 if found else 0


def main(name, check):
    root = sys.argv[1] if len(sys.argv) > 1 else "."
    sys.exit(finish(name, list(check(root))))
