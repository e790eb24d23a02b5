// The copies, found by the memory they were made from. One that outlived its weights goes when the
// next is made.
#include "ops/onednn/weights.h"

#include <algorithm>
#include <mutex>
#include <vector>

#include "ops/onednn/context.h"

namespace osteon::onednn {
namespace {

struct Copy {
  std::weak_ptr<Storage> source;
  const std::byte* first;  // of the weights in it
  std::uint64_t version;
  dnnl::memory::desc layout;
  Tensor memory;
};

class Copies {
 public:
  dnnl::memory find_or_make(const Tensor& weight, const dnnl::memory::desc& plain,
                            const dnnl::memory::desc& wanted) {
    const std::lock_guard lock(mutex_);
    const auto found = std::ranges::find_if(copies_, [&](const Copy& copy) {
      return copy.first == weight.raw() && copy.source.lock() == weight.storage() &&
             copy.layout == wanted;
    });
    if (found != copies_.end()) {
      if (found->version != weight.version()) {
        reorder(weight, plain, *found);
        found->version = weight.version();
      }
      return memory_of(wanted, found->memory);
    }
    std::erase_if(copies_, [](const Copy& copy) { return copy.source.expired(); });
    copies_.push_back({weight.storage(), weight.raw(), weight.version(), wanted,
                       Tensor({static_cast<std::int64_t>(wanted.get_size())}, DType::u8)});
    reorder(weight, plain, copies_.back());
    return memory_of(wanted, copies_.back().memory);
  }

 private:
  static void reorder(const Tensor& weight, const dnnl::memory::desc& plain, const Copy& copy) {
    dnnl::memory from = memory_of(plain, weight), to = memory_of(copy.layout, copy.memory);
    dnnl::stream stream(engine());
    dnnl::reorder(from, to).execute(stream, from, to);
    stream.wait();
  }

  std::mutex mutex_;
  std::vector<Copy> copies_;
};

}  // namespace

dnnl::memory prepared_weight(const Tensor& weight, const dnnl::memory::desc& plain,
                             const dnnl::memory::desc& wanted) {
  if (plain == wanted) return memory_of(plain, weight);
  static Copies copies;
  return copies.find_or_make(weight, plain, wanted);
}

}  // namespace osteon::onednn
