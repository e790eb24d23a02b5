// The labels of each task.
#include "data/labels.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <map>
#include <optional>

#include "base/error.h"
#include "base/text.h"

namespace osteon {
namespace {

constexpr const char* kPositiveNames[] = {"abnormal", "positive", "fractured", "1"};
constexpr std::int64_t kMostGrades = 100;
constexpr double kLargestGrade = 1e6;

// "file:line: path" or "path", for messages.
std::string name_of(const ImageRecord& record) { return record.place + record.path; }

template <class Number>
std::optional<Number> parse(const std::string& text) {
  Number value{};
  const char* const end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, value);
  return error == std::errc() && stop == end ? std::optional(value) : std::nullopt;
}

void check_no_positive(const ManifestOptions& options, const Manifest& manifest) {
  if (!options.positive.empty())
    throw UsageError(format("--positive: the task ", manifest.task,
                            " has no positive class; leave the option out"));
}

// --- binary and multiclass -----------------------------------------------------------------------

// The classes in the records, each with its first record and its count.
struct ClassCount {
  const ImageRecord* first;
  std::int64_t images;
};
using ClassCounts = std::map<std::string, ClassCount>;

ClassCounts count_classes(const ImageListing& listing) {
  ClassCounts counts;
  for (const ImageRecord& record : listing.records)
    ++counts.try_emplace(record.class_name, &record, 0).first->second.images;
  return counts;
}

std::vector<std::string> class_names(const ImageListing& listing, const ClassCounts& counts) {
  if (!listing.classes.empty()) return listing.classes;
  std::vector<std::string> names;
  for (const auto& [name, count] : counts) names.push_back(name);
  return names;
}

// Throws Error naming the rarest class if there are more than two.
void check_two_classes(const std::vector<std::string>& names, const ClassCounts& counts) {
  if (names.size() == 2) return;
  const auto rarest =
      std::ranges::min_element(counts, {}, [](const auto& entry) { return entry.second.images; });
  throw Error(format(name_of(*rarest->second.first), ": label \"", rarest->first, "\" makes ",
                     names.size(), " classes (", join(names),
                     "); the task binary needs two (train_mura --task multiclass takes them all)"));
}

// The index of the positive class among the two names; `wanted` is --positive.
std::size_t positive_index(const std::vector<std::string>& names, const std::string& wanted) {
  std::vector<std::string> all = split_text(wanted, ',');
  all.push_back(wanted);  // a name may have commas
  std::vector<std::size_t> matches;
  for (std::size_t i = 0; i < names.size(); ++i) {
    const auto is_name = [&](const std::string& each) {
      return lower_case(each) == lower_case(names[i]);
    };
    if (wanted.empty() ? std::ranges::any_of(kPositiveNames, is_name)
                       : std::ranges::any_of(all, is_name))
      matches.push_back(i);
  }
  if (matches.size() == 1) return matches.front();
  if (!wanted.empty())
    throw UsageError(format("--positive: class \"", wanted, "\": the classes are ", join(names)));
  throw UsageError(format("the positive class cannot be guessed from ", join(names),
                          "; name it with --positive"));
}

// Throws Error naming an image of a class that a model does not know.
void check_known_classes(const std::vector<std::string>& known,
                         const std::vector<std::string>& names, const ClassCounts& counts) {
  for (const auto& [name, count] : counts)
    OSTEON_CHECK(std::ranges::find(known, name) != known.end(), name_of(*count.first), ": label \"",
                 name, "\" is none of the model's classes ", join(known),
                 "; those of the data are ", join(names));
}

std::vector<ImageLabel> read_classes(const ImageListing& listing, const ManifestOptions& options,
                                     Manifest& manifest) {
  const ClassCounts counts = count_classes(listing);
  std::vector<std::string>& names = manifest.classes = class_names(listing, counts);
  if (options.task == "multiclass" && !options.classes.empty()) {
    check_known_classes(options.classes, names, counts);
    names = options.classes;
  }
  OSTEON_CHECK(names.size() > 1, manifest.source.string(), ": all images are of one class, ",
               join(names), "; two are needed");
  if (manifest.task == "auto") manifest.task = names.size() == 2 ? "binary" : "multiclass";
  if (manifest.task == "binary") {
    check_two_classes(names, counts);
    if (positive_index(names, options.positive) == 0) std::swap(names[0], names[1]);
  } else {
    check_no_positive(options, manifest);
  }
  std::vector<ImageLabel> labels;
  for (const ImageRecord& record : listing.records)
    labels.push_back({.label = std::ranges::find(names, record.class_name) - names.begin()});
  return labels;
}

// --- ordinal -------------------------------------------------------------------------------------

struct Grades {
  std::int64_t lowest = 0, highest = 0;
  bool is_open = false;  // the highest one includes those above it
};

std::int64_t grade_of(const ImageRecord& record) {
  const std::optional<double> grade = parse<double>(record.class_name);  // also "1.0"
  OSTEON_CHECK(grade && std::abs(*grade) <= kLargestGrade && *grade == std::floor(*grade),
               name_of(record), ": label \"", record.class_name,
               "\" is not a grade; the task ordinal needs whole numbers");
  return static_cast<std::int64_t>(*grade);
}

// The grades of a model, from their names.
Grades grades_of(const std::vector<std::string>& names) {
  const auto number = [](std::string name) {
    if (name.ends_with('+')) name.pop_back();
    return parse<std::int64_t>(name).value_or(0);
  };
  return {number(names.front()), number(names.back()), names.back().ends_with('+')};
}

Grades grades_of(const ImageListing& listing, std::int64_t most, const Manifest& manifest) {
  std::vector<std::int64_t> all;
  for (const ImageRecord& record : listing.records) all.push_back(grade_of(record));
  Grades grades{std::ranges::min(all), std::ranges::max(all)};
  if (most >= 0 && most <= grades.highest) grades = {grades.lowest, most, /*is_open=*/true};
  OSTEON_CHECK(grades.lowest < grades.highest, manifest.source.string(),
               ": all images are of one grade, ", grades.lowest,
               most >= 0 ? " or above --max-grade" : "", "; two are needed");
  OSTEON_CHECK(grades.highest - grades.lowest < kMostGrades, manifest.source.string(),
               ": the labels are ", grades.lowest, " to ", grades.highest, ", more than ",
               kMostGrades, " grades; choose --task regression, or --max-grade");
  return grades;
}

std::vector<ImageLabel> read_grades(const ImageListing& listing, const ManifestOptions& options,
                                    Manifest& manifest) {
  const Grades grades = options.classes.empty() ? grades_of(listing, options.max_grade, manifest)
                                                : grades_of(options.classes);
  for (std::int64_t grade = grades.lowest; grade <= grades.highest; ++grade)
    manifest.classes.push_back(std::to_string(grade));
  if (grades.is_open) manifest.classes.back() += "+";
  std::vector<ImageLabel> labels;
  for (const ImageRecord& record : listing.records) {
    std::int64_t grade = grade_of(record);
    if (grades.is_open) grade = std::min(grade, grades.highest);
    OSTEON_CHECK(grade >= grades.lowest && grade <= grades.highest, name_of(record), ": grade ",
                 grade, " is none of the model's grades ", join(manifest.classes));
    labels.push_back({.label = grade - grades.lowest});
  }
  return labels;
}

// --- multilabel and regression -------------------------------------------------------------------

std::int8_t cell_label(const ImageRecord& record, const std::string& column,
                       const std::string& cell) {
  if (cell.empty()) return kUnknown;
  const std::optional<double> number = parse<double>(cell);
  OSTEON_CHECK(number == 0.0 || number == 1.0, name_of(record), ": ", column, " is \"", cell,
               "\", not 0, 1 or empty (unknown)");
  return *number == 1 ? 1 : 0;
}

std::vector<ImageLabel> read_columns(const ImageListing& listing,
                                     const std::vector<std::string>& columns, Manifest& manifest) {
  manifest.classes = columns;
  std::vector<ImageLabel> all;
  for (const ImageRecord& record : listing.records) {
    ImageLabel& image = all.emplace_back();
    for (std::size_t k = 0; k < columns.size(); ++k)
      image.labels.push_back(cell_label(record, columns[k], record.cells[k]));
  }
  return all;
}

std::vector<ImageLabel> read_numbers(const ImageListing& listing, const std::string& column,
                                     Manifest& manifest) {
  const std::string& own = listing.number.empty() ? "label" : listing.number;
  manifest.classes = {column.empty() ? own : column};
  std::vector<ImageLabel> labels;
  for (const ImageRecord& record : listing.records) {
    const std::optional<double> value = parse<double>(record.class_name);
    OSTEON_CHECK(value && std::isfinite(*value), name_of(record), ": label \"", record.class_name,
                 "\" is not a number");
    labels.push_back({.value = *value});
  }
  return labels;
}

void check_label_options(const ManifestOptions& options, const ImageListing& listing,
                         const Manifest& manifest) {
  const std::string& task = manifest.task;
  if (!listing.number.empty() && (task == "auto" || task == "binary" || task == "multiclass"))
    throw UsageError(format("--task ", task, ": the label ", listing.number,
                            " is a number; add --task regression"));
  const bool is_multilabel = manifest.task == "multilabel";
  const std::vector<std::string>& many = options.columns.many;
  if (!many.empty() && !options.columns.one.empty())
    throw UsageError(
        "--labels and --label-column: an image has several labels or one; leave one of "
        "the options out");
  for (std::size_t i = 0; i < many.size(); ++i)
    for (std::size_t k = 0; k < i; ++k)
      if (lower_case(many[i]) == lower_case(many[k]))
        throw UsageError("--labels: the column " + many[i] + " is named twice");
  if (is_multilabel && options.columns.many.empty())
    throw UsageError("--task multilabel needs --labels, the names of its columns");
  if (!is_multilabel && !options.columns.many.empty())
    throw UsageError(format("--labels ", join(options.columns.many), ": the task ", manifest.task,
                            " has one label per image; name its column by --label-column"));
  if (manifest.task != "ordinal" && options.max_grade >= 0)
    throw UsageError(format("--max-grade: the task ", manifest.task, " has no grades"));
  if (manifest.task != "binary" && manifest.task != "auto") check_no_positive(options, manifest);
}

}  // namespace

