"""Checks the includes: rooms depend only on those before them, folders do not include each other in a circle,
and installed headers include installed headers only. ctest runs it; by hand: python3 tests/scripts/includes_test.py"""

import collections
import pathlib
import re
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]

# Lowest first.
ROOMS = ["base", "tensor", "comm", "ops", "nn", "optim", "interop", "data", "eval", "train", "apps"]

# Folders of one room that include each other, and why.
PAIRS = {
    ("base", "base/cpu"): "a function and its kernels, one version per instruction set",
    ("tensor", "tensor/cpu"): "a function and its kernels, one version per instruction set",
    ("tensor", "tensor/cuda"): "a tensor on a device calls the device's loops, which are given tensors",
    ("ops", "ops/onednn"): "the back end has a fast path for bf16 where oneDNN has one",
    ("ops/cpu", "ops/cpu/convolution"): "conv2d calls its own kernels, which use the vectors of all CPU kernels",
    ("ops", "ops/convolution"): "the choices of kernels are exported and imported with those of other back ends",
    ("ops/convolution", "ops/onednn"): "oneDNN is one of the candidates, and its cache has the same keys",
    ("data", "data/readers"): "read_manifest calls the reader of a layout, which fills a manifest",
    ("eval", "eval/report"): "an evaluation writes its report, which shows the evaluation",
    ("train", "train/run"): "the loop keeps its state in the run's folder, which holds the options",
}


def includes_of(path):
    return re.findall(r'^#include "([^"]+)"', path.read_text(encoding="utf-8"), re.MULTILINE)


def all_includes():
    """(file, included file), as paths from the root, of every source in the rooms."""
    for room in ROOMS:
        for path in sorted((ROOT / room).rglob("*")):
            if path.suffix in {".h", ".cpp", ".cu", ".cuh"}:
                for included in includes_of(path):
                    yield path.relative_to(ROOT).as_posix(), included


def folder_of(path):
    return path.rpartition("/")[0]


def room_of(path):
    return path.partition("/")[0]


def wrong_arrows(includes):
    """The files that include a file of a later room, or a file outside of all rooms."""
    rank = {room: i for i, room in enumerate(ROOMS)}
    return [f"{file} includes {included}" for file, included in includes
            if rank.get(room_of(included), len(ROOMS)) > rank[room_of(file)]]


def folders_in_a_circle(includes):
    """Pairs of folders that reach each other; those of PAIRS do not count."""
    arrows = collections.defaultdict(set)
    for file, included in includes:
        pair = folder_of(file), folder_of(included)
        if pair[0] != pair[1] and tuple(sorted(pair)) not in PAIRS:
            arrows[pair[0]].add(pair[1])

    def reached_from(folder):
        seen, open_ends = set(), [folder]
        while open_ends:
            for after in arrows[open_ends.pop()] - seen:
                seen.add(after)
                open_ends.append(after)
        return seen

    reached = {folder: reached_from(folder) for folder in list(arrows)}
    return sorted(f"{a} and {b}" for a in reached for b in reached[a] if a < b and a in reached.get(b, ()))


def installed_headers():
    text = (ROOT / "cmake/headers.cmake").read_text(encoding="utf-8")
    return re.findall(r"\S+\.h(?=[\s)])", text)


def hidden_packages(folder):
    """Python files that hide a package whose module another file in the folder imports."""
    files = sorted(folder.glob("*.py"))
    own = {path.stem for path in files}
    return [f"{path.name} imports from {package}, which {package}.py hides" for path in files
            for package in re.findall(r"^\s*(?:from|import) (\w+)\.", path.read_text(encoding="utf-8"), re.MULTILINE)
            if package in own]


class Includes(unittest.TestCase):
    def test_rooms_depend_on_those_before_them(self):
        self.assertEqual([], wrong_arrows(all_includes()))

    def test_folders_do_not_include_each_other_in_a_circle(self):
        self.assertEqual([], folders_in_a_circle(all_includes()))

    def test_the_listed_pairs_are_needed(self):
        arrows = {(folder_of(file), folder_of(included)) for file, included in all_includes()}
        self.assertEqual([], [pair for pair in PAIRS if pair not in arrows or pair[::-1] not in arrows])

    def test_installed_headers_include_installed_headers(self):
        installed = installed_headers()
        self.assertGreater(len(installed), 50)
        self.assertEqual([], [f"{header} includes {included}" for header in installed
                              for included in includes_of(ROOT / header) if included not in installed])

    def test_scripts_hide_no_package(self):
        for folder in [ROOT / "scripts", *sorted(path for path in (ROOT / "scripts").iterdir() if path.is_dir())]:
            with self.subTest(folder.name):
                self.assertEqual([], hidden_packages(folder))

    def test_violations_are_found(self):
        rows = [
            ("an arrow up", wrong_arrows, [("tensor/tensor.cpp", "nn/module.h")]),
            ("an arrow to no room", wrong_arrows, [("tensor/tensor.cpp", "tests/support/hashed.h")]),
            ("a circle of two", folders_in_a_circle, [("data/a.h", "data/demo/b.h"), ("data/demo/b.h", "data/a.h")]),
            ("a circle of three", folders_in_a_circle,
             [("a/a.h", "a/b/b.h"), ("a/b/b.h", "a/c/c.h"), ("a/c/c.h", "a/a.h")]),
        ]
        for what, find, includes in rows:
            with self.subTest(what):
                self.assertNotEqual([], find(includes))


if __name__ == "__main__":
    unittest.main()
