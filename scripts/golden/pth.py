"""Writes tests/golden/pth/: small files of torch.save, and some that must be refused; and seeds of fuzz/.

    python3 -m venv venv && venv/bin/pip install torch numpy
    venv/bin/python scripts/golden/pth.py

The files init_*.pth have the weights of tests/support/plain_model.h, of width 2 with two outputs. The values are those of `numbers` below, so that the test can compute them: element i of a tensor is i / 4 - 1, as far
as its dtype can represent it.
"""

import argparse
import collections
import io
import pathlib
import pickle
import re
import struct
import zipfile

import numpy
import torch

ROOT = pathlib.Path(__file__).resolve().parents[2]
FOLDER = ROOT / "tests" / "golden" / "pth"
SEEDS = ROOT / "fuzz" / "seeds" / "pickle"


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
                target.writestr(zipfile.ZipInfo(name), content, method)
    return out.getvalue()


def saved(value, **options):
    out = io.BytesIO()
    torch.save(value, out, **options)
    return out.getvalue()


class Plain(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.features = torch.nn.Sequential(
            torch.nn.Conv2d(3, 2, 3, 2, 1), torch.nn.ReLU(), torch.nn.MaxPool2d(2),
            torch.nn.Conv2d(2, 4, 3, 1, 1, bias=False), torch.nn.BatchNorm2d(4))
        self.classifier = torch.nn.Linear(4, 2)
        with torch.no_grad():
            for tensor in self.state_dict().values():
                tensor.copy_(numbers(tuple(tensor.shape), tensor.dtype))

    def forward(self, x):
        return self.classifier(self.features(x).mean((2, 3)))


def named(prefix="", change=lambda tensor: tensor, head=True):
    return collections.OrderedDict((prefix + name, change(tensor)) for name, tensor in Plain().state_dict().items()
                                   if head or not name.startswith("classifier"))


def beside():
    """What training programs store beside the weights."""
    model = Plain()
    optimizer = torch.optim.Adam(model.parameters())
    model(torch.rand(2, 3, 8, 8)).sum().backward()
    optimizer.step()
    schedule = torch.optim.lr_scheduler.MultiStepLR(optimizer, [3, 5])
    several = collections.defaultdict(list, loss=[1.5, 2.5])
    return {
        "epoch": 3, "step": -70000, "seed": 1 << 80, "lr": 0.1, "done": True, "note": None, "name": "\u00e9" * 3,
        "history": [1, 2.5, "x", (1, 2, 3, 4)], "optimizer": optimizer.state_dict(), "schedule": schedule.state_dict(),
        "best": numpy.float64(0.5), "count": numpy.int64(3), "good": numpy.bool_(True), "size": torch.Size([2, 3]),
        "device": torch.device("cpu"), "dtype": torch.float32, "raw": b"\x00\xff", "parts": {"hand", "wrist"},
        "frozen": frozenset([1]), "several": several, "rng": torch.zeros(16, dtype=torch.uint8), "mask": torch.zeros(3).bool(),
        "model_state_dict": named()}


class OldPickler(pickle._Pickler):
    """Writes as Python 2 and PyTorch 0.1 did: byte strings, an OrderedDict of pairs, _rebuild_tensor, Parameter
    objects, parts of storages."""

    dispatch = dict(pickle._Pickler.dispatch)

    def save_str(self, text):
        self.write(b"U" + bytes([len(text)]) + text.encode())
        self.memoize(text)

    dispatch[str] = save_str

    def __init__(self, out, tensors):
        super().__init__(out, 2)
        self.tensors = tensors

    def persistent_id(self, value):
        return value if isinstance(value, tuple) and value and value[0] == "storage" else None

    def reducer_override(self, value):
        if isinstance(value, collections.OrderedDict):
            return collections.OrderedDict, ([[key, item] for key, item in value.items()],)
        if isinstance(value, torch.nn.Parameter):
            return copyreg_newobj, (torch.nn.Parameter, value.data), (True, False, collections.OrderedDict())
        if isinstance(value, torch.Tensor):
            key, begin = self.tensors[value.data_ptr()]
            kind = {torch.float32: torch.FloatStorage, torch.int64: torch.LongStorage}[value.dtype]
            part = (f"{key}v", begin, value.numel()) if begin else None
            storage = ("storage", kind, str(key), "cpu", value.numel() + begin, part)
            return torch._utils._rebuild_tensor, (storage, 0, tuple(value.shape), value.stride())
        return NotImplemented


def copyreg_newobj(cls, *args):
    return cls.__new__(cls, *args)


copyreg_newobj.__name__ = "__newobj__"


def python2_file():
    """The legacy form, by hand: torch.save writes no parts of storages any more."""
    weights = {name: torch.nn.Parameter(tensor) if tensor.dtype == torch.float32 and "running" not in name else tensor
               for name, tensor in named().items()}
    weights = collections.OrderedDict(weights)
    # Every second storage has three numbers before the tensor's.
    tensors = {tensor.data_ptr(): (100 + i, 3 * (i % 2)) for i, tensor in enumerate(weights.values())}
    out = io.BytesIO()
    pickle.dump(0x1950a86a20f9469cfc6c, out, 2)
    pickle.dump(1001, out, 2)
    pickle.dump({"protocol_version": 1001, "little_endian": True, "type_sizes": {"short": 2, "int": 4, "long": 4}},
                out, 2)
    OldPickler(out, tensors).dump(weights)
    pickle.dump([str(key) for key, begin in tensors.values()], out, 2)
    for tensor in weights.values():
        begin = tensors[tensor.data_ptr()][1]
        out.write(struct.pack("<q", tensor.numel() + begin) + bytes(begin * tensor.element_size()))
        out.write(tensor.detach().numpy().tobytes())
    data = out.getvalue()
    for name, tensor in torch.load(io.BytesIO(data), weights_only=False).items():
        assert torch.equal(tensor, weights[name]), name
    return data


def initial_weights():
    def put(name, value):
        return lambda tensor: torch.where(torch.arange(tensor.numel()).reshape(tensor.shape) == 5, value, tensor) \
            if tensor.numel() == 72 else tensor
    old = {"_use_new_zipfile_serialization": False}
    lightning = {"epoch": 3, "pytorch-lightning_version": "2.5", "hyper_parameters": {"lr": 0.1}, "callbacks": {},
                 "loops": None, "state_dict": named("model.") | {"loss.weight": numbers((3,), torch.int32)},
                 "optimizer_states": [torch.optim.SGD(Plain().parameters()).state_dict()]}
    files = {f"init_protocol{n}": saved(named(), pickle_protocol=n) for n in (2, 3, 4, 5)}
    files |= {f"init_legacy{n}": saved(named(), pickle_protocol=n, **old) for n in (2, 3, 4, 5)}
    files |= {"init_beside2": saved(beside(), **old), "init_beside4": saved(beside(), pickle_protocol=4)}
    return files | {
        "init_python2": python2_file(),
        "init_parallel": saved(torch.nn.DataParallel(Plain()).state_dict(), **old),
        "init_compiled": saved(torch.compile(Plain()).state_dict(), **old),
        "init_compiled_parallel": saved(torch.compile(torch.nn.DataParallel(Plain())).state_dict(), **old),
        "init_parallel_compiled": saved(torch.nn.DataParallel(torch.compile(Plain())).state_dict(), **old),
        "init_member": saved({"net": named("model.backbone.")}, **old),
        "init_lightning": saved(lightning, **old),
        "init_averaged": saved({"state_dict_ema": named(), "state_dict": named(change=lambda t: t * 1), "epoch": 1},
                               **old),
        "init_member_ema": saved(named("model_ema.") | named("model."), **old),
        "init_swa": saved(torch.optim.swa_utils.AveragedModel(Plain()).state_dict(), **old),
        "init_tuple": saved((3, named()), **old),
        "init_parameters": saved(collections.OrderedDict(list(named().items())
                                                         + list(Plain().named_parameters())), **old),
        "init_half": saved(named(change=lambda t: t.half() if t.is_floating_point() else t), **old),
        "init_double": saved(named(change=lambda t: t.double() if t.is_floating_point() else t), **old),
        "init_no_head": saved(named(head=False), **old),
        "init_other_head": saved(named() | {"classifier.weight": numbers((7, 4)), "classifier.bias": numbers((7,))},
                                 **old),
        "init_no_counter": saved({name: tensor for name, tensor in named().items() if "tracked" not in name}, **old),
        "refused_init_twice": saved({"student": named(), "teacher": named()}, **old),
        "refused_init_nan": saved(named(change=put("nan", float("nan"))), **old),
        "refused_init_infinity": saved(named(change=put("inf", float("inf"))), **old),
        "refused_init_double": saved(named(change=lambda t: put("large", 1e300)(t.double())), **old),
        "refused_init_arguments": saved({"args": argparse.Namespace(lr=0.1), "model": named()}, **old),
        "refused_init_arguments4": saved({"args": argparse.Namespace(lr=0.1), "model": named()}, pickle_protocol=4),
        "refused_init_module": saved({"model": Plain().features}),
        "refused_init_array": saved({"scores": numpy.zeros(3), "model": named()}, **old),
        "refused_init_object": saved({"score": numpy.array([None], object)[:1].dtype, "model": named()}, **old),
        "refused_init_path": saved({"data": pathlib.PurePosixPath("x"), "model": named()}, **old),
        "refused_init_other": saved(named("module.") | {"module.attention.weight": numbers((2,))}, **old),
        "refused_init_wide": saved(named("module.", lambda t: t.repeat_interleave(2, 0) if t.dim() else t), **old)}


def legacy_refused():
    good = saved(state_dict(), _use_new_zipfile_serialization=False)
    first = numbers((3, 2, 3, 3)).numpy().tobytes()
    begin = good.index(struct.pack("<q", 54) + first)
    keys = good.rindex(b"\x80\x02]", 0, begin)
    return {
        "legacy": good,
        "refused_legacy_magic": good.replace(b"\x6c\xfc\x9c", b"\x6c\xfc\x9d"),
        "refused_legacy_version": good.replace(b"M\xe9\x03.", b"M\xea\x03."),
        "refused_legacy_big_endian": good.replace(b"little_endianq\x02\x88", b"little_endianq\x02\x89"),
        "refused_legacy_cut_pickle": good[:300],
        "refused_legacy_cut_data": good[:-3],
        "refused_legacy_no_data": good[:begin],
        "refused_legacy_count": good[:begin] + struct.pack("<q", 53) + good[begin + 8:],
        "refused_legacy_keys": good[:keys] + re.sub(rb"\d{9,}", lambda key: b"1" * len(key[0]), good[keys:begin], count=1)
        + good[begin:],
        "refused_pickle": pickle.dumps({"weight": [1.0, 2.0]}, 2),
        "refused_frame": pickle.dumps({"weight": [1.0, 2.0]}, 4)}


def main():
    FOLDER.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(0)
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
        "refused_model": saved(torch.nn.Linear(2, 3)),
        "refused_code": rewritten(good, lambda name, data: pickle.dumps(Hostile(), 2)
                                  if name.endswith("data.pkl") else data),
        "refused_protocol": replaced(b"\x80\x02", b"\x80\x06"),
        "refused_negative": saved({"weight": torch.ones(2, dtype=torch.complex64).conj().imag}),
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
    } | legacy_refused() | initial_weights()
    damaged = bytearray(good)
    damaged[good.index(numbers((3, 2, 3, 3)).numpy().tobytes()) + 5] ^= 1
    files["refused_damaged"] = bytes(damaged)
    for old in FOLDER.glob("*.pth"):
        old.unlink()
    for name, data in files.items():
        (FOLDER / f"{name}.pth").write_bytes(data)
    # The pickles alone: the entry of an archive, and a whole file of the legacy form from its fourth pickle on.
    with zipfile.ZipFile(io.BytesIO(files["init_beside4"])) as archive:
        (SEEDS / "beside4.pkl").write_bytes(archive.read("archive/data.pkl"))
    python2 = files["init_python2"]
    (SEEDS / "python2.pkl").write_bytes(python2[python2.index(b"\x80\x02ccollections"):])
    print(f"{len(files)} files, {sum(map(len, files.values()))} bytes in {FOLDER}")


if __name__ == "__main__":
    main()
