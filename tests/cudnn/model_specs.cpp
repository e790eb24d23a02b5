// Two observers, one for each direction. They see a batch of two, because batch norm needs more
// than one value.
#include "tests/cudnn/model_specs.h"

#include <map>
#include <set>
#include <utility>

#include "ops/schema.h"
#include "tensor/autograd.h"
#include "tests/support/dense_block_layers.h"

namespace osteon {
namespace {

using cuda::AttentionSpec;
using cuda::BatchNormSpec;
using cuda::ConvolutionSpec;
using cuda::CudnnSpec;

constexpr std::int64_t kObservedBatch = 2;

Tensor blank_images(std::int64_t image_size) {
  return zeros({kObservedBatch, image_size, image_size, 3});
}

ConvolutionSpec convolution(ConvolutionSpec::Pass pass, const Shape& x, const Shape& weight,
                            const Shape& y, const Conv2dOptions& options) {
  return cuda::convolution_spec(pass, DType::f32, x, weight, y, options, false);
}

BatchNormSpec batch_norm(BatchNormSpec::Pass pass, const Shape& x, const BatchNormOptions& options,
                         bool residual) {
  return cuda::batch_norm_spec(pass, DType::f32, x, options, residual);
}

constexpr auto kConv = schema::conv2d;
constexpr auto kNorm = schema::batch_norm;
constexpr auto kAttention = schema::attention;

ConvolutionSpec forward_convolution(const Observation& op) {
  ConvolutionSpec spec =
      convolution(ConvolutionSpec::Pass::forward, op.inputs[kConv.x].shape(),
                  op.inputs[kConv.weight].shape(), op.outputs[0].shape(), attrs_of(op, kConv));
  spec.bias = op.inputs[kConv.bias].defined();
  return spec;
}

AttentionSpec attention(const Observation& op) {
  return {AttentionSpec::Pass::forward, DType::f32, op.inputs[kAttention.query].shape(),
          op.inputs[kAttention.key].shape(), attrs_of(op, kAttention).scale};
}
AttentionSpec attention(const Node& op) {
  return {AttentionSpec::Pass::backward, DType::f32, op.inputs[kAttention.query].shape,
          op.inputs[kAttention.key].shape, attrs_of(op, kAttention).scale};
}

constexpr Conv2dOptions kPointwise{}, k3x3{.padding = 1};

bool has_relu(const BatchNormOptions& options) { return options.activation == Activation::relu; }

BatchNormOptions norm_of_block(const DenseBlockOptions& options, Activation activation) {
  return {options.training, options.momentum, options.epsilon, activation};
}

void append_forward(const Observation& op, std::vector<ObservedOp>& seen) {
  std::vector<Shape> shapes;
  for (const Tensor& input : op.inputs) shapes.push_back(input.shape());
  const std::vector<DenseBlockLayer> layers = layers_of(shapes);
  const DenseBlockOptions& options = attrs_of(op, schema::dense_block).options;
  // The statistics of a channel are those of a batch norm with a momentum of 1.
  BatchNormOptions statistics = norm_of_block(options, Activation::none);
  statistics.momentum = 1;
  for (const DenseBlockLayer& layer : layers) {
    const Shape& written = &layer == &layers.front() ? layer.in : (&layer - 1)->added;
    if (options.training)
      seen.push_back({batch_norm(BatchNormSpec::Pass::forward, written, statistics, false)});
    seen.push_back({convolution(ConvolutionSpec::Pass::forward, layer.in, layer.conv1, layer.inner,
                                kPointwise)});
    if (options.training)
      seen.push_back({batch_norm(BatchNormSpec::Pass::forward, layer.inner,
                                 norm_of_block(options, Activation::relu), false)});
    seen.push_back(
        {convolution(ConvolutionSpec::Pass::forward, layer.inner, layer.conv2, layer.added, k3x3)});
  }
}

void append_backward(const Node& op, std::vector<ObservedOp>& seen) {
  std::vector<Shape> shapes;
  for (const Node::Input& input : op.inputs) shapes.push_back(input.shape);
  const DenseBlockOptions& options = attrs_of(op, schema::dense_block).options;
  for (const DenseBlockLayer& layer : layers_of(shapes)) {
    for (const auto pass :
         {ConvolutionSpec::Pass::backward_input, ConvolutionSpec::Pass::backward_weight}) {
      seen.push_back({convolution(pass, layer.in, layer.conv1, layer.inner, kPointwise)});
      seen.push_back({convolution(pass, layer.inner, layer.conv2, layer.added, k3x3)});
    }
    seen.push_back({batch_norm(BatchNormSpec::Pass::backward, layer.inner,
                               norm_of_block(options, Activation::relu), false)});
  }
}

Shape with_batch(const Shape& shape, std::int64_t batch_size) {
  std::vector<std::int64_t> extents = shape.extents();
  extents[0] = batch_size;
  return Shape(extents);
}

}  // namespace

Precision precision_from_name(const std::string& name) {
  static const std::map<std::string, Precision> known = {
      {"fp32", {}}, {"tf32", {DType::f32, true}}, {"bf16", {DType::bf16, false}}};
  const auto found = known.find(name);
  if (found == known.end())
    throw UsageError(format("precision ", name, " is not fp32, tf32 or bf16"));
  return found->second;
}

CudnnSpec ObservedOp::in(std::int64_t batch_size, const Precision& precision) const {
  const bool masked = masked_in_bf16 && precision.dtype == DType::bf16;
  if (const auto* norm = std::get_if<BatchNormSpec>(&spec)) {
    BatchNormSpec other = *norm;
    other.dtype = precision.dtype;
    other.x = with_batch(norm->x, batch_size);
    if (masked) other.relu = other.residual = false;
    return other;
  }
  if (const auto* attention = std::get_if<AttentionSpec>(&spec)) {
    AttentionSpec other = *attention;
    other.dtype = precision.dtype;
    other.query = with_batch(attention->query, batch_size);
    other.key = with_batch(attention->key, batch_size);
    return other;
  }
  const auto& conv = std::get<ConvolutionSpec>(spec);
  ConvolutionSpec other = cuda::convolution_spec(
      conv.pass, precision.dtype, with_batch(conv.x, batch_size), conv.weight,
      with_batch(conv.y, batch_size), conv.options, precision.tf32);
  other.bias = conv.bias;
  other.residual = conv.residual;
  other.relu = conv.relu || masked;
  const bool is_depthwise = conv.options.groups > 1 && conv.options.groups == conv.x[3];
  if (is_depthwise && precision.dtype == DType::bf16)  // these have no plan
    other.bias = other.residual = false;
  return other;
}

bool is_computed_by_cudnn(const CudnnSpec& spec) {
  if (const auto* const norm = std::get_if<BatchNormSpec>(&spec)) return cuda::suits_cudnn(*norm);
  const auto* const attention = std::get_if<AttentionSpec>(&spec);
  return attention == nullptr || cuda::suits_cudnn(*attention);
}

std::vector<ObservedOp> observe_training(Module& model, std::int64_t image_size) {
  std::vector<ObservedOp> seen;
  const ObserveOps forward([&](const Observation& op) {
    if (is(op, kConv)) seen.push_back({forward_convolution(op)});
    if (is(op, kNorm) && cuda::suits_cudnn(attrs_of(op, kNorm)))
      seen.push_back({batch_norm(BatchNormSpec::Pass::forward, op.inputs[kNorm.x].shape(),
                                 attrs_of(op, kNorm), op.inputs[kNorm.residual].defined())});
    if (is(op, schema::dense_block)) append_forward(op, seen);
    if (is(op, kAttention)) seen.push_back({attention(op)});
  });
  // A data gradient is fused with the contributions of other ops that were made earlier.
  std::set<std::pair<const Node*, std::size_t>> contributed;
  std::set<const Node*> masked;
  const ObserveBackward backwards([&](const Node& op) {
    const auto& inputs = op.inputs;
    const auto source = [&](std::size_t i) {
      return std::pair<const Node*, std::size_t>(inputs[i].node.get(), inputs[i].output_index);
    };
    const auto convolution_of = [&](ConvolutionSpec::Pass pass) {
      return convolution(pass, inputs[kConv.x].shape, inputs[kConv.weight].shape,
                         op.outputs[0].shape, attrs_of(op, kConv));
    };
    bool masks = false;  // the input's gradient by the ReLU mask of the op that computed it
    if (is(op, kConv)) {
      if (inputs[kConv.x].needs_grad()) {
        ConvolutionSpec spec = convolution_of(ConvolutionSpec::Pass::backward_input);
        spec.residual = contributed.contains(source(kConv.x));
        const Node* const maker = inputs[kConv.x].node.get();
        masks = spec.residual && maker != nullptr && is(*maker, kNorm) &&
                has_relu(attrs_of(*maker, kNorm));
        seen.push_back({spec, masks});
      }
      if (inputs[kConv.weight].needs_grad())
        seen.push_back({convolution_of(ConvolutionSpec::Pass::backward_weight)});
    }
    if (is(op, kNorm) && cuda::suits_cudnn(attrs_of(op, kNorm)))
      seen.push_back(
          {batch_norm(BatchNormSpec::Pass::backward, inputs[kNorm.x].shape, attrs_of(op, kNorm),
                      has_relu(attrs_of(op, kNorm)) && inputs[kNorm.residual].needs_grad()),
           masked.contains(&op)});
    if (is(op, schema::dense_block)) append_backward(op, seen);
    if (is(op, kAttention)) seen.push_back({attention(op)});
    for (std::size_t i = 0; i < inputs.size(); ++i) {
      if (!inputs[i].node) continue;
      contributed.insert(source(i));
      if (masks && i == kConv.x)
        masked.insert(inputs[i].node.get());
      else
        masked.erase(inputs[i].node.get());
    }
  });
  model.train(true);
  set_randomness(model, 0, 0);
  backward(mean(model(blank_images(image_size))));
  return seen;
}

std::vector<ObservedOp> observe_inference(Module& model, std::int64_t image_size) {
  std::vector<ObservedOp> seen;
  std::map<const std::byte*, std::size_t> made_by;  // outputs of convolutions
  const NoGrad no_grad;
  const ObserveOps forward([&](const Observation& op) {
    for (const Tensor& output : op.outputs) made_by.erase(output.raw());  // the memory of a new one
    if (is(op, kConv)) {
      made_by[op.outputs[0].raw()] = seen.size();
      seen.push_back({forward_convolution(op)});
    }
    if (is(op, schema::dense_block)) append_forward(op, seen);
    if (is(op, kAttention)) seen.push_back({attention(op)});
    if (!is(op, kNorm)) return;
    const auto found = made_by.find(op.inputs[kNorm.x].raw());
    if (found == made_by.end()) return;  // not after a convolution: by our own kernels
    auto& conv = std::get<ConvolutionSpec>(seen[found->second].spec);
    conv.bias = true;
    conv.residual = op.inputs[kNorm.residual].defined();
    conv.relu = has_relu(attrs_of(op, kNorm));
    made_by.erase(found);
  });
  model.train(false);
  model(blank_images(image_size));
  return seen;
}

}  // namespace osteon
