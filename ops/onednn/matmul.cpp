// Matrix products in f32 with oneDNN's sgemm.
#include <dnnl.h>

#include <algorithm>

#include "base/parallel.h"
#include "ops/backend.h"
#include "ops/onednn/context.h"
#include "ops/onednn/onednn.h"

namespace osteon::onednn {
namespace {

// Rows of a piece of the result, which one thread computes: enough that packing b for each piece
// costs little, and few enough that the threads end together.
constexpr std::int64_t kPieceRows = 384;

void check(dnnl_status_t status) {
  OSTEON_CHECK(status == dnnl_success, "oneDNN: sgemm failed with status ", int{status});
}

// One product, y = op(a) op(b) + beta y, of rows that begin at the pointers.
struct Factors {
  const float *a, *b;
  bool transpose_a, transpose_b;
  std::int64_t columns, inner, a_pitch, b_pitch;

  void multiply(std::int64_t rows, float beta, float* y) const {
    check(dnnl_sgemm(transpose_a ? 'T' : 'N', transpose_b ? 'T' : 'N', rows, columns, inner, 1, a,
                     a_pitch, b, b_pitch, beta, y, columns));
  }
};

}  // namespace

bool matmul(const Tensor& a, const Tensor& b, bool transpose_a, bool transpose_b,
            const Tensor& bias, const Tensor& y) {
  if (y.dtype() != DType::f32 || backend() != Backend::automatic) return false;
  engine();  // restricts the instructions
  const std::int64_t rows = y.dim(1), columns = y.dim(2);
  const Factors whole{a.data<float>(), b.data<float>(), transpose_a,
                      transpose_b,     columns,         a.dim(transpose_a ? 1 : 2),
                      a.dim(2),        b.dim(2)};
  const float beta = bias.defined() ? 1 : 0;
  const float* offsets = bias.defined() ? bias.data<float>() : nullptr;
  float* const out = y.data<float>();
  // The sum over the rows of a is long and its result is small: oneDNN divides both.
  if (transpose_a && offsets == nullptr) return whole.multiply(rows, beta, out), true;
  parallel_for((rows + kPieceRows - 1) / kPieceRows, 1, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t piece = begin; piece < end; ++piece) {
      const std::int64_t first = piece * kPieceRows, count = std::min(kPieceRows, rows - first);
      Factors part = whole;
      part.a += first * (transpose_a ? 1 : part.a_pitch);
      float* const to = out + first * columns;
      for (std::int64_t row = 0; row < count && offsets != nullptr; ++row)
        std::copy_n(offsets, columns, to + row * columns);
      part.multiply(count, beta, to);
    }
  });
  return true;
}

}  // namespace osteon::onednn
