// predictions.csv of an evaluation: what the files of all tasks have in common.
#pragma once

#include <filesystem>

#include "base/csv_table.h"
#include "eval/study_groups.h"

namespace osteon {

class PredictionTable : public CsvTable {
 public:
  // Throws Error naming the folder if it contains no such file, and naming the file if it has not
  // the columns path, study, patient and part.
  explicit PredictionTable(const std::filesystem::path& file);

  ImageOrigin origin(const CsvRow& row) const {
    return {row.fields[path_], row.fields[study_], row.fields[patient_], row.fields[part_]};
  }

 private:
  std::size_t path_, study_, patient_, part_;
};

}  // namespace osteon
