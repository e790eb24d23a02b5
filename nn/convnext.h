// ConvNeXt as in torchvision: the same layers with the same names.
//
// Source: Liu, Mao, Wu, Feichtenhofer, Darrell, Xie, "A ConvNet for the 2020s", CVPR 2022.
#pragma once

#include <array>

#include "nn/layers.h"
#include "nn/models.h"
#include "nn/module_group.h"

namespace osteon {

// The entry of convnext_tiny in the list of models.
Architecture convnext_tiny();

class ConvNeXt : public ModuleGroup {
 public:
  explicit ConvNeXt(const ModelOptions& options);
  void initialise(const ParameterStreams& streams) override;

 protected:
  Tensor forward(const Tensor& x) override;

 private:
  std::array<Sequential, 8> features_;  // stem and downsamplings at even places, stages at odd ones
  GlobalAvgPool2d avgpool_;
  LayerNorm norm_;
  Linear head_;
};

}  // namespace osteon
