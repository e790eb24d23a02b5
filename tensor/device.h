// Where a tensor lives: the CPU or one of the CUDA devices.
#pragma once

#include <ostream>

#include "tensor/error.h"

namespace osteon {

struct Device {
  enum class Type { cpu, cuda };
  Type type = Type::cpu;
  int index = 0;

  static Device cpu() { return {}; }
  static Device cuda(int index = 0) { return {Type::cuda, index}; }
  bool is_cuda() const { return type == Type::cuda; }
  bool operator==(const Device&) const = default;
  friend std::ostream& operator<<(std::ostream& out, const Device& device) {
    return device.is_cuda() ? out << "cuda:" << device.index : out << "cpu";
  }
};

// Throws unless this build can compute on the device.
inline void require_built_in(const Device& device) {
#if !defined(OSTEON_HAS_CUDA)
  OSTEON_CHECK(!device.is_cuda(), "device ", device,
               ": this build has no CUDA back end; use the device cpu");
#else
  (void)device;
#endif
}

}  // namespace osteon
