// Parameter updates on the CPU. All parameters form one sequence of blocks that the threads share
// equally. A block stays in the first-level cache: each element is read and written once in memory,
// while the arithmetic is written as whole-array expressions. The blocks do not depend on the
// number of threads, and so neither do the bits of the results.
#include <Eigen/Core>
#include <algorithm>
#include <cmath>

#include "base/parallel.h"
#include "ops/kernels.h"

namespace osteon::cpu::OSTEON_CPU_SET {
namespace {

constexpr std::int64_t kBlock = 1024;  // elements; the last block of a tensor may be smaller
constexpr std::int64_t kGrain = 32;    // minimum blocks per thread

struct Block {
  std::int64_t number;  // index among the blocks of all tensors
  std::size_t tensor;
  std::int64_t first, count;  // elements [first, first + count) of that tensor
};

// A copy of a block, on the stack.
template <class T>
using BlockArray = Eigen::Array<T, Eigen::Dynamic, 1, Eigen::ColMajor, kBlock, 1>;

// A block of one of several tensors, in place.
template <class T>
auto in(const Tensors& tensors, const Block& block) {
  return Eigen::Map<Eigen::ArrayX<T>>(tensors[block.tensor].data<T>() + block.first, block.count);
}

std::int64_t blocks_of(const Tensor& tensor) { return (tensor.numel() + kBlock - 1) / kBlock; }

std::int64_t blocks_of(const Tensors& tensors) {
  std::int64_t count = 0;
  for (const Tensor& tensor : tensors) count += blocks_of(tensor);
  return count;
}

// Calls body(block) once for each block of the tensors.
template <class Body>
void for_each_block(const Tensors& tensors, const Body& body) {
  std::vector<std::int64_t> ends;
  for (const Tensor& tensor : tensors)
    ends.push_back((ends.empty() ? 0 : ends.back()) + blocks_of(tensor));
  parallel_for(blocks_of(tensors), kGrain, [&](std::int64_t begin, std::int64_t end) {
    auto i = static_cast<std::size_t>(std::ranges::upper_bound(ends, begin) - ends.begin());
    for (std::int64_t number = begin; number < end; ++number) {
      while (number >= ends[i]) ++i;
      const std::int64_t first = (number - ends[i] + blocks_of(tensors[i])) * kBlock;
      body(Block{number, i, first, std::min(kBlock, tensors[i].numel() - first)});
    }
  });
}

// Calls body.operator()<T>() for the dtypes of parameters.
template <class Body>
void dispatch_parameters(const char* op, DType dtype, const Body& body) {
  if (dtype == DType::f64) return body.template operator()<double>();
  OSTEON_CHECK(dtype == DType::f32, op, ": parameters are ", dtype, "; keep them in f32 or f64");
  body.template operator()<float>();
}

bool is_not_finite(const Tensor& guard) { return guard.defined() && !std::isfinite(guard.item()); }

// The factors of an Adam step of one parameter, computed from its step count.
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
  if (is_not_finite(guard)) return;
  dispatch_parameters("adam_step", parameters[0].dtype(), [&]<class T>() {
    const double rate = learning_rate.item();
    const T keep1 = T(1 - options.beta1), beta2 = T(options.beta2), keep2 = T(1 - options.beta2);
    const T epsilon = T(options.epsilon);
    const T shrink = T(1 - (options.decoupled ? rate * weight_decay : 0));
    const T penalty = T(options.decoupled ? 0 : weight_decay);
    std::vector<AdamFactors<T>> factors;
    for (const Tensor& step : steps) factors.emplace_back(++*step.data<double>(), rate, options);

    for_each_block(parameters, [&](const Block& block) {
      const auto& [step_size, inverse_sqrt_correction2] = factors[block.tensor];
      auto p = in<T>(parameters, block), m = in<T>(exp_avg, block), v = in<T>(exp_avg_sq, block);
      const BlockArray<T> g = in<T>(gradients, block) + penalty * p;
      // [exercise 8b]
      m += keep1 * (g - m);
      v = beta2 * v + keep2 * g.square();
      p = shrink * p - step_size * m / (v.sqrt() * inverse_sqrt_correction2 + epsilon);
      // [exercise end]
    });
  });
}

void sgd_step(const Tensors& parameters, const Tensors& gradients, const Tensors& momentum_buffers,
              const Tensor& learning_rate, const Tensor& guard, double weight_decay,
              const SGDOptions& options) {
  if (is_not_finite(guard)) return;
  dispatch_parameters("sgd_step", parameters[0].dtype(), [&]<class T>() {
    const T rate = T(learning_rate.item()), penalty = T(weight_decay);
    const T momentum = T(options.momentum);
    for_each_block(parameters, [&](const Block& block) {
      auto p = in<T>(parameters, block), b = in<T>(momentum_buffers, block);
      const BlockArray<T> g = in<T>(gradients, block) + penalty * p;
      b = momentum * b + g;
      if (options.nesterov)
        p -= rate * (g + momentum * b);
      else
        p -= rate * b;
    });
  });
}

void average_step(const Tensors& averages, const Tensors& values, double decay) {
  dispatch_parameters("average_step", averages[0].dtype(), [&]<class T>() {
    const T share = T(1 - decay);
    for_each_block(averages, [&](const Block& block) {
      auto average = in<T>(averages, block);
      average += share * (in<T>(values, block) - average);
    });
  });
}

void clip_grad_norm(const Tensors& gradients, double max_norm, const Tensor& norm) {
  dispatch_parameters("clip_grad_norm", gradients[0].dtype(), [&]<class T>() {
    std::vector<double> sums(static_cast<std::size_t>(blocks_of(gradients)));
    for_each_block(gradients, [&](const Block& block) {
      sums[static_cast<std::size_t>(block.number)] =
          in<T>(gradients, block).template cast<double>().square().sum();
    });
    double total = 0;
    for (const double sum : sums) total += sum;
    const double length = std::sqrt(total);
    *norm.data<double>() = length;
    const T factor = T(max_norm / (length + 1e-6));
    if (!std::isfinite(length) || factor >= 1) return;
    for_each_block(gradients, [&](const Block& block) { in<T>(gradients, block) *= factor; });
  });
}

void restore_unless_finite(const Tensor& guard, const Tensors& kept, const Tensors& tensors) {
  if (!is_not_finite(guard)) return;
  for (std::size_t i = 0; i < tensors.size(); ++i) copy_(tensors[i], kept[i]);
}

}  // namespace osteon::cpu::OSTEON_CPU_SET
