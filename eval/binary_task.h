// The task with two classes, for example normal and abnormal: one logit per image, binary
// cross-entropy, a probability and a threshold.
#pragma once

#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "eval/comparison.h"
#include "eval/predictions.h"
#include "eval/task.h"

namespace osteon {

inline constexpr Score kBinaryScore{.key = "auroc", .name = "AUROC", .chance = 0.5};

// The task over the classes {negative, positive}. Throws UsageError for another number of classes.
std::unique_ptr<Task> make_binary_task(const std::vector<std::string>& classes);

class BinaryResult : public TaskResult {
 public:
  std::vector<std::string> classes;  // {negative, positive}
  std::vector<Prediction> predictions;
  Evaluation evaluation;
  double temperature = 1;
  BootstrapOptions bootstrap;
  std::optional<Comparison> comparison;

  std::vector<NamedFigure> figures() const override;
  void write(const std::filesystem::path& folder) const override;
  void print(std::ostream& out) const override;
  void compare(const TaskResult& other, const std::string& name,
               const std::filesystem::path& folder) override;
  Facts facts() const override;
  TaskReport report(std::uint64_t seed) const override;  // report/binary.cpp
};

}  // namespace osteon
