// The kernels of dense blocks: batch norm and ReLU of the first channels of a buffer that holds
// more per pixel. Bytes moved: forward reads these channels and writes y; backward reads dy and the
// channels twice (sums, gradients), and reads and writes dbuffer once. row_sums.cuh computes the
// sums.
#include "ops/cuda/device/row_sums.cuh"
#include "ops/kernels.h"
#include "tensor/convert.h"

namespace osteon::cuda {
namespace {

// The affine map of a channel, rounded in the same way in both directions, so that backward finds
// the ReLU mask again.
template <class A>
struct Channels {
  const A *mean, *inverse_std, *weight, *bias;
  __device__ A operator()(A x, std::int64_t c) const {
    return std::fma(x - mean[c], weight[c] * inverse_std[c], bias[c]);
  }
};

template <class T>
Channels<Accumulator<T>> channels_of(const Tensor& mean, const Tensor& inverse_std,
                                     const Tensor& weight, const Tensor& bias) {
  using A = Accumulator<T>;
  return {mean.data<A>(), inverse_std.data<A>(), weight.data<A>(), bias.data<A>()};
}

// Calls body(row, column) for the first of n columns of each vector of a matrix. Block: (columns,
// rows). Grid: (columns, rows).
template <int n, class Body>
__device__ void for_each_vector(std::int64_t rows, std::int64_t columns, const Body& body) {
  const std::int64_t column = (std::int64_t{blockIdx.x} * blockDim.x + threadIdx.x) * n;
  if (column >= columns) return;
  const std::int64_t step = std::int64_t{gridDim.y} * blockDim.y;
  for (std::int64_t row = std::int64_t{blockIdx.y} * blockDim.y + threadIdx.y; row < rows;
       row += step)
    body(row, column);
}

template <int n, class T>
__global__ void __launch_bounds__(kThreads)
    dense_norm(const T* buffer, std::int64_t pitch, std::int64_t rows, std::int64_t columns,
               Channels<Accumulator<T>> channels, T* y) {
  using A = Accumulator<T>;
  for_each_vector<n>(rows, columns, [&](std::int64_t row, std::int64_t column) {
    Pack<T, n> pack = load<n>(buffer + row * pitch + column);
#pragma unroll
    for (int i = 0; i < n; ++i) {
      const A value = channels(static_cast<A>(pack.at[i]), column + i);
      pack.at[i] = T(value > A(0) ? value : A(0));
    }
    store(y + row * columns + column, pack);
  });
}

// The terms of the sums of g and g (x - mean), where g is dy behind the ReLU (row_sums.cuh).
template <class T>
struct GradientTerms {
  using A = Accumulator<T>;
  const T *dy, *buffer;
  std::int64_t pitch, columns;
  Channels<A> channels;

  template <int n>
  struct Row {
    std::int64_t column;
  };
  template <int n>
  __device__ Row<n> prepare(std::int64_t column) const {
    return {column};
  }
  template <int n>
  struct Elements {
    Pack<T, n> dy, x;
  };
  template <int n>
  __device__ Elements<n> load(std::int64_t at) const {
    const std::int64_t row = at / columns;
    return {cuda::load<n>(dy + at), cuda::load<n>(buffer + row * pitch + (at - row * columns))};
  }
  template <int n>
  __device__ void add(const Elements<n>& elements, const Row<n>& first, TwoSums (&sums)[n]) const {
#pragma unroll
    for (int i = 0; i < n; ++i) {
      const std::int64_t c = first.column + i;
      const A x = static_cast<A>(elements.x.at[i]), g = static_cast<A>(elements.dy.at[i]);
      if (!(channels(x, c) > A(0))) continue;
      sums[i].first += static_cast<double>(g);
      sums[i].second += static_cast<double>(g * (x - channels.mean[c]));
    }
  }
};

// dx = g of_g + x of_x + constant for each channel, as [3, columns].
template <class A>
__global__ void __launch_bounds__(kThreads)
    dense_norm_join(const TwoSums* parts, std::int64_t count, std::int64_t columns, double rows,
                    Channels<A> channels, bool training, A* dweight, A* dbias, A* coefficients) {
  const std::int64_t c = std::int64_t{blockIdx.x} * kJoinColumns + threadIdx.x;
  const TwoSums sums = join_parts(parts, count, columns, c);
  if (threadIdx.y != 0 || c >= columns) return;
  const auto inverse = static_cast<double>(channels.inverse_std[c]);
  const double sum_gx = sums.second * inverse;
  const double scale = static_cast<double>(channels.weight[c]) * inverse;
  const double of_x = training ? -scale * inverse * sum_gx / rows : 0;
  const double mean_g = training ? sums.first / rows : 0;
  dbias[c] = static_cast<A>(sums.first);
  dweight[c] = static_cast<A>(sum_gx);
  coefficients[c] = static_cast<A>(scale);
  coefficients[columns + c] = static_cast<A>(of_x);
  coefficients[2 * columns + c] =
      static_cast<A>(-scale * mean_g - of_x * static_cast<double>(channels.mean[c]));
}

template <int n, class T>
__global__ void __launch_bounds__(kThreads)
    dense_norm_add_gradient(const T* dy, const T* buffer, std::int64_t pitch, std::int64_t rows,
                            std::int64_t columns, Channels<Accumulator<T>> channels,
                            const Accumulator<T>* coefficients, T* dbuffer) {
  using A = Accumulator<T>;
  for_each_vector<n>(rows, columns, [&](std::int64_t row, std::int64_t column) {
    const Pack<T, n> x = load<n>(buffer + row * pitch + column);
    const Pack<T, n> gradient = load<n>(dy + row * columns + column);
    Pack<T, n> sum = load<n>(dbuffer + row * pitch + column);
#pragma unroll
    for (int i = 0; i < n; ++i) {
      const std::int64_t c = column + i;
      const A value = static_cast<A>(x.at[i]);
      const A g = channels(value, c) > A(0) ? static_cast<A>(gradient.at[i]) : A(0);
      sum.at[i] = T(static_cast<A>(sum.at[i]) + g * coefficients[c] +
                    value * coefficients[columns + c] + coefficients[2 * columns + c]);
    }
    store(dbuffer + row * pitch + column, sum);
  });
}

// Block and grid of kernels that use for_each_vector; `vectorised`: with vectors of kPack elements.
template <class T>
struct MatrixLaunch {
  bool vectorised;
  dim3 grid, block;

