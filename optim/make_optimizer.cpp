// One line per optimizer.
#include "optim/make_optimizer.h"

#include "base/text.h"
#include "optim/adam.h"
#include "optim/sgd.h"

namespace osteon {

std::vector<std::string> optimizer_names() { return {"adam", "adamw", "sgd"}; }

std::unique_ptr<Optimizer> make_optimizer(const std::string& name,
                                          std::vector<ParameterGroup> groups) {
  if (name == "adam") return std::make_unique<Adam>(std::move(groups));
  if (name == "adamw")
    return std::make_unique<Adam>(std::move(groups), AdamOptions{.decoupled = true});
  if (name == "sgd") return std::make_unique<SGD>(std::move(groups));
  throw UsageError(format("unknown optimizer \"", name, "\"; known are ", join(optimizer_names())));
}

}  // namespace osteon
