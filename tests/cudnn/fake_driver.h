// Devices that need not be present: cuDNN compiles for a described device, with a driver that can
// only load code.
#pragma once

#include <dlfcn.h>

#include <fstream>
#include <iterator>
#include <string>

#include "base/error.h"

namespace osteon {

// Loads fake_libcuda.cpp; cuDNN then finds it by its soname. Call this before any cuDNN function.
inline void load_fake_driver() {
  OSTEON_CHECK(dlopen(OSTEON_FAKE_LIBCUDA, RTLD_NOW | RTLD_GLOBAL) != nullptr, dlerror());
}

// Makes the CUDA runtime name the described device as the present one (fake_device.cpp).
void set_fake_device(const std::string& properties);

// A file with cuDNN's own description of a device; h100.json describes an H100.
inline std::string device_properties(const std::string& path = OSTEON_TEST_GPU "/h100.json") {
  std::ifstream file(path, std::ios::binary);
  OSTEON_CHECK(file, path, ": cannot be read");
  return {std::istreambuf_iterator<char>(file), {}};
}

}  // namespace osteon
