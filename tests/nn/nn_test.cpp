// Modules, layers, initial values and the table of layers.
#include <doctest/doctest.h>

#include <cmath>
#include <functional>
#include <map>
#include <memory>
#include <string>

#include "base/parallel.h"
#include "base/random.h"
#include "base/text.h"
#include "nn/describe.h"
#include "nn/flops.h"
#include "nn/init.h"
#include "nn/layers.h"
#include "nn/models.h"
#include "tests/support/gradient_check.h"
#include "tests/support/hashed.h"
#include "tests/support/message_of.h"

using namespace osteon;

namespace {

constexpr std::uint64_t kSeed = 7;

// Numbers in (-1, 1) with an absolute value of at least 1/128.
Tensor draw(const std::string& name, const Shape& shape, DType dtype = DType::f32) {
  const HashedSequence draws(name);
  std::vector<double> numbers(static_cast<std::size_t>(shape.numel()));
  for (std::size_t i = 0; i < numbers.size(); ++i) numbers[i] = draws.coarse(i);
  return from_vector(numbers, shape, dtype);
}

// All different, at least 1/32 apart, so that no maximum is almost a tie.
Tensor draw_distinct(const std::string& name, const Shape& shape) {
  RandomStream random(hash_name(name));
  std::vector<double> numbers;
  for (const std::int64_t rank : permutation(shape.numel(), random))
    numbers.push_back(static_cast<double>(rank) / 32 - 1.01);
  return from_vector(numbers, shape, DType::f64);
}

template <class Layer, class... Arguments>
std::unique_ptr<Module> make(Arguments&&... arguments) {
  return std::make_unique<Layer>(std::forward<Arguments>(arguments)...);
}

std::unique_ptr<Module> make_sequential() {
  auto layers = std::make_unique<Sequential>();
  layers->append<Conv2d>(3, 4, 3, Conv2dOptions{.padding = 1});
  layers->append<BatchNorm2d>(4);
  layers->append<GlobalAvgPool2d>();
  layers->append<Linear>(4, 2);
  return layers;
}

// A batch norm called as in a residual block.
class NormWithResidual : public Module {
 public:
  NormWithResidual() { register_module("bn", bn_); }

 protected:
  Tensor forward(const Tensor& x) override { return bn_.relu(x, residual_); }

 private:
  BatchNorm2d bn_{3};
  Tensor residual_ = draw("residual", {4, 5, 6, 3}, DType::f64);
};

// Two branches; the second is skipped if its input is undefined.
class TwoBranches : public Module {
 public:
  TwoBranches() {
    register_module("image", image_);
    register_module("history", history_);
    initialise_parameters(*this, kSeed);
  }

 protected:
  Tensor forward(const Tensors& inputs) override {
    const Tensor y = global_avg_pool2d(image_(inputs[0]));
    return inputs[1].defined() ? mul(y, history_(inputs[1])) : y;
  }

 private:
  Conv2d image_{3, 4, 3, {.padding = 1}};
  Linear history_{5, 4};
};

std::string names_of(const NamedTensorList& list) {
  std::string names;
  for (const auto& [name, tensor] : list) names += name + " ";
  return names;
}

}  // namespace

