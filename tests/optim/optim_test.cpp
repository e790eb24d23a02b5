// Optimizers and schedules compared with PyTorch's (scripts/golden/optim.py has the same cases),
// and other properties of optimizers: groups, state, clipping, skipped steps.
#include <doctest/doctest.h>

#include <cmath>
#include <functional>
#include <limits>
#include <memory>
#include <string>

#include "base/parallel.h"
#include "ops/ops.h"
#include "optim/adam.h"
#include "optim/lr_scheduler.h"
#include "optim/make_optimizer.h"
#include "optim/sgd.h"
#include "tests/support/golden_file.h"
#include "tests/support/hashed.h"
#include "tests/support/message_of.h"

using namespace osteon;

namespace {

constexpr const char* kNames[] = {"a", "b", "large"};
constexpr int kSteps = 6, kHalvedFrom = 4;

bool has_gradient(const std::string& name, int step) {
  return name != "b" || (step != 0 && step != 3);
}
bool is_kept(int step) { return step == 0 || step == 5; }

Shape shape_of(const std::string& name) {
  if (name == "a") return {3, 5};
  if (name == "b") return {7};
  return {300, 401};
}

Tensor draw(const std::string& sequence, const Shape& shape, DType dtype) {
  const HashedSequence draws(sequence);
  std::vector<double> numbers(static_cast<std::size_t>(shape.numel()));
  for (std::size_t i = 0; i < numbers.size(); ++i) numbers[i] = 2 * draws.uniform(i) - 1;
  return from_vector(numbers, shape, dtype);
}

struct Parameters {
  std::vector<std::pair<std::string, Tensor>> named;

  explicit Parameters(DType dtype) {
    for (const std::string name : kNames) {
      named.emplace_back(name, draw("parameter/" + name, shape_of(name), dtype));
      named.back().second.set_requires_grad(true);
    }
  }
  Tensors tensors() const {
    Tensors all;
    for (const auto& [name, tensor] : named) all.push_back(tensor);
    return all;
  }
  void set_gradients(int step) const {
    for (const auto& [name, tensor] : named) {
      tensor.zero_grad();
      if (has_gradient(name, step))
        tensor.accumulate_grad(
            draw(format("gradient/", name, ":", step), tensor.shape(), tensor.dtype()));
    }
  }
  std::vector<ParameterGroup> one_group(double lr, double weight_decay = 0) const {
    return {{named, lr, weight_decay}};
  }
  std::vector<ParameterGroup> b_apart(double lr, double decay, double lr_b, double decay_b) const {
    return {{{named[0], named[2]}, lr, decay}, {{named[1]}, lr_b, decay_b}};
  }
};

std::unique_ptr<Optimizer> adam(std::vector<ParameterGroup> groups, const AdamOptions& options) {
  return std::make_unique<Adam>(std::move(groups), options);
}
std::unique_ptr<Optimizer> sgd(std::vector<ParameterGroup> groups, const SGDOptions& options) {
  return std::make_unique<SGD>(std::move(groups), options);
}

struct Case {
  std::string name;
  std::function<std::unique_ptr<Optimizer>(const Parameters&)> make;
  double max_norm = 0;  // 0: no clipping
};

const Case kCases[] = {
    {"adam", [](const Parameters& p) { return adam(p.one_group(0.01), {}); }},
    {"adam_l2", [](const Parameters& p) { return adam(p.one_group(0.01, 0.1), {}); }},
    {"adam_options",
     [](const Parameters& p) {
       return adam(p.one_group(0.05), {0.8, 0.95, 1e-2, false});
     }},
    {"adam_clipped", [](const Parameters& p) { return adam(p.one_group(0.05), {.epsilon = 1e-2}); },
     0.5},
    {"adamw",
     [](const Parameters& p) { return adam(p.one_group(0.01, 0.1), {.decoupled = true}); }},
    {"adamw_groups",
     [](const Parameters& p) { return adam(p.b_apart(0.01, 0.1, 0.1, 0), {.decoupled = true}); }},
    {"sgd", [](const Parameters& p) { return sgd(p.one_group(0.1), {.momentum = 0}); }},
    {"sgd_momentum", [](const Parameters& p) { return sgd(p.one_group(0.1, 0.01), {}); }},
    {"sgd_nesterov",
     [](const Parameters& p) {
       return sgd(p.one_group(0.1, 0.01), {0.8, true});
     }},
};

// One step of a case; returns the norm if the case clips.
Tensor take_step(const Case& c, const Parameters& parameters, Optimizer& optimizer, int step) {
  if (step == kHalvedFrom) optimizer.set_lr_factor(0.5);
  parameters.set_gradients(step);
  const Tensor norm = c.max_norm > 0 ? clip_grad_norm_(parameters.tensors(), c.max_norm) : Tensor();
  optimizer.step(norm);
  return norm;
}

std::vector<std::vector<double>> elements_of(const Parameters& parameters) {
  std::vector<std::vector<double>> elements;
  for (const Tensor& tensor : parameters.tensors()) elements.push_back(tensor.to_vector());
  return elements;
}

}  // namespace

