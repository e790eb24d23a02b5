#!/usr/bin/env python3
"""Trains our ResNet and torchvision's from the same weights on the same batches and compares them step by step.

    pip install torch torchvision numpy pillow safetensors
    python3 scripts/parity_torch.py --images DIR [--steps 50] [--json FILE] [--svg FILE]

DIR is searched for radiographs (PNG, JPEG); a file below a folder named Fractured, abnormal or *_positive* is positive.
f32, SGD (learning rate 0.01, no momentum, no weight decay), no augmentation, binary cross entropy.

From reloaded state: before each step of PyTorch's run (1 thread) our program loads its weights and
computes loss and gradients of the same batch. Differences are relative, those of the gradient in the Euclidean norm over
all parameters; the reference is the distance of PyTorch's gradient from its float64 gradient. Free-running: our program and
PyTorch with 1 thread, with 2 threads and in float64 each train separately from the same start; PyTorch's runs differ only
by rounding and are the reference.
"""

import argparse
import json
import pathlib
import subprocess
import sys
import tempfile

import numpy
import torch
import torchvision
from PIL import Image
from safetensors.torch import load_file, save_file

from compare_runs import HEIGHT, LEFT, RIGHT, TOP, BOTTOM, WIDTH, text

LEARNING_RATE = 0.01
MEAN, STD = 0.2, 0.2


def is_positive(path):
    folders = [part.lower() for part in path.parts[:-1]]
    return any(part in ("fractured", "abnormal") or part.endswith("_positive") for part in folders)


