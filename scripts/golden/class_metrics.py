"""Writes tests/golden/class_metrics.json: figures of several classes by scikit-learn, for class_metrics_test.

    pip install numpy scipy scikit-learn
    python scripts/golden/class_metrics.py

"cases": labels, probabilities [n, classes], how often each outcome counts, and the figures. "temperatures": logits,
labels and the temperature of the smallest cross-entropy. A figure that is undefined is null.
"""

import warnings

import numpy as np
from scipy.optimize import brentq
from scipy.special import softmax
from sklearn import metrics as sk

from json_cases import write_cases

CALIBRATION_BINS = 15


def top_calibration_error(right, confidence, weights):
    edges = np.linspace(0, 1, CALIBRATION_BINS + 1)
    bins = np.searchsorted(edges[1:-1], confidence)
    return sum(abs(np.sum((weights * (confidence - right))[bins == b])) for b in np.unique(bins)) / weights.sum()


def class_figures(labels, decisions, probabilities, weights, k):
    is_class, weighted = labels == k, {"sample_weight": weights}
    if not is_class.any():
        return {"support": 0}
    precision, recall, f1, _ = sk.precision_recall_fscore_support(
        labels, decisions, labels=[k], zero_division=np.nan, **weighted)
    figures = {"support": int(weights[is_class].sum()), "precision": precision[0], "recall": recall[0], "f1": f1[0],
               "average_precision": sk.average_precision_score(is_class, probabilities[:, k], **weighted)}
    if not is_class.all():
        figures["auroc"] = sk.roc_auc_score(is_class, probabilities[:, k], **weighted)
    return figures


def figures(labels, probabilities, counts):
    """The figures of eval/class_metrics.h; those that are undefined are missing."""
    kept = counts > 0
    labels, probabilities, counts = labels[kept], probabilities[kept], counts[kept]
    classes = list(range(probabilities.shape[1]))
    decisions, weighted = probabilities.argmax(axis=1), {"sample_weight": counts}
    per_class = [class_figures(labels, decisions, probabilities, counts, k) for k in classes]
    aurocs = [each["auroc"] for each in per_class if "auroc" in each]
    overall = {
        "accuracy": sk.accuracy_score(labels, decisions, **weighted),
        "balanced_accuracy": sk.balanced_accuracy_score(labels, decisions, **weighted),
        "macro_f1": sk.f1_score(labels, decisions, labels=np.unique(labels), average="macro", **weighted),
        "kappa": sk.cohen_kappa_score(labels, decisions, labels=classes, **weighted),
        "log_loss": sk.log_loss(labels, probabilities, labels=classes, **weighted),
        "ece": top_calibration_error(labels == decisions, probabilities.max(axis=1), counts),
        "quadratic_kappa": sk.cohen_kappa_score(labels, decisions, labels=classes, weights="quadratic", **weighted),
        "mae": sk.mean_absolute_error(labels, decisions, **weighted),
    }
    if aurocs:
        overall["macro_auroc"] = np.mean(aurocs)
    confusion = sk.confusion_matrix(labels, decisions, labels=classes, **weighted)
    return {"n": int(counts.sum()), "overall": finite(overall), "classes": [finite(each) for each in per_class],
            "confusion_matrix": confusion.astype(int).tolist()}


def finite(values):
    return {name: value if isinstance(value, int) else float(value)
            for name, value in values.items() if not np.isnan(value)}


def cases():
    """(name, labels, probabilities, counts)"""
    random = np.random.default_rng(20261127)

    def drawn(n, classes, sharpness, levels=None):
        labels = random.integers(0, classes, n)
        logits = random.normal(size=(n, classes)) + sharpness * np.eye(classes)[labels]
        probabilities = softmax(logits, axis=1)
        if levels:  # with ties; the last class takes what is left
            probabilities = np.floor(probabilities * levels) / levels
            probabilities[:, -1] = 1 - probabilities[:, :-1].sum(axis=1)
        return labels, probabilities

    one = np.array([[0.2, 0.5, 0.3]])
    yield "one outcome, right", np.array([1]), one, None
    yield "one outcome, wrong", np.array([2]), one, None
    yield "one class only", np.zeros(6, int), drawn(6, 3, 1.0)[1], None
    yield "two classes", *drawn(40, 2, 0.8), None
    yield "three classes", *drawn(60, 3, 1.0), None
    yield "ten classes", *drawn(300, 10, 2.0), None
    yield "ties", *drawn(80, 4, 0.7, levels=6), None
    yield "all equal", random.integers(0, 4, 20), np.full((20, 4), 0.25), None
    labels, probabilities = drawn(50, 4, 1.0)
    yield "a class without outcomes", np.where(labels == 2, 0, labels), probabilities, None
    yield "a class that is never decided", labels, probabilities * [1, 1, 1, 1e-6] + [[0, 0, 0, 1e-7]], None
    certain = np.eye(3)[random.integers(0, 3, 30)]
    yield "certain, right and wrong", random.integers(0, 3, 30), certain, None
    for name, least in (("weights", 0), ("weights without zeros", 1)):
        yield name, *drawn(70, 5, 1.2), random.integers(least, 4, 70)
    labels = np.array([0, 0, 1, 1, 2])
    yield "weights that leave a class out", labels, drawn(5, 3, 1.0)[1], np.array([2, 1, 0, 0, 1])


def temperature_cases():
    random = np.random.default_rng(20261128)
    for n, classes, scale in ((12, 3, 1.0), (60, 4, 5.0), (200, 7, 0.3)):
        labels = np.arange(n) % classes
        logits = scale * (random.normal(size=(n, classes)) + 0.9 * np.eye(classes)[labels])

        def derivative(b, logits=logits, labels=labels):
            return np.sum((softmax(b * logits, axis=1) - np.eye(logits.shape[1])[labels]) * logits)

        root = brentq(derivative, 0.01, 100, xtol=1e-15, rtol=1e-14)
        yield {"labels": labels.tolist(), "logits": logits.tolist(), "temperature": 1 / root}


def main():
    warnings.simplefilter("ignore")  # scikit-learn warns of each undefined figure
    golden = {"cases": [], "temperatures": list(temperature_cases())}
    for name, labels, probabilities, counts in cases():
        probabilities = probabilities / probabilities.sum(axis=1, keepdims=True)
        counts = np.ones(len(labels), int) if counts is None else counts
        golden["cases"].append({"name": name, "labels": labels.tolist(), "probabilities": probabilities.tolist(),
                                "counts": counts.tolist(), "expected": figures(labels, probabilities, counts)})
    write_cases("class_metrics.json", golden)


if __name__ == "__main__":
    main()
