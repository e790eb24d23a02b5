// Plans on a device: a plan chosen by timing gives the same bits after it is loaded from a file.
// Without a device the test prints a message and checks nothing.
#include "ops/backend.h"

#include <doctest/doctest.h>

#include <cstdlib>
#include <filesystem>
#include <iterator>

#include "nn/init.h"
#include "ops/cuda/cudnn/plan_cache.h"
#include "ops/ops.h"
#include "tests/cuda/cuda_device.h"
#include "tests/support/temporary_folder.h"

namespace fs = std::filesystem;
using namespace osteon;

namespace {

Tensor random(Shape shape, std::uint64_t stream, const Device& device) {
  const Tensor x(std::move(shape), DType::f32);
  uniform_(x, 1, {.seed = 1, .stream = stream});
  return x.to(device);
}

}  // namespace

TEST_CASE("plans chosen by timing are kept on disk, and a run's are used again") {
  const Device device = device_under_test();
  if (!device.is_cuda()) return;
  const TemporaryFolder folder;
  ::setenv("OSTEON_PLAN_CACHE", (folder.path() / "cache").c_str(), 1);
  set_autotune(true);
  const Tensor x = random({8, 28, 28, 64}, 0, device), weight = random({64, 3, 3, 64}, 1, device);
  const auto convolved = [&] { return conv2d(x, weight, {}, {.padding = 1}).to_vector(); };
  const std::vector<double> before = convolved();
  CHECK(before == convolved());

  const fs::path run = folder.path() / "plans.safetensors";
  export_tuning(run, device);
  const cuda::PlanFile file = cuda::read_plans(run);
  REQUIRE(file.plans.size() == 1);
  const auto kept = cuda::find_plan(cuda::plan_cache_folder(), file.origin, file.plans[0].spec);
  REQUIRE(kept);
  CHECK(kept->engine == file.plans[0].engine);

  CHECK(import_tuning(run, device) == 1);
  CHECK(before == convolved());

  cuda::PlanFile foreign = file;
  foreign.origin.library = "cuDNN 8.0.0";
  cuda::write_plans(run, foreign);
  CHECK(import_tuning(run, device) == 0);
}
