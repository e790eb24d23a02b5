// dense_block: checks, forward pass and gradient rule, in one buffer of the final width.
#include <optional>

#include "ops/checks.h"
#include "ops/kernels.h"
#include "ops/precision.h"
#include "ops/schema.h"

namespace osteon {
namespace {

constexpr const char* kOp = "dense_block";
constexpr Conv2dOptions kPointwise{}, k3x3{.padding = 1};

// The inputs of the op: x, then these of each layer.
enum LayerInput : std::size_t {
  norm1_weight,
  norm1_bias,
  conv1_weight,
  norm2_weight,
  norm2_bias,
  conv2_weight,
  kLayerInputs
};

// What forward keeps of a layer for backward, apart from its parameters. mean1 and inverse_std1
// describe the first channels of the buffer; they may be longer.
struct Kept {
  Tensor mean1, inverse_std1;
  Tensor inner;  // the output of conv1
  Tensor mean2, inverse_std2;
  ReluMask mask2;
};
constexpr std::size_t kKept = 7;

Shape with_channels(const Shape& shape, std::int64_t channels) {
  return {shape[0], shape[1], shape[2], channels};
}

void check_filters(const Tensor& x, const std::string& name, const Tensor& filters,
                   const Shape& expected) {
  check_shape(kOp, name.c_str(), filters, expected);
  const bool mixed = x.dtype() == DType::bf16 && filters.dtype() == DType::f32;
  if (!mixed) check_same_dtype(kOp, "input", x, name.c_str(), filters);
  check_same_device(kOp, "input", x, name.c_str(), filters);
  OSTEON_CHECK(filters.dim(0) >= 1, kOp, ": ", name, " ", filters.shape(), " has no filters");
}

void check_layer(const Tensor& x, std::int64_t channels, const DenseLayer& layer, std::size_t i) {
  const std::string name = format("layer ", i);
  check_rank(kOp, (name + " conv1_weight").c_str(), layer.conv1_weight, 4, "[K,1,1,C]");
  check_rank(kOp, (name + " conv2_weight").c_str(), layer.conv2_weight, 4, "[G,3,3,K]");
  const std::int64_t inner = layer.conv1_weight.dim(0);
  check_filters(x, name + " conv1_weight", layer.conv1_weight, {inner, 1, 1, channels});
  check_filters(x, name + " conv2_weight", layer.conv2_weight,
                {layer.conv2_weight.dim(0), 3, 3, inner});
  const DType parameters = wide_dtype(x.dtype());
  const auto check_vector = [&](const char* what, const Tensor& vector, std::int64_t extent) {
    check_shape(kOp, (name + what).c_str(), vector, {extent});
    check_dtype(kOp, (name + what).c_str(), vector, parameters);
    check_same_device(kOp, "input", x, (name + what).c_str(), vector);
  };
  check_vector(" norm1_weight", layer.norm1_weight, channels);
  check_vector(" norm1_bias", layer.norm1_bias, channels);
  check_vector(" norm1_running_mean", layer.norm1_running_mean, channels);
  check_vector(" norm1_running_var", layer.norm1_running_var, channels);
  check_vector(" norm2_weight", layer.norm2_weight, inner);
  check_vector(" norm2_bias", layer.norm2_bias, inner);
  check_vector(" norm2_running_mean", layer.norm2_running_mean, inner);
  check_vector(" norm2_running_var", layer.norm2_running_var, inner);
}

void check(const Tensor& x, const std::vector<DenseLayer>& layers,
           const DenseBlockOptions& options) {
  check_floating(kOp, "input", x);
  check_rank(kOp, "input", x, 4, "[N,H,W,C]");
  OSTEON_CHECK(x.dim(3) >= 1, kOp, ": input ", x.shape(), " has no channels");
  OSTEON_CHECK(options.epsilon > 0, kOp, ": epsilon is ", options.epsilon, ", must be positive");
  OSTEON_CHECK(!options.training || x.numel() > x.dim(3), kOp, ": input ", x.shape(),
               " has one value per channel, too few for the statistics of training; use a larger "
               "batch");
  std::int64_t channels = x.dim(3);
  for (std::size_t i = 0; i < layers.size(); ++i) {
    check_layer(x, channels, layers[i], i);
    channels += layers[i].conv2_weight.dim(0);
  }
}

// The statistics of the batch for each channel of the buffer, computed once when the channel is
// written: all layers that read it normalise by the same numbers.
class BatchStatistics {
 public:
  BatchStatistics(std::int64_t channels, const Tensor& like, double epsilon)
      : mean(zeros({channels}, like.dtype(), like.device())),
        inverse_std(zeros({channels}, like.dtype(), like.device())),
        unbiased_var(zeros({channels}, like.dtype(), like.device())),
        epsilon_(epsilon) {}

