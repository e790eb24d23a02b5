"""The items of scripts/gpu_check/check.py: their commands, limits and the figures in their output, in order of importance.
Standard library only."""

import dataclasses
import hashlib
import itertools
import json
import os
import pathlib
import re
import sys
from typing import Callable

STAGES = ["build", "ops", "multi", "sanitize", "bench", "train"]
MULTI_TEST = "cuda_nccl_test"  # sums by NCCL, which one GPU adds up alone
PROGRAMS = ["bench_model", "train_mura", "eval_mura", "make_demo_data"]
CONTENDERS = ["ours", "tuned", "eager", "compiled"]  # ours twice, then PyTorch twice
# In order of importance; the last varies fastest.
CONFIGURATIONS = [
    {"mode": mode, "precision": precision, "image_size": size, "batch_size": batch}
    for precision, batch, size, mode in itertools.product(["bf16", "fp32", "tf32"], [256, 64], [224, 320],
                                                          ["train", "infer"])
]


class Failed(Exception):
    """The output shows that the item failed."""


class Skipped(Exception):
    """The program reports that it did not check."""


@dataclasses.dataclass
class Item:
    name: str
    stage: str
    commands: list[list[str]]
    limit: int  # seconds
    least: int = 5  # seconds that must remain to begin it
    needs: tuple = ()  # files without which it cannot begin
    lacks: str = ""  # what the machine lacks for it
    figures: Callable[[str], dict] = lambda output: {}  # reads the output; may raise Failed or Skipped
    about: dict = dataclasses.field(default_factory=dict)  # the rows of tables
    fresh: tuple = ()  # folders that must not exist when it begins
    draws: tuple = ()  # a folder, and the command that makes it with --out if it is missing
    repeats: bool = False  # runs each time: its files may be gone or old
    environment: dict = dataclasses.field(default_factory=dict)


@dataclasses.dataclass
class Site:
    """The folders and programs that items use."""

    root: pathlib.Path
    build: pathlib.Path
    bundle: pathlib.Path | None
    images: pathlib.Path | None
    machine: object
    rounds: int

    def program(self, name):
        return self.build / "bin" / name

    def demo(self):
        return self.build / "demo"

    def drawing(self):
        return self.demo(), [str(self.program("make_demo_data"))]

    def environment(self):
        """The environment of our own programs."""
        folders = [*self.machine.library_folders(), *filter(None, [os.environ.get("LD_LIBRARY_PATH")])]
        return {"LD_LIBRARY_PATH": ":".join(folders), "OSTEON_PLAN_CACHE": str(self.build / "plans")}


# --- reading outputs --------------------------------------------------------------------------------------------


def last_json(output):
    for line in reversed(output.splitlines()):
        if line.startswith("{"):
            try:
                return json.loads(line)
            except json.JSONDecodeError:
                continue
    raise Failed("printed no line of JSON")


def doctest_figures(output):
    """The number of cases that passed. A program that checks nothing without a GPU prints `skipped: ...`."""
    skipped = re.search(r"^(?!\[doctest\]).*\bskipped: (.*)$", output, re.MULTILINE)
    if skipped:
        raise Skipped(skipped[1].strip())
    cases = re.search(r"test cases:\s*(\d+)", output)
    assertions = re.search(r"assertions:\s*(\d+)", output)
    if not cases or not assertions or int(assertions[1]) == 0:
        raise Failed("checked nothing")
    return {"cases": int(cases[1]), "assertions": int(assertions[1])}


def sanitizer_figures(output):
    figures = doctest_figures(output)
    summaries = re.findall(r"(?:ERROR|RACECHECK) SUMMARY: (\d+)", output)
    if not summaries:
        raise Failed("compute-sanitizer printed no summary")
    if any(int(count) for count in summaries):
        raise Failed(f"compute-sanitizer found {', '.join(summaries)}")
    return {**figures, "findings": 0}


def check_configuration(output):
    """CMake leaves CUDA out with a reason instead of failing."""
    line = re.search(r"^-- osteon   cuda\s+(.*)$", output, re.MULTILINE)
    if not line or line[1].startswith("off"):
        raise Failed(f"CUDA is {line[1] if line else 'not mentioned'}")
    return {"cuda": line[1]}


def on_gpu(output):
    """A measurement's figures, if it was made on the GPU."""
    figures = last_json(output)
    if figures.get("device") in (None, "cpu"):
        raise Failed(f"was measured on {figures.get('device')}")
    return figures


def same_weights(runs):
    def figures(_output):
        digests = [hashlib.sha256((run / "last/model.safetensors").read_bytes()).hexdigest() for run in runs]
        if len(set(digests)) > 1:
            raise Failed(f"two runs with the same seed have different weights: {', '.join(digests)}")
        return {"sha256": digests[0]}

    return figures


