// Residual networks as in torchvision: the same layers with the same names, so that weights are
// interchangeable.
//
// Source: He, Zhang, Ren, Sun, "Deep Residual Learning for Image Recognition", CVPR 2016. As in
// torchvision (and unlike the paper) the stride of a bottleneck is in its 3x3 convolution.
#pragma once

#include <array>
#include <cstdint>

#include "nn/conv_batch_norm.h"
#include "nn/models.h"

namespace osteon {

enum class ResNetBlock {
  basic,      // 3x3, 3x3
  bottleneck  // 1x1, 3x3, 1x1 with four times the channels
};

// The entry of a ResNet in the list of models.
Architecture resnet(const std::string& name, ResNetBlock block, const std::array<int, 4>& blocks);

class ResNet : public Module {
 public:
  // `blocks`: the number of blocks in each of the four stages.
  ResNet(ResNetBlock block, const std::array<int, 4>& blocks, const ModelOptions& options);

 protected:
  Tensor forward(const Tensor& x) override;

 private:
  Conv2d conv1_;
  BatchNorm2d bn1_;
  ConvBatchNorm stem_{conv1_, bn1_};
  MaxPool2d maxpool_;
  std::array<Sequential, 4> layers_;
  GlobalAvgPool2d avgpool_;
  Linear fc_;
};

}  // namespace osteon
