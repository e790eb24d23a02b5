// One step of training: gradients of one or more batches, then an update of the weights. A step is
// issued to the device without waiting; its result is read after the next step has been issued.
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
  Tensors inputs;                     // on the CPU: the arguments of the loss
  std::vector<std::int64_t> samples;  // their indices, for messages
};

// The result of a step. If a loss or the gradient is not finite, the step did not change the
// weights.
struct TrainingResult {
  std::int64_t step = 0;             // its number in the run, from 0
  std::vector<double> losses;        // one per batch
  std::vector<std::int64_t> counts;  // images per batch
  double gradient_norm = 0;
  double lr = 0;                      // of the optimizer's first group
  std::vector<std::int64_t> samples;  // of all batches
  bool is_finite() const;
};

class TrainingStep {
 public:
  struct Options {
    std::int64_t batch_size = 0;     // of a full batch
    bool record = true;              // on a CUDA device: record a step with one full batch
    double clip_norm = 0;            // 0: gradients are not clipped
    bool restore_nonfinite = false;  // undo a skipped step's changes of buffers
    std::uint64_t seed = 0;          // of the layers' random draws
    std::int64_t first_step = 0;     // the number of the first issued step
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

  // Issues a step over these batches, with the optimizer's current learning rate.
  void issue(const std::vector<TrainingBatch>& batches);

  // The result of the oldest step that was not taken yet; nullopt if there is none. Unless `wait`,
  // one more step stays issued on a CUDA device, so that it has work.
  std::optional<TrainingResult> take_result(bool wait);

 private:
  struct OnDevice;
  // An issued step: its losses and the gradient's norm, in this order.
  struct Issued {
    TrainingResult result;
    Tensors numbers;
  };

  void draw_from(std::int64_t first_sample) const;
  Tensors compute(std::size_t batches, const std::function<Tensors(std::size_t)>& inputs);
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
};

}  // namespace osteon
