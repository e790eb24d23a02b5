// Squeeze and excitation: each channel times a factor in (0, 1) that depends on the means of all
// channels.
//
// Source: Hu, Shen, Sun, "Squeeze-and-Excitation Networks", CVPR 2018.
#pragma once

#include "nn/activation.h"
#include "nn/layers.h"

namespace osteon {

// x * sigmoid(fc2(activation(fc1(mean of x over all pixels)))), x [N,H,W,channels]; fc1 and fc2 are
// 1x1 convolutions, as in torchvision. Their biases start at 0.
class SqueezeExcitation : public Module {
 public:
  SqueezeExcitation(std::int64_t channels, std::int64_t squeezed_channels, Activation activation);
  void initialise(const ParameterStreams& streams) override;

 protected:
  Tensor forward(const Tensor& x) override;

 private:
  GlobalAvgPool2d avgpool_;
  Conv2d fc1_, fc2_;
  Activation activation_;
};

}  // namespace osteon
