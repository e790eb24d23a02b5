// Watching one forward pass, then writing it down: one rule an op.
#include "interop/onnx.h"

#include <cmath>
#include <nlohmann/json.hpp>

#include "base/file.h"
#include "interop/onnx_graph.h"
#include "nn/layers.h"
#include "nn/state_dict.h"
#include "ops/ops.h"

namespace osteon {
namespace {

using Layout = OnnxGraph::Layout;
using Pads = std::vector<std::int64_t>;

constexpr std::int64_t kOpset = 17, kIrVersion = 8;
constexpr std::int64_t kTracedBatch = 3;
constexpr std::int64_t kAnyBatch = -1;

struct Step {
  std::string op;
  Tensors inputs;
  std::any attrs;
  Tensor output;
};

// The steps of a forward pass; their tensors are kept, so that no memory is used twice and a tensor
// is known by where it lies.
std::vector<Step> trace(Module& model, const Tensor& input, Tensor& output) {
  std::vector<Step> steps;
  const NoGrad no_grad;
  const EvaluationMode evaluation(model);
  const ObserveOps observe([&](const Observation& op) {
    OSTEON_CHECK(op.outputs.size() == 1, "onnx: ", op.name, " has ", op.outputs.size(),
                 " outputs; there is no rule for that");
    steps.push_back({op.name, op.inputs, op.attrs, op.outputs[0]});
  });
  output = model(input);
  return steps;
}

template <class Attrs>
const Attrs& attrs_of(const Step& step) {
  const auto* const attrs = std::any_cast<Attrs>(&step.attrs);
  OSTEON_CHECK(attrs != nullptr, "onnx: ", step.op,
               " has attributes of another kind than expected");
  return *attrs;
}

Pads both(const Spatial& s) { return {s.height, s.width}; }
Pads all_sides(const Spatial& s) { return {s.height, s.width, s.height, s.width}; }

class Exporter {
 public:
  Exporter(Module& model, onnx::GraphProto& graph, bool fold_batch_norm)
      : graph_(graph), fold_(fold_batch_norm) {
    for (const auto& [name, tensor] : model.named_state()) names_[tensor.raw()] = name;
    for (const auto& [name, module] : model.named_modules())
      if (auto* norm = dynamic_cast<BatchNorm2d*>(module)) norms_[norm->weight.raw()] = norm;
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
        {"conv2d", &Exporter::conv2d, "Conv"},
        {"batch_norm", &Exporter::batch_norm, "BatchNormalization"},
        {"max_pool2d", &Exporter::max_pool2d, "MaxPool"},
        {"avg_pool2d", &Exporter::avg_pool2d, "AveragePool"},
        {"global_avg_pool2d", &Exporter::global_avg_pool2d, "GlobalAveragePool"},
        {"linear", &Exporter::linear, "Gemm"},
        {"relu", &Exporter::unary, "Relu"},
        {"sigmoid", &Exporter::unary, "Sigmoid"},
        {"neg", &Exporter::unary, "Neg"},
        {"add", &Exporter::binary<functors::Add>, "Add"},
        {"sub", &Exporter::binary<functors::Sub>, "Sub"},
        {"mul", &Exporter::binary<functors::Mul>, "Mul"},
        {"div", &Exporter::binary<functors::Div>, "Div"},
        {"softmax", &Exporter::last_dimension, "Softmax"},
        {"log_softmax", &Exporter::last_dimension, "LogSoftmax"},
        {"reshape", &Exporter::reshape, "Reshape"}};
    for (const Rule& rule : kRules)
      if (rule.op == step.op) return (this->*rule.write)(step, rule.onnx_op);
    throw Error(
        format("onnx: there is no rule for the op ", step.op, "; add one to interop/onnx.cpp"));
  }

