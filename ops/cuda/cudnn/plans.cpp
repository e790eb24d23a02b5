// The plans of each device in memory, and their sources.
#include "ops/cuda/cudnn/plans.h"

#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <exception>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <thread>
#include <unordered_map>
#include <utility>
#include <vector>

#include "base/parallel.h"
#include "ops/backend.h"
#include "ops/convolution/tuning.h"
#include "ops/cuda/cudnn/aligned.h"
#include "ops/cuda/cudnn/plan_cache.h"
#include "ops/cuda/cudnn/plan_timing.h"
#include "tensor/cuda/context.h"
#include "tensor/cuda/rehearsal.h"
#include "tensor/cuda/transfer.h"

namespace osteon::cuda {
namespace {

struct Plan {
  std::optional<CudnnGraph> graph;  // empty if cuDNN has no plan; why_not is then the reason
  std::string engine;
  std::string why_not;
  bool chosen_by_timing = false;
  bool to_be_timed = false;  // at the first execution, with its tensors
  std::string bytes{};       // from which it was loaded; empty if it was compiled here
};

PlanOrigin origin_on(const Device& device) {
  const cudaDeviceProp& properties = context(device).properties();
  std::string choice = autotune() ? "timing" : "heuristics";
  if (allow_nondeterministic()) choice += ", nondeterministic allowed";
  return {cudnn_version(),
          format(properties.name, ", sm_", properties.major, properties.minor, ", ",
                 properties.multiProcessorCount, " multiprocessors"),
          choice};
}

// Writing to a folder set by the user must succeed. The default folder is optional: a read-only
// home works without it.
void keep_on_disk(const PlanOrigin& origin, const StoredPlan& plan) {
  const std::filesystem::path folder = plan_cache_folder();
  if (folder.empty()) return;
  try {
    store_plan(folder, origin, plan);
  } catch (const Error&) {
    if (std::getenv("OSTEON_PLAN_CACHE") != nullptr) throw;
  }
}

class DevicePlans {
 public:
  explicit DevicePlans(const Device& device)
      : device_(device), target_(device), origin_(origin_on(device)) {}

  Plan& find(const CudnnSpec& spec) {
    const auto known = plans_.find(spec);
    return known != plans_.end() ? known->second : plans_.emplace(spec, make(spec)).first->second;
  }

  // The plan of a spec if it is in memory, else null.
  Plan* known(const CudnnSpec& spec) {
    const auto found = plans_.find(spec);
    return found == plans_.end() ? nullptr : &found->second;
  }

  // Gets these plans. The stored ones are loaded one after another, because that uses the stream.
  void get(const std::vector<CudnnSpec>& specs) {
    std::vector<CudnnSpec> missing;
    for (const CudnnSpec& spec : specs)
      if (std::optional<Plan> plan = from_store(spec))
        plans_.emplace(spec, std::move(*plan));
      else
        missing.push_back(spec);
    std::vector<Plan> plans = compiled_in_threads(missing);
    for (std::size_t i = 0; i < missing.size(); ++i)
      plans_.emplace(missing[i], std::move(plans[i]));
  }

  void time(const char* op, const CudnnSpec& spec, Plan& plan, std::span<const Binding> bindings) {
    choose_by_timing(op, device_, spec, *plan.graph, bindings);
    plan.to_be_timed = false;
    plan.chosen_by_timing = true;
    plan.engine = plan.graph->engine();
    keep_on_disk(origin_, stored(spec, plan));
  }

  PlanFile chosen_by_timing() const {
    PlanFile file{origin_, {}};
    for (const auto& [spec, plan] : plans_)
      if (plan.chosen_by_timing) file.plans.push_back(stored(spec, plan));
    std::ranges::sort(file.plans, {}, &StoredPlan::spec);
    return file;
  }

  std::size_t import(PlanFile file) {
    if (file.origin.library != origin_.library || file.origin.device != origin_.device) return 0;
    for (StoredPlan& plan : file.plans) imported_[plan.spec] = std::move(plan);
    plans_.clear();
    return file.plans.size();
  }

 private:
  static StoredPlan stored(const CudnnSpec& spec, const Plan& plan) {
    return {describe(spec), plan.engine, plan.bytes.empty() ? plan.graph->serialise() : plan.bytes};
  }

