#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Processes for faults. usage: process.py VERB [ARGUMENT]...
  zombies N SECONDS        N children end at once and are never waited for
  sandbox                  a seccomp filter ends this process when it asks for a name of the system
  cpu-limit SECONDS        computes until RLIMIT_CPU ends it
  file-limit FILE BYTES    writes beyond RLIMIT_FSIZE
  map FILE                 maps FILE, truncates it, reads where it was
  fill FILE MIB            maps a new FILE of that size and writes to all of it
  catch-segv TIMES         touches memory it may not, and handles the signal each time, as a language runtime does
  threads N SECONDS        N threads that sleep
  spin-threads N SECONDS   N processes that compute, on the CPUs that this one may use
  suspend SECONDS          a program on a terminal of its own is suspended by Ctrl-Z, and brought back after SECONDS
  interrupt                a program on a terminal of its own is ended by Ctrl-C
  descriptors              opens as many files as it may, once, sees that it is too many, and goes on with a few
  vfork SECONDS            waits uninterruptibly for a child that neither ends nor becomes another program
"""
import ctypes
import mmap
import os
import pty
import resource
import signal
import struct
import sys
import threading
import time

LIBC = ctypes.CDLL(None, use_errno=True)


def zombies(count, seconds):
    for _ in range(count):
        if os.fork() == 0:
            os._exit(0)
    time.sleep(seconds)


def sandbox():
    number_of_uname, pr_set_no_new_privs, pr_set_seccomp = 63, 38, 22
    kill, allow = 0x80000000, 0x7FFF0000
    steps = [(0x20, 0, 0, 0), (0x15, 0, 1, number_of_uname), (0x06, 0, 0, kill), (0x06, 0, 0, allow)]
    code = ctypes.create_string_buffer(b"".join(struct.pack("HBBI", *step) for step in steps))
    program = struct.pack("HxxxxxxP", len(steps), ctypes.addressof(code))
    LIBC.prctl(pr_set_no_new_privs, 1, 0, 0, 0)
    if LIBC.prctl(pr_set_seccomp, 2, ctypes.create_string_buffer(program), 0, 0) != 0:
        sys.exit(77)
    time.sleep(1.5)
    os.uname()


def cpu_limit(seconds):
    resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds + 5))
    while True:
        pass


def file_limit(path, size):
    signal.signal(signal.SIGXFSZ, signal.SIG_DFL)  # Python ignores it
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))
    time.sleep(1.5)
    with open(path, "wb", buffering=0) as f:
        while True:
            f.write(bytes(65536))


def map_file(path):
    with open(path, "w+b") as f:
        f.truncate(1 << 20)
        memory = mmap.mmap(f.fileno(), 1 << 20)
        time.sleep(1.5)
        ctypes.CDLL(None).ftruncate(f.fileno(), 0)
        print(memory[4096])


def fill(path, size):
    with open(path, "w+b") as f:
        f.truncate(size << 20)
        memory = mmap.mmap(f.fileno(), size << 20)
        for at in range(0, size << 20, 1 << 20):
            memory[at:at + (1 << 20)] = b"\x55" * (1 << 20)
            time.sleep(0.05)


def catch_segv(times):
    # The handler moves nothing, so the page itself is made readable: the instruction then runs again and succeeds.
    page = mmap.mmap(-1, 4096)
    address = ctypes.addressof(ctypes.c_char.from_buffer(page))
    handler = ctypes.CFUNCTYPE(None, ctypes.c_int)(lambda _: LIBC.mprotect(ctypes.c_void_p(address), 4096, 3))
    LIBC.signal(signal.SIGSEGV, handler)
    for _ in range(times):
        LIBC.mprotect(ctypes.c_void_p(address), 4096, 0)
        ctypes.string_at(address, 1)
        time.sleep(0.05)


def threads(count, seconds):
    for _ in range(count):
        threading.Thread(target=time.sleep, args=(seconds,), daemon=True).start()
    time.sleep(seconds)


def spin(count, seconds):
    end = time.monotonic() + seconds
    for _ in range(count - 1):
        if os.fork() == 0:
            break
    while time.monotonic() < end:
        pass
    os._exit(0)


def on_terminal(key, seconds):
    pid, terminal = pty.fork()
    if pid == 0:
        if key == b"\x1a":  # a shell's job: a group of its own in the foreground, whose parent is in the same session
            shell_of(seconds)
        time.sleep(600)
    time.sleep(1.5)
    os.write(terminal, key)
    end = time.monotonic() + seconds + 5
    while time.monotonic() < end and os.waitpid(pid, os.WNOHANG) == (0, 0):
        time.sleep(0.1)


def shell_of(seconds):
    signal.signal(signal.SIGTTOU, signal.SIG_IGN)
    job = os.fork()
    if job == 0:
        os.setpgid(0, 0)
        signal.signal(signal.SIGTTOU, signal.SIG_IGN)
        os.tcsetpgrp(0, os.getpid())
        signal.signal(signal.SIGTTOU, signal.SIG_DFL)
        time.sleep(600)
    _, status = os.waitpid(job, os.WUNTRACED)
    stopped = os.WIFSTOPPED(status)
    os.tcsetpgrp(0, os.getpgrp())
    time.sleep(seconds)
    os.kill(job, signal.SIGCONT)
    os.kill(job, signal.SIGTERM)
    os.waitpid(job, 0)
    os._exit(0 if stopped else 1)


def descriptors():
    resource.setrlimit(resource.RLIMIT_NOFILE, (128, 128))
    held = []
    try:
        while True:
            held.append(os.open("/dev/null", os.O_RDONLY))
    except OSError:
        for fd in held:
            os.close(fd)
    time.sleep(20)


def vfork(seconds):
    # clone(CLONE_VM | CLONE_VFORK | SIGCHLD) with a stack of its own; the child only waits.
    stack = mmap.mmap(-1, 1 << 16)
    top = ctypes.addressof(ctypes.c_char.from_buffer(stack)) + (1 << 16) - 64
    wait = ctypes.cast(LIBC.sleep, ctypes.c_void_p)
    LIBC.clone(wait, ctypes.c_void_p(top), 0x4000 | 0x100 | signal.SIGCHLD, ctypes.c_void_p(seconds))


VERBS = {
    "zombies": lambda n, s: zombies(int(n), float(s)),
    "sandbox": sandbox,
    "cpu-limit": lambda s: cpu_limit(int(s)),
    "file-limit": lambda path, size: file_limit(path, int(size)),
    "map": map_file,
    "fill": lambda path, size: fill(path, int(size)),
    "catch-segv": lambda n: catch_segv(int(n)),
    "threads": lambda n, s: threads(int(n), float(s)),
    "spin-threads": lambda n, s: spin(int(n), float(s)),
    "suspend": lambda s: on_terminal(b"\x1a", float(s)),
    "interrupt": lambda: on_terminal(b"\x03", 5),
    "descriptors": descriptors,
    "vfork": lambda s: vfork(int(s)),
}

if __name__ == "__main__":
    VERBS[sys.argv[1]](*sys.argv[2:])