def read_batches(folder, steps, batch_size, size, seed):
    files = sorted(path for path in folder.rglob("*") if path.suffix.lower() in (".png", ".jpg", ".jpeg")
                   and not path.name.startswith("."))
    if len(files) < batch_size:
        sys.exit(f"{folder}: {len(files)} images, needs at least {batch_size}")
    random = numpy.random.default_rng(seed)
    order = numpy.concatenate([random.permutation(len(files)) for _ in range(-(-steps * batch_size // len(files)))])
    images, labels = {}, []
    for index in order[:steps * batch_size]:
        if index not in images:
            with Image.open(files[index]) as picture:
                grey = picture.convert("L").resize((size, size), Image.BILINEAR)
            images[index] = (torch.from_numpy(numpy.array(grey, numpy.float32)) / 255 - MEAN) / STD
        labels.append(float(is_positive(files[index])))
    stack = torch.stack([images[index] for index in order[:steps * batch_size]])
    stack = stack.reshape(steps, batch_size, 1, size, size).expand(-1, -1, 3, -1, -1).contiguous()
    return stack, torch.tensor(labels).reshape(steps, batch_size), len(images)


def gradients(model, images, labels):
    model.zero_grad()
    loss = torch.nn.functional.binary_cross_entropy_with_logits(model(images)[:, 0], labels)
    loss.backward()
    return loss.item()


def our_steps(program, arch, folder, state, images, labels, mode):
    save_file(state, folder / "weights.safetensors")
    save_file({"images": images.permute(0, 1, 3, 4, 2).contiguous(), "labels": labels}, folder / "batches.safetensors")
    subprocess.run([program, arch, folder / "weights.safetensors", folder / "batches.safetensors", mode,
                    folder / "out.safetensors"], check=True)
    return load_file(folder / "out.safetensors")


def run_torch(arch, start, images, labels, threads, dtype=torch.float32, each_step=lambda *_: None):
    torch.set_num_threads(threads)
    images, labels = images.to(dtype), labels.to(dtype)
    model = torchvision.models.get_model(arch, num_classes=1).to(dtype)
    model.load_state_dict(start)
    model.train()
    losses = []
    for t in range(len(images)):
        before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
        losses.append(gradients(model, images[t], labels[t]))
        each_step(t, model, before, losses[-1])
        with torch.no_grad():
            for parameter in model.parameters():
                parameter -= LEARNING_RATE * parameter.grad
    return losses


def summary(values):
    return {"largest": float(max(values)), "median": float(numpy.median(values))}


def compare(options, folder):
    images, labels, distinct = read_batches(options.images, options.steps, options.batch_size, options.size, options.seed)
    torch.manual_seed(options.seed)
    start = {name: tensor.clone()
             for name, tensor in torchvision.models.get_model(options.arch, num_classes=1).state_dict().items()}
    found = {"loss_to_torch": [], "gradient_to_torch": [], "gradient_to_f64": [], "torch_gradient_to_f64": []}
    exact = torchvision.models.get_model(options.arch, num_classes=1).double()

    def reloaded(t, model, before, loss):
        ours = our_steps(options.program, options.arch, folder, before, images[t:t + 1], labels[t:t + 1], "step")
        exact.load_state_dict(before)
        exact.train()
        gradients(exact, images[t].double(), labels[t].double())
        names = [name for name, _ in model.named_parameters()]
        flat = lambda parts: torch.cat([part.flatten().double() for part in parts])
        ours_f32 = flat(ours[name] for name in names)
        torch_f32, f64 = (flat(parameter.grad for parameter in each.parameters()) for each in (model, exact))
        apart = lambda left, right: ((left - right).norm() / right.norm()).item()
        found["loss_to_torch"].append(abs(ours["losses"].item() - loss) / abs(loss))
        found["gradient_to_torch"].append(apart(ours_f32, torch_f32))
        found["gradient_to_f64"].append(apart(ours_f32, f64))
        found["torch_gradient_to_f64"].append(apart(torch_f32, f64))
        print(f"step {t + 1} of {options.steps}: PyTorch's loss {loss:.6f}, "
              + ", ".join(f"{name} {values[-1]:.2e}" for name, values in found.items()), file=sys.stderr, flush=True)

    curves = {"PyTorch, 1 thread": run_torch(options.arch, start, images, labels, 1, each_step=reloaded),
              "2 threads": run_torch(options.arch, start, images, labels, 2),
              "float64": run_torch(options.arch, start, images, labels, 2, torch.float64),
              "Osteon": our_steps(options.program, options.arch, folder, start, images, labels, "free")["losses"].tolist()}
    apart = lambda curve, other: summary(abs(numpy.array(curve) - numpy.array(curves[other])))
    return {"arch": options.arch, "size": options.size, "batch_size": options.batch_size, "steps": options.steps,
            "images": distinct, "torch": torch.__version__,
            "reloaded": {name: summary(values) for name, values in found.items()},
            "free_running_loss_difference": {
                name: {other: apart(curve, other) for other in ("PyTorch, 1 thread", "float64") if other != name}
                for name, curve in curves.items()},
            "curves": curves}


STYLES = {"PyTorch, 1 thread": ("#c2410c", "7 4"), "2 threads": ("#6b7280", "2 3"), "float64": ("#15803d", "10 3 2 3"),
          "Osteon": ("#0b62b8", "none")}


def write_svg(file, curves):
    values = [value for curve in curves.values() for value in curve]
    low, high, last = 0, max(values) * 1.05, max(map(len, curves.values()))
    x = lambda step: LEFT + (WIDTH - LEFT - RIGHT) * (step - 1) / max(last - 1, 1)
    y = lambda value: HEIGHT - BOTTOM - (HEIGHT - TOP - BOTTOM) * (value - low) / (high - low)
    svg = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" width="{WIDTH}" height="{HEIGHT}" '
           'role="img" font-family="Helvetica, Arial, sans-serif" font-size="14" fill="#1f2933">',
           "<title>Training loss over steps</title>", f'<rect width="{WIDTH}" height="{HEIGHT}" rx="8" fill="#ffffff"/>']
    for i in range(5):
        value = high * i / 4
        svg.append(f'<line x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y(value):.1f}" y2="{y(value):.1f}" stroke="#d5dae0"/>')
        svg.append(text(LEFT - 10, y(value) + 5, f"{value:.2f}", "end"))
    for step in range(1, last + 1, max(last // 10, 1)):
        svg.append(text(x(step), HEIGHT - BOTTOM + 21, step))
    svg.append(text((LEFT + WIDTH - RIGHT) / 2, HEIGHT - 12, "step"))
    for i, (name, curve) in enumerate(curves.items()):
        colour, dash = STYLES[name]
        points = " ".join(f"{x(step + 1):.1f},{y(value):.1f}" for step, value in enumerate(curve))
        svg.append(f'<polyline points="{points}" fill="none" stroke="{colour}" stroke-width="2" stroke-dasharray="{dash}"/>')
        left = LEFT + (0, 0.3, 0.54, 0.78)[i] * (WIDTH - LEFT - RIGHT)
        svg.append(f'<line x1="{left}" x2="{left + 34}" y1="28" y2="28" stroke="{colour}" stroke-width="3" '
                   f'stroke-dasharray="{dash}"/>')
        svg.append(text(left + 42, 33, name, "start"))
    file.write_text("\n".join([*svg, "</svg>"]) + "\n", encoding="utf-8")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--images", type=pathlib.Path, required=True, metavar="DIR")
    parser.add_argument("--program", type=pathlib.Path,
                        default=pathlib.Path(__file__).parent.parent / "build" / "bin" / "tests" / "training_steps")
    parser.add_argument("--arch", default="resnet50")
    parser.add_argument("--size", type=int, default=64, help="side of the images in pixels")
    parser.add_argument("--batch-size", type=int, default=16)
    parser.add_argument("--steps", type=int, default=50)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--json", type=pathlib.Path, metavar="FILE")
    parser.add_argument("--svg", type=pathlib.Path, metavar="FILE")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        result = compare(options, pathlib.Path(folder))
    print(json.dumps({key: value for key, value in result.items() if key != "curves"}, indent=2))
    if options.json:
        options.json.write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")
    if options.svg:
        write_svg(options.svg, result["curves"])


if __name__ == "__main__":
    main()
