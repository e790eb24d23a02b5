// The training loop.
#include "train/trainer.h"

#include <cmath>

#include "nn/layers.h"
#include "ops/backend.h"
#include "ops/ops.h"
#include "train/evaluation.h"

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
                 .augmentation = augmentation_from_name(options_.augment),
                 .seed = options_.seed,
                 .first_batch = state_.batches},
                state_.epoch);
  std::int64_t accumulated = 0;
  for (Batch batch; loader.next(batch);) {
    const auto count = static_cast<std::int64_t>(batch.indices.size());
    pace_->add(count);
    if (count < 2) break;  // the rest of an epoch, too small for batch norm; other ones next time
    const double loss = compute_gradients(batch);
    ++state_.batches;
    if (std::isfinite(loss)) {
      state_.loss_sum += loss * static_cast<double>(count);
      state_.images += count;
    }
    if (++accumulated == options_.accumulate) {
      update_weights();
      accumulated = 0;
      report_step(loss, loader);
      stop_if_interrupted();
      save_if_due();
    }
  }
  if (accumulated > 0) update_weights();
  OSTEON_CHECK(state_.images > 0, "no batch of epoch ", state_.epoch + 1,
               " had a finite loss; the last checkpoint is ", last_checkpoint());
}

// Forward and backward of one batch; adds to the gradients. The loss is not a number when the step
// is to be skipped.
double Trainer::compute_gradients(const Batch& batch) {
  if (step_samples_.empty() && options_.skip_nonfinite) {
    buffers_before_step_.clear();
    for (const auto& [name, buffer] : model_->named_buffers())
      buffers_before_step_.push_back(buffer.clone());
  }
  step_samples_.insert(step_samples_.end(), batch.indices.begin(), batch.indices.end());
  if (!step_is_finite_) return std::numeric_limits<double>::quiet_NaN();
  seed_dropout(*model_, options_.seed, state_.step);
  const Tensor logits = logits_of(*model_, model_input(batch, info_, dtype_));
  const Tensor loss = loss_of(logits, batch.indices);
  const double value = loss.item();
  check_finite("loss", value);
  if (step_is_finite_) backward(loss * (1.0 / static_cast<double>(options_.accumulate)));
  return value;
}

void Trainer::update_weights() {
  optimizer_->set_lr_factor(scheduler_->factor(state_.step, state_.epoch));
  if (step_is_finite_) {
    const double limit =
        options_.clip_norm > 0 ? options_.clip_norm : std::numeric_limits<double>::infinity();
    const Tensor norm = clip_grad_norm_(optimizer_->parameters(), limit);
    check_finite("norm of the gradient", norm.item());
    optimizer_->step(norm);  // which leaves everything as it is for a norm that is not finite
  }
  if (!step_is_finite_) {
    ++state_.skipped;
    const NamedTensorList buffers = model_->named_buffers();
    for (std::size_t i = 0; i < buffers.size(); ++i)
      copy_(buffers[i].second, buffers_before_step_[i]);
  }
  optimizer_->zero_grad();
  step_samples_.clear();
  step_is_finite_ = true;
  ++state_.step;
  is_saved_ = false;
}

Tensor Trainer::loss_of(const Tensor& logits, const std::vector<std::int64_t>& indices) const {
  std::vector<double> labels, weights;
  for (const std::int64_t index : indices) {
    labels.push_back(
        static_cast<double>(data_.manifest.samples[static_cast<std::size_t>(index)].label));
    weights.push_back(weights_[static_cast<std::size_t>(index)]);
  }
  return binary_cross_entropy_with_logits(logits,
                                          from_vector(labels, logits.shape(), logits.dtype()),
                                          from_vector(weights, logits.shape(), logits.dtype()));
}

void Trainer::report_step(double loss, const Loader& loader) {
  const double waited = loader.seconds_waited();
  progress_.update(format("epoch ", state_.epoch + 1, "/", options_.epochs, "  step ", state_.step,
                          "/", options_.epochs * steps_per_epoch_, "  loss ", rounded(loss, 4),
                          "  ", rounded(pace_->images_per_second(), 1), " images/s  ",
                          human_duration(pace_->seconds_left()), " left"));
  log({{"epoch", state_.epoch + 1},
       {"step", state_.step},
       {"split", "train"},
       {"loss", loss},
       {"lr", optimizer_->lr()},
       {"images_per_second", pace_->images_per_second()},
       {"data_wait", waited},
       {"peak_bytes", memory_statistics().peak_bytes}});
}

Trainer::Validation Trainer::validate() {
  const std::vector<double> logits = infer_logits(
      *model_, info_, *data_.store, val_,
      {.batch_size = options_.batch_size, .workers = options_.workers, .dtype = dtype_},
      [&](std::int64_t) { stop_if_interrupted(); });
  const auto count = static_cast<std::int64_t>(logits.size());
  const double loss = loss_of(from_vector(logits, {count}, DType::f64), val_).item();
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
       {"peak_bytes", memory_statistics().peak_bytes}});
  ++state_.epoch;
  state_.batches = state_.images = 0;
  state_.loss_sum = 0;
  is_saved_ = false;
  save(improved ? std::optional(BestSoFar{now.loss, now.metrics.auroc, ""}) : std::nullopt);
}

EvaluationResult Trainer::evaluate_best() {
  const TrainedModel best[] = {load_model(options_.out)};
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
