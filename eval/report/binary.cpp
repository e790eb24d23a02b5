// The report on a task with two classes.
#include <algorithm>

#include "base/error.h"
#include "eval/report/chart.h"
#include "eval/report/sections.h"

namespace osteon {
namespace report {
namespace {

constexpr std::size_t kShownMistakes = 6, kShownHits = 6;

std::string opening(const BinaryResult& result) {
  const Metrics& study = result.evaluation.overall.study;
  std::string text = format("Of ", study.n, " studies, ", study.positives, " are ",
                            escape(result.classes[1]), ". ");
  if (study.auroc && study.kappa)
    text +=
        format("The model ranks ", escape(result.classes[1]), " above ", escape(result.classes[0]),
               " studies with an AUROC of ", with_interval(study, &Metrics::auroc),
               ", and its decisions agree with the labels with a Cohen\u2019s kappa of ",
               with_interval(study, &Metrics::kappa), ".");
  else
    text += "With studies of one class only, AUROC and Cohen\u2019s kappa are undefined.";
  return text;
}

std::string main_tiles(const Metrics& study) {
  struct Tile {
    const char* name;
    std::optional<double> Metrics::*figure;
  };
  std::string html;
  for (const auto& [name, figure] :
       {Tile{"AUROC", &Metrics::auroc}, Tile{"Cohen\u2019s kappa", &Metrics::kappa},
        Tile{"Sensitivity (recall)", &Metrics::recall}, Tile{"Specificity", &Metrics::specificity}})
    html += tile(name, study.*figure, study.ci95[figure_index(figure)]);
  return tiles(html);
}

std::string method(const BinaryResult& result) {
  return format(
      "<p>A study is one examination of one body part; its "
      "probability is the mean of its images\u2019. A study or image is classified as ",
      escape(result.classes[1]), " if its probability is at least ",
      number(result.evaluation.threshold, 3), ". ", bootstrap_sentence(result.bootstrap),
      "AUROC counts ties as one half; average precision is not interpolated; the expected "
      "calibration error uses ",
      kCalibrationBins,
      " bins of equal width and has no interval, because resampling increases it. A dash marks an "
      "undefined figure, for example if there is only one class.</p>");
}

// The distance of a probability from the threshold: 0 at the threshold, 1 at probability 0 or 1.
double confidence(double probability, double threshold) {
  return probability >= threshold ? (probability - threshold) / std::max(1 - threshold, 1e-9)
                                  : (threshold - probability) / threshold;
}

Gallery gallery(const BinaryResult& result, const std::string& heading, const std::string& note,
                const std::vector<std::size_t>& chosen) {
  Gallery gallery{heading, note, {}};
  for (const std::size_t i : chosen) {
    const Prediction& image = result.predictions[i];
    const bool is_positive = image.probability >= result.evaluation.threshold;
    gallery.images.push_back({.position = i,
                              .path = image.path,
                              .part = image.part,
                              .label = result.classes[static_cast<std::size_t>(image.label)],
                              .decision = result.classes[is_positive ? 1 : 0],
                              .detail = "probability " + number(image.probability, 3),
                              .is_right = is_positive == (image.label == 1),
                              .explained_output = 0,
                              .radiograph = {},
                              .heat_map = {}});
  }
  return gallery;
}

}  // namespace

std::vector<ShownDecision> decisions_of(const BinaryResult& result) {
  const double threshold = result.evaluation.threshold;
  std::vector<ShownDecision> decisions;
  for (const Prediction& image : result.predictions)
    decisions.push_back({&image, static_cast<std::size_t>(image.label),
                         (image.probability >= threshold) == (image.label == 1),
                         confidence(image.probability, threshold)});
  return decisions;
}

}  // namespace report

TaskReport BinaryResult::report(std::uint64_t seed) const {
  using namespace report;
  const double threshold = evaluation.threshold;
  const std::vector<ShownDecision> decisions = decisions_of(*this);
  return {
      .lead = opening(*this),
      .headline = main_tiles(evaluation.overall.study) +
                  format("<p class=\"note\">All four per study, at the threshold ",
                         number(threshold, 3), ".</p>", figures_section(*this)),
      .details = parts_section(*this) + sets_section(*this) + curves_section(*this) +
                 calibration_section(*this) + distribution_section(*this) +
                 confusion_section(*this) + comparison_section(comparison, shown_figures()),
      .method = method(*this),
      .counted = {{"abnormal", classes[1]}},
      .heat_target = classes[1],
      .score = kBinaryScore,
      .galleries = {gallery(*this, "The most confident mistakes", "",
                            worst_mistakes(decisions, kShownMistakes)),
                    gallery(*this, "A sample of correct decisions",
                            "Drawn at random; half of them from each class if there are enough. ",
                            sample_hits(decisions, 2, kShownHits, seed))}};
}

}  // namespace osteon
