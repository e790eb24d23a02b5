// The training loop.
#include "train/trainer.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "nn/layers.h"
#include "nn/models.h"
#include "ops/backend.h"
#include "ops/ops.h"
#include "optim/make_optimizer.h"
#include "tensor/file.h"
#include "train/checkpoint.h"
#include "train/evaluation.h"
#include "train/run_data.h"
#include "train/sample_weights.h"

namespace osteon {
namespace {

namespace fs = std::filesystem;

// A validation without both classes has no AUROC; the loss then decides.
bool is_better(double loss, const Metrics& metrics, double best_loss, const Metrics& best) {
  if (metrics.auroc && best.auroc) return *metrics.auroc > *best.auroc;
  return loss < best_loss;
}

// Views of one study that contradict each other are found now, not after the last epoch.
void check_studies(const Manifest& manifest) {
  std::vector<std::int64_t> all(manifest.samples.size());
  std::iota(all.begin(), all.end(), 0);
  aggregate_studies(to_predictions(manifest, all, std::vector<double>(all.size())));
}

nlohmann::json or_null(const std::optional<double>& value) {
  return value ? nlohmann::json(*value) : nlohmann::json();
}

}  // namespace

Trainer::Trainer(const TrainOptions& options)
    : options_(options), dtype_(activation_dtype(options.precision)), progress_(options.quiet) {
  check_options(options_);
  OSTEON_CHECK(!fs::exists(options_.out / "config.json"), options_.out.string(),
               " already holds a run; choose another --out or remove it");
  load_data();
  build_model();
  std::error_code error;
  fs::create_directories(options_.out, error);
  OSTEON_CHECK(!error, "cannot create ", options_.out.string(), ": ", error.message());
  write_config();
  write_manifest_csv(options_.out / "manifest.csv", data_.manifest);
  log_ = std::make_unique<RunLog>(options_.out / "log.jsonl");
}

void Trainer::load_data() {
  Manifest manifest = read_manifest(options_.data, {.dataset = options_.dataset,
                                                    .positive = options_.positive,
                                                    .parts = options_.parts,
                                                    .val_fraction = options_.val_fraction,
                                                    .seed = options_.split_seed});
  for (const std::string& warning : manifest.warnings) progress_.line("warning: " + warning);
  limit_splits(manifest, options_.limit, options_.split_seed);
  check_studies(manifest);
  data_ = prepare_with_progress(manifest,
                                {.image_size = options_.image_size,
                                 .fit = fit_from_name(options_.fit),
                                 .cache = options_.cache,
                                 .workers = options_.workers,
                                 .max_bad = options_.max_bad},
                                progress_);
  train_ = split_indices(data_.manifest, Split::train);
  val_ = split_indices(data_.manifest, Split::val);
  OSTEON_CHECK(train_.size() >= 2, options_.data.string(), ": the training split has ",
               train_.size(), " images, needs at least 2");
  OSTEON_CHECK(!val_.empty(), options_.data.string(),
               ": the validation split is empty; raise --val-fraction");
  const std::vector<int> labels = labels_of(data_.manifest, val_);
  OSTEON_CHECK((parse_threshold(options_.threshold) && parse_temperature(options_.temperature)) ||
                   (std::ranges::count(labels, 0) > 0 && std::ranges::count(labels, 1) > 0),
               options_.data.string(), ": --threshold val and --temperature val need both classes ",
               "in the validation split");
  weights_ = sample_weights(data_.manifest, options_.positive_weight);
}

void Trainer::build_model() {
  model_ = make_model(options_.arch,
                      {.zero_init_residual = options_.zero_init_residual, .seed = options_.seed});
  const bool imagenet = options_.normalization == "imagenet";
  info_ = {.arch = options_.arch,
           .image_size = options_.image_size,
           .fit = fit_from_name(options_.fit),
           .mean = imagenet ? kImageNetMean : std::vector<double>(3, data_.mean),
           .std = imagenet ? kImageNetStd : std::vector<double>(3, data_.std),
           .classes = data_.manifest.classes,
           .threshold = parse_threshold(options_.threshold).value_or(0.5),
           .temperature = parse_temperature(options_.temperature).value_or(1),
           .split = {options_.split_seed, options_.val_fraction}};
  if (!options_.init.empty()) {
    const InitialWeights initial = initialize_from(*model_, options_.arch, options_.init);
    info_.mean = initial.mean;
    info_.std = initial.std;
    for (const std::string& name : initial.left_as_initialised)
      progress_.line(format("note: ", name, " has another shape in ", options_.init.string(),
                            " and starts from random values"));
  }
  optimizer_ = make_optimizer(options_.optimizer, {{.parameters = model_->named_parameters(),
                                                    .lr = options_.lr,
                                                    .weight_decay = options_.weight_decay}});
  const auto per_step = options_.batch_size * options_.accumulate;
  steps_per_epoch_ = (static_cast<std::int64_t>(train_.size()) + per_step - 1) / per_step;
  scheduler_ = std::make_unique<LRScheduler>(ScheduleOptions{
      .name = options_.schedule,
      .warmup_steps = std::min(steps_per_epoch_, options_.epochs * steps_per_epoch_ / 4),
      .total_steps = options_.epochs * steps_per_epoch_});
}

void Trainer::write_config() const {
  nlohmann::ordered_json config = to_json(options_);
  config["version"] = OSTEON_VERSION;
  config["dataset"] = data_.manifest.dataset;
  config["classes"] = data_.manifest.classes;
  config["mean"] = info_.mean;
  config["std"] = info_.std;
  config["parameters"] = model_->parameter_count();
  config["splits"] = split_counts(data_.manifest);
  config["unreadable"] = nlohmann::json::array();
  for (const UnreadableImage& image : data_.unreadable) config["unreadable"].push_back(image.path);
  write_file_atomically(options_.out / "config.json", config.dump(2) + "\n");
}

void Trainer::train() {
  pace_ = std::make_unique<Pace>(options_.epochs * static_cast<std::int64_t>(train_.size()));
  for (std::int64_t epoch = 0; epoch < options_.epochs; ++epoch)
    finish_epoch(epoch, train_epoch(epoch));
}

double Trainer::train_epoch(std::int64_t epoch) {
  model_->train();
  Loader loader(*data_.store, train_,
                {.batch_size = options_.batch_size,
                 .image_size = options_.image_size,
                 .workers = options_.workers,
                 .shuffle = true,
                 .augmentation = augmentation_from_name(options_.augment),
                 .seed = options_.seed},
                epoch);
  double loss_sum = 0;
  std::int64_t images = 0, accumulated = 0;
  for (Batch batch; loader.next(batch);) {
    const auto count = static_cast<std::int64_t>(batch.indices.size());
    pace_->add(count);
    if (count < 2) break;  // the rest of an epoch, too small for batch norm; other ones next time
    const double loss = compute_gradients(batch);
    loss_sum += loss * static_cast<double>(count);
    images += count;
    if (++accumulated == options_.accumulate) {
      update_weights(epoch);
      accumulated = 0;
      report_step(epoch, loss, loader);
    }
  }
  if (accumulated > 0) update_weights(epoch);
  return loss_sum / static_cast<double>(images);
}

// Forward and backward of one batch; adds to the gradients.
double Trainer::compute_gradients(const Batch& batch) {
  seed_dropout(*model_, options_.seed, step_);
  const Tensor logits = logits_of(*model_, model_input(batch, info_, dtype_));
  const Tensor loss = loss_of(logits, batch.indices);
  const double value = loss.item();
  if (!std::isfinite(value)) {
    std::string names;
    for (const std::int64_t index : batch.indices)
      names += " " + data_.manifest.samples[static_cast<std::size_t>(index)].path;
    throw Error(format("the loss is ", value, " at step ", step_ + 1,
                       "; try a lower --lr or --clip-norm 1. The batch was:", names));
  }
  backward(loss * (1.0 / static_cast<double>(options_.accumulate)));
  return value;
}

void Trainer::update_weights(std::int64_t epoch) {
  const double limit =
      options_.clip_norm > 0 ? options_.clip_norm : std::numeric_limits<double>::infinity();
  const Tensor norm = clip_grad_norm_(optimizer_->parameters(), limit);
  OSTEON_CHECK(std::isfinite(norm.item()), "the gradient is not finite at step ", step_ + 1,
               "; try a lower --lr or --clip-norm 1");
  optimizer_->set_lr_factor(scheduler_->factor(step_, epoch));
  optimizer_->step(norm);
  optimizer_->zero_grad();
  ++step_;
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

void Trainer::report_step(std::int64_t epoch, double loss, const Loader& loader) {
  const double waited = loader.seconds_waited();
  progress_.update(format("epoch ", epoch + 1, "/", options_.epochs, "  step ", step_, "/",
                          options_.epochs * steps_per_epoch_, "  loss ", rounded(loss, 4), "  ",
                          rounded(pace_->images_per_second(), 1), " images/s  ",
                          human_duration(pace_->seconds_left()), " left"));
  log_->write({{"epoch", epoch + 1},
               {"step", step_},
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
      {.batch_size = options_.batch_size, .workers = options_.workers, .dtype = dtype_});
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

void Trainer::finish_epoch(std::int64_t epoch, double train_loss) {
  const Validation now = validate();
  scheduler_->observe(now.loss);
  const bool improved = !best_ || is_better(now.loss, now.metrics, best_->loss, best_->metrics);
  if (improved) best_ = now;
  progress_.line(format("epoch ", epoch + 1, "/", options_.epochs, "  train loss ",
                        rounded(train_loss, 4), "  val loss ", rounded(now.loss, 4), "  val AUROC ",
                        now.metrics.auroc ? rounded(*now.metrics.auroc, 4) : "-",
                        improved ? "  best so far" : "", "  (",
                        rounded(pace_->images_per_second(), 1), " images/s)"));
  log_->write({{"epoch", epoch + 1},
               {"step", step_},
               {"split", "val"},
               {"loss", now.loss},
               {"train_loss", train_loss},
               {"auroc", or_null(now.metrics.auroc)},
               {"accuracy", or_null(now.metrics.accuracy)},
               {"kappa", or_null(now.metrics.kappa)},
               {"lr", optimizer_->lr()},
               {"images_per_second", pace_->images_per_second()},
               {"seconds", pace_->seconds()},
               {"reference_fallbacks", reference_fallbacks()},
               {"peak_bytes", memory_statistics().peak_bytes}});
  save_checkpoint(options_.out, step_, *model_, info_, *optimizer_,
                  {{"epoch", epoch + 1},
                   {"val_loss", now.loss},
                   {"val_auroc", or_null(now.metrics.auroc)},
                   {"scheduler", scheduler_->state()}},
                  improved);
}

EvaluationResult Trainer::evaluate_best() {
  const TrainedModel best[] = {load_model(options_.out)};
  const std::vector<std::int64_t> test = split_indices(data_.manifest, Split::test);
  if (test.empty()) progress_.line("note: no test split; these are the figures of validation");
  return evaluate_models(best, best[0].info.threshold, data_, test.empty() ? val_ : test,
                         {.inference = {.batch_size = options_.batch_size,
                                        .workers = options_.workers,
                                        .dtype = dtype_}},
                         options_.out, progress_);
}

}  // namespace osteon
