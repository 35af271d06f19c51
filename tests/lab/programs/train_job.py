#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""One rank of a small training job, started by torchrun. usage: train_job.py FOLDER SECONDS

Each step computes a little, waits a little (as for a GPU), and adds up gradients over all ranks (gloo). FOLDER is how a
scenario looks in and takes part:
  rank-N        written: pid and number of steps so far, twice a second
  cgroup-N      read at start: name of the cgroup to live in (as a scheduler would place it)
  data-N        read each step: "PATH BYTES EVERY": each so many steps that much is read from the disk, at the next
                place of that file
  hog           read each step: rank of the one that is to take memory without end
  checkpoint    read each step: "N SECONDS PATH": rank N writes a checkpoint at its leisure, everybody waits for it
"""
import datetime
import os
import sys
import time

RANK = int(os.environ["RANK"])
FOLDER, SECONDS = sys.argv[1], float(sys.argv[2])
PLACE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "cg")


def told(name):
    try:
        with open(os.path.join(FOLDER, name), encoding="utf-8") as f:
            return f.read().split()
    except FileNotFoundError:
        return None


def settle():
    """Move into the cgroup that is meant for this rank, before anything else runs."""
    place = told(f"cgroup-{RANK}")
    if place and "LAB_SETTLED" not in os.environ:
        os.environ["LAB_SETTLED"] = "1"
        os.execv(PLACE, [PLACE, "run", place[0], sys.executable, *sys.argv])


def beat(steps):
    path = os.path.join(FOLDER, f"rank-{RANK}")
    with open(path + ".new", "w", encoding="utf-8") as f:
        f.write(f"{os.getpid()} {steps}\n")
    os.rename(path + ".new", path)


class Data:
    """Reads a file in pieces, from the disk and not from memory."""

    def __init__(self):
        self.path, self.fd, self.at = None, -1, 0

    def read(self, path, size):
        if path != self.path:
            self.path, self.fd, self.at = path, os.open(path, os.O_RDONLY), 0
        os.posix_fadvise(self.fd, self.at, size, os.POSIX_FADV_DONTNEED)
        if not os.pread(self.fd, size, self.at):
            self.at = 0
        self.at += size


def write_checkpoint(seconds, path):
    end = time.monotonic() + seconds
    block = os.urandom(32 << 20)
    with open(path, "wb") as f:
        while time.monotonic() < end:
            f.seek(0)
            f.write(block)
            f.flush()
            os.fsync(f.fileno())
    os.unlink(path)


def main():
    settle()
    import torch
    import torch.distributed as dist
    torch.set_num_threads(1)
    dist.init_process_group("gloo", timeout=datetime.timedelta(seconds=600))
    data, held, steps, beaten, saved = Data(), [], 0, 0.0, False
    weights, gradient = torch.ones(200, 200), torch.ones(250_000)
    end = time.monotonic() + SECONDS
    while True:
        going = torch.tensor([1.0 if time.monotonic() < end else 0.0])
        dist.all_reduce(going, op=dist.ReduceOp.MIN)
        if not going.item():
            break
        source = told(f"data-{RANK}")
        if source and steps % int(source[2]) == 0:
            data.read(source[0], int(source[1]))
        busy = time.thread_time() + 0.008
        while time.thread_time() < busy:
            weights @ weights
        time.sleep(0.03)
        if (told("hog") or [None])[0] == str(RANK):
            held.append(bytearray(b"\x55") * (8 << 20))
        checkpoint = told("checkpoint")
        if checkpoint and not saved:
            saved = True
            if checkpoint[0] == str(RANK):
                write_checkpoint(float(checkpoint[1]), checkpoint[2])
        dist.all_reduce(gradient)
        gradient.fill_(1.0)
        steps += 1
        if time.monotonic() - beaten > 0.5:
            beaten = time.monotonic()
            beat(steps)
    beat(steps)
    dist.destroy_process_group()


if __name__ == "__main__":
    main()
