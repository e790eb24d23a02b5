// Opens a device, or reports clearly why it cannot be opened.
#include "tensor/cuda/context.h"

#include <array>
#include <atomic>
#include <memory>
#include <mutex>

namespace osteon::cuda {
namespace {

std::string version_text(int version) { return format(version / 1000, ".", version % 1000 / 10); }

// Throws unless a driver that can run this build is present.
int count_devices(const Device& device) {
  int driver = 0, runtime = 0, count = 0;
  const cudaError_t status = cudaGetDeviceCount(&count);
  if (status != cudaSuccess) static_cast<void>(cudaGetLastError());
  if (status == cudaErrorInsufficientDriver) {
    static_cast<void>(cudaDriverGetVersion(&driver));
    static_cast<void>(cudaRuntimeGetVersion(&runtime));
    OSTEON_CHECK(driver == 0, "device ", device, ": the driver is for CUDA ", version_text(driver),
                 ", this build needs ", version_text(runtime),
                 "; update the driver or use the device cpu");
  }
  OSTEON_CHECK(status == cudaSuccess && count > 0, "device ", device,
               ": no CUDA driver or no GPU was found (", cudaGetErrorString(status),
               "); use the device cpu");
  return count;
}

// Throws unless this build has machine code for the current device, or PTX that its driver can
// compile.
void check_code(const Device& device, const cudaDeviceProp& properties) {
  const cudaError_t status = find_code();
  if (status == cudaSuccess) return;
  static_cast<void>(cudaGetLastError());
  throw Error(format("device ", device, ": this build has no code for ", properties.name,
                     " of compute capability ", properties.major, ".", properties.minor, " (",
                     cudaGetErrorString(status), "), only for ", OSTEON_CUDA_ARCHITECTURES,
                     "; configure with -DCMAKE_CUDA_ARCHITECTURES=", properties.major,
                     properties.minor, " or use the device cpu"));
}

}  // namespace

Context::Context(int index) : index_(index) {
  const Device device = Device::cuda(index);
  const int count = count_devices(device);
  OSTEON_CHECK(index >= 0 && index < count, "device ", device, ": there ",
               count == 1 ? "is only cuda:0" : format("are only cuda:0 to cuda:", count - 1));
  OSTEON_CUDA_CHECK("open device", cudaSetDevice, index);
  OSTEON_CUDA_CHECK("open device", cudaGetDeviceProperties, &properties_, index);
  check_code(device, properties_);
  cudaStream_t stream = nullptr;
  OSTEON_CUDA_CHECK("open device", cudaStreamCreateWithFlags, &stream, cudaStreamNonBlocking);
  stream_ = Stream(stream);
  OSTEON_CUDA_CHECK("open device", cudaStreamCreateWithFlags, &stream, cudaStreamNonBlocking);
  copy_stream_ = Stream(stream);
}

void Context::synchronize(const char* op) const {
  OSTEON_CUDA_CHECK(op, cudaStreamSynchronize, stream());
}

// Contexts live until the program ends: tensors with static lifetime may outlive any object of this
// file, and the driver may be gone when such objects are destroyed.
Context& context(const Device& device) {
  OSTEON_CHECK(device.is_cuda() && device.index >= 0 && device.index < kMaxDevices, "device ",
               device, " is not a CUDA device");
  static std::array<std::atomic<Context*>, kMaxDevices> opened{};
  static std::mutex opening;
  thread_local int current = -1;
  auto& place = opened[static_cast<std::size_t>(device.index)];
  Context* found = place.load(std::memory_order_acquire);
  if (found == nullptr) {
    const std::lock_guard lock(opening);
    found = place.load(std::memory_order_acquire);
    if (found == nullptr) {
      current = -1;  // the constructor selects the device, also if it throws later
      found = std::make_unique<Context>(device.index).release();
      place.store(found, std::memory_order_release);
    }
  }
  if (current != device.index) {
    OSTEON_CUDA_CHECK("select device", cudaSetDevice, device.index);
    current = device.index;
  }
  return *found;
}

}  // namespace osteon::cuda
