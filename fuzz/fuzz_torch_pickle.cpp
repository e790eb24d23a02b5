// A .pth file: the archive, its pickle and its tensors.
#include "interop/torch_pickle.h"

#include "fuzz/fuzz.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  return osteon::expect_error_or_success([&] {
    for (const auto& [name, tensor] :
         osteon::read_torch_pickle(osteon::fuzz_file(data, size, ".pth")).tensors)
      tensor.to_vector();
  });
}
