#!/usr/bin/env python3
"""Runs PyTorch's optimizers and learning-rate schedules, in float64, on the cases of tests/optim/optim_test.cpp.

    pip install torch numpy safetensors
    python3 scripts/golden/optim.py

writes tests/golden/optim.safetensors: the parameters of each case after the steps in KEPT, and the
factors of each schedule. The tests only read that file; both sides describe a case in the same way.
"""

import math
import pathlib

import numpy
import torch

from common import GoldenWriter, HashedSequence

OUTPUT = pathlib.Path(__file__).resolve().parents[2] / "tests" / "golden" / "optim.safetensors"

SHAPES = {"a": (3, 5), "b": (7,), "large": (300, 401)}  # large: more than one thread's share
STEPS = 6
KEPT = (0, 5)
WITHOUT_GRADIENT = {("b", 0), ("b", 3)}
HALVED_FROM = 4  # the step from which the learning rate is half


def groups(lr, weight_decay=0.0, of_b=None):
    """One group, or two if b is to have a learning rate and weight decay of its own."""
    own = {"b": of_b} if of_b else {}
    return [{"names": [name for name in SHAPES if name not in own], "lr": lr,
             "weight_decay": weight_decay},
            *({"names": [name], "lr": rate, "weight_decay": decay}
              for name, (rate, decay) in own.items())]


CASES = {
    "adam": (torch.optim.Adam, {}, groups(0.01), None),
    "adam_l2": (torch.optim.Adam, {}, groups(0.01, 0.1), None),
    "adam_options": (torch.optim.Adam, {"betas": (0.8, 0.95), "eps": 1e-2}, groups(0.05), None),
    "adam_clipped": (torch.optim.Adam, {"eps": 1e-2}, groups(0.05), 0.5),
    "adamw": (torch.optim.AdamW, {}, groups(0.01, 0.1), None),
    "adamw_groups": (torch.optim.AdamW, {}, groups(0.01, 0.1, of_b=(0.1, 0.0)), None),
    "sgd": (torch.optim.SGD, {}, groups(0.1), None),
    "sgd_momentum": (torch.optim.SGD, {"momentum": 0.9}, groups(0.1, 0.01), None),
    "sgd_nesterov": (torch.optim.SGD, {"momentum": 0.8, "nesterov": True}, groups(0.1, 0.01), None),
}


def draw(name):
    """Numbers in [-1, 1) of the shape that the last part of the name, up to a colon, stands for."""
    shape = SHAPES[name.split("/")[-1].split(":")[0]]
    numbers = 2 * HashedSequence(name).uniform(math.prod(shape)) - 1
    return torch.from_numpy(numbers).reshape(shape)


def run(case, golden):
    optimizer_class, options, described, max_norm = CASES[case]
    parameters = {name: draw(f"parameter/{name}").requires_grad_() for name in SHAPES}
    optimizer = optimizer_class(
        [{"params": [parameters[name] for name in group["names"]], "lr": group["lr"],
          "weight_decay": group["weight_decay"]} for group in described], **options)
    for step in range(STEPS):
        if step == HALVED_FROM:
            for group in optimizer.param_groups:
                group["lr"] *= 0.5
        for name, parameter in parameters.items():
            absent = (name, step) in WITHOUT_GRADIENT
            parameter.grad = None if absent else draw(f"gradient/{name}:{step}")
        if max_norm:
            norm = torch.nn.utils.clip_grad_norm_(list(parameters.values()), max_norm)
            golden.add(f"{case}/{step}/norm", norm.reshape(1).numpy())
        optimizer.step()
        if step in KEPT:
            for name, parameter in parameters.items():
                golden.add(f"{case}/{step}/{name}", parameter.detach().clone().numpy())


# --- schedules ------------------------------------------------------------------------------------

FIGURES = [1.0, 0.8, 0.79999, 0.9, 0.7, 0.71, 0.72, 0.73, math.nan, 0.74, 0.75, 0.6, 0.61, 0.62]


def optimizer_of_one():
    return torch.optim.SGD([torch.zeros(1, dtype=torch.float64, requires_grad=True)], lr=1.0)


def factors(make_schedule, count, figures=None):
    optimizer = optimizer_of_one()
    schedule = make_schedule(optimizer)
    result = []
    for i in range(count):
        result.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        schedule.step(*([figures[i]] if figures else []))
    return numpy.array(result)


def plateau(higher, patience, minimum=0.0):
    return lambda optimizer: torch.optim.lr_scheduler.ReduceLROnPlateau(
        optimizer, "max" if higher else "min", factor=0.1, patience=patience, min_lr=minimum, eps=0)


def cosine(warmup, total, minimum):
    def make(optimizer):
        schedules = torch.optim.lr_scheduler
        falling = schedules.CosineAnnealingLR(optimizer, total - warmup, eta_min=minimum)
        if warmup == 0:
            return falling
        rising = schedules.LambdaLR(optimizer, lambda step: (step + 1) / warmup)
        return schedules.SequentialLR(optimizer, [rising, falling], [warmup])
    return make


def add_schedules(golden):
    step = lambda optimizer: torch.optim.lr_scheduler.StepLR(optimizer, 3, 0.5)
    golden.add("schedule/step", factors(step, 10))
    golden.add("schedule/cosine", factors(cosine(0, 12, 0.0), 12))
    golden.add("schedule/cosine_warmup", factors(cosine(4, 16, 0.01), 16))
    count = len(FIGURES)
    rising = [-figure for figure in FIGURES]
    golden.add("schedule/plateau", factors(plateau(False, 0), count, FIGURES))
    golden.add("schedule/plateau_patient", factors(plateau(False, 2), count, FIGURES))
    golden.add("schedule/plateau_minimum", factors(plateau(False, 0, 0.005), count, FIGURES))
    golden.add("schedule/plateau_higher",
               factors(plateau(True, 1), count, [2 + figure for figure in rising]))


def main():
    golden = GoldenWriter()
    for case in CASES:
        run(case, golden)
    add_schedules(golden)
    golden.write(OUTPUT)
    print(f"wrote {OUTPUT.name}: {len(golden.tensors)} entries, {OUTPUT.stat().st_size} bytes")


if __name__ == "__main__":
    main()
