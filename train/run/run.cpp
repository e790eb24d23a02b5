// Writes the files of a run and handles errors of the disk.
#include "train/run/run.h"

#include <algorithm>

#include "base/json.h"
#include "base/text.h"
#include "comm/process_group.h"
#include "data/image/image.h"
#include "eval/grad_cam.h"
#include "ops/backend.h"
#include "train/run/resume.h"

namespace osteon {
namespace {

namespace fs = std::filesystem;
using nlohmann::ordered_json;

ordered_json or_null(const std::optional<double>& value) {
  return value ? ordered_json(*value) : ordered_json();
}

}  // namespace

Run::Run(const TrainOptions& options, const Device& device)
    : options_(options),
      device_(device),
      is_writer_(world().is_first()),
      progress_(options.quiet, !is_writer_) {
  if (options_.resume) {
    check_resumable(options_);
    if (is_writer_) lock();
    if (const std::optional<RunPointers> pointers = find_pointers(options_.out)) {
      pointers_ = *pointers;
      checkpoint_ = load_checkpoint(last_checkpoint());
    }
  } else if (is_writer_) {
    check_new();
    if (fs::exists(options_.out / "lock")) lock();  // another process may be about to begin a run
  }
}

// Throws Error if the folder contains a run.
void Run::check_new() const {
  for (const char* name : {"config.json", "pointers.json", kCheckpoints})
    OSTEON_CHECK(!fs::exists(options_.out / name), options_.out.string(),
                 " already contains a run; continue it with --resume, choose another --out or "
                 "remove it");
}

void Run::lock() {
  lock_ = std::make_unique<RunLock>(options_.out);
  if (!lock_->warning().empty()) progress_.warn(lock_->warning());
}

std::optional<Checkpoint> Run::take_checkpoint() {
  return std::exchange(checkpoint_, std::nullopt);
}

std::string Run::last_checkpoint() const {
  if (pointers_.last.empty()) return "none";
  return (options_.out / kCheckpoints / pointers_.last).string();
}

void Run::begin(const ordered_json& config, const Manifest& manifest) {
  samples_ = samples_checksum(manifest);
  if (!is_writer_) return;
  std::error_code error;
  fs::create_directories(options_.out, error);
  OSTEON_CHECK(!error, "cannot create ", options_.out.string(), ": ", error.message());
  if (!lock_) {
    lock();
    check_new();  // another process may have begun a run meanwhile
  }
  if (options_.resume)
    progress_.line("there is no checkpoint yet: the run starts from its beginning");
  write_json(options_.out / "config.json", config);
  write_manifest_csv(options_.out / "manifest.csv", manifest);
  log_ = std::make_unique<RunLog>(options_.out / "log.jsonl");
}

void Run::resume(const ordered_json& config, const ordered_json& checkpoint, const RunState& state,
                 const Manifest& manifest) {
  samples_ = samples_checksum(manifest);
  OSTEON_CHECK(checkpoint.at("samples") == samples_, join(options_.data.values()),
               " does not contain the samples with which the run began; manifest.csv lists them");
  pointers_.best = state.best ? state.best->checkpoint : "";
  if (!is_writer_) return;
  const std::string other =
      machine_differences(checkpoint.at("machine"), describe_machine(options_, device_));
  if (!other.empty())
    progress_.warn("the weights will not equal those of an uninterrupted run bit for bit: " +
                   other);
  const fs::path best = options_.out / kCheckpoints / pointers_.best;
  OSTEON_CHECK(!state.best || (is_checkpoint_name(pointers_.best) && fs::is_directory(best)),
               "the best checkpoint so far, ", best.string(), ", is missing");
  if (const std::vector<std::string> others = other_checkpoints(options_.out, pointers_);
      !others.empty())
    progress_.line(
        format("note: these checkpoints are neither the last nor the best one and are "
               "not removed: ",
               join(others)));
  log_ =
      std::make_unique<RunLog>(options_.out / "log.jsonl",
                               to_integer<std::int64_t>("log_bytes", checkpoint.at("log_bytes")));
  write_json(options_.out / "config.json", config);
  // A run that was killed between pointers.json and the links has old links, and may be finished.
  // (If there can be no links, the next checkpoint says so.)
  write_pointers(options_.out, pointers_);
}

void Run::open_board(const PreparedImages& data, const std::vector<std::int64_t>& indices,
                     std::int64_t step) {
  if (!options_.tensorboard || !is_writer_) return;
  board_ = std::make_unique<TensorBoardWriter>(options_.out / "tensorboard");
  constexpr std::size_t kShown = 4;
  const std::int64_t size = options_.image_size;
  for (std::size_t i = 0; i < std::min(kShown, indices.size()); ++i) {
    Image image{size, size, std::vector<std::uint8_t>(static_cast<std::size_t>(size * size))};
    data.store->read(indices[i], image.pixels.data());
    const Sample& sample = data.manifest.samples[static_cast<std::size_t>(indices[i])];
    board_->image(format("train/", i, " ", label_text(data.manifest, sample)),
                  encode_jpeg(shrink(image, size), 90), size, size, step);
  }
}

void Run::start() {
  interrupts_ = std::make_unique<CatchInterrupts>();
  last_save_ = std::chrono::steady_clock::now();
}

void Run::finish() {
  interrupts_.reset();
  if (lost_lines_ > 0)
    progress_.warn(format(lost_lines_, " lines could not be written to log.jsonl"));
  OSTEON_CHECK(save_error_.empty(), "the trained weights could not be saved: ", save_error_,
               "; the last checkpoint is ", last_checkpoint());
}

// Writes a line of the log; its numbers become curves on TensorBoard.
void Run::write(const ordered_json& line) {
  if (!is_writer_) return;
  try {
    log_->write(line);
    if (!board_) return;
    for (const auto& [name, value] : line.items())
      if (value.is_number() && name != "step" && name != "epoch")
        board_->scalar(line["split"].get<std::string>() + "/" + name, value, line["step"]);
  } catch (const Error& error) {
    if (lost_lines_++ == 0)
      progress_.warn(format(error.what(), "; training continues without this line of the log"));
  }
}

void Run::on_step(const StepEvent& event) {
  progress_.update(format("epoch ", event.epoch, "/", options_.epochs, "  step ", event.step, "/",
                          event.total_steps, "  loss ", rounded(event.loss, 4), "  ",
                          rounded(event.images_per_second, 1), " images/s  ",
                          human_duration(event.seconds_left), " left"));
  ordered_json line{{"epoch", event.epoch},
                    {"step", event.step},
                    {"split", "train"},
                    {"loss", event.loss},
                    {"lr", event.lr},
                    {"images_per_second", event.images_per_second},
                    {"data_wait", event.data_wait},
                    {"peak_bytes", event.peak_bytes}};
  for (const Waits& waits : event.waits)
    line["waits"].push_back({{"data", waits.data}, {"sums", waits.sums}});
  write(line);
}

void Run::on_epoch(const EpochEvent& event) {
  const auto& [name, score] = event.score;
  progress_.line(format("epoch ", event.epoch, "/", options_.epochs, "  train loss ",
                        rounded(event.train_loss, 4), "  val loss ", rounded(event.loss, 4),
                        "  val ", name, " ", score ? rounded(*score, 4) : "-",
                        event.is_average ? " (average)" : "", event.is_best ? "  best so far" : "",
                        "  (", rounded(event.images_per_second, 1), " images/s)"));
  ordered_json line{{"epoch", event.epoch},
                    {"step", event.step},
                    {"split", "val"},
                    {"loss", event.loss},
                    {"train_loss", event.train_loss}};
  for (const auto& [figure, value] : event.figures) line[figure] = or_null(value);
  line.update({{"lr", event.lr},
               {"images_per_second", event.images_per_second},
               {"seconds", event.seconds},
               {"skipped", event.skipped},
               {"reference_fallbacks", reference_fallbacks()},
               {"peak_bytes", event.peak_bytes}});
  write(line);
}

void Run::save(RunState& state, const CheckpointContents& contents, const ordered_json& more,
               std::optional<BestSoFar> new_best) {
  const std::string name =
      world().all_gather(is_writer_ ? checkpoint_name(options_.out, state.step) : "")[0];
  RunState saved = state;
  if (new_best) {
    new_best->checkpoint = name;
    saved.best = new_best;
  }
  const bool is_written =
      !is_writer_ || write_checkpoint(name, saved, contents, more, new_best.has_value());
  if (world().all_gather(is_written ? "written" : "")[0] == "written") {
    state = saved_.emplace(saved);
    if (!is_writer_) pointers_.last = name;
  }
  last_save_ = std::chrono::steady_clock::now();
}

// Returns whether it was written.
bool Run::write_checkpoint(const std::string& name, const RunState& saved,
                           const CheckpointContents& contents, const ordered_json& more,
                           bool is_best) {
  try {
    ordered_json json = to_json(saved);
    json.update(more);
    json["log_bytes"] = log_->sync();
    json["samples"] = samples_;
    json["machine"] = describe_machine(options_, device_);
    if (options_.autotune) export_tuning(tuning_file(), device_);
    remove_old();  // first, because it frees space
    const std::string fault =
        save_checkpoint(options_.out, name, contents, json, is_best, pointers_);
    if (!fault.empty() && fault != link_fault_)
      progress_.line(format("note: ", fault, "; pointers.json names the last and best checkpoint"));
    link_fault_ = fault;
    save_error_.clear();
    remove_old();
    return true;
  } catch (const std::exception& error) {
    save_error_ = error.what();
    progress_.warn(
        format(save_error_, "; training continues, the last checkpoint is ", last_checkpoint()));
    return false;
  }
}

void Run::remove_old() {
  try {
    remove_old_checkpoints(options_.out, pointers_);
  } catch (const Error& error) {
    progress_.warn(error.what());
  }
}

bool Run::is_saved(const RunState& state) const {
  return saved_ && saved_->step == state.step && saved_->epoch == state.epoch &&
         saved_->batches == state.batches;
}

bool Run::is_save_due() const {
  const std::chrono::duration<double> since = std::chrono::steady_clock::now() - last_save_;
  return options_.save_every > 0 && since.count() >= 60 * options_.save_every;
}

}  // namespace osteon
