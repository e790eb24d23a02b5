#!/usr/bin/env python3
"""PyTorch's side of scripts/bench.sh --vs-pytorch: one measurement of torchvision's model, as bench_model makes
ours, printed as one line of JSON under the same names.

    pip install torch torchvision
    python3 scripts/bench_torch.py --mode train --precision bf16 --image-size 224 --batch-size 16

Images are random and channels_last. A training step is forward, backward, and Adam; bf16 is autocast, with the
model's parameters in f32. Inference in bf16 has the whole model in bf16. --compile uses torch.compile.
"""

import time

START = time.perf_counter()

import argparse
import contextlib
import json
import resource
import statistics

import torch
import torchvision
from torch.nn import functional


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--arch", default="resnet50")
    parser.add_argument("--mode", choices=["train", "infer"], default="train")
    parser.add_argument("--precision", choices=["fp32", "bf16"], default="fp32")
    parser.add_argument("--image-size", type=int, default=224)
    parser.add_argument("--batch-size", type=int, default=16)
    parser.add_argument("--steps", type=int, default=10)
    parser.add_argument("--warmup", type=int, default=2)
    parser.add_argument("--compile", action="store_true", help="torch.compile instead of eager")
    return parser.parse_args()


class Work:
    def __init__(self, options):
        self.training = options.mode == "train"
        self.bf16 = options.precision == "bf16"
        torch.manual_seed(0)
        self.model = torchvision.models.get_model(options.arch, num_classes=1)
        self.model = self.model.to(memory_format=torch.channels_last).train(self.training)
        shape = (options.batch_size, 3, options.image_size, options.image_size)
        self.images = torch.rand(shape).to(memory_format=torch.channels_last)
        self.targets = torch.full((options.batch_size,), 0.5)
        self.optimizer = torch.optim.Adam(self.model.parameters(), lr=1e-3)
        if self.bf16 and not self.training:
            self.model, self.images = self.model.bfloat16(), self.images.bfloat16()
        self.forward = torch.compile(self.model) if options.compile else self.model

    def step(self):
        if not self.training:
            with torch.inference_mode():
                self.forward(self.images)
            return
        self.optimizer.zero_grad(set_to_none=True)
        with torch.autocast("cpu", torch.bfloat16) if self.bf16 else contextlib.nullcontext():
            logits = self.forward(self.images).flatten()
        functional.binary_cross_entropy_with_logits(logits.float(), self.targets).backward()
        self.optimizer.step()


def main():
    options = arguments()
    work = Work(options)
    start_seconds = time.perf_counter() - START  # until the first step may begin
    work.step()
    for _ in range(options.warmup - 1):
        work.step()
    seconds = []
    for _ in range(options.steps):
        begin = time.perf_counter()
        work.step()
        seconds.append(time.perf_counter() - begin)
    median = statistics.median(seconds)
    print(json.dumps({
        "arch": options.arch,
        "mode": options.mode,
        "image_size": options.image_size,
        "batch_size": options.batch_size,
        "precision": options.precision,
        "images_per_second": options.batch_size / median,
        "median_step_seconds": median,
        "start_seconds": start_seconds,
        "peak_bytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024,
        "torch": torch.__version__,
        "threads": torch.get_num_threads(),
    }))


if __name__ == "__main__":
    main()
