// Records one forward pass and writes it as a graph: one rule per op.
#include "interop/onnx.h"

#include <cmath>
#include <nlohmann/json.hpp>
#include <numbers>
#include <numeric>

#include "base/file.h"
#include "interop/onnx_graph.h"
#include "nn/state_dict.h"
#include "ops/schema.h"

namespace osteon {
namespace {

using Layout = OnnxGraph::Layout;
using Pads = std::vector<std::int64_t>;

constexpr std::int64_t kOpset = 17, kIrVersion = 8;
constexpr std::int64_t kTracedBatch = 3, kOtherBatch = 2;
constexpr std::int64_t kAnyBatch = -1;

// The shapes with another batch tell which extents follow it.
struct Step {
  const char* name;
  Tensors inputs;
  std::any attrs;
  Tensor output;
  std::vector<Shape> other_inputs;
  Shape other_output;
};

// The steps of a forward pass. Their tensors are kept alive, so that no memory is reused and an
// address identifies a tensor.
std::vector<Step> trace(Module& model, const Tensor& input, Tensor& output) {
  std::vector<Step> steps;
  const NoGrad no_grad;
  const EvaluationMode evaluation(model);
  const ObserveModules no_fusion([](const ModuleEvent&) {});  // blocks run layer by layer
  const ObserveOps observe([&](const Observation& op) {
    OSTEON_CHECK(op.outputs.size() == 1, "onnx: ", op.name, " has ", op.outputs.size(),
                 " outputs; there is no rule for this");
    steps.push_back({op.name, op.inputs, op.attrs, op.outputs[0], {}, {}});
  });
  output = model(input);
  return steps;
}

void add_other_shapes(std::vector<Step>& steps, const std::vector<Step>& other) {
  OSTEON_CHECK(steps.size() == other.size(),
               "onnx: the ops of the model depend on the size of the batch");
  for (std::size_t i = 0; i < steps.size(); ++i) {
    for (const Tensor& input : other[i].inputs)
      steps[i].other_inputs.push_back(input.defined() ? input.shape() : Shape());
    steps[i].other_output = other[i].output.shape();
  }
}

// Whether extent d of the output follows the batch.
bool follows_batch(const Step& step, std::int64_t d) {
  return step.output.dim(d) != step.other_output[d];
}

constexpr auto kNorm = schema::batch_norm;

Pads both(const Spatial& s) { return {s.height, s.width}; }
// In the order of ONNX: first the beginnings of all directions, then the ends.
Pads pads(const Padding& p) { return {p.top, p.left, p.bottom, p.right}; }

class Exporter {
 public:
  Exporter(Module& model, onnx::GraphProto& graph, bool fold_batch_norm)
      : graph_(graph), fold_(fold_batch_norm) {
    for (const auto& [name, tensor] : model.named_state()) names_[tensor.raw()] = name;
  }

  void write(const std::vector<Step>& steps) {
    for (const Step& step : steps)
      for (const Tensor& input : step.inputs)
        if (input.defined()) ++uses_[input.raw()];
    for (std::size_t i = 0; i < steps.size(); ++i) {
      const bool folded = fold_ && i + 1 < steps.size() && is_fold(steps[i], steps[i + 1]);
      if (folded)
        fold(steps[i], steps[i + 1]), ++i;
      else
        write(steps[i]);
    }
  }

 private:
  struct Rule {
    std::string_view op;
    void (Exporter::*write)(const Step&, const char* op);
    const char* onnx_op;
  };

