// fill, copy and add on the CPU. Memory-bound, except for bf16 conversion.
#include "tensor/cpu/elements.h"

#include <algorithm>

#include "base/parallel.h"
#include "tensor/convert.h"

namespace osteon::cpu::OSTEON_CPU_SET {
namespace {

constexpr std::int64_t kGrain = 32 * 1024;  // minimum elements per thread

}  // namespace

void fill(const Tensor& x, double value) {
  dispatch_any("fill_", x.dtype(), [&]<class T>() {
    T* to = x.data<T>();
    parallel_for(x.numel(), kGrain, [&](std::int64_t begin, std::int64_t end) {
      std::fill(to + begin, to + end, convert<T>(value));
    });
  });
}

void copy(const Tensor& x, const Tensor& source) {
  dispatch_any("copy_", x.dtype(), [&]<class To>() {
    dispatch_any("copy_", source.dtype(), [&]<class From>() {
      To* to = x.data<To>();
      const From* from = source.data<From>();
      parallel_for(x.numel(), kGrain, [&](std::int64_t begin, std::int64_t end) {
        for (std::int64_t i = begin; i < end; ++i) to[i] = convert<To>(from[i]);
      });
    });
  });
}

void add_in_place(const Tensor& x, const Tensor& y) {
  dispatch_floating("add_", x.dtype(), [&]<class T>() {
    T* to = x.data<T>();
    const T* from = y.data<T>();
    parallel_for(x.numel(), kGrain, [&](std::int64_t begin, std::int64_t end) {
      using A = Accumulator<T>;
      for (std::int64_t i = begin; i < end; ++i)
        to[i] = T(static_cast<A>(to[i]) + static_cast<A>(from[i]));
    });
  });
}

}  // namespace osteon::cpu::OSTEON_CPU_SET
