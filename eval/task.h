// What a model is asked. A task gives the model its head and its loss, turns the head's outputs
// into predictions and predictions into figures, files and sections of the report. Training,
// inference, model files, prediction and the report know only what is declared here; each task is
// one file.
#pragma once

#include <cstdint>
#include <filesystem>
#include <iosfwd>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "data/manifest.h"
#include "eval/bootstrap.h"
#include "eval/model_file.h"
#include "tensor/tensor.h"

namespace osteon {

struct TaskReport;

// Numbers of several images: the outputs of a model, or what a task predicts from them.
struct ImageValues {
  std::int64_t columns = 1;    // numbers per image
  std::vector<double> values;  // row-major, one row per image

  std::size_t rows() const { return values.size() / static_cast<std::size_t>(columns); }
  std::span<const double> row(std::size_t i) const {
    const auto width = static_cast<std::size_t>(columns);
    return std::span(values).subspan(i * width, width);
  }
};

// mean += values / count, where mean begins without rows: the mean of `count` predictions.
void add_share(ImageValues& mean, const ImageValues& values, double count);

// Samples of a manifest, in the order of the rows that belong to them.
struct Samples {
  const Manifest& manifest;
  const std::vector<std::int64_t>& indices;

  const Sample& operator[](std::size_t i) const {
    return manifest.samples[static_cast<std::size_t>(indices[i])];
  }
};

// A figure by its name in metrics.json; no value where it is undefined.
using NamedFigure = std::pair<std::string, std::optional<double>>;
// A line of the report: what, and its value.
using Facts = std::vector<std::pair<std::string, std::string>>;

// The figure by which the best epoch is chosen.
struct Score {
  const char* key;                 // among TaskResult::figures()
  const char* name;                // for people
  std::optional<double> chance{};  // of a model that knows nothing
  bool higher_is_better = true;
};

// What an evaluation found.
class TaskResult {
 public:
  virtual ~TaskResult() = default;

  // The figures of all images that the log of training quotes, the score among them.
  virtual std::vector<NamedFigure> figures() const = 0;
  // Writes metrics.json, predictions.csv and studies.csv.
  virtual void write(const std::filesystem::path& folder) const = 0;
  // The table on the terminal.
  virtual void print(std::ostream& out) const = 0;
  // Compares with another evaluation of the same images, as Task::read_result() gives it, and
  // writes comparison.json; `name` is what the other one is called. Throws Error where the two are
  // not of the same images.
  virtual void compare(const TaskResult& other, const std::string& name,
                       const std::filesystem::path& folder) = 0;
  // Lines about the decisions, for the report's list of what was run.
  virtual Facts facts() const = 0;
  // The task's part of the report; `seed` chooses among images that would do equally well.
  virtual TaskReport report(std::uint64_t seed) const = 0;
};

class Task {
 public:
  virtual ~Task() = default;

  virtual const char* name() const = 0;

  // --- the head and the loss

  // Numbers per image that the model's head gives.
  virtual std::int64_t outputs() const = 0;
  // The targets of samples, as loss() takes them, [N, ...].
  virtual Tensor targets(const Samples& samples, DType dtype) const = 0;
  // How much each sample of the manifest counts in the training loss, by the counts of the training
  // split. Throws UsageError for a policy that is unknown, Error for one that the data rule out.
  virtual std::vector<double> sample_weights(const Manifest& manifest,
                                             const std::string& policy) const = 0;
  // The mean loss of a batch: outputs [N, outputs()] f32 or f64, weights [N]. Scalar.
  virtual Tensor loss(const Tensor& outputs, const Tensor& targets,
                      const Tensor& weights) const = 0;

  // --- predictions and decisions

  // The names of the columns that predict() gives.
  virtual std::vector<std::string> columns() const = 0;
  // The prediction of each image from the model's outputs. Predictions of several models, and of
  // the images of one study, may be averaged.
  virtual ImageValues predict(const ImageValues& outputs, const ModelInfo& info) const = 0;
  // The decision that a prediction comes to, in words.
  virtual std::string decide(std::span<const double> prediction, const ModelInfo& info) const = 0;

  // Throws UsageError for values of --threshold and --temperature that mean nothing here, Error
  // where they are to be chosen on `validation` and it does not allow that.
  virtual void check_choices(const std::string& threshold, const std::string& temperature,
                             const Samples& validation) const = 0;
  // Sets info.temperature to a number, or fits it to the outputs of validation.
  virtual void set_temperature(ModelInfo& info, const std::string& temperature,
                               const Samples& validation, const ImageValues& outputs) const = 0;
  // Sets info.threshold to a number, or chooses it by the predictions of validation.
  virtual void set_threshold(ModelInfo& info, const std::string& threshold,
                             const Samples& validation, const ImageValues& predictions) const = 0;

  // --- figures

  virtual Score score() const = 0;
  // Throws Error for samples whose labels contradict each other.
  virtual void check_samples(const Samples& samples) const = 0;
  // Throws UsageError where the data's classes are not the model's; `is_told` says that the user
  // has stated what they mean.
  virtual void check_classes(const std::vector<std::string>& classes, bool is_told) const = 0;
  // All figures of the predictions of `samples`, with intervals if a bootstrap is asked for.
  virtual std::unique_ptr<TaskResult> evaluate(const Samples& samples,
                                               const ImageValues& predictions,
                                               const ModelInfo& info,
                                               const BootstrapOptions& bootstrap) const = 0;
  // What write() wrote into a folder, as far as a comparison needs it.
  virtual std::unique_ptr<TaskResult> read_result(const std::filesystem::path& folder) const = 0;
};

// The task of that name over these classes: "binary", {negative, positive}. Throws Error for an
// unknown name, UsageError for classes that do not fit.
std::unique_ptr<Task> make_task(const std::string& name, const std::vector<std::string>& classes);

// The task that a model was trained for.
std::unique_ptr<Task> task_of(const ModelInfo& info);

}  // namespace osteon
