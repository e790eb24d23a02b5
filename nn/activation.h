// The activation functions between layers, by name.
#pragma once

#include "ops/ops.h"

namespace osteon {

enum class Activation { none, relu, relu6, silu };

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
