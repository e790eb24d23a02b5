// Elementwise ops in ONNX.
#include <cmath>
#include <numbers>

#include "interop/onnx_exporter.h"

namespace osteon {

void OnnxExporter::clamp(const Step& step, const char* op) {
  const auto& bounds = attrs_of(step, schema::elementwise<functors::Clamp>);
  finish(step, graph_.node(op, {operand(step), number(bounds.min), number(bounds.max)}).output(0));
}

void OnnxExporter::pow(const Step& step, const char* op) {
  const double exponent = attrs_of(step, schema::elementwise<functors::Pow>).exponent;
  finish(step, apply(op, operand(step), exponent));
}

void OnnxExporter::rsqrt(const Step& step, const char* op) {
  finish(step, apply("Reciprocal", apply(op, operand(step))));
}

void OnnxExporter::expm1(const Step& step, const char* op) {
  finish(step, apply("Sub", apply(op, operand(step)), 1.0));
}

void OnnxExporter::log1p(const Step& step, const char* op) {
  finish(step, apply(op, apply("Add", operand(step), 1.0)));
}

// ONNX calls the parameters of these functions alpha and beta.
void OnnxExporter::leaky_relu(const Step& step, const char* op) {
  onnx::NodeProto& node = graph_.node(op, {operand(step)});
  const auto& functor = attrs_of(step, schema::elementwise<functors::LeakyRelu>);
  set_attribute(node, "alpha", static_cast<float>(functor.negative_slope));
  finish(step, node.output(0));
}

void OnnxExporter::elu(const Step& step, const char* op) {
  onnx::NodeProto& node = graph_.node(op, {operand(step)});
  const auto& functor = attrs_of(step, schema::elementwise<functors::Elu>);
  set_attribute(node, "alpha", static_cast<float>(functor.alpha));
  finish(step, node.output(0));
}

void OnnxExporter::hardsigmoid(const Step& step, const char* op) {
  onnx::NodeProto& node = graph_.node(op, {operand(step)});
  set_attribute(node, "alpha", 1.0F / 6);
  set_attribute(node, "beta", 0.5F);
  finish(step, node.output(0));
}

void OnnxExporter::silu(const Step& step, const char* op) {
  const std::string x = operand(step);
  finish(step, apply("Mul", x, apply(op, x)));
}

// x / 2 (1 + op(inner)).
void OnnxExporter::finish_gelu(const Step& step, const char* op, const std::string& x,
                               const std::string& inner) {
  const std::string factor = apply("Add", apply(op, inner), 1.0);
  finish(step, apply("Mul", apply("Mul", x, 0.5), factor));
}

void OnnxExporter::gelu(const Step& step, const char* op) {
  const std::string x = operand(step);
  finish_gelu(step, op, x, apply("Mul", x, 1 / std::numbers::sqrt2));
}

void OnnxExporter::gelu_tanh(const Step& step, const char* op) {
  using Gelu = functors::GeluTanh;
  const double scale = Gelu::kScale / 2;
  const std::string x = operand(step), square = apply("Mul", x, x);
  const std::string sum = apply("Add", apply("Mul", square, Gelu::kCubic * scale), scale);
  finish_gelu(step, op, x, apply("Mul", x, sum));
}

// From the default threshold on, Softplus is x in f32.
void OnnxExporter::softplus(const Step& step, const char* op) {
  const auto& [beta, threshold] = attrs_of(step, schema::elementwise<functors::Softplus>);
  OSTEON_CHECK(threshold >= 20, "onnx: softplus with threshold ", threshold,
               " has no rule; the threshold must be at least 20");
  finish(step, apply("Div", apply(op, apply("Mul", operand(step), beta)), beta));
}

void OnnxExporter::not_equal(const Step& step, const char* op) {
  finish(step, graph_.node("Not", {binary_node<functors::Ne>(step, op).output(0)}),
         Layout::channels_last);
}

// The condition is a comparison, which ONNX computes as bool; no other op takes its result.
void OnnxExporter::where(const Step& step, const char* op) {
  OSTEON_CHECK(graph_.knows(step.inputs[0]),
               "onnx: where with a constant condition has no rule; compute it by a comparison");
  finish(step,
         graph_.node(op, {input(step.inputs[0]), input(step.inputs[1]), input(step.inputs[2])}),
         Layout::channels_last);
}

}  // namespace osteon
