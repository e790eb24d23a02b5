// The tolerance for results in lower precision, relative to float64, for every row and every test.
//
// The difference is relative to the largest entry of the tensor. With u = 2^-24, the largest
// relative error of rounding to f32, and n terms in the sum of an entry,
//
//   f32:   (8 + sqrt(n)) u
//   bf16:  5 * 2^-9, plus f32's
//
// A sum of n numbers is rounded n times, each time by at most u of the partial sum. These errors
// are nearly independent, so together they grow as sqrt(n) u, in any order of addition (which
// differs between instruction sets). (N. Higham and T. Mary, "A new approach to probabilistic
// rounding error analysis", SIAM J. Sci. Comput. 41, 2019.) The 8 is for an op's other roundings: a
// bias, a division, exp. bf16 is a storage format: sums are in f32, and storing a result or an
// intermediate value changes it by at most 2^-9.
#pragma once

#include "tests/ops/op_runs.h"

namespace osteon {

// The number of terms that are summed in f32 for an entry of result i; `results` are all results of
// the row.
std::int64_t terms(const OpCase& row, const Results& results, std::size_t i);

// The tolerance of result i in `dtype`, which is f32 or bf16.
double tolerance(const OpCase& row, const Results& results, std::size_t i, DType dtype);

}  // namespace osteon
