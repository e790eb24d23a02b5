// The list of models: one line per model.
#include "nn/models.h"

#include <algorithm>
#include <deque>
#include <iomanip>
#include <sstream>

#include "base/text.h"
#include "nn/convnext.h"
#include "nn/densenet.h"
#include "nn/efficientnet.h"
#include "nn/mobilenet.h"
#include "nn/resnet.h"
#include "nn/vision_transformer.h"

namespace osteon {
namespace {

Architecture sized(Architecture entry, double million_parameters, double gmacs) {
  entry.million_parameters = million_parameters;
  entry.gmacs = gmacs;
  return entry;
}

constexpr auto kBasic = ResNetBlock::basic, kBottleneck = ResNetBlock::bottleneck;

// A deque, because references to its elements stay valid when it grows.
std::deque<Architecture>& list() {
  static std::deque<Architecture> architectures = {
      sized(resnet("resnet18", {kBasic, {2, 2, 2, 2}}), 11.69, 1.81),
      sized(resnet("resnet34", {kBasic, {3, 4, 6, 3}}), 21.80, 3.66),
      sized(resnet("resnet50", {kBottleneck, {3, 4, 6, 3}}), 25.56, 4.09),
      sized(resnet("resnet101", {kBottleneck, {3, 4, 23, 3}}), 44.55, 7.80),
      sized(resnet("resnet152", {kBottleneck, {3, 8, 36, 3}}), 60.19, 11.51),
      sized(resnet("resnext50_32x4d", {kBottleneck, {3, 4, 6, 3}, 32, 4}), 25.03, 4.23),
      sized(densenet("densenet121", {32, {6, 12, 24, 16}, 64}), 7.98, 2.83),
      sized(densenet("densenet169", {32, {6, 12, 32, 32}, 64}), 14.15, 3.36),
      sized(densenet("densenet201", {32, {6, 12, 48, 32}, 64}), 20.01, 4.29),
      sized(densenet("densenet161", {48, {6, 12, 36, 24}, 96}), 28.68, 7.73),
      sized(mobilenet_v2(), 3.50, 0.30),
      sized(efficientnet_b0(), 5.29, 0.39),
      sized(efficientnet_lite0(), 4.65, 0.39),
      sized(convnext_tiny(), 28.59, 4.46),
      sized(vit_b_16(), 86.57, 17.56),
      sized(vit_tiny_patch16_224(), 5.72, 1.25),
      sized(vit_small_patch16_224(), 22.05, 4.60),
      sized(vit_small_r26_s32_224(), 36.43, 3.46),
  };
  return architectures;
}

// A model without a family is one of its own.
const std::string& family_of(const Architecture& architecture) {
  return architecture.family.empty() ? architecture.name : architecture.family;
}

struct Family {
  std::string name;
  std::vector<const Architecture*> models;
};

// In the order of their first models.
std::vector<Family> families() {
  std::vector<Family> families;
  for (const Architecture& each : list()) {
    const std::string& name = family_of(each);
    auto family = std::ranges::find(families, name, &Family::name);
    if (family == families.end()) family = families.insert(family, {name, {}});
    family->models.push_back(&each);
  }
  return families;
}

}  // namespace

const Architecture& find_architecture(const std::string& name) {
  const auto found = std::ranges::find(list(), name, &Architecture::name);
  if (found != list().end()) return *found;
  throw UsageError(format("unknown architecture \"", name, "\"; known are ", model_list()));
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
  OSTEON_CHECK(
      architecture.size_multiple >= 1 && architecture.image_size % architecture.size_multiple == 0,
      "register_model: ", name, " is for images of ", architecture.image_size,
      " pixels, which is no multiple of ", architecture.size_multiple);
  OSTEON_CHECK(architecture.mean.size() == 3 && architecture.std.size() == 3,
               "register_model: ", name, " has ", architecture.mean.size(), " means and ",
               architecture.std.size(), " standard deviations; 3 each are needed, one per channel");
  list().push_back(std::move(architecture));
}

std::unique_ptr<Module> make_model(const std::string& name, const ModelOptions& options) {
  const Architecture& architecture = find_architecture(name);
  if (options.zero_init_residual && !architecture.has_residuals)
    throw UsageError("zero_init_residual: " + name + " does not have this choice; leave it out");
  if (options.drop_path >= 0 && !architecture.has_drop_path)
    throw UsageError("drop_path: " + name + " does not have this choice; leave it out");
  OSTEON_CHECK(options.width >= 1 && options.num_classes >= 1, name, ": width ", options.width,
               " and ", options.num_classes, " classes; both must be at least 1");
  return architecture.make(options);
}

std::vector<std::string> model_names() {
  std::vector<std::string> names;
  for (const Architecture& each : list()) names.push_back(each.name);
  return names;
}

std::string family_of_tensors(std::span<const std::string_view> names) {
  const auto has = [&](const std::string& layer) {
    return std::ranges::any_of(names, [&](std::string_view name) {
      const std::size_t at = name.find(layer + ".");
      return at != std::string_view::npos && (at == 0 || name[at - 1] == '.');
    });
  };
  for (const Architecture& each : list())
    if (has(each.head) && std::ranges::all_of(each.stages, has, &Architecture::Stage::layer))
      return family_of(each);
  return "";
}

std::string model_list() {
  std::string text;
  for (const auto& [family, models] : families()) {
    text += (text.empty() ? "" : "; ") + family + ": ";
    for (const Architecture* model : models) {
      text += (model == models.front() ? "" : ", ") + model->name;
      if (model->gmacs > 0)
        text += format(" (", model->million_parameters, " M parameters, ", model->gmacs, " GMACs)");
    }
  }
  return text;
}

std::string model_table() {
  std::size_t family_width = 0, name_width = 0;
  for (const auto& [family, models] : families()) {
    family_width = std::max(family_width, family.size());
    for (const Architecture* model : models) name_width = std::max(name_width, model->name.size());
  }
  std::ostringstream table;
  table << std::fixed << std::setprecision(2);
  const auto column = [](std::size_t width) { return std::setw(static_cast<int>(width)); };
  for (const auto& [family, models] : families())
    for (const Architecture* model : models) {
      table << std::left << column(family_width) << (model == models.front() ? family : "") << "  "
            << column(name_width) << model->name << std::right;
      if (model->gmacs > 0)
        table << "  " << column(6) << model->million_parameters << " M  " << column(5)
              << model->gmacs << " GMACs";
      table << "\n";
    }
  return table.str();
}

}  // namespace osteon
