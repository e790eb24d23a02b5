// How a run begins, or begins again: data, model, folder.
#include <algorithm>
#include <numeric>

#include "base/file.h"
#include "base/instruction_set.h"
#include "base/json.h"
#include "data/prepare.h"
#include "eval/inference.h"
#include "eval/machine.h"
#include "nn/models.h"
#include "nn/state_dict.h"
#include "ops/backend.h"
#include "optim/make_optimizer.h"
#include "train/run/resume.h"
#include "train/sample_weights.h"
#include "train/trainer.h"

namespace osteon {
namespace {

namespace fs = std::filesystem;

// Views of one study that contradict each other are found now, not after the last epoch.
void check_studies(const Manifest& manifest) {
  std::vector<std::int64_t> all(manifest.samples.size());
  std::iota(all.begin(), all.end(), 0);
  aggregate_studies(to_predictions(manifest, all, std::vector<double>(all.size())));
}

// With the device's own name in the place of auto.
TrainOptions on_device(TrainOptions options, const Device& device) {
  options.device = format(device);
  return options;
}

}  // namespace

Trainer::Trainer(const TrainOptions& options, const Device& device)
    : options_(on_device(options, device)),
      device_(device),
      dtype_(activation_dtype(options.precision, device)),
      progress_(options.quiet) {
  check_options(options_);
  std::optional<Checkpoint> checkpoint;
  if (options_.resume) {
    check_resumable(options_);
    if (fs::is_symlink(options_.out / "last"))
      checkpoint = load_checkpoint(options_.out / fs::read_symlink(options_.out / "last"));
  } else {
    OSTEON_CHECK(!fs::exists(options_.out / "config.json"), options_.out.string(),
                 " already holds a run; continue it with --resume, choose another --out or remove "
                 "it");
  }
  choose_kernels();
  load_data();
  build_model(!checkpoint);
  if (checkpoint)
    restore(*checkpoint);
  else
    begin();
}

// What was chosen by timing when the run began is chosen again when it is resumed.
void Trainer::choose_kernels() const {
  if (!device_.is_cuda() && (options_.autotune || options_.allow_nondeterministic))
    throw UsageError(
        "--autotune and --allow-nondeterministic are for CUDA devices; leave them out");
  set_autotune(options_.autotune);
  set_allow_nondeterministic(options_.allow_nondeterministic);
  if (options_.resume && fs::exists(options_.out / kPlansFile))
    import_tuning(options_.out / kPlansFile, device_);
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

void Trainer::build_model(bool initialise) {
  model_ = make_model(options_.arch, {.width = options_.width,
                                      .zero_init_residual = options_.zero_init_residual,
                                      .seed = options_.seed});
  const bool imagenet = options_.normalization == "imagenet";
  info_ = {.arch = options_.arch,
           .width = options_.width,
           .image_size = options_.image_size,
           .fit = fit_from_name(options_.fit),
           .mean = imagenet ? kImageNetMean : std::vector<double>(3, data_.mean),
           .std = imagenet ? kImageNetStd : std::vector<double>(3, data_.std),
           .classes = data_.manifest.classes,
           .threshold = parse_threshold(options_.threshold).value_or(0.5),
           .temperature = parse_temperature(options_.temperature).value_or(1),
           .split = {options_.split_seed, options_.val_fraction}};
  if (initialise && !options_.init.empty()) {
    const InitialWeights initial = initialize_from(*model_, info_, options_.init);
    info_.mean = initial.mean;
    info_.std = initial.std;
    for (const std::string& name : initial.left_as_initialised)
      progress_.line(format("note: ", name, " has another shape in ", options_.init.string(),
                            " and starts from random values"));
  }
  model_->to(device_);
  optimizer_ = make_optimizer(options_.optimizer, {{.parameters = model_->named_parameters(),
                                                    .lr = options_.lr,
                                                    .weight_decay = options_.weight_decay}});
  const auto per_step = options_.batch_size * options_.accumulate;
  steps_per_epoch_ = (static_cast<std::int64_t>(train_.size()) + per_step - 1) / per_step;
  scheduler_ = std::make_unique<LRScheduler>(ScheduleOptions{
      .name = options_.schedule,
      .warmup_steps = std::min(steps_per_epoch_, options_.epochs * steps_per_epoch_ / 4),
      .total_steps = options_.epochs * steps_per_epoch_});
  if (options_.cache != "none") device_images_ = DeviceImages::send(*data_.store, train_, device_);
  training_step_ = std::make_unique<TrainingStep>(
      *model_, *optimizer_, [this](const Tensors& inputs) { return loss_of_inputs(inputs); },
      TrainingStep::Options{.batch_size = options_.batch_size,
                            .clip_norm = options_.clip_norm,
                            .restore_nonfinite = options_.skip_nonfinite});
}

void Trainer::begin() {
  std::error_code error;
  fs::create_directories(options_.out, error);
  OSTEON_CHECK(!error, "cannot create ", options_.out.string(), ": ", error.message());
  if (options_.resume) progress_.line("nothing was saved yet: the run starts from its beginning");
  write_config();
  write_manifest_csv(options_.out / "manifest.csv", data_.manifest);
  log_ = std::make_unique<RunLog>(options_.out / "log.jsonl");
  open_board();
}

void Trainer::restore(const Checkpoint& checkpoint) {
  try {
    state_ = run_state_from_json(checkpoint.state);
    first_step_ = state_.step;
    const std::string samples = samples_checksum(data_.manifest);
    OSTEON_CHECK(
        checkpoint.state.at("samples") == samples, options_.data.string(),
        " does not hold the samples the run began with (their names, labels and splits are "
        "in manifest.csv)");
    info_ = read_model_info(checkpoint.model.metadata);
    load_state_dict(*model_, checkpoint.model);
    optimizer_->load_state_dict(checkpoint.optimizer);
    scheduler_->load_state(checkpoint.state.at("scheduler"));
    const auto log_bytes = to_integer<std::int64_t>("log_bytes", checkpoint.state.at("log_bytes"));
    const std::string other =
        machine_differences(checkpoint.state.at("machine"), describe_machine(options_, device_));
    if (!other.empty())
      progress_.warn("the weights will not equal those of an uninterrupted run bit for bit: " +
                     other);
    if (state_.best) restore_best(options_.out, state_.best->checkpoint);
    log_ = std::make_unique<RunLog>(options_.out / "log.jsonl", log_bytes);
    open_board();
  } catch (const std::exception& error) {
    throw Error(format("cannot resume from ", last_checkpoint(), ": ", error.what()));
  }
  write_config();
  progress_.line(format("resumed from ", last_checkpoint(), ", in epoch ", state_.epoch + 1,
                        " after ", state_.batches, " batches"));
}

void Trainer::write_config() const {
  nlohmann::ordered_json config = to_json(options_);
  config["version"] = OSTEON_VERSION;
  config["instruction_set"] = name_of(instruction_set());
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

}  // namespace osteon
