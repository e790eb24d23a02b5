// The abnormalities of demo studies: a fracture line, a displaced fragment, surgical hardware or a
// lytic spot.
#pragma once

#include <string_view>
#include <vector>

#include "data/demo/shapes.h"

namespace osteon::demo {

enum class Abnormality { none, fracture, displaced, hardware, lytic };

// The name used in lesions.csv; "none" for a normal study.
std::string_view abnormality_name(Abnormality kind);

// The point of a limb at the centre of a study. Normal studies have one too, so that the framing of
// the image does not reveal the label.
struct Place {
  std::size_t bone = 0, tube = 0;
  double along = 0;  // arc length, mm
};

Place choose_place(const Limb& limb, RandomStream& random);

// The metal that an abnormality adds to the changed bones, and its extent.
struct Finding {
  std::vector<Bar> metal;
  std::vector<Ball> extent;
};

// Changes the limb at the place; Abnormality::none changes nothing.
Finding add_abnormality(Abnormality kind, Limb& limb, const Place& place, RandomStream& random);

}  // namespace osteon::demo
