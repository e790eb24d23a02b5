"""Writes tests/golden/dicom: small DICOM files of every relevant kind, and their grey levels by
pydicom, Pillow and numpy, for dicom_test.

    pip install pydicom numpy pillow imagecodecs        (and Debian's libgdcm-tools for gdcmconv)
    python scripts/golden/dicom.py

Each file contains the name Doe^Jane, so that a test can check that it is never printed. gdcmconv
writes the compressed ones; their grey levels are always those of the image before compression.
"""

import io
import itertools
import json
import pathlib
import shutil
import struct
import subprocess

import imagecodecs
import numpy as np
from PIL import Image
from pydicom import dcmread
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.encaps import encapsulate
from pydicom.pixels import apply_modality_lut, apply_voi_lut
from pydicom.uid import (DeflatedExplicitVRLittleEndian, ExplicitVRBigEndian,
                         ExplicitVRLittleEndian, ImplicitVRLittleEndian, JPEGBaseline8Bit, SecondaryCaptureImageStorage, UID)

FOLDER = pathlib.Path(__file__).resolve().parents[2] / "tests" / "golden" / "dicom"
HEIGHT, WIDTH = 11, 8


def radiograph(low, high):
    """A smooth image with a bright bar and some noise, of integers from low to high."""
    y, x = np.mgrid[0:HEIGHT, 0:WIDTH]
    picture = 0.3 + 0.2 * np.sin(x / 2) * np.cos(y / 3) + 0.4 * (np.abs(x - 4 - y / 8) < 2)
    picture += 0.05 * np.random.default_rng(5).random(picture.shape)
    picture = (picture - picture.min()) / (picture.max() - picture.min())
    return np.round(low + picture * (high - low)).astype(np.int64)