  // Adds the channels of x, which are at `first` of the buffer. A batch norm with a momentum of 1
  // gives the statistics; its result is not used.
  void add(const Tensor& x, std::int64_t first) {
    const std::int64_t channels = x.dim(3);
    const Tensor weight = full({channels}, 1, mean.dtype(), mean.device());
    const Tensor bias = zeros({channels}, mean.dtype(), mean.device());
    const Tensor batch_mean = bias.clone(), batch_var = bias.clone(), its_mean = empty_like(bias),
                 its_inverse_std = empty_like(bias), unused = empty_like(x);
    ReluMask mask;
    const BatchNormOptions options{.training = true, .momentum = 1, .epsilon = epsilon_};
    OSTEON_DISPATCH(x, batch_norm_forward(x, weight, bias, Tensor(), options, batch_mean, batch_var,
                                          its_mean, its_inverse_std, unused, mask));
    OSTEON_DISPATCH(x, copy_into_slice(its_mean, 0, first, mean));
    OSTEON_DISPATCH(x, copy_into_slice(its_inverse_std, 0, first, inverse_std));
    OSTEON_DISPATCH(x, copy_into_slice(batch_var, 0, first, unbiased_var));
  }

  Tensor mean, inverse_std, unbiased_var;

 private:
  double epsilon_;
};

// relu(batch_norm(x)) of the first channels of the buffer.
Tensor normalised(const Tensor& buffer, std::int64_t channels, const Tensor& mean,
                  const Tensor& inverse_std, const Tensor& weight, const Tensor& bias) {
  const Tensor y(with_channels(buffer.shape(), channels), buffer.dtype(), buffer.device());
  OSTEON_DISPATCH(buffer, dense_norm_forward(buffer, mean, inverse_std, weight, bias, y));
  return y;
}

Tensor convolved(const Tensor& x, const Tensor& weight, const Conv2dOptions& options) {
  const Tensor y(with_channels(x.shape(), weight.dim(0)), x.dtype(), x.device());
  OSTEON_DISPATCH(x, conv2d_forward(x, weight, Tensor(), Tensor(), Activation::none, options, y));
  return y;
}

// Computes the new channels of one layer from the first `channels` of the buffer.
Tensor forward_layer(const Tensor& buffer, std::int64_t channels, const DenseLayer& layer,
                     const DenseBlockOptions& options, Kept& kept) {
  const Tensor a = normalised(buffer, channels, kept.mean1, kept.inverse_std1, layer.norm1_weight,
                              layer.norm1_bias);
  kept.inner = convolved(a, layer.conv1_weight, kPointwise);
  const Tensor h = empty_like(kept.inner);
  kept.mean2 = empty_like(layer.norm2_weight);
  kept.inverse_std2 = empty_like(layer.norm2_weight);
  const BatchNormOptions norm{options.training, options.momentum, options.epsilon,
                              Activation::relu};
  OSTEON_DISPATCH(h, batch_norm_forward(kept.inner, layer.norm2_weight, layer.norm2_bias, Tensor(),
                                        norm, layer.norm2_running_mean, layer.norm2_running_var,
                                        kept.mean2, kept.inverse_std2, h, kept.mask2));
  return convolved(h, layer.conv2_weight, k3x3);
}

Tensors backward_block(const Backward& b) {
  const DenseBlockOptions& options = b.attrs<schema::DenseBlockAttrs>().options;
  const std::size_t count = b.attrs<schema::DenseBlockAttrs>().layers;
  const Tensor& buffer = b.saved(0);
  const Tensor dbuffer = b.dy().owns_memory_alone() ? b.dy() : b.dy().clone();
  Tensors gradients(1 + count * kLayerInputs);
  std::int64_t channels = buffer.dim(3);
  for (std::size_t i = count; i-- > 0;) {
    const auto input = [&](LayerInput which) { return 1 + i * kLayerInputs + which; };
    const auto parameter = [&](LayerInput which) -> const Tensor& { return b.saved(input(which)); };
    const auto kept = [&](std::size_t k) -> const Tensor& {
      return b.saved(1 + count * kLayerInputs + i * kKept + k);
    };
    const Tensor &mean1 = kept(0), &inverse_std1 = kept(1), &inner = kept(2), &mean2 = kept(3),
                 &inverse_std2 = kept(4);
    const auto gradient_of = [&](LayerInput which) {
      return gradients[input(which)] = b.gradient_memory(input(which));
    };
    const auto filter_gradient_of = [&](LayerInput which, const Tensor& dy, const Tensor& x,
                                        const Conv2dOptions& conv) {
      const Tensor dweight = gradients[input(which)] = b.gradient_memory(input(which), x.dtype());
      OSTEON_DISPATCH(x, conv2d_backward_weight(dy, x, conv, dweight));
    };
    const auto data_gradient_of = [&](const Tensor& dy, const Tensor& weight,
                                      const Conv2dOptions& conv, const Shape& shape) {
      const Tensor dx(shape, dy.dtype(), dy.device());
      OSTEON_DISPATCH(dx, conv2d_backward_input(
                              dy, weight, conv, Tensor(), [] { return Tensor(); }, dx));
      return dx;
    };

    const std::int64_t growth = parameter(conv2_weight).dim(0);
    channels -= growth;
    const Tensor dnew(with_channels(buffer.shape(), growth), buffer.dtype(), buffer.device());
    OSTEON_DISPATCH(dnew, copy_from_slice(dbuffer, 3, channels, dnew));
    Tensor dh = data_gradient_of(dnew, parameter(conv2_weight), k3x3, inner.shape());
    filter_gradient_of(conv2_weight, dnew,
                       normalised(inner, inner.dim(3), mean2, inverse_std2, parameter(norm2_weight),
                                  parameter(norm2_bias)),
                       k3x3);
    const Tensor dinner = empty_like(inner);
    OSTEON_DISPATCH(inner, batch_norm_backward({.dy = dh,
                                                .x = inner,
                                                .relu_mask = {kept(5), kept(6)},
                                                .weight = parameter(norm2_weight),
                                                .bias = parameter(norm2_bias),
                                                .mean = mean2,
                                                .inverse_std = inverse_std2,
                                                .options = {options.training, options.momentum,
                                                            options.epsilon, Activation::relu},
                                                .dx = dinner,
                                                .dweight = gradient_of(norm2_weight),
                                                .dbias = gradient_of(norm2_bias),
                                                .dresidual = Tensor()}));
    dh = Tensor();
    filter_gradient_of(conv1_weight, dinner,
                       normalised(buffer, channels, mean1, inverse_std1, parameter(norm1_weight),
                                  parameter(norm1_bias)),
                       kPointwise);
    const Tensor da = data_gradient_of(dinner, parameter(conv1_weight), kPointwise,
                                       with_channels(buffer.shape(), channels));
    OSTEON_DISPATCH(buffer, dense_norm_backward({.dy = da,
                                                 .buffer = buffer,
                                                 .mean = mean1,
                                                 .inverse_std = inverse_std1,
                                                 .weight = parameter(norm1_weight),
                                                 .bias = parameter(norm1_bias),
                                                 .training = options.training,
                                                 .dbuffer = dbuffer,
                                                 .dweight = gradient_of(norm1_weight),
                                                 .dbias = gradient_of(norm1_bias)}));
  }
  if (b.needs(0)) {
    gradients[0] = Tensor(b.input_shape(0), dbuffer.dtype(), dbuffer.device());
    OSTEON_DISPATCH(dbuffer, copy_from_slice(dbuffer, 3, 0, gradients[0]));
  }
  return gradients;
}

}  // namespace

// Backward goes through the layers from the last to the first. The gradient of the buffer is
// complete for the channels of a layer when all later layers have added theirs. The inputs of both
// convolutions of a layer are computed again from the buffer and from the output of the first.
Tensor dense_block(const Tensor& x, const std::vector<DenseLayer>& layers,
                   const DenseBlockOptions& options) {
  check(x, layers, options);
  std::int64_t final_channels = x.dim(3);
  for (const DenseLayer& layer : layers) final_channels += layer.conv2_weight.dim(0);
  const Tensor buffer(with_channels(x.shape(), final_channels), x.dtype(), x.device());
  OSTEON_DISPATCH(x, copy_into_slice(x, 3, 0, buffer));
  const bool keeps = is_grad_enabled();
  Tensors inputs{x}, saved{buffer}, kept_of_layers;
  std::optional<BatchStatistics> batch;
  if (options.training && !layers.empty()) {
    batch.emplace(final_channels, layers[0].norm1_weight, options.epsilon);
    batch->add(x, 0);
  }
  std::int64_t channels = x.dim(3);
  for (const DenseLayer& layer : layers) {
    Kept kept;
    if (batch) {
      kept.mean1 = batch->mean;
      kept.inverse_std1 = batch->inverse_std;
      OSTEON_DISPATCH(x,
                      move_running_statistics(batch->mean, batch->unbiased_var, options.momentum,
                                              layer.norm1_running_mean, layer.norm1_running_var));
      for (const Tensor& running : {layer.norm1_running_mean, layer.norm1_running_var,
                                    layer.norm2_running_mean, layer.norm2_running_var})
        running.bump_version();
    } else {
      const NoGrad no_grad;
      kept.mean1 = layer.norm1_running_mean.clone();
      kept.inverse_std1 = rsqrt(layer.norm1_running_var + options.epsilon);
    }
    const Tensor added = forward_layer(buffer, channels, layer, options, kept);
    OSTEON_DISPATCH(x, copy_into_slice(added, 3, channels, buffer));
    channels += added.dim(3);
    if (batch && &layer != &layers.back()) batch->add(added, channels - added.dim(3));
    for (const Tensor& parameter : {layer.norm1_weight, layer.norm1_bias, layer.conv1_weight,
                                    layer.norm2_weight, layer.norm2_bias, layer.conv2_weight})
      inputs.push_back(parameter);
    if (keeps)
      kept_of_layers.insert(kept_of_layers.end(),
                            {kept.mean1, kept.inverse_std1, kept.inner, kept.mean2,
                             kept.inverse_std2, kept.mask2.own, kept.mask2.cudnn});
  }
  saved.insert(saved.end(), inputs.begin() + 1, inputs.end());
  saved.insert(saved.end(), kept_of_layers.begin(), kept_of_layers.end());
  return record(schema::dense_block, buffer, inputs, saved, {options, layers.size()},
                backward_block);
}

}  // namespace osteon