  void write(const Step& step) {
    static constexpr Rule kRules[] = {
        {schema::conv2d.name, &Exporter::conv2d, "Conv"},
        {schema::batch_norm.name, &Exporter::batch_norm, "BatchNormalization"},
        {schema::max_pool2d.name, &Exporter::max_pool2d, "MaxPool"},
        {schema::avg_pool2d.name, &Exporter::avg_pool2d, "AveragePool"},
        {schema::global_avg_pool2d.name, &Exporter::global_avg_pool2d, "GlobalAveragePool"},
        {schema::linear.name, &Exporter::linear, "Gemm"},
        {schema::layer_norm.name, &Exporter::layer_norm, "LayerNormalization"},
        {schema::attention.name, &Exporter::attention, "MatMul"},
        {functors::Neg::name, &Exporter::unary, "Neg"},
        {functors::Abs::name, &Exporter::unary, "Abs"},
        {functors::Sign::name, &Exporter::unary, "Sign"},
        {functors::Clamp::name, &Exporter::clamp, "Clip"},
        {functors::Pow::name, &Exporter::pow, "Pow"},
        {functors::Sqrt::name, &Exporter::unary, "Sqrt"},
        {functors::Rsqrt::name, &Exporter::rsqrt, "Sqrt"},
        {functors::Exp::name, &Exporter::unary, "Exp"},
        {functors::Expm1::name, &Exporter::expm1, "Exp"},
        {functors::Log::name, &Exporter::unary, "Log"},
        {functors::Log1p::name, &Exporter::log1p, "Log"},
        {functors::Sin::name, &Exporter::unary, "Sin"},
        {functors::Cos::name, &Exporter::unary, "Cos"},
        {functors::Erf::name, &Exporter::unary, "Erf"},
        {functors::Relu::name, &Exporter::unary, "Relu"},
        {functors::LeakyRelu::name, &Exporter::leaky_relu, "LeakyRelu"},
        {functors::Elu::name, &Exporter::elu, "Elu"},
        {functors::Sigmoid::name, &Exporter::unary, "Sigmoid"},
        {functors::Tanh::name, &Exporter::unary, "Tanh"},
        {functors::Silu::name, &Exporter::silu, "Sigmoid"},
        {functors::Gelu::name, &Exporter::gelu, "Erf"},
        {functors::GeluTanh::name, &Exporter::gelu_tanh, "Tanh"},
        {functors::Softplus::name, &Exporter::softplus, "Softplus"},
        {functors::Hardsigmoid::name, &Exporter::hardsigmoid, "HardSigmoid"},
        {functors::Hardswish::name, &Exporter::unary, "HardSwish"},
        {functors::Maximum::name, &Exporter::binary<functors::Maximum>, "Max"},
        {functors::Minimum::name, &Exporter::binary<functors::Minimum>, "Min"},
        {functors::Add::name, &Exporter::binary<functors::Add>, "Add"},
        {functors::Sub::name, &Exporter::binary<functors::Sub>, "Sub"},
        {functors::Mul::name, &Exporter::binary<functors::Mul>, "Mul"},
        {functors::Div::name, &Exporter::binary<functors::Div>, "Div"},
        {functors::Eq::name, &Exporter::binary<functors::Eq>, "Equal"},
        {functors::Ne::name, &Exporter::not_equal, "Equal"},
        {functors::Lt::name, &Exporter::binary<functors::Lt>, "Less"},
        {functors::Le::name, &Exporter::binary<functors::Le>, "LessOrEqual"},
        {functors::Gt::name, &Exporter::binary<functors::Gt>, "Greater"},
        {functors::Ge::name, &Exporter::binary<functors::Ge>, "GreaterOrEqual"},
        {functors::Where::name, &Exporter::where, "Where"},
        {schema::softmax.name, &Exporter::last_dimension, "Softmax"},
        {schema::log_softmax.name, &Exporter::last_dimension, "LogSoftmax"},
        {schema::reshape.name, &Exporter::reshape, "Reshape"},
        {schema::permute.name, &Exporter::permute, "Transpose"},
        {schema::concat.name, &Exporter::concat, "Concat"},
        {schema::narrow.name, &Exporter::narrow, "Slice"},
        {schema::pad.name, &Exporter::pad, "Pad"},
        {schema::expand.name, &Exporter::expand, "Expand"},
        {schema::index_select.name, &Exporter::index_select, "Gather"},
        {schema::matmul.name, &Exporter::matmul, "MatMul"},
        {schema::sum.name, &Exporter::sum, "ReduceSum"},
        {schema::mean.name, &Exporter::mean, "ReduceMean"}};
    for (std::size_t i = 0; i < step.inputs.size(); ++i)
      OSTEON_CHECK(!step.inputs[i].defined() || graph_.knows(step.inputs[i]) ||
                       step.inputs[i].shape() == step.other_inputs[i],
                   "onnx: ", step.name, " has a constant ", step.inputs[i].shape(),
                   " that depends on the batch; make it for one image, and expand it");
    for (const Rule& rule : kRules)
      if (rule.op == step.name) return (this->*rule.write)(step, rule.onnx_op);
    throw Error(
        format("onnx: there is no rule for the op ", step.name, "; add one to interop/onnx.cpp"));
  }

