// The report on the task of a number.
#include "eval/regression_task.h"

#include <algorithm>
#include <cmath>

#include "base/error.h"
#include "eval/report/chart.h"
#include "eval/report/images.h"
#include "eval/report/sections.h"

namespace osteon {
namespace report {
namespace {

constexpr std::size_t kShownMistakes = 6, kShownHits = 6, kTiles = 4;

struct Named {
  const char* name;
  const char* figure;
};
constexpr Named kShown[] = {{"Mean absolute error", "mae"},
                            {"Root mean square error", "rmse"},
                            {"R\u00b2", "r2"},
                            {"Bias", "bias"},
                            {"Lower limit of agreement", "limit_low"},
                            {"Upper limit of agreement", "limit_high"}};

std::string cell(const NumberMetrics& metrics, const char* name) {
  const std::size_t figure = number_figure(name);
  return figure_cell(metrics.values[figure], metrics.ci95[figure]);
}

std::string opening(const RegressionResult& result) {
  const NumberMetrics& study = result.evaluation.overall.study;
  const std::size_t mae = number_figure("mae"), low = number_figure("limit_low"),
                    high = number_figure("limit_high");
  std::string text = format("The model predicts ", escape(result.number), " of ", study.n,
                            " studies with a mean absolute error of ",
                            figure_text(study.values[mae]), range_text(study.ci95[mae]), ". ");
  if (study.values[low])
    text += format("About 95 % of its differences from the labels lie between ",
                   figure_text(study.values[low]), " and ", figure_text(study.values[high]), ".");
  return text;
}

std::string headline(const RegressionResult& result) {
  const auto& [image, study] = result.evaluation.overall;
  std::string html;
  for (const auto& [name, figure] : std::span(kShown).first(kTiles))
    html += tile(name, study.values[number_figure(figure)], study.ci95[number_figure(figure)]);
  Table table(format("All images, with 95 % intervals: ", study.n, " studies, ", image.n,
                     " images. All but R\u00b2 in the unit of ", result.number, "."),
              {"Figure", "Per study", "Per image"});
  for (const auto& [name, figure] : kShown)
    table.row(name, {cell(study, figure), cell(image, figure)});
  return tiles(html) + "<p class=\"note\">All four per study.</p><h2>Figures</h2>" + table.html();
}

// Of body parts or data sets.
std::string groups_section(const RegressionResult& result, const char* what,
                           const std::map<std::string, ImageAndStudy<NumberMetrics>>& groups) {
  if (groups.empty()) return "";
  Table table("Per study, with 95 % intervals.", {what, "Studies", "Mean absolute error",
                                                  "Root mean square error", "R\u00b2", "Bias"});
  const auto add = [&](const std::string& name, const NumberMetrics& study, const char* style) {
    std::vector<std::string> cells{std::to_string(study.n)};
    for (const auto& [title, figure] : std::span(kShown).first(kTiles))
      cells.push_back(cell(study, figure));
    table.row(name, cells, style);
  };
  add("All", result.evaluation.overall.study, "all");
  for (const auto& [name, metrics] : groups) add(name, metrics.study, "");
  return group_heading(what) + table.html();
}

struct Range {
  double low, high;
};

Range range_of(const std::vector<NumberStudy>& studies) {
  Range range{studies.front().label, studies.front().label};
  for (const NumberStudy& study : studies) {
    range.low = std::min({range.low, study.label, study.predicted});
    range.high = std::max({range.high, study.label, study.predicted});
  }
  return range;
}

std::string predicted_figure(const RegressionResult& result,
                             const std::vector<NumberStudy>& studies) {
  const auto [low, high] = range_of(studies);
  Chart chart("Predicted against labelled " + result.number,
              "One dot per study; on the diagonal both are equal.",
              axis_between(low, high, "Labelled " + result.number),
              axis_between(low, high, "Predicted " + result.number));
  chart.line({{low, low}, {high, high}}, "ghost");
  for (const NumberStudy& study : studies) chart.dot(study.label, study.predicted, "dot study");
  return figure(chart.svg(), "<div class=\"legend\">" + legend_entry("dot study", "a study") +
                                 legend_entry("line ghost", "both are equal") + "</div>");
}

// Bland and Altman's plot.
std::string agreement_figure(const RegressionResult& result,
                             const std::vector<NumberStudy>& studies) {
  const NumberMetrics& metrics = result.evaluation.overall.study;
  const auto value = [&](const char* name) { return metrics.values[number_figure(name)]; };
  const auto [low, high] = range_of(studies);
  double least = std::min(0.0, value("limit_low").value_or(0)),
         most = std::max(0.0, value("limit_high").value_or(0));
  for (const NumberStudy& study : studies) {
    least = std::min(least, study.predicted - study.label);
    most = std::max(most, study.predicted - study.label);
  }
  Chart chart("Differences of predicted and labelled " + result.number,
              "Difference against mean, one dot per study, with bias and limits of agreement.",
              axis_between(low, high, "Mean of both"),
              axis_between(least, most, "Predicted \u2212 labelled"));
  for (const char* name : {"bias", "limit_low", "limit_high"})
    if (value(name))
      chart.line({{low, *value(name)}, {high, *value(name)}},
                 std::string(name) == "bias" ? "image" : "ghost");
  for (const NumberStudy& study : studies)
    chart.dot((study.predicted + study.label) / 2, study.predicted - study.label, "dot study");
  return figure(chart.svg(), "<div class=\"legend\">" + legend_entry("dot study", "a study") +
                                 legend_entry("line image", "bias") +
                                 legend_entry("line ghost", "95 % limits of agreement") + "</div>");
}

std::string method(const RegressionResult& result) {
  return "<p>A study is one examination of one body part; its prediction is the mean of its "
         "images\u2019. " +
         bootstrap_sentence(result.bootstrap) +
         "The bias is the mean of the differences predicted \u2212 labelled; the limits of "
         "agreement are the bias \u00b1 1.96 standard deviations of the differences (Bland and "
         "Altman, Lancet 327, 1986). R\u00b2 is 1 \u2212 the sum of squared differences, divided "
         "by "
         "that of the labels from their mean. A dash marks an undefined figure.</p>";
}

// Positions of the images by the size of their error, the largest first.
std::vector<std::size_t> by_error(const RegressionResult& result) {
  std::vector<std::size_t> order(result.predictions.size());
  for (std::size_t i = 0; i < order.size(); ++i) order[i] = i;
  std::ranges::stable_sort(order, std::ranges::greater(), [&](std::size_t i) {
    return std::abs(result.predictions[i].predicted - result.predictions[i].label);
  });
  return order;
}

// Images with the larger half of the errors count as mistakes.
std::vector<ShownDecision> decisions_of(const RegressionResult& result) {
  std::vector<ShownDecision> decisions(result.predictions.size());
  const std::vector<std::size_t> order = by_error(result);
  for (std::size_t place = 0; place < order.size(); ++place) {
    const NumberPrediction& image = result.predictions[order[place]];
    decisions[order[place]] = {&image, 0, 2 * place >= order.size(),
                               std::abs(image.predicted - image.label)};
  }
  return decisions;
}

Gallery gallery(const RegressionResult& result, const std::string& heading, const std::string& note,
                const std::vector<std::size_t>& chosen) {
  Gallery gallery{heading, note, {}};
  for (const std::size_t i : chosen) {
    const NumberPrediction& image = result.predictions[i];
    gallery.images.push_back({.position = i,
                              .path = image.path,
                              .part = image.part,
                              .label = number(image.label, 1),
                              .decision = number(image.predicted, 1),
                              .detail = "difference " + number(image.predicted - image.label, 1),
                              .is_right = true,
                              .explained_output = 0,
                              .radiograph = {},
                              .heat_map = {}});
  }
  return gallery;
}

}  // namespace
}  // namespace report

TaskReport RegressionResult::report(std::uint64_t seed) const {
  using namespace report;
  const std::vector<NumberStudy> studies = aggregate_number_studies(predictions);
  const std::vector<ShownDecision> decisions = decisions_of(*this);
  ShownFigures shown;
  for (const auto& [name, figure] : kShown) shown.emplace_back(name, number_figure(figure));
  return {.lead = opening(*this),
          .headline = report::headline(*this),
          .details = groups_section(*this, kBodyPart, evaluation.parts) +
                     groups_section(*this, kDataSet, evaluation.sets) +
                     "<h2>Agreement with the labels</h2><div class=\"pair\">" +
                     predicted_figure(*this, studies) + agreement_figure(*this, studies) +
                     "</div>" + comparison_section(comparison, shown),
          .method = method(*this),
          .counted = {},
          .heat_target = "a higher " + number,
          .score = kRegressionScore,
          .galleries = {
              gallery(*this, "The largest errors", "", worst_mistakes(decisions, kShownMistakes)),
              gallery(*this, "A sample of the better half",
                      "Drawn at random from the images with the smaller errors. ",
                      sample_hits(decisions, 1, kShownHits, seed))}};
}

}  // namespace osteon
