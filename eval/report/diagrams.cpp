// The diagrams of the report: curves, calibration, distribution of probabilities.
#include <algorithm>
#include <array>
#include <cmath>

#include "base/error.h"
#include "eval/report/chart.h"
#include "eval/report/sections.h"

namespace osteon::report {
namespace {

struct Level {
  const char* name;
  const char* style;
  const char* items;
  std::vector<Outcome> outcomes;
  const Metrics& metrics;
};

std::array<Level, 2> levels_of(const BinaryResult& result) {
  const auto& [image, study] = result.evaluation.overall;
  return {Level{"per image", "image", "Images", outcomes_of(result.predictions), image},
          Level{"per study", "study", "Studies", outcomes_of(aggregate_studies(result.predictions)),
                study}};
}

double real(std::int64_t count) { return static_cast<double>(count); }

std::string legend(const std::array<Level, 2>& levels, std::optional<double> Metrics::*figure,
                   const char* name) {
  std::string html = "<div class=\"legend\">";
  for (const Level& level : levels)
    html += legend_entry(format("line ", level.style),
                         format(level.name, ", ", name, " ", figure_text(level.metrics.*figure)));
  return html + legend_entry("dot study", "at the threshold") +
         legend_entry("line ghost", "chance") + "</div>";
}

std::vector<Curve> curves_of(const std::array<Level, 2>& levels) {
  std::vector<Curve> curves;
  for (const Level& level : levels) curves.push_back({level.style, level.outcomes, &level.metrics});
  return curves;
}

std::string calibration_of(const Level& level, const std::string& positive) {
  return calibration_figure(level.name, level.style, level.outcomes, "Share that is " + positive,
                            format("Expected calibration error ", figure_text(level.metrics.ece),
                                   ", Brier score ", figure_text(level.metrics.brier), "."));
}

std::string histogram(const BinaryResult& result, const Level& level) {
  constexpr std::size_t kBins = 20;
  std::array<std::array<double, kBins>, 2> counts{};
  for (const Outcome& outcome : level.outcomes)
    ++counts[static_cast<std::size_t>(outcome.label)]
            [std::min(static_cast<std::size_t>(outcome.probability * kBins), kBins - 1)];
  const double most = std::max(std::ranges::max(counts[0]), std::ranges::max(counts[1]));
  Chart chart(format("Probabilities ", level.name),
              "Number of predictions per probability, by label.",
              unit_axis("Predicted probability"), axis_up_to(most, level.items, /*whole=*/true));
  for (std::size_t bin = 0; bin < kBins; ++bin) {
    const double left = static_cast<double>(bin) / kBins, middle = left + 0.5 / kBins;
    if (counts[0][bin] > 0) chart.bar(left + 0.003, 0, middle, counts[0][bin], "image");
    if (counts[1][bin] > 0)
      chart.bar(middle, 0, left + 1.0 / kBins - 0.003, counts[1][bin], "study");
  }
  const double threshold = result.evaluation.threshold;
  chart.line({{threshold, 0}, {threshold, axis_up_to(most, "", true).high}}, "ghost");
  return figure(chart.svg(), "<div class=\"legend\">" +
                                 legend_entry("bar image", "labelled " + result.classes[0]) +
                                 legend_entry("bar study", "labelled " + result.classes[1]) +
                                 legend_entry("line ghost", "threshold") + "</div>");
}

Points roc_points(std::span<const Outcome> outcomes) {
  const std::vector<OperatingPoint> operating = operating_points(outcomes);
  Points points{{0, 0}};
  for (const OperatingPoint& point : operating)
    points.emplace_back(real(point.fp) / real(operating.back().fp),
                        real(point.tp) / real(operating.back().tp));
  return points;
}

// Average precision is the area under this step function.
Points precision_recall_points(std::span<const Outcome> outcomes) {
  const std::vector<OperatingPoint> operating = operating_points(outcomes);
  Points points;
  for (const OperatingPoint& point : operating) {
    const double precision = real(point.tp) / real(point.tp + point.fp);
    points.emplace_back(points.empty() ? 0 : points.back().first, precision);
    points.emplace_back(real(point.tp) / real(operating.back().tp), precision);
  }
  return points;
}

}  // namespace

std::string figure(const std::string& svg, const std::string& caption) {
  return "<figure>" + svg + "<figcaption>" + caption + "</figcaption></figure>";
}

Chart roc_chart(const std::vector<Curve>& curves, const std::string& of) {
  Chart chart("Receiver operating characteristic" + (of.empty() ? of : " of " + of),
              "Sensitivity against the share of false alarms at every threshold.",
              unit_axis("1 \u2212 specificity"), unit_axis("Sensitivity"));
  chart.line({{0, 0}, {1, 1}}, "ghost");
  for (const auto& [style, outcomes, decided] : curves) {
    chart.line(roc_points(outcomes), style);
    if (decided) chart.dot(1 - *decided->specificity, *decided->recall, format("dot ", style));
  }
  return chart;
}

Chart precision_recall_chart(const std::vector<Curve>& curves, const std::string& of) {
  Chart chart("Precision and recall" + (of.empty() ? of : " of " + of),
              "Precision against sensitivity at every threshold.",
              unit_axis("Sensitivity (recall)"), unit_axis("Precision"));
  const std::vector<Outcome>& last = curves.back().outcomes;
  const double share =
      real(std::ranges::count(last, 1, &Outcome::label)) / static_cast<double>(last.size());
  chart.line({{0, share}, {1, share}}, "ghost");
  for (const auto& [style, outcomes, decided] : curves) {
    chart.line(precision_recall_points(outcomes), style);
    if (decided && decided->precision)
      chart.dot(*decided->recall, *decided->precision, format("dot ", style));
  }
  return chart;
}

std::string calibration_figure(const std::string& level, const std::string& style,
                               std::span<const Outcome> outcomes, const std::string& share_label,
                               const std::string& note) {
  Chart chart("Calibration " + level,
              "Share of positives among images of about the same probability.",
              unit_axis("Predicted probability"), unit_axis(share_label));
  chart.line({{0, 0}, {1, 1}}, "ghost");
  Points points;
  for (const CalibrationBin& bin : calibration_bins(outcomes))
    if (bin.n > 0) {
      const double share = real(bin.positives) / real(bin.n);
      const double error = std::sqrt(share * (1 - share) / real(bin.n));
      points.emplace_back(bin.probability_sum / real(bin.n), share);
      chart.line({{points.back().first, std::max(share - error, 0.0)},
                  {points.back().first, std::min(share + error, 1.0)}},
                 "ghost");
    }
  chart.line(points, style);
  for (const auto& [x, y] : points) chart.dot(x, y, "dot " + style);
  return figure(chart.svg(), "<div class=\"legend\">" + legend_entry("line " + style, level) +
                                 legend_entry("line ghost", "perfect; \u00b1 one standard error") +
                                 "</div>" + note);
}

std::string curves_section(const BinaryResult& result) {
  const std::array<Level, 2> levels = levels_of(result);
  if (!levels[1].metrics.auroc || !levels[0].metrics.auroc) return "";
  return "<h2>Operating curves</h2><div class=\"pair\">" +
         figure(roc_chart(curves_of(levels)).svg(), legend(levels, &Metrics::auroc, "AUROC")) +
         figure(precision_recall_chart(curves_of(levels)).svg(),
                legend(levels, &Metrics::average_precision, "average precision")) +
         "</div>";
}

std::string calibration_section(const BinaryResult& result) {
  const std::array<Level, 2> levels = levels_of(result);
  return "<h2>Calibration</h2><div class=\"pair\">" + calibration_of(levels[1], result.classes[1]) +
         calibration_of(levels[0], result.classes[1]) + "</div>";
}

std::string distribution_section(const BinaryResult& result) {
  const std::array<Level, 2> levels = levels_of(result);
  return "<h2>Distribution of probabilities</h2><div class=\"pair\">" +
         histogram(result, levels[1]) + histogram(result, levels[0]) + "</div>";
}

}  // namespace osteon::report
