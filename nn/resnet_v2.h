// The convolutional part of hybrid transformers, as in timm (ResNetV2 without pre-activation): a
// ResNet whose filters are standardised and whose normalisation is group norm, so that it does not
// depend on the batch.
//
// Source: Kolesnikov et al., "Big Transfer (BiT): General Visual Representation Learning", ECCV
// 2020.
#pragma once

#include <array>

#include "nn/layers.h"
#include "nn/module_group.h"

namespace osteon {

// Conv2dSame without bias, with standardised filters (ops.h).
class StdConv2dSame : public Conv2dSame {
 public:
  StdConv2dSame(std::int64_t in_channels, std::int64_t out_channels, std::int64_t kernel_size,
                std::int64_t stride = 1);

 protected:
  Tensor forward(const Tensor& x) override;
};

// Images [N,H,W,3] to [N, H/32, W/32, out_channels()], in four stages of bottleneck blocks.
class ResNetV2 : public ModuleGroup {
 public:
  // `width_scale` is the factor of all numbers of channels.
  ResNetV2(const std::array<int, 4>& blocks, double width_scale);
  std::int64_t out_channels() const { return out_channels_; }

 protected:
  Tensor forward(const Tensor& x) override;

 private:
  StdConv2dSame conv_;
  GroupNorm norm_;
  MaxPool2dSame pool_;
  std::array<Sequential, 4> stages_;
  std::int64_t out_channels_;
};

}  // namespace osteon
