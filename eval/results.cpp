// Writes the files of an evaluation.
#include "eval/results.h"

#include <nlohmann/json.hpp>
#include <string>

#include "base/csv_table.h"
#include "base/file.h"
#include "base/json.h"
#include "base/text.h"

namespace osteon {
namespace {

using Json = nlohmann::ordered_json;

Json to_json(const Metrics& metrics) {
  Json json{{"n", metrics.n}, {"positives", metrics.positives}};
  for (const Figure& figure : kFigures) json[figure.name] = json_of(metrics.*figure.value);
  const Confusion& confusion = metrics.confusion;
  json["confusion"] = {
      {"tn", confusion.tn}, {"fp", confusion.fp}, {"fn", confusion.fn}, {"tp", confusion.tp}};
  json["ci95"] = Json::object();
  for (std::size_t f = 0; f < kFigureCount; ++f)
    if (const auto& interval = metrics.ci95[f]) json["ci95"][kFigures[f].name] = json_of(interval);
  return json;
}

Json to_json(const ImageAndStudy<Metrics>& metrics) {
  return {{"image", to_json(metrics.image)}, {"study", to_json(metrics.study)}};
}

Json to_json(const ComparedLevel& level, const std::vector<std::string>& figures) {
  Json json;
  const FigureValues difference = difference_of(level.first, level.second);
  for (std::size_t f = 0; f < figures.size(); ++f)
    json[figures[f]] = {{"first", json_of(level.first[f])},
                        {"second", json_of(level.second[f])},
                        {"difference", json_of(difference[f])},
                        {"ci95", json_of(level.difference[f])}};
  if (level.decisions)
    json["mcnemar"] = {{"only_first_right", level.decisions->only_first_right},
                       {"only_second_right", level.decisions->only_second_right},
                       {"p_value", level.decisions->p_value}};
  return json;
}

Json to_json(const ImageAndStudyComparison& comparison, const std::vector<std::string>& figures) {
  return {{"image", to_json(comparison.image, figures)},
          {"study", to_json(comparison.study, figures)}};
}

}  // namespace

Json json_of(const std::optional<double>& value) { return value ? Json(*value) : Json(); }

Json json_of(const std::optional<Interval>& interval) {
  return interval ? Json{interval->low, interval->high} : Json();
}

void add_figures(Json& json, std::span<const char* const> names, const FigureValues& values,
                 const FigureIntervals& ci95, std::size_t first) {
  Json intervals = Json::object();
  for (std::size_t f = 0; f < names.size(); ++f) {
    json[names[f]] = json_of(values[first + f]);
    if (const auto& interval = ci95[first + f]) intervals[names[f]] = json_of(interval);
  }
  json["ci95"] = intervals;
}

void write_metrics_json(const std::filesystem::path& path, const Evaluation& evaluation,
                        std::optional<std::int64_t> trained_on) {
  Json json{{"threshold", evaluation.threshold},
            {"trained_on", trained_on ? Json(*trained_on) : Json()}};
  json.update(to_json(evaluation.overall));
  add_groups(json, evaluation, [](const auto& metrics) { return to_json(metrics); });
  write_json(path, json);
}

void write_comparison_json(const std::filesystem::path& path, const Comparison& comparison) {
  Json json{{"other", comparison.other}};
  json.update(to_json(comparison.overall, comparison.figures));
  json["parts"] = Json::object();
  for (const auto& [part, compared] : comparison.parts)
    json["parts"][part] = to_json(compared, comparison.figures);
  write_json(path, json);
}

void write_predictions_csv(const std::filesystem::path& path,
                           const std::vector<Prediction>& predictions) {
  std::string text = csv_line({"path", "study", "patient", "part", "label", "probability"});
  for (const Prediction& image : predictions)
    text += csv_line({image.path, image.study, image.patient, image.part,
                      std::to_string(image.label), exact_text(image.probability)});
  write_file_atomically(path, text);
}

void write_studies_csv(const std::filesystem::path& path, const std::vector<Study>& studies) {
  std::string text = csv_line({"study", "part", "label", "probability", "views"});
  for (const Study& study : studies)
    text += csv_line({study.study, study.part, std::to_string(study.label),
                      exact_text(study.probability), std::to_string(study.views)});
  write_file_atomically(path, text);
}

}  // namespace osteon
