// The files and the table of an evaluation of several labels.
#include <algorithm>
#include <ostream>

#include "base/file.h"
#include "base/json.h"
#include "base/text.h"
#include "data/manifest.h"
#include "eval/multilabel_task.h"
#include "eval/prediction_table.h"
#include "eval/results.h"
#include "eval/text_table.h"

namespace osteon {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;

constexpr const char *kLabel = "label_", *kProbability = "probability_";
constexpr std::size_t kMaxMetricsBytes = 100'000'000;

struct Column {
  const char* title;
  std::optional<double> Metrics::*figure;
};
constexpr Column kColumns[] = {
    {"AUROC", &Metrics::auroc},         {"avg. precision", &Metrics::average_precision},
    {"recall", &Metrics::recall},       {"specificity", &Metrics::specificity},
    {"precision", &Metrics::precision}, {"F1", &Metrics::f1},
    {"kappa", &Metrics::kappa}};

std::vector<const char*> binary_figures() {
  std::vector<const char*> names;
  for (const Figure& figure : kFigures) names.push_back(figure.name);
  return names;
}

Json to_json(const LabelMetrics& metrics, const MultilabelResult& result) {
  Json json{{"n", metrics.n}};
  add_figures(json, kMacroFigures, metrics.values, metrics.ci95);
  json["classes"] = Json::object();
  for (std::size_t k = 0; k < result.labels.size(); ++k) {
    const Metrics& label = metrics.labels[k];
    Json& of_label = json["classes"][result.labels[k]] = {
        {"n", label.n}, {"positives", label.positives}, {"threshold", result.thresholds[k]}};
    add_figures(of_label, binary_figures(), metrics.values, metrics.ci95, label_figure(k, 0));
    of_label["confusion"] = {{"tn", label.confusion.tn},
                             {"fp", label.confusion.fp},
                             {"fn", label.confusion.fn},
                             {"tp", label.confusion.tp}};
  }
  return json;
}

Json to_json(const ImageAndStudy<LabelMetrics>& metrics, const MultilabelResult& result) {
  return {{"image", to_json(metrics.image, result)}, {"study", to_json(metrics.study, result)}};
}

std::string text_of(std::int8_t label) { return label == kUnknown ? "" : std::to_string(label); }

void add_labels(TextRow& row, const auto& item) {
  for (const std::int8_t label : item.labels) row.push_back(text_of(label));
  for (const double probability : item.probabilities) row.push_back(exact_text(probability));
}

std::vector<std::string> label_columns(const std::vector<std::string>& labels) {
  std::vector<std::string> columns;
  for (const char* prefix : {kLabel, kProbability})
    for (const std::string& label : labels) columns.push_back(prefix + label);
  return columns;
}

std::string predictions_text(const MultilabelResult& result) {
  TextRow row{"path", "study", "patient", "part"};
  std::ranges::move(label_columns(result.labels), std::back_inserter(row));
  std::string text = csv_line(row);
  for (const LabelPrediction& image : result.predictions) {
    row = {image.path, image.study, image.patient, image.part};
    add_labels(row, image);
    text += csv_line(row);
  }
  return text;
}

std::string studies_text(const MultilabelResult& result) {
  TextRow row{"study", "part"};
  std::ranges::move(label_columns(result.labels), std::back_inserter(row));
  row.emplace_back("views");
  std::string text = csv_line(row);
  for (const LabelStudy& study : aggregate_label_studies(result.predictions, result.labels)) {
    row = {study.study, study.part};
    add_labels(row, study);
    row.push_back(std::to_string(study.views));
    text += csv_line(row);
  }
  return text;
}

// --- the table -----------------------------------------------------------------------------------

void add_rows(std::vector<TextRow>& rows, const std::string& name,
              const ImageAndStudy<LabelMetrics>& metrics) {
  for (const auto& [level, each] :
       {std::pair{"image", &metrics.image}, std::pair{"study", &metrics.study}}) {
    TextRow row{rows.back().front() == name ? "" : name, level, std::to_string(each->n)};
    for (std::size_t f = 0; f < kMacroFigures.size(); ++f)
      row.push_back(cell_text(each->values[f]));
    rows.push_back(row);
  }
}

void print_labels(std::ostream& out, const MultilabelResult& result) {
  std::vector<TextRow> rows{{"label, per study", "n", "positive", "threshold"}};
  for (const Column& column : kColumns) rows.front().push_back(column.title);
  for (std::size_t k = 0; k < result.labels.size(); ++k) {
    const Metrics& study = result.evaluation.overall.study.labels[k];
    TextRow row{printable(result.labels[k]), std::to_string(study.n),
                std::to_string(study.positives), cell_text(result.thresholds[k])};
    for (const Column& column : kColumns) row.push_back(cell_text(study.*column.figure));
    rows.push_back(row);
  }
  out << '\n';
  print_aligned(out, rows, 1);
}

}  // namespace

