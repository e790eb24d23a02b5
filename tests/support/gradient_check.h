// Comparison of gradients with central differences in float64, for an op, a layer or a whole
// network.
#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include "tensor/tensor.h"

namespace osteon {

struct CentralDifferences {
  double step = 1e-5;
  std::int64_t samples = 256;  // elements checked per leaf; all if it has no more
};

// For each leaf (f64, requiring a gradient; its accumulated gradient is replaced) the error
//
//   max |a - n| / max(|a|, |n|, largest gradient of the leaf),
//
// where a is the result of backward() and n = (f(x + h) - f(x - h)) / 2h. f is the output of
// `forward` weighted by hashed numbers; outputs are subtracted before they are summed, so that
// elements which do not depend on x cost no precision. A leaf that backward() does not reach has
// error 1. `forward` must read the leaves at each call, and be deterministic.
std::vector<double> gradient_errors(const std::function<Tensor()>& forward, const Tensors& leaves,
                                    const CentralDifferences& options = {});

}  // namespace osteon
