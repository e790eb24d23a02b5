// The text of a spec identifies it, and specs are made from an op's arguments as its kernels need
// them.
#include "ops/cuda/cudnn/spec.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <set>
#include <vector>

using namespace osteon;
using namespace osteon::cuda;

namespace {

using Pass = ConvolutionSpec::Pass;

ConvolutionSpec convolution(Pass pass = Pass::forward, DType dtype = DType::f32,
                            const Conv2dOptions& options = {}, bool tf32 = false) {
  return convolution_spec(pass, dtype, {2, 9, 9, 16}, {32, 3, 3, 16}, {2, 7, 7, 32}, options, tf32);
}

AttentionSpec attention(DType dtype, std::int64_t queries, std::int64_t keys, std::int64_t elements,
                        std::int64_t samples = 2) {
  return {AttentionSpec::Pass::forward,
          dtype,
          {samples, queries, 3, elements},
          {samples, keys, 3, elements},
          0.25};
}

template <class Spec, class Change>
Spec with(Spec spec, const Change& change) {
  change(spec);
  return spec;
}

}  // namespace

TEST_CASE("a spec prints all its properties") {
  struct Row {
    CudnnSpec spec;
    const char* text;
  };
  BatchNormOptions options;
  options.activation = Activation::relu;
  const Conv2dOptions all{.stride = 2, .padding = {1, 3}, .dilation = 4, .groups = 8};
  for (const auto& [spec, text] : {
           Row{convolution(), "conv2d forward f32 x [2,9,9,16] weight [32,3,3,16] y [2,7,7,32]"},
           Row{convolution(Pass::backward_weight, DType::f32, all, true),
               "conv2d backward_weight tf32 x [2,9,9,16] weight [32,3,3,16] y [2,7,7,32] "
               "stride 2x2 padding 1x3 dilation 4x4 groups 8"},
           Row{convolution(Pass::forward, DType::f32, {.padding = {0, 1, 2, 3}}),
               "conv2d forward f32 x [2,9,9,16] weight [32,3,3,16] y [2,7,7,32] padding 0+1x2+3"},
           Row{with(convolution(),
                    [](auto& spec) { spec.bias = spec.residual = spec.relu = true; }),
               "conv2d forward f32 x [2,9,9,16] weight [32,3,3,16] y [2,7,7,32] "
               "+residual +bias +relu"},
           Row{batch_norm_spec(BatchNormSpec::Pass::forward, DType::bf16, {2, 3, 4, 8}, options,
                               true),
               "batch_norm forward bf16 x [2,3,4,8] epsilon 1e-05 momentum 0.1 +residual +relu"},
           Row{batch_norm_spec(BatchNormSpec::Pass::backward, DType::f32, {6, 8}, options, false),
               "batch_norm backward f32 x [6,1,1,8] +relu"},
           Row{attention(DType::bf16, 5, 7, 16),
               "attention forward bf16 query [2,5,3,16] key [2,7,3,16] scale 0.25"},
           Row{with(attention(DType::bf16, 5, 7, 16),
                    [](auto& spec) { spec.pass = AttentionSpec::Pass::backward; }),
               "attention backward bf16 query [2,5,3,16] key [2,7,3,16] scale 0.25"},
       })
    CHECK(describe(spec) == text);
}

