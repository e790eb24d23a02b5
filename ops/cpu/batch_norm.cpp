// Batch normalisation on the CPU. It is bound by memory traffic:
//
// * The statistics read x once. A block of rows that fits into the cache gives its mean and sum of
//   squared deviations; blocks are combined by the formula of Chan, Golub and LeVeque, "Algorithms
//   for computing the sample variance" (1983). Unlike "mean of squares minus square of mean", it
//   has no cancellation.
// * Each pass starts where the previous one ended, with data that are still in the cache: the
//   previous convolution writes in ascending order, the sums are computed in descending order, the
//   results in ascending order.
// * Backward computes the activation's input again from x if there is no residual, and gradients
//   may overwrite their own inputs (kernels.h).
#include <cmath>
#include <vector>

#include "base/parallel.h"
#include "ops/cpu/activation.h"
#include "ops/cpu/norm_gradient.h"
#include "ops/kernels.h"

namespace osteon::cpu::OSTEON_CPU_SET {
namespace {

std::int64_t rows_of(const Tensor& x) { return x.numel() / x.dim(-1); }
// Calls body(first element, channel, count) for all lanes of rows [begin, end).
template <class T, class Body>
void for_each_lanes(std::int64_t begin, std::int64_t end, std::int64_t channels, const Body& body) {
  for (std::int64_t row = begin; row < end; ++row)
    cpu::for_each_lanes<T>(channels,
                           [&](std::int64_t c, auto count) { body(row * channels + c, c, count); });
}

// Count, mean and sum of squared deviations of each channel over some rows. In double: there are
// only C of them, and a million f32 values per channel are common.
struct Moments {
  explicit Moments(std::int64_t channels)
      : mean(static_cast<std::size_t>(channels)), deviation(static_cast<std::size_t>(channels)) {}

  void join(double other_count, std::size_t c, double other_mean, double other_deviation) {
    // [exercise 6a]
    const double total = count + other_count, delta = other_mean - mean[c];
    mean[c] += delta * other_count / total;
    deviation[c] += other_deviation + delta * delta * count * other_count / total;
    // [exercise end]
  }

