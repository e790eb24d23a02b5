// Ray lengths through elliptic tubes, segment by segment.
#include "data/demo/render.h"

#include <algorithm>
#include <cmath>

namespace osteon::demo {
namespace {

constexpr std::int64_t kTextureSide = 128;

// Attenuation per mm of ray.
constexpr float kBone = 0.082F, kTissue = 0.0155F;

// A station projected to the view: pixels in the plane, millimetres along the ray.
struct Section {
  float x, y, width, shell;  // pixels
  float depth;               // half of the ray's length inside, mm
  float filling, along;      // arc length from the tube's start, mm
};

// A mark rotated into the plane of the view: slopes across it and along the ray.
struct SeenMark {
  const Mark* mark;
  float slope, centre, spread;
};

std::vector<Section> project_stations(const Tube& tube, const View& view) {
  std::vector<Section> sections;
  const double c = std::cos(view.angle), s = std::sin(view.angle);
  double along = 0;
  for (std::size_t i = 0; i < tube.stations.size(); ++i) {
    const Station& station = tube.stations[i];
    if (i > 0) along += length(station.centre - tube.stations[i - 1].centre);
    const Point p = view.project(station.centre);
    const double across = std::hypot(station.width * c, station.depth * s);
    sections.push_back({static_cast<float>(p.x), static_cast<float>(p.y),
                        static_cast<float>(across * view.scale),
                        static_cast<float>(station.shell * view.scale),
                        static_cast<float>(station.width * station.depth / across),
                        static_cast<float>(station.filling), static_cast<float>(along)});
  }
  return sections;
}

std::vector<SeenMark> project_marks(const Tube& tube, const View& view) {
  std::vector<SeenMark> seen;
  const double c = std::cos(view.angle), s = std::sin(view.angle);
  for (const Mark& mark : tube.marks) {
    const double along_ray = mark.slope_z * c - mark.slope_x * s;
    // A sheet that leans along the ray is smeared by the depth of the bone.
    const double smear = 0.3 * std::abs(along_ray) * tube.at(mark.along).depth;
    seen.push_back({&mark, static_cast<float>(mark.slope_x * c + mark.slope_z * s),
                    static_cast<float>(mark.offset_x * c + mark.offset_z * s),
                    static_cast<float>(std::hypot(mark.half_size, smear))});
  }
  return seen;
}

float bell(float x) { return std::exp(-x * x); }

// The jag of a sheet at `across`, -1 to 1 over the width of the tube.
float jag_at(const Mark& mark, float across) {
  const float place = (std::clamp(across, -1.0F, 1.0F) + 1) * 4;
  const auto cell = std::min<std::size_t>(static_cast<std::size_t>(place), 7);
  const float t = place - static_cast<float>(cell);
  return static_cast<float>(mark.jag[cell]) * (1 - t) + static_cast<float>(mark.jag[cell + 1]) * t;
}

// The factor by which a mark changes the attenuation at arc length `along` and `across` mm off the
// axis of a tube that is `half_width` mm wide there.
float mark_factor(const SeenMark& seen, float along, float across, float half_width) {
  const Mark& mark = *seen.mark;
  const auto strength = static_cast<float>(mark.strength);
  const float ahead = along - static_cast<float>(mark.along);
  if (mark.kind == MarkKind::spot) {
    const float u = ahead / static_cast<float>(mark.half_size);
    const float v = (across - seen.centre) / static_cast<float>(mark.half_across);
    const float angle = std::atan2(v, u) / 3.14159265F;  // the outline is uneven all around
    const float radius = std::hypot(u, v) + jag_at(mark, std::abs(angle) * 2 - 1);
    const float inside = std::clamp((1.12F - radius) * 2.6F, 0.0F, 1.0F);
    return 1 - strength * inside + 0.16F * strength * bell((radius - 1.2F) * 6);
  }
  const float sheet = ahead - seen.slope * across - jag_at(mark, across / half_width);
  const auto gap = static_cast<float>(mark.half_size);
  switch (mark.kind) {
    case MarkKind::before:
      return std::clamp(0.5F - sheet / gap, 0.0F, 1.0F);
    case MarkKind::after:
      return std::clamp(0.5F + sheet / gap, 0.0F, 1.0F);
    case MarkKind::growth:
      return 1 - strength * bell(sheet / gap) +
             0.45F * strength * bell((std::abs(sheet) - 2.4F * gap) / gap);
    default:
      return 1 - strength * std::sqrt(gap / seen.spread) * bell(sheet / seen.spread);
  }
}

struct Material {
  float density;       // attenuation per mm
  float grain;         // how strongly the texture modulates the filling
  float fine, coarse;  // texture cells per mm across and along the tube
};

constexpr Material kBoneMaterial{kBone, 0.17F, 1.3F, 0.6F};
constexpr Material kTissueMaterial{kTissue, 0.035F, 0.30F, 0.05F};

// Half the length of a chord of the unit disc at distance sqrt(square) from its centre.
float half_chord(float square) { return square < 1 ? std::sqrt(1 - square) : 0; }

class TubePainter {
 public:
  TubePainter(const Tube& tube, const View& view, const Texture& texture, const Material& material)
      : texture_(texture),
        material_(material),
        sections_(project_stations(tube, view)),
        marks_(project_marks(tube, view)),
        per_pixel_(static_cast<float>(1 / view.scale)),
        cap_from_(static_cast<float>(tube.cap_from * view.scale)),
        cap_to_(static_cast<float>(tube.cap_to * view.scale)) {}

