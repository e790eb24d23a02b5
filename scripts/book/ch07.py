"""The figures of chapter 7: the size of a signal in a deep stack, and a dense block in one buffer."""

import math
import subprocess

import svg


def depths(rows):
    left, right, top, bottom = 70, 590, 20, 220
    low, high = -10, 6  # powers of ten

    def place(layer, square):
        exponent = math.log10(square)
        return left + (right - left) * layer / 30, bottom - (bottom - top) * (exponent - low) / (high - low)

    pieces = [svg.line(left, bottom, right, bottom), svg.line(left, top, left, bottom)]
    for exponent in (-8, -4, 0, 4):
        _, y = place(0, 10.0**exponent)
        pieces += [svg.line(left - 5, y, left, y), svg.text(left - 10, y + 5, f"1e{exponent}", 13, "end")]
    for layer in (0, 10, 20, 30):
        x, _ = place(layer, 1)
        pieces += [svg.line(x, bottom, x, bottom + 5), svg.text(x, bottom + 21, str(layer), 13)]
    for i, gain in enumerate(("1", "2", "3")):
        squares = [float(square) for which, square in rows if which == gain]
        points = [place(0, 1), *(place(n, square) for n, square in enumerate(squares, 1))]
        pieces.append(svg.polyline(points, svg.COLOURS[i]))
        x, y = points[-1]
        pieces.append(svg.text(x + 8, y + 5, f"variance {gain} / n", 13, "start", svg.COLOURS[i]))
    pieces.append(svg.text((left + right) / 2, bottom + 42, "layers of relu(W x)", 13))
    pieces.append(svg.text(left + 12, top + 6, "mean square of the elements", 13, "start"))
    return svg.document(720, 270, "Mean square of a signal over 30 layers for three variances of the weights", pieces)


def dense():
    unit, height, layers = 26, 24, 4  # width of the new channels of a layer
    start = 4 * unit
    pieces = [svg.text(20, 20, "concatenation: each layer writes a new tensor", 14, "start")]
    y = 32
    for i in range(layers + 1):
        pieces.append(svg.box(20, y, start, height, svg.COLOURS[0]))
        pieces.append(svg.text(20 + start / 2, y + 17, "x", 13))
        for j in range(i):
            pieces.append(svg.box(20 + start + unit * j, y, unit, height, svg.COLOURS[1] if j == i - 1 else svg.COLOURS[0]))
            pieces.append(svg.text(20 + start + unit * (j + 0.5), y + 17, str(j + 1), 13))
        pieces.append(svg.text(20 + start + unit * i + 8, y + 17, f"y{i}", 13, "start"))
        y += height + 8
    left = 380
    pieces.append(svg.text(left, 20, "one buffer: each layer writes its slice", 14, "start"))
    pieces.append(svg.box(left, 32, start, height, svg.COLOURS[0]))
    pieces.append(svg.text(left + start / 2, 49, "x", 13))
    for j in range(layers):
        pieces.append(svg.box(left + start + unit * j, 32, unit, height, svg.COLOURS[1]))
        pieces.append(svg.text(left + start + unit * (j + 0.5), 49, str(j + 1), 13))
        below = 80 + 32 * j
        end = left + start + unit * j
        pieces.append(svg.line(left, below, end - 4, below))
        pieces.append(svg.text(left, below - 6, f"layer {j + 1} reads", 13, "start"))
        pieces.append(svg.arrow(end - 4, below, end + unit / 2, 60, svg.COLOURS[1]))
    return svg.document(720, 200, "A dense block of four layers, with concatenation and in one buffer", pieces)


def draw(programs):
    done = subprocess.run([programs / "examples/book/07_architectures", "depth"], capture_output=True, text=True, check=True)
    return {
        "07-depth.svg": depths([line.split() for line in done.stdout.splitlines()]),
        "07-dense-block.svg": dense(),
    }
