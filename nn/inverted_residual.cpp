#include "nn/inverted_residual.h"

namespace osteon {
namespace {

using Options = InvertedResidual::Options;

std::unique_ptr<ConvNormActivation> make_expansion(const Options& o) {
  if (o.hidden_channels == o.in_channels) return nullptr;
  return std::make_unique<ConvNormActivation>(
      ConvNormActivation::Options{.in_channels = o.in_channels,
                                  .out_channels = o.hidden_channels,
                                  .activation = o.activation,
                                  .epsilon = o.epsilon});
}

ConvNormActivation::Options depthwise(const Options& o) {
  return {.in_channels = o.hidden_channels,
          .out_channels = o.hidden_channels,
          .kernel_size = o.kernel_size,
          .stride = o.stride,
          .is_depthwise = true,
          .same_padding = o.same_padding,
          .activation = o.activation,
          .epsilon = o.epsilon};
}

std::unique_ptr<SqueezeExcitation> make_squeeze(const Options& o) {
  if (o.squeezed_channels == 0) return nullptr;
  return std::make_unique<SqueezeExcitation>(o.hidden_channels, o.squeezed_channels, o.activation);
}

ConvNormActivation::Options projection(const Options& o) {
  return {.in_channels = o.hidden_channels, .out_channels = o.out_channels, .epsilon = o.epsilon};
}

}  // namespace

void add_names(LayerNames& layers, const InvertedResidualPlace& there,
               const InvertedResidualPlace& here) {
  using Pair = InvertedResidualNames::Pair;
  for (const auto pair : {&InvertedResidualNames::expand, &InvertedResidualNames::depthwise,
                          &InvertedResidualNames::project})
    for (const auto layer : {&Pair::conv, &Pair::norm})
      if (const std::string& name = here.names.*pair.*layer; !name.empty())
        layers[there.path + there.names.*pair.*layer] = here.path + name;
}

InvertedResidual::InvertedResidual(const Options& options, const InvertedResidualNames& names)
    : has_shortcut_(options.stride == 1 && options.in_channels == options.out_channels),
      expand_(make_expansion(options)),
      depthwise_(depthwise(options)),
      squeeze_(make_squeeze(options)),
      project_(projection(options)),
      drop_path_(options.drop_path) {
  const auto add_pair = [this](const InvertedResidualNames::Pair& pair, ConvNormActivation& layer) {
    add(pair.conv, layer.conv());
    add(pair.norm, layer.norm());
  };
  if (expand_) add_pair(names.expand, *expand_);
  add_pair(names.depthwise, depthwise_);
  if (squeeze_) add(names.squeeze, *squeeze_);
  add_pair(names.project, project_);
  add("drop_path", drop_path_);
}

Tensor InvertedResidual::forward(const Tensor& x) {
  Tensor y = depthwise_(expand_ ? (*expand_)(x) : x);
  if (squeeze_) y = (*squeeze_)(y);
  if (!has_shortcut_) return project_(y);
  return is_training() && drop_path_.p > 0 ? x + drop_path_(project_(y)) : project_.add(y, x);
}

}  // namespace osteon
