"""The figures of chapter 8: three optimizers on one function, and the factor of the learning rate."""

import subprocess

import svg


def run(programs, argument):
    done = subprocess.run([programs / "examples/book/08_training", argument], capture_output=True, text=True, check=True)
    return [line.split() for line in done.stdout.splitlines()]


def paths(rows):
    names = ("sgd", "momentum", "adam")
    pieces = []
    for i, name in enumerate(names):
        left = 20 + 236 * i
        pieces.append(svg.text(left + 104, 24, f"{name}, 30 steps", 14))
        pieces.append(svg.box(left, 36, 208, 208))

        def place(p0, p1, left=left):
            return left + 70 + 115 * p0, 140 - 48 * p1

        pieces.append(svg.line(left, 140, left + 208, 140, width=0.75))
        pieces.append(svg.line(left + 70, 36, left + 70, 244, width=0.75))
        points = [place(float(p0), float(p1)) for which, p0, p1 in rows if which == name]
        pieces.append(svg.polyline(points, svg.COLOURS[i], 1.5))
        pieces += [svg.circle(x, y, 2.5, svg.COLOURS[i], svg.COLOURS[i]) for x, y in points]
        pieces.append(svg.text(left + 206, 134, "p0", 13, "end"))
        pieces.append(svg.text(left + 64, 52, "p1", 13, "end"))
    title = "Paths of gradient descent, momentum and Adam from (1, 1) to the minimum at (0, 0)"
    return svg.document(720, 256, title, pieces)


def schedule(rows):
    left, right, top, bottom = 60, 690, 24, 190
    points = [(left + (right - left) * float(s) / 200, bottom - (bottom - top) * float(f)) for s, f in rows]
    pieces = [svg.line(left, bottom, right, bottom), svg.line(left, top, left, bottom)]
    pieces.append(svg.polyline(points, svg.COLOURS[0]))
    for step in (0, 20, 110, 200):
        x = left + (right - left) * step / 200
        pieces += [svg.line(x, bottom, x, bottom + 5), svg.text(x, bottom + 21, str(step), 13)]
    for factor in (0, 0.5, 1):
        y = bottom - (bottom - top) * factor
        pieces += [svg.line(left - 5, y, left, y), svg.text(left - 10, y + 5, svg.number(factor), 13, "end")]
    pieces.append(svg.text((left + right) / 2, bottom + 42, "step", 13))
    pieces.append(svg.text(right, top + 12, "factor of the learning rate", 13, "end"))
    return svg.document(720, 240, "Factor of the learning rate over 200 steps", pieces)


def draw(programs):
    return {
        "08-paths.svg": paths(run(programs, "paths")),
        "08-schedule.svg": schedule(run(programs, "schedule")),
    }
