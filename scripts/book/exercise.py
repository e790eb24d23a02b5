#!/usr/bin/env python3
"""The exercises of the book: bodies of functions that a reader writes again. Called by scripts/exercise.sh.

    scripts/book/exercise.py --build build 3b       makes exercises/3b with a copy of the file without the body, or grades it
    scripts/book/exercise.py --build build --check  sees each exercise fail without its body and pass with it

docs/book/exercises.csv has one row per exercise: the file, and the test program and cases that grade it. In the file, the body stands
between the lines `// [exercise 3b]` and `// [exercise end]`. Only that file is compiled again, with the flags of its build; it takes
the place of the library's object file in the test program.
"""

import argparse
import concurrent.futures
import csv
import json
import os
import pathlib
import re
import shlex
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
BEGIN = re.compile(r"\s*// \[exercise (\w+)\]")
END = re.compile(r"\s*// \[exercise end\]")
# The kernels of the CPU are compiled once per instruction set; one of them is enough here.
SET = "avx2" if re.search(r"\bavx2\b", pathlib.Path("/proc/cpuinfo").read_text(encoding="utf-8")) else "baseline"


def read_exercises():
    with open(ROOT / "docs" / "book" / "exercises.csv", newline="", encoding="utf-8") as file:
        return {row["id"]: row for row in csv.DictReader(file)}


def unsolved(name):
    return f'throw ::osteon::Error("exercise {name} is not solved yet");'


def with_stubs(text, names, guarded=False):
    """The text of a file without the bodies of these exercises; `guarded`: with them, but for the one in OSTEON_EXERCISE."""
    kept, found, inside = [], set(), None
    for line in text.splitlines():
        begin = BEGIN.match(line)
        if begin and begin[1] in names:
            inside = begin[1]
            found.add(inside)
            indentation = line[: len(line) - len(line.lstrip())]
            stub = unsolved(inside)
            if guarded:
                stub = f'if (std::getenv("OSTEON_EXERCISE") == std::string("{inside}")) {stub}'
                stub = f'if (std::getenv("OSTEON_EXERCISE")) {stub}'
            kept += [f"{indentation}// Write this part: exercise {inside}.", indentation + stub]
        elif inside and END.match(line):
            inside = None
        elif not inside or guarded:
            kept.append(line)
    assert not inside, f"// [exercise {inside}] has no end"
    missing = set(names) - found
    assert not missing, f"no line // [exercise {', '.join(sorted(missing))}]"
    headers = ['#include "base/error.h"'] + (["#include <cstdlib>", "#include <string>"] if guarded else [])
    return "\n".join([*headers, *kept]) + "\n"


class Build:
    def __init__(self, folder):
        self.folder = folder.resolve()
        commands = self.folder / "compile_commands.json"
        if not commands.exists():
            sys.exit(f"exercise.py: {self.folder} is no build; run scripts/test.sh first")
        self.commands = json.loads(commands.read_text(encoding="utf-8"))

    def compile(self, file, source, made, *flags):
        """Compiles `source` in the place of the product's file into the object file `made`."""
        for entry in self.commands:
            arguments = shlex.split(entry["command"])
            output = arguments.index("-o") + 1
            if pathlib.Path(entry["file"]) == ROOT / file and is_in_library(arguments[output]):
                arguments[output] = str(made)
                arguments[arguments.index("-c") + 1] = str(source)
                arguments = [argument for argument in arguments if argument != "-Werror"]
                # Headers beside the original file.
                run([*arguments, "-w", f"-I{(ROOT / file).parent}", *flags], cwd=entry["directory"])
                return
        raise AssertionError(f"{file} is not a part of this build")

    def link(self, program, made, output):
        """The test program with this object file before the library's."""
        target = f"bin/tests/{program}"
        command = subprocess.run(
            ["ninja", "-C", self.folder, "-t", "commands", target], capture_output=True, text=True, check=True
        ).stdout.splitlines()[-1]
        arguments = shlex.split(command.removeprefix(": && ").removesuffix(" && :"))
        place = arguments.index("-o")
        # The linker may need another part of the library's object file; the first definition counts.
        arguments[place : place + 2] = ["-o", str(output), "-Wl,-z,muldefs", str(made)]
        run(arguments, cwd=self.folder)

    def has(self, program):
        return (self.folder / "bin" / "tests" / program).exists()


def is_in_library(output):
    return re.search(rf"(^|/)(osteon(_core(_{SET})?)?|emulated_device)\.dir/", output)


def run(arguments, **options):
    done = subprocess.run(arguments, capture_output=True, text=True, check=False, **options)
    if done.returncode != 0:
        print(done.stdout + done.stderr, file=sys.stderr)
        sys.exit(1)


