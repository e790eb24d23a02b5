// Fuzzes model files: header, offsets, shapes. All tensors are read from end to end. The mutator
// changes the header and corrects its length.
#include "tensor/safetensors.h"

#include <cstring>

#include "fuzz/fuzz.h"
#include "fuzz/mutate.h"

namespace osteon {
namespace {

constexpr std::size_t kLengthBytes = 8;

FuzzBytes change_header(const FuzzBytes& file, std::minstd_rand&) {
  std::uint64_t length = 0;
  if (file.size() < kLengthBytes) return {};
  std::memcpy(&length, file.data(), kLengthBytes);
  if (length > file.size() - kLengthBytes) return {};
  const auto begin = file.begin() + kLengthBytes, end = begin + static_cast<std::ptrdiff_t>(length);
  FuzzBytes header(begin, end);
  mutate_part(header);

  length = header.size();
  FuzzBytes changed(kLengthBytes);
  std::memcpy(changed.data(), &length, kLengthBytes);
  changed.insert(changed.end(), header.begin(), header.end());
  changed.insert(changed.end(), end, file.end());
  return changed;
}

}  // namespace
}  // namespace osteon

extern "C" std::size_t LLVMFuzzerCustomMutator(std::uint8_t* data, std::size_t size,
                                               std::size_t max_size, unsigned seed) {
  return osteon::mutate_file(data, size, max_size, seed, osteon::change_header);
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  return osteon::expect_error_or_success([&] {
    for (const auto& [name, tensor] :
         osteon::read_safetensors(osteon::fuzz_file(data, size, ".safetensors")).tensors)
      tensor.to_vector();
  });
}