TEST_CASE("specs that differ in one thing differ, as values and in print") {
  const BatchNormSpec norm = batch_norm_spec(BatchNormSpec::Pass::forward, DType::f32, {2, 3, 4, 8},
                                             BatchNormOptions{}, false);
  const AttentionSpec heads = attention(DType::bf16, 5, 7, 16);
  const std::vector<CudnnSpec> specs = {
      convolution(),
      convolution(Pass::backward_input),
      convolution(Pass::backward_weight),
      convolution(Pass::forward, DType::bf16),
      convolution(Pass::forward, DType::f64),
      convolution(Pass::forward, DType::f32, {}, true),
      convolution(Pass::forward, DType::f32, {.stride = {1, 2}}),
      convolution(Pass::forward, DType::f32, {.stride = {2, 1}}),
      convolution(Pass::forward, DType::f32, {.padding = {1, 2}}),
      convolution(Pass::forward, DType::f32, {.padding = {1, 0, 0, 0}}),
      convolution(Pass::forward, DType::f32, {.padding = {0, 1, 0, 0}}),
      convolution(Pass::forward, DType::f32, {.padding = {0, 0, 1, 0}}),
      convolution(Pass::forward, DType::f32, {.padding = {0, 0, 0, 1}}),
      convolution(Pass::forward, DType::f32, {.dilation = {1, 2}}),
      convolution(Pass::forward, DType::f32, {.groups = 2}),
      with(convolution(),
           [](auto& spec) {
             spec.x = {3, 9, 9, 16};
           }),
      with(convolution(),
           [](auto& spec) {
             spec.weight = {32, 5, 3, 16};
           }),
      with(convolution(),
           [](auto& spec) {
             spec.y = {2, 7, 8, 32};
           }),
      with(convolution(), [](auto& spec) { spec.bias = true; }),
      with(convolution(), [](auto& spec) { spec.residual = true; }),
      with(convolution(), [](auto& spec) { spec.relu = true; }),
      norm,
      with(norm, [](auto& spec) { spec.pass = BatchNormSpec::Pass::backward; }),
      with(norm, [](auto& spec) { spec.dtype = DType::bf16; }),
      with(norm,
           [](auto& spec) {
             spec.x = {2, 4, 3, 8};
           }),
      with(norm, [](auto& spec) { spec.relu = true; }),
      with(norm, [](auto& spec) { spec.residual = true; }),
      with(norm, [](auto& spec) { spec.epsilon = 1e-3; }),
      with(norm, [](auto& spec) { spec.momentum = 0.01; }),
      heads,
      with(heads, [](auto& spec) { spec.pass = AttentionSpec::Pass::backward; }),
      attention(DType::f32, 5, 7, 16),
      attention(DType::bf16, 6, 7, 16),
      attention(DType::bf16, 5, 6, 16),
      with(heads, [](auto& spec) { spec.scale = 0.5; }),
  };
  std::set<std::string> texts;
  std::set<std::size_t> hashes;
  for (const CudnnSpec& spec : specs) {
    texts.insert(describe(spec));
    hashes.insert(CudnnSpecHash()(spec));
    CHECK(std::ranges::count(specs, spec) == 1);
  }
  CHECK(texts.size() == specs.size());
  CHECK(hashes.size() == specs.size());
}

TEST_CASE("only bf16 without groups has its channels padded to eight") {
  struct Row {
    DType dtype;
    std::int64_t channels, groups, filled;
  };
  for (const auto& [dtype, channels, groups, filled] : {
           Row{DType::bf16, 3, 1, 8},
           Row{DType::bf16, 8, 1, 8},
           Row{DType::bf16, 9, 1, 16},
           Row{DType::bf16, 6, 2, 6},
           Row{DType::f32, 3, 1, 3},
           Row{DType::f64, 3, 1, 3},
       }) {
    const ConvolutionSpec spec =
        convolution_spec(Pass::forward, dtype, {1, 4, 4, channels}, {2, 1, 1, channels / groups},
                         {1, 4, 4, 2}, {.groups = groups}, false);
    CHECK(spec.x == Shape{1, 4, 4, filled});
    CHECK(spec.weight == Shape{2, 1, 1, filled / groups});
  }
}

TEST_CASE("tf32 has no effect on other dtypes") {
  CHECK(convolution(Pass::forward, DType::bf16, {}, true) ==
        convolution(Pass::forward, DType::bf16));
  CHECK(convolution(Pass::forward, DType::f64, {}, true) == convolution(Pass::forward, DType::f64));
}

TEST_CASE("unfusing removes residual and ReLU, but not the bias") {
  const auto add = [](bool all) {
    return [all](ConvolutionSpec& spec) {
      spec.bias = true;
      spec.residual = spec.relu = all;
    };
  };
  CHECK(unfused(with(convolution(), add(true))) == with(convolution(), add(false)));
}

TEST_CASE("a mask has one bit per element, in whole bytes per row of channels") {
  CHECK(relu_mask_shape({2, 3, 4, 16}) == Shape{24, 2});
  CHECK(relu_mask_shape({5, 12}) == Shape{5, 2});
}

TEST_CASE("cuDNN computes attention in bf16 with heads of 8, 16, ..., 128 elements") {
  struct Row {
    AttentionSpec spec;
    bool suits;
  };
  for (const auto& [spec, suits] : {
           Row{attention(DType::bf16, 197, 197, 64), true},
           Row{attention(DType::bf16, 5, 5, 8), true},
           Row{attention(DType::bf16, 5, 5, 128), true},
           Row{attention(DType::bf16, 1, 5, 8), true},
           Row{attention(DType::bf16, 5, 1, 8), true},
           Row{attention(DType::bf16, 1, 1, 8), false},
           Row{attention(DType::bf16, 5, 5, 4), false},
           Row{attention(DType::bf16, 5, 5, 12), false},
           Row{attention(DType::bf16, 5, 5, 136), false},
           Row{attention(DType::bf16, 5, 5, 8, /*samples=*/0), false},
           Row{attention(DType::bf16, 0, 5, 8), false},
           Row{attention(DType::f32, 5, 5, 8), false},
           Row{attention(DType::f64, 5, 5, 8), false},
       }) {
    CAPTURE(describe(spec));
    CHECK(suits_cudnn(spec) == suits);
  }
}
