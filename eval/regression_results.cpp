// The files and the table of an evaluation of predicted numbers.
#include <ostream>

#include "base/file.h"
#include "base/json.h"
#include "base/text.h"
#include "eval/prediction_table.h"
#include "eval/regression_task.h"
#include "eval/results.h"
#include "eval/text_table.h"

namespace osteon {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;

Json to_json(const NumberMetrics& metrics) {
  Json json{{"n", metrics.n}};
  add_figures(json, kNumberFigures, metrics.values, metrics.ci95);
  return json;
}

Json to_json(const ImageAndStudy<NumberMetrics>& metrics) {
  return {{"image", to_json(metrics.image)}, {"study", to_json(metrics.study)}};
}

void add_rows(std::vector<TextRow>& rows, const std::string& name,
              const ImageAndStudy<NumberMetrics>& metrics) {
  for (const auto& [level, each] :
       {std::pair{"image", &metrics.image}, std::pair{"study", &metrics.study}}) {
    TextRow row{rows.back().front() == name ? "" : name, level, std::to_string(each->n)};
    for (const auto& value : each->values) row.push_back(cell_text(value));
    rows.push_back(row);
  }
}

}  // namespace

void RegressionResult::write(const fs::path& folder) const {
  std::string text = csv_line({"path", "study", "patient", "part", "label", "predicted"});
  for (const NumberPrediction& image : predictions)
    text += csv_line({image.path, image.study, image.patient, image.part, exact_text(image.label),
                      exact_text(image.predicted)});
  write_file_atomically(folder / "predictions.csv", text);
  text = csv_line({"study", "part", "label", "predicted", "views"});
  for (const NumberStudy& study : aggregate_number_studies(predictions))
    text += csv_line({study.study, study.part, exact_text(study.label), exact_text(study.predicted),
                      std::to_string(study.views)});
  write_file_atomically(folder / "studies.csv", text);
  Json json{{"task", "regression"},
            {"number", number},
            {"trained_on", trained_on ? Json(*trained_on) : Json()}};
  json.update(to_json(evaluation.overall));
  add_groups(json, evaluation, [](const auto& metrics) { return to_json(metrics); });
  write_json(folder / "metrics.json", json);
}

void RegressionResult::print(std::ostream& out) const {
  std::vector<TextRow> rows{{printable(number), "per", "n"}};
  rows.front().insert(rows.front().end(), kNumberFigures.begin(), kNumberFigures.end());
  add_rows(rows, "all", evaluation.overall);
  for (const auto* groups : {&evaluation.parts, &evaluation.sets})
    for (const auto& [name, metrics] : *groups) add_rows(rows, printable(name), metrics);
  print_aligned(out, rows, 2);
  const auto& [image, study] = evaluation.overall;
  print_intervals(out, kNumberFigures, image.values, image.ci95, study.values, study.ci95);
  print_trained_on(out, trained_on, predictions.size());
  if (comparison) print_comparison(out, *comparison);
}

std::vector<NumberPrediction> read_number_predictions(const fs::path& file) {
  const PredictionTable table(file);
  const std::size_t label = table.require("label"), predicted = table.require("predicted");
  std::vector<NumberPrediction> predictions;
  for (const CsvRow& row : table.rows())
    predictions.push_back({table.origin(row), table.number<double>(row, label),
                           table.number<double>(row, predicted)});
  return predictions;
}

}  // namespace osteon
