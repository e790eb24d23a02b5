// The task of two classes.
#include "eval/binary_task.h"

#include <algorithm>
#include <ostream>

#include "base/progress.h"
#include "base/text.h"
#include "eval/calibration.h"
#include "eval/pairing.h"
#include "eval/report/report.h"
#include "eval/results.h"
#include "eval/sample_weights.h"
#include "ops/functors.h"
#include "ops/ops.h"

namespace osteon {
namespace {

std::vector<int> labels_of(const Samples& samples) {
  std::vector<int> labels;
  for (std::size_t i = 0; i < samples.indices.size(); ++i)
    labels.push_back(static_cast<int>(samples[i].label));
  return labels;
}

// Values above 1 become 1: the mean of several ones can exceed 1 by rounding.
std::vector<Prediction> to_predictions(const Samples& samples, std::span<const double> values) {
  std::vector<Prediction> predictions;
  for (std::size_t i = 0; i < samples.indices.size(); ++i) {
    const Sample& sample = samples[i];
    predictions.push_back({sample.path, sample.study, sample.patient, sample.part,
                           static_cast<int>(sample.label), std::min(values[i], 1.0)});
  }
  return predictions;
}

class BinaryTask : public Task {
 public:
  explicit BinaryTask(const std::vector<std::string>& classes) : classes_(classes) {}

  const char* name() const override { return "binary"; }

  std::int64_t outputs() const override { return 1; }

  Tensor targets(const Samples& samples, DType dtype) const override {
    const std::vector<int> labels = labels_of(samples);
    return from_vector({labels.begin(), labels.end()}, {static_cast<std::int64_t>(labels.size())},
                       dtype);
  }

  Tensor smooth(const Tensor& targets, double share) const override {
    return share == 0 ? targets : targets * (1 - share) + share / 2;
  }

  std::vector<double> prepare_training(
      const Manifest& manifest, const std::string& policy,
      const std::function<void(const std::string&)>& warn) override {
    return sample_weights(manifest, policy, warn);
  }

  Tensor loss(const Tensor& outputs, const Tensor& targets, const Tensor& weights) const override {
    return binary_cross_entropy_with_logits(reshape(outputs, {-1}), targets, weights);
  }

  std::vector<std::string> columns() const override { return {"probability"}; }

  // sigmoid(logit / temperature)
  ImageValues predict(const ImageValues& outputs, const ModelInfo& info) const override {
    ImageValues probabilities{1, {}};
    for (const double logit : outputs.values)
      probabilities.values.push_back(functors::Sigmoid{}(logit / info.temperature));
    return probabilities;
  }

  std::string decide(std::span<const double> prediction, const ModelInfo& info) const override {
    return classes_[prediction[0] >= info.thresholds[0] ? 1 : 0];
  }

  double certainty(std::span<const double> prediction, const ModelInfo&) const override {
    return prediction[0];
  }

  std::int64_t explained_output(std::span<const double>, const ModelInfo&) const override {
    return 0;
  }

  std::size_t thresholds() const override { return 1; }

  void check_choices(const std::string& threshold, const std::string& temperature,
                     const Samples& validation) const override {
    const bool is_chosen = !parse_threshold(threshold) || !parse_temperature(temperature);
    const std::vector<int> labels = labels_of(validation);
    OSTEON_CHECK(
        !is_chosen || (std::ranges::count(labels, 0) > 0 && std::ranges::count(labels, 1) > 0),
        validation.manifest.source.string(), ": --threshold val and --temperature val need ",
        "both classes in the validation split");
  }

  void set_temperature(ModelInfo& info, const std::string& temperature, const Samples& validation,
                       const ImageValues& outputs) const override {
    const std::optional<double> number = parse_temperature(temperature);
    info.temperature = number ? *number : fit_temperature(outputs.values, labels_of(validation));
  }

  void set_threshold(ModelInfo& info, const std::string& threshold, const Samples& validation,
                     const ImageValues& predictions) const override {
    if (const std::optional<double> number = parse_threshold(threshold))
      info.thresholds = {*number};
    else
      info.thresholds = {choose_threshold(
          outcomes_of(aggregate_studies(to_predictions(validation, predictions.values))),
          *threshold_rule_from_name(threshold))};
  }

