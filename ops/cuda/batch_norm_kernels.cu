// The kernels of batch normalisation. Memory traffic: forward in training reads x twice
// (statistics, result) and the residual once, and writes y and one mask bit per element; in
// inference it reads x once. Backward reads dy and x twice (sums, gradients) and writes dx and
// dresidual. row_sums.cuh computes the sums.
//
// The variance is computed from sums of x - x[0] and its square: a channel's first value is near
// its mean, so nothing cancels if a mean is far from 0.
#include "ops/cuda/batch_norm_kernels.h"

#include <cmath>

#include "ops/cuda/device/row_sums.cuh"
#include "tensor/convert.h"
#include "tensor/cuda/pack.cuh"

namespace osteon::cuda {
namespace {

// Enough blocks to keep every device busy. A power of two, like most channel counts: then a
// thread's stride is a whole number of rows and its channels stay the same.
constexpr std::int64_t kTargetBlocks = 1024;
constexpr int kFlat = 8;  // elements whose mask bits share one byte

// A channel's affine map, y = (x - mean) scale + bias. Folding the mean into the bias would cancel
// if a channel's spread is small compared with its mean. Forward and backward round it in the same
// way, so that backward can recompute the ReLU mask from x.
template <class A>
struct ChannelMap {
  A mean, scale, bias;

  ChannelMap() = default;
  __device__ ChannelMap(const A* mean_, const A* inverse_std, const A* weight, const A* bias_,
                        std::int64_t c)
      : mean(mean_[c]), scale(weight[c] * inverse_std[c]), bias(bias_[c]) {}
  __device__ A operator()(A x) const { return std::fma(x - mean, scale, bias); }
};

// The parameters of all channels.
template <class A>
struct Channels {
  const A *mean, *inverse_std, *weight, *bias;
  __device__ ChannelMap<A> at(std::int64_t c) const { return {mean, inverse_std, weight, bias, c}; }
};

// The activation of `value`; NaN stays NaN.
template <class A>
__device__ A activated(Activation activation, A value) {
  switch (activation) {
    case Activation::none:
      break;
    case Activation::relu:
      return value < A(0) ? A(0) : value;
    case Activation::relu6:
      return functors::Clamp{0, 6}(value);
    case Activation::silu:
      return functors::Silu()(value);
  }
  return value;
}

// Whether relu or relu6 lets the gradient through.
template <class A>
__device__ bool is_open(Activation activation, A value) {
  return value > A(0) && (activation != Activation::relu6 || value < A(6));
}

// The gradient before the activation. `mask` has one bit per element, or is null if the
// activation's input can be computed again from x.
struct ActivationGradient {
  Activation activation;
  const std::uint8_t* mask;

  // The mask bits of element i and of the following elements in the same byte, lowest bit first.
  __device__ unsigned int bits_from(std::int64_t i) const {
    return mask != nullptr ? static_cast<unsigned int>(mask[i / kFlat]) >> i % kFlat : 0;
  }
  // The gradient of element `next` after element i; x is the input of batch norm.
  template <class A>
  __device__ A operator()(A dy, A x, unsigned int bits, int next, const ChannelMap<A>& map) const {
    if (activation == Activation::none) return dy;
    if (activation == Activation::silu) return functors::Silu().backward(dy, map(x)).at[0];
    const bool open = mask != nullptr ? (bits >> next & 1) != 0 : is_open(activation, map(x));
    return open ? dy : A(0);
  }
};

// --- sums over the rows --------------------------------------------------------------------------

// The sums of x - x[0] and of its square.
template <class T>
struct Deviations {
  using A = Accumulator<T>;
  const T* x;