  // The name of an input: a value of the graph, or a constant that is written to the file.
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
    const auto& options = attrs_of<Conv2dOptions>(step);
    std::vector<std::string> inputs = {input(step.inputs[0], Layout::channels_first), weight};
    if (!bias.empty()) inputs.push_back(bias);
    onnx::NodeProto& node = graph_.node(op, inputs);
    const Tensor& filters = step.inputs[1];
    set_attribute(node, "kernel_shape", Pads{filters.dim(1), filters.dim(2)});
    set_attribute(node, "strides", both(options.stride));
    set_attribute(node, "pads", all_sides(options.padding));
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
    const Tensor& bias = step.inputs[2];
    finish(step, convolution(step, op, filters(step.inputs[1]), bias.defined() ? input(bias) : ""),
           Layout::channels_first);
  }

  const BatchNorm2d& norm_of(const Step& step) {
    const auto found = norms_.find(step.inputs[1].raw());
    OSTEON_CHECK(found != norms_.end(), "onnx: a batch_norm outside of a BatchNorm2d has no rule");
    return *found->second;
  }

  // What comes after the normalisation in the same op: residual and ReLU.
  void after_norm(const Step& step, onnx::NodeProto* node) {
    if (step.inputs[3].defined())
      node = &graph_.node("Add", {node->output(0), input(step.inputs[3], Layout::channels_first)});
    if (attrs_of<BatchNormOptions>(step).relu) node = &graph_.node("Relu", {node->output(0)});
    finish(step, *node, Layout::channels_first);
  }

  void batch_norm(const Step& step, const char* op) {
    OSTEON_CHECK(step.inputs[0].rank() == 4, "onnx: batch_norm of ", step.inputs[0].shape(),
                 " has no rule; only of images");
    const BatchNorm2d& norm = norm_of(step);
    std::vector<std::string> inputs = {input(step.inputs[0], Layout::channels_first)};
    for (const Tensor& each : {norm.weight, norm.bias, norm.running_mean, norm.running_var})
      inputs.push_back(input(each));
    onnx::NodeProto& node = graph_.node(op, inputs);
    set_attribute(node, "epsilon", static_cast<float>(norm.epsilon));
    after_norm(step, &node);
  }

  bool is_fold(const Step& conv, const Step& norm) const {
    return conv.op == "conv2d" && norm.op == "batch_norm" && norm.inputs[0].is_same(conv.output) &&
           uses_.at(conv.output.raw()) == 1 && norms_.contains(norm.inputs[1].raw());
  }

  // scale = weight / sqrt(var + epsilon): filters scale w, bias = scale (b - mean) + norm's bias.
  void fold(const Step& conv, const Step& step) {
    const BatchNorm2d& norm = norm_of(step);
    const Tensor weight = conv.inputs[1].clone(), bias = norm.bias.clone();
    const std::int64_t kernels = weight.dim(0), each = weight.numel() / kernels;
    for (std::int64_t k = 0; k < kernels; ++k) {
      const double scale =
          norm.weight.data<float>()[k] /
          std::sqrt(static_cast<double>(norm.running_var.data<float>()[k]) + norm.epsilon);
      for (std::int64_t i = 0; i < each; ++i) {
        float& w = weight.data<float>()[k * each + i];
        w = static_cast<float>(w * scale);
      }
      const double before = conv.inputs[2].defined() ? conv.inputs[2].data<float>()[k] : 0.0F;
      bias.data<float>()[k] = static_cast<float>(
          norm.bias.data<float>()[k] + scale * (before - norm.running_mean.data<float>()[k]));
    }
    const std::string name = name_of(conv.inputs[1]);
    after_norm(step, &convolution(conv, "Conv", graph_.constant(name, to_file_layout(weight)),
                                  graph_.constant(name + ".bias_of_batch_norm", bias)));
  }

  // --- pooling ---