def grade(program, cases, **more):
    """Runs the cases; returns whether they passed, and the output. `cases`: VARIABLE=VALUE words, then arguments."""
    words = shlex.split(cases)
    variables = [word for word in words if re.match(r"[A-Z_]+=", word)]
    environment = {**os.environ, "OSTEON_CPU": SET, **dict(word.split("=", 1) for word in variables), **more}
    arguments = [word for word in words if word not in variables]
    done = subprocess.run([program, *arguments], capture_output=True, text=True, env=environment, check=False)
    output = done.stdout + done.stderr
    assert not re.search(r"test cases: +0 ", output), f"{cases}: no such case"
    return done.returncode == 0, output


def work_on(build, row):
    """Makes the reader's copy at the first call, and grades it at each one."""
    folder = ROOT / "exercises" / row["id"]
    source = folder / pathlib.Path(row["file"]).name
    if not source.exists():
        folder.mkdir(parents=True, exist_ok=True)
        text = (ROOT / row["file"]).read_text(encoding="utf-8")
        source.write_text(with_stubs(text, [row["id"]]), encoding="utf-8")
        print(f"{row['what']}\nwrote {source.relative_to(ROOT)}, a copy of {row['file']} without the part that you write.")
    objects = folder / "build"
    objects.mkdir(exist_ok=True)
    program = objects / row["program"]
    build.compile(row["file"], source, objects / "written.o")
    build.link(row["program"], objects / "written.o", program)
    is_solved, output = grade(program, row["cases"])
    print("\n".join(output.splitlines()[-40:]))
    print(f"exercise {row['id']} is {'solved' if is_solved else 'not solved yet: edit ' + str(source.relative_to(ROOT))}")
    return 0 if is_solved else 1


def check_file(build, file, rows, objects):
    """All bodies of a file out at once: it compiles; each exercise fails without its body, and only then."""
    start = time.monotonic()
    text = (ROOT / file).read_text(encoding="utf-8")
    names = [row["id"] for row in rows]
    stem = file.replace("/", "_")
    out = objects / f"out_{stem}"
    out.write_text(with_stubs(text, names), encoding="utf-8")
    made = objects / f"{stem}.o"
    build.compile(file, out, made, "-fsyntax-only")
    guarded = objects / f"guarded_{stem}"
    guarded.write_text(with_stubs(text, names, guarded=True), encoding="utf-8")
    build.compile(file, guarded, made)
    failures = []
    for program in sorted({row["program"] for row in rows}):
        linked = objects / f"{stem}-{program}"
        build.link(program, made, linked)
        for row in rows:
            if row["program"] != program:
                continue
            passes, output = grade(linked, row["cases"])
            if not passes:
                failures.append(f"{row['id']}: {program} {row['cases']} fails in the tree as it is\n{output[-2000:]}")
            passes, output = grade(linked, row["cases"], OSTEON_EXERCISE=row["id"])
            if passes or f"exercise {row['id']} is not solved yet" not in output:
                failures.append(f"{row['id']}: {program} {row['cases']} does not need the body\n{output[-2000:]}")
            print(f"{row['id']:4} {file}: {time.monotonic() - start:.0f} s", flush=True)
    return failures


def check(build, exercises):
    objects = build.folder / "exercises"
    objects.mkdir(exist_ok=True)
    files = {}
    for row in exercises.values():
        if build.has(row["program"]):
            files.setdefault(row["file"], []).append(row)
        else:
            print(f"{row['id']:4} {row['file']}: not in this build, which has no {row['program']}")
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        checks = [pool.submit(check_file, build, file, rows, objects) for file, rows in files.items()]
    failures = [failure for done in checks for failure in done.result()] + unknown_markers(exercises)
    print("\n".join(failures))
    print(f"{len(exercises)} exercises, {len(failures)} errors")
    return 1 if failures else 0


def unknown_markers(exercises):
    """The markers in the tree that exercises.csv does not name."""
    tracked = subprocess.run(
        ["git", "-C", ROOT, "grep", "-h", "-E", r"// \[exercise [0-9]"], capture_output=True, text=True, check=False
    ).stdout
    marked = {match[1] for match in map(BEGIN.match, tracked.splitlines()) if match}
    return [f"{name}: marked in the tree, but not in exercises.csv" for name in sorted(marked - set(exercises))]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", type=pathlib.Path, default=ROOT / "build")
    parser.add_argument("--check", action="store_true", help="check all exercises")
    parser.add_argument("name", nargs="?", help="the exercise, such as 3b")
    arguments = parser.parse_args()
    exercises = read_exercises()
    if arguments.check:
        return check(Build(arguments.build), exercises)
    if arguments.name not in exercises:
        parser.error(f"there is no exercise {arguments.name}; there are {', '.join(exercises)}")
    return work_on(Build(arguments.build), exercises[arguments.name])


if __name__ == "__main__":
    sys.exit(main())
