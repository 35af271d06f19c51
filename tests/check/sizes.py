#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Files, functions and lines stay small; goto stays in the kernel half. Cannot see: whether a split was by meaning."""
import re

import tree

MAX_FILE, MAX_FUNCTION, MAX_LINE = 600, 80, 125


def functions(source):
    """Start line, end line and name of each function: a body opens with '{' in column 1 and closes with '}' there."""
    rows = source.split("\n")
    start = None
    for number, row in enumerate(rows, 1):
        if row == "{":
            start = number
        elif row == "}" and start:
            head = "\n".join(rows[max(0, start - 6):start - 1])
            names = re.findall(r"(\w+)\s*\(", head)
            yield start, number, names[-1] if names else "?"
            start = None


def check(root):
    for path in tree.files(root, [".c", ".h"]):
        source = tree.text(root, path)
        rows = source.split("\n")
        product = not path.startswith("tests/")
        if product and path.endswith(".c") and len(rows) > MAX_FILE:
            yield path, len(rows), f"{len(rows)} lines; a file ends by {MAX_FILE}: split it by meaning"
        for number, row in enumerate(rows, 1):
            if len(row.expandtabs(8)) > MAX_LINE:
                yield path, number, f"{len(row.expandtabs(8))} columns; a line ends by {MAX_LINE}"
        if product:
            for start, end, name in functions(source):
                if end - start - 1 > MAX_FUNCTION:
                    yield path, start, f"{name}() has {end - start - 1} lines; a function ends by {MAX_FUNCTION}"
        if not path.endswith(".bpf.c"):
            blanked = tree.without_comments_and_strings(source)
            for match in re.finditer(r"\bgoto\b", blanked):
                yield path, blanked.count("\n", 0, match.start()) + 1, "goto: use a cleanup attribute (base/cleanup.h)"


if __name__ == "__main__":
    tree.main("sizes", check)
