// Random changes to training images, as one affine map per image. warp_affine (ops.h) applies it
// together with the normalisation, so an augmented image costs no more than a plain one.
#pragma once

#include <array>
#include <cstdint>
#include <string>

namespace osteon {

// The 2x3 matrix of warp_affine; maps output pixel (column, row, 1) to input pixel.
using AffineMatrix = std::array<float, 6>;

struct Augmentation {
  double flip = 0;      // probability of a mirror image, left to right
  double rotation = 0;  // maximum angle in degrees, to either side
  double scale = 0;     // maximum relative change of the size: 0.1 is 90 % to 110 %
  double shift = 0;     // maximum shift along each axis, as a share of the side
};

// default (flip 0.5, ±15 degrees, scale and shift ±10 %), mura-paper (flip 0.5, ±30 degrees:
// Rajpurkar et al., "MURA", MIDL 2018) or none. Throws UsageError for any other name.
Augmentation augmentation_from_name(const std::string& name);

// The map for image `index` in `epoch`: a mirror, then a scaling, a rotation about the centre of a
// square image of side `size`, and a shift. It depends on (seed, epoch, index) only.
AffineMatrix draw_affine(const Augmentation& augmentation, std::int64_t size, std::uint64_t seed,
                         std::int64_t epoch, std::int64_t index);

// The identity map.
inline constexpr AffineMatrix kIdentity{1, 0, 0, 0, 1, 0};

}  // namespace osteon
