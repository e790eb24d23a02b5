#!/usr/bin/env python3
"""Models learn the demonstration radiographs, and an interrupted run equals one that was left alone.

    trained_families_test.py build/bin [MODEL ...]

Each model (default: all) is trained twice from scratch, to find any abnormality, or for models that learn slowly from few images an
easier question: metal in the bone, or a forearm against an upper arm. The second run is interrupted when half of its steps are done, and
resumed. Losses, weights and predictions are equal, bit for bit, and eval_mura finds an AUROC per test image above 0.8.
Prints the rows of the table in docs/results.md.
"""

import csv
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
# Folders of radiographs, and the questions with the data that ask them.
DRAWINGS = {"few": "--studies 640", "many": "--studies 3000 --image-size 128"}
QUESTIONS = {"abnormal": "few", "metal": "many/metal.csv", "part": "many/part.csv", "part, fewer": "many/fewer.csv"}
COMMON = "--optimizer adamw --weight-decay 0.01 --positive-weight none --quiet".split()
# Models, their questions and options.
MODELS = {
    "resnet18": ("abnormal", "--image-size 64 --epochs 10 --batch-size 24"),
    "resnext50_32x4d": ("metal", "--image-size 64 --epochs 8 --batch-size 16"),
    "densenet121": ("abnormal", "--image-size 64 --epochs 7 --batch-size 24"),
    "mobilenet_v2": ("abnormal", "--image-size 64 --epochs 20 --batch-size 24 --lr 3e-3"),
    "efficientnet_b0": ("metal", "--image-size 64 --epochs 10 --batch-size 16 --lr 1e-3"),
    "efficientnet_lite0": ("metal", "--image-size 64 --epochs 10 --batch-size 16 --lr 1e-3"),
    "convnext_tiny": ("part", "--image-size 64 --epochs 6 --batch-size 16 --lr 2e-4 --drop-path 0 --ema 0.99"),
    "vit_tiny_patch16_224": ("metal", "--image-size 128 --epochs 12 --batch-size 16 --lr 3e-4"),
    "vit_small_r26_s32_224": ("part, fewer", "--image-size 96 --epochs 6 --batch-size 16 --lr 1e-4 --ema 0.99"),
}


def start(program, *options):
    return subprocess.Popen([PROGRAMS / program, *options], stdout=subprocess.DEVNULL)


def losses(run):
    """(split, loss) of each step and epoch."""
    log = run / "log.jsonl"
    text = log.read_text() if log.exists() else ""
    lines = [json.loads(line) for line in text[: text.rfind("\n") + 1].splitlines()]  # the last line may be incomplete
    return [(line["split"], line["loss"]) for line in lines]


def write_question(data, name, label_of):
    """A CSV file of the radiographs to which label_of(kind of lesion, part, patient) gives a label, not None."""
    with open(data / "lesions.csv", newline="", encoding="utf-8") as file:
        kinds = {row["path"]: row["kind"] for row in csv.DictReader(file)}
    with open(data / name, "w", encoding="utf-8") as file:
        file.write("path,label,study,patient,part,split\n")
        for image in sorted(data.rglob("*.png")):
            path = image.relative_to(data)
            _, part_of_set, part, patient, study, _ = path.parts
            number = int(patient.removeprefix("patient"))
            kind = kinds[str(path)] if study.endswith("positive") else ""
            label = label_of(kind, part, number)
            if label is not None:
                split = "test" if part_of_set == "valid" else "val" if number % 7 == 0 else "train"
                file.write(f"{path},{label},{path.parent},{patient},{part},{split}\n")


def has_metal(kind, _, number):
    """About two with metal to three of a fifth of the normal studies."""
    return 1 if kind == "hardware" else 0 if kind == "" and number % 5 == 0 else None


def is_upper_arm(_kind, part, _number):
    return {"XR_FOREARM": 0, "XR_HUMERUS": 1}.get(part)


def is_upper_arm_of_a_third(kind, part, number):
    return is_upper_arm(kind, part, number) if number % 3 == 0 else None


class TrainedFamilies(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        scratch = tempfile.TemporaryDirectory()
        cls.addClassCleanup(scratch.cleanup)
        cls.folder = pathlib.Path(scratch.name)
        for folder, drawing in DRAWINGS.items():
            assert start("make_demo_data", "--out", cls.folder / folder, *drawing.split()).wait() == 0
        write_question(cls.folder / "many", "metal.csv", has_metal)
        write_question(cls.folder / "many", "part.csv", is_upper_arm)
        write_question(cls.folder / "many", "fewer.csv", is_upper_arm_of_a_third)

    def interrupt(self, process, run, lines):
        """Stops a run when its log has so many lines."""
        while len(losses(run)) < lines:
            self.assertIsNone(process.poll(), "the run ended before it was interrupted")
            time.sleep(0.1)
        process.terminate()  # SIGINT is ignored by what a shell started in the background
        self.assertEqual(process.wait(), 128 + signal.SIGTERM)

    def check(self, model, question, options):
        data = self.folder / QUESTIONS[question]
        whole, parts, evaluation = (self.folder / model / name for name in ("whole", "parts", "evaluation"))
        command = ["--data", data, "--arch", model, *COMMON, *options.split()]
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
            start("eval_mura", "--checkpoint", parts / "best", "--data", data, "--out", evaluation).wait(), 0
        )
        auroc = json.loads((evaluation / "metrics.json").read_text())["image"]["auroc"]
        print(f"| `{model}` | {question} | `{options}` | {auroc:.3f} | {minutes:.1f} |", flush=True)
        self.assertGreater(auroc, BOUND)

    def test_models(self):
        for model, (question, options) in MODELS.items():
            with self.subTest(model):
                if not sys.argv[2:] or model in sys.argv[2:]:
                    self.check(model, question, options)


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
