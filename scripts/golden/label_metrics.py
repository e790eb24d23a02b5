"""Writes tests/golden/label_metrics.json: figures of several labels and of predicted numbers by scikit-learn, and
losses with their gradients by PyTorch, for label_metrics_test, number_metrics_test and task_losses_test.

    pip install numpy scikit-learn torch
    python scripts/golden/label_metrics.py

"labels": truths (-1 is unknown) and probabilities [n, labels], thresholds, how often each outcome counts, and the
figures. "numbers": labels, predictions, counts and figures; the limits of agreement by numpy from the outcomes repeated.
"losses": outputs, labels and weights of each task, the loss and its gradient. A figure that is undefined is missing.
"""

import warnings

import numpy as np
import torch
from sklearn import metrics as sk
from torch.nn import functional as F

from json_cases import write_cases


def binary_figures(truths, probabilities, threshold, counts):
    if not len(truths):
        return {"n": 0, "positives": 0}
    decisions, weighted = (probabilities >= threshold).astype(int), {"sample_weight": counts}
    tn, fp, fn, tp = sk.confusion_matrix(truths, decisions, labels=[0, 1], **weighted).astype(int).ravel().tolist()
    figures = {"n": tn + fp + fn + tp, "positives": fn + tp}
    figures["accuracy"] = sk.accuracy_score(truths, decisions, **weighted)
    for name, numerator, denominator in (("precision", tp, tp + fp), ("recall", tp, tp + fn),
                                         ("specificity", tn, tn + fp), ("f1", 2 * tp, 2 * tp + fp + fn)):
        if denominator:
            figures[name] = numerator / denominator
    if 0 < figures["positives"] < figures["n"]:
        figures["auroc"] = sk.roc_auc_score(truths, probabilities, **weighted)
    if figures["positives"]:
        figures["average_precision"] = sk.average_precision_score(truths, probabilities, **weighted)
    return figures


def label_figures(truths, probabilities, thresholds, counts):
    per_label = []
    for k in range(truths.shape[1]):
        known = (truths[:, k] >= 0) & (counts > 0)
        per_label.append(binary_figures(truths[known, k], probabilities[known, k], thresholds[k], counts[known]))
    both = [each for each in per_label if "auroc" in each]
    overall = {f"macro_{name}": float(np.mean([each[name] for each in both]))
               for name in ("auroc", "average_precision") if both}
    return {"n": int(counts.sum()), "overall": overall, "labels": per_label}


def label_cases():
    """(name, truths, probabilities, thresholds, counts)"""
    random = np.random.default_rng(20261128)

    def drawn(n, labels, unknown=0.0, levels=None):
        truths = (random.random((n, labels)) < np.linspace(0.2, 0.7, labels)).astype(int)
        probabilities = np.clip(0.5 + 0.25 * random.normal(size=truths.shape) + 0.2 * (truths - 0.5), 0, 1)
        if levels:
            probabilities = np.round(probabilities * levels) / levels
        truths[random.random(truths.shape) < unknown] = -1
        return truths, probabilities, random.uniform(0.3, 0.7, labels)

    yield "two labels", *drawn(30, 2), None
    yield "one label", *drawn(25, 1), None
    yield "fourteen labels, some unknown", *drawn(120, 14, 0.3), None
    yield "ties", *drawn(60, 4, 0.1, levels=5), None
    yield "counts", *drawn(60, 3, 0.2), random.integers(0, 4, 60)
    truths, probabilities, thresholds = drawn(40, 4, 0.1)
    truths[:, 0], truths[:, 1], truths[:, 2] = 0, 1, -1
    yield "only 0, only 1, only unknown", truths, probabilities, thresholds, None
    yield "all of one answer", np.ones((8, 2), int), drawn(8, 2)[1], np.array([0.5, 0.5]), None


def number_figures(labels, predicted, counts):
    labels, predicted = np.repeat(labels, counts), np.repeat(predicted, counts)
    if not len(labels):
        return {"n": 0}
    difference = predicted - labels
    figures = {"n": len(labels), "mae": sk.mean_absolute_error(labels, predicted),
               "rmse": sk.mean_squared_error(labels, predicted) ** 0.5, "bias": difference.mean()}
    if len(np.unique(labels)) > 1:
        figures["r2"] = sk.r2_score(labels, predicted)
    if len(labels) > 1:
        width = 1.96 * difference.std(ddof=1)
        figures.update(limit_low=difference.mean() - width, limit_high=difference.mean() + width)
    return {name: value if name == "n" else float(value) for name, value in figures.items()}


