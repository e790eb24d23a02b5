// One model of each family, so that a test runs over every family without naming it.
#pragma once

#include <set>
#include <string>
#include <vector>

#include "nn/models.h"

namespace osteon {

// The first registered model of each family. The names of a family's models are equal up to the
// first digit: resnet18, resnet34.
inline std::vector<std::string> one_model_per_family() {
  std::vector<std::string> models;
  std::set<std::string> families;
  for (const std::string& name : model_names())
    if (families.insert(name.substr(0, name.find_first_of("0123456789"))).second)
      models.push_back(name);
  return models;
}

// Sizes for these tests: narrow, and images of at least two cells at a stride of 32.
inline constexpr std::int64_t kFamilyWidth = 8, kFamilyImageSize = 64;

}  // namespace osteon
