// A task: the question that a model answers. It gives the model its head and its loss, and turns
// the head's outputs into predictions, and predictions into figures, files and sections of the
// report. Training, inference, model files, prediction and the report use this interface only; each
// task is one file.
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

// Values of several images: the outputs of a model, or a task's predictions.
struct ImageValues {
  std::int64_t columns = 1;    // numbers per image
  std::vector<double> values;  // row-major, one row per image

  std::size_t rows() const { return values.size() / static_cast<std::size_t>(columns); }
  std::span<const double> row(std::size_t i) const {
    const auto width = static_cast<std::size_t>(columns);
    return std::span(values).subspan(i * width, width);
  }
};

// mean += values / count; `mean` starts without rows. Adding `count` predictions gives their mean.
void add_share(ImageValues& mean, const ImageValues& values, double count);

// Samples of a manifest, in the order of their rows.
struct Samples {
  const Manifest& manifest;
  const std::vector<std::int64_t>& indices;

  const Sample& operator[](std::size_t i) const {
    return manifest.samples[static_cast<std::size_t>(indices[i])];
  }
};

// A figure and its name in metrics.json; no value if it is undefined.
using NamedFigure = std::pair<std::string, std::optional<double>>;
// Lines of the report: names and values.
using Facts = std::vector<std::pair<std::string, std::string>>;

// The figure that chooses the best epoch.
struct Score {
  const char* key;                 // in TaskResult::figures()
  const char* name;                // as printed
  std::optional<double> chance{};  // the score of random guesses
  bool higher_is_better = true;
};

// The result of an evaluation.
class TaskResult {
 public:
  virtual ~TaskResult() = default;

  // How many of the evaluated images were used to train the model; their figures say nothing about
  // new images. nullopt: unknown.
  std::optional<std::int64_t> trained_on{};

  // The figures over all images for the training log, including the score.
  virtual std::vector<NamedFigure> figures() const = 0;
  // Writes metrics.json, predictions.csv and studies.csv.
  virtual void write(const std::filesystem::path& folder) const = 0;
  // The table on the terminal.
  virtual void print(std::ostream& out) const = 0;
  // Compares with another evaluation of the same images, which Task::read_result() returned, and
  // writes comparison.json. `name` is the name of the other evaluation. Throws Error if the images
  // differ.
  virtual void compare(const TaskResult& other, const std::string& name,
                       const std::filesystem::path& folder) = 0;
  // Lines about the decisions, for the report's section "What was run".
  virtual Facts facts() const = 0;
  // The task's part of the report; `seed` chooses among equally suitable images.
  virtual TaskReport report(std::uint64_t seed) const = 0;
};

class Task {
 public:
  virtual ~Task() = default;

  virtual const char* name() const = 0;

  // --- the head and the loss

  // The number of outputs per image of the model's head.
  virtual std::int64_t outputs() const = 0;
  // The targets of the samples for loss(), [N, ...].
  virtual Tensor targets(const Samples& samples, DType dtype) const = 0;
  // Targets with a share of uniform ones: (1 - share) targets + share / classes. Throws UsageError
  // for a share above 0 if the task has no classes.
  // Source: Szegedy et al., "Rethinking the Inception Architecture", CVPR 2016, section 7.
  virtual Tensor smooth(const Tensor& targets, double share) const = 0;
  // Takes from the training split what the loss needs, and returns the weight of each sample of the
  // manifest in it; `warn` is called with notes about them for the user. Throws UsageError for an
  // unknown policy of weights, Error for one that the data do not allow.
  virtual std::vector<double> prepare_training(
      const Manifest& manifest, const std::string& policy,
      const std::function<void(const std::string&)>& warn) = 0;
  // Stores in the model's information what predict() needs of the training labels.
  virtual void save(ModelInfo&) const {}
  // The mean loss of a batch: outputs [N, outputs()] f32 or f64, weights [N]. Scalar.
  virtual Tensor loss(const Tensor& outputs, const Tensor& targets,
                      const Tensor& weights) const = 0;

  // --- predictions and decisions

  // The names of the columns of predict().
  virtual std::vector<std::string> columns() const = 0;
  // The prediction of each image from the model's outputs. Predictions of several models, and of
  // the images of one study, may be averaged.
  virtual ImageValues predict(const ImageValues& outputs, const ModelInfo& info) const = 0;
  // The decision for a prediction, in words; of a number, its name.
  virtual std::string decide(std::span<const double> prediction, const ModelInfo& info) const = 0;
  // The one number that is shown beside the decision.
  virtual double certainty(std::span<const double> prediction, const ModelInfo& info) const = 0;
  // The output of the model whose evidence a heat map shows.
  virtual std::int64_t explained_output(std::span<const double> prediction,
                                        const ModelInfo& info) const = 0;

  // Throws UsageError for invalid values of --threshold and --temperature, and Error if they are to
  // be chosen on `validation` but its samples do not allow it.
  virtual void check_choices(const std::string& threshold, const std::string& temperature,
                             const Samples& validation) const = 0;
  // Sets info.temperature to a number, or fits it to the outputs on validation.
  virtual void set_temperature(ModelInfo& info, const std::string& temperature,
                               const Samples& validation, const ImageValues& outputs) const = 0;
  // The number of info.thresholds, with which decisions compare probabilities.
  virtual std::size_t thresholds() const { return 0; }
  // Sets info.thresholds to a number, or chooses them from the predictions on validation. Throws
  // UsageError if the task has none.
  virtual void set_threshold(ModelInfo& info, const std::string& threshold,
                             const Samples& validation, const ImageValues& predictions) const;

  // --- figures

  virtual Score score() const = 0;
  // Throws Error for samples whose labels contradict each other.
  virtual void check_samples(const Samples& samples) const = 0;
  // Throws UsageError if the data's classes are not the model's; `is_set` means that the user set
  // the positive class explicitly.
  virtual void check_classes(const std::vector<std::string>& classes, bool is_set) const = 0;
  // All figures of the predictions of `samples`, with intervals if bootstrap.draws > 0.
  virtual std::unique_ptr<TaskResult> evaluate(const Samples& samples,
                                               const ImageValues& predictions,
                                               const ModelInfo& info,
                                               const BootstrapOptions& bootstrap) const = 0;
  // Reads from the files of write() what a comparison needs.
  virtual std::unique_ptr<TaskResult> read_result(const std::filesystem::path& folder) const = 0;
  // Evaluates the predictions in the files of several evaluations as one. Throws Error naming an
  // image that is in two of them.
  virtual std::unique_ptr<TaskResult> pool(const std::vector<std::filesystem::path>& folders,
                                           const BootstrapOptions& bootstrap) const = 0;
};

// Throws UsageError unless --threshold has its default, for a task without thresholds.
void check_no_threshold(const Task& task, const std::string& threshold);

// The task of that name over Manifest::classes. Throws Error for an unknown name, UsageError for
// classes that do not match.
std::unique_ptr<Task> make_task(const std::string& name, const std::vector<std::string>& classes);

// The task of a trained model.
std::unique_ptr<Task> task_of(const ModelInfo& info);

}  // namespace osteon
