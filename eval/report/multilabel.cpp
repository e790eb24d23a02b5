// The report on the task of several labels.
#include <algorithm>
#include <cmath>

#include "base/error.h"
#include "base/text.h"
#include "data/manifest.h"
#include "data/prepare.h"
#include "eval/multilabel_task.h"
#include "eval/report/chart.h"
#include "eval/report/images.h"
#include "eval/report/levels.h"
#include "eval/report/sections.h"

namespace osteon {
namespace report {
namespace {

constexpr std::size_t kShownMistakes = 6, kShownHits = 8;

struct Named {
  const char* name;
  std::optional<double> Metrics::*figure;
};
constexpr Named kShown[] = {{"AUROC", &Metrics::auroc},
                            {"Average precision", &Metrics::average_precision},
                            {"Sensitivity (recall)", &Metrics::recall},
                            {"Specificity", &Metrics::specificity},
                            {"Precision", &Metrics::precision},
                            {"F1", &Metrics::f1}};
constexpr const char* kMacroNames[] = {"Macro AUROC", "Macro average precision"};

std::string opening(const MultilabelResult& result) {
  const LabelMetrics& study = result.evaluation.overall.study;
  std::string text =
      format("The model answers ", result.labels.size(),
             result.labels.size() == 1 ? " question" : " questions", " about each of ", study.n,
             " studies: ", escape(join(result.labels)), ". ");
  if (study.values[0])
    text += format("It ranks studies with a label above those without it with an AUROC of ",
                   figure_text(study.values[0]), range_text(study.ci95[0]),
                   " in the mean over the labels.");
  return text;
}

std::string macro_tiles(const LabelMetrics& study) {
  std::string html;
  for (std::size_t f = 0; f < kMacroFigures.size(); ++f)
    html += tile(kMacroNames[f], study.values[f], study.ci95[f]);
  return tiles(html);
}

std::string figures_section(const MultilabelResult& result) {
  const auto& [image, study] = result.evaluation.overall;
  Table table(
      format("All images, with 95 % intervals: ", study.n, " studies, ", image.n, " images."),
      {"Figure", "Per study", "Per image"});
  for (std::size_t f = 0; f < kMacroFigures.size(); ++f)
    table.row(kMacroNames[f], {figure_cell(study.values[f], study.ci95[f]),
                               figure_cell(image.values[f], image.ci95[f])});
  return "<h2>Figures</h2>" + table.html();
}

std::string labels_section(const MultilabelResult& result) {
  const LabelMetrics& study = result.evaluation.overall.study;
  std::vector<std::string> columns{"Label", "Studies with it"};
  for (const Named& shown : kShown) columns.emplace_back(shown.name);
  Table table("Each label, per study, with 95 % intervals.", columns);
  for (std::size_t k = 0; k < result.labels.size(); ++k) {
    const Metrics& label = study.labels[k];
    std::vector<std::string> cells{format(label.positives, " of ", label.n)};
    for (const Named& shown : kShown) {
      const std::size_t at = label_figure(k, figure_index(shown.figure));
      cells.push_back(figure_cell(study.values[at], study.ci95[at]));
    }
    table.row(result.labels[k], cells);
  }
  return "<h2>By label</h2>" + table.html();
}

// Of body parts or data sets.
std::string groups_section(const MultilabelResult& result, const char* what,
                           const std::map<std::string, ImageAndStudy<LabelMetrics>>& groups) {
  if (groups.empty()) return "";
  Table table("Per study, with 95 % intervals.", {what, "Studies", kMacroNames[0], kMacroNames[1]});
  const auto add = [&](const std::string& name, const LabelMetrics& study, const char* style) {
    std::vector<std::string> cells{std::to_string(study.n)};
    for (std::size_t f = 0; f < kMacroFigures.size(); ++f)
      cells.push_back(figure_cell(study.values[f], study.ci95[f]));
    table.row(name, cells, style);
  };
  add("All", result.evaluation.overall.study, "all");
  for (const auto& [name, metrics] : groups) add(name, metrics.study, "");
  return group_heading(what) + table.html();
}

// Row a, column b: the studies with label a that also have label b, as labelled and as decided.
std::string together_section(const MultilabelResult& result,
                             const std::vector<LabelStudy>& studies) {
  const std::size_t labels = result.labels.size();
  std::string html = "<h2>Labels that occur together</h2>";
  for (const bool is_decided : {false, true}) {
    std::vector<std::string> columns{is_decided ? "Decided" : "Labelled"};
    for (const std::string& name : result.labels) columns.push_back("also " + name);
    Table table(is_decided ? "As decided, per study" : "As labelled, per study", columns);
    std::vector<std::int64_t> counts(labels * labels), known(labels * labels);
    for (const LabelStudy& study : studies) {
      const std::vector<std::int8_t> decided =
          decided_labels(study.probabilities, result.thresholds);
      const std::vector<std::int8_t>& present = is_decided ? decided : study.labels;
      for (std::size_t a = 0; a < labels; ++a)
        for (std::size_t b = 0; b < labels; ++b)
          if (present[a] == 1 && present[b] != kUnknown) {
            ++known[a * labels + b];
            counts[a * labels + b] += present[b];
          }
    }
    for (std::size_t a = 0; a < labels; ++a) {
      std::vector<std::string> cells;
      for (std::size_t b = 0; b < labels; ++b)
        cells.push_back(count_cell(counts[a * labels + b], known[a * labels + b]));
      table.row(result.labels[a], cells);
    }
    html += "<div class=\"matrix wide\">" + table.html() + "</div>";
  }
  return html;
}

using LabelLevel = Level<LabelOutcomes, LabelMetrics>;

std::vector<LabelLevel> levels_of(const MultilabelResult& result,
                                  const std::vector<LabelStudy>& studies) {
  return report::levels_of(result.evaluation.overall, result.predictions, studies,
                           [&](const auto& items, const auto& positions) {
                             return label_outcomes(items, positions, result.labels.size());
                           });
}

std::vector<Curve> curves_of(const std::vector<LabelLevel>& levels, std::size_t k) {
  std::vector<Curve> curves;
  for (const LabelLevel& level : levels)
    curves.push_back({level.style, outcomes_of_label(level.outcomes, k), &level.metrics.labels[k]});
  return curves;
}

std::string calibration_chart(const LabelLevel& study, std::size_t k, const std::string& name) {
  const Metrics& label = study.metrics.labels[k];
  return calibration_figure("of " + name, study.style, outcomes_of_label(study.outcomes, k),
                            "Share with " + name,
                            format("Expected calibration error ", figure_text(label.ece),
                                   ", Brier score ", figure_text(label.brier), "."));
}

// Small diagrams of the labels that have both answers.
std::string multiples_section(const MultilabelResult& result,
                              const std::vector<LabelLevel>& levels) {
  std::string roc, precision_recall, calibration;
  for (std::size_t k = 0; k < result.labels.size(); ++k) {
    const Metrics &image = levels[0].metrics.labels[k], &study = levels[1].metrics.labels[k];
    if (!study.auroc || !image.auroc) continue;
    const std::string& name = result.labels[k];
    const std::vector<Curve> curves = curves_of(levels, k);
    const std::string caption = "<b>" + escape(name) + "</b>: ";
    roc += figure(roc_chart(curves, name).svg(),
                  format(caption, "AUROC ", figure_text(study.auroc), " per study"));
    precision_recall += figure(
        precision_recall_chart(curves, name).svg(),
        format(caption, "average precision ", figure_text(study.average_precision), " per study"));
    calibration += calibration_chart(levels[1], k, name);
  }
  if (roc.empty()) return "";
  const auto multiples = [](const std::string& figures) {
    return "<div class=\"multiples\">" + figures + "</div>";
  };
  return "<h2>Operating curves</h2><div class=\"legend\">" +
         legend_entry("line study", "per study") + legend_entry("line image", "per image") +
         legend_entry("dot study", "at the threshold") + legend_entry("line ghost", "chance") +
         "</div>" + multiples(roc) + multiples(precision_recall) +
         "<h2>Calibration</h2><p class=\"note\">Per study.</p>" + multiples(calibration);
}

std::string method(const MultilabelResult& result) {
  return format(
      "<p>A study is one examination of one body part; its probabilities are the means of its "
      "images\u2019. A study or image is decided to have a label if its probability is at least "
      "the label\u2019s threshold. A label that is unknown for a study counts in none of its "
      "figures. ",
      bootstrap_sentence(result.bootstrap),
      "Macro figures are means over the labels of which there are studies with and without them. "
      "AUROC counts ties as one half; average precision is not interpolated; the expected "
      "calibration error uses ",
      kCalibrationBins,
      " bins of equal width and has no interval, because resampling increases it. A dash marks an "
      "undefined figure.</p>");
}

// A decision on an image is right if that on each known label is; its confidence is that of the
// worst wrong one, or the smallest of the right ones: the distance of the probability from the
// threshold. Its label is the first that is 1, the number of labels if none is, and above it if all
// are unknown, so that the image is not shown as a right one.
std::vector<ShownDecision> decisions_of(const MultilabelResult& result) {
  std::vector<ShownDecision> decisions;
  for (const LabelPrediction& image : result.predictions) {
    const std::vector<std::int8_t> decided = decided_labels(image.probabilities, result.thresholds);
    double wrong = 0, right = 1;
    bool is_right = true;
    for (std::size_t k = 0; k < decided.size(); ++k) {
      if (image.labels[k] == kUnknown) continue;
      const double distance = std::abs(image.probabilities[k] - result.thresholds[k]);
      const bool is_hit = decided[k] == image.labels[k];
      is_right = is_right && is_hit;
      (is_hit ? right : wrong) = is_hit ? std::min(right, distance) : std::max(wrong, distance);
    }
    auto label =
        static_cast<std::size_t>(std::ranges::find(image.labels, 1) - image.labels.begin());
    if (std::ranges::count(image.labels, kUnknown) == std::ssize(image.labels)) ++label;  // of none
    decisions.push_back({&image, label, is_right, is_right ? right : wrong});
  }
  return decisions;
}

std::string probabilities_text(const LabelPrediction& image,
                               const std::vector<std::string>& names) {
  std::vector<std::string> parts;
  for (std::size_t k = 0; k < names.size(); ++k)
    parts.push_back(escape(names[k]) + " " + number(image.probabilities[k], 2));
  return join(parts);
}

Gallery gallery(const MultilabelResult& result, const std::string& heading, const std::string& note,
                const std::vector<std::size_t>& chosen) {
  Gallery gallery{heading, note, {}};
  for (const std::size_t i : chosen) {
    const LabelPrediction& image = result.predictions[i];
    const std::vector<std::int8_t> decided = decided_labels(image.probabilities, result.thresholds);
    gallery.images.push_back(
        {.position = i,
         .path = image.path,
         .part = image.part,
         .label = label_names(image.labels, result.labels),
         .decision = label_names(decided, result.labels),
         .detail = probabilities_text(image, result.labels),
         .is_right = std::ranges::equal(image.labels, decided,
                                        [](std::int8_t label, std::int8_t of_model) {
                                          return label == kUnknown || label == of_model;
                                        }),
         .explained_output =
             static_cast<std::int64_t>(clearest_label(image.probabilities, result.thresholds)),
         .radiograph = {},
         .heat_map = {}});
  }
  return gallery;
}

}  // namespace
}  // namespace report

TaskReport MultilabelResult::report(std::uint64_t seed) const {
  using namespace report;
  const std::vector<LabelStudy> studies = aggregate_label_studies(predictions, labels);
  const std::vector<LabelLevel> levels = levels_of(*this, studies);
  const std::vector<ShownDecision> decisions = decisions_of(*this);
  ShownFigures shown;
  for (std::size_t f = 0; f < kMacroFigures.size(); ++f) shown.emplace_back(kMacroNames[f], f);
  for (std::size_t k = 0; k < labels.size(); ++k)
    shown.emplace_back("AUROC of " + labels[k], kMacroFigures.size() + k);
  return {.lead = opening(*this),
          .headline = macro_tiles(evaluation.overall.study) +
                      "<p class=\"note\">Both per study.</p>" + figures_section(*this),
          .details = labels_section(*this) + groups_section(*this, kBodyPart, evaluation.parts) +
                     groups_section(*this, kDataSet, evaluation.sets) +
                     together_section(*this, studies) + multiples_section(*this, levels) +
                     comparison_section(comparison, shown),
          .method = method(*this),
          .counted = counted_classes_of(labels),
          .heat_target = "the label that is furthest above its threshold",
          .score = kMultilabelScore,
          .galleries = {gallery(*this, "The most confident mistakes", "",
                                worst_mistakes(decisions, kShownMistakes)),
                        gallery(*this, "A sample of correct decisions",
                                "Drawn at random, equally many of each label if there are enough. ",
                                sample_hits(decisions, labels.size() + 1, kShownHits, seed))}};
}

}  // namespace osteon