TEST_CASE("updates agree with PyTorch's") {
  GoldenFile golden("optim.safetensors");
  struct Precision {
    DType dtype;
    double tolerance;
  };
  for (const auto [dtype, tolerance] : {Precision{DType::f64, 1e-12}, {DType::f32, 1e-6}}) {
    for (const Case& c : kCases) {
      const Parameters parameters(dtype);
      const auto optimizer = c.make(parameters);
      for (int step = 0; step < kSteps; ++step) {
        const Tensor norm = take_step(c, parameters, *optimizer, step);
        if (norm.defined())
          CHECK(golden.difference(format(c.name, "/", step, "/norm"), norm, tolerance, 0) == "");
        if (!is_kept(step)) continue;
        for (const auto& [name, tensor] : parameters.named)
          CHECK(golden.difference(format(c.name, "/", step, "/", name), tensor, tolerance, 0) ==
                "");
      }
    }
  }
  for (const std::string& entry : golden.unused()) CHECK(entry.starts_with("schedule/"));
}

TEST_CASE("a run resumed from saved state continues bit for bit") {
  for (const Case& c : kCases) {
    CAPTURE(c.name);
    const Parameters whole(DType::f32), resumed(DType::f32);
    const auto optimizer = c.make(whole);
    for (int step = 0; step < kHalvedFrom + 1; ++step) take_step(c, whole, *optimizer, step);
    const auto second = c.make(resumed);
    for (std::size_t i = 0; i < whole.named.size(); ++i)
      copy_(resumed.named[i].second, whole.named[i].second);
    const OptimizerState state = optimizer->state_dict();
    second->load_state_dict({state.tensors, nlohmann::json::parse(state.scalars.dump())});
    take_step(c, whole, *optimizer, kSteps - 1);
    take_step(c, resumed, *second, kSteps - 1);
    CHECK(elements_of(whole) == elements_of(resumed));
  }
}

TEST_CASE("saved state has the names of the parameters") {
  const Parameters parameters(DType::f32);
  const OptimizerState state = Adam(parameters.one_group(0.5, 0.25)).state_dict();
  std::string names;
  for (const auto& [name, tensor] : state.tensors.tensors) names += name + " ";
  CHECK(names ==
        "exp_avg.a exp_avg.b exp_avg.large exp_avg_sq.a exp_avg_sq.b exp_avg_sq.large "
        "step.a step.b step.large ");
  CHECK(state.scalars.dump() ==
        R"({"groups":[{"lr":0.5,"weight_decay":0.25}],"lr_factor":1.0,"optimizer":"adam"})");
}

TEST_CASE("the state of another optimizer is refused and changes nothing") {
  const Parameters parameters(DType::f32);
  Adam optimizer(parameters.one_group(0.5));
  const OptimizerState good = optimizer.state_dict();
  struct Row {
    std::function<void(OptimizerState&)> spoil;
    std::string message;
  };
  const Row rows[] = {
      {[](auto& s) { s.scalars["optimizer"] = "sgd"; },
       "adam: the saved state belongs to the optimizer sgd"},
      {[](auto& s) { s.scalars["groups"].push_back(s.scalars["groups"][0]); },
       "has 2 groups of parameters, expected 1"},
      {[](auto& s) { s.scalars.erase("lr_factor"); }, "not the saved state of an optimizer"},
      {[](auto& s) { s.scalars["groups"][0]["lr"] = "fast"; },
       "not the saved state of an optimizer"},
      {[](auto& s) { s.scalars = 3; }, "not the saved state of an optimizer"},
      {[](auto& s) { s.tensors.tensors.erase(s.tensors.tensors.begin()); }, "1 missing: exp_avg.a"},
      {[](auto& s) { s.tensors.tensors[0].first = "exp_avg.c"; }, "1 unexpected: exp_avg.c"},
      {[](auto& s) { s.tensors.tensors[1].second = zeros({8}); },
       "1 of another shape: exp_avg.b is [8], expected [7]"},
  };
  for (const Row& row : rows) {
    OptimizerState state = good;
    state.scalars["groups"][0]["lr"] = 7.0;
    row.spoil(state);
    CAPTURE(row.message);
    CHECK(contains(message_of([&] { optimizer.load_state_dict(state); }), row.message));
    CHECK(optimizer.lr() == 0.5);
  }
}

