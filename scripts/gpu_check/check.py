#!/usr/bin/env python3
"""Builds, checks and measures Osteon on a machine with a GPU and without a network. See docs/gpu/README.md.

    scripts/gpu_check.sh                                   everything, most important first; results in gpu_report.json
    scripts/gpu_check.sh --minutes 9                       as much as fits into 9 minutes
    scripts/gpu_check.sh --minutes 9 --resume gpu_report.json
    scripts/gpu_check.sh --markdown gpu_report.json        a report as a page

Each result is written to the report at once. Exit status: 0 everything requested ran and passed, 1 otherwise,
2 wrong usage. Standard library only.
"""

import argparse
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import time

from items import CONTENDERS, STAGES, Failed, Site, Skipped, all_items
from machine import find_machine
from report import Report, ReportError, markdown, read

ROOT = pathlib.Path(__file__).resolve().parents[2]
OUTPUT_TAIL = 3000  # characters of an item's output that the report keeps


def arguments():
    parser = argparse.ArgumentParser(prog="gpu_check.sh", description=__doc__.splitlines()[0],
                                     epilog="Exit status: 0 everything requested ran and passed, otherwise 1; 2 wrong usage.")
    parser.add_argument("--stage", action="append", choices=STAGES, help="may be repeated (default: all)")
    parser.add_argument("--minutes", type=float, help="time limit: no item begins that would not end within it")
    parser.add_argument("--bundle", type=pathlib.Path, help="folder of gpu_bundle.sh (default: build-bundle/ if it exists)")
    parser.add_argument("--images", type=pathlib.Path,
                        help="radiographs for training (default: the bundle's, otherwise demonstration data)")
    parser.add_argument("--report", type=pathlib.Path, help="file to write (default: gpu_report.json)")
    parser.add_argument("--resume", type=pathlib.Path, metavar="REPORT",
                        help="continue this report: passed items stay, failed ones are tried again last")
    parser.add_argument("--python", help="interpreter with torch and torchvision (default: python3 if it has them)")
    parser.add_argument("--rounds", type=int, default=3, help=f"rounds of each of {', '.join(CONTENDERS)} (default: 3)")
    parser.add_argument("--build", type=pathlib.Path, default=ROOT / "build-gpu", help="(default: build-gpu/)")
    parser.add_argument("--markdown", type=pathlib.Path, metavar="REPORT", help="only print this report as Markdown")
    options = parser.parse_args()
    for name in ("bundle", "images", "resume", "markdown"):
        path = getattr(options, name)
        if path and not path.exists():
            parser.error(f"--{name} {path}: there is no such file or folder")
    if options.rounds < 1 or (options.minutes is not None and options.minutes <= 0):
        parser.error("--rounds and --minutes must be positive")
    options.report = options.report or options.resume or pathlib.Path("gpu_report.json")
    if not options.markdown and options.report.exists() and options.report != options.resume:
        parser.error(f"{options.report} exists already: continue it with --resume {options.report}, or give another --report")
    return options


def find_site(options):
    default = ROOT / "build-bundle"
    bundle = options.bundle or (default if default.is_dir() else None)
    images = options.images
    if not images and bundle and (bundle / "images").is_dir():
        images = bundle / "images"
    absolute = [path.resolve() if path else None for path in (options.build, bundle, images)]
    return Site(ROOT, *absolute, machine=find_machine(options.python), rounds=options.rounds)


class OutOfTime(Exception):
    pass


