// The block, and the network of four stages.
#include "nn/convnext.h"

#include "nn/init.h"

namespace osteon {
namespace {

struct Stage {
  std::int64_t channels, blocks;
};
constexpr Stage kStages[] = {{96, 3}, {192, 3}, {384, 9}, {768, 3}};
constexpr std::int64_t kBlocks = 18;
constexpr double kDropPath = 0.1, kEpsilon = 1e-6, kLayerScale = 1e-6, kDeviation = 0.02;

// x + layer_scale (pointwise2(gelu(pointwise1(norm(depthwise(x)))))), where some samples leave out
// the branch in training. pointwise2's parameters are scaled instead of its output: one pass over
// the image less, and no unscaled image to save for the scale's gradient.
class ConvNeXtBlock : public ModuleGroup {
 public:
  ConvNeXtBlock(std::int64_t channels, double drop_path)
      : layer_scale_(full({channels, 1, 1}, kLayerScale)),
        depthwise_(channels, channels, 7, {.padding = 3, .groups = channels}),
        norm_(channels, kEpsilon),
        pointwise1_(channels, 4 * channels),
        pointwise2_(4 * channels, channels),
        drop_path_(drop_path) {
    add("layer_scale", layer_scale_);
    add("block.0", depthwise_);
    add("block.2", norm_);
    add("block.3", pointwise1_);
    add("block.5", pointwise2_);
    add("stochastic_depth", drop_path_);
  }

  void initialise(const ParameterStreams&) override { fill_(layer_scale_, kLayerScale); }

 protected:
  Tensor forward(const Tensor& x) override {
    const Tensor hidden = gelu(pointwise1_(norm_(depthwise_(x))));
    const Tensor weight = pointwise2_.weight * reshape(layer_scale_, {-1, 1});
    const Tensor bias = pointwise2_.bias * reshape(layer_scale_, {-1});
    return x + drop_path_(linear(hidden, in_dtype_of(x, weight), in_dtype_of(x, bias)));
  }

 private:
  Tensor layer_scale_;  // [C,1,1], as in torchvision's files
  Conv2d depthwise_;
  LayerNorm norm_;
  Linear pointwise1_, pointwise2_;
  DropPath drop_path_;
};

}  // namespace

Architecture convnext_tiny() {
  return {.name = "convnext_tiny",
          .family = "ConvNeXt",
          .make = [](const ModelOptions& options) { return std::make_unique<ConvNeXt>(options); },
          .head = "classifier.2",
          .stages = {{"features.1", 4}, {"features.3", 8}, {"features.5", 16}, {"features.7", 32}},
          .image_size = 224,
          .mean = kImageNetMean,
          .std = kImageNetStd,
          .has_drop_path = true};
}

ConvNeXt::ConvNeXt(const ModelOptions& options)
    : norm_(kStages[3].channels * options.width / 64, kEpsilon),
      head_(kStages[3].channels * options.width / 64, options.num_classes) {
  std::int64_t before = 0, index = 0;
  for (std::size_t s = 0; s < 4; ++s) {
    const std::int64_t channels =
        std::max<std::int64_t>(kStages[s].channels * options.width / 64, 1);
    Sequential &entrance = features_[2 * s], &stage = features_[2 * s + 1];
    if (s == 0) {
      entrance.append<Conv2d>(3, channels, 4, Conv2dOptions{.stride = 4});
      entrance.append<LayerNorm>(channels, kEpsilon);
    } else {
      entrance.append<LayerNorm>(before, kEpsilon);
      entrance.append<Conv2d>(before, channels, 2, Conv2dOptions{.stride = 2});
    }
    for (std::int64_t i = 0; i < kStages[s].blocks; ++i, ++index)
      stage.append<ConvNeXtBlock>(channels, options.drop_path_of(index, kBlocks - 1, kDropPath));
    before = channels;
  }
  for (std::size_t i = 0; i < features_.size(); ++i) add(format("features.", i), features_[i]);
  add("avgpool", avgpool_);
  add("classifier.0", norm_);
  add("classifier.2", head_);
  initialise_parameters(*this, options.seed);
}

// Filters and matrices are normal with a deviation of 0.02, biases 0.
void ConvNeXt::initialise(const ParameterStreams& streams) {
  for (const auto& [path, module] : named_modules()) {
    const auto set = [&, path = path](const Tensor& weight, const Tensor& bias) {
      normal_(weight, kDeviation, streams(path + ".weight"));
      fill_(bias, 0);
    };
    if (const auto* const conv = dynamic_cast<Conv2d*>(module)) set(conv->weight, conv->bias);
    if (const auto* const linear = dynamic_cast<Linear*>(module)) set(linear->weight, linear->bias);
  }
}

Tensor ConvNeXt::forward(const Tensor& x) {
  Tensor y = x;
  for (Sequential& part : features_) y = part(y);
  return head_(norm_(avgpool_(y)));
}

}  // namespace osteon
