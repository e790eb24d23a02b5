#!/usr/bin/env python3
"""Computes the coefficients of ops/functors/math.h: weighted minimax polynomials by Lawson's iteration.

    pip install numpy
    python3 scripts/math_coefficients.py

prints each polynomial in ascending powers, rounded to f32, with its largest error after the rounding.
Lawson's iteration: least squares in Chebyshev nodes, in which each weight is multiplied by its error.
"""

import math

import numpy

erf, erfc = numpy.vectorize(math.erf), numpy.vectorize(math.erfc)


def lawson(matrix, target):
    """Coefficients with the smallest largest |matrix @ coefficients - target|."""
    weights, best = numpy.ones(len(target)), None
    for _ in range(300):
        root = numpy.sqrt(weights)
        found = numpy.linalg.lstsq(matrix * root[:, None], target * root, rcond=None)[0]
        error = numpy.abs(matrix @ found - target)
        if best is None or error.max() < best[0]:
            best = error.max(), found
        weights = weights * error / (weights * error).sum()
    return best[1]


def fit(name, function, low, high, terms, weight):
    """function(x) ~ sum of c[i] x^i for i < terms on [low, high]; minimises the largest |error| weight(x)."""
    nodes = (low + high) / 2 - (high - low) / 2 * numpy.cos(numpy.pi * (numpy.arange(4000) + 0.5) / 4000)
    target, scale = function(nodes), weight(nodes)
    rounded = []  # one by one; the coefficients that are still free adapt
    for i in range(terms):
        rest = target - sum(c * nodes**power for power, c in enumerate(rounded))
        matrix = numpy.stack([nodes**power for power in range(i, terms)], 1) * scale[:, None]
        rounded.append(float(numpy.float32(lawson(matrix, rest * scale)[0])))
    error = numpy.abs(sum(c * nodes**power for power, c in enumerate(rounded)) - target) * scale
    print(f"{name} on [{low:.6g}, {high:.6g}], error 2^{numpy.log2(error.max()):.1f}")
    print("   ", ", ".join(f"{numpy.float32(c):.9g}F" for c in rounded))


def main():
    half_log2 = numpy.log(2) / 2 * 1.01
    # exp(x) = 1 + x + x^2 p(x), with the relative error of exp(x) - 1.
    fit("exp_parts", lambda x: (numpy.expm1(x) - x) / x**2, -half_log2, half_log2, 5,
        lambda x: x**2 / numpy.abs(numpy.expm1(x)))
    # log(1 + f) = f - s (f - z p(z)) with s = f / (2 + f) and z = s^2, with its relative error.
    fit("log_near_one", lambda z: (2 * numpy.arctanh(numpy.sqrt(z)) / numpy.sqrt(z) - 2) / z, 1e-9, 1 / 9, 4,
        lambda z: z / 2)
    # erf(t) = t + t p(t^2), with its relative error.
    fit("erf in erf_parts", lambda z: erf(numpy.sqrt(z)) / numpy.sqrt(z) - 1, 1e-9, 1.0, 7,
        lambda z: numpy.sqrt(z) / erf(numpy.sqrt(z)))
    # erfc(t) = exp(-t p(t)), with its relative error.
    fit("erfc in erf_parts", lambda t: -numpy.log(erfc(t)) / t, 1.0, 4.0, 9, lambda t: t)


if __name__ == "__main__":
    main()
