// The formulas of the schedules, and plateau, the only one with state.
#include "optim/lr_scheduler.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numbers>

#include "base/error.h"
#include "base/text.h"

namespace osteon {

double step_decay(std::int64_t epoch, std::int64_t every, double gamma) {
  const std::int64_t steps = epoch / every;
  return std::pow(gamma, static_cast<double>(steps));
}

double cosine_with_warmup(std::int64_t step, std::int64_t warmup, std::int64_t total,
                          double minimum) {
  // [exercise 8a]
  if (step < warmup) return static_cast<double>(step + 1) / static_cast<double>(warmup);
  if (step >= total) return minimum;
  const double progress = static_cast<double>(step - warmup) / static_cast<double>(total - warmup);
  return minimum + (1 - minimum) * (1 + std::cos(std::numbers::pi * progress)) / 2;
  // [exercise end]
}

Plateau::Plateau(const PlateauOptions& options)
    : options_(options),
      best_(options.higher_is_better ? -std::numeric_limits<double>::infinity()
                                     : std::numeric_limits<double>::infinity()) {}

void Plateau::observe(double figure) {
  const bool improved = options_.higher_is_better ? figure > best_ * (1 + options_.threshold)
                                                  : figure < best_ * (1 - options_.threshold);
  if (improved) {
    best_ = figure;
    epochs_without_ = 0;
  } else if (++epochs_without_ > options_.patience) {
    factor_ = std::max(factor_ * options_.gamma, options_.minimum);
    epochs_without_ = 0;
  }
}

// JSON has no infinity: before the first value, best is null.
nlohmann::json Plateau::state() const {
  return {{"best", std::isfinite(best_) ? nlohmann::json(best_) : nlohmann::json()},
          {"epochs_without", epochs_without_},
          {"factor", factor_}};
}

void Plateau::load_state(const nlohmann::json& state) {
  Plateau loaded(options_);
  try {
    if (!state.at("best").is_null()) loaded.best_ = state["best"].get<double>();
    OSTEON_CHECK(state.at("epochs_without").is_number_integer(), "plateau: epochs_without is ",
                 state["epochs_without"].dump(), ", not a count");
    loaded.epochs_without_ = state["epochs_without"].get<std::int64_t>();
    loaded.factor_ = state.at("factor").get<double>();
  } catch (const nlohmann::json::exception& error) {
    throw Error(format("plateau: this is not the state of a schedule: ", error.what()));
  }
  best_ = loaded.best_;
  epochs_without_ = loaded.epochs_without_;
  factor_ = loaded.factor_;
}

std::vector<std::string> schedule_names() { return {"constant", "step", "plateau", "cosine"}; }

LRScheduler::LRScheduler(const ScheduleOptions& options)
    : options_(options),
      plateau_({.gamma = options.gamma,
                .patience = options.patience,
                .higher_is_better = options.higher_is_better,
                .minimum = options.minimum}) {
  const std::vector<std::string> known = schedule_names();
  if (std::ranges::find(known, options.name) == known.end())
    throw UsageError(format("unknown schedule \"", options.name, "\"; known are ", join(known)));
  OSTEON_CHECK(options.every >= 1 && options.gamma > 0 && options.patience >= 0, "schedule: every ",
               options.every, ", gamma ", options.gamma, ", patience ", options.patience,
               "; every must be at least 1, gamma above 0, patience at least 0");
  OSTEON_CHECK(options.name != "cosine" ||
                   (0 <= options.warmup_steps && options.warmup_steps < options.total_steps),
               "schedule: a cosine of ", options.total_steps, " steps cannot warm up for ",
               options.warmup_steps);
}

double LRScheduler::factor(std::int64_t step, std::int64_t epoch) const {
  if (options_.name == "step") return step_decay(epoch, options_.every, options_.gamma);
  if (options_.name == "plateau") return plateau_.factor();
  if (options_.name == "cosine")
    return cosine_with_warmup(step, options_.warmup_steps, options_.total_steps, options_.minimum);
  return 1;
}

}  // namespace osteon
