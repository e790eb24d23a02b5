// Residual networks, and ResNeXts, as in torchvision: the same layers with the same names, so that
// weights are interchangeable.
//
// Sources: He, Zhang, Ren, Sun, "Deep Residual Learning for Image Recognition", CVPR 2016; Xie,
// Girshick, Dollar, Tu, He, "Aggregated Residual Transformations for Deep Neural Networks", CVPR
// 2017. As in torchvision (and unlike the first paper) the stride of a bottleneck is in its 3x3
// convolution.
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

struct ResNetDesign {
  ResNetBlock block;
  std::array<int, 4> blocks;  // in each of the four stages
  // Of the 3x3 convolution of a bottleneck: the groups, and the channels of each in the first
  // stage.
  std::int64_t groups = 1, width_per_group = 64;
};

// The entry of a ResNet in the list of models.
Architecture resnet(const std::string& name, const ResNetDesign& design);

class ResNet : public Module {
 public:
  ResNet(const ResNetDesign& design, const ModelOptions& options);

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
