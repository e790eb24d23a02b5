// The report on the tasks of several classes and of grades.
#include <ranges>

#include "base/error.h"
#include "eval/class_task.h"
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
  const char* figure;
};
constexpr std::size_t kTiles = 4;  // the first figures
constexpr Named kOverall[] = {{"Accuracy", "accuracy"},
                              {"Balanced accuracy", "balanced_accuracy"},
                              {"Macro AUROC", "macro_auroc"},
                              {"Macro F1", "macro_f1"},
                              {"Cohen\u2019s kappa", "kappa"},
                              {"Log loss", "log_loss"},
                              {"Expected calibration error", "ece"}};

constexpr Named kOfGrades[] = {{"Quadratic kappa", "quadratic_kappa"},
                               {"Mean error in grades", "mae"},
                               {"Accuracy", "accuracy"},
                               {"Macro AUROC", "macro_auroc"},
                               {"Balanced accuracy", "balanced_accuracy"},
                               {"Macro F1", "macro_f1"},
                               {"Cohen\u2019s kappa", "kappa"},
                               {"Log loss", "log_loss"},
                               {"Expected calibration error", "ece"}};

std::span<const Named> named_figures(const ClassResult& result) {
  if (result.has_grades()) return kOfGrades;
  return kOverall;
}

std::string cell(const ClassMetrics& metrics, std::size_t figure) {
  return figure_cell(metrics.values[figure], metrics.ci95[figure]);
}

std::string opening(const ClassResult& result) {
  const ClassMetrics& study = result.evaluation.overall.study;
  const std::size_t accuracy = overall_figure("accuracy"), auroc = overall_figure("macro_auroc");
  std::int64_t right = 0;
  for (std::size_t k = 0; k < result.classes.size(); ++k) right += study.count(k, k);
  std::string text =
      format("The model names the right one of ", result.classes.size(),
             result.has_grades() ? " grades" : " classes", " for ", right, " of ", study.n,
             " studies, an accuracy of ", figure_text(study.values[accuracy]),
             range_text(study.ci95[accuracy]), ". ");
  if (const auto kappa = overall_figure("quadratic_kappa");
      result.has_grades() && study.values[kappa])
    text += format("Its grades agree with the labels with a quadratic kappa of ",
                   figure_text(study.values[kappa]), range_text(study.ci95[kappa]), ".");
  else if (study.values[auroc])
    text += format("It ranks each class above the rest with an AUROC of ",
                   figure_text(study.values[auroc]), range_text(study.ci95[auroc]),
                   " in the mean over the classes.");
  return text;
}

std::string main_tiles(const ClassResult& result) {
  const ClassMetrics& study = result.evaluation.overall.study;
  std::string html;
  for (const auto& [name, key] : named_figures(result).first(kTiles)) {
    const std::size_t figure = overall_figure(key);
    html += tile(name, study.values[figure], study.ci95[figure]);
  }
  return tiles(html);
}

std::string figures_section(const ClassResult& result) {
  const auto& [image, study] = result.evaluation.overall;
  Table table(
      format("All images, with 95 % intervals: ", study.n, " studies, ", image.n, " images."),
      {"Figure", "Per study", "Per image"});
  for (const auto& [name, figure] : named_figures(result))
    table.row(name, {cell(study, overall_figure(figure)), cell(image, overall_figure(figure))});
  return "<h2>Figures</h2>" + table.html();
}

std::string classes_section(const ClassResult& result) {
  const ClassMetrics& study = result.evaluation.overall.study;
  Table table("Each class against the rest, per study, with 95 % intervals.",
              {"Class", "Studies", "Sensitivity (recall)", "Precision", "F1", "AUROC",
               "Average precision"});
  for (std::size_t k = 0; k < result.classes.size(); ++k) {
    std::vector<std::string> cells{std::to_string(study.support(k))};
    for (const char* figure : {"recall", "precision", "f1", "auroc", "average_precision"})
      cells.push_back(cell(study, class_figure(k, figure)));
    table.row(result.classes[k], cells);
  }
  return "<h2>By class</h2>" + table.html();
}

