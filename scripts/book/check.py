#!/usr/bin/env python3
"""Compares the book (docs/book) with the tree and with what its programs print.

    scripts/book/check.py [--programs build/bin] [CHAPTER.md ...]

A comment alone on the line before a fence says what the fence shows:

    <!-- code: ops/softmax.cpp -->                  whole lines of this file, in this order
    <!-- output: examples/book/02_gradient -->      lines that this program of build/bin prints, in this order
    <!-- run: scripts/reproduce.sh -->              nothing is compared; the file exists

A line `...` in the fence stands for lines that are left out. Code may be shown with less indentation than in its file. Paths in
backticks exist, and so do the files and headings that links lead to. Programs that this build has not (those that need CUDA)
are counted as not compared. Prints each error with its line; exit status 1 if there is one.
"""

import argparse
import collections
import functools
import os
import pathlib
import re
import shlex
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
BOOK = ROOT / "docs" / "book"
MARKER = re.compile(r"<!-- (code|output|run): (.+) -->$")
PATH = re.compile(r"`([\w.{},*-]+(?:/[\w.{},*-]+)+/?)`")
LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
# Folders of the tree: other paths in backticks are those of a user.
FOLDERS = {path.name for path in ROOT.iterdir() if path.is_dir()} - {"build", "weights", "runs"}

Fence = collections.namedtuple("Fence", "kind argument line lines")


def fences(text):
    """The fences with a marker, and the marker lines that no fence follows."""
    lines = text.splitlines()
    found, stray = [], []
    for number, line in enumerate(lines):
        marker = MARKER.fullmatch(line.strip())
        if not marker:
            continue
        begin = number + 1
        if begin >= len(lines) or not lines[begin].startswith("```"):
            stray.append(number + 1)
            continue
        end = next((i for i in range(begin + 1, len(lines)) if lines[i].startswith("```")), len(lines))
        found.append(Fence(marker[1], marker[2].strip(), begin + 1, lines[begin + 1 : end]))
    return found, stray


def pieces(lines):
    """(first line, lines) of what stands between lines of `...`."""
    piece, begin, result = [], 0, []
    for number, line in enumerate([*lines, "..."]):
        if line.strip() in ("...", "// ..."):
            while piece and not piece[-1].strip():
                piece.pop()
            if piece:
                result.append((begin, piece))
            piece = []
        elif piece or line.strip():
            begin = begin if piece else number
            piece.append(line.rstrip())
    return result


def is_equal(shown, there):
    """Whether lines are equal but for one indentation that all of them lack."""
    first = next(i for i, line in enumerate(shown) if line)
    indentation = len(there[first]) - len(shown[first])
    if indentation < 0:
        return False
    return all((" " * indentation + line if line else "") == other for line, other in zip(shown, there))


def find_pieces(lines, there):
    """For each piece, its first line in the fence and its first line in `there` after the piece before it; the latter is None
    if it does not stand there, and then it is the last one."""
    there = [line.rstrip() for line in there]
    begin, found = 0, []
    for number, piece in pieces(lines):
        places = (i for i in range(begin, len(there) - len(piece) + 1) if is_equal(piece, there[i : i + len(piece)]))
        found.append((number, next(places, None)))
        if found[-1][1] is None:
            break
        begin = found[-1][1] + len(piece)
    return found


def solution_lines(there):
    """The numbers of the lines that exercises take out."""
    numbers, inside = set(), False
    for number, line in enumerate(there):
        if line.strip().startswith("// [exercise "):
            inside = not line.strip().startswith("// [exercise end]")
        elif inside and line.strip(" {}"):
            numbers.add(number)
    return numbers


@functools.cache
def headings(path):
    """The anchors of a page, as GitHub makes them."""
    anchors = set()
    for line in path.read_text(encoding="utf-8").splitlines():
        if line.startswith("#"):
            words = line.lstrip("#").strip().lower()
            anchors.add(re.sub(r"[^\w\- ]", "", words).replace(" ", "-"))
    return anchors


