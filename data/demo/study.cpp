// Draws the views of one demo study.
#include <algorithm>
#include <cmath>
#include <numbers>

#include "base/random.h"
#include "data/demo/anatomy.h"
#include "data/demo/clutter.h"
#include "data/demo/demo.h"
#include "data/demo/film.h"
#include "data/demo/render.h"

namespace osteon {
namespace {

using namespace demo;

constexpr std::uint64_t kMaxViews = 4;

// Draws the frame of an image: its long side and aspect ratio vary.
View choose_frame(const Limb& limb, const Vec3& focus, double angle, std::int64_t image_size,
                  RandomStream& random) {
  const double degree = std::numbers::pi / 180;
  View view;
  const double long_side = static_cast<double>(image_size) * random.uniform(0.85, 1.1);
  const double short_side = long_side * random.uniform(0.68, 1.0);
  const bool landscape = chance(random, 0.25);
  view.width = std::llround(landscape ? long_side : short_side);
  view.height = std::llround(landscape ? short_side : long_side);
  view.angle = angle + random.uniform(-8, 8) * degree;
  view.roll = random.uniform(-16, 16) * degree;
  view.scale = long_side / random.uniform(limb.field_low, limb.field_high);
  view.focus = focus;
  view.focus_x = static_cast<double>(view.width) * random.uniform(0.25, 0.75);
  view.focus_y = static_cast<double>(view.height) * random.uniform(0.25, 0.75);
  return view;
}

// The box around the projections of the balls, inside the image.
PixelBox shadow(const std::vector<Ball>& balls, const View& view) {
  if (balls.empty()) return {};
  const auto width = static_cast<double>(view.width), height = static_cast<double>(view.height);
  double x0 = width, y0 = height, x1 = 0, y1 = 0;
  for (const Ball& ball : balls) {
    const Point p = view.project(ball.centre);
    const double radius = ball.radius * view.scale;
    x0 = std::min(x0, p.x - radius);
    y0 = std::min(y0, p.y - radius);
    x1 = std::max(x1, p.x + radius);
    y1 = std::max(y1, p.y + radius);
  }
  const auto whole = [](double value, double end) {
    return std::llround(std::clamp(value, 0.0, end));
  };
  return {whole(x0, width), whole(y0, height), whole(x1, width), whole(y1, height)};
}

}  // namespace

std::vector<DemoView> draw_demo_study(const DemoStudy& study, const DemoOptions& options) {
  // Each purpose has its own stream, so that the draws for one never shift the draws for another.
  const auto index = static_cast<std::uint64_t>(study.index);
  RandomStream patient(options.seed, hash_name("demo patient"),
                       static_cast<std::uint64_t>(study.patient));
  RandomStream body(options.seed, hash_name("demo body"), index);
  RandomStream harm(options.seed, hash_name("demo harm"), index);
  RandomStream wear(options.seed, hash_name("demo wear"), index);
  Limb limb = grow_limb(study.part, draw_build(patient), body);
  const Texture texture(body);
  const Place place = choose_place(limb, harm);
  const Vec3 focus = limb.bones[place.bone][place.tube].at(place.along).centre;
  const Finding finding = add_abnormality(study.abnormality, limb, place, harm);
  // Hardware is the brightest object in an image, so metal is worn by normal studies about as often
  // as hardware or worn metal occurs in abnormal ones.
  const double worn_share = study.positive() ? 0.08 : 0.26;
  const bool worn = study.abnormality != Abnormality::hardware && chance(wear, worn_share);
  const bool calcified = chance(wear, 0.2);

  std::vector<DemoView> views;
  for (std::int64_t v = 0; v < study.views; ++v) {
    RandomStream random(options.seed, hash_name("demo view"),
                        index * kMaxViews + static_cast<std::uint64_t>(v));
    const double angle = limb.view_angles[static_cast<std::size_t>(v) % limb.view_angles.size()];
    const View view = choose_frame(limb, focus, angle, options.image_size, random);
    Field field = attenuation(limb, view, texture);
    if (calcified) add_calcifications(field, view, random);
    Field metal(view.height, view.width);
    draw_bars(metal, finding.metal, view);
    if (worn) draw_worn_metal(metal, limb, view, wear);
    Field grey = develop(field, metal, random);
    collimate(grey, random);
    draw_markers(grey, random);
    views.push_back({to_image(grey), shadow(finding.extent, view)});
  }
  return views;
}

}  // namespace osteon
