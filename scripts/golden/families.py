#!/usr/bin/env python3
"""Trains a narrow copy of a model of each family with PyTorch in float64, as golden files.

    pip install torch torchvision timm numpy safetensors
    python3 scripts/golden/families.py [--arch mobilenet_v2 ...]

writes tests/golden/families/ARCH.safetensors. The models are torchvision's and timm's own, at WIDTH / 64 of their widths and
without dropout. Weights, images and targets are drawn from their names (common.py), so the files hold results only:

* the logits in evaluation mode, before the first step, also of an image of 320 pixels;
* of the first step in training mode: the logits, the loss, and two weighted sums and the largest number of the gradient
  of every parameter;
* the same of every parameter and statistic after STEPS steps of SGD;
* the mean and the standard deviation of the initial values of each kind of parameter (the same name apart from digits, the same
  shape) over SEEDS models.

tests/nn/family_golden_test.cpp compares with them.
"""

import argparse
import collections
import functools
import math
import pathlib
import re

import numpy
import timm
import torch
import torch.nn.functional as F
import torchvision.models as tv
from timm.layers import GroupNormAct, StdConv2dSame
from timm.models import efficientnet as timm_efficientnet
from timm.models.resnetv2 import ResNetV2
from timm.models.vision_transformer_hybrid import HybridEmbed
from torchvision.models import efficientnet as tv_efficientnet

from common import GoldenWriter, HashedSequence, hashed, initial_value
from resnet import NarrowResNet

FOLDER = pathlib.Path(__file__).resolve().parents[2] / "tests" / "golden" / "families"
WIDTH, BATCH, SIZE, STEPS, LEARNING_RATE, SEEDS = 8, 4, 64, 3, 0.01, 20
SCALE = WIDTH / 64


def with_imagenet_head(model, head):
    """The initial values of a head with ImageNet's 1,000 outputs: the deviation falls with the root of their number."""
    with torch.no_grad():
        head.weight.mul_(1 / math.sqrt(1000))
    return model


def efficientnet_b0():
    blocks, last = tv_efficientnet._efficientnet_conf("efficientnet_b0", width_mult=SCALE, depth_mult=1.0)
    model = tv_efficientnet.EfficientNet(blocks, dropout=0, stochastic_depth_prob=0, num_classes=1, last_channel=last)
    return with_imagenet_head(model, model.classifier[1])


def efficientnet_lite0():
    model = timm_efficientnet._gen_efficientnet_lite("tf_efficientnet_lite0", channel_multiplier=SCALE, num_classes=1,
                                                     bn_eps=1e-3, pad_type="same")
    return with_imagenet_head(model, model.classifier)


def convnext_tiny():
    blocks = [tv.convnext.CNBlockConfig(int(i * SCALE), o and int(o * SCALE), n)
              for i, o, n in ((96, 192, 3), (192, 384, 3), (384, 768, 9), (768, None, 3))]
    return tv.ConvNeXt(blocks, num_classes=1)


def resized(table, grid, **options):
    """Position embeddings [1, L, C] of a square grid for another grid."""
    side = math.isqrt(table.shape[1])
    image = table.permute(0, 2, 1).unflatten(2, (side, side))
    return F.interpolate(image, grid, mode="bicubic", **options).flatten(2).permute(0, 2, 1)


def resample_abs_pos_embed(posemb, new_size, num_prefix_tokens=1, **_):
    """timm's, which computes in float32 always."""
    prefix, table = posemb[:, :num_prefix_tokens], posemb[:, num_prefix_tokens:]
    if table.shape[1] != math.prod(new_size):
        table = resized(table, new_size, antialias=True)
    return torch.cat([prefix, table], 1)


timm.models.vision_transformer.resample_abs_pos_embed = resample_abs_pos_embed


class ResizingVisionTransformer(tv.VisionTransformer):
    """Resizes its position embeddings in each pass as torchvision's interpolate_embeddings does it for a file."""

    def positions(self, grid):
        embedding = self.encoder.pos_embedding
        return torch.cat([embedding[:, :1], resized(embedding[:, 1:], grid, align_corners=True)], 1)

    def forward(self, x):
        patches = self.conv_proj(x)
        tokens = torch.cat([self.class_token.expand(len(x), -1, -1), patches.flatten(2).permute(0, 2, 1)], 1)
        tokens = tokens + self.positions(patches.shape[2:])
        return self.heads(self.encoder.ln(self.encoder.layers(tokens))[:, 0])


def vit_b_16():
    return ResizingVisionTransformer(image_size=224, patch_size=16, num_layers=12, num_heads=12, hidden_dim=12 * WIDTH,
                                     mlp_dim=4 * 12 * WIDTH, num_classes=1)


def vit_tiny_patch16_224():
    return timm.create_model("vit_tiny_patch16_224", embed_dim=3 * WIDTH, num_heads=3, num_classes=1, dynamic_img_size=True)


