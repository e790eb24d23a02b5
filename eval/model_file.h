// A trained model as one file: its weights, and in the metadata all that must be known to use them.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "data/image/image.h"
#include "nn/models.h"
#include "nn/module.h"
#include "tensor/safetensors.h"

namespace osteon {

// How the data set was divided, so that an evaluation finds the same splits again.
struct SplitOrigin {
  std::uint64_t seed = 0;
  double val_fraction = -1;  // negative: the reader's own
};

// How images become the model's input, and its output a decision.
struct ModelInfo {
  std::string arch;
  std::int64_t width = ModelOptions{}.width;  // ModelOptions::width
  std::int64_t image_size = 0;
  Fit fit = Fit::stretch;
  std::vector<double> mean, std;     // one per channel, of grey levels in [0, 1]
  std::string task = "binary";       // what it is asked (eval/task.h)
  std::vector<std::string> classes;  // as the task orders them: {negative, positive}
  double threshold = 0.5;            // positive from this probability on
  double temperature = 1;            // probability = sigmoid(logit / temperature)
  SplitOrigin split;                 // of its training
};

// A checkpoint's folder holds the model file and, with the checksum of it, the state of the run.
inline constexpr const char* kModelFile = "model.safetensors";
inline constexpr const char* kStateFile = "state.json";
inline constexpr std::size_t kLargestState = 1'000'000;  // bytes

// How large a run's config.json may be; it lists unreadable images.
inline constexpr std::size_t kLargestConfig = 10'000'000;  // bytes

struct TrainedModel {
  ModelInfo info;
  std::unique_ptr<Module> model;  // in evaluation mode
};

// The metadata of a model file: architecture, image size, mean, std, classes, threshold and so on.
std::map<std::string, std::string> to_metadata(const ModelInfo& info);

// The contents of model.safetensors: the weights under torchvision's names and in its layout.
NamedTensors to_model_file(const Module& model, const ModelInfo& info);

// What such a file's metadata say. Throws Error for a member that is missing or out of range.
ModelInfo read_model_info(const std::map<std::string, std::string>& metadata);

// The model.safetensors that a path stands for: the file itself, a checkpoint's folder, or a run's
// folder, whose `best` checkpoint is taken. Throws Error naming the path when there is none.
std::filesystem::path find_model_file(const std::filesystem::path& path);

// Reads what find_model_file finds. Throws Error naming the file when it is not as the checkpoint
// around it was written, lacks the metadata (a bare weights file of another program) or does not
// fit its own architecture. The model is on `device`.
TrainedModel load_model(const std::filesystem::path& path, const Device& device = Device::cpu());

// Starts `model`, of info's architecture and width, from a file of weights, ours or torchvision's,
// safetensors or .pth. A head of another shape is left as initialised; its tensors' names are
// returned. The file's mean and std, if it states any, go to mean and std; for a file without
// metadata of ours those of the architecture's published weights do. Throws Error naming the file
// when it is of another architecture or width.
struct InitialWeights {
  std::vector<std::string> left_as_initialised;
  std::vector<double> mean, std;
};
InitialWeights initialize_from(Module& model, const ModelInfo& info,
                               const std::filesystem::path& file);

}  // namespace osteon
