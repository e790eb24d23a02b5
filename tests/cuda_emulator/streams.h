// Streams of the emulated device: queues of work. Which queue goes on next is a setting
// (settings.h), so that a test can try the extremes of what a device may do.
#pragma once

#include <cuda_runtime_api.h>

#include <functional>

namespace cuda_emulator {

// Adds work to a stream of the current device, or to the graph that the stream is capturing.
// cudaErrorInvalidResourceHandle for the default stream, which our code never uses.
cudaError_t enqueue(cudaStream_t stream, std::function<void()> work);
// The same for copies, which may be issued to the streams of any device.
cudaError_t enqueue_copy(cudaStream_t stream, std::function<void()> work);

int device_of(cudaStream_t stream);
bool is_capturing(cudaStream_t stream);

// Does all work of a stream, or of all streams of a device, and all work that it waits for.
void finish(cudaStream_t stream);
void finish_device(int device);

// A call that must not be made while any stream is captured: ends in an error then, and the
// captures become invalid.
bool is_forbidden_by_capture();

// Memory that is allocated (or freed) in a stream's order. In a capture it belongs to the graph,
// which cannot be launched again while the memory is allocated.
cudaError_t capture_allocation(cudaStream_t stream, void* memory);
cudaError_t capture_free(cudaStream_t stream, void* memory);

}  // namespace cuda_emulator
