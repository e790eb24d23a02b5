"""The figure of chapter 9: the pixels of an output image, at their places in the input image."""

import subprocess

import svg

SIZE = 9


def warp(matrix):
    unit, left, top = 26, 250, 30

    def place(x, y):
        return left + unit * x, top + unit * y

    pieces = []
    for row in range(SIZE):
        for column in range(SIZE):
            x, y = place(column, row)
            pieces.append(svg.box(x - unit / 2, y - unit / 2, unit, unit, radius=0))
    points = {}
    for row in range(SIZE):
        for column in range(SIZE):
            x = matrix[0] * column + matrix[1] * row + matrix[2]
            y = matrix[3] * column + matrix[4] * row + matrix[5]
            points[row, column] = place(x, y)
    for (row, column), (x, y) in points.items():
        for other in ((row, column + 1), (row + 1, column)):
            if other in points:
                pieces.append(svg.line(x, y, *points[other], svg.COLOURS[0], 0.75))
        pieces.append(svg.circle(x, y, 3, svg.COLOURS[0], svg.COLOURS[0]))
    x, y = points[0, 0]
    pieces.append(svg.circle(x, y, 6, svg.COLOURS[1], svg.COLOURS[1]))
    pieces.append(svg.text(20, 60, "grey squares: input pixels", 14, "start"))
    pieces.append(svg.text(20, 84, "dots: output pixels", 14, "start", svg.COLOURS[0]))
    pieces.append(svg.text(20, 108, "large dot: output (0, 0)", 14, "start", svg.COLOURS[1]))
    return svg.document(720, 290, "Output pixels at their places in the input image, mirrored and rotated", pieces)


def draw(programs):
    done = subprocess.run([programs / "examples/book/09_data", "matrix"], capture_output=True, text=True, check=True)
    return {"09-warp.svg": warp([float(number) for number in done.stdout.split()])}
