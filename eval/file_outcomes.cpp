// Sends the outcomes as CBOR: exact numbers, and texts in any encoding.
#include "eval/file_outcomes.h"

#include <nlohmann/json.hpp>

#include "comm/process_group.h"

namespace osteon {

using Json = nlohmann::json;

static void to_json(Json& json, const FileOutcome& outcome) {
  json = {outcome.number, outcome.prediction, outcome.failure, outcome.warning, outcome.heat_map};
}

static void from_json(const Json& json, FileOutcome& outcome) {
  json[0].get_to(outcome.number);
  json[1].get_to(outcome.prediction);
  json[2].get_to(outcome.failure);
  json[3].get_to(outcome.warning);
  json[4].get_to(outcome.heat_map);
}

std::vector<FileOutcome> FileOutcomes::exchange(std::vector<FileOutcome> mine) {
  const auto keep = [&](std::vector<FileOutcome> outcomes) {
    for (FileOutcome& outcome : outcomes) {
      const std::size_t number = outcome.number;
      waiting_.emplace(number, std::move(outcome));
    }
  };
  if (world().size() == 1) {
    keep(std::move(mine));
  } else {
    std::string bytes;
    Json::to_cbor(Json(mine), bytes);
    for (const std::string& part : world().all_gather(bytes))
      keep(Json::from_cbor(part).get<std::vector<FileOutcome>>());
  }
  std::vector<FileOutcome> next;
  for (; !waiting_.empty() && waiting_.begin()->first == next_; ++next_)
    next.push_back(std::move(waiting_.extract(waiting_.begin()).mapped()));
  return next;
}

}  // namespace osteon
