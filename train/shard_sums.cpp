// Adds shards in the order of a binary tree.
#include "train/shard_sums.h"

#include <algorithm>

#include "ops/ops.h"

namespace osteon {
namespace {

// The gradients are cut where so much of them lies before. The first layers come first in memory
// and last in backward, have few parameters and take most of the time: their part is small, because
// it cannot be sent before backward ends.
constexpr double kCuts[] = {1.0 / 16, 1.0 / 4, 1.0 / 2};

// The elements from the begin of `first` to the end of `last`, which are views of one storage. What
// lies in the gaps between tensors is added, too, and never read.
Tensor span_of(const Tensor& first, const Tensor& last) {
  const auto size = static_cast<std::ptrdiff_t>(size_of(first.dtype()));
  const std::int64_t begin = (first.raw() - first.storage()->data()) / size;
  const std::int64_t end = (last.raw() - last.storage()->data()) / size + last.numel();
  return Tensor(first.storage(), begin, {end - begin}, first.dtype());
}

}  // namespace

ShardSums::ShardSums(const Module& model, Optimizer& optimizer, ProcessGroup& group,
                     std::int64_t shards_here, SumOrder order)
    : group_(group), shards_here_(shards_here), order_(order) {
  optimizer.zero_grad();
  make_buckets(optimizer);
  for (const auto& [name, buffer] : model.named_buffers()) {
    (is_floating(buffer.dtype()) ? statistics_ : counters_).push_back(buffer);
    if (is_floating(buffer.dtype())) elements_ += buffer.numel();
  }
  if (shards_here_ == 1) return;
  for (const Tensor& buffer : statistics_) statistics_before_.push_back(buffer.clone());
  for (const Tensor& buffer : counters_) counters_before_.push_back(buffer.clone());
}

// The gradients of a group of parameters lie one after the other in memory. Groups are not mixed:
// norms and biases, often a group of their own, are complete only at the end of backward.
void ShardSums::make_buckets(const Optimizer& optimizer) {
  double total = 0, before = 0;  // elements
  for (const Tensor& parameter : optimizer.parameters())
    total += static_cast<double>(parameter.numel());
  for (const ParameterGroup& group : optimizer.groups()) {
    Tensor first, last;
    Bucket bucket;
    const auto close = [&] {
      if (bucket.parameters == 0) return;
      bucket.sum = span_of(first, last);
      buckets_.push_back(std::exchange(bucket, {}));
    };
    for (const auto& [name, parameter] : group.parameters) {
      const Tensor gradient = parameter.empty_bound_grad();
      if (!parameter.requires_grad()) {
        close();
        continue;
      }
      if (bucket.parameters == 0) first = gradient;
      last = gradient;
      ++bucket.parameters;
      bucket_of_[parameter.identity()] = buckets_.size();
      const double after = before + static_cast<double>(parameter.numel());
      if (std::ranges::any_of(
              kCuts, [&](double cut) { return before < cut * total && after >= cut * total; }))
        close();
      before = after;
    }
    close();
  }
}

void ShardSums::begin_shard(std::int64_t shard) {
  shard_ = shard;
  for (Bucket& bucket : buckets_) bucket.missing = bucket.parameters;
  if (shards_here_ == 1) return;
  copy_(shard == 0 ? statistics_before_ : statistics_,
        shard == 0 ? statistics_ : statistics_before_);
  copy_(shard == 0 ? counters_before_ : counters_, shard == 0 ? counters_ : counters_before_);
}

void ShardSums::observe_last_backward(std::optional<ObserveGradients>& observer) {
  observer.emplace([this](const Tensor& leaf) {
    const auto found = bucket_of_.find(leaf.identity());
    if (found == bucket_of_.end()) return;
    Bucket& bucket = buckets_[found->second];
    if (--bucket.missing > 0) return;
    add_shard(bucket);
    start(bucket);
  });
}

// Adds the earlier shards that are complete subtrees with this one, as the carry of a binary
// counter:
//
//   shard 0: wait       shard 1: add 0       shard 2: wait       shard 3: add 2, then 0 + 1
void ShardSums::add_shard(Bucket& bucket) {
  // [exercise 12b]
  std::size_t level = 0;
  for (; (shard_ >> level & 1) != 0; ++level) add_(bucket.sum, bucket.partial[level]);
  if (is_last_shard()) return;
  if (bucket.partial.size() == level) bucket.partial.push_back(empty_like(bucket.sum));
  copy_(bucket.partial[level], bucket.sum);
  // [exercise end]
}

void ShardSums::start(Bucket& bucket) {
  bucket.reduced = group_.start_all_reduce(bucket.sum, order_);
}

Tensors ShardSums::places_of_statistics() const {
  Tensors places;
  std::int64_t end = numbers_.sum.numel() - elements_;
  for (const Tensor& buffer : statistics_) {
    const std::int64_t begin = std::exchange(end, end + buffer.numel());
    places.push_back(numbers_.sum.rows(begin, end).view(buffer.shape()));
  }
  return places;
}

void ShardSums::end_shard(const Tensors& losses, double share) {
  const NoGrad no_grad;
  const auto count = static_cast<std::int64_t>(losses.size());
  numbers_.sum = Tensor({count + elements_}, DType::f64, losses[0].device());
  for (std::int64_t i = 0; i < count; ++i)
    copy_(numbers_.sum.rows(i, i + 1), losses[static_cast<std::size_t>(i)]);
  copy_(places_of_statistics(), statistics_);
  const Tensor of_shard = numbers_.sum.rows(count, count + elements_);
  if (elements_ > 0) copy_(of_shard, of_shard * share);
  if (shard_ == 0) numbers_.partial.clear();  // the number of losses may have changed
  add_shard(numbers_);
  if (is_last_shard()) return;
  for (Bucket& bucket : buckets_) add_shard(bucket);
}

Tensors ShardSums::finish() {
  for (Bucket& bucket : buckets_)
    if (bucket.missing > 0) {  // the loss does not depend on one of its parameters
      add_shard(bucket);
      start(bucket);
    }
  start(numbers_);
  const auto begin = std::chrono::steady_clock::now();
  for (Bucket& bucket : buckets_) group_.wait(bucket.reduced);
  group_.wait(numbers_.reduced);
  seconds_waited_ +=
      std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
  copy_(statistics_, places_of_statistics());
  Tensors losses;
  for (std::int64_t i = 0; i < numbers_.sum.numel() - elements_; ++i)
    losses.push_back(numbers_.sum.rows(i, i + 1));
  return losses;
}

}  // namespace osteon
