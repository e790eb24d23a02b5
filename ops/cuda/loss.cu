// Losses. Memory traffic: forward and backward read logits and targets once each; backward writes
// the gradient. Sums are in double, in an order that depends only on the number of elements.
//
// Checking targets on the host would make it wait for the device. A target out of range makes the
// loss and its gradient NaN, which the optimizers' guard detects.
#include <cmath>
#include <limits>

#include "ops/cuda/device/log_sum_exp.cuh"
#include "ops/kernels.h"
#include "tensor/cuda/map.cuh"

namespace osteon::cuda {
namespace {

constexpr std::int64_t kTermsPerThread = 16;
constexpr std::int64_t kMaxParts = kThreads;  // one block adds them up

// log(1 + exp(z)) without overflow.
template <class A>
__device__ A softplus(A z) {
  return std::log1p(std::exp(-std::abs(z))) + (z > A(0) ? z : A(0));
}

template <class A>
__device__ A not_a_number() {
  return std::numeric_limits<A>::quiet_NaN();
}

template <class A>
__device__ bool is_probability(A target) {
  return target >= A(0) && target <= A(1);
}

// The formula of ops.h regrouped as (1 - t) softplus(z) + positive_weight t softplus(-z), which has
// no cancellation.
template <class T>
struct BinaryCrossEntropyTerm {
  using A = Accumulator<T>;
  const T *logits, *targets, *weight;
  A positive_weight;

  __device__ double operator()(std::int64_t i) const {
    const A z = static_cast<A>(logits[i]), t = static_cast<A>(targets[i]);
    if (!is_probability(t)) return not_a_number<double>();
    const A term = (1 - t) * softplus(z) + positive_weight * t * softplus(-z);
    return static_cast<double>(weight ? static_cast<A>(weight[i]) * term : term);
  }
};

struct TermInMemory {
  const double* terms;
  __device__ double operator()(std::int64_t i) const { return terms[i]; }
};

// Each block adds an equal share of the terms and writes scale times the sum to sums[block].
template <class Term, class To>
__global__ void __launch_bounds__(kThreads)
    sum_terms(std::int64_t count, Term term, double scale, To* sums) {
  double sum = 0;
  for (std::int64_t i = std::int64_t{blockIdx.x} * blockDim.x + threadIdx.x; i < count;
       i += std::int64_t{gridDim.x} * blockDim.x)
    sum += term(i);
  sum = combine_along_x(sum, Sum());
  if (threadIdx.x == 0) sums[blockIdx.x] = narrowed<To>(sum * scale);
}

// loss = scale times the sum of `count` terms.
template <class T, class Term>
void sum_of_terms(const char* op, std::int64_t count, const Term& term, double scale,
                  const Tensor& loss) {
  const unsigned int parts = blocks_for(count, kThreads * kTermsPerThread, kMaxParts);
  if (parts == 1)
    return launch(op, loss, sum_terms<Term, T>, dim3(1), dim3(kThreads), count, term, scale,
                  loss.data<T>());
  const Tensor sums({parts}, DType::f64, loss.device());
  launch(op, loss, sum_terms<Term, double>, dim3(parts), dim3(kThreads), count, term, 1.0,
         sums.data<double>());
  launch(op, loss, sum_terms<TermInMemory, T>, dim3(1), dim3(kThreads), std::int64_t{parts},
         TermInMemory{sums.data<double>()}, scale, loss.data<T>());
}

// dz = dy weight [ (1 - t) sigmoid(z) - positive_weight t sigmoid(-z) ] / numel. weight is 1 if the
// operand is undefined; dy has one element.
template <class A>
struct BinaryCrossEntropyGradient {
  A positive_weight, count;
  bool weighted;

