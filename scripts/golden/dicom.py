"""Writes tests/golden/dicom: small DICOM files of every relevant kind, and their grey levels by
pydicom and numpy, for dicom_test.

    pip install pydicom numpy pillow        (and Debian's libgdcm-tools for gdcmconv)
    python scripts/golden/dicom.py

Each file contains the name Doe^Jane, so that a test can check that it is never printed. gdcmconv
writes the compressed ones; the grey levels are always those of the image before compression.
"""

import io
import json
import pathlib
import shutil
import subprocess

import numpy as np
from PIL import Image
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.encaps import encapsulate
from pydicom.uid import (ExplicitVRLittleEndian, ImplicitVRLittleEndian, JPEGBaseline8Bit,
                         UID, SecondaryCaptureImageStorage)

FOLDER = pathlib.Path(__file__).resolve().parents[2] / "tests" / "golden" / "dicom"
HEIGHT, WIDTH = 22, 17


def radiograph(low, high):
    """A smooth image with a bright bar and some noise, of integers from low to high."""
    y, x = np.mgrid[0:HEIGHT, 0:WIDTH]
    picture = 0.3 + 0.2 * np.sin(x / 4) * np.cos(y / 5) + 0.4 * (np.abs(x - 8 - y / 8) < 3)
    picture += 0.05 * np.random.default_rng(5).random(picture.shape)
    picture = (picture - picture.min()) / (picture.max() - picture.min())
    return np.round(low + picture * (high - low)).astype(np.int64)


def dataset(pixels, stored_bits, syntax=ExplicitVRLittleEndian, **tags):
    data = Dataset()
    data.file_meta = FileMetaDataset()
    data.file_meta.TransferSyntaxUID = syntax
    data.file_meta.MediaStorageSOPClassUID = SecondaryCaptureImageStorage
    data.file_meta.MediaStorageSOPInstanceUID = data.SOPInstanceUID = "1.2.3.4"
    data.SOPClassUID = SecondaryCaptureImageStorage
    data.PatientName, data.PatientID, data.Modality = "Doe^Jane", "4711", "DX"
    data.Rows, data.Columns = HEIGHT, WIDTH
    data.SamplesPerPixel, data.PhotometricInterpretation = 1, "MONOCHROME2"
    wide = stored_bits > 8
    data.BitsAllocated, data.BitsStored, data.HighBit = 16 if wide else 8, stored_bits, stored_bits - 1
    data.PixelRepresentation = int(pixels.min() < 0)
    kind = {(0, 0): np.uint8, (1, 0): np.uint16, (1, 1): np.int16}[wide, data.PixelRepresentation]
    raw = pixels.astype(kind).tobytes()
    data.PixelData = raw + b"\0" * (len(raw) % 2)
    for name, value in tags.items():
        setattr(data, name, value)
    return data


def save(data, name):
    data.save_as(FOLDER / name, enforce_file_format=True,
                 implicit_vr=data.file_meta.TransferSyntaxUID == ImplicitVRLittleEndian,
                 little_endian=True)


def converted(source, name, *options):
    subprocess.run(["gdcmconv", *options, FOLDER / source, FOLDER / name], check=True)


def levels(values, window=None, eight_bit=False, inverted=False):
    values = values.astype(float)
    if window:
        centre, width = window
        level = np.clip((values - (centre - 0.5)) / (width - 1) + 0.5, 0, 1)
    elif eight_bit:
        level = values / 255
    else:
        level = (values - values.min()) / (values.max() - values.min())
    level = 1 - level if inverted else level
    return np.floor(255 * level + 0.5).astype(int)


