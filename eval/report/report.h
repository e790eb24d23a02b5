// report.html: an evaluation as a document to read, print and send. One file, no scripts, nothing
// loaded from elsewhere.
#pragma once

#include <filesystem>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "eval/comparison.h"
#include "eval/predictions.h"

namespace osteon {

// A point of the learning curves.
struct EpochRecord {
  std::int64_t epoch = 0;
  double train_loss = 0, val_loss = 0;
  std::optional<double> auroc;
};

// The validation lines of a run's log.jsonl; empty where there is no such file. Lines that are not
// whole are left out.
std::vector<EpochRecord> read_epochs(const std::filesystem::path& log);

// A radiograph shown in the report.
struct ReportImage {
  Prediction prediction;
  std::string picture, heat_map;  // JPEG files
};

struct Report {
  std::string title;                                       // of the document
  std::vector<std::pair<std::string, std::string>> facts;  // what was run: name and value
  std::vector<std::string> classes;                        // {negative, positive}
  nlohmann::ordered_json splits;                           // as config.json has it; null if unknown
  std::vector<Prediction> predictions;
  Evaluation evaluation;
  std::int64_t draws = 0;  // of the bootstrap
  std::vector<EpochRecord> epochs;
  std::vector<ReportImage> mistakes, hits;
  std::string heat_layer;  // of the heat maps
  std::optional<Comparison> comparison;
  nlohmann::ordered_json audit;  // as audit_data writes it; null: none
};

// The document. Figures that are undefined are a dash; text from file names is escaped.
std::string report_html(const Report& report);

}  // namespace osteon
