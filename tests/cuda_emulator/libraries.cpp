// What the product asks cuDNN and cuBLAS for, answered by the CPU's kernels on the same memory.
// Batch norm goes the way it does where cuDNN has no plan: by our own kernels.
#include <memory>

#include "ops/cuda/generic_batch_norm.h"
#include "ops/kernels.h"
#include "tensor/cuda/context.h"
#include "tests/cuda_emulator/emulator.h"

namespace osteon::cuda {
namespace {

// Where a tensor of the device lies. A recorded call may outlive the tensor, but not its memory.
struct Place {
  explicit Place(const Tensor& x) : defined(x.defined()) {
    if (!defined) return;
    memory = x.raw();
    shape = x.shape();
    dtype = x.dtype();
    bytes = x.bytes();
  }
  // The same memory as a tensor of the CPU.
  Tensor on_cpu() const {
    if (!defined) return {};
    static const auto nobody = std::make_shared<int>();
    return Tensor(std::make_shared<Storage>(memory, bytes, nobody), 0, shape, dtype);
  }

  bool defined;
  void* memory = nullptr;
  Shape shape;
  DType dtype = DType::f32;
  std::size_t bytes = 0;
};

// Issues call(tensors on the CPU...) on the computation's stream of y's device.
template <class Call, class... Tensors>
void issue(const char* op, const Tensor& y, const Call& call, const Tensors&... tensors) {
  const auto work = [=, places = std::make_tuple(Place(tensors)...)] {
    std::apply([&](const auto&... place) { call(place.on_cpu()...); }, places);
  };
  check(op, "emulated library", cuda_emulator::issue(context(y.device()).stream(), work));
}

}  // namespace

void matmul(const Tensor& a, const Tensor& b, bool transpose_a, bool transpose_b,
            const Tensor& bias, const Tensor& y) {
  issue(
      "matmul", y,
      [=](const Tensor& left, const Tensor& right, const Tensor& term, const Tensor& result) {
        cpu::matmul(left, right, transpose_a, transpose_b, term, result);
      },
      a, b, bias, y);
}

void conv2d_forward(const Tensor& x, const Tensor& weight, const Tensor& bias,
                    const Tensor& residual, bool relu, const Conv2dOptions& options,
                    const Tensor& y) {
  issue(
      "conv2d", y,
      [=](const Tensor& input, const Tensor& filters, const Tensor& term, const Tensor& joined,
          const Tensor& result) {
        cpu::conv2d_forward(input, filters, term, joined, relu, options, result);
      },
      x, weight, bias, residual, y);
}

void conv2d_backward_input(const Tensor& dy, const Tensor& weight, const Conv2dOptions& options,
                           const Tensor& addend, const Tensor& dx) {
  issue(
      "conv2d", dx,
      [=](const Tensor& gradient, const Tensor& filters, const Tensor& added,
          const Tensor& result) {
        cpu::conv2d_backward_input(gradient, filters, options, added, result);
      },
      dy, weight, addend, dx);
}

void conv2d_backward_weight(const Tensor& dy, const Tensor& x, const Conv2dOptions& options,
                            const Tensor& dweight) {
  issue(
      "conv2d", dweight,
      [=](const Tensor& gradient, const Tensor& input, const Tensor& result) {
        cpu::conv2d_backward_weight(gradient, input, options, result);
      },
      dy, x, dweight);
}

void batch_norm_forward(const Tensor& x, const Tensor& weight, const Tensor& bias,
                        const Tensor& residual, const BatchNormOptions& options,
                        const Tensor& running_mean, const Tensor& running_var, const Tensor& mean,
                        const Tensor& inverse_std, const Tensor& y, Tensor& relu_mask) {
  generic_batch_norm_forward(x, weight, bias, residual, options, running_mean, running_var, mean,
                             inverse_std, y, relu_mask);
}

void batch_norm_backward(const Tensor& dy, const Tensor& x, const Tensor& relu_mask,
                         const Tensor& weight, const Tensor& bias, const Tensor& mean,
                         const Tensor& inverse_std, const BatchNormOptions& options,
                         const Tensor& dx, const Tensor& dweight, const Tensor& dbias,
                         const Tensor& dresidual) {
  generic_batch_norm_backward(dy, x, relu_mask, weight, bias, mean, inverse_std, options, dx,
                              dweight, dbias, dresidual);
}

}  // namespace osteon::cuda
