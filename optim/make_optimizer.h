// Optimizers by name.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "optim/optimizer.h"

namespace osteon {

// The names that make_optimizer knows.
std::vector<std::string> optimizer_names();

// adam, adamw or sgd (momentum 0.9), with the defaults of ops/optimizer.h. Throws UsageError
// listing these names for any other name.
std::unique_ptr<Optimizer> make_optimizer(const std::string& name,
                                          std::vector<ParameterGroup> groups);

}  // namespace osteon