  Plan make(const CudnnSpec& spec) {
    if (std::optional<Plan> plan = from_store(spec)) return std::move(*plan);
    return compiled(spec, target_);
  }

  // From the resumed run's plans or from the disk.
  std::optional<Plan> from_store(const CudnnSpec& spec) {
    const std::string name = describe(spec);
    std::visit(
        [&](const auto& each) {
          if (each.dtype == DType::bf16) require_bf16(name, device_);
        },
        spec);
    if (const auto given = imported_.find(name); given != imported_.end()) {
      try {
        return loaded(given->second, /*by_timing=*/true);
      } catch (const Error& error) {
        count_refused(name, error);
      }
    }
    const std::filesystem::path folder = plan_cache_folder();
    if (const auto found = folder.empty() ? std::nullopt : find_plan(folder, origin_, name)) {
      try {
        return loaded(*found, autotune());
      } catch (const Error& error) {  // for example made by another build with the same version
        count_refused(name, error);
      }
    }
    return std::nullopt;
  }

  static void count_refused(const std::string& name, const Error& error) {
    count_plan_fault("stored plans that cuDNN refuses", format(name, ": ", error.what()));
  }

  Plan loaded(const StoredPlan& plan, bool by_timing) const {
    return {.graph = CudnnGraph(target_, plan.bytes),
            .engine = plan.engine,
            .why_not = "",
            .chosen_by_timing = by_timing,
            .bytes = plan.bytes};
  }

  // Counts what a user should know: a missing library, engines and graphs that should compile but
  // do not. That cuDNN offers nothing for a graph is normal.
  static void count_faults(const CudnnSpec& spec, const Plan& plan,
                           const std::vector<std::string>& failures) {
    const auto count = [&](const char* kind, const std::string& reason) {
      count_plan_fault(kind, format(describe(spec), ": ", reason));
    };
    for (const std::string& reason : failures) count("engines that cannot be compiled", reason);
    if (plan.why_not.find(kMissingLibrary) != std::string::npos)
      count("graphs without a plan because a library is missing", plan.why_not);
    else if (!plan.graph && !failures.empty())
      count("graphs that cannot be compiled", plan.why_not);
  }

  // A plan with a graph, or with the reason why there is none.
  Plan compiled(const CudnnSpec& spec, const CudnnTarget& target) const {
    Plan plan;
    std::vector<std::string> failures;
    try {
      plan.graph.emplace(target, spec, allow_nondeterministic());
      const bool is_built = plan.graph->build_first();
      failures = plan.graph->failures();
      OSTEON_CHECK(is_built, cudnn_version(), ": none of ", plan.graph->configurations(),
                   " configurations is allowed and can be compiled",
                   failures.empty() ? "" : "; " + failures.front());
    } catch (const Error& error) {
      plan.graph.reset();
      plan.why_not = error.what();
    }
    count_faults(spec, plan, failures);
    if (!plan.graph) return plan;
    plan.engine = plan.graph->engine();
    plan.to_be_timed = autotune();
    if (!plan.to_be_timed) keep_on_disk(origin_, stored(spec, plan));
    return plan;
  }

  // A handle of cuDNN may be used by only one thread at a time, so each thread opens its own. They
  // are kept, because the plans use them.
  std::vector<Plan> compiled_in_threads(const std::vector<CudnnSpec>& specs) {
    std::vector<Plan> plans(specs.size());
    std::atomic<std::size_t> next{0};
    const auto compile = [&](const CudnnTarget& target) {
      for (std::size_t i = next++; i < specs.size(); i = next++)
        plans[i] = compiled(specs[i], target);
    };
    std::mutex mutex;
    std::exception_ptr failure;
    const auto work = [&] {
      try {
        auto target = std::make_unique<CudnnTarget>(device_);
        compile(*target);
        const std::lock_guard lock(mutex);
        more_targets_.push_back(std::move(target));
      } catch (...) {
        const std::lock_guard lock(mutex);
        failure = std::current_exception();
      }
    };
    {
      std::vector<std::jthread> workers;
      for (std::size_t i = 1; i < specs.size() && std::cmp_less(i, num_threads()); ++i)
        workers.emplace_back(work);
      compile(target_);
    }
    if (failure) std::rethrow_exception(failure);
    return plans;
  }

