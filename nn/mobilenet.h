// MobileNetV2 as in torchvision: the same layers with the same names.
//
// Source: Sandler et al., "MobileNetV2: Inverted Residuals and Linear Bottlenecks", CVPR 2018.
#pragma once

#include "nn/layers.h"
#include "nn/models.h"

namespace osteon {

// The entry of mobilenet_v2 in the list of models.
Architecture mobilenet_v2();

class MobileNetV2 : public Module {
 public:
  explicit MobileNetV2(const ModelOptions& options);
  void initialise(const ParameterStreams& streams) override;

 protected:
  Tensor forward(const Tensor& x) override { return classifier_(pool_(features_(x))); }

 private:
  Sequential features_, classifier_;
  GlobalAvgPool2d pool_;
  Linear* head_;  // in classifier_
};

}  // namespace osteon
