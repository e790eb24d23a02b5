"""The figure of chapter 5: on which paths the loss depends on one input of batch norm."""

import svg


def paths():
    y, pieces = 130, []

    def node(x, at, words, colour=svg.GREY):
        pieces.append(svg.box(x - 42, at - 19, 84, 38, colour))
        pieces.append(svg.text(x, at + 5, words, 15))

    direct, of_mean, of_variance = svg.COLOURS[0], svg.COLOURS[1], svg.COLOURS[2]
    pieces += [
        svg.arrow(92, y, 398, y, direct),
        svg.arrow(76, y - 19, 198, 59, of_mean),
        svg.arrow(282, 55, 402, y - 19, of_mean),
        svg.arrow(76, y + 19, 198, 206, of_variance),
        svg.arrow(282, 206, 402, y + 19, of_variance),
        svg.arrow(240, 69, 240, 186, svg.GREY),
        svg.arrow(482, y, 518, y),
        svg.arrow(602, y, 632, y),
    ]
    node(50, y, "x[k]")
    node(240, 50, "mean", of_mean)
    node(240, 205, "variance", of_variance)
    node(440, y, "all x^[i]")
    node(560, y, "all y[i]")
    node(674, y, "L")
    pieces += [
        svg.text(330, y - 8, "r, to x^[k] only", 14, colour=direct),
        svg.text(112, 72, "1/M", 14, "end", of_mean),
        svg.text(352, 72, "-r", 14, "start", of_mean),
        svg.text(20, 236, "2 (x[k] - mean) / M", 14, "start", of_variance),
        svg.text(346, 214, "-(x[i] - mean) r r r / 2", 14, "start", of_variance),
        svg.text(250, 170, "0", 14, "start"),
    ]
    return svg.document(720, 250, "The three paths from an input of batch norm to the loss", pieces)


def draw(programs):
    del programs  # shows a structure, not a run
    return {"05-paths.svg": paths()}
