// EfficientNet-B0 as in torchvision and EfficientNet-Lite0 as in timm (tf_efficientnet_lite0): the
// same layers with the same names.
//
// Source: Tan & Le, "EfficientNet: Rethinking Model Scaling for Convolutional Neural Networks",
// ICML 2019. Lite has no squeeze and excitation, ReLU6 in the place of SiLU, and TensorFlow's
// padding.
#pragma once

#include "nn/conv_norm_activation.h"
#include "nn/models.h"
#include "nn/module_group.h"

namespace osteon {

// The entries in the list of models.
Architecture efficientnet_b0();
Architecture efficientnet_lite0();

class EfficientNet : public ModuleGroup {
 public:
  enum class Variant { b0, lite0 };
  EfficientNet(Variant variant, const ModelOptions& options);
  void initialise(const ParameterStreams& streams) override;

 protected:
  Tensor forward(const Tensor& x) override;

 private:
  bool is_lite_;
  ConvNormActivation stem_;
  std::array<Sequential, 7> stages_;
  ConvNormActivation head_;
  GlobalAvgPool2d pool_;
  Dropout dropout_;
  Linear classifier_;
};

}  // namespace osteon
