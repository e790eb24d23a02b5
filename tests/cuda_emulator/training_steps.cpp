// Replaces tests/support/training_steps.cpp in programs with the emulated device.
#include "tests/support/training_steps.h"

std::uint64_t osteon::steps_under_test() { return 3; }
