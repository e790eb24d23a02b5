// The sums over the shards of a step: gradients, losses and running statistics. The shards of one
// process come one after the other, those of other processes from the process group. Each sum
// starts as soon as its gradients are complete, while backward goes on. On a CUDA device all of it
// is issued without waiting, so that a step can be recorded.
#pragma once

#include <cstdint>
#include <optional>
#include <unordered_map>
#include <vector>

#include "comm/process_group.h"
#include "nn/module.h"
#include "optim/optimizer.h"
#include "tensor/autograd.h"

namespace osteon {

class ShardSums {
 public:
  // Resets the gradients. If the numbers of shards and processes are powers of two and the order is
  // a tree, the sums do not depend on how shards are distributed over processes.
  ShardSums(const Module& model, Optimizer& optimizer, ProcessGroup& group,
            std::int64_t shards_here, SumOrder order);

  // Before the forward pass of shard 0, 1, ... of this process. Each one starts from the same
  // running statistics.
  void begin_shard(std::int64_t shard);
  // Makes an observer that must exist while the last backward of this process runs: it starts the
  // sums of complete gradients.
  void observe_last_backward(std::optional<ObserveGradients>& observer);
  // After the last backward of the shard. `share`: of the images of all shards, with which the
  // running statistics count. `losses`, each one f64 element, are weighted already.
  void end_shard(const Tensors& losses, double share);
  // Waits for all sums (only the device waits if the model is on one): gradients and buffers of the
  // model are those of all shards. Returns the losses.
  Tensors finish();
  // Throws Error if a sum on a CUDA device has failed so far as is known. Waits for nothing.
  void check() { group_.check_device(); }

  // Seconds that finish() has waited for other processes; on a CUDA device only the device waits.
  double seconds_waited() const { return seconds_waited_; }

 private:
  // Consecutive gradients in memory, or the numbers.
  struct Bucket {
    Tensor sum;       // flat; of this process, then of all
    Tensors partial;  // partial[n]: the sum of 2^n earlier shards, while it waits
    std::size_t parameters = 0;
    std::size_t missing = 0;           // incomplete gradients in the last backward
    std::shared_future<void> reduced;  // valid once the sum was started
  };

  void make_buckets(const Optimizer& optimizer);
  void add_shard(Bucket& bucket);
  void start(Bucket& bucket);
  bool is_last_shard() const { return shard_ + 1 == shards_here_; }
  // The parts of the numbers that belong to the statistics, each of its shape.
  Tensors places_of_statistics() const;

  ProcessGroup& group_;
  const std::int64_t shards_here_;
  const SumOrder order_;
  std::int64_t shard_ = 0;
  double seconds_waited_ = 0;
  std::vector<Bucket> buckets_;                             // of gradients
  std::unordered_map<const void*, std::size_t> bucket_of_;  // by the parameter's identity
  // The model's buffers: floating-point ones, then counters; and at the start of the step.
  Tensors statistics_, statistics_before_, counters_, counters_before_;
  std::int64_t elements_ = 0;  // of all statistics
  Bucket numbers_;             // f64: losses, then the statistics
};

}  // namespace osteon
