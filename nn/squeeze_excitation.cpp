#include "nn/squeeze_excitation.h"

namespace osteon {

SqueezeExcitation::SqueezeExcitation(std::int64_t channels, std::int64_t squeezed_channels,
                                     Activation activation)
    : fc1_(channels, squeezed_channels, 1),
      fc2_(squeezed_channels, channels, 1),
      activation_(activation) {
  register_module("avgpool", avgpool_);
  register_module("fc1", fc1_);
  register_module("fc2", fc2_);
}

void SqueezeExcitation::initialise(const ParameterStreams&) {
  fill_(fc1_.bias, 0);
  fill_(fc2_.bias, 0);
}

Tensor SqueezeExcitation::forward(const Tensor& x) {
  const Tensor means = reshape(avgpool_(x), {-1, 1, 1, x.dim(3)});
  return x * sigmoid(fc2_(activate(fc1_(means), activation_)));
}

}  // namespace osteon
