// The convolutions of a model.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "ops/ops.h"

namespace osteon {

struct Convolution {
  Shape x, weight, y;
  Conv2dOptions options;
};

// In the order in which the model computes them.
std::vector<Convolution> convolutions_of(const std::string& arch, std::int64_t image_size,
                                         std::int64_t batch_size);

}  // namespace osteon
