// The choice of a kernel by measurements of other shapes. measured.inc has one row per instruction
// set, direction and shape, with the speed of each kernel there. `--backend auto` takes
//
//   the measured row of the same instruction set and direction and of the same class (kernel size,
//   stride, and whether there is one group, one per channel or another number) that is nearest in
//   the logarithms of output pixels, channels and filters; of equally near ones the first,
//
// and of its kernels the fastest that is possible: built in, and able to compute the convolution.
// If the class has no row: direct; but oneDNN first for groups that are narrower than a tile.
//
// Neither the batch nor the number of threads is part of the choice, so that no other kernel, and
// with it other bits, comes with another number of them. bench_convolutions measures the rows
// (scripts/measure_convolutions.sh).
#pragma once

#include <array>
#include <span>

#include "base/instruction_set.h"
#include "ops/convolution/candidates.h"

namespace osteon::convolution {

// What a row describes.
struct Extents {
  Spatial kernel, stride;
  std::int64_t pixels;  // of the output of one image
  std::int64_t channels, filters, groups;
};
Extents extents_of(const Problem& problem);

using Speeds = std::array<double, kKernels>;  // GFLOP/s; 0: not measured

struct Measured {
  InstructionSet set;  // avx512 is also for avx512_bf16, whose kernels in f32 are the same
  Direction direction;
  std::int64_t kernel, stride;  // in both directions
  std::int64_t side;            // the square root of the output pixels of one image
  std::int64_t channels, filters, groups;
  Speeds speeds;
};

// The rows of measured.inc; none on processors other than x86-64, because none were measured.
std::span<const Measured> measured();

// The set whose rows are used here.
InstructionSet measured_set();

// All kernels, the one to take first, whether they are possible or not.
std::array<Kernel, kKernels> ranked(std::span<const Measured> rows, InstructionSet set,
                                    Direction direction, const Extents& extents);

}  // namespace osteon::convolution
