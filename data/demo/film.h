// From attenuation to the grey levels of a film: local contrast, exposure window, gamma, blur,
// grain.
#pragma once

#include "data/demo/render.h"
#include "data/image/image.h"

namespace osteon::demo {

// Grey levels 0 to 255 of an attenuation field with metal (0 to 1) in front of it. Window, gamma,
// blur and grain are drawn from `random`. The window follows percentiles of the attenuation without
// the metal, so that hardware does not darken the rest of the image.
Field develop(const Field& attenuation, const Field& metal, RandomStream& random);

// Rounds to 8 bits.
Image to_image(const Field& grey);

}  // namespace osteon::demo
