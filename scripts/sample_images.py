#!/usr/bin/env python3
"""Copies evenly spaced images of a data set, in the data set's layout; scripts/gpu_bundle.sh calls it.

    python3 scripts/sample_images.py --data ../shared/fracatlas --out some --count 500

CSV files lose the rows of images that were not copied. Standard library only.
"""

import argparse
import csv
import pathlib
import shutil
import sys

IMAGES = {".png", ".jpg", ".jpeg", ".dcm"}


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=pathlib.Path, required=True)
    parser.add_argument("--out", type=pathlib.Path, required=True, help="folder to create")
    parser.add_argument("--count", type=int, default=0, help="images to take; 0: all")
    return parser.parse_args()


def evenly(files, count):
    """`count` images, in their order: the same share of each folder, up to rounding."""
    if count == 0 or count >= len(files):
        return files
    return [files[i * len(files) // count] for i in range(count)]


def names_of(root, files):
    """The names of images, or of their folders, in a CSV file."""
    names = set()
    for file in files:
        path = file.relative_to(root)
        names.add(path.name)
        for each in [path, *list(path.parents)[:-1]]:
            names |= {each.as_posix(), (pathlib.PurePath(root.name) / each).as_posix()}
    return names


def copy_csv(source, target, left_behind):
    with source.open(newline="", encoding="utf-8-sig") as file:
        rows = list(csv.reader(file))
    kept = [row for row in rows if not any(cell.rstrip("/") in left_behind for cell in row)]
    target.parent.mkdir(parents=True, exist_ok=True)
    with target.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file, lineterminator="\n").writerows(kept)


def main():
    options = arguments()
    root = options.data.resolve()
    files = sorted(file for file in root.rglob("*") if file.is_file() and not file.name.startswith("."))
    images = [file for file in files if file.suffix.lower() in IMAGES]
    if not images:
        sys.exit(f"{options.data}: has no images")
    taken = evenly(images, options.count)
    left_behind = names_of(root, set(images) - set(taken)) - names_of(root, taken)
    for file in taken:
        target = options.out / file.relative_to(root)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(file, target)
    for file in files:
        if file.suffix.lower() == ".csv":
            copy_csv(file, options.out / file.relative_to(root), left_behind)
    print(f"{len(taken)} of {len(images)} images of {options.data}")


if __name__ == "__main__":
    main()
