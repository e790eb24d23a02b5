#!/usr/bin/env python3
"""Wrote tests/golden/runs/*.tar.xz: stopped runs of earlier programs, and the results
of the same runs without the stop.

    python scripts/golden/runs.py build/bin FOLDER

data.tar.xz is the data set, the others contain one run each: the stopped run/, expected/predictions.csv of its
best checkpoint, expected/model.safetensors and expected/log.jsonl of the uninterrupted run. Later programs
must read all of it, so no archive is overwritten: programs that write other files get new archives with other
names.
"""

import json
import os
import pathlib
import signal
import struct
import subprocess
import sys
import tarfile
import tempfile
import time
import zlib
from random import Random

# Kernels that every x86-64 processor has, in an order that does not depend on threads.
ENVIRONMENT = {**os.environ, "OSTEON_CPU": "baseline"}
COMMON = "--data data/images.csv --arch resnet18 --image-size 32 --batch-size 8 --backend reference --threads 1"
HEIGHT, WIDTH = 20, 16
RUNS = {  # name: options, minutes between checkpoints, lines of the log after which to stop
    "adam_cosine": (
        "--width 1 --epochs 3 --optimizer adam --lr 0.003 --weight-decay 0.01 --schedule cosine --clip-norm 1",
        "1e-9",
        lambda state: state["epoch"] == 2 and state["batches"] == 2 and state["best"]["checkpoint"] != here(state),
    ),
    "sgd_plateau": (
        "--width 2 --epochs 2 --optimizer sgd --lr 0.02 --schedule plateau --threshold val --temperature val "
        "--positive-weight balanced --accumulate 2",
        "0",
        lambda state: state["epoch"] == 1 and state["batches"] == 0,
    ),
}


def png(rows):
    """A grey image of 8 bits. Source: W3C, PNG specification, chapter 11."""

    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", len(rows[0]), len(rows), 8, 0, 0, 0, 0)
    pixels = zlib.compress(b"".join(b"\0" + bytes(row) for row in rows), 9)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", pixels) + chunk(b"IEND", b"")


def draw_data(folder):
    """Studies of two views that are brighter above (abnormal) or below (normal), with noise over both."""
    random = Random(1)
    folder.mkdir()
    lines = ["path,label,study,patient,part,split"]
    for split, normal, abnormal in (("train", 8, 12), ("val", 6, 6), ("test", 6, 6)):
        for number in range(normal + abnormal):
            label = "normal" if number < normal else "abnormal"
            patient, part = f"{split}{number}", ("WRIST", "ELBOW")[number % 2]
            for view in range(2):
                bright = [(y < HEIGHT / 2) == (label == "abnormal") for y in range(HEIGHT)]
                rows = [[random.randrange(150) + 50 * up for _ in range(WIDTH)] for up in bright]
                (folder / f"{patient}-{view}.png").write_bytes(png(rows))
                lines.append(f"{patient}-{view}.png,{label},{patient},{patient},{part},{split}")
    (folder / "images.csv").write_text("\n".join(lines) + "\n")


def here(state):
    return f"step-{state['step']}"


def train(programs, folder, out, options, save_every):
    command = [f"{programs}/train_mura", "--out", out, *COMMON.split(), *options.split(), "--save-every", save_every]
    return subprocess.Popen(command, cwd=folder, env=ENVIRONMENT, stdout=subprocess.DEVNULL)


def state_of(run):
    """The state of the last checkpoint if `best` already points to the right checkpoint; else None."""
    try:
        state = json.loads((run / "last/state.json").read_text())
        return state if (run / "best").readlink().name == state["best"]["checkpoint"] else None
    except (FileNotFoundError, TypeError):
        return None


def stop(programs, folder, options, save_every, at):
    """Kills a run at the moment when its last checkpoint is the wanted one."""
    run = folder / "run"
    for _ in range(200):
        subprocess.run(["rm", "-rf", run], check=True)
        process = train(programs, folder, "run", options, save_every)
        while process.poll() is None:
            process.send_signal(signal.SIGSTOP)
            state = state_of(run)
            if state and at(state):
                process.kill()
                process.wait()
                return
            process.send_signal(signal.SIGCONT)
            time.sleep(0.001)
    sys.exit("the moment to stop was missed 200 times")


def pack(archive, folder, names):
    def anonymous(member):
        member.uid = member.gid = member.mtime = 0
        member.uname = member.gname = ""
        return None if "/." in member.name else member

    with tarfile.open(archive, "x:xz", preset=9) as tar:
        for name in names:
            tar.add(folder / name, name, filter=anonymous)


def main():
    programs, target = pathlib.Path(sys.argv[1]).resolve(), pathlib.Path(sys.argv[2])
    target.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as scratch:
        folder = pathlib.Path(scratch)
        draw_data(folder / "data")
        pack(target / "data.tar.xz", folder, ["data"])
        for name, (options, save_every, at) in RUNS.items():
            stop(programs, folder, options, save_every, at)
            subprocess.run(["rm", "-rf", folder / "whole", folder / "expected"], check=True)
            assert train(programs, folder, "whole", options, save_every).wait() == 0
            evaluate = [f"{programs}/eval_mura", "--checkpoint", "run/best", "--data", "data/images.csv"]
            evaluate += ["--out", "expected", "--backend", "reference", "--threads", "1", "--bootstrap", "0"]
            subprocess.run(evaluate, cwd=folder, env=ENVIRONMENT, check=True, stdout=subprocess.DEVNULL)
            for file in ("last/model.safetensors", "log.jsonl"):
                source = folder / "whole" / file
                (folder / "expected" / source.name).write_bytes(source.read_bytes())
            manifest = folder / "run/manifest.csv"  # its paths are absolute
            manifest.write_text(manifest.read_text().replace(f"{folder}/", ""))
            wanted = ["predictions.csv", "model.safetensors", "log.jsonl"]
            pack(target / f"{name}.tar.xz", folder, ["run", *(f"expected/{file}" for file in wanted)])


if __name__ == "__main__":
    main()
