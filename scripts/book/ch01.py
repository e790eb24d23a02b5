"""Chapter 1: an image of 2 x 3 pixels with 2 channels and its elements in memory, as the program 01_tensor prints them."""

import subprocess

import svg

LEFT, CELL, PIXEL = 96, 50, 76
ROWS, COLUMNS = 2, 3


def coloured(digits):
    """The last digit of an element is its channel."""
    return svg.COLOURS[int(digits[-1])]


def draw(programs):
    text = subprocess.run([programs / "examples/book/01_tensor"], capture_output=True, text=True, check=True).stdout
    lines = {words[0]: words[1:] for words in map(str.split, text.splitlines()) if words and words[0] in ("NHWC", "NCHW")}
    pieces = [svg.text(LEFT, 24, "image [1,2,3,2]: an element is named h w c", anchor="start")]
    for h in range(ROWS):
        for w in range(COLUMNS):
            x, y = LEFT + w * PIXEL, 40 + h * 50
            pieces.append(svg.box(x, y, PIXEL, 50, radius=0))
            for c in range(2):
                name = f"{h}{w}{c}"
                pieces.append(svg.text(x + PIXEL / 2, y + 20 + 20 * c, name, colour=coloured(name)))
    pieces.append(svg.text(LEFT + 3 * PIXEL + 24, 72, "channel 0", anchor="start", colour=svg.COLOURS[0]))
    pieces.append(svg.text(LEFT + 3 * PIXEL + 24, 94, "channel 1", anchor="start", colour=svg.COLOURS[1]))
    for line, (name, top) in enumerate((("NHWC", 180), ("NCHW", 254))):
        pieces.append(svg.text(LEFT - 14, top + 25, name, anchor="end", weight="bold"))
        for i, element in enumerate(lines[name]):
            x = LEFT + i * CELL
            pieces.append(svg.box(x, top, CELL, 38, radius=0))
            pieces.append(svg.text(x + CELL / 2, top + 24, element, colour=coloured(element)))
            if line == 0:
                pieces.append(svg.text(x + CELL / 2, top - 8, str(i), size=12))
    pieces.append(svg.text(LEFT - 14, 172, "position", size=12, anchor="end"))
    return {"layout.svg": svg.document(720, 310, "An image in memory, as NHWC and as NCHW", pieces)}
