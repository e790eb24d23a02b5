// Gradients against central differences in float64: for an op, a layer or a whole network.
#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include "tensor/tensor.h"

namespace osteon {

struct CentralDifferences {
  double step = 1e-5;
  std::int64_t samples = 256;  // elements looked at in each leaf, all if it has no more
};

// For each leaf (f64, requiring a gradient; its collected one is replaced) the error
//
//   max |a - n| / max(|a|, |n|, largest gradient of the leaf),
//
// where a is what backward() gives and n = (f(x + h) - f(x - h)) / 2h, f being the output of
// `forward` weighted by hashed numbers; the outputs are subtracted before they are summed, so that
// those which do not depend on x cost no digits. A leaf that backward() does not reach has error 1.
// `forward` reads the leaves anew at each call and gives the same result for the same elements.
std::vector<double> gradient_errors(const std::function<Tensor()>& forward, const Tensors& leaves,
                                    const CentralDifferences& options = {});

}  // namespace osteon
