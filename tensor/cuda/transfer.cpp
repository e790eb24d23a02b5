// Copies between devices, all on compute streams.
#include "tensor/cuda/transfer.h"

#include "tensor/cuda/allocator.h"
#include "tensor/cuda/context.h"

namespace osteon::cuda {

namespace {

// Work that is issued to `later` from now on waits for all work issued to `earlier`.
void order(const Context& earlier, const Context& later) {
  context(Device::cuda(earlier.index()));  // events belong to the device that is selected
  const Event done = make_event("copy_", cudaEventDisableTiming);
  OSTEON_CUDA_CHECK("copy_", cudaEventRecord, done.get(), earlier.stream());
  OSTEON_CUDA_CHECK("copy_", cudaStreamWaitEvent, later.stream(), done.get(), 0U);
}

// On x's stream. It waits for the work that computes the source, and the source's device for the
// copy, because its later work may reuse the source's memory.
void copy_between(const Tensor& x, const Tensor& source) {
  const Context &to = context(x.device()), &from = context(source.device());
  order(from, to);
  OSTEON_CUDA_CHECK("copy_", cudaMemcpyAsync, x.raw(), source.raw(), x.bytes(),
                    cudaMemcpyDeviceToDevice, to.stream());
  order(to, from);
}

}  // namespace

void transfer(const Tensor& x, const Tensor& source) {
  if (x.numel() == 0) return;
  if (x.device().is_cuda() && source.device().is_cuda() && x.device() != source.device())
    return copy_between(x, source);
  const Context& device = context(x.device().is_cuda() ? x.device() : source.device());
  OSTEON_CUDA_CHECK("copy_", cudaMemcpyAsync, x.raw(), source.raw(), x.bytes(), cudaMemcpyDefault,
                    device.stream());
  if (!x.device().is_cuda()) device.synchronize("copy_");
}

Tensor empty_pinned(Shape shape, DType dtype, const Device& device) {
  const std::size_t bytes = static_cast<std::size_t>(shape.numel()) * size_of(dtype);
  const std::shared_ptr<void> memory = allocate_pinned(bytes, device);
  return Tensor(std::make_shared<Storage>(memory.get(), bytes, memory), 0, std::move(shape), dtype);
}

int device_count() {
  int count = 0;
  if (cudaGetDeviceCount(&count) == cudaSuccess) return count;
  static_cast<void>(cudaGetLastError());
  return 0;
}

std::string why_unavailable(const Device& device) {
  try {
    context(device);
    return "";
  } catch (const Error& error) {
    return error.what();
  }
}

std::size_t free_bytes(const Device& device) {
  context(device);
  std::size_t free = 0, total = 0;
  OSTEON_CUDA_CHECK("free memory", cudaMemGetInfo, &free, &total);
  return free;
}

void require_bf16(const std::string& what, const Device& device) {
  const cudaDeviceProp& properties = context(device).properties();
  OSTEON_CHECK(properties.major >= 8, what, ": ", device, " (", properties.name,
               ") has compute capability ", properties.major, ".", properties.minor,
               ", bf16 and tf32 need 8.0; use f32 (--precision fp32)");
}

std::string describe(const Device& device) { return context(device).properties().name; }

}  // namespace osteon::cuda
