// softmax and log_softmax: the threads of one row of the block share a row. Bytes moved: inputs are
// read once from memory (and again from the cache), the output is written once.
#include "ops/cuda/device/log_sum_exp.cuh"
#include "ops/kernels.h"

namespace osteon::cuda {
namespace {

template <class T, bool is_log>
__global__ void __launch_bounds__(kThreads)
    softmax_rows(const T* x, std::int64_t rows, std::int64_t columns, T* y) {
  using A = Accumulator<T>;
  for (std::int64_t first = std::int64_t{blockIdx.x} * blockDim.y; first < rows;
       first += std::int64_t{gridDim.x} * blockDim.y) {
    const std::int64_t row = first + threadIdx.y;
    const std::int64_t mine =
        row < rows ? columns : 0;  // the other threads only take part in barriers
    const auto [maximum, sum] = sum_of_exponentials(x + row * columns, mine);
    const A log_sum = std::log(sum);
    for (std::int64_t i = threadIdx.x; i < mine; i += blockDim.x) {
      const A shifted = static_cast<A>(x[row * columns + i]) - maximum;
      y[row * columns + i] = T(is_log ? shifted - log_sum : std::exp(shifted) / sum);
    }
  }
}

// softmax: dx = y (dy - sum y dy); log_softmax: dx = dy - exp(y) sum dy
template <class T, bool is_log>
__global__ void __launch_bounds__(kThreads)
    softmax_backward_rows(const T* y, const T* dy, std::int64_t rows, std::int64_t columns, T* dx) {
  using A = Accumulator<T>;
  for (std::int64_t first = std::int64_t{blockIdx.x} * blockDim.y; first < rows;
       first += std::int64_t{gridDim.x} * blockDim.y) {
    const std::int64_t row = first + threadIdx.y, offset = row * columns;
    const std::int64_t mine = row < rows ? columns : 0;
    A sum = 0;
    for (std::int64_t i = threadIdx.x; i < mine; i += blockDim.x)
      sum += (is_log ? A(1) : static_cast<A>(y[offset + i])) * static_cast<A>(dy[offset + i]);
    sum = combine_along_x(sum, Sum());
    for (std::int64_t i = threadIdx.x; i < mine; i += blockDim.x) {
      const A output = static_cast<A>(y[offset + i]), gradient = static_cast<A>(dy[offset + i]);
      dx[offset + i] = T(is_log ? gradient - std::exp(output) * sum : output * (gradient - sum));
    }
  }
}

template <bool is_log>
void forward(const char* op, const Tensor& x, const Tensor& y) {
  if (x.numel() == 0) return;
  const std::int64_t columns = x.dim(-1), rows = x.numel() / columns;
  const RowLaunch shape(rows, columns);
  dispatch_floating(op, x.dtype(), [&]<class T>() {
    launch(op, x, softmax_rows<T, is_log>, shape.grid, shape.block, x.data<T>(), rows, columns,
           y.data<T>());
  });
}

template <bool is_log>
void backward(const char* op, const Tensor& y, const Tensor& dy, const Tensor& dx) {
  if (y.numel() == 0) return;
  const std::int64_t columns = y.dim(-1), rows = y.numel() / columns;
  const RowLaunch shape(rows, columns);
  dispatch_floating(op, y.dtype(), [&]<class T>() {
    launch(op, y, softmax_backward_rows<T, is_log>, shape.grid, shape.block, y.data<T>(),
           dy.data<T>(), rows, columns, dx.data<T>());
  });
}

}  // namespace

void softmax_forward(const Tensor& x, const Tensor& y) { forward<false>("softmax", x, y); }
void softmax_backward(const Tensor& y, const Tensor& dy, const Tensor& dx) {
  backward<false>("softmax", y, dy, dx);
}
void log_softmax_forward(const Tensor& x, const Tensor& y) { forward<true>("log_softmax", x, y); }
void log_softmax_backward(const Tensor& y, const Tensor& dy, const Tensor& dx) {
  backward<true>("log_softmax", y, dy, dx);
}

}  // namespace osteon::cuda
