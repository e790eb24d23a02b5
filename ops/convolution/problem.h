// The properties of a convolution that select an implementation.
#pragma once

#include <array>
#include <string>

#include "base/parallel.h"
#include "ops/ops.h"

namespace osteon::convolution {

enum class Direction { forward, backward_input, backward_weight };

struct Problem {
  Direction direction;
  const Tensor& x;  // or its gradient
  const Tensor& weight;
  const Tensor& y;
  const Tensor& bias;
  const Conv2dOptions& options;
  bool residual = false;  // of backward_input: what is added to its result
  Activation activation = Activation::none;

  using Key = std::array<std::int64_t, 23>;
  Key key() const {
    const auto code = [](const Tensor& t) {
      return t.defined() ? static_cast<int>(t.dtype()) : -1;
    };
    const auto& [stride, padding, dilation, groups] = options;
    return {static_cast<std::int64_t>(direction),
            x.dim(0),
            x.dim(1),
            x.dim(2),
            x.dim(3),
            weight.dim(0),
            weight.dim(1),
            weight.dim(2),
            stride.height,
            stride.width,
            padding.top,
            padding.bottom,
            padding.left,
            padding.right,
            dilation.height,
            dilation.width,
            groups,
            code(x),
            code(weight),
            code(bias),
            residual,
            static_cast<std::int64_t>(activation),
            num_threads()};
  }
};

// "forward", "backward_input", "backward_weight".
const char* name_of(Direction direction);

// All of it except the number of threads, as text: "forward x [16,56,56,64] weight [64,3,3,64]
// stride 1,1 padding 1,1,1,1 dilation 1,1 groups 1 f32 bias residual relu".
std::string describe(const Problem& problem);

// Multiplications and additions.
double flops(const Problem& problem);

}  // namespace osteon::convolution
