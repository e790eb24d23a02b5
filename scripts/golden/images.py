#!/usr/bin/env python3
"""Writes tests/golden/images: tiny PNG and JPEG files of every kind, and images.json with their
grey levels. Files named warned_* have a fault that does not concern the pixels.

    pip install pillow numpy
    python scripts/golden/images.py

The PNG files are written here, because Pillow writes few of the kinds that it reads. Expected levels
are Pillow's convert("L"), except that 16-bit levels v are round(v / 257) before the luma is taken,
where Pillow cuts off the low byte (or, for grey, everything above 255).
"""

import io
import json
import pathlib
import struct
import zlib

import numpy as np
from PIL import Image, ImageOps

FOLDER = pathlib.Path(__file__).resolve().parents[2] / "tests/golden/images"
HEIGHT, WIDTH = 9, 13
CHANNELS = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}  # by PNG colour type
ADAM7 = [(0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2)]


def chunk(kind, data):
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def pack_rows(pixels, depth):
    """[h, w, channels] -> a list of rows of bytes."""
    height = pixels.shape[0]
    flat = pixels.reshape(height, -1)
    if depth == 16:
        return [row.astype(">u2").tobytes() for row in flat]
    if depth == 8:
        return [row.astype(np.uint8).tobytes() for row in flat]
    bits = (flat[:, :, None] >> np.arange(depth - 1, -1, -1)) & 1
    return [np.packbits(row.reshape(-1).astype(np.uint8)).tobytes() for row in bits]


