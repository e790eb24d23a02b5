"""Writes tests/golden/metrics.json: classifier figures computed by scikit-learn, for metrics_test.

    pip install numpy scipy scikit-learn
    python scripts/golden/metrics.py

The file holds lists. "outcomes": labels and probabilities as they stand, with thresholds and
figures. "generated": the same for samples too many to store, which metrics_test generates with
the integer recurrence of `generate`. "studies": images with study, patient, part, label and
probability, and the figures per image and per study, overall and for each part. A figure that is
undefined is null.
"""

import warnings

import numpy as np
from scipy.optimize import brentq
from scipy.special import expit
from scipy.stats import binomtest
from sklearn import metrics as sk
from sklearn.calibration import calibration_curve

from json_cases import write_cases

FIGURES = ("accuracy", "precision", "recall", "specificity", "f1", "auroc", "average_precision",
           "kappa", "brier", "ece")
CALIBRATION_BINS = 15


def calibration_error(labels, probabilities):
    share, mean = calibration_curve(labels, probabilities, n_bins=CALIBRATION_BINS)
    edges = np.linspace(0, 1, CALIBRATION_BINS + 1)
    counts = np.bincount(np.searchsorted(edges[1:-1], probabilities))
    return np.sum(counts[counts > 0] * np.abs(share - mean)) / len(labels)


def figures(labels, probabilities, threshold):
    """The figures of metrics.json from scikit-learn; None where they are undefined."""
    labels, probabilities = np.asarray(labels, int), np.asarray(probabilities, float)
    n, positives = len(labels), int(labels.sum())
    result = {"n": n, "positives": positives}
    result.update(dict.fromkeys(FIGURES))
    result["confusion"] = dict(tn=0, fp=0, fn=0, tp=0)
    if n == 0:
        return result
    decisions = (probabilities >= threshold).astype(int)
    undefined = {"zero_division": np.nan}
    values = {
        "accuracy": sk.accuracy_score(labels, decisions),
        "precision": sk.precision_score(labels, decisions, **undefined),
        "recall": sk.recall_score(labels, decisions, **undefined),
        "specificity": sk.recall_score(labels, decisions, pos_label=0, **undefined),
        "f1": sk.f1_score(labels, decisions, **undefined),
        "kappa": sk.cohen_kappa_score(labels, decisions, labels=[0, 1]),
        "brier": sk.brier_score_loss(labels, probabilities, pos_label=1),
        "ece": calibration_error(labels, probabilities),
    }
    if 0 < positives < n:
        values["auroc"] = sk.roc_auc_score(labels, probabilities)
    if positives > 0:
        values["average_precision"] = sk.average_precision_score(labels, probabilities)
    result.update({name: float(v) for name, v in values.items() if not np.isnan(v)})
    confusion = sk.confusion_matrix(labels, decisions, labels=[0, 1]).ravel()
    result["confusion"] = dict(zip(("tn", "fp", "fn", "tp"), map(int, confusion)))
    return result


