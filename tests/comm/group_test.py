#!/usr/bin/env python3
"""Process groups of several processes: tests/programs/processes.cpp under mpirun.

    group_test.py build/bin/tests/processes [mpirun]

Without mpirun (MPI was not found, or OSTEON_MPI=OFF) it is skipped.
"""

import os
import pathlib
import subprocess
import sys
import time
import unittest

PROGRAM = pathlib.Path(sys.argv[1]).resolve()
MPIRUN = sys.argv[2] if len(sys.argv) > 2 else ""
SKIPPED = 77
LIMIT = 2  # of the program, in seconds

ENVIRONMENT = {name: value for name, value in os.environ.items()
               if not name.startswith(("OMPI_", "PRTE_", "PMI", "SLURM_"))}
# More processes than cores, also as root: the names of Open MPI 4, and those of the launcher of Open MPI 5. Without TCP,
# which warns where no two network interfaces reach each other.
ENVIRONMENT |= {"OMPI_ALLOW_RUN_AS_ROOT": "1", "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM": "1",
                "OMPI_MCA_rmaps_base_oversubscribe": "1", "OMPI_MCA_btl": "^tcp",
                "PRTE_ALLOW_RUN_AS_ROOT": "1", "PRTE_ALLOW_RUN_AS_ROOT_CONFIRM": "1",
                "PRTE_MCA_rmaps_default_mapping_policy": ":oversubscribe"}


class Outcome:
    """Exit status, seconds and output of a command; `lines` are ours in standard error, without mpirun's."""

    def __init__(self, command, **environment):
        start = time.monotonic()
        done = subprocess.run(command, env=ENVIRONMENT | environment, capture_output=True, text=True, timeout=100,
                              check=False)
        self.seconds = time.monotonic() - start
        self.status, self.output, self.errors = done.returncode, done.stdout, done.stderr
        self.lines = [line for line in self.errors.splitlines()
                      if line.startswith("rank ") or "this process" in line or "MPI:" in line]


def run(processes, part, **environment):
    return Outcome([MPIRUN, "-n", str(processes), PROGRAM, part], **environment)


class Processes(unittest.TestCase):
    def test_checks_of_the_program(self):
        for processes in (1, 2, 3, 4):
            for part in ("sums", "texts", "outstanding"):
                with self.subTest(processes=processes, part=part):
                    done = run(processes, part)
                    self.assertEqual((0, ""), (done.status, done.errors))

    def test_one_process_without_mpirun(self):
        for part in ("sums", "texts", "outstanding"):
            with self.subTest(part):
                done = Outcome([PROGRAM, part])
                self.assertEqual((0, ""), (done.status, done.errors))

    def test_places(self):
        cores = len(os.sched_getaffinity(0))
        for processes in (1, 2, 3, 4):
            with self.subTest(processes):
                host = os.uname().nodename
                share = max(1, cores // processes)
                self.assertEqual([f"rank {i} on {host}: {i} of {processes}, cores {share} of {cores}"
                                  for i in range(processes)], run(processes, "place").output.splitlines())

    def test_a_binding_that_was_asked_for_stays(self):
        done = Outcome([MPIRUN, "--bind-to", "core", "-n", "2", PROGRAM, "place"])
        if done.status != 0 or len(os.sched_getaffinity(0)) < 2:
            self.skipTest("this mpirun has no such option, or there are too few cores")
        if "Open MPI) 5" in Outcome([MPIRUN, "--version"]).output:
            self.skipTest("Open MPI 5 does not tell processes whether a binding was asked for")
        self.assertEqual(["cores 1 of 1"] * 2, [line.partition(", ")[2] for line in done.output.splitlines()])

    def test_ends(self):
        progress = f"has made no progress for {LIMIT} s; its last mark was: training step 12"
        rows = [  # what the second process does, exit status, its line, the most seconds
            ("abort", 3, ", training step 12: no more images", 10),
            ("stop", 1, f" {progress}", 10 + LIMIT),
            ("busy", 1, f" {progress}", 10 + LIMIT),
            ("leave", 1, " has ended, and the others wait for it", 10),
        ]
        for processes in (2, 3):
            for part, status, line, seconds in rows:
                with self.subTest(part, processes=processes):
                    done = run(processes, part)
                    self.assertEqual([f"rank 1 on {os.uname().nodename}{line}"], done.lines, done.errors)
                    self.assertEqual(status, done.status)
                    self.assertLess(done.seconds, seconds)

    def test_a_killed_process_ends_all(self):
        for processes in (2, 3):
            with self.subTest(processes):
                done = run(processes, "kill")
                self.assertNotEqual(0, done.status)
                self.assertLess(done.seconds, 10)

    def test_a_long_wait_is_no_hang(self):
        done = run(3, "long_wait")
        self.assertEqual((0, ""), (done.status, done.errors))
        self.assertGreater(done.seconds, 4 * LIMIT)

    def test_wrong_use(self):
        done = run(3, "wrong_use")
        self.assertEqual("all_reduce: a tensor in bf16; expected f32, f64 or i64\n", done.output)
        self.assertEqual((0, ""), (done.status, done.errors))

    def test_without_a_library(self):
        nowhere = str(PROGRAM.parent / "no_such_folder")
        done = run(2, "sums", OSTEON_MPI_FOLDER=nowhere)
        self.assertEqual(1, done.status)
        self.assertGreater(len(done.lines), 0, done.errors)  # the second process may be ended before its line
        for part in ("mpirun started this process as one of 2, but there is no osteon_mpi_", f" in {nowhere}: install lib"):
            self.assertIn(part, done.lines[0])
        self.assertEqual(0, run(1, "sums", OSTEON_MPI_FOLDER=nowhere).status)


if __name__ == "__main__":
    if not MPIRUN:
        print("skipped: MPI was not built")
        sys.exit(SKIPPED)
    unittest.main(argv=sys.argv[:1])
