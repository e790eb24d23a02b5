// What oneDNN is known to compute wrongly without a word. It is not asked to: find_plan in
// conv2d.cpp looks here and finds no plan, so that the reference takes over the work (and is
// counted, see reference_fallbacks), or the residual is added in a pass of its own.
#pragma once

#include <string>

#include "ops/onednn/problem.h"

namespace osteon::onednn {

// Whether a row of the table in faults.cpp is about this problem when it is computed by
// `implementation`, oneDNN's name for its code.
bool has_known_fault(const Problem& problem, const std::string& implementation);

}  // namespace osteon::onednn
