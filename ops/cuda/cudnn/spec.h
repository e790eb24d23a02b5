// Description of a cuDNN computation: one convolution or batch norm with all its fused operations,
// or one attention, as a plain value. Kernels make specs from their arguments; plans are looked up
// by spec (plans.h). Lists of specs can be made without a device. This header does not depend on
// cuDNN.
#pragma once

#include <cstddef>
#include <string>
#include <variant>

#include "ops/ops.h"

namespace osteon::cuda {

// With dtype bf16 all images and filters are bf16; sums and bias are f32. Tensors must begin at a
// multiple of 16 bytes.
struct ConvolutionSpec {
  enum class Pass { forward, backward_input, backward_weight };

  Pass pass = Pass::forward;
  DType dtype = DType::f32;  // f64, f32 or bf16
  bool tf32 = false;         // f32 only: factors may be rounded to 10 bits
  Shape x, weight, y;        // [N,H,W,C], [K,R,S,C/groups], [N,P,Q,K]
  Conv2dOptions options;
  // forward: y = relu(conv(x) + residual + bias); backward_input: dx = (... + residual) times the
  // ReLU mask of a batch norm whose output was x
  bool bias = false, residual = false, relu = false;

  bool operator==(const ConvolutionSpec&) const = default;
};

// Batch norm in training, with the statistics of the batch; ops.h has the formula. The ReLU mask
// has one bit per element; each row of channels is padded to whole bytes.
struct BatchNormSpec {
  enum class Pass { forward, backward };

  Pass pass = Pass::forward;
  DType dtype = DType::f32;  // f32 or bf16; per-channel tensors are f32
  Shape x;                   // [N,H,W,C]
  bool relu = false;         // forward writes the mask, backward reads it
  // forward: added before the ReLU. backward: its gradient, dy times the ReLU mask, is also needed.
  bool residual = false;
  double epsilon = 1e-5, momentum = 0.1;  // forward only

  bool operator==(const BatchNormSpec&) const = default;
};

// softmax(scale query key^T) value without a matrix of scores in memory. forward also writes the
// log-sum-exp of each row of scores, f32 [N,heads,L]; backward reads it and computes the gradients
// of all three inputs.
struct AttentionSpec {
  enum class Pass { forward, backward };

  Pass pass = Pass::forward;
  DType dtype = DType::bf16;
  Shape query, key;  // [N,L,heads,E] and [N,S,heads,E]; value has the key's
  double scale = 1;

  bool operator==(const AttentionSpec&) const = default;
};

using CudnnSpec = std::variant<ConvolutionSpec, BatchNormSpec, AttentionSpec>;

// A one-line identifier of a spec, used in messages, lists and the names of stored plans: "conv2d
// backward_input bf16 x [256,56,56,64] weight [64,3,3,64] y [256,56,56,64] padding 1x1".
std::string describe(const CudnnSpec& spec);

struct CudnnSpecHash {
  std::size_t operator()(const CudnnSpec& spec) const;
};

// The spec of a convolution of these tensors. In bf16 without groups, tensor cores use eight
// channels at once, so the channels of x and weight are rounded up to a multiple of eight; the
// padding is zero and does not change y. `tf32` has an effect only for f32.
ConvolutionSpec convolution_spec(ConvolutionSpec::Pass pass, DType dtype, const Shape& x,
                                 const Shape& weight, const Shape& y, const Conv2dOptions& options,
                                 bool tf32);

// The same convolution without its fused residual and ReLU. For f32 without tf32, cuDNN's fast
// engines fuse these only together with a bias.
ConvolutionSpec unfused(const ConvolutionSpec& spec);

// The spec of a batch norm of a [..., C] tensor, reshaped to four dimensions.
BatchNormSpec batch_norm_spec(BatchNormSpec::Pass pass, DType dtype, const Shape& x,
                              const BatchNormOptions& options, bool residual);

// Whether it is a case of cuDNN's fast plans: whole groups of channels, and no residual without a
// ReLU. cuDNN does not document the mask's layout if the channel count is not a multiple of 8.
bool suits_cudnn(const BatchNormSpec& spec);
// Whether a spec describes it: it ends without an activation or with a ReLU.
bool suits_cudnn(const BatchNormOptions& options);

// Whether cuDNN computes it on every GPU that multiplies bf16: in bf16, with heads of 8, 16, ...,
// 128 elements. In other cases the op is a composition of others. cuDNN has no f32, tf32 or f64;
// longer heads on some GPUs only; and no gradient of a single position of query and key.
bool suits_cudnn(const AttentionSpec& spec);

// Shape of the ReLU mask of a batch norm: u8, [N H W, ceil(C / 8)].
Shape relu_mask_shape(const Shape& x);

}  // namespace osteon::cuda