TEST_CASE("layers pass the gradient check") {
  struct Row {
    std::string name;
    std::unique_ptr<Module> layer;
    bool training = true;
    Shape input = {4, 5, 6, 3};
  };
  Row rows[] = {
      {"conv2d", make<Conv2d>(3, 4, 3)},
      {"conv2d strided", make<Conv2d>(3, 4, Spatial(3, 2),
                                      Conv2dOptions{.stride = 2, .padding = Spatial(1, 0)}, false)},
      {"conv2d grouped",
       make<Conv2d>(4, 6, 3, Conv2dOptions{.padding = 1, .groups = 2}),
       true,
       {2, 4, 5, 4}},
      {"batch norm", make<BatchNorm2d>(3)},
      {"batch norm, evaluation", make<BatchNorm2d>(3), false},
      {"batch norm with residual", make<NormWithResidual>()},
      {"batch norm with residual, evaluation", make<NormWithResidual>(), false},
      {"linear", make<Linear>(3, 5)},
      {"linear without bias", make<Linear>(3, 5, false), true, {4, 3}},
      {"relu", make<ReLU>()},
      {"max pool", make<MaxPool2d>(Pool2dOptions{3, 2, 1})},
      {"average pool", make<AvgPool2d>(Pool2dOptions{3, 2, 1})},
      {"global average pool", make<GlobalAvgPool2d>()},
      {"dropout", make<Dropout>(0.4)},
      {"dropout, evaluation", make<Dropout>(0.4), false},
      // In training the bias before a batch norm has no effect, and its gradient is only rounding
      // error.
      {"sequential, evaluation", make_sequential(), false},
  };
  for (const Row& row : rows) {
    CAPTURE(std::string(row.name));
    Module& layer = *row.layer;
    layer.to(DType::f64);
    initialise_parameters(layer, kSeed);
    for (const auto& [name, parameter] : layer.named_parameters())
      if (parameter.rank() == 1)  // zeros and ones would hide too many errors
        copy_(parameter, draw(name, parameter.shape()));
    set_randomness(layer, kSeed, 0);
    layer.train(row.training);
    Tensor x = draw_distinct("x", row.input);
    x.set_requires_grad(true);
    Tensors leaves = layer.parameters();
    leaves.push_back(x);
    for (const double error : gradient_errors([&] { return layer(x); }, leaves))
      CHECK(error <= 1e-6);
  }
}

TEST_CASE("tensors are named by their paths, in the order of registration") {
  const auto layers = make_sequential();
  CHECK(names_of(layers->named_parameters()) == "0.weight 0.bias 1.weight 1.bias 3.weight 3.bias ");
  CHECK(names_of(layers->named_buffers()) == "1.running_mean 1.running_var 1.num_batches_tracked ");
  CHECK(names_of(layers->named_state()) ==
        "0.weight 0.bias 1.weight 1.bias 1.running_mean 1.running_var 1.num_batches_tracked "
        "3.weight 3.bias ");
  CHECK(layers->parameter_count() == 4 * 27 + 4 + 8 + 8 + 2);
  std::string paths;
  for (const auto& [path, module] : layers->named_modules()) paths += "(" + path + ")";
  CHECK(paths == "()(0)(1)(2)(3)");
  for (const Tensor& parameter : layers->parameters()) CHECK(parameter.requires_grad());
}

TEST_CASE("ambiguous names are refused") {
  class Twice : public Module {
   public:
    explicit Twice(const std::string& name) {
      register_parameter("weight", weight_);
      register_buffer(name, weight_);
    }

   protected:
    Tensor forward(const Tensor& x) override { return x; }

   private:
    Tensor weight_ = zeros({1});
  };
  for (const char* name : {"weight", "", "a.b"})
    CHECK(contains(message_of([&] { Twice{name}; }), format("the name \"", name, "\"")));
  Twice{"other"};
}

TEST_CASE("the mode is set for every layer and restored") {
  const auto layers = make_sequential();
  const NamedModules modules = layers->named_modules();
  modules[2].second->eval();
  {
    const EvaluationMode evaluation(*layers);
    for (const auto& [path, module] : modules) CHECK(!module->is_training());
  }
  for (const auto& [path, module] : modules) CHECK(module->is_training() == (path != "1"));
  layers->train();
  for (const auto& [path, module] : modules) CHECK(module->is_training());
}

TEST_CASE("conversion keeps values, integers and requires_grad") {
  const auto layers = make_sequential();
  initialise_parameters(*layers, kSeed);
  Tensor frozen = layers->named_parameters()[0].second;
  frozen.set_requires_grad(false);
  const std::vector<double> before = frozen.to_vector();
  layers->to(DType::f64);
  const auto [name, converted] = layers->named_parameters()[0];
  CHECK(converted.dtype() == DType::f64);
  CHECK(converted.to_vector() == before);
  CHECK(!converted.requires_grad());
  CHECK(layers->named_parameters()[1].second.requires_grad());
  CHECK(layers->named_buffers()[1].second.dtype() == DType::f64);
  CHECK(layers->named_buffers()[2].second.dtype() == DType::i64);
  CHECK(contains(message_of([&] { layers->to(DType::i64); }), "cannot be i64"));
}

