"""The report of scripts/gpu_check/check.py: a file that is complete after every item, and the page made from it. Every figure
of the page comes from the file. Standard library only."""

import dataclasses
import datetime
import json
import os
import re
import shutil
import statistics
import subprocess

from items import CONFIGURATIONS, CONTENDERS, STAGES, describe


FORMAT = "osteon gpu_check 1"


class ReportError(Exception):
    pass


def read(path):
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
        if data["format"] != FORMAT:
            raise ReportError(f"{path}: is a report of another format: {data['format']}")
        return data
    except OSError as error:
        raise ReportError(f"{path}: {error.strerror}") from error
    except (ValueError, KeyError, TypeError) as error:
        raise ReportError(f"{path}: is not a report of gpu_check.sh ({error})") from error


def now():
    return datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")


def source_version(site):
    """The measured commit; in a tree from a bundle, the one that the bundle recorded."""
    if shutil.which("git") and (site.root / ".git").exists():
        described = subprocess.run(["git", "-C", str(site.root), "describe", "--always", "--dirty", "--abbrev=12"],
                                   capture_output=True, text=True, check=False)
        if described.returncode == 0:
            return described.stdout.strip()
    contents = site.bundle / "contents.txt" if site.bundle else None
    noted = re.search(r"^osteon (.*)$", contents.read_text(encoding="utf-8"), re.MULTILINE) if (
        contents and contents.is_file()) else None
    return noted[1] if noted else "unknown"


def about_machine(site):
    machine = site.machine
    return {
        "gpu": dataclasses.asdict(machine.gpu) if machine.gpu else None,
        "cuda": machine.cuda,
        "cudnn": machine.cudnn,
        "processor": machine.processor,
        "cores": machine.cores,
    }


def check_same_gpu(path, made, here):
    """Figures of two kinds of device must not be mixed. Another driver is noted."""
    def kind(machine):
        gpu = machine["gpu"] or {}
        return [gpu.get(name) for name in ("name", "compute_capability", "memory_mib")]

    if kind(made) != kind(here):
        raise ReportError(f"{path}: was made with {kind(made)[0] or 'no GPU'}, but this machine has {kind(here)[0] or 'no GPU'}; "
                          "begin a new report")
    if made["gpu"] and here["gpu"]["driver"] not in made["gpu"]["driver"].split(", "):
        made["gpu"]["driver"] += f", {here['gpu']['driver']}"


class Report:
    def __init__(self, path, site, resumed):
        self.path, self.root = path, site.root
        self.source = source_version(site)
        self.not_run = {}  # name: entry
        self.data = {"format": FORMAT, "begun": now(), "machine": about_machine(site), "items": [], "not_run": []}
        if resumed:
            self.data = {**self.data, **read(resumed)}
            check_same_gpu(resumed, self.data["machine"], about_machine(site))
        self.items = {item["name"]: item for item in self.data["items"]}
        # Items that failed or had not enough time come after the others.
        self.tried = {*self.items, *(each["name"] for each in self.data["not_run"] if each["begun"])}
        self.write()

    def status(self, item):
        return self.items[item.name]["status"] if item.name in self.items else None

    def add(self, item, **result):
        commands = [" ".join(command).replace(f"{self.root}/", "") for command in item.commands]
        self.items[item.name] = {"name": item.name, "stage": item.stage, **result, "ended": now(),
                                 "source": self.source, "commands": commands, "about": item.about}
        self.not_run.pop(item.name, None)
        self.write()

    def leave_out(self, items, why, begun=False):
        """`begun`: whether an item began but the time was too short for it."""
        for item in items:
            self.not_run[item.name] = {"name": item.name, "stage": item.stage, "why": why,
                                       "begun": begun or item.name in self.tried}
        self.write()

    def write(self):
        """Writes the report completely or not at all."""
        self.data["items"] = list(self.items.values())
        self.data["not_run"] = [entry for name, entry in self.not_run.items() if name not in self.items]
        part = self.path.with_name(self.path.name + ".part")
        with part.open("w", encoding="utf-8") as file:
            json.dump(self.data, file, indent=1)
            file.write("\n")
            file.flush()
            os.fsync(file.fileno())  # a hanging GPU may hang the machine
        part.replace(self.path)

    def summary(self):
        counts = [(status, sum(item["status"] == status for item in self.items.values()))
                  for status in ("passed", "failed", "skipped")]
        words = [f"{count} {status}" for status, count in [*counts, ("not run", len(self.data["not_run"]))]]
        return f"{', '.join(words)}; report: {self.path}"


