// The calls of the CUDA runtime that the product uses, for the emulated device. Work is done when
// it is issued, so streams need no order. While a stream is being captured, work is stored and done
// at each replay.
#include <cuda_runtime_api.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <map>
#include <memory>
#include <sstream>
#include <utility>
#include <vector>

#include "tests/cuda_emulator/emulator.h"
#include "tests/cuda_emulator/journal.h"
#include "tests/cuda_emulator/memory.h"

// Types that the runtime only declares.
struct CUstream_st {
  std::unique_ptr<CUgraph_st> capturing;
};
struct CUevent_st {};
struct CUgraph_st {
  std::vector<std::function<void()>> work;
};
struct CUgraphExec_st {
  std::vector<std::function<void()>> work;
};

namespace {

using cuda_emulator::Where;

std::size_t device_bytes = std::size_t{80} << 30;
int captures = 0;  // streams being captured
int driver_version = CUDART_VERSION;
int capability_major = 9, capability_minor = 0;
cuda_emulator::Counts called;

cudaError_t last_error = cudaSuccess;

// Stores the result of the call for cudaGetLastError and returns it.
cudaError_t report(cudaError_t status) {
  if (status != cudaSuccess) last_error = status;
  return status;
}

// Does the work now, or stores it if the stream is being captured.
cudaError_t do_or_keep(cudaStream_t stream, std::function<void()> work) {
  if (stream == nullptr)
    return report(cudaErrorInvalidResourceHandle);  // our code never uses the default stream
  if (stream->capturing)
    stream->capturing->work.push_back(std::move(work));
  else
    work();
  return cudaSuccess;
}

// Owned by the caller from now on, until the matching destroy.
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

// Page-locked host memory, by its first byte.
std::map<const std::byte*, std::size_t> pinned;

bool is_pinned(const void* address) {
  const auto* const byte = static_cast<const std::byte*>(address);
  const auto after = pinned.upper_bound(byte);
  return after != pinned.begin() && byte < std::prev(after)->first + std::prev(after)->second;
}

// Adds a line to the open journal, if any.
template <class... Parts>
void note(const Parts&... parts) {
  if (!cuda_emulator::journal_is_open()) return;
  std::ostringstream line;
  (line << ... << parts);
  cuda_emulator::write_down(line.str());
}

bool is_copy_of(Where to, Where from, cudaMemcpyKind kind) {
  if (to == Where::beyond || from == Where::beyond) return false;
  switch (kind) {
    case cudaMemcpyHostToDevice:
      return to == Where::device && from == Where::host;
    case cudaMemcpyDeviceToHost:
      return to == Where::host && from == Where::device;
    case cudaMemcpyDeviceToDevice:
      return to == Where::device && from == Where::device;
    case cudaMemcpyHostToHost:
      return to == Where::host && from == Where::host;
    default:
      return true;
  }
}

}  // namespace

namespace cuda_emulator {

Counts counts() { return called; }
void set_device_bytes(std::size_t bytes) { device_bytes = bytes; }
void set_capability(int major, int minor) {
  capability_major = major;
  capability_minor = minor;
}
void set_driver_version(int version) { driver_version = version; }

cudaError_t launch(dim3 grid, dim3 block, std::size_t shared_bytes, cudaStream_t stream,
                   const std::function<void()>& thread) {
  const std::size_t threads = std::size_t{block.x} * block.y * block.z;
  const bool fits = threads >= 1 && threads <= 1024 && block.z <= 64 && grid.x >= 1 &&
                    grid.x <= 0x7FFFFFFF && grid.y >= 1 && grid.y <= 65535 && grid.z >= 1 &&
                    grid.z <= 65535 && shared_bytes == 0;
  if (!fits) return report(cudaErrorInvalidConfiguration);
  ++called.launches;
  if (is_dry()) return cudaSuccess;
  return do_or_keep(stream, [=] { run_blocks(grid, block, thread); });
}

cudaError_t issue(cudaStream_t stream, const std::function<void()>& work) {
  ++called.launches;
  if (is_dry()) return cudaSuccess;
  return do_or_keep(stream, [work] {
    const Access access;
    work();
    access.check_margins();
  });
}

}  // namespace cuda_emulator

