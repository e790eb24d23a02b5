// Batch normalisation on the CPU. Memory traffic is all it costs, so the statistics read x once: a
// block of rows that fits into the cache gives its own mean and sum of squared deviations, and
// blocks are joined by the formula of Chan, Golub and LeVeque, "Algorithms for computing the sample
// variance" (1983), which does not cancel as "mean of squares minus square of mean" does.
#include <cmath>
#include <vector>

#include "ops/kernels.h"
#include "tensor/parallel.h"

namespace osteon::cpu {
namespace {

constexpr std::int64_t kBlockElements = 16 * 1024;  // 64 KB of f32, half of what L2 spares a thread
constexpr std::int64_t kGrainElements = 16 * 1024;  // worth a thread

std::int64_t rows_of(const Tensor& x) { return x.numel() / x.dim(-1); }
std::int64_t grain_rows(std::int64_t channels) {
  return std::max<std::int64_t>(kGrainElements / channels, 1);
}

// Count, mean and sum of squared deviations of each channel over some rows. Kept in double: there
// are only C of them, and a million f32 values a channel is common.
struct Moments {
  explicit Moments(std::int64_t channels)
      : mean(static_cast<std::size_t>(channels)), deviation(static_cast<std::size_t>(channels)) {}

  void join(double other_count, std::size_t c, double other_mean, double other_deviation) {
    const double total = count + other_count, delta = other_mean - mean[c];
    mean[c] += delta * other_count / total;
    deviation[c] += other_deviation + delta * delta * count * other_count / total;
  }

