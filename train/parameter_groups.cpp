#include "train/parameter_groups.h"

#include <algorithm>

#include "nn/name_match.h"

namespace osteon {

std::vector<ParameterGroup> parameter_groups(const Module& model, const std::string& head,
                                             const TrainOptions& options) {
  std::vector<ParameterGroup> groups;
  for (const auto& [name, parameter] : model.named_parameters()) {
    const bool has_head_lr = options.head_lr > 0 && is_below(name, head);
    const bool has_norm_decay = options.weight_decay_norm >= 0 && parameter.shape().rank() <= 1;
    const double lr = has_head_lr ? options.head_lr : options.lr;
    const double decay = has_norm_decay ? options.weight_decay_norm : options.weight_decay;
    auto group = std::ranges::find_if(groups, [&](const ParameterGroup& each) {
      return each.lr == lr && each.weight_decay == decay;
    });
    if (group == groups.end()) group = groups.insert(group, {{}, lr, decay});
    group->parameters.emplace_back(name, parameter);
  }
  return groups;
}

}  // namespace osteon
