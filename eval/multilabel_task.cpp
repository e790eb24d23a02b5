// The task of several labels.
#include "eval/multilabel_task.h"

#include <algorithm>

#include "base/error.h"
#include "base/progress.h"
#include "base/text.h"
#include "eval/calibration.h"
#include "eval/pairing.h"
#include "eval/results.h"
#include "eval/sample_weights.h"
#include "ops/functors.h"
#include "ops/ops.h"

namespace osteon {
namespace {

// Values above 1 become 1: the mean of several ones can exceed 1 by rounding.
std::vector<LabelPrediction> to_predictions(const Samples& samples, const ImageValues& values) {
  std::vector<LabelPrediction> predictions;
  for (std::size_t i = 0; i < samples.indices.size(); ++i) {
    const Sample& sample = samples[i];
    LabelPrediction prediction{
        {sample.path, sample.study, sample.patient, sample.part}, sample.labels, {}};
    for (const double value : values.row(i))
      prediction.probabilities.push_back(std::min(value, 1.0));
    predictions.push_back(std::move(prediction));
  }
  return predictions;
}

// The label of a study: that of its images where it is known.
std::int8_t label_of_study(const std::vector<LabelPrediction>& predictions,
                           const StudyImages& study, std::size_t k, const std::string& name) {
  std::int8_t label = kUnknown;
  for (const std::size_t i : study.images) {
    const std::int8_t of_image = predictions[i].labels[k];
    OSTEON_CHECK(of_image == kUnknown || label == kUnknown || of_image == label, "study ",
                 study.study, ": ", name, " is 0 and 1 in its images, among them ",
                 predictions[i].path);
    if (of_image != kUnknown) label = of_image;
  }
  return label;
}

// The studies of the images in these groups.
std::vector<LabelStudy> studies_of(const std::vector<LabelPrediction>& predictions,
                                   const std::vector<std::string>& names,
                                   const std::vector<StudyImages>& groups) {
  for (const LabelPrediction& image : predictions)
    for (const double probability : image.probabilities)
      OSTEON_CHECK(probability >= 0 && probability <= 1, image.path, ": probability ", probability,
                   " is not from 0 to 1; did training diverge, or is the checkpoint damaged?");
  std::vector<LabelStudy> studies;
  for (const StudyImages& group : groups) {
    LabelStudy study{group.study, group.patient, group.part, {}, {}, std::ssize(group.images)};
    for (std::size_t k = 0; k < names.size(); ++k) {
      study.labels.push_back(label_of_study(predictions, group, k, names[k]));
      double sum = 0;
      for (const std::size_t i : group.images) sum += predictions[i].probabilities[k];
      study.probabilities.push_back(sum / static_cast<double>(study.views));
    }
    studies.push_back(std::move(study));
  }
  return studies;
}

EvaluatedGroups<LabelMetrics> evaluate_labels(const std::vector<LabelPrediction>& predictions,
                                              const std::vector<std::string>& names,
                                              std::span<const double> thresholds,
                                              const BootstrapOptions& bootstrap,
                                              std::span<const std::string> sets) {
  const ImageOrigins images = origins_of(predictions);
  const std::vector<StudyImages> grouped = group_studies(images);
  const std::vector<LabelStudy> studies = studies_of(predictions, names, grouped);
  const auto metrics_of = [&](const auto& items) {
    return [&](const GroupItems& group) {
      return label_metrics(label_outcomes(items, group.positions, names.size()), group.patient_of,
                           group.patients, thresholds, group.name, bootstrap);
    };
  };
  return evaluate_groups<LabelMetrics>(group_patients(grouped, images, sets),
                                       metrics_of(predictions), metrics_of(studies));
}

// The outcomes of label k where it is known.
std::vector<Outcome> outcomes_of_label(const std::vector<LabelStudy>& studies, std::size_t k) {
  std::vector<Outcome> outcomes;
  for (const LabelStudy& study : studies)
    if (study.labels[k] != kUnknown) outcomes.push_back({study.labels[k], study.probabilities[k]});
  return outcomes;
}

struct LabelCounts {
  double positives = 0, negatives = 0;
};

LabelCounts count_label(const Samples& samples, std::size_t k) {
  LabelCounts counts;
  for (std::size_t i = 0; i < samples.indices.size(); ++i) {
    counts.positives += samples[i].labels[k] == 1;
    counts.negatives += samples[i].labels[k] == 0;
  }
  return counts;
}

std::vector<std::int64_t> training_samples(const Manifest& manifest) {
  std::vector<std::int64_t> indices;
  for (std::int64_t i = 0; i < std::ssize(manifest.samples); ++i)
    if (manifest.samples[static_cast<std::size_t>(i)].split == Split::train) indices.push_back(i);
  return indices;
}

class MultilabelTask : public Task {
 public:
  explicit MultilabelTask(const std::vector<std::string>& names)
      : names_(names), weights_(names.size()) {}

