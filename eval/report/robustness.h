// What a model achieves on data sets that it was not trained on, beside its own test images.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "eval/task.h"

namespace osteon {

struct RobustnessRow {
  std::string trained_on, evaluated_on;
  std::int64_t images = 0;
  std::vector<std::string> cells;  // HTML, as many as RobustnessTable::figures
};

struct RobustnessTable {
  std::vector<std::string> figures;  // names
  std::vector<RobustnessRow> rows;
};

// The table of an evaluation of `sets`, whose metrics.json is in `out`; `run` is the folder of the
// training run, whose own metrics.json becomes the first row if it is there. Empty if the model was
// trained on sets of all these names or on some of the images, or if its training sets are not
// known.
RobustnessTable robustness_of(const ModelInfo& info, const std::vector<std::string>& sets,
                              const TaskResult& result, const std::filesystem::path& run,
                              const std::filesystem::path& out);

// The section of the report; empty for an empty table.
std::string robustness_section(const RobustnessTable& table);

}  // namespace osteon
