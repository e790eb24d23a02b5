// The training loop.
#include "train/trainer.h"

#include <cmath>

#include "eval/evaluation.h"
#include "nn/layers.h"
#include "ops/backend.h"
#include "ops/ops.h"

namespace osteon {
namespace {

// A validation without both classes has no AUROC; the loss then decides.
bool is_better(double loss, const Metrics& metrics, const BestSoFar& best) {
  if (metrics.auroc && best.auroc) return *metrics.auroc > *best.auroc;
  return loss < best.loss;
}

nlohmann::json or_null(const std::optional<double>& value) {
  return value ? nlohmann::json(*value) : nlohmann::json();
}

}  // namespace

void Trainer::train() {
  interrupts_ = std::make_unique<CatchInterrupts>();
  last_save_ = std::chrono::steady_clock::now();
  const auto images = static_cast<std::int64_t>(train_.size());
  pace_ = std::make_unique<Pace>((options_.epochs - state_.epoch) * images - state_.images);
  seconds_before_ = state_.seconds;
  while (state_.epoch < options_.epochs) {
    train_epoch();
    finish_epoch();
    stop_if_interrupted();
  }
  interrupts_.reset();
  if (lost_lines_ > 0) progress_.warn(format("log.jsonl lacks ", lost_lines_, " lines"));
  if (state_.skipped > 0)
    progress_.warn(format(state_.skipped, " steps were skipped: loss or gradient was not finite"));
  OSTEON_CHECK(save_error_.empty(), "the trained weights could not be saved: ", save_error_,
               "; the last checkpoint is ", last_checkpoint());
}

void Trainer::train_epoch() {
  model_->train();
  Loader loader(*data_.store, train_,
                {.batch_size = options_.batch_size,
                 .image_size = options_.image_size,
                 .workers = options_.workers,
                 .shuffle = true,
                 .images = !device_images_,
                 .augmentation = augmentation_from_name(options_.augment),
                 .seed = options_.seed,
                 .first_batch = state_.batches},
                state_.epoch);
  std::vector<TrainingBatch> batches;
  for (Batch batch; loader.next(batch);) {
    const auto count = static_cast<std::int64_t>(batch.indices.size());
    data_wait_ = loader.seconds_waited();
    pace_->add(count);
    if (count < 2) break;  // the rest of an epoch, too small for batch norm; other ones next time
    batches.push_back(training_batch(batch));
    ++state_.batches;
    if (static_cast<std::int64_t>(batches.size()) == options_.accumulate) {
      issue_step(batches);
      stop_if_interrupted();
      save_if_due();
    }
  }
  if (!batches.empty()) issue_step(batches);
  take_results(true);
  OSTEON_CHECK(state_.images > 0, "no batch of epoch ", state_.epoch + 1,
               " had a finite loss; the last checkpoint is ", last_checkpoint());
}

TrainingBatch Trainer::training_batch(const Batch& batch) const {
  const auto [labels, weights] = labels_and_weights(batch.indices, DType::f32);
  const Tensor images = device_images_ ? device_images_->places(batch.indices) : batch.images;
  return {{images, batch.matrices, labels, weights}, batch.indices};
}

Tensor Trainer::loss_of_inputs(const Tensors& inputs) const {
  const Tensor images =
      device_images_ ? index_select(device_images_->images(), inputs[0]) : inputs[0];
  const Tensor logits = logits_of(*model_, model_input(images, inputs[1], info_, dtype_));
  return binary_cross_entropy_with_logits(logits, inputs[2], inputs[3]);
}

// Issues a step and empties the list.
void Trainer::issue_step(std::vector<TrainingBatch>& batches) {
  optimizer_->set_lr_factor(scheduler_->factor(state_.step, state_.epoch));
  set_randomness(*model_, options_.seed, state_.step);
  training_step_->issue(batches);
  batches.clear();
  ++state_.step;
  is_saved_ = false;
  take_results(false);
}

// Takes note of what steps came to, once their numbers are there; all that were issued, if `wait`.
void Trainer::take_results(bool wait) {
  while (const std::optional<TrainingResult> result = training_step_->take_result(wait)) {
    check_finite(*result);
    if (!result->is_finite()) ++state_.skipped;
    for (std::size_t i = 0; i < result->losses.size(); ++i) {
      if (!std::isfinite(result->losses[i])) continue;
      state_.loss_sum += result->losses[i] * static_cast<double>(result->counts[i]);
      state_.images += result->counts[i];
    }
    report_step(*result);
  }
}

// Of these samples, one a sample.
std::pair<Tensor, Tensor> Trainer::labels_and_weights(const std::vector<std::int64_t>& indices,
                                                      DType dtype) const {
  std::vector<double> labels, weights;
  for (const std::int64_t index : indices) {
    labels.push_back(
        static_cast<double>(data_.manifest.samples[static_cast<std::size_t>(index)].label));
    weights.push_back(weights_[static_cast<std::size_t>(index)]);
  }
  const Shape shape{static_cast<std::int64_t>(indices.size())};
  return {from_vector(labels, shape, dtype), from_vector(weights, shape, dtype)};
}

void Trainer::report_step(const TrainingResult& result) {
  const std::int64_t step = first_step_ + result.step + 1;
  const double loss = result.losses.back();
  progress_.update(format("epoch ", state_.epoch + 1, "/", options_.epochs, "  step ", step, "/",
                          options_.epochs * steps_per_epoch_, "  loss ", rounded(loss, 4), "  ",
                          rounded(pace_->images_per_second(), 1), " images/s  ",
                          human_duration(pace_->seconds_left()), " left"));
  log({{"epoch", state_.epoch + 1},
       {"step", step},
       {"split", "train"},
       {"loss", loss},
       {"lr", result.lr},
       {"images_per_second", pace_->images_per_second()},
       {"data_wait", data_wait_},
       {"peak_bytes", memory_statistics(device_).peak_bytes}});
}

Trainer::Validation Trainer::validate() {
  const std::vector<double> logits = infer_logits(
      *model_, info_, *data_.store, val_,
      {.batch_size = options_.batch_size, .workers = options_.workers, .dtype = dtype_},
      [&](std::int64_t) { stop_if_interrupted(); });
  const auto count = static_cast<std::int64_t>(logits.size());
  const auto [labels, weights] = labels_and_weights(val_, DType::f64);
  const double loss =
      binary_cross_entropy_with_logits(from_vector(logits, {count}, DType::f64), labels, weights)
          .item();
  if (options_.temperature == "val")
    info_.temperature = fit_temperature(logits, labels_of(data_.manifest, val_));
  const auto predictions =
      to_predictions(data_.manifest, val_, to_probabilities(logits, info_.temperature));
  if (const auto rule = threshold_rule_from_name(options_.threshold))
    info_.threshold = choose_threshold(predictions, *rule);
  return {loss, osteon::evaluate(predictions, info_.threshold).overall.image};
}

void Trainer::finish_epoch() {
  const Validation now = validate();
  scheduler_->observe(now.loss);
  const double train_loss = state_.loss_sum / static_cast<double>(state_.images);
  const bool improved = !state_.best || is_better(now.loss, now.metrics, *state_.best);
  progress_.line(format("epoch ", state_.epoch + 1, "/", options_.epochs, "  train loss ",
                        rounded(train_loss, 4), "  val loss ", rounded(now.loss, 4), "  val AUROC ",
                        now.metrics.auroc ? rounded(*now.metrics.auroc, 4) : "-",
                        improved ? "  best so far" : "", "  (",
                        rounded(pace_->images_per_second(), 1), " images/s)"));
  log({{"epoch", state_.epoch + 1},
       {"step", state_.step},
       {"split", "val"},
       {"loss", now.loss},
       {"train_loss", train_loss},
       {"auroc", or_null(now.metrics.auroc)},
       {"accuracy", or_null(now.metrics.accuracy)},
       {"kappa", or_null(now.metrics.kappa)},
       {"lr", optimizer_->lr()},
       {"images_per_second", pace_->images_per_second()},
       {"seconds", seconds()},
       {"skipped", state_.skipped},
       {"reference_fallbacks", reference_fallbacks()},
       {"peak_bytes", memory_statistics(device_).peak_bytes}});
  ++state_.epoch;
  state_.batches = state_.images = 0;
  state_.loss_sum = 0;
  is_saved_ = false;
  save(improved ? std::optional(BestSoFar{now.loss, now.metrics.auroc, ""}) : std::nullopt);
}

EvaluationResult Trainer::evaluate_best() {
  const TrainedModel best[] = {load_model(options_.out, device_)};
  const std::vector<std::int64_t> test = split_indices(data_.manifest, Split::test);
  if (test.empty()) progress_.line("note: no test split; these are the figures of validation");
  return evaluate_models(best, best[0].info.threshold, data_, test.empty() ? val_ : test,
                         {.inference = {.batch_size = options_.batch_size,
                                        .workers = options_.workers,
                                        .dtype = dtype_},
                          .report = {.split = test.empty() ? "val" : "test",
                                     .precision = options_.precision,
                                     .checkpoints = {options_.out}}},
                         options_.out, progress_);
}

}  // namespace osteon
