// Losses on the CPU. The values of the targets are checked here, where they are readable.
#include <algorithm>
#include <cmath>
#include <vector>

#include "base/parallel.h"
#include "ops/kernels.h"

namespace osteon::cpu::OSTEON_CPU_SET {
namespace {

constexpr std::int64_t kGrain = 4 * 1024;  // minimum exponentials per thread

// The sum of term(i) over [0, n): in double, so that the mean of a long f32 loss is exact; the
// threads' partial sums are added in order, so that the bits are reproducible.
template <class Term>
double sum_over(std::int64_t n, std::int64_t grain, const Term& term) {
  std::vector<double> parts(static_cast<std::size_t>(num_threads()));
  parallel_ranges(n, grain, [&](int thread, std::int64_t begin, std::int64_t end) {
    double part = 0;
    for (std::int64_t i = begin; i < end; ++i) part += static_cast<double>(term(i));
    parts[static_cast<std::size_t>(thread)] = part;
  });
  double sum = 0;
  for (const double part : parts) sum += part;
  return sum;
}

// log(1 + exp(z)) without overflow.
template <class A>
A softplus(A z) {
  return std::log1p(std::exp(-std::abs(z))) + std::max(z, A(0));
}

template <class T>
void check_probabilities(const Tensor& targets) {
  const T* const t = targets.data<T>();
  for (std::int64_t i = 0; i < targets.numel(); ++i) {
    const auto value = static_cast<Accumulator<T>>(t[i]);
    OSTEON_CHECK(value >= 0 && value <= 1, "binary_cross_entropy_with_logits: target ", value,
                 " of element ", i, ", expects a number in [0, 1]");
  }
}

void check_classes(const Tensor& targets, std::int64_t classes, std::int64_t ignore_index) {
  const std::int64_t* const t = targets.data<std::int64_t>();
  for (std::int64_t n = 0; n < targets.numel(); ++n)
    OSTEON_CHECK(t[n] == ignore_index || (t[n] >= 0 && t[n] < classes), "cross_entropy: target ",
                 t[n], " of sample ", n, ", expects a class in [0, ", classes, ") or ignore_index ",
                 ignore_index);
}

// log sum_k exp(x_k) as the largest term and the remainder.
template <class A>
struct LogSumExp {
  A maximum, log_sum;
};

template <class T>
LogSumExp<Accumulator<T>> log_sum_exp(const T* x, std::int64_t n) {
  using A = Accumulator<T>;
  A maximum = static_cast<A>(x[0]), sum = 0;
  for (std::int64_t k = 1; k < n; ++k) maximum = std::max(maximum, static_cast<A>(x[k]));
  for (std::int64_t k = 0; k < n; ++k) sum += std::exp(static_cast<A>(x[k]) - maximum);
  return {maximum, std::log(sum)};
}

}  // namespace

// The formula of ops.h regrouped as (1 - t) softplus(z) + positive_weight t softplus(-z), which has
// no cancellation.
void binary_cross_entropy_forward(const Tensor& logits, const Tensor& targets, const Tensor& weight,
                                  double positive_weight, const Tensor& loss) {
  dispatch_floating("binary_cross_entropy_with_logits", logits.dtype(), [&]<class T>() {
    using A = Accumulator<T>;
    check_probabilities<T>(targets);
    const T *const z = logits.data<T>(), *const t = targets.data<T>();
    const T* const w = weight.defined() ? weight.data<T>() : nullptr;
    const auto positive = static_cast<A>(positive_weight);
    const double sum = sum_over(logits.numel(), kGrain, [&](std::int64_t i) {
      const A logit = static_cast<A>(z[i]), target = static_cast<A>(t[i]);
      const A term = (1 - target) * softplus(logit) + positive * target * softplus(-logit);
      return w ? static_cast<A>(w[i]) * term : term;
    });
    *loss.data<T>() = T(static_cast<A>(sum / static_cast<double>(logits.numel())));
  });
}

void binary_cross_entropy_backward(const Tensor& logits, const Tensor& targets,
                                   const Tensor& weight, double positive_weight, const Tensor& dy,
                                   const Tensor& dlogits) {
  dispatch_floating("binary_cross_entropy_with_logits", logits.dtype(), [&]<class T>() {
    using A = Accumulator<T>;
    const T *const z = logits.data<T>(), *const t = targets.data<T>();
    const T* const w = weight.defined() ? weight.data<T>() : nullptr;
    T* const dz = dlogits.data<T>();
    const auto positive = static_cast<A>(positive_weight);
    const A scale = static_cast<A>(*dy.data<T>()) / static_cast<A>(logits.numel());
    parallel_for(logits.numel(), kGrain, [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t i = begin; i < end; ++i) {
        const A logit = static_cast<A>(z[i]), target = static_cast<A>(t[i]);
        const A sigmoid = functors::Sigmoid{}(logit), opposite = functors::Sigmoid{}(-logit);
        const A slope = (1 - target) * sigmoid - positive * target * opposite;
        dz[i] = T(scale * (w ? static_cast<A>(w[i]) * slope : slope));
      }
    });
  });
}

