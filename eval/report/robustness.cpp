// The figures come from metrics.json, so that those of the run and of this evaluation are read in
// one way for every task.
#include "eval/report/robustness.h"

#include <algorithm>

#include "base/json.h"
#include "base/text.h"
#include "eval/report/sections.h"

namespace osteon {
namespace {

namespace fs = std::filesystem;
using json = nlohmann::ordered_json;

constexpr std::size_t kMaxMetricsBytes = 100'000'000, kShown = 4;

std::string cell(const json& metrics, const std::string& figure) {
  std::optional<double> value;
  std::optional<Interval> interval;
  if (metrics.value(figure, json()).is_number()) value = metrics[figure];
  if (const json& low_high = metrics.value("ci95", json()).value(figure, json());
      low_high.is_array() && low_high.size() == 2)
    interval = Interval{low_high[0], low_high[1]};
  return report::figure_cell(value, interval);
}

// The row of {"image": M, ...}.
RobustnessRow row_of(const json& levels, const std::vector<std::string>& figures,
                     const std::string& trained_on, const std::string& evaluated_on) {
  const json& metrics = levels.at("image");
  RobustnessRow row{trained_on, evaluated_on, metrics.at("n"), {}};
  for (const std::string& figure : figures) row.cells.push_back(cell(metrics, figure));
  return row;
}

}  // namespace

RobustnessTable robustness_of(const ModelInfo& info, const std::vector<std::string>& sets,
                              const TaskResult& result, const fs::path& run, const fs::path& out) {
  const auto is_known = [&](const std::string& set) {
    return std::ranges::find(info.data_names, set) != info.data_names.end();
  };
  if (info.data_names.empty() || std::ranges::all_of(sets, is_known) ||
      result.trained_on.value_or(0) > 0)
    return {};
  RobustnessTable table;
  const json metrics = read_json(out / "metrics.json", kMaxMetricsBytes);
  for (const NamedFigure& figure : result.figures())
    if (metrics["image"].contains(figure.first) && table.figures.size() < kShown)
      table.figures.push_back(figure.first);
  const std::string trained_on = join(info.data_names);
  std::error_code ignored;
  if (const fs::path own = run / "metrics.json";
      fs::is_regular_file(own) && !fs::equivalent(run, out, ignored))
    table.rows.push_back(row_of(read_json(own, kMaxMetricsBytes), table.figures, trained_on,
                                trained_on + ", its test images"));
  if (!metrics.contains("sets"))
    table.rows.push_back(row_of(metrics, table.figures, trained_on, join(sets)));
  else
    for (const auto& [set, levels] : metrics["sets"].items())
      table.rows.push_back(
          row_of(levels, table.figures, trained_on, set + (is_known(set) ? ", other images" : "")));
  return table;
}

std::string robustness_section(const RobustnessTable& robustness) {
  if (robustness.rows.empty()) return "";
  std::vector<std::string> columns{"Evaluated on", "Trained on", "Images"};
  for (const std::string& figure : robustness.figures) columns.push_back(figure);
  report::Table table("Per image, with 95 % intervals.", columns);
  for (const RobustnessRow& row : robustness.rows) {
    std::vector<std::string> cells{report::escape(row.trained_on), std::to_string(row.images)};
    cells.insert(cells.end(), row.cells.begin(), row.cells.end());
    table.row(row.evaluated_on, cells);
  }
  return "<h2>Robustness</h2><p>The same model on images of other data sets. What it "
         "loses there is what it learnt about one source of images instead of the bones.</p>" +
         table.html();
}

}  // namespace osteon
