#!/usr/bin/env python3
"""Trains a ResNet50 of width 1/16 for a few steps with PyTorch in float64, as a golden file.

    pip install torch numpy safetensors
    python3 scripts/golden/resnet.py

writes tests/golden/resnet50_narrow.safetensors. Weights, images, targets and sample weights are
drawn from their names (common.py), so the file holds results only:

* before the first step: the logits in evaluation mode;
* of the first step: the logits, the loss, every gradient and every running statistic;
* of each step: the loss; and the gradients, the parameters and the running statistics, each as one entry, in
  which all tensors are scaled to a largest absolute value of 1 and concatenated, with the scales in another entry.

A float32 step is comparable with a float64 one only if both are on the same side of every ReLU
and Adam does not magnify the sign of a gradient that is only rounding error. So each step draws
batches until both hold for PyTorch's own float32 step; the file contains the batch's number.
"""

import copy
import pathlib

import numpy
import torch
import torch.nn.functional as F
from torch import nn

from common import GoldenWriter, hashed, initial_value

OUTPUT = pathlib.Path(__file__).resolve().parents[2] / "tests" / "golden" / "resnet50_narrow.safetensors"
WIDTH, EXPANSION, BLOCKS = 4, 4, (3, 4, 6, 3)
BATCH, SIZE, STEPS, LEARNING_RATE = 8, 32, 4, 1e-4
RELU_INPUTS = []  # of the last pass


def relu(x):
    RELU_INPUTS.append(x.detach().double())
    return F.relu(x)