  MatrixLaunch(std::int64_t rows, std::int64_t columns, std::int64_t pitch, bool aligned)
      : vectorised(aligned && columns % kPack<T> == 0 && pitch % kPack<T> == 0) {
    const std::int64_t width = vectorised ? columns / kPack<T> : columns;
    const int across = threads_for(width, kThreads), down = kThreads / across;
    block = dim3(static_cast<unsigned int>(across), static_cast<unsigned int>(down));
    grid = dim3(blocks_for(width, across), blocks_for(rows, down, kMaxGridYZ));
  }
};

template <class T>
bool all_aligned(const Tensors& tensors) {
  return std::all_of(tensors.begin(), tensors.end(),
                     [](const Tensor& x) { return is_aligned<T, kPack<T>>(x); });
}

template <class A>
__global__ void __launch_bounds__(kThreads)
    move_running(const A* mean, const A* var, double momentum, std::int64_t columns,
                 A* running_mean, A* running_var) {
  const std::int64_t c = std::int64_t{blockIdx.x} * blockDim.x + threadIdx.x;
  if (c >= columns) return;
  const auto moved = [&](A running, A batch) {
    return static_cast<A>((1 - momentum) * static_cast<double>(running) +
                          momentum * static_cast<double>(batch));
  };
  running_mean[c] = moved(running_mean[c], mean[c]);
  running_var[c] = moved(running_var[c], var[c]);
}

template <class T>
void backward(const DenseNormBackward& a) {
  using A = Accumulator<T>;
  const std::int64_t columns = a.dy.dim(-1), rows = a.dy.numel() / columns;
  const std::int64_t pitch = a.buffer.dim(-1);
  if (rows == 0) {
    fill_(a.dweight, 0);
    fill_(a.dbias, 0);
    return;
  }
  const auto channels = channels_of<T>(a.mean, a.inverse_std, a.weight, a.bias);
  const MatrixLaunch<T> shape(rows, columns, pitch, all_aligned<T>({a.dy, a.buffer, a.dbuffer}));
  const GradientTerms<T> terms{a.dy.data<T>(), a.buffer.data<T>(), pitch, columns, channels};
  const Parts parts = sum_in_parts<T>("dense_block", a.dy, terms, shape.vectorised);
  const Tensor coefficients({3, columns}, a.weight.dtype(), a.dy.device());
  launch("dense_block", a.dy, dense_norm_join<A>, join_grid(columns), join_block(), parts.sums(),
         parts.count, columns, static_cast<double>(rows), channels, a.training, a.dweight.data<A>(),
         a.dbias.data<A>(), coefficients.data<A>());
  launch("dense_block", a.dy,
         shape.vectorised ? dense_norm_add_gradient<kPack<T>, T> : dense_norm_add_gradient<1, T>,
         shape.grid, shape.block, a.dy.data<T>(), a.buffer.data<T>(), pitch, rows, columns,
         channels, coefficients.data<A>(), a.dbuffer.data<T>());
}

}  // namespace

void dense_norm_forward(const Tensor& buffer, const Tensor& mean, const Tensor& inverse_std,
                        const Tensor& weight, const Tensor& bias, const Tensor& y) {
  if (y.numel() == 0) return;
  const std::int64_t columns = y.dim(-1), rows = y.numel() / columns, pitch = buffer.dim(-1);
  dispatch_floating("dense_block", buffer.dtype(), [&]<class T>() {
    const MatrixLaunch<T> shape(rows, columns, pitch, all_aligned<T>({buffer, y}));
    launch("dense_block", y, shape.vectorised ? dense_norm<kPack<T>, T> : dense_norm<1, T>,
           shape.grid, shape.block, buffer.data<T>(), pitch, rows, columns,
           channels_of<T>(mean, inverse_std, weight, bias), y.data<T>());
  });
}

void dense_norm_backward(const DenseNormBackward& arguments) {
  dispatch_floating("dense_block", arguments.dy.dtype(),
                    [&]<class T>() { backward<T>(arguments); });
}

void move_running_statistics(const Tensor& mean, const Tensor& var, double momentum,
                             const Tensor& running_mean, const Tensor& running_var) {
  const std::int64_t columns = running_mean.numel();
  dispatch_floating("dense_block", mean.dtype(), [&]<class T>() {
    if constexpr (std::is_same_v<T, Accumulator<T>>)
      launch("dense_block", mean, move_running<T>, dim3(blocks_for(columns, kThreads)),
             dim3(kThreads), mean.data<T>(), var.data<T>(), momentum, columns,
             running_mean.data<T>(), running_var.data<T>());
  });
}

}  // namespace osteon::cuda
