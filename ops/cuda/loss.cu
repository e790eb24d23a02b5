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

// loss = the mean of `count` terms.
template <class T, class Term>
void mean_of_terms(const char* op, std::int64_t count, const Term& term, const Tensor& loss) {
  const double scale = 1 / static_cast<double>(count);
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

// terms[n] = -log softmax(logits[n])[targets[n]]
template <class T>
__global__ void __launch_bounds__(kThreads)
    cross_entropy_rows(const T* logits, const std::int64_t* targets, std::int64_t samples,
                       std::int64_t classes, double* terms) {
  using A = Accumulator<T>;
  for (std::int64_t first = std::int64_t{blockIdx.x} * blockDim.y; first < samples;
       first += std::int64_t{gridDim.x} * blockDim.y) {
    const std::int64_t n = first + threadIdx.y;
    const T* const row = logits + n * classes;
    const auto [maximum, sum] = sum_of_exponentials(row, n < samples ? classes : 0);
    if (threadIdx.x != 0 || n >= samples) continue;
    const std::int64_t target = targets[n];
    terms[n] = target >= 0 && target < classes
                   ? static_cast<double>((maximum - static_cast<A>(row[target])) + std::log(sum))
                   : not_a_number<double>();
  }
}

// dlogits[n,k] = dy (softmax(logits[n])[k] - [k = targets[n]]) / samples
template <class T>
__global__ void __launch_bounds__(kThreads)
    cross_entropy_backward_rows(const T* logits, const std::int64_t* targets, const T* dy,
                                std::int64_t samples, std::int64_t classes, T* dlogits) {
  using A = Accumulator<T>;
  const A scale = static_cast<A>(*dy) / static_cast<A>(samples);
  for (std::int64_t first = std::int64_t{blockIdx.x} * blockDim.y; first < samples;
       first += std::int64_t{gridDim.x} * blockDim.y) {
    const std::int64_t n = first + threadIdx.y;
    const std::int64_t mine = n < samples ? classes : 0;
    const T* const row = logits + n * classes;
    const auto [maximum, sum] = sum_of_exponentials(row, mine);
    const A log_sum = std::log(sum);
    for (std::int64_t k = threadIdx.x; k < mine; k += blockDim.x) {
      const std::int64_t target = targets[n];
      const A probability = std::exp((static_cast<A>(row[k]) - maximum) - log_sum);
      const A slope = k == target ? probability - 1 : probability;
      dlogits[n * classes + k] =
          T(target >= 0 && target < classes ? scale * slope : not_a_number<A>());
    }
  }
}

constexpr const char* kBinary = "binary_cross_entropy_with_logits";

}  // namespace

void binary_cross_entropy_forward(const Tensor& logits, const Tensor& targets, const Tensor& weight,
                                  double positive_weight, const Tensor& loss) {
  dispatch_floating(kBinary, logits.dtype(), [&]<class T>() {
    const BinaryCrossEntropyTerm<T> term{logits.data<T>(), targets.data<T>(),
                                         weight.defined() ? weight.data<T>() : nullptr,
                                         static_cast<Accumulator<T>>(positive_weight)};
    mean_of_terms<T>(kBinary, logits.numel(), term, loss);
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

void cross_entropy_forward(const Tensor& logits, const Tensor& targets, const Tensor& loss) {
  const std::int64_t samples = logits.dim(0), classes = logits.dim(1);
  const Tensor terms({samples}, DType::f64, logits.device());
  const RowLaunch shape(samples, classes);
  dispatch_floating("cross_entropy", logits.dtype(), [&]<class T>() {
    launch("cross_entropy", logits, cross_entropy_rows<T>, shape.grid, shape.block,
           logits.data<T>(), targets.data<std::int64_t>(), samples, classes, terms.data<double>());
    mean_of_terms<T>("cross_entropy", samples, TermInMemory{terms.data<double>()}, loss);
  });
}

void cross_entropy_backward(const Tensor& logits, const Tensor& targets, const Tensor& dy,
                            const Tensor& dlogits) {
  const std::int64_t samples = logits.dim(0), classes = logits.dim(1);
  const RowLaunch shape(samples, classes);
  dispatch_floating("cross_entropy", logits.dtype(), [&]<class T>() {
    launch("cross_entropy", logits, cross_entropy_backward_rows<T>, shape.grid, shape.block,
           logits.data<T>(), targets.data<std::int64_t>(), dy.data<T>(), samples, classes,
           dlogits.data<T>());
  });
}

}  // namespace osteon::cuda
