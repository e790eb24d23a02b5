// The two kinds of residual block, and the network of four stages built from either.
#include "nn/resnet.h"

#include "nn/init.h"

namespace osteon {
namespace {

struct BlockShape {
  std::int64_t in_channels;
  std::int64_t channels;  // inside the block; a bottleneck's output has four times as many
  std::int64_t stride;
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

Conv2d conv3x3(std::int64_t in_channels, std::int64_t out_channels, std::int64_t stride) {
  return Conv2d(in_channels, out_channels, 3, {.stride = stride, .padding = 1}, false);
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
      : conv1_(conv1x1(shape.in_channels, shape.channels)),
        bn1_(shape.channels),
        conv2_(conv3x3(shape.channels, shape.channels, shape.stride)),
        bn2_(shape.channels),
        conv3_(conv1x1(shape.channels, expansion * shape.channels)),
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
    shape = {Block::expansion * shape.channels, shape.channels, 1};
  }
  return shape.in_channels;
}

std::int64_t expansion_of(ResNetBlock block) {
  return block == ResNetBlock::basic ? BasicBlock::expansion : Bottleneck::expansion;
}

}  // namespace

Architecture resnet(const std::string& name, ResNetBlock block, const std::array<int, 4>& blocks) {
  return {.name = name,
          .make =
              [block, blocks](const ModelOptions& options) {
                return std::make_unique<ResNet>(block, blocks, options);
              },
          .head = "fc",
          .stages = {{"layer1", 4}, {"layer2", 8}, {"layer3", 16}, {"layer4", 32}},
          .image_size = 224,
          .mean = kImageNetMean,
          .std = kImageNetStd,
          .has_residuals = true};
}

ResNet::ResNet(ResNetBlock block, const std::array<int, 4>& blocks, const ModelOptions& options)
    : conv1_(3, options.width, 7, {.stride = 2, .padding = 3}, false),
      bn1_(options.width),
      maxpool_({.kernel_size = 3, .stride = 2, .padding = 1}),
      fc_(8 * options.width * expansion_of(block), options.num_classes) {
  OSTEON_CHECK(options.width >= 1 && options.num_classes >= 1, "resnet: width ", options.width,
               " and ", options.num_classes, " classes; both must be at least 1");
  register_module("conv1", conv1_);
  register_module("bn1", bn1_);
  register_module("maxpool", maxpool_);
  std::int64_t channels = options.width;
  for (std::size_t i = 0; i < 4; ++i) {
    const BlockShape shape{channels, options.width << i, i == 0 ? 1 : 2};
    channels =
        block == ResNetBlock::basic
            ? append_blocks<BasicBlock>(layers_[i], blocks[i], shape, options.zero_init_residual)
            : append_blocks<Bottleneck>(layers_[i], blocks[i], shape, options.zero_init_residual);
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
