#include "ops/cpu/add_activation.h"

#include "base/parallel.h"
#include "ops/cpu/activation.h"

namespace osteon::cpu::OSTEON_CPU_SET {
namespace {

constexpr std::int64_t kGrain = 32 * 1024;  // minimum elements per thread

}  // namespace

void add_activation(const Tensor& residual, Activation activation, const Tensor& y) {
  dispatch_floating("conv2d", y.dtype(), [&]<class T>() {
    const T* const added = residual.data_or_null<T>();
    T* const to = y.data<T>();
    with_activation(activation, [&](auto function) {
      parallel_for(y.numel(), kGrain, [&](std::int64_t begin, std::int64_t end) {
        for (std::int64_t i = begin; i < end; i += kLanes<T>) {
          Lanes<T> value = load(to + i, end - i);
          if (added != nullptr) value += load(added + i, end - i);
          store(to + i, activated<T>(function, value), end - i);
        }
      });
    });
  });
}

}  // namespace osteon::cpu::OSTEON_CPU_SET