TEST_CASE("batch norm counts batches in training only") {
  BatchNorm2d bn(3);
  const Tensor x = draw("x", {4, 2, 2, 3});
  bn(x);
  bn.relu(x);
  bn.eval();
  bn(x);
  CHECK(bn.num_batches_tracked.item() == 2);
  CHECK(bn.running_mean.to_vector() != std::vector<double>(3, 0));
}

TEST_CASE("in bf16 activations are bf16, parameters and their gradients f32") {
  auto layers = std::make_unique<Sequential>();
  layers->append<Conv2d>(3, 4, 3);
  layers->append<BatchNorm2d>(4);
  layers->append<ReLU>();
  layers->append<MaxPool2d>(Pool2dOptions{});
  layers->append<GlobalAvgPool2d>();
  layers->append<Linear>(4, 2);
  initialise_parameters(*layers, kSeed);
  const Tensor x = draw("x", {4, 6, 6, 3});
  const Tensor exact = (*layers)(x);
  const Tensor y = (*layers)(cast(x, DType::bf16));
  CHECK(y.dtype() == DType::bf16);
  for (std::size_t i = 0; i < 8; ++i)
    CHECK(y.to_vector()[i] == doctest::Approx(exact.to_vector()[i]).epsilon(0.05));
  backward(sum(y));
  for (const auto& parameter : layers->named_parameters()) {
    CAPTURE(parameter.first);
    CHECK(parameter.second.grad().defined());
    CHECK(parameter.second.grad().dtype() == DType::f32);
  }
}

TEST_CASE("every module of a model gets its own random key") {
  struct Drawing : Module {
    void set_random_key(const RandomKey& key) override { last = key; }
    Tensor forward(const Tensor& x) override { return x; }
    RandomKey last;
  };
  Sequential layers;
  const Drawing& first = layers.append<Drawing>();
  const Drawing& second = layers.append<Sequential>().append<Drawing>();
  set_randomness(layers, 5, 7, 3);
  for (const Drawing* each : {&first, &second}) {
    CHECK(each->last.seed == 5);
    CHECK(each->last.step == 7);
    CHECK(each->last.first_sample == 3);
  }
  CHECK(first.last.stream == hash_name("0"));
  CHECK(second.last.stream == hash_name("1.0"));
}

TEST_CASE("dropout draws from the key and the layer's name") {
  Sequential layers;
  for (int i = 0; i < 2; ++i) layers.append<Dropout>(0.5);
  Module& first = *layers.named_modules()[1].second;
  Module& second = *layers.named_modules()[2].second;
  const Tensor x = full({8, 100}, 1);
  CHECK(contains(message_of([&] { layers(x); }), "call set_randomness before each training step"));
  const auto drawn = [&](Module& layer, std::uint64_t seed, std::int64_t step,
                         std::int64_t first_sample, const Tensor& input) {
    set_randomness(layers, seed, step, first_sample);
    return layer(input).to_vector();
  };
  const auto reference = drawn(first, 1, 2, 0, x);
  CHECK(drawn(first, 1, 2, 0, x) == reference);
  CHECK(drawn(second, 1, 2, 0, x) != reference);
  CHECK(drawn(first, 2, 2, 0, x) != reference);
  CHECK(drawn(first, 1, 3, 0, x) != reference);
  const std::vector<double> lower_half(reference.begin() + 400, reference.end());
  CHECK(drawn(first, 1, 2, 4, x.rows(4, 8)) == lower_half);
  layers.eval();
  CHECK(layers(x).to_vector() == x.to_vector());
  CHECK(contains(message_of([] { Dropout{1.0}; }), "probability 1 is not in [0, 1)"));
}

