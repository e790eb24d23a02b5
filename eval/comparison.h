// Compares two models on the same images: the differences of their figures, and whether the choice
// of patients alone can explain them.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "eval/predictions.h"

namespace osteon {

// McNemar's test of two sets of decisions on the same samples. It uses only samples on which one
// model is right and the other wrong: for equally good models, each is right on such a sample with
// probability 1/2. Source: McNemar, "Note on the sampling error of the difference between
// correlated proportions", Psychometrika 12, 1947; the exact two-sided binomial p-value.
struct McNemar {
  std::int64_t only_first_right = 0, only_second_right = 0;
  double p_value = 1;
};
McNemar mcnemar(std::int64_t only_first_right, std::int64_t only_second_right);

struct ComparedLevel {
  FigureValues first, second;
  FigureIntervals difference;  // of first - second; the bootstrap draws the same patients for both
  McNemar decisions;
};

struct ImageAndStudyComparison {
  ComparedLevel image, study;
};

struct Comparison {
  std::string other;  // the name of the second model
  ImageAndStudyComparison overall;
  std::map<std::string, ImageAndStudyComparison> parts;
};

// The decisions of one evaluation.
struct Decisions {
  std::vector<Prediction> predictions;
  double threshold = 0.5;
};

// Reads predictions.csv and the threshold in metrics.json from the folder of an evaluation. Throws
// Error naming the file and its line if they cannot be read.
Decisions read_decisions(const std::filesystem::path& folder);

// Throws Error naming an image that one of the two lacks, or that has another label, study, patient
// or part there. `other` is the name in Comparison.
Comparison compare(const Decisions& first, const Decisions& second, const std::string& other,
                   const BootstrapOptions& bootstrap);

}  // namespace osteon
