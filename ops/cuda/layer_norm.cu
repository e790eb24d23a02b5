// Layer normalisation: the threads of one row of the block share a row of x. Bytes moved: forward
// reads x once from memory (and twice again from the cache) and writes y; the data gradient reads
// dy and x once and writes dx; the gradients of the parameters read dy and x once more.
#include "ops/cuda/device/log_sum_exp.cuh"
#include "ops/cuda/device/row_sums.cuh"
#include "ops/kernels.h"

namespace osteon::cuda {
namespace {

template <class T>
__global__ void __launch_bounds__(kThreads)
    layer_norm_rows(const T* x, const Accumulator<T>* weight, const Accumulator<T>* bias,
                    Accumulator<T> epsilon, std::int64_t rows, std::int64_t columns,
                    Accumulator<T>* means, Accumulator<T>* inverse_stds, T* y) {
  using A = Accumulator<T>;
  for (std::int64_t first = std::int64_t{blockIdx.x} * blockDim.y; first < rows;
       first += std::int64_t{gridDim.x} * blockDim.y) {
    const std::int64_t row = first + threadIdx.y, offset = row * columns;
    const std::int64_t mine = row < rows ? columns : 0;  // others only take part in barriers
    A sum = 0, squares = 0;
    for (std::int64_t i = threadIdx.x; i < mine; i += blockDim.x)
      sum += static_cast<A>(x[offset + i]);
    const A mean = combine_along_x(sum, Sum()) / static_cast<A>(columns);
    for (std::int64_t i = threadIdx.x; i < mine; i += blockDim.x) {
      const A deviation = static_cast<A>(x[offset + i]) - mean;
      squares += deviation * deviation;
    }
    const A variance = combine_along_x(squares, Sum()) / static_cast<A>(columns);
    const A inverse_std = A(1) / std::sqrt(variance + epsilon);
    for (std::int64_t i = threadIdx.x; i < mine; i += blockDim.x)
      y[offset + i] = T((static_cast<A>(x[offset + i]) - mean) * inverse_std * weight[i] + bias[i]);
    if (threadIdx.x != 0 || mine == 0) continue;
    means[row] = mean;
    inverse_stds[row] = inverse_std;
  }
}

template <class T>
__global__ void __launch_bounds__(kThreads)
    layer_norm_backward_rows(const T* dy, const T* x, const Accumulator<T>* weight,
                             const Accumulator<T>* means, const Accumulator<T>* inverse_stds,
                             std::int64_t rows, std::int64_t columns, T* dx) {
  using A = Accumulator<T>;
  for (std::int64_t first = std::int64_t{blockIdx.x} * blockDim.y; first < rows;
       first += std::int64_t{gridDim.x} * blockDim.y) {
    const std::int64_t row = first + threadIdx.y, offset = row * columns;
    const std::int64_t mine = row < rows ? columns : 0;
    const A mean = mine > 0 ? means[row] : A(0), inverse_std = mine > 0 ? inverse_stds[row] : A(0);
    A sum = 0, dot = 0;
    for (std::int64_t i = threadIdx.x; i < mine; i += blockDim.x) {
      const A g = static_cast<A>(dy[offset + i]) * weight[i];
      sum += g;
      dot += g * ((static_cast<A>(x[offset + i]) - mean) * inverse_std);
    }
    const A mean_g = combine_along_x(sum, Sum()) / static_cast<A>(columns);
    const A mean_gx = combine_along_x(dot, Sum()) / static_cast<A>(columns);
    for (std::int64_t i = threadIdx.x; i < mine; i += blockDim.x) {
      const A g = static_cast<A>(dy[offset + i]) * weight[i];
      const A normalised = (static_cast<A>(x[offset + i]) - mean) * inverse_std;
      dx[offset + i] = T((g - mean_g - normalised * mean_gx) * inverse_std);
    }
  }
}

// The terms of dweight and dbias (row_sums.cuh).
template <class T>
struct ParameterTerms {
  using A = Accumulator<T>;
  const T *dy, *x;
  const A *means, *inverse_stds;
  std::int64_t columns;

