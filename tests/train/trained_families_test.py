#!/usr/bin/env python3
"""Models learn the demonstration radiographs, and an interrupted run equals one that was left alone.

    trained_families_test.py build/bin [MODEL ...]

Each model (default: all) is trained twice from scratch. The second run is interrupted when half of its steps are done, and
resumed. Losses, weights and predictions are equal, bit for bit, and eval_mura finds an AUROC per test image above 0.8.
Prints the rows of the table in docs/results.md.
"""

import json
import pathlib
import signal
import subprocess
import sys
import tempfile
import time
import unittest

PROGRAMS = pathlib.Path(sys.argv[1]).resolve()
BOUND = 0.8
DRAWING = ["--studies", "640"]
COMMON = ["--image-size", "64", "--optimizer", "adamw", "--positive-weight", "none", "--quiet"]
# Models and their options.
MODELS = {
    "resnet18": "--epochs 10 --batch-size 24 --weight-decay 0.01",
    "mobilenet_v2": "--epochs 20 --batch-size 24 --weight-decay 0.01 --lr 3e-3",
}


def start(program, *options):
    return subprocess.Popen([PROGRAMS / program, *options], stdout=subprocess.DEVNULL)


def losses(run):
    """(split, loss) of each step and epoch."""
    log = run / "log.jsonl"
    text = log.read_text() if log.exists() else ""
    lines = [json.loads(line) for line in text[: text.rfind("\n") + 1].splitlines()]  # the last line may be incomplete
    return [(line["split"], line["loss"]) for line in lines]


class TrainedFamilies(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        scratch = tempfile.TemporaryDirectory()
        cls.addClassCleanup(scratch.cleanup)
        cls.folder = pathlib.Path(scratch.name)
        cls.data = cls.folder / "data"
        assert start("make_demo_data", "--out", cls.data, *DRAWING).wait() == 0

    def interrupt(self, process, run, lines):
        """Stops a run when its log has so many lines."""
        while len(losses(run)) < lines:
            self.assertIsNone(process.poll(), "the run ended before it was interrupted")
            time.sleep(0.1)
        process.terminate()  # SIGINT is ignored by what a shell started in the background
        self.assertEqual(process.wait(), 128 + signal.SIGTERM)

    def check(self, model, options):
        whole, parts, evaluation = (self.folder / model / name for name in ("whole", "parts", "evaluation"))
        command = ["--data", self.data, "--arch", model, *COMMON, *options.split()]
        started = time.monotonic()
        self.assertEqual(start("train_mura", *command, "--out", whole).wait(), 0)
        minutes = (time.monotonic() - started) / 60
        expected = losses(whole)
        self.interrupt(start("train_mura", *command, "--out", parts), parts, len(expected) // 2)
        self.assertLess(len(losses(parts)), len(expected))
        self.assertEqual(start("train_mura", "--out", parts, "--resume", "--quiet").wait(), 0)
        self.assertEqual(losses(parts), expected)
        for name in ("last/model.safetensors", "best/model.safetensors", "predictions.csv"):
            self.assertEqual((parts / name).read_bytes(), (whole / name).read_bytes(), name)
        self.assertEqual(
            start("eval_mura", "--checkpoint", parts / "best", "--data", self.data, "--out", evaluation).wait(), 0
        )
        auroc = json.loads((evaluation / "metrics.json").read_text())["image"]["auroc"]
        print(f"| `{model}` | `{options}` | {auroc:.3f} | {minutes:.1f} |", flush=True)
        self.assertGreater(auroc, BOUND)

    def test_models(self):
        for model, options in MODELS.items():
            with self.subTest(model):
                if not sys.argv[2:] or model in sys.argv[2:]:
                    self.check(model, options)


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
