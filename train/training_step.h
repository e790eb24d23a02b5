// One step of training: gradients of one or more batches, then an update of the weights. It is
// issued to the device without waiting; its result is read when the next step is on its way.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include "nn/module.h"
#include "optim/optimizer.h"

namespace osteon {

struct TrainingBatch {
  Tensors inputs;                     // on the CPU: what the loss is a function of
  std::vector<std::int64_t> samples;  // which ones they are, for messages
};

// The result of a step. Unless losses and gradient are finite, it left the weights as they were.
struct TrainingResult {
  std::int64_t step = 0;             // its number, from 0 in the run
  std::vector<double> losses;        // one per batch
  std::vector<std::int64_t> counts;  // images in each
  double gradient_norm = 0;
  double lr = 0;                      // of the optimizer's first group
  std::vector<std::int64_t> samples;  // of all batches
  bool is_finite() const;
};

class TrainingStep {
 public:
  struct Options {
    std::int64_t batch_size = 0;     // of a full batch: such steps are recorded on a CUDA device
    double clip_norm = 0;            // 0: gradients are not clipped
    bool restore_nonfinite = false;  // undo the change of buffers by a step that is left out
    std::uint64_t seed = 0;          // of what layers draw
    std::int64_t first_step = 0;     // the number of the first step that is issued here
  };

  // The loss of one batch, from its inputs on the model's device. What changes from step to step
  // must lie in tensors: a CUDA device records the step and replays it, without calling this again.
  using Loss = std::function<Tensor(const Tensors& inputs)>;

  TrainingStep(Module& model, Optimizer& optimizer, Loss loss, const Options& options);
  ~TrainingStep();

  // Issues a step over these batches, with the optimizer's learning rate of this moment.
  void issue(const std::vector<TrainingBatch>& batches);

  // The result of the oldest step that was not taken yet; nothing if there is none. A CUDA device
  // is left one more step to work on, unless `wait`.
  std::optional<TrainingResult> take_result(bool wait);

 private:
  struct OnDevice;
  // A step on its way: its losses and the norm, in this order.
  struct Issued {
    TrainingResult result;
    Tensors numbers;
  };

  void draw_from(std::int64_t first_sample) const;
  Tensors compute(const std::vector<Tensors>& batches);
  Tensors replay(const Tensors& inputs);
  bool may_replay(const std::vector<TrainingBatch>& batches) const;
  void note_replay();

  Module& model_;
  Optimizer& optimizer_;
  const Loss loss_;
  const Options options_;
  const Device device_;
  std::int64_t next_step_;
  std::deque<Issued> issued_;
  const std::unique_ptr<OnDevice> on_device_;  // null on the CPU
};

}  // namespace osteon
