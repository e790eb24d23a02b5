// Models for tests that run over all kinds of models without naming them.
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

// These and the models whose layers differ from those of the first of their family: grouped
// convolutions, padding that is not symmetric, standardised filters and group norms.
inline std::vector<std::string> one_model_per_design() {
  std::vector<std::string> models = one_model_per_family();
  models.insert(models.end(), {"resnext50_32x4d", "efficientnet_lite0", "vit_small_r26_s32_224"});
  return models;
}

// Sizes for these tests: narrow, and images of at least two cells at a stride of 32.
inline constexpr std::int64_t kFamilyWidth = 8, kFamilyImageSize = 64;

}  // namespace osteon
