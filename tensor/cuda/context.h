// What there is once for each CUDA device: its streams and its properties.
#pragma once

#include <string>

#include "tensor/cuda/check.h"
#include "tensor/device.h"

namespace osteon::cuda {

constexpr int kMostDevices = 64;

class Context {
 public:
  // Opens the device. Throws Error when there is none of this number, no driver, a driver older
  // than this build's CUDA, or no code for the device in this build.
  explicit Context(int index);

  // All computation is issued here, in order. So memory that a tensor gives back may be given to
  // later work at once, and nothing needs an event.
  cudaStream_t stream() const { return stream_.get(); }
  // Only for copies from the host that run beside computation; who uses it orders the two by
  // events.
  cudaStream_t copy_stream() const { return copy_stream_.get(); }
  const cudaDeviceProp& properties() const { return properties_; }
  int index() const { return index_; }
  // Waits until all computation issued so far is done.
  void synchronize(const char* op) const;

 private:
  const int index_;
  cudaDeviceProp properties_{};
  Stream stream_, copy_stream_;
};

// The context of a CUDA device, opened when first asked for; it becomes the calling thread's
// current device. Throws as the constructor does, and for a device that is not a CUDA one.
Context& context(const Device& device);

// What running a kernel of this build on the current device would give: cudaSuccess, or why not.
cudaError_t find_code();

}  // namespace osteon::cuda
