// What a run keeps on the disk while it goes on, and what it does when the disk or the numbers fail
// it.
#include <algorithm>
#include <cmath>

#include "eval/grad_cam.h"
#include "ops/backend.h"
#include "train/run/resume.h"
#include "train/trainer.h"

namespace osteon {

namespace fs = std::filesystem;

double Trainer::seconds() const { return seconds_before_ + pace_->seconds(); }

void Trainer::log(const nlohmann::ordered_json& line) {
  try {
    log_->write(line);
    if (board_) write_scalars(line);
  } catch (const Error& error) {
    if (lost_lines_++ == 0)
      progress_.warn(format(error.what(), "; training goes on without this line of the log"));
  }
}

// The scalars of a line of the log as TensorBoard shows them: a curve for each number.
void Trainer::write_scalars(const nlohmann::ordered_json& line) {
  if (!line.contains("split")) return;
  for (const auto& [name, value] : line.items())
    if (value.is_number() && name != "step" && name != "epoch")
      board_->scalar(line["split"].get<std::string>() + "/" + name, value, state_.step);
}

// A few of the images as they are fitted to the model, so that one sees what it is trained on.
void Trainer::open_board() {
  if (!options_.tensorboard) return;
  board_ = std::make_unique<TensorBoardWriter>(options_.out / "tensorboard");
  constexpr std::size_t kShown = 4;
  const std::int64_t size = options_.image_size;
  for (std::size_t i = 0; i < std::min(kShown, train_.size()); ++i) {
    Image image{size, size, std::vector<std::uint8_t>(static_cast<std::size_t>(size * size))};
    data_.store->read(train_[i], image.pixels.data());
    const std::string& label = data_.manifest.classes[static_cast<std::size_t>(
        data_.manifest.samples[static_cast<std::size_t>(train_[i])].label)];
    board_->image(format("train/", i, " ", label), encode_jpeg(shrink(image, size), 90), size, size,
                  state_.step);
  }
}

// Writes a checkpoint of this moment, the best one if `new_best` has its figures. A full disk does
// not end hours of training: the failure is told, and the next checkpoint tries again.
void Trainer::save(std::optional<BestSoFar> new_best) {
  take_results(true);
  try {
    const std::string name = checkpoint_name(options_.out, state_.step);
    if (new_best) new_best->checkpoint = name;
    RunState saved = state_;
    saved.seconds = seconds();
    if (new_best) saved.best = new_best;
    nlohmann::ordered_json json = to_json(saved);
    json["scheduler"] = scheduler_->state();
    json["log_bytes"] = log_->sync();
    json["samples"] = samples_checksum(data_.manifest);
    json["machine"] = describe_machine(options_, device_);
    if (options_.autotune) export_tuning(options_.out / kPlansFile, device_);
    save_checkpoint(options_.out, name, *model_, info_, *optimizer_, json, new_best.has_value());
    state_ = saved;
    is_saved_ = true;
    save_error_.clear();
  } catch (const std::exception& error) {
    save_error_ = error.what();
    progress_.warn(
        format(save_error_, "; training goes on, the last checkpoint is ", last_checkpoint()));
  }
  last_save_ = std::chrono::steady_clock::now();
}

void Trainer::save_if_due() {
  const std::chrono::duration<double> since = std::chrono::steady_clock::now() - last_save_;
  if (options_.save_every > 0 && since.count() >= 60 * options_.save_every) save();
}

void Trainer::stop_if_interrupted() {
  const int signal = interrupts_->signal();
  if (signal == 0) return;
  if (!is_saved_) save();
  throw Interrupted(signal, format("interrupted by ", signal_name(signal), " after step ",
                                   state_.step, "; the last checkpoint is ", last_checkpoint(),
                                   ", --resume continues from there"));
}

// A number that is not finite ends the run, unless with skip_nonfinite.
void Trainer::check_finite(const TrainingResult& result) {
  if (result.is_finite() || options_.skip_nonfinite) return;
  const auto bad =
      std::ranges::find_if_not(result.losses, [](double x) { return std::isfinite(x); });
  const bool is_loss = bad != result.losses.end();
  std::string names;
  for (const std::int64_t index : result.samples)
    names += " " + data_.manifest.samples[static_cast<std::size_t>(index)].path;
  throw Error(
      format("the ", is_loss ? "loss" : "norm of the gradient", " is ",
             is_loss ? *bad : result.gradient_norm, " at step ", first_step_ + result.step + 1,
             "; try a lower --lr, --clip-norm 1 or --skip-nonfinite. The last checkpoint is ",
             last_checkpoint(), ". The images of the step were:", names));
}

std::string Trainer::last_checkpoint() const {
  std::error_code error;
  const fs::path target = fs::read_symlink(options_.out / "last", error);
  return error ? "none" : (options_.out / target).string();
}

}  // namespace osteon
