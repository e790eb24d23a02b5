// Common parts of the fuzz targets: an input as a file in memory, and the rule that all of them
// check: a reader either succeeds or throws Error.
#pragma once

#include <unistd.h>

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <fstream>

#include "base/error.h"

namespace osteon {

// A file of this process with `ending`, rewritten for each input; in TMPDIR, which scripts/fuzz.sh
// puts into memory.
inline std::filesystem::path fuzz_file(const std::uint8_t* data, std::size_t size,
                                       const char* ending) {
  static const std::filesystem::path path =
      std::filesystem::temp_directory_path() / format("osteon_fuzz_", ::getpid(), ending);
  std::ofstream(path, std::ios::binary)
      .write(reinterpret_cast<const char*>(data), static_cast<std::streamsize>(size));
  return path;
}

// Runs a reader; any exception except Error is a fault and ends the fuzzer.
template <class Reader>
int expect_error_or_success(const Reader& reader) {
  try {
    reader();
  } catch (const Error&) {
  }
  return 0;
}

}  // namespace osteon