class Runner:
    """Runs items one after another and writes the report."""

    def __init__(self, site, report, stages, deadline):
        self.site, self.report, self.stages, self.deadline = site, report, stages, deadline
        self.time_is_up = False  # true once the remaining time is too short for an item; after that no item begins

    def why_not(self, item):
        """The reason why an item cannot run now, or nothing."""
        if item.stage not in self.stages:
            return "its stage was not requested"
        if item.stage != "build" and not self.site.machine.gpu:
            return "there is no GPU"
        if item.lacks:
            return item.lacks
        for file in item.needs:
            if not file.exists():
                return f"{relative(file)} is not there"
        self.time_is_up = self.time_is_up or self.deadline - time.monotonic() < item.least
        return "the time was used up" if self.time_is_up else ""

    def run_all(self, items):
        """Returns whether everything requested has passed."""
        pending = [item for item in items if item.repeats or self.report.status(item) != "passed"]
        pending.sort(key=lambda item: not item.repeats and item.name in self.report.tried)
        self.report.leave_out(pending, "the run ended before it")
        for number, item in enumerate(pending, 1):
            why = self.why_not(item)
            if why:
                self.report.leave_out([item], why)
                continue
            print(f"[{number}/{len(pending)}] {item.stage}: {item.name} ... ", end="", flush=True)
            self.run(item)
        return all(self.report.status(item) == "passed" for item in items if item.stage in self.stages)

    def run(self, item):
        begin = time.monotonic()
        log = self.site.build / "log" / f"gpu_check {item.name.replace('/', '-')}.log"
        log.parent.mkdir(parents=True, exist_ok=True)
        status, why, figures = "passed", "", {}
        try:
            self.run_commands(item, log, begin)
            figures = item.figures(log.read_text(encoding="utf-8", errors="replace"))
        except Skipped as error:
            status, why = "skipped", str(error)
        except OutOfTime:
            seconds = time.monotonic() - begin
            self.report.leave_out([item], f"the time was used up after {seconds:.0f} s of it", begun=True)
            print("out of time")
            return
        except (Failed, OSError, KeyError, IndexError, ValueError) as error:
            status, why = "failed", str(error) or repr(error)
        seconds = time.monotonic() - begin
        output = log.read_text(encoding="utf-8", errors="replace") if log.exists() else ""
        self.report.add(item, status=status, why=why, seconds=round(seconds, 3), figures=figures,
                        output_tail=output[-OUTPUT_TAIL:])
        print(f"{status} in {seconds:.0f} s" + (f": {why}" if why else ""))

    def run_commands(self, item, log, begin):
        for folder in item.fresh:
            shutil.rmtree(folder, ignore_errors=True)
        end = min(begin + item.limit, self.deadline)
        with log.open("w", encoding="utf-8") as output:
            if item.draws and not item.draws[0].exists():
                self.draw(*item.draws, output, end)
            for command in item.commands:
                self.run_command(command, item, output, end)

    def draw(self, folder, command, output, end):
        part = folder.with_name(folder.name + ".part")
        shutil.rmtree(part, ignore_errors=True)
        self.run_command([*command, "--out", str(part)], None, output, end)
        part.rename(folder)

    def run_command(self, command, item, output, end):
        environment = {**os.environ, **(item.environment if item else {})}
        try:
            process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT,
                                       env=environment, start_new_session=True)
        except OSError as error:
            raise Failed(f"{command[0]}: {error.strerror}") from error
        try:
            status = process.wait(timeout=max(0.0, end - time.monotonic()))
        except subprocess.TimeoutExpired:
            if end == self.deadline:
                raise OutOfTime from None
            raise Failed(f"took longer than {item.limit} s") from None
        finally:
            if process.poll() is None:  # also if this program is interrupted
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()
        if status != 0:
            raise Failed(f"{pathlib.Path(command[0]).name}: exit status {status}: {last_line(output.name)}")


def last_line(log):
    lines = pathlib.Path(log).read_text(encoding="utf-8", errors="replace").split("\n")
    return next((line.strip() for line in reversed(lines) if line.strip()), "no message")


def relative(path):
    return path.relative_to(ROOT) if path.is_relative_to(ROOT) else path


def main():
    options = arguments()
    if options.markdown:
        print(markdown(read(options.markdown)))
        return 0
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    deadline = time.monotonic() + (60 * options.minutes if options.minutes else float("inf"))
    site = find_site(options)
    report = Report(options.report, site, options.resume)
    if not site.machine.gpu:
        print("no GPU was found: only the build can be tried")
    passed = Runner(site, report, options.stage or STAGES, deadline).run_all(all_items(site))
    print(report.summary())
    return 0 if passed else 1


if __name__ == "__main__":
    try:
        sys.exit(main())
    except ReportError as error:
        sys.exit(f"gpu_check.sh: {error}")
    except KeyboardInterrupt:
        sys.exit(130)
