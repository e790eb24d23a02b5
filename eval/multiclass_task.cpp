// The task of several classes.
#include "eval/multiclass_task.h"

#include <algorithm>

#include "base/progress.h"
#include "base/text.h"
#include "eval/calibration.h"
#include "eval/pairing.h"
#include "eval/report/report.h"
#include "eval/results.h"
#include "eval/sample_weights.h"
#include "ops/ops.h"

namespace osteon {
namespace {

constexpr const char* kNoThreshold =
    "--threshold: the task multiclass decides for the most probable class and has no threshold; "
    "leave the option out";

std::vector<std::size_t> labels_of(const Samples& samples) {
  std::vector<std::size_t> labels;
  for (std::size_t i = 0; i < samples.indices.size(); ++i)
    labels.push_back(static_cast<std::size_t>(samples[i].label));
  return labels;
}

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

class MulticlassTask : public Task {
 public:
  explicit MulticlassTask(const std::vector<std::string>& classes) : classes_(classes) {}

  const char* name() const override { return "multiclass"; }

  std::int64_t outputs() const override { return static_cast<std::int64_t>(classes_.size()); }

  // 1 for the label's class, [N, classes].
  Tensor targets(const Samples& samples, DType dtype) const override {
    const std::vector<std::size_t> labels = labels_of(samples);
    std::vector<double> targets(labels.size() * classes_.size());
    for (std::size_t i = 0; i < labels.size(); ++i) targets[i * classes_.size() + labels[i]] = 1;
    return from_vector(targets, {static_cast<std::int64_t>(labels.size()), outputs()}, dtype);
  }

  Tensor smooth(const Tensor& targets, double share) const override {
    return share == 0 ? targets
                      : targets * (1 - share) + share / static_cast<double>(classes_.size());
  }

  std::vector<double> sample_weights(
      const Manifest& manifest, const std::string& policy,
      const std::function<void(const std::string&)>& warn) const override {
    return class_weights(manifest, policy, warn);
  }

  // The mean over the images of -weight sum_k target_k log p_k, p = softmax(outputs).
  Tensor loss(const Tensor& outputs, const Tensor& targets, const Tensor& weights) const override {
    const Tensor shares = targets * reshape(weights, {-1, 1});
    return sum(log_softmax(outputs) * shares) * (-1 / static_cast<double>(outputs.dim(0)));
  }

  std::vector<std::string> columns() const override {
    std::vector<std::string> columns;
    for (const std::string& name : classes_) columns.push_back("probability_" + name);
    return columns;
  }

  // softmax(logits / temperature)
  ImageValues predict(const ImageValues& outputs, const ModelInfo& info) const override {
    const auto rows = static_cast<std::int64_t>(outputs.rows());
    if (rows == 0) return {this->outputs(), {}};
    const Tensor logits = from_vector(outputs.values, {rows, outputs.columns}, DType::f64);
    return {outputs.columns, softmax(logits * (1 / info.temperature)).to_vector()};
  }

  std::string decide(std::span<const double> prediction, const ModelInfo&) const override {
    return classes_[most_probable(prediction)];
  }

  double certainty(std::span<const double> prediction) const override {
    return prediction[most_probable(prediction)];
  }

  std::int64_t explained_output(std::span<const double> prediction) const override {
    return static_cast<std::int64_t>(most_probable(prediction));
  }

  bool has_threshold() const override { return false; }

  void check_choices(const std::string& threshold, const std::string& temperature,
                     const Samples& validation) const override {
    if (parse_threshold(threshold) != ModelInfo{}.threshold) throw UsageError(kNoThreshold);
    const std::vector<std::size_t> labels = labels_of(validation);
    OSTEON_CHECK(parse_temperature(temperature) ||
                     std::ranges::count(labels, labels.front()) < std::ssize(labels),
                 validation.manifest.root.string(),
                 ": --temperature val needs several classes in the validation split");
  }

  void set_temperature(ModelInfo& info, const std::string& temperature, const Samples& validation,
                       const ImageValues& outputs) const override {
    const std::optional<double> number = parse_temperature(temperature);
    info.temperature = number ? *number : fit_class_temperature(outputs, labels_of(validation));
  }

  void set_threshold(ModelInfo&, const std::string&, const Samples&,
                     const ImageValues&) const override {
    throw UsageError(kNoThreshold);
  }

  Score score() const override { return kMulticlassScore; }

  // All views of one study must have the same label.
  void check_samples(const Samples& samples) const override {
    aggregate_class_studies(
        to_predictions(samples,
                       {outputs(), std::vector<double>(samples.indices.size() * classes_.size())}),
        classes_);
  }

