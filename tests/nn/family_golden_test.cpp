// A narrow copy of a model of each family against PyTorch (scripts/golden/families.py), in float64:
// logits, losses, the gradient of every parameter in training mode, all parameters and statistics
// after some steps, and the distributions of the initial values.
#include <doctest/doctest.h>

#include <algorithm>
#include <cctype>
#include <cmath>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "nn/layers.h"
#include "nn/models.h"
#include "nn/state_dict.h"
#include "ops/ops.h"
#include "optim/sgd.h"
#include "tests/support/golden_file.h"
#include "tests/support/hashed_tensor.h"

using namespace osteon;

namespace {

constexpr std::int64_t kWidth = 8, kBatch = 4, kSize = 64;
constexpr int kSteps = 3, kSeeds = 20;
constexpr double kLearningRate = 0.01;
constexpr double kTolerance = 1e-9;
// Gradients that are 0 in exact arithmetic are rounding errors in float64.
constexpr double kFloor = 1e-4;

const char* const kFamilies[] = {
    "resnext50_32x4d", "densenet121",          "mobilenet_v2",
    "efficientnet_b0", "efficientnet_lite0",   "convnext_tiny",
    "vit_b_16",        "vit_tiny_patch16_224", "vit_small_r26_s32_224"};

std::unique_ptr<Module> narrow(const std::string& arch, std::uint64_t seed = 0) {
  return make_model(arch, {.num_classes = 1, .width = kWidth, .seed = seed});
}

// In training PyTorch and we draw other random numbers.
void remove_dropout(Module& model) {
  for (const auto& [name, module] : model.named_modules())
    if (auto* const dropout = dynamic_cast<Dropout*>(module)) dropout->p = 0;
}

// Two weighted sums and the largest absolute value, as the script stores them.
Tensor summary(const std::string& entry, const Tensor& tensor) {
  const std::vector<double> elements = tensor.to_vector();
  std::vector<double> result(3);
  for (std::size_t i = 0; i < 2; ++i) {
    const HashedSequence weights(format(entry, "/weights", i));
    for (std::size_t k = 0; k < elements.size(); ++k) result[i] += weights.coarse(k) * elements[k];
  }
  for (const double element : elements) result[2] = std::max(result[2], std::abs(element));
  return from_vector(result, {3}, DType::f64);
}

class Comparison {
 public:
  explicit Comparison(const std::string& arch)
      : arch_(arch), golden_("families/" + arch + ".safetensors") {}

  void training() {
    const auto model = narrow(arch_);
    model->to(DType::f64);
    remove_dropout(*model);
    for (const auto& [name, tensor] : model->named_state())
      if (is_floating(tensor.dtype()))
        copy_(tensor,
              from_file_layout(initial_value(arch_ + "/" + name, to_file_layout(tensor).shape())));
    SGD optimizer({{model->named_parameters(), kLearningRate}}, {.momentum = 0});
    {
      const NoGrad no_grad;
      const EvaluationMode evaluation(*model);
      check("evaluation/logits", (*model)(images(0)));
      check("evaluation320/logits", (*model)(hashed(arch_ + "/large", {1, 320, 320, 3}, 2, -1)));
    }
    for (int step = 0; step < kSteps; ++step) {
      const Tensor logits = (*model)(images(step));
      const Tensor loss = binary_cross_entropy_with_logits(logits, targets(step));
      optimizer.zero_grad();
      backward(loss);
      if (step == 0) {
        check("training/logits", logits.detach());
        for (const auto& [name, parameter] : model->named_parameters())
          check_summary("gradient/" + name, parameter.grad());
      }
      check(format("loss", step), loss.detach());
      optimizer.step();
    }
    for (const auto& [name, tensor] : model->named_state())
      if (is_floating(tensor.dtype())) check_summary("trained/" + name, tensor.detach());
  }

  // Both sides are samples of n numbers. A mean differs by about deviation / sqrt(n), a deviation
  // by about deviation / sqrt(2 n) or less; 7 times this happens by chance once in 10^11.
  void initial_values() {
    std::map<std::string, std::vector<double>> kinds;
    for (int seed = 0; seed < kSeeds; ++seed)
      for (const auto& [name, parameter] : narrow(arch_, seed)->named_parameters()) {
        std::vector<double>& all = kinds[kind_of(name, to_file_layout(parameter).shape())];
        for (const double element : parameter.to_vector()) all.push_back(element);
      }
    for (const auto& [kind, values] : kinds) {
      CAPTURE(kind);
      double mean = 0, variance = 0;
      const auto n = static_cast<double>(values.size());
      for (const double value : values) mean += value / n;
      for (const double value : values) variance += (value - mean) * (value - mean) / n;
      const double deviation = std::sqrt(variance), tolerance = 7 * deviation / std::sqrt(n / 2);
      CHECK(golden_.difference("initial/" + kind, from_vector({mean, deviation}, {2}, DType::f64),
                               tolerance + 1e-12, 1) == "");
    }
  }

  std::set<std::string> unused() const { return golden_.unused(); }

 private:
  Tensor images(int step) const {
    return hashed(format(arch_, "/step", step, "/images"), {kBatch, kSize, kSize, 3}, 2, -1);
  }
  Tensor targets(int step) const {
    std::vector<double> labels =
        hashed(format(arch_, "/step", step, "/targets"), {kBatch, 1}, 2, 0).to_vector();
    for (double& label : labels) label = std::floor(label);
    return from_vector(labels, {kBatch, 1}, DType::f64);
  }
  void check(const std::string& entry, const Tensor& tensor) {
    CHECK(golden_.difference(entry, tensor, kTolerance, 0) == "");
  }
  void check_summary(const std::string& entry, const Tensor& tensor) {
    CHECK(golden_.difference(entry, summary(entry, to_file_layout(tensor)), kTolerance, kFloor) ==
          "");
  }

  // The name with # for each number, and the shape.
  static std::string kind_of(const std::string& name, const Shape& shape) {
    std::string kind;
    for (const char c : name) {
      const bool is_digit = std::isdigit(static_cast<unsigned char>(c)) != 0;
      if (!is_digit)
        kind += c;
      else if (kind.empty() || kind.back() != '#')
        kind += '#';
    }
    for (std::int64_t d = 0; d < shape.rank(); ++d) kind += format(d == 0 ? " " : ",", shape[d]);
    return kind;
  }

  std::string arch_;
  GoldenFile golden_;
};

}  // namespace

TEST_CASE("training and initial values are PyTorch's") {
  for (const std::string arch : kFamilies) {
    CAPTURE(arch);
    Comparison comparison(arch);
    comparison.training();
    comparison.initial_values();
    for (const std::string& entry : comparison.unused()) FAIL_CHECK(entry << ": not compared");
  }
}
