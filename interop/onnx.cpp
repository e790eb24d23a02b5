// Records one forward pass and writes it as a file.
#include "interop/onnx.h"

#include "base/file.h"
#include "interop/onnx_exporter.h"

namespace osteon {
namespace {

using Layout = OnnxGraph::Layout;
using Step = OnnxStep;

constexpr std::int64_t kOpset = 17, kIrVersion = 8;
constexpr std::int64_t kOtherBatch = 2;
constexpr auto kTracedBatch = OnnxExporter::kTracedBatch, kAnyBatch = OnnxExporter::kAnyBatch;

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

// One value per image.
std::string without_columns(OnnxGraph& graph, const std::string& values) {
  return graph.node("Reshape", {values, graph.constant({kAnyBatch})}).output(0);
}

// The probabilities of K + 1 grades from K of being above the lowest, the second, ... grade.
std::string grades(OnnxGraph& graph, const std::string& above, std::int64_t logits) {
  const auto column = [&](std::int64_t k) {
    return graph
        .node("Slice", {above, graph.constant({k}), graph.constant({k + 1}), graph.constant({1})})
        .output(0);
  };
  const std::string one = graph.constant("certain", from_vector({1}, {1, 1}));
  std::vector<std::string> columns;
  std::string before = one;
  for (std::int64_t k = 0; k < logits; ++k) {
    const std::string now = graph.node("Min", {before, column(k)}).output(0);
    columns.push_back(graph.node("Sub", {before, now}).output(0));
    before = now;
  }
  columns.push_back(before);
  onnx::NodeProto& node = graph.node("Concat", columns);
  set_attribute(node, "axis", std::int64_t{1});
  return node.output(0);
}

// The prediction from `outputs`, [N, width].
std::string prediction_of(OnnxGraph& graph, const std::string& outputs, std::int64_t width,
                          const OnnxPreprocessing& with) {
  const auto number = [&](const char* name, double value) {
    return graph.constant(name, from_vector({value}, {1}));
  };
  if (with.prediction == OnnxPrediction::number) {
    const std::string scaled = graph.node("Mul", {outputs, number("scale", with.scale)}).output(0);
    return without_columns(graph,
                           graph.node("Add", {scaled, number("offset", with.offset)}).output(0));
  }
  const std::string scaled =
      graph.node("Div", {outputs, number("temperature", with.temperature)}).output(0);
  if (with.prediction == OnnxPrediction::softmax) {
    onnx::NodeProto& node = graph.node("Softmax", {scaled});
    set_attribute(node, "axis", std::int64_t{1});
    return node.output(0);
  }
  const std::string each = graph.node("Sigmoid", {scaled}).output(0);
  if (with.prediction == OnnxPrediction::cumulative) return grades(graph, each, width);
  return width == 1 ? without_columns(graph, each) : each;
}

void add_prediction(OnnxGraph& graph, const std::string& outputs, std::int64_t width,
                    const OnnxPreprocessing& with) {
  const bool is_number = with.prediction == OnnxPrediction::number;
  const std::int64_t columns = width + (with.prediction == OnnxPrediction::cumulative ? 1 : 0);
  graph.add_output(prediction_of(graph, outputs, width, with),
                   is_number ? "predicted" : "probability",
                   columns == 1 ? std::vector{kAnyBatch} : std::vector{kAnyBatch, columns});
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
  OnnxExporter exporter(model, *file.mutable_graph(), options.fold_batch_norm);
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
    add_prediction(graph, result, logits.dim(1), *preprocessing);
  else
    graph.add_output(result, "logits", {kAnyBatch, logits.dim(1)});
  add_metadata(file, options.metadata);
  std::string bytes;
  OSTEON_CHECK(file.SerializeToString(&bytes), "onnx: the model is too large for one file");
  write_file_atomically(path, bytes);
}

}  // namespace osteon
