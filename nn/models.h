// Models by name, and how to add a family of models.
//
// A family is a Module in its own files and one line per model in the list in models.cpp. A program
// with its own family passes an Architecture to register_model instead. No other code of the
// library or the programs names a family.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "nn/layer_names.h"
#include "nn/module.h"

namespace osteon {

// Limit of ModelOptions::width, for options and files.
inline constexpr std::int64_t kMaxWidth = 256;

struct ModelOptions {
  std::int64_t num_classes = 1;     // logits per image; 1 for two classes
  std::int64_t width = 64;          // of the model, in 64ths of the published one's
  bool zero_init_residual = false;  // initialise the last gamma of each residual block to 0
  double drop_path = -1;            // rate of stochastic depth; negative: the model's own
  std::uint64_t seed = 0;           // of the initial values

  // The rate of stochastic depth in residual block `index` of `blocks`: it grows to drop_path, or
  // to the model's own rate.
  double drop_path_of(std::int64_t index, std::int64_t blocks, double own_rate) const {
    return (drop_path < 0 ? own_rate : drop_path) * static_cast<double>(index) /
           static_cast<double>(blocks);
  }

  // The factor of all numbers of channels.
  double width_scale() const { return static_cast<double>(width) / 64; }
};

// Mean and standard deviation of the ImageNet training set, red, green, blue, in [0, 1].
inline const std::vector<double> kImageNetMean{0.485, 0.456, 0.406};
inline const std::vector<double> kImageNetStd{0.229, 0.224, 0.225};

// The properties of a model, apart from its layers.
struct Architecture {
  // A module whose output [N, H/stride, W/stride, C] keeps the spatial positions of the image; or
  // [N,L,C], a class token and one token per position. The output of a BatchNorm2d that is called
  // by its relu() or activated() is after the activation.
  struct Stage {
    std::string layer;
    std::int64_t stride;
  };

  std::string name;
  std::string family = {};  // the models with the same name here are listed together
  // Builds and initialises the model: a function from images [N,H,W,3] to logits [N,num_classes].
  std::function<std::unique_ptr<Module>(const ModelOptions&)> make;
  std::string head;           // the last layer, the only one whose shape depends on num_classes
  std::vector<Stage> stages;  // from the input to the head; choices for Grad-CAM
  std::int64_t image_size;    // the side of the images that it is designed for
  std::vector<double> mean;   // of the images that published weights expect, one per channel
  std::vector<double> std;    // likewise
  // The layers' names in published files of other origins, which are read, too.
  std::vector<LayerNames> other_names = {};
  bool has_residuals = false;      // make() uses zero_init_residual
  bool has_drop_path = false;      // make() uses drop_path
  std::int64_t size_multiple = 1;  // the sides of images are multiples of it
  // For the list of models; 0 if not known. Of the published model, with 1,000 classes and at
  // image_size: parameters in millions, multiply-adds in units of 10^9.
  double million_parameters = 0, gmacs = 0;
};

// The architecture with this name. Throws UsageError with model_list() if there is none.
const Architecture& find_architecture(const std::string& name);

// Adds a model to the list of find_architecture. Call it before other threads use the list. Throws
// Error if the name is taken or a member is missing or out of range.
void register_model(Architecture architecture);

// find_architecture(name).make(options). Throws UsageError if the model has no residual block and
// zero_init_residual is set, or no stochastic depth and drop_path is 0 or more.
std::unique_ptr<Module> make_model(const std::string& name, const ModelOptions& options = {});

// The names known to find_architecture.
std::vector<std::string> model_names();

// The family whose models have tensors of these names, possibly after a common text such as
// "module."; empty if none does.
std::string family_of_tensors(std::span<const std::string_view> names);

// The models of each family, with their parameters and multiply-adds, in one line.
std::string model_list();

// The same as a table of aligned columns, one line per model.
std::string model_table();

}  // namespace osteon
