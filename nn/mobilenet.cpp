// The table of blocks, and the network.
#include "nn/mobilenet.h"

#include <algorithm>

#include "nn/init.h"
#include "nn/inverted_residual.h"

namespace osteon {
namespace {

struct Stage {
  std::int64_t expansion, channels, blocks, stride;  // of the first block
};
constexpr Stage kStages[] = {{1, 16, 1, 1}, {6, 24, 2, 2},  {6, 32, 3, 2}, {6, 64, 4, 2},
                             {6, 96, 3, 1}, {6, 160, 3, 2}, {6, 320, 1, 1}};
constexpr double kDropout = 0.2;

InvertedResidualNames names_of(bool has_expansion) {
  if (!has_expansion)
    return {.expand = {},
            .depthwise = {"conv.0.0", "conv.0.1"},
            .squeeze = {},
            .project = {"conv.1", "conv.2"}};
  return {.expand = {"conv.0.0", "conv.0.1"},
          .depthwise = {"conv.1.0", "conv.1.1"},
          .squeeze = {},
          .project = {"conv.2", "conv.3"}};
}

// The names of the program from which torchvision took the model.
InvertedResidualNames flat_names_of(bool has_expansion) {
  if (!has_expansion)
    return {.expand = {},
            .depthwise = {"conv.0", "conv.1"},
            .squeeze = {},
            .project = {"conv.3", "conv.4"}};
  return {.expand = {"conv.0", "conv.1"},
          .depthwise = {"conv.3", "conv.4"},
          .squeeze = {},
          .project = {"conv.6", "conv.7"}};
}

LayerNames flat_names() {
  LayerNames names;
  int index = 1;
  for (const Stage& stage : kStages)
    for (std::int64_t i = 0; i < stage.blocks; ++i, ++index) {
      const std::string path = format("features.", index, ".");
      const bool has_expansion = stage.expansion > 1;
      add_names(names, {path, flat_names_of(has_expansion)}, {path, names_of(has_expansion)});
    }
  return names;
}

}  // namespace

Architecture mobilenet_v2() {
  return {
      .name = "mobilenet_v2",
      .family = "MobileNet",
      .make = [](const ModelOptions& options) { return std::make_unique<MobileNetV2>(options); },
      .head = "classifier.1",
      .stages = {{"features.1", 2},
                 {"features.3", 4},
                 {"features.6", 8},
                 {"features.13", 16},
                 {"features.18", 32}},
      .image_size = 224,
      .mean = kImageNetMean,
      .std = kImageNetStd,
      .other_names = {flat_names()}};
}

MobileNetV2::MobileNetV2(const ModelOptions& options) {
  const double scale = options.width_scale();
  std::int64_t channels = scaled_channels(32, scale);
  features_.append<ConvNormActivation>(
      ConvNormActivation::Options{.in_channels = 3,
                                  .out_channels = channels,
                                  .kernel_size = 3,
                                  .stride = 2,
                                  .activation = Activation::relu6});
  for (const Stage& stage : kStages)
    for (std::int64_t i = 0; i < stage.blocks; ++i) {
      const InvertedResidual::Options block{.in_channels = channels,
                                            .hidden_channels = channels * stage.expansion,
                                            .out_channels = scaled_channels(stage.channels, scale),
                                            .stride = i == 0 ? stage.stride : 1};
      features_.append<InvertedResidual>(block, names_of(stage.expansion > 1));
      channels = block.out_channels;
    }
  const std::int64_t features = scaled_channels(1280, std::max(1.0, scale));
  features_.append<ConvNormActivation>(ConvNormActivation::Options{
      .in_channels = channels, .out_channels = features, .activation = Activation::relu6});
  classifier_.append<Dropout>(kDropout);
  head_ = &classifier_.append<Linear>(features, options.num_classes);
  register_module("features", features_);
  register_module("pool", pool_);
  register_module("classifier", classifier_);
  initialise_parameters(*this, options.seed);
}

void MobileNetV2::initialise(const ParameterStreams& streams) {
  normal_(head_->weight, 0.01, streams("classifier.1.weight"));
  fill_(head_->bias, 0);
}

}  // namespace osteon
