// The two kinds of residual block, and the network of four stages built from either.
#include "nn/resnet.h"

#include <algorithm>

#include "nn/init.h"

namespace osteon {
namespace {

struct BlockShape {
  std::int64_t in_channels;
  std::int64_t channels;  // of the output; a bottleneck's has four times as many
  std::int64_t stride;
  std::int64_t inner_channels, groups;  // of a bottleneck's 3x3 convolution
};

// The shortcut of a block: the identity if the shapes are equal, else a strided 1x1 convolution.
class Shortcut {
 public:
  Shortcut(const BlockShape& shape, std::int64_t out_channels) {
    if (shape.stride == 1 && shape.in_channels == out_channels) return;
    downsample_ = std::make_unique<Sequential>();
    auto& conv = downsample_->append<Conv2d>(shape.in_channels, out_channels, 1,
                                             Conv2dOptions{.stride = shape.stride}, false);
    layers_ = std::make_unique<ConvBatchNorm>(conv, downsample_->append<BatchNorm2d>(out_channels));
  }
  Sequential* downsample() const { return downsample_.get(); }
  Tensor operator()(const Tensor& x) const {
    if (!downsample_) return x;
    return modules_are_observed() ? (*downsample_)(x) : (*layers_)(x);
  }

 private:
  std::unique_ptr<Sequential> downsample_;
  std::unique_ptr<ConvBatchNorm> layers_;  // those of downsample_
};

Conv2d conv1x1(std::int64_t in_channels, std::int64_t out_channels) {
  return Conv2d(in_channels, out_channels, 1, {}, false);
}

Conv2d conv3x3(std::int64_t in_channels, std::int64_t out_channels, std::int64_t stride,
               std::int64_t groups = 1) {
  return Conv2d(in_channels, out_channels, 3, {.stride = stride, .padding = 1, .groups = groups},
                false);
}

class BasicBlock : public Module {
 public:
  static constexpr std::int64_t expansion = 1;

  BasicBlock(const BlockShape& shape, bool zero_init_residual)
      : conv1_(conv3x3(shape.in_channels, shape.channels, shape.stride)),
        bn1_(shape.channels),
        conv2_(conv3x3(shape.channels, shape.channels, 1)),
        bn2_(shape.channels),
        shortcut_(shape, shape.channels),
        zero_init_residual_(zero_init_residual) {
    register_module("conv1", conv1_);
    register_module("bn1", bn1_);
    register_module("conv2", conv2_);
    register_module("bn2", bn2_);
    if (shortcut_.downsample()) register_module("downsample", *shortcut_.downsample());
  }

  void initialise(const ParameterStreams&) override {
    if (zero_init_residual_) fill_(bn2_.weight, 0);
  }

 protected:
  Tensor forward(const Tensor& x) override {
    const Tensor y = first_.relu(x);
    return second_.relu(y, shortcut_(x));
  }

 private:
  Conv2d conv1_;
  BatchNorm2d bn1_;
  Conv2d conv2_;
  BatchNorm2d bn2_;
  ConvBatchNorm first_{conv1_, bn1_}, second_{conv2_, bn2_};
  Shortcut shortcut_;
  bool zero_init_residual_;
};

class Bottleneck : public Module {
 public:
  static constexpr std::int64_t expansion = 4;

  Bottleneck(const BlockShape& shape, bool zero_init_residual)
      : conv1_(conv1x1(shape.in_channels, shape.inner_channels)),
        bn1_(shape.inner_channels),
        conv2_(conv3x3(shape.inner_channels, shape.inner_channels, shape.stride, shape.groups)),
        bn2_(shape.inner_channels),
        conv3_(conv1x1(shape.inner_channels, expansion * shape.channels)),
        bn3_(expansion * shape.channels),
        shortcut_(shape, expansion * shape.channels),
        zero_init_residual_(zero_init_residual) {
    register_module("conv1", conv1_);
    register_module("bn1", bn1_);
    register_module("conv2", conv2_);
    register_module("bn2", bn2_);
    register_module("conv3", conv3_);
    register_module("bn3", bn3_);
    if (shortcut_.downsample()) register_module("downsample", *shortcut_.downsample());
  }

  void initialise(const ParameterStreams&) override {
    if (zero_init_residual_) fill_(bn3_.weight, 0);
  }

 protected:
  Tensor forward(const Tensor& x) override {
    const Tensor y = second_.relu(first_.relu(x));
    return third_.relu(y, shortcut_(x));
  }

 private:
  Conv2d conv1_;
  BatchNorm2d bn1_;
  Conv2d conv2_;
  BatchNorm2d bn2_;
  Conv2d conv3_;
  BatchNorm2d bn3_;
  ConvBatchNorm first_{conv1_, bn1_}, second_{conv2_, bn2_}, third_{conv3_, bn3_};
  Shortcut shortcut_;
  bool zero_init_residual_;
};

// Appends the blocks of one stage; the first block has the stride and changes the width. Returns
// the number of output channels.
template <class Block>
std::int64_t append_blocks(Sequential& stage, int count, BlockShape shape, bool zero_init) {
  for (int i = 0; i < count; ++i) {
    stage.append<Block>(shape, zero_init);
    shape.in_channels = Block::expansion * shape.channels;
    shape.stride = 1;
  }
  return shape.in_channels;
}

std::int64_t expansion_of(ResNetBlock block) {
  return block == ResNetBlock::basic ? BasicBlock::expansion : Bottleneck::expansion;
}

}  // namespace

Architecture resnet(const std::string& name, const ResNetDesign& design) {
  return {.name = name,
          .family = "ResNet",
          .make =
              [design](const ModelOptions& options) {
                return std::make_unique<ResNet>(design, options);
              },
          .head = "fc",
          .stages = {{"layer1", 4}, {"layer2", 8}, {"layer3", 16}, {"layer4", 32}},
          .image_size = 224,
          .mean = kImageNetMean,
          .std = kImageNetStd,
          .has_residuals = true};
}

ResNet::ResNet(const ResNetDesign& design, const ModelOptions& options)
    : conv1_(3, options.width, 7, {.stride = 2, .padding = 3}, false),
      bn1_(options.width),
      maxpool_({.kernel_size = 3, .stride = 2, .padding = 1}),
      fc_(8 * options.width * expansion_of(design.block), options.num_classes) {
  register_module("conv1", conv1_);
  register_module("bn1", bn1_);
  register_module("maxpool", maxpool_);
  std::int64_t channels = options.width;
  for (std::size_t i = 0; i < 4; ++i) {
    const std::int64_t planes = options.width << i;
    const std::int64_t per_group = std::max<std::int64_t>(planes * design.width_per_group / 64, 1);
    const BlockShape shape{channels, planes, i == 0 ? 1 : 2, per_group * design.groups,
                           design.groups};
    const auto append =
        design.block == ResNetBlock::basic ? append_blocks<BasicBlock> : append_blocks<Bottleneck>;
    channels = append(layers_[i], design.blocks[i], shape, options.zero_init_residual);
    register_module("layer" + std::to_string(i + 1), layers_[i]);
  }
  register_module("avgpool", avgpool_);
  register_module("fc", fc_);
  initialise_parameters(*this, options.seed);
}

Tensor ResNet::forward(const Tensor& x) {
  Tensor y = maxpool_(stem_.relu(x));
  for (Sequential& layer : layers_) y = layer(y);
  return fc_(avgpool_(y));
}

}  // namespace osteon
