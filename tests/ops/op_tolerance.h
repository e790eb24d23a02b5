// How far a result in a lower precision may be from float64, for every row and every test.
//
// The difference is measured against the largest entry of the tensor. With u = 2^-24, what rounding
// to f32 changes a number by at most, and n numbers added up for an entry,
//
//   f32:   (8 + sqrt(n)) u
//   bf16:  5 * 2^-9, and f32's
//
// A sum of n numbers is rounded n times, by up to u of what is added up so far. These errors are as
// good as independent, so that together they grow as sqrt(n) u does, in whatever order is added:
// that differs from one instruction set to another. (N. Higham and T. Mary, "A new approach to
// probabilistic rounding error analysis", SIAM J. Sci. Comput. 41, 2019.) The 8 is for an op's
// other roundings: a bias, a division, exp. bf16 is a format to store in: sums are in f32, and 2^-9
// is what storing a result, or something on the way to it, changes it by at most.
#pragma once

#include "tests/ops/op_runs.h"

namespace osteon {

// How many numbers are added up in f32 for an entry of result i; `results` are all of the row's.
std::int64_t terms(const OpCase& row, const Results& results, std::size_t i);

// The limit for result i in `dtype`, which is f32 or bf16.
double tolerance(const OpCase& row, const Results& results, std::size_t i, DType dtype);

}  // namespace osteon
