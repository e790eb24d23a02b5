// Times the kernels; reads and writes the choices.
#include "ops/convolution/tuning.h"

#include <algorithm>
#include <chrono>
#include <limits>
#include <map>
#include <mutex>
#include <string>
#include <vector>

#include "base/instruction_set.h"
#include "base/json.h"
#include "base/parallel.h"
#include "base/processor.h"
#include "ops/backend.h"
#if defined(OSTEON_HAS_ONEDNN)
#include "ops/onednn/sweep.h"
#endif

namespace osteon::convolution {
namespace {

using nlohmann::ordered_json;

constexpr const char* kFormat = "osteon kernels 1";
constexpr std::size_t kMaxFileBytes = std::size_t{16} << 20;

struct Choices {
  std::mutex mutex;
  std::map<std::string, Kernel> by_problem;
};
Choices& choices() {
  static Choices all;
  return all;
}

// Without gradients, kernels keep their copies of the filters, which are not part of the time then.
std::string key_of(const Call& call) {
  const bool keeps_copies = call.direction == Direction::forward && !is_grad_enabled();
  return format(describe(call.problem()), keeps_copies ? " without gradients" : "", " threads ",
                num_threads());
}

double seconds_of(const Candidate& kernel, const Call& call) {
  const auto begin = std::chrono::steady_clock::now();
  kernel.run(call);
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
}

// Filters that are read are a copy, so that the copies of it that kernels keep
// (ops/weight_copies.h) end with it: only the chosen kernel's may stay.
std::optional<Kernel> fastest(Call call, std::span<const Kernel> kernels) {
  if (call.direction != Direction::backward_weight) call.weight = call.weight.clone();
  std::vector<Kernel> possible;
  for (const Kernel kernel : kernels)  // warms up
    if (candidate(kernel).run(call)) possible.push_back(kernel);
  std::vector<double> least(possible.size(), std::numeric_limits<double>::infinity());
  constexpr int kRounds = 3;
  if (possible.size() > 1)
    for (int round = 0; round < kRounds; ++round)
      for (std::size_t i = 0; i < possible.size(); ++i)
        least[i] = std::min(least[i], seconds_of(candidate(possible[i]), call));
  const auto best = std::ranges::min_element(least);
  if (best == least.end()) return std::nullopt;
  return possible[static_cast<std::size_t>(best - least.begin())];
}

// The conditions under which the choices are valid.
ordered_json origin() {
#if defined(OSTEON_HAS_ONEDNN)
  const std::string onednn = onednn::version();
#else
  const std::string onednn = "none";
#endif
  return {{"processor", processor_name()},
          {"instruction_set", name_of(instruction_set())},
          {"onednn", onednn}};
}

std::optional<Kernel> kernel_from_name(const std::string& name) {
  for (std::size_t i = 0; i < kKernels; ++i)
    if (name == candidate(static_cast<Kernel>(i)).name) return static_cast<Kernel>(i);
  return std::nullopt;
}

std::map<std::string, Kernel> choices_from(const ordered_json& file) {
  OSTEON_CHECK(file.is_object(), "no stored kernels (no \"format\")");
  const auto member = [&](const char* name) {
    const auto found = file.find(name);
    OSTEON_CHECK(found != file.end(), "no stored kernels (no \"", name, "\")");
    return *found;
  };
  OSTEON_CHECK(member("format") == kFormat,
               "stored kernels of another format: ", json_text(member("format"), -1));
  const ordered_json here = origin();
  for (const auto& [name, value] : here.items())
    if (member(name.c_str()) != value) return {};
  const ordered_json kernels = member("kernels");
  OSTEON_CHECK(kernels.is_object(), "\"kernels\" is damaged");
  std::map<std::string, Kernel> read;
  for (const auto& [problem, name] : kernels.items()) {
    const auto kernel = name.is_string() ? kernel_from_name(name.get<std::string>()) : std::nullopt;
    OSTEON_CHECK(kernel, "the kernel of ", problem, " is damaged: ", json_text(name, -1));
    read[problem] = *kernel;
  }
  return read;
}

}  // namespace

std::optional<Kernel> chosen_by_timing(const Call& call, std::span<const Kernel> kernels) {
  Choices& all = choices();
  const std::lock_guard lock(all.mutex);
  const std::string key = key_of(call);
  if (const auto known = all.by_problem.find(key); known != all.by_problem.end())
    return known->second;
  const std::optional<Kernel> found = fastest(call, kernels);
  if (found) all.by_problem[key] = *found;
  return found;
}

void export_choices(const std::filesystem::path& path) {
  ordered_json file{{"format", kFormat}};
  file.update(origin());
  ordered_json& kernels = file["kernels"] = ordered_json::object();
  Choices& all = choices();
  const std::lock_guard lock(all.mutex);
  for (const auto& [problem, kernel] : all.by_problem) kernels[problem] = candidate(kernel).name;
  write_json(path, file);
}

std::size_t import_choices(const std::filesystem::path& path) {
  const ordered_json file = read_json(path, kMaxFileBytes);
  std::map<std::string, Kernel> read;
  try {
    read = choices_from(file);
  } catch (const Error& error) {
    throw Error(format(path.string(), ": ", error.what()));
  }
  if (read.empty()) return 0;
  Choices& all = choices();
  const std::lock_guard lock(all.mutex);
  all.by_problem = read;
  return read.size();
}

}  // namespace osteon::convolution
