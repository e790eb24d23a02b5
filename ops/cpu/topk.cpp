// topk on the CPU, row by row.
#include <algorithm>
#include <numeric>
#include <vector>

#include "base/parallel.h"
#include "ops/kernels.h"

namespace osteon::cpu::OSTEON_CPU_SET {
namespace {

constexpr std::int64_t kGrain = 16 * 1024;  // minimum elements per thread

// Whether element i of a row precedes element j: the larger first, NaN before every number, equals
// in their order.
template <class T>
auto precedes_in(const T* row) {
  return [row](std::int64_t i, std::int64_t j) {
    const auto a = static_cast<Accumulator<T>>(row[i]), b = static_cast<Accumulator<T>>(row[j]);
    const bool a_is_nan = a != a, b_is_nan = b != b;
    if (a_is_nan || b_is_nan) return a_is_nan && (!b_is_nan || i < j);
    return a > b || (a == b && i < j);
  };
}

}  // namespace

void topk(const Tensor& x, const Tensor& values, const Tensor& indices) {
  if (values.numel() == 0) return;
  const std::int64_t n = x.dim(-1), k = values.dim(-1), rows = x.numel() / n;
  dispatch_floating("topk", x.dtype(), [&]<class T>() {
    parallel_for(
        rows, std::max<std::int64_t>(kGrain / n, 1), [&](std::int64_t begin, std::int64_t end) {
          std::vector<std::int64_t> order(static_cast<std::size_t>(n));
          for (std::int64_t row = begin; row < end; ++row) {
            const T* const from = x.data<T>() + row * n;
            std::iota(order.begin(), order.end(), std::int64_t{0});
            std::partial_sort(order.begin(), order.begin() + k, order.end(), precedes_in(from));
            for (std::int64_t j = 0; j < k; ++j) {
              const std::int64_t chosen = order[static_cast<std::size_t>(j)];
              values.data<T>()[row * k + j] = from[chosen];
              indices.data<std::int64_t>()[row * k + j] = chosen;
            }
          }
        });
  });
}

void topk_backward(const Tensor& dy, const Tensor& indices, const Tensor& dx) {
  if (dy.numel() == 0) return;
  const std::int64_t n = dx.dim(-1), k = dy.dim(-1);
  const std::int64_t* const chosen = indices.data<std::int64_t>();
  dispatch_floating("topk", dy.dtype(), [&]<class T>() {
    parallel_for(dy.numel() / k, std::max<std::int64_t>(kGrain / k, 1),
                 [&](std::int64_t begin, std::int64_t end) {
                   for (std::int64_t i = begin * k; i < end * k; ++i)
                     dx.data<T>()[i / k * n + chosen[i]] = dy.data<T>()[i];
                 });
  });
}

}  // namespace osteon::cpu::OSTEON_CPU_SET
