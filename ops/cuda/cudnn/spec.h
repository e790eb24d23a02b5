// What cuDNN is asked to compute: one convolution or batch norm with all that is fused to it, as a
// plain value. Kernels make these from their arguments, plans are looked up by them (plans.h)
// and lists of them can be made without a device. Nothing of cuDNN's appears here.
#pragma once

#include <cstddef>
#include <string>
#include <variant>

#include "ops/ops.h"

namespace osteon::cuda {

// With dtype bf16 all images and filters are bf16, sums are f32, and so is the bias. Slices must
// begin at 16 bytes.
struct ConvolutionSpec {
  enum class Pass { forward, backward_input, backward_weight };

  Pass pass = Pass::forward;
  DType dtype = DType::f32;  // f64, f32 or bf16
  bool tf32 = false;         // f32 only: factors may be rounded to 10 bits
  Shape x, weight, y;        // [N,H,W,C], [K,R,S,C/groups], [N,P,Q,K]
  Conv2dOptions options;
  // forward: y = relu(conv(x) + residual + bias); backward_input: dx = ... + residual
  bool bias = false, residual = false, relu = false;

  bool operator==(const ConvolutionSpec&) const = default;
};

// Training's batch norm, with the statistics of the batch; ops.h has the formula. The ReLU's mask
// is a bit an element, rounded up to whole bytes a row of channels.
struct BatchNormSpec {
  enum class Pass { forward, backward };

  Pass pass = Pass::forward;
  DType dtype = DType::f32;  // f32 or bf16; everything a channel is f32
  Shape x;                   // [N,H,W,C]
  bool relu = false;         // forward writes the mask, backward reads it
  // forward: added before the ReLU. backward: its gradient, dy where the mask is set, is wanted
  // too.
  bool residual = false;
  double epsilon = 1e-5, momentum = 0.1;  // forward only

  bool operator==(const BatchNormSpec&) const = default;
};

using CudnnSpec = std::variant<ConvolutionSpec, BatchNormSpec>;

// One line that tells specs apart, in messages, lists and the names of stored plans:
// "conv2d backward_input bf16 x [256,56,56,64] weight [64,3,3,64] y [256,56,56,64] padding 1x1".
std::string describe(const CudnnSpec& spec);

struct CudnnSpecHash {
  std::size_t operator()(const CudnnSpec& spec) const;
};

// The spec of a convolution of these tensors. In bf16 without groups, where tensor cores take eight
// channels at once, the channels of x and weight are rounded up to a multiple of eight: what is
// added is zero and has no effect on y. `tf32` is of no effect but for f32.
ConvolutionSpec convolution_spec(ConvolutionSpec::Pass pass, DType dtype, const Shape& x,
                                 const Shape& weight, const Shape& y, const Conv2dOptions& options,
                                 bool tf32);

// The same without what else could be computed apart from it: the residual, and the ReLU behind it.
// True f32 has no fast engines that take those in.
ConvolutionSpec unfused(const ConvolutionSpec& spec);

// The spec of a batch norm of a [..., C] tensor, which is brought to four dimensions.
BatchNormSpec batch_norm_spec(BatchNormSpec::Pass pass, DType dtype, const Shape& x,
                              const BatchNormOptions& options, bool residual);

// Shape of the mask that a batch norm with ReLU writes: u8, [N H W, ceil(C / 8)].
Shape relu_mask_shape(const Shape& x);

}  // namespace osteon::cuda