# --- the page ---------------------------------------------------------------------------------------------------


def table(header, rows):
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join("| " + " | ".join(str(cell) for cell in line) + " |" for line in lines)


def number(value, digits):
    return "-" if value is None else f"{value:,.{digits}f}"


def ratio(a, b):
    return a / b if a and b else None


def measured(report, configuration, contender):
    """The figures of each round that measured a contender."""
    return [item["figures"] for item in report["items"]
            if item["status"] == "passed" and item["about"].get("contender") == contender
            and all(item["about"].get(name) == value for name, value in configuration.items())]


def median(rounds, name):
    values = [each[name] for each in rounds if each.get(name) is not None]
    return statistics.median(values) if values else None


def spread(rounds):
    """The spread of the rounds, divided by their median."""
    speeds = [each["images_per_second"] for each in rounds]
    return (max(speeds) - min(speeds)) / statistics.median(speeds) if len(speeds) > 1 else 0.0


def better(values, *contenders):
    return max((values[each] for each in contenders if values[each]), default=None)


def bench_rows(report):
    rows, spreads = [], []
    for configuration in CONFIGURATIONS:
        rounds = {contender: measured(report, configuration, contender) for contender in CONTENDERS}
        if not any(rounds.values()):
            continue
        spreads += [spread(each) for each in rounds.values() if each]
        speed = {contender: median(each, "images_per_second") for contender, each in rounds.items()}
        memory = {contender: median(each, "peak_bytes") for contender, each in rounds.items()}
        ours = better(speed, "ours", "tuned")
        rows.append([
            describe(configuration),
            *[number(speed[contender], 0) for contender in CONTENDERS],
            number(ratio(speed["ours"], speed["eager"]), 2),
            number(ratio(ours, speed["eager"]), 2),
            number(ratio(ours, better(speed, "eager", "compiled")), 2),
            *[number(memory[contender] and memory[contender] / 1e9, 1) for contender in CONTENDERS],
            number(ratio(better(memory, "ours", "tuned"), memory["eager"]), 2),
            "/".join(str(len(rounds[contender])) for contender in CONTENDERS),
        ])
    return rows, max(spreads, default=0.0)


def bench_section(report):
    rows, widest = bench_rows(report)
    if not rows:
        return []
    header = ["ResNet50", "ours", "autotuned", "PyTorch eager", "compiled", "ours / eager", "our better / eager",
              "our better / their better", "GB, ours", "autotuned", "eager", "compiled", "our larger / eager", "rounds"]
    compiled = [figures for each in CONFIGURATIONS for figures in measured(report, each, "compiled")]
    modes = sorted({figures["compile_mode"] for figures in compiled if figures.get("compile_mode")})
    lines = ["## Images per second", "", table(header, rows), "",
             "Random images; the medians over interleaved rounds. Autotuned: the algorithm of a convolution is chosen by "
             "timing, not by cuDNN's heuristics. Training is forward, backward and Adam; PyTorch has "
             "channels_last, autocast to bf16 in training and the whole model in bf16 in inference, cudnn.benchmark and "
             "the fused Adam. Memory is the maximum that the allocators reserved. The rounds of one program were at most "
             f"{100 * widest:.1f} % apart."]
    if modes:
        lines[-1] += f" torch.compile ran in the mode{'s' if len(modes) > 1 else ''} {', '.join(modes)}."
    return lines


