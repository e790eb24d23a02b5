// The files and the table of an evaluation: exact text, exact values read back, old files unchanged
// after a failure.
#include "eval/results.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <fstream>
#include <functional>
#include <iterator>
#include <nlohmann/json.hpp>
#include <sstream>
#include <string>

#include "base/csv_table.h"
#include "base/error.h"
#include "eval/evaluation.h"
#include "tests/support/message_of.h"
#include "tests/support/temporary_folder.h"
#include "tests/support/ten_studies.h"

namespace fs = std::filesystem;
using nlohmann::ordered_json;
using osteon::Prediction;

namespace {

std::string read(const fs::path& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

std::vector<std::string> keys(const ordered_json& json) {
  std::vector<std::string> names;
  for (const auto& item : json.items()) names.push_back(item.key());
  return names;
}

void check_json(const osteon::Metrics& metrics, const ordered_json& json) {
  CHECK(keys(json) == std::vector<std::string>{"n", "positives", "accuracy", "precision", "recall",
                                               "specificity", "f1", "auroc", "average_precision",
                                               "kappa", "brier", "ece", "confusion", "ci95"});
  CHECK(json["n"] == metrics.n);
  CHECK(json["positives"] == metrics.positives);
  for (const osteon::Figure& figure : osteon::kFigures) {
    CAPTURE(std::string(figure.name));
    const std::optional<double>& value = metrics.*figure.value;
    if (value) {
      CHECK(json[figure.name].get<double>() == *value);
    } else {
      CHECK(json[figure.name].is_null());
    }
  }
  const osteon::Confusion& confusion = metrics.confusion;
  CHECK(json["confusion"].dump() ==
        osteon::format("{\"tn\":", confusion.tn, ",\"fp\":", confusion.fp, ",\"fn\":", confusion.fn,
                       ",\"tp\":", confusion.tp, "}"));
  CHECK(json["ci95"].size() ==
        static_cast<std::size_t>(std::ranges::count_if(
            metrics.ci95, [](const auto& interval) { return interval.has_value(); })));
  for (std::size_t f = 0; f < osteon::kFigureCount; ++f)
    if (const auto& interval = metrics.ci95[f])
      CHECK(json["ci95"][osteon::kFigures[f].name] == ordered_json{interval->low, interval->high});
}

// Text that a CSV field, a JSON string or a file name may contain.
const std::string kAwkward[] = {"plain",          "with,comma", "with \"quotes\"",
                                "two\nlines",     "r\r\nn",     " spaces ",
                                "Röntgen/手.png", "",           "'=1+1"};

}  // namespace

TEST_CASE("metrics.json has every key in its place and the exact figures") {
  const osteon::TemporaryFolder folder;
  std::vector<Prediction> predictions = osteon::ten_studies();
  predictions.push_back({"h1/image1", "h1", "p9", "XR_HAND", 0, 1.0 / 3});
  predictions.push_back({"n1/image1", "n1", "p9", "", 0, 0.1});
  for (const double threshold : {0.5, 0.1 + 0.2}) {
    const osteon::Evaluation evaluation =
        osteon::evaluate(predictions, threshold, {.draws = threshold == 0.5 ? 200 : 0});
    CHECK(evaluation.overall.image.ci95[0].has_value() == (threshold == 0.5));
    osteon::write_metrics_json(folder.path() / "metrics.json", evaluation, 3);
    const auto json = ordered_json::parse(read(folder.path() / "metrics.json"));
    CHECK(keys(json) ==
          std::vector<std::string>{"threshold", "trained_on", "image", "study", "parts"});
    CHECK(json["threshold"].get<double>() == threshold);
    CHECK(json["trained_on"] == 3);
    check_json(evaluation.overall.image, json["image"]);
    check_json(evaluation.overall.study, json["study"]);
    CHECK(keys(json["parts"]) == std::vector<std::string>{"XR_ELBOW", "XR_HAND", "XR_WRIST"});
    for (const auto& [part, metrics] : evaluation.parts) {
      CHECK(keys(json["parts"][part]) == std::vector<std::string>{"image", "study"});
      check_json(metrics.image, json["parts"][part]["image"]);
      check_json(metrics.study, json["parts"][part]["study"]);
    }
    CHECK(json["parts"]["XR_HAND"]["image"]["auroc"].is_null());
  }
}

TEST_CASE("metrics.json of nothing, and of a part whose name is not UTF-8") {
  const osteon::TemporaryFolder folder;
  osteon::write_metrics_json(folder.path() / "metrics.json", osteon::evaluate({}, 0.5), {});
  auto json = ordered_json::parse(read(folder.path() / "metrics.json"));
  CHECK(json["trained_on"].is_null());
  CHECK(json["image"]["n"] == 0);
  CHECK(json["study"]["accuracy"].is_null());
  CHECK(json["parts"] == ordered_json::object());

  const Prediction latin1{"a.png",
                          "s",
                          "p",
                          "H\xfc"
                          "fte",
                          1,
                          0.5};
  osteon::write_metrics_json(folder.path() / "metrics.json", osteon::evaluate({latin1}, 0.5), {});
  json = ordered_json::parse(read(folder.path() / "metrics.json"));
  CHECK(keys(json["parts"]) == std::vector<std::string>{"H\\xfcfte"});
}

TEST_CASE("predictions.csv and studies.csv, byte for byte") {
  const osteon::TemporaryFolder folder;
  const std::vector<Prediction> predictions{
      {"b,1.png", "study \"1\"", "p1", "XR_HAND", 1, 0.1},
      {"a.png", "study \"1\"", "p1", "XR_HAND", 1, 0.5},
      {"c.png", "study2", "", "", 0, 1e-7},
  };
  osteon::write_predictions_csv(folder.path() / "predictions.csv", predictions);
  CHECK(read(folder.path() / "predictions.csv") ==
        "path,study,patient,part,label,probability\n"
        "\"b,1.png\",\"study \"\"1\"\"\",p1,XR_HAND,1,0.1\n"
        "a.png,\"study \"\"1\"\"\",p1,XR_HAND,1,0.5\n"
        "c.png,study2,,,0,1e-07\n");
  osteon::write_studies_csv(folder.path() / "studies.csv", osteon::aggregate_studies(predictions));
  CHECK(read(folder.path() / "studies.csv") ==
        "study,part,label,probability,views\n"
        "\"study \"\"1\"\"\",XR_HAND,1,0.3,2\n"
        "study2,,0,1e-07,1\n");
  osteon::write_predictions_csv(folder.path() / "predictions.csv", {});
  CHECK(read(folder.path() / "predictions.csv") == "path,study,patient,part,label,probability\n");
}

TEST_CASE("text and probabilities of predictions.csv read back as they were") {
  const osteon::TemporaryFolder folder;
  const double probabilities[] = {
      0.0, 1.0, 5e-324, 1.0 / 3, 0.1 + 0.2, std::nextafter(1.0, 0.0), std::nextafter(0.5, 1.0)};
  std::vector<Prediction> predictions;
  for (const std::string& text : kAwkward)
    for (const double probability : probabilities)
      predictions.push_back({text, text + "s", text + "p", text, 1, probability});
  osteon::write_predictions_csv(folder.path() / "predictions.csv", predictions);
  const std::vector<osteon::CsvRow> rows = osteon::read_csv(folder.path() / "predictions.csv");
  REQUIRE(rows.size() == predictions.size() + 1);
  for (std::size_t i = 0; i < predictions.size(); ++i) {
    const Prediction& image = predictions[i];
    const std::vector<std::string>& fields = rows[i + 1].fields;
    REQUIRE(fields.size() == 6);
    CHECK(std::vector<std::string>(fields.begin(), fields.end() - 1) ==
          std::vector<std::string>{image.path, image.study, image.patient, image.part, "1"});
    CHECK(std::strtod(fields[5].c_str(), nullptr) == image.probability);
  }
}

TEST_CASE("every writer replaces a file completely, or fails without changing it") {
  const osteon::TemporaryFolder folder;
  const auto predictions = osteon::ten_studies();
  struct Row {
    const char* name;
    std::function<void(const fs::path&)> write;
  };
  const Row rows[] = {
      {"metrics.json",
       [&](const fs::path& path) {
         osteon::write_metrics_json(path, osteon::evaluate(predictions, 0.5), {});
       }},
      {"predictions.csv",
       [&](const fs::path& path) { osteon::write_predictions_csv(path, predictions); }},
      {"studies.csv",
       [&](const fs::path& path) {
         osteon::write_studies_csv(path, osteon::aggregate_studies(predictions));
       }},
  };
  for (const Row& row : rows) {
    CAPTURE(std::string(row.name));
    const fs::path path = folder.path() / row.name, old = folder.path() / "old";
    std::ofstream(path) << "old";
    fs::create_hard_link(path, old);
    row.write(path);
    CHECK(read(path) != "old");
    CHECK(read(old) == "old");  // a file written in place would have changed under both names

    const fs::path below = old / row.name;  // a file in the place of the folder
    const std::string message = osteon::message_of([&] { row.write(below); });
    CHECK(message.find("cannot write " + below.string()) == 0);
    CHECK(read(old) == "old");
    fs::remove(old);
  }
  CHECK(std::distance(fs::directory_iterator(folder.path()), fs::directory_iterator()) == 3);
}

TEST_CASE("the table is aligned, with a dash where a figure is undefined") {
  std::vector<Prediction> predictions = osteon::ten_studies();
  predictions.push_back({"h1/image1", "h1", "p9", "Hüfte\n\x1b", 0, 0.25});
  std::ostringstream out;
  out << '\n';  // so that the first line of the text below is aligned with the others
  osteon::print_table(out, osteon::evaluate(predictions, 0.5));
  CHECK(out.str() == R"(
          per     n  positive  accuracy  precision  recall  specificity      F1   AUROC   kappa
all       image  15         6    0.7333     0.6667  0.6667       0.7778  0.6667  0.7870  0.4444
          study  11         4    0.7273     0.6000  0.7500       0.7143  0.6667  0.8036  0.4407
Hüfte??   image   1         0    1.0000          -       -       1.0000       -       -       -
          study   1         0    1.0000          -       -       1.0000       -       -       -
XR_ELBOW  image   5         1    0.8000     0.5000  1.0000       0.7500  0.6667  1.0000  0.5455
          study   4         1    0.7500     0.5000  1.0000       0.6667  0.6667  1.0000  0.5000
XR_WRIST  image   9         5    0.6667     0.7500  0.6000       0.7500  0.6667  0.7000  0.3415
          study   6         3    0.6667     0.6667  0.6667       0.6667  0.6667  0.6667  0.3333

confusion matrix; a prediction is positive if its probability is at least 0.5000
per    truth     predicted negative  predicted positive
image  negative                   7                   2
       positive                   2                   4
study  negative                   5                   2
       positive                   1                   3
)");
}

TEST_CASE("intervals and a comparison in the table") {
  std::ostringstream out;
  osteon::print_table(out, osteon::evaluate(osteon::ten_studies(), 0.5, {.draws = 200}));
  CHECK(out.str().find("95 % intervals") != std::string::npos);
  CHECK(out.str().find(" to ") != std::string::npos);
  const osteon::Decisions same{osteon::ten_studies(), 0.5};
  out.str("");
  osteon::print_comparison(out, osteon::compare(same, same, "other", {.draws = 200}));
  CHECK(out.str().find("0.0000 to 0.0000") != std::string::npos);
  CHECK(out.str().find(
            "McNemar per study: only this model right 0, only the other model right 0, p = "
            "1.0000") != std::string::npos);
}

TEST_CASE("a model is evaluated on its own classes, or on those that the user declares equal") {
  const auto task = osteon::make_task("binary", {"normal", "abnormal"});
  struct Row {
    std::vector<std::string> classes;
    bool positive_is_set;
    std::string message;
  };
  const Row rows[] = {{{"normal", "abnormal"}, false, ""},
                      {{"normal", "abnormal"}, true, ""},
                      {{"whole", "broken"}, false, "confirm it with --positive broken"},
                      {{"whole", "broken"}, true, ""},
                      {{"abnormal", "normal"}, false, "choose --positive abnormal"},
                      {{"abnormal", "normal"}, true, "choose --positive abnormal"}};
  for (const Row& row : rows) {
    CAPTURE(row.classes[1]);
    const std::string message =
        osteon::message_of([&] { task->check_classes(row.classes, row.positive_is_set); });
    CHECK((message.empty() == row.message.empty() && osteon::contains(message, row.message)));
  }
}
