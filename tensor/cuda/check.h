// What every call into the CUDA runtime goes through, and the owner of what such calls create.
#pragma once

#include <cuda_runtime_api.h>

#include <utility>

#include "base/error.h"

namespace osteon::cuda {

// Throws Error unless the call succeeded: "relu: cudaLaunchKernel: invalid device ordinal
// (cudaErrorInvalidDevice)". A failure inside a kernel is reported by whichever call comes after.
inline void check(const char* op, const char* call, cudaError_t status) {
  if (status == cudaSuccess) return;
  static_cast<void>(cudaGetLastError());  // else the next call would report it again
  throw Error(format(op, ": ", call, ": ", cudaGetErrorString(status), " (",
                     cudaGetErrorName(status), ")"));
}

// OSTEON_CUDA_CHECK("copy_", cudaMemcpyAsync, to, from, bytes, kind, stream)
#define OSTEON_CUDA_CHECK(op, call, ...) ::osteon::cuda::check(op, #call, call(__VA_ARGS__))

// Owns a stream, an event, a library's handle. What destroying it reports is dropped: it runs in
// destructors, where an earlier error is already on its way.
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

// `flags` as cudaEventCreateWithFlags takes them; `op` is named where it fails.
inline Event make_event(const char* op, unsigned flags) {
  cudaEvent_t event = nullptr;
  OSTEON_CUDA_CHECK(op, cudaEventCreateWithFlags, &event, flags);
  return Event(event);
}

}  // namespace osteon::cuda
