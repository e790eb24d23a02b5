#!/usr/bin/env python3
"""Trains PyTorch on the split of one of our runs with the recipe of train_mura, for a fair comparison.

    pip install torch torchvision pillow numpy scikit-learn
    train_mura --data DATA --out runs/ours ...
    python3 scripts/baseline_torch.py --manifest runs/ours/manifest.csv --positive Fractured --out runs/torch
    python3 scripts/compare_runs.py --ours runs/ours --against runs/torch

The model is torchvision's, from scratch, with one logit; f32, channels last. The recipe is that of train_mura
--augment default --normalization data --fit stretch --schedule cosine: each step names the
file that it follows. Random draws come from other generators, so a run differs from ours like one with another seed.

OUT gets config.json, log.jsonl (one line per epoch), predictions.csv (the test split) and model.pt (the epoch of
the best validation AUROC, which made the predictions).
"""

import argparse
import copy
import csv
import json
import math
import os
import pathlib
import random
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy
import torch
import torchvision
from PIL import Image, ImageOps
from sklearn.metrics import roc_auc_score
from torch.nn import functional

SPLITS = ["train", "val", "test"]
ROTATION, SCALE, SHIFT = 15, 0.1, 0.1  # data/augment.cpp, "default": degrees, share, share of the side


# --- the data ---------------------------------------------------------------------------------------------------


@dataclass
class Data:
    rows: list  # of the manifest, each with "name" (its path as predictions.csv has it) and "target" (0 or 1)
    images: torch.Tensor  # u8 [N,S,S]
    targets: torch.Tensor  # f32 [N]
    weights: torch.Tensor  # f32 [N]: weight of each image in the loss
    mean: float
    std: float

    def indices(self, split):
        return torch.tensor([i for i, row in enumerate(self.rows) if row["split"] == split], dtype=torch.long)


def read_manifest(file, positive):
    """The rows of a manifest.csv; names are the paths below their common folder."""
    try:
        with open(file, newline="", encoding="utf-8") as stream:
            rows = list(csv.DictReader(stream))
    except OSError as error:
        sys.exit(f"{file}: {error.strerror}")
    classes = sorted({row["label"] for row in rows})
    if positive not in classes or len(classes) != 2:
        sys.exit(f"{file}: the classes are {', '.join(classes)}; --positive must name one of two")
    root = os.path.commonpath([os.path.dirname(row["path"]) for row in rows])
    for row in rows:
        row["name"] = pathlib.PurePath(os.path.relpath(row["path"], root)).as_posix()
        row["target"] = int(row["label"] == positive)
    return rows


def limit_rows(rows, limit, seed):
    """At most `limit` rows of each split, drawn at random; all for 0."""
    if limit == 0:
        return rows
    kept = []
    for split in SPLITS:
        members = [row for row in rows if row["split"] == split]
        kept += random.Random(seed).sample(members, min(limit, len(members)))
    return sorted(kept, key=lambda row: row["path"])


def load_image(path, size):
    """Grey levels [size,size], u8: oriented, then stretched to the square."""
    try:
        with Image.open(path) as image:
            image = ImageOps.exif_transpose(image)
            if image.mode.startswith("I"):  # 16 bits; convert("L") would clip instead of scale
                image = Image.fromarray(numpy.rint(numpy.asarray(image) / 257).astype(numpy.uint8))
            return numpy.asarray(image.convert("L").resize((size, size), Image.Resampling.BILINEAR))
    except OSError as error:
        sys.exit(f"{path}: {error}")


def load_data(options):
    rows = limit_rows(read_manifest(options.manifest, options.positive), options.limit, options.seed)
    paths = [row["path"] for row in rows]
    with ThreadPoolExecutor(options.threads) as pool:
        images = list(pool.map(lambda path: load_image(path, options.image_size), paths))
    data = Data(rows, torch.from_numpy(numpy.stack(images)),
                torch.tensor([row["target"] for row in rows], dtype=torch.float32), torch.empty(0), 0, 1)
    train = data.indices("train")
    if len(train) < 2 or len(data.indices("val")) == 0:
        sys.exit(f"{options.manifest}: needs at least 2 images of split train and 1 of val")
    data.weights = sample_weights(data.targets, train, options.positive_weight)
    data.mean, data.std = mean_and_std(data.images[train].numpy())
    return data


def mean_and_std(images):
    """Mean and standard deviation of all grey levels / 255; image by image, because doubles of all do not fit into memory."""
    mean = images.mean()
    square = numpy.mean([numpy.mean(image.astype(float) ** 2) for image in images])
    return float(mean / 255), float(numpy.sqrt(square - mean**2) / 255)


