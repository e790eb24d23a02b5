// Matrix products in f32 with seven multiplications instead of eight: Strassen's algorithm, once.
#pragma once

#include "base/instruction_set.h"
#include "tensor/tensor.h"

namespace osteon {

// y = op(a) op(b) + bias with a, b and y of shape [1, rows, columns] in f32; op(x) is x or its
// transpose; `bias` [columns] may be undefined. The same bits for any number of threads.
//
// Errors are small beside the largest elements of a and b, not beside those of the row and column
// that are multiplied: 12 neighbouring rows of a share sums, and a row of small elements gets the
// rounding errors of a large neighbour (Higham, "Accuracy and Stability of Numerical Algorithms",
// 2nd edition, section 23.2.2).
OSTEON_CPU_KERNEL(strassen_matmul, const Tensor& a, const Tensor& b, bool transpose_a,
                  bool transpose_b, const Tensor& bias, const Tensor& y)

}  // namespace osteon
