// The tables of the report: overall, by body part, confusion matrices, a comparison.
#include <algorithm>
#include <array>
#include <cmath>

#include "base/error.h"
#include "base/text.h"
#include "data/prepare.h"
#include "eval/report/chart.h"
#include "eval/report/sections.h"

namespace osteon::report {
namespace {

constexpr const char* kDash = "\u2013";

struct Named {
  const char* name;
  std::optional<double> Metrics::*figure;
};

constexpr std::array<Named, kFigureCount> kNamed{{
    {"AUROC", &Metrics::auroc},
    {"Average precision", &Metrics::average_precision},
    {"Cohen\u2019s kappa", &Metrics::kappa},
    {"Accuracy", &Metrics::accuracy},
    {"Sensitivity (recall)", &Metrics::recall},
    {"Specificity", &Metrics::specificity},
    {"Precision", &Metrics::precision},
    {"F1", &Metrics::f1},
    {"Brier score", &Metrics::brier},
    {"Expected calibration error", &Metrics::ece},
}};

const std::optional<Interval>& interval_of(const Metrics& metrics,
                                           std::optional<double> Metrics::*figure) {
  return metrics.ci95[figure_index(figure)];
}

std::string range(const Interval& interval) {
  return number(interval.low, 3) + " to " + number(interval.high, 3);
}

std::string with_range(const std::string& value, const std::optional<Interval>& interval) {
  return value + (interval ? "<br><span class=\"ci\">" + range(*interval) + "</span>" : "");
}

std::string cell_of(const Metrics& metrics, std::optional<double> Metrics::*figure) {
  return figure_cell(metrics.*figure, interval_of(metrics, figure));
}

void add_part(Table& table, const std::string& name, const Metrics& study,
              const std::string& style) {
  std::vector<std::string> cells{std::to_string(study.n), std::to_string(study.positives)};
  for (const auto figure : {&Metrics::auroc, &Metrics::kappa, &Metrics::recall,
                            &Metrics::specificity, &Metrics::accuracy})
    cells.push_back(cell_of(study, figure));
  table.row(name, cells, style);
}

// Its first row is of all images.
Table group_table(const BinaryResult& result, const char* what) {
  Table table("Per study, with 95 % intervals.",
              {what, "Studies", "Labelled " + result.classes[1], "AUROC", "Kappa", "Sensitivity",
               "Specificity", "Accuracy"});
  add_part(table, "All", result.evaluation.overall.study, "all");
  return table;
}

// Cohen's kappa of the model of the MURA paper on its own test set, by body part of MURA.
// Source: Rajpurkar et al., arXiv:1712.06957, table 2.
struct PaperKappa {
  const char* part;
  const char* kappa;
};
constexpr PaperKappa kPaperKappas[] = {{"XR_ELBOW", "0.710"},   {"XR_FINGER", "0.389"},
                                       {"XR_FOREARM", "0.737"}, {"XR_HAND", "0.851"},
                                       {"XR_HUMERUS", "0.600"}, {"XR_SHOULDER", "0.729"},
                                       {"XR_WRIST", "0.931"}};

void add_paper_row(Table& table, const char* name, const char* kappa) {
  table.row(name, {kDash, kDash, kDash, kappa, kDash, kDash, kDash}, "reference");
}

std::string kappa_chart(const Evaluation& evaluation) {
  std::vector<IntervalRow> rows;
  double lowest = 0;
  const auto add = [&](const std::string& name, const Metrics& study) {
    if (!study.kappa) return;
    const auto& interval = interval_of(study, &Metrics::kappa);
    rows.push_back(
        {name,
         format(number(*study.kappa, 2), interval ? format(" (", number(interval->low, 2), "\u2013",
                                                           number(interval->high, 2), ")")
                                                  : std::string()),
         *study.kappa, interval ? interval->low : 0, interval ? interval->high : 0,
         interval.has_value()});
    lowest = std::min({lowest, *study.kappa, interval ? interval->low : 0.0});
  };
  add("All", evaluation.overall.study);
  for (const auto& [part, metrics] : evaluation.parts) add(part.substr(0, 14), metrics.study);
  if (rows.size() < 2) return "";
  Axis axis{0, 1, {0, 0.25, 0.5, 0.75, 1}, "Cohen\u2019s kappa per study", 2};
  if (lowest < 0) axis = {-0.5, 1, {-0.5, 0, 0.5, 1}, axis.label, 1};
  return "<figure class=\"wide\">" +
         interval_chart("Cohen's kappa by body part",
                        "Kappa of the decisions per study with its 95 % interval, overall and for "
                        "each body part.",
                        rows, axis) +
         "<figcaption>Cohen\u2019s kappa per study with its 95 % interval: 0 is the agreement by "
         "chance, 1 is complete agreement.</figcaption></figure>";
}

std::string matrix(const BinaryResult& result, const char* level, const Confusion& counts) {
  const auto &negative = result.classes[0], &positive = result.classes[1];
  Table table(std::string("Per ") + level,
              {"", "classified as " + negative, "classified as " + positive});
  const auto add = [&](const std::string& name, std::int64_t first, std::int64_t second) {
    table.row("labelled " + name,
              {count_cell(first, first + second), count_cell(second, first + second)});
  };
  add(negative, counts.tn, counts.fp);
  add(positive, counts.fn, counts.tp);
  return "<div class=\"matrix\">" + table.html() + "</div>";
}

std::string compared_table(const char* level, const ComparedLevel& compared,
                           const ShownFigures& shown) {
  Table table(format("Per ", level, ", differences with 95 % intervals."),
              {"Figure", "This", "Other", "Difference"});
  const FigureValues difference = difference_of(compared.first, compared.second);
  for (const auto& [name, f] : shown)
    table.row(name, {figure_text(compared.first[f]), figure_text(compared.second[f]),
                     figure_cell(difference[f], compared.difference[f])});
  if (!compared.decisions) return table.html();
  const McNemar& test = *compared.decisions;
  return table.html() + format("<p class=\"note\">McNemar\u2019s exact test per ", level, ": ",
                               "only this model right ", test.only_first_right,
                               ", only the other model right ", test.only_second_right,
                               ", p = ", number(test.p_value, 4), ".</p>");
}

}  // namespace

Table::Table(const std::string& caption, const std::vector<std::string>& columns)
    : columns_(columns),
      html_("<div class=\"scroll\"><table" +
            std::string(columns.size() > 3 ? " class=\"cards\"" : "") + "><caption><span>" +
            escape(caption) + "</span></caption><thead><tr>") {
  for (const std::string& column : columns)
    html_ += "<th scope=\"col\">" + escape(column) + "</th>";
  html_ += "</tr></thead><tbody>";
}

void Table::row(const std::string& name, const std::vector<std::string>& cells,
                const std::string& style) {
  html_ += format("<tr", style.empty() ? "" : " class=\"" + style + "\"", "><th scope=\"row\">",
                  escape(name), "</th>");
  for (std::size_t i = 0; i < cells.size(); ++i)
    html_ += format("<td data-column=\"", escape(columns_[i + 1]), "\">", cells[i], "</td>");
  html_ += "</tr>";
}

std::string Table::html() const { return html_ + "</tbody></table></div>"; }

std::string figure_text(const std::optional<double>& value) {
  return value ? number(*value, 3) : kDash;
}

std::string count_cell(std::int64_t count, std::int64_t of) {
  const double share = of == 0 ? 0 : 100.0 * static_cast<double>(count) / static_cast<double>(of);
  return format(count, "<small>", number(share, 1), " % of the row</small>");
}

std::string tile(const std::string& name, const std::optional<double>& value,
                 const std::optional<Interval>& interval) {
  return format("<div><dt>", name, "</dt><dd>", figure_text(value), "<small>",
                interval_sentence(interval), "</small></dd></div>");
}

std::string group_heading(const std::string& what) {
  return "<h2>By " + lower_case(what) + "</h2>";
}

std::string tiles(const std::string& html) { return "<dl class=\"tiles\">" + html + "</dl>"; }

std::vector<std::pair<std::string, std::string>> counted_classes_of(
    const std::vector<std::string>& names) {
  std::vector<std::pair<std::string, std::string>> counted;
  for (const std::string& name : names) counted.emplace_back(class_count_key(name), name);
  return counted;
}

std::string figure_cell(const std::optional<double>& value,
                        const std::optional<Interval>& interval) {
  return with_range(figure_text(value), interval);
}

std::string with_interval(const Metrics& metrics, std::optional<double> Metrics::*figure) {
  return figure_text(metrics.*figure) + range_text(interval_of(metrics, figure));
}

std::string range_text(const std::optional<Interval>& interval) {
  return interval ? " (" + range(*interval) + ")" : "";
}

std::string interval_sentence(const std::optional<Interval>& interval) {
  return interval ? "95 % interval " + range(*interval) : "no interval";
}

std::string bootstrap_sentence(const BootstrapOptions& bootstrap) {
  if (bootstrap.draws == 0) return "";
  return format(
      "Intervals are the 2.5 and 97.5 percentiles of ", bootstrap.draws,
      " bootstrap draws of patients, so that images of one patient stay together. They cover the "
      "choice of test patients only, not that of training data or seed. ");
}

std::string figures_section(const BinaryResult& result) {
  const auto& [image, study] = result.evaluation.overall;
  Table table(
      format("All body parts, with 95 % intervals: ", study.n, " studies, ", image.n, " images."),
      {"Figure", "Per study", "Per image"});
  for (const auto& [name, figure] : kNamed)
    table.row(name, {cell_of(study, figure), cell_of(image, figure)});
  return "<h2>Figures</h2>" + table.html();
}

std::string parts_section(const BinaryResult& result) {
  Table table = group_table(result, kBodyPart);
  table.row("MURA paper\u2019s model", {"207", kDash, "0.929", "0.705", "0.815", "0.887", kDash},
            "reference");
  add_paper_row(table, "Its best radiologist", "0.778");
  for (const auto& [part, metrics] : result.evaluation.parts) {
    add_part(table, part, metrics.study, "");
    for (const PaperKappa& paper : kPaperKappas)
      if (part == paper.part) add_paper_row(table, "MURA paper\u2019s model", paper.kappa);
  }
  return group_heading(kBodyPart) + table.html() +
         "<p class=\"note\">The rows in italics are for another test set and not comparable: "
         "Rajpurkar et al., \u201cMURA: Large Dataset for Abnormality Detection in "
         "Musculoskeletal Radiographs\u201d, arXiv:1712.06957, abstract and table 2, report these "
         "figures of their DenseNet-169 (five of them, averaged), and of the best of three "
         "radiologists, on 207 studies that are not public, labelled by the majority of three "
         "others.</p>" +
         kappa_chart(result.evaluation);
}

std::string sets_section(const BinaryResult& result) {
  if (result.evaluation.sets.empty()) return "";
  Table table = group_table(result, kDataSet);
  for (const auto& [set, metrics] : result.evaluation.sets) add_part(table, set, metrics.study, "");
  return group_heading(kDataSet) + table.html();
}

std::string confusion_section(const BinaryResult& result) {
  return "<h2>Confusion matrices</h2><div class=\"pair\">" +
         matrix(result, "study", result.evaluation.overall.study.confusion) +
         matrix(result, "image", result.evaluation.overall.image.confusion) + "</div>";
}

ShownFigures shown_figures() {
  ShownFigures shown;
  for (const auto& [name, figure] : kNamed) shown.emplace_back(name, figure_index(figure));
  return shown;
}

std::string comparison_section(const std::optional<Comparison>& comparison,
                               const ShownFigures& shown) {
  if (!comparison) return "";
  return "<h2>Comparison</h2><p>With the evaluation in " + escape(comparison->other) +
         " on the same images. For the intervals, the bootstrap draws the same patients for both "
         "models; an interval that excludes 0 is evidence of a difference.</p>" +
         compared_table("study", comparison->overall.study, shown) +
         compared_table("image", comparison->overall.image, shown);
}

}  // namespace osteon::report
