// The files and the table of an evaluation of several classes.
#include <algorithm>
#include <ostream>

#include "base/file.h"
#include "base/json.h"
#include "base/text.h"
#include "eval/class_task.h"
#include "eval/prediction_table.h"
#include "eval/results.h"
#include "eval/text_table.h"

namespace osteon {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;

constexpr const char* kProbability = "probability_";

std::string text_of(std::int64_t count) { return std::to_string(count); }

Json to_json(const ClassMetrics& metrics, const ClassResult& result) {
  const std::vector<std::string>& classes = result.classes;
  Json json{{"n", metrics.n}};
  add_figures(json, result.figure_names(), metrics.values, metrics.ci95);
  json["classes"] = Json::object();
  json["confusion_matrix"] = Json::array();
  for (std::size_t k = 0; k < classes.size(); ++k) {
    Json& of_class = json["classes"][classes[k]] = {{"support", metrics.support(k)}};
    add_figures(of_class, kClassFigures, metrics.values, metrics.ci95,
                class_figure(k, kClassFigures[0]));
    Json row = Json::array();
    for (std::size_t decision = 0; decision < classes.size(); ++decision)
      row.push_back(metrics.count(k, decision));
    json["confusion_matrix"].push_back(row);
  }
  return json;
}

Json to_json(const ImageAndStudy<ClassMetrics>& metrics, const ClassResult& result) {
  return {{"image", to_json(metrics.image, result)}, {"study", to_json(metrics.study, result)}};
}

std::vector<std::string> probability_texts(const std::vector<double>& probabilities) {
  std::vector<std::string> texts;
  for (const double probability : probabilities) texts.push_back(exact_text(probability));
  return texts;
}

std::string predictions_text(const ClassResult& result,
                             const std::vector<std::string>& probabilities) {
  TextRow row{"path", "study", "patient", "part", "label", "predicted"};
  row.insert(row.end(), probabilities.begin(), probabilities.end());
  std::string text = csv_line(row);
  for (const ClassPrediction& image : result.predictions) {
    row = {image.path,
           image.study,
           image.patient,
           image.part,
           result.classes[image.label],
           result.classes[most_probable(image.probabilities)]};
    std::ranges::move(probability_texts(image.probabilities), std::back_inserter(row));
    text += csv_line(row);
  }
  return text;
}

std::string studies_text(const ClassResult& result, const std::vector<std::string>& probabilities) {
  TextRow row{"study", "part", "label", "predicted"};
  row.insert(row.end(), probabilities.begin(), probabilities.end());
  row.emplace_back("views");
  std::string text = csv_line(row);
  for (const ClassStudy& study : aggregate_class_studies(result.predictions, result.classes)) {
    row = {study.study, study.part, result.classes[study.label],
           result.classes[most_probable(study.probabilities)]};
    std::ranges::move(probability_texts(study.probabilities), std::back_inserter(row));
    row.push_back(text_of(study.views));
    text += csv_line(row);
  }
  return text;
}

// --- the table -----------------------------------------------------------------------------------

void add_rows(std::vector<TextRow>& rows, const std::string& name,
              const ImageAndStudy<ClassMetrics>& metrics, std::size_t figures) {
  for (const auto& [level, each] :
       {std::pair{"image", &metrics.image}, std::pair{"study", &metrics.study}}) {
    TextRow row{rows.back().front() == name ? "" : name, level, text_of(each->n)};
    for (std::size_t f = 0; f < figures; ++f) row.push_back(cell_text(each->values[f]));
    rows.push_back(row);
  }
}

void print_classes(std::ostream& out, const ClassMetrics& study,
                   const std::vector<std::string>& classes) {
  std::vector<TextRow> rows{{"class, per study", "n"}};
  rows.front().insert(rows.front().end(), kClassFigures.begin(), kClassFigures.end());
  for (std::size_t k = 0; k < classes.size(); ++k) {
    TextRow row{printable(classes[k]), text_of(study.support(k))};
    for (const char* name : kClassFigures)
      row.push_back(cell_text(study.values[class_figure(k, name)]));
    rows.push_back(row);
  }
  out << '\n';
  print_aligned(out, rows, 1);
}

void print_matrix(std::ostream& out, const char* level, const ClassMetrics& metrics,
                  const std::vector<std::string>& classes) {
  std::vector<TextRow> rows{{std::string("per ") + level + ", truth"}};
  for (const std::string& name : classes) rows.front().push_back("predicted " + printable(name));
  for (std::size_t k = 0; k < classes.size(); ++k) {
    TextRow row{printable(classes[k])};
    for (std::size_t decision = 0; decision < classes.size(); ++decision)
      row.push_back(text_of(metrics.count(k, decision)));
    rows.push_back(row);
  }
  print_aligned(out, rows, 1);
}

}  // namespace

void ClassResult::write(const fs::path& folder) const {
  std::vector<std::string> probabilities;
  for (const std::string& name : classes) probabilities.push_back(kProbability + name);
  write_file_atomically(folder / "predictions.csv", predictions_text(*this, probabilities));
  write_file_atomically(folder / "studies.csv", studies_text(*this, probabilities));
  Json json{{"task", task},
            {"classes", classes},
            {"trained_on", trained_on ? Json(*trained_on) : Json()}};
  json.update(to_json(evaluation.overall, *this));
  add_groups(json, evaluation, [&](const auto& metrics) { return to_json(metrics, *this); });
  write_json(folder / "metrics.json", json);
}

void ClassResult::print(std::ostream& out) const {
  std::vector<TextRow> rows{{"", "per", "n"}};
  const std::span<const char* const> names = figure_names();
  rows.front().insert(rows.front().end(), names.begin(), names.end());
  add_rows(rows, "all", evaluation.overall, names.size());
  for (const auto* groups : {&evaluation.parts, &evaluation.sets})
    for (const auto& [name, metrics] : *groups)
      add_rows(rows, printable(name), metrics, names.size());
  print_aligned(out, rows, 2);
  const auto& [image, study] = evaluation.overall;
  print_intervals(out, names, image.values, image.ci95, study.values, study.ci95);
  print_classes(out, evaluation.overall.study, classes);
  out << "\nconfusion matrices; the prediction is the most probable class\n";
  print_matrix(out, "image", evaluation.overall.image, classes);
  print_matrix(out, "study", evaluation.overall.study, classes);
  print_trained_on(out, trained_on, predictions.size());
  if (comparison) print_comparison(out, *comparison);
}

std::vector<ClassPrediction> read_class_predictions(const fs::path& file,
                                                    const std::vector<std::string>& classes) {
  const PredictionTable table(file);
  const std::size_t label = table.require("label");
  std::vector<std::size_t> columns;
  for (const std::string& name : classes) columns.push_back(table.require(kProbability + name));
  std::vector<ClassPrediction> predictions;
  for (const CsvRow& row : table.rows()) {
    const auto found = std::ranges::find(classes, row.fields[label]);
    OSTEON_CHECK(found != classes.end(), table.place(row), "label \"", row.fields[label],
                 "\" is none of the model's classes ", join(classes));
    ClassPrediction prediction{
        table.origin(row), static_cast<std::size_t>(found - classes.begin()), {}};
    for (const std::size_t column : columns)
      prediction.probabilities.push_back(table.number<double>(row, column));
    predictions.push_back(std::move(prediction));
  }
  return predictions;
}

}  // namespace osteon
