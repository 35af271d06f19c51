#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Take memory and touch it. usage: hog.py MIB_A_STEP STEPS SECONDS_BETWEEN [SECONDS_TO_STAY]"""
import sys
import time

step, steps, pause = int(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3])
held = []
for _ in range(steps):
    held.append(bytearray(b"\x55") * (step << 20))
    time.sleep(pause)
time.sleep(float(sys.argv[4]) if len(sys.argv) > 4 else 0)
