// The memory of tensors: aligned, reused, reference-counted blocks with a version.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>

#include "tensor/device.h"

namespace osteon {

// Bytes of tensor memory on one device.
struct MemoryStatistics {
  std::size_t current_bytes = 0;   // held by live tensors
  std::size_t peak_bytes = 0;      // maximum of current_bytes since the last reset
  std::size_t reserved_bytes = 0;  // obtained from the system, in use or kept for reuse
};

MemoryStatistics memory_statistics(const Device& device = Device::cpu());
void reset_peak_memory(const Device& device = Device::cpu());

// One block of memory, shared by the tensors that view it. Its contents start uninitialised.
class Storage {
 public:
  // Throws Error with the bytes requested, the bytes in use and the way out if there is not enough
  // memory.
  Storage(std::size_t bytes, Device device);
  // Memory with another owner (a mapped file, a device's allocator), kept alive by `owner`.
  Storage(void* data, std::size_t bytes, std::shared_ptr<const void> owner,
          Device device = Device::cpu())
      : data_(data), bytes_(bytes), device_(device), owner_(std::move(owner)) {}
  ~Storage();
  Storage(const Storage&) = delete;
  Storage& operator=(const Storage&) = delete;

  std::byte* data() const { return static_cast<std::byte*>(data_); }
  std::size_t bytes() const { return bytes_; }
  const Device& device() const { return device_; }

  // Counts in-place changes, so that autograd can detect that a saved tensor has changed.
  std::uint64_t version() const { return version_; }
  void bump_version() { ++version_; }

 private:
  void* data_ = nullptr;
  std::size_t bytes_ = 0;
  Device device_;
  std::shared_ptr<const void> owner_;
  std::uint64_t version_ = 0;
};

}  // namespace osteon
