// Opens predictions.csv.
#include "eval/prediction_table.h"

#include "base/error.h"

namespace osteon {
namespace {

const std::filesystem::path& existing(const std::filesystem::path& file) {
  OSTEON_CHECK(std::filesystem::is_regular_file(file), file.parent_path().string(),
               ": contains no predictions.csv; give the folder of an evaluation (eval_mura --out)");
  return file;
}

}  // namespace

PredictionTable::PredictionTable(const std::filesystem::path& file)
    : CsvTable(existing(file)),
      path_(require("path")),
      study_(require("study")),
      patient_(require("patient")),
      part_(require("part")) {}

}  // namespace osteon
