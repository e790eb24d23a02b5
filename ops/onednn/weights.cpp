// A cache of reordered copies, keyed by the memory of the weights. A copy whose weights no longer
// exist is removed at the next call.
#include "ops/onednn/weights.h"

#include <algorithm>
#include <mutex>
#include <vector>

#include "ops/onednn/context.h"

namespace osteon::onednn {
namespace {

struct Copy {
  std::weak_ptr<Storage> source;
  const std::byte* first;  // address of the weights
  std::uint64_t version;
  dnnl::memory::desc layout;
  Tensor memory;
};

void reorder(const Tensor& weight, const dnnl::memory::desc& plain,
             const dnnl::memory::desc& wanted, const Tensor& copy) {
  dnnl::memory from = memory_of(plain, weight), to = memory_of(wanted, copy);
  dnnl::stream stream(engine());
  dnnl::reorder(from, to).execute(stream, from, to);
  stream.wait();
}

Tensor room_for(const dnnl::memory::desc& wanted) {
  return Tensor({static_cast<std::int64_t>(wanted.get_size())}, DType::u8);
}

class Copies {
 public:
  Tensor find_or_make(const Tensor& weight, const dnnl::memory::desc& plain,
                      const dnnl::memory::desc& wanted) {
    const std::lock_guard lock(mutex_);
    auto copy = std::ranges::find_if(copies_, [&](const Copy& each) {
      return each.first == weight.raw() && each.source.lock() == weight.storage() &&
             each.layout == wanted;
    });
    if (copy == copies_.end()) {
      copies_.push_back(
          {weight.storage(), weight.raw(), weight.version() - 1, wanted, room_for(wanted)});
      copy = copies_.end() - 1;
    }
    if (copy->version != weight.version()) reorder(weight, plain, wanted, copy->memory);
    copy->version = weight.version();
    return copy->memory;
  }

  void forget_expired() {
    const std::lock_guard lock(mutex_);
    std::erase_if(copies_, [](const Copy& copy) { return copy.source.expired(); });
  }

 private:
  std::mutex mutex_;
  std::vector<Copy> copies_;
};

}  // namespace

Tensor prepared_weight(const Tensor& weight, const dnnl::memory::desc& plain,
                       const dnnl::memory::desc& wanted, bool keep) {
  if (plain == wanted) return weight;
  static Copies copies;
  copies.forget_expired();
  if (keep) return copies.find_or_make(weight, plain, wanted);
  const Tensor copy = room_for(wanted);
  reorder(weight, plain, wanted, copy);
  return copy;
}

}  // namespace osteon::onednn
