// One step of training: gradients of one or more batches, then an update of the weights. A step is
// issued to the device without waiting; its result is read after the next step has been issued.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include "comm/process_group.h"
#include "data/shards.h"
#include "nn/module.h"
#include "optim/optimizer.h"
#include "train/shard_sums.h"

namespace osteon {

// A batch, or one shard of it (data/shards.h).
struct TrainingBatch {
  Tensors inputs;                     // on the CPU: the arguments of the loss
  std::vector<std::int64_t> samples;  // their indices, for messages
  std::int64_t shard = 0;             // of the shards of this process, from 0
  std::int64_t begin = 0;             // its first row in the whole batch
  std::int64_t whole = 0;             // rows of the whole batch; 0: all are here
  std::int64_t rows() const { return static_cast<std::int64_t>(samples.size()); }
  std::int64_t whole_rows() const { return whole > 0 ? whole : rows(); }
};

// The result of a step. If a loss or the gradient is not finite, the step did not change the
// weights.
struct TrainingResult {
  std::int64_t step = 0;             // its number in the run, from 0
  std::vector<double> losses;        // one per batch, over all its shards
  std::vector<std::int64_t> counts;  // images per batch, likewise
  double gradient_norm = 0;
  double lr = 0;                      // of the optimizer's first group
  std::vector<std::int64_t> samples;  // of all batches, as far as they are here
  bool is_finite() const;
};

class TrainingStep {
 public:
  struct Options {
    std::int64_t batch_size = 0;     // of a full batch, over all shards
    bool record = true;              // on a CUDA device: record a step with one full batch
    double clip_norm = 0;            // 0: gradients are not clipped
    bool restore_nonfinite = false;  // undo a skipped step's changes of buffers
    std::uint64_t seed = 0;          // of the layers' random draws
    std::int64_t first_step = 0;     // the number of the first issued step
    Shards shards{};
    // Of the sums over the processes of `group`, which is world() if null.
    SumOrder sum_order = SumOrder::tree;
    ProcessGroup* group = nullptr;
  };

  // The loss of one batch, from its inputs on the model's device. Values that change from step to
  // step must be tensors: a CUDA device records the step and replays it without calling this
  // function again.
  using Loss = std::function<Tensor(const Tensors& inputs)>;

  TrainingStep(Module& model, Optimizer& optimizer, Loss loss, const Options& options);
  ~TrainingStep();

  // On a CUDA device: compiles the plans and allocates the memory of steps with a batch like this
  // full one and, unless 0, with its first `last_images` only, as at the end of an epoch. Computes
  // nothing; the first steps do the same if this was not called.
  void prepare(const TrainingBatch& batch, std::int64_t last_images);

  // Issues a step over these batches, with the optimizer's current learning rate; of each shard all
  // its batches, one shard after the other. The loss is the mean over all images of all shards.
  void issue(const std::vector<TrainingBatch>& batches);

  // The result of the oldest step that was not taken yet; nullopt if there is none. Unless `wait`,
  // one more step stays issued on a CUDA device, so that it has work.
  std::optional<TrainingResult> take_result(bool wait);

  // Seconds that all steps so far have waited for gradients of other processes.
  double seconds_waited() const { return sums_ ? sums_->seconds_waited() : 0; }

 private:
  struct OnDevice;
  // A batch as part of a step.
  struct Part {
    std::int64_t shard = 0;
    std::int64_t first = 0;     // its first image's position in the step
    double share = 1;           // of the step's images
    double share_of_batch = 1;  // of the images of its whole batch
  };
  // An issued step: its losses and the gradient's norm, in this order.
  struct Issued {
    TrainingResult result;
    Tensors numbers;
  };

  void draw_from(std::int64_t first_sample) const;
  using Inputs = std::function<Tensors(std::size_t batch)>;
  std::vector<Part> parts_of(const std::vector<TrainingBatch>& batches) const;
  Part full_part() const;
  Tensors compute(const std::vector<Part>& parts, const Inputs& inputs);
  Tensors add_gradients(const std::vector<Part>& parts, const Inputs& inputs);
  bool is_full_step(const std::vector<TrainingBatch>& batches) const;
  std::unique_ptr<OnDevice> open_device();
  Tensors cpu_buffers() const;
  void note_replay();

  Module& model_;
  Optimizer& optimizer_;
  const Loss loss_;
  const Options options_;
  const Device device_;
  std::int64_t next_step_;
  std::deque<Issued> issued_;
  const std::unique_ptr<OnDevice> on_device_;  // null on the CPU
  const std::unique_ptr<ShardSums> sums_;      // null for one shard without a group
};

}  // namespace osteon
