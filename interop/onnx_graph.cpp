// Nodes, constants and attributes as protobuf messages.
#include "interop/onnx_graph.h"

namespace osteon {
namespace {

onnx::AttributeProto& add_attribute(onnx::NodeProto& node, const char* name,
                                    onnx::AttributeProto::AttributeType type) {
  onnx::AttributeProto& attribute = *node.add_attribute();
  attribute.set_name(name);
  attribute.set_type(type);
  return attribute;
}

// A negative extent is the batch, which may have any size.
void set_type(onnx::ValueInfoProto& value, const std::string& name,
              const std::vector<std::int64_t>& extents) {
  value.set_name(name);
  auto& tensor = *value.mutable_type()->mutable_tensor_type();
  tensor.set_elem_type(onnx::TensorProto::FLOAT);
  for (const std::int64_t extent : extents) {
    auto& dimension = *tensor.mutable_shape()->add_dim();
    if (extent < 0)
      dimension.set_dim_param("N");
    else
      dimension.set_dim_value(extent);
  }
}

}  // namespace

std::string OnnxGraph::fresh_name() { return "value_" + std::to_string(names_++); }

onnx::NodeProto& OnnxGraph::node(const char* op, const std::vector<std::string>& inputs) {
  onnx::NodeProto& node = *graph_.add_node();
  node.set_op_type(op);
  for (const std::string& input : inputs) node.add_input(input);
  node.add_output(fresh_name());
  return node;
}

void OnnxGraph::define(const Tensor& tensor, Layout layout, const std::string& name) {
  values_[key(tensor)] = {{layout, name}};
}

std::string OnnxGraph::name_of(const Tensor& tensor, Layout layout) {
  const auto found = values_.find(key(tensor));
  OSTEON_CHECK(found != values_.end(), "onnx: a tensor ", tensor.shape(),
               " is not the output of any node");
  std::map<Layout, std::string>& forms = found->second;
  if (tensor.rank() != 4) return forms.begin()->second;
  if (!forms.contains(layout)) {
    onnx::NodeProto& turned = node("Transpose", {forms.begin()->second});
    set_attribute(turned, "perm",
                  layout == Layout::channels_first ? std::vector<std::int64_t>{0, 3, 1, 2}
                                                   : std::vector<std::int64_t>{0, 2, 3, 1});
    forms[layout] = turned.output(0);
  }
  return forms[layout];
}

std::string OnnxGraph::batch() {
  onnx::NodeProto& extent = node("Shape", {graph_.input(0).name()});
  set_attribute(extent, "start", std::int64_t{0});
  set_attribute(extent, "end", std::int64_t{1});
  return extent.output(0);
}

std::string OnnxGraph::constant(const std::string& name, const Tensor& tensor) {
  const bool is_indices = tensor.dtype() == DType::i64;
  OSTEON_CHECK(is_indices || tensor.dtype() == DType::f32, "onnx: constant ", name, " is ",
               tensor.dtype(), "; only f32 models are exported");
  if (!constants_.insert(name).second) return name;
  onnx::TensorProto& constant = *graph_.add_initializer();
  constant.set_name(name);
  constant.set_data_type(is_indices ? onnx::TensorProto::INT64 : onnx::TensorProto::FLOAT);
  for (const std::int64_t extent : tensor.shape().extents()) constant.add_dims(extent);
  constant.set_raw_data(tensor.raw(), tensor.bytes());
  return name;
}

std::string OnnxGraph::constant(const std::vector<std::int64_t>& numbers) {
  onnx::TensorProto& constant = *graph_.add_initializer();
  constant.set_name(fresh_name());
  constant.set_data_type(onnx::TensorProto::INT64);
  constant.add_dims(static_cast<std::int64_t>(numbers.size()));
  for (const std::int64_t number : numbers) constant.add_int64_data(number);
  return constant.name();
}

void OnnxGraph::add_input(const std::string& name, const std::vector<std::int64_t>& extents) {
  set_type(*graph_.add_input(), name, extents);
}

void OnnxGraph::add_output(const std::string& from, const std::string& name,
                           const std::vector<std::int64_t>& extents) {
  onnx::NodeProto& last = node("Identity", {from});
  last.set_output(0, name);
  set_type(*graph_.add_output(), name, extents);
}

void set_attribute(onnx::NodeProto& node, const char* name, std::int64_t value) {
  add_attribute(node, name, onnx::AttributeProto::INT).set_i(value);
}
void set_attribute(onnx::NodeProto& node, const char* name, float value) {
  add_attribute(node, name, onnx::AttributeProto::FLOAT).set_f(value);
}
void set_attribute(onnx::NodeProto& node, const char* name,
                   const std::vector<std::int64_t>& values) {
  onnx::AttributeProto& attribute = add_attribute(node, name, onnx::AttributeProto::INTS);
  for (const std::int64_t value : values) attribute.add_ints(value);
}

}  // namespace osteon
