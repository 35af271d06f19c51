#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Use CPU. usage: spin.py PROCESSES SECONDS [RATIO]   RATIO: share of the time each is busy, default 1"""
import os
import sys
import time

count, seconds = int(sys.argv[1]), float(sys.argv[2])
ratio = float(sys.argv[3]) if len(sys.argv) > 3 else 1.0
end = time.monotonic() + seconds
children = []
for _ in range(count - 1):
    pid = os.fork()
    if pid == 0:
        children = None
        break
    children.append(pid)
while time.monotonic() < end:
    stop = time.monotonic() + 0.02 * ratio
    while time.monotonic() < stop:
        pass
    if ratio < 1:
        time.sleep(0.02 * (1 - ratio))
for pid in children or []:
    os.waitpid(pid, 0)
