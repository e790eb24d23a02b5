// The matrix products of matrix.h.
#include "ops/cpu/matrix.h"

namespace osteon::cpu::OSTEON_CPU_SET {
namespace {

template <class A>
void multiply_any(const Factor<A>& left, const Factor<A>& right, MatrixMap<A>& result) {
  const auto store = [&](const auto& a, const auto& b) { result.noalias() = a * b; };
  if (left.is_transposed && right.is_transposed)
    store(left.matrix.transpose(), right.matrix.transpose());
  else if (left.is_transposed)
    store(left.matrix.transpose(), right.matrix);
  else if (right.is_transposed)
    store(left.matrix, right.matrix.transpose());
  else
    store(left.matrix, right.matrix);
}

}  // namespace

void multiply(const Factor<float>& left, const Factor<float>& right, MatrixMap<float> result) {
  multiply_any(left, right, result);
}
void multiply(const Factor<double>& left, const Factor<double>& right, MatrixMap<double> result) {
  multiply_any(left, right, result);
}

void add_transposed_product(const ConstMatrixMap<float>& left, const ConstMatrixMap<float>& right,
                            MatrixMap<float> result) {
  result.noalias() += left.transpose() * right;
}
void add_transposed_product(const ConstMatrixMap<double>& left, const ConstMatrixMap<double>& right,
                            MatrixMap<double> result) {
  result.noalias() += left.transpose() * right;
}

}  // namespace osteon::cpu::OSTEON_CPU_SET