def outcome_cases():
    """(name, labels, probabilities, thresholds)"""
    random = np.random.default_rng(20240607)

    def drawn(n, prevalence, sharpness):
        labels = (random.random(n) < prevalence).astype(int)
        scores = random.normal(size=n) + sharpness * (2 * labels - 1)
        return labels, 1 / (1 + np.exp(-scores))

    few = [0.0, 0.25, 0.5, 0.75, 1.0]
    yield "empty", [], [], [0.5]
    yield "one negative, right", [0], [0.2], [0.5]
    yield "one negative, wrong", [0], [0.9], [0.5]
    yield "one positive, right", [1], [0.5], [0.5]
    yield "one positive, wrong", [1], [0.3], [0.5]
    yield "two of each, at the ends", [0, 1, 0, 1], [0.0, 1.0, 1.0, 0.0], few
    yield "negatives only", [0] * 9, random.random(9), few
    yield "positives only", [1] * 9, random.random(9), few
    yield "perfect", [0] * 8 + [1] * 5, np.linspace(0.02, 0.98, 13), few
    yield "inverted", [1] * 8 + [0] * 5, np.linspace(0.02, 0.98, 13), few
    yield "all tied", [0, 1, 1, 0, 1], [0.5] * 5, few
    tied = [0.1, 0.1, 0.4, 0.4, 0.4, 0.7, 0.7]
    yield "tied across classes", [0, 1, 0, 1, 1, 0, 1], tied, [0.4, 0.41]
    yield "neighbouring doubles", [0, 0, 1, 1], np.nextafter(0.5, [0, 0, 1, 1]), [0.5]
    yield "certain and right", [0, 1, 0, 1, 1], [0.0, 1.0, 0.0, 1.0, 1.0], few
    # Bin edges that k / 15 and numpy's k * (1 / 15) round alike, so that the bin is unambiguous.
    edges = np.linspace(0, 1, CALIBRATION_BINS + 1)
    edges = edges[edges == np.arange(CALIBRATION_BINS + 1) / CALIBRATION_BINS]
    around = np.concatenate([edges, np.nextafter(edges, 0), np.clip(np.nextafter(edges, 1), 0, 1)])
    yield "bin edges", np.arange(len(around)) % 3 % 2, around, few
    for levels in (2, 3, 5, 11):
        labels, probabilities = drawn(60, 0.4, 0.5)
        rounded = np.round(probabilities * (levels - 1)) / (levels - 1)
        yield f"rounded to {levels} levels", labels, rounded, few
    for n, prevalence, sharpness in ((2, 0.5, 0.0), (3, 0.5, 0.3), (10, 0.3, 1.0), (50, 0.05, 1.0),
                                     (100, 0.95, 0.7), (300, 0.5, 0.0), (300, 0.4, -1.0)):
        yield f"{n} drawn", *drawn(n, prevalence, sharpness), [0.1, 0.5, 0.9]


def generate(seed, n, levels):
    """n samples: k drawn by x -> (1103515245 x + 12345) mod 2^31, probability k / levels, and a
    label that a noisy k decides."""
    labels, probabilities, x = [], [], seed

    def draw():
        nonlocal x
        x = (1103515245 * x + 12345) % 2**31
        return x >> 8

    for _ in range(n):
        k = draw() % (levels + 1)
        labels.append(int((k + draw() % levels) % (2 * levels) > levels))
        probabilities.append(k / levels)
    return labels, probabilities


def study_case(seed, patients, parts):
    """Images of patients with one to three studies per part and 1 to 11 views per study, shuffled."""
    random = np.random.default_rng(seed)
    rows = []
    for patient in range(patients):
        for part in random.permutation(parts)[: random.integers(1, len(parts) + 1)]:
            for number in range(1, random.integers(2, 5)):
                label = int(random.random() < 0.4)
                # Patients share study names, as in MURA: only patient, part and name together identify a study.
                for _ in range(random.integers(1, 12)):
                    score = random.normal() + 0.8 * (2 * label - 1)
                    probability = round(float(1 / (1 + np.exp(-score))), 3)
                    rows.append([f"study{number}", f"patient{patient}", str(part), label,
                                 probability])
    return [rows[i] for i in random.permutation(len(rows))]


def study_figures(rows, threshold):
    groups = {}
    for study, patient, part, label, probability in rows:
        groups.setdefault((study, patient, part, label), []).append(probability)
    images = [(part, label, probability) for _, _, part, label, probability in rows]
    studies = [(key[2], key[3], np.mean(values)) for key, values in groups.items()]
    views = sorted({len(values) for values in groups.values()})

    def both(chosen):
        result = {}
        for level, items in (("image", images), ("study", studies)):
            items = [item for item in items if chosen(item[0])]
            result[level] = figures([i[1] for i in items], [i[2] for i in items], threshold)
        return result

    parts = sorted({row[2] for row in rows} - {""})
    result = both(lambda part: True)
    result["parts"] = {name: both(lambda part, name=name: part == name) for name in parts}
    return result, views