  template <int n>
  struct Row {
    A shift[n];
  };
  template <int n>
  __device__ Row<n> prepare(std::int64_t column) const {
    Row<n> row;
    for (int i = 0; i < n; ++i) row.shift[i] = static_cast<A>(x[column + i]);
    return row;
  }
  template <int n>
  using Elements = Pack<T, n>;
  template <int n>
  __device__ Elements<n> load(std::int64_t at) const {
    return cuda::load<n>(x + at);
  }
  template <int n>
  __device__ void add(const Elements<n>& values, const Row<n>& row, TwoSums (&sums)[n]) const {
#pragma unroll
    for (int i = 0; i < n; ++i) {
      const auto deviation = static_cast<double>(static_cast<A>(values.at[i]) - row.shift[i]);
      sums[i].first += deviation;
      sums[i].second += deviation * deviation;
    }
  }
};

// The sums of g, the gradient before the activation, and of g (x - mean).
template <class T>
struct Gradients {
  using A = Accumulator<T>;
  const T *dy, *x;
  ActivationGradient activation_gradient;
  Channels<A> channels;

  template <int n>
  struct Row {
    ChannelMap<A> maps[n];
  };
  template <int n>
  __device__ Row<n> prepare(std::int64_t column) const {
    Row<n> row;
    for (int i = 0; i < n; ++i) row.maps[i] = channels.at(column + i);
    return row;
  }
  template <int n>
  struct Elements {
    Pack<T, n> dy, x;
    unsigned int mask_bits;
  };
  template <int n>
  __device__ Elements<n> load(std::int64_t at) const {
    return {cuda::load<n>(dy + at), cuda::load<n>(x + at), activation_gradient.bits_from(at)};
  }
  template <int n>
  __device__ void add(const Elements<n>& here, const Row<n>& row, TwoSums (&sums)[n]) const {
#pragma unroll
    for (int i = 0; i < n; ++i) {
      const A x_here = static_cast<A>(here.x.at[i]);
      const A g = activation_gradient(static_cast<A>(here.dy.at[i]), x_here, here.mask_bits, i,
                                      row.maps[i]);
      sums[i].first += static_cast<double>(g);
      sums[i].second += static_cast<double>(g) * static_cast<double>(x_here - row.maps[i].mean);
    }
  }
};

template <class T>
__global__ void __launch_bounds__(kThreads)
    join_statistics(const TwoSums* parts, std::int64_t count, const T* x, double rows,
                    std::int64_t channels, BatchNormOptions options, Accumulator<T>* running_mean,
                    Accumulator<T>* running_var, Accumulator<T>* mean,
                    Accumulator<T>* inverse_std) {
  using A = Accumulator<T>;
  const std::int64_t c = std::int64_t{blockIdx.x} * blockDim.x + threadIdx.x;
  const TwoSums sums = join_parts(parts, count, channels, c);
  if (threadIdx.y != 0 || c >= channels) return;
  const double shifted_mean = sums.first / rows;
  const double batch_mean = static_cast<double>(static_cast<A>(x[c])) + shifted_mean;
  const double deviation = fmax(sums.second - sums.first * shifted_mean, 0.0);
  const auto moved = [&](A running, double batch) {
    return static_cast<A>((1 - options.momentum) * static_cast<double>(running) +
                          options.momentum * batch);
  };
  mean[c] = static_cast<A>(batch_mean);
  inverse_std[c] = static_cast<A>(1 / std::sqrt(deviation / rows + options.epsilon));
  running_mean[c] = moved(running_mean[c], batch_mean);
  running_var[c] = moved(running_var[c], deviation / (rows - 1));
}

template <class A>
__global__ void __launch_bounds__(kThreads)
    take_running_statistics(const A* running_mean, const A* running_var, std::int64_t channels,
                            double epsilon, A* mean, A* inverse_std) {
  const std::int64_t c = std::int64_t{blockIdx.x} * blockDim.x + threadIdx.x;
  if (c >= channels) return;
  mean[c] = running_mean[c];
  inverse_std[c] = static_cast<A>(1 / std::sqrt(static_cast<double>(running_var[c]) + epsilon));
}

// dx = g of_g + x of_x + constant, where of_g, of_x and constant are coefficients of each channel.
template <class A>
struct InputGradient {
  A *of_g, *of_x, *constant;
};

template <class A>
__global__ void __launch_bounds__(kThreads)
    join_gradients(const TwoSums* parts, std::int64_t count, double rows, std::int64_t channels,
                   Channels<A> parameters, bool training, A* dweight, A* dbias,
                   InputGradient<A> gradient) {
  const std::int64_t c = std::int64_t{blockIdx.x} * blockDim.x + threadIdx.x;
  const TwoSums sums = join_parts(parts, count, channels, c);
  if (threadIdx.y != 0 || c >= channels) return;
  const auto inverse = static_cast<double>(parameters.inverse_std[c]);
  const double sum_gx = sums.second * inverse;
  dbias[c] = static_cast<A>(sums.first);
  dweight[c] = static_cast<A>(sum_gx);
  const double scale = static_cast<double>(parameters.weight[c]) * inverse;
  // The batch's mean and variance depend on x, hence the two additional terms in the rule of
  // ops/batch_norm.cpp.
  const double of_x = training ? -scale * inverse * sum_gx / rows : 0;
  const double mean_g = training ? sums.first / rows : 0;
  gradient.of_g[c] = static_cast<A>(scale);
  gradient.of_x[c] = static_cast<A>(of_x);
  gradient.constant[c] =
      static_cast<A>(-scale * mean_g - of_x * static_cast<double>(parameters.mean[c]));
}

// --- over the elements ---------------------------------------------------------------------------

// Calls body(first element, channel) for this thread's runs of kFlat elements, in memory order.
template <class Body>
__device__ void for_each_run(std::int64_t elements, std::int64_t channels, const Body& body) {
  const std::int64_t step = std::int64_t{gridDim.x} * blockDim.x * kFlat;
  const std::int64_t channel_step = step % channels;
  std::int64_t at = (std::int64_t{blockIdx.x} * blockDim.x + threadIdx.x) * kFlat;
  for (std::int64_t c = at % channels; at < elements; at += step) {
    body(at, c);
    c += channel_step;
    if (c >= channels) c -= channels;
  }
}

// Calls body(i, channel) for the elements of a run that begins at channel c.
template <class Body>
__device__ void for_each_channel(std::int64_t c, std::int64_t channels, const Body& body) {
#pragma unroll
  for (int i = 0; i < kFlat; ++i) {
    body(i, c);
    c = c + 1 == channels ? 0 : c + 1;
  }
}

// A run of up to kFlat elements; elements beyond `count` are 0.
template <class T>
__device__ Pack<T, kFlat> load_run(const T* from, std::int64_t count, bool vectorised) {
  if (vectorised && count >= kFlat) return load<kFlat>(from);
  Pack<T, kFlat> run{};
#pragma unroll
  for (int i = 0; i < kFlat; ++i)
    if (i < count) run.at[i] = from[i];
  return run;
}
template <class T>
__device__ void store_run(T* to, const Pack<T, kFlat>& run, std::int64_t count, bool vectorised) {
  if (vectorised && count >= kFlat) return store<kFlat>(to, run);
#pragma unroll
  for (int i = 0; i < kFlat; ++i)
    if (i < count) to[i] = run.at[i];
}

// y = activation(map(x) + residual). If mask is given, writes one bit per element: whether relu or
// relu6 lets the gradient through.
template <class T>
__global__ void __launch_bounds__(kThreads)
    normalise(const T* x, const T* residual, std::int64_t elements, std::int64_t channels,
              Channels<Accumulator<T>> parameters, Activation activation, bool vectorised, T* y,
              std::uint8_t* mask) {
  using A = Accumulator<T>;
  ChannelMap<A> maps[kFlat];
  std::int64_t loaded = -1;  // first channel of the current maps
  for_each_run(elements, channels, [&](std::int64_t at, std::int64_t c) {
    if (c != loaded)
      for_each_channel(c, channels,
                       [&](int i, std::int64_t channel) { maps[i] = parameters.at(channel); });
    loaded = c;
    const std::int64_t count = elements - at;
    const Pack<T, kFlat> from = load_run(x + at, count, vectorised);
    Pack<T, kFlat> joined{}, to;
    if (residual != nullptr) joined = load_run(residual + at, count, vectorised);
    unsigned int bits = 0;
#pragma unroll
    for (int i = 0; i < kFlat; ++i) {
      const A value = maps[i](static_cast<A>(from.at[i])) + static_cast<A>(joined.at[i]);
      bits |= static_cast<unsigned int>(is_open(activation, value)) << i;
      to.at[i] = T(activated(activation, value));
    }
    store_run(y + at, to, count, vectorised);
    if (mask != nullptr) mask[at / kFlat] = static_cast<std::uint8_t>(bits);
  });
}

// Computes dx and dresidual if they are needed.
template <class T>
__global__ void __launch_bounds__(kThreads)
    apply_gradients(const T* dy, const T* x, std::int64_t elements, std::int64_t channels,
                    ActivationGradient activation_gradient, Channels<Accumulator<T>> parameters,
                    InputGradient<Accumulator<T>> gradient, bool vectorised, T* dx, T* dresidual) {
  using A = Accumulator<T>;
  ChannelMap<A> maps[kFlat];
  A of_g[kFlat], of_x[kFlat], constant[kFlat];
  std::int64_t loaded = -1;
  for_each_run(elements, channels, [&](std::int64_t at, std::int64_t c) {
    if (c != loaded)
      for_each_channel(c, channels, [&](int i, std::int64_t channel) {
        maps[i] = parameters.at(channel);
        of_g[i] = gradient.of_g[channel];
        of_x[i] = gradient.of_x[channel];
        constant[i] = gradient.constant[channel];
      });
    loaded = c;
    const std::int64_t count = elements - at;
    const Pack<T, kFlat> slope = load_run(dy + at, count, vectorised);
    const Pack<T, kFlat> value = load_run(x + at, count, vectorised);
    const unsigned int bits = activation_gradient.bits_from(at);
    Pack<T, kFlat> to_x, to_residual;
#pragma unroll
    for (int i = 0; i < kFlat; ++i) {
      const A x_here = static_cast<A>(value.at[i]);
      const A g = activation_gradient(static_cast<A>(slope.at[i]), x_here, bits, i, maps[i]);
      to_x.at[i] = T(g * of_g[i] + x_here * of_x[i] + constant[i]);
      to_residual.at[i] = T(g);
    }
    if (dx != nullptr) store_run(dx + at, to_x, count, vectorised);
    if (dresidual != nullptr) store_run(dresidual + at, to_residual, count, vectorised);
  });
}

// --- host code -----------------------------------------------------------------------------------

constexpr const char* kOp = "batch_norm";

template <class T, int n>
bool all_aligned(std::initializer_list<const Tensor*> tensors) {
  return std::ranges::all_of(tensors,
                             [](const Tensor* x) { return !x->defined() || is_aligned<T, n>(*x); });
}

template <class A>
Channels<A> channels_of(const Tensor& mean, const Tensor& inverse_std, const Tensor& weight,
                        const Tensor& bias) {
  return {mean.data<A>(), inverse_std.data<A>(), weight.data<A>(), bias.data<A>()};
}

template <class T>
void forward(const Tensor& x, const Tensor& weight, const Tensor& bias, const Tensor& residual,
             const BatchNormOptions& options, const Tensor& running_mean, const Tensor& running_var,
             const Tensor& mean, const Tensor& inverse_std, const Tensor& y, ReluMask& relu_mask) {
  using A = Accumulator<T>;
  const std::int64_t channels = x.dim(-1), rows = x.numel() / channels;
  if (options.training) {
    const Parts parts = sum_in_parts<T>(kOp, x, Deviations<T>{x.data<T>()},
                                        is_aligned<T, std::min(kPack<T>, 4)>(x));
    launch(kOp, x, join_statistics<T>, join_grid(channels), join_block(), parts.sums(), parts.count,
           x.data<T>(), static_cast<double>(rows), channels, options, running_mean.data<A>(),
           running_var.data<A>(), mean.data<A>(), inverse_std.data<A>());
  } else {
    launch(kOp, x, take_running_statistics<A>, dim3(blocks_for(channels, kThreads, 1 << 30)),
           dim3(kThreads), running_mean.data<A>(), running_var.data<A>(), channels, options.epsilon,
           mean.data<A>(), inverse_std.data<A>());
  }
  if (options.activation != Activation::none && residual.defined())
    relu_mask.own = Tensor({(x.numel() + kFlat - 1) / kFlat}, DType::u8, x.device());
  launch(kOp, x, normalise<T>, dim3(blocks_for(x.numel(), kThreads * kFlat, kTargetBlocks)),
         dim3(kThreads), x.data<T>(), residual.data_or_null<T>(), x.numel(), channels,
         channels_of<A>(mean, inverse_std, weight, bias), options.activation,
         all_aligned<T, kFlat>({&x, &residual, &y}), y.data<T>(),
         relu_mask.own.data_or_null<std::uint8_t>());
}

template <class T>
void backward(const BatchNormBackward& arguments) {
  using A = Accumulator<T>;
  const auto& [dy, x, relu_mask, weight, bias, mean, inverse_std, options, dx, dweight, dbias,
               dresidual] = arguments;
  constexpr int kWide = std::min(kPack<T>, 4);
  const std::int64_t channels = x.dim(-1), rows = x.numel() / channels;
  const Channels<A> parameters = channels_of<A>(mean, inverse_std, weight, bias);
  const ActivationGradient activation_gradient{options.activation,
                                               relu_mask.own.data_or_null<std::uint8_t>()};
  const Parts parts = sum_in_parts<T>(
      kOp, x, Gradients<T>{dy.data<T>(), x.data<T>(), activation_gradient, parameters},
      all_aligned<T, kWide>({&dy, &x}));
  const Tensor factors({3, channels}, dtype_of<A>(), x.device());
  A* const of_g = factors.data<A>();
  const InputGradient<A> gradient{of_g, of_g + channels, of_g + 2 * channels};
  launch(kOp, x, join_gradients<A>, join_grid(channels), join_block(), parts.sums(), parts.count,
         static_cast<double>(rows), channels, parameters, options.training, dweight.data<A>(),
         dbias.data<A>(), gradient);
  if (!dx.defined() && !dresidual.defined()) return;
  launch(kOp, x, apply_gradients<T>, dim3(blocks_for(x.numel(), kThreads * kFlat, kTargetBlocks)),
         dim3(kThreads), dy.data<T>(), x.data<T>(), x.numel(), channels, activation_gradient,
         parameters, gradient, all_aligned<T, kFlat>({&dy, &x, &dx, &dresidual}),
         dx.data_or_null<T>(), dresidual.data_or_null<T>());
}

}  // namespace

void generic_batch_norm_forward(const Tensor& x, const Tensor& weight, const Tensor& bias,
                                const Tensor& residual, const BatchNormOptions& options,
                                const Tensor& running_mean, const Tensor& running_var,
                                const Tensor& mean, const Tensor& inverse_std, const Tensor& y,
                                ReluMask& relu_mask) {
  dispatch_floating(kOp, x.dtype(), [&]<class T>() {
    forward<T>(x, weight, bias, residual, options, running_mean, running_var, mean, inverse_std, y,
               relu_mask);
  });
}

void generic_batch_norm_backward(const BatchNormBackward& arguments) {
  dispatch_floating(kOp, arguments.dy.dtype(), [&]<class T>() { backward<T>(arguments); });
}

}  // namespace osteon::cuda
