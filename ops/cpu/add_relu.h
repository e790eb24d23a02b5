// What a residual join does to an output that is there already.
#pragma once

#include <limits>

#include "tensor/parallel.h"
#include "tensor/tensor.h"

namespace osteon::cpu {

// y <- y + residual, or max(0, that) if `relu`; residual is like y, or undefined. T is their type.
template <class T>
void add_relu(const Tensor& residual, bool relu, const Tensor& y) {
  using A = Accumulator<T>;
  constexpr std::int64_t kGrain = 32 * 1024;  // elements that are worth a thread
  const T* added = residual.defined() ? residual.data<T>() : nullptr;
  const A low = relu ? A(0) : -std::numeric_limits<A>::infinity();
  T* to = y.data<T>();
  parallel_for(y.numel(), kGrain, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t i = begin; i < end; ++i) {
      const A value = static_cast<A>(to[i]) + (added ? static_cast<A>(added[i]) : A(0));
      to[i] = T(value < low ? low : value);
    }
  });
}

}  // namespace osteon::cpu
