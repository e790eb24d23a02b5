// The library that a program uses. The emulated device has another one in place of this file.
#include "comm/nccl/nccl.h"

#include <vector>

namespace osteon::cuda {

const Nccl& nccl() {
  static const Nccl functions = open_nccl(std::vector<std::string>{OSTEON_NCCL_FILES});
  return functions;
}

}  // namespace osteon::cuda
