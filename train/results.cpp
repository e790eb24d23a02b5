// The files of an evaluation.
#include "train/results.h"

#include <charconv>
#include <nlohmann/json.hpp>
#include <string>

#include "data/csv_table.h"
#include "tensor/file.h"

namespace osteon {
namespace {

using Json = nlohmann::ordered_json;

Json to_json(const Metrics& metrics) {
  Json json{{"n", metrics.n}, {"positives", metrics.positives}};
  for (const Figure& figure : kFigures) {
    const std::optional<double>& value = metrics.*figure.value;
    json[figure.name] = value ? Json(*value) : Json();
  }
  const Confusion& confusion = metrics.confusion;
  json["confusion"] = {
      {"tn", confusion.tn}, {"fp", confusion.fp}, {"fn", confusion.fn}, {"tp", confusion.tp}};
  json["ci95"] = Json::object();
  return json;
}

Json to_json(const ImageAndStudyMetrics& metrics) {
  return {{"image", to_json(metrics.image)}, {"study", to_json(metrics.study)}};
}

// The shortest text that reads back as the same double, whatever the locale.
std::string exact(double value) {
  char text[32];
  return {text, std::to_chars(text, text + sizeof text, value).ptr};
}

}  // namespace

void write_metrics_json(const std::filesystem::path& path, const Evaluation& evaluation) {
  Json json{{"threshold", evaluation.threshold}};
  json.update(to_json(evaluation.overall));
  json["parts"] = Json::object();
  for (const auto& [part, metrics] : evaluation.parts) json["parts"][part] = to_json(metrics);
  // A part's name may come from a file in another encoding; JSON has to be UTF-8.
  write_file_atomically(path, json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n");
}

void write_predictions_csv(const std::filesystem::path& path,
                           const std::vector<Prediction>& predictions) {
  std::string text = csv_line({"path", "study", "patient", "part", "label", "probability"});
  for (const Prediction& image : predictions)
    text += csv_line({image.path, image.study, image.patient, image.part,
                      std::to_string(image.label), exact(image.probability)});
  write_file_atomically(path, text);
}

void write_studies_csv(const std::filesystem::path& path, const std::vector<Study>& studies) {
  std::string text = csv_line({"study", "part", "label", "probability", "views"});
  for (const Study& study : studies)
    text += csv_line({study.study, study.part, std::to_string(study.label),
                      exact(study.probability), std::to_string(study.views)});
  write_file_atomically(path, text);
}

}  // namespace osteon
