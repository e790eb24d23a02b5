#!/usr/bin/env python3
"""The scripts of the book notice what is not true any more: an excerpt, an output, a path, a link, an exercise."""

import pathlib
import sys
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "scripts" / "book"))
import check
import exercise

SOURCE = """int main() {
  const int a = 1;

  return a;
}
int twice(int x) {
  // [exercise 1a]
  return 2 * x;
  // [exercise end]
}
"""
PROGRAM = "#!/bin/sh\necho one\necho two\necho \"${OSTEON_CPU}\"\n"


def fence(marker, *lines):
    return "\n".join([f"<!-- {marker} -->", "```text", *lines, "```"])


class Pages(unittest.TestCase):
    def setUp(self):
        scratch = tempfile.TemporaryDirectory()
        self.addCleanup(scratch.cleanup)
        self.folder = pathlib.Path(scratch.name)
        (self.folder / "base").mkdir()
        (self.folder / "base" / "a.cpp").write_text(SOURCE, encoding="utf-8")
        program = self.folder / "program"
        program.write_text(PROGRAM, encoding="utf-8")
        program.chmod(0o755)
        (self.folder / "other.md").write_text("# The *first* op: a test\n", encoding="utf-8")
        root, folders = check.ROOT, check.FOLDERS
        self.addCleanup(lambda: (setattr(check, "ROOT", root), setattr(check, "FOLDERS", folders)))
        check.ROOT, check.FOLDERS = self.folder, {"base"}

    def errors(self, text):
        page = self.folder / "page.md"
        page.write_text(text + "\n", encoding="utf-8")
        checker = check.Checker(self.folder)
        checker.check(page)
        return [error.partition(": ")[2] for error in checker.errors]

    def test_pages(self):
        code, output = "code: base/a.cpp", "output: program"
        rows = [  # what the page contains, and a part of the error; None: there is none
            (fence(code, "int main() {", "  const int a = 1;"), None),
            (fence(code, "const int a = 1;", "", "return a;"), None),
            (fence(code, "  const int a = 1;", "  ...", "}"), None),
            (fence(code, "const int a = 2;"), "not in base/a.cpp"),
            (fence(code, "  return a;", "...", "  const int a = 1;"), "not in base/a.cpp"),
            (fence(code, "const int a = 1;", "return a;"), "not in base/a.cpp"),  # without the empty line
            (fence(code, "    const int a = 1;"), "not in base/a.cpp"),
            (fence(code), "not in base/a.cpp"),
            (fence("code: base/b.cpp", "x"), "there is no file base/b.cpp"),
            (fence(output, "one", "two", "avx2"), None),
            (fence(output, "one", "...", "avx2"), None),
            (fence(output, "one", "three"), "not printed by program"),
            (fence("output: no_program", "x"), "there is no program"),
            (fence("output: kernels", "x"), "there is no program"),
            (fence("output: test_emulated", "x"), None),
            (fence(code, "int twice(int x) {", "...", "}"), None),
            (fence(code, "return 2 * x;"), "shows the solution of an exercise"),
            (fence("run: base/a.cpp", "x"), None),
            (fence("run: base/b.cpp", "x"), "there is no file base/b.cpp"),
            ("<!-- code: base/a.cpp -->\nno fence", "no fence follows"),
            ("`base/a.cpp`, `base/*.cpp`, `runs/mine/best`", None),
            ("`base/gone.cpp`", "there is no base/gone.cpp"),
            ("[a](other.md), [b](other.md#the-first-op-a-test), [c](https://example.org/x)", None),
            ("[a](gone.md)", "leads to no file"),
            ("[a](other.md#second)", "no heading #second"),
        ]
        for text, expected in rows:
            with self.subTest(text):
                found = self.errors(text)
                if expected is None:
                    self.assertEqual([], found)
                else:
                    self.assertEqual(1, len(found), found)
                    self.assertIn(expected, found[0])

    def test_bodies_that_are_taken_out(self):
        body = "  // [exercise 2a]\n  work();\n  // [exercise end]\n"
        source = f"void f() {{\n{body}}}\n{body.replace('2a', '2b')}"
        out = exercise.with_stubs(source, ["2a"])
        self.assertIn('  throw ::osteon::Error("exercise 2a is not solved yet");', out)
        self.assertEqual(1, out.count("work();"))  # that of 2b
        guarded = exercise.with_stubs(source, ["2a", "2b"], guarded=True)
        self.assertEqual(2, guarded.count("work();"))
        self.assertEqual(2, guarded.count("throw"))
        for text, names in ((source, ["2c"]), ("// [exercise 2a]\n", ["2a"])):
            with self.assertRaises(AssertionError):
                exercise.with_stubs(text, names)


if __name__ == "__main__":
    unittest.main()
