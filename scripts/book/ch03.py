"""Chapter 3: the error of central differences for each step, as the program 03_an_op prints it."""

import math
import re
import subprocess

import svg

LEFT, RIGHT, TOP, BOTTOM = 80, 690, 40, 330
STEPS, ERRORS = (-10, -1), (-11, 1)  # powers of ten at the ends of the axes
BEST = (("f64", 6.9e-6, svg.COLOURS[0]), ("f32", 5.6e-3, svg.COLOURS[1]))  # the step that the chapter derives


def x_of(step):
    return LEFT + (RIGHT - LEFT) * (math.log10(step) - STEPS[0]) / (STEPS[1] - STEPS[0])


def y_of(error):
    return BOTTOM - (BOTTOM - TOP) * (math.log10(error) - ERRORS[0]) / (ERRORS[1] - ERRORS[0])


def draw(programs):
    text = subprocess.run([programs / "examples/book/03_an_op"], capture_output=True, text=True, check=True).stdout
    rows = [[float(part) for part in line.split()] for line in text.splitlines() if re.match(r"\de-\d+ ", line)]
    pieces = []
    for power in range(STEPS[0], STEPS[1] + 1, 3):
        x = x_of(10.0**power)
        pieces += [svg.line(x, BOTTOM, x, BOTTOM + 6), svg.text(x, BOTTOM + 22, f"1e{power}", size=13)]
    for power in range(ERRORS[0] + 2, ERRORS[1] + 1, 3):
        y = y_of(10.0**power)
        pieces += [svg.line(LEFT - 6, y, LEFT, y), svg.text(LEFT - 10, y + 4, f"1e{power}", size=13, anchor="end")]
    pieces += [svg.line(LEFT, TOP, LEFT, BOTTOM), svg.line(LEFT, BOTTOM, RIGHT, BOTTOM)]
    pieces.append(svg.text((LEFT + RIGHT) / 2, BOTTOM + 44, "step h", size=14))
    pieces.append(svg.text(LEFT - 60, TOP - 18, "relative error of the central difference", size=14, anchor="start"))
    for column, (name, best, colour) in enumerate(BEST, 1):
        points = [(x_of(row[0]), y_of(row[column])) for row in rows if len(row) > column]
        pieces.append(svg.polyline(points, colour))
        pieces += [svg.circle(x, y, 3, colour, colour) for x, y in points]
        pieces.append(svg.line(x_of(best), TOP + 30, x_of(best), BOTTOM, colour, dashes="5 5"))
        pieces.append(svg.text(x_of(best), TOP + 22, f"{name}: derived {best:.1e}", size=13, colour=colour))
    return {"difference-steps.svg": svg.document(720, 385, "Error of central differences against the step", pieces)}
