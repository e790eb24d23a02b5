// The layer, the block and the network.
#include "nn/densenet.h"

#include <algorithm>
#include <cmath>

#include "nn/checkpoint.h"
#include "nn/init.h"

namespace osteon {
namespace {

constexpr std::int64_t kBottleneck = 4;  // inner channels of a layer for each new one

// torchvision's published files have norm.1, conv.2 and so on for the norm1 and conv2 of a layer;
// its densenet.py renames them, too.
LayerNames published_names(const DenseNetDesign& design) {
  LayerNames names;
  for (std::size_t i = 0; i < design.layers.size(); ++i)
    for (int j = 0; j < design.layers[i]; ++j)
      for (const char* const layer : {"norm", "conv"})
        for (const int place : {1, 2}) {
          const std::string path =
              format("features.denseblock", i + 1, ".denselayer", j + 1, ".", layer);
          names[format(path, ".", place)] = format(path, place);
        }
  return names;
}

}  // namespace

// concat(x, conv2(relu(norm2(conv1(relu(norm1(x)))))))
class DenseBlock::Layer : public Module {
 public:
  Layer(std::int64_t in_channels, std::int64_t growth)
      : norm1(in_channels),
        conv1(in_channels, kBottleneck * growth, 1, {}, false),
        norm2(kBottleneck * growth),
        conv2(kBottleneck * growth, growth, 3, {.padding = 1}, false) {
    register_module("norm1", norm1);
    register_module("conv1", conv1);
    register_module("norm2", norm2);
    register_module("conv2", conv2);
  }

  DenseLayer parameters_of_op() const {
    const auto running = [](const Tensor& x) { return is_recomputing() ? x.clone() : x; };
    return {norm1.weight,
            norm1.bias,
            running(norm1.running_mean),
            running(norm1.running_var),
            conv1.weight,
            norm2.weight,
            norm2.bias,
            running(norm2.running_mean),
            running(norm2.running_var),
            conv2.weight};
  }

  BatchNorm2d norm1;
  Conv2d conv1;
  BatchNorm2d norm2;
  Conv2d conv2;

 protected:
  Tensor forward(const Tensor& x) override {
    return concat({x, conv2(norm2.relu(conv1(norm1.relu(x))))}, 3);
  }
};

DenseBlock::DenseBlock(int layers, std::int64_t in_channels, std::int64_t growth)
    : out_channels_(in_channels + layers * growth) {
  for (int i = 0; i < layers; ++i) {
    layers_.push_back(std::make_unique<Layer>(in_channels + i * growth, growth));
    register_module(format("denselayer", i + 1), *layers_.back());
  }
}

DenseBlock::~DenseBlock() = default;

Tensor DenseBlock::forward(const Tensor& x) {
  // Sums over processes need the batch norms as layers.
  if (modules_are_observed() || layers_.front()->norm1.is_synchronised) {
    Tensor y = x;
    for (const auto& layer : layers_) y = (*layer)(y);
    return y;
  }
  std::vector<DenseLayer> layers;
  for (const auto& layer : layers_) {
    layer->norm1.count_batch();
    layer->norm2.count_batch();
    layers.push_back(layer->parameters_of_op());
  }
  const BatchNorm2d& norm = layers_.front()->norm1;
  return dense_block(x, layers, {is_training(), norm.momentum, norm.epsilon});
}

DenseTransition::DenseTransition(std::int64_t in_channels)
    : norm_(in_channels),
      conv_(in_channels, in_channels / 2, 1, {}, false),
      pool_({.kernel_size = 2, .stride = 2}) {
  register_module("norm", norm_);
  register_module("conv", conv_);
  register_module("pool", pool_);
}

Architecture densenet(const std::string& name, const DenseNetDesign& design) {
  return {.name = name,
          .family = "DenseNet",
          .make =
              [design](const ModelOptions& options) {
                return std::make_unique<DenseNet>(design, options);
              },
          .head = "classifier",
          .stages = {{"features.denseblock1", 4},
                     {"features.denseblock2", 8},
                     {"features.denseblock3", 16},
                     {"features.norm5", 32}},
          .image_size = 224,
          .mean = kImageNetMean,
          .std = kImageNetStd,
          .other_names = {published_names(design)}};
}

DenseNet::DenseNet(const DenseNetDesign& design, const ModelOptions& options)
    : conv0_(3, std::max<std::int64_t>(design.stem_channels * options.width / 64, 1), 7,
             {.stride = 2, .padding = 3}, false),
      norm0_(conv0_.weight.dim(0)),
      pool0_({.kernel_size = 3, .stride = 2, .padding = 1}) {
  const std::int64_t growth = std::max<std::int64_t>(design.growth * options.width / 64, 1);
  add("features.conv0", conv0_);
  add("features.norm0", norm0_);
  add("features.pool0", pool0_);
  std::int64_t channels = conv0_.weight.dim(0);
  for (std::size_t i = 0; i < blocks_.size(); ++i) {
    blocks_[i] = std::make_unique<DenseBlock>(design.layers[i], channels, growth);
    channels = blocks_[i]->out_channels();
    add(format("features.denseblock", i + 1), *blocks_[i]);
    if (i == transitions_.size()) break;
    transitions_[i] = std::make_unique<DenseTransition>(channels);
    channels /= 2;
    add(format("features.transition", i + 1), *transitions_[i]);
  }
  norm5_ = std::make_unique<BatchNorm2d>(channels);
  classifier_ = std::make_unique<Linear>(channels, options.num_classes);
  add("features.norm5", *norm5_);
  add("avgpool", avgpool_);
  add("classifier", *classifier_);
  initialise_parameters(*this, options.seed);
}

// Filters are normal with the variance 2 / fan-in (He et al., 2015, forward case).
void DenseNet::initialise(const ParameterStreams& streams) {
  // [exercise 7a]
  for (const auto& [path, module] : named_modules())
    if (const auto* const conv = dynamic_cast<Conv2d*>(module)) {
      const auto fan_in = static_cast<double>(conv->weight.numel() / conv->weight.dim(0));
      normal_(conv->weight, std::sqrt(2 / fan_in), streams(path + ".weight"));
    }
  // [exercise end]
  fill_(classifier_->bias, 0);
}

Tensor DenseNet::forward(const Tensor& x) {
  Tensor y = pool0_(stem_.relu(x));
  for (std::size_t i = 0; i < blocks_.size(); ++i) {
    y = (*blocks_[i])(y);
    if (i < transitions_.size()) y = (*transitions_[i])(y);
  }
  return (*classifier_)(avgpool_(norm5_->relu(y)));
}

}  // namespace osteon
