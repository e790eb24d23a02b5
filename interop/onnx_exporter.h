// Writes the recorded ops of a forward pass as nodes of an ONNX graph: one rule per op. The rules
// are in onnx_layers.cpp, onnx_elementwise.cpp and onnx_shapes.cpp; their table is in
// onnx_exporter.cpp.
#pragma once

#include <any>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "interop/onnx_graph.h"
#include "nn/module.h"
#include "ops/schema.h"

namespace osteon {

// An op that was recorded. The shapes with another batch tell which extents follow it.
struct OnnxStep {
  const char* name;
  Tensors inputs;
  std::any attrs;
  Tensor output;
  std::vector<Shape> other_inputs;
  Shape other_output;

  // Whether extent d of the output follows the batch.
  bool follows_batch(std::int64_t d) const { return output.dim(d) != other_output[d]; }
};

// With fold_batch_norm a batch norm becomes part of the convolution before it.
class OnnxExporter {
 public:
  using Layout = OnnxGraph::Layout;
  using Step = OnnxStep;
  using Pads = std::vector<std::int64_t>;

  static constexpr std::int64_t kTracedBatch = 3;  // of the pass that was recorded
  static constexpr std::int64_t kAnyBatch = -1;    // an extent of the batch

  OnnxExporter(Module& model, onnx::GraphProto& graph, bool fold_batch_norm)
      : graph_(graph), fold_(fold_batch_norm) {
    for (const auto& [name, tensor] : model.named_state()) names_[tensor.raw()] = name;
  }

  // Adds the nodes of all steps. Throws Error naming an op without a rule, or one whose constant
  // depends on the batch.
  void write(const std::vector<Step>& steps);
  OnnxGraph& graph() { return graph_; }

 private:
  struct Rule {
    std::string_view op;
    void (OnnxExporter::*write)(const Step&, const char* op);
    const char* onnx_op;
  };

  // --- values and nodes ---

  void write(const Step& step);
  // The name of an input: a value of the graph, or a constant, which is written to the file.
  std::string input(const Tensor& x, Layout layout = Layout::channels_last);
  void finish(const Step& step, const onnx::NodeProto& node, Layout layout) {
    graph_.define(step.output, layout, node.output(0));
  }
  std::string name_of(const Tensor& parameter);
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

  // --- layers (onnx_layers.cpp) ---

  onnx::NodeProto& convolution(const Step& step, const char* op, const std::string& weight,
                               const std::string& bias);
  std::string filters(const Tensor& weight);
  void conv2d(const Step& step, const char* op);
  void after_norm(const Step& step, onnx::NodeProto* node);
  void batch_norm(const Step& step, const char* op);
  bool is_fold(const Step& conv, const Step& norm) const;
  void fold(const Step& conv, const Step& norm);
  template <class Schema>
  onnx::NodeProto& pool(const char* op, const Step& step, const Schema& schema);
  void max_pool2d(const Step& step, const char* op);
  void avg_pool2d(const Step& step, const char* op);
  void global_avg_pool2d(const Step& step, const char* op);
  void linear(const Step& step, const char* op);
  void linear_of_rows(const Step& step);
  // A factor of MatMul, which transposes none.
  std::string factor(const Tensor& x, bool transpose);
  void matmul(const Step& step, const char* op);
  void layer_norm(const Step& step, const char* op);
  void attention(const Step& step, const char* op);
  void last_dimension(const Step& step, const char* op);

  // --- elementwise (onnx_elementwise.cpp) ---

  void unary(const Step& step, const char* op) { finish(step, apply(op, operand(step))); }
  void clamp(const Step& step, const char* op);
  void pow(const Step& step, const char* op);
  void rsqrt(const Step& step, const char* op);
  void expm1(const Step& step, const char* op);
  void log1p(const Step& step, const char* op);
  void leaky_relu(const Step& step, const char* op);
  void elu(const Step& step, const char* op);
  void hardsigmoid(const Step& step, const char* op);
  void silu(const Step& step, const char* op);
  onnx::NodeProto& activation(Activation activation, onnx::NodeProto& before);
  void finish_gelu(const Step& step, const char* op, const std::string& x,
                   const std::string& inner);
  void gelu(const Step& step, const char* op);
  void gelu_tanh(const Step& step, const char* op);
  void softplus(const Step& step, const char* op);
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
  void not_equal(const Step& step, const char* op);
  void where(const Step& step, const char* op);

  // --- shapes and reductions (onnx_shapes.cpp) ---

  onnx::NodeProto& reshaped(const Step& step, const std::string& from);
  void reshape(const Step& step, const char*);
  void permute(const Step& step, const char* op);
  // The layout that the inputs have, for an op that takes either.
  Layout layout_of(const Step& step) const;
  static std::int64_t axis_of(std::int64_t dim, Layout layout);
  void concat(const Step& step, const char* op);
  void narrow(const Step& step, const char* op);
  void pad(const Step& step, const char* op);
  void expand(const Step& step, const char* op);
  std::string multiple_of_batch(std::int64_t extent, const Shape& shape);
  void index_select(const Step& step, const char* op);
  static Pads reduced_dims(const Step& step, const schema::Reduction& op);
  void sum(const Step& step, const char* op);
  void mean(const Step& step, const char* op);
  void finish_reduction(const Step& step, const std::string& result);

  OnnxGraph graph_;
  bool fold_;
  std::map<const std::byte*, std::string> names_;  // of parameters and buffers
  std::map<const std::byte*, int> uses_;
  int constants_ = 0;
};

}  // namespace osteon
