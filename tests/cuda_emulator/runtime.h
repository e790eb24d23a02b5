// What the files that implement the CUDA runtime share.
#pragma once

#include <cuda_runtime_api.h>

#include <memory>
#include <optional>
#include <sstream>

#include "tests/cuda_emulator/journal.h"

namespace cuda_emulator {

// Keeps an error for cudaGetLastError. Returns its argument.
cudaError_t report(cudaError_t status);

// The device that this thread has selected.
int current_device();

// For counts().
void count_launch();

bool is_dry();
// The number of a configuration that fails; see settings.h.
std::optional<int> failing_configuration();

// Adds a line to the open journal, if any.
template <class... Parts>
void note(const Parts&... parts) {
  if (!journal_is_open()) return;
  std::ostringstream line;
  (line << ... << parts);
  write_down(line.str());
}

// An object of the runtime: owned by the caller from now on, until the matching destroy.
template <class T>
cudaError_t hand_out(T** handle, std::unique_ptr<T> made) {
  *handle = made.release();
  return cudaSuccess;
}
template <class T>
cudaError_t take_back(T* handle) {
  const std::unique_ptr<T> owned(handle);
  return cudaSuccess;
}

}  // namespace cuda_emulator
