#!/usr/bin/env python3
"""Sends weights from torchvision through our models and back, and compares the logits; as safetensors and as .pth.

    pip install torch torchvision numpy safetensors
    python3 scripts/check_torchvision.py [--programs build/bin/tests] [--arch resnet50 ...]

For each architecture: torchvision's model with random weights and statistics is saved; our
model_logits loads it, computes logits and saves it again; a fresh torchvision model loads that with
strict=True. The same weights are also loaded from a .pth file of torch.save, and into a model with another head, where
only the head's tensors may differ. Prints the largest difference of the logits in f32 and the hash of names and shapes
that tests/nn/resnet_test.cpp contains. Exit status 1 if a tensor changed or a logit differs by more
than 1e-4 of the largest.
"""

import argparse
import pathlib
import subprocess
import sys
import tempfile

import torch
import torchvision
from safetensors.torch import load_file, save_file

from golden.common import hash_name

ARCHS = ["resnet18", "resnet34", "resnet50", "resnet101", "resnet152"]
TOLERANCE = 1e-4


def random_model(arch):
    """Random weights and, unlike a new model's, random batch norms whose activations stay in range."""
    model = torchvision.models.get_model(arch, num_classes=1000)
    for module in model.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            module.weight.data.uniform_(0.3, 0.7)
            module.bias.data.uniform_(-0.5, 0.5)
            module.num_batches_tracked.fill_(12345)
    with torch.no_grad():
        model.train()(torch.rand(8, 3, 64, 64))  # fills the running statistics
    return model


def run_model(programs, arch, folder, weights, *classes):
    subprocess.run([programs / "model_logits", arch, folder / weights, folder / "images.safetensors",
                    folder / "ours.safetensors", folder / "logits.safetensors", *classes], check=True)


def check(arch, programs, folder):
    torch.manual_seed(0)
    model = random_model(arch)
    images = torch.rand(4, 3, 128, 160)
    save_file(model.state_dict(), folder / "model.safetensors")
    save_file({"images": images.permute(0, 2, 3, 1).contiguous()}, folder / "images.safetensors")
    run_model(programs, arch, folder, "model.safetensors")
    ours = load_file(folder / "ours.safetensors")
    logits = load_file(folder / "logits.safetensors")["logits"]
    changed = [name for name, tensor in model.state_dict().items()
               if name not in ours or ours[name].dtype != tensor.dtype
               or not torch.equal(ours[name], tensor)]
    loaded = torchvision.models.get_model(arch, num_classes=1000)
    loaded.load_state_dict(ours, strict=True)
    with torch.no_grad():
        theirs = loaded.eval()(images)
    difference = (logits - theirs).abs().max().item()
    torch.save(model.state_dict(), folder / "model.pth")
    run_model(programs, arch, folder, "model.pth")
    from_pth = load_file(folder / "ours.safetensors")
    changed += [name for name in ours if not torch.equal(ours[name], from_pth[name])]
    run_model(programs, arch, folder, "model.pth", "7")
    other_head = load_file(folder / "ours.safetensors")
    changed += [name for name in ours if name.startswith("fc.") == torch.equal(ours[name], other_head[name])]
    largest = theirs.abs().max().item()
    text = "".join(f"{name} [{','.join(map(str, tensor.shape))}]\n"
                   for name, tensor in model.state_dict().items())
    print(f"{arch}: {len(ours)} tensors, {len(changed)} changed; logits differ by {difference:.2e} "
          f"at most, the largest being {largest:.2f}; names and shapes {hash_name(text):#018x}")
    return not changed and difference <= TOLERANCE * largest


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--programs", type=pathlib.Path,
                        default=pathlib.Path(__file__).parent.parent / "build" / "bin" / "tests")
    parser.add_argument("--arch", nargs="+", default=ARCHS, choices=ARCHS)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        good = [check(arch, options.programs, pathlib.Path(folder)) for arch in options.arch]
    sys.exit(0 if all(good) else 1)


if __name__ == "__main__":
    main()