  double count = 0;
  std::vector<double> mean, deviation;
};

template <class T>
void add_block(const T* x, std::int64_t begin, std::int64_t end, std::int64_t channels,
               PerChannel<T>& mean, PerChannel<T>& squares, Moments& moments) {
  using A = Accumulator<T>;
  mean.clear();
  squares.clear();
  for_each_lanes<T>(begin, end, channels, [&](std::int64_t i, std::int64_t c, auto count) {
    mean.at(c) += load(x + i, count);
  });
  // [exercise 6b]
  const A scale = A(1) / static_cast<A>(end - begin);
  for (std::int64_t c = 0; c < channels; c += kLanes<T>) mean.at(c) *= scale;
  for_each_lanes<T>(begin, end, channels, [&](std::int64_t i, std::int64_t c, auto count) {
    const Lanes<T> deviation = load(x + i, count) - mean.at(c);
    squares.at(c) += deviation * deviation;
  });
  // [exercise end]
  const auto rows = static_cast<double>(end - begin);
  for (std::int64_t c = 0; c < channels; ++c)
    moments.join(rows, static_cast<std::size_t>(c), static_cast<double>(mean.data()[c]),
                 static_cast<double>(squares.data()[c]));
  moments.count += rows;
}

template <class T>
Moments batch_moments(const T* x, std::int64_t rows, std::int64_t channels) {
  std::vector<Moments> partial(static_cast<std::size_t>(num_threads()), Moments(channels));
  const int used = parallel_ranges(
      rows, rows_worth(kGrainElements, channels),
      [&](int thread, std::int64_t begin, std::int64_t end) {
        PerChannel<T> mean(channels), squares(channels);
        for_each_block_downwards(begin, end, channels, [&](std::int64_t first, std::int64_t last) {
          add_block(x, first, last, channels, mean, squares,
                    partial[static_cast<std::size_t>(thread)]);
        });
      });
  Moments total = std::move(partial[0]);
  for (std::size_t thread = 1; thread < static_cast<std::size_t>(used); ++thread) {
    const Moments& other = partial[thread];
    for (std::size_t c = 0; c < total.mean.size(); ++c)
      total.join(other.count, c, other.mean[c], other.deviation[c]);
    total.count += other.count;
  }
  return total;
}

template <class T>
void training_statistics(const Tensor& x, const BatchNormOptions& options,
                         const Tensor& running_mean, const Tensor& running_var, const Tensor& mean,
                         const Tensor& inverse_std) {
  using A = Accumulator<T>;
  const Moments moments = batch_moments(x.data<T>(), rows_of(x), x.dim(-1));
  const auto moved = [&](A running, double batch) {
    return static_cast<A>((1 - options.momentum) * static_cast<double>(running) +
                          options.momentum * batch);
  };
  for (std::int64_t c = 0; c < x.dim(-1); ++c) {
    const double batch_mean = moments.mean[static_cast<std::size_t>(c)];
    const double deviation = moments.deviation[static_cast<std::size_t>(c)];
    // [exercise 5a]
    mean.data<A>()[c] = static_cast<A>(batch_mean);
    inverse_std.data<A>()[c] =
        static_cast<A>(1 / std::sqrt(deviation / moments.count + options.epsilon));
    running_mean.data<A>()[c] = moved(running_mean.data<A>()[c], batch_mean);
    running_var.data<A>()[c] = moved(running_var.data<A>()[c], deviation / (moments.count - 1));
    // [exercise end]
  }
}

template <class T>
void running_statistics(const BatchNormOptions& options, const Tensor& running_mean,
                        const Tensor& running_var, const Tensor& mean, const Tensor& inverse_std) {
  using A = Accumulator<T>;
  copy_(mean, running_mean);
  for (std::int64_t c = 0; c < mean.numel(); ++c)
    inverse_std.data<A>()[c] = static_cast<A>(
        1 / std::sqrt(static_cast<double>(running_var.data<A>()[c]) + options.epsilon));
}

// Calls body with the activation as a constant and, as another, whether there is a residual.
template <class Body>
void with_constants(Activation activation, bool has_residual, const Body& body) {
  with_activation(activation, [&](auto function) {
    if (has_residual)
      body(function, std::true_type());
    else
      body(function, std::false_type());
  });
}

// y = activation((x - mean) * scale + bias + residual).
template <class T>
void forward(const Tensor& x, const Tensor& weight, const Tensor& bias, const Tensor& residual,
             const Tensor& mean, const Tensor& inverse_std, Activation activation,
             const Tensor& y) {
  const std::int64_t channels = x.dim(-1);
  const ChannelMap<T> map(mean, inverse_std, weight, bias);
  const T *from = x.data<T>(), *joined = residual.data_or_null<T>();
  T* to = y.data<T>();
  with_constants(activation, joined != nullptr, [&](auto function, auto has_residual) {
    const auto rows = [&](std::int64_t begin, std::int64_t end) {
      for_each_lanes<T>(begin, end, channels, [&](std::int64_t i, std::int64_t c, auto count) {
        Lanes<T> value = map(load(from + i, count), c);
        if constexpr (has_residual) value += load(joined + i, count);
        store(to + i, activated<T>(function, value), count);
      });
    };
    parallel_for(rows_of(x), rows_worth(kGrainElements, channels), rows);
  });
}

// The gradient g before the activation, dy times its derivative, at lanes of dy. `y` is null if the
// input of the activation can be computed again from x.
template <class T, Activation activation>
struct ActivationGradient {
  Lanes<T> operator()(std::int64_t i, std::int64_t c, auto count, Lanes<T> x) const {
    const Lanes<T> g = load(dy + i, count);
    if constexpr (activation == Activation::none) return g;
    return activation_gradient<T>(activation, g, y ? load(y + i, count) : map(x, c));
  }

