// Copies the chosen rows one by one.
#include <cstring>

#include "base/parallel.h"
#include "ops/kernels.h"

namespace osteon::cpu::OSTEON_CPU_SET {

void index_select(const Tensor& x, const Tensor& indices, const Tensor& y) {
  const std::int64_t rows = x.dim(0);
  const auto* chosen = indices.data<std::int64_t>();
  for (std::int64_t i = 0; i < indices.numel(); ++i)
    OSTEON_CHECK(chosen[i] >= 0 && chosen[i] < rows, "index_select: index ", chosen[i],
                 " of input ", x.shape(), ", expects one in [0, ", rows, ")");
  if (y.numel() == 0) return;
  const auto row = static_cast<std::int64_t>(x.bytes()) / rows;
  parallel_for(indices.numel(), 256 * 1024 / row + 1, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t i = begin; i < end; ++i)
      std::memcpy(y.raw() + i * row, x.raw() + chosen[i] * row, static_cast<std::size_t>(row));
  });
}

}  // namespace osteon::cpu::OSTEON_CPU_SET
