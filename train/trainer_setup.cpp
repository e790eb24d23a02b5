// Starts or resumes a run: data, model, folder.
#include <algorithm>

#include "base/instruction_set.h"
#include "base/json.h"
#include "base/parallel.h"
#include "comm/process_group.h"
#include "data/prepare.h"
#include "eval/calibration.h"
#include "eval/initial_weights.h"
#include "eval/machine.h"
#include "nn/models.h"
#include "nn/name_match.h"
#include "nn/state_dict.h"
#include "nn/sync_batch_norm.h"
#include "ops/backend.h"
#include "optim/make_optimizer.h"
#include "optim/weight_average.h"
#include "train/early_stopping.h"
#include "train/parameter_groups.h"
#include "train/process_check.h"
#include "train/run/resume.h"
#include "train/trainer.h"

namespace osteon {
namespace {

namespace fs = std::filesystem;

// The file is read after the images, which can take long.
void check_initial_weights(const fs::path& file) {
  std::error_code error;
  OSTEON_CHECK(
      !fs::is_directory(file, error), "--init ", file.string(),
      " is a folder; give the file with the weights, as model.safetensors of a checkpoint");
  OSTEON_CHECK(fs::exists(file, error), "--init ", file.string(), ": no such file");
}

// The checked options, with `auto` replaced by its meaning here and image size 0 by the model's
// own.
TrainOptions resolved(TrainOptions options, const Device& device) {
  check_options(options);
  if (!options.init.empty() && !options.resume) check_initial_weights(options.init);
  // Each process of a host has another GPU.
  options.device = device.is_cuda() && world().size() > 1 ? "cuda" : format(device);
  if (options.normalization == "auto")
    options.normalization = options.init.empty() ? "data" : "init";
  if (options.image_size == 0) options.image_size = find_architecture(options.arch).image_size;
  return options;
}

// The shards that this process computes. Throws UsageError if the processes cannot share them.
Shards shards_of_process(const TrainOptions& options) {
  const ProcessGroup& group = world();
  const std::int64_t total = options.shards > 0 ? options.shards : group.size();
  if (total % group.size() != 0)
    throw UsageError(format("--shards ", total, ": ", group.size(),
                            " processes cannot share them equally; start 1, 2, 4, ... processes"));
  const std::int64_t count = total / group.size();
  if (options.sync_batch_norm && count > 1)
    throw UsageError(format("--sync-batch-norm: a process has ", count,
                            " shards, which it computes one after the other; start ", total,
                            " processes, or leave one of the options out"));
  return {.total = total, .first = group.rank() * count, .count = count};
}

}  // namespace

Trainer::Trainer(const TrainOptions& options, const Device& device)
    : options_(resolved(options, device)),
      device_(device),
      dtype_(activation_dtype(options.precision, device)),
      shards_(shards_of_process(options)),
      run_(std::make_shared<Run>(options_, device)) {
  choose_kernels();
  data_ = load_training_data(options_, run_->progress());
  const std::optional<Checkpoint> checkpoint = run_->take_checkpoint();
  build_model(!checkpoint);
  check_processes();
  add_callback(run_);
  if (options_.patience > 0) add_callback(std::make_shared<EarlyStopping>(options_.patience));
  if (checkpoint)
    restore(*checkpoint);
  else
    run_->begin(config(), data_.images.manifest);
  share_weights(*model_);
  run_->open_board(data_.images, data_.train, state_.step);
  build_step();
}

void Trainer::add_callback(std::shared_ptr<TrainingCallback> callback) {
  load_state_of(*callback);
  callbacks_.push_back(std::move(callback));
}

// From the checkpoint of a resumed run, if it has a state for the callback.
void Trainer::load_state_of(TrainingCallback& callback) const {
  const auto state = callback_states_.find(callback.name());
  if (state != callback_states_.end()) callback.load_state(*state);
}

// A resumed run uses the kernels that were chosen by timing when it began.
void Trainer::choose_kernels() const {
  if (!device_.is_cuda() && options_.allow_nondeterministic)
    throw UsageError("--allow-nondeterministic needs a CUDA device; leave it out");
  set_autotune(options_.autotune);
  set_allow_nondeterministic(options_.allow_nondeterministic);
  const fs::path stored = run_->tuning_file();
  if (options_.autotune && options_.resume && fs::exists(stored) &&
      import_tuning(stored, device_) == 0)
    run_->progress().warn(format(
        "the weights will not equal those of an uninterrupted run bit for bit: ", stored.string(),
        " has no choices of kernels for this ",
        device_.is_cuda() ? "device and version of cuDNN"
                          : "processor, instruction set and version of oneDNN"));
}

void Trainer::build_model(bool initialise) {
  const ModelOptions model_options{.num_classes = data_.task->outputs(),
                                   .width = options_.width,
                                   .zero_init_residual = options_.zero_init_residual,
                                   .drop_path = options_.drop_path,
                                   .seed = options_.seed};
  model_ = make_model(options_.arch, model_options);
  const bool imagenet = options_.normalization == "imagenet";
  info_ = {.arch = options_.arch,
           .width = options_.width,
           .image_size = options_.image_size,
           .fit = fit_from_name(options_.fit),
           .mean = imagenet ? kImageNetMean : std::vector<double>(3, data_.images.mean),
           .std = imagenet ? kImageNetStd : std::vector<double>(3, data_.images.std),
           .task = data_.task->name(),
           .classes = data_.images.manifest.classes,
           .thresholds =
               std::vector<double>(data_.task->thresholds(),
                                   parse_threshold(options_.threshold).value_or(kDefaultThreshold)),
           .temperature = parse_temperature(options_.temperature).value_or(1),
           .label_column = options_.label_column,
           .data_names = set_names(data_.images.manifest),
           .split = {options_.split_seed,
                     options_.val_fraction,
                     names_from_rule(options_.image_names),
                     {options_.folds, options_.fold},
                     options_.split_by}};
  data_.task->save(info_);
  add_trained_on(info_, data_.train_digests());
  if (initialise && !options_.init.empty()) {
    const InitialWeights initial = initialise_from(*model_, info_, options_.init);
    if (options_.normalization == "init") {
      info_.mean = initial.info.mean;
      info_.std = initial.info.std;
    }
    info_.source = initial.info.source;
    info_.licence = initial.info.licence;
    if (initial.info.trained_on) add_trained_on(info_, *initial.info.trained_on);
    run_->progress().line(initial.summary);
  }
  model_->to(device_);
  if (options_.sync_batch_norm) synchronise_batch_norm(*model_);
  if (options_.ema > 0) {
    average_ = make_model(options_.arch, model_options);
    average_->to(device_);
    update_average(*average_, *model_, /*decay=*/0);
  }
  std::vector<ParameterGroup> groups =
      parameter_groups(*model_, find_architecture(options_.arch).head, options_);
  if (options_.scale_lr)
    for (ParameterGroup& group : groups) group.lr *= static_cast<double>(shards_.total);
  optimizer_ = make_optimizer(options_.optimizer, std::move(groups));
  // A last batch of less than two images per shard is left out: next_batches().
  const auto images = static_cast<std::int64_t>(data_.train.size());
  const std::int64_t batches =
      images / whole_batch() + (images % whole_batch() >= 2 * shards_.total ? 1 : 0);
  steps_per_epoch_ = (batches + options_.accumulate - 1) / options_.accumulate;
  scheduler_ = std::make_unique<LRScheduler>(ScheduleOptions{
      .name = options_.schedule,
      .warmup_steps = std::min(steps_per_epoch_, options_.epochs * steps_per_epoch_ / 4),
      .total_steps = options_.epochs * steps_per_epoch_});
}

// A batch of the shapes of a full one.
TrainingBatch Trainer::blank_batch() const {
  const std::int64_t size = options_.image_size;
  const auto images = static_cast<std::int64_t>(data_.train.size());
  const Rows rows = rows_of_shard(std::min(whole_batch(), images), shards_.first, shards_.total);
  const std::int64_t count = rows.end - rows.begin;
  return training_batch({.images = zeros({count, size, size, 1}, DType::u8),
                         .matrices = zeros({count, 2, 3}),
                         .indices = {data_.train.begin(), data_.train.begin() + count},
                         .changes = std::vector<ImageChange>(static_cast<std::size_t>(count)),
                         .rows = {0, count},
                         .whole = count});
}

// This process's images of an epoch's last batch, of one shard, if that batch is smaller than the
// others, else 0. A batch of less than two images per shard is left out: next_batches().
std::int64_t Trainer::last_images() const {
  const auto images = static_cast<std::int64_t>(data_.train.size());
  const std::int64_t rest = images < whole_batch() ? 0 : images % whole_batch();
  if (rest < 2 * shards_.total) return 0;
  const Rows rows = rows_of_shard(rest, shards_.first, shards_.total);
  return rows.end - rows.begin;
}

// The mode and the gradients of the body and of the head in the present epoch.
void Trainer::set_modes() {
  const std::string& head = find_architecture(options_.arch).head;
  const bool trains_body = !is_body_frozen();
  for (auto& [name, parameter] : model_->named_parameters())
    parameter.set_requires_grad(trains_body || is_below(name, head));
  model_->train(trains_body);
  for (const auto& [path, module] : model_->named_modules())
    if (path == head) module->train();
}

// A recorded step is of a frozen body or of a whole model.
void Trainer::build_step() {
  set_modes();
  step_is_of_head_ = is_body_frozen();
  training_step_.reset();  // its memory, before the next one allocates
  training_step_ = std::make_unique<TrainingStep>(
      *model_, *optimizer_, [this](const Tensors& inputs) { return loss_of_inputs(inputs); },
      TrainingStep::Options{.batch_size = whole_batch(),
                            .record = options_.may_record(),
                            .clip_norm = options_.clip_norm,
                            .restore_nonfinite = options_.skip_nonfinite,
                            .seed = options_.seed,
                            .first_step = state_.step,
                            .shards = shards_,
                            .sum_order = options_.shards > 0 ? SumOrder::tree : SumOrder::any});
  training_step_->prepare(blank_batch(), last_images());
  // After that the memory that is free is not needed by the steps. Those of a frozen body need less
  // than the later ones, so images stay on the CPU until then.
  if (options_.cache != "none" && !step_is_of_head_)
    device_images_ = DeviceImages::send(*data_.images.store, data_.train, device_);
}

// Throws Error unless all processes do the same work. Nothing has been written yet.
void Trainer::check_processes() const {
  if (world().size() == 1) return;
  world().set_hang_timeout(std::chrono::duration<double>(options_.hang_timeout));
  nlohmann::ordered_json facts = to_json(options_);
  facts.erase("data");  // may be another folder on another host
  facts["version"] = OSTEON_VERSION;
  facts["instruction set"] = name_of(instruction_set());
  facts["threads"] = num_threads();
  facts["hardware"] = describe(device_);
  facts["samples"] = samples_checksum(data_.images.manifest);
  // It differs if --out is not the same folder for all hosts.
  facts["last checkpoint"] = std::filesystem::path(run_->last_checkpoint()).filename();
  check_same_facts(facts);
  // Opens the communication between GPUs, or fails, before the run has a folder.
  if (device_.is_cuda()) world().all_reduce(zeros({1}, DType::f32, device_));
}

void Trainer::restore(const Checkpoint& checkpoint) {
  const std::string folder = run_->last_checkpoint();
  try {
    state_ = run_state_from_json(checkpoint.state, data_.task->score().key);
    info_ = read_model_info(checkpoint.model.metadata);
    load_state_dict(*model_, checkpoint.model);
    if (average_) load_state_dict(*average_, checkpoint.average);
    optimizer_->load_state_dict(checkpoint.optimizer);
    scheduler_->load_state(checkpoint.state.at("scheduler"));
    callback_states_ = checkpoint.state.value("callbacks", nlohmann::ordered_json::object());
    for (const auto& callback : callbacks_) load_state_of(*callback);
    check_epochs_left();
    run_->resume(config(), checkpoint.state, state_, data_.images.manifest);
  } catch (const UsageError&) {
    throw;
  } catch (const std::exception& error) {
    throw Error(format("cannot resume from ", folder, ": ", error.what()));
  }
  run_->progress().line(format("resumed from ", folder, ", in epoch ", state_.epoch + 1, " after ",
                               state_.batches, " batches"));
}

// Throws UsageError if a resumed run has trained more epochs already than it now should.
void Trainer::check_epochs_left() const {
  const std::int64_t begun = state_.epoch + (state_.batches > 0 ? 1 : 0);
  if (options_.epochs < begun)
    throw UsageError(format("--epochs ", options_.epochs, ": ", state_.epoch,
                            state_.epoch == 1 ? " epoch is" : " epochs are", " done already",
                            state_.batches > 0 ? " and the next has begun" : ""));
}

nlohmann::ordered_json Trainer::config() const {
  nlohmann::ordered_json config = to_json(options_);
  config["version"] = OSTEON_VERSION;
  config["instruction_set"] = name_of(instruction_set());
  config["dataset"] = data_.images.manifest.dataset;
  config["classes"] = data_.images.manifest.classes;
  config["mean"] = info_.mean;
  config["std"] = info_.std;
  config["parameters"] = model_->parameter_count();
  config["splits"] = split_counts(data_.images.manifest);
  config["unreadable"] = nlohmann::json::array();
  for (const UnreadableImage& image : data_.images.unreadable)
    config["unreadable"].push_back(image.path);
  return config;
}

}  // namespace osteon
