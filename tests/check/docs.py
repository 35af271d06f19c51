#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Pages made from tables are current: made anew, they are the same. Cannot see: whether hand-written pages are true."""
import os
import subprocess
import tempfile

import tree


def check(root):
    maker = os.path.join(root, "packaging", "make-docs")
    made = [os.path.join(root, "build", *path.split("/")) for path in ("bin/why", "tests/identity/tables_tool")]
    if not os.path.exists(maker) or not all(os.path.exists(path) for path in made):
        return
    with tempfile.TemporaryDirectory() as fresh:
        done = subprocess.run([maker, fresh], capture_output=True, text=True)
        if done.returncode:
            yield "packaging/make-docs", 1, "failed: " + done.stderr.strip()[-300:]
            return
        for name in sorted(os.listdir(fresh)):
            path = os.path.join("docs", name)
            if not os.path.exists(os.path.join(root, path)):
                yield path, 1, "is missing: make docs"
            elif tree.text(root, path) != tree.text(fresh, name):
                yield path, 1, "is not what the tables say: make docs"


if __name__ == "__main__":
    tree.main("docs", check)
