// Builds the limbs: long bones with wider ends, small round bones, and soft tissue.
#include "data/demo/anatomy.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <numbers>

#include "base/error.h"

namespace osteon::demo {
namespace {

constexpr double kDegree = std::numbers::pi / 180;

// A long bone: a shaft that widens towards its ends; there the cortex is thinner and spongy bone
// fills it.
struct LongBone {
  Vec3 from, to;
  double width = 5;                           // half-width of the shaft, mm
  double flare_from = 1.5, flare_to = 1.5;    // width of each end relative to the shaft's
  double reach_from = 0.25, reach_to = 0.25;  // share of the length over which an end widens
  double flatness = 0.9;                      // depth relative to width, at the ends
  double cap_from = 4, cap_to = 4;            // how far the rounded ends stand out, mm
  double bow_x = 0, bow_z = 0;                // sag of the middle, mm
};

double flare(double distance, double reach) {
  const double x = std::clamp(1 - distance / reach, 0.0, 1.0);
  return x * x * (3 - 2 * x);
}

Tube make_tube(const LongBone& bone, const Build& build) {
  constexpr int kStations = 28;
  Tube tube;
  for (int i = 0; i < kStations; ++i) {
    const double t = static_cast<double>(i) / (kStations - 1);
    const double near_from = flare(t, bone.reach_from), near_to = flare(1 - t, bone.reach_to);
    const double ending = std::max(near_from, near_to), sag = 4 * t * (1 - t);
    Station station;
    station.centre = mix(bone.from, bone.to, t) + Vec3{sag * bone.bow_x, 0, sag * bone.bow_z};
    station.width = bone.width * (1 + (bone.flare_from - 1) * std::pow(near_from, 1.5) +
                                  (bone.flare_to - 1) * std::pow(near_to, 1.5));
    station.depth = station.width * (1 + (bone.flatness - 1) * ending);
    station.shell = bone.width * build.cortex * (0.40 - 0.29 * ending);
    station.filling = 0.14 + 0.30 * ending;
    tube.stations.push_back(station);
  }
  tube.cap_from = bone.cap_from;
  tube.cap_to = bone.cap_to;
  return tube;
}

// A short round bone: an ellipsoid around the segment.
Tube make_pebble(const Vec3& from, const Vec3& to, double width, double depth) {
  Tube tube;
  for (const Vec3& centre : {from, to}) tube.stations.push_back({centre, width, depth, 1.1, 0.40});
  tube.cap_from = tube.cap_to = 0.85 * width;
  return tube;
}

// Soft tissue along a path of (centre, half-width, half-depth); fat makes the outer layer.
struct Girth {
  Vec3 centre;
  double width, depth;
};

// The Catmull-Rom spline through p1 (t = 0) and p2 (t = 1).
double spline(double p0, double p1, double p2, double p3, double t) {
  return 0.5 * (2 * p1 + t * (p2 - p0 +
                              t * (2 * p0 - 5 * p1 + 4 * p2 - p3 + t * (3 * (p1 - p2) + p3 - p0))));
}

Girth spline(const Girth& a, const Girth& b, const Girth& c, const Girth& d, double t) {
  const auto through = [&](auto value) {
    return spline(value(a), value(b), value(c), value(d), t);
  };
  return {{through([](const Girth& g) { return g.centre.x; }),
           through([](const Girth& g) { return g.centre.y; }),
           through([](const Girth& g) { return g.centre.z; })},
          through([](const Girth& g) { return g.width; }),
          through([](const Girth& g) { return g.depth; })};
}

Tube make_tissue(const std::vector<Girth>& path, const Build& build, double cap) {
  constexpr int kSteps = 6;
  Tube tube;
  tube.cap_from = tube.cap_to = cap;
  const auto pieces = path.size() - 1;
  for (std::size_t i = 0; i < pieces; ++i) {
    for (int step = 0; step < (i + 1 == pieces ? kSteps + 1 : kSteps); ++step) {
      const Girth g = spline(path[i == 0 ? 0 : i - 1], path[i], path[i + 1],
                             path[std::min(i + 2, pieces)], static_cast<double>(step) / kSteps);
      Station station{g.centre, g.width * build.bulk, g.depth * build.bulk, 0, 1.22};
      station.shell = std::min(0.22 * station.width * build.bulk, 7.0);
      tube.stations.push_back(station);
    }
  }
  return tube;
}

// The growth plate of a child: a sheet across the bone a little before its end.
void add_growth_plate(Tube& tube, double along, RandomStream& random) {
  Mark plate;
  plate.kind = MarkKind::growth;
  plate.along = along;
  plate.slope_x = random.uniform(-0.06, 0.06);
  plate.half_size = random.uniform(0.45, 0.7);
  plate.strength = random.uniform(0.35, 0.6);
  const double wave = random.uniform(-0.9, 0.9);
  for (std::size_t i = 0; i < plate.jag.size(); ++i)
    plate.jag[i] = wave * std::cos(static_cast<double>(i) * std::numbers::pi / 4);
  tube.marks.push_back(plate);
}

// Adds a bone and, if `weight` is positive, the stretch of its shaft where an abnormality may be.
void add_bone(Limb& limb, Tube tube, double weight = 0, double from = 0.25, double to = 0.75) {
  if (weight > 0) {
    const double total = tube.arc_length();
    limb.sites.push_back({limb.bones.size(), 0, from * total, to * total, weight});
  }
  limb.bones.push_back({std::move(tube)});
}

// Adds one finger upwards from its knuckle: metacarpal, three phalanges, flesh. Neighbouring
// fingers (`chosen` is false) add no lesion sites.
void add_finger(Limb& limb, const Vec3& knuckle, double size, double lean, double bend, bool chosen,
                const Build& build, RandomStream& random) {
  struct Phalanx {
    double length, width, flare_from, flare_to;
  };
  const Phalanx phalanges[] = {{40, 4.9, 1.60, 1.32}, {25, 4.1, 1.62, 1.30}, {17, 3.2, 1.85, 1.30}};
  Vec3 joint = knuckle;
  double angle = 0;
  std::vector<Girth> flesh = {{knuckle + Vec3{0, 30 * size, 0}, 10, 10}, {knuckle, 11.5, 12}};
  LongBone metacarpal{.from = knuckle + Vec3{0, 62 * size, 0},
                      .to = knuckle,
                      .width = 4.6 * size,
                      .flare_from = 1.7,
                      .flare_to = 1.65,
                      .cap_to = 5.5 * size,
                      .bow_z = -2};
  add_bone(limb, make_tube(metacarpal, build));
  for (const Phalanx& p : phalanges) {
    angle += bend * random.uniform(0.6, 1.4);
    const Vec3 way{std::sin(lean), -std::cos(angle), std::sin(angle)};
    const double cap = 0.55 * p.width * size;
    const double gap = (p.length == phalanges[0].length ? 8.4 : 6.2) * size;
    const Vec3 from = joint + gap * way, to = from + (p.length * size - cap) * way;
    LongBone bone{.from = from,
                  .to = to,
                  .width = p.width * size,
                  .flare_from = p.flare_from,
                  .flare_to = p.flare_to,
                  .reach_from = 0.36,
                  .reach_to = 0.30,
                  .flatness = 0.85,
                  .cap_from = 2.2 * size,
                  .cap_to = cap,
                  .bow_z = -0.6};
    Tube tube = make_tube(bone, build);
    if (build.child) add_growth_plate(tube, 3.4 * size, random);
    add_bone(limb, std::move(tube), chosen ? p.length * p.width : 0, 0.28, 0.74);
    const double girth = (p.width + 4.4) * size;
    flesh.push_back({mix(from, to, 0.35), girth * 1.02, girth});
    flesh.push_back({to, girth * 0.94, girth * 0.92});
    joint = to;
  }
  limb.tissue.push_back(make_tissue(flesh, build, 7 * size));
}

Limb grow_finger(const Build& build, RandomStream& random) {
  Limb limb;
  const double size = build.size;
  const double bend = random.uniform(0, 9) * kDegree, lean = random.uniform(-2, 2) * kDegree;
  add_finger(limb, {0, 0, 0}, size, lean, bend, true, build, random);
  limb.tissue.push_back(
      make_tissue({{{0, 100, 0}, 38, 15}, {{0, 50, 0}, 40, 14}, {{0, 24, 0}, 36, 11}}, build, 12));
  limb.view_angles = {0, 88 * kDegree, 40 * kDegree, -40 * kDegree};
  // The neighbours would cover the finger in a side view, so the hand is only tilted if they are in
  // the image.
  if (chance(random, 0.5)) {
    limb.view_angles = {0, 22 * kDegree, -22 * kDegree, 10 * kDegree};
    for (const double side : {-1.0, 1.0}) {
      const Vec3 knuckle{side * 23 * size, random.uniform(2, 9) * size, 0};
      const double smaller = size * random.uniform(0.86, 0.96);
      const double lean = side * random.uniform(3, 9) * kDegree;
      add_finger(limb, knuckle, smaller, lean, bend, false, build, random);
    }
  }
  limb.field_low = 46;
  limb.field_high = 60;
  return limb;
}

Limb grow_forearm(const Build& build, RandomStream& random) {
  Limb limb;
  const double size = build.size;
  const double twist = random.uniform(-6, 6), bow = random.uniform(3, 7) * size;
  LongBone radius{.from = Vec3{-13, -112, twist},
                  .to = Vec3{-10, 108, 0},
                  .width = 7.0 * size,
                  .flare_from = 1.5,
                  .flare_to = 2.15,
                  .reach_from = 0.10,
                  .reach_to = 0.20,
                  .flatness = 0.72,
                  .cap_from = 3,
                  .cap_to = 6,
                  .bow_x = -bow,
                  .bow_z = 3};
  LongBone ulna{.from = Vec3{9, -118, -2},
                .to = Vec3{13, 104, -4},
                .width = 6.4 * size,
                .flare_from = 2.0,
                .flare_to = 1.30,
                .reach_from = 0.24,
                .reach_to = 0.10,
                .flatness = 0.95,
                .cap_from = 9,
                .cap_to = 5,
                .bow_x = 1.5,
                .bow_z = -2};
  Tube radius_tube = make_tube(radius, build), ulna_tube = make_tube(ulna, build);
  if (build.child) {
    add_growth_plate(radius_tube, radius_tube.arc_length() - 7, random);
    add_growth_plate(ulna_tube, ulna_tube.arc_length() - 5, random);
  }
  add_bone(limb, std::move(radius_tube), 1, 0.15, 0.86);
  add_bone(limb, std::move(ulna_tube), 1, 0.18, 0.88);
  // The distal end of the humerus above, the first row of wrist bones below.
  add_bone(limb, make_tube({.from = Vec3{0, -250, 0},
                            .to = Vec3{0, -140, 0},
                            .width = 11 * size,
                            .flare_to = 2.3,
                            .reach_to = 0.4,
                            .flatness = 0.5,
                            .cap_to = 6},
                           build));
  for (const double x : {-17.0, -4.0, 9.0})
    add_bone(limb, make_pebble({x, 122, 0}, {x + 2, 126, 0}, 6.5 * size, 6.5 * size));
  limb.tissue.push_back(make_tissue({{{0, -260, 0}, 45, 42},
                                     {{-2, -130, 0}, 45, 38},
                                     {{-3, -75, 0}, 44, 37},
                                     {{-1, 10, 0}, 36, 31},
                                     {{0, 80, 0}, 29, 23},
                                     {{0, 180, 0}, 31, 18}},
                                    build, 5));
  limb.view_angles = {0, 72 * kDegree, 35 * kDegree, -30 * kDegree};
  limb.field_low = 68;
  limb.field_high = 88;
  return limb;
}

Limb grow_humerus(const Build& build, RandomStream& random) {
  Limb limb;
  const double size = build.size;
  LongBone shaft{.from = Vec3{0, -138, 0},
                 .to = Vec3{0, 142, 0},
                 .width = 11.5 * size,
                 .flare_from = 1.75,
                 .flare_to = 2.25,
                 .reach_from = 0.24,
                 .reach_to = 0.26,
                 .flatness = 0.62,
                 .cap_from = 8,
                 .cap_to = 5,
                 .bow_x = random.uniform(-3, 3),
                 .bow_z = random.uniform(2, 6)};
  Tube tube = make_tube(shaft, build);
  if (build.child) add_growth_plate(tube, 22 * size, random);
  add_bone(limb, std::move(tube), 1, 0.20, 0.80);
  // Head and trochlea are one solid with the shaft.
  limb.bones[0].push_back(make_pebble({9, -140, 0}, {12, -146, 0}, 21 * size, 21 * size));
  limb.bones[0].push_back(make_pebble({-12, 146, 0}, {16, 148, 0}, 9 * size, 10 * size));
  add_bone(limb, make_tube({.from = Vec3{40, -152, 0},
                            .to = Vec3{95, -100, -8},
                            .width = 9 * size,
                            .flare_from = 1.9,
                            .flatness = 0.7},
                           build));
  add_bone(limb, make_tube({.from = Vec3{-14, 166, 0},
                            .to = Vec3{-14, 300, 0},
                            .width = 7 * size,
                            .flare_from = 1.6,
                            .reach_from = 0.15},
                           build));
  add_bone(
      limb,
      make_tube(
          {.from = Vec3{10, 160, -4}, .to = Vec3{8, 300, 0}, .width = 7 * size, .flare_from = 2.1},
          build));
  limb.tissue.push_back(make_tissue({{{14, -240, 0}, 78, 60},
                                     {{6, -140, 0}, 60, 52},
                                     {{0, -60, 0}, 50, 46},
                                     {{0, 60, 0}, 43, 42},
                                     {{0, 140, 0}, 42, 34},
                                     {{0, 290, 0}, 42, 36}},
                                    build, 5));
  limb.view_angles = {0, 85 * kDegree, 40 * kDegree, -35 * kDegree};
  limb.field_low = 82;
  limb.field_high = 108;
  return limb;
}

// The eight wrist bones and five metacarpals, placed as in a frontal view of the right hand.
void add_hand_root(Limb& limb, double size, const Build& build, RandomStream& random) {
  struct Pebble {
    Vec3 from, to;
    double width;
  };
  const Pebble carpals[] = {{{-13, -11, 0}, {-9, -5, 0}, 6.6},   {{0, -9, -1}, {2, -5, -1}, 6.4},
                            {{12, -11, -2}, {14, -8, -2}, 5.2},  {{14, -13, 7}, {15, -10, 7}, 3.8},
                            {{-19, -23, 3}, {-17, -20, 3}, 6.0}, {{-9, -25, 1}, {-8, -22, 1}, 4.8},
                            {{0, -25, 0}, {1, -17, 0}, 5.8},     {{10, -24, 0}, {11, -19, 0}, 6.0}};
  for (const Pebble& c : carpals) {
    const Vec3 shift{random.uniform(-0.8, 0.8), random.uniform(-0.8, 0.8), random.uniform(-1, 1)};
    add_bone(limb, make_pebble(size * (c.from + shift), size * (c.to + shift), c.width * size,
                               c.width * size * 0.9));
  }
  const double spread = random.uniform(0.8, 1.2);
  for (int finger = 0; finger < 5; ++finger) {
    const bool thumb = finger == 0;
    const Vec3 base =
        thumb ? Vec3{-24, -28, 6} : Vec3{-17.5 + 7.6 * finger, -33.5 + (finger > 2 ? 1.5 : 0), 0};
    const double lean = spread * (thumb ? -34 : 7.0 * (finger - 2.3)) * kDegree;
    const double reach = thumb ? 40 : 62 - 3.0 * finger;
    const Vec3 tip = base + Vec3{reach * std::sin(lean), -reach * std::cos(lean), 0};
    add_bone(limb,
             make_tube({.from = size * base,
                        .to = size * tip,
                        .width = 4.1 * size,
                        .flare_from = 1.55,
                        .flare_to = 1.6,
                        .cap_from = 3,
                        .cap_to = 5 * size,
                        .bow_z = 2},
                       build),
             finger == 1 || finger == 2 ? 0.3 : 0, 0.3, 0.7);
    const Vec3 way = (1 / length(tip - base)) * (tip - base);
    add_bone(limb, make_tube({.from = size * (tip + 11.0 * way),
                              .to = size * (tip + 44.0 * way),
                              .width = 4.2 * size,
                              .flare_from = 1.6,
                              .flare_to = 1.3,
                              .cap_from = 2.5},
                             build));
    limb.tissue.push_back(make_tissue(
        {{size * base, 11, 9}, {size * tip, 10.5, 10}, {size * (tip + 60.0 * way), 8.5, 8.5}},
        build, 6));
  }
}

Limb grow_wrist(const Build& build, RandomStream& random) {
  Limb limb;
  const double size = build.size;
  LongBone radius{.from = size * Vec3{-8, 130, 0},
                  .to = size * Vec3{-6, 7, 0},
                  .width = 7.2 * size,
                  .flare_to = 2.1,
                  .reach_from = 0.01,
                  .reach_to = 0.42,
                  .flatness = 0.72,
                  .cap_to = 6,
                  .bow_x = -2};
  LongBone ulna{.from = size * Vec3{15, 130, -2},
                .to = size * Vec3{15, 10, -3},
                .width = 6.0 * size,
                .flare_to = 1.35,
                .reach_from = 0.01,
                .reach_to = 0.2,
                .cap_to = 5,
                .bow_x = 1};
  Tube radius_tube = make_tube(radius, build), ulna_tube = make_tube(ulna, build);
  if (build.child) {
    add_growth_plate(radius_tube, radius_tube.arc_length() - 6 * size, random);
    add_growth_plate(ulna_tube, ulna_tube.arc_length() - 5 * size, random);
  }
  add_bone(limb, std::move(radius_tube), 1.5, 0.52, 0.86);
  add_bone(limb, std::move(ulna_tube), 0.7, 0.52, 0.86);
  add_hand_root(limb, size, build, random);
  limb.tissue.push_back(make_tissue({{{2, 180, 0}, 34, 27},
                                     {{2, 60, 0}, 30, 23},
                                     {{1, 10, 0}, 29, 19},
                                     {{-1, -25, 0}, 32, 17},
                                     {{2, -60, 0}, 33, 13},
                                     {{2, -86, 0}, 33, 10}},
                                    build, 12));
  limb.view_angles = {0, 50 * kDegree, -40 * kDegree, 25 * kDegree};
  limb.field_low = 62;
  limb.field_high = 82;
  return limb;
}

// Mirrors the limb: the other side of the body.
void mirror(Limb& limb) {
  const auto flip = [](Tube& tube) {
    for (Station& station : tube.stations) station.centre.x = -station.centre.x;
  };
  for (Tube& tube : limb.tissue) flip(tube);
  for (Bone& bone : limb.bones)
    for (Tube& tube : bone) flip(tube);
}

struct Part {
  std::string_view name;
  Limb (*grow)(const Build& build, RandomStream& random);
};

constexpr Part kParts[] = {{"XR_FINGER", grow_finger},
                           {"XR_FOREARM", grow_forearm},
                           {"XR_HUMERUS", grow_humerus},
                           {"XR_WRIST", grow_wrist}};

}  // namespace

Build draw_build(RandomStream& random) {
  Build build;
  build.size = random.uniform(0.88, 1.12);
  build.bulk = random.uniform(0.85, 1.2);
  build.cortex = random.uniform(0.8, 1.2);
  build.child = chance(random, 0.14);
  return build;
}

std::span<const std::string_view> demo_parts() {
  static constexpr auto kNames = [] {
    std::array<std::string_view, std::size(kParts)> names;
    for (std::size_t i = 0; i < names.size(); ++i) names[i] = kParts[i].name;
    return names;
  }();
  return kNames;
}

Limb grow_limb(std::string_view part, const Build& build, RandomStream& random) {
  for (const Part& known : kParts) {
    if (known.name != part) continue;
    Limb limb = known.grow(build, random);
    if (chance(random, 0.5)) mirror(limb);
    return limb;
  }
  throw Error(format("demo: there is no limb for body part ", part));
}

}  // namespace osteon::demo