MASK = (1 << 64) - 1


def philox(key, counter):
    """One Philox4x32-10 block, as base/random.h."""
    c, k = list(counter), [key & 0xFFFFFFFF, key >> 32]
    for _ in range(10):
        a, b = c[0] * 0xD2511F53, c[2] * 0xCD9E8D57
        c = [(b >> 32) ^ c[1] ^ k[0], b & 0xFFFFFFFF, (a >> 32) ^ c[3] ^ k[1], a & 0xFFFFFFFF]
        k = [(k[0] + 0x9E3779B9) & 0xFFFFFFFF, (k[1] + 0xBB67AE85) & 0xFFFFFFFF]
    return c


def hash_name(name):
    """64-bit FNV-1a."""
    value = 0xCBF29CE484222325
    for byte in name.encode():
        value = (value ^ byte) * 0x100000001B3 & MASK
    return value


def draw_patients(patients, seed, group, draw):
    """The count of each patient in a draw, as in eval/bootstrap.h."""
    stream = hash_name(group)
    mixed = philox(seed ^ hash_name("bootstrap"), [stream & 0xFFFFFFFF, stream >> 32, 0, 0])
    key, counts, words, block = mixed[0] | mixed[1] << 32, np.zeros(patients, int), [], 0
    while counts.sum() < patients:
        if not words:
            words = philox(key, [block, 0, draw, 0])
            block += 1
        number = words.pop(0) << 32 | words.pop(0)
        if number >= (1 << 64) % patients:
            counts[number % patients] += 1
    return counts


def intervals(draws):
    """95 % interval of each figure over its draws; None if more than one draw in twenty leaves it undefined."""
    result = {}
    for name in FIGURES:
        values = [draw[name] for draw in draws if draw[name] is not None]
        if 20 * (len(draws) - len(values)) <= len(draws):
            result[name] = [float(v) for v in np.percentile(values, [2.5, 97.5])]
        else:
            result[name] = None
    return result


def bootstrap_case(seed, patients, parts, threshold, draws):
    """Intervals of one model, and of its difference from a second one, overall and for each part."""
    rows = study_case(seed, patients, parts)
    random = np.random.default_rng(seed + 1000)
    second = [round(float(np.clip(row[4] + random.normal() * 0.2, 0, 1)), 3) for row in rows]

    def levels(chosen):
        """Labels, patient and both probabilities of images and of studies."""
        images = [(r[1], r[3], r[4], q) for r, q in zip(rows, second) if chosen(r[2])]
        groups = {}
        for r, q in zip(rows, second):
            if chosen(r[2]):
                groups.setdefault((r[0], r[1], r[2], r[3]), []).append((r[4], q))
        studies = [(key[1], key[3], *np.mean(values, axis=0)) for key, values in groups.items()]
        return {"image": images, "study": studies}

    def group(name, chosen):
        result = {}
        for level, items in levels(chosen).items():
            names = sorted({item[0] for item in items})
            owner = np.array([names.index(item[0]) for item in items])
            labels = np.array([item[1] for item in items])
            first, other = (np.array([item[k] for item in items]) for k in (2, 3))
            one, differences = [], []
            for draw in range(draws):
                repeat = draw_patients(len(names), seed, name, draw)[owner]
                a, b = (figures(np.repeat(labels, repeat), np.repeat(p, repeat), threshold)
                        for p in (first, other))
                one.append(a)
                differences.append({f: None if a[f] is None or b[f] is None else a[f] - b[f]
                                    for f in FIGURES})
            result[level] = {"ci95": intervals(one) | {"ece": None}, "difference": intervals(differences)}
        return result

    expected = {"": group("", lambda part: True)}
    for name in sorted({row[2] for row in rows} - {""}):
        expected[name] = group(name, lambda part, name=name: part == name)
    return {"seed": seed, "draws": draws, "threshold": threshold, "rows": rows, "second": second,
            "expected": expected}


