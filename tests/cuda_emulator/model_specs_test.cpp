// cudnn_support compiles (tests/cudnn/model_specs.h) exactly the specs that the kernels use: the
// specs observed in a run on the CPU are those that training and inference on the device execute.
#include "tests/cudnn/model_specs.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "nn/models.h"
#include "ops/backend.h"
#include "ops/cuda/cudnn/plans.h"
#include "ops/ops.h"
#include "tensor/autograd.h"
#include "tests/cuda_emulator/executed_specs.h"
#include "tests/support/families.h"

using namespace osteon;
using cuda::ConvolutionSpec;
using cuda::CudnnSpec;

namespace {

constexpr std::int64_t kBatch = 2, kSize = 32;
constexpr ModelOptions kNarrow{.width = 8};

using Names = std::vector<std::string>;

Names names_of(const CudnnSpecs& specs) {
  Names names;
  for (const CudnnSpec& spec : specs) names.push_back(describe(spec));
  std::ranges::sort(names);
  return names;
}

// As the kernels do: fused if there is a plan.
Names expected(const std::vector<ObservedOp>& ops, const Precision& precision) {
  CudnnSpecs specs;
  for (const ObservedOp& op : ops) {
    const CudnnSpec spec = op.in(kBatch, precision);
    if (!is_computed_by_cudnn(spec)) continue;
    const auto* const conv = std::get_if<ConvolutionSpec>(&spec);
    specs.insert(conv == nullptr || has_plan(spec, Device::cuda()) ? spec : unfused(*conv));
  }
  return names_of(specs);
}

// The specs of the graphs that a step on the device executes.
Names executed(Module& model, DType dtype, bool is_training) {
  model.to(Device::cuda());
  model.train(is_training);
  set_randomness(model, 0, 0);
  CudnnSpecs& specs = cuda_emulator::executed_specs();
  specs.clear();
  const Tensor images = zeros({kBatch, kSize, kSize, 3}, dtype, Device::cuda());
  if (is_training) {
    backward(mean(cast(model(images), DType::f32)));
  } else {
    const NoGrad no_grad;
    model(images);
  }
  return names_of(specs);
}

// Compares a model's specs as observed in a run on the CPU with those executed, in each precision.
void compare(const std::string& arch, bool is_training) {
  for (const std::string name : {"fp32", "tf32", "bf16"}) {
    CAPTURE(arch);
    CAPTURE(name);
    const Precision precision = precision_from_name(name);
    set_allow_tf32(precision.tf32);
    const auto observed = make_model(arch, kNarrow), model = make_model(arch, kNarrow);
    const auto observe = is_training ? observe_training : observe_inference;
    CHECK(executed(*model, precision.dtype, is_training) ==
          expected(observe(*observed, kSize), precision));
  }
}

}  // namespace

TEST_CASE("the specs of a training step are those that the kernels execute") {
  for (const std::string& arch : one_model_per_design()) compare(arch, /*is_training=*/true);
  compare("resnet50", /*is_training=*/true);  // the other kind of block
}

TEST_CASE("the specs of inference are those that the kernels execute") {
  for (const std::string& arch : one_model_per_family()) compare(arch, /*is_training=*/false);
  compare("resnet50", /*is_training=*/false);
}
