// The rounding errors of the kernels of convolutions.
#pragma once

#include "bench/convolutions.h"
#include "ops/convolution/measured.h"

namespace osteon {

// For each kernel the root mean square of its results' differences from float64, relative to that
// of the results; 0 for a kernel that cannot compute it. Images, filters and gradients are uniform
// in
// [-1, 1).
convolution::Speeds relative_errors(const Convolution& conv, convolution::Direction direction);

}  // namespace osteon
