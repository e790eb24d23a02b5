// Objects on a radiograph that are unrelated to the bones: side markers, labels, jewellery,
// clothing, wires, calcifications, collimator edges. Both classes get them, so that brightness,
// metal or letters alone do not reveal the label.
#pragma once

#include "data/demo/render.h"

namespace osteon::demo {

// Draws jewellery, snaps or wires as metal. Call it only for studies that wear an object; `worn`
// chooses the object and is the same stream for all views of a study.
void draw_worn_metal(Field& metal, const Limb& limb, const View& view, RandomStream worn);

// Adds a few calcified specks to the soft tissue: attenuation outside of the bones.
void add_calcifications(Field& attenuation, const View& view, RandomStream& random);

// Draws lead letters and label plates on the finished image, grey levels 0 to 255.
void draw_markers(Field& grey, RandomStream& random);

// Blackens the area outside a slightly rotated rectangle, mostly near the border.
void collimate(Field& grey, RandomStream& random);

}  // namespace osteon::demo
