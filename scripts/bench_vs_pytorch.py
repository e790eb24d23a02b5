#!/usr/bin/env python3
"""Compares our models with PyTorch's on this machine, in interleaved runs; scripts/bench.sh --vs-pytorch calls it.

    python3 scripts/bench_vs_pytorch.py --programs build/bin --python VENV/bin/python --json results.json

Every round runs, for each configuration in turn, ours (bench_model), PyTorch eager and compiled (bench_torch.py)
and the convolutions alone on oneDNN (bench_roof), each as a program of its own on random data. Prints the
medians over the rounds and these ratios: our images per second divided by PyTorch's and by the roof's (more is
better); our memory, and our seconds until the first step begins, divided by those of PyTorch eager (less is better).
"""

import argparse
import datetime
import json
import pathlib
import statistics
import subprocess
import sys

from gpu_check.machine import processor

HERE = pathlib.Path(__file__).resolve().parent
CONTENDERS = ["ours", "eager", "compiled", "roof"]


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--programs", type=pathlib.Path, required=True, help="folder of bench_model and bench_roof")
    parser.add_argument("--python", required=True, help="interpreter that has torch and torchvision")
    parser.add_argument("--json", type=pathlib.Path, help="file for every measurement and the medians")
    parser.add_argument("--archs", nargs="+", default=["resnet50"], help="models of docs/models.md")
    parser.add_argument("--modes", nargs="+", choices=["train", "infer"], default=["train", "infer"])
    parser.add_argument("--precisions", nargs="+", choices=["fp32", "bf16"], default=["fp32", "bf16"])
    parser.add_argument("--sizes", nargs="+", type=int, default=[224, 320], help="image sizes")
    parser.add_argument("--batches", nargs="+", type=int, default=[16, 32], help="batch sizes")
    parser.add_argument("--contenders", nargs="+", choices=CONTENDERS, default=CONTENDERS)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--steps", type=int, default=6, help="measured steps per run")
    return parser.parse_args()


def configurations(options):
    return [
        {"arch": arch, "mode": mode, "precision": precision, "image_size": size, "batch_size": batch}
        for arch in options.archs
        for size in options.sizes
        for batch in options.batches
        for mode in options.modes
        for precision in options.precisions
    ]


def command(options, contender, configuration):
    program = {
        "ours": [str(options.programs / "bench_model")],
        "eager": [options.python, str(HERE / "bench_torch.py")],
        "compiled": [options.python, str(HERE / "bench_torch.py"), "--compile"],
        "roof": [str(options.programs / "bench_roof")],
    }[contender]
    words = [f"--{name.replace('_', '-')}={value}" for name, value in configuration.items()]
    return program + words + [f"--steps={options.steps}", "--warmup=2"]


def measure(options, contender, configuration):
    """The program's line of JSON, or None if it fails: torch.compile, for example, needs a C++ compiler."""
    result = subprocess.run(command(options, contender, configuration), capture_output=True, text=True, check=False)
    if result.returncode != 0:
        last = (result.stderr.strip() or "no message").splitlines()[-1]
        print(f"note: {contender} failed on {configuration}: {last}", file=sys.stderr)
        return None
    return json.loads(result.stdout.strip().splitlines()[-1])


def median_of(runs, contender, name):
    values = [run[contender][name] for run in runs if run.get(contender) and name in run[contender]]
    return statistics.median(values) if values else None


def ratio(a, b):
    return a / b if a and b else None


def summarise(configuration, runs):
    speed = {contender: median_of(runs, contender, "images_per_second") for contender in CONTENDERS}
    best = max(filter(None, [speed["eager"], speed["compiled"]]), default=None)
    row = {**configuration, **{f"{contender}_images_per_second": speed[contender] for contender in CONTENDERS}}
    row["against_eager"] = ratio(speed["ours"], speed["eager"])
    row["against_best"] = ratio(speed["ours"], best)
    row["share_of_roof"] = ratio(speed["ours"], speed["roof"])
    for name in ["peak_bytes", "start_seconds"]:
        ours, theirs = median_of(runs, "ours", name), median_of(runs, "eager", name)
        row[f"ours_{name}"], row[f"eager_{name}"], row[f"{name}_ratio"] = ours, theirs, ratio(ours, theirs)
    row["page_faults_per_step"] = median_of(runs, "ours", "page_faults_per_step")
    return row


def cell(value, digits):
    return "-" if value is None else f"{value:.{digits}f}"


def table(rows):
    header = ["arch", "mode", "precision", "px", "batch", "ours", "PyTorch", "compiled", "roof", "/ PyTorch", "/ better",
              "/ roof", "memory", "start"]
    lines = ["| " + " | ".join(header) + " |", "|" + "---|" * len(header)]
    for row in rows:
        cells = [row["arch"], row["mode"], row["precision"], str(row["image_size"]), str(row["batch_size"])]
        cells += [cell(row[f"{contender}_images_per_second"], 1) for contender in CONTENDERS]
        cells += [cell(row[name], 2) for name in ["against_eager", "against_best", "share_of_roof",
                                                  "peak_bytes_ratio", "start_seconds_ratio"]]
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


def main():
    options = arguments()
    chosen = configurations(options)
    runs = [[] for _ in chosen]
    torch_version = None
    for round_number in range(options.rounds):
        for configuration, done in zip(chosen, runs):
            print(f"round {round_number + 1}/{options.rounds}: {configuration}", file=sys.stderr)
            done.append({contender: measure(options, contender, configuration) for contender in options.contenders})
            torch_version = torch_version or (done[-1].get("eager") or {}).get("torch")
    rows = [summarise(configuration, done) for configuration, done in zip(chosen, runs)]
    about = {"date": datetime.date.today().isoformat(), "processor": processor(), "torch": torch_version,
             "rounds": options.rounds, "steps": options.steps}
    print(", ".join(f"{name} {value}" for name, value in about.items()) + "\n")
    print(table(rows))
    print("\nImages per second; / = ours over theirs. memory, start: our peak and seconds until the first step begins "
          "over PyTorch's.")
    if options.json:
        options.json.write_text(json.dumps({**about, "rows": rows, "runs": runs}, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
