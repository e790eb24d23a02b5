// Multiply-add on registers alone, once per instruction set.
#pragma once

#include <cstdint>

#include "base/instruction_set.h"

namespace osteon {

// Runs independent chains of sum + a b for `rounds` rounds; `operations` becomes the number of
// floating-point operations, 0 if the set has no such instruction.
OSTEON_CPU_KERNEL(peak_f32, std::int64_t rounds, double& operations)
OSTEON_CPU_KERNEL(peak_bf16, std::int64_t rounds, double& operations)

}  // namespace osteon
