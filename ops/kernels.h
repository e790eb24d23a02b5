// The interface between ops and the two back ends, CPU and CUDA. OSTEON_KERNEL declares a function
// twice: cpu::name (one version per instruction set, base/instruction_set.h) and cuda::name.
// OSTEON_DISPATCH calls the one of the tensor's device. A kernel that is declared but not defined
// is a link error that names it.
//
// Kernels do not check their arguments: ops check shapes and dtypes before. Outputs come last,
// allocated and uninitialised; an undefined output is not needed. Kernels do not increase versions.
#pragma once

#include <functional>

#include "base/instruction_set.h"
#include "ops/functors.h"
#include "ops/ops.h"
#include "ops/optimizer.h"

#define OSTEON_KERNEL(name, ...)       \
  OSTEON_CPU_KERNEL(name, __VA_ARGS__) \
  namespace cuda {                     \
  void name(__VA_ARGS__);              \
  }
// A kernel template, instantiated by the back ends for each type Parameter.
#define OSTEON_KERNEL_TEMPLATE(Parameter, name, ...)       \
  OSTEON_CPU_KERNEL_TEMPLATE(Parameter, name, __VA_ARGS__) \
  namespace cuda {                                         \
  template <class Parameter>                               \
  void name(__VA_ARGS__);                                  \
  }

#if defined(OSTEON_HAS_CUDA)
#define OSTEON_DISPATCH(tensor, ...) \
  do {                               \
    if ((tensor).device().is_cuda()) \
      cuda::__VA_ARGS__;             \
    else                             \
      cpu::__VA_ARGS__;              \
  } while (false)
#else
#define OSTEON_DISPATCH(tensor, ...) cpu::__VA_ARGS__  // all tensors are on the CPU
#endif

