// Adds each kind of abnormality to the bones of a demo limb.
#include "data/demo/abnormality.h"

#include <algorithm>
#include <cmath>
#include <numbers>

#include "base/error.h"

namespace osteon::demo {
namespace {

constexpr double kTurn = 2 * std::numbers::pi;

void jagged(Mark& mark, double amplitude, RandomStream& random) {
  for (double& value : mark.jag) value = random.uniform(-amplitude, amplitude);
}

// The sheet along which a bone of half-width `width` breaks: oblique, jagged, mostly tilted
// sideways.
Mark break_sheet(double along, double width, RandomStream& random) {
  Mark sheet;
  sheet.along = along;
  const double side = chance(random, 0.5) ? 1 : -1;
  sheet.slope_x = side * random.uniform(0.1, 0.75);
  sheet.slope_z = random.uniform(-0.3, 0.3);
  jagged(sheet, 0.22 * width, random);
  return sheet;
}

Finding add_fracture(Tube& tube, const Place& place, RandomStream& random) {
  const Station here = tube.at(place.along);
  Mark line = break_sheet(place.along, here.width, random);
  line.kind = MarkKind::line;
  line.half_size = here.width * random.uniform(0.24, 0.36);
  line.strength = random.uniform(0.85, 1.0);
  tube.marks.push_back(line);
  if (chance(random, 0.6)) {  // a wedge-shaped third piece
    line.slope_x = -line.slope_x;
    line.along += here.width * random.uniform(-0.5, 0.5);
    tube.marks.push_back(line);
  }
  return {{}, {{here.centre, 1.25 * here.width}}};
}

// Keeps the stations between two arc lengths; `from` becomes arc length 0.
Tube cut_out(const Tube& tube, double from, double to) {
  Tube piece;
  piece.stations.push_back(tube.at(from));
  double along = 0;
  for (std::size_t i = 0; i < tube.stations.size(); ++i) {
    if (i > 0) along += length(tube.stations[i].centre - tube.stations[i - 1].centre);
    if (along > from && along < to) piece.stations.push_back(tube.stations[i]);
  }
  piece.stations.push_back(tube.at(to));
  for (Mark mark : tube.marks) {
    mark.along -= from;
    piece.marks.push_back(mark);
  }
  return piece;
}

// The distal fragment keeps its joint and rotates away at the break.
Finding displace(Limb& limb, const Place& place, RandomStream& random) {
  Tube& whole = limb.bones[place.bone][place.tube];
  const Station here = whole.at(place.along);
  const double total = whole.arc_length();
  Mark sheet = break_sheet(place.along, here.width, random);
  sheet.half_size = 0.5;
  const double margin = std::min({1.4 * here.width, place.along, total - place.along});

  Tube near = cut_out(whole, 0, place.along + margin);
  near.cap_from = whole.cap_from;
  sheet.kind = MarkKind::before;
  near.marks.push_back(sheet);

  Tube far = cut_out(whole, place.along - margin, total);
  far.cap_to = whole.cap_to;
  sheet.kind = MarkKind::after;
  sheet.along = margin;
  far.marks.push_back(sheet);

  // Diagonal between x and z, so that both frontal and side views show a step.
  const auto quadrant = static_cast<double>(random.below(4));
  const double direction = kTurn / 8 * (1 + 2 * quadrant) + random.uniform(-0.4, 0.4);
  const double step = here.width * random.uniform(1.2, 1.9);
  const Vec3 axis = (1 / total) * (whole.stations.back().centre - whole.stations.front().centre);
  const Vec3 shift = Vec3{step * std::cos(direction), 0, step * std::sin(direction)} +
                     (here.width * random.uniform(0.05, 0.5)) * axis;
  const double far_length = far.arc_length();
  double along = 0;
  Vec3 previous = far.stations.front().centre;
  for (Station& station : far.stations) {
    along += length(station.centre - previous);
    previous = station.centre;
    station.centre = station.centre + (1 - along / far_length) * shift;
  }
  whole = std::move(near);
  limb.bones.push_back({std::move(far)});
  return {{}, {{here.centre, 1.3 * here.width}, {here.centre + shift, 1.3 * here.width}}};
}

Ball add_lytic_spot(Tube& tube, double along, RandomStream& random) {
  const Station here = tube.at(along);
  Mark spot;
  spot.kind = MarkKind::spot;
  spot.along = along;
  spot.half_size = here.width * random.uniform(0.85, 1.35);
  spot.half_across = here.width * random.uniform(0.65, 0.9);
  const double direction = kTurn * random.uniform();
  spot.offset_x = 0.25 * here.width * std::cos(direction);
  spot.offset_z = 0.25 * here.width * std::sin(direction);
  spot.strength = random.uniform(0.8, 0.95);
  jagged(spot, 0.14, random);
  tube.marks.push_back(spot);
  return {here.centre, 1.1 * std::max(spot.half_size, spot.half_across + 0.25 * here.width)};
}

// Adds one spot, or two or three in a row.
Finding add_lytic_spots(Tube& tube, const Place& place, RandomStream& random) {
  Finding finding;
  const double width = tube.at(place.along).width, total = tube.arc_length();
  const auto count = static_cast<int>(1 + random.below(3));
  const double side = chance(random, 0.5) ? 1 : -1;
  double along = place.along;
  for (int i = 0; i < count && along > 0.08 * total && along < 0.92 * total; ++i) {
    finding.extent.push_back(add_lytic_spot(tube, along, random));
    along += side * width * random.uniform(2.3, 3.4);
  }
  return finding;
}

// A rod of radius `radius`.
Bar rod(const Vec3& from, const Vec3& to, double radius) { return {from, to, radius, radius, 0}; }

// A plate along the bone, on the side that `facing` points to, with screws through the bone.
std::vector<Bar> plate_with_screws(const Tube& tube, double from, double to, double width,
                                   RandomStream& random) {
  std::vector<Bar> bars;
  const double facing = kTurn * random.uniform();
  const Vec3 outwards{std::sin(facing), 0, std::cos(facing)};
  const double thickness = 0.16 * width;
  const auto surface = [&](double along) {
    const Station s = tube.at(along);
    return std::pair{s.centre, std::hypot(s.width * outwards.x, s.depth * outwards.z)};
  };
  const auto screws = static_cast<int>(4 + random.below(4));
  Vec3 previous;
  for (int i = 0; i < screws; ++i) {
    const double along = from + (to - from) * i / (screws - 1);
    const auto [axis, radius] = surface(along);
    const Vec3 seat = axis + (radius + thickness) * outwards;
    if (i > 0) bars.push_back({previous, seat, 0.38 * width, thickness, facing});
    previous = seat;
    bars.push_back(rod(seat, axis - (0.95 * radius) * outwards, 0.12 * width));
    bars.push_back(rod(seat, seat + (1.5 * thickness) * outwards, 0.23 * width));
  }
  return bars;
}

// A nail inside the bone, locked by a screw across it at each end.
std::vector<Bar> nail(const Tube& tube, double from, double to, double width) {
  std::vector<Bar> bars;
  constexpr int kPieces = 8;
  for (int i = 0; i < kPieces; ++i)
    bars.push_back(rod(tube.at(from + (to - from) * i / kPieces).centre,
                       tube.at(from + (to - from) * (i + 1) / kPieces).centre, 0.30 * width));
  for (const double along : {from + 0.6 * width, to - 0.6 * width}) {
    const Station s = tube.at(along);
    const Vec3 across = 1.15 * s.width * Vec3{0.9, 0, 0.45};
    bars.push_back(rod(s.centre - across, s.centre + across, 0.15 * width));
  }
  return bars;
}

// Two or three wires driven obliquely through the bone.
std::vector<Bar> wires(const Tube& tube, double from, double to, double width,
                       RandomStream& random) {
  std::vector<Bar> bars;
  const auto count = static_cast<int>(2 + random.below(2));
  for (int i = 0; i < count; ++i) {
    const double side = (i % 2 == 0 ? 1 : -1) * width * random.uniform(1.0, 1.6);
    const Vec3 lean{side, 0, side * random.uniform(-0.8, 0.8)};
    bars.push_back(rod(tube.at(from).centre - lean, tube.at(to).centre + lean, 0.12 * width));
  }
  return bars;
}

Finding add_hardware(const Tube& tube, const Place& place, RandomStream& random) {
  const double width = tube.at(place.along).width, total = tube.arc_length();
  const double reach = width * random.uniform(2.6, 4.0);
  const double from = std::max(place.along - reach, 0.04 * total);
  const double to = std::min(place.along + reach, 0.96 * total);
  Finding finding;
  const double kind = random.uniform();
  if (kind < 0.6)
    finding.metal = plate_with_screws(tube, from, to, width, random);
  else if (kind < 0.8)
    finding.metal = nail(tube, from, to, width);
  else
    finding.metal = wires(tube, from, to, width, random);
  for (const Bar& bar : finding.metal)
    for (const Vec3& end : {bar.from, bar.to})
      finding.extent.push_back({end, std::max(bar.half_width, bar.half_thickness)});
  return finding;
}

}  // namespace

std::string_view abnormality_name(Abnormality kind) {
  constexpr std::string_view kNames[] = {"none", "fracture", "displaced", "hardware", "lytic"};
  return kNames[static_cast<std::size_t>(kind)];
}

Place choose_place(const Limb& limb, RandomStream& random) {
  OSTEON_CHECK(!limb.sites.empty(), "demo: the limb has no site for an abnormality");
  double total = 0;
  for (const Site& site : limb.sites) total += site.weight;
  double draw = random.uniform(0, total);
  std::size_t chosen = 0;
  while (chosen + 1 < limb.sites.size() && draw >= limb.sites[chosen].weight)
    draw -= limb.sites[chosen++].weight;
  const Site& site = limb.sites[chosen];
  return {site.bone, site.tube, random.uniform(site.from, site.to)};
}

Finding add_abnormality(Abnormality kind, Limb& limb, const Place& place, RandomStream& random) {
  Tube& tube = limb.bones[place.bone][place.tube];
  switch (kind) {
    case Abnormality::none:
      return {};
    case Abnormality::fracture:
      return add_fracture(tube, place, random);
    case Abnormality::displaced:
      return displace(limb, place, random);
    case Abnormality::hardware:
      return add_hardware(tube, place, random);
    case Abnormality::lytic:
      return add_lytic_spots(tube, place, random);
  }
  return {};
}

}  // namespace osteon::demo
