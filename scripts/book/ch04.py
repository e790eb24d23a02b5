"""Chapter 4: the windows of a small image as the rows of a matrix, as the program 04_convolution prints them."""

import re
import subprocess

import svg

CELL = 34
IMAGE, MATRIX = (30, 60), (330, 94)  # left, top
SIDE, PADDING, STRIDE, KERNEL, OUTPUTS = 4, 1, 2, 3, 2
SHOWN = ((0, 1, svg.COLOURS[0]), (1, 0, svg.COLOURS[1]))  # output pixels p, q whose windows are drawn


def cell(x, y, words, colour=svg.GREY):
    return [svg.box(x, y, CELL, CELL, radius=0), svg.text(x + CELL / 2, y + CELL / 2 + 5, words, size=14, colour=colour)]


def frame(x, y, columns, rows, colour):
    return svg.box(x, y, columns * CELL, rows * CELL, colour, radius=2).replace('"1.5"', '"4"')


def draw(programs):
    text = subprocess.run([programs / "examples/book/04_convolution"], capture_output=True, text=True, check=True).stdout
    rows = [line.split() for line in text.splitlines() if re.fullmatch(r"( +\d+){9}", line)]
    left, top = IMAGE
    padded = SIDE + 2 * PADDING
    pieces = [svg.text(left, top - 24, "image with its padding", anchor="start")]
    for i in range(padded * padded):
        h, w = i // padded - PADDING, i % padded - PADDING
        inside = 0 <= h < SIDE and 0 <= w < SIDE
        pieces += cell(left + (w + PADDING) * CELL, top + (h + PADDING) * CELL, str(h * SIDE + w + 1) if inside else "0")
    pieces.append(svg.text(MATRIX[0], top - 24, "X: one row for each output pixel (p, q)", anchor="start"))
    for m, row in enumerate(rows):
        y = MATRIX[1] + m * CELL
        pieces.append(svg.text(MATRIX[0] - 10, y + CELL / 2 + 5, f"({m // OUTPUTS}, {m % OUTPUTS})", anchor="end"))
        for j, value in enumerate(row):
            pieces += cell(MATRIX[0] + j * CELL, y, value)
    for r in range(KERNEL):
        x = MATRIX[0] + (r + 0.5) * KERNEL * CELL
        pieces.append(svg.text(x, MATRIX[1] - 12, f"r = {r}"))
    for p, q, colour in SHOWN:
        pieces.append(frame(left + q * STRIDE * CELL, top + p * STRIDE * CELL, KERNEL, KERNEL, colour))
        pieces.append(frame(MATRIX[0], MATRIX[1] + (p * OUTPUTS + q) * CELL, KERNEL * KERNEL, 1, colour))
    return {"windows.svg": svg.document(720, 290, "Windows of an image as rows of a matrix", pieces)}