TEST_CASE("initial values have the right spread") {
  struct Row {
    std::string name;
    std::unique_ptr<Module> layer;
    double weight_deviation, weight_bound;  // bound 0: none
    double bias_bound;
  };
  const double of_linear = 1 / std::sqrt(300.0), of_conv = 1 / std::sqrt(64 * 9.0);
  Row rows[] = {
      {"conv2d", make<Conv2d>(64, 128, 3), std::sqrt(2 / (128 * 9.0)), 0, of_conv},
      {"conv2d grouped", make<Conv2d>(128, 128, 3, Conv2dOptions{.groups = 2}),
       std::sqrt(2 / (128 * 9.0)), 0, of_conv},
      {"linear", make<Linear>(300, 200), of_linear / std::sqrt(3.0), of_linear, of_linear},
  };
  for (const Row& row : rows) {
    CAPTURE(std::string(row.name));
    initialise_parameters(*row.layer, kSeed);
    const Tensors parameters = row.layer->parameters();
    double sum = 0, squares = 0, largest = 0, largest_bias = 0;
    for (const double x : parameters[0].to_vector()) {
      sum += x;
      squares += x * x;
      largest = std::max(largest, std::abs(x));
    }
    for (const double x : parameters[1].to_vector())
      largest_bias = std::max(largest_bias, std::abs(x));
    const auto n = static_cast<double>(parameters[0].numel());
    CHECK(std::abs(sum / n) < 4 * row.weight_deviation / std::sqrt(n));
    CHECK(std::sqrt(squares / n) == doctest::Approx(row.weight_deviation).epsilon(0.01));
    if (row.weight_bound > 0) {
      CHECK(largest <= row.weight_bound);
      CHECK(largest > 0.999 * row.weight_bound);
    } else {
      CHECK(largest > 4 * row.weight_deviation);
    }
    CHECK(largest_bias <= row.bias_bound);
    CHECK(largest_bias > 0.9 * row.bias_bound);
  }
}

TEST_CASE("initial values depend only on seed and name") {
  const auto weights = [](std::uint64_t seed, int place, int threads) {
    const int before = num_threads();
    set_num_threads(threads);
    Sequential layers;
    for (int i = 0; i < place; ++i) layers.append<ReLU>();
    layers.append<Conv2d>(16, 32, 5);
    initialise_parameters(layers, seed);
    set_num_threads(before);
    return layers.parameters()[0].to_vector();
  };
  const auto reference = weights(1, 0, 1);
  CHECK(weights(1, 0, 3) == reference);
  CHECK(weights(2, 0, 1) != reference);
  CHECK(weights(1, 1, 1) != reference);
  Sequential longer;
  longer.append<Conv2d>(16, 32, 5);
  longer.append<Linear>(2, 2);
  initialise_parameters(longer, 1);
  CHECK(longer.parameters()[0].to_vector() == reference);
}

TEST_CASE("an uninitialised layer gives NaN") {
  for (const Tensor& parameter :
       {Conv2d(2, 2, 1).weight, Conv2d(2, 2, 1).bias, Linear(2, 2).weight, Linear(2, 2).bias})
    for (const double x : parameter.to_vector()) CHECK(std::isnan(x));
}

TEST_CASE("impossible layers and models are refused") {
  struct Row {
    std::function<void()> make;
    std::string message;
  };
  const Row rows[] = {
      {[] { Conv2d(3, 4, 1, {.groups = 2}); }, "3 input channels do not divide into 2 groups"},
      {[] { Conv2d(3, 4, 1, {.groups = 0}); }, "into 0 groups"},
      {[] { make_model("resnet51"); },
       "unknown architecture \"resnet51\"; known are ResNet: resnet18 (11.69 M parameters, 1.81 "
       "GMACs), resnet34"},
      {[] { make_model("resnet50", {.num_classes = 0}); }, "0 classes; both must be at least 1"},
      {[] { make_model("resnet50", {.width = 0}); }, "width 0"},
      {[] { find_architecture("vgg"); }, "unknown architecture"},
  };
  for (const Row& row : rows) {
    CAPTURE(row.message);
    CHECK(contains(message_of(row.make), row.message));
  }
}

TEST_CASE("describe summarises a model and does not change it") {
  const auto model = make_sequential();
  initialise_parameters(*model, kSeed);
  const std::vector<double> running = model->named_buffers()[0].second.to_vector();
  const ModelSummary summary = describe(*model, {1, 10, 20, 3});
  CHECK(model->is_training());
  CHECK(model->named_buffers()[0].second.to_vector() == running);
  CHECK(summary.to_table() ==
        "layer  op                      output  parameters  MFLOPs\n"
        "0      conv2d             [1,10,20,4]         112    0.04\n"
        "1      batch_norm         [1,10,20,4]           8    0.00\n"
        "2      global_avg_pool2d        [1,4]           0    0.00\n"
        "3      linear                   [1,2]          10    0.00\n"
        "total                                         130    0.04\n");
  CHECK(summary.flops == 2 * 10 * 20 * 4 * 27 + 2 * 8);
}

