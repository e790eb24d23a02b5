// Converts the state to and from JSON, in which a loss that is not a number is null.
#include "train/run/state.h"

#include <limits>

#include "base/error.h"

namespace osteon {
namespace {

using nlohmann::ordered_json;

double number(const ordered_json& value) {
  return value.is_null() ? std::numeric_limits<double>::quiet_NaN() : value.get<double>();
}

std::int64_t count(const ordered_json& json, const char* key) {
  const ordered_json& value = json.at(key);
  OSTEON_CHECK(value.is_number_integer() && value >= 0 && value <= std::int64_t{1} << 53, key,
               " is ", value.dump(), ", not a valid count");
  return value.get<std::int64_t>();
}

}  // namespace

ordered_json to_json(const RunState& state) {
  ordered_json json = {{"step", state.step},         {"epoch", state.epoch},
                       {"batches", state.batches},   {"images", state.images},
                       {"loss_sum", state.loss_sum}, {"skipped", state.skipped},
                       {"seconds", state.seconds},   {"best", nullptr}};
  if (state.best) {
    const auto& [score, value] = state.best->score;
    json["best"] = {
        {"loss", state.best->loss}, {score, nullptr}, {"checkpoint", state.best->checkpoint}};
    if (value) json["best"][score] = *value;
  }
  return json;
}

RunState run_state_from_json(const ordered_json& json, const std::string& score) {
  try {
    RunState state;
    state.step = count(json, "step");
    state.epoch = count(json, "epoch");
    state.batches = count(json, "batches");
    state.images = count(json, "images");
    state.loss_sum = number(json.at("loss_sum"));
    state.skipped = count(json, "skipped");
    state.seconds = number(json.at("seconds"));
    if (const ordered_json& best = json.at("best"); !best.is_null()) {
      state.best = {
          number(best.at("loss")), {score, std::nullopt}, best.at("checkpoint").get<std::string>()};
      if (!best.at(score).is_null()) state.best->score.second = best.at(score).get<double>();
    }
    return state;
  } catch (const nlohmann::json::exception& error) {
    throw Error(format("this is not the state of a run: ", error.what()));
  }
}

}  // namespace osteon