def start_section(report):
    lines = []
    for item in report["items"]:
        if item["status"] == "passed" and "cold" in item["figures"]:
            rows = [[cache, number(item["figures"][cache]["start_seconds"], 2),
                     number(item["figures"][cache]["first_step_seconds"], 2)] for cache in ("cold", "warm")]
            eager = measured(report, CONFIGURATIONS[0], "eager")
            rows += [["PyTorch eager", number(median(eager, "start_seconds"), 2),
                      number(median(eager, "first_step_seconds"), 2)]] if eager else []
            lines = ["## Start", "", f"{describe(CONFIGURATIONS[0])}: seconds from the program's first line.", "",
                     table(["plan cache", "until the first step begins", "until it is done"], rows)]
    return lines


def training_section(report):
    found = [item for item in report["items"] if item["name"] == "train and evaluate" and item["status"] == "passed"]
    if not found:
        return []
    figures, data = found[0]["figures"], found[0]["about"]["data"]
    evaluated = figures["evaluated"]
    rows = [
        ["data", "real radiographs" if data == "radiographs" else "demonstration data"],
        ["epochs", figures["epochs"]],
        ["images per second over the whole training, with validation", number(figures["images_per_second"], 0)],
        ["seconds waited for data in the last epoch", number(figures["data_wait_seconds"], 2)],
        ["seconds of training", number(figures["training_seconds"], 1)],
        ["peak memory, GB", number(figures["peak_bytes"] / 1e9, 2)],
        ["validation AUROC of the last epoch", number(figures["val_auroc"], 3)],
        [f"test AUROC, {evaluated['image_n']} images", number(evaluated["image_auroc"], 3)],
        [f"test AUROC, {evaluated['study_n']} studies", number(evaluated["study_auroc"], 3)],
    ]
    return ["## Training", "", "```", *found[0]["commands"], "```", "", table(["", ""], rows)]


def what_for(item):
    if item["why"]:
        return item["why"].replace("|", "\\|").replace("\n", " ")
    figures = item["figures"]
    return "; ".join(f"{name} {figures[name]}" for name in ("cases", "assertions", "findings", "sha256", "cuda")
                     if figures.get(name) is not None)


def check_section(report):
    rows = [[item["name"], item["status"], number(item["seconds"], 0), what_for(item)] for stage in STAGES
            for item in report["items"] if item["stage"] == stage
            and (stage != "bench" or item["status"] != "passed")]
    return ["## Checks", "", table(["", "", "seconds", ""], rows)] if rows else []


def not_run_section(report):
    if not report["not_run"]:
        return ["## Not run", "", "Nothing: every item ran."]
    reasons = {}
    for item in report["not_run"]:
        group = item["name"].split(": ")[0]  # the rounds of a configuration together
        counts = reasons.setdefault(item["why"], {})
        counts[group] = counts.get(group, 0) + 1
    return ["## Not run", "", *[
        f"* {why}: " + "; ".join(group if count == 1 else f"{group} ({count} runs)" for group, count in counts.items())
        for why, counts in reasons.items()]]


def markdown(report):
    machine = report["machine"]
    gpu = machine["gpu"]
    torch = [figures for each in CONFIGURATIONS for figures in measured(report, each, "eager")][:1]
    versions = [["GPU", f"{gpu['name']}, {gpu['memory_mib']:,} MiB" if gpu else "none"],
                ["driver", gpu["driver"] if gpu else "-"],
                ["compute capability", gpu["compute_capability"] if gpu else "-"],
                ["CUDA toolkit", machine["cuda"] or "-"],
                ["cuDNN", machine["cudnn"] or "-"],
                ["PyTorch", f"{torch[0]['torch']}, its CUDA {torch[0]['cuda']}, its cuDNN {torch[0]['cudnn']}"
                 if torch else "not measured"],
                ["processor", f"{machine['processor']}, {machine['cores']} cores"],
                ["source", ", ".join(sorted({item["source"] for item in report["items"]})) or "-"]]
    sections = [[f"# {gpu['name'] if gpu else 'No GPU'}, {report['begun'][:10]}", "", table(["", ""], versions)],
                check_section(report), bench_section(report), start_section(report), training_section(report),
                not_run_section(report)]
    return "\n\n".join("\n".join(section) for section in sections if section)