// Of body parts or data sets.
std::string groups_section(const ClassResult& result, const char* what,
                           const std::map<std::string, ImageAndStudy<ClassMetrics>>& groups) {
  if (groups.empty()) return "";
  const std::span<const Named> figures = named_figures(result).first(kTiles);
  std::vector<std::string> columns{what, "Studies"};
  for (const Named& figure : figures) columns.emplace_back(figure.name);
  Table table("Per study, with 95 % intervals.", columns);
  const auto add = [&](const std::string& name, const ClassMetrics& study, const char* style) {
    std::vector<std::string> cells{std::to_string(study.n)};
    for (const Named& figure : figures) cells.push_back(cell(study, overall_figure(figure.figure)));
    table.row(name, cells, style);
  };
  add("All", result.evaluation.overall.study, "all");
  for (const auto& [name, metrics] : groups) add(name, metrics.study, "");
  return group_heading(what) + table.html();
}

std::string matrix(const ClassResult& result, const char* level, const ClassMetrics& metrics) {
  std::vector<std::string> columns{""};
  for (const std::string& name : result.classes) columns.push_back("classified as " + name);
  Table table(format("Per ", level), columns);
  for (std::size_t k = 0; k < result.classes.size(); ++k) {
    std::vector<std::string> cells;
    for (std::size_t decision = 0; decision < result.classes.size(); ++decision)
      cells.push_back(count_cell(metrics.count(k, decision), metrics.support(k)));
    table.row("labelled " + result.classes[k], cells);
  }
  return "<div class=\"matrix wide\">" + table.html() + "</div>";
}

using ClassLevels = std::vector<Level<ClassOutcomes, ClassMetrics>>;

ClassLevels levels_of(const ClassResult& result) {
  return report::levels_of(result.evaluation.overall, result.predictions,
                           aggregate_class_studies(result.predictions, result.classes),
                           [&](const auto& items, const auto& positions) {
                             return class_outcomes(items, positions, result.classes.size());
                           });
}

// Of one class against the rest.
std::vector<Curve> curves_of(const ClassLevels& levels, std::size_t k) {
  std::vector<Curve> curves;
  for (const auto& level : levels)
    curves.push_back({level.style, outcomes_against_rest(level.outcomes, k)});
  return curves;
}

// One small diagram per class that has a figure; empty if none has.
std::string multiples(const ClassResult& result, const ClassLevels& levels, const char* name,
                      const char* figure_name, const auto& chart) {
  std::string figures;
  for (std::size_t k = 0; k < result.classes.size(); ++k)
    if (const auto& value = levels.back().metrics.values[class_figure(k, figure_name)])
      figures += figure(chart(curves_of(levels, k), result.classes[k]).svg(),
                        format("<b>", escape(result.classes[k]), "</b>: ", name, " ",
                               figure_text(value), " per study"));
  return figures.empty() ? figures : "<div class=\"multiples\">" + figures + "</div>";
}

std::string curves_section(const ClassResult& result, const ClassLevels& levels) {
  const std::string curves =
      multiples(result, levels, "AUROC", "auroc", roc_chart) +
      multiples(result, levels, "average precision", "average_precision", precision_recall_chart);
  if (curves.empty()) return "";
  return "<h2>Operating curves</h2><p class=\"note\">Each class against the rest.</p>"
         "<div class=\"legend\">" +
         legend_entry("line study", "per study") + legend_entry("line image", "per image") +
         legend_entry("line ghost", "chance") + "</div>" + curves;
}

