// The task of several classes that exclude each other: one logit per class, cross-entropy,
// probabilities that add up to 1.
#include "base/error.h"
#include "base/text.h"
#include "eval/calibration.h"
#include "eval/class_task.h"
#include "ops/ops.h"

namespace osteon {
namespace {

class MulticlassTask : public ClassTask {
 public:
  using ClassTask::ClassTask;

  const char* name() const override { return "multiclass"; }

  std::int64_t outputs() const override { return std::ssize(classes()); }

  // 1 for the label's class, [N, classes].
  Tensor targets(const Samples& samples, DType dtype) const override {
    const std::vector<std::size_t> labels = labels_of(samples);
    std::vector<double> targets(labels.size() * classes().size());
    for (std::size_t i = 0; i < labels.size(); ++i) targets[i * classes().size() + labels[i]] = 1;
    return from_vector(targets, {std::ssize(labels), outputs()}, dtype);
  }

  Tensor smooth(const Tensor& targets, double share) const override {
    return share == 0 ? targets
                      : targets * (1 - share) + share / static_cast<double>(classes().size());
  }

  // The mean over the images of -weight sum_k target_k log p_k, p = softmax(outputs).
  Tensor loss(const Tensor& outputs, const Tensor& targets, const Tensor& weights) const override {
    const Tensor shares = targets * reshape(weights, {-1, 1});
    return sum(log_softmax(outputs) * shares) * (-1 / static_cast<double>(outputs.dim(0)));
  }

  // softmax(logits / temperature)
  ImageValues predict(const ImageValues& outputs, const ModelInfo& info) const override {
    const auto rows = static_cast<std::int64_t>(outputs.rows());
    if (rows == 0) return {this->outputs(), {}};
    const Tensor logits = from_vector(outputs.values, {rows, outputs.columns}, DType::f64);
    return {outputs.columns, softmax(logits * (1 / info.temperature)).to_vector()};
  }

  std::int64_t explained_output(std::span<const double> prediction,
                                const ModelInfo&) const override {
    return static_cast<std::int64_t>(most_probable(prediction));
  }

  void set_temperature(ModelInfo& info, const std::string& temperature, const Samples& validation,
                       const ImageValues& outputs) const override {
    const std::optional<double> number = parse_temperature(temperature);
    info.temperature = number ? *number : fit_class_temperature(outputs, labels_of(validation));
  }

  Score score() const override { return kMulticlassScore; }
};

}  // namespace

std::unique_ptr<Task> make_multiclass_task(const std::vector<std::string>& classes) {
  if (classes.size() < 2)
    throw UsageError(
        format("the task multiclass needs at least 2 classes, but there is only ", join(classes)));
  return std::make_unique<MulticlassTask>(classes);
}

}  // namespace osteon
