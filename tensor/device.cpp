// Parsing of device names.
#include "tensor/device.h"

#include <charconv>

#include "tensor/cuda/transfer.h"

namespace osteon {

Device device_from_name(const std::string& name) {
  if (name == "cpu") return Device::cpu();
  if (name == "auto")
    return cuda::why_unavailable(Device::cuda()).empty() ? Device::cuda() : Device::cpu();
  Device device = Device::cuda();
  if (name.starts_with("cuda:")) {
    const char* const end = name.data() + name.size();
    const auto [stop, error] = std::from_chars(name.data() + 5, end, device.index);
    OSTEON_CHECK(error == std::errc() && stop == end && device.index >= 0, "device '", name,
                 "': expected a number after cuda:");
  } else {
    OSTEON_CHECK(name == "cuda", "device '", name, "': expected auto, cpu, cuda or cuda:N");
  }
  const std::string reason = cuda::why_unavailable(device);
  OSTEON_CHECK(reason.empty(), reason);
  return device;
}

std::string describe(const Device& device) {
  return device.is_cuda() ? cuda::describe(device) : "cpu";
}

}  // namespace osteon