def same_losses(pairs, tolerance):
    """Whether two runs have the same losses, of each step and of the epoch."""
    def losses(run):
        lines = [json.loads(line) for line in (run / "log.jsonl").read_text(encoding="utf-8").splitlines()]
        return [line["train_loss" if line["split"] == "val" else "loss"] for line in lines]

    def figures(_output):
        largest = 0
        for run, reference in pairs:
            ours, theirs = losses(run), losses(reference)
            if len(ours) != len(theirs) or len(ours) < 3:
                raise Failed(f"{run.name} has {len(ours)} losses, {reference.name} has {len(theirs)}")
            difference = max(abs(a - b) / abs(b) for a, b in zip(ours, theirs))
            if not difference <= tolerance:
                raise Failed(f"the losses of {run.name} differ from those of {reference.name} by {difference:.2g}")
            largest = max(largest, difference)
        return {"largest_difference": largest}

    return figures


def stored_plans_used(output):
    if "stored plans that cuDNN refuses" in output:
        raise Failed("cuDNN refused plans that were stored with the run")
    return {}


def nearly_full_figures(runs):
    def figures(output):
        ended = re.search(r"^needed (\d+) bytes; .*: (completed|out of memory)$", output, re.MULTILINE)
        if not ended:
            raise Failed("printed no result")
        return {"needed_bytes": int(ended[1]), "result": ended[2],
                **(same_weights(runs)(output) if ended[2] == "completed" else {})}

    return figures


def read_json(path):
    return json.loads(path.read_text(encoding="utf-8"))


def training_figures(run, evaluation):
    def figures(_output):
        lines = [json.loads(line) for line in (run / "log.jsonl").read_text(encoding="utf-8").splitlines()]
        epochs = [line for line in lines if line["split"] == "val"]
        steps = [line for line in lines if line["split"] == "train"]
        return {
            "epochs": len(epochs),
            "images_per_second": epochs[-1]["images_per_second"],
            "data_wait_seconds": steps[-1]["data_wait"],
            "training_seconds": epochs[-1]["seconds"],
            "peak_bytes": epochs[-1]["peak_bytes"],
            "val_auroc": epochs[-1]["auroc"],
            "trained": test_figures(run),
            "evaluated": test_figures(evaluation),
        }

    return figures


def test_figures(folder):
    metrics = read_json(folder / "metrics.json")
    return {f"{unit}_{name}": metrics[unit][name] for unit in ("image", "study") for name in ("n", "auroc")}


# --- items ------------------------------------------------------------------------------------------------------


def build_items(site):
    machine = site.machine
    configure = ["cmake", "-S", str(site.root), "-B", str(site.build), "-DCMAKE_BUILD_TYPE=Release", "-DOSTEON_CUDA=ON",
                 "-DOSTEON_ONEDNN=OFF", "-DOSTEON_GDCM=OFF", "-DOSTEON_ONNX=OFF", "-DOSTEON_WARNINGS_AS_ERRORS=OFF"]
    if not (site.build / "CMakeCache.txt").exists():
        configure += ["-G", "Ninja"]
    if machine.gpu:
        configure.append(f"-DCMAKE_CUDA_ARCHITECTURES={machine.gpu.compute_capability.replace('.', '')}")
    if machine.nvcc:
        configure.append(f"-DCUDAToolkit_ROOT={machine.nvcc.resolve().parent.parent}")
    if machine.cudnn_root:
        configure.append(f"-DCUDNN_ROOT={machine.cudnn_root}")
    if site.bundle:
        libraries = site.bundle / "usr/lib"
        # Unlike RUNPATH, RPATH also applies to the dependencies of the bundled libraries.
        configure += [f"-DCMAKE_PREFIX_PATH={site.bundle / 'usr'}",
                      f"-DCUDNN_FRONTEND_ROOT={site.bundle / 'cudnn-frontend'}",
                      f"-DCMAKE_EXE_LINKER_FLAGS=-Wl,--disable-new-dtags,-rpath,{libraries}"]
    lacks = "" if machine.nvcc else "no CUDA toolkit (nvcc) was found"
    if machine.nvcc and not machine.cudnn:
        lacks = "cuDNN was found neither in the toolkit nor as a pip package"
    build = ["cmake", "--build", str(site.build), "--parallel", str(machine.cores), "--target"]

    def item(name, command, **more):
        return Item(name, "build", [command], lacks=lacks, repeats=True, **more)

    cache = (site.build / "CMakeCache.txt",)
    return [
        item("configure", configure, limit=300, figures=check_configuration),
        item("programs", build + PROGRAMS, limit=1500, least=60, needs=cache),
        item("tests", build + test_names(site), limit=1500, least=60, needs=cache),
    ]


