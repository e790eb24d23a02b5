// Things on a radiograph that say nothing about the bones: side markers, labels, jewellery,
// clothing, wires, calcifications, collimator edges. Both classes get them, so that brightness,
// metal or letters alone do not give the label away.
#pragma once

#include "data/demo/render.h"

namespace osteon::demo {

// Jewellery, snaps, wires and the like, drawn as metal. Call it for a study's view only when the
// study wears something; which thing it is follows from `worn`, the same stream for all views of a
// study.
void draw_worn_metal(Field& metal, const Limb& limb, const View& view, RandomStream worn);

// Adds a few calcified specks to the soft tissue: attenuation that is not in a bone.
void add_calcifications(Field& attenuation, const View& view, RandomStream& random);

// Lead letters and label plates on the finished picture, grey levels 0 to 255.
void draw_markers(Field& grey, RandomStream& random);

// Blackens what lies outside a slightly turned rectangle, mostly near the border.
void collimate(Field& grey, RandomStream& random);

}  // namespace osteon::demo
