// Copies of weights in the layout that a kernel reads. A training step uses each layout once, so
// its copy is freed at once. An evaluation uses the same copy for all batches, so it is kept until
// the weights change. A copy whose weights no longer exist is removed at the next call.
#pragma once

#include <algorithm>
#include <cstdint>
#include <memory>
#include <mutex>
#include <utility>
#include <vector>

#include "tensor/tensor.h"

namespace osteon {

// `Layout` has ==; copies of the same weights in different layouts are different copies.
template <class Layout>
class WeightCopies {
 public:
  // A copy of `weight` in this layout. make() returns the memory for a new copy; fill(memory)
  // writes it. If `keep`, the next call finds the same copy, and only writes it if the version of
  // the weights has changed.
  template <class Make, class Fill>
  Tensor find_or_make(const Tensor& weight, const Layout& layout, bool keep, const Make& make,
                      const Fill& fill) {
    if (!keep) {
      const Tensor memory = make();
      fill(memory);
      return memory;
    }
    const std::lock_guard lock(mutex_);
    std::erase_if(copies_, [](const Copy& copy) { return copy.source.expired(); });
    auto copy = std::ranges::find_if(copies_, [&](const Copy& each) {
      return each.first == weight.raw() && each.source.lock() == weight.storage() &&
             each.layout == layout;
    });
    if (copy == copies_.end()) {
      copies_.push_back({weight.storage(), weight.raw(), weight.version() - 1, layout, make()});
      copy = copies_.end() - 1;
    }
    if (copy->version != weight.version()) fill(copy->memory);
    copy->version = weight.version();
    return copy->memory;
  }

 private:
  struct Copy {
    std::weak_ptr<Storage> source;
    const std::byte* first;  // address of the weights
    std::uint64_t version;
    Layout layout;
    Tensor memory;
  };
  std::mutex mutex_;
  std::vector<Copy> copies_;
};

}  // namespace osteon
