// Matrices for the CPU kernels: Eigen maps of tensor memory, their products, and conversion between
// the storage type and the accumulator's type. Included only by ops/cpu/*.cpp: no installed header
// needs Eigen.
#pragma once

#include <Eigen/Core>
#include <cstdint>
#include <type_traits>

#include "tensor/tensor.h"

namespace osteon::cpu {

template <class A>
using RowMatrix = Eigen::Matrix<A, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
// `rows` x `columns`; consecutive rows are `pitch` elements apart.
template <class A>
using MatrixMap = Eigen::Map<RowMatrix<A>, Eigen::Unaligned, Eigen::OuterStride<>>;
template <class A>
using ConstMatrixMap = Eigen::Map<const RowMatrix<A>, Eigen::Unaligned, Eigen::OuterStride<>>;

template <class A>
MatrixMap<A> matrix(A* data, std::int64_t rows, std::int64_t columns, std::int64_t pitch) {
  return MatrixMap<A>(data, rows, columns, Eigen::OuterStride<>(pitch));
}
template <class A>
ConstMatrixMap<A> matrix(const A* data, std::int64_t rows, std::int64_t columns,
                         std::int64_t pitch) {
  return ConstMatrixMap<A>(data, rows, columns, Eigen::OuterStride<>(pitch));
}

// A matrix or its transpose.
template <class A>
struct Factor {
  ConstMatrixMap<A> matrix;
  bool is_transposed = false;
};

namespace OSTEON_CPU_SET {

// result <- left right. Defined in matrix.cpp, because Eigen's product templates take seconds to
// compile.
void multiply(const Factor<float>& left, const Factor<float>& right, MatrixMap<float> result);
void multiply(const Factor<double>& left, const Factor<double>& right, MatrixMap<double> result);
// result <- result + left^T right.
void add_transposed_product(const ConstMatrixMap<float>& left, const ConstMatrixMap<float>& right,
                            MatrixMap<float> result);
void add_transposed_product(const ConstMatrixMap<double>& left, const ConstMatrixMap<double>& right,
                            MatrixMap<double> result);

}  // namespace OSTEON_CPU_SET

// The tensor in another dtype; the tensor itself if it already has that dtype.
inline Tensor converted(const Tensor& x, DType dtype) {
  if (x.dtype() == dtype) return x;
  Tensor result(x.shape(), dtype);
  copy_(result, x);
  return result;
}

// Elements in the accumulator's type: the memory itself if it has that type, else a copy.
template <class T>
class AccumulatorInput {
 public:
  using A = Accumulator<T>;
  AccumulatorInput(const T* data, std::int64_t n) {
    if constexpr (std::is_same_v<T, A>) {
      data_ = data;
    } else {
      copy_ = Tensor({n}, dtype_of<A>());
      A* to = copy_.data<A>();
      for (std::int64_t i = 0; i < n; ++i) to[i] = static_cast<A>(data[i]);
      data_ = to;
    }
  }
  const A* data() const { return data_; }

 private:
  Tensor copy_;
  const A* data_ = nullptr;
};

// Memory for a result in the accumulator's type: the destination itself if it has that type, else a
// scratch buffer that store() rounds into the destination.
template <class T>
class AccumulatorOutput {
 public:
  using A = Accumulator<T>;
  AccumulatorOutput(T* destination, std::int64_t n) : destination_(destination), n_(n) {
    if constexpr (std::is_same_v<T, A>) {
      data_ = destination;
    } else {
      scratch_ = Tensor({n}, dtype_of<A>());
      data_ = scratch_.data<A>();
    }
  }
  A* data() const { return data_; }
  void store() const {
    if constexpr (!std::is_same_v<T, A>)
      for (std::int64_t i = 0; i < n_; ++i) destination_[i] = T(data_[i]);
  }

 private:
  T* destination_;
  std::int64_t n_;
  Tensor scratch_;
  A* data_ = nullptr;
};

}  // namespace osteon::cpu