  template <int n>
  struct Row {};
  template <int n>
  __device__ Row<n> prepare(std::int64_t) const {
    return {};
  }
  template <int n>
  struct Elements {
    Pack<T, n> dy, x;
    A mean, inverse_std;
  };
  template <int n>
  __device__ Elements<n> load(std::int64_t at) const {
    const std::int64_t row = at / columns;
    return {cuda::load<n>(dy + at), cuda::load<n>(x + at), means[row], inverse_stds[row]};
  }
  template <int n>
  __device__ void add(const Elements<n>& elements, const Row<n>&, TwoSums (&sums)[n]) const {
#pragma unroll
    for (int i = 0; i < n; ++i) {
      const A gradient = static_cast<A>(elements.dy.at[i]);
      const A deviation = static_cast<A>(elements.x.at[i]) - elements.mean;
      sums[i].first += static_cast<double>(gradient * (deviation * elements.inverse_std));
      sums[i].second += static_cast<double>(gradient);
    }
  }
};

template <class A>
__global__ void __launch_bounds__(kThreads)
    layer_norm_join(const TwoSums* parts, std::int64_t count, std::int64_t columns, A* dweight,
                    A* dbias) {
  const std::int64_t c = std::int64_t{blockIdx.x} * kJoinColumns + threadIdx.x;
  const TwoSums sums = join_parts(parts, count, columns, c);
  if (threadIdx.y != 0 || c >= columns) return;
  if (dweight != nullptr) dweight[c] = static_cast<A>(sums.first);
  if (dbias != nullptr) dbias[c] = static_cast<A>(sums.second);
}

template <class T>
void backward_parameters(const Tensor& dy, const Tensor& x, const Tensor& mean,
                         const Tensor& inverse_std, const Tensor& dweight, const Tensor& dbias) {
  using A = Accumulator<T>;
  const std::int64_t columns = x.dim(-1);
  const ParameterTerms<T> terms{dy.data<T>(), x.data<T>(), mean.data<A>(), inverse_std.data<A>(),
                                columns};
  const bool aligned = is_aligned<T, kPack<T>>(dy) && is_aligned<T, kPack<T>>(x);
  const Parts parts = sum_in_parts<T>("layer_norm", x, terms, aligned);
  const auto memory = [](const Tensor& y) { return y.defined() ? y.data<A>() : nullptr; };
  launch("layer_norm", x, layer_norm_join<A>, join_grid(columns), join_block(), parts.sums(),
         parts.count, columns, memory(dweight), memory(dbias));
}

}  // namespace

void layer_norm_forward(const Tensor& x, const Tensor& weight, const Tensor& bias, double epsilon,
                        const Tensor& mean, const Tensor& inverse_std, const Tensor& y) {
  if (x.numel() == 0) return;
  const std::int64_t columns = x.dim(-1), rows = mean.numel();
  const RowLaunch shape(rows, columns);
  dispatch_floating("layer_norm", x.dtype(), [&]<class T>() {
    using A = Accumulator<T>;
    launch("layer_norm", x, layer_norm_rows<T>, shape.grid, shape.block, x.data<T>(),
           weight.data<A>(), bias.data<A>(), static_cast<A>(epsilon), rows, columns, mean.data<A>(),
           inverse_std.data<A>(), y.data<T>());
  });
}

void layer_norm_backward(const Tensor& dy, const Tensor& x, const Tensor& weight,
                         const Tensor& mean, const Tensor& inverse_std, const Tensor& dx,
                         const Tensor& dweight, const Tensor& dbias) {
  const std::int64_t columns = x.dim(-1), rows = mean.numel();
  if (rows == 0) {
    if (dweight.defined()) fill_(dweight, 0);
    if (dbias.defined()) fill_(dbias, 0);
    return;
  }
  dispatch_floating("layer_norm", x.dtype(), [&]<class T>() {
    using A = Accumulator<T>;
    if (dx.defined()) {
      const RowLaunch shape(rows, columns);
      launch("layer_norm", x, layer_norm_backward_rows<T>, shape.grid, shape.block, dy.data<T>(),
             x.data<T>(), weight.data<A>(), mean.data<A>(), inverse_std.data<A>(), rows, columns,
             dx.data<T>());
    }
    if (dweight.defined() || dbias.defined())
      backward_parameters<T>(dy, x, mean, inverse_std, dweight, dbias);
  });
}

}  // namespace osteon::cuda
