// One pass over the output; without ReLU the lower bound is minus infinity.
#include "ops/cpu/add_relu.h"

#include <limits>

#include "base/parallel.h"

namespace osteon::cpu::OSTEON_CPU_SET {
namespace {

constexpr std::int64_t kGrain = 32 * 1024;  // minimum elements per thread

}  // namespace

void add_relu(const Tensor& residual, bool relu, const Tensor& y) {
  dispatch_floating("conv2d", y.dtype(), [&]<class T>() {
    using A = Accumulator<T>;
    const T* added = residual.defined() ? residual.data<T>() : nullptr;
    const A low = relu ? A(0) : -std::numeric_limits<A>::infinity();
    T* to = y.data<T>();
    parallel_for(y.numel(), kGrain, [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t i = begin; i < end; ++i) {
        const A value = static_cast<A>(to[i]) + (added ? static_cast<A>(added[i]) : A(0));
        to[i] = T(value < low ? low : value);
      }
    });
  });
}

}  // namespace osteon::cpu::OSTEON_CPU_SET
