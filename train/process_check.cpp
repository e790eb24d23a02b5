// Compares processes by what they gather from each other.
#include "train/process_check.h"

#include <string>
#include <vector>

#include "base/checksums.h"
#include "comm/process_group.h"

namespace osteon {
namespace {

std::string checksum_of(const Module& model) {
  std::string sums;
  for (const auto& [name, tensor] : model.named_state()) {
    const Tensor here = tensor.to(Device::cpu());
    sums += format(name, " ", fast_checksum(here.raw(), here.bytes()), "\n");
  }
  return sums;
}

}  // namespace

void check_same_facts(const nlohmann::ordered_json& facts) {
  const std::vector<std::string> names = world().all_gather(world().name());
  const std::vector<std::string> texts = world().all_gather(facts.dump());
  const auto first = nlohmann::ordered_json::parse(texts[0]);
  for (std::size_t rank = 1; rank < texts.size(); ++rank) {
    const auto other = nlohmann::ordered_json::parse(texts[rank]);
    for (const auto& [key, value] : first.items())
      OSTEON_CHECK(other.contains(key) && other[key] == value, "the processes differ in ", key,
                   ": ", value.dump(), " in ", names[0], ", ",
                   other.contains(key) ? other[key].dump() : "nothing", " in ", names[rank],
                   "; start all with the same program, options and data");
  }
}

void share_weights(const Module& model) {
  if (world().size() == 1) return;
  for (const auto& [name, tensor] : model.named_state()) {
    const Tensor here = tensor.to(Device::cpu());
    world().broadcast(here);
    if (tensor.device().is_cuda()) copy_(tensor, here);
  }
  const std::vector<std::string> names = world().all_gather(world().name());
  const std::vector<std::string> sums = world().all_gather(checksum_of(model));
  for (std::size_t rank = 1; rank < sums.size(); ++rank)
    OSTEON_CHECK(sums[rank] == sums[0], "the weights of ", names[rank], " are not those that ",
                 names[0], " sent");
}

}  // namespace osteon
