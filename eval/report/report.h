// report.html: an evaluation as a document to read, print and send. It is one file without scripts
// or external resources.
#pragma once

#include <filesystem>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "eval/report/robustness.h"
#include "eval/task.h"

namespace osteon {

// One point of the learning curves.
struct EpochRecord {
  std::int64_t epoch = 0;
  double train_loss = 0, val_loss = 0;
  std::optional<double> score;
};

// The validation lines of a run's log.jsonl, with the score under the key `score`; empty if there
// is no such file. Incomplete lines are left out.
std::vector<EpochRecord> read_epochs(const std::filesystem::path& log, const std::string& score);

// A radiograph shown in the report.
struct ReportImage {
  std::size_t position = 0;  // of its row in the predictions
  std::string path, part, label, decision;
  std::string detail;  // of the decision, for example "probability 0.913"
  bool is_right = false;
  std::int64_t explained_output = 0;  // of the model, by the heat map
  std::string radiograph, heat_map;   // JPEG files, drawn by draw_images()
};

struct Gallery {
  std::string heading, note;
  std::vector<ReportImage> images;
};

// A task's part of the report; texts are HTML.
struct TaskReport {
  std::string lead;      // the result in a sentence or two
  std::string headline;  // the main figures
  std::string details;   // sections on strengths, weaknesses and uncertainty
  std::string method;    // how to read the figures
  // Counted in the table of splits: names in its counts, and headings.
  std::vector<std::pair<std::string, std::string>> counted{};
  std::string heat_target;  // the class that a heat map shows evidence for
  Score score{};            // shown by epoch
  std::vector<Gallery> galleries;
};

struct Report {
  std::string title;              // of the document
  std::string warning;            // before everything else; empty: none
  Facts facts;                    // what was run: name and value
  nlohmann::ordered_json splits;  // as in config.json; null if unknown
  TaskReport task;
  RobustnessTable robustness{};
  std::vector<EpochRecord> epochs;
  std::string heat_layer;        // the layer of the heat maps
  nlohmann::ordered_json audit;  // as audit_data writes it; null: none
};

// The document. Undefined figures are a dash; text from file names is escaped.
std::string report_html(const Report& report);

}  // namespace osteon
