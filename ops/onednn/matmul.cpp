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
// costs little, and few enough that the threads end together. A smaller result, or the long sums of
// a^T b, are one piece, and oneDNN divides it among the threads.
constexpr std::int64_t kPieceRows = 384, kManyRows = 4 * kPieceRows;

void check(dnnl_status_t status) {
  OSTEON_CHECK(status == dnnl_success, "oneDNN: sgemm failed with status ", int{status});
}

struct Factors {
  const float *a, *b;
  bool transpose_a, transpose_b;
  std::int64_t columns, inner, a_pitch, b_pitch;

  // y = op(a) op(b) + beta y
  void multiply(std::int64_t rows, float beta, float* y) const {
    check(dnnl_sgemm(transpose_a ? 'T' : 'N', transpose_b ? 'T' : 'N', rows, columns, inner, 1, a,
                     a_pitch, b, b_pitch, beta, y, columns));
  }
};

}  // namespace

bool matmul(const Tensor& a, const Tensor& b, bool transpose_a, bool transpose_b,
            const Tensor& bias, const Tensor& y) {
  const bool is_single = a.dim(0) == 1 && b.dim(0) == 1 && a.numel() > 0 && y.numel() > 0;
  if (!is_single || y.dtype() != DType::f32 || backend() != Backend::automatic) return false;
  engine();  // restricts the instructions
  const std::int64_t rows = y.dim(1), columns = y.dim(2);
  const Factors whole{a.data<float>(), b.data<float>(), transpose_a,
                      transpose_b,     columns,         a.dim(transpose_a ? 1 : 2),
                      a.dim(2),        b.dim(2)};
  const float beta = bias.defined() ? 1 : 0;
  const float* offsets = bias.defined() ? bias.data<float>() : nullptr;
  float* const out = y.data<float>();
  const std::int64_t size = transpose_a || rows < kManyRows ? rows : kPieceRows;
  parallel_for((rows + size - 1) / size, 1, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t first = begin * size; first < std::min(end * size, rows); first += size) {
      const std::int64_t count = std::min(size, rows - first);
      float* const to = out + first * columns;
      for (std::int64_t row = 0; row < count && offsets != nullptr; ++row)
        std::copy_n(offsets, columns, to + row * columns);
      Factors piece = whole;
      piece.a += first * whole.a_pitch;
      piece.multiply(count, beta, to);
    }
  });
  return true;
}

}  // namespace osteon::onednn
