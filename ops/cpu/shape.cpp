// Copying elements on the CPU.
#include <cstring>

#include "base/parallel.h"
#include "ops/kernels.h"

namespace osteon::cpu::OSTEON_CPU_SET {
namespace {

constexpr std::int64_t kGrain = 32 * 1024;  // minimum elements (or 8-byte units) per thread

// A slice is one run of bytes in each of `outer` equal pieces of the larger tensor.
struct Slice {
  Slice(const Tensor& large, const Tensor& small, std::int64_t dim, std::int64_t start) {
    auto inner = static_cast<std::int64_t>(size_of(large.dtype()));
    for (std::int64_t d = 0; d < dim; ++d) outer *= large.dim(d);
    for (std::int64_t d = dim + 1; d < large.rank(); ++d) inner *= large.dim(d);
    piece = large.dim(dim) * inner;
    run = small.dim(dim) * inner;
    first = start * inner;
  }

  template <class Copy>
  void for_each_run(const Copy& copy) const {
    if (run == 0) return;
    parallel_for(outer, 8 * kGrain / run, [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t i = begin; i < end; ++i)
        copy(i * piece + first, i * run, static_cast<std::size_t>(run));
    });
  }

  std::int64_t outer = 1, piece, run, first;  // all except outer in bytes
};

// Strides of x, in elements, along each dimension of the result.
std::vector<std::int64_t> steps_of(const Shape& x, const std::vector<std::int64_t>& order) {
  // [exercise 1b]
  std::vector<std::int64_t> dense(order.size(), 1), steps;
  for (std::size_t d = order.size(); d-- > 1;)
    dense[d - 1] = dense[d] * x[static_cast<std::int64_t>(d)];
  for (const std::int64_t d : order) steps.push_back(dense[static_cast<std::size_t>(d)]);
  return steps;
  // [exercise end]
}

}  // namespace

void copy_into_slice(const Tensor& x, std::int64_t dim, std::int64_t start, const Tensor& y) {
  const std::byte* const from = x.raw();
  std::byte* const to = y.raw();
  Slice(y, x, dim, start).for_each_run([&](auto large, auto small, std::size_t bytes) {
    std::memcpy(to + large, from + small, bytes);
  });
}

void copy_from_slice(const Tensor& x, std::int64_t dim, std::int64_t start, const Tensor& y) {
  const std::byte* const from = x.raw();
  std::byte* const to = y.raw();
  Slice(x, y, dim, start).for_each_run([&](auto large, auto small, std::size_t bytes) {
    std::memcpy(to + small, from + large, bytes);
  });
}

// Processes y row by row along its last dimension: each row is a strided run of x.
void permute(const Tensor& x, const std::vector<std::int64_t>& order, const Tensor& y) {
  if (y.numel() == 0) return;
  const std::int64_t columns = y.rank() == 0 ? 1 : y.dim(-1);
  const std::vector<std::int64_t> steps = steps_of(x.shape(), order);
  const std::int64_t step = steps.empty() ? 1 : steps.back();
  dispatch_any("permute", x.dtype(), [&]<class T>() {
    const T* const from = x.data<T>();
    T* const to = y.data<T>();
    parallel_for(y.numel() / columns, kGrain / columns, [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t row = begin; row < end; ++row) {
        std::int64_t offset = 0, rest = row;
        for (std::int64_t d = y.rank() - 2; d >= 0; --d) {
          offset += rest % y.dim(d) * steps[static_cast<std::size_t>(d)];
          rest /= y.dim(d);
        }
        if (step == 1)
          std::memcpy(to + row * columns, from + offset,
                      static_cast<std::size_t>(columns) * sizeof(T));
        else
          for (std::int64_t i = 0; i < columns; ++i)
            to[row * columns + i] = from[offset + i * step];
      }
    });
  });
}

}  // namespace osteon::cpu::OSTEON_CPU_SET
