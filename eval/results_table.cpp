// Prints the table of an evaluation on the terminal.
#include <algorithm>
#include <charconv>
#include <ostream>
#include <string>
#include <string_view>

#include "eval/results.h"

namespace osteon {
namespace {

using Row = std::vector<std::string>;

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

std::string rounded(const std::optional<double>& value) {
  if (!value) return "-";
  char text[32];
  return {text, std::to_chars(text, text + sizeof text, *value, std::chars_format::fixed, 4).ptr};
}

// The name of a part, with ? instead of control characters, which would break the table or control
// the terminal. A name may contain any bytes.
std::string printable(std::string name) {
  std::ranges::replace_if(
      name, [](unsigned char c) { return c < ' ' || c == 127; }, '?');
  return name;
}

// The width of a text on the terminal, in columns. UTF-8 continuation bytes have no width.
std::size_t width(std::string_view text) {
  return static_cast<std::size_t>(
      std::ranges::count_if(text, [](unsigned char c) { return (c & 0xC0) != 0x80; }));
}

// Prints the rows as columns, the first `left` of them aligned left and the others right.
void print_aligned(std::ostream& out, const std::vector<Row>& rows, std::size_t left) {
  std::vector<std::size_t> widths(rows.front().size());
  for (const Row& row : rows)
    for (std::size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], width(row[i]));
  for (const Row& row : rows) {
    std::string line;
    for (std::size_t i = 0; i < row.size(); ++i) {
      const std::string padding(widths[i] - width(row[i]), ' ');
      if (i > 0) line += "  ";
      line += i < left ? row[i] + padding : padding + row[i];
    }
    out << line << '\n';
  }
}

Row figures_row(const std::string& name, const char* level, const Metrics& metrics) {
  Row row{name, level, std::to_string(metrics.n), std::to_string(metrics.positives)};
  for (const Column& column : kColumns) row.push_back(rounded(metrics.*column.value));
  return row;
}

void add_rows(std::vector<Row>& rows, const std::string& name,
              const ImageAndStudyMetrics& metrics) {
  rows.push_back(figures_row(name, "image", metrics.image));
  rows.push_back(figures_row("", "study", metrics.study));
}

std::string interval_text(const std::optional<Interval>& interval) {
  return interval ? rounded(interval->low) + " to " + rounded(interval->high) : "-";
}

bool has_interval(const Metrics& metrics) {
  return std::ranges::any_of(metrics.ci95,
                             [](const auto& interval) { return interval.has_value(); });
}

void print_intervals(std::ostream& out, const ImageAndStudyMetrics& metrics) {
  if (!has_interval(metrics.image) && !has_interval(metrics.study)) return;
  std::vector<Row> rows{{"95 % intervals", "per image", "", "per study", ""}};
  for (std::size_t f = 0; f < kFigureCount; ++f)
    rows.push_back({kFigures[f].name, rounded(metrics.image.*kFigures[f].value),
                    interval_text(metrics.image.ci95[f]), rounded(metrics.study.*kFigures[f].value),
                    interval_text(metrics.study.ci95[f])});
  out << '\n';
  print_aligned(out, rows, 1);
}

Row difference_row(std::size_t figure, const char* level, const ComparedLevel& compared) {
  const auto &first = compared.first[figure], &second = compared.second[figure];
  return {kFigures[figure].name,
          level,
          rounded(first),
          rounded(second),
          first && second ? rounded(*first - *second) : "-",
          interval_text(compared.difference[figure])};
}

void print_decisions(std::ostream& out, const char* level, const McNemar& decisions) {
  out << "McNemar per " << level << ": only this model right " << decisions.only_first_right
      << ", only the other model right " << decisions.only_second_right
      << ", p = " << rounded(decisions.p_value) << '\n';
}

}  // namespace

void print_table(std::ostream& out, const Evaluation& evaluation) {
  std::vector<Row> rows{{"", "per", "n", "positive"}};
  for (const Column& column : kColumns) rows.front().push_back(column.title);
  add_rows(rows, "all", evaluation.overall);
  for (const auto& [part, metrics] : evaluation.parts) add_rows(rows, printable(part), metrics);
  print_aligned(out, rows, 2);

  print_intervals(out, evaluation.overall);
  const Confusion& image = evaluation.overall.image.confusion;
  const Confusion& study = evaluation.overall.study.confusion;
  out << "\nconfusion matrix; a prediction is positive if its probability is at least "
      << rounded(evaluation.threshold) << '\n';
  const auto text = [](std::int64_t count) { return std::to_string(count); };
  print_aligned(out,
                {{"per", "truth", "predicted negative", "predicted positive"},
                 {"image", "negative", text(image.tn), text(image.fp)},
                 {"", "positive", text(image.fn), text(image.tp)},
                 {"study", "negative", text(study.tn), text(study.fp)},
                 {"", "positive", text(study.fn), text(study.tp)}},
                2);
}

void print_comparison(std::ostream& out, const Comparison& comparison) {
  out << "\ncompared with " << printable(comparison.other) << '\n';
  std::vector<Row> rows{{"", "per", "this", "other", "difference", "95 % interval"}};
  for (std::size_t f = 0; f < kFigureCount; ++f) {
    rows.push_back(difference_row(f, "image", comparison.overall.image));
    rows.push_back(difference_row(f, "study", comparison.overall.study));
  }
  print_aligned(out, rows, 2);
  print_decisions(out, "image", comparison.overall.image.decisions);
  print_decisions(out, "study", comparison.overall.study.decisions);
}

}  // namespace osteon
