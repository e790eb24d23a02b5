// A convolution without bias, its batch norm and an activation: the unit that mobile networks are
// built of (torchvision's Conv2dNormActivation).
#pragma once

#include <memory>

#include "nn/conv_batch_norm.h"

namespace osteon {

// The children are "0", the convolution, and "1", the batch norm. A model whose origin has other
// names registers conv() and norm() under those instead of this module.
class ConvNormActivation : public Module {
 public:
  struct Options {
    std::int64_t in_channels, out_channels;
    std::int64_t kernel_size = 1, stride = 1;
    bool is_depthwise = false;
    bool same_padding = false;  // TensorFlow's (Conv2dSame); otherwise half of the kernel
    Activation activation = Activation::none;
    double epsilon = 1e-5;
  };
  explicit ConvNormActivation(const Options& options);

  // batch_norm(conv(x)) + residual.
  Tensor add(const Tensor& x, const Tensor& residual) { return both_.add(x, residual); }

  Conv2d& conv() { return *conv_; }
  BatchNorm2d& norm() { return norm_; }

 protected:
  Tensor forward(const Tensor& x) override { return both_(x, activation_); }

 private:
  std::unique_ptr<Conv2d> conv_;
  BatchNorm2d norm_;
  ConvBatchNorm both_;
  Activation activation_;
};

// A number of channels times scale, rounded to a multiple of 8 that is at least 8 and not below 90
// % of the product: the rule of MobileNets, which EfficientNet kept.
std::int64_t scaled_channels(std::int64_t channels, double scale);

}  // namespace osteon
