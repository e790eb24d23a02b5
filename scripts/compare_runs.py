#!/usr/bin/env python3
"""Compares two systems on the same test images: AUROC of each run, and the interval of the difference.

    pip install numpy
    python3 scripts/compare_runs.py --ours runs/ours-* --against runs/torch-* [--json FILE] [--curves FILE.svg]

A run is a folder with predictions.csv and, for --curves, log.jsonl; the runs of a system differ by their seed. The
interval is that of mean AUROC(ours) - mean AUROC(against) by the paired bootstrap: each draw takes as many patients
as there are, with replacement, and the same ones for all runs. It measures how the difference depends on the
test patients; the spread of the runs measures how it depends on the seed.
"""

import argparse
import csv
import json
import pathlib
import sys
from dataclasses import dataclass

import numpy

NAMED = 3  # images named in an error


# --- reading ----------------------------------------------------------------------------------------------------


def read_lines(file):
    try:
        return file.read_text(encoding="utf-8").splitlines()
    except OSError as error:
        sys.exit(f"{file}: {error.strerror}; only a finished run has this file")


def read_predictions(run):
    """{parts of the path: row} of a run's predictions.csv."""
    file = run / "predictions.csv"
    rows = list(csv.DictReader(read_lines(file)))
    predictions = {pathlib.PurePosixPath(row["path"]).parts: row for row in rows}
    if not rows or len(predictions) != len(rows):
        sys.exit(f"{file}: is empty or names an image twice")
    return predictions


def suffix_length(paths):
    """The number of last parts that make all paths distinct."""
    length = 1
    while len({path[-length:] for path in paths}) < len(paths):
        length += 1
    return length


def match(runs):
    """The predictions of all runs under common keys, for systems that name paths from different folders."""
    predictions = [read_predictions(run) for run in runs]
    length = max(suffix_length(each) for each in predictions)
    matched = [{path[-length:]: row for path, row in each.items()} for each in predictions]
    for run, each in zip(runs[1:], matched[1:]):
        check_same(runs[0], matched[0], run, each)
    return matched


def check_same(first, expected, run, found):
    """Ends the program if two runs were not tested on the same images, labels and patients."""
    differing = sorted(expected.keys() ^ found.keys())
    if differing:
        names = ", ".join("/".join(key) for key in differing[:NAMED])
        sys.exit(f"{first} and {run} were tested on different images: {len(differing)} are in one only, for example {names}")
    for key, row in expected.items():
        for column in ("label", "patient"):
            if row[column] != found[key][column]:
                sys.exit(f"{'/'.join(key)}: {column} is {row[column]} in {first} but {found[key][column]} in {run}")


@dataclass
class Comparison:
    labels: numpy.ndarray  # [images], 0 or 1
    blocks: numpy.ndarray  # [images], number of the patient
    scores: list  # two systems, each a list of runs, each [images]

    def mean_aurocs(self, counts):
        """The mean of each system's runs, image i counted counts[i] times."""
        return [numpy.mean([auroc(self.labels, scores, counts) for scores in runs]) for runs in self.scores]


def load_comparison(ours, against):
    matched = match(ours + against)
    keys = sorted(matched[0])
    patients = [matched[0][key]["patient"] or matched[0][key]["study"] for key in keys]
    labels = numpy.array([int(matched[0][key]["label"]) for key in keys])
    if len(set(labels)) < 2:
        sys.exit(f"{ours[0]}: the test images are all of one class; there is no AUROC")
    scores = [numpy.array([float(each[key]["probability"]) for key in keys]) for each in matched]
    return Comparison(labels, numpy.unique(patients, return_inverse=True)[1],
                      [scores[:len(ours)], scores[len(ours):]])


# --- figures ----------------------------------------------------------------------------------------------------


def auroc(labels, scores, counts):
    """The probability that a positive scores above a negative; ties count half; image i counts counts[i] times."""
    levels = numpy.unique(scores, return_inverse=True)[1]
    positives = numpy.bincount(levels, counts * labels)
    negatives = numpy.bincount(levels, counts * (1 - labels))
    below = numpy.cumsum(negatives) - negatives / 2
    return float(positives @ below / (positives.sum() * negatives.sum()))


