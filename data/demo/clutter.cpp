// Draws the harmless distractors.
#include "data/demo/clutter.h"

#include <algorithm>
#include <cmath>
#include <numbers>
#include <vector>

namespace osteon::demo {
namespace {

constexpr double kTurn = 2 * std::numbers::pi;

// A ring or bracelet: an ellipse around the soft tissue, front and back both visible.
void draw_band(Field& metal, const Limb& limb, const View& view, RandomStream& random) {
  const Tube& flesh = limb.tissue[static_cast<std::size_t>(random.below(limb.tissue.size()))];
  const Station around = flesh.at(flesh.arc_length() * random.uniform(0.3, 0.95));
  const double lift = random.uniform(0.08, 0.35), tilt = random.uniform(-0.3, 0.3);
  const double thickness = 0.08 * around.width * random.uniform(0.8, 2.0);
  constexpr int kPieces = 40;
  Point previous;
  for (int i = 0; i <= kPieces; ++i) {
    const double turn = kTurn * i / kPieces;
    const Vec3 offset{1.03 * around.width * std::cos(turn),
                      around.width * (lift * std::sin(turn) + tilt * std::cos(turn)),
                      1.03 * around.depth * std::sin(turn)};
    const Point p = view.project(around.centre + offset);
    if (i > 0) draw_stroke(metal, previous, p, thickness * view.scale, 0.95F);
    previous = p;
  }
}

// Snaps, buttons or coins: discs, some with a hole, fixed to the limb's surface.
void draw_snaps(Field& metal, const View& view, double reach, RandomStream& random) {
  const auto count = static_cast<int>(3 + random.below(4));
  const double radius = reach * random.uniform(0.026, 0.046);
  const bool hollow = chance(random, 0.4);
  for (int i = 0; i < count; ++i) {
    const Vec3 place = view.focus + Vec3{reach * random.uniform(-0.32, 0.32),
                                         reach * random.uniform(-0.4, 0.4), 0};
    const Point p = view.project(place);
    if (!hollow) {
      draw_stroke(metal, p, p, radius * view.scale, 0.9F);
      continue;
    }
    for (int piece = 0; piece < 24; ++piece) {
      const auto rim = [&](int k) {
        return Point{p.x + radius * view.scale * std::cos(kTurn * k / 24),
                     p.y + radius * view.scale * std::sin(kTurn * k / 24)};
      };
      draw_stroke(metal, rim(piece), rim(piece + 1), 0.35 * radius * view.scale, 0.9F);
    }
  }
}

// A chain, zip or lead wire: a smooth curve across the image, as beads or as a line.
void draw_chain(Field& metal, const View& view, double reach, RandomStream& random) {
  const bool beads = chance(random, 0.6);
  const double size = reach * (beads ? random.uniform(0.012, 0.019) : random.uniform(0.006, 0.012));
  const Vec3 from = view.focus + Vec3{-0.7 * reach, reach * random.uniform(-0.6, 0.6), 0};
  const Vec3 to = view.focus + Vec3{0.7 * reach, reach * random.uniform(-0.6, 0.6), 0};
  const double sag = reach * random.uniform(-0.4, 0.4);
  const int pieces = beads ? 34 : 60;
  Point previous;
  for (int i = 0; i <= pieces; ++i) {
    const double t = static_cast<double>(i) / pieces;
    const Point p = view.project(mix(from, to, t) + Vec3{0, 4 * t * (1 - t) * sag, 0});
    if (beads)
      draw_stroke(metal, p, p, size * view.scale, 0.85F);
    else if (i > 0)
      draw_stroke(metal, previous, p, size * view.scale, 0.8F);
    previous = p;
  }
}

// Letters as strokes in a box one unit high; y grows downwards.
struct Stroke {
  Point from, to;
};

const std::vector<Stroke>& letter(bool right) {
  static const std::vector<Stroke> kLeft = {{{0, 0}, {0, 1}}, {{0, 1}, {0.55, 1}}};
  static const std::vector<Stroke> kRight = {
      {{0, 0}, {0, 1}},           {{0, 0}, {0.4, 0}},
      {{0.4, 0}, {0.58, 0.14}},   {{0.58, 0.14}, {0.58, 0.36}},
      {{0.58, 0.36}, {0.4, 0.5}}, {{0.4, 0.5}, {0, 0.5}},
      {{0.28, 0.5}, {0.6, 1}}};
  return right ? kRight : kLeft;
}

// A point near the border: one coordinate in the outer tenth or so, the other anywhere.
Point near_border(const Field& grey, double margin, RandomStream& random) {
  const auto width = static_cast<double>(grey.width), height = static_cast<double>(grey.height);
  const double along = random.uniform(0.12, 0.88), inset = random.uniform(0.08, 0.14);
  const double side = chance(random, 0.5) ? inset : 1 - inset;
  Point p = chance(random, 0.7) ? Point{side * width, along * height}
                                : Point{along * width, side * height};
  p.x = std::clamp(p.x, margin, width - margin);
  p.y = std::clamp(p.y, margin, height - margin);
  return p;
}

void draw_letter(Field& grey, RandomStream& random) {
  const double size =
      0.085 * static_cast<double>(std::min(grey.height, grey.width)) * random.uniform(0.7, 1.4);
  const Point centre = near_border(grey, size, random);
  const double turn = random.uniform(-0.35, 0.35);
  const auto level = static_cast<float>(random.uniform(200, 255));
  const auto place = [&](const Point& p) {
    const double x = size * (p.x - 0.3), y = size * (p.y - 0.5);
    return Point{centre.x + x * std::cos(turn) - y * std::sin(turn),
                 centre.y + x * std::sin(turn) + y * std::cos(turn)};
  };
  for (const Stroke& s : letter(chance(random, 0.5)))
    draw_stroke(grey, place(s.from), place(s.to), 0.075 * size, level);
  if (chance(random, 0.3)) {  // a round mount
    constexpr int kPieces = 32;
    for (int i = 0; i < kPieces; ++i) {
      const auto rim = [&](int k) {
        return Point{centre.x + size * std::cos(kTurn * k / kPieces),
                     centre.y + size * std::sin(kTurn * k / kPieces)};
      };
      draw_stroke(grey, rim(i), rim(i + 1), 0.05 * size, level);
    }
  }
}

// A name plate: a light rectangle with rows of dashes as text.
void draw_label(Field& grey, RandomStream& random) {
  const auto side = static_cast<double>(std::min(grey.height, grey.width));
  const double width = side * random.uniform(0.16, 0.28), height = side * random.uniform(0.06, 0.1);
  const Point centre = near_border(grey, 0.5 * height, random);
  const auto level = static_cast<float>(random.uniform(120, 235));
  const bool plate = chance(random, 0.6);
  if (plate)
    draw_stroke(grey, {centre.x - 0.4 * width, centre.y}, {centre.x + 0.4 * width, centre.y},
                0.5 * height, level);
  for (int row = 0; row < 2; ++row) {
    const double y = centre.y + height * (row == 0 ? -0.2 : 0.2);
    for (double x = -0.4 * width; x < 0.4 * width;) {
      const double dash = width * random.uniform(0.03, 0.12);
      const Point from{centre.x + x, y}, to{centre.x + std::min(x + dash, 0.4 * width), y};
      if (plate) {  // dark text: strokes only brighten, so pixels are set here
        for (double t = from.x; t <= to.x; t += 1) {
          const auto px = static_cast<std::int64_t>(t), py = static_cast<std::int64_t>(y);
          if (px >= 0 && px < grey.width && py >= 0 && py < grey.height)
            grey.at(py, px) = 0.35F * level;
        }
      } else {
        draw_stroke(grey, from, to, 0.05 * height, level);
      }
      x += dash + 0.04 * width;
    }
  }
}

}  // namespace

void draw_worn_metal(Field& metal, const Limb& limb, const View& view, RandomStream worn) {
  const double reach = static_cast<double>(std::max(view.height, view.width)) / view.scale;
  const double kind = worn.uniform();
  if (kind < 0.4)
    draw_band(metal, limb, view, worn);
  else if (kind < 0.75)
    draw_snaps(metal, view, reach, worn);
  else
    draw_chain(metal, view, reach, worn);
}

void add_calcifications(Field& attenuation, const View& view, RandomStream& random) {
  const auto count = static_cast<int>(1 + random.below(4));
  const double reach = static_cast<double>(std::max(view.height, view.width));
  Field specks(attenuation.height, attenuation.width);
  const Point centre{static_cast<double>(view.width) * random.uniform(0.2, 0.8),
                     static_cast<double>(view.height) * random.uniform(0.2, 0.8)};
  for (int i = 0; i < count; ++i) {
    const Point p{centre.x + reach * random.uniform(-0.06, 0.06),
                  centre.y + reach * random.uniform(-0.06, 0.06)};
    const Point q{p.x + reach * random.uniform(-0.012, 0.012),
                  p.y + reach * random.uniform(-0.012, 0.012)};
    const double half_width = reach * random.uniform(0.003, 0.008);
    draw_stroke(specks, p, q, half_width, static_cast<float>(random.uniform(0.15, 0.4)));
  }
  for (std::size_t i = 0; i < specks.values.size(); ++i) attenuation.values[i] += specks.values[i];
}

void draw_markers(Field& grey, RandomStream& random) {
  if (chance(random, 0.75)) draw_letter(grey, random);
  if (chance(random, 0.3)) draw_label(grey, random);
}

void collimate(Field& grey, RandomStream& random) {
  const double turn = random.uniform(-0.07, 0.07);
  const double c = std::cos(turn), s = std::sin(turn);
  const auto width = static_cast<double>(grey.width), height = static_cast<double>(grey.height);
  const auto inset = [&] { return chance(random, 0.6) ? random.uniform(0.0, 0.11) : -0.2; };
  const double left = width * inset(), top = height * inset();
  const double right = width * (1 - inset()), bottom = height * (1 - inset());
  const auto outside = static_cast<float>(random.uniform(0, 12));
  for (std::int64_t y = 0; y < grey.height; ++y) {
    for (std::int64_t x = 0; x < grey.width; ++x) {
      const double px = static_cast<double>(x) - 0.5 * width;
      const double py = static_cast<double>(y) - 0.5 * height;
      const double u = px * c + py * s + 0.5 * width, v = py * c - px * s + 0.5 * height;
      const double inside = std::min({u - left, right - u, v - top, bottom - v});
      const auto open = static_cast<float>(std::clamp(0.5 + inside / 3, 0.0, 1.0));
      float& pixel = grey.at(y, x);
      pixel = open * pixel + (1 - open) * outside;
    }
  }
}

}  // namespace osteon::demo
