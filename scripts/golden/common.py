"""Common parts of the golden scripts: the random numbers of the C++ tests, and the entries of a tensor.

tests/support/hashed.h (draws), hashed_tensor.h (values of models) and golden_file.cpp (entries) implement the same; change
both or neither.
"""

import pathlib

import numpy
import safetensors
import safetensors.numpy

WHOLE = 64  # a tensor with more elements is stored as a summary
SAMPLES = 32
SUMS = 2
SAME = 1e-12  # of the largest number of an entry: rounding, which differs between versions of a library


def hash_name(name):
    """64-bit FNV-1a of a text."""
    value = 0xCBF29CE484222325
    for byte in name.encode():
        value = (value ^ byte) * 0x100000001B3 % 2**64
    return value


def scatter(x):
    """One step of splitmix64 for each element of a uint64 array."""
    x = x + numpy.uint64(0x9E3779B97F4A7C15)
    x = (x ^ (x >> numpy.uint64(30))) * numpy.uint64(0xBF58476D1CE4E5B9)
    x = (x ^ (x >> numpy.uint64(27))) * numpy.uint64(0x94D049BB133111EB)
    return x ^ (x >> numpy.uint64(31))


class HashedSequence:
    """The sequence of draws that belongs to a name; each method gives the first `count`."""

    def __init__(self, name):
        self.start = scatter(numpy.array([hash_name(name)], numpy.uint64))[0]

    def bits(self, count):
        with numpy.errstate(over="ignore"):
            return scatter(self.start + numpy.arange(count, dtype=numpy.uint64))

    def uniform(self, count):
        """In [0, 1) on a grid of 2^-20."""
        return (self.bits(count) >> numpy.uint64(44)).astype(numpy.float64) * 2.0**-20

    def coarse(self, count):
        """In (-1, 1): odd multiples of 1/128."""
        return (2 * (self.bits(count) >> numpy.uint64(57)).astype(numpy.float64) - 127) / 128


def hashed(name, shape):
    """Numbers in [0, 1) drawn from a name."""
    return HashedSequence(name).uniform(int(numpy.prod(shape))).reshape(shape)


def initial_value(name, shape):
    """Of MODEL/PARAMETER, exact in float32. Filters and matrices: within a power of two near He's bound."""
    u = hashed(name, shape)
    if name.endswith("running_var") or (name.endswith("weight") and len(shape) == 1):
        return 0.5 + u
    if len(shape) == 1:
        return u - 0.5
    fan_in = int(numpy.prod(shape[1:]))
    bound = 1.0
    while bound * bound * fan_in > 6:
        bound /= 2
    return bound * (2 * u - 1)


def is_same(array, stored):
    if array.shape != stored.shape:
        return False
    finite = numpy.abs(stored[numpy.isfinite(stored)])
    return numpy.allclose(array, stored, rtol=0, atol=SAME * finite.max(initial=0), equal_nan=True)


class GoldenWriter:
    """Collects entries; a large tensor becomes samples, weighted sums and the largest absolute value."""

    def __init__(self):
        self.tensors = {}
        self.texts = {}  # the shape of each summarised entry; other texts by name

    def add(self, entry, tensor):
        array = numpy.array(tensor, numpy.float64, order="C")
        if array.size > WHOLE:
            self.texts[entry] = " ".join(map(str, array.shape))
            flat = array.reshape(-1)
            places = HashedSequence(entry + "/places").bits(SAMPLES) % numpy.uint64(flat.size)
            sums = [
                float(numpy.dot(HashedSequence(f"{entry}/weights{i}").coarse(flat.size), flat))
                for i in range(SUMS)
            ]
            array = numpy.concatenate([flat[places], sums, [numpy.abs(flat).max()]])
        self.tensors[entry] = array

    def write(self, path):
        """Prints what is new, changed or removed; a stored entry that differs only by rounding is kept."""
        stored, texts = {}, {}
        if pathlib.Path(path).exists():
            with safetensors.safe_open(path, "numpy") as file:
                texts = file.metadata() or {}
                stored = {entry: file.get_tensor(entry) for entry in file.keys()}
        changes = [f"removed: {entry}" for entry in sorted(stored.keys() - self.tensors.keys())]
        for entry, array in self.tensors.items():
            if entry not in stored:
                changes.append(f"new: {entry}")
            elif is_same(array, stored[entry]) and self.texts.get(entry) == texts.get(entry):
                self.tensors[entry] = stored[entry]
            else:
                changes.append(f"changed: {entry}")
        print("\n".join(changes) or "every entry is as stored")
        if not changes and self.texts == texts:
            return
        safetensors.numpy.save_file(self.tensors, path, metadata=self.texts)
        pathlib.Path(path).chmod(0o644)  # safetensors leaves it to its owner alone
