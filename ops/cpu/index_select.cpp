// Chosen rows are copied one by one. The gradient first orders the indices by their rows; then each
// row of dx adds its rows of dy. Thus no two threads write to the same element, and each element is
// a sum in the order of the indices.
#include <algorithm>
#include <array>
#include <cstring>
#include <vector>

#include "base/parallel.h"
#include "ops/along_dim.h"
#include "ops/kernels.h"

namespace osteon::cpu::OSTEON_CPU_SET {
namespace {

constexpr std::int64_t kGrain = 16 * 1024;  // minimum elements per thread
constexpr std::int64_t kBlock = 64;         // elements whose sums are kept on the stack

// For each row, the positions of the indices that chose it, in increasing order: places[first[row]]
// to places[first[row + 1] - 1].
struct Choices {
  Choices(const Tensor& indices, std::int64_t rows)
      : first(static_cast<std::size_t>(rows) + 1),
        places(static_cast<std::size_t>(indices.numel())) {
    const std::int64_t* const chosen = indices.data<std::int64_t>();
    for (std::size_t i = 0; i < places.size(); ++i)
      ++first[static_cast<std::size_t>(chosen[i]) + 1];
    for (std::size_t row = 1; row < first.size(); ++row) first[row] += first[row - 1];
    std::vector<std::int64_t> next = first;
    for (std::size_t i = 0; i < places.size(); ++i)
      places[static_cast<std::size_t>(next[static_cast<std::size_t>(chosen[i])]++)] =
          static_cast<std::int64_t>(i);
  }

  std::vector<std::int64_t> first, places;
};

template <class T>
void copy_elements(const T* from, const AlongDim& at, const Tensor& indices, T* to) {
  const std::int64_t* const chosen = indices.data<std::int64_t>();
  const std::int64_t count = indices.numel();
  parallel_for(at.outer, kGrain / count, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t line = begin; line < end; ++line)
      for (std::int64_t i = 0; i < count; ++i)
        to[line * count + i] = from[line * at.extent + chosen[i]];
  });
}

void copy_runs(const Tensor& x, const AlongDim& at, const Tensor& indices, const Tensor& y) {
  const std::int64_t* const chosen = indices.data<std::int64_t>();
  const std::int64_t count = indices.numel();
  const auto run = at.inner * static_cast<std::int64_t>(size_of(x.dtype()));
  parallel_for(at.outer * count, 256 * 1024 / run + 1, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t i = begin; i < end; ++i)
      std::memcpy(y.raw() + i * run, x.raw() + (i / count * at.extent + chosen[i % count]) * run,
                  static_cast<std::size_t>(run));
  });
}

// Row `row` of dx in matrix `matrix`.
template <class T>
void add_row(const T* dy, const AlongDim& at, const Choices& choices, std::int64_t matrix,
             std::int64_t row, T* dx) {
  using A = Accumulator<T>;
  const auto count = static_cast<std::int64_t>(choices.places.size());
  const auto begin = choices.places.begin() + choices.first[static_cast<std::size_t>(row)];
  const auto end = choices.places.begin() + choices.first[static_cast<std::size_t>(row) + 1];
  for (std::int64_t c = 0; c < at.inner; c += kBlock) {
    const auto width = static_cast<std::size_t>(std::min(kBlock, at.inner - c));
    std::array<A, kBlock> total;
    std::fill_n(total.begin(), width, A(0));
    for (auto place = begin; place != end; ++place) {
      const T* const from = dy + (matrix * count + *place) * at.inner + c;
      for (std::size_t i = 0; i < width; ++i) total[i] += static_cast<A>(from[i]);
    }
    T* const to = dx + (matrix * at.extent + row) * at.inner + c;
    for (std::size_t i = 0; i < width; ++i) to[i] = T(total[i]);
  }
}

}  // namespace

void index_select(const Tensor& x, std::int64_t dim, const Tensor& indices, const Tensor& y) {
  const AlongDim at(x.shape(), dim);
  const auto* chosen = indices.data<std::int64_t>();
  for (std::int64_t i = 0; i < indices.numel(); ++i)
    OSTEON_CHECK(chosen[i] >= 0 && chosen[i] < at.extent, "index_select: index ", chosen[i],
                 " of input ", x.shape(), ", expects one in [0, ", at.extent, ")");
  if (y.numel() == 0) return;
  if (at.inner > 1) return copy_runs(x, at, indices, y);
  dispatch_any("index_select", x.dtype(),
               [&]<class T>() { copy_elements(x.data<T>(), at, indices, y.data<T>()); });
}

void index_select_backward(const Tensor& dy, std::int64_t dim, const Tensor& indices,
                           const Tensor& dx) {
  const AlongDim at(dx.shape(), dim);
  const Choices choices(indices, at.extent);
  dispatch_floating("index_select", dy.dtype(), [&]<class T>() {
    parallel_for(at.outer * at.extent, kGrain / std::max<std::int64_t>(at.inner, 1),
                 [&](std::int64_t begin, std::int64_t end) {
                   for (std::int64_t i = begin; i < end; ++i)
                     add_row<T>(dy.data<T>(), at, choices, i / at.extent, i % at.extent,
                                dx.data<T>());
                 });
  });
}

}  // namespace osteon::cpu::OSTEON_CPU_SET