def bootstrap(comparison, draws, seed):
    """The difference of the means in each draw of patients; a draw without both classes is repeated."""
    generator = numpy.random.default_rng(seed)
    patients = comparison.blocks.max() + 1
    differences = []
    while len(differences) < draws:
        drawn = numpy.bincount(generator.integers(patients, size=patients), minlength=patients)
        counts = drawn[comparison.blocks]
        if 0 < counts @ comparison.labels < counts.sum():
            ours, against = comparison.mean_aurocs(counts)
            differences.append(ours - against)
    return numpy.array(differences)


def summarise(comparison, options):
    once = numpy.ones(len(comparison.labels), int)
    means = comparison.mean_aurocs(once)
    low, high = numpy.quantile(bootstrap(comparison, options.draws, options.seed), [0.025, 0.975])
    systems = [{"name": name, "mean_auroc": float(mean),
                "runs": [{"run": run.name, "auroc": auroc(comparison.labels, scores, once)}
                         for run, scores in zip(folders, system)]}
               for name, mean, folders, system in zip(options.names, means, [options.ours, options.against],
                                                      comparison.scores)]
    return {"images": len(once), "positives": int(comparison.labels.sum()),
            "patients": int(comparison.blocks.max()) + 1, "systems": systems,
            "difference": float(means[0] - means[1]), "interval_95": [float(low), float(high)],
            "draws": options.draws, "seed": options.seed}


def print_summary(summary):
    print(f"{summary['images']} test images, {summary['positives']} positive, {summary['patients']} patients")
    for system in summary["systems"]:
        for run in system["runs"]:
            print(f"{system['name']}  {run['run']}  AUROC {run['auroc']:.4f}")
        print(f"{system['name']}  mean of {len(system['runs'])}  AUROC {system['mean_auroc']:.4f}")
    low, high = summary["interval_95"]
    print(f"difference {summary['difference']:+.4f}, 95 % interval {low:+.4f} to {high:+.4f} "
          f"({summary['draws']} draws of patients)")


# --- the chart --------------------------------------------------------------------------------------------------

WIDTH, HEIGHT = 720, 420
LEFT, RIGHT, TOP, BOTTOM = 70, 20, 56, 54
COLOURS, DASHES = ["#0b62b8", "#c2410c"], ["none", "7 4"]  # distinct in grey, too


def read_curve(run):
    """[(epoch, validation AUROC)] of a run's log.jsonl."""
    lines = [json.loads(line) for line in read_lines(run / "log.jsonl")]
    curve = [(line["epoch"], line["auroc"]) for line in lines if line["split"] == "val" and line["auroc"] is not None]
    if not curve:
        sys.exit(f"{run / 'log.jsonl'}: has no validation AUROC")
    return curve


def mean_curve(curves):
    """Over the epochs that all curves have."""
    epochs = sorted(set.intersection(*({epoch for epoch, _ in curve} for curve in curves)))
    return [(epoch, numpy.mean([dict(curve)[epoch] for curve in curves])) for epoch in epochs]


