// Convolution, normalisation, pooling, products and attention in ONNX.
#include <cmath>
#include <numeric>

#include "interop/onnx_exporter.h"
#include "nn/state_dict.h"

namespace osteon {
namespace {

constexpr auto kNorm = schema::batch_norm;

std::vector<std::int64_t> both(const Spatial& s) { return {s.height, s.width}; }
// In the order of ONNX: first the beginnings of all directions, then the ends.
std::vector<std::int64_t> pads(const Padding& p) { return {p.top, p.left, p.bottom, p.right}; }

}  // namespace

onnx::NodeProto& OnnxExporter::convolution(const Step& step, const char* op,
                                           const std::string& weight, const std::string& bias) {
  const Conv2dOptions& options = attrs_of(step, schema::conv2d);
  std::vector<std::string> inputs = {input(step.inputs[schema::conv2d.x], Layout::channels_first),
                                     weight};
  if (!bias.empty()) inputs.push_back(bias);
  onnx::NodeProto& node = graph_.node(op, inputs);
  const Tensor& filters = step.inputs[schema::conv2d.weight];
  set_attribute(node, "kernel_shape", Pads{filters.dim(1), filters.dim(2)});
  set_attribute(node, "strides", both(options.stride));
  set_attribute(node, "pads", pads(options.padding));
  set_attribute(node, "dilations", both(options.dilation));
  set_attribute(node, "group", options.groups);
  return node;
}

std::string OnnxExporter::filters(const Tensor& weight) {
  return graph_.constant(name_of(weight), to_file_layout(weight));
}

void OnnxExporter::conv2d(const Step& step, const char* op) {
  const Tensor& bias = step.inputs[schema::conv2d.bias];
  const std::string weight = filters(step.inputs[schema::conv2d.weight]);
  finish(step, convolution(step, op, weight, bias.defined() ? input(bias) : ""),
         Layout::channels_first);
}

// The last of the nodes that compute an activation.
onnx::NodeProto& OnnxExporter::activation(Activation activation, onnx::NodeProto& before) {
  const std::string& x = before.output(0);
  switch (activation) {
    case Activation::none:
      break;
    case Activation::relu:
      return graph_.node("Relu", {x});
    case Activation::relu6:
      return graph_.node("Clip", {x, number(0), number(6)});
    case Activation::silu:
      return graph_.node("Mul", {x, apply("Sigmoid", x)});
  }
  return before;
}

// Nodes for the parts of batch_norm that follow the normalisation: residual and activation.
void OnnxExporter::after_norm(const Step& step, onnx::NodeProto* node) {
  const Tensor& residual = step.inputs[kNorm.residual];
  if (residual.defined())
    node = &graph_.node("Add", {node->output(0), input(residual, Layout::channels_first)});
  finish(step, activation(attrs_of(step, kNorm).activation, *node), Layout::channels_first);
}

void OnnxExporter::batch_norm(const Step& step, const char* op) {
  const Tensor& x = step.inputs[kNorm.x];
  OSTEON_CHECK(x.rank() == 4, "onnx: batch_norm of ", x.shape(),
               " has no rule; the input must have rank 4");
  std::vector<std::string> inputs = {input(x, Layout::channels_first)};
  for (const auto i : {kNorm.weight, kNorm.bias, kNorm.running_mean, kNorm.running_var})
    inputs.push_back(input(step.inputs[i]));
  onnx::NodeProto& node = graph_.node(op, inputs);
  set_attribute(node, "epsilon", static_cast<float>(attrs_of(step, kNorm).epsilon));
  after_norm(step, &node);
}

bool OnnxExporter::is_fold(const Step& conv, const Step& norm) const {
  return is(conv, schema::conv2d) && is(norm, kNorm) && norm.inputs[kNorm.x].is_same(conv.output) &&
         uses_.at(conv.output.raw()) == 1;
}

// scale = weight / sqrt(var + epsilon): filters scale w, bias = scale (b - mean) + norm's bias.
void OnnxExporter::fold(const Step& conv, const Step& norm) {
  const Tensor &filters = conv.inputs[schema::conv2d.weight],
               &conv_bias = conv.inputs[schema::conv2d.bias];
  const auto values = [&norm](auto i) { return norm.inputs[i].template data<float>(); };
  const double epsilon = attrs_of(norm, kNorm).epsilon;
  const Tensor weight = filters.clone(), bias = norm.inputs[kNorm.bias].clone();
  const std::int64_t kernels = weight.dim(0), each = weight.numel() / kernels;
  for (std::int64_t k = 0; k < kernels; ++k) {
    const double scale = values(kNorm.weight)[k] /
                         std::sqrt(static_cast<double>(values(kNorm.running_var)[k]) + epsilon);
    for (std::int64_t i = 0; i < each; ++i) {
      float& w = weight.data<float>()[k * each + i];
      w = static_cast<float>(w * scale);
    }
    const double before = conv_bias.defined() ? conv_bias.data<float>()[k] : 0.0F;
    bias.data<float>()[k] = static_cast<float>(values(kNorm.bias)[k] +
                                               scale * (before - values(kNorm.running_mean)[k]));
  }
  const std::string name = name_of(filters);
  after_norm(norm, &convolution(conv, "Conv", graph_.constant(name, to_file_layout(weight)),
                                graph_.constant(name + ".bias_of_batch_norm", bias)));
}

template <class Schema>
onnx::NodeProto& OnnxExporter::pool(const char* op, const Step& step, const Schema& schema) {
  const Pool2dOptions& options = attrs_of(step, schema);
  onnx::NodeProto& node = graph_.node(op, {input(step.inputs[schema.x], Layout::channels_first)});
  set_attribute(node, "kernel_shape", both(options.kernel_size));
  set_attribute(node, "strides", both(options.stride));
  set_attribute(node, "pads", pads(options.padding));
  set_attribute(node, "ceil_mode", std::int64_t{options.ceil_mode});
  return node;
}

void OnnxExporter::max_pool2d(const Step& step, const char* op) {
  finish(step, pool(op, step, schema::max_pool2d), Layout::channels_first);
}

void OnnxExporter::avg_pool2d(const Step& step, const char* op) {
  onnx::NodeProto& node = pool(op, step, schema::avg_pool2d);
  const bool count_include_pad = attrs_of(step, schema::avg_pool2d).count_include_pad;
  set_attribute(node, "count_include_pad", std::int64_t{count_include_pad});
  finish(step, node, Layout::channels_first);
}

void OnnxExporter::global_avg_pool2d(const Step& step, const char* op) {
  const auto& mean =
      graph_.node(op, {input(step.inputs[schema::global_avg_pool2d.x], Layout::channels_first)});
  onnx::NodeProto& flat = graph_.node("Flatten", {mean.output(0)});
  set_attribute(flat, "axis", std::int64_t{1});
  finish(step, flat, Layout::channels_last);
}

void OnnxExporter::linear(const Step& step, const char* op) {
  const Tensor &x = step.inputs[schema::linear.x], &bias = step.inputs[schema::linear.bias];
  if (x.rank() != 2) return linear_of_rows(step);
  std::vector<std::string> inputs = {input(x), input(step.inputs[schema::linear.weight])};
  if (bias.defined()) inputs.push_back(input(bias));
  onnx::NodeProto& node = graph_.node(op, inputs);
  set_attribute(node, "transB", std::int64_t{1});
  finish(step, node, Layout::channels_last);
}

// Gemm takes matrices only.
void OnnxExporter::linear_of_rows(const Step& step) {
  const Tensor &x = step.inputs[schema::linear.x], &bias = step.inputs[schema::linear.bias];
  const std::string weight = factor(step.inputs[schema::linear.weight], true);
  const onnx::NodeProto* node = &graph_.node("MatMul", {input(x), weight});
  if (bias.defined()) node = &graph_.node("Add", {node->output(0), input(bias)});
  finish(step, *node, Layout::channels_last);
}

// A factor of MatMul, which transposes none.
std::string OnnxExporter::factor(const Tensor& x, bool transpose) {
  if (!transpose) return input(x);
  Pads order(static_cast<std::size_t>(x.rank()));
  std::iota(order.begin(), order.end(), 0);
  std::swap(order[order.size() - 1], order[order.size() - 2]);
  onnx::NodeProto& transposed = graph_.node("Transpose", {input(x)});
  set_attribute(transposed, "perm", order);
  return transposed.output(0);
}

void OnnxExporter::matmul(const Step& step, const char* op) {
  const auto [transpose_a, transpose_b] = attrs_of(step, schema::matmul);
  const std::string a = factor(step.inputs[schema::matmul.a], transpose_a),
                    b = factor(step.inputs[schema::matmul.b], transpose_b);
  finish(step, graph_.node(op, {a, b}), Layout::channels_last);
}

void OnnxExporter::layer_norm(const Step& step, const char* op) {
  constexpr auto kLayerNorm = schema::layer_norm;
  onnx::NodeProto& node =
      graph_.node(op, {input(step.inputs[kLayerNorm.x]), input(step.inputs[kLayerNorm.weight]),
                       input(step.inputs[kLayerNorm.bias])});
  set_attribute(node, "axis", std::int64_t{-1});
  set_attribute(node, "epsilon", static_cast<float>(attrs_of(step, kLayerNorm).epsilon));
  finish(step, node, Layout::channels_last);
}

// softmax(scale Q K^T) V with the heads before the positions.
void OnnxExporter::attention(const Step& step, const char* op) {
  constexpr auto kAttention = schema::attention;
  const auto turned = [&](const std::string& x, const Pads& order) {
    onnx::NodeProto& node = graph_.node("Transpose", {x});
    set_attribute(node, "perm", order);
    return node.output(0);
  };
  const std::string query = turned(input(step.inputs[kAttention.query]), {0, 2, 1, 3});
  const std::string key = turned(input(step.inputs[kAttention.key]), {0, 2, 3, 1});
  const std::string value = turned(input(step.inputs[kAttention.value]), {0, 2, 1, 3});
  const std::string scores =
      apply("Mul", graph_.node(op, {query, key}).output(0), attrs_of(step, kAttention).scale);
  onnx::NodeProto& weights = graph_.node("Softmax", {scores});
  set_attribute(weights, "axis", std::int64_t{-1});
  const std::string weights_name = weights.output(0);
  const std::string y = turned(graph_.node(op, {weights_name, value}).output(0), {0, 2, 1, 3});
  graph_.define(step.output, Layout::channels_last, y);
}

void OnnxExporter::last_dimension(const Step& step, const char* op) {
  static_assert(schema::softmax.x == std::size_t{schema::log_softmax.x});
  onnx::NodeProto& node = graph_.node(op, {input(step.inputs[schema::softmax.x])});
  set_attribute(node, "axis", std::int64_t{-1});
  finish(step, node, Layout::channels_last);
}

}  // namespace osteon
