#!/usr/bin/env python3
"""Runs exported models in onnxruntime and compares them with our own logits.

    pip install torch torchvision timm numpy safetensors onnx onnxruntime
    python3 scripts/check_onnx.py [--programs build/bin] [--arch resnet18 ...]

For each architecture, with random weights and statistics, and for each export option: runs onnx.checker's full check, and
compares the outputs for 100 random images, in batches of 1, 7 and 92, with those of model_logits. Exit status 1 if one
differs by more than 1e-4 (probabilities), or 1e-4 of the largest (logits).
"""

import argparse
import itertools
import json
import pathlib
import subprocess
import sys
import tempfile

import numpy
import onnx
import onnxruntime
import torch
from check_torchvision import ARCHS, random_model
from safetensors.numpy import load_file, save_file

TOLERANCE = 1e-4
SIZE = 64
MEAN, STD, TEMPERATURE = [0.485, 0.456, 0.406], [0.229, 0.224, 0.225], 1.75


def random_weights(arch, images):
    """Batch norms have the statistics of the images: otherwise all images have nearly the same logits. The residual branches
    of bottlenecks are small, as in a trained model: otherwise a ResNet152 in f32 differs by 2e-4 from itself in float64."""
    torch.manual_seed(0)
    model = random_model(arch, num_classes=1)
    norms = {name: module for name, module in model.named_modules() if isinstance(module, torch.nn.BatchNorm2d)}
    for name, norm in norms.items():
        norm.reset_running_stats()
        norm.momentum = None
        if name.endswith(".bn3"):
            norm.weight.data *= 0.3
    if norms:
        with torch.no_grad():
            model.train()(torch.from_numpy(images))
    head = [name for name, module in model.named_modules() if isinstance(module, torch.nn.Linear)][-1]
    return {name: tensor.numpy() for name, tensor in model.state_dict().items()}, head


def write_model(arch, file, weights):
    metadata = {"arch": arch, "fit": "stretch", "image_size": SIZE, "mean": MEAN, "std": STD, "threshold": 0.5,
                "temperature": TEMPERATURE, "classes": ["normal", "abnormal"], "split_seed": 0, "val_fraction": -1}
    save_file(weights, file, metadata={key: value if isinstance(value, str) else json.dumps(value)
                                       for key, value in metadata.items()})


def write_random_model(arch, programs, folder, images):
    """Logits of these images have mean 0 and deviation 1."""
    weights, head = random_weights(arch, images)
    write_model(arch, folder / "model.safetensors", weights)
    logits = our_logits(programs, arch, folder, images)
    weights[head + ".bias"] = (weights[head + ".bias"] - logits.mean()) / logits.std()
    weights[head + ".weight"] = weights[head + ".weight"] / logits.std()
    write_model(arch, folder / "model.safetensors", weights)


def our_logits(programs, arch, folder, images):
    save_file({"images": numpy.ascontiguousarray(images.transpose(0, 2, 3, 1))}, folder / "images.safetensors")
    subprocess.run([programs / "tests" / "model_logits", arch, folder / "model.safetensors",
                    folder / "images.safetensors", folder / "copy.safetensors", folder / "logits.safetensors"],
                   check=True)
    return load_file(folder / "logits.safetensors")["logits"]


def run(file, images):
    session = onnxruntime.InferenceSession(file, providers=["CPUExecutionProvider"])
    name = session.get_inputs()[0].name
    return numpy.concatenate([session.run(None, {name: part})[0] for part in numpy.split(images, [1, 8])])


def check(arch, programs, folder):
    random = numpy.random.default_rng(0)  # blocks, with another contrast in each image
    blocks = random.integers(0, 256, (100, 1, SIZE // 8, SIZE // 8)).repeat(8, 2).repeat(8, 3)
    grey = (blocks * random.random((100, 1, 1, 1))).round().astype(numpy.float32)
    channels = lambda values: numpy.array(values, numpy.float32)[None, :, None, None]
    images = ((grey / 255).repeat(3, 1) - channels(MEAN)) / channels(STD)
    write_random_model(arch, programs, folder, images)
    logits = our_logits(programs, arch, folder, images)
    probabilities = 1 / (1 + numpy.exp(-logits[:, 0].astype(float) / TEMPERATURE))
    good = True
    for keep, whole in itertools.product([False, True], repeat=2):
        flags = ["--keep-batch-norm"] * keep + ["--with-preprocessing"] * whole
        file = folder / "model.onnx"
        subprocess.run([programs / "export_onnx", "--checkpoint", folder / "model.safetensors", "--out", file, *flags],
                       check=True, stdout=subprocess.DEVNULL)
        onnx.checker.check_model(onnx.load(file), full_check=True)
        found, expected = (run(file, grey), probabilities) if whole else (run(file, images), logits)
        assert found.shape == expected.shape, (found.shape, expected.shape)
        scale = 1 if whole else abs(expected).max()
        difference = abs(found - expected).max() / scale
        print(f"{arch} {' '.join(flags) or '(folded, logits)'}: 100 images, largest difference {difference:.1e} of "
              f"{scale:.3g}; outputs from {expected.min():.3f} to {expected.max():.3f}")
        good &= difference <= TOLERANCE
    return good


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--programs", type=pathlib.Path, default=pathlib.Path(__file__).parent.parent / "build" / "bin")
    parser.add_argument("--arch", nargs="+", default=ARCHS, choices=ARCHS)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        good = [check(arch, options.programs, pathlib.Path(folder)) for arch in options.arch]
    sys.exit(0 if all(good) else 1)


if __name__ == "__main__":
    main()
