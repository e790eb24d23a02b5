#!/usr/bin/env python3
"""Writes tests/golden/resize.json: the results of Pillow's bilinear filter for small images.

    pip install pillow numpy
    python scripts/golden/resize.py

Each case holds its input and output as rows of grey levels in hexadecimal.
"""

import json
import pathlib

import numpy as np
from PIL import Image

CASES = [  # (height, width) in, (height, width) out
    ((5, 7), (13, 11)),  # up
    ((7, 5), (7, 5)),  # unchanged
    ((64, 48), (16, 16)),  # down by integers
    ((37, 53), (16, 9)),  # down by odd ratios
    ((90, 71), (4, 3)),  # down by large ratios
    ((40, 9), (9, 40)),  # down and up
    ((20, 30), (20, 11)),  # one side only
    ((20, 30), (7, 30)),
    ((1, 1), (6, 4)),
    ((1, 17), (5, 5)),
    ((17, 1), (5, 5)),
    ((11, 150), (3, 131)),  # rows longer than a block of the vectorised loop
]


def main():
    random = np.random.default_rng(0)
    cases = []
    for (in_height, in_width), (out_height, out_width) in CASES:
        # Noise over black and white blocks: steep edges, and levels at both ends of the range.
        y, x = np.mgrid[:in_height, :in_width]
        blocks = ((y // 3 + x // 4) % 2) * 255
        noise = random.integers(0, 256, (in_height, in_width))
        pixels = np.where(random.random((in_height, in_width)) < 0.5, blocks, noise)
        pixels = pixels.astype(np.uint8)
        resized = Image.fromarray(pixels).resize((out_width, out_height), Image.BILINEAR)
        cases.append(
            {
                "in": [row.tobytes().hex() for row in pixels],
                "out": [row.tobytes().hex() for row in np.asarray(resized)],
            }
        )
    path = pathlib.Path(__file__).resolve().parents[2] / "tests/golden/resize.json"
    path.write_text(json.dumps(cases, indent=1) + "\n")
    print(f"{path}: {len(cases)} cases, {path.stat().st_size} bytes")


if __name__ == "__main__":
    main()
