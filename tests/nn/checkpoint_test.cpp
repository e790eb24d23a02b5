// A checkpointed module gives the bits of the module itself: outputs, gradients, state.
#include "nn/checkpoint.h"

#include <doctest/doctest.h>

#include <memory>
#include <string>
#include <vector>

#include "nn/init.h"
#include "nn/layers.h"
#include "nn/models.h"
#include "tensor/autograd.h"

using namespace osteon;

namespace {

// Two convolutions, batch norm, dropout; the parts run in one pass or two.
std::unique_ptr<Sequential> make_part() {
  auto part = std::make_unique<Sequential>();
  part->append<Conv2d>(4, 8, 3, Conv2dOptions{.padding = 1});
  part->append<BatchNorm2d>(8);
  part->append<ReLU>();
  part->append<Dropout>(0.5);
  part->append<Conv2d>(8, 4, 1);
  initialise_parameters(*part, 3);
  return part;
}

Tensor images(std::int64_t channels, std::int64_t size) {
  const Tensor x({2, size, size, channels}, DType::f32);
  uniform_(x, 1, {.seed = 5, .stream = 0});
  return x;
}

using Elements = std::vector<std::vector<double>>;

// Outputs, gradients and state after one pass.
Elements run(Module& module, const Tensor& x, bool x_needs_gradient, bool checkpointed) {
  set_randomness(module, 7, 1);
  Tensor leaf = x.clone();
  leaf.set_requires_grad(x_needs_gradient);
  const Tensor y = checkpointed ? checkpoint(module, leaf) : module(leaf);
  backward(sum(y * y));
  Elements all{y.detach().to_vector()};
  if (x_needs_gradient) all.push_back(leaf.grad().to_vector());
  for (const Tensor& parameter : module.parameters()) all.push_back(parameter.grad().to_vector());
  for (const auto& [name, tensor] : module.named_state()) all.push_back(tensor.to_vector());
  return all;
}

}  // namespace

TEST_CASE("a checkpointed module gives the same bits") {
  for (const bool x_needs_gradient : {false, true}) {
    CAPTURE(x_needs_gradient);
    const auto plain = make_part(), other = make_part();
    CHECK(run(*plain, images(4, 9), x_needs_gradient, false) ==
          run(*other, images(4, 9), x_needs_gradient, true));
  }
}

TEST_CASE("so does a model of each kind of state") {
  for (const std::string arch : {"resnet18", "densenet121", "efficientnet_b0", "convnext_tiny"}) {
    CAPTURE(arch);
    const auto plain = make_model(arch, {.width = 4}), other = make_model(arch, {.width = 4});
    CHECK(run(*plain, images(3, 64), false, false) == run(*other, images(3, 64), false, true));
  }
}

TEST_CASE("a checkpoint keeps only its input") {
  const auto part = make_part();
  set_randomness(*part, 7, 1);
  const Tensor x = images(4, 9);
  std::weak_ptr<Storage> inner;
  Tensor y;  // keeps the record
  {
    const ObserveModules observe([&](const ModuleEvent& event) {
      if (event.output != nullptr && dynamic_cast<BatchNorm2d*>(&event.module) != nullptr)
        inner = event.output->storage();
    });
    y = checkpoint(*part, x);
  }
  CHECK(inner.expired());
}

TEST_CASE("a nested checkpoint, a module in evaluation mode, and the identity give the same bits") {
  struct Nested : Module {
    std::unique_ptr<Sequential> part = make_part();
    bool checkpointed = false;
    Nested() { register_module("part", *part); }
    Tensor forward(const Tensor& x) override {
      return checkpointed ? checkpoint(*part, x) : (*part)(x);
    }
  };
  Nested plain, nested;
  nested.checkpointed = true;
  CHECK(run(plain, images(4, 9), true, false) == run(nested, images(4, 9), true, true));
  const auto one = make_model("resnet18", {.width = 4}),
             other = make_model("resnet18", {.width = 4});
  one->eval();
  other->eval();
  CHECK(run(*one, images(3, 64), true, false) == run(*other, images(3, 64), true, true));
  Sequential empty;
  CHECK(run(empty, images(4, 9), true, false) == run(empty, images(4, 9), true, true));
}

TEST_CASE("under NoGrad there is no history") {
  const auto part = make_part();
  set_randomness(*part, 7, 1);
  const NoGrad no_grad;
  CHECK(!checkpoint(*part, images(4, 9)).requires_grad());
}
