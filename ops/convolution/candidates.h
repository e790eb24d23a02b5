// The fast kernels of convolutions on the CPU. A new one is a Kernel and a row of the table in
// candidates.cpp; then bench_convolutions measures it.
#pragma once

#include <cstddef>

#include "ops/convolution/problem.h"

namespace osteon::convolution {

enum class Kernel {
  direct,        // ops/cpu/convolution/forward.cpp and so on
  winograd_2x2,  // ops/cpu/convolution/winograd.cpp, on tiles of 2x2 outputs
  winograd_4x4,  // and of 4x4
  onednn,        // ops/onednn/
};
inline constexpr std::size_t kKernels = 4;

// A convolution with its tensors: the arguments of the kernels in ops/kernels.h. The kernel writes
// y, x or weight, as the direction says; nothing else may share the memory of that tensor.
struct Call {
  Direction direction;
  Tensor x, weight, y;
  Tensor bias;
  Tensor residual;        // forward: added to y; backward_input: added to the gradient of x
  Activation activation;  // forward: at the end
  const Conv2dOptions& options;

  Problem problem() const {
    return {direction, x, weight, y, bias, options, residual.defined(), activation};
  }
};

struct Candidate {
  const char* name;
  // Whether it is built in and computes such convolutions.
  bool (*supports)(const Problem& problem);
  // Computes it and returns true, or does nothing and returns false: oneDNN finds out here that it
  // has no correct implementation.
  bool (*run)(const Call& call);
  // The largest rounding errors, in units of those of a plain sum; the tests check it.
  double error;
};
const Candidate& candidate(Kernel kernel);

}  // namespace osteon::convolution
