// cudnn_support: the cuDNN engines for the models, on a GPU that need not be present. Compiles and
// stores each graph that the framework builds for the models. Prints one line per graph: the
// engine, its workspace, the time of compilation and the stored bytes. Exit status 1 if a graph
// cannot be compiled.
#include <algorithm>
#include <atomic>
#include <cctype>
#include <chrono>
#include <iomanip>
#include <set>
#include <thread>

#include "apps/app.h"
#include "nn/models.h"
#include "ops/cuda/cudnn/graph.h"
#include "tests/cudnn/fake_driver.h"
#include "tests/cudnn/model_specs.h"

namespace osteon {
namespace {

struct SupportOptions {
  std::vector<std::string> archs = {"resnet18", "resnet50"};
  std::vector<std::int64_t> image_sizes = {224, 320}, batch_sizes = {32, 64, 128, 256, 512};
  std::vector<std::string> precisions = {"fp32", "tf32", "bf16"};
  std::string device_properties = OSTEON_TEST_GPU "/h100.json";
  bool allow_nondeterministic = false;
  bool one_per_kind = false;
  std::size_t threads = std::max(1U, std::thread::hardware_concurrency());
};

struct Result {
  std::string name;
  std::string engine;  // empty: no plan
  std::string why_not;
  bool apart = false;  // the engine computes the graph without its residual and ReLU
  bool failed = false;
  std::vector<std::string> failures{};  // of engines, before the one that was compiled
  std::int64_t configurations = 0, workspace_bytes = 0;
  double seconds = 0;
  std::size_t stored_bytes = 0;
};

CudnnSpecs specs_of_model(const std::string& arch, const SupportOptions& options) {
  CudnnSpecs all;
  const auto add = [&](const std::vector<ObservedOp>& ops) {
    for (const ObservedOp& op : ops)
      for (const std::int64_t batch_size : options.batch_sizes)
        for (const std::string& precision : options.precisions)
          if (const auto spec = op.in(batch_size, precision_from_name(precision));
              is_computed_by_cudnn(spec))
            all.insert(spec);
  };
  const auto model = make_model(arch);
  for (const std::int64_t size : options.image_sizes) {
    add(observe_training(*model, size));
    add(observe_inference(*model, size));
  }
  return all;
}

// The first of all graphs that differ only in their numbers (shapes, strides, padding).
CudnnSpecs one_per_kind(const CudnnSpecs& specs) {
  std::set<std::string> kinds;
  CudnnSpecs chosen;
  for (const cuda::CudnnSpec& spec : specs) {
    std::string kind = describe(spec);
    std::erase_if(kind, [](unsigned char letter) { return std::isdigit(letter) != 0; });
    if (kinds.insert(kind).second) chosen.insert(spec);
  }
  return chosen;
}

std::vector<cuda::CudnnSpec> specs_of_models(const SupportOptions& options) {
  CudnnSpecs all;
  for (const std::string& arch : options.archs) {
    CudnnSpecs specs = specs_of_model(arch, options);
    if (options.one_per_kind) specs = one_per_kind(specs);
    all.merge(specs);
  }
  return {all.begin(), all.end()};
}

Result compile(const cuda::CudnnTarget& target, const cuda::CudnnSpec& spec,
               bool allow_nondeterministic) {
  Result result;
  const auto start = std::chrono::steady_clock::now();
  try {
    cuda::CudnnGraph graph(target, spec, allow_nondeterministic);
    result.configurations = graph.configurations();
    const bool is_built = graph.build_first();
    result.failures = graph.failures();
    if (is_built) {
      result.seconds =
          std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
      result.engine = graph.engine();
      result.workspace_bytes = graph.workspace_bytes();
      result.stored_bytes = graph.serialise().size();
    } else {
      result.why_not = "none of its configurations is allowed and can be compiled";
    }
  } catch (const Error& error) {
    result.why_not = error.what();
  }
  return result;
}

// As the kernels do: fused if there is a plan, else with separate operations.
Result compile_or_unfuse(const cuda::CudnnTarget& target, const cuda::CudnnSpec& spec,
                         bool allow_nondeterministic) {
  Result result = compile(target, spec, allow_nondeterministic);
  const auto* const conv = std::get_if<cuda::ConvolutionSpec>(&spec);
  if (result.engine.empty() && conv != nullptr && unfused(*conv) != *conv) {
    std::vector<std::string> failures = std::move(result.failures);
    result = compile(target, unfused(*conv), allow_nondeterministic);
    result.failures.insert(result.failures.begin(), failures.begin(), failures.end());
    result.apart = true;
  }
  result.name = describe(spec);
  result.failed =
      result.engine.empty() || (result.apart && conv != nullptr && conv->dtype == DType::bf16);
  return result;
}

std::vector<Result> compile_all(const SupportOptions& options,
                                const std::vector<cuda::CudnnSpec>& specs) {
  const std::string properties = device_properties(options.device_properties);
  set_fake_device(properties);
  std::vector<Result> results(specs.size());
  std::atomic<std::size_t> next{0};
  const auto work = [&] {
    const cuda::CudnnTarget target(properties);
    for (std::size_t i = next++; i < specs.size(); i = next++)
      results[i] = compile_or_unfuse(target, specs[i], options.allow_nondeterministic);
  };
  std::vector<std::jthread> workers;
  for (std::size_t i = 0; i < options.threads; ++i) workers.emplace_back(work);
  workers.clear();
  std::ranges::sort(results, {}, &Result::name);
  return results;
}

void print(const std::vector<Result>& results) {
  std::cout << "configurations  workspace bytes  compile s  stored bytes  graph: engine\n";
  for (const Result& result : results)
    std::cout << std::setw(14) << result.configurations << std::setw(17) << result.workspace_bytes
              << std::setw(11) << std::fixed << std::setprecision(3) << result.seconds
              << std::setw(14) << result.stored_bytes << "  " << result.name << ": "
              << (result.engine.empty() ? "NO PLAN: " + result.why_not : result.engine)
              << (result.apart ? " (residual and ReLU apart)" : "")
              << (result.failures.empty()
                      ? ""
                      : format(" (", result.failures.size(),
                               " could not be compiled: ", result.failures.front(), ")"))
              << "\n";
}

void run(const SupportOptions& options) {
  load_fake_driver();
  const std::vector<Result> results = compile_all(options, specs_of_models(options));
  print(results);
  const auto count = [&](auto member) { return std::ranges::count(results, true, member); };
  const auto failed = count(&Result::failed);
  std::cout << cuda::cudnn_version() << ": " << results.size() << " graphs, " << failed
            << " without a plan, " << count(&Result::apart) << " not fused, "
            << std::ranges::count_if(results,
                                     [](const auto& each) { return !each.failures.empty(); })
            << " with engines that could not be compiled\n";
  OSTEON_CHECK(failed == 0, failed, " graphs cannot be computed, or in bf16 not fused");
}

}  // namespace
}  // namespace osteon

int main(int argc, char** argv) {
  CLI::App app("The cuDNN engines for the models, on a GPU that need not be present",
               "cudnn_support");
  osteon::SupportOptions options;
  app.option_defaults()->always_capture_default();
  app.add_option("--arch", options.archs, "Models")->delimiter(',');
  app.add_option("--size", options.image_sizes, "Image sizes")->delimiter(',');
  app.add_option("--batch", options.batch_sizes, "Batch sizes")->delimiter(',');
  app.add_option("--precision", options.precisions, "fp32, tf32, bf16")->delimiter(',');
  app.add_option("--device-properties", options.device_properties,
                 "The GPU, in cuDNN's own JSON; by default an H100");
  app.add_flag("--allow-nondeterministic", options.allow_nondeterministic,
               "Also engines whose results differ from run to run");
  app.add_flag("--one-per-kind", options.one_per_kind,
               "One graph of those of a model that differ in their numbers only");
  app.add_option("--threads", options.threads, "Graphs compiled at once")
      ->check(CLI::PositiveNumber);
  return osteon::run_app(app, argc, argv, [&] { osteon::run(options); });
}
