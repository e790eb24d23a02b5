// Index calculation for a dense tensor in the order of another one, with dimensions repeated,
// skipped or permuted.
#pragma once

#include <cstdint>

#include "tensor/shape.h"

namespace osteon::cuda {

constexpr int kMaxLevels = 8;

// Nested loops over `extent`s, the innermost first; each iteration of a loop advances by `stride`
// elements.
struct Walk {
  std::int64_t extent[kMaxLevels] = {};
  std::int64_t stride[kMaxLevels] = {};
  std::int64_t count = 1;  // the product of the extents
  int levels = 0;

  // Adds an outer loop. If it continues where the loop inside it ends (also with stride 0), the two
  // become one loop. More than kMaxLevels loops throw an Error naming `op`.
  void add_outer(const char* op, std::int64_t extent_, std::int64_t stride_) {
    if (extent_ == 1) return;
    if (levels == 0 || stride[levels - 1] * extent[levels - 1] != stride_)
      return add_separate(op, extent_, stride_);
    extent[levels - 1] *= extent_;
    count *= extent_;
  }
  // The same, without merging loops.
  void add_separate(const char* op, std::int64_t extent_, std::int64_t stride_) {
    OSTEON_CHECK(levels < kMaxLevels, op, ": more than ", kMaxLevels,
                 " non-contiguous dimensions; merge neighbours with reshape");
    extent[levels] = extent_;
    stride[levels] = stride_;
    count *= extent_;
    ++levels;
  }

  // The offset of the i-th iteration of the whole nest.
  __host__ __device__ std::int64_t offset(std::int64_t i) const {
    std::int64_t result = 0;
    for (int level = 0; level + 1 < levels; ++level) {
      result += i % extent[level] * stride[level];
      i /= extent[level];
    }
    return levels == 0 ? result : result + i * stride[levels - 1];
  }
};

}  // namespace osteon::cuda
