// DenseNets as in torchvision: the same layers with the same names.
//
// Source: Huang, Liu, van der Maaten, Weinberger, "Densely Connected Convolutional Networks", CVPR
// 2017.
#pragma once

#include <array>
#include <memory>
#include <string>

#include "nn/conv_batch_norm.h"
#include "nn/models.h"
#include "nn/module_group.h"

namespace osteon {

struct DenseNetDesign {
  std::int64_t growth;        // new channels of a layer
  std::array<int, 4> layers;  // of each block
  std::int64_t stem_channels;
};

// The entry of a DenseNet in the list of models.
Architecture densenet(const std::string& name, const DenseNetDesign& design);

// The layers of a dense block. Computed by dense_block (ops.h), which keeps one buffer, unless
// modules are observed; then each layer runs as a module.
class DenseBlock : public Module {
 public:
  DenseBlock(int layers, std::int64_t in_channels, std::int64_t growth);
  ~DenseBlock() override;
  std::int64_t out_channels() const { return out_channels_; }

 protected:
  Tensor forward(const Tensor& x) override;

 private:
  class Layer;
  std::vector<std::unique_ptr<Layer>> layers_;
  std::int64_t out_channels_;
};

// Half the channels by a 1x1 convolution, half the pixels by averaging.
class DenseTransition : public Module {
 public:
  explicit DenseTransition(std::int64_t in_channels);

 protected:
  Tensor forward(const Tensor& x) override { return pool_(conv_(norm_.relu(x))); }

 private:
  BatchNorm2d norm_;
  Conv2d conv_;
  AvgPool2d pool_;
};

class DenseNet : public ModuleGroup {
 public:
  DenseNet(const DenseNetDesign& design, const ModelOptions& options);
  void initialise(const ParameterStreams& streams) override;

 protected:
  Tensor forward(const Tensor& x) override;

 private:
  Conv2d conv0_;
  BatchNorm2d norm0_;
  ConvBatchNorm stem_{conv0_, norm0_};
  MaxPool2d pool0_;
  std::array<std::unique_ptr<DenseBlock>, 4> blocks_;
  std::array<std::unique_ptr<DenseTransition>, 3> transitions_;
  std::unique_ptr<BatchNorm2d> norm5_;
  GlobalAvgPool2d avgpool_;
  std::unique_ptr<Linear> classifier_;
};

}  // namespace osteon
