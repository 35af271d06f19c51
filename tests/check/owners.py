#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Each foreign interface has few owners: who may include it, or call it. Cannot see: a call through a function pointer."""
import fnmatch
import re

import tree

HEADERS = [
    ("systemd/sd-event.h", ["base/loop.c"]),
    ("grpc/*", ["proto/call*.c", "hub/rpc_*.c", "hub/rpc_stream.h"]),
    ("protobuf-c/*", ["proto/*"]),
    ("proto/*.pb-c.h", ["proto/*"]),
    ("yaml.h", ["base/yaml_tree.c"]),
    ("sqlite3.h", ["exporters/spool*.c", "hub/store_sqlite*.c"]),
    ("microhttpd.h", ["exporters/prometheus*.c", "hub/http*.c"]),
    ("openssl/*", ["base/digest.c", "proto/tls_check.c"]),
    ("bpf/libbpf.h", ["collectors/*"]),
    ("bpf/bpf.h", ["collectors/*"]),
]
CALLS = [
    (r"\bclock_gettime\s*\(|\bgettimeofday\s*\(|(?<![\w.>])time\s*\(\s*(NULL|&)", ["base/clock.c"], "reads a clock"),
    (r"\bclock_(mono|wall)_now\s*\(\s*\)", ["base/clock.[ch]", "base/log.c", "base/loop.c", "agent/*", "hub/*", "cli/*", "proto/call*.c", "proto/local.c", "exporters/*"],
     "reads a clock: take `now` as an argument"),
    (r"\blog_(error|warning|info|debug|line)\s*\(", ["base/log.[ch]", "agent/*", "hub/*", "cli/*", "exporters/*", "proto/*"],
     "logs: return an error or write an event instead"),
    (r"\b(sleep|usleep|nanosleep)\s*\(", [], "sleeps: use a timer of the loop"),
    (r"\b(strcpy|strcat|sprintf|gets|strtok)\s*\(", [], "unbounded or stateful: use base/text.h"),
    (r"\bsystem\s*\(|\bpopen\s*\(", [], "runs a shell"),
]
# Nothing that is always on may run for every switch, request, packet or system call: what a program may be attached to
# is listed here, with how often it runs. Add a hook only with its cost in `make bench`.
HOOKS = {
    "license", ".maps",
    "tp_btf/sched_process_exec", "tp_btf/sched_process_fork", "tp_btf/sched_process_exit", # a process
    "tp_btf/signal_generate",                                                            # a signal
    "tp_btf/mark_victim",                                                                # an OOM kill
    "tp_btf/inet_sock_set_state",                                                        # a connection, a few times
    "tp_btf/tcp_retransmit_skb", "tp_btf/tcp_receive_reset", "tp_btf/tcp_send_reset",    # a fault
    "iter/task", "iter/task_file", "iter/cgroup", "iter/bpf_sk_storage_map", "syscall",  # when asked
}


def allowed(path, owners):
    return any(fnmatch.fnmatch(path, owner) for owner in owners)


def check(root):
    rooms = [r for r in tree.ROOMS if r not in ("tests", "bpf")]
    for path in tree.files(root, [".c", ".h"], rooms):
        for number, _, target in tree.includes(root, path):
            for pattern, owners in HEADERS:
                if fnmatch.fnmatch(target, pattern) and not allowed(path, owners):
                    yield path, number, f"includes {target}, which only {', '.join(owners)} may"
        source = tree.without_comments_and_strings(tree.text(root, path))
        for pattern, owners, message in CALLS:
            for match in re.finditer(pattern, source):
                if not allowed(path, owners):
                    yield path, source.count("\n", 0, match.start()) + 1, message
    for path in tree.files(root, [".c", ".h"], ["bpf"]):
        source = tree.text(root, path)
        for match in re.finditer(r'SEC\s*\(\s*"([^"]*)', source):
            if match.group(1) not in HOOKS:
                line = source.count("\n", 0, match.start()) + 1
                yield path, line, f"hooks {match.group(1)}, which is not in the list of rare hooks"


if __name__ == "__main__":
    tree.main("owners", check)