  Score score() const override { return kBinaryScore; }

  // All views of one study must have the same label.
  void check_samples(const Samples& samples) const override {
    aggregate_studies(to_predictions(samples, std::vector<double>(samples.indices.size())));
  }

  void check_classes(const std::vector<std::string>& classes, bool is_set) const override {
    if (classes == classes_) return;
    const bool exchanged = classes_[0] == classes[1] || classes_[1] == classes[0];
    if (is_set && !exchanged) return;
    throw UsageError(
        format("the model was trained for the classes ", join(classes_),
               " (negative, positive), but the classes of the data are ", join(classes),
               exchanged ? "; choose" : "; if they have the same meaning, confirm it with",
               " --positive ", exchanged ? classes_[1] : classes[1]));
  }

  std::unique_ptr<TaskResult> evaluate(const Samples& samples, const ImageValues& predictions,
                                       const ModelInfo& info,
                                       const BootstrapOptions& bootstrap) const override {
    auto result = std::make_unique<BinaryResult>();
    result->classes = classes_;
    result->predictions = to_predictions(samples, predictions.values);
    result->evaluation =
        osteon::evaluate(result->predictions, info.thresholds[0], bootstrap, samples.manifest.sets);
    result->temperature = info.temperature;
    result->bootstrap = bootstrap;
    return result;
  }

  std::unique_ptr<TaskResult> read_result(const std::filesystem::path& folder) const override {
    auto result = std::make_unique<BinaryResult>();
    result->classes = classes_;
    Decisions decisions = read_decisions(folder);
    result->predictions = std::move(decisions.predictions);
    result->evaluation.threshold = decisions.threshold;
    return result;
  }

  // The threshold is the mean of the runs'.
  std::unique_ptr<TaskResult> pool(const std::vector<std::filesystem::path>& folders,
                                   const BootstrapOptions& bootstrap) const override {
    auto result = std::make_unique<BinaryResult>();
    result->classes = classes_;
    double threshold = 0;
    for (const auto& folder : folders) {
      Decisions decisions = read_decisions(folder);
      threshold += decisions.threshold / static_cast<double>(folders.size());
      add_others(result->predictions, std::move(decisions.predictions), folder.string());
    }
    result->evaluation = osteon::evaluate(result->predictions, std::min(threshold, 1.0), bootstrap);
    result->bootstrap = bootstrap;
    return result;
  }

 private:
  const std::vector<std::string> classes_;
};

}  // namespace

std::vector<NamedFigure> BinaryResult::figures() const {
  const Metrics& image = evaluation.overall.image;
  return {{"auroc", image.auroc}, {"accuracy", image.accuracy}, {"kappa", image.kappa}};
}

void BinaryResult::write(const std::filesystem::path& folder) const {
  write_predictions_csv(folder / "predictions.csv", predictions);
  write_studies_csv(folder / "studies.csv", aggregate_studies(predictions));
  write_metrics_json(folder / "metrics.json", evaluation, trained_on);
}

void BinaryResult::print(std::ostream& out) const {
  print_table(out, evaluation);
  print_trained_on(out, trained_on, predictions.size());
  if (comparison) print_comparison(out, *comparison);
}

void BinaryResult::compare(const TaskResult& other, const std::string& name,
                           const std::filesystem::path& folder) {
  const auto& second = dynamic_cast<const BinaryResult&>(other);
  comparison = osteon::compare({predictions, evaluation.threshold},
                               {second.predictions, second.evaluation.threshold}, name, bootstrap);
  write_comparison_json(folder / "comparison.json", *comparison);
}

Facts BinaryResult::facts() const {
  return {{"Classes", format(classes[0], " (negative), ", classes[1], " (positive)")},
          {"Threshold", rounded(evaluation.threshold, 4)},
          {"Temperature", rounded(temperature, 4)}};
}

std::unique_ptr<Task> make_binary_task(const std::vector<std::string>& classes) {
  if (classes.size() != 2)
    throw UsageError(format("the task binary needs 2 classes, but there are ", classes.size(), ": ",
                            join(classes)));
  return std::make_unique<BinaryTask>(classes);
}

}  // namespace osteon
