// Adds shards in the order of a binary tree.
#include "train/shard_sums.h"

#include <algorithm>

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
                     std::int64_t shards_here)
    : group_(group), shards_here_(shards_here) {
  optimizer.zero_grad();
  make_buckets(optimizer);
  for (const auto& [name, buffer] : model.named_buffers()) {
    buffers_.push_back(buffer);
    before_.push_back(buffer.clone());
  }
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
  for (std::size_t i = 0; i < buffers_.size(); ++i)
    shard == 0 ? copy_(before_[i], buffers_[i]) : copy_(buffers_[i], before_[i]);
  for (Bucket& bucket : buckets_) bucket.missing = bucket.parameters;
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

void ShardSums::start(Bucket& bucket) { bucket.reduced = group_.start_all_reduce(bucket.sum); }

void ShardSums::end_shard(const std::vector<double>& losses, double share) {
  std::vector<double> numbers = losses;
  for (const Tensor& buffer : buffers_)
    if (is_floating(buffer.dtype()))
      for (const double value : buffer.to_vector()) numbers.push_back(share * value);
  const auto count = static_cast<std::int64_t>(numbers.size());
  numbers_.sum = from_vector(numbers, {count}, DType::f64);
  if (shard_ == 0) numbers_.partial.clear();  // the number of losses may have changed
  add_shard(numbers_);
  if (is_last_shard()) return;
  for (Bucket& bucket : buckets_) add_shard(bucket);
}

std::vector<double> ShardSums::finish() {
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
  std::vector<double> numbers = numbers_.sum.to_vector();
  std::size_t elements = 0;
  for (const Tensor& buffer : buffers_)
    if (is_floating(buffer.dtype())) elements += static_cast<std::size_t>(buffer.numel());
  auto value = numbers.end() - static_cast<std::ptrdiff_t>(elements);
  std::vector<double> losses(numbers.begin(), value);
  for (const Tensor& buffer : buffers_)
    if (is_floating(buffer.dtype())) {
      copy_(buffer, from_vector({value, value + buffer.numel()}, buffer.shape(), DType::f64));
      value += buffer.numel();
    }
  return losses;
}

}  // namespace osteon
