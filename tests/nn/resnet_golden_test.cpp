// A ResNet50 of width 1/16 trained like in PyTorch (scripts/golden/resnet.py): float64 step by step
// against the golden file, then each float32 step from the previous float64 state.
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <memory>
#include <set>
#include <string>

#include "nn/models.h"
#include "nn/state_dict.h"
#include "ops/backend.h"
#include "ops/ops.h"
#include "optim/adam.h"
#include "tests/support/golden_file.h"
#include "tests/support/hashed_tensor.h"

using namespace osteon;

namespace {

constexpr std::int64_t kWidth = 4, kBatch = 8, kSize = 32;
constexpr int kSteps = 4;
constexpr double kLearningRate = 1e-4;

// The last gamma of a block is small, or float32 would lose three digits in the backward pass.
Tensor value(const std::string& parameter, const Shape& shape) {
  const std::string name = "resnet50_narrow/" + parameter;
  return name.ends_with("bn3.weight") ? hashed(name, shape, 0.25, 0.125)
                                      : initial_value(name, shape);
}

// The images, targets and sample weights of a step.
struct Batch {
  Batch(int step, int draw) {
    const std::string name = format("resnet50_narrow/step", step, "/draw", draw, "/");
    images = hashed(name + "images", {kBatch, kSize, kSize, 3}, 2, -1);
    std::vector<double> labels = hashed(name + "targets", {kBatch, 1}, 2, 0).to_vector();
    for (double& label : labels) label = std::floor(label);
    targets = from_vector(labels, {kBatch, 1}, DType::f64);
    weights = hashed(name + "weights", {kBatch, 1}, 1, 0.5);
  }
  Tensor images, targets, weights;
};

bool is_statistic(const Tensor& buffer) { return is_floating(buffer.dtype()); }

// A model and its optimizer in one dtype.
class Training {
 public:
  explicit Training(DType dtype)
      : dtype_(dtype), model_(make_model("resnet50", {.num_classes = 1, .width = kWidth})) {
    model_->to(dtype);
    for (const auto& [name, tensor] : model_->named_state())
      if (is_statistic(tensor))
        copy_(tensor, from_file_layout(value(name, to_file_layout(tensor).shape())));
    optimizer_ = std::make_unique<Adam>(
        std::vector<ParameterGroup>{{model_->named_parameters(), kLearningRate}});
  }

  Tensor evaluate(const Batch& batch) {
    const EvaluationMode evaluation(*model_);
    const NoGrad no_grad;
    return (*model_)(cast(batch.images, dtype_));
  }

  void step(const Batch& batch) {
    logits_ = (*model_)(cast(batch.images, dtype_));
    loss_ = binary_cross_entropy_with_logits(logits_, cast(batch.targets, dtype_),
                                             cast(batch.weights, dtype_));
    optimizer_->zero_grad();
    backward(loss_);
    optimizer_->step();
  }

  // Copies weights, running statistics and moments, rounded to this dtype.
  void load(const Training& other) {
    const NamedTensorList from = other.model_->named_state(), to = model_->named_state();
    for (std::size_t i = 0; i < to.size(); ++i) copy_(to[i].second, from[i].second);
    optimizer_->load_state_dict(other.optimizer_->state_dict());
  }

  const Tensor& logits() const { return logits_; }
  const Tensor& loss() const { return loss_; }
  NamedTensorList parameters() const { return in_file_layout(model_->named_parameters()); }
  NamedTensorList gradients() const {
    NamedTensorList gradients = model_->named_parameters();
    for (auto& [name, tensor] : gradients) tensor = tensor.grad();
    return in_file_layout(gradients);
  }
  NamedTensorList statistics() const {
    NamedTensorList buffers = model_->named_buffers();
    std::erase_if(buffers, [](const auto& entry) { return !is_statistic(entry.second); });
    return buffers;
  }
  // All results of a step, under unique names.
  NamedTensorList results() const {
    NamedTensorList all = {{"logits", logits_}, {"loss", loss_}};
    const auto add = [&](const char* kind, const NamedTensorList& list) {
      for (const auto& [name, tensor] : list) all.emplace_back(format(kind, " of ", name), tensor);
    };
    add("gradient", gradients());
    add("parameter", parameters());
    add("statistic", statistics());
    for (const auto& [name, tensor] : optimizer_->state_dict().tensors.tensors)
      all.emplace_back("optimizer's " + name, tensor);
    return all;
  }

