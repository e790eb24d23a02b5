// The task of grades 0 to K - 1: one logit for each question "is the grade above k?", k = 0 to
// K - 2, with a binary cross-entropy each. Source: Niu, Zhou, Wang, Gao, Hua, "Ordinal Regression
// with Multiple Output CNN for Age Estimation", CVPR 2016.
#include <algorithm>

#include "base/error.h"
#include "base/text.h"
#include "eval/calibration.h"
#include "eval/class_task.h"
#include "ops/functors.h"
#include "ops/ops.h"

namespace osteon {
namespace {

class OrdinalTask : public ClassTask {
 public:
  using ClassTask::ClassTask;

  const char* name() const override { return "ordinal"; }

  std::int64_t outputs() const override { return std::ssize(classes()) - 1; }

  // 1 where the label is above k, [N, K - 1].
  Tensor targets(const Samples& samples, DType dtype) const override {
    const std::vector<double> targets = above(samples);
    return from_vector(targets, {std::ssize(samples.indices), outputs()}, dtype);
  }

  // Of uniform grades, (K - 1 - k) / K are above k.
  Tensor smooth(const Tensor& targets, double share) const override {
    if (share == 0) return targets;
    std::vector<double> uniform;
    for (std::int64_t k = 0; k < outputs(); ++k)
      uniform.push_back(static_cast<double>(outputs() - k) / static_cast<double>(outputs() + 1));
    return targets * (1 - share) + from_vector(uniform, {1, outputs()}, targets.dtype()) * share;
  }

  // The mean over images and questions of the weighted cross-entropy.
  Tensor loss(const Tensor& outputs, const Tensor& targets, const Tensor& weights) const override {
    const Tensor each = expand(reshape(weights, {-1, 1}), outputs.shape().extents());
    return binary_cross_entropy_with_logits(outputs, targets, each);
  }

  // P(grade > k) = sigmoid(logit_k / temperature), but not more than P(grade > k - 1); the
  // probability of a grade is the difference of two of them.
  ImageValues predict(const ImageValues& outputs, const ModelInfo& info) const override {
    ImageValues probabilities{this->outputs() + 1, {}};
    for (std::size_t i = 0; i < outputs.rows(); ++i) {
      double above = 1;
      for (const double logit : outputs.row(i)) {
        const double before = above;
        above = std::min(above, double{functors::Sigmoid{}(logit / info.temperature)});
        probabilities.values.push_back(before - above);
      }
      probabilities.values.push_back(above);
    }
    return probabilities;
  }

  // The question whether the grade is at least the decided one; for the lowest, whether it is
  // above it.
  std::int64_t explained_output(std::span<const double> prediction,
                                const ModelInfo&) const override {
    return std::max(static_cast<std::int64_t>(most_probable(prediction)) - 1, std::int64_t{0});
  }

  void set_temperature(ModelInfo& info, const std::string& temperature, const Samples& validation,
                       const ImageValues& outputs) const override {
    const std::optional<double> number = parse_temperature(temperature);
    const std::vector<double> targets = above(validation);
    info.temperature =
        number ? *number
               : fit_temperature(outputs.values, std::vector<int>(targets.begin(), targets.end()));
  }

  Score score() const override { return kOrdinalScore; }

 private:
  std::vector<double> above(const Samples& samples) const {
    std::vector<double> above;
    for (const std::size_t label : labels_of(samples))
      for (std::int64_t k = 0; k < outputs(); ++k)
        above.push_back(static_cast<std::int64_t>(label) > k ? 1 : 0);
    return above;
  }
};

}  // namespace

std::unique_ptr<Task> make_ordinal_task(const std::vector<std::string>& grades) {
  if (grades.size() < 2)
    throw UsageError(
        format("the task ordinal needs at least 2 grades, but there is only ", join(grades)));
  return std::make_unique<OrdinalTask>(grades);
}

}  // namespace osteon
