// The device that CUDA tests run on, and how much they do there.
#pragma once

#include <doctest/doctest.h>

#include <cstdint>

#include "tensor/device.h"

namespace osteon {

// The first CUDA device; where it cannot be used the CPU, and a line that says the test was
// skipped.
inline Device device_under_test() {
  const Device device = device_from_name("auto");
  if (!device.is_cuda()) MESSAGE("skipped: there is no CUDA device");
  return device;
}

// Steps of training to compare: an emulated device is a thousand times slower than a real one.
inline std::uint64_t steps_under_test() {
#if defined(OSTEON_EMULATED_CUDA)
  return 3;
#else
  return 100;
#endif
}

}  // namespace osteon
