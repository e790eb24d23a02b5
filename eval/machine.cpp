// From the names of the options to device, dtype and the settings of the whole process.
#include "eval/machine.h"

#include <cstdio>

#include "base/option_check.h"
#include "base/parallel.h"
#include "ops/backend.h"
#include "tensor/cuda/transfer.h"

namespace osteon {

DType activation_dtype(const std::string& precision, const Device& device) {
  check_choice("precision", precision, {"fp32", "tf32", "bf16"});
  if (precision == "fp32") return DType::f32;
  if (precision == "tf32") {
    require(device.is_cuda(), "--precision tf32: only CUDA devices have it; use fp32");
    cuda::require_bf16("--precision tf32", device);
    return DType::f32;
  }
  if (device.is_cuda())
    cuda::require_bf16("--precision bf16", device);
  else if (!has_fast_bf16())
    std::fputs("note: bf16 is slower than fp32 here: no fast kernels for this processor\n", stderr);
  return DType::bf16;
}

Device configure_process(const std::string& device, const std::string& backend,
                         const std::string& precision, int threads) {
  check_choice("backend", backend, {"auto", "reference"});
  require(threads >= 0 && threads <= 1024, format("--threads ", threads, ": expected 0 to 1024"));
  if (!device.starts_with("cuda"))
    check_choice("device", device, {"auto", "cpu", "cuda", "cuda:N"});
  set_backend(backend == "reference" ? Backend::reference : Backend::automatic);
  set_allow_tf32(precision == "tf32");
  if (threads > 0) set_num_threads(threads);
  const Device chosen = device_from_name(device);
#if defined(OSTEON_HAS_CUDA)
  if (device == "auto" && !chosen.is_cuda())
    std::fprintf(stderr, "note: computing on the cpu (%s)\n",
                 cuda::why_unavailable(Device::cuda()).c_str());
#endif
  return chosen;
}

}  // namespace osteon
