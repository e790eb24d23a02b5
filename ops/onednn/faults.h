// Known cases in which oneDNN silently computes wrong results. They are avoided: find_plan in
// conv2d.cpp checks this table and returns no plan. Then the reference computes the case (and is
// counted, see reference_fallbacks), or a separate pass adds the residual.
#pragma once

#include <string>

#include "ops/convolution/problem.h"

namespace osteon::onednn {

using convolution::Direction;
using convolution::Problem;

// Whether the table in faults.cpp lists this problem for `implementation`, a name that oneDNN
// reports.
bool has_known_fault(const Problem& problem, const std::string& implementation);

}  // namespace osteon::onednn
