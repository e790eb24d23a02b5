#!/usr/bin/env python3
"""Runs that earlier programs left behind (scripts/golden/runs.py): today's evaluate and continue them.

    old_runs_test.py build/bin tests/golden/runs

The runs are continued as they began: kernels for every x86-64 processor, one thread, the reference back end. A
processor of the type that wrote the archives then gets their numbers, bit for bit; another one adds up in another
order, since Eigen's products follow the sizes of its caches. So weights may differ by 1e-4 of the largest of their
tensor, losses and what is fitted to them by 1e-4 of themselves, and probabilities, evaluated as fast as this machine
can, by 1e-5. Other kernels and emulated processors came to 5e-5 in weights and 3e-6 in probabilities.
"""

import array
import csv
import json
import os
import pathlib
import struct
import subprocess
import sys
import tarfile
import tempfile
import unittest

PROGRAMS, ARCHIVES = (pathlib.Path(path).resolve() for path in (sys.argv[1], sys.argv[2]))
WEIGHTS, PROBABILITIES = 1e-4, 1e-5
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
    return [((line["step"], line["split"]), line["loss"]) for line in lines]


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

    def compare(self, found, expected, limit, what):
        difference = max(abs(x - y) for x, y in zip(found, expected, strict=True))
        self.assertLessEqual(difference, limit, what)

    def check_evaluation(self, environment, *options):
        out = f"evaluation{len(options)}"
        self.run_program(
            environment, "eval_mura", "--checkpoint", "run/best", "--data", "data/images.csv", "--out", out, *options
        )
        rows, probabilities = zip(*read_predictions(self.folder / out / "predictions.csv"))
        expected_rows, expected = zip(*read_predictions(self.folder / "expected/predictions.csv"))
        self.assertEqual(rows, expected_rows)
        self.compare(probabilities, expected, PROBABILITIES, "probabilities")

    def check_log(self):
        places, losses = zip(*read_losses(self.folder / "run/log.jsonl"))
        expected_places, expected = zip(*read_losses(self.folder / "expected/log.jsonl"))
        self.assertEqual(places, expected_places)
        self.compare(losses, expected, WEIGHTS * max(expected), "losses")

    def check_metadata(self, found, expected):
        """Later members have their default in an old run."""
        for name, text in expected.items():
            if name in ("threshold", "temperature"):
                self.compare([float(found[name])], [float(text)], WEIGHTS * float(text), name)
            else:
                self.assertEqual(found[name], text, name)

    def check_weights(self):
        found, metadata = read_tensors(self.folder / "run/last/model.safetensors")
        expected, expected_metadata = read_tensors(self.folder / "expected/model.safetensors")
        self.check_metadata(metadata, expected_metadata)
        self.assertEqual(list(found), list(expected))
        for name, (dtype, contents) in expected.items():
            self.assertEqual(found[name][0], dtype)
            if dtype == "F32":
                numbers, wanted = array.array("f", found[name][1]), array.array("f", contents)
                self.compare(numbers, wanted, WEIGHTS * max(map(abs, wanted)), name)
            else:
                self.assertEqual(found[name][1], contents, name)

    def check_run(self, name):
        self.unpack(name)
        self.check_evaluation(SLOWEST, "--backend", "reference", "--threads", "1")
        self.check_evaluation(FASTEST)
        self.run_program(SLOWEST, "train_mura", "--out", "run", "--resume")
        self.check_log()
        self.check_weights()

    def test_adam_cosine_stopped_within_an_epoch(self):
        self.check_run("adam_cosine")

    def test_sgd_plateau_stopped_after_an_epoch(self):
        self.check_run("sgd_plateau")


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