TEST_CASE("impossible optimizers are refused") {
  const Parameters parameters(DType::f32), wide(DType::f64);
  Tensor half = zeros({2}, DType::bf16);
  half.set_requires_grad(true);
  struct Row {
    std::function<void()> make;
    std::string message;
  };
  const Row rows[] = {
      {[&] { Adam({ParameterGroup{}}); }, "group 0 has no parameters"},
      {[&] { Adam(parameters.one_group(-1)); }, "group 0 has learning rate -1"},
      {[&] { Adam(parameters.one_group(1, -1)); }, "weight decay -1"},
      {[&] {
         Adam({{parameters.named}, {parameters.named}});
       },
       "parameter a is given twice"},
      {[&] {
         Adam({{{{"half", half}}}});
       },
       "parameter half is bf16; keep it in f32 or f64"},
      {[&] {
         Adam({{{parameters.named[0], wide.named[1]}}});
       },
       "f64 on cpu in a group of f32"},
      {[&] { Adam(parameters.one_group(1), {.beta1 = 1}); }, "betas must be in [0, 1)"},
      {[&] { SGD(parameters.one_group(1), {.momentum = 1}); }, "momentum 1 is not in [0, 1)"},
      {[&] {
         SGD(parameters.one_group(1), {0, true});
       },
       "needs a momentum above 0"},
      {[&] { make_optimizer("lion", parameters.one_group(1)); }, "known are adam, adamw, sgd"},
  };
  for (const Row& row : rows) {
    CAPTURE(row.message);
    CHECK(contains(message_of(row.make), row.message));
  }
}

TEST_CASE("optimizers are made by name") {
  for (const std::string name : {"adam", "adamw", "sgd"}) {
    const Parameters parameters(DType::f32);
    const auto optimizer = make_optimizer(name, parameters.one_group(1));
    CHECK(optimizer->state_dict().scalars["optimizer"] == name);
  }
}

TEST_CASE("gradients keep their memory and are reset by zero_grad") {
  const Parameters parameters(DType::f32);
  SGD optimizer(parameters.one_group(1));
  const Tensors tensors = parameters.tensors();
  CHECK(contains(message_of([&] { optimizer.step(); }), "sgd: no parameter has a gradient"));
  std::vector<const std::byte*> places;
  for (int step = 1; step < 3; ++step) {
    parameters.set_gradients(step);
    for (const Tensor& tensor : tensors) {
      CHECK(tensor.grad().shares_memory(tensors[0].grad()));
      CHECK(reinterpret_cast<std::uintptr_t>(tensor.grad().raw()) % 64 == 0);
      places.push_back(tensor.grad().raw());
    }
    optimizer.zero_grad();
    for (const Tensor& tensor : tensors) CHECK(!tensor.grad().defined());
  }
  for (std::size_t i = 0; i < tensors.size(); ++i) CHECK(places[i] == places[i + tensors.size()]);
}

