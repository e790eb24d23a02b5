// Two functions of the CUDA runtime for machines without a device. cudnn-frontend asks them for the
// generation of the present device when it checks a graph of attention, even if the graph is for a
// described device; without them: "detail::cuda_get_device(&device) failed with CUDA driver version
// is insufficient for CUDA runtime version".
#include <cuda_runtime_api.h>

#include <nlohmann/json.hpp>

#include "tests/cudnn/fake_driver.h"

namespace {

int compute_capability = 0;  // 90 for 9.0

}  // namespace

namespace osteon {

void set_fake_device(const std::string& properties) {
  compute_capability = nlohmann::json::parse(properties).at("deviceVer").get<int>() / 10;
}

}  // namespace osteon

// NOLINTBEGIN(readability-identifier-naming, readability-inconsistent-declaration-parameter-name):
// the runtime's names.
cudaError_t cudaGetDevice(int* device) {
  *device = 0;
  return cudaSuccess;
}

cudaError_t cudaGetDeviceProperties(cudaDeviceProp* properties, int) {
  *properties = {};
  properties->major = compute_capability / 10;
  properties->minor = compute_capability % 10;
  return cudaSuccess;
}
// NOLINTEND(readability-identifier-naming, readability-inconsistent-declaration-parameter-name)
