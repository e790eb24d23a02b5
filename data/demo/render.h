// X-ray projection of a demo limb: the attenuation along the ray of each pixel, from the length of
// the ray inside cortex, spongy bone, fat and muscle. Bright edges of a cortex and the sum of
// crossing bones follow from this; they are not painted.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "data/demo/shapes.h"

namespace osteon::demo {

// An image of real numbers, row-major.
struct Field {
  std::int64_t height = 0, width = 0;
  std::vector<float> values;

  Field(std::int64_t rows, std::int64_t columns)
      : height(rows), width(columns), values(static_cast<std::size_t>(rows * columns)) {}
  float& at(std::int64_t y, std::int64_t x) {
    return values[static_cast<std::size_t>(y * width + x)];
  }
  float at(std::int64_t y, std::int64_t x) const {
    return values[static_cast<std::size_t>(y * width + x)];
  }
};

struct Point {
  double x = 0, y = 0;
};

// The view of a limb: rotated by `angle` about its long axis, projected along z, rolled in the
// plane, scaled, and shifted so that `focus` lies on the pixel (focus_x, focus_y).
struct View {
  std::int64_t height = 0, width = 0;
  double angle = 0, roll = 0;  // radians
  double scale = 1;            // pixels per mm
  Vec3 focus;
  double focus_x = 0, focus_y = 0;

  Point project(const Vec3& point) const;
};

// Smooth random values that repeat every 128 cells: the grain of spongy bone and of muscle.
class Texture {
 public:
  explicit Texture(RandomStream& random);
  // Value of about zero mean and unit variance, bilinear between the cells.
  float at(float x, float y) const;

 private:
  std::vector<float> cells_;
};

// Attenuation of soft tissue and bones, without metal; a fully dense bone of 10 mm is about 1.
Field attenuation(const Limb& limb, const View& view, const Texture& texture);

// Draws a line with round ends of the given half-width (pixels) wherever it is brighter than the
// field.
void draw_stroke(Field& field, const Point& from, const Point& to, double half_width, float level);

// Draws the share of each pixel that metal covers, 0 to 1.
void draw_bars(Field& metal, std::span<const Bar> bars, const View& view);

}  // namespace osteon::demo
