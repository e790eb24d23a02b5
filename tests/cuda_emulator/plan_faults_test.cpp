// Faults of cuDNN's plans: each is counted, and the result is the same. Only on the emulated
// device, whose cuDNN fails on demand.
#include <doctest/doctest.h>

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "nn/init.h"
#include "ops/backend.h"
#include "ops/cuda/cudnn/plan_cache.h"
#include "ops/ops.h"
#include "tests/cuda_emulator/executed_specs.h"
#include "tests/support/temporary_folder.h"

using namespace osteon;
using cuda_emulator::set_failing_configurations;

namespace {

Tensor random(Shape shape, std::uint64_t stream) {
  const Tensor x(std::move(shape), DType::f32);
  uniform_(x, 1, {.seed = 1, .stream = stream});
  return x;
}

// A convolution with so many images (each number is another graph), on the device and on the CPU.
void check_convolution(std::int64_t images) {
  const Tensor x = random({images, 5, 5, 8}, 0), weight = random({8, 3, 3, 8}, 1);
  const auto on = [&](const Device& device) {
    return conv2d(x.to(device), weight.to(device), {}, {}).to_vector();
  };
  const std::vector<double> got = on(Device::cuda()), expected = on(Device::cpu());
  REQUIRE(got.size() == expected.size());
  for (std::size_t i = 0; i < got.size(); ++i)
    CHECK(got[i] == doctest::Approx(expected[i]).epsilon(1e-4));
}

// The faults since `before`.
std::int64_t faults(const std::map<std::string, std::int64_t>& before, const std::string& kind) {
  const auto now = plan_faults(), then = before;
  const auto at = [&](const auto& counts) { return counts.contains(kind) ? counts.at(kind) : 0; };
  return at(now) - at(then);
}

constexpr const char* kRefused = "stored plans that cuDNN refuses";
constexpr const char* kEngine = "engines that cannot be compiled";
constexpr const char* kGraph = "graphs that cannot be compiled";
constexpr const char* kMissing = "graphs without a plan because a library is missing";

}  // namespace

TEST_CASE("without a fault nothing is counted") {
  check_convolution(1);
  CHECK(plan_faults().empty());
  CHECK(describe_plan_faults().empty());
}

TEST_CASE("a stored plan that cuDNN refuses is counted and compiled again") {
  const TemporaryFolder folder;
  // The origin and the name of the stored plan, from one that was stored here.
  set_autotune(true);
  check_convolution(2);
  const auto path = folder.path() / "plans.safetensors";
  export_tuning(path, Device::cuda());
  cuda::PlanFile file = cuda::read_plans(path);
  REQUIRE(file.plans.size() == 1);
  file.plans[0].bytes = "of another cuDNN";
  SUBCASE("in the cache") {
    cuda::store_plan(cuda::plan_cache_folder(), file.origin, file.plans[0]);
    file.plans.clear();
  }
  SUBCASE("of the run") {}
  cuda::write_plans(path, file);
  const auto before = plan_faults();
  import_tuning(path, Device::cuda());  // also forgets the compiled plans
  check_convolution(2);
  set_autotune(false);
  CHECK(faults(before, kRefused) == 1);
  CHECK(faults(before, kEngine) == 0);
}

TEST_CASE("an engine that cannot be compiled is counted, and another one is used") {
  const auto before = plan_faults();
  const auto fallbacks = reference_fallbacks();
  set_failing_configurations(1);
  check_convolution(3);
  set_failing_configurations(0);
  CHECK(faults(before, kEngine) == 1);
  CHECK(faults(before, kGraph) == 0);
  CHECK(reference_fallbacks() == fallbacks);
  CHECK(describe_plan_faults().find("engines that cannot be compiled x 1") != std::string::npos);
}

TEST_CASE("a batch norm without a plan is counted, and our own kernels compute it") {
  struct Row {
    std::int64_t failing;
    bool is_missing;
    std::int64_t images;
    std::int64_t engines, graphs, missing;
  };
  for (const Row& row : {Row{2, false, 4, 2, 1, 0}, Row{0, true, 5, 0, 0, 1}}) {
    CAPTURE(row.images);
    const auto before = plan_faults();
    const auto fallbacks = reference_fallbacks();
    const Tensor x = random({row.images, 5, 5, 8}, 0);
    const auto on = [&](const Device& device) {
      const auto channel = [&](double value) { return full({8}, value, DType::f32, device); };
      return batch_norm(x.to(device), channel(1), channel(0), channel(0), channel(1),
                        {.training = true, .activation = Activation::relu})
          .to_vector();
    };
    const std::vector<double> expected = on(Device::cpu());
    set_failing_configurations(row.failing);
    cuda_emulator::set_missing_library(row.is_missing);
    const std::vector<double> got = on(Device::cuda());
    set_failing_configurations(0);
    cuda_emulator::set_missing_library(false);
    for (std::size_t i = 0; i < got.size(); ++i)
      CHECK(got[i] == doctest::Approx(expected[i]).epsilon(1e-4));
    CHECK(faults(before, kEngine) == row.engines);
    CHECK(faults(before, kGraph) == row.graphs);
    CHECK(faults(before, kMissing) == row.missing);
    CHECK(reference_fallbacks() != fallbacks);
  }
}
