// What the targets with a mutator of their own share. A file whose parts carry lengths or checksums
// is refused at the first of them when a byte is changed blindly; these targets take the file
// apart, have libFuzzer change one part, and put it together again with lengths and checksums that
// fit.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <random>
#include <vector>

// libFuzzer's own change to `size` bytes, which may become `max_size`; gives the new size.
extern "C" std::size_t LLVMFuzzerMutate(std::uint8_t* data, std::size_t size, std::size_t max_size);

namespace osteon {

using FuzzBytes = std::vector<std::uint8_t>;

// Changes `part`, which may grow by a half and 64 bytes.
inline void mutate_part(FuzzBytes& part) {
  const std::size_t size = part.size();
  part.resize(size + size / 2 + 64);
  part.resize(LLVMFuzzerMutate(part.data(), size, part.size()));
}

// The body of LLVMFuzzerCustomMutator: `change(file, random)` gives the changed file, or an empty
// one where `file` cannot be taken apart. One change in four is a blind one, so that the checks
// themselves are tried as well.
template <class Change>
std::size_t mutate_file(std::uint8_t* data, std::size_t size, std::size_t max_size, unsigned seed,
                        const Change& change) {
  std::minstd_rand random(seed);
  const FuzzBytes changed =
      random() % 4 == 0 ? FuzzBytes{} : change(FuzzBytes(data, data + size), random);
  if (changed.empty() || changed.size() > max_size) return LLVMFuzzerMutate(data, size, max_size);
  std::ranges::copy(changed, data);
  return changed.size();
}

}  // namespace osteon