void cross_entropy_forward(const Tensor& logits, const Tensor& targets, const Tensor& weight,
                           const CrossEntropyOptions& options, const Tensor& loss,
                           const Tensor& total) {
  const std::int64_t samples = logits.dim(0), classes = logits.dim(1);
  check_classes(targets, classes, options.ignore_index);
  dispatch_floating("cross_entropy", logits.dtype(), [&]<class T>() {
    using A = Accumulator<T>;
    const T* const x = logits.data<T>();
    const A* const w = weight.data_or_null<A>();
    const std::int64_t* const t = targets.data<std::int64_t>();
    const A smoothing = static_cast<A>(options.label_smoothing);
    const double sum = sum_over(samples, kGrain / classes, [&](std::int64_t n) {
      if (t[n] == options.ignore_index) return A(0);
      const T* const row = x + n * classes;
      const auto sums = log_sum_exp(row, classes);
      const auto term = [&](std::int64_t k) {
        const A term = (sums.maximum - static_cast<A>(row[k])) + sums.log_sum;  // -log p[k]
        return w ? w[k] * term : term;
      };
      if (smoothing == 0) return term(t[n]);
      A all = 0;
      for (std::int64_t k = 0; k < classes; ++k) all += term(k);
      return (1 - smoothing) * term(t[n]) + smoothing / static_cast<A>(classes) * all;
    });
    const double weights = sum_over(samples, kGrain, [&](std::int64_t n) {
      return t[n] == options.ignore_index ? A(0) : w ? w[t[n]] : A(1);
    });
    *loss.data<T>() = T(static_cast<A>(sum / weights));
    *total.data<double>() = weights;
  });
}

void cross_entropy_backward(const Tensor& logits, const Tensor& targets, const Tensor& weight,
                            const CrossEntropyOptions& options, const Tensor& total,
                            const Tensor& dy, const Tensor& dlogits) {
  const std::int64_t samples = logits.dim(0), classes = logits.dim(1);
  dispatch_floating("cross_entropy", logits.dtype(), [&]<class T>() {
    using A = Accumulator<T>;
    const A* const w = weight.data_or_null<A>();
    const std::int64_t* const t = targets.data<std::int64_t>();
    const A scale = static_cast<A>(*dy.data<T>()) / static_cast<A>(*total.data<double>());
    const A spread = static_cast<A>(options.label_smoothing) / static_cast<A>(classes);
    A all = w ? 0 : static_cast<A>(classes);
    for (std::int64_t k = 0; w && k < classes; ++k) all += w[k];
    parallel_for(samples, kGrain / classes, [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t n = begin; n < end; ++n) {
        const T* const x = logits.data<T>() + n * classes;
        T* const dx = dlogits.data<T>() + n * classes;
        if (t[n] == options.ignore_index) {
          std::fill_n(dx, classes, T(A(0)));
          continue;
        }
        const auto [maximum, log_sum] = log_sum_exp(x, classes);
        const A chosen = (1 - static_cast<A>(options.label_smoothing)) * (w ? w[t[n]] : A(1));
        for (std::int64_t k = 0; k < classes; ++k) {
          const A probability = std::exp((static_cast<A>(x[k]) - maximum) - log_sum);
          const A slope = chosen * (k == t[n] ? probability - 1 : probability);
          dx[k] = T(scale * (slope + spread * (all * probability - (w ? w[k] : A(1)))));
        }
      }
    });
  });
}

}  // namespace osteon::cpu::OSTEON_CPU_SET
