// Layer normalisation on the CPU. Each row is read from memory once and then from the cache; the
// variance is computed from deviations, so nothing cancels. The gradients of weight and bias are
// summed over blocks of rows in the accumulator's type and over blocks in double.
#include <cmath>
#include <vector>

#include "base/parallel.h"
#include "ops/cpu/channels.h"
#include "ops/kernels.h"

namespace osteon::cpu::OSTEON_CPU_SET {
namespace {

constexpr std::int64_t kGrain = 16 * 1024;  // minimum elements per thread
constexpr std::int64_t kBlockRows = 64;     // rows whose sums are in the accumulator's type

// The first `count` lanes are `value`, the others 0.
template <class T>
Lanes<T> spread(Accumulator<T> value, std::int64_t count) {
  Lanes<T> lanes = {};
  if (count >= kLanes<T>) return lanes + value;
  for (std::int64_t i = 0; i < count; ++i) lanes[i] = value;
  return lanes;
}

template <class T>
Accumulator<T> total(const Lanes<T>& lanes) {
  Accumulator<T> sum = 0;
  for (std::int64_t i = 0; i < kLanes<T>; ++i) sum += lanes[i];
  return sum;
}

template <class T>
struct Moments {
  Accumulator<T> mean, inverse_std;
};

template <class T>
Moments<T> moments_of(const T* x, std::int64_t columns, double epsilon) {
  using A = Accumulator<T>;
  Lanes<T> sum = {}, squares = {};
  for_each_lanes<T>(columns, [&](std::int64_t c, auto count) { sum += load(x + c, count); });
  const A mean = total<T>(sum) / static_cast<A>(columns);
  for_each_lanes<T>(columns, [&](std::int64_t c, auto count) {
    const Lanes<T> deviation = load(x + c, count) - spread<T>(mean, count);
    squares += deviation * deviation;
  });
  const A variance = total<T>(squares) / static_cast<A>(columns);
  return {mean, A(1) / std::sqrt(variance + static_cast<A>(epsilon))};
}

// dx of one row, or nothing if `dx` is null.
template <class T>
void backward_row(const T* dy, const T* x, const Accumulator<T>* weight, const Moments<T>& moments,
                  std::int64_t columns, T* dx) {
  using A = Accumulator<T>;
  Lanes<T> sum = {}, dot = {};
  for_each_lanes<T>(columns, [&](std::int64_t c, auto count) {
    const Lanes<T> g = load(dy + c, count) * load(weight + c, count);
    sum += g;
    dot += g * ((load(x + c, count) - moments.mean) * moments.inverse_std);
  });
  const A mean_g = total<T>(sum) / static_cast<A>(columns);
  const A mean_gx = total<T>(dot) / static_cast<A>(columns);
  for_each_lanes<T>(columns, [&](std::int64_t c, auto count) {
    const Lanes<T> g = load(dy + c, count) * load(weight + c, count);
    const Lanes<T> normalised = (load(x + c, count) - moments.mean) * moments.inverse_std;
    store(dx + c, (g - mean_g - normalised * mean_gx) * moments.inverse_std, count);
  });
}

// The sums over rows of dy and of dy x^, per column.
template <class T>
class ParameterSums {
 public:
  using A = Accumulator<T>;
  explicit ParameterSums(std::int64_t columns)
      : bias(static_cast<std::size_t>(columns)),
        weight(static_cast<std::size_t>(columns)),
        block_bias_(zeros({padded(columns)}, dtype_of<A>())),
        block_weight_(zeros({padded(columns)}, dtype_of<A>())) {}

  void add(const T* dy, const T* x, const Moments<T>& moments, std::int64_t columns) {
    A *const to_bias = block_bias_.template data<A>(), *const to_weight =
                                                           block_weight_.template data<A>();
    for_each_lanes<T>(columns, [&](std::int64_t c, auto count) {
      const Lanes<T> gradient = load(dy + c, count);
      const Lanes<T> normalised = (load(x + c, count) - moments.mean) * moments.inverse_std;
      cpu::store(to_bias + c, cpu::load(to_bias + c) + gradient);
      cpu::store(to_weight + c, cpu::load(to_weight + c) + gradient * normalised);
    });
    if (++rows_ == kBlockRows) end_block();
  }