// --- errors and versions -------------------------------------------------------------------------

cudaError_t cudaGetLastError() { return std::exchange(last_error, cudaSuccess); }

const char* cudaGetErrorName(cudaError_t error) {
  switch (error) {
    case cudaSuccess:
      return "cudaSuccess";
    case cudaErrorInvalidValue:
      return "cudaErrorInvalidValue";
    case cudaErrorMemoryAllocation:
      return "cudaErrorMemoryAllocation";
    case cudaErrorInvalidConfiguration:
      return "cudaErrorInvalidConfiguration";
    case cudaErrorInvalidDevice:
      return "cudaErrorInvalidDevice";
    case cudaErrorInvalidResourceHandle:
      return "cudaErrorInvalidResourceHandle";
    case cudaErrorNoKernelImageForDevice:
      return "cudaErrorNoKernelImageForDevice";
    case cudaErrorStreamCaptureUnsupported:
      return "cudaErrorStreamCaptureUnsupported";
    default:
      return "another error";
  }
}
const char* cudaGetErrorString(cudaError_t error) { return cudaGetErrorName(error); }

cudaError_t cudaDriverGetVersion(int* version) {
  *version = driver_version;
  return cudaSuccess;
}
cudaError_t cudaRuntimeGetVersion(int* version) {
  *version = CUDART_VERSION;
  return cudaSuccess;
}

// --- the device ----------------------------------------------------------------------------------

cudaError_t cudaGetDeviceCount(int* count) {
  if (driver_version < CUDART_VERSION) return report(cudaErrorInsufficientDriver);
  *count = 1;
  return cudaSuccess;
}

cudaError_t cudaSetDevice(int device) {
  return report(device == 0 ? cudaSuccess : cudaErrorInvalidDevice);
}

// The properties of an H100, as far as the product reads them.
cudaError_t cudaGetDeviceProperties(cudaDeviceProp* properties, int device) {
  if (device != 0) return report(cudaErrorInvalidDevice);
  *properties = {};
  std::strncpy(properties->name, "emulated H100", sizeof properties->name - 1);
  properties->totalGlobalMem = device_bytes;
  properties->major = capability_major;
  properties->minor = capability_minor;
  properties->multiProcessorCount = 132;
  properties->warpSize = 32;
  properties->maxThreadsPerBlock = 1024;
  properties->maxThreadsPerMultiProcessor = 2048;
  properties->sharedMemPerBlock = 48 * 1024;
  properties->l2CacheSize = 50 * 1024 * 1024;
  return cudaSuccess;
}

cudaError_t cudaFuncGetAttributes(cudaFuncAttributes*, const void*) {
  const bool has_code = std::pair(capability_major, capability_minor) >= std::pair(7, 5);
  return report(has_code ? cudaSuccess : cudaErrorNoKernelImageForDevice);
}

// --- memory --------------------------------------------------------------------------------------

cudaError_t cudaMalloc(void** memory, std::size_t bytes) {
  if (captures > 0) return report(cudaErrorStreamCaptureUnsupported);
  if (bytes + cuda_emulator::memory_in_use().bytes > device_bytes)
    return report(cudaErrorMemoryAllocation);
  *memory = cuda_emulator::allocate_device(bytes);
  note("cudaMalloc ", bytes);
  return report(*memory != nullptr ? cudaSuccess : cudaErrorMemoryAllocation);
}

cudaError_t cudaFree(void* memory) {
  if (captures > 0) return report(cudaErrorStreamCaptureUnsupported);
  note("cudaFree ", memory);
  return report(cuda_emulator::free_device(memory) ? cudaSuccess : cudaErrorInvalidValue);
}

cudaError_t cudaMemGetInfo(std::size_t* free, std::size_t* total) {
  *total = device_bytes;
  *free = device_bytes - std::min(device_bytes, cuda_emulator::memory_in_use().bytes);
  return cudaSuccess;
}

cudaError_t cudaMallocHost(void** memory, std::size_t bytes) {
  note("cudaMallocHost ", bytes);
  *memory = std::aligned_alloc(4096, (bytes + 4095) / 4096 * 4096);
  pinned[static_cast<const std::byte*>(*memory)] = bytes;
  return report(*memory != nullptr ? cudaSuccess : cudaErrorMemoryAllocation);
}

