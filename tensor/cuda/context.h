// The state kept once per CUDA device: its streams and its properties.
#pragma once

#include <string>

#include "tensor/cuda/check.h"
#include "tensor/device.h"

namespace osteon::cuda {

constexpr int kMaxDevices = 64;

class Context {
 public:
  // Opens the device. Throws Error if there is no such device, no driver, a driver older than this
  // build's CUDA, or no code for the device in this build.
  explicit Context(int index);

  // All computation is issued on this stream, in order. Thus freed memory can be reused by later
  // work at once, without events.
  cudaStream_t stream() const { return stream_.get(); }
  // Only for host-to-device copies that run in parallel with computation. The caller orders the two
  // streams with events.
  cudaStream_t copy_stream() const { return copy_stream_.get(); }
  const cudaDeviceProp& properties() const { return properties_; }
  int index() const { return index_; }
  // Waits until all computation issued so far has finished.
  void synchronize(const char* op) const;

 private:
  const int index_;
  cudaDeviceProp properties_{};
  Stream stream_, copy_stream_;
};

// The context of a CUDA device, opened at first use. The device becomes the calling thread's
// current device. Throws as the constructor does, and if the device is not a CUDA device.
Context& context(const Device& device);

// cudaSuccess if a kernel of this build can run on the current device, else the reason.
cudaError_t find_code();

}  // namespace osteon::cuda
