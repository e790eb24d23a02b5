// Construction of specs from the arguments of ops, and their text form.
#include "ops/cuda/cudnn/spec.h"

#include <array>
#include <charconv>
#include <functional>
#include <sstream>

#include "base/round_up.h"

namespace osteon::cuda {
namespace {

constexpr std::int64_t kChannelUnit = 8;  // bf16 numbers in 16 bytes
constexpr std::int64_t kMaxHeadElements = 128;

std::ostream& operator<<(std::ostream& out, const Spatial& both) {
  return out << both.height << 'x' << both.width;
}

// If opposite sides are equal, the text of a Spatial, under which plans were stored before.
std::ostream& operator<<(std::ostream& out, const Padding& padding) {
  const Spatial both(padding.top, padding.left);
  if (padding == Padding(both)) return out << both;
  return out << padding.top << '+' << padding.bottom << 'x' << padding.left << '+' << padding.right;
}

void print(std::ostream& out, const ConvolutionSpec& spec) {
  constexpr const char* kPasses[] = {"forward", "backward_input", "backward_weight"};
  out << "conv2d " << kPasses[static_cast<int>(spec.pass)] << ' ';
  if (spec.tf32)
    out << "tf32";
  else
    out << spec.dtype;
  out << " x " << spec.x << " weight " << spec.weight << " y " << spec.y;
  const auto& [stride, padding, dilation, groups] = spec.options;
  if (stride != Spatial(1)) out << " stride " << stride;
  if (padding != Padding(0)) out << " padding " << padding;
  if (dilation != Spatial(1)) out << " dilation " << dilation;
  if (groups != 1) out << " groups " << groups;
  if (spec.residual) out << " +residual";
  if (spec.bias) out << " +bias";
  if (spec.relu) out << " +relu";
}

// The shortest text that parses to the same number.
std::string exact(double value) {
  std::array<char, 32> text{};
  return {text.data(), std::to_chars(text.data(), text.data() + text.size(), value).ptr};
}

void print(std::ostream& out, const BatchNormSpec& spec) {
  const bool forward = spec.pass == BatchNormSpec::Pass::forward;
  out << "batch_norm " << (forward ? "forward " : "backward ") << spec.dtype << " x " << spec.x;
  if (forward) out << " epsilon " << exact(spec.epsilon) << " momentum " << exact(spec.momentum);
  if (spec.residual) out << " +residual";
  if (spec.relu) out << " +relu";
}

void print(std::ostream& out, const AttentionSpec& spec) {
  const bool forward = spec.pass == AttentionSpec::Pass::forward;
  out << "attention " << (forward ? "forward " : "backward ") << spec.dtype << " query "
      << spec.query << " key " << spec.key << " scale " << exact(spec.scale);
}

class Mixer {
 public:
  void add(std::size_t value) { hash_ = (hash_ ^ value) * 0x100000001B3; }
  void add(std::int64_t value) { add(static_cast<std::size_t>(value)); }
  void add(bool value) { add(static_cast<std::size_t>(value)); }
  void add(double value) { add(std::hash<double>()(value)); }
  template <class E>
  requires std::is_enum_v<E>
  void add(E value) { add(static_cast<std::size_t>(value)); }
  void add(const Spatial& both) { add(both.height), add(both.width); }
  void add(const Padding& padding) {
    add(padding.top), add(padding.bottom), add(padding.left), add(padding.right);
  }
  void add(const Shape& shape) {
    for (const std::int64_t extent : shape.extents()) add(extent);
  }
  std::size_t result() const { return hash_ ^ hash_ >> 32; }

 private:
  std::size_t hash_ = 0xCBF29CE484222325;
};

std::size_t hash(const ConvolutionSpec& spec) {
  Mixer mixer;
  const auto& [stride, padding, dilation, groups] = spec.options;
  const auto add = [&](const auto&... fields) { (mixer.add(fields), ...); };
  add(spec.pass, spec.dtype, spec.tf32, spec.x, spec.weight, spec.y, stride, padding, dilation,
      groups, spec.bias, spec.residual, spec.relu);
  return mixer.result();
}

std::size_t hash(const BatchNormSpec& spec) {
  Mixer mixer;
  const auto add = [&](const auto&... fields) { (mixer.add(fields), ...); };
  add(spec.pass, spec.dtype, spec.x, spec.relu, spec.residual, spec.epsilon, spec.momentum);
  return mixer.result();
}

std::size_t hash(const AttentionSpec& spec) {
  Mixer mixer;
  const auto add = [&](const auto&... fields) { (mixer.add(fields), ...); };
  add(spec.pass, spec.dtype, spec.query, spec.key, spec.scale);
  return mixer.result();
}

}  // namespace

std::string describe(const CudnnSpec& spec) {
  std::ostringstream out;
  std::visit([&](const auto& each) { print(out, each); }, spec);
  return out.str();
}

std::size_t CudnnSpecHash::operator()(const CudnnSpec& spec) const {
  return std::visit([](const auto& each) { return hash(each); }, spec);
}

ConvolutionSpec convolution_spec(ConvolutionSpec::Pass pass, DType dtype, const Shape& x,
                                 const Shape& weight, const Shape& y, const Conv2dOptions& options,
                                 bool tf32) {
  ConvolutionSpec spec{pass, dtype, tf32 && dtype == DType::f32, x, weight, y, options};
  if (dtype == DType::bf16 && options.groups == 1) {
    const std::int64_t channels = rounded_up(x[3], kChannelUnit);
    spec.x = {x[0], x[1], x[2], channels};
    spec.weight = {weight[0], weight[1], weight[2], channels};
  }
  return spec;
}

ConvolutionSpec unfused(const ConvolutionSpec& spec) {
  ConvolutionSpec alone = spec;
  alone.residual = alone.relu = false;
  return alone;
}

BatchNormSpec batch_norm_spec(BatchNormSpec::Pass pass, DType dtype, const Shape& x,
                              const BatchNormOptions& options, bool residual) {
  BatchNormSpec spec{pass, dtype, x, options.activation == Activation::relu, residual};
  if (x.rank() != 4) spec.x = {x.numel() / x[-1], 1, 1, x[-1]};
  if (pass == BatchNormSpec::Pass::forward) {
    spec.epsilon = options.epsilon;
    spec.momentum = options.momentum;
  }
  return spec;
}

bool suits_cudnn(const BatchNormSpec& spec) {
  const std::int64_t group = spec.relu || spec.dtype == DType::bf16 ? 8 : 4;
  return spec.dtype != DType::f64 && (spec.relu || !spec.residual) && spec.x[-1] % group == 0;
}

bool suits_cudnn(const BatchNormOptions& options) {
  return options.activation == Activation::none || options.activation == Activation::relu;
}

bool suits_cudnn(const AttentionSpec& spec) {
  const std::int64_t elements = spec.query[3];
  return spec.dtype == DType::bf16 && elements % kChannelUnit == 0 &&
         elements <= kMaxHeadElements && (spec.query[1] > 1 || spec.key[1] > 1) &&
         spec.query.numel() > 0;
}

Shape relu_mask_shape(const Shape& x) {
  return {x.numel() / x[-1], rounded_up(x[-1], std::int64_t{8}) / 8};
}

}  // namespace osteon::cuda