  // Raises each pixel of the field to this tube's attenuation there.
  void paint(Field& field) const {
    for (std::size_t i = 0; i + 1 < sections_.size(); ++i) paint_segment(field, i);
  }

 private:
  // Segments overlap a little so that the outer side of a bend has no wedge missing.
  static constexpr float kOverlap = 0.12F;

  void paint_segment(Field& field, std::size_t index) const {
    const Section &a = sections_[index], &b = sections_[index + 1];
    const bool first = index == 0, last = index + 2 == sections_.size();
    const float dx = b.x - a.x, dy = b.y - a.y;
    const float size = std::max(std::hypot(dx, dy), 0.05F);
    const float ex = dx / size, ey = dy / size;
    const float low = first ? -cap_from_ / size : -kOverlap;
    const float high = last ? 1 + cap_to_ / size : 1 + kOverlap;
    const float reach = std::max(a.width, b.width) + 1;
    const auto [x0, x1] = range(a.x + low * dx, a.x + high * dx, reach * std::abs(ey), field.width);
    const auto [y0, y1] =
        range(a.y + low * dy, a.y + high * dy, reach * std::abs(ex), field.height);
    for (std::int64_t y = y0; y < y1; ++y) {
      for (std::int64_t x = x0; x < x1; ++x) {
        const float px = static_cast<float>(x) - a.x, py = static_cast<float>(y) - a.y;
        const float t = (px * ex + py * ey) / size, across = px * ey - py * ex;
        if (t < low || t > high) continue;
        const float outside = t < 0 ? -t : std::max(t - 1, 0.0F);  // in segments, beyond an end
        const float cap = first && t < 0 ? cap_from_ : last && t > 1 ? cap_to_ : 0;
        const float value = attenuation_at(a, b, t, across, outside * size, cap);
        float& pixel = field.at(y, x);
        pixel = std::max(pixel, value);
      }
    }
  }

  static std::pair<std::int64_t, std::int64_t> range(float a, float b, float reach,
                                                     std::int64_t end) {
    const float low = std::min(a, b) - reach, high = std::max(a, b) + reach;
    const auto limit = static_cast<float>(end);
    return {static_cast<std::int64_t>(std::clamp(std::floor(low), 0.0F, limit)),
            static_cast<std::int64_t>(std::clamp(std::ceil(high) + 1, 0.0F, limit))};
  }

  // `beyond` is the distance, in pixels, past the tube's end, inside a cap of length `cap`.
  float attenuation_at(const Section& a, const Section& b, float t, float across, float beyond,
                       float cap) const {
    const float s = std::clamp(t, 0.0F, 1.0F);
    const auto between = [s](float from, float to) { return from + s * (to - from); };
    const float width = between(a.width, b.width);
    const float cap_square = cap > 0 ? beyond / cap * (beyond / cap) : 0;
    const float square = across / width * (across / width) + cap_square;
    if (square >= 1) return 0;
    const float depth = between(a.depth, b.depth), shell = between(a.shell, b.shell);
    const float core = std::max(width - shell, 0.01F);
    const float core_cap = std::max(cap - shell, 0.01F);
    const float inner_square =
        across / core * (across / core) + (cap > 0 ? beyond / core_cap * (beyond / core_cap) : 0);
    const float outer = 2 * depth * half_chord(square);
    const float inner = std::min(2 * depth * core / width * half_chord(inner_square), outer);
    const float along = a.along + t * (b.along - a.along), sideways = across * per_pixel_;
    const float grain =
        material_.grain * texture_.at(along * material_.coarse, sideways * material_.fine);
    float value =
        material_.density * (outer - inner + inner * between(a.filling, b.filling) * (1 + grain));
    for (const SeenMark& mark : marks_)
      value *= mark_factor(mark, along, sideways, width * per_pixel_);
    return value;
  }

