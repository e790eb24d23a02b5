#!/usr/bin/env python3
"""Runs a command of train_mura in which each step writes a checkpoint. Kills it after a checkpoint, resumes it, kills it
again, and resumes it until it ends. Exit status 0 if it ends so. Standard library only.

    interrupted.py train_mura --out DIR ...
"""

import pathlib
import subprocess
import sys
import time

KILLS = 2
SECONDS = 200  # until a checkpoint


def text_of(path):
    return path.read_text(encoding="utf-8") if path.exists() else None


def kill_after_checkpoint(command, pointers):
    """Returns whether the program was killed; it may have ended before."""
    before, end = text_of(pointers), time.monotonic() + SECONDS
    process = subprocess.Popen(command)
    try:
        while process.poll() is None and time.monotonic() < end:
            if text_of(pointers) != before:
                return True
            time.sleep(0.01)
        return False
    finally:
        process.kill()
        process.wait()


def main(command):
    out = command[command.index("--out") + 1]
    resume = [command[0], "--out", out, "--resume"]
    for number in range(KILLS):
        if not kill_after_checkpoint(resume if number else command, pathlib.Path(out, "pointers.json")):
            sys.exit(f"interrupted.py: start {number + 1} wrote no checkpoint within {SECONDS} s, or ended before it")
    sys.exit(subprocess.run(resume, check=False).returncode)


if __name__ == "__main__":
    main(sys.argv[1:])
