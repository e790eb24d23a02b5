// The device of a tensor: the CPU or one of the CUDA devices.
#pragma once

#include <ostream>
#include <string>

#include "base/error.h"

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

// The device with a name: cpu, cuda (the first), cuda:N, or auto, which is the first usable CUDA
// device if there is one, else the CPU. Throws Error for another name, and with the reason for a
// device that cannot be used.
Device device_from_name(const std::string& name);

// The hardware of the device, such as "NVIDIA H100 80GB HBM3"; "cpu" for the CPU.
std::string describe(const Device& device);

}  // namespace osteon