  const char* name() const override { return "multilabel"; }

  std::int64_t outputs() const override { return std::ssize(names_); }

  // The weight of "yes" for each label, then that of "no", [N, 2 labels]; both are 0 if it is
  // unknown. A mixture of images has the mixture of their weights.
  Tensor targets(const Samples& samples, DType dtype) const override {
    const std::size_t labels = names_.size();
    std::vector<double> targets(samples.indices.size() * 2 * labels);
    for (std::size_t i = 0; i < samples.indices.size(); ++i)
      for (std::size_t k = 0; k < labels; ++k) {
        const std::int8_t label = samples[i].labels[k];
        double* const target = targets.data() + i * 2 * labels + k;
        if (label == 1) target[0] = weights_[k].yes;
        if (label == 0) target[labels] = weights_[k].no;
      }
    return from_vector(targets, {std::ssize(samples.indices), 2 * outputs()}, dtype);
  }

  // A share of each label's weight becomes one half yes, one half no.
  Tensor smooth(const Tensor& targets, double share) const override {
    if (share == 0) return targets;
    const Tensor yes = narrow(targets, 1, 0, outputs()),
                 no = narrow(targets, 1, outputs(), outputs());
    return targets * (1 - share) + concat({yes + no, yes + no}, 1) * (share / 2);
  }

  std::vector<double> prepare_training(
      const Manifest& manifest, const std::string& policy,
      const std::function<void(const std::string&)>& warn) override {
    const std::vector<std::int64_t> training = training_samples(manifest);
    for (std::size_t k = 0; k < names_.size(); ++k) {
      const LabelCounts counts = count_label({manifest, training}, k);
      if (counts.positives == 0 || counts.negatives == 0)
        warn(format("the training split has no image with ", names_[k], " ",
                    counts.positives == 0 ? 1 : 0));
      weights_[k] = label_weights(counts.positives, counts.negatives, policy);
    }
    return std::vector<double>(manifest.samples.size(), 1);
  }

  // The mean over images and labels of yes log(1 + exp(-z)) + no log(1 + exp(z)), z = outputs,
  // multiplied by the image's weight.
  Tensor loss(const Tensor& outputs, const Tensor& targets, const Tensor& weights) const override {
    const Tensor yes = narrow(targets, 1, 0, this->outputs()),
                 no = narrow(targets, 1, this->outputs(), this->outputs());
    return mean((yes * softplus(outputs * -1.0) + no * softplus(outputs)) *
                reshape(weights, {-1, 1}));
  }

  std::vector<std::string> columns() const override {
    std::vector<std::string> columns;
    for (const std::string& name : names_) columns.push_back("probability_" + name);
    return columns;
  }

  // sigmoid(logit / temperature)
  ImageValues predict(const ImageValues& outputs, const ModelInfo& info) const override {
    ImageValues probabilities{outputs.columns, {}};
    for (const double logit : outputs.values)
      probabilities.values.push_back(functors::Sigmoid{}(logit / info.temperature));
    return probabilities;
  }

  std::string decide(std::span<const double> prediction, const ModelInfo& info) const override {
    return label_names(decided_labels(prediction, info.thresholds), names_);
  }

  double certainty(std::span<const double> prediction, const ModelInfo& info) const override {
    return prediction[clearest_label(prediction, info.thresholds)];
  }

  std::int64_t explained_output(std::span<const double> prediction,
                                const ModelInfo& info) const override {
    return static_cast<std::int64_t>(clearest_label(prediction, info.thresholds));
  }

  std::size_t thresholds() const override { return names_.size(); }

