"""Radiographs for baseline_torch.py: our split, images as u8 in memory, and the random changes of training images.

Each step names the file of ours that it follows.
"""

import csv
import json
import math
import os
import pathlib
import random
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy
import torch
from PIL import Image, ImageOps
from safetensors import safe_open
from torch.nn import functional

SPLITS = ["train", "val", "test"]
ROTATION, SCALE, SHIFT = 15, 0.1, 0.1  # data/augment.cpp, "default": degrees, share, share of the side
MIN_AREA, MAX_AREA, MAX_RATIO = 0.02, 0.33, 3.3  # data/augment.cpp: of erased rectangles


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
    data.mean, data.std = read_levels(options.init) if options.init else mean_and_std(data.images[train].numpy())
    return data


def read_levels(file):
    """Mean and standard deviation of all channels that the initial weights expect, from their metadata."""
    with safe_open(file, "pt") as weights:
        levels = [json.loads(weights.metadata()[name]) for name in ("mean", "std")]
    if any(len(set(channels)) != 1 for channels in levels):
        sys.exit(f"{file}: its channels have different means or deviations {levels}, which this script cannot apply")
    return levels[0][0], levels[1][0]


def mean_and_std(images):
    """Of all grey levels / 255; image by image, because doubles of all do not fit into memory."""
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


# --- random changes ---------------------------------------------------------------------------------------------


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


def grey_levels(data, indices):
    """f32 [N,1,S,S], from 0 to 1."""
    return data.images[indices][:, None].float() / 255


def model_input(data, grey):
    """f32 [N,3,S,S], normalised; grey in all three channels."""
    normalised = (grey - data.mean) / data.std
    return normalised.expand(-1, 3, -1, -1).contiguous(memory_format=torch.channels_last)


def augmented_input(data, indices, options, generator):
    """Warped with black outside, levels changed, normalised, and rectangles erased to the mean: data/augment.cpp."""
    grey, count = grey_levels(data, indices), len(indices)
    grid = functional.affine_grid(draw_affine(count, generator), grey.shape, align_corners=False)
    grey = functional.grid_sample(grey, grid, mode="bilinear", padding_mode="zeros", align_corners=False)
    if options.jitter > 0:  # train/batch_changes.cpp, levels_of
        brightness, contrast = 1 + options.jitter * (2 * torch.rand(2, count, 1, 1, 1, generator=generator) - 1)
        grey = contrast * (brightness * grey - data.mean) + data.mean
    images = model_input(data, grey)
    for i in torch.nonzero(torch.rand(count, generator=generator) < options.erase).flatten():
        top, left, bottom, right = draw_erased(images.shape[-1], generator)
        images[i, :, top:bottom, left:right] = 0
    return images


def draw_erased(side, generator):
    """data/augment.cpp, draw_erased: a share of the area and a ratio of the sides, centred anywhere, then cut."""
    def uniform(low, high):
        return low + (high - low) * torch.rand(1, generator=generator).item()

    area = uniform(MIN_AREA, MAX_AREA) * side * side
    ratio = math.exp(uniform(-math.log(MAX_RATIO), math.log(MAX_RATIO)))
    height, width = round(math.sqrt(area * ratio)), round(math.sqrt(area / ratio))
    top = torch.randint(side, (1,), generator=generator).item() - height // 2
    left = torch.randint(side, (1,), generator=generator).item() - width // 2
    return max(top, 0), max(left, 0), top + height, left + width
