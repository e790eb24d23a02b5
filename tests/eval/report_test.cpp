// The report: every section, undefined figures, escaped text, and one file without external
// resources. scripts/check_report.py checks it in a browser.
#include "eval/report/report.h"

#include <doctest/doctest.h>

#include <algorithm>

#include "data/image/image.h"
#include "eval/binary_task.h"
#include "eval/report/chart.h"
#include "eval/report/images.h"
#include "eval/report/sections.h"
#include "tests/support/message_of.h"
#include "tests/support/temporary_folder.h"
#include "tests/support/ten_studies.h"

using namespace osteon;

namespace {

BinaryResult result_of(std::vector<Prediction> predictions) {
  BinaryResult result;
  result.classes = {"normal", "abnormal"};
  result.predictions = std::move(predictions);
  result.bootstrap = {.draws = 200};
  result.evaluation = evaluate(result.predictions, 0.5, result.bootstrap);
  return result;
}

Report example(const BinaryResult& result) {
  Report report;
  report.title = "a model on <data> & more";
  report.facts = {{"Data", "\"quoted\" <b>"}};
  report.splits = {{"train", {{"images", 4}, {"abnormal", 2}, {"studies", 3}, {"patients", 3}}}};
  report.task = result.report(0);
  report.epochs = {{1, 0.7, 0.69, 0.55}, {2, 0.6, 0.62, 0.7}};
  const std::string jpeg = encode_jpeg({2, 2, std::vector<std::uint8_t>(12, 90)}, 80);
  for (Gallery& gallery : report.task.galleries)
    gallery.images = {{.position = 0,
                       .path = "p/<script>alert(1)</script>.png",
                       .part = "XR_HAND",
                       .label = "normal",
                       .decision = "abnormal",
                       .detail = "probability 0.900",
                       .is_right = false,
                       .radiograph = jpeg,
                       .heat_map = jpeg}};
  report.heat_layer = "layer4";
  return report;
}

std::size_t count(const std::string& text, const std::string& part) {
  std::size_t n = 0;
  for (std::size_t at = 0; (at = text.find(part, at)) != std::string::npos; at += part.size()) ++n;
  return n;
}

// Whether every opened element is closed, in order.
std::string first_unbalanced(const std::string& html) {
  const std::vector<std::string> empty{"meta", "br", "img", "wbr", "!DOCTYPE"};
  std::vector<std::string> open;
  const std::size_t start = html.find("</style>");  // a style sheet has no elements
  for (std::size_t at = start + 8; (at = html.find('<', at)) != std::string::npos; ++at) {
    const std::size_t end = html.find('>', at);
    const std::string tag = html.substr(at + 1, end - at - 1);
    const std::string name = tag.substr(0, tag.find_first_of(" /", 1));
    if (tag.back() == '/' || std::ranges::find(empty, name) != empty.end()) continue;
    if (tag[0] != '/') {
      open.push_back(name);
    } else if (!open.empty() && open.back() == tag.substr(1)) {
      open.pop_back();
    } else if (tag != "/head" && tag != "/body" && tag != "/html") {
      return tag;
    }
  }
  return open == std::vector<std::string>{"body"} || open.empty() ? "" : open.back();
}

}  // namespace

TEST_CASE("every section is there, balanced, escaped, and loads nothing") {
  BinaryResult result = result_of(ten_studies());
  const Decisions decisions{ten_studies(), 0.5};
  result.comparison = compare(decisions, decisions, "runs/<other>", {.draws = 100});
  const std::string html = report_html(example(result));
  for (const char* heading : {"Figures", "What was run", "By body part", "Operating curves",
                              "Calibration", "Distribution of probabilities", "Confusion matrices",
                              "Comparison", "Learning curves", "The most confident mistakes",
                              "A sample of correct decisions", "How to read the figures"}) {
    CAPTURE(std::string(heading));
    CHECK(count(html, "<h2>" + std::string(heading) + "</h2>") == 1);
  }
  CHECK(first_unbalanced(html) == "");
  CHECK(!contains(html, "<script"));
  CHECK(!contains(html, "<data>"));
  CHECK(!contains(html, "<other>"));
  CHECK(contains(html, "a model on &lt;data&gt; &amp; more"));
  CHECK(!contains(html, "src=\"http"));
  CHECK(!contains(html, "href="));
  CHECK(contains(html, "another test set and not comparable"));
  CHECK(contains(html, "1712.06957"));
  CHECK(count(html, "<img ") == 4);
  CHECK(count(html, "<img ") == count(html, " alt=\""));
  CHECK(count(html, "<svg viewBox=\"0 0 400") == count(html, "<title>") - 1);
  // The figures of the hand-worked example (metrics_test.cpp): kappa .4, AUROC 18.5 / 24.
  CHECK(contains(html, "<dt>Cohen\u2019s kappa</dt><dd>0.400"));
  CHECK(contains(html, "<dt>AUROC</dt><dd>0.771"));
}

