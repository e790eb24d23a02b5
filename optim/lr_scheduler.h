// Learning rate schedules, as factors of the initial rate of each parameter group.
#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

namespace osteon {

// --- schedules that are functions of time ------------------------------------------------------

// gamma^floor(epoch / every); epochs count from 0.
double step_decay(std::int64_t epoch, std::int64_t every, double gamma);

// Linear warm-up: (s+1) / warmup for steps s = 0, 1, ..., up to 1. Then half a cosine from 1 at s =
// warmup down to `minimum` at s = total; constant afterwards:
//
//   minimum + (1 - minimum) (1 + cos(pi (s - warmup) / (total - warmup))) / 2
//
// Source: Loshchilov & Hutter, "SGDR", ICLR 2017, equation 5, without restarts; the warm-up is from
// Goyal et al., "Accurate, Large Minibatch SGD", 2017.
double cosine_with_warmup(std::int64_t step, std::int64_t warmup, std::int64_t total,
                          double minimum = 0);

// --- a schedule that depends on a metric -------------------------------------------------------

struct PlateauOptions {
  double gamma = 0.1;         // factor of a reduction
  std::int64_t patience = 0;  // tolerated epochs without improvement
  double threshold = 1e-4;    // a smaller relative improvement does not count
  bool higher_is_better = false;
  double minimum = 0;  // lower bound of the factor
};

// Multiplies the rate by gamma if a validation metric has not improved for more than `patience`
// consecutive epochs. An improvement is a value below best (1 - threshold), or above best (1 +
// threshold) if higher is better; NaN is never an improvement.
class Plateau {
 public:
  explicit Plateau(const PlateauOptions& options = {});
  // Takes the metric of an epoch.
  void observe(double figure);
  double factor() const { return factor_; }

  nlohmann::json state() const;
  // Throws Error if `state` is not the state of a plateau schedule.
  void load_state(const nlohmann::json& state);

 private:
  const PlateauOptions options_;
  double best_;
  std::int64_t epochs_without_ = 0;
  double factor_ = 1;
};

// --- the schedule chosen by options ------------------------------------------------------------

struct ScheduleOptions {
  std::string name = "constant";  // constant, step, plateau or cosine
  std::int64_t warmup_steps = 0;  // cosine
  std::int64_t total_steps = 0;   // cosine
  double minimum = 0;             // cosine and plateau: lower bound of the factor
  std::int64_t every = 10;        // step: epochs
  double gamma = 0.1;             // step and plateau
  std::int64_t patience = 0;      // plateau: epochs
  bool higher_is_better = false;  // plateau
};

// The names that LRScheduler knows.
std::vector<std::string> schedule_names();

//   optimizer.set_lr_factor(scheduler.factor(step, epoch));   before each step
//   scheduler.observe(validation_loss);                       after each epoch
class LRScheduler {
 public:
  // Throws UsageError listing the known names if the name is unknown, Error for options out of
  // range.
  explicit LRScheduler(const ScheduleOptions& options = {});
  // The factor of the learning rate in this step of the run and in this epoch, both from 0.
  double factor(std::int64_t step, std::int64_t epoch) const;
  // Used only by plateau.
  void observe(double figure) { plateau_.observe(figure); }

  // The state of plateau, needed by a resumed run.
  nlohmann::json state() const { return plateau_.state(); }
  void load_state(const nlohmann::json& state) { plateau_.load_state(state); }

 private:
  const ScheduleOptions options_;
  Plateau plateau_;
};

}  // namespace osteon
