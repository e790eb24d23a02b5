// Error checks for calls of the CUDA runtime, and owners of its objects.
#pragma once

#include <cuda_runtime_api.h>

#include <utility>

#include "base/error.h"

namespace osteon::cuda {

// Throws Error unless the call succeeded: "relu: cudaLaunchKernel: invalid device ordinal
// (cudaErrorInvalidDevice)". A failure inside a kernel is reported by a later call.
inline void check(const char* op, const char* call, cudaError_t status) {
  if (status == cudaSuccess) return;
  static_cast<void>(cudaGetLastError());  // else the next call would report it again
  throw Error(format(op, ": ", call, ": ", cudaGetErrorString(status), " (",
                     cudaGetErrorName(status), ")"));
}

// OSTEON_CUDA_CHECK("copy_", cudaMemcpyAsync, to, from, bytes, kind, stream)
#define OSTEON_CUDA_CHECK(op, call, ...) ::osteon::cuda::check(op, #call, call(__VA_ARGS__))

// Owns a stream, an event or a library handle. Errors of the destruction are ignored: destructors
// may run while an earlier error is being reported.
template <class T, auto destroy>
class Handle {
 public:
  Handle() = default;
  explicit Handle(T handle) : handle_(handle) {}
  Handle(Handle&& other) noexcept : handle_(std::exchange(other.handle_, T{})) {}
  Handle& operator=(Handle&& other) noexcept {
    std::swap(handle_, other.handle_);
    return *this;
  }
  Handle(const Handle&) = delete;
  Handle& operator=(const Handle&) = delete;
  ~Handle() {
    if (handle_ != T{}) static_cast<void>(destroy(handle_));
  }

  T get() const { return handle_; }
  explicit operator bool() const { return handle_ != T{}; }

 private:
  T handle_{};
};

using Stream = Handle<cudaStream_t, cudaStreamDestroy>;
using Event = Handle<cudaEvent_t, cudaEventDestroy>;

// `flags` are those of cudaEventCreateWithFlags; an Error names `op`.
inline Event make_event(const char* op, unsigned flags) {
  cudaEvent_t event = nullptr;
  OSTEON_CUDA_CHECK(op, cudaEventCreateWithFlags, &event, flags);
  return Event(event);
}

}  // namespace osteon::cuda
