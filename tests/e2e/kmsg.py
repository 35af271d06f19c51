# SPDX-License-Identifier: Apache-2.0
"""Kernel-log lines of our own for `whyd --kmsg FILE`: each Xid line on a GPU of its own makes one finding of its own."""
import os
import time


def gpu(number):
    return f"{number >> 8:04x}:{number & 0xff:02x}:00.0"


def xid_line(number, code=79, pid=4242):
    address = gpu(number)[:-2]
    micros = time.monotonic_ns() // 1000
    # Priority 4, facility 0 (the kernel); sequence numbers of the file begin at 1.
    return f"4,{number + 1},{micros},-;NVRM: Xid (PCI:{address}): {code}, pid={pid}, name=python3, GPU has fallen off the bus.\n"


class Log:
    """A file that grows as the kernel's log would."""

    def __init__(self, folder):
        self.path = os.path.join(folder, "kmsg")
        self.count = 0
        self.file = open(self.path, "a", buffering=1, encoding="utf-8")

    def add(self, n=1, code=79, pid=4242):
        """`pid`: of a process that lives, if the finding shall be more than a note."""
        for _ in range(n):
            self.file.write(xid_line(self.count, code, pid))
            self.count += 1
