// Tensors and initial values that C++ and Python draw from names (hashed.h), for comparisons of
// whole models with PyTorch. scripts/golden/common.py is the Python half; change both together.
#pragma once

#include <string>
#include <vector>

#include "tensor/tensor.h"
#include "tests/support/hashed.h"

namespace osteon {

// Numbers scale u + shift in float64, with u in [0, 1) drawn from the name.
inline Tensor hashed(const std::string& name, const Shape& shape, double scale, double shift) {
  const HashedSequence draws(name);
  std::vector<double> numbers(static_cast<std::size_t>(shape.numel()));
  for (std::size_t i = 0; i < numbers.size(); ++i) numbers[i] = scale * draws.uniform(i) + shift;
  return from_vector(numbers, shape, DType::f64);
}

// The initial value of MODEL/PARAMETER, a parameter or statistic in the layout of files (OIHW).
// Exact in float32. Filters and matrices: within a power of two near He's bound.
inline Tensor initial_value(const std::string& name, const Shape& shape) {
  if (name.ends_with("running_var") || (name.ends_with("weight") && shape.rank() == 1))
    return hashed(name, shape, 1, 0.5);
  if (shape.rank() == 1) return hashed(name, shape, 1, -0.5);
  const auto fan_in = static_cast<double>(shape.numel() / shape[0]);
  double bound = 1;
  while (bound * bound * fan_in > 6) bound /= 2;
  return hashed(name, shape, 2 * bound, -bound);
}

}  // namespace osteon
