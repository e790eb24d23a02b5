#!/usr/bin/env python3
"""Runs that earlier programs left behind (scripts/golden/runs.py): today's evaluate and continue them.

    old_runs_test.py build/bin tests/golden/runs

With the kernels for every x86-64 processor, one thread and the reference back end, all numbers are those of the
programs that wrote the archive, bit for bit, on any x86-64 processor. Other processors add up in another order:
weights may then differ by 1e-4 of the largest of their tensor. An evaluation as this machine does it fastest may
differ by 1e-5 in a probability. The other kernels of the time came to 5e-5 and 3e-6.
"""

import array
import csv
import json
import os
import pathlib
import platform
import struct
import subprocess
import sys
import tarfile
import tempfile
import unittest

PROGRAMS, ARCHIVES = (pathlib.Path(path).resolve() for path in (sys.argv[1], sys.argv[2]))
SAME_BITS = platform.machine() == "x86_64"
SLOWEST = {**os.environ, "OSTEON_CPU": "baseline"}
FASTEST = {name: value for name, value in os.environ.items() if name != "OSTEON_CPU"}


def read_tensors(path):
    """name: (dtype, bytes) of a safetensors file, and its metadata."""
    contents = path.read_bytes()
    (size,) = struct.unpack("<Q", contents[:8])
    header, data = json.loads(contents[8 : 8 + size]), contents[8 + size :]
    metadata = header.pop("__metadata__")
    return {name: (about["dtype"], data[slice(*about["data_offsets"])]) for name, about in header.items()}, metadata


def read_predictions(path):
    with open(path, newline="") as file:
        return [(row | {"probability": ""}, float(row["probability"])) for row in csv.DictReader(file)]


def read_losses(path):
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    return [(line["step"], line["split"], line["loss"]) for line in lines]


class OldRuns(unittest.TestCase):
    def setUp(self):
        scratch = tempfile.TemporaryDirectory()
        self.addCleanup(scratch.cleanup)
        self.folder = pathlib.Path(scratch.name)

    def unpack(self, name):
        for archive in ("data", name):
            with tarfile.open(ARCHIVES / f"{archive}.tar.xz") as tar:
                tar.extractall(self.folder)

    def run_program(self, environment, name, *options):
        done = subprocess.run(
            [PROGRAMS / name, *options], cwd=self.folder, env=environment, capture_output=True, text=True
        )
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)

    def compare_numbers(self, found, expected, limit, what):
        if limit == 0:
            self.assertEqual(found, expected, what)
        else:
            self.assertLessEqual(max(abs(x - y) for x, y in zip(found, expected, strict=True)), limit, what)

    def check_evaluation(self, environment, limit, *options):
        out = f"evaluation{len(options)}"
        self.run_program(
            environment, "eval_mura", "--checkpoint", "run/best", "--data", "data/images.csv", "--out", out, *options
        )
        rows, probabilities = zip(*read_predictions(self.folder / out / "predictions.csv"))
        expected_rows, expected = zip(*read_predictions(self.folder / "expected/predictions.csv"))
        self.assertEqual(rows, expected_rows)
        self.compare_numbers(probabilities, expected, limit, "probabilities")

    def check_weights(self):
        found, metadata = read_tensors(self.folder / "run/last/model.safetensors")
        expected, expected_metadata = read_tensors(self.folder / "expected/model.safetensors")
        self.assertEqual(list(found), list(expected))
        # What later files add is none of an old run's.
        kept = {name: metadata.get(name) for name in expected_metadata}
        if SAME_BITS:
            self.assertEqual(kept, expected_metadata)
        for name, (dtype, contents) in expected.items():
            self.assertEqual(found[name][0], dtype)
            if dtype != "F32" or SAME_BITS:
                self.assertEqual(found[name][1], contents, name)
                continue
            numbers, wanted = array.array("f", found[name][1]), array.array("f", contents)
            self.compare_numbers(numbers, wanted, 1e-4 * max(map(abs, wanted)), name)

    def check_run(self, name):
        self.unpack(name)
        self.check_evaluation(SLOWEST, 0 if SAME_BITS else 1e-5, "--backend", "reference", "--threads", "1")
        self.check_evaluation(FASTEST, 1e-5)
        self.run_program(SLOWEST, "train_mura", "--out", "run", "--resume")
        if SAME_BITS:
            self.assertEqual(read_losses(self.folder / "run/log.jsonl"), read_losses(self.folder / "expected/log.jsonl"))
        self.check_weights()

    def test_adam_cosine_stopped_within_an_epoch(self):
        self.check_run("adam_cosine")

    def test_sgd_plateau_stopped_after_an_epoch(self):
        self.check_run("sgd_plateau")


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
