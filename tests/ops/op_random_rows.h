// Random rows of the op table for tests/ops/onednn_sweep_test.cpp: unusual shapes. Every element is
// drawn from [-1, 1).
#pragma once

#include <cstdint>
#include <string>

#include "base/random.h"
#include "tests/ops/op_cases.h"

namespace osteon {

// An op with a present or former fast path, in most cases a convolution. The inputs are drawn from
// `name`.
OpCase random_row(RandomStream& random, std::string name);

// Convolutions of the kinds for which oneDNN had faults (ops/onednn/faults.cpp).
OpCase random_strided_1x1(RandomStream& random, std::string name);
OpCase random_odd_1x1(RandomStream& random, std::string name);
OpCase random_narrow(RandomStream& random, std::string name);
OpCase random_residual(RandomStream& random, std::string name);

// A row as text.
std::string describe_row(const OpCase& row);

}  // namespace osteon
