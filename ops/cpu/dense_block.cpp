// The kernels of dense blocks on the CPU: batch norm and ReLU of the first channels of a buffer
// that holds more. Each pass reads and writes only these channels.
#include <vector>

#include "base/parallel.h"
#include "ops/cpu/channels.h"
#include "ops/kernels.h"

namespace osteon::cpu::OSTEON_CPU_SET {
namespace {

constexpr std::int64_t kGrain = 16 * 1024;  // minimum elements per thread
constexpr std::int64_t kBlock = 16 * 1024;  // elements whose sums are in the accumulator's type

std::int64_t rows_of(const Tensor& x) { return x.numel() / x.dim(-1); }
std::int64_t rows_worth(std::int64_t elements, std::int64_t channels) {
  return std::max<std::int64_t>(elements / channels, 1);
}

// The sums over rows of the gradient g before the ReLU and of g (x - mean).
struct Sums {
  explicit Sums(std::int64_t channels)
      : g(static_cast<std::size_t>(channels)), gx(static_cast<std::size_t>(channels)) {}
  std::vector<double> g, gx;
};

template <class T>
Sums gradient_sums(const T* dy, const T* x, std::int64_t pitch, std::int64_t rows,
                   std::int64_t channels, const ChannelMap<T>& map) {
  std::vector<Sums> parts(static_cast<std::size_t>(num_threads()), Sums(channels));
  const auto add = [&](Sums& sums, std::int64_t first, std::int64_t last) {
    PerChannel<T> g_sum(channels), gx_sum(channels);
    for (std::int64_t row = first; row < last; ++row)
      for_each_lanes<T>(channels, [&](std::int64_t c, auto count) {
        const Lanes<T> value = load(x + row * pitch + c, count);
        const Lanes<T> g = positive_or_zero<T>(load(dy + row * channels + c, count), map(value, c));
        g_sum.at(c) += g;
        gx_sum.at(c) += g * (value - map.mean.at(c));
      });
    for (std::int64_t c = 0; c < channels; ++c) {
      sums.g[static_cast<std::size_t>(c)] += static_cast<double>(g_sum.data()[c]);
      sums.gx[static_cast<std::size_t>(c)] += static_cast<double>(gx_sum.data()[c]);
    }
  };
  const std::int64_t block = rows_worth(kBlock, channels);
  parallel_ranges(
      rows, rows_worth(kGrain, channels), [&](int thread, std::int64_t begin, std::int64_t end) {
        for (std::int64_t first = begin; first < end; first += block)
          add(parts[static_cast<std::size_t>(thread)], first, std::min(first + block, end));
      });
  Sums total = std::move(parts[0]);
  for (std::size_t thread = 1; thread < parts.size(); ++thread)
    for (std::size_t c = 0; c < total.g.size(); ++c) {
      total.g[c] += parts[thread].g[c];
      total.gx[c] += parts[thread].gx[c];
    }
  return total;
}

// dx = g of_g + x of_x + constant, with coefficients of each channel.
template <class T>
struct Coefficients {
  explicit Coefficients(std::int64_t channels)
      : of_g(channels), of_x(channels), constant(channels) {}
  PerChannel<T> of_g, of_x, constant;
};

template <class T>
void backward(const DenseNormBackward& a) {
  using A = Accumulator<T>;
  const std::int64_t channels = a.dy.dim(-1), rows = rows_of(a.dy), pitch = a.buffer.dim(-1);
  const ChannelMap<T> map(a.mean, a.inverse_std, a.weight, a.bias);
  const T *const dy = a.dy.data<T>(), *const x = a.buffer.data<T>();
  T* const dx = a.dbuffer.data<T>();
  const Sums sums = gradient_sums(dy, x, pitch, rows, channels, map);
  Coefficients<T> coefficients(channels);
  for (std::int64_t c = 0; c < channels; ++c) {
    const auto i = static_cast<std::size_t>(c);
    const auto inverse = static_cast<double>(a.inverse_std.data<A>()[c]);
    const double sum_gx = sums.gx[i] * inverse, count = static_cast<double>(rows);
    const double scale = static_cast<double>(a.weight.data<A>()[c]) * inverse;
    a.dbias.data<A>()[c] = static_cast<A>(sums.g[i]);
    a.dweight.data<A>()[c] = static_cast<A>(sum_gx);
    const double of_x = a.training ? -scale * inverse * sum_gx / count : 0;
    const double mean_g = a.training ? sums.g[i] / count : 0;
    coefficients.of_g.data()[c] = static_cast<A>(scale);
    coefficients.of_x.data()[c] = static_cast<A>(of_x);
    coefficients.constant.data()[c] =
        static_cast<A>(-scale * mean_g - of_x * static_cast<double>(a.mean.data<A>()[c]));
  }
  parallel_for(rows, rows_worth(kGrain, channels), [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t row = begin; row < end; ++row)
      for_each_lanes<T>(channels, [&](std::int64_t c, auto count) {
        const Lanes<T> value = load(x + row * pitch + c, count);
        const Lanes<T> g = positive_or_zero<T>(load(dy + row * channels + c, count), map(value, c));
        T* const to = dx + row * pitch + c;
        store(to,
              load(to, count) + g * coefficients.of_g.at(c) + value * coefficients.of_x.at(c) +
                  coefficients.constant.at(c),
              count);
      });
  });
}

}  // namespace

void dense_norm_forward(const Tensor& buffer, const Tensor& mean, const Tensor& inverse_std,
                        const Tensor& weight, const Tensor& bias, const Tensor& y) {
  dispatch_floating("dense_block", buffer.dtype(), [&]<class T>() {
    const std::int64_t channels = y.dim(-1), pitch = buffer.dim(-1);
    const ChannelMap<T> map(mean, inverse_std, weight, bias);
    const T* const from = buffer.data<T>();
    T* const to = y.data<T>();
    parallel_for(rows_of(y), rows_worth(kGrain, channels),
                 [&](std::int64_t begin, std::int64_t end) {
                   for (std::int64_t row = begin; row < end; ++row)
                     for_each_lanes<T>(channels, [&](std::int64_t c, auto count) {
                       const Lanes<T> value = map(load(from + row * pitch + c, count), c);
                       store(to + row * channels + c, positive_or_zero<T>(value, value), count);
                     });
                 });
  });
}

void dense_norm_backward(const DenseNormBackward& arguments) {
  dispatch_floating("dense_block", arguments.dy.dtype(),
                    [&]<class T>() { backward<T>(arguments); });
}

void move_running_statistics(const Tensor& mean, const Tensor& var, double momentum,
                             const Tensor& running_mean, const Tensor& running_var) {
  dispatch_floating("dense_block", mean.dtype(), [&]<class T>() {
    using A = Accumulator<T>;
    const auto move = [&](const Tensor& batch, const Tensor& running) {
      const A* const from = batch.data<A>();
      A* const to = running.data<A>();
      for (std::int64_t c = 0; c < running.numel(); ++c)
        to[c] = static_cast<A>((1 - momentum) * static_cast<double>(to[c]) +
                               momentum * static_cast<double>(from[c]));
    };
    move(mean, running_mean);
    move(var, running_var);
  });
}

}  // namespace osteon::cpu::OSTEON_CPU_SET
