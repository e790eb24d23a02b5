"""Chapter 2: the graph of the program 02_gradient, with the value and the gradient at each node."""

import re
import subprocess

import svg

# Name, text of the op, centre of the box. A constant has no gradient.
NODES = {
    "w": ("leaf", 52, 70),
    "x": ("constant 2", 52, 190),
    "b": ("leaf", 158, 300),
    "p": ("w x", 158, 130),
    "z": ("p + b", 264, 215),
    "s": ("sigmoid(z)", 366, 215),
    "q": ("s p", 468, 130),
    "t": ("constant 1", 468, 300),
    "e": ("q - t", 568, 215),
    "L": ("e e", 668, 215),
}
EDGES = ["wp", "xp", "pz", "bz", "zs", "sq", "pq", "qe", "te"]
HALF_WIDTH, HALF_HEIGHT = 42, 36
VALUE, GRADIENT = svg.COLOURS[0], svg.COLOURS[1]


def numbers(programs):
    text = subprocess.run([programs / "examples/book/02_gradient"], capture_output=True, text=True, check=True).stdout
    found = re.findall(r"^(\w) +value +(\S+) +gradient +(\S+)$", text, re.MULTILINE)
    return {name: (value, gradient) for name, value, gradient in found}


def edge(start, end):
    """From the right side of a box to the left side of the next, at the height of its middle."""
    (_, x1, y1), (_, x2, y2) = NODES[start], NODES[end]
    lift = max(-24, min(24, (y1 - y2) / 4))
    return svg.arrow(x1 + HALF_WIDTH, y1, x2 - HALF_WIDTH, y2 + lift)


def draw(programs):
    known = numbers(programs)
    pieces = [
        svg.text(12, 22, "value (forward, from left to right)", anchor="start", colour=VALUE),
        svg.text(300, 22, "gradient of L (backward, from right to left)", anchor="start", colour=GRADIENT),
    ]
    pieces += [edge(*pair) for pair in EDGES]
    # e is both factors of its own square.
    (_, x1, y), (_, x2, _) = NODES["e"], NODES["L"]
    pieces += [svg.arrow(x1 + HALF_WIDTH, y + dy, x2 - HALF_WIDTH, y + dy) for dy in (-8, 8)]
    for name, (op, x, y) in NODES.items():
        pieces.append(svg.box(x - HALF_WIDTH, y - HALF_HEIGHT, 2 * HALF_WIDTH, 2 * HALF_HEIGHT))
        pieces.append(svg.text(x, y - 19, name, size=14, weight="bold"))
        pieces.append(svg.text(x, y - 4, op if name not in known or op == "leaf" else "= " + op, size=12))
        if name in known:
            value, gradient = known[name]
            pieces.append(svg.text(x, y + 12, value, size=13, colour=VALUE))
            pieces.append(svg.text(x, y + 28, gradient, size=13, colour=GRADIENT))
    return {"gradient-graph.svg": svg.document(720, 350, "The graph of L = (sigmoid(w x + b) w x - t)^2", pieces)}
