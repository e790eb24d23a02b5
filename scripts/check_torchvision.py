#!/usr/bin/env python3
"""Sends weights from torchvision or timm through our models and back, and compares the logits; as safetensors and as .pth.

    pip install torch torchvision timm numpy safetensors
    python3 scripts/check_torchvision.py [--programs build/bin/tests] [--arch resnet50 ...]

For each architecture: the origin's model with random weights and statistics is saved; our
model_logits loads it, computes logits and saves it again; a fresh model of the origin loads that with
strict=True. The same weights are also loaded from a .pth file of torch.save, and into a model with another head, where
only the head's tensors may differ. Prints the largest difference of the logits in f32, and the numbers that
tests/nn/architectures_test.cpp contains: parameters, multiply-adds of one image of 224 pixels times two, tensors, and the
hash of their sorted names and shapes. Exit status 1 if a tensor changed or a logit differs by more
than 1e-5 of the largest.
"""

import argparse
import pathlib
import subprocess
import sys
import tempfile

import timm
import torch
import torchvision
from safetensors.torch import load_file, save_file
from torch.utils.flop_counter import FlopCounterMode

from golden.common import hash_name

TORCHVISION = ["resnet18", "resnet34", "resnet50", "resnet101", "resnet152", "resnext50_32x4d", "densenet121", "densenet169",
               "densenet201", "densenet161", "mobilenet_v2", "efficientnet_b0", "convnext_tiny", "vit_b_16"]
TIMM = {"efficientnet_lite0": "tf_efficientnet_lite0", "vit_tiny_patch16_224": "vit_tiny_patch16_224",
        "vit_small_patch16_224": "vit_small_patch16_224", "vit_small_r26_s32_224": "vit_small_r26_s32_224"}  # our names and timm's
ARCHS = [*TORCHVISION, *TIMM]
TOLERANCE = 1e-5


def origin(arch, num_classes=1000):
    if arch in TIMM:
        return timm.create_model(TIMM[arch], num_classes=num_classes)
    return torchvision.models.get_model(arch, num_classes=num_classes)


def size_of(arch):
    """Of the images; the origins' transformers take one size."""
    return (224, 224) if arch.startswith("vit") else (128, 160)


def random_model(arch, num_classes=1000):
    """Random weights and, unlike a new model's, random batch norms whose activations stay in range."""
    model = origin(arch, num_classes)
    for module in model.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            module.weight.data.uniform_(0.3, 0.7)
            module.bias.data.uniform_(-0.5, 0.5)
            module.num_batches_tracked.fill_(12345)
    for parameter in model.parameters():
        if not parameter.any():  # heads, biases and the last norms of blocks
            parameter.data.normal_(0, 0.05)
    with torch.no_grad():
        model.train()(torch.rand(8, 3, *size_of(arch)))  # fills the running statistics
    return model


def run_model(programs, arch, folder, weights, *classes):
    subprocess.run([programs / "model_logits", arch, folder / weights, folder / "images.safetensors",
                    folder / "ours.safetensors", folder / "logits.safetensors", *classes], check=True)


def print_table_row(arch):
    model = origin(arch).train()  # in evaluation mode the counter misses torchvision's attention
    state = model.state_dict()
    text = "".join(f"{name} [{','.join(map(str, state[name].shape))}]\n" for name in sorted(state))
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        model(torch.zeros(1, 3, 224, 224))
    parameters = sum(parameter.numel() for parameter in model.parameters())
    print(f'      {{"{arch}", {parameters}, {counter.get_total_flops()}, {len(state)}, {hash_name(text):#018x}}},')


def check(arch, programs, folder):
    torch.manual_seed(0)
    model = random_model(arch)
    images = torch.rand(4, 3, *size_of(arch))
    save_file(model.state_dict(), folder / "model.safetensors")
    save_file({"images": images.permute(0, 2, 3, 1).contiguous()}, folder / "images.safetensors")
    run_model(programs, arch, folder, "model.safetensors")
    ours = load_file(folder / "ours.safetensors")
    logits = load_file(folder / "logits.safetensors")["logits"]
    changed = [name for name, tensor in model.state_dict().items()
               if name not in ours or ours[name].dtype != tensor.dtype
               or not torch.equal(ours[name], tensor)]
    loaded = origin(arch)
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
    changed += [name for name in ours if (ours[name].shape[:1] == (1000,)) == torch.equal(ours[name], other_head[name])]
    largest = theirs.abs().max().item()
    print(f"{arch}: {len(changed)} tensors changed; logits differ by {difference:.2e} at most, the largest being {largest:.2f}")
    print_table_row(arch)
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
