// Builds an ONNX graph node by node.
#pragma once

#include <onnx/onnx_pb.h>

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "tensor/tensor.h"

namespace osteon {

// The graph and the names of its values. A tensor of images has two forms, ours [N,H,W,C] and
// ONNX's [N,C,H,W]; a Transpose node makes the missing form on demand.
class OnnxGraph {
 public:
  enum class Layout { channels_last, channels_first };

  explicit OnnxGraph(onnx::GraphProto& graph) : graph_(graph) {}

  // Adds a node and returns it, so that the caller can add attributes. Its one output gets a new
  // name.
  onnx::NodeProto& node(const char* op, const std::vector<std::string>& inputs);
  // Records that this tensor is the value `name`.
  void define(const Tensor& tensor, Layout layout, const std::string& name);
  bool knows(const Tensor& tensor) const { return values_.contains(key(tensor)); }
  // The layout in which images are at hand without a Transpose: ONNX's if they have both.
  Layout layout_of(const Tensor& tensor) const { return values_.at(key(tensor)).rbegin()->first; }
  // The name of a defined value.
  std::string name_of(const Tensor& tensor, Layout layout);

  // The extent of the batch, one i64, when the file is run.
  std::string batch();

  // Adds a constant to the file, f32 or i64. Filters [K,R,S,C] are written in ONNX's layout,
  // [K,C,R,S].
  std::string constant(const std::string& name, const Tensor& tensor);
  std::string constant(const std::vector<std::int64_t>& numbers);

  void add_input(const std::string& name, const std::vector<std::int64_t>& extents);
  void add_output(const std::string& from, const std::string& name,
                  const std::vector<std::int64_t>& extents);

 private:
  using Key = std::pair<const std::byte*, std::vector<std::int64_t>>;
  static Key key(const Tensor& tensor) { return {tensor.raw(), tensor.shape().extents()}; }
  std::string fresh_name();

  onnx::GraphProto& graph_;
  std::map<Key, std::map<Layout, std::string>> values_;
  std::set<std::string> constants_;
  int names_ = 0;
};

void set_attribute(onnx::NodeProto& node, const char* name, std::int64_t value);
void set_attribute(onnx::NodeProto& node, const char* name, float value);
void set_attribute(onnx::NodeProto& node, const char* name,
                   const std::vector<std::int64_t>& values);

}  // namespace osteon
