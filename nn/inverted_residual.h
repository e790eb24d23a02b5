// The block of MobileNetV2 and EfficientNet: a 1x1 convolution to more channels, a depthwise
// convolution, squeeze and excitation in EfficientNet, and a 1x1 convolution to few channels, with
// a shortcut if the shapes allow it.
//
// Sources: Sandler et al., "MobileNetV2: Inverted Residuals and Linear Bottlenecks", CVPR 2018;
// Tan & Le, "EfficientNet: Rethinking Model Scaling for Convolutional Neural Networks", ICML 2019.
#pragma once

#include <memory>
#include <string>

#include "nn/conv_norm_activation.h"
#include "nn/layer_names.h"
#include "nn/module_group.h"
#include "nn/squeeze_excitation.h"

namespace osteon {

// The names of a block's layers. Those of layers that the block lacks are not used.
struct InvertedResidualNames {
  struct Pair {
    std::string conv, norm;
  };
  Pair expand, depthwise;
  std::string squeeze;
  Pair project;
};

// The names of a block's layers below a path such as "blocks.1.0.".
struct InvertedResidualPlace {
  std::string path;
  InvertedResidualNames names;
};

// Adds the layers of a block that has `there` in files of another origin; without expansion if the
// names here have none.
void add_names(LayerNames& layers, const InvertedResidualPlace& there,
               const InvertedResidualPlace& here);

class InvertedResidual : public ModuleGroup {
 public:
  struct Options {
    std::int64_t in_channels, hidden_channels, out_channels;  // hidden = in: no first convolution
    std::int64_t kernel_size = 3, stride = 1;
    std::int64_t squeezed_channels = 0;  // of squeeze and excitation; 0: none
    Activation activation = Activation::relu6;
    bool same_padding = false;  // TensorFlow's
    double epsilon = 1e-5;
    double drop_path = 0;  // probability that training leaves out the block for a sample
  };
  InvertedResidual(const Options& options, const InvertedResidualNames& names);

 protected:
  Tensor forward(const Tensor& x) override;

 private:
  bool has_shortcut_;
  std::unique_ptr<ConvNormActivation> expand_;
  ConvNormActivation depthwise_;
  std::unique_ptr<SqueezeExcitation> squeeze_;
  ConvNormActivation project_;
  DropPath drop_path_;
};

}  // namespace osteon
