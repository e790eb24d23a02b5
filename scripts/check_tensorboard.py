"""Reads the event files of a run with TensorBoard's own reader and compares them with log.jsonl.

    pip install tensorboard
    build/bin/train_mura --tensorboard --out runs/mine ...
    python scripts/check_tensorboard.py runs/mine
"""

import json
import pathlib
import sys

from tensorboard.backend.event_processing.event_accumulator import EventAccumulator


def main():
    run = pathlib.Path(sys.argv[1])
    events = EventAccumulator(str(run / "tensorboard"), size_guidance={"scalars": 0, "images": 0})
    events.Reload()
    tags = events.Tags()
    checked = 0
    for line in map(json.loads, (run / "log.jsonl").read_text().splitlines()):
        for name, value in line.items():
            if "split" not in line or name in ("step", "epoch") or not isinstance(value, (int, float)):
                continue
            found = [e.value for e in events.Scalars(f"{line['split']}/{name}") if e.step == line["step"]]
            if not any(abs(v - value) <= 1e-6 * max(1, abs(value)) for v in found):
                sys.exit(f"step {line['step']} {line['split']}/{name}: {value} is not among {found}")
            checked += 1
    pictures = {}
    for tag in tags["images"]:
        (image,) = events.Images(tag)[:1]
        pictures[tag] = (image.width, image.height, image.encoded_image_string[:2] == b"\xff\xd8")
    if not checked or not pictures or not all(jpeg for _, _, jpeg in pictures.values()):
        sys.exit(f"nothing to compare: {checked} scalars, images {pictures}")
    print(f"{checked} scalars of {len(tags['scalars'])} curves agree; images {pictures}")


if __name__ == "__main__":
    main()
