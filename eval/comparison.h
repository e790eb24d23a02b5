// Compares two models on the same images: the differences of their figures, with intervals over the
// choice of patients.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "eval/evaluated_groups.h"
#include "eval/predictions.h"

namespace osteon {

// McNemar's test of two sets of decisions on the same samples. It uses only samples for which one
// model is right and the other wrong: if the models are equally good, each is right for such a
// sample with probability 1/2. The p-value is the exact two-sided binomial one. Source: McNemar,
// "Note on the sampling error of the difference between correlated proportions", Psychometrika 12,
// 1947.
struct McNemar {
  std::int64_t only_first_right = 0, only_second_right = 0;
  double p_value = 1;
};
McNemar mcnemar(std::int64_t only_first_right, std::int64_t only_second_right);

struct ComparedLevel {
  FigureValues first, second;
  FigureIntervals difference;  // of first - second; the bootstrap draws the same patients for both
  std::optional<McNemar> decisions;  // none if the task does not decide between right and wrong
};

// All images or all studies of one evaluation.
struct LevelToCompare {
  std::function<FigureValues(std::span<const std::int64_t> counts)> figures;  // by patients' counts
  std::optional<std::vector<bool>> is_right{};                                // of each decision
};

// A task's evaluation of a set of images or studies.
using LevelOfItems = std::function<LevelToCompare(const GroupItems&)>;
struct LevelsToCompare {
  LevelOfItems images, studies;
};

// The same level of two evaluations. `group` is the name of the body part, or empty for all.
ComparedLevel compare_levels(const LevelToCompare& first, const LevelToCompare& second,
                             std::size_t patients, const std::string& group,
                             const BootstrapOptions& bootstrap);

using ImageAndStudyComparison = ImageAndStudy<ComparedLevel>;

struct Comparison {
  std::string other;                 // the name of the second model
  std::vector<std::string> figures;  // names, in the order of FigureValues
  ImageAndStudyComparison overall;
  std::map<std::string, ImageAndStudyComparison> parts;
};

// Compares two evaluations of the same images, whose groups these are.
Comparison compare_groups(const EvaluationGroups& groups, const LevelsToCompare& first,
                          const LevelsToCompare& second, const std::string& other,
                          const std::vector<std::string>& figures,
                          const BootstrapOptions& bootstrap);

// The decisions of one evaluation.
struct Decisions {
  std::vector<Prediction> predictions;
  double threshold = 0.5;
};

// Reads predictions.csv and the threshold in metrics.json from the folder of an evaluation. Throws
// Error naming the file, and the line if it is invalid.
Decisions read_decisions(const std::filesystem::path& folder);

// Compares two sets of decisions. `other` is the name of the second one. Throws Error naming an
// image that is in only one of the two, or whose label, study, patient or part differ.
Comparison compare(const Decisions& first, const Decisions& second, const std::string& other,
                   const BootstrapOptions& bootstrap);

}  // namespace osteon
