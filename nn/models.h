// Models by name, and how a family of them is added.
//
// A family is a Module in files of its own and one line a model in the list in models.cpp. A
// program that has its own family hands the same line to register_model. Nothing else knows a
// family.
#pragma once

#include <cstdint>
#include <functional>
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

// Mean and standard deviation of the ImageNet training set, red, green, blue, in [0, 1].
inline const std::vector<double> kImageNetMean{0.485, 0.456, 0.406};
inline const std::vector<double> kImageNetStd{0.229, 0.224, 0.225};

// What there is to know of a model beside its layers.
struct Architecture {
  // A module whose output [N, H/stride, W/stride, C] shows where in the image something is.
  struct Stage {
    std::string layer;
    std::int64_t stride;
  };

  std::string name;
  // Builds and initialises the model: a function of images [N,H,W,3] to logits [N,num_classes].
  std::function<std::unique_ptr<Module>(const ModelOptions&)> make;
  std::string head;           // the last layer, the only one whose shape depends on num_classes
  std::vector<Stage> stages;  // from the input to the head; what Grad-CAM may show
  std::int64_t image_size;    // side of the images it is made for
  std::vector<double> mean;   // of the images that published weights expect, one per channel
  std::vector<double> std;    // likewise
};

// Throws UsageError with the known names for another one.
const Architecture& find_architecture(const std::string& name);

// Adds a model to those that find_architecture knows; to be called before other threads ask for
// one. Throws Error for a name that is taken and for a line that lacks something.
void register_model(Architecture architecture);

// find_architecture(name).make(options).
std::unique_ptr<Module> make_model(const std::string& name, const ModelOptions& options = {});

// The names find_architecture knows.
std::vector<std::string> model_names();

}  // namespace osteon