  const Device device_;
  CudnnTarget target_;
  std::vector<std::unique_ptr<CudnnTarget>> more_targets_;  // of plans that threads compiled
  const PlanOrigin origin_;
  std::unordered_map<CudnnSpec, Plan, CudnnSpecHash> plans_;
  std::map<std::string, StoredPlan> imported_;
};

// Plans live until the program ends, like contexts. The lock is held while a plan is made or
// executed: a cuDNN handle may be used by only one thread at a time.
struct AllPlans {
  std::mutex mutex;
  std::map<int, DevicePlans> devices;

  DevicePlans& on(const Device& device) {
    return devices.try_emplace(device.index, device).first->second;
  }
};

AllPlans& all_plans() {
  static auto* const plans = std::make_unique<AllPlans>().release();
  return *plans;
}

// In a rehearsal: the specs that it asked for and whose plans are not in memory.
thread_local std::vector<CudnnSpec>* lacking = nullptr;

// Notes a spec in a rehearsal. Returns whether its plan is not in memory.
bool is_lacking(DevicePlans& plans, const CudnnSpec& spec) {
  if (!is_rehearsing() || plans.known(spec) != nullptr) return false;
  if (lacking != nullptr && std::ranges::find(*lacking, spec) == lacking->end())
    lacking->push_back(spec);
  return true;
}

}  // namespace

bool has_plan(const CudnnSpec& spec, const Device& device) {
  context(device);  // selects it for this thread, as cuDNN's handle requires
  AllPlans& all = all_plans();
  const std::lock_guard lock(all.mutex);
  DevicePlans& plans = all.on(device);
  return is_lacking(plans, spec) || plans.find(spec).graph.has_value();
}

void execute(const char* op, const CudnnSpec& spec, const Arguments& arguments) {
  std::vector<Binding> bindings;
  for (const auto& [role, tensor] : arguments) {
    OSTEON_CHECK(tensor.is_aligned(kLibraryAlignment), op, ": ", describe(spec), ": a ",
                 tensor.shape(), " ", tensor.dtype(),
                 " tensor is not aligned to 16 bytes; pass a copy of that slice");
    bindings.push_back({role, tensor.raw()});
  }
  const Device device = arguments.front().tensor.device();
  context(device);
  AllPlans& all = all_plans();
  const std::lock_guard lock(all.mutex);
  DevicePlans& plans = all.on(device);
  if (is_lacking(plans, spec)) return;
  Plan& plan = plans.find(spec);
  OSTEON_CHECK(plan.graph, op, ": cuDNN has no plan for ", describe(spec), "; ", plan.why_not);
  if (plan.to_be_timed && !is_rehearsing()) plans.time(op, spec, plan, bindings);
  const Tensor workspace({plan.graph->workspace_bytes()}, DType::u8, device);
  if (is_rehearsing()) return;
  plan.graph->execute(bindings, workspace.raw());
}

}  // namespace osteon::cuda

namespace osteon {

// Each turn may ask for further plans, because it takes another way if a graph has no plan.
void rehearse(const Device& device, const std::function<void()>& work) {
  if (!device.is_cuda()) return;
  std::vector<cuda::CudnnSpec> specs;
  do {
    specs.clear();
    {
      const cuda::Rehearsal rehearsal;
      cuda::lacking = &specs;
      try {
        work();
      } catch (...) {
        cuda::lacking = nullptr;
        throw;
      }
      cuda::lacking = nullptr;
    }
    if (autotune()) return;
    cuda::AllPlans& all = cuda::all_plans();
    const std::lock_guard lock(all.mutex);
    all.on(device).get(specs);
  } while (!specs.empty());
}

void export_tuning(const std::filesystem::path& path, const Device& device) {
  if (!device.is_cuda()) return convolution::export_choices(path);
  cuda::AllPlans& all = cuda::all_plans();
  const std::lock_guard lock(all.mutex);
  cuda::write_plans(path, all.on(device).chosen_by_timing());
}

std::size_t import_tuning(const std::filesystem::path& path, const Device& device) {
  if (!device.is_cuda()) return convolution::import_choices(path);
  cuda::PlanFile file = cuda::read_plans(path);
  cuda::AllPlans& all = cuda::all_plans();
  const std::lock_guard lock(all.mutex);
  return all.on(device).import(std::move(file));
}

}  // namespace osteon