void MultilabelResult::write(const fs::path& folder) const {
  write_file_atomically(folder / "predictions.csv", predictions_text(*this));
  write_file_atomically(folder / "studies.csv", studies_text(*this));
  Json json{{"task", "multilabel"},
            {"classes", labels},
            {"trained_on", trained_on ? Json(*trained_on) : Json()}};
  json.update(to_json(evaluation.overall, *this));
  add_groups(json, evaluation, [&](const auto& metrics) { return to_json(metrics, *this); });
  write_json(folder / "metrics.json", json);
}

void MultilabelResult::print(std::ostream& out) const {
  std::vector<TextRow> rows{{"", "per", "n", "macro AUROC", "macro average precision"}};
  add_rows(rows, "all", evaluation.overall);
  for (const auto* groups : {&evaluation.parts, &evaluation.sets})
    for (const auto& [name, metrics] : *groups) add_rows(rows, printable(name), metrics);
  print_aligned(out, rows, 2);
  const auto& [image, study] = evaluation.overall;
  print_intervals(out, kMacroFigures, image.values, image.ci95, study.values, study.ci95);
  print_labels(out, *this);
  print_trained_on(out, trained_on, predictions.size());
  if (comparison) print_comparison(out, *comparison);
}

std::vector<LabelPrediction> read_label_predictions(const fs::path& file,
                                                    const std::vector<std::string>& names) {
  const PredictionTable table(file);
  std::vector<std::size_t> labels, probabilities;
  for (const std::string& name : names) {
    labels.push_back(table.require(kLabel + name));
    probabilities.push_back(table.require(kProbability + name));
  }
  std::vector<LabelPrediction> predictions;
  for (const CsvRow& row : table.rows()) {
    LabelPrediction prediction{table.origin(row), {}, {}};
    for (const std::size_t column : labels) {
      const std::string& field = row.fields[column];
      OSTEON_CHECK(field.empty() || field == "0" || field == "1", table.place(row), "label \"",
                   field, "\" is not 0, 1 or empty");
      prediction.labels.push_back(field.empty() ? kUnknown : field == "1" ? 1 : 0);
    }
    for (const std::size_t column : probabilities)
      prediction.probabilities.push_back(table.number<double>(row, column));
    predictions.push_back(std::move(prediction));
  }
  return predictions;
}

std::vector<double> read_label_thresholds(const fs::path& file,
                                          const std::vector<std::string>& names) {
  const Json json = read_json(file, kMaxMetricsBytes);
  std::vector<double> thresholds;
  try {
    for (const std::string& name : names)
      thresholds.push_back(json.at("image").at("classes").at(name).at("threshold").get<double>());
  } catch (const nlohmann::json::exception&) {
    throw Error(format(file.string(), ": not the metrics.json of an evaluation of the labels ",
                       join(names)));
  }
  return thresholds;
}

}  // namespace osteon