def main():
    shutil.rmtree(FOLDER, ignore_errors=True)
    FOLDER.mkdir(parents=True)
    expected = {}
    byte, twelve, signed = radiograph(3, 250), radiograph(100, 3900), radiograph(-1024, 2000)

    def good(name, picture, tolerance=0):
        expected[name] = {"tolerance": tolerance, "levels": picture.ravel().tolist()}

    plain = levels(byte, eight_bit=True)
    save(dataset(byte, 8), "grey8.dcm")
    good("grey8.dcm", plain)
    save(dataset(byte, 8, ImplicitVRLittleEndian), "grey8_implicit.dcm")
    good("grey8_implicit.dcm", plain)
    save(dataset(byte, 8, PhotometricInterpretation="MONOCHROME1"), "monochrome1_8.dcm")
    good("monochrome1_8.dcm", levels(byte, eight_bit=True, inverted=True))
    save(dataset(twelve, 12), "grey12.dcm")
    good("grey12.dcm", levels(twelve))
    save(dataset(twelve, 12, PhotometricInterpretation="MONOCHROME1",
                 WindowCenter="2000", WindowWidth="2600"), "monochrome1_12_window.dcm")
    good("monochrome1_12_window.dcm", levels(twelve, (2000, 2600), inverted=True))
    rescaled = dict(RescaleSlope="1.5", RescaleIntercept="-200",
                    WindowCenter=["700", "100"], WindowWidth=["1800", "50"])
    save(dataset(signed, 16, **rescaled), "signed16_rescale_window.dcm")
    good("signed16_rescale_window.dcm", levels(1.5 * signed - 200, (700, 1800)))
    for name, option in (("rle", "--rle"), ("jpeg_lossless", "--jpeg"), ("jpeg_ls", "--jpegls"),
                         ("jpeg2000", "--j2k")):
        converted("monochrome1_12_window.dcm", f"{name}.dcm", option)
        good(f"{name}.dcm", levels(twelve, (2000, 2600), inverted=True))
    converted("grey8.dcm", "jpeg_lossless_8.dcm", "--jpeg")
    good("jpeg_lossless_8.dcm", plain)

    colours = np.stack([byte, byte[::-1], byte[:, ::-1]], axis=-1).astype(np.uint8)
    luma = np.array(Image.fromarray(colours).convert("L")).astype(int)
    rgb = dict(SamplesPerPixel=3, PhotometricInterpretation="RGB", PlanarConfiguration=0,
               PixelData=colours.tobytes())
    save(dataset(byte, 8, **rgb), "rgb.dcm")
    good("rgb.dcm", luma)
    planes = dict(rgb, PlanarConfiguration=1, PixelData=colours.transpose(2, 0, 1).tobytes())
    save(dataset(byte, 8, **planes), "rgb_planes.dcm")
    good("rgb_planes.dcm", luma)
    converted("rgb.dcm", "rgb_jpeg2000.dcm", "--j2k")
    good("rgb_jpeg2000.dcm", luma)
    stream = io.BytesIO()
    smooth = np.stack([byte, byte, byte], axis=-1).astype(np.uint8)
    Image.fromarray(smooth).save(stream, "JPEG", quality=98)
    save(dataset(byte, 8, JPEGBaseline8Bit, SamplesPerPixel=3,
                 PhotometricInterpretation="YBR_FULL_422", PlanarConfiguration=0,
                 PixelData=encapsulate([stream.getvalue()])), "jpeg_baseline_colour.dcm")
    good("jpeg_baseline_colour.dcm", byte, tolerance=6)

    bad = {}
    nothing = dataset(byte, 8)
    del nothing.PixelData
    save(nothing, "bad_no_pixels.dcm")
    bad["bad_no_pixels.dcm"] = "without an image"
    save(dataset(byte, 8, NumberOfFrames="3", PixelData=byte.astype(np.uint8).tobytes() * 3),
         "bad_frames.dcm")
    bad["bad_frames.dcm"] = "3 frames"
    save(dataset(byte, 8, UID("1.2.840.10008.1.2.4.201"), PixelData=encapsulate([b"\xff\x4f" * 20])),
         "bad_syntax.dcm")
    bad["bad_syntax.dcm"] = "1.2.840.10008.1.2.4.201"
    save(dataset(byte, 8, Rows=400), "bad_short.dcm")
    bad["bad_short.dcm"] = "truncated"
    whole = (FOLDER / "jpeg2000.dcm").read_bytes()
    (FOLDER / "bad_truncated_jpeg2000.dcm").write_bytes(whole[:-120])
    bad["bad_truncated_jpeg2000.dcm"] = "DICOM file"
    (FOLDER / "bad_truncated.dcm").write_bytes((FOLDER / "grey8.dcm").read_bytes()[:-100])
    bad["bad_truncated.dcm"] = "DICOM file"
    (FOLDER / "bad_header.dcm").write_bytes(whole[:150])
    bad["bad_header.dcm"] = "DICOM file"
    save(dataset(byte, 8, PhotometricInterpretation="PALETTE COLOR"), "bad_palette.dcm")
    bad["bad_palette.dcm"] = "PALETTE"
    table = {"height": HEIGHT, "width": WIDTH, "good": expected, "bad": bad}
    (FOLDER / "dicom.json").write_text(json.dumps(table, separators=(",", ":")) + "\n")
    print(sum(f.stat().st_size for f in FOLDER.iterdir()), "bytes in", len(list(FOLDER.iterdir())),
          "files")


if __name__ == "__main__":
    main()