  onnx::NodeProto& pool(const char* op, const Step& step) {
    const auto& options = attrs_of<Pool2dOptions>(step);
    onnx::NodeProto& node = graph_.node(op, {input(step.inputs[0], Layout::channels_first)});
    set_attribute(node, "kernel_shape", both(options.kernel_size));
    set_attribute(node, "strides", both(options.stride));
    set_attribute(node, "pads", all_sides(options.padding));
    return node;
  }
  void max_pool2d(const Step& step, const char* op) {
    finish(step, pool(op, step), Layout::channels_first);
  }
  void avg_pool2d(const Step& step, const char* op) {
    onnx::NodeProto& node = pool(op, step);
    set_attribute(node, "count_include_pad", std::int64_t{1});
    finish(step, node, Layout::channels_first);
  }
  void global_avg_pool2d(const Step& step, const char* op) {
    const auto& mean = graph_.node(op, {input(step.inputs[0], Layout::channels_first)});
    onnx::NodeProto& flat = graph_.node("Flatten", {mean.output(0)});
    set_attribute(flat, "axis", std::int64_t{1});
    finish(step, flat, Layout::channels_last);
  }

  // --- the rest ---

  void linear(const Step& step, const char* op) {
    OSTEON_CHECK(step.inputs[0].rank() == 2, "onnx: linear of ", step.inputs[0].shape(),
                 " has no rule; only of rows");
    std::vector<std::string> inputs = {input(step.inputs[0]), input(step.inputs[1])};
    if (step.inputs[2].defined()) inputs.push_back(input(step.inputs[2]));
    onnx::NodeProto& node = graph_.node(op, inputs);
    set_attribute(node, "transB", std::int64_t{1});
    finish(step, node, Layout::channels_last);
  }

  void unary(const Step& step, const char* op) {
    const Layout layout = step.output.rank() == 4 ? Layout::channels_first : Layout::channels_last;
    finish(step, graph_.node(op, {input(step.inputs[0], layout)}), layout);
  }

  // In our layout, as a smaller operand is aligned at the right. A number may stand for one.
  template <class Functor>
  void binary(const Step& step, const char* op) {
    std::vector<std::string> inputs;
    const auto add_number = [&](double number) {
      inputs.push_back(input(full({}, number, step.output.dtype())));
    };
    const auto* const left = std::any_cast<functors::WithLeft<Functor>>(&step.attrs);
    const auto* const right = std::any_cast<functors::WithRight<Functor>>(&step.attrs);
    if (left != nullptr) add_number(left->left);
    for (const Tensor& each : step.inputs) inputs.push_back(input(each));
    if (right != nullptr) add_number(right->right);
    finish(step, graph_.node(op, inputs), Layout::channels_last);
  }

  void last_dimension(const Step& step, const char* op) {
    onnx::NodeProto& node = graph_.node(op, {input(step.inputs[0])});
    set_attribute(node, "axis", std::int64_t{-1});
    finish(step, node, Layout::channels_last);
  }

  // The leading extent holds the batch and is left open.
  void reshape(const Step& step, const char* op) {
    std::vector<std::int64_t> extents = step.output.shape().extents();
    OSTEON_CHECK(!extents.empty() && extents[0] % kTracedBatch == 0, "onnx: a reshape to ",
                 step.output.shape(), " does not keep the batch in front");
    extents[0] = kAnyBatch;
    finish(step, graph_.node(op, {input(step.inputs[0]), graph_.constant(extents)}),
           Layout::channels_last);
  }

  OnnxGraph graph_;
  bool fold_;
  std::map<const std::byte*, std::string> names_;   // of parameters and buffers
  std::map<const std::byte*, BatchNorm2d*> norms_;  // by their weight
  std::map<const std::byte*, int> uses_;
  int constants_ = 0;

 public:
  OnnxGraph& graph() { return graph_; }
};

// (grey / 255 - mean) / std, grey repeated in the channels.
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

// sigmoid(logit / temperature), one an image.
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
  const std::vector<Step> steps = trace(model, images, logits);

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
