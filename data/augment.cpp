// Draws affine maps, levels and rectangles.
#include "data/augment.h"

#include <algorithm>
#include <cmath>
#include <numbers>

#include "base/error.h"

namespace osteon {
namespace {

constexpr double kMinArea = 0.02, kMaxArea = 0.33, kMaxRatio = 3.3;         // of erased rectangles
constexpr double kShear = 0.3, kShift = 0.3, kRotation = 30, kLevel = 0.9;  // of TrivialAugment

struct Affine {
  double mirror = 1, degrees = 0, scale = 1;
  double shift_x = 0, shift_y = 0;  // shares of the side
  double shear_x = 0, shear_y = 0;  // along each axis, per pixel of the other
};

// Maps the output to the input, so each step is inverted. With c the centre, R the rotation and K
// the shear,
//
//   input = c + mirror R^-1 K^-1 (output - c - shift) / scale
AffineMatrix matrix_of(const Affine& affine, std::int64_t size) {
  // [exercise 9a]
  const double side = static_cast<double>(size), centre = (side - 1) / 2;
  const double angle = affine.degrees * std::numbers::pi / 180;
  const double cosine = std::cos(angle) / affine.scale, sine = std::sin(angle) / affine.scale;
  // One of the shears is 0, so K^-1 has their negatives.
  const double xx = affine.mirror * (cosine - sine * affine.shear_y);
  const double xy = affine.mirror * (sine - cosine * affine.shear_x);
  const double yx = -sine - cosine * affine.shear_y, yy = cosine + sine * affine.shear_x;
  const double from_x = centre + side * affine.shift_x, from_y = centre + side * affine.shift_y;
  const double x = centre - xx * from_x - xy * from_y, y = centre - yx * from_x - yy * from_y;
  return {static_cast<float>(xx), static_cast<float>(xy), static_cast<float>(x),
          static_cast<float>(yx), static_cast<float>(yy), static_cast<float>(y)};
  // [exercise end]
}

RandomStream stream_of(const char* name, std::uint64_t seed, std::int64_t epoch,
                       std::int64_t index) {
  return RandomStream(seed ^ hash_name(name), static_cast<std::uint64_t>(epoch),
                      static_cast<std::uint64_t>(index));
}

// TrivialAugment: one change, which may be none.
void draw_trivial(RandomStream& random, Affine& affine, ImageChange& change) {
  enum { none, shear_x, shear_y, shift_x, shift_y, rotation, brightness, contrast, count };
  const auto choice = random.below(count);
  const double strength = random.uniform(-1, 1);
  if (choice == shear_x) affine.shear_x = kShear * strength;
  if (choice == shear_y) affine.shear_y = kShear * strength;
  if (choice == shift_x) affine.shift_x = kShift * strength;
  if (choice == shift_y) affine.shift_y = kShift * strength;
  if (choice == rotation) affine.degrees = kRotation * strength;
  if (choice == brightness) change.brightness = static_cast<float>(1 + kLevel * strength);
  if (choice == contrast) change.contrast = static_cast<float>(1 + kLevel * strength);
}

Box draw_erased(std::int64_t size, RandomStream& random) {
  const auto side = static_cast<double>(size);
  const double area = random.uniform(kMinArea, kMaxArea) * side * side;
  const double ratio = std::exp(random.uniform(-std::log(kMaxRatio), std::log(kMaxRatio)));
  return draw_box(std::lround(std::sqrt(area * ratio)), std::lround(std::sqrt(area / ratio)), size,
                  random);
}

}  // namespace

Augmentation augmentation_from_name(const std::string& name) {
  if (name == "default") return {.flip = 0.5, .rotation = 15, .scale = 0.1, .shift = 0.1};
  if (name == "mura-paper") return {.flip = 0.5, .rotation = 30};
  if (name == "trivial") return {.flip = 0.5, .is_trivial = true};
  if (name == "none") return {};
  throw UsageError(format("augment '", name, "': expected default, mura-paper, trivial or none"));
}

AffineMatrix draw_affine(const Augmentation& augmentation, std::int64_t size, std::uint64_t seed,
                         std::int64_t epoch, std::int64_t index) {
  RandomStream random = stream_of("augment", seed, epoch, index);
  Affine affine;
  affine.mirror = random.uniform() < augmentation.flip ? -1 : 1;
  affine.degrees = random.uniform(-augmentation.rotation, augmentation.rotation);
  affine.scale = 1 + random.uniform(-augmentation.scale, augmentation.scale);
  affine.shift_x = random.uniform(-augmentation.shift, augmentation.shift);
  affine.shift_y = random.uniform(-augmentation.shift, augmentation.shift);
  return matrix_of(affine, size);
}

Box draw_box(std::int64_t height, std::int64_t width, std::int64_t size, RandomStream& random) {
  const auto centre = [&] {
    return static_cast<std::int64_t>(random.below(static_cast<std::uint64_t>(size)));
  };
  const auto within = [&](std::int64_t place) { return std::clamp<std::int64_t>(place, 0, size); };
  const std::int64_t top = centre() - height / 2, left = centre() - width / 2;
  return {within(top), within(left), within(top + height), within(left + width)};
}

// Each kind of change has a stream of its own, so that choosing one leaves the others as they are.
ImageChange draw_change(const Augmentation& augmentation, std::int64_t size, std::uint64_t seed,
                        std::int64_t epoch, std::int64_t index) {
  ImageChange change;
  if (augmentation.is_trivial) {
    RandomStream random = stream_of("trivial", seed, epoch, index);
    Affine affine;
    affine.mirror = random.uniform() < augmentation.flip ? -1 : 1;
    draw_trivial(random, affine, change);
    change.matrix = matrix_of(affine, size);
  } else {
    change.matrix = draw_affine(augmentation, size, seed, epoch, index);
    RandomStream random = stream_of("jitter", seed, epoch, index);
    const auto level = [&] {
      return static_cast<float>(1 + random.uniform(-augmentation.jitter, augmentation.jitter));
    };
    change.brightness = level();
    change.contrast = level();
  }
  RandomStream random = stream_of("erase", seed, epoch, index);
  if (random.uniform() < augmentation.erase) change.erased = draw_erased(size, random);
  return change;
}

}  // namespace osteon
