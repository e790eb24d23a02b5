// Convolution with cuDNN (plans.h). Inputs are converted here to what cuDNN needs: in bf16, filters
// are rounded from f32 and channels are padded to a multiple of eight, as convolution_spec()
// defines; unaligned slices are copied.
#include "ops/backend.h"
#include "ops/cuda/cudnn/aligned.h"
#include "ops/cuda/cudnn/channels.h"
#include "ops/cuda/cudnn/filters.h"
#include "ops/cuda/cudnn/plans.h"
#include "ops/kernels.h"

namespace osteon::cuda {
namespace {

using Pass = ConvolutionSpec::Pass;

// x with the shape and dtype of the graph; missing channels are filled with zeros.
Tensor prepared(const Tensor& x, const Shape& wanted, DType dtype) {
  if (x.shape() == wanted && x.dtype() == dtype) return aligned(x);
  const Tensor made(wanted, dtype, x.device());
  if (x.shape() == wanted)
    copy(made, x);
  else
    pad_channels(x, wanted[3], made);
  return made;
}

Tensor prepared_filters(const Tensor& weight, const Shape& wanted, DType dtype) {
  const bool only_rounded =
      weight.shape() == wanted && weight.dtype() == DType::f32 && dtype == DType::bf16;
  return only_rounded ? rounded_filters(weight) : prepared(weight, wanted, dtype);
}

// Calls `write` with memory of the graph's output shape and dtype, then copies the result to y.
template <class Write>
void write_result(const Tensor& y, const Shape& written, DType dtype, const Write& write) {
  if (y.shape() == written && y.dtype() == dtype) return write_aligned(y, write);
  const Tensor whole(written, dtype, y.device());
  write(whole);
  if (y.shape() == written)
    copy(y, whole);
  else
    crop_channels(whole, y);
}

// Graphs add the bias in the precision of the sums.
Tensor prepared_bias(const Tensor& bias, DType dtype) {
  if (!bias.defined()) return bias;
  return prepared(bias, bias.shape(), dtype == DType::bf16 ? DType::f32 : dtype);
}

// Whether there is a plan for the convolution with all its fused operations. For f32 without tf32
// some fused graphs have none (spec.h). In bf16 all have one, so a missing plan counts as a
// fallback.
bool fuses_all(const ConvolutionSpec& spec, const Tensor& x) {
  if (has_plan(spec, x.device())) return true;
  if (spec != unfused(spec) && spec.dtype == DType::bf16) count_fallback("conv2d fused", x);
  return false;
}

// Whether the data gradient multiplies its result by a ReLU mask, if there is one. Only where other
// contributions are added in the same pass: without these, cuDNN has faster engines than those that
// fuse, and the mask is a sixteenth of the gradient's bytes.
bool fuses_mask(const ConvolutionSpec& fused, const Tensor& dy) {
  ConvolutionSpec masked = fused;
  masked.relu = true;
  return fused.residual && fused.dtype == DType::bf16 && fuses_all(masked, dy);
}

void activate(Activation activation, const Tensor& y) {
  switch (activation) {
    case Activation::none:
      break;
    case Activation::relu:
      return elementwise_forward<functors::Relu>({}, {y}, y);
    case Activation::relu6:
      return elementwise_forward<functors::Clamp>({0, 6}, {y}, y);
    case Activation::silu:
      return elementwise_forward<functors::Silu>({}, {y}, y);
  }
}

}  // namespace

void conv2d_forward(const Tensor& x, const Tensor& weight, const Tensor& bias,
                    const Tensor& residual, Activation activation, const Conv2dOptions& options,
                    const Tensor& y) {
  if (y.numel() == 0) return;
  ConvolutionSpec spec = convolution_spec(Pass::forward, x.dtype(), x.shape(), weight.shape(),
                                          y.shape(), options, allow_tf32());
  spec.bias = bias.defined();
  spec.residual = residual.defined();
  spec.relu = activation == Activation::relu;
  if (!fuses_all(spec, x)) spec = unfused(spec);
  // cuDNN has no depthwise convolution with a bias in bf16.
  if (spec.bias && !has_plan(spec, x.device())) spec.bias = false;
  const Tensor image = prepared(x, spec.x, x.dtype());
  const Tensor filters = prepared_filters(weight, spec.weight, x.dtype());
  const Tensor offsets = spec.bias ? prepared_bias(bias, x.dtype()) : bias;
  const Tensor joined = aligned(residual);
  write_aligned(y, [&](const Tensor& out) {
    Arguments arguments = {{Role::x, image}, {Role::weight, filters}, {Role::y, out}};
    if (spec.bias) arguments.push_back({Role::bias, offsets});
    if (spec.residual) arguments.push_back({Role::residual, joined});
    execute("conv2d", spec, arguments);
    if (offsets.defined() && !spec.bias)
      elementwise_forward<functors::Add>({}, {out, prepared(offsets, offsets.shape(), x.dtype())},
                                         out);
    if (joined.defined() && !spec.residual)
      elementwise_forward<functors::Add>({}, {out, joined}, out);
    if (!spec.relu) activate(activation, out);
  });
}

void conv2d_backward_input(const Tensor& dy, const Tensor& weight, const Conv2dOptions& options,
                           const Tensor& addend, const TakeReluMask& take_relu_mask,
                           const Tensor& dx) {
  if (dx.numel() == 0) return;
  ConvolutionSpec spec = convolution_spec(Pass::backward_input, dy.dtype(), dx.shape(),
                                          weight.shape(), dy.shape(), options, allow_tf32());
  spec.residual = addend.defined();
  const bool is_whole = spec.x == dx.shape();  // no channels are padded
  const Tensor mask = is_whole && fuses_mask(spec, dy) ? take_relu_mask() : Tensor();
  spec.relu = mask.defined();
  const bool fuses = is_whole && fuses_all(spec, dy);
  if (!fuses) spec = unfused(spec);
  const Tensor gradient = aligned(dy);
  const Tensor filters = prepared_filters(weight, spec.weight, dy.dtype());
  write_result(dx, spec.x, dx.dtype(), [&](const Tensor& out) {
    Arguments arguments = {{Role::dy, gradient}, {Role::weight, filters}, {Role::dx, out}};
    if (spec.residual) arguments.push_back({Role::residual, aligned(addend)});
    if (spec.relu) arguments.push_back({Role::relu_mask, mask});
    execute("conv2d backward", spec, arguments);
  });
  if (addend.defined() && !fuses) cuda::add(dx, addend);
}

void conv2d_backward_weight(const Tensor& dy, const Tensor& x, const Conv2dOptions& options,
                            const Tensor& dweight) {
  if (dy.numel() == 0) return fill(dweight, 0);
  const ConvolutionSpec spec = convolution_spec(Pass::backward_weight, dy.dtype(), x.shape(),
                                                dweight.shape(), dy.shape(), options, allow_tf32());
  const Tensor gradient = aligned(dy);
  const Tensor image = prepared(x, spec.x, x.dtype());
  write_result(dweight, spec.weight, dy.dtype(), [&](const Tensor& out) {
    execute("conv2d backward", spec,
            {{Role::dy, gradient}, {Role::x, image}, {Role::dweight, out}});
  });
}

}  // namespace osteon::cuda
