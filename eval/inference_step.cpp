// Issues batches; on a CUDA device they have one shape, and are recorded once and replayed.
#include "eval/inference_step.h"

#include <utility>

#include "ops/backend.h"
#include "ops/ops.h"
#include "tensor/cuda/allocator.h"
#include "tensor/cuda/repeated_work.h"
#include "tensor/cuda/upload.h"

namespace osteon {
namespace {

// The tensors with rows of zeros at the end, so that each has `rows` rows.
Tensors filled_up(const Tensors& inputs, std::int64_t rows) {
  Tensors filled;
  for (const Tensor& input : inputs) {
    if (input.dim(0) == rows) {
      filled.push_back(input);
      continue;
    }
    std::vector<std::int64_t> extents = input.shape().extents();
    extents[0] = rows;
    filled.push_back(zeros(Shape(extents), input.dtype()));
    copy_(filled.back().rows(0, input.dim(0)), input);
  }
  return filled;
}

}  // namespace

// The members of a step on a CUDA device.
struct InferenceStep::OnDevice {
  cuda::Upload upload;
  cuda::Downloads downloads;
  const std::shared_ptr<cuda::Arena> arena;  // memory of the recorded step
  cuda::RepeatedWork work;
  const Device device;
  bool is_prepared = false;
};

InferenceStep::InferenceStep(const Device& device, Forward forward, const Options& options)
    : forward_(std::move(forward)),
      options_(options),
      on_device_(device.is_cuda()
                     ? std::make_unique<OnDevice>(OnDevice{
                           cuda::Upload(device),
                           cuda::Downloads(device),
                           cuda::make_arena(device),
                           {device,
                            "inference",
                            [this](const Tensors& inputs) { return Tensors{forward_(inputs)}; },
                            {.may_record = options.record}},
                           device})
                     : nullptr) {}

InferenceStep::~InferenceStep() = default;

void InferenceStep::issue(const Tensors& inputs) {
  const NoGrad no_grad;
  const std::int64_t rows = inputs.empty() ? options_.batch_size : inputs[0].dim(0);
  OSTEON_CHECK(rows <= options_.batch_size, "inference: a batch of ", rows, " images; at most ",
               options_.batch_size, " were announced");
  if (!on_device_) return issued_.push_back({rows, forward_(inputs)});
  const cuda::ArenaScope scope(on_device_->arena);
  const Tensors sent = on_device_->upload(filled_up(inputs, options_.batch_size));
  if (!std::exchange(on_device_->is_prepared, true))
    rehearse(on_device_->device, [&] { forward_(sent); });
  on_device_->downloads.issue(on_device_->work(sent));
  issued_.push_back({rows, {}});
}

std::optional<Tensor> InferenceStep::take_outputs(bool wait) {
  const std::size_t left_alone = on_device_ && !wait ? 1 : 0;
  if (issued_.size() <= left_alone) return std::nullopt;
  const Issued oldest = std::move(issued_.front());
  issued_.pop_front();
  if (!on_device_) return oldest.outputs;
  return on_device_->downloads.take()[0].rows(0, oldest.rows);
}

}  // namespace osteon
