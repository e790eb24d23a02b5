// Cards that need not be here: cuDNN compiles for what is described, with a driver that only loads.
#pragma once

#include <dlfcn.h>

#include <fstream>
#include <iterator>
#include <string>

#include "base/error.h"

namespace osteon {

// Loads fake_libcuda.cpp, which all of cuDNN's own loading finds from now on by its soname. To be
// called before anything of cuDNN's.
inline void load_fake_driver() {
  OSTEON_CHECK(dlopen(OSTEON_FAKE_LIBCUDA, RTLD_NOW | RTLD_GLOBAL) != nullptr, dlerror());
}

// A file of cuDNN's own description of a device; h100.json is an H100's.
inline std::string device_properties(const std::string& path = OSTEON_TEST_GPU "/h100.json") {
  std::ifstream file(path, std::ios::binary);
  OSTEON_CHECK(file, path, ": cannot be read");
  return {std::istreambuf_iterator<char>(file), {}};
}

}  // namespace osteon