class Bottleneck(nn.Module):
    """1x1, 3x3 (which has the stride), 1x1, and the shortcut."""

    def __init__(self, in_channels, channels, inner_channels, groups, stride):
        super().__init__()
        out_channels = EXPANSION * channels
        self.conv1 = nn.Conv2d(in_channels, inner_channels, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(inner_channels)
        self.conv2 = nn.Conv2d(inner_channels, inner_channels, 3, stride, 1, bias=False, groups=groups)
        self.bn2 = nn.BatchNorm2d(inner_channels)
        self.conv3 = nn.Conv2d(inner_channels, out_channels, 1, bias=False)
        self.bn3 = nn.BatchNorm2d(out_channels)
        self.downsample = None
        if stride != 1 or in_channels != out_channels:
            self.downsample = nn.Sequential(
                nn.Conv2d(in_channels, out_channels, 1, stride, bias=False),
                nn.BatchNorm2d(out_channels))

    def forward(self, x):
        y = relu(self.bn1(self.conv1(x)))
        y = relu(self.bn2(self.conv2(y)))
        return relu(self.bn3(self.conv3(y)) + (self.downsample(x) if self.downsample else x))


class NarrowResNet(nn.Module):
    """torchvision's resnet50, or a resnext50, with its names and initial values, `width` channels after the stem and one
    logit."""

    def __init__(self, width, groups=1, width_per_group=64):
        super().__init__()
        self.conv1 = nn.Conv2d(3, width, 7, 2, 3, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        in_channels = width
        for stage, count in enumerate(BLOCKS):
            channels = width * 2**stage
            inner_channels = max(channels * width_per_group // 64, 1) * groups
            layer = nn.Sequential()
            for i in range(count):
                layer.append(Bottleneck(in_channels, channels, inner_channels, groups, 2 if stage > 0 and i == 0 else 1))
                in_channels = EXPANSION * channels
            setattr(self, f"layer{stage + 1}", layer)
        self.fc = nn.Linear(in_channels, 1)
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")

    def forward(self, x):
        RELU_INPUTS.clear()
        y = F.max_pool2d(relu(self.bn1(self.conv1(x))), 3, 2, 1)
        for layer in (self.layer1, self.layer2, self.layer3, self.layer4):
            y = layer(y)
        return self.fc(y.mean(dim=(2, 3)))


def value(name, shape):
    """The last gamma of a block is small, or float32 would lose three digits in the backward pass."""
    name = f"resnet50_narrow/{name}"
    array = 0.125 + hashed(name, shape) / 4 if name.endswith("bn3.weight") else initial_value(name, shape)
    return torch.from_numpy(array)


def batch(step, draw):
    """Images (drawn NHWC, like ours), targets and sample weights of one step."""
    name = f"resnet50_narrow/step{step}/draw{draw}"
    images = torch.from_numpy(2 * hashed(f"{name}/images", (BATCH, SIZE, SIZE, 3)) - 1)
    targets = torch.from_numpy(numpy.floor(2 * hashed(f"{name}/targets", (BATCH, 1))))
    weights = torch.from_numpy(0.5 + hashed(f"{name}/weights", (BATCH, 1)))
    return images.permute(0, 3, 1, 2), targets, weights


class Step:
    """One step of training, taken by a copy of a model and its optimizer in some dtype."""

    def __init__(self, model, optimizer, inputs, dtype):
        self.model = copy.deepcopy(model).to(dtype)
        self.optimizer = torch.optim.Adam(self.model.parameters(), LEARNING_RATE)
        self.optimizer.load_state_dict(copy.deepcopy(optimizer.state_dict()))
        images, targets, weights = (each.to(dtype) for each in inputs)
        self.logits = self.model(images)
        self.relu_inputs = list(RELU_INPUTS)
        self.loss = F.binary_cross_entropy_with_logits(self.logits, targets, weights)
        self.optimizer.zero_grad()
        self.loss.backward()
        self.optimizer.step()

    def parameters(self):
        return [parameter.detach() for parameter in self.model.parameters()]

    def gradients(self):
        return [parameter.grad for parameter in self.model.parameters()]


def largest_error(tensors, references):
    return max(((a.double() - b).abs().max() / b.abs().max()).item()
               for a, b in zip(tensors, references))


def is_comparable(wide, narrow):
    """No ReLU input is nearer to 0 than float32 is to float64 in its layer, and all errors are well
    below the thousandth that the test allows."""
    clear = all(a.abs().min() > (a - b).abs().max()
                for a, b in zip(wide.relu_inputs, narrow.relu_inputs))
    return (clear and largest_error(narrow.gradients(), wide.gradients()) < 2e-4
            and largest_error(narrow.parameters(), wide.parameters()) < 2e-4)


def take_step(model, optimizer, step):
    """The step on the first batch that is comparable, and the batch's number."""
    for draw in range(1000):
        inputs = batch(step, draw)
        wide = Step(model, optimizer, inputs, torch.float64)
        if is_comparable(wide, Step(model, optimizer, inputs, torch.float32)):
            return wide, draw
    raise RuntimeError(f"no batch is comparable in step {step}")


def add_together(golden, entry, tensors):
    sizes = [tensor.abs().max() for tensor in tensors]
    scaled = [(tensor / size).flatten() for tensor, size in zip(tensors, sizes)]
    golden.add(entry, torch.cat(scaled).numpy())
    golden.add(entry + "_sizes", torch.stack(sizes).numpy())


def main():
    model = NarrowResNet(WIDTH).double()
    with torch.no_grad():
        for name, tensor in model.state_dict().items():
            if tensor.is_floating_point():
                tensor.copy_(value(name, tensor.shape))
    optimizer = torch.optim.Adam(model.parameters(), LEARNING_RATE)
    golden = GoldenWriter()

    model.eval()
    golden.add("evaluation/logits", model(batch(0, 0)[0]).detach().numpy())
    model.train()
    for number in range(STEPS):
        step, draw = take_step(model, optimizer, number)
        model, optimizer = step.model, step.optimizer
        statistics = {name: buffer for name, buffer in model.named_buffers()
                      if buffer.is_floating_point()}
        if number == 0:
            golden.add("step0/logits", step.logits.detach().numpy())
            for name, parameter in model.named_parameters():
                golden.add(f"step0/gradient/{name}", parameter.grad.numpy())
            for name, buffer in statistics.items():
                golden.add(f"step0/statistic/{name}", buffer.numpy())
        golden.add(f"step{number}/draw", draw)
        golden.add(f"step{number}/loss", step.loss.detach().numpy())
        add_together(golden, f"step{number}/gradients", step.gradients())
        add_together(golden, f"step{number}/parameters", step.parameters())
        add_together(golden, f"step{number}/statistics", list(statistics.values()))
        print(f"step {number}: batch {draw}, loss {step.loss.item():.6f}")

    golden.write(OUTPUT)
    print(f"{sum(p.numel() for p in model.parameters())} parameters, {len(golden.tensors)} entries, "
          f"{OUTPUT.stat().st_size} bytes: {OUTPUT}")


if __name__ == "__main__":
    main()
