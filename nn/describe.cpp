// Two observers: one of modules, to find the module that runs an op, and one of ops.
#include "nn/describe.h"

#include <algorithm>
#include <array>
#include <iomanip>
#include <map>
#include <set>

#include "nn/flops.h"
#include "tensor/autograd.h"

namespace osteon {
namespace {

using Row = std::array<std::string, 5>;

// 25557032 -> 25,557,032
std::string with_commas(std::int64_t number) {
  const std::string digits = std::to_string(number);
  std::string text;
  for (std::size_t i = 0; i < digits.size(); ++i) {
    if (i > 0 && (digits.size() - i) % 3 == 0) text += ',';
    text += digits[i];
  }
  return text;
}

std::string in_millions(std::int64_t flops) {
  std::ostringstream text;
  text << std::fixed << std::setprecision(2) << static_cast<double>(flops) / 1e6;
  return text.str();
}

void print_row(std::ostream& out, const Row& row, const std::array<std::size_t, 5>& widths) {
  for (std::size_t i = 0; i < row.size(); ++i)
    out << (i == 0 ? "" : "  ") << (i < 2 ? std::left : std::right)
        << std::setw(static_cast<int>(widths[i])) << row[i];
  out << '\n';
}

// Collects the layers of a model during one forward pass.
class Reader {
 public:
  explicit Reader(Module& model) {
    for (const auto& [name, module] : model.named_modules()) names_[module] = name;
    for (const Tensor& parameter : model.parameters()) parameters_.insert(parameter.raw());
  }

  void enter_or_leave(const ModuleEvent& event) {
    if (event.output)
      running_.pop_back();
    else
      running_.push_back(&event.module);
  }

  void note(const Observation& op) {
    LayerSummary layer;
    layer.name = running_.empty() ? "" : names_[running_.back()];
    layer.op = op.name;
    layer.output = op.outputs[0].shape();
    layer.flops = count_flops(op);
    for (const Tensor& input : op.inputs)
      if (input.defined() && parameters_.erase(input.raw()) != 0) layer.parameters += input.numel();
    summary.parameters += layer.parameters;
    summary.flops += layer.flops;
    summary.layers.push_back(std::move(layer));
  }

  ModelSummary summary;

 private:
  std::map<const Module*, std::string> names_;
  std::set<const std::byte*> parameters_;  // not seen so far
  std::vector<const Module*> running_;     // outermost first
};

}  // namespace

ModelSummary describe(Module& model, const Shape& input_shape) {
  return describe(model, std::vector<Shape>{input_shape});
}

ModelSummary describe(Module& model, const std::vector<Shape>& input_shapes) {
  const NoGrad no_grad;
  const EvaluationMode evaluation(model);
  const Tensors parameters = model.parameters();
  Tensors inputs;
  for (const Shape& shape : input_shapes)
    inputs.push_back(zeros(shape, parameters.empty() ? DType::f32 : parameters[0].dtype()));
  Reader reader(model);
  const ObserveModules modules([&](const ModuleEvent& event) { reader.enter_or_leave(event); });
  const ObserveOps ops([&](const Observation& op) { reader.note(op); });
  model(inputs);
  return std::move(reader.summary);
}

std::string ModelSummary::to_table() const {
  std::vector<Row> rows{{"layer", "op", "output", "parameters", "MFLOPs"}};
  for (const LayerSummary& layer : layers)
    rows.push_back({layer.name, layer.op, format(layer.output), with_commas(layer.parameters),
                    in_millions(layer.flops)});
  rows.push_back({"total", "", "", with_commas(parameters), in_millions(flops)});
  std::array<std::size_t, 5> widths{};
  for (const Row& row : rows)
    for (std::size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], row[i].size());
  std::ostringstream out;
  for (const Row& row : rows) print_row(out, row, widths);
  return out.str();
}

}  // namespace osteon
