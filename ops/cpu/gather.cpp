// gather and scatter_add on the CPU. A line is the elements along the dimension of the indices; a
// thread processes a few neighbouring lines, so that no two write to the same element.
#include <algorithm>
#include <vector>

#include "base/parallel.h"
#include "ops/along_dim.h"
#include "ops/kernels.h"

namespace osteon::cpu::OSTEON_CPU_SET {
namespace {

constexpr std::int64_t kGrain = 16 * 1024;  // minimum elements per thread
constexpr std::int64_t kBlock = 64;         // lines that are processed together

// Calls body(matrix, first line, lines) for blocks of neighbouring lines.
template <class Body>
void for_each_block(const AlongDim& at, std::int64_t elements_per_line, const Body& body) {
  const std::int64_t blocks = (at.inner + kBlock - 1) / kBlock;
  const std::int64_t elements = std::min(kBlock, at.inner) * elements_per_line;
  parallel_for(at.outer * blocks, kGrain / std::max<std::int64_t>(elements, 1),
               [&](std::int64_t begin, std::int64_t end) {
                 for (std::int64_t i = begin; i < end; ++i) {
                   const std::int64_t c = i % blocks * kBlock;
                   body(i / blocks, c, std::min(kBlock, at.inner - c));
                 }
               });
}

void check_index(const char* op, std::int64_t index, const Tensor& x, const AlongDim& at) {
  OSTEON_CHECK(index >= 0 && index < at.extent, op, ": index ", index, " of input ", x.shape(),
               ", expects one in [0, ", at.extent, ")");
}

template <class T>
void add_elements(const Tensor& x, const AlongDim& at, const Tensor& indices, const Tensor& src,
                  std::int64_t count, const Tensor& y) {
  using A = Accumulator<T>;
  const std::int64_t* const chosen = indices.data<std::int64_t>();
  const T *const initial = x.data_or_null<T>(), *const from = src.data<T>();
  for_each_block(at, at.extent + count, [&](std::int64_t matrix, std::int64_t c, std::int64_t n) {
    std::vector<A> total(static_cast<std::size_t>(at.extent * n));
    const auto place = [&](std::int64_t row, std::int64_t i) {
      return (matrix * at.extent + row) * at.inner + c + i;
    };
    for (std::int64_t row = 0; row < at.extent && initial; ++row)
      for (std::int64_t i = 0; i < n; ++i)
        total[static_cast<std::size_t>(row * n + i)] = static_cast<A>(initial[place(row, i)]);
    for (std::int64_t k = 0; k < count; ++k) {
      const std::int64_t first = (matrix * count + k) * at.inner + c;
      for (std::int64_t i = 0; i < n; ++i) {
        check_index("scatter_add", chosen[first + i], y, at);
        total[static_cast<std::size_t>(chosen[first + i] * n + i)] +=
            static_cast<A>(from[first + i]);
      }
    }
    for (std::int64_t row = 0; row < at.extent; ++row)
      for (std::int64_t i = 0; i < n; ++i)
        y.data<T>()[place(row, i)] = T(total[static_cast<std::size_t>(row * n + i)]);
  });
}

}  // namespace

void gather(const Tensor& x, std::int64_t dim, const Tensor& indices, const Tensor& y) {
  const AlongDim at(x.shape(), dim);
  const std::int64_t count = indices.dim(dim);
  const std::int64_t* const chosen = indices.data<std::int64_t>();
  dispatch_any("gather", x.dtype(), [&]<class T>() {
    const T* const from = x.data<T>();
    T* const to = y.data<T>();
    for_each_block(at, count, [&](std::int64_t matrix, std::int64_t c, std::int64_t n) {
      for (std::int64_t k = 0; k < count; ++k)
        for (std::int64_t i = c; i < c + n; ++i) {
          const std::int64_t place = (matrix * count + k) * at.inner + i;
          check_index("gather", chosen[place], x, at);
          to[place] = from[(matrix * at.extent + chosen[place]) * at.inner + i];
        }
    });
  });
}

void scatter_add(const Tensor& x, std::int64_t dim, const Tensor& indices, const Tensor& src,
                 const Tensor& y) {
  const AlongDim at(y.shape(), dim);
  dispatch_floating("scatter_add", y.dtype(),
                    [&]<class T>() { add_elements<T>(x, at, indices, src, indices.dim(dim), y); });
}

}  // namespace osteon::cpu::OSTEON_CPU_SET
