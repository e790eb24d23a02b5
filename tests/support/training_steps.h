// The amount of work of the tests that train on a CUDA device.
#pragma once

#include <cstdint>

namespace osteon {

// Number of training steps to compare. An emulated device
// (tests/cuda_emulator/training_steps.cpp) is a thousand times slower than a real one.
std::uint64_t steps_under_test();

}  // namespace osteon
