// The precision of ops that are composed of others: bf16 is computed in f32, so that no
// intermediate result is rounded. Private to the ops.
#pragma once

#include "ops/ops.h"

namespace osteon {

// The dtype of computation, and of the parameters of an op on a tensor of this dtype.
inline DType wide_dtype(DType dtype) { return dtype == DType::bf16 ? DType::f32 : dtype; }

inline Tensor widened(const Tensor& x) {
  return x.dtype() == DType::bf16 ? cast(x, DType::f32) : x;
}

// A result in the dtype of the op's input.
inline Tensor narrowed(const Tensor& y, DType dtype) {
  return y.dtype() == dtype ? y : cast(y, dtype);
}

}  // namespace osteon
