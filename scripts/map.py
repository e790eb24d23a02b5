#!/usr/bin/env python3
"""Draws the figures of docs/map.md: the rooms with the arrows of their includes, and the steps of training with their files.

    scripts/map.py [--check]

The arrows come from the includes of the tree; an arrow that follows from others is left out. Files named in a figure, in docs/map.md and in
docs/glossary.md must exist, and the glossary is sorted. With --check nothing is written, and a figure that would change is an error.
"""

import argparse
import collections
import pathlib
import re
import sys

from book import svg

ROOT = pathlib.Path(__file__).resolve().parents[1]
DOCS = ROOT / "docs"

# Row and column of each room, and what it is for.
ROOMS = {
    "apps": (0, 1, "arguments of the programs"),
    "train": (1, 1, "the loop, the step, a run's folder"),
    "eval": (2, 0.4, "tasks, metrics, reports"),
    "interop": (3, 1, "PyTorch's files, ONNX"),
    "optim": (3, 2.1, "optimizers, schedules"),
    "data": (4, 0, "from files to batches"),
    "nn": (4, 1.55, "layers and models"),
    "comm": (5, 0, "sums over processes"),
    "ops": (5, 1.55, "operations and kernels"),
    "tensor": (6, 0.78, "memory, shapes, gradients"),
    "base": (7, 0.78, "errors, threads, files, JSON"),
}
# What happens in one step of training, in order.
STEPS = [
    ("Loader", "workers read, augment and stack images: a batch [N,H,W,1] in u8",
     ["data/loader.h", "data/augment.h", "data/cache.h"]),
    ("Upload", "on a CUDA device: copied while the step before computes",
     ["tensor/cuda/upload.h", "train/device_images.h"]),
    ("Forward", "the model: outputs [N,K]; each operation is recorded",
     ["train/batch_changes.h", "nn/module.h", "ops/ops.h"]),
    ("Loss", "of the task, from outputs, targets and weights: one number", ["eval/task.h", "ops/loss.cpp"]),
    ("Backward", "the rules of the recorded operations, from the newest to the oldest",
     ["tensor/autograd.h", "tensor/autograd.cpp"]),
    ("Sums over processes", "of gradients that are complete, while backward goes on",
     ["train/shard_sums.h", "comm/process_group.h", "comm/tree_sum.h"]),
    ("Clip", "all gradients by one factor, if their norm is above the limit", ["optim/optimizer.h"]),
    ("Optimizer", "new weights, unless the norm is not finite", ["optim/adam.cpp", "optim/sgd.cpp", "optim/lr_scheduler.h"]),
    ("Results", "loss, norm and learning rate, for the log and the checkpoint",
     ["train/training_step.cpp", "train/callback.h", "train/run/log.h"]),
]


def arrows():
    """{room: the rooms that its files include}, without those that are reached through others."""
    direct = collections.defaultdict(set)
    for room in ROOMS:
        for path in (ROOT / room).rglob("*"):
            if path.suffix in {".h", ".cpp", ".cu", ".cuh"}:
                found = set(re.findall(r'^#include "(\w+)/', path.read_text(encoding="utf-8"), re.M))
                direct[room] |= (found & ROOMS.keys()) - {room}

    def reached(room):
        return set().union(*({after} | reached(after) for after in direct[room])) if direct[room] else set()

    return {room: sorted(after for after in direct[room] if not any(after in reached(other) for other in direct[room] - {after})) for room in ROOMS}


def draw_rooms():
    width, height, wide, row = 216, 46, 232, 82
    left = {room: 12 + column * wide for room, (_, column, _) in ROOMS.items()}
    top = {room: 12 + line * row for room, (line, _, _) in ROOMS.items()}
    pieces = []
    for room, below in arrows().items():
        for other in below:
            # The ends move towards each other, so that arrows from or to one box are told apart.
            shift = max(-60, min(60, (left[other] - left[room]) / 4))
            pieces.append(svg.arrow(left[room] + width / 2 + shift, top[room] + height, left[other] + width / 2 - shift, top[other] - 1))
    for room, (_, _, words) in ROOMS.items():
        pieces.append(svg.box(left[room], top[room], width, height, colour=svg.COLOURS[0]))
        pieces.append(svg.text(left[room] + width / 2, top[room] + 19, room + "/", size=15, weight="bold"))
        pieces.append(svg.text(left[room] + width / 2, top[room] + 37, words, size=12))
    return svg.document(720, 7 * row + height + 24, "The rooms of Osteon; an arrow leads to a room that is included", pieces)


def draw_step():
    row, height = 70, 40
    pieces = []
    for i, (title, words, files) in enumerate(STEPS):
        y = 12 + i * row
        pieces.append(svg.box(12, y, 170, height, colour=svg.COLOURS[0]))
        pieces.append(svg.text(97, y + 25, title, size=13, weight="bold"))
        if i + 1 < len(STEPS):
            pieces.append(svg.arrow(97, y + height, 97, y + row - 1))
        pieces.append(svg.text(200, y + 16, words, size=13, anchor="start"))
        pieces.append(svg.text(200, y + 35, ",  ".join(files), size=12, anchor="start", colour=svg.COLOURS[1]))
    return svg.document(720, len(STEPS) * row + 4, "One step of training, with the files of each part", pieces)


def faults():
    for _, _, files in STEPS:
        yield from (f"scripts/map.py: {file} does not exist" for file in files if not (ROOT / file).exists())
    for page in ("map.md", "glossary.md"):
        text = (DOCS / page).read_text(encoding="utf-8")
        for path in re.findall(r"`([\w.-]+/[\w./-]*)`", text):
            if not (ROOT / path).exists():
                yield f"docs/{page}: {path} does not exist"
    terms = re.findall(r"^\*\*(.+?)\*\*", (DOCS / "glossary.md").read_text(encoding="utf-8"), re.M)
    for a, b in zip(terms, terms[1:]):
        if a.lower() >= b.lower():
            yield f"docs/glossary.md: {b} stands behind {a}"
    rooms = {path.name for path in ROOT.iterdir() if path.is_dir() and list(path.glob("*.h"))}
    for room in sorted(rooms - ROOMS.keys() - {"bench", "fuzz", "tests", "examples"}):
        yield f"scripts/map.py: {room}/ is not on the map"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true", help="write nothing; fail if a figure would change")
    options = parser.parse_args()
    found = list(faults())
    for name, text in (("map-rooms.svg", draw_rooms()), ("map-step.svg", draw_step())):
        path = DOCS / name
        if path.exists() and path.read_text(encoding="utf-8") == text:
            continue
        if options.check:
            found.append(f"docs/{name} is out of date: run scripts/map.py")
        else:
            path.write_text(text, encoding="utf-8")
            print(f"wrote docs/{name}")
    for fault in found:
        print(fault)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
