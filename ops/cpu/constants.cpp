// Numbers of the host as a tensor.
#include "ops/kernels.h"
#include "tensor/convert.h"

namespace osteon::cpu::OSTEON_CPU_SET {

void write_numbers(const std::vector<double>& numbers, const Tensor& y) {
  dispatch_any("constant", y.dtype(), [&]<class T>() {
    T* const to = y.data<T>();
    for (std::size_t i = 0; i < numbers.size(); ++i) to[i] = convert<T>(numbers[i]);
  });
}

}  // namespace osteon::cpu::OSTEON_CPU_SET
