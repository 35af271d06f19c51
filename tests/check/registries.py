#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Registries, files and tests agree: a line in a .def has its file, a file its line, each its test."""
import os
import re

import tree

# registry, macro, files that an entry may have, pattern of an entry's definition in a file of those rooms
TABLES = [
    # A collector that speaks a wire protocol lives in runtimes/.
    ("collectors/collectors.def", "COLLECTOR", ["collectors/{}.c", "runtimes/{}.c"], r"const struct collector collector_(\w+)\s*="),
    ("exporters/exporters.def", "EXPORTER", ["exporters/{}.c"], r"const struct exporter exporter_(\w+)\s*="),
    ("identity/recognisers.def", "RECOGNISER", ["identity/recognise_{}.c"], r"const struct recogniser recogniser_(\w+)\s*="),
    ("cli/cmds.def", "COMMAND", ["cli/cmd_{}.c"], r"const struct command command_(\w+)\s*="),
]
# Files whose tests are named otherwise, with the reason.
TESTED_ELSEWHERE = {
    "collectors/collector.c": "tests/rules/catalog_test.c registers all of them",
    # One header, several .c: the test is named after the header.
    "model/answer_json.c": "tests/model/answer_test.c",
    "model/answer_rank.c": "tests/model/answer_test.c",
    "model/codec_read.c": "tests/model/codec_test.c",
    "model/codec_write.c": "tests/model/codec_test.c",
    "model/finding_json.c": "tests/model/finding_test.c",
    "model/graph_ask.c": "tests/model/graph_test.c",
    "model/series_ask.c": "tests/model/series_test.c",
}


def entries(root, registry, macro):
    path = os.path.join(root, registry)
    if os.path.exists(path):
        for number, line in tree.lines(root, registry):
            match = re.match(rf"{macro}\((\w+)", line)
            if match:
                yield number, match.group(1)


def check(root):
    for registry, macro, patterns, definition in TABLES:
        listed = {}
        rooms = sorted({p.split("/")[0] for p in patterns})
        for number, stem in entries(root, registry, macro):
            if stem in listed:
                yield registry, number, f"{stem} is listed twice"
            listed[stem] = number
            if not any(os.path.exists(os.path.join(root, p.format(stem))) for p in patterns):
                yield registry, number, f"{stem} is listed, but {' or '.join(p.format(stem) for p in patterns)} does not exist"
        for path in tree.files(root, [".c"], rooms):
            for match in re.finditer(definition, tree.text(root, path)):
                if match.group(1) not in listed:
                    yield path, 1, f"defines {match.group(1)}, which {registry} does not list"
        for stem, number in listed.items():
            names = ["tests/" + p.format(stem)[:-2] + "_test.c" for p in patterns]
            if not any(os.path.exists(os.path.join(root, n)) for n in names):
                yield registry, number, f"{stem} has no test ({names[0]})"
    # What nobody asks for is not taken out of people's environments.
    asked = "".join(tree.text(root, path) for path in tree.files(root, [".c"], ["identity"]))
    for number, name in entries(root, "identity/env_keys.def", "ENV_KEY"):
        if not re.search(rf"\bENV_{name}\b", asked):
            yield "identity/env_keys.def", number, f"{name} is taken from environments, and nothing in identity/ asks for it"
    for path in tree.files(root, [".c"], ["base", "model", "identity"]):
        test = f"tests/{path[:-2]}_test.c"
        if path not in TESTED_ELSEWHERE and not os.path.exists(os.path.join(root, test)):
            yield path, 1, f"no {test}"
    for room in ("rules/catalog",):
        folder = os.path.join(root, room)
        for name in sorted(os.listdir(folder)) if os.path.isdir(folder) else []:
            if name.endswith(".why.yaml") and not re.search(r"^tests:", tree.text(root, f"{room}/{name}"), re.M):
                yield f"{room}/{name}", 1, "the pack has no tests"


if __name__ == "__main__":
    tree.main("registries", check)
