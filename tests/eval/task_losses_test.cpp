// Losses of the tasks and their gradients against PyTorch's (tests/golden/label_metrics.json,
// written by scripts/golden/label_metrics.py), and how mixed and smoothed targets enter them.
#include <doctest/doctest.h>

#include <cmath>
#include <fstream>
#include <nlohmann/json.hpp>

#include "eval/task.h"
#include "ops/ops.h"
#include "tests/support/message_of.h"
#include "train/batch_changes.h"

using namespace osteon;
using nlohmann::json;

namespace {

const json& rows() {
  static const json data = json::parse(std::ifstream(OSTEON_TEST_DATA "/label_metrics.json"));
  return data.at("losses");
}

// Training images with the labels of a row.
Manifest manifest_of(const json& row) {
  Manifest manifest;
  manifest.task = row.at("task");
  for (std::size_t i = 0; i < row.at("labels").size(); ++i) {
    const json& label = row.at("labels").at(i);
    Sample sample{std::to_string(i)};
    if (manifest.task == "ordinal") sample.label = label;
    if (manifest.task == "multilabel") sample.labels = label.get<std::vector<std::int8_t>>();
    if (manifest.task == "regression") sample.value = label;
    manifest.samples.push_back(sample);
  }
  manifest.classes = manifest.task == "ordinal"      ? std::vector<std::string>{"0", "1", "2", "3"}
                     : manifest.task == "multilabel" ? std::vector<std::string>{"a", "b", "c"}
                                                     : std::vector<std::string>{"age"};
  return manifest;
}

std::vector<std::int64_t> all_of(const Manifest& manifest) {
  std::vector<std::int64_t> indices;
  for (std::int64_t i = 0; i < std::ssize(manifest.samples); ++i) indices.push_back(i);
  return indices;
}

std::unique_ptr<Task> prepared_task(const Manifest& manifest, const std::string& policy) {
  auto task = make_task(manifest.task, manifest.classes);
  task->prepare_training(manifest, policy, [](const std::string&) {});
  return task;
}

}  // namespace

TEST_CASE("losses and gradients agree with PyTorch's") {
  REQUIRE(rows().size() == 6);
  for (const json& row : rows()) {
    CAPTURE(row.at("task"));
    const Manifest manifest = manifest_of(row);
    const std::vector<std::int64_t> all = all_of(manifest);
    const auto task = prepared_task(manifest, row.value("policy", std::string("none")));
    const Tensor targets =
        task->smooth(task->targets({manifest, all}, DType::f64), row.value("smoothing", 0.0));
    Tensor outputs = from_vector(row.at("outputs").get<std::vector<double>>(),
                                 {std::ssize(all), task->outputs()}, DType::f64);
    outputs.set_requires_grad(true);
    const Tensor weights =
        from_vector(row.at("weights").get<std::vector<double>>(), {std::ssize(all)}, DType::f64);
    const Tensor loss = task->loss(outputs, targets, weights);
    CHECK(loss.item() == doctest::Approx(row.at("loss").get<double>()).epsilon(1e-12));
    backward(loss);
    const std::vector<double> gradient = outputs.grad().to_vector();
    for (std::size_t i = 0; i < gradient.size(); ++i)
      CHECK(std::abs(gradient[i] - row.at("gradient").at(i).get<double>()) < 1e-12);
  }
}

// The loss of mixed targets is the mixture of both images' losses; an unknown label adds nothing.
TEST_CASE("mixed targets of grades and of several labels") {
  for (const json& row : rows()) {
    if (row.at("task") == "regression") continue;
    CAPTURE(row.at("task"));
    const Manifest manifest = manifest_of(row);
    const std::vector<std::int64_t> all = all_of(manifest);
    const auto task = prepared_task(manifest, row.value("policy", std::string("none")));
    const Tensor outputs = from_vector(row.at("outputs").get<std::vector<double>>(),
                                       {std::ssize(all), task->outputs()}, DType::f64);
    const Tensor own = task->targets({manifest, all}, DType::f64), partner = flip(own, {0});
    const Tensor one = full({std::ssize(all)}, 1, DType::f64);
    Tensor mixed = own, weights = one;
    mix_targets({.share = 0.3}, mixed, weights);
    CHECK(task->loss(outputs, mixed, weights).item() ==
          doctest::Approx(0.3 * task->loss(outputs, own, one).item() +
                          0.7 * task->loss(outputs, partner, one).item())
              .epsilon(1e-12));
  }
}

TEST_CASE("smoothed labels: half of the share is yes and half is no, nothing if unknown") {
  Manifest manifest;
  manifest.task = "multilabel";
  manifest.classes = {"a", "b", "c"};
  manifest.samples.push_back({"0"});
  manifest.samples[0].labels = {1, 0, kUnknown};
  const std::vector<std::int64_t> first{0};
  const auto task = make_task("multilabel", manifest.classes);
  const std::vector<double> targets =
      task->smooth(task->targets({manifest, first}, DType::f64), 0.2).to_vector();
  const std::vector<double> expected{0.9, 0.1, 0, 0.1, 0.9, 0};
  for (std::size_t i = 0; i < expected.size(); ++i)
    CHECK(targets[i] == doctest::Approx(expected[i]));
  CHECK(contains(message_of([&] { make_task("regression", {"age"})->smooth(zeros({1}), 0.1); }),
                 "has no classes"));
}