  double count = 0;
  std::vector<double> mean, deviation;
};

template <class T>
void add_block(const T* x, std::int64_t rows, std::int64_t channels,
               std::vector<Accumulator<T>>& sum, std::vector<Accumulator<T>>& squares,
               Moments& moments) {
  using A = Accumulator<T>;
  const A scale = A(1) / static_cast<A>(rows);
  A *mean = sum.data(), *square = squares.data();
  std::fill(sum.begin(), sum.end(), A(0));
  std::fill(squares.begin(), squares.end(), A(0));
  for (std::int64_t r = 0; r < rows; ++r)
    for (std::int64_t c = 0; c < channels; ++c) mean[c] += static_cast<A>(x[r * channels + c]);
  for (std::int64_t c = 0; c < channels; ++c) mean[c] *= scale;
  for (std::int64_t r = 0; r < rows; ++r)
    for (std::int64_t c = 0; c < channels; ++c) {
      const A deviation = static_cast<A>(x[r * channels + c]) - mean[c];
      square[c] += deviation * deviation;
    }
  for (std::size_t c = 0; c < sum.size(); ++c)
    moments.join(static_cast<double>(rows), c, static_cast<double>(mean[c]),
                 static_cast<double>(square[c]));
  moments.count += static_cast<double>(rows);
}

template <class T>
Moments batch_moments(const T* x, std::int64_t rows, std::int64_t channels) {
  const std::int64_t block = std::max<std::int64_t>(kBlockElements / channels, 1);
  std::vector<Moments> partial(static_cast<std::size_t>(num_threads()), Moments(channels));
  const int used = parallel_ranges(
      rows, grain_rows(channels), [&](int thread, std::int64_t begin, std::int64_t end) {
        std::vector<Accumulator<T>> sum(static_cast<std::size_t>(channels)), squares(sum);
        for (std::int64_t at = begin; at < end; at += block)
          add_block(x + at * channels, std::min(block, end - at), channels, sum, squares,
                    partial[static_cast<std::size_t>(thread)]);
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
    mean.data<A>()[c] = static_cast<A>(batch_mean);
    inverse_std.data<A>()[c] =
        static_cast<A>(1 / std::sqrt(deviation / moments.count + options.epsilon));
    running_mean.data<A>()[c] = moved(running_mean.data<A>()[c], batch_mean);
    running_var.data<A>()[c] = moved(running_var.data<A>()[c], deviation / (moments.count - 1));
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

// The affine map of each channel: y = (x - mean) * scale + bias.
template <class A>
struct ChannelMap {
  const A *mean, *scale, *bias;
};

// y = relu((x - mean) * scale + bias + residual). Folding the mean into the bias would save an
// operation and cancel where a channel's spread is small beside its mean.
template <class T, bool kResidual, bool kRelu>
void normalize(const T* x, const T* residual, const ChannelMap<Accumulator<T>>& map,
               std::int64_t rows, std::int64_t channels, T* y) {
  using A = Accumulator<T>;
  for (std::int64_t r = 0; r < rows; ++r)
    for (std::int64_t c = 0; c < channels; ++c) {
      const std::int64_t i = r * channels + c;
      A value = (static_cast<A>(x[i]) - map.mean[c]) * map.scale[c] + map.bias[c];
      if constexpr (kResidual) value += static_cast<A>(residual[i]);
      if constexpr (kRelu) value = value > A(0) ? value : A(0);
      y[i] = T(value);
    }
}

template <class T>
void forward(const Tensor& x, const Tensor& weight, const Tensor& bias, const Tensor& residual,
             const Tensor& mean, const Tensor& inverse_std, bool relu, const Tensor& y) {
  using A = Accumulator<T>;
  const std::int64_t channels = x.dim(-1);
  std::vector<A> scale(static_cast<std::size_t>(channels));
  for (std::int64_t c = 0; c < channels; ++c)
    scale[static_cast<std::size_t>(c)] = weight.data<A>()[c] * inverse_std.data<A>()[c];
  const ChannelMap<A> map{mean.data<A>(), scale.data(), bias.data<A>()};
  parallel_for(rows_of(x), grain_rows(channels), [&](std::int64_t begin, std::int64_t end) {
    const std::int64_t first = begin * channels;
    const T* from = x.data<T>() + first;
    const T* joined = residual.defined() ? residual.data<T>() + first : nullptr;
    T* to = y.data<T>() + first;
    const auto run = [&]<bool kResidual, bool kRelu>() {
      normalize<T, kResidual, kRelu>(from, joined, map, end - begin, channels, to);
    };
    if (joined && relu)
      run.template operator()<true, true>();
    else if (joined)
      run.template operator()<true, false>();
    else if (relu)
      run.template operator()<false, true>();
    else
      run.template operator()<false, false>();
  });
}

// Adds sum g and sum g x^ of some rows to the totals, block by block so that f32 sums stay short.
template <class T>
void add_gradient_sums(const T* dy, const T* x, const T* y, const Accumulator<T>* mean,
                       const Accumulator<T>* inverse_std, std::int64_t rows, std::int64_t channels,
                       std::vector<double>& sum_g, std::vector<double>& sum_gx) {
  using A = Accumulator<T>;
  const std::int64_t block = std::max<std::int64_t>(kBlockElements / channels, 1);
  std::vector<A> block_g(sum_g.size()), block_gx(sum_g.size());
  for (std::int64_t at = 0; at < rows; at += block) {
    std::fill(block_g.begin(), block_g.end(), A(0));
    std::fill(block_gx.begin(), block_gx.end(), A(0));
    A *g_sum = block_g.data(), *gx_sum = block_gx.data();
    for (std::int64_t r = at; r < std::min(at + block, rows); ++r)
      for (std::int64_t c = 0; c < channels; ++c) {
        const std::int64_t i = r * channels + c;
        const A through = y == nullptr || static_cast<A>(y[i]) > A(0) ? A(1) : A(0);
        const A g = static_cast<A>(dy[i]) * through;
        g_sum[c] += g;
        gx_sum[c] += g * (static_cast<A>(x[i]) - mean[c]);
      }
    for (std::size_t c = 0; c < sum_g.size(); ++c) {
      sum_g[c] += static_cast<double>(block_g[c]);
      sum_gx[c] += static_cast<double>(block_gx[c]) * static_cast<double>(inverse_std[c]);
    }
  }
}

// dx = g * of_g + x * of_x + constant, a number a channel each; g goes to dresidual.
template <class T>
struct InputGradient {
  using A = Accumulator<T>;
  explicit InputGradient(std::int64_t channels)
      : of_g(static_cast<std::size_t>(channels)), of_x(of_g), constant(of_g) {}

  void apply(const T* dy, const T* x, const T* y, std::int64_t rows, std::int64_t channels, T* dx,
             T* dresidual) const {
    const A *g_factor = of_g.data(), *x_factor = of_x.data(), *offset = constant.data();
    for (std::int64_t r = 0; r < rows; ++r) {
      const std::int64_t first = r * channels;
      for (std::int64_t c = 0; c < channels; ++c) {
        const std::int64_t i = first + c;
        const A through = y == nullptr || static_cast<A>(y[i]) > A(0) ? A(1) : A(0);
        const A g = static_cast<A>(dy[i]) * through;
        if (dx) dx[i] = T(g * g_factor[c] + static_cast<A>(x[i]) * x_factor[c] + offset[c]);
        if (dresidual) dresidual[i] = T(g);
      }
    }
  }

  std::vector<A> of_g, of_x, constant;
};

struct GradientSums {
  std::vector<double> g, gx;
};

template <class T>
GradientSums gradient_sums(const Tensor& dy, const Tensor& x, const Tensor& y, const Tensor& mean,
                           const Tensor& inverse_std) {
  using A = Accumulator<T>;
  const std::int64_t channels = x.dim(-1);
  const std::vector<double> zero(static_cast<std::size_t>(channels));
  std::vector<GradientSums> partial(static_cast<std::size_t>(num_threads()), {zero, zero});
  const int used = parallel_ranges(
      rows_of(x), grain_rows(channels), [&](int thread, std::int64_t begin, std::int64_t end) {
        auto& [g, gx] = partial[static_cast<std::size_t>(thread)];
        const std::int64_t first = begin * channels;
        add_gradient_sums(dy.data<T>() + first, x.data<T>() + first,
                          y.defined() ? y.data<T>() + first : nullptr, mean.data<A>(),
                          inverse_std.data<A>(), end - begin, channels, g, gx);
      });
  GradientSums total = std::move(partial[0]);
  for (std::size_t thread = 1; thread < static_cast<std::size_t>(used); ++thread)
    for (std::size_t c = 0; c < zero.size(); ++c) {
      total.g[c] += partial[thread].g[c];
      total.gx[c] += partial[thread].gx[c];
    }
  return total;
}

template <class T>
void backward(const Tensor& dy, const Tensor& x, const Tensor& y, const Tensor& weight,
              const Tensor& mean, const Tensor& inverse_std, bool training, const Tensor& dx,
              const Tensor& dweight, const Tensor& dbias, const Tensor& dresidual) {
  using A = Accumulator<T>;
  const std::int64_t channels = x.dim(-1), rows = rows_of(x);
  const GradientSums sums = gradient_sums<T>(dy, x, y, mean, inverse_std);
  InputGradient<T> gradient(channels);
  for (std::int64_t c = 0; c < channels; ++c) {
    const auto i = static_cast<std::size_t>(c);
    dbias.data<A>()[c] = static_cast<A>(sums.g[i]);
    dweight.data<A>()[c] = static_cast<A>(sums.gx[i]);
    const auto inverse = static_cast<double>(inverse_std.data<A>()[c]);
    const double scale = static_cast<double>(weight.data<A>()[c]) * inverse;
    // The batch's mean and variance depend on x: the two projections of the rule in
    // ops/batch_norm.cpp.
    const double of_x = training ? -scale * inverse * sums.gx[i] / static_cast<double>(rows) : 0;
    const double mean_g = training ? sums.g[i] / static_cast<double>(rows) : 0;
    gradient.of_g[i] = static_cast<A>(scale);
    gradient.of_x[i] = static_cast<A>(of_x);
    gradient.constant[i] =
        static_cast<A>(-scale * mean_g - of_x * static_cast<double>(mean.data<A>()[c]));
  }
  if (!dx.defined() && !dresidual.defined()) return;
  parallel_for(rows, grain_rows(channels), [&](std::int64_t begin, std::int64_t end) {
    const std::int64_t first = begin * channels;
    gradient.apply(dy.data<T>() + first, x.data<T>() + first,
                   y.defined() ? y.data<T>() + first : nullptr, end - begin, channels,
                   dx.defined() ? dx.data<T>() + first : nullptr,
                   dresidual.defined() ? dresidual.data<T>() + first : nullptr);
  });
}

}  // namespace

void batch_norm_statistics(const Tensor& x, const BatchNormOptions& options,
                           const Tensor& running_mean, const Tensor& running_var,
                           const Tensor& mean, const Tensor& inverse_std) {
  dispatch_floating("batch_norm", x.dtype(), [&]<class T>() {
    if (options.training)
      training_statistics<T>(x, options, running_mean, running_var, mean, inverse_std);
    else
      running_statistics<T>(options, running_mean, running_var, mean, inverse_std);
  });
}

void batch_norm_forward(const Tensor& x, const Tensor& weight, const Tensor& bias,
                        const Tensor& residual, const Tensor& mean, const Tensor& inverse_std,
                        const BatchNormOptions& options, const Tensor& y) {
  dispatch_floating("batch_norm", x.dtype(), [&]<class T>() {
    forward<T>(x, weight, bias, residual, mean, inverse_std, options.relu, y);
  });
}

void batch_norm_backward(const Tensor& dy, const Tensor& x, const Tensor& y, const Tensor& weight,
                         const Tensor& mean, const Tensor& inverse_std,
                         const BatchNormOptions& options, const Tensor& dx, const Tensor& dweight,
                         const Tensor& dbias, const Tensor& dresidual) {
  dispatch_floating("batch_norm", dy.dtype(), [&]<class T>() {
    backward<T>(dy, x, y, weight, mean, inverse_std, options.training, dx, dweight, dbias,
                dresidual);
  });
}

}  // namespace osteon::cpu
