// The table of rules, and the values that nodes share.
#include "interop/onnx_exporter.h"

namespace osteon {

void OnnxExporter::write(const std::vector<Step>& steps) {
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

void OnnxExporter::write(const Step& step) {
  static constexpr Rule kRules[] = {
      {schema::conv2d.name, &OnnxExporter::conv2d, "Conv"},
      {schema::batch_norm.name, &OnnxExporter::batch_norm, "BatchNormalization"},
      {schema::max_pool2d.name, &OnnxExporter::max_pool2d, "MaxPool"},
      {schema::avg_pool2d.name, &OnnxExporter::avg_pool2d, "AveragePool"},
      {schema::global_avg_pool2d.name, &OnnxExporter::global_avg_pool2d, "GlobalAveragePool"},
      {schema::linear.name, &OnnxExporter::linear, "Gemm"},
      {schema::layer_norm.name, &OnnxExporter::layer_norm, "LayerNormalization"},
      {schema::attention.name, &OnnxExporter::attention, "MatMul"},
      {functors::Neg::name, &OnnxExporter::unary, "Neg"},
      {functors::Abs::name, &OnnxExporter::unary, "Abs"},
      {functors::Sign::name, &OnnxExporter::unary, "Sign"},
      {functors::Clamp::name, &OnnxExporter::clamp, "Clip"},
      {functors::Pow::name, &OnnxExporter::pow, "Pow"},
      {functors::Sqrt::name, &OnnxExporter::unary, "Sqrt"},
      {functors::Rsqrt::name, &OnnxExporter::rsqrt, "Sqrt"},
      {functors::Exp::name, &OnnxExporter::unary, "Exp"},
      {functors::Expm1::name, &OnnxExporter::expm1, "Exp"},
      {functors::Log::name, &OnnxExporter::unary, "Log"},
      {functors::Log1p::name, &OnnxExporter::log1p, "Log"},
      {functors::Sin::name, &OnnxExporter::unary, "Sin"},
      {functors::Cos::name, &OnnxExporter::unary, "Cos"},
      {functors::Erf::name, &OnnxExporter::unary, "Erf"},
      {functors::Relu::name, &OnnxExporter::unary, "Relu"},
      {functors::LeakyRelu::name, &OnnxExporter::leaky_relu, "LeakyRelu"},
      {functors::Elu::name, &OnnxExporter::elu, "Elu"},
      {functors::Sigmoid::name, &OnnxExporter::unary, "Sigmoid"},
      {functors::Tanh::name, &OnnxExporter::unary, "Tanh"},
      {functors::Silu::name, &OnnxExporter::silu, "Sigmoid"},
      {functors::Gelu::name, &OnnxExporter::gelu, "Erf"},
      {functors::GeluTanh::name, &OnnxExporter::gelu_tanh, "Tanh"},
      {functors::Softplus::name, &OnnxExporter::softplus, "Softplus"},
      {functors::Hardsigmoid::name, &OnnxExporter::hardsigmoid, "HardSigmoid"},
      {functors::Hardswish::name, &OnnxExporter::unary, "HardSwish"},
      {functors::Maximum::name, &OnnxExporter::binary<functors::Maximum>, "Max"},
      {functors::Minimum::name, &OnnxExporter::binary<functors::Minimum>, "Min"},
      {functors::Add::name, &OnnxExporter::binary<functors::Add>, "Add"},
      {functors::Sub::name, &OnnxExporter::binary<functors::Sub>, "Sub"},
      {functors::Mul::name, &OnnxExporter::binary<functors::Mul>, "Mul"},
      {functors::Div::name, &OnnxExporter::binary<functors::Div>, "Div"},
      {functors::Eq::name, &OnnxExporter::binary<functors::Eq>, "Equal"},
      {functors::Ne::name, &OnnxExporter::not_equal, "Equal"},
      {functors::Lt::name, &OnnxExporter::binary<functors::Lt>, "Less"},
      {functors::Le::name, &OnnxExporter::binary<functors::Le>, "LessOrEqual"},
      {functors::Gt::name, &OnnxExporter::binary<functors::Gt>, "Greater"},
      {functors::Ge::name, &OnnxExporter::binary<functors::Ge>, "GreaterOrEqual"},
      {functors::Where::name, &OnnxExporter::where, "Where"},
      {schema::softmax.name, &OnnxExporter::last_dimension, "Softmax"},
      {schema::log_softmax.name, &OnnxExporter::last_dimension, "LogSoftmax"},
      {schema::reshape.name, &OnnxExporter::reshape, "Reshape"},
      {schema::permute.name, &OnnxExporter::permute, "Transpose"},
      {schema::concat.name, &OnnxExporter::concat, "Concat"},
      {schema::narrow.name, &OnnxExporter::narrow, "Slice"},
      {schema::pad.name, &OnnxExporter::pad, "Pad"},
      {schema::expand.name, &OnnxExporter::expand, "Expand"},
      {schema::index_select.name, &OnnxExporter::index_select, "Gather"},
      {schema::matmul.name, &OnnxExporter::matmul, "MatMul"},
      {schema::sum.name, &OnnxExporter::sum, "ReduceSum"},
      {schema::mean.name, &OnnxExporter::mean, "ReduceMean"}};
  for (std::size_t i = 0; i < step.inputs.size(); ++i)
    OSTEON_CHECK(!step.inputs[i].defined() || graph_.knows(step.inputs[i]) ||
                     step.inputs[i].shape() == step.other_inputs[i],
                 "onnx: ", step.name, " has a constant ", step.inputs[i].shape(),
                 " that depends on the batch; make it for one image, and expand it");
  for (const Rule& rule : kRules)
    if (rule.op == step.name) return (this->*rule.write)(step, rule.onnx_op);
  throw Error(format("onnx: there is no rule for the op ", step.name,
                     "; add one to interop/onnx_exporter.cpp"));
}

// The name of an input: a value of the graph, or a constant, which is written to the file.
std::string OnnxExporter::input(const Tensor& x, Layout layout) {
  if (graph_.knows(x)) return graph_.name_of(x, layout);
  const auto named = names_.find(x.raw());
  return graph_.constant(named == names_.end() ? format("constant_", constants_++) : named->second,
                         x);
}

std::string OnnxExporter::name_of(const Tensor& parameter) {
  const auto found = names_.find(parameter.raw());
  return found == names_.end() ? format("constant_", constants_++) : found->second;
}

}  // namespace osteon