TEST_CASE("the kappa of the MURA paper stands below each body part of MURA") {
  const std::string html = report_html(example(result_of(ten_studies())));
  for (const char* kappa : {"0.705", "0.778", "0.931", "0.710"}) {
    CAPTURE(std::string(kappa));
    CHECK(contains(html, format(">", kappa, "<")));
  }
  CHECK(!contains(html, ">0.729<"));  // of shoulders, which are not in the data
}

TEST_CASE("one class only: dashes, no curves, and no NaN") {
  std::vector<Prediction> normal = ten_studies();
  std::erase_if(normal, [](const Prediction& image) { return image.label == 1; });
  const std::string html = report_html(example(result_of(normal)));
  CHECK(!contains(html, "Operating curves"));
  CHECK(contains(html, "of one class only"));
  CHECK(contains(html, "<dt>AUROC</dt><dd>\u2013"));
  CHECK(!contains(html, "nan"));
  CHECK(first_unbalanced(html) == "");
}

TEST_CASE("an invalid audit is refused") {
  Report report = example(result_of(ten_studies()));
  report.audit = {{"splits", 3}};
  CHECK(contains(message_of([&] { report_html(report); }), "audit_data"));
}

TEST_CASE("axes have round ticks that reach the largest value") {
  struct Row {
    double high, end;
    int digits;
  };
  for (const Row& row : {Row{10, 10, 0}, Row{1.3, 1.4, 1}, Row{0.034, 0.035, 3}, Row{12, 12, 0},
                         Row{3, 3, 1}, Row{0, 1, 1}}) {
    CAPTURE(row.high);
    const report::Axis axis = report::axis_up_to(row.high, "");
    CHECK(axis.high == doctest::Approx(row.end));
    CHECK(axis.digits == row.digits);
    CHECK(axis.ticks.size() >= 3);
    CHECK(axis.ticks.size() <= 8);
    CHECK(axis.ticks.back() == axis.high);
  }
}

TEST_CASE("numbers: a typographic minus, and no negative zero") {
  CHECK(report::number(-0.25, 2) == "\u22120.25");
  CHECK(report::number(-0.0001, 2) == "0.00");
  CHECK(report::number(0.6666, 2) == "0.67");
}

TEST_CASE(
    "mistakes are the most confident ones, one of a study; hits are right and of both classes") {
  BinaryResult result;
  result.evaluation.threshold = 0.5;
  std::vector<Prediction>& predictions = result.predictions = {
      {"a", "s1", "p", "", 0, 0.9},  {"b", "s1", "p", "", 0, 0.95}, {"c", "s2", "p", "", 1, 0.1},
      {"d", "s3", "p", "", 1, 0.49}, {"e", "s4", "p", "", 1, 0.8},  {"f", "s5", "p", "", 0, 0.2},
      {"g", "s6", "p", "", 0, 0.3},  {"h", "s6", "p", "", 0, 0.3}};
  const std::vector<ShownDecision> decisions = report::decisions_of(result);
  CHECK(worst_mistakes(decisions, 6) == std::vector<std::size_t>{1, 2, 3});
  CHECK(worst_mistakes(decisions, 1) == std::vector<std::size_t>{1});
  const std::vector<std::size_t> hits = sample_hits(decisions, 2, 4, 1);
  REQUIRE(hits.size() == 3);  // one positive, and two studies of negatives
  CHECK(predictions[hits[0]].label == 1);
  for (const std::size_t i : hits)
    CHECK((predictions[i].probability >= 0.5) == (predictions[i].label == 1));
}

TEST_CASE("learning curves are read from complete validation lines only") {
  const TemporaryFolder folder;
  const auto log = folder.write(
      "log.jsonl",
      "{\"epoch\":1,\"split\":\"train\",\"loss\":0.9}\n"
      "{\"epoch\":1,\"split\":\"val\",\"loss\":0.8,\"train_loss\":0.9,\"auroc\":null}\n"
      "{\"epoch\":2,\"split\":\"val\",\"loss\":0.7,\"train_loss\":0.8,\"auroc\":0.75}\n"
      "[1]\nnull\n{\"split\":5}\n"
      "{\"epoch\":1e300,\"split\":\"val\",\"loss\":0.8,\"train_loss\":0.9}\n"
      "{\"epoch\":3,\"split\":\"val\",\"lo");
  const std::vector<EpochRecord> epochs = read_epochs(log, "auroc");
  REQUIRE(epochs.size() == 2);
  CHECK(!epochs[0].score.has_value());
  CHECK(epochs[1].score.value() == 0.75);
  CHECK(epochs[1].train_loss == 0.8);
  CHECK(read_epochs(folder.path() / "nowhere", "auroc").empty());
}
