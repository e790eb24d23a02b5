// The set of a scope: weak references to filters, and their copies.
#include "ops/cuda/cudnn/filters.h"

#include <algorithm>
#include <optional>
#include <utility>
#include <vector>

#include "ops/rounded_filters.h"
#include "tensor/cuda/allocator.h"

namespace osteon {

class RoundedFilters::Copies {
 public:
  void expire() {
    for (Copy& copy : copies_) copy.version.reset();
  }

  Tensor of(const Tensor& weight) {
    auto copy = std::ranges::find_if(copies_, [&](const Copy& each) { return each.is_of(weight); });
    if (copy == copies_.end()) {
      if (!memory_) memory_ = cuda::make_arena(weight.device());
      const cuda::ArenaScope scope(memory_);
      copies_.push_back({weight.storage(), weight.raw(), std::nullopt,
                         Tensor(weight.shape(), DType::bf16, weight.device())});
      copy = copies_.end() - 1;
    }
    const Tensor rounded = copy->rounded;
    if (copy->version != weight.version()) round();
    return rounded;
  }

 private:
  // The filters are f32. A weak reference does not keep them alive, and makes no difference to
  // Tensor::owns_memory_alone.
  struct Copy {
    std::weak_ptr<Storage> source;
    const std::byte* first;  // address of the filters
    std::optional<std::uint64_t> version;
    Tensor rounded;

    bool is_of(const Tensor& weight) const {
      return first == weight.raw() && rounded.shape() == weight.shape() &&
             source.lock() == weight.storage();
    }
    Tensor filters(const std::shared_ptr<Storage>& storage) const {
      const auto offset = (first - storage->data()) / static_cast<std::ptrdiff_t>(sizeof(float));
      return Tensor(storage, offset, rounded.shape(), DType::f32);
    }
  };

  // Rounds all filters that are out of date, and forgets those that no longer exist.
  void round() {
    std::erase_if(copies_, [](const Copy& copy) { return copy.source.expired(); });
    Tensors to, from;
    for (Copy& copy : copies_) {
      const std::shared_ptr<Storage> storage = copy.source.lock();
      if (copy.version == storage->version()) continue;
      copy.version = storage->version();
      to.push_back(copy.rounded);
      from.push_back(copy.filters(storage));
    }
    copy_(to, from);
  }

  // Apart from the tensors of the steps: copies between these would divide free memory.
  std::shared_ptr<cuda::Arena> memory_;
  std::vector<Copy> copies_;
};

namespace {

thread_local RoundedFilters::Copies* current = nullptr;

}  // namespace

RoundedFilters::RoundedFilters() : copies_(std::make_unique<Copies>()) {}
RoundedFilters::RoundedFilters(RoundedFilters&&) noexcept = default;
RoundedFilters::~RoundedFilters() = default;

RoundedFilters::Scope::Scope(RoundedFilters* set)
    : before_(std::exchange(current, set == nullptr ? nullptr : set->copies_.get())) {
  if (current != nullptr) current->expire();
}
RoundedFilters::Scope::~Scope() { current = before_; }

}  // namespace osteon

namespace osteon::cuda {

Tensor rounded_filters(const Tensor& weight) {
  if (current != nullptr) return current->of(weight);
  const Tensor rounded(weight.shape(), DType::bf16, weight.device());
  copy_(rounded, weight);
  return rounded;
}

}  // namespace osteon::cuda
