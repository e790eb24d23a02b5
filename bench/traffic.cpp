// Counts the traffic of each op: one line per op that is not simply "inputs in, outputs out".
#include "bench/traffic.h"

#include <algorithm>
#include <array>
#include <string_view>

#include "nn/flops.h"
#include "ops/schema.h"
#include "tests/support/dense_block_layers.h"

namespace osteon {
namespace {

constexpr const char* kJoined = "sum of gradients where paths join";
constexpr const char* kForward = "conv2d forward";
constexpr const char* kDataGradient = "conv2d data gradient";
constexpr const char* kFilterGradient = "conv2d filter gradient";

double bytes_of(const Tensor& x) { return x.defined() ? static_cast<double>(x.bytes()) : 0; }

double bytes_of(const Shape& shape, DType dtype) {
  return static_cast<double>(shape.numel()) * static_cast<double>(size_of(dtype));
}
double bytes_of(const Node::Input& input) { return bytes_of(input.shape, input.dtype); }
double bytes_of(const Node::Output& output) { return bytes_of(output.shape, output.dtype); }

double convolution_flops(const Shape& y, const Shape& weight) {
  return 2.0 * static_cast<double>(y.numel()) * static_cast<double>(weight.numel() / weight[0]);
}

// One of the two products of a product's backward pass has as many as the product.
double product_flops(const Node& node, std::int64_t inner) {
  return 2.0 * static_cast<double>(node.outputs[0].shape.numel()) * static_cast<double>(inner);
}

// Of the log-sum-exp of the scores, f32 [N,heads,L].
double log_sum_bytes(const Shape& query) {
  return bytes_of({query[0], query[1], query[2]}, DType::f32);
}

// Ops whose gradient rule reads no input.
bool reads_only_dy(const Node& node) {
  constexpr std::array<std::string_view, 8> kOps = {
      "add", "avg_pool2d", "cast", "concat", "expand", "global_avg_pool2d", "narrow", "sum"};
  return std::ranges::find(kOps, node.name) != kOps.end();
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
  if (is(op, schema::dense_block)) return note_dense_block(op);
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
  if (is(op, schema::narrow)) traffic.bytes = 2 * bytes_of(op.outputs[0]);
  if (is(op, schema::attention))
    traffic.bytes += log_sum_bytes(op.inputs[schema::attention.query].shape());
  add(format(op.name, " forward"), traffic);
}

// A convolution of a dense block; its filters are rounded as other convolutions' are.
void CountTraffic::add_convolution(const std::string& kind, const Shape& x, const Shape& weight,
                                   const Shape& y, DType dtype) {
  const double filters = bytes_of(weight, dtype);
  if (dtype == DType::bf16 && kind != kDataGradient)
    add(kind == kFilterGradient ? "cast of filter gradients" : "cast of filters",
        {filters + bytes_of(weight, DType::f32)}, 0);
  add(kind, {bytes_of(x, dtype) + filters + bytes_of(y, dtype), 0, convolution_flops(y, weight)},
      1);
}

// ops/dense_block.cpp. A layer's statistics are those of a batch norm whose result is not used.
void CountTraffic::note_dense_block(const Observation& op) {
  std::vector<Shape> shapes;
  for (const Tensor& input : op.inputs) shapes.push_back(input.shape());
  const DType dtype = op.inputs[0].dtype();
  const auto bytes = [&](const Shape& shape) { return bytes_of(shape, dtype); };
  const auto statistics = [&](const Shape& x) {
    add("batch_norm forward", {2 * bytes(x), bytes(x)}, 1);
  };
  const std::vector<DenseBlockLayer> layers = layers_of(shapes);
  Traffic rest{2 * bytes(shapes[0])};  // copied into the buffer
  statistics(shapes[0]);
  for (const DenseBlockLayer& layer : layers) {
    const auto& [in, inner, added, conv1, conv2] = layer;
    rest.bytes += 2 * bytes(in);  // normalised
    add_convolution(kForward, in, conv1, inner, dtype);
    add("batch_norm forward", {2 * bytes(inner) + mask_bytes(inner), bytes(inner)}, 1);
    add_convolution(kForward, inner, conv2, added, dtype);
    rest.bytes += 2 * bytes(added);  // copied into the buffer
    if (&layer != &layers.back()) statistics(added);
  }
  add("dense_block forward", rest);
}

void CountTraffic::note_dense_block(const Node& node) {
  std::vector<Shape> shapes;
  for (const Node::Input& input : node.inputs) shapes.push_back(input.shape);
  const DType dtype = node.inputs[0].dtype;
  const auto bytes = [&](const Shape& shape) { return bytes_of(shape, dtype); };
  Traffic rest{2 * bytes(shapes[0])};  // the gradient of x, copied from the buffer's
  for (const auto& [in, inner, added, conv1, conv2] : layers_of(shapes)) {
    rest.bytes += 2 * bytes(added);  // copied from the buffer's gradient
    add_convolution(kDataGradient, inner, conv2, added, dtype);
    rest.bytes += 2 * bytes(inner);  // normalised again
    add_convolution(kFilterGradient, inner, conv2, added, dtype);
    add("batch_norm backward", {3 * bytes(inner) + mask_bytes(inner), 2 * bytes(inner)}, 1);
    rest.bytes += 2 * bytes(in);
    add_convolution(kFilterGradient, in, conv1, inner, dtype);
    add_convolution(kDataGradient, in, conv1, inner, dtype);
    // Reads its gradient and the buffer, twice, and adds to the buffer's gradient.
    rest += {4 * bytes(in), 2 * bytes(in), 0};
  }
  add("dense_block backward", rest);
}

// The rules of a convolution and of a linear layer end with the sum for the bias. It was counted by
// itself, with the launches of the products before it.
void CountTraffic::take_products_from_sum(const Node& node) {
  static_assert(std::size_t{schema::conv2d.bias} == schema::linear.bias);
  if (!node.inputs[schema::linear.bias].needs_grad()) return;
  const int products =
      node.inputs[schema::linear.x].needs_grad() + node.inputs[schema::linear.weight].needs_grad();
  by_kind_["sum forward"].launches -= products;
  launches_before_ -= products;
}

void CountTraffic::note_linear(const Node& node) {
  take_products_from_sum(node);
  const Node::Input &x = node.inputs[schema::linear.x],
                    &weight = node.inputs[schema::linear.weight];
  const Traffic product{bytes_of(node.outputs[0]) + bytes_of(x) + bytes_of(weight), 0,
                        product_flops(node, weight.shape[1])};
  if (x.needs_grad()) add("linear data gradient", product, 1);
  if (weight.needs_grad()) add("linear weight gradient", product);
}

void CountTraffic::note_matmul(const Node& node) {
  const Node::Input &a = node.inputs[schema::matmul.a], &b = node.inputs[schema::matmul.b];
  const Shape& shape = a.shape;
  const bool transposed = attrs_of(node, schema::matmul).transpose_a;
  Traffic traffic;
  for (const Node::Input* const input : {&a, &b})
    if (input->needs_grad())
      traffic += {bytes_of(node.outputs[0]) + bytes_of(a) + bytes_of(b), 0,
                  product_flops(node, shape[shape.rank() - (transposed ? 2 : 1)])};
  add("matmul backward", traffic);
}

// Five products: the scores and the gradients of value, weights, key and query.
void CountTraffic::note_attention(const Node& node) {
  const Shape& query = node.inputs[schema::attention.query].shape;
  Traffic traffic{2 * bytes_of(node.outputs[0]) + log_sum_bytes(query), 0,
                  5 * product_flops(node, node.inputs[schema::attention.key].shape[1])};
  for (const Node::Input& input : node.inputs)
    traffic.bytes += (input.needs_grad() ? 2 : 1) * bytes_of(input);
  add(format(node.name, " backward"), traffic);
}

void CountTraffic::note_backward(const Node& node) {
  if (is(node, schema::reshape)) return;
  const double dy = bytes_of(node.outputs[0]), x = bytes_of(node.inputs[0]);
  if (is(node, schema::conv2d)) {
    take_products_from_sum(node);
    const Node::Input &image = node.inputs[schema::conv2d.x],
                      &weight = node.inputs[schema::conv2d.weight];
    const double filters = bytes_of(weight.shape, image.dtype);  // in f32 for bf16 images
    const double flops = convolution_flops(node.outputs[0].shape, weight.shape);
    const bool casts = weight.dtype != image.dtype;
    if (weight.needs_grad()) {
      const double fill = padding_bytes(image.shape, image.dtype);
      if (fill > 0) add("image with padded channels", {fill}, 1);
      if (casts)
        add("cast of filter gradients", {filters + bytes_of(weight)},
            launches_() - launches_before_ - (image.needs_grad() ? 2 : 1));
      add(kFilterGradient, {dy + x + filters, 0, flops}, 1);
    }
    if (image.needs_grad()) add(kDataGradient, {dy + filters + x, 0, flops});
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
  } else if (is(node, schema::dense_block)) {
    note_dense_block(node);
  } else if (is(node, schema::linear)) {
    note_linear(node);
  } else if (is(node, schema::matmul)) {
    note_matmul(node);
  } else if (is(node, schema::attention)) {
    note_attention(node);
  } else {
    // The sums of layer norm's parameters read dy and x again.
    Traffic traffic{dy, is(node, schema::layer_norm) ? dy + x : 0};
    for (const Node::Input& input : node.inputs)
      if (input.needs_grad()) traffic.bytes += (reads_only_dy(node) ? 1 : 2) * bytes_of(input);
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