std::vector<ImageLabel> read_labels(const ImageListing& listing, const ManifestOptions& options,
                                    Manifest& manifest) {
  manifest.task = options.task;
  if (options.task == "auto" && !options.columns.many.empty()) manifest.task = "multilabel";
  check_label_options(options, listing, manifest);
  if (manifest.task == "ordinal") return read_grades(listing, options, manifest);
  if (manifest.task == "multilabel") return read_columns(listing, options.columns.many, manifest);
  if (manifest.task == "regression") return read_numbers(listing, options.columns.one, manifest);
  return read_classes(listing, options, manifest);
}

std::vector<std::size_t> counted_classes(const Manifest& manifest, const Sample& sample) {
  if (manifest.task == "regression") return {};
  if (manifest.task != "multilabel") return {static_cast<std::size_t>(sample.label)};
  std::vector<std::size_t> positive;
  for (std::size_t k = 0; k < sample.labels.size(); ++k)
    if (sample.labels[k] == 1) positive.push_back(k);
  return positive;
}

std::string label_names(std::span<const std::int8_t> labels,
                        const std::vector<std::string>& names) {
  std::vector<std::string> positive;
  for (std::size_t k = 0; k < labels.size(); ++k)
    if (labels[k] == 1) positive.push_back(names[k]);
  if (!positive.empty()) return join(positive);
  return std::ranges::count(labels, kUnknown) > 0 ? "unknown" : "none";
}

std::string label_text(const Manifest& manifest, const Sample& sample) {
  if (manifest.task == "regression") return exact_text(sample.value);
  if (manifest.task == "multilabel") return label_names(sample.labels, manifest.classes);
  return manifest.classes[static_cast<std::size_t>(sample.label)];
}

}  // namespace osteon
