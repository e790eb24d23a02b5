// Reorders weights, or finds the copy of an evaluation.
#include "ops/onednn/weights.h"

#include "ops/onednn/context.h"
#include "ops/weight_copies.h"

namespace osteon::onednn {
namespace {

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

}  // namespace

Tensor prepared_weight(const Tensor& weight, const dnnl::memory::desc& plain,
                       const dnnl::memory::desc& wanted, bool keep) {
  if (plain == wanted) return weight;
  const auto fill = [&](const Tensor& copy) { reorder(weight, plain, wanted, copy); };
  static WeightCopies<dnnl::memory::desc> copies;
  return copies.find_or_make(
      weight, wanted, keep, [&] { return room_for(wanted); }, fill);
}

}  // namespace osteon::onednn
