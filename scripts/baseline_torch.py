#!/usr/bin/env python3
"""Trains PyTorch on the split of one of our runs with the recipe of train_mura, for a fair comparison.

    pip install torch torchvision timm pillow numpy scikit-learn safetensors
    train_mura --data DATA --out runs/ours ...
    python3 scripts/baseline_torch.py --manifest runs/ours/manifest.csv --positive Fractured --out runs/torch
    python3 scripts/compare_runs.py --ours runs/ours --against runs/torch

The model is torchvision's or timm's, with one logit, from scratch or from --init; f32, channels last. The recipe is
that of train_mura --augment default --fit stretch --schedule cosine, and with --recipe finetune that of train_mura
--recipe finetune: each step names the file that it follows. Random draws come from other generators, so a run differs
from ours like one with another seed.

OUT gets config.json, log.jsonl (one line per epoch), predictions.csv (the test split) and model.pt (the epoch of
the best validation AUROC, which made the predictions).
"""

import argparse
import copy
import csv
import json
import math
import os
import pathlib
import sys
import time

import timm
import torch
import torchvision
from safetensors import safe_open
from sklearn.metrics import roc_auc_score
from timm.utils import ModelEmaV3
from torch.nn import functional

from baseline_data import SPLITS, augmented_input, grey_levels, load_data, model_input

HEADS = {"resnet18": "fc", "resnet50": "fc", "efficientnet_lite0": "classifier"}
# train/options.cpp, apply_finetune
FINETUNE = {"lr": 3e-4, "head_lr": 3e-3, "weight_decay": 0.05, "weight_decay_norm": 0.0, "freeze": 1, "ema": 0.998,
            "jitter": 0.2, "erase": 0.25, "loss_smoothing": 0.05}


# --- the recipe -------------------------------------------------------------------------------------------------


def weighted_loss(data, logits, indices, smoothing=0.0):
    """eval/binary_task.cpp: the mean over the images of weight times cross entropy with smoothed targets."""
    targets = data.targets[indices] * (1 - smoothing) + smoothing / 2
    return functional.binary_cross_entropy_with_logits(logits, targets, data.weights[indices])


def lr_factor(step, warmup, total):
    """optim/lr_scheduler.h, cosine_with_warmup: linear up to 1, half a cosine down to 0."""
    if step < warmup:
        return (step + 1) / warmup
    return (1 + math.cos(math.pi * (step - warmup) / (total - warmup))) / 2


def make_model(options):
    """The model with one logit. The head of the EfficientNet starts as one of 1,000 outputs: nn/efficientnet.cpp."""
    if options.arch in torchvision.models.list_models():
        model = torchvision.models.get_model(options.arch, weights=None, num_classes=1)
    else:
        model = timm.create_model(f"tf_{options.arch}", num_classes=1)
        torch.nn.init.uniform_(model.classifier.weight, -1 / math.sqrt(1000), 1 / math.sqrt(1000))
    if options.init:
        with safe_open(options.init, "pt") as weights:
            body = {name: weights.get_tensor(name) for name in weights.keys() if not is_head(options.arch, name)}
        missing = model.load_state_dict(body, strict=False).missing_keys
        if not all(is_head(options.arch, name) for name in missing):
            sys.exit(f"{options.init}: not the weights of {options.arch}, whose tensors are {', '.join(missing)}")
    return model.to(memory_format=torch.channels_last)


def is_head(arch, name):
    return name.startswith(f"{HEADS[arch]}.")


def parameter_groups(model, options):
    """train/parameter_groups.cpp: the head has a rate of its own; norms and biases a weight decay of their own."""
    return [{"params": [parameter],
             "base_lr": options.head_lr if is_head(options.arch, name) else options.lr,
             "weight_decay": options.weight_decay if parameter.ndim > 1 else options.weight_decay_norm}
            for name, parameter in model.named_parameters()]


