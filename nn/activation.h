// The activation functions of the enum Activation (ops.h) as a layer.
#pragma once

#include "ops/ops.h"

namespace osteon {

inline Tensor activate(const Tensor& x, Activation activation) {
  switch (activation) {
    case Activation::relu:
      return relu(x);
    case Activation::relu6:
      return relu6(x);
    case Activation::silu:
      return silu(x);
    case Activation::none:
      break;
  }
  return x;
}

}  // namespace osteon
