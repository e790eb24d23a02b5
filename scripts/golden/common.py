"""Common parts of the golden scripts: the random numbers of the C++ tests, and the entries of a tensor.

tests/support/hashed.h (draws) and tests/support/golden_file.cpp (entries) implement the same; change both or neither.
"""

import numpy
import safetensors.numpy

WHOLE = 64  # a tensor with more elements is stored as a summary
SAMPLES = 32
SUMS = 2


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


class GoldenWriter:
    """Collects entries; a large tensor becomes samples, weighted sums and the largest absolute value."""

    def __init__(self):
        self.tensors = {}
        self.shapes = {}

    def add(self, entry, tensor):
        array = numpy.array(tensor, numpy.float64, order="C")
        if array.size > WHOLE:
            self.shapes[entry] = " ".join(map(str, array.shape))
            flat = array.reshape(-1)
            places = HashedSequence(entry + "/places").bits(SAMPLES) % numpy.uint64(flat.size)
            sums = [
                float(numpy.dot(HashedSequence(f"{entry}/weights{i}").coarse(flat.size), flat))
                for i in range(SUMS)
            ]
            array = numpy.concatenate([flat[places], sums, [numpy.abs(flat).max()]])
        self.tensors[entry] = array

    def write(self, path):
        safetensors.numpy.save_file(self.tensors, path, metadata=self.shapes)
