#!/usr/bin/env python3
"""Writes tests/golden/reference.safetensors with the reference implementation of the format, so
that tests/tensor/safetensors_test.cpp can show that our reader understands files of other programs.

Needs the PyPI packages safetensors, torch and numpy:
    python3 scripts/golden/safetensors_files.py
"""

import pathlib

import torch
from safetensors.torch import save_file

GOLDEN = pathlib.Path(__file__).resolve().parents[2] / "tests" / "golden"


def main():
    # Values that reveal a wrong byte order, width or rounding.
    reals = [0.0, -0.0, 1.0, -1.5, 65504.0, 2.0**-24, -(2.0**-15), float("inf"), float("nan"), 0.1]
    tensors = {
        "f64": torch.tensor(reals, dtype=torch.float64),
        "f32": torch.tensor(reals, dtype=torch.float32).reshape(2, 5),
        "f16": torch.tensor(reals, dtype=torch.float16),
        "bf16": torch.tensor(reals, dtype=torch.bfloat16).reshape(5, 2, 1),
        "i64": torch.tensor([-(2**62), -1, 0, 2**40], dtype=torch.int64),
        "u8": torch.tensor([[0, 1, 255]], dtype=torch.uint8),
        "scalar": torch.tensor(2.5, dtype=torch.float32),
        "empty": torch.zeros((3, 0, 2), dtype=torch.float32),
        'a "quoted" näme': torch.tensor([7], dtype=torch.uint8),
    }
    GOLDEN.mkdir(exist_ok=True)
    save_file(tensors, GOLDEN / "reference.safetensors", metadata={"ünit": "½\n"})


if __name__ == "__main__":
    main()
