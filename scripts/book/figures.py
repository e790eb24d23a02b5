#!/usr/bin/env python3
"""Draws the figures of the book from runs of its programs.

    scripts/book/figures.py [--programs build/bin] [--check]

Each module chNN.py beside this file has draw(programs), which returns {name: text of the SVG file}. The files are written to
docs/book/figures; with --check they are compared with what is there, and a difference is an error.
"""

import argparse
import importlib
import os
import pathlib
import sys

HERE = pathlib.Path(__file__).resolve().parent
FIGURES = HERE.parents[1] / "docs" / "book" / "figures"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--programs", type=pathlib.Path, default=HERE.parents[1] / "build" / "bin")
    parser.add_argument("--check", action="store_true", help="write nothing; fail if a figure would change")
    arguments = parser.parse_args()
    os.environ["OSTEON_CPU"] = "avx2"  # printed values may differ in the last digit between instruction sets
    changed = []
    for module in sorted(path.stem for path in HERE.glob("ch[0-9][0-9].py")):
        for name, svg in importlib.import_module(module).draw(arguments.programs).items():
            path = FIGURES / name
            if path.exists() and path.read_text(encoding="utf-8") == svg:
                continue
            changed.append(str(path.relative_to(HERE.parents[1])))
            if not arguments.check:
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(svg, encoding="utf-8")
    for path in changed:
        print(("differs: " if arguments.check else "wrote ") + path)
    return 1 if arguments.check and changed else 0


if __name__ == "__main__":
    sys.exit(main())
