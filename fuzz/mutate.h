// Common parts of the targets with their own mutator. If a file's parts have lengths or checksums,
// a reader refuses any blind change at the first of them. These targets take the file apart, let
// libFuzzer change one part, and put it together again with correct lengths and checksums.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <random>
#include <vector>

// libFuzzer's own mutation of `size` bytes, which may become `max_size`; returns the new size.
extern "C" std::size_t LLVMFuzzerMutate(std::uint8_t* data, std::size_t size, std::size_t max_size);

namespace osteon {

using FuzzBytes = std::vector<std::uint8_t>;

// Changes `part`, which may grow by a half and 64 bytes.
inline void mutate_part(FuzzBytes& part) {
  const std::size_t size = part.size();
  part.resize(size + size / 2 + 64);
  part.resize(LLVMFuzzerMutate(part.data(), size, part.size()));
}

// The body of LLVMFuzzerCustomMutator: `change(file, random)` returns the changed file, or an empty
// one if `file` cannot be taken apart. One mutation in four is blind, so that the checks themselves
// are tested, too.
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