std::string calibration_section(const ClassLevels& levels) {
  std::string html = "<h2>Calibration of the decided class</h2><div class=\"pair\">";
  for (const auto& level : std::views::reverse(levels))
    html += calibration_figure(
        level.name, level.style, top_outcomes(level.outcomes), "Share of right decisions",
        format("Expected calibration error ",
               figure_text(level.metrics.values[overall_figure("ece")]), ", log loss ",
               figure_text(level.metrics.values[overall_figure("log_loss")]), "."));
  return html + "</div>";
}

std::string confusion_section(const ClassResult& result) {
  return "<h2>Confusion matrices</h2>" + matrix(result, "study", result.evaluation.overall.study) +
         matrix(result, "image", result.evaluation.overall.image);
}

std::string method(const ClassResult& result) {
  return format(
      "<p>A study is one examination of one body part; its probabilities are the means of its "
      "images\u2019. The decision is the most probable class. ",
      bootstrap_sentence(result.bootstrap),
      "Balanced accuracy and macro figures are means over the classes that have images. AUROC is "
      "that of each class against the rest and counts ties as one half; average precision is not "
      "interpolated; the expected calibration error of the decided class uses ",
      kCalibrationBins,
      " bins of equal width and has no interval, because resampling increases it. A dash marks an "
      "undefined figure, for example of a class without images.",
      result.has_grades() ? " The probabilities of grades are differences of the probabilities of "
                            "being above each grade, and may be 0, which the log loss counts as "
                            "2<sup>\u221252</sup>."
                          : "",
      "</p>");
}

std::vector<ShownDecision> decisions_of(const ClassResult& result) {
  std::vector<ShownDecision> decisions;
  for (const ClassPrediction& image : result.predictions) {
    const std::size_t decision = most_probable(image.probabilities);
    decisions.push_back(
        {&image, image.label, decision == image.label, image.probabilities[decision]});
  }
  return decisions;
}

Gallery gallery(const ClassResult& result, const std::string& heading, const std::string& note,
                const std::vector<std::size_t>& chosen) {
  Gallery gallery{heading, note, {}};
  for (const std::size_t i : chosen) {
    const ClassPrediction& image = result.predictions[i];
    const std::size_t decision = most_probable(image.probabilities);
    gallery.images.push_back({.position = i,
                              .path = image.path,
                              .part = image.part,
                              .label = result.classes[image.label],
                              .decision = result.classes[decision],
                              .detail = "probability " + number(image.probabilities[decision], 3),
                              .is_right = decision == image.label,
                              .explained_output = static_cast<std::int64_t>(decision),
                              .radiograph = {},
                              .heat_map = {}});
  }
  return gallery;
}

}  // namespace
}  // namespace report

TaskReport ClassResult::report(std::uint64_t seed) const {
  using namespace report;
  ShownFigures shown;
  for (const auto& [name, figure] : named_figures(*this))
    shown.emplace_back(name, overall_figure(figure));
  const ClassLevels levels = levels_of(*this);
  const std::vector<ShownDecision> decisions = decisions_of(*this);
  return {.lead = opening(*this),
          .headline = main_tiles(*this) + "<p class=\"note\">All four per study.</p>" +
                      figures_section(*this),
          .details = classes_section(*this) + groups_section(*this, kBodyPart, evaluation.parts) +
                     groups_section(*this, kDataSet, evaluation.sets) + confusion_section(*this) +
                     curves_section(*this, levels) + calibration_section(levels) +
                     comparison_section(comparison, shown),
          .method = method(*this),
          .counted = counted_classes_of(classes),
          .heat_target = has_grades()
                             ? "grades from the decided one on, or, for the lowest, above it"
                             : "the decided class",
          .score = has_grades() ? kOrdinalScore : kMulticlassScore,
          .galleries = {gallery(*this, "The most confident mistakes", "",
                                worst_mistakes(decisions, kShownMistakes)),
                        gallery(*this, "A sample of correct decisions",
                                "Drawn at random, equally many of each class if there are enough. ",
                                sample_hits(decisions, classes.size(), kShownHits, seed))}};
}

}  // namespace osteon