 private:
  static NamedTensorList in_file_layout(NamedTensorList list) {
    for (auto& [name, tensor] : list) tensor = to_file_layout(tensor.detach());
    return list;
  }

  DType dtype_;
  std::unique_ptr<Module> model_;
  std::unique_ptr<Adam> optimizer_;
  Tensor logits_, loss_;
};

double largest(const std::vector<double>& numbers) {
  double size = 0;
  for (const double number : numbers) size = std::max(size, std::abs(number));
  return size;
}

// Compares with golden entries to 1e-9 of each tensor's largest element.
class GoldenSteps {
 public:
  void check(const std::string& entry, const Tensor& tensor) {
    CHECK(golden_.difference(entry, tensor, 1e-9, 0) == "");
  }
  void check_each(const std::string& kind, const NamedTensorList& list) {
    for (const auto& [name, tensor] : list) check(kind + "/" + name, tensor);
  }
  // Each tensor scaled to a largest absolute value of 1, concatenated, with the scales.
  void check_together(const std::string& entry, const NamedTensorList& list) {
    std::vector<double> row, sizes;
    for (const auto& [name, tensor] : list) {
      const std::vector<double> elements = tensor.to_vector();
      sizes.push_back(largest(elements));
      for (const double element : elements) row.push_back(element / sizes.back());
    }
    check(entry, vector(row));
    check(entry + "_sizes", vector(sizes));
  }
  // The batch of a step; the file contains the index of its draw.
  Batch batch(int step) {
    return Batch(step, static_cast<int>(golden_.number(format("step", step, "/draw"))));
  }
  std::set<std::string> unused() const { return golden_.unused(); }

 private:
  static Tensor vector(const std::vector<double>& elements) {
    return from_vector(elements, {static_cast<std::int64_t>(elements.size())}, DType::f64);
  }
  GoldenFile golden_{"resnet50_narrow.safetensors"};
};

}  // namespace

TEST_CASE("float64 training follows PyTorch") {
  GoldenSteps golden;
  Training training(DType::f64);
  golden.check("evaluation/logits", training.evaluate(Batch(0, 0)));
  for (int step = 0; step < kSteps; ++step) {
    CAPTURE(step);
    training.step(golden.batch(step));
    if (step == 0) {
      golden.check("step0/logits", training.logits());
      golden.check_each("step0/gradient", training.gradients());
      golden.check_each("step0/statistic", training.statistics());
    }
    golden.check(format("step", step, "/loss"), training.loss());
    golden.check_together(format("step", step, "/gradients"), training.gradients());
    golden.check_together(format("step", step, "/parameters"), training.parameters());
    golden.check_together(format("step", step, "/statistics"), training.statistics());
  }
  for (const std::string& entry : golden.unused()) FAIL_CHECK(entry << ": not compared");
}

TEST_CASE("each float32 step from float64's state stays within a thousandth") {
  GoldenSteps golden;
  for (const Backend backend : {Backend::reference, Backend::direct, Backend::automatic}) {
    set_backend(backend);
    CAPTURE(static_cast<int>(backend));
    Training reference(DType::f64), training(DType::f32);
    for (int step = 0; step < kSteps; ++step) {
      CAPTURE(step);
      training.load(reference);
      const Batch batch = golden.batch(step);
      reference.step(batch);
      training.step(batch);
      const NamedTensorList expected = reference.results(), results = training.results();
      REQUIRE(results.size() == expected.size());
      for (std::size_t i = 0; i < results.size(); ++i) {
        CAPTURE(results[i].first);
        const std::vector<double> wide = expected[i].second.to_vector();
        std::vector<double> differences = results[i].second.to_vector();
        for (std::size_t j = 0; j < wide.size(); ++j) differences[j] -= wide[j];
        CHECK(largest(differences) <= 1e-3 * largest(wide));
      }
    }
  }
  set_backend(Backend::automatic);
}
