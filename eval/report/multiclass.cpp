// The report on a task with several classes.
#include "base/error.h"
#include "data/prepare.h"
#include "eval/multiclass_task.h"
#include "eval/report/chart.h"
#include "eval/report/images.h"
#include "eval/report/sections.h"

namespace osteon {
namespace report {
namespace {

constexpr std::size_t kShownMistakes = 6, kShownHits = 8;

struct Named {
  const char* name;
  const char* figure;
};
constexpr Named kOverall[] = {{"Accuracy", "accuracy"},
                              {"Balanced accuracy", "balanced_accuracy"},
                              {"Macro AUROC", "macro_auroc"},
                              {"Macro F1", "macro_f1"},
                              {"Cohen\u2019s kappa", "kappa"},
                              {"Log loss", "log_loss"},
                              {"Expected calibration error", "ece"}};

std::string cell(const ClassMetrics& metrics, std::size_t figure) {
  return figure_cell(metrics.values[figure], metrics.ci95[figure]);
}

std::string opening(const MulticlassResult& result) {
  const ClassMetrics& study = result.evaluation.overall.study;
  const std::size_t accuracy = overall_figure("accuracy"), auroc = overall_figure("macro_auroc");
  std::int64_t right = 0;
  for (std::size_t k = 0; k < result.classes.size(); ++k) right += study.count(k, k);
  std::string text =
      format("The model names the right one of ", result.classes.size(), " classes for ", right,
             " of ", study.n, " studies, an accuracy of ", figure_text(study.values[accuracy]),
             range_text(study.ci95[accuracy]), ". ");
  if (study.values[auroc])
    text += format("It ranks each class above the rest with an AUROC of ",
                   figure_text(study.values[auroc]), range_text(study.ci95[auroc]),
                   " in the mean over the classes.");
  return text;
}

std::string tiles(const ClassMetrics& study) {
  std::string html = "<dl class=\"tiles\">";
  for (std::size_t i = 0; i < 4; ++i) {
    const std::size_t figure = overall_figure(kOverall[i].figure);
    html += format("<div><dt>", kOverall[i].name, "</dt><dd>", figure_text(study.values[figure]),
                   "<small>", interval_sentence(study.ci95[figure]), "</small></dd></div>");
  }
  return html + "</dl>";
}

std::string figures_section(const MulticlassResult& result) {
  const auto& [image, study] = result.evaluation.overall;
  Table table(
      format("All images, with 95 % intervals: ", study.n, " studies, ", image.n, " images."),
      {"Figure", "Per study", "Per image"});
  for (const auto& [name, figure] : kOverall)
    table.row(name, {cell(study, overall_figure(figure)), cell(image, overall_figure(figure))});
  return "<h2>Figures</h2>" + table.html();
}

std::string classes_section(const MulticlassResult& result) {
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

std::string parts_section(const MulticlassResult& result) {
  if (result.evaluation.parts.empty()) return "";
  Table table("Per study, with 95 % intervals.",
              {"Body part", "Studies", "Accuracy", "Balanced accuracy", "Macro AUROC", "Kappa"});
  const auto add = [&](const std::string& name, const ClassMetrics& study, const char* style) {
    std::vector<std::string> cells{std::to_string(study.n)};
    for (const char* figure : {"accuracy", "balanced_accuracy", "macro_auroc", "kappa"})
      cells.push_back(cell(study, overall_figure(figure)));
    table.row(name, cells, style);
  };
  add("All", result.evaluation.overall.study, "all");
  for (const auto& [part, metrics] : result.evaluation.parts) add(part, metrics.study, "");
  return "<h2>By body part</h2>" + table.html();
}

std::string matrix(const MulticlassResult& result, const char* level, const ClassMetrics& metrics) {
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

// All images or all studies.
struct Level {
  const char* name;
  const char* style;
  ClassOutcomes outcomes;
  const ClassMetrics& metrics;
};

std::vector<Level> levels_of(const MulticlassResult& result) {
  const std::vector<ClassStudy> studies =
      aggregate_class_studies(result.predictions, result.classes);
  const auto outcomes = [&](const auto& items) {
    std::vector<std::size_t> all(items.size());
    for (std::size_t i = 0; i < all.size(); ++i) all[i] = i;
    return class_outcomes(items, all, result.classes.size());
  };
  const auto& [image, study] = result.evaluation.overall;
  return {{"per study", "study", outcomes(studies), study},
          {"per image", "image", outcomes(result.predictions), image}};
}

Chart roc_chart(const std::vector<Level>& levels, std::size_t k, const std::string& name) {
  Chart chart("Receiver operating characteristic of " + name,
              "Sensitivity against the share of false alarms at every threshold.",
              unit_axis("1 \u2212 specificity"), unit_axis("Sensitivity"));
  chart.line({{0, 0}, {1, 1}}, "ghost");
  for (const Level& level : levels)
    chart.line(roc_points(outcomes_against_rest(level.outcomes, k)), level.style);
  return chart;
}

Chart precision_recall_chart(const std::vector<Level>& levels, std::size_t k,
                             const std::string& name) {
  Chart chart("Precision and recall of " + name,
              "Precision against sensitivity at every threshold.",
              unit_axis("Sensitivity (recall)"), unit_axis("Precision"));
  const ClassMetrics& study = levels[0].metrics;
  const double share = static_cast<double>(study.support(k)) / static_cast<double>(study.n);
  chart.line({{0, share}, {1, share}}, "ghost");
  for (const Level& level : levels)
    chart.line(precision_recall_points(outcomes_against_rest(level.outcomes, k)), level.style);
  return chart;
}

// One small diagram per class that has a figure; empty if none has.
std::string multiples(const MulticlassResult& result, const std::vector<Level>& levels,
                      const char* name, const char* figure_name, const auto& chart) {
  std::string figures;
  for (std::size_t k = 0; k < result.classes.size(); ++k)
    if (const auto& value = levels[0].metrics.values[class_figure(k, figure_name)])
      figures += figure(chart(levels, k, result.classes[k]).svg(),
                        format("<b>", escape(result.classes[k]), "</b>: ", name, " ",
                               figure_text(value), " per study"));
  return figures.empty() ? figures : "<div class=\"multiples\">" + figures + "</div>";
}

std::string curves_section(const MulticlassResult& result, const std::vector<Level>& levels) {
  const std::string curves =
      multiples(result, levels, "AUROC", "auroc", roc_chart) +
      multiples(result, levels, "average precision", "average_precision", precision_recall_chart);
  if (curves.empty()) return "";
  return "<h2>Operating curves</h2><p class=\"note\">Each class against the rest.</p>"
         "<div class=\"legend\">" +
         legend_entry("line study", "per study") + legend_entry("line image", "per image") +
         legend_entry("line ghost", "chance") + "</div>" + curves;
}

std::string calibration_section(const std::vector<Level>& levels) {
  std::string html = "<h2>Calibration of the decided class</h2><div class=\"pair\">";
  for (const Level& level : levels)
    html += calibration_figure(
        level.name, level.style, top_outcomes(level.outcomes), "Share of right decisions",
        format("Expected calibration error ",
               figure_text(level.metrics.values[overall_figure("ece")]), ", log loss ",
               figure_text(level.metrics.values[overall_figure("log_loss")]), "."));
  return html + "</div>";
}

std::string confusion_section(const MulticlassResult& result) {
  return "<h2>Confusion matrices</h2>" + matrix(result, "study", result.evaluation.overall.study) +
         matrix(result, "image", result.evaluation.overall.image);
}

std::string method(const MulticlassResult& result) {
  return format(
      "<p>A study is one examination of one body part; its probabilities are the means of its "
      "images\u2019. The decision is the most probable class. ",
      bootstrap_sentence(result.bootstrap),
      "Balanced accuracy and macro figures are means over the classes that have images. AUROC is "
      "that of each class against the rest and counts ties as one half; average precision is not "
      "interpolated; the expected calibration error of the decided class uses ",
      kCalibrationBins,
      " bins of equal width and has no interval, because resampling increases it. A dash marks an "
      "undefined figure, for example of a class without images.</p>");
}

std::vector<ShownDecision> decisions_of(const MulticlassResult& result) {
  std::vector<ShownDecision> decisions;
  for (const ClassPrediction& image : result.predictions) {
    const std::size_t decision = most_probable(image.probabilities);
    decisions.push_back(
        {&image, image.label, decision == image.label, image.probabilities[decision]});
  }
  return decisions;
}

Gallery gallery(const MulticlassResult& result, const std::string& heading, const std::string& note,
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

std::vector<std::pair<std::string, std::string>> counted(const std::vector<std::string>& classes) {
  std::vector<std::pair<std::string, std::string>> counted;
  for (const std::string& name : classes) counted.emplace_back(class_count_key(name), name);
  return counted;
}

}  // namespace
}  // namespace report

TaskReport MulticlassResult::report(std::uint64_t seed) const {
  using namespace report;
  ShownFigures shown;
  for (const auto& [name, figure] : kOverall) shown.emplace_back(name, overall_figure(figure));
  const std::vector<Level> levels = levels_of(*this);
  const std::vector<ShownDecision> decisions = decisions_of(*this);
  return {.lead = opening(*this),
          .headline = tiles(evaluation.overall.study) +
                      "<p class=\"note\">All four per study.</p>" + figures_section(*this),
          .details = classes_section(*this) + parts_section(*this) + confusion_section(*this) +
                     curves_section(*this, levels) + calibration_section(levels) +
                     comparison_section(comparison, shown),
          .method = method(*this),
          .counted = counted(classes),
          .heat_target = "the decided class",
          .score = kMulticlassScore,
          .galleries = {gallery(*this, "The most confident mistakes", "",
                                worst_mistakes(decisions, kShownMistakes)),
                        gallery(*this, "A sample of correct decisions",
                                "Drawn at random, equally many of each class if there are enough. ",
                                sample_hits(decisions, classes.size(), kShownHits, seed))}};
}

}  // namespace osteon