  void check_classes(const std::vector<std::string>& classes, bool) const override {
    if (classes != classes_)
      throw UsageError(format("the model was trained for the classes ", join(classes_),
                              ", but the classes of the data are ", join(classes)));
  }

  std::unique_ptr<TaskResult> evaluate(const Samples& samples, const ImageValues& predictions,
                                       const ModelInfo& info,
                                       const BootstrapOptions& bootstrap) const override {
    auto result = std::make_unique<MulticlassResult>();
    result->classes = classes_;
    result->predictions = to_predictions(samples, predictions);
    result->evaluation = evaluate_classes(result->predictions, classes_, bootstrap);
    result->temperature = info.temperature;
    result->bootstrap = bootstrap;
    return result;
  }

  std::unique_ptr<TaskResult> read_result(const std::filesystem::path& folder) const override {
    auto result = std::make_unique<MulticlassResult>();
    result->classes = classes_;
    result->predictions = read_class_predictions(folder / "predictions.csv", classes_);
    return result;
  }

  std::unique_ptr<TaskResult> pool(const std::vector<std::filesystem::path>& folders,
                                   const BootstrapOptions& bootstrap) const override {
    auto result = std::make_unique<MulticlassResult>();
    result->classes = classes_;
    for (const auto& folder : folders)
      add_others(result->predictions, read_class_predictions(folder / "predictions.csv", classes_),
                 folder.string());
    result->evaluation = evaluate_classes(result->predictions, classes_, bootstrap);
    result->bootstrap = bootstrap;
    return result;
  }

 private:
  const std::vector<std::string> classes_;
};

LabelledImages labelled(const std::vector<ClassPrediction>& predictions,
                        const std::vector<std::string>& classes) {
  return {origins_of(predictions), [&](std::size_t i) { return classes[predictions[i].label]; }};
}

LevelToCompare level_of(const ClassOutcomes& outcomes, const std::vector<std::size_t>& patients) {
  LevelToCompare level;
  level.figures = [ranked = RankedClassOutcomes(outcomes, patients)](auto counts) {
    FigureValues values = ranked.metrics(counts).values;
    values.resize(kOverallFigures.size());
    return values;
  };
  for (const Outcome& outcome : top_outcomes(outcomes))
    level.is_right.push_back(outcome.label == 1);
  return level;
}

}  // namespace

std::vector<NamedFigure> MulticlassResult::figures() const {
  const FigureValues& values = evaluation.overall.image.values;
  std::vector<NamedFigure> figures;
  for (const char* name : {"macro_auroc", "accuracy", "balanced_accuracy", "kappa"})
    figures.emplace_back(name, values[overall_figure(name)]);
  return figures;
}

void MulticlassResult::compare(const TaskResult& other, const std::string& name,
                               const std::filesystem::path& folder) {
  const auto here = sorted_by_name(predictions);
  const auto there = sorted_by_name(dynamic_cast<const MulticlassResult&>(other).predictions);
  check_same_images(labelled(here, classes), labelled(there, classes), name);
  const std::vector<ClassStudy> studies = aggregate_class_studies(here, classes),
                                others = aggregate_class_studies(there, classes);
  const ImageOrigins images = origins_of(here);
  const EvaluationGroups groups = group_patients(group_studies(images), images);
  const auto compared = [&](const EvaluationGroup& group,
                            const std::string& part) -> ImageAndStudyComparison {
    const auto levels = [&](const auto& first, const auto& second, const auto& positions,
                            const auto& patients) {
      return compare_levels(level_of(class_outcomes(first, positions, classes.size()), patients),
                            level_of(class_outcomes(second, positions, classes.size()), patients),
                            group.patients, part, bootstrap);
    };
    return {levels(here, there, group.images, group.image_patients),
            levels(studies, others, group.studies, group.study_patients)};
  };
  comparison = Comparison{
      name, {kOverallFigures.begin(), kOverallFigures.end()}, compared(groups.overall, ""), {}};
  for (const auto& [part, group] : groups.parts)
    comparison->parts.emplace(part, compared(group, part));
  write_comparison_json(folder / "comparison.json", *comparison);
}

Facts MulticlassResult::facts() const {
  return {{"Classes", join(classes)}, {"Temperature", rounded(temperature, 4)}};
}

std::unique_ptr<Task> make_multiclass_task(const std::vector<std::string>& classes) {
  if (classes.size() < 2)
    throw UsageError(
        format("the task multiclass needs at least 2 classes, but there is only ", join(classes)));
  return std::make_unique<MulticlassTask>(classes);
}

}  // namespace osteon
