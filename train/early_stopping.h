// Ends training when validation has not improved for some epochs.
#pragma once

#include <cstdint>

#include "train/callback.h"

namespace osteon {

// Training ends after `patience` consecutive epochs that are not better than the best one. Source:
// Prechelt, "Early Stopping - But When?", in Neural Networks: Tricks of the Trade, 1998.
class EarlyStopping : public TrainingCallback {
 public:
  // Throws UsageError for a patience below 1.
  explicit EarlyStopping(std::int64_t patience);

  void on_epoch(const EpochEvent& event) override;
  std::string stop_reason() const override;

  std::string name() const override { return "early_stopping"; }
  nlohmann::ordered_json state() const override;
  void load_state(const nlohmann::ordered_json& state) override;

 private:
  std::int64_t patience_, epochs_without_ = 0;
};

}  // namespace osteon