TEST_CASE("gradients that are not finite skip the step") {
  for (const double bad :
       {std::numeric_limits<double>::quiet_NaN(), std::numeric_limits<double>::infinity()}) {
    for (const Case& c : kCases) {
      const Parameters parameters(DType::f32), untouched(DType::f32);
      const auto optimizer = c.make(parameters);
      parameters.set_gradients(1);
      parameters.tensors()[2].grad().data<float>()[77'777] = static_cast<float>(bad);
      const Tensor norm = clip_grad_norm_(parameters.tensors(), 1);
      CHECK(!std::isfinite(norm.item()));
      optimizer->step(norm);
      CHECK(elements_of(parameters) == elements_of(untouched));
      // The step was not counted and did not change the moments.
      const auto fresh = c.make(untouched);
      take_step(c, parameters, *optimizer, 1);
      take_step(c, untouched, *fresh, 1);
      CHECK(elements_of(parameters) == elements_of(untouched));
    }
  }
}

TEST_CASE("a norm within bounds leaves gradients as they are") {
  const Parameters parameters(DType::f64);
  CHECK(contains(message_of([&] { clip_grad_norm_(parameters.tensors(), 1); }),
                 "no parameter has a gradient"));
  parameters.set_gradients(0);  // b has none
  const auto before = parameters.tensors()[2].grad().to_vector();
  for (const double bound : {1e9, std::numeric_limits<double>::infinity()}) {
    CHECK(clip_grad_norm_(parameters.tensors(), bound).item() > 100);
    CHECK(parameters.tensors()[2].grad().to_vector() == before);
  }
  CHECK(
      contains(message_of([&] { clip_grad_norm_(parameters.tensors(), 0); }), "must be positive"));
}

TEST_CASE("bits do not depend on the number of threads") {
  const int threads = num_threads();
  std::vector<std::vector<double>> results[2];
  double norms[2];
  for (int i = 0; i < 2; ++i) {
    set_num_threads(i == 0 ? 1 : 3);
    const Parameters parameters(DType::f32);
    Adam optimizer(parameters.one_group(0.1));
    parameters.set_gradients(1);
    norms[i] = clip_grad_norm_(parameters.tensors(), 0.1).item();
    optimizer.step();
    results[i] = elements_of(parameters);
  }
  set_num_threads(threads);
  CHECK(norms[0] == norms[1]);
  CHECK(results[0] == results[1]);
}

TEST_CASE("a graph through a parameter is refused after a step") {
  const Parameters parameters(DType::f32);
  SGD optimizer(parameters.one_group(1));
  const Tensor& a = parameters.named[0].second;
  const Tensor loss = sum(mul(a, a));
  parameters.set_gradients(1);
  optimizer.step();
  CHECK(contains(message_of([&] { backward(loss); }), "changed in place before backward"));
}

TEST_CASE("schedules agree with PyTorch's") {
  GoldenFile golden("optim.safetensors");
  const double nan = std::numeric_limits<double>::quiet_NaN();
  const std::vector<double> figures = {1.0,  0.8, 0.79999, 0.9,  0.7, 0.71, 0.72,
                                       0.73, nan, 0.74,    0.75, 0.6, 0.61, 0.62};
  struct Row {
    std::string entry;
    ScheduleOptions options;
    int count;
  };
  const Row rows[] = {
      {"step", {.name = "step", .every = 3, .gamma = 0.5}, 10},
      {"cosine", {.name = "cosine", .total_steps = 12}, 12},
      {"cosine_warmup",
       {.name = "cosine", .warmup_steps = 4, .total_steps = 16, .minimum = 0.01},
       16},
      {"plateau", {.name = "plateau"}, 14},
      {"plateau_patient", {.name = "plateau", .patience = 2}, 14},
      {"plateau_minimum", {.name = "plateau", .minimum = 0.005}, 14},
      {"plateau_higher", {.name = "plateau", .patience = 1, .higher_is_better = true}, 14},
  };
  for (const Row& row : rows) {
    auto scheduler = std::make_unique<LRScheduler>(row.options);
    std::vector<double> factors;
    for (int i = 0; i < row.count; ++i) {
      factors.push_back(scheduler->factor(i, i));
      const double figure = figures[static_cast<std::size_t>(i) % figures.size()];
      scheduler->observe(row.options.higher_is_better ? 2 - figure : figure);
      // Interrupted and resumed after each epoch.
      const nlohmann::json state = nlohmann::json::parse(scheduler->state().dump());
      scheduler = std::make_unique<LRScheduler>(row.options);
      scheduler->load_state(state);
    }
    CHECK(golden.difference(format("schedule/", row.entry),
                            from_vector(factors, {row.count}, DType::f64), 1e-14, 0) == "");
  }
}

TEST_CASE("schedules at their ends") {
  struct Row {
    double actual, expected;
  };
  const Row rows[] = {
      {LRScheduler().factor(1000, 1000), 1},
      {cosine_with_warmup(0, 10, 20), 0.1},
      {cosine_with_warmup(9, 10, 20), 1},
      {cosine_with_warmup(10, 10, 20), 1},
      {cosine_with_warmup(15, 10, 20), 0.5},
      {cosine_with_warmup(20, 10, 20), 0},
      {cosine_with_warmup(99, 10, 20, 0.25), 0.25},
      {step_decay(0, 5, 0.1), 1},
      {step_decay(5, 5, 0.25), 0.25},
  };
  for (const Row& row : rows) CHECK(row.actual == doctest::Approx(row.expected).epsilon(1e-15));
}

TEST_CASE("impossible schedules are refused") {
  struct Row {
    ScheduleOptions options;
    std::string message;
  };
  const Row rows[] = {
      {{.name = "linear"}, "known are constant, step, plateau, cosine"},
      {{.name = "step", .every = 0}, "every 0"},
      {{.name = "step", .gamma = 0}, "gamma 0"},
      {{.name = "plateau", .patience = -1}, "patience -1"},
      {{.name = "cosine"}, "a cosine of 0 steps"},
      {{.name = "cosine", .warmup_steps = 5, .total_steps = 5}, "cannot warm up for 5"},
  };
  for (const Row& row : rows) {
    CAPTURE(row.message);
    CHECK(contains(message_of([&] { LRScheduler{row.options}; }), row.message));
  }
  CHECK(contains(message_of([] {
                   LRScheduler().load_state({{"best", 1}});
                 }),
                 "not the state of a schedule"));
  CHECK(contains(message_of([] {
                   LRScheduler().load_state({{"best", 1}, {"epochs_without", 1e300}});
                 }),
                 "epochs_without is 1e+300"));
}
