// The bottleneck block, and the stages.
#include "nn/resnet_v2.h"

#include <numeric>

#include "nn/conv_norm_activation.h"

namespace osteon {
namespace {

constexpr double kStandardEpsilon = 1e-8;
constexpr std::int64_t kGroups = 32;

// Narrow copies have fewer channels than groups.
GroupNorm norm_of(std::int64_t channels) {
  return GroupNorm(std::gcd(kGroups, channels), channels);
}

// relu(norm3(conv3(relu(norm2(conv2(relu(norm1(conv1(x)))))))) + shortcut); the 3x3 convolution has
// the stride. The first block of a stage has a convolution and a norm in its shortcut.
class Bottleneck : public ModuleGroup {
 public:
  Bottleneck(std::int64_t in_channels, std::int64_t out_channels, std::int64_t stride,
             bool has_downsample)
      : inner_(scaled_channels(out_channels, 0.25)),
        conv1_(in_channels, inner_, 1),
        conv2_(inner_, inner_, 3, stride),
        conv3_(inner_, out_channels, 1),
        norm1_(norm_of(inner_)),
        norm2_(norm_of(inner_)),
        norm3_(norm_of(out_channels)) {
    if (has_downsample) {
      downsample_conv_ = std::make_unique<StdConv2dSame>(in_channels, out_channels, 1, stride);
      downsample_norm_ = std::make_unique<GroupNorm>(std::gcd(kGroups, out_channels), out_channels);
      add("downsample.conv", *downsample_conv_);
      add("downsample.norm", *downsample_norm_);
    }
    add("conv1", conv1_);
    add("norm1", norm1_);
    add("conv2", conv2_);
    add("norm2", norm2_);
    add("conv3", conv3_);
    add("norm3", norm3_);
  }

  // A block starts as its shortcut.
  void initialise(const ParameterStreams&) override { fill_(norm3_.weight, 0); }

 protected:
  Tensor forward(const Tensor& x) override {
    const Tensor shortcut = downsample_conv_ ? (*downsample_norm_)((*downsample_conv_)(x)) : x;
    const Tensor y = relu(norm2_(conv2_(relu(norm1_(conv1_(x))))));
    return relu(norm3_(conv3_(y)) + shortcut);
  }

 private:
  std::int64_t inner_;
  std::unique_ptr<StdConv2dSame> downsample_conv_;
  std::unique_ptr<GroupNorm> downsample_norm_;
  StdConv2dSame conv1_, conv2_, conv3_;
  GroupNorm norm1_, norm2_, norm3_;
};

}  // namespace

StdConv2dSame::StdConv2dSame(std::int64_t in_channels, std::int64_t out_channels,
                             std::int64_t kernel_size, std::int64_t stride)
    : Conv2dSame(in_channels, out_channels, kernel_size, {.stride = stride}, false) {}

Tensor StdConv2dSame::forward(const Tensor& x) {
  return conv2d(x, standardised(weight, kStandardEpsilon), {}, options_for(x));
}

ResNetV2::ResNetV2(const std::array<int, 4>& blocks, double width_scale)
    : conv_(3, scaled_channels(64, width_scale), 7, 2),
      norm_(norm_of(conv_.weight.dim(0))),
      pool_({.kernel_size = 3, .stride = 2}) {
  add("stem.conv", conv_);
  add("stem.norm", norm_);
  add("stem.pool", pool_);
  std::int64_t channels = conv_.weight.dim(0);
  for (std::size_t s = 0; s < stages_.size(); ++s) {
    const std::int64_t out = scaled_channels(std::int64_t{256} << s, width_scale);
    for (int i = 0; i < blocks[s]; ++i) {
      stages_[s].append<Bottleneck>(channels, out, s > 0 && i == 0 ? 2 : 1, i == 0);
      channels = out;
    }
    add(format("stages.", s, ".blocks"), stages_[s]);
  }
  out_channels_ = channels;
}

Tensor ResNetV2::forward(const Tensor& x) {
  Tensor y = pool_(relu(norm_(conv_(x))));
  for (Sequential& stage : stages_) y = stage(y);
  return y;
}

}  // namespace osteon
