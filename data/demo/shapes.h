// The solid shapes of a demo limb, in millimetres: tubes for bones and soft tissue, rods and plates
// for metal, and marks (breaks, spots, growth plates), which change a tube's attenuation.
//
// Axes of the limb: x to the side, y along it (down the image), z towards the viewer. A view
// rotates the limb about y, so one set of shapes gives every projection of a study.
#pragma once

#include <array>
#include <cstddef>
#include <vector>

#include "base/random.h"

namespace osteon::demo {

struct Vec3 {
  double x = 0, y = 0, z = 0;
};

inline Vec3 operator+(const Vec3& a, const Vec3& b) { return {a.x + b.x, a.y + b.y, a.z + b.z}; }
inline Vec3 operator-(const Vec3& a, const Vec3& b) { return {a.x - b.x, a.y - b.y, a.z - b.z}; }
inline Vec3 operator*(double k, const Vec3& a) { return {k * a.x, k * a.y, k * a.z}; }
inline Vec3 mix(const Vec3& a, const Vec3& b, double t) { return (1 - t) * a + t * b; }
double length(const Vec3& a);

inline bool chance(RandomStream& random, double probability) {
  return random.uniform() < probability;
}

// One elliptic cross-section of a tube.
struct Station {
  Vec3 centre;
  double width = 1, depth = 1;  // half-axes along x and z, mm
  double shell = 1;             // thickness of the outer layer (cortex, fat), mm
  double filling = 0;           // attenuation of the inside relative to the shell's
};

// The change of the tube's attenuation around a mark.
enum class MarkKind {
  line,    // a thin dark sheet through the tube: a fracture without displacement
  growth,  // a dark sheet between two bright ones: the growth plate of a child
  spot,    // a dark ball with a faint bright rim: lysed bone
  before,  // nothing beyond the sheet: the proximal fragment of a broken bone
  after,   // nothing before the sheet: the distal fragment
};

// A sheet or ball at arc length `along`. A sheet is tilted by slope_x and slope_z (mm along the
// tube per mm sideways) and displaced by `jag`: offsets along the tube in mm at nine points across
// it.
struct Mark {
  MarkKind kind = MarkKind::line;
  double along = 0;
  double slope_x = 0, slope_z = 0;
  double offset_x = 0, offset_z = 0;  // centre of a spot relative to the tube's axis
  double half_size = 1;    // half the gap of a sheet; half-length of a spot along the tube
  double half_across = 1;  // half-width of a spot across the tube
  double strength = 1;     // lost share of the attenuation, 0 to 1
  std::array<double, 9> jag{};
};

// A bone, or a part of one, or a piece of soft tissue: a hollow elliptic tube along its stations,
// with ends rounded off over cap_from and cap_to millimetres.
struct Tube {
  std::vector<Station> stations;
  double cap_from = 0, cap_to = 0;
  std::vector<Mark> marks;

  double arc_length() const;
  // The cross-section at arc length `along`, interpolated between its neighbours.
  Station at(double along) const;
};

// Tubes that form one solid: where they overlap, the thicker one counts, not the sum.
using Bone = std::vector<Tube>;

// Metal: a bar from one end to the other with half-axes across it (equal ones make a round rod) and
// the direction, in the x-z plane, of its narrow side.
struct Bar {
  Vec3 from, to;
  double half_width = 1, half_thickness = 1;
  double facing = 0;  // radians; 0: the narrow side looks along z
};

// A ball that encloses a piece of an abnormality; the boxes in lesions.csv are the projections of
// balls.
struct Ball {
  Vec3 centre;
  double radius = 1;
};

// A possible site of an abnormality: a stretch of a tube's arc length.
struct Site {
  std::size_t bone = 0, tube = 0;
  double from = 0, to = 0;
  double weight = 1;  // relative probability
};

// A limb without abnormality, and its views.
struct Limb {
  std::vector<Tube> tissue;
  std::vector<Bone> bones;
  std::vector<Site> sites;
  std::vector<double> view_angles;       // radians about y; the first is the frontal view
  double field_low = 0, field_high = 0;  // length of the image's long side, mm
};

}  // namespace osteon::demo
