// The task of a number.
#include "eval/regression_task.h"

#include <charconv>
#include <cmath>

#include "base/error.h"
#include "base/progress.h"
#include "base/text.h"
#include "eval/calibration.h"
#include "eval/pairing.h"
#include "eval/results.h"
#include "eval/sample_weights.h"
#include "ops/ops.h"

namespace osteon {
namespace {

std::vector<NumberPrediction> to_predictions(const Samples& samples, const ImageValues& values) {
  std::vector<NumberPrediction> predictions;
  for (std::size_t i = 0; i < samples.indices.size(); ++i) {
    const Sample& sample = samples[i];
    predictions.push_back(
        {{sample.path, sample.study, sample.patient, sample.part}, sample.value, values.values[i]});
  }
  return predictions;
}

std::vector<NumberOutcome> numbers_of(const auto& items,
                                      const std::vector<std::size_t>& positions) {
  std::vector<NumberOutcome> outcomes;
  for (const std::size_t i : positions) outcomes.push_back({items[i].label, items[i].predicted});
  return outcomes;
}

// The studies of the images in these groups.
std::vector<NumberStudy> studies_of(const std::vector<NumberPrediction>& predictions,
                                    const ImageOrigins& images,
                                    const std::vector<StudyImages>& groups) {
  for (const NumberPrediction& image : predictions)
    OSTEON_CHECK(std::isfinite(image.predicted), image.path, ": the prediction ", image.predicted,
                 " is not finite; did training diverge, or is the checkpoint damaged?");
  check_study_labels(groups, images,
                     [&](std::size_t i) { return exact_text(predictions[i].label); });
  std::vector<NumberStudy> studies;
  for (const StudyImages& group : groups) {
    NumberStudy study{group.study, group.patient,
                      group.part,  predictions[group.images.front()].label,
                      0,           std::ssize(group.images)};
    for (const std::size_t i : group.images) study.predicted += predictions[i].predicted;
    study.predicted /= static_cast<double>(study.views);
    studies.push_back(std::move(study));
  }
  return studies;
}

EvaluatedGroups<NumberMetrics> evaluate_numbers(const std::vector<NumberPrediction>& predictions,
                                                const BootstrapOptions& bootstrap,
                                                std::span<const std::string> sets) {
  const ImageOrigins images = origins_of(predictions);
  const std::vector<StudyImages> grouped = group_studies(images);
  const std::vector<NumberStudy> studies = studies_of(predictions, images, grouped);
  const auto metrics_of = [&](const auto& items) {
    return [&](const GroupItems& group) {
      return number_metrics(numbers_of(items, group.positions), group.patient_of, group.patients,
                            group.name, bootstrap);
    };
  };
  return evaluate_groups<NumberMetrics>(group_patients(grouped, images, sets),
                                        metrics_of(predictions), metrics_of(studies));
}

void check_no_temperature(const std::string& temperature) {
  if (parse_temperature(temperature) != ModelInfo{}.temperature)
    throw UsageError(
        "--temperature: the task regression has no probabilities; leave the option out");
}

class RegressionTask : public Task {
 public:
  explicit RegressionTask(std::string number) : number_(std::move(number)) {}

  const char* name() const override { return "regression"; }

  std::int64_t outputs() const override { return 1; }

  // (label - mean) / std, [N].
  Tensor targets(const Samples& samples, DType dtype) const override {
    std::vector<double> targets;
    for (std::size_t i = 0; i < samples.indices.size(); ++i)
      targets.push_back((samples[i].value - mean_) / std_);
    return from_vector(targets, {std::ssize(targets)}, dtype);
  }

  Tensor smooth(const Tensor& targets, double share) const override {
    if (share > 0)
      throw UsageError(
          "--loss-smoothing: the task regression has no classes; set it to 0 (--recipe finetune "
          "sets it)");
    return targets;
  }

  std::vector<double> prepare_training(const Manifest& manifest, const std::string& policy,
                                       const std::function<void(const std::string&)>&) override {
    if (policy != "none" && policy != "balanced" && policy != "paper")
      throw UsageError(format("--positive-weight ", policy,
                              ": the task regression has no classes; leave the option out"));
    double n = 0, sum = 0, squares = 0;
    const auto each_label = [&](const auto& visit) {
      for (const Sample& sample : manifest.samples)
        if (sample.split == Split::train) visit(sample.value);
    };
    each_label([&](double label) {
      ++n;
      sum += label;
    });
    mean_ = sum / n;
    each_label([&](double label) { squares += (label - mean_) * (label - mean_); });
    std_ = std::sqrt(squares / n);
    OSTEON_CHECK(std::isfinite(mean_) && std::isfinite(std_), manifest.source.string(),
                 ": the numbers are too large to compute their standard deviation");
    OSTEON_CHECK(std_ > 0, manifest.source.string(), ": all training images have the ", number_,
                 " ", mean_, "; two different labels are needed");
    return std::vector<double>(manifest.samples.size(), 1);
  }

  void save(ModelInfo& info) const override {
    info.target_mean = mean_;
    info.target_std = std_;
  }

