// Graphs are compiled for a described H100: excluded configurations stay excluded, and errors
// contain cuDNN's version. cudnn_support compiles all graphs of the models.
#include "ops/cuda/cudnn/graph.h"

#include <doctest/doctest.h>

#include <utility>

#include "tests/cudnn/fake_driver.h"
#include "tests/support/message_of.h"

using namespace osteon;
using namespace osteon::cuda;

namespace {

const CudnnTarget& h100() {
  static const CudnnTarget target = [] {
    load_fake_driver();
    set_fake_device(device_properties());
    return CudnnTarget(device_properties());
  }();
  return target;
}

ConvolutionSpec convolution(ConvolutionSpec::Pass pass, DType dtype, bool tf32 = false) {
  return convolution_spec(pass, dtype, {32, 28, 28, 128}, {128, 3, 3, 128}, {32, 28, 28, 128},
                          {.padding = 1}, tf32);
}

std::string engine_of(const CudnnSpec& spec, bool allow_nondeterministic = false) {
  CudnnGraph graph(h100(), spec, allow_nondeterministic);
  return graph.build_first() ? graph.engine() : "none";
}

std::int64_t count_built(const CudnnSpec& spec, bool allow_nondeterministic) {
  CudnnGraph graph(h100(), spec, allow_nondeterministic);
  std::int64_t built = 0;
  for (std::int64_t i = 0; i < graph.configurations(); ++i) built += graph.build(i) ? 1 : 0;
  return built;
}

}  // namespace

TEST_CASE("a graph is compiled, named and stored") {
  for (const DType dtype : {DType::f64, DType::f32, DType::bf16}) {
    CudnnGraph graph(h100(), convolution(ConvolutionSpec::Pass::forward, dtype), false);
    REQUIRE(graph.build_first());
    CHECK(graph.engine().starts_with("eng"));
    CHECK(graph.workspace_bytes() >= 0);
    CHECK(graph.serialise().size() > 1000);
  }
}

TEST_CASE("padding may differ on each side") {
  struct Row {
    DType dtype;
    bool tf32;
  };
  for (const auto& [dtype, tf32] :
       {Row{DType::f64, false}, {DType::f32, false}, {DType::f32, true}, {DType::bf16, false}})
    for (const auto pass : {ConvolutionSpec::Pass::forward, ConvolutionSpec::Pass::backward_input,
                            ConvolutionSpec::Pass::backward_weight}) {
      const CudnnSpec spec =
          convolution_spec(pass, dtype, {32, 28, 28, 64}, {128, 3, 3, 64}, {32, 14, 15, 128},
                           {.stride = 2, .padding = {0, 1, 2, 1}}, tf32);
      CAPTURE(describe(spec));
      CHECK(engine_of(spec).starts_with("eng"));
    }
}

TEST_CASE("f32 does not use the engines of tf32") {
  for (const auto pass : {ConvolutionSpec::Pass::forward, ConvolutionSpec::Pass::backward_input,
                          ConvolutionSpec::Pass::backward_weight})
    CHECK(engine_of(convolution(pass, DType::f32)) !=
          engine_of(convolution(pass, DType::f32, /*tf32=*/true)));
}

TEST_CASE("nondeterministic engines are excluded unless they are allowed") {
  const CudnnSpec spec = convolution(ConvolutionSpec::Pass::backward_weight, DType::f32);
  CHECK(count_built(spec, true) > count_built(spec, false));
}

// The first choice for f32 copies both images: 1,233 MB.
TEST_CASE("a configuration without a large workspace is preferred") {
  for (const bool tf32 : {false, true}) {
    CudnnGraph graph(
        h100(),
        convolution_spec(ConvolutionSpec::Pass::forward, DType::f32, {256, 56, 56, 256},
                         {128, 1, 1, 256}, {256, 56, 56, 128}, {}, tf32),
        false);
    REQUIRE(graph.build_first());
    CHECK(graph.workspace_bytes() <= std::int64_t{256} << 20);
  }
}

namespace {

// Of a vision transformer for 224 px and patches of 16 px.
AttentionSpec attention(AttentionSpec::Pass pass, std::int64_t heads, std::int64_t elements = 64) {
  const Shape shape{32, 197, heads, elements};
  return {pass, DType::bf16, shape, shape, 0.125};
}

}  // namespace

TEST_CASE("attention is compiled, with the heads of each vision transformer and the extreme ones") {
  for (const auto pass : {AttentionSpec::Pass::forward, AttentionSpec::Pass::backward})
    for (const AttentionSpec& spec : {attention(pass, 3), attention(pass, 6), attention(pass, 12),
                                      attention(pass, 2, 8), attention(pass, 2, 128)}) {
      CAPTURE(describe(spec));
      REQUIRE(suits_cudnn(spec));
      CHECK(engine_of(spec).starts_with("eng"));
    }
}

TEST_CASE("attention may have other positions in query and key, and a single one in either") {
  for (const auto pass : {AttentionSpec::Pass::forward, AttentionSpec::Pass::backward})
    for (const auto& [queries, keys] : {std::pair{1, 7}, {7, 1}, {130, 530}}) {
      const AttentionSpec spec{pass, DType::bf16, {2, queries, 3, 24}, {2, keys, 3, 24}, 0.25};
      CAPTURE(describe(spec));
      REQUIRE(suits_cudnn(spec));
      CHECK(engine_of(spec).starts_with("eng"));
    }
}

// The deterministic algorithm keeps the gradients of the scores in memory, in bf16.
TEST_CASE("the backward pass of attention is deterministic unless that is given up") {
  const auto workspace = [](bool allow_nondeterministic) {
    CudnnGraph graph(h100(), attention(AttentionSpec::Pass::backward, 6), allow_nondeterministic);
    REQUIRE(graph.build_first());
    return graph.workspace_bytes();
  };
  constexpr std::int64_t kScores = 32 * 6 * 197 * 197 * 2;
  CHECK(workspace(false) > kScores);
  CHECK(workspace(true) < kScores);
}

TEST_CASE("an error for an unsupported graph contains cuDNN's version") {
  const CudnnSpec spec =
      batch_norm_spec(BatchNormSpec::Pass::forward, DType::bf16, {2, 4, 4, 3}, {}, false);
  CHECK(message_of([&] { CudnnGraph(h100(), spec, false); }).starts_with(cudnn_version()));
  CHECK(message_of([&] { CudnnGraph(h100(), "no plan"); }).starts_with(cudnn_version()));
  for (const char* const text :
       {"", "{}", "not JSON", R"({"deviceVer": "90"})", R"({"deviceVer": 900})"})
    CHECK(message_of([&] { CudnnTarget target{std::string(text)}; }).starts_with(cudnn_version()));
}
