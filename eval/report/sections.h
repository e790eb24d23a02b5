// The sections of report.html that show figures; the tasks and report.cpp put them together.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "eval/binary_task.h"
#include "eval/report/chart.h"
#include "eval/report/images.h"
#include "eval/report/report.h"

namespace osteon::report {

// 0.878, or a dash.
std::string figure_text(const std::optional<double>& value);
// 0.878 (0.842 to 0.910), without the interval if there is none.
std::string with_interval(const Metrics& metrics, std::optional<double> Metrics::*figure);

// 0.878 and, below it, its interval.
std::string figure_cell(const std::optional<double>& value,
                        const std::optional<Interval>& interval);

// " (0.842 to 0.910)", empty without an interval.
std::string range_text(const std::optional<Interval>& interval);
// 95 % interval 0.842 to 0.910, or that there is none.
std::string interval_sentence(const std::optional<Interval>& interval);
// What intervals mean; empty without a bootstrap.
std::string bootstrap_sentence(const BootstrapOptions& bootstrap);

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

// A diagram with its caption in HTML.
std::string figure(const std::string& svg, const std::string& caption);
// The outcomes of all images or all studies, drawn in this style; with a mark where they were
// decided, if `decided` is not null.
struct Curve {
  const char* style;
  std::vector<Outcome> outcomes;
  const Metrics* decided = nullptr;
};
// Of both labels in each curve; `of` is the name of a class, or empty. Chance is that of the last
// curve.
Chart roc_chart(const std::vector<Curve>& curves, const std::string& of = "");
Chart precision_recall_chart(const std::vector<Curve>& curves, const std::string& of = "");
// The share of label 1 by probability; `note` is HTML.
std::string calibration_figure(const std::string& level, const std::string& style,
                               std::span<const Outcome> outcomes, const std::string& share_label,
                               const std::string& note);

// The first column of a table of groups, and its heading.
inline constexpr const char *kBodyPart = "Body part", *kDataSet = "Data set";
std::string group_heading(const std::string& what);

// A large figure with its name, and several of them.
std::string tile(const std::string& name, const std::optional<double>& value,
                 const std::optional<Interval>& interval);
std::string tiles(const std::string& html);

// TaskReport::counted of classes or labels.
std::vector<std::pair<std::string, std::string>> counted_classes_of(
    const std::vector<std::string>& names);

// One cell of a confusion matrix.
std::string count_cell(std::int64_t count, std::int64_t of);

// The difference from another evaluation, empty without one; `shown` are the names of figures and
// their places in the comparison.
using ShownFigures = std::vector<std::pair<std::string, std::size_t>>;
std::string comparison_section(const std::optional<Comparison>& comparison,
                               const ShownFigures& shown);

// --- of two classes ------------------------------------------------------------------------------

std::string figures_section(const BinaryResult& result);
std::string parts_section(const BinaryResult& result);
std::string sets_section(const BinaryResult& result);
std::string curves_section(const BinaryResult& result);
std::string calibration_section(const BinaryResult& result);
std::string distribution_section(const BinaryResult& result);
std::string confusion_section(const BinaryResult& result);
ShownFigures shown_figures();
// Their confidence is the distance of the probability from the threshold, divided by the largest
// possible one on that side (threshold, or 1 - threshold).
std::vector<ShownDecision> decisions_of(const BinaryResult& result);

// --- of all tasks --------------------------------------------------------------------------------

std::string audit_section(const Report& report);

}  // namespace osteon::report
