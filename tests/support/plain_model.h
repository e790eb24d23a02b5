// A model family outside the library: no residuals, biases instead of batch norm, its own parameter
// names. Code that works with it depends only on its line in the list of models.
#pragma once

#include <memory>

#include "nn/init.h"
#include "nn/layers.h"
#include "nn/models.h"

namespace osteon {

class PlainModel : public Module {
 public:
  explicit PlainModel(const ModelOptions& options)
      : classifier_(2 * options.width, options.num_classes) {
    const std::int64_t width = options.width;
    features_.append<Conv2d>(3, width, 3, Conv2dOptions{.stride = 2, .padding = 1});
    features_.append<ReLU>();
    features_.append<MaxPool2d>(Pool2dOptions{.kernel_size = 2, .stride = 2});
    features_.append<Conv2d>(width, 2 * width, 3, Conv2dOptions{.padding = 1}, false);
    features_.append<BatchNorm2d>(2 * width);
    features_.append<ReLU>();
    register_module("features", features_);
    register_module("pool", pool_);
    register_module("classifier", classifier_);
    initialise_parameters(*this, options.seed);
  }

 protected:
  Tensor forward(const Tensor& x) override { return classifier_(pool_(features_(x))); }

 private:
  Sequential features_;
  GlobalAvgPool2d pool_;
  Linear classifier_;
};

inline Architecture plain_architecture() {
  return {.name = "plain",
          .family = "plain",
          .make = [](const ModelOptions& options) { return std::make_unique<PlainModel>(options); },
          .head = "classifier",
          .stages = {{"features.1", 2}, {"features", 4}},
          .image_size = 24,
          .mean = {0.5, 0.4, 0.3},
          .std = {0.25, 0.25, 0.5}};
}

// Registers the model; a second call does nothing.
inline void register_plain_model() {
  static const bool registered = (register_model(plain_architecture()), true);
  static_cast<void>(registered);
}

}  // namespace osteon