namespace osteon {

// conv2d.cpp: weight and bias have x's dtype, or f32 if x is bf16. residual has the shape and dtype
// of y, or is undefined. backward_input adds `addend` to its result; it has the shape and dtype of
// dx, or is undefined. If it can multiply its result by a ReLU mask in the same pass, it calls
// take_relu_mask() and does so; without a mask this is undefined. dweight has the dtype of the
// weight or of x.
using TakeReluMask = std::function<Tensor()>;
OSTEON_KERNEL(conv2d_forward, const Tensor& x, const Tensor& weight, const Tensor& bias,
              const Tensor& residual, Activation activation, const Conv2dOptions& options,
              const Tensor& y)
OSTEON_KERNEL(conv2d_backward_input, const Tensor& dy, const Tensor& weight,
              const Conv2dOptions& options, const Tensor& addend,
              const TakeReluMask& take_relu_mask, const Tensor& dx)
OSTEON_KERNEL(conv2d_backward_weight, const Tensor& dy, const Tensor& x,
              const Conv2dOptions& options, const Tensor& dweight)

// The ReLU mask, saved for backward. Only the back end that wrote it can read it. At most one of
// the two is defined; neither if the mask can be recomputed from x.
struct ReluMask {
  Tensor own;    // written by Osteon's kernel
  Tensor cudnn;  // written by cuDNN; only cuDNN's backward can read it
};

// batch_norm.cpp: x is normalised with mean and inverse_std = 1 / sqrt(var + epsilon). In training
// these are the batch's, and the running statistics are updated; otherwise they come from the
// running statistics. relu_mask is empty before the call.
OSTEON_KERNEL(batch_norm_forward, const Tensor& x, const Tensor& weight, const Tensor& bias,
              const Tensor& residual, const BatchNormOptions& options, const Tensor& running_mean,
              const Tensor& running_var, const Tensor& mean, const Tensor& inverse_std,
              const Tensor& y, ReluMask& relu_mask)
// Inputs first, then outputs. dresidual is undefined if there is no residual, or if it equals dy
// (without ReLU). On the CPU dx may share x's memory and dresidual dy's: neither input is read
// again.
struct BatchNormBackward {
  Tensor dy, x;
  ReluMask relu_mask;
  Tensor weight, bias, mean, inverse_std;
  BatchNormOptions options;
  Tensor dx, dweight, dbias, dresidual;
};
OSTEON_KERNEL(batch_norm_backward, const BatchNormBackward& arguments)

// layer_norm.cpp: mean and inverse_std [rows] have the dtype of weight. An undefined gradient is
// not needed.
OSTEON_KERNEL(layer_norm_forward, const Tensor& x, const Tensor& weight, const Tensor& bias,
              double epsilon, const Tensor& mean, const Tensor& inverse_std, const Tensor& y)
OSTEON_KERNEL(layer_norm_backward, const Tensor& dy, const Tensor& x, const Tensor& weight,
              const Tensor& mean, const Tensor& inverse_std, const Tensor& dx,
              const Tensor& dweight, const Tensor& dbias)

// dense_block.cpp: `buffer` [N,H,W,C] holds the channels of a dense block, of which the kernels
// read the first ones, as many as weight has. mean and inverse_std may be longer. y is
// relu(batch_norm(x)); backward adds dx to dbuffer and always gives dweight and dbias. The running
// statistics move towards the batch's.
OSTEON_KERNEL(dense_norm_forward, const Tensor& buffer, const Tensor& mean,
              const Tensor& inverse_std, const Tensor& weight, const Tensor& bias, const Tensor& y)
struct DenseNormBackward {
  Tensor dy, buffer, mean, inverse_std, weight, bias;
  bool training;
  Tensor dbuffer, dweight, dbias;
};
OSTEON_KERNEL(dense_norm_backward, const DenseNormBackward& arguments)
OSTEON_KERNEL(move_running_statistics, const Tensor& mean, const Tensor& var, double momentum,
              const Tensor& running_mean, const Tensor& running_var)

// pool2d.cpp: argmax (u8, the shape of y) is the row-major position in the window.
OSTEON_KERNEL(max_pool2d_forward, const Tensor& x, const Pool2dOptions& options, const Tensor& y,
              const Tensor& argmax)
OSTEON_KERNEL(max_pool2d_backward, const Tensor& dy, const Tensor& argmax,
              const Pool2dOptions& options, const Tensor& dx)
OSTEON_KERNEL(avg_pool2d_forward, const Tensor& x, const Pool2dOptions& options, const Tensor& y)
OSTEON_KERNEL(avg_pool2d_backward, const Tensor& dy, const Pool2dOptions& options, const Tensor& dx)

// linear.cpp: all three are [B, rows, columns]; a or b may be [1, rows, columns] and is then a
// factor of each matrix of the other. bias is [columns of y] or undefined.
OSTEON_KERNEL(matmul, const Tensor& a, const Tensor& b, bool transpose_a, bool transpose_b,
              const Tensor& bias, const Tensor& y)

// attention.cpp: query and y [N,L,heads,E], key and value [N,S,heads,E], log_sum [N,heads,L] in the
// accumulator's type. On a CUDA device only where cuDNN computes it; elsewhere the op is a
// composition of others.
OSTEON_KERNEL(attention_forward, const Tensor& query, const Tensor& key, const Tensor& value,
              double scale, const Tensor& log_sum, const Tensor& y)
OSTEON_KERNEL(attention_backward, const Tensor& query, const Tensor& key, const Tensor& value,
              const Tensor& y, const Tensor& log_sum, const Tensor& dy, double scale,
              const Tensor& dquery, const Tensor& dkey, const Tensor& dvalue)
namespace cuda {
bool computes_attention(const Tensor& query, const Tensor& key, double scale);
}

// elementwise.cpp: for each functor of functors.h. Operands broadcast to the output's shape. saved:
// the operands (undefined if not saved) or the output, as the functor defines. The gradients have
// the output's shape; the op sums them.
OSTEON_KERNEL_TEMPLATE(Functor, elementwise_forward, const Functor& functor,
                       const std::array<Tensor, functors::kOperands<Functor>>& inputs,
                       const Tensor& y)
OSTEON_KERNEL_TEMPLATE(Functor, elementwise_backward, const Functor& functor,
                       const std::array<Tensor, functors::kSaved<Functor>>& saved, const Tensor& dy,
                       const std::array<Tensor, functors::kGradients<Functor>>& gradients)

// reduce.cpp: y has x's rank, with extent 1 in the reduced dimensions.
OSTEON_KERNEL(reduce_sum, const Tensor& x, double scale, const Tensor& y)
OSTEON_KERNEL(reduce_max, const Tensor& x, const Tensor& y)
OSTEON_KERNEL(reduce_max_backward, const Tensor& x, const Tensor& y, const Tensor& dy,
              const Tensor& dx)
// y = scale x, with x repeated in the dimensions in which it has extent 1.
OSTEON_KERNEL(expand, const Tensor& x, double scale, const Tensor& y)

// topk.cpp: over the last dimension. topk_backward adds nothing up: dx is 0 before the call.
OSTEON_KERNEL(topk, const Tensor& x, const Tensor& values, const Tensor& indices)
OSTEON_KERNEL(topk_backward, const Tensor& dy, const Tensor& indices, const Tensor& dx)

// shape.cpp: a slice is elements [start, start + extent) of dimension dim of the larger tensor.
OSTEON_KERNEL(permute, const Tensor& x, const std::vector<std::int64_t>& order, const Tensor& y)
OSTEON_KERNEL(copy_into_slice, const Tensor& x, std::int64_t dim, std::int64_t start,
              const Tensor& y)
OSTEON_KERNEL(copy_from_slice, const Tensor& x, std::int64_t dim, std::int64_t start,
              const Tensor& y)

// index_select.cpp: backward adds in the order of the indices.
OSTEON_KERNEL(index_select, const Tensor& x, std::int64_t dim, const Tensor& indices,
              const Tensor& y)
OSTEON_KERNEL(index_select_backward, const Tensor& dy, std::int64_t dim, const Tensor& indices,
              const Tensor& dx)

// gather.cpp: indices has the extents of x and y outside dim. scatter_add adds in the order of the
// indices, to zeros if x is undefined.
OSTEON_KERNEL(gather, const Tensor& x, std::int64_t dim, const Tensor& indices, const Tensor& y)
OSTEON_KERNEL(scatter_add, const Tensor& x, std::int64_t dim, const Tensor& indices,
              const Tensor& src, const Tensor& y)

// constants.cpp: y <- the given numbers, rounded to its dtype.
OSTEON_KERNEL(write_numbers, const std::vector<double>& numbers, const Tensor& y)

// softmax.cpp: over the last dimension.
OSTEON_KERNEL(softmax_forward, const Tensor& x, const Tensor& y)
OSTEON_KERNEL(softmax_backward, const Tensor& y, const Tensor& dy, const Tensor& dx)
OSTEON_KERNEL(log_softmax_forward, const Tensor& x, const Tensor& y)
OSTEON_KERNEL(log_softmax_backward, const Tensor& y, const Tensor& dy, const Tensor& dx)

// loss.cpp: dy is the gradient of the scalar loss.
OSTEON_KERNEL(binary_cross_entropy_forward, const Tensor& logits, const Tensor& targets,
              const Tensor& weight, double positive_weight, const Tensor& loss)
OSTEON_KERNEL(binary_cross_entropy_backward, const Tensor& logits, const Tensor& targets,
              const Tensor& weight, double positive_weight, const Tensor& dy, const Tensor& dlogits)
// total (f64, one element) is the sum of the targets' weights.
OSTEON_KERNEL(cross_entropy_forward, const Tensor& logits, const Tensor& targets,
              const Tensor& weight, const CrossEntropyOptions& options, const Tensor& loss,
              const Tensor& total)
OSTEON_KERNEL(cross_entropy_backward, const Tensor& logits, const Tensor& targets,
              const Tensor& weight, const CrossEntropyOptions& options, const Tensor& total,
              const Tensor& dy, const Tensor& dlogits)

// dropout.cpp: the gradient is the same kernel with dy in place of x.
OSTEON_KERNEL(dropout, const Tensor& x, double p, const Tensor& key, const Tensor& y)

// warp_affine.cpp
OSTEON_KERNEL(warp_affine, const Tensor& images, const Tensor& matrices, const WarpOptions& options,
              const Tensor& y)

// optimizer.cpp: updates parameters and state in place, all in one launch. The lists have one entry
// per parameter and one dtype, f64 or f32; steps are f64 scalars that the kernel increments.
// learning_rate has one f64 element. guard has one f64 element or is undefined; if its value is not
// finite, nothing changes.
OSTEON_KERNEL(adam_step, const Tensors& parameters, const Tensors& gradients,
              const Tensors& exp_avg, const Tensors& exp_avg_sq, const Tensors& steps,
              const Tensor& learning_rate, const Tensor& guard, double weight_decay,
              const AdamOptions& options)
OSTEON_KERNEL(sgd_step, const Tensors& parameters, const Tensors& gradients,
              const Tensors& momentum_buffers, const Tensor& learning_rate, const Tensor& guard,
              double weight_decay, const SGDOptions& options)
// norm (one f64 element) becomes the Euclidean norm of all gradients together. If it is finite and
// max_norm / (norm + 1e-6) is below 1, the gradients are scaled by this factor.
OSTEON_KERNEL(clip_grad_norm, const Tensors& gradients, double max_norm, const Tensor& norm)
// averages <- decay averages + (1 - decay) values, all in one launch; f64 or f32.
OSTEON_KERNEL(average_step, const Tensors& averages, const Tensors& values, double decay)
// tensors <- kept unless guard is finite.
OSTEON_KERNEL(restore_unless_finite, const Tensor& guard, const Tensors& kept,
              const Tensors& tensors)

}  // namespace osteon