class Training:
    def __init__(self, options, data):
        torch.manual_seed(options.seed)
        self.options, self.data = options, data
        self.train, self.val = data.indices("train"), data.indices("val")
        self.generator = torch.Generator().manual_seed(options.seed)
        self.model = make_model(options)
        self.average = ModelEmaV3(self.model, decay=options.ema, use_warmup=True) if options.ema else None
        optimizer = {"adam": torch.optim.Adam, "adamw": torch.optim.AdamW}[options.optimizer]
        self.optimizer = optimizer(parameter_groups(self.model, options), lr=options.lr)
        steps_per_epoch = math.ceil(len(self.train) / options.batch_size)
        self.total_steps = options.epochs * steps_per_epoch
        self.warmup_steps = min(steps_per_epoch, self.total_steps // 4)
        self.step = self.images_done = 0
        self.best_score, self.best_state = None, None

    def run(self, log):
        self.start = time.monotonic()
        for epoch in range(1, self.options.epochs + 1):
            self.set_modes(trains_body=epoch > self.options.freeze)
            train_loss = self.train_epoch()
            line = {"epoch": epoch, "step": self.step, "split": "val", **self.validate(train_loss), **self.pace()}
            log.write(json.dumps(line) + "\n")
            log.flush()
            print(f"epoch {epoch}/{self.options.epochs}  train loss {train_loss:.4f}  val loss {line['loss']:.4f}  "
                  f"val AUROC {line['auroc']}  ({line['images_per_second']:.1f} images/s)", file=sys.stderr)

    def set_modes(self, trains_body):
        """train/trainer_setup.cpp: while only the head is trained, batch norms keep their statistics."""
        for name, parameter in self.model.named_parameters():
            parameter.requires_grad_(trains_body or is_head(self.options.arch, name))
        self.model.train(trains_body)

    def train_epoch(self):
        order = self.train[torch.randperm(len(self.train), generator=self.generator)]
        loss_sum = images = 0
        for indices in order.split(self.options.batch_size):
            self.images_done += len(indices)
            if len(indices) < 2:  # too small for batch norm
                break
            loss_sum += self.train_step(indices) * len(indices)
            images += len(indices)
        return loss_sum / images

    def train_step(self, indices):
        for group in self.optimizer.param_groups:
            group["lr"] = group["base_lr"] * lr_factor(self.step, self.warmup_steps, self.total_steps)
        logits = self.model(augmented_input(self.data, indices, self.options, self.generator))
        loss = weighted_loss(self.data, logits.flatten(), indices, self.options.loss_smoothing)
        if not torch.isfinite(loss):
            sys.exit(f"the loss is {loss.item()} at step {self.step + 1}; try a lower --lr")
        self.optimizer.zero_grad()
        loss.backward()
        self.optimizer.step()
        self.step += 1
        if self.average:
            self.average.update(self.model, step=self.step)
        return loss.item()

    @torch.no_grad()
    def infer_logits(self, model, indices):
        model.eval()
        return torch.cat([model(model_input(self.data, grey_levels(self.data, batch))).flatten()
                          for batch in indices.split(self.options.batch_size)])

    def validate(self, train_loss):
        """The epoch's figures, of the better of weights and average; keeps those that are the best so far."""
        candidates = [self.model] + ([self.average.module] if self.average else [])
        figures = []
        for model in candidates:
            logits = self.infer_logits(model, self.val)
            loss = weighted_loss(self.data, logits, self.val).item()
            auroc = auroc_of(self.data.targets[self.val], logits)
            figures.append((-loss if auroc is None else auroc, loss, auroc, model))
        score, loss, auroc, model = max(figures, key=lambda each: each[0])
        if self.best_score is None or score > self.best_score:
            self.best_score, self.best_state = score, copy.deepcopy(model.state_dict())
        return {"loss": loss, "train_loss": train_loss, "auroc": auroc, "average": model is not self.model,
                "lr": self.optimizer.param_groups[0]["lr"]}

    def pace(self):
        seconds = time.monotonic() - self.start
        return {"images_per_second": self.images_done / seconds, "seconds": seconds}


def auroc_of(targets, logits):
    """None if there is one class only."""
    return float(roc_auc_score(targets, logits)) if 0 < targets.sum() < len(targets) else None


# --- results ----------------------------------------------------------------------------------------------------


def write_config(options, data):
    config = {name: str(value) if isinstance(value, pathlib.Path) else value for name, value in vars(options).items()}
    config |= {"torch": torch.__version__, "torchvision": torchvision.__version__, "timm": timm.__version__,
               "mean": data.mean, "std": data.std,
               "splits": {split: len(data.indices(split)) for split in SPLITS}}
    (options.out / "config.json").write_text(json.dumps(config, indent=2) + "\n", encoding="utf-8")


def write_predictions(file, data, indices, logits):
    """Writes our predictions.csv; written to a temporary file and renamed, so that the file is complete."""
    beside = file.with_suffix(".partial")
    with open(beside, "w", newline="", encoding="utf-8") as stream:
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow(["path", "study", "patient", "part", "label", "probability"])
        for index, probability in zip(indices.tolist(), torch.sigmoid(logits.double()).tolist()):
            row = data.rows[index]
            writer.writerow([row["name"], row["study"], row["patient"], row["part"], row["target"], probability])
    beside.replace(file)


def evaluate_best(training, data, out):
    """Writes the best epoch's model and predictions, and prints its AUROC; of val if there is no test split."""
    split = "test" if len(data.indices("test")) else "val"
    training.model.load_state_dict(training.best_state)
    torch.save(training.best_state, out / "model.pt")
    indices = data.indices(split)
    logits = training.infer_logits(training.model, indices)
    write_predictions(out / "predictions.csv", data, indices, logits)
    print(f"{split} AUROC {auroc_of(data.targets[indices], logits)} on {len(indices)} images")


def positive_weight(text):
    if text not in ("balanced", "none") and not 0 < float(text) < 1e6:
        raise ValueError
    return text


def parse_options():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--manifest", type=pathlib.Path, required=True, help="manifest.csv of one of our runs")
    parser.add_argument("--positive", required=True, help="the class to predict")
    parser.add_argument("--out", type=pathlib.Path, required=True)
    parser.add_argument("--arch", default="resnet18", choices=list(HEADS))
    parser.add_argument("--init", type=pathlib.Path, help="initial weights as scripts/fetch_weights.sh writes them")
    parser.add_argument("--recipe", choices=["finetune"], help="other defaults: those of train_mura --recipe finetune")
    parser.add_argument("--image-size", type=int, default=160)
    parser.add_argument("--epochs", type=int, default=14)
    parser.add_argument("--batch-size", type=int, default=32)
    parser.add_argument("--optimizer", default="adamw", choices=["adam", "adamw"])
    parser.add_argument("--lr", type=float, default=1e-3)
    parser.add_argument("--head-lr", type=float, help="learning rate of the head; default: --lr")
    parser.add_argument("--weight-decay", type=float, default=1e-2)
    parser.add_argument("--weight-decay-norm", type=float, help="of norms and biases; default: --weight-decay")
    parser.add_argument("--freeze", type=int, default=0, help="epochs at the start that train the head alone")
    parser.add_argument("--ema", type=float, default=0, help="decay of the average of the weights; 0: none")
    parser.add_argument("--jitter", type=float, default=0, help="maximum change of brightness and of contrast")
    parser.add_argument("--erase", type=float, default=0, help="probability of an erased rectangle")
    parser.add_argument("--loss-smoothing", type=float, default=0)
    parser.add_argument("--positive-weight", type=positive_weight, default="balanced",
                        help="balanced, none or a number")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    parser.add_argument("--limit", type=int, default=0, help="maximum images of each split; drawn here, so "
                        "give the manifest of a limited run instead to have the same ones; 0 is all")
    if parser.parse_args().recipe == "finetune":
        parser.set_defaults(**FINETUNE)
    options = parser.parse_args()
    if options.head_lr is None:
        options.head_lr = options.lr
    if options.weight_decay_norm is None:
        options.weight_decay_norm = options.weight_decay
    return options


def main():
    options = parse_options()
    if (options.out / "config.json").exists():
        sys.exit(f"{options.out} already contains a run; choose another --out or remove it")
    torch.set_num_threads(options.threads)
    data = load_data(options)
    options.out.mkdir(parents=True, exist_ok=True)
    write_config(options, data)
    training = Training(options, data)
    with open(options.out / "log.jsonl", "w", encoding="utf-8") as log:
        training.run(log)
    evaluate_best(training, data, options.out)


if __name__ == "__main__":
    main()