def sample_weights(targets, train, policy):
    """eval/sample_weights.h: normal 1, abnormal N / A of the training split, 1 or the number."""
    positives = targets[train].sum().item()
    if policy == "balanced" and not 0 < positives < len(train):
        sys.exit("--positive-weight balanced: the training split has one class only")
    positive = ((len(train) - positives) / positives if policy == "balanced"
                else 1.0 if policy == "none" else float(policy))
    return torch.where(targets == 1, positive, 1.0)


# --- the recipe -------------------------------------------------------------------------------------------------


def draw_affine(count, generator):
    """Maps [count,2,3] from output to input for affine_grid, distributed as those of data/augment.cpp.

    affine_grid counts from the centre in half sides, so a shift by a share of the side is twice that.
    """
    def uniform(reach):
        return (2 * torch.rand(count, generator=generator) - 1) * reach

    mirror = torch.where(torch.rand(count, generator=generator) < 0.5, -1.0, 1.0)
    angle, scale = uniform(math.pi * ROTATION / 180), 1 + uniform(SCALE)
    shift = torch.stack([2 * uniform(SHIFT), 2 * uniform(SHIFT)], dim=1)
    cosine, sine = torch.cos(angle) / scale, torch.sin(angle) / scale
    linear = torch.stack([torch.stack([mirror * cosine, mirror * sine], dim=1),
                          torch.stack([-sine, cosine], dim=1)], dim=1)
    return torch.cat([linear, -linear @ shift[:, :, None]], dim=2)


def model_input(data, indices, maps=None):
    """f32 [N,3,S,S], warped by `maps` with black outside, then normalised; grey in all three channels."""
    grey = data.images[indices][:, None].float() / 255
    if maps is not None:
        grid = functional.affine_grid(maps, grey.shape, align_corners=False)
        grey = functional.grid_sample(grey, grid, mode="bilinear", padding_mode="zeros", align_corners=False)
    grey = (grey - data.mean) / data.std
    return grey.expand(-1, 3, -1, -1).contiguous(memory_format=torch.channels_last)


def weighted_loss(data, logits, indices):
    """train/trainer.cpp: the mean over the images of weight times cross entropy."""
    return functional.binary_cross_entropy_with_logits(logits, data.targets[indices], data.weights[indices])


def lr_factor(step, warmup, total):
    """optim/lr_scheduler.h, cosine_with_warmup: linear up to 1, half a cosine down to 0."""
    if step < warmup:
        return (step + 1) / warmup
    return (1 + math.cos(math.pi * (step - warmup) / (total - warmup))) / 2


