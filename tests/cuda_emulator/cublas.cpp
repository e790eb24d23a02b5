// Replaces cuBLAS: the CPU's kernels compute the products on the same memory.
#include "ops/kernels.h"
#include "tensor/cuda/context.h"
#include "tests/cuda_emulator/emulator.h"
#include "tests/cuda_emulator/journal.h"
#include "tests/cuda_emulator/on_cpu.h"

namespace osteon::cuda {
namespace {

// Memory of a device tensor. A recorded call may outlive the tensor, but not its memory.
struct Place {
  explicit Place(const Tensor& x) {
    if (x.defined()) memory = x.raw(), shape = x.shape(), dtype = x.dtype();
  }
  Tensor on_cpu() const {
    return memory == nullptr ? Tensor() : cuda_emulator::on_cpu(memory, shape, dtype);
  }

  void* memory = nullptr;
  Shape shape;
  DType dtype = DType::f32;
};

}  // namespace

void matmul(const Tensor& a, const Tensor& b, bool transpose_a, bool transpose_b,
            const Tensor& bias, const Tensor& y) {
  const auto work = [=, left = Place(a), right = Place(b), term = Place(bias), result = Place(y)] {
    cpu::matmul(left.on_cpu(), right.on_cpu(), transpose_a, transpose_b, term.on_cpu(),
                result.on_cpu());
  };
  cuda_emulator::write_down(format("launch matmul ", static_cast<const void*>(a.raw()), " ",
                                   static_cast<const void*>(b.raw()), " ",
                                   static_cast<const void*>(y.raw())));
  check("matmul", "emulated cuBLAS", cuda_emulator::issue(context(y.device()).stream(), work));
}

}  // namespace osteon::cuda
