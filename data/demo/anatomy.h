// The limbs of the demo radiographs: which bones a body part has, their proportions, and how they
// vary from patient to patient. Sizes are rough anatomical averages; nothing is traced from a
// image.
#pragma once

#include <span>
#include <string_view>

#include "data/demo/shapes.h"

namespace osteon::demo {

// The properties that all studies of a patient share.
struct Build {
  double size = 1;     // scale of the skeleton
  double bulk = 1;     // thickness of the soft tissue
  double cortex = 1;   // thickness of the bone's outer layer
  bool child = false;  // growth plates are open
};

Build draw_build(RandomStream& random);

// MURA's names of the body parts that can be drawn.
std::span<const std::string_view> demo_parts();

// The limb of one study, without abnormality. Throws Error for a part not in demo_parts().
Limb grow_limb(std::string_view part, const Build& build, RandomStream& random);

}  // namespace osteon::demo
