// Ops that move elements, and reductions, in ONNX.
#include "interop/onnx_exporter.h"

namespace osteon {

// An extent that follows the batch is computed when the file is run.
onnx::NodeProto& OnnxExporter::reshaped(const Step& step, const std::string& from) {
  Pads extents = step.output.shape().extents();
  int open = 0;
  for (std::int64_t d = 0; d < step.output.rank(); ++d)
    if (step.follows_batch(d)) extents[static_cast<std::size_t>(d)] = kAnyBatch, ++open;
  OSTEON_CHECK(open <= 1, "onnx: a reshape to ", step.output.shape(), " has ", open,
               " extents that depend on the batch; there is no rule for this");
  return graph_.node("Reshape", {from, graph_.constant(extents)});
}

void OnnxExporter::reshape(const Step& step, const char*) {
  finish(step, reshaped(step, input(step.inputs[schema::reshape.x])), Layout::channels_last);
}

void OnnxExporter::permute(const Step& step, const char* op) {
  onnx::NodeProto& node = graph_.node(op, {input(step.inputs[schema::permute.x])});
  set_attribute(node, "perm", attrs_of(step, schema::permute).order);
  finish(step, node, Layout::channels_last);
}

// The layout that the inputs have, for an op that takes either.
OnnxExporter::Layout OnnxExporter::layout_of(const Step& step) const {
  for (const Tensor& each : step.inputs)
    if (each.rank() != 4 || !graph_.knows(each)) return Layout::channels_last;
  return graph_.layout_of(step.inputs[0]);
}

std::int64_t OnnxExporter::axis_of(std::int64_t dim, Layout layout) {
  constexpr std::int64_t kChannelsFirst[] = {0, 2, 3, 1};
  return layout == Layout::channels_first ? kChannelsFirst[dim] : dim;
}

void OnnxExporter::concat(const Step& step, const char* op) {
  const Layout layout = layout_of(step);
  std::vector<std::string> inputs;
  for (const Tensor& each : step.inputs) inputs.push_back(input(each, layout));
  onnx::NodeProto& node = graph_.node(op, inputs);
  set_attribute(node, "axis", axis_of(attrs_of(step, schema::concat).dim, layout));
  finish(step, node, layout);
}

void OnnxExporter::narrow(const Step& step, const char* op) {
  const auto [dim, start] = attrs_of(step, schema::narrow);
  OSTEON_CHECK(!step.follows_batch(dim), "onnx: a narrow to ", step.output.shape(),
               " cuts the batch; there is no rule for this");
  const Layout layout = layout_of(step);
  const std::string x = input(step.inputs[schema::narrow.x], layout);
  const std::string from = graph_.constant(Pads{start}),
                    to = graph_.constant(Pads{start + step.output.dim(dim)}),
                    axis = graph_.constant(Pads{axis_of(dim, layout)});
  finish(step, graph_.node(op, {x, from, to, axis}), layout);
}

void OnnxExporter::pad(const Step& step, const char* op) {
  const auto& [padding, value] = attrs_of(step, schema::pad);
  const auto [top, bottom, left, right] = padding;
  const Layout layout = layout_of(step);
  const Pads sides = layout == Layout::channels_first ? Pads{0, 0, top, left, 0, 0, bottom, right}
                                                      : Pads{0, top, left, 0, 0, bottom, right, 0};
  const std::string x = input(step.inputs[schema::pad.x], layout);
  finish(step, graph_.node(op, {x, graph_.constant(sides), number(value)}), layout);
}

// A target of 1 keeps an extent of x, also that of the batch.
void OnnxExporter::expand(const Step& step, const char* op) {
  const Tensor& x = step.inputs[schema::expand.x];
  const std::int64_t more = step.output.rank() - x.rank();
  std::vector<std::string> extents;
  for (std::int64_t d = 0; d < step.output.rank(); ++d) {
    const bool kept = d >= more && x.dim(d - more) == step.output.dim(d);
    if (kept || !step.follows_batch(d))
      extents.push_back(graph_.constant(Pads{kept ? 1 : step.output.dim(d)}));
    else
      extents.push_back(multiple_of_batch(step.output.dim(d), step.output.shape()));
  }
  onnx::NodeProto& target = graph_.node("Concat", extents);
  set_attribute(target, "axis", std::int64_t{0});
  const std::string shape = target.output(0);
  finish(step, graph_.node(op, {input(x), shape}), Layout::channels_last);
}

std::string OnnxExporter::multiple_of_batch(std::int64_t extent, const Shape& shape) {
  OSTEON_CHECK(extent % kTracedBatch == 0, "onnx: an expand to ", shape, " has the extent ", extent,
               ", which is no multiple of the batch; there is no rule for this");
  const std::string batch = graph_.batch();
  return graph_.node("Mul", {batch, graph_.constant(Pads{extent / kTracedBatch})}).output(0);
}

void OnnxExporter::index_select(const Step& step, const char* op) {
  const std::string x = input(step.inputs[schema::index_select.x]),
                    indices = input(step.inputs[schema::index_select.indices]);
  onnx::NodeProto& node = graph_.node(op, {x, indices});
  set_attribute(node, "axis", attrs_of(step, schema::index_select).dim);
  finish(step, node, Layout::channels_last);
}

// The dimensions that a sum or mean reduces; those of extent 1 make no difference.
OnnxExporter::Pads OnnxExporter::reduced_dims(const Step& step, const schema::Reduction& op) {
  const Shape &x = step.inputs[op.x].shape(), &kept = attrs_of(step, op).kept;
  Pads dims;
  for (std::int64_t d = 0; d < x.rank(); ++d)
    if (kept[d] != x[d]) dims.push_back(d);
  return dims;
}

void OnnxExporter::sum(const Step& step, const char* op) {
  const Pads dims = reduced_dims(step, schema::sum);
  std::string result = input(step.inputs[schema::sum.x]);
  // Without dimensions an ONNX reduction would reduce all.
  if (!dims.empty()) result = graph_.node(op, {result, graph_.constant(dims)}).output(0);
  finish_reduction(step, result);
}

void OnnxExporter::mean(const Step& step, const char* op) {
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
void OnnxExporter::finish_reduction(const Step& step, const std::string& result) {
  if (step.output.rank() == step.inputs[0].rank())
    graph_.define(step.output, Layout::channels_last, result);
  else
    finish(step, reshaped(step, result), Layout::channels_last);
}

}  // namespace osteon
