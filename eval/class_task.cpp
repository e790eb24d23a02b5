// What the tasks of several classes share: weights, decisions, figures and comparisons.
#include "eval/class_task.h"

#include <algorithm>

#include "base/progress.h"
#include "base/text.h"
#include "eval/calibration.h"
#include "eval/pairing.h"
#include "eval/results.h"
#include "eval/sample_weights.h"

namespace osteon {
namespace {

// Values above 1 become 1: the mean of several ones can exceed 1 by rounding.
std::vector<ClassPrediction> to_predictions(const Samples& samples, const ImageValues& values) {
  std::vector<ClassPrediction> predictions;
  for (std::size_t i = 0; i < samples.indices.size(); ++i) {
    const Sample& sample = samples[i];
    ClassPrediction prediction{{sample.path, sample.study, sample.patient, sample.part},
                               static_cast<std::size_t>(sample.label),
                               {}};
    for (const double value : values.row(i))
      prediction.probabilities.push_back(std::min(value, 1.0));
    predictions.push_back(std::move(prediction));
  }
  return predictions;
}

LabelledImages labelled(const std::vector<ClassPrediction>& predictions,
                        const std::vector<std::string>& classes) {
  return {origins_of(predictions), [&](std::size_t i) { return classes[predictions[i].label]; }};
}

LevelToCompare level_of(const ClassOutcomes& outcomes, const std::vector<std::size_t>& patients,
                        std::size_t figures) {
  LevelToCompare level;
  level.figures = [ranked = RankedClassOutcomes(outcomes, patients), figures](auto counts) {
    FigureValues values = ranked.metrics(counts).values;
    values.resize(figures);
    return values;
  };
  level.is_right.emplace();
  for (const Outcome& outcome : top_outcomes(outcomes))
    level.is_right->push_back(outcome.label == 1);
  return level;
}

}  // namespace

std::vector<std::size_t> ClassTask::labels_of(const Samples& samples) {
  std::vector<std::size_t> labels;
  for (std::size_t i = 0; i < samples.indices.size(); ++i)
    labels.push_back(static_cast<std::size_t>(samples[i].label));
  return labels;
}

std::vector<double> ClassTask::prepare_training(
    const Manifest& manifest, const std::string& policy,
    const std::function<void(const std::string&)>& warn) {
  return class_weights(manifest, policy, warn);
}

std::vector<std::string> ClassTask::columns() const {
  std::vector<std::string> columns;
  for (const std::string& name : classes_) columns.push_back("probability_" + name);
  return columns;
}

std::string ClassTask::decide(std::span<const double> prediction, const ModelInfo&) const {
  return classes_[most_probable(prediction)];
}

double ClassTask::certainty(std::span<const double> prediction, const ModelInfo&) const {
  return prediction[most_probable(prediction)];
}

void ClassTask::check_choices(const std::string& threshold, const std::string& temperature,
                              const Samples& validation) const {
  check_no_threshold(*this, threshold);
  const std::vector<std::size_t> labels = labels_of(validation);
  OSTEON_CHECK(parse_temperature(temperature) ||
                   std::ranges::count(labels, labels.front()) < std::ssize(labels),
               validation.manifest.source.string(),
               ": --temperature val needs several classes in the validation split");
}

// All views of one study must have the same label.
void ClassTask::check_samples(const Samples& samples) const {
  const ImageValues none{std::ssize(classes_),
                         std::vector<double>(samples.indices.size() * classes_.size())};
  aggregate_class_studies(to_predictions(samples, none), classes_);
}

void ClassTask::check_classes(const std::vector<std::string>& classes, bool) const {
  if (classes != classes_)
    throw UsageError(format("the model was trained for the classes ", join(classes_),
                            ", but the classes of the data are ", join(classes)));
}

std::unique_ptr<ClassResult> ClassTask::result_of(std::vector<ClassPrediction> predictions,
                                                  const BootstrapOptions& bootstrap,
                                                  std::span<const std::string> sets) const {
  auto result = std::make_unique<ClassResult>();
  result->task = name();
  result->classes = classes_;
  result->predictions = std::move(predictions);
  result->evaluation = evaluate_classes(result->predictions, classes_, bootstrap, sets);
  result->bootstrap = bootstrap;
  return result;
}

std::unique_ptr<TaskResult> ClassTask::evaluate(const Samples& samples,
                                                const ImageValues& predictions,
                                                const ModelInfo& info,
                                                const BootstrapOptions& bootstrap) const {
  auto result = result_of(to_predictions(samples, predictions), bootstrap, samples.manifest.sets);
  result->temperature = info.temperature;
  return result;
}

std::unique_ptr<TaskResult> ClassTask::read_result(const std::filesystem::path& folder) const {
  auto result = std::make_unique<ClassResult>();
  result->task = name();
  result->classes = classes_;
  result->predictions = read_class_predictions(folder / "predictions.csv", classes_);
  return result;
}

std::unique_ptr<TaskResult> ClassTask::pool(const std::vector<std::filesystem::path>& folders,
                                            const BootstrapOptions& bootstrap) const {
  std::vector<ClassPrediction> predictions;
  for (const auto& folder : folders)
    add_others(predictions, read_class_predictions(folder / "predictions.csv", classes_),
               folder.string());
  return result_of(std::move(predictions), bootstrap);
}

std::span<const char* const> ClassResult::figure_names() const {
  return std::span(kOverallFigures)
      .first(kOverallFigures.size() - (has_grades() ? 0 : kGradeFigures));
}

std::vector<NamedFigure> ClassResult::figures() const {
  const FigureValues& values = evaluation.overall.image.values;
  std::vector<const char*> names{"macro_auroc", "accuracy", "balanced_accuracy", "kappa"};
  if (has_grades()) names.insert(names.end(), {"quadratic_kappa", "mae"});
  std::vector<NamedFigure> figures;
  for (const char* name : names) figures.emplace_back(name, values[overall_figure(name)]);
  return figures;
}

void ClassResult::compare(const TaskResult& other, const std::string& name,
                          const std::filesystem::path& folder) {
  const auto here = sorted_by_name(predictions);
  const auto there = sorted_by_name(dynamic_cast<const ClassResult&>(other).predictions);
  check_same_images(labelled(here, classes), labelled(there, classes), name);
  const ImageOrigins images = origins_of(here);
  const EvaluationGroups groups = group_patients(group_studies(images), images);
  const std::span<const char* const> names = figure_names();
  const auto level = [&](auto items) {
    return [&, items = std::move(items)](const GroupItems& group) {
      return level_of(class_outcomes(items, group.positions, classes.size()), group.patient_of,
                      names.size());
    };
  };
  const auto levels = [&](const std::vector<ClassPrediction>& each) -> LevelsToCompare {
    return {level(each), level(aggregate_class_studies(each, classes))};
  };
  comparison = compare_groups(groups, levels(here), levels(there), name,
                              {names.begin(), names.end()}, bootstrap);
  write_comparison_json(folder / "comparison.json", *comparison);
}

Facts ClassResult::facts() const {
  return {{has_grades() ? "Grades" : "Classes", join(classes)},
          {"Temperature", rounded(temperature, 4)}};
}

}  // namespace osteon
