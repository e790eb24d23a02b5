// The list of models: one line per model.
#include "nn/models.h"

#include <algorithm>
#include <deque>

#include "base/text.h"
#include "nn/resnet.h"

namespace osteon {
namespace {

// A deque, because references to its elements stay valid when it grows.
std::deque<Architecture>& list() {
  static std::deque<Architecture> architectures = {
      resnet("resnet18", ResNetBlock::basic, {2, 2, 2, 2}),
      resnet("resnet34", ResNetBlock::basic, {3, 4, 6, 3}),
      resnet("resnet50", ResNetBlock::bottleneck, {3, 4, 6, 3}),
      resnet("resnet101", ResNetBlock::bottleneck, {3, 4, 23, 3}),
      resnet("resnet152", ResNetBlock::bottleneck, {3, 8, 36, 3}),
  };
  return architectures;
}

}  // namespace

const Architecture& find_architecture(const std::string& name) {
  const auto found = std::ranges::find(list(), name, &Architecture::name);
  if (found != list().end()) return *found;
  throw UsageError(format("unknown architecture \"", name, "\"; known are ", join(model_names())));
}

void register_model(Architecture architecture) {
  const std::string& name = architecture.name;
  OSTEON_CHECK(!name.empty() && architecture.make && !architecture.head.empty(),
               "register_model: \"", name, "\" needs a name, a head and a function that makes it");
  OSTEON_CHECK(!std::ranges::count(model_names(), name), "register_model: there is a \"", name,
               "\" already; choose another name");
  OSTEON_CHECK(
      !architecture.stages.empty(), "register_model: ", name,
      " names no stage for Grad-CAM; name a layer whose output is [N,H,W,C], and its stride");
  for (const Architecture::Stage& stage : architecture.stages)
    OSTEON_CHECK(stage.stride >= 1, "register_model: ", name, ": stage ", stage.layer,
                 " has the stride ", stage.stride, "; it must be at least 1");
  OSTEON_CHECK(architecture.image_size >= 1, "register_model: ", name, " is for images of ",
               architecture.image_size, " pixels; it must be at least 1");
  OSTEON_CHECK(architecture.mean.size() == 3 && architecture.std.size() == 3,
               "register_model: ", name, " has ", architecture.mean.size(), " means and ",
               architecture.std.size(), " standard deviations; 3 each are needed, one per channel");
  list().push_back(std::move(architecture));
}

std::unique_ptr<Module> make_model(const std::string& name, const ModelOptions& options) {
  const Architecture& architecture = find_architecture(name);
  if (options.zero_init_residual && !architecture.has_residuals)
    throw UsageError("zero_init_residual: " + name + " has no residual blocks; leave it out");
  return architecture.make(options);
}

std::vector<std::string> model_names() {
  std::vector<std::string> names;
  for (const Architecture& each : list()) names.push_back(each.name);
  return names;
}

}  // namespace osteon
