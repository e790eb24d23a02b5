// Rows of the op table drawn at random, for tests/ops/onednn_sweep_test.cpp: odd shapes that nobody
// thinks of. Every number in them is drawn from [-1, 1).
#pragma once

#include <cstdint>
#include <string>

#include "base/random.h"
#include "tests/ops/op_cases.h"

namespace osteon {

// Any op that has a fast path or has had one: mostly convolutions. The inputs are drawn from
// `name`.
OpCase random_row(RandomStream& random, std::string name);

// Convolutions of the kinds that oneDNN has computed wrongly (ops/onednn/faults.cpp).
OpCase random_strided_1x1(RandomStream& random, std::string name);
OpCase random_odd_1x1(RandomStream& random, std::string name);
OpCase random_narrow(RandomStream& random, std::string name);
OpCase random_residual(RandomStream& random, std::string name);

// A row as text.
std::string describe_row(const OpCase& row);

}  // namespace osteon
