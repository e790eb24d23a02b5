// topk: the threads of one row of the block find the elements of a row one after the other. Bytes
// moved: a row is read from memory once and from the cache k - 1 times, so this is for small k.
#include <limits>

#include "ops/cuda/device/log_sum_exp.cuh"
#include "ops/kernels.h"

namespace osteon::cuda {
namespace {

constexpr std::int64_t kNone = std::numeric_limits<std::int64_t>::max();

struct Smaller {
  template <class A>
  __device__ A operator()(A a, A b) const {
    return b < a ? b : a;
  }
};

// A value and its position in the row.
template <class A>
struct Candidate {
  A value;
  std::int64_t at;

  // The larger first, NaN before every number, equals in their order.
  __device__ bool precedes(const Candidate& other) const {
    const bool is_nan = value != value, other_is_nan = other.value != other.value;
    if (is_nan || other_is_nan) return is_nan && (!other_is_nan || at < other.at);
    return value > other.value || (value == other.value && at < other.at);
  }
};

template <class T>
__global__ void __launch_bounds__(kThreads)
    topk_rows(const T* x, std::int64_t rows, std::int64_t columns, std::int64_t k, T* values,
              std::int64_t* indices) {
  using A = Accumulator<T>;
  for (std::int64_t first = std::int64_t{blockIdx.x} * blockDim.y; first < rows;
       first += std::int64_t{gridDim.x} * blockDim.y) {
    const std::int64_t row = first + threadIdx.y;
    const std::int64_t mine = row < rows ? columns : 0;
    Candidate<A> last{};
    for (std::int64_t j = 0; j < k; ++j) {
      Candidate<A> best{-std::numeric_limits<A>::infinity(), kNone};
      for (std::int64_t i = threadIdx.x; i < mine; i += blockDim.x) {
        const Candidate<A> each{static_cast<A>(x[row * columns + i]), i};
        if (each.precedes(best) && (j == 0 || last.precedes(each))) best = each;
      }
      last.value = combine_along_x(best.value, Larger());
      const bool is_last = best.value == last.value || (best.value != best.value);
      last.at = combine_along_x(is_last ? best.at : kNone, Smaller());
      if (threadIdx.x == 0 && row < rows) {
        values[row * k + j] = x[row * columns + last.at];
        indices[row * k + j] = last.at;
      }
    }
  }
}

template <class T>
__global__ void __launch_bounds__(kThreads)
    scatter(const T* dy, const std::int64_t* indices, std::int64_t count, std::int64_t k,
            std::int64_t columns, T* dx) {
  for (std::int64_t i = std::int64_t{blockIdx.x} * blockDim.x + threadIdx.x; i < count;
       i += std::int64_t{gridDim.x} * blockDim.x)
    dx[i / k * columns + indices[i]] = dy[i];
}

}  // namespace

void topk(const Tensor& x, const Tensor& values, const Tensor& indices) {
  if (values.numel() == 0) return;
  const std::int64_t columns = x.dim(-1), rows = x.numel() / columns;
  const RowLaunch shape(rows, columns);
  dispatch_floating("topk", x.dtype(), [&]<class T>() {
    launch("topk", x, topk_rows<T>, shape.grid, shape.block, x.data<T>(), rows, columns,
           values.dim(-1), values.data<T>(), indices.data<std::int64_t>());
  });
}

void topk_backward(const Tensor& dy, const Tensor& indices, const Tensor& dx) {
  if (dy.numel() == 0) return;
  dispatch_floating("topk", dy.dtype(), [&]<class T>() {
    launch("topk", dy, scatter<T>, dim3(blocks_for(dy.numel(), kThreads)), dim3(kThreads),
           dy.data<T>(), indices.data<std::int64_t>(), dy.numel(), dy.dim(-1), dx.dim(-1),
           dx.data<T>());
  });
}

}  // namespace osteon::cuda
