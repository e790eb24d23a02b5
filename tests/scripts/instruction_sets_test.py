"""Checks the contents of a library that was compiled per instruction set (cmake/instruction_sets.cmake).

A joined object osteon_core_SET.o defines kernels in osteon::cpu::SET and nothing else that the linker could
take for another version, and runs nothing when the program starts; all other objects are for plain
x86-64. The arguments are libosteon_core.a and the libraries over it.
"""

import pathlib
import re
import subprocess
import sys
import tempfile
import unittest

VERSIONS = ("avx2", "avx512")
LIBRARIES = sys.argv[1:] or ["libosteon_core.a"]
LIBRARY = LIBRARIES[0]


def output(*command):
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


class Library(unittest.TestCase):
    def joined_objects(self):
        objects = [f"osteon_core_{version}.o" for version in VERSIONS]
        self.assertLessEqual(set(objects), set(output("ar", "t", LIBRARY).split()))
        return objects

    def extracted(self, member, folder):
        path = pathlib.Path(folder) / member
        path.write_bytes(
            subprocess.run(["ar", "p", LIBRARY, member], check=True, capture_output=True).stdout
        )
        return str(path)

    def test_only_kernels_are_visible(self):
        with tempfile.TemporaryDirectory() as folder:
            for member in self.joined_objects():
                version = member.removeprefix("osteon_core_").removesuffix(".o")
                kernel = re.compile(rf"[TW] _ZN6osteon3cpu{len(version)}{version}\d")
                # A common symbol holds the lock of an OpenMP critical section: data, not code.
                defined = output("nm", "--extern-only", "--defined-only",
                                 self.extracted(member, folder)).splitlines()
                visible = [line.split(maxsplit=1)[1] for line in defined]
                kernels = [symbol for symbol in visible if kernel.match(symbol)]
                self.assertGreater(len(kernels), 40, member)
                others = [symbol for symbol in visible if not kernel.match(symbol)]
                self.assertEqual([s for s in others if not s.startswith("C .gomp_critical")], [], member)

    def test_nothing_runs_at_start(self):
        with tempfile.TemporaryDirectory() as folder:
            for member in self.joined_objects():
                sections = output("readelf", "--sections", "--wide", self.extracted(member, folder))
                self.assertNotRegex(sections, r"\.init_array|\.ctors|\.preinit_array", member)

    def test_all_other_code_runs_on_every_processor(self):
        wide = re.compile(r"%[yz]mm\d")
        current, used = "", set()
        with subprocess.Popen(["objdump", "--disassemble", "--no-show-raw-insn", *LIBRARIES],
                              stdout=subprocess.PIPE, text=True) as disassembly:
            for line in disassembly.stdout:
                if "file format" in line:
                    current = line.split(":")[0]
                elif wide.search(line):
                    used.add(current)
        self.assertEqual(used, {f"osteon_core_{version}.o" for version in VERSIONS})


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
