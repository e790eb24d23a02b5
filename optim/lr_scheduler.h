// Learning rates over a run, as factors of the rate each group of parameters started with.
#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

namespace osteon {

// --- schedules that are functions of time ------------------------------------------------------

// gamma^floor(epoch / every), epochs counted from 0.
double step_decay(std::int64_t epoch, std::int64_t every, double gamma);

// From (s+1) / warmup for steps s = 0, 1, ... up to 1, then half a cosine from 1 at s = warmup down
// to `minimum` at s = total and after:
//
//   minimum + (1 - minimum) (1 + cos(pi (s - warmup) / (total - warmup))) / 2
//
// Source: Loshchilov & Hutter, "SGDR", ICLR 2017, equation 5, without restarts; the warm-up is that
// of Goyal et al., "Accurate, Large Minibatch SGD", 2017.
double cosine_with_warmup(std::int64_t step, std::int64_t warmup, std::int64_t total,
                          double minimum = 0);

// --- a schedule that looks at a figure ---------------------------------------------------------

struct PlateauOptions {
  double gamma = 0.1;         // what the rate is multiplied by
  std::int64_t patience = 0;  // epochs without improvement that are let pass
  double threshold = 1e-4;    // a smaller relative improvement does not count
  bool higher_is_better = false;
  double minimum = 0;  // of the factor
};

// Multiplies the rate by gamma when a figure of validation has not improved for more than
// `patience` epochs in a row. An improvement is a figure below best (1 - threshold), or above
// best (1 + threshold) where higher is better; NaN never is one.
class Plateau {
 public:
  explicit Plateau(const PlateauOptions& options = {});
  // Takes the figure of an epoch.
  void observe(double figure);
  double factor() const { return factor_; }

  nlohmann::json state() const;
  // Throws Error if that is not such a state.
  void load_state(const nlohmann::json& state);

 private:
  const PlateauOptions options_;
  double best_;
  std::int64_t epochs_without_ = 0;
  double factor_ = 1;
};

// --- whichever the user chose ------------------------------------------------------------------

struct ScheduleOptions {
  std::string name = "constant";  // constant, step, plateau or cosine
  std::int64_t warmup_steps = 0;  // cosine
  std::int64_t total_steps = 0;   // cosine
  double minimum = 0;             // cosine and plateau: of the factor
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
  // Throws UsageError with the known names for another one, Error for options out of range.
  explicit LRScheduler(const ScheduleOptions& options = {});
  // What the learning rate is multiplied by in this step of the run, in this epoch; from 0.
  double factor(std::int64_t step, std::int64_t epoch) const;
  // Only plateau looks at it.
  void observe(double figure) { plateau_.observe(figure); }

  // What plateau has seen; a resumed run needs it.
  nlohmann::json state() const { return plateau_.state(); }
  void load_state(const nlohmann::json& state) { plateau_.load_state(state); }

 private:
  const ScheduleOptions options_;
  Plateau plateau_;
};

}  // namespace osteon
