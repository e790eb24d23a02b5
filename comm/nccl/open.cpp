// Opens the shared library and looks up its functions.
#include <dlfcn.h>

#include "base/error.h"
#include "comm/nccl/nccl.h"

namespace osteon::cuda {

// Never closed: its threads may run until the program ends.
Nccl open_nccl(std::span<const std::string> files) {
  void* library = nullptr;
  std::string reasons;
  for (const std::string& file : files) {
    library = ::dlopen(file.c_str(), RTLD_NOW);
    if (library != nullptr) break;
    reasons += format("; ", ::dlerror());
  }
  OSTEON_CHECK(
      library != nullptr,
      "several processes on CUDA devices need NCCL, which cannot be "
      "opened: install libnccl2 or the pip package nvidia-nccl-cu",
      CUDART_VERSION / 1000,
      " and put the folder of libnccl.so.2 into LD_LIBRARY_PATH, start one process, or add "
      "--device cpu",
      reasons);
  Nccl functions{};
  const auto find = [&]<class Function>(const char* name, Function& function) {
    function = reinterpret_cast<Function>(::dlsym(library, name));
    OSTEON_CHECK(function != nullptr, "this NCCL has no ", name, "; install 2.7 or later");
  };
#define OSTEON_FIND(name) find(#name, functions.name);
  OSTEON_FIND(ncclGetUniqueId)
  OSTEON_FIND(ncclCommInitRank)
  OSTEON_FIND(ncclCommDestroy)
  OSTEON_FIND(ncclCommAbort)
  OSTEON_FIND(ncclCommGetAsyncError)
  OSTEON_FIND(ncclGetErrorString)
  OSTEON_FIND(ncclAllReduce)
  OSTEON_FIND(ncclSend)
  OSTEON_FIND(ncclRecv)
  OSTEON_FIND(ncclGroupStart)
  OSTEON_FIND(ncclGroupEnd)
#undef OSTEON_FIND
  return functions;
}

}  // namespace osteon::cuda
