// Parameter updates on the CPU. All parameters are one flat range of elements that threads share
// equally; a thread takes its part in blocks that stay in the first-level cache, so that each
// element travels through memory once while the arithmetic is written as whole-array expressions.
#include <Eigen/Core>
#include <algorithm>
#include <cmath>

#include "ops/kernels.h"
#include "tensor/parallel.h"

namespace osteon::cpu {
namespace {

constexpr std::int64_t kGrain = 32 * 1024;  // elements that are worth a thread
constexpr std::int64_t kBlock = 1024;       // elements that share the cache

template <class T>
auto array(const Tensor& x, std::int64_t begin, std::int64_t count) {
  return Eigen::Map<Eigen::ArrayX<T>>(x.data<T>() + begin, count);
}

// The elements of several tensors as one range, in order.
class FlatRange {
 public:
  explicit FlatRange(const Tensors& tensors) {
    std::int64_t end = 0;
    for (const Tensor& tensor : tensors) ends_.push_back(end += tensor.numel());
  }
  std::int64_t size() const { return ends_.empty() ? 0 : ends_.back(); }

  // Calls body(i, first, count) for blocks of elements [first, first + count) of tensor i that
  // together are elements [begin, end) of the range.
  template <class Body>
  void for_blocks(std::int64_t begin, std::int64_t end, const Body& body) const {
    auto i = static_cast<std::size_t>(std::ranges::upper_bound(ends_, begin) - ends_.begin());
    while (begin < end) {
      const std::int64_t tensor_begin = i == 0 ? 0 : ends_[i - 1];
      const std::int64_t count = std::min({kBlock, end - begin, ends_[i] - begin});
      if (count > 0) body(i, begin - tensor_begin, count);
      begin += count;
      if (begin == ends_[i]) ++i;
    }
  }

 private:
  std::vector<std::int64_t> ends_;
};

// Calls body.operator()<T>() for the dtypes that parameters are kept in.
template <class Body>
void dispatch_parameters(const char* op, DType dtype, const Body& body) {
  if (dtype == DType::f64) return body.template operator()<double>();
  OSTEON_CHECK(dtype == DType::f32, op, ": parameters are ", dtype, "; keep them in f32 or f64");
  body.template operator()<float>();
}

bool says_skip(const Tensor& guard) { return guard.defined() && !std::isfinite(guard.item()); }

// What an Adam step of one parameter multiplies by, from its step count.
template <class T>
struct AdamFactors {
  T step_size, inverse_sqrt_correction2;
  AdamFactors(double step, double learning_rate, const AdamOptions& options)
      : step_size(T(learning_rate / (1 - std::pow(options.beta1, step)))),
        inverse_sqrt_correction2(T(1 / std::sqrt(1 - std::pow(options.beta2, step)))) {}
};

}  // namespace

void adam_step(const Tensors& parameters, const Tensors& gradients, const Tensors& exp_avg,
               const Tensors& exp_avg_sq, const Tensors& steps, const Tensor& learning_rate,
               const Tensor& guard, double weight_decay, const AdamOptions& options) {
  if (says_skip(guard)) return;
  dispatch_parameters("adam_step", parameters[0].dtype(), [&]<class T>() {
    const double rate = learning_rate.item();
    const T keep1 = T(1 - options.beta1), beta2 = T(options.beta2), keep2 = T(1 - options.beta2),
            epsilon = T(options.epsilon);
    const T shrink = T(1 - (options.decoupled ? rate * weight_decay : 0));
    const T penalty = T(options.decoupled ? 0 : weight_decay);
    std::vector<AdamFactors<T>> factors;
    for (const Tensor& step : steps) factors.emplace_back(++*step.data<double>(), rate, options);

    const FlatRange range(parameters);
    parallel_for(range.size(), kGrain, [&](std::int64_t begin, std::int64_t end) {
      Eigen::ArrayX<T> g(kBlock);
      range.for_blocks(begin, end, [&](std::size_t i, std::int64_t first, std::int64_t count) {
        auto p = array<T>(parameters[i], first, count);
        auto m = array<T>(exp_avg[i], first, count), v = array<T>(exp_avg_sq[i], first, count);
        g.head(count) = array<T>(gradients[i], first, count) + penalty * p;
        m += keep1 * (g.head(count) - m);
        v = beta2 * v + keep2 * g.head(count).square();
        p = shrink * p -
            factors[i].step_size * m / (v.sqrt() * factors[i].inverse_sqrt_correction2 + epsilon);
      });
    });
  });
}

void sgd_step(const Tensors& parameters, const Tensors& gradients, const Tensors& momentum_buffers,
              const Tensor& learning_rate, const Tensor& guard, double weight_decay,
              const SGDOptions& options) {
  if (says_skip(guard)) return;
  dispatch_parameters("sgd_step", parameters[0].dtype(), [&]<class T>() {
    const T rate = T(learning_rate.item()), penalty = T(weight_decay),
            momentum = T(options.momentum);
    const FlatRange range(parameters);
    parallel_for(range.size(), kGrain, [&](std::int64_t begin, std::int64_t end) {
      Eigen::ArrayX<T> g(kBlock);
      range.for_blocks(begin, end, [&](std::size_t i, std::int64_t first, std::int64_t count) {
        auto p = array<T>(parameters[i], first, count);
        auto b = array<T>(momentum_buffers[i], first, count);
        g.head(count) = array<T>(gradients[i], first, count) + penalty * p;
        b = momentum * b + g.head(count);
        if (options.nesterov)
          p -= rate * (g.head(count) + momentum * b);
        else
          p -= rate * b;
      });
    });
  });
}

// Sums over blocks of a fixed size, added in order, so that the norm has the same bits whatever the
// number of threads.
void clip_grad_norm(const Tensors& gradients, double max_norm, const Tensor& norm) {
  dispatch_parameters("clip_grad_norm", gradients[0].dtype(), [&]<class T>() {
    const FlatRange range(gradients);
    const std::int64_t parts = (range.size() + kGrain - 1) / kGrain;
    std::vector<double> sums(static_cast<std::size_t>(parts), 0.0);
    parallel_for(parts, 1, [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t part = begin; part < end; ++part)
        range.for_blocks(
            part * kGrain, std::min(range.size(), (part + 1) * kGrain),
            [&](std::size_t i, std::int64_t first, std::int64_t count) {
              sums[static_cast<std::size_t>(part)] +=
                  array<T>(gradients[i], first, count).template cast<double>().square().sum();
            });
    });
    double total = 0;
    for (const double sum : sums) total += sum;
    const double length = *norm.data<double>() = std::sqrt(total);
    const T factor = T(max_norm / (length + 1e-6));
    if (!std::isfinite(length) || factor >= 1) return;
    parallel_for(range.size(), kGrain, [&](std::int64_t begin, std::int64_t end) {
      range.for_blocks(begin, end, [&](std::size_t i, std::int64_t first, std::int64_t count) {
        array<T>(gradients[i], first, count) *= factor;
      });
    });
  });
}

}  // namespace osteon::cpu
