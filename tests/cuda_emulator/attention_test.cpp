// Which cases of attention are given to cuDNN. Their values are compared in cuda_ops_test. Only on
// the emulated device, whose cuDNN knows what it executed.
#include <doctest/doctest.h>

#include <algorithm>

#include "nn/init.h"
#include "ops/backend.h"
#include "ops/cuda/cudnn/spec.h"
#include "ops/ops.h"
#include "tensor/autograd.h"
#include "tests/cuda_emulator/executed_specs.h"
#include "tests/ops/op_runs.h"
#include "tests/support/for_each_row.h"

using namespace osteon;
using cuda::AttentionSpec;

namespace {

std::int64_t executed(AttentionSpec::Pass pass) {
  return std::ranges::count_if(cuda_emulator::executed_specs(), [&](const auto& spec) {
    const auto* const attention = std::get_if<AttentionSpec>(&spec);
    return attention != nullptr && attention->pass == pass;
  });
}

Tensor random(Shape shape, std::uint64_t stream) {
  const Tensor x(std::move(shape), DType::f32);
  uniform_(x, 1, {.seed = 1, .stream = stream});
  return cast(x, DType::bf16);
}

// With so many samples (each number is another graph).
Tensor attention(std::int64_t samples, const Device& device) {
  const auto input = [&](std::uint64_t stream) {
    return random({samples, 5, 2, 8}, stream).to(device);
  };
  return scaled_dot_product_attention(input(0), input(1), input(2));
}

}  // namespace

TEST_CASE("rows in bf16 with heads of a multiple of 8 elements take cuDNN's forward and backward") {
  int fused = 0;
  for (const DType dtype : {DType::f64, DType::f32, DType::bf16})
    for_each_row([&](const OpCase& row) {
      if (row.op != "scaled_dot_product_attention") return;
      CAPTURE(format(dtype));
      Tensors inputs = make_inputs(row.name, row.inputs, dtype);
      const bool suits = dtype == DType::bf16 && inputs[0].dim(3) % 8 == 0;
      for (Tensor& input : inputs) input = input.to(Device::cuda());
      cuda_emulator::executed_specs().clear();
      run(row, inputs, dtype);
      CHECK(executed(AttentionSpec::Pass::forward) == suits);
      CHECK(executed(AttentionSpec::Pass::backward) == suits);
      fused += suits;
    });
  CHECK(fused == 3);
}

TEST_CASE("without gradients no graph of the backward pass is compiled") {
  const NoGrad no_grad;
  const std::int64_t before = cuda_emulator::compiled_graphs();
  attention(3, Device::cuda());
  CHECK(cuda_emulator::compiled_graphs() == before + 1);
}

TEST_CASE("attention without a plan is composed, and counted") {
  const auto fallbacks = reference_fallbacks();
  const std::vector<double> expected = attention(4, Device::cpu()).to_vector();
  cuda_emulator::executed_specs().clear();
  cuda_emulator::set_missing_library(true);
  const std::vector<double> got = attention(4, Device::cuda()).to_vector();
  cuda_emulator::set_missing_library(false);
  CHECK(executed(AttentionSpec::Pass::forward) == 0);
  CHECK(reference_fallbacks() != fallbacks);
  REQUIRE(got.size() == expected.size());
  for (std::size_t i = 0; i < got.size(); ++i)
    CHECK(got[i] == doctest::Approx(expected[i]).epsilon(0.02));
}
