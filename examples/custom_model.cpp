// A family of models of your own, trained by the library's trainer like any other: a module, its
// registration, and the options of a run. Usage: custom_model DATA OUT
#include <iostream>

#include "nn/init.h"
#include "nn/layers.h"
#include "nn/models.h"
#include "train/trainer.h"

using namespace osteon;

namespace {

// Three convolutions, each of half the size and twice the channels, and a linear layer.
class SmallNet : public Module {
 public:
  explicit SmallNet(const ModelOptions& options) : fc_(4 * options.width, options.num_classes) {
    std::int64_t channels = 3;
    for (const std::int64_t width : {options.width, 2 * options.width, 4 * options.width}) {
      features_.append<Conv2d>(channels, width, 3, Conv2dOptions{.stride = 2, .padding = 1}, false);
      features_.append<BatchNorm2d>(width);
      features_.append<ReLU>();
      channels = width;
    }
    // Registered layers have names: in checkpoints, in describe(), for Grad-CAM.
    register_module("features", features_);
    register_module("pool", pool_);
    register_module("fc", fc_);
    initialise_parameters(*this, options.seed);
  }

 protected:
  Tensor forward(const Tensor& x) override { return fc_(pool_(features_(x))); }

 private:
  Sequential features_;
  GlobalAvgPool2d pool_;
  Linear fc_;
};

}  // namespace

int main(int argc, char** argv) {
  if (argc != 3) return std::cerr << "usage: custom_model DATA OUT\n", 2;
  register_model({.name = "smallnet",
                  .make = [](const ModelOptions& o) { return std::make_unique<SmallNet>(o); },
                  .head = "fc",
                  .stages = {{"features", 8}},  // layers for Grad-CAM, with their strides
                  .image_size = 64,
                  .mean = kImageNetMean,
                  .std = kImageNetStd});

  TrainOptions options;
  options.data = argv[1];
  options.out = argv[2];
  options.arch = "smallnet";
  options.width = 16;
  options.epochs = 6;
  options.lr = 3e-3;
  Trainer trainer(options);
  trainer.train();
  trainer.evaluate_best()->print(std::cout);
}
