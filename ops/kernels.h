// The contract between ops and back ends, of which there are two by design: the CPU and CUDA.
// OSTEON_KERNEL declares a function twice, cpu::name (in one version per instruction set,
// base/instruction_set.h) and cuda::name; OSTEON_DISPATCH calls the one where the tensor lives. A
// kernel that was declared but not written is a link error that names it.
//
// Kernels trust their arguments: ops check shapes and dtypes before. Outputs come last, allocated
// and uninitialised; an output that is undefined is not wanted. A kernel does not bump versions.
#pragma once

#include "base/instruction_set.h"
#include "ops/functors.h"
#include "ops/ops.h"
#include "ops/optimizer.h"

#define OSTEON_KERNEL(name, ...)       \
  OSTEON_CPU_KERNEL(name, __VA_ARGS__) \
  namespace cuda {                     \
  void name(__VA_ARGS__);              \
  }
// A kernel for each type Parameter that the back ends instantiate it for.
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
#define OSTEON_DISPATCH(tensor, ...) cpu::__VA_ARGS__  // no tensor is anywhere else
#endif

namespace osteon {

// conv2d.cpp: weight and bias are of x's dtype, or f32 where x is bf16. residual is like y or
// undefined. backward_input adds `addend`, like dx or undefined, to its result.
OSTEON_KERNEL(conv2d_forward, const Tensor& x, const Tensor& weight, const Tensor& bias,
              const Tensor& residual, bool relu, const Conv2dOptions& options, const Tensor& y)
OSTEON_KERNEL(conv2d_backward_input, const Tensor& dy, const Tensor& weight,
              const Conv2dOptions& options, const Tensor& addend, const Tensor& dx)
OSTEON_KERNEL(conv2d_backward_weight, const Tensor& dy, const Tensor& x,
              const Conv2dOptions& options, const Tensor& dweight)

// What a back end's backward wants to see again to know where the ReLU let through: one of the two,
// or neither where x tells.
struct ReluMask {
  Tensor own;      // as its own kernel wrote it
  Tensor library;  // as cuDNN did: only cuDNN's backward can read it
};

// batch_norm.cpp: mean and inverse_std = 1 / sqrt(var + epsilon) are what x is normalised by: in
// training the batch's, and the running statistics move; else those of the running ones. relu_mask
// is empty before.
OSTEON_KERNEL(batch_norm_forward, const Tensor& x, const Tensor& weight, const Tensor& bias,
              const Tensor& residual, const BatchNormOptions& options, const Tensor& running_mean,
              const Tensor& running_var, const Tensor& mean, const Tensor& inverse_std,
              const Tensor& y, ReluMask& relu_mask)
// What it takes, then what it writes. dresidual is undefined if there is none or (without ReLU) if
// it is dy itself. On the CPU dx may be x's own memory and dresidual dy's: neither is read again.
struct BatchNormBackward {
  Tensor dy, x;
  ReluMask relu_mask;
  Tensor weight, bias, mean, inverse_std;
  BatchNormOptions options;
  Tensor dx, dweight, dbias, dresidual;
};
OSTEON_KERNEL(batch_norm_backward, const BatchNormBackward& arguments)

// pool2d.cpp: argmax (u8, like y) is the place in the window, row-major.
OSTEON_KERNEL(max_pool2d_forward, const Tensor& x, const Pool2dOptions& options, const Tensor& y,
              const Tensor& argmax)
OSTEON_KERNEL(max_pool2d_backward, const Tensor& dy, const Tensor& argmax,
              const Pool2dOptions& options, const Tensor& dx)
OSTEON_KERNEL(avg_pool2d_forward, const Tensor& x, const Pool2dOptions& options, const Tensor& y)
OSTEON_KERNEL(avg_pool2d_backward, const Tensor& dy, const Pool2dOptions& options, const Tensor& dx)

// linear.cpp: all three [B, rows, columns]; bias [columns of y] or undefined.
OSTEON_KERNEL(matmul, const Tensor& a, const Tensor& b, bool transpose_a, bool transpose_b,
              const Tensor& bias, const Tensor& y)

// elementwise.cpp: for each functor of functors.h. Operands broadcast to the output's shape; saved
// are the operands, undefined where not kept, or the output, as the functor says. The gradients
// arrive unsummed, in the output's shape.
OSTEON_KERNEL_TEMPLATE(Functor, elementwise_forward, const Functor& functor,
                       const std::array<Tensor, functors::kOperands<Functor>>& inputs,
                       const Tensor& y)
OSTEON_KERNEL_TEMPLATE(Functor, elementwise_backward, const Functor& functor,
                       const std::array<Tensor, functors::kSaved<Functor>>& saved, const Tensor& dy,
                       const std::array<Tensor, functors::kGradients<Functor>>& gradients)

// reduce.cpp: y has x's rank, with extent 1 where it is reduced.
OSTEON_KERNEL(reduce_sum, const Tensor& x, double scale, const Tensor& y)
OSTEON_KERNEL(reduce_max, const Tensor& x, const Tensor& y)
OSTEON_KERNEL(reduce_max_backward, const Tensor& x, const Tensor& y, const Tensor& dy,
              const Tensor& dx)
// y = scale x, x repeated where its extent is 1.
OSTEON_KERNEL(expand, const Tensor& x, double scale, const Tensor& y)

// shape.cpp: a slice is elements [start, start + extent) of dimension dim of the larger tensor.
OSTEON_KERNEL(permute, const Tensor& x, const std::vector<std::int64_t>& order, const Tensor& y)
OSTEON_KERNEL(copy_into_slice, const Tensor& x, std::int64_t dim, std::int64_t start,
              const Tensor& y)
OSTEON_KERNEL(copy_from_slice, const Tensor& x, std::int64_t dim, std::int64_t start,
              const Tensor& y)

// index_select.cpp
OSTEON_KERNEL(index_select, const Tensor& x, const Tensor& indices, const Tensor& y)

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
OSTEON_KERNEL(cross_entropy_forward, const Tensor& logits, const Tensor& targets,
              const Tensor& loss)
OSTEON_KERNEL(cross_entropy_backward, const Tensor& logits, const Tensor& targets, const Tensor& dy,
              const Tensor& dlogits)

// dropout.cpp: its own gradient, with dy in place of x.
OSTEON_KERNEL(dropout, const Tensor& x, double p, const Tensor& key, const Tensor& y)

// warp_affine.cpp
OSTEON_KERNEL(warp_affine, const Tensor& images, const Tensor& matrices, const WarpOptions& options,
              const Tensor& y)

// optimizer.cpp: changes parameters and state in place, all of them in one launch. The lists have
// one entry a parameter and one dtype, f64 or f32; steps are f64 scalars that count up.
// learning_rate has one f64 element; so has guard, if defined: unless that is finite, nothing
// changes.
OSTEON_KERNEL(adam_step, const Tensors& parameters, const Tensors& gradients,
              const Tensors& exp_avg, const Tensors& exp_avg_sq, const Tensors& steps,
              const Tensor& learning_rate, const Tensor& guard, double weight_decay,
              const AdamOptions& options)
OSTEON_KERNEL(sgd_step, const Tensors& parameters, const Tensors& gradients,
              const Tensors& momentum_buffers, const Tensor& learning_rate, const Tensor& guard,
              double weight_decay, const SGDOptions& options)
// norm (one f64 element) becomes the Euclidean norm of all gradients together; if that is finite,
// they are scaled by max_norm / (norm + 1e-6) where this is below 1.
OSTEON_KERNEL(clip_grad_norm, const Tensors& gradients, double max_norm, const Tensor& norm)
// tensors <- kept unless guard is finite.
OSTEON_KERNEL(restore_unless_finite, const Tensor& guard, const Tensors& kept,
              const Tensors& tensors)

}  // namespace osteon
