// Prints the table of an evaluation on the terminal.
#include <algorithm>
#include <ostream>
#include <string>
#include <utility>

#include "eval/results.h"
#include "eval/text_table.h"

namespace osteon {
namespace {

struct Column {
  const char* title;
  std::optional<double> Metrics::*value;
};

constexpr Column kColumns[] = {
    {"accuracy", &Metrics::accuracy},
    {"precision", &Metrics::precision},
    {"recall", &Metrics::recall},
    {"specificity", &Metrics::specificity},
    {"F1", &Metrics::f1},
    {"AUROC", &Metrics::auroc},
    {"kappa", &Metrics::kappa},
};

TextRow figures_row(const std::string& name, const char* level, const Metrics& metrics) {
  TextRow row{name, level, std::to_string(metrics.n), std::to_string(metrics.positives)};
  for (const Column& column : kColumns) row.push_back(cell_text(metrics.*column.value));
  return row;
}

void add_rows(std::vector<TextRow>& rows, const std::string& name,
              const ImageAndStudy<Metrics>& metrics) {
  rows.push_back(figures_row(name, "image", metrics.image));
  rows.push_back(figures_row("", "study", metrics.study));
}

TextRow difference_row(const std::string& name, std::size_t figure, const char* level,
                       const ComparedLevel& compared) {
  return {name,
          level,
          cell_text(compared.first[figure]),
          cell_text(compared.second[figure]),
          cell_text(difference_of(compared.first, compared.second)[figure]),
          cell_text(compared.difference[figure])};
}

void print_decisions(std::ostream& out, const char* level,
                     const std::optional<McNemar>& decisions) {
  if (!decisions) return;
  out << "McNemar per " << level << ": only this model right " << decisions->only_first_right
      << ", only the other model right " << decisions->only_second_right
      << ", p = " << cell_text(decisions->p_value) << '\n';
}

}  // namespace

void print_table(std::ostream& out, const Evaluation& evaluation) {
  std::vector<TextRow> rows{{"", "per", "n", "positive"}};
  for (const Column& column : kColumns) rows.front().push_back(column.title);
  add_rows(rows, "all", evaluation.overall);
  for (const auto* groups : {&evaluation.parts, &evaluation.sets})
    for (const auto& [name, metrics] : *groups) add_rows(rows, printable(name), metrics);
  print_aligned(out, rows, 2);

  const auto& [image_metrics, study_metrics] = evaluation.overall;
  std::vector<const char*> names;
  for (const Figure& figure : kFigures) names.push_back(figure.name);
  print_intervals(out, names, figure_values(image_metrics), image_metrics.ci95,
                  figure_values(study_metrics), study_metrics.ci95);
  const Confusion& image = evaluation.overall.image.confusion;
  const Confusion& study = evaluation.overall.study.confusion;
  out << "\nconfusion matrix; a prediction is positive if its probability is at least "
      << cell_text(evaluation.threshold) << '\n';
  const auto text = [](std::int64_t count) { return std::to_string(count); };
  print_aligned(out,
                {{"per", "truth", "predicted negative", "predicted positive"},
                 {"image", "negative", text(image.tn), text(image.fp)},
                 {"", "positive", text(image.fn), text(image.tp)},
                 {"study", "negative", text(study.tn), text(study.fp)},
                 {"", "positive", text(study.fn), text(study.tp)}},
                2);
}

void print_intervals(std::ostream& out, std::span<const char* const> names,
                     const FigureValues& image, const FigureIntervals& image_ci95,
                     const FigureValues& study, const FigureIntervals& study_ci95) {
  const auto has_value = [](const auto& interval) { return interval.has_value(); };
  if (std::ranges::none_of(image_ci95, has_value) && std::ranges::none_of(study_ci95, has_value))
    return;
  std::vector<TextRow> rows{{"95 % intervals", "per image", "", "per study", ""}};
  for (std::size_t f = 0; f < names.size(); ++f)
    rows.push_back({names[f], cell_text(image[f]), cell_text(image_ci95[f]), cell_text(study[f]),
                    cell_text(study_ci95[f])});
  out << '\n';
  print_aligned(out, rows, 1);
}

void print_trained_on(std::ostream& out, std::optional<std::int64_t> trained_on,
                      std::size_t images) {
  if (trained_on.value_or(0) > 0)
    out << "\n" << *trained_on << " of these " << images << " images were used for training\n";
}

void print_comparison(std::ostream& out, const Comparison& comparison) {
  out << "\ncompared with " << printable(comparison.other) << '\n';
  std::vector<TextRow> rows{{"", "per", "this", "other", "difference", "95 % interval"}};
  for (std::size_t f = 0; f < comparison.figures.size(); ++f)
    for (const auto& [level, compared] : {std::pair{"image", &comparison.overall.image},
                                          std::pair{"study", &comparison.overall.study}})
      rows.push_back(difference_row(comparison.figures[f], f, level, *compared));
  print_aligned(out, rows, 2);
  print_decisions(out, "image", comparison.overall.image.decisions);
  print_decisions(out, "study", comparison.overall.study.decisions);
}

}  // namespace osteon
