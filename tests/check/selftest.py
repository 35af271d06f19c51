#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Each check is proven by a deliberate violation: a clean tree passes it, the same tree with one fault does not."""
import os
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
LICENCE = "/* SPDX-License-Identifier: Apache-2.0 */\n"
HEADER = LICENCE + "/* x.h - x.\n * Room: base.\n */\n#ifndef WHY_X_H\n#define WHY_X_H\n#endif\n"
CLEAN = {"base/x.h": HEADER, "base/x.c": LICENCE + '#include "base/x.h"\n', "tests/base/x_test.c": LICENCE,
         "tests/base/y_test.c": LICENCE, "model/y.c": LICENCE, "tests/model/y_test.c": LICENCE,
         "tests/collectors/z_test.c": LICENCE}
# check, file, content, what the complaint must say
FAULTS = [
    ("includes.py", "base/x.c", LICENCE + '#include "model/y.h"\n', "base may not include model"),
    ("includes.py", "rules/r.c", LICENCE + '#include "collectors/collector.h"\n', "rules may not include collectors"),
    ("includes.py", "hub/h.c", LICENCE + '#include "exporters/spool.h"\n', "hub may not include exporters"),
    ("includes.py", "agent/a.c", LICENCE + '#include "tests/test.h"\n', "test's header"),
    ("includes.py", "agent/a.c", LICENCE + '#include "bpf/tasks.skel.h"\n', "belongs to its collector"),
    ("owners.py", "collectors/c.c", LICENCE + "#include <systemd/sd-event.h>\n", "sd-event.h"),
    ("owners.py", "cli/c.c", LICENCE + "#include <grpc/grpc.h>\n", "grpc/grpc.h"),
    ("owners.py", "hub/c.c", LICENCE + "#include <protobuf-c/protobuf-c.h>\n", "protobuf-c"),
    ("owners.py", "rules/c.c", LICENCE + "int f(void)\n{\n\treturn clock_gettime(0, 0);\n}\n", "reads a clock"),
    ("owners.py", "model/c.c", LICENCE + "int f(void)\n{\n\treturn clock_mono_now();\n}\n", "take `now`"),
    ("owners.py", "collectors/c.c", LICENCE + 'void f(void)\n{\n\tlog_info("x");\n}\n', "logs"),
    ("owners.py", "agent/c.c", LICENCE + "void f(void)\n{\n\tsleep(1);\n}\n", "sleeps"),
    ("owners.py", "agent/c.c", LICENCE + 'void f(char *p)\n{\n\tsprintf(p, "x");\n}\n', "unbounded"),
    ("owners.py", "bpf/z.bpf.c", 'SEC("tp_btf/sched_switch")\n', "list of rare hooks"),
    ("owners.py", "bpf/z.bpf.c", 'SEC("raw_tp/sys_enter")\n', "list of rare hooks"),
    ("sizes.py", "base/x.c", LICENCE + "int a;\n" * 601, "a file ends by"),
    ("sizes.py", "base/x.c", LICENCE + "int f(void)\n{\n" + "\t;\n" * 81 + "}\n", "f() has 81 lines"),
    ("sizes.py", "base/x.c", LICENCE + "int " + "a" * 130 + ";\n", "columns"),
    ("sizes.py", "base/x.c", LICENCE + "int f(void)\n{\n\tgoto out;\nout:\n\treturn 0;\n}\n", "goto"),
    ("names.py", "base/util.c", LICENCE, "says nothing"),
    ("names.py", "base/x.c", "int a;\n", "SPDX"),
    ("names.py", "base/x.h", LICENCE + "/* Room: base */\nint a;\n", "include guard"),
    ("names.py", "base/x.h", LICENCE + "#ifndef X_H\n#define X_H\n#endif\n", "does not say its room"),
    ("registries.py", "collectors/collectors.def", "COLLECTOR(z)\n", "does not exist"),
    ("registries.py", "collectors/z.c", LICENCE + "const struct collector collector_z = {0};\n", "does not list"),
    ("registries.py", "base/new.c", LICENCE, "no tests/base/new_test.c"),
    ("registries.py", "identity/env_keys.def", 'ENV_KEY(X, "x")\n', "nothing in identity/ asks for it"),
    ("registries.py", "rules/catalog/a.why.yaml", "rules: why/v1\n", "has no tests"),
    ("words.py", "docs/a.md", "<" * 7 + " HEAD\n", "left over from a merge"),
    ("words.py", "docs/a.md", "see /" + "work/main\n", "path of one machine"),
    ("words.py", "docs/a.md", "from " + "pypi" + ".org\n", "registry's host"),
    ("headers", "base/x.h", HEADER.replace("#endif", "struct s { unknown_t a; };\n#endif"), "does not compile alone"),
]


def build(root, extra):
    for path, content in {**CLEAN, **extra}.items():
        target = os.path.join(root, path)
        os.makedirs(os.path.dirname(target), exist_ok=True)
        with open(target, "w", encoding="utf-8") as f:
            f.write(content)


def run(check, extra):
    with tempfile.TemporaryDirectory() as root:
        build(root, extra)
        done = subprocess.run([os.path.join(HERE, check), root], capture_output=True, text=True)
        return done.returncode, done.stdout + done.stderr


def main():
    passed, failed = 0, []
    for check in sorted({fault[0] for fault in FAULTS}):
        status, output = run(check, {})
        if status == 0:
            passed += 1
        else:
            failed.append(f"{check}: complains about a clean tree: {output}")
    for check, path, content, expected in FAULTS:
        status, output = run(check, {path: content})
        if status == 1 and expected in output and path in output:
            passed += 1
        else:
            failed.append(f"{check}: did not see '{expected}' in {path}: {output.strip()}")
    for line in failed:
        print(line)
    print(f"{passed} passed, {len(failed)} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