def choose(labels, probabilities, rule):
    fpr, tpr, thresholds = sk.roc_curve(labels, probabilities, drop_intermediate=False)
    if rule == "youden":
        best = np.argmax(tpr[1:] - fpr[1:]) + 1
    else:
        best = np.argmax([sk.f1_score(labels, probabilities >= t) for t in thresholds[1:]]) + 1
    below = thresholds[best + 1] if best + 1 < len(thresholds) else 0
    return float((thresholds[best] + below) / 2)


def threshold_cases():
    random = np.random.default_rng(20240608)
    for n, levels in ((5, 4), (20, 10), (80, 1000), (300, 20)):
        labels = np.arange(n) % 3 % 2
        scores = expit(random.normal(size=n) + labels - 0.4)
        probabilities = np.round(scores * levels) / levels
        yield {"labels": labels.tolist(), "probabilities": probabilities.tolist(),
               "youden": choose(labels, probabilities, "youden"),
               "f1": choose(labels, probabilities, "f1")}


def temperature_cases():
    random = np.random.default_rng(20240609)
    for n, scale in ((6, 1.0), (40, 4.0), (200, 0.3), (200, 12.0)):
        labels = np.arange(n) % 2
        logits = scale * (random.normal(size=n) + 0.7 * (2 * labels - 1))
        root = brentq(lambda b: np.sum((expit(b * logits) - labels) * logits), 0.01, 100,
                      xtol=1e-15, rtol=1e-14)
        yield {"labels": labels.tolist(), "logits": logits.tolist(), "temperature": 1 / root}


def main():
    warnings.simplefilter("ignore")  # scikit-learn warns of each undefined figure
    golden = {"outcomes": [], "generated": [], "studies": []}
    for name, labels, probabilities, thresholds in outcome_cases():
        expected = [dict(threshold=t, **figures(labels, probabilities, t)) for t in thresholds]
        golden["outcomes"].append({"name": name, "labels": [int(i) for i in labels],
                                   "probabilities": [float(p) for p in probabilities],
                                   "expected": expected})
    for seed, n, levels in ((1, 1000, 7), (2, 20011, 1000), (3, 200000, 1000003)):
        expected = dict(threshold=0.5, **figures(*generate(seed, n, levels), 0.5))
        golden["generated"].append({"seed": seed, "n": n, "levels": levels, "expected": expected})
    for name, seed, patients, parts, threshold in (
            ("one part", 11, 12, ["XR_WRIST"], 0.5),
            ("three parts", 12, 14, ["XR_WRIST", "XR_ELBOW", "XR_HAND"], 0.45),
            ("some without a part", 13, 8, ["", "XR_HAND"], 0.5),
            ("no part at all", 14, 6, [""], 0.6)):
        rows = study_case(seed, patients, parts)
        expected, views = study_figures(rows, threshold)
        print(f"{name}: {len(rows)} images, views per study {views}")
        golden["studies"].append({"name": name, "threshold": threshold, "rows": rows,
                                  "expected": expected})
    golden["bootstrap"] = [bootstrap_case(21, 9, ["XR_WRIST", "XR_ELBOW"], 0.5, 200),
                           bootstrap_case(22, 25, ["", "XR_HAND"], 0.45, 120)]
    golden["thresholds"] = list(threshold_cases())
    golden["temperatures"] = list(temperature_cases())
    golden["mcnemar"] = [{"first": a, "second": b,
                          "p_value": float(binomtest(a, a + b).pvalue) if a + b else 1.0}
                         for a, b in ((0, 0), (1, 0), (3, 3), (2, 9), (10, 25), (150, 100),
                                      (900, 1000), (4, 1200))]
    write_cases("metrics.json", golden)


if __name__ == "__main__":
    main()
