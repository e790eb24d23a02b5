// Counts the traffic of each op: one line per op that is not simply "inputs in, outputs out".
#include "bench/traffic.h"

#include <algorithm>

#include "nn/flops.h"
#include "ops/schema.h"

namespace osteon {
namespace {

constexpr const char* kJoined = "sum of gradients where paths join";

double bytes_of(const Tensor& x) { return x.defined() ? static_cast<double>(x.bytes()) : 0; }

double bytes_of(const Shape& shape, DType dtype) {
  return static_cast<double>(shape.numel()) * static_cast<double>(size_of(dtype));
}
double bytes_of(const Node::Input& input) { return bytes_of(input.shape, input.dtype); }
double bytes_of(const Node::Output& output) { return bytes_of(output.shape, output.dtype); }

// The bytes of a filter in the dtype of the images. Filters and their gradients are kept in f32;
// for bf16 images they are converted to and from bf16.
double converted_filter_bytes(const Node::Input& weight, DType activations) {
  return bytes_of(weight.shape, activations);
}

double convolution_flops(const Node& node) {
  const Shape& weight = node.inputs[schema::conv2d.weight].shape;
  return 2.0 * static_cast<double>(node.outputs[0].shape.numel()) *
         static_cast<double>(weight.numel() / weight[0]);
}

// The bytes of a ReLU mask: one bit per element.
double mask_bytes(const Shape& shape) { return static_cast<double>(shape.numel()) / 8; }

// The traffic of a copy with padded channels. Tensor cores take eight channels of bf16 at once; an
// image whose number of channels is not a multiple of eight is copied and padded.
double padding_bytes(const Shape& x, DType dtype) {
  constexpr std::int64_t kUnit = 8;
  const std::int64_t channels = x[-1], filled = (channels + kUnit - 1) / kUnit * kUnit;
  if (dtype != DType::bf16 || channels == filled) return 0;
  const double bytes = bytes_of(x, dtype);
  return bytes + bytes * static_cast<double>(filled) / static_cast<double>(channels);
}

}  // namespace

Traffic& Traffic::operator+=(const Traffic& other) {
  bytes += other.bytes;
  read_again += other.read_again;
  flops += other.flops;
  return *this;
}

double Ceilings::seconds(const Traffic& traffic) const {
  return std::max((traffic.bytes + traffic.read_again) / bytes_per_second,
                  traffic.flops / flops_per_second);
}

CountTraffic::CountTraffic(const Ceilings& ceilings, std::function<std::int64_t()> launches)
    : ceilings_(ceilings),
      launches_(std::move(launches)),
      launches_before_(launches_()),
      forward_([this](const Observation& op) { note_forward(op); }),
      backward_([this](const Node& node) { note_backward(node); }) {}

void CountTraffic::add(const std::string& kind, const Traffic& traffic, std::int64_t launches) {
  Work& work = by_kind_[kind];
  ++work.calls;
  if (launches == kAll) launches = launches_() - launches_before_;
  work.launches += launches;
  launches_before_ += launches;
  work.traffic += traffic;
  work.seconds += ceilings_.seconds(traffic);
  work.seconds_read_once += ceilings_.seconds({traffic.bytes, 0, traffic.flops});
}

void CountTraffic::note_forward(const Observation& op) {
  if (is(op, schema::reshape)) return;  // the same memory
  Traffic traffic{.flops = static_cast<double>(count_flops(op))};
  for (const Tensor& input : op.inputs) traffic.bytes += bytes_of(input);
  for (const Tensor& output : op.outputs) traffic.bytes += bytes_of(output);
  if (is(op, schema::conv2d) || is(op, schema::conv2d_add_activation)) {
    static_assert(std::size_t{schema::conv2d.weight} == schema::conv2d_add_activation.weight);
    const Tensor &x = op.inputs[schema::conv2d.x], &weight = op.inputs[schema::conv2d.weight];
    traffic.bytes += bytes_of(weight.shape(), x.dtype()) - bytes_of(weight);
    const double fill = padding_bytes(x.shape(), x.dtype());
    if (fill > 0) add("image with padded channels", {fill}, 1);
    // The first convolution's launch rounds the filters of all (ops/rounded_filters.h).
    if (weight.dtype() != x.dtype())
      add("cast of filters", {bytes_of(weight) + bytes_of(weight.shape(), x.dtype())},
          launches_() - launches_before_ - 1);
  }
  if (is(op, schema::batch_norm) && attrs_of(op, schema::batch_norm).training) {
    traffic.read_again = bytes_of(op.inputs[schema::batch_norm.x]);
    if (attrs_of(op, schema::batch_norm).activation == Activation::relu)
      traffic.bytes += mask_bytes(op.outputs[0].shape());
  }
  add(format(op.name, " forward"), traffic);
}

void CountTraffic::note_backward(const Node& node) {
  if (is(node, schema::reshape)) return;
  const double dy = bytes_of(node.outputs[0]), x = bytes_of(node.inputs[0]);
  if (is(node, schema::conv2d)) {
    const Node::Input &image = node.inputs[schema::conv2d.x],
                      &weight = node.inputs[schema::conv2d.weight];
    const double filters = converted_filter_bytes(weight, image.dtype);
    const bool casts = weight.dtype != image.dtype;
    if (weight.needs_grad()) {
      const double fill = padding_bytes(image.shape, image.dtype);
      if (fill > 0) add("image with padded channels", {fill}, 1);
      if (casts)
        add("cast of filter gradients", {filters + bytes_of(weight)},
            launches_() - launches_before_ - (image.needs_grad() ? 2 : 1));
      add("conv2d filter gradient", {dy + x + filters, 0, convolution_flops(node)}, 1);
    }
    if (image.needs_grad())
      add("conv2d data gradient", {dy + filters + x, 0, convolution_flops(node)});
  } else if (is(node, schema::batch_norm)) {
    Traffic traffic{dy + x + x, dy + x, 0};
    const double mask = attrs_of(node, schema::batch_norm).activation == Activation::relu
                            ? mask_bytes(node.outputs[0].shape)
                            : 0;
    if (node.gradient_is_masked) {  // by the data gradient, and so it is the residual's gradient
      add(kJoined, {mask}, 0);
    } else {
      traffic.bytes += mask;
      if (node.inputs[schema::batch_norm.residual].needs_grad()) traffic.bytes += dy;
    }
    add("batch_norm backward", traffic);
  } else if (is(node, schema::max_pool2d)) {
    add("max_pool2d backward", {dy + static_cast<double>(node.outputs[0].shape.numel()) + x});
  } else {
    Traffic traffic{dy};
    for (const Node::Input& input : node.inputs)
      if (input.needs_grad()) traffic.bytes += 2 * bytes_of(input);  // saved, and its gradient
    add(format(node.name, " backward"), traffic);
  }
  for (std::size_t i = 0; i < node.inputs.size(); ++i) {
    const Node::Input& input = node.inputs[i];
    if (!input.node || has_gradient_.emplace(input.node.get(), input.output_index).second) continue;
    // Gradients of joined paths are added: a convolution adds the other path's gradient in its own
    // pass; other ops need a separate pass.
    const bool in_passing = is(node, schema::conv2d) && i == schema::conv2d.x;
    add(kJoined, {(in_passing ? 1 : 3) * bytes_of(input)});
  }
}

}  // namespace osteon