  // The name of an input: a value of the graph, or a constant, which is written to the file.
  std::string input(const Tensor& x, Layout layout = Layout::channels_last) {
    if (graph_.knows(x)) return graph_.name_of(x, layout);
    const auto named = names_.find(x.raw());
    return graph_.constant(
        named == names_.end() ? format("constant_", constants_++) : named->second, x);
  }

  void finish(const Step& step, const onnx::NodeProto& node, Layout layout) {
    graph_.define(step.output, layout, node.output(0));
  }

  // --- convolution and batch norm ---

  onnx::NodeProto& convolution(const Step& step, const char* op, const std::string& weight,
                               const std::string& bias) {
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

  std::string filters(const Tensor& weight) {
    return graph_.constant(name_of(weight), to_file_layout(weight));
  }

  std::string name_of(const Tensor& parameter) {
    const auto found = names_.find(parameter.raw());
    return found == names_.end() ? format("constant_", constants_++) : found->second;
  }

  void conv2d(const Step& step, const char* op) {
    const Tensor& bias = step.inputs[schema::conv2d.bias];
    const std::string weight = filters(step.inputs[schema::conv2d.weight]);
    finish(step, convolution(step, op, weight, bias.defined() ? input(bias) : ""),
           Layout::channels_first);
  }

  // Nodes for the parts of batch_norm that follow the normalisation: residual and ReLU.
  void after_norm(const Step& step, onnx::NodeProto* node) {
    const Tensor& residual = step.inputs[kNorm.residual];
    if (residual.defined())
      node = &graph_.node("Add", {node->output(0), input(residual, Layout::channels_first)});
    if (attrs_of(step, kNorm).relu) node = &graph_.node("Relu", {node->output(0)});
    finish(step, *node, Layout::channels_first);
  }

  void batch_norm(const Step& step, const char* op) {
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

  bool is_fold(const Step& conv, const Step& norm) const {
    return is(conv, schema::conv2d) && is(norm, kNorm) &&
           norm.inputs[kNorm.x].is_same(conv.output) && uses_.at(conv.output.raw()) == 1;
  }

  // scale = weight / sqrt(var + epsilon): filters scale w, bias = scale (b - mean) + norm's bias.
  void fold(const Step& conv, const Step& norm) {
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

  // --- pooling ---

  template <class Schema>
  onnx::NodeProto& pool(const char* op, const Step& step, const Schema& schema) {
    const Pool2dOptions& options = attrs_of(step, schema);
    onnx::NodeProto& node = graph_.node(op, {input(step.inputs[schema.x], Layout::channels_first)});
    set_attribute(node, "kernel_shape", both(options.kernel_size));
    set_attribute(node, "strides", both(options.stride));
    set_attribute(node, "pads", pads(options.padding));
    set_attribute(node, "ceil_mode", std::int64_t{options.ceil_mode});
    return node;
  }
  void max_pool2d(const Step& step, const char* op) {
    finish(step, pool(op, step, schema::max_pool2d), Layout::channels_first);
  }
  void avg_pool2d(const Step& step, const char* op) {
    onnx::NodeProto& node = pool(op, step, schema::avg_pool2d);
    const bool count_include_pad = attrs_of(step, schema::avg_pool2d).count_include_pad;
    set_attribute(node, "count_include_pad", std::int64_t{count_include_pad});
    finish(step, node, Layout::channels_first);
  }
  void global_avg_pool2d(const Step& step, const char* op) {
    const auto& mean =
        graph_.node(op, {input(step.inputs[schema::global_avg_pool2d.x], Layout::channels_first)});
    onnx::NodeProto& flat = graph_.node("Flatten", {mean.output(0)});
    set_attribute(flat, "axis", std::int64_t{1});
    finish(step, flat, Layout::channels_last);
  }

  // --- the rest ---

  void linear(const Step& step, const char* op) {
    const Tensor &x = step.inputs[schema::linear.x], &bias = step.inputs[schema::linear.bias];
    if (x.rank() != 2) return linear_of_rows(step);
    std::vector<std::string> inputs = {input(x), input(step.inputs[schema::linear.weight])};
    if (bias.defined()) inputs.push_back(input(bias));
    onnx::NodeProto& node = graph_.node(op, inputs);
    set_attribute(node, "transB", std::int64_t{1});
    finish(step, node, Layout::channels_last);
  }

  // Functions of one operand are the same in both layouts of images.
  std::string operand(const Step& step) { return input(step.inputs[0], layout_of(step)); }
  // Nodes of inputs x and, if there is a second one, a number.
  std::string apply(const char* op, const std::string& x) { return graph_.node(op, {x}).output(0); }
  std::string apply(const char* op, const std::string& x, double value) {
    return apply(op, x, number(value));
  }
  std::string apply(const char* op, const std::string& a, const std::string& b) {
    return graph_.node(op, {a, b}).output(0);
  }
  std::string number(double value) { return input(full({}, value)); }
  void finish(const Step& step, const std::string& result) {
    graph_.define(step.output, layout_of(step), result);
  }

  // Gemm takes matrices only.
  void linear_of_rows(const Step& step) {
    const Tensor &x = step.inputs[schema::linear.x], &bias = step.inputs[schema::linear.bias];
    const std::string weight = factor(step.inputs[schema::linear.weight], true);
    const onnx::NodeProto* node = &graph_.node("MatMul", {input(x), weight});
    if (bias.defined()) node = &graph_.node("Add", {node->output(0), input(bias)});
    finish(step, *node, Layout::channels_last);
  }

  // A factor of MatMul, which transposes none.
  std::string factor(const Tensor& x, bool transpose) {
    if (!transpose) return input(x);
    Pads order(static_cast<std::size_t>(x.rank()));
    std::iota(order.begin(), order.end(), 0);
    std::swap(order[order.size() - 1], order[order.size() - 2]);
    onnx::NodeProto& transposed = graph_.node("Transpose", {input(x)});
    set_attribute(transposed, "perm", order);
    return transposed.output(0);
  }

  void matmul(const Step& step, const char* op) {
    const auto [transpose_a, transpose_b] = attrs_of(step, schema::matmul);
    const std::string a = factor(step.inputs[schema::matmul.a], transpose_a),
                      b = factor(step.inputs[schema::matmul.b], transpose_b);
    finish(step, graph_.node(op, {a, b}), Layout::channels_last);
  }

  void unary(const Step& step, const char* op) { finish(step, apply(op, operand(step))); }

  void clamp(const Step& step, const char* op) {
    const auto& bounds = attrs_of(step, schema::elementwise<functors::Clamp>);
    finish(step,
           graph_.node(op, {operand(step), number(bounds.min), number(bounds.max)}).output(0));
  }

  void pow(const Step& step, const char* op) {
    const double exponent = attrs_of(step, schema::elementwise<functors::Pow>).exponent;
    finish(step, apply(op, operand(step), exponent));
  }

  void rsqrt(const Step& step, const char* op) {
    finish(step, apply("Reciprocal", apply(op, operand(step))));
  }
  void expm1(const Step& step, const char* op) {
    finish(step, apply("Sub", apply(op, operand(step)), 1.0));
  }
  void log1p(const Step& step, const char* op) {
    finish(step, apply(op, apply("Add", operand(step), 1.0)));
  }

  // ONNX calls the parameters of these functions alpha and beta.
  void leaky_relu(const Step& step, const char* op) {
    onnx::NodeProto& node = graph_.node(op, {operand(step)});
    const auto& functor = attrs_of(step, schema::elementwise<functors::LeakyRelu>);
    set_attribute(node, "alpha", static_cast<float>(functor.negative_slope));
    finish(step, node.output(0));
  }
  void elu(const Step& step, const char* op) {
    onnx::NodeProto& node = graph_.node(op, {operand(step)});
    const auto& functor = attrs_of(step, schema::elementwise<functors::Elu>);
    set_attribute(node, "alpha", static_cast<float>(functor.alpha));
    finish(step, node.output(0));
  }
  void hardsigmoid(const Step& step, const char* op) {
    onnx::NodeProto& node = graph_.node(op, {operand(step)});
    set_attribute(node, "alpha", 1.0F / 6);
    set_attribute(node, "beta", 0.5F);
    finish(step, node.output(0));
  }

  void silu(const Step& step, const char* op) {
    const std::string x = operand(step);
    finish(step, apply("Mul", x, apply(op, x)));
  }
  // x / 2 (1 + op(inner)).
  void finish_gelu(const Step& step, const char* op, const std::string& x,
                   const std::string& inner) {
    const std::string factor = apply("Add", apply(op, inner), 1.0);
    finish(step, apply("Mul", apply("Mul", x, 0.5), factor));
  }
  void gelu(const Step& step, const char* op) {
    const std::string x = operand(step);
    finish_gelu(step, op, x, apply("Mul", x, 1 / std::numbers::sqrt2));
  }
  void gelu_tanh(const Step& step, const char* op) {
    using Gelu = functors::GeluTanh;
    const double scale = Gelu::kScale / 2;
    const std::string x = operand(step), square = apply("Mul", x, x);
    const std::string sum = apply("Add", apply("Mul", square, Gelu::kCubic * scale), scale);
    finish_gelu(step, op, x, apply("Mul", x, sum));
  }
  // From the default threshold on, Softplus is x in f32.
  void softplus(const Step& step, const char* op) {
    const auto& [beta, threshold] = attrs_of(step, schema::elementwise<functors::Softplus>);
    OSTEON_CHECK(threshold >= 20, "onnx: softplus with threshold ", threshold,
                 " has no rule; the threshold must be at least 20");
    finish(step, apply("Div", apply(op, apply("Mul", operand(step), beta)), beta));
  }

  // Operands keep our layout, because broadcasting aligns a smaller operand at the right. One
  // operand may be a number.
  template <class Functor>
  onnx::NodeProto& binary_node(const Step& step, const char* op) {
    std::vector<std::string> inputs;
    if constexpr (!functors::kIsComparison<Functor>)
      if (const auto* left = std::any_cast<functors::WithLeft<Functor>>(&step.attrs))
        inputs.push_back(number(left->left));
    for (const Tensor& each : step.inputs) inputs.push_back(input(each));
    if (const auto* right = std::any_cast<functors::WithRight<Functor>>(&step.attrs))
      inputs.push_back(number(right->right));
    return graph_.node(op, inputs);
  }
  template <class Functor>
  void binary(const Step& step, const char* op) {
    finish(step, binary_node<Functor>(step, op), Layout::channels_last);
  }
  void not_equal(const Step& step, const char* op) {
    finish(step, graph_.node("Not", {binary_node<functors::Ne>(step, op).output(0)}),
           Layout::channels_last);
  }

  // The condition is a comparison, which ONNX computes as bool; no other op takes its result.
  void where(const Step& step, const char* op) {
    OSTEON_CHECK(graph_.knows(step.inputs[0]),
                 "onnx: where with a constant condition has no rule; compute it by a comparison");
    finish(step,
           graph_.node(op, {input(step.inputs[0]), input(step.inputs[1]), input(step.inputs[2])}),
           Layout::channels_last);
  }

  void layer_norm(const Step& step, const char* op) {
    constexpr auto kLayerNorm = schema::layer_norm;
    onnx::NodeProto& node =
        graph_.node(op, {input(step.inputs[kLayerNorm.x]), input(step.inputs[kLayerNorm.weight]),
                         input(step.inputs[kLayerNorm.bias])});
    set_attribute(node, "axis", std::int64_t{-1});
    set_attribute(node, "epsilon", static_cast<float>(attrs_of(step, kLayerNorm).epsilon));
    finish(step, node, Layout::channels_last);
  }

  // softmax(scale Q K^T) V with the heads before the positions.
  void attention(const Step& step, const char* op) {
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

  void last_dimension(const Step& step, const char* op) {
    static_assert(schema::softmax.x == std::size_t{schema::log_softmax.x});
    onnx::NodeProto& node = graph_.node(op, {input(step.inputs[schema::softmax.x])});
    set_attribute(node, "axis", std::int64_t{-1});
    finish(step, node, Layout::channels_last);
  }

  // --- shape ---

  // An extent that follows the batch is computed when the file is run.
  onnx::NodeProto& reshaped(const Step& step, const std::string& from) {
    Pads extents = step.output.shape().extents();
    int open = 0;
    for (std::int64_t d = 0; d < step.output.rank(); ++d)
      if (follows_batch(step, d)) extents[static_cast<std::size_t>(d)] = kAnyBatch, ++open;
    OSTEON_CHECK(open <= 1, "onnx: a reshape to ", step.output.shape(), " has ", open,
                 " extents that depend on the batch; there is no rule for this");
    return graph_.node("Reshape", {from, graph_.constant(extents)});
  }
  void reshape(const Step& step, const char*) {
    finish(step, reshaped(step, input(step.inputs[schema::reshape.x])), Layout::channels_last);
  }

  void permute(const Step& step, const char* op) {
    onnx::NodeProto& node = graph_.node(op, {input(step.inputs[schema::permute.x])});
    set_attribute(node, "perm", attrs_of(step, schema::permute).order);
    finish(step, node, Layout::channels_last);
  }

  // The layout that the inputs have, for an op that takes either.
  Layout layout_of(const Step& step) const {
    for (const Tensor& each : step.inputs)
      if (each.rank() != 4 || !graph_.knows(each)) return Layout::channels_last;
    return graph_.layout_of(step.inputs[0]);
  }
  static std::int64_t axis_of(std::int64_t dim, Layout layout) {
    constexpr std::int64_t kChannelsFirst[] = {0, 2, 3, 1};
    return layout == Layout::channels_first ? kChannelsFirst[dim] : dim;
  }

  void concat(const Step& step, const char* op) {
    const Layout layout = layout_of(step);
    std::vector<std::string> inputs;
    for (const Tensor& each : step.inputs) inputs.push_back(input(each, layout));
    onnx::NodeProto& node = graph_.node(op, inputs);
    set_attribute(node, "axis", axis_of(attrs_of(step, schema::concat).dim, layout));
    finish(step, node, layout);
  }

  void narrow(const Step& step, const char* op) {
    const auto [dim, start] = attrs_of(step, schema::narrow);
    OSTEON_CHECK(!follows_batch(step, dim), "onnx: a narrow to ", step.output.shape(),
                 " cuts the batch; there is no rule for this");
    const Layout layout = layout_of(step);
    const std::string x = input(step.inputs[schema::narrow.x], layout);
    const std::string from = graph_.constant(Pads{start}),
                      to = graph_.constant(Pads{start + step.output.dim(dim)}),
                      axis = graph_.constant(Pads{axis_of(dim, layout)});
    finish(step, graph_.node(op, {x, from, to, axis}), layout);
  }

  void pad(const Step& step, const char* op) {
    const auto& [padding, value] = attrs_of(step, schema::pad);
    const auto [top, bottom, left, right] = padding;
    const Layout layout = layout_of(step);
    const Pads sides = layout == Layout::channels_first
                           ? Pads{0, 0, top, left, 0, 0, bottom, right}
                           : Pads{0, top, left, 0, 0, bottom, right, 0};
    const std::string x = input(step.inputs[schema::pad.x], layout);
    finish(step, graph_.node(op, {x, graph_.constant(sides), number(value)}), layout);
  }

  // A target of 1 keeps an extent of x, also that of the batch.
  void expand(const Step& step, const char* op) {
    const Tensor& x = step.inputs[schema::expand.x];
    const std::int64_t more = step.output.rank() - x.rank();
    std::vector<std::string> extents;
    for (std::int64_t d = 0; d < step.output.rank(); ++d) {
      const bool kept = d >= more && x.dim(d - more) == step.output.dim(d);
      if (kept || !follows_batch(step, d))
        extents.push_back(graph_.constant(Pads{kept ? 1 : step.output.dim(d)}));
      else
        extents.push_back(multiple_of_batch(step.output.dim(d), step.output.shape()));
    }
    onnx::NodeProto& target = graph_.node("Concat", extents);
    set_attribute(target, "axis", std::int64_t{0});
    const std::string shape = target.output(0);
    finish(step, graph_.node(op, {input(x), shape}), Layout::channels_last);
  }
  std::string multiple_of_batch(std::int64_t extent, const Shape& shape) {
    OSTEON_CHECK(extent % kTracedBatch == 0, "onnx: an expand to ", shape, " has the extent ",
                 extent, ", which is no multiple of the batch; there is no rule for this");
    const std::string batch = graph_.batch();
    return graph_.node("Mul", {batch, graph_.constant(Pads{extent / kTracedBatch})}).output(0);
  }

  void index_select(const Step& step, const char* op) {
    const std::string x = input(step.inputs[schema::index_select.x]),
                      indices = input(step.inputs[schema::index_select.indices]);
    onnx::NodeProto& node = graph_.node(op, {x, indices});
    set_attribute(node, "axis", attrs_of(step, schema::index_select).dim);
    finish(step, node, Layout::channels_last);
  }

  // --- reductions ---

  // The dimensions that a sum or mean reduces; those of extent 1 make no difference.
  static Pads reduced_dims(const Step& step, const schema::Reduction& op) {
    const Shape &x = step.inputs[op.x].shape(), &kept = attrs_of(step, op).kept;
    Pads dims;
    for (std::int64_t d = 0; d < x.rank(); ++d)
      if (kept[d] != x[d]) dims.push_back(d);
    return dims;
  }
  void sum(const Step& step, const char* op) {
    const Pads dims = reduced_dims(step, schema::sum);
    std::string result = input(step.inputs[schema::sum.x]);
    // Without dimensions an ONNX reduction would reduce all.
    if (!dims.empty()) result = graph_.node(op, {result, graph_.constant(dims)}).output(0);
    finish_reduction(step, result);
  }
  void mean(const Step& step, const char* op) {
    const Pads dims = reduced_dims(step, schema::mean);
    std::string result = input(step.inputs[schema::mean.x]);
    if (!dims.empty()) {
      onnx::NodeProto& node = graph_.node(op, {result});
      set_attribute(node, "axes", dims);
      result = node.output(0);
    }
    finish_reduction(step, result);
  }
  // ONNX keeps the reduced dimensions.
  void finish_reduction(const Step& step, const std::string& result) {
    if (step.output.rank() == step.inputs[0].rank())
      graph_.define(step.output, Layout::channels_last, result);
    else
      finish(step, reshaped(step, result), Layout::channels_last);
  }

  OnnxGraph graph_;
  bool fold_;
  std::map<const std::byte*, std::string> names_;  // of parameters and buffers
  std::map<const std::byte*, int> uses_;
  int constants_ = 0;

 public:
  OnnxGraph& graph() { return graph_; }
};

// (grey / 255 - mean) / std, with the grey channel repeated.
std::string normalised(OnnxGraph& graph, const OnnxPreprocessing& with) {
  const auto channel_constant = [&](const char* name, const std::vector<double>& values) {
    return graph.constant(name, from_vector(values, {1, 3, 1, 1}));
  };
  const std::string unit =
      graph.node("Div", {"grey", graph.constant("grey_levels", from_vector({255}, {1}))}).output(0);
  const std::string centred =
      graph.node("Sub", {unit, channel_constant("mean", with.mean)}).output(0);
  return graph.node("Div", {centred, channel_constant("std", with.std)}).output(0);
}

// sigmoid(logit / temperature), one per image.
std::string probability(OnnxGraph& graph, const std::string& logits, double temperature) {
  const std::string scaled =
      graph.node("Div", {logits, graph.constant("temperature", from_vector({temperature}, {1}))})
          .output(0);
  const std::string each = graph.node("Sigmoid", {scaled}).output(0);
  return graph.node("Reshape", {each, graph.constant({kAnyBatch})}).output(0);
}

void add_metadata(onnx::ModelProto& file, const std::map<std::string, std::string>& metadata) {
  for (const auto& [key, value] : metadata) {
    auto& entry = *file.add_metadata_props();
    entry.set_key(key);
    entry.set_value(value);
  }
}

}  // namespace

void write_onnx(const std::filesystem::path& path, Module& model, std::int64_t image_size,
                const OnnxOptions& options) {
  const auto& preprocessing = options.preprocessing;
  const Tensor images = zeros({kTracedBatch, image_size, image_size, 3});
  Tensor logits;
  std::vector<Step> steps = trace(model, images, logits);
  Tensor unused;
  add_other_shapes(steps, trace(model, zeros({kOtherBatch, image_size, image_size, 3}), unused));

  onnx::ModelProto file;
  file.set_ir_version(kIrVersion);
  file.set_producer_name("osteon");
  file.set_producer_version(OSTEON_VERSION);
  file.add_opset_import()->set_version(kOpset);
  file.mutable_graph()->set_name(options.name);
  Exporter exporter(model, *file.mutable_graph(), options.fold_batch_norm);
  OnnxGraph& graph = exporter.graph();
  if (preprocessing)
    graph.add_input("grey", {kAnyBatch, 1, image_size, image_size});
  else
    graph.add_input("images", {kAnyBatch, 3, image_size, image_size});
  graph.define(images, Layout::channels_first,
               preprocessing ? normalised(graph, *preprocessing) : "images");
  exporter.write(steps);
  const std::string result = graph.name_of(logits, Layout::channels_last);
  if (preprocessing)
    graph.add_output(probability(graph, result, preprocessing->temperature), "probability",
                     {kAnyBatch});
  else
    graph.add_output(result, "logits", {kAnyBatch, logits.dim(1)});
  add_metadata(file, options.metadata);
  std::string bytes;
  OSTEON_CHECK(file.SerializeToString(&bytes), "onnx: the model is too large for one file");
  write_file_atomically(path, bytes);
}

}  // namespace osteon