def narrow_norm(channels, **options):
    """Narrow copies have fewer channels than the 32 groups."""
    return GroupNormAct(channels, math.gcd(32, channels), **options)


def vit_small_r26_s32_224():
    backbone = ResNetV2(layers=(2, 2, 2, 2), num_classes=0, global_pool="", preact=False, stem_type="same", width_factor=SCALE,
                        conv_layer=functools.partial(StdConv2dSame, eps=1e-8), norm_layer=narrow_norm)
    return timm.models.vision_transformer.VisionTransformer(
        img_size=224, patch_size=1, embed_dim=6 * WIDTH, num_heads=6, num_classes=1, dynamic_img_size=True,
        embed_layer=functools.partial(HybridEmbed, backbone=backbone))


FAMILIES = {
    "resnext50_32x4d": lambda: NarrowResNet(WIDTH, groups=32, width_per_group=4),
    "densenet121": lambda: tv.DenseNet(int(32 * SCALE), (6, 12, 24, 16), int(64 * SCALE), num_classes=1),
    "mobilenet_v2": lambda: tv.MobileNetV2(num_classes=1, width_mult=SCALE, dropout=0),
    "efficientnet_b0": efficientnet_b0,
    "efficientnet_lite0": efficientnet_lite0,
    "convnext_tiny": convnext_tiny,
    "vit_b_16": vit_b_16,
    "vit_tiny_patch16_224": vit_tiny_patch16_224,
    "vit_small_r26_s32_224": vit_small_r26_s32_224,
}


def draw_weights(arch, model):
    with torch.no_grad():
        for name, tensor in model.state_dict().items():
            if tensor.is_floating_point():
                tensor.copy_(torch.from_numpy(initial_value(f"{arch}/{name}", tensor.shape)))


def draw_images(name, count, size):
    """Drawn NHWC, like ours."""
    return torch.from_numpy(2 * hashed(name, (count, size, size, 3)) - 1).permute(0, 3, 1, 2)


def batch(arch, step):
    """Images and targets of one step."""
    name = f"{arch}/step{step}"
    targets = torch.from_numpy(numpy.floor(2 * hashed(f"{name}/targets", (BATCH, 1))))
    return draw_images(f"{name}/images", BATCH, SIZE), targets


def summary(entry, tensor):
    """Two weighted sums and the largest absolute value."""
    flat = tensor.detach().double().numpy().reshape(-1)
    sums = [numpy.dot(HashedSequence(f"{entry}/weights{i}").coarse(flat.size), flat) for i in range(2)]
    return numpy.array([*sums, numpy.abs(flat).max()])


def add_each(golden, kind, named_tensors):
    for name, tensor in named_tensors:
        if tensor.is_floating_point():
            golden.add(f"{kind}/{name}", summary(f"{kind}/{name}", tensor))


def add_training(golden, arch):
    model = FAMILIES[arch]().double()
    draw_weights(arch, model)
    optimizer = torch.optim.SGD(model.parameters(), LEARNING_RATE)
    model.eval()
    with torch.no_grad():
        golden.add("evaluation/logits", model(batch(arch, 0)[0]).numpy())
        golden.add("evaluation320/logits", model(draw_images(f"{arch}/large", 1, 320)).numpy())
    model.train()
    for step in range(STEPS):
        images, targets = batch(arch, step)
        logits = model(images)
        loss = F.binary_cross_entropy_with_logits(logits, targets)
        optimizer.zero_grad()
        loss.backward()
        if step == 0:
            golden.add("training/logits", logits.detach().numpy())
            add_each(golden, "gradient", ((name, p.grad) for name, p in model.named_parameters()))
        golden.add(f"loss{step}", loss.detach().numpy())
        optimizer.step()
    add_each(golden, "trained", model.state_dict().items())


def kind_of(name, shape):
    return re.sub(r"\d+", "#", name) + " " + ",".join(map(str, shape))


def add_initial_values(golden, arch):
    values = collections.defaultdict(list)
    for seed in range(SEEDS):
        torch.manual_seed(seed)
        for name, parameter in FAMILIES[arch]().named_parameters():
            values[kind_of(name, parameter.shape)].append(parameter.detach().double().flatten())
    for kind, parts in values.items():
        together = torch.cat(parts)
        golden.add(f"initial/{kind}", [together.mean().item(), together.std(correction=0).item()])


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--arch", nargs="+", default=list(FAMILIES), choices=list(FAMILIES))
    FOLDER.mkdir(exist_ok=True)
    for arch in parser.parse_args().arch:
        golden = GoldenWriter()
        add_training(golden, arch)
        add_initial_values(golden, arch)
        path = FOLDER / f"{arch}.safetensors"
        print(f"{arch}:")
        golden.write(path)
        print(f"{len(golden.tensors)} entries, {path.stat().st_size} bytes: {path}")


if __name__ == "__main__":
    main()
