// The list of architectures: one line each.
#include "nn/models.h"

#include <algorithm>
#include <functional>

#include "nn/resnet.h"

namespace osteon {
namespace {

struct Architecture {
  const char* name;
  const char* head;
  ResNetBlock block;
  std::array<int, 4> blocks;
};

constexpr Architecture kArchitectures[] = {
    {"resnet18", "fc", ResNetBlock::basic, {2, 2, 2, 2}},
    {"resnet34", "fc", ResNetBlock::basic, {3, 4, 6, 3}},
    {"resnet50", "fc", ResNetBlock::bottleneck, {3, 4, 6, 3}},
    {"resnet101", "fc", ResNetBlock::bottleneck, {3, 4, 23, 3}},
    {"resnet152", "fc", ResNetBlock::bottleneck, {3, 8, 36, 3}},
};

const Architecture& find(const std::string& arch) {
  const auto* found = std::ranges::find(kArchitectures, arch, &Architecture::name);
  if (found != std::end(kArchitectures)) return *found;
  std::string known;
  for (const Architecture& each : kArchitectures)
    known += (known.empty() ? "" : ", ") + std::string(each.name);
  throw UsageError(format("unknown architecture \"", arch, "\"; known are ", known));
}

}  // namespace

std::unique_ptr<Module> make_model(const std::string& arch, const ModelOptions& options) {
  const Architecture& architecture = find(arch);
  return std::make_unique<ResNet>(architecture.block, architecture.blocks, options);
}

std::vector<std::string> model_names() {
  std::vector<std::string> names;
  for (const Architecture& each : kArchitectures) names.emplace_back(each.name);
  return names;
}

std::string head_name(const std::string& arch) { return find(arch).head; }

}  // namespace osteon