class Axes:
    """From epochs and AUROC to the image's coordinates; the AUROC axis ends at round numbers."""

    def __init__(self, curves):
        points = [point for curve in curves for point in curve]
        self.last = max(max(epoch for epoch, _ in points), 2)
        values = [value for _, value in points]
        self.tick = 0.05 if max(values) - min(values) < 0.4 else 0.1
        self.low = numpy.floor(min(values) / self.tick) * self.tick
        self.high = max(numpy.ceil(max(values) / self.tick) * self.tick, self.low + self.tick)

    def x(self, epoch):
        return LEFT + (WIDTH - LEFT - RIGHT) * (epoch - 1) / (self.last - 1)

    def y(self, value):
        return HEIGHT - BOTTOM - (HEIGHT - TOP - BOTTOM) * (value - self.low) / (self.high - self.low)

    def draw(self):
        svg = []
        for value in numpy.arange(self.low, self.high + self.tick / 2, self.tick):
            y = self.y(value)
            svg.append(f'<line x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y:.1f}" y2="{y:.1f}" stroke="#d5dae0"/>')
            svg.append(text(LEFT - 10, y + 5, f"{value:.2f}", "end"))
        for epoch in range(1, self.last + 1, -(-self.last // 15)):
            x, foot = self.x(epoch), HEIGHT - BOTTOM
            svg.append(f'<line x1="{x:.1f}" x2="{x:.1f}" y1="{foot}" y2="{foot + 5}" stroke="#4b5563"/>')
            svg.append(text(x, foot + 21, epoch))
        svg.append(f'<path d="M{LEFT} {TOP}V{HEIGHT - BOTTOM}H{WIDTH - RIGHT}" fill="none" stroke="#4b5563"/>')
        svg.append(text((LEFT + WIDTH - RIGHT) / 2, HEIGHT - 12, "epoch"))
        middle = (TOP + HEIGHT - BOTTOM) / 2
        svg.append(f'<g transform="rotate(-90 20 {middle})">{text(20, middle, "validation AUROC")}</g>')
        return svg


def text(x, y, content, anchor="middle"):
    content = str(content).replace("&", "&amp;").replace("<", "&lt;")
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{content}</text>'


def draw_line(axes, curve, system, width, opacity):
    points = " ".join(f"{axes.x(epoch):.1f},{axes.y(value):.1f}" for epoch, value in curve)
    return (f'<polyline points="{points}" fill="none" stroke="{COLOURS[system]}" stroke-width="{width}" '
            f'stroke-dasharray="{DASHES[system]}" stroke-opacity="{opacity}" stroke-linejoin="round"/>')


def draw_legend(names, systems):
    svg = []
    for system, (name, curves) in enumerate(zip(names, systems)):
        x, y = LEFT + system * (WIDTH - LEFT - RIGHT) / 2, TOP / 2
        svg.append(f'<line x1="{x}" x2="{x + 34}" y1="{y}" y2="{y}" stroke="{COLOURS[system]}" stroke-width="3" '
                   f'stroke-dasharray="{DASHES[system]}"/>')
        many = f", mean of {len(curves)} runs (each thin)" if len(curves) > 1 else ""
        svg.append(text(x + 42, y + 5, name + many, "start"))
    return svg


def write_curves(file, names, systems):
    """Draws all runs thin and each system's mean thick, on a light background that suits any page."""
    axes = Axes([curve for curves in systems for curve in curves])
    svg = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" width="{WIDTH}" height="{HEIGHT}" '
           'role="img" font-family="Helvetica, Arial, sans-serif" font-size="14" fill="#1f2933">',
           "<title>Validation AUROC over epochs</title>",
           f'<rect width="{WIDTH}" height="{HEIGHT}" rx="8" fill="#ffffff"/>', *axes.draw()]
    for system, curves in enumerate(systems):
        if len(curves) > 1:
            svg += [draw_line(axes, curve, system, 1.2, 0.45) for curve in curves]
        svg.append(draw_line(axes, mean_curve(curves), system, 3, 1))
    svg += [*draw_legend(names, systems), "</svg>"]
    file.write_text("\n".join(svg) + "\n", encoding="utf-8")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--ours", nargs="+", type=pathlib.Path, required=True, metavar="RUN")
    parser.add_argument("--against", nargs="+", type=pathlib.Path, required=True, metavar="RUN")
    parser.add_argument("--names", nargs=2, default=["Osteon", "PyTorch"], metavar="NAME", help="names of the two systems")
    parser.add_argument("--draws", type=int, default=2000)
    parser.add_argument("--seed", type=int, default=0, help="seed of the draws")
    parser.add_argument("--json", type=pathlib.Path, metavar="FILE")
    parser.add_argument("--curves", type=pathlib.Path, metavar="FILE.svg")
    options = parser.parse_args()
    summary = summarise(load_comparison(options.ours, options.against), options)
    print_summary(summary)
    if options.json:
        options.json.write_text(json.dumps(summary, indent=2) + "\n", encoding="utf-8")
    if options.curves:
        write_curves(options.curves, options.names,
                     [[read_curve(run) for run in runs] for runs in (options.ours, options.against)])


if __name__ == "__main__":
    main()
