// Common checks of the inputs of ops, with uniform messages: `max_pool2d: input [2,3] has rank 2,
// expects [N,H,W,C]`. Private to the ops; `name` is the argument's name in ops.h.
#pragma once

#include "tensor/tensor.h"

namespace osteon {

inline void check_defined(const char* op, const char* name, const Tensor& x) {
  OSTEON_CHECK(x.defined(), op, ": ", name, " is undefined, expects a tensor");
}

inline void check_floating(const char* op, const char* name, const Tensor& x) {
  check_defined(op, name, x);
  OSTEON_CHECK(is_floating(x.dtype()), op, ": ", name, " ", x.shape(), " is ", x.dtype(),
               ", expects a floating-point tensor (f64, f32, bf16)");
}

inline void check_dtype(const char* op, const char* name, const Tensor& x, DType expected) {
  check_defined(op, name, x);
  OSTEON_CHECK(x.dtype() == expected, op, ": ", name, " ", x.shape(), " is ", x.dtype(),
               ", expects ", expected);
}

// `layout` is the expected shape in letters: "[N,H,W,C]".
inline void check_rank(const char* op, const char* name, const Tensor& x, std::int64_t rank,
                       const char* layout) {
  check_defined(op, name, x);
  OSTEON_CHECK(x.rank() == rank, op, ": ", name, " ", x.shape(), " has rank ", x.rank(),
               ", expects ", layout);
}

inline void check_shape(const char* op, const char* name, const Tensor& x, const Shape& expected) {
  check_defined(op, name, x);
  OSTEON_CHECK(x.shape() == expected, op, ": ", name, " has shape ", x.shape(), ", expects ",
               expected);
}

// Dimension `dim`, with negative values counted from the end, in [0, rank).
inline std::int64_t check_dim(const char* op, const char* name, const Tensor& x, std::int64_t dim) {
  check_defined(op, name, x);
  OSTEON_CHECK(dim >= -x.rank() && dim < x.rank(), op, ": ", name, " ", x.shape(),
               " has no dimension ", dim, ", expects one in [", -x.rank(), ", ", x.rank(), ")");
  return x.shape().normalise(dim);
}

inline void check_same_shape(const char* op, const char* name_a, const Tensor& a,
                             const char* name_b, const Tensor& b) {
  check_defined(op, name_a, a);
  check_defined(op, name_b, b);
  OSTEON_CHECK(a.shape() == b.shape(), op, ": ", name_a, " ", a.shape(), " and ", name_b, " ",
               b.shape(), " differ, expects equal shapes");
}

inline void check_same_dtype(const char* op, const char* name_a, const Tensor& a,
                             const char* name_b, const Tensor& b) {
  check_defined(op, name_a, a);
  check_defined(op, name_b, b);
  OSTEON_CHECK(a.dtype() == b.dtype(), op, ": ", name_a, " is ", a.dtype(), " but ", name_b, " is ",
               b.dtype(), ", expects one dtype");
}

inline void check_same_device(const char* op, const char* name_a, const Tensor& a,
                              const char* name_b, const Tensor& b) {
  check_defined(op, name_a, a);
  check_defined(op, name_b, b);
  OSTEON_CHECK(a.device() == b.device(), op, ": ", name_a, " is on ", a.device(), " but ", name_b,
               " is on ", b.device(), ", expects one device");
}

}  // namespace osteon