def filter_rows(rows, step):
    """Filters each row with the next of the five filter types; `step` is the bytes of a pixel."""
    data, above = b"", bytes(len(rows[0]))
    for number, row in enumerate(rows):
        kind, line = number % 5, bytearray()
        for i, value in enumerate(row):
            left = row[i - step] if i >= step else 0
            up, corner = above[i], above[i - step] if i >= step else 0
            nearest = min((left, up, corner), key=lambda c: abs(left + up - corner - c))
            line.append((value - (0, left, up, (left + up) // 2, nearest)[kind]) & 255)
        data += bytes([kind]) + bytes(line)
        above = row
    return data


def png(pixels, colour_type, depth, interlaced=False, palette=None, extra=b"", splits=1):
    height, width = pixels.shape[:2]
    step = max(1, CHANNELS[colour_type] * depth // 8)
    if interlaced:
        raw = b""
        for x, y, step_x, step_y in ADAM7:
            part = pixels[y::step_y, x::step_x]
            if part.size:
                raw += filter_rows(pack_rows(part, depth), step)
    else:
        raw = filter_rows(pack_rows(pixels, depth), step)
    data = zlib.compress(raw, 9)
    file = b"\x89PNG\r\n\x1a\n"
    file += chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, depth, colour_type, 0, 0, interlaced))
    if palette is not None:
        file += chunk(b"PLTE", palette.astype(np.uint8).tobytes())
    file += extra
    for part in range(splits):
        file += chunk(b"IDAT", data[len(data) * part // splits : len(data) * (part + 1) // splits])
    return file + chunk(b"IEND", b"")


def luma(rgb):
    return (rgb.astype(np.int64) @ [19595, 38470, 7471] + 0x8000) >> 16


def pngs(random):
    """Yields (name, file, expected or None: as Pillow says)."""
    for colour_type, depths in {0: (1, 2, 4, 8, 16), 2: (8, 16), 3: (1, 2, 4, 8), 4: (8, 16), 6: (8, 16)}.items():
        for depth in depths:
            for interlaced in (False, True):
                shape = (HEIGHT, WIDTH, CHANNELS[colour_type])
                pixels = random.integers(0, 2**depth, shape)
                palette = random.integers(0, 256, (2**depth, 3)) if colour_type == 3 else None
                expected = None
                if depth == 16:
                    levels = (pixels + 128) // 257  # round(v / 257)
                    colours = 1 if colour_type in (0, 4) else 3
                    expected = levels[..., 0] if colours == 1 else luma(levels[..., :3])
                kind = {0: "grey", 2: "rgb", 3: "palette", 4: "grey_alpha", 6: "rgba"}[colour_type]
                name = f"{kind}{depth}{'_interlaced' if interlaced else ''}.png"
                yield name, png(pixels, colour_type, depth, interlaced, palette), expected
    pixels = random.integers(0, 5, (HEIGHT, WIDTH, 1))
    palette = random.integers(0, 256, (5, 3))
    yield "palette_transparent.png", png(pixels, 3, 8, palette=palette, extra=chunk(b"tRNS", b"\x00\x80")), None
    yield "text_and_three_parts.png", png(pixels, 0, 8, extra=chunk(b"tEXt", b"Title\0bone"), splits=3), None
    yield "first_part_empty.png", png(pixels, 0, 8, extra=chunk(b"IDAT", b"")), None
    colours = random.integers(0, 256, (HEIGHT, WIDTH, 3))
    yield "rgb8_suggested_palette.png", png(colours, 2, 8, palette=palette), None
    transparent = chunk(b"tRNS", struct.pack(">3H", *colours[3, 4]))
    yield "rgb8_transparent_colour.png", png(colours, 2, 8, extra=transparent), None
    yield "one_pixel.png", png(np.full((1, 1, 1), 77), 0, 8), None
    yield "one_pixel_interlaced.png", png(np.full((1, 1, 1), 78), 0, 8, interlaced=True), None
    for orientation in range(1, 9):
        order = b"II" if orientation % 2 else b"MM"
        turned = chunk(b"eXIf", exif(orientation, order)[6:])
        yield f"exif_{orientation}.png", png(pixels, 0, 8, extra=turned), None
    yield "exif_6_with_jpegs_prefix.png", png(pixels, 0, 8, extra=chunk(b"eXIf", exif(6, b"MM"))), None
    grey = png(pixels, 0, 8)
    yield "exif_8_behind.png", grey[:-12] + chunk(b"eXIf", exif(8, b"II")[6:]) + grey[-12:], None
    yield from faulty_pngs(pixels, palette, grey)
    yield "refused_no_palette.png", png(pixels, 3, 8), "refused"
    short = png(pixels[:-1], 0, 8)  # one row fewer than in the header
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", WIDTH, HEIGHT, 8, 0, 0, 0, 0))
    yield "refused_row_missing.png", short[:8] + header + short[8 + len(header) :], "refused"
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", WIDTH, HEIGHT - 2, 8, 0, 0, 0, 0))
    yield "warned_surplus_row.png", short[:8] + header + short[8 + len(header) :], None
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", 2**31 - 1, 2**31 - 1, 8, 0, 0, 0, 0))
    yield "refused_too_large.png", short[:8] + header + short[8 + len(header) :], "refused"


def faulty_pngs(pixels, palette, grey):
    """What Pillow reads all the same, and what it does not."""
    outside = pixels.copy()
    outside[3, 4] = 5
    yield "warned_colour_outside_palette.png", png(outside, 3, 8, palette=palette), None
    yield "warned_unknown_critical_chunk.png", png(pixels, 0, 8, extra=chunk(b"BONE", b"")), None
    start = grey.index(b"IDAT")
    data = grey[start + 4 : -16]
    raw = zlib.decompress(data)

    def with_data(data):
        return grey[: start - 4] + chunk(b"IDAT", data) + grey[-12:]

    yield "warned_surplus_byte.png", with_data(zlib.compress(raw + b"x")), None
    yield "warned_surplus_much.png", with_data(zlib.compress(raw * 300)), None
    yield "warned_no_adler.png", with_data(data[:-4]), None
    yield "warned_no_end.png", grey[:-12], None
    yield "warned_half_end.png", grey[:-6], None
    yield "warned_no_end_no_crc.png", grey[:-16], None
    yield "warned_crc_of_data.png", grey[:-16] + b"abcd" + grey[-12:], None
    yield "warned_crc_behind.png", grey[:-12] + chunk(b"tEXt", b"a\0b")[:-1] + b"x" + grey[-12:], None
    yield "warned_critical_behind.png", grey[:-12] + chunk(b"BONE", b"") + grey[-12:], None
    yield "warned_data_behind.png", grey[:-12] + chunk(b"tEXt", b"a\0b") + chunk(b"IDAT", b"x") + grey[-12:], None
    yield "refused_adler.png", with_data(data[:-1] + bytes([data[-1] ^ 1])), "refused"
    yield "refused_data_in_two_places.png", with_data(data[:20])[:-12] + chunk(b"tEXt", b"a\0b") \
        + chunk(b"IDAT", data[20:]) + grey[-12:], "refused"
    text = chunk(b"tEXt", b"a\0b")[:-1] + b"x"
    yield "refused_crc_before.png", png(pixels, 0, 8, extra=text), "refused"


def jpeg(picture, **options):
    file = io.BytesIO()
    picture.save(file, "JPEG", **{"quality": 90, **options})
    return file.getvalue()


TIFF_INTEGERS = {1: "B", 3: "H", 4: "I", 6: "b", 8: "h", 9: "i"}  # BYTE, SHORT, LONG, signed


def exif(orientation, byte_order, kind=3):
    order = "<" if byte_order == b"II" else ">"
    entries = struct.pack(order + "HHI4s", 0x010F, 2, 4, b"abc\0")
    field = struct.pack(order + TIFF_INTEGERS[kind], orientation)
    entries += struct.pack(order + "HHI4s", 0x0112, kind, 1, field)
    header = byte_order + struct.pack(order + "HI", 42, 8)
    return b"Exif\0\0" + header + struct.pack(order + "H", 2) + entries + bytes(4)


def jpegs():
    """Yields (name, file, expected or None: as Pillow says)."""
    y, x = np.mgrid[: HEIGHT * 2, : WIDTH * 2]
    red, green, blue = 9 * y + 3 * x, 255 - 9 * x, 40 + ((x + y) // 5 % 2) * 160
    colour = Image.fromarray(np.stack([red, green, blue], -1).clip(0, 255).astype(np.uint8))
    yield "grey.jpg", jpeg(colour.convert("L")), None
    yield "colour_444.jpg", jpeg(colour, subsampling=0), None
    yield "colour_420.jpg", jpeg(colour, subsampling=2), None
    yield "colour_progressive.jpg", jpeg(colour, progressive=True), None
    yield "grey_restarts.jpg", jpeg(colour.convert("L"), restart_marker_blocks=1), None
    for orientation in range(0, 10):
        order = b"II" if orientation % 2 else b"MM"
        segment = exif(orientation, order)
        yield f"exif_{orientation}.jpg", jpeg(colour.convert("L"), exif=segment), None
    yield "exif_cut_short.jpg", jpeg(colour.convert("L"), exif=exif(6, b"MM")[:-10]), "unturned"
    turned = Image.open(io.BytesIO(jpeg(colour.convert("L"), exif=exif(6, b"II"))))
    turned = np.asarray(ImageOps.exif_transpose(turned)).astype(np.int64)
    for kind in TIFF_INTEGERS:  # Pillow turns by each type but BYTE, which TIFF 6.0 permits, too
        for order in (b"II", b"MM"):
            segment = exif(6, order, kind)
            yield f"exif_6_type_{kind}_{order.decode()}.jpg", jpeg(colour.convert("L"), exif=segment), turned
    cmyk = jpeg(Image.fromarray(np.stack([red, green, blue, x * 5], -1).clip(0, 255).astype(np.uint8), "CMYK"))
    yield "cmyk.jpg", cmyk, None
    transform = cmyk.index(b"Adobe") + 11
    yield "ycck.jpg", cmyk[:transform] + b"\2" + cmyk[transform + 1 :], None
    yield "cmyk_without_adobe.jpg", cmyk[: transform - 15] + cmyk[transform + 1 :], None
    grey = jpeg(colour.convert("L"))
    version = grey.index(b"JFIF") + 5
    yield "warned_jfif_2.jpg", grey[:version] + b"\2\1" + grey[version + 2 :], None
    yield "extraneous_1.jpg", grey[:-2] + b"\x55" + grey[-2:], None
    yield "warned_extraneous_50.jpg", grey[:-2] + b"\x55" * 50 + grey[-2:], None
    table = grey.index(b"\xff\xdb")
    yield "warned_between_markers.jpg", grey[:table] + b"abc" + grey[table:], None
    restarts = jpeg(colour.convert("L"), restart_marker_blocks=1)
    yield "warned_restart_number.jpg", restarts.replace(b"\xff\xd3", b"\xff\xd4"), None
    yield "refused_half.jpg", grey[: -len(grey) // 8], "refused"
    yield "refused_half_with_end.jpg", grey[: -len(grey) // 8] + b"\xff\xd9", "refused"


def main():
    FOLDER.mkdir(parents=True, exist_ok=True)
    random = np.random.default_rng(0)
    golden = {}
    for name, file, expected in [*pngs(random), *jpegs()]:
        (FOLDER / name).write_bytes(file)
        if isinstance(expected, str) and expected == "refused":
            golden[name] = "refused"
            continue
        picture = Image.open(io.BytesIO(file))
        if expected is None:
            picture = ImageOps.exif_transpose(picture)
        grey = np.asarray(picture.convert("L")).astype(np.int64)
        if isinstance(expected, np.ndarray):
            if picture.mode in ("RGB", "RGBA", "LA"):  # not I;16, which convert("L") clips
                assert np.abs(grey - expected).max() <= 1, name
            grey = expected
        golden[name] = [row.astype(np.uint8).tobytes().hex() for row in grey]
    path = FOLDER / "images.json"
    path.write_text(json.dumps(golden, indent=1) + "\n")
    total = sum(file.stat().st_size for file in FOLDER.iterdir())
    print(f"{FOLDER}: {len(golden)} images, {total} bytes")


if __name__ == "__main__":
    main()
