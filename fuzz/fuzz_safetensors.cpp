// A model file: header, offsets, shapes; what is read is touched from end to end.
#include "tensor/safetensors.h"

#include "fuzz/fuzz.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  return osteon::expect_error_or_success([&] {
    for (const auto& [name, tensor] :
         osteon::read_safetensors(osteon::fuzz_file(data, size, ".safetensors")).tensors)
      tensor.to_vector();
  });
}
