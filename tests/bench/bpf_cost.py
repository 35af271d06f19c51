# SPDX-License-Identifier: Apache-2.0
"""What the kernel half of a program costs, as the kernel itself counts it: runs and time of each BPF program it holds open."""
import ctypes
import os
import platform
import re
import subprocess

BPF_ENABLE_STATS, BPF_STATS_RUN_TIME, BPF_OBJ_GET_INFO_BY_FD = 32, 0, 15
SYS_BPF = {"x86_64": 321, "aarch64": 280}
LIBC = ctypes.CDLL(None, use_errno=True)


class Stats:
    """The kernel counts while this is open, as kernel.bpf_stats_enabled=1 would; it stops by itself if we die."""

    def __enter__(self):
        number = SYS_BPF.get(platform.machine())
        if number is None:
            raise OSError(f"no number of bpf(2) is known for {platform.machine()}")
        kind = ctypes.create_string_buffer(BPF_STATS_RUN_TIME.to_bytes(4, "little"), 64)
        self.fd = LIBC.syscall(number, BPF_ENABLE_STATS, kind, 64)
        if self.fd < 0:
            raise OSError(ctypes.get_errno(), "the kernel does not count BPF run time: " + os.strerror(ctypes.get_errno()))
        return self

    def __exit__(self, *_):
        os.close(self.fd)


def programs(pid):
    """{id: (runs, nanoseconds)} of the BPF programs that a process holds open."""
    found = {}
    for name in os.listdir(f"/proc/{pid}/fdinfo"):
        try:
            with open(f"/proc/{pid}/fdinfo/{name}", encoding="utf-8") as f:
                fields = dict(line.split(":", 1) for line in f.read().splitlines() if ":" in line)
        except OSError:
            continue  # closed meanwhile
        if "run_time_ns" in fields:
            found[int(fields["prog_id"])] = (int(fields["run_cnt"]), int(fields["run_time_ns"]))
    return found


def names(ids):
    """{id: name}: of the C function, cut by the kernel to 15 letters."""
    found = {}
    for number in ids:
        done = subprocess.run(["bpftool", "prog", "show", "id", str(number)], capture_output=True, text=True, check=False,
                              env={**os.environ, "PATH": os.environ["PATH"] + ":/usr/sbin"})
        match = re.search(r" name (\S+)", done.stdout)
        found[number] = match.group(1) if match else f"program {number}"
    return found


def spent(before, after):
    """{id: (runs, nanoseconds)} between two looks, those that never ran left out."""
    rows = {n: (runs - before.get(n, (0, 0))[0], ns - before.get(n, (0, 0))[1]) for n, (runs, ns) in after.items()}
    return {n: row for n, row in rows.items() if row[0] > 0}
