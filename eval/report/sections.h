// The sections of report.html that show figures; binary.cpp and report.cpp put them together.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "eval/binary_task.h"
#include "eval/report/report.h"

namespace osteon::report {

// 0.878, or a dash.
std::string figure_text(const std::optional<double>& value);
// 0.878 (0.842 to 0.910), without the interval if there is none.
std::string with_interval(const Metrics& metrics, std::optional<double> Metrics::*figure);
// 95 % interval 0.842 to 0.910, or the reason why there is none.
std::string interval_sentence(const Metrics& metrics, std::optional<double> Metrics::*figure);

// A table whose first column names the rows; on a narrow page each row becomes a block.
class Table {
 public:
  // Caption and columns are text; the first column contains the names of the rows.
  Table(const std::string& caption, const std::vector<std::string>& columns);
  // The name is text, the cells are HTML; `style` is a class of the row.
  void row(const std::string& name, const std::vector<std::string>& cells,
           const std::string& style = "");
  std::string html() const;

 private:
  std::vector<std::string> columns_;
  std::string html_;
};

std::string figures_section(const BinaryResult& result);
std::string parts_section(const BinaryResult& result);
std::string curves_section(const BinaryResult& result);
std::string calibration_section(const BinaryResult& result);
std::string distribution_section(const BinaryResult& result);
std::string confusion_section(const BinaryResult& result);
std::string comparison_section(const BinaryResult& result);
std::string audit_section(const Report& report);

}  // namespace osteon::report
