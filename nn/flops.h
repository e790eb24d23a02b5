// The arithmetic of an op, for tables of layers and for benchmarks.
#pragma once

#include <cstdint>

#include "tensor/autograd.h"

namespace osteon {

// Multiplications and additions of the forward pass of an observed op, an addition counted apart
// from its multiplication. Only products count (conv2d, linear, matmul), as in the figures papers
// and other frameworks quote: what the remaining ops cost is memory traffic, not arithmetic.
std::int64_t count_flops(const Observation& op);

}  // namespace osteon
