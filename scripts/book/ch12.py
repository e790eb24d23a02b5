"""Figure of chapter 12: what four processes hold during a sum by halving and doubling."""

import re
import subprocess

import svg

FILLS = {"1": "none", "2": "rgba(0,114,178,0.12)", "4": "rgba(0,114,178,0.35)"}
STEPS = ("start", "halves, distance 1", "quarters, distance 2", "quarters, distance 2", "halves, distance 1")


def draw(programs):
    printed = subprocess.run([programs / "examples/book/12_exchange"], check=True, capture_output=True, text=True).stdout
    rounds = [[process.split() for process in row.split("|")] for row in re.findall(r"after round \d: (.+)", printed)]
    cell, left, top, apart = 30, 180, 50, 136
    pieces = [svg.text(left + apart * p + 2 * cell, 30, f"process {p}") for p in range(4)]
    for number, row in enumerate(rounds):
        y = top + 52 * number
        pieces.append(svg.text(10, y + 20, STEPS[number], 14, "start"))
        for p, elements in enumerate(row):
            x = left + apart * p
            for i, summands in enumerate(elements):
                pieces.append(svg.box(x + cell * i, y, cell, cell, fill=FILLS[summands], radius=0))
                pieces.append(svg.text(x + cell * (i + 0.5), y + 20, summands, 14))
    pieces.append(svg.text(10, top + 52 * len(rounds) + 14, "A number is how many processes' values an element is the sum of.", 14, "start"))
    return {"12-exchange.svg": svg.document(720, top + 52 * len(rounds) + 30, "Halving and doubling with four processes", pieces)}
