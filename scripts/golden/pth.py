"""Writes tests/golden/pth/: small files of torch.save, and some that must be refused.

    python3 -m venv venv && venv/bin/pip install torch numpy
    venv/bin/python scripts/golden/pth.py

The values are those of `numbers` below, so that the test can compute them: element i of a tensor is i / 4 - 1, as far
as its dtype can represent it.
"""

import collections
import io
import pathlib
import pickle
import zipfile

import torch

FOLDER = pathlib.Path(__file__).resolve().parents[2] / "tests" / "golden" / "pth"


def numbers(shape, dtype=torch.float32):
    count = int(torch.tensor(shape).prod()) if shape else 1
    return (torch.arange(count, dtype=torch.float64) / 4 - 1).reshape(shape).to(dtype)


def state_dict():
    model = torch.nn.Sequential(torch.nn.Conv2d(2, 3, 3), torch.nn.BatchNorm2d(3))
    for tensor in model.state_dict().values():
        tensor.copy_(numbers(tuple(tensor.shape), tensor.dtype))
    return model.state_dict()


def whole_dtypes():
    kinds = {"f64": torch.float64, "f32": torch.float32, "f16": torch.float16, "bf16": torch.bfloat16,
             "i64": torch.int64, "u8": torch.uint8}
    return {name: numbers((2, 5), dtype).abs() if dtype == torch.uint8 else numbers((2, 5), dtype)
            for name, dtype in kinds.items()}


def views():
    base = numbers((4, 6))
    return {"transposed": base.t(), "part": base[1:3], "column": base[:, 2], "scalar": numbers(()),
            "last": numbers((1, 2, 3, 4)).to(memory_format=torch.channels_last), "empty": torch.zeros(0, 3)}


class Hostile:
    def __reduce__(self):
        return eval, ("1 + 1",)


def rewritten(data, change, method=zipfile.ZIP_STORED):
    """A copy of a saved file with its entries changed: change(name, bytes) gives the new bytes or None."""
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as source, zipfile.ZipFile(out, "w", method) as target:
        for name in source.namelist():
            content = change(name, source.read(name))
            if content is not None:
                target.writestr(name, content)
    return out.getvalue()


def saved(value, **options):
    out = io.BytesIO()
    torch.save(value, out, **options)
    return out.getvalue()


def main():
    FOLDER.mkdir(parents=True, exist_ok=True)
    good = saved(state_dict())
    replaced = lambda old, new: rewritten(
        good, lambda name, data: data.replace(old, new) if name.endswith("data.pkl") else data)
    files = {
        "state_dict": good,
        "parameters": saved(collections.OrderedDict(torch.nn.Linear(2, 3).named_parameters())),
        "dtypes": saved(whole_dtypes()),
        "views": saved(views()),
        "checkpoint": saved({"epoch": 3, "lr": 0.1, "done": True, "note": None, "history": [1, 2.5, "x"],
                             "state_dict": state_dict(), "big": 1 << 40, "negative": -70000}),
        "refused_legacy": saved(state_dict(), _use_new_zipfile_serialization=False),
        "refused_model": saved(torch.nn.Linear(2, 3)),
        "refused_code": rewritten(good, lambda name, data: pickle.dumps(Hostile(), 2)
                                  if name.endswith("data.pkl") else data),
        "refused_protocol": rewritten(good, lambda name, data: pickle.dumps({"a": 1}, 4)
                                      if name.endswith("data.pkl") else data),
        "refused_int32": saved({"counts": numbers((3,), torch.int32)}),
        "refused_compressed": rewritten(good, lambda name, data: data, zipfile.ZIP_DEFLATED),
        "refused_no_data": rewritten(good, lambda name, data: None if name.endswith("data/0") else data),
        "refused_short_data": rewritten(good, lambda name, data: data[:8] if name.endswith("data/0") else data),
        "refused_big_endian": rewritten(good, lambda name, data: b"big" if name.endswith("byteorder") else data),
        "refused_too_large": replaced(b"K\x03K\x02K\x03K\x03t", b"K\xffK\xffK\xffK\xfft"),
        "refused_stride": replaced(b"K\x12K\x09K\x03K\x01t", b"K\xffK\x09K\x03K\x01t"),
        "refused_cut_pickle": rewritten(good, lambda name, data: data[:60] if name.endswith("data.pkl") else data),
        "refused_cut_file": good[:-30],
        "refused_copies": saved(dict.fromkeys((f"{i}" for i in range(60)), numbers((50, 100)).t())),
        "refused_list": saved([numbers((2,))]),
    }
    damaged = bytearray(good)
    damaged[good.index(numbers((3, 2, 3, 3)).numpy().tobytes()) + 5] ^= 1
    files["refused_damaged"] = bytes(damaged)
    for name, data in files.items():
        (FOLDER / f"{name}.pth").write_bytes(data)
    print(f"{len(files)} files, {sum(map(len, files.values()))} bytes in {FOLDER}")


if __name__ == "__main__":
    main()
