// The device of the CUDA tests, and the amount of their work.
#pragma once

#include <doctest/doctest.h>

#include <cstdlib>
#include <string>
#include <vector>

#include "tensor/device.h"
#include "tests/support/families.h"
#include "tests/support/training_steps.h"

namespace osteon {

// The first CUDA device. If it cannot be used: the CPU, with a message that the test was skipped.
inline Device device_under_test() {
  const Device device = device_from_name("auto");
  if (!device.is_cuda()) MESSAGE("skipped: there is no CUDA device");
  return device;
}

// Models whose passes are compared. Another order of streams (cuda_emulator/settings.h) concerns no
// single layer.
inline std::vector<std::string> models_under_test() {
  if (std::getenv("OSTEON_EMULATED_ORDER") != nullptr) return {"resnet18"};
  return one_model_per_design();
}

}  // namespace osteon
