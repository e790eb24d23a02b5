// One model of each family, so that a test runs over every family without naming it.
#pragma once

#include <set>
#include <string>
#include <vector>

#include "nn/models.h"

namespace osteon {

// The first registered model of each family.
inline std::vector<std::string> one_model_per_family() {
  std::vector<std::string> models;
  std::set<std::string> families;
  for (const std::string& name : model_names())
    if (families.insert(find_architecture(name).family).second) models.push_back(name);
  return models;
}

// Sizes for these tests: narrow, and images of at least two cells at a stride of 32.
inline constexpr std::int64_t kFamilyWidth = 8, kFamilyImageSize = 64;

}  // namespace osteon
