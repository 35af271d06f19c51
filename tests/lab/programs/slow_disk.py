#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""A file in a FUSE file system whose reads and writes take their time: under a loop device it is a slow disk.
usage: slow_disk.py FOLDER BACKING_FILE DELAY_FILE    FOLDER gets one file, `disk`; DELAY_FILE holds milliseconds an operation
"""
import errno
import os
import stat
import sys
import time

import fusepy as fuse


class SlowDisk(fuse.Operations):
    def __init__(self, backing, delay_file):
        self.fd = os.open(backing, os.O_RDWR)
        self.delay_file = delay_file

    def wait(self):
        """As long as the file says, which may change its mind meanwhile."""
        begin = time.monotonic()
        while True:
            with open(self.delay_file, encoding="utf-8") as f:
                left = begin + float(f.read() or 0) / 1000 - time.monotonic()
            if left <= 0:
                return
            time.sleep(min(left, 0.2))

    def getattr(self, path, fh=None):
        if path == "/":
            return {"st_mode": stat.S_IFDIR | 0o755, "st_nlink": 2}
        if path != "/disk":
            raise fuse.FuseOSError(errno.ENOENT)
        return {"st_mode": stat.S_IFREG | 0o600, "st_nlink": 1, "st_size": os.fstat(self.fd).st_size}

    def readdir(self, path, fh):
        return [".", "..", "disk"]

    def open(self, path, flags):
        return 0

    def read(self, path, size, offset, fh):
        self.wait()
        return os.pread(self.fd, size, offset)

    def write(self, path, data, offset, fh):
        self.wait()
        return os.pwrite(self.fd, data, offset)

    def statfs(self, path):
        self.wait()
        return {"f_bsize": 4096, "f_frsize": 4096, "f_blocks": 65536, "f_bfree": 32768, "f_bavail": 32768}

    def fsync(self, path, datasync, fh):
        return 0


if __name__ == "__main__":
    fuse.FUSE(SlowDisk(sys.argv[2], sys.argv[3]), sys.argv[1], foreground=True, direct_io=True)