  const T *dy, *y;
  const ChannelMap<T>& map;
};

// The sums of all channels. Writes g to `kept` if it is not null.
template <class T, Activation activation>
GradientSums gradient_sums(const Tensor& x, const ActivationGradient<T, activation>& gradient,
                           T* kept) {
  const std::int64_t channels = x.dim(-1);
  const T* from = x.data<T>();
  return sum_gradients<T>(
      rows_of(x), channels,
      [&](std::int64_t first, std::int64_t last, PerChannel<T>& g_sum, PerChannel<T>& gx_sum) {
        for_each_lanes<T>(first, last, channels, [&](std::int64_t i, std::int64_t c, auto count) {
          const Lanes<T> value = load(from + i, count), g = gradient(i, c, count, value);
          // [exercise 5b]
          g_sum.at(c) += g;
          gx_sum.at(c) += g * (value - gradient.map.mean.at(c));
          if (kept) store(kept + i, g, count);
          // [exercise end]
        });
      });
}

template <class T, Activation activation>
void apply(const InputGradient<T>& to_x, const Tensor& x,
           const ActivationGradient<T, activation>& gradient, T* dx) {
  const std::int64_t channels = x.dim(-1);
  const T* from = x.data<T>();
  parallel_for(
      rows_of(x), rows_worth(kGrainElements, channels), [&](std::int64_t begin, std::int64_t end) {
        for_each_lanes<T>(begin, end, channels, [&](std::int64_t i, std::int64_t c, auto count) {
          const Lanes<T> value = load(from + i, count);
          store(dx + i, to_x(gradient(i, c, count, value), value, c), count);
        });
      });
}

template <class T, Activation activation>
void backward(const BatchNormBackward& arguments) {
  const auto& [dy, x, relu_mask, weight, bias, mean, inverse_std, options, dx, dweight, dbias,
               dresidual] = arguments;
  const ChannelMap<T> map(mean, inverse_std, weight, bias);
  const ActivationGradient<T, activation> gradient{dy.data<T>(), relu_mask.own.data_or_null<T>(),
                                                   map};
  T* const kept = dresidual.data_or_null<T>();
  const GradientSums sums = gradient_sums<T>(x, gradient, kept);
  const InputGradient<T> to_x(sums, rows_of(x), options.training, mean, inverse_std, weight,
                              dweight, dbias);
  if (!dx.defined()) return;
  if (kept)
    apply<T, Activation::none>(to_x, x, {kept, nullptr, map}, dx.data<T>());
  else
    apply<T, activation>(to_x, x, gradient, dx.data<T>());
}

}  // namespace

void batch_norm_forward(const Tensor& x, const Tensor& weight, const Tensor& bias,
                        const Tensor& residual, const BatchNormOptions& options,
                        const Tensor& running_mean, const Tensor& running_var, const Tensor& mean,
                        const Tensor& inverse_std, const Tensor& y, ReluMask& relu_mask) {
  dispatch_floating("batch_norm", x.dtype(), [&]<class T>() {
    if (options.training)
      training_statistics<T>(x, options, running_mean, running_var, mean, inverse_std);
    else
      running_statistics<T>(options, running_mean, running_var, mean, inverse_std);
    forward<T>(x, weight, bias, residual, mean, inverse_std, options.activation, y);
  });
  if (options.activation != Activation::none && residual.defined()) relu_mask.own = y;
}

void batch_norm_backward(const BatchNormBackward& arguments) {
  dispatch_floating("batch_norm", arguments.dy.dtype(), [&]<class T>() {
    with_activation(arguments.options.activation,
                    [&](auto function) { backward<T, function()>(arguments); });
  });
}

}  // namespace osteon::cpu::OSTEON_CPU_SET
