#include "nn/conv_norm_activation.h"

#include <algorithm>

namespace osteon {
namespace {

std::unique_ptr<Conv2d> make_conv(const ConvNormActivation::Options& o) {
  const Conv2dOptions options{.stride = o.stride,
                              .padding = o.same_padding ? 0 : (o.kernel_size - 1) / 2,
                              .groups = o.is_depthwise ? o.in_channels : 1};
  if (o.same_padding)
    return std::make_unique<Conv2dSame>(o.in_channels, o.out_channels, o.kernel_size, options,
                                        false);
  return std::make_unique<Conv2d>(o.in_channels, o.out_channels, o.kernel_size, options, false);
}

}  // namespace

ConvNormActivation::ConvNormActivation(const Options& options)
    : conv_(make_conv(options)),
      norm_(options.out_channels, 0.1, options.epsilon),
      both_(*conv_, norm_),
      activation_(options.activation) {
  register_module("0", *conv_);
  register_module("1", norm_);
}

std::int64_t scaled_channels(std::int64_t channels, double scale) {
  const double wanted = static_cast<double>(channels) * scale;
  const std::int64_t rounded =
      std::max<std::int64_t>(8, static_cast<std::int64_t>(wanted + 4) / 8 * 8);
  return static_cast<double>(rounded) < 0.9 * wanted ? rounded + 8 : rounded;
}

}  // namespace osteon
