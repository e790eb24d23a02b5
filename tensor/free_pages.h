// Free memory inside reserved regions. Neighbouring free blocks are merged; a request takes the
// smallest block that fits (best fit). Both allocators, the CPU's and CUDA's, use it.
#pragma once

#include <cstddef>
#include <map>
#include <set>
#include <utility>

namespace osteon {

class FreePages {
 public:
  // A block of `size` bytes, or null. Among blocks of equal size, the one with the lowest address.
  std::byte* take(std::size_t size) {
    const auto found = by_size_.lower_bound({size, nullptr});
    if (found == by_size_.end()) return nullptr;
    const auto [whole, block] = *found;
    remove(block, whole);
    if (whole > size) add(block + size, whole - size);
    return block;
  }

  // Adds a block that was returned or is newly reserved. Adjacent blocks are merged, even across
  // the border between two regions.
  void give(std::byte* block, std::size_t size) {
    auto next = by_address_.lower_bound(block);
    if (next != by_address_.begin()) {
      const auto [before, bytes] = *std::prev(next);
      if (before + bytes == block) {
        remove(before, bytes);
        block = before;
        size += bytes;
      }
    }
    next = by_address_.lower_bound(block);
    if (next != by_address_.end() && next->first == block + size) {
      const std::size_t bytes = next->second;
      remove(block + size, bytes);
      size += bytes;
    }
    add(block, size);
  }

  // Takes exactly [block, block + size) if all of it is free.
  bool take_whole(std::byte* block, std::size_t size) {
    const auto after = by_address_.upper_bound(block);
    if (after == by_address_.begin()) return false;
    const auto [start, bytes] = *std::prev(after);
    if (start + bytes < block + size) return false;
    remove(start, bytes);
    if (start < block) add(start, static_cast<std::size_t>(block - start));
    if (block + size < start + bytes)
      add(block + size, static_cast<std::size_t>(start + bytes - (block + size)));
    return true;
  }

  // Calls body(block, size) for each free block, then removes all.
  template <class Body>
  void take_all(const Body& body) {
    for (const auto& [block, size] : by_address_) body(block, size);
    by_address_.clear();
    by_size_.clear();
  }

 private:
  void add(std::byte* block, std::size_t size) {
    by_address_.emplace(block, size);
    by_size_.emplace(size, block);
  }
  void remove(std::byte* block, std::size_t size) {
    by_address_.erase(block);
    by_size_.erase({size, block});
  }

  std::map<std::byte*, std::size_t> by_address_;
  std::set<std::pair<std::size_t, std::byte*>> by_size_;
};

}  // namespace osteon
