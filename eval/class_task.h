// The tasks that decide for one of several classes: multiclass, classes that exclude each other,
// for example makers of an implant, and ordinal, grades. Both predict a probability of each class;
// the decision is the most probable one.
#pragma once

#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "eval/class_predictions.h"
#include "eval/comparison.h"
#include "eval/task.h"

namespace osteon {

inline constexpr Score kMulticlassScore{.key = "macro_auroc", .name = "macro AUROC", .chance = 0.5};
inline constexpr Score kOrdinalScore{
    .key = "quadratic_kappa", .name = "quadratic kappa", .chance = 0};

// Throw UsageError for fewer than two classes.
std::unique_ptr<Task> make_multiclass_task(const std::vector<std::string>& classes);
std::unique_ptr<Task> make_ordinal_task(const std::vector<std::string>& grades);

class ClassResult : public TaskResult {
 public:
  std::string task;
  std::vector<std::string> classes;
  std::vector<ClassPrediction> predictions;
  ClassEvaluation evaluation;
  double temperature = 1;
  BootstrapOptions bootstrap;
  std::optional<Comparison> comparison;  // of the overall figures

  bool has_grades() const { return task == "ordinal"; }
  // Those of kOverallFigures that the task has.
  std::span<const char* const> figure_names() const;
  std::vector<NamedFigure> figures() const override;
  void write(const std::filesystem::path& folder) const override;  // class_results.cpp
  void print(std::ostream& out) const override;                    // class_results.cpp
  void compare(const TaskResult& other, const std::string& name,
               const std::filesystem::path& folder) override;
  Facts facts() const override;
  TaskReport report(std::uint64_t seed) const override;  // report/classes.cpp
};

// What the two tasks share; they differ in the head, the loss and the probabilities.
class ClassTask : public Task {
 public:
  explicit ClassTask(std::vector<std::string> classes) : classes_(std::move(classes)) {}

  std::vector<double> prepare_training(
      const Manifest& manifest, const std::string& policy,
      const std::function<void(const std::string&)>& warn) override;

  std::vector<std::string> columns() const override;
  std::string decide(std::span<const double> prediction, const ModelInfo& info) const override;
  double certainty(std::span<const double> prediction, const ModelInfo& info) const override;

  void check_choices(const std::string& threshold, const std::string& temperature,
                     const Samples& validation) const override;

  void check_samples(const Samples& samples) const override;
  void check_classes(const std::vector<std::string>& classes, bool is_set) const override;
  std::unique_ptr<TaskResult> evaluate(const Samples& samples, const ImageValues& predictions,
                                       const ModelInfo& info,
                                       const BootstrapOptions& bootstrap) const override;
  std::unique_ptr<TaskResult> read_result(const std::filesystem::path& folder) const override;
  std::unique_ptr<TaskResult> pool(const std::vector<std::filesystem::path>& folders,
                                   const BootstrapOptions& bootstrap) const override;

 protected:
  const std::vector<std::string>& classes() const { return classes_; }
  static std::vector<std::size_t> labels_of(const Samples& samples);

 private:
  std::unique_ptr<ClassResult> result_of(std::vector<ClassPrediction> predictions,
                                         const BootstrapOptions& bootstrap,
                                         std::span<const std::string> sets = {}) const;

  const std::vector<std::string> classes_;
};

// Reads predictions.csv as ClassResult::write() wrote it. Throws Error naming the file, and the
// line if it is invalid, or both lists of classes if these are others.
std::vector<ClassPrediction> read_class_predictions(const std::filesystem::path& file,
                                                    const std::vector<std::string>& classes);

}  // namespace osteon
