// Random changes to training images. The affine map costs nothing: warp_affine (ops.h) applies it
// together with the normalisation. train/batch_changes.h applies the others.
#pragma once

#include <array>
#include <cstdint>
#include <string>

#include "base/random.h"

namespace osteon {

// The 2x3 matrix of warp_affine; maps output pixel (column, row, 1) to input pixel.
using AffineMatrix = std::array<float, 6>;

struct Augmentation {
  double flip = 0;          // probability of a mirror image, left to right
  double rotation = 0;      // maximum angle in degrees, to either side
  double scale = 0;         // maximum relative change of the size: 0.1 is 90 % to 110 %
  double shift = 0;         // maximum shift along each axis, as a share of the side
  double jitter = 0;        // maximum relative change of brightness, and of contrast
  double erase = 0;         // probability that a rectangle is erased
  bool is_trivial = false;  // TrivialAugment in the place of rotation, scale, shift and jitter
};

// default (flip 0.5, ±15 degrees, scale and shift ±10 %), mura-paper (flip 0.5, ±30 degrees:
// Rajpurkar et al., "MURA", MIDL 2018), trivial (flip 0.5, and TrivialAugment) or none. Throws
// UsageError for any other name.
Augmentation augmentation_from_name(const std::string& name);

// The map for image `index` in `epoch`: a mirror, then a scaling, a rotation about the centre of a
// square image of side `size`, and a shift. It depends on (seed, epoch, index) only.
AffineMatrix draw_affine(const Augmentation& augmentation, std::int64_t size, std::uint64_t seed,
                         std::int64_t epoch, std::int64_t index);

// The identity map.
inline constexpr AffineMatrix kIdentity{1, 0, 0, 0, 1, 0};

// A rectangle of pixels.
struct Box {
  std::int64_t top = 0, left = 0, bottom = 0, right = 0;  // without bottom and right

  std::int64_t area() const { return (bottom - top) * (right - left); }
};

// The rectangle of these sides about a centre drawn uniformly in a square image of side `size`,
// without what lies outside.
Box draw_box(std::int64_t height, std::int64_t width, std::int64_t size, RandomStream& random);

struct ImageChange {
  AffineMatrix matrix = kIdentity;
  // A grey level v becomes contrast (brightness v - m) + m, where m is the mean by which images are
  // normalised.
  float brightness = 1, contrast = 1;
  Box erased{};  // becomes the mean; may be empty
};

// All changes of image `index` in `epoch`; they depend on (seed, epoch, index) only.
//
// With is_trivial, one of eight changes of a strength drawn uniformly: none; shear by at most 0.3
// or shift by at most 30 % along either axis; rotation by at most 30 degrees; brightness or
// contrast times 0.1 to 1.9. Source: Müller & Hutter, "TrivialAugment", ICCV 2021, the space "RA"
// without the operations that need colour or change the shape of the histogram.
//
// An erased rectangle has 2 % to 33 % of the area and sides in a ratio of 0.3 to 3.3. Source: Zhong
// et al., "Random Erasing Data Augmentation", AAAI 2020.
ImageChange draw_change(const Augmentation& augmentation, std::int64_t size, std::uint64_t seed,
                        std::int64_t epoch, std::int64_t index);

}  // namespace osteon
