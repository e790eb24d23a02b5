// Issues a step; on a CUDA device it is recorded once and replayed.
#include "train/training_step.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "ops/backend.h"
#include "ops/ops.h"
#include "ops/rounded_filters.h"
#include "tensor/cuda/allocator.h"
#include "tensor/cuda/repeated_work.h"
#include "tensor/cuda/upload.h"

namespace osteon {

// The members of a step on a CUDA device.
struct TrainingStep::OnDevice {
  cuda::Upload upload;
  cuda::Downloads downloads;
  const std::shared_ptr<cuda::Arena> arena;  // memory of the recorded step
  RoundedFilters filters;
  cuda::RepeatedWork full_step;  // with one full batch
};

bool TrainingResult::is_finite() const {
  return std::isfinite(gradient_norm) &&
         std::ranges::all_of(losses, [](double loss) { return std::isfinite(loss); });
}

TrainingStep::TrainingStep(Module& model, Optimizer& optimizer, Loss loss, const Options& options)
    : model_(model),
      optimizer_(optimizer),
      loss_(std::move(loss)),
      options_(options),
      device_(model.device()),
      next_step_(options.first_step),
      on_device_(device_.is_cuda() ? open_device() : nullptr),
      sums_(options.shards.total > 1 || options.group != nullptr
                ? std::make_unique<ShardSums>(model, optimizer,
                                              options.group != nullptr ? *options.group : world(),
                                              options.shards.count, options.sum_order)
                : nullptr) {}

TrainingStep::~TrainingStep() = default;

void TrainingStep::prepare(const TrainingBatch& batch, std::int64_t last_images) {
  if (!on_device_) return;
  const cuda::ArenaScope scope(on_device_->arena);
  draw_from(0);
  const Tensors full = on_device_->upload(batch.inputs);
  Tensors last, before;
  for (const Tensor& input : full) last.push_back(input.rows(0, last_images));
  const Tensors host_state = cpu_buffers();
  for (const Tensor& buffer : host_state) before.push_back(buffer.clone());
  rehearse(device_, [&] {
    compute({full_part()}, [&](std::size_t) { return full; });
    if (last_images > 0) compute({full_part()}, [&](std::size_t) { return last; });
  });
  for (std::size_t i = 0; i < before.size(); ++i) copy_(host_state[i], before[i]);
}

void TrainingStep::issue(const std::vector<TrainingBatch>& batches) {
  Issued step;
  step.result.step = next_step_;
  step.result.lr = optimizer_.lr();
  for (const TrainingBatch& batch : batches) {
    if (batch.shard == 0) step.result.counts.push_back(batch.whole_rows());
    step.result.samples.insert(step.result.samples.end(), batch.samples.begin(),
                               batch.samples.end());
  }
  // All steps allocate from one arena. Other steps may overwrite it between replays; no replay
  // reads their data.
  const cuda::ArenaScope scope(on_device_ ? on_device_->arena : nullptr);
  const std::vector<Part> parts = parts_of(batches);
  draw_from(parts[0].first);  // before a recorded step, whose work it is not
  // A batch is sent just before its loss: the memory of an upload is used again after two more.
  const auto inputs = [&](std::size_t i) {
    return on_device_ ? on_device_->upload(batches[i].inputs) : batches[i].inputs;
  };
  step.numbers = is_full_step(batches) ? on_device_->full_step(inputs(0)) : compute(parts, inputs);
  if (on_device_) on_device_->downloads.issue(step.numbers);
  issued_.push_back(std::move(step));
  ++next_step_;
}

// Sets the random draws of the layers for a batch that begins at this sample of the step.
void TrainingStep::draw_from(std::int64_t first_sample) const {
  set_randomness(model_, options_.seed, next_step_, first_sample);
}

std::optional<TrainingResult> TrainingStep::take_result(bool wait) {
  const std::size_t left_alone = on_device_ && !wait ? 1 : 0;
  if (issued_.size() <= left_alone) return std::nullopt;
  Issued step = std::move(issued_.front());
  issued_.pop_front();
  if (sums_) sums_->check();  // before the wait for a device that may wait for others
  const Tensors numbers = on_device_ ? on_device_->downloads.take() : step.numbers;
  for (std::size_t i = 0; i + 1 < numbers.size(); ++i)
    step.result.losses.push_back(numbers[i].item());
  step.result.gradient_norm = numbers.back().item();
  return std::move(step.result);
}

std::vector<TrainingStep::Part> TrainingStep::parts_of(
    const std::vector<TrainingBatch>& batches) const {
  double total = 0;
  for (const TrainingBatch& batch : batches)
    if (batch.shard == 0) total += static_cast<double>(batch.whole_rows());
  std::vector<Part> parts;
  // [exercise 12a]
  std::int64_t number = 0;  // of the batch in the step
  for (const TrainingBatch& batch : batches) {
    number = parts.empty() || parts.back().shard != batch.shard ? 0 : number + 1;
    const auto rows = static_cast<double>(batch.rows());
    // Only the last batch of a step may be smaller.
    parts.push_back({.shard = batch.shard,
                     .first = number * options_.batch_size + batch.begin,
                     .share = rows / total,
                     .share_of_batch = rows / static_cast<double>(batch.whole_rows())});
  }
  // [exercise end]
  return parts;
}

// Of a full batch, as parts_of() gives it for each of them.
TrainingStep::Part TrainingStep::full_part() const {
  const double share = 1 / static_cast<double>(options_.shards.total);
  return {.share = share, .share_of_batch = share};
}

// Forward, backward and update; returns the losses and the gradient's norm.
Tensors TrainingStep::compute(const std::vector<Part>& parts, const Inputs& inputs) {
  const RoundedFilters::Scope scope(on_device_ ? &on_device_->filters : nullptr);
  Tensors buffers, kept;
  if (options_.restore_nonfinite)
    for (const auto& [name, buffer] : model_.named_buffers())
      if (is_floating(buffer.dtype())) {
        buffers.push_back(buffer);
        kept.push_back(empty_like(buffer));
      }
  copy_(kept, buffers);
  Tensors numbers = add_gradients(parts, inputs);
  const double limit =
      options_.clip_norm > 0 ? options_.clip_norm : std::numeric_limits<double>::infinity();
  const Tensor norm = clip_grad_norm_(optimizer_.parameters(), limit);
  const NoGrad no_grad;
  Tensor guard = norm;  // not finite if a loss is not, because its gradient may still be finite
  for (const Tensor& loss : numbers) guard = guard + reshape(cast(loss, DType::f64), {1}) * 0.0;
  optimizer_.step(guard);
  restore_unless_finite_(guard, buffers, kept);
  numbers.push_back(norm);
  return numbers;
}

// Computes the gradient of the mean loss of all images; returns the loss of each batch.
Tensors TrainingStep::add_gradients(const std::vector<Part>& parts, const Inputs& inputs) {
  Tensors losses;    // of the batches, without shards
  Tensors weighted;  // what a shard contributes to them
  double share = 0;  // of the shard
  for (std::size_t i = 0; i < parts.size(); ++i) {
    const Part& part = parts[i];
    const bool is_first = i == 0 || parts[i - 1].shard != part.shard;
    const bool is_last = i + 1 == parts.size() || parts[i + 1].shard != part.shard;
    if (is_first) {
      optimizer_.zero_grad();
      if (sums_) sums_->begin_shard(part.shard);
      weighted.clear();
      share = 0;
    }
    if (i > 0) draw_from(part.first);
    const Tensor loss = loss_(inputs(i));
    {
      std::optional<ObserveGradients> observe;
      if (sums_ && i + 1 == parts.size()) sums_->observe_last_backward(observe);
      backward(loss * part.share);
    }
    losses.push_back(loss.detach());
    if (!sums_) continue;
    weighted.push_back(reshape(cast(loss.detach(), DType::f64), {1}) * part.share_of_batch);
    share += part.share;
    if (is_last) sums_->end_shard(weighted, share);
  }
  return sums_ ? sums_->finish() : losses;
}

bool TrainingStep::is_full_step(const std::vector<TrainingBatch>& batches) const {
  return on_device_ && batches.size() == 1 && options_.shards.count == 1 &&
         batches[0].rows() * options_.shards.total == options_.batch_size &&
         (options_.shards.total == 1 || batches[0].whole_rows() == options_.batch_size);
}

// What a step changes on the CPU: counters of batches.
Tensors TrainingStep::cpu_buffers() const {
  Tensors buffers;
  for (const auto& [name, buffer] : model_.named_buffers())
    if (!buffer.device().is_cuda()) buffers.push_back(buffer);
  return buffers;
}

std::unique_ptr<TrainingStep::OnDevice> TrainingStep::open_device() {
  const auto full_step = [this](const Tensors& inputs) {
    return compute({full_part()}, [&](std::size_t) { return inputs; });
  };
  return std::make_unique<OnDevice>(
      OnDevice{cuda::Upload(device_),
               cuda::Downloads(device_),
               cuda::make_arena(device_),
               RoundedFilters(),
               {device_, "the training step", full_step, {options_.record, cpu_buffers(), [this] {
                                                            note_replay();
                                                          }}}});
}

// The host's side effects of a step (versions, batch counters), which a replay skips.
void TrainingStep::note_replay() {
  for (const Tensor& parameter : optimizer_.parameters()) parameter.bump_version();
  for (const auto& [name, buffer] : model_.named_buffers()) buffer.bump_version();
  for (const auto& [name, module] : model_.named_modules()) module->replayed();
}

}  // namespace osteon
