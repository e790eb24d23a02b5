#!/usr/bin/env python3
"""Runs a command twice, with --out FIRST and --out SECOND. Before the second time it takes all memory of the GPU that the
first one did not need. The second one must end well, or with an error that says that the memory was too small. Standard
library only.

    nearly_full.py FIRST SECOND train_mura ...
"""

import ctypes
import subprocess
import sys
import tempfile
import time

MARGIN = 32 << 20  # left free beside what the first run needed
PIECE = 1 << 30  # taken at once


class Gpu:
    """The first GPU that CUDA makes visible, through the driver's own functions."""

    def __init__(self):
        self.driver = ctypes.CDLL("libcuda.so.1")
        context = ctypes.c_void_p()
        self.call("cuInit", 0)
        self.call("cuDevicePrimaryCtxRetain", ctypes.byref(context), 0)
        self.call("cuCtxSetCurrent", context)

    def call(self, name, *arguments):
        status = getattr(self.driver, name)(*arguments)
        if status != 0:
            raise OSError(f"{name}: error {status} of the driver")

    def free(self):
        free, total = ctypes.c_size_t(), ctypes.c_size_t()
        self.call("cuMemGetInfo_v2", ctypes.byref(free), ctypes.byref(total))
        return free.value

    def take(self, count):
        """Until this program ends."""
        while count > 0:
            piece = min(count, PIECE)
            self.call("cuMemAlloc_v2", ctypes.byref(ctypes.c_uint64()), ctypes.c_size_t(piece))
            count -= piece


def run_and_measure(gpu, command):
    """Returns the exit status, the output and the bytes that the program needed at most."""
    before = least = gpu.free()
    with tempfile.TemporaryFile("w+", encoding="utf-8", errors="replace") as file:
        process = subprocess.Popen(command, stdout=file, stderr=subprocess.STDOUT)
        while process.poll() is None:
            least = min(least, gpu.free())
            time.sleep(0.005)
        file.seek(0)
        output = file.read()
    print(output, end="", flush=True)
    return process.returncode, output, before - least


def main(first, second, *command):
    gpu = Gpu()
    status, _, needed = run_and_measure(gpu, [*command, "--out", first])
    if status != 0:
        sys.exit(status)
    gpu.take(max(0, gpu.free() - needed - MARGIN))
    status, output, _ = run_and_measure(gpu, [*command, "--out", second])
    if status != 0 and "out of memory" not in output:
        sys.exit(f"nearly_full.py: exit status {status} with {needed + MARGIN} bytes of memory")
    print(f"needed {needed} bytes; with {MARGIN} bytes more: {'completed' if status == 0 else 'out of memory'}")


if __name__ == "__main__":
    main(*sys.argv[1:])
