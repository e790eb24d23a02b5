// What an evaluation leaves behind: metrics.json, predictions.csv and studies.csv in the run's
// folder, and a table on the terminal. Files are written atomically (tensor/file.h): an Error that
// names the file leaves an old one as it was.
#pragma once

#include <filesystem>
#include <iosfwd>
#include <vector>

#include "train/predictions.h"

namespace osteon {

// {"threshold", "image": M, "study": M, "parts": {PART: {"image": M, "study": M}}} where M holds n,
// positives, every figure of kFigures (null where undefined), "confusion": {tn, fp, fn, tp} and
// "ci95". Numbers read back as the same doubles.
void write_metrics_json(const std::filesystem::path& path, const Evaluation& evaluation);

// path,study,patient,part,label,probability: a row an image, in the order given. Probabilities read
// back as the same doubles.
void write_predictions_csv(const std::filesystem::path& path,
                           const std::vector<Prediction>& predictions);

// study,part,label,probability,views: a row a study, in the order given.
void write_studies_csv(const std::filesystem::path& path, const std::vector<Study>& studies);

// A row for all images, all studies, and those of each part, `-` where a figure is undefined; below
// it the two confusion matrices.
void print_table(std::ostream& out, const Evaluation& evaluation);

}  // namespace osteon