def number_cases():
    """(name, labels, predictions, counts)"""
    random = np.random.default_rng(20261129)
    months = random.integers(10, 220, 50).astype(float)
    yield "months", months, months + random.normal(3, 12, 50), None
    yield "counts", months, months + random.normal(-2, 8, 50), random.integers(0, 4, 50)
    yield "a small spread around a large mean", 1e6 + months / 100, 1e6 + months / 90, None
    yield "one outcome", np.array([7.0]), np.array([6.5]), None
    yield "one outcome, twice", np.array([7.0, 8.0]), np.array([6.5, 1.0]), np.array([2, 0])
    yield "one label", np.full(6, 3.0), random.normal(3, 1, 6), None
    yield "exact", months, months, None
    yield "no outcomes", months, months, np.zeros(50, int)


def losses():
    """The losses of the tasks on labels, in float64: PyTorch's functions, and their gradients."""
    random = np.random.default_rng(20261130)

    def row(name, labels, outputs, weights, loss, **more):
        x = torch.tensor(outputs, requires_grad=True)
        value = loss(x)
        value.backward()
        return {"task": name, "labels": labels.tolist(), "outputs": outputs.ravel().tolist(), "weights": weights.tolist(),
                "loss": value.item(), "gradient": x.grad.ravel().tolist(), **more}

    n, weights = 12, random.uniform(0.2, 3, 12)
    w = torch.tensor(weights)

    grades = random.integers(0, 4, n)
    above = torch.tensor((grades[:, None] > np.arange(3)).astype(float))
    for share in (0.0, 0.2):
        smooth = above * (1 - share) + share * torch.tensor([0.75, 0.5, 0.25], dtype=torch.float64)
        yield row("ordinal", grades, random.normal(0, 3, (n, 3)), weights, lambda x, t=smooth:
                  F.binary_cross_entropy_with_logits(x, t, weight=w[:, None].expand(-1, 3)), smoothing=share)

    truths = random.integers(-1, 2, (n, 3))
    known = torch.tensor((truths >= 0).astype(float))
    target = torch.tensor(np.maximum(truths, 0).astype(float))
    for policy in ("none", "2.5", "balanced"):
        positive = torch.tensor([{"none": 1.0, "2.5": 2.5}.get(policy, (truths[:, k] == 0).sum() /
                                 max((truths[:, k] == 1).sum(), 1)) for k in range(3)], dtype=torch.float64)
        yield row("multilabel", truths, random.normal(0, 3, (n, 3)), weights, lambda x, p=positive:
                  F.binary_cross_entropy_with_logits(x, target, weight=known * w[:, None], pos_weight=p), policy=policy)

    numbers = random.normal(100, 30, n)
    scaled = torch.tensor((numbers - numbers.mean()) / numbers.std())
    yield row("regression", numbers, random.normal(0, 2, (n, 1)), weights, lambda x:
              (w * F.smooth_l1_loss(x[:, 0], scaled, reduction="none")).mean())


def main():
    warnings.simplefilter("ignore")  # scikit-learn warns of each undefined figure
    golden = {"labels": [], "numbers": [], "losses": list(losses())}
    for name, truths, probabilities, thresholds, counts in label_cases():
        counts = np.ones(len(truths), int) if counts is None else counts
        golden["labels"].append({"name": name, "truths": truths.tolist(), "probabilities": probabilities.tolist(),
                                 "thresholds": thresholds.tolist(), "counts": counts.tolist(),
                                 "expected": label_figures(truths, probabilities, thresholds, counts)})
    for name, labels, predicted, counts in number_cases():
        counts = np.ones(len(labels), int) if counts is None else counts
        golden["numbers"].append({"name": name, "labels": labels.tolist(), "predicted": predicted.tolist(),
                                  "counts": counts.tolist(), "expected": number_figures(labels, predicted, counts)})
    write_cases("label_metrics.json", golden)


if __name__ == "__main__":
    main()