  // The smooth L1 loss (ops.h), weighted: the mean of weight (c |d| - c^2 / 2) with
  // d = output - target and c = min(|d|, 1).
  Tensor loss(const Tensor& outputs, const Tensor& targets, const Tensor& weights) const override {
    const Tensor distance = abs(reshape(outputs, {-1}) - targets);
    const Tensor inner = minimum(distance, full({1}, 1, distance.dtype(), distance.device()));
    return mean(weights * (inner * distance - square(inner) * 0.5));
  }

  std::vector<std::string> columns() const override { return {"predicted"}; }

  // mean + std output, with those of the model's training labels
  ImageValues predict(const ImageValues& outputs, const ModelInfo& info) const override {
    ImageValues numbers{1, {}};
    for (const double output : outputs.values)
      numbers.values.push_back(info.target_mean + info.target_std * output);
    return numbers;
  }

  std::string decide(std::span<const double>, const ModelInfo&) const override { return number_; }

  double certainty(std::span<const double> prediction, const ModelInfo&) const override {
    return prediction[0];
  }

  std::int64_t explained_output(std::span<const double>, const ModelInfo&) const override {
    return 0;
  }

  void check_choices(const std::string& threshold, const std::string& temperature,
                     const Samples&) const override {
    check_no_threshold(*this, threshold);
    check_no_temperature(temperature);
  }

  void set_temperature(ModelInfo&, const std::string& temperature, const Samples&,
                       const ImageValues&) const override {
    check_no_temperature(temperature);
  }

  Score score() const override { return kRegressionScore; }

  void check_samples(const Samples& samples) const override {
    aggregate_number_studies(
        to_predictions(samples, {1, std::vector<double>(samples.indices.size())}));
  }

  void check_classes(const std::vector<std::string>&, bool) const override {}

  std::unique_ptr<TaskResult> evaluate(const Samples& samples, const ImageValues& predictions,
                                       const ModelInfo&,
                                       const BootstrapOptions& bootstrap) const override {
    return result_of(to_predictions(samples, predictions), bootstrap, samples.manifest.sets);
  }

  std::unique_ptr<TaskResult> read_result(const std::filesystem::path& folder) const override {
    auto result = std::make_unique<RegressionResult>();
    result->number = number_;
    result->predictions = read_number_predictions(folder / "predictions.csv");
    return result;
  }

  std::unique_ptr<TaskResult> pool(const std::vector<std::filesystem::path>& folders,
                                   const BootstrapOptions& bootstrap) const override {
    std::vector<NumberPrediction> predictions;
    for (const auto& folder : folders)
      add_others(predictions, read_number_predictions(folder / "predictions.csv"), folder.string());
    return result_of(std::move(predictions), bootstrap);
  }

 private:
  std::unique_ptr<RegressionResult> result_of(std::vector<NumberPrediction> predictions,
                                              const BootstrapOptions& bootstrap,
                                              std::span<const std::string> sets = {}) const {
    auto result = std::make_unique<RegressionResult>();
    result->number = number_;
    result->evaluation = evaluate_numbers(predictions, bootstrap, sets);
    result->predictions = std::move(predictions);
    result->bootstrap = bootstrap;
    return result;
  }

  const std::string number_;
  double mean_ = 0, std_ = 1;  // of the labels that prepare_training() saw
};

LabelledImages labelled(const std::vector<NumberPrediction>& predictions) {
  return {origins_of(predictions), [&](std::size_t i) { return exact_text(predictions[i].label); }};
}

}  // namespace

std::vector<NumberStudy> aggregate_number_studies(
    const std::vector<NumberPrediction>& predictions) {
  const ImageOrigins images = origins_of(predictions);
  return studies_of(predictions, images, group_studies(images));
}

std::vector<NamedFigure> RegressionResult::figures() const {
  const FigureValues& values = evaluation.overall.image.values;
  std::vector<NamedFigure> figures;
  for (const char* name : {"mae", "rmse", "r2", "bias"})
    figures.emplace_back(name, values[number_figure(name)]);
  return figures;
}

void RegressionResult::compare(const TaskResult& other, const std::string& name,
                               const std::filesystem::path& folder) {
  const auto here = sorted_by_name(predictions);
  const auto there = sorted_by_name(dynamic_cast<const RegressionResult&>(other).predictions);
  check_same_images(labelled(here), labelled(there), name);
  const auto level = [](auto items) -> LevelOfItems {
    return [items = std::move(items)](const GroupItems& group) {
      LevelToCompare level;
      level.figures = [outcomes = numbers_of(items, group.positions),
                       patient_of = group.patient_of](auto counts) {
        return number_figures(outcomes, patient_of, counts);
      };
      return level;
    };
  };
  const auto levels = [&](const auto& images) -> LevelsToCompare {
    return {level(images), level(aggregate_number_studies(images))};
  };
  const ImageOrigins images = origins_of(here);
  comparison =
      compare_groups(group_patients(group_studies(images), images), levels(here), levels(there),
                     name, {kNumberFigures.begin(), kNumberFigures.end()}, bootstrap);
  write_comparison_json(folder / "comparison.json", *comparison);
}

Facts RegressionResult::facts() const { return {{"Number", number}}; }

std::unique_ptr<Task> make_regression_task(const std::vector<std::string>& names) {
  if (names.size() != 1)
    throw UsageError(format("the task regression has one number, but there are ", names.size(),
                            ": ", join(names)));
  return std::make_unique<RegressionTask>(names.front());
}

}  // namespace osteon
