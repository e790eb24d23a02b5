// The files of stored plans. cuDNN does not validate the bytes of a plan, so each has a checksum.
#include "ops/cuda/cudnn/plan_cache.h"

#include <zlib.h>

#include <cstdlib>
#include <cstring>

#include "base/random.h"
#include "tensor/safetensors.h"

namespace osteon::cuda {
namespace {

// Version of the file format; files of another version are ignored.
constexpr const char* kFormat = "osteon plans 1";

std::string checksum(const std::string& bytes) {
  const auto* data = reinterpret_cast<const Bytef*>(bytes.data());
  return format(crc32_z(0, data, bytes.size()));
}

std::filesystem::path file_of(const std::filesystem::path& folder, const PlanOrigin& origin,
                              const std::string& spec) {
  const std::string key =
      format(origin.library, '\n', origin.device, '\n', origin.choice, '\n', spec);
  std::ostringstream name;
  name << std::hex << hash_name(key) << ".safetensors";
  return folder / name.str();
}

Tensor tensor_of(const std::string& bytes) {
  const Tensor tensor({static_cast<std::int64_t>(bytes.size())}, DType::u8);
  std::memcpy(tensor.raw(), bytes.data(), bytes.size());
  return tensor;
}

std::string bytes_of(const Tensor& tensor) {
  return {reinterpret_cast<const char*>(tensor.raw()), tensor.bytes()};
}

}  // namespace

std::filesystem::path plan_cache_folder() {
  const auto variable = [](const char* name) -> std::filesystem::path {
    const char* value = std::getenv(name);
    return value == nullptr ? "" : value;
  };
  if (auto chosen = variable("OSTEON_PLAN_CACHE"); !chosen.empty()) return chosen;
  if (auto caches = variable("XDG_CACHE_HOME"); !caches.empty()) return caches / "osteon/plans";
  if (auto home = variable("HOME"); !home.empty()) return home / ".cache/osteon/plans";
  return {};
}

std::optional<StoredPlan> find_plan(const std::filesystem::path& folder, const PlanOrigin& origin,
                                    const std::string& spec) {
  const std::filesystem::path path = file_of(folder, origin, spec);
  std::error_code ignored;
  if (!std::filesystem::is_regular_file(path, ignored)) return std::nullopt;
  try {
    PlanFile file = read_plans(path);
    if (file.origin == origin && file.plans.size() == 1 && file.plans[0].spec == spec)
      return std::move(file.plans[0]);
  } catch (const Error&) {
  }
  return std::nullopt;
}

void store_plan(const std::filesystem::path& folder, const PlanOrigin& origin,
                const StoredPlan& plan) {
  std::error_code error;
  std::filesystem::create_directories(folder, error);
  OSTEON_CHECK(!error, folder.string(), ": cannot be created: ", error.message());
  write_plans(file_of(folder, origin, plan.spec), {origin, {plan}});
}

void write_plans(const std::filesystem::path& path, const PlanFile& contents) {
  NamedTensors file;
  file.metadata = {{"format", kFormat},
                   {"library", contents.origin.library},
                   {"device", contents.origin.device},
                   {"choice", contents.origin.choice}};
  for (const StoredPlan& plan : contents.plans) {
    file.tensors.emplace_back(plan.spec, tensor_of(plan.bytes));
    file.metadata["engine " + plan.spec] = plan.engine;
    file.metadata["crc32 " + plan.spec] = checksum(plan.bytes);
  }
  write_safetensors(path, file);
}

PlanFile read_plans(const std::filesystem::path& path) {
  const NamedTensors file = read_safetensors(path);
  const auto text = [&](const std::string& name) {
    const auto found = file.metadata.find(name);
    OSTEON_CHECK(found != file.metadata.end(), path.string(), ": no stored plans (no \"", name,
                 "\")");
    return found->second;
  };
  OSTEON_CHECK(text("format") == kFormat, path.string(),
               ": stored plans of another format: ", text("format"));
  PlanFile contents{{text("library"), text("device"), text("choice")}, {}};
  for (const auto& [spec, tensor] : file.tensors) {
    OSTEON_CHECK(tensor.dtype() == DType::u8, path.string(), ": ", spec, " is no stored plan");
    StoredPlan plan{spec, text("engine " + spec), bytes_of(tensor)};
    OSTEON_CHECK(text("crc32 " + spec) == checksum(plan.bytes), path.string(), ": the plan of ",
                 spec, " is damaged");
    contents.plans.push_back(std::move(plan));
  }
  return contents;
}

}  // namespace osteon::cuda