class Checker:
    def __init__(self, programs):
        self.programs = programs
        self.errors = []
        self.compared = 0
        self.not_compared = []

    def error(self, page, line, text):
        self.errors.append(f"{page.relative_to(ROOT)}:{line}: {text}")

    @functools.cache
    def printed(self, command):
        """What the program prints; None if this build has no such program."""
        name, *options = shlex.split(command)
        if not (self.programs / name).exists():
            return None
        environment = {**os.environ, "OSTEON_CPU": "avx2"}
        done = subprocess.run([self.programs / name, *options], capture_output=True, text=True, env=environment, check=False)
        return done.stdout if done.returncode == 0 else f"{done.stdout}{done.stderr}exit status {done.returncode}\n"

    def check_fence(self, page, fence):
        if fence.kind == "output":
            text = self.printed(fence.argument)
            if text is None:
                if not fence.argument.split()[0].endswith("_emulated"):  # these need CUDA
                    self.error(page, fence.line, f"there is no program {self.programs / fence.argument.split()[0]}; build it")
                self.not_compared.append(fence.argument)
                return
        else:
            path = ROOT / fence.argument.split()[0]
            if not path.is_file():
                self.error(page, fence.line, f"there is no file {fence.argument.split()[0]}")
                return
            text = path.read_text(encoding="utf-8") if fence.kind == "code" else ""
        if fence.kind == "run":
            return
        self.compared += 1
        there = text.splitlines()
        found = find_pieces(fence.lines, there)
        if not found or found[-1][1] is None:
            where = fence.line + 1 + (found[-1][0] if found else 0)
            said = f"printed by {fence.argument}" if fence.kind == "output" else f"in {fence.argument}"
            self.error(page, where, f"the lines from here to the next `...` are not {said}")
            if fence.kind == "output":
                print(f"--- {fence.argument} prints:\n{text}---")
            return
        solution = solution_lines(there)
        for (number, place), (_, piece) in zip(found, pieces(fence.lines)):
            if solution.intersection(range(place, place + len(piece))):
                self.error(page, fence.line + 1 + number, "shows the solution of an exercise; leave it out by `...`")

    def check_references(self, page, text):
        for number, line in enumerate(text.splitlines(), 1):
            for path in PATH.findall(line):
                is_ours = path.split("/")[0] in FOLDERS
                pattern = re.sub(r"\{[^}]*\}", "*", path)
                if is_ours and not any(ROOT.glob(pattern.rstrip("/"))):
                    self.error(page, number, f"there is no {path}")
            for link in LINK.findall(line):
                target, _, anchor = link.partition("#")
                if re.match(r"\w+:", link):
                    continue
                path = (page.parent / target).resolve() if target else page
                if not path.exists():
                    self.error(page, number, f"the link {link} leads to no file")
                elif anchor and path.suffix == ".md" and anchor not in headings(path):
                    self.error(page, number, f"{target or page.name} has no heading #{anchor}")

    def check(self, page):
        text = page.read_text(encoding="utf-8")
        found, stray = fences(text)
        for number in stray:
            self.error(page, number, "no fence follows this marker")
        for fence in found:
            self.check_fence(page, fence)
        self.check_references(page, text)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--programs", type=pathlib.Path, default=ROOT / "build" / "bin")
    parser.add_argument("pages", nargs="*", type=pathlib.Path, help="default: all pages of docs/book")
    arguments = parser.parse_args()
    checker = Checker(arguments.programs.resolve())
    for page in arguments.pages or sorted(BOOK.glob("*.md")):
        checker.check(page.resolve())
    print("\n".join(checker.errors))
    skipped = f"; not in this build: {', '.join(sorted(set(checker.not_compared)))}" if checker.not_compared else ""
    print(f"{checker.compared} excerpts and outputs compared, {len(checker.errors)} errors{skipped}")
    return 1 if checker.errors else 0


if __name__ == "__main__":
    sys.exit(main())
