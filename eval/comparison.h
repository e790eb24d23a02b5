// Two models on the same images: by how much their figures differ, and whether the difference is
// more than the choice of patients explains.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "eval/predictions.h"

namespace osteon {

// McNemar's test of two sets of decisions on the same samples. Only samples on which one model is
// right and the other wrong tell them apart; if they were equally good, each model would be the
// right one of such a sample with probability 1/2. Source: McNemar, "Note on the sampling error of
// the difference between correlated proportions", Psychometrika 12, 1947; the exact two-sided
// binomial p-value.
struct McNemar {
  std::int64_t only_first_right = 0, only_second_right = 0;
  double p_value = 1;
};
McNemar mcnemar(std::int64_t only_first_right, std::int64_t only_second_right);

struct ComparedLevel {
  FigureValues first, second;
  FigureIntervals difference;  // of first - second, by a bootstrap that draws the same for both
  McNemar decisions;
};

struct ImageAndStudyComparison {
  ComparedLevel image, study;
};

struct Comparison {
  std::string other;  // what the second model is called
  ImageAndStudyComparison overall;
  std::map<std::string, ImageAndStudyComparison> parts;
};

// What one evaluation decided.
struct Decisions {
  std::vector<Prediction> predictions;
  double threshold = 0.5;
};

// Reads predictions.csv and the threshold of metrics.json from the folder of an evaluation. Throws
// Error naming the file, and its line, for what cannot be read.
Decisions read_decisions(const std::filesystem::path& folder);

// Throws Error naming an image that one of the two lacks, or that has another label, study, patient
// or part there. `other` is only handed on.
Comparison compare(const Decisions& first, const Decisions& second, const std::string& other,
                   const BootstrapOptions& bootstrap);

}  // namespace osteon