class Training:
    def __init__(self, options, data):
        torch.manual_seed(options.seed)
        self.options, self.data = options, data
        self.train, self.val = data.indices("train"), data.indices("val")
        self.generator = torch.Generator().manual_seed(options.seed)
        self.model = torchvision.models.get_model(options.arch, weights=None, num_classes=1)
        self.model = self.model.to(memory_format=torch.channels_last)
        optimizer = {"adam": torch.optim.Adam, "adamw": torch.optim.AdamW}[options.optimizer]
        self.optimizer = optimizer(self.model.parameters(), lr=options.lr, weight_decay=options.weight_decay)
        steps_per_epoch = math.ceil(len(self.train) / options.batch_size)
        self.total_steps = options.epochs * steps_per_epoch
        self.warmup_steps = min(steps_per_epoch, self.total_steps // 4)
        self.step = self.images_done = 0
        self.best_score, self.best_state = None, None

    def run(self, log):
        self.start = time.monotonic()
        for epoch in range(1, self.options.epochs + 1):
            train_loss = self.train_epoch()
            line = {"epoch": epoch, "step": self.step, "split": "val", **self.validate(train_loss), **self.pace()}
            log.write(json.dumps(line) + "\n")
            log.flush()
            print(f"epoch {epoch}/{self.options.epochs}  train loss {train_loss:.4f}  val loss {line['loss']:.4f}  "
                  f"val AUROC {line['auroc']}  ({line['images_per_second']:.1f} images/s)", file=sys.stderr)

    def train_epoch(self):
        self.model.train()
        order = self.train[torch.randperm(len(self.train), generator=self.generator)]
        loss_sum = images = 0
        for indices in order.split(self.options.batch_size):
            self.images_done += len(indices)
            if len(indices) < 2:  # too small for batch norm
                break
            loss_sum += self.train_step(indices) * len(indices)
            images += len(indices)
        return loss_sum / images

    def train_step(self, indices):
        for group in self.optimizer.param_groups:
            group["lr"] = self.options.lr * lr_factor(self.step, self.warmup_steps, self.total_steps)
        logits = self.model(model_input(self.data, indices, draw_affine(len(indices), self.generator)))
        loss = weighted_loss(self.data, logits.flatten(), indices)
        if not torch.isfinite(loss):
            sys.exit(f"the loss is {loss.item()} at step {self.step + 1}; try a lower --lr")
        self.optimizer.zero_grad()
        loss.backward()
        self.optimizer.step()
        self.step += 1
        return loss.item()

    @torch.no_grad()
    def infer_logits(self, indices):
        self.model.eval()
        return torch.cat([self.model(model_input(self.data, batch)).flatten()
                          for batch in indices.split(self.options.batch_size)])

    def validate(self, train_loss):
        """The epoch's figures; keeps its weights if they are the best so far, by AUROC, else by loss."""
        logits = self.infer_logits(self.val)
        loss = weighted_loss(self.data, logits, self.val).item()
        auroc = auroc_of(self.data.targets[self.val], logits)
        score = -loss if auroc is None else auroc
        if self.best_score is None or score > self.best_score:
            self.best_score, self.best_state = score, copy.deepcopy(self.model.state_dict())
        return {"loss": loss, "train_loss": train_loss, "auroc": auroc, "lr": self.optimizer.param_groups[0]["lr"]}

    def pace(self):
        seconds = time.monotonic() - self.start
        return {"images_per_second": self.images_done / seconds, "seconds": seconds}


def auroc_of(targets, logits):
    """None if there is one class only."""
    return float(roc_auc_score(targets, logits)) if 0 < targets.sum() < len(targets) else None


# --- results ----------------------------------------------------------------------------------------------------


def write_config(options, data):
    config = {name: str(value) if isinstance(value, pathlib.Path) else value for name, value in vars(options).items()}
    config |= {"torch": torch.__version__, "torchvision": torchvision.__version__, "mean": data.mean, "std": data.std,
               "splits": {split: len(data.indices(split)) for split in SPLITS}}
    (options.out / "config.json").write_text(json.dumps(config, indent=2) + "\n", encoding="utf-8")


def write_predictions(file, data, indices, logits):
    """Writes our predictions.csv; written to a temporary file and renamed, so that the file is complete."""
    beside = file.with_suffix(".partial")
    with open(beside, "w", newline="", encoding="utf-8") as stream:
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow(["path", "study", "patient", "part", "label", "probability"])
        for index, probability in zip(indices.tolist(), torch.sigmoid(logits.double()).tolist()):
            row = data.rows[index]
            writer.writerow([row["name"], row["study"], row["patient"], row["part"], row["target"], probability])
    beside.replace(file)


def evaluate_best(training, data, out):
    """Writes the best epoch's model and predictions, and prints its AUROC; of val if there is no test split."""
    split = "test" if len(data.indices("test")) else "val"
    training.model.load_state_dict(training.best_state)
    torch.save(training.best_state, out / "model.pt")
    indices = data.indices(split)
    logits = training.infer_logits(indices)
    write_predictions(out / "predictions.csv", data, indices, logits)
    print(f"{split} AUROC {auroc_of(data.targets[indices], logits)} on {len(indices)} images")


def positive_weight(text):
    if text not in ("balanced", "none") and not 0 < float(text) < 1e6:
        raise ValueError
    return text


def parse_options():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--manifest", type=pathlib.Path, required=True, help="manifest.csv of one of our runs")
    parser.add_argument("--positive", required=True, help="the class to predict")
    parser.add_argument("--out", type=pathlib.Path, required=True)
    parser.add_argument("--arch", default="resnet18", choices=["resnet18", "resnet50"])
    parser.add_argument("--image-size", type=int, default=160)
    parser.add_argument("--epochs", type=int, default=14)
    parser.add_argument("--batch-size", type=int, default=32)
    parser.add_argument("--optimizer", default="adamw", choices=["adam", "adamw"])
    parser.add_argument("--lr", type=float, default=1e-3)
    parser.add_argument("--weight-decay", type=float, default=1e-2)
    parser.add_argument("--positive-weight", type=positive_weight, default="balanced",
                        help="balanced, none or a number")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    parser.add_argument("--limit", type=int, default=0, help="maximum images of each split; drawn here, so "
                        "give the manifest of a limited run instead to have the same ones; 0 is all")
    return parser.parse_args()


def main():
    options = parse_options()
    if (options.out / "config.json").exists():
        sys.exit(f"{options.out} already contains a run; choose another --out or remove it")
    torch.set_num_threads(options.threads)
    data = load_data(options)
    options.out.mkdir(parents=True, exist_ok=True)
    write_config(options, data)
    training = Training(options, data)
    with open(options.out / "log.jsonl", "w", encoding="utf-8") as log:
        training.run(log)
    evaluate_best(training, data, options.out)


if __name__ == "__main__":
    main()