cudaError_t cudaFreeHost(void* memory) {
  note("cudaFreeHost");
  pinned.erase(static_cast<const std::byte*>(memory));
  std::free(memory);
  return cudaSuccess;
}

cudaError_t cudaMemcpyAsync(void* to, const void* from, std::size_t bytes, cudaMemcpyKind kind,
                            cudaStream_t stream) {
  const Where target = cuda_emulator::where_is(to, bytes);
  if (!is_copy_of(target, cuda_emulator::where_is(from, bytes), kind))
    return report(cudaErrorInvalidValue);
  ++called.copies;
  const bool from_host = cuda_emulator::where_is(from, bytes) == Where::host;
  const char* const kind_of_copy = from_host                 ? " from host "
                                   : target == Where::device ? " "
                                   : is_pinned(to)           ? " to host pinned "
                                                             : " to host pageable ";
  note("cudaMemcpyAsync", kind_of_copy, bytes, " bytes ", from, " to ", to);
  if (cuda_emulator::is_dry()) {
    if (target == Where::host) std::memset(to, 0, bytes);
    return cudaSuccess;
  }
  return cuda_emulator::issue(stream, [=] { std::memcpy(to, from, bytes); });
}

// --- streams, events, graphs ---------------------------------------------------------------------

cudaError_t cudaStreamCreateWithFlags(cudaStream_t* stream, unsigned int) {
  return hand_out(stream, std::make_unique<CUstream_st>());
}
cudaError_t cudaStreamDestroy(cudaStream_t stream) { return take_back(stream); }
cudaError_t cudaStreamSynchronize(cudaStream_t stream) {
  note("cudaStreamSynchronize");
  return report(stream->capturing ? cudaErrorStreamCaptureUnsupported : cudaSuccess);
}
cudaError_t cudaStreamWaitEvent(cudaStream_t, cudaEvent_t event, unsigned int) {
  note("cudaStreamWaitEvent ", event);
  return cudaSuccess;
}

cudaError_t cudaEventCreateWithFlags(cudaEvent_t* event, unsigned int) {
  return hand_out(event, std::make_unique<CUevent_st>());
}
cudaError_t cudaEventDestroy(cudaEvent_t event) { return take_back(event); }
cudaError_t cudaEventRecord(cudaEvent_t event, cudaStream_t) {
  note("cudaEventRecord ", event);
  return cudaSuccess;
}
cudaError_t cudaEventSynchronize(cudaEvent_t event) {
  note("cudaEventSynchronize ", event);
  return cudaSuccess;
}
cudaError_t cudaEventElapsedTime(float* milliseconds, cudaEvent_t, cudaEvent_t) {
  *milliseconds = 1;
  return cudaSuccess;
}

cudaError_t cudaStreamBeginCapture(cudaStream_t stream, cudaStreamCaptureMode) {
  if (stream->capturing) return report(cudaErrorStreamCaptureUnsupported);
  stream->capturing = std::make_unique<CUgraph_st>();
  ++captures;
  return cudaSuccess;
}
cudaError_t cudaStreamEndCapture(cudaStream_t stream, cudaGraph_t* graph) {
  if (!stream->capturing) return report(cudaErrorInvalidValue);
  --captures;
  return hand_out(graph, std::move(stream->capturing));
}
cudaError_t cudaGraphInstantiate(cudaGraphExec_t* executable, cudaGraph_t graph,
                                 unsigned long long) {
  auto made = std::make_unique<CUgraphExec_st>();
  made->work = graph->work;
  return hand_out(executable, std::move(made));
}
cudaError_t cudaGraphLaunch(cudaGraphExec_t executable, cudaStream_t stream) {
  if (stream->capturing) return report(cudaErrorStreamCaptureUnsupported);
  note("cudaGraphLaunch");
  ++called.launches;
  for (const auto& work : executable->work) work();
  return cudaSuccess;
}
cudaError_t cudaGraphDestroy(cudaGraph_t graph) { return take_back(graph); }
cudaError_t cudaGraphExecDestroy(cudaGraphExec_t executable) { return take_back(executable); }