  void end_block() {
    rows_ = 0;
    A *const from_bias = block_bias_.template data<A>(), *const from_weight =
                                                             block_weight_.template data<A>();
    for (std::size_t c = 0; c < bias.size(); ++c) {
      bias[c] += static_cast<double>(std::exchange(from_bias[c], A(0)));
      weight[c] += static_cast<double>(std::exchange(from_weight[c], A(0)));
    }
  }

  std::vector<double> bias, weight;

 private:
  static std::int64_t padded(std::int64_t columns) {
    return (columns + kLanes<T> - 1) / kLanes<T> * kLanes<T>;
  }
  Tensor block_bias_, block_weight_;
  std::int64_t rows_ = 0;
};

template <class A>
void store_sums(const std::vector<std::vector<double>>& parts, const Tensor& to) {
  if (!to.defined()) return;
  for (std::size_t c = 0; c < static_cast<std::size_t>(to.numel()); ++c) {
    double sum = 0;
    for (const std::vector<double>& part : parts) sum += part[c];
    to.data<A>()[c] = static_cast<A>(sum);
  }
}

}  // namespace

void layer_norm_forward(const Tensor& x, const Tensor& weight, const Tensor& bias, double epsilon,
                        const Tensor& mean, const Tensor& inverse_std, const Tensor& y) {
  const std::int64_t columns = x.dim(-1);
  dispatch_floating("layer_norm", x.dtype(), [&]<class T>() {
    using A = Accumulator<T>;
    const A *const scale = weight.data<A>(), *const offset = bias.data<A>();
    parallel_for(mean.numel(), kGrain / columns, [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t row = begin; row < end; ++row) {
        const T* const from = x.data<T>() + row * columns;
        T* const to = y.data<T>() + row * columns;
        const Moments<T> moments = moments_of(from, columns, epsilon);
        for_each_lanes<T>(columns, [&](std::int64_t c, auto count) {
          const Lanes<T> normalised = (load(from + c, count) - moments.mean) * moments.inverse_std;
          store(to + c, normalised * load(scale + c, count) + load(offset + c, count), count);
        });
        mean.data<A>()[row] = moments.mean;
        inverse_std.data<A>()[row] = moments.inverse_std;
      }
    });
  });
}

void layer_norm_backward(const Tensor& dy, const Tensor& x, const Tensor& weight,
                         const Tensor& mean, const Tensor& inverse_std, const Tensor& dx,
                         const Tensor& dweight, const Tensor& dbias) {
  const std::int64_t columns = x.dim(-1);
  const bool wants_parameters = dweight.defined() || dbias.defined();
  dispatch_floating("layer_norm", x.dtype(), [&]<class T>() {
    using A = Accumulator<T>;
    const std::vector<double> none(static_cast<std::size_t>(columns));
    std::vector<std::vector<double>> bias_parts(static_cast<std::size_t>(num_threads()), none),
        weight_parts = bias_parts;
    const auto rows = [&](int thread, std::int64_t begin, std::int64_t end) {
      ParameterSums<T> sums(columns);
      for (std::int64_t row = begin; row < end; ++row) {
        const T *const gradient = dy.data<T>() + row * columns, *const from =
                                                                    x.data<T>() + row * columns;
        const Moments<T> moments{mean.data<A>()[row], inverse_std.data<A>()[row]};
        if (wants_parameters) sums.add(gradient, from, moments, columns);
        if (dx.defined())
          backward_row(gradient, from, weight.data<A>(), moments, columns,
                       dx.data<T>() + row * columns);
      }
      sums.end_block();
      bias_parts[static_cast<std::size_t>(thread)] = std::move(sums.bias);
      weight_parts[static_cast<std::size_t>(thread)] = std::move(sums.weight);
    };
    parallel_ranges(mean.numel(), kGrain / columns, rows);
    store_sums<A>(bias_parts, dbias);
    store_sums<A>(weight_parts, dweight);
  });
}

}  // namespace osteon::cpu::OSTEON_CPU_SET
