// Number of arithmetic operations of an op, for tables of layers and for benchmarks.
#pragma once

#include <cstdint>

#include "tensor/autograd.h"

namespace osteon {

// Multiplications plus additions in the forward pass of an observed op; a multiply-add counts as
// two. Only products count (conv2d, linear, matmul), as in papers and other frameworks: the other
// ops are bound by memory traffic, not by arithmetic.
std::int64_t count_flops(const Observation& op);

}  // namespace osteon
