#!/usr/bin/env python3
"""PyTorch's side of scripts/bench.sh --vs-pytorch and scripts/gpu_check.sh: measures torchvision's or timm's
model as bench_model measures ours, and prints one line of JSON with the same keys.

    pip install torch torchvision timm
    python3 scripts/bench_torch.py --mode train --precision bf16 --image-size 224 --batch-size 16

Images are random and channels_last. A training step is forward, backward, and Adam; bf16 is autocast, with the
model's parameters in f32. Inference in bf16 has the whole model in bf16. --compile uses torch.compile.

On a CUDA device cuDNN times its algorithms (cudnn.benchmark), Adam is the fused one, fp32 does not use tensor
cores, tf32 does. Steps are issued without waiting and timed by events; peak_bytes is the maximum that the
allocator reserved. --compile there tries CUDA graphs (reduce-overhead) and, if that fails, the default mode; the mode
and the reason are printed.
"""

import time

START = time.perf_counter()

import argparse
import contextlib
import itertools
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
    parser.add_argument("--precision", choices=["fp32", "tf32", "bf16"], default="fp32")
    parser.add_argument("--device", choices=["cpu", "cuda"], default="cpu")
    parser.add_argument("--image-size", type=int, default=224)
    parser.add_argument("--batch-size", type=int, default=16)
    parser.add_argument("--steps", type=int, default=10)
    parser.add_argument("--warmup", type=int, default=2)
    parser.add_argument("--compile", action="store_true", help="torch.compile instead of eager")
    options = parser.parse_args()
    if options.precision == "tf32" and options.device == "cpu":
        parser.error("--precision tf32 is for --device cuda")
    return options


def create_model(arch):
    """torchvision's model or, if it has none with this name, timm's."""
    if arch in torchvision.models.list_models():
        return torchvision.models.get_model(arch, num_classes=1)
    import timm

    return timm.create_model("tf_" + arch if arch.startswith("efficientnet_lite") else arch, num_classes=1)


class Work:
    def __init__(self, options):
        self.device = options.device
        self.training = options.mode == "train"
        self.bf16 = options.precision == "bf16"
        torch.manual_seed(0)
        self.model = create_model(options.arch)
        self.model = self.model.to(self.device, memory_format=torch.channels_last).train(self.training)
        shape = (options.batch_size, 3, options.image_size, options.image_size)
        self.images = torch.rand(shape).to(self.device, memory_format=torch.channels_last)
        self.targets = torch.full((options.batch_size,), 0.5, device=self.device)
        fused = {"fused": True} if self.device == "cuda" else {}
        self.optimizer = torch.optim.Adam(self.model.parameters(), lr=1e-3, **fused)
        if self.bf16 and not self.training:
            self.model, self.images = self.model.bfloat16(), self.images.bfloat16()
        self.forward = self.model

    def compile(self, mode):
        self.forward = torch.compile(self.model, mode=mode)

    def step(self):
        if not self.training:
            with torch.inference_mode():
                self.forward(self.images)
            return
        self.optimizer.zero_grad(set_to_none=True)
        with torch.autocast(self.device, torch.bfloat16) if self.bf16 else contextlib.nullcontext():
            logits = self.forward(self.images).flatten()
        functional.binary_cross_entropy_with_logits(logits.float(), self.targets).backward()
        self.optimizer.step()


class OnCpu:
    """Compiling, timing and memory on the CPU."""

    def compile(self, work):
        work.compile("default")

    def wait(self):
        pass

    def step_seconds(self, work, steps):
        seconds = []
        for _ in range(steps):
            begin = time.perf_counter()
            work.step()
            seconds.append(time.perf_counter() - begin)
        return seconds

    def peak_bytes(self):
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024

    def about(self, first_step_seconds):
        return {}


class OnCuda:
    """The same on a CUDA device."""

    def __init__(self, precision):
        torch.backends.cudnn.benchmark = True
        torch.backends.cudnn.allow_tf32 = torch.backends.cuda.matmul.allow_tf32 = precision == "tf32"
        self.compiled = {}

    def compile(self, work):
        """Chooses the first mode in which a few steps run."""
        try:
            work.compile("reduce-overhead")
            for _ in range(3):  # the first one compiles, the second one is recorded
                work.step()
            self.wait()
            self.compiled = {"compile_mode": "reduce-overhead"}
        except Exception as error:  # any error of the compiler or the device
            lines = str(error).splitlines() or ["no message"]
            self.compiled = {"compile_mode": "default", "reduce_overhead_failed": lines[0]}
            torch._dynamo.reset()
            torch.cuda.empty_cache()
            torch.cuda.reset_peak_memory_stats()
            work.compile("default")

    def wait(self):
        torch.cuda.synchronize()

    def step_seconds(self, work, steps):
        moments = [torch.cuda.Event(enable_timing=True) for _ in range(steps + 1)]
        self.wait()
        moments[0].record()
        for moment in moments[1:]:
            work.step()
            moment.record()
        self.wait()
        return [begin.elapsed_time(end) / 1e3 for begin, end in itertools.pairwise(moments)]

    def peak_bytes(self):
        return torch.cuda.max_memory_reserved()

    def about(self, first_step_seconds):
        return {
            "device": torch.cuda.get_device_name(),
            "first_step_seconds": first_step_seconds,
            "peak_allocated_bytes": torch.cuda.max_memory_allocated(),
            "optimizer": "Adam, fused",
            "cudnn_benchmark": torch.backends.cudnn.benchmark,
            "cudnn_tf32": torch.backends.cudnn.allow_tf32,
            "matmul_tf32": torch.backends.cuda.matmul.allow_tf32,
            "cudnn": torch.backends.cudnn.version(),
            "cuda": torch.version.cuda,
            **self.compiled,
        }


def main():
    options = arguments()
    place = OnCuda(options.precision) if options.device == "cuda" else OnCpu()
    work = Work(options)
    if options.compile:
        place.compile(work)
    place.wait()
    start_seconds = time.perf_counter() - START  # until the first step can begin
    work.step()
    place.wait()
    first_step_seconds = time.perf_counter() - START  # until the first step has ended
    for _ in range(options.warmup - 1):
        work.step()
    median = statistics.median(place.step_seconds(work, options.steps))
    print(json.dumps({
        "arch": options.arch,
        "mode": options.mode,
        "image_size": options.image_size,
        "batch_size": options.batch_size,
        "precision": options.precision,
        "images_per_second": options.batch_size / median,
        "median_step_seconds": median,
        "start_seconds": start_seconds,
        "peak_bytes": place.peak_bytes(),
        "torch": torch.__version__,
        "threads": torch.get_num_threads(),
        **place.about(first_step_seconds),
    }))


if __name__ == "__main__":
    main()
