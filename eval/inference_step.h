// One batch through a model in evaluation mode. A batch is issued to the device without waiting;
// its outputs are read after the next batch has been issued, so that the device always has work.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <optional>

#include "tensor/tensor.h"

namespace osteon {

class InferenceStep {
 public:
  struct Options {
    std::int64_t batch_size = 0;  // of a full batch
    bool record = true;           // on a CUDA device: record a step and replay it
  };

  // Outputs [N, ...] from inputs [N, ...] on the device, row by row: a CUDA device also computes
  // them for rows that fill up a smaller batch.
  using Forward = std::function<Tensor(const Tensors& inputs)>;

  InferenceStep(const Device& device, Forward forward, const Options& options);
  ~InferenceStep();

  // Issues a batch of at most options.batch_size rows, given on the CPU. The inputs may be changed
  // at once. Without inputs it is a full batch.
  void issue(const Tensors& inputs);

  // The outputs of the oldest batch that was not taken yet, on the CPU, valid until the second call
  // of issue() after this one; nullopt if there is none. Unless `wait`, one more batch stays issued
  // on a CUDA device.
  std::optional<Tensor> take_outputs(bool wait);

 private:
  struct OnDevice;
  struct Issued {
    std::int64_t rows;
    Tensor outputs;  // on the CPU; undefined for a batch on a CUDA device
  };

  const Forward forward_;
  const Options options_;
  std::deque<Issued> issued_;
  const std::unique_ptr<OnDevice> on_device_;  // null on the CPU
};

}  // namespace osteon
