// Models by the names torchvision gives them.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "nn/module.h"

namespace osteon {

// The widest models that options and files may ask for.
inline constexpr std::int64_t kMaxWidth = 256;

struct ModelOptions {
  std::int64_t num_classes = 1;     // logits an image; 1 for two classes
  std::int64_t width = 64;          // channels after the stem; all other widths follow it
  bool zero_init_residual = false;  // start each residual branch at 0: the last gamma of a block
  std::uint64_t seed = 0;           // of the starting values
};

// Builds and initialises a model that maps images [N,H,W,3] to logits [N,num_classes]. Throws
// UsageError with the known names for another one.
std::unique_ptr<Module> make_model(const std::string& arch, const ModelOptions& options = {});

// The names make_model knows.
std::vector<std::string> model_names();

// The name of the model's last layer, the only one whose shape depends on num_classes: `fc`.
std::string head_name(const std::string& arch);

}  // namespace osteon
