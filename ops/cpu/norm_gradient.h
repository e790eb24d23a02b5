// The gradient of a normalisation by the statistics of each channel, from two sums over all rows:
// the rule of ops/batch_norm.cpp.
#pragma once

#include <cstdint>
#include <utility>
#include <vector>

#include "base/parallel.h"
#include "ops/cpu/channels.h"

namespace osteon::cpu {

struct GradientSums {
  explicit GradientSums(std::int64_t channels)
      : g(static_cast<std::size_t>(channels)), gx(static_cast<std::size_t>(channels)) {}
  std::vector<double> g, gx;  // sum g, sum g (x - mean), where g is the gradient before the ReLU
};

// The sums over all rows, block by block so that f32 sums stay short. add(first, last, g, gx) adds
// the terms of a block of rows.
template <class T, class Add>
GradientSums sum_gradients(std::int64_t rows, std::int64_t channels, const Add& add) {
  std::vector<GradientSums> partial(static_cast<std::size_t>(num_threads()),
                                    GradientSums(channels));
  const int used = parallel_ranges(
      rows, rows_worth(kGrainElements, channels),
      [&](int thread, std::int64_t begin, std::int64_t end) {
        GradientSums& sums = partial[static_cast<std::size_t>(thread)];
        PerChannel<T> g(channels), gx(channels);
        for_each_block_downwards(begin, end, channels, [&](std::int64_t first, std::int64_t last) {
          g.clear();
          gx.clear();
          add(first, last, g, gx);
          for (std::int64_t c = 0; c < channels; ++c) {
            sums.g[static_cast<std::size_t>(c)] += static_cast<double>(g.data()[c]);
            sums.gx[static_cast<std::size_t>(c)] += static_cast<double>(gx.data()[c]);
          }
        });
      });
  GradientSums total = std::move(partial[0]);
  for (std::size_t thread = 1; thread < static_cast<std::size_t>(used); ++thread)
    for (std::size_t c = 0; c < total.g.size(); ++c) {
      total.g[c] += partial[thread].g[c];
      total.gx[c] += partial[thread].gx[c];
    }
  return total;
}

// dx = g of_g + x of_x + constant, with coefficients of each channel.
template <class T>
class InputGradient {
 public:
  using A = Accumulator<T>;

  // Also writes the gradients of weight and bias. With the statistics of the batch, which depend on
  // x, the rule has two additional terms. mean and inverse_std may be longer than weight.
  InputGradient(const GradientSums& sums, std::int64_t rows, bool batch_statistics,
                const Tensor& mean, const Tensor& inverse_std, const Tensor& weight,
                const Tensor& dweight, const Tensor& dbias)
      : of_g_(weight.numel()), of_x_(weight.numel()), constant_(weight.numel()) {
    const auto count = static_cast<double>(rows);
    for (std::int64_t c = 0; c < weight.numel(); ++c) {
      const auto i = static_cast<std::size_t>(c);
      const auto inverse = static_cast<double>(inverse_std.data<A>()[c]);
      const double sum_gx = sums.gx[i] * inverse;
      dbias.data<A>()[c] = static_cast<A>(sums.g[i]);
      dweight.data<A>()[c] = static_cast<A>(sum_gx);
      const double scale = static_cast<double>(weight.data<A>()[c]) * inverse;
      const double of_x = batch_statistics ? -scale * inverse * sum_gx / count : 0;
      const double mean_g = batch_statistics ? sums.g[i] / count : 0;
      of_g_.data()[c] = static_cast<A>(scale);
      of_x_.data()[c] = static_cast<A>(of_x);
      constant_.data()[c] =
          static_cast<A>(-scale * mean_g - of_x * static_cast<double>(mean.data<A>()[c]));
    }
  }

  Lanes<T> operator()(Lanes<T> g, Lanes<T> x, std::int64_t c) const {
    return g * of_g_.at(c) + x * of_x_.at(c) + constant_.at(c);
  }

 private:
  PerChannel<T> of_g_, of_x_, constant_;
};

}  // namespace osteon::cpu