def test_names(site):
    """The tests that run on a GPU, that of the operations first."""
    names = sorted(path.stem for path in (site.root / "tests/cuda").glob("cuda_*_test.cpp"))
    return sorted({"cuda_ops_test", "cuda_training_test", *names}, key=lambda name: name != "cuda_ops_test")


def test_item(site, name, stage):
    program = site.program(f"tests/{name}")
    return Item(name, stage, [[str(program), "-tse=long"]], limit=600, needs=(program,), figures=doctest_figures,
                environment=site.environment())


def test_items(site):
    return [test_item(site, name, "ops") for name in test_names(site) if name != MULTI_TEST]


def training_command(site, **options):
    """A run of train_mura on demonstration data; without `out` it has none yet."""
    options = {"arch": "resnet50", "device": "cuda", "precision": "bf16", "image_size": 128, "limit": 512, "epochs": 2,
               "batch_size": 64, "workers": 4, "seed": 1, **options}
    words = [word for name, value in options.items() for word in ("--" + name.replace("_", "-"), str(value))]
    return [str(site.program("train_mura")), "--data", str(site.demo()), "--quiet", *words]


def run_item(site, name, commands, runs, figures, **more):
    return Item(name, "ops", commands, limit=600, least=30, needs=(site.program("train_mura"),), figures=figures,
                fresh=tuple(runs), draws=site.drawing(), environment=site.environment(), **more)


def determinism_item(site):
    runs = [site.build / f"runs/determinism-{i}" for i in (1, 2)]
    return run_item(site, "two runs, same weights", [training_command(site, out=run) for run in runs], runs,
                    same_weights(runs))


def accumulate_item(site):
    """Each batch of a step must be computed on its own images. A small model, for the CPU's sake."""
    runs = {(count, device): site.build / f"runs/accumulate-{count}-{device}" for count in (2, 3)
            for device in ("cpu", "cuda")}
    commands = [training_command(site, out=run, arch="resnet18", width=16, image_size=64, limit=96, epochs=1, batch_size=8,
                            precision="fp32", optimizer="sgd", lr=0.001, schedule="constant", accumulate=count,
                            device=device)
                for (count, device), run in runs.items()]
    pairs = [(runs[count, "cuda"], runs[count, "cpu"]) for count in (2, 3)]
    return run_item(site, "accumulated steps, as on the CPU", commands, runs.values(), same_losses(pairs, 2e-3))


def tuned_item(site):
    """Plans that were chosen by timing are stored with the run, and read again by each resumed one."""
    run = site.build / "runs/tuned"
    command = [sys.executable, str(site.root / "scripts/gpu_check/interrupted.py"),
               *training_command(site, out=run, limit=256, save_every=1e-9), "--autotune"]
    return run_item(site, "tuned, killed and resumed twice", [command], [run], stored_plans_used)


def nearly_full_item(site):
    """The last batch of each epoch is a partial one, which needs other blocks of memory than the recorded step."""
    runs = [site.build / f"runs/nearly-full-{i}" for i in (1, 2)]
    command = [sys.executable, str(site.root / "scripts/gpu_check/nearly_full.py"), *map(str, runs),
               *training_command(site, limit=213)]
    return run_item(site, "partial batch at nearly full memory", [command], runs, nearly_full_figures(runs))


def recorded_item(site):
    """The first run stores its plans, so that the others have them from the disk."""
    runs = {run: site.build / f"runs/{run}" for run in ("recorded-cold", "recorded", "by-call")}
    plans = site.build / "plans-recorded"
    commands = [training_command(site, out=path, record="off" if run == "by-call" else "auto") for run, path in runs.items()]
    item = run_item(site, "recorded and by call, same weights", commands, [*runs.values(), plans],
                    same_weights(list(runs.values())))
    item.environment = {**site.environment(), "OSTEON_PLAN_CACHE": str(plans)}
    return item


def sanitize_items(site):
    """Racecheck and synccheck check our own kernels only; memcheck checks them first, because the others take long. For
    memcheck each tensor is an allocation of its own; otherwise it would see only accesses outside of whole regions."""
    program = site.program("tests/cuda_ops_test")
    sanitizer = site.machine.sanitizer
    ours = ["--kernel-name", "kns=osteon"] if site.machine.sanitizer_filters else []
    separate = {"OSTEON_CUDA_ALLOCATOR": "separate"}
    return [
        Item(name, "sanitize",
             [[sanitizer or "compute-sanitizer", "--tool", tool, *kernels, str(program), "-tse=long"]],
             limit=1500, least=60, needs=(program,), lacks="" if sanitizer else "compute-sanitizer was not found",
             figures=sanitizer_figures,
             environment={**site.environment(), **(separate if tool == "memcheck" else {})})
        for name, tool, kernels in [("memcheck, our kernels", "memcheck", ours), ("racecheck, our kernels", "racecheck", ours),
                                    ("synccheck, our kernels", "synccheck", ours), ("memcheck, all kernels", "memcheck", [])]
    ]


