// The task with several classes that exclude each other, for example makers of an implant: one
// logit per class, cross-entropy, probabilities that add up to 1. The decision is the most probable
// class.
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

// The task over these classes. Throws UsageError for fewer than two.
std::unique_ptr<Task> make_multiclass_task(const std::vector<std::string>& classes);

class MulticlassResult : public TaskResult {
 public:
  std::vector<std::string> classes;
  std::vector<ClassPrediction> predictions;
  ClassEvaluation evaluation;
  double temperature = 1;
  BootstrapOptions bootstrap;
  std::optional<Comparison> comparison;  // of the overall figures

  std::vector<NamedFigure> figures() const override;
  void write(const std::filesystem::path& folder) const override;  // multiclass_results.cpp
  void print(std::ostream& out) const override;                    // multiclass_results.cpp
  void compare(const TaskResult& other, const std::string& name,
               const std::filesystem::path& folder) override;
  Facts facts() const override;
  TaskReport report(std::uint64_t seed) const override;  // report/multiclass.cpp
};

// Reads predictions.csv as MulticlassResult::write() wrote it. Throws Error naming the file, and
// the line if it is invalid, or both lists of classes if these are others.
std::vector<ClassPrediction> read_class_predictions(const std::filesystem::path& file,
                                                    const std::vector<std::string>& classes);

}  // namespace osteon