  const Texture& texture_;
  Material material_;
  std::vector<Section> sections_;
  std::vector<SeenMark> marks_;
  float per_pixel_, cap_from_, cap_to_;
};

}  // namespace

Point View::project(const Vec3& point) const {
  const Vec3 p = point - focus;
  const double x = p.x * std::cos(angle) + p.z * std::sin(angle);
  return {focus_x + scale * (x * std::cos(roll) - p.y * std::sin(roll)),
          focus_y + scale * (x * std::sin(roll) + p.y * std::cos(roll))};
}

Texture::Texture(RandomStream& random) {
  cells_.resize(static_cast<std::size_t>(kTextureSide * kTextureSide));
  for (float& cell : cells_) cell = static_cast<float>(random.normal());
}

float Texture::at(float x, float y) const {
  const float fx = std::floor(x), fy = std::floor(y), tx = x - fx, ty = y - fy;
  const auto cell = [this](std::int64_t column, std::int64_t row) {
    return cells_[static_cast<std::size_t>((row & (kTextureSide - 1)) * kTextureSide +
                                           (column & (kTextureSide - 1)))];
  };
  const auto column = static_cast<std::int64_t>(fx), row = static_cast<std::int64_t>(fy);
  const float top = cell(column, row) * (1 - tx) + cell(column + 1, row) * tx;
  const float bottom = cell(column, row + 1) * (1 - tx) + cell(column + 1, row + 1) * tx;
  return 1.4F * (top * (1 - ty) + bottom * ty);
}

Field attenuation(const Limb& limb, const View& view, const Texture& texture) {
  Field total(view.height, view.width);
  // Tissues merge smoothly (a 4-norm); the attenuations of overlapping bones add up.
  for (const Tube& tube : limb.tissue) {
    Field layer(view.height, view.width);
    TubePainter(tube, view, texture, kTissueMaterial).paint(layer);
    for (std::size_t i = 0; i < total.values.size(); ++i) {
      const float square = layer.values[i] * layer.values[i];
      total.values[i] += square * square;
    }
  }
  for (float& value : total.values) value = std::sqrt(std::sqrt(value));
  for (const Bone& bone : limb.bones) {
    Field layer(view.height, view.width);
    for (const Tube& tube : bone) TubePainter(tube, view, texture, kBoneMaterial).paint(layer);
    for (std::size_t i = 0; i < total.values.size(); ++i) total.values[i] += layer.values[i];
  }
  return total;
}

void draw_stroke(Field& field, const Point& from, const Point& to, double half_width, float level) {
  const double dx = to.x - from.x, dy = to.y - from.y, square = std::max(dx * dx + dy * dy, 1e-9);
  const double reach = half_width + 1;
  const auto clip = [](double value, std::int64_t end) {
    return static_cast<std::int64_t>(std::clamp(value, 0.0, static_cast<double>(end)));
  };
  const std::int64_t x0 = clip(std::floor(std::min(from.x, to.x) - reach), field.width);
  const std::int64_t x1 = clip(std::ceil(std::max(from.x, to.x) + reach) + 1, field.width);
  const std::int64_t y0 = clip(std::floor(std::min(from.y, to.y) - reach), field.height);
  const std::int64_t y1 = clip(std::ceil(std::max(from.y, to.y) + reach) + 1, field.height);
  for (std::int64_t y = y0; y < y1; ++y) {
    for (std::int64_t x = x0; x < x1; ++x) {
      const double px = static_cast<double>(x) - from.x, py = static_cast<double>(y) - from.y;
      const double t = std::clamp((px * dx + py * dy) / square, 0.0, 1.0);
      const double distance = std::hypot(px - t * dx, py - t * dy);
      const double cover = std::clamp(half_width + 0.5 - distance, 0.0, 1.0);
      float& pixel = field.at(y, x);
      pixel = std::max(pixel, level * static_cast<float>(cover));
    }
  }
}

void draw_bars(Field& metal, std::span<const Bar> bars, const View& view) {
  for (const Bar& bar : bars) {
    const double turn = view.angle + bar.facing;
    const double half =
        std::hypot(bar.half_width * std::cos(turn), bar.half_thickness * std::sin(turn));
    // A flat plate attenuates less from the front than from its edge, and less than a screw.
    const double through = bar.half_width * bar.half_thickness / half;
    const auto level = static_cast<float>(std::clamp(0.55 + 0.25 * through, 0.6, 1.0));
    draw_stroke(metal, view.project(bar.from), view.project(bar.to), half * view.scale, level);
  }
}

}  // namespace osteon::demo
