// Computes gradients of an inner layer's output and draws heat maps.
#include "eval/grad_cam.h"

#include <algorithm>
#include <cmath>
#include <optional>

#include "base/text.h"
#include "ops/ops.h"
#include "tensor/autograd.h"

namespace osteon {
namespace {

// Parameters collect no gradients during the lifetime of this object.
class FrozenParameters {
 public:
  explicit FrozenParameters(const Module& model) : parameters_(model.parameters()) {
    for (Tensor& parameter : parameters_) {
      wanted_.push_back(parameter.requires_grad());
      parameter.set_requires_grad(false);
    }
  }
  FrozenParameters(const FrozenParameters&) = delete;
  FrozenParameters& operator=(const FrozenParameters&) = delete;
  ~FrozenParameters() {
    for (std::size_t i = 0; i < parameters_.size(); ++i)
      parameters_[i].set_requires_grad(wanted_[i]);
  }

 private:
  Tensors parameters_;
  std::vector<bool> wanted_;
};

const Module& find_layer(Module& model, const std::string& name) {
  std::vector<std::string> known;
  for (const auto& [path, module] : model.named_modules()) {
    if (path == name) return *module;
    if (!path.empty() && path.find('.') == std::string::npos) known.push_back(path);
  }
  throw Error(
      format("Grad-CAM: the model has no layer \"", name, "\"; its stages are ", join(known)));
}

// The positions of a layer's output: [N,H,W,C], or [N,L,C] with tokens for other purposes before
// those of the positions.
struct Cells {
  std::int64_t height, width, channels;
  std::int64_t other_tokens = 0;
};

Cells cells_of(const Tensor& activation, const Tensor& images, const std::string& layer) {
  if (activation.defined() && activation.rank() == 4)
    return {activation.dim(1), activation.dim(2), activation.dim(3)};
  OSTEON_CHECK(activation.defined() && activation.rank() == 3, "Grad-CAM: layer ", layer,
               " has no output [N,H,W,C] or [N,L,C]; choose an earlier one");
  // As many rows and columns as fit, in the proportions of the image.
  const std::int64_t tokens = activation.dim(1);
  const double aspect = static_cast<double>(images.dim(1)) / static_cast<double>(images.dim(2));
  const auto height = static_cast<std::int64_t>(std::sqrt(static_cast<double>(tokens) * aspect));
  const std::int64_t width = height * images.dim(2) / images.dim(1);
  return {height, width, activation.dim(2), tokens - height * width};
}

HeatMap map_of(const float* activation, const float* gradient, const Cells& shape) {
  const std::int64_t cells = shape.height * shape.width, channels = shape.channels;
  activation += shape.other_tokens * channels;
  gradient += shape.other_tokens * channels;
  std::vector<double> weights(static_cast<std::size_t>(channels), 0);
  for (std::int64_t i = 0; i < cells * channels; ++i)
    weights[static_cast<std::size_t>(i % channels)] += gradient[i];
  HeatMap map{shape.height, shape.width, {}};
  for (std::int64_t cell = 0; cell < cells; ++cell) {
    double sum = 0;
    for (std::int64_t k = 0; k < channels; ++k)
      sum += weights[static_cast<std::size_t>(k)] * activation[cell * channels + k];
    map.values.push_back(static_cast<float>(std::max(sum / static_cast<double>(cells), 0.0)));
  }
  const float largest = *std::ranges::max_element(map.values);
  if (largest > 0)
    for (float& value : map.values) value /= largest;
  return map;
}

// 1 at the chosen output of each image.
Tensor chosen(const std::vector<std::int64_t>& outputs, const Tensor& logits) {
  OSTEON_CHECK(std::ssize(outputs) == logits.dim(0), "Grad-CAM: ", outputs.size(), " outputs for ",
               logits.dim(0), " images");
  std::vector<double> values(static_cast<std::size_t>(logits.numel()));
  for (std::size_t i = 0; i < outputs.size(); ++i)
    values[i * static_cast<std::size_t>(logits.dim(1)) + static_cast<std::size_t>(outputs[i])] = 1;
  return from_vector(values, logits.shape(), logits.dtype()).to(logits.device());
}

struct Size {
  std::int64_t height, width;
};

Size shrunk(const Image& image, std::int64_t long_side) {
  const std::int64_t longest = std::max(image.height, image.width);
  if (longest <= long_side) return {image.height, image.width};
  const auto scaled = [&](std::int64_t side) {
    return std::max<std::int64_t>(1, (side * long_side + longest / 2) / longest);
  };
  return {scaled(image.height), scaled(image.width)};
}

std::uint8_t blend(double under, double over, double share) {
  return static_cast<std::uint8_t>(std::lround(under + share * (over - under)));
}

}  // namespace

float HeatMap::at(double y, double x, std::int64_t image_height, std::int64_t image_width) const {
  const auto place = [](double pixel, std::int64_t pixels, std::int64_t cells) {
    const double cell =
        (pixel + 0.5) * static_cast<double>(cells) / static_cast<double>(pixels) - 0.5;
    return std::clamp(cell, 0.0, static_cast<double>(cells - 1));
  };
  const double row = place(y, image_height, height), column = place(x, image_width, width);
  const auto top = static_cast<std::int64_t>(row), left = static_cast<std::int64_t>(column);
  const std::int64_t bottom = std::min(top + 1, height - 1), right = std::min(left + 1, width - 1);
  const auto value = [&](std::int64_t r, std::int64_t c) {
    return static_cast<double>(values[static_cast<std::size_t>(r * width + c)]);
  };
  const double down = row - static_cast<double>(top), across = column - static_cast<double>(left);
  return static_cast<float>((1 - down) * std::lerp(value(top, left), value(top, right), across) +
                            down * std::lerp(value(bottom, left), value(bottom, right), across));
}

std::vector<HeatMap> grad_cam(Module& model, const Tensor& input, const std::string& layer,
                              const std::vector<std::int64_t>& outputs) {
  const Module& wanted = find_layer(model, layer);
  const EvaluationMode evaluation(model);
  const FrozenParameters frozen(model);
  // The layers before the wanted one are computed without recording; its output becomes a leaf.
  std::optional<NoGrad> before(std::in_place);
  Tensor activation, logits;
  {
    const ObserveModules observe([&](const ModuleEvent& event) {
      if (&event.module != &wanted || event.output == nullptr) return;
      activation = *event.output;
      activation.set_requires_grad(true);
      before.reset();
    });
    logits = model(input);
  }
  const Cells cells = cells_of(activation, input, layer);
  backward(sum(logits * chosen(outputs, logits)));
  const auto in_f32 = [](const Tensor& x) {
    return (x.dtype() == DType::f32 ? x : cast(x.detach(), DType::f32)).to(Device::cpu());
  };
  const Tensor values = in_f32(activation), gradients = in_f32(activation.grad());
  std::vector<HeatMap> maps;
  for (std::int64_t i = 0; i < activation.dim(0); ++i) {
    const std::int64_t offset = i * values.numel() / activation.dim(0);
    maps.push_back(map_of(values.data<float>() + offset, gradients.data<float>() + offset, cells));
  }
  return maps;
}

std::string grad_cam_layer(const ModelInfo& info) {
  const std::vector<Architecture::Stage>& stages = find_architecture(info.arch).stages;
  const auto deepest = std::find_if(stages.rbegin(), stages.rend(), [&](const auto& stage) {
    return info.image_size >= 4 * stage.stride;
  });
  return deepest == stages.rend() ? stages.front().layer : deepest->layer;
}

ColourImage overlay(const Image& image, const HeatMap& map, Fit fit, std::int64_t long_side) {
  const auto [height, width] = shrunk(image, long_side);
  const Image small = resize(image, height, width);
  // A padded input has the image in the middle of a square.
  const std::int64_t longest = std::max(height, width);
  const bool padded = fit == Fit::pad;
  const std::int64_t map_height = padded ? longest : height, map_width = padded ? longest : width;
  const double shift_y = static_cast<double>(map_height - height) / 2;
  const double shift_x = static_cast<double>(map_width - width) / 2;
  ColourImage coloured{height, width, {}};
  coloured.pixels.reserve(3 * small.pixels.size());
  for (std::int64_t y = 0; y < height; ++y)
    for (std::int64_t x = 0; x < width; ++x) {
      const double heat = map.at(static_cast<double>(y) + shift_y, static_cast<double>(x) + shift_x,
                                 map_height, map_width);
      const double grey = small.at(y, x);
      const double share = 0.62 * heat * heat * (3 - 2 * heat);  // low heat stays transparent
      // From orange to yellow: visible over black and white, and to colour-blind readers.
      coloured.pixels.push_back(blend(grey, std::lerp(214, 255, heat), share));
      coloured.pixels.push_back(blend(grey, std::lerp(64, 221, heat), share));
      coloured.pixels.push_back(blend(grey, std::lerp(16, 64, heat), share));
    }
  return coloured;
}

ColourImage shrink(const Image& image, std::int64_t long_side) {
  return overlay(image, {1, 1, {0}}, Fit::stretch, long_side);
}

}  // namespace osteon