TEST_CASE("a module of two inputs: gradients of both, the table of its layers, observers, errors") {
  TwoBranches model;
  const ModelSummary summary = describe(model, {{2, 6, 7, 3}, {2, 5}});
  CHECK(summary.to_table() ==
        "layer    op                    output  parameters  MFLOPs\n"
        "image    conv2d             [2,6,7,4]         112    0.02\n"
        "         global_avg_pool2d      [2,4]           0    0.00\n"
        "history  linear                 [2,4]          24    0.00\n"
        "         mul                    [2,4]           0    0.00\n"
        "total                                         136    0.02\n");

  model.to(DType::f64);
  const Tensor image = draw("image", {2, 6, 7, 3}, DType::f64),
               history = draw("history", {2, 5}, DType::f64);
  for (Tensor x : {image, history}) x.set_requires_grad(true);
  Tensors leaves = model.parameters();
  leaves.insert(leaves.end(), {image, history});
  for (const double error : gradient_errors([&] { return model({image, history}); }, leaves))
    CHECK(error < 1e-7);
  CHECK(model({image, {}}).shape() == Shape{2, 4});

  std::vector<std::size_t> inputs;
  {
    const ObserveModules observer([&](const ModuleEvent& event) {
      if (event.output) return;
      inputs.push_back(event.inputs.size());
      if (&event.module == &model) CHECK(event.inputs[1].shares_memory(history));
    });
    model({image, history});
  }
  CHECK(inputs == std::vector<std::size_t>{2, 1, 1});

  Linear linear(5, 4);
  CHECK(contains(message_of([&] { model(image); }), "does not take a single input"));
  CHECK(contains(message_of([&] { linear({history, history}); }), "takes 1 input, was given 2"));
  initialise_parameters(linear, kSeed);
  linear.to(DType::f64);
  CHECK(linear(Tensors{history}).shape() == Shape{2, 4});
}

TEST_CASE("flops of products") {
  struct Row {
    std::string name;
    std::function<void()> run;
    std::int64_t flops;
  };
  const Tensor a = zeros({2, 3, 5}), b = zeros({2, 5, 7});
  const Row rows[] = {
      {"conv2d",
       [] {
         conv2d(zeros({2, 5, 6, 4}), zeros({8, 3, 3, 4}));
       },
       2 * (2 * 3 * 4 * 8) * (3 * 3 * 4)},
      {"conv2d grouped",
       [] {
         conv2d(zeros({2, 5, 6, 4}), zeros({8, 3, 3, 2}), {}, {.groups = 2});
       },
       2 * (2 * 3 * 4 * 8) * (3 * 3 * 2)},
      {"linear",
       [] {
         linear(zeros({3, 4, 5}), zeros({6, 5}));
       },
       2 * 12 * 6 * 5},
      {"matmul", [&] { matmul(a, b); }, 2 * 2 * 3 * 5 * 7},
      {"matmul transposed", [&] { matmul(b, a, true, true); }, 2 * 2 * 3 * 5 * 7},
      {"relu", [&] { relu(a); }, 0},
  };
  for (const Row& row : rows) {
    CAPTURE(std::string(row.name));
    std::int64_t flops = 0;
    const ObserveOps observer([&](const Observation& op) { flops += count_flops(op); });
    row.run();
    CHECK(flops == row.flops);
  }
}

TEST_CASE("observers see passes of modules, also nested ones and those with a residual") {
  NormWithResidual with_residual;
  with_residual.to(DType::f64);
  std::string seen;
  std::map<const Module*, std::string> names;
  for (const auto& [path, module] : with_residual.named_modules()) names[module] = path;
  const Tensor x = draw("x", {4, 5, 6, 3}, DType::f64);
  Tensor y;
  {
    const ObserveModules observer([&](const ModuleEvent& event) {
      seen += (event.output ? "</" : "<") + names[&event.module] + ">";
      if (names[&event.module] == "bn") CHECK(event.inputs.size() == 2);  // the residual, too
      if (event.output && names[&event.module] == "bn") y = *event.output;
    });
    const Tensor output = with_residual(x);
    CHECK(y.shares_memory(output));
  }
  CHECK(seen == "<><bn></bn></>");
  with_residual(x);
  CHECK(seen == "<><bn></bn></>");
}