BYTE, TWELVE, SIGNED = radiograph(3, 250), radiograph(100, 3900), radiograph(-1024, 2000)
NINE = radiograph(10, 500)
COLOURS = np.stack([BYTE, BYTE[::-1], BYTE[:, ::-1]], axis=-1).astype(np.uint8)
LUMA = np.array(Image.fromarray(COLOURS).convert("L")).astype(int)
SMOOTH = np.mgrid[0:HEIGHT, 0:WIDTH].sum(axis=0) * 14
SMOOTH_COLOURS = np.stack([SMOOTH, 255 - SMOOTH, SMOOTH // 2 + 90], axis=-1).astype(np.uint8)


def packed(values, bits_allocated):
    """The words of the values, in two's complement if they are negative."""
    return (values & (2**bits_allocated - 1)).astype(f"<u{bits_allocated // 8}").tobytes()


def dataset(pixels, stored_bits, syntax=ExplicitVRLittleEndian, allocated=None, shift=0, **tags):
    data = Dataset()
    data.file_meta = FileMetaDataset()
    data.file_meta.TransferSyntaxUID = syntax
    data.file_meta.MediaStorageSOPClassUID = data.SOPClassUID = SecondaryCaptureImageStorage
    data.file_meta.MediaStorageSOPInstanceUID = data.SOPInstanceUID = "1.2"
    data.PatientName = "Doe^Jane"
    data.Rows, data.Columns = pixels.shape[:2]
    data.SamplesPerPixel, data.PhotometricInterpretation = 1, "MONOCHROME2"
    data.BitsAllocated = allocated or (16 if stored_bits > 8 else 8)
    data.BitsStored, data.HighBit = stored_bits, stored_bits - 1
    data.PixelRepresentation = int(pixels.min() < 0)
    raw = packed(pixels << shift, data.BitsAllocated)
    data.PixelData = raw + b"\0" * (len(raw) % 2)
    data["PixelData"].VR = "OW" if data.BitsAllocated > 8 else "OB"
    for name, value in tags.items():
        setattr(data, name, value)
    return data


def colour(pixels=COLOURS, **tags):
    return dataset(pixels, 8, **{"SamplesPerPixel": 3, "PhotometricInterpretation": "RGB",
                                 "PlanarConfiguration": 0, "PixelData": pixels.tobytes(), **tags})


def lut(values, bits, first=0, representation="US", eight_bit=False):
    """The item of a sequence of lookup tables."""
    item = Dataset()
    item.add_new(0x00283002, representation, [len(values) % 65536, first, bits])
    data = np.asarray(values).astype("u1" if eight_bit else "<u2").tobytes()
    item.add_new(0x00283006, "OW", data)
    return [item]


def file_of(data, implicit=None, big_endian=False):
    if implicit is None:
        implicit = data.file_meta.TransferSyntaxUID == ImplicitVRLittleEndian
    stream = io.BytesIO()
    data.save_as(stream, enforce_file_format=True, implicit_vr=implicit, little_endian=not big_endian)
    return stream.getvalue()


def save(data, name):
    (FOLDER / name).write_bytes(file_of(data))


def converted(source, name, *options):
    subprocess.run(["gdcmconv", *options, FOLDER / source, FOLDER / name], check=True)


def rounded(level):
    return np.floor(255 * level + 0.5).astype(int)


def shown(data, stored=None):
    """The grey levels of a data set as pydicom shows it; `stored` replaces its values."""
    data = dcmread(io.BytesIO(file_of(data)))
    stored = data.pixel_array.astype(int) if stored is None else stored
    padding = np.zeros(stored.shape, bool)
    if "PixelPaddingValue" in data:
        ends = [data.PixelPaddingValue, data.get("PixelPaddingRangeLimit", data.PixelPaddingValue)]
        padding = (stored >= min(ends)) & (stored <= max(ends))
    values = apply_modality_lut(stored, data)
    has_table, has_window = "VOILUTSequence" in data, "WindowWidth" in data
    if has_table:
        descriptor = data.VOILUTSequence[0].LUTDescriptor
        most = 2.0 ** descriptor[2] - 1
        descriptor[2] = 16  # pydicom looks up with 8 bits if the entries have 8
        level = apply_voi_lut(values, data) / most
    elif has_window:
        low, high = apply_voi_lut(np.array([-1e9, 1e9]), data)
        level = (apply_voi_lut(values, data) - low) / (high - low)
    elif data.BitsStored == 8 and data.PixelRepresentation == 0 and not (
            "RescaleSlope" in data or "ModalityLUTSequence" in data):
        level = values / 255
    else:
        inside = values[~padding]
        level = (values - inside.min()) / (inside.max() - inside.min())
    if data.PhotometricInterpretation == "MONOCHROME1" or data.get("PresentationLUTShape") == "INVERSE":
        level = 1 - level
    return np.where(padding, 0, rounded(level))


WINDOW = dict(WindowCenter="1500", WindowWidth="2000")
DEPTHS = {  # the stored values, and the words that hold them
    "u1": (BYTE > 120, 1, 8), "u5": (radiograph(0, 31), 5, 8), "u8": (BYTE, 8, 8), "s8": (radiograph(-128, 127), 8, 8),
    "u8of16": (BYTE, 8, 16), "s7": (radiograph(-60, 60), 7, 8), "u10": (radiograph(0, 1023), 10, 16),
    "u12": (TWELVE, 12, 16), "s12": (radiograph(-2048, 2047), 12, 16), "u16": (radiograph(0, 65535), 16, 16),
    "s16": (radiograph(-32768, 32767), 16, 16)}


def depths():
    """Each depth and sign, with a window of the middle half of its values."""
    for name, (values, bits, allocated) in DEPTHS.items():
        values = values.astype(np.int64)
        window = dict(WindowCenter=str(values.mean().round()), WindowWidth=str(2 ** bits // 2))
        yield name, values, dataset(values, bits, allocated=allocated, **window)


def grey():
    """(name, data set) of grey images whose levels `shown` computes."""
    for name, _, data in depths():
        yield f"depth_{name}", data
    for name, slope, intercept in (("negative", -10, 3000), ("offset", 1, -1024), ("small", 0.01, 0.5)):
        rescale = dict(RescaleSlope=slope, RescaleIntercept=intercept)
        yield f"rescale_u8_{name}", dataset(BYTE, 8, **rescale)
        yield f"rescale_s16_{name}", dataset(SIGNED, 16, **rescale)
        yield f"rescale_u12_{name}_monochrome1", dataset(TWELVE, 12, PhotometricInterpretation="MONOCHROME1", **rescale)
    both = dict(RescaleSlope="1.5", RescaleIntercept="-200")
    yield "rescale_two_windows", dataset(SIGNED, 16, WindowCenter=["700", "100"], WindowWidth=["1800", "50"], **both)
    for function, colours in itertools.product(("LINEAR", "LINEAR_EXACT", "SIGMOID"), ("MONOCHROME1", "MONOCHROME2")):
        yield (f"window_{function.lower()}_{colours.lower()}",
               dataset(TWELVE, 12, VOILUTFunction=function, PhotometricInterpretation=colours, **WINDOW))
    yield "window_linear_1", dataset(TWELVE, 12, WindowCenter="2000", WindowWidth="1")
    unit = dict(RescaleSlope="0.0002442002", RescaleIntercept="0")
    for function in ("LINEAR_EXACT", "SIGMOID"):
        yield (f"window_{function.lower()}_unit",
               dataset(TWELVE, 12, VOILUTFunction=function, WindowCenter="0.5", WindowWidth="0.8", **unit))
    curve = np.round(4095 * (np.arange(512) / 511) ** 2).astype(int)
    narrow = dict(WindowCenter="250", WindowWidth="200")
    for colours, window in itertools.product(("MONOCHROME1", "MONOCHROME2"), ({}, narrow)):
        yield (f"voi_lut_{colours.lower()}{'_beside_window' * bool(window)}",
               dataset(NINE, 9, PhotometricInterpretation=colours, VOILUTSequence=lut(curve, 12), **window))
    yield "voi_lut_8_bit_words", dataset(NINE, 9, VOILUTSequence=lut(curve // 16, 8))
    yield "voi_lut_16_bit_short", dataset(NINE, 9, VOILUTSequence=lut(curve[:300] * 16, 16, first=100))
    yield "voi_lut_signed", dataset(SIGNED, 16, VOILUTSequence=lut(curve[:450] * 4, 14, first=-200, representation="SS"))
    yield ("voi_lut_rescaled", dataset(NINE, 9, VOILUTSequence=lut(curve, 12, first=-256, representation="SS"),
                                       RescaleSlope="1", RescaleIntercept="-256"))
    yield "voi_lut_8_bit_image", dataset(BYTE, 8, VOILUTSequence=lut(np.arange(256)[::-1], 8))
    falling = 65408 - 128 * np.arange(512)
    for window in ({}, dict(WindowCenter="30000", WindowWidth="20000")):
        yield f"modality_lut{'_window' * bool(window)}", dataset(NINE, 9, ModalityLUTSequence=lut(falling, 16), **window)
    yield ("modality_lut_beside_rescale",
           dataset(NINE, 9, ModalityLUTSequence=lut(falling, 16), PhotometricInterpretation="MONOCHROME1",
                   RescaleSlope="2", RescaleIntercept="5"))
    yield "modality_lut_8_bit_image", dataset(BYTE, 8, ModalityLUTSequence=lut(np.arange(256) ** 2, 16))
    yield ("modality_lut_signed", dataset(SIGNED, 16, ModalityLUTSequence=lut(curve[:500] * 16, 16, first=-200, representation="SS"),
                                          VOILUTSequence=lut(curve, 12, first=5000)))

    def padded(values, padding, bits=16, **tags):
        values = values.copy()
        values[:3] = padding
        return dataset(values, bits, PixelPaddingValue=padding, **tags)

    for colours, window in itertools.product(("MONOCHROME1", "MONOCHROME2"), ({}, WINDOW)):
        suffix = f"{colours.lower()}{'_window' * bool(window)}"
        yield f"padding_high_{suffix}", padded(TWELVE, 65535, PhotometricInterpretation=colours, **window)
        yield f"padding_signed_{suffix}", padded(SIGNED, -2000, PhotometricInterpretation=colours, **window)
    yield "padding_zero_u12", padded(TWELVE, 0, bits=12)
    yield "padding_byte", padded(BYTE, 255, bits=8)
    for low, high in ((65000, 65535), (65535, 65000)):
        values = radiograph(100, 3900)
        values[0], values[1] = low, high
        yield f"padding_range_{low}", dataset(values, 16, PixelPaddingValue=low, PixelPaddingRangeLimit=high)
    values = SIGNED.copy()
    values[0], values[1] = -3000, -2500
    yield "padding_range_signed", dataset(values, 16, PixelPaddingValue=-3000, PixelPaddingRangeLimit=-2500)
    for colours, shape in itertools.product(("MONOCHROME1", "MONOCHROME2"), ("IDENTITY", "INVERSE")):
        yield (f"shape_{colours.lower()}_{shape.lower()}",
               dataset(TWELVE, 12, PhotometricInterpretation=colours, PresentationLUTShape=shape))


def bytes_of_grey():
    """(name, file, stored values, data set): the same images as bytes of many forms."""
    plain = dataset(TWELVE, 12, **WINDOW)
    file = file_of(plain)
    implicit = dataset(TWELVE, 12, ImplicitVRLittleEndian, **WINDOW)
    yield "no_preamble", file[132:], plain
    yield "no_preamble_implicit", file_of(implicit)[132:], plain
    body = file.index(b"\x08\x00\x16\x00")
    yield "no_meta", file[body:], plain
    implicit_file = file_of(implicit)
    yield "no_meta_implicit", implicit_file[implicit_file.index(b"\x08\x00\x16\x00"):], plain
    yield "preamble_no_meta", file[:132] + file[body:], plain
    explicit_uid, implicit_uid = b"UI\x14\x001.2.840.10008.1.2.1\0", b"UI\x12\x001.2.840.10008.1.2\0"
    assert explicit_uid in file and implicit_uid in implicit_file
    yield "implicit_called_explicit", implicit_file.replace(implicit_uid, explicit_uid), plain
    yield "explicit_called_implicit", file.replace(explicit_uid, implicit_uid), plain
    for count in (1, 512):
        yield f"zeros_{count}_behind", file + bytes(count), plain
    deflated = file_of(dataset(TWELVE, 12, DeflatedExplicitVRLittleEndian, **WINDOW))
    yield "deflated", deflated, plain
    yield "deflated_zeros_behind", deflated + bytes(7), plain
    for name, values, data in depths():
        if name in ("u8", "u12", "s12", "s16"):
            big = dataset(values, data.BitsStored, ExplicitVRBigEndian, WindowCenter=data.WindowCenter,
                          WindowWidth=data.WindowWidth)
            size = big.BitsAllocated // 8
            big.PixelData = np.frombuffer(big.PixelData, f"<u{size}").astype(f">u{size}").tobytes()
            yield f"big_endian_{name}", file_of(big, implicit=False, big_endian=True), data
    words = dataset(BYTE, 8, ExplicitVRBigEndian)
    words.PixelData = np.frombuffer(words.PixelData, "<u2").astype(">u2").tobytes()
    words["PixelData"].VR = "OW"
    yield "big_endian_u8_words", file_of(words, implicit=False, big_endian=True), dataset(BYTE, 8)
    table = lut(65408 - 128 * np.arange(512), 16)
    yield ("implicit_modality_lut", file_of(dataset(NINE, 9, ImplicitVRLittleEndian, ModalityLUTSequence=table)),
           dataset(NINE, 9, ModalityLUTSequence=table))
    # A table of bytes, two in a word, which pydicom does not read.
    table = np.round(255 * (np.arange(512) / 511) ** 2).astype(int)
    yield ("voi_lut_8_bit_bytes", file_of(dataset(NINE, 9, VOILUTSequence=lut(table, 8, eight_bit=True))),
           dataset(NINE, 9, VOILUTSequence=lut(table, 8)))
    # Values from bit 0 whatever High Bit says (as pydicom reads them), and values up to High Bit.
    yield "high_bit_15_low_values", file_of(dataset(TWELVE, 12, HighBit=15, **WINDOW)), plain
    yield "high_bit_15", file_of(dataset(TWELVE, 12, shift=4, HighBit=15, **WINDOW)), plain
    signed = radiograph(-2048, 2047)
    middle = dict(WindowCenter="0", WindowWidth="2000")
    yield "high_bit_13_signed", file_of(dataset(signed, 12, shift=2, HighBit=13, **middle)), dataset(signed, 12, **middle)
    overlay = dataset(TWELVE, 12, **WINDOW)
    overlay.PixelData = packed(TWELVE | (BYTE % 16 << 12), 16)
    yield "bits_above_high_bit", file_of(overlay), plain
    # Padding uses all bits of the word; pydicom masks it like a value, with 12 bits stored.
    padded = TWELVE.copy()
    padded[:3] = 65535
    yield ("padding_beyond_stored_bits", file_of(dataset(padded, 12, allocated=16, PixelPaddingValue=65535)),
           dataset(padded, 16, PixelPaddingValue=65535))


def colours():
    """(name, file, levels)."""
    rgb = file_of(colour())
    yield "rgb", rgb, LUMA
    planes = dict(PlanarConfiguration=1, PixelData=COLOURS.transpose(2, 0, 1).tobytes())
    yield "rgb_planes", file_of(colour(**planes)), LUMA
    wide = COLOURS.astype("<u2") * 257
    yield "rgb_16_bit", file_of(colour(BitsAllocated=16, BitsStored=16, HighBit=15, PixelData=wide.tobytes())), LUMA
    ybr = np.array(Image.fromarray(SMOOTH_COLOURS).convert("YCbCr"))
    yield "ybr_full", file_of(colour(ybr, PhotometricInterpretation="YBR_FULL")), ybr[..., 0]
    yield ("ybr_full_planes", file_of(colour(ybr, PhotometricInterpretation="YBR_FULL", PlanarConfiguration=1,
                                             PixelData=ybr.transpose(2, 0, 1).tobytes())), ybr[..., 0])
    pairs = ybr.reshape(-1, 2, 3)
    data_422 = np.stack([pairs[:, 0, 0], pairs[:, 1, 0], pairs[:, 0, 1], pairs[:, 0, 2]], axis=-1).tobytes()
    yield "ybr_full_422", file_of(colour(ybr, PhotometricInterpretation="YBR_FULL_422", PixelData=data_422)), ybr[..., 0]
    yield "ybr_full_422_not_subsampled", file_of(colour(ybr, PhotometricInterpretation="YBR_FULL_422")), ybr[..., 0]

    palette = np.random.default_rng(3).integers(0, 256, (256, 3))
    levels = np.array(Image.fromarray(palette[BYTE].astype(np.uint8)).convert("L"))

    def with_palette(entries, bits, first=0, values=BYTE, stored=8):
        data = dataset(values, stored, PhotometricInterpretation="PALETTE COLOR")
        for i in range(3):
            data.add_new(0x00281101 + i, "US", [len(entries) % 65536, first, bits])
            data.add_new(0x00281201 + i, "OW", entries[:, i].tobytes())
        return file_of(data)

    yield "palette_16_bit", with_palette((palette * 256).astype("<u2"), 16), levels
    yield "palette_8_bit", with_palette(palette.astype("u1"), 8), levels
    yield "palette_8_bit_words", with_palette(palette.astype("<u2"), 8), levels
    clipped = palette[np.clip(BYTE - 40, 0, 99)].astype(np.uint8)
    yield ("palette_part", with_palette((palette[:100] * 257).astype("<u2"), 16, first=40),
           np.array(Image.fromarray(clipped).convert("L")))
    wide = with_palette((palette * 256).astype("<u2"), 16, values=BYTE.astype(np.int64), stored=16)
    yield "palette_of_16_bit_image", wide, levels


def jpeg(picture, **options):
    stream = io.BytesIO()
    picture.save(stream, "JPEG", **{"quality": 95, **options})
    return stream.getvalue()


def without_jfif(stream):
    start = stream.index(b"\xff\xe0")
    return stream[:start] + stream[start + 2 + struct.unpack(">H", stream[start + 2:start + 4])[0]:]


def adobe(transform):
    return b"\xff\xee\x00\x0eAdobe\x00\x64\x00\x00\x00\x00" + bytes([transform])


def jpegs():
    """(name, file, levels) of JPEG of 8 bits; the colours are as the stream's markers say."""
    def file(stream, colours, samples=3, syntax=JPEGBaseline8Bit, **tags):
        base = colour() if samples == 3 else dataset(BYTE, 8)
        data = dataset(BYTE, 8, syntax, SamplesPerPixel=samples, PhotometricInterpretation=colours, **tags)
        if samples == 3:
            data.PlanarConfiguration = base.PlanarConfiguration
        data.PixelData = encapsulate([stream])
        return file_of(data)

    def luma(stream):
        return np.array(Image.open(io.BytesIO(stream)).convert("L"))

    picture = Image.fromarray(SMOOTH_COLOURS)
    jfif = jpeg(picture)
    rgb = jpeg(picture, keep_rgb=True)  # has Adobe's marker with transform 0
    adobe_ycc = jfif[:2] + adobe(1) + without_jfif(jfif)[2:]
    plain = without_jfif(jfif)
    for name, stream in (("jfif", jfif), ("adobe_rgb", rgb), ("adobe_ycc", adobe_ycc)):
        for colours in ("RGB", "YBR_FULL_422"):
            yield f"jpeg_{name}_called_{colours.lower()}", file(stream, colours), luma(stream)
    yield "jpeg_plain_ycc", file(plain, "YBR_FULL_422"), luma(plain)
    # No marker: as the header says. The components of `rgb` are renumbered, so that none tells.
    start = rgb.index(b"\xff\xee")
    unnamed = rgb[:start] + rgb[start + 16:]
    for old, new in zip(b"RGB", b"\1\2\3"):
        unnamed = unnamed.replace(bytes([old, 0x11]), bytes([new, 0x11])).replace(bytes([old, 0x00]), bytes([new, 0x00]))
    yield "jpeg_plain_rgb", file(unnamed, "RGB"), luma(rgb)
    grey_stream = jpeg(Image.fromarray(SMOOTH.astype(np.uint8)))
    values = luma(grey_stream).astype(int)
    yield "jpeg_grey", file(grey_stream, "MONOCHROME2", 1), values
    yield "jpeg_grey_progressive", file(jpeg(Image.fromarray(SMOOTH.astype(np.uint8)), progressive=True), "MONOCHROME2", 1,
                                        UID("1.2.840.10008.1.2.4.55")), values
    window = dict(WindowCenter="100", WindowWidth="120", PhotometricInterpretation="MONOCHROME1")
    yield "jpeg_grey_window", file(grey_stream, samples=1, colours="MONOCHROME1", WindowCenter="100", WindowWidth="120"), \
        shown(dataset(values, 8, **window))
    yield "jpeg_grey_called_rgb", file(grey_stream, "RGB"), values


def compressed():
    """(name, options of gdcmconv, the uncompressed file, levels) of depths, signs and colours."""
    codecs = {"rle": ["--rle"], "jpeg_lossless": ["--jpeg"], "jpeg_ls": ["--jpegls"], "jpeg_2000": ["--j2k"]}
    for codec, options in codecs.items():
        for name, values, data in depths():
            if name in ("u8", "s8", "u12", "s12", "u16", "s16"):
                values = np.tile(values, (2, 2))  # GDCM writes no smaller JPEG 2000
                data = dataset(values, data.BitsStored, WindowCenter=data.WindowCenter, WindowWidth=data.WindowWidth)
                data.PhotometricInterpretation = "MONOCHROME1" if name == "u12" else "MONOCHROME2"
                yield f"{codec}_{name}", options, file_of(data), shown(data, values)
        yield f"{codec}_rgb", options, file_of(colour(np.tile(COLOURS, (2, 2, 1)))), np.tile(LUMA, (2, 2))


def bad():
    """(name, file, a part of the message)."""
    nothing = dataset(BYTE, 8)
    del nothing.PixelData
    yield "no_pixels", file_of(nothing), "without an image"
    yield "frames", file_of(dataset(BYTE, 8, NumberOfFrames="3", PixelData=packed(BYTE, 8) * 3)), "3 frames"
    for name, uid in (("video", "1.2.840.10008.1.2.4.102"), ("htj2k", "1.2.840.10008.1.2.4.201")):
        yield name, file_of(dataset(BYTE, 8, UID(uid), PixelData=encapsulate([b"\x00\x01" * 20]))), uid
    yield "short", file_of(dataset(BYTE, 8, Rows=400)), "truncated"
    for name in ("YBR_PARTIAL_422", "HSV"):
        yield name.lower(), file_of(colour(PhotometricInterpretation=name)), name
    yield "no_palette", file_of(dataset(BYTE, 8, PhotometricInterpretation="PALETTE COLOR")), "without a palette"
    yield "grey_of_three", file_of(colour(PhotometricInterpretation="MONOCHROME2")), "3 samples per pixel in MONOCHROME2"
    yield "bits_32", file_of(dataset(BYTE, 8, BitsAllocated=32, BitsStored=32, HighBit=31, PixelData=bytes(4 * BYTE.size))), \
        "32 of 32 bits"
    yield "short_lut", file_of(dataset(TWELVE, 12, VOILUTSequence=short_lut())), "truncated lookup table"
    deflated = file_of(dataset(TWELVE, 12, DeflatedExplicitVRLittleEndian))
    yield "truncated_deflated", deflated[:-20], "truncated"
    yield "truncated", file_of(dataset(BYTE, 8))[:-30], "truncated"
    yield "junk_behind", file_of(dataset(BYTE, 8)) + b"\0\0\0\0junk", "damaged"


def short_lut():
    item = lut(np.arange(100), 12)[0]
    item.LUTDescriptor = [4096, 0, 12]
    return [item]


def main():
    shutil.rmtree(FOLDER, ignore_errors=True)
    FOLDER.mkdir(parents=True)
    expected = {}

    def good(name, file, levels, tolerance=0, warning=""):
        (FOLDER / f"{name}.dcm").write_bytes(file)
        levels = np.asarray(levels).astype(np.uint8)
        row = {"width": levels.shape[1], "levels": levels.tobytes().hex()}
        if tolerance:
            row["tolerance"] = tolerance
        if warning:
            row["warning"] = warning
        expected[f"{name}.dcm"] = row

    for name, data in grey():
        contradiction = name in ("shape_monochrome1_identity", "shape_monochrome2_inverse")
        good(name, file_of(data), shown(data), warning="contradicts" * contradiction)
    for name, file, data in bytes_of_grey():
        good(name, file, shown(data))
    good("slope_0", file_of(dataset(TWELVE, 12, RescaleSlope="0", RescaleIntercept="5")), TWELVE * 0,
         warning="slope of 0")
    good("window_width_0", file_of(dataset(BYTE, 8, WindowCenter="9", WindowWidth="0")), BYTE, warning="width 0")
    good("window_function_unknown", file_of(dataset(TWELVE, 12, VOILUTFunction="CUBIC", **WINDOW)),
         shown(dataset(TWELVE, 12, **WINDOW)), warning="unknown function")
    for name, file, levels in colours():
        good(name, file, levels)
    for name, file, levels in jpegs():
        good(name, file, levels, tolerance=1)  # decoders of JPEG may round differently
    source = FOLDER / "source"
    for name, options, file, levels in compressed():
        source.write_bytes(file)
        good(name, b"", levels)
        converted("source", f"{name}.dcm", *options)
    twelve = dataset(np.tile(TWELVE, (2, 2)), 12, **WINDOW)
    source.write_bytes(file_of(twelve))
    good("jpeg_extended_12", b"", shown(twelve), tolerance=16)  # lossy
    converted("source", "jpeg_extended_12.dcm", "--jpeg", "--lossy", "-q", "100")
    source.unlink()
    high_throughput = encapsulate([imagecodecs.htj2k_encode(twelve.pixel_array)])
    good("htj2k", file_of(dataset(np.tile(TWELVE, (2, 2)), 12, UID("1.2.840.10008.1.2.4.201"),
                                  PixelData=high_throughput, **WINDOW)), shown(twelve))
    refused = {}
    for name, file, message in bad():
        (FOLDER / f"bad_{name}.dcm").write_bytes(file)
        refused[f"bad_{name}.dcm"] = message
    whole = (FOLDER / "jpeg_2000_u12.dcm").read_bytes()
    (FOLDER / "bad_truncated_jpeg2000.dcm").write_bytes(whole[:-60])
    refused["bad_truncated_jpeg2000.dcm"] = "DICOM file"
    table = {"good": expected, "bad": refused}
    (FOLDER / "dicom.json").write_text(json.dumps(table, indent=0) + "\n")
    print(sum(f.stat().st_size for f in FOLDER.iterdir()), "bytes in", len(list(FOLDER.iterdir())),
          "files")


if __name__ == "__main__":
    main()