  __device__ Results<A, 1> operator()(A z, A t, A weight, A dy) const {
    const A sigmoid = functors::Sigmoid{}(z), opposite = functors::Sigmoid{}(-z);
    const A slope = (1 - t) * sigmoid - positive_weight * t * opposite;
    const A gradient = dy / count * (weighted ? weight * slope : slope);
    return {{is_probability(t) ? gradient : not_a_number<A>()}};
  }
};

// The parameters of cross_entropy. weight is null for all ones.
template <class A>
struct CrossEntropyTerms {
  const std::int64_t* targets;
  const A* weight;
  A label_smoothing;
  std::int64_t ignore_index, classes;

  __device__ A weight_of(std::int64_t k) const { return weight ? weight[k] : A(1); }
  __device__ bool is_ignored(std::int64_t n) const { return targets[n] == ignore_index; }
  __device__ bool is_class(std::int64_t n) const { return targets[n] >= 0 && targets[n] < classes; }
};

// The numerator and the denominator of the mean, one term per sample.
template <class T>
__global__ void __launch_bounds__(kThreads)
    cross_entropy_rows(const T* logits, std::int64_t samples,
                       CrossEntropyTerms<Accumulator<T>> options, double* terms, double* weights) {
  using A = Accumulator<T>;
  const std::int64_t classes = options.classes;
  for (std::int64_t first = std::int64_t{blockIdx.x} * blockDim.y; first < samples;
       first += std::int64_t{gridDim.x} * blockDim.y) {
    const std::int64_t n = first + threadIdx.y;
    const std::int64_t mine = n < samples ? classes : 0;
    const T* const row = logits + n * classes;
    const auto [maximum, sum] = sum_of_exponentials(row, mine);
    const A log_sum = std::log(sum);
    A all = 0;  // the sum of w[k] (-log p[k])
    if (options.label_smoothing > 0) {
      for (std::int64_t k = threadIdx.x; k < mine; k += blockDim.x)
        all += options.weight_of(k) * ((maximum - static_cast<A>(row[k])) + log_sum);
      all = combine_along_x(all, Sum());
    }
    if (threadIdx.x != 0 || n >= samples) continue;
    const bool counts = options.is_class(n), is_ignored = options.is_ignored(n);
    const std::int64_t target = counts ? options.targets[n] : 0;
    const A weight = options.weight_of(target);
    const A term = weight * ((maximum - static_cast<A>(row[target])) + log_sum);
    const A smoothed = (1 - options.label_smoothing) * term +
                       options.label_smoothing / static_cast<A>(classes) * all;
    terms[n] = is_ignored ? 0 : counts ? static_cast<double>(smoothed) : not_a_number<double>();
    weights[n] = is_ignored ? 0 : static_cast<double>(weight);
  }
}

struct Quotient {
  template <class A>
  __device__ Results<A, 1> operator()(A a, A b) const {
    return {{a / b}};
  }
};

// The formula is in ops/loss.cpp.
template <class T>
__global__ void __launch_bounds__(kThreads)
    cross_entropy_backward_rows(const T* logits, std::int64_t samples,
                                CrossEntropyTerms<Accumulator<T>> options, const double* total,
                                const T* dy, T* dlogits) {
  using A = Accumulator<T>;
  const std::int64_t classes = options.classes;
  const A scale = static_cast<A>(*dy) / static_cast<A>(*total);
  const A spread = options.label_smoothing / static_cast<A>(classes);
  for (std::int64_t first = std::int64_t{blockIdx.x} * blockDim.y; first < samples;
       first += std::int64_t{gridDim.x} * blockDim.y) {
    const std::int64_t n = first + threadIdx.y;
    const std::int64_t mine = n < samples ? classes : 0;
    const T* const row = logits + n * classes;
    const auto [maximum, sum] = sum_of_exponentials(row, mine);
    const A log_sum = std::log(sum);
    A all = 0;  // the sum of w[k]
    if (options.label_smoothing > 0) {
      for (std::int64_t k = threadIdx.x; k < mine; k += blockDim.x) all += options.weight_of(k);
      all = combine_along_x(all, Sum());
    }
    for (std::int64_t k = threadIdx.x; k < mine; k += blockDim.x) {
      const bool counts = options.is_class(n);
      const std::int64_t target = counts ? options.targets[n] : 0;
      const A chosen = (1 - options.label_smoothing) * options.weight_of(target);
      const A probability = std::exp((static_cast<A>(row[k]) - maximum) - log_sum);
      const A slope = chosen * (k == target ? probability - 1 : probability);
      const A gradient = scale * (slope + spread * (all * probability - options.weight_of(k)));
      dlogits[n * classes + k] = T(options.is_ignored(n) ? A(0)
                                   : counts              ? gradient
                                                         : not_a_number<A>());
    }
  }
}

template <class T>
CrossEntropyTerms<Accumulator<T>> terms_of(const Tensor& logits, const Tensor& targets,
                                           const Tensor& weight,
                                           const CrossEntropyOptions& options) {
  using A = Accumulator<T>;
  return {targets.data<std::int64_t>(), weight.data_or_null<A>(),
          static_cast<A>(options.label_smoothing), options.ignore_index, logits.dim(1)};
}

constexpr const char* kBinary = "binary_cross_entropy_with_logits";

}  // namespace

void binary_cross_entropy_forward(const Tensor& logits, const Tensor& targets, const Tensor& weight,
                                  double positive_weight, const Tensor& loss) {
  dispatch_floating(kBinary, logits.dtype(), [&]<class T>() {
    const BinaryCrossEntropyTerm<T> term{logits.data<T>(), targets.data<T>(),
                                         weight.defined() ? weight.data<T>() : nullptr,
                                         static_cast<Accumulator<T>>(positive_weight)};
    sum_of_terms<T>(kBinary, logits.numel(), term, 1 / static_cast<double>(logits.numel()), loss);
  });
}

void binary_cross_entropy_backward(const Tensor& logits, const Tensor& targets,
                                   const Tensor& weight, double positive_weight, const Tensor& dy,
                                   const Tensor& dlogits) {
  dispatch_floating(kBinary, logits.dtype(), [&]<class T>() {
    using A = Accumulator<T>;
    const BinaryCrossEntropyGradient<A> gradient{static_cast<A>(positive_weight),
                                                 static_cast<A>(logits.numel()), weight.defined()};
    map<T, 1>(kBinary, gradient, {dlogits}, Types<T, T, T, T>(), {logits, targets, weight, dy});
  });
}

void cross_entropy_forward(const Tensor& logits, const Tensor& targets, const Tensor& weight,
                           const CrossEntropyOptions& options, const Tensor& loss,
                           const Tensor& total) {
  constexpr const char* op = "cross_entropy";
  const std::int64_t samples = logits.dim(0);
  const Tensor terms({samples}, DType::f64, logits.device()), weights = empty_like(terms);
  const Tensor sum = empty_like(total);
  const RowLaunch shape(samples, logits.dim(1));
  dispatch_floating(op, logits.dtype(), [&]<class T>() {
    launch(op, logits, cross_entropy_rows<T>, shape.grid, shape.block, logits.data<T>(), samples,
           terms_of<T>(logits, targets, weight, options), terms.data<double>(),
           weights.data<double>());
    sum_of_terms<double>(op, samples, TermInMemory{terms.data<double>()}, 1, sum);
    sum_of_terms<double>(op, samples, TermInMemory{weights.data<double>()}, 1, total);
    map<T, 1>(op, Quotient(), {loss}, Types<double, double>(), {sum, total});
  });
}

void cross_entropy_backward(const Tensor& logits, const Tensor& targets, const Tensor& weight,
                            const CrossEntropyOptions& options, const Tensor& total,
                            const Tensor& dy, const Tensor& dlogits) {
  const std::int64_t samples = logits.dim(0);
  const RowLaunch shape(samples, logits.dim(1));
  dispatch_floating("cross_entropy", logits.dtype(), [&]<class T>() {
    launch("cross_entropy", logits, cross_entropy_backward_rows<T>, shape.grid, shape.block,
           logits.data<T>(), samples, terms_of<T>(logits, targets, weight, options),
           total.data<double>(), dy.data<T>(), dlogits.data<T>());
  });
}

}  // namespace osteon::cuda