  void check_choices(const std::string& threshold, const std::string& temperature,
                     const Samples& validation) const override {
    if (parse_threshold(threshold) && parse_temperature(temperature)) return;
    for (std::size_t k = 0; k < names_.size(); ++k) {
      const LabelCounts counts = count_label(validation, k);
      OSTEON_CHECK(counts.positives > 0 && counts.negatives > 0,
                   validation.manifest.source.string(),
                   ": --threshold val and --temperature val need images with and without each ",
                   "label in the validation split, but ", names_[k], " is ", counts.positives,
                   " times 1 and ", counts.negatives, " times 0");
    }
  }

  // One temperature for all labels.
  void set_temperature(ModelInfo& info, const std::string& temperature, const Samples& validation,
                       const ImageValues& outputs) const override {
    if (const std::optional<double> number = parse_temperature(temperature)) {
      info.temperature = *number;
      return;
    }
    std::vector<double> logits;
    std::vector<int> labels;
    for (std::size_t i = 0; i < outputs.rows(); ++i)
      for (std::size_t k = 0; k < names_.size(); ++k)
        if (validation[i].labels[k] != kUnknown) {
          logits.push_back(outputs.row(i)[k]);
          labels.push_back(validation[i].labels[k]);
        }
    info.temperature = fit_temperature(logits, labels);
  }

  void set_threshold(ModelInfo& info, const std::string& threshold, const Samples& validation,
                     const ImageValues& predictions) const override {
    if (const std::optional<double> number = parse_threshold(threshold)) {
      info.thresholds.assign(names_.size(), *number);
      return;
    }
    const std::vector<LabelStudy> studies =
        aggregate_label_studies(to_predictions(validation, predictions), names_);
    for (std::size_t k = 0; k < names_.size(); ++k)
      info.thresholds[k] =
          choose_threshold(outcomes_of_label(studies, k), *threshold_rule_from_name(threshold));
  }

  Score score() const override { return kMultilabelScore; }

  void check_samples(const Samples& samples) const override {
    aggregate_label_studies(
        to_predictions(samples,
                       {outputs(), std::vector<double>(samples.indices.size() * names_.size())}),
        names_);
  }

  void check_classes(const std::vector<std::string>& classes, bool) const override {
    if (classes != names_)
      throw UsageError(format("the model was trained for the labels ", join(names_),
                              ", but those of the data are ", join(classes)));
  }

  std::unique_ptr<TaskResult> evaluate(const Samples& samples, const ImageValues& predictions,
                                       const ModelInfo& info,
                                       const BootstrapOptions& bootstrap) const override {
    auto result = result_of(to_predictions(samples, predictions), info.thresholds, bootstrap,
                            samples.manifest.sets);
    result->temperature = info.temperature;
    return result;
  }

  std::unique_ptr<TaskResult> read_result(const std::filesystem::path& folder) const override {
    auto result = std::make_unique<MultilabelResult>();
    result->labels = names_;
    result->predictions = read_label_predictions(folder / "predictions.csv", names_);
    result->thresholds = read_label_thresholds(folder / "metrics.json", names_);
    return result;
  }

  // The thresholds are the means of the runs'.
  std::unique_ptr<TaskResult> pool(const std::vector<std::filesystem::path>& folders,
                                   const BootstrapOptions& bootstrap) const override {
    std::vector<LabelPrediction> predictions;
    std::vector<double> thresholds(names_.size());
    for (const auto& folder : folders) {
      add_others(predictions, read_label_predictions(folder / "predictions.csv", names_),
                 folder.string());
      const std::vector<double> own = read_label_thresholds(folder / "metrics.json", names_);
      for (std::size_t k = 0; k < own.size(); ++k)
        thresholds[k] += own[k] / static_cast<double>(folders.size());
    }
    for (double& threshold : thresholds) threshold = std::min(threshold, 1.0);
    return result_of(std::move(predictions), std::move(thresholds), bootstrap);
  }