def describe(configuration):
    return "{mode} {precision}, {image_size} px, batch {batch_size}".format(**configuration)


def bench_command(site, contender, configuration, steps):
    words = [f"--{name.replace('_', '-')}={value}" for name, value in configuration.items()]
    words += ["--arch=resnet50", "--device=cuda", f"--steps={steps}", "--warmup=10"]
    if contender in ("ours", "tuned"):
        return [str(site.program("bench_model")), *words, *(["--autotune"] if contender == "tuned" else [])]
    compiled = ["--compile"] if contender == "compiled" else []
    return [site.machine.python or "python3", str(site.root / "scripts/bench_torch.py"), *words, *compiled]


def bench_item(site, contender, configuration, number):
    item = Item(f"{describe(configuration)}: {contender}, round {number}", "bench",
                [bench_command(site, contender, configuration, 12 if configuration["precision"] == "fp32" else 30)],
                limit=420, least=15, figures=on_gpu,
                about={**configuration, "contender": contender, "round": number})
    if contender in ("ours", "tuned"):
        item.needs, item.environment = (site.program("bench_model"),), site.environment()
        return item
    item.least = 90 if contender == "compiled" else 30
    item.environment = {"TORCHINDUCTOR_CACHE_DIR": str(site.build / "torchinductor")}
    if not site.machine.python:
        item.lacks = "no Python interpreter has torch and torchvision (--python PY)"
    return item


def bench_items(site, configuration):
    """Interleaved, so that a change of the machine's speed affects all equally."""
    return [bench_item(site, contender, configuration, number + 1)
            for number in range(site.rounds) for contender in CONTENDERS]


def start_figures(output):
    """The two runs of the same program."""
    cold, end, warm = output.partition("}\n")
    return {"cold": on_gpu(cold + end), "warm": on_gpu(warm)}


def start_item(site):
    """The time from the start of the program to the end of its first step, without and with stored plans."""
    plans = site.build / "plans-start"
    command = bench_command(site, "ours", CONFIGURATIONS[0], 5)
    return Item("start, cold and warm plan cache", "bench", [command, command], limit=300, least=30,
                needs=(site.program("bench_model"),), figures=start_figures, fresh=(plans,),
                environment={**site.environment(), "OSTEON_PLAN_CACHE": str(plans)})


def train_item(site):
    data = site.images or site.demo()
    run, evaluation = site.build / "runs/train", site.build / "runs/evaluation"
    suited = ["--image-size", "224", "--epochs", "15", "--schedule", "cosine", "--positive-weight", "balanced"]
    if not site.images:
        suited = ["--image-size", "128", "--epochs", "8", "--positive-weight", "none", "--zero-init-residual"]
    device = ["--device", "cuda", "--precision", "bf16", "--workers", "8", "--quiet"]
    train = [str(site.program("train_mura")), "--data", str(data), "--out", str(run), "--arch", "resnet50",
             "--batch-size", "64", "--optimizer", "adamw", "--weight-decay", "0.01", "--seed", "0", *suited, *device]
    evaluate = [str(site.program("eval_mura")), "--checkpoint", str(run / "best"), "--data", str(data), "--out",
                str(evaluation), *device]
    return Item("train and evaluate", "train", [train, evaluate], limit=1500, least=60,
                needs=(site.program("train_mura"), site.program("eval_mura"), *filter(None, [site.images])),
                figures=training_figures(run, evaluation), fresh=(run, evaluation),
                about={"data": "radiographs" if site.images else "demonstration"},
                draws=() if site.images else site.drawing(), environment=site.environment())


def all_items(site):
    """In order of importance: correctness, the two main figures, training, then the rest."""
    first, second, *others = CONFIGURATIONS
    *our_kernels, all_memory = sanitize_items(site)
    return [
        *build_items(site),
        accumulate_item(site),
        tuned_item(site),
        nearly_full_item(site),
        recorded_item(site),
        *test_items(site),
        determinism_item(site),
        test_item(site, MULTI_TEST, "multi"),
        *bench_items(site, first),
        start_item(site),
        *bench_items(site, second),
        train_item(site),
        *our_kernels,
        *itertools.chain.from_iterable(bench_items(site, each) for each in others),
        all_memory,
    ]
