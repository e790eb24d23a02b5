// A trained model as one file: its weights, and as metadata all values that inference needs.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "data/folds.h"
#include "data/image/image.h"
#include "data/manifest.h"
#include "nn/models.h"
#include "nn/module.h"
#include "tensor/safetensors.h"

namespace osteon {

// The origin of the splits, so that an evaluation draws the same ones again.
struct SplitOrigin {
  std::uint64_t seed = 0;
  double val_fraction = -1;  // negative: the reader's default
  ImageNames names = ImageNames::relative;
  FoldOptions folds{};
  std::string split_by{};  // ManifestOptions::split_by
};

// Weights without a decision, such as published ones: which model they are of, the images that they
// expect, and where they come from.
struct WeightsInfo {
  std::string arch;
  std::int64_t width = ModelOptions{}.width;  // ModelOptions::width
  std::vector<double> mean, std;              // one per channel, of grey levels in [0, 1]
  std::string source, licence;                // empty: not known
  // As in ModelInfo.
  std::optional<std::vector<std::uint64_t>> trained_on{};
};

inline constexpr double kDefaultThreshold = 0.5;

// How images become the model's input, and how its output becomes a decision.
struct ModelInfo {
  std::string arch;
  std::int64_t width = ModelOptions{}.width;  // ModelOptions::width
  std::int64_t image_size = 0;
  Fit fit = Fit::stretch;
  std::vector<double> mean, std;     // one per channel, of grey levels in [0, 1]
  std::string task = "binary";       // its task (eval/task.h)
  std::vector<std::string> classes;  // as the task orders them: {negative, positive}
  // Positive from this probability on; as many as the task has (Task::thresholds()).
  std::vector<double> thresholds{kDefaultThreshold};
  double temperature = 1;                  // probability = sigmoid(logit / temperature)
  std::string label_column{};              // of the training data; empty: their own
  std::vector<std::string> data_names{};   // of the training data sets; empty: unknown
  double target_mean = 0, target_std = 1;  // regression: number = mean + std output
  SplitOrigin split;                       // of its training run
  std::string source{}, licence{};  // of the weights from which training started; empty: not known
  // The fast_checksum() of each file that it, or its initial weights, were trained on, ascending;
  // nullopt: unknown, in files of earlier versions and of other programs.
  std::optional<std::vector<std::uint64_t>> trained_on{};
};

// A checkpoint's folder contains the model file, the optimizer's state, and the state of the run,
// which includes the checksums of both.
inline constexpr const char* kModelFile = "model.safetensors";
inline constexpr const char* kOptimizerFile = "optimizer.safetensors";
inline constexpr const char* kStateFile = "state.json";
inline constexpr std::size_t kMaxStateBytes = 1'000'000;

// Maximum size of a run's config.json, which lists unreadable images.
inline constexpr std::size_t kMaxConfigBytes = 10'000'000;

struct TrainedModel {
  ModelInfo info;
  std::unique_ptr<Module> model;  // in evaluation mode
};

// Adds digests of files to info.trained_on.
void add_trained_on(ModelInfo& info, const std::vector<std::uint64_t>& digests);

// The metadata of a file of weights that are not a trained model, and their inverse, which reads
// model files, too. Throws Error for a member that is missing or out of range.
std::map<std::string, std::string> to_metadata(const WeightsInfo& info);
WeightsInfo read_weights_info(const std::map<std::string, std::string>& metadata);

// The metadata of a model file: architecture, image size, mean, std, classes, threshold and the
// rest of ModelInfo.
std::map<std::string, std::string> to_metadata(const ModelInfo& info);

// The contents of model.safetensors: the weights under torchvision's names and in its layout.
NamedTensors to_model_file(const Module& model, const ModelInfo& info);

// The ModelInfo in a file's metadata. Throws Error for a member that is missing or out of range.
ModelInfo read_model_info(const std::map<std::string, std::string>& metadata);

// The model.safetensors of a path: the file itself, a checkpoint's folder, or a run's folder, which
// means its best checkpoint (eval/run_pointers.h). RUN/best and RUN/last are found also where the
// run's folder has no such links. Throws Error naming the path if there is none.
std::filesystem::path find_model_file(const std::filesystem::path& path);

// Compares a model file with the checksum in the state beside it. A model file outside a checkpoint
// has no state. Throws Error naming the file if they differ.
void verify_model_file(const std::filesystem::path& file);

// Throws Error naming the first value that is not finite, with its consequence.
void check_finite(const NamedTensors& weights, const char* consequence);

// Reads the file that find_model_file returns; the model is on `device`. Throws Error naming the
// file if it does not match its checkpoint's checksum, lacks the metadata (a plain weights file of
// another program), does not match its own architecture or contains a value that is not finite.
TrainedModel load_model(const std::filesystem::path& path, const Device& device = Device::cpu());

}  // namespace osteon
