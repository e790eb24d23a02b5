// Draws and composes affine maps.
#include "data/augment.h"

#include <cmath>
#include <numbers>

#include "base/error.h"
#include "base/random.h"

namespace osteon {

Augmentation augmentation_from_name(const std::string& name) {
  if (name == "default") return {.flip = 0.5, .rotation = 15, .scale = 0.1, .shift = 0.1};
  if (name == "mura-paper") return {.flip = 0.5, .rotation = 30};
  if (name == "none") return {};
  throw UsageError(format("augment '", name, "': expected default, mura-paper or none"));
}

// Maps the output to the input, so each step is inverted. With c the centre and R the rotation,
//
//   input = c + mirror R^-1 (output - c - shift) / scale
AffineMatrix draw_affine(const Augmentation& augmentation, std::int64_t size, std::uint64_t seed,
                         std::int64_t epoch, std::int64_t index) {
  RandomStream random(seed ^ hash_name("augment"), static_cast<std::uint64_t>(epoch),
                      static_cast<std::uint64_t>(index));
  const double mirror = random.uniform() < augmentation.flip ? -1 : 1;
  const double degrees = random.uniform(-augmentation.rotation, augmentation.rotation);
  const double scale = 1 + random.uniform(-augmentation.scale, augmentation.scale);
  const double side = static_cast<double>(size), centre = (side - 1) / 2;
  const double shift_x = side * random.uniform(-augmentation.shift, augmentation.shift);
  const double shift_y = side * random.uniform(-augmentation.shift, augmentation.shift);

  const double angle = degrees * std::numbers::pi / 180;
  const double cosine = std::cos(angle) / scale, sine = std::sin(angle) / scale;
  const double xx = mirror * cosine, xy = mirror * sine, yx = -sine, yy = cosine;
  const double from_x = centre + shift_x, from_y = centre + shift_y;
  const double x = centre - xx * from_x - xy * from_y, y = centre - yx * from_x - yy * from_y;
  return {static_cast<float>(xx), static_cast<float>(xy), static_cast<float>(x),
          static_cast<float>(yx), static_cast<float>(yy), static_cast<float>(y)};
}

}  // namespace osteon
