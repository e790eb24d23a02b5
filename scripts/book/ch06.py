"""The figures of chapter 6: the sectors that a warp's access touches, and a sum over a warp by shuffles."""

import svg


def coalescing():
    """Eight lanes stand for the 32 of a warp; a box is a number, a frame around eight boxes a sector."""
    cell, left, pieces = 20, 40, []

    def panel(top, title, note, is_touched, is_used):
        pieces.append(svg.text(left, top, title, 15, "start", weight="bold"))
        for sector in range(4):
            for i in range(8):
                x = left + sector * (8 * cell + 8) + i * cell
                index = sector * 8 + i
                fill = svg.COLOURS[1] if is_used(index) else "none"
                pieces.append(svg.box(x, top + 14, cell, cell, svg.GREY, fill, 0))
            if is_touched(sector):
                pieces.append(
                    svg.box(left + sector * (8 * cell + 8) - 3, top + 11, 8 * cell + 6, cell + 6, svg.COLOURS[0])
                )
        pieces.append(svg.text(left, top + 58, note, 14, "start"))

    panel(
        34,
        "Neighbouring lanes read neighbouring numbers",
        "8 lanes, 8 numbers of 4 bytes: 1 sector of 32 bytes moves, 32 bytes are used",
        lambda sector: sector == 1,
        lambda index: 8 <= index < 16,
    )
    panel(
        134,
        "Neighbouring lanes read numbers that lie 8 apart (a row each, here of 8 columns)",
        "four of the lanes, 4 numbers: 4 sectors move, 128 bytes, and 16 bytes are used",
        lambda sector: True,
        lambda index: index % 8 == 2,
    )
    return svg.document(748, 212, "Sectors of memory that the accesses of a warp touch", pieces)


def shuffles():
    values, lanes, pieces = [3, 1, 4, 1, 5, 9, 2, 6], 8, []
    step, left, top, height = 76, 150, 56, 76

    def place(lane, row):
        return left + lane * step, top + row * height

    rows = [values]
    for distance in (4, 2, 1):
        rows.append([rows[-1][lane] + rows[-1][lane ^ distance] for lane in range(lanes)])
    for lane in range(lanes):
        pieces.append(svg.text(place(lane, 0)[0], 26, f"lane {lane}", 14))
    for row, distance in enumerate((4, 2, 1)):
        pieces.append(svg.text(14, top + row * height + height / 2 + 5, f"distance {distance}", 14, "start"))
        for lane in range(lanes):
            x, y = place(lane, row)
            to_x, to_y = place(lane ^ distance, row + 1)
            pieces.append(svg.arrow(x, y + 15, x, to_y - 15))
            pieces.append(svg.arrow(x, y + 15, to_x, to_y - 15, svg.COLOURS[0]))
    for row, numbers in enumerate(rows):
        for lane, value in enumerate(numbers):
            x, y = place(lane, row)
            pieces.append(svg.box(x - 18, y - 14, 36, 28, svg.COLOURS[1]))
            pieces.append(svg.text(x, y + 5, str(value), 14))
    return svg.document(720, 312, "The sum over eight lanes in three shuffles", pieces)


def draw(programs):
    del programs  # both show how the hardware works, not a run
    return {"06-coalescing.svg": coalescing(), "06-shuffles.svg": shuffles()}
