"""Pieces of SVG for the figures of the book: readable on light and dark ground, the same bytes for the same numbers."""

from html import escape

GREY = "#808080"
# Told apart by people who confuse red and green (Okabe and Ito, 2008), and seen on white and on black.
COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7")


def number(x):
    return f"{x:.2f}".rstrip("0").rstrip(".")


def line(x1, y1, x2, y2, colour=GREY, width=1.5, dashes=None):
    dashed = f' stroke-dasharray="{dashes}"' if dashes else ""
    ends = " ".join(f'{name}="{number(value)}"' for name, value in (("x1", x1), ("y1", y1), ("x2", x2), ("y2", y2)))
    return f'<line {ends} stroke="{colour}" stroke-width="{width}"{dashed}/>'


def arrow(x1, y1, x2, y2, colour=GREY):
    """A line with a head at its end; document() defines the head."""
    return line(x1, y1, x2, y2, colour).replace("/>", ' marker-end="url(#head)"/>')


def polyline(points, colour=GREY, width=2):
    joined = " ".join(f"{number(x)},{number(y)}" for x, y in points)
    return f'<polyline points="{joined}" fill="none" stroke="{colour}" stroke-width="{width}"/>'


def box(x, y, width, height, colour=GREY, fill="none", radius=4):
    sides = " ".join(
        f'{name}="{number(value)}"' for name, value in (("x", x), ("y", y), ("width", width), ("height", height))
    )
    return f'<rect {sides} rx="{radius}" fill="{fill}" stroke="{colour}" stroke-width="1.5"/>'


def circle(x, y, radius, colour=GREY, fill="none"):
    return f'<circle cx="{number(x)}" cy="{number(y)}" r="{number(radius)}" fill="{fill}" stroke="{colour}" stroke-width="1.5"/>'


def text(x, y, words, size=14, anchor="middle", colour=GREY, weight="normal"):
    return (
        f'<text x="{number(x)}" y="{number(y)}" font-size="{size}" text-anchor="{anchor}" fill="{colour}" '
        f'font-weight="{weight}">{escape(words)}</text>'
    )


def document(width, height, title, pieces):
    """The whole file; the title is what a screen reader says."""
    head = (
        '<marker id="head" viewBox="0 0 10 10" refX="9" refY="5" markerWidth="7" markerHeight="7" orient="auto">'
        f'<path d="M0 0 L10 5 L0 10 z" fill="{GREY}"/></marker>'
    )
    opening = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}" '
        f'font-family="sans-serif" role="img"><title>{escape(title)}</title><defs>{head}</defs>'
    )
    return "\n".join([opening, *pieces, "</svg>"]) + "\n"
