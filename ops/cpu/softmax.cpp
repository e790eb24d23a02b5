// softmax and log_softmax on the CPU, row by row.
#include <algorithm>
#include <cmath>

#include "base/parallel.h"
#include "ops/kernels.h"

namespace osteon::cpu::OSTEON_CPU_SET {
namespace {

constexpr std::int64_t kGrain = 4 * 1024;  // minimum exponentials per thread

// Calls body(begin, end) for ranges of rows of x.
template <class Body>
void for_each_row(const Tensor& x, const Body& body) {
  const std::int64_t columns = x.dim(-1);
  parallel_for(x.numel() / columns, kGrain / columns, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t row = begin; row < end; ++row) body(row * columns, columns);
  });
}

template <class T>
Accumulator<T> maximum(const T* x, std::int64_t n) {
  auto largest = static_cast<Accumulator<T>>(x[0]);
  for (std::int64_t i = 1; i < n; ++i)
    largest = std::max(largest, static_cast<Accumulator<T>>(x[i]));
  return largest;
}

// sum_j exp(x_j - shift)
template <class T>
Accumulator<T> sum_of_exponentials(const T* x, std::int64_t n, Accumulator<T> shift) {
  Accumulator<T> sum = 0;
  for (std::int64_t i = 0; i < n; ++i) sum += std::exp(static_cast<Accumulator<T>>(x[i]) - shift);
  return sum;
}

}  // namespace

void softmax_forward(const Tensor& x, const Tensor& y) {
  dispatch_floating("softmax", x.dtype(), [&]<class T>() {
    using A = Accumulator<T>;
    for_each_row(x, [&](std::int64_t offset, std::int64_t n) {
      const T* const from = x.data<T>() + offset;
      T* const to = y.data<T>() + offset;
      const A shift = maximum(from, n);
      const A sum = sum_of_exponentials(from, n, shift);
      for (std::int64_t i = 0; i < n; ++i)
        to[i] = T(std::exp(static_cast<A>(from[i]) - shift) / sum);
    });
  });
}

void softmax_backward(const Tensor& y, const Tensor& dy, const Tensor& dx) {
  dispatch_floating("softmax", y.dtype(), [&]<class T>() {
    using A = Accumulator<T>;
    for_each_row(y, [&](std::int64_t offset, std::int64_t n) {
      const T *const output = y.data<T>() + offset, *const gradient = dy.data<T>() + offset;
      T* const to = dx.data<T>() + offset;
      A dot = 0;
      for (std::int64_t i = 0; i < n; ++i)
        dot += static_cast<A>(output[i]) * static_cast<A>(gradient[i]);
      for (std::int64_t i = 0; i < n; ++i)
        to[i] = T(static_cast<A>(output[i]) * (static_cast<A>(gradient[i]) - dot));
    });
  });
}

void log_softmax_forward(const Tensor& x, const Tensor& y) {
  dispatch_floating("log_softmax", x.dtype(), [&]<class T>() {
    using A = Accumulator<T>;
    for_each_row(x, [&](std::int64_t offset, std::int64_t n) {
      const T* const from = x.data<T>() + offset;
      T* const to = y.data<T>() + offset;
      // [exercise 3b]
      const A shift = maximum(from, n);
      const A log_sum = std::log(sum_of_exponentials(from, n, shift));
      for (std::int64_t i = 0; i < n; ++i) to[i] = T((static_cast<A>(from[i]) - shift) - log_sum);
      // [exercise end]
    });
  });
}

void log_softmax_backward(const Tensor& y, const Tensor& dy, const Tensor& dx) {
  dispatch_floating("log_softmax", y.dtype(), [&]<class T>() {
    using A = Accumulator<T>;
    for_each_row(y, [&](std::int64_t offset, std::int64_t n) {
      const T *const output = y.data<T>() + offset, *const gradient = dy.data<T>() + offset;
      T* const to = dx.data<T>() + offset;
      // [exercise 3a]
      A sum = 0;
      for (std::int64_t i = 0; i < n; ++i) sum += static_cast<A>(gradient[i]);
      for (std::int64_t i = 0; i < n; ++i)
        to[i] = T(static_cast<A>(gradient[i]) - std::exp(static_cast<A>(output[i])) * sum);
      // [exercise end]
    });
  });
}

}  // namespace osteon::cpu::OSTEON_CPU_SET