 private:
  std::unique_ptr<MultilabelResult> result_of(std::vector<LabelPrediction> predictions,
                                              std::vector<double> thresholds,
                                              const BootstrapOptions& bootstrap,
                                              std::span<const std::string> sets = {}) const {
    auto result = std::make_unique<MultilabelResult>();
    result->labels = names_;
    result->evaluation = evaluate_labels(predictions, names_, thresholds, bootstrap, sets);
    result->thresholds = std::move(thresholds);
    result->predictions = std::move(predictions);
    result->bootstrap = bootstrap;
    return result;
  }

  const std::vector<std::string> names_;
  std::vector<LabelWeights> weights_;  // 1 and 1 until prepare_training()
};

LabelledImages labelled(const std::vector<LabelPrediction>& predictions,
                        const std::vector<std::string>& names) {
  return {origins_of(predictions),
          [&](std::size_t i) { return label_names(predictions[i].labels, names); }};
}

}  // namespace

std::vector<LabelStudy> aggregate_label_studies(const std::vector<LabelPrediction>& predictions,
                                                const std::vector<std::string>& names) {
  return studies_of(predictions, names, group_studies(origins_of(predictions)));
}

std::vector<std::int8_t> decided_labels(std::span<const double> probabilities,
                                        std::span<const double> thresholds) {
  std::vector<std::int8_t> decided;
  for (std::size_t k = 0; k < probabilities.size(); ++k)
    decided.push_back(probabilities[k] >= thresholds[k] ? 1 : 0);
  return decided;
}

std::size_t clearest_label(std::span<const double> probabilities,
                           std::span<const double> thresholds) {
  std::size_t clearest = 0;
  for (std::size_t k = 1; k < probabilities.size(); ++k)
    if (probabilities[k] - thresholds[k] > probabilities[clearest] - thresholds[clearest])
      clearest = k;
  return clearest;
}

std::vector<NamedFigure> MultilabelResult::figures() const {
  const LabelMetrics& image = evaluation.overall.image;
  std::vector<NamedFigure> figures;
  for (std::size_t f = 0; f < kMacroFigures.size(); ++f)
    figures.emplace_back(kMacroFigures[f], image.values[f]);
  for (std::size_t k = 0; k < labels.size(); ++k)
    figures.emplace_back("auroc_" + labels[k], image.labels[k].auroc);
  return figures;
}

void MultilabelResult::compare(const TaskResult& other, const std::string& name,
                               const std::filesystem::path& folder) {
  const auto& second = dynamic_cast<const MultilabelResult&>(other);
  const auto here = sorted_by_name(predictions), there = sorted_by_name(second.predictions);
  check_same_images(labelled(here, labels), labelled(there, labels), name);
  const auto level = [&](auto items, const std::vector<double>& own) -> LevelOfItems {
    return [&, items = std::move(items)](const GroupItems& group) {
      const LabelOutcomes outcomes = label_outcomes(items, group.positions, labels.size());
      LevelToCompare level;
      level.figures = [ranked = RankedLabelOutcomes(outcomes, group.patient_of, own)](auto counts) {
        const LabelMetrics metrics = ranked.metrics(counts);
        FigureValues values{metrics.values[0], metrics.values[1]};
        for (const Metrics& label : metrics.labels) values.push_back(label.auroc);
        return values;
      };
      return level;
    };
  };
  const auto levels = [&](const auto& images, const auto& own) -> LevelsToCompare {
    return {level(images, own), level(aggregate_label_studies(images, labels), own)};
  };
  std::vector<std::string> names(kMacroFigures.begin(), kMacroFigures.end());
  for (const std::string& label : labels) names.push_back("auroc_" + label);
  const ImageOrigins images = origins_of(here);
  comparison =
      compare_groups(group_patients(group_studies(images), images), levels(here, thresholds),
                     levels(there, second.thresholds), name, names, bootstrap);
  write_comparison_json(folder / "comparison.json", *comparison);
}

Facts MultilabelResult::facts() const {
  std::vector<std::string> numbers;
  for (const double threshold : thresholds) numbers.push_back(rounded(threshold, 4));
  return {{"Labels", join(labels)},
          {"Thresholds", join(numbers)},
          {"Temperature", rounded(temperature, 4)}};
}

std::unique_ptr<Task> make_multilabel_task(const std::vector<std::string>& labels) {
  if (labels.empty()) throw UsageError("the task multilabel needs at least one label");
  return std::make_unique<MultilabelTask>(labels);
}

}  // namespace osteon
