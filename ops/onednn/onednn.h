// Fast CPU kernels with oneDNN, for the ops that take most of the time. Each function computes its
// kernel of kernels.h and returns true, or does nothing and returns false; then the reference
// computes it.
#pragma once

#include "ops/kernels.h"

namespace osteon::onednn {

#if defined(OSTEON_HAS_ONEDNN)
// Whether oneDNN multiplies bf16 with native instructions: the processor has them, and
// DNNL_MAX_CPU_ISA allows them.
bool multiplies_bf16();

bool conv2d_forward(const Tensor& x, const Tensor& weight, const Tensor& bias,
                    const Tensor& residual, Activation activation, const Conv2dOptions& options,
                    const Tensor& y);
bool conv2d_backward_input(const Tensor& dy, const Tensor& weight, const Conv2dOptions& options,
                           const Tensor& dx);
bool conv2d_backward_weight(const Tensor& dy, const Tensor& x, const Conv2dOptions& options,
                            const Tensor& dweight);
// Only a single product in f32: all three are [1, rows, columns].
bool matmul(const Tensor& a, const Tensor& b, bool transpose_a, bool transpose_b,
            const Tensor& bias, const Tensor& y);
#else
inline bool multiplies_bf16() { return false; }
inline bool conv2d_forward(const Tensor&, const Tensor&, const Tensor&, const Tensor&, Activation,
                           const Conv2dOptions&, const Tensor&) {
  return false;
}
inline bool conv2d_backward_input(const Tensor&, const Tensor&, const Conv2dOptions&,
                                  const Tensor&) {
  return false;
}
inline bool conv2d_backward_weight(const Tensor&, const Tensor&, const Conv2dOptions&,
                                   const Tensor&) {
  return false;
}
inline bool matmul(const Tensor&, const Tensor&, bool, bool, const Tensor&, const Tensor&) {
  return false;
}
#endif

}  // namespace osteon::onednn
