// Turns option values into device, dtype and the process's settings.
#include "eval/machine.h"

#include <cstdio>
#include <cstdlib>

#include "base/parallel.h"
#include "comm/process_group.h"
#include "ops/backend.h"
#include "tensor/cuda/transfer.h"

namespace osteon {

DType activation_dtype(const std::string& precision, const Device& device) {
  if (precision == "fp32") return DType::f32;
  if (precision == "tf32") {
    if (!device.is_cuda()) throw UsageError("--precision tf32 needs a CUDA device; use fp32");
    cuda::require_bf16("--precision tf32", device);
    return DType::f32;
  }
  if (device.is_cuda())
    cuda::require_bf16("--precision bf16", device);
  else if (!has_fast_bf16())
    std::fputs("note: bf16 is slower than fp32 here: this processor has no fast kernels for it\n",
               stderr);
  return DType::bf16;
}

namespace {

// Each process of a host has a GPU of its own, unless the name has a number.
Device device_of_process(const std::string& name) {
  const ProcessGroup& group = world();
  const int gpus = group.local_size() == 1 ? 0 : cuda::device_count();
  if (gpus == 0 || (name != "auto" && name != "cuda")) return device_from_name(name);
  OSTEON_CHECK(group.local_size() <= gpus, "--device ", name, ": ", group.local_size(),
               " processes run on ", group.host(), ", which has ", gpus,
               gpus == 1 ? " GPU" : " GPUs", "; each needs one of its own. Start ", gpus,
               " here, or add --device cpu. If each process sees a GPU of its own "
               "(CUDA_VISIBLE_DEVICES), add --device cuda:0");
  return device_from_name(format("cuda:", group.local_rank()));
}

}  // namespace

Device configure_process(const MachineOptions& options, [[maybe_unused]] bool quiet) {
  for_each_machine_option(options,
                          [](const OptionInfo& info, const auto& value, const auto& check) {
                            check_option(info.name, value, check);
                          });
  set_backend(options.backend == "reference" ? Backend::reference
              : options.backend == "direct"  ? Backend::direct
                                             : Backend::automatic);
  set_allow_tf32(options.precision == "tf32");
  if (options.threads > 0)
    set_num_threads(options.threads);
  else if (world().size() > 1 && std::getenv("OMP_NUM_THREADS") == nullptr)
    set_num_threads(world().cores());
  const Device chosen = device_of_process(options.device);
#if defined(OSTEON_HAS_CUDA)
  if (!quiet && options.device == "auto" && !chosen.is_cuda())
    std::fprintf(stderr, "note: computing on the cpu (%s)\n",
                 cuda::why_unavailable(Device::cuda()).c_str());
#endif
  return chosen;
}

}  // namespace osteon
