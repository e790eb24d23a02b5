// Issues a step; on a CUDA device it is recorded once and replayed.
#include "train/training_step.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "ops/ops.h"
#include "tensor/cuda/allocator.h"
#include "tensor/cuda/graph.h"
#include "tensor/cuda/upload.h"

namespace osteon {
namespace {

// Number of steps that run directly before one is recorded. They choose plans, open libraries, fill
// caches and allocate memory, none of which can be recorded; after two steps all this is done.
constexpr int kWarmUp = 2;

}  // namespace

// The members of a step on a CUDA device.
struct TrainingStep::OnDevice {
  explicit OnDevice(const Device& device)
      : upload(device), downloads(device), arena(cuda::make_arena(device)) {}

  cuda::Upload upload;
  cuda::Downloads downloads;
  const std::shared_ptr<cuda::Arena> arena;  // memory of the recorded step
  int warm = 0;                              // full steps computed in it without recording
  std::unique_ptr<cuda::Graph> graph;
  Tensors fixed_inputs, fixed_numbers;
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
      on_device_(device_.is_cuda() ? std::make_unique<OnDevice>(device_) : nullptr) {}

TrainingStep::~TrainingStep() = default;

void TrainingStep::issue(const std::vector<TrainingBatch>& batches) {
  Issued step;
  step.result.step = next_step_;
  step.result.lr = optimizer_.lr();
  for (const TrainingBatch& batch : batches) {
    step.result.counts.push_back(static_cast<std::int64_t>(batch.samples.size()));
    step.result.samples.insert(step.result.samples.end(), batch.samples.begin(),
                               batch.samples.end());
  }
  // All steps allocate from one arena. Other steps may overwrite it between replays; no replay
  // reads their data.
  const cuda::ArenaScope scope(on_device_ ? on_device_->arena : nullptr);
  draw_from(0);
  // A batch is sent just before its loss: the memory of an upload is used again after two more.
  const auto inputs = [&](std::size_t i) {
    return on_device_ ? on_device_->upload(batches[i].inputs) : batches[i].inputs;
  };
  step.numbers = may_replay(batches) ? replay(inputs(0)) : compute(batches.size(), inputs);
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
  const Tensors numbers = on_device_ ? on_device_->downloads.take() : step.numbers;
  for (std::size_t i = 0; i + 1 < numbers.size(); ++i)
    step.result.losses.push_back(numbers[i].item());
  step.result.gradient_norm = numbers.back().item();
  return std::move(step.result);
}

// Forward, backward and update with so many batches; returns the losses and the gradient's norm.
Tensors TrainingStep::compute(std::size_t batches,
                              const std::function<Tensors(std::size_t)>& inputs) {
  Tensors buffers, kept;
  if (options_.restore_nonfinite)
    for (const auto& [name, buffer] : model_.named_buffers())
      if (is_floating(buffer.dtype())) {
        buffers.push_back(buffer);
        kept.push_back(buffer.clone());
      }
  optimizer_.zero_grad();
  Tensors numbers;
  for (std::size_t i = 0; i < batches; ++i) {
    // Sample i * batch_size of the step is the first of batch i, because only the last batch of a
    // step may be smaller. (A recorded step has only batch 0.)
    if (i > 0) draw_from(static_cast<std::int64_t>(i) * options_.batch_size);
    const Tensor loss = loss_(inputs(i));
    backward(loss * (1.0 / static_cast<double>(batches)));
    numbers.push_back(loss.detach());
  }
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

bool TrainingStep::may_replay(const std::vector<TrainingBatch>& batches) const {
  return on_device_ && batches.size() == 1 &&
         static_cast<std::int64_t>(batches[0].samples.size()) == options_.batch_size;
}

// Replays the recorded step: the same kernels on the same addresses, so the inputs are copied to
// the addresses they had when it was recorded.
Tensors TrainingStep::replay(const Tensors& inputs) {
  OnDevice& on = *on_device_;
  if (on.fixed_inputs.empty())
    for (const Tensor& input : inputs) on.fixed_inputs.push_back(empty_like(input));
  for (std::size_t i = 0; i < inputs.size(); ++i) copy_(on.fixed_inputs[i], inputs[i]);
  const auto fixed = [&](std::size_t) { return on.fixed_inputs; };
  if (!on.graph && on.warm < kWarmUp) {
    ++on.warm;
    return compute(1, fixed);
  }
  if (!on.graph)  // records: the host runs the whole step, but the device computes nothing yet
    on.graph = cuda::Graph::record(device_, [&] { on.fixed_numbers = compute(1, fixed); });
  else
    note_replay();
  on.graph->replay();
  return on.fixed_numbers;
}

// The host's side effects of a step (versions, batch counters), which a replay skips.
void TrainingStep::note_replay() {
  for (const Tensor& parameter : optimizer_.parameters()) parameter.bump_version();
  for (const auto& [name, buffer] : model_.named_buffers()) buffer.bump_version();
  for (const auto& [name, module] : model_.named_modules()) module->replayed();
}

}  // namespace osteon
