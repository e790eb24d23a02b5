// Counts consecutive epochs without improvement.
#include "train/early_stopping.h"

#include "base/error.h"
#include "base/json.h"

namespace osteon {

EarlyStopping::EarlyStopping(std::int64_t patience) : patience_(patience) {
  if (patience < 1)
    throw UsageError(format("--patience ", patience, ": expected at least 1 epoch"));
}

void EarlyStopping::on_epoch(const EpochEvent& event) {
  epochs_without_ = event.is_best ? 0 : epochs_without_ + 1;
}

std::string EarlyStopping::stop_reason() const {
  if (epochs_without_ < patience_) return {};
  return format("validation has not improved for ", epochs_without_,
                epochs_without_ == 1 ? " epoch" : " epochs");
}

nlohmann::ordered_json EarlyStopping::state() const {
  return {{"epochs_without", epochs_without_}};
}

void EarlyStopping::load_state(const nlohmann::ordered_json& state) {
  const bool is_state = state.is_object() && state.contains("epochs_without");
  OSTEON_CHECK(is_state, "this is not the state of early stopping: ", state.dump());
  epochs_without_ = to_integer<std::int64_t>("epochs_without", state["epochs_without"]);
}

}  // namespace osteon
