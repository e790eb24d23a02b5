"""Figures of chapter 10: the ROC curve of ten studies, and reliability before and after a temperature."""

import re
import subprocess

import svg


def roc(printed):
    points = [(0, 0)]
    for tp, fp in re.findall(r"threshold \S+ +tp (\d+) +fp (\d+)", printed):
        points.append((int(fp), int(tp)))
    negatives, positives = points[-1]
    left, bottom, cell = 150, 300, 60

    def place(point):
        return left + cell * point[0], bottom - cell * point[1]

    pieces = []
    for x in range(negatives + 1):
        pieces.append(svg.line(left + cell * x, bottom, left + cell * x, bottom - cell * positives, width=0.5))
        pieces.append(svg.text(left + cell * x, bottom + 20, f"{x}/{negatives}", 13))
    for y in range(positives + 1):
        pieces.append(svg.line(left, bottom - cell * y, left + cell * negatives, bottom - cell * y, width=0.5))
        pieces.append(svg.text(left - 10, bottom - cell * y + 5, f"{y}/{positives}", 13, "end"))
    # The pairs in which the positive is above, and the two halves of the tied one.
    for before, after in zip(points, points[1:]):
        for x in range(before[0], after[0]):
            for y in range(before[1]):
                pieces.append(svg.text(left + cell * (x + 0.5), bottom - cell * (y + 0.5) + 5, "1", 15, colour=svg.COLOURS[0]))
            for y in range(before[1], after[1]):
                pieces.append(svg.text(left + cell * (x + 0.72), bottom - cell * (y + 0.28) + 5, "1/2", 13, colour=svg.COLOURS[1]))
    pieces.append(svg.polyline([place(point) for point in points], svg.COLOURS[0], 3))
    pieces.append(svg.text(left + cell * negatives / 2, bottom + 44, "1 - specificity: share of the negatives above the threshold"))
    pieces.append(svg.text(20, 30, "sensitivity: share of the positives above the threshold", anchor="start"))
    return svg.document(720, 360, "The ROC curve of ten studies, and the pairs under it", pieces)


def reliability(printed):
    pieces = []
    blocks = re.split(r"temperature ", printed)[1:]
    for number, block in enumerate(blocks):
        temperature = block.split()[0]
        ece = re.search(r"ece (\S+)", block).group(1)
        bins = [tuple(map(float, row)) for row in re.findall(r"^ +(\d+) (\S+) (\S+)$", block, re.M)]
        left, bottom, size = 70 + 345 * number, 310, 250

        def place(x, y):
            return left + size * x, bottom - size * y

        pieces.append(svg.box(left, bottom - size, size, size, radius=0))
        pieces.append(svg.line(*place(0, 0), *place(1, 1), dashes="5 4"))
        for tick in (0, 0.5, 1):
            pieces.append(svg.text(left + size * tick, bottom + 20, svg.number(tick), 13))
            pieces.append(svg.text(left - 8, bottom - size * tick + 5, svg.number(tick), 13, "end"))
        for _, mean, share in bins:
            pieces.append(svg.line(*place(mean, mean), *place(mean, share), svg.COLOURS[1], 1.5))
            pieces.append(svg.circle(*place(mean, share), 4, svg.COLOURS[0], svg.COLOURS[0]))
        pieces.append(svg.text(left + size / 2, bottom - size - 14, f"T = {temperature}, ECE {ece}", 15))
        pieces.append(svg.text(left + size / 2, bottom + 42, "mean probability of a bin"))
    pieces.append(svg.text(20, 22, "share of positives in the bin", anchor="start"))
    return svg.document(720, 370, "Reliability before and after the temperature", pieces)


def draw(programs):
    printed = subprocess.run([programs / "examples/book/10_evaluation"], check=True, capture_output=True, text=True).stdout
    return {"10-roc.svg": roc(printed), "10-reliability.svg": reliability(printed)}
