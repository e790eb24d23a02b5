// The calls of the CUDA runtime that the product uses, for the emulated devices: errors, devices,
// memory and copies. streams.cpp has streams, events and graphs.
#include <cuda_runtime_api.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <cstring>
#include <map>
#include <memory>
#include <string_view>
#include <utility>
#include <vector>

#include "tests/cuda_emulator/emulator.h"
#include "tests/cuda_emulator/memory.h"
#include "tests/cuda_emulator/runtime.h"
#include "tests/cuda_emulator/settings.h"
#include "tests/cuda_emulator/streams.h"

namespace {

using cuda_emulator::current_device;
using cuda_emulator::note;
using cuda_emulator::report;
using cuda_emulator::Where;

// NVIDIA's data sheets.
struct Product {
  const char* name;
  int major, minor, multiprocessors, threads;  // threads per multiprocessor
  std::size_t gigabytes, l2_megabytes;
};
constexpr std::array<Product, 5> kProducts = {{{"GTX 1080", 6, 1, 20, 2048, 8, 2},
                                               {"T4", 7, 5, 40, 1024, 16, 4},
                                               {"A100", 8, 0, 108, 2048, 80, 40},
                                               {"RTX 4090", 8, 9, 128, 1536, 24, 72},
                                               {"H100", 9, 0, 132, 2048, 80, 50}}};

// So many H100 as the environment variable OSTEON_EMULATED_DEVICES says, for processes.
std::vector<const Product*> devices_from_environment() {
  const char* const count = std::getenv("OSTEON_EMULATED_DEVICES");
  return std::vector<const Product*>(count == nullptr ? 1 : std::strtoul(count, nullptr, 10),
                                     &kProducts[4]);
}

std::vector<const Product*> devices = devices_from_environment();
std::optional<std::size_t> wanted_bytes;
int driver_version = CUDART_VERSION;
bool dry = false;
std::optional<int> configuration_that_fails;
int allocations = 0;  // calls since the last fail_allocation()
std::optional<int> allocation_that_fails;

cuda_emulator::Counts called;
cudaError_t last_error = cudaSuccess;
thread_local int selected = 0;

bool exists(int device) { return device >= 0 && static_cast<std::size_t>(device) < devices.size(); }
const Product& product(int device) { return *devices[static_cast<std::size_t>(device)]; }

std::size_t bytes_of(int device) { return wanted_bytes.value_or(product(device).gigabytes << 30); }

bool runs_out_of_memory() {
  const int number = allocations++;
  return allocation_that_fails && number == *allocation_that_fails;
}

// Page-locked host memory, by its first byte.
std::map<const std::byte*, std::size_t> pinned;

bool is_pinned(const void* address) {
  const auto* const byte = static_cast<const std::byte*>(address);
  const auto after = pinned.upper_bound(byte);
  return after != pinned.begin() && byte < std::prev(after)->first + std::prev(after)->second;
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

cudaError_t report(cudaError_t status) {
  if (status != cudaSuccess) last_error = status;
  return status;
}
int current_device() { return selected; }
void count_launch() { ++called.launches; }
bool is_dry() { return dry; }
std::optional<int> failing_configuration() { return configuration_that_fails; }

Counts counts() { return called; }

void set_devices(const std::vector<std::string>& names) {
  devices.clear();
  for (const std::string& name : names) {
    const auto* const found = std::ranges::find(kProducts, name, &Product::name);
    if (found == kProducts.end()) throw Fault("there is no emulated " + name);
    devices.push_back(found);
  }
}
void set_device_bytes(std::optional<std::size_t> bytes) { wanted_bytes = bytes; }
void set_driver_version(int version) { driver_version = version; }
void set_dry(bool wanted) { dry = wanted; }
void fail_configuration(std::optional<int> which) { configuration_that_fails = which; }

int fail_allocation(std::optional<int> which) {
  allocation_that_fails = which;
  return std::exchange(allocations, 0);
}

cudaError_t launch(dim3 grid, dim3 block, std::size_t shared_bytes, cudaStream_t stream,
                   const std::function<void()>& thread) {
  const std::size_t threads = std::size_t{block.x} * block.y * block.z;
  const bool fits = threads >= 1 && threads <= 1024 && block.z <= 64 && grid.x >= 1 &&
                    grid.x <= 0x7FFFFFFF && grid.y >= 1 && grid.y <= 65535 && grid.z >= 1 &&
                    grid.z <= 65535 && shared_bytes == 0;
  if (!fits) return report(cudaErrorInvalidConfiguration);
  count_launch();
  if (is_dry()) return cudaSuccess;
  return enqueue(stream,
                 [=, device = current_device()] { run_blocks(device, grid, block, thread); });
}

cudaError_t issue(cudaStream_t stream, const std::function<void()>& work) {
  count_launch();
  if (is_dry()) return cudaSuccess;
  return enqueue(stream, [work, device = current_device()] {
    const Access access(device);
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
    case cudaErrorStreamCaptureInvalidated:
      return "cudaErrorStreamCaptureInvalidated";
    case cudaErrorStreamCaptureIsolation:
      return "cudaErrorStreamCaptureIsolation";
    case cudaErrorStreamCaptureUnjoined:
      return "cudaErrorStreamCaptureUnjoined";
    case cudaErrorCapturedEvent:
      return "cudaErrorCapturedEvent";
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

// --- devices -------------------------------------------------------------------------------------

cudaError_t cudaGetDeviceCount(int* count) {
  if (driver_version < CUDART_VERSION) return report(cudaErrorInsufficientDriver);
  *count = static_cast<int>(devices.size());
  return cudaSuccess;
}

cudaError_t cudaSetDevice(int device) {
  if (!exists(device)) return report(cudaErrorInvalidDevice);
  selected = device;
  return cudaSuccess;
}

// As far as the product reads them.
cudaError_t cudaGetDeviceProperties(cudaDeviceProp* properties, int device) {
  if (!exists(device)) return report(cudaErrorInvalidDevice);
  const Product& is = product(device);
  *properties = {};
  std::snprintf(properties->name, sizeof properties->name, "emulated %s", is.name);
  properties->totalGlobalMem = bytes_of(device);
  properties->major = is.major;
  properties->minor = is.minor;
  properties->multiProcessorCount = is.multiprocessors;
  properties->warpSize = 32;
  properties->maxThreadsPerBlock = 1024;
  properties->maxThreadsPerMultiProcessor = is.threads;
  properties->sharedMemPerBlock = 48 * 1024;
  properties->l2CacheSize = static_cast<int>(is.l2_megabytes << 20);
  return cudaSuccess;
}

cudaError_t cudaDeviceGetPCIBusId(char* text, int bytes, int device) {
  if (!exists(device)) return report(cudaErrorInvalidDevice);
  std::snprintf(text, static_cast<std::size_t>(bytes), "0000:%02X:00.0", device + 1);
  return cudaSuccess;
}

cudaError_t cudaFuncGetAttributes(cudaFuncAttributes*, const void*) {
  const Product& is = product(current_device());
  const bool has_code = std::pair(is.major, is.minor) >= std::pair(7, 5);
  return report(has_code ? cudaSuccess : cudaErrorNoKernelImageForDevice);
}

// --- memory --------------------------------------------------------------------------------------

namespace {

cudaError_t allocate(void** memory, std::size_t bytes) {
  const int device = current_device();
  const std::size_t used = cuda_emulator::memory_in_use(device).bytes;
  if (runs_out_of_memory() || bytes + used > bytes_of(device))
    return report(cudaErrorMemoryAllocation);
  *memory = cuda_emulator::allocate_device(bytes, device);
  return report(*memory != nullptr ? cudaSuccess : cudaErrorMemoryAllocation);
}

}  // namespace

cudaError_t cudaMalloc(void** memory, std::size_t bytes) {
  if (cuda_emulator::is_forbidden_by_capture()) return report(cudaErrorStreamCaptureUnsupported);
  note("cudaMalloc ", bytes);
  return allocate(memory, bytes);
}

// Waits for the device.
cudaError_t cudaFree(void* memory) {
  if (cuda_emulator::is_forbidden_by_capture()) return report(cudaErrorStreamCaptureUnsupported);
  note("cudaFree ", memory);
  for (std::size_t i = 0; i < devices.size(); ++i)
    cuda_emulator::finish_device(static_cast<int>(i));
  return report(cuda_emulator::free_device(memory) ? cudaSuccess : cudaErrorInvalidValue);
}

// In a capture, the allocation is a part of the graph: it has an address, but no error.
cudaError_t cudaMallocAsync(void** memory, std::size_t bytes, cudaStream_t stream) {
  note("cudaMallocAsync ", bytes);
  const cudaError_t status = allocate(memory, bytes);
  if (status != cudaSuccess || !cuda_emulator::is_capturing(stream)) return status;
  return cuda_emulator::capture_allocation(stream, *memory);
}

cudaError_t cudaFreeAsync(void* memory, cudaStream_t stream) {
  note("cudaFreeAsync ", memory);
  if (cuda_emulator::is_capturing(stream)) return cuda_emulator::capture_free(stream, memory);
  cuda_emulator::finish(stream);
  return report(cuda_emulator::free_device(memory) ? cudaSuccess : cudaErrorInvalidValue);
}

cudaError_t cudaMemGetInfo(std::size_t* free, std::size_t* total) {
  *total = bytes_of(current_device());
  *free = *total - std::min(*total, cuda_emulator::memory_in_use(current_device()).bytes);
  return cudaSuccess;
}

cudaError_t cudaMallocHost(void** memory, std::size_t bytes) {
  if (cuda_emulator::is_forbidden_by_capture()) return report(cudaErrorStreamCaptureUnsupported);
  note("cudaMallocHost ", bytes);
  if (runs_out_of_memory()) return report(cudaErrorMemoryAllocation);
  *memory = std::aligned_alloc(4096, (bytes + 4095) / 4096 * 4096);
  pinned[static_cast<const std::byte*>(*memory)] = bytes;
  return report(*memory != nullptr ? cudaSuccess : cudaErrorMemoryAllocation);
}

cudaError_t cudaFreeHost(void* memory) {
  note("cudaFreeHost");
  for (std::size_t i = 0; i < devices.size(); ++i)
    cuda_emulator::finish_device(static_cast<int>(i));
  pinned.erase(static_cast<const std::byte*>(memory));
  std::free(memory);
  return cudaSuccess;
}

// Pageable memory is read before the call returns, and has been written when it returns.
// Page-locked memory is read and written when the stream comes to the copy.
cudaError_t cudaMemcpyAsync(void* to, const void* from, std::size_t bytes, cudaMemcpyKind kind,
                            cudaStream_t stream) {
  const Where target = cuda_emulator::where_is(to, bytes),
              source = cuda_emulator::where_is(from, bytes);
  if (!is_copy_of(target, source, kind)) return report(cudaErrorInvalidValue);
  ++called.copies;
  const void* const on_host = source == Where::host ? from : target == Where::host ? to : nullptr;
  const bool is_pageable = on_host != nullptr && !is_pinned(on_host);
  note("cudaMemcpyAsync",
       source == Where::host   ? " from host "
       : target == Where::host ? " to host "
                               : " ",
       on_host == nullptr ? ""
       : is_pageable      ? "pageable "
                          : "pinned ",
       bytes, " bytes ", from, " to ", to);
  if (cuda_emulator::is_dry()) {
    if (target == Where::host) std::memset(to, 0, bytes);
    return cudaSuccess;
  }
  std::vector<std::byte> staged;
  if (is_pageable && source == Where::host && !cuda_emulator::is_capturing(stream))
    staged.assign(static_cast<const std::byte*>(from), static_cast<const std::byte*>(from) + bytes);
  const cudaError_t status = cuda_emulator::enqueue_copy(stream, [=, staged = std::move(staged)] {
    const cuda_emulator::Access access(cuda_emulator::kAllDevices);
    std::memcpy(to, staged.empty() ? from : staged.data(), bytes);
  });
  if (is_pageable && target == Where::host && !cuda_emulator::is_capturing(stream))
    cuda_emulator::finish(stream);
  return status;
}
