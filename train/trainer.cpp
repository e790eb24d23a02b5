// The training loop.
#include "train/trainer.h"

#include <algorithm>
#include <cmath>

#include "comm/process_group.h"
#include "eval/evaluation.h"
#include "ops/ops.h"
#include "optim/weight_average.h"

namespace osteon {
namespace {

// If the score of a validation is undefined (an AUROC without both classes), the loss decides.
bool is_better(double loss, const NamedFigure& score, const BestSoFar& best, const Score& rule) {
  if (!score.second || !best.score.second) return loss < best.loss;
  return rule.higher_is_better ? *score.second > *best.score.second
                               : *score.second < *best.score.second;
}

}  // namespace

void Trainer::train() {
  run_->start();
  const auto images = static_cast<std::int64_t>(data_.train.size());
  pace_.emplace((options_.epochs - state_.epoch) * images - state_.images);
  seconds_before_ = state_.seconds;
  while (state_.epoch < options_.epochs && stop_reason().empty()) {
    if (is_body_frozen() != step_is_of_head_)
      build_step();
    else
      set_modes();
    Batches batches;  // of one step
    for (Loader loader(*data_.images.store, data_.train, loader_options(), state_.epoch);
         next_batches(loader, batches);) {
      optimizer_->set_lr_factor(scheduler_->factor(state_.step, state_.epoch));
      training_step_->issue(batches);  // zero_grad, loss, backward, update: training_step.cpp
      ++state_.step;
      if (average_) update_average(*average_, *model_, average_decay(options_.ema, state_.step));
      world().mark("training step", state_.step);
      take_votes();
      take_results(/*wait=*/false);  // of finished steps, for the callbacks
      stop_if_interrupted();
      if (is_save_due_) save();
    }
    take_results(/*wait=*/true);
    finish_epoch(validate_better());
    take_votes();
    stop_if_interrupted();
  }
  if (state_.epoch < options_.epochs) run_->progress().line("stopped early: " + stop_reason());
  if (state_.skipped > 0)
    run_->progress().warn(
        format(state_.skipped, " steps were skipped: loss or gradient was not finite"));
  run_->finish();
}

std::string Trainer::stop_reason() const {
  for (const auto& callback : callbacks_)
    if (std::string reason = callback->stop_reason(); !reason.empty()) return reason;
  return {};
}

Augmentation Trainer::augmentation() const {
  Augmentation augmentation = augmentation_from_name(options_.augment);
  augmentation.jitter = options_.jitter;
  augmentation.erase = options_.erase;
  return augmentation;
}

BatchChangeOptions Trainer::change_options() const {
  const Augmentation drawn = augmentation();
  return {.has_levels = drawn.jitter > 0 || drawn.is_trivial,
          .has_erased = drawn.erase > 0,
          .mixup = options_.mixup,
          .cutmix = options_.cutmix,
          .image_size = options_.image_size,
          .seed = options_.seed};
}

LoaderOptions Trainer::loader_options() const {
  return {.batch_size = whole_batch(),
          .image_size = options_.image_size,
          .workers = options_.workers,
          .shuffle = true,
          .images = !device_images_,
          .augmentation = augmentation(),
          .seed = options_.seed,
          .first_batch = state_.batches,
          .shards = shards_};
}

// The batches of the next step: the shards of options_.accumulate batches that are computed here,
// fewer at the end of an epoch, none after it.
bool Trainer::next_batches(Loader& loader, Batches& batches) {
  batches.clear();
  Batch batch;
  for (std::int64_t i = 0; i < options_.accumulate; ++i, ++state_.batches) {
    bool is_whole = true;
    for (std::int64_t shard = 0; shard < shards_.count; ++shard) {
      if (!loader.next(batch)) return finish_batches(batches);
      // Too small for batch norm; the next epoch leaves out other images.
      is_whole = batch.whole >= 2 * shards_.total;
      if (is_whole) batches.push_back(training_batch(batch));
    }
    data_wait_ = loader.seconds_waited();
    pace_->add(batch.whole);
    if (!is_whole) break;
  }
  return finish_batches(batches);
}

// Orders the batches by shard; returns whether there are any.
bool Trainer::finish_batches(Batches& batches) {
  std::ranges::stable_sort(batches, {}, &TrainingBatch::shard);
  return !batches.empty();
}

TrainingBatch Trainer::training_batch(const Batch& batch) const {
  const Tensor images = device_images_ ? device_images_->places(batch.indices) : batch.images;
  Tensor targets = data_.task->smooth(data_.task->targets(data_.samples(batch.indices), DType::f32),
                                      options_.loss_smoothing);
  Tensor weights = weights_of(batch.indices, DType::f32);
  const BatchChangeOptions changes = change_options();
  // The partners of a mixture are in one shard.
  const Mixture mixture =
      draw_mixture(changes, state_.epoch, state_.batches * shards_.total + batch.shard);
  mix_targets(mixture, targets, weights);
  TrainingBatch result{.inputs = {images, batch.matrices, targets, weights},
                       .samples = batch.indices,
                       .shard = batch.shard - shards_.first,
                       .begin = batch.rows.begin,
                       .whole = batch.whole};
  for (const Tensor& input : change_inputs(changes, batch, mixture, info_))
    result.inputs.push_back(input);
  return result;
}

Tensor Trainer::loss_of_inputs(const Tensors& inputs) const {
  const Tensor images =
      device_images_ ? index_select(device_images_->images(), inputs[0]) : inputs[0];
  const Tensor input =
      apply_changes(change_options(), model_input(images, inputs[1], info_, dtype_),
                    std::span(inputs).subspan(4));
  const Tensor outputs = outputs_of(*model_, input);
  return data_.task->loss(outputs, inputs[2], inputs[3]);
}

// The loss weights of these samples, [N].
Tensor Trainer::weights_of(const std::vector<std::int64_t>& indices, DType dtype) const {
  std::vector<double> weights;
  for (const std::int64_t index : indices)
    weights.push_back(data_.weights[static_cast<std::size_t>(index)]);
  return from_vector(weights, {static_cast<std::int64_t>(indices.size())}, dtype);
}

// Adds up the results of finished steps and calls the callbacks; if `wait`, those of all issued
// steps.
void Trainer::take_results(bool wait) {
  while (const std::optional<TrainingResult> result = training_step_->take_result(wait)) {
    check_finite(*result);
    if (!result->is_finite()) ++state_.skipped;
    for (std::size_t i = 0; i < result->losses.size(); ++i) {
      if (!std::isfinite(result->losses[i])) continue;
      state_.loss_sum += result->losses[i] * static_cast<double>(result->counts[i]);
      state_.images += result->counts[i];
    }
    const StepEvent event{.epoch = state_.epoch + 1,
                          .step = result->step + 1,
                          .total_steps = options_.epochs * steps_per_epoch_,
                          .loss = result->losses.back(),
                          .lr = result->lr,
                          .images_per_second = pace_->images_per_second(),
                          .seconds_left = pace_->seconds_left(),
                          .data_wait = data_wait_,
                          .waits = waits_,
                          .peak_bytes = memory_statistics(device_).peak_bytes};
    for (const auto& callback : callbacks_) callback->on_step(event);
  }
}

// Ends the run at a number that is not finite, unless skip_nonfinite is set.
void Trainer::check_finite(const TrainingResult& result) const {
  if (result.is_finite() || options_.skip_nonfinite) return;
  const auto bad =
      std::ranges::find_if_not(result.losses, [](double x) { return std::isfinite(x); });
  const bool is_loss = bad != result.losses.end();
  std::string names;
  for (const std::int64_t index : result.samples)
    names += " " + data_.images.manifest.samples[static_cast<std::size_t>(index)].path;
  throw Error(
      format("the ", is_loss ? "loss" : "norm of the gradient", " is ",
             is_loss ? *bad : result.gradient_norm, " at step ", result.step + 1,
             "; try a lower --lr, --clip-norm 1 or --skip-nonfinite. The last checkpoint is ",
             run_->last_checkpoint(), ". The images of the step were:", names));
}

// Validates the weights and, if there is one, their average; returns the better one's result, with
// the scores of both among its figures.
Trainer::Validation Trainer::validate_better() {
  OSTEON_CHECK(state_.images > 0, "no batch of epoch ", state_.epoch + 1,
               " had a finite loss; the last checkpoint is ", run_->last_checkpoint());
  Validation weights = validate(*model_);
  if (!average_) return weights;
  Validation average = validate(*average_);
  average.is_average = true;
  const BestSoFar as_best{weights.loss, weights.score, ""};
  const bool is_average_better =
      is_better(average.loss, average.score, as_best, data_.task->score());
  const NamedFigure scores[] = {{"weights_" + weights.score.first, weights.score.second},
                                {"average_" + average.score.first, average.score.second}};
  Validation better = std::move(is_average_better ? average : weights);
  better.figures.insert(better.figures.end(), std::begin(scores), std::end(scores));
  return better;
}

Trainer::Validation Trainer::validate(Module& model) {
  const Task& task = *data_.task;
  const Samples samples = data_.samples(data_.val);
  const ImageValues outputs = infer_outputs(model, info_, *data_.images.store, data_.val,
                                            {.batch_size = options_.batch_size,
                                             .workers = options_.workers,
                                             .dtype = dtype_,
                                             .record = options_.may_record()},
                                            [&](std::int64_t) {
                                              if (world().size() > 1) return;  // see take_votes
                                              take_votes();
                                              stop_if_interrupted();
                                            });
  const auto count = static_cast<std::int64_t>(outputs.rows());
  Validation validation;
  ModelInfo& info = validation.info = info_;
  validation.loss = task.loss(from_vector(outputs.values, {count, outputs.columns}, DType::f64),
                              task.targets(samples, DType::f64), weights_of(data_.val, DType::f64))
                        .item();
  task.set_temperature(info, options_.temperature, samples, outputs);
  const ImageValues predictions = task.predict(outputs, info);
  if (task.thresholds() > 0) task.set_threshold(info, options_.threshold, samples, predictions);
  validation.figures = task.evaluate(samples, predictions, info, {})->figures();
  validation.score = *std::ranges::find(validation.figures, task.score().key, &NamedFigure::first);
  return validation;
}

void Trainer::finish_epoch(const Validation& validation) {
  const Score rule = data_.task->score();
  info_ = validation.info;
  scheduler_->observe(validation.loss);
  const bool is_best =
      !state_.best || is_better(validation.loss, validation.score, *state_.best, rule);
  const EpochEvent event{.epoch = state_.epoch + 1,
                         .step = state_.step,
                         .train_loss = state_.loss_sum / static_cast<double>(state_.images),
                         .loss = validation.loss,
                         .score = {rule.name, validation.score.second},
                         .figures = validation.figures,
                         .is_average = validation.is_average,
                         .is_best = is_best,
                         .lr = optimizer_->lr(),
                         .images_per_second = pace_->images_per_second(),
                         .seconds = seconds(),
                         .skipped = state_.skipped,
                         .peak_bytes = memory_statistics(device_).peak_bytes};
  for (const auto& callback : callbacks_) callback->on_epoch(event);
  ++state_.epoch;
  state_.batches = state_.images = 0;
  state_.loss_sum = 0;
  save(is_best ? std::optional(BestSoFar{validation.loss, validation.score, ""}) : std::nullopt,
       validation.is_average);
}

double Trainer::seconds() const { return seconds_before_ + pace_->seconds(); }

// Saves a checkpoint; it is the best one if `new_best` has its figures.
void Trainer::save(std::optional<BestSoFar> new_best, bool is_average_better) {
  take_results(/*wait=*/true);
  state_.seconds = seconds();
  nlohmann::ordered_json more{{"scheduler", scheduler_->state()}};
  for (const auto& callback : callbacks_)
    if (!callback->name().empty()) more["callbacks"][callback->name()] = callback->state();
  run_->save(state_,
             {.model = *model_,
              .info = info_,
              .optimizer = *optimizer_,
              .average = average_.get(),
              .is_average_better = is_average_better},
             more, std::move(new_best));
}

// All processes call it at the same places: a signal to any of them counts, and the clock of the
// first one.
void Trainer::take_votes() {
  struct Vote {
    int signal;
    bool is_save_due;
    Waits waits;
  };
  const Vote mine{
      run_->signal(), run_->is_save_due(), {data_wait_, training_step_->seconds_waited()}};
  const std::vector<Vote> votes = gather_values(mine);
  for (const Vote& vote : votes)
    if (signal_ == 0) signal_ = vote.signal;
  is_save_due_ = votes[0].is_save_due;
  waits_.clear();
  if (votes.size() > 1)
    for (const Vote& vote : votes) waits_.push_back(vote.waits);
}

void Trainer::stop_if_interrupted() {
  if (signal_ == 0) return;
  if (!run_->is_saved(state_)) save();
  throw Interrupted(signal_, format("interrupted by ", signal_name(signal_), " after step ",
                                    state_.step, "; the last checkpoint is ",
                                    run_->last_checkpoint(), ", --resume continues from there"));
}

std::unique_ptr<TaskResult> Trainer::evaluate_best() {
  const TrainedModel best[] = {load_model(options_.out, device_)};
  const std::vector<std::int64_t> test = split_indices(data_.images.manifest, Split::test);
  if (test.empty())
    run_->progress().line("note: there is no test split; these are the figures of validation");
  return evaluate_models(best, best[0].info, data_.images, test.empty() ? data_.val : test,
                         {.inference = {.batch_size = options_.batch_size,
                                        .workers = options_.workers,
                                        .dtype = dtype_,
                                        .record = options_.may_record()},
                          .report = {.split = test.empty() ? "val" : "test",
                                     .precision = options_.precision,
                                     .checkpoints = {options_.out}}},
                         options_.out, run_->progress());
}

}  // namespace osteon
